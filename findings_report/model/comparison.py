"""Two reports held against each other: what became of every finding, and of the code that it cites.

Values only. Made by `compare`; read by renderers and by `archive`. Findings move in SARIF's words (new, unchanged, updated,
absent), code moves in git's (`drift`); the two never mix.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final, Literal

from findings_report.model.drift import Drift
from findings_report.model.engagement import State
from findings_report.model.evidence import Frozen
from findings_report.model.finding import Event, Status
from findings_report.model.report import Component, Report, ReportedEngagement, ReportedFinding

COMPARISON_SCHEMA: Final = "findings-report/comparison/1"
"""Name and version of the comparison's JSON. The number rises when a reader of the old one would be wrong."""


class Change(StrEnum):
    """A finding against the baseline. Source: SARIF 2.1.0, 3.27.24 baselineState."""

    NEW = "new"
    """In the current report only."""
    UPDATED = "updated"
    """In both, and something that was said of it differs."""
    UNCHANGED = "unchanged"
    """In both, and everything that was said of it is the same."""
    ABSENT = "absent"
    """In the baseline only."""


class StatusChange(StrEnum):
    """What a change of status comes to."""

    RESOLVED = "resolved"
    """It was not resolved, now it is."""
    REGRESSED = "regressed"
    """It was resolved, now it is not."""


class Assessment(StrEnum):
    """How a judgement asks to be read, the gravest first."""

    CONTRADICTION = "contradiction"
    """The claim and the code cannot both be right."""
    REVIEW = "review"
    """A person has to look before the claim can stand."""
    CONSISTENT = "consistent"
    """The code agrees with the claim; that proves nothing more."""


class CodeState(StrEnum):
    """What became of all the cited code of a finding, taken together."""

    NONE = "none"
    """The finding cites no code."""
    EQUAL = "unchanged"
    """Every region stands with its text unchanged, wherever."""
    AROUND = "surroundings"
    """Every region is unchanged, and code around one of them is not."""
    INTACT = "quoted_intact"
    """Some region changed, and every quoted line stands."""
    MODIFIED = "modified"
    """Some region changed or is gone."""
    DELETED = "deleted"
    """Every region is gone."""
    UNPLACED = "unplaced"
    """Some region cannot be placed, and no other one changed."""


CITED_WORDS: Final[dict[CodeState, str]] = {
    CodeState.NONE: "no code cited",
    CodeState.EQUAL: "cited code unchanged",
    CodeState.AROUND: "cited code unchanged, surrounding code changed",
    CodeState.INTACT: "cited code modified, every quoted line intact",
    CodeState.MODIFIED: "cited code modified",
    CodeState.DELETED: "cited code deleted",
    CodeState.UNPLACED: "cited code could not be located",
}
"""What each says to a reader."""


class Judgement(Frozen):
    """A claim held against the code, in words that say where the text is and never what that means."""

    weight: Assessment
    """How it asks to be read."""
    code: str
    """Stable name of the rule: `resolved-unchanged`, `open-modified`, ..."""
    text: str
    """One sentence that stands alone."""


class Words(Frozen):
    """A run of words in a text that changed."""

    kind: Literal["same", "gone", "came"]
    """In both, in the baseline only, in the current only."""
    text: str
    """The words. Joined without those that came they are the old text, without those gone the new one."""


class FieldChange(Frozen):
    """A field of a finding that differs."""

    name: str
    """The field's name."""
    label: str
    """How it is printed."""
    before: str | None
    """The old value as text; None when it had none."""
    after: str | None
    """The new value as text; None when it has none."""
    words: tuple[Words, ...] = ()
    """For prose: the two texts word by word; empty for short values."""


class TrackedRegion(Frozen):
    """One region of the evidence, followed to the other side's commit."""

    location: int
    """0-based position of the location in its finding."""
    name: str | None
    """The location's name."""
    repository: str
    """Name of the repository."""
    language: str
    """Pygments lexer name by file name; empty when unknown."""
    permalink: str | None
    """Forge URL of the lines where they are now; None when they are nowhere, or the forge is not known."""
    drift: Drift
    """Where it is."""


class FixState(StrEnum):
    """What git says of a commit that a fix names."""

    BETWEEN = "between"
    """It came between the two commits that are compared."""
    BEFORE = "before"
    """The baseline has it already."""
    OUTSIDE = "outside"
    """It exists, and the current commit does not have it."""
    MISSING = "missing"
    """The repository has no such commit."""
    UNVERIFIABLE = "unverifiable"
    """No repository was at hand, or history ends before it can be told."""


class FixCommit(Frozen):
    """A commit that a finding's `fix` names, looked up."""

    named: str
    """As authored."""
    commit: str | None
    """Full hash; None when there is none."""
    state: FixState
    """What git says of it."""
    touched: tuple[TrackedRegion, ...] = ()
    """The cited regions that it changed, each with that commit's own diff of just the range."""

    @property
    def touches(self) -> bool:
        """True when it changed cited lines."""
        return bool(self.touched)


class ComparedFinding(Frozen):
    """One finding on both sides, ready to be rendered alone."""

    id: str
    """The current id; the baseline's for an absent finding."""
    change: Change
    """Against the baseline."""
    turn: StatusChange | None
    """Resolved or regressed since; None for neither."""
    baseline: ReportedFinding | None
    """As it was; None for a new one."""
    current: ReportedFinding | None
    """As it is; None for an absent one."""
    because: str
    """What the two were matched by, as a clause: `id`, `former id A-1`; for a finding without counterpart a sentence."""
    possible: tuple[str, ...] = ()
    """Ids on the other side that may be the same finding; never merged."""
    fields: tuple[FieldChange, ...] = ()
    """What differs, in the order of the finding's fields."""
    evidence: tuple[TrackedRegion, ...] = ()
    """Every cited region: the baseline's followed to the current commit; for a new finding its own, followed back."""
    code: CodeState = CodeState.NONE
    """What became of that code, taken together; for a new finding, going back."""
    judgements: tuple[Judgement, ...] = ()
    """The claim held against the code, the gravest first."""
    fixes: tuple[FixCommit, ...] = ()
    """What became of the commits that `fix` names."""

    @property
    def latest(self) -> ReportedFinding:
        """The current finding, else the baseline's."""
        found = self.current or self.baseline
        if found is None:
            raise ValueError("a compared finding has at least one side")
        return found

    @property
    def reviewed(self) -> Event | None:
        """The newest entry of the current history, when the baseline does not have it: what a reviewer said since."""
        newest = self.current.newest if self.current else None
        return None if self.baseline is not None and newest in self.baseline.history else newest

    @property
    def is_detailed(self) -> bool:
        """True when there is more to say than a line of the table: it changed, or somebody has to look."""
        return self.change is not Change.UNCHANGED or any(each.weight is not Assessment.CONSISTENT for each in self.judgements)

    def weighs(self, weight: Assessment) -> bool:
        """True when its gravest judgement is of that weight."""
        return bool(self.judgements) and self.judgements[0].weight is weight


class ComparisonSide(Frozen):
    """One of the two reports that are compared."""

    source: str
    """As the user named it."""
    title: str
    """The report's title."""
    version: str | None
    """The report's version."""
    date: date | None
    """The day on its cover."""
    state: State
    """draft or final."""
    total: int
    """How many findings."""
    commits: tuple[tuple[str, str | None], ...]
    """(repository, full hash of the commit that was read, None when not known), in the order of the file."""


class ChangeCount(Frozen):
    """How many findings a heading of the summary holds."""

    name: str
    """`resolved`, `regressed`, or a change's name."""
    total: int
    """All of them."""
    by_severity: tuple[tuple[str, int], ...]
    """Every severity of the scale, worst first, zeros included."""

    @property
    def is_status_change(self) -> bool:
        """True for `regressed` and `resolved`, whose findings count under a change as well."""
        return self.name in {turn.value for turn in StatusChange}


class Comparison(Frozen):
    """Two reports compared, in the order of the pages."""

    schema_name: Literal["findings-report/comparison/1"] = COMPARISON_SCHEMA
    """Name and version of this JSON."""
    engagement: ReportedEngagement
    """The current report's: what every part may know."""
    baseline: ComparisonSide
    """The earlier side."""
    current: ComparisonSide
    """The later side."""
    counts: tuple[ChangeCount, ...]
    """new, updated, unchanged, absent, which add up to all of them; then, of these, regressed and resolved. Zeros included."""
    findings: tuple[ComparedFinding, ...]
    """Contradictions first, then regressed, new, other changes, by severity and id."""
    limits: tuple[str, ...]
    """What could not be compared and why, one sentence each."""
    components: tuple[Component, ...]
    """What made it, by name."""

    @property
    def detailed(self) -> tuple[ComparedFinding, ...]:
        """The findings of which there is more to say than a line of the table."""
        return tuple(finding for finding in self.findings if finding.is_detailed)

    @property
    def reported(self) -> tuple[ComparedFinding, ...]:
        """The findings that the baseline has, in the order of the pages."""
        return tuple(finding for finding in self.findings if finding.baseline is not None)

    @property
    def claimed(self) -> tuple[tuple[str, int], ...]:
        """(status, how many of the baseline's findings have it now), `absent` for those that are gone; no zeros."""
        found = [finding.current.status.value if finding.current else Change.ABSENT.value for finding in self.reported]
        return tuple((name, found.count(name)) for name in (*Status, Change.ABSENT.value) if name in found)

    @property
    def contradictions(self) -> tuple[ComparedFinding, ...]:
        """The findings whose claim and code cannot both be right."""
        return tuple(finding for finding in self.findings if finding.weighs(Assessment.CONTRADICTION))

    @property
    def to_review(self) -> tuple[ComparedFinding, ...]:
        """The findings that a person has to look at before their claim can stand."""
        return tuple(finding for finding in self.findings if finding.weighs(Assessment.REVIEW))


Document = Report | Comparison
"""What is rendered, kept as JSON, and carried by its PDF."""
