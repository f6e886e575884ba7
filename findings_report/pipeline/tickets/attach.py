"""Files on tickets, once each, with a comment that tells what they are."""

from __future__ import annotations

import contextlib
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from findings_report import archive, store, tickets
from findings_report.errors import FindingsReportError, Kind, Place, Problem
from findings_report.model.ticket import File, Lock, Ticket, TicketRef
from findings_report.pipeline.tickets import Done, Memory, Trackers, nothing_done, refused_public
from findings_report.renderers.announcement import Facts, announcement, size
from findings_report.renderers.markup import mark_up
from findings_report.tickets.credentials import Surroundings

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LARGEST_FILE: Final = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Errand:
    """What is to be attached, where."""

    files: tuple[Path, ...]
    """The files."""
    to: tuple[str, ...]
    """--to: ticket references as they were given."""
    folder: Path
    """-C: from where the engagement is found; files can be attached without one."""
    changes: str | None = None
    """What changed since the last one: the comparison's summary, Markdown."""
    public: bool = False
    """--public: tickets that everybody can read are meant."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


@dataclass(frozen=True)
class _Step:
    """One file and one ticket."""

    tracker: tickets.Tracker
    ticket: Ticket
    file: File

    @property
    def is_attached(self) -> bool:
        return any(each.holds(self.file) for each in self.ticket.attached)

    @property
    def is_done(self) -> bool:
        return self.is_attached and self.file.digest in self.ticket.told

    def older(self, lock: Lock) -> tuple[str, ...]:
        """Names of what the file supersedes: on the ticket, or by the lock where the tracker lists no files."""
        found = [each.name for each in self.ticket.attached if each.is_older(self.file)]
        known = lock.attached.get(str(self.ticket.ref), {}).get(f"{self.file.stem}{self.file.suffix}")
        if not found and known not in (None, self.file.name):
            found = [str(known)]
        return tuple(found[-1:])


def attach(errand: Errand, surroundings: Surroundings, progress: Callable[[str], None]) -> Done:
    """Puts each file on each ticket, with a comment, unless it is there. Raises FindingsReportError, having sent nothing.

    What fails later is among the problems: the other tickets still get theirs.
    """
    files = [_read(path) for path in errand.files]
    refs = list(dict.fromkeys(tickets.parse_ref(text) for text in errand.to))
    facts = {file: _facts(file) for file in files}
    memory = Memory(_engagement(errand.folder))
    problems: list[Problem] = []
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        steps = _looked_at(errand, refs, files, Trackers(surroundings, stack), progress)
        for step in steps:
            progress(f"{step.ticket.ref}: {step.file.name}")
            older = step.older(memory.lock)
            text = announcement(step.file, facts[step.file], older=older, changes=errand.changes)
            try:
                said.append(_carried_out(step, text, older, dry_run=errand.dry_run))
            except FindingsReportError as error:
                problems += error.problems
                continue
            if not errand.dry_run:
                memory.keep(memory.lock.with_attached(step.ticket.ref, step.file))
    return Done(tuple(said), tuple(problems))


def _looked_at(
    errand: Errand,
    refs: list[TicketRef],
    files: list[File],
    trackers: Trackers,
    progress: Callable[[str], None],
) -> list[_Step]:
    """The steps, every ticket read by an authenticated reader. Raises FindingsReportError with all that is in the way."""
    problems: list[Problem] = []
    steps: list[_Step] = []
    for ref in refs:
        progress(f"looking at {ref}")
        try:
            tracker = trackers.of(ref.tracker)
            ticket = tracker.read(ref.key)
        except FindingsReportError as error:
            problems += error.problems
            continue
        if ticket.is_public and not errand.public:
            problems.append(refused_public(f"the project of {ref}", ticket.address))
        steps += [_Step(tracker, ticket, file) for file in files]
    if problems:
        raise nothing_done(problems, "attached")
    return steps


def _carried_out(step: _Step, comment: str, older: tuple[str, ...], *, dry_run: bool) -> str:
    """Does what is missing, reads the ticket again, and says what was done."""
    where, name = step.ticket.ref, step.file.name
    if step.is_done:
        return f"{where}: {name} is there already"
    more = f", which supersedes {', '.join(older)}" if older else ""
    what = f"the comment that tells of {name}" if step.is_attached else f"{name}, {size(len(step.file.content))}{more}"
    if dry_run:
        return f"{where}: would attach {what} ({step.ticket.title})"
    step.tracker.attach(step.ticket, step.file, mark_up(comment, step.tracker.markup))
    after = replace(step, ticket=step.tracker.read(where.key))
    if not after.is_done:
        fault = f"{where}: the tracker took {name}, and yet {'the comment' if after.is_attached else 'the file'} is not there"
        raise FindingsReportError(
            Problem(Kind.NETWORK, fault, "run the command again, or look at the ticket", code="ticket-lost")
        )
    return f"{where}: attached {what}\n  {step.ticket.address}"


def _read(path: Path) -> File:
    shown = store.shown_path(path)
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
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    stem, suffix = (_NOT_IN_NAMES.sub("-", part) for part in (path.stem, path.suffix))
    return File(stem, suffix, content, media_type)


_BUILD: Final = "make it with `findings-report build -f pdf`"


def _engagement(start: Path) -> Path | None:
    """The engagement's folder; None where there is none: a file can be attached from anywhere."""
    try:
        return store.find_folder(start)
    except FindingsReportError:
        return None


def _facts(file: File) -> Facts | None:
    """What the file says of itself, where it carries its report: as JSON, or in a PDF. None for any other."""
    try:
        report = archive.read(file.content, file.name)
    except FindingsReportError:
        return None
    engagement = report.engagement
    return Facts(
        title=engagement.title,
        version=engagement.version,
        state=engagement.state.value,
        day=engagement.date,
        language=engagement.language,
        severities=tuple((each.severity.name, each.total) for each in report.counts if each.total),
        commits=tuple((each.name, each.commit) for each in engagement.repositories if each.commit is not None),
    )
