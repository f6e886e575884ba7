"""DefectDojo: findings are imported once and changed afterwards, files and notes hang on engagements, tests and findings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trackers.dojo_double import API, TOKEN, DojoDouble
from trackers.fake import Reply
from trackers.work import PDF, Work, made

from findings_report.model.ticket import File

ENGAGEMENT = "defectdojo:engagement/12"
FILE = File("report", ".pdf", PDF, "application/pdf")
FINDING = """title: {title}
severity: {severity}
status: {status}
description: Something is *wrong*, says @ada.
impact: Much.
recommendation: Mend it.
cwe: CWE-89
tags: [web]
"""


@pytest.fixture
def dojo() -> Iterator[DojoDouble]:
    with DojoDouble.started() as server:
        assert isinstance(server, DojoDouble)
        yield server
        server.check()


@pytest.fixture
def work(tmp_path: Path, dojo: DojoDouble) -> Work:
    work = made(tmp_path, {"DEFECTDOJO_URL": dojo.url, "DEFECTDOJO_TOKEN": TOKEN})
    work.finding("A-1", FINDING.format(title="One", severity="high", status="open"))
    work.finding("A-2", FINDING.format(title="Two", severity="low", status="open"))
    return work


def test_findings_are_pushed_once_with_their_fields_and_followed_afterwards(work: Work, dojo: DojoDouble) -> None:
    created = work.create(ENGAGEMENT)

    assert dojo.imports == ["import", "reimport"]  # one test for all of them
    assert [test["title"] for test in dojo.objects["tests"].values()] == ["findings-report:review-of-quicknotes"]
    first = dojo.findings[77]
    assert "is now defectdojo:finding/77" in created.messages[0]
    assert (first["title"], first["severity"], first["cwe"], first["active"]) == ("One", "High", 89, True)
    assert (first["impact"], first["mitigation"], first["tags"]) == ("Much.", "#### Short term\n\nMend it.", ["web"])
    assert first["unique_id_from_tool"] == "findings-report:review-of-quicknotes/A-1"

    # Without the record of it, each is found again; a finding with another description is the same one.
    (work.root / "findings" / "tickets.lock.yaml").unlink()
    work.finding("A-1", FINDING.format(title="One", severity="high", status="open").replace("wrong", "broken"))
    work.finding("A-2", FINDING.format(title="Two", severity="low", status="open"))
    again = work.create(ENGAGEMENT)
    assert "is defectdojo:finding/77" in again.messages[0]
    assert len(dojo.findings) == 2

    sent = len(list(dojo.sent()))
    assert [message.rpartition(" is ")[2] for message in work.sync().messages[1:]] == ["up to date"]
    first |= {"tags": ["web", "sprint-4"], "verified": True}
    work.finding("A-1", FINDING.format(title="One again", severity="low", status="resolved").replace("impact: Much.\n", ""))
    work.sync()

    assert (first["title"], first["impact"], first["mitigation"]) == ("One again", "", "#### Short term\n\nMend it.")
    # State and tags are people's: the note says what the report says.
    assert (first["active"], first["verified"], first["tags"]) == (True, True, ["web", "sprint-4"])
    assert "**Resolved**" in dojo.notes["findings", 77][0]["entry"]
    assert len(list(dojo.sent())) > sent
    sent = len(list(dojo.sent()))
    assert all("up to date" in message for message in work.sync().messages)
    assert len(list(dojo.sent())) == sent


def test_a_text_that_people_have_edited_is_kept(work: Work, dojo: DojoDouble) -> None:
    work.create(ENGAGEMENT)
    dojo.findings[77]["mitigation"] = "Do it in May."
    work.finding("A-1", FINDING.format(title="One", severity="high", status="open").replace("Mend it", "Mend it soon"))

    result = work.sync()

    assert [problem.code for problem in result.problems] == ["ticket-edited"]
    assert dojo.findings[77]["mitigation"] == "Do it in May."
    work.sync(overwrite=True)
    assert dojo.findings[77]["mitigation"].endswith("Mend it soon.")


def test_severity_and_due_date_follow_the_finding_unless_people_have_changed_them(work: Work, dojo: DojoDouble) -> None:
    work.finding("A-1", FINDING.format(title="One", severity="high", status="open") + "due: 2026-12-24\nowner: ada\n")
    assert not work.create(ENGAGEMENT).problems  # findings have no owner here, so none is missing
    first, second = dojo.findings[77], dojo.findings[78]
    assert (first["severity"], first["planned_remediation_date"]) == ("High", "2026-12-24")

    work.finding("A-1", FINDING.format(title="One", severity="critical", status="open") + "due: 2027-01-15\nowner: ada\n")
    work.finding("A-2", FINDING.format(title="Two", severity="medium", status="open"))
    second["severity"] = "High"
    result = work.sync()

    assert (first["severity"], first["planned_remediation_date"]) == ("Critical", "2027-01-15")
    assert second["severity"] == "High"
    assert [problem.code for problem in result.problems] == ["ticket-field"]
    assert "defectdojo:finding/78" in result.problems[0].fault


@pytest.mark.parametrize("ref", [ENGAGEMENT, "defectdojo:test/31", "defectdojo:finding/77"])
def test_a_file_hangs_on_its_object_with_a_note_and_a_second_run_sends_nothing(work: Work, dojo: DojoDouble, ref: str) -> None:
    work.create(ENGAGEMENT)

    assert f"{ref}: attached {FILE.name}" in work.attach(ref).messages[0]

    kind, number = ref.removeprefix("defectdojo:").split("/")
    (file,) = dojo.files[f"{kind}s", int(number)]
    assert dojo.stored[file["id"]] == PDF
    assert file["title"] == f"{FILE.name} ({kind} {number})"
    assert FILE.mark in dojo.notes[f"{kind}s", int(number)][0]["entry"]
    assert "is already attached" in work.attach(ref).messages[0]
    work.build(PDF + b"newer")
    assert f"which supersedes {FILE.name}" in work.attach(ref).messages[0]
    # Titles are unique in the whole installation: the same file goes to another object all the same.
    work.build()
    other = "defectdojo:finding/78"
    assert f"{other}: attached {FILE.name}" in work.attach(other).messages[0]


def test_a_name_that_is_too_long_and_a_mention_in_a_note(work: Work, dojo: DojoDouble) -> None:
    path = work.root / f"{'x' * 90}.pdf"
    path.write_bytes(PDF)
    (problem,) = work.attach(ENGAGEMENT, path).problems
    assert (problem.code, problem.remedy) == ("tracker-refused", "give the file a shorter name")
    assert not list(dojo.sent())

    work.attach(ENGAGEMENT, changes="For @ada, see #12.")

    assert "@\u200bada, see #\u200b12" in dojo.notes["engagements", 12][0]["entry"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply({"detail": "You do not have permission to perform this action."}, 403), "tracker-rights"),
        (Reply({"detail": "Not found."}, 404), "tracker-ticket"),
        (Reply({"file": ["Report file is too large. Maximum supported size is 100 MB"]}, 400), "tracker-too-large"),
        (Reply({"message": "Not allowed fields are present: ['cwes']"}, 400), "tracker-refused"),
        (Reply({"message": "Internal server error"}, 500), "tracker-server"),
        (Reply({"test_id": [31]}, 201), "tracker-answer"),
        (Reply({"test_id": 31}, 201), "tracker-answer"),  # nothing was imported
    ],
)
def test_a_refused_import_is_one_message(work: Work, dojo: DojoDouble, reply: Reply, code: str) -> None:
    dojo.instead["POST", f"{API}/import-scan/"] = reply
    dojo.contract = None  # what is answered here is not what DefectDojo answers

    (problem,) = work.create(ENGAGEMENT).problems

    assert problem.code == code
    assert TOKEN not in f"{problem.fault} {problem.remedy}"
    assert not (work.root / "findings" / "tickets.lock.yaml").exists()


def test_a_wrong_token_and_what_is_no_object_are_refused(work: Work, dojo: DojoDouble) -> None:
    for ref in ("defectdojo:12", "defectdojo:product/1", "defectdojo:finding/0", "defectdojo:finding/7/8"):
        assert work.refused(ref).code == "ticket-ref"
    assert work.refused_tickets("defectdojo:finding/77").code == "ticket-ref"
    assert work.refused("defectdojo:finding/404").code == "tracker-ticket"

    work.environment["DEFECTDOJO_TOKEN"] = "wrong-token"

    assert work.refused(ENGAGEMENT).code == "tracker-token"
    assert not list(dojo.sent())
