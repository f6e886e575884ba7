"""What all commands for issue trackers share: open trackers, the lock file, and the result.

Before anything is sent, everything is checked: tokens, permissions, tickets, and who can read them.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from findings_report import authoring
from findings_report.authoring.yaml_editor import quoted
from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.model.ticket import FIELDS, Draft, Lock, LockedField, LockedTicket, TicketState
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.trackers import TicketWriter, Tracker, open_tracker

_HEADER: Final = (
    "# Written by findings-report: which files and findings are on which tickets. Commit this file; do not edit it.\n"
)


@dataclass(frozen=True)
class TicketAction:
    """One thing that was done for a ticket, or with --dry-run would be."""

    action: str
    """What it was: one of the words of `tickets-create` and the like in docs/json.md."""
    text: str
    """The same for people; it may have several lines."""
    ticket: str = ""
    """The ticket, as in `redmine:17`; empty if there is none yet."""
    address: str = ""
    """The address of its page."""
    finding: str = ""
    """The finding's id."""
    file: str = ""
    """The name of a file that was attached, or the path of one that was written."""


@dataclass(frozen=True)
class TicketsResult:
    """The result of a command."""

    done: tuple[TicketAction, ...]
    """Each thing that was done."""
    problems: tuple[Problem, ...]
    """Warnings, and errors of single tickets."""
    nothing: str = ""
    """Why nothing was done, in words; empty if problems say it."""

    @property
    def messages(self) -> tuple[str, ...]:
        """What was done, in words, or why nothing was."""
        return tuple(action.text for action in self.done) or (self.nothing,) * bool(self.nothing)


class OpenTrackers(contextlib.ExitStack):
    """The trackers of one run, each opened once, and only if its token is valid. They are closed with the stack."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self._environment = environment
        self._trackers: dict[str, Tracker] = {}

    def tracker(self, name: str) -> Tracker:
        """Return the tracker of that name. Raises FindingsReportError (USAGE, NETWORK)."""
        if name not in self._trackers:
            tracker = self.enter_context(open_tracker(name, self._environment))
            # Several trackers treat a wrong token as anonymous: without this request, a ticket would seem to be missing.
            tracker.identity()
            self._trackers[name] = tracker
        return self._trackers[name]

    def writer(self, name: str) -> TicketWriter:
        """Return the tracker for creating and updating tickets. Raises also if it supports neither (USAGE)."""
        tracker = self.tracker(name)
        if isinstance(tracker, TicketWriter):
            return tracker
        remedy = "use `tickets export` to write files for import; `attach` works with existing tickets"
        raise FindingsReportError(
            Problem(Kind.USAGE, f"{name} does not support creating tickets", remedy, code="ticket-attach-only")
        )


class LockFile:
    """`tickets.lock.yaml` of an engagement. It is written after each ticket, so that an interrupted run loses nothing."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is the engagement's; without one, nothing is read or written."""
        self._folder = folder
        self.lock = self._read()

    def update(self, change: Callable[[Lock], Lock]) -> None:
        """Replace the content of the file by `change` of what it is now, which may be more than was read: by no other run,
        but by one on another machine, or by a merge. Raises FindingsReportError if it cannot be read or written.
        """
        from findings_report.system import locked
        from findings_report.system.atomic_files import publish

        if self._folder is None:
            self.lock = change(self.lock)
            return
        with locked(self._folder):
            before = self._read()
            self.lock = change(before)
            if self.lock == before:
                return
            path, content = self._folder / authoring.LOCK, lock_bytes(self.lock)
            if read_lock(content, shown=display_path(path)) != self.lock:  # the file is the only record of what was sent
                raise AssertionError(path)
            publish({path: content})

    def _read(self) -> Lock:
        if self._folder is None:
            return Lock()
        shown = display_path(self._folder / authoring.LOCK)
        return read_lock(authoring.Folder(self._folder).read(authoring.LOCK), shown=shown)


@contextlib.contextmanager
def open_lock_file(folder: Path | None, *, dry_run: bool = False) -> Iterator[LockFile]:
    """Read the lock file of the engagement in `folder`; other runs that change tickets wait until the end of the block.

    Two runs at once would send the same file twice, or create a ticket twice. A dry run waits for nobody.
    """
    from findings_report.system import locked

    with locked(*[folder / authoring.LOCK] if folder is not None and not dry_run else []):
        yield LockFile(folder)


def read_lock(content: bytes | None, *, shown: str) -> Lock:
    """Return the content of a lock file; an empty lock for None. Raises FindingsReportError (INPUT) for an invalid one."""
    # No file is no error: the first run has none, and tickets are found by their markers without it.
    if content is None:
        return Lock()
    try:
        return Lock.model_validate(read(content).data)
    except (YamlFault, ValidationError) as error:
        if isinstance(error, YamlFault):
            fault = error.fault
        else:
            first = error.errors(include_url=False)[0]
            fault = f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
        remedy = "restore the last committed version, or delete the file: tickets are then found by their markers"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="lock")) from None


def lock_bytes(lock: Lock) -> bytes:
    """Return the file. Its keys are sorted, so that two branches of the engagement can be merged."""
    values = lock.model_dump(mode="json", exclude_defaults=True) | {"format": lock.format}
    return (_HEADER + "\n".join(_yaml_lines(values, "")) + "\n").encode()


def _yaml_lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name in sorted(values, key=lambda name: (name != "format", name)):
        value = values[name]
        # References contain `:` and `#`. Quoted, they need none of YAML's rules for plain keys.
        key = name if name.isidentifier() else quoted(name)
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml_lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {value if isinstance(value, int) else quoted(str(value))}"


def locked_ticket(ticket: TicketState, draft: Draft, text: str, fields: Mapping[str, LockedField]) -> LockedTicket:
    """Return the entry of the lock file for a ticket that was written and then read again."""
    return LockedTicket(
        ref=str(ticket.ref),
        status=draft.status,
        written=digest(draft.title, text),
        stands=digest(ticket.text),
        fields=dict(fields),
        audience=draft.audience,
    )


@dataclass(frozen=True)
class FieldPlan:
    """What is to be done with priority, due date and owner of one ticket."""

    send: Mapping[str, str]
    """Values to write, in the tracker's own terms."""
    locked: Mapping[str, LockedField]
    """Entries of the lock file for the fields that need no change."""
    problems: tuple[Problem, ...] = ()
    """Fields that are not written, with the reason."""

    def lock_written(self, ticket: TicketState, draft: Draft) -> dict[str, LockedField]:
        """Return the entries after the values were sent, with what the tracker made of them: `ticket` was read again."""
        written = {
            name: LockedField(written=draft.fields[name], stands=ticket.fields[name])
            for name in self.send
            if name in ticket.fields
        }
        return {**self.locked, **written}


def plan_fields(
    tracker: TicketWriter, ticket: TicketState, draft: Draft, known: Mapping[str, LockedField], *, overwrite: bool = False
) -> FieldPlan:
    """Compare the fields of a ticket with those of its finding, and with what was written last.

    A field is written if the finding has another value than then, and the tracker still the same. A value that somebody else
    has set is kept, unless `overwrite`. Raises FindingsReportError if the tracker cannot look up a value.
    """
    send: dict[str, str] = {}
    locked = {name: entry for name, entry in known.items() if name in ticket.fields}
    problems: list[Problem] = []
    for name, own in draft.fields.items():
        last = known.get(name, LockedField(written="", stands=""))
        current = ticket.fields.get(name)
        if current is None or own == last.written:
            continue
        value = tracker.resolve(ticket, draft, name) if own else ""
        if value is None:
            problems += unresolved_field(ticket.ref.tracker, draft, name)
        elif value == current:
            locked[name] = LockedField(written=own, stands=current)
        elif current == last.stands or overwrite:
            send[name] = value
        else:
            word = FIELDS[name]
            fault = f"{ticket.ref}: the {word} is not updated: it was changed on the tracker"
            if name not in known:
                fault = f"{ticket.ref}: the {word} is not updated: it is not known who set it"
            remedy = f"to replace it by that of {draft.finding}, run `tickets sync --overwrite --only {draft.finding}`"
            problems.append(Problem(Kind.NETWORK, fault, remedy, level="warning", code="ticket-field"))
    return FieldPlan(send, locked, tuple(problems))


def unresolved_field(tracker: str, draft: Draft, name: str) -> list[Problem]:
    """Return a note about an owner whom the tracker does not know. A tracker without the field is nothing to report."""
    if name != "owner":
        return []
    # Without the ticket, so that an owner of many findings is reported once.
    fault = f"the owner {draft.owner!r} is not exactly one person who can own tickets on {tracker}: only the text has the name"
    remedy = "write the name in `owner` as the tracker has it"
    return [Problem(Kind.NETWORK, fault, remedy, level="note", code="ticket-field")]


def digest(*texts: str) -> str:
    """Return a digest of texts, by which a change is recognized."""
    # Trackers change line ends, trailing blanks and empty lines at the end, and nobody has edited the text by that.
    lines = ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in texts]
    return hashlib.sha256("\0".join(lines).encode()).hexdigest()[:32]


def public_place(what: str, where: str) -> Problem:
    """Return the problem of a ticket or project that everybody can read."""
    fault = f"{what} is public: everybody can read its tickets: {where}"
    return Problem(Kind.USAGE, fault, "choose another one, or allow it with --public", code="ticket-public")


def abort(problems: tuple[Problem, ...] | list[Problem], verb: str) -> FindingsReportError:
    """Return all problems that prevent a run, with a note that nothing was sent."""
    return FindingsReportError(
        [*dict.fromkeys(problems), Problem(Kind.NETWORK, f"nothing was {verb}", level="note", code="nothing-done")]
    )
