"""TODO signing."""

from findings_report.pdf.signing.sign import Key, Made, Manner, Signature, Signer, Stamp, TimeStamp, Trusted, sign, signatures

__all__ = ["Key", "Made", "Manner", "Signature", "Signer", "Stamp", "TimeStamp", "Trusted", "sign", "signatures"]
