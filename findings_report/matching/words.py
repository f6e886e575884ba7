"""How alike two texts are by their words, a rare word weighing more than one that everybody uses."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

Vector = dict[str, float]
"""Weight of each word of a text, heaviest first, of length 1 in all; empty for a text without words."""

_HEAVIEST: Final = 40  # words of a text that are kept; more change no figure of the labelled set and cost memory
_LONGEST: Final = 20_000  # characters of a text that are read
_NOISE: Final = re.compile(r"https?://\S+")
_WORD: Final = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
_PART: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def words(text: str) -> list[str]:
    """The words of `text` in lower case. `withdrawLend` is three: itself, `withdraw` and `lend`. Addresses are none."""
    found: list[str] = []
    for word in _WORD.findall(_NOISE.sub(" ", text[:_LONGEST])):
        if word.islower() and "_" not in word:
            found.append(word)
        else:
            found += _forms(word)
    return found


@lru_cache(maxsize=1 << 14)
def _forms(word: str) -> tuple[str, ...]:
    parts = _PART.findall(word)
    return (word.lower(), *(part.lower() for part in parts)) if len(parts) > 1 else (word.lower(),)


def vectors(texts: Iterable[str]) -> list[Vector]:
    """A vector for each text; what is rare is counted over all of them."""
    counts = [Counter(words(text)) for text in texts]
    spread: Counter[str] = Counter()
    for count in counts:
        spread.update(count.keys())
    rarity = {word: math.log(1 + len(counts) / number) for word, number in spread.items()}
    return [_vector(count, rarity) for count in counts]


def _vector(count: Counter[str], rarity: dict[str, float]) -> Vector:
    # Negative, so that sorting puts the heaviest first and equal ones in the order of the alphabet.
    weights = [(-rarity[word] * (1 + math.log(number) if number > 1 else 1), word) for word, number in count.items()]
    kept = sorted(weights)[:_HEAVIEST]
    length = math.sqrt(math.fsum(weight * weight for weight, _ in kept))
    return {word: -weight / length for weight, word in kept}


def alike(one: Vector, other: Vector) -> float:
    """0 for no common word to 1 for the same words: the cosine of the two."""
    common = one.keys() & other.keys()
    return min(1.0, math.fsum(one[word] * other[word] for word in common)) if common else 0.0  # the same in any order


def heaviest(vector: Vector, number: int) -> Iterator[str]:
    """The `number` heaviest words, heaviest first."""
    return islice(vector, number)
