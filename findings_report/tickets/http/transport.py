"""Connections to a tracker: a request and the whole of its answer, bounded in size and in time.

A time-out of each read does not bound an answer that comes byte by byte, nor one whose head never ends. So the whole exchange
is a task that is given up: that is what the event loop is here for, there is one exchange at a time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    import httpx


_LONGEST: Final = 300


def said(document: object, secrets: tuple[str, ...]) -> str:
    """What the tracker says of a refusal, from the places where trackers say it; short, on one line; empty when nothing.

    The secrets go before it is cut: half of one would not be known again.
    """
    try:
        found = "; ".join(dict.fromkeys(_messages(document)))
    except RecursionError:  # lists in lists: nothing that a person would be told
        return ""
    return " ".join(redacted(found, secrets).split())[:_LONGEST]


def _messages(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value for text in _messages(each)]
    if not isinstance(value, dict):
        return []
    named = ("errors", "errorMessages", "message", "error", "error_description", "detail")
    found = [text for name in named for text in _messages(value.get(name))]
    return found or [
        f"{name}: {text}" for name, each in value.items() if name != "documentation_url" for text in _messages(each)
    ]


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without the secrets, as they are, as an address has them, or as basic authentication has them."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            if len(form) > 3:
                text = text.replace(form, "***")
    return text


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


@dataclass(frozen=True)
class Bounds:
    """How much of an answer is waited for."""

    largest: int
    """Bytes of the body. Of a longer one a little more than these is read, so that it can be told."""
    seconds: float
    """From the first try to connect to the last byte."""
    is_file: bool = False
    """True for bytes that are wanted as they are: nothing is decompressed."""


class Wire:
    """What is kept open to one tracker. It keeps no cookies: a session would make an anonymous question another one."""

    def __init__(self, client: httpx.AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def request(self, method: str, address: str, headers: Mapping[str, str], sent: Mapping[str, Any]) -> httpx.Request:
        """A request; `sent` are httpx's own arguments. Raises httpx.InvalidURL."""
        return self._client.build_request(method, address, **{**sent, "headers": {**headers, **sent.get("headers", {})}})

    def exchange(self, request: httpx.Request, bounds: Bounds) -> Answer:
        """The answer. Raises TimeoutError when the whole of it takes too long, and httpx.RequestError."""
        return self._runner.run(self._exchanged(request, bounds))

    async def _exchanged(self, request: httpx.Request, bounds: Bounds) -> Answer:
        if bounds.is_file:
            request.headers["Accept-Encoding"] = "identity"
        async with asyncio.timeout(bounds.seconds):
            response = await self._client.send(request, stream=True)
            try:
                body = bytearray()
                async for piece in response.aiter_raw() if bounds.is_file else response.aiter_bytes():
                    body += piece
                    if len(body) > bounds.largest:
                        break
            finally:
                await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, bytes(body), headers)


@contextmanager
def open_wire(*, is_local: bool) -> Iterator[Wire]:
    """Connections, closed at the end. `is_local` is True for a tracker on this machine, which no proxy is asked for."""
    import ssl

    import httpx

    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(
            headers={"User-Agent": "findings-report", "Accept": "application/json"},
            timeout=httpx.Timeout(60.0, connect=15.0, write=300.0),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=not is_local,
            verify=ssl.create_default_context(),  # the system's authorities: a company's own are there
        )
        try:
            yield Wire(client, runner)
        finally:
            runner.run(client.aclose())
