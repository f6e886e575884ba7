"""Where the lines of a quote are in a file: all of them, in order, else the closest text. Pure.

Every distinct line of a file, white space squeezed, becomes one character, and the file a string of them: what is
quoted in one piece is then found by `str.find`, however often it is asked for. What is left, quotes with gaps and parts of
lines, is found in the file's `Stream` of characters, as the chain of places that costs least. Blank lines are left out on
both sides.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from findings_report.evidence.quote.marks import strip_remark
from findings_report.evidence.quote.parse import QuotedLine, Reading, replace_texts
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import VERSIONS, compare_lines, weigh_line
from findings_report.sourcecode.languages import strip_comments
from findings_report.sourcecode.lines import is_informative, squeeze

UNKNOWN: Final = "\0"
"""The character of a line that the file does not have."""

_PLACES = 200  # places of one text that are looked at; more than that and it says nothing about where it came from
_TELLING = 20  # letters and digits of a line that is taken for the quoted one wherever it is
_WIDEST_GAP = 30  # lines that a quote away from its claimed place may leave out without a mark and still be one quote
_WIDEST_SURE_GAP = 300  # the same between lines of which each is in the file once
_WIDEST_LIGHT_GAP = 3  # the same beside lines such as `}`, which are everywhere, unless the indentation fits

COMMON: Final = 20
"""A line that occurs more often does not identify a place."""

LONGEST: Final = 2_000
"""Lines of code in a quote up to which the closest text is looked for; a longer one is placed whole or not at all."""

_WIDEST = 20_000  # lines of the file that one alignment looks at
_LONGEST_LINE = 500  # characters of a line that are compared
_LIKE = 0.25  # share of a quote that has to be in the lines which are named as the closest
_AT_CLAIM = 1.5  # lines by which another place has to be better than the claimed one; at least a tenth of the quote

_MOST_LETTERS: Final = 0x10FFFF
_LARGEST = 200_000  # lines of a file in which parts and gaps are looked for away from the claimed lines
_LONGEST_MARKED = 1_000  # characters of a line in which elision marks are looked for
_NEXT = 3  # places, after the line before, at which a line that is everywhere is looked for
_MOST_SPOTS = 60_000  # places of all parts of a quote that one search weighs; bounds the time on code that repeats itself
_MOST_READ = 100_000_000  # characters that one search for parts may read

# A blank between two words separates them; beside a sign it only looks better.
_LOOSE_BLANK = re.compile(r"(?<!\w) | (?!\w)")
# Put by programs where they wrap a line; `\\` is code where the file has it.
_WRAP = re.compile(r"\A\s*[↪↳⤷]|[↩↵⏎¬\\]\s*\Z")
# Round and curly brackets around a mark are code: `call(...)`, `if (x) { ... }`.
_INLINE_ELISION = re.compile(r"(?:/\*\s*)?(?:[\[<]\s*(?:\.{3,}|…+|snip)\s*[\]>]|\.{3,}|…+)(?:\s*\*/)?")


@dataclass(frozen=True)
class Stream:
    """The characters of consecutive lines of a file that are not blank, with no white space except one blank between
    words."""

    text: str = field(repr=False)
    """The characters."""
    starts: list[int] = field(repr=False)
    """Offset in `text` of the first character of each line."""
    ends: list[int] = field(repr=False)
    """Offset after the last character of each line."""
    offset: int
    """Position of the first line."""

    def spot(self, start: int, end: int) -> Spot:
        """Return the spot of the characters from `start` to `end`."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_right(self.starts, end - 1, lo=first) - 1
        return Spot(
            start,
            end,
            self.offset + first,
            self.offset + last,
            starts=start == self.starts[first],
            ends=end == self.ends[last],
        )

    def line(self, position: int) -> Spot:
        """Return the spot of a whole line."""
        at = position - self.offset
        return Spot(self.starts[at], self.ends[at], position, position, starts=True, ends=True)

    def find(self, text: str, start: int = 0, *, within_word: bool = False) -> Spot | None:
        """Return the first spot of `text`, from `start` on, that starts with a whole word, or anywhere `within_word`."""
        at = self.text.find(text, start)
        for _ in range(_PLACES):
            if at < 0:
                return None
            if within_word or not self.is_cut(at):
                return self.spot(at, at + len(text))
            at = self.text.find(text, at + 1)
        return None

    def find_next(self, text: str, end: int) -> Spot | None:
        """Return the spot of `text` if it follows directly on `end`, perhaps in the middle of a word."""
        for at in (end, end + 1):
            if self.text.startswith(text, at) and not self.text[end:at].strip():
                return self.spot(at, at + len(text))
        return None

    def is_cut(self, at: int) -> bool:
        """True when a word is on both sides of an offset."""
        return 0 < at < len(self.text) and _is_word(self.text[at - 1]) and _is_word(self.text[at])

    def opens(self, spot: Spot) -> bool:
        """True when no word of its first line is before the spot."""
        return spot.starts or not any(map(str.isalnum, self.text[self.starts[spot.first - self.offset] : spot.start]))

    def closes(self, spot: Spot) -> bool:
        """True when no word of its last line is after the spot."""
        return spot.ends or not any(map(str.isalnum, self.text[spot.end : self.ends[spot.last - self.offset]]))


class Spot(NamedTuple):
    """A stretch of a stream."""

    start: int
    """Offset of its first character."""
    end: int
    """Offset after its last one."""
    first: int
    """Position of the line that it starts on."""
    last: int
    """Position of the line that it ends on."""
    starts: bool
    """True when it starts where its first line does."""
    ends: bool
    """True when it ends where its last line does."""


class Part(NamedTuple):
    """A quoted line, or what of it is between marks, at its place in the file."""

    line: int
    """Index of the quoted line."""
    first: int
    """Position of the file's line that it starts on."""
    last: int
    """Position of the file's line that it ends on."""
    is_whole: bool = True
    """True when it is all of one line of the file."""
    is_joined: bool = True
    """True when nothing is between it and the part before."""
    is_marked: bool = False
    """True when the quote has an elision mark before it on a line with code."""


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
    language: str = ""
    """The language whose comments the file has, see `comments_of`; empty when they are not known."""
    comments: frozenset[int] = field(default=frozenset(), repr=False)
    """Numbers of the lines that may be left out without a mark, since they are nothing but comments."""

    def position(self, number: int) -> int:
        """Return the position of line `number`, or of the next line that is not blank."""
        return bisect_left(self.numbers, number)

    def text(self, position: int) -> str:
        """Return the line at a position."""
        return self.lines[self.numbers[position] - 1]

    def squeezed(self, position: int) -> str:
        """Return the line at a position, white space squeezed."""
        return self._squeezed[ord(self.string[position]) - 1]

    @cached_property
    def _squeezed(self) -> list[str]:
        # Characters were given out in this order.
        return list(self.letters)

    @cached_property
    def _tight(self) -> list[str]:
        # One substitution for the whole file: a call for each line would take most of the time.
        return _LOOSE_BLANK.sub("", "\n".join(self.letters)).split("\n")

    def stream_of(self, positions: range) -> Stream:
        """Return the stream of the lines at `positions`."""
        starts, ends, parts = [], [], []
        at = 0
        before = ""
        if len(positions) < len(self.numbers):
            lines = _LOOSE_BLANK.sub("", "\n".join(map(self.squeezed, positions))).split("\n") if positions else []
        else:
            lines = [self._tight[ord(letter) - 1] for letter in self.string]
        for line in lines:
            if before and _is_word(before[-1]) and _is_word(line[0]):
                parts.append(" ")
                at += 1
            starts.append(at)
            at += len(line)
            ends.append(at)
            parts.append(line)
            before = line
        return Stream("".join(parts), starts, ends, positions.start)

    @cached_property
    def stream(self) -> Stream:
        """The whole file as a stream."""
        return self.stream_of(range(len(self.numbers)))

    @cached_property
    def bare(self) -> LineIndex | None:
        """The file with no comments beside code, and with its other comments known; None without comments known here."""
        code = strip_comments(self.lines, self.language)
        if code is None:
            return None
        comments = frozenset(number for number in self.numbers if not code[number - 1].strip())
        index = index_lines(tuple(line if line.strip() else self.lines[at] for at, line in enumerate(code)))
        return replace(index, language=self.language, comments=comments)

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

    @cached_property
    def units(self) -> tuple[_Unit, ...]:
        """What is looked for in one piece each, when not all of the quote is."""
        return tuple(_split_units(self))

    @property
    def has_light_piece(self) -> bool:
        """True when one of several pieces identifies no place: of the lines equal to `}`, the first may be the wrong one."""
        lines = self.reading.lines
        cuts = [0, *(at for at, line in enumerate(lines) if at and line.is_after_gap), len(lines)]
        return len(cuts) > 2 and not all(any(is_informative(line.text) for line in lines[a:b]) for a, b in pairwise(cuts))

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


def index_lines(lines: tuple[str, ...], language: str = "") -> LineIndex:
    """Return the index of a file's `lines`, whose comments are those of `language`."""
    letters: dict[str, str] = {}
    numbers = []
    string = []
    for number, line in enumerate(lines, 1):
        squeezed = squeeze(line)
        if squeezed:
            letter = letters.get(squeezed)
            if letter is None:
                # Beyond a million different lines characters run out; the rest share one and are found by number only.
                letter = letters[squeezed] = chr(min(len(letters) + 1, _MOST_LETTERS))
            numbers.append(number)
            string.append(letter)
    return LineIndex(lines, tuple(numbers), letters, "".join(string), language)


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


def place_at_claim(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> tuple[Part, ...] | None:
    """Return where all of the quote is within `claimed`, or by its own numbers; None when not all of it is there."""
    lines = quoted.reading.lines
    is_known = UNKNOWN not in quoted.string
    if is_known and all(line.number is not None for line in lines):
        positions = [file.position(line.number or 0) for line in lines]
        numbers = [file.numbers[at] if at < len(file.numbers) else None for at in positions]
        if numbers == [line.number for line in lines] and "".join(file.string[at] for at in positions) == quoted.string:
            return _whole_parts(positions)
    elif is_known and not quoted.reading.is_numbered and not quoted.has_light_piece:
        # First without gaps other than the marked ones: the stricter reading names the tighter place.
        whole = _find_within(file, quoted.pieces(), _positions_in(file, claimed))
        if whole is not None:
            return _whole_parts(whole)
    if not claimed:
        return None  # without a claim every place is "elsewhere", and the text itself has to be proof
    hull = range(file.position(claimed[0].start_line), file.position(claimed[-1].end_line + 1))
    if len(hull) > _LARGEST or len(file.letters) >= _MOST_LETTERS:
        return None
    # `lines: 1-100000` makes the whole file the claim.
    stream = file.stream if len(hull) > _WIDEST else file.stream_of(hull)
    found = _Search(quoted, file, stream, claimed, is_bound=True, with_gaps=True).run()
    return found.parts() if found else None


def has_all_lines(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> bool:
    """True when every quoted line is within `claimed`, in whatever order."""
    letters = Counter[str]()
    for positions in _positions_in(file, claimed):
        letters.update(file.string[positions.start : positions.stop])
    return not Counter(quoted.string) - letters


def place_anywhere(
    quoted: Spelling, file: LineIndex, claimed: Sequence[Region], *, with_gaps: bool = False
) -> tuple[Part, ...] | None:
    """Return where all of the quote is, at the place that fits its numbers, else `claimed`, best.

    Lines are left out only where the quote says so, or anywhere `with_gaps`. None when there is no place, or the quote is
    too short to identify one.
    """
    pieces = quoted.pieces()
    if len(pieces) == 1 and UNKNOWN not in quoted.string and not with_gaps:
        places = _find_piece(file, pieces[0], claimed)
        if places:
            texts = [line.text for line in quoted.reading.lines]
            # A short quote is accepted away from its claim only where the file has it once; `}` never is.
            is_unique = len(places) == 1 and any(map(str.isalnum, "".join(texts)))
            at = min(places, key=lambda at: _distance(quoted.reading.lines, file, claimed, at))
            return _whole_parts(range(at, at + len(texts))) if is_unique or _says_where(texts) else None
    if len(file.numbers) > _LARGEST:
        return None
    found = _Search(quoted, file, file.stream, claimed, is_bound=False, with_gaps=with_gaps).run()
    return found.parts() if found and found.is_credible() else None


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


def find_closest(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> Region | None:
    """Return the lines of the file that are most like a quote which is not there; None when none are like it."""
    texts = [line.text for line in quoted.reading.lines]
    telling = max(texts, key=lambda text: sum(map(str.isalnum, text)))
    if len(texts) > LONGEST or not is_informative(telling) or not file.letters:
        return None
    alignments = [*_at_claim(quoted, file, texts, claimed)]
    alignments += (_align(file, texts, quoted.string, window) for window in _windows(file, quoted.string))
    best = max(alignments, key=lambda alignment: alignment.share, default=None)
    if best is not None and best.share >= _LIKE and best.pairs:
        return Region(start_line=file.numbers[best.pairs[0][1]], end_line=file.numbers[best.pairs[-1][1]])
    from rapidfuzz import fuzz, process

    found = process.extractOne(squeeze(telling)[:_LONGEST_LINE], list(file.letters), scorer=fuzz.ratio, score_cutoff=VERSIONS)
    if found is None:
        return None
    number = file.numbers[file.string.index(file.letters[found[0]])]
    return Region(start_line=number, end_line=number)


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


class _Unit(NamedTuple):
    """What is looked for in one piece: a quoted line, or what of it is between marks."""

    line: int
    """Index of the quoted line."""
    text: str
    """Its characters, as a stream has them."""
    letter: str
    """The character of the line; UNKNOWN for a part of one."""
    number: int | None
    """The line number that the quote gives it."""
    is_marked: bool
    """True when the author says that something was left out before it."""
    is_inline: bool
    """True when the mark is on a line with code."""
    is_light: bool
    """True when it does not identify a place."""
    gap_cost: float
    """What it costs to leave lines out before it."""
    indent: int
    """Width of its indentation."""
    starts_cut: bool
    """True when an elision mark is right before it, so that it may start within a word."""
    ends_cut: bool
    """True when an elision mark is right behind it, so that it may end within a word."""


class _State(NamedTuple):
    """The cheapest way to place the units up to one of them with that one at a spot."""

    spot: Spot
    cost: float
    before: int
    """Index of the state of the unit before."""
    is_joined: bool
    """True when nothing is between the two."""
    is_cut: bool
    """True when it ends within a word, and no mark says that it may."""


@dataclass(frozen=True)
class _Search:
    """The search for all units of a quote, in order, in a stream."""

    quoted: Spelling
    file: LineIndex
    stream: Stream
    claimed: Sequence[Region]
    is_bound: bool
    """True when only the claimed lines count."""
    with_gaps: bool
    """True when lines may be left out without a mark."""

    def run(self) -> _Found | None:
        """Return the cheapest place of all units; None without one."""
        units = self.quoted.units
        # What is nowhere ends the search early, and the longest text is the likeliest to be nowhere.
        unknown = max((unit.text for unit in units if unit.letter == UNKNOWN), key=len, default="")
        if not units or len(units) * len(self.stream.text) > _MOST_READ or unknown not in self.stream.text:
            return None
        shift = self._guess_shift(units)
        layers: list[list[_State]] = []
        left = _MOST_SPOTS
        for unit in units:
            before = layers[-1] if layers else None
            spots = self._spots(unit, before)
            left -= len(spots)
            layers.append(self._extend(before, unit, spots, shift) if left >= 0 else [])
            if not layers[-1]:
                return None
        ends = [index for index, state in enumerate(layers[-1]) if not state.is_cut]
        if not ends:
            return None
        at = min(ends, key=lambda index: layers[-1][index].cost)
        chosen: list[_State] = []
        for states in reversed(layers):
            chosen.append(states[at])
            at = states[at].before
        return _Found(self, units, chosen[::-1])

    def _guess_shift(self, units: Sequence[_Unit]) -> int | None:
        """Return by how much more the file is indented than the quote; None when no line says so."""
        for unit in units:
            spot = None if unit.is_light else self.stream.find(unit.text)
            if spot is not None and spot.starts:
                return self.indent_of(spot) - unit.indent
        return None

    def _spots(self, unit: _Unit, before: Sequence[_State] | None) -> list[Spot]:
        """Return where `unit` can be, rising."""
        if before is None:
            spots = {spot.start: spot for spot in self._all_spots(unit)}
        else:
            next_ones = (self.stream.find_next(unit.text, state.spot.end) for state in before)
            spots = {spot.start: spot for spot in next_ones if spot is not None}
            if unit.is_marked or self.with_gaps:
                spots = {spot.start: spot for spot in self._spots_after(unit, before)} | spots
        if self.is_bound:
            spots = {start: spot for start, spot in spots.items() if self.is_claimed(unit, spot)}
        return [spots[start] for start in sorted(spots)]

    def _all_spots(self, unit: _Unit) -> Iterator[Spot]:
        if unit.letter != UNKNOWN and not self.is_bound:
            yield from map(self.stream.line, _positions_of(self.file, unit.letter))
            return
        spot = self.stream.find(unit.text, within_word=unit.starts_cut)
        for _ in range(_PLACES):
            if spot is None:
                return
            yield spot
            spot = self.stream.find(unit.text, spot.start + 1, within_word=unit.starts_cut)

    def _spots_after(self, unit: _Unit, before: Sequence[_State]) -> Iterator[Spot]:
        """Yield where `unit` can be after the places of the unit before; of one that is everywhere, the next few places."""
        if not unit.is_light or self.is_bound:
            yield from self._all_spots(unit)
            return
        for state in before[:_PLACES]:
            at, spot = state.spot.last, state.spot
            for _ in range(_NEXT):
                at = self.file.string.find(unit.letter, at + 1) if unit.letter != UNKNOWN and at >= 0 else -1
                if at >= 0:
                    yield self.stream.line(at)
                after = self.stream.find(unit.text, spot.end, within_word=unit.starts_cut)
                if after is not None:
                    yield after
                    spot = after

    def _extend(self, before: Sequence[_State] | None, unit: _Unit, spots: Sequence[Spot], shift: int | None) -> list[_State]:
        """Return the states of `unit` at `spots`, each after the cheapest state of the unit before."""
        if before is None:
            return [
                _State(
                    spot, self._claim_cost(unit, spot) + (not spot.starts), 0, is_joined=True, is_cut=self._is_cut(unit, spot)
                )
                for spot in spots
            ]
        # A brace that is far away belongs to other code, so that a gap before one costs more.
        weight = 0.01 if unit.is_marked else 0.1 if unit.is_light else 0.05
        by_end = {state.spot.end: index for index, state in enumerate(before)}
        best, best_index, next_index = float("inf"), -1, 0
        states = []
        for spot in spots:
            while next_index < len(before) and before[next_index].spot.end <= spot.start:
                state = before[next_index]
                may_leave = not state.is_cut and (unit.is_marked or self.stream.closes(state.spot))
                cost = state.cost - weight * state.spot.last + (not state.spot.ends)
                if may_leave and cost < best:
                    best, best_index = cost, next_index
                next_index += 1
            claim = self._claim_cost(unit, spot)
            at = by_end.get(spot.start, by_end.get(spot.start - 1) if self.stream.text[spot.start - 1] == " " else None)
            joined = before[at].cost + claim if at is not None else float("inf")
            gap = float("inf")
            if best_index >= 0 and (unit.is_marked or (self.with_gaps and self.stream.opens(spot))):
                is_off = unit.is_light and shift is not None and self.indent_of(spot) != unit.indent + shift
                is_part = unit.letter != UNKNOWN and not spot.ends
                gap = best + weight * spot.first + unit.gap_cost + claim + (not spot.starts) + is_part + 2 * is_off
            is_joined = at is not None and joined <= gap
            if is_joined or gap < float("inf"):
                before_it = at if is_joined and at is not None else best_index
                is_cut = self._is_cut(unit, spot)
                states.append(_State(spot, min(joined, gap), before_it, is_joined=is_joined, is_cut=is_cut))
        return states

    def _is_cut(self, unit: _Unit, spot: Spot) -> bool:
        return not unit.ends_cut and self.stream.is_cut(spot.end)

    def indent_of(self, spot: Spot) -> int:
        """Return the indentation of the line that a spot starts on."""
        return _indent(self.file.text(spot.first))

    def is_claimed(self, unit: _Unit, spot: Spot) -> bool:
        """True when `unit` is claimed to be at a spot."""
        numbers = self.file.numbers[spot.first], self.file.numbers[spot.last]
        if unit.number is not None:
            return numbers[0] == unit.number
        return not self.claimed or all(any(number in region for region in self.claimed) for number in numbers)

    def _claim_cost(self, unit: _Unit, spot: Spot) -> float:
        """Return what it costs that `unit` is not where it is claimed to be; between equal places, the nearest costs least."""
        number = self.file.numbers[spot.first]
        if unit.number is not None:
            return 0 if number == unit.number else 2 + 1e-4 * min(abs(number - unit.number), 10_000)
        if not self.claimed or any(number in region for region in self.claimed):
            return 0
        distance = min(min(abs(number - region.start_line), abs(number - region.end_line)) for region in self.claimed)
        return (0.5 if unit.is_light else 2) + 1e-4 * min(distance, 10_000)


@dataclass(frozen=True)
class _Found:
    """What a search found."""

    search: _Search
    units: Sequence[_Unit]
    states: Sequence[_State]
    """One for each unit."""

    def parts(self) -> tuple[Part, ...]:
        """Return the place of each unit."""
        return tuple(
            Part(
                unit.line,
                spot.first,
                spot.last,
                is_whole=spot.starts and spot.ends and spot.first == spot.last,
                is_joined=is_joined,
                is_marked=unit.is_inline,
            )
            for unit, (spot, _, _, is_joined, _) in zip(self.units, self.states, strict=True)
        )

    def is_credible(self) -> bool:
        """True when this is where the quote was copied from, and not lines strewn over a file."""
        texts = [unit.text for unit in self.units]
        if not (self._is_at_claim() or _says_where(texts) or any(map(self._is_unique, self.units))):
            return False
        starts = [index for index, state in enumerate(self.states) if not state.is_joined]
        gaps = [start for start in starts if not self.units[start].is_marked and self._width(start)]
        # Lines of which each is in the file once may be further apart: the head of a class, and one of its functions.
        is_sure = bool(gaps) and all(unit.is_light or self._is_unique(unit) for unit in self.units)
        if not is_sure and len(gaps) * 2 > len(self.units):
            return False
        if any(self._width(gap) > (_WIDEST_SURE_GAP if is_sure else _WIDEST_GAP) for gap in gaps):
            return False
        runs = [range(a, b) for a, b in pairwise((0, *starts, len(texts)))]
        return all(self._is_near(run) for run in runs if all(self.units[index].is_light for index in run))

    def _is_at_claim(self) -> bool:
        is_claim = bool(self.search.claimed) or self.search.quoted.reading.is_numbered
        places = zip(self.units, self.states, strict=True)
        return is_claim and any(not unit.is_light and self.search.is_claimed(unit, state.spot) for unit, state in places)

    def _is_unique(self, unit: _Unit) -> bool:
        if unit.letter != UNKNOWN:
            return len(self.search.file.rare.get(unit.letter, ())) == 1 and any(map(str.isalnum, unit.text))
        return not unit.is_light and self.search.stream.text.count(unit.text) == 1

    def _width(self, index: int) -> int:
        """Return how many lines of code are between a unit and the one before."""
        file = self.search.file
        gap = range(self.states[index - 1].spot.last + 1, self.states[index].spot.first)
        return sum(file.numbers[at] not in file.comments for at in gap) if file.comments else len(gap)

    def _is_near(self, run: range) -> bool:
        """True when lines that are everywhere, such as `}`, are close to the others or indented as these are."""
        shifts = {
            self.search.indent_of(state.spot) - unit.indent
            for unit, state in zip(self.units, self.states, strict=True)
            if state.spot.starts and not unit.is_light
        }
        edges = [index for index in (run.start, run.stop) if 0 < index < len(self.units)]
        sides = {run.start: run.start, run.stop: run.stop - 1}
        return all(
            self._width(edge) <= (_WIDEST_GAP if self.units[edge].is_marked else _WIDEST_LIGHT_GAP)
            or self.search.indent_of(self.states[sides[edge]].spot) - self.units[sides[edge]].indent in shifts
            for edge in edges
        )


def _whole_parts(positions: Sequence[int]) -> tuple[Part, ...]:
    parts = [Part(0, positions[0], positions[0])]
    for index, (before, at) in enumerate(pairwise(positions), 1):
        parts.append(Part(index, at, at, is_joined=at == before + 1))
    return tuple(parts)


def _find_piece(file: LineIndex, piece: str, claimed: Sequence[Region]) -> list[int]:
    """Return the positions where `piece` is in one piece: the first ones, and the first ones around the claim."""
    near = file.position(claimed[0].start_line) - len(piece) if claimed else 0
    places = set()
    for start in {0, max(near, 0)}:
        at = file.string.find(piece, start)
        for _ in range(_PLACES):
            if at < 0:
                break
            places.add(at)
            at = file.string.find(piece, at + 1)
    return sorted(places)


def _positions_of(file: LineIndex, letter: str) -> Sequence[int]:
    """Return the positions of a line; of one that is common, the first 5,000."""
    if letter in file.rare:
        return file.rare[letter]
    positions: list[int] = []
    at = file.string.find(letter)
    while at >= 0 and len(positions) < 5_000:
        positions.append(at)
        at = file.string.find(letter, at + 1)
    return positions


def _split_units(quoted: Spelling) -> list[_Unit]:
    """Return what of a quote is looked for in one piece each."""
    units: list[_Unit] = []
    is_marked = False
    for index, (line, letter) in enumerate(zip(quoted.reading.lines, quoted.string, strict=True)):
        texts = [line.text] if letter != UNKNOWN else _split_inline(line.text)
        for part, text in enumerate(texts):
            is_inline = is_marked or part > 0
            is_marked = is_inline
            if characters := _tighten(text):
                is_light = not is_informative(text)
                is_gap = is_inline or line.is_after_gap
                # Of two braces in a row, the first belongs to the code before it.
                is_first_light = is_light and bool(units) and not units[-1].is_light
                units.append(
                    _Unit(
                        index,
                        characters,
                        letter,
                        line.number if part == 0 else None,
                        is_marked=is_gap,
                        is_inline=is_inline,
                        is_light=is_light,
                        gap_cost=0 if is_gap else 3.5 if is_first_light else 3,
                        indent=_indent(line.text),
                        starts_cut=part > 0 and not text[0].isspace(),
                        ends_cut=part < len(texts) - 1 and not text[-1].isspace(),
                    )
                )
                is_marked = False
        is_marked = len(texts) > 1 and not texts[-1].strip()
    return units


def _split_inline(text: str) -> list[str]:
    """Return what is between the elision marks in a line that the file does not have, without the signs of a wrapped line."""
    # In longer lines, which are data, no marks are looked for.
    return _INLINE_ELISION.split(_WRAP.sub("", text)) if len(text) <= _LONGEST_MARKED else [text]


def _tighten(text: str) -> str:
    return _LOOSE_BLANK.sub("", squeeze(text))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _indent(text: str) -> int:
    expanded = text.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _says_where(texts: Sequence[str]) -> bool:
    """True when two lines identify a place, or one that is long enough to do so anywhere: `return None` is not."""
    return sum(map(is_informative, texts)) > 1 or any(sum(map(str.isalnum, text)) >= _TELLING for text in texts)


def _distance(lines: Sequence[QuotedLine], file: LineIndex, claimed: Sequence[Region], at: int) -> tuple[int, int]:
    """Return how badly a place in one piece fits: numbers or claimed lines that it misses, and how far away it is."""
    numbers = file.numbers[at : at + len(lines)]
    if any(line.number is not None for line in lines):
        shifts = [abs(number - line.number) for number, line in zip(numbers, lines, strict=True) if line.number is not None]
        return sum(shift != 0 for shift in shifts), sum(shifts)
    ranges = _positions_in(file, claimed)
    hit = sum(max(0, min(positions.stop, at + len(lines)) - max(positions.start, at)) for positions in ranges)
    return len(lines) - hit, abs(numbers[0] - claimed[0].start_line) if claimed else 0


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
    from rapidfuzz import fuzz

    quoted = [squeeze(text)[:_LONGEST_LINE] for text in texts]
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
                ratio = fuzz.ratio(quoted[index], file.squeezed(position)[:_LONGEST_LINE], score_cutoff=VERSIONS)
                if ratio:
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
