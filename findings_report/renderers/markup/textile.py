"""Textile as Redmine reads it."""

from __future__ import annotations

import re
from typing import Final

from findings_report.tickets.markup.wiki import Language

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
