"""Where a cluster is: `dask://HOST:PORT`, which is not encrypted and ends on this machine, or `tls://HOST:PORT`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem

SCHEMES: Final = ("dask", "tls")
"""What an address may begin with."""


@dataclass(frozen=True)
class Address:
    """Where a scheduler listens."""

    host: str
    """Name or number."""
    port: int
    """Its port."""
    is_encrypted: bool
    """True for `tls://`."""

    def __str__(self) -> str:
        """As a person writes it."""
        return f"{'tls' if self.is_encrypted else 'dask'}://{self._place}"

    @property
    def dask(self) -> str:
        """As dask writes it."""
        return f"{'tls' if self.is_encrypted else 'tcp'}://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """`dask://HOST:PORT` or `tls://HOST:PORT` as a value.

    Raises FindingsReportError (USAGE) for what is neither, and for a `dask://` that leaves this machine.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or text != f"{parts.scheme}://{parts.netloc}" or "@" in text or parts.scheme not in SCHEMES:
        fault = f"{text!r} does not say where the scheduler is"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "write tls://HOST:PORT", code="cluster-address"))
    address = Address(host, port, is_encrypted=parts.scheme == "tls")
    if not address.is_encrypted and not is_loopback(host):
        fault = f"{text} is not encrypted, and leads to another machine: findings would be sent in the clear"
        remedy = f"start the scheduler with certificates, and write tls://{parts.netloc}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="cluster-in-the-clear"))
    return address


def is_loopback(host: str) -> bool:
    """True for a host that is this machine whatever the network says: 127.0.0.0/8, ::1 and localhost.

    Source: RFC 6761, section 6.3, for the name; it is the only one that is believed.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
