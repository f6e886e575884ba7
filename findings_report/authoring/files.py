"""The files of an engagement's folder, read safely.

A folder is one place an engagement can stand in; a git revision is another. Both are `Files`: names and bytes.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path

if TYPE_CHECKING:
    from findings_report import git


_MOST_STEPS: Final = 8
"""How many links may lead to one another."""

ENGAGEMENT: Final = "engagement.yaml"

FINDING_SUFFIX: Final = ".finding.yaml"

FOLDER: Final = "findings"

LOCK: Final = "tickets.lock.yaml"

MOST_FILES: Final = 20_000
"""Files of an engagement's folder."""

LARGEST_FILE: Final = 32 * 1024 * 1024
"""Bytes of one file that is read."""

UNFINISHED: Final = re.compile(r"\..{1,20}\.[0-9a-f]{12}\.part\Z")
"""The name of a file that is being put in place; one that stays was left by a write that was interrupted."""


class Files(Protocol):
    """Where an engagement stands: a folder, or a revision of one."""

    shown: str
    """How the place is called in messages, as the user would type it."""

    def names(self) -> tuple[str, ...]:
        """Paths of all files, relative, with /, sorted."""

    def read(self, name: str) -> bytes | None:
        """The file's bytes; None when there is no such file."""


class Folder:
    """An engagement's folder on disk. Symbolic links that lead out of it are refused, not followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = display_path(path)

    @cached_property
    def _root(self) -> Path:
        return self.path.resolve(strict=True)

    def names(self) -> tuple[str, ...]:
        """Paths of all files below the folder, hidden ones left out, but for those that an interrupted write left."""
        found: list[str] = []
        for root, folders, files in os.walk(self.path, onerror=_refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if links := [name for name in folders if Path(root, name).is_symlink()]:
                why = "it is a symbolic link to a folder, and those are not followed"
                raise FindingsReportError(_unreadable(display_path(Path(root, links[0])), why))
            relative = Path(root).relative_to(self.path)
            found.extend((relative / name).as_posix() for name in files if not name.startswith(".") or UNFINISHED.match(name))
            if len(found) > MOST_FILES:
                raise FindingsReportError(
                    Problem(
                        Kind.INPUT,
                        f"more than {MOST_FILES:,} files",
                        "keep other files elsewhere",
                        place=Place(self.shown),
                        code="too-many-files",
                    )
                )
        return tuple(sorted(found))

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`; None when it does not exist. Raises on links that lead out, devices, unreadable files."""
        path = self.path / name
        try:
            root, target = self._root, path.resolve(strict=True)
            if not target.is_relative_to(root):
                raise ValueError("it is a symbolic link that leads out of the folder")
            return _content(_opened(root, target.relative_to(root).parts))
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise FindingsReportError(_unreadable(display_path(path), reason)) from None


class Snapshot:
    """Files as they were when each was first read, whatever becomes of them meanwhile."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._read: dict[str, bytes | None] = {}
        self.shown = files.shown

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self._files.names()

    def names(self) -> tuple[str, ...]:
        """As `Files.names`."""
        return self._names

    def read(self, name: str) -> bytes | None:
        """As `Files.read`."""
        if name not in self._read:
            self._read[name] = self._files.read(name)
        return self._read[name]


def _opened(root: Path, parts: tuple[str, ...]) -> int:
    """A descriptor of what stands below `root`, reached step by step: what is a link by now fails, and is not followed."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        above = descriptor
        try:
            descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=above)
        finally:
            os.close(above)
    return descriptor


def _content(descriptor: int) -> bytes:
    """All that an open plain file holds. Closes it. Raises ValueError for anything else, and for more than is read."""
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        content = file.read(LARGEST_FILE + 1) if status.st_size <= LARGEST_FILE else b""
        if max(status.st_size, len(content)) > LARGEST_FILE:
            raise ValueError(f"it has {max(status.st_size, len(content)):,} bytes; at most {LARGEST_FILE:,} are read")
        return content


def _refuse(error: OSError) -> None:
    raise FindingsReportError(_unreadable(display_path(Path(error.filename)), error.strerror or str(error)))


def _unreadable(shown: str, why: str) -> Problem:
    return Problem(Kind.INPUT, f"cannot be read: {why}", place=Place(shown), code="unreadable")


def find_folder(start: Path) -> Path:
    """The engagement's folder: `start`, the `findings` in it, or that of the nearest folder above.

    Raises FindingsReportError when there is none.
    """
    if os.path.isfile(start):  # noqa: PTH113 - these never raise, unlike Path's: a name may be too long, a folder locked
        start = start.parent
    if not os.path.isdir(start):  # noqa: PTH112 - likewise
        raise FindingsReportError(
            Problem(
                Kind.INPUT,
                "there is no such folder",
                "name the folder that holds engagement.yaml",
                place=Place(str(start)),
                code="no-folder",
            )
        )
    for folder in (start, *start.absolute().parents):
        for candidate in (folder, folder / FOLDER):
            if os.path.exists(candidate / ENGAGEMENT):  # noqa: PTH110 - likewise
                return candidate
    raise FindingsReportError(
        Problem(
            Kind.INPUT,
            f"no {ENGAGEMENT} here, in {FOLDER}/ or in a folder above",
            "start one with `findings-report init`, or name the folder that holds it",
            place=Place(display_path(start)),
            code="no-engagement",
        )
    )


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
