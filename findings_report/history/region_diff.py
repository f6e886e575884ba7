"""Single lines of a drift: the diff of just the region, and where the quoted lines are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from findings_report.evidence.source_files import SourceFile
from findings_report.git.hunks import Hunk
from findings_report.history.line_map import Placement, Versions
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import squeeze
from findings_report.sourcecode.whitespace import ignores_white_space

MOST_DIFF_LINES: Final = 400
"""Lines of a diff that are kept."""

_FEW: Final = 8
"""Lines that may have come in place of a region, however small it is, though they came for others as well."""


def diff_region(region: Region, old: Sequence[str], new: Sequence[str], placement: Placement) -> tuple[DiffLine, ...]:
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


def diff_deleted(region: Region, versions: Versions | None, old: Sequence[str]) -> tuple[DiffLine, ...]:
    """The diff of a region of which nothing informative is left; `old` are its file's lines.

    With what came in its place, where the file is still there: all that a hunk brought whose lines are the region's, and of
    one that reaches beyond it what is not much more than went.
    """
    came = {min(hunk.old_stop - 1, region.end_line): hunk for hunk in _hunks(versions, region)}
    found: list[DiffLine] = []
    for line in range(region.start_line, region.end_line + 1):
        now = versions.now(line) if versions is not None else None
        found.append(DiffLine(old_line=line, new_line=now, text=old[line - 1]))
        if versions is not None and (hunk := came.get(line)) is not None:
            numbers = range(hunk.new_start, hunk.new_stop)
            found += (DiffLine(old_line=None, new_line=number, text=versions.new[number - 1]) for number in numbers)
        if len(found) >= MOST_DIFF_LINES:
            break
    return tuple(found[:MOST_DIFF_LINES])


def _hunks(versions: Versions | None, region: Region) -> Sequence[Hunk]:
    return [hunk for hunk in versions.within(region) if _is_of(hunk, region)] if versions is not None else []


def _is_of(hunk: Hunk, region: Region) -> bool:
    """True when what a hunk brought can be shown as the replacement of the region's lines."""
    is_inside = hunk.old_start >= region.start_line and hunk.old_stop <= region.end_line + 1
    return is_inside or hunk.new_count <= max(_FEW, region.end_line - region.start_line + 1)


def map_quoted_lines(
    quoted: Sequence[int], old: SourceFile, new: Sequence[str], placement: Placement
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
