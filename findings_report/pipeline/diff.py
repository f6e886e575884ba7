"""Two reports compared: read, paired, their code followed, claims held against it, and the comparison published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from findings_report.authoring import natural
from findings_report.compare import Code, compare
from findings_report.evidence.clones import open_clones
from findings_report.history.fixes import Fixes, evidence
from findings_report.model.comparison import Change, ComparedFinding, Comparison, Weight
from findings_report.model.finding import ANSWERED
from findings_report.model.report import Report
from findings_report.pipeline.names import agreed
from findings_report.pipeline.pair import paired
from findings_report.pipeline.render import Written, rendered
from findings_report.pipeline.sides import ReadSide, read_side
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.report import output_files
from findings_report.report.check import Inputs, Progress
from findings_report.report.provenance import components

FORMATS: Final = ("md", "html", "pdf", "json")
"""What a comparison is made in."""

STEM: Final = "diff"
"""Its file name."""

GATES: Final = ("new", "updated", "absent", "resolved", "regressed", "review", "contradiction")
"""What `--fail-on` may name, alone or with a severity."""


@dataclass(frozen=True)
class DiffWishes:
    """What `diff` is to make of it."""

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
class Diffed:
    """What `diff` gives."""

    comparison: Comparison
    """The whole of it."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Warnings, and what tripped a gate."""


def diff(baseline: str, current: str | None, inputs: Inputs, wishes: DiffWishes, progress: Progress) -> Diffed:
    """Compares two sides, see `read_side`, and publishes all files or none.

    Raises FindingsReportError, having written nothing.
    """
    from findings_report.system.atomic_files import publish

    output_files.check_formats(wishes.formats, FORMATS)
    gates = [_gate(text) for text in wishes.fail_on]
    progress("reading the baseline")
    before = read_side(baseline, inputs, progress)
    progress("reading the current side")
    after = read_side(current, inputs, progress)
    comparison = compared(before, after, inputs, progress)
    scale = [severity.name for severity in comparison.engagement.severities]
    tripped = _tripped(comparison, gates, scale, exit_code=wishes.exit_code)
    files, problems = _made(comparison, (before, after), wishes, progress)
    publish({file.path: file.content for file in files if file.path is not None})
    return Diffed(comparison, files, (*before.problems, *after.problems, *problems, *tripped))


def compared(before: ReadSide, after: ReadSide, inputs: Inputs, progress: Progress) -> Comparison:
    """The comparison of two sides, their code followed in the clones that they have. Raises FindingsReportError."""
    _check_clones(inputs, (before, after))
    before, renamed = agreed(before, after)
    clones = {name: clone for side in (before, after) for name, clone in side.clones.items() if clone is not None}
    with open_clones(clones, inputs.borrow) as repositories:
        progress("following the code")
        forward = evidence(before.report.findings, after.report, repositories)
        pairing, crowded = paired(before.report, after.report, forward.regions)
        new = [finding for finding in after.report.findings if finding.id not in pairing.pairs]
        back = evidence(new, before.report, repositories)
        progress("looking up fixes")
        fixes = Fixes(repositories, _commits(before.report), _commits(after.report))
        known = {finding.id: finding for finding in before.report.findings}
        old = {id: known[was] for id, (was, _) in pairing.pairs.items()}
        fixed = {finding.id: fixes.of(finding, old.get(finding.id)) for finding in after.report.findings}
    return compare(
        before.report,
        after.report,
        sources=(before.source, after.source),
        pairing=pairing,
        code=Code(forward.regions, back.regions, fixed, unread=before.unread | after.unread),
        limits=list(dict.fromkeys([*renamed, *_unread(before, after), *forward.limits, *back.limits, *fixes.limits, *crowded])),
        components=components(),
    )


def _check_clones(inputs: Inputs, sides: Sequence[ReadSide]) -> None:
    """Raises FindingsReportError (USAGE) for a --repository that neither side knows: each takes those that it does."""
    known = [set(side.clones) for side in sides]
    names = sorted(set().union(*known))
    for name, path in inputs.clones.items():
        if not name and all(len(each) != 1 for each in known):
            fault = f"--repository {str(path)!r} does not say which one it is ({', '.join(names) or 'there is none'})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "write NAME=PATH", code="no-repository"))
        if name and name not in names:
            fault = f"--repository names {name!r}; the two sides have {', '.join(names) or 'no repository'}"
            raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(name, names), code="no-repository"))


def _commits(report: Report) -> dict[str, str | None]:
    return {repository.name: repository.commit for repository in report.engagement.repositories}


def _made(
    comparison: Comparison, sides: tuple[ReadSide, ReadSide], wishes: DiffWishes, progress: Progress
) -> tuple[tuple[Written, ...], list[Problem]]:
    from findings_report.renderers import find_template

    if not wishes.formats and wishes.output is None:
        return (), [] if wishes.template is None else [_no_document()]
    after = sides[1]
    wanted = output_files.targets(STEM, after.folder, wishes.formats or ("html",), wishes.output, given=bool(wishes.formats))
    output_files.check_formats([target.format for target in wanted], FORMATS)
    output_files.spare_read([Path(side.source) for side in sides], wanted)
    name = wishes.template or after.template or "standard"
    template = find_template(name, after.folder, given=wishes.template is not None)
    return rendered(comparison, wanted, template, progress, system_fonts=wishes.system_fonts)


def _no_document() -> Problem:
    fault = "--template is of a document, and none was asked for"
    return Problem(Kind.USAGE, fault, "add `-f pdf`, `-f html` or `-f md`", level="note", code="no-document")


def _unread(before: ReadSide, after: ReadSide) -> Iterator[str]:
    """What of a side could not be read: the code of findings, and findings."""
    for name, side in (("baseline side", before), ("current side", after)):
        if side.unseen:
            yield f"Findings in {_listed(side.unseen)}, submodules of the {name}, were not read."
        if side.unread:
            ids = sorted(side.unread, key=natural)
            yield f"Not all that {_listed(ids)} cite{'' if len(ids) > 1 else 's'} could be read on the {name}."


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:10])}{', …' if len(names) > 10 else ''}"


@dataclass(frozen=True)
class _Gate:
    """One word of --fail-on."""

    text: str
    """As said."""
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


def _tripped(comparison: Comparison, gates: Sequence[_Gate], scale: Sequence[str], *, exit_code: bool) -> list[Problem]:
    """One error of kind GATE for each gate that tripped. Raises FindingsReportError (USAGE) for a severity of no scale."""
    problems: list[Problem] = []
    for gate in gates:
        if gate.severity is not None and gate.severity not in scale:
            fault = f"--fail-on {gate.text!r}: {gate.severity!r} is not in the scale ({', '.join(scale)})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, code="not-in-list"))
        limit = scale.index(gate.severity) if gate.severity is not None else len(scale)
        bad = [each.id for each in comparison.findings if _is(each, gate.name) and _rank(each, scale) <= limit]
        if bad:
            fault = f"--fail-on {gate.text}: {len(bad)} found: {_listed(bad)}"
            problems.append(Problem(Kind.GATE, fault, code="fail-on"))
    changed = sum(1 for each in comparison.findings if each.change is not Change.UNCHANGED)
    if exit_code and changed:
        problems.append(
            Problem(Kind.GATE, f"--exit-code: {changed} finding{'' if changed == 1 else 's'} changed", code="exit-code")
        )
    return problems


def _rank(compared: ComparedFinding, scale: Sequence[str]) -> int:
    name = compared.shown.severity.name
    return scale.index(name) if name in scale else len(scale)


def _is(compared: ComparedFinding, name: str) -> bool:
    if name == "new":
        return compared.change is Change.NEW and compared.shown.status not in ANSWERED
    if name in (Weight.REVIEW.value, Weight.CONTRADICTION.value):
        return compared.weighs(Weight(name))
    return name in (compared.change.value, compared.turn.value if compared.turn else None)
