"""The draft of a ticket for each finding: title, text, marker, urgency and labels, independent of any tracker.

Drafts can be written as files that a tracker imports.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.model.finding import ANSWERED
from findings_report.model.report import Report, ReportedFinding
from findings_report.model.ticket import Draft, Markup
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.prose.policy import plain_text
from findings_report.rendering.csv import write_table
from findings_report.rendering.figures import number_figures
from findings_report.rendering.markdown import code, escape
from findings_report.rendering.template_files import Template, find_template
from findings_report.rendering.template_runner import TemplateRunner
from findings_report.report.check import Inputs, assembled, check
from findings_report.report.output_files import own_build
from findings_report.system.atomic_files import publish
from findings_report.tickets.markup.convert import convert, truncate
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
        texts = {draft.finding: f"# {escape(draft.title)}\n\n{draft.text}\n{draft.end}" for draft in drafts}
        return {f"{finding}.md": convert(text, Markup.MARKDOWN).encode() for finding, text in texts.items()}
    return {"jira.csv": _jira(drafts)} if name == "jira" else {"azure.csv": _azure(drafts)}


def _jira(drafts: Sequence[Draft]) -> bytes:
    # Jira's import takes several columns of one name as several values.
    width = max((len(draft.labels) for draft in drafts), default=0)
    rows = [["Summary", "Issue Type", "Priority", "Description", *["Labels"] * width]]
    for draft in drafts:
        labels = [*draft.labels, *[""] * (width - len(draft.labels))]
        text = truncate(draft.text, draft.end, Markup.JIRA_WIKI, _MAX_JIRA_TEXT)
        rows.append([draft.title, "Bug", _JIRA_PRIORITIES[draft.urgency - 1], text, *labels])
    return write_table(rows)


def _azure(drafts: Sequence[Draft]) -> bytes:
    rows = [["Work Item Type", "Title", "Severity", "Priority", "Tags", "Repro Steps"]]
    for draft in drafts:
        text = truncate(draft.text, draft.end, Markup.HTML, _MAX_AZURE_TEXT)
        severity = _AZURE_SEVERITIES[draft.urgency - 1]
        rows.append(["Bug", draft.title, severity, severity[0], "; ".join(draft.labels), text])
    return write_table(rows)


# Jira, GitLab, Redmine and Azure DevOps refuse titles of more than 255 characters.
_MAX_TITLE: Final = 250


# Of the engagement's name in a marker: the whole marker is a label of Jira, which may have 255 characters.
_MAX_NAME: Final = 40


@dataclass(frozen=True)
class TicketDrafts:
    """The drafts of an engagement."""

    folder: Path
    """The engagement's folder."""
    report: Report
    """The report of which the drafts were made."""
    by_finding: Mapping[str, Draft]
    """Drafts by the id of the finding, in the order of the report."""
    files: Mapping[str, Path]
    """The YAML file of each finding, by id."""
    problems: tuple[Problem, ...]
    """Warnings of the check."""


def draft_tickets(inputs: Inputs, only: tuple[str, ...], name: str | None, progress: Callable[[str], None]) -> TicketDrafts:
    """Check the engagement and return the drafts of the findings `only`, of all if empty.

    `name` is the engagement's name in markers, None if no ticket was created yet. Raises FindingsReportError if the engagement
    has errors, or a finding cannot be rendered.
    """
    checked = check(inputs, progress)
    engagement = checked.authored.engagement
    report = assembled(checked, None)
    known = [finding.id for finding in report.findings]
    # A misspelled id must not end in "all findings have a ticket".
    if unknown := [id for id in only if id not in known]:
        fault = f"there is no finding {unknown[0]!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], known), code="not-in-list"))
    texts = render_tickets(report, find_template(engagement.template, checked.folder, given=False))
    drafts = {
        finding.id: _draft(finding, report, texts[finding.id], name or marker_name(engagement.title))
        for finding in report.findings
        if not only or finding.id in only
    }
    files = {Path(file).name.removesuffix(authoring.FINDING_SUFFIX): checked.folder / file for file in checked.authored.files}
    return TicketDrafts(checked.folder, report, drafts, files, checked.problems)


def render_tickets(report: Report, template: Template) -> Mapping[str, str]:
    """Render the text of each finding's ticket, by id, as Markdown. Raises FindingsReportError (OUTPUT)."""
    runner = TemplateRunner(report.engagement, template=template, format="md")
    texts: dict[str, str] = {}
    for finding in report.findings:
        part = runner.new_part()
        number_figures(part, finding)
        texts[finding.id] = runner.run("ticket", part, finding=finding).strip("\n") + "\n"
    return texts


def marker_name(title: str) -> str:
    """Return the name of an engagement in markers: letters of ASCII and digits, joined by `-`.

    No tracker changes these characters, and no index splits the marker in other places.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_MAX_NAME].strip("-")
    return plain or hashlib.sha256(title.encode()).hexdigest()[:12]


def _draft(finding: ReportedFinding, report: Report, text: str, name: str) -> Draft:
    scale = [severity.name for severity in report.engagement.severities]
    rank = scale.index(finding.severity.name)
    marker = f"findings-report:{name}/{finding.id}"
    version = f", version {escape(report.engagement.version)}" if report.engagement.version else ""
    title = " ".join(f"{finding.id}: {plain_text(finding.title)}".split())
    return Draft(
        finding=finding.id,
        title=title if len(title) <= _MAX_TITLE else f"{title[: _MAX_TITLE - 1]}…",
        text=text,
        end=f"---\n\nFrom the report “{escape(report.engagement.title)}”{version}: {code(marker)}\n",
        marker=marker,
        status=finding.status,
        urgency=5 - round(rank * 4 / max(1, len(scale) - 1)),  # a scale of any length, mapped to five steps
        labels=(f"severity-{finding.severity.name}", *(weakness.id for weakness in finding.cwe), *finding.tags),
        audience=report.engagement.edition,
    )
