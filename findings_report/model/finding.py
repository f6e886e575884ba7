"""What people write about one weakness: `ID.finding.yaml`.

Values only; nothing here reads a file or a repository. The docstrings of the fields are the reference in docs/, the JSON
Schema and an editor's hover at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StringConstraints

from findings_report.model.evidence import Frozen
from findings_report.model.field_types import (
    CommitHash,
    Cwe,
    Date,
    Filled,
    Identifier,
    Level,
    LineNotes,
    Markdown,
    Name,
    QuotedCode,
    Regions,
    RepositoryPath,
    SourceText,
    Text,
    TicketRef,
    Url,
    one_or_many,
)
from findings_report.model.passages import HasPassages, Position, PrintedAs


class Status(StrEnum):
    """What was decided about a finding."""

    OPEN = "open"
    """Reported, not answered yet."""
    PARTIALLY_RESOLVED = "partially_resolved"
    """Some of the weakness is gone."""
    RESOLVED = "resolved"
    """The weakness is gone."""
    RISK_ACCEPTED = "risk_accepted"
    """The owner knows it and lives with it."""
    FALSE_POSITIVE = "false_positive"
    """It turned out to be no weakness."""
    UNDETERMINED = "undetermined"
    """Not known whether it is a weakness."""


ANSWERED: Final = frozenset({Status.RESOLVED, Status.FALSE_POSITIVE})
"""Statuses under which nothing remains to be done."""


class Confidence(StrEnum):
    """How sure the auditor is that the finding is real."""

    CONFIRMED = "confirmed"
    """Shown to work."""
    LIKELY = "likely"
    """The code says so; not shown to work."""
    UNCONFIRMED = "unconfirmed"
    """A suspicion worth looking into."""


def _reference(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class Rating(Frozen):
    """The two inputs of the matrix."""

    impact: Level
    """How bad it is when it happens."""
    likelihood: Level
    """How likely it happens."""


class Affected(Frozen):
    """Something affected that is not code: a URL, a host, a contract, a configuration."""

    kind: Name
    """url, host, contract, configuration, ..."""
    name: Filled
    """The thing itself."""
    note: Text | None = None
    """What is to be known about it."""


class Recommendation(Frozen):
    """What we advise, now and later."""

    short_term: Markdown
    """What to do now."""
    long_term: Markdown | None = None
    """What keeps it from coming back."""


def _recommendation(value: object) -> object:
    return {"short_term": value} if isinstance(value, str) else value


class Location(Frozen):
    """The evidence: lines of a repository."""

    name: Name | None = None
    """What the prose calls it, as in `![caption](location:NAME)`."""
    role: Filled | None = None
    """source, sink, ...: its part in a path through the code."""
    repository: Name | None = None
    """Which repository; may be left out when there is one."""
    path: RepositoryPath
    """The file, as `git ls-files` prints it."""
    lines: Regions = ()
    """The cited lines: `121`, `111-129`, or a list of those; left out, the whole file is cited."""
    symbol: Filled | None = None
    """The function or class that encloses them; checked."""
    show: Regions = ()
    """The lines printed, within `lines`; the rest is elided. Default: the quoted lines, else all."""
    highlight: Regions = ()
    """Lines to mark, within `show`."""
    notes: LineNotes = Field(default_factory=dict)
    """Remarks on single lines, within `show`."""
    caption: Text | None = None
    """PrintedAs with the snippet."""
    commit: CommitHash | None = None
    """Only where it differs from the repository's."""
    quote: QuotedCode | None = None
    """The code as the author copied it, in whatever shape; it is checked, never printed as the repository's."""


class Fix(Frozen):
    """The client's change that answers the finding."""

    commits: tuple[SourceText, ...] = ()
    """Commits of the fix."""
    pull_requests: tuple[Url, ...] = ()
    """Pull requests of the fix."""
    note: Markdown | None = None
    """What the fix does, or where it is."""


class Event(Frozen):
    """One step in the life of a finding."""

    date: Date
    """When."""
    status: Status
    """The status from then on."""
    by: Filled | None = None
    """Who decided."""
    commit: SourceText | None = None
    """At which commit it was looked at."""
    note: Text | None = None
    """Why; that of the newest entry is printed under "Decision". `` `code` `` in backticks is printed as code."""


class Reference(Frozen):
    """Something to read."""

    url: Url
    """Where."""
    title: Filled | None = None
    """What it is called."""


Cvss = Annotated[str, StringConstraints(strict=True, max_length=300)]
"""A CVSS vector, 3.1 or 4.0; the score is computed."""


SeverityReason = Annotated[Markdown | None, PrintedAs("Why this severity", Position.SEVERITY)]
"""The text about the severity: it stands with the severity in the file, and therefore not among `FindingProse`."""

FixOrNone = Annotated[Fix | None, PrintedAs(position=Position.FIX)]
"""The fix, whose note is a text of the finding."""


class FindingFacts(Frozen):
    """The fields of a finding that its YAML file begins with: what it is called and how it is rated."""

    title: Filled
    """What is wrong, in one line; `` `code` `` in backticks is printed as code."""
    category: Filled | None = None
    """The kind of weakness, in the auditor's words."""
    severity: Name | None = None
    """A word of the engagement's scale; computed from `rating` or `cvss` when left out."""
    severity_reason: SeverityReason = None
    """Why the severity differs from what `rating` or `cvss` gives."""
    rating: Rating | None = None
    """Impact and likelihood."""
    difficulty: Level | None = None
    """How hard it is to exploit."""
    cvss: Annotated[tuple[Cvss, ...], BeforeValidator(one_or_many, json_schema_input_type=Cvss | tuple[Cvss, ...])] = ()
    """CVSS vector, or a list of them."""
    cwe: Annotated[tuple[Cwe, ...], BeforeValidator(one_or_many, json_schema_input_type=Cwe | tuple[Cwe, ...])] = ()
    """Weakness ids."""
    tags: tuple[Name, ...] = ()
    """Free labels."""
    confidence: Confidence | None = None
    """How sure the auditor is."""
    residual_severity: Name | None = None
    """What remains after the fix, in the engagement's scale."""
    owner: Filled | None = None
    """Who has to act."""
    due: Date | None = None
    """Until when."""
    related: tuple[Identifier, ...] = ()
    """Ids of findings to be read with this one, or former ids of theirs; the report prints the ids of today."""
    affected: tuple[Affected, ...] = ()
    """What is affected besides code."""
    status: Status = Status.OPEN
    """What was decided."""


class FindingProse(HasPassages):
    """The texts of a finding, authored and reported: a Markdown field that is declared here is proofread, printed and compared.

    In the order of printing within a position; `PrintedAs` gives a heading or a position other than the defaults.
    """

    summary: Annotated[Markdown | None, PrintedAs(position=Position.LEAD)] = None
    """The finding in two sentences."""
    description: Annotated[Markdown, PrintedAs(position=Position.BEFORE_CODE)]
    """What is wrong."""
    impact: Markdown | None = None
    """What it leads to."""
    scenario: Annotated[Markdown | None, PrintedAs("Exploit scenario")] = None
    """How it is exploited."""
    proof: Annotated[Markdown | None, PrintedAs("Proof of concept")] = None
    """The proof of concept."""
    recommendation: Annotated[
        Annotated[Recommendation, BeforeValidator(_recommendation, json_schema_input_type=Markdown | Recommendation)] | None,
        PrintedAs(position=Position.ADVICE),
    ] = None
    """What we advise: a text, or `short_term` and `long_term`."""
    response: Annotated[Markdown | None, PrintedAs(position=Position.ANSWER)] = None
    """What the client answers. What was decided on it, and why, is the newest entry of `history`."""


class Finding(FindingProse, FindingFacts):
    """One reported weakness, as its YAML file says it. Its id is the file's name."""

    locations: tuple[Location, ...] = ()
    """The evidence."""
    fix: FixOrNone = None
    """What was done about it."""
    history: tuple[Event, ...] = ()
    """Its life so far, oldest first."""
    references: tuple[Annotated[Reference, BeforeValidator(_reference, json_schema_input_type=Url | Reference)], ...] = ()
    """What to read: addresses, or `url` and `title`."""
    tickets: tuple[TicketRef, ...] = ()
    """Where it is being worked on."""
    aliases: tuple[Identifier, ...] = ()
    """Former ids."""
    found_by: Filled | None = None
    """Who found it."""
    audience: tuple[Name, ...] = ()
    """Who it is for; empty is everybody."""
    extra: dict[Name, Text] = Field(default_factory=dict)
    """Values of the engagement's custom fields."""
