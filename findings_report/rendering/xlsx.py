"""The report as a workbook: findings, locations, what is left to do, and the words of the scale.

Every text is written as a text, so that nothing in it is a formula, a number or a link: `=`, `+`, `-`, `@` and what looks like
them stay what they are. Links are made from the report's own addresses only. Source: ECMA-376, 18.3 (SpreadsheetML); Excel's
limits (32,767 characters in a cell, 31 in the name of a sheet, 65,530 links on one). Only this file knows XlsxWriter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from markdown_it.token import Token
from markupsafe import Markup

from findings_report.model.evidence import Region, Snippet
from findings_report.model.report import Report, ReportedEngagement, ReportedFinding
from findings_report.model.translation import Translation
from findings_report.problems.safe_text import HIDDEN, visible
from findings_report.prose.policy import plain_text
from findings_report.rendering import colours, labels
from findings_report.rendering.figures import Part, link_table, number_figures
from findings_report.rendering.html import ELISION, count_left_out, label_code
from findings_report.report.formats import Rendered

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

LONGEST: Final = 32_767
"""UTF-16 units of one cell; Excel repairs, or refuses, a file with more."""

_MOST_LINKS: Final = 60_000
_LONGEST_LINK: Final = 2_000
_EARLIEST: Final = date(1900, 3, 1)  # before it Excel counts a day that there was not
_NOT_IN_SHEET_NAMES: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_ROW: Final = 13.2  # points
_MOST_ROWS: Final = 30  # 409 points are the most that Excel takes
_NO_DATE: Final = datetime(1980, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Link:
    """A cell that leads to a web address, or to a cell: `internal:'Findings'!A2`."""

    text: str
    address: str


@dataclass(frozen=True)
class Chip:
    """A cell in the colours of a severity, with its word."""

    text: str
    rank: int


Cell = str | int | float | date | Link | Chip | None


@dataclass
class Column:
    """A column of a sheet."""

    head: str
    width: int
    values: list[Cell] = field(default_factory=list)
    is_optional: bool = False
    """True if it is left out when all its cells are empty."""


def render(report: Report) -> Rendered:
    """Return the workbook. The same report gives the same bytes."""
    from xlsxwriter import Workbook

    buffer = BytesIO()
    options = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False, "in_memory": True}
    book = Workbook(buffer, options)
    engagement, words = report.engagement, report.engagement.translation
    made = datetime.combine(engagement.date, datetime.min.time()) if engagement.date else _NO_DATE.replace(tzinfo=None)
    # Excel shows these in its dialogue of properties; without a date it would write that of the build.
    book.set_properties(
        {
            "title": _one_line(engagement.title),
            "subject": _one_line(words.gettext("Security assessment")),
            "author": _one_line(", ".join(author.name for author in engagement.authors)),
            "company": _one_line(engagement.client or ""),
            "category": _one_line(engagement.confidentiality or ""),
            "status": _one_line(labels.words(engagement.state, words)),
            "created": made,
        }
    )
    writer = _SheetWriter(book, report)
    writer.write_all()
    book.close()
    return Rendered(buffer.getvalue())


class _SheetWriter:
    """Writes the sheets of one workbook."""

    def __init__(self, book: Workbook, report: Report) -> None:
        self._book = book
        self._report = report
        self._engagement = report.engagement
        self._words: Translation = report.engagement.translation
        self._formats = _Formats(book, report.engagement)
        self._names = self._name_sheets()
        self._rows = {finding.id: row for row, finding in enumerate(report.findings, start=1)}

    def write_all(self) -> None:
        """Write every sheet: those with rows, and the scale."""
        # In the order of the tabs: the first sheet is what opens.
        self._write_table("Findings", self._list_findings(), frozen=2)
        if any(finding.snippets for finding in self._report.findings):
            self._write_table("Locations", self._list_locations(), frozen=1)
        if any(finding.prose for finding in self._report.findings):
            self._write_table("Texts", self._list_texts(), frozen=1)
        if self._report.unresolved:
            self._write_table("Remediation", self._list_remediation(), frozen=2)
        self._write_legend()

    def _name_sheets(self) -> dict[str, str]:
        """Return the names of the sheets in the report's language: each one that Excel takes, and no two alike."""
        names: dict[str, str] = {}
        _ = self._words.gettext
        for key, text in {
            "Findings": _("Findings"),
            "Locations": _("Locations"),
            "Texts": _("Texts"),
            "Remediation": _("Remediation"),
            "Report": _("Report"),
        }.items():
            # Excel takes no apostrophe at either end, and keeps the name "History" for itself.
            name = _NOT_IN_SHEET_NAMES.sub(" ", visible(text)).strip(" '")[:28] or key
            known = {other.casefold() for other in (*names.values(), "history")}
            tries = [name, *(f"{name} {number}" for number in range(2, 9))]
            names[key] = next(wanted for wanted in tries if wanted.casefold() not in known)
        return names

    def _list_findings(self) -> list[Column]:
        """Return the columns of the sheet of findings: the fixed fields, then the custom ones."""
        _, findings = self._words.gettext, self._report.findings
        columns = [
            Column(_("Id"), 13, [finding.id for finding in findings]),
            Column(_("Title"), 44, [plain_text(finding.title) for finding in findings]),
            Column(_("Severity"), 14, [self._chip(finding) for finding in findings]),
            Column(_("Status"), 16, [labels.words(finding.status, self._words) for finding in findings]),
        ]
        optional: tuple[tuple[str, int, Callable[[ReportedFinding], Cell]], ...] = (
            (_("Category"), 22, lambda finding: finding.category),
            (_("Confidence"), 13, lambda finding: self._word(finding.confidence)),
            (_("Impact"), 11, lambda finding: self._word(finding.rating.impact if finding.rating else None)),
            (_("Likelihood"), 11, lambda finding: self._word(finding.rating.likelihood if finding.rating else None)),
            (_("Difficulty"), 11, lambda finding: self._word(finding.difficulty)),
            ("CWE", 12, lambda finding: "\n".join(weakness.id for weakness in finding.cwe)),
            ("CVSS", 8, lambda finding: max((score.score for score in finding.scores), default=None)),
            (_("CVSS vector"), 26, lambda finding: "\n".join(score.vector for score in finding.scores)),
            (_("Owner"), 18, lambda finding: finding.owner),
            (_("Due"), 12, lambda finding: finding.due),
            (
                _("Residual severity"),
                16,
                lambda finding: self._word(finding.residual_severity.name if finding.residual_severity else None),
            ),
            (_("Found by"), 18, lambda finding: finding.found_by),
            (_("Locations"), 34, self._link_to_location),
            (_("Affected"), 30, lambda finding: "\n".join(item.name for item in finding.affected)),
        )
        # Columns that nobody fills only make the sheet wider.
        columns += [Column(head, width, [value(finding) for finding in findings], True) for head, width, value in optional]
        rest: tuple[tuple[str, int, Callable[[ReportedFinding], Cell]], ...] = (
            (_("Tags"), 18, lambda finding: self._words.join(finding.tags)),
            (_("Related"), 16, lambda finding: self._words.join(finding.related)),
            (_("Tickets"), 22, self._ticket),
            (_("References"), 30, lambda finding: "\n".join(reference.url for reference in finding.references)),
            (_("Former ids"), 16, lambda finding: self._words.join(finding.aliases)),
            (_("Audience"), 16, lambda finding: self._words.join(finding.audience)),
        )
        columns += [Column(head, width, [value(finding) for finding in findings], True) for head, width, value in rest]
        for label in dict.fromkeys(value.label for finding in findings for value in finding.extra):
            values = [next((value.value for value in finding.extra if value.label == label), None) for finding in findings]
            columns.append(Column(label, 22, list(values)))
        return columns

    def _list_locations(self) -> list[Column]:
        _ = self._words.gettext
        cited = [(finding, snippet) for finding in self._report.findings for snippet in finding.snippets]
        has_several = len(self._engagement.repositories) > 1
        return [
            Column(_("Finding"), 13, [self._link_to_finding(finding, finding.id) for finding, _snippet in cited]),
            Column(_("Severity"), 14, [self._chip(finding) for finding, _snippet in cited]),
            Column(_("Repository"), 18, [snippet.repository if has_several else None for _finding, snippet in cited], True),
            Column(_("Path"), 46, [_link(snippet.path, snippet.permalink) for _finding, snippet in cited]),
            Column(_("First line"), 10, [_line(snippet.regions, min) for _finding, snippet in cited]),
            Column(_("Last line"), 10, [_line(snippet.regions, max) for _finding, snippet in cited]),
            Column(
                _("Lines"),
                14,
                [", ".join(map(str, snippet.regions[1:] and snippet.regions)) for _finding, snippet in cited],
                True,
            ),
            Column(_("Symbol"), 34, [snippet.symbol for _finding, snippet in cited], True),
            Column(_("Role"), 12, [self._word(snippet.role) for _finding, snippet in cited], True),
            Column(_("Verdict"), 40, [self._verdict(snippet) for _finding, snippet in cited]),
            Column(_("Commit"), 14, [snippet.commit[:12] if snippet.commit else None for _finding, snippet in cited], True),
            Column(_("Caption"), 40, [plain_text(snippet.caption or "") for _finding, snippet in cited], True),
            Column(_("Code"), 80, [_code(snippet, self._words) for _finding, snippet in cited], True),
            Column(_("Audience"), 16, [self._words.join(snippet.audience) for _finding, snippet in cited], True),
        ]

    def _list_texts(self) -> list[Column]:
        """Return the columns of the sheet of texts: a row for each, so that a filter shows all of one kind."""
        _ = self._words.gettext
        rows: list[tuple[Cell, Cell, Cell, Cell, Cell]] = []
        for finding in self._report.findings:
            part, title = self._part(finding), plain_text(finding.title)
            for passage in finding.prose:
                names = [_(heading) for heading in (passage.heading, passage.subheading) if heading]
                shown = write_text(part.parse(passage.text).tokens, part)
                link = self._link_to_finding(finding, finding.id)
                rows.append((link, title, ": ".join(names), shown, self._words.join(passage.audience)))
            for event in finding.history:
                if event.note:
                    link = self._link_to_finding(finding, finding.id)
                    when = f"{_('History')}: {event.date.isoformat()}"
                    rows.append((link, title, when, plain_text(event.note), self._words.join(event.audience)))
        heads = ((_("Finding"), 13), (_("Title"), 36), (_("Field"), 22), (_("Text"), 110), (_("Audience"), 16))
        return [
            Column(head, width, [row[at] for row in rows], is_optional=at == len(heads) - 1)
            for at, (head, width) in enumerate(heads)
        ]

    def _list_remediation(self) -> list[Column]:
        _, waiting = self._words.gettext, self._report.unresolved
        return [
            Column(_("Finding"), 13, [self._link_to_finding(finding, finding.id) for finding in waiting]),
            Column(_("Title"), 44, [plain_text(finding.title) for finding in waiting]),
            Column(_("Severity"), 14, [self._chip(finding) for finding in waiting]),
            Column(_("Status"), 16, [labels.words(finding.status, self._words) for finding in waiting]),
            # Empty columns stay here: a plan is there to be filled in.
            Column(_("Owner"), 18, [finding.owner for finding in waiting]),
            Column(_("Due"), 12, [finding.due for finding in waiting]),
            Column(_("Ticket"), 24, [self._ticket(finding) for finding in waiting]),
            Column(_("Recommendation"), 70, [self._advice(finding) for finding in waiting]),
        ]

    def _write_table(self, key: str, columns: list[Column], frozen: int) -> None:
        sheet = self._add_sheet(key)
        shown = [
            column for column in columns if not column.is_optional or any(value not in (None, "") for value in column.values)
        ]
        links, heights = 0, dict[int, int]()
        for at, column in enumerate(shown):
            sheet.set_column(at, at, column.width)
            sheet.write_string(0, at, _fit(column.head, self._words), self._formats.head)
            for row, value in enumerate(column.values, start=1):
                links += isinstance(value, Link)
                is_id = at == 0 and key == "Findings"
                self._write(sheet, row, at, value.text if isinstance(value, Link) and links > _MOST_LINKS else value, is_id)
                heights[row] = max(heights.get(row, 1), _count_rows(value, column.width))
        for row, rows in heights.items():
            # Estimated: Excel measures rows when they are edited, and LibreOffice not before either.
            sheet.set_row(row, _ROW * min(rows, _MOST_ROWS) + 3)
        count = max((len(column.values) for column in shown), default=0)
        # With a head alone there is nothing to filter.
        if count:
            sheet.autofilter(0, 0, count, len(shown) - 1)
        # The head, and what names a row.
        sheet.freeze_panes(1, frozen)
        sheet.repeat_rows(0)
        sheet.print_area(0, 0, count, len(shown) - 1)

    def _write_legend(self) -> None:
        """Write what the workbook is about, and the meaning of the severities."""
        _, engagement = self._words.gettext, self._engagement
        sheet, formats, row = self._add_sheet("Report"), self._formats, 0
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, 1, 70)
        sheet.set_column(2, 2, 12)
        sheet.write_string(0, 0, _fit(engagement.title, self._words), formats.title)
        facts: list[tuple[str, Cell]] = [
            (_("Prepared for"), engagement.client),
            *((_("Prepared by"), author.name) for author in engagement.authors),
            (_("Version"), engagement.version),
            (_("Date"), engagement.date),
            (
                _("Assessment period"),
                self._words.period(engagement.period.start, engagement.period.end) if engagement.period else None,
            ),
            (_("Status"), labels.words(engagement.state, self._words)),
            (_("Edition"), engagement.edition_words),
            (_("Classification"), engagement.confidentiality),
        ]
        facts += [
            (_("Audited commit"), _link(f"{repository.name} {repository.commit}", repository.permalink))
            for repository in engagement.repositories
            if repository.commit
        ]
        for name, value in facts:
            if value is not None:
                row += 1
                sheet.write_string(row, 0, _fit(name, self._words), formats.label)
                self._write(sheet, row, 1, value, False)
        row += 2
        for at, head in enumerate((_("Severity"), _("Meaning"), _("Findings"))):
            sheet.write_string(row, at, _fit(head, self._words), formats.head)
        for rank, count in enumerate(self._report.counts):
            row += 1
            self._write(sheet, row, 0, Chip(labels.words(count.severity.name, self._words), rank), False)
            self._write(sheet, row, 1, _(count.severity.meaning) if count.severity.meaning else "", False)
            self._write(sheet, row, 2, count.total, False)
        sheet.print_area(0, 0, row, 2)

    def _add_sheet(self, key: str) -> Worksheet:
        sheet = self._book.add_worksheet(self._names[key])
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        # As wide as a page, and as long as it takes.
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.6, 0.7)
        # The first column is at the right then.
        if self._words.direction == "rtl":
            sheet.right_to_left()
        # An ampersand begins a code in heads and feet. Each has room for 255 characters.
        marking, title = (_in_foot(text) for text in (self._engagement.confidentiality or "", self._engagement.title))
        page = _in_foot(self._words.gettext("Page {page} of {pages}")).replace("{page}", "&P").replace("{pages}", "&N")
        sheet.set_footer(f"&L{marking}&C{title}&R{page}")
        return sheet

    def _write(self, sheet: Worksheet, row: int, column: int, value: Cell, is_id: bool) -> None:
        formats = self._formats
        match value:
            case None | "":
                sheet.write_blank(row, column, None, formats.cell)
            case Link(text=text, address=address):
                sheet.write_url(row, column, address, formats.link, string=_fit(text, self._words))
            case Chip(text=text, rank=rank):
                sheet.write_string(row, column, _fit(text, self._words), formats.severity(rank))
            case date() if value >= _EARLIEST:
                sheet.write_datetime(row, column, datetime.combine(value, datetime.min.time()), formats.day)
            case date():
                sheet.write_string(row, column, value.isoformat(), formats.cell)
            case int() | float():
                sheet.write_number(row, column, value, formats.number)
            case _:
                sheet.write_string(row, column, _fit(value, self._words), formats.label if is_id else formats.cell)

    def _part(self, finding: ReportedFinding) -> Part:
        part = Part(self._engagement, address=lambda _picture: "", draw=lambda *_: Markup(""))
        number_figures(part, finding)
        return part

    def _chip(self, finding: ReportedFinding) -> Chip:
        names = [severity.name for severity in self._engagement.severities]
        rank = names.index(finding.severity.name) if finding.severity.name in names else len(names)
        return Chip(labels.words(finding.severity.name, self._words), rank)

    def _word(self, value: str | None) -> str | None:
        return labels.words(value, self._words) if value is not None else None

    def _only_for(self, audience: Sequence[str]) -> str:
        return self._words.gettext("Only for: {audiences}", audiences=self._words.join(tuple(audience))) if audience else ""

    def _verdict(self, snippet: Snippet) -> str:
        if not snippet.runs and snippet.check.verdict == "none":
            return self._words.gettext("file cited as a whole")
        return labels.verdict(snippet.check, self._words)

    def _link_to_finding(self, finding: ReportedFinding, text: str) -> Link:
        return Link(text, f"internal:'{self._names['Findings'].replace(chr(39), chr(39) * 2)}'!A{self._rows[finding.id] + 1}")

    def _link_to_location(self, finding: ReportedFinding) -> Cell:
        cited = "\n".join(labels.citation(snippet) for snippet in finding.snippets)
        if not cited:
            return None
        row = 2 + sum(len(other.snippets) for other in self._report.findings[: self._rows[finding.id] - 1])
        return Link(cited, f"internal:'{self._names['Locations'].replace(chr(39), chr(39) * 2)}'!A{row}")

    def _ticket(self, finding: ReportedFinding) -> Cell:
        # A cell has one link: of several tickets it shows all, and leads to the first that has an address.
        addresses = [address for ref in finding.tickets if (address := labels.ticket_address(ref)) is not None]
        return _link("\n".join(finding.tickets), addresses[0] if addresses else None) if finding.tickets else None

    def _advice(self, finding: ReportedFinding) -> str:
        part = self._part(finding)
        texts = [passage for passage in finding.prose if passage.path[0] == "recommendation"]
        return "\n\n".join(
            "\n".join(filter(None, (self._only_for(passage.audience), write_text(part.parse(passage.text).tokens, part))))
            for passage in texts
        )


class _Formats:
    """The formats of cells."""

    def __init__(self, book: Workbook, engagement: ReportedEngagement) -> None:
        self._book = book
        # A language of right-to-left text has its own alignment, which Excel takes from the sheet.
        plain: dict[str, Any] = {"font_name": "Calibri", "font_size": 10, "valign": "top", "text_wrap": True, "border": 1}
        plain["border_color"] = "#d5dae0"
        head_fill = colours.ensure_contrast(engagement.accent, "#ffffff", 4.5)
        self.cell = self._add(plain)
        self.label = self._add(plain, bold=True)
        self.link = self._add(plain, font_color="#1f4e79", underline=1)
        self.number = self._add(plain, align="right")
        self.day = self._add(plain, num_format="yyyy-mm-dd", align="left")
        self.head = self._add(plain, bold=True, font_color="#ffffff", bg_color=head_fill, border_color=head_fill)
        self.title = self._add({"font_name": "Calibri", "font_size": 16, "bold": True})
        shades = colours.shade([severity.colour for severity in engagement.severities], "#ffffff")
        self._chips = [
            self._add(plain, bold=True, font_color=shade.text, bg_color=shade.fill, align="center") for shade in shades
        ]

    def severity(self, rank: int) -> Format:
        """Return the format of a severity by its rank, 0 for the most severe."""
        return self._chips[rank] if rank < len(self._chips) else self.label

    def _add(self, values: Mapping[str, Any], **more: Any) -> Format:
        return self._book.add_format({**values, **more})


def write_text(tokens: Sequence[Token], part: Part) -> str:
    """Return a parsed text for a cell: its lines, with marks of lists, without those of emphasis."""
    printer = _TextPrinter(part)
    for token in label_code(tokens, part):
        printer.add(token)
    return "\n".join(printer.lines).strip("\n")


class _TextPrinter:
    """Prints blocks as lines, with a blank one between paragraphs."""

    def __init__(self, part: Part) -> None:
        self.lines: list[str] = []
        self._part = part
        # Of each open list the number of its next item; None for a list with bullets.
        self._lists: list[int | None] = []
        self._mark = ""
        self._row: list[str] | None = None

    def add(self, token: Token) -> None:
        """Print one block token."""
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open", "list_item_open"):
            self._open(token)
        elif kind == "inline":
            text = _inline(token.children or (), self._part)
            if self._row is not None:
                self._row.append(text)
            else:
                self.lines.append((self._mark or "  " * len(self._lists)) + text)
                self._mark = ""
        elif kind in ("fence", "code_block"):
            self.lines += [*token.content.rstrip("\n").split("\n"), ""]
        elif kind == "figure":
            self.lines += [_name_figure(token, self._part), ""]
        elif kind == "tr_open":
            self._row = []
        else:
            self._close(kind)

    def _open(self, token: Token) -> None:
        if token.type != "list_item_open":
            self._lists.append(int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None)
            return
        number = self._lists[-1]
        self._mark = "  " * (len(self._lists) - 1) + ("– " if number is None else f"{number}. ")
        self._lists[-1] = None if number is None else number + 1

    def _close(self, kind: str) -> None:
        if kind == "tr_close":
            self.lines.append(" | ".join(self._row or ()))
            self._row = None
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        is_end = kind in ("paragraph_close", "heading_close", "bullet_list_close", "ordered_list_close", "table_close", "hr")
        if is_end and not self._lists:
            self.lines.append("")


def _inline(children: Sequence[Token], part: Part) -> str:
    shown: list[str] = []
    for index, token in enumerate(children):
        match token.type:
            case "softbreak":
                shown.append(" ")
            case "hardbreak":
                shown.append("\n")
            case "image":
                text = token.meta["text"] or token.meta["name"]
                shown.append(part.engagement.translation.gettext("[image: {text}]", text=text))
            case "link_open":
                shown.append(_name_link(token, part) if children[index + 1].type == "link_close" else "")
            case "link_close":
                opener = next(other for other in reversed(children[:index]) if other.type == "link_open")
                address = str(opener.attrs["href"])
                is_shown = opener.info == "auto" or not address.lower().startswith(("http:", "https:", "mailto:"))
                shown.append("" if is_shown or children[index - 1] is opener else f" ({address})")
            case _:
                shown.append(token.content)
    return "".join(shown)


def _name_link(token: Token, part: Part) -> str:
    """Return the text of a link that has none."""
    scheme, _, name = str(token.attrs["href"]).partition(":")
    if scheme == "finding":
        return part.current(name)
    if scheme == "table":
        return link_table(name, part)[0]
    if scheme == "location":
        figure = part.find_figure("placed", name)
        words = part.engagement.translation
        return (
            words.gettext("Figure {number}", number=figure.number)
            if figure
            else words.gettext("[no location {name}]", name=name)
        )
    return str(token.attrs["href"])


def _name_figure(token: Token, part: Part) -> str:
    """Return what a cell has in place of a figure: its number, where it is cited from, and its caption."""
    figure, words = part.find_figure(token.meta["kind"], token.meta["name"]), part.engagement.translation
    caption = _inline(token.meta["alt"], part)
    if figure is None:
        return words.gettext("[not included: {text}]", text=caption or token.meta["name"])
    name = words.gettext("Figure {number}", number=figure.number) if figure.number else ""
    cited = labels.citation(figure.snippet) if figure.snippet else figure.picture.alt if figure.picture else ""
    return f"[{' · '.join(filter(None, (name, cited, caption)))}]"


def _code(snippet: Snippet, words: Translation) -> str:
    """Return the printed lines of a snippet with their numbers."""
    rows: list[str] = []
    if snippet.is_authors and snippet.runs:
        rows.append(words.gettext("Author’s copy of this code, not verified against the repository."))
    for index, run in enumerate(snippet.runs):
        rows += [ELISION] if index else []
        rows += [f"{line.number}  {line.text}" if line.number is not None else line.text for line in run.lines]
    return "\n".join(rows)


def _link(text: str, address: str | None) -> Cell:
    """Return a text with a web address as a link; the text alone where the address is none, or Excel would not take it."""
    is_web = address is not None and address.lower().startswith(("https://", "http://"))
    if address is None or not is_web or HIDDEN.search(address) or len(address) > _LONGEST_LINK or " " in address:
        return text
    return Link(text, address)


def _line(regions: Sequence[Region], choose: Callable[[list[int]], int]) -> int | None:
    """Return the first or the last of the cited lines; None for a whole file."""
    lines = [line for region in regions for line in (region.start_line, region.end_line)]
    return choose(lines) if lines else None


def _fit(text: str, words: Translation) -> str:
    """Return a text that Excel takes: characters it forbids by their code, and cut with a remark if it is too long."""
    shown = visible(text).replace("\r", "")
    shown = "".join(character if character not in "\ufffe\uffff" else f"\\u{{{ord(character):04X}}}" for character in shown)
    shown = shown.encode("utf-16", "backslashreplace").decode("utf-16")
    if len(shown.encode("utf-16-le")) // 2 <= LONGEST:
        return shown
    kept = shown.encode("utf-16-le")[: 2 * (LONGEST - 80)].decode("utf-16-le", "ignore")
    return f"{kept}{ELISION} {count_left_out(len(shown) - len(kept), words)}"


def _count_rows(value: Cell, width: int) -> int:
    """Return about how many rows of text a cell has in a column of that width, in characters."""
    text = value.text if isinstance(value, Link) else value if isinstance(value, str) else ""
    return sum(1 + sum(2 if ord(character) > 0x2E80 else 1 for character in line) // width for line in text.split("\n"))


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())[:255]


def _in_foot(text: str) -> str:
    return " ".join(visible(text).split())[:70].replace("&", "&&")
