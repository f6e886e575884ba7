"""What `attach` is to send: files of the command line, or those that the engagement's own tickets are waiting for."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from findings_report.commands.build import Wishes, build
from findings_report.model.ticket import File, TicketRef
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.report.check import Progress, read
from findings_report.tickets import trackers
from findings_report.tickets.attach import Errand, Parcels, stem_of

_LARGEST_FILE: Final = 1024 * 1024 * 1024


def parcels(errand: Errand, progress: Progress) -> tuple[Parcels, list[Problem]]:
    """The files with their tickets, and warnings. Raises FindingsReportError (USAGE, or as `build` does)."""
    return _given(errand) if errand.files else _built(errand, progress)


def _given(errand: Errand) -> tuple[Parcels, list[Problem]]:
    """The files of the command line, each for every ticket."""
    if not errand.to:
        fault = "nothing says on which ticket"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name it with --to, as in --to jira:SEC-12", code="ticket-ref"))
    refs = tuple(dict.fromkeys(trackers.parse_ref(text) for text in errand.to))
    return {_read(path): refs for path in errand.files}, []


def _built(errand: Errand, progress: Progress) -> tuple[Parcels, list[Problem]]:
    """The report and the findings that have tickets, built as `build -f pdf` and `build --each -f pdf` do."""
    _, authored = read(errand.inputs)
    problems: list[Problem] = []
    whole = _known(errand.to or authored.engagement.tickets, problems)
    single = {} if errand.to else {id: _known(finding.tickets, problems) for id, finding in authored.findings.items()}
    wanted = tuple(id for id, refs in single.items() if refs)
    parcels: Parcels = {}
    for is_each, needed in ((False, bool(whole)), (True, bool(wanted))):
        if not needed:
            continue
        wishes = Wishes(
            formats=("pdf",),
            output=None,
            template=None,
            system_fonts=False,
            default_date=errand.default_date,
            fail_on=None,
            strict=False,
            each=is_each,
            only=wanted if is_each else (),
        )
        built = build(errand.inputs, wishes, progress)
        problems += [problem for problem in built.problems if problem not in problems]
        for written in built.files:
            path = written.path or Path("report.pdf")
            parcels[_file(path, written.content)] = single[path.stem] if is_each else whole
    return parcels, problems


def _known(refs: Sequence[str], problems: list[Problem]) -> tuple[TicketRef, ...]:
    """The references to trackers that are known here. Others may be of use to people; they are told, and left alone."""
    found: list[TicketRef] = []
    for text in dict.fromkeys(refs):
        try:
            found.append(trackers.parse_ref(text))
        except FindingsReportError as error:
            problems += [replace(problem, level="warning") for problem in error.problems]
    return tuple(found)


def _read(path: Path) -> File:
    shown = shown_path(path)
    try:
        if not path.is_file():
            raise FindingsReportError(Problem(Kind.USAGE, "there is no such file", _BUILD, place=Place(shown), code="no-file"))
        content = path.read_bytes() if path.stat().st_size <= _LARGEST_FILE else b""
    except OSError as error:
        raise FindingsReportError(
            Problem(Kind.USAGE, f"cannot be read: {error.strerror or error}", place=Place(shown), code="no-file")
        ) from None
    if not content:
        fault = "is empty, or larger than any tracker takes"
        raise FindingsReportError(Problem(Kind.USAGE, fault, _BUILD, place=Place(shown), code="no-file"))
    return _file(path, content)


def _file(path: Path, content: bytes) -> File:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(stem_of(path.stem), stem_of(path.suffix), content, media_type)


_BUILD: Final = "make it with `findings-report build -f pdf`"
