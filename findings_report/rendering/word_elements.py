"""The elements of a Word document: runs, paragraphs, tables, pictures and links, as WordprocessingML.

Every authored character passes `escape`, and links go to the web, to mail addresses and to bookmarks only. The content
comes from `word_prose`, `word_findings` and `docx`. Source: ECMA-376, part 1.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, NamedTuple

from markdown_it.token import Token
from markupsafe import Markup

from findings_report.model.report import Picture, Report
from findings_report.model.translation import Translation
from findings_report.problems.safe_text import PROPERTIES_OF, code_point, find_hidden
from findings_report.prose.policy import split_inline_code
from findings_report.rendering import colours, labels
from findings_report.rendering.figures import Part
from findings_report.rendering.word_package import (
    NAMESPACES,
    Package,
    W,
    add_numbered_list,
    count_notes,
    escape,
    open_notes,
    size,
)
from findings_report.sourcecode.unusual_characters import split_by_direction

SHORT: Final = 14  # lines of code or rows that are kept on one page
SHORT_TABLE: Final = 6  # rows, likewise
QUIET_INK: Final = "5A6672"
DASH: Final = "–"
_TALLEST: Final = 9_000  # of a picture, in twentieths of a point
_WEB: Final = ("https://", "http://", "mailto:")


class Format(NamedTuple):
    """How characters look."""

    style: str = ""
    """Name of a character style."""
    bold: bool = False
    italic: bool = False
    strike: bool = False
    colour: str = ""
    """Six hexadecimal digits."""
    points: float = 0
    fill: str = ""
    """Ground, six hexadecimal digits."""


PLAIN: Final = Format()
BOLD: Final = Format(bold=True)
CODE: Final = Format(style="Code Text")
QUIET: Final = Format(colour=QUIET_INK)


@dataclass
class Cell:
    """A cell of a table: paragraphs, given as runs."""

    paragraphs: list[str]
    """Runs of each paragraph, as XML."""
    fill: str = ""
    """Ground, six hexadecimal digits."""
    align: str = ""
    """left, center or right."""
    text: str = ""
    """The text, by which columns get their widths."""


class WordBody:
    """The body of one report, written piece by piece into `pieces`."""

    def __init__(self, package: Package, report: Report) -> None:
        self.pieces: list[str] = []
        self.package = package
        self.report = report
        self.engagement = report.engagement
        self.words: Translation = report.engagement.translation
        self.is_right_to_left = self.words.direction == "rtl"
        self._bookmarks = self._lists = self._pictures = self.notes = 0
        # The part that has links and pictures: the document, or the footnotes while one is written.
        self._story: Any = package.document.part
        self._notes: Any = None
        self._notes_before = count_notes(package)
        self.anchors = {
            *(finding.id for finding in report.findings),
            *(section.key for section in report.sections),
        }
        self.contents: list[tuple[int, str, str]] = []
        self.shades = colours.shade([severity.colour for severity in self.engagement.severities], "#ffffff")
        self.part = self.new_part()

    def new_part(self) -> Part:
        """Return a part of the report without figures and tables."""
        return Part(self.engagement, address=lambda _picture: "", draw=lambda *_: Markup(""))

    def runs(self, text: str, format: Format = PLAIN) -> str:  # noqa: A002
        """Return a text as runs: those from right to left apart, which Word does not find out."""
        if not text:
            return ""
        return "".join(
            f"<w:r>{self._properties(format, is_reversed)}{_characters(piece)}</w:r>"
            for piece, is_reversed in split_by_direction(text)
        )

    def _properties(self, format: Format, is_reversed: bool) -> str:  # noqa: A002
        # In the order of the schema, which Word insists on.
        parts = [f'<w:rStyle w:val="{self.package.style(format.style)}"/>' if format.style else ""]
        # Scripts from right to left have weight, slant and size of their own.
        parts += ["<w:b/><w:bCs/>" if format.bold else "", "<w:i/><w:iCs/>" if format.italic else ""]
        parts += ["<w:strike/>" if format.strike else ""]
        parts += [f'<w:color w:val="{format.colour}"/>' if format.colour else "", size(format.points) if format.points else ""]
        parts += [f'<w:shd w:val="clear" w:color="auto" w:fill="{format.fill}"/>' if format.fill else ""]
        parts += ["<w:rtl/>" if is_reversed else ""]
        inner = "".join(parts)
        return f"<w:rPr>{inner}</w:rPr>" if inner else ""

    def titled(self, text: str, format: Format = PLAIN) -> str:  # noqa: A002
        """Return a short text with what is in backticks as code."""
        coded = format._replace(style="Code Text")
        return "".join(self.runs(run.text, coded if run.is_code else format) for run in split_inline_code(text))

    def link(self, runs: str, address: str | None) -> str:
        """Return runs that lead to a web address or a mail address; the runs alone for any other."""
        if address is None or not address.lower().startswith(_WEB) or re.search(r"[\s\\<>\"]", address):
            return runs
        from docx.opc.constants import RELATIONSHIP_TYPE

        # One relation for an address, however often it is linked.
        id = self._story.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
        return f'<w:hyperlink r:id="{id}" w:history="1">{runs}</w:hyperlink>'

    def linked(self, text: str, address: str | None, format: Format = PLAIN) -> str:  # noqa: A002
        """Return a text, linked and with the look of a link if the address may be followed."""
        shown = self.link(self.runs(text, format._replace(style="Hyperlink")), address)
        return shown if shown.startswith("<w:hyperlink") else self.runs(text, format)

    def refer(self, runs: str, anchor: str) -> str:
        """Return runs that lead to a bookmark of this document."""
        return f'<w:hyperlink w:anchor="{_bookmark(anchor)}" w:history="1">{runs}</w:hyperlink>'

    def ids(self, findings: Iterable[str]) -> str:
        """Return ids of findings, linked."""
        linked = [self.refer(self.runs(id, Format(style="Hyperlink")), id) for id in findings]
        return self.runs(self.words.join(("", ""))).join(linked)

    def mark(self, runs: str, anchor: str) -> str:
        """Return runs with a bookmark around them."""
        self._bookmarks += 1
        id = self._bookmarks
        return f'<w:bookmarkStart w:id="{id}" w:name="{_bookmark(anchor)}"/>{runs}<w:bookmarkEnd w:id="{id}"/>'

    def label(self, message: str, number: str, kind: str) -> str:
        """Return the label of a figure or table; its last number is a field that counts, as Word's own captions have it."""
        before, _, after = self.words.gettext(message, number="\x00").partition("\x00")
        prefix, dot, last = number.rpartition(".")
        # A sequence for each finding, as its figures are numbered under its id.
        name = f"{kind}_{_bookmark(prefix)}" if prefix else kind
        return (
            self.runs(f"{before}{prefix}{dot}", BOLD)
            + field_element(f"SEQ {name[:40]} \\* ARABIC", last, self._properties(BOLD, is_reversed=False))
            + self.runs(after, BOLD)
        )

    def add(self, style: str, runs: str, **look: Any) -> None:
        """Add a paragraph."""
        self.pieces.append(self.paragraph(style, runs, **look))

    def paragraph(
        self,
        style: str,
        runs: str,
        *,
        keep_next: bool = False,
        new_page: bool = False,
        list_item: tuple[int, int] | None = None,
        indent: int = 0,
        hanging: int = 0,
        bar: str = "",
        fill: str = "",
        align: str = "",
        right: int = 0,
        reversed_text: bool | None = None,
    ) -> str:
        """Return a paragraph; `list_item` is the number of its list and its level, widths are in twentieths of a point.

        `right` is where a tab leads to the right edge of the text, over dots.
        """
        is_reversed = self.is_right_to_left if reversed_text is None else reversed_text
        # In the order of the schema.
        parts = [f'<w:pStyle w:val="{self.package.style(style)}"/>', "<w:keepNext/>" if keep_next else ""]
        parts += ["<w:pageBreakBefore/>" if new_page else ""]
        if list_item is not None:
            number, level = list_item
            parts.append(f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')
        if bar:
            edge = f'w:val="single" w:sz="18" w:space="4" w:color="{bar}"'
            # Borders are not mirrored, as indents are; the style has one at the left.
            sides = f'<w:left w:val="nil"/><w:right {edge}/>' if is_reversed else f"<w:left {edge}/>"
            parts.append(f"<w:pBdr>{sides}</w:pBdr>")
        parts += [f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""]
        parts += [f'<w:tabs><w:tab w:val="left" w:pos="{indent}"/></w:tabs>' if hanging else ""]
        parts += [f'<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="{right}"/></w:tabs>' if right else ""]
        parts += ["<w:bidi/>" if is_reversed else ""]
        if indent or hanging:
            parts.append(f'<w:ind w:left="{indent}"' + (f' w:hanging="{hanging}"' if hanging else "") + "/>")
        parts += [f'<w:jc w:val="{align}"/>' if align else ""]
        return f"<w:p><w:pPr>{''.join(parts)}</w:pPr>{runs}</w:p>"

    def heading(self, level: int, runs: str, anchor: str = "", text: str = "", **look: Any) -> None:
        """Add a heading of Word's level; one with a text is listed in the contents, which have two levels."""
        if text and level <= 2:
            # A heading of a text has no name of its own.
            anchor = anchor or f"heading-{len(self.contents)}"
            self.contents.append((level, text, anchor))
        self.add(f"heading {min(level, 6)}", self.mark(runs, anchor) if anchor else runs, **look)

    def part_heading(self, message: str, anchor: str, *, new_page: bool = False) -> None:
        """Add the heading of a part of the report."""
        self.heading(1, self.runs(message), anchor, message, new_page=new_page)

    def cell(self, text: str, runs: str | None = None, **look: Any) -> Cell:
        """Return a cell of one paragraph."""
        return Cell([self.runs(text) if runs is None else runs], text=text, **look)

    def table(self, head: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, indent: int = 0, title: str = "") -> None:
        """Add a table whose head is repeated on each page; `title` is its alternative text."""
        widths = _column_widths([head, *rows] if head else rows, self.package.width - indent)
        lines = [self.row(head, widths, is_head=True)] if head else []
        # A short table is on one page.
        lines += [self.row(row, widths, keep_next=index < len(rows) <= SHORT_TABLE) for index, row in enumerate(rows, start=1)]
        self.pieces.append(self.table_element(lines, widths, "Findings Table", indent=indent, title=title))
        self.add_gap()

    def add_gap(self, *, keep_next: bool = False) -> None:
        """Add a gap behind a table: two that follow each other are one to Word."""
        keep = "<w:keepNext/>" if keep_next else ""
        self.pieces.append(
            f'<w:p><w:pPr>{keep}<w:spacing w:before="0" w:after="0" w:line="160" w:lineRule="exact"/></w:pPr></w:p>'
        )

    def table_element(
        self, rows: Sequence[str], widths: Sequence[int], style: str, *, indent: int = 0, title: str = "", has_head: bool = True
    ) -> str:
        """Return a table of rows; `title` is its alternative text."""
        grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
        parts = [f'<w:tblStyle w:val="{self.package.style(style)}"/>', "<w:bidiVisual/>" if self.is_right_to_left else ""]
        parts += [f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/>', f'<w:tblInd w:w="{indent}" w:type="dxa"/>' if indent else ""]
        look = '<w:tblLook w:val="0020" w:firstRow="1"/>' if has_head else '<w:tblLook w:val="0000" w:firstRow="0"/>'
        parts += ['<w:tblLayout w:type="fixed"/>', look]
        parts += [f'<w:tblCaption w:val="{escape(title)}"/>' if title else ""]
        return f"<w:tbl><w:tblPr>{''.join(parts)}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"

    def row(self, cells: Sequence[Cell], widths: Sequence[int], *, is_head: bool = False, keep_next: bool = False) -> str:
        """Return a row of a table, with the next one on a page if `keep_next`."""
        shown = []
        for cell, width in zip(cells, widths, strict=False):
            fill = f'<w:shd w:val="clear" w:color="auto" w:fill="{cell.fill}"/>' if cell.fill else ""
            content = "".join(
                self.paragraph("Table Text", runs, align=cell.align, keep_next=is_head or keep_next)
                for runs in cell.paragraphs or [""]
            )
            shown.append(f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{fill}</w:tcPr>{content}</w:tc>')
        # A head that is repeated must not be split.
        marks = "<w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>" if is_head else "<w:trPr><w:cantSplit/></w:trPr>"
        # A row higher than a page has to be split.
        if not is_head and any(len(cell.text) > 1500 or len(cell.paragraphs) > 20 for cell in cells):
            marks = ""
        return f"<w:tr>{marks}{''.join(shown)}</w:tr>"

    def picture(self, picture: Picture, alt: str, widest: int) -> str:
        """Return the run of a picture, with its alternative text, no wider than `widest` twentieths of a point."""
        self._pictures += 1
        id, _image = self._story.get_or_add_image(BytesIO(picture.content))
        # 96 pixels to the inch, as on a screen.
        scale = min(1, widest / max(1, picture.width * 15), _TALLEST / max(1, picture.height * 15))
        width, height = (max(1, round(pixels * 15 * scale)) * 635 for pixels in (picture.width, picture.height))
        name = f'id="{self._pictures}" name="Picture {self._pictures}" descr="{escape(alt)}"'
        return (
            f'<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{width}" cy="{height}"/>'
            f'<wp:docPr {name}/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture">'
            f'<pic:pic><pic:nvPicPr><pic:cNvPr {name}/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="{id}"/>'
            f'<a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{width}" '
            f'cy="{height}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData>'
            "</a:graphic></wp:inline></w:drawing></w:r>"
        )

    def footnote(self, write: Callable[[], None]) -> str:
        """Return the mark of a new footnote, as a run; `write` adds its paragraphs."""
        from lxml import etree

        if self._notes is None:
            self._notes = open_notes(self.package, self.engagement)
            self._last_note = max(int(note.get(f"{{{W}}}id")) for note in self._notes.element)
        self.notes, self._last_note = self.notes + 1, self._last_note + 1
        id = self._last_note
        outer, self.pieces, self._story = self.pieces, [], self._notes
        write()
        pieces, self.pieces, self._story = self.pieces, outer, self.package.document.part
        source = f'<w:footnote {NAMESPACES} w:id="{id}">{"".join(pieces)}</w:footnote>'
        self._notes.element.append(etree.fromstring(source.encode(), etree.XMLParser(huge_tree=True, resolve_entities=False)))
        return self.note_run(f'<w:footnoteReference w:id="{id}"/>')

    def note_run(self, content: str) -> str:
        """Return a run in the look of the number of a footnote."""
        return f'<w:r><w:rPr><w:rStyle w:val="{self.package.style("footnote reference")}"/></w:rPr>{content}</w:r>'

    def refer_to_note(self, number: int, anchor: str) -> str:
        """Return the number of a footnote again, as a field; `number` counts the notes of the report from 1."""
        return complex_field(f"NOTEREF {_bookmark(anchor)} \\f \\h", self.note_run(f"<w:t>{self._notes_before + number}</w:t>"))

    def page_of(self, anchor: str) -> str:
        """Return a field for the page of a bookmark."""
        return complex_field(f"PAGEREF {_bookmark(anchor)} \\h")

    def next_list(self, start: int, level: int) -> int:
        """Return the number of a new numbered list."""
        self._lists += 1
        number = self.package.numbering + self._lists
        add_numbered_list(self.package, number, start, level)
        return number

    def only_for(self, audience: Sequence[str]) -> None:
        """Add the readers that the following is limited to."""
        if audience:
            self.add("Audience", self.runs(self.name_audience(audience)))

    def name_audience(self, audience: Sequence[str]) -> str:
        """Return the words for the readers that something is limited to; none for everybody."""
        return self.words.gettext("Only for: {audiences}", audiences=self.words.join(tuple(audience))) if audience else ""

    def bullets(self, items: Iterable[str]) -> None:
        """Add a list of lines, given as runs."""
        for runs in items:
            self.add("List Bullet", runs, list_item=(self.package.numbering, 0))

    def chip(self, name: str, rank: int) -> str:
        """Return the word of a severity on its colour."""
        shade = self.shades[rank] if rank < len(self.shades) else None
        look = Format(bold=True, colour=hex_of(shade.text), fill=hex_of(shade.fill)) if shade else BOLD
        return self.runs(f"\u00a0{labels.words(name, self.words)}\u00a0", look)

    def rank(self, name: str) -> int:
        """Return the position of a severity in the scale; behind the last for one of another scale."""
        names = [severity.name for severity in self.engagement.severities]
        return names.index(name) if name in names else len(names)


def _characters(text: str) -> str:
    """Return the content of a run: its text, line ends and tabs."""
    pieces = re.split("([\n\t])", text)
    elements = {"\n": "<w:br/>", "\t": "<w:tab/>"}
    return "".join(elements.get(piece) or f'<w:t xml:space="preserve">{escape(piece)}</w:t>' for piece in pieces if piece)


def _column_widths(rows: Sequence[Sequence[Cell]], total: int) -> list[int]:
    """Return the widths of columns by what they hold: none narrower than its longest word, as far as there is room."""
    count = max(len(row) for row in rows)
    texts = [[row[index].text for row in rows[:400] if index < len(row)] for index in range(count)]
    # A column of long texts wants all that there is, but one text does not decide it.
    length = [max((min(80, _width(text)) for text in column), default=0) for column in texts]
    # A date, a number or a word of the scale is not broken, unless there are many columns.
    least = [_least(column, 18) for column in texts]
    if sum(least) > total * 3 // 4:
        least = [_least(column, 10) for column in texts]
    if (needed := sum(least)) > total:
        return [max(300, width * total // needed) for width in least]
    wanted = [max(0, 200 + 105 * characters - width) for characters, width in zip(length, least, strict=True)]
    spare, most = total - needed, sum(wanted) or 1
    widths = [width + min(want, spare * want // most) for width, want in zip(least, wanted, strict=True)]
    # What no column needs: to all of them if they are alike, else to the widest. Tables are as wide as the text.
    if max(length) <= 24:
        widths = [width + (total - sum(widths)) // count for width in widths]
    widths[widths.index(max(widths))] += total - sum(widths)
    return widths


def _least(texts: Sequence[str], whole: int) -> int:
    """Return the least width of a column in which no word is broken, and no text of up to `whole` characters."""
    words = [word for text in texts for word in ([text] if _width(text) <= whole else re.split(r"[\s/]+", text))]
    return max(620, 200 + 118 * max((min(22, _width(word)) for word in words), default=0))


def _width(text: str) -> int:
    """Return the width of a text in letters; an ideograph is as wide as two."""
    return len(text) + sum(character > "\u2e80" for character in text)


def complex_field(instruction: str, runs: str = "") -> str:
    """Return a field whose result is shown as runs; without them, nothing is shown until a program has counted."""
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
    return f'{begin}<w:r><w:instrText xml:space="preserve"> {instruction} </w:instrText></w:r>{separate}{runs}{end}'


def field_element(instruction: str, result: str = "1", look: str = "") -> str:
    """Return a field with the result that is shown until Word counts."""
    return f'<w:fldSimple w:instr=" {instruction} "><w:r>{look}<w:t>{escape(result)}</w:t></w:r></w:fldSimple>'


def _bookmark(anchor: str) -> str:
    """Return the name of a bookmark: letters, digits and underscores, at most 40; two anchors never share one."""
    return f"{re.sub('[^A-Za-z0-9]', '_', anchor)[:26]}_{zlib.crc32(anchor.encode()):08x}".lstrip("_0123456789") or "_"


def hex_of(colour: str) -> str:
    """Return a colour as Word has it: six digits."""
    return colour.lstrip("#").upper()


def is_reversed(children: Sequence[Token]) -> bool:
    """Return True for a paragraph whose first letter is written from right to left."""
    for character in "".join(child.content for child in children if child.type in ("text", "code_inline")):
        if "right_to_left" in PROPERTIES_OF[character]:
            return True
        if character.isalpha():
            return False
    return False


def show_hidden(pieces: Iterable[tuple[str, str]], line: str) -> Any:
    """Return the pieces of a line with hidden characters by their codes; what is hidden depends on the whole line."""
    places = set(find_hidden(line))
    if not places:
        return pieces
    shown, at = [], 0
    for kind, text in pieces:
        shown.append((kind, "".join(code_point(c) if at + index in places else c for index, c in enumerate(text))))
        at += len(text)
    return shown
