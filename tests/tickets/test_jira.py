"""What Jira is asked, request by request, Cloud and Data Center: header, field, part and bytes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from trackers import contract
from trackers.fake import Fake, Reply, Request, recorded
from trackers.work import FINDING, PDF, Work, made

from findings_report.model.ticket import File

FILE = File("report", ".pdf", PDF, "application/pdf")
ATTACHED = {"id": "1", "filename": FILE.name, "size": len(PDF)}
CLOUD = {"JIRA_TOKEN": "token-0123456789", "JIRA_EMAIL": "ada@example.org"}
DATA_CENTER = {"JIRA_TOKEN": "token-0123456789"}


@pytest.fixture(params=[3, 2], ids=["cloud", "data-center"])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def work(tmp_path: Path, fake: Fake, version: int) -> Work:
    fake.contract = contract.jira() if version == 3 else None
    return made(tmp_path, {"JIRA_URL": fake.url, **(CLOUD if version == 3 else DATA_CENTER)})


class Jira:
    """What Jira answers."""

    def __init__(self, fake: Fake, version: int) -> None:
        self.fake = fake
        self.api = f"/rest/api/{version}"
        self.is_cloud = version == 3

    def looks(self, files: list[Any], comments: list[str], *, user: bool = True, anonymous: int = 401) -> None:
        if user:
            self.fake.expect("GET", f"{self.api}/myself", {"displayName": "Ada"})
        fields = {"summary": "The audit", "description": self.body("text"), "attachment": files}
        self.fake.expect("GET", f"{self.api}/issue/SEC-12", {"key": "SEC-12", "fields": fields})
        found = [{"body": self.body(text)} for text in comments]
        self.fake.expect("GET", f"{self.api}/issue/SEC-12/comment", {"comments": found, "total": len(found)})
        self.fake.expect("GET", f"{self.api}/issue/SEC-12", Reply({}, anonymous))

    def reads(self, form: dict[str, Any] | None = None, **fields: object) -> None:
        """The issue alone, with the form of what may be changed."""
        document = {"summary": "A-1: One", "description": self.body("text"), "priority": None, "duedate": None, **fields}
        editable = {"editmeta": {"fields": form}} if form is not None else {}
        self.fake.expect("GET", f"{self.api}/issue/SEC-12", {"key": "SEC-12", "fields": document, **editable})

    def body(self, text: str) -> object:
        paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
        return {"version": 1, "type": "doc", "content": [paragraph]} if self.is_cloud else text


@pytest.fixture
def jira(fake: Fake, version: int) -> Jira:
    return Jira(fake, version)


def test_a_file_is_sent_as_a_form_with_the_header_that_jira_wants(work: Work, fake: Fake, jira: Jira) -> None:
    bodies: list[Any] = []

    def comment(request: Request) -> Reply:
        bodies.append(request.json()["body"])
        return Reply({"id": "1"}, 201)

    jira.looks([], [])
    fake.expect("POST", f"{jira.api}/issue/SEC-12/attachments", [ATTACHED])
    fake.expect("POST", f"{jira.api}/issue/SEC-12/comment", comment)
    jira.looks([ATTACHED], [FILE.mark], user=False)

    done = work.attach("jira:SEC-12")

    upload = fake.requests[4]
    (part,) = upload.parts()
    assert (part.field, part.name, part.media_type, part.content) == ("file", FILE.name, "application/pdf", PDF)
    assert upload.headers["x-atlassian-token"] == "no-check"
    basic = base64.b64encode(b"ada@example.org:token-0123456789").decode()
    wanted = f"Basic {basic}" if jira.is_cloud else "Bearer token-0123456789"
    assert {request.headers.get("authorization") for request in fake.requests} == {wanted, None}
    assert "authorization" not in fake.requests[3].headers  # can anybody read it?
    if jira.is_cloud:
        assert bodies[0]["type"] == "doc"
        assert bodies[0]["content"][0]["content"][0] == {"type": "text", "text": "report", "marks": [{"type": "strong"}]}
    else:
        assert bodies[0].startswith(f"*report*\n\n* Attached: [^{FILE.name}], ")
    assert f"attached {FILE.name}" in done.messages[0]


def test_a_file_without_its_comment_gets_it_and_is_not_sent_again(work: Work, fake: Fake, jira: Jira) -> None:
    jira.looks([ATTACHED], [])
    fake.expect("POST", f"{jira.api}/issue/SEC-12/comment", Reply({"id": "1"}, 201))
    jira.looks([ATTACHED], [FILE.mark], user=False)

    assert "the comment about" in work.attach("jira:SEC-12").messages[0]


def test_half_a_file_is_sent_again_whole(work: Work, fake: Fake, jira: Jira) -> None:
    jira.looks([ATTACHED | {"size": 100}], [])
    fake.expect("POST", f"{jira.api}/issue/SEC-12/attachments", [ATTACHED])
    fake.expect("POST", f"{jira.api}/issue/SEC-12/comment", Reply({"id": "1"}, 201))
    jira.looks([ATTACHED | {"size": 100}, ATTACHED | {"id": "2"}], [FILE.mark], user=False)

    assert f"attached {FILE.name}" in work.attach("jira:SEC-12").messages[0]


@pytest.mark.parametrize("anonymous", [200, 500])
def test_an_issue_that_is_or_may_be_readable_by_anybody_is_refused(
    work: Work, fake: Fake, jira: Jira, anonymous: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings_report.tickets.http.client._TRIES", 1)
    jira.looks([], [], anonymous=anonymous)

    assert work.refused("jira:SEC-12").code == "ticket-public"


def test_a_file_that_is_too_large_is_told(work: Work, fake: Fake, jira: Jira) -> None:
    jira.looks([], [])
    fake.expect("POST", f"{jira.api}/issue/SEC-12/attachments", Reply({"errorMessages": ["size"]}, 413))

    (problem,) = work.attach("jira:SEC-12").problems

    assert problem.code == "tracker-too-large"


def test_an_issue_is_made_with_the_marker_as_label_and_without_a_priority_where_the_form_has_none(
    work: Work, fake: Fake, jira: Jira
) -> None:
    asked: list[Request] = []
    refused = Reply({"errors": {"priority": "Field 'priority' cannot be set."}}, 400)
    fake.expect("GET", f"{jira.api}/myself", {"displayName": "Ada"})
    fake.expect("GET", f"{jira.api}/project/SEC", {"key": "SEC"})
    fake.expect("GET", f"{jira.api}/project/SEC", Reply({}, 404))
    fake.expect("GET", f"{jira.api}/search{'/jql' if jira.is_cloud else ''}", {"issues": []})
    fake.expect("GET", f"{jira.api}/priority", [{"id": str(number)} for number in range(1, 6)])
    fake.expect("POST", f"{jira.api}/issue", recorded(asked, refused))
    fake.expect("POST", f"{jira.api}/issue", recorded(asked, Reply({"key": "SEC-12"}, 201)))
    jira.reads()

    done = work.create("jira:SEC")

    first, second = (request.json()["fields"] for request in asked)
    assert first["priority"] == {"id": "2"}
    assert "priority" not in second
    assert second["labels"] == ["findings-report:review-of-quicknotes/A-1", "severity-high", "CWE-89"]
    assert second["project"] == {"key": "SEC"}
    assert isinstance(second["description"], dict if jira.is_cloud else str)
    assert 'labels = "findings-report:review-of-quicknotes/A-1"' in fake.requests[3].query["jql"]
    assert "is now jira:SEC-12" in done.messages[0]


def test_priority_due_date_and_assignee_follow_the_finding(work: Work, fake: Fake, jira: Jira) -> None:
    sent: list[Request] = []
    account = "accountId" if jira.is_cloud else "name"
    form: dict[str, Any] = {"priority": {}, "duedate": {}, "assignee": {}}
    work.finding("A-1", FINDING + "due: 2026-12-24\nowner: Ada L.\n")
    fake.expect("GET", f"{jira.api}/myself", {"displayName": "Ada"})
    fake.expect("GET", f"{jira.api}/project/SEC", {"key": "SEC"})
    fake.expect("GET", f"{jira.api}/project/SEC", Reply({}, 404))
    fake.expect("GET", f"{jira.api}/search{'/jql' if jira.is_cloud else ''}", {"issues": []})
    fake.expect("GET", f"{jira.api}/priority", [{"id": str(number)} for number in range(1, 6)])
    people = [{account: "a7", "displayName": "Ada L."}, {account: "a8", "displayName": "Ada M."}]
    fake.expect("GET", f"{jira.api}/user/assignable/search", people)
    fake.expect("POST", f"{jira.api}/issue", recorded(sent, Reply({"key": "SEC-12"}, 201)))
    jira.reads(form, priority={"id": "2"}, duedate="2026-12-24", assignee={account: "a7"})
    work.create("jira:SEC")
    work.finding("A-1", FINDING.replace("high", "critical"))
    fake.expect("GET", f"{jira.api}/myself", {"displayName": "Ada"})
    jira.reads(form, priority={"id": "2"}, duedate="2026-12-24", assignee={account: "somebody"})
    fake.expect("GET", f"{jira.api}/priority", [{"id": str(number)} for number in range(1, 6)])
    fake.expect("PUT", f"{jira.api}/issue/SEC-12", recorded(sent, Reply(status=204)))
    jira.reads(form, priority={"id": "1"}, assignee={account: "somebody"})

    done = work.sync()

    created, updated = (request.json()["fields"] for request in sent)
    assert (created["duedate"], created["assignee"]) == ("2026-12-24", {account: "a7"})
    assert (updated["priority"], updated["duedate"]) == ({"id": "1"}, None)
    assert "assignee" not in updated
    assert [problem.fault for problem in done.problems] == [
        "jira:SEC-12: the owner is not updated: it was changed on the tracker"
    ]


@pytest.mark.parametrize("ref", ["jira:12", "jira:sec-12", "jira:SEC-0", "jira:SEC-1/../2", "jira:SEC"])
def test_what_is_no_issue_is_refused(work: Work, fake: Fake, jira: Jira, ref: str) -> None:
    fake.expect("GET", f"{jira.api}/myself", {"displayName": "Ada"})

    assert work.refused(ref).code == "ticket-ref"
