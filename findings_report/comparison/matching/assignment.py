"""One-to-one pairs out of weighted candidates, and the pairs that are too close to call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from findings_report.comparison.matching.similarity import Pair

_FAR = float("inf")


def assign(weights: Sequence[Sequence[float]]) -> list[int | None]:
    """Return for each row its column, so that the sum of weights is greatest; None for a row without one.

    Weights are 0 or more; 0 means that the two cannot be a pair. Of choices with the same sum the same one is always taken.
    Time grows with the cube of the longer side.
    """
    if not weights or not weights[0]:
        return [None] * len(weights)
    # The algorithm needs a square; a row or column of zeros is nobody.
    size = max(len(weights), len(weights[0]))
    padding = [0.0] * (size - len(weights[0]))
    square = [[*row, *padding] for row in weights] + [[0.0] * size for _ in range(size - len(weights))]
    owners = _solve(square, size)
    chosen: list[int | None] = [None] * len(weights)
    for column in range(len(weights[0])):
        row = owners[column]
        if row < len(weights) and weights[row][column] > 0:
            chosen[row] = column
    return chosen


def _solve(weights: list[list[float]], size: int) -> list[int]:
    """Return the row that owns each column of a square matrix; each row is added along a shortest augmenting path.

    Source: R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
    Computing 38 (1987).
    """
    row_price = [0.0] * size
    column_price = [0.0] * (size + 1)
    owners = [-1] * (size + 1)  # the last column belongs to the row that is being added
    for added in range(size):
        owners[size] = added
        slack = [_FAR] * size
        came_from = [size] * size
        unreached, reached = list(range(size)), [size]
        column = size
        while owners[column] != -1:
            row = owners[column]
            for other in unreached:
                distance = -weights[row][other] - row_price[row] - column_price[other]
                if distance < slack[other]:
                    slack[other], came_from[other] = distance, column
            nearest = min(unreached, key=slack.__getitem__)
            step = slack[nearest]
            for other in reached:
                row_price[owners[other]] += step
                column_price[other] -= step
            for other in unreached:
                slack[other] -= step
            unreached.remove(nearest)
            reached.append(nearest)
            column = nearest
        while column != size:
            owners[column] = owners[came_from[column]]
            column = came_from[column]
    return owners[:size]


ACCEPT: Final = 0.55
"""Two findings less alike than this are no pair."""


POSSIBLE: Final = 0.3
"""Two that are this much alike, and have nobody nearer, may be one."""


GAP: Final = 0.06
"""A pair must be better than every other choice by this."""


MOST_POSSIBLE: Final = 5
"""The most candidates that are reported for one finding of the baseline, the most similar first."""


LARGEST: Final = 60
"""Findings of one side that are weighed against each other at once; the time grows with the cube."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen pairs."""

    pairs: tuple[Pair, ...]
    """One to one, in order."""
    possible: tuple[Pair, ...]
    """Too near to call, in order; none of their findings is in `pairs`."""
    oversized: tuple[tuple[int, int], ...]
    """Sizes of both sides of groups too large for the best choice: there, only pairs that are each other's best were taken."""


def choose(weights: Mapping[Pair, float]) -> Choice:
    """Return the pairs with the greatest sum of weights, without those that another choice comes within GAP of."""
    pairs: list[Pair] = []
    ties: set[Pair] = set()
    oversized: list[tuple[int, int]] = []
    # By group, and only pairs above the threshold: the assignment takes cubic time.
    for group in _groups([pair for pair, weight in weights.items() if weight >= ACCEPT]):
        rows, columns = sorted({row for row, _ in group}), sorted({column for _, column in group})
        if max(len(rows), len(columns)) <= LARGEST:
            pairs += _best(rows, columns, weights)
        else:
            pairs += _mutual({pair: weights[pair] for pair in group})
            oversized.append((len(rows), len(columns)))
    rivals = _Rivals(weights, dict(pairs))
    for pair in pairs:
        # A wrong pair hides a new and an absent finding, so a close call is left to a person.
        ties.update(rivals.of(pair))
    firm = [pair for pair in pairs if pair not in ties]
    settled = {row for row, _ in pairs}, {column for _, column in pairs}
    left = {(a, b): weight for (a, b), weight in weights.items() if a not in settled[0] and b not in settled[1]}
    # Below the threshold only mutual best matches are worth a hint.
    near = _mutual({pair: weight for pair, weight in left.items() if weight >= POSSIBLE})
    return Choice(tuple(sorted(firm)), _nearest({*ties, *near}, weights), tuple(sorted(oversized)))


def _nearest(pairs: Iterable[Pair], weights: Mapping[Pair, float]) -> tuple[Pair, ...]:
    kept: defaultdict[int, int] = defaultdict(int)
    nearest: list[Pair] = []
    for pair in sorted(pairs, key=lambda pair: (-weights[pair], pair)):
        kept[pair[0]] += 1
        if kept[pair[0]] <= MOST_POSSIBLE:
            nearest.append(pair)
    return tuple(sorted(nearest))


def _groups(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Yield the pairs in connected groups: no finding is in two.

    The assignment takes cubic time, and most groups have one pair.
    """
    leader: dict[tuple[int, int], tuple[int, int]] = {}

    def find(node: tuple[int, int]) -> tuple[int, int]:
        while (above := leader.setdefault(node, node)) != node:
            leader[node] = leader[above]
            node = above
        return node

    for row, column in pairs:
        leader[find((0, row))] = find((1, column))
    groups: defaultdict[tuple[int, int], list[Pair]] = defaultdict(list)
    for pair in sorted(pairs):
        groups[find((0, pair[0]))].append(pair)
    yield from groups.values()


def _best(rows: Sequence[int], columns: Sequence[int], weights: Mapping[Pair, float]) -> Iterator[Pair]:
    def weight(row: int, column: int) -> float:
        known = weights.get((row, column), 0.0)
        return known if known >= ACCEPT else 0.0

    chosen = assign([[weight(row, column) for column in columns] for row in rows])
    return ((row, columns[at]) for row, at in zip(rows, chosen, strict=True) if at is not None)


def _mutual(weights: Mapping[Pair, float]) -> list[Pair]:
    """Return the pairs in which each is the other's best, and no other is as good."""
    best: dict[tuple[int, int], float] = {}
    number: defaultdict[tuple[int, int], int] = defaultdict(int)
    for (row, column), weight in weights.items():
        for node in ((0, row), (1, column)):
            if weight > best.get(node, 0.0):
                best[node], number[node] = weight, 1
            elif weight == best[node]:
                number[node] += 1
    return [
        (row, column)
        for (row, column), weight in sorted(weights.items())
        if best[0, row] == best[1, column] == weight and number[0, row] == number[1, column] == 1
    ]


class _Rivals:
    """The alternatives to a pair: another free finding, or two pairs that exchange partners."""

    def __init__(self, weights: Mapping[Pair, float], pairs: Mapping[int, int]) -> None:
        self._weights = weights
        self._column_of = pairs
        self._row_of = {column: row for row, column in pairs.items()}
        self._columns: defaultdict[int, list[int]] = defaultdict(list)
        self._rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, column in weights:
            self._columns[row].append(column)
            self._rows[column].append(row)

    def of(self, pair: Pair) -> Iterator[Pair]:
        """Yield `pair` and its rivals if it has any."""
        row, column = pair
        weight = self._weights[pair]
        for other in self._columns[row]:
            if other == column:
                continue
            owner = self._row_of.get(other)
            changed = self._weights[row, other]
            lost = weight - changed if owner is None else self._lost_by_change(pair, (owner, other))
            if lost < GAP:
                yield from (pair, (row, other))
        for other in self._rows[column]:
            if other not in self._column_of and weight - self._weights[other, column] < GAP:
                yield from (pair, (other, column))

    def _lost_by_change(self, one: Pair, other: Pair) -> float:
        """Return what each of two pairs loses when they exchange partners."""
        crossed = self._weights.get((one[0], other[1]), 0.0) + self._weights.get((other[0], one[1]), 0.0)
        return (self._weights[one] + self._weights[other] - crossed) / 2
