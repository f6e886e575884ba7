"""Azure DevOps: what is asked of it, held against the vendor's documentation by a fake that is strict.

Its own document of the API is Swagger 2.0, which says of a work item's change no more than that it is a JSON patch.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from trackers.fake import Fake, Reply, Request
from trackers.work import PDF, Work, made

from findings_report.errors import Kind
from findings_report.model.ticket import File

TOKEN = "pat0123456789/+=="
FILE = File("report", ".pdf", PDF, "application/pdf")
NEWER = File("report", ".pdf", PDF + b"newer", "application/pdf")
ITEM = "/The%20audit/_apis/wit/workitems/31"
ADDRESS = "https://dev.azure.com/client/_apis/wit/attachments/5d0e"
USER = {"id": "d291b0c4-a05c-4ea6-8df1-4b41d5f39eff", "providerDisplayName": "Alex"}


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    return made(tmp_path, {"AZURE_DEVOPS_URL": f"{fake.url}/client/", "AZURE_DEVOPS_EXT_PAT": TOKEN})


def relation(file: File, address: str = ADDRESS, comment: str | None = None) -> dict[str, Any]:
    attributes = {"id": 1, "name": file.name, "resourceSize": len(file.content), "comment": comment or file.mark}
    return {"rel": "AttachedFile", "url": address, "attributes": attributes}


LINK = {"rel": "Hyperlink", "url": "https://example.org", "attributes": {"comment": "x"}}


def with_query(document: object, **expected: str) -> Any:
    def answer(request: Request) -> Reply:
        assert dict(request.query) == {name.replace("_", "-").replace("top", "$top"): value for name, value in expected.items()}
        return document if isinstance(document, Reply) else Reply(document)

    return answer


def identity(fake: Fake) -> None:
    fake.expect("GET", "/client/_apis/connectionData", with_query({"authenticatedUser": USER}, api_version="6.0-preview"))


def item(fake: Fake, relations: Sequence[object] = ()) -> None:
    document = {"id": 31, "rev": 6, "fields": {"System.Title": "Audit"}, "relations": list(relations)}

    def answer(request: Request) -> Reply:
        assert dict(request.query) == {"$expand": "relations", "api-version": "6.0"}
        return Reply(document)

    fake.expect("GET", f"/client{ITEM}", answer)


def ticket(fake: Fake, relations: Sequence[object] = (), comments: Sequence[str] = (), visibility: str = "private") -> None:
    item(fake, relations)
    fake.expect("GET", "/client/_apis/projects/The%20audit", with_query({"visibility": visibility}, api_version="6.0"))
    document = {"comments": [{"text": text} for text in comments]}
    comments_path = "/client/The%20audit/_apis/wit/workItems/31/comments"
    fake.expect("GET", comments_path, with_query(document, api_version="6.0-preview.3", top="200"))


def test_the_bytes_go_up_first_and_then_file_and_comment_in_one_change(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [LINK])
    fake.expect("POST", "/client/The%20audit/_apis/wit/attachments", Reply({"id": "5d0e", "url": ADDRESS}, 201))
    fake.expect("PATCH", f"/client{ITEM}", {"id": 31, "rev": 7})
    ticket(fake, [LINK, relation(FILE)], [f"<p>{FILE.mark}</p>"])

    done = work.attach("azure:The audit/31")

    basic = base64.b64encode(f":{TOKEN}".encode()).decode()
    assert {each.headers["authorization"] for each in fake.requests} == {f"Basic {basic}"}
    assert {each.headers["x-tfs-fedauthredirect"] for each in fake.requests} == {"Suppress"}
    upload, change = (each for each in fake.requests if each.method != "GET")
    assert upload.query == {"fileName": FILE.name, "uploadType": "Simple", "api-version": "6.0"}
    assert upload.headers["content-type"] == "application/octet-stream"
    assert hashlib.sha256(upload.content).hexdigest() == FILE.digest
    assert change.query == {"api-version": "6.0"}
    assert change.headers["content-type"] == "application/json-patch+json"
    added, told = change.json()
    value = {"rel": "AttachedFile", "url": ADDRESS, "attributes": {"comment": FILE.mark}}
    assert added == {"op": "add", "path": "/relations/-", "value": value}
    assert (told["op"], told["path"]) == ("add", "/fields/System.History")
    assert f"<code>{FILE.mark}</code>" in told["value"]
    assert f"{fake.url}/client/The%20audit/_workitems/edit/31" in done.said[0]


def test_the_same_bytes_are_never_attached_twice(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [relation(FILE)], [FILE.mark])

    assert "is there already" in work.attach("azure:The audit/31").said[0]


def test_comments_are_read_to_their_end(fake: Fake, work: Work) -> None:
    path = "/client/The%20audit/_apis/wit/workItems/31/comments"
    identity(fake)
    item(fake, [relation(FILE)])
    fake.expect("GET", "/client/_apis/projects/The%20audit", {"visibility": "private"})
    fake.expect("GET", path, {"comments": [{"text": "x"}], "continuationToken": "abc"})

    def second(request: Request) -> Reply:
        assert request.query["continuationToken"] == "abc"
        return Reply({"comments": [{"text": FILE.mark}]})

    fake.expect("GET", path, second)

    assert "is there already" in work.attach("azure:The audit/31").said[0]


def test_a_run_that_was_cut_short_before_the_comment_is_finished_by_the_next(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [relation(FILE)])
    fake.expect("PATCH", f"/client{ITEM}", {"id": 31})
    ticket(fake, [relation(FILE)], [FILE.mark])

    done = work.attach("azure:The audit/31")

    (change,) = [each for each in fake.requests if each.method == "PATCH"]
    assert [each["path"] for each in change.json()] == ["/fields/System.History"]
    assert "the comment that tells of" in done.said[0]


def test_a_newer_report_supersedes_the_older_unless_the_work_item_was_changed_meanwhile(fake: Fake, work: Work) -> None:
    work.build(NEWER.content)
    identity(fake)
    ticket(fake, [LINK, relation(FILE)], [FILE.mark])
    fake.expect("POST", "/client/The%20audit/_apis/wit/attachments", Reply({"url": ADDRESS + "2"}, 201))
    item(fake, [LINK, LINK, relation(FILE)])  # somebody has added a link
    fake.expect("PATCH", f"/client{ITEM}", {"id": 31})
    marked = f"superseded by {NEWER.name}; {FILE.mark}"
    ticket(fake, [LINK, LINK, relation(FILE, comment=marked), relation(NEWER, ADDRESS + "2")], [FILE.mark, NEWER.mark])

    done = work.attach("azure:The audit/31")

    (change,) = [each for each in fake.requests if each.method == "PATCH"]
    added, test, older, told = change.json()
    assert added["value"]["attributes"]["comment"] == NEWER.mark
    assert test == {"op": "test", "path": "/rev", "value": 6}
    assert older == {"op": "replace", "path": "/relations/2/attributes/comment", "value": marked}
    assert f"Supersedes <code>{FILE.name}</code>" in told["value"]
    assert f"which supersedes {FILE.name}" in done.said[0]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=401),
        Reply({"html": "sign in"}, 203),
        Reply({"authenticatedUser": {"id": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "providerDisplayName": "Anonymous"}}),
    ],
)
def test_a_wrong_token_is_told_however_the_server_refuses_it(fake: Fake, work: Work, answer: Reply) -> None:
    fake.expect("GET", "/client/_apis/connectionData", answer)

    problem = work.refused("azure:The audit/31")

    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-token")
    assert TOKEN not in str(problem)


def test_a_public_project_is_refused_unless_it_is_meant(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, visibility="public")

    assert work.refused("azure:The audit/31").code == "ticket-public"


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (404, "TF401232: Work item 31 does not exist, or you do not have permissions to read it.", "tracker-ticket"),
        (403, "TF401027: You need the Read permission.", "tracker-rights"),
        (429, "Request was blocked due to exceeding usage of resource", "tracker-rate-limit"),
    ],
)
def test_what_azure_refuses_is_told_one_message_each(fake: Fake, work: Work, status: int, message: str, code: str) -> None:
    identity(fake)
    fake.expect("GET", f"/client{ITEM}", Reply({"message": message}, status, {"Retry-After": "3600"}))

    assert work.refused("azure:The audit/31").code == code


def test_a_file_that_is_too_large_is_told_and_the_work_item_left_alone(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake)
    refused = {"message": "TF237082: The file you are trying to upload exceeds the supported file upload size."}
    fake.expect("POST", "/client/The%20audit/_apis/wit/attachments", Reply(refused, 400))

    (problem,) = work.attach("azure:The audit/31").problems

    assert problem.code == "tracker-too-large"


@pytest.mark.parametrize("key", ["31", "audit/", "audit/x", "../31", "a/b/31", "_x/31"])
def test_what_is_no_work_item_is_told_before_it_is_asked_for(fake: Fake, work: Work, key: str) -> None:
    identity(fake)

    assert work.refused(f"azure:{key}").code == "ticket-ref"
