"""What `attach` does: files and an engagement's facts become files and comments on tickets. It prints nothing.

First everything is looked at: tokens, rights, tickets, who can read them. Only when all of that holds is anything sent.
"""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from findings_report import scoring, store, tickets
from findings_report.errors import FindingsReportError, Kind, Place, Problem
from findings_report.model.finding import Repository
from findings_report.model.ticket import File, Lock, Ticket, TicketRef
from findings_report.renderers.announcement import Facts, announcement, size
from findings_report.renderers.markup import mark_up
from findings_report.tickets.credentials import Surroundings

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
class Done:
    """What came of it."""

    said: tuple[str, ...]
    """A line for each file on each ticket."""
    problems: tuple[Problem, ...]
    """Warnings, and what could not be done."""


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
    folder, facts, problems = _engagement(errand)
    lock_path = folder / store.LOCK if folder is not None else None
    lock = _lock(folder)
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        steps = _looked_at(errand, refs, files, surroundings, stack, progress)
        for step in steps:
            progress(f"{step.ticket.ref}: {step.file.name}")
            text = announcement(step.file, facts, older=step.older(lock), changes=errand.changes)
            try:
                said.append(_carried_out(step, text, step.older(lock), dry_run=errand.dry_run))
            except FindingsReportError as error:
                problems += error.problems
                continue
            if not errand.dry_run and lock_path is not None:
                lock = _remembered(lock, lock_path, step)
    return Done(tuple(said), tuple(problems))


def _looked_at(
    errand: Errand,
    refs: list[TicketRef],
    files: list[File],
    surroundings: Surroundings,
    stack: contextlib.ExitStack,
    progress: Callable[[str], None],
) -> list[_Step]:
    """The steps, every ticket read by an authenticated reader. Raises FindingsReportError with all that is in the way."""
    problems: list[Problem] = []
    steps: list[_Step] = []
    opened: dict[str, tickets.Tracker] = {}
    for ref in refs:
        progress(f"looking at {ref}")
        try:
            if ref.tracker not in opened:
                tracker = stack.enter_context(tickets.open_tracker(ref.tracker, surroundings))
                tracker.identity()
                opened[ref.tracker] = tracker
            ticket = opened[ref.tracker].read(ref.key)
        except FindingsReportError as error:
            problems += [each for each in error.problems if each not in problems]
            continue
        if ticket.is_public and not errand.public:
            problems.append(_refused_public(ticket))
        steps += [_Step(opened[ref.tracker], ticket, file) for file in files]
    if problems:
        raise FindingsReportError([*problems, Problem(Kind.NETWORK, "nothing was attached", level="note")])
    return steps


def _refused_public(ticket: Ticket) -> Problem:
    fault = f"{ticket.ref} is in a public project, where everybody can read what is attached: {ticket.address}"
    return Problem(Kind.USAGE, fault, "use another ticket; --public says that this one is meant", code="ticket-public")


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


def _remembered(lock: Lock, path: Path, step: _Step) -> Lock:
    """The lock with this step, written at once: a run that is cut short leaves what it did."""
    from findings_report.publish import publish

    changed = lock.with_attached(step.ticket.ref, step.file)
    if changed != lock:
        publish({path: store.lock_bytes(changed)})
    return changed


def _lock(folder: Path | None) -> Lock:
    if folder is None:
        return Lock()
    return store.read_lock(store.Folder(folder).read(store.LOCK), shown=store.shown_path(folder / store.LOCK))


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
    return File(path.stem, path.suffix, content, media_type)


_BUILD: Final = "make it with `findings-report build -f pdf`"


def _engagement(errand: Errand) -> tuple[Path | None, Facts | None, list[Problem]]:
    """The engagement's folder and facts, as far as there is one, and warnings.

    A file that is older than the findings is not what they say: of it the comment tells no facts.
    """
    try:
        folder = store.find_folder(errand.folder)
    except FindingsReportError:
        return None, None, []
    authored = store.load(store.Folder(folder))
    newest = max((folder / name).stat().st_mtime for name in authored.files)
    stale = [path for path in errand.files if path.stat().st_mtime < newest]
    if stale:
        fault = "is older than the findings: the comment tells no counts of it"
        problem = Problem(
            Kind.OUTPUT, fault, _BUILD, place=Place(store.shown_path(stale[0])), level="warning", code="stale-file"
        )
        return folder, None, [problem]
    return folder, _facts(authored), []


def _facts(authored: store.Authored) -> Facts:
    engagement = authored.engagement
    found = [scoring.severity(engagement, finding)[0] for finding in authored.findings.values()]
    return Facts(
        title=engagement.title,
        version=engagement.version,
        state=engagement.state.value,
        day=engagement.date,
        language=engagement.language,
        severities=tuple((each.name, found.count(each.name)) for each in engagement.severities if each.name in found),
        commits=tuple(_pinned(engagement.repositories)),
    )


def _pinned(repositories: Mapping[str, Repository]) -> Iterator[tuple[str, str]]:
    for name, repository in repositories.items():
        if repository.commit is not None:
            yield name, repository.commit
