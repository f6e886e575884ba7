"""Traits of the findings of two sides in, pairs out, each with its reason. Values only.

The most reliable criterion comes first: id and former ids, a tool's fingerprint, identical cited code, then similarity. A pair
is never undone by a weaker criterion. docs/matching.md has the method and its measured error rates. Git, reports and documents
are not known here: cited lines of the baseline come tracked to the current side.
"""

from findings_report.comparison.matching.match import match
from findings_report.comparison.matching.similarity import (
    CitedLines,
    Family,
    Match,
    Matching,
    MatchReason,
    Overlap,
    Possible,
    Reused,
    Traits,
)

__all__ = ["CitedLines", "Family", "Match", "MatchReason", "Matching", "Overlap", "Possible", "Reused", "Traits", "match"]
