"""Two reports and what happened to their code to a Comparison: pairs, changes, checked claims, counts, order.

Every decision about WHAT a comparison contains is made here and in the neighbours, from values to values: no clock, no
environment, no file, no git.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from findings_report.authoring import natural
from findings_report.comparison.changed_fields import compare_declared_files, compare_fields, label_declared_file
from findings_report.comparison.claims import combine_drifts, judge_claim
from findings_report.comparison.matching import CitedLines, Family, Matching, Traits, match
from findings_report.model.comparison import (
    MOST_PARTS,
    Assessment,
    Change,
    ChangeCount,
    ComparedFinding,
    Comparison,
    ComparisonSide,
    DeclaredFileChange,
    FieldChange,
    FixCommit,
    Lineage,
    LineagePart,
    StatusChange,
    TrackedRegion,
)
from findings_report.model.evidence import Region
from findings_report.model.finding import ANSWERED, Status
from findings_report.model.report import Component, Report, ReportedFinding
from findings_report.model.translation import Translation

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
    families: tuple[Family, ...] = ()
    """Splits and merges."""

    @cached_property
    def origins(self) -> Mapping[str, str]:
        """Current id -> the baseline id that a former id says it was split from, for those that have no pair."""
        splits = [family for family in self.families if family.is_certain and family.is_split]
        return {id: family.baseline[0] for family in splits for id in family.current if id not in self.pairs}

    @cached_property
    def heirs(self) -> Mapping[str, str]:
        """Baseline id -> the current id that a former id says it was merged into, for those that have no pair."""
        paired = {baseline for baseline, _ in self.pairs.values()}
        merges = [family for family in self.families if family.is_certain and not family.is_split]
        return {id: family.current[0] for family in merges for id in family.baseline if id not in paired}


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
    origins = {id: was for id, (was, _) in pairing.pairs.items()}
    declared = compare_declared_files(baseline, current, origins, current.engagement.translation)
    sides = _Sides(baseline, current, pairing, code, declared)
    compared = [sides.present(finding) for finding in current.findings]
    paired = {old for old, _ in pairing.pairs.values()}
    compared += [sides.absent(finding) for finding in baseline.findings if finding.id not in paired]
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
        declared_files=declared,
    )


def pair_findings(
    baseline: Report, current: Report, followed: Mapping[str, Sequence[TrackedRegion]]
) -> tuple[FindingPairs, tuple[str, ...]]:
    """Return the pairs, and a sentence for each group that was too large to compare.

    `followed` is the evidence of the baseline at the current commit.
    """
    translation = current.engagement.translation
    matching = match(
        [_read_traits(finding, _list_followed(finding, followed.get(finding.id, ()))) for finding in baseline.findings],
        [_read_traits(finding, _list_cited(finding)) for finding in current.findings],
        translation=translation,
    )
    pairs = {pair.current: (pair.baseline, pair.reason) for pair in matching.matches}
    remarks = _explain_unpaired(matching, translation)
    return FindingPairs(pairs, _group_possible(matching), remarks, matching.families), matching.limits


@dataclass(frozen=True)
class _Sides:
    """Both reports, and what is known of their findings and code together."""

    baseline: Report
    current: Report
    pairing: FindingPairs
    code: FollowedCode
    declared: tuple[DeclaredFileChange, ...]

    def present(self, finding: ReportedFinding) -> ComparedFinding:
        """Return a finding of the current side, with its counterpart if it has one."""
        pair = self.pairing.pairs.get(finding.id)
        if pair is not None:
            old = self._before[pair[0]]
            is_read = self._is_read(old, finding)
            evidence = self.code.forward.get(old.id, ())
            fields = (
                *compare_fields(old, finding, evidence, is_read=is_read, translation=self._translation),
                # A reader of the finding sees the tables and pictures in its text, too.
                *(
                    label_declared_file(change, field, self._translation)
                    for change in self.declared
                    if finding.id in change.findings
                    for field in change.fields
                ),
            )
            return self._describe(Change.UPDATED if fields else Change.UNCHANGED, old, finding, pair[1], fields)
        return self._describe(Change.NEW, None, finding, self._explain(finding, "Not in the baseline."))

    def absent(self, finding: ReportedFinding) -> ComparedFinding:
        """Return a finding of the baseline that has no counterpart."""
        return self._describe(Change.ABSENT, finding, None, self._explain(finding, "Not in the current report."))

    def _describe(
        self,
        change: Change,
        baseline: ReportedFinding | None,
        current: ReportedFinding | None,
        because: str,
        fields: tuple[FieldChange, ...] = (),
    ) -> ComparedFinding:
        """Return one finding with what happened to its code; at least one side is given."""
        sides = [side for side in (baseline, current) if side is not None]
        before, after = self._find_counterparts(baseline, current)
        # A new finding has no baseline to follow: its own code is followed back, to separate new code from newly reported code.
        evidence = self.code.back.get(sides[0].id, ()) if before is None else self._follow(before, current)
        # The evidence is that of one side; only a finding without any may have it on the other.
        is_read = self._is_read(before, after if before is None or not evidence else None)
        fixes = self.code.fixes.get(after.id, ()) if after is not None else ()
        return ComparedFinding(
            # The current id: readers have the current report at their side, and links lead to it.
            id=sides[-1].id,
            change=change,
            turn=_status_change(baseline.status, current.status) if baseline is not None and current is not None else None,
            baseline=baseline,
            current=current,
            because=because,
            possible=self.pairing.possible.get(sides[-1].id, ()) if len(sides) == 1 else (),
            lineage=tuple(self._lineages(baseline, current)),
            fields=fields,
            evidence=evidence,
            code=combine_drifts(evidence, is_read=is_read),
            judgements=judge_claim(
                Change.NEW if before is None else Change.ABSENT if after is None else Change.UPDATED,
                before,
                after,
                evidence,
                fixes,
                is_read=is_read,
                # Nothing can have changed between equal commits, so a claim about a fix cannot be checked there.
                is_same_code=before is not None and after is not None and self._is_still(before),
                translation=self._translation,
            ),
            fixes=fixes,
        )

    def _explain(self, finding: ReportedFinding, otherwise: str) -> str:
        """Return why a finding has no counterpart."""
        return self.pairing.remarks.get(finding.id) or self._translation.gettext(otherwise)

    @cached_property
    def _translation(self) -> Translation:
        return self.current.engagement.translation

    def _find_counterparts(
        self, baseline: ReportedFinding | None, current: ReportedFinding | None
    ) -> tuple[ReportedFinding | None, ReportedFinding | None]:
        """Return the finding whose code is followed and the one whose claim is checked.

        Those of the pair; what a finding was split from, and what it was merged into, where it has no pair.
        """
        if baseline is None and current is not None:
            return self._before.get(self.pairing.origins.get(current.id, "")), current
        if current is None and baseline is not None:
            return baseline, self._now.get(self.pairing.heirs.get(baseline.id, ""))
        return baseline, current

    def _follow(self, baseline: ReportedFinding, current: ReportedFinding | None) -> tuple[TrackedRegion, ...]:
        """Return the evidence of `baseline` at the current commit; of one that was split, the places that `current` cites."""
        regions = self.code.forward.get(baseline.id, ())
        shares = self._shares.get(baseline.id, {})
        return (shares.get(current.id) if current is not None else None) or regions

    @cached_property
    def _shares(self) -> Mapping[str, Mapping[str, tuple[TrackedRegion, ...]]]:
        """Baseline id -> current id of each part it was split into -> the places that the part cites.

        A place that no part cites is a place of all of them.
        """
        shares: dict[str, Mapping[str, tuple[TrackedRegion, ...]]] = {}
        for family in self.pairing.families:
            if not (family.is_certain and family.is_split):
                continue
            baseline = self._before[family.baseline[0]]
            commits = {snippet.index: snippet.commit for snippet in baseline.snippets}
            parts: dict[str, list[TrackedRegion]] = {id: [] for id in family.current}
            for region in self.code.forward.get(baseline.id, ()):
                citing = [id for id in parts if _cites(self._now[id], region, commits.get(region.location))]
                for id in citing or parts:
                    parts[id].append(region)
            shares[baseline.id] = {id: tuple(places) for id, places in parts.items()}
        return shares

    def _lineages(self, baseline: ReportedFinding | None, current: ReportedFinding | None) -> Iterator[Lineage]:
        families = [
            *(self._families[True, baseline.id] if baseline is not None else ()),
            *(self._families[False, current.id] if current is not None else ()),
        ]
        for family in dict.fromkeys(families):
            before = [self._before[id] for id in sorted(family.baseline, key=natural)]
            now = [self._now[id] for id in sorted(family.current, key=natural)]
            yield _describe_lineage(before, now, self._translation, is_certain=family.is_certain)

    @cached_property
    def _families(self) -> Mapping[tuple[bool, str], Sequence[Family]]:
        """(is of the baseline, id) -> the splits and merges that the finding is part of."""
        families: defaultdict[tuple[bool, str], list[Family]] = defaultdict(list)
        for family in self.pairing.families:
            for key in (*((True, id) for id in family.baseline), *((False, id) for id in family.current)):
                families[key].append(family)
        return families

    def _is_still(self, finding: ReportedFinding) -> bool:
        """Return True when every location is cited at the commit that the current side has: nothing can have changed."""
        # By name: repositories of the baseline have the current names by now.
        commits = {repository.name: repository.commit for repository in self.current.engagement.repositories}
        cited = [(snippet.commit, commits.get(snippet.repository)) for snippet in finding.snippets]
        return bool(cited) and all(there is not None and there == here for there, here in cited)

    def _is_read(self, baseline: ReportedFinding | None, current: ReportedFinding | None) -> bool:
        """Return False when a location of either could not be read."""
        findings = zip((baseline, current), self.code.unread, strict=True)
        return all(finding is None or finding.id not in unread for finding, unread in findings)

    @cached_property
    def _before(self) -> Mapping[str, ReportedFinding]:
        return {finding.id: finding for finding in self.baseline.findings}

    @cached_property
    def _now(self) -> Mapping[str, ReportedFinding]:
        return {finding.id: finding for finding in self.current.findings}


def _cites(finding: ReportedFinding, region: TrackedRegion, commit: str | None) -> bool:
    """Return True when a finding cites lines of a region: where they are now, or where they were, at the `commit` of then."""
    drift = region.drift
    for snippet in finding.snippets:
        places = [(drift.now.path, drift.now.region)] if drift.now is not None else []
        if snippet.commit is not None and snippet.commit == commit:
            places = [(drift.path, drift.region)]
        for path, lines in places:
            is_there = (snippet.repository, snippet.path) == (region.repository, path)
            if is_there and (not snippet.regions or any(_overlap(lines, cited) for cited in snippet.regions)):
                return True
    return False


def _overlap(one: Region, other: Region) -> bool:
    return one.start_line <= other.end_line and other.start_line <= one.end_line


def _describe_lineage(
    baseline: Sequence[ReportedFinding], current: Sequence[ReportedFinding], translation: Translation, *, is_certain: bool
) -> Lineage:
    """Return a split or merge with its sentence; one of the sides has one finding."""
    _ = translation.gettext
    before, now = (_enumerate(side, translation) for side in (baseline, current))
    if len(baseline) == 1:
        finding = baseline[0].id
        split = _("{finding} was split into {findings}.", finding=finding, findings=now)
        text = split if is_certain else _("{finding} may have been split into {findings}.", finding=finding, findings=now)
    elif is_certain:
        text = _("{findings} were merged into {finding}.", findings=before, finding=now)
    else:
        text = _("{findings} may have been merged into {finding}.", findings=before, finding=now)
    parts = [
        tuple(LineagePart(id=finding.id, title=finding.title, status=finding.status) for finding in side[:MOST_PARTS])
        for side in (baseline, current)
    ]
    return Lineage(baseline=parts[0], current=parts[1], is_certain=is_certain, text=text)


def _enumerate(findings: Sequence[ReportedFinding], translation: Translation) -> str:
    names = [f"{finding.id} ({translation.name(finding.status)})" for finding in findings[:MOST_PARTS]]
    if len(findings) > MOST_PARTS:
        names.append(translation.gettext("{count} more", count=len(findings) - MOST_PARTS))
    first = translation.join(names[:-1])
    return translation.gettext("{first} and {last}", first=first, last=names[-1]) if len(names) > 1 else names[0]


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
        edition=engagement.edition,
    )


def _read_traits(finding: ReportedFinding, places: tuple[CitedLines, ...]) -> Traits:
    return Traits(
        id=finding.id,
        title=finding.title,
        # The description only: it is the strongest trait (docs/matching.md), and fixes rewrite the other texts.
        prose=finding.description,
        aliases=finding.aliases,
        fingerprints=tuple((own.name, own.value) for own in finding.tool_fingerprints if not own.partial),
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


def _explain_unpaired(matching: Matching, translation: Translation) -> dict[str, str]:
    """Return why a finding has no counterpart, where there is more to say than that."""
    _ = translation.gettext
    remarks: dict[str, str] = {}
    for overlap in matching.overlaps:
        if overlap.is_named:
            if overlap.is_baseline:
                remarks[overlap.id] = _("Merged into {finding} ({reason}).", finding=overlap.current, reason=overlap.reason)
            else:
                remarks[overlap.id] = _("Split from {finding} ({reason}).", finding=overlap.baseline, reason=overlap.reason)
            continue
        pair = overlap.current
        if overlap.baseline != overlap.current:
            pair = _("{baseline}, now {current}", baseline=overlap.baseline, current=overlap.current)
        remarks[overlap.id] = _(
            "No counterpart; {finding} cites the same code ({reason}).", finding=pair, reason=overlap.reason
        )
    for reused in matching.reused:
        for id in (reused.baseline, reused.current):
            different = _(
                "The id {id} belongs to a different finding on the other side: {reason}.", id=id, reason=reused.reason
            )
            remarks[id] = different
    return remarks
