"""What `sign` and `verify` do with a PDF that is already made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.errors import FindingsReportError, Kind, Place, Problem

if TYPE_CHECKING:
    from findings_report.embedded import Embedded
    from findings_report.signing import Key, Signature


@dataclass(frozen=True)
class Verified:
    """What `verify` found."""

    carried: Embedded
    """The data, whole and readable."""
    signatures: tuple[Signature, ...]
    """In the order they were made."""
    problems: tuple[Problem, ...]
    """Of kind GATE: what does not hold."""


def sign(pdf: Path, key: Key, output: Path | None) -> Path:
    """Publishes the signed PDF at `output`, else in the place of `pdf`; gives where. Raises FindingsReportError."""
    from findings_report import archive, signing
    from findings_report.publish import publish

    shown = str(pdf)
    content = archive.content_of(pdf, shown=shown)
    if not archive.is_pdf(content):
        raise FindingsReportError(Problem(Kind.INPUT, "it is no PDF", place=Place(shown), code="sign-pdf"))
    path = output or pdf
    publish({path: signing.sign(content, key, shown=shown)})
    return path


def verify(pdf: Path, trusted: bytes) -> Verified:
    """Looks at the signatures and the data of a PDF. `trusted` are certificates in PEM.

    Raises FindingsReportError (INPUT) for a PDF whose data cannot be read.
    """
    from findings_report import archive, signing

    shown = str(pdf)
    content = archive.content_of(pdf, shown=shown)
    carried = archive.extract(content, shown=shown)
    found = signing.signatures(content, trusted, shown=shown)
    faults = [fault for signature in found for fault in _faults(signature)] or ([] if found else [("it is not signed", None)])
    problems = (Problem(Kind.GATE, fault, remedy, place=Place(shown), code="signature") for fault, remedy in faults)
    return Verified(carried, found, tuple(problems))


def _faults(signature: Signature) -> list[tuple[str, str | None]]:
    whose = f"the signature of {signature.signer}"
    if not signature.is_intact:
        return [(f"{whose} is broken: the file was changed", None)]
    faults: list[tuple[str, str | None]] = []
    if not signature.is_whole:
        faults.append((f"{whose} does not cover the whole file: something was added after it", None))
    if not signature.is_trusted:
        remedy = "name the certificate that you trust with --trust, once you know that it is theirs"
        faults.append((f"{whose} is intact, but its certificate is not trusted", remedy))
    return faults
