"""The files in the scope of an engagement. Pure functions.

An entry is a path from the repository's root: a file, or a folder with everything below. `*`, `?` and `[a-z]` match characters
of one name, `**` matches any number of folders. An entry may start with the name of a repository and a colon. A leading `!`
excludes files that earlier entries include, as in a `.gitignore`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Final

_WILD: Final = re.compile(r"[*?\[]")
_ANY_FOLDERS: Final = "**"


@dataclass(frozen=True)
class Pattern:
    """One entry of the scope."""

    repository: str | None
    """Name of the repository; None for any repository."""
    text: str
    """Path or glob, as authored."""
    is_excluding: bool = False
    """True if the entry excludes files."""

    def names(self, path: str) -> bool:
        """Return True if the pattern matches `path` or a folder that contains it."""
        if self._path == "" or path == self._path or path.startswith(f"{self._path}/"):
            return True  # also if a file name contains wildcard characters, as `pages/[id].tsx` of Next.js does
        if not self._is_glob:
            return False
        # All positions in the pattern are followed at once, so the time is linear in the number of parts. One backtracking
        # regular expression for the whole path, as in pathspec 1.1, takes more than two minutes for a hostile pattern
        # (docs/dependencies.md).
        reached = self._beyond({0})
        for part in path.split("/"):
            # All steps match before the path ends: the pattern names a folder, which includes everything below it.
            if len(self._steps) in reached:
                return True
            reached = self._beyond(after for step in reached for after in self._after(step, part))
        return len(self._steps) in reached

    @cached_property
    def _path(self) -> str:
        """The pattern as a plain path, its wildcards taken literally."""
        return "/".join(part for part in self.text.split("/") if part not in ("", "."))

    @cached_property
    def _is_glob(self) -> bool:
        return _WILD.search(self.text) is not None

    @cached_property
    def _steps(self) -> tuple[re.Pattern[str] | None, ...]:
        """Pattern of each part of a path; None for any number of parts."""
        parts = [part for part in self.text.split("/") if part not in ("", ".")]
        return tuple(None if part == _ANY_FOLDERS else re.compile(translate(part)) for part in parts)

    def _after(self, step: int, part: str) -> Iterable[int]:
        wanted = self._steps[step]
        # `**` stays where it is after each part; `_beyond` also skips it, since it matches no part as well.
        if wanted is None:
            return (step,)
        return (step + 1,) if wanted.match(part) else ()

    def _beyond(self, steps: Iterable[int]) -> set[int]:
        """Return `steps`, and the steps that are reached from them without a part of the path."""
        reached: set[int] = set()
        for start in steps:
            step = start
            while step < len(self._steps) and self._steps[step] is None:
                reached.add(step)
                step += 1
            reached.add(step)
        return reached


def patterns(scope: Sequence[str], repositories: Iterable[str]) -> tuple[Pattern, ...]:
    """Return the entries of `scope`, in order. With only one repository, entries need not name it."""
    names = list(repositories)
    only = names[0] if len(names) == 1 else None
    found: list[Pattern] = []
    for entry in scope:
        bare = entry.removeprefix("!")
        name, colon, text = bare.partition(":")
        found.append(Pattern(name if colon else only, text if colon else bare, bare != entry))
    return tuple(found)


def naming(scope: Sequence[Pattern], repository: str, path: str) -> tuple[int, ...]:
    """Return the 0-based positions of the entries that include `path`; empty if none does, or if a later one excludes it."""
    covering: list[int] = []
    for index, pattern in enumerate(scope):
        # As in `.gitignore`, the last matching entry decides: an exclusion discards what came before it, not what follows.
        if pattern.repository in (None, repository) and pattern.names(path):
            covering = [] if pattern.is_excluding else [*covering, index]
    return tuple(covering)
