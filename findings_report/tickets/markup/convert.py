"""Markdown to the markup of an issue tracker.

The Markdown is this program's own: the prose policy has been applied, so there is no HTML in it. Nothing is lost; a construct
that a markup does not have becomes text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from findings_report.model.ticket import Markup
from findings_report.tickets.markup.adf import to_adf
from findings_report.tickets.markup.wiki import to_jira_wiki, to_textile

_WEB: Final = ("https://", "http://", "mailto:")


_INDENT: Final = "    "


def to_plain(tree: SyntaxTreeNode) -> str:
    """Return the document, with one line end at its end."""
    return "\n\n".join(_blocks(tree)).strip("\n") + "\n"


def _blocks(node: SyntaxTreeNode) -> Iterator[str]:
    for child in node.children:
        if (block := _block(child)).strip():
            yield block


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            text = _inlines(node)
            return f"{text}\n{('=' if node.tag in ('h1', 'h2') else '-') * len(text)}"
        case "fence" | "code_block":
            return _prefix(node.content.rstrip("\n"), _INDENT, _INDENT)
        case "blockquote":
            return _prefix("\n\n".join(_blocks(node)), "> ", "> ")
        case "bullet_list":
            return "\n".join(_item(item, "- ") for item in node.children)
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            return "\n".join(_item(item, f"{number}. ") for number, item in enumerate(node.children, first))
        case "table":
            return "\n".join(_row(row) for part in node.children for row in part.children)
        case "hr":
            return "-" * 20
        case _:
            return _inlines(node) if node.children else node.content


def _item(node: SyntaxTreeNode, bullet: str) -> str:
    tight = all(child.hidden or child.type.endswith("_list") for child in node.children)
    return _prefix(("\n" if tight else "\n\n").join(_blocks(node)), bullet, " " * len(bullet))


def _row(node: SyntaxTreeNode) -> str:
    return " | ".join(_inlines(cell) for cell in node.children)


def _prefix(text: str, first: str, others: str) -> str:
    """Put `first` before the first line and `others` before the rest. A line of blanks alone becomes empty."""
    lines = text.split("\n")
    return "\n".join((f"{first if index == 0 else others}{line}").rstrip() for index, line in enumerate(lines))


def _inlines(node: SyntaxTreeNode) -> str:
    return "".join(_inline(child) for child in node.children)


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "s":
            return f"~~{_inlines(node)}~~"
        case "link":
            text, address = _inlines(node), str(node.attrs.get("href", ""))
            return f"{text} ({address})" if address.startswith(_WEB) and address != text else text
        case _:
            return _inlines(node) if node.children else node.content


_CONVERTERS: Final[Mapping[Markup, Callable[[SyntaxTreeNode], str]]] = {
    Markup.ADF: to_adf,
    Markup.JIRA_WIKI: to_jira_wiki,
    Markup.PLAIN: to_plain,
    Markup.TEXTILE: to_textile,
}
"""By markup, except for Markdown, which stays, and HTML, which the parser renders."""


_NOTICE: Final = "**Truncated: the tracker limits the length of texts. The report contains the whole finding.**"


def convert(text: str, markup: Markup) -> str:
    """Return `text`, CommonMark with tables and strikethrough, in `markup`."""
    if markup is Markup.MARKDOWN:
        return text
    if markup is Markup.HTML:
        return str(_parser().render(text))
    return _CONVERTERS[markup](SyntaxTreeNode(_parser().parse(text)))


def truncate(text: str, end: str, markup: Markup, limit: int) -> str:
    """Return `text` and `end`, converted, in at most `limit` characters.

    Only the converted length counts, so whole blocks are removed from the end of `text`, one after the other, until it fits. A
    notice says so. `end` always stays: it contains the marker by which the ticket is found again.
    """
    whole = convert(f"{text}\n{end}", markup)
    if len(whole) <= limit:
        return whole
    lines = text.split("\n")
    # Ends of the top-level blocks: a block that is cut inside would change its meaning, as a list or a code block without end.
    ends = [token.map[1] for token in _parser().parse(text) if token.map and token.level == 0 and token.nesting >= 0]
    for last in reversed([0, *ends[:-1]]):
        shortened = convert("\n".join(lines[:last]) + f"\n\n{_NOTICE}\n\n{end}", markup)
        if len(shortened) <= limit:
            return shortened
    raise AssertionError(limit)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
