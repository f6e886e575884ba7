"""The command `check`: an engagement is read, its quotes are checked against git, and the gates are applied."""

from __future__ import annotations

from dataclasses import replace

from findings_report.commands.gates import gates
from findings_report.report import check as domain
from findings_report.report.check import Checked, Inputs, Progress


def check(inputs: Inputs, progress: Progress, *, fail_on: str | None = None, strict: bool = False) -> Checked:
    """Return the checked engagement with its warnings, and an error of kind GATE for each gate that tripped.

    `fail_on` is a severity of the engagement's scale, `strict` makes any warning trip. Raises FindingsReportError with every
    problem found where there is an error, and (USAGE) for a severity that is not in the scale.
    """
    checked = domain.check(inputs, progress)
    return replace(checked, problems=(*checked.problems, *gates(checked, checked.problems, fail_on, strict=strict)))
