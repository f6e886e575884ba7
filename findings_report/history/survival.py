"""What is left of a region in the file that its own became."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from findings_report.evidence.source_files import SourceFile, in_region
from findings_report.history.candidates import Candidate, context, score
from findings_report.history.line_map import Placement, Shares, follow, shares
from findings_report.history.renames import Counterpart, HowRenamed
from findings_report.history.text_search import Place, region_at
from findings_report.model.drift import Means, Spot
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import likeness
from findings_report.sourcecode.lines import is_informative

_HALF = 0.5  # share of a text that makes what is left of it the text
_ALIKE = 0.8  # likeness of two texts that makes them versions of one another
_ALIKE_BETWEEN = 0.62  # the same where the lines around them stayed


@dataclass(frozen=True)
class Standing:
    """What is left of a region at one place."""

    path: str
    """The file at the other commit."""
    lines: Sequence[str]
    """Its lines."""
    placement: Placement
    """Where it is."""
    shares: Shares
    """How much of it is left."""
    likeness: float
    """Of the text as a whole, 0 to 1."""
    is_held: bool
    """True when the lines next to it on both sides are next to it still."""
    means: Means
    """How it was found."""
    rename: HowRenamed | None = None
    """How the file's new name was found."""

    @property
    def is_kept(self) -> bool:
        """True when at least half of its informative lines stand unchanged."""
        return self.placement.is_whole or self.shares.equal >= _HALF

    @property
    def is_accepted(self) -> bool:
        """True when enough is left for it to be the same text."""
        if self.is_kept or self.likeness >= _ALIKE:
            return True
        return self.is_same_file and (self.shares.all >= _HALF or (self.is_held and self.likeness >= _ALIKE_BETWEEN))

    @property
    def is_same_file(self) -> bool:
        """False for a file that is only like the cited one: no evidence for lines that are only like the cited ones."""
        return self.rename is not HowRenamed.SIMILARITY

    @property
    def spot(self) -> Spot:
        """The place, as it is told."""
        return Spot(path=self.path, region=self.placement.region, similarity=round(self.likeness, 3))


def standing(region: Region, old: SourceFile, counterparts: Sequence[Counterpart]) -> Standing | None:
    """What is left of a region of `old` in what the file became, there where the most is left; None when nothing is."""
    found = [each for part in counterparts if (each := _in_place(region, old, part)) is not None]
    return max(
        found, key=lambda each: (each.placement.is_whole, each.shares.all, each.is_same_file, each.likeness), default=None
    )


def _in_place(region: Region, old: SourceFile, part: Counterpart) -> Standing | None:
    placement = follow(part.versions, region)
    if placement is None:
        return None
    new = part.file
    if placement.is_whole:
        means = Means.BLOB if old.blob == new.blob else Means.HUNKS
        return Standing(new.path, new.lines, placement, Shares(1.0, 1.0), 1.0, True, means, part.rename)
    left = shares(old.lines, new.lines, region, placement)
    alike = likeness(in_region(old.lines, region), in_region(new.lines, placement.region))
    around = part.versions.now(region.start_line - 1), part.versions.now(region.end_line + 1)
    is_held = around == (placement.region.start_line - 1, placement.region.end_line + 1)
    means = Means.ALIGNED if placement.similar or not placement.equal else Means.HUNKS
    return Standing(new.path, new.lines, placement, left, alike, is_held, means, part.rename)


def verbatim_at(place: Place, lines: Sequence[str], region: Region, home: Counterpart | None) -> Standing:
    """A region whose whole text was found at `place`, in a file of these lines."""
    step = place.line - region.start_line
    equal = {number: number + step for number in range(region.start_line, region.end_line + 1)}
    placement = Placement(region_at(place, len(equal)), equal, {}, is_whole=True)
    rename = home.rename if home is not None and home.file.path == place.path else None
    return Standing(place.path, lines, placement, Shares(1.0, 1.0), 1.0, True, Means.TEXT, rename)


def similar_at(found: Candidate, lines: Sequence[str]) -> Standing:
    """A region that was found edited, in a file of these lines."""
    return Standing(found.path, lines, found.placement, found.shares, found.shares.all, False, Means.SIMILAR)


def score_of(left: Standing, region: Region, old: SourceFile) -> float:
    """How much speaks for the place where a region was, on the scale of a candidate elsewhere."""
    around = context(old.lines, region, left.lines, left.placement.region)
    return score(left.shares, around, is_home=True)


def is_sound(left: Standing, region: Region, old: SourceFile) -> bool:
    """True when a line that tells something, or every second line, stands where it was in the same file."""
    equal = left.placement.equal
    count = region.end_line - region.start_line + 1
    return left.is_same_file and (2 * len(equal) >= count or any(is_informative(old.lines[line - 1]) for line in equal))
