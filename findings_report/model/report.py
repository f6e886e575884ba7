"""What a template sees and the report's JSON keeps: everything decided, nothing left to look up.

Values only. Made by `assemble`; read by renderers and by `archive`. Prose is Markdown as authored; how it looks in a format
is the renderer's business. Links between parts are symbolic (`xref:ID`), so each finding can be rendered alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final, Literal

from pydantic import ConfigDict, Field

from findings_report.model.engagement import Author, Period, ReportVersion, SectionPlace, Severity, State
from findings_report.model.evidence import Frozen, Snippet, Verdict
from findings_report.model.field_types import Colour, Identifier, Level
from findings_report.model.finding import (
    Affected,
    Confidence,
    Event,
    FindingProse,
    FixOrNone,
    Rating,
    Reference,
    SeverityReason,
    Status,
)
from findings_report.model.report_tables import Classification, Covered, Matrix, Remediation, Weakness

SCHEMA: Final = "findings-report/report/1"
"""Name and version of the report's JSON. The number rises when a reader of the old one would be wrong."""


class Score(Frozen):
    """One CVSS vector and what it computes to."""

    vector: str
    """As authored, metrics in the standard's order."""
    version: str
    """3.1 or 4.0."""
    score: float
    """0.0 to 10.0: the base score for 3.1 unless temporal or environmental metrics are given; CVSS-B/BT/BE/BTE for 4.0."""
    severity: str
    """The standard's own word: None, Low, Medium, High, Critical."""


class CustomValue(Frozen):
    """The value of one of the engagement's own fields."""

    name: str
    """Its key."""
    label: str
    """How it is printed."""
    value: str
    """The text."""


class Picture(Frozen):
    """A picture, safe to embed: decoded and encoded anew, without metadata."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    name: str
    """What the prose calls it."""
    alt: str
    """What it shows."""
    caption: str | None
    """Default caption."""
    media_type: Literal["image/png", "image/jpeg"]
    """By content."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    content: bytes
    """The file; base64 in JSON."""
    file: str | None = None
    """Its path in the engagement's folder, by which prose may place it too."""


class ReportedRepository(Frozen):
    """A repository as it was audited."""

    name: str
    """Its name in the engagement."""
    url: str | None
    """Where it lives, as authored; credentials removed."""
    revision: str | None
    """As it was agreed."""
    commit: str | None
    """What was read; None when it is neither pinned nor at hand."""
    permalink: str | None
    """Forge URL of the tree at the commit."""
    is_read: bool
    """True when a clone was at hand and quotes were checked against it."""


class ReportedSection(Frozen):
    """A piece of prose beside the findings."""

    key: str
    """Stable anchor: `section-methodology`; `recommendation` and `conclusion` for the engagement's own."""
    title: str
    """Heading."""
    text: str
    """Markdown."""
    place: SectionPlace
    """Before or after the findings."""


class ReportedFacts(Frozen):
    """The fields that a reported finding begins with."""

    id: Identifier
    """Stable id."""
    title: str
    """One line."""
    severity: Severity
    """The word with its colour and meaning."""
    severity_source: Literal["severity", "rating", "cvss"]
    """What the severity was taken from."""
    severity_reason: SeverityReason
    """Why the severity differs from what `rating` or `cvss` gives; Markdown."""
    status: Status
    """What was decided."""
    category: str | None
    """The auditor's words."""
    rating: Rating | None
    """Impact and likelihood."""
    difficulty: Level | None
    """How hard to exploit."""
    scores: tuple[Score, ...]
    """One per CVSS vector."""
    cwe: tuple[Weakness, ...]
    """Weaknesses."""
    tags: tuple[str, ...]
    """Free labels."""
    confidence: Confidence | None
    """How sure."""
    residual_severity: Severity | None
    """What remains after the fix."""
    owner: str | None
    """Who has to act."""
    due: date | None
    """Until when."""
    related: tuple[str, ...]
    """Ids of today; where a former id was written, the one it has become."""
    affected: tuple[Affected, ...]
    """Besides code."""


class ReportedFinding(FindingProse, ReportedFacts):
    """One finding with its evidence, ready to be rendered alone."""

    snippets: tuple[Snippet, ...]
    """The evidence in the order of the locations."""
    placed: tuple[str, ...]
    """Names of the locations that the prose places itself; the others follow the description."""
    fix: FixOrNone
    """What was done."""
    history: tuple[Event, ...]
    """Oldest first."""
    references: tuple[Reference, ...]
    """What to read."""
    tickets: tuple[str, ...]
    """Where it is worked on."""
    aliases: tuple[str, ...]
    """Former ids."""
    found_by: str | None
    """Who found it."""
    audience: tuple[str, ...]
    """Who it is for."""
    extra: tuple[CustomValue, ...]
    """The engagement's own fields."""

    @property
    def newest(self) -> Event | None:
        """The newest entry of the history; of one day the last."""
        return max(enumerate(self.history), key=lambda each: (each[1].date, each[0]), default=(0, None))[1]

    @property
    def decision(self) -> Event | None:
        """What was decided last: the newest entry of the history that says why. That it was reported is none."""
        newest = self.newest
        is_report = len(self.history) == 1 and newest is not None and newest.status is Status.OPEN
        return newest if newest is not None and newest.note and not is_report else None

    @property
    def unplaced(self) -> tuple[Snippet, ...]:
        """The snippets that follow the description."""
        return tuple(snippet for snippet in self.snippets if snippet.name is None or snippet.name not in self.placed)

    @property
    def steps(self) -> tuple[Snippet, ...]:
        """The path through the code: the snippets that have a role, in their order; empty when they are fewer than two."""
        found = tuple(snippet for snippet in self.snippets if snippet.role is not None)
        return found if len(found) > 1 else ()


class FindingsCommit(Frozen):
    """The commit of the repository that the findings are written in."""

    hash: str
    """Full hash of what HEAD named when the report was made."""
    is_changed: bool
    """True when a file that the report was made of is not as it is in that commit: changed, new, or gone."""


class ReportedEngagement(Frozen):
    """What every part of a report may know of the engagement."""

    title: str
    """The report's title."""
    client: str | None
    """Who it was done for."""
    authors: tuple[Author, ...]
    """Who did it."""
    version: str | None
    """The report's version."""
    date: date | None
    """The day on the cover: the engagement's, else SOURCE_DATE_EPOCH's, else None."""
    period: Period | None
    """When the work was done."""
    state: State
    """draft or final."""
    versions: tuple[ReportVersion, ...]
    """Oldest first."""
    distribution: tuple[str, ...]
    """Who receives it."""
    confidentiality: str | None
    """Marking for the foot of every page."""
    language: str
    """BCP 47."""
    accent: Colour
    """The accent colour, `#rrggbb`."""
    severities: tuple[Severity, ...]
    """The scale, worst first."""
    repositories: tuple[ReportedRepository, ...]
    """In the order of the file."""
    images: tuple[Picture, ...]
    """The pictures that the prose may place."""
    logo: Picture | None
    """For the cover."""
    findings_commit: FindingsCommit | None = None
    """What the report was made of; None where the findings are in no repository."""
    aliases: dict[str, str] = Field(default_factory=dict)
    """Former ids of findings, each with the id of today: prose may name either."""

    @property
    def has_control(self) -> bool:
        """True when there is something to say under document control."""
        return bool(self.versions or self.distribution or self.findings_commit)


class SeverityCount(Frozen):
    """How many findings have a severity."""

    severity: Severity
    """The severity."""
    total: int
    """All of them."""
    by_status: tuple[tuple[Status, int], ...]
    """Every status of the glossary, zeros included, in the glossary's order."""


class VerdictCount(Frozen):
    """How many quotes have a verdict."""

    verdict: Verdict
    """The verdict."""
    total: int
    """How many, at least one."""


class ScopeEntry(Frozen):
    """One line of the scope."""

    repository: str | None
    """Which repository; None when it is not said, which is any of them."""
    pattern: str
    """Path or glob as authored."""
    files: int | None = None
    """How many files it names; None when no repository was at hand to look at."""
    lines: int | None = None
    """How many lines these have; None when they were not counted."""
    is_excluding: bool = False
    """True when it takes out what entries above it name."""


class Component(Frozen):
    """A program that took part in making the report."""

    name: str
    """findings-report, git, Pango, ..."""
    version: str
    """As it names itself."""


class Report(Frozen):
    """The whole report, in the order of its pages."""

    schema_name: Literal["findings-report/report/1"] = SCHEMA
    """Name and version of this JSON."""
    engagement: ReportedEngagement
    """What every part may know."""
    summary: str | None
    """The executive summary, Markdown."""
    scope: tuple[ScopeEntry, ...]
    """What the audit covers."""
    counts: tuple[SeverityCount, ...]
    """Every severity of the scale, worst first, zeros included."""
    sections: tuple[ReportedSection, ...]
    """Prose beside the findings; those before the findings first; the engagement's recommendation and conclusion last."""
    findings: tuple[ReportedFinding, ...]
    """Worst severity first, then by id."""
    verdicts: tuple[VerdictCount, ...]
    """Quotes by verdict, in the verdicts' order, none left out."""
    components: tuple[Component, ...]
    """What made it, by name."""
    covered: Covered | None = None
    """The files of the scope; None when no repository of it was at hand."""
    remediation: Remediation | None = None
    """What remains to be done; None when nothing does, or when nobody said by whom, until when or where."""
    classification: Classification | None = None
    """The findings by weakness; None when none of them names one."""
    matrix: Matrix | None = None
    """What impact and likelihood give; None when no finding is rated by them."""

    @property
    def total(self) -> int:
        """How many findings."""
        return len(self.findings)

    @property
    def has_scale(self) -> bool:
        """True when there is something to say of how severity was rated."""
        return self.matrix is not None or any(severity.meaning for severity in self.engagement.severities)

    @property
    def excluded(self) -> tuple[ScopeEntry, ...]:
        """The lines of the scope that take out."""
        return tuple(entry for entry in self.scope if entry.is_excluding)

    def before(self) -> Iterator[ReportedSection]:
        """Sections that stand before the findings."""
        return (section for section in self.sections if section.place is SectionPlace.BEFORE)

    def after(self) -> Iterator[ReportedSection]:
        """Sections that stand after the findings."""
        return (section for section in self.sections if section.place is SectionPlace.AFTER)
