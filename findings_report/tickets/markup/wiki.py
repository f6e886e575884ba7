"""A Markdown tree to Jira's wiki markup and to Redmine's Textile, which have the same structure and differ in their marks.

Source: Jira's help page "Text formatting notation help"; redmine.org/projects/redmine/wiki/RedmineTextFormattingTextile, and
the output of Redmine 5.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from markdown_it.tree import SyntaxTreeNode

_WEB: Final = ("https://", "http://", "mailto:")
_JIRA_SPECIAL = re.compile(r"[*_+\-@%^~|!?\[\]{}#\\]|(?<![\w])\b(?=(?:bq|h[1-6])\. )")
# Places in which Jira takes these characters for text: words such as `snake_case` need no backslashes.
_JIRA_PLAIN = re.compile(r"(?<=\w)[-_](?=\w)|(?<=\w)[?!](?=\s|\Z)")
# Up to its hyphen, a key such as SEC-12 that would become a link to an issue, struck through if that is done.
_JIRA_KEY = re.compile(r"\b[A-Z][A-Z0-9_]*+-(?=\d)")
# Languages that Jira highlights; for any other it prints an error on the page.
_JIRA_LANGUAGES: Final = {
    "bash": "bash", "c": "c", "cpp": "cpp", "c++": "cpp", "csharp": "c#", "css": "css", "go": "go", "html": "html",
    "java": "java", "javascript": "javascript", "json": "json",
    "perl": "perl", "php": "php", "python": "python", "ruby": "ruby",
    "rust": "rust", "scala": "scala", "sql": "sql", "swift": "swift", "xml": "xml", "yaml": "yaml",
}  # fmt: skip
# Textile's marks, and whatever Redmine turns into links and macros. They become entities: a backslash is no escape.
_TEXTILE_SPECIAL = re.compile(r"[*_+\-@%^~|!\"\[\]{}<>#?=(]|&(?=#?\w+;)|(?<=\w)[:](?=\S)|(?<=\b[rR])\d")
_TEXTILE_PLAIN = re.compile(r"(?<=\w)-(?=\w)|(?<=\w)_(?=\w)|(?<=\s)\((?=\w)")
_TEXTILE_TAGS = re.compile(r"<(?=\s*/?\s*(?:pre|code|notextile)\b)", re.IGNORECASE)


@dataclass(frozen=True)
class WikiMarks:
    """The marks of one wiki language."""

    escape: Callable[[str], str]
    """Escape text, so that none of its characters is a mark."""
    code: Callable[[str], str]
    """Mark inline code."""
    fence: Callable[[str, str], str]
    """Mark a code block: text without line end at its end, and language, empty if unknown."""
    link: Callable[[str, str], str]
    """Mark a link: converted text, and address."""
    quote: Callable[[str], str]
    """Mark converted blocks as a quotation."""
    head: str
    """Before and between the header cells of a table."""
    cell: str
    """Before and between other cells."""
    rule: str
    """A horizontal rule."""


def to_jira_wiki(tree: SyntaxTreeNode) -> str:
    """Return the document in the wiki markup of Jira."""
    return _convert(tree, _JIRA)


def to_textile(tree: SyntaxTreeNode) -> str:
    """Return the document in the Textile of Redmine."""
    return _convert(tree, _TEXTILE)


def _convert(tree: SyntaxTreeNode, marks: WikiMarks) -> str:
    """Return the document, with one line end at its end."""
    return "\n\n".join(_blocks(tree, marks, "")).strip("\n") + "\n"


def _blocks(node: SyntaxTreeNode, marks: WikiMarks, bullets: str) -> Iterator[str]:
    for child in node.children:
        if (block := _block(child, marks, bullets)).strip():
            yield block


def _block(node: SyntaxTreeNode, marks: WikiMarks, bullets: str) -> str:
    match node.type:
        case "heading":
            return f"h{node.tag[1:]}. {_inlines(node, marks)}"
        case "paragraph":
            return _inlines(node, marks)
        case "fence" | "code_block":
            return marks.fence(node.content.rstrip("\n"), node.info.strip())
        case "blockquote":
            return marks.quote("\n\n".join(_blocks(node, marks, "")))
        case "bullet_list":
            return "\n".join(_item(item, marks, bullets + "*") for item in node.children)
        case "ordered_list":
            return "\n".join(_item(item, marks, bullets + "#") for item in node.children)
        case "table":
            return "\n".join(_row(row, marks) for part in node.children for row in part.children)
        case "hr":
            return marks.rule
        case _:
            return marks.escape(node.content)


def _item(node: SyntaxTreeNode, marks: WikiMarks, bullets: str) -> str:
    """Return a list item. In a wiki it is one line: further blocks follow it, and a code block among them ends the list."""
    lines: list[str] = []
    for index, child in enumerate(node.children):
        block = _block(child, marks, bullets)
        if index == 0 and child.type == "paragraph":
            lines.append(f"{bullets} {block}")
        elif child.type in ("fence", "code_block", "table", "blockquote"):
            lines.append(f"\n{block}\n")
        else:
            lines.append(block)
    return "\n".join(lines) if lines else f"{bullets} "


def _row(node: SyntaxTreeNode, marks: WikiMarks) -> str:
    mark = marks.head if node.children and node.children[0].type == "th" else marks.cell
    end = mark.partition("_")[0]  # the mark of a Textile header is `|_.`, but its row ends with `|`
    return mark + mark.join(f" {_inlines(cell, marks) or ' '} " for cell in node.children) + end


def _inlines(node: SyntaxTreeNode, marks: WikiMarks) -> str:
    return "".join(_inline(child, marks) for child in node.children)


def _inline(node: SyntaxTreeNode, marks: WikiMarks) -> str:
    match node.type:
        case "inline":
            return _inlines(node, marks)
        case "text":
            return marks.escape(node.content)
        case "code_inline":
            return marks.code(node.content)
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "strong":
            return f"*{_inlines(node, marks)}*"
        case "em":
            return f"_{_inlines(node, marks)}_"
        case "s":
            return f"-{_inlines(node, marks)}-"
        case "link":
            return marks.link(_inlines(node, marks), str(node.attrs.get("href", "")))
        case _:
            return marks.escape(node.content)


def _jira_escape(text: str) -> str:
    keys = {match.end() - 1 for match in _JIRA_KEY.finditer(text)}
    plain = {match.start() for match in _JIRA_PLAIN.finditer(text)} - keys
    return _JIRA_SPECIAL.sub(lambda match: match[0] if match.start() in plain else f"\\{match[0]}", text)


def _jira_code(text: str) -> str:
    return f"{{{{{_jira_escape(text)}}}}}"


def _jira_fence(text: str, language: str) -> str:
    """Mark a code block. A blank breaks text that would end the block: Jira has no way to escape it."""
    name = _JIRA_LANGUAGES.get(language.lower())
    literal = re.sub(r"\{(?=(?:code|noformat)\b)", "{ ", text)
    return f"{{code:{name}}}\n{literal}\n{{code}}" if name else f"{{noformat}}\n{literal}\n{{noformat}}"


def _jira_link(text: str, address: str) -> str:
    if not address.startswith(_WEB):
        return text
    return f"[{text}|{address.replace('|', '%7C').replace(']', '%5D')}]"


def _jira_quote(text: str) -> str:
    return f"{{quote}}\n{text}\n{{quote}}"


def _textile_escape(text: str) -> str:
    plain = {match.start() for match in _TEXTILE_PLAIN.finditer(text)}
    return _TEXTILE_SPECIAL.sub(lambda match: match[0] if match.start() in plain else f"&#{ord(match[0])};", text)


def _textile_code(text: str) -> str:
    return f"<code>{_textile_literal(text)}</code>"  # `@text@` would mention the user of that name


def _textile_fence(text: str, language: str) -> str:
    name = re.sub(r"[^\w+-]", "", language) or "text"
    return f'<pre><code class="{name}">\n{_textile_literal(text)}\n</code></pre>'


def _textile_literal(text: str) -> str:
    """Return code unchanged, because Redmine escapes it. A blank breaks Redmine's own tags, which it has no way to escape."""
    return _TEXTILE_TAGS.sub("< ", text)


def _textile_link(text: str, address: str) -> str:
    label = text.replace("(", "&#40;")  # brackets at the end of a link text would be its title
    return f'"{label}":{address}' if address.startswith(_WEB) else text


def _textile_quote(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


_JIRA: Final = WikiMarks(
    escape=_jira_escape,
    code=_jira_code,
    fence=_jira_fence,
    link=_jira_link,
    quote=_jira_quote,
    head="||",
    cell="|",
    rule="----",
)
_TEXTILE: Final = WikiMarks(
    escape=_textile_escape,
    code=_textile_code,
    fence=_textile_fence,
    link=_textile_link,
    quote=_textile_quote,
    head="|_.",
    cell="|",
    rule="---",
)
