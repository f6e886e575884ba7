"""Files of other programs and people, read as findings.

In: the bytes of a file, and the files of the audited commit. Out: the fields of findings and of the engagement as plain
values. `importers` has the table of importers and the values that all of them return; `citations` is about
any Markdown document. Must not know how YAML is written, or the terminal.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from findings_report.importing.importers import (
    IMPORTERS,
    AuditedRepository,
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    ImportedText,
    Importer,
    ImportOptions,
)

if TYPE_CHECKING:
    from findings_report.importing.citations import FITTING
    from findings_report.importing.placement import Code, PlacedFinding, place_finding
    from findings_report.importing.review import EngagementText, Review, ReviewedFinding, find_lost_words, read_review
    from findings_report.importing.summary_tables import SummaryRow

__all__ = [
    "FITTING",
    "IMPORTERS",
    "AuditedRepository",
    "Code",
    "EngagementText",
    "ForeignFile",
    "ImportContext",
    "ImportOptions",
    "ImportedFile",
    "ImportedFinding",
    "ImportedText",
    "Importer",
    "PlacedFinding",
    "Review",
    "ReviewedFinding",
    "SummaryRow",
    "find_lost_words",
    "place_finding",
    "read_review",
]

_MODULES: Final = {
    "FITTING": "citations",
    "Code": "placement",
    "PlacedFinding": "placement",
    "place_finding": "placement",
    "EngagementText": "review",
    "Review": "review",
    "ReviewedFinding": "review",
    "find_lost_words": "review",
    "read_review": "review",
    "SummaryRow": "summary_tables",
}


def __getattr__(name: str) -> object:
    """Return a public name from its module, which is imported on first use: `--help` needs the table alone."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
