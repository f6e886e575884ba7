"""Attaching to a real Redmine: what is on the ticket afterwards, read from Redmine itself."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import samples
import yaml
from pdfs import carrying
from signers import made_by, person
from trackers import debian
from trackers.redmine_server import RedmineServer
from trackers.work import FINDING, PDF, Work, made

from findings_report.model.ticket import File, TicketChange
from findings_report.pdf.signing import SignatureSettings
from findings_report.problems import FindingsReportError, Kind
from findings_report.report.archive import to_json
from findings_report.tickets import trackers
from findings_report.tickets.http.credentials import Environment

pytestmark = pytest.mark.slow


def asked(server: RedmineServer, path: str, document: object = None) -> Any:
    """Redmine's own answer."""
    return debian.asked(server.url + path, {"X-Redmine-API-Key": server.admin}, document)


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


def test_what_is_attached_is_read_back_byte_for_byte_and_a_comment_tells_of_it(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)

    done = work.attach(ref)

    digest = hashlib.sha256(PDF).hexdigest()
    (attached,) = issue(redmine, ref)["attachments"]
    assert attached["filename"] == f"report-{digest[:12]}.pdf"
    assert attached["content_type"] == "application/pdf"
    assert attached["description"] == f"sha256:{digest}"
    assert asked(redmine, attached["content_url"].removeprefix(redmine.url)) == PDF
    (note,) = notes(redmine, ref)
    assert f"sha256:{digest}" in note
    assert done.messages == (f"{ref}: attached report-{digest[:12]}.pdf, 10 kB\n  {redmine.url}/issues/{ref[8:]}",)
    assert not done.problems
    assert f'"{ref}":\n    "report.pdf": "report-{digest[:12]}.pdf"\n' in work.lock


def test_a_file_that_carries_its_report_is_told_of_in_the_reports_own_words(work: Work, redmine: RedmineServer) -> None:
    report = samples.report()
    path = work.root / "report.json"
    path.write_bytes(to_json(report))
    ref = new_issue(redmine)

    work.attach(ref, path)

    (note,) = notes(redmine, ref)
    assert f"*{report.engagement.title}*, " in note
    assert f", {report.engagement.state.value}" in note
    assert f"{report.total} finding" in note
    assert all(f"<code>{each.commit}</code>" in note for each in report.engagement.repositories if each.commit)


def test_the_same_bytes_are_never_attached_twice(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    work.attach(ref)
    before = issue(redmine, ref)

    done = work.attach(ref)

    assert issue(redmine, ref) == before
    assert "is already attached" in done.messages[0]


def test_a_newer_report_supersedes_the_older_and_both_say_so(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    work.attach(ref)
    work.build(PDF + b"newer")

    done = work.attach(ref, changes="- 1 new\n- 2 fixed")

    older, newer = issue(redmine, ref)["attachments"]
    assert older["description"].startswith(f"superseded by {newer['filename']}; sha256:")
    assert f"Supersedes attachment:{older['filename']}" in notes(redmine, ref)[1]
    assert "* 1 new\n* 2 fixed" in notes(redmine, ref)[1]
    assert f"which supersedes {older['filename']}" in done.messages[0]
    assert "is already attached" in work.attach(ref).messages[0]


def test_a_run_that_was_cut_short_before_the_comment_is_finished_by_the_next(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    file = File("report", ".pdf", PDF, "application/pdf")
    with trackers.open_tracker("redmine", Environment(work.environment)) as tracker:
        tracker.attach(tracker.read(ref[8:]), file, "")

    done = work.attach(ref)

    assert len(issue(redmine, ref)["attachments"]) == 1
    assert f"{file.mark}" in notes(redmine, ref)[0]
    assert "the comment about" in done.messages[0]


def test_a_dry_run_says_what_would_be_done_and_sends_nothing(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)

    done = work.attach(ref, dry_run=True)

    assert f"{ref}: would attach report-" in done.messages[0]
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
    assert "attached" in work.attach(ref, public=True).messages[0]


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


def test_programs_of_other_versions_make_no_other_report_and_an_older_one_supersedes_none(
    work: Work, redmine: RedmineServer
) -> None:
    ref = new_issue(redmine)
    report = samples.report()

    def build(version: str, python: str) -> str:
        components = tuple(
            component.model_copy(update={"version": python}) for component in report.components if component.name != "git"
        )
        engagement = report.engagement.model_copy(update={"version": version, "date": None})
        path = work.root / "report.json"
        path.write_bytes(to_json(report.model_copy(update={"engagement": engagement, "components": components})))
        return f"report-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}.json"

    first, path = build("1.9", "3.11.2"), work.root / "report.json"
    work.attach(ref, path)
    again = build("1.9", "3.11.9")
    assert work.attach(ref, path).messages == (f"{ref}: {first} is already attached, with the same content as {again}",)
    newer = build("1.10", "3.11.9")
    assert f"supersedes {first}" in work.attach(ref, path).messages[0]
    assert f'"report.json": "{newer}"' in work.lock
    older = build("1.8", "3.11.9")
    problem = work.refused(ref, path)
    assert (problem.code, problem.kind) == ("ticket-older", Kind.USAGE)
    assert f"{older} (version 1.8) is older than {newer} (version 1.10)" in problem.fault
    build("1.9", "3.11.2")
    assert work.attach(ref, path).messages == (f"{ref}: {first} is already attached, and superseded by {newer}",)
    assert f'"report.json": "{newer}"' in work.lock
    assert [attached["filename"] for attached in issue(redmine, ref)["attachments"]] == [first, newer]

    build("1.8", "3.11.9")
    assert f"supersedes {newer}" in work.attach(ref, path, force=True).messages[0]


def test_a_report_that_was_signed_since_is_attached_once(work: Work, redmine: RedmineServer) -> None:
    ref, path = new_issue(redmine), work.root / "report.pdf"
    plain = carrying(to_json(samples.report()))
    ada = person("Ada").plain
    names = []
    # The second signature differs in its time alone, and the unsigned one says nothing that the signed one does not.
    for content in (plain, made_by(plain, ada), made_by(plain, ada, SignatureSettings(datetime.now(UTC))), plain):
        path.write_bytes(content)
        names.append(File("report", ".pdf", content, "application/pdf").name)
        work.attach(ref, path)

    assert [attached["filename"] for attached in issue(redmine, ref)["attachments"]] == names[:2]


def test_only_what_is_on_the_ticket_is_superseded_and_a_closed_or_deleted_one_is_told(
    named: Work, redmine: RedmineServer
) -> None:
    named.create("redmine:audit")
    ref = f"redmine:{made_for(redmine, 'A-1', named)['id']}"
    named.attach(ref)
    (attached,) = issue(redmine, ref)["attachments"]
    debian.asked(f"{redmine.url}/attachments/{attached['id']}.json", {"X-Redmine-API-Key": redmine.admin}, method="DELETE")
    debian.asked(
        f"{redmine.url}/issues/{ref[8:]}.json", {"X-Redmine-API-Key": redmine.admin}, {"issue": {"status_id": 5}}, "PUT"
    )
    named.build(PDF + b"newer")

    done = named.attach(ref)

    assert "supersedes" not in done.messages[0] + notes(redmine, ref)[-1]
    assert [(problem.level, problem.code) for problem in done.problems] == [("warning", "ticket-closed")]
    named.finding("A-1", FINDING.replace("One", "Two"))
    synced = named.sync()
    assert [problem.code for problem in synced.problems] == ["ticket-closed"]
    assert issue(redmine, ref)["status"]["is_closed"]
    assert made_for(redmine, "A-1", named)["subject"] == "A-1: Two"
    debian.asked(f"{redmine.url}/issues/{ref[8:]}.json", {"X-Redmine-API-Key": redmine.admin}, method="DELETE")
    (missing,) = named.sync().problems
    assert (missing.code, missing.level) == ("tracker-ticket", "error")
    assert "`tickets create --only A-1` then creates another one" in (missing.remedy or "")
    assert named.refused(ref).code == "tracker-ticket"


def test_what_people_write_is_text_in_textile(work: Work, redmine: RedmineServer) -> None:
    ref = new_issue(redmine)
    title = '!http://evil/x.png! {{toc}} [[Wiki]] "x":http://evil/ #1 <b> & p. *b*'
    report = samples.report()
    named = report.engagement.model_copy(update={"title": title})
    work.build(to_json(report.model_copy(update={"engagement": named})))

    work.attach(ref)

    (note,) = notes(redmine, ref)
    assert "!http" not in note
    assert "{{" not in note
    assert "[[" not in note
    assert '":http' not in note


@pytest.fixture
def named(work: Work, request: pytest.FixtureRequest) -> Work:
    """An engagement of its own name, so that its tickets are told from those of other tests."""
    (work.root / "findings" / "engagement.yaml").write_text(f"format: 1\ntitle: {request.node.name}\n")
    return work


def made_for(server: RedmineServer, finding: str, work: Work) -> Any:
    ref = yaml.safe_load(work.lock)["tickets"][finding]["redmine"]["ref"]
    return issue(server, ref)


def test_a_finding_without_a_ticket_gets_one_and_never_a_second(named: Work, redmine: RedmineServer) -> None:
    path = named.finding("A-10", FINDING.replace("high", "low"))

    done = named.create("redmine:audit")

    ticket = made_for(redmine, "A-1", named)
    assert ticket["subject"] == "A-1: One"
    assert ticket["priority"]["name"] == "Urgent"
    assert made_for(redmine, "A-10", named)["priority"]["name"] == "Normal"
    assert "Something is _wrong_." in ticket["description"]
    assert path.read_text().endswith(f'\ntickets: ["redmine:{made_for(redmine, "A-10", named)["id"]}"]\n')
    assert len(done.messages) == 2
    assert named.create("redmine:audit").messages == ("all findings that need action have a ticket",)


def test_a_ticket_that_a_cut_short_run_made_is_found_by_its_marker(named: Work, redmine: RedmineServer) -> None:
    named.finding("A-10", FINDING)
    named.create("redmine:audit", only=("A-10",))
    named.create("redmine:audit", only=("A-1",))
    before = made_for(redmine, "A-1", named)
    (named.root / "findings" / "tickets.lock.yaml").unlink()
    named.finding("A-1", FINDING)

    done = named.create("redmine:audit", only=("A-1",))

    assert f"is redmine:{before['id']}" in done.messages[0]
    assert made_for(redmine, "A-1", named) == before


def test_findings_that_are_answered_and_dry_runs_make_no_ticket(named: Work, redmine: RedmineServer) -> None:
    named.finding("A-2", FINDING + "status: resolved\n")

    done = named.create("redmine:audit", dry_run=True)

    assert done.messages == ("A-1: One\n  would be created",)
    assert not (named.root / "findings" / "tickets.lock.yaml").exists()


def test_no_ticket_is_made_in_a_public_project_unless_that_is_meant(named: Work) -> None:
    with pytest.raises(FindingsReportError, match="is public"):
        named.create("redmine:open")

    assert "is now" in named.create("redmine:open", public=True).messages[0]


def test_sync_says_what_changed_and_closes_nothing(named: Work, redmine: RedmineServer) -> None:
    named.create("redmine:audit")
    assert "is up to date" in named.sync().messages[0]
    named.finding("A-1", FINDING.replace("One", "Two") + "status: resolved\n")

    done = named.sync()

    ticket = made_for(redmine, "A-1", named)
    assert ticket["subject"] == "A-1: Two"
    assert "* Status: Resolved" in ticket["description"]
    assert not ticket["status"]["is_closed"]
    assert ticket["journals"][-1]["notes"].strip() == (
        "Status of A-1 in the report: *Resolved* (previously: Open). Close this ticket if you agree."
    )
    assert "Open is now Resolved" in done.messages[0]
    assert "is up to date" in named.sync().messages[0]


def test_what_people_wrote_on_a_ticket_is_kept_unless_told_otherwise(named: Work, redmine: RedmineServer) -> None:
    named.create("redmine:audit")
    with trackers.open_tracker("redmine", Environment(named.environment)) as tracker:
        ticket = tracker.read(str(made_for(redmine, "A-1", named)["id"]))
        assert isinstance(tracker, trackers.TicketWriter)
        tracker.update(ticket, TicketChange(text=ticket.text + "\n\nWe think that it is the proxy."))
    named.finding("A-1", FINDING.replace("One", "Two"))

    done = named.sync()

    assert [problem.code for problem in done.problems] == ["ticket-edited"]
    assert "the proxy" in made_for(redmine, "A-1", named)["description"]
    named.sync(overwrite=True)
    assert "the proxy" not in made_for(redmine, "A-1", named)["description"]


def by_a_person(work: Work, ref: str, **fields: str) -> None:
    """Change an issue as somebody else does."""
    with trackers.open_tracker("redmine", Environment(work.environment)) as tracker:
        assert isinstance(tracker, trackers.TicketWriter)
        tracker.update(tracker.read_state(ref[8:]), TicketChange(fields=fields))


def test_priority_due_date_and_owner_follow_the_finding_unless_somebody_changed_them(
    named: Work, redmine: RedmineServer
) -> None:
    named.finding("A-1", FINDING + "due: 2020-12-24\nowner: guest reader\n")
    named.create("redmine:audit")
    before = made_for(redmine, "A-1", named)
    ref = f"redmine:{before['id']}"
    assert (before["priority"]["name"], before["due_date"], before["assigned_to"]["name"]) == (
        "Urgent",
        "2020-12-24",  # before the day on which the issue was created
        "Guest Reader",
    )

    named.finding("A-1", FINDING.replace("high", "critical") + "due: 2027-01-31\nowner: guest reader\n")
    assert "A-1 updated, priority, due date\n" in named.sync().messages[0]
    followed = made_for(redmine, "A-1", named)
    assert (followed["priority"]["name"], followed["due_date"]) == ("Immediate", "2027-01-31")
    assert "is up to date" in named.sync().messages[0]

    by_a_person(named, ref, priority=str(before["priority"]["id"]), owner="")
    assert named.sync().problems == ()  # what the finding has is what it had: nothing to send, nothing to say
    named.finding("A-1", FINDING.replace("high", "low"))
    (kept,) = named.sync().problems
    after = made_for(redmine, "A-1", named)
    assert (kept.code, kept.level, kept.fault) == (
        "ticket-field",
        "warning",
        f"{ref}: the priority is not updated: it was changed on the tracker",
    )
    assert (after["priority"]["name"], after["due_date"]) == ("Urgent", None)
    assert "* Severity: *Low*" in after["description"]

    assert "updated, priority\n" in named.sync(overwrite=True).messages[0]
    assert made_for(redmine, "A-1", named)["priority"]["name"] == "Normal"
    assert not named.sync().problems


def test_the_fields_follow_although_the_text_was_edited_and_an_unknown_owner_is_told(
    named: Work, redmine: RedmineServer
) -> None:
    named.finding("A-1", FINDING + "owner: Nobody Known\n")
    (note,) = named.create("redmine:audit").problems
    assert (note.level, note.code) == ("note", "ticket-field")
    assert "'Nobody Known'" in note.fault
    ref = f"redmine:{made_for(redmine, 'A-1', named)['id']}"
    with trackers.open_tracker("redmine", Environment(named.environment)) as tracker:
        assert isinstance(tracker, trackers.TicketWriter)
        tracker.update(tracker.read_state(ref[8:]), TicketChange(text="Ours."))
    named.finding("A-1", FINDING.replace("high", "critical") + "owner: Guest Reader\n")

    done = named.sync()

    ticket = made_for(redmine, "A-1", named)
    assert [problem.code for problem in done.problems] == ["ticket-edited"]
    assert (ticket["priority"]["name"], ticket["assigned_to"]["name"]) == ("Immediate", "Guest Reader")
    assert ticket["description"] == "Ours."


def test_without_files_the_report_goes_to_its_tickets_and_each_finding_to_its_own(work: Work, redmine: RedmineServer) -> None:
    whole, own = new_issue(redmine), new_issue(redmine)
    engagement = work.root / "findings" / "engagement.yaml"
    engagement.write_text(f'format: 1\ntitle: Review\ntickets: ["{whole}", "youtrack:X-1"]\n')
    work.finding("A-1", FINDING + f'tickets: ["{own}"]\n')
    work.finding("A-2", FINDING)

    done = work.attach_all()

    assert [each["filename"][:7] for each in issue(redmine, whole)["attachments"]] == ["report-"]
    assert [each["filename"][:4] for each in issue(redmine, own)["attachments"]] == ["A-1-"]
    assert "*Review*, draft\n\n* Attached" in notes(redmine, whole)[0].replace("\r", "")
    assert "2 findings: 2 high" in notes(redmine, whole)[0]
    assert [problem.code for problem in done.problems if problem.level == "warning"] == ["ticket-ref"]
    again = work.attach_all()
    assert all("is already attached" in line for line in again.messages)


@pytest.mark.parametrize("is_named", [False, True], ids=["found", "named"])
def test_a_comment_says_what_changed_since_the_last_report(work: Work, redmine: RedmineServer, is_named: bool) -> None:
    ref, own = new_issue(redmine), new_issue(redmine)
    (work.root / "findings" / "engagement.yaml").write_text(f'format: 1\ntitle: Review\ntickets: ["{ref}"]\n')
    work.finding("A-1", FINDING + f'tickets: ["{own}"]\n')
    work.attach_all()
    last = work.root / "last.pdf"
    last.write_bytes(work.report.read_bytes())
    work.finding("A-2", FINDING.replace("One", "Another"))
    work.finding("A-1", FINDING.replace("high", "low") + f'status: resolved\ntickets: ["{own}"]\n')

    done = work.attach_all(since=str(last) if is_named else None)

    note, own_note = (notes(redmine, each)[1].replace("\r", "") for each in (ref, own))
    assert "*Since the last one*: 1 new, 1 resolved.\n" in note
    assert "* A-2: new, high, Another\n" in note
    assert "* A-1: resolved, low, One (severity high → low); *" in note  # then what `diff` says of the claim
    assert own_note.startswith("*A-1: One*, low, resolved\n")
    assert "*Since the last one*: resolved.\n\n* severity high → low\n* *" in own_note
    assert "A-2" not in own_note
    assert done.messages[0].endswith("\n  since the last one: 1 new, 1 resolved")
    assert not done.problems
