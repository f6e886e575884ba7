"""The pairs worth comparing: those that cite the same lines or text, or share rare words.

Never each with each: 10,000 findings a side would be 100 million pairs, and the budget is 5 seconds (docs/matching.md).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence, Set
from typing import Final

from findings_report.comparison.matching.similarity import Prepared, heaviest

Pair = tuple[int, int]
"""Position of a finding of the baseline, of one of the current side."""

_MOST_OVERLAPS: Final = 300_000  # pairs of regions with common lines that are looked at, of the files with fewest first
_MOST_BY_WORD: Final = 36  # pairs that share a word; one that more share is no rare word
MOST_ALIKE: Final = 400
"""Pairs that share title, text or lines; of more, each finding is compared by what else it has."""
_WORDS: Final = 4


def find_candidates(
    baseline: Sequence[Prepared], current: Sequence[Prepared], settled: tuple[Set[int], Set[int]]
) -> tuple[list[Pair], tuple[str, ...]]:
    """Return the pairs to compare, in order, and a sentence for each file with too many findings for all of its pairs.

    `settled` findings of each side have a partner: two of them are no pair to compare.
    """
    pairs = set(_by_key(baseline, current))
    limits: list[str] = []
    # Counted before they are listed, which takes n log n instead of the number of pairs.
    files = {file: _Cites(*sides, *settled) for file, sides in _by_file(baseline, current).items()}
    left = _MOST_OVERLAPS
    # Small files first, so that one file with thousands of findings cannot use up the budget of all.
    for number, file in sorted((cites.count(), file) for file, cites in files.items()):
        left -= number
        if left >= 0:
            pairs.update(files[file].pairs())
        else:
            limits.append(
                f"{number} pairs of findings cite overlapping lines of {file[1]}: only pairs with identical lines, or with "
                "rare words in common, were compared"
            )
    # Sorted: the order of a set depends on the run, and ties must not.
    return sorted(pair for pair in pairs if pair[0] not in settled[0] or pair[1] not in settled[1]), tuple(sorted(limits))


_Cited = tuple[int, int, int]
"""First line, last line, position of the finding."""

_Files = dict[tuple[str, str], tuple[list[_Cited], list[_Cited]]]
"""What each side cites of a file, by repository and path."""


def _by_file(baseline: Sequence[Prepared], current: Sequence[Prepared]) -> _Files:
    files: defaultdict[tuple[str, str], tuple[list[_Cited], list[_Cited]]] = defaultdict(lambda: ([], []))
    for side, findings in enumerate((baseline, current)):
        for position, finding in enumerate(findings):
            for file, regions in finding.regions.items():
                files[file][side].extend((first, last, position) for first, last in regions)
    return {file: sides for file, sides in files.items() if all(sides)}


class _Cites:
    """The lines of one file that both sides cite. A settled finding is compared with unsettled ones only."""

    def __init__(self, here: Sequence[_Cited], there: Sequence[_Cited], settled: Set[int], settled_there: Set[int]) -> None:
        free = [cited for cited in here if cited[2] not in settled]
        taken = [cited for cited in here if cited[2] in settled]
        self._parts = (free, there), (taken, [cited for cited in there if cited[2] not in settled_there])

    def count(self) -> int:
        """Return how many pairs of regions have a common line, without visiting each pair."""
        return sum(_count(here, there) for here, there in self._parts)

    def pairs(self) -> Iterator[Pair]:
        """Yield the findings whose regions have a common line."""
        for here, there in self._parts:
            yield from _overlapping(here, there)


def _count(here: Sequence[_Cited], there: Sequence[_Cited]) -> int:
    firsts, lasts = sorted(first for first, _, _ in there), sorted(last for _, last, _ in there)
    return sum(bisect_right(firsts, last) - bisect_left(lasts, first) for first, last, _ in here)


def _overlapping(here: Sequence[_Cited], there: Sequence[_Cited]) -> Iterator[Pair]:
    """Yield overlapping pairs in one sweep by first line; a region stays open until a later one begins after its end."""
    opened: tuple[list[_Cited], list[_Cited]] = ([], [])
    for first, last, position, side in sorted((*lines, side) for side, cited in enumerate((here, there)) for lines in cited):
        others = opened[1 - side]
        others[:] = [other for other in others if other[1] >= first]
        for _, _, other in others:
            yield (position, other) if side == 0 else (other, position)
        opened[side].append((first, last, position))


def _by_key(baseline: Sequence[Prepared], current: Sequence[Prepared]) -> Iterator[Pair]:
    """Yield pairs that share a key that few others have."""
    index: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for position, finding in enumerate(baseline):
        for key in set(_keys(finding)):
            index[key].append(position)
    shared: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for position, finding in enumerate(current):
        for key in index.keys() & set(_keys(finding)):
            shared[key].append(position)
    for key, there in shared.items():
        here = index[key]
        if len(here) * len(there) <= (_MOST_BY_WORD if key[0] == "word" else MOST_ALIKE):
            yield from ((one, other) for one in here for other in there)


def _keys(finding: Prepared) -> Iterator[tuple[Hashable, ...]]:
    """Yield the keys of a finding; each begins with its kind."""
    title = tuple(heaviest(finding.title, _WORDS))
    yield from (("text", text) for text in finding.texts)
    yield "title", tuple(finding.title)
    yield from (("word", word) for word in title)
    yield from (("word", "prose", word) for word in heaviest(finding.prose, _WORDS))
    for file, regions in finding.regions.items():
        yield from (("lines", file, region) for region in regions)
        yield from (("word", file, word) for word in title)
