"""Findings that have no ticket get one, and never a second."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from findings_report import authoring
from findings_report.model.finding import ANSWERED
from findings_report.model.ticket import Draft, LockedTicket, Project, Ticket, TicketRef
from findings_report.problems import FindingsReportError, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.report.check import Inputs
from findings_report.tickets import trackers
from findings_report.tickets.drafts import Drafted, called, drafted
from findings_report.tickets.http.credentials import Surroundings
from findings_report.tickets.markup.convert import fitted
from findings_report.tickets.session import Done, Memory, Trackers, nothing_done, refused_public


@dataclass(frozen=True)
class Order:
    """Which tickets are to be made, where."""

    to: str
    """--to: the project, as `redmine:audit`."""
    only: tuple[str, ...] = ()
    """--only: findings by id; empty is all that wait for somebody."""
    public: bool = False
    """--public: a project that everybody can read is meant."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


def create(inputs: Inputs, order: Order, surroundings: Surroundings, progress: Callable[[str], None]) -> Done:
    """Makes a ticket for each finding without one on that tracker. Raises FindingsReportError, having sent nothing.

    A ticket with the finding's marker is taken as its own: one that a run made which was cut short, or another person's run.
    """
    where = trackers.parse_ref(order.to)
    memory = Memory(authoring.find_folder(inputs.folder))
    made = drafted(inputs, order.only, memory.lock.engagement, progress)
    said: list[str] = []
    problems: list[Problem] = list(made.problems)
    with contextlib.ExitStack() as stack:
        tracker, project = _project(where, Trackers(surroundings, stack), order)
        for draft in _waiting(made, memory, where.tracker):
            progress(f"{where}: {draft.finding}")
            try:
                said.append(_created(tracker, project, where.tracker, draft, made, memory, dry_run=order.dry_run))
            except FindingsReportError as error:
                problems += error.problems
                break  # what stops one stops the next; the next run goes on from here
    return Done(tuple(said) or ("every finding that waits has a ticket",) * (not problems), tuple(problems))


def _project(where: TicketRef, trackers: Trackers, order: Order) -> tuple[trackers.Desk, Project]:
    try:
        tracker = trackers.desk(where.tracker)
        project = tracker.project(where.key)
    except FindingsReportError as error:
        raise nothing_done(list(error.problems), "created") from None
    if project.is_public and not order.public:
        raise nothing_done([refused_public(f"the project {where}", where.key)], "created")
    return tracker, project


def _waiting(made: Drafted, memory: Memory, tracker: str) -> list[Draft]:
    """The findings that wait for somebody and have no ticket on the tracker."""
    return [
        made.drafts[finding.id]
        for finding in made.report.findings
        if finding.id in made.drafts
        and finding.status not in ANSWERED
        and tracker not in memory.lock.tickets.get(finding.id, {})
        and not any(ref.startswith(f"{tracker}:") for ref in finding.tickets)
    ]


def _created(
    tracker: trackers.Desk, project: Project, name: str, draft: Draft, made: Drafted, memory: Memory, *, dry_run: bool
) -> str:
    text = fitted(draft.text, draft.end, tracker.description_markup, tracker.longest)
    key = tracker.find(project, draft)
    verb = "is" if key is not None else "would be" if dry_run else "is now"
    if dry_run:
        return f"{draft.title}\n  {verb} {TicketRef(name, key)} already" if key else f"{draft.title}\n  {verb} a new ticket"
    key = key or tracker.create(project, draft, text)
    ticket = tracker.read(key)
    engagement = memory.lock.engagement or called(made.report.engagement.title)
    lock = memory.lock.model_copy(update={"engagement": engagement})
    memory.keep(lock.with_ticket(draft.finding, name, locked(ticket, draft, text)))
    return f"{draft.title}\n  {verb} {ticket.ref}  {ticket.address}{_noted(made, draft.finding, ticket.ref)}"


def locked(ticket: Ticket, draft: Draft, text: str) -> LockedTicket:
    """What is remembered of a ticket that was just written and read again."""
    return LockedTicket(
        ref=str(ticket.ref),
        status=draft.status,
        written=digest(draft.title, text),
        stands=digest(ticket.text),
    )


def digest(*texts: str) -> str:
    """Of texts, whatever their line ends: trackers change those."""
    lines = ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in texts]
    return hashlib.sha256("\0".join(lines).encode()).hexdigest()[:32]


def _noted(made: Drafted, finding: str, ref: TicketRef) -> str:
    """Writes the ticket into the finding's file, so that the report names it; says so when that has to be done by hand."""
    from findings_report.system.atomic_files import publish_edited

    path = made.files[finding].resolve()  # a link stays one
    try:
        was = path.read_bytes()
        changed = authoring.add_list(was, "tickets", [str(ref)], shown=shown_path(path))
        publish_edited({path: (was, changed)})
    except FindingsReportError:
        return f"\n  add it to `tickets` in {shown_path(path)}"
    return ""
