"""What the commands for issue trackers do: `attach`, and `tickets create`, `sync` and `export`. It prints nothing.

First everything is looked at: tokens, rights, tickets, who can read them. Only when all of that holds is anything sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from findings_report import authoring
from findings_report.authoring.yaml_editor import quoted
from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.model.ticket import Lock
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.tickets import trackers
from findings_report.tickets.http.credentials import Surroundings

_HEAD: Final = "# Written by findings-report: what is on which ticket. Commit it, and let the program change it.\n"


def read_lock(content: bytes | None, *, shown: str) -> Lock:
    """The lock; an empty one when there is no file. Raises FindingsReportError (INPUT) when it is not what was written."""
    if content is None:
        return Lock()
    try:
        return Lock.model_validate(read(content).data)
    except (YamlFault, ValidationError) as error:
        fault = error.fault if isinstance(error, YamlFault) else _first(error)
        remedy = "take the last committed one; without the file, tickets are found by what stands on them"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="lock")) from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"


def lock_bytes(lock: Lock) -> bytes:
    """The file."""
    return (
        _HEAD + "\n".join(_lines(lock.model_dump(mode="json", exclude_defaults=True) | {"format": lock.format}, "")) + "\n"
    ).encode()


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name in sorted(values, key=lambda name: (name != "format", name)):
        value = values[name]
        key = name if name.isidentifier() else quoted(name)
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {value if isinstance(value, int) else quoted(str(value))}"


# SELF


@dataclass(frozen=True)
class Done:
    """What came of it."""

    said: tuple[str, ...]
    """A line for each thing that was done."""
    problems: tuple[Problem, ...]
    """Warnings, and what could not be done."""


class Trackers:
    """The trackers of one run, each opened once, and only with a token that is valid."""

    def __init__(self, surroundings: Surroundings, stack: contextlib.ExitStack) -> None:
        self._surroundings = surroundings
        self._stack = stack
        self._opened: dict[str, trackers.Tracker] = {}

    def of(self, name: str) -> trackers.Tracker:
        """The tracker of that name. Raises FindingsReportError (USAGE, NETWORK)."""
        if name not in self._opened:
            tracker = self._stack.enter_context(trackers.open_tracker(name, self._surroundings))
            tracker.identity()
            self._opened[name] = tracker
        return self._opened[name]

    def desk(self, name: str) -> trackers.Desk:
        """The same, for making tickets. Raises FindingsReportError (USAGE) where that is not known of the tracker."""
        tracker = self.of(name)
        if isinstance(tracker, trackers.Desk):
            return tracker
        remedy = "`tickets export` writes files to import; `attach` works with tickets that are there"
        raise FindingsReportError(Problem(Kind.USAGE, f"on {name} no tickets are made", remedy, code="ticket-attach-only"))


class Memory:
    """`tickets.lock.yaml` of one engagement, written whenever it changes: a run that is cut short leaves what it did."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / authoring.LOCK if folder is not None else None
        self.lock = Lock()
        if folder is not None and self._path is not None:
            self.lock = read_lock(authoring.Folder(folder).read(authoring.LOCK), shown=shown_path(self._path))

    def keep(self, lock: Lock) -> None:
        """Writes the lock down, where there is an engagement."""
        from findings_report.system.atomic_files import publish

        if lock != self.lock and self._path is not None:
            publish({self._path: lock_bytes(lock)})
        self.lock = lock


def refused_public(what: str, where: str) -> Problem:
    """The problem of a place that everybody can read."""
    fault = f"{what} is public: everybody can read what is put there: {where}"
    return Problem(Kind.USAGE, fault, "choose another; --public says that this one is meant", code="ticket-public")


def nothing_done(problems: list[Problem], verb: str) -> FindingsReportError:
    """All that is in the way, and that nothing was sent."""
    return FindingsReportError(
        [*dict.fromkeys(problems), Problem(Kind.NETWORK, f"nothing was {verb}", level="note", code="nothing-done")]
    )
