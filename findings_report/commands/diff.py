"""The command `diff`: two reports are compared, their claims are checked against the code, and the result is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from findings_report.comparison.sides import ReadSide, compare_sides, read_side
from findings_report.model.comparison import Assessment, Change, ComparedFinding, Comparison
from findings_report.model.drift import DriftKind
from findings_report.model.finding import ANSWERED, Status
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import list_names
from findings_report.rendering.job import LOCAL, run_jobs
from findings_report.rendering.run import Written, collect_files, plan_rendering
from findings_report.report import output_files
from findings_report.report.check import Inputs, Progress
from findings_report.report.editions import describe_complete
from findings_report.report.formats import COMPARISON_FORMATS

STEM: Final = "diff"
"""The file name of a comparison, without its suffix."""

GATES: Final = ("new", "updated", "absent", "resolved", "regressed", "review", "contradiction")
"""What `--fail-on` may name, alone or with a severity."""


@dataclass(frozen=True)
class DiffOptions:
    """The options of `diff`."""

    formats: tuple[str, ...]
    """-f; empty writes nothing unless `output` names a file."""
    output: str | None
    """-o."""
    template: str | None
    """--template; None takes the current engagement's, else `standard`."""
    system_fonts: bool
    """--system-fonts."""
    fail_on: tuple[str, ...]
    """--fail-on, split at commas: `new:high`, `regressed`, `contradiction`."""
    exit_code: bool
    """--exit-code: any difference is a gate."""


@dataclass(frozen=True)
class PublishedDiff:
    """A comparison that was published."""

    comparison: Comparison
    """The findings of both sides."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Warnings, and what tripped a gate."""


def diff(baseline: str, current: str | None, inputs: Inputs, options: DiffOptions, progress: Progress) -> PublishedDiff:
    """Compare two sides, see `read_side`, and publish all files or none.

    Raises FindingsReportError, having written nothing.
    """
    from findings_report.system.atomic_files import publish

    # Options first: reading the sides takes seconds.
    output_files.check_formats(options.formats, COMPARISON_FORMATS)
    gates = [_gate(text) for text in options.fail_on]
    progress("reading the baseline")
    before = read_side(baseline, inputs, progress)
    progress("reading the current side")
    after = read_side(current, inputs, progress)
    comparison = compare_sides(before, after, inputs, progress)
    scale = [severity.name for severity in comparison.engagement.severities]
    # Before rendering, because an unknown severity is an error.
    tripped = _find_tripped(comparison, gates, scale, exit_code=options.exit_code)
    files, problems = _render(comparison, (before, after), options, progress)
    # Published even if a gate tripped: the document explains why.
    publish({file.path: file.content for file in files if file.path is not None})
    problems += describe_complete(comparison.engagement) if files else ()
    return PublishedDiff(comparison, files, (*before.problems, *after.problems, *problems, *tripped))


def _render(
    comparison: Comparison, sides: tuple[ReadSide, ReadSide], options: DiffOptions, progress: Progress
) -> tuple[tuple[Written, ...], list[Problem]]:
    from findings_report.rendering.template_files import find_template

    # The table on the terminal is often all that is wanted.
    if not options.formats and options.output is None:
        return (), [] if options.template is None else [_no_document()]
    after = sides[1]
    wanted = output_files.targets(STEM, after.folder, options.formats or ("html",), options.output, given=bool(options.formats))
    output_files.check_formats([target.format for target in wanted], COMPARISON_FORMATS)
    # A side may be the JSON or PDF of a report, which -o must not replace.
    output_files.refuse_overwriting([Path(side.source) for side in sides], wanted)
    # The current side's template: the comparison is delivered with the newer report.
    name = options.template or after.template or "standard"
    template = find_template(name, after.folder, given=options.template is not None)
    documents = [(comparison, target) for target in wanted]
    plan = plan_rendering(documents, template, LOCAL, progress, system_fonts=options.system_fonts)
    return collect_files(plan, run_jobs(plan.jobs, LOCAL))


def _no_document() -> Problem:
    fault = "--template is of a document, and none was asked for"
    return Problem(Kind.USAGE, fault, "add `-f pdf`, `-f html` or `-f md`", level="note", code="no-document")


@dataclass(frozen=True)
class _Gate:
    """One word of --fail-on."""

    text: str
    """The text of the option."""
    name: str
    """One of GATES."""
    severity: str | None
    """At least this bad; None for any."""


def _gate(text: str) -> _Gate:
    name, colon, severity = text.partition(":")
    if name not in GATES or (colon and not severity):
        fault = f"--fail-on {text!r}: {name!r} is not one of {', '.join(GATES)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "write `new:high,regressed,contradiction`", code="not-in-list"))
    return _Gate(text, name, severity or None)


def _find_tripped(comparison: Comparison, gates: Sequence[_Gate], scale: Sequence[str], *, exit_code: bool) -> list[Problem]:
    """One error of kind GATE for each gate that tripped. Raises FindingsReportError (USAGE) for a severity of no scale."""
    problems: list[Problem] = []
    for gate in gates:
        if gate.severity is not None and gate.severity not in scale:
            fault = f"--fail-on {gate.text!r}: {gate.severity!r} is not in the scale ({', '.join(scale)})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, code="not-in-list"))
        # One beyond the last: without a severity every finding counts.
        limit = scale.index(gate.severity) if gate.severity is not None else len(scale)
        bad = [compared.id for compared in comparison.findings if _is(compared, gate.name) and _rank(compared, scale) <= limit]
        if bad:
            fault = f"--fail-on {gate.text}: {len(bad)} found: {list_names(bad)}"
            problems.append(Problem(Kind.GATE, fault, code="fail-on"))
        blind = [compared.id for compared in comparison.findings if _is_blind(compared) and _rank(compared, scale) <= limit]
        # A gate that passes because nothing could be read would be green for the wrong reason.
        if blind and gate.name == Assessment.CONTRADICTION.value:
            fault = f"--fail-on {gate.text} cannot be checked: the code of {list_names(blind)} cannot be read"
            remedy = "add the clone with `--repository NAME=PATH`, or fetch its whole history"
            problems.append(Problem(Kind.GATE, fault, remedy, code="gate-blind"))
    changed = sum(1 for compared in comparison.findings if compared.change is not Change.UNCHANGED)
    files = len(comparison.declared_files)
    if exit_code and (changed or files):
        fault = f"--exit-code: {changed} finding{'' if changed == 1 else 's'} changed"
        if files:
            fault = f"{fault}; {files} of the tables, attachments and pictures changed"
        problems.append(Problem(Kind.GATE, fault, code="exit-code"))
    return problems


def _is_blind(compared: ComparedFinding) -> bool:
    """Return True if the finding is said to be resolved, and none of the code that it cites could be read."""
    resolved = compared.current is not None and compared.current.status in (Status.RESOLVED, Status.PARTIALLY_RESOLVED)
    drifts = [region.drift.kind for region in compared.evidence]
    return resolved and bool(drifts) and set(drifts) == {DriftKind.UNVERIFIABLE}


def _rank(compared: ComparedFinding, scale: Sequence[str]) -> int:
    name = compared.latest.severity.name
    # A finding of the baseline may have a severity that the current scale does not have: it ranks last.
    return scale.index(name) if name in scale else len(scale)


def _is(compared: ComparedFinding, name: str) -> bool:
    if name == "new":
        # A new finding that is resolved or dismissed already needs no action.
        # Nor does a part of a finding that was known.
        return compared.change is Change.NEW and compared.latest.status not in ANSWERED and not compared.is_continued
    if name == Change.ABSENT.value:
        return compared.change is Change.ABSENT and not compared.is_continued
    if name in (Assessment.REVIEW.value, Assessment.CONTRADICTION.value):
        return compared.weighs(Assessment(name))
    return name in (compared.change.value, compared.turn.value if compared.turn else None)
