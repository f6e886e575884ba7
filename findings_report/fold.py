"""The files of the scope as the rows of a table: each of its own while they are few, else by folder. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from findings_report.model.evidence import CoveredFile

MOST_ROWS: Final = 30
"""Rows of the table, unless there are more repositories."""

MOST_CITED: Final = 20
"""Cited files that have a row of their own among folders; where there are more, folders hold them too."""

Cited = Mapping[tuple[str, str], Sequence[str]]
"""Ids of the findings by the (repository, path) that they cite."""


@dataclass(frozen=True)
class Group:
    """Files that stand in one row."""

    repository: str
    """Its name in the engagement."""
    folder: str
    """The folder that holds them, with `/` at its end; empty for the root."""
    files: tuple[CoveredFile, ...]
    """At least one."""
    is_rest: bool = False
    """True when they are the files directly in the folder, and what is in folders of it stands in other groups."""

    @property
    def path(self) -> str:
        """`src/app.py` for a single file, `src/` for those below a folder, `src/*` for those directly in it."""
        return self.files[0].path if len(self.files) == 1 else self.folder + ("*" if self.is_rest else "")

    def parts(self) -> list[Group]:
        """The groups that it falls into: folders, and the files beside them; files, where there is no folder."""
        below: dict[str, list[CoveredFile]] = {}
        for file in self.files:
            name, slash, _ = file.path[len(self.folder) :].partition("/")
            below.setdefault(name + slash if slash else "", []).append(file)
        if set(below) == {""}:
            return [Group(self.repository, self.folder, (file,)) for file in self.files]
        return [Group(self.repository, self.folder + name, tuple(held), is_rest=not name) for name, held in below.items()]


def fold(files: Mapping[str, Sequence[CoveredFile]], cited: Cited) -> list[Group]:
    """Every file in one group, sorted by repository and path. Cited files stand alone, large folders are unfolded first."""
    order = {repository: rank for rank, repository in enumerate(files)}
    every = [(repository, file) for repository, each in files.items() for file in each]
    alone = [Group(repository, "", (file,)) for repository, file in every if (repository, file.path) in cited]
    done = alone if len(alone) <= MOST_CITED else []
    taken = {(group.repository, group.path) for group in done}
    waiting: list[tuple[int, int, str, Group]] = []

    def wait(group: Group) -> None:
        heapq.heappush(waiting, (-len(group.files), order[group.repository], group.path, group))

    for repository, each in files.items():
        if others := tuple(file for file in each if (repository, file.path) not in taken):
            wait(Group(repository, "", others))
    while waiting:
        group = heapq.heappop(waiting)[-1]
        parts = group.parts() if len(group.files) > 1 else []
        if parts and len(done) + len(waiting) + len(parts) <= MOST_ROWS:
            for part in parts:
                wait(part)
        else:
            done.append(group)
    return sorted(done, key=lambda group: (order[group.repository], group.path))
