"""What `build --each` does: every finding becomes a document of its own, fit to be put on its ticket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.job import Executor, Job, made
from findings_report.rendering.local_executor import LOCAL
from findings_report.rendering.run import Rendering, Written, kept, own_files
from findings_report.report import output_files
from findings_report.report.check import Progress
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.report import Report, ReportedFinding
    from findings_report.rendering.template_files import Template

EACH_FORMATS: Final = ("md", "html", "pdf", "json")
"""What a finding alone can be."""

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
    from findings_report.report.assemble import alone

    entries, unkept = kept() if cache else (None, ())
    problems = [*own_files(template), *unkept]
    shares = list(_shares(wanted, executor))
    jobs = (
        Job(
            tuple(alone(report, finding) for finding, _ in share),
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
    output_files.check_formats(names, EACH_FORMATS)
    if output is not None and not output_files.is_folder(output):
        if len(findings) != 1:
            fault = f"-o {output} is one file, and there are {len(findings)} findings"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "name a folder, as in -o out/, or one finding with --only"))
        return tuple((findings[0], target) for target in output_files.targets("", folder, names, output, given=bool(formats)))
    base = output_files.own_build(folder, "findings") if output is None else Path(output) / "findings"
    return tuple(
        (finding, Target(name, base / f"{finding.id}.{name}")) for finding in findings for name in dict.fromkeys(names)
    )
