"""Gitea, Forgejo and Codeberg: what is sent, what is read back, and that a second run sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trackers.fake import Reply
from trackers.gitea_double import REPOSITORY, TOKEN, GiteaDouble
from trackers.work import PDF, Work, made

from findings_report.model.ticket import File
from findings_report.problems import FindingsReportError

REF = "gitea:client/audit#1"
FILE = File("report", ".pdf", PDF, "application/pdf")
NEWER = File("report", ".pdf", PDF + b"newer", "application/pdf")


@pytest.fixture
def gitea() -> Iterator[GiteaDouble]:
    with GiteaDouble.started() as server:
        assert isinstance(server, GiteaDouble)
        yield server
        server.check()


@pytest.fixture
def work(tmp_path: Path, gitea: GiteaDouble) -> Work:
    return made(tmp_path, {"GITEA_URL": gitea.url, "GITEA_TOKEN": TOKEN})


def test_a_file_hangs_on_the_issue_a_comment_links_to_it_and_a_second_run_sends_nothing(work: Work, gitea: GiteaDouble) -> None:
    gitea.add_issue()

    done = work.attach(REF)

    (asset,), (comment,) = gitea.issues[1]["assets"], gitea.comments[1]
    assert (asset["name"], gitea.files[asset["uuid"]]) == (FILE.name, PDF)
    # The address at which Gitea was asked: that in its own settings leads nowhere from here.
    assert comment["body"].endswith(f"\n\n[{FILE.name}]({gitea.url}/attachments/{asset['uuid']})\n")
    assert FILE.mark in comment["body"]
    assert f"attached {FILE.name}" in done.messages[0]
    sent = len(list(gitea.sent()))
    assert "is already attached" in work.attach(REF).messages[0]

    work.build(NEWER.content)
    newer = work.attach(REF)

    assert f"which supersedes {FILE.name}" in newer.messages[0]
    assert len(list(gitea.sent())) == 2 * sent
    assert [each["name"] for each in gitea.issues[1]["assets"]] == [FILE.name, NEWER.name]


def test_a_file_without_its_comment_is_finished_by_the_next_run(work: Work, gitea: GiteaDouble) -> None:
    gitea.add_issue()
    gitea.instead["POST", f"{REPOSITORY}/issues/1/comments"] = Reply(is_cut=True)
    (problem,) = work.attach(REF).problems
    assert problem.code == "tracker-no-answer"

    gitea.instead.clear()
    work.attach(REF)

    assert len(gitea.issues[1]["assets"]) == len(gitea.comments[1]) == 1
    assert gitea.issues[1]["assets"][0]["uuid"] in gitea.comments[1][0]["body"]


def test_a_file_that_came_in_part_is_uploaded_again_and_one_on_a_comment_counts(work: Work, gitea: GiteaDouble) -> None:
    gitea.add_issue()
    gitea.add_file(1, FILE.name, PDF[:9])
    work.attach(REF)
    assert [each["size"] for each in gitea.issues[1]["assets"]] == [9, len(PDF)]

    whole = gitea.issues[1]["assets"].pop()
    gitea.comments[1].append({"id": 1, "body": "", "assets": [whole]})

    assert "is already attached" in work.attach(REF).messages[0]


def test_issues_are_created_once_and_followed_by_sync(work: Work, gitea: GiteaDouble) -> None:
    for name in ("bug", "wontfix", "high"):  # two pages, and none of them is needed
        gitea.labels.append({"id": len(gitea.labels) + 1, "name": name, "color": "ffffff"})
    gitea.add_issue(
        "somebody's own", "`findings-report:review-of-quicknotes/A-1`, and `findings-report:review-of-quicknotes/A-10`"
    )

    created = work.create("gitea:client/audit")

    issue = gitea.issues[2]
    assert "is now gitea:client/audit#2" in created.messages[0]
    assert issue["title"] == "A-1: One"
    assert {label["name"] for label in issue["labels"]} == {"findings-report", "severity-high", "CWE-89"}
    assert "`findings-report:review-of-quicknotes/A-1`" in issue["body"]
    assert "gitea:client/audit#2" in (work.root / "findings" / "A-1.finding.yaml").read_text()

    # An interrupted run, or one of another person, has left no trace here: the issue is found by its marker, closed or not.
    (work.root / "findings" / "tickets.lock.yaml").unlink()
    work.finding("A-1", "title: One\nseverity: high\ndescription: Something is *wrong*.\ncwe: CWE-89\n")
    issue["state"] = "closed"
    assert "is gitea:client/audit#2" in work.create("gitea:client/audit").messages[0]
    issue["state"] = "open"
    assert len(gitea.issues) == 2
    assert len(gitea.labels) == 6

    sent = len(list(gitea.sent()))
    assert "up to date" in work.sync().messages[0]
    assert len(list(gitea.sent())) == sent

    work.finding(
        "A-1",
        "title: 'Two @ada #12'\nseverity: low\nstatus: resolved\ndescription: Not any more, @ada.\ncwe: CWE-89\n"
        "due: 2026-12-24\nowner: ada\n",
    )
    assert not work.sync().problems
    assert {label["name"] for label in issue["labels"]} == {"findings-report", "severity-low", "CWE-89"}
    assert (issue["due_date"], issue["assignees"]) == ("2026-12-24T23:59:59Z", [{"login": "Ada"}])

    assert issue["state"] == "open"
    assert issue["title"] == "A-1: Two @\u200bada #\u200b12"
    assert "@<!-- -->ada" in issue["body"]
    assert "**Resolved**" in gitea.comments[2][0]["body"]
    assert "up to date" in work.sync().messages[0]


def test_a_list_that_comes_again_for_every_page_ends(work: Work, gitea: GiteaDouble) -> None:
    gitea.add_issue("somebody's own")
    gitea.instead["GET", f"{REPOSITORY}/issues"] = Reply(list(gitea.issues.values()))

    assert "is now gitea:client/audit#2" in work.create("gitea:client/audit").messages[0]
    assert len([request for request in gitea.requests if request.path == f"{REPOSITORY}/issues"]) < 9


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply({"message": "token does not have at least one of required scope(s): [write:issue]"}, 403), "tracker-rights"),
        (Reply({"message": "issue was deleted"}, 404), "tracker-ticket"),
        (Reply({"message": "content version mismatch"}, 409), "tracker-refused"),
        (Reply({"message": "attachment exceeds the maximum file size"}, 413), "tracker-too-large"),
        (Reply({"message": "file type .pdf is not allowed"}, 422), "tracker-refused"),
        (Reply({"message": "repository is archived"}, 423), "tracker-refused"),
        (Reply(None, 502), "tracker-server"),
        (Reply(None, 307, {"Location": "https://elsewhere.example/"}), "tracker-redirect"),
        (Reply({"id": 1, "uuid": "../../user/settings"}, 200), "tracker-answer"),
        (Reply([1], 201), "tracker-answer"),
    ],
)
def test_a_refused_file_is_one_message_and_nothing_is_announced(
    work: Work, gitea: GiteaDouble, reply: Reply, code: str
) -> None:
    gitea.add_issue()
    gitea.instead["POST", f"{REPOSITORY}/issues/1/assets"] = reply
    gitea.contract = None  # what is answered here is not what Gitea answers

    (problem,) = work.attach(REF).problems

    assert problem.code == code
    assert TOKEN not in f"{problem.fault} {problem.remedy}"
    assert not gitea.comments[1]


def test_a_token_without_the_right_scope_and_a_public_repository_stop_the_run(work: Work, gitea: GiteaDouble) -> None:
    gitea.add_issue()
    gitea.is_private = False
    assert work.refused(REF).code == "ticket-public"
    assert work.refused_tickets("gitea:client/audit").code == "ticket-public"

    work.environment["GITEA_TOKEN"] = "wrong-token"
    problem = work.refused(REF)

    assert problem.code == "tracker-token"
    assert "GITEA_TOKEN" in (problem.remedy or "")
    assert not list(gitea.sent())


@pytest.mark.parametrize(
    "key", ["client#1", "a/../x#1", "../a#1", "./a#1", "client/audit", "client/audit#0", "client/a/b#1", "a/b?x#1"]
)
def test_what_is_no_issue_is_refused(work: Work, gitea: GiteaDouble, key: str) -> None:
    assert work.refused(f"gitea:{key}").code == "ticket-ref"
    assert {request.path for request in gitea.requests} == {"/api/v1/user"}


@pytest.mark.parametrize("name", ["forgejo", "codeberg"])
def test_its_descendants_have_names_and_settings_of_their_own(work: Work, gitea: GiteaDouble, name: str) -> None:
    gitea.add_issue()
    work.environment.clear()
    with pytest.raises(FindingsReportError, match=f"{name.upper()}_(URL|TOKEN) is not set"):
        work.attach(f"{name}:client/audit#1")
    work.environment.update({f"{name.upper()}_URL": gitea.url, f"{name.upper()}_TOKEN": TOKEN})

    assert f"{name}:client/audit#1: attached" in work.attach(f"{name}:client/audit#1").messages[0]
    assert f"is now {name}:client/audit#2" in work.create(f"{name}:client/audit").messages[0]
