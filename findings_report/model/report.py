"""The model of a report: the data of templates and of the report's JSON, complete, so that nothing has to be looked up.

Values only. Made by `assemble`; read by renderers and by `archive`. Texts are Markdown as authored; renderers decide how they
look. Links between parts are symbolic (`xref:ID`), so each finding can be rendered alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import takewhile
from typing import Final, Literal

from pydantic import ConfigDict, Field

from findings_report.model.engagement import (
    Advisory,
    Author,
    Cover,
    HtmlFiles,
    Order,
    Period,
    ReportVersion,
    SectionPlace,
    Severity,
    State,
)
from findings_report.model.evidence import Frozen, Snippet, Verdict
from findings_report.model.field_types import Audience, Colour, Identifier, Level
from findings_report.model.finding import (
    ANSWERED,
    Affected,
    Confidence,
    Event,
    FindingProse,
    FixOrNone,
    Rating,
    Reference,
    SeverityReason,
    Status,
    ToolFingerprint,
)
from findings_report.model.passages import Position
from findings_report.model.report_tables import Classification, Covered, Matrix, Remediation, Weakness
from findings_report.model.translation import Translation

SCHEMA: Final = "findings-report/report/1"
"""Name and version of the report's JSON. The number rises when a reader of the old one would be wrong."""


class Score(Frozen):
    """One CVSS vector with its score."""

    vector: str
    """The vector, with metrics in the order of the standard."""
    version: str
    """Version of CVSS: 3.1 or 4.0."""
    score: float
    """Score, 0.0 to 10.0: for 3.1 the environmental, temporal or base score, by the metrics given; CVSS-B/BT/BE/BTE for 4.0."""
    severity: str
    """Qualitative rating of the standard: None, Low, Medium, High, Critical."""


class CustomValue(Frozen):
    """The value of a custom field."""

    name: str
    """Key of the field."""
    label: str
    """Label of the field, as printed."""
    value: str
    """Value of the field."""
    audience: Audience = ()
    """Readers of the value; empty means everybody."""


class Picture(Frozen):
    """A picture that is safe to embed: re-encoded, without metadata."""

    # JSON has no bytes, and pydantic's default (UTF-8) fails for pictures. pydantic's base64 is the URL-safe alphabet of
    # RFC 4648, section 5.
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    name: str
    """Name of the picture in texts."""
    alt: str
    """Description of the picture for readers who cannot see it."""
    caption: str | None
    """Default caption."""
    media_type: Literal["image/png", "image/jpeg"]
    """Media type, determined from the content."""
    width: int
    """In pixels."""
    height: int
    """In pixels."""
    content: bytes
    """Bytes of the file; base64 in JSON."""
    file: str | None = None
    """Path in the engagement's folder; texts may also use the path to place the picture."""
    audience: Audience = ()
    """Readers of the picture; empty means everybody."""


class ReportedTable(Frozen):
    """A table of a CSV file for the texts. Its cells are plain text."""

    name: str
    """Name of the table in texts."""
    caption: str | None = None
    """Default caption."""
    header: tuple[str, ...]
    """Cells of the first row, at least one."""
    rows: tuple[tuple[str, ...], ...]
    """The other rows, each with as many cells as the header."""
    audience: Audience = ()
    """Readers of the table; empty means everybody."""


class NumberedTable(Frozen):
    """The number of a table that texts can refer to, of a CSV file or written in Markdown."""

    name: str
    """Name of the table in texts."""
    number: str
    """`1`, or `NTR-001.1` in a finding."""


class ReportedAttachment(Frozen):
    """A file that belongs to the report."""

    name: str
    """Name of the file, without folders."""
    title: str
    """Description of the file."""
    size: int
    """Bytes of the file."""
    sha256: str
    """SHA-256 of the file, hexadecimal."""
    media_type: str
    """Media type by the file's suffix."""
    audience: Audience = ()
    """Readers of the file; empty means everybody."""
    # Not in the JSON: the PDF that embeds it embeds the file as well.
    content: bytes = Field(default=b"", exclude=True, repr=False)
    """Bytes of the file; empty in a report that was read from JSON."""


class ReportedFont(Frozen):
    """A font of the engagement."""

    file: str
    """Path in the engagement's folder."""
    family: str | None = None
    """Family that templates know it by; None for that of the file."""
    weight: int | None = None
    """Weight as in CSS; None for that of the file."""
    style: str | None = None
    """normal or italic; None for that of the file."""
    sha256: str
    """SHA-256 of the file, hexadecimal."""
    # Not in the JSON, which a PDF embeds: a font of an East Asian script has 16 MB.
    content: bytes = Field(default=b"", exclude=True, repr=False)
    """Bytes of the file; empty in a report that was read from JSON."""


class ReportedDocument(Frozen):
    """The document of the firm, whose styles, heads, feet and cover the Word document has."""

    file: str
    """Path, as authored."""
    sha256: str
    """SHA-256 of the file, hexadecimal."""
    # Not in the JSON, which a PDF embeds.
    content: bytes = Field(default=b"", exclude=True, repr=False)
    """Bytes of the file; empty in a report that was read from JSON."""


class ReportedRepository(Frozen):
    """A repository at the audited commit."""

    name: str
    """Name of the repository in the engagement."""
    url: str | None
    """URL as authored, without credentials."""
    revision: str | None
    """Tag, branch or hash that was agreed with the client."""
    commit: str | None
    """Full hash of the commit; None if the repository is neither pinned nor available."""
    permalink: str | None
    """Forge URL of the tree at the commit."""
    is_read: bool
    """True if a clone was available and quotes were checked against it."""
    web: str | None = Field(default=None, exclude_if=lambda address: address is None)
    """Base URL of permalinks, if the engagement names another than `url`."""


class ReportedSection(Frozen):
    """A section of the report other than a finding."""

    key: str
    """Stable anchor: `section-methodology`; `recommendation` and `conclusion` for the engagement's fields of these names."""
    title: str
    """Heading of the section."""
    text: str
    """Text of the section, Markdown."""
    place: SectionPlace
    """Position of the section: before or after the findings."""
    audience: Audience = ()
    """Readers of the section; empty means everybody."""
    first_table: int = 1
    """Number of the first table with a caption; those of the summary and the sections are numbered together."""


class ReportedFacts(Frozen):
    """The fields at the beginning of a reported finding: its title and its rating."""

    id: Identifier
    """Id of the finding."""
    title: str
    """Title of the finding, one line."""
    severity: Severity
    """Severity with its colour and meaning."""
    severity_source: Literal["severity", "rating", "cvss"]
    """The field that determined the severity."""
    severity_reason: SeverityReason
    """Reason why the severity differs from the one computed from `rating` or `cvss`; Markdown."""
    status: Status
    """Status of the finding."""
    category: str | None
    """Category in the auditor's words."""
    rating: Rating | None
    """Impact and likelihood."""
    difficulty: Level | None
    """Difficulty of an exploit."""
    scores: tuple[Score, ...]
    """Scores, one per CVSS vector."""
    cwe: tuple[Weakness, ...]
    """Weaknesses of the CWE list."""
    tags: tuple[str, ...]
    """Tags, chosen freely."""
    confidence: Confidence | None
    """Confidence that the finding is real."""
    residual_severity: Severity | None
    """Severity that remains after the fix."""
    owner: str | None
    """Person or team responsible for the fix."""
    due: date | None
    """Due date of the fix."""
    related: tuple[str, ...]
    """Current ids of related findings; former ids are replaced."""
    affected: tuple[Affected, ...]
    """Affected items other than code."""


class ReportedFinding(FindingProse, ReportedFacts):
    """One finding with its evidence, complete enough to be rendered alone."""

    snippets: tuple[Snippet, ...]
    """Cited code, in the order of the locations."""
    placed: tuple[str, ...]
    """Names of the locations that texts place; the others follow the description."""
    fix: FixOrNone
    """Fix of the weakness."""
    history: tuple[Event, ...]
    """Entries in the order of time, oldest first."""
    references: tuple[Reference, ...]
    """References for further reading."""
    tickets: tuple[str, ...]
    """Tickets of the finding."""
    aliases: tuple[str, ...]
    """Former ids of the finding."""
    found_by: str | None
    """Name of the person who found the weakness."""
    tool_fingerprints: tuple[ToolFingerprint, ...] = ()
    """What the scanner that found the weakness recognises it by."""
    audience: Audience
    """Readers of the finding; empty means everybody. Empty in an edition for one audience, as in all parts."""
    # With labels, so that a finding can be rendered without the engagement's `fields`.
    extra: tuple[CustomValue, ...]
    """Values of the custom fields."""

    @property
    def newest(self) -> Event | None:
        """The newest entry of the history; among entries of one day, the last."""
        return max(enumerate(self.history), key=lambda each: (each[1].date, each[0]), default=(0, None))[1]

    @property
    def action(self) -> str | None:
        """What to do, in a sentence or two: the first paragraph of the recommendation; None if it is long or not plain text."""
        advice = next((passage for passage in self.prose if passage.position is Position.ADVICE and not passage.audience), None)
        paragraph = advice.text.strip().split("\n\n")[0] if advice else ""
        # A list, a table, a fence or a figure is no sentence, and a paragraph without its end announces one.
        is_plain = paragraph[:1].isalpha() and paragraph.endswith(".") and "![" not in paragraph and "\n|" not in paragraph
        return paragraph if is_plain and len(paragraph) <= 200 else None

    @property
    def decision(self) -> Event | None:
        """The last decision: the newest entry of the history, if it has a note and is not the report of the finding."""
        newest = self.newest
        # A single `open` entry only records that the finding was reported; printing it as a decision would mislead.
        is_report = len(self.history) == 1 and newest is not None and newest.status is Status.OPEN
        return newest if newest is not None and newest.note and not is_report else None

    @property
    def unplaced(self) -> tuple[Snippet, ...]:
        """The snippets that no text places; they follow the description."""
        return tuple(snippet for snippet in self.snippets if snippet.name is None or snippet.name not in self.placed)

    @property
    def steps(self) -> tuple[Snippet, ...]:
        """The path through the code: the snippets that have a role, in order; empty if there are fewer than two."""
        # One step is no path: a single role is printed with its figure only.
        found = tuple(snippet for snippet in self.snippets if snippet.role is not None)
        return found if len(found) > 1 else ()

    @property
    def main_snippet(self) -> Snippet | None:
        """The snippet where the fault is: the last sink of a path through the code, otherwise the first; None without code."""
        # Scanners report a flow at its sink, and code scanning shows an alert at the first location.
        sinks = [snippet for snippet in self.steps if (snippet.role or "").casefold() == "sink"]
        return next(iter((*sinks[-1:], *self.snippets)), None)


class FindingsCommit(Frozen):
    """The commit of the repository that contains the findings."""

    hash: str
    """Full hash of HEAD when the report was made."""
    is_changed: bool
    """True if a file that the report was made of differs from that commit: changed, new, or deleted."""


class ReportedEngagement(Frozen):
    """The facts of an engagement that every part of a report may use."""

    title: str
    """Title of the report."""
    client: str | None
    """Name of the client."""
    authors: tuple[Author, ...]
    """Authors of the report."""
    version: str | None
    """Version of the report."""
    date: date | None
    """Date on the cover: the engagement's, otherwise that of SOURCE_DATE_EPOCH, otherwise None."""
    period: Period | None
    """Period of the assessment."""
    state: State
    """Status of the report: draft or final."""
    versions: tuple[ReportVersion, ...]
    """Entries in the order of time, oldest first."""
    distribution: tuple[str, ...]
    """Recipients of the report."""
    confidentiality: str | None
    """Classification, printed at the foot of every page."""
    interactive: bool = False
    """True if the HTML has a script for search, sorting and copying."""
    html: HtmlFiles = Field(default=HtmlFiles(), exclude_if=lambda html: html == HtmlFiles())
    """Division of a long report into several HTML files."""
    language: str
    """Language of the texts, as a BCP 47 tag."""
    accent: Colour
    """Accent colour, `#rrggbb`."""
    cover: Cover = Cover.BAND
    """Style of the cover."""
    order: Order = Order.SEVERITY
    """Order of the findings."""
    findings_on_new_page: bool = False
    """True if each finding starts on a new page of the PDF."""
    severities: tuple[Severity, ...]
    """Severity scale, most severe first."""
    status_words: dict[Status, str] = Field(default_factory=dict)
    """Printed words by status, where they differ from the names."""
    severity_words: dict[str, str] = Field(default_factory=dict)
    """Printed words by severity, where they differ from the names."""
    words: dict[str, str] = Field(default_factory=dict)
    """Printed words by the program's English ones."""
    repositories: tuple[ReportedRepository, ...]
    """Repositories, in the order of the file."""
    images: tuple[Picture, ...]
    """Pictures for the texts."""
    tables: tuple[ReportedTable, ...] = ()
    """Tables of CSV files for the texts."""
    numbered_tables: tuple[NumberedTable, ...] = ()
    """Numbers of all tables that have a name, in the order of the pages."""
    logo: Picture | None
    """Logo on the cover."""
    advisory: Advisory | None = None
    """Publisher, id and products of the CSAF document; None if the engagement has none."""
    fonts: tuple[ReportedFont, ...] = ()
    """Fonts of PDF and HTML beside the program's own."""
    pictures_in: str = Field(default="", exclude_if=lambda folder: not folder)
    """Folder of the pictures beside a Markdown file, relative to it; empty where the file has no pictures."""
    docx_template: ReportedDocument | None = Field(default=None, exclude_if=lambda document: document is None)
    """Document of the firm for -f docx."""
    system_fonts: bool = False
    """True if the PDF also uses the fonts of the machine."""
    findings_commit: FindingsCommit | None = None
    """Commit that the report was made of; None if the findings are in no repository."""
    aliases: dict[str, str] = Field(default_factory=dict)
    """Current id by former id: texts may use either."""
    edition: str | None = None
    """Audience that the report was made for; None for a report with everything."""
    audiences: Audience = ()
    """Audiences that parts of the report are limited to, in the order of the engagement; empty in an edition for one."""

    def picture_path(self, picture: Picture) -> str:
        """Return the path of a picture beside a Markdown file: by its name, with its digest where two differ in case only."""
        suffix = {"image/png": "png", "image/jpeg": "jpg"}[picture.media_type]
        alike = [image for image in self.images if image.name.casefold() == picture.name.casefold()]
        # Names are letters, digits, dots, underscores and hyphens: fit for every file system, but those of a device.
        name = f"{picture.name}-{hashlib.sha256(picture.content).hexdigest()[:8]}" if len(alike) > 1 else picture.name
        return f"{self.pictures_in}/{name}.{suffix}"

    def table_number(self, name: str) -> str | None:
        """Return the number of the table of that name; None if no text places it."""
        return next((table.number for table in self.numbered_tables if table.name == name), None)

    @property
    def translation(self) -> Translation:
        """The report's words in its language."""
        return Translation(self.language, self.words, self.status_words, self.severity_words)

    @property
    def commits(self) -> str:
        """The digits of all audited commits, one after the other; empty if none is known."""
        return "".join(repository.commit or "" for repository in self.repositories)

    @property
    def edition_words(self) -> str | None:
        """For whom the report is, in words; None for a report whose parts are all for everybody."""
        if self.edition is not None:
            return self.translation.gettext("for {audience}", audience=self.edition)
        audiences = self.translation.join(self.audiences)
        if not audiences:
            return None
        return self.translation.gettext("complete, with parts only for {audiences}", audiences=audiences)

    @property
    def has_control(self) -> bool:
        """True if the report has a section about document control."""
        return bool(self.versions or self.distribution or self.findings_commit or self.edition or self.audiences)


class SeverityCount(Frozen):
    """Number of findings of one severity."""

    severity: Severity
    """Severity that is counted."""
    total: int
    """Number of all findings of the severity."""
    by_status: tuple[tuple[Status, int], ...]
    """Number of findings by status, zeros included, in the order of `Status`."""


class VerdictCount(Frozen):
    """Number of quotes with one verdict."""

    verdict: Verdict
    """Verdict that is counted."""
    total: int
    """Number of quotes, at least one."""


class ScopeEntry(Frozen):
    """One entry of the scope."""

    repository: str | None
    """Name of the repository; None for any repository."""
    pattern: str
    """Path or glob, as authored."""
    files: int | None = None
    """Number of files that the entry includes; None if no repository was available."""
    lines: int | None = None
    """Number of lines of these files; None if not counted."""
    is_excluding: bool = False
    """True if the entry excludes files that earlier entries include."""


class Component(Frozen):
    """A program or library that was used to make the report."""

    name: str
    """Name of the program: findings-report, git, Pango, ..."""
    version: str
    """Version of the program, in its own format."""


class ReportPage(Frozen):
    """One HTML file with a part of the findings."""

    address: str
    """Address of the file, relative to the others of the report."""
    group: str | None
    """Severity or repository that its findings have in common; None for findings without a repository."""
    number: int
    """Number of the page among those of the group, from 1."""
    of: int
    """Number of pages of the group."""
    findings: tuple[str, ...]
    """Ids of the findings, in the order of printing."""


class ReportPages(Frozen):
    """The HTML files of a report that is divided."""

    index: str
    """Address of the file with everything but the findings."""
    pages: tuple[ReportPage, ...]
    """The files with the findings."""
    current: int | None = None
    """Place in `pages` of the file that is rendered; None for the index."""

    @property
    def page(self) -> ReportPage | None:
        """The page that is rendered; None for the index."""
        return self.pages[self.current] if self.current is not None else None

    @property
    def before(self) -> ReportPage | None:
        """The page before the one that is rendered."""
        return self.pages[self.current - 1] if self.current else None

    @property
    def after(self) -> ReportPage | None:
        """The page after the one that is rendered."""
        return self.pages[self.current + 1] if self.current is not None and self.current + 1 < len(self.pages) else None

    @cached_property
    def page_of(self) -> Mapping[str, int]:
        """Place in `pages` by id of finding."""
        return {id: index for index, page in enumerate(self.pages) for id in page.findings}


class Report(Frozen):
    """The whole report, in the order of its pages."""

    schema_name: Literal["findings-report/report/1"] = SCHEMA
    """Name and version of this JSON."""
    engagement: ReportedEngagement
    """Facts of the engagement."""
    summary: str | None
    """Executive summary, Markdown."""
    scope: tuple[ScopeEntry, ...]
    """Scope of the audit."""
    counts: tuple[SeverityCount, ...]
    """Number of findings by severity, most severe first, zeros included."""
    sections: tuple[ReportedSection, ...]
    """Sections before the findings, then those after; the engagement's recommendation and conclusion last."""
    findings: tuple[ReportedFinding, ...]
    """Findings, most severe first, then by id."""
    verdicts: tuple[VerdictCount, ...]
    """Number of quotes by verdict, in the order of `Verdict`, without zeros."""
    components: tuple[Component, ...]
    """Programs that made the report, by name."""
    covered: Covered | None = None
    """Files of the scope; None if none of its repositories was available."""
    remediation: Remediation | None = None
    """Findings that need action; None if there are none, or if none has an owner, a due date or a ticket."""
    classification: Classification | None = None
    """Findings by weakness; None if no finding has a CWE id."""
    matrix: Matrix | None = None
    """Risk matrix; None if no finding has a rating."""
    attachments: tuple[ReportedAttachment, ...] = ()
    """Files that belong to the report, in the order of the engagement."""
    attachments_in: str = Field(default="", exclude_if=lambda folder: not folder)
    """Folder of the attachments beside the file, relative to it; empty where the file has none beside it."""
    pages: ReportPages | None = Field(default=None, exclude_if=lambda pages: pages is None)
    """HTML files of the report, where it is divided."""

    @property
    def total(self) -> int:
        """Number of findings."""
        return len(self.findings)

    @property
    def unresolved(self) -> tuple[ReportedFinding, ...]:
        """The findings about which something remains to be done, most severe first."""
        done = (*ANSWERED, Status.RISK_ACCEPTED)
        return tuple(finding for finding in self.findings if finding.status not in done)

    @property
    def headline(self) -> tuple[tuple[Severity, int, int], ...]:
        """Severity, number of findings, and how many of these are unresolved, for each severity that a finding has."""
        waiting = [finding.severity.name for finding in self.unresolved]
        return tuple((count.severity, count.total, waiting.count(count.severity.name)) for count in self.counts if count.total)

    @property
    def severities_above_findings(self) -> tuple[Severity, ...]:
        """The severities of the scale above the one of the most severe finding."""
        return tuple(count.severity for count in takewhile(lambda count: not count.total, self.counts))

    @property
    def by_category(self) -> tuple[tuple[str | None, int], ...]:
        """Category and number of findings, largest first; None has the findings without one. Empty if no finding has one."""
        return _tally([finding.category for finding in self.findings])

    @property
    def by_repository(self) -> tuple[tuple[str | None, int], ...]:
        """Repository and number of findings that cite it, largest first; empty if there is only one repository."""
        cited = [dict.fromkeys(snippet.repository for snippet in finding.snippets) for finding in self.findings]
        names: list[str | None] = [name for repositories in cited for name in (*repositories, *[None] * (not repositories))]
        return _tally(names) if len(self.engagement.repositories) > 1 else ()

    @property
    def has_scale(self) -> bool:
        """True if the report explains how severity was rated."""
        return self.matrix is not None or any(severity.meaning for severity in self.engagement.severities)

    @property
    def excluded(self) -> tuple[ScopeEntry, ...]:
        """The entries of the scope that exclude files."""
        return tuple(entry for entry in self.scope if entry.is_excluding)

    def before(self) -> Iterator[ReportedSection]:
        """Return the sections before the findings."""
        return (section for section in self.sections if section.place is SectionPlace.BEFORE)

    def after(self) -> Iterator[ReportedSection]:
        """Return the sections after the findings."""
        return (section for section in self.sections if section.place is SectionPlace.AFTER)


def _tally(names: Sequence[str | None]) -> tuple[tuple[str | None, int], ...]:
    """Return each name with its number, largest first, then as they come; None last. Empty if there is no name."""
    counts = Counter(name for name in names if name is not None)
    without = names.count(None)
    return (*counts.most_common(), *([(None, without)] if without and counts else []))
