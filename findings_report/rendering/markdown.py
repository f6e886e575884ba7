"""The Markdown dialect: values, prose and code as CommonMark with GFM tables.

Authored text is printed from its tokens, so that whatever the policy made text stays text in any other program that renders
the file, whether it allows raw HTML or not. tests/rendering/test_gfm.py compares the structure with that of our HTML.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from markdown_it.token import Token
from markupsafe import Markup

from findings_report.model.comparison import Words
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import Line, Snippet
from findings_report.model.translation import ENGLISH, Translation, fill
from findings_report.problems.safe_text import HIDDEN, visible
from findings_report.prose import Prose, References
from findings_report.rendering.figures import Figure, Part, link_table
from findings_report.rendering.highlighting import DIFF_SIGNS, cut
from findings_report.rendering.html import ELISION, count_left_out, first_line, heading_levels, label_code, label_figure
from findings_report.sourcecode.unusual_characters import describe, remark_on

# Underscores between letters are kept: no reader takes them for emphasis. A colon before two slashes, and the dot of `www.`,
# begin an address; dollar signs enclose a formula (GitHub, GitLab).
_SPECIAL = re.compile(r"(?<=[^\W_])(_+)(?=[^\W_])|[\\`*\[\]<~_$]|&(?=#?\w+(?:;|\Z))|!(?=\[)|:(?=//)|(?<=www)\.", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n]+")
_BACKTICKS = re.compile("`+")
_WEB: Final = ("https://", "http://", "mailto:")
_NO_REFERENCES: Final = References()
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")


def escape(text: str) -> Markup:
    """Return a short text on one line, none of whose characters is Markdown."""
    shown = _escape_special(_BLANKS.sub(" ", visible(text)))
    if shown.endswith("#"):
        shown = f"{shown[:-1]}\\#"  # a heading would lose it
    elif shown[-3:].lower() == "www":
        shown = f"{shown[:-1]}&#{ord(shown[-1])};"  # what follows may begin with a dot
    shown = _escape_start(shown).replace("|", "\\|")
    return Markup(shown)  # noqa: S704


def _escape_special(text: str) -> str:
    return _SPECIAL.sub(lambda match: match[0] if match[1] else "\\" + match[0], text)


def mark_english(shown: Markup) -> Markup:
    """Return `shown` unchanged: Markdown has no mark for the language of a text."""
    return shown


mark_own = mark_english


def code(text: str) -> Markup:
    """Return a short text as code within a line; safe in a table's cell too."""
    shown = " ".join(visible(text).split())
    if not shown or "|" in shown:  # a pipe in code would end a table's cell
        return escape(text)
    return Markup(_code_span(shown))  # noqa: S704


def _code_span(text: str) -> str:
    mark = "`" * (_longest(text) + 1)
    # A backtick at either end would lengthen the mark. CommonMark strips one blank at both ends, except from blanks alone.
    is_padded = text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " " and bool(text.strip(" ")))
    space = " " if is_padded else ""
    return f"{mark}{space}{text}{space}{mark}"


def isolate(shown: Markup, text: str) -> Markup:  # noqa: ARG001 - the program that shows the file orders its text
    """Return `shown` unchanged: Markdown has no mark for the direction of a text."""
    return shown


def xref(target: str) -> Markup:
    """Return the address of another part: a fragment, as all parts are in one file."""
    return Markup(f"#{target}")  # noqa: S704


def link(text: str | Markup, address: str | None) -> Markup:
    """Return `text` linked to a web address; only the text for any other address and for None."""
    shown = text if isinstance(text, Markup) else escape(text)
    # An address with a blank, a bracket or a backslash would end the link early in some reader.
    if address is None or not address.lower().startswith(_WEB) or HIDDEN.search(address) or set(" <>\\\n") & set(address):
        return shown
    if text == address and _WEB_AUTOLINK.fullmatch(address):
        return Markup(f"<{address}>")  # noqa: S704
    return Markup(f"[{shown}]({_target(address)})")  # noqa: S704


def _target(address: str) -> str:
    """Return an address as the target of a link; a pipe would end a table's cell."""
    # An address can hold an entity, and no other Markdown. Its escape is another entity: cmark reads these before backslashes.
    bare = _ENTITY.sub("&amp;", address.replace("|", "%7C"))
    # Angle brackets where parentheses would have to be balanced.
    return f"<{bare}>" if not bare or set("() ") & set(bare) else bare


def prose(parsed: Prose, part: Part, under: int) -> Markup:
    """Return blocks, with authored headings below level `under`, without gaps."""
    return Markup(_print_tokens(label_code(parsed.tokens, part), part, under))  # noqa: S704


def inline(parsed: Prose, part: Part) -> Markup:
    """Return the content of one paragraph, on one line."""
    printer = _Printer(part, {}, ())
    text = " ".join(printer._inline(token.children or (), is_line=True) for token in parsed.tokens)
    return Markup(_escape_start(text.strip(" \t")).replace("|", "\\|"))  # noqa: S704


def reprint(tokens: Sequence[Token]) -> str:
    """Return the blocks of an already printed text, changed by the caller; its links are addresses, and its headings keep their
    levels.
    """
    levels = {first_line(token): int(token.tag[1:]) for token in tokens if token.type == "heading_open"}
    return _Printer(None, levels, _find_tight(tokens)).print(tokens)


def code_block(snippet: Snippet, part: Part) -> Markup:
    """Return a snippet's lines in a fence, with real line numbers and elisions; marks and notes in a list beneath.

    Empty for a snippet without lines.
    """
    if not snippet.runs:
        return Markup("")
    lines = [line for run in snippet.runs for line in run.lines]
    words = part.engagement.translation
    # Real line numbers as text: Markdown has no other place for them.
    width = max((len(str(line.number)) for line in lines if line.number is not None), default=0)
    rows: list[str] = []
    for index, run in enumerate(snippet.runs):
        rows += [ELISION] if index else []
        rows += [_row(line, width, words) for line in run.lines]
    body = to_fence("\n".join(rows), snippet.language)
    unusual = remark_on([(line.number, line.text) for line in lines])
    remarks = [
        *_list_marked(lines, words),
        *(_note(line, part) for line in lines if line.note is not None),
        *(f"- {escape(describe(remark, words, is_ordered=False))}" for remark in unusual),
    ]
    return Markup("\n\n".join([body, "\n".join(remarks)] if remarks else [body]))  # noqa: S704


def to_fence(text: str, language: str) -> str:
    """Return `text` as a code block; the fence is longer than any run of backticks inside."""
    return _fence(f"{visible(text)}\n", language)


def _fence(content: str, language: str) -> str:
    fence = "`" * max(3, _longest(content) + 1)
    # A fence that its author did not close may have no line end.
    return f"{fence}{language}\n{content}{'' if not content or content.endswith(chr(10)) else chr(10)}{fence}"


def differences(snippet: Snippet) -> Markup:
    """Return how an edited quote differs from the repository; empty when it does not."""
    # Sign first, as the fence has the language diff and readers colour its lines by their first character.
    rows = []
    for difference in snippet.check.differences:
        rows += [f"- {difference.quoted}"] if difference.quoted is not None else []
        rows += [f"+ {difference.actual}"] if difference.actual is not None else []
    return Markup(to_fence("\n".join(rows), "diff")) if rows else Markup("")  # noqa: S704


def diff(lines: Sequence[DiffLine], language: str) -> Markup:  # noqa: ARG001 - a fence has one language, and it is diff
    """Return the diff of a cited range in a fence: sign, old number, new number, code."""
    if not lines:
        return Markup("")
    width = max(len(str(number)) for line in lines for number in (line.old_line, line.new_line) if number is not None)
    rows = []
    for line in lines:
        sign = DIFF_SIGNS[line.old_line is not None, line.new_line is not None][1]
        rows.append(f"{sign} {line.old_line or '':>{width}} {line.new_line or '':>{width}} {cut(line.text).text}".rstrip())
    return Markup(to_fence("\n".join(rows), "diff"))  # noqa: S704


def wording(words: Sequence[Words]) -> Markup:
    """Return a changed text, word by word, as `git diff --word-diff` marks it: `[-old-]{+new+}`."""
    marks = {"gone": ("[-", "-]"), "came": ("{+", "+}"), "same": ("", "")}
    shown = "".join(f"{marks[run.kind][0]}{run.text}{marks[run.kind][1]}" for run in words)
    return Markup(to_fence(shown.strip("\n"), "text"))  # noqa: S704


def _row(line: Line, width: int, words: Translation) -> str:
    number = "" if line.number is None else str(line.number).rjust(width)
    shown = cut(line.text)
    more = f" {ELISION} {count_left_out(shown.left_out, words)}" if shown.left_out else ""
    return f"{number.rjust(width)} {shown.text}{more}".rstrip() if width else shown.text + more


def _list_marked(lines: Sequence[Line], words: Translation) -> list[str]:
    numbers = [str(line.number) for line in lines if line.highlighted and line.number is not None]
    if not numbers:
        return []
    marked = words.ngettext("Marked: line {lines}", "Marked: lines {lines}", len(numbers), lines=words.join(numbers))
    return [f"- {escape(marked)}"]


def _note(line: Line, part: Part) -> str:
    text = prose(part.parse(line.note or ""), part, 6)
    if line.number is not None:
        text = Markup(f"{escape(_number_line(line.number, part))} {text}")  # noqa: S704
    first, *rest = str(text).split("\n")
    return "\n".join([f"- {first}", *(f"  {row}" if row else "" for row in rest)])


def _number_line(number: int, part: Part) -> str:
    return part.engagement.translation.gettext("Line {number}:", number=number)


def _longest(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def _print_tokens(tokens: Sequence[Token], part: Part, under: int) -> str:
    return _Printer(part, heading_levels(tokens, under), _find_tight(tokens)).print(tokens)


def _find_tight(tokens: Iterable[Token]) -> set[int]:
    """Return the ids of the tokens that open lists without blank lines between their items."""
    lists: list[Token] = []
    tight: set[int] = set()
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(token)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "paragraph_open" and token.hidden:
            tight.add(id(lists[-1]))
    return tight


@dataclass
class _PrintedBlock:
    """A block while its content is printed."""

    token: Token
    """What opens it."""
    pieces: list[str] = field(default_factory=list)
    """Its content in Markdown: blocks, items, rows, cells, or one text."""
    kinds: list[str] = field(default_factory=list)
    """The types of `pieces`."""
    marker: str = ""
    """What begins the items of a list, or of the last list in the block; of a row, the alignment of its cells."""


class _Printer:
    """Prints the tokens of one text so that every reader of CommonMark or GFM sees the same structure.

    Whatever could be markup where it is printed is escaped, and addresses are printed with marks around them: a bare one
    swallows the backslash of an escape, or the backtick of a code span, that follows (GFM 0.29, 6.9).
    """

    def __init__(self, part: Part | None, levels: Mapping[int, int], tight: Collection[int]) -> None:
        self.part = part  # None for a text that has been printed before
        self.levels = levels
        self.tight = tight

    def print(self, tokens: Iterable[Token]) -> str:
        """Return the blocks, with a blank line between them."""
        stack = [_PrintedBlock(Token("root_open", "", 1))]
        for token in tokens:
            block = stack[-1]
            if token.nesting > 0:
                stack.append(self._open(token, block))
            elif token.nesting < 0:
                stack.pop()
                stack[-1].pieces.append(self._close(block, stack[-1]))
                stack[-1].kinds.append(_kind_of(block))
            else:
                block.pieces.append(self._leaf(token, block))
                is_text = token.type == "figure" and self._find(token) is None
                block.kinds.append("paragraph" if is_text else token.type)
        return "\n\n".join(stack[0].pieces)

    @staticmethod
    def _open(token: Token, parent: _PrintedBlock) -> _PrintedBlock:
        block = _PrintedBlock(token)
        if token.type in _MARKERS:
            # Another marker than that of a list just above, with which this one would be joined, and than that of the list
            # whose item begins with this one: `- - -` is a rule.
            is_next = parent.kinds[-1:] in ([], [_kind_of(block)])
            block.marker = next(mark for mark in _MARKERS[token.type] if not is_next or mark != parent.marker)
            parent.marker = block.marker
        elif token.type == "list_item_open":
            block.marker = parent.marker
        return block

    def _leaf(self, token: Token, block: _PrintedBlock) -> str:
        match token.type:
            case "inline":
                return self._inline(token.children or (), is_line=_kind_of(block) != "paragraph")
            case "fence" | "code_block":
                language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
                return _fence(self._visible(token.content), language if _LANGUAGE.fullmatch(language) else "")
            case "figure":
                return self._figure(token)
            case _:
                return _RULE

    def _close(self, block: _PrintedBlock, parent: _PrintedBlock) -> str:
        match _kind_of(block):
            case "paragraph":
                # An empty line would end the paragraph.
                lines = (line.strip(" \t") for line in block.pieces[0].split("\n"))
                return "\n".join(_escape_start(line) or "&#32;" for line in lines)
            case "heading":
                text = block.pieces[0].strip(" \t")
                # GFM takes away number signs at the end of a heading.
                text = f"{text[:-1]}\\#" if text.endswith("#") else text
                return f"{'#' * self.levels[first_line(block.token)]} {text}".rstrip(" ")
            case "blockquote":
                return _prefix("\n\n".join(block.pieces), "> ", "> ")
            case "list_item":
                return self._item(block, is_tight=id(parent.token) in self.tight)
            case "bullet_list" | "ordered_list":
                return self._list(block)
            case "th" | "td":
                parent.marker += f" {_ALIGNMENTS[str(block.token.attrs.get('style', ''))]} |"
                return f" {block.pieces[0].strip(' ').replace('|', chr(92) + '|')} |"
            case "caption":
                # A paragraph above the table.
                return f"{_escape_start(block.pieces[0].strip(' '))}\n"
            case "tr":
                parent.marker = block.marker
                return f"|{''.join(block.pieces)}"
            case "thead":
                return f"{block.pieces[0]}\n|{block.marker}"
            case _:
                return "\n".join(block.pieces)

    @staticmethod
    def _item(block: _PrintedBlock, *, is_tight: bool) -> str:
        """Return the blocks of an item. A figure, which other texts do not know, has blank lines around it in any list."""
        text = ""
        for index, piece in enumerate(block.pieces):
            near = block.kinds[max(0, index - 1) : index + 1]
            text += ("" if not index else "\n" if is_tight and "figure" not in near else "\n\n") + piece
        return text

    def _list(self, block: _PrintedBlock) -> str:
        start = int(block.token.attrs.get("start", 1))
        items = []
        for index, item in enumerate(block.pieces):
            # CommonMark reads at most nine digits.
            mark = block.marker if _kind_of(block) == "bullet_list" else f"{min(start + index, 999_999_999)}{block.marker}"
            items.append(_prefix(item, f"{mark} ", " " * (len(mark) + 1)))
        return ("\n" if id(block.token) in self.tight else "\n\n").join(items)

    def _inline(self, children: Sequence[Token], *, is_line: bool) -> str:
        """Return the content of a block; on one line where Markdown has no more for it."""
        pieces: list[_Piece] = []
        ends: list[str | None] = []
        for index, token in enumerate(children):
            following = children[index + 1].type if index + 1 < len(children) else ""
            match token.type:
                case "text" if ends and ends[-1] is None:
                    continue  # the text of an address, which is printed already
                case "text":
                    text = _escape_special(_BLANKS.sub(" ", self._visible(token.content)))
                    pieces.append(
                        _Piece("text", f"{text[:-1]}\\!" if text.endswith("!") and following == "link_open" else text)
                    )
                case "code_inline":
                    pieces.append(_Piece("other", _code_span(self._visible(token.content))))
                case "softbreak" | "hardbreak":
                    pieces.append(_Piece("other", " " if is_line else "\n" if token.type == "softbreak" else "\\\n"))
                case "link_open":
                    shown = children[index + 1].content if token.info == "auto" else ""
                    opened, end = self._link(token, shown, is_empty=following == "link_close")
                    pieces.append(opened)
                    ends.append(end)
                case "link_close":
                    pieces.append(_Piece("other", ends.pop() or ""))
                case "image":
                    pieces.append(_Piece("text", self._image(token)))
                case _:
                    pieces.append(_Piece("open" if token.nesting > 0 else "close", token.markup))
        return "".join(piece.text for piece in _flank([piece for piece in pieces if piece.text]))

    def _visible(self, text: str) -> str:
        """Return text or code with hidden characters as their code points."""
        return visible(text) if self.part is not None else text

    def _link(self, token: Token, shown: str, *, is_empty: bool) -> tuple[_Piece, str | None]:
        """Return what opens a link, and what closes it; None for a complete one. Without text it has the name of its target."""
        address = str(token.attrs["href"])
        scheme, _, name = address.partition(":")
        if scheme == "location" and self.part is not None:
            figure = self.part.find_figure("placed", name)
            label = label_figure(figure, name, self.part)
            return _Piece("text", _escape_special(label) if is_empty else ""), ""
        if scheme == "table" and self.part is not None:
            return _Piece("text", _escape_special(link_table(name, self.part)[0]) if is_empty else ""), ""
        if scheme == "finding" and self.part is not None:
            address = xref(self.part.current(name))
            label = _escape_special(self.part.current(name)) if is_empty else ""
            return (_Piece("text", label), "") if self.part.is_alone else (_Piece("other", f"[{label}"), f"]({address})")
        is_web, is_email = address == shown, address == f"mailto:{shown}"
        if (is_web and _WEB_AUTOLINK.fullmatch(shown)) or (is_email and _EMAIL_AUTOLINK.fullmatch(shown)):
            return _Piece("other", f"<{shown}>"), None
        label = _escape_special(self._visible(address)) if is_empty else ""
        return _Piece("other", f"[{label}"), f"]({_target(address)})"

    def _image(self, token: Token) -> str:
        """Return a picture in a line; its alternative text where no folder has the pictures."""
        picture = self.part.picture(token.meta["name"]) if self.part is not None else None
        text = token.meta["text"] or (picture.alt if picture is not None else token.meta["name"])
        words = self.part.engagement.translation if self.part is not None else ENGLISH
        if picture is None:
            return str(escape(words.gettext("[image not included: {text}]", text=text)))
        if self.part is not None and self.part.engagement.pictures_in:
            return f"![{_escape_special(_BLANKS.sub(' ', visible(text)))}]({_target(self.part.address(picture))})"
        return str(escape(words.gettext("[image: {text}]", text=text)))

    def _find(self, token: Token) -> Figure | None:
        return self.part.find_figure(token.meta["kind"], token.meta["name"]) if self.part is not None else None

    def _figure(self, token: Token) -> str:
        """Return a snippet or a picture with its caption."""
        assert self.part is not None  # noqa: S101  # a text that has been printed before has no figures
        figure = self._find(token)
        alt = token.meta["alt"]
        caption = inline(Prose((Token("inline", "", 0, children=alt),), (), _NO_REFERENCES), self.part) if alt else None
        if figure is None:
            words = escape(self.part.engagement.translation.gettext("[not included: {text}]"))
            return fill(words, {"text": caption or escape(token.meta["name"])})
        return str(self.part.draw(self.part, figure, caption)).strip("\n")


_MARKERS: Final = {"bullet_list_open": "-+", "ordered_list_open": ".)"}
_ALIGNMENTS: Final = {"": "---", "text-align:left": ":--", "text-align:center": ":-:", "text-align:right": "--:"}
_RULE: Final = "_" * 70
_LANGUAGE: Final = re.compile(r"(?!(?:math|mermaid|geojson|topojson|stl|plantuml|suggestion)\Z)[\w+#.-]+", re.IGNORECASE)
"""The languages of fences but those that GitHub and GitLab draw, or offer as a change to the code."""
_WEB_AUTOLINK: Final = re.compile(r"(?!.*&#?\w+;)https?://[!#-'*-;=?-Z_a-z~-]+", re.IGNORECASE)
_EMAIL_AUTOLINK: Final = re.compile(r"[\w.+-]+@[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*", re.ASCII)
_LINE_START: Final = re.compile(r"(?=>|#{1,6}(?:[ \t]|$)|[-+](?:[ \t]|$)|:(?:[: \t]|$))|\d{1,9}(?=[.)](?:[ \t]|$))")
_UNDERLINE: Final = re.compile(r"[|:\s]*+(?=[-=])[-=|:\s]++\Z")
"""A line under a title or the head of a table, and a rule."""


class _Piece(NamedTuple):
    """A part of a line."""

    kind: str
    """text: any character of it may be printed as an entity; open, close: marks of emphasis; other."""
    text: str
    """Its Markdown."""


def _kind_of(block: _PrintedBlock) -> str:
    return block.token.type.removesuffix("_open")


def _prefix(text: str, first: str, others: str) -> str:
    """Put `first` before the first line and `others` before the rest, without blanks at the end of a line."""
    head, *lines = text.split("\n")
    return "\n".join(
        [f"{first}{head}" if head else first.rstrip(), *(f"{others}{line}" if line else others.rstrip() for line in lines)]
    )


def _escape_start(line: str) -> str:
    """Return a line of a paragraph, with an escape if it began a block. Marks of other kinds are escaped wherever they are."""
    if _UNDERLINE.match(line):
        return re.sub("[-=]", r"\\\g<0>", line, count=1)
    if (first := _LINE_START.match(line)) is not None:
        return f"{line[: first.end()]}\\{line[first.end() :]}"
    return line


def _flank(pieces: list[_Piece]) -> list[_Piece]:
    """Return the pieces of a line, with entities for characters beside which the marks of emphasis would be read otherwise.

    Authors write entities and escapes there too, whose signs are punctuation to a reader. Source: CommonMark 0.31, 6.2.
    """
    pieces = _choose_signs(pieces)
    opened: list[str] = []
    index = 0
    while index < len(pieces):
        if pieces[index].kind not in ("open", "close"):
            index += 1
            continue
        end, sign = index + 1, pieces[index].text[0]
        while end < len(pieces) and pieces[end].kind in ("open", "close") and pieces[end].text[0] == sign:
            end += 1
        kinds = {piece.kind for piece in pieces[index:end]}
        before, after = (index - 1 if index else None), (end if end < len(pieces) else None)
        # One that could also close would close the one around it.
        is_strict = kinds == {"open"} and sign in opened
        for changed in ((), (before,), (after,), (before, after)):
            tried = {place: _with_entity(pieces[place], is_last=place == before) for place in changed if place is not None}
            left = tried.get(before, pieces[before]).text[-1] if before is not None else "\n"
            right = tried.get(after, pieces[after]).text[0] if after is not None else "\n"
            if _is_flanking(left, right, sign, kinds, is_strict=is_strict):
                for place, piece in tried.items():
                    pieces[place] = piece
                break
        for piece in pieces[index:end]:
            if piece.kind == "open":
                opened.append(sign)
            elif sign in opened:
                opened.remove(sign)
        index = end
    return pieces


def _choose_signs(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Return the pieces with marks of emphasis that no reader joins with their neighbours, or takes for the end of another."""
    chosen: list[_Piece] = []
    signs: list[str] = []
    for index, piece in enumerate(pieces):
        text = piece.text
        if piece.kind == "close":
            text = signs.pop() * len(text)
        elif piece.kind == "open":
            if text[0] in _OTHER_SIGN:
                before = chosen[-1] if chosen else _Piece("other", "\n")
                is_joined = before.kind == "close" and before.text[0] == text[0]
                is_between_signs = _class_of(before.text[-1], "PS") == "." == _class_of(pieces[index + 1].text[0], "PS")
                if is_joined or (text[0] in signs and is_between_signs and before.kind != "open"):
                    text = _OTHER_SIGN[text[0]] * len(text)
            signs.append(text[0])
        chosen.append(_Piece(piece.kind, text))
    return chosen


_OTHER_SIGN: Final = {"*": "_", "_": "*"}


def _with_entity(piece: _Piece, *, is_last: bool) -> _Piece:
    text = piece.text
    if piece.kind != "text" or (text[-2:-1] if is_last else text[0]) == "\\":
        return piece
    return _Piece("text", f"{text[:-1]}&#{ord(text[-1])};" if is_last else f"&#{ord(text[0])};{text[1:]}")


def _is_flanking(left: str, right: str, sign: str, kinds: Collection[str], *, is_strict: bool) -> bool:
    """Return True when marks between two characters open or close as meant, to readers of any version of CommonMark."""
    for symbols in ("P", "PS"):
        before, after = (_class_of(character, symbols) for character in (left, right))
        is_left = after != " " and (after != "." or before in " .")
        is_right = before != " " and (before != "." or after in " .")
        opens = is_left and (sign != "_" or not is_right or before == ".")
        closes = is_right and (sign != "_" or not is_left or after == ".")
        if ("open" in kinds and not opens) or ("close" in kinds and not closes) or (is_strict and closes):
            return False
    return True


def _class_of(character: str, symbols: str) -> str:
    if character.isspace():
        return " "
    return "." if character in string.punctuation or unicodedata.category(character)[0] in symbols else "a"
