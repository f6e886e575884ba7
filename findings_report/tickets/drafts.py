"""The draft of a ticket for each finding: title, text, marker, urgency and labels, independent of any tracker."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.model.report import Report, ReportedFinding
from findings_report.model.ticket import Draft
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.prose.inline_code import plain_text
from findings_report.rendering.figures import number_figures
from findings_report.rendering.labels import words
from findings_report.rendering.markdown import code, escape
from findings_report.rendering.template_files import Template, find_template
from findings_report.rendering.template_runner import TemplateRunner
from findings_report.report.check import Inputs, assembled, check

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
        status=words(finding.status.value),
        urgency=5 - round(rank * 4 / max(1, len(scale) - 1)),  # a scale of any length, mapped to five steps
        labels=(f"severity-{finding.severity.name}", *(weakness.id for weakness in finding.cwe), *finding.tags),
    )
