"""Tickets that were made for findings say again what the findings say. None is closed, and what people wrote is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from findings_report import authoring
from findings_report.model.finding import ANSWERED
from findings_report.model.ticket import Draft, LockedTicket
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.report.check import Inputs
from findings_report.tickets import trackers
from findings_report.tickets.create import digest, locked
from findings_report.tickets.drafts import drafted
from findings_report.tickets.http.credentials import Surroundings
from findings_report.tickets.markup.convert import fitted, mark_up
from findings_report.tickets.session import Done, Memory, Trackers, nothing_done


@dataclass(frozen=True)
class Wish:
    """What is to be brought in step."""

    only: tuple[str, ...] = ()
    """--only: findings by id; empty is all."""
    overwrite: bool = False
    """--overwrite: texts that people changed on the tracker too."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


def sync(inputs: Inputs, wish: Wish, surroundings: Surroundings, progress: Callable[[str], None]) -> Done:
    """Brings the tickets that `create` made in step with their findings. Raises FindingsReportError, having sent nothing."""
    memory = Memory(authoring.find_folder(inputs.folder))
    made = drafted(inputs, wish.only, memory.lock.engagement, progress)
    answered = {words.id for words in made.report.findings if words.status in ANSWERED}
    said: list[str] = []
    problems = list(made.problems)
    with contextlib.ExitStack() as stack:
        trackers = Trackers(surroundings, stack)
        pairs = [(draft, name, known) for draft in made.drafts.values() for name, known in _known(memory, draft)]
        try:
            for name in dict.fromkeys(name for _, name, _ in pairs):
                trackers.desk(name)
        except FindingsReportError as error:
            raise nothing_done(list(error.problems), "changed") from None
        for draft, name, known in pairs:
            progress(f"{known.ref}: {draft.finding}")
            try:
                step = _Step(trackers.desk(name), draft, known, is_answered=draft.finding in answered)
                line, now = step.carried_out(wish)
            except FindingsReportError as error:
                problems += error.problems
                continue
            said.append(line)
            memory.keep(memory.lock.with_ticket(draft.finding, name, now))
    return Done(tuple(said) or ("no ticket was made of these findings yet",), tuple(problems))


def _known(memory: Memory, draft: Draft) -> list[tuple[str, LockedTicket]]:
    return list(memory.lock.tickets.get(draft.finding, {}).items())


@dataclass(frozen=True)
class _Step:
    """One finding and its ticket."""

    tracker: trackers.Desk
    draft: Draft
    known: LockedTicket
    is_answered: bool

    def carried_out(self, wish: Wish) -> tuple[str, LockedTicket]:
        """What was done, and what is known of the ticket now. Raises FindingsReportError for one that people changed."""
        draft, known = self.draft, self.known
        text = fitted(draft.text, draft.end, self.tracker.description_markup, self.tracker.longest)
        ticket = self.tracker.read(trackers.parse_ref(known.ref).key)
        if known.written == digest(draft.title, text):
            return f"{known.ref}: {draft.finding} is in step", known
        if digest(ticket.text) != known.stands and not wish.overwrite:
            fault = f"{known.ref}: its text was changed on the tracker, and is left as it is"
            remedy = f"take what is new there into {draft.finding}, then `tickets sync --overwrite --only {draft.finding}`"
            raise FindingsReportError(Problem(Kind.NETWORK, fault, remedy, level="warning", code="ticket-edited"))
        moved = f", {known.status} is now {draft.status}" if known.status != draft.status else ""
        if wish.dry_run:
            return f"{known.ref}: would bring {draft.finding} in step{moved}", known
        comment = mark_up(self._comment(), self.tracker.markup) if moved else None
        self.tracker.update(ticket, draft, text, comment)
        now = locked(self.tracker.read(ticket.ref.key), draft, text)
        return f"{known.ref}: {draft.finding} brought in step{moved}\n  {ticket.address}", now

    def _comment(self) -> str:
        close = " Close this ticket when you agree." if self.is_answered else ""
        return (
            f"The report now says of {self.draft.finding}: **{self.draft.status}** (until now: {self.known.status}).{close}\n"
        )
