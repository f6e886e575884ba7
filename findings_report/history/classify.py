"""What is known of a region -> its drift: a table of rules, of which the first that holds decides.

Below the rules: the places of the other commit to which a text may have moved, and how sure that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from findings_report.evidence.source_files import SourceFile, lines_of
from findings_report.history.line_map import Placement, Thresholds, measure_shares
from findings_report.history.moved_text import (
    Counterpart,
    LineMatch,
    Search,
    region_at,
    says_enough,
    says_something,
    select_telling,
)
from findings_report.history.survival import (
    Occurrence,
    Survival,
    diff_deleted,
    diff_region,
    is_sound,
    map_quoted_lines,
    score_place,
    survive_verbatim,
)
from findings_report.model.drift import Drift, DriftKind, Method, Spot
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import align_lines, is_informative, is_reformatted, squeeze
from findings_report.sourcecode.symbols import find_enclosing

# A report lists places for a person to look at; a longer list is not read, and generated code has hundreds of copies.
_MOST_SPOTS: Final = 5


class CitedRegion(NamedTuple):
    """A region to be followed."""

    path: str
    """POSIX, from the repository's root."""
    region: Region
    """Its lines at the commit cited."""
    quoted: tuple[int, ...] = ()
    """Those of the lines that were quoted, graded apart."""


@dataclass(frozen=True)
class RegionFacts:
    """One region, and all that is known of it."""

    cited: CitedRegion
    """The region."""
    old: SourceFile
    """Its file at the commit cited."""
    left: Survival | None
    """What is left of the region in the files that its own became; None when nothing is."""
    home: Counterpart | None
    """The likeliest of those files; None when there is none."""
    search: Search
    """Where the region's lines are in the whole of both commits."""
    thresholds: Thresholds
    """What counts as the same text."""

    @property
    def region(self) -> Region:
        """The cited lines."""
        return self.cited.region

    @property
    def block(self) -> Sequence[str]:
        """The text of the region."""
        return lines_of(self.old.lines, self.region)

    @cached_property
    def copies(self) -> list[LineMatch]:
        """Where the whole text is at the other commit, in one piece."""
        return self.search.blocks(self.block, self.search.after)

    @cached_property
    def new(self) -> list[LineMatch]:
        """Those of the copies that may be where the text went: they were not there before."""
        return select_new(self.search, self.block, self.copies, self.region, self.cited.path, self.home)

    @cached_property
    def candidates(self) -> list[Survival]:
        """Places of text like the region's that came since, the likeliest first."""
        return find_similar(self.search, self.old, self.region, self.home)


def classify(facts: RegionFacts) -> Drift:
    """Return the drift of one region: the answer of the first rule that has one."""
    # `_report_deleted`, the last rule, always has an answer. `candidates`, the expensive part of `facts`, is computed only if
    # a rule asks for it.
    return next(drift for rule in _RULES if (drift := rule(facts)) is not None)


def _find_kept(facts: RegionFacts) -> Drift | None:
    """At least half of the informative lines are unchanged in the file: the text stayed, whatever is found elsewhere."""
    left = facts.left
    if left is None or not (left.mapping.is_whole or left.shares.equal >= facts.thresholds.kept):
        return None
    return _report(facts, left, part=_find_lost_part(facts, left))


def _find_moved_verbatim(facts: RegionFacts) -> Drift | None:
    """The whole text is at one new place."""
    at_home = [match for match in facts.new if facts.home is not None and match.path == facts.home.file.path]
    # In the file itself one informative line is enough: a text that moved within its file is common, an equal one that
    # appeared there by chance is not. Elsewhere short texts are equal by chance.
    if len(at_home) == 1 and any(map(is_informative, facts.block)):
        match = at_home[0]
    elif len(facts.new) == 1 and (says_enough(facts.block) or _is_of_new_file(facts, facts.new[0])):
        match = facts.new[0]
    else:
        return None
    return _report(facts, survive_verbatim(match, facts.search.lines(match.path, facts.search.after), facts.region, facts.home))


def _is_of_new_file(facts: RegionFacts, match: LineMatch) -> bool:
    """True when a text of a few lines, unique before, is in a file that is new: little text is enough then."""
    is_new = match.path not in facts.search.before.blobs
    return is_new and says_something(facts.block) and len(facts.search.blocks(facts.block, facts.search.before)) == 1


def _find_edited(facts: RegionFacts) -> Drift | None:
    """Enough is left in the file for it to be the same text, edited."""
    left, t = facts.left, facts.thresholds
    if left is None:
        return None
    # The neighbours on both sides pin the place, so less of the text has to be left. A file that is only similar is no such
    # pin: the lines may always have been its own.
    is_between = left.is_held and left.likeness >= t.alike_between
    is_accepted = left.likeness >= t.alike or (left.occurrence.is_same_file and (left.shares.all >= t.kept or is_between))
    return _report(facts, left, part=_find_lost_part(facts, left)) if is_accepted else None


def _find_several_places(facts: RegionFacts) -> Drift | None:
    """The whole text is at several new places, and was at none of them before."""
    # Choosing one of equal texts would be a guess, and a wrong location costs a reader more than two to choose from.
    if len(facts.new) < 2 or not says_enough(facts.block):
        return None
    return _report_ambiguous(facts, _spots(facts, facts.new), "the text came to several places")


def _find_moved_and_edited(facts: RegionFacts) -> Drift | None:
    """Text elsewhere has enough of the region, and clearly more than the place where the region was."""
    left, t = facts.left, facts.thresholds
    best = next(iter(facts.candidates), None)
    # The remains in place are the first guess; a place elsewhere has to lead by the same margin that separates two
    # candidates.
    needed = t.moved_and_edited if left is None else max(t.moved_and_edited, left.score + t.margin)
    if best is None or best.score < needed or not says_enough(facts.old.lines[line - 1] for line in best.mapping.equal):
        return None
    # `best` is among its own rivals.
    rivals = [other for other in facts.candidates if other.score > best.score - t.margin]
    if len(rivals) > 1:
        spots = tuple(rival.spot for rival in rivals[:_MOST_SPOTS])
        return _report_ambiguous(facts, spots, "several places are about as likely")
    return _report(facts, best, part=left.spot if left is not None and left.shares.equal >= t.part else None)


def _find_split(facts: RegionFacts) -> Drift | None:
    """One part of the text stayed and the rest of it went to one other place."""
    left, best, t = facts.left, next(iter(facts.candidates), None), facts.thresholds
    if left is None or best is None or not says_enough(facts.block):
        return None
    # `sorted` is stable, so the order of the pair decides a tie.
    # Of equal parts the one that stayed is the region.
    smaller, larger = sorted((best, left), key=lambda part: part.shares.equal)
    if smaller.shares.equal < t.part or smaller.shares.equal + larger.shares.equal < t.both_parts:
        return None
    return _report(facts, larger, part=smaller.spot)


def _find_remains(facts: RegionFacts) -> Drift | None:
    """An informative line, or every second line, is left where it was in the same file."""
    return _report(facts, facts.left) if facts.left is not None and is_sound(facts.left, facts.region, facts.old) else None


def _report_deleted(facts: RegionFacts) -> Drift:
    """Nothing else holds; the closest text is shown when it is worth it."""
    spots = [part.spot for part in (next(iter(facts.candidates), None), facts.left) if part is not None]
    closest = max(spots, key=lambda spot: spot.similarity, default=None)
    is_shown = closest is not None and closest.similarity >= facts.thresholds.worth_showing
    # What another file has at these lines did not replace them, also when that file took over most of the text.
    versions = facts.home.versions if facts.home is not None and facts.home.file.path == facts.cited.path else None
    return Drift(
        path=facts.cited.path,
        region=facts.region,
        kind=DriftKind.DELETED,
        quoted=_lose_quoted(facts),
        also_at=_list_copies(facts, facts.copies),
        closest=closest if is_shown else None,
        diff=diff_deleted(facts.region, versions, facts.old.lines),
    )


_RULES: Final[tuple[Callable[[RegionFacts], Drift | None], ...]] = (
    _find_kept,
    _find_moved_verbatim,
    _find_edited,
    _find_several_places,
    _find_moved_and_edited,
    _find_split,
    _find_remains,
    _report_deleted,
)
"""Evidence that needs less interpretation comes first: equal text, then edited text in its file, then edited text elsewhere."""


def _find_lost_part(facts: RegionFacts, left: Survival) -> Spot | None:
    """Return where the longest run of lines that left a region is now; None when it is too little text to be sure."""
    if left.mapping.is_whole:
        return None
    lost: list[int] = []
    run: list[int] = []
    # The range goes one line past the end so that the last run is closed as well.
    for number in range(facts.region.start_line, facts.region.end_line + 2):
        if number in facts.region and number not in left.mapping.equal and number not in left.mapping.similar:
            run.append(number)
        else:
            lost, run = max(lost, run, key=len), []
    if not lost:
        return None
    region = Region(start_line=lost[0], end_line=lost[-1])
    block = lines_of(facts.old.lines, region)
    if not says_enough(block):
        return None
    places = facts.search.blocks(block, facts.search.after)
    new = [
        place
        for place in select_new(facts.search, block, places, region, facts.cited.path, facts.home)
        if place.path != left.occurrence.path or place.line not in left.mapping.region
    ]
    return Spot(path=new[0].path, region=region_at(new[0], len(block))) if len(new) == 1 else None


def _report(facts: RegionFacts, left: Survival, *, part: Spot | None = None) -> Drift:
    """Return the drift of a region that is found at the place of `left`; `part` is where a smaller part of it went."""
    kind = _kind_of(facts, left)
    there = left.occurrence
    # A copy that survives matters to a reviewer of a fix: the weakness may be repaired in one of the two only.
    others = [match for match in facts.copies if match != (there.path, there.region.start_line)]
    return Drift(
        path=facts.cited.path,
        region=facts.region,
        kind=kind,
        now=left.spot,
        method=there.method,
        rename=there.rename,
        surviving=round(left.shares.equal, 3),
        quoted=map_quoted_lines(facts.cited.quoted, facts.old, left.lines, left.mapping),
        also_at=_list_copies(facts, others),
        partly_moved=part,
        surroundings_changed=kind.is_equal and _is_body_changed(facts, left),
        diff=() if kind.is_equal else diff_region(facts.region, facts.old.lines, left.lines, left.mapping),
    )


def _kind_of(facts: RegionFacts, left: Survival) -> DriftKind:
    # Compared verbatim: the search ignores white space, but "unchanged" is a statement about the bytes that a reader sees.
    now = lines_of(left.lines, left.mapping.region)
    if list(facts.block) != list(now):
        return DriftKind.REFORMATTED if is_reformatted(facts.block, now, facts.old.language) else DriftKind.MODIFIED
    if left.occurrence.path == facts.cited.path:
        return DriftKind.UNCHANGED if left.mapping.region == facts.region else DriftKind.MOVED
    return DriftKind.RENAMED if left.occurrence.rename else DriftKind.MOVED_FILE


def _is_body_changed(facts: RegionFacts, left: Survival) -> bool:
    """True when the body of the symbol that encloses the region was changed, though the region was not."""
    # The same blob has the same bodies, and neither file has to be parsed for symbols.
    if left.occurrence.method is Method.BLOB:
        return False
    symbol = find_enclosing(facts.old.symbols, facts.region)
    if symbol is None or symbol.region == facts.region:
        return False
    new = facts.search.after.file(left.occurrence.path)
    now = find_enclosing(new.symbols, left.mapping.region) if new is not None else None
    if now is None:
        return False
    # Fixes often add a check above the cited lines and leave these unchanged, which "unchanged" alone would hide.
    bodies = lines_of(facts.old.lines, symbol.region), lines_of(left.lines, now.region)
    return [squeeze(line) for line in bodies[0]] != [squeeze(line) for line in bodies[1]]


def _report_ambiguous(facts: RegionFacts, candidates: tuple[Spot, ...], reason: str) -> Drift:
    kind = DriftKind.AMBIGUOUS
    return Drift(
        path=facts.cited.path, region=facts.region, kind=kind, quoted=_lose_quoted(facts), candidates=candidates, reason=reason
    )


def _lose_quoted(facts: RegionFacts) -> tuple[tuple[int, None], ...]:
    return tuple((line, None) for line in sorted(set(facts.cited.quoted)))


def _list_copies(facts: RegionFacts, copies: Sequence[LineMatch]) -> tuple[Spot, ...]:
    """Return the copies of a region, which are all equal texts but the region itself: new ones first."""
    # A short text has copies everywhere.
    if not copies or not says_enough(facts.block):
        return ()
    # A copy in a file that was renamed since is at a new path and no new copy, so the number of copies decides with the place.
    own = (facts.cited.path, facts.region.start_line)
    before = [place for place in facts.search.blocks(facts.block, facts.search.before) if place != own]
    new = set([copy for copy in copies if copy in facts.new][: max(0, len(copies) - len(before))])
    ranked = sorted(copies, key=lambda copy: copy not in new)
    spots = _spots(facts, ranked)
    return tuple(spot.model_copy(update={"is_new": copy in new}) for spot, copy in zip(spots, ranked, strict=False))


def _spots(facts: RegionFacts, matches: Sequence[LineMatch]) -> tuple[Spot, ...]:
    return tuple(Spot(path=match.path, region=region_at(match, len(facts.block))) for match in matches[:_MOST_SPOTS])


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
