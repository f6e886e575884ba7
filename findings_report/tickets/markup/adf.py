"""A Markdown tree to the Atlassian Document Format (ADF) of Jira Cloud, as JSON.

Source: Atlassian, "Atlassian Document Format", version 1, and its JSON Schema: which nodes a node may contain, and which marks
may be combined. Jira refuses a whole document because of one misplaced node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from markdown_it.tree import SyntaxTreeNode

_Node = dict[str, Any]
_MARKS: Final = {"strong": "strong", "em": "em", "s": "strike"}
_WEB: Final = ("https://", "http://", "mailto:")


def to_adf(tree: SyntaxTreeNode) -> str:
    """Return the document."""
    document = {"version": 1, "type": "doc", "content": _blocks(tree)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _blocks(node: SyntaxTreeNode) -> list[_Node]:
    return [_block(child) for child in node.children]


def _block(node: SyntaxTreeNode) -> _Node:
    match node.type:
        case "heading":
            return _node("heading", _inlines(node, ()), level=int(node.tag[1:]))
        case "fence" | "code_block":
            # A text node must not be empty: that is an error for the whole document.
            text = node.content.rstrip("\n")
            content = [{"type": "text", "text": text}] if text else []
            return _node("codeBlock", content, **({"language": node.info.strip()} if node.info.strip() else {}))
        case "blockquote":
            return _node("blockquote", _item(node))
        case "bullet_list":
            return _node("bulletList", [_node("listItem", _item(item)) for item in node.children])
        case "ordered_list":
            return _node("orderedList", [_node("listItem", _item(item)) for item in node.children])
        case "table":
            return _node("table", [_row(row) for part in node.children for row in part.children])
        case "hr":
            return {"type": "rule"}
        case _:
            return _node("paragraph", _inlines(node, ()))


def _item(node: SyntaxTreeNode) -> list[_Node]:
    """Return the content of a list item or a quotation: paragraphs, lists and code, at least one of them."""
    return [_quotable(child) for child in node.children] or [_node("paragraph", [])]


def _quotable(node: SyntaxTreeNode) -> _Node:
    """Return a block for a place where ADF allows no heading, table, rule or quotation: their text becomes a paragraph."""
    if node.type in ("paragraph", "bullet_list", "ordered_list", "fence", "code_block"):
        return _block(node)
    return _node("paragraph", list(_text(_plain(node), ())))


def _plain(node: SyntaxTreeNode) -> str:
    if not node.children:
        return node.content or (" " if node.type in ("softbreak", "hardbreak") else "")
    return ("" if node.type in ("inline", "strong", "em", "s", "link") else " ").join(_plain(child) for child in node.children)


def _row(node: SyntaxTreeNode) -> _Node:
    kinds = {"th": "tableHeader", "td": "tableCell"}
    return _node("tableRow", [_node(kinds[cell.type], [_node("paragraph", _inlines(cell, ()))]) for cell in node.children])


def _inlines(node: SyntaxTreeNode, marks: tuple[_Node, ...]) -> list[_Node]:
    return [inline for child in node.children for inline in _inline(child, marks)]


def _inline(node: SyntaxTreeNode, marks: tuple[_Node, ...]) -> Iterator[_Node]:
    match node.type:
        case "inline":
            yield from _inlines(node, marks)
        case "softbreak":
            yield from _text(" ", marks)
        case "hardbreak":
            yield {"type": "hardBreak"}
        case "code_inline":  # ADF allows `code` together with a link only
            yield from _text(node.content, (*(mark for mark in marks if mark["type"] == "link"), {"type": "code"}))
        case "strong" | "em" | "s":
            yield from _inlines(node, (*marks, {"type": _MARKS[node.type]}))
        case "link":
            address = str(node.attrs.get("href", ""))
            # A relative address would lead nowhere on a ticket.
            link = ({"type": "link", "attrs": {"href": address}},) if address.startswith(_WEB) else ()
            yield from _inlines(node, (*marks, *link))
        case _:
            yield from _text(node.content, marks)


def _text(text: str, marks: tuple[_Node, ...]) -> Iterator[_Node]:
    if text:
        yield {"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}


def _node(kind: str, content: list[_Node], **attributes: object) -> _Node:
    return {"type": kind, **({"attrs": attributes} if attributes else {}), "content": content}
