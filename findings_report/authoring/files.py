"""The files of an engagement's folder, read safely.

An engagement is read from a folder or from a git revision. Both are `Files`: names and bytes.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from findings_report.problems import FindingsReportError, Kind, Place, Problem, system_fault
from findings_report.problems.safe_text import display_path
from findings_report.system import locked

if TYPE_CHECKING:
    from findings_report import git


# Linux gives up after 40 links (path_resolution(7)); nobody needs more than a few within one folder.
_MOST_STEPS: Final = 8
"""The longest chain of symbolic links that is followed; it also ends a cycle."""

ENGAGEMENT: Final = "engagement.yaml"

FINDING_SUFFIX: Final = ".finding.yaml"

FOLDER: Final = "findings"

LOCK: Final = "tickets.lock.yaml"

IMPORT_LOCK: Final = "import.lock.yaml"

MOST_FILES: Final = 25_000
"""Limit of the number of files in an engagement's folder: 20,000 findings, with pictures and attachments beside them."""

LARGEST_FILE: Final = 32 * 1024 * 1024
"""Limit of the size of one file, in bytes."""


class Files(Protocol):
    """The source of an engagement: a folder, or a revision of one."""

    shown: str
    """Name of the folder in messages, as the user would type it."""

    def held(self) -> AbstractContextManager[None]:
        """Keep other runs of the program from replacing files until the end of the block: what is read is of one state."""

    def names(self) -> tuple[str, ...]:
        """Return the relative POSIX paths of all files, sorted."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes of the file `name`; None if there is no such file."""


class Folder:
    """An engagement's folder on disk. A symbolic link that leads out of the folder is an error and is never followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shown = display_path(path)

    @cached_property
    def _root(self) -> Path:
        return self.path.resolve(strict=True)

    def held(self) -> AbstractContextManager[None]:
        """Share the lock under which the program writes the folder's files."""
        return locked(self.path, shared=True)

    def names(self) -> tuple[str, ...]:
        """Return the paths of all files below the folder, without hidden files."""
        found: list[str] = []
        for root, folders, files in os.walk(self.path, onerror=_refuse):
            # In place: `os.walk` descends into what remains. Hidden folders hold `.git`, `.schema` and editors' files.
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            # `os.walk` passes linked folders by; without this error their findings would silently miss from the report.
            if links := [name for name in folders if Path(root, name).is_symlink()]:
                why = "it is a symbolic link to a folder, and those are not followed"
                raise FindingsReportError(_unreadable(display_path(Path(root, links[0])), why))
            relative = Path(root).relative_to(self.path)
            found.extend((relative / name).as_posix() for name in files if not name.startswith("."))
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
        """Return the bytes of the file `name`; None if there is no such file.

        Raises FindingsReportError for links that lead out of the folder, devices and unreadable files.
        """
        path = self.path / name
        try:
            # Two steps: the check gives a clear message, `_opened` makes sure that the path is still the one checked.
            root, target = self._root, path.resolve(strict=True)
            if not target.is_relative_to(root):
                raise ValueError("it is a symbolic link that leads out of the folder")
            return _content(_opened(root, target.relative_to(root).parts))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FindingsReportError(_unreadable(display_path(path), *system_fault(error))) from None
        except (RuntimeError, ValueError) as error:
            raise FindingsReportError(_unreadable(display_path(path), str(error))) from None


# `track --update` reads a file more than once; an editor that saves in between must not give it two states of one file.
class Snapshot:
    """Files whose content is kept from the first read on, so that later changes on disk have no effect."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._read: dict[str, bytes | None] = {}
        self.shown = files.shown

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self._files.names()

    def held(self) -> AbstractContextManager[None]:
        """Hold the files themselves."""
        return self._files.held()

    def names(self) -> tuple[str, ...]:
        """Return the names at the time of the first call."""
        return self._names

    def read(self, name: str) -> bytes | None:
        """Return the bytes at the time of the first read of `name`."""
        if name not in self._read:
            self._read[name] = self._files.read(name)
        return self._read[name]


class Overlay:
    """Files of a folder, with the new content of some that are not written yet."""

    def __init__(self, files: Files | None, edited: Mapping[str, bytes]) -> None:
        """`files` is None for a new folder."""
        self._files, self._edited = files, edited
        self.shown = files.shown if files is not None else ""

    def held(self) -> AbstractContextManager[None]:
        """Hold the files below."""
        return self._files.held() if self._files is not None else nullcontext()

    def names(self) -> tuple[str, ...]:
        """Return the names of both."""
        return tuple(sorted({*(self._files.names() if self._files is not None else ()), *self._edited}))

    def read(self, name: str) -> bytes | None:
        """Return the new content of `name`, else that of its file."""
        if name in self._edited:
            return self._edited[name]
        return self._files.read(name) if self._files is not None else None


def _opened(root: Path, parts: tuple[str, ...]) -> int:
    """Return a descriptor of the file below `root`, opened folder by folder. Raises OSError if any part is a symbolic link."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        above = descriptor
        try:
            # O_NONBLOCK: opening a named pipe would otherwise wait for a writer, possibly forever.
            descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=above)
        finally:
            os.close(above)
    return descriptor


def _content(descriptor: int) -> bytes:
    """Return the content of an open regular file and close it. Raises ValueError for other files and above LARGEST_FILE."""
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        # One byte more than allowed: the file may have grown since `fstat`.
        content = file.read(LARGEST_FILE + 1) if status.st_size <= LARGEST_FILE else b""
        if max(status.st_size, len(content)) > LARGEST_FILE:
            raise ValueError(f"it has {max(status.st_size, len(content)):,} bytes; at most {LARGEST_FILE:,} are read")
        return content


def _refuse(error: OSError) -> None:
    raise FindingsReportError(_unreadable(display_path(Path(error.filename)), *system_fault(error)))


def _unreadable(shown: str, why: str, remedy: str | None = None) -> Problem:
    return Problem(Kind.INPUT, f"cannot be read: {why}", remedy, place=Place(shown), code="unreadable")


def find_folder(start: Path) -> Path:
    """Return the engagement's folder: `start`, its `findings` folder, or either of these for the nearest folder above.

    Raises FindingsReportError if no folder has an engagement.
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
    # Upwards, as git does: commands work from any folder of the engagement's repository.
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
    """The files below a folder in one commit. Symbolic links between these files are followed; any other link is an error."""

    def __init__(self, repository: git.Repository, commit: str, prefix: str, *, shown: str) -> None:
        """`commit` is a full hash; `prefix` the folder from the repository's root, POSIX, empty for the root itself."""
        self._repository = repository
        self._commit = commit
        self._folder = prefix
        self._prefix = f"{prefix}/" if prefix else ""
        self.shown = shown

    def held(self) -> AbstractContextManager[None]:
        """Hold nothing: a commit does not change."""
        return nullcontext()

    def names(self) -> tuple[str, ...]:
        """Return the paths of all files below the folder, without hidden files.

        Raises FindingsReportError if the folder is a symbolic link or a submodule.
        """
        found = [name for name, entry in self._entries.items() if entry.kind != "submodule"]
        if not found and self._folder:
            entry = self._repository.entry(self._commit, self._folder)
            if entry is not None and entry.kind != "folder":
                raise self._refused("", f"it is a {entry.kind} in that commit")
        if len(found) > MOST_FILES:
            raise self._refused("", f"it has more than {MOST_FILES:,} files")
        # The same rule as in `Folder`: a revision and its checkout give the same report, or the same error.
        for name in found:
            if self._entries[name].kind == "symlink" and (target := self._target(name)) and self._is_folder(target):
                raise self._refused(name, "it is a symbolic link to a folder, and those are not followed")
        return tuple(sorted(found))

    def read(self, name: str) -> bytes | None:
        """Return the bytes of the file `name`; None if the commit has no such file.

        Raises FindingsReportError for a link that leads out of the folder, and above LARGEST_FILE.
        """
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
        # The size first: git would decompress the whole blob to return it, and a small object can be very large then.
        size = self._size(where)
        if size > LARGEST_FILE:
            raise self._refused(name, f"it has {size:,} bytes; at most {LARGEST_FILE:,} are read")
        return self._repository.blob(entry.id)

    @property
    def submodules(self) -> tuple[str, ...]:
        """The paths of submodules below the folder. Their files belong to other repositories and are not read."""
        return tuple(sorted(name for name, entry in self._entries.items() if entry.kind == "submodule"))

    @cached_property
    def _entries(self) -> dict[str, git.TreeEntry]:
        """The entries below the folder that are not folders, without hidden ones, by relative path."""
        found = self._repository.tree(self._commit, self._folder)
        below = {path.removeprefix(self._prefix): entry for path, entry in found.items()}
        return {name: entry for name, entry in below.items() if not any(part.startswith(".") for part in name.split("/"))}

    def _target(self, name: str) -> str | None:
        """Return the target of the link `name` as a path below the folder; None if the link leads out of the folder."""
        # A link in a hostile commit is a blob of any size.
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
