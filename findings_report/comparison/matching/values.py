"""The values of matching: the traits that a finding is recognised by, and the result for two sets of findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from findings_report.model.evidence import Region

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
