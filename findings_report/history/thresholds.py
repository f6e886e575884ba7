"""The numbers that decide what counts as the same text at another commit.

One value, passed to `track`, so that `benchmarks/tracking.py` can sweep it. The defaults were chosen on the trusted regions of
an oracle of seven projects (C, Python, Rust, Go); a place that is wrong costs more than one that is not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Thresholds:
    """Shares and likenesses, all from 0 to 1."""

    # docs/performance.md says how many regions these values place right; change them only with a run of the benchmark.
    kept: float = 0.5
    """Share of the informative lines that makes what is left of a text the text."""
    alike: float = 0.8
    """Likeness that makes two texts versions of one another, wherever they are."""
    # Less than elsewhere: between unchanged neighbours only the text is in doubt, not the place.
    alike_between: float = 0.62
    """Likeness that suffices where the lines on both sides are still the neighbours."""
    replaced: float = 0.75
    """Likeness that makes what came in place of a whole text a version of it."""
    # Anywhere in a repository something is somewhat like any text, so this is stricter than for text that stayed.
    moved_and_edited: float = 0.65
    """Score from which text elsewhere is the same text, edited."""
    margin: float = 0.06
    """Lead in score that the best place needs over the next; with less the answer is `ambiguous`."""
    part: float = 0.25
    """Share of a text that is a part of it."""
    both_parts: float = 0.7
    """Share of a text that its two parts make up together."""
    worth_showing: float = 0.4
    """Likeness from which the closest text is shown for a text that was deleted."""
    # A file that was renamed while a new one took its name has few of its lines under that name.
    same_file: float = 0.5
    """Share of a file's informative lines below which another file may have taken its name."""


DEFAULT: Final = Thresholds()
"""What every command uses."""
