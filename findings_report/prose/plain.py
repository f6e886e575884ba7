"""Texts that need not be parsed to know that nothing is wrong with them: most of what people write. Pure.

`check` reads all prose of an engagement, and parsing it is most of its work. This errs on the side of parsing.
"""

from __future__ import annotations

import re
from typing import Final

_NOTABLE: Final = re.compile("[^\t\n\x20-;=-Z\\]-~\u00a1-\u00ac\u00ae-\u024f\u0370-\u03ff\u0400-\u052f\u2010-\u2027]")
"""What a link, a picture, raw HTML or a hidden character is written with (`[`, `<`, a backslash); scripts with joiners are
parsed as well."""

_NESTED: Final = re.compile(r"^(?: {5}| *(?:>|[-+*] |\d+[.)] ) *(?:>|[-+*](?: |$)|\d+[.)](?: |$)))", re.MULTILINE)
"""A line that may be more than three levels deep."""

_LONGEST = 100_000
_MOST_LINES = 2_000
_MOST_MARKS = 18
_MOST_CELLS = 800


def is_plain(text: str) -> bool:
    """True when `text` surely has no fault and refers to nothing; False says nothing."""
    if len(text) > _LONGEST or text.count("\n") > _MOST_LINES or _NOTABLE.search(text) or _NESTED.search(text):
        return False
    for block in text.split("\n\n"):
        if block.count("*") + block.count("_") + block.count("~") > _MOST_MARKS:
            return False
        if "|" in block:
            lines = block.split("\n")
            if len(lines) * max(line.count("|") for line in lines) > _MOST_CELLS:
                return False
    return True
