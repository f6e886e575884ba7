"""A file and what it became: where its lines are now, through the hunks of a diff, and inside them by likeness.

Pure: lines and hunks in, line numbers out. It knows neither git nor what a finding is. Line numbers are 1-based.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from findings_report.git.history import Hunk
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import LONGEST_LINE, align_lines, compare_lines, compare_texts, is_informative, squeeze


@dataclass(frozen=True)
class Thresholds:
    """The numbers that decide what counts as the same text at another commit: shares and likenesses, all from 0 to 1.

    One value, passed to `track`, so that `benchmarks/tracking.py` can sweep it. The defaults were chosen on the trusted regions
    of an oracle of seven projects (C, Python, Rust, Go); a place that is wrong costs more than one that is not found.
    """

    # docs/performance.md says how many regions these values place right; change them only with a run of the benchmark.
    kept: float = 0.5
    """Share of the informative lines that makes what is left of a text the text."""
    alike: float = 0.8
    """Likeness that makes two texts versions of one another, wherever they are."""
    # Less than elsewhere: between unchanged neighbours only the text is in doubt, not the place.
    alike_between: float = 0.62
    """Likeness that suffices where the lines on both sides are still the neighbours."""
    replaced: float = 0.75
    """Likeness that makes what came in place of a whole text a version of it."""
    # Anywhere in a repository something is somewhat like any text, so this is stricter than for text that stayed.
    moved_and_edited: float = 0.65
    """Score from which text elsewhere is the same text, edited."""
    margin: float = 0.06
    """Lead in score that the best place needs over the next; with less the answer is `ambiguous`."""
    part: float = 0.25
    """Share of a text that is a part of it."""
    both_parts: float = 0.7
    """Share of a text that its two parts make up together."""
    worth_showing: float = 0.4
    """Likeness from which the closest text is shown for a text that was deleted."""
    # A file that was renamed while a new one took its name has few of its lines under that name.
    same_file: float = 0.5
    """Share of a file's informative lines below which another file may have taken its name."""


DEFAULT: Final = Thresholds()
"""What every command uses."""


# Only lines that close a block slide: a diff is free to pair any of several equal braces.
_CLOSING = re.compile(r"\s*(?:[)}\]]|end\b)")


@dataclass(frozen=True)
class Versions:
    """A file and what it became."""

    old: Sequence[str]
    """Its lines."""
    new: Sequence[str]
    """The lines it became."""
    hunks: Sequence[Hunk]
    """What differs, rising."""

    def now(self, line: int) -> int | None:
        """Return the number that an old line has now; None for one inside a hunk."""
        hunk = self.hunk_at_or_before(line)
        if hunk is None:
            return line
        return None if line < hunk.old_stop else line - hunk.old_stop + hunk.new_stop

    def then(self, line: int) -> int | None:
        """Return the number that a new line had; None for one that came."""
        index = bisect_right(self._new_starts, line)
        if index == 0:
            return line
        hunk = self.hunks[index - 1]
        return None if line < hunk.new_stop else line - hunk.new_stop + hunk.old_stop

    def hunk_at_or_before(self, line: int) -> Hunk | None:
        """Return the last hunk that starts no later than `line`."""
        index = bisect_right(self._starts, line)
        return self.hunks[index - 1] if index else None

    def within(self, region: Region) -> Sequence[Hunk]:
        """Return the hunks that take a line of `region` away or put lines between two of it."""
        last = bisect_right(self._starts, region.end_line)
        first = bisect_right(self._starts, region.start_line)
        while first and self.hunks[first - 1].old_stop > region.start_line:
            first -= 1
        return self.hunks[first:last]

    @cached_property
    def kept(self) -> float:
        """Share of the informative old lines that are outside every hunk, 0 to 1; 1 when there is no such line."""
        informative = [number for number, text in enumerate(self.old, 1) if is_informative(text)]
        return sum(self.now(number) is not None for number in informative) / len(informative) if informative else 1.0

    def align_in(self, hunk: Hunk) -> Mapping[int, int]:
        """Old line -> new line of those in `hunk` that are versions of one another; rising."""
        # Several regions of one file meet the same hunk; aligning it again would be the most expensive step of tracking.
        if hunk not in self._aligned:
            old = [squeeze(text)[:LONGEST_LINE] for text in self.old[hunk.old_start - 1 : hunk.old_stop - 1]]
            new = [squeeze(text)[:LONGEST_LINE] for text in self.new[hunk.new_start - 1 : hunk.new_stop - 1]]
            self._aligned[hunk] = {hunk.old_start + a: hunk.new_start + b for a, b in align_lines(old, new)}
        return self._aligned[hunk]

    @cached_property
    def _aligned(self) -> dict[Hunk, dict[int, int]]:
        return {}

    @cached_property
    def _starts(self) -> list[int]:
        return [hunk.old_start for hunk in self.hunks]

    @cached_property
    def _new_starts(self) -> list[int]:
        return [hunk.new_start for hunk in self.hunks]


@dataclass(frozen=True)
class Placement:
    """Where a region of the old lines is among the new ones."""

    region: Region
    """The new lines, first to last."""
    equal: Mapping[int, int]
    """Old line -> new line, of those that are unchanged; rising."""
    similar: Mapping[int, int]
    """The same of those that were edited."""
    is_whole: bool
    """True when every line is unchanged, in one piece."""


def follow(versions: Versions, region: Region, thresholds: Thresholds = DEFAULT) -> Placement | None:
    """Return `region` among the new lines; None when nothing is left of it and nothing like it came in its place."""
    numbers = range(region.start_line, region.end_line + 1)
    equal = {number: now for number in numbers if (now := versions.now(number)) is not None}
    if len(equal) == len(numbers) and equal[region.end_line] - equal[region.start_line] == len(numbers) - 1:
        return Placement(_region(equal[region.start_line], equal[region.end_line]), equal, {}, is_whole=True)
    similar: dict[int, int] = {}
    # Before the lines are aligned one by one: a rewritten function has few lines in common with its old text, yet as a whole
    # it is alike and sits at the same place.
    replaced = _follow_replaced(versions, region, thresholds)
    if replaced is not None:
        return replaced
    for hunk in versions.within(region):
        aligned = versions.align_in(hunk)
        similar |= {old: new for old, new in aligned.items() if old in region}
    _slide_in(versions, equal, similar)
    if len(equal) == len(numbers) and equal[region.end_line] - equal[region.start_line] == len(numbers) - 1:
        return Placement(_region(equal[region.start_line], equal[region.end_line]), equal, {}, is_whole=True)
    _draw_in(versions, equal, similar)
    start = _bound(versions, region, equal, similar, step=-1)
    end = _bound(versions, region, equal, similar, step=1)
    if start is None or end is None or end < start:
        return None
    return Placement(_region(start, end), equal, similar, is_whole=False)


def _follow_replaced(versions: Versions, region: Region, thresholds: Thresholds) -> Placement | None:
    """Return all that came for a region that went as one hunk, when it is like it as a whole."""
    hunk = versions.hunk_at_or_before(region.start_line)
    if hunk is None or (hunk.old_start, hunk.old_stop) != (region.start_line, region.end_line + 1) or hunk.new_count == 0:
        return None
    came = versions.new[hunk.new_start - 1 : hunk.new_stop - 1]
    if compare_texts(versions.old[hunk.old_start - 1 : hunk.old_stop - 1], came) < thresholds.replaced:
        return None
    return Placement(_region(hunk.new_start, hunk.new_stop - 1), {}, versions.align_in(hunk), is_whole=False)


def _slide_in(versions: Versions, equal: dict[int, int], similar: Mapping[int, int]) -> None:
    """Bring the two ends of a region together where new lines between them may as well be in front of it or behind it.

    Lines that came between two equal ones slide: git reports one of several places that are equally good, and cannot know
    that a place outside of the region keeps it in one piece.
    """
    pairs = sorted({**equal, **similar}.items())
    cuts = [index for index in range(1, len(pairs)) if _offset(pairs[index]) != _offset(pairs[index - 1])]
    if not cuts:
        return
    head, tail = pairs[: cuts[0]], pairs[cuts[-1] :]
    # The shorter end first: where both may slide, the longer one is the place of the region.
    for run, offset in sorted(
        ((tail, _offset(pairs[cuts[-1] - 1])), (head, _offset(pairs[cuts[0]]))), key=lambda end: len(end[0])
    ):
        moved = {old: old + offset for old, _ in run}
        is_nearer = all(old in equal for old in moved) and (offset > _offset(run[0])) == (run is head)
        if is_nearer and all(_is_equal(versions, old, new) for old, new in moved.items()):
            equal |= moved
            return


def _offset(pair: tuple[int, int]) -> int:
    return pair[1] - pair[0]


def _is_equal(versions: Versions, old: int, new: int) -> bool:
    return 1 <= new <= len(versions.new) and versions.old[old - 1].rstrip() == versions.new[new - 1].rstrip()


def _draw_in(versions: Versions, equal: dict[int, int], similar: Mapping[int, int]) -> None:
    """Bring the lines that close a region nearer to the rest where the same text is there as well.

    A diff may take the brace that ends a function that came after this one for its own. The nearest is meant.
    """
    # The tail that is cut off is the last run of lines that keep their distance to one another.
    pairs = sorted({**equal, **similar}.items())
    cut = len(pairs) - 1
    while cut > 0 and pairs[cut][0] - pairs[cut - 1][0] == pairs[cut][1] - pairs[cut - 1][1]:
        cut -= 1
    tail = [old for old, _ in pairs[cut:]] if cut > 0 else []
    if not tail or any(old not in equal for old in tail) or not _CLOSING.match(versions.old[tail[-1] - 1]):
        return
    # Blank lines before the brace are equal everywhere and would only move the place that is searched for.
    while not versions.old[tail[0] - 1].strip():
        tail.pop(0)
    offset = _nearest(versions, tail, range(pairs[cut - 1][1] + 1, equal[tail[0]]))
    if offset is not None:
        for old, _ in pairs[cut:]:
            del equal[old]
        equal |= {old: old + offset for old in tail}


def _nearest(versions: Versions, lines: Sequence[int], places: range) -> int | None:
    """Return the offset of old `lines` to equal new lines, the first of them one of `places`; None without one."""
    wanted = [versions.old[line - 1].rstrip() for line in lines]
    for place in places:
        offset = place - lines[0]
        if wanted == [text.rstrip() for text in versions.new[place - 1 : lines[-1] + offset]]:
            return offset
    return None


def _bound(
    versions: Versions, region: Region, equal: Mapping[int, int], similar: Mapping[int, int], *, step: int
) -> int | None:
    """Return the new first line (`step` -1) or last one (1) of a region; None when nothing is left of it.

    Where that line is gone, what came in place of the lines that went between it and the nearest that is left.
    """
    edge = region.start_line if step < 0 else region.end_line
    if edge in equal:
        return equal[edge]
    hunk = versions.hunk_at_or_before(edge)
    assert hunk is not None  # noqa: S101  # a line that is not equal is inside one
    pairs = {**equal, **similar}
    # Lines that came at the edge belong to the region as far as they replace lines that it lost there; more than that is new
    # code next to it. One line of tolerance, since a changed line is often split in two.
    nearest = (min if step < 0 else max)(pairs, default=None)
    survivor = pairs[nearest] if nearest is not None else None
    if hunk.new_count == 0:
        return survivor
    first, last, outer = hunk.old_start, hunk.old_stop - 1, hunk.new_start
    if step > 0:
        first, last, outer = last, first, hunk.new_stop - 1
    is_at_edge = first == edge
    # A hunk of equal length replaces line by line, so its outer end is the edge.
    if is_at_edge and last in region and hunk.new_count == hunk.old_count:
        return outer
    if edge in similar:
        return similar[edge]
    if nearest is None or survivor is None:
        return outer if is_at_edge else None
    lost, came = (edge - nearest) * step, (outer - survivor) * step
    return outer if is_at_edge and came <= lost + 1 else survivor


class Shares(NamedTuple):
    """How much of a region is left, 0 to 1, by its informative lines; by all of them when it has none."""

    equal: float
    """Of lines that are unchanged."""
    all: float
    """The same, and what edited lines have in common with what they became."""


def measure_shares(old: Sequence[str], new: Sequence[str], region: Region, placement: Placement) -> Shares:
    """Return how much of `region` is left in `placement`; `old` and `new` are the lines of the files."""
    numbers = range(region.start_line, region.end_line + 1)
    # Braces and blank lines survive nearly every edit; counted, they would make a rewritten function look half unchanged.
    counted = [number for number in numbers if is_informative(old[number - 1])] or list(numbers)
    equal = sum(number in placement.equal for number in counted)
    near = sum(
        compare_lines(old[number - 1], new[placement.similar[number] - 1]) / 100
        for number in counted
        if number in placement.similar
    )
    return Shares(equal / len(counted), (equal + near) / len(counted))


def _region(start: int, end: int) -> Region:
    return Region(start_line=start, end_line=end)
