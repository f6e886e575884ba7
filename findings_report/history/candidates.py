"""A text that did not stay where it was: the places of the other commit that may be it, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from findings_report.evidence.source_files import SourceFile
from findings_report.history.line_map import Placement, measure_shares
from findings_report.history.renames import Counterpart
from findings_report.history.survival import Occurrence, Survival, score_place
from findings_report.history.text_search import LineMatch, Search, select_telling
from findings_report.model.drift import Method
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import align_lines
from findings_report.sourcecode.lines import is_informative, squeeze

PROBES = 12
"""Lines of a text that are looked for when it did not stay whole."""

# Each window costs an alignment of the whole text with up to three times as many lines.
_WINDOWS = 6
# A line at more new places than this, as `return None` is, would vote for all of them and decide nothing.
_MOST_VOTED = 50
_PROSE = (".adoc", ".markdown", ".md", ".rst", ".txt")
_WIDEST = 400  # lines of a text that is looked for when it was edited as well


def select_new(
    search: Search, block: Sequence[str], places: Sequence[LineMatch], region: Region, path: str, home: Counterpart | None
) -> list[LineMatch]:
    """Return those of `places`, where `block` is at the other commit, to which it may have moved from `region` of `path`.

    In `home`, the file that its own became, those whose lines are no other lines of the file; elsewhere those in files that
    held it less often before.
    """
    # A text that was in a file as often before did not go there: it is a copy, which `also_at` lists. Without this
    # comparison, short texts are found in every file that repeats them.
    before = Counter(place.path for place in search.blocks(block, search.before))
    informative = [index for index, line in enumerate(block) if is_informative(line)]
    new = []
    for place in _in_code(places, path):
        if home is not None and place.path == home.file.path:
            free = sum(_is_free(home, region, place.line + index) for index in informative)
            # Half, because a diff may pair some of the lines with equal ones that other code had before.
            if 2 * free >= len(informative):
                new.append(place)
        elif before[place.path] > 0:
            before[place.path] -= 1
        else:
            new.append(place)
    return new


def _in_code(places: Iterable[LineMatch], path: str) -> Iterator[LineMatch]:
    """Yield the places that text of the file `path` may have moved to: code does not become documentation."""
    # An example that was deleted is still in the README, often in one that was split up or renamed: its text is new there.
    is_prose = path.lower().endswith(_PROSE)
    return (place for place in places if is_prose or not place.path.lower().endswith(_PROSE))


def _is_free(home: Counterpart, region: Region, line: int) -> bool:
    """True when a line of the other version came since, or was one of the region."""
    then = home.versions.then(line)
    return then is None or then in region


def find_similar(search: Search, old: SourceFile, region: Region, home: Counterpart | None) -> list[Survival]:
    """Return places of text like the region's that came since, the likeliest first."""
    block = old.lines[region.start_line - 1 : region.end_line]
    # Such a region is most of a file; a file that was renamed is found by its name, not by its lines.
    if len(block) > _WIDEST:
        return []
    weights: dict[LineMatch, float] = {}
    # Each probe votes for the place where the block would start; a probe that is at many places has little to say at each of
    # them.
    for index in select_telling(block, PROBES):
        new = [*_in_code(_new_places(search, block[index].strip(), region, home), old.path)]
        for place in new[:_MOST_VOTED]:
            start = LineMatch(place.path, place.line - index)
            weights[start] = weights.get(start, 0.0) + 1 / len(new)
    windows: list[LineMatch] = []
    # Neighbouring starts are one place with lines added or removed in it; one window covers all of them.
    for start in sorted(weights, key=lambda start: (-weights[start], start)):
        if all(start.path != other.path or abs(start.line - other.line) > len(block) for other in windows):
            windows.append(start)
        if len(windows) == _WINDOWS:
            break
    candidates = [left for start in windows if (left := _candidate(search, old, region, start, home)) is not None]
    return sorted(candidates, key=lambda left: (-left.score, left.occurrence.path, left.occurrence.region.start_line))


def _new_places(search: Search, text: str, region: Region, home: Counterpart | None) -> list[LineMatch]:
    """Return where a line of a region is now and may have come from it."""
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


def _candidate(search: Search, old: SourceFile, region: Region, start: LineMatch, home: Counterpart | None) -> Survival | None:
    lines = search.lines(start.path, search.after)
    count = region.end_line - region.start_line + 1
    # Room for the block to have doubled in length, and for its first lines to be further up than the probe says.
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
    # Braces and blank lines align with any code. They count towards a place only beside lines that identify it.
    strong = [b for a, b in pairs if is_informative(old.lines[a - 1])]
    if not strong:
        return None
    bounds = _bounds(pairs, region, strong)
    mapping = Placement(bounds, equal, near, is_whole=False)
    left = measure_shares(old.lines, lines, region, mapping)
    score = score_place(left, old.lines, region, lines, bounds, is_home=is_home)
    occurrence = Occurrence(start.path, bounds, Method.SIMILAR)
    return Survival(occurrence, lines, mapping, left, likeness=left.all, is_held=False, score=score)


def _bounds(pairs: Sequence[tuple[int, int]], region: Region, strong: Sequence[int]) -> Region:
    """Return the lines from the first to the last partner, without a brace far from the rest."""
    length = region.end_line - region.start_line + 1
    low, high = min(strong), max(strong)
    partners = [new for _, new in pairs if low - length <= new <= high + length]
    return Region(start_line=partners[0], end_line=partners[-1])
