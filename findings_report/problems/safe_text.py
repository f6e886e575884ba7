"""Text that is safe to display: characters that hide or reorder other text become their code points. Pure functions.

Source: Unicode Standard Annex 9 (bidirectional controls) and CVE-2021-42574; ECMA-48 (C0 and C1 control functions).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

HIDDEN: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"  # zero width, bidi, line separators
    "\u2800"  # a braille pattern without dots
    "\ud800-\udfff"  # lone surrogates
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: fonts have ordinary letters there, so that 1<U+E075>00 was read as 1400
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # musical controls, tags, variation selectors
    "]"
)
"""Characters that print nothing, move the cursor, change the order of what is printed, or have no meaning of their own."""


HIDDEN_IN_PROSE: Final = re.compile(
    f"(?![\u200c\u200d]){HIDDEN.pattern}|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
"""HIDDEN, except for joiners between letters or signs beyond ASCII: Persian, Indic scripts and emoji are written with them."""


def code_point(character: str) -> str:
    r"""Return a character as its code point, as in `\u{202E}` for U+202E."""
    return f"\\u{{{ord(character):04X}}}"


def visible(text: str) -> str:
    r"""Return `text` with every hidden character as its code point; line feeds and tabs stay."""
    return HIDDEN.sub(lambda match: code_point(match[0]), text)


def display_path(path: Path) -> str:
    """Return `path` as the user would type it: relative to the current folder if that is shorter."""
    try:
        absolute = Path(os.path.normpath(Path.cwd() / path))
        relative = os.path.relpath(absolute)
    except (OSError, ValueError):
        return str(path)
    return relative if not relative.startswith("../..") else str(absolute)
