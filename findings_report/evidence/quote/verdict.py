"""The verdict on a quote: what setting it against the lines of a file gives.

Pure. The verdicts and what each of them means are in `model.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from findings_report.evidence.quote.closest import LONGEST, Alignment, find_closest, find_similar_line
from findings_report.evidence.quote.index import UNKNOWN, LineIndex, Spelling, spell
from findings_report.evidence.quote.locate import (
    PlacedPart,
    find_places,
    has_all_lines,
    is_foreign,
    place_anywhere,
    place_at_claim,
)
from findings_report.evidence.quote.parse import QuotedLine, Reading, read_quote, replace_texts
from findings_report.evidence.quote.printed import opens_comment
from findings_report.model.evidence import Check, Difference, Region, Verdict
from findings_report.sourcecode.languages import strip_comments
from findings_report.sourcecode.lines import dedent, is_informative, join_runs, squeeze

# Both limits keep a report of a quote that was copied from other code readable.
_MOST_DIFFERENCES = 40
_MOST_ALSO = 5
_WIDEST_CUT = 10  # missing lines of an edited quote that are reported one by one
_MOST_NEAREST = 2  # readings of a quote that are compared with the closest text
_DATA: Final = frozenset(("ini", "json", "markdown", "properties", "rst", "terraform", "toml", "yaml"))  # of keys and values
_GRADES: Final = (
    Verdict.EXACT,
    Verdict.WHITESPACE,
    Verdict.PARTIAL,
    Verdict.ELIDED,
    Verdict.ANNOTATED,
    Verdict.COMMENTS,
)
"""The verdicts on a quote of which everything is in the file, best first."""


def check_quote(quote: str, file: LineIndex, cited: Sequence[Region]) -> Check:
    """Return the verdict on `quote` in `file`, where `cited` are the location's `lines` (empty: the whole file).

    A quote's own line numbers are its claim; without them `cited` is. Of several ways to read the quote the one is
    kept that the file bears out best. Never `unchecked` or `none`; a blank quote is `not_found`.
    """
    readings = read_quote(quote)
    if file.language in _DATA:
        readings = tuple(reading for reading in readings if not (reading.head and reading.head.may_be_data)) or readings
    spellings = [spell(reading, file) for reading in readings]
    # A reading of which the file has every line comes first, and one that keeps the line that names the file before one
    # without it: it may be a line of the file after all.
    order = sorted(spellings, key=lambda s: (UNKNOWN in s.string, (s.reading.head is None) == (UNKNOWN in s.string)))
    judged = [*_judge_in_turn(order, file, tuple(cited))]
    if not judged:
        # Nearest first: what most lines say is how the quote is meant, and each search for the closest text takes long.
        nearest = sorted(order, key=lambda s: s.string.count(UNKNOWN) / max(len(s.string), 1))[:_MOST_NEAREST]
        judged = [(_judge_edited(spelling, file, tuple(cited)), spelling) for spelling in nearest]
    best, chosen = min(judged, key=lambda pair: _rank(pair[0]))
    best = _note_outside(best, cited)
    head = chosen.reading.head
    also = _find_copies(best, chosen, file, tuple(cited))
    closest = best.closest or (find_similar_line(chosen, file) if best.verdict is Verdict.NOT_FOUND else None)
    details = {"also": also, "names": head.path if head else None, "closest": closest}
    return best.model_copy(update=details) if also or head or closest else best


def _find_copies(chosen: Check, quoted: Spelling, file: LineIndex, cited: tuple[Region, ...]) -> tuple[Region, ...]:
    """Return where else the whole quote is, within what is cited; nothing when its own numbers say which is meant."""
    is_foreign_or_blank = UNKNOWN in quoted.string or not quoted.string
    # Copies of an edited quote cannot be looked for: its text is not in the file.
    if quoted.reading.is_numbered or is_foreign_or_blank or chosen.verdict is Verdict.EDITED:
        return ()
    is_bound = bool(cited) and chosen.verdict in _GRADES
    copies: list[Region] = []
    for place in find_places(file, quoted.pieces()):
        region = Region(start_line=file.numbers[place[0]], end_line=file.numbers[place[-1]])
        if any(region.start_line in taken or region.end_line in taken for taken in chosen.found):
            continue
        # A copy outside of the cited lines is no ambiguity: `lines` says which one is meant.
        if not is_bound or (cited[0].start_line <= region.start_line and region.end_line <= cited[-1].end_line):
            copies.append(region)
    return tuple(copies[:_MOST_ALSO])


def leave_unchecked(quote: str | None, cited: Sequence[Region]) -> Check:
    """What can be said without a repository: what is claimed."""
    numbered = read_quote(quote)[0].claimed if quote else ()
    return Check(verdict=Verdict.UNCHECKED, claimed=numbered or tuple(cited))


def is_too_long(quote: str) -> bool:
    """True when the closest text is not looked for: the quote is there verbatim, or `not_found`."""
    return quote.count("\n") >= LONGEST and len(read_quote(quote)[-1].lines) > LONGEST


def _rank(check: Check) -> int:
    """Return the rank of a verdict: whole text in place, whole text elsewhere, most of it in place, elsewhere, nothing."""
    if check.verdict in _GRADES:
        return _GRADES.index(check.verdict)
    if check.verdict is Verdict.MOVED and check.text in _GRADES:
        return len(_GRADES) + _GRADES.index(check.text)
    return 2 * len(_GRADES) + {Verdict.EDITED: 0, Verdict.MOVED: 1}.get(check.verdict, 2)


def _note_outside(check: Check, cited: Sequence[Region]) -> Check:
    """Return `check` with the quoted lines that the location does not cite, though it cites others."""
    if not cited or check.verdict in (Verdict.MOVED, Verdict.NOT_FOUND):
        return check
    shown = (line for region in check.found for line in range(region.start_line, region.end_line + 1))
    outside = join_runs(line for line in shown if not any(line in region for region in cited))
    return check.model_copy(update={"outside": outside}) if outside else check


def _judge_in_turn(order: Sequence[Spelling], file: LineIndex, cited: tuple[Region, ...]) -> Iterator[tuple[Check, Spelling]]:
    """Yield the verdicts on readings of which everything is in the file."""
    is_placed = False
    for spelling in order:
        # All of the text is at its claimed place already: neither a reading of which a line is nowhere is better, nor one that
        # sets a line of the file aside as the name of a file.
        if is_placed and (UNKNOWN in spelling.string or spelling.reading.head is not None):
            return
        check = _judge(spelling, file, cited)
        if check is not None:
            yield check, spelling
            if check.verdict is Verdict.EXACT:
                return
            is_placed = is_placed or check.verdict in _GRADES


def _judge(quoted: Spelling, file: LineIndex, cited: tuple[Region, ...]) -> Check | None:
    """Return the verdict on one reading of a quote of which everything, or everything but comments, is in the file."""
    claimed = quoted.reading.claimed or cited
    check = _judge_whole(quoted, file, claimed) if quoted.string else None
    if quoted.string and (check is None or check.unmarked_gaps):
        bare = _judge_bare(quoted, file, claimed)
        # What was left out without a mark may be comments alone.
        check = bare if bare and (check is None or bare.unmarked_gaps < check.unmarked_gaps) else check
    return check


def _judge_edited(quoted: Spelling, file: LineIndex, cited: tuple[Region, ...]) -> Check:
    """Return the verdict on one reading of a quote of which something is not in the file."""
    claimed = quoted.reading.claimed or cited
    if not quoted.string:
        return Check(verdict=Verdict.NOT_FOUND, claimed=claimed)
    closest = find_closest(quoted, file, claimed)
    edited = _grade_edited(quoted, file, claimed, closest.alignment) if closest.alignment else None
    if edited is not None and edited.verdict is Verdict.EDITED:
        # Lines swapped where claimed are more likely than the same lines, with others between them, somewhere else.
        return edited
    parts = place_anywhere(quoted, file, claimed, with_gaps=True)
    if parts:
        return _grade(quoted, file, claimed, parts)
    return edited or Check(verdict=Verdict.NOT_FOUND, claimed=claimed, closest=closest.region)


def _judge_whole(quoted: Spelling, file: LineIndex, claimed: tuple[Region, ...]) -> Check | None:
    """Return the verdict on a quote of which everything is in the file, where claimed or around it, else in one piece
    elsewhere; None when it is not."""
    parts = place_at_claim(quoted, file, claimed)
    # Whole and elsewhere comes before edited and in place: code that moved is far more common than an author who changed a
    # quote into text that happens to be elsewhere.
    parts = parts or place_anywhere(quoted, file, claimed)
    if parts is not None:
        return _grade(quoted, file, claimed, parts)
    # Claimed lines that are all quoted, in another order, were swapped; more of the file would only hide that.
    if claimed and has_all_lines(quoted, file, claimed):
        return None
    parts = place_anywhere(quoted, file, claimed, with_gaps=True)
    if parts is None or not _is_where_claimed(_pair_lines(quoted, file, parts), claimed):
        return None
    return _grade(quoted, file, claimed, parts)


def _judge_bare(quoted: Spelling, file: LineIndex, claimed: tuple[Region, ...]) -> Check | None:
    """Return the verdict `comments` on a quote of which all code is in the file, and every comment that the file has; None
    when it is not."""
    # A second index of the file is made only for a quote that may be in it.
    reading = _strip_comments(quoted.reading, file)
    if reading is None or is_foreign(reading, file):
        return None
    bare = file.bare or file
    spelling = spell(reading, bare)
    check = _judge_whole(spelling, bare, claimed)
    if check is None:
        parts = place_anywhere(spelling, bare, claimed, with_gaps=True)
        check = _grade(spelling, bare, claimed, parts) if parts else None
        if check is None or check.unmarked_gaps:
            return None
    is_moved = check.verdict is Verdict.MOVED
    return check.model_copy(update={"text" if is_moved else "verdict": Verdict.COMMENTS})


def _strip_comments(reading: Reading, file: LineIndex) -> Reading | None:
    """Return `reading` without the comments that `file` does not have; None when no code is left."""
    stripped: list[str] = []
    starts = [0, *(at for at, line in enumerate(reading.lines) if at and line.is_after_gap), len(reading.lines)]
    for start, stop in pairwise(starts):
        # What was left out may have ended a comment: no comment goes on behind a gap, nor one that starts in another.
        texts = [line.text for line in reading.lines[start:stop]]
        stripped += texts if opens_comment(texts) else strip_comments(texts, file.language) or texts
    lines: list[QuotedLine] = []
    kept: list[str | None] = []
    for line, code in zip(reading.lines, stripped, strict=True):
        if code.strip() or squeeze(line.text) in file.letters:
            # A comment that the file has keeps its place among the code.
            lines.append(line)
            kept.append(code if code.strip() else line.text)
        else:
            # Any other is the author's, and may say what was left out.
            lines.append(line._replace(marks=(*line.marks, line.text.strip())))
            kept.append(None)
    if not any(map(is_informative, stripped)):
        return None
    return replace_texts(replace(reading, lines=tuple(lines)), kept)


class _Gap(NamedTuple):
    """What is between two aligned lines, in the quote and in the file."""

    missing: Sequence[QuotedLine]
    """Quoted lines that the file does not have there."""
    cut: range
    """Positions of the lines that the quote does not have."""
    is_marked: bool
    """True when the author says that something was left out."""
    line: int
    """Index of the quoted line after the gap; the number of lines for the gap after the last one."""
    position: int
    """Position of that line in the file; for the gap after the last line, the one after it."""


def _gaps(lines: Sequence[QuotedLine], alignment: Alignment) -> Iterator[_Gap]:
    """Yield the gap before each aligned line and the one after the last, most of them empty."""
    pairs = alignment.pairs
    last_index, last_position = -1, pairs[0][1] - 1
    for index, position in [*pairs, (len(lines), pairs[-1][1] + 1)]:
        is_marked = any(line.is_after_gap for line in lines[last_index + 1 : index + 1])
        yield _Gap(lines[last_index + 1 : index], range(last_position + 1, position), is_marked, index, position)
        last_index, last_position = index, position


def _grade(quoted: Spelling, file: LineIndex, claimed: tuple[Region, ...], parts: Sequence[PlacedPart]) -> Check:
    """Return the verdict on a quote of which everything has its place in the file."""
    lines = quoted.reading.lines
    first, last = parts[0].first, parts[-1].last
    # Marks at the ends, as `...` in Python, may be the file's own lines there.
    head = _marks_as_code(file, lines[0].marks, range(max(first - len(lines[0].marks), 0), first))
    tail = _marks_as_code(
        file, quoted.reading.marks, range(last + 1, min(last + 1 + len(quoted.reading.marks), len(file.string)))
    )
    is_elided = head is None or tail is None
    is_partial = any(not part.is_whole or part.is_marked for part in parts)
    unmarked, is_blank_equal = 0, True
    numbers = [*(head or ()), *file.numbers[first : parts[0].last + 1]]
    for before, part in pairwise(parts):
        line = lines[part.line]
        gap = range(before.last + 1, part.first)
        code = _marks_as_code(file, line.marks, gap)
        if part.line == before.line or part.is_marked:
            pass  # the mark is within a line, which makes it partial
        elif line.is_after_jump or code is None:
            is_elided = True
            numbers += _ends_of_marks(file, line.marks, gap)
        elif part.is_joined or line.marks or all(file.numbers[at] in file.comments for at in gap):
            # A quote with other blank lines than the file is still the same code, graded `whitespace`.
            blanks = file.numbers[part.first] - file.numbers[before.last] - 1
            is_blank_equal = is_blank_equal and (bool(line.marks) or blanks == line.blanks)
            numbers += code or ()
        else:
            is_elided = True
            unmarked += not _is_declared(file, claimed, before.last, part.first, is_numbered=quoted.reading.is_numbered)
        numbers += file.numbers[part.first : part.last + 1]
    regions = join_runs(_with_blanks(file, sorted({*numbers, *(tail or ())})))
    is_equal = is_blank_equal and not is_partial and _is_equal(lines, file, parts)
    grade = Verdict.PARTIAL if is_partial else Verdict.EXACT if is_equal else Verdict.WHITESPACE
    if quoted.is_annotated or is_elided:
        grade = Verdict.ANNOTATED if quoted.is_annotated else Verdict.ELIDED
    pairs = _pair_lines(quoted, file, parts)
    is_moved = not _is_where_claimed(pairs, claimed)
    return Check(
        verdict=Verdict.MOVED if is_moved else grade,
        text=grade if is_moved else None,
        claimed=claimed if is_moved or not quoted.reading.is_numbered else regions,
        found=regions,
        unmarked_gaps=unmarked,
        mapped=_map_lines(pairs, claimed, regions, is_moved=is_moved),
    )


def _pair_lines(quoted: Spelling, file: LineIndex, parts: Sequence[PlacedPart]) -> list[tuple[int | None, int]]:
    """Return the number that the quote gives each line, and the one in the file."""
    lines = quoted.reading.lines
    pairs = ((lines[part.line].number, file.numbers[at]) for part in parts for at in range(part.first, part.last + 1))
    return list(dict.fromkeys(pairs))


def _is_equal(lines: Sequence[QuotedLine], file: LineIndex, parts: Sequence[PlacedPart]) -> bool:
    """True when whole lines are equal apart from their common indentation."""
    pairs = [(line, file.text(part.first)) for line, part in zip(lines, parts, strict=True)]
    indented = [(line.text, text) for line, text in pairs if line.has_indent]
    others = ((line.text.lstrip(), text.lstrip()) for line, text in pairs if not line.has_indent)
    return dedent([quoted for quoted, _ in indented]) == dedent([text for _, text in indented]) and all(
        quoted == text for quoted, text in others
    )


def _marks_as_code(file: LineIndex, marks: Sequence[str], gap: range) -> tuple[int, ...] | None:
    """Return the numbers of the lines of a gap when the marks are those very lines, as `...` can be in Python; else None."""
    is_code = [squeeze(mark) for mark in marks] == [squeeze(file.text(at)) for at in gap]
    return tuple(file.numbers[at] for at in gap) if is_code or not marks else None


def _ends_of_marks(file: LineIndex, marks: Sequence[str], gap: range) -> list[int]:
    """Of several marks in a row, the numbers of those that are lines of the file next to the quoted ones."""
    first, last = 0, len(marks)
    while last - first > 1 and first < len(gap) and squeeze(marks[first]) == squeeze(file.text(gap[first])):
        first += 1
    ends = 0
    while last - first > 1 and ends < len(gap) - first and squeeze(marks[last - 1]) == squeeze(file.text(gap[-1 - ends])):
        last, ends = last - 1, ends + 1
    return [file.numbers[at] for at in (*gap[:first], *gap[len(gap) - ends :])]


def _is_declared(file: LineIndex, claimed: Sequence[Region], before: int, after: int, *, is_numbered: bool) -> bool:
    """True when the gap between two positions is one between two cited ranges: `lines` says that something is left out."""
    if is_numbered:
        return False
    ranges = [
        next((at for at, region in enumerate(claimed) if file.numbers[position] in region), -1) for position in (before, after)
    ]
    return -1 < ranges[0] < ranges[1]


def _map_lines(
    pairs: Sequence[tuple[int | None, int]], claimed: Sequence[Region], found: Sequence[Region], *, is_moved: bool
) -> tuple[tuple[int, int], ...]:
    """Claimed and found line of each quoted line, where both are known.

    Without numbers they are known when the quote is where claimed, or when its runs are as long as the claimed ranges.
    """
    if any(number is not None for number, _ in pairs):
        return tuple((number, actual) for number, actual in pairs if number is not None)
    if not is_moved:
        return tuple((actual, actual) for _, actual in pairs)
    hull = Region(start_line=found[0].start_line, end_line=found[-1].end_line)
    # The quote may leave out lines that the claim includes, so the whole span is tried as well.
    for runs_found in (found, (hull,)):
        if [r.end_line - r.start_line for r in claimed] == [r.end_line - r.start_line for r in runs_found]:
            shifts = [(r, c.start_line - r.start_line) for c, r in zip(claimed, runs_found, strict=True)]
            return tuple((actual + by, actual) for _, actual in pairs for region, by in shifts if actual in region)
    return ()


def _grade_edited(quoted: Spelling, file: LineIndex, claimed: tuple[Region, ...], alignment: Alignment) -> Check:
    """Return the verdict on a quote of which most lines are aligned, some of them with lines that are only similar."""
    lines = quoted.reading.lines
    differences: list[Difference] = []
    numbers: list[int] = []
    unmarked = 0
    similar = set(alignment.similar)
    for gap in _gaps(lines, alignment):
        differences += [Difference(quoted=line.text, actual=None, line=None) for line in gap.missing]
        # A long cut is reported as one gap; listed line by line, it would hide the lines that were edited.
        if not gap.is_marked and len(gap.cut) > _WIDEST_CUT:
            unmarked += 1
        elif not gap.is_marked:
            numbers += [file.numbers[at] for at in gap.cut]
            differences += [Difference(quoted=None, actual=file.text(at), line=file.numbers[at]) for at in gap.cut]
        if gap.line < len(lines):
            numbers.append(file.numbers[gap.position])
        if (gap.line, gap.position) in similar:
            actual, number = file.text(gap.position), file.numbers[gap.position]
            differences.append(Difference(quoted=lines[gap.line].text, actual=actual, line=number))
    pairs = [(lines[index].number, file.numbers[position]) for index, position in alignment.pairs]
    regions = join_runs(_with_blanks(file, numbers))
    # A brace that happens to be in the cited lines is not what is quoted there.
    telling = [(lines[i].number, file.numbers[at]) for i, at in alignment.pairs if is_informative(lines[i].text)]
    is_moved = not _is_where_claimed(telling or pairs, claimed)
    if not differences:  # all of it is there, in order, with more left out than is usual
        return _grade(quoted, file, claimed, [PlacedPart(index, at, at) for index, at in alignment.pairs])
    return Check(
        verdict=Verdict.MOVED if is_moved else Verdict.EDITED,
        text=Verdict.EDITED if is_moved else None,
        claimed=claimed,
        found=regions,
        unmarked_gaps=unmarked,
        differences=tuple(differences[:_MOST_DIFFERENCES]),
        mapped=_map_lines(pairs, claimed, regions, is_moved=is_moved),
    )


def _is_where_claimed(pairs: Sequence[tuple[int | None, int]], claimed: Sequence[Region]) -> bool:
    """True when any quoted line is where it is claimed to be."""
    if any(number is not None for number, _ in pairs):
        return any(number == actual for number, actual in pairs)
    return not claimed or any(actual in region for _, actual in pairs for region in claimed)


def _with_blanks(file: LineIndex, numbers: Sequence[int]) -> list[int]:
    """Return `numbers` with the blank lines, and comments that may be left out, between neighbours."""
    filled: list[int] = []
    for number in numbers:
        between = range(filled[-1] + 1, number) if filled else ()
        if all(at in file.comments or not file.lines[at - 1].strip() for at in between):
            filled += between
        filled.append(number)
    return filled
