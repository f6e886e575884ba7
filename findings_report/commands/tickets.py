"""The commands `tickets create`, `tickets sync` and `tickets export`.

`tickets` does the work and is the only folder that knows how a tracker is reached. Its modules are imported when one runs,
because they load the HTTP client.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings_report.report.check import Inputs, Progress
    from findings_report.tickets.create import CreateOptions
    from findings_report.tickets.http.credentials import Environment
    from findings_report.tickets.session import TicketsResult
    from findings_report.tickets.sync import SyncOptions


def create(inputs: Inputs, options: CreateOptions, environment: Environment, progress: Progress) -> TicketsResult:
    """Create a ticket for each unresolved finding that has none. Raise FindingsReportError if nothing was sent."""
    from findings_report.tickets import create as creation

    return creation.create(inputs, options, environment, progress)


def sync(inputs: Inputs, options: SyncOptions, environment: Environment, progress: Progress) -> TicketsResult:
    """Update the tickets of findings; no ticket is closed. Raise FindingsReportError if nothing was sent."""
    from findings_report.tickets import sync as synchronisation

    return synchronisation.sync(inputs, options, environment, progress)


def export(
    inputs: Inputs, formats: tuple[str, ...], only: tuple[str, ...], output: Path | None, progress: Progress
) -> TicketsResult:
    """Write files for a tracker's import. Raise FindingsReportError if nothing was written."""
    from findings_report.tickets import drafts as exporting

    return exporting.export(inputs, formats, only, output, progress)
