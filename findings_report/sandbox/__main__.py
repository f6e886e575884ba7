"""The child: take the pipes, load the worker module, give up all rights, then answer requests until standard input ends.

Command line: `python -P -m findings_report.sandbox MODULE LIMITS`, started by `child_process.start_child` only. LIMITS is JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from findings_report.sandbox import frames
from findings_report.sandbox.restrict import Limits, allow_cpu, die_with_parent, restrict

_LONGEST_REASON = 500
"""Characters of an exception that the parent is sent."""


class WorkerModule(Protocol):
    """The two functions of a worker module."""

    def prepare(self) -> Iterable[str]:
        """Load everything while files can still be opened; return the files and folders that `serve` has to read besides."""

    def serve(self, request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
        """Answer one request with JSON and named bytes. An exception ends the request, not the process."""


def main(module_name: str, limits: Limits) -> int:
    """Serve until standard input ends; return the exit status."""
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)  # a parent that ignores it would hand that down
    incoming, outgoing = _take_pipes()
    try:
        worker = cast("WorkerModule", importlib.import_module(module_name))
        confinement = restrict(limits, tuple(worker.prepare()))
    except Exception as error:
        _send(outgoing, frames.pack({"unprepared": _reason(error)}, {}))
        return 1
    _send(outgoing, frames.pack({"confinement": confinement}, {}))
    while (frame := frames.read(incoming)) is not None:
        allow_cpu(limits.cpu_seconds)
        _send(outgoing, _answer(worker, frame))
    return 0


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes from and to the parent, as new descriptors.

    Libraries print to descriptor 1, and a line of theirs within a frame would end the child as garbage: 1 becomes a
    copy of 2, and reading from 0 gives nothing.
    """
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")


def _send(outgoing: BinaryIO, frame: bytes) -> None:
    outgoing.write(frame)
    outgoing.flush()


def _answer(worker: WorkerModule, frame: frames.Frame) -> bytes:
    try:
        response, blobs = worker.serve(frame.message, frame.blobs)
        return frames.pack({"response": response}, blobs)
    except MemoryError:
        return frames.pack({"exhausted": "memory"}, {})
    except Exception as error:
        return frames.pack({"failed": _reason(error)}, {})


def _reason(error: Exception) -> str:
    """Return one line for a person: kind and text of the exception, file and line, without the machine's folders."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")[:_LONGEST_REASON]
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} ({'/'.join(Path(last.filename).parts[-2:])}:{last.lineno})"


if __name__ == "__main__":
    # Without the interpreter's own shutdown, which would free the memory of a large report object by object.
    os._exit(main(sys.argv[1], Limits(**json.loads(sys.argv[2]))))
