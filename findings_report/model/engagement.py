"""What people write about the whole audit: `engagement.yaml`.

Values only; nothing here reads a file or a repository. The docstrings of the fields are the reference in docs/, the JSON
Schema and an editor's hover at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StrictInt, StringConstraints

from findings_report.model.evidence import Frozen
from findings_report.model.field_types import (
    Colour,
    CommitHash,
    Cwe,
    Date,
    Filled,
    Level,
    Markdown,
    Name,
    RelativePath,
    SourceText,
    Text,
    TicketRef,
    Url,
)

FORMAT: Final = 1
"""The number of the file format that this version writes and the newest it reads."""


class State(StrEnum):
    """How far the report is."""

    DRAFT = "draft"
    """Still being worked on; every page says so."""
    FINAL = "final"
    """Released."""


class SectionPlace(StrEnum):
    """Where a section of the report stands."""

    BEFORE = "before"
    """Before the findings."""
    AFTER = "after"
    """After the findings."""


def _own_weakness(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


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


class DeclaredRepository(Frozen):
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
    place: SectionPlace = SectionPlace.BEFORE
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
        Severity(name="critical", colour="#7a1f3d", meaning="Exploitable now, with serious impact: fix immediately."),
        Severity(name="high", colour="#b3261e", meaning="Serious damage is likely: fix before the next release."),
        Severity(name="medium", colour="#b26a00", meaning="Damage is possible or limited: plan a fix."),
        Severity(name="low", colour="#2f6f4f", meaning="Little damage, or hard to reach: fix when convenient."),
        Severity(name="informational", colour="#4a5a6a", meaning="No direct risk: for information."),
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
    repositories: dict[Name, DeclaredRepository] = Field(default_factory=dict)
    """The repositories under audit, by name."""
    scope: tuple[SourceText, ...] = ()
    """Paths or globs the audit covers, from the root: `src/` with all below, `src/*.py`, `**/*.py`; `NAME:glob` where there are
    several repositories. A `!` before one takes out what those above it name."""
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
