"""The words of a report for values: dates, verdicts, and what happened to cited code."""

from __future__ import annotations

from datetime import date

import pytest

from findings_report.model.drift import Drift, DriftKind
from findings_report.model.evidence import Check, Elsewhere, Region, Verdict
from findings_report.rendering import labels


@pytest.mark.parametrize(
    ("start", "end", "language", "words"),
    [
        (date(2026, 11, 21), date(2026, 11, 22), "en", "21–22 November 2026"),
        (date(2026, 10, 28), date(2026, 11, 3), "en-GB", "28 October – 3 November 2026"),
        (date(2025, 12, 29), date(2026, 1, 9), "en", "29 December 2025 – 9 January 2026"),
        (date(2026, 11, 21), date(2026, 11, 21), "en", "21 November 2026"),
        (date(2026, 11, 21), date(2026, 11, 22), "de", "2026-11-21 – 2026-11-22"),
    ],
)
def test_a_period_does_not_repeat_what_both_days_share(start: date, end: date, language: str, words: str) -> None:
    assert labels.period(start, end, language) == words


@pytest.mark.parametrize(
    ("surviving", "quoted", "words"),
    [
        (0.29, ((2, 2), (3, None)), "modified; 29% of the cited lines and 1 of 2 quoted lines remain"),
        (0.5, ((2, 2),), "modified; 50% of the cited lines remain, including all quoted lines"),
        (0.5, (), "modified; 50% of the cited lines remain"),
        (1.0, ((2, 2),), "lines added; all cited lines remain"),
        (1.0, (), "lines added; all cited lines remain"),
    ],
)
def test_a_modified_region_is_described_by_the_lines_that_remain(
    surviving: float, quoted: tuple[tuple[int, int | None], ...], words: str
) -> None:
    drift = Drift(
        path="a.py", region=Region(start_line=1, end_line=9), kind=DriftKind.MODIFIED, surviving=surviving, quoted=quoted
    )

    assert labels.drift(drift) == words


def region(start: int, end: int) -> Region:
    return Region(start_line=start, end_line=end)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check(verdict=Verdict.EXACT, found=(region(2, 6),)), "quote verified"),
        (Check(verdict=Verdict.PARTIAL, found=(region(2, 2),)), "quote verified (part of the line)"),
        (Check(verdict=Verdict.COMMENTS, found=(region(2, 6),)), "quote verified (comments differ)"),
        (
            Check(verdict=Verdict.EXACT, found=(region(2, 6),), outside=(region(2, 3), region(5, 6))),
            "quote verified; line 4 cited, the rest is context",
        ),
        (
            Check(verdict=Verdict.ELIDED, found=(region(2, 3), region(9, 9)), outside=(region(2, 3), region(9, 9))),
            "quote verified (excerpt); other lines than those cited",
        ),
        (
            Check(verdict=Verdict.MOVED, text=Verdict.EXACT, claimed=(region(7, 8),), found=(region(2, 3),)),
            "quote found at other lines, not at lines 7-8",
        ),
        (
            Check(verdict=Verdict.MOVED, text=Verdict.ELIDED, claimed=(region(7, 7),), found=(region(2, 3),)),
            "quote found at other lines, not at line 7 (excerpt)",
        ),
        (
            Check(verdict=Verdict.MOVED, text=Verdict.EDITED, found=(region(2, 3),)),
            "quote found at other lines (quote differs from the repository)",
        ),
        (Check(verdict=Verdict.NOT_FOUND), "not found as quoted in this file at this commit"),
        (
            Check(verdict=Verdict.NOT_FOUND, closest=region(4, 9)),
            "not found as quoted in this file at this commit; closest at lines 4-9",
        ),
        (
            Check(
                verdict=Verdict.NOT_FOUND,
                closest=region(4, 9),
                elsewhere=(Elsewhere(path="b.py", region=region(1, 1)),),
            ),
            "not found as quoted in this file at this commit; found at b.py#L1",
        ),
    ],
)
def test_a_verdict_says_what_is_known_and_no_more(check: Check, words: str) -> None:
    assert labels.verdict(check) == words
