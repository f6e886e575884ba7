"""Text of source code: its lines, language, symbols, white space, and how alike two texts are.

In: bytes and strings. Out: lines, regions, names, pairs of lines. All functions are pure. Must not know git or findings, and
does not import Pygments: `check` has to start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from findings_report.sourcecode.encodings import decode
    from findings_report.sourcecode.languages import language_of
    from findings_report.sourcecode.lines import (
        align_lines,
        compare_lines,
        compare_texts,
        fingerprint,
        is_informative,
        is_reformatted,
        split_lines,
        squeeze,
    )
    from findings_report.sourcecode.symbols import find_enclosing, find_symbols

__all__ = [
    "align_lines",
    "compare_lines",
    "compare_texts",
    "decode",
    "find_enclosing",
    "find_symbols",
    "fingerprint",
    "is_informative",
    "is_reformatted",
    "language_of",
    "split_lines",
    "squeeze",
]

_MODULES: Final = {
    "align_lines": "alignment",
    "compare_lines": "alignment",
    "compare_texts": "alignment",
    "decode": "encodings",
    "find_enclosing": "symbols",
    "find_symbols": "symbols",
    "fingerprint": "lines",
    "is_informative": "lines",
    "is_reformatted": "alignment",
    "language_of": "languages",
    "split_lines": "lines",
    "squeeze": "lines",
}


def __getattr__(name: str) -> object:
    """Return a public name from its module, which is imported on first use: a command enters only the modules it needs."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"findings_report.sourcecode.{_MODULES[name]}"), name)
