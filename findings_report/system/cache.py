"""Files that can be made again, below the user's cache folder and readable by the owner alone.

Clones of repositories (`repository_folder`) and, as `FileCache`, rendered parts and pages. All of them contain client code.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Place, Problem

_MOST_BYTES: Final = 512 * 2**20
_LONGEST_ENTRY_BYTES: Final = 64 * 2**20

_UNFINISHED: Final = "."
"""The beginning of the name of an entry that is being written; those of keys are digits."""


def root() -> Path:
    """Return the cache folder: `$XDG_CACHE_HOME/findings-report`, else `~/.cache/findings-report`. It need not exist."""
    # A relative XDG_CACHE_HOME is invalid and to be ignored. Source: XDG Base Directory Specification 0.8.
    base = os.environ.get("XDG_CACHE_HOME") or ""
    if not base.startswith("/"):
        base = f"{os.environ.get('HOME') or '/nonexistent'}/.cache"
    return Path(base) / "findings-report"


def repository_folder(url: str) -> Path:
    """Return the folder for the clone of `url`. Neither the folder nor its parent need exist; see `make_private`."""
    # The name is for people who look into the cache; the digest alone makes it unique.
    stem = (
        re.sub(r"[^A-Za-z0-9]+", "-", url.rstrip("/").removesuffix(".git").rpartition("/")[2]).strip("-")[:40] or "repository"
    )
    return root() / "repositories" / f"{stem}-{hashlib.sha256(url.encode()).hexdigest()[:16]}.git"


def make_private(folder: Path) -> None:
    """Create `folder` and the cache above it with mode 0700; existing folders lose the rights of other users.

    Raises FindingsReportError (OUTPUT) if that fails, and for a folder of another user, who could change what is read from it.
    """
    try:
        for part in (root(), folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = part.stat()
            if status.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "it belongs to another user")
            if status.st_mode & 0o077:
                part.chmod(0o700)
    except OSError as error:
        fault = f"the cache folder cannot be created: {error.strerror or error}"
        problem = Problem(
            Kind.OUTPUT, fault, "set XDG_CACHE_HOME to a folder you can write to", place=Place(str(folder)), code="cannot-write"
        )
        raise FindingsReportError(problem) from None


class FileCache:
    """Bytes by key, each in a file of its own; the least recently used are removed first.

    An entry may disappear at any time. It is used only if its file belongs to this user alone, names its key and
    matches its digest; otherwise the file is removed. A file that cannot be read or written counts as absent: a cache
    must not end a build.
    """

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        """Create `folder` as `make_private` does. `most_bytes` limits all files together, after `trim`."""
        make_private(folder)
        self._folder, self._most_bytes = folder, most_bytes

    def get(self, key: str) -> bytes | None:
        """Return what `put` stored under `key`, a digest in hexadecimal; None if there is no valid entry."""
        file = self._folder / key
        try:
            with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
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
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith(_UNFINISHED):
                    _remove_unlocked(Path(entry.path))
                    continue
                status = entry.stat(follow_symlinks=False)
                files.append((status.st_mtime, status.st_size, Path(entry.path)))
        excess = sum(size for _, size, _ in files) - self._most_bytes
        for _, size, path in sorted(files):
            if excess <= 0:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                excess -= size


def _remove_unlocked(file: Path) -> None:
    with contextlib.suppress(OSError), os.fdopen(os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink()


def _seal(key: str, content: bytes) -> bytes:
    """Return the first line of an entry's file: format, key and digest. All seals have the same length."""
    return f"findings-report 1 {key} {hashlib.sha256(content).hexdigest()}\n".encode("ascii")
