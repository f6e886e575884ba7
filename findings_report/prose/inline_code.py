"""Short texts with code in backticks, such as titles: they have no other Markdown.

Source: CommonMark 0.31, 6.1 Code spans: a run of backticks, and the next run of the same length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_TICKS: Final = re.compile("`+")


class TextRun(NamedTuple):
    """A run of a short text: code or not."""

    text: str
    """The characters to print, without the backticks around code; not empty."""
    is_code: bool
    """True for code."""


def split_inline_code(text: str) -> Iterator[TextRun]:
    """Yield the runs of `text`, in order. Backticks that enclose nothing, or are never closed, are text."""
    runs = list(_TICKS.finditer(text))
    closing = _closing(runs)
    start = index = 0
    while index < len(runs):
        opened, end = runs[index], closing[index]
        # A run that is not closed is text, as in CommonMark.
        if end is None or not (code := _code(text[opened.end() : runs[end].start()])):
            index += 1
            continue
        if opened.start() > start:
            yield TextRun(text[start : opened.start()], is_code=False)
        yield TextRun(code, is_code=True)
        start, index = runs[end].end(), end + 1
    if start < len(text):
        yield TextRun(text[start:], is_code=False)


def plain_text(text: str) -> str:
    """Return `text` without the backticks around code, for places that show no code, such as the subject of a ticket."""
    return "".join(piece.text for piece in split_inline_code(text))


def _closing(runs: Sequence[re.Match[str]]) -> list[int | None]:
    """Return for each run the index of the next one of its length.

    In one pass: searching from each run takes quadratic time, and an imported title may hold any number of backticks.
    """
    closing: list[int | None] = []
    nearest: dict[str, int] = {}
    for index in reversed(range(len(runs))):
        closing.append(nearest.get(runs[index][0]))
        nearest[runs[index][0]] = index
    return closing[::-1]


def _code(inside: str) -> str:
    """Return the content of a code span: one blank at both ends only keeps backticks apart (CommonMark 6.1)."""
    if not inside.strip():
        return ""
    return inside[1:-1] if inside[0] == inside[-1] == " " else inside
