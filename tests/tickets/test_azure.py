"""Azure DevOps: what is asked of it, held against the vendor's documentation by a fake that is strict.

Each request is held against contracts/azure.yaml too, written down from the vendor's Swagger 2.0.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from trackers import contract
from trackers.fake import Fake, Reply, Request
from trackers.work import FINDING, PDF, Work, made

from findings_report.model.ticket import File
from findings_report.problems import Kind

TOKEN = "pat0123456789/+=="
FILE = File("report", ".pdf", PDF, "application/pdf")
NEWER = File("report", ".pdf", PDF + b"newer", "application/pdf")
ITEM = "/The%20audit/_apis/wit/workitems/31"
ADDRESS = "https://dev.azure.com/client/_apis/wit/attachments/5d0e"
USER = {"id": "d291b0c4-a05c-4ea6-8df1-4b41d5f39eff", "providerDisplayName": "Alex"}


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    fake.contract = contract.azure()
    return made(tmp_path, {"AZURE_DEVOPS_URL": f"{fake.url}/client/", "AZURE_DEVOPS_EXT_PAT": TOKEN})


def relation(file: File, address: str = ADDRESS, comment: str | None = None) -> dict[str, Any]:
    attributes = {"id": 1, "name": file.name, "resourceSize": len(file.content), "comment": comment or file.mark}
    return {"rel": "AttachedFile", "url": address, "attributes": attributes}


LINK = {"rel": "Hyperlink", "url": "https://example.org", "attributes": {"comment": "x"}}


def with_query(document: object, **expected: str) -> Any:
    def answer(request: Request) -> Reply:
        named = {name.replace("_", "-").replace("top", "$top"): value for name, value in expected.items()}
        assert dict(request.query) == named
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
    added, comment = change.json()
    value = {"rel": "AttachedFile", "url": ADDRESS, "attributes": {"comment": FILE.mark}}
    assert added == {"op": "add", "path": "/relations/-", "value": value}
    assert (comment["op"], comment["path"]) == ("add", "/fields/System.History")
    assert f"<code>{FILE.mark}</code>" in comment["value"]
    assert f"{fake.url}/client/The%20audit/_workitems/edit/31" in done.messages[0]


def test_the_same_bytes_are_never_attached_twice(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [relation(FILE)], [FILE.mark])

    assert "is already attached" in work.attach("azure:The audit/31").messages[0]


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

    assert "is already attached" in work.attach("azure:The audit/31").messages[0]


def test_a_run_that_was_cut_short_before_the_comment_is_finished_by_the_next(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [relation(FILE)])
    fake.expect("PATCH", f"/client{ITEM}", {"id": 31})
    ticket(fake, [relation(FILE)], [FILE.mark])

    done = work.attach("azure:The audit/31")

    (change,) = [each for each in fake.requests if each.method == "PATCH"]
    assert [each["path"] for each in change.json()] == ["/fields/System.History"]
    assert "the comment about" in done.messages[0]


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
    added, test, older, comment = change.json()
    assert added["value"]["attributes"]["comment"] == NEWER.mark
    assert test == {"op": "test", "path": "/rev", "value": 6}
    assert older == {"op": "replace", "path": "/relations/2/attributes/comment", "value": marked}
    assert f'Supersedes <a href="{ADDRESS}">{FILE.name}</a>' in comment["value"]
    assert f"which supersedes {FILE.name}" in done.messages[0]


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


PROJECT = "/client/The%20audit"
FORM = {
    "System.Description": [],
    "Microsoft.VSTS.TCM.ReproSteps": [],
    "Microsoft.VSTS.Common.Priority": ["1", "2", "3", "4"],
    "Microsoft.VSTS.Common.Severity": ["1 - Critical", "2 - High", "3 - Medium", "4 - Low"],
}
MARKER = "findings-report:review-of-quicknotes/A-1"


def project(fake: Fake, visibility: str = "private") -> None:
    identity(fake)
    fake.expect("GET", "/client/_apis/projects/The%20audit", {"visibility": visibility})


def form(fake: Fake, fields: dict[str, list[str]] = FORM, kind: str = "Bug") -> None:
    listed = [{"referenceName": name, "allowedValues": values} for name, values in fields.items()]
    path = f"{PROJECT}/_apis/wit/workitemtypes/{kind}/fields"
    fake.expect("GET", path, with_query({"value": listed}, **{"$expand": "allowedValues", "api_version": "6.0"}))


def tagged(fake: Fake, *texts: str) -> None:
    """Work items with this program's tag, numbered from 41, each with its text."""
    ids = [41 + place for place, _ in enumerate(texts)]
    fake.expect("POST", f"{PROJECT}/_apis/wit/wiql", {"queryType": "flat", "workItems": [{"id": id} for id in ids]})
    if texts:
        items = [{"id": id, "fields": {"System.Description": text}} for id, text in zip(ids, texts, strict=True)]
        fake.expect("GET", f"{PROJECT}/_apis/wit/workitems", {"value": [None, *items]})


def stands(
    fake: Fake, text: str, title: str = "A-1: One", number: int = 31, fields: Mapping[str, object] | None = None
) -> None:
    """The work item as it is read: a bug, whose text is in the steps to reproduce it."""
    path = f"{PROJECT}/_apis/wit/workitems/{number}"
    document = {"System.Title": title, "Microsoft.VSTS.TCM.ReproSteps": text, **(fields or {})}
    fake.expect("GET", path, {"id": number, "fields": document})


def changed(request: Request) -> dict[str, Any]:
    """The fields that a change sets."""
    assert request.headers["content-type"] == "application/json-patch+json"
    assert {each["op"] for each in request.json()} == {"add"}
    return {each["path"].removeprefix("/fields/"): each["value"] for each in request.json()}


def test_a_work_item_is_made_with_ranks_and_tags_after_its_marker_was_looked_for(fake: Fake, work: Work) -> None:
    project(fake)
    form(fake)
    tagged(fake, f"<code>{MARKER}0</code>")
    fake.expect("POST", f"{PROJECT}/_apis/wit/workitems/$Bug", {"id": 31, "rev": 1})
    stands(fake, "<p>text</p>")

    done = work.create("azure:The audit")

    query, asked, create = fake.requests[3:6]
    assert query.json()["query"] == (
        "SELECT [System.Id] FROM WorkItems"
        " WHERE [System.TeamProject] = @project AND [System.Tags] CONTAINS 'findings-report' ORDER BY [System.Id]"
    )
    assert asked.query == {
        "ids": "41",
        "fields": "System.Description,Microsoft.VSTS.TCM.ReproSteps",
        "errorPolicy": "omit",
        "api-version": "6.0",
    }
    fields = changed(create)
    text = fields.pop("Microsoft.VSTS.TCM.ReproSteps")
    assert fields == {
        "System.Title": "A-1: One",
        "System.Tags": "findings-report; severity-high; CWE-89",
        "Microsoft.VSTS.Common.Priority": 2,
        "Microsoft.VSTS.Common.Severity": "2 - High",
    }
    assert "<p>Something is <em>wrong</em>.</p>" in text
    assert f"<code>{MARKER}</code>" in text
    assert "is now azure:The audit/31" in done.messages[0]
    assert 'tickets: ["azure:The audit/31"]' in (work.root / "findings" / "A-1.finding.yaml").read_text()


def test_a_work_item_that_a_cut_short_run_made_is_found_by_its_marker(fake: Fake, work: Work) -> None:
    project(fake)
    form(fake)
    tagged(fake, f"<p>From <code>{MARKER}0</code></p>", f"<p>From <code>{MARKER}</code></p>")
    stands(fake, "text", number=42)

    assert "is azure:The audit/42" in work.create("azure:The audit").messages[0]


def test_work_items_with_the_tag_are_read_a_few_at_a_time(fake: Fake, work: Work) -> None:
    read = f"{PROJECT}/_apis/wit/workitems"
    project(fake)
    form(fake)
    fake.expect("POST", f"{PROJECT}/_apis/wit/wiql", {"workItems": [{"id": 100 + place} for place in range(60)]})
    fake.expect("GET", read, {"value": [{"id": 100, "fields": {}}]})
    fake.expect("GET", read, {"value": [{"id": 155, "fields": {"System.Description": f"<code>{MARKER}</code>"}}]})
    stands(fake, "text", number=155)

    assert "is azure:The audit/155" in work.create("azure:The audit").messages[0]
    first, second = (each.query["ids"].split(",") for each in fake.requests if each.path == read)
    assert first + second == [str(100 + place) for place in range(60)]


def test_a_work_item_without_ranks_or_with_its_own_keeps_its_defaults(fake: Fake, work: Work) -> None:
    work.environment["AZURE_DEVOPS_WORK_ITEM_TYPE"] = "User Story"
    project(fake)
    form(fake, {"System.Description": [], "Microsoft.VSTS.Common.Priority": ["P1", "P2"]}, "User%20Story")
    tagged(fake)
    fake.expect("POST", f"{PROJECT}/_apis/wit/workitems/$User%20Story", {"id": 31})
    stands(fake, "text")

    work.create("azure:The audit")

    fields = changed(fake.requests[4])
    assert sorted(fields) == ["System.Description", "System.Tags", "System.Title"]


@pytest.mark.parametrize(("severity", "rank"), [("critical", 1), ("high", 2), ("medium", 3), ("low", 4), ("informational", 4)])
def test_the_worst_severity_has_the_first_priority(fake: Fake, work: Work, severity: str, rank: int) -> None:
    work.finding("A-1", f"title: One\nseverity: {severity}\ndescription: x\n")
    project(fake)
    form(fake)
    tagged(fake)
    fake.expect("POST", f"{PROJECT}/_apis/wit/workitems/$Bug", {"id": 31})
    stands(fake, "text")

    work.create("azure:The audit")

    assert changed(fake.requests[4])["Microsoft.VSTS.Common.Priority"] == rank


def test_a_project_without_such_work_items_is_told_before_anything_is_made(fake: Fake, work: Work) -> None:
    project(fake)
    fake.expect("GET", f"{PROJECT}/_apis/wit/workitemtypes/Bug/fields", Reply({"message": "VS402323"}, 404))

    problem = work.refused_tickets("azure:The audit")

    assert (problem.kind, problem.code) == (Kind.USAGE, "tracker-setting")
    assert "AZURE_DEVOPS_WORK_ITEM_TYPE=Issue" in (problem.remedy or "")


@pytest.mark.parametrize("key", ["audit/31", "_x", "a/b"])
def test_what_is_no_project_is_told_before_it_is_asked_for(fake: Fake, work: Work, key: str) -> None:
    identity(fake)

    assert work.refused_tickets(f"azure:{key}").code == "ticket-ref"


def test_sync_sets_title_text_and_comment_in_one_change_and_no_state(fake: Fake, work: Work) -> None:
    project(fake)
    form(fake)
    tagged(fake)
    fake.expect("POST", f"{PROJECT}/_apis/wit/workitems/$Bug", {"id": 31})
    stands(fake, "<p>text</p>")
    work.create("azure:The audit")
    work.finding("A-1", "title: Two\nseverity: high\nstatus: resolved\ndescription: Better.\n")
    identity(fake)
    stands(fake, "<p>text</p>")
    fake.expect("GET", f"{PROJECT}/_apis/wit/workitems/31", {"fields": {"Microsoft.VSTS.TCM.ReproSteps": "<p>text</p>"}})
    fake.expect("PATCH", f"{PROJECT}/_apis/wit/workitems/31", {"id": 31})
    stands(fake, "<p>new text</p>", "A-1: Two")

    done = work.sync()

    (change,) = [changed(each) for each in fake.requests if each.method == "PATCH"]
    assert sorted(change) == ["Microsoft.VSTS.TCM.ReproSteps", "System.History", "System.Title"]
    assert change["System.Title"] == "A-1: Two"
    assert "Status: Resolved" in change["Microsoft.VSTS.TCM.ReproSteps"]
    assert "<strong>Resolved</strong> (previously: Open). Close this ticket if you agree." in change["System.History"]
    assert "Open is now Resolved" in done.messages[0]


def test_ranks_due_date_and_owner_follow_the_finding(fake: Fake, work: Work) -> None:
    due, owner = "Microsoft.VSTS.Scheduling.DueDate", "System.AssignedTo"
    ranks = ("Microsoft.VSTS.Common.Priority", "Microsoft.VSTS.Common.Severity")
    work.finding("A-1", FINDING + "due: 2026-12-24\nowner: ada@example.org\n")
    project(fake)
    form(fake, FORM | {due: []})
    tagged(fake)
    unknown = Reply({"message": "The identity value 'ada@example.org' for field 'Assigned To' is an unknown identity."}, 400)
    fake.expect("POST", f"{PROJECT}/_apis/wit/workitems/$Bug", unknown)
    fake.expect("POST", f"{PROJECT}/_apis/wit/workitems/$Bug", {"id": 31})
    standing: dict[str, object] = {"System.WorkItemType": "Bug", "System.State": "Done", ranks[0]: 2, ranks[1]: "2 - High"}
    states = {"value": [{"name": "Done", "category": "Completed"}]}
    stands(fake, "text", fields=standing | {due: "2026-12-24T12:00:00Z"})
    fake.expect("GET", f"{PROJECT}/_apis/wit/workitemtypes/Bug/states", states)
    (refused,) = work.create("azure:The audit").problems
    first, second = (changed(request) for request in fake.requests if request.method == "POST" and "$Bug" in request.path)
    assert (first[owner], owner in second) == ("ada@example.org", False)
    assert second[due] == "2026-12-24T12:00:00Z"
    assert refused.fault.startswith("owner not set: ")
    work.finding("A-1", FINDING.replace("high", "critical") + "owner: ada@example.org\n")
    identity(fake)
    person = {"displayName": "Ada", "uniqueName": "ada@example.org"}
    stands(fake, "text", fields=standing | {due: "2026-12-24T12:00:00Z", owner: person})
    form(fake, FORM | {due: []})
    fake.expect("GET", f"{PROJECT}/_apis/wit/workitemtypes/Bug/states", states)
    fake.expect("GET", f"{PROJECT}/_apis/wit/workitems/31", {"fields": {"Microsoft.VSTS.TCM.ReproSteps": "text"}})
    fake.expect("PATCH", f"{PROJECT}/_apis/wit/workitems/31", {"id": 31})
    stands(fake, "text", fields=standing | {ranks[0]: 1, ranks[1]: "1 - Critical", owner: person})

    done = work.sync()

    (change,) = [changed(request) for request in fake.requests if request.method == "PATCH"]
    assert (change[ranks[0]], change[ranks[1]], change[due]) == (1, "1 - Critical", "")
    assert owner not in change  # somebody has set it meanwhile, to the same person
    assert "updated, priority, due date" in done.messages[0]


def test_a_text_that_people_changed_is_left_alone(fake: Fake, work: Work) -> None:
    project(fake)
    form(fake)
    tagged(fake, f"<code>{MARKER}</code>")
    stands(fake, "<p>text</p>", number=41)
    work.create("azure:The audit")
    work.finding("A-1", "title: Two\nseverity: high\ndescription: Better.\n")
    identity(fake)
    stands(fake, "<p>text, and what we think of it</p>", number=41)

    (problem,) = work.sync().problems

    assert problem.code == "ticket-edited"
