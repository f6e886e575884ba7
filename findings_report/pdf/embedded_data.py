"""Extracting the data that a PDF contains. A PDF may come from anyone: it is parsed in a confined child, for its data only.

This module is both sides: `prepare` and `serve` run in the child. Whether the extracted file is a report is for
report/archive.py to decide.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from findings_report import sandbox
from findings_report.pdf.encryption import describe_damage, prepare_password
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import visible

if TYPE_CHECKING:
    from pikepdf import Object, Pdf

LARGEST_PDF: Final = 256 * 2**20
"""Bytes of the longest PDF that is read."""

LARGEST_FILE: Final = 256 * 2**20
"""Bytes of the longest embedded file, decompressed."""

Password = Callable[[str], str | None]
"""Returns the password of an encrypted PDF, given the PDF's name in messages; None if there is none."""

NO_PASSWORD: Final = "pdf-no-password"  # noqa: S105 - the code of a problem
"""Code of the problem that a PDF is encrypted and no password was given."""

WRONG_PASSWORD: Final = "pdf-wrong-password"  # noqa: S105 - likewise
"""Code of the problem that the password is wrong."""

_MOST_FILES: Final = 1000
_REMEDY: Final = "use a PDF that findings-report rendered, or the JSON beside it"
_TOO_LARGE: Final = ("confine-memory", "confine-output", "confine-cpu", "confine-wall")


@dataclass(frozen=True)
class ExtractedFile:
    """A file that was embedded in a PDF."""

    name: str
    """Its name in the PDF, one of those asked for."""
    content: bytes
    """Its bytes; not trusted."""


def no_password(shown: str) -> None:
    """Return None: the Password of a caller that has none."""


def extract_file(content: bytes, names: Sequence[str], *, shown: str, password: Password = no_password) -> ExtractedFile:
    """Return the only file in a PDF that has one of these names; other files are ignored.

    `shown` is the PDF's name in messages. `password` is called only if the PDF is encrypted. Raises
    FindingsReportError: USAGE if the PDF is encrypted and does not open; INPUT if there is no such file or more than
    one, if its checksum differs, and if the PDF is damaged or too large.
    """
    if len(content) > LARGEST_PDF:
        raise _refused(shown, f"it has {len(content):,} bytes; at most {LARGEST_PDF:,} are read")
    try:
        with sandbox.start_child(__name__, limits=_limits(len(content)), environment={}) as child:
            wanted = {"names": list(names)}
            reply = ask_with_password(lambda given: sandbox.ask(child, {**wanted, **given}, {"pdf": content}), password, shown)
    except FindingsReportError as error:
        problem = error.problems[0]
        if problem.kind is Kind.USAGE:
            raise
        if problem.code in _TOO_LARGE:
            raise _refused(shown, f"reading its data takes too much: {problem.fault}") from None
        raise _refused(shown, f"it cannot be read: {problem.fault}") from None
    if "fault" in reply.response:
        raise _refused(shown, visible(str(reply.response["fault"])))
    return ExtractedFile(str(reply.response["name"]), reply.blobs["file"])


def ask_with_password(
    ask: Callable[[Mapping[str, object]], sandbox.ChildReply], password: Password, shown: str
) -> sandbox.ChildReply:
    """Return a child's reply to a request that may need the password of a PDF: after {"locked": true} it is asked again.

    `ask` sends the request with the given addition, {} or {"password": text}. Raises FindingsReportError (USAGE) if
    there is no password, or a wrong one.
    """
    reply = ask({})
    if not reply.response.get("locked"):
        return reply
    given = password(shown)
    if given is None:
        remedy = "give its password in a file with --password-file, or in FINDINGS_REPORT_PASSWORD"
        raise FindingsReportError(Problem(Kind.USAGE, "it is encrypted", remedy, place=Place(shown), code=NO_PASSWORD))
    # As it was typed first: not every program prepares a password, nor did this one before 0.2.0.
    for typed in dict.fromkeys((given, prepare_password(given))):
        reply = ask({"password": typed})
        if not reply.response.get("locked"):
            break
    if reply.response.get("locked"):
        fault = "it does not open with this password"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(shown), code=WRONG_PASSWORD))
    return reply


def _limits(size: int) -> sandbox.Limits:
    # A small file may decompress to a huge one: memory and output are limited besides.
    cpu_seconds = 20 + size // 2**20
    return sandbox.Limits(
        cpu_seconds, memory_bytes=2**30 + 8 * size, file_bytes=0, wall_seconds=60 + 4 * cpu_seconds, output_bytes=LARGEST_FILE
    )


def _refused(shown: str, fault: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.INPUT, fault, _REMEDY, place=Place(shown), code="report-pdf"))


class _NoDataError(Exception):
    """Why a PDF that is not damaged does not give the data that was asked for."""


def prepare() -> Iterable[str]:
    """Load pikepdf. Returns the devices that qpdf reads random numbers from; it does so even to decrypt."""
    import pikepdf  # noqa: F401 - used by serve

    return ("/dev/urandom", "/dev/random")


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the blob `file` and {"name": text}, {"fault": text}, or {"locked": true} if the password is wrong.

    Request: `names`, and `password` where one was given. Blob: `pdf`.
    """
    import pikepdf

    try:
        # No recovery: qpdf's reconstruction of a damaged PDF may contain something else than the PDF did.
        with pikepdf.open(io.BytesIO(blobs["pdf"]), password=request.get("password", ""), attempt_recovery=False) as pdf:
            name, content = _find_only(pdf, request["names"])
    except pikepdf.PasswordError:
        return {"locked": True}, {}
    except _NoDataError as error:
        return {"fault": str(error)}, {}
    except (pikepdf.PdfError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return {"fault": describe_damage(blobs["pdf"])}, {}
    return {"name": name}, {"file": content}


def _find_only(pdf: Pdf, names: Sequence[str]) -> tuple[str, bytes]:
    """Return name and content of the only file with one of `names`. Raises _NoDataError if there is none, or several."""
    from pikepdf import Dictionary

    files = _list_files(pdf.Root.get("/Names", Dictionary()).get("/EmbeddedFiles", Dictionary()))
    matching = [(name, _stream(file)) for name, file in files if name in names]
    if not matching:
        others = f", but {len(files)} other{'' if len(files) == 1 else 's'}" if files else ""
        raise _NoDataError(f"it contains no data: neither {' nor '.join(names)} is embedded in it{others}")
    if len(matching) > 1:
        raise _NoDataError(
            f"it contains {len(matching)} data files ({', '.join(name for name, _ in matching)}), one is expected"
        )
    name, stream = matching[0]
    content = stream.read_bytes()
    stated = stream.get("/Params", Dictionary()).get("/CheckSum")
    if stated is not None and bytes(stated) != hashlib.md5(content, usedforsecurity=False).digest():
        raise _NoDataError(f"the {name} in it was changed: its checksum differs")
    return name, content


def _list_files(tree: Object) -> list[tuple[str, Object]]:
    """Return every entry of a name tree. qpdf's own reader of such trees returns only one of two entries with the same name."""
    from pikepdf import Array, String

    nodes: list[Object] = [tree]
    files: list[tuple[str, Object]] = []
    for node in nodes:
        nodes.extend(node.get("/Kids", Array()))
        entries = list(node.get("/Names", Array()))
        names = [str(name) if isinstance(name, String) else "" for name in entries[::2]]
        files.extend(zip(names, entries[1::2], strict=True))
        if len(nodes) > _MOST_FILES or len(files) > _MOST_FILES:  # a tree that contains itself never ends
            raise _NoDataError(f"more than {_MOST_FILES:,} files are embedded in it")
    return files


def _stream(file: Object) -> Object:
    from pikepdf import Stream

    stream = file.EF.F
    if not isinstance(stream, Stream):
        raise TypeError("an embedded file is no stream")
    return stream
