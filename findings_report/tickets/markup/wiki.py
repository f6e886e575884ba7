"""Markdown's tree -> a wiki's markup: what Textile and Jira's have in common, in terms of a language's own marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode


@dataclass(frozen=True)
class Language:
    """The marks of a wiki."""

    escape: Callable[[str], str]
    """Text, none of its characters meant as marks."""
    code: Callable[[str], str]
    """Code in a line."""
    fence: Callable[[str, str], str]
    """A block of code: its text, without line end at its end, and its language, empty when not known."""
    link: Callable[[str, str], str]
    """A link: its text, marked up already, and its address."""
    quote: Callable[[str], str]
    """Blocks that are quoted."""
    head: str
    """What stands before and between the head cells of a table."""
    cell: str
    """What stands before and between its other cells."""
    rule: str
    """A line across the page."""


def wiki(tree: SyntaxTreeNode, language: Language) -> str:
    """The document in the wiki's markup, with a line end at its end."""
    return "\n\n".join(_blocks(tree, language, "")).strip("\n") + "\n"


def _blocks(node: SyntaxTreeNode, language: Language, bullets: str) -> Iterator[str]:
    for child in node.children:
        if (block := _block(child, language, bullets)).strip():
            yield block


def _block(node: SyntaxTreeNode, language: Language, bullets: str) -> str:
    match node.type:
        case "heading":
            return f"h{node.tag[1:]}. {_inlines(node, language)}"
        case "paragraph":
            return _inlines(node, language)
        case "fence" | "code_block":
            return language.fence(node.content.rstrip("\n"), node.info.strip())
        case "blockquote":
            return language.quote("\n\n".join(_blocks(node, language, "")))
        case "bullet_list":
            return "\n".join(_item(item, language, bullets + "*") for item in node.children)
        case "ordered_list":
            return "\n".join(_item(item, language, bullets + "#") for item in node.children)
        case "table":
            return "\n".join(_row(row, language) for part in node.children for row in part.children)
        case "hr":
            return language.rule
        case _:
            return language.escape(node.content)


def _item(node: SyntaxTreeNode, language: Language, bullets: str) -> str:
    """An item of a list. A wiki's item is one line: further blocks follow it, and code among them ends the list."""
    lines: list[str] = []
    for index, child in enumerate(node.children):
        block = _block(child, language, bullets)
        if index == 0 and child.type == "paragraph":
            lines.append(f"{bullets} {block}")
        elif child.type in ("fence", "code_block", "table", "blockquote"):
            lines.append(f"\n{block}\n")
        else:
            lines.append(block)
    return "\n".join(lines) if lines else f"{bullets} "


def _row(node: SyntaxTreeNode, language: Language) -> str:
    mark = language.head if node.children and node.children[0].type == "th" else language.cell
    end = mark.partition("_")[0]  # Textile's head is `|_.`, and its row ends as any
    return mark + mark.join(f" {_inlines(cell, language) or ' '} " for cell in node.children) + end


def _inlines(node: SyntaxTreeNode, language: Language) -> str:
    return "".join(_inline(child, language) for child in node.children)


def _inline(node: SyntaxTreeNode, language: Language) -> str:
    match node.type:
        case "inline":
            return _inlines(node, language)
        case "text":
            return language.escape(node.content)
        case "code_inline":
            return language.code(node.content)
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "strong":
            return f"*{_inlines(node, language)}*"
        case "em":
            return f"_{_inlines(node, language)}_"
        case "s":
            return f"-{_inlines(node, language)}-"
        case "link":
            return language.link(_inlines(node, language), str(node.attrs.get("href", "")))
        case _:
            return language.escape(node.content)
