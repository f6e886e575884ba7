"""Two sets of findings to what they have in common: layer after layer, then what is left by likeness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from findings_report.comparison.matching.assignment import LARGEST, POSSIBLE, choose
from findings_report.comparison.matching.candidates import MOST_ALIKE, Pair, candidates
from findings_report.comparison.matching.exact import Pairing, by_alias, by_id, by_key, codes, fingerprints, same
from findings_report.comparison.matching.similarity import Agreement, liken, likeness
from findings_report.comparison.matching.values import Ground, Matching, Overlap, Possible, Traits

CITED_TOO: Final = 0.5
"""How far the lines of a finding without a partner must overlap those of a pair to be told."""


def match(baseline: Iterable[Traits], current: Iterable[Traits]) -> Matching:
    """Pairs the findings of two sides, one to one. The order of either side changes nothing.

    Raises ValueError when two findings of one side have the same id.
    """
    sides = [sorted(side, key=lambda traits: traits.id) for side in (baseline, current)]
    for side in sides:
        if twice := [id for id, number in Counter(traits.id for traits in side).items() if number > 1]:
            raise ValueError(f"ids that stand for two findings of one side: {', '.join(twice)}")
    pairing = Pairing(*liken(*sides))
    by_id(pairing)
    by_alias(pairing)
    by_key(pairing, Ground.FINGERPRINT, fingerprints)
    by_key(pairing, Ground.TEXT, codes)
    by_key(pairing, Ground.LIKENESS, same)
    return _by_likeness(pairing)


def _by_likeness(pairing: Pairing) -> Matching:
    looked_at, limits = candidates(pairing.baseline, pairing.current, pairing.settled)
    agreed: dict[Pair, Agreement] = {}
    weights: dict[Pair, float] = {}
    for pair in looked_at:
        found = pairing.agreement(pair)
        weight = likeness(found)
        if weight >= POSSIBLE or (found.place or 0.0) >= CITED_TOO:
            agreed[pair] = found
            if pairing.is_free(pair) and weight >= POSSIBLE:
                weights[pair] = weight
    choice = choose(weights)
    for pair in choice.pairs:
        pairing.take(pair, Ground.LIKENESS, _reason(agreed[pair]), weights[pair])
    possible = tuple(Possible(*pairing.ids(pair), _reason(agreed[pair]), weights[pair]) for pair in choice.possible)
    _tell_overlaps(pairing, agreed)
    oversized = (
        f"{rows} findings of the baseline and {columns} of the current side are all alike, more than {LARGEST}: "
        "only those that are each other's best were paired"
        for rows, columns in choice.oversized
    )
    return _told(pairing, possible, (*limits, *dict.fromkeys(oversized), *_crowds(pairing)))


def _crowds(pairing: Pairing) -> Iterator[str]:
    """Tells of findings without a partner that share a title with too many others to be compared because of it."""
    sides = (pairing.baseline, pairing.matches.keys()), (pairing.current, pairing.partners.keys())
    here, there = (
        Counter(finding.traits.title for position, finding in enumerate(findings) if position not in paired)
        for findings, paired in sides
    )
    for title in sorted(here.keys() & there.keys()):
        if here[title] * there[title] > MOST_ALIKE:
            yield (
                f"{here[title]} findings of the baseline and {there[title]} of the current side without a partner have the "
                f"title {title!r}, and nothing else that tells which is which"
            )


def _tell_overlaps(pairing: Pairing, agreed: dict[Pair, Agreement]) -> None:
    """Tells of each finding without a partner which pair cites its lines too, the nearest one."""
    ranked = sorted(agreed, key=lambda pair: (-(agreed[pair].place or 0.0), -likeness(agreed[pair]), pair))
    for pair in ranked:
        if (agreed[pair].place or 0.0) >= CITED_TOO:
            pairing.tell(pair, _reason(agreed[pair]))


def _reason(found: Agreement) -> str:
    """`title 92 %, description 88 %, place 100 % alike, the same weakness`."""
    shares = {"title": found.title, "description": found.prose, "place": found.place}
    told = ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in shares.items() if share is not None)
    return f"{told} alike, the same weakness" if found.weakness else f"{told} alike"


def _told(pairing: Pairing, possible: tuple[Possible, ...], limits: tuple[str, ...]) -> Matching:
    def by_ids(overlap: Overlap) -> tuple[str, bool]:
        return overlap.id, overlap.is_baseline

    return Matching(
        matches=tuple(pairing.matches[row] for row in sorted(pairing.matches)),
        possible=possible,
        reused=tuple(pairing.reused[pair] for pair in sorted(pairing.reused)),
        overlaps=tuple(sorted(pairing.overlaps, key=by_ids)),
        absent=tuple(finding.id for row, finding in enumerate(pairing.baseline) if row not in pairing.matches),
        new=tuple(finding.id for column, finding in enumerate(pairing.current) if column not in pairing.partners),
        limits=limits,
    )
