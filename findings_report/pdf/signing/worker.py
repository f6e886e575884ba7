"""The worker that signs PDFs and validates signatures, with pyHanko. Confined side; nothing else imports pyHanko.

Order of the file: requests, keys, signing, the signature's field, time stamps, validation; statements, which are no PDFs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import tzlocal
from asn1crypto import parser as asn1
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.crypt import AuthStatus
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field, enumerate_sig_fields
from pyhanko.sign.general import SigningError, ValueErrorWithMessage, simple_cms_attribute
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko.stamp.noop import NoOpStampStyle
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import ExpiredError, NotYetValidError, PathBuildingError, ValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from findings_report.pdf.encryption import describe_damage
from findings_report.pdf.signing.sign import Appearance

if TYPE_CHECKING:
    from asn1crypto.cms import ContentInfo

FIELD: Final = "Signature"
"""Name of the signature's field."""

_DIGEST: Final = "sha256"
_KEY_KINDS: Final = ("rsa", "ec")
_STATEMENT_KEY_KINDS: Final = (*_KEY_KINDS, "ed25519")
_STATEMENT_TYPE: Final = "application/vnd.in-toto+json"
_MOST_SIGNATURES: Final = 20
"""Of one file of envelopes."""
_ATTRIBUTES_BYTES: Final = 4096
"""Room for the signed attributes and the signature itself; both together have about 1 KiB."""

Reply = tuple[dict[str, Any], dict[str, bytes]]
"""Response and blobs."""


class _LockedError(Exception):
    """The PDF does not open with the password, or needs one."""


class _KeyFaultError(Exception):
    """Why a key cannot be used."""


class _CertificateError(Exception):
    """Why a certificate that an option names cannot be used."""


def prepare() -> Iterable[str]:
    """Load what pyHanko loads late. Returns no files: pyHanko needs none."""
    tzlocal.get_localzone()  # reads the time zone from files, and remembers it
    return ()


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> Reply:
    """Answer one request; `do` is the action:

    - `describe`: given `passphrase`, of the key or None, and the blobs `key` and `certificates`, returns `name` and
      `organisation` of the signer; the latter is None if the certificate names none.
    - `sign`: given these, `at` (ISO 8601), `room`, the bytes that a time stamp may have, and the blob `pdf`, returns `unfit`,
      what speaks against the certificate, the blob `pdf` and, if there is room, the blob `query` for an authority. With `left`,
      `top`, `text` and the blob `appearance` the signature is visible.
    - `time_stamp`: given the blobs `pdf`, `query` and `reply`, returns the blob `pdf` with the time stamp, and `time_stamp`.
    - `validate`: given the blobs `pdf`, `signers` and `authorities`, returns `signatures`.
    - `sign_statement`: given `passphrase` and the blobs `key`, `certificates` and `statement`, returns `unfit` and the blob
      `envelope`.
    - `validate_envelopes`: given the blobs `envelopes`, `statement` and `signers`, returns `signatures`.

    `password` opens an encrypted PDF. On failure the response is {"locked": true}, or a text under `fault` for the PDF,
    `key_fault` for the key, `certificate_fault` for a certificate that an option names, or `reply_fault` for the authority.
    """
    try:
        return _answer(request, blobs)
    except _LockedError:
        return {"locked": True}, {}
    except _KeyFaultError as error:
        return {"key_fault": str(error)}, {}
    except _CertificateError as error:
        return {"certificate_fault": str(error)}, {}
    except (_EnvelopeError, _FieldError) as error:
        return {"fault": str(error)}, {}
    except SigningError:
        return {"fault": "it cannot be signed, because it has a signature already or forbids one"}, {}
    except ValueErrorWithMessage:
        return {"fault": "a signature in it, or its time stamp, cannot be read"}, {}
    except (PdfError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        if "pdf" not in blobs:
            raise
        return {"fault": describe_damage(blobs["pdf"])}, {}


def _answer(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> Reply:
    if request["do"] == "validate":
        return {"signatures": _validate_signatures(blobs["pdf"], blobs["signers"], blobs["authorities"], request)}, {}
    if request["do"] == "time_stamp":
        return _insert_time_stamp(blobs, request)
    if request["do"] == "validate_envelopes":
        return {"signatures": _validate_envelopes(blobs["envelopes"], blobs["statement"], blobs["signers"])}, {}
    kinds = _STATEMENT_KEY_KINDS if request["do"] == "sign_statement" else _KEY_KINDS
    signer = _load_signer(blobs["key"], blobs["certificates"], request["passphrase"], kinds)
    if request["do"] == "describe":
        return {**_describe_signer(signer)}, {}
    unfit = _find_unfit(signer)
    if request["do"] == "sign_statement":
        return {"unfit": unfit}, {"envelope": _sign_statement(signer, blobs["statement"])}
    return {"unfit": unfit}, _sign(signer, blobs, request)


class _EnvelopeError(Exception):
    """Why a file is no envelope of a statement."""


class _FieldError(Exception):
    """Why a field for a signature cannot be used."""


def _load_signer(key: bytes, certificates: bytes, passphrase: str | None, kinds: Sequence[str]) -> Any:
    """Return a signer of pyHanko. Raises _KeyFaultError and _CertificateError."""
    secret = passphrase.encode() if passphrase is not None else None
    signer = _load_pem(key, certificates, secret) if b"-----BEGIN" in key else _load_pkcs12(key, secret)
    kind = signer.signing_cert.public_key.algorithm
    if kind not in kinds:
        more = "RSA, ECDSA and Ed25519 keys can sign" if "ed25519" in kinds else "RSA and ECDSA keys can sign a PDF"
        raise _KeyFaultError(f"the key is of the kind {kind}; only {more}")
    return signer


def _load_pkcs12(key: bytes, secret: bytes | None) -> Any:
    try:
        return signers.SimpleSigner.load_pkcs12_data(key, [], passphrase=secret)
    except ValueError:
        raise _KeyFaultError("the key cannot be opened: it is not a PKCS#12 file, or the passphrase is wrong") from None


def _load_pem(key: bytes, certificates: bytes, secret: bytes | None) -> Any:
    try:
        private = load_private_key_from_pemder_data(key, secret)
    except (ValueError, TypeError):
        raise _KeyFaultError("the key cannot be opened: it is not a private key in PEM, or the passphrase is wrong") from None
    chain = _load_certificates(certificates, "--certificate") if certificates else _load_certificates(key, "--key")
    if not chain:
        raise _KeyFaultError("the certificate is missing: name its file with --certificate")
    if not _match(private, chain[0]):
        raise _KeyFaultError("the first certificate does not belong to the key: name the signer's own first")
    store = SimpleCertificateStore()
    store.register_multiple(chain)
    return signers.SimpleSigner(signing_cert=chain[0], signing_key=private, cert_registry=store)


def _match(private: Any, certificate: Any) -> bool:
    """Return True if the certificate is that of the private key: with another, the signature would never be valid."""
    # Both as cryptography encodes them, because one public key has several encodings.
    pair = (
        serialization.load_der_private_key(private.dump(), None).public_key(),
        serialization.load_der_public_key(certificate.public_key.dump()),
    )
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    own, certified = (public_key.public_bytes(*form) for public_key in pair)
    return own == certified


def _describe_signer(signer: Any) -> dict[str, str | None]:
    subject = signer.signing_cert.subject
    own, organisation = subject.native.get("common_name"), subject.native.get("organization_name")
    return {
        "name": own if isinstance(own, str) else subject.human_friendly,
        "organisation": organisation if isinstance(organisation, str) else None,
    }


def _sign(signer: Any, blobs: Mapping[str, bytes], request: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the blob `pdf`, signed, and the blob `query` if there is room for a time stamp."""
    writer = Writer(io.BytesIO(blobs["pdf"]))
    _unlock(writer.prev, request)
    if writer.prev.encrypted:
        writer.encrypt(request.get("password", ""))
    if FIELD not in {name for name, _, _ in enumerate_sig_fields(writer)}:
        appearance = None
        if "appearance" in blobs:
            appearance = Appearance(blobs["appearance"], request["text"], request["left"], request["top"])
        _add_field(writer, f"Signature of {_describe_signer(signer)['name']}", appearance)
    elif "appearance" in blobs and not writer.prev.embedded_signatures:
        raise _FieldError(f"its field {FIELD!r} was placed by another program, and cannot be made visible elsewhere")
    # PADES is the subfilter ETSI.CAdES.detached; certify with NO_CHANGES is DocMDP level 1: viewers report any later change.
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=_DIGEST,
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    room = None
    if request["room"]:
        chain = [signer.signing_cert, *signer.cert_registry]
        # A signature is hexadecimal text in the file, and its length is fixed before it is computed.
        room = 2 * (sum(len(certificate.dump()) for certificate in chain) + _ATTRIBUTES_BYTES + request["room"])  # hexadecimal
    # NoOpStampStyle: pyHanko would draw an appearance of its own over the one in the field.
    pdf_signer = _PdfSignerAt(datetime.fromisoformat(request["at"]), metadata, signer, stamp_style=NoOpStampStyle())
    pdf = bytes(pdf_signer.sign_pdf(writer, bytes_reserved=room).getvalue())
    return {"pdf": pdf} if room is None else {"pdf": pdf, "query": _time_stamp_query(pdf, request)}


class _PdfSignerAt(signers.PdfSigner):
    """Signs at a given time, which is also the one that a visible signature shows. pyHanko 0.38 has no option for it."""

    def __init__(self, at: datetime, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._at = at

    def init_signing_session(self, *arguments: Any, **options: Any) -> Any:
        session = super().init_signing_session(*arguments, **options)
        session.system_time = self._at
        return session


def _unlock(reader: PdfFileReader, request: Mapping[str, Any]) -> None:
    """Decrypt a PDF if it is encrypted. Raises _LockedError if the password is wrong or missing."""
    if reader.encrypted and reader.decrypt(request.get("password", "")).status is AuthStatus.FAILED:
        raise _LockedError


def _open_pdf(content: bytes, request: Mapping[str, Any]) -> PdfFileReader:
    reader = PdfFileReader(io.BytesIO(content))
    _unlock(reader, request)
    return reader


class Writer(IncrementalPdfFileWriter):
    """Adds to a PDF without changing its metadata, which declare PDF/A and PDF/UA: a signature changes neither."""

    def _update_meta(self) -> None:
        """Do nothing: pyHanko would rewrite the metadata in a form of its own, with the current time."""


def _add_field(writer: Writer, text: str, appearance: Appearance | None) -> None:
    """Add an empty signature field to the first page and its structure, with `text`, or that of `appearance`, as its name."""
    page_ref, _ = writer.find_page_for_modification(0)
    page = page_ref.get_object()
    spec = SigFieldSpec(FIELD, on_page=0, readable_field_name=appearance.text if appearance is not None else text)
    append_signature_field(writer, spec)
    field_ref = next(ref for name, _, ref in enumerate_sig_fields(writer) if name == FIELD)
    field = field_ref.get_object()
    if appearance is not None:
        stamp = PdfFileReader(io.BytesIO(appearance.page))
        _, _, width, height = _box(stamp.find_page_for_modification(0)[0].get_object())
        left, _, _, upper = _box(page)
        edges = (
            left + appearance.left,
            upper - appearance.top - height,
            left + appearance.left + width,
            upper - appearance.top,
        )
        field[pdf_name("/Rect")] = generic.ArrayObject([generic.FloatObject(round(edge, 3)) for edge in edges])
        field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.import_page_as_xobject(stamp)})
    if "/StructTreeRoot" in writer.root:
        # The tab order of a page with annotations is that of the structure. Source: ISO 14289-1, 7.18.3.
        page[pdf_name("/Tabs")] = pdf_name("/S")
        writer.update_container(page)
        _tag_field(writer, field, field_ref, page_ref)
    writer.update_container(field)


def _box(page: generic.DictionaryObject) -> tuple[float, ...]:
    node: Any = page
    while "/MediaBox" not in node:  # a page may inherit it
        node = node["/Parent"]
    return tuple(float(edge) for edge in node["/MediaBox"])


def _tag_field(writer: Writer, field: generic.DictionaryObject, field_ref: Any, page_ref: Any) -> None:
    """Add the field to the structure as a form at its end. Source: ISO 14289-1, 7.18.4."""
    root = writer.root["/StructTreeRoot"]
    try:
        document_ref, elements, numbers = root["/K"].raw_get(0), root["/K"][0]["/K"], root["/ParentTree"]["/Nums"]
    except (KeyError, TypeError, IndexError):
        return  # a tree that another program wrote is not changed
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


def _time_stamp_query(content: bytes, request: Mapping[str, Any]) -> bytes:
    """Return the query about the last signature of a PDF. Source: RFC 3161, 2.4.1; ETSI EN 319 142-1, 6.3."""
    signature = _open_pdf(content, request).embedded_regular_signatures[-1]
    value = signature.signer_info["signature"].native
    _, query = TimeStamper().request_cms(hashlib.new(_DIGEST, value).digest(), _DIGEST)
    return bytes(query.dump())


def _insert_time_stamp(blobs: Mapping[str, bytes], request: Mapping[str, Any]) -> Reply:
    """Return the PDF with a time stamp in the room that was left for it. A signature never covers its own bytes."""
    from asn1crypto import cms

    try:
        token = _read_token(blobs["query"], blobs["reply"])
    except ValueError as error:
        return {"reply_fault": str(error)}, {}
    content = blobs["pdf"]
    signature = _open_pdf(content, request).embedded_regular_signatures[-1]
    message = cms.ContentInfo.load(signature.pkcs7_content)
    attribute = simple_cms_attribute("signature_time_stamp_token", token)
    # An unsigned attribute: the time stamp covers the signature and therefore cannot be part of what is signed.
    message["content"]["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([attribute])
    start, end = int(signature.byte_range[1]), int(signature.byte_range[2])
    hexadecimal = message.dump().hex().encode("ascii")
    room = end - start - len(b"<>")
    if len(hexadecimal) > room:
        return {"reply_fault": "its time stamp is longer than the room for it in the PDF"}, {}
    stamped = content[:start] + b"<" + hexadecimal.ljust(room, b"0") + b">" + content[end:]
    try:
        entry = _validate_signatures(stamped, b"", b"", request)[-1]["time_stamp"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        entry = None  # the token does not contain its certificate
    if entry is None or not entry["is_intact"]:
        return {"reply_fault": "its time stamp is invalid"}, {}
    return {"time_stamp": entry}, {"pdf": stamped}


def _read_token(query: bytes, reply: bytes) -> ContentInfo:
    """Return the time stamp in a reply. Raises ValueError if it does not answer the query. Source: RFC 3161, 2.4.2."""
    from asn1crypto import cms, core, tsp

    asked = tsp.TimeStampReq.load(query)
    try:
        # Field by field: asn1crypto 1.5 requires a time stamp in a rejection, too.
        fields = core.Sequence.load(reply, strict=True)
        status = tsp.PKIStatusInfo.load(fields[0].dump())
        if status["status"].native not in ("granted", "granted_with_mods"):
            why = [*(status["status_string"].native or ()), *sorted(status["fail_info"].native or ())]
            raise _RejectionError("; ".join(map(str, why)) or str(status["status"].native))
        token = cms.ContentInfo.load(fields[1].dump())
        info = token["content"]["encap_content_info"]["content"].parsed
        is_answer = (
            # The nonce prevents that an old reply about the same signature is accepted.
            info["nonce"].native == asked["nonce"].native
            and info["message_imprint"].native == asked["message_imprint"].native
            and isinstance(info, tsp.TSTInfo)
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise ValueError("its reply is not a time stamp") from None
    except _RejectionError as error:
        raise ValueError(f"it rejects the request: {error}") from None
    if not is_answer:
        raise ValueError("its time stamp belongs to another signature")
    return token


class _RejectionError(Exception):
    """Why an authority gives no time stamp, in its own words."""


def _validate_signatures(
    content: bytes, signers: bytes, authorities: bytes, request: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the signatures of a PDF as dictionaries with the fields of `sign.Signature`."""
    logging.disable()  # pyHanko logs a traceback for each certificate that is not trusted
    trusted = (_load_certificates(signers, "--trust"), _load_certificates(authorities, "--trust-authority"))
    entries = []
    for signature in _open_pdf(content, request).embedded_regular_signatures:
        status, moment = _validate(signature, *trusted)
        claimed, others = status.signer_reported_dt, list(signature.other_embedded_certs)
        entries.append(
            {
                "signer": status.signing_cert.subject.human_friendly,
                "claimed_at": claimed.isoformat() if claimed is not None else None,
                "is_intact": bool(status.intact and status.valid),
                "is_whole": status.coverage is SignatureCoverageLevel.ENTIRE_FILE and _is_padded(signature, content),
                "distrust": None
                if status.trusted
                else (_explain_signer(status.signing_cert, others, trusted[0], moment) or _DOES_NOT_HOLD),
                "time_stamp": _describe_time_stamp(status.timestamp_validity, signature, trusted[1]),
            }
        )
    return entries


def _load_certificates(pem: bytes, option: str) -> list[Any]:
    """Return the certificates in the files of `option`, in order. Raises _CertificateError if one is not readable."""
    try:
        loaded = list(load_certs_from_pemder_data(pem)) if pem.strip() else []
        for certificate in loaded:
            certificate.public_key.dump()  # asn1crypto parses late; a damaged one must fail here
    except (ValueError, TypeError):
        raise _CertificateError(f"the file that {option} names contains something else than certificates") from None
    return loaded


def _is_padded(signature: Any, content: bytes) -> bool:
    """Return True if the room of a signature has zeros behind it: nothing covers those bytes, which could be anything.

    Source: ISO 32000-2, 12.8.1: `Contents` is padded with zeros.
    """
    room = bytes.fromhex(content[int(signature.byte_range[1]) + 1 : int(signature.byte_range[2]) - 1].decode("ascii"))
    return not room[asn1.peek(room) :].strip(b"\0")


def _validate(signature: Any, signers: list[Any], authorities: list[Any]) -> tuple[Any, datetime | None]:
    """Return pyHanko's status of a signature, and the time of a trusted time stamp: then, or else now, it must be valid."""

    # Nothing is fetched: the child has no network, and validation must not reveal to anyone who reads a report.
    def validate(**when: Any) -> Any:
        signer = ValidationContext(trust_roots=signers, allow_fetching=False, **when)
        authority = ValidationContext(trust_roots=authorities, allow_fetching=False)
        # Either usage is enough, as in PDF viewers; pyHanko's default is the first alone.
        usage = KeyUsageConstraints(key_usage=set(_USAGES))
        return validate_pdf_signature(signature, signer, authority, key_usage_settings=usage)

    status = validate()
    stamp = status.timestamp_validity
    if stamp is None or not (stamp.intact and stamp.valid and stamp.trusted):
        return status, None
    return validate(moment=stamp.timestamp), stamp.timestamp


def _describe_time_stamp(status: Any, signature: Any, authorities: list[Any]) -> dict[str, Any] | None:
    if status is None:
        return None
    return {
        "authority": status.signing_cert.subject.human_friendly,
        "at": status.timestamp.isoformat(),
        "is_intact": bool(status.intact and status.valid),
        "distrust": None if status.trusted else _explain_authority(status, signature, authorities),
    }


_DOES_NOT_HOLD: Final = ("the signature itself does not hold", "ask for the file again")


def _explain_signer(certificate: Any, others: list[Any], trusted: list[Any], moment: datetime | None) -> tuple[str, str] | None:
    """Return why the certificate of a signature is not trusted, and the remedy, as `sign.Distrust` has them; None if it is."""
    why = _explain_path(certificate, others, trusted, moment, "--trust")
    return why or (None if _may_sign(certificate) else _NO_SIGNATURES)


def _explain_authority(status: Any, signature: Any, trusted: list[Any]) -> tuple[str, str]:
    """Return the same of a time stamp."""
    tokens = [
        attribute["values"][0]
        for attribute in signature.signer_info["unsigned_attrs"]
        if attribute["type"].native == "signature_time_stamp_token"
    ]
    choices = [choice for token in tokens for choice in token["content"]["certificates"]]
    others = [choice.chosen for choice in choices if choice.name == "certificate"]
    why = _explain_path(status.signing_cert, others, trusted, status.timestamp, "--trust-authority")
    purposes = status.signing_cert.extended_key_usage_value
    if why is None and (purposes is None or "time_stamping" not in purposes.native):
        why = ("it is not for time stamps", "ask the signer for a time stamp of an authority")
    return why or _DOES_NOT_HOLD


def _explain_path(
    certificate: Any, others: list[Any], trusted: list[Any], moment: datetime | None, option: str
) -> tuple[str, str] | None:
    """Return why a certificate does not lead to a trusted one at `moment`, default now, and the remedy; None if it does."""
    when = "at the time of its time stamp" if moment is not None else "now"
    try:
        context = ValidationContext(trust_roots=trusted, allow_fetching=False, moment=moment)
        asyncio.run(CertificateValidator(certificate, others, context).async_validate_path())
    except PathBuildingError:
        return _explain_missing(certificate, others, trusted, option)
    except (ExpiredError, NotYetValidError) as error:
        whose = "it" if error.is_ee_cert else "the certificate of an issuer"
        if isinstance(error, ExpiredError):
            remedy = "a time stamp of a trusted authority shows that a signature was made before"
            return f"{whose} was not valid {when}: it expired on {error.expired_dt:%Y-%m-%d}", remedy
        return f"{whose} was not valid {when}: it is valid from {error.valid_from:%Y-%m-%d}", "check the clock of both machines"
    except ValidationError as error:
        if certificate.self_issued:
            return _explain_missing(certificate, others, trusted, option)
        return str(error.failure_msg).strip(), f"ask the signer, or name a certificate on the way to its root with {option}"
    return None


def _explain_missing(certificate: Any, others: list[Any], trusted: list[Any], option: str) -> tuple[str, str]:
    """Return which certificate is missing between one and those that are trusted, and the remedy."""
    remedy = f"name the certificate that you trust with {option}, once you know that it is theirs"
    known = {each.subject.dump(): each for each in (*trusted, *others)}
    # A chain can be a circle.
    for _ in known:
        if certificate.self_issued:
            break
        issuer = known.get(certificate.issuer.dump())
        if issuer is None:
            name = certificate.issuer.human_friendly
            return f"the certificate of its issuer, {name}, is neither in the file nor named with {option}", remedy
        certificate = issuer
    if not trusted:
        return f"no certificate was named with {option}", remedy
    return f"it leads to {certificate.subject.human_friendly}, which was not named with {option}", remedy


_USAGES: Final = ("non_repudiation", "digital_signature")
_NO_SIGNATURES: Final = ("it is not for signatures (key usage)", "the signer needs a certificate for signatures")


def _may_sign(certificate: Any) -> bool:
    """Return True if a certificate may be used for signatures. Source: RFC 5280, 4.2.1.3: any use without the extension."""
    usage = certificate.key_usage_value
    return usage is None or bool(usage.native.intersection(_USAGES))


def _find_unfit(signer: Any) -> list[tuple[str, str]]:
    """Return why no reader will trust a signer's certificate, whichever they trust, as pairs of `sign.Distrust`."""
    certificate, now = signer.signing_cert, datetime.now(UTC)
    unfit = []
    if certificate.not_valid_after < now:
        unfit.append((f"it expired on {certificate.not_valid_after:%Y-%m-%d}", "sign with a valid certificate"))
    if certificate.not_valid_before > now:
        unfit.append((f"it is valid from {certificate.not_valid_before:%Y-%m-%d} only", "check the clock, or sign later"))
    if not _may_sign(certificate):
        unfit.append(_NO_SIGNATURES)
    return unfit


def _sign_statement(signer: Any, statement: bytes) -> bytes:
    """Return a DSSE envelope with the certificates of its signer, in one line.

    Source: DSSE 1.0.2, protocol and envelope: `cert` is a field that other readers ignore.
    """
    private = serialization.load_der_private_key(signer.signing_key.dump(), None)
    content = _encode_for_signature(statement)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        signature = private.sign(content)
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        signature = private.sign(content, ec.ECDSA(_hash_of(private.curve)))
    elif isinstance(private, rsa.RSAPrivateKey):
        signature = private.sign(content, _PSS, hashes.SHA256())
    else:
        raise _KeyFaultError("the key is of another kind than its certificate")
    chain = [signer.signing_cert, *(other for other in signer.cert_registry if other != signer.signing_cert)]
    entry = {
        "cert": "".join(map(_to_pem, chain)),
        "keyid": hashlib.sha256(signer.signing_cert.public_key.dump()).hexdigest(),
        "sig": base64.b64encode(signature).decode(),
    }
    envelope = {"payload": base64.b64encode(statement).decode(), "payloadType": _STATEMENT_TYPE, "signatures": [entry]}
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode() + b"\n"


_PSS: Final = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


def _encode_for_signature(statement: bytes) -> bytes:
    """Return what is signed of a statement. Source: DSSE 1.0.2, protocol, PAE."""
    kind = _STATEMENT_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(statement), statement)


def _hash_of(curve: ec.EllipticCurve) -> hashes.HashAlgorithm:
    """Return the hash that is as strong as the curve. Source: FIPS 186-5, 6.1.1."""
    return hashes.SHA256() if curve.key_size <= 256 else hashes.SHA384() if curve.key_size <= 384 else hashes.SHA512()


def _to_pem(certificate: Any) -> str:
    body = base64.encodebytes(certificate.dump()).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def _validate_envelopes(content: bytes, statement: bytes, signers: bytes) -> list[dict[str, Any]]:
    """Return the signatures in lines of envelopes as dictionaries with the fields of `sign.Signature`.

    `is_whole` is True for a signature of `statement`. Raises _EnvelopeError for anything but envelopes of statements.
    """
    logging.disable()  # as in _validate_signatures
    trusted = _load_certificates(signers, "--trust")
    entries: list[dict[str, Any]] = []
    for line in filter(None, content.split(b"\n")):
        try:
            envelope = json.loads(line)
            if envelope["payloadType"] != _STATEMENT_TYPE:
                raise _EnvelopeError("an envelope in it contains something else than an in-toto statement")
            payload = base64.b64decode(envelope["payload"], validate=True)
            for signature in envelope["signatures"]:
                entries.append(_validate_envelope_signature(signature, payload, payload == statement, trusted))
                if len(entries) > _MOST_SIGNATURES:
                    raise _EnvelopeError(f"it has more than {_MOST_SIGNATURES} signatures")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise _EnvelopeError("it is not a DSSE envelope") from None
    if not entries:
        raise _EnvelopeError("it has no signature")
    return entries


def _validate_envelope_signature(
    signature: Mapping[str, Any], payload: bytes, is_statement: bool, trusted: list[Any]
) -> dict[str, Any]:
    value = base64.b64decode(signature["sig"], validate=True)
    chain = list(load_certs_from_pemder_data(signature["cert"].encode())) if signature.get("cert") else []
    # Other programs put no certificate into an envelope: then it may be that of any trusted signer.
    candidates = chain[:1] or trusted
    own = next((each for each in candidates if _is_signed_by(each, payload, value)), None)
    name = (own or candidates[0]).subject.human_friendly if candidates else f"the key {str(signature.get('keyid'))[:64]!r}"
    return {
        "signer": name,
        "claimed_at": None,
        "is_intact": own is not None,
        "is_whole": is_statement,
        "distrust": _explain_signer(own, chain[1:], trusted, None) if own is not None else _DOES_NOT_HOLD,
        "time_stamp": None,
    }


def _is_signed_by(certificate: Any, payload: bytes, signature: bytes) -> bool:
    public = serialization.load_der_public_key(certificate.public_key.dump())
    content = _encode_for_signature(payload)
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, content)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, content, ec.ECDSA(_hash_of(public.curve)))
        elif isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, content, _PSS, hashes.SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True
