"""ServiceNow: what is asked of it, held against the vendor's documentation by a fake that is strict.

The vendor publishes no machine-readable document of these APIs; each instance makes its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import samples
from trackers.fake import Fake, Reply, Request
from trackers.work import FINDING, PDF, Work, made

from findings_report.model.ticket import File
from findings_report.problems import Kind
from findings_report.report.archive import to_json

FILE = File("report", ".pdf", PDF, "application/pdf")
NEWER = File("report", ".pdf", PDF + b"newer", "application/pdf")
RECORD = "9d385017c611228701d22104cc95c371"
TASK = f"/api/now/table/incident/{RECORD}"


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    return made(
        tmp_path, {"SERVICENOW_URL": fake.url, "SERVICENOW_USERNAME": "audit.bot", "SERVICENOW_PASSWORD": "s3cret-password"}
    )


def answering(result: object, query: dict[str, str]) -> Any:
    def answer(request: Request) -> Reply:
        assert dict(request.query) == query
        return Reply({"result": result})

    return answer


def identity(fake: Fake) -> None:
    query = {"sysparm_query": "sys_id=javascript:gs.getUserID()", "sysparm_fields": "user_name", "sysparm_limit": "1"}
    fake.expect("GET", "/api/now/table/sys_user", answering([{"user_name": "audit.bot"}], query))


FIELDS = "short_description,description,active,impact,urgency,due_date,assigned_to"


def place(fake: Fake, found: Sequence[object] = ({"sys_id": RECORD, "sys_class_name": "incident"},), fields: str = "") -> None:
    query = {
        "sysparm_query": "number=INC0010001",
        "sysparm_fields": f"sys_id,sys_class_name,{fields}".rstrip(","),
        "sysparm_limit": "1",
        "sysparm_exclude_reference_link": "true",
    }
    fake.expect("GET", "/api/now/table/task", answering(list(found), query))


def ticket(fake: Fake, files: Sequence[File] = (), notes: str = "") -> None:
    place(fake, fields=FIELDS)
    query = {"sysparm_fields": "work_notes", "sysparm_display_value": "true"}
    fake.expect("GET", TASK, answering({"work_notes": notes}, query))
    wanted = f"table_name=incident^table_sys_id={RECORD}^ORDERBYsys_created_on"
    listed = [{"sys_id": str(i), "file_name": each.name, "size_bytes": str(len(each.content))} for i, each in enumerate(files)]
    fake.expect("GET", "/api/now/attachment", answering(listed, {"sysparm_query": wanted, "sysparm_limit": "10000"}))


def test_the_file_goes_up_as_it_is_and_a_work_note_tells_of_it(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake)
    place(fake)
    fake.expect("POST", "/api/now/attachment/file", Reply({"result": {"sys_id": "1"}}, 201))
    fake.expect("PATCH", TASK, {"result": {"sys_id": RECORD}})
    ticket(fake, [FILE], f"2026-11-22 10:00:00 - Bot (Work notes)\n[code]<code>{FILE.mark}</code>[/code]\n\n")

    done = work.attach("servicenow:INC0010001")

    basic = base64.b64encode(b"audit.bot:s3cret-password").decode()
    assert {each.headers["authorization"] for each in fake.requests} == {f"Basic {basic}"}
    assert {each.headers["accept"] for each in fake.requests} == {"application/json"}
    upload, note = (each for each in fake.requests if each.method != "GET")
    assert upload.query == {"table_name": "incident", "table_sys_id": RECORD, "file_name": FILE.name}
    assert upload.headers["content-type"] == "application/pdf"
    assert upload.content == PDF
    assert note.headers["content-type"] == "application/json"
    assert list(note.json()) == ["work_notes"]
    assert note.json()["work_notes"].startswith("[code]<p>")
    assert f"<code>{FILE.mark}</code>" in note.json()["work_notes"]
    assert f"{fake.url}/incident.do?sys_id={RECORD}" in done.messages[0]


def test_the_same_bytes_are_never_attached_twice(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [FILE], FILE.mark)

    assert "is already attached" in work.attach("servicenow:INC0010001").messages[0]


def test_a_run_that_was_cut_short_before_the_note_is_finished_by_the_next(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [FILE])
    place(fake)
    fake.expect("PATCH", TASK, {"result": {}})
    ticket(fake, [FILE], FILE.mark)

    assert "the comment about" in work.attach("servicenow:INC0010001").messages[0]


def test_a_newer_report_says_what_it_supersedes(fake: Fake, work: Work) -> None:
    work.build(NEWER.content)
    identity(fake)
    ticket(fake, [FILE], FILE.mark)
    place(fake)
    fake.expect("POST", "/api/now/attachment/file", Reply({"result": {}}, 201))
    fake.expect("PATCH", TASK, {"result": {}})
    ticket(fake, [FILE, NEWER], f"{NEWER.mark}\n{FILE.mark}")

    done = work.attach("servicenow:INC0010001")

    assert f"Supersedes <code>{FILE.name}</code>" in fake.requests[-4].json()["work_notes"]
    assert f"which supersedes {FILE.name}" in done.messages[0]


def test_a_note_that_the_instance_drops_without_a_word_is_told(fake: Fake, work: Work) -> None:
    identity(fake)
    ticket(fake, [FILE])
    place(fake)
    fake.expect("PATCH", TASK, {"result": {}})
    ticket(fake, [FILE])

    (problem,) = work.attach("servicenow:INC0010001").problems

    assert problem.code == "ticket-lost"
    assert "the comment is missing" in problem.fault


def test_no_text_ends_what_makes_the_note_html(fake: Fake, work: Work) -> None:
    report = samples.report()
    named = report.engagement.model_copy(update={"title": "[/code] <script>alert(1)</script> [code]"})
    content = to_json(report.model_copy(update={"engagement": named}))
    file = File("report", ".pdf", content, "application/pdf")
    work.build(content)
    identity(fake)
    ticket(fake, [file])
    place(fake)
    fake.expect("PATCH", TASK, {"result": {}})
    ticket(fake, [file], file.mark)

    work.attach("servicenow:INC0010001")

    (note,) = [each.json()["work_notes"] for each in fake.requests if each.method == "PATCH"]
    assert (note.count("[code]"), note.count("[/code]"), note.count("<script")) == (1, 1, 0)
    assert "&#91;/code&#93; &lt;script&gt;" in note


def test_a_token_is_accepted_instead_of_a_password(fake: Fake, work: Work) -> None:
    work.environment.pop("SERVICENOW_USERNAME")
    work.environment["SERVICENOW_TOKEN"] = "oauth-token"
    identity(fake)
    ticket(fake, [FILE], FILE.mark)

    work.attach("servicenow:INC0010001")

    assert {each.headers["authorization"] for each in fake.requests} == {"Bearer oauth-token"}


def test_a_wrong_password_is_told_and_stands_in_no_message(fake: Fake, work: Work) -> None:
    basic = base64.b64encode(b"audit.bot:s3cret-password").decode()
    said = {"error": {"message": "User Not Authenticated", "detail": f"not {basic}, s3cret-password"}, "status": "failure"}
    fake.expect("GET", "/api/now/table/sys_user", Reply(said, 401))

    problem = work.refused("servicenow:INC0010001")

    assert (problem.kind, problem.code) == (Kind.NETWORK, "tracker-token")
    assert "User Not Authenticated; not ***, ***" in problem.fault


def test_a_number_that_no_task_has_is_told(fake: Fake, work: Work) -> None:
    identity(fake)
    place(fake, [], FIELDS)

    assert work.refused("servicenow:INC0010001").code == "tracker-ticket"


@pytest.mark.parametrize(("status", "code"), [(403, "tracker-rights"), (413, "tracker-too-large"), (500, "tracker-server")])
def test_what_servicenow_refuses_is_told_one_message_each(fake: Fake, work: Work, status: int, code: str) -> None:
    identity(fake)
    ticket(fake)
    place(fake)
    fake.expect("POST", "/api/now/attachment/file", Reply({"error": {"message": "no", "detail": None}}, status))
    if status == 500:  # after which nobody knows what was done
        ticket(fake)

    (problem,) = work.attach("servicenow:INC0010001").problems

    assert problem.code == code


@pytest.mark.parametrize("key", ["inc1", "INC1^ORnumber=INC2", "INC 1", "INC1&sysparm_limit=9"])
def test_what_is_no_number_is_told_before_it_is_asked_for(fake: Fake, work: Work, key: str) -> None:
    identity(fake)

    assert work.refused(f"servicenow:{key}").code == "ticket-ref"


@pytest.mark.parametrize(
    "found", [{"sys_id": RECORD, "sys_class_name": "x/../y"}, {"sys_id": "../1", "sys_class_name": "task"}]
)
def test_an_answer_that_would_lead_elsewhere_is_not_followed(fake: Fake, work: Work, found: object) -> None:
    identity(fake)
    place(fake, [found], FIELDS)

    assert work.refused("servicenow:INC0010001").code == "tracker-answer"


MARKER = "findings-report:review-of-quicknotes/A-1"
TABLE = "/api/now/table/incident"
TEXT = """\
- Severity: High
- Status: Open
- Weakness: CWE-89 (https://cwe.mitre.org/data/definitions/89.html) Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')

Description
-----------

Something is wrong.

--------------------

From the report “Review of *quicknotes*”, version 1.1: findings-report:review-of-quicknotes/A-1
"""  # noqa: E501 - a line is what it is


def table(fake: Fake, found: Sequence[object] = ({"number": "INC0000001"},)) -> None:
    identity(fake)
    fake.expect("GET", TABLE, answering(list(found), {"sysparm_fields": "number", "sysparm_limit": "1"}))


def correlated(fake: Fake, found: Sequence[object] = (), marker: str = MARKER) -> None:
    query = {"sysparm_query": f"correlation_id={marker}", "sysparm_fields": "number,correlation_id", "sysparm_limit": "1"}
    fake.expect("GET", TABLE, answering(list(found), query))


def stands(fake: Fake, text: str = "text", **fields: str) -> None:
    record = {"sys_id": RECORD, "sys_class_name": "incident", "short_description": "x", "description": text, **fields}
    place(fake, [record], FIELDS)


def new(fake: Fake) -> None:
    fake.expect("POST", TABLE, Reply({"result": {"number": "INC0010001"}}, 201))
    stands(fake)


def posted(fake: Fake) -> Any:
    (request,) = [each for each in fake.requests if each.method == "POST"]
    assert request.query == {"sysparm_fields": "number"}
    assert request.headers["content-type"] == "application/json"
    return request.json()


def test_a_record_is_made_in_plain_text_with_the_marker_as_its_correlation(fake: Fake, work: Work) -> None:
    table(fake)
    correlated(fake)
    new(fake)

    done = work.create("servicenow:incident")

    assert posted(fake) == {
        "short_description": "A-1: One",
        "description": TEXT,
        "impact": "1",
        "urgency": "2",
        "correlation_id": MARKER,
        "correlation_display": "findings-report",
    }
    assert "is now servicenow:INC0010001" in done.messages[0]


def test_a_record_that_a_cut_short_run_made_is_found_by_its_correlation(fake: Fake, work: Work) -> None:
    table(fake)
    correlated(fake, [{"number": "INC0010001", "correlation_id": MARKER}])
    stands(fake)

    assert "is servicenow:INC0010001" in work.create("servicenow:incident").messages[0]


def test_any_record_that_answers_where_the_condition_was_left_out_is_not_taken(fake: Fake, work: Work) -> None:
    table(fake)
    correlated(fake, [{"number": "INC0000001", "correlation_id": ""}])
    new(fake)

    assert "is now servicenow:INC0010001" in work.create("servicenow:incident").messages[0]


@pytest.mark.parametrize(
    ("severity", "ratings"),
    [("critical", "11"), ("high", "12"), ("medium", "22"), ("low", "23"), ("informational", "33")],
)
def test_of_impact_and_urgency_the_instance_makes_the_priority(fake: Fake, work: Work, severity: str, ratings: str) -> None:
    work.finding("A-1", f"title: One\nseverity: {severity}\ndescription: x\n")
    table(fake)
    correlated(fake)
    new(fake)

    work.create("servicenow:incident")

    assert posted(fake)["impact"] + posted(fake)["urgency"] == ratings


@pytest.mark.slow  # converts very long texts
def test_what_is_longer_than_a_field_is_cut_and_the_marker_stays(fake: Fake, work: Work) -> None:
    id = "A" * 60
    (work.root / "findings" / "engagement.yaml").write_text(f"format: 1\ntitle: {'x' * 60}\n")
    (work.root / "findings" / "A-1.finding.yaml").unlink()
    paragraphs = "".join(f"  Paragraph {number}.\n\n" for number in range(400))
    work.finding(id, f"title: {'y' * 200}\nseverity: high\ndescription: |\n{paragraphs}")
    whole = f"findings-report:{'x' * 40}/{id}"
    marker = f"{whole[:67]}-{hashlib.sha256(whole.encode()).hexdigest()[:32]}"
    table(fake)
    correlated(fake, marker=marker)
    new(fake)

    work.create("servicenow:incident")

    sent = posted(fake)
    assert (len(sent["short_description"]), sent["short_description"][-1]) == (160, "…")
    assert len(marker) == 100
    assert sent["correlation_id"] == marker
    assert 3900 < len(sent["description"]) <= 4000
    assert "Truncated" in sent["description"]
    assert sent["description"].endswith(f": {whole}\n")


@pytest.mark.parametrize("found", [[{}], [{"name": "no task"}]])
def test_a_table_whose_records_are_no_tasks_is_told_before_anything_is_made(
    fake: Fake, work: Work, found: list[object]
) -> None:
    table(fake, found)

    assert work.refused_tickets("servicenow:incident").code == "ticket-ref"


@pytest.mark.parametrize("key", ["Incident", "../task", "incident?x", "INC0010001"])
def test_what_is_no_table_is_told_before_it_is_asked_for(fake: Fake, work: Work, key: str) -> None:
    identity(fake)

    assert work.refused_tickets(f"servicenow:{key}").code == "ticket-ref"


def test_sync_writes_title_text_and_note_in_one_step_and_no_state(fake: Fake, work: Work) -> None:
    table(fake)
    correlated(fake)
    new(fake)
    work.create("servicenow:incident")
    work.finding("A-1", "title: Two\nseverity: high\nstatus: resolved\ndescription: Better.\n")
    identity(fake)
    stands(fake)
    place(fake)
    fake.expect("PATCH", TASK, {"result": {}})
    stands(fake, "new text")

    done = work.sync()

    (sent,) = [each.json() for each in fake.requests if each.method == "PATCH"]
    assert sorted(sent) == ["description", "short_description", "work_notes"]
    assert sent["short_description"] == "A-1: Two"
    assert "- Status: Resolved" in sent["description"]
    assert sent["work_notes"].startswith("[code]<p>Status of A-1 in the report: <strong>Resolved</strong> (previously: Open).")
    assert "Open is now Resolved" in done.messages[0]


def test_ratings_due_date_and_owner_follow_the_finding(fake: Fake, work: Work) -> None:
    person = "b" * 32
    asked = {
        "sysparm_query": "name=Ada^ORuser_name=Ada^ORemail=Ada",
        "sysparm_fields": "sys_id",
        "sysparm_limit": "2",
    }
    work.finding("A-1", FINDING + "due: 2026-12-24\nowner: Ada\n")
    table(fake)
    correlated(fake)
    fake.expect("GET", "/api/now/table/sys_user", answering([{"sys_id": person}], asked))
    fake.expect("POST", TABLE, Reply({"result": {"number": "INC0010001"}}, 201))
    values = {"impact": "1", "urgency": "2", "due_date": "2026-12-24 12:00:00", "assigned_to": person}
    stands(fake, **values)
    work.create("servicenow:incident")
    assert {name: posted(fake)[name] for name in values} == values
    work.finding("A-1", FINDING.replace("high", "critical") + "owner: A^active=true\n")
    identity(fake)
    stands(fake, **values)
    place(fake)
    fake.expect("PATCH", TASK, {"result": {}})
    stands(fake, impact="1", urgency="1", assigned_to=person)

    (unknown,) = work.sync().problems

    (sent,) = [request.json() for request in fake.requests if request.method == "PATCH"]
    assert (sent["impact"], sent["urgency"], sent["due_date"]) == ("1", "1", "")
    assert "assigned_to" not in sent
    assert "'A^active=true'" in unknown.fault


def test_a_text_that_people_changed_is_left_alone(fake: Fake, work: Work) -> None:
    table(fake)
    correlated(fake)
    new(fake)
    work.create("servicenow:incident")
    work.finding("A-1", "title: Two\nseverity: high\ndescription: Better.\n")
    identity(fake)
    stands(fake, "text, and what we think of it")

    (problem,) = work.sync().problems

    assert problem.code == "ticket-edited"
