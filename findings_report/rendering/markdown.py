"""The Markdown dialect: values, prose and code as CommonMark with GFM tables.

Prose goes through a Markdown printer (mdformat), so that what the policy made text stays text in any other program that renders
the file, whether it allows raw HTML or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from markdown_it.token import Token
from markupsafe import Markup

from findings_report.model.comparison import Words
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import Line, Snippet
from findings_report.problems.safe_text import HIDDEN, visible
from findings_report.prose import Prose, References
from findings_report.rendering.figures import Part
from findings_report.rendering.highlighting import DIFF_SIGNS, cut
from findings_report.rendering.html import ELISION, first_line, heading_levels
from findings_report.sourcecode.unusual_characters import describe, remark_on

# Underscores between letters are kept: no reader takes them for emphasis.
_SPECIAL = re.compile(r"(?<=[^\W_])(_+)(?=[^\W_])|[\\`*\[\]<~_]|&(?=#?\w+;)|!(?=\[)")
_BLANKS = re.compile(r"[ \t]+")
_AT_START = re.compile(r"(?=>|[-+](?:\s|$)|#{1,6}(?:\s|$)|[-=]+\s*$)|\d{1,9}(?=[.)](?:\s|$))")
_LINE_ENDS = re.compile(r"(?<!\s)\s*\n\s*")
_BACKTICKS = re.compile("`+")
_WEB: Final = ("https://", "http://", "mailto:")
_NO_REFERENCES: Final = References()


def escape(text: str) -> Markup:
    """Return a short text on one line, none of whose characters is Markdown."""
    shown = _escape_special(_LINE_ENDS.sub(" ", visible(text))).replace("|", "\\|")
    if (first := _AT_START.match(shown)) is not None:
        shown = f"{shown[: first.end()]}\\{shown[first.end() :]}"
    return Markup(shown)  # noqa: S704


def _escape_special(text: str) -> str:
    return _SPECIAL.sub(lambda match: match[0] if match[1] else "\\" + match[0], text)


def code(text: str) -> Markup:
    """Return a short text as code within a line; safe in a table's cell too."""
    shown = " ".join(visible(text).split())
    if not shown or "|" in shown:  # a pipe in code would end a table's cell
        return escape(text)
    mark = "`" * (_longest(shown) + 1)
    # A backtick at either end would lengthen the fence; CommonMark strips one space there.
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return Markup(f"{mark}{space}{shown}{space}{mark}")  # noqa: S704


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
    if text == address:
        return Markup(f"<{address.replace('|', '%7C')}>")  # noqa: S704
    return Markup(f"[{shown}]({_target(address)})")  # noqa: S704


def _target(address: str) -> str:
    """Return an address as the target of a link; a pipe would end a table's cell."""
    bare = address.replace("|", "%7C")
    # Angle brackets where parentheses would have to be balanced.
    return f"<{bare}>" if not bare or set("() ") & set(bare) else bare


def prose(parsed: Prose, part: Part, under: int) -> Markup:
    """Return blocks, with authored headings below level `under`, without gaps."""
    return Markup(_print_tokens(parsed.tokens, part, under))  # noqa: S704


def inline(parsed: Prose, part: Part) -> Markup:
    """Return the content of one paragraph, on one line."""
    tokens: list[Token] = []
    for token in parsed.tokens:
        # A hard break would end the line, and with it the caption or the cell of a table.
        children = [Token("softbreak", "br", 0) if child.type == "hardbreak" else child for child in token.children or ()]
        opener, closer = Token("paragraph_open", "p", 1, block=True), Token("paragraph_close", "p", -1, block=True)
        tokens += [opener, token.copy(type="inline", children=children), closer]
    return Markup(_print_tokens(tokens, part, 0).replace("\n", " "))  # noqa: S704


def code_block(snippet: Snippet, part: Part) -> Markup:
    """Return a snippet's lines in a fence, with real line numbers and elisions; marks and notes in a list beneath.

    Empty for a snippet without lines.
    """
    if not snippet.runs:
        return Markup("")
    lines = [line for run in snippet.runs for line in run.lines]
    # Real line numbers as text: Markdown has no other place for them.
    width = max((len(str(line.number)) for line in lines if line.number is not None), default=0)
    rows: list[str] = []
    for index, run in enumerate(snippet.runs):
        rows += [ELISION] if index else []
        rows += [_row(line, width) for line in run.lines]
    body = to_fence("\n".join(rows), snippet.language)
    unusual = remark_on([(line.number, line.text) for line in lines])
    remarks = [
        *_list_marked(lines),
        *(_note(line, part) for line in lines if line.note is not None),
        *(f"- {escape(describe(remark, is_ordered=False))}" for remark in unusual),
    ]
    return Markup("\n\n".join([body, "\n".join(remarks)] if remarks else [body]))  # noqa: S704


def to_fence(text: str, language: str) -> str:
    """Return `text` as a code block; the fence is longer than any run of backticks inside."""
    shown = visible(text)
    fence = "`" * max(3, _longest(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


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


def _row(line: Line, width: int) -> str:
    number = "" if line.number is None else str(line.number).rjust(width)
    shown = cut(line.text)
    more = f" {ELISION} {shown.left_out} more characters" if shown.left_out else ""
    return f"{number.rjust(width)} {shown.text}{more}".rstrip() if width else shown.text + more


def _list_marked(lines: Sequence[Line]) -> list[str]:
    numbers = [str(line.number) for line in lines if line.highlighted and line.number is not None]
    return [f"- Marked: line{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"] if numbers else []


def _note(line: Line, part: Part) -> str:
    text = prose(part.parse(line.note or ""), part, 6)
    first, *rest = f"Line {line.number}: {text}".split("\n") if line.number is not None else str(text).split("\n")
    return "\n".join([f"- {first}", *(f"  {row}" if row else "" for row in rest)])


def _longest(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def _print_tokens(tokens: Iterable[Token], part: Part, under: int) -> str:
    # Late: only Markdown output and tickets need the printer.
    from mdformat.renderer import MDRenderer

    prepared = [_visible(token) for token in tokens]
    options = {"parser_extension": _extensions(), "mdformat": {"number": True, "compact_tables": True}}
    environment = {"part": part, "levels": heading_levels(prepared, under)}
    return str(MDRenderer().render(prepared, options, environment, finalize=False))


def _visible(token: Token) -> Token:
    """Return the token with hidden characters shown, and without what would make the printer use reference definitions."""
    children = [_visible(child) for child in token.children] if token.children is not None else None
    if token.type in ("text", "code_inline", "fence", "code_block"):
        content = visible(token.content)
        if token.block and content and not content.endswith("\n"):
            content += "\n"  # a fence that its author did not close; the printer would swallow what follows
        return token.copy(content=content, info=visible(token.info).replace("`", ""))
    return token.copy(children=children) if children is not None else token


class _Own:
    """An extension of the Markdown printer: addresses in place, figures, shifted headings. The printer defines its shape."""

    @staticmethod
    def text(node: Any, context: Any) -> str:  # noqa: ARG004
        """Return text, none of whose characters is Markdown. The printer's own function lets `<<b>` through as an element."""
        shown = _escape_special(_BLANKS.sub(" ", node.content))
        next_node = node.next_sibling
        return f"{shown[:-1]}\\!" if shown.endswith("!") and next_node and next_node.type == "link" else shown

    @staticmethod
    def link(node: Any, context: Any) -> str:
        """Return a link; without text it gets the name of its target."""
        address = str(node.attrs["href"])
        text = "".join(child.render(context) for child in node.children)
        scheme, _, name = address.partition(":")
        if scheme == "location":
            figure = context.env["part"].find_figure("placed", name)
            return text or str(escape(f"Figure {figure.number}" if figure is not None else f"[no location {name}]"))
        if scheme == "finding":
            id = context.env["part"].current(name)
            return text or str(escape(id)) if context.env["part"].is_alone else f"[{text or escape(id)}]({xref(id)})"
        # The title in quotes, each character escaped that would end it.
        title = str(node.attrs.get("title") or "")
        quoted = ' "' + re.sub(r'(["\\&<`])', r"\\\1", visible(" ".join(title.split()))) + '"' if title else ""
        return f"[{text or escape(address)}]({_target(address)}{quoted})"

    @staticmethod
    def image(node: Any, context: Any) -> str:
        """Return the alternative text of a picture in a line: a text file cannot hold its bytes."""
        picture = context.env["part"].picture(node.meta["name"])
        text = node.meta["text"] or (picture.alt if picture is not None else node.meta["name"])
        return str(escape(f"[image{'' if picture is not None else ' not included'}: {text}]"))

    @staticmethod
    def figure(node: Any, context: Any) -> str:
        """Return a snippet or a picture with its caption."""
        part: Part = context.env["part"]
        figure = part.find_figure(node.meta["kind"], node.meta["name"])
        alt = [token.copy(children=None) if token.type == "image" else token for token in node.meta["alt"]]
        caption = inline(Prose((Token("inline", "", 0, children=alt),), (), _NO_REFERENCES), part) if alt else None
        if figure is None:
            return f"{escape('[not included:')} {caption or escape(node.meta['name'])}\\]"
        return str(part.draw(part, figure, caption)).strip("\n")

    @staticmethod
    def heading(node: Any, context: Any) -> str:
        """Return a heading below that of its part."""
        text = "".join(child.render(context) for child in node.children).replace("\n", " ")
        text = text[:-1] + "\\#" if text.endswith("#") else text
        return f"{'#' * context.env['levels'][first_line(node)]} {text}".rstrip()

    RENDERERS: Final[Mapping[str, Any]] = {"text": text, "link": link, "image": image, "figure": figure, "heading": heading}


@cache
def _extensions() -> tuple[Any, ...]:
    from mdformat.plugins import PARSER_EXTENSIONS

    return (PARSER_EXTENSIONS["tables"], PARSER_EXTENSIONS["gfm"], _Own)
