"""The text of a file that is closest to a quote which is not there as it was copied. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from findings_report.evidence.quote.index import COMMON, LineIndex, Spelling
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import VERSIONS, compare_lines, weigh_line
from findings_report.sourcecode.lines import is_informative, squeeze

LONGEST: Final = 2_000
"""Lines of code in a quote up to which the closest text is looked for; a longer one is placed whole or not at all."""

_WIDEST = 20_000  # lines of the file that one alignment looks at
_LONGEST_LINE = 500  # characters of a line that are compared
_MOST = 0.5  # share of a quote that has to be equal lines in a place that nothing names
_LIKE = 0.25  # share of a quote that has to be in the lines which are named as the closest
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
        alignment = _align(file, texts, quoted.string, window, least=_MOST)
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
    return [_align(file, texts, quoted.string, hull)]


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


def _align(file: LineIndex, texts: Sequence[str], string: str, window: range, *, least: float = 0.0) -> Alignment:
    """Return the best alignment of quoted lines with the positions of `window`: as many equal lines as can be, in order.

    Similar lines are only looked for when the share of equal ones is `least` or more.
    """
    # Here, since a run that finds every quote where it is claimed never needs it.
    from rapidfuzz.distance import LCSseq

    # Bounded, because a claim of `1-100000` makes the whole file the window.
    window = range(max(window.start, 0), min(window.stop, len(file.string), max(window.start, 0) + _WIDEST))
    equal: list[tuple[int, int]] = []
    for block in LCSseq.opcodes(string, file.string[window.start : window.stop]):
        if block.tag == "equal":
            steps = range(block.src_end - block.src_start)
            equal += [(block.src_start + step, window.start + block.dest_start + step) for step in steps]
    alone = _weigh(texts, equal, [])
    return _weigh(texts, equal, _align_similar(file, texts, equal, window)) if alone.equal_share >= least else alone


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
        room = after[0] - before[0] - 1 + 3
        if before[0] < 0 and equal:
            free = max(free, after[1] - room)
        stop = after[1] if after[0] < len(texts) else min(after[1], free + room if equal else after[1])
        for index in range(before[0] + 1, after[0]):
            # A look-ahead of 50 keeps the comparison linear in the length of the quote.
            for position in range(free, min(stop, free + 50)):
                ratio = fuzz.ratio(quoted[index], file.squeezed(position)[:_LONGEST_LINE], score_cutoff=VERSIONS)
                if ratio:
                    similar.append(((index, position), ratio / 100))
                    free = position + 1
                    break
        before = after
    return similar


def _weigh(
    texts: Sequence[str], equal: Sequence[tuple[int, int]], similar: Sequence[tuple[tuple[int, int], float]]
) -> Alignment:
    weights = [weigh_line(text) for text in texts]
    total = sum(weights) or 1.0
    kept = sum(weights[index] for index, _ in equal)
    near = sum(weights[index] * ratio for (index, _), ratio in similar)
    return Alignment(tuple(equal), tuple(pair for pair, _ in similar), (kept + near) / total, kept / total)


def _says_enough(quoted: Spelling, texts: Sequence[str], alignment: Alignment) -> bool:
    """True when most lines are equal, at least two of them identify a place, and they are close together."""
    informative = sum(is_informative(texts[index]) for index, _ in alignment.equal)
    if alignment.equal_share < _MOST or informative < 2:
        return False
    pairs = alignment.pairs
    is_marked = any(line.is_after_gap for line in quoted.reading.lines)
    return is_marked or pairs[-1][1] - pairs[0][1] <= 3 * len(texts) + 20
