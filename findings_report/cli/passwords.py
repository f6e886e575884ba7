"""Secrets of a command: from a file, the environment or a prompt, never an argument, which other users could see."""

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
    """Return a function that finds the password of an encrypted PDF: in `file`, the environment or a prompt, in this order.

    The prompt names the PDF. Without a terminal, or with an empty input, there is no password.
    """
    return lambda shown: _read_secret(f"password of {shown}", file, PASSWORD) or None


def secret(what: str, file: Path | None, variable: str, option: str, *, is_new: bool = False) -> str:
    """Return the first line of `file`, else the variable of the environment, else the typed text; a new secret is typed twice.

    `what` names the secret, `option` is the option of the file. Raises FindingsReportError (USAGE) if it is missing or empty.
    """
    text = _read_secret(what, file, variable, is_new=is_new)
    if not text:
        remedy = f"give it in a file with {option}, or in {variable}"
        raise FindingsReportError(Problem(Kind.USAGE, f"there is no {what}", remedy, code="secret"))
    return text


def _read_secret(what: str, file: Path | None, variable: str, *, is_new: bool = False) -> str | None:
    # Editors end the file with a line feed, on Windows with \r\n: neither belongs to a password.
    text = content_of(file).decode(errors="replace").split("\n")[0].rstrip("\r") if file else os.environ.get(variable)
    if text is None and sys.stdin.isatty():  # in CI there is nobody to answer
        text = getpass(f"{what}: ")
        # A typing error in a new password would lock the PDF for ever.
        if is_new and getpass(f"{what} again: ") != text:
            raise FindingsReportError(Problem(Kind.USAGE, f"the two inputs of the {what} differ", code="secret"))
    # Programs differ in how they turn surrogates into bytes.
    if text is not None and any("\ud800" <= character <= "\udfff" for character in text):
        raise FindingsReportError(Problem(Kind.USAGE, f"the {what} is not UTF-8", code="secret"))
    return text


def content_of(path: Path) -> bytes:
    """Return the bytes of a file named on the command line. Raises FindingsReportError (USAGE) if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(str(path)), code="unreadable")) from None
