"""The author's quote, checked against the lines of a file.

In: the quote as pasted, the indexed lines of the file, the lines that the location cites. Out: a `Check` with the verdict, the
lines where the quote is, and the differences. The steps are `parse` (all ways to read the quote: `printed` knows what programs
add to code, `marks` what people add), `index` (make file and quote searchable), `locate` (find the place of all of it),
`closest` (else the closest text), `verdict` (look at the gaps and grade). Must not know git, findings or how a verdict is
worded.
"""

from __future__ import annotations

from findings_report.evidence.quote.index import LineIndex, index_lines
from findings_report.evidence.quote.marks import may_name
from findings_report.evidence.quote.parse import find_telling_lines, renumber, split_runs
from findings_report.evidence.quote.verdict import check_quote, is_too_long, leave_unchecked

__all__ = [
    "LineIndex",
    "check_quote",
    "find_telling_lines",
    "index_lines",
    "is_too_long",
    "leave_unchecked",
    "may_name",
    "renumber",
    "split_runs",
]
