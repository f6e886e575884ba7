"""The parent of a confined child: start it, send requests, receive replies, kill it.

The parent survives everything that a child does: a crash, a limit, silence, garbage. `__main__` is the child,
`restrict` the rights that it gives up, `frames` the format of the messages. An error says which limit the child reached or how
it failed, and what to do: FindingsReportError of Kind.OUTPUT, with a code that begins with `confine-`; the caller adds what was
being done.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import site
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import frames
from findings_report.sandbox.restrict import Limits

_READ_SIZE = 1 << 20
_LAST_ERROR_BYTES = 4096
_MOST_ERROR_BYTES = 1 << 20
"""Bytes of standard error that are read; a library that complains of each of 260,000 characters writes gigabytes."""
_MESSAGE_BYTES = 1 << 16
_SECONDS_TO_DIE = 5.0
_LONGEST_REASON = 600
# Libraries in C end the process on a failed allocation, each in its own words. Source: messages of GLib, Pango, cairo,
# libstdc++, Python.
_OUT_OF_MEMORY = re.compile(r"MemoryError|out of memory|bad_alloc|(?:cannot|failed to|could not) allocate", re.IGNORECASE)


@dataclass(frozen=True)
class ChildReply:
    """The reply of a child to one request. All of it is as untrusted as what went in."""

    response: dict[str, object]
    """JSON in the form that the worker module defines."""
    blobs: dict[str, bytes]
    """Bytes by name."""
    confinement: str
    """What was in force, in words: the means that the kernel has, and those that it does not have."""


@dataclass
class ErrorTail:
    """What a child wrote to standard error: the end of it, and how much."""

    last: bytearray = field(default_factory=bytearray)
    """The last of what was read, at most 4 KiB."""
    total: int = 0
    """Bytes that were read."""

    def keep(self, chunk: bytes) -> bool:
        """Add what was read; return False when no more should be read."""
        self.total += len(chunk)
        self.last.extend(chunk)
        del self.last[:-_LAST_ERROR_BYTES]
        return self.total < _MOST_ERROR_BYTES


@dataclass(frozen=True)
class Child:
    """A running child that takes one request at a time."""

    process: subprocess.Popen[bytes]
    """Leader of a process group of its own."""
    limits: Limits
    """Limits of each request."""
    confinement: str = ""
    """As in `ChildReply`; empty until the child is confined."""
    errors: ErrorTail = field(default_factory=ErrorTail)
    """What it wrote to standard error. After the first MiB the pipe is closed, which libraries in C do not notice."""
    ending: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is killed and reaped: its process id may belong to another process afterwards."""


def run(
    module: str,
    request: Mapping[str, object],
    blobs: Mapping[str, bytes],
    *,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
) -> ChildReply:
    """Start a child, send one request, and return its reply. `module` is the full name of a worker module.

    Raises FindingsReportError (OUTPUT), with a code for each limit (`confine-cpu`, `-memory`, `-wall`, `-output`) and
    failure (`-start`, `-unprepared`, `-failed`, `-crash`, `-garbage`).
    """
    with start_child(module, limits=limits, environment=environment or {}) as child:
        return ask(child, request, blobs)


@contextlib.contextmanager
def start_child(module: str, *, limits: Limits, environment: Mapping[str, str]) -> Iterator[Child]:
    """Start a confined child that has loaded `module`. Its process group is killed at the end of the block.

    The kernel kills it, too, when the thread that started it ends. Raises FindingsReportError as `run`.
    """
    command = [sys.executable, "-P", "-m", "findings_report.sandbox", module, json.dumps(asdict(limits))]
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            cwd="/",
            env=_environment(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise _start_failure(error) from error
    child = Child(process, limits)
    try:
        message = _exchange(child, b"").message
        if "confinement" not in message:
            raise _preparation_failure(str(message.get("unprepared")))
        yield replace(child, confinement=str(message["confinement"]))
    finally:
        kill(child)
        for stream in _pipes(process):
            stream.close()


def ask(child: Child, request: Mapping[str, object], blobs: Mapping[str, bytes]) -> ChildReply:
    """Send one request and return the reply. Raises FindingsReportError as `run`; the child cannot be used after that."""
    frame = _exchange(child, frames.pack(request, blobs))
    if frame.message.get("exhausted") == "memory":
        raise _memory_limit(child.limits)
    if "failed" in frame.message:
        raise _request_failure(str(frame.message["failed"]))
    response = frame.message.get("response")
    if not isinstance(response, dict):
        raise _protocol_violation()
    return ChildReply(response, frame.blobs, child.confinement)


def kill(child: Child) -> None:
    """Kill the child's whole process group at once: it has nothing that would be worth saving. May be called from any thread.

    A thread that waits for the reply gets an error. The pipes stay open for that thread: a descriptor that is closed
    leaves its epoll without an event, and the thread would sleep until the request's time limit.
    """
    with child.ending:
        if child.process.returncode is None:
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def _environment(additions: Mapping[str, str]) -> dict[str, str]:
    """Return the child's environment: the user's path of shared libraries and nothing else of the user's.

    Language, time zone and hashing are the same on every machine, so that the bytes are.
    """
    environment = {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "TZ": "UTC", **additions}
    if libraries := os.environ.get("LD_LIBRARY_PATH"):
        environment.setdefault("LD_LIBRARY_PATH", libraries)
    source = str(Path(__file__).resolve().parents[2])
    if source not in site.getsitepackages():
        # In a checkout the package is found through the working folder, which the child does not have, because of -P.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (source, additions.get("PYTHONPATH"))))
    return environment


def _exchange(child: Child, outgoing: bytes) -> frames.Frame:
    """Send bytes and receive one frame at the same time: a full pipe in each direction would block both sides forever."""
    stdin, stdout, stderr = _pipes(child.process)
    deadline = time.monotonic() + child.limits.wall_seconds
    unsent, received = memoryview(outgoing), bytearray()
    os.set_blocking(stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        for pipe in filter(_is_open, (stdout, stderr)):
            selector.register(pipe, selectors.EVENT_READ)
        if unsent:
            selector.register(stdin, selectors.EVENT_WRITE)
        while not _is_complete(received, child.limits):
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise _wall_limit(child.limits)
            for key, _ in ready:
                if key.fileobj is stdin:
                    unsent = unsent[_write(key.fd, unsent) :]
                    if not unsent:
                        selector.unregister(stdin)
                elif key.fileobj is stdout:
                    received += _read_answer(child)
                else:
                    _keep_errors(child, selector)
    try:
        return frames.unpack(received)
    except ValueError:
        raise _protocol_violation() from None


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Return standard input, output and error of a child that `start_child` started."""
    assert process.stdin  # noqa: S101  # Popen was given PIPE three times, which its type does not state
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    return process.stdin, process.stdout, process.stderr


def _is_complete(received: bytearray, limits: Limits) -> bool:
    try:
        expected = frames.length(received, limits.output_bytes + _MESSAGE_BYTES)
    except frames.TooLongError:
        raise _output_limit(limits) from None
    return expected is not None and len(received) >= expected


def _write(descriptor: int, unsent: memoryview) -> int:
    """Write to a pipe and return how many bytes it took; all of them if the reader is gone, as the other pipes say why."""
    try:
        return os.write(descriptor, unsent[:_READ_SIZE])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(unsent)


def _read_answer(child: Child) -> bytes:
    """Return the next part of what the child sends. Raises the error of its end if there is no more."""
    chunk = os.read(_pipes(child.process)[1].fileno(), _READ_SIZE)
    if not chunk:
        raise _explain_death(child)
    return chunk


def _keep_errors(child: Child, selector: selectors.BaseSelector) -> None:
    """Read from standard error, and close it at its end and when no more of it should be read."""
    stderr = _pipes(child.process)[2]
    chunk = os.read(stderr.fileno(), _READ_SIZE)
    if not chunk or not child.errors.keep(chunk):
        selector.unregister(stderr)
        stderr.close()


def _is_open(pipe: IO[bytes]) -> bool:
    return not pipe.closed


def _explain_death(child: Child) -> FindingsReportError:
    """Return the error of a child that closed its output: wait for its end, and read what it left on standard error."""
    deadline = time.monotonic() + _SECONDS_TO_DIE
    # WNOWAIT does not reap it: as long as its process id is taken, killing the group cannot hit another process.
    with contextlib.suppress(ChildProcessError):  # another thread killed it
        while (
            os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < deadline
        ):
            time.sleep(0.01)
    kill(child)
    stderr = _pipes(child.process)[2]
    if not stderr.closed:
        os.set_blocking(stderr.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while (chunk := os.read(stderr.fileno(), _READ_SIZE)) and child.errors.keep(chunk):
                pass
    return _crash(child.process.returncode, child.errors.last.decode(errors="replace"), child.limits)


def _cpu_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child that used up its CPU time."""
    remedy = "reduce the input, or find the part that takes so long: a single huge line, table or nesting suffices"
    return _error("confine-cpu", f"the confined process used up its {limits.cpu_seconds} seconds of CPU time", remedy)


def _memory_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child that asked for more memory than it may have."""
    remedy = "reduce the input, or find the part that is so large: a single huge picture or table suffices"
    return _error("confine-memory", f"the confined process needed more than its {_size(limits.memory_bytes)} of memory", remedy)


def _wall_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child that did not answer in time."""
    remedy = "try again when the machine is less busy, or reduce the input"
    return _error("confine-wall", f"the confined process gave no answer within {limits.wall_seconds:g} seconds", remedy)


def _output_limit(limits: Limits) -> FindingsReportError:
    """Return the error of a child whose reply is longer than allowed."""
    return _error(
        "confine-output", f"the confined process answered with more than {_size(limits.output_bytes)}", "reduce the input"
    )


def _start_failure(error: OSError) -> FindingsReportError:
    """Return the error of a system that refused a new process."""
    return _error(
        "confine-start", f"a confined process cannot be started: {error.strerror}", "free memory or processes and try again"
    )


def _preparation_failure(reason: str) -> FindingsReportError:
    """Return the error of a child that could not load its worker module, or that the kernel refused to confine."""
    return _error("confine-unprepared", f"the confined process could not start: {_one_line(reason)}")


def _request_failure(reason: str) -> FindingsReportError:
    """Return the error of a request that ended with an exception."""
    return _error("confine-failed", f"the confined process failed: {_one_line(reason)}")


def _protocol_violation() -> FindingsReportError:
    """Return the error of a child that sent something else than a frame."""
    return _error("confine-garbage", "the confined process sent an invalid answer")


def _crash(status: int, stderr: str, limits: Limits) -> FindingsReportError:
    """Return the error of a child that ended before it answered. `status` is negative for a signal."""
    if status == -signal.SIGXCPU:
        return _cpu_limit(limits)
    if _OUT_OF_MEMORY.search(stderr):
        return _memory_limit(limits)
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
