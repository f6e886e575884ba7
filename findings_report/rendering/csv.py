"""The findings as a table for spreadsheets: one row each, nothing that a spreadsheet would run.

Source: RFC 4180 (commas, doubled quotes, CRLF); OWASP "CSV Injection" (cells that start like a formula). UTF-8 with a byte
order mark: without it Excel reads the file in the code page of the machine. Every cell is quoted, and no text starts like a
formula, wherever a spreadsheet with another separator than the comma would begin a cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from findings_report.model.finding import Status
from findings_report.model.report import Report, ReportedFinding
from findings_report.problems.safe_text import visible
from findings_report.prose.policy import plain_text
from findings_report.rendering.labels import citation
from findings_report.report.formats import Rendered

# Blanks, quotation marks and apostrophes in front of the sign of a formula, with the separators of other readers: where the
# comma is not the separator, a quotation mark within a line encloses nothing, and a line feed ends the row. The signs are
# those that spreadsheets read, with the full-width and other forms that some of them read alike.
_BEFORE_FORMULA: Final = re.compile(
    r"""(?<![\s"';|])(?:[\s"';|]++|\A)(?=[=+\-@\u2212\u207a\u207c\u208a\u208c\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])"""
)
_STARTS_CELL: Final = frozenset(";|\t\n")  # a carriage return is visible by then
_COLUMNS: Final = (
    "id",
    "title",
    "severity",
    "status",
    "category",
    "confidence",
    "cwe",
    "cvss",
    "owner",
    "due",
    "residual severity",
    "locations",
    "permalinks",
    "tags",
    "tickets",
)


def render(report: Report) -> Rendered:
    """Return the table: a head, then the findings in the report's order. Custom fields follow the fixed columns, by label."""
    labels = list(dict.fromkeys(value.label for finding in report.findings for value in finding.extra))
    rows = [_row(finding, labels, report.engagement.status_words) for finding in report.findings]
    return Rendered(write_table([[*_COLUMNS, *labels], *rows]))


def write_table(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as a file for spreadsheets."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([neutralise_formula(cell) for cell in row] for row in rows)
    # backslashreplace: a lone surrogate has no UTF-8, and one odd title must not cost the whole table.
    return buffer.getvalue().encode("utf-8-sig", "backslashreplace")


def neutralise_formula(cell: str) -> str:
    """Return `cell` as text that no spreadsheet runs: with an apostrophe before each sign that would start a formula.

    Without the last apostrophe before each such sign it is `visible(cell)` again.
    """
    # Hidden characters first: they could precede the sign of a formula, and spreadsheets drop them.
    return _BEFORE_FORMULA.sub(_add_apostrophe, visible(cell))


def _add_apostrophe(before: re.Match[str]) -> str:
    starts = before.start() == 0 or not _STARTS_CELL.isdisjoint(before[0])
    return f"{before[0]}'" if starts else before[0]


def _row(finding: ReportedFinding, labels: list[str], words: Mapping[Status, str]) -> list[str]:
    values = {value.label: value.value for value in finding.extra}
    return [
        finding.id,
        plain_text(finding.title),
        finding.severity.name,
        finding.status.printed(words),
        finding.category or "",
        finding.confidence.value if finding.confidence else "",
        ", ".join(weakness.id for weakness in finding.cwe),
        ", ".join(f"{score.score:.1f} {score.vector}" for score in finding.scores),
        finding.owner or "",
        finding.due.isoformat() if finding.due else "",
        finding.residual_severity.name if finding.residual_severity else "",
        "\n".join(f"{snippet.repository}: {citation(snippet)}" for snippet in finding.snippets),
        "\n".join(snippet.permalink for snippet in finding.snippets if snippet.permalink),
        ", ".join(finding.tags),
        ", ".join(finding.tickets),
        *(values.get(label, "") for label in labels),
    ]
