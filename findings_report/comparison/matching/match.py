"""Two sets of findings matched: by the exact criteria in order, then the rest by similarity."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Final

from findings_report.comparison.matching.assignment import ACCEPT, LARGEST, POSSIBLE, choose
from findings_report.comparison.matching.candidates import MOST_ALIKE, Pair, find_candidates
from findings_report.comparison.matching.exact import (
    Pairing,
    code_keys,
    fingerprint_keys,
    pair_by_alias,
    pair_by_id,
    pair_by_key,
    title_and_line_keys,
)
from findings_report.comparison.matching.similarity import Agreement, likeness, prepare
from findings_report.comparison.matching.values import Family, Matching, MatchReason, Overlap, Possible, Traits

CITED_TOO: Final = 0.5
"""How far the lines of a finding without a partner must overlap those of a pair to be reported."""


def match(baseline: Iterable[Traits], current: Iterable[Traits]) -> Matching:
    """Return the findings of two sides, paired one to one. The order of either side changes nothing.

    Raises ValueError when two findings of one side have the same id.
    """
    # Sorted, so that ties fall the same way whatever order the files were read in.
    sides = [sorted(side, key=lambda traits: traits.id) for side in (baseline, current)]
    for side in sides:
        if twice := [id for id, number in Counter(traits.id for traits in side).items() if number > 1]:
            raise ValueError(f"ids that two findings of one side have: {', '.join(twice)}")
    pairing = Pairing(*prepare(*sides))
    # In the order of reliability: what an earlier criterion paired is settled for the later ones.
    pair_by_id(pairing)
    pair_by_alias(pairing)
    pair_by_key(pairing, MatchReason.FINGERPRINT, fingerprint_keys)
    pair_by_key(pairing, MatchReason.TEXT, code_keys)
    pair_by_key(pairing, MatchReason.LIKENESS, title_and_line_keys)
    return _by_likeness(pairing)


def _by_likeness(pairing: Pairing) -> Matching:
    looked_at, limits = find_candidates(pairing.baseline, pairing.current, pairing.settled)
    agreed: dict[Pair, Agreement] = {}
    weights: dict[Pair, float] = {}
    # Pairs of settled findings are looked at too, for overlaps: a finding may have been split off from a pair.
    for pair in looked_at:
        agreement = pairing.agreement(pair)
        weight = likeness(agreement)
        if weight >= POSSIBLE or (agreement.place or 0.0) >= CITED_TOO:
            agreed[pair] = agreement
            if pairing.is_free(pair) and weight >= POSSIBLE:
                weights[pair] = weight
    choice = choose(weights)
    for pair in choice.pairs:
        pairing.take(pair, MatchReason.LIKENESS, _reason(agreed[pair]), weights[pair])
    possible = tuple(Possible(*pairing.ids(pair), _reason(agreed[pair]), weights[pair]) for pair in choice.possible)
    _note_overlaps(pairing, agreed)
    oversized = (
        f"{rows} findings of the baseline and {columns} of the current report are similar to each other, more than {LARGEST}: "
        "only mutual best matches were paired"
        for rows, columns in choice.oversized
    )
    return _matching(pairing, possible, (*limits, *dict.fromkeys(oversized), *_crowds(pairing)))


def _crowds(pairing: Pairing) -> Iterator[str]:
    """Yield a sentence for each title that too many findings without a partner share to be compared because of it."""
    sides = (pairing.baseline, pairing.matches.keys()), (pairing.current, pairing.partners.keys())
    here, there = (
        Counter(finding.traits.title for position, finding in enumerate(findings) if position not in paired)
        for findings, paired in sides
    )
    for title in sorted(here.keys() & there.keys()):
        if here[title] * there[title] > MOST_ALIKE:
            yield (
                f"{here[title]} findings of the baseline and {there[title]} of the current report without a partner have the "
                f"title {title!r}, and nothing else to match them by"
            )


def _note_overlaps(pairing: Pairing, agreed: dict[Pair, Agreement]) -> None:
    """Note for each finding without a partner the nearest pair that cites its lines."""
    ranked = sorted(agreed, key=lambda pair: (-(agreed[pair].place or 0.0), -likeness(agreed[pair]), pair))
    for pair in ranked:
        if (agreed[pair].place or 0.0) >= CITED_TOO:
            pairing.note_overlap(pair, _reason(agreed[pair]), is_named=False)


def _reason(agreement: Agreement) -> str:
    """Return `similarity (title 92 %, description 88 %, location 100 %), same weakness`."""
    shares = {"title": agreement.title, "description": agreement.prose, "location": agreement.place}
    parts = ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in shares.items() if share is not None)
    return f"similarity ({parts}), same weakness" if agreement.weakness else f"similarity ({parts})"


def _matching(pairing: Pairing, possible: tuple[Possible, ...], limits: tuple[str, ...]) -> Matching:
    def by_ids(overlap: Overlap) -> tuple[str, bool]:
        return overlap.id, overlap.is_baseline

    overlaps = tuple(sorted(pairing.overlaps, key=by_ids))
    return Matching(
        matches=tuple(pairing.matches[row] for row in sorted(pairing.matches)),
        possible=possible,
        reused=tuple(pairing.reused[pair] for pair in sorted(pairing.reused)),
        overlaps=overlaps,
        families=tuple(_find_families(overlaps, possible)),
        absent=tuple(finding.id for row, finding in enumerate(pairing.baseline) if row not in pairing.matches),
        new=tuple(finding.id for column, finding in enumerate(pairing.current) if column not in pairing.partners),
        limits=limits,
    )


def _find_families(overlaps: Iterable[Overlap], possible: Iterable[Possible]) -> list[Family]:
    """Return the splits and merges, in the order of their ids."""
    others: defaultdict[tuple[str, str, bool, bool], list[str]] = defaultdict(list)
    for overlap in overlaps:
        # By likeness: one that is as similar as a pair, and would be one, had its counterpart not a more similar one.
        if overlap.is_named or overlap.likeness >= ACCEPT:
            others[overlap.baseline, overlap.current, overlap.is_baseline, overlap.is_named].append(overlap.id)
    families = [
        Family((baseline, *ids), (current,), is_named) if is_merge else Family((baseline,), (current, *ids), is_named)
        for (baseline, current, is_merge, is_named), ids in others.items()
    ]
    # Several that are about equally similar to one, and to no other, are a pair with nobody, and may be its parts.
    there, here = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for pair in possible:
        there[pair.baseline].add(pair.current)
        here[pair.current].add(pair.baseline)
    families += [Family((id,), tuple(ids), False) for id, ids in there.items() if _are_parts(id, ids, here)]
    families += [Family(tuple(ids), (id,), False) for id, ids in here.items() if _are_parts(id, ids, there)]
    ordered = (Family(tuple(sorted(each.baseline)), tuple(sorted(each.current)), each.is_certain) for each in families)
    return sorted(ordered, key=lambda family: (family.baseline, family.current))


def _are_parts(id: str, others: Set[str], possible: Mapping[str, Set[str]]) -> bool:
    return len(others) > 1 and all(possible[other] == {id} for other in others)
