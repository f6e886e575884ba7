"""What people write: the engagement and its findings, as they stand in YAML.

Values only; nothing here reads a file or a repository. The docstrings of the fields are the reference in docs/, the JSON
Schema and an editor's hover at once. Where YAML would read a number in a text that is no number (`1.10`, a hash of digits),
`store` hands over values that keep their source text, and the types here ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from findings_report.model.evidence import Frozen, Region

FORMAT: Final = 1
"""The number of the file format that this version writes and the newest it reads."""

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*\Z")
"""A finding's id or alias: letters and digits joined by `.`, `_` or `-`."""

LONGEST_IDENTIFIER: Final = 64

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z")
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")
_CWE = re.compile(r"CWE-[1-9][0-9]{0,5}\Z")
_REFERENCE_SCHEMES = ("https://", "http://", "mailto:")

_REGION = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?\Z")
_TICKET_REF = re.compile(r"[a-z][a-z0-9_-]*:\S+\Z")


def _fault(code: str, message: str) -> PydanticCustomError:
    # The message is data: pydantic formats the template, so braces in it must not be read as fields.
    return PydanticCustomError(code, "{message}", {"message": message})


def _source(value: object) -> object:
    """The source text of a plain YAML scalar that the loader read as a number, else the value itself."""
    return getattr(value, "source", value)


def _matching(pattern: re.Pattern[str], code: str, wanted: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.match(value):
            raise _fault(code, f"{value!r} is not {wanted}")
        return value

    return check


def _parse_date(value: object) -> object:
    if isinstance(value, date):
        return value
    text = value if isinstance(value, str) else None
    if text is None or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _fault("date", f"{value!r} is not a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _fault("date", f"{text!r} is not a day of the calendar") from None


def _parse_region(value: object) -> Region:
    text = str(_source(value)).strip() if not isinstance(value, bool) else ""
    if isinstance(value, Region):
        return value
    match = _REGION.match(text)
    if match is None:
        raise _fault("lines", f"{text!r} is not a line or a range: write 121, 111-129 or a list of those")
    start = int(match[1])
    end = int(match[2] or match[1])
    if start < 1:
        raise _fault("lines", "lines are counted from 1")
    if end < start:
        raise _fault("lines_reversed", f"the range {text} is reversed: write {end}-{start}")
    return Region(start_line=start, end_line=end)


def _parse_regions(value: object) -> tuple[Region, ...]:
    if isinstance(value, (list, tuple)):
        if not value:
            raise _fault("lines", "an empty list names no lines: leave the field out to cite the whole file")
        regions = tuple(_parse_region(part) for part in value)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        regions = tuple(_parse_region(part) for part in str(_source(value)).split(","))
    else:
        raise _fault("lines", "write 121, 111-129 or a list of those")
    for before, after in pairwise(regions):
        if after.start_line <= before.end_line:
            raise _fault("lines", f"the ranges {before} and {after} overlap or are out of order")
    return regions


def _parse_line_notes(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    notes: dict[int, object] = {}
    for key, note in value.items():
        text = str(key)
        if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
            raise _fault("notes", f"{text!r} is not a line number; notes are written as `121: text`")
        notes[int(text)] = note
    return notes


def _one_or_many(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


def _reference(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


def _allowed_url(value: str) -> str:
    if not value.lower().startswith(_REFERENCE_SCHEMES) or any(ord(c) <= 0x20 or c in "<>\\" for c in value):
        raise _fault("url", f"{value!r} is not a http, https or mailto address")
    return value


def _own_weakness(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _relative(value: str) -> str:
    parts = value.split("/")
    if value.startswith(("/", "~")) or "\\" in value or "\0" in value or any(p in ("", ".", "..") for p in parts):
        raise _fault("path", f"{value!r} is not a relative path with / that stays inside")
    return value


def _repository_path(value: str) -> str:
    if value.startswith("/") or "\0" in value or any(p in ("", ".", "..") for p in value.split("/")):
        raise _fault("path_outside", f"{value!r} is not a path inside the repository, as git ls-files prints it")
    return value


def _identifier(value: str) -> str:
    if len(value) > LONGEST_IDENTIFIER or not IDENTIFIER.match(value):
        raise _fault("id", f"{value!r} is not an id: letters and digits joined by '.', '_' or '-', at most 64")
    return value


def _editors(pattern: re.Pattern[str]) -> Any:
    """The pattern as JSON Schema has it, for what an editor checks; our own fault says it in words."""
    return Field(json_schema_extra={"pattern": f"^{pattern.pattern.removesuffix(chr(92) + 'Z')}$"})


Text = Annotated[str, StringConstraints(strict=True, max_length=4_000)]
"""One line or a short text."""

Markdown = Annotated[str, StringConstraints(strict=True, max_length=262_144)]
"""Prose in Markdown: CommonMark with tables and strikethrough; raw HTML is shown as text. At most 256 KiB."""

Filled = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=r"^[^\n]*\S[^\n]*$")]
"""One line that is not blank."""

SourceText = Annotated[
    str,
    BeforeValidator(_source, json_schema_input_type=str | float),
    StringConstraints(strict=True, min_length=1, max_length=400),
]
"""Text read as it stands in the file, so that `1.10` stays `1.10`."""

CommitHash = Annotated[
    str,
    BeforeValidator(_source),
    StringConstraints(strict=True),
    AfterValidator(_matching(_HASH, "commit", "a full commit hash (40 or 64 lower-case hexadecimal digits)")),
    _editors(_HASH),
]
"""A full commit hash."""

Date = Annotated[date, BeforeValidator(_parse_date), WithJsonSchema({"type": "string", "format": "date"})]
"""A day as YYYY-MM-DD."""

Identifier = Annotated[str, StringConstraints(strict=True), AfterValidator(_identifier), _editors(IDENTIFIER)]
"""A finding's id."""

Name = Annotated[
    str, StringConstraints(strict=True), AfterValidator(_matching(_NAME, "name", "a name of letters, digits, . _ -"))
]
"""A short name that other values refer to."""

Colour = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_matching(_COLOUR, "colour", "a colour as '#rrggbb'")),
    _editors(_COLOUR),
]
"""A colour as `#rrggbb`."""

Cwe = Annotated[
    str, StringConstraints(strict=True), AfterValidator(_matching(_CWE, "cwe", "a weakness id as CWE-79")), _editors(_CWE)
]
"""A weakness id as `CWE-79`."""

TicketRef = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_matching(_TICKET_REF, "ticket", "a ticket as TRACKER:REFERENCE, for example jira:SEC-12")),
    _editors(_TICKET_REF),
]
"""A ticket as `jira:SEC-12` or `gitlab:group/project#4`."""

Url = Annotated[str, StringConstraints(strict=True, max_length=2_000), AfterValidator(_allowed_url)]
"""A http, https or mailto address."""

RelativePath = Annotated[str, StringConstraints(strict=True, min_length=1), AfterValidator(_relative)]
"""A path inside the engagement's folder, with `/`."""

RepositoryPath = Annotated[
    str, BeforeValidator(_source), StringConstraints(strict=True, min_length=1), AfterValidator(_repository_path)
]
"""A path inside the repository, as `git ls-files` prints it."""

_REGION_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^ *[0-9]+(-[0-9]+)? *(, *[0-9]+(-[0-9]+)? *)*$"},
    ]
}

Regions = Annotated[
    tuple[Region, ...],
    BeforeValidator(_parse_regions),
    WithJsonSchema({"anyOf": [*_REGION_SCHEMA["anyOf"], {"type": "array", "items": _REGION_SCHEMA, "minItems": 1}]}),
]
"""Lines as `121`, `111-129`, or a list of those, rising."""

LineNotes = Annotated[
    dict[int, Markdown],
    BeforeValidator(_parse_line_notes),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"pattern": "^[1-9][0-9]*$"}}
    ),
]
"""{line: text}."""


class State(StrEnum):
    """How far the report is."""

    DRAFT = "draft"
    """Still being worked on; every page says so."""
    FINAL = "final"
    """Released."""


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


class Level(StrEnum):
    """A step of impact, likelihood or difficulty."""

    LOW = "low"
    """Low."""
    MEDIUM = "medium"
    """Medium."""
    HIGH = "high"
    """High."""


class Place(StrEnum):
    """Where a section of the report stands."""

    BEFORE = "before"
    """Before the findings."""
    AFTER = "after"
    """After the findings."""


class Author(Frozen):
    """One of the people who answer for the report."""

    name: Filled
    """As it is printed."""
    role: Filled | None = None
    """Lead auditor, reviewer, ..."""
    email: Filled | None = None
    """Where to reach them."""


class Period(Frozen):
    """When the work was done."""

    start: Date
    """First day."""
    end: Date
    """Last day."""


class ReportVersion(Frozen):
    """One line of the version history."""

    version: SourceText
    """The version's number or name."""
    date: Date
    """When it was issued."""
    by: Filled | None = None
    """Who issued it."""
    note: Text | None = None
    """What changed."""


class Repository(Frozen):
    """A git repository under audit."""

    url: SourceText | None = None
    """Where it is cloned from, and the base of permalinks."""
    revision: SourceText | None = None
    """Tag, branch or hash as it was agreed with the client."""
    commit: CommitHash | None = None
    """What `revision` was pinned to, the full hash; `findings-report pin` fills it in."""
    path: SourceText | None = None
    """A local clone, relative to this file. `--repository NAME=PATH` overrides it."""
    web: Url | None = None
    """Base of permalinks where it differs from `url`."""


class Section(Frozen):
    """Any other prose: methodology, goals, disclaimer, non-findings."""

    title: Filled
    """Its heading."""
    text: Markdown | None = None
    """The prose; either this or `file`."""
    file: RelativePath | None = None
    """A Markdown file in the engagement's folder; either this or `text`."""
    place: Place = Place.BEFORE
    """Before or after the findings."""
    audience: tuple[Name, ...] = ()
    """Who it is for; empty is everybody."""


class Severity(Frozen):
    """One word of the severity scale."""

    name: Name
    """The word findings use."""
    colour: Colour
    """Its colour in HTML and PDF; never the only carrier of meaning."""
    meaning: Text = ""
    """What it tells the reader, and what to do about it."""


class CustomField(Frozen):
    """A field that this engagement adds to its findings, under `extra`."""

    name: Name
    """The key under `extra`."""
    label: Filled
    """How it is printed."""
    values: tuple[Text, ...] = ()
    """Allowed values; empty allows any text."""


class OwnWeakness(Frozen):
    """What the engagement calls a weakness: one newer than the CWE list that travels with the program, or in other words."""

    name: Filled
    """Its name."""
    top_ten: Filled | None = None
    """Its chapter of the OWASP Top Ten: `A03` for that of 2021, else as it is to be printed; left out, the list's."""


NamedWeakness = Annotated[OwnWeakness, BeforeValidator(_own_weakness, json_schema_input_type=Filled | OwnWeakness)]
"""A name, or `name` and `top_ten`."""


class Image(Frozen):
    """A picture that the prose may place with `![caption](image:NAME)`."""

    name: Name
    """What the prose calls it."""
    file: RelativePath
    """PNG or JPEG in the engagement's folder."""
    alt: Filled
    """What it shows, for readers who cannot see it."""
    caption: Text | None = None
    """Printed under it where the prose gives none."""


def _default_severities() -> tuple[Severity, ...]:
    return (
        Severity(name="critical", colour="#7a1f3d", meaning="Exploitable now, with grave damage: act at once."),
        Severity(name="high", colour="#b3261e", meaning="Serious damage is likely: fix before the next release."),
        Severity(name="medium", colour="#b26a00", meaning="Damage is possible or limited: plan a fix."),
        Severity(name="low", colour="#2f6f4f", meaning="Little damage, or hard to reach: fix when convenient."),
        Severity(name="informational", colour="#4a5a6a", meaning="No direct risk: good to know."),
    )


def _default_matrix() -> dict[Level, dict[Level, str]]:
    """Impact, then likelihood, to severity. Source: OWASP Risk Rating Methodology, "Determining Severity"."""
    low, medium, high = Level.LOW, Level.MEDIUM, Level.HIGH
    return {
        high: {low: "medium", medium: "high", high: "critical"},
        medium: {low: "low", medium: "medium", high: "high"},
        low: {low: "informational", medium: "low", high: "medium"},
    }


class Engagement(Frozen):
    """One audit, as `engagement.yaml` says it."""

    format: StrictInt = Field(default=FORMAT)
    """Number of this file format: 1."""
    title: Filled
    """The report's title."""
    client: Filled | None = None
    """Who it was done for."""
    authors: tuple[Author, ...] = ()
    """Who did it."""
    version: SourceText | None = None
    """The report's own version."""
    date: Date | None = None
    """The day on the cover."""
    period: Period | None = None
    """When the work was done."""
    state: State = State.DRAFT
    """draft or final; a draft is marked on every page."""
    versions: tuple[ReportVersion, ...] = ()
    """The version history, oldest first."""
    distribution: tuple[Filled, ...] = ()
    """Who receives the report."""
    repositories: dict[Name, Repository] = Field(default_factory=dict)
    """The repositories under audit, by name."""
    scope: tuple[SourceText, ...] = ()
    """Paths or globs the audit covers, from the root: `src/` with all below, `src/*.py`, `**/*.py`; `NAME:glob` where there are
    several repositories."""
    summary: Markdown | None = None
    """The executive summary."""
    recommendation: Markdown | None = None
    """What is advised on the whole."""
    conclusion: Markdown | None = None
    """The closing words."""
    sections: tuple[Section, ...] = ()
    """Other prose."""
    severities: tuple[Severity, ...] = Field(default_factory=_default_severities, min_length=1)
    """The severity scale, worst first."""
    matrix: dict[Level, dict[Level, Name]] = Field(default_factory=_default_matrix)
    """Impact, then likelihood, to severity; default OWASP's."""
    fields: tuple[CustomField, ...] = ()
    """Custom finding fields."""
    weaknesses: dict[Cwe, NamedWeakness] = Field(default_factory=dict)
    """Names of weaknesses that the CWE list lacks, or other names: by id a name, or `name` and `top_ten`."""
    images: tuple[Image, ...] = ()
    """Pictures the prose may place."""
    template: Name = "standard"
    """The template folder."""
    outputs: tuple[Name, ...] = ()
    """Formats to build when the command line names none; default html and pdf."""
    file_name: Filled = "report"
    """Pattern of the report's file name; may hold {title}, {client}, {version}, {date}, {state} and {commit}, the commit of the
    findings. What no file system takes becomes a dash."""
    language: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    """Language of the prose, as BCP 47 says it."""
    logo: RelativePath | None = None
    """PNG or JPEG for the cover."""
    colours: dict[Literal["accent"], Colour] = Field(default_factory=dict)
    """The accent colour of the templates."""
    confidentiality: Filled | None = None
    """A marking for the foot of every page."""
    tickets: tuple[TicketRef, ...] = ()
    """Where the whole report is attached."""


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
    """Printed with the snippet."""
    commit: CommitHash | None = None
    """Only where it differs from the repository's."""
    quote: Markdown | None = None
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
    """Why."""


class Reference(Frozen):
    """Something to read."""

    url: Url
    """Where."""
    title: Filled | None = None
    """What it is called."""


Cvss = Annotated[str, StringConstraints(strict=True, max_length=300)]
"""A CVSS vector, 3.1 or 4.0; the score is computed."""


class Finding(Frozen):
    """One reported weakness, as its YAML file says it. Its id is the file's name."""

    title: Filled
    """What is wrong, in one line."""
    category: Filled | None = None
    """The kind of weakness, in the auditor's words."""
    severity: Name | None = None
    """A word of the engagement's scale; computed from `rating` or `cvss` when left out."""
    severity_reason: Markdown | None = None
    """Why the severity differs from what `rating` or `cvss` gives."""
    rating: Rating | None = None
    """Impact and likelihood."""
    difficulty: Level | None = None
    """How hard it is to exploit."""
    cvss: Annotated[tuple[Cvss, ...], BeforeValidator(_one_or_many, json_schema_input_type=Cvss | tuple[Cvss, ...])] = ()
    """CVSS vector, or a list of them."""
    cwe: Annotated[tuple[Cwe, ...], BeforeValidator(_one_or_many, json_schema_input_type=Cwe | tuple[Cwe, ...])] = ()
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
    summary: Markdown | None = None
    """The finding in two sentences."""
    description: Markdown
    """What is wrong."""
    impact: Markdown | None = None
    """What it leads to."""
    scenario: Markdown | None = None
    """How it is exploited."""
    proof: Markdown | None = None
    """The proof of concept."""
    recommendation: (
        Annotated[Recommendation, BeforeValidator(_recommendation, json_schema_input_type=Markdown | Recommendation)] | None
    ) = None
    """What we advise: a text, or `short_term` and `long_term`."""
    response: Markdown | None = None
    """What the client, or a reviewer, answers."""
    locations: tuple[Location, ...] = ()
    """The evidence."""
    fix: Fix | None = None
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


PLACING: Final = ("summary", "severity_reason", "description", "impact", "scenario", "proof", "response")
"""The fields of a finding whose Markdown may place evidence, in print order; those of `recommendation` and `fix.note` stand
before `response`.
"""


def identifier_fault(value: str) -> str | None:
    """Why `value` cannot be a finding's id; None when it can."""
    if len(value) <= LONGEST_IDENTIFIER and IDENTIFIER.match(value):
        return None
    return f"{value!r} is not an id: letters and digits joined by '.', '_' or '-', at most {LONGEST_IDENTIFIER}"
