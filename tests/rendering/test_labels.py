"""The words of a report for values: dates, verdicts, and what happened to cited code."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path

import pytest

from findings_report.model.drift import Drift, DriftKind
from findings_report.model.evidence import Check, Elsewhere, Region, Verdict
from findings_report.model.translation import ENGLISH, Translation
from findings_report.rendering import labels
from findings_report.rendering.colours import contrast as contrast_of
from findings_report.rendering.colours import ensure_contrast


@pytest.mark.parametrize(
    ("start", "end", "language", "words"),
    [
        (date(2026, 11, 21), date(2026, 11, 22), "en", "21–22 November 2026"),
        (date(2026, 10, 28), date(2026, 11, 3), "en-GB", "28 October – 3 November 2026"),
        (date(2025, 12, 29), date(2026, 1, 9), "en", "29 December 2025 – 9 January 2026"),
        (date(2026, 11, 21), date(2026, 11, 21), "en", "21 November 2026"),
        (date(2026, 11, 21), date(2026, 11, 22), "it", "2026-11-21 – 2026-11-22"),
    ],
)
def test_a_period_does_not_repeat_what_both_days_share(start: date, end: date, language: str, words: str) -> None:
    assert Translation(language).period(start, end) == words


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

    assert labels.drift(drift, ENGLISH) == words


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
    assert labels.verdict(check, ENGLISH) == words


TEMPLATES = Path(__file__).parents[2] / "templates/standard"
GROUNDS = ("paper", "panel", "code", "soft", "mark", "gone", "came")
INKS = ("ink", "quiet", "warn", "k", "f", "d", "s", "n", "c")


def tokens(*names: str) -> dict[str, str]:
    """The colours of style sheets by the names of their variables, the last of each name."""
    text = "".join((TEMPLATES / name).read_text().split("@media")[0] for name in names)
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))


@pytest.mark.parametrize("sheets", [("diff.css", "base.css"), ("dark.css",)])
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_kind_of_text_can_be_read_on_every_ground(sheets: tuple[str, ...], ground: str) -> None:
    colours = tokens(*sheets)

    contrasts = {ink: contrast_of(colours[ink], colours[ground]) for ink in INKS}

    assert {ink: contrast for ink, contrast in contrasts.items() if contrast < 4.5} == {}


@pytest.mark.parametrize("accent", ["#1f4e79", "#7a1f3d", "#006644", "#0000ff", "#4b2e83"])
def test_an_accent_made_readable_on_a_dark_screen_is_not_taken_for_quiet_text(accent: str) -> None:
    quiet = tokens("dark.css")["quiet"]

    shown = ensure_contrast(accent, "#232a32", 6)

    assert contrast_of(shown, "#232a32") >= 6
    assert difference(shown, quiet) >= 20


def difference(first: str, second: str) -> float:
    """The distance of two colours, Delta E of CIE 1976."""
    return math.dist(cielab(first), cielab(second))


def cielab(colour: str) -> tuple[float, float, float]:
    """Source: CIE 15, for sRGB and its white point D65."""
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116 for share in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
