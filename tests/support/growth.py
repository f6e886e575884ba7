"""How the time of a computation grows with its input: figures that hold on a busy machine too."""

from __future__ import annotations

import time
from collections.abc import Callable


def growth(work: Callable[[int], object], size: int, *, times: int = 4) -> float:
    """Return by what factor the CPU time grows when the input is `times` as large: that number if it is linear.

    The least of three measurements counts for each size. What takes less than a millisecond counts as one.
    """
    return _least(work, size * times) / _least(work, size)


def _least(work: Callable[[int], object], size: int) -> float:
    seconds = []
    for _ in range(3):
        began = time.process_time()
        work(size)
        seconds.append(time.process_time() - began)
    return max(min(seconds), 0.001)
