"""The catalogue of problem codes: what each means, an example, its remedy, and how many of one code become one message.

The entries are data, in catalogue.toml: they are read for `explain`, the documentation, and a run that has several problems of
one code.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final

from findings_report.problems.problem import FindingsReportError, Kind, Place, Problem
from findings_report.problems.suggestions import did_you_mean

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
