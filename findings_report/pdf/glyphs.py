"""Which characters a PDF cannot show, and the visible stand-in for each: `[U+1F600]` instead of an empty box or nothing.

A character cannot be shown when no bundled font has it, or when it is one that hides or reorders others: a reader of a report
has to see what is there. Kept as they are: white space, what only offers or forbids a line break, joiners, which some
scripts are written with, and variation selectors, which choose between shapes of the character before them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from findings_report.problems.safe_text import HIDDEN

_STEP: Final = 200


_LONGEST: Final = 400


# East Asian scripts are not counted: they break between any two characters, but not before every sign.
_UNBROKEN: Final = (
    r"[^ \t\n\r\f<>&\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


_UNIT: Final = rf"(?:{_UNBROKEN}|&#?\w{{1,31}};)"


_START: Final = rf"(?<!{_UNBROKEN})"  # no run is tried from its middle


_PIECE: Final = re.compile(rf"{_UNIT}{{{_STEP},{_STEP + 50}}}?(?![\u0300-\u036f\u200d\ufe00-\ufe0f])(?={_UNIT})")


_NOT_TEXT: Final = r"(?is:<style\b.*?</style\s*>|<title\b.*?</title\s*>|<!--.*?-->|<[^>]*>)"


_RUNS: Final = re.compile(rf"{_NOT_TEXT}|(?P<run>{_START}{_UNIT}{{{_LONGEST},}})")


# Every run is within such a word, which is found in half the time of a run.
_WORD: Final = re.compile(rf"(?<![^ \t\n\r\f<>])[^ \t\n\r\f<>]{{{_LONGEST}}}")


def breakable(html: str) -> str:
    """The page with a place to break at least every few hundred characters of its text; nothing else is changed."""
    if _WORD.search(html) is None:
        return html
    return _RUNS.sub(lambda match: match[0] if match["run"] is None else _PIECE.sub(r"\g<0><wbr>", match["run"]), html)


FONTS: Final = Path(__file__).resolve().parents[1] / "fonts"
"""The folder of the bundled fonts."""


COVERAGE: Final = FONTS / "coverage.txt"
"""What they have, read from them once by `coverage`."""


_KEPT: Final = frozenset("\t\n\r\f\u00ad\u200b\u200c\u200d\u2060") | {chr(point) for point in range(0xFE00, 0xFE10)}


_SELECTOR: Final = "[\ufe00-\ufe0f]?"


_MARKUP: Final = r"(?is:<style\b.*?</style\s*>|<title\b.*?</title\s*>|<!--.*?-->)|(?P<tag><[^>]*>)"


_DATA: Final = re.compile(r"""(?<=\sdata-)[a-z-]+=(?:"[^"]*"|'[^']*')""")


def missing(text: str, *, anywhere: bool = False) -> tuple[str, ...]:
    """The characters of a text that cannot be shown, each once, ascending.

    With `anywhere`, another font may have those that no bundled one has, and only the hidden ones are given.
    """
    found = set(text) - _KEPT
    if anywhere:
        return tuple(sorted(character for character in found if HIDDEN.match(character)))
    return tuple(sorted(character for character in found if ord(character) not in _covered() or HIDDEN.match(character)))


def substitute(html: str, *, anywhere: bool = False) -> tuple[str, tuple[str, ...]]:
    """The page with a stand-in for every character of its text that cannot be shown, and which ones those were, ascending.

    Tags, comments, `<style>` and `<title>` stay as they are: a stand-in there would change what they mean. Values of `data-`
    attributes are text as well: nothing but a style reads them, which prints them.
    """
    absent = missing(html, anywhere=anywhere)
    if not absent:
        return html, ()
    replaced: set[str] = set()

    def stand_in(match: re.Match[str]) -> str:
        replaced.add(match["character"])
        return code_point(match["character"])

    characters = re.compile(f"(?P<character>[{''.join(map(re.escape, absent))}]){_SELECTOR}")

    def printable(match: re.Match[str]) -> str:
        if match["character"] is not None:
            return stand_in(match)
        return _DATA.sub(lambda data: characters.sub(stand_in, data[0]), match[0]) if match["tag"] else match[0]

    return re.sub(f"{_MARKUP}|{characters.pattern}", printable, html), tuple(sorted(replaced))


def code_point(character: str) -> str:
    """`[U+1F600]`."""
    return f"[U+{ord(character):04X}]"


@cache
def _covered() -> frozenset[int]:
    ranges = (line.split("-") for line in COVERAGE.read_text(encoding="ascii").splitlines() if not line.startswith("#"))
    return frozenset(point for start, end in ranges for point in range(int(start, 16), int(end, 16) + 1))
