"""Code that was pasted together with what a program prints beside it: paths, numbers on lines of their own, diffs.

Pure. Each function gives the lines with their numbers apart, or nothing when it is not sure that the quote was pasted so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

Numbered = list[tuple[int | None, str]]
"""Lines of code with the numbers that were beside them."""

_GREP: Final = re.compile(r"(?P<path>[^\s:]*[./][^:]*?)(?P<mark>[:-])[0-9]{1,7}(?P=mark)")
_LONGEST_PATH: Final = 1000  # characters in which a path is looked for: the time grows with the square
_BARE_NUMBER: Final = re.compile(r"[ \t]*([0-9]{1,7})[ \t]*\Z")
_HUNK: Final = re.compile(r"@@ -(?P<old>[0-9]{1,7})(?:,[0-9]+)? \+(?P<new>[0-9]{1,7})(?:,[0-9]+)? @@")
_DIFF_HEAD: Final = re.compile(
    r"(?:diff --git |index [0-9a-f]+\.\.|--- |\+\+\+ |new file mode |deleted file mode |similarity |rename )"
)


class Side(NamedTuple):
    """One side of a diff."""

    lines: Numbered
    """Its lines; their numbers when every hunk says where it starts."""
    is_cut: bool
    """True when lines of the other side were left out."""


def strip_paths(lines: Sequence[str]) -> list[str] | None:
    """`12:code` for `src/app.py:12:code`, and `13-code` for `src/app.py-13-code`, as `grep -n` prints more than one file."""
    first = next((line for line in lines if line.strip()), "")
    found = _GREP.match(first[:_LONGEST_PATH])
    if found is None:
        return None
    path = found["path"]
    starts = (f"{path}:", f"{path}-")
    if not all(line.startswith(starts) or not line.strip() or line.strip() == "--" for line in lines):
        return None
    return [line[len(path) + 1 :] if line.startswith(starts) else line for line in lines]


def split_numbers(lines: Sequence[str]) -> Numbered | None:
    """Lines whose numbers were copied as lines of their own: all of them first, or each before its code.

    Two numbers at least, each one more than the one before it.
    """
    bare = [_BARE_NUMBER.match(line) for line in lines[:2]]
    if len(lines) < 4 or bare[0] is None:
        return None
    return _columns(lines) if bare[1] else _alternating(lines)


def _columns(lines: Sequence[str]) -> Numbered | None:
    count = len(lines) // 2
    numbers = [_number(line) for line in lines[:count]]
    first = numbers[0]
    if len(lines) % 2 or first is None or numbers != list(range(first, first + count)):
        return None
    return list(zip(numbers, lines[count:], strict=True))


def _alternating(lines: Sequence[str]) -> Numbered | None:
    read: Numbered = []
    last: int | None = None
    is_open = False
    for line in lines:
        number = _number(line)
        if number is not None and last in (None, number - 1):
            read += [(last, "")] if is_open else []
            last, is_open = number, True
        elif is_open:
            read.append((last, line))
            is_open = False
        elif line.strip():
            return None
    return read if len(read) > 1 else None


def _number(line: str) -> int | None:
    found = _BARE_NUMBER.match(line)
    return int(found[1]) if found else None


def split_diff(lines: Sequence[str]) -> Iterator[Side]:
    """The new side of a diff and the old one; nothing for what is none.

    A diff has the head of a hunk, or lines added and perhaps removed beside lines that are neither, and nothing else. Lines
    removed alone are no sign: lists are written so, and to leave them out would hide what the quote says.
    """
    body = [line for line in lines if not _DIFF_HEAD.match(line) and not line.startswith("\\ No newline")]
    has_hunks = any(_HUNK.match(line) for line in body)
    marks = {line[0] for line in body if line.strip() and not _HUNK.match(line)}
    if not marks <= set("+- ") or not (has_hunks or "+" in marks):
        return
    yield from _side(body, "-", "new")
    if has_hunks or "-" in marks:
        yield from _side(body, "+", "old")


def _side(body: Sequence[str], other: str, group: str) -> Iterator[Side]:
    read: Numbered = []
    number: int | None = None
    is_cut = False
    for line in body:
        if (head := _HUNK.match(line)) is not None:
            read += [(None, "...")] if read else []
            number = int(head[group])
        elif line.startswith(other):
            is_cut = True
        else:
            read.append((number, line[1:]))
            number = number + 1 if number is not None else None
    if any(text.strip() and text != "..." for _, text in read):
        yield Side(read, is_cut)
        if number is not None:
            yield Side([(None, text) for _, text in read], is_cut)
