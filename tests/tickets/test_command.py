"""Attaching by a program of the user's: real programs, started as they are."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from repositories import problem_of
from trackers.work import PDF, Work, made

from findings_report.model.ticket import File
from findings_report.problems import Kind
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.trackers.external_command import open_command

KEEP = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.joinpath(sys.argv[-1].rpartition("/")[2]).write_bytes(pathlib.Path(sys.argv[-1]).read_bytes())
with folder.joinpath("calls").open("a") as calls:
    calls.write(json.dumps({"arguments": sys.argv[2:], "asked": json.load(sys.stdin)}) + "\\n")
print("kept")
"""


@pytest.fixture
def work(tmp_path: Path) -> Work:
    (tmp_path / "ticket 1").mkdir()
    work = made(tmp_path, {"PATH": "/usr/bin:/bin"})
    set_up(work, KEEP, str(tmp_path / "ticket 1"), "--title", "a $HOME; `id`")
    return work


def set_up(work: Work, program: str, *arguments: str) -> None:
    path = work.root / "put.py"
    path.write_text(program)
    work.environment["FINDINGS_REPORT_COMMAND_DESK"] = shlex.join([sys.executable, str(path), *arguments])


def calls(work: Work) -> list[Any]:
    path = work.root / "ticket 1" / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_program_gets_the_file_as_last_argument_and_json_on_standard_input(work: Work) -> None:
    done = work.attach("command:desk/A-7")

    digest = hashlib.sha256(PDF).hexdigest()
    (call,) = calls(work)
    assert call["arguments"][:2] == ["--title", "a $HOME; `id`"]  # no shell has seen them
    path = call["arguments"][2]
    asked = call["asked"]
    assert asked.pop("comment").endswith(f"sha256:{digest}`\n")
    assert asked == {
        "format": 1,
        "command": "desk",
        "ticket": "A-7",
        "file": {
            "path": path,
            "name": f"report-{digest[:12]}.pdf",
            "replaces": "report.pdf",
            "media_type": "application/pdf",
            "size": len(PDF),
            "sha256": digest,
        },
    }
    assert (work.root / "ticket 1" / f"report-{digest[:12]}.pdf").read_bytes() == PDF
    assert not Path(path).exists()
    assert f"command:desk/A-7: attached report-{digest[:12]}.pdf, 10 kB" in done.messages[0]


def test_the_same_bytes_are_given_once_and_newer_ones_say_what_they_supersede(work: Work) -> None:
    work.attach("command:desk")
    again = work.attach("command:desk")
    work.build(PDF + b"newer")
    newer = work.attach("command:desk")

    assert "is already attached" in again.messages[0]
    first, second = calls(work)
    assert f"Supersedes `{first['asked']['file']['name']}`" in second["asked"]["comment"]
    assert f"which supersedes {first['asked']['file']['name']}" in newer.messages[0]


def test_a_dry_run_starts_nothing(work: Work) -> None:
    done = work.attach("command:desk", dry_run=True)

    assert "would attach" in done.messages[0]
    assert not calls(work)


def test_a_program_that_fails_is_told_with_the_end_of_what_it_said_and_asked_again(work: Work) -> None:
    work.environment["DESK_TOKEN"] = "s3cret-token"
    set_up(
        work, "import os, sys; print('x' * 99999); print('\\x1b[31mno such\\nticket', os.environ['DESK_TOKEN']); sys.exit(3)"
    )

    (problem,) = work.attach("command:desk").problems

    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-command")
    assert "ended with exit code 3: " in problem.fault
    assert problem.fault.endswith("no such ticket ***")
    assert len(problem.fault) < 500
    set_up(work, KEEP, str(work.root / "ticket 1"))
    assert "attached" in work.attach("command:desk").messages[0]


@pytest.mark.parametrize(
    ("ref", "setting", "code"),
    [
        ("command:other", None, "tracker-setting"),
        ("command:desk", "", "tracker-setting"),
        ("command:desk", "no-such-program --x", "tracker-setting"),
        ("command:desk", "unclosed 'quote", "tracker-setting"),
        ("command:../desk", None, "ticket-ref"),
        ("command:desk/a b", None, "ticket-ref"),
    ],
)
def test_what_cannot_be_started_is_told_before_anything_is(work: Work, ref: str, setting: str | None, code: str) -> None:
    if setting is not None:
        work.environment["FINDINGS_REPORT_COMMAND_DESK"] = setting

    problem = work.refused(ref)

    assert (problem.kind, problem.code) == (Kind.USAGE, code)


def test_a_program_that_does_not_end_is_ended_with_all_that_it_started(work: Work) -> None:
    set_up(work, "import subprocess; print('waiting', flush=True); subprocess.run(['sleep', '60'])")
    file = File("report", ".pdf", PDF, "application/pdf")
    begun = time.monotonic()

    with open_command(Environment(work.environment), timeout_seconds=0.5) as command:
        problem = problem_of(lambda: command.attach(command.read("desk"), file, "text"))

    assert "did not end within 0.5 seconds" in problem.fault
    assert time.monotonic() - begun < 20


def test_a_program_that_reads_nothing_and_prints_much_does_not_hang(work: Work) -> None:
    set_up(work, "print('y' * 5_000_000)")

    assert "attached" in work.attach("command:desk").messages[0]


def test_tickets_are_not_made_by_a_program_and_that_is_told(work: Work) -> None:
    set_up(work, "pass")

    problem = work.refused_tickets("command:desk")

    assert problem.code == "ticket-attach-only"
    assert "`tickets export`" in (problem.remedy or "")
