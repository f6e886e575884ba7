"""The HTML dialect: values, prose and code as HTML, for pages and for PDF.

Everything authored is escaped here, hidden characters are shown by their code points, and no attribute but class, id, href
and src has a value from the author.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import count
from typing import Any, Final

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup
from markupsafe import escape as _markup_escape

from findings_report.model.comparison import Words
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import Line, Snippet
from findings_report.model.translation import ENGLISH, Translation, fill
from findings_report.problems.safe_text import HIDDEN, PROPERTIES_OF, code_point, find_hidden, visible
from findings_report.prose import Prose
from findings_report.rendering.figures import Figure, Part, link_table, place_tables
from findings_report.rendering.highlighting import DIFF_SIGNS, LONGEST_LINE, Pieces, cut, highlight, highlight_diff
from findings_report.sourcecode.unusual_characters import describe, has_right_to_left, has_stacked_marks, remark_on

ELISION: Final = "…"

_BADGE: Final = '<span class="hidden">%s</span>'
_WEB: Final = ("https://", "http://", "mailto:")
# One search decides whether a text needs escaping at all.
_SPECIAL: Final = re.compile(r"[&<>\x00-\x08\x0b-\x1f\x7f]|[^\x00-\x7f]")
_LONG_WORD: Final = re.compile(r"(\S{30,})")
_OPTION: Final = re.compile(r"--?[A-Za-z][A-Za-z0-9-]{0,30}")
_LONG_NAME: Final = re.compile(r"\S{25}")
# Not before a file's suffix, and not within `__init__`.
_SEAM: Final = re.compile(r"(?:(?<=\w[/#,(])|(?<=::)|(?<=\w\.)(?=\w{5})|(?<=[^\W_]_)(?=[^\W_]))(?=\w)")
_CITED_LINES: Final = re.compile(r"#L[0-9]{1,9}(?:-L[0-9]{1,9})?(?>(?:,L[0-9]{1,9}(?:-L[0-9]{1,9})?)*)\Z")
_RANGE: Final = re.compile(r"[#L0-9-]++,?")
_LONGEST_PIECE: Final = 32  # three columns of a table that wide fit on a page
_SHORT: Final = 12  # lines of code that are not worth a page break
_MANY_COLUMNS: Final = 6  # of a table that keeps its width on a narrow screen, as screen.css has it
_WIDE_LINE: Final = 80  # columns; a page of A4 has room for some more
_DEEPEST: Final = 24  # columns that the later rows of a line are indented by at most
_RIGHT_TO_LEFT: Final = "right_to_left"
_CODE: Final = frozenset({"fence", "code_block"})
_AUTHORED: Final = "authored"

LABEL: Final = "By the author, not quoted from a repository."
"""What is printed under each block of code in authored text."""


def escape(text: str) -> Markup:
    """Return a short text, escaped for content and for double-quoted attributes."""
    return _markup_escape(visible(text))


def mark_english(shown: Markup) -> Markup:
    """Return words of the program between two signs for which `place_language_marks` has elements, where they may be."""
    return Markup(f"\ufdd0{shown}\ufdd1")  # noqa: S704 - noncharacters, which `visible` takes out of every authored text


def mark_own(shown: Markup) -> Markup:
    """Return text in the report's language within such words, between two other signs."""
    return Markup(f"\ufdd2{shown}\ufdd3")  # noqa: S704


def place_language_marks(page: str, language: str) -> str:
    """Return a page with elements for the signs in its text, and without the signs in tags and in its title."""
    # Isolated: an English sentence keeps its order among words that are written from right to left.
    elements = {
        "\ufdd0": '<span lang="en" dir="ltr">',
        "\ufdd1": "</span>",
        "\ufdd2": f'<bdi lang="{_markup_escape(language)}">',
        "\ufdd3": "</bdi>",
    }
    marked = _MARKED.sub(lambda match: elements.get(match[0]) or _MARKS.sub("", match[0]), page)
    # A drawing has no elements of HTML; its words are the program's.
    return marked.replace("<svg ", '<svg lang="en" ')


_MARKS: Final = re.compile("[\ufdd0-\ufdd3]")
_MARKED: Final = re.compile("(?s:<style\\b.*?</style>|<title>.*?</title>|<svg\\b.*?</svg>|<[^<>]*+>|[\ufdd0-\ufdd3])")


def _show(text: str) -> str:
    """Return code, escaped for the content of an element: hidden characters as badges, in logical order."""
    if _SPECIAL.search(text) is None:  # nine texts of ten; twice as fast as escaping what needs none
        return text
    return _order(_escape_content(text))


def _escape_content(text: str, hidden: Sequence[int] | None = None) -> str:
    """Return `text`, escaped for the content of an element, with a badge for each character at `hidden`."""
    places = find_hidden(text) if hidden is None else hidden
    if not places:
        return html.escape(text, quote=False)
    starts = (0, *(place + 1 for place in places))
    plain = [html.escape(text[start:end], quote=False) for start, end in zip(starts, (*places, len(text)), strict=True)]
    badges = [_BADGE % code_point(text[place]) for place in places]
    return "".join([part for pair in zip(plain, (*badges, ""), strict=True) for part in pair])


def _order(content: str) -> str:
    """Return escaped code in logical order: each word that is written from right to left moves nothing around it.

    Within a word the letters keep the order in which people read them. Source: Unicode Standard Annex 9, isolates.
    """
    characters = frozenset() if content.isascii() else frozenset(content)
    if not any(_RIGHT_TO_LEFT in PROPERTIES_OF[character] for character in characters):
        return content
    return _right_to_left_words(characters).sub(r"<bdi>\g<0></bdi>", content)


@lru_cache(maxsize=256)
def _right_to_left_words(characters: AbstractSet[str]) -> re.Pattern[str]:
    """Return the pattern of a word from right to left among these characters: its letters with their marks and joiners."""
    letters = {character for character in characters if _RIGHT_TO_LEFT in PROPERTIES_OF[character]}
    joined = {character for character in characters if not {"stacking", "hidden"}.isdisjoint(PROPERTIES_OF[character])}
    first, rest = ("".join(map(re.escape, sorted(those))) for those in (letters, letters | joined))
    return re.compile(f"[{first}][{rest}]*+")


def isolate(shown: Markup, text: str) -> Markup:
    """Return `shown`, the markup of `text`, so that text from right to left in it leaves the order of what is around it."""
    return Markup(f"<bdi>{shown}</bdi>") if has_right_to_left(text) else shown  # noqa: S704


def _show_prose(text: str) -> str:
    if _SPECIAL.search(text) is None and _LONG_WORD.search(text) is None:
        return text
    pieces = (_escape_content(piece) for piece in _LONG_WORD.split(text))
    return "".join(f'<span class="any">{piece}</span>' if index % 2 else piece for index, piece in enumerate(pieces))


def _show_name(text: str) -> str:
    """Return code within a line: a long name breaks after its dots and slashes, anywhere only where it has none."""
    if _LONG_NAME.search(text) is None:
        # An option would break between its hyphens and its name.
        return f'<span class="whole">{_show(text)}</span>' if _OPTION.fullmatch(text) else _show(text)
    pieces = ((piece, _show(piece)) for piece in _SEAM.split(text))
    return "<wbr>".join(
        f'<span class="any">{shown}</span>' if len(piece) > _LONGEST_PIECE else shown for piece, shown in pieces
    )


def code(text: str) -> Markup:
    """Return a short text as code within a line, in logical order. Lines, as in `path#L7-L9`, are not broken."""
    if (cited := _CITED_LINES.search(text)) is None:
        return Markup(f"<code>{_show_name(text)}</code>")  # noqa: S704
    ranges = "<wbr>".join(f'<span class="whole">{piece}</span>' for piece in _RANGE.findall(cited[0]))
    return Markup(f"<code>{_show_name(text[: cited.start()])}<wbr>{ranges}</code>")  # noqa: S704


def xref(target: str) -> Markup:
    """Return the symbolic address of another part; it becomes a fragment when the parts are joined."""
    return Markup(f"xref:{_markup_escape(target)}")  # noqa: S704


def link(text: str | Markup, address: str | None) -> Markup:
    """Return `text` linked to a web address; only the text for any other address and for None."""
    shown = text if isinstance(text, Markup) else Markup(_show_prose(text))  # noqa: S704
    if address is None or not address.lower().startswith(_WEB) or HIDDEN.search(address):
        return shown
    # noreferrer: a linked site must not learn where a confidential report is kept.
    return Markup(f'<a href="{_markup_escape(address)}" rel="noopener noreferrer">{shown}</a>')  # noqa: S704


def prose(parsed: Prose, part: Part, under: int) -> Markup:
    """Return blocks, with authored headings below level `under`, without gaps."""
    tokens = label_code(parsed.tokens, part)
    return Markup("".join(_Writer(part, tokens, under).blocks(tokens)))  # noqa: S704


def inline(parsed: Prose, part: Part) -> Markup:
    """Return the content of one paragraph."""
    writer = _Writer(part, (), 0)
    parts = (piece for token in parsed.tokens for piece in writer.inline(token.children or ()))
    return Markup("".join(parts))  # noqa: S704


def code_block(snippet: Snippet, part: Part) -> Markup:
    """Return a snippet's lines: `<pre>` with one block per line, notes between, elisions marked. Empty without lines.

    On paper a line with a note has a numbered dot, and the notes follow the block.

    Line numbers are attributes, so that whoever copies code from the page gets the code alone.
    """
    if not snippet.runs:
        return Markup("")
    # The style sheet reserves room for the numbers by a class, g1 and up: an inline style would be blocked by the policy.
    widest = max((line.number or 0 for run in snippet.runs for line in run.lines), default=0)
    return Markup("".join(_code(snippet, part, len(str(widest)) if widest else 0)))  # noqa: S704


def differences(snippet: Snippet) -> Markup:
    """Return how an edited quote differs from the repository; empty when it does not."""
    rows = []
    for difference in snippet.check.differences:
        if difference.quoted is not None:
            rows.append(f'<del class="l"><span class="sign">- </span>{_show(cut(difference.quoted).text)}\n</del>')
        if difference.actual is not None:
            rows.append(f'<ins class="l"><span class="sign">+ </span>{_show(cut(difference.actual).text)}\n</ins>')
    return Markup(f'<pre class="diff" dir="ltr"><code>{"".join(rows)}</code></pre>' if rows else "")  # noqa: S704


def diff(lines: Sequence[DiffLine], language: str) -> Markup:
    """Return the diff of a cited range: each line with old and new number, sign and highlighted code."""
    if not lines:
        return Markup("")
    width = max(len(str(number)) for line in lines for number in (line.old_line, line.new_line) if number is not None)
    pieces = highlight_diff(lines, language)
    rows = (_diff_line(line, shown, width) for line, shown in zip(lines, pieces, strict=True))
    # dir: code is left to right in a report of any language.
    opened = f'<pre class="code drift g{2 * width + 1}" dir="ltr"><code>'
    return Markup(f"{opened}{''.join(rows)}</code></pre>")  # noqa: S704


def _diff_line(line: DiffLine, pieces: Pieces, width: int) -> str:
    kind, sign = DIFF_SIGNS[line.old_line is not None, line.new_line is not None]
    old, new = line.old_line or "", line.new_line or ""
    shown = cut(line.text)
    code = _colour(pieces, line.text) if not shown.left_out else _show(shown.text + f" {ELISION}")
    tag = {"gone": "del", "came": "ins"}.get(kind, "span")
    numbers = f"{old:>{width}} {new:>{width}}"
    opened = f'<{tag} class="{_kinds(line.text)} {kind}" data-n="{numbers}">'
    return f'{opened}<span class="sign">{sign} </span>{code}\n</{tag}>'


def wording(words: Sequence[Words]) -> Markup:
    """Return a changed text, word by word: deleted words struck out, new ones underlined."""
    tags = {"gone": "del", "came": "ins"}
    shown = (
        f"<{tags[run.kind]}>{_show_prose(run.text)}</{tags[run.kind]}>" if run.kind in tags else _show_prose(run.text)
        for run in words
    )
    return Markup(f'<p class="wording">{"".join(shown)}</p>')  # noqa: S704


def _code(snippet: Snippet, part: Part, digits: int) -> Iterator[str]:
    """Yield the lines in one `<pre>` for all up to a note and the line it belongs to, then the note, and so on.

    On paper all lines are in one `<pre>`, and a list of the notes follows.
    """
    rows: list[str] = []
    notes: list[str] = []
    words = part.engagement.translation
    for index, run in enumerate(snippet.runs):
        if index:
            rows.append(f'<span class="l e">{ELISION}\n</span>')
        pieces = highlight([line.text for line in run.lines], snippet.language, run.inside)
        for line, shown in zip(run.lines, pieces, strict=True):
            is_noted = part.is_paper and line.note is not None
            rows.append(_line(line, shown, digits, part, len(notes) + 1 if is_noted else None))
            if is_noted and line.note is not None:
                place = f'<span class="at">{escape(words.gettext("Line {number}", number=str(line.number)))}</span>'
                notes.append(f'<li data-note="{len(notes) + 1}">{place}{prose(part.parse(line.note), part, 6)}</li>')
            elif line.note is not None:
                # A note is Markdown with blocks, which <pre> cannot hold.
                yield _pre(rows, digits)
                yield f'<div class="note">{prose(part.parse(line.note), part, 6)}</div>'
                rows = []
    if rows:
        yield _pre(rows, digits)
    if notes:
        yield f'<ol class="beside-lines">{"".join(notes)}</ol>'
    remarks = remark_on([(line.number, line.text) for run in snippet.runs for line in run.lines])
    yield from (f'<p class="remark">{_show_prose(describe(remark, words, is_ordered=True))}</p>' for remark in remarks)


def _pre(rows: Sequence[str], digits: int) -> str:
    # dir: code is left to right in a report of any language.
    return f'<pre class="code g{min(digits, 9)}" dir="ltr"><code>{"".join(rows)}</code></pre>'


def _line(line: Line, pieces: Pieces, digits: int, part: Part, mark: int | None = None) -> str:
    """Return a line of code; `mark` is the number of its note where that is printed elsewhere."""
    kinds, tag, words = _kinds(line.text), "span", part.engagement.translation
    if line.highlighted:
        kinds, tag = f"{kinds} h", "mark"
    number = f' data-n="{line.number:>{digits}}"' if line.number is not None else ""
    if part.lines_under and number:
        number += f' id="{part.lines_under}-L{line.number}"'
    dot = f'<span class="dot" data-note="{mark}"></span>' if mark else ""
    if len(line.text) > LONGEST_LINE:
        shown = cut(line.text)
        more = f'<span class="more"> {ELISION} {count_left_out(shown.left_out, words)}</span>'
        return f'<{tag} class="{kinds}"{number}>{_show(shown.text)}{more}{dot}\n</{tag}>'
    note = escape(words.gettext("The line holds hidden or private characters.")) if find_hidden(line.text) else ""
    warned = f' title="{note}"' if note else ""
    return f'<{tag} class="{kinds}"{number}{warned}>{_colour(pieces, line.text)}{dot}\n</{tag}>'


def count_left_out(left_out: int, words: Translation) -> str:
    """Return how many characters of a long line are not shown."""
    return words.ngettext("{count} more character", "{count} more characters", left_out)


def _kinds(text: str) -> str:
    """Return the classes of a line. On paper a wide line is broken: a class marks it, another indents its later rows.

    A line with marks above one another has a class of its own: it is clipped.
    """
    # Four columns for a tab, as the style sheets have it.
    shown = text.expandtabs(4) if "\t" in text else text
    kind = "l m" if has_stacked_marks(text) else "l"
    if len(shown) <= _WIDE_LINE:
        return kind
    step = min(len(shown) - len(shown.lstrip()), _DEEPEST) // 4
    return f"{kind} w i{step}" if step else f"{kind} w"


def _colour(pieces: Pieces, line: str) -> str:
    """Return `line` in its pieces. The whole line is searched once: most have nothing to escape."""
    if _SPECIAL.search(line) is None:
        return "".join([f'<span class="{kind}">{text}</span>' if kind else text for kind, text in pieces])
    # What is hidden depends on the characters around it, which may be in other pieces.
    places = find_hidden(line)
    shown, start = [], 0
    for kind, text in pieces:
        own = [place - start for place in places if start <= place < start + len(text)] if places else []
        content = _order(_escape_content(text, own))
        shown.append(f'<span class="{kind}">{content}</span>' if kind else content)
        start += len(text)
    return "".join(shown)


class _Writer:
    """Writes the tokens of one text as HTML."""

    def __init__(self, part: Part, tokens: Sequence[Token], under: int) -> None:
        self.part = part
        self.levels = heading_levels(tokens, under)
        self.level = under
        self.columns = iter(_column_names(tokens))

    def blocks(self, tokens: Sequence[Token]) -> Iterator[str]:
        """Yield each block token as HTML."""
        for token in tokens:
            kind = token.type
            if kind == "inline":
                yield from self.inline(token.children or ())
            elif kind in ("paragraph_open", "paragraph_close"):
                if not token.hidden:
                    opened = f'<p class="{_AUTHORED}">' if token.attrs.get("class") == _AUTHORED else "<p>"
                    yield opened if token.nesting > 0 else "</p>\n"
                elif token.nesting < 0:
                    yield "\n"
            else:
                yield _BLOCKS[kind](self, token) if kind in _BLOCKS else _tag(token)

    def inline(self, children: Sequence[Token]) -> Iterator[str]:
        """Yield each inline token as HTML."""
        if len(children) == 1 and children[0].type == "text":
            yield _show_prose(children[0].content)
            return
        for index, token in enumerate(children):
            kind = token.type
            if kind == "text":
                yield _show_prose(token.content)
            elif kind == "link_open":
                is_empty = children[index + 1].type == "link_close"
                yield self._link(token, is_empty)
            elif kind in _INLINE:
                yield _INLINE[kind](self, token)
            else:
                yield _tag(token)

    def _link(self, token: Token, is_empty: bool) -> str:
        address = str(token.attrs["href"])
        # The policy let through http, https, mailto, fragments, and the symbolic schemes handled here: nothing else arrives.
        scheme, _, name = address.partition(":")
        label, relation = address, ""
        if scheme == "finding":
            label = self.part.current(name)
            address = f"xref:{label}"
        elif scheme == "location":
            figure = self.part.find_figure("placed", name)
            label = label_figure(figure, name, self.part)
            address = f"#figure-{figure.number}" if figure is not None else ""
        elif scheme == "table":
            label, address = link_table(name, self.part)
        elif not address.startswith("#"):
            relation = ' rel="noopener noreferrer"'
        # An `a` without an address is text (HTML, 4.5.1).
        target = f' href="{_markup_escape(address)}"{relation}' if address else ""
        return f"<a{target}>{_show_prose(label) if is_empty else ''}"

    def _image(self, token: Token) -> str:
        picture = self.part.picture(str(token.meta["name"]))
        if picture is None:
            words = self.part.engagement.translation
            return _show_prose(words.gettext("[image not included: {text}]", text=token.meta["text"]))
        alt = escape(str(token.meta["text"]) or picture.alt)
        return f'<img class="inline" src="{self.part.address(picture)}" alt="{alt}">'

    def _figure(self, token: Token) -> str:
        figure = self.part.find_figure(token.meta["kind"], token.meta["name"])
        caption = Markup("".join(self.inline(token.meta["alt"])))  # noqa: S704
        if figure is None:
            words = escape(self.part.engagement.translation.gettext("[not included: {text}]"))
            text = fill(words, {"text": caption or _show_prose(token.meta["name"])})
            return f"{text}\n" if token.hidden else f"<p>{text}</p>\n"
        return str(self.part.draw(self.part, figure, caption or None))

    def _heading(self, token: Token) -> str:
        if token.nesting < 0:
            return f"</h{self.level}>\n"
        self.level = self.levels[first_line(token)]
        return f"<h{self.level}>"

    def _fence(self, token: Token) -> str:
        language = token.info.split(maxsplit=1)[0].lower() if token.info.strip() else ""
        lines = token.content.removesuffix("\n").split("\n")
        shown = zip(lines, highlight(lines, language), strict=True)
        body = "".join(f'<span class="{_kinds(line)}">{_colour(pieces, line)}\n</span>' for line, pieces in shown)
        # A short block is kept on one page; a long one may be broken, or it would leave half a page blank.
        short = " short" if len(lines) <= _SHORT else ""
        return f'<pre class="fence{short}" dir="ltr"><code>{body}</code></pre>\n'

    def _table(self, token: Token) -> str:
        names = next(self.columns)
        address = f' id="{_markup_escape(str(token.attrs["id"]))}"' if "id" in token.attrs else ""
        if len(names) < _MANY_COLUMNS:
            return f'<div class="wide"><table{address}>'
        # It may scroll on a narrow screen: a stop for the keyboard, with a name (WCAG 2.2, 2.1.1 and 4.1.2). A group and no
        # region, which would have to have a name of its own among all landmarks.
        return f'<div class="wide" role="group" aria-label="{escape(", ".join(names))}" tabindex="0"><table{address}>'

    def _cell(self, token: Token) -> str:
        # A class instead of the parser's style attribute, which the page's content security policy blocks.
        style = str(token.attrs.get("style", ""))
        aligned = f' class="{style.removeprefix("text-align:")}"' if style else ""
        return f"<{token.tag}{aligned}>"

    def _list(self, token: Token) -> str:
        start = token.attrs.get("start")
        return f'<ol start="{int(start)}">\n' if start is not None else "<ol>\n"


def label_figure(figure: Figure | None, name: str, part: Part) -> str:
    """Return the text of a link to the figure of a location; `name` is the location's."""
    words = part.engagement.translation
    if figure is None:
        return words.gettext("[no location {name}]", name=name)
    return words.gettext("Figure {number}", number=figure.number)


class HeadingLinks:
    """Gives each heading of a part an address of its own, and makes it a link to it."""

    def __init__(self) -> None:
        self._under = ""
        self._used: set[str] = set()

    def place(self, text: str) -> str:
        """Return a part of a page with linked headings; a finding's title leads to the finding."""
        return _HEADING.sub(self._place, text)

    def _place(self, match: re.Match[str]) -> str:
        whole, finding, level, attributes, title = match.group(0, 1, 2, 3, 4)
        if level is None:
            self._under = finding or ""
            return whole
        if "unlisted" in attributes or "<a " in title:
            return whole
        named = _ID.search(attributes)
        id = named[1] if named else self._new_id(title)
        if level == "2" and named:
            self._under = id
        address = self._under if id == f"title-{self._under}" else id
        if not named:
            attributes += f' id="{id}"'
        if match.string.endswith("<summary>", 0, match.start()):  # a control, which can hold no other
            return f"<h{level}{attributes}>{title}</h{level}>"
        return f'<h{level}{attributes}><a href="#{address}">{title}</a></h{level}>'

    def _new_id(self, title: str) -> str:
        # A colon is in no id of a finding, so that no finding has this address.
        words = re.sub(r"\W+", "-", html.unescape(re.sub(r"<[^<>]*+>", "", title)).casefold()).strip("-")[:60]
        wanted = address = f"{self._under}:{words}"
        for number in count(2):
            if address not in self._used:
                break
            address = f"{wanted}-{number}"
        self._used.add(address)
        return address


_HEADING: Final = re.compile(
    r'<article [^<>]*?id="([^"<>]*)"|</article>|<h([2-5])((?: [^<>]*+)?)>((?>(?:[^<]++|<(?!/h[2-5]>))*))</h[2-5]>'
)
_ID: Final = re.compile(r' id="([^"]*)"')


def label_code(tokens: Sequence[Token], part: Part) -> Sequence[Token]:
    """Return the tokens of a text with a line under each block of code that says that no repository was read for it.

    Only in a report with repositories: in it, code with line numbers looks like the program's own figures.
    """
    tokens = _translate_alerts(place_tables(tokens, part), part)
    if not part.engagement.repositories or not any(token.type in _CODE for token in tokens):
        return tokens
    labelled: list[Token] = []
    label = part.engagement.translation.gettext(LABEL)
    is_tight = _find_tight_items(tokens)
    for index, token in enumerate(tokens):
        labelled.append(token)
        if token.type in _CODE:
            place: dict[str, Any] = {"block": True, "level": token.level, "map": token.map, "hidden": index in is_tight}
            text = [
                Token("em_open", "em", 1, markup="*"),
                Token("text", "", 0, content=label, level=1),
                Token("em_close", "em", -1, markup="*"),
            ]
            labelled.append(Token("paragraph_open", "p", 1, attrs={"class": _AUTHORED}, **place))
            labelled.append(
                Token("inline", "", 0, content=f"*{label}*", children=text, block=True, level=token.level + 1, map=token.map)
            )
            labelled.append(Token("paragraph_close", "p", -1, **place))
    return labelled


def _translate_alerts(tokens: Sequence[Token], part: Part) -> Sequence[Token]:
    """Return the tokens with the word at the head of each alert in the report's language."""
    heads = {
        index + 2
        for index, token in enumerate(tokens)
        if token.type == "blockquote_open" and str(token.attrs.get("class", "")).startswith("alert ")
    }
    if not heads or part.engagement.translation == ENGLISH:
        return tokens
    return [_translate_head(token, part) if index in heads else token for index, token in enumerate(tokens)]


def _translate_head(token: Token, part: Part) -> Token:
    words = part.engagement.translation
    children = [
        child.copy(content=words.gettext(child.content)) if child.type == "text" else child for child in token.children or ()
    ]
    return token.copy(children=children)


ALERTS: Final = ("Note", "Tip", "Important", "Warning", "Caution")
"""Words at the heads of alerts, which the parser writes in English."""


def _find_tight_items(tokens: Sequence[Token]) -> set[int]:
    """Return the indexes of blocks of code in lists without blank lines, whose paragraphs have no element of their own."""
    tight: set[int] = set()
    # Of each open list: the level of what is in its items, its blocks of code, and whether its paragraphs have no element.
    lists: list[tuple[int, list[int], list[bool]]] = []
    for index, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append((token.level + 2, [], []))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            _, codes, paragraphs = lists.pop()
            tight.update(codes if all(paragraphs) else ())
        elif lists and token.level == lists[-1][0]:
            if token.type in _CODE:
                lists[-1][1].append(index)
            elif token.type == "paragraph_open":
                lists[-1][2].append(token.hidden)
    return tight


def _column_names(tokens: Sequence[Token]) -> Iterator[list[str]]:
    """Yield the texts of the header cells of each table."""
    names: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            names = []
        elif token.type == "th_open":
            children = tokens[index + 1].children or ()
            names.append("".join(child.content for child in children if child.type in ("text", "code_inline")))
        elif token.type == "table_close":
            yield names


def heading_levels(tokens: Sequence[Token], under: int) -> dict[int, int]:
    """Return the level of each heading of a text by its first line: from `under` + 1 to 6, each at most one deeper than
    the one before. Screen readers navigate by levels, and a gap looks like a missing chapter (WCAG 2.2, 1.3.1).
    """
    above: list[str] = []
    levels: dict[int, int] = {}
    for token in tokens:
        if token.type == "heading_open":
            while above and above[-1] >= token.tag:
                above.pop()
            above.append(token.tag)
            levels[first_line(token)] = min(6, under + len(above))
    return levels


def first_line(block: Token | SyntaxTreeNode) -> int:
    """Return the line of the text, 0-based, where a block begins."""
    assert block.map is not None  # noqa: S101  # the parser gives every block its lines
    return block.map[0]


def _class(token: Token) -> str:
    """Return the class that `prose` gave a block, one of its own words."""
    return f' class="{token.attrs["class"]}"' if "class" in token.attrs else ""


def _tag(token: Token) -> str:
    if token.nesting > 0:
        return f"<{token.tag}>"
    return f"</{token.tag}>\n" if token.block else f"</{token.tag}>"


_BLOCKS: Final[dict[str, Callable[[_Writer, Token], str]]] = {
    "figure": _Writer._figure,
    "heading_open": _Writer._heading,
    "heading_close": _Writer._heading,
    "fence": _Writer._fence,
    "code_block": _Writer._fence,
    "ordered_list_open": _Writer._list,
    "th_open": _Writer._cell,
    "td_open": _Writer._cell,
    "blockquote_open": lambda writer, token: f"<blockquote{_class(token)}>",  # noqa: ARG005
    "bullet_list_open": lambda writer, token: f"<ul{_class(token)}>",  # noqa: ARG005
    "hr": lambda writer, token: "<hr>\n",  # noqa: ARG005
    "table_open": _Writer._table,
    "table_close": lambda writer, token: "</table></div>\n",  # noqa: ARG005
}

_INLINE: Final[dict[str, Callable[[_Writer, Token], str]]] = {
    "image": _Writer._image,
    "code_inline": lambda writer, token: f"<code>{_show_name(token.content)}</code>",  # noqa: ARG005
    "softbreak": lambda writer, token: "\n",  # noqa: ARG005
    "hardbreak": lambda writer, token: "<br>\n",  # noqa: ARG005
}
