"""From what was found of a region to the one answer about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from findings_report.evidence.source_files import SourceFile, in_region
from findings_report.history.candidates import Candidate, newly_at, similar
from findings_report.history.region_diff import diff_of, gone, quoted_lines
from findings_report.history.renames import Counterpart
from findings_report.history.survival import Standing, is_sound, score_of, similar_at, verbatim_at
from findings_report.history.text_search import Place, Search, region_at, says_enough, says_something
from findings_report.model.drift import Drift, DriftKind, Means, Spot
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import is_informative, squeeze
from findings_report.sourcecode.symbols import enclosing
from findings_report.sourcecode.whitespace import is_reformatted

_MOVED_AND_EDITED: Final = 0.65  # score from which text elsewhere is the same text, edited
_MARGIN: Final = 0.06  # lead that the best place needs over the next
_WORTH_SHOWING: Final = 0.4  # likeness from which the closest text of what is gone is told
_PART: Final = 0.25  # share of a text that is a part of it
_BOTH_PARTS: Final = 0.7  # share of a text that its two parts make up together
_MOST_SPOTS: Final = 5


class Cited(NamedTuple):
    """A region to be followed."""

    path: str
    """POSIX, from the repository's root."""
    region: Region
    """Its lines at the commit cited."""
    quoted: tuple[int, ...] = ()
    """Those of them that were quoted, graded apart."""


@dataclass(frozen=True)
class Case:
    """One region, and all that is known of it."""

    cited: Cited
    """It."""
    old: SourceFile
    """Its file at the commit cited."""
    left: Standing | None
    """What is left of it in the files that its own became; None when nothing is."""
    home: Counterpart | None
    """The likeliest of those files; None when there is none."""
    search: Search
    """Where its lines stand in the whole of both commits."""

    @property
    def region(self) -> Region:
        """Its lines."""
        return self.cited.region

    @property
    def block(self) -> Sequence[str]:
        """Its text."""
        return in_region(self.old.lines, self.region)


def judge(case: Case) -> Drift:
    """The drift of one region."""
    places = case.search.blocks(case.block, case.search.after)
    left = case.left
    if left is not None and left.is_kept:
        return _stayed(case, left, places)
    new = newly_at(case.search, case.block, places, case.region, case.home)
    moved = _moved_to(case, new)
    if moved is not None:
        lines = case.search.lines(moved.path, case.search.after)
        return _told(case, verbatim_at(moved, lines, case.region, case.home), places)
    if left is not None and left.is_accepted:
        return _stayed(case, left, places)
    if len(new) > 1 and says_enough(case.block):
        return _ambiguous(case, _spots(case, new), f"the text came to {len(new)} places")
    return _edited(case, places)


def _moved_to(case: Case, new: Sequence[Place]) -> Place | None:
    """The one place that the text moved to as it is; None when there is none or it cannot be told."""
    at_home = [place for place in new if case.home is not None and place.path == case.home.file.path]
    if len(at_home) == 1 and any(map(is_informative, case.block)):
        return at_home[0]
    if len(new) != 1:
        return None
    return new[0] if says_enough(case.block) or _is_of_new_file(case, new[0]) else None


def _is_of_new_file(case: Case, place: Place) -> bool:
    """True when a text of a few lines, that stood once, stands in a file that came since: less tells it then."""
    is_new = place.path not in case.search.before.blobs
    return is_new and says_something(case.block) and len(case.search.blocks(case.block, case.search.before)) == 1


def _edited(case: Case, places: Sequence[Place]) -> Drift:
    """The drift of a text that is nowhere as it was."""
    left = case.left
    candidates = similar(case.search, case.old, case.region, case.home)
    best = candidates[0] if candidates else None
    if best is not None and _is_convincing(case, best):
        rivals = [other for other in candidates if other.score > best.score - _MARGIN]
        if len(rivals) > 1:
            spots = tuple(_spot(rival) for rival in rivals[:_MOST_SPOTS])
            return _ambiguous(case, spots, f"{len(rivals)} places are about as likely")
        other = left.spot if left is not None and left.shares.equal >= _PART else None
        return _told(case, _standing(case, best), places, part=other)
    if best is not None and left is not None and _is_split(case, best, left):
        if left.shares.equal >= best.shares.equal:
            return _told(case, left, places, part=_spot(best))
        return _told(case, _standing(case, best), places, part=left.spot)
    if left is not None and is_sound(left, case.region, case.old):
        return _told(case, left, places)
    spots = (*([_spot(best)] if best else []), *([left.spot] if left else []))
    return _deleted(case, places, max(spots, key=lambda spot: spot.similarity, default=None))


def _is_convincing(case: Case, best: Candidate) -> bool:
    """True when a place elsewhere has enough of the text, and clearly more than the place where it was."""
    needed = _MOVED_AND_EDITED
    if case.left is not None:
        needed = max(needed, score_of(case.left, case.region, case.old) + _MARGIN)
    return best.score >= needed and says_enough(case.old.lines[line - 1] for line in best.placement.equal)


def _is_split(case: Case, best: Candidate, left: Standing) -> bool:
    """True when one part of the text stayed and the rest of it went to one other place."""
    smaller, larger = sorted((best.shares.equal, left.shares.equal))
    return says_enough(case.block) and smaller >= _PART and smaller + larger >= _BOTH_PARTS


def _stayed(case: Case, left: Standing, places: Sequence[Place]) -> Drift:
    return _told(case, left, places, part=None if left.placement.is_whole else _part(case, left))


def _part(case: Case, left: Standing) -> Spot | None:
    """Where the longest run of lines that left a region stands now, when it is text enough to tell."""
    lost: list[int] = []
    run: list[int] = []
    for number in range(case.region.start_line, case.region.end_line + 2):
        if number in case.region and number not in left.placement.equal and number not in left.placement.similar:
            run.append(number)
        else:
            lost, run = max(lost, run, key=len), []
    if not lost:
        return None
    region = Region(start_line=lost[0], end_line=lost[-1])
    block = in_region(case.old.lines, region)
    if not says_enough(block):
        return None
    places = case.search.blocks(block, case.search.after)
    new = [
        place
        for place in newly_at(case.search, block, places, region, case.home)
        if place.path != left.path or place.line not in left.placement.region
    ]
    return Spot(path=new[0].path, region=region_at(new[0], len(block))) if len(new) == 1 else None


def _told(case: Case, left: Standing, places: Sequence[Place], *, part: Spot | None = None) -> Drift:
    kind = _kind(case, left)
    here = Place(left.path, left.placement.region.start_line)
    return Drift(
        path=case.cited.path,
        region=case.region,
        kind=kind,
        now=left.spot,
        means=left.means,
        rename=left.rename,
        surviving=round(left.shares.equal, 3),
        quoted=quoted_lines(case.cited.quoted, case.old, left.lines, left.placement),
        also_at=_spots(case, [place for place in places if place != here]) if says_enough(case.block) else (),
        partly_moved=part,
        surroundings_changed=kind.is_equal and _is_other_inside(case, left),
        diff=() if kind.is_equal else diff_of(case.region, case.old.lines, left.lines, left.placement),
    )


def _kind(case: Case, left: Standing) -> DriftKind:
    now = in_region(left.lines, left.placement.region)
    if list(case.block) != list(now):
        return DriftKind.REFORMATTED if is_reformatted(case.block, now, case.old.language) else DriftKind.MODIFIED
    if left.path == case.cited.path:
        return DriftKind.UNCHANGED if left.placement.region == case.region else DriftKind.MOVED
    return DriftKind.RENAMED if left.rename else DriftKind.MOVED_FILE


def _is_other_inside(case: Case, left: Standing) -> bool:
    """True when the body of the symbol that encloses the region was changed, though the region was not."""
    if left.means is Means.BLOB:
        return False
    symbol = enclosing(case.old.symbols, case.region)
    if symbol is None or symbol.region == case.region:
        return False
    new = case.search.after.file(left.path)
    now = enclosing(new.symbols, left.placement.region) if new is not None else None
    if now is None:
        return False
    bodies = in_region(case.old.lines, symbol.region), in_region(left.lines, now.region)
    return [squeeze(line) for line in bodies[0]] != [squeeze(line) for line in bodies[1]]


def _ambiguous(case: Case, candidates: tuple[Spot, ...], reason: str) -> Drift:
    kind = DriftKind.AMBIGUOUS
    return Drift(path=case.cited.path, region=case.region, kind=kind, quoted=_none(case), candidates=candidates, reason=reason)


def _deleted(case: Case, places: Sequence[Place], closest: Spot | None) -> Drift:
    worth = closest if closest is not None and closest.similarity >= _WORTH_SHOWING else None
    copies = _spots(case, places) if says_enough(case.block) else ()
    versions = case.home.versions if case.home is not None and case.home.file.path == case.cited.path else None
    return Drift(
        path=case.cited.path,
        region=case.region,
        kind=DriftKind.DELETED,
        quoted=_none(case),
        also_at=copies,
        closest=worth,
        diff=gone(case.region, versions, case.old.lines),
    )


def _none(case: Case) -> tuple[tuple[int, None], ...]:
    return tuple((line, None) for line in sorted(set(case.cited.quoted)))


def _standing(case: Case, found: Candidate) -> Standing:
    return similar_at(found, case.search.lines(found.path, case.search.after))


def _spot(found: Candidate) -> Spot:
    return Spot(path=found.path, region=found.placement.region, similarity=round(found.shares.all, 3))


def _spots(case: Case, places: Sequence[Place]) -> tuple[Spot, ...]:
    return tuple(Spot(path=place.path, region=region_at(place, len(case.block))) for place in places[:_MOST_SPOTS])
