"""The client of dask.distributed: bytes go to a function that runs on a worker, and bytes come back, whatever they mean.

Dask itself pickles what it carries, so who reaches a scheduler's port can run code on all of its machines, this one included:
unencrypted it is used on this machine alone, else with certificates, which are named in dask's own configuration.
An address is parsed here, and the problems of a cluster that cannot be used or that failed are worded here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import logging
import socket
import ssl
import threading
import time
import warnings
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import Future as Outcome
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.system.toolchain import install_extra

if TYPE_CHECKING:
    from distributed import Client, Future

SCHEMES: Final = ("dask", "tls")
"""The schemes of an address."""


@dataclass(frozen=True)
class Address:
    """Where a scheduler listens."""

    host: str
    """Name or number."""
    port: int
    """The TCP port."""
    is_encrypted: bool
    """True for `tls://`."""

    def __str__(self) -> str:
        """Return the address as users write it."""
        return f"{'tls' if self.is_encrypted else 'dask'}://{self._place}"

    @property
    def dask(self) -> str:
        """The address in dask's notation."""
        return f"{'tls' if self.is_encrypted else 'tcp'}://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """Return the parsed form of `dask://HOST:PORT` or `tls://HOST:PORT`.

    Raises FindingsReportError (USAGE) for any other text, and for a `dask://` address of another machine.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    # A path or query has no meaning here, and a password would end up in messages.
    if not host or not port or text != f"{parts.scheme}://{parts.netloc}" or "@" in text or parts.scheme not in SCHEMES:
        fault = f"{text!r} does not say where the scheduler is"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "write tls://HOST:PORT", code="cluster-address"))
    address = Address(host, port, is_encrypted=parts.scheme == "tls")
    # No option allows it: whoever reaches the port reads findings and can run code.
    if not address.is_encrypted and not is_loopback(host):
        fault = f"{text} is not encrypted, and leads to another machine: findings would be sent in the clear"
        remedy = f"start the scheduler with certificates, and write tls://{parts.netloc}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="cluster-in-the-clear"))
    return address


def is_loopback(host: str) -> bool:
    """Return True for a host that is this machine in every network: 127.0.0.0/8, ::1 and localhost.

    Source: RFC 6761, section 6.3, for the name `localhost`; no other name counts.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# Messages of dask and OpenSSL may contain a whole traceback.
_LONGEST_REASON = 300


_CERTIFICATES = "distributed.comm.tls.ca-file, .client.cert and .client.key of dask's configuration name them"


def no_extra() -> FindingsReportError:
    """Return the error of a missing extra: dask is not installed."""
    remedy = install_extra("cluster")
    return _error(Kind.USAGE, "rendering on a cluster needs the extra `cluster`", remedy, "no-cluster-extra")


def no_certificates() -> FindingsReportError:
    """Return the error of `tls://` without configured certificates."""
    fault = "tls:// needs a certificate of this client, its key, and the authority of the cluster"
    return _error(Kind.USAGE, fault, _CERTIFICATES, "cluster-certificates")


def bad_certificates(error: Exception) -> FindingsReportError:
    """Return the error of configured certificates that cannot be used."""
    fault = f"the certificates for tls:// cannot be used: {_reason(error)}"
    return _error(Kind.USAGE, fault, _CERTIFICATES, "cluster-certificates")


def unreachable(address: Address, reason: str, remedy: str | None = None) -> FindingsReportError:
    """Return the error of an address where no scheduler answers."""
    if remedy is None:
        remedy = f"start one with `dask scheduler{' --protocol tls` and certificates' if address.is_encrypted else '`'}"
    fault = f"the scheduler at {address} cannot be reached: {reason}"
    return _error(Kind.NETWORK, fault, remedy, "cluster-unreachable")


def encrypted(address: Address, reason: str) -> FindingsReportError:
    """Return the error of `dask://` where only encrypted connections are made."""
    remedy = f"write {replace(address, is_encrypted=True)}, with certificates: docs/cluster.md"
    return unreachable(address, reason, remedy)


def unencrypted(address: Address) -> FindingsReportError:
    """Return the error of `tls://` where a scheduler takes connections in the clear only."""
    remedy = "start it with `dask scheduler --protocol tls` and certificates"
    if is_loopback(address.host):
        remedy += f", or write {replace(address, is_encrypted=False)}, which stays on this machine"
    return unreachable(address, "it takes connections in the clear only", remedy)


def no_worker(address: Address) -> FindingsReportError:
    """Return the error of a scheduler without workers."""
    fault = f"the scheduler at {address} has no worker"
    return _error(Kind.NETWORK, fault, f"start some with `dask worker {address.dask}`", "cluster-no-worker")


def in_the_clear(address: Address, worker: str) -> FindingsReportError:
    """Return the error of a worker on another machine without encryption."""
    fault = f"the scheduler at {address} has the worker {worker}: findings would be sent in the clear"
    remedy = "give scheduler and workers certificates, and use tls://"
    if not address.is_encrypted:
        remedy = f"start its workers on this machine, or {remedy}"
    return _error(Kind.NETWORK, fault, remedy, "cluster-in-the-clear")


def lost(address: Address) -> FindingsReportError:
    """Return the error of a scheduler that no longer answers; its tasks are lost."""
    fault = f"the scheduler at {address} was lost"
    return _error(Kind.NETWORK, fault, "see whether it runs, and build again", "cluster-lost")


def unfetched(address: Address) -> FindingsReportError:
    """Return the error of a finished task whose result the scheduler cannot fetch from the worker."""
    fault = f"what a worker has made does not come from the scheduler at {address}"
    remedy = "see whether the scheduler reaches its workers at the addresses that they name"
    return _error(Kind.NETWORK, fault, remedy, "cluster-unfetched")


def killed(workers: int) -> FindingsReportError:
    """Return the error of a task that killed each worker that ran it, with nothing else of this run on the cluster."""
    fault = f"{workers} workers were given it one after the other, and each of them died"
    if workers == 1:
        fault = "a worker was given it alone, and died"
    remedy = "their logs say why; if it was for want of memory, give them more, or build it with --executor local"
    return _error(Kind.OUTPUT, fault, remedy, "cluster-killed")


def failed(error: Exception) -> FindingsReportError:
    """Return the error of a worker that could not start the task."""
    fault = f"a worker could not do it: {_reason(error)}"
    return _error(Kind.NETWORK, fault, "install the same findings-report there and here", "cluster-failed")


def _error(kind: Kind, fault: str, remedy: str, code: str) -> FindingsReportError:
    return FindingsReportError(Problem(kind, fault, remedy, code=code))


def _reason(error: Exception) -> str:
    """Return dask's message on one line, cut to _LONGEST_REASON."""
    text = " ".join(visible(str(error)).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


__all__ = ["Address", "Cluster", "Task", "join", "parse"]

SECONDS_TO_CONNECT: Final = 10.0
"""The time limit for a connection to the scheduler, and then for its first worker."""
_SECONDS_TO_GREET: Final = 2.0
"""How long a scheduler has time to greet before it is asked whether it takes encrypted connections."""
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
        yield Cluster(client, address, workers, None if address.is_encrypted else tuple(sorted(hosts)))


LARGEST_PIECE: Final = 4 * 2**20
"""Bytes of a frame or a result that travel in one task: the scheduler keeps tasks in memory, and warns of large ones."""
_HEAD: Final = 12  # before each piece of a result: the length of the whole, and its CRC-32
_MOST_JOINS: Final = 3


def _hold(piece: bytes) -> bytes:
    """Return a piece of a frame. Runs on a worker; as a task of its own it is sent again if the worker is lost."""
    return piece


def _call_with(call: Callable[[bytes], bytes], *pieces: bytes) -> bytes:
    """Return `call` of the joined pieces. Runs on a worker."""
    result = call(b"".join(pieces))
    if not isinstance(result, bytes):
        raise TypeError(f"it gave {type(result).__name__}, not bytes")
    return result


def _take_piece(whole: bytes, start: int) -> bytes:
    """Return a piece of a result behind a head that is the same for all pieces of it. Runs on the worker that has it."""
    head = len(whole).to_bytes(8, "little") + zlib.crc32(whole).to_bytes(4, "little")
    return head + whole[start : start + LARGEST_PIECE]


@dataclass(frozen=True)
class Cluster:
    """A scheduler that was reached, and its workers."""

    client: Client
    """The client of dask."""
    address: Address
    """Where the scheduler is."""
    threads: Mapping[str, int]
    """The number of tasks that each worker could run at once when it was joined, by its address."""
    hosts: tuple[str, ...] | None
    """The hosts on which tasks may run; None for every worker."""

    def submit(self, call: Callable[[bytes], bytes], frame: bytes, workers: Collection[str] | None = None) -> Task:
        """Run `call(frame)` on a worker, or on another if it is lost; with `workers` on none but those, given by address.

        Raises FindingsReportError (NETWORK) if the cluster is lost.
        """
        allowed = self.hosts if workers is None else tuple(sorted(workers))
        try:
            # pure=False: dask gives equal calls one key, and would run two equal frames once.
            pieces = [
                self.client.submit(_hold, frame[start : start + LARGEST_PIECE], pure=False, workers=allowed)
                for start in range(0, max(1, len(frame)), LARGEST_PIECE)
            ]
            whole = self.client.submit(_call_with, call, *pieces, pure=False, workers=allowed)
            # Submitted with it: a short result then takes one way back, as without pieces.
            future = self.client.submit(_take_piece, whole, 0, pure=False, workers=allowed)
        except Exception as error:  # dask names none; what a client does that was closed meanwhile is of many kinds
            raise lost(self.address) from error
        return Task(self, future, whole, None if workers is None else frozenset(workers))

    def workers(self) -> frozenset[str]:
        """Return the addresses of the workers that may be sent something. Raise FindingsReportError (NETWORK) if it is lost."""
        present = _workers(self.client, self.address)
        return frozenset(worker for worker in present if self.hosts is None or urlsplit(worker).hostname in self.hosts)

    def wait_for_worker(self) -> None:
        """Wait until there is a worker. Raise FindingsReportError (NETWORK) if none comes, or the cluster is lost."""
        deadline = time.monotonic() + SECONDS_WITHOUT_WORKERS
        while not self.workers():
            if time.monotonic() > deadline:
                raise no_worker(self.address)
            time.sleep(_SECONDS_BETWEEN_LOOKS / 10)

    def everyone(self, call: Callable[[], bytes], workers: Collection[str]) -> Mapping[str, object]:
        """Return the result of `call()` on each of the workers, by address; an exception for a worker that cannot run it."""

        async def ask() -> Any:
            return await self.client.run(call, workers=sorted(workers), on_error="return")

        answers: dict[str, object] = _answer(self.client, self.address, ask)
        return answers


class StrandedError(Exception):
    """The workers that a task may run on are gone, and there are others."""


class KilledError(Exception):
    """The workers that a task was given to died, one after the other.

    The task need not be why: dask blames everything that a lost worker had, also what waited there for another task.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.workers = workers


@dataclass(frozen=True)
class Task:
    """A submitted call; the two methods are those of `concurrent.futures.Future`."""

    cluster: Cluster
    """The cluster that runs it."""
    future: Future[bytes]
    """The future of the first piece of the result."""
    whole: Future[bytes]
    """The future of the result, which stays on the worker."""
    workers: frozenset[str] | None = None
    """The workers that may run it; None for all."""

    def result(self) -> bytes:
        """Wait for the result as long as there are workers.

        Raises FindingsReportError (NETWORK) if cluster or scheduler is lost, KilledError if dask gives the task up, and
        StrandedError if there are workers, and none of them may run it.
        """
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        try:
            self.wait()
            result = self._fetch()
        except (FindingsReportError, StrandedError):
            raise
        except KilledWorker as error:
            # dask counts the failures that it allows; the last worker died as well.
            raise KilledError(error.allowed_failures + 1) from error
        except CancelledError as error:
            raise lost(self.cluster.address) from error
        except TimeoutError as error:
            raise unfetched(self.cluster.address) from error
        except Exception as error:
            if self.future.status == "error":
                raise failed(error) from error
            raise lost(self.cluster.address) from error  # it was done, and who would fetch it is gone
        return result

    def cancel(self) -> None:
        """Drop the task. A task that already runs is finished."""
        with contextlib.suppress(Exception):
            self.cluster.client.cancel([self.future, self.whole])

    def wait(self) -> None:
        """Wait until the task is finished, or given up. Raise NETWORK and StrandedError as `result` does."""
        from distributed import wait

        last_seen = time.monotonic()
        while not self.future.done():
            # In steps: dask itself waits for ever when the last worker is gone.
            with contextlib.suppress(TimeoutError), self.cluster.client.as_current():
                wait([self.future], timeout=_SECONDS_BETWEEN_LOOKS)
                return
            if self._look_for_workers():
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > SECONDS_WITHOUT_WORKERS:
                raise no_worker(self.cluster.address)

    def _look_for_workers(self) -> bool:
        """Return True if there is a worker. Raise StrandedError if there are some, and none may run the task."""
        present = self.cluster.workers()
        if self.workers is not None and present and not self.workers & present:
            raise StrandedError
        return bool(present)

    def _join_pieces(self) -> bytes:
        """Fetch the result piece by piece. Raise what dask raises if one cannot be fetched."""
        client, workers = self.cluster.client, sorted(self.workers) if self.workers is not None else self.cluster.hosts
        for _ in range(_MOST_JOINS):
            future: Future[bytes] = self.future
            pieces = [future.result(timeout=SECONDS_TO_FETCH)]
            head, position = pieces[0][:_HEAD], len(pieces[0]) - _HEAD
            while position < int.from_bytes(head[:8], "little") and pieces[-1][:_HEAD] == head:
                future = client.submit(_take_piece, self.whole, position, pure=False, workers=workers)
                pieces.append(future.result(timeout=SECONDS_TO_FETCH))
                position += len(pieces[-1]) - _HEAD
            # A worker that was lost in between: another has done it again, and the time in the answer is another.
            if pieces[-1][:_HEAD] == head:
                return b"".join(piece[_HEAD:] for piece in pieces)
        raise OSError("the result was made again while it was fetched")

    def _fetch(self) -> bytes:
        """Return the result of the task, which is done: the time limit is for the transfer of its bytes."""
        outcome: Outcome[bytes] = Outcome()

        def fetch() -> None:
            try:
                outcome.set_result(self._join_pieces())
            except BaseException as error:
                outcome.set_exception(error)

        # In a thread: where the worker with the result is lost, dask waits for another that may run the task again.
        threading.Thread(target=fetch, daemon=True).start()
        while True:
            try:
                return outcome.result(timeout=_SECONDS_BETWEEN_LOOKS)
            except TimeoutError:
                if outcome.done():
                    raise
                self._look_for_workers()


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

    class ClosedOnceClient(Client):
        def __del__(self) -> None:
            """Do nothing: dask closes here what could not connect, waits for 20 seconds, and prints a traceback."""

    connect: Callable[..., Client] = ClosedOnceClient
    try:
        # None and not False: False would override a user's configuration that demands encryption.
        security = Security(require_encryption=address.is_encrypted or None)
        context = security.get_connection_args("client")["ssl_context"]
    except (OSError, ValueError, TypeError) as error:
        raise bad_certificates(error) from error
    if address.is_encrypted and context is None:
        raise no_certificates()
    if not address.is_encrypted and security.require_encryption:
        raise encrypted(address, "dask's configuration demands encryption (distributed.comm.require-encryption)")
    _probe(address, context if address.is_encrypted else None)
    try:
        # Not the default client: a program that uses the API may have its own.
        client = connect(address.dask, security=security, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except Exception as error:  # OSError where nobody is, others where somebody else is
        raise unreachable(address, _reason(error)) from error
    try:
        for topic in ("print", "warn"):  # what anybody else has workers say
            client.unsubscribe_topic(topic)
        yield client
    finally:
        with contextlib.suppress(Exception):  # one that cannot say goodbye to its scheduler has gone all the same
            client.close()


def _probe(address: Address, context: ssl.SSLContext | None) -> None:
    """Raise FindingsReportError (NETWORK) unless a scheduler of dask greets at the address, encrypted if there is a `context`.

    dask's own messages name sockets and not causes, and its client waits for ever for another program that keeps silent.
    """
    # A scheduler greets at once, and as a server of TLS only after the client has.
    if context is None:
        if _is_greeting(_greet(address, None, _SECONDS_TO_GREET)):
            return
        if _takes_tls(address):
            raise encrypted(address, "it takes encrypted connections only")
        if _is_greeting(_greet(address, None, SECONDS_TO_CONNECT)):  # one that is busy
            return
    else:
        try:
            greeting = _greet(address, context, SECONDS_TO_CONNECT)
        except ssl.SSLCertVerificationError as error:
            remedy = "distributed.comm.tls.ca-file of dask's configuration names the authority of the cluster"
            raise unreachable(address, f"its certificate does not fit: {error.verify_message}", remedy) from error
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                reason = f"it rejects the certificate of this client ({visible(error.reason.lower())})"
                raise unreachable(address, reason, _CERTIFICATES) from error
            greeting = b""
            if _is_greeting(_greet(address, None, _SECONDS_TO_GREET)):
                raise unencrypted(address) from error
        if _is_greeting(greeting):
            return
    raise unreachable(address, "what answers there is no scheduler of dask")


def _greet(address: Address, context: ssl.SSLContext | None, seconds: float) -> bytes:
    """Return the first bytes of whoever listens; none if it keeps silent. Raise FindingsReportError if nobody does.

    Raises ssl.SSLError for a connection with a `context` that does not come about.
    """
    try:
        connection = socket.create_connection((address.host, address.port), timeout=SECONDS_TO_CONNECT)
    except socket.gaierror as error:
        raise unreachable(address, f"there is no host {address.host}", "see whether its name is right") from error
    except TimeoutError as error:
        raise unreachable(address, f"nothing answers within {SECONDS_TO_CONNECT:.0f} s") from error
    except (OSError, UnicodeError) as error:  # a name that cannot be one is an error of its encoding
        raise unreachable(address, getattr(error, "strerror", None) or _reason(error)) from error
    with connection:
        # Nothing is written: a scheduler greets first, and another program is not disturbed.
        connection.settimeout(seconds)
        try:
            if context is None:
                return connection.recv(8)
            with context.wrap_socket(connection, server_hostname=address.host) as wrapped:
                return wrapped.recv(8)
        except ssl.SSLError:
            raise
        except OSError:  # closed, or nothing within the time
            return b""


def _is_greeting(greeting: bytes) -> bool:
    """Return True for the start of dask's handshake: the length of a short message as a number of eight bytes."""
    # Any text is a huge number: SSH, SMTP and the answers of web servers do not pass.
    return len(greeting) == 8 and 0 < int.from_bytes(greeting, "little") < 2**20


def _takes_tls(address: Address) -> bool:
    """Return True if whoever listens answers to TLS; nothing is sent or believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Whose certificate it is does not matter here, as the connection is closed at once.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address.host, address.port), timeout=_SECONDS_TO_GREET) as connection,
            context.wrap_socket(connection),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it wants a certificate, and says so in TLS
    except OSError:
        return False


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
