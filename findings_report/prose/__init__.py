"""Authored Markdown in, tokens under the policy out, with what the text refers to and what of it cannot be printed as meant.

Nothing is dropped: what is not allowed stays readable as text and is reported. HTML, Jinja and findings are not known here;
renderers turn the tokens into their format.
"""

from findings_report.prose.parse import LONGEST, MOST_BRACKETS, faults, list_tables, parse, parse_inline, references
from findings_report.prose.policy import Prose, References, Use, drop_references, plain_text

__all__ = [
    "LONGEST",
    "MOST_BRACKETS",
    "Prose",
    "References",
    "Use",
    "drop_references",
    "faults",
    "list_tables",
    "parse",
    "parse_inline",
    "plain_text",
    "references",
]
