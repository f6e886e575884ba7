"""Attaching to a real Request Tracker: what is on the ticket afterwards, read from Request Tracker itself."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import samples
from trackers import debian
from trackers.rt_server import LARGEST, RtServer
from trackers.work import FINDING, PDF, Work, made

from findings_report.model.ticket import File
from findings_report.problems import FindingsReportError, Kind
from findings_report.report.archive import to_json
from findings_report.tickets import trackers
from findings_report.tickets.http.credentials import Environment

pytestmark = pytest.mark.slow


def asked(server: RtServer, path: str, document: object = None) -> Any:
    """Request Tracker's own answer."""
    return debian.asked(f"{server.url}/REST/2.0{path}", {"Authorization": f"token {server.root}"}, document)


def new_ticket(server: RtServer) -> str:
    return f"rt:{asked(server, '/ticket', {'Queue': 'General', 'Subject': 'The audit'})['id']}"


def messages(server: RtServer, ref: str) -> list[Any]:
    """Everything on the ticket, with its content: heads of comments, their texts, and files."""
    listed = asked(server, f"/ticket/{ref[3:]}/attachments?per_page=100")["items"]
    return [asked(server, f"/attachment/{each['id']}") for each in listed]


def files(server: RtServer, ref: str) -> list[Any]:
    return [each for each in messages(server, ref) if each.get("Filename")]


def notes(server: RtServer, ref: str) -> list[str]:
    texts = [each for each in messages(server, ref) if each["ContentType"] == "text/html"]
    return [base64.b64decode(each["Content"]).decode() for each in texts]


@pytest.fixture
def work(tmp_path: Path, rt: RtServer) -> Work:
    return made(tmp_path, {"RT_URL": rt.url, "RT_TOKEN": rt.root})


def test_what_is_attached_is_read_back_byte_for_byte_with_a_comment_that_tells_what_it_is(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)

    done = work.attach(ref)

    digest = hashlib.sha256(PDF).hexdigest()
    (attached,) = files(rt, ref)
    assert attached["Filename"] == f"report-{digest[:12]}.pdf"
    assert attached["ContentType"] == "application/pdf"
    assert base64.b64decode(attached["Content"]) == PDF
    assert messages(rt, ref)[0]["Subject"] == f"report-{digest[:12]}.pdf sha256:{digest}"
    (note,) = notes(rt, ref)
    assert f"sha256:{digest}" in note
    assert done.messages == (f"{ref}: attached report-{digest[:12]}.pdf, 10 kB\n  {rt.url}/Ticket/Display.html?id={ref[3:]}",)
    assert not done.problems
    assert f'"{ref}":\n    "report.pdf": "report-{digest[:12]}.pdf"\n' in work.lock


def test_the_same_bytes_are_never_attached_twice(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)
    work.attach(ref)
    before = messages(rt, ref)

    done = work.attach(ref)

    assert messages(rt, ref) == before
    assert "is already attached" in done.messages[0]


def test_a_newer_report_supersedes_the_older_and_says_so(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)
    work.attach(ref)
    work.build(PDF + b"newer")

    done = work.attach(ref, changes="- 1 new\n- 2 fixed")

    older, newer = files(rt, ref)
    assert base64.b64decode(newer["Content"]) == PDF + b"newer"
    assert f"Supersedes <code>{older['Filename']}</code>" in notes(rt, ref)[1]
    assert "<li>2 fixed</li>" in notes(rt, ref)[1]
    assert f"which supersedes {older['Filename']}" in done.messages[0]
    assert "is already attached" in work.attach(ref).messages[0]


def test_the_last_report_is_read_back_and_compared_with(work: Work, rt: RtServer) -> None:
    ref, path = new_ticket(rt), work.root / "report.json"
    report = samples.report()
    path.write_bytes(to_json(report))
    work.attach(ref, path)
    path.write_bytes(to_json(samples.report(*report.findings[1:])))

    done = work.attach(ref, path)

    assert not done.problems
    assert done.messages[0].endswith(f"since the last one: 1 absent, {len(report.findings) - 1} unchanged")
    assert f"<li>{report.findings[0].id}: absent, " in notes(rt, ref)[1]


def test_a_file_without_its_comment_gets_only_the_comment(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)
    file = File("report", ".pdf", PDF, "application/pdf")
    put = {"FileName": file.name, "FileType": file.media_type, "FileContent": base64.b64encode(PDF).decode()}
    asked(rt, f"/ticket/{ref[3:]}/comment", {"Content": "x", "ContentType": "text/plain", "Attachments": [put]})

    done = work.attach(ref)

    assert len(files(rt, ref)) == 1
    assert file.mark in notes(rt, ref)[0]
    assert "the comment about" in done.messages[0]


def test_a_dry_run_says_what_would_be_done_and_sends_nothing(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)

    done = work.attach(ref, dry_run=True)

    assert f"{ref}: would attach report-" in done.messages[0]
    assert not messages(rt, ref)


def test_user_and_password_are_accepted_where_tokens_are_not_given_out(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)
    work.environment.update(RTUSER="root", RTPASSWD="long enough")

    with trackers.open_tracker("rt", Environment(work.environment)) as tracker:
        assert tracker.identity() == "root"
    assert "attached" in work.attach(ref).messages[0]


@pytest.mark.parametrize(
    ("wrong", "secret"),
    [({"RT_TOKEN": "1-14-0123456789abcdef"}, "0123456789abcdef"), ({"RTUSER": "root", "RTPASSWD": "guess!"}, "guess!")],
)
def test_a_wrong_token_is_told_before_anything_is_sent_and_stands_in_no_message(
    work: Work, rt: RtServer, wrong: dict[str, str], secret: str
) -> None:
    ref = new_ticket(rt)
    work.environment.update(wrong)

    problem = work.refused(ref)

    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-token")
    assert secret not in str(problem)
    assert not messages(rt, ref)


def test_what_request_tracker_refuses_is_told_one_message_each(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)

    assert work.refused("rt:999999").code == "tracker-ticket"
    assert work.refused("rt:x").code == "ticket-ref"
    work.environment["RT_TOKEN"] = rt.other
    assert work.refused(ref).code == "tracker-rights"
    work.environment["RT_TOKEN"] = rt.guest
    (problem,) = work.attach(ref).problems
    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-rights")
    assert not messages(rt, ref)


def test_a_file_that_request_tracker_cuts_without_a_word_is_told_and_not_sent_again(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)
    large = work.root / "large.pdf"
    large.write_bytes(os.urandom(LARGEST + 1))

    (first,) = work.attach(ref, large).problems
    before = messages(rt, ref)
    (second,) = work.attach(ref, large).problems

    assert (first.code, second.code) == ("tracker-too-large", "tracker-too-large")
    assert f"of {LARGEST + 1} bytes" in first.fault
    assert messages(rt, ref) == before


def test_what_people_write_is_text_in_html(work: Work, rt: RtServer) -> None:
    ref = new_ticket(rt)
    report = samples.report()
    named = report.engagement.model_copy(update={"title": "<img src=http://evil/x.png> & [x](http://e)"})
    work.build(to_json(report.model_copy(update={"engagement": named})))

    work.attach(ref)

    (note,) = notes(rt, ref)
    assert "<img" not in note
    assert "<a " not in note
    assert "&lt;img src=http://evil/x.png&gt; &amp; [x](http://e)" in note
    assert f"{report.total} finding" in note


def test_a_ticket_is_made_once_and_brought_in_step(work: Work, rt: RtServer) -> None:
    done = work.create("rt:General")
    ref = done.messages[0].partition("is now ")[2].split()[0]
    assert asked(rt, f"/ticket/{ref[3:]}")["Priority"] == "80"
    (work.root / "findings" / "tickets.lock.yaml").unlink()
    work.finding("A-1", FINDING)
    assert f"is {ref}" in work.create("rt:General").messages[0]
    work.finding("A-1", FINDING.replace("One", "Two"))

    done = work.sync()

    assert "updated" in done.messages[0]
    assert asked(rt, f"/ticket/{ref[3:]}")["Subject"] == "A-1: Two"
    assert len(notes(rt, ref)) == 2
    assert "is up to date" in work.sync().messages[0]


def test_priority_due_date_and_owner_follow_the_finding(work: Work, rt: RtServer) -> None:
    work.environment["RT_PRIORITIES"] = "0, 50, 100"
    (work.root / "findings" / "engagement.yaml").write_text("format: 1\ntitle: Fields\n")
    work.finding("A-1", FINDING + "due: 2026-12-24\nowner: root\n")
    ref = work.create("rt:General").messages[0].partition("is now ")[2].split()[0]
    made = asked(rt, f"/ticket/{ref[3:]}")
    assert (made["Priority"], made["Due"][:10], made["Owner"]["id"]) == ("100", "2026-12-24", "root")

    work.finding("A-1", FINDING.replace("high", "medium") + "owner: guest\n")
    (ignored,) = work.sync().problems

    after = asked(rt, f"/ticket/{ref[3:]}")
    assert (after["Priority"], after["Due"][:4], after["Owner"]["id"]) == ("50", "1970", "root")
    assert (ignored.code, ignored.fault) == (
        "ticket-field",
        f"{ref}: the tracker accepted the change, but has another owner",  # `guest` may not own tickets of this queue
    )
    work.environment["RT_PRIORITIES"] = "Low"
    with pytest.raises(FindingsReportError, match="no list of numbers"):
        work.sync()
