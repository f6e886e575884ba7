"""A checked engagement -> what a ticket is to say of each finding."""

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


def ticket_texts(report: Report, template: Template) -> Mapping[str, str]:
    """The text of each finding's ticket, by id, in the report's order. Raises FindingsReportError (OUTPUT)."""
    runner = TemplateRunner(report.engagement, template=template, format="md")
    found: dict[str, str] = {}
    for finding in report.findings:
        part = runner.new_part()
        number_figures(part, finding)
        found[finding.id] = runner.run("ticket", part, finding=finding).strip("\n") + "\n"
    return found


# SELF


_LONGEST_TITLE: Final = 250


@dataclass(frozen=True)
class Drafted:
    """The drafts of an engagement."""

    folder: Path
    """The engagement's."""
    report: Report
    """What they were made of."""
    drafts: Mapping[str, Draft]
    """By finding, worst first."""
    files: Mapping[str, Path]
    """The YAML file of each finding."""
    problems: tuple[Problem, ...]
    """Warnings."""


def drafted(inputs: Inputs, only: tuple[str, ...], named: str | None, progress: Callable[[str], None]) -> Drafted:
    """The drafts of the findings `only`, of all when empty. `named` is what markers call the engagement, when that is settled.

    Raises FindingsReportError when the engagement is not sound.
    """
    checked = check(inputs, progress)
    engagement = checked.authored.engagement
    report = assembled(checked, None)
    known = [finding.id for finding in report.findings]
    if unknown := [id for id in only if id not in known]:
        fault = f"there is no finding {unknown[0]!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], known), code="not-in-list"))
    texts = ticket_texts(report, find_template(engagement.template, checked.folder, given=False))
    name = named or called(engagement.title)
    found = {each.id: _draft(each, report, texts[each.id], name) for each in report.findings if not only or each.id in only}
    files = {Path(file).name.removesuffix(authoring.FINDING_SUFFIX): checked.folder / file for file in checked.authored.files}
    return Drafted(checked.folder, report, found, files, checked.problems)


def called(title: str) -> str:
    """What an engagement of that title is called in markers: letters of ASCII and digits, joined by `-`."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    return plain or hashlib.sha256(title.encode()).hexdigest()[:12]


def _draft(finding: ReportedFinding, report: Report, text: str, name: str) -> Draft:
    scale = [severity.name for severity in report.engagement.severities]
    rank = scale.index(finding.severity.name)
    marker = f"findings-report:{name}/{finding.id}"
    version = f", version {escape(report.engagement.version)}" if report.engagement.version else ""
    end = f"---\n\nFrom the report “{escape(report.engagement.title)}”{version}: {code(marker)}\n"
    return Draft(
        finding=finding.id,
        title=_shortened(f"{finding.id}: {plain_text(finding.title)}"),
        text=text,
        end=end,
        marker=marker,
        status=words(finding.status.value),
        urgency=5 - round(rank * 4 / max(1, len(scale) - 1)),
        labels=(f"severity-{finding.severity.name}", *(weakness.id for weakness in finding.cwe), *finding.tags),
    )


def _shortened(title: str) -> str:
    plain = " ".join(title.split())
    return plain if len(plain) <= _LONGEST_TITLE else f"{plain[: _LONGEST_TITLE - 1]}…"
