"""Where things that can be made again are kept: below the user's cache folder, readable by the owner alone."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path

from findings_report.errors import FindingsReportError, Kind, Place, Problem


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
