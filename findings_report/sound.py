"""What a report that was read has to hold so that it can be relied on: nothing that no report made here says. Pure.

A report's JSON may come from anybody. Its types say what each value is; what values say of one another is looked at here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from findings_report.model.evidence import Region, Snippet
from findings_report.model.report import Report, ReportedFinding

MOST_QUOTED: Final = 1_000_000
"""Quoted lines that are followed one by one."""


def unsound(report: Report) -> str | None:
    """The first thing that no report says, to stand after the name of its file; None when there is none."""
    return next(_faults(report), None)


def _faults(report: Report) -> Iterator[str]:
    ids = Counter(finding.id.casefold() for finding in report.findings)
    for finding in report.findings:
        if ids[finding.id.casefold()] > 1:
            yield f"it has more than one finding {finding.id!r}"
        yield from _of_finding(finding)
    quoted = sum(_count(snippet.check.found) for finding in report.findings for snippet in finding.snippets)
    if quoted > MOST_QUOTED:
        yield f"it quotes {quoted:,} lines; at most {MOST_QUOTED:,} are followed"


def _of_finding(finding: ReportedFinding) -> Iterator[str]:
    for snippet in finding.snippets:
        for regions in (snippet.regions, snippet.check.found):
            yield from (f"{finding.id!r} cites the lines {fault}" for fault in _of_regions(regions))
        if fault := _of_printed(snippet):
            yield f"{finding.id!r} prints {fault}"


def _of_regions(regions: Sequence[Region]) -> Iterator[str]:
    """What is wrong with lines that should rise, so that nothing is asked of any of them twice."""
    for region in regions:
        if not 1 <= region.start_line <= region.end_line:
            yield f"{region}, and there are no such lines"
    for earlier, later in pairwise(regions):
        if later.start_line <= earlier.end_line:
            yield f"{later} after {earlier}"


def _of_printed(snippet: Snippet) -> str | None:
    for run in snippet.runs:
        if any("\n" in text for text in (run.inside, *(line.text for line in run.lines))):
            return "several lines as one"
    return None


def _count(regions: Sequence[Region]) -> int:
    return sum(region.end_line - region.start_line + 1 for region in regions)
