"""A child process with limits, no network and no files; bytes and JSON in and out, never pickle.

The parent's side. The parent outlives whatever the child does: a crash, a limit, silence, garbage. It knows nothing of what
is computed. `frames` is what they say to each other, `restrict` what the child gives up, `__main__` the child's side.
"""

from __future__ import annotations

import contextlib
import json
import os
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

from findings_report.problems import FindingsReportError
from findings_report.sandbox import frames, problems
from findings_report.sandbox.problems import Limits
from findings_report.sandbox.restrict import landlock_version

__all__ = ["Answer", "Child", "Limits", "ask", "kill", "landlock_version", "run", "started"]

_READ_SIZE = 1 << 20
_KEPT_ERRORS = 4096
_ROOM_FOR_MESSAGES = 1 << 16
_SECONDS_TO_DIE = 5.0


@dataclass(frozen=True)
class Answer:
    """What a child answered."""

    response: dict[str, object]
    """JSON of the target's own shape; untrusted like what went in."""
    blobs: dict[str, bytes]
    """Bytes by name."""
    confinement: str
    """What was in force, for a person: which of the kernel's means, and which it lacks."""


@dataclass(frozen=True)
class Child:
    """A running child, ready to be asked, one request at a time."""

    process: subprocess.Popen[bytes]
    """Leader of its own process group."""
    limits: Limits
    """What it may use."""
    confinement: str = ""
    """What is in force."""
    errors: bytearray = field(default_factory=bytearray)
    """The last it wrote to standard error, bounded."""
    ending: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is killed, so that its number cannot have become another's."""


def run(
    target: str,
    request: Mapping[str, object],
    blobs: Mapping[str, bytes],
    *,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """One request to a child of its own. `target` is the name of a module as `__main__` describes it.

    Raises FindingsReportError of Kind.OUTPUT, with a `code` per limit (`confine-cpu`, `-memory`, `-wall`, `-output`) or failure
    (`-start`, `-unprepared`, `-failed`, `-crash`, `-garbage`); the caller adds what was being done.
    """
    with started(target, limits=limits, environment=environment or {}) as child:
        return ask(child, request, blobs)


@contextlib.contextmanager
def started(target: str, *, limits: Limits, environment: Mapping[str, str]) -> Iterator[Child]:
    """A confined child that has loaded its target. Its process group is killed on the way out, whatever the way.

    The kernel kills it too when the thread that started it ends. Raises as `run` does.
    """
    command = [sys.executable, "-P", "-m", "findings_report.sandbox", target, json.dumps(asdict(limits))]
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
        raise problems.start(error) from error
    child = Child(process, limits)
    try:
        message = _exchange(child, b"").message
        if "confinement" not in message:
            raise problems.unprepared(str(message.get("unprepared")))
        yield replace(child, confinement=str(message["confinement"]))
    finally:
        kill(child)
        for each in _pipes(process):
            each.close()


def ask(child: Child, request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Answer:
    """One request and its answer. Raises as `run` does; after that the child is of no more use."""
    frame = _exchange(child, frames.pack(request, blobs))
    if frame.message.get("exhausted") == "memory":
        raise problems.memory(child.limits)
    if "failed" in frame.message:
        raise problems.failed(str(frame.message["failed"]))
    response = frame.message.get("response")
    if not isinstance(response, dict):
        raise problems.garbage()
    return Answer(response, frame.blobs, child.confinement)


def kill(child: Child) -> None:
    """End the whole group, at once: a child has nothing that would be worth saving.

    From any thread: whoever waits for its answer is told that it is gone. Its pipes stay open for that one, as a pipe that is
    closed while somebody waits for it never tells of its end.
    """
    with child.ending:
        if child.process.returncode is None:
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def _environment(additions: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the user's but where shared libraries are; the same language, time zone and hashing everywhere."""
    environment = {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "TZ": "UTC", **additions}
    if libraries := os.environ.get("LD_LIBRARY_PATH"):
        environment.setdefault("LD_LIBRARY_PATH", libraries)
    source = str(Path(__file__).resolve().parents[2])
    if source not in site.getsitepackages():
        # Run from a checkout: the child has another working folder and -P.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (source, additions.get("PYTHONPATH"))))
    return environment


def _exchange(child: Child, outgoing: bytes) -> frames.Frame:
    """Send bytes and receive one frame, both at once, so that neither side waits for the other."""
    stdin, stdout, stderr = _pipes(child.process)
    deadline = time.monotonic() + child.limits.wall_seconds
    unsent, received = memoryview(outgoing), bytearray()
    os.set_blocking(stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(stderr, selectors.EVENT_READ)
        if unsent:
            selector.register(stdin, selectors.EVENT_WRITE)
        while not _is_complete(received, child.limits):
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise problems.wall(child.limits)
            for key, _ in ready:
                if key.fileobj is stdin:
                    unsent = unsent[_write(key.fd, unsent) :]
                    if not unsent:
                        selector.unregister(stdin)
                elif chunk := os.read(key.fd, _READ_SIZE):
                    _keep(child.errors, chunk) if key.fileobj is stderr else received.extend(chunk)
                elif key.fileobj is stderr:
                    selector.unregister(stderr)
                else:
                    raise _death(child)
    try:
        return frames.unpack(received)
    except ValueError:
        raise problems.garbage() from None


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Standard input, output and error of a child as `started` makes it."""
    assert process.stdin  # noqa: S101  # Popen was given PIPE three times, which its type does not tell
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    return process.stdin, process.stdout, process.stderr


def _is_complete(received: bytearray, limits: Limits) -> bool:
    try:
        expected = frames.length(received, limits.output_bytes + _ROOM_FOR_MESSAGES)
    except frames.TooLongError:
        raise problems.output(limits) from None
    return expected is not None and len(received) >= expected


def _write(descriptor: int, unsent: memoryview) -> int:
    """How much the pipe took; all of it once the reader is gone, as what it left on its other pipes tells why."""
    try:
        return os.write(descriptor, unsent[:_READ_SIZE])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(unsent)


def _keep(errors: bytearray, chunk: bytes) -> None:
    errors.extend(chunk)
    del errors[:-_KEPT_ERRORS]


def _death(child: Child) -> FindingsReportError:
    """Why a child that stopped talking is gone."""
    deadline = time.monotonic() + _SECONDS_TO_DIE
    # Not reaped yet: as long as its number is taken, killing its group can hit nobody else.
    with contextlib.suppress(ChildProcessError):  # another thread killed it
        while (
            os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < deadline
        ):
            time.sleep(0.01)
    kill(child)
    stderr = _pipes(child.process)[2]
    os.set_blocking(stderr.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(stderr.fileno(), _READ_SIZE):
            _keep(child.errors, chunk)
    return problems.death(child.process.returncode, child.errors.decode(errors="replace"), child.limits)
