"""Jira's wiki markup, as Data Center reads it and as its CSV import takes it."""

from __future__ import annotations

import re
from typing import Final

from findings_report.tickets.markup.wiki import Language

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
