"""extract: the JSON that a PDF carries becomes a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.pdf.embedded_data import no_password
from findings_report.report.output_files import STDOUT, is_folder

if TYPE_CHECKING:
    from findings_report.pdf.embedded_data import Embedded, Password


@dataclass(frozen=True)
class Extracted:
    """What `extract` found."""

    path: Path | None
    """Where it was published; None for standard output."""
    content: bytes
    """The JSON, byte for byte as it was put into the PDF."""


def extract(pdf: Path, output: str | None, password: Password = no_password) -> Extracted:
    """Publishes what a PDF carries. `output` is -o: a file, which is replaced, a folder, or `-`. `password` is asked when it is
    encrypted.

    Without one it is put beside the PDF under its name, as `report.json` beside `report.pdf`, where nothing may be yet.
    Raises FindingsReportError: INPUT when the file carries nothing that can be read, USAGE when it does not open.
    """
    from findings_report.report import archive
    from findings_report.system.atomic_files import publish, publish_new

    found = archive.extract(archive.content_of(pdf, shown=str(pdf)), shown=str(pdf), password=password)
    if output is None:
        beside = pdf.with_suffix(".json")
        publish_new({beside: found.content})
        return Extracted(beside, found.content)
    path = _place(found, output)
    if path is not None:
        publish({path: found.content})
    return Extracted(path, found.content)


def _place(found: Embedded, output: str) -> Path | None:
    if output == STDOUT:
        return None
    return Path(output) / found.name if is_folder(output) else Path(output)
