"""The one door to trackers: HTTP with time-outs, bounded retries, and no secret in any message.

What may be repeated is repeated: a request that only reads, and any that the tracker turned away unread (429). Another one
whose answer does not come is never sent again: it may have arrived. Redirections are not followed, so that a token goes to
the host it was given for and to no other; that of a download is, without the token.
"""

from __future__ import annotations

import contextlib
import email.utils
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.credentials import Access
from findings_report.tickets.http.problems import astray, incomplete, refusal, unexpected, unreachable
from findings_report.tickets.http.response import Fields, objects
from findings_report.tickets.http.transport import Answer, Bounds, Wire, open_wire, redacted, said

_LARGEST_ANSWER: Final = 32 * 1024 * 1024
_LONGEST_ANSWER_SECONDS: Final = 120.0
_LONGEST_DOWNLOAD_SECONDS: Final = 300.0
_SLOWEST_UPLOAD: Final = 50_000  # bytes a second
_REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTIONS: Final = 3
_TRIES: Final = 3
_LONGEST_WAIT_SECONDS: Final = 90.0
_MOST_PAGES: Final = 1000
_LONGEST_LIST_SECONDS: Final = 600.0
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_NEXT: Final = re.compile(r'<([^<>]+)>;\s*rel="next"')
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Part:
    """A file in a form."""

    field: str
    """The form's field."""
    name: str
    """The file's name."""
    content: bytes
    """The file."""
    media_type: str
    """As in application/pdf."""


class Door:
    """One tracker's API."""

    def __init__(self, access: Access, wire: Wire, sleep: Callable[[float], None]) -> None:
        self.access = access
        self._wire = wire
        self._sleep = sleep

    def ask(
        self,
        method: str,
        path: str,
        about: str,
        *,
        query: Mapping[str, str] | None = None,
        document: object = None,
        content: bytes | None = None,
        part: Part | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] = (),
    ) -> Answer:
        """The answer to one request. `path` follows the access's url, or is a whole address on the same host.

        `about` says what is asked for, in messages: `redmine:17`.
        `form` has the fields that go with `part`. Statuses of 400 and above are refusals unless `accepted`.
        Raises FindingsReportError (NETWORK).
        """
        sent: dict[str, Any] = {"params": query, "headers": dict(headers or {})}
        if document is not None:
            sent["json"] = document
        if content is not None:
            sent["content"] = content
            sent["headers"] = {"Content-Type": "application/octet-stream"} | sent["headers"]
        if part is not None:
            sent["files"] = {part.field: (part.name, part.content, part.media_type)}
            sent["data"] = form
        size = len(content or b"") + len(part.content if part is not None else b"")
        bounds = Bounds(_LARGEST_ANSWER, _LONGEST_ANSWER_SECONDS + size / _SLOWEST_UPLOAD)
        answer = self._repeated(method, self._address(path), about, sent, bounds)
        if answer.status in accepted or 200 <= answer.status < 300:
            return answer
        raise self._refused(answer, about)

    def fields(self, method: str, path: str, about: str, **sent: Any) -> Fields:
        """The object that one request is answered with; what is sent is said as to `ask`, and the same is raised."""
        return Fields(self.ask(method, path, about, **sent).json(), about)

    def listed(self, path: str, about: str, query: Mapping[str, str] | None = None) -> Iterator[Fields]:
        """The elements of a list, page by page. Source: RFC 8288 (a `Link` to the next page)."""
        following = path
        for _ in pages(about):
            answer = self.ask("GET", following, about, query=query)
            yield from objects(answer.json(), about)
            found = _NEXT.search(answer.headers.get("link", ""))
            if found is None:
                return
            following, query = found[1], None

    def download(
        self,
        path: str,
        about: str,
        *,
        largest: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """A file of at most `largest` bytes. `path`, `about` and `query` are as for `ask`.

        Where the tracker sends on to a store of its files, the token stays behind. Raises FindingsReportError (NETWORK).
        """
        bounds = Bounds(largest, _LONGEST_DOWNLOAD_SECONDS, is_file=True)
        address = self._address(path)
        answer = self._repeated("GET", address, about, {"params": query, "headers": dict(headers or {})}, bounds)
        for _ in range(_MOST_REDIRECTIONS):
            if answer.status not in _REDIRECTED:
                break
            address = self._elsewhere(address, answer.headers.get("location", ""), about)
            answer = self._repeated("GET", address, about, {}, bounds, is_anonymous=True)
        if answer.status == 200:
            return answer.content
        raise self._refused(answer, about)

    def is_readable_by_anybody(self, path: str, about: str) -> bool:
        """True when the tracker answers the same question without a token."""
        bounds = Bounds(_LARGEST_ANSWER, _LONGEST_ANSWER_SECONDS)
        answer = self._repeated("GET", self._address(path), about, {}, bounds, is_anonymous=True)
        return not 300 <= answer.status < 500  # what is not refused is taken as public

    def _repeated(
        self, method: str, address: str, about: str, sent: dict[str, Any], bounds: Bounds, *, is_anonymous: bool = False
    ) -> Answer:
        waited = 0.0
        for count in range(1, _TRIES + 1):
            answer, problem = self._once(method, address, about, sent, bounds, is_anonymous=is_anonymous)
            is_harmless = method in ("GET", "HEAD") or (answer is not None and answer.status == 429)
            if answer is not None and answer.status not in _PASSING:
                return answer
            pause = _pause(answer, count)
            if not is_harmless or count == _TRIES or waited + pause > _LONGEST_WAIT_SECONDS:
                break
            waited += pause
            self._sleep(pause)
        if answer is None:
            raise FindingsReportError(self._told(problem)) from None
        return answer

    def _once(
        self, method: str, address: str, about: str, sent: dict[str, Any], bounds: Bounds, *, is_anonymous: bool
    ) -> tuple[Answer | None, Problem]:
        import httpx

        nothing = Problem(Kind.NETWORK, "", code="tracker-no-answer")
        try:
            request = self._wire.request(method, address, {} if is_anonymous else self.access.headers, sent)
        except httpx.InvalidURL:
            raise unexpected(about, "address that can be asked") from None
        is_change = method not in ("GET", "HEAD")
        try:
            answer = self._wire.exchange(request, bounds)
        except TimeoutError:
            raise FindingsReportError(self._told(incomplete(self.access, about, bounds.seconds, is_sent=is_change))) from None
        except httpx.TimeoutException as error:
            is_sent = not isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)) and is_change
            return None, unreachable(self.access, about, "it did not answer in time", is_sent=is_sent)
        except httpx.RequestError as error:  # a body that cannot be decompressed, too
            is_sent = not isinstance(error, httpx.ConnectError) and is_change
            return None, unreachable(self.access, about, str(error) or type(error).__name__, is_sent=is_sent)
        if len(answer.content) > bounds.largest:
            raise unexpected(about, f"end within {bounds.largest:,} bytes")
        return answer, nothing

    def _address(self, path: str) -> str:
        if path.startswith("/"):  # anything else, as in `@host` or `.host`, would be a part of the host's name
            return f"{self.access.url}{path}"
        own = urlsplit(self.access.url)
        try:
            parts = urlsplit(path)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != own.scheme or parts.netloc not in (own.netloc, *self.access.hosts):
            fault = f"{self.access.tracker} names an address on another host: {parts.netloc or path}"
            raise FindingsReportError(Problem(Kind.NETWORK, fault, "the token is not sent there", code="tracker-host"))
        return path

    def _elsewhere(self, address: str, location: str, about: str) -> str:
        """Where a download is redirected to: https, or this machine where the tracker is on it too."""
        try:
            following = urljoin(address, location)
            parts = urlsplit(following)
            host = parts.hostname or ""
        except ValueError:
            following, parts, host = "", urlsplit(""), ""
        is_local = host in _LOOPBACK and urlsplit(self.access.url).hostname in _LOOPBACK
        is_fit = parts.scheme == "https" or (parts.scheme == "http" and is_local)
        if not location or not host or parts.username is not None or not is_fit:
            raise FindingsReportError(self._told(astray(self.access, about, location.partition("?")[0])))
        return following

    def _refused(self, answer: Answer, about: str) -> FindingsReportError:
        own = said(answer.json(), self.access.secrets)
        return FindingsReportError(self._told(refusal(self.access, about, answer.status, answer.headers, own)))

    def _told(self, problem: Problem) -> Problem:
        fault = redacted(problem.fault, self.access.secrets)
        remedy = redacted(problem.remedy, self.access.secrets) if problem.remedy else None
        return Problem(problem.kind, fault, remedy, code=problem.code)


def pages(about: str) -> Iterator[int]:
    """1, 2, ... for the pages of a list. Raises FindingsReportError (NETWORK) for one that does not end."""
    until = time.monotonic() + _LONGEST_LIST_SECONDS
    for page in range(1, _MOST_PAGES + 1):
        if time.monotonic() > until:
            break
        yield page
    raise unexpected(about, "last page")


@contextmanager
def open_door(access: Access, sleep: Callable[[float], None] = time.sleep) -> Iterator[Door]:
    """The API of a tracker. Raises FindingsReportError (USAGE) for an address over which a token must not travel."""
    host = _checked(access)
    with open_wire(is_local=host in _LOOPBACK) as wire:
        yield Door(access, wire, sleep)


def _checked(access: Access) -> str:
    try:
        parts = urlsplit(access.url)
        is_address = parts.port is None or parts.port > 0
    except ValueError:
        parts, is_address = urlsplit(""), False
    host = parts.hostname or ""
    fault = None
    if parts.scheme not in ("http", "https") or not host or not is_address:
        fault = f"{access.setting} is no web address"
    elif parts.username is not None:
        fault = f"{access.setting} holds a user name or password"
    elif parts.scheme == "http" and host not in _LOOPBACK:
        fault = f"{access.setting} begins with http://: the token would travel where others can read it"
    if fault:
        raise FindingsReportError(Problem(Kind.USAGE, fault, "write it as https://tracker.example.org", code="tracker-url"))
    return host


def _pause(answer: Answer | None, count: int) -> float:
    """Seconds to wait. Source: RFC 9110, section 10.2.3 (Retry-After: seconds or a date)."""
    text = answer.headers.get("retry-after", "") if answer is not None else ""
    if text.isdecimal():
        return float(text)
    with contextlib.suppress(ValueError, OverflowError):  # a day that no calendar has
        if text and (when := email.utils.parsedate_tz(text)) is not None:
            return max(0.0, email.utils.mktime_tz(when) - time.time())
    return float(2 ** (count - 1))
