"""What changed since an earlier report, in the few lines that a comment has room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from findings_report.model.comparison import ComparedFinding, Comparison
from findings_report.pipeline.inputs import Inputs
from findings_report.renderers.markdown import escape

_MOST: Final = 30


def summary(since: str, inputs: Inputs, progress: Callable[[str], None]) -> str:
    """Counts and findings that changed since the report `since`, as Markdown. Raises FindingsReportError as `diff` does."""
    from findings_report.pipeline.diff import DiffWishes, diff

    wishes = DiffWishes((), None, None, system_fonts=False, fail_on=(), exit_code=False)
    return _told(diff(since, None, inputs, wishes, progress).comparison)


def _told(comparison: Comparison) -> str:
    counts = ", ".join(f"{count.total} {escape(count.name)}" for count in comparison.counts if count.total)
    told = comparison.told
    lines = [f"- {_line(each)}" for each in told[:_MOST]]
    if len(told) > _MOST:
        lines.append(f"- and {len(told) - _MOST} more, in the report")
    return "\n".join([f"{counts or 'Nothing changed'}.", "", *lines])


def _line(compared: ComparedFinding) -> str:
    change = compared.turn.value if compared.turn else compared.change.value
    return f"{escape(compared.id)}: {change}, {compared.shown.severity.name}, {escape(compared.shown.title)}"
