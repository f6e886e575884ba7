"""Rating and classification of findings: severity from CVSS vectors and the risk matrix, and the names of weaknesses.

Pure functions; scores and names are always computed, never authored. Source of the names and OWASP categories: `cwe.json`,
which tools/weakness_table.py makes of the CWE list of MITRE, with its view 1344 for the Top Ten 2021, and OWASP's pages of
2025.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from findings_report.model.engagement import Engagement, OwnWeakness
from findings_report.model.field_types import Level
from findings_report.model.finding import Finding, Rating
from findings_report.model.report import Score
from findings_report.model.report_tables import Weakness

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


@dataclass(frozen=True)
class WeaknessTable:
    """The bundled CWE list."""

    version: str
    """Version of the CWE list: `4.19.1`."""
    date: str
    """Date of the CWE list, YYYY-MM-DD."""
    names: dict[str, str]
    """Name of each weakness by its id, as `CWE-79`."""
    categories: dict[str, str]
    """Name of each category by its id; findings should name weaknesses, not categories."""
    deprecated: frozenset[str]
    """Ids that the list has withdrawn."""
    top_ten: dict[int, dict[str, str]]
    """By year of the OWASP Top Ten, the category of each id that it maps: `A03:2021 Injection`."""
    chapters: dict[int, dict[str, str]]
    """By year, `A03:2021 Injection` by `A03`."""


# JSON in the package, not a download: the program is used offline, and a report must not change with a list on the web.
@cache
def weakness_table() -> WeaknessTable:
    """Return the table; it is read once per process."""
    data = json.loads((resources.files("findings_report.authoring") / "cwe.json").read_text("utf-8"))
    owasp = {int(year): mapping for year, mapping in data["owasp"].items()}
    chapters = {
        year: {key: f"{key}:{year} {name}" for key, name in mapping["categories"].items()} for year, mapping in owasp.items()
    }
    return WeaknessTable(
        version=data["version"],
        date=data["date"],
        names=_by_id(data["names"]),
        categories=_by_id(data["categories"]),
        deprecated=frozenset(f"CWE-{number}" for number in data["deprecated"]),
        top_ten={
            year: {f"CWE-{number}": chapters[year][key] for number, key in mapping["weaknesses"].items()}
            for year, mapping in owasp.items()
        },
        chapters=chapters,
    )


def name_weakness(id: str, own: Mapping[str, OwnWeakness], year: int) -> Weakness:
    """Return the weakness with its name from the engagement's `weaknesses`, otherwise from the table.

    `year` is that of the OWASP Top Ten.
    """
    known = weakness_table()
    name, chapter = known.names.get(id), known.top_ten[year].get(id)
    if (said := own.get(id)) is None:
        return Weakness(id=id, name=name, top_ten=chapter)
    # A key such as `A03` is completed; any other text, such as a category of another year, is printed unchanged.
    if said.top_ten is not None:
        chapter = known.chapters[year].get(said.top_ten, said.top_ten)
    return Weakness(id=id, name=said.name, top_ten=chapter, is_own=True)


def _by_id(names: dict[str, str]) -> dict[str, str]:
    return {f"CWE-{number}": name for number, name in names.items()}
