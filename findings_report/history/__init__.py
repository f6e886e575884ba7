"""Cited code at another commit: where it is, how much of it is left, and the commits of a fix.

In: a repository, cited regions, two commits. Out: one `Drift` for each region, and for a comparison the regions and fix commits
of its findings. `track.track` follows the regions of one pair of commits, `track.follow` those of many repositories. Must not
know templates, YAML or what a drift means for a finding: that is decided in `comparison`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from findings_report.history.classify import CitedRegion
    from findings_report.history.fixes import Fixes, FollowedFindings, follow_findings
    from findings_report.history.line_map import Thresholds
    from findings_report.history.track import CitedPlace, FollowResult, StaysError, TrackedRegions, list_places, mentions

__all__ = [
    "CitedPlace",
    "CitedRegion",
    "Fixes",
    "FollowResult",
    "FollowedFindings",
    "StaysError",
    "Thresholds",
    "TrackedRegions",
    "follow_findings",
    "list_places",
    "mentions",
]

_MODULES: Final = {
    "CitedPlace": "track",
    "CitedRegion": "classify",
    "Fixes": "fixes",
    "FollowResult": "track",
    "FollowedFindings": "fixes",
    "StaysError": "reanchor",
    "Thresholds": "line_map",
    "TrackedRegions": "track",
    "follow_findings": "fixes",
    "list_places": "track",
    "mentions": "reanchor",
}


def __getattr__(name: str) -> object:
    """Return a public name from its module, which is imported on first use: a command enters only the modules it needs."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"findings_report.history.{_MODULES[name]}"), name)
