"""The program as a user runs it against a tracker: what is said, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from trackers.fake import Fake, Reply
from trackers.work import Work, made

KEY = "0123456789abcdef0123456789abcdef01234567"
PROGRAM = str(Path(sys.executable).parent / "findings-report")


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    return made(tmp_path, {"REDMINE_URL": fake.url, "REDMINE_API_KEY": KEY})


def run(work: Work, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(work.root), **work.environment}
    return subprocess.run([PROGRAM, *arguments], cwd=work.root, env=environment, capture_output=True, text=True)


def test_a_refusal_of_the_tracker_is_exit_code_6_with_a_remedy_and_without_the_key(work: Work, fake: Fake) -> None:
    fake.expect("GET", "/users/current.json", Reply({"errors": [f"bad key {KEY}"]}, 401))

    ran = run(work, "attach", "build/report.pdf", "--to", "redmine:17")

    assert ran.returncode == 6
    assert "redmine does not accept the token: bad key ***" in ran.stderr
    assert "set REDMINE_API_KEY to a valid one" in ran.stderr
    assert "nothing was attached" in ran.stderr
    assert KEY not in ran.stdout + ran.stderr


def test_what_was_done_is_told_as_json_too(work: Work, fake: Fake) -> None:
    fake.expect("GET", "/users/current.json", {"user": {"login": "ada"}})
    fake.expect("GET", "/issues/17.json", {"issue": {"subject": "The audit", "project": {"id": 1}}})
    fake.expect("GET", "/projects/1.json", {"project": {"is_public": False}})
    fake.expect("POST", "/uploads.json", Reply({"errors": ["no"]}, 403))

    ran = run(work, "attach", "build/report.pdf", "--to", "redmine:17", "--output-format", "json")

    said = json.loads(ran.stdout)
    assert ran.returncode == 6
    assert said["done"] == []
    assert [problem["code"] for problem in said["problems"]] == ["tracker-rights"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attach", "build/report.pdf", "--to", "redmin:17"], "did you mean 'redmine'?"),
        (["attach", "build/report.pdf"], "use --to"),
        (["attach", "build/gone.pdf", "--to", "redmine:17"], "no such file"),
        (["tickets", "create", "--to", "redmine:../x"], "redmine:PROJECT"),
    ],
)
def test_a_slip_on_the_command_line_is_exit_code_2(work: Work, fake: Fake, arguments: list[str], message: str) -> None:
    if "create" in arguments:
        fake.expect("GET", "/users/current.json", {"user": {"login": "ada"}})

    ran = run(work, *arguments)

    assert ran.returncode == 2
    assert message in ran.stderr


@pytest.mark.slow  # starts many processes
def test_a_tracker_that_is_not_set_up_is_told_with_what_to_set(work: Work) -> None:
    work.environment.clear()

    ran = run(work, "attach", "build/report.pdf", "--to", "redmine:17")
    assert ran.returncode == 2
    assert "REDMINE_URL is not set" in ran.stderr

    work.environment["REDMINE_URL"] = "https://redmine.example.org"
    ran = run(work, "attach", "build/report.pdf", "--to", "redmine:17")
    assert ran.returncode == 2
    assert "REDMINE_API_KEY is not set" in ran.stderr
    assert "keyring set findings-report REDMINE_API_KEY" in ran.stderr
