"""The findings as a table for spreadsheets: one row each, nothing that a spreadsheet would run.

Source: RFC 4180 (commas, doubled quotes, CRLF); OWASP "CSV Injection" (cells that start like a formula). UTF-8 with a byte
order mark: without it Excel reads the file in the code page of the machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from findings_report.model.finding import Status
from findings_report.model.report import Report, ReportedFinding
from findings_report.problems.safe_text import visible
from findings_report.prose.inline_code import plain_text
from findings_report.rendering.labels import citation
from findings_report.report.formats import Rendered

# Tab and line ends too: spreadsheets strip them and look at the character behind.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
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
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([neutralise_formula(cell) for cell in (*_COLUMNS, *labels)])
    for finding in report.findings:
        writer.writerow([neutralise_formula(cell) for cell in _row(finding, labels, report.engagement.status_words)])
    # backslashreplace: a lone surrogate has no UTF-8, and one odd title must not cost the whole table.
    return Rendered(buffer.getvalue().encode("utf-8-sig", "backslashreplace"))


def neutralise_formula(cell: str) -> str:
    """Return `cell` as text that no spreadsheet runs: one that starts like a formula gets an apostrophe before it."""
    # Hidden characters first: they could precede the sign of a formula, and spreadsheets drop them.
    shown = visible(cell)
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown


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
