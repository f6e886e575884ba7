"""The best one-to-one choice among weighed pairs: the Hungarian method, with potentials.

Source: J. Munkres, Algorithms for the Assignment and Transportation Problems, J. SIAM 5 (1957); E. L. Lawler, Combinatorial
Optimization: Networks and Matroids (1976), 5.7.
"""

from __future__ import annotations

from collections.abc import Sequence

_FAR = float("inf")


def assign(weights: Sequence[Sequence[float]]) -> list[int | None]:
    """For each row the column it gets, so that the sum of weights is greatest; None for a row that gets none.

    Weights are 0 or more; 0 means that the two cannot be a pair. Of choices with the same sum the same one is always taken.
    Time grows with the cube of the longer side.
    """
    if not weights or not weights[0]:
        return [None] * len(weights)
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
    """The row that owns each column of a square matrix. Rows are added one by one, each along a shortest augmenting path."""
    row_price = [0.0] * size
    column_price = [0.0] * (size + 1)
    owners = [-1] * (size + 1)  # the last column stands for the row that is being added
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
