"""People who sign PDFs, and how a signed PDF is read back."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from findings_report.commands.pdf import verify_pdf
from findings_report.pdf import signing
from findings_report.pdf.signing import SignatureSettings, SigningKey, TrustAnchors

SECRET = "correct horse"
NOW = SignatureSettings(datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.UTC))


class Person(NamedTuple):
    """Who signs."""

    plain: SigningKey
    encrypted: SigningKey
    bundle: SigningKey


def person(
    name: str,
    *,
    above: Person | None = None,
    is_root: bool = False,
    last: datetime.datetime | None = None,
    usage: str = "digital_signature",
) -> Person:
    """Somebody whose certificate is valid until `last`, and made by the person `above`, or by himself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    signs = usage == "digital_signature"
    key_usage = x509.KeyUsage(signs, signs, not signs, False, False, is_root, False, False, False)
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(start).not_valid_after(last or start + datetime.timedelta(36500))
    builder = builder.add_extension(key_usage, critical=True)
    builder = builder.add_extension(x509.BasicConstraints(is_root, None), critical=True)
    issuer, signing_key = subject, key
    if above is not None:
        issuer = x509.load_pem_x509_certificate(above.plain.certificates).subject
        loaded = load_pem_private_key(above.plain.content, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing_key = loaded
    certificate = builder.issuer_name(issuer).sign(signing_key, hashes.SHA256())
    pem = certificate.public_bytes(Encoding.PEM)
    locked = BestAvailableEncryption(SECRET.encode())
    return Person(
        SigningKey(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), pem, None),
        SigningKey(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked), pem, SECRET),
        SigningKey(pkcs12.serialize_key_and_certificates(b"ada", key, certificate, None, locked), b"", SECRET),
    )


def made_by(pdf: bytes, key: SigningKey, manner: SignatureSettings = NOW) -> bytes:
    return signing.sign(pdf, key, manner, shown="report.pdf").content


def looked_at(content: bytes, signers: bytes, authorities: bytes = b"") -> signing.Signature:
    (found,) = signing.validate_signatures(content, TrustAnchors(signers, authorities), shown="report.pdf")
    return found


def faults(content: bytes, trusted: bytes, folder: Path) -> list[str]:
    verified = verify_pdf(content, TrustAnchors(trusted, b""), shown="report.pdf")
    return [problem.fault for problem in verified.problems]
