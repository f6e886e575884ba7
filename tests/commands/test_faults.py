"""Every command on a machine that refuses one call, whichever it is: no bug, no half of a set, no lost result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import faults
import pytest
from examples import examples

from findings_report import commands
from findings_report.cli.app import BUG

ERRORS = "EIO,ENOSPC,EACCES,EMFILE"
STEP = max(1, 24 // examples(1))
"""Every 24th place; each of them with FINDINGS_REPORT_EXAMPLES=24 or more, see `make faults`."""

COMMANDS = {
    "check": ["check"],
    "build": ["build", "-f", "html", "-f", "md", "-f", "json", "-f", "csv", "-o", "out/"],
    "build PDF": ["build", "-f", "pdf", "-f", "html"],
    "pin": ["pin", "--to", "1.1"],
    "track": ["track", "--to", "1.1"],
    "update": ["track", "--to", "1.1", "--update"],
    "new": ["new", "A title", "--path", "quicknotes/store.py", "--lines", "3"],
    "init": ["init", "other"],
    "diff": ["diff", "build/report.json", "-f", "html"],
}
DOCUMENTED = {0, 1, 2, 3, 4, 5}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "before"
    commands.demo(folder)
    program = [sys.executable, "-c", "from findings_report.cli import main; main()"]
    subprocess.run([*program, "build", "-f", "json"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_refused_call_is_a_problem_with_a_remedy_and_never_half_of_a_set(name: str, before: Path) -> None:
    command = [sys.executable, faults.__file__, str(before.parent), ERRORS, str(STEP), *COMMANDS[name]]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)

    whole, *results = map(json.loads, ran.stdout.splitlines())
    assert whole["code"] == 0
    assert len(results) > 50 // STEP
    for result in results:
        described = json.dumps(result, indent=2)
        assert result["code"] != BUG, described
        assert result["code"] in DOCUMENTED, described
        assert "Traceback" not in result["stderr"], described
        # All of it or nothing; the bytes of a PDF and the time in a report differ between runs.
        assert result["changed"].keys() in (set(), whole["changed"].keys()), described
        if result["code"] not in (0, 1):
            assert result["changed"] == {}, described
            assert "= help: " in result["stderr"], described


def test_the_faults_are_injected_where_they_are_said_to_be(tmp_path: Path) -> None:
    """Without the translation of system errors the same run ends as a bug: the test above would see it."""
    commands.demo(tmp_path / "before")
    script = (
        "import sys, runpy; sys.argv = sys.argv[1:]; from findings_report.cli import app; import builtins\n"
        "class Never(Exception): pass\n"
        "app.OSError = Never\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [sys.executable, "-c", script, faults.__file__, str(tmp_path), "EIO", "40", "check"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)

    assert BUG in [json.loads(line)["code"] for line in ran.stdout.splitlines()]
