"""The door to signatures: a PDF and a key -> a signed PDF; a signed PDF -> what its signatures are worth. pyHanko lives here.

`child` does it, confined: a PDF to be looked at comes from anybody, and a key is safest without network and files. `authority`
is the network's end. The child that has the key never sees what came from the network: a time stamp is put in by another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Final

from findings_report import sandbox
from findings_report.pdf.embedded_data import Password, ask_with_password, no_password
from findings_report.pdf.signing import timestamp_authority
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import visible

__all__ = ["Key", "Made", "Manner", "Signature", "Signer", "Stamp", "TimeStamp", "Trusted", "sign", "signatures"]

_CHILD: Final = "findings_report.pdf.signing.worker"


@dataclass(frozen=True)
class Key:
    """What is signed with."""

    content: bytes
    """PKCS#12, or a private key in PEM."""
    certificates: bytes
    """The signer's certificate first, then those that lead to its root, in PEM; empty for PKCS#12, which holds them."""
    passphrase: str | None
    """Opens the key; None for one that needs none."""


@dataclass(frozen=True)
class Signer:
    """Who signs, as the certificate has it."""

    name: str
    """The common name, or what stands in its stead."""
    organisation: str | None
    """Of whom the signer is a part."""


@dataclass(frozen=True)
class Stamp:
    """What is seen of a signature: a page that is put on the first one of the PDF."""

    page: bytes
    """A PDF of one page, as large as it is to be, with its fonts in it and no tags."""
    left: float
    """Points from the left edge of the page."""
    top: float
    """Points from the upper edge of the page."""
    text: str
    """What it says, for those who listen."""


@dataclass(frozen=True)
class Manner:
    """How a PDF is signed."""

    at: datetime
    """When, as the signer says."""
    stamp: Callable[[Signer], Stamp] | None = None
    """Makes what is seen of the signature; None where nothing is."""
    authority: str | None = None
    """Address of the time stamp authority; None where none is asked."""


@dataclass(frozen=True)
class TimeStamp:
    """Somebody else's word on when a signature was there already (RFC 3161)."""

    authority: str
    """Name in the authority's certificate."""
    at: str
    """When, ISO 8601."""
    is_intact: bool
    """True when it is of this very signature, and its key is that of the certificate."""
    is_trusted: bool
    """True when the certificate is for time stamps, leads to one that is trusted for them, and is valid."""


@dataclass(frozen=True)
class Signature:
    """One signature, looked at. What it says of its time is the signer's own word, and the time stamp somebody else's."""

    signer: str
    """Name in the signer's certificate."""
    said_at: str | None
    """When it was made, as the signer says, ISO 8601."""
    is_intact: bool
    """True when what was signed is as it was, and the key is that of the certificate."""
    is_whole: bool
    """True when it covers the file to its end: nothing came after it."""
    is_trusted: bool
    """True when the certificate leads to one that is trusted, and was valid: at the time of a trusted time stamp, else now."""
    time_stamp: TimeStamp | None
    """None when it has none."""


@dataclass(frozen=True)
class Trusted:
    """Whom one believes, both in PEM."""

    signers: bytes
    """Certificates of signers, or of those who vouch for them."""
    authorities: bytes
    """Likewise of time stamp authorities, and for time stamps alone."""


@dataclass(frozen=True)
class Made:
    """A signed PDF."""

    content: bytes
    """The file."""
    time_stamp: TimeStamp | None
    """None when no authority was asked; whether it is trusted is not looked at."""


def sign(content: bytes, key: Key, manner: Manner, *, shown: str, password: Password = no_password) -> Made:
    """The PDF with a signature (PAdES, no change allowed after it): `content` is its beginning, nothing in it is changed.

    `shown` names the PDF in messages, `password` is asked when it is encrypted. Raises FindingsReportError: USAGE for a key
    that does not open or has no certificate, INPUT for a PDF that cannot be read, NETWORK when the authority does not give a
    time stamp.
    """
    if manner.authority is not None:
        timestamp_authority.check(manner.authority)  # a wrong address is told before the work, not after
    blobs = {"pdf": content, "key": key.content, "certificates": key.certificates}
    room = timestamp_authority.LARGEST_REPLY if manner.authority is not None else 0
    request: dict[str, object] = {"passphrase": key.passphrase, "at": manner.at.isoformat(), "room": room}
    with _child(sum(map(len, blobs.values())), shown) as ask:
        if manner.stamp is not None:
            said = ask({"do": "who", **request}, {name: blobs[name] for name in ("key", "certificates")}).response
            stamp = manner.stamp(Signer(str(said["name"]), str(said["organisation"]) if said["organisation"] else None))
            request |= {"left": stamp.left, "top": stamp.top, "text": stamp.text}
            blobs |= {"stamp": stamp.page}
        known: list[str] = []
        made = ask_with_password(lambda given: ask({"do": "sign", **request, **given}, blobs), _noted(password, known), shown)
    if manner.authority is None:
        return Made(made.blobs["pdf"], None)
    reply = timestamp_authority.answer(manner.authority, made.blobs["query"])
    opened: dict[str, object] = {"password": known[0]} if known else {}
    parts = {"pdf": made.blobs["pdf"], "query": made.blobs["query"], "reply": reply}
    with _child(sum(map(len, parts.values())), shown) as ask:
        stamped = ask({"do": "time_stamp", **opened}, parts)
    if "reply_fault" in stamped.response:
        raise timestamp_authority.refused(manner.authority, visible(str(stamped.response["reply_fault"])))
    return Made(stamped.blobs["pdf"], _time_stamp(stamped.response["time_stamp"]))


def signatures(content: bytes, trusted: Trusted, *, shown: str, password: Password = no_password) -> tuple[Signature, ...]:
    """The signatures of a PDF, in the order they were made.

    Nothing is fetched: whether a certificate was revoked is not known. Raises FindingsReportError (INPUT) as `sign`.
    """
    blobs = {"pdf": content, "signers": trusted.signers, "authorities": trusted.authorities}
    with _child(sum(map(len, blobs.values())), shown) as ask:
        found = ask_with_password(lambda given: ask({"do": "look", **given}, blobs), password, shown).response["signatures"]
    assert isinstance(found, list)  # noqa: S101  # the child is this package's own
    return tuple(Signature(**{**each, "time_stamp": _time_stamp(each["time_stamp"])}) for each in found)


def _time_stamp(said: object) -> TimeStamp | None:
    return TimeStamp(**said) if isinstance(said, dict) else None


def _noted(password: Password, known: list[str]) -> Password:
    """The same, and what it gave is put into `known`."""

    def asked(shown: str) -> str | None:
        given = password(shown)
        known.extend([given] if given is not None else [])
        return given

    return asked


@contextlib.contextmanager
def _child(size: int, shown: str) -> Iterator[Callable[[Mapping[str, object], Mapping[str, bytes]], sandbox.ChildReply]]:
    """A child to be asked about `size` bytes. Asking raises FindingsReportError: INPUT for the PDF, USAGE for the key."""
    if find_spec("pyhanko") is None:
        remedy = "pip install 'findings-report[sign]'"
        raise FindingsReportError(Problem(Kind.USAGE, "signatures need pyHanko", remedy, code="no-pyhanko"))
    seconds = 60 + size // 2**20
    limits = sandbox.Limits(
        seconds, memory_bytes=2**30 + 20 * size, file_bytes=0, wall_seconds=4 * seconds, output_bytes=size + 2**20
    )
    with contextlib.ExitStack() as stack:
        try:
            child = stack.enter_context(sandbox.start_child(_CHILD, limits=limits, environment={}))
        except FindingsReportError as error:
            raise _unreadable(error, shown) from None

        def ask(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> sandbox.ChildReply:
            try:
                answer = sandbox.ask(child, request, blobs)
            except FindingsReportError as error:
                raise _unreadable(error, shown) from None
            if "key_fault" in answer.response:
                raise FindingsReportError(Problem(Kind.USAGE, visible(str(answer.response["key_fault"])), code="sign-key"))
            if "fault" in answer.response:
                fault = visible(str(answer.response["fault"]))
                raise FindingsReportError(Problem(Kind.INPUT, fault, place=Place(shown), code="sign-pdf"))
            return answer

        yield ask


def _unreadable(error: FindingsReportError, shown: str) -> FindingsReportError:
    fault = f"its signatures cannot be read: {error.problems[0].fault}"
    return FindingsReportError(Problem(Kind.INPUT, fault, place=Place(shown), code="sign-pdf"))
