"""What `fetch` does: what has no clone at hand is cloned."""

from __future__ import annotations

from findings_report.problems import FindingsReportError
from findings_report.report.check import Inputs, Progress, read


def fetch(inputs: Inputs, progress: Progress) -> list[str]:
    """Clones what has a `url` and no clone at hand; a line for each repository."""
    from findings_report.commands.fetch import fetch_missing

    folder, authored = read(inputs)
    try:
        return fetch_missing(authored.engagement, authored.findings, folder, progress)
    except FindingsReportError as error:
        raise FindingsReportError(authored.located(problem) for problem in error.problems) from None
