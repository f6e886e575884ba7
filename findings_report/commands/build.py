"""What `build` does: a checked engagement is assembled, rendered and published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring
from findings_report.commands.gates import gates, severity_rank
from findings_report.pipeline import each
from findings_report.pipeline.characters import placed_characters
from findings_report.problems import FindingsReportError, Problem
from findings_report.rendering.job import Executor
from findings_report.rendering.local_executor import LOCAL
from findings_report.rendering.run import Rendering, Written, begin_rendering
from findings_report.report import output_files
from findings_report.report.check import Checked, Inputs, Progress, assembled, check

if TYPE_CHECKING:
    from findings_report.model.report import Report
    from findings_report.rendering.template_files import Template
    from findings_report.report.provenance import Identified

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


@dataclass(frozen=True)
class Built:
    """What `build` gives."""

    checked: Checked
    """What it was made of."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Warnings, and what tripped a gate."""


def build(inputs: Inputs, wishes: Wishes, progress: Progress, executor: Executor = LOCAL) -> Built:
    """Checks, renders every format, publishes all files or none. Raises FindingsReportError, having written nothing."""
    return begin(inputs, wishes, progress, executor)()


def begin(inputs: Inputs, wishes: Wishes, progress: Progress, executor: Executor = LOCAL) -> Callable[[], Built]:
    """Checks, and gives the executor what is to be rendered; what comes back waits for that and publishes it, as `build`.

    Raises as that does, what can be told before anything is rendered at once.
    """
    from findings_report.system.atomic_files import publish

    output_files.check_formats(
        wishes.formats, each.EACH_FORMATS if wishes.each else output_files.FORMATS
    )  # a wrong word is told before the work, not after
    checked = check(inputs, progress)
    severity_rank(checked.authored.engagement, wishes.fail_on)
    with _located(checked):
        rendering = _begun(checked, wishes, inputs.borrow, progress, executor)

    def finished() -> Built:
        with _located(checked):
            files, problems = rendering()
            publish({file.path: file.content for file in files if file.path is not None})
        every = tuple(dict.fromkeys([*checked.problems, *(checked.authored.located(problem) for problem in problems)]))
        return Built(checked, files, (*every, *gates(checked, every, wishes.fail_on, strict=wishes.strict)))

    return finished


@contextmanager
def _located(checked: Checked) -> Iterator[None]:
    """An error within is raised with the places of its problems, and with what was found before."""
    try:
        yield
    except FindingsReportError as error:
        located = [checked.authored.located(problem) for problem in error.problems]
        raise FindingsReportError([*checked.problems, *located]) from None


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
    output_files.spare(engagement, checked.folder, wanted)
    return begin_rendering(
        report, wanted, template, progress, system_fonts=wishes.system_fonts, cache=wishes.cache, executor=executor
    )


def _separate(
    report: Report, checked: Checked, wishes: Wishes, template: Template, progress: Progress, executor: Executor
) -> Rendering:
    """Every finding in every format."""
    wanted = each.targets(each.chosen(report, wishes.only), checked.folder, wishes.formats, wishes.output)
    output_files.spare(checked.authored.engagement, checked.folder, [target for _, target in wanted])
    return each.begin_each(
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
