"""Bytes become files: all or none, never half of one."""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from findings_report.problems import FindingsReportError, Kind
from findings_report.system import atomic_files, journal, locked
from findings_report.system.atomic_files import publish, publish_edited, publish_new


def test_files_are_put_in_place_with_their_folders(tmp_path: Path) -> None:
    publish({tmp_path / "build" / "a.md": b"a", tmp_path / "build" / "b.html": b"b"})

    assert (tmp_path / "build" / "a.md").read_bytes() == b"a"
    assert sorted(path.name for path in (tmp_path / "build").iterdir()) == ["a.md", "b.html"]


def test_a_published_file_is_its_owners_alone(tmp_path: Path) -> None:
    publish({tmp_path / "a": b"a"})

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_file_that_is_replaced_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o644)

    publish({tmp_path / "a": b"new"})

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


@pytest.mark.parametrize("is_link", [False, True])
def test_a_device_or_pipe_is_never_replaced(tmp_path: Path, is_link: bool) -> None:
    target = tmp_path / "pipe"
    os.mkfifo(target)
    if is_link:
        (tmp_path / "link").symlink_to(target)
        target = tmp_path / "link"

    with pytest.raises(FindingsReportError, match="it is a device or a pipe, not a file"):
        publish({target: b"x"})

    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert target.is_symlink() is is_link


def test_when_one_file_cannot_be_written_none_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()

    with pytest.raises(FindingsReportError, match="it is a folder") as caught:
        publish({tmp_path / "a": b"new", tmp_path / "b": b"new"})

    assert caught.value.problems[0].kind is Kind.OUTPUT
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_part_of_the_path_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(FindingsReportError, match="cannot be written"):
        publish({tmp_path / "a" / "b": b"x"})


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"victim")
    (tmp_path / "report.pdf").symlink_to(victim)

    publish({tmp_path / "report.pdf": b"new"})

    assert victim.read_bytes() == b"victim"
    assert not (tmp_path / "report.pdf").is_symlink()
    assert stat.S_IMODE((tmp_path / "report.pdf").lstat().st_mode) == 0o600, "the rights of a link are no file's"


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")
@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], check=False).returncode == 0
    if not mounted:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        publish({tmp_path / "a": b"old"})
        with pytest.raises(FindingsReportError, match="the disk is full"):
            publish({tmp_path / "a": b"x" * 1_000_000})
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
        assert (tmp_path / "a").read_bytes() == b"old"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.slow
def test_a_killed_run_never_leaves_a_torn_file(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from findings_report.system.atomic_files import publish\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    publish({Path(sys.argv[1]) / name: bytes([n % 256]) * 200_000 for name in 'abc'})\n"
    )
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
        while not (tmp_path / "c").exists():
            time.sleep(0.01)
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name in "abc":
            content = (tmp_path / name).read_bytes()
            assert len(content) == 200_000
            assert len(set(content)) == 1


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from findings_report.system import publish

def at_the_second_rename(event, arguments, seen=[]):
    if event == "os.link" and not {has_links}:
        raise PermissionError(1, "as on a file system without hard links")
    # Of this set: a run first settles those that others left.
    if event == "os.rename" and str(arguments[1]).startswith(sys.argv[1]):
        seen.append(arguments)
        if len(seen) == 2:
            {action}

# As in a terminal: a process that was started in the background ignores some of them.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
folder = Path(sys.argv[1])
sys.addaudithook(at_the_second_rename)
publish({{folder / name: b"new" for name in ("a", "b", "c")}})
"""


@pytest.mark.parametrize(
    ("action", "code", "last"),
    [
        ("os.kill(os.getpid(), 2)", -2, "KeyboardInterrupt: all files were written"),
        ("os.kill(os.getpid(), 15)", -15, ""),
        ("os.kill(os.getpid(), 1)", -1, ""),
        ("raise OSError(5, 'Input/output error')", 1, "cannot be written: Input/output error"),
    ],
)
@pytest.mark.parametrize("has_links", [True, False])
def test_an_interrupted_set_is_the_old_or_the_new_one(
    action: str, code: int, last: str, tmp_path: Path, *, has_links: bool
) -> None:
    for name in ("b", "c"):
        (tmp_path / name).write_text("old")
    script = INTERRUPTED.format(action=action, has_links=has_links)
    ran = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)

    assert ran.returncode == code, ran.stderr
    assert last in ran.stderr
    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert after == ({"b": "old", "c": "old"} if code == 1 else {"a": "new", "b": "new", "c": "new"})


FAILING = """
import errno, os, sys
from pathlib import Path
from findings_report.system import publish

def fail_at_some_renames(event, arguments, seen=[]):
    if event == "os.rename":
        seen.append(arguments)
        if len(seen) in {renames}:
            raise OSError(errno.EIO, "Input/output error")
    if event == "os.link" and {is_full}:
        raise PermissionError(1, "as on a file system without hard links")
    # The copy has a name that begins with a full stop, as the staged files, which were written before.
    if event == "shutil.copyfile" and {is_full}:
        Path(os.fsdecode(arguments[1])).write_bytes(b"ol")
        raise OSError(errno.ENOSPC, "No space left on device")

folder = Path(sys.argv[1])
sys.addaudithook(fail_at_some_renames)
publish({{folder / name: b"new" for name in ("a", "b", "c")}})
"""


def test_a_file_that_cannot_be_put_back_keeps_its_original_and_holds_no_other_back(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old")
    script = FAILING.format(renames=(3, 4), is_full=False)
    ran = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)

    assert (ran.returncode, "cannot be written: Input/output error" in ran.stderr) == (1, True)
    (kept,) = tmp_path.glob(".a.*.kept")
    assert {path.name: path.read_text() for path in (tmp_path / "a", kept, tmp_path / "b", tmp_path / "c")} == {
        "a": "new",
        kept.name: "old",
        "b": "old",
        "c": "old",
    }
    journal.finish_killed_runs()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old", "b": "old", "c": "old"}


def test_a_copy_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old")
    script = FAILING.format(renames=(), is_full=True)
    ran = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)

    assert (ran.returncode, "the disk is full" in ran.stderr) == (1, True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old", "b": "old", "c": "old"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_another_users_report_in_a_shared_folder_is_replaced() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        paths = [Path(folder) / name for name in ("report.html", "report.pdf")]
        for path in paths:
            path.write_bytes(b"old")
            path.chmod(0o600)
        child = os.fork()
        if child == 0:
            try:
                os.setuid(65534)
                publish(dict.fromkeys(paths, b"new"))
                os._exit(0)
            finally:
                os._exit(1)

        assert os.waitpid(child, 0)[1] == 0
        assert [path.read_bytes() for path in paths] == [b"new", b"new"]
        assert sorted(Path(folder).iterdir()) == paths


def test_a_new_file_is_never_put_over_another_nor_over_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    taken, link, free = tmp_path / "taken", tmp_path / "link", tmp_path / "free"
    taken.write_bytes(b"mine")
    link.symlink_to("nowhere")

    for path in (taken, link):
        with pytest.raises(FindingsReportError) as caught:
            publish_new({free: b"", path: b"theirs"})
        assert caught.value.problems[0].kind is Kind.USAGE

    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "taken"]
    assert taken.read_bytes() == b"mine"
    publish_new({free: b"new"})
    assert free.read_bytes() == b"new"


def test_a_file_that_cannot_be_read_back_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"old")
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path)[:-1] if path.suffix == ".part" else read(path))

    with pytest.raises(FindingsReportError, match="it cannot be read back as it was written"):
        publish({tmp_path / "a": b"new"})

    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


HOLDING = """
import sys
from pathlib import Path
from findings_report.system import locked

with locked(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("theirs", "is_shared", "waits"), [("shared", True, False), ("shared", False, True), ("alone", True, True)]
)
@pytest.mark.parametrize("name", ["", "tickets.lock.yaml"])
def test_a_lock_keeps_other_runs_away_until_it_is_released(
    theirs: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_shared: bool, waits: bool
) -> None:
    path = tmp_path / name
    monkeypatch.setattr(journal, "_LONGEST_WAIT", 0.05)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, path, theirs], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with (
            pytest.raises(FindingsReportError, match="another run") if waits else nullcontext(),
            locked(path, shared=is_shared),
        ):
            assert not waits
        with locked(tmp_path / "other"):
            pass
        process.kill()
    with locked(path), locked(path, shared=True), locked(path):
        pass


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    publish({tmp_path / "a": b"a", tmp_path / "b": b"b"})

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_files_and_folders_are_on_disk_before_and_after_the_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_state_roots", lambda: ())
    (tmp_path / "sub").mkdir()
    steps: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_dir():
            assert path.read_bytes() == b"new", "what is synced is what was written"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        steps.append(("sync", path if path.is_dir() else path.parent / path.name[1]))
        fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        steps.append(("rename", target))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    files = [tmp_path / "a", tmp_path / "sub/b"]
    publish(dict.fromkeys(files, b"new"))

    assert steps == [
        *(("sync", path) for path in files),
        *(("rename", path) for path in files),
        *(("sync", path.parent) for path in files),
    ]


def test_a_staged_file_takes_the_place_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    for end in ("part", "kept"):
        (tmp_path / f".staged.{end}").symlink_to(victim)
    monkeypatch.setattr(journal, "_temporary_name", lambda _, end: f".staged.{end}")

    with pytest.raises(FindingsReportError, match="a part of the path is a file or a broken link"):
        publish({tmp_path / "a": b"theirs"})

    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("number", "fault", "remedy"),
    [
        (errno.ENOSPC, "the disk is full", "room"),
        (errno.EDQUOT, "the disk quota is used up", "room"),
        (errno.EROFS, "the file system is read-only", "another folder"),
        (errno.EACCES, "permission denied", "another folder"),
        (errno.EPERM, "permission denied", "another folder"),
        (errno.ENOTDIR, "a file, not a folder", "another folder"),
        (errno.EEXIST, "a file or a broken link", "another folder"),
        (errno.EISDIR, "it is a folder", "name a file"),
        (errno.ENODEV, "a device or a pipe", "standard output"),
        (errno.ENAMETOOLONG, "the name is too long", "shorter"),
        (errno.EIO, "Input/output error", ""),
        (None, "no number", ""),
    ],
)
def test_a_failure_is_named_with_what_to_do(
    number: int | None, fault: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number)) if number else OSError("no number")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FindingsReportError) as caught:
        publish({tmp_path / "a": b"new"})

    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.code, problem.kind, problem.place.file) == ("cannot-write", Kind.OUTPUT, str(tmp_path / "a"))
    assert problem.fault.startswith("cannot be written: ")
    assert fault in problem.fault
    assert remedy in (problem.remedy or "")
    assert list(tmp_path.iterdir()) == []


def test_the_failure_names_the_file_that_failed(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(FindingsReportError) as checked:
        publish({tmp_path / "a": b"", tmp_path / "b": b"", tmp_path / "c": b""})
    (tmp_path / "b").rmdir()
    with pytest.raises(FindingsReportError) as staged:
        publish({tmp_path / "a": b"", tmp_path / ("b" * 300): b"", tmp_path / "c": b""})

    places = [caught.value.problems[0].place for caught in (checked, staged)]
    assert [place and Path(place.file).name for place in places] == ["b", "b" * 300]


@pytest.mark.parametrize("mode", [0o444, 0o555, 0o446, 0o462, 0o644])
def test_an_edited_file_that_nobody_may_write_is_left_alone(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "it's.yaml"
    path.write_bytes(b"old")
    path.chmod(mode)

    if mode & stat.S_IWUSR or mode & stat.S_IWGRP or mode & stat.S_IWOTH:
        publish_edited({path: (b"old", b"new")})
        assert path.read_bytes() == b"new"
    else:
        with pytest.raises(FindingsReportError) as caught:
            publish_edited({path: (b"old", b"new")})
        (problem,) = caught.value.problems
        assert (problem.code, problem.kind) == ("changed", Kind.OUTPUT)
        assert "read-only" in problem.fault
        assert problem.remedy == f"chmod u+w {shlex.quote(str(path))}"
        assert path.read_bytes() == b"old"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("becomes", ["changed", "link"])
def test_an_edited_file_that_somebody_changed_meanwhile_is_left_alone(becomes: str, tmp_path: Path) -> None:
    path, beside, other = tmp_path / "a", tmp_path / "b", tmp_path / "other"
    beside.write_bytes(b"old")
    other.write_bytes(b"old")
    if becomes == "link":
        path.symlink_to(other)
    else:
        path.write_bytes(b"changed")

    with pytest.raises(FindingsReportError, match="changed while the command ran; nothing was written"):
        publish_edited({beside: (b"old", b"new"), path: (b"old", b"new")})

    assert (beside.read_bytes(), other.read_bytes()) == (b"old", b"old")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "b", "other"]


def test_special_bits_of_a_replaced_file_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o6777)

    publish({tmp_path / "a": b"new"})

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o777


def test_a_thread_publishes_and_leaves_the_handlers_of_signals_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(publish, {tmp_path / "a": b"a"}).result()

    assert (tmp_path / "a").read_bytes() == b"a"
    assert atomic_files.published[-1] == tmp_path / "a"


def test_each_signal_that_arrived_reaches_its_own_handler_once_after_the_last_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, list[str]]] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    replace = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        for number in (*numbers, *numbers):
            signal.raise_signal(number)
        return replace(path, target)

    def hear(number: int, _: object) -> None:
        heard.append((number, sorted(path.name for path in tmp_path.iterdir())))

    before = {number: signal.signal(number, hear) for number in numbers}
    try:
        monkeypatch.setattr(Path, "replace", interrupted)
        publish({tmp_path / "a": b"a", tmp_path / "b": b"b"})
        assert [signal.getsignal(number) for number in numbers] == [hear] * 3
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert heard == [(number, ["a", "b"]) for number in numbers]


def test_an_error_is_told_before_a_signal_that_arrived_takes_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        raise OSError(errno.EIO, "Input/output error")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            publish({tmp_path / "a": b"a"})
    finally:
        signal.signal(signal.SIGINT, before)

    assert str(caught.value) == "", "nothing was written"
    assert list(tmp_path.iterdir()) == []
