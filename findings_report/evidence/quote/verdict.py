"""The verdict on a quote: what setting it against the lines of a file gives.

Pure. The verdicts and what each of them means are in `model.evidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from findings_report.evidence.quote.locate import (
    UNKNOWN,
    Listing,
    Spelling,
    is_foreign,
    place_within,
    places,
    positions_in,
    spell,
)
from findings_report.evidence.quote.nearest import LONGEST, Alignment, closest
from findings_report.evidence.quote.parse import QuotedLine, readings
from findings_report.model.evidence import Check, Difference, Region, Verdict
from findings_report.sourcecode.lines import dedent, is_informative, runs, squeeze

_MOST_DIFFERENCES = 40
_WIDEST_GAP = 30  # lines that a quote away from its claimed place may leave out without a mark and still be one quote
_MOST_ALSO = 5
_TELLING = 20  # letters and digits of a line that is taken for the quoted one wherever it stands
_WIDEST_CUT = 10  # lines that an edited quote may lack and have them told one by one
_GRADES: Final = (Verdict.EXACT, Verdict.WHITESPACE, Verdict.ELIDED, Verdict.ANNOTATED)


def check(quote: str, file: Listing, cited: Sequence[Region]) -> Check:
    """The verdict on `quote` in `file`, where `cited` are the location's `lines` (empty: the whole file).

    A quote's own line numbers are what it claims; without them `cited` is. Of several ways to read the quote the one is
    kept that the file bears out best. Never `unchecked` or `none`; a blank quote is `not_found`.
    """
    found: list[Check] = []
    spellings: list[Spelling] = []
    for reading in readings(quote):
        if found and found[-1].verdict in _GRADES and is_foreign(reading, file):
            continue  # all of the text is at its claimed place already; a reading of which a line is nowhere is no better
        spellings.append(spell(reading, file))
        found.append(_checked(spellings[-1], file, tuple(cited)))
        if found[-1].verdict is Verdict.EXACT:
            break
    best = min(range(len(found)), key=lambda index: _rank(found[index]))
    also = _also(found[best], spellings[best], file, tuple(cited))
    return found[best].model_copy(update={"also": also}) if also else found[best]


def _also(chosen: Check, quoted: Spelling, file: Listing, cited: tuple[Region, ...]) -> tuple[Region, ...]:
    """Where the whole quote stands as well, within what is cited; nothing when its own numbers say which is meant."""
    is_foreign_or_blank = UNKNOWN in quoted.string or not quoted.string
    if quoted.reading.is_numbered or is_foreign_or_blank or chosen.verdict is Verdict.EDITED:
        return ()
    is_bound = bool(cited) and chosen.verdict in _GRADES
    found: list[Region] = []
    for place in places(file, quoted.pieces()):
        region = Region(start_line=file.numbers[place[0]], end_line=file.numbers[place[-1]])
        if any(region.start_line in taken or region.end_line in taken for taken in chosen.found):
            continue
        if not is_bound or (cited[0].start_line <= region.start_line and region.end_line <= cited[-1].end_line):
            found.append(region)
    return tuple(found[:_MOST_ALSO])


def unchecked(quote: str | None, cited: Sequence[Region]) -> Check:
    """What can be said without a repository: what is claimed."""
    numbered = readings(quote)[0].claimed if quote else ()
    return Check(verdict=Verdict.UNCHECKED, claimed=numbered or tuple(cited))


def is_too_long(quote: str) -> bool:
    """True when the closest text is not looked for: the quote is there as it stands, or `not_found`."""
    return quote.count("\n") >= LONGEST and len(readings(quote)[-1].lines) > LONGEST


def _rank(found: Check) -> int:
    """All of the text at its claimed place, all of it elsewhere, most of it at its place, most of it elsewhere, nothing."""
    if found.verdict in _GRADES:
        return _GRADES.index(found.verdict)
    if found.verdict is Verdict.MOVED and found.text in _GRADES:
        return 4 + _GRADES.index(found.text)
    return {Verdict.EDITED: 8, Verdict.MOVED: 9}.get(found.verdict, 10)


def _checked(quoted: Spelling, file: Listing, cited: tuple[Region, ...]) -> Check:
    claimed = quoted.reading.claimed or cited
    if not quoted.string:
        return Check(verdict=Verdict.NOT_FOUND, claimed=claimed)
    is_known = UNKNOWN not in quoted.string
    if is_known and (there := _at_claim(quoted, file, claimed)) is not None:
        return _graded(quoted, file, claimed, there, is_moved=False)
    if is_known and (elsewhere := _nearest(quoted, file, claimed, places(file, quoted.pieces()))) is not None:
        return _graded(quoted, file, claimed, elsewhere, is_moved=True)
    near = closest(quoted, file, claimed)
    edited = _edited(quoted, file, claimed, near) if near else None
    if is_known and (edited is None or edited.verdict is not Verdict.EDITED):
        # Lines swapped where claimed are more likely than the same lines, with others between them, somewhere else.
        gapped = [place for place in places(file, list(quoted.string)) if _is_close(quoted.reading.lines, place)]
        if (strewn := _nearest(quoted, file, claimed, gapped)) is not None:
            return _graded(quoted, file, claimed, strewn, is_moved=True)
    return edited or Check(verdict=Verdict.NOT_FOUND, claimed=claimed)


def _at_claim(quoted: Spelling, file: Listing, claimed: tuple[Region, ...]) -> list[int] | None:
    """The positions of all lines where they are claimed; None when they are not all there."""
    lines = quoted.reading.lines
    if quoted.reading.is_numbered:
        found = [file.position(line.number or 0) for line in lines]
        numbers = [file.numbers[at] if at < len(file.numbers) else None for at in found]
        is_there = numbers == [line.number for line in lines] and "".join(file.string[at] for at in found) == quoted.string
        return found if is_there else None
    ranges = positions_in(file, claimed)
    whole = place_within(file, quoted.pieces(), ranges)
    if whole is not None:
        return whole
    gapped = place_within(file, list(quoted.string), ranges)
    return gapped if gapped is not None and (claimed or _is_close(lines, gapped)) else None


def _nearest(quoted: Spelling, file: Listing, claimed: tuple[Region, ...], found: Sequence[list[int]]) -> list[int] | None:
    """Of the places of a quote the one nearest to the claimed; None when there is none, or it tells too little to say."""
    lines = quoted.reading.lines
    is_unique = len(found) == 1 and any(map(str.isalnum, "".join(line.text for line in lines)))
    is_telling = sum(is_informative(line.text) for line in lines) > 1 or any(_is_telling(line.text) for line in lines)
    if not found or not (is_unique or is_telling):
        return None
    return min(found, key=lambda place: _distance(lines, file, claimed, place))


def _is_telling(text: str) -> bool:
    """True for a line that says enough to be itself wherever it stands: `return None` does not."""
    return sum(map(str.isalnum, text)) >= _TELLING


def _is_close(lines: Sequence[QuotedLine], found: Sequence[int]) -> bool:
    """True when little is left out without a mark: lines strewn over a file are no quote."""
    gaps = [b - a - 1 for a, b, line in zip(found, found[1:], lines[1:], strict=False) if b > a + 1 and not line.is_after_gap]
    return len(gaps) * 2 <= len(found) and max(gaps, default=0) <= _WIDEST_GAP


def _distance(lines: Sequence[QuotedLine], file: Listing, claimed: Sequence[Region], place: Sequence[int]) -> int:
    """How far a place is from the claimed one, and how far its lines from one another, in lines."""
    numbers = [file.numbers[at] for at in place]
    if lines[0].number is not None:
        shifts = [number - (line.number or 0) for number, line in zip(numbers, lines, strict=True)]
        return abs(shifts[0]) + sum(abs(b - a) for a, b in pairwise(shifts))
    return abs(numbers[0] - (claimed[0].start_line if claimed else numbers[0])) + numbers[-1] - numbers[0]


def _graded(quoted: Spelling, file: Listing, claimed: tuple[Region, ...], found: list[int], *, is_moved: bool) -> Check:
    """The verdict on a quote whose lines all stand at the positions `found`."""
    lines = quoted.reading.lines
    before, after = found[0] - len(lines[0].marks), found[-1] + 1 + len(quoted.reading.marks)
    head = _marks_as_code(file, lines[0].marks, range(max(before, 0), found[0]))
    tail = _marks_as_code(file, quoted.reading.marks, range(found[-1] + 1, min(after, len(file.string))))
    is_elided = head is None or tail is None
    unmarked, is_blank_equal = 0, True
    numbers = [*(head or ()), file.numbers[found[0]]]
    for (previous, position), line in zip(pairwise(found), lines[1:], strict=True):
        code = _marks_as_code(file, line.marks, range(previous + 1, position))
        if line.is_after_jump or code is None:
            is_elided = True
            numbers += _ends_of_marks(file, line.marks, range(previous + 1, position))
        elif line.marks or position == previous + 1:
            blanks = file.numbers[position] - file.numbers[previous] - 1
            is_blank_equal = is_blank_equal and (bool(line.marks) or blanks == line.blanks)
            numbers += code or ()
        else:
            is_elided = True
            unmarked += not _is_declared(file, claimed, previous, position, is_numbered=quoted.reading.is_numbered)
        numbers.append(file.numbers[position])
    regions = runs(_with_blanks(file, [*numbers, *(tail or ())]))
    is_equal = dedent([line.text for line in lines]) == dedent([file.text(at) for at in found])
    grade = Verdict.EXACT if is_equal and is_blank_equal else Verdict.WHITESPACE
    if quoted.is_annotated or is_elided:
        grade = Verdict.ANNOTATED if quoted.is_annotated else Verdict.ELIDED
    pairs = [(line.number, file.numbers[at]) for line, at in zip(lines, found, strict=True)]
    return Check(
        verdict=Verdict.MOVED if is_moved else grade,
        text=grade if is_moved else None,
        claimed=claimed if is_moved or not quoted.reading.is_numbered else regions,
        found=regions,
        unmarked_gaps=unmarked,
        mapped=_mapped(pairs, claimed, regions, is_moved=is_moved),
    )


def _marks_as_code(file: Listing, marks: Sequence[str], gap: range) -> tuple[int, ...] | None:
    """The numbers of the lines of a gap when the marks are those very lines, as `...` can be in Python; else None."""
    is_code = [squeeze(mark) for mark in marks] == [squeeze(file.text(at)) for at in gap]
    return tuple(file.numbers[at] for at in gap) if is_code or not marks else None


def _ends_of_marks(file: Listing, marks: Sequence[str], gap: range) -> list[int]:
    """Of several marks in a row, the numbers of those that are lines of the file next to the quoted ones."""
    first, last = 0, len(marks)
    while last - first > 1 and first < len(gap) and squeeze(marks[first]) == squeeze(file.text(gap[first])):
        first += 1
    ends = 0
    while last - first > 1 and ends < len(gap) - first and squeeze(marks[last - 1]) == squeeze(file.text(gap[-1 - ends])):
        last, ends = last - 1, ends + 1
    return [file.numbers[at] for at in (*gap[:first], *gap[len(gap) - ends :])]


def _is_declared(file: Listing, claimed: Sequence[Region], before: int, after: int, *, is_numbered: bool) -> bool:
    """True when the gap is one between two of the cited ranges: `lines` says that something is left out there."""
    if is_numbered:
        return False
    ends = [next((i for i, region in enumerate(claimed) if file.numbers[at] in region), -1) for at in (before, after)]
    return -1 < ends[0] < ends[1]


def _mapped(
    pairs: Sequence[tuple[int | None, int]], claimed: Sequence[Region], found: Sequence[Region], *, is_moved: bool
) -> tuple[tuple[int, int], ...]:
    """Claimed and found line of each quoted line, where both are known.

    Without numbers they are known when the quote stands where claimed, or when its runs are as long as the claimed ranges.
    """
    if pairs[0][0] is not None:
        return tuple((number, actual) for number, actual in pairs if number is not None)
    if not is_moved:
        return tuple((actual, actual) for _, actual in pairs)
    hull = Region(start_line=found[0].start_line, end_line=found[-1].end_line)
    for runs_found in (found, (hull,)):
        if [r.end_line - r.start_line for r in claimed] == [r.end_line - r.start_line for r in runs_found]:
            shifts = [(r, c.start_line - r.start_line) for c, r in zip(claimed, runs_found, strict=True)]
            return tuple((actual + by, actual) for _, actual in pairs for region, by in shifts if actual in region)
    return ()


def _edited(quoted: Spelling, file: Listing, claimed: tuple[Region, ...], near: Alignment) -> Check:
    """The verdict on a quote of which most lines stand where `near` says."""
    lines = quoted.reading.lines
    differences: list[Difference] = []
    numbers: list[int] = []
    unmarked = 0
    last_index, last_position = -1, near.pairs[0][1] - 1
    similar = set(near.similar)
    for index, position in [*near.pairs, (len(lines), near.pairs[-1][1] + 1)]:
        missing = lines[last_index + 1 : index]
        differences += [Difference(quoted=line.text, actual=None, line=None) for line in missing]
        cut = range(last_position + 1, position)
        if not any(line.is_after_gap for line in lines[last_index + 1 : index + 1]):
            if len(cut) > _WIDEST_CUT:
                unmarked += 1
            else:
                numbers += [file.numbers[at] for at in cut]
                differences += [Difference(quoted=None, actual=file.text(at), line=file.numbers[at]) for at in cut]
        if index < len(lines):
            numbers.append(file.numbers[position])
            if (index, position) in similar:
                line, actual = lines[index].text, file.text(position)
                differences.append(Difference(quoted=line, actual=actual, line=file.numbers[position]))
        last_index, last_position = index, position
    pairs = [(lines[index].number, file.numbers[position]) for index, position in near.pairs]
    found = runs(_with_blanks(file, numbers))
    is_moved = not _is_where_claimed(pairs, claimed)
    if not differences:  # all of it is there, in order, with more left out than is usual
        return _graded(quoted, file, claimed, [position for _, position in near.pairs], is_moved=is_moved)
    return Check(
        verdict=Verdict.MOVED if is_moved else Verdict.EDITED,
        text=Verdict.EDITED if is_moved else None,
        claimed=claimed,
        found=found,
        unmarked_gaps=unmarked,
        differences=tuple(differences[:_MOST_DIFFERENCES]),
        mapped=_mapped(pairs, claimed, found, is_moved=is_moved),
    )


def _is_where_claimed(pairs: Sequence[tuple[int | None, int]], claimed: Sequence[Region]) -> bool:
    if pairs[0][0] is not None:
        return all(number == actual for number, actual in pairs)
    return not claimed or all(any(actual in region for region in claimed) for _, actual in pairs)


def _with_blanks(file: Listing, numbers: Sequence[int]) -> list[int]:
    """`numbers` with the blank lines between neighbours."""
    filled: list[int] = []
    for number in numbers:
        if filled and all(not line.strip() for line in file.lines[filled[-1] : number - 1]):
            filled += range(filled[-1] + 1, number)
        filled.append(number)
    return filled
