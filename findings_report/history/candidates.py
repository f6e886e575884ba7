"""A text that did not stay where it was: the places of the other commit that may be it, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from findings_report.evidence.source_files import SourceFile
from findings_report.history.line_map import Placement, Shares, shares
from findings_report.history.renames import Counterpart
from findings_report.history.text_search import Place, Search, telling
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import align_lines
from findings_report.sourcecode.lines import is_informative, squeeze

PROBES = 12
"""Lines of a text that are looked for when it did not stay whole."""

_WINDOWS = 6
_MOST_VOTED = 50
_CONTEXT = 3  # informative lines on either side that speak for a place
_WIDEST = 400  # lines of a text that is looked for when it was edited as well


@dataclass(frozen=True)
class Candidate:
    """A place that a text may have come to."""

    path: str
    """POSIX, from the repository's root."""
    placement: Placement
    """The lines there."""
    shares: Shares
    """How much of the text is there."""
    score: float
    """0 to 1: how much speaks for it."""


def newly_at(
    search: Search, block: Sequence[str], places: Sequence[Place], region: Region, home: Counterpart | None
) -> list[Place]:
    """Those of `places`, where `block`, the text of `region`, stands at the other commit, that may be where it went.

    In `home`, the file that its own became, those whose lines are no other lines of the file; elsewhere those in files that
    held it less often before.
    """
    before = Counter(place.path for place in search.blocks(block, search.before))
    informative = [index for index, line in enumerate(block) if is_informative(line)]
    found = []
    for place in places:
        if home is not None and place.path == home.file.path:
            free = sum(_is_free(home, region, place.line + index) for index in informative)
            if 2 * free >= len(informative):
                found.append(place)
        elif before[place.path] > 0:
            before[place.path] -= 1
        else:
            found.append(place)
    return found


def _is_free(home: Counterpart, region: Region, line: int) -> bool:
    """True when a line of the other version came since, or was one of the region."""
    then = home.versions.then(line)
    return then is None or then in region


def similar(search: Search, old: SourceFile, region: Region, home: Counterpart | None) -> list[Candidate]:
    """Places of text like the region's that came since, the likeliest first."""
    block = old.lines[region.start_line - 1 : region.end_line]
    if len(block) > _WIDEST:
        return []
    weights: dict[Place, float] = {}
    for index in telling(block, PROBES):
        new = _new_places(search, block[index].strip(), region, home)
        for place in new[:_MOST_VOTED]:
            start = Place(place.path, place.line - index)
            weights[start] = weights.get(start, 0.0) + 1 / len(new)
    windows: list[Place] = []
    for start in sorted(weights, key=lambda start: (-weights[start], start)):
        if all(start.path != other.path or abs(start.line - other.line) > len(block) for other in windows):
            windows.append(start)
        if len(windows) == _WINDOWS:
            break
    found = [found for start in windows if (found := _candidate(search, old, region, start, home)) is not None]
    return sorted(found, key=lambda each: (-each.score, each.path, each.placement.region.start_line))


def _new_places(search: Search, text: str, region: Region, home: Counterpart | None) -> list[Place]:
    """Where a line of a region stands now and may have come from it."""
    before = Counter(place.path for place in search.places(text, search.before))
    places = search.places(text, search.after)
    now = Counter(place.path for place in places)
    return [
        place
        for place in places
        if (
            _is_free(home, region, place.line)
            if home is not None and place.path == home.file.path
            else now[place.path] > before[place.path]
        )
    ]


def _candidate(search: Search, old: SourceFile, region: Region, start: Place, home: Counterpart | None) -> Candidate | None:
    lines = search.lines(start.path, search.after)
    count = region.end_line - region.start_line + 1
    first = max(start.line - count - 2, 1)
    last = min(start.line + 2 * count + 2, len(lines))
    block = [squeeze(line) for line in old.lines[region.start_line - 1 : region.end_line]]
    window = [squeeze(line) for line in lines[first - 1 : last]]
    is_home = home is not None and start.path == home.file.path
    pairs = [(region.start_line + a, first + b) for a, b in align_lines(block, window)]
    if home is not None and is_home:
        pairs = [pair for pair in pairs if _is_free(home, region, pair[1])]
    if not pairs:
        return None
    equal = {a: b for a, b in pairs if squeeze(old.lines[a - 1]) == squeeze(lines[b - 1])}
    near = {a: b for a, b in pairs if a not in equal}
    strong = [b for a, b in pairs if is_informative(old.lines[a - 1])]
    if not strong:
        return None
    bounds = _bounds(pairs, region, strong)
    placement = Placement(bounds, equal, near, is_whole=False)
    left = shares(old.lines, lines, region, placement)
    around = context(old.lines, region, lines, bounds)
    return Candidate(start.path, placement, left, score(left, around, is_home=is_home))


def _bounds(pairs: Sequence[tuple[int, int]], region: Region, strong: Sequence[int]) -> Region:
    """From the first to the last partner; a brace far from the rest is none."""
    length = region.end_line - region.start_line + 1
    low, high = min(strong), max(strong)
    partners = [new for _, new in pairs if low - length <= new <= high + length]
    return Region(start_line=partners[0], end_line=partners[-1])


def score(left: Shares, around: float, *, is_home: bool) -> float:
    """0 to 1: by the text that is left, the share of the lines around it that are there as well, and the file."""
    return 0.8 * left.all + 0.15 * around + 0.05 * is_home


def context(old: Sequence[str], region: Region, new: Sequence[str], found: Region) -> float:
    """Share of the informative lines next to a region that stand near the place found as well."""
    around = [*old[max(region.start_line - 9, 0) : region.start_line - 1][::-1]], [*old[region.end_line : region.end_line + 8]]
    wanted = [squeeze(line) for side in around for line in [line for line in side if is_informative(line)][:_CONTEXT]]
    if not wanted:
        return 0.0
    near = {
        squeeze(line)
        for line in (*new[max(found.start_line - 13, 0) : found.start_line - 1], *new[found.end_line : found.end_line + 12])
    }
    return sum(line in near for line in wanted) / len(wanted)
