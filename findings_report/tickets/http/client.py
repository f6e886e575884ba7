"""The client for the API of a tracker. No message of it contains a secret, and no token goes to another host.

Redirects are not followed, so that a token reaches only the host that it was given for. The redirect of a download is followed
without the token: GitHub, Jira Cloud and Azure DevOps store files elsewhere.

`Transport` is the connections: bounded in size and time, with retries. No other module of `tickets` uses httpx. Only
requests that cannot do harm twice are repeated: reads, and requests that the tracker has turned away unread (429). A request
that changes something is never sent again when its response is lost, because it may have arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import urljoin, urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.credentials import Credentials
from findings_report.tickets.http.response import (
    Bounds,
    Model,
    NoResponseError,
    Response,
    extract_message,
    parse_answer,
    redact,
    refusal,
    unexpected_answer,
    unreachable,
    unsafe_redirect,
)

if TYPE_CHECKING:
    from typing import Unpack

    import httpx

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
        import httpx

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
    # Here and not above: httpx is of the extra `tickets`, and a program of the user or `ci comment` needs none.
    import httpx

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


# Far above the longest page of any list. Without limits, a program that answers at the address by mistake could fill the
# memory, or hold up a CI job for hours.
_MAX_RESPONSE_BYTES: Final = 32 * 1024 * 1024
_MAX_RESPONSE_SECONDS: Final = 120.0
_MAX_DOWNLOAD_SECONDS: Final = 300.0
# Bytes per second: an upload of 30 MB may take ten minutes longer than any other request.
_SLOWEST_UPLOAD: Final = 50_000
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# GitHub needs one. More than a few are a loop.
_MAX_REDIRECTS: Final = 3
# A list whose next page is itself has no end. A thousand pages are 100,000 comments.
_MAX_PAGES: Final = 1000
_MAX_LIST_SECONDS: Final = 600.0
_NEXT: Final = re.compile(r'<([^<>]+)>;\s*rel="next"')
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class FilePart:
    """A file in a multipart form."""

    field: str
    """The form's field."""
    name: str
    """The file's name."""
    content: bytes
    """The file."""
    media_type: str
    """As in application/pdf."""


class Sent(TypedDict, total=False):
    """The parts of a request, all optional."""

    query: Mapping[str, str] | None
    """Parameters of the URL."""
    document: object
    """The body, as JSON."""
    content: bytes | None
    """The body, as bytes."""
    part: FilePart | None
    """The body, as a multipart form."""
    form: Mapping[str, str] | None
    """Further fields of the form with `part`."""
    headers: Mapping[str, str] | None
    """In addition to those of the credentials."""
    accepted: tuple[int, ...]
    """Statuses of 400 and above that are answers, not refusals."""


class ApiClient:
    """The API of one tracker.

    In all methods `path` follows the URL of the credentials, or is a whole address on the same host. `about` is the subject of
    messages, as in `redmine:17`. All of them raise FindingsReportError (NETWORK).
    """

    def __init__(self, credentials: Credentials, transport: Transport) -> None:
        self.credentials = credentials
        self._transport = transport

    def send(self, method: str, path: str, about: str, **sent: Unpack[Sent]) -> Response:
        """Send a request; the response. A status other than 2xx raises, unless it is `accepted`."""
        headers, content, part = dict(sent.get("headers") or {}), sent.get("content"), sent.get("part")
        body: dict[str, Any] = {"params": sent.get("query")}
        if (document := sent.get("document")) is not None:
            body["json"] = document
        if content is not None:
            body["content"] = content
            headers = {"Content-Type": "application/octet-stream"} | headers
        if part is not None:
            body["files"] = {part.field: (part.name, part.content, part.media_type)}
            body["data"] = sent.get("form")
        # Only the upload extends the limit: an answer to it is as short as any other.
        size = len(content or b"") + len(part.content if part is not None else b"")
        bounds = Bounds(_MAX_RESPONSE_BYTES, _MAX_RESPONSE_SECONDS + size / _SLOWEST_UPLOAD)
        url = self._url(path)
        response = self._exchange(method, url, about, {**self.credentials.headers, **headers}, bounds, body)
        if response.status in sent.get("accepted", ()) or 200 <= response.status < 300:
            return response
        raise self._refuse(response, about)

    def request(
        self, model: type[Model], method: str, path: str, about: str, *, member: str = "", **sent: Unpack[Sent]
    ) -> Model:
        """Send a request; the JSON of the response, or that member of its object, as `model`."""
        return parse_answer(model, self.send(method, path, about, **sent).json(), about, member)

    def iterate(self, model: type[Model], path: str, about: str, query: Mapping[str, str]) -> Iterator[Model]:
        """Yield the elements of a list, page by page. Source: RFC 8288 (a `Link` to the next page)."""
        following: str = path
        parameters: Mapping[str, str] | None = query
        for _ in pages(about):
            response = self.send("GET", following, about, query=parameters)
            yield from parse_answer(list[model], response.json(), about)  # type: ignore[valid-type]  # a type at run time
            link = _NEXT.search(response.headers.get("link", ""))
            if link is None:
                return
            following, parameters = link[1], None  # the link repeats the parameters

    def download(
        self,
        path: str,
        about: str,
        *,
        max_bytes: int,
        query: Mapping[str, str] | None = None,
        accept: str = "*/*",
    ) -> bytes:
        """Return the bytes of a file. Redirects to a file store are followed without the token."""
        bounds = Bounds(max_bytes, _MAX_DOWNLOAD_SECONDS, is_file=True)
        url = self._url(path)
        headers = {**self.credentials.headers, "Accept": accept}
        response = self._exchange("GET", url, about, headers, bounds, {"params": query})
        # The token stays behind, and so do all other headers: a signed address of a file store refuses a second authorization.
        for _ in range(_MAX_REDIRECTS):
            if response.status not in _REDIRECTS:
                break
            url = self._redirected(url, response.headers.get("location", ""), about)
            response = self._exchange("GET", url, about, {}, bounds, {})
        if response.status == 200:
            return response.content
        raise self._refuse(response, about)

    def is_readable_by_anybody(self, path: str, about: str) -> bool:
        """Return True if the tracker answers the same request without a token. Anything that is no refusal counts as public."""
        bounds = Bounds(_MAX_RESPONSE_BYTES, _MAX_RESPONSE_SECONDS)
        return not 300 <= self._exchange("GET", self._url(path), about, {}, bounds, {}).status < 500

    def _exchange(
        self, method: str, url: str, about: str, headers: Mapping[str, str], bounds: Bounds, body: Mapping[str, Any]
    ) -> Response:
        try:
            response = self._transport.exchange(method, url, headers, bounds, body)
        except NoResponseError as error:
            if error.is_invalid:
                raise unexpected_answer(about, "valid address") from None
            problem = unreachable(self.credentials, about, error.why, is_sent=error.may_have_arrived)
            raise self._redacted(problem) from None
        # The transport stops reading shortly after the limit, so a truncated body is recognized by its length.
        if len(response.content) > bounds.max_bytes:
            raise unexpected_answer(about, f"end within {bounds.max_bytes:,} bytes")
        return response

    def _url(self, path: str) -> str:
        if path.startswith("/"):  # without the slash, `@host` or `.host` would become part of the host's name
            return f"{self.credentials.url}{path}"
        own = urlsplit(self.credentials.url)
        try:
            parts = urlsplit(path)
        except ValueError:
            parts = urlsplit("")
        # A tracker may name addresses (the next page, where to upload), but does not decide who receives the token.
        if parts.scheme != own.scheme or parts.netloc not in (own.netloc, *self.credentials.hosts):
            fault = f"{self.credentials.tracker} returned an address on another host: {parts.netloc or path}"
            raise FindingsReportError(Problem(Kind.NETWORK, fault, "the token is not sent there", code="tracker-host"))
        return path

    def _redirected(self, url: str, location: str, about: str) -> str:
        """Return where a download is redirected to: https, or this machine if the tracker is on it too."""
        try:
            following = urljoin(url, location)
            parts = urlsplit(following)
            host = parts.hostname or ""
        except ValueError:
            following, parts, host = "", urlsplit(""), ""
        is_local = host in _LOOPBACK and urlsplit(self.credentials.url).hostname in _LOOPBACK
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_local)
        if not location or not host or parts.username is not None or not is_safe:
            raise self._redacted(
                unsafe_redirect(self.credentials, about, location.partition("?")[0])
            )  # the query may be a signature
        return following

    def _refuse(self, response: Response, about: str) -> FindingsReportError:
        message = extract_message(response.json(), self.credentials.secrets)
        return self._redacted(refusal(self.credentials, about, response.status, response.headers, message))

    def _redacted(self, problem: Problem) -> FindingsReportError:
        secrets = self.credentials.secrets
        remedy = redact(problem.remedy, secrets) if problem.remedy else None
        return FindingsReportError(replace(problem, fault=redact(problem.fault, secrets), remedy=remedy))


def pages(about: str) -> Iterator[int]:
    """Yield 1, 2, ... for the pages of a list. Raises FindingsReportError (NETWORK) for a list without end."""
    until = time.monotonic() + _MAX_LIST_SECONDS
    for page in range(1, _MAX_PAGES + 1):
        if time.monotonic() > until:
            break
        yield page
    raise unexpected_answer(about, "last page")


@contextmanager
def open_client(credentials: Credentials, sleep: Callable[[float], None] = time.sleep) -> Iterator[ApiClient]:
    """Open the API of a tracker. Raises FindingsReportError (USAGE) for an address over which a token must not travel."""
    from findings_report.tickets.http.client import open_transport  # httpx: an extra, and slow to import

    is_local = _check_url(credentials) in _LOOPBACK
    with open_transport(is_local=is_local, sleep=sleep) as transport:
        yield ApiClient(credentials, transport)


def _check_url(credentials: Credentials) -> str:
    """Return the host. Raises FindingsReportError (USAGE)."""
    try:
        parts = urlsplit(credentials.url)
        is_address = parts.port is None or parts.port > 0  # reading `port` raises ValueError for one that is no number
    except ValueError:
        parts, is_address = urlsplit(""), False
    host = parts.hostname or ""
    fault = None
    if parts.scheme not in ("http", "https") or not host or not is_address:
        fault = f"{credentials.url_variable} is not a web address"
    elif parts.username is not None:
        fault = f"{credentials.url_variable} contains a user name or password"
    elif parts.scheme == "http" and host not in _LOOPBACK:
        fault = f"{credentials.url_variable} begins with http://: the token would be sent in clear text"
    if fault:
        raise FindingsReportError(Problem(Kind.USAGE, fault, "write it as https://tracker.example.org", code="tracker-url"))
    return host
