"""Where things that can be made again are kept: below the user's cache folder, readable by the owner alone."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Place, Problem


def root() -> Path:
    """The cache folder: `$XDG_CACHE_HOME/findings-report`, else `~/.cache/findings-report`. It need not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    if not base.startswith("/"):
        base = f"{os.environ.get('HOME') or '/nonexistent'}/.cache"
    return Path(base) / "findings-report"


def repository_folder(url: str) -> Path:
    """Where the clone of `url` is kept. It need not exist; its parent does, with mode 0700."""
    stem = (
        re.sub(r"[^A-Za-z0-9]+", "-", url.rstrip("/").removesuffix(".git").rpartition("/")[2]).strip("-")[:40] or "repository"
    )
    return root() / "repositories" / f"{stem}-{hashlib.sha256(url.encode()).hexdigest()[:16]}.git"


def make_private(folder: Path) -> None:
    """Creates `folder` and the cache above it with mode 0700, and takes the rights of others away where they are there.

    Raises FindingsReportError (OUTPUT) when that cannot be done, and for a folder of another user, who could change it.
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
        fault = f"the cache cannot be made: {error.strerror or error}"
        problem = Problem(Kind.OUTPUT, fault, "set XDG_CACHE_HOME to a folder you can write to", place=Place(str(folder)))
        raise FindingsReportError(problem) from None


_MOST_BYTES: Final = 512 * 2**20
_LONGEST_BYTES: Final = 64 * 2**20


class Entries:
    """Bytes by key, each in a file of its own, that may be gone at any time; what was used longest ago goes first.

    A file is believed when it is this user's alone, names its key and holds what its digest says; else it is removed. A file
    that cannot be read or written is the same as none.
    """

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        """`folder` is made, as `make_private` does it; together the files hold about `most_bytes` at most."""
        make_private(folder)
        self._folder, self._most_bytes = folder, most_bytes

    def get(self, key: str) -> bytes | None:
        """What was put under a key, which is a digest in hexadecimal; None when there is nothing to be believed."""
        file = self._folder / key
        try:
            with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
                status = os.fstat(stream.fileno())
                own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
                entry = stream.read(_LONGEST_BYTES + 1) if own else b""
            head = len(_seal(key, b""))
            content = entry[head:]
            if entry[:head] == _seal(key, content):
                os.utime(file)
                return content
            file.unlink()
        except OSError:
            pass
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keeps `content` under `key`, unless it is huge; other entries make room."""
        if len(content) > _LONGEST_BYTES - 1024:
            return
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".")
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(_seal(key, content) + content)
            Path(name).replace(self._folder / key)

    def trim(self) -> None:
        """Removes what was used longest ago until the rest is within bounds."""
        known: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError), os.scandir(self._folder) as files:
            for file in files:
                status = file.stat(follow_symlinks=False)
                known.append((status.st_mtime, status.st_size, Path(file.path)))
        excess = sum(size for _, size, _ in known) - self._most_bytes
        for _, size, path in sorted(known):
            if excess <= 0:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                excess -= size


def _seal(key: str, content: bytes) -> bytes:
    return f"findings-report 1 {key} {hashlib.sha256(content).hexdigest()}\n".encode("ascii")
