"""Which findings of two sets are the same. Pure: traits in, pairs out, each with its reason.

The surest ground first: id and former ids, a tool's fingerprint, equal cited code, and for the rest how alike they are. A pair
made on a surer ground is never undone by a weaker one. Nothing here knows git: cited lines come tracked to the current side.
"""

from findings_report.comparison.matching.match import match
from findings_report.comparison.matching.values import Ground, Match, Matching, Overlap, Place, Possible, Reused, Traits

__all__ = ["Ground", "Match", "Matching", "Overlap", "Place", "Possible", "Reused", "Traits", "match"]
