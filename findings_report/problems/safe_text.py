"""Text that is safe to display: characters that hide, reorder or bury other text become their code points. Pure functions.

One rule for prose, titles, code, the terminal and CSV: `visible` and `find_hidden`.
Source: Unicode Standard Annexes 9 (bidirectional controls) and 31 (joiners), Technical Standards 39 (confusables) and 51
(emoji); CVE-2021-42574; ECMA-48 (C0 and C1 control functions).
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

PROPERTIES: Final = Path(__file__).with_name("characters.txt")
"""Properties of characters, from the Unicode Character Database; written by tools/character_properties.py."""

MOST_MARKS: Final = 4
"""Marks that one letter has, above, below and within it, and as many beside it; further ones would cover other text."""


# Late: `--help` and most messages are ASCII, and reading the table costs 4 of their milliseconds.
@cache
def _ranges() -> dict[str, list[tuple[int, int]]]:
    """Return the first and the last code point of each range of each property, ascending."""
    rows = (line.split(" ") for line in PROPERTIES.read_text("ascii").splitlines() if not line.startswith("#"))
    return {name: [(int(pair[0], 16), int(pair[-1], 16)) for pair in map(_split, ranges)] for name, *ranges in rows}


@cache
def _properties() -> tuple[tuple[str, list[tuple[int, int]]], ...]:
    return tuple((name, ranges) for name, ranges in _ranges().items() if not name.startswith("like-"))


def _split(written: str) -> list[str]:
    return written.split("-")


if TYPE_CHECKING:
    HIDDEN: re.Pattern[str]
    """A character that prints nothing, moves the cursor, changes the order of what is printed, or has no meaning of its own.

    Some of them mean something between certain others, and are not shown by their code there: `find_hidden` decides.
    """


def __getattr__(name: str) -> re.Pattern[str]:
    if name != "HIDDEN":
        raise AttributeError(name)
    ranges = "".join(f"{re.escape(chr(start))}-{re.escape(chr(end))}" for start, end in _ranges()["hidden"])
    return globals().setdefault(name, re.compile(f"[{ranges}]"))  # type: ignore[no-any-return]


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class _Properties(dict[str, frozenset[str]]):
    """The names of the properties of each character that was looked up, from PROPERTIES."""

    def __missing__(self, character: str) -> frozenset[str]:
        point = ord(character)
        names = frozenset(name for name, ranges in _properties() if _is_within(point, ranges))
        self[character] = names = _SHARED.setdefault(names, names)
        return names


def _is_within(point: int, ranges: Sequence[tuple[int, int]]) -> bool:
    index = bisect_right(ranges, (point, 0x110000))
    return index > 0 and point <= ranges[index - 1][1]


_SHARED: Final[dict[frozenset[str], frozenset[str]]] = {}
PROPERTIES_OF: Final = _Properties()
"""The names of the properties of a character: `PROPERTIES_OF["\\u05d0"]` contains `right_to_left`."""

_KEYCAPS: Final = frozenset("0123456789#*")
_MARKS: Final = frozenset({"stacking", "spacing"})
_UNUSUAL: Final = _MARKS | {"hidden"}

_FLAGS: Final = frozenset(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""The only flags that are written with tags and that programs draw: England, Scotland, Wales."""


def find_hidden(text: str) -> list[int]:
    """Return where the characters are that are shown by their code point, ascending.

    Hidden characters, unless they mean something where they are, and the marks of a letter beyond MOST_MARKS.
    """
    if text.isascii():
        return [match.start() for match in _CONTROL.finditer(text)]
    # Most texts have few different characters, and none of these.
    unusual = {character for character in set(text) if not _UNUSUAL.isdisjoint(PROPERTIES_OF[character])}
    return list(_find_among(text, unusual)) if unusual else []


def _find_among(text: str, unusual: AbstractSet[str]) -> Iterator[int]:
    stacking = spacing = end_of_flag = 0
    for place, character in enumerate(text):
        if character not in unusual:
            stacking = spacing = 0
            if character == "\U0001f3f4" and text[place : place + 7] in _FLAGS:
                end_of_flag = place + 7
            continue
        properties = PROPERTIES_OF[character]
        if "hidden" in properties:
            if place >= end_of_flag and not _is_meant(text, place):
                yield place
            continue
        # Letters beside a letter, as Burmese has them, cover nothing, but are not counted without end either.
        stacking += "stacking" in properties
        spacing += "spacing" in properties
        if max(stacking, spacing) > MOST_MARKS:
            yield place


def _is_meant(text: str, place: int) -> bool:
    """Return True for a hidden character that has a meaning where it is: it changes how its neighbours are printed."""
    character = text[place]
    before = PROPERTIES_OF[text[place - 1]] if place else frozenset[str]()
    after = PROPERTIES_OF[text[place + 1]] if place + 1 < len(text) else frozenset[str]()
    match character:
        case "\u200c" | "\u200d":
            return _is_joiner_meant(text, place, before, after)
        case "\u200b":
            return "unspaced" in before and "unspaced" in after
        case "\ufe0f" if text[place - 1 : place] in _KEYCAPS:
            return text[place + 1 : place + 2] == "\u20e3"
        case "\ufe0e" | "\ufe0f":
            return "emoji" in before
        case "\u034f":
            # Marks of Hebrew that would otherwise change places.
            return all("\u0591" <= mark <= "\u05c7" for mark in (text[place - 1 : place], text[place + 1 : place + 2]))
    if "\u180b" <= character <= "\u180f":
        return "mongolian" in before
    # Forms of ideographs.
    return ("\ufe00" <= character <= "\ufe02" or "\U000e0100" <= character <= "\U000e01ef") and "ideograph" in before


def _is_joiner_meant(text: str, place: int, before: AbstractSet[str], after: AbstractSet[str]) -> bool:
    """Return True where a joiner or non-joiner changes the shape of letters, or joins emoji. Source: RFC 5892, appendix A."""
    is_joiner = text[place] == "\u200d"
    # Scripts of India: behind a virama, or between a letter and its virama.
    if "virama" in before or ("virama" in after and "syllabic" in before and _MARKS.isdisjoint(before)):
        return True
    if "unspaced" in before and "unspaced" in after:
        return True
    if "joining" in before and "joining" in after:
        return True
    if not is_joiner:
        return False
    # Persian: the shape that a letter has at the start or end of a word. Emoji: the parts of one picture.
    if "joining" in before or "joining" in after:
        return True
    is_picture = "pictograph" in before or "\U0001f3fb" <= text[place - 1 : place] <= "\U0001f3ff"
    if text[place - 1 : place] == "\ufe0f":
        is_picture = place > 1 and "pictograph" in PROPERTIES_OF[text[place - 2]]
    return is_picture and "pictograph" in after


def read_lookalikes() -> dict[str, str]:
    """Return each letter of another script, or of its own shape, that looks like an ASCII letter or digit, with that."""
    like = ((name.removeprefix("like-"), ranges) for name, ranges in _ranges().items() if name.startswith("like-"))
    return {chr(point): seen for seen, ranges in like for start, end in ranges for point in range(start, end + 1)}


def code_point(character: str) -> str:
    r"""Return a character as its code point, as in `\u{202E}` for U+202E."""
    return f"\\u{{{ord(character):04X}}}"


def visible(text: str) -> str:
    r"""Return `text` with every hidden character as its code point, `\u{202E}`; line feeds and tabs stay."""
    places = find_hidden(text)
    if not places:
        return text
    pieces: list[str] = []
    end = 0
    for place in places:
        pieces += (text[end:place], code_point(text[place]))
        end = place + 1
    return "".join([*pieces, text[end:]])


def display_path(path: Path) -> str:
    """Return `path` as the user would type it: relative to the current folder if that is shorter."""
    try:
        absolute = Path(os.path.normpath(Path.cwd() / path))
        relative = os.path.relpath(absolute)
    except (OSError, ValueError):
        return str(path)
    return relative if not relative.startswith("../..") else str(absolute)


def list_names(names: Sequence[str]) -> str:
    """Return at most ten names in a sentence: a message is one line of a CI log."""
    return f"{', '.join(names[:10])}{', …' if len(names) > 10 else ''}"
