"""Git objects by id, one by one or many at once: asked of `cat-file`, sized before they are read, and hashed after.

Only full ids are ever written to git, and nothing it answers is believed until the hash of the content is the id.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import select
import subprocess
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from findings_report.git import process
from findings_report.git.layout import ObjectFormat, refusal
from findings_report.problems import FindingsReportError, Kind, Problem

_COMMIT_TREE: Final = re.compile(rb"tree ([0-9a-f]{40}(?:[0-9a-f]{24})?)\n")

# Larger sources are generated or data; the limit bounds memory before anything is unpacked.
LARGEST_OBJECT: Final = 8 * 1024 * 1024
"""Bytes of the largest blob, tree or commit that is read: 8 MiB."""

LARGEST_SEARCHED: Final = 1024 * 1024
"""Bytes of the largest blob that `read_blobs` gives."""

# For a whole commit; the thousand regions of docs/performance.md take two seconds, so this ends only what hangs.
_SEARCH_SECONDS: Final = 120
_MOST_HEADERS: Final = 128 * 1024 * 1024
_ANSWER_SECONDS: Final = 30.0
_LONGEST_HEADER: Final = 256


class EntryKind(StrEnum):
    """The kind of entry at a path."""

    FILE = "file"
    """A file, executable or not."""
    SYMLINK = "symlink"
    """A symbolic link; its blob is the text of the target, which is never followed."""
    SUBMODULE = "submodule"
    """A commit of another repository; its files are not here."""
    FOLDER = "folder"
    """A folder."""


_KINDS: Final = {
    0o100000: EntryKind.FILE,
    0o120000: EntryKind.SYMLINK,
    0o160000: EntryKind.SUBMODULE,
    0o040000: EntryKind.FOLDER,
}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a tree."""

    kind: EntryKind
    """Its kind."""
    id: str
    """Id of the blob or tree; of a submodule, the other repository's commit."""


@dataclass(frozen=True)
class Header:
    """Kind and size that an object claims, before it is read."""

    kind: str
    """blob, tree, commit or tag."""
    size: int
    """Bytes."""


def tree_of_commit(content: bytes) -> str:
    """Id of a commit's root tree. Raises ValueError when the commit names none."""
    match = _COMMIT_TREE.match(content)
    if match is None:
        raise ValueError("it names no tree")
    return match[1].decode("ascii")


def parse_tree(content: bytes, *, id_size: int) -> dict[str, TreeEntry]:
    """Return the entries of a tree by name, in git's order; `id_size` is the length of an id in bytes.

    A name that is not UTF-8 is given with its odd bytes as `\\xff`. Raises ValueError, with what is wrong, for a tree that git
    itself would read in two ways: cut off, out of order, a name twice, empty or with a slash, an unknown mode.
    """
    entries: dict[str, TreeEntry] = {}
    before = b""
    position = 0
    while position < len(content):
        blank = content.find(b" ", position)
        nul = content.find(b"\0", blank)
        end = nul + 1 + id_size
        if blank < 0 or nul < 0 or end > len(content):
            raise ValueError("it is cut off")
        name = content[blank + 1 : nul]
        kind = _parse_kind(content[position:blank])
        order = name + b"/" if kind is EntryKind.FOLDER else name
        shown = name.decode("utf-8", "backslashreplace")
        if not name or b"/" in name:
            raise ValueError(f"it holds the name {shown!r}")
        if shown in entries:
            raise ValueError(f"it holds the name {shown!r} twice")
        # In a tree out of order, git lists a file that its look-up by path does not find.
        if order <= before:
            raise ValueError(f"its names are out of order at {shown!r}")
        entries[shown] = TreeEntry(kind, content[nul + 1 : end].hex())
        before, position = order, end
    return entries


class Objects:
    """The objects that the repository at `folder` can reach. Not for use by several threads at once."""

    def __init__(self, folder: Path, object_format: ObjectFormat, *, subject: str) -> None:
        environment = process.environment()
        self._format = object_format
        self._id_length = hashlib.new(object_format, usedforsecurity=False).digest_size * 2
        self._subject = subject
        self._headers = _Conversation("--batch-check", folder, environment)
        self._contents = _Conversation("--batch", folder, environment)
        self._hung_on: str | None = None

    def is_id(self, text: str) -> bool:
        """True when `text` is a full id in this repository's format: 40 or 64 lower-case hexadecimal digits."""
        return len(text) == self._id_length and set(text) <= set("0123456789abcdef")

    def header(self, id: str) -> Header | None:
        """Kind and size of an object as it claims them; None when it is not here. Raises FindingsReportError when damaged."""
        if not self.is_id(id):
            return None
        self._refuse_after_hanging()
        try:
            answer = self._headers.ask(id)
        except _NoAnswerError as error:
            raise self._unreadable(id, self._headers, error) from None
        parts = answer.split(b" ")
        if answer == f"{id} missing".encode():
            # Git says "missing" of a damaged object as well, but then complains of it by name.
            if self._headers.has_complained_of(id):
                raise self._unreadable(id, self._headers)
            return None
        if len(parts) != 3 or parts[0] != id.encode() or not parts[2].isdigit():
            raise self._unreadable(id, self._headers)
        return Header(parts[1].decode("ascii", "backslashreplace"), int(parts[2]))

    def read(self, id: str, header: Header) -> bytes:
        """Return the content of an object whose header is known. Raises when it is too large, damaged or not of its id."""
        if header.size > LARGEST_OBJECT:
            fault = f"{header.kind} {id} in {self._subject} has {header.size:,} bytes; at most {LARGEST_OBJECT:,} are read"
            raise self._error(fault, code="object-too-large")
        try:
            answer = self._contents.ask(id)
            if answer != f"{id} {header.kind} {header.size}".encode():
                raise self._unreadable(id, self._contents)
            content = self._contents.content(header.size)
        except _NoAnswerError as error:
            raise self._unreadable(id, self._contents, error) from None
        # `git cat-file` prints a loose object with wrong content and exits with 0 (git 2.39.5), so the hash is computed here.
        actual = self.id_of(header.kind, content)
        if actual != id:
            raise self.corrupt(header.kind, id, f"its content has the id {actual}")
        return content

    def id_of(self, kind: str, content: bytes) -> str:
        """Return the id of an object of this kind and content."""
        return hashlib.new(self._format, f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()

    def corrupt(self, kind: str, id: str, fault: str) -> FindingsReportError:
        """Return the error of an object that is not what it should be."""
        return self._error(f"{kind} {id} in {self._subject} is corrupt: {fault}", code="object-corrupt")

    def close(self) -> None:
        """End git's processes."""
        self._headers.close()
        self._contents.close()

    def _refuse_after_hanging(self) -> None:
        """One object that hangs git ends the run; waiting for each of thousands would hang it for good."""
        if self._hung_on is not None:
            fault = f"{self._subject} is not read any further: git did not answer for object {self._hung_on}"
            raise self._error(fault, code="object-corrupt")

    def _unreadable(self, id: str, conversation: _Conversation, error: _NoAnswerError | None = None) -> FindingsReportError:
        if isinstance(error, _HangingError):
            self._hung_on = id
        complaint = conversation.complaint() or "git gave no answer"
        conversation.close()
        return self._error(f"object {id} in {self._subject} cannot be read: {complaint}", code="object-corrupt")

    def _error(self, fault: str, *, code: str) -> FindingsReportError:
        remedy = None if code == "object-too-large" else "clone the repository again"
        return FindingsReportError(Problem(Kind.SOURCE, fault, remedy=remedy, code=code))


def _parse_kind(mode: bytes) -> EntryKind:
    if not re.fullmatch(rb"[0-7]{5,7}", mode) or (kind := _KINDS.get(int(mode, 8) & 0o170000)) is None:
        raise ValueError(f"it holds the mode {mode[:12].decode('ascii', 'backslashreplace')!r}")
    return kind


def write_object(folder: Path, kind: str, content: bytes, object_format: ObjectFormat) -> str:
    """Write a loose object into the private repository at `folder`, and return its id."""
    stored = f"{kind} {len(content)}\0".encode() + content
    id = hashlib.new(object_format, stored, usedforsecurity=False).hexdigest()
    file = folder / "objects" / id[:2] / id[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(stored, 1))
    return id


class _NoAnswerError(Exception):
    """Git ended without an answer."""


class _HangingError(_NoAnswerError):
    """Git gave no answer in time."""


@dataclass
class _Conversation:
    """One `git cat-file`: a line in, an answer out, and the next line only then."""

    mode: str
    folder: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    poll: select.poll = field(default_factory=select.poll)
    received: bytearray = field(default_factory=bytearray)

    @property
    def complaints(self) -> Path:
        """The file that takes git's standard error."""
        return self.folder / f"complaints{self.mode}"

    def ask(self, id: str) -> bytes:
        """Send one id; the first line of the answer. Raises _NoAnswerError."""
        child = self.process = self.process or self._start()
        assert child.stdin is not None  # noqa: S101  # started with a pipe, which the type of Popen does not know
        self.received.clear()
        try:
            child.stdin.write(id.encode("ascii") + b"\n")
        except OSError as error:
            raise _NoAnswerError from error
        while (end := self.received.find(b"\n")) < 0:
            if len(self.received) > _LONGEST_HEADER:
                raise _NoAnswerError
            self._receive()
        line = bytes(self.received[:end])
        del self.received[: end + 1]
        return line

    def content(self, size: int) -> bytes:
        """Return the next `size` bytes of the answer and the line end after them. Raises _NoAnswerError."""
        while len(self.received) < size + 1:
            self._receive()
        return bytes(self.received[:size])

    def complaint(self) -> str:
        """What git wrote on its standard error so far, fit to print."""
        return process.printable_fault(self.complaints.read_bytes()) if self.complaints.exists() else ""

    def has_complained_of(self, id: str) -> bool:
        """True when git's standard error names this object."""
        return self.complaints.exists() and id.encode() in self.complaints.read_bytes()

    def close(self) -> None:
        """End the process; the next question starts another."""
        if self.process is not None:
            assert self.process.stdout is not None  # noqa: S101  # started with a pipe
            self.poll.unregister(self.process.stdout)
            process.end_group(self.process)
            self.process = None
            with contextlib.suppress(OSError):  # its folder is removed after it
                self.complaints.unlink(missing_ok=True)

    def _receive(self) -> None:
        assert self.process is not None  # noqa: S101  # only called between a question and its answer
        assert self.process.stdout is not None  # noqa: S101  # started with a pipe
        # A named pipe among a hostile repository's objects, or one shorter than it claims, would make us wait forever.
        if not self.poll.poll(_ANSWER_SECONDS * 1000):
            raise _HangingError
        received = os.read(self.process.stdout.fileno(), 1 << 20)
        if not received:
            raise _NoAnswerError
        self.received += received

    def _start(self) -> subprocess.Popen[bytes]:
        with self.complaints.open("wb") as complaints:
            child = subprocess.Popen(
                process.command([f"--git-dir={self.folder}", "cat-file", self.mode]),
                cwd=self.folder,
                env=dict(self.environment),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
            )
        assert child.stdout is not None  # noqa: S101  # started with a pipe
        self.poll.register(child.stdout, select.POLLIN)
        return child


def read_blobs(
    folder: Path, object_format: ObjectFormat, ids: Iterable[str], *, subject: str
) -> Iterator[tuple[str, bytes | None]]:
    """Yield (id, content) of each blob: None for one that is not here; one larger than LARGEST_SEARCHED is left out.

    Many at once, in one pass and never all in memory: what a search of a whole commit needs. Raises FindingsReportError
    (SOURCE) when a blob is not what its id says, and after two minutes.
    """
    deadline = time.monotonic() + _SEARCH_SECONDS
    # Sizes first, as everywhere: a blob of a gigabyte fits into a loose object of one megabyte.
    sizes = _sizes(folder, list(dict.fromkeys(ids)), subject=subject)
    wanted = [id for id, size in sizes.items() if size is not None and size <= LARGEST_SEARCHED]
    yield from ((id, None) for id, size in sizes.items() if size is None)
    if not wanted:
        return
    with process.file_of(wanted) as asked:
        child = subprocess.Popen(
            process.command([f"--git-dir={folder}", "cat-file", "--batch", "--buffer"]),
            cwd=folder,
            # More than LARGEST_SEARCHED, because git unpacks the base of a delta, which may be larger than the blob.
            env=process.environment() | {"GIT_ALLOC_LIMIT": "64m"},
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        try:
            reader = _Reader(child, deadline, object_format, subject)
            yield from ((id, reader.content(id)) for id in wanted)
        finally:
            process.end_group(child)


def _sizes(folder: Path, ids: list[str], *, subject: str) -> dict[str, int | None]:
    """Bytes of each blob; None for what is not here or no blob."""
    if not ids:
        return {}
    with process.file_of(ids) as asked:
        answer = process.run(
            [f"--git-dir={folder}", "cat-file", "--batch-check", "--buffer"],
            environment=process.environment(),
            folder=folder,
            seconds=_SEARCH_SECONDS,
            most=_MOST_HEADERS,
            given=asked,
        )
    if answer.status != 0:
        raise _unsearchable(subject, answer.fault or "git gave no answer")
    sizes: dict[str, int | None] = dict.fromkeys(ids)
    for line in answer.output.split(b"\n"):
        parts = line.decode("ascii", "replace").split(" ")
        if len(parts) == 3 and parts[0] in sizes and parts[1] == "blob":
            sizes[parts[0]] = int(parts[2])
    return sizes


class _Reader:
    """The answers of one `cat-file`, taken in pieces."""

    def __init__(self, child: subprocess.Popen[bytes], deadline: float, object_format: ObjectFormat, subject: str) -> None:
        assert child.stdout is not None  # noqa: S101  # started with a pipe
        self._pipe = child.stdout.fileno()
        self._deadline = deadline
        self._format = object_format
        self._subject = subject
        self._received = bytearray()
        self._at = 0

    def content(self, id: str) -> bytes:
        header = self._line().split(b" ")
        if len(header) != 3 or header[0] != id.encode() or header[1] != b"blob":
            raise _unsearchable(self._subject, f"git gave no blob {id}")
        content = self._take(int(header[2]) + 1)[:-1]
        if (
            # `cat-file` does not check this: git serves a loose object whose content does not match its id (git 2.39.5).
            hashlib.new(self._format, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() != id
        ):
            raise _unsearchable(self._subject, f"blob {id} is corrupt")
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
            raise _unsearchable(self._subject, "git did not answer in time" if not ready else "git ended early")
        self._received += received


def _unsearchable(subject: str, fault: str) -> FindingsReportError:
    return refusal(f"{subject} cannot be searched: {fault}", code="search-failed")
