"""Two sets of findings matched: by the exact criteria in order, then the rest by similarity.

Only pairs that cite the same lines or text, or share rare words, are compared, never each with each: 10,000 findings a side
would be 100 million pairs, and the budget is 5 seconds (docs/matching.md).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from findings_report.comparison.matching.assignment import ACCEPT, LARGEST, POSSIBLE, choose
from findings_report.comparison.matching.similarity import (
    Agreement,
    Family,
    Match,
    Matching,
    MatchReason,
    Overlap,
    Pair,
    Possible,
    Prepared,
    Reused,
    Traits,
    agreement,
    heaviest,
    likeness,
    prepare,
)
from findings_report.model.translation import ENGLISH, Translation

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
    translation: Translation = ENGLISH
    """The words for reasons."""
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
            reason = self.translation.gettext("neither title, description nor cited lines agree")
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
            pairing.name((position, here[finding.id]), MatchReason.ID, pairing.translation.gettext("id"))


def pair_by_alias(pairing: Pairing) -> None:
    """Pair findings by former ids. Of several that lead to one finding the most similar is paired; the others are noted."""
    reasons: dict[Pair, str] = {}
    for pair, name in _list_named(pairing):
        reasons.setdefault(pair, pairing.translation.gettext("former id {name}", name=name))
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


Keys = Callable[[Prepared, Translation], Iterator[tuple[Hashable, str]]]
"""Keys that a finding may be recognised by, each with the reason for a reader."""


def fingerprint_keys(finding: Prepared, translation: Translation) -> Iterator[tuple[Hashable, str]]:
    """Yield each fingerprint of a tool under its key."""
    for key, value in sorted(set(finding.traits.fingerprints)):
        yield (key, value), translation.gettext("fingerprint {name}", name=key)


def code_keys(finding: Prepared, translation: Translation) -> Iterator[tuple[Hashable, str]]:
    """Yield each cited text with each weakness, and with the category.

    The text alone is not enough: two weaknesses of one function cite the same lines.
    """
    kinds = [*sorted(finding.cwe), *([finding.category] if finding.category else [])]
    for text, kind in product(sorted(finding.texts), kinds):
        yield (text, kind), translation.gettext("cited code and {weakness}", weakness=kind)


def title_and_line_keys(finding: Prepared, translation: Translation) -> Iterator[tuple[Hashable, str]]:
    """Yield title and cited lines together."""
    if finding.title and finding.regions:
        # Both together: titles recur, as do lines, but hardly in the same pair.
        key = (tuple(finding.title), frozenset(finding.regions.items()))
        yield key, translation.gettext("title and cited lines")


def pair_by_key(pairing: Pairing, ground: MatchReason, keys: Keys) -> None:
    """Pair findings by a key that exactly one finding of each side has, unless the keys of a finding lead to two others."""
    index: defaultdict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    reasons: dict[Hashable, str] = {}
    for side, findings in enumerate((pairing.baseline, pairing.current)):
        for position, finding in enumerate(findings):
            for key, reason in keys(finding, pairing.translation):
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


CITED_TOO: Final = 0.5
"""How far the lines of a finding without a partner must overlap those of a pair to be reported."""

_MOST_OVERLAPS: Final = 300_000  # pairs of regions with common lines that are looked at, of the files with fewest first
_MOST_BY_WORD: Final = 36  # pairs that share a word; one that more share is no rare word
_MOST_ALIKE: Final = 400
"""Pairs that share title, text or lines; of more, each finding is compared by what else it has."""
_WORDS: Final = 4


def match(baseline: Iterable[Traits], current: Iterable[Traits], *, translation: Translation = ENGLISH) -> Matching:
    """Return the findings of two sides, paired one to one. The order of either side changes nothing.

    Raises ValueError when two findings of one side have the same id.
    """
    # Sorted, so that ties fall the same way whatever order the files were read in.
    sides = [sorted(side, key=lambda traits: traits.id) for side in (baseline, current)]
    for side in sides:
        if twice := [id for id, number in Counter(traits.id for traits in side).items() if number > 1]:
            raise ValueError(f"ids that two findings of one side have: {', '.join(twice)}")
    pairing = Pairing(*prepare(*sides), translation)
    # In the order of reliability: what an earlier criterion paired is settled for the later ones.
    pair_by_id(pairing)
    pair_by_alias(pairing)
    pair_by_key(pairing, MatchReason.FINGERPRINT, fingerprint_keys)
    pair_by_key(pairing, MatchReason.TEXT, code_keys)
    pair_by_key(pairing, MatchReason.LIKENESS, title_and_line_keys)
    return _by_likeness(pairing)


def _by_likeness(pairing: Pairing) -> Matching:
    looked_at, limits = _find_candidates(pairing.baseline, pairing.current, pairing.settled)
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
        pairing.take(pair, MatchReason.LIKENESS, _reason(agreed[pair], pairing.translation), weights[pair])
    possible = tuple(
        Possible(*pairing.ids(pair), _reason(agreed[pair], pairing.translation), weights[pair]) for pair in choice.possible
    )
    _note_overlaps(pairing, agreed)
    oversized = (
        pairing.translation.gettext(
            "{rows} findings of the baseline and {columns} of the current report are similar to each other, more than "
            "{most}: only mutual best matches were paired",
            rows=rows,
            columns=columns,
            most=LARGEST,
        )
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
        if here[title] * there[title] > _MOST_ALIKE:
            yield pairing.translation.gettext(
                "{rows} findings of the baseline and {columns} of the current report without a partner have the title "
                "'{title}', and nothing else to match them by",
                rows=here[title],
                columns=there[title],
                title=title,
            )


def _note_overlaps(pairing: Pairing, agreed: dict[Pair, Agreement]) -> None:
    """Note for each finding without a partner the nearest pair that cites its lines."""
    ranked = sorted(agreed, key=lambda pair: (-(agreed[pair].place or 0.0), -likeness(agreed[pair]), pair))
    for pair in ranked:
        if (agreed[pair].place or 0.0) >= CITED_TOO:
            pairing.note_overlap(pair, _reason(agreed[pair], pairing.translation), is_named=False)


def _reason(agreement: Agreement, translation: Translation) -> str:
    """Return `similarity (title 92 %, description 88 %, location 100 %), same weakness`."""
    _ = translation.gettext
    shares = {_("title"): agreement.title, _("description"): agreement.prose, _("location"): agreement.place}
    parts = translation.join([f"{name} {share * 100:.0f} %" for name, share in shares.items() if share is not None])
    if agreement.weakness:
        return _("similarity ({parts}), same weakness", parts=parts)
    return _("similarity ({parts})", parts=parts)


def _matching(pairing: Pairing, possible: tuple[Possible, ...], limits: tuple[str, ...]) -> Matching:
    def by_ids(overlap: Overlap) -> tuple[str, bool]:
        return overlap.id, overlap.is_baseline

    overlaps = tuple(sorted(pairing.overlaps, key=by_ids))
    return Matching(
        matches=tuple(pairing.matches[row] for row in sorted(pairing.matches)),
        possible=possible,
        reused=tuple(pairing.reused[pair] for pair in sorted(pairing.reused)),
        overlaps=overlaps,
        families=tuple(_find_families(pairing, overlaps, possible)),
        absent=tuple(finding.id for row, finding in enumerate(pairing.baseline) if row not in pairing.matches),
        new=tuple(finding.id for column, finding in enumerate(pairing.current) if column not in pairing.partners),
        limits=limits,
    )


def _find_families(pairing: Pairing, overlaps: Iterable[Overlap], possible: Iterable[Possible]) -> list[Family]:
    """Return the splits and merges, in the order of their ids."""
    others: defaultdict[tuple[str, str, bool, bool], list[str]] = defaultdict(list)
    for overlap in overlaps:
        # By likeness: one that is as similar as a pair, and would be one, had its counterpart not a more similar one.
        if overlap.is_named or overlap.likeness >= ACCEPT:
            others[overlap.baseline, overlap.current, overlap.is_baseline, overlap.is_named].append(overlap.id)
    # A finding that took in a part of another keeps its own partner.
    for row, column in pairing.links:
        split, merge = pairing.matches[row], pairing.matches[pairing.partners[column]]
        others[split.baseline, split.current, False, True].append(pairing.current[column].id)
        others[merge.baseline, merge.current, True, True].append(pairing.baseline[row].id)
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


def _find_candidates(
    baseline: Sequence[Prepared], current: Sequence[Prepared], settled: tuple[Set[int], Set[int]]
) -> tuple[list[Pair], tuple[str, ...]]:
    """Return the pairs to compare, in order, and a sentence for each file with too many findings for all of its pairs.

    `settled` findings of each side have a partner: two of them are no pair to compare.
    """
    pairs = set(_by_key(baseline, current))
    limits: list[str] = []
    # Counted before they are listed, which takes n log n instead of the number of pairs.
    files = {file: _Cites(*sides, *settled) for file, sides in _by_file(baseline, current).items()}
    left = _MOST_OVERLAPS
    # Small files first, so that one file with thousands of findings cannot use up the budget of all.
    for number, file in sorted((cites.count(), file) for file, cites in files.items()):
        left -= number
        if left >= 0:
            pairs.update(files[file].pairs())
        else:
            limits.append(
                f"{number} pairs of findings cite overlapping lines of {file[1]}: only pairs with identical lines, or with "
                "rare words in common, were compared"
            )
    # Sorted: the order of a set depends on the run, and ties must not.
    return sorted(pair for pair in pairs if pair[0] not in settled[0] or pair[1] not in settled[1]), tuple(sorted(limits))


_Cited = tuple[int, int, int]
"""First line, last line, position of the finding."""

_Files = dict[tuple[str, str], tuple[list[_Cited], list[_Cited]]]
"""What each side cites of a file, by repository and path."""


def _by_file(baseline: Sequence[Prepared], current: Sequence[Prepared]) -> _Files:
    files: defaultdict[tuple[str, str], tuple[list[_Cited], list[_Cited]]] = defaultdict(lambda: ([], []))
    for side, findings in enumerate((baseline, current)):
        for position, finding in enumerate(findings):
            for file, regions in finding.regions.items():
                files[file][side].extend((first, last, position) for first, last in regions)
    return {file: sides for file, sides in files.items() if all(sides)}


class _Cites:
    """The lines of one file that both sides cite. A settled finding is compared with unsettled ones only."""

    def __init__(self, here: Sequence[_Cited], there: Sequence[_Cited], settled: Set[int], settled_there: Set[int]) -> None:
        free = [cited for cited in here if cited[2] not in settled]
        taken = [cited for cited in here if cited[2] in settled]
        self._parts = (free, there), (taken, [cited for cited in there if cited[2] not in settled_there])

    def count(self) -> int:
        """Return how many pairs of regions have a common line, without visiting each pair."""
        return sum(_count(here, there) for here, there in self._parts)

    def pairs(self) -> Iterator[Pair]:
        """Yield the findings whose regions have a common line."""
        for here, there in self._parts:
            yield from _overlapping(here, there)


def _count(here: Sequence[_Cited], there: Sequence[_Cited]) -> int:
    firsts, lasts = sorted(first for first, _, _ in there), sorted(last for _, last, _ in there)
    return sum(bisect_right(firsts, last) - bisect_left(lasts, first) for first, last, _ in here)


def _overlapping(here: Sequence[_Cited], there: Sequence[_Cited]) -> Iterator[Pair]:
    """Yield overlapping pairs in one sweep by first line; a region stays open until a later one begins after its end."""
    opened: tuple[list[_Cited], list[_Cited]] = ([], [])
    for first, last, position, side in sorted((*lines, side) for side, cited in enumerate((here, there)) for lines in cited):
        others = opened[1 - side]
        others[:] = [other for other in others if other[1] >= first]
        for _, _, other in others:
            yield (position, other) if side == 0 else (other, position)
        opened[side].append((first, last, position))


def _by_key(baseline: Sequence[Prepared], current: Sequence[Prepared]) -> Iterator[Pair]:
    """Yield pairs that share a key that few others have."""
    index: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for position, finding in enumerate(baseline):
        for key in set(_keys(finding)):
            index[key].append(position)
    shared: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for position, finding in enumerate(current):
        for key in index.keys() & set(_keys(finding)):
            shared[key].append(position)
    for key, there in shared.items():
        here = index[key]
        if len(here) * len(there) <= (_MOST_BY_WORD if key[0] == "word" else _MOST_ALIKE):
            yield from ((one, other) for one in here for other in there)


def _keys(finding: Prepared) -> Iterator[tuple[Hashable, ...]]:
    """Yield the keys of a finding; each begins with its kind."""
    title = tuple(heaviest(finding.title, _WORDS))
    yield from (("text", text) for text in finding.texts)
    yield "title", tuple(finding.title)
    yield from (("word", word) for word in title)
    yield from (("word", "prose", word) for word in heaviest(finding.prose, _WORDS))
    for file, regions in finding.regions.items():
        yield from (("lines", file, region) for region in regions)
        yield from (("word", file, word) for word in title)
