"""Markdown -> the markup of an issue tracker. It is given this program's own Markdown: the prose policy has held already."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from findings_report.model.ticket import Markup


def mark_up(text: str, markup: Markup) -> str:
    """`text`, CommonMark with tables, in `markup`. Nothing of it is lost; what a markup has no word for stands as text."""
    if markup is Markup.MARKDOWN:
        return text
    if markup is Markup.HTML:
        return str(_parser().render(text))
    tree = SyntaxTreeNode(_parser().parse(text))
    from findings_report.renderers.markup import textile
    from findings_report.renderers.markup.wiki import wiki

    return wiki(tree, textile.TEXTILE)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
