"""The program of docs/tickets.md on a real Roundup: an issue gets file and comment, and a second run changes nothing."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trackers import roundup_server
from trackers.roundup_server import PASSWORD, USER, RoundupServer
from trackers.work import PDF, Work, made

from findings_report.model.ticket import File

DOCUMENT = Path(__file__).parents[2] / "docs" / "tickets.md"
FILE = File("report", ".pdf", PDF, "application/pdf")
NEWER = File("report", ".pdf", PDF + b"newer", "application/pdf")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def roundup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoundupServer]:
    if (why := roundup_server.missing()) is not None:
        pytest.skip(why)
    with roundup_server.roundup(tmp_path_factory.mktemp("roundup")) as server:
        yield server


@pytest.fixture
def work(tmp_path: Path, roundup: RoundupServer) -> Work:
    work = made(
        tmp_path, {"PATH": "/usr/bin:/bin", "ROUNDUP_URL": roundup.url, "ROUNDUP_USER": USER, "ROUNDUP_PASSWORD": PASSWORD}
    )
    program = re.search(r"```python\n(#!/usr/bin/env python3\n.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert program is not None
    path = tmp_path / "put-on-roundup"
    path.write_text(program[1])
    work.environment["FINDINGS_REPORT_COMMAND_ROUNDUP"] = shlex.join([sys.executable, str(path)])
    return work


def issue_of(server: RoundupServer, number: str) -> dict[str, Any]:
    """Names of files, and comments."""
    attributes = server.get(f"issue/{number}")["attributes"]
    names = [server.get(f"file/{file['id']}")["attributes"]["name"] for file in attributes["files"]]
    texts = [server.fetch(f"msg/{message['id']}/binary_content").decode() for message in attributes["messages"]]
    return {"title": attributes["title"], "files": names, "comments": texts}


def test_an_issue_is_created_and_followed_and_no_run_repeats_anything(work: Work, roundup: RoundupServer) -> None:
    assert "attached report-" in work.attach("command:roundup").messages[0]

    (issue,) = roundup.get("issue")["collection"]
    put = issue_of(roundup, issue["id"])
    assert (put["title"], put["files"]) == ("Audit report report.pdf", [FILE.name])
    assert FILE.mark in put["comments"][0]
    (file,) = roundup.get(f"issue/{issue['id']}")["attributes"]["files"]
    assert roundup.fetch(f"file/{file['id']}/binary_content") == PDF

    assert "is already attached" in work.attach("command:roundup").messages[0]
    # Without the record of it, the program is run again, and finds what is there.
    (work.root / "findings" / "tickets.lock.yaml").unlink()
    work.attach("command:roundup")
    assert issue_of(roundup, issue["id"]) == put

    work.build(NEWER.content)
    assert f"which supersedes {FILE.name}" in work.attach("command:roundup").messages[0]
    assert issue_of(roundup, issue["id"])["files"] == [FILE.name, NEWER.name]
    assert len(roundup.get("issue")["collection"]) == 1

    other = work.attach(f"command:roundup/{issue['id']}")
    assert not other.problems
    assert len(issue_of(roundup, issue["id"])["comments"]) == 2


@pytest.mark.parametrize(
    ("setting", "reference"), [({"ROUNDUP_PASSWORD": "wrong password"}, "command:roundup"), ({}, "command:roundup/99")]
)
def test_a_refusal_is_told_without_the_password(work: Work, setting: dict[str, str], reference: str) -> None:
    work.environment.update(setting)

    (problem,) = work.attach(reference).problems

    assert problem.code == "tracker-command"
    assert re.search(r"HTTP Error (401|404)", problem.fault)
    assert "password" not in problem.fault
    assert not (work.root / "findings" / "tickets.lock.yaml").exists()
