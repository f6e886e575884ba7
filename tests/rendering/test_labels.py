"""The words of a report for values: dates, and what happened to cited code."""

from __future__ import annotations

from datetime import date

import pytest

from findings_report.model.drift import Drift, DriftKind
from findings_report.model.evidence import Region
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
