"""A finished PDF and a password -> a PDF that only opens with it: AES-256. It is no PDF/A any more, and does not say so.

The PDF may be anybody's: it is read and written in a confined child, which alone sees the password.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from findings_report import sandbox
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import visible


def encrypt(content: bytes, password: str, *, shown: str) -> bytes:
    """The PDF, to be opened with `password`. Never the same bytes twice: the key is drawn by lot.

    `shown` names it in messages. Raises FindingsReportError (INPUT) for a PDF that cannot be read, that is encrypted already,
    or that is signed, as its signature would be worth nothing afterwards.
    """
    seconds = 60 + len(content) // 2**20
    limits = sandbox.Limits(
        seconds,
        memory_bytes=2**30 + 12 * len(content),
        file_bytes=0,
        wall_seconds=4 * seconds,
        output_bytes=2 * len(content) + 2**20,
    )
    try:
        answer = sandbox.run(__name__, {"password": password}, {"pdf": content}, limits=limits)
    except FindingsReportError as error:
        raise _refused(shown, f"it cannot be encrypted: {error.problems[0].fault}") from None
    if "fault" in answer.response:
        raise _refused(shown, visible(str(answer.response["fault"])))
    return answer.blobs["pdf"]


def _refused(shown: str, fault: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.INPUT, fault, place=Place(shown), code="encrypt-pdf"))


def prepare() -> Iterable[str]:
    """In the child, before it is confined: loads pikepdf. While it serves it reads chance alone."""
    import pikepdf  # noqa: F401 - used by serve

    return ("/dev/urandom", "/dev/random")


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """In the child: the blob `pdf`, or {"fault": text}. Request: `password`. Blob: `pdf`."""
    import pikepdf

    from findings_report.pdf.archival import describe

    try:
        with pikepdf.open(io.BytesIO(blobs["pdf"]), attempt_recovery=False) as pdf:
            if pdf.is_encrypted:
                return {"fault": "it is encrypted already"}, {}
            if "/AcroForm" in pdf.Root:
                return {"fault": "it is signed, and a signature does not outlive encryption"}, {}
            describe(pdf, is_archival=False)
            buffer = io.BytesIO()
            password = request["password"]
            # Both the same: a second password would only guard rights that no viewer is bound to heed.
            locked = pikepdf.Encryption(owner=password, user=password, R=6)
            pdf.save(buffer, encryption=locked, fix_metadata_version=False)
    except pikepdf.PasswordError:
        return {"fault": "it is encrypted already"}, {}
    except (pikepdf.PdfError, AttributeError, KeyError, TypeError) as error:
        return {"fault": f"it is a damaged PDF: {' '.join(str(error).split())[:200]}"}, {}
    return {}, {"pdf": buffer.getvalue()}
