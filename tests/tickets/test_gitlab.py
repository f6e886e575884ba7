"""What GitLab is asked, request by request: header, field, part and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import withheld
from trackers import contract
from trackers.fake import Fake, Reply, Request, recorded
from trackers.work import FINDING, PDF, Work, made

from findings_report.model.ticket import File
from findings_report.report.check import Inputs
from findings_report.tickets.create_and_sync import CreateOptions, SyncOptions, create, sync
from findings_report.tickets.http.credentials import Environment

PROJECT = "/api/v4/projects/group%2Fsub%2Fproject"
ISSUE = f"{PROJECT}/issues/4"
REF = "gitlab:group/sub/project#4"
FILE = File("report", ".pdf", PDF, "application/pdf")
LINK = f"[{FILE.name}](/uploads/{'a' * 32}/{FILE.name})"


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    fake.contract = contract.gitlab()
    return made(tmp_path, {"GITLAB_URL": fake.url, "GITLAB_TOKEN": "glpat-0123456789"})


def looks(fake: Fake, notes: list[str], *, visibility: str = "private", user: bool = True) -> None:
    """What is asked before anything is sent, and again afterwards."""
    if user:
        fake.expect("GET", "/api/v4/user", {"username": "ada"})
    issue = {"iid": 4, "title": "The audit", "web_url": f"{fake.url}/group/sub/project/-/issues/4", "description": None}
    fake.expect("GET", ISSUE, issue)
    fake.expect("GET", f"{ISSUE}/notes", [{"body": body} for body in notes])
    fake.expect("GET", PROJECT, {"visibility": visibility})


def test_a_file_is_uploaded_as_a_form_and_a_note_links_to_it(work: Work, fake: Fake) -> None:
    noted: list[str] = []

    def note(request: Request) -> Reply:
        noted.append(request.json()["body"])
        return Reply({"id": 1}, 201)

    looks(fake, [])
    fake.expect("POST", f"{PROJECT}/uploads", Reply({"id": 5, "markdown": LINK}, 201))
    fake.expect("POST", f"{ISSUE}/notes", note)
    looks(fake, [f"{FILE.mark}\n\n{LINK}"], user=False)

    done = work.attach(REF)

    (part,) = fake.requests[4].parts()
    assert (part.field, part.name, part.media_type, part.content) == ("file", FILE.name, "application/pdf", PDF)
    assert all(request.headers["private-token"] == "glpat-0123456789" for request in fake.requests)
    assert f"`{FILE.mark}`" in noted[0]
    assert noted[0].endswith(f"\n\n{LINK}\n")
    assert f"attached {FILE.name}" in done.messages[0]


def test_the_notes_are_read_to_the_last_page(work: Work, fake: Fake) -> None:
    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    fake.expect("GET", ISSUE, {"iid": 4, "title": "x", "web_url": "x"})
    following = f'<{fake.url}{ISSUE}/notes?page=2>; rel="next", <{fake.url}/x>; rel="last"'
    fake.expect("GET", f"{ISSUE}/notes", Reply([{"body": "hello"}], headers={"Link": following}))
    fake.expect("GET", f"{ISSUE}/notes", [{"body": f"{FILE.mark} {LINK}"}])
    fake.expect("GET", PROJECT, {"visibility": "private"})

    assert "is already attached" in work.attach(REF).messages[0]
    assert fake.requests[3].query == {"page": "2"}


@pytest.mark.parametrize("visibility", ["public", "internal"])
def test_a_project_that_others_can_read_is_refused(work: Work, fake: Fake, visibility: str) -> None:
    looks(fake, [], visibility=visibility)

    assert work.refused(REF).code == "ticket-public"


def test_an_upload_without_its_note_is_told_and_the_next_run_finishes_it(work: Work, fake: Fake) -> None:
    looks(fake, [])
    fake.expect("POST", f"{PROJECT}/uploads", Reply({"markdown": LINK}, 201))
    fake.expect("POST", f"{ISSUE}/notes", Reply(is_cut=True))
    looks(fake, [], user=False)

    (problem,) = work.attach(REF).problems

    assert problem.code == "tracker-no-answer"
    assert "run the command again" in (problem.remedy or "")


def test_a_note_whose_answer_was_lost_is_told_as_delivered(work: Work, fake: Fake) -> None:
    looks(fake, [])
    fake.expect("POST", f"{PROJECT}/uploads", Reply({"markdown": LINK}, 201))
    fake.expect("POST", f"{ISSUE}/notes", Reply(is_cut=True))
    looks(fake, [f"`{FILE.mark}` {LINK}"], user=False)

    done = work.attach(REF)

    assert f"attached {FILE.name}" in done.messages[0]
    assert [(problem.code, problem.level) for problem in done.problems] == [("delivered", "note")]
    assert FILE.name in work.lock


def test_an_issue_is_made_with_labels_after_its_marker_was_looked_for(work: Work, fake: Fake) -> None:
    asked: list[Any] = []

    def create(request: Request) -> Reply:
        asked.append(request.json())
        return Reply({"iid": 9}, 201)

    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    fake.expect("GET", PROJECT, {"visibility": "private"})
    fake.expect("GET", f"{PROJECT}/issues", [{"iid": 8, "description": "`findings-report:review-of-quicknotes/A-10`"}])
    fake.expect("POST", f"{PROJECT}/issues", create)
    fake.expect("GET", f"{PROJECT}/issues", [])
    fake.expect("GET", f"{PROJECT}/issues/9", {"title": "A-1: One", "web_url": "https://gitlab.example/9"})

    done = work.create("gitlab:group/sub/project")

    assert fake.requests[2].query["search"] == "findings-report:review-of-quicknotes/A-1"
    assert asked[0]["labels"] == "severity-high,CWE-89"
    assert asked[0]["title"] == "A-1: One"
    assert "`findings-report:review-of-quicknotes/A-1`" in asked[0]["description"]
    assert "is now gitlab:group/sub/project#9" in done.messages[0]


def test_label_due_date_and_assignee_follow_the_finding(work: Work, fake: Fake) -> None:
    sent: list[Request] = []

    def read(severity: str, due: str | None, *people: int) -> None:
        document = {"title": "x", "web_url": "x", "state": "closed", "labels": ["theirs", severity], "due_date": due}
        fake.expect("GET", f"{PROJECT}/issues/9", document | {"assignees": [{"id": person} for person in people]})

    people = [{"id": 7, "username": "ada", "name": "Ada L."}, {"id": 8, "username": "adam", "name": "Adam"}]
    work.finding("A-1", FINDING + "due: 2026-12-24\nowner: ada\n")
    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    fake.expect("GET", PROJECT, {"visibility": "private"})
    fake.expect("GET", f"{PROJECT}/issues", [])
    fake.expect("GET", f"{PROJECT}/members/all", people)
    fake.expect("POST", f"{PROJECT}/issues", recorded(sent, Reply({"iid": 9}, 201)))
    fake.expect("GET", f"{PROJECT}/issues", [])
    read("severity-high", "2026-12-24", 7)
    work.create("gitlab:group/sub/project")
    work.finding("A-1", FINDING.replace("high", "low"))
    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    read("severity-high", "2026-12-24", 7)
    fake.expect("PUT", f"{PROJECT}/issues/9", recorded(sent, Reply({})))
    read("severity-low", None)

    done = work.sync()

    created, updated = (request.json() for request in sent)
    assert (created["due_date"], created["assignee_ids"]) == ("2026-12-24", [7])
    assert (updated["due_date"], updated["assignee_ids"]) == ("", [0])
    assert (updated["add_labels"], updated["remove_labels"]) == ("severity-low", "severity-high")
    assert "updated, priority, due date, owner" in done.messages[0]


@pytest.mark.parametrize("ref", ["gitlab:project#4", "gitlab:a/../b#4", "gitlab:a/b", "gitlab:a/b#0", "gitlab:a/b?x#4"])
def test_what_is_no_issue_is_refused(work: Work, fake: Fake, ref: str) -> None:
    fake.expect("GET", "/api/v4/user", {"username": "ada"})

    assert work.refused(ref).code == "ticket-ref"


@pytest.fixture
def audited(tmp_path: Path, fake: Fake) -> Work:
    """An engagement with parts that are not for the client, whose tracker this is."""
    fake.contract = contract.gitlab()
    findings = withheld.engagement(tmp_path)
    (findings / "F-2.finding.yaml").unlink()
    for name in ("F-1.finding.yaml", f"F-3-{withheld.MARKER}.finding.yaml"):
        path = findings / name
        path.write_text(path.read_text().replace("related: [F-2, ", "related: [").replace(" and [](finding:F-2)", ""))
    return Work(tmp_path, {"GITLAB_URL": fake.url, "GITLAB_TOKEN": "glpat-0123456789"})


def test_tickets_of_an_audience_hold_nothing_that_is_not_for_it(audited: Work, fake: Fake, tmp_path: Path) -> None:
    inputs, environment = Inputs(audited.root, {}, audience="client"), Environment(audited.environment)
    created = []

    def answer(request: Request) -> Reply:
        created.append(request.json())
        return Reply({"iid": 9}, 201)

    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    fake.expect("GET", PROJECT, {"visibility": "private"})
    fake.expect("GET", f"{PROJECT}/issues", [])
    fake.expect("GET", f"{PROJECT}/members/all", [])
    fake.expect("POST", f"{PROJECT}/issues", answer)
    fake.expect("GET", f"{PROJECT}/issues", [])
    fake.expect("GET", f"{PROJECT}/issues/9", {"title": "F-1: A shown weakness", "web_url": "https://gitlab.example/9"})

    create(inputs, CreateOptions("gitlab:group/sub/project"), environment, lambda _: None)

    assert [issue["title"] for issue in created] == ["F-1: A shown weakness"]
    assert "another finding" in created[0]["description"]
    assert withheld.MARKER not in repr(fake.requests)
    assert withheld.MARKER not in audited.lock
    assert "audience: 'client'" in audited.lock.replace('"', "'")


@pytest.mark.parametrize(
    ("recorded", "fault"),
    [("      audience: client\n", "the ticket was created for client"), ("", "it is not known who reads the ticket")],
)
def test_a_ticket_is_updated_for_its_audience_only(recorded: str, fault: str, audited: Work, fake: Fake) -> None:
    (audited.root / "findings" / "tickets.lock.yaml").write_text(
        f"format: 1\nengagement: shop\ntickets:\n  F-1:\n    gitlab:\n{recorded}"
        '      ref: "gitlab:group/sub/project#9"\n      stands: x\n      status: open\n      written: y\n'
    )
    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    inputs = Inputs(audited.root, {}, audience="internal")

    result = sync(inputs, SyncOptions(), Environment(audited.environment), lambda _: None)

    (problem,) = [problem for problem in result.problems if problem.code == "audience"]
    assert fault in problem.fault
    assert all(request.method == "GET" for request in fake.requests)
