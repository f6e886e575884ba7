"""What a drift tells of single lines: the diff of just the region, and what became of the lines quoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from findings_report.formatting import ignores_white_space
from findings_report.lines import squeeze
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import Region
from findings_report.track.files import File
from findings_report.versions import Placement

MOST_DIFF_LINES: Final = 400
"""Lines of a diff that are kept."""


def diff_of(region: Region, old: Sequence[str], new: Sequence[str], placement: Placement) -> tuple[DiffLine, ...]:
    """The diff of `region`: lines that went before lines that came, as git has them."""
    found: list[DiffLine] = []
    at = placement.region.start_line
    kept = {line: now for line, now in placement.equal.items() if now in placement.region and old[line - 1] == new[now - 1]}
    for line in range(region.start_line, region.end_line + 1):
        if line in kept:
            found += (DiffLine(old_line=None, new_line=number, text=new[number - 1]) for number in range(at, kept[line]))
            found.append(DiffLine(old_line=line, new_line=kept[line], text=old[line - 1]))
            at = kept[line] + 1
        else:
            found.append(DiffLine(old_line=line, new_line=None, text=old[line - 1]))
    found += (
        DiffLine(old_line=None, new_line=number, text=new[number - 1]) for number in range(at, placement.region.end_line + 1)
    )
    return tuple(found[:MOST_DIFF_LINES])


def gone(region: Region, old: Sequence[str]) -> tuple[DiffLine, ...]:
    """The diff of a region of which nothing is left."""
    lines = range(region.start_line, min(region.end_line, region.start_line + MOST_DIFF_LINES - 1) + 1)
    return tuple(DiffLine(old_line=line, new_line=None, text=old[line - 1]) for line in lines)


def quoted_lines(
    quoted: Sequence[int], old: File, new: Sequence[str], placement: Placement
) -> tuple[tuple[int, int | None], ...]:
    """Each quoted line and the line it is now; None for one that is gone or differs by more than white space may."""
    where = {**placement.similar, **placement.equal}
    is_free = ignores_white_space(old.language)
    found: list[tuple[int, int | None]] = []
    for line in sorted(set(quoted)):
        now = where.get(line)
        if now is not None and not _is_same(old.lines[line - 1], new[now - 1], is_free=is_free):
            now = None
        found.append((line, now))
    return tuple(found)


def _is_same(line: str, other: str, *, is_free: bool) -> bool:
    return squeeze(line) == squeeze(other) if is_free else line.rstrip() == other.rstrip()
