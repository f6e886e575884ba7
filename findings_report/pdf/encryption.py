"""Encrypting a finished PDF with a password, AES-256. PDF/A forbids encryption, so that the result no longer declares it.

The PDF may come from anyone: it is read and written in a confined child. This module is both sides: `prepare` and
`serve` run in the child.
"""

from __future__ import annotations

import io
import stringprep
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from findings_report import sandbox
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import visible

LONGEST_PASSWORD: Final = 127
"""Bytes of UTF-8. ISO 32000-2, 7.6.4.3.3, leaves out those that follow; programs that do not would find another key."""

DAMAGED_REMEDY: Final = "build it again, or copy it again from where it came"
"""The remedy for a damaged PDF."""


def prepare_password(password: str) -> str:
    """Return the form of a password that its key is derived from, so that every way of typing `é` opens the PDF.

    Source: ISO 32000-2, 7.6.4.3.3, step a: the profile SASLprep of stringprep, RFC 4013, sections 2.1 and 2.2. Characters that
    it prohibits stay: a PDF from elsewhere may have been encrypted with them.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    return unicodedata.ucd_3_2_0.normalize("NFKC", mapped)


def find_prohibited(password: str) -> str | None:
    """Return what SASLprep prohibits in a password, in words; None without any. Source: RFC 4013, 2.3 and 2.4; RFC 3454, C, D.

    Characters that Unicode 3.2 did not have, such as most emoji, are no fault: a reader does not change them (2.5).
    """
    prepared = prepare_password(password)
    for character in prepared:
        if any(is_in(character) for is_in in _PROHIBITED):
            return f"the character U+{ord(character):04X}"
    if any(map(stringprep.in_table_d1, prepared)):
        if any(map(stringprep.in_table_d2, prepared)):
            return "letters of scripts of both directions"
        if not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])):
            return "letters of a script from right to left that are neither its first nor its last character"
    return None


_PROHIBITED: Final = (
    *(stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4),
    *(stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9),
)


def encrypt(content: bytes, password: str, *, shown: str) -> bytes:
    """Return the PDF, encrypted. The bytes differ every time, because the key is random.

    `shown` is the PDF's name in messages. Raises FindingsReportError: INPUT for a PDF that is not readable, encrypted already
    or signed, USAGE for a password that other programs could not take.
    """
    # Programs that prepare a password as the standard wants it refuse it, and the PDF would open in few others.
    if prohibited := find_prohibited(password):
        fault = f"the password has {prohibited}, which a password of a PDF may not contain (SASLprep, RFC 4013)"
        remedy = "use another one, of characters that a keyboard writes"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, place=Place(shown), code="pdf-password-characters"))
    password = prepare_password(password)
    if not password:
        # The PDF would open without one.
        fault = "the password has only characters that count for nothing, as soft hyphens and joiners do"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "use another one", place=Place(shown), code="pdf-password-length"))
    if (length := len(password.encode())) > LONGEST_PASSWORD:
        fault = f"the password has {length} bytes in UTF-8, and a PDF's has {LONGEST_PASSWORD} at most"
        raise FindingsReportError(
            Problem(Kind.USAGE, fault, "use a shorter one", place=Place(shown), code="pdf-password-length")
        )
    seconds = 60 + len(content) // 2**20
    limits = sandbox.Limits(
        seconds,
        memory_bytes=2**30 + 12 * len(content),
        file_bytes=0,
        wall_seconds=4 * seconds,
        output_bytes=2 * len(content) + 2**20,
    )
    try:
        reply = sandbox.run(__name__, {"password": password}, {"pdf": content}, limits=limits)
    except FindingsReportError as error:
        raise _refused(shown, f"it cannot be encrypted: {error.problems[0].fault}") from None
    if "fault" in reply.response:
        raise _refused(shown, visible(str(reply.response["fault"])))
    return reply.blobs["pdf"]


def describe_damage(content: bytes) -> str:
    """Return what is wrong with a PDF that cannot be read, in the words of a reader: a library's name its own parts."""
    if b"%PDF-" not in content[:1024]:
        return "it is no PDF"
    # ISO 32000-2, 7.5.5: the last line; some programs add bytes behind it.
    if b"%%EOF" not in content[-1024:]:
        return "it is a damaged PDF: its end is missing"
    return "it is a damaged PDF: a part of it cannot be read"


def _refused(shown: str, fault: str) -> FindingsReportError:
    remedies = {"damaged PDF": DAMAGED_REMEDY, "is signed": "build it again, encrypt it, and sign it then"}
    remedy = next((remedies[words] for words in remedies if words in fault), None)
    return FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="encrypt-pdf"))


def prepare() -> Iterable[str]:
    """Load pikepdf. Returns the devices that qpdf reads random numbers from."""
    import pikepdf  # noqa: F401 - used by serve

    return ("/dev/urandom", "/dev/random")


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the blob `pdf`, encrypted, or {"fault": text}. Request: `password`. Blob: `pdf`."""
    import pikepdf

    from findings_report.pdf.archival import write_metadata

    try:
        with pikepdf.open(io.BytesIO(blobs["pdf"]), attempt_recovery=False) as pdf:
            if pdf.is_encrypted:
                return {"fault": "it is encrypted already"}, {}
            # The reports of this program have no form but the field of a signature.
            if "/AcroForm" in pdf.Root:
                return {"fault": "it is signed, and encryption would invalidate the signature"}, {}
            write_metadata(pdf, is_archival=False)
            buffer = io.BytesIO()
            password = request["password"]
            # Owner and user password are the same: a second one would only guard rights that viewers are free to ignore.
            # Revision 6 is AES-256 with the key derivation of ISO 32000-2, 7.6.4.
            locked = pikepdf.Encryption(owner=password, user=password, R=6)
            pdf.save(buffer, encryption=locked, fix_metadata_version=False)
            pages = len(pdf.pages)
        # The result may replace the only copy: it is read back before anything is written.
        with pikepdf.open(io.BytesIO(buffer.getvalue()), password=password, attempt_recovery=False) as written:
            if len(written.pages) != pages:
                return {"fault": f"{len(written.pages)} of its {pages} pages are left after encryption"}, {}
    except pikepdf.PasswordError:
        return {"fault": "it is encrypted already"}, {}
    except (pikepdf.PdfError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return {"fault": describe_damage(blobs["pdf"])}, {}
    return {}, {"pdf": buffer.getvalue()}
