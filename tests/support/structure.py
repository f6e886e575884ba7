"""The structure of rendered prose: what a reader sees, whichever program made the HTML.

HTML of two programs is read by an HTML5 parser, and compared as trees of blocks, marks, links with their addresses, and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import tinyhtml5
from cmarkgfm import markdown_to_html_with_extensions
from cmarkgfm.cmark import Options

Node = tuple[str, str, tuple["Node | str", ...]]
"""Element, address of a link or alignment of a cell, and content."""

# Elements of our HTML that show nothing but help to lay out their content, and the bodies of tables. A link to a figure counts
# as its text, as Markdown has no anchors for figures.
TRANSPARENT = {"span", "wbr", "div", "tbody", "thead"}
BLOCKS = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre"),
    *("table", "tr", "th", "td", "hr", "body"),
}
EXTENSIONS = ["autolink", "table", "strikethrough", "tagfilter"]


def read_gfm(text: str) -> str:
    """The HTML of a Markdown text, as GitHub reads it before it removes elements."""
    return str(markdown_to_html_with_extensions(text, options=Options.CMARK_OPT_UNSAFE, extensions=EXTENSIONS))


def structure_of(html: str) -> Node:
    """The structure of an HTML fragment."""
    root = tinyhtml5.parse(html, namespace_html_elements=False)
    return _node(root.find("body"))


def outline_of(node: Node) -> tuple[Any, ...]:
    """The structure without its text."""
    return (node[0], node[1], tuple(outline_of(child) for child in node[2] if not isinstance(child, str)))


def text_of(node: Node | str) -> str:
    """The text of a structure, with a line end behind each block."""
    if isinstance(node, str):
        return node
    inner = "".join(text_of(child) for child in node[2])
    return f"{inner}\n" if node[0] in BLOCKS or node[0] == "br" else inner


def nodes_of(node: Node, *names: str) -> Iterator[Node]:
    """All elements of these names."""
    if node[0] in names:
        yield node
    for child in node[2]:
        if not isinstance(child, str):
            yield from nodes_of(child, *names)


def _node(element: Any) -> Node:
    if element.tag == "pre":
        return ("pre", "", ("".join(element.itertext()).removesuffix("\n"),))
    attribute = ""
    if element.tag == "a":
        # The address of another part before the parts of a page are joined.
        attribute = unquote(element.get("href") or "").replace("xref:", "#", 1)
    elif element.tag in ("th", "td"):
        attribute = element.get("align") or element.get("class") or ""
    elif element.tag == "ol":
        attribute = element.get("start") or "1"
    children = _trimmed(list(_merged(_children(element))), is_block=element.tag in BLOCKS)
    return ("s" if element.tag == "del" else element.tag, attribute, tuple(children))


def _children(element: Any) -> Iterator[Node | str]:
    yield element.text or ""
    for child in element:
        if not isinstance(child.tag, str):
            yield f"<!--{child.text}-->"
        elif child.tag in TRANSPARENT or (child.tag == "a" and (child.get("href") or "#figure-").startswith("#figure-")):
            yield from _children(child)
        else:
            yield _node(child)
        yield child.tail or ""


def _merged(children: Iterator[Node | str]) -> Iterator[Node | str]:
    """Neighbouring texts as one, with blanks as one blank."""
    text = ""
    for child in children:
        if isinstance(child, str):
            text += child
            continue
        if text:
            yield re.sub(r"[ \t\r\n]+", " ", text)
        yield child
        text = ""
    if text:
        yield re.sub(r"[ \t\r\n]+", " ", text)


def _trimmed(children: list[Node | str], *, is_block: bool) -> Iterator[Node | str]:
    """The content without blanks that a browser does not show: at the edges of blocks, and beside blocks and line ends."""
    for index, child in enumerate(children):
        if not isinstance(child, str):
            yield child
            continue
        before, after = children[index - 1] if index else None, children[index + 1] if index + 1 < len(children) else None
        text = child
        if (before is None and is_block) or (isinstance(before, tuple) and before[0] in BLOCKS | {"br"}):
            text = text.lstrip(" ")
        if (after is None and is_block) or (isinstance(after, tuple) and after[0] in BLOCKS | {"br"}):
            text = text.rstrip(" ")
        if text:
            yield text
