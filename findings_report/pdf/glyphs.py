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

FONTS: Final = Path(__file__).resolve().parents[2] / "fonts"
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
