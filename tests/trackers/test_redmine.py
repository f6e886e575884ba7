"""Attaching to a real Redmine: what is on the ticket afterwards, read from Redmine itself."""

from __future__ import annotations

import hashlib
import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from trackers.redmine_server import RedmineServer
from trackers.work import PDF, Work, made

from findings_report import tickets
from findings_report.errors import Kind
from findings_report.model.ticket import File
from findings_report.tickets.credentials import Surroundings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("redmine")]


def asked(server: RedmineServer, path: str, document: object = None) -> Any:
    """Redmine's own answer, not read by the program under test."""
    request = urllib.request.Request(server.url + path)  # noqa: S310 - loopback
    request.add_header("X-Redmine-API-Key", server.admin)
    if document is not None:
        request.data = json.dumps(document).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        content = answer.read()
    return json.loads(content) if "json" in answer.headers["Content-Type"] else content


def new_issue(server: RedmineServer, project: str = "audit") -> str:
    document = {"issue": {"project_id": project, "subject": "The audit"}}
    return f"redmine:{asked(server, '/issues.json', document)['issue']['id']}"


def issue(server: RedmineServer, ref: str) -> Any:
    return asked(server, f"/issues/{ref.partition(':')[2]}.json?include=attachments,journals")["issue"]


def notes(server: RedmineServer, ref: str) -> list[str]:
    return [journal["notes"] for journal in issue(server, ref)["journals"] if journal["notes"]]


@pytest.fixture
def work(tmp_path: Path, redmine: RedmineServer) -> Work:
    return made(tmp_path, {"REDMINE_URL": redmine.url, "REDMINE_API_KEY": redmine.admin})


def test_what_is_attached_is_read_back_byte_for_byte_with_a_comment_that_tells_what_it_is(
    work: Work, redmine: RedmineServer
) -> None:
    ref = new_issue(redmine)

    done = work.attach(ref)

    digest = hashlib.sha256(PDF).hexdigest()
    (attached,) = issue(redmine, ref)["attachments"]
    assert attached["filename"] == f"report-{digest[:12]}.pdf"
    assert attached["content_type"] == "application/pdf"
    assert attached["description"] == f"sha256:{digest}"
    assert asked(redmine, attached["content_url"].removeprefix(redmine.url)) == PDF
    (note,) = notes(redmine, ref)
    assert "*Review of &#42;quicknotes&#42;*, version 1.1, draft" in note
    assert "* 1 finding: 1 high" in note
    assert f"sha256:{digest}" in note
    assert done.said == (f"{ref}: attached report-{digest[:12]}.pdf, 10 kB\n  {redmine.url}/issues/{ref[8:]}",)
    assert not done.problems
    assert f'"{ref}":\n    "report.pdf": "report-{digest[:12]}.pdf"\n' in work.lock


def test_the_same_bytes_are_never_attached_twice(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    work.attach(ref)
    before = issue(redmine, ref)

    done = work.attach(ref)

    assert issue(redmine, ref) == before
    assert "is there already" in done.said[0]


def test_a_newer_report_supersedes_the_older_and_both_say_so(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    work.attach(ref)
    work.build(PDF + b"newer")

    done = work.attach(ref, changes="- 1 new\n- 2 fixed")

    older, newer = issue(redmine, ref)["attachments"]
    assert older["description"].startswith(f"superseded by {newer['filename']}; sha256:")
    assert f"Supersedes @{older['filename']}@" in notes(redmine, ref)[1]
    assert "* 1 new\n* 2 fixed" in notes(redmine, ref)[1]
    assert f"which supersedes {older['filename']}" in done.said[0]
    assert "is there already" in work.attach(ref).said[0]


def test_a_run_that_was_cut_short_before_the_comment_is_finished_by_the_next(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    file = File("report", ".pdf", PDF, "application/pdf")
    with tickets.open_tracker("redmine", Surroundings(work.environment)) as tracker:
        tracker.attach(tracker.read(ref[8:]), file, "")

    done = work.attach(ref)

    assert len(issue(redmine, ref)["attachments"]) == 1
    assert f"{file.mark}" in notes(redmine, ref)[0]
    assert "the comment that tells of" in done.said[0]


def test_a_dry_run_says_what_would_be_done_and_sends_nothing(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)

    done = work.attach(ref, dry_run=True)

    assert f"{ref}: would attach report-" in done.said[0]
    assert not issue(redmine, ref)["attachments"]
    assert not (work.root / "findings" / "tickets.lock.yaml").exists()


def test_a_wrong_key_is_told_before_anything_is_sent_and_stands_in_no_message(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine, "open")  # where Redmine answers anybody, and takes a wrong key for nobody's
    work.environment["REDMINE_API_KEY"] = "0123456789abcdef0123456789abcdef01234567"

    problem = work.refused(ref, public=True)

    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-token")
    assert "0123456789abcdef" not in str(problem)
    assert not issue(redmine, ref)["attachments"]


def test_a_public_project_is_refused_unless_it_is_meant(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine, "open")

    problem = work.refused(ref)

    assert (problem.kind, problem.code) == (Kind.USAGE, "ticket-public")
    assert not issue(redmine, ref)["attachments"]
    assert "attached" in work.attach(ref, public=True).said[0]


def test_what_redmine_refuses_is_told_one_message_each(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    large = work.root / "large.pdf"
    large.write_bytes(os.urandom(300_000))

    assert work.refused("redmine:999999").code == "tracker-ticket"
    assert [each.code for each in work.attach(ref, large).problems] == ["tracker-too-large"]
    work.environment["REDMINE_API_KEY"] = redmine.guest
    (problem,) = work.attach(ref).problems
    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-rights")
    assert not issue(redmine, ref)["attachments"]


def test_what_people_write_is_text_in_textile(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    (work.root / "findings" / "engagement.yaml").write_text(
        "format: 1\ntitle: '!http://evil/x.png! {{toc}} [[Wiki]] \"x\":http://evil/ #1 <b> & p. *b*'\n"
    )
    work.build()

    work.attach(ref)

    (note,) = notes(redmine, ref)
    assert "!http" not in note
    assert "{{" not in note
    assert "[[" not in note
    assert '":http' not in note
