"""Attach files to tickets, each once, with a comment that describes the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.comparison.sides import read_side
from findings_report.model.report import Report
from findings_report.model.ticket import Attached, Delivery, File, Lock, Ticket, TicketRef
from findings_report.pdf.embedded_data import NO_PASSWORD, WRONG_PASSWORD, Password
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.report import archive
from findings_report.report.check import Inputs
from findings_report.tickets.comment import (
    Changes,
    Comparer,
    FileContent,
    changes_unavailable,
    compose_comment,
    format_size,
    has_same_content,
    is_older,
    is_signed,
)
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.markup.convert import convert
from findings_report.tickets.session import OpenTrackers, TicketAction, TicketsResult, abort, open_lock_file, public_place
from findings_report.tickets.trackers import DeliveryRemover, Tracker

Attachments = Mapping[File, tuple[TicketRef, ...]]
"""Files, each with the tickets to which it is attached."""

# Trackers replace or remove other characters, and the file would not be recognized by its name.
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class AttachOptions:
    """What to attach, and where."""

    files: tuple[Path, ...]
    """The files; if empty, the report for its tickets and each finding for its own."""
    to: tuple[str, ...]
    """--to: references to tickets as they were given; without files, the tickets of the report."""
    inputs: Inputs
    """The engagement; files can be attached without one."""
    changes: str | None = None
    """--changes: the changes since the previous file, Markdown."""
    since: str | None = None
    """--since: the report to compare with, instead of the file on the ticket."""
    default_date: date | None = None
    """The date of a report whose engagement has none."""
    public: bool = False
    """--public: tickets that everybody can read are allowed."""
    force: bool = False
    """--force: also a report that is older than the file on the ticket, or has the same content."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


@dataclass(frozen=True)
class Attachment:
    """One file for one ticket, with what is missing on the ticket."""

    tracker: Tracker
    ticket: Ticket
    content: FileContent
    superseded: str | None
    """The name of the previous file on the ticket, by the lock file if the tracker lists no files."""
    newest: str
    """The name of the newest file of its kind on the ticket, when this one is attached."""
    is_complete: bool
    """True if nothing is missing: by the ticket, or by the lock file if the tracker lists no files."""
    changes: Changes | str | None = None
    """The changes since the previous file; None if there is none, or if they are not available."""

    @property
    def file(self) -> File:
        """The file."""
        return self.content.file

    @property
    def description(self) -> str:
        """What is sent, in words: the file, or only its comment after an interrupted run."""
        name = self.file.name
        if _is_attached(self.ticket, self.file):
            return f"the comment about {name}"
        return f"{name}, {format_size(len(self.file.content))}" + (
            f", which supersedes {self.superseded}" if self.superseded is not None else ""
        )


def attach(
    files: Attachments, options: AttachOptions, environment: Environment, progress: Callable[[str], None]
) -> TicketsResult:
    """Put each file on each of its tickets, with a comment, unless it is there.

    Raises FindingsReportError if nothing was sent. Later problems are in the result: the other tickets still get their files.
    """
    comparer = Comparer(options.inputs, progress)
    contents, problems = read_contents(files, options, comparer)
    done: list[TicketAction] = []
    folder = _find_engagement(options.inputs.folder)
    with open_lock_file(folder, dry_run=options.dry_run) as lock_file, OpenTrackers(environment) as trackers:
        attachments, notes = plan_attachments(files, contents, options, lock_file.lock, trackers, comparer)
        problems += notes
        for attachment in attachments:
            progress(f"{attachment.ticket.ref}: {attachment.file.name}")
            try:
                action, notes = _put(attachment, dry_run=options.dry_run)
            except FindingsReportError as error:
                problems += error.problems
                # The tracker's own message names only the ticket.
                is_open = len(attachments) > 1 and error.problems[0].code not in (*_UNCERTAIN, "ticket-lost")
                problems += [_not_attached(attachment)] * is_open
                continue
            done.append(action)
            problems += notes
            # After each one, so that an interrupted run is recorded as far as it went.
            if not options.dry_run:
                change = partial(Lock.with_attached, ref=attachment.ticket.ref, file=attachment.file, name=attachment.newest)
                lock_file.update(partial(change, audience=attachment.content.audience))
    return TicketsResult(tuple(done), tuple(problems))


def read_contents(
    files: Iterable[File], options: AttachOptions, comparer: Comparer
) -> tuple[dict[File, FileContent], list[Problem]]:
    """Read the report in each file, and compare it with that of --since.

    Returns the contents, and a note for each encrypted file. Raises FindingsReportError if --since cannot be compared with.
    """
    baseline = read_side(options.since, options.inputs, comparer.progress) if options.since is not None else None
    contents: dict[File, FileContent] = {}
    problems: list[Problem] = []
    for file in files:
        report, notes = _read_report(file, options.inputs.password)
        problems += notes
        is_single = report is not None and [attachment_stem(finding.id) for finding in report.findings] == [file.stem]
        changes: Changes | str | None = options.changes
        if baseline is not None and not changes:
            changes = comparer.compare_with_baseline(baseline, file.name, report, is_single=is_single)
        contents[file] = FileContent(file, report, is_single, changes)
    return contents, problems


def plan_attachments(
    files: Attachments,
    contents: Mapping[File, FileContent],
    options: AttachOptions,
    lock: Lock,
    trackers: OpenTrackers,
    comparer: Comparer,
) -> tuple[list[Attachment], list[Problem]]:
    """Read all tickets, and decide for each file and ticket what is missing.

    Returns the plan, and a note for each comparison that failed. Raises FindingsReportError with all problems of all tickets.
    """
    read: dict[TicketRef, tuple[Tracker, Ticket]] = {}
    problems: list[Problem] = []
    for ref in dict.fromkeys(ref for refs in files.values() for ref in refs):
        comparer.progress(f"reading {ref}")
        try:
            tracker = trackers.tracker(ref.tracker)
            read[ref] = tracker, tracker.read(ref.key)
        except FindingsReportError as error:
            problems += error.problems
            continue
        ticket = read[ref][1]
        # A report contains the client's code. Attaching it to a public ticket cannot be undone.
        if ticket.is_public and not options.public:
            problems.append(public_place(f"the project of {ref}", ticket.address))
    problems += [
        problem
        for file, refs in files.items()
        for ref in refs
        if (problem := _refuse_other_audience(ref, contents[file], lock.audiences.get(str(ref)))) is not None
    ]
    # Nothing is sent as long as one ticket has a problem: half of the tickets updated is harder to explain than none.
    if problems:
        raise abort(problems, "attached")
    plan: list[Attachment] = []
    for file, ref in ((file, ref) for file, refs in files.items() for ref in refs):
        try:
            attachment, notes = _plan(*read[ref], contents[file], lock, comparer, force=options.force)
        except FindingsReportError as error:
            problems += error.problems
            continue
        plan.append(attachment)
        problems += notes
    if any(problem.level == "error" for problem in problems):
        raise abort(problems, "attached")
    problems += [_closed(ticket) for _, ticket in read.values() if ticket.is_closed]
    return plan, problems


def _closed(ticket: Ticket) -> Problem:
    """Return the warning of a closed ticket, which nobody may look at again."""
    fault = f"{ticket.ref} is closed: the file does not reopen it"
    return Problem(Kind.USAGE, fault, f"reopen it if it is to be read: {ticket.address}", level="warning", code="ticket-closed")


def _refuse_other_audience(ref: TicketRef, content: FileContent, readers: str | None) -> Problem | None:
    """Return the error of a report for others than those who read the ticket; None if its readers or the file's are unknown."""
    # Who reads the ticket is known from the first report: a slip of the hand must not show them more.
    if readers is None or content.report is None or content.audience == readers:
        return None
    others = f"for {content.audience}" if content.audience is not None else "the complete edition"
    fault = f"{ref} has reports for {readers}, and {content.file.name} is {others}"
    remedy = f"attach the edition for {readers}, which `build --audience {readers}` makes, or choose another ticket"
    return Problem(Kind.USAGE, fault, remedy, code="audience")


def attachment_stem(name: str) -> str:
    """Return `name` with only those characters that no tracker changes in the name of a file."""
    return _NOT_IN_NAMES.sub("-", name)


def _plan(
    tracker: Tracker, ticket: Ticket, content: FileContent, lock: Lock, comparer: Comparer, *, force: bool
) -> tuple[Attachment, list[Problem]]:
    """Return what is missing on one ticket. Raises FindingsReportError (USAGE) for an older report, unless `force`."""
    file = content.file
    recorded = lock.attached.get(str(ticket.ref), {}).get(f"{file.stem}{file.suffix}")
    if not ticket.is_listed:
        superseded = recorded if recorded != file.name else None
        return Attachment(tracker, ticket, content, superseded, file.name, recorded == file.name, content.changes), []
    # Only what is on the ticket is superseded: the lock file may name a file that somebody has deleted there.
    previous = next((attached for attached in reversed(ticket.attached) if attached.is_older(file)), None)
    superseded = previous.name if previous is not None else None
    if _is_attached(ticket, file):
        # The same bytes may be the older of two files; then the newer one stays the one that is read.
        kind = [attached for attached in ticket.attached if attached.holds(file) or attached.is_older(file)]
        is_newest = kind[-1].holds(file)
        newest = file.name if is_newest else kind[-1].name
        attachment = Attachment(
            tracker, ticket, content, superseded if is_newest else None, newest, _is_complete(ticket, file), content.changes
        )
    else:
        attachment = Attachment(tracker, ticket, content, superseded, file.name, False, content.changes)
    if attachment.is_complete or previous is None or content.report is None:
        return attachment, []
    try:
        before, was_signed = comparer.read_attached(tracker, ticket, previous)
        # A signature is worth a second file, although the report is the same; another one of the same report is not.
        is_same = has_same_content(content.report, before) and (was_signed or not is_signed(file.content))
        if not force and is_same and _is_announced(ticket, previous):
            return replace(attachment, newest=previous.name, is_complete=True), []
        if not force and is_older(content.report, before, comparer.inputs.folder):
            raise _refuse_older(attachment, previous, content.report, before)
        if content.changes is None:
            attachment = replace(attachment, changes=_compare(attachment, previous, content.report, comparer))
    except FindingsReportError as error:
        if error.problems[0].code == "ticket-older":
            raise
        return attachment, [changes_unavailable(ticket.ref, previous.name, error)] * (content.changes is None)
    return attachment, []


def _refuse_older(attachment: Attachment, previous: Attached, report: Report, before: Report) -> FindingsReportError:
    editions = (
        (engagement.version and f"version {engagement.version}", str(engagement.date or ""))
        for engagement in (report.engagement, before.engagement)
    )
    own, other = (f" ({', '.join(filter(None, parts))})" if any(parts) else "" for parts in editions)
    fault = f"{attachment.ticket.ref}: {attachment.file.name}{own} is older than {previous.name}{other}, which is on the ticket"
    remedy = "attach the newer report, or confirm with --force"
    return FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="ticket-older"))


def _is_announced(ticket: Ticket, attached: Attached) -> bool:
    """Return True if a comment describes the file: by the digest that is in its name."""
    return any(attached.is_named_by(digest) for digest in ticket.announced)


def _compare(attachment: Attachment, previous: Attached, report: Report, comparer: Comparer) -> Changes:
    return comparer.compare_with_attached(
        attachment.tracker,
        attachment.ticket,
        previous,
        attachment.file.name,
        report,
        is_single=attachment.content.is_single,
    )


def _put(attachment: Attachment, *, dry_run: bool) -> tuple[TicketAction, list[Problem]]:
    """Send what is missing, and read the ticket again; what was done, and notes. Raises FindingsReportError."""
    tracker, ticket, file = attachment.tracker, attachment.ticket, attachment.file
    report = attachment.content.report
    finding = report.findings[0].id if report is not None and attachment.content.is_single else ""
    action = partial(TicketAction, ticket=str(ticket.ref), address=ticket.address, finding=finding, file=file.name)
    if attachment.is_complete:
        text = f"{ticket.ref}: {attachment.newest} is already attached, with the same content as {file.name}"
        if attachment.newest == file.name:
            text = f"{ticket.ref}: {file.name} is already attached"
        elif _is_attached(ticket, file):
            text = f"{ticket.ref}: {file.name} is already attached, and superseded by {attachment.newest}"
        return action("unchanged", text), []
    changes = attachment.changes
    since = f"\n  since the last one: {changes.counts}" if isinstance(changes, Changes) else ""
    if dry_run:
        return action("would-attach", f"{ticket.ref}: would attach {attachment.description} ({ticket.title}){since}"), []
    comment = compose_comment(attachment.content, superseded=attachment.superseded, changes=changes)
    done = action("attached", f"{ticket.ref}: attached {attachment.description}\n  {ticket.address}{since}")
    try:
        delivery = tracker.attach(ticket, file, convert(comment, tracker.markup))
    except FindingsReportError as error:
        return done, [_check_interrupted(attachment, error)]
    after = tracker.read(ticket.ref.key)  # a tracker may drop a file or a comment without an error: RT and ServiceNow do
    if ticket.is_listed and not _is_complete(after, file):
        missing = "the comment" if _is_attached(after, file) else "the file"
        fault = f"{ticket.ref}: the tracker accepted {file.name}, but {missing} is missing"
        remedy = "run the command again, or check the ticket"
        raise FindingsReportError(Problem(Kind.NETWORK, fault, remedy, code="ticket-lost"))
    return done, _remove_duplicate(tracker, after, file, delivery)


# After these the request, or a part of it, may have been carried out.
_UNCERTAIN: Final = ("tracker-no-answer", "tracker-unreachable", "tracker-server", "tracker-answer", "tracker-rate-limit")


def _check_interrupted(attachment: Attachment, error: FindingsReportError) -> Problem:
    """Read the ticket again after a failed request; a note if all has arrived nevertheless.

    Raises the error, which then says what has arrived and what has not.
    """
    ticket, file, cause = attachment.ticket, attachment.file, error.problems[0]
    if not ticket.is_listed or cause.code not in _UNCERTAIN:
        raise error
    try:
        after = attachment.tracker.read(ticket.ref.key)
    except FindingsReportError:
        state = "it is not known whether anything was attached: the ticket cannot be read either"
    else:
        if _is_complete(after, file):
            fault = f"{ticket.ref}: {file.name} is attached with its comment, although the request failed: {cause.fault}"
            return Problem(Kind.NETWORK, fault, level="note", code="delivered")
        state = f"{file.name} is attached, its comment is not" if _is_attached(after, file) else f"{file.name} is not attached"
    raise FindingsReportError([replace(cause, fault=f"{cause.fault}; {state}"), *error.problems[1:]]) from error


def _remove_duplicate(tracker: Tracker, after: Ticket, file: File, delivery: Delivery) -> list[Problem]:
    """Remove what this run has added if another run was first; a note about that.

    Both runs find two files, and the later one removes its own. Each knows its own by the id that the tracker gave to it; that
    of somebody else is never removed.
    """
    files = [attached.id for attached in after.attached if attached.holds(file)]
    comments = [comment.id for comment in after.comments if file.digest in comment.digests]
    if len(files) < 2 and len(comments) < 2:
        return []
    # Redmine does not say which comment it has added: the id then ends with a colon, and is the beginning of the whole one.
    is_prefix = delivery.comment.endswith(":")
    own = next((id for id in comments if id == delivery.comment or (is_prefix and id.startswith(delivery.comment))), "")
    second = Delivery(
        delivery.file if delivery.file in files[1:] else "",
        own if own and own in comments[1:] else "",
    )
    if not (second.file or second.comment):
        # The first one stays. Where ids are unknown, nobody can say which one it is.
        if delivery.file or delivery.comment:
            return []
        fault = f"{after.ref}: {file.name} was attached by another run at the same time, and the tracker keeps both"
        return [Problem(Kind.NETWORK, fault, level="note", code="ticket-twice")]
    fault = f"{after.ref}: another run attached {file.name} at the same time: the copy of this run was removed"
    if isinstance(tracker, DeliveryRemover):
        try:
            tracker.remove(after, second)
        except FindingsReportError as error:
            fault = f"{after.ref}: another run attached {file.name} at the same time, and the copy of this run stays"
            fault += f": {error.problems[0].fault}"
    return [Problem(Kind.NETWORK, fault, level="note", code="ticket-twice")]


def _is_attached(ticket: Ticket, file: File) -> bool:
    return any(attached.holds(file) for attached in ticket.attached)


def _is_complete(ticket: Ticket, file: File) -> bool:
    return _is_attached(ticket, file) and file.digest in ticket.announced


def _not_attached(attachment: Attachment) -> Problem:
    fault = f"{attachment.ticket.ref}: {attachment.file.name} is probably not attached"
    return Problem(Kind.NETWORK, fault, level="note", code="not-attached")


def _find_engagement(start: Path) -> Path | None:
    """Return the engagement's folder; None if there is none, because a file can be attached from anywhere."""
    try:
        return authoring.find_folder(start)
    except FindingsReportError:
        return None


def _read_report(file: File, password: Password) -> tuple[Report | None, list[Problem]]:
    """Return the report in a JSON file or a PDF, None for any other file; and a note for an encrypted one without password.

    Raises FindingsReportError (USAGE) for a wrong password.
    """
    try:
        return archive.read(file.content, file.name, password=password), []
    except FindingsReportError as error:
        (problem,) = error.problems
        # A password that was given and does not fit is a mistake; none at all may be the intention.
        if problem.code == WRONG_PASSWORD:
            raise
        if problem.code != NO_PASSWORD:
            return None, []
        return None, [replace(problem, fault="the file is encrypted: the comment does not describe its content", level="note")]
