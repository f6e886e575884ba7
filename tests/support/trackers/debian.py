"""What servers from Debian's packages have in common: they run as www-data, on a free port of loopback, and take a while."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PATIENCE_SECONDS = 180


def missing(packages: Sequence[str]) -> str | None:
    """Why a server of these packages cannot be started here; None when it can."""
    if os.geteuid() != 0:
        return f"starting {packages[0]} as www-data needs root"
    absent = [name for name in packages if version(name) is None]
    return f"not installed: {' '.join(absent)} (make tracker-servers)" if absent else None


def version(package: str) -> str | None:
    """The installed version; None when there is none."""
    asked = subprocess.run(["dpkg-query", "-W", "-f=${Status}|${Version}", package], capture_output=True, text=True)
    status, _, found = asked.stdout.partition("|")
    return found if status.endswith(" installed") else None


def as_www_data(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command line that runs `command` as www-data, with `environment` added to what is there."""
    settings = [f"{name}={value}" for name, value in {"HOME": "/tmp", **environment}.items()]
    return ["setpriv", "--reuid=www-data", "--regid=www-data", "--init-groups", "env", *settings, *command]


def answer_of(command: list[str], folder: Path) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[str], folder: Path, address: str, log: Path) -> Iterator[None]:
    """A server, until it answers at `address` and for as long as it is used."""
    with log.open("wb") as said, subprocess.Popen(command, cwd=folder, stdout=said, stderr=said) as server:
        try:
            _wait(address, server, log)
            yield
        finally:
            server.terminate()


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"the server did not answer:\n{log.read_text(errors='replace')[-3000:]}")


def asked(address: str, headers: Mapping[str, str], document: object = None, method: str | None = None) -> Any:
    """What a server itself answers, JSON or bytes: not read by the program under test. A document is posted by default."""
    content = None if document is None else json.dumps(document).encode()
    typed = {} if document is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(address, content, {**headers, **typed}, method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - likewise
        answered = answer.read()
    return json.loads(answered) if answered and "json" in answer.headers["Content-Type"] else answered
