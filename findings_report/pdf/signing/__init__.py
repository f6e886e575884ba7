"""Signatures: a PDF and a key to a signed PDF, a signed PDF to its validated signatures; the same for statements (DSSE).

In: bytes of PDFs, keys and certificates. Out: `SignedPdf` and `Signature`. pyHanko is used by `worker` only, in a
confined child; httpx by `sign` only. The folder does not know reports, nor how a signature is printed.
"""

from findings_report.pdf.signing.sign import (
    Appearance,
    Distrust,
    Signature,
    SignatureSettings,
    SignedPdf,
    Signer,
    SigningKey,
    TimeStamp,
    TrustAnchors,
    appearance_html,
    appearance_text,
    check_address,
    check_extra,
    sign,
    sign_statement,
    validate_envelopes,
    validate_signatures,
)

__all__ = [
    "Appearance",
    "Distrust",
    "Signature",
    "SignatureSettings",
    "SignedPdf",
    "Signer",
    "SigningKey",
    "TimeStamp",
    "TrustAnchors",
    "appearance_html",
    "appearance_text",
    "check_address",
    "check_extra",
    "sign",
    "sign_statement",
    "validate_envelopes",
    "validate_signatures",
]
