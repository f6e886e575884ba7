"""Files that can be made again, below the user's cache folder and readable by the owner alone.

Clones of repositories (`repository_folder`) and, as `FileCache`, rendered parts and pages, by engagement (`page_cache`). All of
them contain client code, and what is only for some of a report's readers.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from findings_report.problems import FindingsReportError, Kind, Place, Problem

_MOST_BYTES: Final = 512 * 2**20
_LONGEST_ENTRY_BYTES: Final = 64 * 2**20

_UNFINISHED: Final = "."
"""The beginning of the name of an entry that is being written; those of keys are digits."""

_LONGEST_NAME: Final = 4096
"""Bytes of a path."""

_CAREFUL: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How entries are opened: through no link, and without waiting for the other end of a pipe that somebody has put there."""

_PAGES: Final = "pages"
_CLONES: Final = "repositories"
_ENGAGEMENT: Final = "engagement"
"""The file in a folder of pages that has the path of their engagement."""


def root() -> Path:
    """Return the cache folder: `$XDG_CACHE_HOME/findings-report`, else `~/.cache/findings-report`. It need not exist.

    Without a HOME, as in a cron job or a container, it is that of the user's entry in the system's list, else among temporary
    files: a folder of this user alone, as `make_private` sees to.
    """
    # A relative XDG_CACHE_HOME is invalid and to be ignored. Source: XDG Base Directory Specification 0.8.
    base = os.environ.get("XDG_CACHE_HOME") or ""
    if not base.startswith("/"):
        home = os.environ.get("HOME") or _home_of_user()
        if not home:
            return Path(tempfile.gettempdir()) / f"findings-report-cache-{os.geteuid()}"
        base = f"{home}/.cache"
    return Path(base) / "findings-report"


def _home_of_user() -> str | None:
    """Return the home of this user, if it is there and theirs: root could create any."""
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
        return home if os.stat(home).st_uid == os.geteuid() else None  # noqa: PTH116  # an empty name is no folder
    except (KeyError, OSError):
        return None


def repository_folder(url: str) -> Path:
    """Return the folder for the clone of `url`. Neither the folder nor its parent need exist; see `make_private`."""
    return root() / _CLONES / f"{_named(url.rstrip('/').removesuffix('.git'), url, 'repository')}.git"


def pages_folder(engagement: Path) -> Path:
    """Return the folder for the pages of the engagement in the folder `engagement`. It need not exist."""
    path = str(engagement.resolve())
    return root() / _PAGES / _named(path.removesuffix("/findings"), path, "engagement")


def _named(shown: str, full: str, other: str) -> str:
    # The last name is for people who look into the cache; the digest alone makes it unique.
    stem = re.sub(r"[^A-Za-z0-9]+", "-", shown.rpartition("/")[2]).strip("-")[:40] or other
    return f"{stem}-{hashlib.sha256(os.fsencode(full)).hexdigest()[:16]}"


def page_cache(engagement: Path) -> FileCache:
    """Return the cache of an engagement's pages. All engagements together have at most 512 MiB, after `trim`.

    The key of an entry is the digest of all that it was made of, the audience of an edition included. Raises as `make_private`.
    """
    folder = pages_folder(engagement)
    cache = FileCache(folder, limited_with=root() / _PAGES)
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / _ENGAGEMENT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _CAREFUL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(engagement.resolve()))
    return cache


@dataclass(frozen=True)
class CachedFolder:
    """What the cache has of one engagement or repository."""

    kind: Literal["pages", "clone"]
    """Pages of an engagement, or a clone of a repository."""
    name: str
    """The engagement's folder; of a clone the name of its folder in the cache."""
    folder: Path
    """Where it is in the cache."""
    files: int
    """Number of files."""
    size: int
    """Bytes of the files."""
    last_used: float
    """When the newest of them was last used, in seconds since 1970."""


def list_cached() -> list[CachedFolder]:
    """Return what is in the cache, most recently used first. Raises FindingsReportError (OUTPUT) if it cannot be read."""
    listed: list[CachedFolder] = []
    try:
        for kind, above in (("pages", root() / _PAGES), ("clone", root() / _CLONES)):
            for folder in sorted(above.iterdir()) if above.is_dir() else ():
                files = [file.lstat() for file in ([folder] if not folder.is_dir() else folder.rglob("*"))]
                files = [status for status in files if not stat.S_ISDIR(status.st_mode)]
                name = _read_name(folder) if kind == "pages" else folder.name
                size, used = sum(status.st_size for status in files), max((status.st_mtime for status in files), default=0.0)
                listed.append(CachedFolder("pages" if kind == "pages" else "clone", name, folder, len(files), size, used))
    except OSError as error:
        raise _unusable("the cache cannot be read", root(), error) from None
    return sorted(listed, key=lambda cached: -cached.last_used)


def _read_name(folder: Path) -> str:
    """Return the engagement's folder; the name of the file or folder in the cache where it is not recorded."""
    with contextlib.suppress(OSError), os.fdopen(os.open(folder / _ENGAGEMENT, os.O_RDONLY | _CAREFUL), "rb") as file:
        return os.fsdecode(file.read(_LONGEST_NAME) or b"") or folder.name
    return folder.name


def remove_cached(cached: Iterable[CachedFolder]) -> None:
    """Remove folders of the cache. A running build goes on without them. Raises FindingsReportError (OUTPUT) if that fails."""
    for entry in cached:
        try:
            if entry.folder.is_dir() and not entry.folder.is_symlink():
                shutil.rmtree(entry.folder)
            else:
                entry.folder.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable("cannot be removed from the cache", entry.folder, error) from None


def _unusable(fault: str, folder: Path, error: OSError) -> FindingsReportError:
    remedy = "set XDG_CACHE_HOME to a folder you can write to"
    fault = f"{fault}: {error.strerror or error}"
    return FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, place=Place(str(folder)), code="cannot-write"))


def make_private(folder: Path) -> None:
    """Create `folder` and the cache above it with mode 0700; existing folders lose the rights of other users.

    Raises FindingsReportError (OUTPUT) if that fails, and for a folder of another user, who could change what is read from it.
    """
    try:
        between = [part for part in reversed(folder.parents) if part.is_relative_to(root()) and part != root()]
        for part in (root(), *between, folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Where everybody may write, somebody may have put a link to a folder of this user.
            status = part.lstat() if part.parent.stat().st_mode & stat.S_IWOTH else part.stat()
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "it is a link in a folder of everybody")
            if status.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "it belongs to another user")
            if status.st_mode & 0o077:
                part.chmod(0o700)
    except OSError as error:
        raise _unusable("the cache folder cannot be created", folder, error) from None


class FileCache:
    """Bytes by key, each in a file of its own; the least recently used are removed first.

    An entry may disappear at any time. It is used only if its file belongs to this user alone, names its key and
    matches its digest; otherwise the file is removed. A file that cannot be read or written counts as absent: a cache
    must not end a build.
    """

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES, limited_with: Path | None = None) -> None:
        """Create `folder` as `make_private` does. `most_bytes` limits all files together, after `trim`.

        With `limited_with`, a folder above, it limits the files of all folders there together.
        """
        make_private(folder)
        self._folder, self._most_bytes, self._all = folder, most_bytes, limited_with or folder

    def get(self, key: str) -> bytes | None:
        """Return what `put` stored under `key`, a digest in hexadecimal; None if there is no valid entry."""
        file = self._folder / key
        try:
            with os.fdopen(os.open(file, os.O_RDONLY | _CAREFUL), "rb") as stream:
                status = os.fstat(stream.fileno())
                own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
                entry = stream.read(_LONGEST_ENTRY_BYTES + 1) if own else b""
            head = len(_seal(key, b""))
            content = entry[head:]
            if entry[:head] == _seal(key, content):
                os.utime(file)  # `trim` goes by it: many file systems do not record when a file was read
                return content
            file.unlink()
        except OSError:
            pass
        return None

    def put(self, key: str, content: bytes) -> None:
        """Store `content` under `key`, unless it is longer than 64 MiB."""
        if len(content) > _LONGEST_ENTRY_BYTES - 1024:
            return
        with contextlib.suppress(OSError):
            # mkstemp creates the file with mode 0600, and the rename makes it complete for every other process.
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=_UNFINISHED)
            with os.fdopen(descriptor, "wb") as stream:
                with contextlib.suppress(OSError):  # `trim` removes those that nobody has locked
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stream.write(_seal(key, content) + content)
                stream.flush()
                Path(name).replace(self._folder / key)

    def trim(self) -> None:
        """Remove the least recently used files until the others are within the limit, and what killed runs did not finish."""
        files: list[tuple[float, int, Path]] = []
        folders = [self._all]
        while folders:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(Path(entry.path))
                    elif entry.name.startswith(_UNFINISHED):
                        _remove_unlocked(Path(entry.path))
                    elif entry.name != _ENGAGEMENT:
                        files.append((status.st_mtime, status.st_size, Path(entry.path)))
        excess = sum(size for _, size, _ in files) - self._most_bytes
        for _, size, path in sorted(files):
            if excess <= 0:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                excess -= size


def _remove_unlocked(file: Path) -> None:
    with contextlib.suppress(OSError), os.fdopen(os.open(file, os.O_RDWR | _CAREFUL), "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink()


def _seal(key: str, content: bytes) -> bytes:
    """Return the first line of an entry's file: format, key and digest. All seals have the same length."""
    return f"findings-report 1 {key} {hashlib.sha256(content).hexdigest()}\n".encode("ascii")
