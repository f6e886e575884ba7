"""TODO."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from findings_report.problems import Problem


@dataclass(frozen=True)
class Rendered:
    """What a renderer gives: the bytes of one file, and what the user should know about them."""

    content: bytes
    """The file."""
    problems: tuple[Problem, ...] = ()
    """Warnings; errors are raised."""


@dataclass(frozen=True)
class EmbeddedFile:
    """The file that a PDF carries: what all of its pages were made from."""

    name: str
    """File name, `report.json` or `comparison.json`."""
    content: bytes
    """The file, UTF-8 JSON."""
    day: date | None
    """The document's date; None when it has none."""
