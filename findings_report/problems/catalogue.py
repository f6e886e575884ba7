"""The catalogue of problem codes: what each means, a message that carries it, and its remedy.

The entries are data, in catalogue.toml: they are read for `explain` and the documentation only, never on the way of a command.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from findings_report.problems.problem import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean

HEADINGS: Final[Mapping[str, str]] = {
    # In the order in which a run meets them, so that the page of codes reads like a run.
    "files": "Files and YAML",
    "fields": "Fields",
    "prose": "Prose and pictures",
    "repositories": "Repositories and commits",
    "evidence": "Locations and quotes",
    "scope": "Scope",
    "comparison": "Other commits and comparisons",
    "output": "Output and templates",
    "pdf": "PDF",
    "signing": "Signing and encryption",
    "cluster": "Rendering on a cluster",
    "tickets": "Tickets",
    "usage": "Command line and gates",
}
"""The groups of catalogue.toml, in its order, with their headings."""


@dataclass(frozen=True)
class Entry:
    """What is known about one problem code."""

    code: str
    """The stable name, as in `quote-moved`."""
    group: str
    """A key of HEADINGS."""
    meaning: str
    """What is wrong, one sentence or two."""
    example: str
    """A message that carries the code, without its place."""
    remedy: str
    """What to do, in the imperative."""


@cache  # tomllib takes 10 ms for the file
def entries() -> tuple[Entry, ...]:
    """Return all entries, in the order of the catalogue."""
    table = tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text("utf-8"))
    return tuple(Entry(code, group, **texts) for group, codes in table.items() for code, texts in codes.items())


def explain(code: str) -> Entry:
    """Return the entry of a code. Raises FindingsReportError (USAGE) for a code that does not exist."""
    by_code = {entry.code: entry for entry in entries()}
    if code not in by_code:
        remedy = did_you_mean(code, by_code) or "`findings-report explain` lists all codes"
        raise FindingsReportError(Problem(Kind.USAGE, f"there is no problem code {code!r}", remedy, code="explain"))
    return by_code[code]
