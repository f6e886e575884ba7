"""The tool that counts the files and functions that a command enters."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "trace_calls.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_the_trace_of_a_check_counts_files_and_functions_once_and_the_same_each_time() -> None:
    first, again = run("check"), run("check")

    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    _, row = first.stdout.splitlines()
    name, files, functions = re.split(r" {2,}", row)
    assert name == "check"
    assert 10 < int(files) < int(functions)


@pytest.mark.slow
def test_a_command_of_ones_own_is_traced_and_its_failure_is_shown(tmp_path: Path) -> None:
    version = run("--", "--version")
    missing = run("--", "check", str(tmp_path))

    assert version.stdout.splitlines()[1].startswith("--version")
    assert missing.returncode == 1
    assert "exit code 3" in missing.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["html", "pdf", "tickets sync", "tickets sync with code"])
def test_every_scenario_of_the_trace_runs(name: str) -> None:
    ran = run(name)

    assert ran.returncode == 0, ran.stderr
    assert [re.split(r" {2,}", line)[0] for line in ran.stdout.splitlines()] == ["scenario", name]


def test_the_scenarios_are_named_when_one_is_asked_for_that_is_none() -> None:
    ran = run("nothing")

    assert ran.returncode == 2
    assert ran.stderr.endswith("there are: check, html, pdf, tickets sync, tickets sync with code\n")
