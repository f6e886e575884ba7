"""What a user is told when a confined child did not answer: which limit it met or how it failed, and what to do."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible


@dataclass(frozen=True)
class Limits:
    """What a confined child may use; both sides read it."""

    cpu_seconds: int
    """CPU time for one request."""
    memory_bytes: int
    """Address space of the whole process, what it loads included."""
    file_bytes: int
    """Longest file it may write, where it may write at all."""
    wall_seconds: float
    """Time until a request must be answered; also for getting ready."""
    output_bytes: int
    """Longest answer, all blobs together; a message beside them has 64 KiB of room."""


# SELF


_LONGEST_REASON = 600


_OUT_OF_MEMORY = re.compile(r"MemoryError|out of memory|bad_alloc|(?:cannot|failed to|could not) allocate", re.IGNORECASE)


def cpu(limits: Limits) -> FindingsReportError:
    """It used up its CPU time."""
    remedy = "give it less at once, or find what takes so long: one huge line, table or nesting is enough"
    return _error("cpu", f"the confined process used up its {limits.cpu_seconds} seconds of CPU time", remedy)


def memory(limits: Limits) -> FindingsReportError:
    """It asked for more memory than it may have."""
    remedy = "give it less at once, or find what is so large: one huge picture or table is enough"
    return _error("memory", f"the confined process needed more than its {_size(limits.memory_bytes)} of memory", remedy)


def wall(limits: Limits) -> FindingsReportError:
    """It was silent for too long."""
    remedy = "try again when the machine is less busy, or give it less at once"
    return _error("wall", f"the confined process gave no answer within {limits.wall_seconds:g} seconds", remedy)


def output(limits: Limits) -> FindingsReportError:
    """It announced more than it may answer with."""
    return _error(
        "output", f"the confined process answered with more than {_size(limits.output_bytes)}", "give it less at once"
    )


def start(error: OSError) -> FindingsReportError:
    """The system refused a process."""
    return _error("start", f"a confined process cannot be started: {error.strerror}", "free memory or processes and try again")


def unprepared(reason: str) -> FindingsReportError:
    """It could not load what it needs, or the kernel refused to confine it."""
    return _error("unprepared", f"the confined process could not get ready: {_one_line(reason)}")


def failed(reason: str) -> FindingsReportError:
    """It ended a request with an exception."""
    return _error("failed", f"the confined process failed: {_one_line(reason)}")


def garbage() -> FindingsReportError:
    """It said something that is not of the protocol."""
    return _error("garbage", "the confined process answered with something that is no answer")


def death(status: int, said: str, limits: Limits) -> FindingsReportError:
    """It ended before it answered. `status` is negative for a signal; `said` is what it left on standard error."""
    if status == -signal.SIGXCPU:
        return cpu(limits)
    if _OUT_OF_MEMORY.search(said):
        return memory(limits)
    how = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
    last = next((line for line in reversed(said.splitlines()) if line.strip()), None)
    return _error("crash", f"the confined process {how}" + (f": {_one_line(last)}" if last else ""))


def _error(code: str, fault: str, remedy: str | None = None) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, code=f"confine-{code}"))


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
