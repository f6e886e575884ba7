"""The commands for issue trackers: `attach`, and `tickets create`, `sync` and `export`; and `ci comment` for change requests.

`attach` sends the files of the command line, or the report and the findings that the engagement's tickets are for. The folder
`tickets` does the work: it alone knows how a tracker is reached. Modules that load the HTTP client are imported on use.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report.commands.build import BuildOptions, build
from findings_report.model.ticket import File, TicketRef
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.report.check import Inputs, Progress, read
from findings_report.report.editions import list_audiences, require_audience
from findings_report.tickets.attach import Attachments, AttachOptions, attachment_stem
from findings_report.tickets.attach import attach as attach_files
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.session import TicketsResult
from findings_report.tickets.trackers import parse_ref

if TYPE_CHECKING:
    from findings_report.tickets.change_comment import CommentResult
    from findings_report.tickets.create_and_sync import CreateOptions, SyncOptions

# A larger file is not read: it would fill the memory long before a tracker rejects it.
_LARGEST_FILE: Final = 1024 * 1024 * 1024


def attach(options: AttachOptions, environment: Environment, progress: Progress) -> TicketsResult:
    """Attach the files of the command line, or build those for which the engagement names tickets, and attach them.

    Raises FindingsReportError if nothing was sent: USAGE, NETWORK, or as `build` does.
    """
    files, problems = _read_files(options) if options.files else _build_files(options, progress)
    result = attach_files(files, options, environment, progress)
    problems += result.problems
    # Only without problems: a warning about an unknown reference says more.
    nothing = "no tickets are given in the engagement or in findings" * (not problems)
    return TicketsResult(result.done, tuple(problems), nothing)


def _read_files(options: AttachOptions) -> tuple[Attachments, list[Problem]]:
    """The files of the command line, each for every ticket."""
    if not options.to:
        fault = "no ticket is given"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "use --to, as in --to jira:SEC-12", code="ticket-ref"))
    # A ticket that is named twice gets one attachment.
    refs = tuple(dict.fromkeys(parse_ref(text) for text in options.to))
    return {_read(path): refs for path in options.files}, []


def _build_files(options: AttachOptions, progress: Progress) -> tuple[Attachments, list[Problem]]:
    """The report and the findings that have tickets, built as `build -f pdf` and `build --each -f pdf` do."""
    _, authored = read(options.inputs)
    if options.inputs.audience is None:
        require_audience(list_audiences(authored.engagement, authored.findings))
    problems: list[Problem] = []
    whole = _parse_known(options.to or authored.engagement.tickets, problems)
    # --to names tickets of the report. Findings are attached only to the tickets that they name themselves.
    single = {} if options.to else {id: _parse_known(finding.tickets, problems) for id, finding in authored.findings.items()}
    wanted = tuple(id for id, refs in single.items() if refs)
    files: dict[File, tuple[TicketRef, ...]] = {}
    # Two builds, as on the command line: a file has either the whole report or one finding.
    for is_each, needed in ((False, bool(whole)), (True, bool(wanted))):
        if not needed:
            continue
        # The defaults of `build`, so that the attachment equals the PDF that people build themselves.
        build_options = BuildOptions(
            formats=("pdf",),
            output=None,
            template=None,
            system_fonts=False,
            default_date=options.default_date,
            fail_on=None,
            strict=False,
            each=is_each,
            only=wanted if is_each else (),
        )
        built = build(options.inputs, build_options, progress)
        # Both builds check the same engagement, and would report its warnings twice.
        problems += [problem for problem in built.problems if problem not in problems]
        for written in built.files:
            path = written.path or Path("report.pdf")
            files[_file(path, written.content)] = single[path.stem] if is_each else whole
    return files, problems


def _parse_known(refs: Sequence[str], problems: list[Problem]) -> tuple[TicketRef, ...]:
    """Return the references to known trackers; add a warning for each other reference, which people may still use."""
    known: list[TicketRef] = []
    for text in dict.fromkeys(refs):
        try:
            known.append(parse_ref(text))
        except FindingsReportError as error:
            problems += [replace(problem, level="warning") for problem in error.problems]
    return tuple(known)


def _read(path: Path) -> File:
    shown = display_path(path)
    try:
        # Asked first: reading a FIFO could block for ever.
        if not path.is_file():
            raise FindingsReportError(Problem(Kind.USAGE, "no such file", _BUILD, place=Place(shown), code="no-file"))
        # An oversized file counts as empty, so that both end in the same error.
        content = path.read_bytes() if path.stat().st_size <= _LARGEST_FILE else b""
    except OSError as error:
        raise FindingsReportError(
            Problem(Kind.USAGE, f"cannot be read: {error.strerror or error}", place=Place(shown), code="no-file")
        ) from None
    if not content:
        fault = "is empty, or larger than any tracker allows"
        raise FindingsReportError(Problem(Kind.USAGE, fault, _BUILD, place=Place(shown), code="no-file"))
    return _file(path, content)


def _file(path: Path, content: bytes) -> File:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(attachment_stem(path.stem), attachment_stem(path.suffix), content, media_type)


_BUILD: Final = "create it with `findings-report build -f pdf`"


def create(inputs: Inputs, options: CreateOptions, environment: Environment, progress: Progress) -> TicketsResult:
    """Create a ticket for each unresolved finding that has none. Raise FindingsReportError if nothing was sent."""
    from findings_report.tickets import create_and_sync

    return create_and_sync.create(inputs, options, environment, progress)


def sync(inputs: Inputs, options: SyncOptions, environment: Environment, progress: Progress) -> TicketsResult:
    """Update the tickets of findings; no ticket is closed. Raise FindingsReportError if nothing was sent."""
    from findings_report.tickets import create_and_sync

    return create_and_sync.sync(inputs, options, environment, progress)


def export(
    inputs: Inputs, formats: tuple[str, ...], only: tuple[str, ...], output: Path | None, progress: Progress
) -> TicketsResult:
    """Write files for a tracker's import. Raise FindingsReportError if nothing was written."""
    from findings_report.tickets import create_and_sync as exporting

    return exporting.export(inputs, formats, only, output, progress)


_LARGEST_TEXT: Final = 1024 * 1024
"""Bytes of a text for `ci comment`: what is longer is cut there, and in the comment long before."""


def comment(texts: Mapping[str, Path], name: str, variables: Mapping[str, str], *, dry_run: bool) -> CommentResult:
    """Write what `build` and `diff` printed as a comment on the change request of this CI job, or update that comment.

    `texts` are files by their heading. Raises FindingsReportError: USAGE outside of a job, NETWORK if nothing was written.
    """
    from findings_report.tickets.change_comment import CommentResult, compose, find_change_request, publish_comment

    sections = {heading: _read_text(path) for heading, path in texts.items()}
    if dry_run:
        return CommentResult("skipped", compose(name, sections, None), "nothing is sent")
    change = find_change_request(variables)
    if isinstance(change, str):
        return CommentResult("skipped", compose(name, sections, None), change)
    text = compose(name, sections, change.job)
    return CommentResult(publish_comment(change, name, text), text)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_TEXT).decode("utf-8", "replace")
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(display_path(path)), code="no-file")) from None
