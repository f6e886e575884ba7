"""Files of other programs and people, read as findings.

In: the text of a prose review in Markdown, and the files of the audited commit. Out: the fields of findings and of the
engagement as plain values, every sentence of the source in one of them. `review` reads the text, `placement` finds its code in
the repository. Must not know how YAML is written, or the terminal.
"""

from findings_report.importing.placement import FITTING, Code, PlacedFinding, place_finding
from findings_report.importing.review import EngagementText, Review, ReviewedFinding, find_lost_words, read_review

__all__ = [
    "FITTING",
    "Code",
    "EngagementText",
    "PlacedFinding",
    "Review",
    "ReviewedFinding",
    "find_lost_words",
    "place_finding",
    "read_review",
]
