"""An engagement's folder as it stands in a commit of the git repository that holds it."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, Final

from findings_report.authoring.files import LARGEST_FILE, MOST_FILES
from findings_report.problems import FindingsReportError, Kind, Place, Problem

if TYPE_CHECKING:
    from findings_report import git

_MOST_STEPS: Final = 8
"""How many links may lead to one another."""


class Revision:
    """The files below a folder in one commit. A link to another of them is followed, as on disk; every other one is refused."""

    def __init__(self, repository: git.Repository, commit: str, prefix: str, *, shown: str) -> None:
        """`commit` is a full hash; `prefix` the folder from the repository's root, POSIX, empty for the root itself."""
        self._repository = repository
        self._commit = commit
        self._folder = prefix
        self._prefix = f"{prefix}/" if prefix else ""
        self.shown = shown

    def names(self) -> tuple[str, ...]:
        """Paths of all files below the folder, hidden ones left out. Raises for a folder that is a link or a submodule."""
        found = [name for name, entry in self._entries.items() if entry.kind != "submodule"]
        if not found and self._folder:
            entry = self._repository.entry(self._commit, self._folder)
            if entry is not None and entry.kind != "folder":
                raise self._refused("", f"it is a {entry.kind} in that commit")
        if len(found) > MOST_FILES:
            raise self._refused("", f"it has more than {MOST_FILES:,} files")
        for name in found:
            if self._entries[name].kind == "symlink" and (target := self._target(name)) and self._is_folder(target):
                raise self._refused(name, "it is a symbolic link to a folder, and those are not followed")
        return tuple(sorted(found))

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`; None when the commit has no such file. Raises for a link that leads out, and one too large."""
        where: str | None = name
        for _ in range(_MOST_STEPS):
            entry = self._entries.get(where) if where is not None else None
            if entry is None or where is None or entry.kind != "symlink":
                break
            where = self._target(where)
        if where is None:
            raise self._refused(name, "it is a symbolic link that leads out of the folder")
        if entry is None:
            return None
        if entry.kind != "file":
            raise self._refused(name, f"it is a {entry.kind}")
        size = self._size(where)
        if size > LARGEST_FILE:
            raise self._refused(name, f"it has {size:,} bytes; at most {LARGEST_FILE:,} are read")
        return self._repository.blob(entry.id)

    @property
    def submodules(self) -> tuple[str, ...]:
        """The submodules below the folder: what is in them is not in the commit, and so not read."""
        return tuple(sorted(name for name, entry in self._entries.items() if entry.kind == "submodule"))

    @cached_property
    def _entries(self) -> dict[str, git.TreeEntry]:
        """Everything below the folder that is no folder itself, hidden parts left out."""
        found = self._repository.tree(self._commit, self._folder)
        below = {path.removeprefix(self._prefix): entry for path, entry in found.items()}
        return {name: entry for name, entry in below.items() if not any(part.startswith(".") for part in name.split("/"))}

    def _target(self, name: str) -> str | None:
        """Where the link `name` leads, as a path below the folder; None when it leads out of it."""
        if self._size(name) > LARGEST_FILE:
            return None
        target = self._repository.blob(self._entries[name].id).decode("utf-8", "backslashreplace")
        led = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        return None if led.startswith(("/", "../")) or led == ".." else led

    def _size(self, name: str) -> int:
        entry = self._repository.entry(self._commit, self._prefix + name)
        return entry.size or 0 if entry is not None else 0

    def _is_folder(self, name: str) -> bool:
        return name == "." or any(other.startswith(f"{name}/") for other in self._entries)

    def _refused(self, name: str, why: str) -> FindingsReportError:
        place = Place(f"{self.shown}/{name}" if name else self.shown)
        return FindingsReportError(Problem(Kind.INPUT, f"cannot be read: {why}", place=place, code="unreadable"))
