"""Small real repositories, the same bytes each time: fixed author and dates, no configuration of the machine's."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from findings_report.problems import FindingsReportError, Problem

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
}


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """Another repository's commit."""

    commit: str


Content = bytes | str | Link | Submodule | None


@dataclass(frozen=True)
class Commit:
    """One commit on the branch main, a day after the one before."""

    files: Mapping[str, Content] = field(default_factory=dict)
    """What changes: path to content; None removes. Bytes of a path that are not UTF-8 stand as os.fsdecode gives them."""
    message: str = "Change"
    tag: str | None = None
    """An annotated tag on it."""


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    """What git prints, run in `folder`."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=ENVIRONMENT, input=given, capture_output=True, check=True).stdout.decode()


def build(path: Path, commits: Sequence[Commit], *, object_format: str = "sha1", bare: bool = False) -> list[str]:
    """Make a repository at `path` with these commits, the last checked out unless bare; their full hashes in order."""
    options = ["--bare"] if bare else []
    path.mkdir(parents=True, exist_ok=True)
    git(path, "init", "--quiet", "--initial-branch=main", f"--object-format={object_format}", *options)
    marks = path / ("marks" if bare else ".git/marks")
    stream = b"".join(_commit(number, commit) for number, commit in enumerate(commits, start=1))
    git(path, "fast-import", "--quiet", f"--export-marks={marks.absolute()}", given=stream)
    if not bare:
        git(path, "reset", "--quiet", "--hard")
    by_mark = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    return [by_mark[f":{number}"] for number in range(1, len(commits) + 1)]


def write_object(git_directory: Path, kind: str, content: bytes, *, id: str | None = None, algorithm: str = "sha1") -> str:
    """Write a loose object as it stands, malformed or under an `id` that is not its own; the id."""
    stored = f"{kind} {len(content)}\0".encode() + content
    name = id or hashlib.new(algorithm, stored).hexdigest()
    file = git_directory / "objects" / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(zlib.compress(stored, 1))
    return name


def problem_of(call: Callable[[], object]) -> Problem:
    """The one problem that `call` raises."""
    with pytest.raises(FindingsReportError) as caught:
        call()
    (problem,) = caught.value.problems
    return problem


def _commit(number: int, commit: Commit) -> bytes:
    who = f"Ada <ada@example.org> {1_577_836_800 + 86_400 * number} +0000"
    parts = [
        f"commit refs/heads/main\nmark :{number}\nauthor {who}\ncommitter {who}\n".encode(),
        _data(commit.message.encode()),
    ]
    parts += [_change(path, content) for path, content in commit.files.items()]
    if commit.tag:
        parts += [f"tag {commit.tag}\nfrom :{number}\ntagger {who}\n".encode(), _data(commit.tag.encode())]
    return b"".join(parts)


def _change(path: str, content: Content) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    quoted = b'"' + os.fsencode(escaped) + b'"'
    match content:
        case None:
            return b"D " + quoted + b"\n"
        case Submodule(other):
            return b"M 160000 " + other.encode() + b" " + quoted + b"\n"
        case Link(target):
            return b"M 120000 inline " + quoted + b"\n" + _data(os.fsencode(target))
        case _:
            return b"M 100644 inline " + quoted + b"\n" + _data(content.encode() if isinstance(content, str) else content)


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"
