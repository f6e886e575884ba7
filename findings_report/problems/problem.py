"""What a user can mend: each problem with its place, its fault and its remedy.

The lowest layer. It knows nothing of YAML, git or rendering, only where a fault stands and what kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from enum import IntEnum
from typing import Literal

Level = Literal["error", "warning", "note"]

Subject = tuple[str | int, ...]
"""Path of an authored value: file key ("engagement" or a finding id), then field names and 0-based indexes."""


class Kind(IntEnum):
    """What sort of fault a problem is. The number is the exit code of a run that ends with it."""

    GATE = 1
    """A check that the user asked for did not hold (--strict, --fail-on)."""
    USAGE = 2
    """The command line is wrong."""
    INPUT = 3
    """YAML, schema or bundle is invalid."""
    SOURCE = 4
    """A repository, commit, path or line does not exist or cannot be read."""
    OUTPUT = 5
    """It cannot be rendered or written."""
    NETWORK = 6
    """The network, a cluster, a tracker or a time stamp authority refused."""


PRECEDENCE = (Kind.USAGE, Kind.INPUT, Kind.SOURCE, Kind.NETWORK, Kind.OUTPUT, Kind.GATE)
"""Of several kinds the first decides the exit code."""


@dataclass(frozen=True)
class Place:
    """Where in a file a fault stands."""

    file: str
    """Path as the user would type it."""
    line: int | None = None
    """1-based; None when the fault is the whole file's."""
    column: int | None = None
    """1-based, counted in characters."""
    source: str | None = None
    """The text of that line, without its line end."""
    width: int = 1
    """How many characters the fault covers, for the caret."""


@dataclass(frozen=True)
class Problem:
    """One fault, told once."""

    kind: Kind
    """Decides the exit code when `level` is error."""
    fault: str
    """What is wrong, one sentence, lower case start, no full stop."""
    remedy: str | None = None
    """What to do about it, when the fault does not say it already."""
    field: str | None = None
    """Dotted name of the authored field, as in `locations[0].lines`."""
    place: Place | None = None
    """Where it stands in a file, once known."""
    level: Level = "error"
    """An error stops the run before anything is published; a warning makes it fail under --strict; a note never does."""
    subject: Subject | None = None
    """The authored value it is about; the pipeline turns it into `place` and `field`."""
    line_offset: int = 0
    """Which line of a text of several lines the fault is in, 0-based."""
    _: KW_ONLY
    code: str
    """A key of the catalogue, as in `quote-moved`: printed with the message, for `explain` and for machines."""


class FindingsReportError(Exception):
    """One or more problems that a user can mend. Raised at the end of a stage that collected them all."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("; ".join(problem.fault for problem in self.problems))


def exit_code(problems: Iterable[Problem]) -> int:
    """The documented exit code for these problems: 0 when none is an error, else by PRECEDENCE."""
    kinds = {problem.kind for problem in problems if problem.level == "error"}
    return next((int(kind) for kind in PRECEDENCE if kind in kinds), 0)
