"""The HTTP connections to one tracker: bounded in size and time, with retries. The only module of `tickets` that uses httpx.

Only requests that cannot do harm twice are repeated: reads, and requests that the tracker has turned away unread (429). A
request that changes something is never sent again when its response is lost, because it may have arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx

from findings_report.tickets.http.response import Bounds, NoResponseError, Response

# Three tries with pauses of one and two seconds bridge a short failure; a longer outage is reported to the user.
_TRIES: Final = 3
# GitHub asks for a minute when its secondary limit is reached ("Rate limits for the REST API").
_MAX_WAIT_SECONDS: Final = 90.0
_TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_SAFE_METHODS: Final = ("GET", "HEAD")


class Transport:
    """Open connections to one tracker, and the retries.

    The retries wrap the client instead of being an httpx transport: httpx 0.28 ignores HTTPS_PROXY and NO_PROXY as soon as a
    transport is passed to a client, and many trackers are only reachable through a proxy.
    """

    def __init__(self, client: httpx.AsyncClient, runner: asyncio.Runner, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._runner = runner
        self._sleep = sleep

    def exchange(self, method: str, url: str, headers: Mapping[str, str], bounds: Bounds, body: Mapping[str, Any]) -> Response:
        """Send a request, up to three times if that is safe; the response. `body` has httpx's own arguments.

        Raises NoResponseError, also for a `url` that is none.
        """
        try:
            request = self._client.build_request(method, url, headers=dict(headers), **body)
        except httpx.InvalidURL as error:
            raise NoResponseError("invalid address", is_invalid=True) from error
        is_safe, waited, attempt = method in _SAFE_METHODS, 0.0, 1
        while True:
            outcome: Response | NoResponseError
            try:
                outcome = self._runner.run(self._send(request, bounds))
            except TimeoutError:  # the whole exchange has taken too long: a second one would take as long
                why = f"the response was not complete within {bounds.seconds:.0f} seconds"
                raise NoResponseError(why, may_have_arrived=not is_safe) from None
            except httpx.TimeoutException as error:
                # These two happen before the first byte is sent. After any other one a change may have been made.
                is_sent = not isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout))
                outcome = NoResponseError("no response in time", may_have_arrived=is_sent and not is_safe)
            except httpx.RequestError as error:  # includes bodies that cannot be decompressed
                is_sent = not isinstance(error, httpx.ConnectError)
                outcome = NoResponseError(str(error) or type(error).__name__, may_have_arrived=is_sent and not is_safe)
            status = outcome.status if isinstance(outcome, Response) else None
            if status is not None and status not in _TRANSIENT:
                break
            pause = _pause(outcome, attempt)
            # 429 means that the request was turned away before anything was done, so a change may be repeated too.
            is_repeatable = is_safe or status == 429
            if not is_repeatable or attempt == _TRIES or waited + pause > _MAX_WAIT_SECONDS:
                break
            waited, attempt = waited + pause, attempt + 1
            self._sleep(pause)
        if isinstance(outcome, NoResponseError):
            raise outcome
        return outcome

    async def _send(self, request: httpx.Request, bounds: Bounds) -> Response:
        """Send once. Raises TimeoutError when the exchange as a whole takes too long, and httpx.RequestError.

        httpx's own time-outs are for each read: they bound neither a body that comes byte by byte nor a header that never ends.
        The event loop exists for this bound alone; there is one exchange at a time.
        """
        if bounds.is_file:
            request.headers["Accept-Encoding"] = "identity"  # the digest is that of the file, not of a compressed copy
        async with asyncio.timeout(bounds.seconds):
            response = await self._client.send(request, stream=True)
            try:
                content = bytearray()
                async for piece in response.aiter_raw() if bounds.is_file else response.aiter_bytes():
                    content += piece
                    if len(content) > bounds.max_bytes:
                        break
            finally:
                await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status_code, bytes(content), headers)


@contextmanager
def open_transport(*, is_local: bool, sleep: Callable[[float], None]) -> Iterator[Transport]:
    """Open connections that are closed at the end. `is_local` bypasses the proxy, for a tracker on this machine."""
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(
            headers={"User-Agent": "findings-report", "Accept": "application/json"},
            # For each read and write, not for the exchange as a whole.
            timeout=httpx.Timeout(60.0, connect=15.0, write=300.0),
            follow_redirects=False,  # a token goes to the host that it was given for, and to no other
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a session would make an anonymous request ours
            trust_env=not is_local,
            verify=ssl.create_default_context(),  # the system's certificates, which include a company's own authority
        )
        try:
            yield Transport(client, runner, sleep)
        finally:
            runner.run(client.aclose())


def _pause(outcome: Response | NoResponseError, attempt: int) -> float:
    """Seconds until the next try. Source: RFC 9110, section 10.2.3 (Retry-After: seconds or a date)."""
    text = outcome.headers.get("retry-after", "") if isinstance(outcome, Response) else ""
    if text.isdecimal():
        return float(text)
    with contextlib.suppress(ValueError, OverflowError):  # dates that no calendar has
        if text and (when := email.utils.parsedate_tz(text)) is not None:
            return max(0.0, email.utils.mktime_tz(when) - time.time())
    return float(2 ** (attempt - 1))  # one second, then two
