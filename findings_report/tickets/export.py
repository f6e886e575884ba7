"""Drafts of tickets as what Jira and Azure DevOps import from a file, and as Markdown, for trackers that cannot be reached.

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
from findings_report.problems.safe_text import shown_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.csv import harmless
from findings_report.rendering.markdown import escape
from findings_report.report.check import Inputs
from findings_report.report.output_files import own_build
from findings_report.system.atomic_files import publish
from findings_report.tickets.drafts import drafted
from findings_report.tickets.markup.convert import fitted
from findings_report.tickets.session import Done, Memory

# SELF


FOLDER: Final = "tickets"
"""Where the files go in `build/`, when nobody says."""


def export(
    inputs: Inputs, formats: tuple[str, ...], only: tuple[str, ...], output: Path | None, progress: Callable[[str], None]
) -> Done:
    """Writes the drafts of the findings that wait, or of `only`, in each of `formats`; all when none is named.

    Raises FindingsReportError, having written nothing.
    """
    if unknown := [name for name in formats if name not in IMPORT_FORMATS]:
        fault = f"{unknown[0]!r} is not one of {', '.join(IMPORT_FORMATS)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], IMPORT_FORMATS), code="format"))
    memory = Memory(authoring.find_folder(inputs.folder))
    made = drafted(inputs, only, memory.lock.engagement, progress)
    waiting = [
        made.drafts[finding.id]
        for finding in made.report.findings
        if finding.id in made.drafts and (only or finding.status not in ANSWERED)
    ]
    folder = output or own_build(made.folder, FOLDER)
    files = {
        folder / name: content
        for each in formats or IMPORT_FORMATS
        for name, content in render_for_import(waiting, each).items()
    }
    publish(files)
    return Done(tuple(f"wrote {shown_path(path)}" for path in files), made.problems)


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
