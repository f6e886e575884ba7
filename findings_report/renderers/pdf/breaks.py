"""Places to break a text that has none: a token, a key or base64 of thousands of characters on one line.

Laying out a line of n characters without a place to break costs n squared: 16,000 take 1.5 seconds, 64,000 all the time there
is. With a place every 200 characters, 256,000 take 2.3 seconds. `<wbr>` leaves nothing in the text that is copied from a PDF.
"""

from __future__ import annotations

import re
from typing import Final

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
