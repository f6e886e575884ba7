"""The author's quote: `check` sets it against the lines of a file and gives the verdict.

Pure. Reading a quote in whatever shape is in `reading`, finding its lines in `place` and `closest`, judging in `verdict`.
"""

from __future__ import annotations

from findings_report.evidence.quote.locate import Listing, listing
from findings_report.evidence.quote.parse import quoted_runs, renumbered, telling_lines
from findings_report.evidence.quote.verdict import check, is_too_long, unchecked

__all__ = ["Listing", "check", "is_too_long", "listing", "quoted_runs", "renumbered", "telling_lines", "unchecked"]
