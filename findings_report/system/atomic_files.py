"""Bytes become files, all or none, and never half of one.

A set of files is first written beside its places, made durable, and only then put in place; a fault before that leaves
everything as it was. New files are readable by their owner alone: they hold a client's code.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shlex
import stat
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from findings_report.problems import FindingsReportError, Kind, Place, Problem

_REASONS = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EROFS: ("the file system is read-only", "choose another folder with -o"),
    errno.EACCES: ("there is no right to write there", "choose another folder with -o"),
    errno.EPERM: ("there is no right to write there", "choose another folder with -o"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "choose another folder with -o"),
    errno.EEXIST: ("a part of the path is a file or leads nowhere", "choose another folder with -o"),
    errno.EISDIR: ("it is a folder", "name a file, or end the name in / to mean the folder"),
    errno.ENODEV: ("it is a device or a pipe, not a file", "use `-o -` for standard output, or name a file"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one with -o"),
}


def publish(files: Mapping[Path, bytes]) -> None:
    """Puts every file in place, creating folders as needed. Raises FindingsReportError (OUTPUT); then nothing has changed
    unless the fault came while the finished files were being renamed, which it says.
    """
    _publish(files, frozenset())


def publish_new(files: Mapping[Path, bytes]) -> None:
    """As `publish`, for files that must not be there yet: raises FindingsReportError (USAGE) when one is, and writes none."""
    _publish(files, files.keys())


def publish_edited(files: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """As `publish`, for files that people write: of each what was read of it, and what it is to be.

    Raises FindingsReportError (OUTPUT), and writes none, when one is another by now, or is not to be written.
    """
    _publish(
        {path: content for path, (_, content) in files.items()}, frozenset(), {path: was for path, (was, _) in files.items()}
    )


def _publish(files: Mapping[Path, bytes], new: Set[Path], read: Mapping[Path, bytes] | None = None) -> None:
    staged: dict[Path, Path] = {}
    current = Path()
    try:
        for path, content in files.items():
            current = path
            _refuse_what_is_no_file(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            staged[path] = _stage(path, content)
        with _locked({path.parent for path in files}):
            _refuse_taken(new)
            _refuse_changed(read or {})
            for path, temporary in staged.items():
                current = path
                temporary.replace(path)
        for folder in {path.parent for path in files}:
            _sync_folder(folder)
    except OSError as error:
        raise FindingsReportError(_problem(current, error)) from None
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _refuse_taken(new: Set[Path]) -> None:
    if taken := sorted(path for path in new if os.path.lexists(path)):
        fault = "is there already, and stays as it is"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(str(taken[0])), code="taken"))


def _refuse_changed(read: Mapping[Path, bytes]) -> None:
    """Looked at in the last moment: what somebody saved in the meantime would be lost."""
    for path, was in read.items():
        if not path.lstat().st_mode & 0o222:
            fault, remedy = "cannot be written: it is read-only", f"chmod u+w {shlex.quote(str(path))}"
        elif path.is_symlink() or path.read_bytes() != was:
            fault, remedy = "was changed while this was at work; nothing was written", "run it again"
        else:
            continue
        raise FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, place=Place(str(path)), code="changed"))


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    if path.exists() and not path.is_file():  # a rename would put a file in the place of /dev/null itself
        raise OSError(errno.ENODEV, "is no file")


def _stage(path: Path, content: bytes) -> Path:
    """A finished, durable temporary file in the folder of `path`."""
    # `store` knows this name: where one is left in findings/, a write was interrupted, which has to be said.
    temporary = path.parent / f".{path.name[:20]}.{secrets.token_hex(6)}.part"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _mode(path))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _mode(path: Path) -> int:
    """The rights of the file that is replaced; a new one is its owner's alone, whatever a link in its place leads to."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return 0o600
    return mode & 0o777 if stat.S_ISREG(mode) else 0o600


@contextlib.contextmanager
def _locked(folders: set[Path]) -> Iterator[None]:
    """Holds the folders against another run of this program, so that two runs do not mix their files."""
    with contextlib.ExitStack() as stack:
        for folder in sorted(folders):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            with contextlib.suppress(OSError):  # some network file systems have no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError:  # some file systems cannot sync a folder; the files themselves are durable
        pass
    finally:
        os.close(descriptor)


def _problem(path: Path, error: OSError) -> Problem:
    reason, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
    return Problem(Kind.OUTPUT, f"cannot be written: {reason}", remedy, place=Place(str(path)), code="cannot-write")
