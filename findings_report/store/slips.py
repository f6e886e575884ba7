"""What people write that YAML reads otherwise: the remedy for a fault of its grammar. Pure."""

from __future__ import annotations

import re
from typing import Final

_REMEDIES: Final = {
    "mapping values are not allowed": "quote a text that holds ': ', or write it as a block after `|`",
    "found character that cannot start any token": "quote a text that starts with @, ` or %",
    "block sequence entries are not allowed": "quote a text that starts with -",
    "mapping keys are not allowed": "quote a text that starts with ?",
    "expected comment or line break": "quote a text that starts with | or >",
    "could not find expected ':'": "indent a text below `|` further than its field, and write fields as `name: value`",
    "while parsing a quoted scalar": "in double quotes \\ starts an escape: use single quotes",
    "while parsing a flow": "close what [ or { opens, or quote a text that starts with one",
}
"""What people do against a fault of libyaml, by a part of its words."""

_OPENED: Final = re.compile(r"\s*(?:- +)*(?:\w[\w-]*:\s+)?([\[{\"'])")
_OPENED_REMEDIES: Final = dict.fromkeys("[{", "quote a text that starts with [ or {") | dict.fromkeys(
    "\"'", "the text ends at its second quotation mark: write it as a block after `|`"
)


def remedy(fault: str, lines: list[str], line: int) -> str | None:
    """What is to be done about `fault`, in libyaml's words, in `line` (0-based) of `lines`; None when that is not clear."""
    shown = lines[line] if line < len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return "indent with blanks; YAML does not allow tabs there"
    if "expected key while parsing a block mapping" in fault:
        if _in_block_text(lines, line):
            return "where a text's first line is indented more than the rest, write `|2` for `|`"
        opened = _OPENED.match(shown)
        return _OPENED_REMEDIES[opened[1]] if opened else None
    return next((found for part, found in _REMEDIES.items() if part in fault), None)


def _in_block_text(lines: list[str], line: int) -> bool:
    """True when the nearest line above that is indented less than the one at fault starts a block text."""
    indent = len(lines[line]) - len(lines[line].lstrip()) if line < len(lines) else 0
    above = (text for text in reversed(lines[:line]) if text.strip() and len(text) - len(text.lstrip()) < indent)
    return next(above, "").rstrip().endswith(("|", ">", "|-", ">-"))
