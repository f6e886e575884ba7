"""A target for tests/sandbox/test_sandbox.py: does what the request says, good or bad."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Response = tuple[dict[str, object], dict[str, bytes]]


def prepare() -> tuple[str, ...]:
    """It reads nothing besides Python."""
    print("noise on standard output while getting ready")  # noqa: T201  # the noise is the point
    return ()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    """`do` names a function of this module."""
    action: Callable[[Mapping[str, object], Mapping[str, bytes]], Response] = globals()[str(request["do"])]
    return action(request, blobs)


def echo(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    print("noise on standard output")  # noqa: T201  # the noise is the point
    os.write(1, b"more noise\n")
    return dict(request), dict(blobs)


def environment(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    return {"names": sorted(os.environ), "folder": str(Path.cwd()), "stdin": sys.stdin.read()}, {}


def pid(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    return {"pid": os.getpid()}, {}


def spin(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    while True:
        pass


def hoard(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    return {"length": len(bytearray(1 << 40))}, {}


def hoard_below_python(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    os.write(2, b"GLib-ERROR: failed to allocate 1099511627776 bytes\n")
    os.abort()


def sleep(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    os.write(2, b"%d\n" % os.getpid())
    time.sleep(600)
    return {}, {}


def crash(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    os.write(2, b"dying \x1b[31mred\x07\n")
    ctypes.string_at(0)
    return {}, {}


def fail(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    raise ZeroDivisionError("by \x1b nothing")


def garble(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    """Writes raw bytes to every pipe it can find, the one to the parent included, and ends."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, blobs["raw"])
        except OSError:
            continue
    os._exit(0)


def shout(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    os.write(2, b"x" * 3_000_000)
    return {}, {"large": bytes(int(str(request["length"])))}


def leave(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    os._exit(7)


def flood(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    """Complains for as many bytes as the request says, as Pango does of each character; then ends as it says."""
    written = 0
    for _ in range(int(str(request["bytes"])) // 10_000):
        try:
            written += os.write(2, b"complaint\n" * 1000)
        except BrokenPipeError:
            break
    if request.get("crash"):
        ctypes.string_at(0)
    return {"written": written}, {}


def limits(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    names = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NOFILE")
    return {name: list(resource.getrlimit(getattr(resource, name))) for name in names}, {}


def trespass(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> Response:
    """What each attempt to leave the confinement came to: "done" or the name of the exception."""
    port, path = int(str(request["port"])), str(request["path"])
    attempts: dict[str, Callable[[], object]] = {
        "read": lambda: Path("/etc/passwd").read_bytes(),
        "read_proc": lambda: Path("/proc/self/environ").read_bytes(),
        "list": lambda: list(Path(path).parent.iterdir()),
        "write": lambda: Path(path).write_text("here"),
        "make_folder": lambda: Path(path).mkdir(),
        "execute": lambda: subprocess.run(["/bin/true"], check=True),
        "tcp": lambda: socket.create_connection(("127.0.0.1", port), timeout=2).close(),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
        "signal": lambda: os.kill(os.getppid(), signal.SIGCONT),
        "read_python": lambda: Path(os.__file__).read_bytes(),
    }
    outcomes: dict[str, object] = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            outcomes[name] = "done"
        except Exception as error:
            outcomes[name] = type(error).__name__
    return outcomes, {}
