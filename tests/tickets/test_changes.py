"""What changed since the last attached report: found on the ticket itself, and told in the comment."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import samples
from trackers import contract
from trackers.fake import Answers, Fake, Reply, Request
from trackers.work import PDF, Work, made

from findings_report.model.comparison import Assessment, Change, ComparedFinding, Judgement
from findings_report.model.finding import Status
from findings_report.model.report import Report
from findings_report.model.ticket import File
from findings_report.problems import Problem
from findings_report.report.archive import to_json
from findings_report.tickets.comment import _summarize

BASELINE = samples.report()
FIRST, *OTHERS = BASELINE.findings
CHANGED = samples.report(
    FIRST.model_copy(update={"status": Status.RESOLVED}),
    *OTHERS[1:],
    engagement=BASELINE.engagement.model_copy(update={"version": "9.0"}),
)
OLDER = File("report", ".json", to_json(BASELINE), "application/json")
TOLD = "since the last one: 1 resolved, 1 absent, 2 unchanged"
KEY = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Scene:
    """A tracker on which OLDER hangs: what is asked of it until the file is there, and what must be sent along."""

    ref: str
    environment: Callable[[str], dict[str, str]]
    """Of the fake's address."""
    asked: Callable[[str], list[tuple[str, Answers | object]]]
    """Paths and answers, of the fake's address; the download is the last."""
    query: dict[str, str] = field(default_factory=dict)
    """Of the download."""


OCTETS = "application/octet-stream"
GIT = f"/releases/download/findings-report/{OLDER.name}"
NOTE = f"[x](/uploads/{'a' * 32}/{OLDER.name})"
GUID = "6b2266bf-a155-4582-a475-ca4da68193ef"
GITEA_ASSET = {"id": 3, "name": OLDER.name, "size": 5, "uuid": GUID}
RELATION = {
    "rel": "AttachedFile",
    "url": f"https://elsewhere.example/_apis/wit/attachments/{GUID}?fileName=x",
    "attributes": {"name": OLDER.name, "comment": OLDER.mark},
}
RECORD = "9d385017c611228701d22104cc95c371"
FILE = Reply(content=OLDER.content)
JIRA = {"fields": {"summary": "x", "attachment": [{"id": "7", "filename": OLDER.name, "size": len(OLDER.content)}]}}


def asset(id: int, name: str) -> dict[str, object]:
    return {"id": id, "name": name, "browser_download_url": f"https://github.example/{name}"}


SCENES = {
    "jira-cloud": Scene(
        "jira:SEC-12",
        lambda url: {"JIRA_URL": url, "JIRA_TOKEN": KEY, "JIRA_EMAIL": "ada@example.org"},
        lambda _: [
            ("/rest/api/3/myself", {}),
            ("/rest/api/3/issue/SEC-12", JIRA),
            ("/rest/api/3/issue/SEC-12/comment", {}),
            ("/rest/api/3/issue/SEC-12", Reply(status=401)),
            ("/rest/api/3/attachment/content/7", FILE),
        ],
        {"redirect": "false"},
    ),
    "jira-data-center": Scene(
        "jira:SEC-12",
        lambda url: {"JIRA_URL": url, "JIRA_TOKEN": KEY},
        lambda _: [
            ("/rest/api/2/myself", {}),
            ("/rest/api/2/issue/SEC-12", JIRA),
            ("/rest/api/2/issue/SEC-12/comment", {}),
            ("/rest/api/2/issue/SEC-12", Reply(status=401)),
            (f"/secure/attachment/7/{OLDER.name}", FILE),
        ],
    ),
    "gitlab": Scene(
        "gitlab:group/project#4",
        lambda url: {"GITLAB_URL": url, "GITLAB_TOKEN": KEY},
        lambda _: [
            ("/api/v4/user", {"username": "ada"}),
            ("/api/v4/projects/group%2Fproject/issues/4", {"title": "x", "web_url": "x"}),
            ("/api/v4/projects/group%2Fproject/issues/4/notes", [{"body": NOTE}]),
            ("/api/v4/projects/group%2Fproject", {"visibility": "private"}),
            (f"/api/v4/projects/group%2Fproject/uploads/{'a' * 32}/{OLDER.name}", FILE),
        ],
    ),
    "github": Scene(
        "github:owner/name#5",
        lambda url: {"GITHUB_API_URL": url, "GITHUB_TOKEN": KEY},
        lambda url: [
            ("/user", {"login": "ada"}),
            ("/repos/owner/name/issues/5", {"title": "x", "html_url": "x"}),
            ("/repos/owner/name/issues/5/comments", [{"body": f"[x](https://github.example{GIT})"}]),
            ("/repos/owner/name", {"private": True, "visibility": "private"}),
            ("/repos/owner/name/releases/tags/findings-report", {"id": 1, "upload_url": f"{url}/up{{?name}}"}),
            ("/repos/owner/name/releases/1/assets", [asset(2, "other"), asset(3, OLDER.name)]),
            ("/repos/owner/name/releases/assets/3", Reply(status=302, headers={"Location": f"{url}/signed"})),
            ("/signed", FILE),
        ],
    ),
    "gitea": Scene(
        "gitea:owner/name#5",
        lambda url: {"GITEA_URL": url, "GITEA_TOKEN": KEY},
        lambda _: [
            ("/api/v1/user", {"login": "ada"}),
            ("/api/v1/repos/owner/name/issues/5", {"number": 5, "title": "x", "assets": [GITEA_ASSET]}),
            ("/api/v1/repos/owner/name/issues/5/comments", [{"body": "y", "assets": []}]),
            ("/api/v1/repos/owner/name", {"private": True}),
            (f"/attachments/{GUID}", FILE),
        ],
    ),
    "redmine": Scene(
        "redmine:17",
        lambda url: {"REDMINE_URL": url, "REDMINE_API_KEY": KEY},
        lambda _: redmine(FILE),
    ),
    "rt": Scene(
        "rt:23",
        lambda url: {"RT_URL": url, "RT_TOKEN": KEY},
        lambda _: [
            ("/REST/2.0/rt", {}),
            ("/REST/2.0/ticket/23", {"Subject": "x"}),
            ("/REST/2.0/ticket/23/history", {"items": []}),
            ("/REST/2.0/ticket/23/attachments", {"items": [{"id": "9", "Filename": OLDER.name, "ContentLength": "5"}]}),
            ("/REST/2.0/attachment/9", {"Content": base64.encodebytes(OLDER.content).decode()}),
        ],
    ),
    "azure": Scene(
        "azure:The audit/31",
        lambda url: {"AZURE_DEVOPS_URL": url, "AZURE_DEVOPS_EXT_PAT": KEY},
        lambda _: [
            ("/_apis/connectionData", {"authenticatedUser": {"id": "1"}}),
            ("/The%20audit/_apis/wit/workitems/31", {"fields": {"System.Title": "x"}, "relations": [RELATION]}),
            ("/_apis/projects/The%20audit", {"visibility": "private"}),
            ("/The%20audit/_apis/wit/workItems/31/comments", {"comments": []}),
            (f"/The%20audit/_apis/wit/attachments/{GUID}", FILE),
        ],
        {"fileName": OLDER.name, "download": "true", "api-version": "6.0"},
    ),
    "defectdojo": Scene(
        "defectdojo:engagement/12",
        lambda url: {"DEFECTDOJO_URL": url, "DEFECTDOJO_TOKEN": KEY},
        lambda _: [
            ("/api/v2/user_profile/", {"user": {"username": "ada"}}),
            ("/api/v2/engagements/12/", {"id": 12, "name": "x"}),
            ("/api/v2/engagements/12/files/", {"files": [{"id": 4, "title": f"{OLDER.name} (engagement 12)"}]}),
            ("/api/v2/engagements/12/notes/", {"notes": []}),
            ("/api/v2/engagements/12/files/download/4/", FILE),
        ],
    ),
    "servicenow": Scene(
        "servicenow:INC0010001",
        lambda url: {"SERVICENOW_URL": url, "SERVICENOW_TOKEN": KEY},
        lambda _: [
            ("/api/now/table/sys_user", {"result": []}),
            ("/api/now/table/task", {"result": [{"sys_id": RECORD, "sys_class_name": "incident", "short_description": "x"}]}),
            (f"/api/now/table/incident/{RECORD}", {"result": {"work_notes": ""}}),
            ("/api/now/attachment", {"result": [{"sys_id": RECORD, "file_name": OLDER.name, "size_bytes": "5"}]}),
            (f"/api/now/attachment/{RECORD}/file", FILE),
        ],
    ),
}

CONTRACTS = {
    "jira-cloud": contract.jira,
    "gitlab": contract.gitlab,
    "github": contract.github,
    "gitea": contract.gitea,
    "azure": contract.azure,
    "defectdojo": contract.defectdojo,
}


def redmine(file: Answers, mark: str = OLDER.mark, size: int = 5) -> list[tuple[str, Answers | object]]:
    attached = {"id": 9, "filename": OLDER.name, "filesize": size, "description": mark}
    return [
        ("/users/current.json", {"user": {"login": "ada"}}),
        ("/issues/17.json", {"issue": {"subject": "x", "project": {"id": 1}, "attachments": [attached]}}),
        ("/projects/1.json", {"project": {"is_public": False}}),
        (f"/attachments/download/9/{OLDER.name}", file),
    ]


def expect(fake: Fake, asked: list[tuple[str, Answers | object]]) -> None:
    for path, answer in asked:
        fake.expect("GET", path, answer)


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    work = made(tmp_path, SCENES["redmine"].environment(fake.url))
    (tmp_path / "report.json").write_bytes(to_json(CHANGED))
    return work


@pytest.mark.parametrize("name", SCENES)
def test_the_last_report_is_taken_from_the_ticket_and_compared_with(fake: Fake, work: Work, name: str) -> None:
    scene = SCENES[name]
    work.environment.update(scene.environment(fake.url))
    expect(fake, scene.asked(fake.url))

    done = work.attach(scene.ref, work.root / "report.json", dry_run=True)

    assert not done.problems
    assert done.messages[0].endswith(f", which supersedes {OLDER.name} (x)\n  {TOLD}")
    assert fake.requests[-1].query == scene.query
    last = fake.requests[-2 if name == "github" else -1]
    assert {"authorization", "private-token", "x-redmine-api-key"} & set(last.headers)
    assert last.headers["accept"] == {"rt": "application/json", "azure": OCTETS, "github": OCTETS}.get(name, "*/*")
    assert name != "github" or "authorization" not in fake.requests[-1].headers  # the store of files gets no token
    document = CONTRACTS[name]() if name in CONTRACTS else None
    assert not [fault for each in fake.requests if document and each.path != "/signed" for fault in document.faults(each)]


def sent_comment(fake: Fake, work: Work, **wishes: object) -> str:
    """The note that Redmine is given."""
    comment: list[str] = []

    def put(request: Request) -> Reply:
        comment.append(request.json()["issue"]["notes"])
        return Reply(status=204)

    fake.expect("POST", "/uploads.json", {"upload": {"token": "1"}})
    fake.expect("PUT", "/issues/17.json", put)
    fake.expect("PATCH", "/attachments/9.json", {})
    fake.expect("GET", "/issues/17.json", {"issue": {"subject": "x", "project": {"id": 1}}})
    fake.expect("GET", "/projects/1.json", {"project": {"is_public": False}})
    work.attach("redmine:17", work.root / "report.json", **wishes)
    return comment[0]


def test_the_comment_tells_what_changed_and_what_the_last_one_was(fake: Fake, work: Work) -> None:
    expect(fake, redmine(FILE))

    note = sent_comment(fake, work)

    assert f"*Since the last one* (version {BASELINE.engagement.version}, " in note
    assert ": 1 resolved, 1 absent, 2 unchanged.\n\n" in note
    assert f"* {FIRST.id}: resolved, {FIRST.severity.name}, " in note
    assert f"* {OTHERS[0].id}: absent, {OTHERS[0].severity.name}, " in note


def test_what_the_user_says_of_it_is_told_and_nothing_is_compared(fake: Fake, work: Work) -> None:
    expect(fake, redmine(FILE))  # whether it is older or the same is asked in any case

    note = sent_comment(fake, work, changes="All of it.")

    assert "*Since the last one*:\n\nAll of it." in note


def test_a_report_that_is_named_is_compared_with_instead(fake: Fake, work: Work) -> None:
    named = work.root / "last.json"
    named.write_bytes(to_json(samples.report(FIRST)))
    expect(fake, redmine(FILE))

    note = sent_comment(fake, work, since=str(named))

    assert ": 2 new, 1 resolved.\n\n" in note


EVIL = {"title": "{{toc}} *x* !http://evil/x.png! [x](http://evil/)" + " long" * 50_000}
HOSTILE = samples.report(FIRST, OTHERS[0].model_copy(update=EVIL))


def test_what_somebody_else_wrote_is_text_and_short(fake: Fake, work: Work) -> None:
    hostile = File("report", ".json", to_json(HOSTILE), "application/json")
    attached = redmine(Reply(content=hostile.content), hostile.mark)
    expect(fake, attached)

    note = sent_comment(fake, work)

    assert "!http" not in note
    assert "toc" in note
    assert "{{" not in note
    assert '":http' not in note
    assert len(note) < 3000


def noted(work: Work, **wishes: object) -> Problem:
    """The one note of an attachment that is done all the same."""
    done = work.attach("redmine:17", work.root / "report.json", dry_run=True, **wishes)
    assert "would attach" in done.messages[0]
    assert "since" not in done.messages[0]
    (problem,) = done.problems
    return problem


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (redmine(Reply(content=OLDER.content + b" ")), "its content does not match the digest in its name"),
        (redmine(FILE, mark=f"sha256:{'0' * 64}"), "its content does not match"),
        (redmine(Reply(status=404)), "redmine:17 does not exist"),
        (redmine(Reply(status=403)), "does not have the permission"),
        (redmine(Reply(status=302, headers={"Location": "http://elsewhere.example/"})), "redirects a download to"),
        (redmine(FILE, size=2**40)[:-1], "the limit is 268,435,456"),
    ],
)
def test_where_the_last_one_cannot_be_had_that_is_a_note_and_the_file_is_attached(
    fake: Fake, work: Work, asked: list[tuple[str, Answers | object]], fault: str
) -> None:
    expect(fake, asked)

    problem = noted(work)

    assert (problem.level, problem.code) == ("note", "ticket-changes")
    assert problem.fault.startswith(f"redmine:17: the changes since {OLDER.name} are not available: ")
    assert fault in problem.fault
    assert "--since FILE" in (problem.remedy or "")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (PDF, "it is a damaged PDF"),
        (b"{}", "it is not a report"),
        (b"[" * 100_000, "its values are nested too deep"),
        (OLDER.content.replace(FIRST.id.encode(), b"*x* !http://evil/x.png!"), "findings.0.id"),
        (OLDER.content.replace(b"report/1", b"report/99", 1), "made by a newer findings-report"),
    ],
)
def test_what_is_no_report_is_a_note(fake: Fake, work: Work, content: bytes, fault: str) -> None:
    other = File("report", ".json", content, "application/json")
    expect(fake, redmine(Reply(content=content), other.mark))

    assert fault in noted(work).fault


def test_data_that_would_take_too_much_is_a_note(fake: Fake, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.tickets.comment._MAX_REPORT_BYTES", 1000)
    expect(fake, redmine(FILE))

    assert "more than the 1,000 bytes" in noted(work).fault


def test_a_file_that_carries_no_report_is_compared_with_nothing(fake: Fake, work: Work) -> None:
    older = File("report", ".pdf", PDF + b"older", "application/pdf")
    asked = json.loads(json.dumps(redmine(FILE)[:-1]).replace(OLDER.name, older.name).replace(OLDER.mark, older.mark))
    expect(fake, [(path, answer) for path, answer in asked])

    done = work.attach("redmine:17", dry_run=True)

    assert done.messages[0].endswith(f"which supersedes {older.name} (x)")
    assert not done.problems


def test_the_same_pair_on_two_tickets_is_downloaded_once(fake: Fake, work: Work) -> None:
    identity, issue, project, file = redmine(FILE)
    expect(fake, [identity, issue, project, ("/issues/18.json", issue[1]), project, file])

    done = work.attach_to(work.root / "report.json", ("redmine:17", "redmine:18"), dry_run=True)

    assert [each.endswith(TOLD) for each in done.messages] == [True, True]


def test_files_of_one_name_and_other_bytes_are_two(fake: Fake, work: Work) -> None:
    identity, issue, project, file = redmine(FILE)
    other = File("report", ".json", to_json(samples.report(FIRST)), "application/json")
    of_18 = json.loads(json.dumps(issue[1]).replace(OLDER.mark, other.mark))
    expect(fake, [identity, issue, project, ("/issues/18.json", of_18), project, file, (file[0], Reply(content=other.content))])

    done = work.attach_to(work.root / "report.json", ("redmine:17", "redmine:18"), dry_run=True)

    assert done.messages[0].endswith(TOLD)
    assert done.messages[1].endswith("since the last one: 2 new, 1 resolved")


def test_of_several_files_that_one_is_named_which_the_tracker_refuses(fake: Fake, work: Work) -> None:
    identity, issue, project, _ = redmine(FILE)
    expect(fake, [identity, issue, project, ("/issues/18.json", issue[1]), project])
    for _ in range(2):
        fake.expect("POST", "/uploads.json", Reply(status=413))

    done = work.attach_to(work.report, ("redmine:17", "redmine:18"))

    name = File("report", ".pdf", PDF, "application/pdf").name
    assert [each.fault for each in done.problems if each.level == "note"] == [
        f"redmine:17: {name} is probably not attached",
        f"redmine:18: {name} is probably not attached",
    ]


def test_the_judgements_of_a_comparison_are_in_the_comment_also_of_a_finding_without_changes() -> None:
    sentence = "Resolved, but the cited code is *unchanged*, says @ada."
    judgement = Judgement(weight=Assessment.CONTRADICTION, code="resolved-unchanged", text=sentence)
    compared = ComparedFinding(
        id=FIRST.id,
        change=Change.UNCHANGED,
        turn=None,
        baseline=FIRST,
        current=FIRST,
        because="id",
        judgements=(judgement,),
    )

    whole, single = (_summarize([compared], BASELINE, is_single=is_single) for is_single in (False, True))

    assert whole.counts == single.counts == "no finding changed"
    text = "**Contradiction**: Resolved, but the cited code is \\*unchanged\\*, says @ada."
    assert whole.lines[0].endswith(f"; {text}")
    assert single.lines == (text,)


def own(report: Report) -> Report:
    return samples.report(report.findings[0], engagement=report.engagement)


def test_a_findings_own_document_says_what_of_it_changed_and_nothing_of_the_others(fake: Fake, work: Work) -> None:
    older = File(FIRST.id, ".json", to_json(own(BASELINE)), "application/json")
    path = work.root / f"{FIRST.id}.json"
    path.write_bytes(to_json(own(CHANGED)))
    whole = work.root / "last.json"
    whole.write_bytes(to_json(BASELINE))
    asked = [
        (path, json.loads(json.dumps(answer).replace(OLDER.name, older.name).replace(OLDER.mark, older.mark)))
        for path, answer in redmine(FILE)[:-1]
    ]
    expect(fake, [*asked, (f"/attachments/download/9/{older.name}", Reply(content=older.content))])
    assert work.attach("redmine:17", path, dry_run=True).messages[0].endswith("\n  since the last one: resolved")
    expect(fake, [*asked, (f"/attachments/download/9/{older.name}", Reply(content=older.content))])

    done = work.attach("redmine:17", path, dry_run=True, since=str(whole))

    assert done.messages[0].endswith("\n  since the last one: resolved")
