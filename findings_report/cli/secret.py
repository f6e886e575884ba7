"""Where a command has a secret from: a file, the environment or a prompt, never an argument, which others could see."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from findings_report.errors import FindingsReportError, Kind, Place, Problem


def secret(what: str, file: Path | None, variable: str, option: str, *, is_new: bool = False) -> str:
    """The first line of `file`, else the environment's `variable`, else what is typed; a new one is typed twice.

    `what` names it, `option` is that of the file. Raises FindingsReportError (USAGE) when it is nowhere, or empty.
    """
    found = content_of(file).decode(errors="replace").split("\n")[0].rstrip("\r") if file else os.environ.get(variable)
    if found is None and sys.stdin.isatty():
        found = getpass(f"{what}: ")
        if is_new and getpass(f"{what} again: ") != found:
            raise FindingsReportError(Problem(Kind.USAGE, f"the two are not the same {what}", code="secret"))
    if not found:
        remedy = f"give it in a file with {option}, or in {variable}"
        raise FindingsReportError(Problem(Kind.USAGE, f"there is no {what}", remedy, code="secret"))
    return found


def content_of(path: Path) -> bytes:
    """The bytes of a file that the command line names. Raises FindingsReportError (USAGE) when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(str(path)), code="unreadable")) from None
