"""The confined side of signatures: the only part of the program that imports pyHanko."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, append_signature_field, enumerate_sig_fields

if TYPE_CHECKING:
    from asn1crypto.cms import ContentInfo


class Writer(IncrementalPdfFileWriter):
    """Adds to a PDF and leaves its metadata alone: they say which standards it follows, and a signature changes none of it."""

    def _update_meta(self) -> None:
        """pyHanko would write them anew, in a form of its own and with the time."""


@dataclass(frozen=True)
class Appearance:
    """What is seen of a signature."""

    page: bytes
    """A PDF of one page."""
    left: float
    """Points from the left edge of the first page."""
    top: float
    """Points from its upper edge."""
    text: str
    """What it says."""


def add_field(writer: Writer, name: str, text: str, seen: Appearance | None) -> None:
    """An empty signature field on the first page, in its structure; `text` says what it is, or what `seen` says."""
    page_ref, _ = writer.find_page_for_modification(0)
    page = page_ref.get_object()
    spec = SigFieldSpec(name, on_page=0, readable_field_name=seen.text if seen is not None else text)
    append_signature_field(writer, spec)
    field_ref = next(ref for found, _, ref in enumerate_sig_fields(writer) if found == name)
    field = field_ref.get_object()
    if seen is not None:
        stamp = PdfFileReader(io.BytesIO(seen.page))
        _, _, width, height = _box(stamp.find_page_for_modification(0)[0].get_object())
        left, _, _, upper = _box(page)
        edges = (left + seen.left, upper - seen.top - height, left + seen.left + width, upper - seen.top)
        field[pdf_name("/Rect")] = generic.ArrayObject([generic.FloatObject(round(edge, 3)) for edge in edges])
        field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.import_page_as_xobject(stamp)})
    if "/StructTreeRoot" in writer.root:
        page[pdf_name("/Tabs")] = pdf_name("/S")
        writer.update_container(page)
        _tag(writer, field, field_ref, page_ref)
    writer.update_container(field)


def _box(page: generic.DictionaryObject) -> tuple[float, ...]:
    above: Any = page
    while "/MediaBox" not in above:  # a page may have it from those above
        above = above["/Parent"]
    return tuple(float(edge) for edge in above["/MediaBox"])


def _tag(writer: Writer, field: generic.DictionaryObject, field_ref: Any, page_ref: Any) -> None:
    root = writer.root["/StructTreeRoot"]
    try:
        document_ref, elements, numbers = root["/K"].raw_get(0), root["/K"][0]["/K"], root["/ParentTree"]["/Nums"]
    except (KeyError, TypeError, IndexError):
        return  # not of this program's making: such a tree is left alone
    if not (isinstance(elements, generic.ArrayObject) and isinstance(numbers, generic.ArrayObject)):
        return  # likewise
    key = max((int(numbers[index]) for index in range(0, len(numbers), 2)), default=-1) + 1
    target = generic.DictionaryObject(
        {pdf_name("/Type"): pdf_name("/OBJR"), pdf_name("/Obj"): field_ref, pdf_name("/Pg"): page_ref}
    )
    element = writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/StructElem"),
                pdf_name("/S"): pdf_name("/Form"),
                pdf_name("/P"): document_ref,
                pdf_name("/Pg"): page_ref,
                pdf_name("/Alt"): pdf_string(field["/TU"]),
                pdf_name("/K"): target,
            }
        )
    )
    elements.append(element)
    writer.update_container(elements)
    numbers.extend([generic.NumberObject(key), element])
    writer.update_container(numbers)
    if "/ParentTreeNextKey" in root:
        root[pdf_name("/ParentTreeNextKey")] = generic.NumberObject(key + 1)
        writer.update_container(root)
    field[pdf_name("/StructParent")] = generic.NumberObject(key)


FIELD: Final = "Signature"
"""Name of the signature's field."""


_DIGEST: Final = "sha256"


_KINDS: Final = ("rsa", "ec")


_ROOM_FOR_ATTRIBUTES: Final = 4096


Answer = tuple[dict[str, Any], dict[str, bytes]]


class _LockedError(Exception):
    """The PDF does not open with the password, or without one."""


class _KeyError(Exception):
    """Why a key or a certificate that was named cannot be used."""


def prepare() -> Iterable[str]:
    """In the child, before it is confined: loads pyHanko, and what that loads late. While it serves it reads chance alone."""
    import pyhanko.sign.signers
    import pyhanko.sign.validation  # noqa: F401 - both are used by serve
    import tzlocal

    import findings_report.pdf.signing.worker  # noqa: F401 - likewise

    tzlocal.get_localzone()
    return ()


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> Answer:
    """In the child. What is to be done is `do`:

    - `who`: with `passphrase`, the key's or None, and the blobs `key` and `certificates`, gives `name` and `organisation`, the
      latter None where the certificate has none.
    - `sign`: with these, `at` (ISO 8601) and `room`, how many bytes a time stamp may have, and the blob `pdf`, gives the blob
      `pdf` and, where there is room, `query`, what an authority is asked. With `left`, `top`, `text` and the blob `stamp` the
      signature is seen.
    - `time_stamp`: with the blobs `pdf`, `query` and `reply` gives the blob `pdf` with the time stamp in it, and `time_stamp`.
    - `look`: with the blobs `pdf`, `signers` and `authorities` gives `signatures`.

    With `password` an encrypted PDF is opened. Else the answer is {"locked": true}, {"fault": text} for the PDF,
    {"key_fault": text} for the key or a certificate that was named, or {"reply_fault": text} for the authority.
    """
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError, ValueErrorWithMessage

    try:
        if request["do"] == "look":
            return {"signatures": _looked_at(blobs["pdf"], blobs["signers"], blobs["authorities"], request)}, {}
        if request["do"] == "time_stamp":
            return _time_stamped(blobs, request)
        signer = _signer(blobs["key"], blobs["certificates"], request["passphrase"])
        return ({**_named(signer)}, {}) if request["do"] == "who" else ({}, _signed(signer, blobs, request))
    except _LockedError:
        return {"locked": True}, {}
    except _KeyError as error:
        return {"key_fault": str(error)}, {}
    except SigningError as error:
        return {"fault": f"it cannot be signed, as it has a signature already or forbids one: {error}"}, {}
    except ValueErrorWithMessage as error:
        return {"fault": f"a signature in it, or its time stamp, cannot be read: {error}"}, {}
    except PdfError as error:
        return {"fault": f"it is a damaged PDF: {error}"}, {}


def _signer(key: bytes, certificates: bytes, passphrase: str | None) -> Any:
    """A signer of pyHanko's; _KeyError with the reason when key and certificate make none."""
    secret = passphrase.encode() if passphrase is not None else None
    made = _of_pem(key, certificates, secret) if b"-----BEGIN" in key else _of_pkcs12(key, secret)
    kind = made.signing_cert.public_key.algorithm
    if kind not in _KINDS:
        raise _KeyError(f"the key is of the kind {kind}, and signatures here are of RSA or ECDSA")
    return made


def _of_pkcs12(key: bytes, secret: bytes | None) -> Any:
    from pyhanko.sign.signers import SimpleSigner

    try:
        return SimpleSigner.load_pkcs12_data(key, [], passphrase=secret)
    except ValueError:
        raise _KeyError("the key cannot be opened: it is no PKCS#12 file, or the passphrase is wrong") from None


def _of_pem(key: bytes, certificates: bytes, secret: bytes | None) -> Any:
    from pyhanko.keys import load_private_key_from_pemder_data
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    try:
        private = load_private_key_from_pemder_data(key, secret)
    except (ValueError, TypeError):
        raise _KeyError("the key cannot be opened: it is no private key in PEM, or the passphrase is wrong") from None
    chain = _certificates(certificates, "--certificate") if certificates else _certificates(key, "--key")
    if not chain:
        raise _KeyError("there is no certificate: name its file with --certificate")
    if not _is_of(private, chain[0]):
        raise _KeyError("the first certificate is not that of the key: name the signer's own first")
    store = SimpleCertificateStore()
    store.register_multiple(chain)
    return SimpleSigner(signing_cert=chain[0], signing_key=private, cert_registry=store)


def _is_of(private: Any, certificate: Any) -> bool:
    """True when the certificate has the public key of the private one: no other would make of it a signature that holds."""
    from cryptography.hazmat.primitives import serialization

    # Both as cryptography writes them: one public key has several encodings.
    pair = (
        serialization.load_der_private_key(private.dump(), None).public_key(),
        serialization.load_der_public_key(certificate.public_key.dump()),
    )
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    own, certified = (each.public_bytes(*form) for each in pair)
    return own == certified


def _named(signer: Any) -> dict[str, str | None]:
    subject = signer.signing_cert.subject
    own, organisation = subject.native.get("common_name"), subject.native.get("organization_name")
    return {
        "name": own if isinstance(own, str) else subject.human_friendly,
        "organisation": organisation if isinstance(organisation, str) else None,
    }


def _signed(signer: Any, blobs: Mapping[str, bytes], request: Mapping[str, Any]) -> dict[str, bytes]:
    from pyhanko.sign import signers
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter, enumerate_sig_fields
    from pyhanko.sign.general import SigningError
    from pyhanko.stamp.noop import NoOpStampStyle

    # SELF

    writer = Writer(io.BytesIO(blobs["pdf"]))
    _open(writer.prev, request)
    if writer.prev.encrypted:
        writer.encrypt(request.get("password", ""))
    if FIELD not in {name for name, _, _ in enumerate_sig_fields(writer)}:
        seen = Appearance(blobs["stamp"], request["left"], request["top"], request["text"]) if "stamp" in blobs else None
        add_field(writer, FIELD, f"Signature of {_named(signer)['name']}", seen)
    elif "stamp" in blobs and not writer.prev.embedded_signatures:
        raise SigningError(f"its field {FIELD!r} is where somebody else put it, and cannot be made to be seen here")
    said = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=_DIGEST,
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    at = datetime.fromisoformat(request["at"])

    class At(signers.PdfSigner):
        """Signs at the time that it was told, which is also the one that is seen."""

        def init_signing_session(self, *args: Any, **options: Any) -> Any:
            session = super().init_signing_session(*args, **options)
            session.system_time = at
            return session

    room = None
    if request["room"]:
        chain = [signer.signing_cert, *signer.cert_registry]
        room = 2 * (sum(len(each.dump()) for each in chain) + _ROOM_FOR_ATTRIBUTES + request["room"])  # hexadecimal
    made = At(said, signer, stamp_style=NoOpStampStyle()).sign_pdf(writer, bytes_reserved=room)
    pdf = bytes(made.getvalue())
    return {"pdf": pdf} if room is None else {"pdf": pdf, "query": _query(pdf, request)}


def _open(reader: PdfFileReader, request: Mapping[str, Any]) -> None:
    """Raises _LockedError when it does not open."""
    from pyhanko.pdf_utils.crypt import AuthStatus

    if reader.encrypted and reader.decrypt(request.get("password", "")).status is AuthStatus.FAILED:
        raise _LockedError


def _read(content: bytes, request: Mapping[str, Any]) -> PdfFileReader:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(io.BytesIO(content))
    _open(reader, request)
    return reader


def _query(content: bytes, request: Mapping[str, Any]) -> bytes:
    """What an authority is asked about the signature that was made last. Source: RFC 3161, 2.4.1; ETSI EN 319 142-1, 6.3."""
    import hashlib

    from pyhanko.sign.timestamps import TimeStamper

    signature = _read(content, request).embedded_regular_signatures[-1]
    value = signature.signer_info["signature"].native
    _, query = TimeStamper().request_cms(hashlib.new(_DIGEST, value).digest(), _DIGEST)
    return bytes(query.dump())


def _time_stamped(blobs: Mapping[str, bytes], request: Mapping[str, Any]) -> Answer:
    """The PDF with its time stamp in the room that was left for it: what is signed does not cover that, as ever."""
    from asn1crypto import cms
    from pyhanko.sign.general import simple_cms_attribute

    try:
        token = _token(blobs["query"], blobs["reply"])
    except ValueError as error:
        return {"reply_fault": str(error)}, {}
    content = blobs["pdf"]
    signature = _read(content, request).embedded_regular_signatures[-1]
    message = cms.ContentInfo.load(signature.pkcs7_content)
    attribute = simple_cms_attribute("signature_time_stamp_token", token)
    message["content"]["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([attribute])
    start, end = int(signature.byte_range[1]), int(signature.byte_range[2])
    hexadecimal = message.dump().hex().encode("ascii")
    room = end - start - len(b"<>")
    if len(hexadecimal) > room:
        return {"reply_fault": "its time stamp is longer than the room that is kept for it"}, {}
    stamped = content[:start] + b"<" + hexadecimal.ljust(room, b"0") + b">" + content[end:]
    try:
        made = _looked_at(stamped, b"", b"", request)[-1]["time_stamp"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        made = None  # it lacks what it is to be looked at with
    if made is None or not made["is_intact"]:
        return {"reply_fault": "its time stamp does not hold"}, {}
    return {"time_stamp": made}, {"pdf": stamped}


def _token(query: bytes, reply: bytes) -> ContentInfo:
    """The time stamp in a reply; ValueError with the reason when it is none that was asked for. Source: RFC 3161, 2.4.2."""
    from asn1crypto import cms, core, tsp

    asked = tsp.TimeStampReq.load(query)
    try:
        # By hand: asn1crypto wants a time stamp in a refusal, too.
        said = core.Sequence.load(reply, strict=True)
        status = tsp.PKIStatusInfo.load(said[0].dump())
        if status["status"].native not in ("granted", "granted_with_mods"):
            why = [*(status["status_string"].native or ()), *sorted(status["fail_info"].native or ())]
            raise _RefusedError("; ".join(map(str, why)) or str(status["status"].native))
        token = cms.ContentInfo.load(said[1].dump())
        told = token["content"]["encap_content_info"]["content"].parsed
        is_meant = (
            told["nonce"].native == asked["nonce"].native
            and told["message_imprint"].native == asked["message_imprint"].native
            and isinstance(told, tsp.TSTInfo)
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise ValueError("its answer is no time stamp") from None
    except _RefusedError as error:
        raise ValueError(f"it refuses: {error}") from None
    if not is_meant:
        raise ValueError("its time stamp is of something else")
    return token


class _RefusedError(Exception):
    """Why an authority gives no time stamp, in its own words."""


def _looked_at(content: bytes, signers: bytes, authorities: bytes, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    import logging

    from pyhanko.sign.validation.status import SignatureCoverageLevel

    logging.disable()  # it prints tracebacks of certificates that it does not trust
    trusted = (_certificates(signers, "--trust"), _certificates(authorities, "--trust-authority"))
    found = []
    for signature in _read(content, request).embedded_regular_signatures:
        status = _status(signature, *trusted)
        said_at = status.signer_reported_dt
        found.append(
            {
                "signer": status.signing_cert.subject.human_friendly,
                "said_at": said_at.isoformat() if said_at is not None else None,
                "is_intact": bool(status.intact and status.valid),
                "is_whole": status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
                "is_trusted": bool(status.trusted),
                "time_stamp": _stamp_of(status.timestamp_validity),
            }
        )
    return found


def _certificates(pem: bytes, option: str) -> list[Any]:
    """Those in the files of `option`, in their order. Raises _KeyError when one cannot be read."""
    from pyhanko.keys import load_certs_from_pemder_data

    try:
        found = list(load_certs_from_pemder_data(pem)) if pem.strip() else []
        for each in found:
            each.public_key.dump()  # what is read is looked at late
    except (ValueError, TypeError):
        raise _KeyError(f"what {option} names holds something that is no certificate") from None
    return found


def _status(signature: Any, signers: list[Any], authorities: list[Any]) -> Any:
    """What pyHanko makes of a signature; its certificate is held against the time of a trusted time stamp, else against now."""
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    def looked_at(**when: Any) -> Any:
        signer = ValidationContext(trust_roots=signers, allow_fetching=False, **when)
        return validate_pdf_signature(signature, signer, ValidationContext(trust_roots=authorities, allow_fetching=False))

    status = looked_at()
    stamp = status.timestamp_validity
    if stamp is None or not (stamp.intact and stamp.valid and stamp.trusted):
        return status
    return looked_at(moment=stamp.timestamp)


def _stamp_of(status: Any) -> dict[str, Any] | None:
    if status is None:
        return None
    return {
        "authority": status.signing_cert.subject.human_friendly,
        "at": status.timestamp.isoformat(),
        "is_intact": bool(status.intact and status.valid),
        "is_trusted": bool(status.trusted),
    }
