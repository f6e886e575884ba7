"""A Markdown tree to plain text, for the descriptions of ServiceNow: the structure is expressed by lines and indentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from markdown_it.tree import SyntaxTreeNode

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
