"""Confined children that live for many requests, several at once, and are not asked what they answered before.

The answer to a request depends on nothing but its bytes and on what made it, so that it can be kept. The parent outlives
whatever becomes of a child.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from types import TracebackType

from findings_report import sandbox
from findings_report.sandbox import Child, ChildReply, Limits, frames
from findings_report.system.cache import FileCache

Blobs = Mapping[str, bytes]


class Workers:
    """At most so many children at once, each started when there is work for it and killed at the end of the `with` block."""

    def __init__(
        self,
        target: str,
        *,
        limits: Limits,
        environment: Mapping[str, str],
        most: int = 1,
        entries: FileCache | None = None,
        made_by: str = "",
    ) -> None:
        """`target` and `environment` as `confine.run` has them, `limits` for each request.

        `entries` keeps answers, under a key that `made_by` is part of: all that decides an answer but the request.
        """
        self._target, self._limits, self._environment = target, limits, environment
        self._entries, self._made_by = entries, made_by
        self._threads = ThreadPoolExecutor(most)
        self._own = threading.local()
        self._children = contextlib.ExitStack()
        self._running: list[Child] = []
        self._pushing = threading.Lock()
        self._is_over = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._pushing:
            self._is_over = True
        for child in self._running:
            sandbox.kill(child)  # whoever still waits for an answer is told that its child is gone
        self._threads.shutdown(wait=True)
        self._children.close()

    def begin(self, message: Mapping[str, object], blobs: Blobs) -> Callable[[], ChildReply]:
        """Gives a request to the next child that is free; what comes back waits for the answer, and raises as `confine.run`.

        One that fails harms no other.
        """
        if self._entries is None:
            return self._threads.submit(self._ask, message, blobs).result
        entries, key = self._entries, self._key(message, blobs)
        if (known := _recalled(entries.get(key))) is not None:
            return lambda: known
        asked = self._threads.submit(self._ask, message, blobs)

        def finished() -> ChildReply:
            answer = asked.result()
            head = {"response": answer.response, "confinement": answer.confinement}
            entries.put(key, frames.pack(head, answer.blobs))
            return answer

        return finished

    def _ask(self, message: Mapping[str, object], blobs: Blobs) -> ChildReply:
        child: Child | None = getattr(self._own, "child", None)
        if child is None:
            # The kernel kills a child when the thread that started it ends: each thread has its own.
            starting = sandbox.start_child(self._target, limits=self._limits, environment=self._environment)
            with contextlib.ExitStack() as started:
                child = started.enter_context(starting)
                with self._pushing:
                    if self._is_over:  # nobody wants the answer any more, and nobody would kill this child
                        raise CancelledError
                    self._children.push(started.pop_all())
                    self._running.append(child)
        self._own.child = None  # of no more use when this fails
        answer = sandbox.ask(child, message, blobs)
        self._own.child = child
        return answer

    def _key(self, message: Mapping[str, object], blobs: Blobs) -> str:
        digests = [[name, hashlib.sha256(blob).hexdigest()] for name, blob in blobs.items()]
        return hashlib.sha256(json.dumps([self._made_by, self._target, message, digests]).encode()).hexdigest()


def _recalled(entry: bytes | None) -> ChildReply | None:
    """An answer that was kept; None when it was not, or in another form."""
    if entry is None:
        return None
    with contextlib.suppress(ValueError):
        frame = frames.unpack(entry)
        response, confinement = frame.message.get("response"), frame.message.get("confinement")
        if isinstance(response, dict) and isinstance(confinement, str):
            return ChildReply(response, frame.blobs, confinement)
    return None
