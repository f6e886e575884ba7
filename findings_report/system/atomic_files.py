"""Publishing bytes as files: a set of files is published completely or not at all.

Each file is written to a temporary file in its folder and synced; only then are all of them renamed. Signals wait until
all are, after an error between two renames the files that were replaced are put back, and after a kill the next run completes
the set or puts it back, see `journal`. New files are readable by their owner alone, because they contain a client's code.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import stat
import threading
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from types import FrameType, MappingProxyType

from findings_report.problems import FindingsReportError, Kind, Place, Problem, system_fault
from findings_report.system.journal import locked, open_journal, sync_folder

WRITTEN = "all files were written"
"""The message of a KeyboardInterrupt that waited for the end of `publish`."""

published: list[Path] = []
"""The files that this process has put in place, for an interrupt that has to say what was done."""

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
    current = Path()
    try:
        for path in files:
            current = path
            _refuse_folder_or_device(path)
            path.parent.mkdir(parents=True, exist_ok=True)
        with locked(*(path.parent for path in files)), open_journal(files) as journal:
            for file, (path, content) in zip(journal.files, files.items(), strict=True):
                current = path
                _stage(file.folder / file.staged, content, mode=_mode(path))
            _refuse_conflicts(new, read)
            with _signals_wait():
                try:
                    journal.make_ready()
                    for file, path in zip(journal.files, files, strict=True):
                        current = path
                        (file.folder / file.staged).replace(file.path)
                    for folder in journal.folders:
                        sync_folder(folder)
                except OSError:
                    journal.put_back()
                    raise
                journal.clear()
                published.extend(files)
    except OSError as error:
        raise FindingsReportError(_problem(current, error)) from None


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


def _stage(temporary: Path, content: bytes, *, mode: int) -> None:
    """Write a file beside the one that it will replace, sync it, and read it back. A rename works in one file system."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    # Read back before it takes the place of what may be the only copy: some network file systems report a full disk to nobody.
    if temporary.read_bytes() != content:
        raise OSError(errno.EIO, "it cannot be read back as it was written")


def _mode(path: Path) -> int:
    """Return the mode of the file that is replaced; 0600 for a new file, and for a link regardless of its target."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return 0o600
    return mode & 0o777 if stat.S_ISREG(mode) else 0o600


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


def _problem(path: Path, error: OSError) -> Problem:
    reason, remedy = _REASONS.get(error.errno or 0) or (error.strerror or str(error), system_fault(error)[1])
    return Problem(Kind.OUTPUT, f"cannot be written: {reason}", remedy, place=Place(str(path)), code="cannot-write")
