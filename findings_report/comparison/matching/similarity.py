"""The traits that a finding is recognised by, and how far those of two findings agree.

Weights and bounds were chosen on the tune part of `benchmarks/pairs.jsonl`; docs/matching.md has the measured error rates.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import fingerprint

Pair = tuple[int, int]
"""Position of a finding of the baseline, of one of the current side."""


@dataclass(frozen=True, slots=True)
class CitedLines:
    """Cited lines at the commit of the current side."""

    repository: str
    """Name of the repository; the same on both sides."""
    path: str
    """POSIX, from the repository's root."""
    region: Region | None = None
    """The lines; None when the whole file is cited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The traits that a finding is recognised by. Severity and status are none: a change of them is what a reader looks for."""

    id: str
    """Unique on its side."""
    title: str
    """As authored."""
    prose: str = ""
    """Its description; empty when there is none."""
    aliases: tuple[str, ...] = ()
    """Former ids."""
    fingerprints: tuple[tuple[str, str], ...] = ()
    """(key, value) of an imported tool's own fingerprints; the key names tool and version."""
    cwe: tuple[str, ...] = ()
    """Weakness ids."""
    category: str | None = None
    """The kind of weakness, in the auditor's words."""
    places: tuple[CitedLines, ...] = ()
    """The cited lines; those of the baseline as tracked to the current side, and left out where they are gone."""
    texts: tuple[str, ...] = ()
    """`fingerprint/1` of each cited region, at its own side's commit."""
    symbols: tuple[str, ...] = ()
    """Names of the functions and classes that enclose the cited lines."""


class MatchReason(StrEnum):
    """Why two findings are considered the same. A criterion is applied where those before it gave nothing."""

    ID = "same id"
    """The same id on both sides."""
    ALIAS = "former id"
    """The id of one is a former id of the other, or they share a former id."""
    FINGERPRINT = "same fingerprint"
    """A tool's fingerprint under the same key, which no other finding of either side has."""
    TEXT = "same code"
    """Equal text of a cited region and the same weakness or category, which no other finding of either side has."""
    LIKENESS = "alike"
    """Enough of cited lines, symbol, weakness, title and description agree, and no other finding comes near."""


@dataclass(frozen=True, slots=True)
class Match:
    """A finding of the baseline and the same finding on the current side."""

    baseline: str
    """Id there."""
    current: str
    """Id here."""
    criterion: MatchReason
    """The criterion that paired them."""
    reason: str
    """The same as a clause for a reader, without a full stop: `the same id`."""
    likeness: float
    """0 to 1: how far their traits agree, whatever the reason is."""


@dataclass(frozen=True, slots=True)
class Possible:
    """Two findings that may be one, where another choice is nearly as good. They are not merged."""

    baseline: str
    """Id there."""
    current: str
    """Id here."""
    reason: str
    """A clause for a reader."""
    likeness: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Reused:
    """An id that means one thing in the baseline and another one now. The two are not a pair."""

    baseline: str
    """Id there."""
    current: str
    """Id here; the same, or one that has it as an alias."""
    reason: str
    """A clause for a reader."""
    likeness: float
    """0 to 1: next to nothing."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A finding without a partner that cites what a pair cites: it may have been split off or merged."""

    id: str
    """The finding without a partner."""
    is_baseline: bool
    """True when it is one of the baseline."""
    baseline: str
    """The pair's id there."""
    current: str
    """The pair's id here."""
    reason: str
    """A clause for a reader."""
    is_named: bool
    """True when a former id says that the two belong together; otherwise they are similar."""
    likeness: float
    """0 to 1: how far its traits agree with those of its counterpart in the pair."""


@dataclass(frozen=True, slots=True)
class Family:
    """A finding that was split into several, or several that were merged into one."""

    baseline: tuple[str, ...]
    """Ids there; one when it was split."""
    current: tuple[str, ...]
    """Ids here; one when several were merged."""
    is_certain: bool
    """True when former ids say so; otherwise the findings are as similar as a pair would be."""

    @property
    def is_split(self) -> bool:
        """True for a split, False for a merge."""
        return len(self.baseline) == 1


@dataclass(frozen=True, slots=True)
class Matching:
    """What two sets of findings have in common. Every list is in the order of ids, whatever order the findings came in."""

    matches: tuple[Match, ...]
    """The pairs; every finding is in one at most."""
    possible: tuple[Possible, ...]
    """Pairs too near to call; none of their findings is in a match."""
    reused: tuple[Reused, ...]
    """Ids used for something else."""
    overlaps: tuple[Overlap, ...]
    """Findings without a partner that cite what a pair cites."""
    families: tuple[Family, ...]
    """Splits and merges, of pairs and the findings that overlap them, or of findings that may be the same."""
    absent: tuple[str, ...]
    """Baseline ids without a partner, those of `possible` included."""
    new: tuple[str, ...]
    """Current ids without a partner, those of `possible` included."""
    limits: tuple[str, ...]
    """Where findings were too many and too alike to compare each with each: sentences for a reader, empty as a rule."""


Vector = dict[str, float]
"""Weight of each word of a text, heaviest first, of length 1 in all; empty for a text without words."""


_HEAVIEST: Final = 40  # words of a text that are kept; more change no figure of the labelled set and cost memory


_LONGEST: Final = 20_000  # characters of a text that are read


_NOISE: Final = re.compile(r"https?://\S+")


_WORD: Final = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")


_PART: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case. `withdrawLend` is three: itself, `withdraw` and `lend`. Addresses are none."""
    forms: list[str] = []
    for word in _WORD.findall(_NOISE.sub(" ", text[:_LONGEST])):
        if word.islower() and "_" not in word:
            forms.append(word)
        else:
            forms += _forms(word)
    return forms


@lru_cache(maxsize=1 << 14)
def _forms(word: str) -> tuple[str, ...]:
    parts = _PART.findall(word)
    return (word.lower(), *(part.lower() for part in parts)) if len(parts) > 1 else (word.lower(),)


def vectors(texts: Iterable[str]) -> list[Vector]:
    """Return a vector for each text; rarity is counted over all of them."""
    counts = [Counter(words(text)) for text in texts]
    spread: Counter[str] = Counter()
    for count in counts:
        spread.update(count.keys())
    # Inverse document frequency: in audits of one project the words of its domain say little.
    rarity = {word: math.log(1 + len(counts) / number) for word, number in spread.items()}
    return [_vector(count, rarity) for count in counts]


def _vector(count: Counter[str], rarity: dict[str, float]) -> Vector:
    # Negative, so that sorting puts the heaviest first and equal ones in the order of the alphabet.
    weights = [(-rarity[word] * (1 + math.log(number) if number > 1 else 1), word) for word, number in count.items()]
    kept = sorted(weights)[:_HEAVIEST]
    length = math.sqrt(math.fsum(weight * weight for weight, _ in kept))
    return {word: -weight / length for weight, word in kept}


def alike(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors: 0 for no common word, 1 for the same words."""
    common = one.keys() & other.keys()
    return min(1.0, math.fsum(one[word] * other[word] for word in common)) if common else 0.0  # the same in any order


def heaviest(vector: Vector, number: int) -> Iterator[str]:
    """Yield the `number` heaviest words, heaviest first."""
    return islice(vector, number)


class Agreement(NamedTuple):
    """How far two findings agree in each trait, 0 to 1; None if one of them does not have it."""

    title: float
    """Words of the titles."""
    prose: float | None
    """Words of title and description."""
    place: float | None
    """Overlap of the cited lines; where there is none, the same symbol counts for something."""
    weakness: float | None
    """CWE ids, else the category: 1 or 0."""


WEIGHTS: Final = (0.25, 0.35, 0.3, 0.1)
"""What each trait of an Agreement counts. A trait that one finding does not have is ignored; the others weigh more."""


INSIDE: Final = 0.7
"""What lines count that lie wholly inside the other's."""


SAME_SYMBOL: Final = 0.2
"""What other lines of the same function or class count."""


WHOLE_FILE: Final = 0.3
"""What a place counts when one of the two cites the whole file."""


Lines = tuple[int, int]
"""First and last line of a region."""


EVERY_LINE: Final[Lines] = (0, 1 << 60)
"""The whole file."""


_NOTHING: Final = fingerprint(())  # the text of blank lines is nobody's


@dataclass(frozen=True, slots=True)
class Prepared:
    """A finding prepared for comparing it with many others."""

    traits: Traits
    title: Vector
    prose: Vector
    regions: dict[tuple[str, str], tuple[Lines, ...]]
    """The cited lines by repository and path."""
    texts: frozenset[str]
    symbols: frozenset[str]
    cwe: frozenset[str]
    category: str

    @property
    def id(self) -> str:
        """Unique on its side."""
        return self.traits.id


def prepare(baseline: Sequence[Traits], current: Sequence[Traits]) -> tuple[list[Prepared], list[Prepared]]:
    """Return both sides prepared; the rarity of words is counted over both."""
    everyone = [*baseline, *current]
    titles = vectors(traits.title for traits in everyone)
    proses = vectors(f"{traits.title}\n{traits.prose}" if traits.prose else "" for traits in everyone)
    ready = [_prepare(*texts) for texts in zip(everyone, titles, proses, strict=True)]
    return ready[: len(baseline)], ready[len(baseline) :]


def _prepare(traits: Traits, title: Vector, prose: Vector) -> Prepared:
    return Prepared(
        traits=traits,
        title=title,
        prose=prose,
        regions=_by_file(traits.places),
        texts=frozenset(traits.texts) - {_NOTHING},
        symbols=frozenset(traits.symbols),
        cwe=frozenset(traits.cwe),
        category=" ".join((traits.category or "").casefold().split()),
    )


def _by_file(places: Sequence[CitedLines]) -> dict[tuple[str, str], tuple[Lines, ...]]:
    lines: defaultdict[tuple[str, str], set[Lines]] = defaultdict(set)
    # By file, because only regions of one file can overlap.
    for place in places:
        region = place.region
        lines[place.repository, place.path].add((region.start_line, region.end_line) if region else EVERY_LINE)
    return {file: tuple(sorted(regions)) for file, regions in lines.items()}


def agreement(one: Prepared, other: Prepared) -> Agreement:
    """Return how far the two agree in each trait."""
    return Agreement(
        title=alike(one.title, other.title),
        prose=alike(one.prose, other.prose) if one.prose and other.prose else None,
        place=_place(one, other),
        weakness=_weakness(one, other),
    )


def likeness(agreement: Agreement) -> float:
    """Return the similarity as one figure, 0 to 1. A trait that one of them does not have is ignored."""
    total = weight = 0.0
    for share, counts in zip(agreement, WEIGHTS, strict=True):
        if share is not None:
            total += share * counts
            weight += counts
    # Rounded, so that a tie is a tie whatever the last bits of a sum are.
    return round(total / weight, 6)


def _weakness(one: Prepared, other: Prepared) -> float | None:
    # Ids before the category: a category is free text, and auditors word it differently.
    if one.cwe and other.cwe:
        return float(not one.cwe.isdisjoint(other.cwe))
    return float(one.category == other.category) if one.category and other.category else None


def _place(one: Prepared, other: Prepared) -> float | None:
    """Return the best overlap of any two cited regions; equal text counts as equal lines, wherever it is."""
    # Equal text wins over lines: code that moved without being tracked is recognised by it.
    if not one.texts.isdisjoint(other.texts):
        return 1.0
    is_same_symbol = not one.symbols.isdisjoint(other.symbols)
    if not (one.regions and other.regions):
        return SAME_SYMBOL if is_same_symbol else None
    best = SAME_SYMBOL if is_same_symbol else 0.0
    for file in one.regions.keys() & other.regions.keys():
        for here in one.regions[file]:
            for there in other.regions[file]:
                best = max(best, _overlap(here, there))
    return best


def _overlap(one: Lines, other: Lines) -> float:
    if one == other:
        return 1.0
    if EVERY_LINE in (one, other):
        return WHOLE_FILE
    common = min(one[1], other[1]) - max(one[0], other[0]) + 1
    if common <= 0:
        return 0.0
    lengths = (one[1] - one[0] + 1, other[1] - other[0] + 1)
    shared = common / (sum(lengths) - common)
    return max(shared, INSIDE) if common == min(lengths) else shared
