"""A pool of confined children that live for many requests, and a cache of their replies.

A reply depends on nothing but the bytes of its request and on the toolchain, so that it can be cached. The main program
survives whatever happens to a child.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from findings_report import sandbox
from findings_report.problems import FindingsReportError
from findings_report.sandbox import Child, ChildReply, Limits, frames
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import toolchain_digest

_T = TypeVar("_T")


class WorkerPool:
    """At most `size` threads, each with one confined child at a time.

    A child is started when a thread needs it, used again for requests to the same module with the same limits, and
    killed when the thread needs another one, when a request fails, and at the end of the `with` block.
    """

    def __init__(self, size: int, environment: Mapping[str, str], key: str = "") -> None:
        """`environment` is added to that of every child; `key` distinguishes it in a cache."""
        self.key = key
        self._environment = environment
        self._threads = ThreadPoolExecutor(size)
        # The kernel kills a child when the thread that started it ends (PR_SET_PDEATHSIG): each thread has its own.
        self._own = threading.local()
        self._lock = threading.Lock()
        self._started = contextlib.ExitStack()
        self._children: list[Child] = []
        self._is_closed = False

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._is_closed = True
        for child in self._children:
            sandbox.kill(child)  # a thread that still waits for its reply gets an error
        self._threads.shutdown(wait=True)
        self._started.close()  # closes pipes, and therefore comes when no thread reads from them

    def submit(self, function: Callable[..., _T], *arguments: object) -> Future[_T]:
        """Call a function in a thread of the pool, in which it may use `ask`."""
        return self._threads.submit(function, *arguments)

    def ask(self, module: str, limits: Limits, message: Mapping[str, object], blobs: Mapping[str, bytes]) -> ChildReply:
        """Send a request to the thread's child and return its reply. To be called in a thread of the pool.

        Raises FindingsReportError as `sandbox.run`; other requests are not affected.
        """
        child = self._child(module, limits)
        try:
            return sandbox.ask(child, message, blobs)
        except FindingsReportError:
            self._own.child = None
            sandbox.kill(child)  # one that ran out of time is still busy, and holds its memory
            raise

    def _child(self, module: str, limits: Limits) -> Child:
        child: Child | None = getattr(self._own, "child", None)
        if child is not None and self._own.kind == (module, limits):
            return child
        if child is not None:
            sandbox.kill(child)
        starting = sandbox.start_child(module, limits=limits, environment=self._environment)
        with contextlib.ExitStack() as started:
            child = started.enter_context(starting)
            with self._lock:
                if self._is_closed:  # while it was being started; nobody else would kill it
                    raise CancelledError
                self._started.push(started.pop_all())
                self._children.append(child)
        self._own.child, self._own.kind = child, (module, limits)
        return child


@dataclass(frozen=True)
class Workers:
    """The children of a pool that run one worker module with the same limits."""

    pool: WorkerPool
    """Runs them."""
    module: str
    """Full name of the worker module."""
    limits: Limits
    """Limits of each request."""
    cache: FileCache | None = None
    """Where replies are stored; None to ask a child every time."""

    def submit(self, message: Mapping[str, object], blobs: Mapping[str, bytes]) -> Future[ChildReply]:
        """Send a request to the next free child. The future raises FindingsReportError as `sandbox.run`."""
        return self.pool.submit(self._reply, message, blobs)

    def _reply(self, message: Mapping[str, object], blobs: Mapping[str, bytes]) -> ChildReply:
        """Return the reply from the cache, or else from a child."""
        if self.cache is None:
            return self.pool.ask(self.module, self.limits, message, blobs)
        digests = [[name, hashlib.sha256(blob).hexdigest()] for name, blob in blobs.items()]
        key = hashlib.sha256(
            json.dumps([toolchain_digest(), self.pool.key, self.module, message, digests]).encode()
        ).hexdigest()
        if (reply := _cached_reply(self.cache, key)) is None:
            reply = self.pool.ask(self.module, self.limits, message, blobs)
            head = {"response": reply.response, "confinement": reply.confinement}
            self.cache.put(key, frames.pack(head, reply.blobs))
        return reply


def _cached_reply(cache: FileCache, key: str) -> ChildReply | None:
    """Return a cached reply; None if there is none, or one in another form."""
    entry = cache.get(key)
    if entry is None:
        return None
    with contextlib.suppress(ValueError):
        frame = frames.unpack(entry)
        response, confinement = frame.message.get("response"), frame.message.get("confinement")
        if isinstance(response, dict) and isinstance(confinement, str):
            return ChildReply(response, frame.blobs, confinement)
    return None
