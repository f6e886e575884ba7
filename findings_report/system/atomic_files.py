"""Publishing bytes as files: a set of files is published completely or not at all.

Each file is written to a temporary file in its folder and synced; only then are all of them renamed. An error before
the first rename leaves everything unchanged. New files are readable by their owner alone, because they contain a
client's code.
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
from types import MappingProxyType

from findings_report.problems import FindingsReportError, Kind, Place, Problem

_REASONS = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EROFS: ("the file system is read-only", "choose another folder with -o"),
    errno.EACCES: ("permission denied", "choose another folder with -o"),
    errno.EPERM: ("permission denied", "choose another folder with -o"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "choose another folder with -o"),
    errno.EEXIST: ("a part of the path is a file or a broken link", "choose another folder with -o"),
    errno.EISDIR: ("it is a folder", "name a file, or end the path with / for a folder"),
    errno.ENODEV: ("it is a device or a pipe, not a file", "use `-o -` for standard output, or name a file"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one with -o"),
}


def publish(
    files: Mapping[Path, bytes], *, new: Set[Path] = frozenset(), read: Mapping[Path, bytes] = MappingProxyType({})
) -> None:
    """Write every file, and create folders as needed.

    Files in `new` must not exist yet, and files in `read` must still have the content given there. Raises
    FindingsReportError (USAGE) if a file in `new` exists, else (OUTPUT). Then nothing has changed, unless the error
    came while the finished files were renamed.
    """
    staged: dict[Path, Path] = {}
    current = Path()
    try:
        for path, content in files.items():
            current = path
            _refuse_folder_or_device(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            staged[path] = _stage(path, content)
        with _locked({path.parent for path in files}):
            _refuse_conflicts(new, read)
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


def publish_new(files: Mapping[Path, bytes]) -> None:
    """Write files that must not exist yet; otherwise as `publish`."""
    publish(files, new=files.keys())


def publish_edited(files: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Replace files that people write; otherwise as `publish`. Of each file: the content that was read, and the new content.

    Raises FindingsReportError (OUTPUT), before any is written, if one has changed since it was read or is read-only.
    """
    publish({path: content for path, (_, content) in files.items()}, read={path: was for path, (was, _) in files.items()})


def _refuse_conflicts(new: Set[Path], read: Mapping[Path, bytes]) -> None:
    """Raise FindingsReportError for a file in `new` that exists, and for one in `read` that is not as it was read.

    Checked under the lock, right before the rename: `track --update` reads seconds earlier, and what somebody saved in between
    would be lost.
    """
    if taken := sorted(path for path in new if os.path.lexists(path)):
        fault = "exists already and was not changed"
        raise FindingsReportError(Problem(Kind.USAGE, fault, place=Place(str(taken[0])), code="taken"))
    for path, was in read.items():
        if not path.lstat().st_mode & 0o222:
            fault, remedy = "cannot be written: it is read-only", f"chmod u+w {shlex.quote(str(path))}"
        elif path.is_symlink() or path.read_bytes() != was:
            fault, remedy = "was changed while the command ran; nothing was written", "run it again"
        else:
            continue
        raise FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, place=Place(str(path)), code="changed"))


def _refuse_folder_or_device(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    if path.exists() and not path.is_file():  # a rename would put a file in the place of /dev/null itself
        raise OSError(errno.ENODEV, "is no file")


def _stage(path: Path, content: bytes) -> Path:
    """Write a temporary file in the folder of `path`, sync it, and return its path.

    It is in that folder because a rename works only within one file system.
    """
    # authoring/files.py knows this name: such a file in findings/ means that a write was interrupted, which every
    # command reports.
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
    """Return the mode of the file that is replaced; 0600 for a new file, and for a link regardless of its target."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return 0o600
    return mode & 0o777 if stat.S_ISREG(mode) else 0o600


@contextlib.contextmanager
def _locked(folders: set[Path]) -> Iterator[None]:
    """Lock the folders against another run of this program, so that two runs do not mix their files."""
    with contextlib.ExitStack() as stack:
        for folder in sorted(folders):  # in one order, so that two runs cannot wait for each other
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            with contextlib.suppress(OSError):  # some network file systems have no locks; a report is written all the same
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
