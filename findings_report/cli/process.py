"""What the program owes the process that it is: streams that exist, a folder it stands in, an orderly end on a signal."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from findings_report.problems import FindingsReportError, Kind, Problem


def prepare() -> None:
    """Makes the process fit to run in. Raises FindingsReportError when there is nowhere to write to or to stand in."""
    if sys.stderr is None:  # closed by whoever started us: what is said there goes nowhere
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  # it stays open as long as the process
    if sys.stdout is None:
        sys.stdout = sys.stderr  # why it ends is told in whatever format was asked for
        raise unwritable("it is closed")
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


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the frame is of no use here
    """Leave by way of every `finally`, so that no folder with a client's code stays behind."""
    sys.exit(128 + number)
