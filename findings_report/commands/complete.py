"""The words that a shell proposes for an option: names of the engagement found from a folder.

Each function reads only what it needs: completion runs on every press of Tab.
"""

from __future__ import annotations

from pathlib import Path

from findings_report import authoring
from findings_report.report.formats import FORMATS


def formats() -> tuple[str, ...]:
    """Return the formats of a report."""
    return tuple(FORMATS)


def library_entries(start: Path, shared: Path | None) -> tuple[str, ...]:
    """Return the entries of the engagement's library and of `shared`. Raise FindingsReportError without an engagement."""
    from findings_report.commands.new import library

    return library(start, shared).entries


def severities(start: Path) -> tuple[str, ...]:
    """Return the engagement's scale, worst first. Raise FindingsReportError where it cannot be read."""
    # Without the findings: reading all of them would be felt at a prompt.
    engagement = authoring.load_engagement(authoring.Folder(authoring.find_folder(start))).engagement
    return tuple(severity.name for severity in engagement.severities)


def finding_ids(start: Path) -> tuple[str, ...]:
    """Return the ids of the engagement's findings. Raise FindingsReportError where one cannot be read."""
    return tuple(authoring.load(authoring.Folder(authoring.find_folder(start))).findings)


def repositories(start: Path) -> tuple[str, ...]:
    """Return the names of the engagement's repositories. Raise FindingsReportError where it cannot be read."""
    return tuple(authoring.load_engagement(authoring.Folder(authoring.find_folder(start))).engagement.repositories)


def templates(start: Path) -> tuple[str, ...]:
    """Return the names of the tool's templates and of the engagement's own. Raise FindingsReportError where there is none."""
    from findings_report.rendering.template_files import find_template, template_names

    return tuple(template_names(find_template("standard", authoring.find_folder(start), given=False)))
