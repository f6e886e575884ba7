"""A tracker's API on loopback, strict: it answers what it was told to, in that order, and what it is asked is asserted."""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from trackers.contract import Contract


@dataclass(frozen=True)
class FormPart:
    """A part of a multipart form as it was sent."""

    field: str
    name: str | None
    media_type: str | None
    content: bytes


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    def parts(self) -> list[FormPart]:
        """The parts of a form, read by Python's own parser."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.content)
        return [_part(part) for part in message.iter_parts()]


def _part(part: Any) -> FormPart:
    parameters = part["content-disposition"].params
    declared = part["content-type"]
    content = part.get_payload(decode=True)
    return FormPart(parameters["name"], parameters.get("filename"), declared and str(declared), content)


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    document: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stall_seconds: float = 0.0
    """How long nothing comes."""
    is_cut: bool = False
    """True to end the connection without an answer."""
    content: bytes | None = None
    """What is answered instead of a document."""
    drip_seconds: float = 0.0
    """How long nothing comes before each byte of the body, after the first."""


Answers = Reply | Callable[[Request], Reply]


def recorded(into: list[Request], reply: Reply) -> Callable[[Request], Reply]:
    """An answer that keeps what was asked."""

    def answer(request: Request) -> Reply:
        into.append(request)
        return reply

    return answer


class Fake:
    """Expected requests and their answers. A request that is not the next one expected fails the test."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._expected: list[tuple[str, str, Answers]] = []
        self.requests: list[Request] = []
        self.contract: Contract | None = None
        """The vendor's own document, which has the last word on every request that was sent."""
        self._faults: list[str] = []
        self._answered: list[tuple[Request, Reply]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def expect(self, method: str, path: str, answer: Answers | object = None) -> None:
        """The next request must be this one; what is no Reply is its document."""
        is_answer = isinstance(answer, Reply) or callable(answer)
        self._expected.append((method, path, answer if is_answer else Reply(answer)))  # type: ignore[arg-type]  # told apart above

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if not self._expected:
            self._faults.append(f"not expected: {request.method} {request.path}")
            return Reply({"message": "not expected"}, 599)
        method, path, answer = self._expected.pop(0)
        if (request.method, request.path) != (method, path):
            self._faults.append(f"{request.method} {request.path} instead of {method} {path}")
            return Reply({"message": "not expected"}, 599)
        reply = answer if isinstance(answer, Reply) else answer(request)
        self._answered.append((request, reply))
        return reply

    def check(self) -> None:
        assert not self._faults, self._faults
        assert not self._expected, f"never asked: {[each[:2] for each in self._expected]}"
        faults = [fault for each in self.requests for fault in self.contract.faults(each)] if self.contract else []
        contract = self.contract
        faults += [fault for each in self._answered for fault in contract.faults_of_answer(*each)] if contract else []
        assert not faults, "\n".join(faults)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Fake]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        fake = server.fake = cls(server)  # type: ignore[attr-defined]  # how a handler finds it
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, content)
        reply: Reply = self.server.fake.answer(request)  # type: ignore[attr-defined]
        if reply.stall_seconds:
            threading.Event().wait(reply.stall_seconds)
        self.close_connection = True
        if reply.is_cut:
            return
        body = b"" if reply.document is None else json.dumps(reply.document).encode()
        body = body if reply.content is None else reply.content
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked may have had enough
            for piece in [body] if not reply.drip_seconds else [bytes([each]) for each in body]:
                self.wfile.write(piece)
                threading.Event().wait(reply.drip_seconds)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names are the library's

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - likewise
        """Silent."""
