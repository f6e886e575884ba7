"""Write drafts of tickets as files that Jira and Azure DevOps import, and as Markdown, for trackers that cannot be reached.

Source: Atlassian, "Importing data from CSV" (several columns of one name are several values; descriptions are wiki markup);
Microsoft, "Bulk import or update work items by using CSV files".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.model.finding import ANSWERED
from findings_report.model.ticket import Draft, Markup
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.csv import neutralise_formula
from findings_report.rendering.markdown import escape
from findings_report.report.check import Inputs
from findings_report.report.output_files import own_build
from findings_report.system.atomic_files import publish
from findings_report.tickets.drafts import draft_tickets
from findings_report.tickets.markup.convert import truncate
from findings_report.tickets.session import LockFile, TicketsResult

FOLDER: Final = "tickets"
"""The folder in `build/`, by default."""
IMPORT_FORMATS: Final = ("jira", "azure", "md")
"""The formats to which drafts are exported."""

_MAX_JIRA_TEXT: Final = 32_767
_MAX_AZURE_TEXT: Final = 500_000
# By urgency from 1 to 5: the priorities of a new Jira. The import asks how to map other names.
_JIRA_PRIORITIES: Final = ("Lowest", "Low", "Medium", "High", "Highest")
# By urgency from 1 to 5: the severities of a new project. The priority is the digit.
_AZURE_SEVERITIES: Final = ("4 - Low", "4 - Low", "3 - Medium", "2 - High", "1 - Critical")


def export(
    inputs: Inputs, formats: tuple[str, ...], only: tuple[str, ...], output: Path | None, progress: Callable[[str], None]
) -> TicketsResult:
    """Write the drafts of the findings that need action, or of `only`, in each of `formats`; in all if empty.

    Raises FindingsReportError if nothing was written.
    """
    if unknown := [name for name in formats if name not in IMPORT_FORMATS]:
        fault = f"{unknown[0]!r} is not one of {', '.join(IMPORT_FORMATS)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], IMPORT_FORMATS), code="format"))
    lock_file = LockFile(authoring.find_folder(inputs.folder))
    drafts = draft_tickets(inputs, only, lock_file.lock.engagement, progress)
    selected = [
        drafts.by_finding[finding.id]
        for finding in drafts.report.findings
        if finding.id in drafts.by_finding and (only or finding.status not in ANSWERED)
    ]
    # own_build follows no symbolic link: a cloned engagement must not choose where files are written.
    folder = output or own_build(drafts.folder, FOLDER)
    files = {
        folder / file: content
        for name in formats or IMPORT_FORMATS
        for file, content in render_for_import(selected, name).items()
    }
    publish(files)
    return TicketsResult(tuple(f"wrote {display_path(path)}" for path in files), drafts.problems)


def render_for_import(drafts: Sequence[Draft], name: str) -> Mapping[str, bytes]:
    """Return the drafts in one of IMPORT_FORMATS: files by name."""
    if name == "md":
        return {f"{draft.finding}.md": f"# {escape(draft.title)}\n\n{draft.text}\n{draft.end}".encode() for draft in drafts}
    return {"jira.csv": _jira(drafts)} if name == "jira" else {"azure.csv": _azure(drafts)}


def _jira(drafts: Sequence[Draft]) -> bytes:
    # Jira's import takes several columns of one name as several values.
    width = max((len(draft.labels) for draft in drafts), default=0)
    rows = [["Summary", "Issue Type", "Priority", "Description", *["Labels"] * width]]
    for draft in drafts:
        labels = [*draft.labels, *[""] * (width - len(draft.labels))]
        text = truncate(draft.text, draft.end, Markup.JIRA_WIKI, _MAX_JIRA_TEXT)
        rows.append([draft.title, "Bug", _JIRA_PRIORITIES[draft.urgency - 1], text, *labels])
    return _csv(rows)


def _azure(drafts: Sequence[Draft]) -> bytes:
    rows = [["Work Item Type", "Title", "Severity", "Priority", "Tags", "Repro Steps"]]
    for draft in drafts:
        text = truncate(draft.text, draft.end, Markup.HTML, _MAX_AZURE_TEXT)
        severity = _AZURE_SEVERITIES[draft.urgency - 1]
        rows.append(["Bug", draft.title, severity, severity[0], "; ".join(draft.labels), text])
    return _csv(rows)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return a CSV file with a byte order mark, without which Excel reads it in the encoding of the machine."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([neutralise_formula(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig", "backslashreplace")
