"""The report as a document for Word, in the structure of the template `standard`, with Word's own styles, fields and bookmarks.

Made from the report and from the tokens of its texts, as the other formats are. The body is written as WordprocessingML; every
authored character passes `escape`, and links go to the web, to mail addresses and to bookmarks only. Source: ECMA-376, part 1.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import groupby
from typing import Any, Final, NamedTuple

from markdown_it.token import Token
from markupsafe import Markup

from findings_report.model.engagement import State
from findings_report.model.evidence import VERDICT_MEANING, Line, Snippet, Verdict
from findings_report.model.finding import Event
from findings_report.model.passages import Passage, Position
from findings_report.model.report import Picture, Report, ReportedFinding, ReportedRepository, ReportedSection
from findings_report.model.translation import Translation
from findings_report.problems.safe_text import PROPERTIES_OF, code_point, find_hidden
from findings_report.prose import parse_inline
from findings_report.prose.policy import split_inline_code
from findings_report.rendering import colours, labels
from findings_report.rendering.figures import Figure, Part, link_table, number_figures, number_tables, translate_prose
from findings_report.rendering.highlighting import LONGEST_LINE, Pieces, cut, highlight
from findings_report.rendering.html import ELISION, count_left_out, first_line, heading_levels, label_code, label_figure
from findings_report.rendering.word_package import (
    LIST_INDENT,
    NAMESPACES,
    PLACE,
    Package,
    W,
    add_numbered_list,
    escape,
    indent_of,
    open_package,
    save,
    size,
)
from findings_report.report.formats import Rendered
from findings_report.sourcecode.unusual_characters import describe, has_right_to_left, remark_on

_RIGHT_TO_LEFT: Final = "right_to_left"
_SHORT: Final = 14  # lines of code that are kept on one page
_CODE_COLUMN: Final = 89  # width of a character of code at 8 points, in twentieths of a point
_TALLEST: Final = 9_000  # of a picture, in twentieths of a point
_WORST: Final = frozenset({Verdict.EDITED, Verdict.MOVED, Verdict.NOT_FOUND, Verdict.UNCHECKED})
_INKS: Final = {"k": "0B4F9C", "f": "5B3AA6", "d": "8A3B12", "s": "22683F", "n": "855000", "c": "5F6B76"}
_QUIET, _WARN, _GOOD, _MARK, _MARK_BAR = "5A6672", "8A4B00", "22683F", "FFF3C9", "C98A00"
_DASH: Final = "–"
_WEB: Final = ("https://", "http://", "mailto:")
_BARS: Final = {"note": "1F4E79", "important": "1F4E79", "tip": "22683F", "warning": "C98A00", "caution": "8A3B12"}


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
QUIET: Final = Format(colour=_QUIET)


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


def render(report: Report) -> Rendered:
    """Return the document. The same report gives the same bytes.

    Raises FindingsReportError (OUTPUT) for a firm's document that cannot be used.
    """
    package = open_package(report.engagement)
    body = _DocumentBody(package, report)
    # Pictures and links become parts of the package while the body is written.
    body.write_report()
    _place(package, body.pieces)
    if not _has_heads(package):
        _write_heads(package, body)
    return Rendered(save(package, report.engagement))


def _place(package: Package, pieces: Sequence[str]) -> None:
    """Put the body where the firm's document has its placeholder, else at its end."""
    from lxml import etree

    # The parser of lxml refuses more than 10 MB of one text otherwise; ours has no entities.
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    made = etree.fromstring(f"<w:body {NAMESPACES}>{''.join(pieces)}</w:body>".encode(), parser)
    body = package.document.element.body
    pattern = re.compile(r"\s*\{\{\s*" + PLACE + r"\s*\}\}\s*")
    places = [
        paragraph
        for paragraph in body.iterchildren(f"{{{W}}}p")
        if pattern.fullmatch("".join(text.text or "" for text in paragraph.iter(f"{{{W}}}t")))
    ]
    following = places[0] if places else body.find(f"{{{W}}}sectPr")
    # Not by position, which takes time in proportion to the elements before it.
    for element in list(made):
        if following is not None:
            following.addprevious(element)
        else:
            body.append(element)
    if places:
        body.remove(places[0])


def _has_heads(package: Package) -> bool:
    kinds = ("headerReference", "footerReference")
    return any(next(package.document.element.iter(f"{{{W}}}{kind}"), None) is not None for kind in kinds)


def _write_heads(package: Package, body: _DocumentBody) -> None:
    """Write head and foot of every page; the first has the marking only."""
    from docx.shared import Twips
    from lxml import etree

    engagement, words = body.engagement, body.words
    section = package.document.sections[-1]
    section.different_first_page_header_footer = not package.has_cover
    marking = " · ".join(body.list_markings())
    # At the edge of the text, also of the firm's page.
    right = f'<w:tabs><w:tab w:val="right" w:pos="{package.width}"/></w:tabs>'
    rule = '<w:pBdr><w:{side} w:val="single" w:sz="4" w:space="4" w:color="D5DAE0"/></w:pBdr>'
    tab = "<w:r><w:tab/></w:r>"
    named = filter(
        None,
        (
            words.gettext("Version {version}", version=engagement.version) if engagement.version else "",
            words.day(engagement.date) if engagement.date else "",
            engagement.edition_words or "",
        ),
    )
    before, page, between, pages, after = _around(words.gettext("Page {page} of {pages}"))
    counted = "".join(
        (body.runs(before), _field(page), body.runs(between), _field(pages), body.runs(after)),
    )
    head = body.runs(engagement.title) + (tab + body.runs(marking, BOLD) if marking else "")
    lines = {
        section.header: ("Header", rule.format(side="bottom"), head),
        section.footer: ("Footer", rule.format(side="top"), body.runs(" · ".join(named)) + tab + counted),
    }
    if not package.has_cover:
        lines[section.first_page_header] = ("Header", "", body.runs(marking, BOLD))
        lines[section.first_page_footer] = ("Footer", "", tab + body.runs(marking, BOLD))
    for part, (style, border, content) in lines.items():
        part.is_linked_to_previous = False
        element = part._element  # python-docx has no public name for it
        for child in list(element):
            element.remove(child)
        source = f'<w:p {NAMESPACES}><w:pPr><w:pStyle w:val="{package.style(style)}"/>{border}{right}</w:pPr>{content}</w:p>'
        element.append(etree.fromstring(source))
    section.header_distance, section.footer_distance = Twips(624), Twips(567)


def _around(text: str) -> tuple[str, str, str, str, str]:
    """Return the parts of `Page {page} of {pages}` with the fields for its numbers, in the order of the language."""
    first, second = sorted(("{page}", "{pages}"), key=text.find)
    before, _, rest = text.partition(first)
    between, _, after = rest.partition(second)
    fields = {"{page}": "PAGE", "{pages}": "NUMPAGES"}
    return before, fields[first], between, fields[second], after


def _field(instruction: str, result: str = "1") -> str:
    return f'<w:fldSimple w:instr=" {instruction} "><w:r><w:t>{escape(result)}</w:t></w:r></w:fldSimple>'


class _DocumentBody:
    """Writes the body of one report, piece by piece."""

    def __init__(self, package: Package, report: Report) -> None:
        self.pieces: list[str] = []
        self.package = package
        self.report = report
        self.engagement = report.engagement
        self.words: Translation = report.engagement.translation
        self.is_right_to_left = self.words.direction == "rtl"
        self._bookmarks = self._lists = self._pictures = 0
        self._anchors = {
            *(finding.id for finding in report.findings),
            *(section.key for section in report.sections),
        }
        self._contents: list[tuple[int, str, str]] = []
        self._shades = colours.shade([severity.colour for severity in self.engagement.severities], "#ffffff")
        self.part = self._new_part()

    def _new_part(self) -> Part:
        return Part(self.engagement, address=lambda _picture: "", draw=lambda *_: Markup(""))

    # --- Characters.

    def runs(self, text: str, format: Format = PLAIN) -> str:  # noqa: A002
        """Return a text as runs: those from right to left apart, which Word does not find out."""
        if not text:
            return ""
        return "".join(
            f"<w:r>{self._properties(format, is_reversed)}{_characters(piece)}</w:r>" for piece, is_reversed in _split(text)
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
        id = self.package.document.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
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

    def chip(self, name: str, rank: int) -> str:
        """Return the word of a severity on its colour."""
        shade = self._shades[rank] if rank < len(self._shades) else None
        look = Format(bold=True, colour=_hex(shade.text), fill=_hex(shade.fill)) if shade else BOLD
        return self.runs(f"\u00a0{labels.words(name, self.words)}\u00a0", look)

    def rank(self, name: str) -> int:
        """Return the position of a severity in the scale; behind the last for one of another scale."""
        names = [severity.name for severity in self.engagement.severities]
        return names.index(name) if name in names else len(names)

    def label(self, message: str, number: str, kind: str) -> str:
        """Return the label of a figure or table; its last number is a field that counts, as Word's own captions have it."""
        before, _, after = self.words.gettext(message, number="\x00").partition("\x00")
        prefix, dot, last = number.rpartition(".")
        # A sequence for each finding, as its figures are numbered under its id.
        name = f"{kind}_{_bookmark(prefix)}" if prefix else kind
        return self.runs(f"{before}{prefix}{dot}", BOLD) + _field(f"SEQ {name[:40]} \\* ARABIC", last) + self.runs(after, BOLD)

    # --- Paragraphs and tables.

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
        reversed_text: bool | None = None,
    ) -> str:
        """Return a paragraph; `list_item` is the number of its list and its level, widths are in twentieths of a point."""
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
        parts += ["<w:bidi/>" if is_reversed else ""]
        if indent or hanging:
            parts.append(f'<w:ind w:left="{indent}"' + (f' w:hanging="{hanging}"' if hanging else "") + "/>")
        parts += [f'<w:jc w:val="{align}"/>' if align else ""]
        return f"<w:p><w:pPr>{''.join(parts)}</w:pPr>{runs}</w:p>"

    def heading(self, level: int, runs: str, anchor: str = "", text: str = "", **look: Any) -> None:
        """Add a heading of Word's level; one with an anchor and a text is listed in the contents."""
        if anchor and text:
            self._contents.append((level, text, anchor))
        self.add(f"heading {min(level, 6)}", self.mark(runs, anchor) if anchor else runs, **look)

    def part_heading(self, message: str, anchor: str, *, new_page: bool = False) -> None:
        """Add the heading of a part of the report."""
        self.heading(1, self.runs(message), anchor, message, new_page=new_page)

    def list_markings(self) -> list[str]:
        """Return what every page is marked with: the classification, and that it is a draft."""
        draft = [self.words.gettext("Draft")] if self.engagement.state is State.DRAFT else []
        return [*draft, *([self.engagement.confidentiality] if self.engagement.confidentiality else [])]

    def cell(self, text: str, runs: str | None = None, **look: Any) -> Cell:
        """Return a cell of one paragraph."""
        return Cell([self.runs(text) if runs is None else runs], text=text, **look)

    def severity_cell(self, name: str) -> Cell:
        """Return a cell in the colours of a severity, with its word."""
        # The word is in every cell: nobody depends on the colour.
        shown, rank = labels.words(name, self.words), self.rank(name)
        if rank >= len(self._shades):
            return self.cell(shown)
        shade = self._shades[rank]
        return self.cell(shown, self.runs(shown, Format(bold=True, colour=_hex(shade.text))), fill=_hex(shade.fill))

    def table(self, head: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, indent: int = 0, title: str = "") -> None:
        """Add a table whose head is repeated on each page; `title` is its alternative text."""
        widths = _column_widths([head, *rows] if head else rows, self.package.width - indent)
        lines = [self._row(head, widths, is_head=True)] if head else []
        lines += [self._row(row, widths) for row in rows]
        self.pieces.append(self._table(lines, widths, "Findings Table", indent=indent, title=title))
        self._space()

    def _space(self) -> None:
        """Add a gap behind a table: two that follow each other are one to Word."""
        self.pieces.append('<w:p><w:pPr><w:spacing w:before="0" w:after="0" w:line="160" w:lineRule="exact"/></w:pPr></w:p>')

    def _table(
        self, rows: Sequence[str], widths: Sequence[int], style: str, *, indent: int = 0, title: str = "", has_head: bool = True
    ) -> str:
        grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
        parts = [f'<w:tblStyle w:val="{self.package.style(style)}"/>', "<w:bidiVisual/>" if self.is_right_to_left else ""]
        parts += [f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/>', f'<w:tblInd w:w="{indent}" w:type="dxa"/>' if indent else ""]
        look = '<w:tblLook w:val="0020" w:firstRow="1"/>' if has_head else '<w:tblLook w:val="0000" w:firstRow="0"/>'
        parts += ['<w:tblLayout w:type="fixed"/>', look]
        parts += [f'<w:tblCaption w:val="{escape(title)}"/>' if title else ""]
        return f"<w:tbl><w:tblPr>{''.join(parts)}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"

    def _row(self, cells: Sequence[Cell], widths: Sequence[int], *, is_head: bool = False, keep_next: bool = False) -> str:
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
        id, _image = self.package.document.part.get_or_add_image(BytesIO(picture.content))
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

    # --- Texts.

    def prose(self, text: str, under: int) -> None:
        """Add an authored text, with its headings below Word's level `under`."""
        parsed = self.part.parse(text)
        tokens = label_code(parsed.tokens, self.part)
        _TextWriter(self, tokens, under).write(tokens)

    def line(self, text: str) -> str:
        """Return the content of one paragraph of Markdown as runs."""
        tokens = translate_prose(parse_inline(text), self.words).tokens
        writer = _TextWriter(self, (), 0)
        return "".join(writer.inline(token.children or ()) for token in tokens)

    def next_list(self, start: int, level: int) -> int:
        """Return the number of a new numbered list."""
        self._lists += 1
        number = self.package.numbering + self._lists
        add_numbered_list(self.package, number, start, level)
        return number

    def only_for(self, audience: Sequence[str]) -> None:
        """Add the readers that the following is limited to."""
        if audience:
            self.add("Audience", self.runs(self._name_audience(audience)))

    def _name_audience(self, audience: Sequence[str]) -> str:
        return self.words.gettext("Only for: {audiences}", audiences=self.words.join(tuple(audience))) if audience else ""

    def bullets(self, items: Iterable[str]) -> None:
        """Add a list of lines, given as runs."""
        for runs in items:
            self.add("List Bullet", runs, list_item=(self.package.numbering, 0))

    # --- Evidence.

    def figure(self, figure: Figure, caption: str = "", indent: int = 0) -> None:
        """Add a figure with its caption; a reference to it if it has been printed before."""
        if figure.number and figure.number in self.part.printed:
            name = self.words.gettext("Figure {number}", number=figure.number)
            runs = self.refer(self.runs(name, Format(style="Hyperlink")), f"figure-{figure.number}")
            self.add("Normal", runs + (self.runs(": ") + caption if caption else ""), indent=indent)
            return
        # A bookmark may be there once.
        self.part.printed.add(figure.number)
        if figure.snippet is not None:
            self._snippet(figure, figure.snippet, caption)
        elif figure.picture is not None:
            picture = figure.picture
            self.add("Normal", self.picture(picture, picture.alt, self.package.width - indent), keep_next=True, indent=indent)
            own = self.runs(picture.caption) if picture.caption and not caption else caption
            self._caption(figure, own, "", picture.audience)

    def _snippet(self, figure: Figure, snippet: Snippet, caption: str) -> None:
        words = self.words
        self.add("Code Head", "<w:r><w:br/></w:r>".join(self._code_head(snippet)), reversed_text=False)
        self._code(snippet)
        own = self.line(snippet.caption) if snippet.caption else ""
        self._caption(figure, caption or own, snippet.role or "", snippet.audience)
        if own and caption:
            self.add("Remark", own)
        for number, note in snippet.loose_notes:
            name = self.runs(f"{words.gettext('Line {number}:', number=number)} ", BOLD)
            self.bullets([name + self.line(note)])
        if snippet.check.differences:
            self.add("Remark", self.runs(words.gettext("As quoted (−) and in the repository (+):")), keep_next=True)
            for difference in snippet.check.differences:
                for sign, text, fill in (("−", difference.quoted, "FBE9E7"), ("+", difference.actual, "E6F4EA")):
                    if text is not None:
                        self._code_line(sign, (("", cut(text).text),), 2, fill=fill)
            self._space()

    def _code_head(self, snippet: Snippet) -> Iterator[str]:
        """Yield the lines above a snippet: where it is from, and the verdict on the author's quote."""
        words = self.words
        at = self.runs(" · ", QUIET)
        shown = [self.linked(labels.citation(snippet), snippet.permalink, Format(style="Code Text", bold=True))]
        shown += [self.runs(snippet.symbol, CODE)] if snippet.symbol else []
        if snippet.commit:
            several = len(self.engagement.repositories) > 1
            shown.append(self.runs(f"{snippet.repository}@{snippet.commit[:7]}" if several else snippet.commit[:7], CODE))
        yield at.join(shown)
        if snippet.runs or snippet.check.verdict is not Verdict.NONE:
            ink = _WARN if snippet.check.verdict in _WORST else _QUIET if snippet.check.verdict is Verdict.NONE else _GOOD
            verdict = self.runs(labels.verdict(snippet.check, words), Format(bold=True, colour=ink))
            if snippet.masked:
                one, many = "{count} passage masked by the author", "{count} passages masked by the author"
                verdict += at + self.runs(words.ngettext(one, many, snippet.masked))
            yield verdict
        if snippet.is_authors and snippet.runs:
            warning = words.gettext("Author’s copy of this code, not verified against the repository.")
            yield self.runs(warning, Format(bold=True, colour=_WARN))

    def _caption(self, figure: Figure, caption: str, role: str, audience: Sequence[str]) -> None:
        shown = []
        if figure.number:
            shown.append(self.mark(self.label("Figure {number}", figure.number, "Figure"), f"figure-{figure.number}"))
        if role:
            shown.append(self.runs(f"({self.words.name(role)})"))
        shown += [caption] if caption else []
        shown += [self.runs(self._name_audience(audience), Format(bold=True, colour=_WARN))] if audience else []
        self.add("caption", self.runs(" ").join(shown))

    def _code(self, snippet: Snippet) -> None:
        """Add the lines of a snippet with their numbers, the marked ones on another ground, each note below its line."""
        lines = [line for run in snippet.runs for line in run.lines]
        digits = max((len(str(line.number)) for line in lines if line.number is not None), default=0)
        for index, run in enumerate(snippet.runs):
            if index:
                self._code_line("", (("c", ELISION),), digits)
            pieces = highlight([line.text for line in run.lines], snippet.language, run.inside)
            for line, shown in zip(run.lines, pieces, strict=True):
                # A short block stays with its caption; a longer one may be broken anywhere.
                self._write_line(line, shown, digits, keep_next=len(lines) <= _SHORT or line is lines[0] or line is lines[-1])
        for remark in remark_on([(line.number, line.text) for line in lines]):
            self.add("Remark", self.runs(describe(remark, self.words, is_ordered=True)))

    def _write_line(self, line: Line, pieces: Pieces, digits: int, *, keep_next: bool) -> None:
        number = "" if line.number is None else str(line.number)
        if len(line.text) > LONGEST_LINE:
            shown = cut(line.text)
            more = f" {ELISION} {count_left_out(shown.left_out, self.words)}"
            pieces = (("", shown.text), ("c", more))  # type: ignore[assignment]
        else:
            pieces = _show_hidden(pieces, line.text)
        look = {"fill": _MARK, "bar": _MARK_BAR} if line.highlighted else {}
        self._code_line(number, pieces, digits, keep_next=keep_next, **look)
        if line.note is not None:
            tokens = label_code(self.part.parse(line.note).tokens, self.part)
            _TextWriter(self, tokens, 5, style="Code Note").write(tokens)

    def _code_line(self, number: str, pieces: Sequence[tuple[str, str]], digits: int, **look: Any) -> None:
        indent = (digits + 2) * _CODE_COLUMN if digits else 0
        runs = self.runs(f"{number:>{digits}}\t", QUIET) if digits else ""
        for kind, text in pieces:
            # Tabs as four blanks: a tab stop would be measured from the margin, with the numbers.
            shown = text.replace("\t", "    ")
            runs += self.runs(shown, Format(colour=_INKS.get(kind, ""), italic=kind == "c"))
        self.add("Code Block", runs, indent=indent, hanging=indent, reversed_text=False, **look)

    def fence(self, token: Token, indent: int) -> None:
        """Add a block of code that its author wrote."""
        language = token.info.split(maxsplit=1)[0].lower() if token.info.strip() else ""
        lines = token.content.removesuffix("\n").split("\n")
        for index, (line, pieces) in enumerate(zip(lines, highlight(lines, language), strict=True)):
            self.add(
                "Code Block",
                "".join(
                    self.runs(text.replace("\t", "    "), Format(colour=_INKS.get(kind, ""), italic=kind == "c"))
                    for kind, text in _show_hidden(pieces, line)
                ),
                indent=indent,
                keep_next=len(lines) <= _SHORT and index < len(lines) - 1,
                reversed_text=False,
            )
        self._space()

    # --- Parts of the report, in the order of the template `standard`.

    def write_report(self) -> None:
        """Write every part, and the contents at their place."""
        if not self.package.has_cover:
            self._cover()
        at = len(self.pieces)
        self._front()
        for section in self.report.before():
            self._section(section)
        if self.report.findings:
            self.part_heading(self.words.gettext("Findings"), "part-findings")
        for finding in self.report.findings:
            self._finding(finding)
        for section in self.report.after():
            self._section(section)
        self._appendix()
        # Last, when all headings are known.
        self.pieces[at:at] = self._contents_field()

    def _contents_field(self) -> list[str]:
        """Return the contents as a field that is filled already; page numbers come with Word's `Update field` only."""
        title = self.paragraph("TOC Heading", self.runs(self.words.gettext("Contents")), new_page=True)
        begin = (
            '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r>'
            '<w:instrText xml:space="preserve"> TOC \\o "1-2" \\h \\z \\u </w:instrText></w:r>'
            '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        )
        end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
        lines = [
            self.paragraph(f"toc {level}", (begin if index == 0 else "") + self.refer(self.runs(text), anchor))
            for index, (level, text, anchor) in enumerate(self._contents)
        ]
        # Behind the last entry, as Word itself has it.
        return [title, *lines, self.paragraph("Normal", (begin if not lines else "") + end)]

    def _cover(self) -> None:
        engagement, words, width = self.engagement, self.words, self.package.width
        accent = _hex(colours.ensure_contrast(engagement.accent, "#ffffff", 4.5))
        white = Format(colour="FFFFFF")
        inner = [self.paragraph("Normal", "")]
        if marks := self.list_markings():
            inner.append(self.paragraph("Normal", self.runs(" · ".join(marks), Format(bold=True, colour="FFFFFF", points=10))))
        inner.append(self.paragraph("Subtitle", self.runs(words.gettext("Security assessment"), white)))
        inner.append(self.paragraph("Title", self.runs(engagement.title, Format(bold=True, colour="FFFFFF"))))
        inner.append(self.paragraph("Normal", ""))
        margins = "".join(f'<w:{side} w:w="340" w:type="dxa"/>' for side in ("left", "right"))
        band = (
            f'<w:tr><w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/><w:shd w:val="clear" w:color="auto" w:fill="{accent}"/>'
            f"<w:tcMar>{margins}</w:tcMar></w:tcPr>{''.join(inner)}</w:tc></w:tr>"
        )
        if engagement.logo is not None:
            self.add("Normal", self.picture(engagement.logo, engagement.logo.alt, width // 3))
        self.pieces.append(self._table([band], [width], "Normal Table"))
        self.add("Normal", "")
        self._label_rows(list(self._cover_facts()))

    def _cover_facts(self) -> Iterator[tuple[str, Cell]]:
        engagement, words = self.engagement, self.words
        _ = words.gettext
        if engagement.client:
            yield _("Prepared for"), self.cell(engagement.client, self.runs(engagement.client, BOLD))
        if engagement.authors:
            lines = []
            for author in engagement.authors:
                name = ", ".join(filter(None, (author.name, author.role)))
                mail = self.runs("  ") + self.linked(author.email, f"mailto:{author.email}") if author.email else ""
                lines.append(self.runs(name) + mail)
            yield _("Prepared by"), Cell(lines, text="".join(author.name for author in engagement.authors))
        audited = [self._audited(repository) for repository in engagement.repositories if repository.commit]
        if audited:
            yield _("Audited commit"), Cell(audited, text=" " * 40)
        plain = (
            (_("Assessment period"), words.period(engagement.period.start, engagement.period.end) if engagement.period else ""),
            (_("Version"), engagement.version or ""),
            (_("Date"), words.day(engagement.date) if engagement.date else ""),
            (_("Status"), labels.words(engagement.state, words)),
            (_("Edition"), engagement.edition_words or ""),
        )
        yield from ((name, self.cell(value)) for name, value in plain if value)

    def _audited(self, repository: ReportedRepository) -> str:
        commit = repository.commit or ""
        revision = f" {repository.revision}" if repository.revision and not commit.startswith(repository.revision) else ""
        return self.runs(f"{repository.name}{revision} ") + self.linked(commit[:12], repository.permalink, CODE)

    def _label_rows(self, rows: Sequence[tuple[str, Cell]]) -> None:
        """Add a table of names and values without a head."""
        if not rows:
            return
        width = self.package.width
        first = min(width // 3, 2600)
        widths = [first, width - first]
        # On the page of the heading above, with the first heading below.
        named = ([self.cell(name, self.runs(name, QUIET)), value] for name, value in rows)
        lines = [self._row(cells, widths, keep_next=len(rows) <= _SHORT) for cells in named]
        self.pieces.append(self._table(lines, widths, "Findings Table", has_head=False))
        self._space()

    def _front(self) -> None:
        report, words = self.report, self.words
        _ = words.gettext
        if report.summary or report.findings:
            self.part_heading(_("Executive summary"), "part-summary", new_page=True)
            self._summary()
        # Beside the summary and not before it: what was found comes first.
        if self.engagement.has_control:
            self.part_heading(_("Document control"), "part-control")
            self._control()
        if report.scope or self.engagement.repositories:
            self.part_heading(_("Scope"), "part-scope")
            self._scope()
        if report.findings:
            self.part_heading(_("Summary of findings"), "part-table")
            if report.has_scale:
                text = f"{_('Most severe first.')} " if self.engagement.order.value == "severity" else ""
                link = self.refer(self.runs(_("How severity was rated"), Format(style="Hyperlink")), "part-severities")
                self.add("Normal", self.runs(f"{text}{_('Definitions:')} ") + link, keep_next=True)
            self._finding_table(report.findings, [_("Id"), _("Finding"), _("Severity"), _("Status")], [])
        if report.remediation is not None:
            self.part_heading(_("Remediation"), "part-remediation")
            if report.remediation.answered:
                omitted = words.ngettext(
                    "{count} resolved or dismissed finding is omitted.",
                    "{count} resolved or dismissed findings are omitted.",
                    report.remediation.answered,
                )
                self.add("Normal", self.runs(f"{_('Findings that need action.')} {omitted}"), keep_next=True)
            columns = report.remediation.columns
            names = {"owner": _("Owner"), "due": _("Due"), "tickets": _("Ticket")}
            chosen = [finding for finding in report.findings if finding.id in report.remediation.findings]
            heads = [_("Id"), _("Finding"), _("Severity"), _("Status"), *(names[column] for column in columns)]
            self._finding_table(chosen, heads, columns)

    def _summary(self) -> None:
        report, words = self.report, self.words
        _ = words.gettext
        if report.findings:
            counted = words.ngettext(
                "This report contains {count} finding, {unresolved} unresolved.",
                "This report contains {count} findings, {unresolved} unresolved.",
                report.total,
                unresolved=len(report.unresolved),
            )
            above = [words.name(severity.name) for severity in report.severities_above_findings]
            if above:
                *others, last = above
                names = _("{severities} or {last}", severities=", ".join(others), last=last) if others else last
                counted += " " + _("No {severities} findings.", severities=names)
            self._tiles()
            self.add("Normal", self.runs(counted))
        if report.summary:
            self._begin(lambda part: number_tables(part, [report.summary or ""]))
            self.prose(report.summary, 1)
        if not report.findings:
            return
        self._counts()
        for title, rows, without in (
            (_("Category"), report.by_category, _("No category")),
            (_("Repository"), report.by_repository, _("No cited code")),
        ):
            if rows:
                head = [self.cell(title), self.cell(_("Findings"), align="right")]
                cells = [[self.cell(name or without), self.cell(words.number(count), align="right")] for name, count in rows]
                self.table(head, cells)
        if report.unresolved:
            self.heading(2, self.runs(_("What to do first")))
            number = self.next_list(1, 0)
            for finding in report.unresolved[:3]:
                look = Format(style="Hyperlink", bold=True)
                runs = self.refer(self.runs(f"{finding.id} ", look) + self.titled(finding.title, look), finding.id)
                runs += self.runs(" ") + self.chip(finding.severity.name, self.rank(finding.severity.name))
                runs += self.runs(" ") + self.line(finding.action) if finding.action else ""
                self.add("List Number", runs, list_item=(number, 0))

    def _tiles(self) -> None:
        """Add what a reader wants to know first: how many findings of which severity, and how many of them are unresolved."""
        # More than six are not read at a glance, and do not fit.
        tiles = self.report.headline
        if not tiles or len(tiles) > 6:
            return
        width = self.package.width // max(len(tiles), 4)
        cells = []
        for severity, total, unresolved in tiles:
            rank = self.rank(severity.name)
            shade = self._shades[rank] if rank < len(self._shades) else None
            ink, fill = (_hex(shade.text), _hex(shade.fill)) if shade else ("", "")
            big = self.runs(self.words.number(total), Format(bold=True, points=20, colour=ink))
            name = self.runs(labels.words(severity.name, self.words), Format(bold=True, colour=ink))
            open_ = self.runs(self.words.gettext("{count} unresolved", count=self.words.number(unresolved)), Format(colour=ink))
            cells.append(Cell([big, name, open_], fill=fill))
        widths = [width] * len(cells)
        rows = [self._row(cells, widths)]
        title = self.words.gettext("Findings by severity and status")
        self.pieces.append(self._table(rows, widths, "Findings Table", title=title, has_head=False))
        self.add("Normal", "")

    def _counts(self) -> None:
        _, words, report = self.words.gettext, self.words, self.report
        used = {finding.status for finding in report.findings}
        statuses = [status for status, _count in report.counts[0].by_status if status in used]
        head = [self.cell(_("Severity")), self.cell(_("Findings"), align="right")]
        head += [self.cell(labels.words(status, words), align="right") for status in statuses]
        rows = [
            [
                self.severity_cell(count.severity.name),
                self.cell(words.number(count.total), align="right"),
                *(self.cell(words.number(dict(count.by_status)[status]), align="right") for status in statuses),
            ]
            for count in report.counts
            if count.total
        ]
        self.table(head, rows, title=_("Findings by severity and status"))

    def _control(self) -> None:
        engagement, words = self.engagement, self.words
        _ = words.gettext
        if engagement.edition_words:
            self.add("Normal", self.runs(_("Edition: {edition}.", edition=engagement.edition_words)))
        if engagement.versions:
            has_by = any(version.by for version in engagement.versions)
            has_note = any(version.note for version in engagement.versions)
            heads = [_("Version"), _("Date"), *([_("By")] if has_by else []), *([_("Note")] if has_note else [])]
            rows = []
            for version in engagement.versions:
                audience = f" ({self._name_audience(version.audience)})" if version.audience else ""
                cells = [f"{version.version}{audience}", words.day(version.date)]
                cells += [version.by or ""] if has_by else []
                cells += [version.note or ""] if has_note else []
                rows.append([self.cell(text) for text in cells])
            self.table([self.cell(head) for head in heads], rows)
        if engagement.distribution:
            self.add("Normal", self.runs(_("Distribution:")), keep_next=True)
            self.bullets(self.runs(reader) for reader in engagement.distribution)
        if engagement.findings_commit:
            commit = engagement.findings_commit
            message = _("Built from the findings at commit {commit}.", commit=commit.hash[:12])
            if commit.is_changed:
                message = _("Built from the findings at commit {commit}, with uncommitted changes.", commit=commit.hash[:12])
            self.add("Normal", self.runs(message))

    def _scope(self) -> None:
        _, engagement, report = self.words.gettext, self.engagement, self.report
        if engagement.repositories:
            rows = []
            for repository in engagement.repositories:
                name = [self.runs(repository.name, BOLD)]
                name += [self.linked(repository.url, repository.url)] if repository.url else []
                commit = [self.runs(_("not pinned"))]
                if repository.commit:
                    commit = [self.linked(repository.commit, repository.permalink, CODE)]
                commit += [self.runs(_("not available locally; quotes not checked"), QUIET)] if not repository.is_read else []
                revision = self.cell(repository.revision or _DASH)
                rows.append([Cell(name, text=repository.url or repository.name), revision, Cell(commit, text="0" * 40)])
            self.table([self.cell(_("Repository")), self.cell(_("Revision")), self.cell(_("Commit"))], rows)
        if report.scope:
            self.add("Normal", self.runs(_("The review covers:")), keep_next=True)
            self.bullets(self._scope_entry(entry) for entry in report.scope if not entry.is_excluding)
        if report.excluded:
            self.add("Normal", self.runs(_("It does not cover:")), keep_next=True)
            self.bullets(self._scope_entry(entry) for entry in report.excluded)
        if report.covered is not None:
            self._covered()

    def _scope_entry(self, entry: Any) -> str:
        _, words = self.words.gettext, self.words
        runs = self.runs(entry.pattern, CODE)
        if entry.repository and len(self.engagement.repositories) > 1:
            runs += self.runs(f" {_('in {repository}', repository=entry.repository)}")
        if entry.is_excluding:
            return runs
        if entry.files is not None:
            counted = words.ngettext("{count} file", "{count} files", entry.files)
            counted += ", " + words.ngettext("{count} line", "{count} lines", entry.lines) if entry.lines is not None else ""
            runs += self.runs(f" ({counted})")
        elif self.report.covered is not None:
            runs += self.runs(f" ({_('not available locally; files not listed')})")
        return runs

    def _covered(self) -> None:
        _, words, covered = self.words.gettext, self.words, self.report.covered
        assert covered is not None  # noqa: S101  # its caller looked
        has_several = len(self.engagement.repositories) > 1
        said = []
        if len(self.report.scope) > 1:
            total = words.ngettext("{count} file", "{count} files", covered.files)
            total += ", " + words.ngettext("{count} line", "{count} lines", covered.lines) if covered.lines is not None else ""
            said.append(f"{_('Total:')} {total}.")
        if covered.lines is None:
            said.append(_("Lines were not counted."))
        elif covered.uncounted:
            said.append(
                words.ngettext(
                    "Lines were not counted in {count} file (binary or oversized).",
                    "Lines were not counted in {count} files (binary or oversized).",
                    covered.uncounted,
                )
            )
        if covered.is_folded:
            said.append(
                _(
                    "The table groups files by folder: {all} includes everything below it, {direct} only the files directly in "
                    "it. Files with a row of their own are not counted again.",
                    all="folder/",
                    direct="folder/*",
                )
            )
        if said:
            self.add("Normal", self.runs(" ".join(said)), keep_next=True)
        head = [self.cell(_("Repository"))] if has_several else []
        head += [self.cell(_("Path"))]
        head += [self.cell(_("Files"), align="right")] if covered.is_folded else []
        head += [self.cell(_("Lines"), align="right"), self.cell(_("Findings"))]
        rows = []
        for row in covered.rows:
            cells = [self.cell(row.repository)] if has_several else []
            path = row.path or "/"
            cells += [self.cell(path, self.linked(path, row.permalink, CODE))]
            cells += [self.cell(words.number(row.files), align="right")] if covered.is_folded else []
            cells += [self.cell(_DASH if row.lines is None else words.number(row.lines), align="right")]
            count = self.runs(f"{words.number(len(row.findings))}: ") if len(row.findings) > 3 else ""
            cells += [self.cell(" ".join(row.findings), count + self.ids(row.findings))]
            rows.append(cells)
        self.table(head, rows)

    def _finding_table(self, findings: Sequence[ReportedFinding], heads: Sequence[str], columns: Sequence[str]) -> None:
        rows = []
        for finding in findings:
            look = Format(style="Hyperlink")
            tickets = [self.linked(ref, labels.ticket_address(ref)) for ref in finding.tickets]
            more = {
                "owner": self.cell(finding.owner or ""),
                "due": self.cell(self.words.day(finding.due) if finding.due else ""),
                "tickets": Cell(tickets, text=" ".join(finding.tickets)),
            }
            rows.append(
                [
                    self.cell(finding.id),
                    self.cell(finding.title, self.refer(self.titled(finding.title, look), finding.id)),
                    self.severity_cell(finding.severity.name),
                    self.cell(labels.words(finding.status, self.words)),
                    *(more[column] for column in columns),
                ]
            )
        self.table([self.cell(head) for head in heads], rows)

    def _begin(self, number: Callable[[Part], None]) -> None:
        """Begin a part of the report: its figures and tables have numbers of their own."""
        self.part = self._new_part()
        number(self.part)

    def _section(self, section: ReportedSection) -> None:
        self._begin(lambda part: number_tables(part, [section.text], first=section.first_table))
        title = section.title if section.key.startswith("section-") else self.words.gettext(section.title)
        plain = "".join(run.text for run in split_inline_code(title))
        self.heading(1, self.titled(title), section.key, plain)
        self.only_for(section.audience)
        self.prose(section.text, 1)

    def _finding(self, finding: ReportedFinding) -> None:
        _ = self.words.gettext
        self._begin(lambda part: number_figures(part, finding))
        plain = "".join(run.text for run in split_inline_code(finding.title))
        title = self.runs(f"{finding.id}\u2002", QUIET) + self.titled(finding.title)
        new_page = self.engagement.findings_on_new_page and finding is not self.report.findings[0]
        self.heading(2, title, finding.id, f"{finding.id}\u2002{plain}", new_page=new_page)
        source = finding.severity_source
        line = self.chip(finding.severity.name, self.rank(finding.severity.name))
        if source != "severity":
            line += self.runs(f" ({'CVSS' if source == 'cvss' else _('impact × likelihood')})", QUIET)
        line += self.runs(f"  ·  {labels.words(finding.status, self.words)}", BOLD)
        self.add("Normal", line, keep_next=True)
        self.only_for(finding.audience)
        self._label_rows(list(self._facts(finding)))
        # In the order of printing already: one group for each position.
        by_position = {
            position: list(passages) for position, passages in groupby(finding.prose, key=lambda passage: passage.position)
        }
        for passage in by_position.get(Position.LEAD, ()):
            self._passage(passage, heading=False)
        for passage in (*by_position.get(Position.SEVERITY, ()), *by_position.get(Position.BEFORE_CODE, ())):
            self._passage(passage)
        self._steps(finding)
        for snippet in finding.unplaced:
            self.figure(self.part.numbers.get(snippet.index, Figure("", snippet, None)))
        for passage in by_position.get(Position.AFTER_CODE, ()):
            self._passage(passage)
        if finding.affected:
            self.heading(3, self.runs(_("Affected")))
            self.bullets(
                self.runs(f"{labels.words(item.kind, self.words)}: ")
                + self.runs(item.name, CODE)
                + self.runs(f" – {item.note}" if item.note else "")
                for item in finding.affected
            )
        self._advice(by_position.get(Position.ADVICE, []))
        self._answer(finding, by_position)

    def _passage(self, passage: Passage, *, heading: bool = True) -> None:
        if heading:
            self.heading(3, self.runs(self.words.gettext(passage.heading)))
        self.only_for(passage.audience)
        self.prose(passage.text, 3 if heading else 2)

    def _advice(self, passages: Sequence[Passage]) -> None:
        for heading, group in groupby(passages, key=lambda passage: passage.heading):
            self.heading(3, self.runs(self.words.gettext(heading)))
            for passage in group:
                if len(passages) > 1:
                    self.heading(4, self.runs(self.words.gettext(passage.subheading or passage.heading)))
                self.only_for(passage.audience)
                self.prose(passage.text, 4 if len(passages) > 1 else 3)

    def _facts(self, finding: ReportedFinding) -> Iterator[tuple[str, Cell]]:
        """Yield the facts of a finding that its head does not have."""
        _, words = self.words.gettext, self.words
        yield from self._rated(finding)
        if finding.snippets:
            paths = list(dict.fromkeys(snippet.path for snippet in finding.snippets))
            yield _("Files"), Cell([self.runs(path, CODE) for path in paths], text="".join(paths))
        for weakness in finding.cwe:
            runs = self.linked(weakness.id, f"https://cwe.mitre.org/data/definitions/{weakness.id[4:]}.html")
            runs += self.runs(f" {weakness.name}" if weakness.name else "")
            runs += self.runs(f" OWASP {weakness.top_ten}" if weakness.top_ten else "", QUIET)
            runs += self.runs(f" ({_('name from this report')})" if weakness.is_own else "", QUIET)
            yield _("Weakness"), self.cell(weakness.name or weakness.id, runs)
        plain = (
            (_("Difficulty"), labels.words(finding.difficulty, words) if finding.difficulty else ""),
            (_("Confidence"), labels.words(finding.confidence, words) if finding.confidence else ""),
            (_("Owner"), finding.owner or ""),
            (_("Due"), words.day(finding.due) if finding.due else ""),
            (_("Found by"), finding.found_by or ""),
        )
        if finding.residual_severity:
            name = finding.residual_severity.name
            yield _("Residual severity"), self.cell(name, self.chip(name, self.rank(name)))
        yield from ((name, self.cell(value)) for name, value in plain if value)
        for value in finding.extra:
            audience = f" ({self._name_audience(value.audience)})" if value.audience else ""
            yield value.label, self.cell(f"{value.value}{audience}")
        if finding.tags:
            yield _("Tags"), self.cell(words.join(finding.tags))
        if finding.related:
            # A finding that an edition leaves out has no bookmark.
            known = [id for id in finding.related if id in self._anchors]
            runs = self.ids(known) if len(known) == len(finding.related) else self.runs(words.join(finding.related))
            yield _("Related"), self.cell(" ".join(finding.related), runs)
        if finding.tickets:
            tickets = [self.linked(ref, labels.ticket_address(ref)) for ref in finding.tickets]
            yield _("Tickets"), Cell(tickets, text=" ".join(finding.tickets))
        if finding.aliases:
            yield _("Former ids"), self.cell(words.join(finding.aliases))

    def _rated(self, finding: ReportedFinding) -> Iterator[tuple[str, Cell]]:
        _, words = self.words.gettext, self.words
        if finding.category:
            yield _("Category"), self.cell(finding.category)
        if finding.rating:
            rated = " × ".join(labels.words(level, words) for level in (finding.rating.impact, finding.rating.likelihood))
            yield _("Impact × likelihood"), self.cell(rated)
        for score in finding.scores:
            runs = self.runs(f"{score.score}", BOLD) + self.runs(f" {score.severity} ") + self.runs(score.vector, CODE)
            yield f"CVSS {score.version}", self.cell(score.vector, runs)

    def _steps(self, finding: ReportedFinding) -> None:
        if not finding.steps:
            return
        _ = self.words.gettext
        self.heading(3, self.runs(_("Path through the code")))
        number = self.next_list(1, 0)
        for snippet in finding.steps:
            runs = self.runs(labels.words(snippet.role or "", self.words), BOLD) + self.runs(": ")
            runs += self.runs(labels.citation(snippet), CODE)
            if len(self.engagement.repositories) > 1:
                runs += self.runs(f" {_('of {repository}', repository=snippet.repository)}")
            if snippet.symbol:
                runs += self.runs(f", {_('in {symbol}', symbol=snippet.symbol)}")
            if (figure := self.part.numbers.get(snippet.index)) is not None:
                name = _("Figure {number}", number=figure.number)
                runs += self.runs(", ") + self.refer(self.runs(name, Format(style="Hyperlink")), f"figure-{figure.number}")
            runs += self.runs(": ") + self.line(snippet.caption) if snippet.caption else ""
            self.add("List Number", runs, list_item=(number, 0))

    def _answer(self, finding: ReportedFinding, by_position: dict[Position, list[Passage]]) -> None:
        """Add the fix, the response, the decision, the history and the references."""
        _ = self.words.gettext
        fixed = by_position.get(Position.FIX, [])
        if finding.fix or fixed:
            self.heading(3, self.runs(_("Fix")))
            for passage in fixed:
                self._text_of(passage)
            if finding.fix:
                self.bullets(self.runs(_("Commit {commit}", commit=commit)) for commit in finding.fix.commits)
                self.bullets(self.linked(address, address) for address in finding.fix.pull_requests)
        for passage in by_position.get(Position.ANSWER, ()):
            self._passage(passage)
        decision = finding.decision
        if decision:
            self.heading(3, self.runs(_("Decision")))
            self.only_for(decision.audience)
            said = [self.words.day(decision.date), decision.by or ""]
            said += [_("at {commit}", commit=decision.commit[:12])] if decision.commit else []
            runs = self.runs(labels.words(decision.status, self.words), BOLD)
            runs += self.runs(f", {', '.join(filter(None, said))}: ") + self.titled(decision.note or "")
            self.add("Normal", runs)
        # The decision alone would be a table with what was just said.
        if len(finding.history) > (1 if decision else 0):
            self._history(finding.history, decision)
        if finding.references:
            self.heading(3, self.runs(_("References")))
            self.bullets(
                self.linked(reference.title or reference.url, reference.url)
                + (self.runs(f" ({reference.url})", QUIET) if reference.title else "")
                for reference in finding.references
            )

    def _text_of(self, passage: Passage) -> None:
        self.only_for(passage.audience)
        self.prose(passage.text, 3)

    def _history(self, history: Sequence[Event], decision: Event | None) -> None:
        _ = self.words.gettext
        self.heading(3, self.runs(_("History")))
        columns = [
            (_("By"), [event.by or "" for event in history]),
            (_("Commit"), [event.commit or "" for event in history]),
            (_("Note"), [event.note or "" if event is not decision else "" for event in history]),
        ]
        shown = [(head, values) for head, values in columns if any(values)]
        rows = []
        for index, event in enumerate(history):
            audience = f" ({self._name_audience(event.audience)})" if event.audience else ""
            cells = [self.cell(self.words.day(event.date)), self.cell(f"{labels.words(event.status, self.words)}{audience}")]
            rows.append([*cells, *(self.cell(values[index], self.titled(values[index])) for _head, values in shown)])
        self.table([self.cell(head) for head in (_("Date"), _("Status"), *(head for head, _values in shown))], rows)

    def _appendix(self) -> None:
        _ = self.words.gettext
        if self.report.has_scale:
            self.part_heading(_("How severity was rated"), "part-severities")
            self._scale()
        if self.report.classification is not None:
            self.part_heading(_("Weaknesses"), "part-weaknesses")
            self._weaknesses()
        if self.report.attachments:
            self.part_heading(_("Attachments"), "part-attachments")
            text = _("These files belong to the report. The PDF contains them; HTML and Markdown come with them in a folder.")
            self.add("Normal", self.runs(text), keep_next=True)
            rows = []
            for file in self.report.attachments:
                audience = f" ({self._name_audience(file.audience)})" if file.audience else ""
                length = self.words.ngettext("{count} byte", "{count} bytes", file.size)
                name, title = self.cell(file.name, self.runs(file.name, CODE)), self.titled(file.title) + self.runs(audience)
                digest = self.cell(file.sha256, self.runs(file.sha256, CODE))
                rows.append([name, self.cell(file.title + audience, title), self.cell(length, align="right"), digest])
            self.table([self.cell(head) for head in (_("File"), _("Title"), _("Size"), _("SHA-256"))], rows)
        self.part_heading(_("How the quotes were verified"), "part-verification")
        self._verification()
        for component in self.report.components:
            if component.name == "findings-report":
                made = _("Generated by {program}", program=f"{component.name} {component.version}")
                self.add("Remark", self.runs(made))

    def _scale(self) -> None:
        _, words, engagement = self.words.gettext, self.words, self.engagement
        if any(severity.meaning for severity in engagement.severities):
            rows = [
                [self.severity_cell(severity.name), self.cell(_(severity.meaning) if severity.meaning else "")]
                for severity in engagement.severities
            ]
            self.table([self.cell(_("Severity")), self.cell(_("Meaning"))], rows)
        if self.report.matrix is not None:
            matrix = self.report.matrix
            text = _("Severity follows from impact and likelihood, unless the finding explains an exception:")
            self.add("Normal", self.runs(text), keep_next=True)
            head = [self.cell(_("Impact"))]
            head += [self.cell(_("{level} likelihood", level=labels.words(level, words))) for level in matrix.likelihoods]
            rows = [
                [
                    self.cell(labels.words(row.impact, words), self.runs(labels.words(row.impact, words), BOLD)),
                    *(self.severity_cell(severity.name) if severity else self.cell(_DASH) for severity in row.severities),
                ]
                for row in matrix.rows
            ]
            self.table(head, rows)
        if any(finding.severity_source == "cvss" for finding in self.report.findings):
            text = _(
                "A severity marked “CVSS” is the qualitative rating of the highest CVSS score: low from 0.1, medium from 4.0, "
                "high from 7.0, critical from 9.0."
            )
            self.add("Normal", self.runs(text))

    def _weaknesses(self) -> None:
        _, words, classification = self.words.gettext, self.words, self.report.classification
        assert classification is not None  # noqa: S101  # its caller looked
        from datetime import date

        day = words.day(date.fromisoformat(classification.date))
        runs = self.runs(_("Names follow CWE {version} ({date}).", version=classification.version, date=day))
        if classification.has_own:
            runs += self.runs(f" {_('Names marked * are from this report.')}")
        if classification.unclassified:
            before, _at, after = _("Findings without a CWE: {findings}.", findings="\x00").partition("\x00")
            runs += self.runs(f" {before}") + self.ids(classification.unclassified) + self.runs(after)
        self.add("Normal", runs, keep_next=True)
        rows = []
        for row in classification.weaknesses:
            name = f"{row.weakness.name or _DASH}{' *' if row.weakness.is_own else ''}"
            address = f"https://cwe.mitre.org/data/definitions/{row.weakness.id[4:]}.html"
            id = self.cell(row.weakness.id, self.linked(row.weakness.id, address))
            rows.append([id, self.cell(name), self.cell(" ".join(row.findings), self.ids(row.findings))])
        self.table([self.cell(head) for head in ("CWE", _("Name"), _("Findings"))], rows)
        if classification.chapters:
            message = "Categories follow the OWASP Top Ten {version}, as mapped by CWE"
            message += "; for weaknesses marked *, as stated in this report." if classification.has_own else "."
            self.add("Normal", self.runs(_(message, version=classification.top_ten_version)), keep_next=True)
            rows = [
                [self.cell(chapter.title), self.cell(" ".join(chapter.findings), self.ids(chapter.findings))]
                for chapter in classification.chapters
            ]
            self.table([self.cell("OWASP Top Ten"), self.cell(_("Findings"))], rows)

    def _verification(self) -> None:
        _, words = self.words.gettext, self.words
        if not self.report.verdicts:
            self.add("Normal", self.runs(_("This report cites no code.")))
            return
        text = _(
            "Each location was read from its repository at the stated commit and compared with the code as the author quoted "
            "it. The report prints the repository’s own lines; code that could not be verified is marked as such."
        )
        self.add("Normal", self.runs(text))
        rows = [
            [
                self.cell(labels.words(count.verdict, words)),
                self.cell(words.number(count.total), align="right"),
                self.cell(_(VERDICT_MEANING[count.verdict])),
            ]
            for count in self.report.verdicts
        ]
        self.table([self.cell(_("Verdict")), self.cell(_("Locations"), align="right"), self.cell(_("Meaning"))], rows)
        rows = [
            [
                self.cell(finding.id, self.ids([finding.id])),
                self._cited(snippet),
                self.cell(snippet.commit[:7] if snippet.commit else _DASH, self.runs((snippet.commit or _DASH)[:7], CODE)),
                self.cell(self._verdict(snippet)),
            ]
            for finding in self.report.findings
            for snippet in finding.snippets
        ]
        self.table([self.cell(head) for head in (_("Finding"), _("Location"), _("Commit"), _("Verdict"))], rows)

    def _cited(self, snippet: Snippet) -> Cell:
        lines = [self.linked(labels.citation(snippet), snippet.permalink, CODE)]
        lines += [self.runs(snippet.repository, QUIET)] if len(self.engagement.repositories) > 1 else []
        if snippet.encoding not in ("utf-8", "ascii"):
            lines.append(self.runs(self.words.gettext("encoding {name}", name=snippet.encoding), QUIET))
        return Cell(lines, text=labels.citation(snippet))

    def _verdict(self, snippet: Snippet) -> str:
        if not snippet.runs and snippet.check.verdict is Verdict.NONE:
            return self.words.gettext("file cited as a whole")
        gaps = snippet.check.unmarked_gaps
        more = f" ({self.words.ngettext('{count} unmarked gap', '{count} unmarked gaps', gaps)})" if gaps else ""
        return f"{labels.verdict(snippet.check, self.words)}{more}"


@dataclass
class _List:
    """An open list of a text."""

    number: int
    """Number of the list in Word; 0 for a list without marks."""
    style: str
    is_at_mark: bool = False
    """True until the first paragraph of an item, which has the mark, is written."""


@dataclass
class _Table:
    """An open table of a text."""

    rows: list[list[Cell]] = field(default_factory=list)
    caption: str = ""
    number: str = ""
    in_caption: bool = False


class _TextWriter:
    """Writes the tokens of one text."""

    def __init__(self, body: _DocumentBody, tokens: Sequence[Token], under: int, style: str = "Normal") -> None:
        self._body = body
        self._style = style
        # Levels of the pages: one deeper than Word's, where the title is no heading.
        self._levels = heading_levels(tokens, under + 1)
        self._lists: list[_List] = []
        self._quotes: list[str] = []
        self._table: _Table | None = None
        self._heading = 0

    def write(self, tokens: Sequence[Token]) -> None:
        """Add the blocks to the body."""
        for token in tokens:
            handler = _BLOCKS.get(token.type)
            if handler is not None:
                handler(self, token)

    @property
    def _indent(self) -> int:
        lists = indent_of(min(len(self._lists), 9) - 1) if self._lists else 0
        return lists + 284 * len(self._quotes)

    def open_list(self, token: Token) -> None:
        # Word has nine levels; deeper ones look like the ninth.
        level = min(len(self._lists), 8)
        if token.type == "ordered_list_open":
            number = self._body.next_list(int(token.attrs.get("start", 1)), level)
            self._lists.append(_List(number, "List Number"))
        else:
            # Tasks have a box in their text already.
            is_tasks = token.attrs.get("class") == "tasks"
            self._lists.append(_List(0 if is_tasks else self._body.package.numbering, "List Bullet"))

    def close_list(self, token: Token) -> None:  # noqa: ARG002
        self._lists.pop()

    def open_item(self, token: Token) -> None:  # noqa: ARG002
        self._lists[-1].is_at_mark = True

    def open_quote(self, token: Token) -> None:
        kind = str(token.attrs.get("class", "")).rpartition("alert-")[2]
        # Alerts differ in their bar; their kind is a word at the head.
        self._quotes.append(_BARS.get(kind, "B9C2CC"))

    def close_quote(self, token: Token) -> None:  # noqa: ARG002
        self._quotes.pop()

    def open_heading(self, token: Token) -> None:
        self._heading = self._levels[first_line(token)] - 1

    def close_heading(self, token: Token) -> None:  # noqa: ARG002
        self._heading = 0

    def text(self, token: Token) -> None:
        """Add a paragraph, a heading, a caption or the content of a cell."""
        children: Sequence[Token] = token.children or ()
        table = self._table
        if table is not None and table.in_caption:
            # The first three are the label in bold, which is a field here.
            is_numbered = bool(table.number and children) and children[0].type == "strong_open"
            table.caption = self.inline(children[3:] if is_numbered else children)
        elif table is not None:
            cell = table.rows[-1][-1]
            cell.paragraphs, cell.text = [self.inline(children)], "".join(child.content or " " for child in children)
        elif self._heading:
            # In a list or a quotation it looks the same, and is no chapter of the document.
            self._body.add(f"heading {min(6, self._heading)}", self.inline(children), indent=self._indent)
        else:
            self._add(self.inline(children), _is_reversed(children))

    def _add(self, runs: str, is_reversed: bool) -> None:
        look: dict[str, Any] = {"indent": self._indent}
        style = "Quote" if self._quotes else self._style
        if self._quotes:
            look["bar"] = self._quotes[-1]
        if self._lists:
            current = self._lists[-1]
            style = style if self._quotes else current.style
            if current.is_at_mark and current.number:
                look["list_item"] = (current.number, min(len(self._lists) - 1, 8))
                look["hanging"] = LIST_INDENT
            current.is_at_mark = False
        if is_reversed or self._body.is_right_to_left:
            # By its first letter, as browsers do with `dir=auto`.
            look["reversed_text"] = True
        self._body.add(style, runs, **look)

    def fence(self, token: Token) -> None:
        self._flush_mark()
        self._body.fence(token, self._indent)

    def figure(self, token: Token) -> None:
        self._flush_mark()
        part = self._body.part
        figure, caption = part.find_figure(token.meta["kind"], token.meta["name"]), self.inline(token.meta["alt"])
        if figure is None:
            before, _, after = part.engagement.translation.gettext("[not included: {text}]", text="\x00").partition("\x00")
            name = caption or self._body.runs(str(token.meta["name"]))
            self._body.add(self._style, self._body.runs(before) + name + self._body.runs(after), indent=self._indent)
        else:
            self._body.figure(figure, caption, self._indent)

    def rule(self, token: Token) -> None:  # noqa: ARG002
        border = '<w:p><w:pPr><w:pBdr><w:bottom w:val="single" w:sz="6" w:space="1" w:color="B9C2CC"/></w:pBdr></w:pPr></w:p>'
        self._body.pieces.append(border)

    def open_table(self, token: Token) -> None:
        self._flush_mark()
        self._table = _Table(number=str(token.attrs.get("id", "")).removeprefix("table-"))

    def open_caption(self, token: Token) -> None:
        assert self._table is not None  # noqa: S101  # the parser puts captions into tables
        self._table.in_caption = token.nesting > 0

    def open_row(self, token: Token) -> None:  # noqa: ARG002
        assert self._table is not None  # noqa: S101  # likewise
        self._table.rows.append([])

    def open_cell(self, token: Token) -> None:
        assert self._table is not None  # noqa: S101  # likewise
        align = str(token.attrs.get("style", "")).removeprefix("text-align:")
        self._table.rows[-1].append(Cell([], align=align))

    def close_table(self, token: Token) -> None:  # noqa: ARG002
        table, body = self._table, self._body
        assert table is not None  # noqa: S101  # likewise
        self._table = None
        caption = table.caption
        if table.number:
            label = body.mark(body.label("Table {number}", table.number, "Table"), f"table-{table.number}")
            caption = label + (body.runs(" ") + caption if caption else "")
        if caption:
            body.add("caption", caption, keep_next=True)
        if table.rows:
            body.table(table.rows[0], table.rows[1:], indent=self._indent)

    def _flush_mark(self) -> None:
        """Write the mark of an item that begins with another block than a paragraph."""
        if self._lists and self._lists[-1].is_at_mark and self._lists[-1].number:
            self._add("", is_reversed=False)

    # --- Within a line.

    def inline(self, children: Sequence[Token]) -> str:
        """Return inline tokens as runs."""
        look, shown = PLAIN, list[str]()
        # Of each open link its address, and where its runs begin.
        links: list[tuple[str, int]] = []
        for index, token in enumerate(children):
            kind = token.type
            if kind in _MARKS:
                look = look._replace(**{_MARKS[kind][0]: _MARKS[kind][1]})
            elif kind == "link_open":
                label, address = self._target(token)
                links.append((address, len(shown)))
                look = look._replace(style="Hyperlink") if address else look
                shown += [self._body.runs(label, look)] if children[index + 1].type == "link_close" else []
            elif kind == "link_close":
                address, start = links.pop()
                look = look._replace(style="")
                shown[start:] = [self._lead("".join(shown[start:]), address)]
            else:
                shown.append(self._leaf(token, look))
        return "".join(shown)

    def _leaf(self, token: Token, look: Format) -> str:
        match token.type:
            case "code_inline":
                return self._body.runs(token.content, look._replace(style="Code Text"))
            case "softbreak":
                return self._body.runs(" ", look)
            case "hardbreak":
                return "<w:r><w:br/></w:r>"
            case "image":
                return self._image(token)
            case _:
                return self._body.runs(token.content, look)

    def _image(self, token: Token) -> str:
        picture, words = self._body.part.picture(str(token.meta["name"])), self._body.words
        if picture is None:
            return self._body.runs(words.gettext("[image not included: {text}]", text=token.meta["text"]))
        return self._body.picture(picture, str(token.meta["text"]) or picture.alt, self._body.package.width - self._indent)

    def _target(self, token: Token) -> tuple[str, str]:
        """Return the text of a link that has none, and its address: a web address, or `#` and an anchor; empty for none."""
        address, part = str(token.attrs["href"]), self._body.part
        scheme, _, name = address.partition(":")
        if scheme == "finding":
            id = part.current(name)
            return id, f"#{id}" if id in self._body._anchors else ""
        if scheme == "location":
            figure = part.find_figure("placed", name)
            return label_figure(figure, name, part), f"#figure-{figure.number}" if figure is not None else ""
        if scheme == "table":
            label, target = link_table(name, part)
            return label, target.replace("xref:", "#")
        # Of what the program does not print there is no bookmark.
        if address.startswith("#"):
            return address, address if address[1:] in self._body._anchors else ""
        return address, address

    def _lead(self, runs: str, address: str) -> str:
        if address.startswith("#"):
            return self._body.refer(runs, address[1:])
        return self._body.link(runs, address or None)


_MARKS: Final[dict[str, tuple[str, Any]]] = {
    "strong_open": ("bold", True),
    "strong_close": ("bold", False),
    "em_open": ("italic", True),
    "em_close": ("italic", False),
    "s_open": ("strike", True),
    "s_close": ("strike", False),
}

_BLOCKS: Final[dict[str, Callable[[_TextWriter, Token], None]]] = {
    "inline": _TextWriter.text,
    "bullet_list_open": _TextWriter.open_list,
    "ordered_list_open": _TextWriter.open_list,
    "bullet_list_close": _TextWriter.close_list,
    "ordered_list_close": _TextWriter.close_list,
    "list_item_open": _TextWriter.open_item,
    "blockquote_open": _TextWriter.open_quote,
    "blockquote_close": _TextWriter.close_quote,
    "heading_open": _TextWriter.open_heading,
    "heading_close": _TextWriter.close_heading,
    "fence": _TextWriter.fence,
    "code_block": _TextWriter.fence,
    "figure": _TextWriter.figure,
    "hr": _TextWriter.rule,
    "table_open": _TextWriter.open_table,
    "table_close": _TextWriter.close_table,
    "caption_open": _TextWriter.open_caption,
    "caption_close": _TextWriter.open_caption,
    "tr_open": _TextWriter.open_row,
    "th_open": _TextWriter.open_cell,
    "td_open": _TextWriter.open_cell,
}


def _characters(text: str) -> str:
    """Return the content of a run: its text, line ends and tabs."""
    pieces = re.split("([\n\t])", text)
    elements = {"\n": "<w:br/>", "\t": "<w:tab/>"}
    return "".join(elements.get(piece) or f'<w:t xml:space="preserve">{escape(piece)}</w:t>' for piece in pieces if piece)


def _split(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, and whether each is written from right to left; blanks and signs go with what is around."""
    if not has_right_to_left(text):
        yield text, False
        return
    # Digits are written from left to right in every script, and end no word.
    kinds: list[bool | None] = [
        True if _RIGHT_TO_LEFT in PROPERTIES_OF[character] else False if character.isalnum() else None for character in text
    ]
    before = False
    for index, kind in enumerate(kinds):
        if kind is None:
            after = next((other for other in kinds[index + 1 :] if other is not None), None)
            # A sign at the end belongs to what it ends.
            kinds[index] = before and after is not False
        before = bool(kinds[index])
    start = 0
    for is_reversed, group in groupby(kinds, key=bool):
        length = len(list(group))
        yield text[start : start + length], is_reversed
        start += length


def _is_reversed(children: Sequence[Token]) -> bool:
    """Return True for a paragraph whose first letter is written from right to left."""
    for character in "".join(child.content for child in children if child.type in ("text", "code_inline")):
        if _RIGHT_TO_LEFT in PROPERTIES_OF[character]:
            return True
        if character.isalpha():
            return False
    return False


def _show_hidden(pieces: Iterable[tuple[str, str]], line: str) -> Any:
    """Return the pieces of a line with hidden characters by their codes; what is hidden depends on the whole line."""
    places = set(find_hidden(line))
    if not places:
        return pieces
    shown, at = [], 0
    for kind, text in pieces:
        shown.append((kind, "".join(code_point(c) if at + index in places else c for index, c in enumerate(text))))
        at += len(text)
    return shown


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


def _bookmark(anchor: str) -> str:
    """Return the name of a bookmark: letters, digits and underscores, at most 40; two anchors never share one."""
    return f"{re.sub('[^A-Za-z0-9]', '_', anchor)[:26]}_{zlib.crc32(anchor.encode()):08x}".lstrip("_0123456789") or "_"


def _hex(colour: str) -> str:
    return colour.lstrip("#").upper()
