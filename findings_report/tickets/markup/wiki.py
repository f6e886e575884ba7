"""Markdown's tree -> a wiki's markup: what Textile and Jira's have in common, in terms of a language's own marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

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


# SELF


_JIRA_SPECIAL = re.compile(r"[*_+\-@%^~|!?\[\]{}#\\]|(?<![\w])\b(?=(?:bq|h[1-6])\. )")


_JIRA_PLAIN = re.compile(r"(?<=\w)[-_](?=\w)|(?<=\w)[?!](?=\s|\Z)")


_KNOWN = {
    "bash": "bash", "c": "c", "cpp": "cpp", "c++": "cpp", "csharp": "c#", "css": "css", "go": "go", "html": "html",
    "java": "java", "javascript": "javascript", "json": "json",
    "perl": "perl", "php": "php", "python": "python", "ruby": "ruby",
    "rust": "rust", "scala": "scala", "sql": "sql", "swift": "swift", "xml": "xml", "yaml": "yaml",
}  # fmt: skip
"""Languages whose name Jira knows; another would be an error on the page."""


def _jira_escape(text: str) -> str:
    plain = {match.start() for match in _JIRA_PLAIN.finditer(text)}
    return _JIRA_SPECIAL.sub(lambda match: match[0] if match.start() in plain else f"\\{match[0]}", text)


def _jira_code(text: str) -> str:
    return f"{{{{{_jira_escape(text)}}}}}"


def _jira_fence(text: str, language: str) -> str:
    """Code as it is; what would end the block is broken by a blank, as Jira knows no way to write it."""
    name = _KNOWN.get(language.lower())
    literal = re.sub(r"\{(?=(?:code|noformat)\b)", "{ ", text)
    return f"{{code:{name}}}\n{literal}\n{{code}}" if name else f"{{noformat}}\n{literal}\n{{noformat}}"


def _jira_link(text: str, address: str) -> str:
    if not address.startswith(("https://", "http://", "mailto:")):
        return text
    return f"[{text}|{address.replace('|', '%7C').replace(']', '%5D')}]"


def _jira_quote(text: str) -> str:
    return f"{{quote}}\n{text}\n{{quote}}"


JIRA: Final = Language(
    escape=_jira_escape,
    code=_jira_code,
    fence=_jira_fence,
    link=_jira_link,
    quote=_jira_quote,
    head="||",
    cell="|",
    rule="----",
)
"""Source: Jira's help page "Text formatting notation help"."""


# SELF


# As entities, which Redmine prints as they are: its own marks, and what it would make links and macros of.
_TEXTILE_SPECIAL = re.compile(r"[*_+\-@%^~|!\"\[\]{}<>#?=(]|&(?=#?\w+;)|(?<=\w)[:](?=\S)")


_WORD = re.compile(r"[\w./:#…-]+\Z")


_OWN_TAGS = re.compile(r"<(?=\s*/?\s*(?:pre|code|notextile)\b)", re.IGNORECASE)


_TEXTILE_PLAIN = re.compile(r"(?<=\w)-(?=\w)|(?<=\w)_(?=\w)|(?<=\s)\((?=\w)")


def _textile_escape(text: str) -> str:
    plain = {match.start() for match in _TEXTILE_PLAIN.finditer(text)}
    return _TEXTILE_SPECIAL.sub(lambda match: match[0] if match.start() in plain else f"&#{ord(match[0])};", text)


def _textile_code(text: str) -> str:
    return f"@{text}@" if _WORD.match(text) else f"<code>{_literal(text)}</code>"


def _textile_fence(text: str, language: str) -> str:
    name = re.sub(r"[^\w+-]", "", language) or "text"
    return f'<pre><code class="{name}">\n{_literal(text)}\n</code></pre>'


def _literal(text: str) -> str:
    """Code as it is, which Redmine escapes itself. It knows no way to write its own tags in code: a blank breaks them."""
    return _OWN_TAGS.sub("< ", text)


def _textile_link(text: str, address: str) -> str:
    shown = text.replace("(", "&#40;")  # what stands in brackets at its end would be a title
    return f'"{shown}":{address}' if address.startswith(("https://", "http://", "mailto:")) else text


def _textile_quote(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


TEXTILE: Final = Language(
    escape=_textile_escape,
    code=_textile_code,
    fence=_textile_fence,
    link=_textile_link,
    quote=_textile_quote,
    head="|_.",
    cell="|",
    rule="---",
)
"""Source: redmine.org/projects/redmine/wiki/RedmineTextFormattingTextile, and what Redmine 5.0 makes of it."""
