"""A set of files is one state for the next run, whenever the run that wrote it was killed, and whoever forges a journal."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from findings_report.problems import FindingsReportError
from findings_report.problems.safe_text import display_path
from findings_report.system import journal, locked, publish

KILLED = """
import os, signal, sys
from pathlib import Path
from findings_report.system import publish

left = int(sys.argv[2])

def count(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
sys.addaudithook(count)
publish({folder / name: b"new" for name in ("a", "sub/b", "c", "d")})
"""

KILLED_ANYWHERE = """
import json, os, signal, sys
from pathlib import Path
from findings_report.system import journal, locked, publish

folder, old = Path(sys.argv[1]), json.loads(sys.argv[2])
left = 0

def count(event, arguments):
    global left
    if left and event.startswith(("os.", "open", "fcntl.", "shutil.")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
status, at = -1, 0
while status:
    for name, text in old.items():
        (folder / name).write_text(text)
    (folder / "d").unlink(missing_ok=True)
    at += 1
    child = os.fork()
    if child == 0:
        left = at
        publish({folder / name: b"new" for name in ("a", "sub/b", "c", "d")})
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    with locked(folder, shared=True):
        found = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if not path.is_dir()}
    print(json.dumps([found, [str(path) for path in journal._journals()]]))
"""
OLD = {"a": "old", "sub/b": "old", "c": "old"}
NEW = dict.fromkeys(("a", "sub/b", "c", "d"), "new")


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    journal.notes.clear()
    yield
    journal.notes.clear()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


def contents(folder: Path) -> Mapping[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if not path.is_dir()}


def journals() -> list[Path]:
    return list(Path(os.environ["XDG_STATE_HOME"]).glob("findings-report/journal/*"))


def halfway(folder: Path) -> Mapping[str, str]:
    """Kill a run between two renames; return what is there then."""
    ran = subprocess.run([sys.executable, "-c", KILLED, folder, "3"], capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    half = contents(folder)
    assert (half["a"], half["sub/b"], half["c"]) == ("new", "new", "old")
    return half


def test_a_run_killed_at_any_call_leaves_one_state_to_the_next_and_nothing_else(out: Path) -> None:
    command = [sys.executable, "-c", KILLED_ANYWHERE, str(out), json.dumps(OLD)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)

    results = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(results) > 40
    assert [found for found, _ in results if found not in (OLD, NEW)] == []
    assert [left for _, left in results if left] == []
    assert OLD in [found for found, _ in results]
    assert NEW in [found for found, _ in results[:-1]]


def test_what_a_person_wrote_after_the_kill_is_kept_and_the_rest_is_put_back(out: Path) -> None:
    halfway(out)
    (out / "c").write_text("mine")

    journal.finish_killed_runs()

    assert contents(out) == {**OLD, "c": "mine"}
    (note,) = journal.notes
    assert "was put back" in note.fault


def test_a_reader_of_another_folder_neither_waits_nor_fails(out: Path, tmp_path: Path) -> None:
    half = halfway(out)
    # As on a file system that has become read-only.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "_settle", lambda _: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
        with locked(tmp_path, shared=True):
            assert contents(out) == half
        with pytest.raises(FindingsReportError, match="neither completed nor put back: Read-only"), locked(out, shared=True):
            pass


def test_the_files_of_a_run_at_work_are_left_alone(out: Path) -> None:
    halfway(out)
    (path,) = journals()
    with path.open("rb") as held:
        assert journal._try_lock(held.fileno())
        before = contents(out)
        journal.finish_killed_runs()
        assert contents(out) == before
    journal.finish_killed_runs()
    assert contents(out) == NEW


def test_a_set_whose_folder_was_replaced_or_is_gone_is_put_back_as_far_as_it_is_there(out: Path) -> None:
    halfway(out)
    (out / "sub").rename(out / "moved")

    journal.finish_killed_runs()

    assert {name: text for name, text in contents(out).items() if "/" not in name} == {"a": "old", "c": "old"}


def test_a_journal_beside_the_files_has_no_effect(out: Path, tmp_path: Path) -> None:
    """An engagement that comes from a stranger may contain one."""
    halfway(out)
    (real,) = journals()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    forged = out / ".findings-report" / "journal" / real.name
    forged.parent.mkdir(parents=True)
    first, second = real.read_text().splitlines()
    forged.write_text(first.replace(str(out), str(tmp_path)) + "\n" + second + "\n")
    journal.finish_killed_runs()

    before = contents(out)
    with locked(out), locked(tmp_path):
        pass

    assert contents(out) == before
    assert victim.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another user")
def test_another_users_journal_has_no_effect(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = halfway(out)
    root = Path(os.environ["XDG_STATE_HOME"]) / "findings-report"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    (theirs := tmp_path / "shared" / "findings-report").mkdir(mode=0o700)
    (root / "journal").rename(theirs / "journal")
    os.chown(theirs, 65534, 65534)

    journal.finish_killed_runs()

    assert contents(out) == half


def test_names_in_a_journal_lead_nowhere_else(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    halfway(out)
    (path,) = journals()
    first, second = map(json.loads, path.read_text().splitlines())
    for file in first["files"]:
        file[1], file[2] = "../victim", "../victim"
    path.write_text(json.dumps(first) + "\n" + json.dumps(second) + "\n")

    journal.finish_killed_runs()

    assert victim.read_text() == "mine"


def test_without_a_folder_for_the_state_a_set_is_published_and_staged_files_are_swept(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_state_roots", lambda: ())
    publish({out / name: b"new" for name in NEW})
    assert contents(out) == NEW
    (out / ".a.0123456789ab.part").write_text("staged")
    (out / ".a.0123456789ab.kept").write_text("perhaps the only copy")

    publish({out / "a": b"newer"})

    assert contents(out) == {**NEW, "a": "newer", ".a.0123456789ab.kept": "perhaps the only copy"}
    assert journal.notes[0].remedy == "compare them with git"


def test_a_user_without_a_home_has_the_state_among_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    publish({tmp_path / "out" / "a": b"new"})

    assert journal._state("journal") == tmp_path / f"findings-report-{os.geteuid()}" / "journal"
    assert journal._journals() == []


def test_temporary_folders_of_killed_runs_are_swept_and_those_in_use_are_not(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from findings_report.system.journal import TemporaryFolder\n"
        "folder = TemporaryFolder(Path(sys.argv[1])); (Path(folder.name) / 'code').write_text('x')\n"
        "print(flush=True); time.sleep(60)"
    )
    in_use = journal.TemporaryFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        journal.sweep_temporary_folders(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        process.kill()
    others = [tmp_path / ".findings-report-notes", tmp_path / "findings-report-security"]
    for other in others:
        other.mkdir()
    (tmp_path / ".findings-report-abcdefgh.tmp").symlink_to(others[0])

    journal.sweep_temporary_folders(tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {Path(in_use.name).name, *(other.name for other in others), ".findings-report-abcdefgh.tmp"}
    in_use.cleanup()
    assert not Path(in_use.name).exists()


def test_a_name_that_cannot_be_removed_does_not_hold_up_the_next_run(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.parent == out:
            raise OSError(30, "Read-only file system")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    publish({out / name: b"new" for name in NEW})
    monkeypatch.undo()

    assert {name: text for name, text in contents(out).items() if name in NEW} == NEW
    assert journals() == []
    with locked(out):
        pass


def test_a_name_that_cannot_be_removed_is_removed_by_the_next_run(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".kept":
            raise OSError(5, "Input/output error")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        publish({out / name: b"new" for name in NEW})
    assert len(contents(out)) > len(NEW)

    journal.finish_killed_runs()

    assert contents(out) == NEW
    assert not journals()
    assert not journal.notes


def test_a_lock_leaves_no_file_and_holds_up_everybody_who_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "tickets.lock.yaml"
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(20):
            with journal.locked(path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.001)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with journal.locked(path, shared=True), journal.locked(path, shared=True):
        pass
    assert most == [1]
    assert list(journal._state("locks").iterdir()) == []


def refusing(call: Any, number: int, *, when: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    """A system call that fails with this number where `when` says so."""

    def attempt(*arguments: Any, **named: Any) -> Any:
        if when(*arguments):
            raise OSError(number, os.strerror(number))
        return call(*arguments, **named)

    return attempt


def test_a_set_that_fails_is_put_back_and_leaves_neither_names_nor_a_journal(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refusing(Path.replace, errno.EIO, when=lambda _, target: target.name == "d"))
        with pytest.raises(FindingsReportError, match="cannot be written: Input/output error"):
            publish({out / name: b"new" for name in ("new", *NEW)})

    assert contents(out) == OLD
    assert journals() == []


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_cannot_be_put_back_is_by_the_next_run(
    out: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    (out / "a").chmod(0o640)
    with monkeypatch.context() as patch:
        if not has_links:
            patch.setattr(os, "link", refusing(os.link, errno.EPERM))
        # The rename of the third, then that of the first one's original.
        fails = refusing(Path.replace, errno.EIO, when=lambda path, target: target.name == "c" or path.suffix == ".kept")
        patch.setattr(Path, "replace", fails)
        with pytest.raises(FindingsReportError, match="Input/output error"):
            publish({out / name: b"new" for name in ("new", *NEW)})
    half = contents(out)
    assert (half["a"], half["sub/b"], half["c"]) == ("new", "new", "old")
    assert "new" not in half, "what can be put back is"
    (path,) = journals()
    assert json.loads(path.read_text().splitlines()[2]) == "put back"

    journal.finish_killed_runs()

    assert contents(out) == OLD
    assert (out / "a").stat().st_mode & 0o777 == 0o640
    assert journals() == []
    assert "was put back" in journal.notes[0].fault


def test_a_journal_that_cannot_be_written_is_removed_and_the_set_is_published(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_journal = re.compile(rb'\[\[|"put back"').match
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refusing(os.write, errno.ENOSPC, when=lambda _, content: bool(is_journal(content))))
        publish({out / name: b"new" for name in NEW})

    assert contents(out) == NEW
    assert journals() == []


@pytest.mark.parametrize("failure", ["short", "lock"])
def test_a_set_without_a_usable_journal_is_published_and_its_journal_removed(
    failure: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        if failure == "short":
            patch.setattr(os, "write", lambda _, content: len(content) - 1)
        else:

            def is_file(descriptor: int, _: int) -> bool:
                return stat.S_ISREG(os.fstat(descriptor).st_mode)

            patch.setattr(fcntl, "flock", refusing(fcntl.flock, errno.EAGAIN, when=is_file))
        publish({out / name: b"new" for name in NEW})

    assert contents(out) == NEW
    assert journals() == []


@pytest.mark.parametrize("call", ["open", "fstat"])
def test_a_folder_that_cannot_be_locked_is_used_without(call: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_folder(first: int | Path, *_: object) -> bool:
        return first == out if isinstance(first, Path) else Path(f"/proc/self/fd/{first}").readlink() == out

    monkeypatch.setattr(os, call, refusing(getattr(os, call), errno.EACCES, when=is_folder))

    with locked(out), locked(out), locked(out, shared=True):
        assert journal._held.exclusive == {}


def test_a_shared_lock_does_not_become_one_that_nobody_shares(out: Path) -> None:
    with locked(out, shared=True), pytest.raises(RuntimeError, match="cannot become"), locked(out):
        pass
    with locked(out), locked(out), locked(out, shared=True):
        assert list(journal._held.exclusive.values()) == [True]
    assert journal._held.exclusive == {}


@pytest.mark.parametrize("spoiled", ["mode", "link", "file"])
def test_a_state_folder_that_others_may_write_is_not_used(
    spoiled: str, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root = tmp_path / "state/findings-report"
    root.parent.mkdir()
    match spoiled:
        case "mode":
            root.mkdir(mode=0o770)
            root.chmod(0o770)
        case "link":
            (tmp_path / "elsewhere").mkdir(mode=0o700)
            root.symlink_to(tmp_path / "elsewhere")
        case _:
            root.write_text("")

    second = tmp_path / f"findings-report-{os.geteuid()}"
    assert journal._state("journal") == second / "journal"
    assert [folder.stat().st_mode & 0o777 for folder in (second, second / "journal")] == [0o700, 0o700]

    second.chmod(0o707)
    with pytest.raises(OSError, match=r"not this user's alone|File exists|Not a directory"):
        journal._state("locks")
    publish({out / name: b"new" for name in NEW})
    assert contents(out) == NEW


def test_the_state_is_in_the_users_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary = tmp_path / f"findings-report-{os.geteuid()}"
    monkeypatch.setenv("HOME", "/home/a")
    assert journal._state_roots() == (tmp_path / "state/findings-report", temporary)
    for relative in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", relative)
        assert journal._state_roots() == (Path("/home/a/.local/state/findings-report"), temporary)


def test_journals_that_say_nothing_are_removed_and_those_of_a_disk_that_is_away_are_kept(out: Path) -> None:
    folder = journal._state("journal")
    away = json.dumps({"folders": {str(out / "away"): 1}, "files": [[str(out / "away"), "a", ".a.x.part", ".a.x.kept"]]}) + "\n"
    texts = {
        "torn": '{"folders"', "empty": "", "away": away, "old": away, "no json": "x\n", "other shape": "[1]\n",
        "no files": '{"folders": {}}\n', "numbers": '{"folders": {}, "files": [1]}\n',
    }  # fmt: skip
    for name, text in texts.items():
        (folder / f"{name}.json").write_text(text)
    (folder / "link.json").symlink_to(folder / "empty.json")
    days = time.time() - 89 * 86400
    for path in journals():
        if not path.is_symlink():
            os.utime(path, (days, days))
    os.utime(folder / "old.json", (days - 2 * 86400,) * 2)

    with locked(out):
        pass

    assert {path.stem for path in journals()} == texts.keys() - {"torn", "empty", "old"} | {"link"}
    assert contents(out) == OLD
    assert journal.notes == []


@pytest.mark.parametrize(
    ("position", "name"), [(2, "elsewhere"), (3, "elsewhere"), (2, ".a.0123456789ab.kept"), (1, "sub/c"), (3, ".a.012.kept")]
)
def test_a_journal_with_names_of_another_form_is_not_followed(position: int, name: str, out: Path) -> None:
    halfway(out)
    (out / "elsewhere").write_text("mine")
    before = contents(out)
    (path,) = journals()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for file in lines[0]["files"]:
        file[position] = name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert journal._read(path) is None
    journal.finish_killed_runs()

    assert contents(out) == before


def test_a_note_names_five_files_at_most_in_order(out: Path) -> None:
    names = [f"f{number}" for number in range(7)]
    script = KILLED.replace('("a", "sub/b", "c", "d")', repr(names[::-1]))
    assert subprocess.run([sys.executable, "-c", script, out, "3"], check=False).returncode == -signal.SIGKILL

    journal.finish_killed_runs()

    (note,) = journal.notes
    assert note.fault.endswith("is complete now: f0, f1, f2, f3, f4, …")
    assert (note.level, note.code, note.place and note.place.file) == ("note", "unfinished", display_path(out))
    assert contents(out) == {**OLD, **dict.fromkeys(names, "new")}


def test_a_set_that_waits_for_another_runs_lock_is_settled_once_it_is_free(out: Path) -> None:
    halfway(out)
    holding = (
        "import sys; from pathlib import Path; import fcntl, os\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holding, out], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = contents(out)
        assert journal.finish_killed_runs() == {}
        assert contents(out) == before
        threading.Timer(0.3, process.kill).start()
        with locked(out, shared=True):
            assert contents(out) == NEW


def test_a_thread_that_reads_settles_nothing(out: Path, tmp_path: Path) -> None:
    with locked(tmp_path, shared=True):
        half = halfway(out)
        journal.finish_killed_runs()
        assert contents(out) == half
    with locked(tmp_path):
        journal.finish_killed_runs()
    assert contents(out) == NEW


def test_only_own_regular_files_of_the_exact_form_are_swept(out: Path) -> None:
    staged = [".a.0123456789ab.part", f".{'x' * 20}.0123456789ab.part", ".a\nb.0123456789ab.part"]
    others = [
        "a.0123456789ab.part", ".a.0123456789a.part", ".a.0123456789AB.part", ".a.0123456789ab.part2", ".a.0123456789ab.part\n",
        f".{'x' * 21}.0123456789ab.part", "..0123456789ab.part", "x.a.0123456789ab.part",
    ]  # fmt: skip
    for name in (*staged, *others):
        (out / name).write_text("")
    (out / ".link.0123456789ab.part").symlink_to("a")
    (out / ".folder.0123456789ab.part").mkdir()
    if os.geteuid() == 0:
        (out / ".theirs.0123456789ab.part").write_text("")
        os.chown(out / ".theirs.0123456789ab.part", 65534, 65534)

    with locked(out):
        pass

    left = {path.name for path in out.iterdir()} - {"sub", *OLD}
    theirs = {".theirs.0123456789ab.part"} if os.geteuid() == 0 else set()
    assert left == {*others, ".link.0123456789ab.part", ".folder.0123456789ab.part", *theirs}
    (note,) = journal.notes
    assert note.fault.startswith("3 files of a run that was killed were removed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders to another user")
def test_another_users_temporary_folder_is_not_swept(tmp_path: Path) -> None:
    theirs = tmp_path / ".findings-report-abcdefgh.tmp"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)

    journal.sweep_temporary_folders(tmp_path)
    assert theirs.exists()

    os.chown(theirs, os.geteuid(), -1)
    journal.sweep_temporary_folders(tmp_path)
    assert not theirs.exists()


def test_temporary_folders_in_the_systems_folder_are_swept_too_and_a_folder_that_is_not_there_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "system"))
    left = [tmp_path / "system/.findings-report-abcdefgh.tmp", tmp_path / "out/.findings-report-abcdefgh.tmp"]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "code").write_text("x")

    journal.sweep_temporary_folders(tmp_path / "absent", tmp_path / "out")

    assert [folder for folder in left if folder.exists()] == []


def test_a_temporary_folder_is_this_users_and_gone_after_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = journal.TemporaryFolder()
    path = Path(folder.name)
    assert path.parent == tmp_path
    assert path.stat().st_mode & 0o777 == 0o700
    assert journal._TEMPORARY.match(path.name), "the next run would not sweep it"
    descriptor = folder._descriptor
    folder.cleanup()
    folder.cleanup()

    assert not path.exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_temporary_folder_that_cannot_be_locked_is_used_and_one_that_cannot_be_opened_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refusing(fcntl.flock, errno.ENOLCK))
        unlocked = journal.TemporaryFolder(tmp_path)
    unlocked.cleanup()
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "open", refusing(os.open, errno.EMFILE, when=lambda _, flags: flags & os.O_DIRECTORY == os.O_DIRECTORY)
        )
        with pytest.raises(OSError, match="Too many open files"):
            journal.TemporaryFolder(tmp_path)

    assert [path for path in tmp_path.iterdir() if path.name.startswith(".findings-report")] == []


@pytest.mark.parametrize("is_removed", [True, False], ids=["gone", "locked by a sweep"])
def test_a_temporary_folder_that_is_being_swept_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_removed: bool
) -> None:
    swept: list[Path] = []
    real, descriptors = os.open, list[int]()

    def sweep(path: Path | str, flags: int, *arguments: int, **others: int) -> int:
        if not swept and str(path).endswith(".tmp"):
            swept.append(Path(path))
            if is_removed:
                Path(path).rmdir()
            else:
                descriptors.append(real(path, flags))
                fcntl.flock(descriptors[0], fcntl.LOCK_EX)
        return real(path, flags, *arguments, **others)

    monkeypatch.setattr(os, "open", sweep)
    with journal.TemporaryFolder(tmp_path) as name:
        assert swept
        assert swept[0] != Path(name)
        assert list(tmp_path.iterdir()) == [Path(name)]
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_program_that_removes_every_temporary_folder_ends_the_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_try_lock", lambda _: False)

    with pytest.raises(OSError, match="another program removes the temporary folders"):
        journal.TemporaryFolder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_that_was_swept_before_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []

    def sweep_first(descriptor: int, operation: int) -> None:
        if not swept:
            swept.append(descriptor)
            Path(f"/proc/self/fd/{descriptor}").resolve().rmdir()
        flock(descriptor, operation)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", sweep_first)

    folder = journal.TemporaryFolder(tmp_path)

    assert swept
    assert Path(folder.name).is_dir()
    folder.cleanup()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS, errno.EIO])
def test_a_folder_that_cannot_be_synced_is_an_error_only_if_its_names_may_be_lost(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(os.fsync, number))
    with pytest.raises(OSError, match="Input/output") if number == errno.EIO else contextlib.nullcontext():
        journal.sync_folder(tmp_path)


def test_a_lock_that_never_comes_free_is_told_after_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert journal._LONGEST_WAIT == 600
    monkeypatch.setattr(fcntl, "flock", refusing(fcntl.flock, errno.EAGAIN))
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + 100 * (0.005 <= seconds <= 0.025)))

    with pytest.raises(FindingsReportError, match="another run of findings-report is at work here") as caught, locked(tmp_path):
        pass

    assert 600 < now[0] <= 700
    (problem,) = caught.value.problems
    assert (problem.code, problem.place and problem.place.file) == ("locked", display_path(tmp_path))


def test_names_of_staged_files_are_short_hidden_and_different() -> None:
    names = {journal._temporary_name(Path("x" * 100), "part") for _ in range(50)}

    assert len(names) == 50
    assert all(journal._STAGED.match(name) and name.startswith(f".{'x' * 20}.") for name in names)
    assert journal._KEPT.match(journal._temporary_name(Path("a"), "kept"))
    assert not journal._KEPT.match(".a.0123456789ab.kept\n")
