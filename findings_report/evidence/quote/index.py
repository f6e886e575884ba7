"""The lines of a file and of a quote, made searchable. Pure.

Every distinct line of a file, white space squeezed, becomes one character, and the file a string of them: what is
quoted in one piece is then found by `str.find`, however often it is asked for. Parts of lines are looked for in the file's
`Stream` of characters. Blank lines are left out on both sides.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from findings_report.evidence.quote.marks import strip_remark
from findings_report.evidence.quote.parse import Reading, replace_texts
from findings_report.model.evidence import Region
from findings_report.sourcecode.languages import strip_comments
from findings_report.sourcecode.lines import is_informative, squeeze

UNKNOWN: Final = "\0"
"""The character of a line that the file does not have."""

COMMON: Final = 20
"""A line that occurs more often does not identify a place."""

MOST_LETTERS: Final = 0x10FFFF
"""Different lines of a file that have a character of their own; the others share the last one."""

_MOST_CUTS = 200  # places within a word that are passed over
_LONGEST_MARKED = 1_000  # characters of a line in which elision marks are looked for

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

    def span(self, start: int, end: int) -> Span:
        """Return the span of the characters from `start` to `end`."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_right(self.starts, end - 1, lo=first) - 1
        return Span(
            start,
            end,
            self.offset + first,
            self.offset + last,
            starts=start == self.starts[first],
            ends=end == self.ends[last],
        )

    def line(self, position: int) -> Span:
        """Return the span of a whole line."""
        at = position - self.offset
        return Span(self.starts[at], self.ends[at], position, position, starts=True, ends=True)

    def find(self, text: str, start: int = 0, *, within_word: bool = False) -> Span | None:
        """Return the first span of `text`, from `start` on, that starts with a whole word, or anywhere `within_word`."""
        at = self.text.find(text, start)
        for _ in range(_MOST_CUTS):
            if at < 0:
                return None
            if within_word or not self.is_cut(at):
                return self.span(at, at + len(text))
            at = self.text.find(text, at + 1)
        return None

    def find_next(self, text: str, end: int) -> Span | None:
        """Return the span of `text` if it follows directly on `end`, perhaps in the middle of a word."""
        for at in (end, end + 1):
            if self.text.startswith(text, at) and not self.text[end:at].strip():
                return self.span(at, at + len(text))
        return None

    def is_cut(self, at: int) -> bool:
        """True when a word is on both sides of an offset."""
        return 0 < at < len(self.text) and _is_word(self.text[at - 1]) and _is_word(self.text[at])

    def opens(self, span: Span) -> bool:
        """True when no word of its first line is before the span."""
        return span.starts or not any(map(str.isalnum, self.text[self.starts[span.first - self.offset] : span.start]))

    def closes(self, span: Span) -> bool:
        """True when no word of its last line is after the span."""
        return span.ends or not any(map(str.isalnum, self.text[span.end : self.ends[span.last - self.offset]]))


class Span(NamedTuple):
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

    def positions_in(self, regions: Sequence[Region]) -> list[range]:
        """Return the positions of the lines of `regions`; of the whole file when there are none."""
        if not regions:
            return [range(len(self.string))]
        return [range(self.position(region.start_line), self.position(region.end_line + 1)) for region in regions]

    def positions_of(self, letter: str) -> Sequence[int]:
        """Return the positions of a line; of one that is common, the first 5,000."""
        if letter in self.rare:
            return self.rare[letter]
        positions: list[int] = []
        at = self.string.find(letter)
        while at >= 0 and len(positions) < 5_000:
            positions.append(at)
            at = self.string.find(letter, at + 1)
        return positions


class Unit(NamedTuple):
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
    starts_cut: bool
    """True when an elision mark is right before it, so that it may start within a word."""
    ends_cut: bool
    """True when an elision mark is right behind it, so that it may end within a word."""


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
    def units(self) -> tuple[Unit, ...]:
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
                letter = letters[squeezed] = chr(min(len(letters) + 1, MOST_LETTERS))
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


def _split_units(quoted: Spelling) -> list[Unit]:
    """Return what of a quote is looked for in one piece each."""
    units: list[Unit] = []
    is_marked = False
    for index, (line, letter) in enumerate(zip(quoted.reading.lines, quoted.string, strict=True)):
        texts = [line.text]
        # In longer lines, which are data, no marks are looked for.
        if letter == UNKNOWN and len(line.text) <= _LONGEST_MARKED:
            texts = _INLINE_ELISION.split(_WRAP.sub("", line.text))
        for part, text in enumerate(texts):
            is_inline = is_marked or part > 0
            is_marked = is_inline
            if characters := tighten(text):
                is_light = not is_informative(text)
                is_gap = is_inline or line.is_after_gap
                # Of two braces in a row, the first belongs to the code before it.
                is_first_light = is_light and bool(units) and not units[-1].is_light
                units.append(
                    Unit(
                        index,
                        characters,
                        letter,
                        line.number if part == 0 else None,
                        is_marked=is_gap,
                        is_inline=is_inline,
                        is_light=is_light,
                        gap_cost=0 if is_gap else 3.5 if is_first_light else 3,
                        starts_cut=part > 0 and not text[0].isspace(),
                        ends_cut=part < len(texts) - 1 and not text[-1].isspace(),
                    )
                )
                is_marked = False
        is_marked = len(texts) > 1 and not texts[-1].strip()
    return units


def tighten(text: str) -> str:
    """Return a line as a stream has it: with no white space except one blank between words."""
    return _LOOSE_BLANK.sub("", squeeze(text))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def indent_of(text: str) -> int:
    """Return the width of the indentation of a line; a tab ends at a multiple of 4."""
    expanded = text.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
