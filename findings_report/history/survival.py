"""What is left of a region at another commit: at which place, and how much of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from findings_report.evidence.source_files import SourceFile, lines_of
from findings_report.history.line_map import Placement, Shares, follow, measure_shares
from findings_report.history.renames import Counterpart, HowRenamed
from findings_report.history.text_search import LineMatch, region_at
from findings_report.history.thresholds import Thresholds
from findings_report.model.drift import Method, Spot
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import compare_texts
from findings_report.sourcecode.lines import is_informative, squeeze

_CONTEXT = 3  # informative lines on either side that speak for a place


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


def _survive_in(region: Region, old: SourceFile, part: Counterpart, thresholds: Thresholds) -> Survival | None:
    mapping = follow(part.versions, region, thresholds)
    if mapping is None:
        return None
    new = part.file
    if mapping.is_whole:
        method = Method.BLOB if old.blob == new.blob else Method.HUNKS
        occurrence = Occurrence(new.path, mapping.region, method, part.rename)
        return Survival(occurrence, new.lines, mapping, Shares(1.0, 1.0), likeness=1.0, is_held=True, score=1.0)
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


def survive_verbatim(match: LineMatch, lines: Sequence[str], region: Region, home: Counterpart | None) -> Survival:
    """Return a region whose whole text was found at `match`, in a file of these lines."""
    step = match.line - region.start_line
    equal = {number: number + step for number in range(region.start_line, region.end_line + 1)}
    mapping = Placement(region_at(match, len(equal)), equal, {}, is_whole=True)
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


def _compare_surroundings(old: Sequence[str], region: Region, new: Sequence[str], there: Region) -> float:
    """Return the share of the informative lines next to a region that are near the other place as well."""
    around = [*old[max(region.start_line - 9, 0) : region.start_line - 1][::-1]], [*old[region.end_line : region.end_line + 8]]
    wanted = [squeeze(line) for side in around for line in [line for line in side if is_informative(line)][:_CONTEXT]]
    if not wanted:
        return 0.0
    near = {
        squeeze(line)
        for line in (*new[max(there.start_line - 13, 0) : there.start_line - 1], *new[there.end_line : there.end_line + 12])
    }
    return sum(line in near for line in wanted) / len(wanted)
