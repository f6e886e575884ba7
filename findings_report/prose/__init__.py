"""TODO prose."""

from findings_report.prose.parse import HIDDEN_IN_PROSE, LONGEST, MOST_BRACKETS, faults, parse, parse_inline, references
from findings_report.prose.values import Prose, References, Use

__all__ = [
    "HIDDEN_IN_PROSE",
    "LONGEST",
    "MOST_BRACKETS",
    "Prose",
    "References",
    "Use",
    "faults",
    "parse",
    "parse_inline",
    "references",
]
