"""Two reports and what happened to their code to a Comparison: pairs, changes, checked claims, counts, order.

Every decision about WHAT a comparison contains is made here and in the neighbours, from values to values: no clock, no
environment, no file, no git.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from findings_report.comparison.changed_fields import compare_fields
from findings_report.comparison.claims import combine_drifts, judge_claim
from findings_report.comparison.matching import CitedLines, Matching, Traits, match
from findings_report.model.comparison import (
    Assessment,
    Change,
    ChangeCount,
    ComparedFinding,
    Comparison,
    ComparisonSide,
    FieldChange,
    FixCommit,
    StatusChange,
    TrackedRegion,
)
from findings_report.model.finding import ANSWERED, Status
from findings_report.model.report import Component, Report, ReportedFinding

_CHANGES: Final = (Change.NEW, Change.UPDATED, Change.UNCHANGED, Change.ABSENT)


@dataclass(frozen=True)
class FindingPairs:
    """Which findings of the two sides are the same one."""

    pairs: Mapping[str, tuple[str, str]]
    """Current id -> (baseline id, what they were matched by: `id`, `former id A-1`)."""
    possible: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of either side that have no pair -> ids of the other side that may be the same finding."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """Ids that have no pair -> why not, where there is more to say than that."""


@dataclass(frozen=True)
class FollowedCode:
    """What happened to the cited code, by finding."""

    forward: Mapping[str, tuple[TrackedRegion, ...]]
    """Baseline id -> its evidence, followed to the current commit."""
    back: Mapping[str, tuple[TrackedRegion, ...]]
    """Id of a new finding -> its evidence, followed to the baseline's commit."""
    fixes: Mapping[str, tuple[FixCommit, ...]]
    """Current id -> the commits that its `fix` names, looked up."""
    unread: tuple[Collection[str], Collection[str]] = ((), ())
    """Ids of the baseline, and of the current side, of findings of which a location could not be read there."""
    still: Collection[str] = ()
    """Baseline ids whose code was cited at the very commits of the current side; filled in by `compare`."""


def compare(
    baseline: Report,
    current: Report,
    *,
    sources: tuple[str, str],
    pairing: FindingPairs,
    code: FollowedCode,
    limits: Sequence[str] = (),
    components: Sequence[Component] = (),
) -> Comparison:
    """Return the comparison. `sources` are the two sides as the user named them."""
    before = {finding.id: finding for finding in baseline.findings}
    # By name: repositories of the baseline have the current names by now.
    commits = {repository.name: repository.commit for repository in current.engagement.repositories}
    code = replace(code, still=frozenset(finding.id for finding in baseline.findings if _is_still(finding, commits)))
    compared = [_present(finding, before, pairing, code) for finding in current.findings]
    paired = {old for old, _ in pairing.pairs.values()}
    compared += [_absent(finding, pairing, code) for finding in baseline.findings if finding.id not in paired]
    scale = [severity.name for severity in current.engagement.severities]
    # Stable, so that findings of one group and severity stay in the order of their ids.
    compared.sort(key=lambda compared: _order(compared, scale))
    return Comparison(
        engagement=current.engagement,
        baseline=_side(baseline, sources[0]),
        current=_side(current, sources[1]),
        counts=tuple(_counts(compared, scale)),
        findings=tuple(compared),
        limits=tuple(limits),
        components=tuple(sorted(components, key=lambda component: component.name.casefold())),
    )


def pair_findings(
    baseline: Report, current: Report, followed: Mapping[str, Sequence[TrackedRegion]]
) -> tuple[FindingPairs, tuple[str, ...]]:
    """Return the pairs, and a sentence for each group that was too large to compare.

    `followed` is the evidence of the baseline at the current commit.
    """
    matching = match(
        [_read_traits(finding, _list_followed(finding, followed.get(finding.id, ()))) for finding in baseline.findings],
        [_read_traits(finding, _list_cited(finding)) for finding in current.findings],
    )
    pairs = {pair.current: (pair.baseline, pair.reason) for pair in matching.matches}
    return FindingPairs(pairs, _group_possible(matching), _explain_unpaired(matching)), matching.limits


def _is_still(finding: ReportedFinding, commits: Mapping[str, str | None]) -> bool:
    """Return True when every location is cited at the commit that the current side has: nothing can have changed."""
    cited = [(snippet.commit, commits.get(snippet.repository)) for snippet in finding.snippets]
    return bool(cited) and all(there is not None and there == here for there, here in cited)


def _present(
    finding: ReportedFinding, before: Mapping[str, ReportedFinding], pairing: FindingPairs, code: FollowedCode
) -> ComparedFinding:
    pair = pairing.pairs.get(finding.id)
    if pair is None:
        why = pairing.remarks.get(finding.id, "Not in the baseline.")
        return _describe(Change.NEW, None, finding, why, code, possible=pairing.possible.get(finding.id, ()))
    old, why = before[pair[0]], pair[1]
    is_read = old.id not in code.unread[0] and finding.id not in code.unread[1]
    fields = compare_fields(old, finding, code.forward.get(old.id, ()), is_read=is_read)
    return _describe(Change.UPDATED if fields else Change.UNCHANGED, old, finding, why, code, fields=fields)


def _absent(finding: ReportedFinding, pairing: FindingPairs, code: FollowedCode) -> ComparedFinding:
    why = pairing.remarks.get(finding.id, "Not in the current report.")
    return _describe(Change.ABSENT, finding, None, why, code, possible=pairing.possible.get(finding.id, ()))


def _describe(
    change: Change,
    baseline: ReportedFinding | None,
    current: ReportedFinding | None,
    because: str,
    code: FollowedCode,
    *,
    possible: tuple[str, ...] = (),
    fields: tuple[FieldChange, ...] = (),
) -> ComparedFinding:
    """Return one finding with what happened to its code; at least one side is given."""
    sides = [side for side in (baseline, current) if side is not None]
    # A new finding has no baseline to follow: its own code is followed back, to separate new code from newly reported code.
    followed = code.back if baseline is None else code.forward
    evidence = followed.get(sides[0].id, ())
    fixes = code.fixes.get(current.id, ()) if current is not None else ()
    read = [
        baseline is None or baseline.id not in code.unread[0],
        current is None or current.id not in code.unread[1],
    ]
    # The evidence is that of one side; only a finding without any may have it on the other.
    is_read = read[0 if baseline is not None else 1] if evidence else all(read)
    # Nothing can have changed between equal commits, so a claim about a fix cannot be checked there.
    is_same_code = baseline is not None and current is not None and baseline.id in code.still
    return ComparedFinding(
        # The current id: readers have the current report at their side, and links lead to it.
        id=sides[-1].id,
        change=change,
        turn=_status_change(baseline.status, current.status) if baseline is not None and current is not None else None,
        baseline=baseline,
        current=current,
        because=because,
        possible=possible,
        fields=fields,
        evidence=evidence,
        code=combine_drifts(evidence, is_read=is_read),
        judgements=judge_claim(change, baseline, current, evidence, fixes, is_read=is_read, is_same_code=is_same_code),
        fixes=fixes,
    )


def _status_change(before: Status, after: Status) -> StatusChange | None:
    # From an answer to "resolved" is no change worth a heading: the finding was closed before.
    if before not in ANSWERED and after is Status.RESOLVED:
        return StatusChange.RESOLVED
    if before is Status.RESOLVED and after not in ANSWERED:
        return StatusChange.REGRESSED
    return None


def _order(compared: ComparedFinding, scale: Sequence[str]) -> tuple[int, int]:
    """Return a sort key: contradictions, regressed, new, updated, unchanged, absent; within each group by severity."""
    if compared.weighs(Assessment.CONTRADICTION):
        group = 0
    elif compared.turn is StatusChange.REGRESSED:
        group = 1
    else:
        group = 2 + _CHANGES.index(compared.change)
    name = compared.latest.severity.name
    return group, scale.index(name) if name in scale else len(scale)


def _counts(findings: Sequence[ComparedFinding], scale: Sequence[str]) -> list[ChangeCount]:
    groups = {
        **{change.value: [finding for finding in findings if finding.change is change] for change in _CHANGES},
        StatusChange.REGRESSED.value: [finding for finding in findings if finding.turn is StatusChange.REGRESSED],
        StatusChange.RESOLVED.value: [finding for finding in findings if finding.turn is StatusChange.RESOLVED],
    }
    return [
        ChangeCount(name=name, total=len(group), by_severity=_count_by_severity(group, scale)) for name, group in groups.items()
    ]


def _count_by_severity(findings: Sequence[ComparedFinding], scale: Sequence[str]) -> tuple[tuple[str, int], ...]:
    # The latest severity: readers count what is true now, and an absent finding has its last one.
    names = [compared.latest.severity.name for compared in findings]
    # The baseline may have had another scale: its severities are counted, not dropped.
    every = [*scale, *sorted({name for name in names if name not in scale})]
    return tuple((name, names.count(name)) for name in every)


def _side(report: Report, source: str) -> ComparisonSide:
    engagement = report.engagement
    return ComparisonSide(
        source=source,
        title=engagement.title,
        version=engagement.version,
        date=engagement.date,
        state=engagement.state,
        total=report.total,
        commits=tuple((repository.name, repository.commit) for repository in engagement.repositories),
    )


def _read_traits(finding: ReportedFinding, places: tuple[CitedLines, ...]) -> Traits:
    return Traits(
        id=finding.id,
        title=finding.title,
        # The description only: it is the strongest trait (docs/matching.md), and fixes rewrite the other texts.
        prose=finding.description,
        aliases=finding.aliases,
        cwe=tuple(weakness.id for weakness in finding.cwe),
        category=finding.category,
        places=places,
        texts=tuple(text for snippet in finding.snippets for text in snippet.fingerprints),
        symbols=tuple(dict.fromkeys(snippet.symbol for snippet in finding.snippets if snippet.symbol)),
    )


def _list_cited(finding: ReportedFinding) -> tuple[CitedLines, ...]:
    return tuple(
        CitedLines(snippet.repository, snippet.path, region)
        for snippet in finding.snippets
        for region in (snippet.regions or (None,))
    )


def _list_followed(finding: ReportedFinding, evidence: Sequence[TrackedRegion]) -> tuple[CitedLines, ...]:
    # A location without lines cites the whole file, so its tracked lines are not compared with others.
    whole = {snippet.index for snippet in finding.snippets if not snippet.regions}
    return tuple(
        CitedLines(region.repository, region.drift.now.path, None if region.location in whole else region.drift.now.region)
        for region in evidence
        if region.drift.now is not None
    )


def _group_possible(matching: Matching) -> dict[str, tuple[str, ...]]:
    possible: dict[str, tuple[str, ...]] = {}
    for pair in matching.possible:
        possible[pair.current] = (*possible.get(pair.current, ()), pair.baseline)
        possible[pair.baseline] = (*possible.get(pair.baseline, ()), pair.current)
    return possible


def _explain_unpaired(matching: Matching) -> dict[str, str]:
    """Return why a finding has no counterpart, where there is more to say than that."""
    remarks: dict[str, str] = {}
    for overlap in matching.overlaps:
        pair = overlap.current if overlap.baseline == overlap.current else f"{overlap.baseline}, now {overlap.current}"
        remarks[overlap.id] = f"No counterpart; {pair} cites the same code ({overlap.reason})."
    for reused in matching.reused:
        for id in (reused.baseline, reused.current):
            remarks[id] = f"The id {id} belongs to a different finding on the other side: {reused.reason}."
    return remarks
