"""What makes a finished PDF fit to be kept: the data that it was made from, inside it. PDF bytes in, PDF bytes out.

Knows nothing of WeasyPrint, nor of how the pages came about. The same input gives the same bytes.
"""

from __future__ import annotations

import io
from datetime import date
from typing import Final

import pikepdf
from pikepdf import Array, AttachedFileSpec, Name, Pdf

from findings_report.renderers import Carried

# A file inside a PDF/A needs a date of modification (ISO 19005-3, 6.8). Zero says that there is none: the clock must not.
_NO_DAY: Final = date(1970, 1, 1)


def archival(content: bytes, carried: Carried) -> bytes:
    """The PDF with `carried` embedded. Raises pikepdf.PdfError when `content` is no PDF."""
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as pdf:
        _embed(pdf, carried)
        saved = io.BytesIO()
        pdf.save(
            saved,
            deterministic_id=True,  # /ID from the content, not from clock and chance
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            fix_metadata_version=False,
        )
    return saved.getvalue()


def _embed(pdf: Pdf, carried: Carried) -> None:
    """Among the embedded files, which viewers list, and as an associated file of the document.

    The relationship is Source: the file is what the document as a whole was made from. Data is for what one table or chart
    was derived from. Source: ISO 32000-2, 7.11.3, table 43; ISO 19005-3, 6.8.
    """
    when = f"D:{carried.day or _NO_DAY:%Y%m%d}000000Z"
    file = AttachedFileSpec(
        pdf,
        carried.content,
        filename=carried.name,
        description="The data that this document was made from",
        mime_type="application/json",
        creation_date=when,
        mod_date=when,
    )
    file.obj.AFRelationship = Name.Source
    pdf.attachments[carried.name] = file
    pdf.Root.AF = Array([file.obj])
