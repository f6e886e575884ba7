"""Drafts of tickets as files, for a tracker that cannot be reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.model.finding import ANSWERED
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.report.check import Inputs
from findings_report.report.output_files import own_build
from findings_report.system.atomic_files import publish
from findings_report.tickets.drafts import drafted
from findings_report.tickets.export import IMPORT_FORMATS, render_for_import
from findings_report.tickets.session import Done, Memory

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
