"""Signing a PDF or a statement, and validating their signatures.

`worker` does both in a confined child: a PDF to be validated may come from anyone, and a key is safest without network
and files. The child that has the key never sees data from the network: another child inserts the time stamp.

The network side of time stamps is here: a query to an authority and its reply (RFC 3161, 3.4), which are not parsed. Plain
http is allowed, because most public authorities offer nothing else. The query is a digest of a signature and a random number,
which reveal nothing about the report. The reply is signed by the authority and compared with the query: an attacker on the
network can only prevent a time stamp, or insert one that names another authority, which nobody trusts.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from findings_report import sandbox
from findings_report.pdf.embedded_data import Password, ask_with_password, no_password
from findings_report.pdf.encryption import DAMAGED_REMEDY
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import visible
from findings_report.system.toolchain import install_extra

if TYPE_CHECKING:
    import httpx

LARGEST_REPLY: Final = 16 * 1024
"""Bytes of the longest reply, and room for it in the PDF. Replies with two certificates have about 4 KiB."""

_SECONDS: Final = 30.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def check_extra() -> None:
    """Raise FindingsReportError (USAGE) if pyHanko is not installed."""
    if find_spec("pyhanko") is None:
        remedy = install_extra("sign")
        raise FindingsReportError(Problem(Kind.USAGE, "signatures need pyHanko", remedy, code="no-pyhanko"))


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


_WORKER: Final = "findings_report.pdf.signing.worker"
# The visible part of a signature, the same for every template. White to be read on a cover; the page header
# has its title to the right of it.
_APPEARANCE: Final = """\
<!DOCTYPE html>
<html lang="en"><head><title>Signature</title><style>
@page {{ size: 90mm 8mm; margin: 0; background: #fff }}
body {{ margin: 0; padding-left: 2mm; border-left: 0.6mm solid #5a6672; height: 8mm; overflow: hidden;
  font: 6.5pt/4mm Inter, "DejaVu Sans"; color: #5a6672; white-space: nowrap }}
p {{ margin: 0; overflow: hidden; text-overflow: ellipsis }}
b {{ font-weight: 600; color: #1c2430 }}
</style></head><body><p>Signed by <b>{signer}</b></p><p>{when}</p></body></html>
"""
_LONGEST_NAME: Final = 200


@dataclass(frozen=True)
class SigningKey:
    """A private key and its certificates."""

    content: bytes
    """PKCS#12, or a private key in PEM."""
    certificates: bytes
    """In PEM: the signer's certificate first, then those up to its root; empty for PKCS#12, which contains them."""
    passphrase: str | None
    """Passphrase of the key; None if it has none."""
    file: str | None = None
    """Name of the key's file in messages; None if it has none."""


@dataclass(frozen=True)
class Signer:
    """Who signs, according to the certificate."""

    name: str
    """The common name, or the whole subject if there is none."""
    organisation: str | None
    """The organisation of the signer; None if the certificate names none."""


@dataclass(frozen=True)
class Appearance:
    """A page that is put on the first page of a PDF to show a signature."""

    page: bytes
    """A PDF of one page, as large as it appears, with its fonts and without tags."""
    text: str
    """What it says, for people who listen to the PDF."""
    # Where the text of a cover begins.
    left: float = 30 / 25.4 * 72
    """Points from the left edge of the first page."""
    # Above the page header, a line at the lower end of its margin, so that nothing is hidden.
    top: float = 6 / 25.4 * 72
    """Points from the upper edge of the first page."""


@dataclass(frozen=True)
class SignatureSettings:
    """How a PDF is signed."""

    at: datetime
    """The signing time that the signer claims."""
    make_appearance: Callable[[Signer], Appearance] | None = None
    """Makes the visible part of the signature; None for an invisible one."""
    authority: str | None = None
    """Address of the time stamp authority; None for no time stamp."""


@dataclass(frozen=True)
class Distrust:
    """Why a certificate is not trusted."""

    fault: str
    """Worded to follow "its certificate is not trusted: "."""
    remedy: str


@dataclass(frozen=True)
class TimeStamp:
    """An authority's confirmation that a signature existed at some time (RFC 3161)."""

    authority: str
    """Name in the authority's certificate."""
    at: str
    """The time, ISO 8601."""
    is_intact: bool
    """True if it covers this signature, and was made with the key of the certificate."""
    distrust: Distrust | None
    """None if the certificate is valid, is for time stamps, and leads to one that is trusted for them."""

    @property
    def is_trusted(self) -> bool:
        """True if nothing speaks against its certificate."""
        return self.distrust is None


@dataclass(frozen=True)
class Signature:
    """One signature of a PDF or of a statement, validated."""

    signer: str
    """Name in the signer's certificate."""
    claimed_at: str | None
    """The signing time that the signer claims, ISO 8601; None if there is none."""
    is_intact: bool
    """True if the signed bytes are unchanged, and were signed with the key of the certificate."""
    is_whole: bool
    """True if it covers the file to its end: nothing was added later, or into its room. Of a statement: True if it is that
    statement's."""
    distrust: Distrust | None
    """None if the certificate leads to a trusted one, and was valid at a trusted time stamp, or else is valid now."""
    time_stamp: TimeStamp | None
    """None if it has none."""

    @property
    def is_trusted(self) -> bool:
        """True if nothing speaks against its certificate."""
        return self.distrust is None


@dataclass(frozen=True)
class TrustAnchors:
    """Certificates that the user trusts, in PEM."""

    signers: bytes
    """Those of signers, or of authorities that issued theirs."""
    authorities: bytes
    """Likewise of time stamp authorities; trusted for time stamps only."""


@dataclass(frozen=True)
class SignedPdf:
    """A PDF that was signed."""

    content: bytes
    """The file."""
    time_stamp: TimeStamp | None
    """None if no authority was asked. Whether it is trusted was not checked."""
    unfit: tuple[Distrust, ...] = ()
    """Why readers will not trust the certificate, whichever they trust."""


def appearance_html(signer: str, when: str) -> str:
    """Return the page that shows who signed and when. Text longer than a line is truncated with an ellipsis."""
    return _APPEARANCE.format(signer=escape(signer[:_LONGEST_NAME]), when=escape(when))


def appearance_text(signer: str, when: str) -> str:
    """Return the same as a sentence, for people who listen to the PDF."""
    return f"Signed by {signer}, {when}"


def sign(
    content: bytes, key: SigningKey, settings: SignatureSettings, *, shown: str, password: Password = no_password
) -> SignedPdf:
    """Return the PDF with a signature (PAdES, which permits no later change). `content` is a prefix of the result.

    `shown` is the PDF's name in messages; `password` is called only if the PDF is encrypted. Raises
    FindingsReportError: USAGE for a key that does not open or has no certificate, INPUT for a PDF that is not readable,
    NETWORK if the authority gives no time stamp.
    """
    if settings.authority is not None:
        check_address(settings.authority)  # before the work, which a wrong address would waste
    blobs = {"pdf": content, "key": key.content, "certificates": key.certificates}
    room = LARGEST_REPLY if settings.authority is not None else 0
    request: dict[str, object] = {"passphrase": key.passphrase, "at": settings.at.isoformat(), "room": room}
    with _open_child(sum(map(len, blobs.values())), shown, key) as ask:
        if settings.make_appearance is not None:
            subject = ask({"do": "describe", **request}, {name: blobs[name] for name in ("key", "certificates")}).response
            signer = Signer(str(subject["name"]), str(subject["organisation"]) if subject["organisation"] else None)
            appearance = settings.make_appearance(signer)
            request |= {"left": appearance.left, "top": appearance.top, "text": appearance.text}
            blobs |= {"appearance": appearance.page}
        asked = functools.cache(password)  # needed again for the time stamp
        signed = ask_with_password(lambda given: ask({"do": "sign", **request, **given}, blobs), asked, shown)
    unfit = _read_unfit(signed.response)
    if settings.authority is None:
        return SignedPdf(signed.blobs["pdf"], None, unfit)
    reply = fetch_reply(settings.authority, signed.blobs["query"])
    parts = {"pdf": signed.blobs["pdf"], "query": signed.blobs["query"], "reply": reply}
    # A new child, without the key: the reply comes from the network.
    with _open_child(sum(map(len, parts.values())), shown, key) as ask:
        stamped = ask_with_password(lambda given: ask({"do": "time_stamp", **given}, parts), asked, shown)
    if "reply_fault" in stamped.response:
        raise no_time_stamp(settings.authority, visible(str(stamped.response["reply_fault"])))
    return SignedPdf(stamped.blobs["pdf"], _read_time_stamp(stamped.response["time_stamp"]), unfit)


def validate_signatures(
    content: bytes, trusted: TrustAnchors, *, shown: str, password: Password = no_password
) -> tuple[Signature, ...]:
    """Return the signatures of a PDF in the order in which they were made.

    Nothing is fetched: whether a certificate was revoked is not known. Raises FindingsReportError as `sign`.
    """
    blobs = {"pdf": content, "signers": trusted.signers, "authorities": trusted.authorities}
    with _open_child(sum(map(len, blobs.values())), shown) as ask:
        reply = ask_with_password(lambda given: ask({"do": "validate", **given}, blobs), password, shown)
    entries = reply.response["signatures"]
    assert isinstance(entries, list)  # noqa: S101  # the child is this package's own
    return tuple(map(_read_signature, entries))


def sign_statement(statement: bytes, key: SigningKey, *, shown: str) -> tuple[bytes, tuple[Distrust, ...]]:
    """Return an in-toto statement in a signed envelope (DSSE), and why readers will not trust the certificate.

    The envelope is a line of JSON, which contains the signer's certificates.

    `shown` is the statement's name in messages. Raises FindingsReportError as `sign`.
    """
    blobs = {"statement": statement, "key": key.content, "certificates": key.certificates}
    # Base64 adds a third.
    with _open_child(2 * sum(map(len, blobs.values())), shown, key) as ask:
        reply = ask({"do": "sign_statement", "passphrase": key.passphrase}, blobs)
    return reply.blobs["envelope"], _read_unfit(reply.response)


def validate_envelopes(content: bytes, statement: bytes, trusted: TrustAnchors, *, shown: str) -> tuple[Signature, ...]:
    """Return the signatures in a file of envelopes, a line each; `is_whole` is True for those of `statement`.

    `shown` is the name of that file in messages. Raises FindingsReportError as `sign`.
    """
    blobs = {"envelopes": content, "statement": statement, "signers": trusted.signers}
    with _open_child(sum(map(len, blobs.values())), shown) as ask:
        entries = ask({"do": "validate_envelopes"}, blobs).response["signatures"]
    assert isinstance(entries, list)  # noqa: S101  # as above
    return tuple(map(_read_signature, entries))


def _read_signature(entry: Mapping[str, Any]) -> Signature:
    time_stamp = _read_time_stamp(entry["time_stamp"])
    return Signature(**{**entry, "distrust": _read_distrust(entry["distrust"]), "time_stamp": time_stamp})


def _read_time_stamp(entry: object) -> TimeStamp | None:
    return TimeStamp(**{**entry, "distrust": _read_distrust(entry["distrust"])}) if isinstance(entry, dict) else None


def _read_distrust(entry: object) -> Distrust | None:
    # The names in a certificate are those of whoever made it.
    return Distrust(*(visible(str(text)) for text in entry)) if isinstance(entry, list | tuple) else None


def _read_unfit(response: Mapping[str, object]) -> tuple[Distrust, ...]:
    entries = response["unfit"]
    assert isinstance(entries, list)  # noqa: S101  # as above
    return tuple(filter(None, map(_read_distrust, entries)))


@contextlib.contextmanager
def _open_child(
    size: int, shown: str, key: SigningKey | None = None
) -> Iterator[Callable[[Mapping[str, object], Mapping[str, bytes]], sandbox.ChildReply]]:
    """Start a child for requests of `size` bytes, which raise FindingsReportError: INPUT for the PDF, USAGE for the key."""
    check_extra()
    seconds = 60 + size // 2**20
    limits = sandbox.Limits(
        seconds, memory_bytes=2**30 + 20 * size, file_bytes=0, wall_seconds=4 * seconds, output_bytes=size + 2**20
    )
    with contextlib.ExitStack() as stack:
        try:
            child = stack.enter_context(sandbox.start_child(_WORKER, limits=limits, environment={}))
        except FindingsReportError as error:
            raise _unreadable(error, shown) from None

        def ask(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> sandbox.ChildReply:
            try:
                reply = sandbox.ask(child, request, blobs)
            except FindingsReportError as error:
                raise _unreadable(error, shown) from None
            if "key_fault" in reply.response:
                place = Place(key.file) if key is not None and key.file is not None else None
                fault = visible(str(reply.response["key_fault"]))
                raise FindingsReportError(Problem(Kind.USAGE, fault, place=place, code="sign-key"))
            if "certificate_fault" in reply.response:
                fault = visible(str(reply.response["certificate_fault"]))
                raise FindingsReportError(Problem(Kind.USAGE, fault, code="sign-key"))
            if "fault" in reply.response:
                fault = visible(str(reply.response["fault"]))
                remedy = DAMAGED_REMEDY if "damaged PDF" in fault else None
                raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="sign-pdf"))
            return reply

        yield ask


def _unreadable(error: FindingsReportError, shown: str) -> FindingsReportError:
    fault = f"its signatures cannot be read: {error.problems[0].fault}"
    return FindingsReportError(Problem(Kind.INPUT, fault, place=Place(shown), code="sign-pdf"))
