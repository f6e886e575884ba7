"""Files on tickets, once each, with a comment that tells what they are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.commands.attach import parcels
from findings_report.comparison.sides import read_side
from findings_report.model.report import Report
from findings_report.model.ticket import Attached, File, Lock, Ticket, TicketRef
from findings_report.pdf.embedded_data import NO_PASSWORD, WRONG_PASSWORD, Password
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.rendering.labels import words
from findings_report.report import archive
from findings_report.report.check import Inputs
from findings_report.tickets.changes import Comparer, untold
from findings_report.tickets.comment import Changes, Facts, Single, announcement, size
from findings_report.tickets.http.credentials import Surroundings
from findings_report.tickets.markup.convert import mark_up
from findings_report.tickets.session import Done, Memory, Trackers, nothing_done, refused_public
from findings_report.tickets.trackers import Tracker


@dataclass(frozen=True)
class _Parcel:
    """A file, and what is known of it before any ticket was looked at."""

    file: File
    report: Report | None
    """What it carries; None for a file without it."""
    is_own: bool
    """True when it is a finding's own document, not the whole report."""
    changes: Changes | str | None
    """What the user said that changed, or by --since; None when the last one on the ticket is to be compared with."""


@dataclass(frozen=True)
class _Step:
    """One file and one ticket."""

    tracker: Tracker
    ticket: Ticket
    parcel: _Parcel

    @property
    def file(self) -> File:
        return self.parcel.file

    @property
    def is_attached(self) -> bool:
        return any(each.holds(self.file) for each in self.ticket.attached)

    def is_done(self, lock: Lock) -> bool:
        """True when nothing is missing: by the ticket, or by the lock where the tracker lists nothing."""
        if not self.ticket.is_listed:
            return self._remembered(lock) == self.file.name
        return self.is_attached and self.file.digest in self.ticket.told

    @property
    def last(self) -> Attached | None:
        """What the file supersedes of that which hangs on the ticket."""
        return next((each for each in reversed(self.ticket.attached) if each.is_older(self.file)), None)

    def older(self, lock: Lock) -> tuple[str, ...]:
        """The name of what the file supersedes: on the ticket, or by the lock where the tracker lists no files."""
        found = self.last.name if self.last is not None else self._remembered(lock)
        return (found,) if found is not None and found != self.file.name else ()

    def changes(self, comparer: Comparer) -> Changes | str | None:
        """What changed since the last one. Raises FindingsReportError when it is there, and cannot be compared with."""
        given, last, report = self.parcel.changes, self.last, self.parcel.report
        if given is not None or last is None or report is None:
            return given
        return comparer.since_attached(self.tracker, self.ticket, last, self.file.name, report, is_own=self.parcel.is_own)

    def _remembered(self, lock: Lock) -> str | None:
        return lock.attached.get(str(self.ticket.ref), {}).get(f"{self.file.stem}{self.file.suffix}")


def attach(errand: Errand, surroundings: Surroundings, progress: Callable[[str], None]) -> Done:
    """Puts each file on each ticket, with a comment, unless it is there. Raises FindingsReportError, having sent nothing.

    What fails later is among the problems: the other tickets still get theirs.
    """
    sent, problems = parcels(errand, progress)
    comparer = Comparer(errand.inputs, progress)
    known = _known(errand, tuple(sent), comparer, problems)
    memory = Memory(_engagement(errand.inputs.folder))
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        steps = _looked_at(errand, sent, known, Trackers(surroundings, stack), progress)
        for step in steps:
            progress(f"{step.ticket.ref}: {step.file.name}")
            try:
                said.append(_carried_out(step, comparer, memory.lock, problems, dry_run=errand.dry_run))
            except FindingsReportError as error:
                problems += error.problems
                problems += [_not_done(step)] * (len(steps) > 1)
                continue
            if not errand.dry_run:
                memory.keep(memory.lock.with_attached(step.ticket.ref, step.file))
    return Done(tuple(said) or ("neither the engagement nor a finding names a ticket",) * (not problems), tuple(problems))


def _known(errand: Errand, files: Sequence[File], comparer: Comparer, problems: list[Problem]) -> dict[File, _Parcel]:
    """What is known of each file. Raises FindingsReportError for a --since that cannot be compared with."""
    baseline = read_side(errand.since, errand.inputs, comparer.progress) if errand.since is not None else None
    known: dict[File, _Parcel] = {}
    for file in files:
        report, changes = _report(file, errand.inputs.password, problems), errand.changes
        is_own = report is not None and [stem_of(each.id) for each in report.findings] == [file.stem]
        if baseline is not None and not changes:
            known[file] = _Parcel(file, report, is_own, comparer.since(baseline, file.name, report, is_own=is_own))
        else:
            known[file] = _Parcel(file, report, is_own, changes)
    return known


def _looked_at(
    errand: Errand,
    sent: Parcels,
    known: Mapping[File, _Parcel],
    trackers: Trackers,
    progress: Callable[[str], None],
) -> list[_Step]:
    """The steps, every ticket read by an authenticated reader. Raises FindingsReportError with all that is in the way."""
    problems: list[Problem] = []
    read: dict[TicketRef, tuple[Tracker, Ticket]] = {}
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
    return [_Step(*read[ref], known[file]) for file, refs in sent.items() for ref in refs]


def _carried_out(step: _Step, comparer: Comparer, lock: Lock, problems: list[Problem], *, dry_run: bool) -> str:
    """Does what is missing, reads the ticket again, and says what was done. What it could not find out is a note more."""
    where, name = step.ticket.ref, step.file.name
    if step.is_done(lock):
        return f"{where}: {name} is there already"
    older, changes = step.older(lock), None
    try:
        changes = step.changes(comparer)
    except FindingsReportError as error:
        problems.append(untold(where, older[0], error))
    since = f"\n  since the last one: {changes.counts}" if isinstance(changes, Changes) else ""
    more = f", which supersedes {', '.join(older)}" if older else ""
    what = f"the comment that tells of {name}" if step.is_attached else f"{name}, {size(len(step.file.content))}{more}"
    if dry_run:
        return f"{where}: would attach {what} ({step.ticket.title}){since}"
    comment = announcement(step.file, _facts(step.parcel), older=older, changes=changes)
    step.tracker.attach(step.ticket, step.file, mark_up(comment, step.tracker.markup))
    after = replace(step, ticket=step.tracker.read(where.key))
    if step.ticket.is_listed and not after.is_done(lock):
        fault = f"{where}: the tracker took {name}, and yet {'the comment' if after.is_attached else 'the file'} is not there"
        raise FindingsReportError(
            Problem(Kind.NETWORK, fault, "run the command again, or look at the ticket", code="ticket-lost")
        )
    return f"{where}: attached {what}\n  {step.ticket.address}{since}"


def _not_done(step: _Step) -> Problem:
    """Which of several files a refusal was about: what the tracker says names the ticket alone."""
    return Problem(
        Kind.NETWORK,
        f"{step.ticket.ref}: as far as is known, {step.file.name} is not attached",
        level="note",
        code="not-attached",
    )


def _engagement(start: Path) -> Path | None:
    """The engagement's folder; None where there is none: a file can be attached from anywhere."""
    try:
        return authoring.find_folder(start)
    except FindingsReportError:
        return None


def _report(file: File, password: Password, problems: list[Problem]) -> Report | None:
    """The report that a file carries, as JSON or in a PDF. None for any other.

    Of an encrypted one without a password it is told that the comment cannot tell. Raises FindingsReportError (USAGE) when the
    password is wrong.
    """
    try:
        return archive.read(file.content, file.name, password=password)
    except FindingsReportError as error:
        (problem,) = error.problems
        if problem.code == WRONG_PASSWORD:
            raise
        if problem.code == NO_PASSWORD:
            fault = "it is encrypted: the comment does not say what it holds"
            problems.append(replace(problem, fault=fault, level="note"))
        return None


def _facts(parcel: _Parcel) -> Facts | None:
    """What the file says of itself, where it carries its report."""
    report = parcel.report
    if report is None:
        return None
    finding = report.findings[0] if parcel.is_own else None
    status = words(finding.status.value).lower() if finding else ""
    engagement = report.engagement
    return Facts(
        title=engagement.title,
        version=engagement.version,
        state=engagement.state.value,
        day=engagement.date,
        language=engagement.language,
        severities=tuple((each.severity.name, each.total) for each in report.counts if each.total),
        commits=tuple((each.name, each.commit) for each in engagement.repositories if each.commit is not None),
        single=Single(finding.id, finding.title, finding.severity.name, status) if finding else None,
    )


_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Errand:
    """What is to be attached, where."""

    files: tuple[Path, ...]
    """The files; none for what the engagement says: the report on its tickets, each finding on its own."""
    to: tuple[str, ...]
    """--to: ticket references as they were given; of the report when there are no files."""
    inputs: Inputs
    """The engagement; files can be attached without one."""
    changes: str | None = None
    """--changes: what changed since the last one, Markdown."""
    since: str | None = None
    """--since: the report that the last one was; what changed is found out."""
    default_date: date | None = None
    """The date of a report whose engagement has none."""
    public: bool = False
    """--public: tickets that everybody can read are meant."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


Parcels = dict[File, tuple[TicketRef, ...]]
"""Each file with the tickets it goes to."""


def stem_of(name: str) -> str:
    """What a file of that name is called on a ticket."""
    return _NOT_IN_NAMES.sub("-", name)
