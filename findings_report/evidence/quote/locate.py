"""Where the lines of a quote are in a file: all of them, in order, else the closest text. Pure.

Every distinct line of a file, white space squeezed, becomes one character, and the file a string of them: what is
quoted in one piece is then found by `str.find`, however often it is asked for. Blank lines are left out on both sides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

from findings_report.evidence.quote.marks import strip_remark
from findings_report.evidence.quote.parse import QuotedLine, Reading, replace_texts
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import VERSIONS, compare_lines, weigh_line
from findings_report.sourcecode.lines import is_informative, squeeze

UNKNOWN: Final = "\0"
"""The character of a line that the file does not have."""

_PLACES = 200  # places of one text that are looked at; more than that and it says nothing about where it came from
_TELLING = 20  # letters and digits of a line that is taken for the quoted one wherever it is
_WIDEST_GAP = 30  # lines that a quote away from its claimed place may leave out without a mark and still be one quote

COMMON: Final = 20
"""A line that occurs more often does not identify a place."""

LONGEST: Final = 2_000
"""Lines of code in a quote up to which the closest text is looked for; a longer one is placed whole or not at all."""

_WIDEST = 20_000  # lines of the file that one alignment looks at
_LONGEST_LINE = 500  # characters of a line that are compared
_AT_CLAIM = 1.5  # lines by which another place has to be better than the claimed one; at least a tenth of the quote


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
        """Return the position of line `number`, or of the next line that is not blank."""
        return bisect_left(self.numbers, number)

    def text(self, position: int) -> str:
        """Return the line at a position."""
        return self.lines[self.numbers[position] - 1]

    @cached_property
    def rare(self) -> dict[str, list[int]]:
        """Character -> its positions, for the lines that are rare enough to identify a place."""
        places_of: dict[str, list[int]] = {}
        for position, letter in enumerate(self.string):
            places = places_of.setdefault(letter, [])
            # One place too many is kept, which marks the line as common without counting all of its places.
            if len(places) <= COMMON:
                places.append(position)
        return {letter: places for letter, places in places_of.items() if len(places) <= COMMON}


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
        """Return the string, cut where the author says that something was left out."""
        cuts = [0, *(at for at, line in enumerate(self.reading.lines) if at and line.is_after_gap), len(self.string)]
        return [self.string[a:b] for a, b in pairwise(cuts)]


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


def index_lines(lines: tuple[str, ...]) -> LineIndex:
    """Return the index of a file's `lines`."""
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


def spell(reading: Reading, file: LineIndex) -> Spelling:
    """Return `reading` in the characters of `file`."""
    texts = [line.text for line in reading.lines]
    letters = [file.letters.get(squeeze(text), UNKNOWN) for text in texts]
    if UNKNOWN not in letters:
        return Spelling(reading, "".join(letters), reading.is_annotated)
    bare = [text if squeeze(text) in file.letters else strip_remark(text, file.letters) for text in texts]
    # A quote of nothing but marks is taken verbatim: they are the lines that the author means.
    if not any(bare):
        bare = list(texts)
    kept = replace_texts(reading, bare)
    string = "".join(file.letters.get(squeeze(line.text), UNKNOWN) for line in kept.lines)
    return Spelling(kept, string, reading.is_annotated or bare != texts)


def is_foreign(reading: Reading, file: LineIndex) -> bool:
    """True when `file` does not have a line of `reading`, with or without a remark: all of it cannot be found there."""
    strange = (line.text for line in reading.lines if squeeze(line.text) not in file.letters)
    bare = (strip_remark(text, file.letters) for text in strange)
    return any(text is not None and squeeze(text) not in file.letters for text in bare)


def align_at_claim(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> Alignment | None:
    """Return the alignment of all quoted lines within `claimed`; None when they are not all there."""
    lines = quoted.reading.lines
    if quoted.reading.is_numbered:
        positions = [file.position(line.number or 0) for line in lines]
        numbers = [file.numbers[at] if at < len(file.numbers) else None for at in positions]
        is_there = numbers == [line.number for line in lines] and "".join(file.string[at] for at in positions) == quoted.string
        return _align_all(positions) if is_there else None
    # First without gaps other than the marked ones, then line by line: the stricter reading names the tighter place.
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
    # A short quote is accepted away from its claim only where the file has it once; `}` never is.
    is_unique = len(places) == 1 and any(map(str.isalnum, "".join(line.text for line in lines)))
    is_telling = sum(is_informative(line.text) for line in lines) > 1 or any(_is_telling(line.text) for line in lines)
    if not places or not (is_unique or is_telling):
        return None
    return _align_all(min(places, key=lambda place: _distance(lines, file, claimed, place)))


def align_closest(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> Alignment | None:
    """Return the closest text, at the claimed place unless another is clearly better; None when most of it is nowhere."""
    texts = [line.text for line in quoted.reading.lines]
    if len(texts) > LONGEST:
        return None
    best: tuple[float, Alignment] | None = None
    for alignment in _at_claim(quoted, file, texts, claimed):
        # Laxer than `_says_enough`, since the author named this place; for any other the text itself has to be proof.
        if alignment.share >= 0.5 and (alignment.equal_share >= 0.3 or alignment.share >= 0.75):
            best = (alignment.share + max(0.1, _AT_CLAIM / len(texts)), alignment)
    for window in _windows(file, quoted.string):
        alignment = _align(file, texts, quoted.string, window)
        if _says_enough(quoted, texts, alignment) and (best is None or alignment.share > best[0]):
            best = (alignment.share, alignment)
    return best[1] if best else None


def find_places(file: LineIndex, pieces: Sequence[str]) -> list[list[int]]:
    """Return the places in the file that hold `pieces` in order, each as the positions of all characters; at most 200."""
    matches: list[list[int]] = []
    start = 0
    budget = 50_000_000  # characters; keeps a file and a quote that repeat themselves from costing minutes
    while len(matches) < _PLACES and budget > 0:
        starts = _fit(file.string, pieces, start, len(file.string))
        if starts is None:
            break
        matches.append(_expand(starts, pieces))
        budget -= starts[-1] - start + 1_000 * len(pieces)
        # The next place may overlap with this one: code that repeats itself has a place at each repetition.
        start = starts[0] + 1
    return matches


def _align_all(positions: Sequence[int]) -> Alignment:
    return Alignment(tuple(enumerate(positions)))


def _positions_in(file: LineIndex, regions: Sequence[Region]) -> list[range]:
    """Return the positions of the lines of `regions`; of the whole file when there are none."""
    if not regions:
        return [range(len(file.string))]
    return [range(file.position(region.start_line), file.position(region.end_line + 1)) for region in regions]


def _find_within(file: LineIndex, pieces: Sequence[str], ranges: Sequence[range]) -> list[int] | None:
    """Return the positions of all characters of `pieces` within `ranges`, each piece whole, in order; None without a fit."""
    if len(ranges) == 1:
        # One range, the usual case, needs no copy of the string.
        starts = _fit(file.string, pieces, ranges[0].start, ranges[0].stop)
        return None if starts is None else _expand(starts, pieces)
    allowed = [position for positions in ranges for position in positions]
    starts = _fit("".join(file.string[r.start : r.stop] for r in ranges), pieces, 0, len(allowed))
    return None if starts is None else [allowed[at] for at in _expand(starts, pieces)]


def _fit(string: str, pieces: Sequence[str], start: int, stop: int) -> list[int] | None:
    """Return where each piece starts: the first fit that ends earliest, its pieces as close together as possible; else None."""
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


def _is_close(lines: Sequence[QuotedLine], positions: Sequence[int]) -> bool:
    """True when little is left out without a mark: lines strewn over a file are no quote."""
    gaps = [
        b - a - 1
        for a, b, line in zip(positions, positions[1:], lines[1:], strict=False)
        if b > a + 1 and not line.is_after_gap
    ]
    return len(gaps) * 2 <= len(positions) and max(gaps, default=0) <= _WIDEST_GAP


def _distance(lines: Sequence[QuotedLine], file: LineIndex, claimed: Sequence[Region], place: Sequence[int]) -> int:
    """Return how far a place is from the claimed one, plus how far apart its lines are, in lines."""
    numbers = [file.numbers[at] for at in place]
    if lines[0].number is not None:
        # With numbers, the place whose lines are shifted least, and most evenly, is the one that the author copied from.
        shifts = [number - (line.number or 0) for number, line in zip(numbers, lines, strict=True)]
        return abs(shifts[0]) + sum(abs(b - a) for a, b in pairwise(shifts))
    return abs(numbers[0] - (claimed[0].start_line if claimed else numbers[0])) + numbers[-1] - numbers[0]


def _at_claim(quoted: Spelling, file: LineIndex, texts: Sequence[str], claimed: Sequence[Region]) -> list[Alignment]:
    if not claimed:
        return []
    if quoted.reading.is_numbered:
        return [_by_number(quoted, file, texts)]
    hull = range(file.position(claimed[0].start_line), file.position(claimed[-1].end_line + 1))
    return [_align(file, texts, quoted.string, hull)]


def _by_number(quoted: Spelling, file: LineIndex, texts: Sequence[str]) -> Alignment:
    """Return the alignment of each line with the one that its number names."""
    equal, similar = [], []
    for index, (line, letter) in enumerate(zip(quoted.reading.lines, quoted.string, strict=True)):
        position = file.position(line.number or 0)
        if position < len(file.numbers) and file.numbers[position] == line.number:
            if file.string[position] == letter:
                equal.append((index, position))
            elif (ratio := compare_lines(line.text, file.text(position), longest=_LONGEST_LINE)) >= VERSIONS:
                similar.append(((index, position), ratio / 100))
    return _weigh(texts, equal, similar)


def _windows(file: LineIndex, string: str) -> list[range]:
    """Return the stretches of the file, at most 6, that the quote's rare lines vote for, the best first."""
    votes: Counter[int] = Counter()
    for index, letter in enumerate(string):
        for position in file.rare.get(letter, ()):
            # A line that occurs once weighs most; each place votes for where the quote would start.
            votes[position - index] += COMMON // len(file.rare[letter])
    windows: list[range] = []
    for start, _ in votes.most_common(60):
        if all(abs(start - other.start - len(string)) > len(string) for other in windows):
            windows.append(range(start - len(string), start + 2 * len(string) + 20))
    return [range(max(window.start, 0), window.stop) for window in windows[:6]]


def _align(file: LineIndex, texts: Sequence[str], string: str, window: range) -> Alignment:
    """Return the best alignment of quoted lines with the positions of `window`: as many equal lines as can be, in order."""
    # Here, since a run that finds every quote where it is claimed never needs it.
    from rapidfuzz.distance import LCSseq

    # Bounded, because a claim of `1-100000` makes the whole file the window.
    window = range(max(window.start, 0), min(window.stop, len(file.string), max(window.start, 0) + _WIDEST))
    equal: list[tuple[int, int]] = []
    for block in LCSseq.opcodes(string, file.string[window.start : window.stop]):
        if block.tag == "equal":
            steps = range(block.src_end - block.src_start)
            equal += [(block.src_start + step, window.start + block.dest_start + step) for step in steps]
    return _weigh(texts, equal, _align_similar(file, texts, equal, window))


def _align_similar(
    file: LineIndex, texts: Sequence[str], equal: Sequence[tuple[int, int]], window: range
) -> list[tuple[tuple[int, int], float]]:
    """Pair lines between equal ones: each quoted line with the next free line that is a version of it."""
    similar = []
    before = (-1, window.start - 1)
    for after in (*equal, (len(texts), window.stop)):
        free = before[1] + 1
        # The ends of a window are no neighbours of what is quoted: there only as many lines as are missing are looked at.
        room = after[0] - before[0] - 1 + 3
        if before[0] < 0 and equal:
            free = max(free, after[1] - room)
        stop = after[1] if after[0] < len(texts) else min(after[1], free + room if equal else after[1])
        for index in range(before[0] + 1, after[0]):
            # A look-ahead of 50 keeps the comparison linear in the length of the quote.
            for position in range(free, min(stop, free + 50)):
                ratio = compare_lines(texts[index], file.text(position), longest=_LONGEST_LINE)
                if ratio >= VERSIONS:
                    similar.append(((index, position), ratio / 100))
                    free = position + 1
                    break
        before = after
    return similar


def _weigh(
    texts: Sequence[str], equal: Sequence[tuple[int, int]], similar: Sequence[tuple[tuple[int, int], float]]
) -> Alignment:
    weights = [weigh_line(text) for text in texts]
    total = sum(weights) or 1.0
    kept = sum(weights[index] for index, _ in equal)
    near = sum(weights[index] * ratio for (index, _), ratio in similar)
    return Alignment(tuple(equal), tuple(pair for pair, _ in similar), (kept + near) / total, kept / total)


def _says_enough(quoted: Spelling, texts: Sequence[str], alignment: Alignment) -> bool:
    """True when most lines are equal, at least two of them identify a place, and they are close together."""
    informative = sum(is_informative(texts[index]) for index, _ in alignment.equal)
    if alignment.equal_share < 0.5 or informative < 2:
        return False
    pairs = alignment.pairs
    is_marked = any(line.is_after_gap for line in quoted.reading.lines)
    return is_marked or pairs[-1][1] - pairs[0][1] <= 3 * len(texts) + 20
