"""Short texts in which code stands in backticks, as titles: no other Markdown is meant in them. Pure.

Source: CommonMark 0.31, 6.1 Code spans: a run of backticks, and the next run of the same length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_TICKS: Final = re.compile("`+")


class Piece(NamedTuple):
    """A run of a short text."""

    text: str
    """What is to be read, without the backticks around code; not empty."""
    is_code: bool
    """True for code."""


def pieces(text: str) -> Iterator[Piece]:
    """The runs of `text`, in order. Backticks that enclose nothing, or are never closed, are text."""
    runs = list(_TICKS.finditer(text))
    closing = _closing(runs)
    start = index = 0
    while index < len(runs):
        opened, end = runs[index], closing[index]
        if end is None or not (code := _code(text[opened.end() : runs[end].start()])):
            index += 1
            continue
        if opened.start() > start:
            yield Piece(text[start : opened.start()], is_code=False)
        yield Piece(code, is_code=True)
        start, index = runs[end].end(), end + 1
    if start < len(text):
        yield Piece(text[start:], is_code=False)


def plain_text(text: str) -> str:
    """`text` without the backticks around code: for what shows no code, as the subject of a ticket."""
    return "".join(piece.text for piece in pieces(text))


def _closing(runs: Sequence[re.Match[str]]) -> list[int | None]:
    """Of each run the index of the next one of its length; found in one go, as a title may come from anybody."""
    found: list[int | None] = []
    nearest: dict[str, int] = {}
    for index in reversed(range(len(runs))):
        found.append(nearest.get(runs[index][0]))
        nearest[runs[index][0]] = index
    return found[::-1]


def _code(inside: str) -> str:
    """What a code span says: one blank at both ends only keeps backticks apart."""
    if not inside.strip():
        return ""
    return inside[1:-1] if inside[0] == inside[-1] == " " else inside
