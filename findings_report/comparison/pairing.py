"""The findings of two reports, paired: reports to traits, and the matching of traits to pairs with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from findings_report.comparison.compare import FindingPairs
from findings_report.comparison.matching import CitedLines, Matching, Traits, match
from findings_report.model.comparison import TrackedRegion
from findings_report.model.report import Report, ReportedFinding


def pair_findings(
    baseline: Report, current: Report, followed: Mapping[str, Sequence[TrackedRegion]]
) -> tuple[FindingPairs, tuple[str, ...]]:
    """Return the pairs, and a sentence for each group that was too large to compare.

    `followed` is the evidence of the baseline at the current commit.
    """
    matching = match(
        [_traits(finding, _followed(finding, followed.get(finding.id, ()))) for finding in baseline.findings],
        [_traits(finding, _cited(finding)) for finding in current.findings],
    )
    pairs = {each.current: (each.baseline, each.reason) for each in matching.matches}
    return FindingPairs(pairs, _possible(matching), _remarks(matching)), matching.limits


def _traits(finding: ReportedFinding, places: tuple[CitedLines, ...]) -> Traits:
    return Traits(
        id=finding.id,
        title=finding.title,
        # The description only: it is the strongest trait (docs/matching.md), and fixes rewrite the other texts.
        prose=finding.description,
        aliases=finding.aliases,
        cwe=tuple(weakness.id for weakness in finding.cwe),
        category=finding.category,
        places=places,
        texts=tuple(text for snippet in finding.snippets for text in snippet.fingerprints),
        symbols=tuple(dict.fromkeys(snippet.symbol for snippet in finding.snippets if snippet.symbol)),
    )


def _cited(finding: ReportedFinding) -> tuple[CitedLines, ...]:
    return tuple(
        CitedLines(snippet.repository, snippet.path, region)
        for snippet in finding.snippets
        for region in (snippet.regions or (None,))
    )


def _followed(finding: ReportedFinding, evidence: Sequence[TrackedRegion]) -> tuple[CitedLines, ...]:
    # A location without lines cites the whole file, so its tracked lines are not compared with others.
    whole = {snippet.index for snippet in finding.snippets if not snippet.regions}
    return tuple(
        CitedLines(region.repository, region.drift.now.path, None if region.location in whole else region.drift.now.region)
        for region in evidence
        if region.drift.now is not None
    )


def _possible(matching: Matching) -> dict[str, tuple[str, ...]]:
    possible: dict[str, tuple[str, ...]] = {}
    for each in matching.possible:
        possible[each.current] = (*possible.get(each.current, ()), each.baseline)
        possible[each.baseline] = (*possible.get(each.baseline, ()), each.current)
    return possible


def _remarks(matching: Matching) -> dict[str, str]:
    """Return why a finding has no counterpart, where there is more to say than that."""
    remarks: dict[str, str] = {}
    for overlap in matching.overlaps:
        pair = overlap.current if overlap.baseline == overlap.current else f"{overlap.baseline}, now {overlap.current}"
        remarks[overlap.id] = f"No counterpart; {pair} cites the same code ({overlap.reason})."
    for reused in matching.reused:
        for id in (reused.baseline, reused.current):
            remarks[id] = f"The id {id} belongs to a different finding on the other side: {reused.reason}."
    return remarks
