"""Common options of the commands, the inputs made of them, passwords, progress, and completion in the shell.

An error while completing gives no proposals: a prompt has no room for it, and the command itself reports it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from findings_report.cli.output import OutputFormat
from findings_report.problems import FindingsReportError, Kind, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.status import Status

    from findings_report.cli.outputs import BuiltFileOutput
    from findings_report.commands import Inputs, Written


_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\Z")
"""Names come from files that others wrote, and a shell inserts them into the command line without quoting."""


def _propose(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    try:
        return [word for word in find() if word.startswith(incomplete) and _HARMLESS.match(word)]
    # A traceback or a message would be printed into the command line that is being typed.
    except (FindingsReportError, OSError):
        return []


def _folder(context: typer.Context) -> Path:
    # `build` takes several folders: proposals come from the first.
    named = context.params.get("folder") or next(iter(context.params.get("folders") or ()), ".")
    return Path(named)


def propose_entries(context: typer.Context, incomplete: str) -> list[str]:
    """Return the library's entries."""
    # Imported here: the program starts at each press of Tab, also for words that need nothing else.
    from findings_report.commands.check import list_library_entries

    shared = context.params.get("library")
    return _propose(lambda: list_library_entries(_folder(context), Path(shared) if shared else None), incomplete)


def propose_problem_codes(incomplete: str) -> list[str]:
    """Return all problem codes."""
    from findings_report.problems.catalogue import entries

    return _propose(lambda: [entry.code for entry in entries()], incomplete)


def propose_pages(incomplete: str) -> list[str]:
    """Propose the pages of the documentation."""
    from findings_report.commands.init import list_pages

    return _propose(list_pages, incomplete)


def propose_formats(incomplete: str) -> list[str]:
    """Return the formats of a report."""
    from findings_report.commands.check import list_formats

    return _propose(list_formats, incomplete)


def propose_severities(context: typer.Context, incomplete: str) -> list[str]:
    """Return the engagement's scale."""
    from findings_report.commands.check import list_severities

    return _propose(lambda: list_severities(_folder(context)), incomplete)


def propose_gates(context: typer.Context, incomplete: str) -> list[str]:
    """Propose severities and the other words of --fail-on."""
    from findings_report.commands.check import GATES

    return [*propose_severities(context, incomplete), *_propose(lambda: GATES, incomplete)]


def propose_audiences(context: typer.Context, incomplete: str) -> list[str]:
    """Return the engagement's audiences."""
    from findings_report.commands.check import list_audiences

    return _propose(lambda: list_audiences(_folder(context)), incomplete)


def propose_findings(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the engagement's findings."""
    from findings_report.commands.check import list_finding_ids

    return _propose(lambda: list_finding_ids(_folder(context)), incomplete)


def propose_repositories(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the engagement's repositories."""
    from findings_report.commands.check import list_repositories

    return _propose(lambda: list_repositories(_folder(context)), incomplete)


def propose_templates(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the tool's templates and of the engagement's own."""
    from findings_report.commands.check import list_templates

    return _propose(lambda: list_templates(_folder(context)), incomplete)


# SELF


Folder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER", help="The engagement's folder, or one inside or above it.", show_default="the current folder"
    ),
]


Clones = Annotated[
    list[str] | None,
    typer.Option(
        "--repository",
        metavar="[NAME=]PATH",
        help="A local clone to read instead of `path`; repeat for more.",
        show_default="`path` in engagement.yaml",
    ),
]


Borrow = Annotated[
    list[Path] | None,
    typer.Option(
        "--borrow",
        metavar="FOLDER",
        help="A folder outside of a clone whose git objects it may borrow; repeat for more.",
        show_default="none",
    ),
]


MessageFormat = Annotated[
    OutputFormat, typer.Option("--output-format", metavar="FORMAT", help="Message format: full, concise, json or github.")
]


AllMessages = Annotated[
    bool, typer.Option("--all", help="Print each problem, not one message for all of a kind; json always has each.")
]


Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file, a folder/, or - for standard output.",
        show_default="build/ beside findings/",
    ),
]


SystemFonts = Annotated[bool, typer.Option("--system-fonts", help="Also use fonts installed on this machine (PDF).")]


Audience = Annotated[
    str | None,
    typer.Option(
        "--audience",
        metavar="WORD",
        autocompletion=propose_audiences,
        help="Leave out what is not for this one of the engagement's `audiences`.",
        show_default="everything",
    ),
]


Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 on any warning.")]


FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="GATES",
        autocompletion=propose_gates,
        help="Exit with 1 on any unresolved finding of this severity or higher; `secret`: on any credential in the report; "
        "`quote`: on any quote that differs or was not checked; `unchecked`: on those not checked. Several with commas.",
        show_default="none",
    ),
]


CodeQuality = Annotated[
    Path | None,
    typer.Option(
        "--code-quality",
        metavar="FILE.json",
        help="Also write the problems to this file, for GitLab's code quality.",
        show_default="none",
    ),
]


def inputs_of(
    folder: Path,
    repository: list[str] | None,
    borrow: list[Path] | None,
    *,
    evidence: bool,
    password_file: Path | None = None,
    audience: str | None = None,
) -> Inputs:
    """Return the inputs of a command, from its options."""
    from findings_report.commands import Inputs

    return Inputs(folder, clones(repository), tuple(borrow or ()), evidence, password_of(password_file), audience)


def clones(repository: list[str] | None) -> dict[str, Path]:
    """Return the paths of --repository by name; a path without a name is under an empty name."""
    return dict(_clone(text) for text in repository or ())


def _clone(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    # A path may contain `=`; a name of a repository never contains `/`.
    if not equals or "/" in name:
        return "", Path(text)
    if not (name and path):
        fault = f"--repository {text!r} is neither NAME=PATH nor PATH"
        raise FindingsReportError(
            Problem(Kind.USAGE, fault, "the names are the keys of `repositories` in engagement.yaml", code="no-repository")
        )
    return name, Path(path)


def source_date() -> date | None:
    """Return the day of SOURCE_DATE_EPOCH; None if it is not set. Raises FindingsReportError (USAGE) if it is not a number.

    Source: reproducible-builds.org, SOURCE_DATE_EPOCH: seconds since 1970 in UTC.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC).date()
    # OverflowError and OSError: seconds beyond the years that the platform's calendar has.
    except (ValueError, OverflowError, OSError):
        raise FindingsReportError(
            Problem(Kind.USAGE, f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds", code="source-date")
        ) from None


class Shown:
    """The last line of a terminal, which shows the current step. Implements Progress."""

    def __init__(self, status: Status | None) -> None:
        """Show nothing if `status` is None."""
        self._status = status

    def __call__(self, doing: str) -> None:
        """Show the current step."""
        if self._status is not None:
            self._status.update(doing)

    def aside(self, ask: Callable[[str], str | None]) -> Callable[[str], str | None]:
        """Return `ask`, which may prompt, so that it pauses the line: otherwise the line would overwrite the prompt."""

        def ask_paused(shown: str) -> str | None:
            if self._status is None:
                return ask(shown)
            self._status.stop()
            try:
                return ask(shown)
            finally:
                self._status.start()

        return ask_paused


@contextmanager
def show_progress() -> Iterator[Shown]:
    """Show the current step on the last line of a terminal; nothing if the output is piped."""
    # In a log, each update of the line would be a line of its own.
    if not sys.stderr.isatty():
        yield Shown(None)
        return
    # Imported only for a terminal: rich is slow to import.
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield Shown(status)


def built_files(files: Sequence[Written]) -> tuple[BuiltFileOutput, ...]:
    """Return the written files for JSON, without standard output."""
    from findings_report.cli.outputs import BuiltFileOutput
    from findings_report.problems.safe_text import display_path

    return tuple(
        BuiltFileOutput(path=display_path(file.path), bytes=len(file.content), seconds=round(file.seconds, 2))
        for file in files
        if file.path is not None
    )


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
    # On Windows they may begin it with a byte order mark.
    text = (
        content_of(file).decode("utf-8-sig", errors="surrogateescape").split("\n")[0].rstrip("\r")
        if file
        else os.environ.get(variable)
    )
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
