"""Authored texts and cited code in a Word document.

In come tokens of Markdown under the policy and resolved snippets; out go paragraphs, lists, tables, figures and code with the
repository's line numbers. A text may place a figure, and a note beside a line of code is a text again: both are here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from markdown_it.token import Token

from findings_report.model.evidence import Line, Snippet, Verdict
from findings_report.prose import parse_inline
from findings_report.prose.constructs import NOTE_HEAD, NOTE_MARK, take_notes
from findings_report.rendering import labels
from findings_report.rendering.figures import Figure, link_table, translate_prose
from findings_report.rendering.highlighting import LONGEST_LINE, Pieces, cut, highlight
from findings_report.rendering.html import ELISION, count_left_out, first_line, heading_levels, label_code, label_figure
from findings_report.rendering.word_elements import (
    BOLD,
    CODE,
    PLAIN,
    QUIET,
    QUIET_INK,
    SHORT,
    Cell,
    Format,
    WordBody,
    is_reversed,
    show_hidden,
)
from findings_report.rendering.word_package import LIST_INDENT, indent_of
from findings_report.sourcecode.unusual_characters import describe, remark_on

_CODE_COLUMN: Final = 89  # width of a character of code at 8 points, in twentieths of a point
_WORST: Final = frozenset({Verdict.EDITED, Verdict.MOVED, Verdict.NOT_FOUND, Verdict.UNCHECKED})
_INKS: Final = {"k": "0B4F9C", "f": "5B3AA6", "d": "8A3B12", "s": "22683F", "n": "855000", "c": "5F6B76"}
_WARN, _GOOD, _MARK, _MARK_BAR = "8A4B00", "22683F", "FFF3C9", "C98A00"
_BARS: Final = {"note": "1F4E79", "important": "1F4E79", "tip": "22683F", "warning": "C98A00", "caution": "8A3B12"}


def write_prose(body: WordBody, text: str, under: int) -> None:
    """Add an authored text, with its headings below Word's level `under`."""
    parsed = body.part.parse(text)
    tokens = label_code(parsed.tokens, body.part)
    _TextWriter(body, tokens, under).write(tokens)


def render_line(body: WordBody, text: str) -> str:
    """Return the content of one paragraph of Markdown as runs."""
    tokens = translate_prose(parse_inline(text), body.words).tokens
    writer = _TextWriter(body, (), 0)
    return "".join(writer.inline(token.children or ()) for token in tokens)


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

    def __init__(self, body: WordBody, tokens: Sequence[Token], under: int, style: str = "Normal") -> None:
        self._body = body
        self._style = style
        # Levels of the pages: one deeper than Word's, where the title is no heading.
        self._levels = heading_levels(tokens, under + 1)
        self._lists: list[_List] = []
        self._quotes: list[str] = []
        self._table: _Table | None = None
        self._heading = 0
        # The texts of footnotes by number, and of those that are written already the number within the report.
        self._notes: dict[int, list[Token]] = {}
        self._marked: dict[int, int] = {}

    def write(self, tokens: Sequence[Token]) -> None:
        """Add the blocks to the body, and the footnotes to the foot of the page where Word can have them there."""
        blocks, self._notes = take_notes(tokens)
        for token in blocks:
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

    def open_quote(self, token: Token) -> None:
        kind = str(token.attrs.get("class", "")).rpartition("alert-")[2]
        # Alerts differ in their bar; their kind is a word at the head.
        self._quotes.append(_BARS.get(kind, "B9C2CC"))

    def open_heading(self, token: Token) -> None:
        self._heading = self._levels[first_line(token)] - 1

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
        elif self._heading and self._indent:
            # In a list or a quotation it is no chapter of the document, and not listed in the contents.
            self._body.add(f"heading {min(6, max(3, self._heading))}", self.inline(children), indent=self._indent)
        elif self._heading:
            plain = "".join(child.content for child in children if NOTE_MARK not in child.meta)
            self._body.heading(self._heading, self.inline(children), text=plain)
        else:
            self._add(self.inline(children), is_reversed(children))

    def _add(self, runs: str, is_reversed: bool) -> None:
        look: dict[str, Any] = {"indent": self._indent}
        style = "Quote" if self._quotes else self._style
        if self._quotes:
            look["bar"] = self._quotes[-1]
        if self._lists:
            current = self._lists[-1]
            style = style if self._quotes or style == "footnote text" else current.style
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
        _write_fence(self._body, token, self._indent)

    def figure(self, token: Token) -> None:
        self._flush_mark()
        part = self._body.part
        figure, caption = part.find_figure(token.meta["kind"], token.meta["name"]), self.inline(token.meta["alt"])
        if figure is None:
            before, _, after = part.engagement.translation.gettext("[not included: {text}]", text="\x00").partition("\x00")
            name = caption or self._body.runs(str(token.meta["name"]))
            self._body.add(self._style, self._body.runs(before) + name + self._body.runs(after), indent=self._indent)
        else:
            write_figure(self._body, figure, caption, self._indent)

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
                runs = "".join(shown[start:])
                shown[start:] = [self._body.refer(runs, address[1:]) if address[:1] == "#" else self._body.link(runs, address)]
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
            case _ if token.meta.get(NOTE_MARK) in self._notes:
                return self._mark(token.meta[NOTE_MARK])
            case _ if NOTE_HEAD in token.meta and self._style == "footnote text":
                return self._body.note_run("<w:footnoteRef/>") + self._body.runs(" ", look)
            case _:
                return self._body.runs(token.content, look)

    def _mark(self, number: int) -> str:
        """Return the mark of a footnote after writing the note; where it is marked again, its number."""
        body = self._body
        if number in self._marked:
            return body.refer_to_note(self._marked[number], f"note-{self._marked[number]}")
        note = self._notes[number]
        run = body.footnote(lambda: _TextWriter(body, note, 6, style="footnote text").write(note))
        self._marked[number] = body.notes
        return body.mark(run, f"note-{body.notes}")

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
            return id, f"#{id}" if id in self._body.anchors else ""
        if scheme == "location":
            figure = part.find_figure("placed", name)
            return label_figure(figure, name, part), f"#figure-{figure.number}" if figure is not None else ""
        if scheme == "table":
            label, target = link_table(name, part)
            return label, target.replace("xref:", "#")
        # Of what the program does not print there is no bookmark.
        if address.startswith("#"):
            return address, address if address[1:] in self._body.anchors else ""
        return address, address


_MARKS: Final[dict[str, tuple[str, Any]]] = {
    "strong_open": ("bold", True),
    "strong_close": ("bold", False),
    "em_open": ("italic", True),
    "em_close": ("italic", False),
    "s_open": ("strike", True),
    "s_close": ("strike", False),
}

_BLOCKS: Final[dict[str, Callable[[_TextWriter, Token], object]]] = {
    "inline": _TextWriter.text,
    "bullet_list_open": _TextWriter.open_list,
    "ordered_list_open": _TextWriter.open_list,
    "bullet_list_close": lambda writer, _: writer._lists.pop(),
    "ordered_list_close": lambda writer, _: writer._lists.pop(),
    "list_item_open": lambda writer, _: setattr(writer._lists[-1], "is_at_mark", True),
    "blockquote_open": _TextWriter.open_quote,
    "blockquote_close": lambda writer, _: writer._quotes.pop(),
    "heading_open": _TextWriter.open_heading,
    "heading_close": lambda writer, _: setattr(writer, "_heading", 0),
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


def write_figure(body: WordBody, figure: Figure, caption: str = "", indent: int = 0) -> None:
    """Add a figure with its caption; a reference to it if it has been printed before."""
    if figure.number and figure.number in body.part.printed:
        name = body.words.gettext("Figure {number}", number=figure.number)
        runs = body.refer(body.runs(name, Format(style="Hyperlink")), f"figure-{figure.number}")
        body.add("Normal", runs + (body.runs(": ") + caption if caption else ""), indent=indent)
        return
    # A bookmark may be there once.
    body.part.printed.add(figure.number)
    if figure.snippet is not None:
        _write_snippet(body, figure, figure.snippet, caption)
    elif figure.picture is not None:
        picture = figure.picture
        body.add("Normal", body.picture(picture, picture.alt, body.package.width - indent), keep_next=True, indent=indent)
        own = body.runs(picture.caption) if picture.caption and not caption else caption
        _write_caption(body, figure, own, "", picture.audience)


def _write_snippet(body: WordBody, figure: Figure, snippet: Snippet, caption: str) -> None:
    words = body.words
    body.add("Code Head", "<w:r><w:br/></w:r>".join(_code_head(body, snippet)), reversed_text=False)
    _write_code(body, snippet)
    own = render_line(body, snippet.caption) if snippet.caption else ""
    _write_caption(body, figure, caption or own, snippet.role or "", snippet.audience)
    if own and caption:
        body.add("Remark", own)
    for number, note in snippet.loose_notes:
        name = body.runs(f"{words.gettext('Line {number}:', number=number)} ", BOLD)
        body.bullets([name + render_line(body, note)])
    if snippet.check.differences:
        body.add("Remark", body.runs(words.gettext("As quoted (−) and in the repository (+):")), keep_next=True)
        for difference in snippet.check.differences:
            for sign, text, fill in (("−", difference.quoted, "FBE9E7"), ("+", difference.actual, "E6F4EA")):
                if text is not None:
                    _write_code_line(body, sign, (("", cut(text).text),), 2, fill=fill)
        body.add_gap()


def _code_head(body: WordBody, snippet: Snippet) -> Iterator[str]:
    """Yield the lines above a snippet: where it is from, and the verdict on the author's quote."""
    words = body.words
    at = body.runs(" · ", QUIET)
    shown = [body.linked(labels.citation(snippet), snippet.permalink, Format(style="Code Text", bold=True))]
    shown += [body.runs(snippet.symbol, CODE)] if snippet.symbol else []
    if snippet.commit:
        several = len(body.engagement.repositories) > 1
        shown.append(body.runs(f"{snippet.repository}@{snippet.commit[:7]}" if several else snippet.commit[:7], CODE))
    yield at.join(shown)
    if snippet.runs or snippet.check.verdict is not Verdict.NONE:
        ink = _WARN if snippet.check.verdict in _WORST else QUIET_INK if snippet.check.verdict is Verdict.NONE else _GOOD
        verdict = body.runs(labels.verdict(snippet.check, words), Format(bold=True, colour=ink))
        if snippet.masked:
            one, many = "{count} passage masked by the author", "{count} passages masked by the author"
            verdict += at + body.runs(words.ngettext(one, many, snippet.masked))
        yield verdict
    if snippet.is_authors and snippet.runs:
        warning = words.gettext("Author’s copy of this code, not verified against the repository.")
        yield body.runs(warning, Format(bold=True, colour=_WARN))


def _write_caption(body: WordBody, figure: Figure, caption: str, role: str, audience: Sequence[str]) -> None:
    shown = []
    if figure.number:
        shown.append(body.mark(body.label("Figure {number}", figure.number, "Figure"), f"figure-{figure.number}"))
    if role:
        shown.append(body.runs(f"({body.words.name(role)})"))
    shown += [caption] if caption else []
    shown += [body.runs(body.name_audience(audience), Format(bold=True, colour=_WARN))] if audience else []
    body.add("caption", body.runs(" ").join(shown))


def _write_code(body: WordBody, snippet: Snippet) -> None:
    """Add the lines of a snippet with their numbers, the marked ones on another ground, each note below its line."""
    lines = [line for run in snippet.runs for line in run.lines]
    digits = max((len(str(line.number)) for line in lines if line.number is not None), default=0)
    is_short = len(lines) <= SHORT
    # A longer block has at least two lines with its head, and two with its caption.
    edges = {id(line) for line in (*lines[:2], *lines[-2:])}
    for index, run in enumerate(snippet.runs):
        if index:
            _write_code_line(body, "", (("c", ELISION),), digits, keep_next=is_short)
        pieces = highlight([line.text for line in run.lines], snippet.language, run.inside)
        for line, shown in zip(run.lines, pieces, strict=True):
            _write_line(body, line, shown, digits, keep_next=is_short or id(line) in edges)
    for remark in remark_on([(line.number, line.text) for line in lines]):
        body.add("Remark", body.runs(describe(remark, body.words, is_ordered=True)))


def _write_line(body: WordBody, line: Line, pieces: Pieces, digits: int, *, keep_next: bool) -> None:
    number = "" if line.number is None else str(line.number)
    if len(line.text) > LONGEST_LINE:
        shown = cut(line.text)
        more = f" {ELISION} {count_left_out(shown.left_out, body.words)}"
        pieces = (("", shown.text), ("c", more))  # type: ignore[assignment]
    else:
        pieces = show_hidden(pieces, line.text)
    look: dict[str, Any] = {"fill": _MARK, "bar": _MARK_BAR} if line.highlighted else {}
    _write_code_line(body, number, pieces, digits, keep_next=keep_next, **look)
    if line.note is not None:
        tokens = label_code(body.part.parse(line.note).tokens, body.part)
        _TextWriter(body, tokens, 5, style="Code Note").write(tokens)


def _write_code_line(
    body: WordBody, number: str, pieces: Iterable[tuple[str, str]], digits: int, indent: int = 0, **look: Any
) -> None:
    hanging = (digits + 2) * _CODE_COLUMN if digits else 0
    runs = body.runs(f"{number:>{digits}}\t", QUIET) if digits else ""
    for kind, text in pieces:
        # Tabs as four blanks: a tab stop would be measured from the margin, with the numbers.
        shown = text.replace("\t", "    ")
        runs += body.runs(shown, Format(colour=_INKS.get(kind, ""), italic=kind == "c"))
    body.add("Code Block", runs, indent=indent + hanging, hanging=hanging, reversed_text=False, **look)


def _write_fence(body: WordBody, token: Token, indent: int) -> None:
    """Add a block of code that its author wrote."""
    language = token.info.split(maxsplit=1)[0].lower() if token.info.strip() else ""
    lines = token.content.removesuffix("\n").split("\n")
    for index, (line, pieces) in enumerate(zip(lines, highlight(lines, language), strict=True), start=1):
        _write_code_line(body, "", show_hidden(pieces, line), 0, indent, keep_next=index < len(lines) <= SHORT)
    body.add_gap()
