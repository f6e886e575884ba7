"""Placing quoted lines in a file: all of them, in order.

Pure. Every distinct line of a file, white space squeezed, becomes one character, and the file a string of them: what is
quoted in one piece is then found by `str.find`, however often it is asked for. Blank lines are left out on both split_diff.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

from findings_report.evidence.quote.parse import QuotedLine, Reading, replace_texts, strip_remark
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import is_informative, squeeze

UNKNOWN: Final = "\0"
"""The character of a line that the file does not have."""

_PLACES = 200  # places of one text that are looked at; more than that and it says nothing about where it came from
_TELLING = 20  # letters and digits of a line that is taken for the quoted one wherever it is
_WIDEST_GAP = 30  # lines that a quote away from its claimed place may leave out without a mark and still be one quote
COMMON: Final = 20
"""A line that occurs more often does not identify a place."""


@dataclass(frozen=True)
class LineIndex:
    """The lines of a file, made searchable."""

    lines: tuple[str, ...]
    """The file; line n is `lines[n - 1]`."""
    numbers: tuple[int, ...] = field(repr=False)
    """The line number of each line that is not blank, rising. Positions are indexes of it."""
    letters: dict[str, str] = field(repr=False)
    """Squeezed line -> its character."""
    string: str = field(repr=False)
    """The character of each line that is not blank."""

    def position(self, number: int) -> int:
        """The position of line `number`, or of the next line that is not blank."""
        return bisect_left(self.numbers, number)

    def text(self, position: int) -> str:
        """The line at a position."""
        return self.lines[self.numbers[position] - 1]

    @cached_property
    def rare(self) -> dict[str, list[int]]:
        """Character -> its positions, for the lines that are rare enough to identify a place."""
        found: dict[str, list[int]] = {}
        for position, letter in enumerate(self.string):
            places = found.setdefault(letter, [])
            if len(places) <= COMMON:
                places.append(position)
        return {letter: places for letter, places in found.items() if len(places) <= COMMON}


def index_lines(lines: tuple[str, ...]) -> LineIndex:
    """`lines` of a file, made searchable."""
    letters: dict[str, str] = {}
    numbers = []
    string = []
    for number, line in enumerate(lines, 1):
        squeezed = squeeze(line)
        if squeezed:
            letter = letters.get(squeezed)
            if letter is None:
                # Beyond a million different lines characters run out; the rest share one and are found by number only.
                letter = letters[squeezed] = chr(min(len(letters) + 1, 0x10FFFF))
            numbers.append(number)
            string.append(letter)
    return LineIndex(lines, tuple(numbers), letters, "".join(string))


@dataclass(frozen=True)
class Spelling:
    """A reading of a quote in the characters of a file, with remarks taken off the lines that the file does not have."""

    reading: Reading
    """The lines that are left."""
    string: str
    """The character of each of them, UNKNOWN where the file has no such line."""
    is_annotated: bool
    """True when a remark was taken off."""

    def pieces(self) -> list[str]:
        """The string, cut where the author says that something was left out."""
        cuts = [0, *(at for at, line in enumerate(self.reading.lines) if at and line.is_after_gap), len(self.string)]
        return [self.string[a:b] for a, b in pairwise(cuts)]


def is_foreign(reading: Reading, file: LineIndex) -> bool:
    """True when `file` does not have a line of `reading`, with or without a remark: all of it cannot be found there."""
    strange = (line.text for line in reading.lines if squeeze(line.text) not in file.letters)
    bare = (strip_remark(text) for text in strange)
    return any(text is not None and squeeze(text) not in file.letters for text in bare)


def spell(reading: Reading, file: LineIndex) -> Spelling:
    """`reading` in the characters of `file`."""
    texts = [line.text for line in reading.lines]
    letters = [file.letters.get(squeeze(text), UNKNOWN) for text in texts]
    if UNKNOWN not in letters:
        return Spelling(reading, "".join(letters), reading.is_annotated)
    bare = [text if squeeze(text) in file.letters else strip_remark(text) for text in texts]
    if not any(bare):
        bare = list(texts)
    kept = replace_texts(reading, bare)
    string = "".join(file.letters.get(squeeze(line.text), UNKNOWN) for line in kept.lines)
    return Spelling(kept, string, reading.is_annotated or bare != texts)


@dataclass(frozen=True)
class Alignment:
    """Quoted lines set against lines of a file."""

    equal: tuple[tuple[int, int], ...]
    """(index of the quoted line, position) of the lines that are equal, rising."""
    similar: tuple[tuple[int, int], ...] = ()
    """(index of the quoted line, position) of the lines that are versions of one another, rising."""
    share: float = 1.0
    """Share of the quote that is in the file, 0 to 1: equal lines, and what similar ones have in common; by information."""
    equal_share: float = 1.0
    """Share of the quote that is in the file, 0 to 1, by equal lines alone."""

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Equal and similar lines, rising."""
        return sorted((*self.equal, *self.similar))


def align_at_claim(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> Alignment | None:
    """Return the alignment of all quoted lines within `claimed`; None when they are not all there."""
    lines = quoted.reading.lines
    if quoted.reading.is_numbered:
        found = [file.position(line.number or 0) for line in lines]
        numbers = [file.numbers[at] if at < len(file.numbers) else None for at in found]
        is_there = numbers == [line.number for line in lines] and "".join(file.string[at] for at in found) == quoted.string
        return _align_all(found) if is_there else None
    ranges = _positions_in(file, claimed)
    whole = _find_within(file, quoted.pieces(), ranges)
    if whole is not None:
        return _align_all(whole)
    gapped = _find_within(file, list(quoted.string), ranges)
    return _align_all(gapped) if gapped is not None and (claimed or _is_close(lines, gapped)) else None


def align_elsewhere(
    quoted: Spelling, file: LineIndex, claimed: Sequence[Region], *, with_gaps: bool = False
) -> Alignment | None:
    """Return the alignment of all quoted lines at the place nearest to `claimed`.

    Lines are left out only where the quote says so, or anywhere `with_gaps`. None when there is no place, or the quote is
    too short to identify one.
    """
    lines = quoted.reading.lines
    if with_gaps:
        places = [place for place in find_places(file, list(quoted.string)) if _is_close(lines, place)]
    else:
        places = find_places(file, quoted.pieces())
    is_unique = len(places) == 1 and any(map(str.isalnum, "".join(line.text for line in lines)))
    is_telling = sum(is_informative(line.text) for line in lines) > 1 or any(_is_telling(line.text) for line in lines)
    if not places or not (is_unique or is_telling):
        return None
    return _align_all(min(places, key=lambda place: _distance(lines, file, claimed, place)))


def _align_all(positions: Sequence[int]) -> Alignment:
    return Alignment(tuple(enumerate(positions)))


def _positions_in(file: LineIndex, regions: Sequence[Region]) -> list[range]:
    """The positions of the lines of `regions`; of the whole file when there are none."""
    if not regions:
        return [range(len(file.string))]
    return [range(file.position(region.start_line), file.position(region.end_line + 1)) for region in regions]


def _find_within(file: LineIndex, pieces: Sequence[str], ranges: Sequence[range]) -> list[int] | None:
    """The positions of all characters of `pieces`, each in one piece and in order, within `ranges`; None when not there."""
    if len(ranges) == 1:
        starts = _fit(file.string, pieces, ranges[0].start, ranges[0].stop)
        return None if starts is None else _expand(starts, pieces)
    allowed = [position for positions in ranges for position in positions]
    starts = _fit("".join(file.string[r.start : r.stop] for r in ranges), pieces, 0, len(allowed))
    return None if starts is None else [allowed[at] for at in _expand(starts, pieces)]


def find_places(file: LineIndex, pieces: Sequence[str]) -> list[list[int]]:
    """The places in the file that hold `pieces` in order, each as the positions of all characters; at most 200."""
    found: list[list[int]] = []
    start = 0
    budget = 50_000_000  # characters; keeps a file and a quote that repeat themselves from costing minutes
    while len(found) < _PLACES and budget > 0:
        starts = _fit(file.string, pieces, start, len(file.string))
        if starts is None:
            break
        found.append(_expand(starts, pieces))
        budget -= starts[-1] - start + 1_000 * len(pieces)
        start = starts[0] + 1
    return found


def _fit(string: str, pieces: Sequence[str], start: int, stop: int) -> list[int] | None:
    """Where each piece starts: ending as early as can be, and then each as late as can be, so as near together as can be."""
    starts = []
    at = start
    for piece in pieces:
        at = string.find(piece, at, stop)
        if at < 0:
            return None
        starts.append(at)
        at += len(piece)
    end = starts[-1]
    for index in range(len(pieces) - 2, -1, -1):
        piece = pieces[index]
        # str.rfind is quadratic in the worst case, unlike str.find.
        if (end - starts[index]) * len(piece) < 1_000_000:
            starts[index] = string.rfind(piece, starts[index], end)
        end = starts[index]
    return starts


def _expand(starts: Sequence[int], pieces: Sequence[str]) -> list[int]:
    return [start + step for start, piece in zip(starts, pieces, strict=True) for step in range(len(piece))]


def _is_telling(text: str) -> bool:
    """True for a line that is long enough to identify itself anywhere: `return None` does not."""
    return sum(map(str.isalnum, text)) >= _TELLING


def _is_close(lines: Sequence[QuotedLine], found: Sequence[int]) -> bool:
    """True when little is left out without a mark: lines strewn over a file are no quote."""
    gaps = [b - a - 1 for a, b, line in zip(found, found[1:], lines[1:], strict=False) if b > a + 1 and not line.is_after_gap]
    return len(gaps) * 2 <= len(found) and max(gaps, default=0) <= _WIDEST_GAP


def _distance(lines: Sequence[QuotedLine], file: LineIndex, claimed: Sequence[Region], place: Sequence[int]) -> int:
    """How far a place is from the claimed one, and how far its lines from one another, in lines."""
    numbers = [file.numbers[at] for at in place]
    if lines[0].number is not None:
        shifts = [number - (line.number or 0) for number, line in zip(numbers, lines, strict=True)]
        return abs(shifts[0]) + sum(abs(b - a) for a, b in pairwise(shifts))
    return abs(numbers[0] - (claimed[0].start_line if claimed else numbers[0])) + numbers[-1] - numbers[0]
