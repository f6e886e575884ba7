"""The exact criteria: ids, former ids, tools' fingerprints, equal cited code."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from findings_report.comparison.matching.similarity import Agreement, Prepared, agreement, likeness
from findings_report.comparison.matching.values import Match, MatchReason, Overlap, Pair, Reused

REUSED: Final = 0.1
"""Two findings of one id with less similarity than this are not the same: the id was reused."""

_MOST_SHARED: Final = 10_000
"""Pairs of findings with one former id up to which each is compared."""


@dataclass(slots=True)
class Pairing:
    """Two sides while their findings are paired; a finding is known by its position on its side."""

    baseline: Sequence[Prepared]
    """Every finding of the baseline."""
    current: Sequence[Prepared]
    """Every finding of the current side."""
    matches: dict[int, Match] = field(default_factory=dict)
    """The pairs so far, by position in the baseline."""
    partners: dict[int, int] = field(default_factory=dict)
    """Position in the baseline of each paired finding of the current side."""
    reused: dict[Pair, Reused] = field(default_factory=dict)
    """Pairs that have only their id in common."""
    overlaps: list[Overlap] = field(default_factory=list)
    """Findings that were split off or merged; no later criterion pairs them."""
    links: list[Pair] = field(default_factory=list)
    """Two that each have another partner, and of which the current one has taken the other's id as a former one."""
    settled: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))
    """Findings of each side that no later criterion may pair."""

    def ids(self, pair: Pair) -> tuple[str, str]:
        """Return the ids of both."""
        return self.baseline[pair[0]].id, self.current[pair[1]].id

    def is_free(self, pair: Pair) -> bool:
        """Return True when a later criterion may make this pair."""
        return pair[0] not in self.settled[0] and pair[1] not in self.settled[1] and pair not in self.reused

    def agreement(self, pair: Pair) -> Agreement:
        """Return how far the two agree in each trait."""
        return agreement(self.baseline[pair[0]], self.current[pair[1]])

    def take(self, pair: Pair, ground: MatchReason, reason: str, weight: float) -> None:
        """Make the two a pair."""
        self.matches[pair[0]] = Match(*self.ids(pair), ground, reason, weight)
        self.partners[pair[1]] = pair[0]
        self.settled[0].add(pair[0])
        self.settled[1].add(pair[1])

    def name(self, pair: Pair, ground: MatchReason, reason: str) -> None:
        """Make the two a pair because of their ids, unless they have almost nothing in common."""
        # An id can be reused for another finding, above all where ids are numbered for each report.
        weight = likeness(self.agreement(pair))
        if weight < REUSED:
            reason = "neither title, description nor cited lines agree"
            self.reused[pair] = Reused(*self.ids(pair), reason, weight)
        else:
            self.take(pair, ground, reason, weight)

    def note_overlap(self, pair: Pair, reason: str, *, is_named: bool) -> None:
        """Note that the one without a partner overlaps the pair of the other; nothing when both or neither has a partner."""
        row, column = pair
        if row in self.matches and column not in self.settled[1]:
            match, finding, is_baseline = self.matches[row], self.current[column], False
        elif column in self.partners and row not in self.settled[0]:
            match, finding, is_baseline = self.matches[self.partners[column]], self.baseline[row], True
        else:
            return
        weight = likeness(self.agreement(pair))
        self.overlaps.append(Overlap(finding.id, is_baseline, match.baseline, match.current, reason, is_named, weight))
        self.settled[0 if is_baseline else 1].add(row if is_baseline else column)


def pair_by_id(pairing: Pairing) -> None:
    """Pair findings with the same id."""
    here = {finding.id: position for position, finding in enumerate(pairing.current)}
    for position, finding in enumerate(pairing.baseline):
        if finding.id in here:
            pairing.name((position, here[finding.id]), MatchReason.ID, "id")


def pair_by_alias(pairing: Pairing) -> None:
    """Pair findings by former ids. Of several that lead to one finding the most similar is paired; the others are noted."""
    reasons: dict[Pair, str] = {}
    for pair, name in _list_named(pairing):
        reasons.setdefault(pair, f"former id {name}")
    # Two findings may have been merged into one: the more similar one continues in it.
    ranked = sorted(reasons, key=lambda pair: (-likeness(pairing.agreement(pair)), pair))
    for pair in ranked:
        if pairing.is_free(pair):
            pairing.name(pair, MatchReason.ALIAS, reasons[pair])
    for pair in ranked:
        if pair not in pairing.reused:
            pairing.note_overlap(pair, reasons[pair], is_named=True)
    pairing.links += [pair for pair in ranked if _is_link(pairing, pair)]


def _is_link(pairing: Pairing, pair: Pair) -> bool:
    row, column = pair
    if pair in pairing.reused or row not in pairing.matches or pairing.partners.get(column, row) == row:
        return False
    # A former id that the partner had too was there before the baseline.
    old, new = pairing.baseline[pairing.partners[column]].traits.aliases, pairing.current[column].traits.aliases
    return pairing.baseline[row].id in set(new) - set(old)


def _list_named(pairing: Pairing) -> Iterator[tuple[Pair, str]]:
    """Yield the pairs that a former id leads to, with that id: the id of one of the two, or a former id of both."""
    ids = {finding.id: position for position, finding in enumerate(pairing.current)}
    former: defaultdict[str, list[int]] = defaultdict(list)
    for position, finding in enumerate(pairing.current):
        for alias in _list_former(finding):
            former[alias].append(position)
    counts = Counter(alias for finding in pairing.baseline for alias in _list_former(finding))
    for position, finding in enumerate(pairing.baseline):
        yield from (((position, other), finding.id) for other in former[finding.id])
        for alias in _list_former(finding):
            if alias in ids:
                yield (position, ids[alias]), alias
            # All parts of a finding that was split before the baseline share one; of very many it means none.
            if counts[alias] * len(former[alias]) <= _MOST_SHARED:
                yield from (((position, other), alias) for other in former[alias])


def _list_former(finding: Prepared) -> Sequence[str]:
    return sorted(set(finding.traits.aliases) - {finding.id})


Keys = Callable[[Prepared], Iterator[tuple[Hashable, str]]]
"""Keys that a finding may be recognised by, each with the reason for a reader."""


def fingerprint_keys(finding: Prepared) -> Iterator[tuple[Hashable, str]]:
    """Yield each fingerprint of a tool under its key."""
    for key, value in sorted(set(finding.traits.fingerprints)):
        yield (key, value), f"fingerprint {key}"


def code_keys(finding: Prepared) -> Iterator[tuple[Hashable, str]]:
    """Yield each cited text with each weakness, and with the category.

    The text alone is not enough: two weaknesses of one function cite the same lines.
    """
    kinds = [*sorted(finding.cwe), *([finding.category] if finding.category else [])]
    for text, kind in product(sorted(finding.texts), kinds):
        yield (text, kind), f"cited code and {kind}"


def title_and_line_keys(finding: Prepared) -> Iterator[tuple[Hashable, str]]:
    """Yield title and cited lines together."""
    if finding.title and finding.regions:
        # Both together: titles recur, as do lines, but hardly in the same pair.
        yield (tuple(finding.title), frozenset(finding.regions.items())), "title and cited lines"


def pair_by_key(pairing: Pairing, ground: MatchReason, keys: Keys) -> None:
    """Pair findings by a key that exactly one finding of each side has, unless the keys of a finding lead to two others."""
    index: defaultdict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    reasons: dict[Hashable, str] = {}
    for side, findings in enumerate((pairing.baseline, pairing.current)):
        for position, finding in enumerate(findings):
            for key, reason in keys(finding):
                index[key][side].append(position)
                reasons[key] = reason
    pairs: dict[Pair, str] = {}
    for key, (here, there) in index.items():
        # A key that two findings of a side share identifies neither.
        if len(here) == len(there) == 1 and pairing.is_free((here[0], there[0])):
            pairs.setdefault((here[0], there[0]), reasons[key])
    # A finding with two keys may point to two partners: then neither key is taken.
    rows, columns = Counter(row for row, _ in pairs), Counter(column for _, column in pairs)
    for pair, reason in pairs.items():
        if rows[pair[0]] == columns[pair[1]] == 1:
            pairing.take(pair, ground, reason, likeness(pairing.agreement(pair)))
