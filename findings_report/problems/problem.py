"""Problems that a user can solve, each with its place, message, remedy and code.

The lowest layer: YAML, git and rendering are unknown here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from enum import IntEnum
from typing import Final, Literal

Level = Literal["error", "warning", "note"]

Subject = tuple[str | int, ...]
"""Path of an authored value: file key ("engagement" or a finding id), then field names and 0-based indexes."""


class Kind(IntEnum):
    """The kind of a problem. Its number is the exit code of a run that ends with the problem."""

    GATE = 1
    """A check that the user asked for failed (--strict, --fail-on)."""
    USAGE = 2
    """The command line is wrong."""
    INPUT = 3
    """YAML, schema or bundle is invalid."""
    SOURCE = 4
    """A repository, commit, path or line does not exist or cannot be read."""
    OUTPUT = 5
    """The report cannot be rendered or written."""
    NETWORK = 6
    """The network, a cluster, a tracker or a time stamp authority failed."""


# What comes earlier in a run comes first: a wrong command line or an invalid file explains what follows from it.
PRECEDENCE = (Kind.USAGE, Kind.INPUT, Kind.SOURCE, Kind.NETWORK, Kind.OUTPUT, Kind.GATE)
"""Of several kinds, the first in this order decides the exit code."""


@dataclass(frozen=True)
class Place:
    """A place in a file."""

    file: str
    """Path as the user would type it."""
    line: int | None = None
    """1-based; None for the file as a whole."""
    column: int | None = None
    """1-based, counted in characters."""
    source: str | None = None
    """The text of that line, without its line end."""
    width: int = 1
    """The number of characters at fault, for the carets."""


@dataclass(frozen=True)
class Problem:
    """One problem, with everything that a message needs."""

    kind: Kind
    """Decides the exit code when `level` is error."""
    fault: str
    """The message: one sentence, lower case start, no full stop."""
    remedy: str | None = None
    """What to do, unless the message says it already."""
    field: str | None = None
    """Dotted name of the authored field, as in `locations[0].lines`."""
    place: Place | None = None
    """The place in a file, once known."""
    level: Level = "error"
    """An error stops the run before anything is published; a warning makes it fail under --strict; a note never does."""
    subject: Subject | None = None
    """The path of the authored value; `commands` turns it into `place` and `field`."""
    line_offset: int = 0
    """The line at fault within a text of several lines, 0-based."""
    # Required, although the fields above have defaults: a message without a code cannot be explained.
    _: KW_ONLY
    code: str
    """A key of the catalogue, as in `quote-moved`: printed with the message, for `explain` and for machines."""


_REMEDIES: Final = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EROFS: ("the file system is read-only", "use another folder, or mount it for writing"),
    errno.EACCES: ("permission denied", "correct the permissions"),
    errno.EPERM: ("permission denied", "correct the permissions"),
    errno.EMFILE: ("too many open files", "raise the limit of open files, as in `ulimit -n 4096`"),
    errno.ENFILE: ("too many open files in the system", "end other programs"),
    errno.ENOMEM: ("there is not enough memory", "end other programs"),
    errno.EAGAIN: ("there are too many processes", "end other programs"),
    errno.EIO: ("input/output error", "check the disk or the network that it is on; the log of the system says more"),
}


def system_fault(error: OSError) -> tuple[str, str | None]:
    """Return what the operating system refused, in words, and a remedy; None for what only its caller can remedy."""
    return _REMEDIES.get(error.errno or 0, (error.strerror or str(error), None))


def system_problem(error: OSError, kind: Kind, *, file: str | None = None) -> Problem:
    """Return the problem of a call that the operating system refused. `file` is its place where the error names none."""
    reason, remedy = system_fault(error)
    name = error.filename if error.filename is not None else file
    place = Place(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else None
    general = "free what it needs, then run the command again"
    return Problem(kind, f"the system refused a call: {reason}", remedy or general, place=place, code="system-call")


class FindingsReportError(Exception):
    """One or more problems that a user can solve. Raised at the end of a stage that collected them all."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("; ".join(problem.fault for problem in self.problems))


def exit_code(problems: Iterable[Problem]) -> int:
    """Return the documented exit code for these problems: 0 if none is an error, else by PRECEDENCE."""
    kinds = {problem.kind for problem in problems if problem.level == "error"}
    return next((int(kind) for kind in PRECEDENCE if kind in kinds), 0)
