"""What commands share: their common options, what they read, and the word on what is being done."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from findings_report.cli import completion
from findings_report.cli.output import OutputFormat
from findings_report.cli.passwords import password_of
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.status import Status

    from findings_report.rendering.run import Written
    from findings_report.report.check import Inputs

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The engagement's folder, or one inside or above it.", show_default=False)
]
Clones = Annotated[
    list[str] | None,
    typer.Option("--repository", metavar="[NAME=]PATH", help="A local clone to check quotes against; repeat for more."),
]
Borrow = Annotated[
    list[Path] | None,
    typer.Option("--borrow", metavar="FOLDER", help="A folder outside a clone whose git objects it may borrow."),
]
Say = Annotated[
    OutputFormat, typer.Option("--output-format", metavar="FORMAT", help="How it is said: full, concise, json or github.")
]
Output = Annotated[str | None, typer.Option("-o", "--output", metavar="PATH", help="A file, a folder/, or - for stdout.")]
SystemFonts = Annotated[bool, typer.Option("--system-fonts", help="Let the PDF use this machine's fonts as well.")]
Strict = Annotated[bool, typer.Option("--strict", help="Fail (exit code 1) on any warning.")]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        autocompletion=completion.severities,
        help="Fail (exit code 1) on an unresolved finding this bad.",
    ),
]


def inputs_of(
    folder: Path,
    repository: list[str] | None,
    borrow: list[Path] | None,
    *,
    evidence: bool,
    password_file: Path | None = None,
) -> Inputs:
    """What a command reads, from its options."""
    from findings_report.report.check import Inputs

    return Inputs(folder, clones(repository), tuple(borrow or ()), evidence, password_of(password_file))


def clones(repository: list[str] | None) -> dict[str, Path]:
    """--repository as it was given: paths by name, that of the only one under an empty name."""
    return dict(_clone(text) for text in repository or ())


def _clone(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or "/" in name:
        return "", Path(text)
    if not (name and path):
        fault = f"--repository {text!r} is neither NAME=PATH nor PATH"
        raise FindingsReportError(
            Problem(Kind.USAGE, fault, "the names are the keys of `repositories` in engagement.yaml", code="no-repository")
        )
    return name, Path(path)


def source_date() -> date | None:
    """The day of SOURCE_DATE_EPOCH; None when it is not set. Raises FindingsReportError (USAGE) when it is no number.

    Source: reproducible-builds.org, SOURCE_DATE_EPOCH: seconds since 1970 in UTC.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC).date()
    except (ValueError, OverflowError, OSError):
        raise FindingsReportError(
            Problem(Kind.USAGE, f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds", code="source-date")
        ) from None


class Shown:
    """A terminal's last line, which says what is being done; it is Progress."""

    def __init__(self, status: Status | None) -> None:
        """None says nothing."""
        self._status = status

    def __call__(self, doing: str) -> None:
        """Says it."""
        if self._status is not None:
            self._status.update(doing)

    def aside(self, ask: Callable[[str], str | None]) -> Callable[[str], str | None]:
        """`ask`, which may prompt: the line is gone for that long, or it would be written over the prompt."""

        def asked(shown: str) -> str | None:
            if self._status is None:
                return ask(shown)
            self._status.stop()
            try:
                return ask(shown)
            finally:
                self._status.start()

        return asked


@contextmanager
def progress_shown() -> Iterator[Shown]:
    """Says what is being done on a terminal's last line; nothing when the output is piped."""
    if not sys.stderr.isatty():
        yield Shown(None)
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield Shown(status)


def files_json(files: Sequence[Written]) -> list[dict[str, Any]]:
    """What was written, as fields: path, bytes, seconds. Standard output is left out."""
    from findings_report.problems.safe_text import shown_path

    return [
        {"path": shown_path(file.path), "bytes": len(file.content), "seconds": round(file.seconds, 2)}
        for file in files
        if file.path is not None
    ]
