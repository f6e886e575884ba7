"""The door to signatures: a PDF and a key -> a signed PDF; a signed PDF -> what its signatures are worth. pyHanko lives here.

Both run in a confined child: a PDF to be looked at comes from anybody, and a key is safest without network and files.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from findings_report import confine
from findings_report.errors import FindingsReportError, Kind, Place, Problem
from findings_report.visible import visible

FIELD: Final = "Signature"
"""Name of the signature's field."""


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
class Signature:
    """One signature, looked at. What it says of its time is the signer's own word."""

    signer: str
    """Name in the signer's certificate."""
    said_at: str | None
    """When it was made, as the signer says, ISO 8601."""
    is_intact: bool
    """True when what was signed is as it was, and the key is that of the certificate."""
    is_whole: bool
    """True when it covers the file to its end: nothing came after it."""
    is_trusted: bool
    """True when the certificate leads to one that is trusted, and was valid."""


def sign(content: bytes, key: Key, *, shown: str) -> bytes:
    """The PDF with a signature (PAdES, no change allowed after it): `content` is its beginning, nothing in it is changed.

    The time is the machine's. `shown` names the PDF in messages. Raises FindingsReportError: USAGE for a key that does not open
    or has no certificate, INPUT for a PDF that cannot be read.
    """
    blobs = {"pdf": content, "key": key.content, "certificates": key.certificates}
    answer = _asked({"do": "sign", "passphrase": key.passphrase}, blobs, shown)
    if "key_fault" in answer.response:
        raise FindingsReportError(Problem(Kind.USAGE, visible(str(answer.response["key_fault"])), code="sign-key"))
    return answer.blobs["pdf"]


def signatures(content: bytes, trusted: bytes, *, shown: str) -> tuple[Signature, ...]:
    """The signatures of a PDF, in the order they were made. `trusted` are certificates in PEM; no other is trusted.

    Nothing is fetched: whether a certificate was revoked is not known. Raises FindingsReportError (INPUT) as `sign`.
    """
    found = _asked({"do": "look"}, {"pdf": content, "trusted": trusted}, shown).response["signatures"]
    assert isinstance(found, list)  # noqa: S101  # the child is this module
    return tuple(Signature(**each) for each in found)


def _asked(request: Mapping[str, object], blobs: Mapping[str, bytes], shown: str) -> confine.Answer:
    if find_spec("pyhanko") is None:
        remedy = "pip install 'findings-report[sign]'"
        raise FindingsReportError(Problem(Kind.USAGE, "signatures need pyHanko", remedy, code="no-pyhanko"))
    size = sum(map(len, blobs.values()))
    seconds = 60 + size // 2**20
    limits = confine.Limits(
        seconds, memory_bytes=2**30 + 20 * size, file_bytes=0, wall_seconds=4 * seconds, output_bytes=size + 2**20
    )
    try:
        answer = confine.run(__name__, request, blobs, limits=limits)
    except FindingsReportError as error:
        fault = f"its signatures cannot be read: {error.problems[0].fault}"
        raise FindingsReportError(Problem(Kind.INPUT, fault, place=Place(shown), code="sign-pdf")) from None
    if "fault" in answer.response:
        fault = visible(str(answer.response["fault"]))
        raise FindingsReportError(Problem(Kind.INPUT, fault, place=Place(shown), code="sign-pdf"))
    return answer


def prepare() -> Iterable[str]:
    """In the child, before it is confined: loads pyHanko, and what that loads late. It reads no file while it serves."""
    import pyhanko.sign.signers
    import pyhanko.sign.validation  # noqa: F401 - both are used by serve
    import tzlocal

    tzlocal.get_localzone()
    return ()


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """In the child: {"do": "sign", "passphrase": text or None} gives the blob `pdf`, {"do": "look"} gives `signatures`.

    Or {"fault": text} for the PDF, {"key_fault": text} for the key.
    """
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError

    try:
        if request["do"] == "look":
            return {"signatures": _looked_at(blobs["pdf"], blobs["trusted"])}, {}
        try:
            signer = _signer(blobs["key"], blobs["certificates"], request["passphrase"])
        except (ValueError, TypeError) as error:
            return {"key_fault": str(error)}, {}
        return {}, {"pdf": _signed(blobs["pdf"], signer)}
    except SigningError as error:
        return {"fault": f"it cannot be signed, as it has a signature already or forbids one: {error}"}, {}
    except PdfError as error:
        return {"fault": f"it is a damaged or encrypted PDF: {error}"}, {}


def _signer(key: bytes, certificates: bytes, passphrase: str | None) -> Any:
    """A signer of pyHanko's; ValueError with the reason when key and certificate make none."""
    from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    secret = passphrase.encode() if passphrase is not None else None
    if b"-----BEGIN" not in key:
        try:
            return SimpleSigner.load_pkcs12_data(key, [], passphrase=secret)
        except ValueError:
            raise ValueError("the key cannot be opened: it is no PKCS#12 file, or the passphrase is wrong") from None
    try:
        private = load_private_key_from_pemder_data(key, secret)
    except (ValueError, TypeError):
        raise ValueError("the key cannot be opened: it is no private key in PEM, or the passphrase is wrong") from None
    chain = list(load_certs_from_pemder_data(certificates or key))
    if not chain:
        raise ValueError("there is no certificate: name its file with --certificate")
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain)
    return SimpleSigner(signing_cert=chain[0], signing_key=private, cert_registry=store)


def _signed(content: bytes, signer: Any) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter

    said = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    made = signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content)), said, signer=signer)
    return bytes(made.getvalue())


def _looked_at(content: bytes, trusted: bytes) -> list[dict[str, Any]]:
    import logging

    from pyhanko.keys import load_certs_from_pemder_data
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    logging.disable()  # it prints tracebacks of certificates that it does not trust
    roots = list(load_certs_from_pemder_data(trusted)) if trusted else []
    found = []
    for signature in PdfFileReader(io.BytesIO(content)).embedded_regular_signatures:
        status = validate_pdf_signature(signature, ValidationContext(trust_roots=roots, allow_fetching=False))
        said_at = status.signer_reported_dt
        found.append(
            {
                "signer": status.signing_cert.subject.human_friendly,
                "said_at": said_at.isoformat() if said_at is not None else None,
                "is_intact": bool(status.intact and status.valid),
                "is_whole": status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
                "is_trusted": bool(status.trusted),
            }
        )
    return found
