"""The client for the API of a tracker. No message of it contains a secret, and no token goes to another host.

Redirects are not followed, so that a token reaches only the host that it was given for. The redirect of a download is followed
without the token: GitHub, Jira Cloud and Azure DevOps store files elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

    from findings_report.tickets.http.transport import Transport

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
    from findings_report.tickets.http.transport import open_transport  # httpx: an extra, and slow to import

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
