"""HTML to PDF, and what is done with a finished PDF.

In: a page of HTML with its pictures and the file to embed (`PdfPage`), or the bytes of a PDF. Out: the bytes of a PDF
with warnings, or the file that a PDF contains. The folder does not know templates, findings or reports: a page is text,
and embedded data are bytes.

The main program imports neither WeasyPrint nor pikepdf: `page_worker`, `segment_worker`, `join_worker`, and what these
import (`tagging`, `weasyprint_patches`, `archival`), run in confined children. `signing` has a folder of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings_report.pdf.embedded_data import ExtractedFile, Password, extract_file, no_password
    from findings_report.pdf.encryption import encrypt
    from findings_report.pdf.page import PdfPage
    from findings_report.pdf.render import PdfRenderer, open_renderer

# Lazily: the children import this package, too, and need none of it.
_MODULES = {
    "ExtractedFile": "embedded_data",
    "Password": "embedded_data",
    "PdfPage": "page",
    "PdfRenderer": "render",
    "encrypt": "encryption",
    "extract_file": "embedded_data",
    "no_password": "embedded_data",
    "open_renderer": "render",
}

__all__ = [
    "ExtractedFile",
    "Password",
    "PdfPage",
    "PdfRenderer",
    "encrypt",
    "extract_file",
    "no_password",
    "open_renderer",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
