"""Whether each line of a quote is in a file, decided line by line, sharing nothing with findings-report.

A line that names the file, line numbers, marks of elision, the added lines of a patch and remarks of the auditor are set aside
first. Each remaining line has to be in the file, white space aside: as a line, as part of one, or as a line that was wrapped.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

NAMES_A_FILE = re.compile(
    r"[\s/#*<!-]*(file|path|contract)?\s*:?\s*[`*]*(https?://\S+|[\w@./\\-]*\w\.[A-Za-z]{1,5})\b", re.IGNORECASE
)
SIGNS = r"(?://+|#+|/\*+|\*+(?=[\s/]|$)|<!--|--(?=\s)|;;)"
COMMENT = re.compile(rf"\s*{SIGNS}")
ELISION = re.compile(
    rf"\s*(?:\d+\s*[:|]?\s*)?[+-]?\s*(?:{SIGNS}\s*)?[\[({{<]*\s*"
    r"(?:\.\s*\.|…|\.$|snip|trunc|\W*(?:rest|remain\w*|more|other) (?:of|code))",
    re.IGNORECASE,
)
OMITTED = re.compile(rf"\s*{SIGNS}.*(?:omitted|\.\.\.|…)\W*$")
NUMBER = re.compile(r"^\s*[+>|-]?\s*(?:L|#)?\d{1,6}\s*(?:[:|.)→-]+|(?=\s)|$)")
ADDED = re.compile(r"\s*\+(?:\+(?=\s\s)|(?!\+))")
PATCH_HEAD = re.compile(r"(?:diff --git |index [0-9a-f]+|@@ |--- |\+\+\+ |new file mode|\\ No newline)")
MARK = r"@>|@audit|@note|@info|@bug|<-|\^\^|[^\x00-\x7f]"
REMARK = re.compile(rf"\s*(?:{SIGNS}|{MARK})")
TRAILING_REMARK = re.compile(rf"//|#|/\*|--|{MARK}")
SIGN = re.compile(r"^\s*(?:[-=|~]*>+|@?\s?>+|@@+|[+-]|[^\x00-\x7f]+)")
SHORTEST = 3
"""The fewest characters that count as part of a line."""
LOCATING = 6
"""The fewest characters that say where a line is: shorter texts are found anywhere."""


GAP = 20
"""The most lines that a quote can leave out without a mark; further apart, its lines are in the file by chance."""


@dataclass(frozen=True)
class Judgement:
    """Result for the lines of a quote."""

    missing: tuple[str, ...]
    """Lines of code that are not in the file."""
    code: int
    """Number of lines that were compared with the file."""
    order: str
    """"true" if the lines are close together in the file in the order of the quote; else "scattered" or "unordered"."""
    traits: frozenset[str]
    """How the quote is written: head, numbers, sign, elision, remark, part, wrapped, patch."""

    @property
    def kind(self) -> str:
        if not self.code:
            return "no code"
        return "false" if self.missing else self.order


@dataclass(frozen=True)
class Placed:
    """A line of a quote that is in the file."""

    lines: tuple[int, ...]
    """Where, 1-based; empty for a text that is too short to say, or that several lines have together."""
    is_part: bool
    after_elision: bool


def squeeze(text: str) -> str:
    return "".join(text.split())


class File:
    """Lines that a quote is looked up in."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = [squeeze(line) for line in lines]
        self.whole = "".join(self.lines)
        self.starts = list(accumulate(map(len, self.lines), initial=0))
        self.distinct = set(self.lines)

    def has(self, text: str) -> str | None:
        """Return "line", "part" or "wrapped"; None when `text` is not there."""
        wanted = squeeze(text)
        if wanted in self.distinct:
            return "line"
        if len(wanted) < SHORTEST or wanted not in self.whole:
            return "part" if self.find_pieces(wanted) is not None else None
        return "part" if any(wanted in line for line in self.lines) else "wrapped"

    def find_pieces(self, wanted: str) -> tuple[int, ...] | None:
        """Return the lines that have what is around a `...` within a line; () if only several lines together have it."""
        pieces = [re.escape(piece) for piece in re.split(r"\.{3}|…", wanted) if piece]
        if len(pieces) < 2 or max(map(len, pieces)) < LOCATING:
            return None
        lines = tuple(number for number, line in enumerate(self.lines, 1) if re.search(".*".join(pieces), line))
        return lines if lines or re.search(".{0,400}?".join(pieces), self.whole) else None

    def places(self, text: str) -> tuple[int, ...]:
        wanted = squeeze(text)
        if len(wanted) < LOCATING:
            return ()
        whole = tuple(number for number, line in enumerate(self.lines, 1) if line == wanted)
        part = whole or tuple(number for number, line in enumerate(self.lines, 1) if wanted in line)
        wrapped = tuple(bisect_right(self.starts, match.start()) for match in re.finditer(re.escape(wanted), self.whole))
        return part or wrapped or self.find_pieces(wanted) or ()


def read(line: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the line unchanged, without number, without a sign before it, each without a remark; and what was removed."""
    bare = NUMBER.sub("", line, count=1)
    readings = [(line, set[str]()), (bare, {"numbers"}), (SIGN.sub("", line, count=1), {"sign"})]
    readings.append((SIGN.sub("", bare, count=1), {"numbers"}))
    for text, removed in readings.copy():
        readings += [(text[: mark.start()], removed | {"remark"}) for mark in reversed(list(TRAILING_REMARK.finditer(text)))]
    yield from ((text, removed) for text, removed in readings if text.strip())


def judge(quote: str, lines: Sequence[str]) -> Judgement:
    file = File(lines)
    quoted = [line for line in quote.expandtabs().replace("\xa0", " ").split("\n") if line.strip()]
    added = [line for line in quoted if ADDED.match(line)]
    is_patch = 0 < len(added) < len(quoted)
    traits: set[str] = {"patch"} if is_patch else set()
    missing, remarks, placed = [], [], []
    is_code = False
    elided, expected = False, 0
    for index, line in enumerate(quoted):
        if (is_patch and ADDED.match(line)) or PATCH_HEAD.match(line):
            elided = elided or line.startswith("@@")
            continue
        text, removed = next(((text, removed) for text, removed in read(line) if file.has(text)), ("", set()))
        if text:
            how = file.has(text) or ""
            traits |= {*removed, how}
            number = int("".join(re.findall(r"\d+", line)[:1])) if "numbers" in removed else 0
            placed.append(Placed(file.places(text), how != "line", elided or number > expected))
            elided, expected = elided and not placed[-1].lines, number + 1
            is_code = is_code or not COMMENT.match(text)
        elif why := set_aside(line, first=index == 0):
            traits.add(why)
            elided = elided or why == "elision"
            remarks += [line] if why == "remark" else []
        else:
            missing.append(line)
    if placed and not is_code:
        missing += remarks  # among comments a comment that is not there is no remark
    return Judgement(tuple(missing), len(placed) + len(missing), arrange(placed), frozenset(traits - {"line", "punctuation"}))


def set_aside(line: str, *, first: bool) -> str:
    """Why a line that is not in the file is no code: its trait, or "" for a line of code."""
    bare = NUMBER.sub("", line, count=1)
    if not re.search(r"\w", bare):
        return "elision" if ELISION.match(bare) else "punctuation"
    if first and NAMES_A_FILE.match(line):
        return "head"
    if ELISION.match(line) or ELISION.match(bare) or OMITTED.match(line):
        return "elision"
    return "remark" if any(REMARK.match(text) for text in (line, bare, SIGN.sub("", bare, count=1))) else ""


def arrange(placed: Sequence[Placed]) -> str:
    """Look for the lines from each place of the first that has one."""
    known = [line for line in placed if line.lines]
    result = "unordered" if known else "true"
    for start in known[0].lines if known else ():
        last, gap = start, 0
        for line in known[1:]:
            following = [number for number in line.lines if number > last or (number == last and line.is_part)]
            if not following:
                break
            gap = gap if line.after_elision else max(gap, following[0] - last)
            last = following[0]
        else:
            if gap <= GAP:
                return "true"
            result = "scattered"
    return result
