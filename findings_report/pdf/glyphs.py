"""Text that the fonts can print: a visible stand-in, `[U+1F600]`, for every other character, and places to break in long words.

A character cannot be printed if no bundled font has it, or if it hides or reorders others: a reader of a report has to
see what is there. Exceptions: white space, characters that only allow or forbid a line break, and joiners, selectors of a shape
and tags of flags, which are left in a text only where they mean something (`safe_text.find_hidden`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Final

from findings_report.problems.safe_text import HIDDEN

FONTS: Final = Path(__file__).resolve().parents[1] / "fonts"
"""The folder of the bundled fonts."""

COVERAGE: Final = FONTS / "coverage.txt"
"""Ranges of the code points in the bundled fonts, and SHARED; written by tools/font_coverage.py."""

SHARED: Final = "shared"
"""First word of the line with the code points whose glyph, in one of the fonts, is another character's as well.

A PDF has one text for a glyph: beside \u0394 (a letter), \u2206 (a sign) would be searched and copied as that letter.
"""

_UNSHARED: Final = "'DejaVu Sans Mono', 'DejaVu Sans'"
"""Fonts in which each character has a glyph of its own."""

_ALWAYS_PRINTABLE: Final = frozenset("\t\n\r\f\u00ad\u034f\u200b\u200c\u200d\u2060") | {
    chr(point)
    for start, end in ((0x180B, 0x1810), (0xFE00, 0xFE10), (0xE0020, 0xE0080), (0xE0100, 0xE01F0))
    for point in range(start, end)
}
_SELECTOR: Final = "[\ufe00-\ufe0f\U000e0020-\U000e007f]*+"
_MARKUP: Final = r"(?is:<style\b.*?</style\s*>|<title\b.*?</title\s*>|<!--.*?-->)|(?P<tag><[^<>]*+>)"
_DATA: Final = re.compile(r"""(?<=\sdata-)[a-z-]+=(?:"[^"]*"|'[^']*')""")

# Layout of a line without a place to break is quadratic in its length. Text is broken after each _STEP characters, up
# to 50 more to find a character that no accent or joiner follows, once it is longer than _LONGEST.
_STEP: Final = 200
_LONGEST: Final = 400
# East Asian scripts are not counted: they break between any two characters, but not before every sign.
_UNBROKEN: Final = (
    r"[^ \t\n\r\f<>&\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_UNIT: Final = rf"(?:{_UNBROKEN}|&#?\w{{1,31}};)"
_START: Final = rf"(?<!{_UNBROKEN})"  # no run is tried from its middle
_PIECE: Final = re.compile(rf"{_UNIT}{{{_STEP},{_STEP + 50}}}?(?![\u0300-\u036f\u200d\ufe00-\ufe0f])(?={_UNIT})")
_NOT_TEXT: Final = r"(?is:<style\b.*?</style\s*>|<title\b.*?</title\s*>|<!--.*?-->|<[^<>]*+>)"
_RUNS: Final = re.compile(rf"{_NOT_TEXT}|(?P<run>{_START}{_UNIT}{{{_LONGEST},}})")
# Every run is within such a word, and a word is found in half the time of a run.
_WORD: Final = re.compile(rf"(?<![^ \t\n\r\f<>])[^ \t\n\r\f<>]{{{_LONGEST}}}")


def printable_html(html: str, others: AbstractSet[str] = frozenset()) -> tuple[str, tuple[str, ...]]:
    """Return a page with stand-ins and places to break, and the characters that have a stand-in.

    `others` are characters that fonts beside the bundled ones have.
    """
    html, replaced = substitute_missing(html, others)
    return add_line_breaks(html), replaced


def missing_characters(text: str, others: AbstractSet[str] = frozenset()) -> tuple[str, ...]:
    """Return the characters of a text that cannot be printed, each once, ascending. `others` as in `printable_html`."""
    characters = set(text) - _ALWAYS_PRINTABLE
    covered = _covered()
    absent = (character for character in characters if ord(character) not in covered and character not in others)
    return tuple(sorted({*absent, *(character for character in characters if HIDDEN.match(character))}))


def missing_by_script(text: str, others: AbstractSet[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """Return the characters of a text that cannot be printed by their script, in the order of the text."""
    absent = frozenset(missing_characters(text, others))
    groups: dict[str, tuple[str, ...]] = {}
    for character in dict.fromkeys(text) if absent else ():
        if character in absent:
            script = script_of(character)
            groups[script] = (*groups.get(script, ()), character)
    return groups


def script_of(character: str) -> str:
    """Return the script of a character as a reader names it: the one that a font would have to cover.

    Python has no table of scripts: the name of a letter begins with its script (Unicode 15, section 4.8).
    """
    category = unicodedata.category(character)
    word = unicodedata.name(character, "").partition(" ")[0]
    if category in ("Co", "Cn"):
        return "private use" if category == "Co" else "unassigned"
    if word == "HANGUL":
        return "Korean"
    # Fonts cover Han, kana and their punctuation together, and a text mixes them.
    if word in _EAST_ASIAN or _EAST_ASIAN_FORMS.match(character):
        return "Chinese or Japanese"
    if category[0] in "LMN":
        return word.capitalize()
    return "symbols"


_EAST_ASIAN: Final = frozenset({"BOPOMOFO", "CJK", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA", "KATAKANA-HIRAGANA"})
_EAST_ASIAN_FORMS: Final = re.compile("[\u3000-\u303f\uff00-\uffef]")


def substitute_missing(html: str, others: AbstractSet[str] = frozenset()) -> tuple[str, tuple[str, ...]]:
    """Return a page with a stand-in for every character of its text that cannot be printed, and these characters, ascending.

    Tags, comments, `<style>` and `<title>` stay unchanged: a stand-in would change their meaning. Values of `data-`
    attributes count as text: only a style reads them, and prints them.
    """
    # One pass over the set of characters is fast; the expression that replaces them is built for these alone.
    absent = missing_characters(html, others)
    shared = () if html.isascii() else tuple(sorted(_sharing() & set(html)))
    if not absent and not shared:
        return html, ()
    replaced: set[str] = set()
    characters = re.compile(f"(?P<character>[{''.join(map(re.escape, (*absent, *shared)))}]){_SELECTOR}")

    def stand_in(match: re.Match[str]) -> str:
        if match["character"] in shared:
            return match[0]
        replaced.add(match["character"])
        return f"[U+{ord(match['character']):04X}]"

    def substitute(match: re.Match[str]) -> str:
        if match["character"] in shared:
            return f'<span style="font-family: {_UNSHARED}">{match[0]}</span>'
        if match["character"] is not None:
            return stand_in(match)
        return _DATA.sub(lambda data: characters.sub(stand_in, data[0]), match[0]) if match["tag"] else match[0]

    return re.sub(f"{_MARKUP}|{characters.pattern}", substitute, html), tuple(sorted(replaced))


def add_line_breaks(html: str) -> str:
    """Return a page with a place to break at least every few hundred characters of its text; nothing else is changed.

    `<wbr>` leaves nothing in copied text, unlike a zero-width space.
    """
    if _WORD.search(html) is None:
        return html
    return _RUNS.sub(lambda match: match[0] if match["run"] is None else _PIECE.sub(r"\g<0><wbr>", match["run"]), html)


@cache
def _covered() -> frozenset[int]:
    ranges = (line.split("-") for line in COVERAGE.read_text(encoding="ascii").splitlines() if re.match("[0-9A-F]+-", line))
    return frozenset(point for start, end in ranges for point in range(int(start, 16), int(end, 16) + 1))


@cache
def _sharing() -> frozenset[str]:
    lines = COVERAGE.read_text(encoding="ascii").splitlines()
    points = next(line for line in lines if line.startswith(SHARED)).split(" ")[1:]
    return frozenset(chr(int(point, 16)) for point in points)
