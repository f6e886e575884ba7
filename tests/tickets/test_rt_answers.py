"""Request Tracker's rarer answers, as 5.0.3 gave them, from a fake that is strict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from trackers.fake import Fake, Reply, Request
from trackers.work import PDF, Work, made

from findings_report.model.ticket import File

FILE = File("report", ".pdf", PDF, "application/pdf")
TICKET = {"id": 23, "Subject": "The audit"}


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    return made(tmp_path, {"RT_URL": fake.url, "RT_TOKEN": "1-14-0123456789abcdef"})


def listed(fake: Fake, path: str, items: Sequence[object]) -> None:
    def page(number: int, some: Sequence[object]) -> None:
        def answer(request: Request) -> Reply:
            assert request.query["page"] == str(number)
            assert request.query["per_page"] == "100"
            return Reply({"items": list(some), "total": None, "pages": None})

        fake.expect("GET", path, answer)

    for number, start in enumerate(range(0, len(items) + 1, 100), start=1):
        page(number, items[start : start + 100])


def ticket(fake: Fake, history: Sequence[object] = (), files: Sequence[object] = ()) -> None:
    fake.expect("GET", "/REST/2.0/ticket/23", TICKET)
    listed(fake, "/REST/2.0/ticket/23/history", history)
    listed(fake, "/REST/2.0/ticket/23/attachments", files)


def numbered(count: int) -> Iterator[dict[str, str]]:
    for number in range(count):
        yield {"id": str(number), "Type": "Comment", "Data": "No Subject", "Filename": ""}


def test_what_is_sent_is_a_form_with_the_comment_as_json_and_the_file_as_it_is(fake: Fake, work: Work) -> None:
    fake.expect("GET", "/REST/2.0/rt", {"Version": "5.0.3"})
    ticket(fake)
    fake.expect("POST", "/REST/2.0/ticket/23/comment", Reply(["Comments added"], 201))
    listed(fake, "/REST/2.0/ticket/23/history", ())
    recorded = {"id": "7", "Type": "Comment", "Data": f"{FILE.name} {FILE.mark}\n"}
    ticket(fake, [recorded], [{"id": "9", "Filename": FILE.name, "ContentLength": str(len(PDF))}])

    work.attach("rt:23")

    assert {each.headers["authorization"] for each in fake.requests} == {"token 1-14-0123456789abcdef"}
    (sent,) = [each for each in fake.requests if each.method == "POST"]
    comment, file = sent.parts()
    assert (comment.field, file.field) == ("JSON", "Attachments")
    assert b'"ContentType": "text/html"' in comment.content
    assert (file.name, file.media_type, file.content) == (FILE.name, "application/pdf", PDF)


def test_a_long_history_is_read_to_its_end(fake: Fake, work: Work) -> None:
    fake.expect("GET", "/REST/2.0/rt", {"Version": "5.0.3"})
    recorded = {"id": "7", "Type": "Comment", "Data": f"{FILE.name} {FILE.mark}\n"}
    attached = {"id": "900", "Filename": FILE.name, "ContentLength": str(len(PDF))}
    ticket(fake, [*numbered(200), recorded], [*numbered(100), attached])

    assert "is already attached" in work.attach("rt:23").messages[0]


def test_a_file_that_was_dropped_without_a_word_is_not_taken_for_attached_and_not_sent_again(fake: Fake, work: Work) -> None:
    fake.expect("GET", "/REST/2.0/rt", {"Version": "5.0.3"})
    dropped = {"id": "8", "Type": "AttachmentDrop", "Data": FILE.name, "NewValue": "5000"}
    left = {"id": "9", "Filename": f"{FILE.name}.txt", "ContentLength": str(len(PDF))}
    ticket(fake, [{"id": "7", "Type": "Comment", "Data": FILE.mark}, dropped], [left])

    (problem,) = work.attach("rt:23").problems

    assert problem.code == "tracker-too-large"
    assert f"5000 of {len(PDF)} bytes" in problem.fault


def test_another_program_at_that_address_is_told(fake: Fake, work: Work) -> None:
    fake.expect("GET", "/REST/2.0/rt", {"hello": "world"})
    fake.expect("GET", "/REST/2.0/ticket/23", {"hello": "world"})

    assert work.refused("rt:23").code == "tracker-answer"
