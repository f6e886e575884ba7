"""What is left of a region at another commit: at which place, how much of its text, and which lines differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from findings_report.evidence.source_files import SourceFile, lines_of
from findings_report.git.history import Hunk
from findings_report.history.line_map import Placement, Shares, Thresholds, Versions, follow, measure_shares
from findings_report.history.moved_text import Counterpart, HowRenamed, LineMatch, region_at
from findings_report.model.drift import DiffLine, Method, Spot
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import compare_texts, ignores_white_space, is_informative, squeeze

_CONTEXT = 3  # informative lines on either side that speak for a place

MOST_DIFF_LINES: Final = 400
"""Lines of a diff that are kept."""

_FEW: Final = 8
"""Lines that may have come in place of a region, however small it is, though they came for others as well."""


@dataclass(frozen=True)
class Occurrence:
    """A place of the other commit where the text of a region is, whole or in part."""

    path: str
    """POSIX, from the repository's root."""
    region: Region
    """The lines there."""
    method: Method
    """How the place was found."""
    rename: HowRenamed | None = None
    """How the file's new name was found; None for the same name and for text that was found by searching."""

    @property
    def is_same_file(self) -> bool:
        """False for a file that is only like the cited one: no evidence for lines that are only like the cited ones."""
        return self.rename is not HowRenamed.SIMILARITY


@dataclass(frozen=True)
class Survival:
    """How much of a region is left at one place."""

    occurrence: Occurrence
    """The place."""
    lines: Sequence[str]
    """All lines of its file."""
    mapping: Placement
    """Which lines of the region are which lines there."""
    shares: Shares
    """How much of the region is left, by its informative lines."""
    likeness: float
    """Likeness of the text as a whole, 0 to 1."""
    is_held: bool
    """True when the lines next to it on both sides are next to it still."""
    score: float
    """0 to 1: how much speaks for the place."""

    @property
    def spot(self) -> Spot:
        """The place, for a `Drift`."""
        return Spot(path=self.occurrence.path, region=self.occurrence.region, similarity=round(self.likeness, 3))


def find_in_place(
    region: Region, old: SourceFile, counterparts: Sequence[Counterpart], thresholds: Thresholds
) -> Survival | None:
    """Return what is left of a region of `old` in the files that it became, where the most is left; None when nothing is."""
    survivals = [left for part in counterparts if (left := _survive_in(region, old, part, thresholds)) is not None]
    return max(
        survivals,
        key=lambda left: (left.mapping.is_whole, left.shares.all, left.occurrence.is_same_file, left.likeness),
        default=None,
    )


def survive_verbatim(match: LineMatch, lines: Sequence[str], region: Region, home: Counterpart | None) -> Survival:
    """Return a region whose whole text was found at `match`, in a file of these lines."""
    step = match.line - region.start_line
    equal = {number: number + step for number in range(region.start_line, region.end_line + 1)}
    mapping = Placement(region_at(match, len(equal)), equal, {}, is_whole=True)
    # Text found by searching in the renamed file is reported as renamed, which is how a reader would describe it.
    rename = home.rename if home is not None and home.file.path == match.path else None
    occurrence = Occurrence(match.path, mapping.region, Method.TEXT, rename)
    return Survival(occurrence, lines, mapping, Shares(1.0, 1.0), likeness=1.0, is_held=True, score=1.0)


def is_sound(left: Survival, region: Region, old: SourceFile) -> bool:
    """True when an informative line, or every second line, is where it was in the same file."""
    equal = left.mapping.equal
    count = region.end_line - region.start_line + 1
    is_enough = 2 * len(equal) >= count or any(is_informative(old.lines[line - 1]) for line in equal)
    return left.occurrence.is_same_file and is_enough


def score_place(left: Shares, old: Sequence[str], region: Region, new: Sequence[str], there: Region, *, is_home: bool) -> float:
    """Return 0 to 1: by the text that is left, the share of the lines around it that are there as well, and the file.

    The text outweighs the rest: the surroundings only decide between places that are about as good.
    """
    return 0.8 * left.all + 0.15 * _compare_surroundings(old, region, new, there) + 0.05 * is_home


def map_quoted_lines(
    quoted: Sequence[int], old: SourceFile, new: Sequence[str], placement: Placement
) -> tuple[tuple[int, int | None], ...]:
    """Return each quoted line and the line it is now; None for one that is gone or differs by more than white space may."""
    # Where white space means something, as in Python or Make, a line that was indented is not the line that was quoted.
    where = {**placement.similar, **placement.equal}
    is_free = ignores_white_space(old.language)
    mapped: list[tuple[int, int | None]] = []
    for line in sorted(set(quoted)):
        now = where.get(line)
        if now is not None and not _is_same(old.lines[line - 1], new[now - 1], is_free=is_free):
            now = None
        mapped.append((line, now))
    return tuple(mapped)


def diff_region(region: Region, old: Sequence[str], new: Sequence[str], placement: Placement) -> tuple[DiffLine, ...]:
    """Return the diff of `region`: lines that went before lines that came, as git has them."""
    diff: list[DiffLine] = []
    at = placement.region.start_line
    # `equal` may ignore white space at the ends of lines; a diff has to show it.
    kept = {line: now for line, now in placement.equal.items() if now in placement.region and old[line - 1] == new[now - 1]}
    for line in range(region.start_line, region.end_line + 1):
        if line in kept:
            diff += (DiffLine(old_line=None, new_line=number, text=new[number - 1]) for number in range(at, kept[line]))
            diff.append(DiffLine(old_line=line, new_line=kept[line], text=old[line - 1]))
            at = kept[line] + 1
        else:
            diff.append(DiffLine(old_line=line, new_line=None, text=old[line - 1]))
    diff += (
        DiffLine(old_line=None, new_line=number, text=new[number - 1]) for number in range(at, placement.region.end_line + 1)
    )
    return tuple(diff[:MOST_DIFF_LINES])


def diff_deleted(region: Region, versions: Versions | None, old: Sequence[str]) -> tuple[DiffLine, ...]:
    """Return the diff of a region of which nothing informative is left; `old` are its file's lines.

    With what came in its place, where the file is still there: all that a hunk brought whose lines are the region's, and of
    one that reaches beyond it what is not much more than went.
    """
    # Keyed by the last removed line, after which git prints what came.
    came = {min(hunk.old_stop - 1, region.end_line): hunk for hunk in _hunks(versions, region)}
    diff: list[DiffLine] = []
    for line in range(region.start_line, region.end_line + 1):
        now = versions.now(line) if versions is not None else None
        diff.append(DiffLine(old_line=line, new_line=now, text=old[line - 1]))
        if versions is not None and (hunk := came.get(line)) is not None:
            numbers = range(hunk.new_start, hunk.new_stop)
            diff += (DiffLine(old_line=None, new_line=number, text=versions.new[number - 1]) for number in numbers)
        if len(diff) >= MOST_DIFF_LINES:
            break
    return tuple(diff[:MOST_DIFF_LINES])


def _survive_in(region: Region, old: SourceFile, part: Counterpart, thresholds: Thresholds) -> Survival | None:
    mapping = follow(part.versions, region, thresholds)
    if mapping is None:
        return None
    new = part.file
    if mapping.is_whole:
        method = Method.BLOB if old.blob == new.blob else Method.HUNKS
        occurrence = Occurrence(new.path, mapping.region, method, part.rename)
        return Survival(occurrence, new.lines, mapping, Shares(1.0, 1.0), likeness=1.0, is_held=True, score=1.0)
    # Line 0 maps to 0 and the line after the last to the one after the new last: the ends of a file hold a region as lines
    # do.
    around = part.versions.now(region.start_line - 1), part.versions.now(region.end_line + 1)
    method = Method.ALIGNED if mapping.similar or not mapping.equal else Method.HUNKS
    left = measure_shares(old.lines, new.lines, region, mapping)
    return Survival(
        Occurrence(new.path, mapping.region, method, part.rename),
        new.lines,
        mapping,
        left,
        likeness=compare_texts(lines_of(old.lines, region), lines_of(new.lines, mapping.region)),
        is_held=around == (mapping.region.start_line - 1, mapping.region.end_line + 1),
        score=score_place(left, old.lines, region, new.lines, mapping.region, is_home=True),
    )


def _compare_surroundings(old: Sequence[str], region: Region, new: Sequence[str], there: Region) -> float:
    """Return the share of the informative lines next to a region that are near the other place as well."""
    around = [*old[max(region.start_line - 9, 0) : region.start_line - 1][::-1]], [*old[region.end_line : region.end_line + 8]]
    wanted = [squeeze(line) for side in around for line in [line for line in side if is_informative(line)][:_CONTEXT]]
    if not wanted:
        return 0.0
    # A few lines further than the wanted ones reach, so that lines inserted next to the region do not hide its neighbours.
    near = {
        squeeze(line)
        for line in (*new[max(there.start_line - 13, 0) : there.start_line - 1], *new[there.end_line : there.end_line + 12])
    }
    return sum(line in near for line in wanted) / len(wanted)


def _is_same(line: str, other: str, *, is_free: bool) -> bool:
    return squeeze(line) == squeeze(other) if is_free else line.rstrip() == other.rstrip()


def _hunks(versions: Versions | None, region: Region) -> Sequence[Hunk]:
    return [hunk for hunk in versions.within(region) if _is_of(hunk, region)] if versions is not None else []


def _is_of(hunk: Hunk, region: Region) -> bool:
    """True when what a hunk brought can be shown as the replacement of the region's lines."""
    is_inside = hunk.old_start >= region.start_line and hunk.old_stop <= region.end_line + 1
    return is_inside or hunk.new_count <= max(_FEW, region.end_line - region.start_line + 1)
