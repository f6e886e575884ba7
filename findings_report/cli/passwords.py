"""Where a command has a secret from: a file, the environment or a prompt, never an argument, which others could see."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from findings_report.problems import FindingsReportError, Kind, Place, Problem

PASSWORD: Final = "FINDINGS_REPORT_PASSWORD"  # noqa: S105 - the name of a variable

PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="A file whose first line is the password of an encrypted PDF.",
        show_default="FINDINGS_REPORT_PASSWORD, else a prompt",
    ),
]


def password_of(file: Path | None) -> Callable[[str], str | None]:
    """Whom to ask for the password of an encrypted PDF: `file`, the environment, or who sits at the terminal, in this order.

    Each PDF is asked for by its name; with nobody to ask, or nothing typed, there is none.
    """
    return lambda shown: _given(f"password of {shown}", file, PASSWORD) or None


def secret(what: str, file: Path | None, variable: str, option: str, *, is_new: bool = False) -> str:
    """The first line of `file`, else the environment's `variable`, else what is typed; a new one is typed twice.

    `what` names it, `option` is that of the file. Raises FindingsReportError (USAGE) when it is nowhere, or empty.
    """
    found = _given(what, file, variable, is_new=is_new)
    if not found:
        remedy = f"give it in a file with {option}, or in {variable}"
        raise FindingsReportError(Problem(Kind.USAGE, f"there is no {what}", remedy, code="secret"))
    return found


def _given(what: str, file: Path | None, variable: str, *, is_new: bool = False) -> str | None:
    found = content_of(file).decode(errors="replace").split("\n")[0].rstrip("\r") if file else os.environ.get(variable)
    if found is None and sys.stdin.isatty():
        found = getpass(f"{what}: ")
        if is_new and getpass(f"{what} again: ") != found:
            raise FindingsReportError(Problem(Kind.USAGE, f"the two are not the same {what}", code="secret"))
    # What is no text has no bytes that two programs would agree on.
    if found is not None and any("\ud800" <= character <= "\udfff" for character in found):
        raise FindingsReportError(Problem(Kind.USAGE, f"the {what} is not UTF-8", code="secret"))
    return found


def content_of(path: Path) -> bytes:
    """The bytes of a file that the command line names. Raises FindingsReportError (USAGE) when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(str(path)), code="unreadable")) from None
