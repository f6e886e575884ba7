"""What GitHub is asked, request by request: header, name, media type and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trackers import contract
from trackers.fake import Fake, Reply, Request, recorded
from trackers.work import PDF, Work, made

from findings_report.model.ticket import File

REPOSITORY = "/repos/owner/name"
ISSUE = f"{REPOSITORY}/issues/5"
REF = "github:owner/name#5"
FILE = File("report", ".pdf", PDF, "application/pdf")
LINK = f"https://github.example/owner/name/releases/download/findings-report/{FILE.name}"
WHOLE = {"id": 3, "name": FILE.name, "state": "uploaded", "size": len(PDF), "browser_download_url": LINK}


@pytest.fixture
def work(tmp_path: Path, fake: Fake) -> Work:
    fake.contract = contract.github()
    return made(tmp_path, {"GITHUB_API_URL": fake.url, "GITHUB_TOKEN": "ghp_0123456789"})


def looks(fake: Fake, comments: list[str], *, private: bool = True, user: bool = True) -> None:
    if user:
        fake.expect("GET", "/user", {"login": "ada"})
    fake.expect("GET", ISSUE, {"number": 5, "title": "The audit", "html_url": "https://github.example/5", "body": None})
    fake.expect("GET", f"{ISSUE}/comments", [{"body": body} for body in comments])
    fake.expect("GET", REPOSITORY, {"private": private, "visibility": "private" if private else "public"})


def release(fake: Fake) -> dict[str, Any]:
    return {"id": 7, "upload_url": f"{fake.url}/uploads{REPOSITORY}/releases/7/assets{{?name,label}}"}


def test_a_file_becomes_an_asset_of_a_release_and_a_comment_links_to_it(work: Work, fake: Fake) -> None:
    sent: list[Request] = []

    looks(fake, [])
    fake.expect("GET", f"{REPOSITORY}/releases/tags/findings-report", Reply({"message": "Not Found"}, 404))
    fake.expect("POST", f"{REPOSITORY}/releases", recorded(sent, Reply(release(fake), 201)))
    fake.expect("GET", f"{REPOSITORY}/releases/7/assets", [])
    fake.expect("POST", f"/uploads{REPOSITORY}/releases/7/assets", recorded(sent, Reply(WHOLE, 201)))
    fake.expect("POST", f"{ISSUE}/comments", recorded(sent, Reply({"id": 1}, 201)))
    looks(fake, [f"{FILE.mark} [x]({LINK})"], user=False)

    done = work.attach(REF)

    made_release, upload, comment = sent
    assert made_release.json()["tag_name"] == "findings-report"
    assert made_release.json()["make_latest"] == "false"
    assert (upload.query, upload.headers["content-type"]) == ({"name": FILE.name}, "application/pdf")
    assert upload.content == PDF
    assert f"`{FILE.mark}`" in comment.json()["body"]
    assert comment.json()["body"].endswith(f"[{FILE.name}]({LINK})\n")
    assert all(request.headers["authorization"] == "Bearer ghp_0123456789" for request in fake.requests)
    assert all(request.headers["x-github-api-version"] == "2022-11-28" for request in fake.requests)
    assert f"attached {FILE.name}" in done.messages[0]


def test_half_an_upload_is_removed_and_a_whole_one_is_used_again(work: Work, fake: Fake) -> None:
    looks(fake, [])
    fake.expect("GET", f"{REPOSITORY}/releases/tags/findings-report", release(fake))
    fake.expect("GET", f"{REPOSITORY}/releases/7/assets", [WHOLE | {"id": 2, "state": "starter", "size": 0}])
    fake.expect("DELETE", f"{REPOSITORY}/releases/assets/2", Reply(status=204))
    fake.expect("POST", f"/uploads{REPOSITORY}/releases/7/assets", Reply(WHOLE, 201))
    fake.expect("POST", f"{ISSUE}/comments", Reply(is_cut=True))
    looks(fake, [], user=False)
    (problem,) = work.attach(REF).problems
    assert problem.code == "tracker-no-answer"
    assert problem.fault.endswith(f"; {FILE.name} is not attached")

    looks(fake, [])
    fake.expect("GET", f"{REPOSITORY}/releases/tags/findings-report", release(fake))
    fake.expect("GET", f"{REPOSITORY}/releases/7/assets", [WHOLE])
    fake.expect("POST", f"{ISSUE}/comments", Reply({"id": 1}, 201))
    looks(fake, [f"{FILE.mark} [x]({LINK})"], user=False)

    assert f"attached {FILE.name}" in work.attach(REF).messages[0]


def test_a_token_is_not_sent_to_an_upload_address_on_another_host(work: Work, fake: Fake) -> None:
    looks(fake, [])
    elsewhere = {"id": 7, "upload_url": "https://elsewhere.example/assets{?name}"}
    fake.expect("GET", f"{REPOSITORY}/releases/tags/findings-report", elsewhere)
    fake.expect("GET", f"{REPOSITORY}/releases/7/assets", [])

    (problem,) = work.attach(REF).problems

    assert problem.code == "tracker-host"


def test_a_public_repository_is_refused(work: Work, fake: Fake) -> None:
    looks(fake, [], private=False)

    assert work.refused(REF).code == "ticket-public"


def test_the_token_of_a_workflow_is_taken_and_a_wrong_one_is_not(work: Work, fake: Fake) -> None:
    fake.expect("GET", "/user", Reply({"message": "Resource not accessible by integration"}, 403))
    looks(fake, [f"{FILE.mark} {LINK}"], user=False)
    assert "is already attached" in work.attach(REF).messages[0]

    fake.expect("GET", "/user", Reply({"message": "Bad credentials"}, 401))
    assert work.refused(REF).code == "tracker-token"


def test_an_issue_is_made_with_labels_and_brought_in_step(work: Work, fake: Fake) -> None:
    sent: list[Request] = []

    def read(*labels: str, owner: str = "") -> None:
        listed = [{"name": label} for label in ("findings-report", "theirs", *labels)]
        people = [{"login": owner}] if owner else []
        document = {"title": "x", "html_url": "x", "body": "text", "labels": listed, "assignees": people}
        fake.expect("GET", f"{REPOSITORY}/issues/9", document)

    fake.expect("GET", "/user", {"login": "ada"})
    fake.expect("GET", REPOSITORY, {"private": True, "visibility": "private"})
    fake.expect("GET", f"{REPOSITORY}/issues", [])
    fake.expect("POST", f"{REPOSITORY}/issues", recorded(sent, Reply({"number": 9}, 201)))
    fake.expect("GET", f"{REPOSITORY}/issues", [])
    read("severity-high")
    work.create("github:owner/name")
    work.finding("A-1", "title: Two\nseverity: low\nowner: '@ada'\nstatus: resolved\ndescription: Better.\n")
    fake.expect("GET", "/user", {"login": "ada"})
    read("severity-high")
    fake.expect("GET", f"{REPOSITORY}/assignees", [{"login": "bob"}, {"login": "Ada"}])
    read("severity-high")
    fake.expect("PATCH", f"{REPOSITORY}/issues/9", recorded(sent, Reply({})))
    fake.expect("POST", f"{REPOSITORY}/issues/9/comments", recorded(sent, Reply({})))
    read("severity-low", owner="Ada")

    done = work.sync()

    created, updated, comment = (request.json() for request in sent)
    assert created["labels"] == ["findings-report", "severity-high", "CWE-89"]
    assert updated["title"] == "A-1: Two"
    assert updated["labels"] == ["findings-report", "theirs", "severity-low"]
    assert updated["assignees"] == ["Ada"]
    assert "state" not in updated
    assert "**Resolved** (previously: Open). Close this ticket" in comment["body"]
    assert "Open is now Resolved" in done.messages[0]


@pytest.mark.parametrize("ref", ["github:name#4", "github:a/b", "github:a/b#0", "github:../b#4", "github:a/b/c#4"])
def test_what_is_no_issue_is_refused(work: Work, fake: Fake, ref: str) -> None:
    fake.expect("GET", "/user", {"login": "ada"})

    assert work.refused(ref).code == "ticket-ref"
