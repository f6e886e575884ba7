"""The model of `engagement.yaml`: the facts and texts of the whole audit, and the files in its scope.

Values only; nothing here reads a file or a repository. The docstrings of the fields are also the reference in docs/, the
descriptions in the JSON Schema and the hover texts of editors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StringConstraints

from findings_report.model.evidence import Frozen
from findings_report.model.field_types import (
    Audience,
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
from findings_report.model.finding import Status
from findings_report.model.redaction import NoSecretText, TextRedaction

_WILD: Final = re.compile(r"[*?\[]")
_ANY_FOLDERS: Final = "**"


@dataclass(frozen=True)
class Pattern:
    """One entry of the scope."""

    repository: str | None
    """Name of the repository; None for any repository."""
    text: str
    """Path or glob, as authored."""
    is_excluding: bool = False
    """True if the entry excludes files."""

    def names(self, path: str) -> bool:
        """Return True if the pattern matches `path` or a folder that contains it."""
        if self._path == "" or path == self._path or path.startswith(f"{self._path}/"):
            return True  # also if a file name contains wildcard characters, as `pages/[id].tsx` of Next.js does
        if not self._is_glob:
            return False
        # All positions in the pattern are followed at once, so the time is linear in the number of parts. One backtracking
        # regular expression for the whole path, as in pathspec 1.1, takes more than two minutes for a hostile pattern
        # (docs/dependencies.md).
        reached = self._beyond({0})
        for part in path.split("/"):
            # All steps match before the path ends: the pattern names a folder, which includes everything below it.
            if len(self._steps) in reached:
                return True
            reached = self._beyond(after for step in reached for after in self._after(step, part))
        return len(self._steps) in reached

    @cached_property
    def _path(self) -> str:
        """The pattern as a plain path, its wildcards taken literally."""
        return "/".join(part for part in self.text.split("/") if part not in ("", "."))

    @cached_property
    def _is_glob(self) -> bool:
        return _WILD.search(self.text) is not None

    @cached_property
    def _steps(self) -> tuple[re.Pattern[str] | None, ...]:
        """Pattern of each part of a path; None for any number of parts."""
        parts = [part for part in self.text.split("/") if part not in ("", ".")]
        return tuple(None if part == _ANY_FOLDERS else re.compile(translate(part)) for part in parts)

    def _after(self, step: int, part: str) -> Iterable[int]:
        wanted = self._steps[step]
        # `**` stays where it is after each part; `_beyond` also skips it, since it matches no part as well.
        if wanted is None:
            return (step,)
        return (step + 1,) if wanted.match(part) else ()

    def _beyond(self, steps: Iterable[int]) -> set[int]:
        """Return `steps`, and the steps that are reached from them without a part of the path."""
        reached: set[int] = set()
        for start in steps:
            step = start
            while step < len(self._steps) and self._steps[step] is None:
                reached.add(step)
                step += 1
            reached.add(step)
        return reached


def scope_patterns(scope: Sequence[str], repositories: Iterable[str]) -> tuple[Pattern, ...]:
    """Return the entries of `scope`, in order. With only one repository, entries need not name it."""
    names = list(repositories)
    only = names[0] if len(names) == 1 else None
    found: list[Pattern] = []
    for entry in scope:
        bare = entry.removeprefix("!")
        name, colon, text = bare.partition(":")
        found.append(Pattern(name if colon else only, text if colon else bare, bare != entry))
    return tuple(found)


def find_naming_patterns(scope: Sequence[Pattern], repository: str, path: str) -> tuple[int, ...]:
    """Return the 0-based positions of the entries that include `path`; empty if none does, or if a later one excludes it."""
    covering: list[int] = []
    for index, pattern in enumerate(scope):
        # As in `.gitignore`, the last matching entry decides: an exclusion discards what came before it, not what follows.
        if pattern.repository in (None, repository) and pattern.names(path):
            covering = [] if pattern.is_excluding else [*covering, index]
    return tuple(covering)


FORMAT: Final = 1
"""The number of the file format that this version writes and the newest it reads."""


class State(StrEnum):
    """Status of the report."""

    DRAFT = "draft"
    """Work in progress; every page is marked as a draft."""
    FINAL = "final"
    """Released."""


class Cover(StrEnum):
    """Style of the cover, and of the head of the HTML."""

    BAND = "band"
    """A band in the accent colour with logo and title."""
    PLAIN = "plain"
    """White, with a rule in the accent colour above the title."""
    ART = "art"
    """The band with a pattern drawn from the audited commits: other commits give another pattern."""


class Order(StrEnum):
    """Order of the findings."""

    SEVERITY = "severity"
    """By severity, most severe first, then by id."""
    ID = "id"
    """By id: in the order of discovery."""


class SectionPlace(StrEnum):
    """Position of a section in the report."""

    BEFORE = "before"
    """Before the findings."""
    AFTER = "after"
    """After the findings."""


def _own_weakness(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class Author(Frozen):
    """An author of the report."""

    name: Filled
    """Name of the author, as printed."""
    role: Filled | None = None
    """Role of the author: lead auditor, reviewer, ..."""
    email: Filled | None = None
    """Email address of the author."""


class Period(Frozen):
    """Period of the assessment."""

    start: Date
    """First day of the period."""
    end: Date
    """Last day of the period."""


class ReportVersion(Frozen):
    """An entry of the version history."""

    version: SourceText
    """Number or name of the version."""
    date: Date
    """Date of issue."""
    by: Filled | None = None
    """Name of the person who issued the version."""
    note: Text | None = None
    """Changes in the version."""
    audience: Audience = ()
    """Readers of the entry; empty means everybody."""


class DeclaredRepository(Frozen):
    """A git repository under audit."""

    url: SourceText | None = None
    """URL of the repository for clones and permalinks."""
    revision: SourceText | None = None
    """Tag, branch or hash that was agreed with the client."""
    # Separate from `revision`, because tags and branches move: a report must name what was read, and what was agreed.
    commit: CommitHash | None = None
    """Full hash of the commit that `revision` is pinned to; `findings-report pin` sets this field."""
    path: SourceText | None = None
    """Path of a local clone, relative to this file. `--repository NAME=PATH` overrides this field."""
    web: Url | None = None
    """Base URL of permalinks, if different from `url`."""


class Section(Frozen):
    """A section with other text: methodology, goals, disclaimer, non-findings."""

    title: Filled
    """Heading of the section."""
    text: Markdown | None = None
    """Text of the section; either `text` or `file` is required."""
    file: RelativePath | None = None
    """Markdown file in the engagement's folder; either `text` or `file` is required."""
    place: SectionPlace = SectionPlace.BEFORE
    """Position of the section: before or after the findings."""
    audience: Audience = ()
    """Readers of the section; empty means everybody."""


class Severity(Frozen):
    """A severity of the scale."""

    name: Name
    """Name of the severity, as findings use it."""
    # WCAG 2.2, success criterion 1.4.1: colour must not be the only means of conveying information.
    colour: Colour
    """Colour of the severity in HTML and PDF. The name is always printed with the colour."""
    meaning: Text = ""
    """Definition of the severity for the reader, with the action that it calls for."""


class CustomField(Frozen):
    """A custom field of the findings, written under `extra`."""

    name: Name
    """Key of the field under `extra`."""
    label: Filled
    """Label of the field, as printed."""
    values: tuple[Text, ...] = ()
    """Allowed values of the field; empty allows any text."""
    audience: Audience = ()
    """Readers of the field's values; empty means everybody."""


class OwnWeakness(Frozen):
    """Name of a weakness that is newer than the bundled CWE list, or another name for a weakness in the list."""

    name: Filled
    """Name of the weakness."""
    top_ten: Filled | None = None
    """OWASP Top Ten category: `A03` for one of 2021, otherwise the text to print. Default: that of the CWE list."""


NamedWeakness = Annotated[OwnWeakness, BeforeValidator(_own_weakness, json_schema_input_type=Filled | OwnWeakness)]
"""Name of a weakness, or `name` and `top_ten`."""


class FontFile(Frozen):
    """A font for PDF and HTML, in a file of the engagement's folder."""

    file: RelativePath
    """OpenType or TrueType file (`.otf`, `.ttf`, `.ttc`) in the engagement's folder."""
    family: Filled | None = None
    """`Inter` to use the font for text instead of the program's, `JetBrains Mono` for code; any other name is used for
    characters that these do not have. Default: the name in the file."""
    weight: Literal[100, 200, 300, 400, 500, 600, 700, 800, 900] | None = None
    """Weight: 400 is regular, 600 is that of headings. Default: that of the file."""
    style: Literal["normal", "italic"] | None = None
    """Style: normal or italic. Default: that of the file."""


class Image(Frozen):
    """A picture for the texts, placed with `![caption](image:NAME)`."""

    name: Name
    """Name of the picture in texts."""
    file: RelativePath
    """PNG, JPEG or SVG file in the engagement's folder."""
    alt: Filled
    """Description of the picture for readers who cannot see it."""
    caption: Text | None = None
    """Default caption, printed where a text gives none."""
    audience: Audience = ()
    """Readers of the picture; empty means everybody."""


class TableFile(Frozen):
    """A table for the texts, in a CSV file, placed with `![caption](table:NAME)` and referred to by `[](table:NAME)`."""

    name: Name
    """Name of the table in texts."""
    file: RelativePath
    """CSV file in the engagement's folder: UTF-8, commas between the cells, the first row is the head. Cells are plain text."""
    caption: Text | None = None
    """Default caption, printed where a text gives none."""
    audience: Audience = ()
    """Readers of the table; empty means everybody."""


class Publisher(Frozen):
    """The publisher of a CSAF document."""

    name: Filled
    """Name of the organisation that publishes the document."""
    namespace: Url
    """Web address under the publisher's control, which identifies the publisher."""
    category: Literal["coordinator", "discoverer", "other", "translator", "user", "vendor"] = "vendor"
    """Role of the publisher."""
    contact: Filled | None = None
    """How to reach the publisher."""


class Product(Frozen):
    """A product that a CSAF document is about."""

    name: Filled
    """Full name of the product with its version, as its users know it."""
    id: Name | None = None
    """Id of the product in the document. Default: CSAFPID-0001 and so on, in the order of the list."""
    repository: Name | None = None
    """Repository of the product: findings that cite it affect the product. Default: all findings do."""
    cpe: SourceText | None = None
    """Common Platform Enumeration name of the product."""
    purl: SourceText | None = None
    """Package URL of the product."""


class Advisory(Frozen):
    """What a CSAF document needs beside the findings."""

    publisher: Publisher
    """Publisher of the document."""
    tracking_id: Filled
    """Id of the document, which the publisher gives once."""
    products: tuple[Product, ...] = Field(min_length=1)
    """Products that the findings may affect."""


class AttachedFile(Frozen):
    """A file that belongs to the report, as a proof of concept does: embedded in the PDF, copied beside HTML and Markdown."""

    file: RelativePath
    """File in the engagement's folder. Its name without folders is printed, and is that of the copies."""
    title: Filled
    """Description of the file, as printed."""
    audience: Audience = ()
    """Readers of the file; empty means everybody."""


class HtmlFiles(Frozen):
    """Division of a long report into several HTML files: an index, and pages of findings."""

    split: Literal["severity", "repository"] = "severity"
    """What the findings of a page have in common: `severity` or `repository`."""
    above: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 5000
    """Number of findings above which the HTML is divided."""


def _default_severities() -> tuple[Severity, ...]:
    # The names are those of the CVSS qualitative rating scale (CVSS 3.1, section 5), with `informational` for None.
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
    """The content of `engagement.yaml`: one audit."""

    # Strict: `format: true` and `format: 1.0` are typing errors, and would otherwise be read as 1.
    format: StrictInt = Field(default=FORMAT)
    """Version of the file format: 1."""
    title: Filled
    """Title of the report."""
    client: Filled | None = None
    """Name of the client."""
    authors: tuple[Author, ...] = ()
    """Authors of the report."""
    version: SourceText | None = None
    """Version of the report."""
    date: Date | None = None
    """Date of the report, printed on the cover."""
    period: Period | None = None
    """Period of the assessment."""
    # A draft by default: a report that goes out unmarked by mistake does more harm than one that is marked by mistake.
    state: State = State.DRAFT
    """Status of the report: draft or final; a draft is marked on every page."""
    # Printed as written, never sorted: houses differ in whether the newest version comes first.
    versions: tuple[ReportVersion, ...] = ()
    """Version history, oldest first."""
    distribution: tuple[Filled, ...] = ()
    """Recipients of the report."""
    audiences: Audience = ()
    """Groups of readers, as words of your choice: `client`, `internal`. What has an `audience` is left out of the editions for
    others, which `build --audience WORD` makes."""
    repositories: dict[Name, DeclaredRepository] = Field(default_factory=dict)
    """Repositories under audit, by name."""
    # SourceText and not a path type, because an entry can be a glob, and `!` and `NAME:` are part of it.
    scope: tuple[SourceText, ...] = ()
    """Paths or globs that the audit covers, from the repository's root: `src/` with everything below, `src/*.py`, `**/*.py`;
    `NAME:glob` if there are several repositories. A leading `!` excludes files that earlier entries include."""
    summary: Markdown | None = None
    """Executive summary."""
    recommendation: Markdown | None = None
    """Overall recommendation."""
    conclusion: Markdown | None = None
    """Conclusion."""
    sections: tuple[Section, ...] = ()
    """Other sections of the report."""
    severities: tuple[Severity, ...] = Field(default_factory=_default_severities, min_length=1)
    """Severity scale, most severe first."""
    matrix: dict[Level, dict[Level, Name]] = Field(default_factory=_default_matrix)
    """Risk matrix: severity by impact, then likelihood. Default: that of the OWASP Risk Rating Methodology."""
    status_words: dict[Status, Filled] = Field(default_factory=dict)
    """Printed words by status, instead of the program's: `risk_accepted: Won't fix`. Files and JSON keep the program's."""
    severity_words: dict[Name, Filled] = Field(default_factory=dict)
    """Printed words by severity, instead of its name: `high: Hoch`. Files and JSON keep the name."""
    words: dict[Filled, Filled] = Field(default_factory=dict)
    """Printed words by the program's English ones: `Finding: Observation`. `{placeholders}` stay. docs/languages.md lists the
    words."""
    fields: tuple[CustomField, ...] = ()
    """Custom fields of the findings."""
    weaknesses: dict[Cwe, NamedWeakness] = Field(default_factory=dict)
    """Names by CWE id, for weaknesses missing from the CWE list or instead of its names: text, or `name` and `top_ten`."""
    top_ten: Literal[2021, 2025] = 2021
    """Version of the OWASP Top Ten by whose categories the weaknesses are listed."""
    images: tuple[Image, ...] = ()
    """Pictures for the texts."""
    tables: tuple[TableFile, ...] = ()
    """Tables for the texts, from CSV files."""
    attachments: tuple[AttachedFile, ...] = ()
    """Files that are embedded in the PDF, and copied beside HTML and Markdown."""
    csaf: Advisory | None = None
    """Publisher, id and products of the CSAF document, which `build -f csaf` writes."""
    template: Name = "standard"
    """Name of the template folder."""
    outputs: tuple[Name, ...] = ()
    """Formats to build if the command line names none. Default: html and pdf."""
    file_name: Filled = "report"
    """Pattern of the report's file name, with {title}, {client}, {version}, {date}, {state}, {commit}, the commit of the
    findings, and {audience}; without that, the name of an edition for an audience ends in it. Characters that are not
    portable in file names become a dash."""
    language: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    """Language of the texts, as a BCP 47 tag."""
    logo: RelativePath | None = None
    """PNG, JPEG or SVG file of the logo on the cover and at the head of each page."""
    docx_template: RelativePath | None = None
    """Document of Word with the firm's styles, heads, feet and cover, for `-f docx`."""
    colours: dict[Literal["accent"], Colour] = Field(default_factory=dict)
    """Colours of the templates: `accent`."""
    cover: Cover = Cover.BAND
    """Style of the cover: band, plain or art."""
    order: Order = Order.SEVERITY
    """Order of the findings in the report: `severity`, or `id` for the order of discovery."""
    findings_on_new_page: bool = False
    """Whether each finding starts on a new page of the PDF. By default one starts where enough of the page is free."""
    fonts: tuple[FontFile, ...] = ()
    """Fonts of PDF and HTML beside the program's own: for other scripts, or for the house's look."""
    system_fonts: bool = False
    """Use fonts installed on this machine as well (PDF); the same as `--system-fonts`, for every command."""
    confidentiality: Filled | None = None
    """Classification, printed at the foot of every page."""
    interactive: StrictBool = False
    """`true` puts a script into the HTML: search, sorting, copying, keys (j, k, /), and the filter in the address. Filters,
    theme and links work without it."""
    html: HtmlFiles = HtmlFiles()
    """Division of a long report into several HTML files."""
    tickets: tuple[TicketRef, ...] = ()
    """Tickets to which the whole report is attached."""
    redact: tuple[TextRedaction, ...] = ()
    """Texts that the report masks wherever it would print them, as in `redact: [{match: hunter2}]`."""
    not_secret: tuple[NoSecretText, ...] = ()
    """Texts that look like credentials and are none: they are not warned of anywhere."""
