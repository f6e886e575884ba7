"""The process of the program: standard streams, the current folder, an orderly end on a signal."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MOST_NAMED = 5


def prepare() -> None:
    """Prepare the process. Raises FindingsReportError without a standard output or a current folder."""
    if sys.stderr is None:  # closed by the parent process
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  # it stays open as long as the process
    if sys.stdout is None:
        sys.stdout = sys.stderr  # the error is printed there, in the requested format
        raise unwritable("it is closed")
    stdout: TextIO = sys.stdout
    if stdout is sys.__stdout__:  # tests and callers that replaced it keep theirs
        sys.stdout = _checked_output(stdout)
    try:
        os.getcwd()  # noqa: PTH109  # asked for its error, not for the path
    except OSError:
        problem = Problem(Kind.USAGE, "the current folder no longer exists", "change to another folder", code="no-folder")
        raise FindingsReportError(problem) from None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup has SIGHUP ignored, and a shell SIGINT in what it runs in the background. The library of the command line would
        # turn a KeyboardInterrupt into an exit without a word.
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)


def unwritable(why: str) -> FindingsReportError:
    """Return the error of a standard output that cannot be written."""
    return FindingsReportError(Problem(Kind.OUTPUT, f"standard output cannot be written: {why}", code="cannot-write"))


def settle_output() -> None:
    """Flush standard output. Data that cannot be written is dropped: Python would try again at exit, and exit with 120."""
    try:
        sys.stdout.flush()
    except (FindingsReportError, OSError, ValueError):
        _discard_output()


def _discard_output() -> None:
    # Replaced, not closed: Python flushes standard output at exit, and a library may still print.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


class _Output(io.FileIO):
    """The descriptor of standard output; its errors are distinct from those of other files."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Write as a file does. Raises FindingsReportError (OUTPUT) instead of OSError.

        If the reader of a pipe has ended, as with `| head`, the rest is dropped and the exit code stays that of the run.
        """
        try:
            return super().write(content)
        except BrokenPipeError:
            _discard_output()
            return memoryview(content).nbytes
        except OSError as error:
            raise unwritable(error.strerror or str(error)) from None


def _checked_output(stdout: TextIO) -> TextIO:
    """Return a standard output that raises FindingsReportError, also when a library prints, as for `--help`."""
    raw = _Output(stdout.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stdout.encoding, errors=stdout.errors, line_buffering=stdout.isatty()
    )


class SignalReceived(SystemExit):
    """A signal asked the program to end. Raised, so that no temporary folder with a client's code remains."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)  # as shells report a process that a signal ended
        self.how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature is that of a signal handler
    raise SignalReceived(number)


def clean_up_after_killed_runs() -> None:
    """Settle what runs have left that were killed."""
    # Imported here: `--help` and completion need none of it.
    from findings_report.system import cache, journal

    journal.sweep_temporary_folders(cache.root() / "repositories")
    journal.finish_killed_runs()


def done_for_killed_runs() -> list[Problem]:
    """Return the notes about runs that were killed."""
    from findings_report.system.journal import notes

    return notes


def what_was_done() -> str:
    """Return which files this run had published when it was interrupted."""
    from findings_report.system.atomic_files import published

    paths = [display_path(path) for path in dict.fromkeys(published)]
    if not paths:
        return "nothing was written"
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return f"written: {', '.join(paths[:_MOST_NAMED])}{more}"
