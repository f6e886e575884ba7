"""The network's end of a time stamp: a query to an authority, its reply, both as bytes (RFC 3161, 3.4). Nothing is parsed here.

http is taken as well as https, and most public authorities have no other: the query is a digest of a signature and a number
drawn by lot, of which nobody can learn what was signed; the reply is signed by the authority and held against the query, so
that one who sits between can refuse a time stamp, or give one of his own, which names him and which nobody trusts.
"""

from __future__ import annotations

import asyncio
import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible

if TYPE_CHECKING:
    import httpx

LARGEST_REPLY: Final = 16 * 1024
"""Bytes of a reply that is taken, and room in the PDF that is kept for it; replies with two certificates have some 4 KiB."""

_SECONDS: Final = 30.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def check(url: str) -> None:
    """Raises FindingsReportError (USAGE) for what is no address of an authority, and where httpx is not installed."""
    _checked(url)
    if find_spec("httpx") is None:
        remedy = "pip install 'findings-report[sign]'"
        raise FindingsReportError(Problem(Kind.USAGE, "time stamps need httpx", remedy, code="no-httpx"))


def answer(url: str, query: bytes, *, seconds: float = _SECONDS) -> bytes:
    """What the authority replies to a TimeStampReq, within `seconds` and at most LARGEST_REPLY bytes long.

    Redirections are not followed. Raises FindingsReportError: NETWORK when it does not reply so, USAGE as `check`.
    """
    parts = _checked(url)
    try:
        return asyncio.run(_asked(parts, query, seconds))
    except TimeoutError:
        raise refused(url, f"it did not answer within {seconds:g} seconds") from None
    except _RefusedError as error:
        raise refused(url, str(error)) from None


def refused(url: str, why: str) -> FindingsReportError:
    """The error of an authority that gives no time stamp."""
    parts = urlsplit(url)
    fault = f"the time stamp authority at {visible(parts.hostname or url)} gave no time stamp: {why}"
    return FindingsReportError(Problem(Kind.NETWORK, fault, "nothing was written; try again, or ask another", code="timestamp"))


class _RefusedError(Exception):
    """Why there is no reply."""


async def _asked(parts: SplitResult, query: bytes, seconds: float) -> bytes:
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
        trust_env=parts.hostname not in _LOOPBACK,  # proxies are for what is not on this machine
        verify=ssl.create_default_context(),  # the system's authorities: a company's own are there
    )
    try:
        # The whole of it has a deadline; httpx has one for each step only.
        async with (
            asyncio.timeout(seconds),
            client,
            client.stream("POST", parts.geturl(), content=query, headers=headers) as said,
        ):
            return await _read(said)
    except httpx.TimeoutException:
        raise TimeoutError from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _RefusedError(visible(str(error) or type(error).__name__)) from None


async def _read(said: httpx.Response) -> bytes:
    if said.status_code != 200:
        raise _RefusedError(f"it answered with status {said.status_code}")
    reply = bytearray()
    async for piece in said.aiter_raw():
        reply += piece
        if len(reply) > LARGEST_REPLY:
            raise _RefusedError(f"its answer has more than {LARGEST_REPLY:,} bytes")
    return bytes(reply)


def _checked(url: str) -> SplitResult:
    fault = None
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            fault = f"{url!r} is no address of a time stamp authority"
        elif parts.username is not None:
            fault = (
                "the address of the time stamp authority holds a user name or password, which others on this machine could see"
            )
    except ValueError:
        fault = f"{url!r} is no address of a time stamp authority"
    if fault is not None:
        remedy = "write it as https://tsa.example.org"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="timestamp-url"))
    return parts
