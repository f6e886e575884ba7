"""Where all of a quote is in a file, in order. Pure.

A quote in one piece is found as a piece. Quotes with gaps and parts of lines are found as the chain of
places that costs least: numbers and cited lines decide among equal places, and a gap costs more than none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from findings_report.evidence.quote.index import (
    MOST_LETTERS,
    UNKNOWN,
    LineIndex,
    Span,
    Spelling,
    Stream,
    Unit,
    indent_of,
    tighten,
)
from findings_report.evidence.quote.parse import QuotedLine, Reading
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import is_informative, squeeze

_PLACES = 200  # places of one text that are looked at; more than that and it says nothing about where it came from
_TELLING = 20  # letters and digits of a line that is taken for the quoted one wherever it is
_WIDEST_GAP = 30  # lines that a quote away from its claimed place may leave out without a mark and still be one quote
_WIDEST_SURE_GAP = 300  # the same between lines of which each is in the file once
_WIDEST_LIGHT_GAP = 3  # the same beside lines such as `}`, which are everywhere, unless the indentation fits
_WIDEST = 20_000  # lines of a claim that are searched by themselves
_LARGEST = 200_000  # lines of a file in which parts and gaps are looked for away from the claimed lines
_NEXT = 3  # places, after the line before, at which a line that is everywhere is looked for
_MOST_SPOTS = 60_000  # places of all parts of a quote that one search weighs; bounds the time on code that repeats itself
_MOST_READ = 100_000_000  # characters that one search for parts may read
_MARK = re.compile(r"\.{3}|[…↪↳⤷↩↵⏎¬\\]")


class PlacedPart(NamedTuple):
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


def place_at_claim(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> tuple[PlacedPart, ...] | None:
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
        whole = _find_within(file, quoted.pieces(), file.positions_in(claimed))
        if whole is not None:
            return _whole_parts(whole)
    if not claimed:
        return None  # without a claim every place is "elsewhere", and the text itself has to be proof
    hull = range(file.position(claimed[0].start_line), file.position(claimed[-1].end_line + 1))
    if len(hull) > _LARGEST or len(file.letters) >= MOST_LETTERS:
        return None
    # `lines: 1-100000` makes the whole file the claim.
    stream = file.stream if len(hull) > _WIDEST else file.stream_of(hull)
    found = _ChainSearch(quoted, file, stream, claimed, is_bound=True, with_gaps=True).run()
    return found.parts() if found else None


def is_foreign(reading: Reading, file: LineIndex) -> bool:
    """True when `file` has neither half of a line of `reading`: comments within it cannot be why it is not there."""
    if len(file.numbers) > _LARGEST:
        return True
    for line in reading.lines:
        text = tighten(line.text)
        half = len(text) // 2
        is_plain = squeeze(line.text) not in file.letters and not _MARK.search(text)
        if is_plain and text[:half] not in file.stream.text and text[half:] not in file.stream.text:
            return True
    return False


def has_all_lines(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> bool:
    """True when every quoted line is within `claimed`, in whatever order."""
    letters = Counter[str]()
    for positions in file.positions_in(claimed):
        letters.update(file.string[positions.start : positions.stop])
    return not Counter(quoted.string) - letters


def place_anywhere(
    quoted: Spelling, file: LineIndex, claimed: Sequence[Region], *, with_gaps: bool = False
) -> tuple[PlacedPart, ...] | None:
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
    found = _ChainSearch(quoted, file, file.stream, claimed, is_bound=False, with_gaps=with_gaps).run()
    return found.parts() if found and found.is_credible() else None


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


class _State(NamedTuple):
    """The cheapest way to place the units up to one of them with that one at a span."""

    span: Span
    cost: float
    before: int
    """Index of the state of the unit before."""
    is_joined: bool
    """True when nothing is between the two."""
    is_cut: bool
    """True when it ends within a word, and no mark says that it may."""


@dataclass(frozen=True)
class _ChainSearch:
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
            spans = self._spans(unit, before)
            left -= len(spans)
            layers.append(self._extend(before, unit, spans, shift) if left >= 0 else [])
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

    def _guess_shift(self, units: Sequence[Unit]) -> int | None:
        """Return by how much more the file is indented than the quote; None when no line says so."""
        for unit in units:
            span = None if unit.is_light else self.stream.find(unit.text)
            if span is not None and span.starts:
                return self.shift_of(unit, span)
        return None

    def _spans(self, unit: Unit, before: Sequence[_State] | None) -> list[Span]:
        """Return where `unit` can be, rising."""
        if before is None:
            spans = {span.start: span for span in self._all_spans(unit)}
        else:
            next_ones = (self.stream.find_next(unit.text, state.span.end) for state in before)
            spans = {span.start: span for span in next_ones if span is not None}
            if unit.is_marked or self.with_gaps:
                spans = {span.start: span for span in self._spans_after(unit, before)} | spans
        if self.is_bound:
            spans = {start: span for start, span in spans.items() if self.is_claimed(unit, span)}
        return [spans[start] for start in sorted(spans)]

    def _all_spans(self, unit: Unit) -> Iterator[Span]:
        if unit.letter != UNKNOWN and not self.is_bound:
            yield from map(self.stream.line, self.file.positions_of(unit.letter))
            return
        span = self.stream.find(unit.text, within_word=unit.starts_cut)
        for _ in range(_PLACES):
            if span is None:
                return
            yield span
            span = self.stream.find(unit.text, span.start + 1, within_word=unit.starts_cut)

    def _spans_after(self, unit: Unit, before: Sequence[_State]) -> Iterator[Span]:
        """Yield where `unit` can be after the places of the unit before; of one that is everywhere, the next few places."""
        if not unit.is_light or self.is_bound:
            yield from self._all_spans(unit)
            return
        for state in before[:_PLACES]:
            at, span = state.span.last, state.span
            for _ in range(_NEXT):
                at = self.file.string.find(unit.letter, at + 1) if unit.letter != UNKNOWN and at >= 0 else -1
                if at >= 0:
                    yield self.stream.line(at)
                after = self.stream.find(unit.text, span.end, within_word=unit.starts_cut)
                if after is not None:
                    yield after
                    span = after

    def _extend(self, before: Sequence[_State] | None, unit: Unit, spans: Sequence[Span], shift: int | None) -> list[_State]:
        """Return the states of `unit` at `spans`, each after the cheapest state of the unit before."""
        if before is None:
            return [
                _State(
                    span, self._claim_cost(unit, span) + (not span.starts), 0, is_joined=True, is_cut=self._is_cut(unit, span)
                )
                for span in spans
            ]
        # A brace that is far away belongs to other code, so that a gap before one costs more.
        weight = 0.01 if unit.is_marked else 0.1 if unit.is_light else 0.05
        by_end = {state.span.end: index for index, state in enumerate(before)}
        best, best_index, next_index = float("inf"), -1, 0
        states = []
        for span in spans:
            while next_index < len(before) and before[next_index].span.end <= span.start:
                state = before[next_index]
                may_leave = not state.is_cut and (unit.is_marked or self.stream.closes(state.span))
                cost = state.cost - weight * state.span.last + (not state.span.ends)
                if may_leave and cost < best:
                    best, best_index = cost, next_index
                next_index += 1
            claim = self._claim_cost(unit, span)
            at = by_end.get(span.start, by_end.get(span.start - 1) if self.stream.text[span.start - 1] == " " else None)
            joined = before[at].cost + claim if at is not None else float("inf")
            gap = float("inf")
            if best_index >= 0 and (unit.is_marked or (self.with_gaps and self.stream.opens(span))):
                is_off = unit.is_light and shift is not None and self.shift_of(unit, span) != shift
                is_part = unit.letter != UNKNOWN and not span.ends
                gap = best + weight * span.first + unit.gap_cost + claim + (not span.starts) + is_part + 2 * is_off
            is_joined = at is not None and joined <= gap
            if is_joined or gap < float("inf"):
                before_it = at if is_joined and at is not None else best_index
                is_cut = self._is_cut(unit, span)
                states.append(_State(span, min(joined, gap), before_it, is_joined=is_joined, is_cut=is_cut))
        return states

    def _is_cut(self, unit: Unit, span: Span) -> bool:
        return not unit.ends_cut and self.stream.is_cut(span.end)

    def shift_of(self, unit: Unit, span: Span) -> int:
        """Return by how much more the file is indented at a span than the quote."""
        return indent_of(self.file.text(span.first)) - indent_of(self.quoted.reading.lines[unit.line].text)

    def is_claimed(self, unit: Unit, span: Span) -> bool:
        """True when `unit` is claimed to be at a span."""
        numbers = self.file.numbers[span.first], self.file.numbers[span.last]
        if unit.number is not None:
            return numbers[0] == unit.number
        return not self.claimed or all(any(number in region for region in self.claimed) for number in numbers)

    def _claim_cost(self, unit: Unit, span: Span) -> float:
        """Return what it costs that `unit` is not where it is claimed to be; between equal places, the nearest costs least."""
        number = self.file.numbers[span.first]
        if unit.number is not None:
            return 0 if number == unit.number else 2 + 1e-4 * min(abs(number - unit.number), 10_000)
        if not self.claimed or any(number in region for region in self.claimed):
            return 0
        distance = min(min(abs(number - region.start_line), abs(number - region.end_line)) for region in self.claimed)
        return (0.5 if unit.is_light else 2) + 1e-4 * min(distance, 10_000)


@dataclass(frozen=True)
class _Found:
    """What a search found."""

    search: _ChainSearch
    units: Sequence[Unit]
    states: Sequence[_State]
    """One for each unit."""

    def parts(self) -> tuple[PlacedPart, ...]:
        """Return the place of each unit."""
        return tuple(
            PlacedPart(
                unit.line,
                span.first,
                span.last,
                is_whole=span.starts and span.ends and span.first == span.last,
                is_joined=is_joined,
                is_marked=unit.is_inline,
            )
            for unit, (span, _, _, is_joined, _) in zip(self.units, self.states, strict=True)
        )

    def is_credible(self) -> bool:
        """True when this is where the quote was copied from, and not lines strewn over a file."""
        texts = [unit.text for unit in self.units]
        is_at_claim = self._is_at_claim()
        if not (is_at_claim or _says_where(texts) or any(map(self._is_unique, self.units))):
            return False
        starts = [index for index, state in enumerate(self.states) if not state.is_joined]
        gaps = [start for start in starts if not self.units[start].is_marked and self._width(start)]
        # Lines of which each is in the file once may be further apart: the head of a class, and one of its functions.
        is_sure = bool(gaps) and all(unit.is_light or self._is_unique(unit) for unit in self.units)
        if not is_sure and len(gaps) * 2 > len(self.units):
            return False
        widest = _WIDEST_SURE_GAP if is_sure else _WIDEST_GAP
        # Who cites as many lines as are quoted means those: a line from far away is more likely an edited one of them.
        cited = sum(region.end_line - region.start_line + 1 for region in self.search.claimed)
        telling = min(widest, len(texts)) if is_at_claim and cited >= len(texts) else widest
        if any(self._width(gap) > (widest if self.units[gap].is_light else telling) for gap in gaps):
            return False
        runs = [range(a, b) for a, b in pairwise((0, *starts, len(texts)))]
        return all(self._is_near(run) for run in runs if all(self.units[index].is_light for index in run))

    def _is_at_claim(self) -> bool:
        is_claim = bool(self.search.claimed) or self.search.quoted.reading.is_numbered
        places = zip(self.units, self.states, strict=True)
        return is_claim and any(not unit.is_light and self.search.is_claimed(unit, state.span) for unit, state in places)

    def _is_unique(self, unit: Unit) -> bool:
        if unit.letter != UNKNOWN:
            return len(self.search.file.rare.get(unit.letter, ())) == 1 and any(map(str.isalnum, unit.text))
        return not unit.is_light and self.search.stream.text.count(unit.text) == 1

    def _width(self, index: int) -> int:
        """Return how many lines of code are between a unit and the one before."""
        file = self.search.file
        gap = range(self.states[index - 1].span.last + 1, self.states[index].span.first)
        return sum(file.numbers[at] not in file.comments for at in gap) if file.comments else len(gap)

    def _is_near(self, run: range) -> bool:
        """True when lines that are everywhere, such as `}`, are close to the others or indented as these are."""
        shifts = {
            self.search.shift_of(unit, state.span)
            for unit, state in zip(self.units, self.states, strict=True)
            if state.span.starts and not unit.is_light
        }
        edges = [index for index in (run.start, run.stop) if 0 < index < len(self.units)]
        sides = {run.start: run.start, run.stop: run.stop - 1}
        return all(
            self._width(edge) <= (_WIDEST_GAP if self.units[edge].is_marked else _WIDEST_LIGHT_GAP)
            or self.search.shift_of(self.units[sides[edge]], self.states[sides[edge]].span) in shifts
            for edge in edges
        )


def _whole_parts(positions: Sequence[int]) -> tuple[PlacedPart, ...]:
    parts = [PlacedPart(0, positions[0], positions[0])]
    for index, (before, at) in enumerate(pairwise(positions), 1):
        parts.append(PlacedPart(index, at, at, is_joined=at == before + 1))
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


def _says_where(texts: Sequence[str]) -> bool:
    """True when two lines identify a place, or one that is long enough to do so anywhere: `return None` is not."""
    return sum(map(is_informative, texts)) > 1 or any(sum(map(str.isalnum, text)) >= _TELLING for text in texts)


def _distance(lines: Sequence[QuotedLine], file: LineIndex, claimed: Sequence[Region], at: int) -> tuple[int, int]:
    """Return how badly a place in one piece fits: numbers or claimed lines that it misses, and how far away it is."""
    numbers = file.numbers[at : at + len(lines)]
    if any(line.number is not None for line in lines):
        shifts = [abs(number - line.number) for number, line in zip(numbers, lines, strict=True) if line.number is not None]
        return sum(shift != 0 for shift in shifts), sum(shifts)
    ranges = file.positions_in(claimed)
    hit = sum(max(0, min(positions.stop, at + len(lines)) - max(positions.start, at)) for positions in ranges)
    return len(lines) - hit, abs(numbers[0] - claimed[0].start_line) if claimed else 0


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
