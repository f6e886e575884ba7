"""The tables of a report: findings that need action, files in the scope, classification, risk matrix.

Values only, part of `Report`. The tables refer to findings by id, in the report's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


class TreeRow(Frozen):
    """A line of the tree of covered files: a repository, a folder on the way to a cited file, or a cited file."""

    depth: int
    """0 for a repository, 1 for what lies in it, and so on."""
    label: str
    """Name of the repository, or the part of the path below the line above: `src/app/`, `views.py`."""
    files: int
    """Number of files in the scope, with those in folders below."""
    lines: int | None
    """Number of lines of these files; None if not counted."""
    findings: tuple[str, ...]
    """Ids of the findings that cite the file, or one of a folder that is not opened."""
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
    def tree(self) -> tuple[TreeRow, ...]:
        """The files as a tree in which only folders with cited files are opened; folders have the totals of all below."""
        repositories = dict.fromkeys(row.repository for row in self.rows)
        return tuple(
            line
            for repository in repositories
            for line in _branch(0, repository, "", [row for row in self.rows if row.repository == repository])
        )

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
    """Version of the CWE list: `4.19.1`."""
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


def _branch(depth: int, label: str, prefix: str, rows: Sequence[CoveredRow]) -> Iterator[TreeRow]:
    """Yield the line of the folder `prefix`, or of a single file, and those of what is cited below."""
    counted = [row.lines for row in rows if row.lines is not None]
    own = [row for row in rows if row.path in (prefix, f"{prefix}*")]
    yield TreeRow(
        depth=depth,
        label=label,
        files=sum(row.files for row in rows),
        lines=sum(counted) if counted else None,
        findings=tuple(id for row in own for id in row.findings),
        permalink=own[0].permalink if len(rows) == len(own) == 1 else None,
    )
    for name, below in _children(prefix, rows).items():
        path = prefix + name
        # Folders that only lead to one other folder or file share its line.
        while len(following := _children(path, below)) == 1 and not any(row.path in (path, f"{path}*") for row in below):
            ((further, below),) = following.items()
            name, path = name + further, path + further
        yield from _branch(depth + 1, name, path, below)


def _children(prefix: str, rows: Sequence[CoveredRow]) -> dict[str, list[CoveredRow]]:
    """Return the rows below a folder by the next part of their path; only parts in which something is cited."""
    parts: dict[str, list[CoveredRow]] = {}
    for row in rows:
        rest = row.path.removeprefix(prefix)
        if rest not in ("", "*"):
            name, slash, _ = rest.partition("/")
            parts.setdefault(name + slash, []).append(row)
    return {name: below for name, below in sorted(parts.items()) if any(row.findings for row in below)}
