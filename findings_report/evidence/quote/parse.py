"""The author's quote: taking fences, line numbers and diff marks off code copied in whatever shape.

Pure, and without the file the code came from: a quote can often be read in more than one way (`404: "Not Found"` is line 404
or an entry of a table), so all plausible readings are returned, and `check_quote` keeps the one that matches the file best.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from findings_report.evidence.quote.marks import (
    Head,
    find_head,
    find_named_file,
    is_elision,
    is_remark,
    join_heads,
    may_name,
    repeats_prompt,
    strip_remark,
)
from findings_report.evidence.quote.printed import Numbered, Side, opens_comment, split_diff, split_numbers, strip_paths
from findings_report.model.evidence import Line, Region, Run
from findings_report.sourcecode.lines import dedent, is_informative, join_runs, split_lines

Step = Callable[[int], int | None]
"""The new number of a line; None when it is not known."""

_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")  # what chats and word processors put into copied text
_TYPOGRAPHIC: Final = str.maketrans({**dict.fromkeys("“”„‟", '"'), **dict.fromkeys("‘’‚‛", "'"), "\u00a0": " ", "—": "--"})
"""What word processors and mail programs make of characters that are typed."""
_DASHES: Final = ("-", "--")  # either may have become `–`: the file says which
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})([^`]*)\Z")

# One way must fit every number of a quote. Only the separator itself is taken off: what follows
# may be code that starts with a colon, and the blanks before code are set aside with the common indentation.
_NUMBER: Final = (
    r"[ \t]*+(?:(?:[-+*>]|[-=]{1,2}>|@>|[☀-➿\U0001f300-\U0001faff]\ufe0f?)[ \t]*+)?(?:[|│┃][ \t]*+[-+>]?[ \t]*+)?"
    r"(?:[Ll]ine[ \t]*+\#?|[Ll][.\#]?|\#|(?P<opener>/\*[ \t]*+))?"
    r"[\[(<]?(?P<number>[0-9]{1,7})[\])>]?(?(opener)[ \t]*+\*/)"
)
_NUMBERED: Final = re.compile(_NUMBER + r"(?![\w])")

STYLES: Final = tuple(
    re.compile(rf"{_NUMBER}(?:{separator}(?P<code>.*)|[ \t]*)\Z")
    for separator in (r"\t", r":", r"[ \t]*[|│┃⎜¦]", r"[ \t]*[→>]", r"[.)]", r"[-=:]", r":?(?=[ \t])", r"[ \t]+[-:]")
)
"""Each way of writing line numbers; their groups are `number` and `code`."""

_COLUMN: Final = re.compile(r"[ \t]*[Ll]?[0-9]{1,7}(?=\s|\Z)")

_BELOW: Final = re.compile(r"://|\A(?:Figure|Fig\.|Listing|Snippet) ")  # what may name the file below the code
_BAR_ROW: Final = re.compile(r"[ \t]+[|│][ \t]*+(?P<code>(?:[\^~].*)?)\Z")  # `   | ^^^^ here`, as compilers print it
_MOST_HEADS: Final = 3
_SIGN_BEHIND: Final = re.compile(r"\A([ \t]*+[0-9]{1,7}[ \t]*+[:|]?)[ \t]?([-+])(?=[ \t])")  # `12 + code`, `12: - code`
_SIGNED: Final = re.compile(r"[ \t]*+(?:[0-9]{1,7}[ \t]*+[:|]?[ \t]?)?[-+]")
_SIGN_TWICE: Final = re.compile(r"\A([-+])\1(?=[ \t])")
_COMMENT_LINE: Final = re.compile(r"[ \t]*+(?://|\#(?!\w)|/\*|--|\*|;|%|<!--|\(\*)")

_DIFF_FILE: Final = re.compile(r"(?:\+\+\+ b/|--- a/|diff --git a/.* b/)(?P<path>[^\t]+)")
_LONGEST_DIFF_HEAD: Final = 8


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
    has_indent: bool = True
    """False when its indentation is the author's: it has a number, in a column where other lines have code."""

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
    """True when remarks on lines of their own were dropped, recognised by having no number, or one side of a patch."""
    head: Head | None = None
    """What was above the code and names the file; it is not among the lines."""

    @property
    def is_numbered(self) -> bool:
        """True when a line has a number: all of them, or the first of each group."""
        return any(line.number is not None for line in self.lines)

    @property
    def claimed(self) -> tuple[Region, ...]:
        """The lines that the numbers name, blank ones between neighbours with them; without numbers those of the head.

        Lines without a number are counted on from the one above, up to the next mark.
        """
        numbers: set[int] = set()
        last: int | None = None
        for line in self.lines:
            if line.number is not None:
                start = line.number if line.is_after_gap or last is None else last + 1
                numbers.update(range(start, line.number + 1))
            elif last is not None and not line.marks:
                numbers.update(range(last + 1, last + 2 + line.blanks))
            last = line.number or (None if last is None or line.marks else last + 1 + line.blanks)
        return join_runs(sorted(numbers)) if numbers or self.head is None else self.head.regions


class _Body(NamedTuple):
    """A quote without what is around the code."""

    start: int
    """Index of its first line in the quote."""
    lines: list[str]
    """The code, with numbers and marks."""
    words: str = ""
    """The text after the opener of its fence: `diff`."""
    head: Head | None = None
    """What names the file above it."""


@lru_cache(maxsize=64)  # a quote is read for its verdict, and again for what it claims and what to search for
def read_quote(quote: str) -> tuple[Reading, ...]:
    """Return all plausible readings of `quote`, those with line numbers first; the last one takes every line.

    Readings with other characters than the quote's come after those with its own, and are annotated.
    """
    readings = _read_shapes(quote)
    visible = _INVISIBLE.sub("", quote)
    typed = dict.fromkeys(visible.translate(_TYPOGRAPHIC).replace("–", dash) for dash in _DASHES)
    as_typed = (replace(reading, is_annotated=True) for text in typed if text != visible for reading in _read_shapes(text))
    return (*(_read_shapes(visible) if visible != quote else ()), *readings, *as_typed)


def _read_shapes(quote: str) -> tuple[Reading, ...]:
    body = _unwrap(split_lines(quote))
    plain = _read_plain(body.lines)
    readings = tuple(dict.fromkeys((*_read_body(body.lines, words=body.words), plain)))
    if body.head is None:
        return readings
    verbatim = _read_plain(_strip_fence(_trim(0, split_lines(quote))).lines)
    headed = tuple(replace(reading, head=body.head) for reading in readings)
    return (*headed, verbatim) if verbatim.lines != plain.lines else headed


def _read_body(lines: Sequence[str], *, words: str) -> Iterator[Reading]:
    """Yield the readings that take something off."""
    sides = tuple(split_diff(lines))
    yield from _read_pasted(lines, sides)
    numbered = _read_all_styles(lines)
    yield from numbered
    if numbered:
        # `9    x` above `10   x`: taken literally, one of the two would have another indentation.
        columns = _align_columns(lines)
        yield from _read_all_styles(columns) if columns != lines else ()
        # `nl` does not number blank lines, and an excerpt may be counted from 1: then the numbers are not those of the file.
        yield from (_drop_numbers(reading) for reading in numbered if _skips_blanks(reading) or _starts_at_1(reading))
    patch = _read_patch(lines, is_diff=words.lower().startswith(("diff", "patch", "udiff")))
    # A diff that was read as one needs no second look, unless it has numbers or its signs are doubled.
    is_read = len(sides) > 1 and not any(map(_SIGN_TWICE.match, lines))
    yield from (reading for reading in patch if reading.is_numbered or not is_read)
    margin = next((line.lstrip()[:1] for line in lines if line.strip()), "")
    if margin in (">", "|", "│") and len(lines) > 1:
        yield from _read_margin(lines, margin)


def _read_all_styles(lines: Sequence[str]) -> list[Reading]:
    return [reading for style in _fit_styles(lines) if (reading := _read_numbered(lines, style)) is not None]


def _fit_styles(lines: Sequence[str]) -> list[re.Pattern[str]]:
    """Return the styles in which the first line that may have a number has one."""
    first = next((line for line in lines if _NUMBERED.match(line)), None)
    return [style for style in STYLES if style.match(first)] if first is not None else []


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
    lines = quote.split("\n")
    body = _unwrap(lines)
    # The style that the check accepted is recovered from its result, so that a `Check` need not carry regular expressions.
    readings = [(style, _read_numbered(body.lines, style)) for style in _fit_styles(body.lines)]
    style = next((style for style, reading in readings if reading and reading.claimed == tuple(claimed)), None)
    # The lines that the line above the code names are the author's words.
    if style is None or (body.head and body.head.regions):
        return quote if tuple(claimed) == tuple(cited) and not (body.head and body.head.regions) else None
    for index, number in enumerate(_find_numbers(body.lines, style) or (), body.start):
        stepped = step(int(number["number"])) if number else None
        if number and stepped is None:
            return None
        if number:
            lines[index] = f"{lines[index][: number.start('number')]}{stepped}{lines[index][number.end('number') :]}"
    return "\n".join(lines)


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
            is_same = text == line.text and marks == line.marks and is_jump == line.is_after_jump
            kept.append(line if is_same else line._replace(text=text, marks=marks, is_after_jump=is_jump))
            marks, is_jump = (), False
    return replace(reading, lines=tuple(kept), marks=marks + reading.marks)


def _read_pasted(lines: Sequence[str], sides: Sequence[Side]) -> Iterator[Reading]:
    """Yield the readings of code that a program printed with paths, numbers or as a diff with `sides`."""
    bare = strip_paths(lines)
    if bare is not None:
        yield from _read_all_styles(bare)
    apart = split_numbers(lines)
    if apart is not None:
        yield _collect(apart)
    for side in sides:
        read = _collect(side.lines)
        yield replace(read, is_annotated=read.is_annotated or side.is_cut)


def _read_numbered(lines: Sequence[str], style: re.Pattern[str]) -> Reading | None:
    """Return the reading with numbers in `style`, on every line of code or on some; None when they cannot be line numbers."""
    found = _find_numbers(lines, style)
    if found is None:
        return None
    read: Numbered = []
    for line, number in zip(lines, found, strict=True):
        if number is not None:
            read.append((int(number["number"]), number["code"] or ""))
        elif (row := _BAR_ROW.match(line)) is None:
            read.append((None, "..." if line.strip() == "--" else line))  # `--` is between what grep found
        elif row["code"].strip():
            read.append((None, row["code"]))
    if not any(number is not None and code.strip() for number, code in read):
        return None
    is_partial = any(number is None and not _is_aside(line) for line, number in zip(lines, found, strict=True))
    return _collect(read, is_partial=is_partial)


def _find_numbers(lines: Sequence[str], style: re.Pattern[str]) -> list[re.Match[str] | None] | None:
    """Return for each line the match of its number in `style`, None for a line without one; None when there are none.

    Numbers of a file rise; a table of codes or a list of ports seldom does, and is then read as code.
    """
    found = [style.match(line) for line in lines]
    strays = [index for index, match in enumerate(found) if match is None and not _is_aside(lines[index])]
    last, ends = 0, max((index for index, line in enumerate(lines) if line.strip()), default=0)
    counted: int | None = None  # the number of the line above, where each line has one or is counted on
    refused = 0
    for index, match in enumerate(found):
        is_start = index == 0 or not lines[index - 1].strip() or is_elision(lines[index - 1])
        if match is None:
            counted = None if counted is None or is_elision(lines[index]) else counted + 1
            continue
        number = int(match["number"])
        rises = number > last or is_elision(match["code"] or "")
        if not rises and not strays:
            return None
        # Of numbers on some lines only, one at an odd place is code: `100 ether,`.
        if rises and (not strays or is_start or counted is None or number == counted + 1 or index == ends):
            last = max(number, last)
            counted = number
        else:
            found[index] = None
            refused += 1
            counted = counted + 1 if counted is not None else None
    return found if sum(match is not None for match in found) > refused else None


def _is_aside(line: str) -> bool:
    """True for a line that needs no number between numbered ones."""
    return (
        not line.strip()
        or is_elision(line)
        or line.strip() == "--"
        or bool(_BAR_ROW.match(line) or _COMMENT_LINE.match(line) or is_remark(line))
    )


def _read_plain(lines: Sequence[str]) -> Reading:
    return _collect([(None, line) for line in lines])


def _collect(read: Sequence[tuple[int | None, str]], *, is_partial: bool = False) -> Reading:
    """Return the reading of `read`: lines of code with the marks and blank lines before each.

    Among numbered lines, a remark without a number was not copied from the file, unless the numbers are `is_partial`.
    """
    is_numbered = not is_partial and any(number is not None for number, _ in read)
    lines: list[QuotedLine] = []
    marks: list[str] = []
    blanks, is_annotated = 0, False
    last: int | None = None
    for number, text in read:
        if not text.strip():
            blanks += 1
        elif is_elision(text):
            marks.append(text.strip())
            blanks, last = 0, number if number is not None else last  # `28: ...` may be line 28: no jump up to there
        elif is_numbered and number is None and is_remark(text):
            is_annotated = True
        else:
            is_jump = number is not None and last is not None and number - last > blanks + 1
            has_indent = number is None or not is_partial
            lines.append(QuotedLine(text, number, tuple(marks), blanks if lines else 0, is_jump, has_indent))
            counted = last + blanks + 1 if last is not None and not marks else None
            marks, blanks, last = [], 0, number if number is not None else counted
    if not lines:  # nothing but marks: then they are the code
        at = [index for index, (_, text) in enumerate(read) if text.strip()]
        gaps = [0, *(after - before - 1 for before, after in pairwise(at))]
        return Reading(tuple(QuotedLine(read[i][1], read[i][0], blanks=gap) for i, gap in zip(at, gaps, strict=False)))
    return Reading(tuple(lines), tuple(marks), is_annotated)


def _skips_blanks(reading: Reading) -> bool:
    """True when the numbers count on over blank lines, as those of `nl` do: then they are not the file's."""
    return any(line.blanks and before.number == (line.number or 0) - 1 for before, line in pairwise(reading.lines))


def _starts_at_1(reading: Reading) -> bool:
    return reading.lines[0].number == 1


def _drop_numbers(reading: Reading) -> Reading:
    return replace(reading, lines=tuple(line._replace(number=None) for line in reading.lines))


def _align_columns(lines: Sequence[str]) -> list[str]:
    """Return `lines` with left-aligned numbers padded, so that the code of `9    x` and `10   x` starts in one column."""
    heads = [_COLUMN.match(line) for line in lines]
    width = max((head.end() for head in heads if head), default=0)
    moved = []
    for line, head in zip(lines, heads, strict=True):
        room = width - head.end() if head else 0
        is_free = head is not None and not line[head.end() : width].strip()
        moved.append(line[: head.end()] + line[width:] if head and room and is_free else line)
    return moved


def _unwrap(lines: Sequence[str]) -> _Body:
    """Return a quote without its fence and the lines that name the file: above or below the code, or above each group."""
    body = _trim(0, lines)
    heads: list[Head] = []
    is_head_below = len(body.lines) > 1 and _BELOW.search(body.lines[-1])
    if is_head_below and (head := find_head(body.lines[-1])) is not None:
        heads.append(head)
        body = _trim(body.start, body.lines[:-1])
    body = _strip_fence(body)
    if (head := find_named_file(body.words)) is not None:
        heads.append(head)
    if len(body.lines) > 2 and repeats_prompt(body.lines[-1], body.lines[0]):
        body = body._replace(lines=body.lines[:-1])
    while len(body.lines) > 1 and len(heads) < _MOST_HEADS and (head := find_head(body.lines[0])) is not None:
        if heads and head.path and not may_name(heads[0].path, head.path):
            break
        heads.append(head)
        body = _strip_fence(_trim(body.start + 1, body.lines[1:], body.words))
    if not heads:
        named = next((named for line in body.lines[:_LONGEST_DIFF_HEAD] if (named := _DIFF_FILE.match(line))), None)
        return body._replace(head=Head(named["path"], ())) if named else body
    for index, line in enumerate(body.lines):
        if (head := find_head(line)) is not None and head.path and may_name(heads[0].path, head.path):
            heads.append(head)
            body.lines[index] = "..."
    return body._replace(head=join_heads(heads))


def _trim(start: int, lines: Sequence[str], words: str = "") -> _Body:
    """Return `lines`, whose first one has the index `start` in the quote, without blank ones at the ends."""
    first = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    last = next((index for index in range(len(lines), first, -1) if lines[index - 1].strip()), first)
    return _Body(start + first, list(lines[first:last]), words)


def _strip_fence(body: _Body) -> _Body:
    """Return `body` without a fence around it."""
    opener = _FENCE.match(body.lines[0]) if len(body.lines) > 1 else None
    if opener is None:
        return body
    closer = body.lines[-1].strip()
    # CommonMark 4.5: the closing fence is at least as long as the opening one. An unclosed fence is accepted, because quotes
    # are cut when they are pasted.
    is_closed = len(closer) >= len(opener[1]) and set(closer) == {opener[1][0]}
    if not is_closed and opener[1][0] == "~":
        return body  # an underlined title
    return _Body(body.start + 1, body.lines[1 : -1 if is_closed else None], opener[2].strip())


def _read_patch(lines: Sequence[str], *, is_diff: bool) -> Iterator[Reading]:
    """Yield the sides of a patch as people type it: `-` and `+` at the margin, context lines without the blank of a diff.

    A side without any line of the other is always read: nothing of the quote is left out. To leave out lines there has to be a
    fence that says `diff`, both signs, or lines added as a patch adds them: `a = b` above `+ c` may be one expression.
    """
    if not any(map(_SIGNED.match, lines)):
        return
    bare = [_SIGN_TWICE.sub(r"\1", line) for line in dedent([_SIGN_BEHIND.sub(r"\2\1 ", line) for line in lines])]
    signs = {line[0] for line in bare if line and line[0] in "+-"}
    # `-amount,` alone is code.
    if not signs or not (is_diff or len(signs) == 2 or all(line[1:2].strip() == "" for line in bare if line[:1] in signs)):
        return
    adds = all(
        not line.startswith("+") or before[:1] == "+" or before.rstrip()[-1:] in ";{}(,:)/|&" or line[1:3].isspace()
        for before, line in pairwise(("", *bare))
    )
    is_patch = is_diff or len(signs) == 2 or ("+" in signs and adds)
    for other in "+-":
        if other not in signs or is_patch:
            kept = [f" {line[1:]}" if line[:1] in signs else line for line in bare if not line.startswith(other)]
            if any(map(is_informative, kept)) and not opens_comment(kept):
                for reading in (*_read_all_styles(kept), _read_plain(kept)):
                    yield replace(reading, is_annotated=True)


def _read_margin(lines: Sequence[str], margin: str) -> Iterator[Reading]:
    """Yield the readings of code with a bar before each line, as mail programs and tables put it."""
    bars = [line.strip() for line in lines if line.strip()]
    if not all(line.startswith(margin) for line in bars):
        return
    is_table = margin != ">" and all(line.endswith(margin) and len(line) > 1 for line in bars)
    inner = [line.strip().removeprefix(margin).removeprefix(" ") for line in lines]
    inner = [line.removesuffix(margin) for line in inner if not is_table or set(line) - set("|-: ")] if is_table else inner
    yield from _read_all_styles(inner)
    yield _read_plain(inner)
