"""Many blobs at once, in one pass and never all in memory: what a search of a whole commit needs."""

from __future__ import annotations

import hashlib
import os
import select
import subprocess
import time
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import IO, Final

from findings_report.git import process
from findings_report.git.layout import refusal
from findings_report.git.repository import Repository
from findings_report.problems import FindingsReportError

LARGEST_SEARCHED: Final = 1024 * 1024
"""Bytes of the largest blob that is given."""

# For a whole commit; the thousand regions of docs/performance.md take two seconds, so this ends only what hangs.
_SECONDS: Final = 120
_MOST_HEADERS: Final = 128 * 1024 * 1024


def read_blobs(repository: Repository, ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield (id, content) of each blob: None for one that is not here; one larger than LARGEST_SEARCHED is left out.

    Raises FindingsReportError (SOURCE) when a blob is not what its id says, and after two minutes.
    """
    deadline = time.monotonic() + _SECONDS
    # Sizes first, as everywhere: a blob of a gigabyte fits into a loose object of one megabyte.
    sizes = _sizes(repository, list(dict.fromkeys(ids)))
    wanted = [id for id, size in sizes.items() if size is not None and size <= LARGEST_SEARCHED]
    yield from ((id, None) for id, size in sizes.items() if size is None)
    if not wanted:
        return
    with _file_of(wanted) as asked:
        child = subprocess.Popen(
            [process.program(), f"--git-dir={repository.folder}", "cat-file", "--batch", "--buffer"],
            cwd=repository.folder,
            # More than LARGEST_SEARCHED, because git unpacks the base of a delta, which may be larger than the blob.
            env=process.environment() | {"GIT_ALLOC_LIMIT": "64m"},
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        try:
            reader = _Reader(child, deadline, repository)
            yield from ((id, reader.content(id)) for id in wanted)
        finally:
            process.end_group(child)


def _sizes(repository: Repository, ids: list[str]) -> dict[str, int | None]:
    """Bytes of each blob; None for what is not here or no blob."""
    if not ids:
        return {}
    with _file_of(ids) as asked:
        answer = process.run(
            [f"--git-dir={repository.folder}", "cat-file", "--batch-check", "--buffer"],
            environment=process.environment(),
            folder=repository.folder,
            seconds=_SECONDS,
            most=_MOST_HEADERS,
            given=asked,
        )
    if answer.status != 0:
        raise _fault(repository, answer.fault or "git gave no answer")
    sizes: dict[str, int | None] = dict.fromkeys(ids)
    for line in answer.output.split(b"\n"):
        parts = line.decode("ascii", "replace").split(" ")
        if len(parts) == 3 and parts[0] in sizes and parts[1] == "blob":
            sizes[parts[0]] = int(parts[2])
    return sizes


def _file_of(ids: Iterable[str]) -> IO[bytes]:
    """Return an unnamed file of the ids, at its start: a pipe would have to be fed while git's answers are read."""
    asked = TemporaryFile()  # noqa: SIM115  # closed by who asks
    asked.write("".join(f"{id}\n" for id in ids).encode("ascii"))
    asked.seek(0)
    return asked


class _Reader:
    """The answers of one `cat-file`, taken in pieces."""

    def __init__(self, child: subprocess.Popen[bytes], deadline: float, repository: Repository) -> None:
        assert child.stdout is not None  # noqa: S101  # started with a pipe
        self._pipe = child.stdout.fileno()
        self._deadline = deadline
        self._repository = repository
        self._received = bytearray()
        self._at = 0

    def content(self, id: str) -> bytes:
        header = self._line().split(b" ")
        if len(header) != 3 or header[0] != id.encode() or header[1] != b"blob":
            raise _fault(self._repository, f"git gave no blob {id}")
        content = self._take(int(header[2]) + 1)[:-1]
        if (
            # `cat-file` does not check this: git serves a loose object whose content does not match its id (git 2.39.5).
            hashlib.new(
                self._repository.object_format, b"blob %d\0" % len(content) + content, usedforsecurity=False
            ).hexdigest()
            != id
        ):
            raise _fault(self._repository, f"blob {id} is corrupt")
        return content

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n", self._at)) < 0:
            self._receive()
        line = bytes(self._received[self._at : end])
        self._at = end + 1
        return line

    def _take(self, size: int) -> bytes:
        while len(self._received) - self._at < size:
            self._receive()
        taken = bytes(self._received[self._at : self._at + size])
        self._at += size
        return taken

    def _receive(self) -> None:
        del self._received[: self._at]
        self._at = 0
        ready, _, _ = select.select([self._pipe], [], [], max(0.0, self._deadline - time.monotonic()))
        received = os.read(self._pipe, 1 << 20) if ready else b""
        if not received:
            raise _fault(self._repository, "git did not answer in time" if not ready else "git ended early")
        self._received += received


def _fault(repository: Repository, fault: str) -> FindingsReportError:
    return refusal(f"repository '{repository.name}' cannot be searched: {fault}", code="search-failed")
