"""A set of files is one state for the next run, whenever the run that wrote it was killed, and whoever forges a journal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from findings_report.problems import FindingsReportError
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
