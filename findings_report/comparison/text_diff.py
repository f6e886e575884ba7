"""Two texts compared word by word: which words stayed, went and came."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal

from findings_report.model.comparison import Words

_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
# difflib takes time in proportion to the pairs that it compares, at worst; both texts may come from a file that somebody sent.
_MOST_COMPARED: Final = 2_000_000
"""Pairs of words, or of equal lines, up to which two texts are compared; a larger difference is printed as a whole."""
_MOST_LINES: Final = 5_000_000
"""Pairs of lines up to which two texts are compared by line: a second at worst."""
_Kind = Literal["same", "gone", "came"]


def diff_words(before: str, after: str) -> tuple[Words, ...]:
    """Return the runs of words that lead from `before` to `after`; empty for two empty texts.

    Lines are compared first and words within the lines that differ, so that a long text with a small change stays cheap.
    """
    runs: list[tuple[_Kind, str]] = []
    for old, new in _blocks(before.splitlines(keepends=True), after.splitlines(keepends=True)):
        if old == new:
            runs.append(("same", old))
        else:
            runs.extend(_by_words(_WORD.findall(old), _WORD.findall(new)))
    return tuple(_join(runs))


def _blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield runs of lines and their replacement; between equal ends in one piece, where there are too many to compare."""
    if len(old) * len(new) > _MOST_LINES or _equal_pairs(old, new) > _MOST_COMPARED:
        start = _common(old, new)
        end = _common(old[start:][::-1], new[start:][::-1])
        steps = [(0, start, 0, start), (start, len(old) - end, start, len(new) - end)]
        steps.append((len(old) - end, len(old), len(new) - end, len(new)))
    else:
        steps = [step[1:] for step in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()]
    for first, last, new_first, new_last in steps:
        yield "".join(old[first:last]), "".join(new[new_first:new_last])


def _equal_pairs(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(new)
    return sum(counts[line] for line in old)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many lines both begin with."""
    return next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _by_words(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[_Kind, str]]:
    if len(old) * len(new) > _MOST_COMPARED:
        yield "gone", "".join(old)
        yield "came", "".join(new)
        return
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for index, (kind, start, end, new_start, new_end) in enumerate(steps):
        gone, came = "".join(old[start:end]), "".join(new[new_start:new_end])
        # A blank between two changed words is part of the change: word by word, a rewritten sentence would be unreadable.
        if kind == "equal" and not (gone.isspace() and 0 < index < len(steps) - 1):
            yield "same", gone
        else:
            yield "gone", gone
            yield "came", came


def _join(runs: Sequence[tuple[_Kind, str]]) -> Iterator[Words]:
    """Yield neighbours of one kind as one run; between two runs that stay, what went comes before what came."""
    pending: dict[_Kind, str] = {"gone": "", "came": ""}
    same = ""
    for kind, text in runs:
        if not text:
            continue
        if kind == "same":
            yield from _flush(pending)
            same += text
        else:
            if same:
                yield Words(kind="same", text=same)
                same = ""
            pending[kind] += text
    yield from _flush(pending)
    if same:
        yield Words(kind="same", text=same)


def _flush(pending: dict[_Kind, str]) -> Iterator[Words]:
    for kind, text in pending.items():
        if text:
            yield Words(kind=kind, text=text)
        pending[kind] = ""
