"""Files on tickets, once each, with a comment that tells what they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from findings_report import archive, store, tickets
from findings_report.errors import FindingsReportError, Kind, Problem
from findings_report.model.ticket import File, Lock, Ticket, TicketRef
from findings_report.pipeline.tickets import Done, Memory, Trackers, nothing_done, refused_public
from findings_report.pipeline.tickets.changes import summary
from findings_report.pipeline.tickets.parcels import Errand, Parcels, parcels
from findings_report.renderers.announcement import Facts, announcement, size
from findings_report.renderers.markup import mark_up
from findings_report.tickets.credentials import Surroundings


@dataclass(frozen=True)
class _Step:
    """One file and one ticket."""

    tracker: tickets.Tracker
    ticket: Ticket
    file: File

    @property
    def is_attached(self) -> bool:
        return any(each.holds(self.file) for each in self.ticket.attached)

    def is_done(self, lock: Lock) -> bool:
        """True when nothing is missing: by the ticket, or by the lock where the tracker lists nothing."""
        if not self.ticket.is_listed:
            return self._remembered(lock) == self.file.name
        return self.is_attached and self.file.digest in self.ticket.told

    def older(self, lock: Lock) -> tuple[str, ...]:
        """Names of what the file supersedes: on the ticket, or by the lock where the tracker lists no files."""
        found = [each.name for each in self.ticket.attached if each.is_older(self.file)]
        known = self._remembered(lock)
        if not found and known not in (None, self.file.name):
            found = [str(known)]
        return tuple(found[-1:])

    def _remembered(self, lock: Lock) -> str | None:
        return lock.attached.get(str(self.ticket.ref), {}).get(f"{self.file.stem}{self.file.suffix}")


def attach(errand: Errand, surroundings: Surroundings, progress: Callable[[str], None]) -> Done:
    """Puts each file on each ticket, with a comment, unless it is there. Raises FindingsReportError, having sent nothing.

    What fails later is among the problems: the other tickets still get theirs.
    """
    sent, problems = parcels(errand, progress)
    facts = {file: _facts(file) for file in sent}
    changes = summary(errand.since, errand.inputs, progress) if errand.since is not None else errand.changes
    memory = Memory(_engagement(errand.inputs.folder))
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        steps = _looked_at(errand, sent, Trackers(surroundings, stack), progress)
        for step in steps:
            progress(f"{step.ticket.ref}: {step.file.name}")
            older = step.older(memory.lock)
            text = announcement(step.file, facts[step.file], older=older, changes=changes)
            try:
                said.append(_carried_out(step, text, memory.lock, dry_run=errand.dry_run))
            except FindingsReportError as error:
                problems += error.problems
                continue
            if not errand.dry_run:
                memory.keep(memory.lock.with_attached(step.ticket.ref, step.file))
    return Done(tuple(said) or ("neither the engagement nor a finding names a ticket",) * (not problems), tuple(problems))


def _looked_at(
    errand: Errand,
    sent: Parcels,
    trackers: Trackers,
    progress: Callable[[str], None],
) -> list[_Step]:
    """The steps, every ticket read by an authenticated reader. Raises FindingsReportError with all that is in the way."""
    problems: list[Problem] = []
    read: dict[TicketRef, tuple[tickets.Tracker, Ticket]] = {}
    for ref in dict.fromkeys(ref for refs in sent.values() for ref in refs):
        progress(f"looking at {ref}")
        try:
            tracker = trackers.of(ref.tracker)
            ticket = tracker.read(ref.key)
        except FindingsReportError as error:
            problems += error.problems
            continue
        if ticket.is_public and not errand.public:
            problems.append(refused_public(f"the project of {ref}", ticket.address))
        read[ref] = tracker, ticket
    if problems:
        raise nothing_done(problems, "attached")
    return [_Step(*read[ref], file) for file, refs in sent.items() for ref in refs]


def _carried_out(step: _Step, comment: str, lock: Lock, *, dry_run: bool) -> str:
    """Does what is missing, reads the ticket again, and says what was done."""
    where, name = step.ticket.ref, step.file.name
    if step.is_done(lock):
        return f"{where}: {name} is there already"
    older = step.older(lock)
    more = f", which supersedes {', '.join(older)}" if older else ""
    what = f"the comment that tells of {name}" if step.is_attached else f"{name}, {size(len(step.file.content))}{more}"
    if dry_run:
        return f"{where}: would attach {what} ({step.ticket.title})"
    step.tracker.attach(step.ticket, step.file, mark_up(comment, step.tracker.markup))
    after = replace(step, ticket=step.tracker.read(where.key))
    if step.ticket.is_listed and not after.is_done(lock):
        fault = f"{where}: the tracker took {name}, and yet {'the comment' if after.is_attached else 'the file'} is not there"
        raise FindingsReportError(
            Problem(Kind.NETWORK, fault, "run the command again, or look at the ticket", code="ticket-lost")
        )
    return f"{where}: attached {what}\n  {step.ticket.address}"


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
