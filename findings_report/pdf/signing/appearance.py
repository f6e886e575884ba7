"""What is seen of a signature: a page of its own size, for `renderers.pdf.render_stamp`. The same for every template."""

from __future__ import annotations

from html import escape
from typing import Final

LEFT: Final = 26 / 25.4 * 72
"""Points from the left edge of the page at which it stands: where the text of a cover begins."""

TOP: Final = 6 / 25.4 * 72
"""Points from the upper edge: above the heads, which are one line at the foot of their margin, so that nothing is hidden."""

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


def stamp(signer: str, when: str) -> str:
    """The page. `signer` is who signs; what is longer than a line is cut off, and marked so."""
    return _PAGE.format(signer=escape(signer[:_LONGEST]), when=escape(when))


def said(signer: str, when: str) -> str:
    """The same in a sentence, for those who listen."""
    return f"Signed by {signer}, {when}"
