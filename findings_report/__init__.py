"""Audit reports from structured findings: every quote checked against git.

The public API: functions from plain arguments to frozen values, described in docs/api.md. All other modules are internal.
A name is imported when it is first used (PEP 562), so that `import findings_report` loads nothing else.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from findings_report.commands.api import (
        BuildResult,
        CheckedEngagement,
        DiffResult,
        LoadedEngagement,
        TrackedLocation,
        TrackResult,
        build,
        check,
        diff,
        load,
        read_report,
        track,
    )
    from findings_report.model.comparison import ComparedFinding, Comparison
    from findings_report.model.drift import Drift
    from findings_report.model.engagement import Engagement
    from findings_report.model.evidence import Snippet, Verdict
    from findings_report.model.finding import Finding
    from findings_report.model.report import Report, ReportedFinding
    from findings_report.problems import FindingsReportError, Place, Problem

__version__ = "0.1.0"

_MODULES = {
    "commands.api": (
        "BuildResult",
        "CheckedEngagement",
        "DiffResult",
        "LoadedEngagement",
        "TrackResult",
        "TrackedLocation",
        "build",
        "check",
        "diff",
        "load",
        "read_report",
        "track",
    ),
    "model.comparison": ("ComparedFinding", "Comparison"),
    "model.drift": ("Drift",),
    "model.engagement": ("Engagement",),
    "model.evidence": ("Snippet", "Verdict"),
    "model.finding": ("Finding",),
    "model.report": ("Report", "ReportedFinding"),
    "problems": ("FindingsReportError", "Place", "Problem"),
}

__all__ = [
    "BuildResult",
    "CheckedEngagement",
    "ComparedFinding",
    "Comparison",
    "DiffResult",
    "Drift",
    "Engagement",
    "Finding",
    "FindingsReportError",
    "LoadedEngagement",
    "Place",
    "Problem",
    "Report",
    "ReportedFinding",
    "Snippet",
    "TrackResult",
    "TrackedLocation",
    "Verdict",
    "build",
    "check",
    "diff",
    "load",
    "read_report",
    "track",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(f"findings_report.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
