"""Literal texts, found in what people and programs write: whatever blanks, escapes, emphasis or composed letters are in them.

Pure: strings in, places out. A place is (start, end) in the written text.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
import urllib.parse
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from findings_report.problems.safe_text import HIDDEN

TELLING: Final = 8
"""Characters of a masked line or of the beginning of a text that identify it; fewer are in every file."""
_IN_WORDS: Final = frozenset("_./-")
"""Signs in paths and names; behind a text that a message cuts off it prints any other sign, a blank or nothing."""


@dataclass(frozen=True)
class Literal:
    """One text, found whatever blanks and line breaks are between its words."""

    text: str
    passage: str
    """The text to mask of which this is a form."""
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.text.split()))

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the places of the text in `text`."""
        if self.is_long:
            yield from self._find_collapsed(text)
        elif self.words:
            index = self._longest
            start = text.find(self.words[index])
            while start >= 0:
                if (place := self.find_at(text, index, start)) is not None:
                    yield place
                start = text.find(self.words[index], start + 1)

    def find_at(self, text: str, index: int, start: int) -> tuple[int, int] | None:
        """Return the place of the text of which word `index` is at `start`; None if it is not there."""
        if start < 0 or not text.startswith(self.words[index], start):
            return None
        end = start + len(self.words[index])
        for word in self.words[index + 1 :]:
            blanks = _BLANKS.match(text, end)
            if blanks is None or not text.startswith(word, blanks.end()):
                return None
            end = blanks.end() + len(word)
        for word in reversed(self.words[:index]):
            before = start
            while before > 0 and text[before - 1].isspace():
                before -= 1
            if before == start or not text.endswith(word, 0, before):
                return None
            start = before - len(word)
        return start, end

    def list_keys(self) -> Iterator[tuple[str, int, int]]:
        """Yield parts of words, without which the text is nowhere: a part, the index of its word, and its place in the word."""
        for index, word in enumerate(self.words[:_MOST_WORDS]):
            length = next(length for length in _KEY_LENGTHS if length <= len(word))
            yield word[:length], index, 0
            yield word[-length:], index, len(word) - length

    @property
    def is_long(self) -> bool:
        """Return True if a search around each place of one word could cost the square of the length of `a a a b`."""
        return len(self.words) > _MOST_WORDS

    @cached_property
    def _longest(self) -> int:
        return max(range(len(self.words)), key=lambda index: len(self.words[index]))

    def _find_collapsed(self, text: str) -> Iterator[tuple[int, int]]:
        if self.words[0] not in text:
            return
        collapsed, places = _collapse(text)
        needle = " ".join(self.words)
        start = collapsed.find(needle)
        while start >= 0:
            end = start + len(needle)
            yield places[start], places[end - 1] + 1
            start = collapsed.find(needle, end)


_FEW: Final = 16  # texts that are searched for one by one faster than by their keys
_KEY_LENGTHS: Final = (16, 8, 4, 2, 1)
_MOST_WORDS: Final = 32


class Literals:
    """Texts to find, by a part of each that few others have: the masked lines of a large file are 20,000 texts."""

    def __init__(self, passages: Mapping[str, str]) -> None:
        self._all = tuple(Literal(text, passage) for text, passage in passages.items())

    def find(self, text: str) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield the passages in `text`, each with its place."""
        is_few = len(self._all) <= _FEW
        for literal in self._all if is_few else self._long:
            yield from ((literal.passage, place) for place in literal.find(text))
        for length, keyed in () if is_few else self._by_key.items():
            for at in range(len(text) - length + 1):
                for literal, index, offset in keyed.get(text[at : at + length], ()):
                    if (place := literal.find_at(text, index, at - offset)) is not None:
                        yield literal.passage, place

    def find_beginnings(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where `text` has the beginning of a text, of at least TELLING characters, that is cut off or half of that text.

        Any other is a text of its own: a path that begins as a masked line of code does, `tests/test_` and so on.
        """
        for start in range(len(text) - TELLING + 1):
            head = text[start : start + TELLING]
            if head in self._heads:
                # Of all texts in order, the one that has most in common with this place is next to it.
                rest = text[start : start + self._length]
                at = bisect(self._sorted, rest)
                for other in self._sorted[max(at - 1, 0) : at + 1]:
                    common = _count_common(rest, other)
                    end = start + common
                    goes_on = (
                        end < len(text) and (text[end].isalnum() or text[end] in _IN_WORDS) and not text.startswith("...", end)
                    )
                    if common >= TELLING and (not goes_on or 2 * common >= len(other)):
                        yield start, end

    @cached_property
    def _long(self) -> tuple[Literal, ...]:
        return tuple(literal for literal in self._all if literal.is_long)

    @cached_property
    def _by_key(self) -> dict[int, dict[str, list[tuple[Literal, int, int]]]]:
        """Return the other texts by their rarest key, and the keys by length."""
        counts = Counter(key for literal in self._all for key, _, _ in literal.list_keys())
        by_key: dict[int, dict[str, list[tuple[Literal, int, int]]]] = {}
        for literal in self._all:
            if literal.words and not literal.is_long:
                key, index, offset = min(literal.list_keys(), key=lambda entry: (counts[entry[0]], -len(entry[0])))
                by_key.setdefault(len(key), {}).setdefault(key, []).append((literal, index, offset))
        return by_key

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(literal.text for literal in self._all if len(literal.text) > TELLING)

    @cached_property
    def _length(self) -> int:
        return max(map(len, self._sorted))

    @cached_property
    def _heads(self) -> frozenset[str]:
        return frozenset(text[:TELLING] for text in self._sorted if not text[:TELLING].isspace())


def _count_common(text: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((at for at, (one, two) in pairs if one != two), min(len(text), len(other)))


def _collapse(text: str) -> tuple[str, Sequence[int]]:
    """Return the text with one blank for each run of them, and the place in `text` of each of its characters."""
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for match in _BLANKS.finditer(text):
        parts += (text[at : match.start()], " ")
        places += range(at, match.start() + 1)
        at = match.end()
    return "".join((*parts, text[at:])), [*places, *range(at, len(text))]


_BLANKS: Final = re.compile(r"\s++")


_ESCAPE: Final = re.compile(
    r"\\(?P<sign>[!-/:-@\[-`{-~])|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)|(?>(?:%[0-9A-Fa-f]{2})+)"
)
"""A character as Markdown or an address may write it. Source: CommonMark 0.31.2, 2.4 and 2.5; RFC 3986, 2.1."""


@dataclass(frozen=True)
class TextReading:
    """A text as a reader has it, and where in the text as written its characters are."""

    text: str
    starts: Sequence[int]
    """For each character the place of the first one that it is read from."""
    lasts: Sequence[int]
    """And of the last one."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place of a passage."""
        return self.starts[start], self.lasts[end - 1] + 1

    def place(self, written: str, start: int, end: int) -> tuple[int, int]:
        """Return the place of a passage in prose, of which the last character may be written as an entity."""
        first, after = self.span(start, end)
        return first, _end_of_escape(written, after)


def _read_escapes(text: str) -> Iterator[TextReading]:
    """Yield the text with its escapes read; nothing without escapes."""
    if _ESCAPE.search(text) is None:
        return
    characters: list[str] = []
    places: list[int] = []
    at = 0
    for match in (*_ESCAPE.finditer(text), None):
        end = match.start() if match is not None else len(text)
        characters += text[at:end]
        places += range(at, end)
        if match is not None:
            read = _read_escape(match)
            characters += read
            places += [match.start()] * len(read)
            at = match.end()
    yield TextReading("".join(characters), places, places)


def compositions(text: str) -> tuple[str, ...]:
    """Return a text, and the same one with composed letters if it is written with others."""
    composed = unicodedata.normalize("NFC", text)
    return (text,) if composed == text else (text, composed)


def list_readings(text: str) -> Iterator[TextReading]:
    """Yield the written prose, and the prose that a reader has: with escapes read, and with composed letters."""
    plain = TextReading(text, range(len(text)), range(len(text)))
    for reading in (plain, *_read_escapes(text)):
        yield reading
        yield from _compose(reading)


def list_compositions(code: str) -> Iterator[TextReading]:
    """Yield the written code, and with composed letters."""
    plain = TextReading(code, range(len(code)), range(len(code)))
    yield plain
    yield from _compose(plain)


def _compose(reading: TextReading) -> Iterator[TextReading]:
    """Yield the text with composed letters: `e` with U+0301 is `é` (Unicode, UAX 15); nothing if they are composed."""
    if unicodedata.is_normalized("NFC", reading.text):
        return
    characters: list[str] = []
    starts: list[int] = []
    lasts: list[int] = []
    for start, end in _split_letters(reading.text):
        composed = unicodedata.normalize("NFC", reading.text[start:end])
        characters += composed
        starts += [reading.starts[start]] * len(composed)
        lasts += [reading.lasts[end - 1]] * len(composed)
    yield TextReading("".join(characters), starts, lasts)


def _split_letters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of letters, each with the marks that compose with it; of a flood of marks, 32 at a time."""
    start = 0
    for at in range(1, len(text) + 1):
        is_mark = at < len(text) and (unicodedata.combining(text[at]) or "\u1160" <= text[at] <= "\u11ff")  # Hangul's vowels
        if not is_mark or at - start > _MOST_MARKS:
            yield start, at
            start = at


_MOST_MARKS: Final = 32  # sorting them is quadratic


def _read_escape(match: re.Match[str]) -> str:
    if match["sign"] is not None:
        return match["sign"]
    return html.unescape(match[0]) if match["entity"] is not None else urllib.parse.unquote(match[0], errors="replace")


def _end_of_escape(text: str, end: int) -> int:
    match = _ESCAPE.match(text, end - 1)
    return match.end() if match is not None else end


MARKUP: Final = re.compile(
    rf"[*_`~\\]|{HIDDEN.pattern}|!?+\[|\](?>(?:\([^()\n]*+\)|\[[^\[\]\n]*+\])?)|(?<=\n)(?>(?:[ \t]*+>)+)"
)
"""What may split a passage: signs of emphasis and of quotations, links around a part of it, hidden characters."""


_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}+")
"""Base64 of six bytes or more, in either alphabet. Source: RFC 4648, 4 and 5."""


def list_decoded(text: str, least: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield what each run of base64 in `text` may encode, if that can have `least` bytes, and the place of the run.

    Where the encoded text begins is not known: other signs of the alphabet may be before it, and other bytes within it.
    """
    for run in _ENCODED.finditer(text):
        if 6 * len(run[0]) < 8 * least:
            continue
        signs = run[0].translate(_STANDARD_ALPHABET)
        for skipped in range(4):
            part = signs[skipped:]
            # A last sign alone encodes no byte.
            part = part[: len(part) - (len(part) % 4 == 1)]
            decoded = base64.b64decode(part + "=" * (-len(part) % 4))
            # PowerShell encodes UTF-16, which is ASCII with zeros between its letters.
            yield decoded.replace(b"\0", b"").decode("utf-8", "replace"), run.span()


_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")


def with_markup(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a passage that markup splits with the signs around it: half of them would mark the text that follows."""
    if MARKUP.search(text, start, end) is None:
        return start, end
    while start > 0 and MARKUP.match(text, start - 1):
        start -= 1
    while (match := MARKUP.match(text, end)) is not None:
        end = match.end()
    return start, end


def places_without_markup(text: str) -> list[int]:
    """Return the place of every character that is left without MARKUP."""
    places: list[int] = []
    at = 0
    for match in MARKUP.finditer(text):
        places += range(at, match.start())
        at = match.end()
    return [*places, *range(at, len(text))]
