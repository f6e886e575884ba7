"""What `build` does: a checked engagement is assembled, rendered and published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring
from findings_report.commands.gates import gates, severity_rank
from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.executors import open_executor
from findings_report.rendering.job import Executor, Job, made
from findings_report.rendering.local_executor import LOCAL
from findings_report.rendering.run import Rendering, Written, begin_rendering, kept, own_files, renderable
from findings_report.report import output_files
from findings_report.report.check import Checked, Inputs, Progress, assembled, check
from findings_report.report.formats import FORMATS, SINGLE_FINDING_FORMATS
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.report import Report, ReportedFinding
    from findings_report.rendering.template_files import Template
    from findings_report.report.provenance import Identified


def placed_characters(checked: Checked, problems: list[Problem], *, system_fonts: bool) -> list[Problem]:
    """The problems, with one for each place of a character that no font has instead of one for all of them."""
    from findings_report.pdf.glyphs import missing_characters

    if all(problem.code != "pdf-characters" for problem in problems):
        return problems  # what stands in a comment or a quote of the files is not printed
    found: list[Problem] = []
    for character, place in checked.authored.places_of(lambda text: missing_characters(text, any_font=system_fonts)):
        found.append(_no_font(character, place=place))
    for key, snippets in (checked.evidence.snippets if checked.evidence else {}).items():
        for snippet in snippets:
            code = "\n".join(line.text for run in snippet.runs for line in run.lines)
            subject = (key, "locations", snippet.index)
            found += (_no_font(character, subject=subject) for character in missing_characters(code, any_font=system_fonts))
    return [problem for problem in problems if not found or problem.code != "pdf-characters"] + found


def _no_font(character: str, *, place: Place | None = None, subject: Subject | None = None) -> Problem:
    fault = f"no font has U+{ord(character):04X}; the PDF shows its code point"
    remedy = "use another character, or --system-fonts where this machine has one"
    return Problem(Kind.OUTPUT, fault, remedy, place=place, subject=subject, level="warning", code="pdf-characters")


DEFAULT_EACH_FORMATS: Final = ("pdf",)
"""What it is when the command line does not say: tickets take PDFs."""


def chosen(report: Report, only: Sequence[str]) -> tuple[ReportedFinding, ...]:
    """The findings of --only, in the report's order; all of them when it was not given. A former id is its finding's too.

    Raises FindingsReportError (USAGE) for an id that there is not.
    """
    known = {finding.id: finding for finding in report.findings}
    wanted = [report.engagement.aliases.get(id, id) for id in only]
    if unknown := [id for id in wanted if id not in known]:
        fault = f"there is no finding {unknown[0]!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], tuple(known)), code="no-finding"))
    return tuple(finding for id, finding in known.items() if not only or id in wanted)


def begin_each(
    report: Report,
    wanted: Sequence[tuple[ReportedFinding, Target]],
    template: Template,
    progress: Progress,
    *,
    system_fonts: bool,
    cache: bool = False,
    executor: Executor = LOCAL,
) -> Rendering:
    """Gives every finding alone to the executor, in the formats wanted of it, as many at once as it likes.

    What comes back waits for the files, in their order, and for what is to be said of them and of the template.
    """
    from findings_report.report.assemble import single_finding_report

    makeable, left_out = renderable([target for _, target in wanted], executor)
    wanted = [(finding, target) for finding, target in wanted if target in makeable]
    entries, unkept = kept() if cache else (None, ())
    problems = [*left_out, *own_files(template), *unkept]
    shares = list(_shares(wanted, executor))
    jobs = (
        Job(
            tuple(single_finding_report(report, finding) for finding, _ in share),
            share[0][1].format,
            template,
            is_alone=True,
            system_fonts=system_fonts,
            entries=entries,
            progress=partial(_tell, progress, share),
        )
        for share in shares
    )
    coming = made(executor, jobs)

    def finished() -> tuple[tuple[Written, ...], list[Problem]]:
        files: dict[Target, Written] = {}
        for share in shares:
            _tell(progress, share, 0)
            done = next(coming)
            for (_, target), file in zip(share, done.files, strict=True):
                problems.extend(file.problems)
                files[target] = Written(target.path, file.content, done.seconds / len(share))
        if entries is not None:
            entries.trim()
        return tuple(files[target] for _, target in wanted), list(dict.fromkeys(problems))

    return finished


def _shares(
    wanted: Sequence[tuple[ReportedFinding, Target]], executor: Executor
) -> Iterator[Sequence[tuple[ReportedFinding, Target]]]:
    """Findings of one format that are made together."""
    for format_ in dict.fromkeys(target.format for _, target in wanted):
        asked = [(finding, target) for finding, target in wanted if target.format == format_]
        size = executor.share(len(asked))
        yield from (asked[start : start + size] for start in range(0, len(asked), size))


def _tell(progress: Progress, share: Sequence[tuple[ReportedFinding, Target]], index: int) -> None:
    finding, target = share[index]
    progress(f"rendering {finding.id} as {target.format}")


def targets(
    findings: Sequence[ReportedFinding], folder: Path, formats: Sequence[str], output: str | None
) -> tuple[tuple[ReportedFinding, Target], ...]:
    """The files of each finding, `findings/ID.pdf` in the folder that -o names; one finding in one format may be that file.

    `folder` is the engagement's. Raises FindingsReportError (USAGE) where -o names a file, and there are several.
    """
    names = formats or DEFAULT_EACH_FORMATS
    output_files.check_formats(names, SINGLE_FINDING_FORMATS)
    if output is not None and not output_files.is_folder(output):
        if len(findings) != 1:
            fault = f"-o {output} is one file, and there are {len(findings)} findings"
            raise FindingsReportError(
                Problem(Kind.USAGE, fault, "name a folder, as in -o out/, or one finding with --only", code="output-path")
            )
        return tuple((findings[0], target) for target in output_files.targets("", folder, names, output, given=bool(formats)))
    base = output_files.own_build(folder, "findings") if output is None else Path(output) / "findings"
    return tuple(
        (finding, Target(name, base / f"{finding.id}.{name}")) for finding in findings for name in dict.fromkeys(names)
    )


# SELF


# SELF


DEFAULT_FORMATS: Final = ("html", "pdf")
"""What is built when neither the command line nor engagement.yaml says."""


@dataclass(frozen=True)
class Wishes:
    """What `build` is to make of it."""

    formats: tuple[str, ...]
    """-f; empty takes the engagement's `outputs`, else DEFAULT_FORMATS."""
    output: str | None
    """-o."""
    template: str | None
    """--template; None takes the engagement's."""
    system_fonts: bool
    """--system-fonts."""
    default_date: date | None
    """The date of a report whose engagement has none."""
    fail_on: str | None
    """--fail-on."""
    strict: bool
    """--strict."""
    cache: bool = False
    """False with --no-cache: pages are laid out anew, and none is kept."""
    each: bool = False
    """--each: a document for each finding instead of the report."""
    only: tuple[str, ...] = ()
    """--only: the ids of the findings that get one; empty for all of them."""
    executor: str = "local"
    """--executor: `local`, `dask://HOST:PORT` or `tls://HOST:PORT`."""


@dataclass(frozen=True)
class Built:
    """What `build` gives."""

    checked: Checked
    """What it was made of."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Warnings, what tripped a gate, and the error that names a format left out because a system library is missing."""


def build(inputs: Inputs, wishes: Wishes, progress: Progress) -> Built:
    """Checks, renders every format, publishes all files or none. Raises FindingsReportError, having written nothing.

    One error does not stop the rest: without the system libraries for PDF the other formats are published.
    """
    with open_executor(wishes.executor, system_fonts=wishes.system_fonts) as executor:
        return begin(inputs, wishes, progress, executor)()


def begin(inputs: Inputs, wishes: Wishes, progress: Progress, executor: Executor = LOCAL) -> Callable[[], Built]:
    """Checks, and gives the executor what is to be rendered; what comes back waits for that and publishes it, as `build`.

    Raises as that does, what can be told before anything is rendered at once.
    """
    from findings_report.system.atomic_files import publish

    output_files.check_formats(
        wishes.formats, SINGLE_FINDING_FORMATS if wishes.each else FORMATS
    )  # a wrong word is told before the work, not after
    checked = check(inputs, progress)
    severity_rank(checked.authored.engagement, wishes.fail_on)
    with _located(checked):
        rendering = _begun(checked, wishes, inputs.borrow, progress, executor)

    def finished() -> Built:
        with _located(checked):
            files, problems = rendering()
            publish({file.path: file.content for file in files if file.path is not None})
        every = tuple(dict.fromkeys([*checked.problems, *authoring.locate(problems, checked.authored)]))
        return Built(checked, files, (*every, *gates(checked, every, wishes.fail_on, strict=wishes.strict)))

    return finished


@contextmanager
def _located(checked: Checked) -> Iterator[None]:
    """An error within is raised with the places of its problems, and with what was found before."""
    try:
        yield
    except FindingsReportError as error:
        raise FindingsReportError([*checked.problems, *authoring.locate(error.problems, checked.authored)]) from None


def _begun(checked: Checked, wishes: Wishes, borrow: tuple[Path, ...], progress: Progress, executor: Executor) -> Rendering:
    from findings_report.rendering.template_files import find_template

    named = wishes.template or checked.authored.engagement.template
    template = find_template(named, checked.folder, given=wishes.template is not None)
    identified = _identified(checked, template, borrow)
    report = assembled(checked, wishes.default_date, identified.commit)
    begun = _separate if wishes.each else _whole
    rendering = begun(report, checked, wishes, template, progress, executor)

    def finished() -> tuple[tuple[Written, ...], list[Problem]]:
        files, problems = rendering()
        problems = placed_characters(checked, problems, system_fonts=wishes.system_fonts)
        return files, [*identified.problems, *problems]

    return finished


def _whole(
    report: Report, checked: Checked, wishes: Wishes, template: Template, progress: Progress, executor: Executor
) -> Rendering:
    """The report in every format."""
    engagement = checked.authored.engagement
    formats = wishes.formats or engagement.outputs or DEFAULT_FORMATS
    stem = output_files.file_stem(engagement.file_name, report.engagement)
    wanted = output_files.targets(stem, checked.folder, formats, wishes.output, given=bool(wishes.formats))
    output_files.refuse_overwriting_inputs(engagement, checked.folder, wanted)
    return begin_rendering(
        report, wanted, template, progress, system_fonts=wishes.system_fonts, cache=wishes.cache, executor=executor
    )


def _separate(
    report: Report, checked: Checked, wishes: Wishes, template: Template, progress: Progress, executor: Executor
) -> Rendering:
    """Every finding in every format."""
    wanted = targets(chosen(report, wishes.only), checked.folder, wishes.formats, wishes.output)
    output_files.refuse_overwriting_inputs(checked.authored.engagement, checked.folder, [target for _, target in wanted])
    return begin_each(
        report, wanted, template, progress, system_fonts=wishes.system_fonts, cache=wishes.cache, executor=executor
    )


def _identified(checked: Checked, template: Template, borrow: tuple[Path, ...]) -> Identified:
    """Where the findings come from. `check` does not ask: it is run before one commits."""
    from findings_report.rendering.template_files import FALLBACK, overrides
    from findings_report.report.provenance import identify

    files = [checked.folder / name for name in checked.authored.files]
    files += [path for path, _ in overrides(template)]
    folders = {checked.folder: authoring.FINDING_SUFFIX}
    folders |= {root / name: "" for root in template.folders[:-1] for name in (template.name, FALLBACK)}
    return identify(checked.authored.engagement.state, files, folders, borrow=borrow)
