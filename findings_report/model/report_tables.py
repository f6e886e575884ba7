"""The tables of a report: findings that need action, files in the scope, classification, risk matrix.

Values only, part of `Report`. The tables refer to findings by id, in the report's order.
"""

from __future__ import annotations

from typing import Literal

from findings_report.model.engagement import Severity
from findings_report.model.evidence import Frozen
from findings_report.model.field_types import Level


class Weakness(Frozen):
    """A weakness of the CWE list."""

    id: str
    """Id of the weakness: `CWE-79`."""
    name: str | None
    """Name in the engagement or the CWE list; None if neither has the id."""
    top_ten: str | None
    """Category of the OWASP Top Ten: `A03:2021 Injection`; None if there is none."""
    is_own: bool = False
    """True if the engagement's `weaknesses` contain the id."""


class MatrixRow(Frozen):
    """The severities of one impact."""

    impact: Level
    """Impact of an exploit."""
    severities: tuple[Severity | None, ...]
    """Severity for each likelihood of the matrix; None where the engagement gives none."""


class Matrix(Frozen):
    """The risk matrix: severity by impact and likelihood."""

    likelihoods: tuple[Level, ...]
    """Likelihoods of the columns, lowest first."""
    rows: tuple[MatrixRow, ...]
    """Rows by impact, highest first."""


class Remediation(Frozen):
    """The findings that need action, with owner and due date."""

    findings: tuple[str, ...]
    """Ids of the findings that are neither resolved nor false positives, at least one."""
    # Empty columns are omitted: many teams have tickets and no owners, or the other way round.
    columns: tuple[Literal["owner", "due", "tickets"], ...]
    """Columns that at least one of these findings fills, in this order; at least one."""
    answered: int
    """Number of findings that are omitted because they are resolved or false positives."""


class CoveredRow(Frozen):
    """A file of the scope, or a folder with those of its files that are in the scope."""

    repository: str
    """Name of the repository in the engagement."""
    path: str
    """`src/app.py`; `src/`, all below it without a row of its own; `src/*`, such files directly in it. Empty, `*`: the root."""
    files: int
    """Number of files; 1 for a file."""
    lines: int | None
    """Number of lines of the files that have lines; None if there are none, or if not counted."""
    findings: tuple[str, ...]
    """Ids of the findings that cite one of the files."""
    permalink: str | None
    """Forge URL of the file at the commit; None for folders."""


class Covered(Frozen):
    """The files in the scope, of the repositories that were available."""

    rows: tuple[CoveredRow, ...]
    """Rows by repository, then path; each file is in one row."""
    files: int
    """Number of files in the scope."""
    lines: int | None
    """Number of lines of the files; None if not counted."""
    uncounted: int
    """Number of files without a line count: binary, oversized, or not counted."""

    @property
    def is_folded(self) -> bool:
        """True if some rows are folders."""
        return len(self.rows) < self.files


class ClassifiedWeakness(Frozen):
    """A weakness, and the findings with its CWE id."""

    weakness: Weakness
    """Weakness of the CWE list or of the engagement."""
    findings: tuple[str, ...]
    """Ids of the findings, at least one."""


class Chapter(Frozen):
    """A category of the OWASP Top Ten, and the findings with its weaknesses."""

    title: str
    """Title of the category: `A03:2021 Injection`."""
    findings: tuple[str, ...]
    """Ids of the findings, at least one."""


class Classification(Frozen):
    """The findings by weakness and by category of the OWASP Top Ten."""

    version: str
    """Version of the CWE list: `4.15`."""
    date: str
    """Date of the CWE list, YYYY-MM-DD."""
    top_ten_version: str
    """Version of the OWASP Top Ten: `2021`."""
    weaknesses: tuple[ClassifiedWeakness, ...]
    """Weaknesses by number, at least one."""
    chapters: tuple[Chapter, ...]
    """Categories by title."""
    unclassified: tuple[str, ...]
    """Ids of the findings without a CWE id."""

    @property
    def has_own(self) -> bool:
        """True if one of the weaknesses has its name from the engagement."""
        return any(row.weakness.is_own for row in self.weaknesses)
