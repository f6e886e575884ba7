"""The command that takes a report out of its PDF again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from findings_report.cli.say import out, written
from findings_report.cli.secret import PasswordFile, password_of


def extract(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="A PDF that `build` made.", show_default=False)],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="PATH", help="A file, a folder/, or - for stdout; default beside the PDF."),
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """Take the JSON out of a PDF that carries it.

    The password of an encrypted one comes from --password-file, the variable FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.commands.pdf import extract as run
    from findings_report.problems.safe_text import shown_path

    extracted = run(pdf, output, password_of(password_file))
    if extracted.path is None:
        written(extracted.content)
    else:
        out(f"wrote {shown_path(extracted.path)}")
