"""The tables that people turn to, decided: what remains to be done, what the scope names, how the findings are classified.

Values only, a part of `document`. Findings stand in them by id, in the report's order.
"""

from __future__ import annotations

from typing import Literal

from findings_report.model.engagement import Severity
from findings_report.model.evidence import Frozen
from findings_report.model.field_types import Level


class Weakness(Frozen):
    """A weakness of the CWE list."""

    id: str
    """`CWE-79`."""
    name: str | None
    """What the list, or the engagement, calls it; None when neither knows the id."""
    top_ten: str | None
    """Its chapter of the OWASP Top Ten: `A03:2021 Injection`; None when it has none."""
    is_own: bool = False
    """True when the engagement's `weaknesses` say the name, the chapter or both."""


class MatrixRow(Frozen):
    """What one impact gives."""

    impact: Level
    """How bad it is when it happens."""
    severities: tuple[Severity | None, ...]
    """For each likelihood of the matrix the severity; None where the engagement names none."""


class Matrix(Frozen):
    """Impact and likelihood, and the severity that they give."""

    likelihoods: tuple[Level, ...]
    """The columns, the least likely first."""
    rows: tuple[MatrixRow, ...]
    """By impact, the worst first."""


class Remediation(Frozen):
    """What remains to be done, by whom and until when."""

    findings: tuple[str, ...]
    """Ids of the findings that are neither resolved nor false positives; at least one."""
    columns: tuple[Literal["owner", "due", "tickets"], ...]
    """What at least one of them has, in this order; at least one."""
    answered: int
    """How many findings are left out, being resolved or false positives."""


class CoveredRow(Frozen):
    """A file of the scope, or a folder with those of its files that are in the scope."""

    repository: str
    """Its name in the engagement."""
    path: str
    """`src/app.py`; `src/`, all below it without a row of its own; `src/*`, such files directly in it. Empty, `*`: the root."""
    files: int
    """How many files; 1 for a file."""
    lines: int | None
    """Of the files that have lines; None when none has, or when they were not counted."""
    findings: tuple[str, ...]
    """Ids of the findings that cite it."""
    permalink: str | None
    """Forge URL of a file at the commit; None for folders."""


class Covered(Frozen):
    """The files that the scope names, in those repositories that were at hand."""

    rows: tuple[CoveredRow, ...]
    """By repository, then path; each file is in one row."""
    files: int
    """How many in all."""
    lines: int | None
    """How many lines they have; None when they were not counted."""
    uncounted: int
    """How many of the files have no lines: binary, larger than what can be cited, or not counted."""

    @property
    def is_folded(self) -> bool:
        """True when there are folders among the rows."""
        return len(self.rows) < self.files


class ClassifiedWeakness(Frozen):
    """A weakness and the findings that name it."""

    weakness: Weakness
    """The weakness."""
    findings: tuple[str, ...]
    """Their ids, at least one."""


class Chapter(Frozen):
    """A chapter of the OWASP Top Ten and the findings whose weaknesses it holds."""

    title: str
    """`A03:2021 Injection`."""
    findings: tuple[str, ...]
    """Their ids, at least one."""


class Classification(Frozen):
    """The findings by weakness and by chapter of the OWASP Top Ten."""

    version: str
    """Of the CWE list that the names are from: `4.15`."""
    date: str
    """Of that list, YYYY-MM-DD."""
    top_ten_version: str
    """Of the OWASP Top Ten that the list maps: `2021`."""
    weaknesses: tuple[ClassifiedWeakness, ...]
    """By number, at least one."""
    chapters: tuple[Chapter, ...]
    """By title."""
    unclassified: tuple[str, ...]
    """Ids of the findings that name no weakness."""

    @property
    def has_own(self) -> bool:
        """True when the engagement named one of the weaknesses."""
        return any(row.weakness.is_own for row in self.weaknesses)
