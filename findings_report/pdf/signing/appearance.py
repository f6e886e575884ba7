"""The visible part of a signature, the same for every template: HTML for `render_stamp`, and its place on the first page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

LEFT: Final = 26 / 25.4 * 72
"""Points from the left edge of the page: where the text of a cover begins."""

TOP: Final = 6 / 25.4 * 72
"""Points from the upper edge: above the page header, a line at the lower end of its margin, so that nothing is hidden."""

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en"><head><title>Signature</title><style>
@page {{ size: 120mm 8mm; margin: 0 }}
body {{ margin: 0; padding-left: 2mm; border-left: 0.6mm solid #5a6672; height: 8mm; overflow: hidden;
  font: 6.5pt/4mm Inter, "DejaVu Sans"; color: #5a6672; white-space: nowrap }}
p {{ margin: 0; overflow: hidden; text-overflow: ellipsis }}
b {{ font-weight: 600; color: #1c2430 }}
</style></head><body><p>Signed by <b>{signer}</b></p><p>{when}</p></body></html>
"""
_LONGEST: Final = 200


@dataclass(frozen=True)
class Appearance:
    """A page that is put on the first page of a PDF to show a signature."""

    page: bytes
    """A PDF of one page, as large as it appears, with its fonts and without tags."""
    left: float
    """Points from the left edge of the first page."""
    top: float
    """Points from the upper edge of the first page."""
    text: str
    """What it says, for people who listen to the PDF."""


def appearance_html(signer: str, when: str) -> str:
    """Return the page that shows who signed and when. Text longer than a line is truncated with an ellipsis."""
    return _PAGE.format(signer=escape(signer[:_LONGEST]), when=escape(when))


def appearance_text(signer: str, when: str) -> str:
    """Return the same as a sentence, for people who listen to the PDF."""
    return f"Signed by {signer}, {when}"
