"""The closest text of a file for a quote that is not in the file verbatim.

Pure. Only reached when a quote was edited, invented or taken from elsewhere, so what it imports it imports late.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from findings_report.evidence.quote.locate import COMMON, Alignment, LineIndex, Spelling
from findings_report.model.evidence import Region
from findings_report.sourcecode.alignment import VERSIONS, compare_lines, weigh_line
from findings_report.sourcecode.lines import is_informative

LONGEST: Final = 2_000
"""Lines of code in a quote up to which the closest text is looked for; a longer one is placed whole or not at all."""

_WIDEST = 20_000  # lines of the file that one alignment looks at
_LONGEST_LINE = 500  # characters of a line that are compared
_AT_CLAIM = 1.5  # lines by which another place has to be better than the claimed one; at least a tenth of the quote


def _align(file: LineIndex, texts: Sequence[str], string: str, window: range) -> Alignment:
    """The best alignment of quoted lines with the positions of `window`: as many equal lines as can be, in order."""
    # Here, since a run that finds every quote where it is claimed never needs it.
    from rapidfuzz.distance import LCSseq

    window = range(max(window.start, 0), min(window.stop, len(file.string), max(window.start, 0) + _WIDEST))
    equal: list[tuple[int, int]] = []
    for block in LCSseq.opcodes(string, file.string[window.start : window.stop]):
        if block.tag == "equal":
            steps = range(block.src_end - block.src_start)
            equal += [(block.src_start + step, window.start + block.dest_start + step) for step in steps]
    return _weigh(texts, equal, _align_similar(file, texts, equal, window))


def _weigh(
    texts: Sequence[str], equal: Sequence[tuple[int, int]], similar: Sequence[tuple[tuple[int, int], float]]
) -> Alignment:
    weights = [weigh_line(text) for text in texts]
    total = sum(weights) or 1.0
    kept = sum(weights[index] for index, _ in equal)
    near = sum(weights[index] * ratio for (index, _), ratio in similar)
    return Alignment(tuple(equal), tuple(pair for pair, _ in similar), (kept + near) / total, kept / total)


def _align_similar(
    file: LineIndex, texts: Sequence[str], equal: Sequence[tuple[int, int]], window: range
) -> list[tuple[tuple[int, int], float]]:
    """Between equal lines: each quoted line with the first line after the last one taken that is a version of it."""
    found = []
    before = (-1, window.start - 1)
    for after in (*equal, (len(texts), window.stop)):
        free = before[1] + 1
        # The ends of a window are no neighbours of what is quoted: there only as many lines as are missing are looked at.
        room = after[0] - before[0] - 1 + 3
        if before[0] < 0 and equal:
            free = max(free, after[1] - room)
        stop = after[1] if after[0] < len(texts) else min(after[1], free + room if equal else after[1])
        for index in range(before[0] + 1, after[0]):
            for position in range(free, min(stop, free + 50)):
                ratio = compare_lines(texts[index], file.text(position), longest=_LONGEST_LINE)
                if ratio >= VERSIONS:
                    found.append(((index, position), ratio / 100))
                    free = position + 1
                    break
        before = after
    return found


def _windows(file: LineIndex, string: str) -> list[range]:
    """The stretches of the file, at most 6, that the quote's rare lines vote for, the best first."""
    votes: Counter[int] = Counter()
    for index, letter in enumerate(string):
        for position in file.rare.get(letter, ()):
            votes[position - index] += COMMON // len(file.rare[letter])
    found: list[range] = []
    for start, _ in votes.most_common(60):
        if all(abs(start - other.start - len(string)) > len(string) for other in found):
            found.append(range(start - len(string), start + 2 * len(string) + 20))
    return [range(max(window.start, 0), window.stop) for window in found[:6]]


def align_closest(quoted: Spelling, file: LineIndex, claimed: Sequence[Region]) -> Alignment | None:
    """The closest text, at the claimed place unless another is clearly better; None when most of the quote is nowhere."""
    texts = [line.text for line in quoted.reading.lines]
    if len(texts) > LONGEST:
        return None
    best: tuple[float, Alignment] | None = None
    for found in _at_claim(quoted, file, texts, claimed):
        if found.share >= 0.5 and (found.equal_share >= 0.3 or found.share >= 0.75):
            best = (found.share + max(0.1, _AT_CLAIM / len(texts)), found)
    for window in _windows(file, quoted.string):
        found = _align(file, texts, quoted.string, window)
        if _says_enough(quoted, texts, found) and (best is None or found.share > best[0]):
            best = (found.share, found)
    return best[1] if best else None


def _at_claim(quoted: Spelling, file: LineIndex, texts: Sequence[str], claimed: Sequence[Region]) -> list[Alignment]:
    if not claimed:
        return []
    if quoted.reading.is_numbered:
        return [_by_number(quoted, file, texts)]
    hull = range(file.position(claimed[0].start_line), file.position(claimed[-1].end_line + 1))
    return [_align(file, texts, quoted.string, hull)]


def _by_number(quoted: Spelling, file: LineIndex, texts: Sequence[str]) -> Alignment:
    """Each line set against the one that its number names."""
    equal, similar = [], []
    for index, (line, letter) in enumerate(zip(quoted.reading.lines, quoted.string, strict=True)):
        position = file.position(line.number or 0)
        if position < len(file.numbers) and file.numbers[position] == line.number:
            if file.string[position] == letter:
                equal.append((index, position))
            elif (ratio := compare_lines(line.text, file.text(position), longest=_LONGEST_LINE)) >= VERSIONS:
                similar.append(((index, position), ratio / 100))
    return _weigh(texts, equal, similar)


def _says_enough(quoted: Spelling, texts: Sequence[str], found: Alignment) -> bool:
    """True when most lines are equal, at least two of them identify a place, and they are close together."""
    informative = sum(is_informative(texts[index]) for index, _ in found.equal)
    if found.equal_share < 0.5 or informative < 2:
        return False
    pairs = found.pairs
    is_marked = any(line.is_after_gap for line in quoted.reading.lines)
    return is_marked or pairs[-1][1] - pairs[0][1] <= 3 * len(texts) + 20
