"""The door to what a PDF carries. A PDF may come from anybody: it is read in a confined child, and only what is asked for.

A file is taken as it stands: what it says, whether it is a report at all, is `archive`'s to judge.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from findings_report import sandbox
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import visible

if TYPE_CHECKING:
    from pikepdf import Object, Pdf

LARGEST_PDF: Final = 256 * 2**20
"""Bytes of a PDF that is read at all."""

LARGEST_FILE: Final = 256 * 2**20
"""Bytes of the file inside, once decompressed."""

Password = Callable[[str], str | None]
"""Asked for the password of an encrypted PDF, by the name that messages have for it; None when there is none."""

NO_PASSWORD: Final = "pdf-no-password"  # noqa: S105 - the code of a problem
"""Code of the problem that a PDF is encrypted, and nobody gave its password."""

WRONG_PASSWORD: Final = "pdf-wrong-password"  # noqa: S105 - likewise
"""Code of the problem that a PDF does not open with the password that was given."""

_MOST_FILES: Final = 1000
_MAKE_ANEW: Final = "take a PDF that findings-report made, or the JSON beside it"
_SOURCE: Final = re.compile(r"(?:stream )?<_io\.BytesIO object at 0x[0-9a-f]+>:? ?")
"""What qpdf calls the bytes that it is given."""
_TOO_LARGE: Final = ("confine-memory", "confine-output", "confine-cpu", "confine-wall")


@dataclass(frozen=True)
class Embedded:
    """One file out of a PDF."""

    name: str
    """Its name there, one of those asked for."""
    content: bytes
    """Its bytes, untrusted."""


def no_password(shown: str) -> None:
    """The Password of who has none."""


def embedded(content: bytes, names: Sequence[str], *, shown: str, password: Password = no_password) -> Embedded:
    """The one file of a PDF that is called as one of `names`; files of other names are left alone.

    `shown` names the PDF in messages. `password` is asked when it is encrypted, and not otherwise. Raises FindingsReportError:
    USAGE when it is encrypted and does not open, INPUT when there is no such file or more than one, when the file is not as its
    PDF says, and when the PDF is damaged or too large.
    """
    if len(content) > LARGEST_PDF:
        raise _refused(shown, f"it has {len(content):,} bytes; at most {LARGEST_PDF:,} are read")
    try:
        with sandbox.start_child(__name__, limits=_limits(len(content)), environment={}) as child:
            wanted = {"names": list(names)}
            answer = unlocked(lambda given: sandbox.ask(child, {**wanted, **given}, {"pdf": content}), password, shown)
    except FindingsReportError as error:
        problem = error.problems[0]
        if problem.kind is Kind.USAGE:
            raise
        if problem.code in _TOO_LARGE:
            raise _refused(shown, f"it takes too much to read what it carries: {problem.fault}") from None
        raise _refused(shown, f"it cannot be read: {problem.fault}") from None
    if "fault" in answer.response:
        raise _refused(shown, visible(str(answer.response["fault"])))
    return Embedded(str(answer.response["name"]), answer.blobs["file"])


def unlocked(ask: Callable[[Mapping[str, object]], sandbox.ChildReply], password: Password, shown: str) -> sandbox.ChildReply:
    """What a child answers that may need the password of a PDF: it says {"locked": true} then, and is asked again.

    `ask` is given what is to be said besides, {} or {"password": text}. Raises FindingsReportError (USAGE) when there is no
    password, or a wrong one.
    """
    answer = ask({})
    if not answer.response.get("locked"):
        return answer
    given = password(shown)
    if given is None:
        remedy = "give its password in a file with --password-file, or in FINDINGS_REPORT_PASSWORD"
        raise FindingsReportError(Problem(Kind.USAGE, "it is encrypted", remedy, place=Place(shown), code=NO_PASSWORD))
    answer = ask({"password": given})
    if answer.response.get("locked"):
        fault = "it does not open with this password"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(shown), code=WRONG_PASSWORD))
    return answer


def _limits(size: int) -> sandbox.Limits:
    cpu_seconds = 20 + size // 2**20
    return sandbox.Limits(
        cpu_seconds, memory_bytes=2**30 + 8 * size, file_bytes=0, wall_seconds=60 + 4 * cpu_seconds, output_bytes=LARGEST_FILE
    )


def _refused(shown: str, fault: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.INPUT, fault, _MAKE_ANEW, place=Place(shown), code="report-pdf"))


class _UnfitError(Exception):
    """A PDF that is sound and is not what was asked for; its text is the reason."""


def prepare() -> Iterable[str]:
    """In the child, before it is confined: loads pikepdf. While it serves it reads chance alone, as qpdf wants to decrypt."""
    import pikepdf  # noqa: F401 - used by serve

    return ("/dev/urandom", "/dev/random")


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """In the child: the blob `file` and {"name": text}, {"fault": text}, or {"locked": true} when the password is wrong.

    Request: `names`, and `password` where one was given. Blob: `pdf`.
    """
    import pikepdf

    try:
        # No recovery: what qpdf would make of a damaged PDF need not be what was in it.
        with pikepdf.open(io.BytesIO(blobs["pdf"]), password=request.get("password", ""), attempt_recovery=False) as pdf:
            name, content = _only(pdf, request["names"])
    except pikepdf.PasswordError:
        return {"locked": True}, {}
    except _UnfitError as error:
        return {"fault": str(error)}, {}
    except (pikepdf.PdfError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return {"fault": f"it is a damaged PDF: {' '.join(_SOURCE.sub('', str(error)).split())[:200]}"}, {}
    return {"name": name}, {"file": content}


def _only(pdf: Pdf, names: Sequence[str]) -> tuple[str, bytes]:
    """Name and content of the one file that is asked for; _UnfitError when there is no such one."""
    from pikepdf import Dictionary

    files = _files(pdf.Root.get("/Names", Dictionary()).get("/EmbeddedFiles", Dictionary()))
    found = [(name, _stream(file)) for name, file in files if name in names]
    if not found:
        others = f", but {len(files)} other{'' if len(files) == 1 else 's'}" if files else ""
        raise _UnfitError(f"it carries no data: neither {' nor '.join(names)} is embedded in it{others}")
    if len(found) > 1:
        raise _UnfitError(
            f"it carries {len(found)} files of data ({', '.join(name for name, _ in found)}), and one is expected"
        )
    name, stream = found[0]
    content = stream.read_bytes()
    stated = stream.get("/Params", Dictionary()).get("/CheckSum")
    if stated is not None and bytes(stated) != hashlib.md5(content, usedforsecurity=False).digest():
        raise _UnfitError(f"the {name} in it is not what was put there: its checksum differs")
    return name, content


def _files(tree: Object) -> list[tuple[str, Object]]:
    """Every entry of a name tree, those of the same name too, which qpdf's own reader of such trees would make one of."""
    from pikepdf import Array, String

    nodes: list[Object] = [tree]
    files: list[tuple[str, Object]] = []
    for node in nodes:
        nodes.extend(node.get("/Kids", Array()))
        entries = list(node.get("/Names", Array()))
        names = [str(name) if isinstance(name, String) else "" for name in entries[::2]]
        files.extend(zip(names, entries[1::2], strict=True))
        if len(nodes) > _MOST_FILES or len(files) > _MOST_FILES:  # a tree that holds itself never ends
            raise _UnfitError(f"more than {_MOST_FILES:,} files are embedded in it")
    return files


def _stream(file: Object) -> Object:
    from pikepdf import Stream

    stream = file.EF.F
    if not isinstance(stream, Stream):
        raise TypeError("an embedded file is no stream")
    return stream
