"""Names and OWASP categories of weaknesses, from a bundled table of the Common Weakness Enumeration. Pure functions.

Source: CWE List 4.15 (2024-07-16), The MITRE Corporation, https://cwe.mitre.org/; its view 1344 for the OWASP Top Ten 2021.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from findings_report.model.engagement import OwnWeakness
from findings_report.model.report_tables import Weakness

TOP_TEN: Final = "2021"
"""Version of the OWASP Top Ten that the table maps."""


@dataclass(frozen=True)
class Table:
    """The bundled CWE list."""

    version: str
    """Version of the CWE list: `4.15`."""
    date: str
    """Date of the CWE list, YYYY-MM-DD."""
    names: dict[str, str]
    """Name of each weakness by its id, as `CWE-79`."""
    categories: dict[str, str]
    """Name of each category by its id; findings should name weaknesses, not categories."""
    deprecated: frozenset[str]
    """Ids that the list has withdrawn."""
    top_ten: dict[str, str]
    """`A03:2021 Injection` for each id that the OWASP Top Ten 2021 maps, by its id."""
    chapters: dict[str, str]
    """`A03:2021 Injection` by `A03`."""


# JSON in the package, not a download: the program is used offline, and a report must not change with a list on the web.
@cache
def table() -> Table:
    """Return the table; it is read once per process."""
    data = json.loads((resources.files("findings_report.authoring") / "cwe.json").read_text("utf-8"))
    chapters = {key: f"{key}:{TOP_TEN} {name}" for key, name in data["owasp_top_ten_2021"].items()}
    return Table(
        version=data["version"],
        date=data["date"],
        names=_by_id(data["names"]),
        categories=_by_id(data["categories"]),
        deprecated=frozenset(f"CWE-{number}" for number in data["deprecated"]),
        top_ten={f"CWE-{number}": chapters[key] for number, key in data["owasp"].items()},
        chapters=chapters,
    )


def named(id: str, own: Mapping[str, OwnWeakness]) -> Weakness:
    """Return the weakness with its name from the engagement's `weaknesses`, otherwise from the table."""
    known = table()
    name, chapter = known.names.get(id), known.top_ten.get(id)
    if (said := own.get(id)) is None:
        return Weakness(id=id, name=name, top_ten=chapter)
    # A key such as `A03` is completed; any other text, such as a category of another year, is printed unchanged.
    if said.top_ten is not None:
        chapter = known.chapters.get(said.top_ten, said.top_ten)
    return Weakness(id=id, name=said.name, top_ten=chapter, is_own=True)


def _by_id(names: dict[str, str]) -> dict[str, str]:
    return {f"CWE-{number}": name for number, name in names.items()}
