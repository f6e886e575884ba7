"""Bring the tickets of findings up to date. No ticket is closed, and texts that people have edited are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from findings_report import authoring
from findings_report.model.finding import ANSWERED, Status
from findings_report.model.ticket import Draft, Lock, LockedTicket
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.rendering import labels
from findings_report.rendering.markdown import escape
from findings_report.report.check import Inputs
from findings_report.report.editions import require_audience
from findings_report.tickets.drafts import draft_tickets
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.markup.convert import convert, truncate
from findings_report.tickets.session import OpenTrackers, TicketsResult, abort, digest, locked_ticket, open_lock_file
from findings_report.tickets.trackers import TicketWriter


@dataclass(frozen=True)
class SyncOptions:
    """What to update."""

    only: tuple[str, ...] = ()
    """--only: findings by id; empty is all."""
    overwrite: bool = False
    """--overwrite: also texts that people have edited on the tracker."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


def sync(inputs: Inputs, options: SyncOptions, environment: Environment, progress: Callable[[str], None]) -> TicketsResult:
    """Update the tickets that `create` has made. Raises FindingsReportError if nothing was sent.

    A problem with a single ticket is in the result: the others are updated nevertheless.
    """
    messages: list[str] = []
    folder = authoring.find_folder(inputs.folder)
    with open_lock_file(folder, dry_run=options.dry_run) as lock_file, OpenTrackers(environment) as trackers:
        drafts = draft_tickets(inputs, options.only, lock_file.lock.engagement, progress)
        require_audience(drafts.report.engagement.audiences)
        words = drafts.report.engagement.status_words
        problems = list(drafts.problems)
        linked = [
            (draft, name, known)
            for draft in drafts.by_finding.values()
            for name, known in lock_file.lock.tickets.get(draft.finding, {}).items()
        ]
        # All trackers are opened before the first ticket is updated: a wrong token stops the run while nothing was sent.
        try:
            writers = {name: trackers.writer(name) for name in dict.fromkeys(name for _, name, _ in linked)}
        except FindingsReportError as error:
            raise abort(error.problems, "changed") from None
        for draft, name, known in linked:
            progress(f"{known.ref}: {draft.finding}")
            try:
                message, updated = _update(writers[name], draft, known, options, words)
            except FindingsReportError as error:
                problems += error.problems
                continue
            messages.append(message)
            if updated != known:
                lock_file.update(partial(Lock.with_ticket, finding=draft.finding, tracker=name, ticket=updated))
    return TicketsResult(tuple(messages) or ("no tickets have been created for these findings",), tuple(problems))


def _update(
    tracker: TicketWriter, draft: Draft, known: LockedTicket, options: SyncOptions, words: Mapping[Status, str]
) -> tuple[str, LockedTicket]:
    """Update one ticket; a message and the new entry of the lock file.

    Raises FindingsReportError for a text that was edited, or made for another audience.
    """
    # Whoever reads the ticket is known from the first run: a slip of the hand must not show them more.
    if known.audience is not None and known.audience != draft.audience:
        fault = f"{known.ref}: not updated: the ticket was created for {known.audience}"
        remedy = f"update it with `tickets sync --audience {known.audience} --only {draft.finding}`"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, level="warning", code="audience"))
    text = truncate(draft.text, draft.end, tracker.description_markup, tracker.description_limit)
    ticket = tracker.read(known.ref.partition(":")[2])
    # Compared with the text as it was sent: an edited text on the tracker is only a conflict if there is something to send.
    if known.written == digest(draft.title, text):
        return f"{known.ref}: {draft.finding} is up to date", known
    # Compared with the text as the tracker returned it: trackers normalize what they are sent.
    if digest(ticket.text) != known.stands and not options.overwrite:
        fault = f"{known.ref}: not updated: the text was changed on the tracker"
        remedy = f"copy the changes to {draft.finding}, then run `tickets sync --overwrite --only {draft.finding}`"
        raise FindingsReportError(Problem(Kind.NETWORK, fault, remedy, level="warning", code="ticket-edited"))
    # Compared as statuses: another word for the same one is no change.
    before, now = (labels.status(each, words) for each in (known.status, draft.status))
    status_change = f", {before} is now {now}" if known.status is not draft.status else ""
    if options.dry_run:
        return f"{known.ref}: would update {draft.finding}{status_change}", known
    comment = convert(_status_comment(draft, before, now), tracker.markup) if status_change else None
    tracker.update(ticket, draft, text, comment)
    updated = locked_ticket(tracker.read(ticket.ref.key), draft, text)
    return f"{known.ref}: {draft.finding} updated{status_change}\n  {ticket.address}", updated


def _status_comment(draft: Draft, before: str, now: str) -> str:
    close = " Close this ticket if you agree." if draft.status in ANSWERED else ""
    return f"Status of {draft.finding} in the report: **{escape(now)}** (previously: {escape(before)}).{close}\n"
