"""Locks on folders, and what a run that was killed leaves: half of a set of files, staged files, temporary folders.

Each set of files has a journal until it is published. Journals are in the user's own state folder, and not beside the files: an
engagement may come from a stranger, and a journal that came with it would decide over the files of whoever reads it. The next
run takes over the journals that no process holds locked, and completes each set or puts its files back.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path

_LONGEST_WAIT: Final = 600.0
"""Seconds until a run that another one holds up gives up."""

_LONGEST_KEPT: Final = 90 * 24 * 60 * 60
"""Seconds after which the journal of folders that are not here is removed."""

_MOST_NAMED: Final = 5
"""Files that a note names."""

_STAGED: Final = re.compile(r"\..{1,20}\.[0-9a-f]{12}\.part\Z", re.DOTALL)
"""The name of a file that is written and not yet in place."""

_KEPT: Final = re.compile(r"\..{1,20}\.[0-9a-f]{12}\.kept\Z", re.DOTALL)
"""The second name of a file that is being replaced. Never swept: it may be the only copy of what a person wrote."""

_PREFIX: Final = ".findings-report-"
_TEMPORARY: Final = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}\.tmp\Z")

Identity = tuple[int, int, int]
"""Inode, time of modification in nanoseconds, and size: not the same once somebody wrote or replaced the file."""

notes: list[Problem] = []
"""What was done about earlier runs that were killed, until it is printed."""


# --- Locks


@contextlib.contextmanager
def locked(*paths: Path, shared: bool = False) -> Iterator[None]:
    """Hold a lock on each path until the end of the block: other runs that want it wait, and readers do with `shared` as well.

    A folder's lock is the one of `publish`: readers that hold it shared see each set of files whole, also after a run was
    killed. A path that is no folder has a lock of its own, which holds up neither: for a command that must not run twice at
    once but may take minutes. A thread that holds a lock may take it again; no other thread or process has it then.

    Where a folder cannot be opened or its file system has no locks, the block runs without. Raises FindingsReportError (OUTPUT)
    after ten minutes, and if a set in one of the folders can neither be completed nor put back.
    """
    # In one order, so that two runs cannot wait for each other.
    wanted = sorted({Path(os.path.realpath(path)) for path in paths})
    deadline = time.monotonic() + _LONGEST_WAIT
    while True:
        failed = finish_killed_runs()
        with contextlib.ExitStack() as stack:
            taken = {path for path in wanted if stack.enter_context(_lock(path, deadline, shared=shared))}
            # Under the lock of its folder no run is at work on a set: one that has a journal was killed just now.
            half = [path for path in _journals() if (journal := _read(path)) and not taken.isdisjoint(journal.folders)]
            if not half:
                for folder in taken:
                    _sweep(folder)
                yield
                return
        if failures := [failed[path] for path in half if path in failed]:
            raise FindingsReportError(failures)
        _pause_until(deadline, wanted[0])


class _HeldLocks(threading.local):
    """The locks of this thread: True if nobody shares it, by device and inode of the locked file."""

    def __init__(self) -> None:
        self.exclusive: dict[tuple[int, int], bool] = {}


_held = _HeldLocks()


@contextlib.contextmanager
def _lock(path: Path, deadline: float, *, shared: bool) -> Iterator[bool]:
    """Hold the lock of one path; False for one that has none, or that this thread holds already."""
    descriptor = _open_for_lock(path)
    if descriptor is None:
        yield False
        return
    try:
        try:
            status = os.fstat(descriptor)
        except OSError:
            yield False
            return
        key = status.st_dev, status.st_ino
        if key in _held.exclusive:
            if not (shared or _held.exclusive[key]):
                raise RuntimeError(f"{path}: a shared lock cannot become one that nobody shares")
            yield False
            return
        has_locks = False
        with contextlib.suppress(OSError):  # some network file systems have no locks; a report is written all the same
            while not (has_locks := _try_lock(descriptor, shared=shared)):
                _pause_until(deadline, path)
        if has_locks and os.fstat(descriptor).st_nlink == 0:  # whoever had the lock has removed its file
            with _lock(path, deadline, shared=shared) as has_locks:
                yield has_locks
            return
        _held.exclusive[key] = not shared
        try:
            yield has_locks
        finally:
            del _held.exclusive[key]
            if has_locks:
                _remove_lock_file(path, descriptor)
    finally:
        _close(descriptor)


def _close(descriptor: int) -> None:
    """Close a descriptor that was not written. Linux does so even if it reports an error."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _open_for_lock(path: Path) -> int | None:
    """Return a descriptor whose lock is that of `path`; None without rights."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # Not the file itself: it is replaced, and a lock stays with the replaced file.
        return os.open(_lock_file(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return None


def _lock_file(path: Path) -> Path:
    return _state("locks") / hashlib.sha256(os.fsencode(path)).hexdigest()


def _remove_lock_file(path: Path, descriptor: int) -> None:
    """Remove the file of a lock that this thread holds, unless others share it. Whoever waits for it takes a new one."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode) and _try_lock(descriptor):
            _lock_file(path).unlink()


def _try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock unless another holds it, and return whether. Raises OSError where there are no locks."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pause_until(deadline: float, path: Path) -> None:
    # Bounded: in a shared folder anybody may hold the lock.
    if time.monotonic() > deadline:
        fault = "another run of findings-report is at work here, and did not end"
        place = Place(display_path(path))
        raise FindingsReportError(Problem(Kind.OUTPUT, fault, "end it, then run the command again", place=place, code="locked"))
    # Not all in step: of two readers that wait for a set to be settled, one has to see the other let go.
    time.sleep(0.005 + time.monotonic_ns() % 20_000_000 / 1e9)


def _state(name: str) -> Path:
    """Return a folder of the state, made for this user alone. Raises OSError if it cannot be."""
    failure: OSError | None = None
    for root in _state_roots():
        try:
            for folder in (root, root / name):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not _is_private(folder):
                    raise PermissionError(errno.EPERM, "it is not this user's alone", str(folder))
        except OSError as error:
            failure = error
        else:
            return root / name
    raise failure or OSError(errno.ENOENT, "there is no folder for the state")


def _state_roots() -> tuple[Path, ...]:
    """Return the folder of the state, and a second choice for a user without a home, such as that of a container.

    Source: XDG Base Directory Specification 0.8. It is not in the cache, which may be cleared at any time.
    """
    temporary = Path(tempfile.gettempdir()) / f"findings-report-{os.geteuid()}"
    base, home = os.environ.get("XDG_STATE_HOME") or "", os.environ.get("HOME")
    if not base.startswith("/"):
        if not home:
            return (temporary,)
        base = f"{home}/.local/state"
    return Path(base) / "findings-report", temporary


def _is_private(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


# --- Journals


@dataclass(frozen=True)
class JournaledFile:
    """One file of a set. The three names are in the same folder."""

    folder: Path
    name: str
    staged: str
    """The name of the new content before it is in place."""
    kept: str
    """The second name of the file that is replaced."""
    before: Identity | None = None
    """Of the file that is replaced; None if there is none. Known once the set is ready."""
    after: Identity | None = None
    """Of the new content; None before the set is ready."""

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.folder / self.name


@dataclass
class Journal:
    """A set of files between the first byte of the first and the last rename. Its file has a line for each step.

    First the names; second, once all staged files are complete and on disk, the identities of all files: from here on files are
    renamed; third, after an error, that the files are put back.
    """

    path: Path | None
    """None where there is no state folder: such a set is put back after an error, and not after its process was killed."""
    descriptor: int
    files: tuple[JournaledFile, ...]
    is_put_back: bool = False
    """True once the third line is written."""
    is_half: bool = False
    """True while some files may be in place and others not. At the end of the run such a set is left to the next run."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of the files."""
        return tuple(dict.fromkeys(file.folder for file in self.files))

    def make_ready(self) -> None:
        """Give the files that will be replaced a second name, and record that the renames begin."""
        ready = []
        for file in self.files:
            # Another user's file that can be replaced but not read has no second name, and no way back.
            with contextlib.suppress(PermissionError):
                _keep(file)
            ready.append(replace(file, before=_identity(file.path), after=_identity(file.folder / file.staged)))
        self.files, self.is_half = tuple(ready), True
        # A single file is the old or the new one whatever happens, and the next run has nothing to decide.
        if len(ready) > 1:
            self._write([[file.before, file.after] for file in ready])

    def put_back(self) -> None:
        """Give every file that was replaced its original. Raises OSError if one cannot be; the others are put back then.

        A file that somebody has written since is not changed.
        """
        if self.files[0].after is not None:
            self._write("put back")
        failures: list[OSError] = []
        for file in self.files:
            try:
                if file.after is not None and _identity(file.path) == file.after:
                    if file.before is None:
                        file.path.unlink()
                    elif os.path.lexists(file.folder / file.kept):
                        (file.folder / file.kept).replace(file.path)
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        self.clear()

    def clear(self) -> None:
        """Remove all other names of the files, and the journal: all files are in place, or none is."""
        self.is_half = False
        left = []
        for file in self.files:
            for name in (file.staged, file.kept):
                with contextlib.suppress(OSError):
                    (file.folder / name).unlink(missing_ok=True)
            # A read-only file system refuses to remove a name that is not there, too.
            if any(os.path.lexists(file.folder / name) for name in (file.staged, file.kept)):
                left.append(file)
        self.files = tuple(left)
        # A name that cannot be removed now is left to the next run by the journal, and holds nothing up.
        if not left:
            with contextlib.suppress(OSError):
                self._remove()

    def close(self) -> None:
        """Release the journal."""
        if not self.is_half:
            self.clear()
        if self.descriptor >= 0:
            _close(self.descriptor)

    def _write(self, line: object) -> None:
        if self.path is None:
            return
        try:
            _append(self.descriptor, line)
            sync_folder(self.path.parent)
        except OSError:
            # Its last line is out of date from here on.
            self._remove()

    def _remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path = None


@contextlib.contextmanager
def open_journal(paths: Iterable[Path]) -> Iterator[Journal]:
    """Yield the journal of a set that the block stages and publishes, under the locks of its folders."""
    journal = _begin(paths)
    try:
        yield journal
    finally:
        journal.close()


def _begin(paths: Iterable[Path]) -> Journal:
    files = tuple(
        JournaledFile(
            Path(os.path.realpath(path.parent)), path.name, _temporary_name(path, "part"), _temporary_name(path, "kept")
        )
        for path in paths
    )
    with contextlib.suppress(OSError):
        path = _state("journal") / f"{os.urandom(16).hex()}.json"
        journal = Journal(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), files)
        try:
            # Without locks nobody could see that the journal is in use.
            if not _try_lock(journal.descriptor):
                raise BlockingIOError(errno.EAGAIN, "a new file is locked")
            inodes = {str(folder): folder.stat().st_ino for folder in journal.folders}
            names = [[str(file.folder), file.name, file.staged, file.kept] for file in files]
            _append(journal.descriptor, {"folders": inodes, "files": names}, sync=False)
        except OSError:
            journal.close()
        else:
            return journal
    return Journal(None, -1, files)


def _append(descriptor: int, line: object, *, sync: bool = True) -> None:
    # ASCII: names that are not UTF-8 are escaped, and read back as they were.
    content = json.dumps(line).encode() + b"\n"
    if os.write(descriptor, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if sync:
        os.fsync(descriptor)


# --- After a kill


def finish_killed_runs() -> dict[Path, Problem]:
    """Complete the sets of files that killed runs had begun to publish, or put their files back; `notes` says which.

    Sets of other runs that still work are not touched. Returns the problem of each set that cannot be settled, by its journal.
    """
    failures: dict[Path, Problem] = {}
    # A thread that reads can replace nothing, and everything was settled before it began.
    for path in () if False in _held.exclusive.values() else _journals():
        with contextlib.ExitStack() as stack:
            if (journal := _take_over(path)) is None:
                continue
            journal.is_half = True
            stack.callback(journal.close)
            try:
                if all(stack.enter_context(_lock(folder, 0, shared=False)) for folder in journal.folders):
                    _settle(journal)
            except FindingsReportError:
                continue  # another run is at work in one of the folders
            except OSError as error:
                fault = f"files of a run that was killed can be neither completed nor put back: {error.strerror}"
                remedy = "make the folder writable, then run the command again"
                place = Place(display_path(journal.folders[0]))
                failures[path] = Problem(Kind.OUTPUT, fault, remedy, place=place, code="unfinished")
    return failures


def sweep_temporary_folders(*parents: Path) -> None:
    """Remove the temporary folders of runs that were killed, in `parents` and in the system's folder for them."""
    for parent in (Path(tempfile.gettempdir()), *parents):
        with contextlib.suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                if _TEMPORARY.match(entry.name):
                    with contextlib.suppress(OSError):
                        _remove_unused(Path(entry.path))


def _journals() -> list[Path]:
    paths: list[Path] = []
    for root in _state_roots():
        with contextlib.suppress(OSError):
            # In a shared folder for temporary files anybody could have made it.
            if _is_private(root) and _is_private(root / "journal"):
                paths += (Path(entry.path) for entry in os.scandir(root / "journal"))
    return sorted(paths)


def _take_over(path: Path) -> Journal | None:
    """Return the journal of a set whose run was killed, locked; None if the run is at work, or its folders are not here."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        stack.callback(_close, descriptor)
        if not _try_lock(descriptor) or not os.path.lexists(path):
            return None
        if (journal := _read(path)) is not None:
            stack.pop_all()
            return replace(journal, descriptor=descriptor)
        # Nothing was staged before the first line was complete. A folder that is not here may come back, as that of a disk.
        if b"\n" not in path.read_bytes() or time.time() - path.stat().st_mtime > _LONGEST_KEPT:
            path.unlink()
    return None


def _read(path: Path) -> Journal | None:
    """Return a journal, not locked, of the files whose folders are still those that they were; None without any."""
    try:
        # The last one may be torn.
        first, *more = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        here = {name for name, inode in first["folders"].items() if Path(name).is_dir() and Path(name).stat().st_ino == inode}
        identities = more[0] if more else [(None, None)] * len(first["files"])
        files = [
            JournaledFile(Path(folder), name, staged, kept, before and tuple(before), after and tuple(after))
            for (folder, name, staged, kept), (before, after) in zip(first["files"], identities, strict=True)
            if folder in here and _STAGED.match(staged) and _KEPT.match(kept) and "/" not in name
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Journal(path, -1, tuple(files), len(more) > 1 or len(files) < len(first["files"])) if files else None


def _settle(journal: Journal) -> None:
    """Complete a set, or put its files back if somebody has written one of those that are left. Their folders are locked."""
    names = sorted(file.name for file in journal.files)
    place = Place(display_path(journal.folders[0]))
    left = [file for file in journal.files if file.after is not None and _identity(file.folder / file.staged) == file.after]
    if journal.is_put_back or any(_identity(file.path) != file.before for file in left):
        journal.put_back()
        done = "was put back as it was"
    else:
        for file in left:
            (file.folder / file.staged).replace(file.path)
        for folder in journal.folders:
            sync_folder(folder)
        journal.clear()
        done = "is complete now"
    if left:
        shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
        fault = f"a run was killed while it replaced files here; the set {done}: {shown}"
        notes.append(Problem(Kind.OUTPUT, fault, place=place, level="note", code="unfinished"))


def _sweep(folder: Path) -> None:
    """Remove files that runs have staged in a folder and left without a journal. Its lock is held, so they were killed."""
    swept: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _STAGED.match(entry.name) and _is_own_file(entry.stat(follow_symlinks=False)):
                Path(entry.path).unlink()
                swept.append(entry.name)
    if swept:
        fault = f"{len(swept)} files of a run that was killed were removed; the files here may be of two states"
        place = Place(display_path(folder))
        notes.append(Problem(Kind.OUTPUT, fault, "compare them with git", place=place, level="note", code="unfinished"))


def _is_own_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _remove_unused(folder: Path) -> None:
    """Remove a temporary folder of this user that no process has locked. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid() and _try_lock(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        _close(descriptor)


_MOST_SWEPT: Final = 100
"""Attempts to make a folder that no other run removes."""


class TemporaryFolder(tempfile.TemporaryDirectory[str]):
    """A folder that `cleanup` removes, or the `sweep_temporary_folders` of the next run if the process is killed before."""

    def __init__(self, parent: Path | None = None) -> None:
        """`parent` is the system's folder for temporary files by default. Raises OSError."""
        for _ in range(_MOST_SWEPT):
            super().__init__(prefix=_PREFIX, suffix=".tmp", dir=parent, ignore_cleanup_errors=True)
            self._descriptor = -1
            # Another run sweeps what nobody has locked: until then the folder may go, and a lock of another is that of a sweep.
            try:
                self._descriptor = os.open(self.name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                is_ours = True
                with contextlib.suppress(OSError):  # where there are no locks, nobody sweeps
                    is_ours = _try_lock(self._descriptor)
                if is_ours and Path(self.name).is_dir():
                    return
            except FileNotFoundError:
                pass
            except OSError:
                self.cleanup()
                raise
            self.cleanup()
        raise OSError(errno.EBUSY, "another program removes the temporary folders of this one")

    def cleanup(self) -> None:
        """Remove the folder. Files that cannot be removed wait for the next run."""
        with contextlib.suppress(OSError):
            super().cleanup()
        if self._descriptor >= 0:
            _close(self._descriptor)
            self._descriptor = -1


# --- Files


def _identity(path: Path) -> Identity | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _keep(file: JournaledFile) -> None:
    """Give the file, or the link, its second name; nothing if there is none."""
    kept = file.folder / file.kept
    if not os.path.lexists(file.path):
        return
    try:
        os.link(file.path, kept, follow_symlinks=False)
    except OSError:  # some file systems have no hard links
        shutil.copy2(file.path, kept, follow_symlinks=False)


def _temporary_name(path: Path, end: str) -> str:
    return f".{path.name[:20]}.{os.urandom(6).hex()}.{end}"


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot sync a folder; the files themselves are durable.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS):
            raise
    finally:
        _close(descriptor)
