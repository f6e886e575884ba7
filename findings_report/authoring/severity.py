"""Severity from CVSS vectors and the risk matrix. Pure functions; scores are always computed, never authored."""

from __future__ import annotations

from typing import Literal

from findings_report.model.engagement import Engagement
from findings_report.model.field_types import Level
from findings_report.model.finding import Finding, Rating
from findings_report.model.report import Score

BANDS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "informational"))
"""Lowest score of each severity word. Source: CVSS v3.1 section 5, v4.0 section 6 (None is shown as informational)."""


def score(vector: str) -> Score:
    """Return the score of a CVSS 3.1 or 4.0 vector. Raises ValueError, with the reason, for anything else."""
    from cvss import CVSS3, CVSS4  # lazy: most engagements have none
    from cvss.exceptions import CVSSError

    version = vector.removeprefix("CVSS:")[:4].rstrip("/")
    if not vector.startswith(("CVSS:3.1/", "CVSS:4.0/")):
        raise ValueError("a vector starts with CVSS:3.1/ or CVSS:4.0/")
    try:
        if version == "4.0":
            four = CVSS4(vector)
            # The library's `base_score` of 4.0 includes threat and environmental metrics: 4.0 has one score per vector.
            return Score(vector=four.clean_vector(), version=version, score=float(four.base_score), severity=four.severity)
        three = CVSS3(vector)
    except CVSSError as error:
        raise ValueError(str(error)) from None
    # CVSS 3.1, section 7: each group of metrics refines the score of the one before, so the last that is given is the score.
    values, words = three.scores(), three.severities()
    # base, temporal, environmental: the last that the vector has metrics for
    last = max((i for i, has in enumerate((True, _has(vector, _TEMPORAL), _has(vector, _ENVIRONMENTAL))) if has))
    return Score(vector=three.clean_vector(), version=version, score=float(values[last]), severity=words[last])


_TEMPORAL = ("E", "RL", "RC")
_ENVIRONMENTAL = ("CR", "IR", "AR", "MAV", "MAC", "MPR", "MUI", "MS", "MC", "MI", "MA")


def _has(vector: str, metrics: tuple[str, ...]) -> bool:
    given = dict(part.split(":", 1) for part in vector.split("/")[1:] if ":" in part)
    return any(given.get(metric, "X") != "X" for metric in metrics)


def of_score(value: float) -> str:
    """Return the severity of a score, 0.0 to 10.0, in the default scale."""
    return next(word for lowest, word in BANDS if value >= lowest)


def of_rating(engagement: Engagement, rating: Rating) -> str | None:
    """Return the severity of impact and likelihood; None if the engagement's matrix has no such cell."""
    return engagement.matrix.get(Level(rating.impact), {}).get(Level(rating.likelihood))


def computed(engagement: Engagement, finding: Finding) -> dict[str, str]:
    """Return the severities computed from the finding's fields, `rating` before `cvss`, without invalid vectors."""
    words: dict[str, str] = {}
    if finding.rating is not None and (word := of_rating(engagement, finding.rating)) is not None:
        words["rating"] = word
    # `cross_checks` reports invalid vectors; here they only must not hide the severity from the valid ones.
    scores: list[float] = []
    for vector in finding.cvss:
        try:
            scores.append(score(vector).score)
        except ValueError:
            continue
    if scores:
        words["cvss"] = of_score(max(scores))
    return words


def severity(engagement: Engagement, finding: Finding) -> tuple[str, Literal["severity", "rating", "cvss"]]:
    """Return the finding's severity and its source: the authored one, otherwise from the matrix, otherwise from CVSS."""
    if finding.severity is not None:
        return finding.severity, "severity"
    given = computed(engagement, finding)
    return (given["rating"], "rating") if "rating" in given else (given["cvss"], "cvss")
