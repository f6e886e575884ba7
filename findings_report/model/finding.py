"""The model of `ID.finding.yaml`: one weakness, its evidence and its status.

Values only; nothing here reads a file or a repository. The docstrings of the fields are also the reference in docs/, the
descriptions in the JSON Schema and the hover texts of editors.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StringConstraints

from findings_report.model.evidence import Frozen
from findings_report.model.field_types import (
    Audience,
    CommitHash,
    Cwe,
    Date,
    Filled,
    Identifier,
    Level,
    LineNotes,
    Markdown,
    MarkdownForSome,
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
from findings_report.model.redaction import NoSecretCode, NoSecretText, Redaction, TextRedaction


class Status(StrEnum):
    """Status of a finding."""

    OPEN = "open"
    """Reported, not answered yet."""
    ACKNOWLEDGED = "acknowledged"
    """The client knows of the finding and has not decided anything; counts as `open` in gates and claims."""
    PARTIALLY_RESOLVED = "partially_resolved"
    """The weakness is fixed in part."""
    RESOLVED = "resolved"
    """The weakness is fixed."""
    RISK_ACCEPTED = "risk_accepted"
    """The owner accepts the risk."""
    FALSE_POSITIVE = "false_positive"
    """The finding turned out not to be a weakness."""
    UNDETERMINED = "undetermined"
    """It is not known whether the finding is a weakness."""

    def printed(self, words: Mapping[Status, str]) -> str:
        """Return the status for a reader: what the engagement's `status_words` have for it, or `partially resolved`."""
        return words.get(self, self.value.replace("_", " "))


ANSWERED: Final = frozenset({Status.RESOLVED, Status.FALSE_POSITIVE})
"""Statuses under which nothing remains to be done."""


class Confidence(StrEnum):
    """Confidence of the auditor that the finding is real."""

    CONFIRMED = "confirmed"
    """Demonstrated."""
    LIKELY = "likely"
    """Evident from the code, not demonstrated."""
    UNCONFIRMED = "unconfirmed"
    """A suspicion that is worth investigating."""


# A plain URL is the common case; validating it as a `Reference` gives every reader of the model one shape.
def _reference(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class Rating(Frozen):
    """Position of a finding in the risk matrix."""

    impact: Level
    """Impact of an exploit."""
    likelihood: Level
    """Likelihood of an exploit."""


class Affected(Frozen):
    """An affected item other than code: a URL, a host, a contract, a configuration."""

    kind: Name
    """Kind of the item: url, host, contract, configuration, ..."""
    name: Filled
    """The URL, host name or other name of the item."""
    note: Text | None = None
    """Remark about the item."""


class Recommendation(Frozen):
    """Advice for now and for later."""

    short_term: Markdown
    """Immediate measures."""
    long_term: Markdown | None = None
    """Measures against similar weaknesses in the future."""


def _recommendation(value: object) -> object:
    return {"short_term": value} if isinstance(value, str) else value


class Location(Frozen):
    """Evidence: lines of a file in a repository."""

    name: Name | None = None
    """Name of the location in texts, as in `![caption](location:NAME)`."""
    role: Filled | None = None
    """Role of the location in a path through the code: source, sink, ..."""
    repository: Name | None = None
    """Name of the repository; optional if the engagement has only one."""
    path: RepositoryPath
    """Path of the file, as printed by `git ls-files`."""
    lines: Regions = ()
    """Cited lines: `121`, `111-129`, or a list of either. Default: the whole file, of which no line is printed."""
    symbol: Filled | None = None
    """Name of the function or class that encloses the lines; checked against the code."""
    show: Regions = ()
    """Printed lines, within `lines`; the others are elided. Default: the quoted lines, or all without a quote."""
    highlight: Regions = ()
    """Highlighted lines, within `show`."""
    notes: LineNotes = Field(default_factory=dict)
    """Remarks on single lines, within `show`."""
    caption: Text | None = None
    """Caption. Printed with the snippet."""
    # `track --update` never moves a location that has its own commit: the author may have chosen that commit deliberately.
    commit: CommitHash | None = None
    """Full hash of the commit, if different from that of the repository."""
    # Any layout is accepted (diffs, `grep -n`, numbers from web pages), because auditors paste from many programs.
    quote: QuotedCode | None = None
    """Code as copied, in any layout. The quote is checked against git; the report prints the repository's lines."""
    redact: tuple[Redaction, ...] = ()
    """Passages that the report masks: `lines`, `match`, or both. The verdict is that of the true text."""
    not_secret: tuple[NoSecretCode, ...] = ()
    """Code that looks like a credential and is none, as in `not_secret: [{lines: 14}]`: it is not warned of."""
    audience: Audience = ()
    """Readers of the code; empty means everybody."""


class Fix(Frozen):
    """The client's fix of the finding."""

    commits: tuple[SourceText, ...] = ()
    """Commits of the fix."""
    pull_requests: tuple[Url, ...] = ()
    """Pull requests of the fix."""
    note: Markdown | None = None
    """Description of the fix."""


class Event(Frozen):
    """An entry in the history of a finding."""

    date: Date
    """Date of the entry."""
    status: Status
    """Status of the finding from this date on."""
    by: Filled | None = None
    """Name of the person who decided."""
    commit: SourceText | None = None
    """Commit at which the finding was reviewed."""
    note: Text | None = None
    """Reason for the status; the newest one is printed under "Decision". `` `code` `` in backticks is printed as code."""
    audience: Audience = ()
    """Readers of the entry; empty means everybody."""


class Reference(Frozen):
    """A reference for further reading."""

    url: Url
    """URL of the reference."""
    title: Filled | None = None
    """Title of the reference."""


class ToolFingerprint(Frozen):
    """What a scanner recognises a result by: a member of `fingerprints` or `partialFingerprints` of a SARIF result."""

    name: Filled
    """Its name and version, as in `matchBasedId/v1`."""
    value: Filled
    """Its value."""
    partial: bool = False
    """Whether it identifies the result only together with its rule and place."""


Cvss = Annotated[str, StringConstraints(strict=True, max_length=300)]
"""A CVSS vector, 3.1 or 4.0; the score is computed."""


SeverityReason = Annotated[MarkdownForSome | None, PrintedAs("Why this severity", Position.SEVERITY)]
"""Reason for the severity. In files this text follows the severity, so it is not a field of `FindingProse`."""

FixOrNone = Annotated[Fix | None, PrintedAs(position=Position.FIX)]
"""The fix, whose note is a text of the finding."""


class FindingFacts(Frozen):
    """The fields at the beginning of a finding: its title and its rating."""

    title: Filled
    """Title of the finding, one line; `` `code` `` in backticks is printed as code."""
    category: Filled | None = None
    """Category of the weakness, in the auditor's words."""
    # Optional in the schema: one of `severity`, `rating` and `cvss` is required, which `cross_checks` reports with the scale.
    severity: Name | None = None
    """Severity from the engagement's scale. Default: computed from `rating` or `cvss`."""
    severity_reason: SeverityReason = None
    """Reason why the severity differs from the one computed from `rating` or `cvss`."""
    rating: Rating | None = None
    """Impact and likelihood."""
    difficulty: Level | None = None
    """Difficulty of an exploit."""
    cvss: Annotated[tuple[Cvss, ...], BeforeValidator(one_or_many, json_schema_input_type=Cvss | tuple[Cvss, ...])] = ()
    """CVSS vector, or a list of vectors."""
    cwe: Annotated[tuple[Cwe, ...], BeforeValidator(one_or_many, json_schema_input_type=Cwe | tuple[Cwe, ...])] = ()
    """CWE id of the weakness, or a list of ids."""
    tags: tuple[Name, ...] = ()
    """Tags, chosen freely."""
    confidence: Confidence | None = None
    """Confidence that the finding is real."""
    residual_severity: Name | None = None
    """Severity that remains after the fix, from the engagement's scale."""
    owner: Filled | None = None
    """Person or team responsible for the fix."""
    # Overdue findings are not marked anywhere: a report must read the same on every day.
    due: Date | None = None
    """Due date of the fix."""
    related: tuple[Identifier, ...] = ()
    """Ids of related findings. Former ids are allowed; the report prints the current ones."""
    affected: tuple[Affected, ...] = ()
    """Affected items other than code."""
    # Not derived from `history`, which is optional: a finding that was never discussed still has a status.
    status: Status = Status.OPEN
    """Status of the finding."""


class FindingProse(HasPassages):
    """The texts of a finding, authored and reported: a Markdown field that is declared here is proofread, printed and compared.

    In the order of printing within a position; `PrintedAs` gives a heading or a position other than the defaults.
    """

    summary: Annotated[MarkdownForSome | None, PrintedAs(position=Position.LEAD)] = None
    """Summary in two sentences."""
    description: Annotated[Markdown, PrintedAs(position=Position.BEFORE_CODE)]
    """Description of the weakness."""
    impact: MarkdownForSome | None = None
    """Consequences of an exploit."""
    scenario: Annotated[MarkdownForSome | None, PrintedAs("Exploit scenario")] = None
    """Exploit scenario."""
    proof: Annotated[MarkdownForSome | None, PrintedAs("Proof of concept")] = None
    """Proof of concept."""
    recommendation: Annotated[
        Annotated[Recommendation, BeforeValidator(_recommendation, json_schema_input_type=Markdown | Recommendation)] | None,
        PrintedAs(position=Position.ADVICE),
    ] = None
    """Recommendation: a text, or `short_term` and `long_term`."""
    response: Annotated[MarkdownForSome | None, PrintedAs(position=Position.ANSWER)] = None
    """Response of the client. The decision and its reason belong in `history`."""


# pydantic orders inherited fields from the last base to the first, so facts come before texts in the schema and the reference.
class Finding(FindingProse, FindingFacts):
    """The content of `ID.finding.yaml`: one weakness. The id of the finding is the name of the file."""

    locations: tuple[Location, ...] = ()
    """Cited code: the evidence of the finding."""
    fix: FixOrNone = None
    """Fix of the weakness."""
    history: tuple[Event, ...] = ()
    """History of the finding, oldest entry first."""
    references: tuple[Annotated[Reference, BeforeValidator(_reference, json_schema_input_type=Url | Reference)], ...] = ()
    """References for further reading: URLs, or `url` and `title`."""
    tickets: tuple[TicketRef, ...] = ()
    """Tickets of the finding."""
    aliases: tuple[Identifier, ...] = ()
    """Former ids of the finding."""
    found_by: Filled | None = None
    """Name of the person who found the weakness."""
    tool_fingerprints: tuple[ToolFingerprint, ...] = ()
    """What the scanner that found the weakness recognises it by; written to SARIF again, and used by `diff`."""
    audience: Audience = ()
    """Readers of the finding, words of the engagement's `audiences`; empty means everybody."""
    extra: dict[Name, Text] = Field(default_factory=dict)
    """Values of the engagement's custom fields."""
    redact: tuple[TextRedaction, ...] = ()
    """Texts that the report masks wherever it would print them, as in `redact: [{match: hunter2}]`."""
    not_secret: tuple[NoSecretText, ...] = ()
    """Texts that look like credentials and are none: they are not warned of in the finding and its code."""
