"""A target for tests/sandbox/test_sandbox.py that starts a process while that is still possible."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

STARTED: list[int] = []


def prepare() -> tuple[str, ...]:
    """It reads nothing besides Python."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
    STARTED.append(child)
    return ()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """The process that was started."""
    return {"child": STARTED[0]}, {}
