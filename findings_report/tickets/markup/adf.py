"""Markdown's tree -> the Atlassian Document Format of Jira Cloud, as JSON.

Source: Atlassian, "Atlassian Document Format", version 1: which node may stand in which, and which marks go together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from markdown_it.tree import SyntaxTreeNode

_Node = dict[str, Any]
_MARKS: Final = {"strong": "strong", "em": "em", "s": "strike"}
_WEB: Final = ("https://", "http://", "mailto:")


def adf(tree: SyntaxTreeNode) -> str:
    """The document."""
    document = {"version": 1, "type": "doc", "content": _blocks(tree)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _blocks(node: SyntaxTreeNode) -> list[_Node]:
    return [_block(child) for child in node.children]


def _block(node: SyntaxTreeNode) -> _Node:
    match node.type:
        case "heading":
            return _made("heading", _inlines(node, ()), level=int(node.tag[1:]))
        case "fence" | "code_block":
            text = node.content.rstrip("\n")
            content = [{"type": "text", "text": text}] if text else []
            return _made("codeBlock", content, **({"language": node.info.strip()} if node.info.strip() else {}))
        case "blockquote":
            return _made("blockquote", _item(node))
        case "bullet_list":
            return _made("bulletList", [_made("listItem", _item(item)) for item in node.children])
        case "ordered_list":
            return _made("orderedList", [_made("listItem", _item(item)) for item in node.children])
        case "table":
            return _made("table", [_row(row) for part in node.children for row in part.children])
        case "hr":
            return {"type": "rule"}
        case _:
            return _made("paragraph", _inlines(node, ()))


def _item(node: SyntaxTreeNode) -> list[_Node]:
    """What stands in a list's item or a quotation takes paragraphs, lists and code; it is never empty."""
    return [_quotable(child) for child in node.children] or [_made("paragraph", [])]


def _quotable(node: SyntaxTreeNode) -> _Node:
    """A block where headings, tables, rules and quotes have no place: their text is a paragraph."""
    if node.type in ("paragraph", "bullet_list", "ordered_list", "fence", "code_block"):
        return _block(node)
    return _made("paragraph", list(_text(_plain(node), ())))


def _plain(node: SyntaxTreeNode) -> str:
    if not node.children:
        return node.content or (" " if node.type in ("softbreak", "hardbreak") else "")
    return ("" if node.type in ("inline", "strong", "em", "s", "link") else " ").join(_plain(child) for child in node.children)


def _row(node: SyntaxTreeNode) -> _Node:
    kinds = {"th": "tableHeader", "td": "tableCell"}
    return _made("tableRow", [_made(kinds[cell.type], [_made("paragraph", _inlines(cell, ()))]) for cell in node.children])


def _inlines(node: SyntaxTreeNode, marks: tuple[_Node, ...]) -> list[_Node]:
    return [made for child in node.children for made in _inline(child, marks)]


def _inline(node: SyntaxTreeNode, marks: tuple[_Node, ...]) -> Iterator[_Node]:
    match node.type:
        case "inline":
            yield from _inlines(node, marks)
        case "softbreak":
            yield from _text(" ", marks)
        case "hardbreak":
            yield {"type": "hardBreak"}
        case "code_inline":  # goes together with a link alone
            yield from _text(node.content, (*(mark for mark in marks if mark["type"] == "link"), {"type": "code"}))
        case "strong" | "em" | "s":
            yield from _inlines(node, (*marks, {"type": _MARKS[node.type]}))
        case "link":
            address = str(node.attrs.get("href", ""))
            link = ({"type": "link", "attrs": {"href": address}},) if address.startswith(_WEB) else ()
            yield from _inlines(node, (*marks, *link))
        case _:
            yield from _text(node.content, marks)


def _text(text: str, marks: tuple[_Node, ...]) -> Iterator[_Node]:
    if text:
        yield {"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}


def _made(kind: str, content: list[_Node], **attributes: object) -> _Node:
    return {"type": kind, **({"attrs": attributes} if attributes else {}), "content": content}
