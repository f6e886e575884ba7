"""What programs print beside code: paths and numbers of `grep`, columns of numbers, the signs of a diff.

Pure: lines in, lines out. It knows neither readings nor the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

Numbered = list[tuple[int | None, str]]
"""Lines of code, each with the number that was beside it; None for a line without one."""

_C4UDIT: Final = re.compile(r"\A(?P<path>[^\s:]+)::(?P<number>[0-9]{1,7}) => ")  # the Code4rena bot's `grep -n`
_GREP: Final = re.compile(r"(?P<mark>[:-])[0-9]{1,7}(?P=mark)")
_PATH_START: Final = re.compile(r"[^\s:./]*+[./]")
_BARE_NUMBER: Final = re.compile(r"[ \t]*([0-9]{1,7})[ \t]*\Z")
_BLOCK_SIGNS: Final = re.compile(r"(?<![\w*])/\*|\*/(?![\w*])")
_HUNK: Final = re.compile(r"@@ -(?P<old>[0-9]{1,7})(?:,[0-9]+)? \+(?P<new>[0-9]{1,7})(?:,[0-9]+)? @@")
_DIFF_HEAD: Final = re.compile(
    r"(?:diff --git |index [0-9a-f]+\.\.|--- |\+\+\+ |new file mode |deleted file mode |similarity |rename )"
)


class Side(NamedTuple):
    """One side of a diff, or of a patch that somebody proposes."""

    lines: Numbered
    """Its lines; their numbers when every hunk says where it starts."""
    is_cut: bool
    """True when lines of the other side were left out."""


def strip_paths(lines: Sequence[str]) -> list[str] | None:
    """Return `12:code` for `src/app.py:12:code`, the output of `grep -n` for several files; None for other text."""
    first = next((line for line in lines if line.strip()), "")
    if _C4UDIT.match(first):
        lines = [_C4UDIT.sub(r"\g<path>:\g<number>:", line) for line in lines]
        first = _C4UDIT.sub(r"\g<path>:\g<number>:", first)
    begin = _PATH_START.match(first)
    match = _GREP.search(first, begin.end()) if begin else None
    if match is None or ":" in first[: match.start()]:
        return None
    path = first[: match.start()]
    starts = (f"{path}:", f"{path}-")
    if not all(line.startswith(starts) or not line.strip() or line.strip() == "--" for line in lines):
        return None
    return [line[len(path) + 1 :] if line.startswith(starts) else line for line in lines]


def split_numbers(lines: Sequence[str]) -> Numbered | None:
    """Return lines whose numbers were copied as lines: all numbers first, or each before its code; None for other text.

    Two numbers at least, each one more than the one before it.
    """
    bare = [_BARE_NUMBER.match(line) for line in lines[:2]]
    # Two lines of code and their numbers at least: `1` above one line is more likely code.
    if len(lines) < 4 or bare[0] is None:
        return None
    return _split_columns(lines) if bare[1] else _pair_alternating(lines)


def _split_columns(lines: Sequence[str]) -> Numbered | None:
    count = len(lines) // 2
    numbers = [_number(line) for line in lines[:count]]
    first = numbers[0]
    if len(lines) % 2 or first is None or numbers != list(range(first, first + count)):
        return None
    return list(zip(numbers, lines[count:], strict=True))


def _pair_alternating(lines: Sequence[str]) -> Numbered | None:
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
    match = _BARE_NUMBER.match(line)
    return int(match[1]) if match else None


def split_diff(lines: Sequence[str]) -> Iterator[Side]:
    """Yield the old side of a diff, then the new one; nothing for text that is no diff.

    A diff has the head of a hunk, or lines added and perhaps removed beside lines that are neither, and nothing else. Lines
    removed alone are no sign: lists are written so, and to leave them out would hide what the quote says.
    """
    body = [line for line in lines if not _DIFF_HEAD.match(line) and not line.startswith("\\ No newline")]
    # `--- a/file` and the like were removed above, so that a diff pasted without its head is read in the same way.
    has_hunks = any(_HUNK.match(line) for line in body)
    marks = {line[0] for line in body if line.strip() and not _HUNK.match(line)}
    if not marks <= set("+- ") or not (has_hunks or "+" in marks):
        return
    if has_hunks or "-" in marks:
        yield from _read_side(body, "+", "old")
    yield from _read_side(body, "-", "new")


def _read_side(body: Sequence[str], other: str, group: str) -> Iterator[Side]:
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
    if any(text.strip() and text != "..." for _, text in read) and not opens_comment([text for _, text in read]):
        yield Side(read, is_cut)
        if number is not None:
            yield Side([(None, text) for _, text in read], is_cut)


def opens_comment(lines: Sequence[str]) -> bool:
    """True when a block comment starts in another: the line that closes it was left out, so code would count as comment."""
    depth = 0
    for sign in _BLOCK_SIGNS.findall("\n".join(lines)):
        depth = depth + 1 if sign == "/*" else 0
        if depth > 1:
            return True
    return False
