"""The address of a scheduler, and the problems of a cluster that cannot be used or that failed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.system.toolchain import install_extra

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


def unreachable(address: Address, error: Exception) -> FindingsReportError:
    """Return the error of an address where no scheduler answers."""
    fault = f"the scheduler at {address} cannot be reached: {_reason(error)}"
    remedy = "start one with `dask scheduler`"
    if address.is_encrypted:
        remedy += ", with certificates of the same authority"
    return _error(Kind.NETWORK, fault, remedy, "cluster-unreachable")


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
    """Return the error of a task that killed each worker that ran it."""
    fault = f"{workers} workers were given it one after the other, and each of them died"
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
