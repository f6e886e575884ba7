"""The network side of time stamps: send a query to an authority and receive the reply (RFC 3161, 3.4). Neither is parsed here.

Plain http is allowed, because most public authorities offer nothing else. The query is a digest of a signature and a
random number, which reveal nothing about the report. The reply is signed by the authority and compared with the query:
an attacker on the network can only prevent a time stamp, or insert one that names another authority, which nobody
trusts.
"""

from __future__ import annotations

import asyncio
import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.system.toolchain import install_extra

if TYPE_CHECKING:
    import httpx

LARGEST_REPLY: Final = 16 * 1024
"""Bytes of the longest reply, and room for it in the PDF. Replies with two certificates have about 4 KiB."""

_SECONDS: Final = 30.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def check_address(url: str) -> None:
    """Raise FindingsReportError (USAGE) if `url` is not an address of an authority, or if httpx is not installed."""
    _parse_address(url)
    # Checked before the work, because the extra may be missing.
    if find_spec("httpx") is None:
        remedy = install_extra("sign")
        raise FindingsReportError(Problem(Kind.USAGE, "time stamps need httpx", remedy, code="no-httpx"))


def fetch_reply(url: str, query: bytes, *, seconds: float = _SECONDS) -> bytes:
    """Return an authority's reply to a TimeStampReq, at most LARGEST_REPLY bytes, received within `seconds`.

    Redirections are not followed. Raises FindingsReportError: NETWORK if there is no such reply, USAGE as `check_address`.
    """
    parts = _parse_address(url)
    try:
        return asyncio.run(_post(parts, query, seconds))
    except TimeoutError:
        raise no_time_stamp(url, f"it did not answer within {seconds:g} seconds") from None
    except _NoReplyError as error:
        raise no_time_stamp(url, str(error)) from None


def no_time_stamp(url: str, why: str) -> FindingsReportError:
    """Return the error of an authority that gives no time stamp."""
    parts = urlsplit(url)
    fault = f"the time stamp authority at {visible(parts.hostname or url)} gave no time stamp: {why}"
    return FindingsReportError(
        Problem(Kind.NETWORK, fault, "nothing was written; try again, or use another authority", code="timestamp")
    )


class _NoReplyError(Exception):
    """Why there is no reply."""


async def _post(parts: SplitResult, query: bytes, seconds: float) -> bytes:
    import httpx

    headers = {
        "Content-Type": "application/timestamp-query",
        "Accept": "application/timestamp-reply",
        "Accept-Encoding": "identity",
        "User-Agent": "findings-report",
    }
    client = httpx.AsyncClient(
        timeout=seconds,
        follow_redirects=False,
        trust_env=parts.hostname not in _LOOPBACK,  # a proxy cannot reach this machine
        verify=ssl.create_default_context(),  # the system's certificates, which may include a company's own
    )
    try:
        # A deadline for the whole exchange: the timeout of httpx applies to each step.
        async with (
            asyncio.timeout(seconds),
            client,
            client.stream("POST", parts.geturl(), content=query, headers=headers) as response,
        ):
            return await _read_body(response)
    except httpx.TimeoutException:
        raise TimeoutError from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _NoReplyError(visible(str(error) or type(error).__name__)) from None


async def _read_body(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise _NoReplyError(f"it answered with status {response.status_code}")
    reply = bytearray()
    # Not decompressed: a small body could become a huge one.
    async for piece in response.aiter_raw():
        reply += piece
        if len(reply) > LARGEST_REPLY:
            raise _NoReplyError(f"its reply has more than {LARGEST_REPLY:,} bytes")
    return bytes(reply)


def _parse_address(url: str) -> SplitResult:
    fault = None
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            fault = f"{url!r} is not an address of a time stamp authority"
        elif parts.username is not None:
            fault = "the address of the time stamp authority contains a user name or password, which other users could see"
    except ValueError:
        fault = f"{url!r} is not an address of a time stamp authority"
    if fault is not None:
        remedy = "write it as https://tsa.example.org"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="timestamp-url"))
    return parts
