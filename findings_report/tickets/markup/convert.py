"""Markdown to the markup of an issue tracker.

The Markdown is this program's own: the prose policy has been applied, so there is no HTML in it. Nothing is lost; a construct
that a markup does not have becomes text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from findings_report.model.ticket import Markup
from findings_report.tickets.markup.adf import to_adf
from findings_report.tickets.markup.plain import to_plain
from findings_report.tickets.markup.wiki import to_jira_wiki, to_textile

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
