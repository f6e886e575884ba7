"""Small plain files of a repository under audit: opened without following a link, waiting for a pipe, or trusting a size."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal

ObjectFormat = Literal["sha1", "sha256"]
"""What a repository's ids are made with."""

_LARGEST: Final = 4 * 1024 * 1024
_SECTION: Final = re.compile(r"\s*\[\s*(?P<name>[^\]]*?)\s*\](?P<rest>.*)")
_FORMAT: Final = re.compile(r'\s*objectformat\s*=\s*"?(?P<value>[^"#;\s]*)', re.IGNORECASE)


@contextmanager
def open_plain(path: Path, *, largest: int) -> Iterator[BinaryIO | None]:
    """The file at `path`, open for reading; None when there is none.

    Raises ValueError for anything but a plain file of at most `largest` bytes, OSError for a link and what cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
            raise ValueError(f"{path} is not a small plain file")
        yield file


def read_plain(path: Path) -> str | None:
    """The text of a file of at most 4 MiB; None when there is none. Raises as `open_plain` does."""
    with open_plain(path, largest=_LARGEST) as file:
        return None if file is None else os.fsdecode(file.read(_LARGEST))


def object_format_in(config: str) -> ObjectFormat:
    """The one thing that is taken from a repository's configuration; sha1 when it says nothing.

    Whatever else stands there, malformed lines and includes too, is passed over. Raises ValueError for another format.
    """
    found, section = "sha1", ""
    for line in config.splitlines():
        if header := _SECTION.match(line):
            section = header["name"].lower()
        setting = _FORMAT.match(header["rest"] if header else line)
        if setting and section == "extensions":
            found = setting["value"].lower()
    if found not in ("sha1", "sha256"):
        raise ValueError(f"its ids are made in a way that is not known here: {found!r}")
    return "sha1" if found == "sha1" else "sha256"
