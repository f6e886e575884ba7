"""Markdown -> the markup of an issue tracker. It is given this program's own Markdown: the prose policy has held already."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from findings_report.model.ticket import Markup

_CUT = "**Cut short: the tracker takes no longer text. The whole finding is in the report.**"


def mark_up(text: str, markup: Markup) -> str:
    """`text`, CommonMark with tables, in `markup`. Nothing of it is lost; what a markup has no word for stands as text."""
    if markup is Markup.MARKDOWN:
        return text
    if markup is Markup.HTML:
        return str(_parser().render(text))
    tree = SyntaxTreeNode(_parser().parse(text))
    if markup is Markup.ADF:
        from findings_report.tickets.markup.adf import adf

        return adf(tree)
    if markup is Markup.PLAIN:
        from findings_report.tickets.markup.plain import plain

        return plain(tree)
    from findings_report.tickets.markup.wiki import JIRA, TEXTILE, wiki

    return wiki(tree, JIRA if markup is Markup.JIRA_WIKI else TEXTILE)


def fitted(text: str, end: str, markup: Markup, longest: int) -> str:
    """`text` and `end` marked up, in at most `longest` characters: last blocks that do not fit are left out, which it says."""
    whole = mark_up(f"{text}\n{end}", markup)
    if len(whole) <= longest:
        return whole
    lines = text.split("\n")
    ends = [token.map[1] for token in _parser().parse(text) if token.map and token.level == 0 and token.nesting >= 0]
    for last in reversed([0, *ends[:-1]]):
        kept = "\n".join(lines[:last])
        cut = mark_up(f"{kept}\n\n{_CUT}\n\n{end}", markup)
        if len(cut) <= longest:
            return cut
    raise AssertionError(longest)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
