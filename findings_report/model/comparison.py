"""The comparison of two reports: the changes of every finding, and of the code that it cites.

Values only. Made by `compare`; read by renderers and by `archive`. Changes of findings have SARIF's names (new, unchanged,
updated, absent), changes of code have git's (`drift`); the two are never mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, Literal, assert_never

from pydantic import Field

from findings_report.model.drift import Drift, DriftKind
from findings_report.model.engagement import State
from findings_report.model.evidence import Frozen
from findings_report.model.finding import Event, Status
from findings_report.model.report import Component, Report, ReportedEngagement, ReportedFinding
from findings_report.model.translation import Translation

COMPARISON_SCHEMA: Final = "findings-report/comparison/1"
"""Name and version of the comparison's JSON. The number rises when a reader of the old one would be wrong."""


_MOST_NAMED: Final = 8
"""Places of one state that a sentence names; all are in the evidence beside it."""


class Change(StrEnum):
    """Change of a finding since the baseline. Source: SARIF 2.1.0, 3.27.24 baselineState."""

    NEW = "new"
    """In the current report only."""
    UPDATED = "updated"
    """In both reports, with different fields."""
    UNCHANGED = "unchanged"
    """In both reports, with equal fields."""
    ABSENT = "absent"
    """In the baseline only."""


class StatusChange(StrEnum):
    """Effect of a change of status."""

    RESOLVED = "resolved"
    """The finding was not resolved before and is resolved now."""
    REGRESSED = "regressed"
    """The finding was resolved before and is not resolved now."""


class Assessment(StrEnum):
    """Weight of a judgement, most serious first."""

    CONTRADICTION = "contradiction"
    """The claim and the code cannot both be right."""
    REVIEW = "review"
    """A person has to review the claim."""
    CONSISTENT = "consistent"
    """The code agrees with the claim. This is not a proof of the claim."""


class CodeState(StrEnum):
    """State of all the cited code of a finding, taken together."""

    NONE = "none"
    """The finding cites no code."""
    EQUAL = "unchanged"
    """The text of every region is unchanged, possibly at another place."""
    AROUND = "surroundings"
    """Every region is unchanged, and code around one of them has changed."""
    INTACT = "quoted_intact"
    """Every region changed, and every quoted line remains."""
    MODIFIED = "modified"
    """Every region changed or was deleted."""
    DELETED = "deleted"
    """Every region was deleted."""
    UNPLACED = "unplaced"
    """No region could be located."""
    MIXED = "mixed"
    """The regions differ: some changed or could not be located, others are unchanged or have every quoted line."""


PLACE_WORDS: Final[dict[CodeState, str]] = {
    CodeState.EQUAL: "unchanged",
    CodeState.AROUND: "unchanged with changes around",
    CodeState.INTACT: "changed with every quoted line intact",
    CodeState.MODIFIED: "changed",
    CodeState.DELETED: "deleted",
    CodeState.UNPLACED: "not located",
}
"""The text of each state that a single region can have, after a count; in the order of a list of places."""


class Judgement(Frozen):
    """The result of checking a claim against the code. It says where the text is, never whether the weakness remains."""

    weight: Assessment
    """Weight of the judgement."""
    code: str
    """Stable name of the rule: `resolved-unchanged`, `open-modified`, ..."""
    text: str
    """One self-contained sentence."""


class Words(Frozen):
    """A run of words in a text that changed."""

    kind: Literal["same", "gone", "came"]
    """In both reports, in the baseline only, in the current report only."""
    text: str
    """The words. All runs except `came` join to the old text, all except `gone` to the new text."""


class FieldChange(Frozen):
    """A field of a finding that differs between the reports."""

    name: str
    """Name of the field."""
    label: str
    """Label of the field, as printed."""
    before: str | None
    """Old value as text; None if there was none."""
    after: str | None
    """New value as text; None if there is none."""
    words: tuple[Words, ...] = ()
    """For prose, the two texts compared word by word; empty for short values."""


class DeclaredFileChange(Frozen):
    """A table, attachment or picture of the engagement that differs between the reports."""

    kind: Literal["table", "attachment", "picture"]
    """What the report uses the file as."""
    name: str
    """Name of the table or picture in texts, file name of the attachment; of the current side, if it has it."""
    title: str | None
    """Caption of the table, title of the attachment, description of the picture."""
    change: Change
    """new, updated or absent."""
    fields: tuple[FieldChange, ...] = ()
    """What differs of one that both reports have. Of a table, the rows that changed, each on a line below the header."""
    findings: tuple[str, ...] = ()
    """Ids of the compared findings whose texts print it. They list its changes among their own."""


class TrackedRegion(Frozen):
    """One region of the evidence, tracked to the commit of the other side."""

    location: int
    """0-based position of the location in its finding."""
    name: str | None
    """Name of the location; None if the location has none."""
    repository: str
    """Name of the repository."""
    language: str
    """Pygments lexer name by file name; empty when unknown."""
    permalink: str | None
    """Forge URL of the lines at their new place; None if they were not found, or the forge is unknown."""
    drift: Drift
    """Drift of the region."""

    @property
    def state(self) -> CodeState:
        """State of this region alone: never `none` or `mixed`."""
        drift = self.drift
        match drift.kind:
            case DriftKind.AMBIGUOUS | DriftKind.UNVERIFIABLE:
                return CodeState.UNPLACED
            case DriftKind.DELETED:
                return CodeState.DELETED
            case DriftKind.MODIFIED:
                return CodeState.INTACT if drift.quoted_intact else CodeState.MODIFIED
            case DriftKind.UNCHANGED | DriftKind.MOVED | DriftKind.RENAMED | DriftKind.MOVED_FILE | DriftKind.REFORMATTED:
                return CodeState.AROUND if drift.surroundings_changed else CodeState.EQUAL
            case _:
                assert_never(drift.kind)


def count_places(
    evidence: Sequence[TrackedRegion],
    translation: Translation,
    describe: Callable[[Sequence[TrackedRegion]], str] | None = None,
    words: Mapping[CodeState, str] = PLACE_WORDS,
    *,
    is_short: bool = False,
) -> str:
    """Return how many regions are in each state: `1 of 2 cited places unchanged, 1 deleted`; `1 of 2 places` if `is_short`.

    `words` are those of each state, in the order of the list. With `describe`, each count is followed by its first 8 regions
    in parentheses. A region that is cited twice counts once.
    """
    _ = translation.gettext
    places = {(region.repository, region.drift.path, region.drift.region, region.state): region for region in evidence}
    parts: list[str] = []
    for state, word in words.items():
        if regions := [region for region in places.values() if region.state is state]:
            numbers = {"count": len(regions), "total": len(places), "state": _(word)}
            if parts:
                text = _("{count} {state}", **numbers)
            elif is_short:
                text = _("{count} of {total} places {state}", **numbers)
            else:
                text = _("{count} of {total} cited places {state}", **numbers)
            if describe is not None:
                named, others = describe(regions[:_MOST_NAMED]), len(regions) - _MOST_NAMED
                more = _("{places} and {count} more", places=named, count=others) if others > 0 else named
                text += f" ({more})"
            parts.append(text)
    return translation.join(parts)


class FixState(StrEnum):
    """Position in history of a commit that a fix names."""

    BETWEEN = "between"
    """The commit lies between the two commits that are compared."""
    REBASED = "rebased"
    """The commit is not in the history, but a commit between the two sides makes the same change (equal patch id)."""
    BEFORE = "before"
    """The baseline already contains the commit."""
    OUTSIDE = "outside"
    """The commit exists, and the current commit does not contain it."""
    MISSING = "missing"
    """The repository has no such commit."""
    UNVERIFIABLE = "unverifiable"
    """The repository was not available, or its history is too shallow."""


class FixCommit(Frozen):
    """A commit that a finding's `fix` names, looked up in the repository."""

    named: str
    """Name of the commit, as authored."""
    commit: str | None
    """Full hash; None if the commit does not exist."""
    state: FixState
    """Position of the commit in history."""
    came_in_as: str | None = None
    """For `rebased`: full hash of the commit that makes the same change."""
    similar: tuple[str, ...] = ()
    """Full hashes of commits between the two sides that may have the change, at most 3. A hint: for `outside`, they changed
    most of the same lines; for `missing`, their message names the commit, as `git cherry-pick -x` writes it."""
    touched: tuple[TrackedRegion, ...] = ()
    """Cited regions that the commit changed, each with the commit's diff of just the range."""
    has_unplaced: bool = False
    """True if a cited region has no certain place before or after the commit: it may have changed more than `touched`."""

    @property
    def touches(self) -> bool:
        """True if the commit changed cited lines, if only their white space."""
        return bool(self.touched)

    @property
    def changes_text(self) -> bool:
        """True if the commit changed cited lines in more than their white space."""
        return any(region.drift.kind is not DriftKind.REFORMATTED for region in self.touched)

    @property
    def is_between(self) -> bool:
        """True if the change was made between the two commits that are compared, by this commit or by `came_in_as`."""
        return self.state in (FixState.BETWEEN, FixState.REBASED)


MOST_PARTS: Final = 20
"""Findings that a split or merge lists: each of them has the list."""


class LineagePart(Frozen):
    """A finding that is part of a split or merge."""

    id: str
    """Id of the finding on its side."""
    title: str
    """Title of the finding."""
    status: Status
    """Claim of the finding: its status on its side."""


class Lineage(Frozen):
    """A finding of the baseline that became several (split), or several that became one (merged)."""

    baseline: tuple[LineagePart, ...]
    """The findings before, the first 20: one if it was split."""
    current: tuple[LineagePart, ...]
    """The findings now, the first 20: one if several were merged."""
    is_certain: bool
    """True if former ids say so; otherwise the findings are similar."""
    text: str
    """One self-contained sentence with the claims of the parts, and the number of those that are not listed."""

    @property
    def kind(self) -> Literal["split", "merged"]:
        """What happened: `split` or `merged`."""
        return "split" if len(self.baseline) == 1 else "merged"


class ComparedFinding(Frozen):
    """One finding on both sides, complete enough to be rendered alone."""

    id: str
    """Current id; for an absent finding the baseline's."""
    change: Change
    """Change since the baseline."""
    turn: StatusChange | None
    """Resolved or regressed since the baseline; None for neither."""
    baseline: ReportedFinding | None
    """The finding in the baseline; None for a new finding."""
    current: ReportedFinding | None
    """The finding in the current report; None for an absent finding."""
    because: str
    """Criterion that matched the two, as a clause: `id`, `former id A-1`; for a finding without counterpart, a sentence."""
    possible: tuple[str, ...] = ()
    """Ids on the other side that may be the same finding; never merged."""
    lineage: tuple[Lineage, ...] = ()
    """Splits and merges that the finding is part of. Its claim is checked against the code of the whole."""
    fields: tuple[FieldChange, ...] = ()
    """Changed fields, in the order of the finding's fields."""
    evidence: tuple[TrackedRegion, ...] = ()
    """Every cited region: the baseline's, tracked to the current commit; for a new finding its own, tracked back."""
    code: CodeState = CodeState.NONE
    """State of the cited code; for a new finding, at the baseline's commit."""
    judgements: tuple[Judgement, ...] = ()
    """Results of checking the claim against the code, most serious first."""
    fixes: tuple[FixCommit, ...] = ()
    """Commits that `fix` names."""

    @property
    def latest(self) -> ReportedFinding:
        """The current finding, or the baseline's for an absent one."""
        # Never both None: `compare` makes one from at least one side. The check narrows the type.
        found = self.current or self.baseline
        if found is None:
            raise ValueError("a compared finding has at least one side")
        return found

    @property
    def reviewed(self) -> Event | None:
        """The newest entry of the current history if it is not in the baseline: the review since then."""
        newest = self.current.newest if self.current else None
        return None if self.baseline is not None and newest in self.baseline.history else newest

    @property
    def is_continued(self) -> bool:
        """True for a new finding that was split off, and an absent one that was merged, by what former ids say."""
        is_single = self.change in (Change.NEW, Change.ABSENT)
        return is_single and any(lineage.is_certain for lineage in self.lineage)

    @property
    def claim(self) -> Status | Change:
        """Current status; of a finding that was merged, that of the finding it was merged into; else `absent`."""
        if self.current is not None:
            return self.current.status
        heirs = [lineage.current[0].status for lineage in self.lineage if lineage.is_certain and lineage.kind == "merged"]
        return heirs[0] if heirs else Change.ABSENT

    @property
    def is_detailed(self) -> bool:
        """True if the finding needs more than a line of the table: it changed, or needs review."""
        return (
            self.change is not Change.UNCHANGED
            or bool(self.lineage)
            or any(each.weight is not Assessment.CONSISTENT for each in self.judgements)
        )

    def weighs(self, weight: Assessment) -> bool:
        """Return True if the most serious judgement has the weight `weight`."""
        return bool(self.judgements) and self.judgements[0].weight is weight


class ComparisonSide(Frozen):
    """One of the two reports that are compared."""

    source: str
    """Name of the file or revision, as given by the user."""
    title: str
    """Title of the report."""
    version: str | None
    """Version of the report."""
    date: date | None
    """Date on the cover."""
    state: State
    """Status of the report: draft or final."""
    total: int
    """Number of findings."""
    commits: tuple[tuple[str, str | None], ...]
    """(repository, full hash of the commit that was read, None if unknown), in the order of the file."""
    edition: str | None = None
    """Audience that the report was made for; None for a report with everything."""


class ChangeCount(Frozen):
    """Number of findings under a heading of the summary."""

    name: str
    """`resolved`, `regressed`, or the name of a change."""
    total: int
    """Number of all findings under the heading."""
    by_severity: tuple[tuple[str, int], ...]
    """Number of findings by severity, most severe first, zeros included."""

    @property
    def is_status_change(self) -> bool:
        """True for `regressed` and `resolved`, whose findings count under a change as well."""
        return self.name in {turn.value for turn in StatusChange}


class Comparison(Frozen):
    """Two reports compared, in the order of the pages."""

    # In the JSON itself, because files are recognised by content, never by name.
    schema_name: Literal["findings-report/comparison/1"] = COMPARISON_SCHEMA
    """Name and version of this JSON."""
    engagement: ReportedEngagement
    """Engagement of the current report."""
    baseline: ComparisonSide
    """The earlier report."""
    current: ComparisonSide
    """The later report."""
    counts: tuple[ChangeCount, ...]
    """new, updated, unchanged, absent, which add up to the total; then, of these, regressed and resolved. Zeros included."""
    findings: tuple[ComparedFinding, ...]
    """Contradictions first, then regressed, new, other changes, by severity and id."""
    limits: tuple[str, ...]
    """Limits of the comparison with their reasons, one sentence each."""
    components: tuple[Component, ...]
    """Programs that made the comparison, by name."""
    # Left out where there is none, so that earlier versions read the file.
    declared_files: tuple[DeclaredFileChange, ...] = Field(default=(), exclude_if=lambda changes: not changes)
    """Tables, attachments and pictures that differ, in this order, by name."""

    @property
    def detailed(self) -> tuple[ComparedFinding, ...]:
        """The findings that need more than a line of the table."""
        return tuple(finding for finding in self.findings if finding.is_detailed)

    @property
    def reported(self) -> tuple[ComparedFinding, ...]:
        """The findings in the baseline, in the order of the pages."""
        return tuple(finding for finding in self.findings if finding.baseline is not None)

    @property
    def claimed(self) -> tuple[tuple[Status | Change, int], ...]:
        """(current status, number of findings of the baseline), with `absent` for findings that were removed; no zeros."""
        found = [finding.claim for finding in self.reported]
        return tuple((name, found.count(name)) for name in (*Status, Change.ABSENT) if name in found)

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        """Every split and merge once, in the order of the findings."""
        return tuple(dict.fromkeys(lineage for finding in self.findings for lineage in finding.lineage))

    @property
    def contradictions(self) -> tuple[ComparedFinding, ...]:
        """The findings whose claim and code cannot both be right."""
        return tuple(finding for finding in self.findings if finding.weighs(Assessment.CONTRADICTION))

    @property
    def to_review(self) -> tuple[ComparedFinding, ...]:
        """The findings whose claim needs review by a person."""
        return tuple(finding for finding in self.findings if finding.weighs(Assessment.REVIEW))


Document = Report | Comparison
"""A document: rendered, stored as JSON, and embedded in its PDF."""
