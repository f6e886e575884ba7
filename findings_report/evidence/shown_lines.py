"""Which lines are printed of a location, with the author's marks on them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from findings_report.model.evidence import Check, Line, Region, Run, Verdict
from findings_report.model.finding import Location
from findings_report.sourcecode.languages import Inside, find_opener
from findings_report.sourcecode.lines import join_runs, unite_regions

MOST_LINES: Final = 200
"""Lines of code that one snippet prints; the rest is elided, with a warning."""


@dataclass(frozen=True)
class ShownLines:
    """The lines of a snippet."""

    runs: tuple[Run, ...]
    """In order."""
    loose_notes: tuple[tuple[int, str], ...]
    """(line as authored, note) of notes whose line is not among them."""
    left_out: int = 0
    """How many lines MOST_LINES left out."""
    is_loose: bool = False
    """True when the code has moved and marks could not be moved with it."""


def shift_lines(check: Check) -> Callable[[int], int | None]:
    """Return a function from a claimed line to the line it is now, as far as the quoted lines show; None when they do not."""
    known = dict(check.mapped)
    shifts = {actual - claimed for claimed, actual in check.mapped}
    # Code that moved as one block takes every line along, also those that the quote left out.
    if len(shifts) == 1:
        by = shifts.pop()
        return lambda line: line + by

    def shifted(line: int) -> int | None:
        if line in known:
            return known[line]
        before = max((claimed for claimed in known if claimed < line), default=None)
        after = min((claimed for claimed in known if claimed > line), default=None)
        # Between quoted lines that moved by different amounts lines were added or removed, and it is not known where.
        if before is None or after is None or known[before] - before != known[after] - after:
            return None
        return line + known[before] - before

    return shifted


def choose_regions(location: Location, check: Check, count: int) -> tuple[Region, ...]:
    """Return the cited lines, as printed, of a file of `count` lines.

    Where the quote was found, if that is not where `lines` says; `lines` with it, where the quote shows more than they cite;
    else `lines`, or what the quote's own numbers claim.
    """
    if not check.found:
        return location.lines or tuple(region for region in check.claimed if region.end_line <= count)
    # The author's `lines` stay while they hold the quote: a function is often cited whole and quoted in part.
    is_covered = all(any(r.start_line in cited and r.end_line in cited for cited in location.lines) for r in check.found)
    if check.verdict is Verdict.MOVED or check.outside == check.found:
        return check.found
    return location.lines if is_covered else unite_regions(location.lines, check.found)


def clip_regions(regions: Sequence[Region], count: int) -> tuple[Region, ...]:
    """Return the lines of `regions` that a file of `count` lines has."""
    return tuple(
        Region(start_line=region.start_line, end_line=min(region.end_line, count))
        for region in regions
        if region.start_line <= count
    )


def cover_shown_lines(regions: Sequence[Region], lines: ShownLines) -> tuple[Region, ...]:
    """Return `regions` and every printed line: what `show` and the marks of a moved quote took along is cited with it."""
    shown = {line.number for run in lines.runs for line in run.lines if line.number is not None}
    return join_runs(sorted(shown.union(*(range(region.start_line, region.end_line + 1) for region in regions))))


def show_file_lines(location: Location, check: Check, lines: Sequence[str], inside: Sequence[Inside]) -> ShownLines:
    """Return the lines of a file that a location prints.

    `show` if given; else the quoted lines and the marked ones, or without a placed quote the cited lines; of a file that is
    cited as a whole none. For a quote that has moved, the author's marks move along as far as the quote shows where.
    """
    shift: Callable[[int], int | None] = shift_lines(check) if check.verdict is Verdict.MOVED else lambda line: line
    count = len(lines)
    highlight = {number: shift(number) for number in _numbers(location.highlight, count)}
    notes = {number: shift(number) for number in location.notes}
    show = [shift(number) for number in _numbers(location.show, count)]
    marked = {number for number in (*highlight.values(), *notes.values()) if number is not None}
    # `show` is followed whole or not at all: part of it would print a snippet that the author never chose.
    if show and None not in show:
        chosen = {number for number in show if number is not None}
    elif check.found:
        chosen = _numbers(check.found, count) | marked
    else:
        # Without lines the file is cited as a whole, and its first lines are no evidence: only marked ones are printed.
        chosen = _numbers(choose_regions(location, check, count), count) or marked
    texts = {actual: location.notes[number] for number, actual in notes.items() if actual is not None}
    kept = _cap_lines({number for number in chosen if 1 <= number <= count}, marked)
    highlighted = set(highlight.values())
    runs = tuple(
        Run(
            lines=tuple(
                Line(number=number, text=lines[number - 1], highlighted=number in highlighted, note=texts.get(number))
                for number in range(region.start_line, region.end_line + 1)
            ),
            inside=find_opener(inside, region.start_line),
        )
        for region in join_runs(sorted(kept))
    )
    loose = tuple((number, location.notes[number]) for number, actual in sorted(notes.items()) if actual not in kept)
    is_loose = None in (*highlight.values(), *notes.values(), *show)
    return ShownLines(runs, loose, left_out=len({n for n in chosen if 1 <= n <= count}) - len(kept), is_loose=is_loose)


def _numbers(regions: Iterable[Region], count: int) -> set[int]:
    return {number for region in regions for number in range(region.start_line, min(region.end_line, count) + 1)}


def _cap_lines(numbers: set[int], marked: set[int]) -> set[int]:
    """Return at most MOST_LINES: the marked ones, and of the others the first."""
    if len(numbers) <= MOST_LINES:
        return numbers
    # A note whose line is elided would lose its place, so marked lines are kept before others.
    first = sorted(numbers & marked)[:MOST_LINES]
    return {*first, *sorted(numbers - marked)[: MOST_LINES - len(first)]}


def show_quote_lines(quoted: Sequence[Run], location: Location) -> ShownLines:
    """Return the author's own lines, with the marks of those that have a number."""
    runs: list[Run] = []
    shown: set[int] = set()
    left = MOST_LINES
    for run in quoted:
        marked = tuple(_mark_line(line, location) for line in run.lines[:left])
        left -= len(marked)
        shown.update(line.number for line in marked if line.number is not None)
        runs += [Run(lines=marked)] if marked else []
    loose = tuple((number, note) for number, note in sorted(location.notes.items()) if number not in shown)
    return ShownLines(tuple(runs), loose, left_out=max(0, sum(len(run.lines) for run in quoted) - MOST_LINES))


def _mark_line(line: Line, location: Location) -> Line:
    # Without numbers in the quote a mark cannot be placed; it is reported as loose.
    if line.number is None:
        return line
    highlighted = any(line.number in region for region in location.highlight)
    return line.model_copy(update={"highlighted": highlighted, "note": location.notes.get(line.number)})
