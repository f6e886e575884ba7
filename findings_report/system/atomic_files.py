"""Publishing bytes as files: a set of files is published completely or not at all.

Each file is written to a temporary file in its folder and synced; only then are all of them renamed. Signals wait until
all are, and after an error between two renames the files that were replaced are put back. New files are readable by
their owner alone, because they contain a client's code.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shlex
import shutil
import signal
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.system import cache

WRITTEN = "all files were written"
"""The message of a KeyboardInterrupt that waited for the end of `publish`."""

_LONGEST_WAIT: Final = 600.0
"""Seconds until a run that another one holds up gives up."""

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
    FindingsReportError (USAGE) if a file in `new` exists, else (OUTPUT). Then nothing has changed. SIGINT, SIGTERM and
    SIGHUP that arrive during the renames take effect after the last one.
    """
    staged: dict[Path, Path] = {}
    current = Path()
    try:
        for path, content in files.items():
            current = path
            _refuse_folder_or_device(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            staged[path] = _stage(path, content)
        with locked(*(path.parent for path in files)), _signals_wait(), _put_back_on_error() as originals:
            _refuse_conflicts(new, read)
            for path, temporary in staged.items():
                current = path
                # The rename of a single file needs no way back; another user's file that can be replaced but not read has none.
                if len(staged) > 1:
                    with contextlib.suppress(PermissionError):
                        originals[path] = _keep(path)
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
    temporary = _temporary_name(path)
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
def locked(*paths: Path, shared: bool = False) -> Iterator[None]:
    """Hold a lock on each path until the end of the block: other runs that want it wait, and readers do with `shared` as well.

    A folder's lock is the one of `publish`: readers that hold it shared see each set of files whole. A path that is no folder
    has a lock of its own, which holds up neither: for a command that must not run twice at once but may take minutes.
    A thread that holds a lock may take it again; no other thread or process has it then. Where a folder cannot be opened or
    its file system has no locks, the block runs without. Raises FindingsReportError (OUTPUT) after ten minutes.
    """
    with contextlib.ExitStack() as stack:
        # In one order, so that two runs cannot wait for each other.
        for path in sorted({Path(os.path.realpath(path)) for path in paths}):
            stack.enter_context(_lock(path, shared=shared))
        yield


class _HeldLocks(threading.local):
    """The locks of this thread: True if nobody shares it, by device and inode of the locked file."""

    def __init__(self) -> None:
        self.exclusive: dict[tuple[int, int], bool] = {}


_held = _HeldLocks()


@contextlib.contextmanager
def _lock(path: Path, *, shared: bool) -> Iterator[None]:
    descriptor = _open_for_lock(path)
    if descriptor is None:
        yield
        return
    try:
        status = os.fstat(descriptor)
        key = status.st_dev, status.st_ino
        if key in _held.exclusive:
            if not (shared or _held.exclusive[key]):
                raise RuntimeError(f"{path}: a shared lock cannot become one that nobody shares")
            yield
            return
        with contextlib.suppress(OSError):  # some network file systems have no locks; a report is written all the same
            _wait_for_lock(descriptor, path, shared=shared)
        _held.exclusive[key] = not shared
        try:
            yield
        finally:
            del _held.exclusive[key]
    finally:
        os.close(descriptor)


def _open_for_lock(path: Path) -> int | None:
    """Return a descriptor whose lock is that of `path`; None without rights."""
    with contextlib.suppress(OSError, FindingsReportError):
        if path.is_dir():
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # Not the file itself: it is replaced, and a lock stays with the replaced file.
        folder = cache.root() / "locks"
        cache.make_private(folder)
        name = hashlib.sha256(os.fsencode(path)).hexdigest()
        return os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return None


def _wait_for_lock(descriptor: int, path: Path, *, shared: bool) -> None:
    """Take the lock. Raises FindingsReportError (OUTPUT) after _LONGEST_WAIT seconds, and OSError where there are no locks."""
    deadline, pause = time.monotonic() + _LONGEST_WAIT, 0.001
    while True:
        try:
            return fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            # Bounded: in a shared folder anybody may hold the lock.
            if time.monotonic() > deadline:
                fault = "another run of findings-report is at work here, and did not end"
                problem = Problem(
                    Kind.OUTPUT, fault, "end it, then run the command again", place=Place(str(path)), code="locked"
                )
                raise FindingsReportError(problem) from None
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Let signals that end the program wait for the end of the block: half of a set is never published."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread is interrupted
        yield
        return
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature is that of a signal handler
        arrived.append(number)

    # A handler, because a mask of this thread would leave the signal to another thread of the process.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.signal(number, note) for number in numbers if signal.getsignal(number) is not None}
    is_complete = False
    try:
        yield
        is_complete = True
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if is_complete and signal.SIGINT in arrived and handlers[signal.SIGINT] is signal.default_int_handler:
            raise KeyboardInterrupt(WRITTEN)
        for arrival in dict.fromkeys(arrived):
            signal.raise_signal(arrival)


@contextlib.contextmanager
def _put_back_on_error() -> Iterator[dict[Path, Path | None]]:
    """Yield a dict for replaced files: their originals, None for a file that did not exist. An OSError puts them back.

    An original that cannot be put back keeps its second name.
    """
    originals: dict[Path, Path | None] = {}
    try:
        yield originals
    except OSError:
        for path, original in originals.items():
            with contextlib.suppress(OSError):  # the others are put back all the same
                if original is None:
                    path.unlink(missing_ok=True)
                else:
                    original.replace(path)
                    # Renaming one link of a file to another, of a file that was not replaced yet, does nothing.
                    original.unlink(missing_ok=True)
        raise
    for original in filter(None, originals.values()):
        original.unlink(missing_ok=True)


def _keep(path: Path) -> Path | None:
    """Give the file at `path`, or the link, a second name, and return it; None if there is nothing."""
    if not os.path.lexists(path):
        return None
    kept = _temporary_name(path)
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError:  # some file systems have no hard links
        try:
            shutil.copy2(path, kept, follow_symlinks=False)
        except OSError:
            kept.unlink(missing_ok=True)
            raise
    return kept


def _temporary_name(path: Path) -> Path:
    # authoring/files.py knows this name: such a file in findings/ means that a write was interrupted, which every
    # command reports.
    return path.parent / f".{path.name[:20]}.{secrets.token_hex(6)}.part"


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
