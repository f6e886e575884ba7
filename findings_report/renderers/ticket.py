"""One finding as the text of a ticket: Markdown, by `ticket.md.j2`; `mark_up` makes it the tracker's own."""

from __future__ import annotations

from collections.abc import Mapping

from findings_report.model.report import Report
from findings_report.rendering.figures import number_figures
from findings_report.rendering.template_files import Template
from findings_report.rendering.template_runner import Pages


def ticket_texts(report: Report, template: Template) -> Mapping[str, str]:
    """The text of each finding's ticket, by id, in the report's order. Raises FindingsReportError (OUTPUT)."""
    pages = Pages(report.engagement, template=template, format="md")
    found: dict[str, str] = {}
    for finding in report.findings:
        part = pages.part()
        number_figures(part, finding)
        found[finding.id] = pages.run("ticket", part, finding=finding).strip("\n") + "\n"
    return found
