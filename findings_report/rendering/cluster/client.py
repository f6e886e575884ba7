"""The client of dask.distributed: bytes go to a function that runs on a worker, and bytes come back, whatever they mean.

Dask itself pickles what it carries, so who reaches a scheduler's port can run code on all of its machines, this one included:
unencrypted it is used on this machine alone, else with certificates, which are named in dask's own configuration.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from findings_report.problems import FindingsReportError
from findings_report.rendering.cluster.address import (
    Address,
    bad_certificates,
    failed,
    in_the_clear,
    is_loopback,
    killed,
    lost,
    no_certificates,
    no_extra,
    no_worker,
    parse,
    unfetched,
    unreachable,
)

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Address", "Cluster", "Task", "join", "parse"]

SECONDS_TO_CONNECT: Final = 10.0
"""The time limit for a connection to the scheduler, and then for its first worker."""
SECONDS_TO_ANSWER: Final = 60.0
"""The time limit for an answer of the scheduler."""
SECONDS_TO_FETCH: Final = 600.0
"""The time limit for the transfer of a result."""
SECONDS_WITHOUT_WORKERS: Final = 60.0
"""How long a task waits while there is no worker at all: a lost worker may be restarted."""
_SECONDS_BETWEEN_LOOKS: Final = 5.0


@contextlib.contextmanager
def join(address: Address) -> Iterator[Cluster]:
    """Connect to the cluster of a scheduler; tasks that are pending at the end of the block are cancelled.

    Raises FindingsReportError: USAGE when the extra `cluster` is not installed or `tls://` has no certificates, NETWORK when
    the scheduler cannot be reached, has no worker, or has one elsewhere that would be sent things in the clear.
    """
    # Not imported to find out: what dask prints on import is silenced below.
    if importlib.util.find_spec("distributed") is None:
        raise no_extra()
    with _quiet(), _client(address) as client:
        workers = _first_workers(client, address)
        hosts = {_safe_host(worker, address) for worker in workers}
        # A worker that comes later, from elsewhere, is sent nothing in the clear either.
        yield Cluster(client, address, sum(workers.values()), None if address.is_encrypted else tuple(sorted(hosts)))


@dataclass(frozen=True)
class Cluster:
    """A scheduler that was reached, and its workers."""

    client: Client
    """The client of dask."""
    address: Address
    """Where the scheduler is."""
    threads: int
    """The number of tasks that its workers could run at once when it was joined."""
    hosts: tuple[str, ...] | None
    """The hosts on which tasks may run; None for every worker."""

    def submit(self, call: Callable[[bytes], bytes], frame: bytes) -> Task:
        """Run `call(frame)` on a worker, or on another if it is lost. Raise FindingsReportError (NETWORK) if the cluster is."""
        try:
            # pure=False: dask gives equal calls one key, and would run two equal frames once.
            return Task(self, self.client.submit(call, frame, pure=False, workers=self.hosts))
        except Exception as error:  # dask names none; what a client does that was closed meanwhile is of many kinds
            raise lost(self.address) from error

    def everyone(self, call: Callable[[], bytes]) -> Mapping[str, object]:
        """Return the result of `call()` on each worker, by address; an exception for a worker that cannot run it."""

        async def ask() -> Any:
            return await self.client.run(call, on_error="return")

        answers: dict[str, object] = _answer(self.client, self.address, ask)
        return answers


@dataclass(frozen=True)
class Task:
    """A submitted call; the two methods are those of `concurrent.futures.Future`."""

    cluster: Cluster
    """The cluster that runs it."""
    future: Future[bytes]
    """The future of dask."""

    def result(self) -> bytes:
        """Wait for the result as long as there are workers.

        Raises FindingsReportError: NETWORK if cluster or scheduler is lost, OUTPUT if the task killed several workers.
        """
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        try:
            self._wait()
            # The task is done here: the time limit is for the transfer of its bytes.
            result = self.future.result(timeout=SECONDS_TO_FETCH)
        except FindingsReportError:
            raise
        except KilledWorker as error:
            # dask counts the failures that it allows; the last worker died as well.
            raise killed(error.allowed_failures + 1) from error
        except CancelledError as error:
            raise lost(self.cluster.address) from error
        except TimeoutError as error:
            raise unfetched(self.cluster.address) from error
        except Exception as error:
            if self.future.status == "error":
                raise failed(error) from error
            raise lost(self.cluster.address) from error  # it was done, and who would fetch it is gone
        if not isinstance(result, bytes):
            raise failed(TypeError(f"it gave {type(result).__name__}, not bytes"))
        return result

    def cancel(self) -> None:
        """Drop the task. A task that already runs is finished."""
        with contextlib.suppress(Exception):
            self.future.cancel()

    def _wait(self) -> None:
        from distributed import wait

        last_seen = time.monotonic()
        while not self.future.done():
            # In steps: dask itself waits for ever when the last worker is gone.
            with contextlib.suppress(TimeoutError), self.cluster.client.as_current():
                wait([self.future], timeout=_SECONDS_BETWEEN_LOOKS)
                return
            if _workers(self.cluster.client, self.cluster.address):
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > SECONDS_WITHOUT_WORKERS:
                raise no_worker(self.cluster.address)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence logging and warnings of dask: errors that matter to a user are raised."""
    before = logging.root.manager.disable
    # distributed logs a lost connection with a traceback, and here it is raised as a problem.
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _client(address: Address) -> Iterator[Client]:
    from distributed import Client, Security

    try:
        # None and not False: False would override a user's configuration that demands encryption.
        security = Security(require_encryption=address.is_encrypted or None)
        context = security.get_connection_args("client")["ssl_context"]
    except (OSError, ValueError, TypeError) as error:
        raise bad_certificates(error) from error
    if address.is_encrypted and context is None:
        raise no_certificates()
    try:
        # Not the default client: a program that uses the API may have its own.
        client = Client(address.dask, security=security, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except Exception as error:  # OSError where nobody is, others where somebody else is
        raise unreachable(address, error) from error
    try:
        for topic in ("print", "warn"):  # what anybody else has workers say
            client.unsubscribe_topic(topic)
        yield client
    finally:
        with contextlib.suppress(Exception):  # one that cannot say goodbye to its scheduler has gone all the same
            client.close()


def _first_workers(client: Client, address: Address) -> dict[str, int]:
    """Return the workers as soon as there is one. Raise FindingsReportError (NETWORK) if none connects in time."""
    deadline = time.monotonic() + SECONDS_TO_CONNECT
    while not (workers := _workers(client, address)):
        if time.monotonic() > deadline:
            raise no_worker(address)
        time.sleep(0.2)
    return workers


def _workers(client: Client, address: Address) -> dict[str, int]:
    """Return the number of tasks that each worker runs at once, by its address."""
    scheduler: Any = client.scheduler

    async def ask() -> Any:
        return await scheduler.identity(n_workers=-1)

    known = _answer(client, address, ask)["workers"]
    return {worker: known[worker]["nthreads"] for worker in known}


def _answer(client: Client, address: Address, question: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return client.sync(question, callback_timeout=SECONDS_TO_ANSWER)
    except Exception as error:
        raise lost(address) from error


def _safe_host(worker: str, address: Address) -> str:
    """Return the host of a worker. Raise FindingsReportError (NETWORK) if the connection could be read by others."""
    parts = urlsplit(worker)
    host = parts.hostname or ""
    if not (parts.scheme == "tls" if address.is_encrypted else is_loopback(host)):
        raise in_the_clear(address, worker)
    return host
