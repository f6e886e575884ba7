"""Problems that a user can solve, each with its place, message, remedy and code, and the catalogue of the codes.

The lowest layer: YAML, git and rendering are unknown here. The catalogue has what each code means, an example, its remedy, and
how many of one code become one message.

The entries are data, in catalogue.toml: they are read for `explain`, the documentation, and a run that has several problems of
one code.
"""

from __future__ import annotations

import errno
import os
import tomllib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from findings_report.problems.suggestions import did_you_mean

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


HEADINGS: Final[Mapping[str, str]] = {
    # In the order in which a run meets them, so that the page of codes reads like a run.
    "files": "Files and YAML",
    "fields": "Fields",
    "prose": "Prose and pictures",
    "importing": "Importing",
    "repositories": "Repositories and commits",
    "evidence": "Locations and quotes",
    "scope": "Scope",
    "comparison": "Other commits and comparisons",
    "output": "Output and templates",
    "pdf": "PDF",
    "signing": "Signing, encryption and manifests",
    "cluster": "Rendering on a cluster",
    "tickets": "Tickets",
    "usage": "Command line and gates",
}
"""The groups of catalogue.toml, in its order, with their headings."""


@dataclass(frozen=True)
class Entry:
    """What is known about one problem code."""

    code: str
    """The stable name, as in `quote-moved`."""
    group: str
    """A key of HEADINGS."""
    meaning: str
    """What is wrong, one sentence or two."""
    example: str
    """A message that carries the code, without its place."""
    remedy: str
    """What to do, in the imperative."""
    summary: str | None = None
    """The message for several problems; `{count}` is their number. None: only problems with the same message and remedy are
    put together."""
    per_file: bool = False
    """True: one message for each file, if they are few."""


@cache  # tomllib takes 10 ms for the file
def entries() -> tuple[Entry, ...]:
    """Return all entries, in the order of the catalogue."""
    table = tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text("utf-8"))
    return tuple(Entry(code, group, **texts) for group, codes in table.items() for code, texts in codes.items())


def explain(code: str) -> Entry:
    """Return the entry of a code. Raises FindingsReportError (USAGE) for a code that does not exist."""
    by_code = {entry.code: entry for entry in entries()}
    if code not in by_code:
        remedy = did_you_mean(code, by_code) or "`findings-report explain` lists all codes"
        raise FindingsReportError(Problem(Kind.USAGE, f"there is no problem code {code!r}", remedy, code="explain"))
    return by_code[code]


MOST_LISTED: Final = 20
"""Messages with one code that are printed; the others are counted in one more."""

_MOST_PLACES: Final = 3

_FEW: Final = 3

_MOST_FILES: Final = 5
"""Files with one kind of problem that have a message each, where the catalogue wants one for each file."""


def summarize(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return one problem for all of a kind, at the place of the first of them, in the order of the first ones.

    Problems of one level and code are of one kind if the catalogue has a summary for the code, or if their fault and remedy
    are equal and there are more than three. Of one code at most MOST_LISTED messages are returned, and one with the number
    of the others.
    """
    repeated = {code for code, count in Counter(problem.code for problem in problems).items() if count > 1}
    if not repeated:
        return tuple(problems)  # without reading the catalogue
    by_code = {entry.code: entry for entry in entries()}
    kinds: dict[Hashable, list[int]] = {}
    for position, problem in enumerate(problems):
        entry = by_code.get(problem.code)
        text = (problem.fault, problem.remedy) if entry is None or entry.summary is None else None
        kinds.setdefault((problem.level, problem.code, text), []).append(position)
    messages: dict[int, Problem] = {}
    listed: Counter[Hashable] = Counter()
    rest: dict[Hashable, list[Problem]] = {}
    for positions in (part for kind in kinds.values() for part in _part_by_file(kind, problems, by_code)):
        group = [problems[position] for position in positions]
        entry, level_and_code = by_code.get(group[0].code), (group[0].level, group[0].code)
        is_single = _is_printed_singly(group, entry)
        listed[level_and_code] += len(group) if is_single else 1
        if listed[level_and_code] > MOST_LISTED:
            rest.setdefault(level_and_code, []).extend(group)
        elif is_single:
            messages.update(zip(positions, group, strict=True))
        else:
            messages[positions[0]] = _merge(group, entry)
    return (*(messages[position] for position in sorted(messages)), *map(_count_rest, rest.values()))


def _part_by_file(positions: list[int], problems: Sequence[Problem], by_code: Mapping[str, Entry]) -> Sequence[list[int]]:
    """Return the positions of the problems of one kind in parts that are a message each."""
    entry = by_code.get(problems[positions[0]].code)
    by_file: dict[str | None, list[int]] = {}
    for position in positions:
        place = problems[position].place
        by_file.setdefault(place.file if place is not None else None, []).append(position)
    is_parted = entry is not None and entry.per_file and len(by_file) <= _MOST_FILES
    return tuple(by_file.values()) if is_parted else (positions,)


def _is_printed_singly(group: Sequence[Problem], entry: Entry | None) -> bool:
    # A few with their fields and lines are easier to correct than a count of them.
    return len(group) == 1 or (len(group) <= _FEW and (entry is None or (entry.summary is None and not entry.per_file)))


def _merge(group: Sequence[Problem], entry: Entry | None) -> Problem:
    first = group[0]
    places = _list_places(group[1:], first.place)
    also = f"; also at {places}" if places else ""
    if entry is None or entry.summary is None:
        return replace(first, fault=first.fault + also)
    # What each of them needs may differ, as the address that a link should have: then the remedy of the code is printed.
    remedies = {problem.remedy for problem in group}
    remedy = first.remedy if len(remedies) == 1 else entry.remedy[:1].lower() + entry.remedy[1:].removesuffix(".")
    return replace(first, fault=entry.summary.format(count=f"{len(group):,}") + also, remedy=remedy, field=None)


def _count_rest(problems: Sequence[Problem]) -> Problem:
    places = _list_places(problems, None)
    fault = (
        f"{len(problems):,} more problem{'' if len(problems) == 1 else 's'} with this code{', at ' if places else ''}{places}"
    )
    # Without a place of its own: none of these problems is the first of its kind.
    return replace(problems[0], fault=fault, remedy=None, field=None, place=None)


def _list_places(problems: Sequence[Problem], first: Place | None) -> str:
    """Return the places other than `first`, at most _MOST_PLACES of them; a file is named once for lines that follow."""
    places = dict.fromkeys((problem.place.file, problem.place.line) for problem in problems if problem.place is not None)
    if first is not None:
        places.pop((first.file, first.line), None)
    listed: list[str] = []
    named = first.file if first is not None else None
    named_places = list(places)[:_MOST_PLACES]
    word = "lines" if [file for file, _ in named_places].count(named or "") > 1 else "line"
    for file, line in named_places:
        if line is None:
            listed.append(file)
        elif file == named:
            listed.append(str(line) if listed else f"{word} {line}")
        else:
            listed.append(f"{file}:{line}")
        named = file
    more = len(places) - len(listed)
    if more > 0:
        return f"{', '.join(listed)} and {more:,} more place{'' if more == 1 else 's'}"
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
