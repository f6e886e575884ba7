"""Placing quoted lines in a file: all of them, in order.

Pure. Every distinct line of a file, white space squeezed, becomes one character, and the file a string of them: what is
quoted in one piece is then found by `str.find`, however often it is asked for. Blank lines are left out on both sides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

from findings_report.evidence.quote.parse import Reading, with_texts, without_remark
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import squeeze

UNKNOWN: Final = "\0"
"""The character of a line that the file does not have."""

_PLACES = 200  # places of one text that are looked at; more than that and it says nothing about where it came from
COMMON: Final = 20
"""A line that occurs more often does not tell a place."""


@dataclass(frozen=True)
class Listing:
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
        """Character -> its positions, for the lines that are seldom enough to tell a place."""
        found: dict[str, list[int]] = {}
        for position, letter in enumerate(self.string):
            places = found.setdefault(letter, [])
            if len(places) <= COMMON:
                places.append(position)
        return {letter: places for letter, places in found.items() if len(places) <= COMMON}


def listing(lines: tuple[str, ...]) -> Listing:
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
    return Listing(lines, tuple(numbers), letters, "".join(string))


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


def is_foreign(reading: Reading, file: Listing) -> bool:
    """True when `file` does not have a line of `reading`, with or without a remark: all of it cannot be found there."""
    strange = (line.text for line in reading.lines if squeeze(line.text) not in file.letters)
    bare = (without_remark(text) for text in strange)
    return any(text is not None and squeeze(text) not in file.letters for text in bare)


def spell(reading: Reading, file: Listing) -> Spelling:
    """`reading` in the characters of `file`."""
    texts = [line.text for line in reading.lines]
    letters = [file.letters.get(squeeze(text), UNKNOWN) for text in texts]
    if UNKNOWN not in letters:
        return Spelling(reading, "".join(letters), reading.is_annotated)
    bare = [text if squeeze(text) in file.letters else without_remark(text) for text in texts]
    if not any(bare):
        bare = list(texts)
    kept = with_texts(reading, bare)
    string = "".join(file.letters.get(squeeze(line.text), UNKNOWN) for line in kept.lines)
    return Spelling(kept, string, reading.is_annotated or bare != texts)


def positions_in(file: Listing, regions: Sequence[Region]) -> list[range]:
    """The positions of the lines of `regions`; of the whole file when there are none."""
    if not regions:
        return [range(len(file.string))]
    return [range(file.position(region.start_line), file.position(region.end_line + 1)) for region in regions]


def place_within(file: Listing, pieces: Sequence[str], ranges: Sequence[range]) -> list[int] | None:
    """The positions of all characters of `pieces`, each in one piece and in order, within `ranges`; None when not there."""
    if len(ranges) == 1:
        starts = _fit(file.string, pieces, ranges[0].start, ranges[0].stop)
        return None if starts is None else _expanded(starts, pieces)
    allowed = [position for positions in ranges for position in positions]
    starts = _fit("".join(file.string[r.start : r.stop] for r in ranges), pieces, 0, len(allowed))
    return None if starts is None else [allowed[at] for at in _expanded(starts, pieces)]


def places(file: Listing, pieces: Sequence[str]) -> list[list[int]]:
    """The places in the file that hold `pieces` in order, each as the positions of all characters; at most 200."""
    found: list[list[int]] = []
    start = 0
    budget = 50_000_000  # characters; keeps a file and a quote that repeat themselves from costing minutes
    while len(found) < _PLACES and budget > 0:
        starts = _fit(file.string, pieces, start, len(file.string))
        if starts is None:
            break
        found.append(_expanded(starts, pieces))
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


def _expanded(starts: Sequence[int], pieces: Sequence[str]) -> list[int]:
    return [start + step for start, piece in zip(starts, pieces, strict=True) for step in range(len(piece))]
