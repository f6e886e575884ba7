"""The author's quote: taking fences, line numbers, elision marks and remarks off code copied in whatever shape.

Pure, and without the file the code came from: a quote can often be read in more than one way (`404: "Not Found"` is line 404
or an entry of a table), so all plausible readings are returned, and `check_quote` keeps the one that matches the file best.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from findings_report.model.evidence import Line, Region, Run
from findings_report.sourcecode.lines import is_informative, join_runs, split_lines

Step = Callable[[int], int | None]
"""The new number of a line; None when it is not known."""

_COMMENT = r"(?:\#+|//+|--+|;+|%+|/\*+|\(\*|<!--|\*)"
_DOTS = r"(?:\.{3,}|…+|⋮)"
_OMITTED = r"(?:omitted|skipped|snip(?:ped)?|more|lines?|elided|cut|truncated|rest|unchanged|code)"

# Possessive quantifiers (`*+`, Python 3.11) here and below: without them a line of blanks or slashes costs quadratic time.
_ELISION = re.compile(
    rf"\s*+(?:{_COMMENT}\s*+)?(?:{_DOTS}|[\[({{<]\s*(?:{_DOTS}|snip(?:ped)?|omitted)\s*[\])}}>])\s*(?:\*/|\*\)|-->)?\s*\Z"
    rf"|\s*+{_COMMENT}\s*+{_DOTS}.*\Z"
    rf"|\s*+{_COMMENT}\s*+(?:snip(?:ped)?|omitted)\s*(?:\*/|\*\)|-->)?\s*\Z"
    rf"|\s*+(?:{_DOTS}|-{{2,}})\s*[\[(<]?[\w ,]{{0,40}}\b{_OMITTED}\b[\w ,]{{0,40}}[\])>]?\s*(?:{_DOTS}|-{{2,}})?\s*\Z",
    re.IGNORECASE,
)

_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})([^`]*)\Z")

# One way must fit every code line. Only the separator itself is taken off: what follows
# may be code that starts with a colon, and the blanks before code are set aside with the common indentation.
_NUMBER = r"[ \t]*[Ll]?\[?(?P<number>[0-9]{1,7})\]?"

STYLES: Final = tuple(
    re.compile(rf"{_NUMBER}(?:{separator}(?P<code>.*)|[ \t]*)\Z")
    for separator in (r"\t", r":", r"[ \t]*[|│┃⎜¦]", r"[ \t]*→", r"[.)]", r"[-=:]", r"(?=[ \t])", r"[ \t]+:")
)
"""Each way of writing line numbers; their groups are `number` and `code`."""

_HEAD: Final = re.compile(r"[ \t]*[Ll]?[0-9]{1,7}(?=\s|\Z)")

# Each only where it starts, lest a line of nothing but semicolons be read once for each of them.
_START = r"(?:(?<!\#)\#++|(?<!/)//++|(?<!-)--|(?<!;);++|(?<!%)%++|/\*++|\(\*|<!--|(?<!\*)\*)"

_LONGEST = 1_000  # no remark is looked for in longer lines: they are data, and a search in them could be made slow
_MARK = r"(?:@(?:audit|finding|issue|vuln)\w*|@>|<[-=~]|\^{2,}|!{2,}|>{2,}|←|⬅|⇐|👈|👆|🔴|❌|⚠|[Aa]udit(?:or)?\b|AUDIT\b)"
_REMARK = re.compile(rf"(?<!\s)\s*+{_START}\s*+{_MARK}.*\Z|(?<!\s)\s++(?:<-{{2,}}|<={{2,}}|←|⬅|⇐|👈|@audit\b).*\Z", re.DOTALL)
_POINTER = re.compile(r"\s*+(?:@>+|@audit[\w-]*>?|>{2,}|[-=]{2,}>|→|➜|👉)[ \t]?")
_CARETS = re.compile(rf"\s*+(?:{_COMMENT}\s*+)?[\^~]{{2,}}.*\Z")
_REMARK_STARTS: Final = frozenset("#/-;%(<*@>=→➜👉^~←⬅⇐👈")  # the first characters of the three above

Numbered = list[tuple[int | None, str]]
"""Lines of code, each with the number that was beside it; None for a line without one."""

_GREP: Final = re.compile(r"(?P<path>[^\s:]*[./][^:]*?)(?P<mark>[:-])[0-9]{1,7}(?P=mark)")
_LONGEST_PATH: Final = 1000  # characters in which a path is looked for: the time grows with the square
_BARE_NUMBER: Final = re.compile(r"[ \t]*([0-9]{1,7})[ \t]*\Z")
_HUNK: Final = re.compile(r"@@ -(?P<old>[0-9]{1,7})(?:,[0-9]+)? \+(?P<new>[0-9]{1,7})(?:,[0-9]+)? @@")

_DIFF_HEAD: Final = re.compile(
    r"(?:diff --git |index [0-9a-f]+\.\.|--- |\+\+\+ |new file mode |deleted file mode |similarity |rename )"
)


class QuotedLine(NamedTuple):
    """One line of code in a quote; blank ones are only counted."""

    text: str
    """Without line end, line number and separator."""
    number: int | None
    """As the quote says it; None when it does not."""
    marks: tuple[str, ...] = ()
    """The elision marks between the line of code before it and this one, as written: they may be code (`...`) after all."""
    blanks: int = 0
    """How many blank lines are before it, since the last line of code or mark."""
    is_after_jump: bool = False
    """True when the numbers skip lines before it."""

    @property
    def is_after_gap(self) -> bool:
        """True when the author says that something was left out before it."""
        return bool(self.marks) or self.is_after_jump


@dataclass(frozen=True)
class Reading:
    """One way to read a quote."""

    lines: tuple[QuotedLine, ...]
    """The code, at least one line unless the quote is blank."""
    marks: tuple[str, ...] = ()
    """Elision marks after the last line of code."""
    is_annotated: bool = False
    """True when remarks on lines of their own were dropped, recognised by having no number."""

    @property
    def is_numbered(self) -> bool:
        """True when every line has a number."""
        return bool(self.lines) and self.lines[0].number is not None

    @property
    def claimed(self) -> tuple[Region, ...]:
        """The lines that the numbers name, blank ones between neighbours with them; empty without numbers."""
        numbers: list[int] = []
        for line in self.lines:
            if line.number is None:
                return ()
            numbers += range(line.number if line.is_after_gap or not numbers else numbers[-1] + 1, line.number + 1)
        return join_runs(numbers)


class Side(NamedTuple):
    """One side of a diff."""

    lines: Numbered
    """Its lines; their numbers when every hunk says where it starts."""
    is_cut: bool
    """True when lines of the other side were left out."""


def read_quote(quote: str) -> tuple[Reading, ...]:
    """Return all plausible readings of `quote`, those with line numbers first; the last one takes every line verbatim."""
    lines = _strip_fence(split_lines(quote))
    pasted = list(_read_pasted(lines))
    numbered = [reading for style in STYLES if (reading := _read_numbered(lines, style)) is not None]
    # `9    x` above `10   x`: taken literally, one of the two would have another indentation.
    columns = _align_columns(lines) if numbered else lines
    aligned = [] if columns == lines else [r for style in STYLES if (r := _read_numbered(columns, style)) is not None]
    # `nl` does not number blank lines, so its numbers are not those of the file, though the text is.
    uncounted = [_drop_numbers(reading) for reading in numbered if _skips_blanks(reading)]
    return (*dict.fromkeys((*pasted, *numbered, *aligned, *uncounted)), _read_plain(lines))


def find_claimed(quote: str, style: re.Pattern[str]) -> tuple[Region, ...]:
    """Return the lines that the numbers in `style` claim; empty unless every line of code has one."""
    reading = _read_numbered(_strip_fence(split_lines(quote)), style)
    return reading.claimed if reading is not None else ()


def find_telling_lines(quote: str) -> tuple[str, ...]:
    """Return the lines of `quote` that identify a place, without indentation, numbers and remarks; empty if too few."""
    bare = [strip_remark(line.text) for line in read_quote(quote)[0].lines]
    telling = tuple(dict.fromkeys(text.strip() for text in bare if text and is_informative(text)))
    return telling if len(telling) > 1 or sum(map(str.isalnum, "".join(telling))) >= 20 else ()


def split_runs(quote: str) -> tuple[Run, ...]:
    """Return the author's lines of a quote that cannot be checked, with the numbers and gaps that the quote has."""
    reading = read_quote(quote)[0]
    runs: list[list[Line]] = []
    for line in reading.lines:
        is_new = not runs or line.is_after_gap
        if is_new:
            runs.append([])
        last = runs[-1][-1].number if runs[-1] else None
        for step in range(0 if is_new else line.blanks if line.number is None or last is None else line.number - last - 1):
            runs[-1].append(Line(number=None if last is None else last + step + 1, text=""))
        runs[-1].append(Line(number=line.number, text=line.text))
    return tuple(Run(lines=tuple(lines)) for lines in runs)


def renumber(quote: str, claimed: Sequence[Region], cited: Sequence[Region], step: Step) -> str | None:
    """Return `quote` with each of its line numbers stepped, unchanged when it has none. None when that cannot be done.

    `claimed` is what checking the quote gave, `cited` the location's `lines`. Only a reading that claims what was checked
    counts: in `404: "Not Found"` the number may be code.
    """
    # The style that the check accepted is recovered from its result, so that a `Check` need not carry regular expressions.
    style = next((style for style in STYLES if find_claimed(quote, style) == tuple(claimed)), None) if claimed else None
    if style is None:
        return quote if tuple(claimed) == tuple(cited) else None
    lines = [_step_line(line, style, step) for line in quote.split("\n")]
    return None if any(line is None for line in lines) else "\n".join(line or "" for line in lines)


def replace_texts(reading: Reading, texts: Sequence[str | None]) -> Reading:
    """Return `reading` with other texts for its lines, without those that get None; what is before one of these is before
    the next line that is kept."""
    kept: list[QuotedLine] = []
    marks: tuple[str, ...] = ()
    is_jump = False
    for line, text in zip(reading.lines, texts, strict=True):
        marks += line.marks
        is_jump = is_jump or line.is_after_jump
        if text is not None:
            kept.append(line._replace(text=text, marks=marks, is_after_jump=is_jump))
            marks, is_jump = (), False
    return replace(reading, lines=tuple(kept), marks=marks + reading.marks)


def strip_remark(text: str) -> str | None:
    """Return `text` without an auditor's marks (`@audit`, `// <--`, `@>`); None when nothing else is on the line."""
    if len(text) > _LONGEST:
        return text
    pointer = _POINTER.match(text)
    bare = "" if _CARETS.match(text) else _REMARK.sub("", text[pointer.end() :] if pointer else text)
    return bare if bare.strip() else None


def _step_line(line: str, style: re.Pattern[str], step: Step) -> str | None:
    """Return the line with its number stepped, if it has one; None when the new number is not known."""
    head = style.match(line)
    if head is None:
        return line
    number = step(int(head["number"]))
    return None if number is None else f"{line[: head.start('number')]}{number}{line[head.end('number') :]}"


def _read_pasted(lines: Sequence[str]) -> Iterator[Reading]:
    """Yield the readings of code that a program printed with paths, numbers or diff marks."""
    bare = strip_paths(lines)
    if bare is not None:
        yield from (reading for style in STYLES if (reading := _read_numbered(bare, style)) is not None)
    apart = split_numbers(lines)
    if apart is not None:
        yield _collect(apart)
    for side in split_diff(lines):
        read = _collect(side.lines)
        yield replace(read, is_annotated=read.is_annotated or side.is_cut)


def _read_numbered(lines: Sequence[str], style: re.Pattern[str]) -> Reading | None:
    """Return the reading with numbers in `style`; None unless every line of code has one and they rise."""
    read: list[tuple[int | None, str]] = []
    last = 0
    for line in lines:
        match = style.match(line)
        if match is not None:
            number = int(match["number"])
            code = match["code"] or ""
            # Numbers of a file rise; a table of codes or a list of ports seldom does, and is then read as code.
            if number <= last and not _ELISION.match(code):
                return None
            last = max(number, last)
            read.append((number, code))
        elif not line.strip() or _ELISION.match(line) or _is_remark(line):
            read.append((None, line))
        elif line.strip() == "--":  # between what grep found
            read.append((None, "..."))
        else:
            return None
    if not any(number is not None and code.strip() for number, code in read):
        return None
    return _collect(read)


def _read_plain(lines: Sequence[str]) -> Reading:
    return _collect([(None, line) for line in lines])


def _collect(read: Sequence[tuple[int | None, str]]) -> Reading:
    """Return the reading of `read`: lines of code with the marks and blank lines before each."""
    is_numbered = any(number is not None for number, _ in read)
    lines: list[QuotedLine] = []
    marks: list[str] = []
    blanks, is_annotated = 0, False
    last: int | None = None
    for number, text in read:
        if not text.strip():
            blanks += 1
        elif _ELISION.match(text):
            marks.append(text.strip())
            blanks, last = 0, number if number is not None else last  # `28: ...` may be line 28: no jump up to there
        # Between numbered lines, a line without a number was not copied from the file.
        elif is_numbered and number is None:
            is_annotated = True
        else:
            is_jump = number is not None and last is not None and number - last > blanks + 1
            lines.append(QuotedLine(text, number, tuple(marks), blanks if lines else 0, is_jump))
            marks, blanks, last = [], 0, number
    if not lines:  # nothing but marks: then they are the code
        return Reading(tuple(QuotedLine(text, number) for number, text in read if text.strip()))
    return Reading(tuple(lines), tuple(marks), is_annotated)


def _skips_blanks(reading: Reading) -> bool:
    """True when the numbers count on over blank lines, as those of `nl` do: then they are not the file's."""
    return any(line.blanks and before.number == (line.number or 0) - 1 for before, line in pairwise(reading.lines))


def _drop_numbers(reading: Reading) -> Reading:
    return replace(reading, lines=tuple(line._replace(number=None) for line in reading.lines))


def _align_columns(lines: Sequence[str]) -> list[str]:
    """Return `lines` with left-aligned numbers padded, so that the code of `9    x` and `10   x` starts in one column."""
    heads = [_HEAD.match(line) for line in lines]
    width = max((head.end() for head in heads if head), default=0)
    moved = []
    for line, head in zip(lines, heads, strict=True):
        room = width - head.end() if head else 0
        is_free = head is not None and not line[head.end() : width].strip()
        moved.append(line[: head.end()] + line[width:] if head and room and is_free else line)
    return moved


def _strip_fence(lines: Sequence[str]) -> list[str]:
    """Return `lines` without blank lines at the ends and without a fence around the rest."""
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    opener = _FENCE.match(lines[start]) if end - start > 1 else None
    if opener is None:
        return list(lines[start:end])
    closer = lines[end - 1].strip()
    # CommonMark 4.5: the closing fence is at least as long as the opening one. An unclosed fence is accepted, because quotes
    # are cut when they are pasted.
    is_closed = len(closer) >= len(opener[1]) and set(closer) == {opener[1][0]}
    if not is_closed and opener[1][0] == "~":
        return list(lines[start:end])  # an underlined title
    return list(lines[start + 1 : end - 1 if is_closed else end])


def _is_remark(text: str) -> bool:
    """True when nothing but a remark is on the line; it then starts like one, as few lines do."""
    return text.lstrip()[:1] in _REMARK_STARTS and strip_remark(text) is None


def strip_paths(lines: Sequence[str]) -> list[str] | None:
    """Return `12:code` for `src/app.py:12:code`, the output of `grep -n` for several files; None for other text."""
    first = next((line for line in lines if line.strip()), "")
    match = _GREP.match(first[:_LONGEST_PATH])
    if match is None:
        return None
    path = match["path"]
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
    """Yield the new side of a diff and the old one; nothing for text that is no diff.

    A diff has the head of a hunk, or lines added and perhaps removed beside lines that are neither, and nothing else. Lines
    removed alone are no sign: lists are written so, and to leave them out would hide what the quote says.
    """
    body = [line for line in lines if not _DIFF_HEAD.match(line) and not line.startswith("\\ No newline")]
    # `--- a/file` and the like were removed above, so that a diff pasted without its head is read in the same way.
    has_hunks = any(_HUNK.match(line) for line in body)
    marks = {line[0] for line in body if line.strip() and not _HUNK.match(line)}
    if not marks <= set("+- ") or not (has_hunks or "+" in marks):
        return
    yield from _read_side(body, "-", "new")
    if has_hunks or "-" in marks:
        yield from _read_side(body, "+", "old")


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
    if any(text.strip() and text != "..." for _, text in read):
        yield Side(read, is_cut)
        if number is not None:
            yield Side([(None, text) for _, text in read], is_cut)
