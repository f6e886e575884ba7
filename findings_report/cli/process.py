"""What the program owes the process that it is: streams that exist, a folder it stands in, an orderly end on a signal."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def prepare() -> None:
    """Makes the process fit to run in. Raises FindingsReportError when there is nowhere to write to or to stand in."""
    if sys.stderr is None:  # closed by whoever started us: what is said there goes nowhere
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  # it stays open as long as the process
    if sys.stdout is None:
        sys.stdout = sys.stderr  # why it ends is told in whatever format was asked for
        raise unwritable("it is closed")
    stdout: TextIO = sys.stdout
    if stdout is sys.__stdout__:
        sys.stdout = _checked_output(stdout)
    try:
        os.getcwd()  # noqa: PTH109  # asked for its error, not for the path
    except OSError:
        problem = Problem(Kind.USAGE, "the current folder is gone", "change to one that exists", code="no-folder")
        raise FindingsReportError(problem) from None
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, _end)


def unwritable(why: str) -> FindingsReportError:
    """The error of a standard output that takes nothing."""
    return FindingsReportError(Problem(Kind.OUTPUT, f"standard output cannot be written: {why}", code="cannot-write"))


def settle_output() -> None:
    """Empties standard output. What cannot be written is dropped: Python would try again at exit, and exit with 120."""
    try:
        sys.stdout.flush()
    except (FindingsReportError, OSError, ValueError):
        _discard_output()


def _discard_output() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


class _Output(io.FileIO):
    """The descriptor of standard output, whose errors cannot be mistaken for those of another file."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Writes as a file does. Raises FindingsReportError (OUTPUT) instead of OSError.

        When the reader of a pipe has gone, as with `| head`, the rest is dropped and the exit code stays that of the run.
        """
        try:
            return super().write(content)
        except BrokenPipeError:
            _discard_output()
            return memoryview(content).nbytes
        except OSError as error:
            raise unwritable(error.strerror or str(error)) from None


def _checked_output(stdout: TextIO) -> TextIO:
    """Standard output that raises FindingsReportError, also where a library prints, as for `--help`."""
    raw = _Output(stdout.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stdout.encoding, errors=stdout.errors, line_buffering=stdout.isatty()
    )


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the frame is of no use here
    """Leave by way of every `finally`, so that no folder with a client's code stays behind."""
    sys.exit(128 + number)
