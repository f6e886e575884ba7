"""The program interrupted, killed and run several times at once: the files are of one run, and the next removes the rest.

`make crashes` kills 500 times; FINDINGS_REPORT_EXAMPLES says how many times as many as here.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from examples import examples

from findings_report import commands
from findings_report.system import locked

PROGRAM = [sys.executable, "-c", "from findings_report.cli import main; main()"]

AT_RENAME = """
import os, signal, sys

number, wanted = int(sys.argv.pop(1)), int(sys.argv.pop(1))
for heeded in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(heeded, signal.SIG_DFL)  # what runs the tests may ignore them

def interrupt(event, arguments, seen=[]):
    if event == "os.rename" and str(arguments[0]).endswith(".part"):
        seen.append(arguments)
        if len(seen) == wanted:
            os.kill(os.getpid(), number)

from findings_report.cli import main
sys.addaudithook(interrupt)
main()
"""

AT_STAGING = AT_RENAME.replace('event == "os.rename"', 'event == "open"')

WRITING = {
    "build": (["build", "-f", "html", "-f", "json", "-o", "out/"], "out/report.html"),
    "pin": (["pin", "--to", "1.1"], "findings/engagement.yaml"),
    "update": (["track", "--to", "1.1", "--update"], "findings/DEMO-001.finding.yaml"),
    "new": (["new", "A title"], "findings/DEMO-005.finding.yaml"),
    "init": (["init", "other"], "other/findings/engagement.yaml"),
    "schema": (["schema", "--write"], "findings/.schema/finding.json"),
    "diff": (["diff", "findings", "-f", "html", "-f", "md", "-o", "out/"], "out/diff.html"),
    "export": (["tickets", "export", "-o", "out"], "out/jira.csv"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    commands.demo(folder)
    return folder


@pytest.fixture
def work(demo: Path, tmp_path: Path) -> Path:
    shutil.copytree(demo, tmp_path / "work", symlinks=True)
    return tmp_path / "work"


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    (tmp_path / "tmp").mkdir()
    # A home without XDG variables: the state is where it is for users.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return kept | {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home")}


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def left_over(work: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the names of staged files, second names, journals and temporary folders."""
    state = Path(environment["HOME"]) / ".local/state/findings-report/journal"
    found = [path for path in work.rglob(".*") if path.suffix in (".part", ".kept", ".tmp")]
    return [str(path) for path in (*found, *state.glob("*"), *Path(environment["TMPDIR"]).iterdir())]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("name", WRITING)
def test_a_writing_command_that_is_interrupted_says_what_it_has_written(
    name: str, number: signal.Signals, code: int, work: Path, environment: Mapping[str, str]
) -> None:
    arguments, written = WRITING[name]
    before = contents(work)

    def run(script: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, str(int(number)), "1", *arguments]
        return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)

    early = run(AT_STAGING)
    assert early.returncode == code, early.stderr
    assert early.stderr.splitlines()[-1].endswith("; nothing was written")
    assert contents(work) == before
    late = run(AT_RENAME)
    assert late.returncode == code, late.stderr
    assert "; written: " in late.stderr.splitlines()[-1]
    assert written in late.stderr
    assert contents(work).get(written) not in (None, before.get(written))
    assert left_over(work, environment) == []


BUILD = ["build", "-f", "json", "-f", "html", "-f", "md", "-o", "out/"]
UPDATE = ["track", "--to", "1.1", "--update"]
MARK = "/of-the-killed-run"


def titles(folder: Path) -> set[str]:
    """Return the numbers in the titles of the reports: one for one generation of files."""
    texts = {path.name: path.read_text("utf-8") for path in folder.glob("report.*")}
    assert texts.keys() in (set(), {"report.json", "report.html", "report.md"})
    if texts:
        json.loads(texts["report.json"])
        assert texts["report.html"].rstrip().endswith("</html>")
    return {re.findall(r"Generation (\d+)", text)[0] for text in texts.values()}


def number(work: Path, generation: int) -> None:
    path = work / "findings/engagement.yaml"
    path.write_text(re.sub(r"^title: .*", f"title: Generation {generation}", path.read_text("utf-8"), flags=re.MULTILINE))


def children(mark: str) -> list[str]:
    """Return the command lines of processes that inherited the mark; git and the confined children have little else."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.slow
def test_a_run_killed_at_any_moment_leaves_one_state_to_the_next_command(work: Path, environment: Mapping[str, str]) -> None:
    marked = {**environment, "PATH": f"{environment['PATH']}:{MARK}", "LD_LIBRARY_PATH": MARK}
    findings, generator = work / "findings", random.Random(7)  # noqa: S311 - moments, no secrets
    original = contents(findings)
    started = time.monotonic()
    subprocess.run([*PROGRAM, *UPDATE], cwd=work, env=environment, check=True, capture_output=True)
    seconds = time.monotonic() - started
    updated = contents(findings)
    figures = dict.fromkeys(("runs", "killed", "completed or put back"), 0)
    for generation in range(examples(12)):
        for name, content in original.items():
            (findings / name).write_bytes(content)
        command = UPDATE
        if generation % 2:
            number(work, generation)
            command = BUILD
        # In turns at a moment that is drawn, and between two renames, which take a thousandth of the time.
        at_rename = [sys.executable, "-c", AT_RENAME, "9", str(generator.randint(1, 5 if command is UPDATE else 3)), *command]
        program = at_rename if generation % 4 > 1 else [*PROGRAM, *command]
        with subprocess.Popen(program, cwd=work, env=marked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60 if program is at_rename else generator.uniform(0.05, 1.2 * seconds))
            process.kill()
        after = subprocess.run([*PROGRAM, "check"], cwd=work, env=environment, capture_output=True, text=True, check=False)
        assert after.returncode == 0, after.stderr
        assert left_over(work, environment) == []
        assert children(MARK) == []
        assert len(titles(work / "out")) <= 1
        if command is UPDATE:
            assert contents(findings) in (original, updated)
        figures["runs"] += 1
        figures["killed"] += process.returncode == -signal.SIGKILL
        figures["completed or put back"] += "[unfinished]" in after.stderr
    sys.stdout.write(f"{json.dumps(figures)}\n")
    assert figures["killed"] >= figures["runs"] // 2
    assert figures["completed or put back"] > 0


@pytest.mark.slow
def test_of_six_builds_at_once_one_whole_report_remains(demo: Path, tmp_path: Path, environment: Mapping[str, str]) -> None:
    for generation in range(6):
        shutil.copytree(demo, tmp_path / str(generation), symlinks=True)
        number(tmp_path / str(generation), generation)
    out = tmp_path / "shared"
    builds = [
        subprocess.Popen(
            [*PROGRAM, *BUILD[:-1], f"{out}/"], cwd=tmp_path / str(generation), env=environment, stdout=subprocess.DEVNULL
        )
        for generation in range(6)
    ]
    while any(build.poll() is None for build in builds):
        with locked(out, shared=True):
            assert len(titles(out)) <= 1
        time.sleep(0.01)

    assert [build.returncode for build in builds] == [0] * 6
    assert len(titles(out)) == 1
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "report.md"]
    assert left_over(out, environment) == []


def test_a_disk_without_room_changes_nothing(work: Path, environment: Mapping[str, str]) -> None:
    subprocess.run([*PROGRAM, *BUILD], cwd=work, env=environment, check=True, capture_output=True)
    before = contents(work)
    number(work, 2)
    before = contents(work)
    # Blocks of 512 bytes: some of the files fit, and others do not.
    limited = ["/bin/sh", "-c", 'ulimit -f 60 && exec "$@"', "sh", *PROGRAM, *BUILD]
    ran = subprocess.run(limited, cwd=work, env=environment, capture_output=True, text=True, check=False)

    assert ran.returncode == 5, ran.stderr
    assert "File too large" in ran.stderr
    assert contents(work) == before
    assert left_over(work, environment) == []


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_folder_that_is_read_only_is_checked_and_not_written(
    demo: Path, tmp_path: Path, environment: Mapping[str, str]
) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", str(mounted)], check=False).returncode != 0:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        shutil.copytree(demo, mounted / "work", symlinks=True)
        subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        before = contents(mounted)
        for arguments, code in ((["check"], 0), (["build", "-f", "html"], 5), (UPDATE, 5), (["pin", "--to", "1.1"], 5)):
            ran = subprocess.run(
                [*PROGRAM, *arguments], cwd=mounted / "work", env=environment, capture_output=True, text=True, check=False
            )
            assert ran.returncode == code, ran.stderr
            assert code == 0 or "the file system is read-only" in ran.stderr
        assert contents(mounted) == before
        assert left_over(mounted, environment) == []
    finally:
        subprocess.run(["umount", str(mounted)], check=True)
