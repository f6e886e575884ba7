"""Why a confined child did not answer: the limit that it reached or how it failed, and what to do.

Every error is FindingsReportError of Kind.OUTPUT, with a code that begins with `confine-`. The caller adds what was being done.
"""

from __future__ import annotations

import re
import signal

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox.restrict import Limits

_LONGEST_REASON = 600
# Libraries in C end the process on a failed allocation, each in its own words. Source: messages of GLib, Pango, cairo,
# libstdc++, Python.
_OUT_OF_MEMORY = re.compile(r"MemoryError|out of memory|bad_alloc|(?:cannot|failed to|could not) allocate", re.IGNORECASE)


def cpu_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child that used up its CPU time."""
    remedy = "reduce the input, or find the part that takes so long: a single huge line, table or nesting suffices"
    return _error("confine-cpu", f"the confined process used up its {limits.cpu_seconds} seconds of CPU time", remedy)


def memory_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child that asked for more memory than it may have."""
    remedy = "reduce the input, or find the part that is so large: a single huge picture or table suffices"
    return _error("confine-memory", f"the confined process needed more than its {_size(limits.memory_bytes)} of memory", remedy)


def wall_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child that did not answer in time."""
    remedy = "try again when the machine is less busy, or reduce the input"
    return _error("confine-wall", f"the confined process gave no answer within {limits.wall_seconds:g} seconds", remedy)


def output_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child whose reply is longer than allowed."""
    return _error(
        "confine-output", f"the confined process answered with more than {_size(limits.output_bytes)}", "reduce the input"
    )


def start_failure(error: OSError) -> FindingsReportError:
    """Return the error of a system that refused a new process."""
    return _error(
        "confine-start", f"a confined process cannot be started: {error.strerror}", "free memory or processes and try again"
    )


def preparation_failure(reason: str) -> FindingsReportError:
    """Return the error of a child that could not load its worker module, or that the kernel refused to confine."""
    return _error("confine-unprepared", f"the confined process could not start: {_one_line(reason)}")


def request_failure(reason: str) -> FindingsReportError:
    """Return the error of a request that ended with an exception."""
    return _error("confine-failed", f"the confined process failed: {_one_line(reason)}")


def protocol_violation() -> FindingsReportError:
    """Return the error of a child that sent something else than a frame."""
    return _error("confine-garbage", "the confined process sent an invalid answer")


def crash(status: int, stderr: str, limits: Limits) -> FindingsReportError:
    """Return the error of a child that ended before it answered. `status` is negative for a signal."""
    if status == -signal.SIGXCPU:
        return cpu_limit(limits)
    if _OUT_OF_MEMORY.search(stderr):
        return memory_limit(limits)
    how = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), None)
    return _error("confine-crash", f"the confined process {how}" + (f": {_one_line(last)}" if last else ""))


def _error(code: str, fault: str, remedy: str | None = None) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, code=code))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _one_line(text: str) -> str:
    shown = " ".join(visible(text).split())
    return shown if len(shown) <= _LONGEST_REASON else shown[:_LONGEST_REASON] + "…"


def _size(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB" if count >= 2**20 else f"{count:,} bytes"
