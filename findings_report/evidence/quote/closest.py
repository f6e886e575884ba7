"""The text of a file that is closest to a quote which is not there as it was copied. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from findings_report.evidence.quote.index import COMMON, LineIndex, Spelling, indent_of
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import VERSIONS, compare_lines, is_informative, squeeze, weigh_line

LONGEST: Final = 2_000
"""Lines of code in a quote up to which the closest text is looked for; a longer one is placed whole or not at all."""

_WIDEST = 20_000  # lines of the file that one alignment looks at
_LONGEST_LINE = 500  # characters of a line that are compared
_MOST = 0.5  # share of a quote that has to be equal lines in a place that nothing names
_LIKE = 0.25  # share of a quote that has to be in the lines which are named as the closest
_SLACK = 3  # lines more than the missing ones that are looked at beside what is there
_WIDEST_MARKED = 300  # lines that a mark before a line such as `}` may leave out
_AT_CLAIM = 1.5  # lines by which another place has to be better than the claimed one; at least a tenth of the quote


@dataclass(frozen=True)
class Alignment:
    """Quoted lines set against lines of a file."""

    equal: tuple[tuple[int, int], ...]
    """(index of the quoted line, position) of the lines that are equal, rising."""
    similar: tuple[tuple[int, int], ...] = ()
    """(index of the quoted line, position) of the lines that are versions of one another, rising."""
    share: float = 1.0
    """Share of the quote that is in the file, 0 to 1: equal lines, and what similar ones have in common; by information."""
    equal_share: float = 1.0
    """Share of the quote that is in the file, 0 to 1, by equal lines alone."""

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Equal and similar lines, rising."""
        return sorted((*self.equal, *self.similar))


class Closest(NamedTuple):
    """The text of a file that is closest to a quote."""

    alignment: Alignment | None = None
    """With it, if most of the quote is there: at the claimed place unless another is clearly better."""
    region: Region | None = None
    """The most similar lines, if less of the quote is there; None if none are similar."""


def find_closest(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> Closest:
    """Return the text that is closest to a quote of which something is not in the file."""
    texts = [line.text for line in quoted.reading.lines]
    if len(texts) > LONGEST:
        return Closest()
    best: tuple[float, Alignment] | None = None
    likeliest: list[Alignment] = []
    for alignment in _at_claim(quoted, file, texts, claimed):
        likeliest.append(alignment)
        # Laxer than `_says_enough`, since the author named this place; for any other the text itself has to be proof.
        if alignment.share >= 0.5 and (alignment.equal_share >= 0.3 or alignment.share >= 0.75):
            best = (alignment.share + max(0.1, _AT_CLAIM / len(texts)), alignment)
    for window in _windows(file, quoted.string):
        alignment = _align(quoted, file, texts, window, least=_MOST)
        likeliest.append(alignment)
        if _says_enough(quoted, texts, alignment) and (best is None or alignment.share > best[0]):
            best = (alignment.share, alignment)
    if best is not None:
        return Closest(best[1])
    like = max(likeliest, key=lambda alignment: alignment.share, default=None)
    if like is None or like.share < _LIKE or not like.pairs:
        return Closest()
    first, last = like.pairs[0][1], like.pairs[-1][1]
    return Closest(region=Region(start_line=file.numbers[first], end_line=file.numbers[last]))


def find_similar_line(quoted: Spelling, file: LineIndex) -> Region | None:
    """Return the line of the file that is most like the longest quoted one; None when none is like it."""
    telling = max((line.text for line in quoted.reading.lines), key=lambda text: sum(map(str.isalnum, text)), default="")
    if len(quoted.string) > LONGEST or not is_informative(telling):
        return None
    from rapidfuzz import fuzz, process

    found = process.extractOne(squeeze(telling)[:_LONGEST_LINE], list(file.letters), scorer=fuzz.ratio, score_cutoff=VERSIONS)
    if found is None:
        return None
    number = file.numbers[file.string.index(file.letters[found[0]])]
    return Region(start_line=number, end_line=number)


def _at_claim(quoted: Spelling, file: LineIndex, texts: Sequence[str], claimed: Sequence[Region]) -> list[Alignment]:
    if not claimed:
        return []
    if all(line.number is not None for line in quoted.reading.lines):
        return [_by_number(quoted, file, texts)]
    hull = range(file.position(claimed[0].start_line), file.position(claimed[-1].end_line + 1))
    return [_align(quoted, file, texts, hull, is_cited=True)]


def _by_number(quoted: Spelling, file: LineIndex, texts: Sequence[str]) -> Alignment:
    """Return the alignment of each line with the one that its number names."""
    equal, similar = [], []
    for index, (line, letter) in enumerate(zip(quoted.reading.lines, quoted.string, strict=True)):
        position = file.position(line.number or 0)
        if position < len(file.numbers) and file.numbers[position] == line.number:
            if file.string[position] == letter:
                equal.append((index, position))
            elif (ratio := compare_lines(line.text, file.text(position), longest=_LONGEST_LINE)) >= VERSIONS:
                similar.append(((index, position), ratio / 100))
    return _weigh(texts, equal, similar)


def _windows(file: LineIndex, string: str) -> list[range]:
    """Return the stretches of the file, at most 6, that the quote's rare lines vote for, the best first."""
    votes: Counter[int] = Counter()
    for index, letter in enumerate(string):
        for position in file.rare.get(letter, ()):
            # A line that occurs once weighs most; each place votes for where the quote would start.
            votes[position - index] += COMMON // len(file.rare[letter])
    windows: list[range] = []
    for start, _ in votes.most_common(60):
        if all(abs(start - other.start - len(string)) > len(string) for other in windows):
            windows.append(range(start - len(string), start + 2 * len(string) + 20))
    return [range(max(window.start, 0), window.stop) for window in windows[:6]]


def _align(
    quoted: Spelling, file: LineIndex, texts: Sequence[str], window: range, *, least: float = 0.0, is_cited: bool = False
) -> Alignment:
    """Return the best alignment of quoted lines with the positions of `window`, and of those next to what is there: as many
    equal lines as can be, in order.

    Similar lines are only looked for when the share of equal ones is `least` or more. In a window that `is_cited`, every `}`
    counts as there, also one of which it is not known where it belongs.
    """
    # Bounded, because a claim of `1-100000` makes the whole file the window.
    window = range(max(window.start, 0), min(window.stop, len(file.string), max(window.start, 0) + _WIDEST))
    found = _align_equal(quoted.string, range(len(texts)), file, window)
    counted = {index for index, _ in found} if is_cited else set[int]()
    equal = _drop_loose(file, texts, found, window.stop - 1)
    if equal:
        # A quote that goes on beyond the window does so next to it.
        (first, start), (last, end) = equal[0], equal[-1]
        around = range(max(start - first - _SLACK, 0), min(end + len(texts) - last + _SLACK, len(file.string)))
        head = _align_equal(quoted.string, range(first), file, range(around.start, start))
        tail = _align_equal(quoted.string, range(last + 1, len(texts)), file, range(end + 1, around.stop))
        equal = _drop_loose(file, texts, [*head, *equal, *tail], window.stop - 1)
        window = range(min(window.start, equal[0][1]), max(window.stop, equal[-1][1] + 1))
    alone = _weigh(texts, equal, [], counted)
    if alone.equal_share < least:
        return alone
    similar = _align_similar(file, texts, equal, window)
    return _weigh(texts, *_place_beside(quoted, file, texts, equal, similar), counted)


def _align_equal(string: str, indexes: range, file: LineIndex, window: range) -> list[tuple[int, int]]:
    """Return the pairs of as many equal lines as can be, of the quoted ones at `indexes` and the positions of `window`."""
    # Here, since a run that finds every quote where it is claimed never needs it.
    from rapidfuzz.distance import LCSseq

    equal: list[tuple[int, int]] = []
    for block in LCSseq.opcodes(string[indexes.start : indexes.stop], file.string[window.start : window.stop]):
        if block.tag == "equal":
            steps = range(block.src_end - block.src_start)
            equal += [(indexes.start + block.src_start + step, window.start + block.dest_start + step) for step in steps]
    return equal


def _drop_loose(file: LineIndex, texts: Sequence[str], equal: Sequence[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Return the pairs without the lines such as `}` that are next to no telling pair: there is one anywhere below.

    The last one is kept where it ends the window, at `end`, and is indented as the others. A quote of nothing but such
    lines keeps them.
    """
    if not any(map(is_informative, texts)):
        return list(equal)
    kept: list[tuple[int, int]] = []
    # In a run of adjacent pairs, index and position rise together.
    for _, run in groupby(enumerate(equal), key=lambda item: (item[1][0] - item[0], item[1][1] - item[0])):
        pairs = [pair for _, pair in run]
        is_end = (
            bool(kept)
            and pairs[-1] == (len(texts) - 1, end)
            and _shift(file, texts, kept[-1]) == _shift(file, texts, pairs[-1])
        )
        if is_end or any(is_informative(texts[index]) for index, _ in pairs):
            kept += pairs
    return kept


def _shift(file: LineIndex, texts: Sequence[str], pair: tuple[int, int]) -> int:
    """Return by how much more the file is indented at a pair than the quote."""
    return indent_of(file.text(pair[1])) - indent_of(texts[pair[0]])


def _align_similar(
    file: LineIndex, texts: Sequence[str], equal: Sequence[tuple[int, int]], window: range
) -> list[tuple[tuple[int, int], float]]:
    """Pair lines between equal ones: each quoted line with the next free line that is a version of it."""
    from rapidfuzz import fuzz

    quoted = [squeeze(text)[:_LONGEST_LINE] for text in texts]
    similar = []
    before = (-1, window.start - 1)
    for after in (*equal, (len(texts), window.stop)):
        free = before[1] + 1
        # The ends of a window are no neighbours of what is quoted: there only as many lines as are missing are looked at.
        room = after[0] - before[0] - 1 + _SLACK
        if before[0] < 0 and equal:
            free = max(free, after[1] - room)
        stop = after[1] if after[0] < len(texts) else min(after[1], free + room if equal else after[1])
        for index in range(before[0] + 1, after[0]):
            if not is_informative(texts[index]):
                continue  # every `}` is like every other one
            # A look-ahead of 50 keeps the comparison linear in the length of the quote.
            for position in range(free, min(stop, free + 50)):
                ratio = fuzz.ratio(quoted[index], file.squeezed(position)[:_LONGEST_LINE], score_cutoff=VERSIONS)
                if ratio:
                    similar.append(((index, position), ratio / 100))
                    free = position + 1
                    break
        before = after
    return similar


def _place_beside(
    quoted: Spelling,
    file: LineIndex,
    texts: Sequence[str],
    equal: Sequence[tuple[int, int]],
    similar: Sequence[tuple[tuple[int, int], float]],
) -> tuple[list[tuple[int, int]], list[tuple[tuple[int, int], float]]]:
    """Return the pairs, and those of the other lines that are equal or similar next to them, also beyond the window."""
    equal, similar = list(equal), list(similar)
    placed = sorted((*equal, *(pair for pair, _ in similar)))
    # Forwards first: a brace belongs to the code before it.
    for index in (*range(len(texts)), *reversed(range(len(texts)))):
        at = bisect_left(placed, (index, 0))
        if not placed or (at < len(placed) and placed[at][0] == index):
            continue
        before = placed[at - 1] if at else (-1, -1)
        after = placed[at] if at < len(placed) else (len(texts), len(file.string))
        for position in _places_beside(quoted, file, texts, index, before, after):
            if not before[1] < position < after[1]:
                continue
            ratio = compare_lines(texts[index], file.text(position), longest=_LONGEST_LINE)
            if file.string[position] == quoted.string[index]:
                equal.append((index, position))
            elif ratio >= VERSIONS:
                similar.append(((index, position), ratio / 100))
            else:
                continue
            placed.insert(at, (index, position))
            break
    return sorted(equal), sorted(similar)


def _places_beside(
    quoted: Spelling, file: LineIndex, texts: Sequence[str], index: int, before: tuple[int, int], after: tuple[int, int]
) -> Iterator[int]:
    """Yield where a quoted line between two pairs can be: as far from one of them as in the quote.

    A line such as `}` behind a mark is where it is indented as the pair before.
    """
    lines = quoted.reading.lines
    is_light = not is_informative(texts[index])
    # A line that differs altogether may be between a brace and the code that it is of.
    reach = _SLACK if is_light else 1
    is_after_gap = any(line.is_after_gap for line in lines[before[0] + 1 : index + 1])
    is_beside = before[0] >= 0 and index - before[0] <= reach
    if is_beside and not is_after_gap:
        yield before[1] + index - before[0]
    elif is_beside and is_light:
        shift = _shift(file, texts, before)
        for position in range(before[1] + 1, min(after[1], before[1] + _WIDEST_MARKED)):
            if file.string[position] == quoted.string[index] and _shift(file, texts, (index, position)) == shift:
                yield position
                break
    is_before_gap = any(line.is_after_gap for line in lines[index + 1 : after[0] + 1])
    if after[0] < len(texts) and after[0] - index <= reach and not is_before_gap:
        yield after[1] - (after[0] - index)


def _weigh(
    texts: Sequence[str],
    equal: Sequence[tuple[int, int]],
    similar: Sequence[tuple[tuple[int, int], float]],
    counted: Set[int] = frozenset(),
) -> Alignment:
    """Return the alignment with its shares, in which the equal lines `counted` are too."""
    weights = [weigh_line(text) for text in texts]
    total = sum(weights) or 1.0
    kept = sum(weights[index] for index in counted | {index for index, _ in equal})
    near = sum(weights[index] * ratio for (index, _), ratio in similar if index not in counted)
    return Alignment(tuple(equal), tuple(pair for pair, _ in similar), (kept + near) / total, kept / total)


def _says_enough(quoted: Spelling, texts: Sequence[str], alignment: Alignment) -> bool:
    """True when most lines are equal, at least two of them identify a place, and they are close together."""
    informative = sum(is_informative(texts[index]) for index, _ in alignment.equal)
    if alignment.equal_share < _MOST or informative < 2:
        return False
    pairs = alignment.pairs
    is_marked = any(line.is_after_gap for line in quoted.reading.lines)
    return is_marked or pairs[-1][1] - pairs[0][1] <= 3 * len(texts) + 20
