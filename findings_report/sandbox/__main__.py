"""The child's side: take the pipes, load the target, give everything up, then answer requests until there are no more.

`python -P -m findings_report.sandbox.child_process TARGET LIMITS`, started by the parent's side only. A target is a module with
`prepare() -> Iterable[str]`, which loads what it needs and names what it must still be able to read, and
`serve(request, blobs) -> (response, blobs)`.
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
from findings_report.sandbox.problems import Limits
from findings_report.sandbox.restrict import allow_cpu, die_with_parent, restrict

_LONGEST_REASON = 500


class Target(Protocol):
    """What a target module has."""

    def prepare(self) -> Iterable[str]:
        """Load everything; gives the files and folders it reads while it serves."""

    def serve(self, request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
        """Answer one request."""


def main(target_name: str, limits: Limits) -> int:
    """Serve until standard input ends; gives the exit status."""
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    incoming, outgoing = _take_pipes()
    try:
        target = cast("Target", importlib.import_module(target_name))
        readable = tuple(target.prepare())
        confinement = restrict(memory_bytes=limits.memory_bytes, file_bytes=limits.file_bytes, readable=readable)
    except Exception as error:
        _send(outgoing, frames.pack({"unprepared": _reason(error)}, {}))
        return 1
    _send(outgoing, frames.pack({"confinement": confinement}, {}))
    while (frame := frames.read(incoming)) is not None:
        allow_cpu(limits.cpu_seconds)
        _send(outgoing, _answer(target, frame))
    return 0


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent, out of reach of any library that prints: descriptor 1 becomes 2, and 0 has nothing to give."""
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")


def _send(outgoing: BinaryIO, frame: bytes) -> None:
    outgoing.write(frame)
    outgoing.flush()


def _answer(target: Target, frame: frames.Frame) -> bytes:
    try:
        response, blobs = target.serve(frame.message, frame.blobs)
        return frames.pack({"response": response}, blobs)
    except MemoryError:
        return frames.pack({"exhausted": "memory"}, {})
    except Exception as error:
        return frames.pack({"failed": _reason(error)}, {})


def _reason(error: Exception) -> str:
    """One line for a person: kind and text of the exception, and where in which module, without the machine's folders."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")[:_LONGEST_REASON]
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} ({'/'.join(Path(last.filename).parts[-2:])}:{last.lineno})"


if __name__ == "__main__":
    # The interpreter's own end is skipped: it would take the memory of a large report apart piece by piece.
    os._exit(main(sys.argv[1], Limits(**json.loads(sys.argv[2]))))
