"""What a renderer returns, and the file that a PDF contains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from findings_report.problems import Problem


@dataclass(frozen=True)
class Rendered:
    """One rendered file, and what the user should know about it."""

    content: bytes
    """The file."""
    problems: tuple[Problem, ...] = ()
    """Warnings; errors are raised."""


@dataclass(frozen=True)
class EmbeddedFile:
    """The file that a PDF contains: the data that all of its pages were rendered from."""

    name: str
    """File name, `report.json` or `comparison.json`."""
    content: bytes
    """The file, UTF-8 JSON."""
    day: date | None
    """The date of the document; None if it has none."""
