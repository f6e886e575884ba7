"""Which findings of two reports are the same: reports to what findings are recognised by, and the answer to a pairing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from findings_report.comparison.compare import Pairing
from findings_report.comparison.matching import Matching, Place, Traits, match
from findings_report.model.comparison import TrackedRegion
from findings_report.model.report import Report, ReportedFinding


def paired(
    baseline: Report, current: Report, followed: Mapping[str, Sequence[TrackedRegion]]
) -> tuple[Pairing, tuple[str, ...]]:
    """The pairing, and what was too much to compare, in sentences.

    `followed` is the evidence of the baseline at the current commit.
    """
    found = match(
        [_traits(finding, _followed(finding, followed.get(finding.id, ()))) for finding in baseline.findings],
        [_traits(finding, _cited(finding)) for finding in current.findings],
    )
    pairs = {each.current: (each.baseline, f"{each.reason[:1].upper()}{each.reason[1:]}.") for each in found.matches}
    return Pairing(pairs, _possible(found), _remarks(found)), found.limits


def _traits(finding: ReportedFinding, places: tuple[Place, ...]) -> Traits:
    return Traits(
        id=finding.id,
        title=finding.title,
        prose=finding.description,
        aliases=finding.aliases,
        cwe=tuple(weakness.id for weakness in finding.cwe),
        category=finding.category,
        places=places,
        texts=tuple(text for snippet in finding.snippets for text in snippet.fingerprints),
        symbols=tuple(dict.fromkeys(snippet.symbol for snippet in finding.snippets if snippet.symbol)),
    )


def _cited(finding: ReportedFinding) -> tuple[Place, ...]:
    return tuple(
        Place(snippet.repository, snippet.path, region)
        for snippet in finding.snippets
        for region in (snippet.regions or (None,))
    )


def _followed(finding: ReportedFinding, evidence: Sequence[TrackedRegion]) -> tuple[Place, ...]:
    whole = {snippet.index for snippet in finding.snippets if not snippet.regions}
    return tuple(
        Place(region.repository, region.drift.now.path, None if region.location in whole else region.drift.now.region)
        for region in evidence
        if region.drift.now is not None
    )


def _possible(found: Matching) -> dict[str, tuple[str, ...]]:
    possible: dict[str, tuple[str, ...]] = {}
    for each in found.possible:
        possible[each.current] = (*possible.get(each.current, ()), each.baseline)
        possible[each.baseline] = (*possible.get(each.baseline, ()), each.current)
    return possible


def _remarks(found: Matching) -> dict[str, str]:
    """Why a finding has no counterpart, where there is more to say."""
    remarks: dict[str, str] = {}
    for overlap in found.overlaps:
        pair = overlap.current if overlap.baseline == overlap.current else f"{overlap.baseline}, now {overlap.current}"
        remarks[overlap.id] = f"No counterpart; {pair} cites the same code: {overlap.reason}."
    for reused in found.reused:
        for id in (reused.baseline, reused.current):
            remarks[id] = f"The id {id} stands for something else on the other side: {reused.reason}."
    return remarks
