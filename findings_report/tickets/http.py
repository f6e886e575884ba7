"""The one door to trackers: HTTP with time-outs, bounded retries, and no secret in any message.

What may be repeated is repeated: a request that only reads, and any that the tracker turned away unread (429). Another one
whose answer does not come is never sent again: it may have arrived. Redirections are not followed, so that a token goes to
the host it was given for and to no other.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from findings_report.errors import FindingsReportError, Kind, Problem
from findings_report.tickets.faults import refusal, unexpected, unreachable
from findings_report.tickets.messages import redacted, said

if TYPE_CHECKING:
    import httpx

_LARGEST_ANSWER: Final = 32 * 1024 * 1024
_TRIES: Final = 3
_LONGEST_WAIT_SECONDS: Final = 90.0
_MOST_PAGES: Final = 1000
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_NEXT: Final = re.compile(r'<([^<>]+)>;\s*rel="next"')
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Access:
    """Which tracker, and as whom."""

    tracker: str
    """jira, redmine, ..."""
    url: str
    """Where its API begins, without slash at the end; https, or http on this machine."""
    headers: Mapping[str, str]
    """Sent with every request; they hold the token."""
    secrets: tuple[str, ...]
    """What must not stand in any message."""
    credential: str
    """What the user sets, as in REDMINE_API_KEY."""
    setting: str
    """What the user sets to the address, as in REDMINE_URL."""
    hosts: tuple[str, ...] = ()
    """Other hosts of the same tracker that the token may go to."""


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


@dataclass(frozen=True)
class Answer:
    """What the tracker said."""

    status: int
    """HTTP status."""
    content: bytes
    """The body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


class Door:
    """One tracker's API."""

    def __init__(self, access: Access, client: httpx.Client, sleep: Callable[[float], None]) -> None:
        self.access = access
        self._client = client
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
        answer = self._repeated(method, self._address(path), about, sent)
        if answer.status in accepted or 200 <= answer.status < 300:
            return answer
        raise FindingsReportError(
            self._told(refusal(self.access, about, answer.status, answer.headers, said(answer.json(), self.access.secrets)))
        )

    def listed(self, path: str, about: str, query: Mapping[str, str] | None = None) -> Iterator[Any]:
        """The elements of a list, page by page. Source: RFC 8288 (a `Link` to the next page)."""
        following = path
        for _ in range(_MOST_PAGES):
            answer = self.ask("GET", following, about, query=query)
            page = answer.json()
            if not isinstance(page, list):
                raise unexpected(about, "list")
            yield from page
            found = _NEXT.search(answer.headers.get("link", ""))
            if found is None:
                return
            following, query = found[1], None
        raise unexpected(about, "last page")

    def is_readable_by_anybody(self, path: str, about: str) -> bool:
        """True when the tracker answers the same question without a token."""
        answer = self._repeated("GET", self._address(path), about, {}, is_anonymous=True)
        return not 300 <= answer.status < 500  # what is not refused is taken as public

    def _repeated(self, method: str, address: str, about: str, sent: dict[str, Any], *, is_anonymous: bool = False) -> Answer:
        waited = 0.0
        for count in range(1, _TRIES + 1):
            answer, problem = self._once(method, address, about, sent, is_anonymous=is_anonymous)
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
        self, method: str, address: str, about: str, sent: dict[str, Any], *, is_anonymous: bool
    ) -> tuple[Answer | None, Problem]:
        import httpx

        nothing = Problem(Kind.NETWORK, "")
        try:
            request = self._client.build_request(method, address, **sent)
        except httpx.InvalidURL:
            raise unexpected(about, "address that can be asked") from None
        for name in self.access.headers if is_anonymous else ():
            del request.headers[name]
        try:
            with contextlib.closing(self._client.send(request, stream=True)) as response:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _LARGEST_ANSWER:
                        break
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, bytes(body), headers), nothing
        except httpx.TimeoutException as error:
            is_sent = not isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)) and method != "GET"
            return None, unreachable(self.access, about, "it did not answer in time", is_sent=is_sent)
        except httpx.RequestError as error:  # a body that cannot be decompressed, too
            is_sent = not isinstance(error, httpx.ConnectError) and method != "GET"
            return None, unreachable(self.access, about, str(error) or type(error).__name__, is_sent=is_sent)

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

    def _told(self, problem: Problem) -> Problem:
        fault = redacted(problem.fault, self.access.secrets)
        remedy = redacted(problem.remedy, self.access.secrets) if problem.remedy else None
        return Problem(problem.kind, fault, remedy, code=problem.code)


@contextmanager
def open_door(access: Access, sleep: Callable[[float], None] = time.sleep) -> Iterator[Door]:
    """The API of a tracker. Raises FindingsReportError (USAGE) for an address over which a token must not travel."""
    import ssl

    import httpx

    host = _checked(access)
    is_local = host in _LOOPBACK
    with httpx.Client(
        headers={"User-Agent": "findings-report", "Accept": "application/json"} | dict(access.headers),
        timeout=httpx.Timeout(60.0, connect=15.0, write=300.0),
        follow_redirects=False,
        trust_env=not is_local,  # proxies are for what is not on this machine
        verify=ssl.create_default_context(),  # the system's authorities: a company's own are there
    ) as client:
        yield Door(access, client, sleep)


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
