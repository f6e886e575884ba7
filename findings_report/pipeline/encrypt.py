"""What `encrypt` does with a PDF that is already made."""

from __future__ import annotations

from pathlib import Path


def encrypt(pdf: Path, password: str, output: Path | None) -> Path:
    """Publishes the PDF, encrypted, at `output`, else in the place of `pdf`; gives where. Raises FindingsReportError."""
    from findings_report.pdf.encryption import encrypt as locked
    from findings_report.report import archive
    from findings_report.system.atomic_files import publish

    shown = str(pdf)
    path = output or pdf
    publish({path: locked(archive.content_of(pdf, shown=shown), password, shown=shown)})
    return path
