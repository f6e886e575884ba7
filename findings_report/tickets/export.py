"""Drafts of tickets as what Jira and Azure DevOps import from a file, and as Markdown, for trackers that cannot be reached.

Source: Atlassian, "Importing data from CSV" (several columns of one name are several values; descriptions are wiki markup);
Microsoft, "Bulk import or update work items by using CSV files".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

from findings_report.model.ticket import Draft, Markup
from findings_report.rendering.csv import harmless
from findings_report.rendering.markdown import escape
from findings_report.tickets.markup.convert import fitted

IMPORT_FORMATS: Final = ("jira", "azure", "md")
"""What drafts are exported to."""

_LONGEST_JIRA: Final = 32_767
_LONGEST_AZURE: Final = 500_000
_JIRA_PRIORITIES: Final = ("Lowest", "Low", "Medium", "High", "Highest")
_AZURE_SEVERITIES: Final = ("4 - Low", "4 - Low", "3 - Medium", "2 - High", "1 - Critical")


def render_for_import(drafts: Sequence[Draft], name: str) -> Mapping[str, bytes]:
    """The drafts in one of IMPORT_FORMATS: files by name."""
    if name == "md":
        return {f"{draft.finding}.md": _markdown(draft) for draft in drafts}
    if name == "jira":
        return {"jira.csv": _jira(drafts)}
    return {"azure.csv": _azure(drafts)}


def _markdown(draft: Draft) -> bytes:
    return f"# {escape(draft.title)}\n\n{draft.text}\n{draft.end}".encode()


def _jira(drafts: Sequence[Draft]) -> bytes:
    width = max((len(draft.labels) for draft in drafts), default=0)
    rows = [["Summary", "Issue Type", "Priority", "Description", *["Labels"] * width]]
    for draft in drafts:
        labels = [*draft.labels, *[""] * (width - len(draft.labels))]
        text = fitted(draft.text, draft.end, Markup.JIRA_WIKI, _LONGEST_JIRA)
        rows.append([draft.title, "Bug", _JIRA_PRIORITIES[draft.urgency - 1], text, *labels])
    return _csv(rows)


def _azure(drafts: Sequence[Draft]) -> bytes:
    rows = [["Work Item Type", "Title", "Severity", "Priority", "Tags", "Repro Steps"]]
    for draft in drafts:
        text = fitted(draft.text, draft.end, Markup.HTML, _LONGEST_AZURE)
        severity = _AZURE_SEVERITIES[draft.urgency - 1]
        rows.append(["Bug", draft.title, severity, severity[0], "; ".join(draft.labels), text])
    return _csv(rows)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([harmless(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig", "backslashreplace")
