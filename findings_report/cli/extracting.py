"""The command that takes a report out of its PDF again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from findings_report.cli.say import out, written


def extract(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="A PDF that `build` made.", show_default=False)],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="PATH", help="A file, a folder/, or - for stdout; default beside the PDF."),
    ] = None,
) -> None:
    """Take the JSON out of a PDF that carries it."""
    from findings_report.pipeline.extract import extract as run
    from findings_report.store import shown_path

    extracted = run(pdf, output)
    if extracted.path is None:
        written(extracted.content)
    else:
        out(f"wrote {shown_path(extracted.path)}")
