"""A report as a document of typst, to compare speed: the same texts, tables and code, laid out by typst's own rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from findings_report.model.evidence import Snippet
from findings_report.model.report import Report, ReportedFinding

COMPILE: Final = "import sys, typst; typst.compile(sys.argv[1], output=sys.argv[2])"
"""What a process runs: a document and the PDF of it."""

_SPECIAL: Final = re.compile(r"([\\#*_`<>@$\[\]=+\-/~])")
_SETTINGS: Final = """\
#set document(title: {title})
#set page(paper: "a4", header: [{title_text}],
  footer: context [Page #counter(page).display() of #counter(page).final().first()])
#set text(size: 9.5pt)
#show raw: set text(size: 7.6pt)
#show raw.where(block: true): set block(fill: luma(245), inset: 6pt, width: 100%)
"""
_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")
_WRAPS: Final = {"strong_open": "*", "strong_close": "*", "em_open": "_", "em_close": "_", "softbreak": "\n", "hardbreak": "\n"}


def typst(report: Report) -> str:
    """The source of the document."""
    title = report.engagement.title
    parts = [
        _SETTINGS.format(title=json.dumps(title), title_text=_text(title)),
        f"= {_text(title)}",
        "#pagebreak()",
        "#outline()",
    ]
    rows = [[f"#link(<{each.id}>)[{each.id}]", _text(each.title), each.severity.name] for each in report.findings]
    parts += ["#pagebreak()", "= Summary of findings", _table([["Finding", "Title", "Severity"], *rows])]
    return "\n\n".join([*parts, *(part for finding in report.findings for part in _finding(finding))]) + "\n"


def _finding(finding: ReportedFinding) -> Iterator[str]:
    yield "#pagebreak()"
    yield f"== {_text(f'{finding.id} {finding.title}')} <{finding.id}>"
    weaknesses = ", ".join(each.id for each in finding.cwe)
    yield _table(
        [
            ["Severity", finding.severity.name],
            ["Status", finding.status],
            ["Weaknesses", weaknesses],
            ["Owner", finding.owner or ""],
        ]
    )
    yield from _prose(finding.description)
    yield from (_code(snippet) for snippet in finding.snippets)
    for passage in finding.prose:
        if passage.path in (("impact",), ("recommendation", "short_term")):
            yield f"=== {passage.heading}"
            yield from _prose(passage.text)


def _code(snippet: Snippet) -> str:
    lines = [f"{line.number or ''}  {line.text}" for run in snippet.runs for line in run.lines]
    return f"#raw(block: true, lang: {_string(snippet.language or 'txt')}, {_string(chr(10).join(lines))})"


def _prose(text: str) -> Iterator[str]:
    tokens = _MARKDOWN.parse(text)
    rows: list[list[str]] = []
    bullet = ""
    for token in tokens:
        if token.type == "list_item_open":
            bullet = "- "
        elif token.type in ("fence", "code_block"):
            yield f"#raw(block: true, {_string(token.content)})"
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(_inline(token.children or ()))
        elif token.type == "inline":
            yield bullet + _inline(token.children or ())
            bullet = ""
        elif token.type == "table_close":
            yield _table(rows)
            rows = []


def _inline(tokens: Sequence[Token]) -> str:
    pieces = []
    for token in tokens:
        if token.type == "code_inline":
            pieces.append(f"#raw({_string(token.content)})")
        else:
            pieces.append(_WRAPS.get(token.type, _text(token.content)))
    return "".join(pieces)


def _table(rows: Sequence[Sequence[str]]) -> str:
    cells = ", ".join(f"[{cell}]" for row in rows for cell in row)
    return f"#table(columns: {max(map(len, rows))}, {cells})"


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
