"""Two runs of the program at once, against one tracker that takes its time: nothing is sent twice, no entry is lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import samples
import yaml
from trackers.work import FINDING, Work, made

from findings_report.report import archive
from findings_report.system import locked

PROGRAM = str(Path(sys.executable).parent / "findings-report")


class Redmine(ThreadingHTTPServer):
    """A Redmine that keeps what it is sent, as far as this program asks for it. Each upload takes a moment."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issues: dict[str, dict[str, Any]] = {}
        self.uploads: list[bytes] = []
        self.kept = threading.Lock()
        self.requests: list[str] = []
        self.upload_seconds = 0.3
        self.may_close = True
        self.gate: threading.Barrier | None = None
        """What uploads wait for: so both runs have read the ticket before one of them changes it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def issue(self, key: str) -> dict[str, Any]:
        empty = {"id": int(key), "subject": "T", "description": "", "project": {"id": 1}, "attachments": [], "journals": []}
        return self.issues.setdefault(key, empty)


_FIXED = {
    "/users/current.json": {"user": {"login": "ada"}},
    "/projects/1.json": {"project": {"is_public": False}},
    "/projects/audit.json": {"project": {"is_public": False}},
    "/enumerations/issue_priorities.json": {"issue_priorities": [{"id": 1}]},
    "/issue_statuses.json": {"issue_statuses": [{"id": 1, "is_closed": False}, {"id": 5, "is_closed": True}]},
}


class _Handler(BaseHTTPRequestHandler):
    server: Redmine

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append(f"{self.command} {self.path}")
        if self.command == "POST":
            time.sleep(self.server.upload_seconds)
            if self.server.gate is not None:
                self.server.gate.wait(30)
        with self.server.kept:
            document, status = self._answer(content)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _remove(self, kind: str, id: str) -> tuple[object, int]:
        assert self.command == ("DELETE" if kind == "attachments" else "PUT")
        for issue in self.server.issues.values():
            issue[kind] = [entry for entry in issue[kind] if str(entry["id"]) != id]
        return None, 204

    def _answer(self, content: bytes) -> tuple[object, int]:
        server, parts = self.server, urlsplit(self.path)
        if (fixed := _FIXED.get(parts.path)) is not None:
            return fixed, 200
        if parts.path == "/uploads.json":
            server.uploads.append(content)
            return {"upload": {"id": len(server.uploads), "token": f"{len(server.uploads)}.0"}}, 201
        if parts.path == "/issues.json" and self.command == "POST":
            issue = server.issue(str(len(server.issues) + 1))
            issue.update({name: json.loads(content)["issue"][name] for name in ("subject", "description")})
            return {"issue": issue}, 201
        if parts.path == "/issues.json":
            marker = parse_qs(parts.query)["description"][0].removeprefix("~")
            return {"issues": [issue for issue in server.issues.values() if marker in issue["description"]]}, 200
        if match := re.fullmatch(r"/(attachments|journals)/(\d+)\.json", parts.path):
            return self._remove(*match.groups())
        match = re.fullmatch(r"/issues/(\d+)\.json", parts.path)
        assert match, self.path
        issue = server.issue(match[1])
        if self.command == "PUT":
            change = json.loads(content)["issue"]
            if "status_id" in change and server.may_close:
                issue["status"] = {"id": change["status_id"], "is_closed": change["status_id"] == 5}
            journal = {"id": len(issue["journals"]) + 1, "notes": change.get("notes", ""), "details": []}
            issue["journals"].append(journal)
            for upload in change.get("uploads", []):
                number = int(upload["token"].split(".")[0])
                name, description, size = upload["filename"], upload["description"], len(server.uploads[number - 1])
                issue["attachments"].append({"id": number, "filename": name, "filesize": size, "description": description})
                journal["details"].append({"property": "attachment", "name": str(number)})
        return {"issue": issue}, 200

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the names are the library's

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - likewise
        """Silent."""


@pytest.fixture
def redmine() -> Iterator[Redmine]:
    with Redmine() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def work(tmp_path: Path, redmine: Redmine) -> Work:
    return made(tmp_path, {"REDMINE_URL": redmine.url, "REDMINE_API_KEY": "k" * 40})


def run_at_once(work: Work, *commands: tuple[str, ...], seconds: float = 0) -> None:
    """Run the commands; for the given time, none of them gets the lock of the engagement."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(work.root), **work.environment}
    with locked(work.root / "findings"):
        runs = _start(work, environment, commands)
        time.sleep(seconds)
    for process in runs:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output


def _start(work: Work, environment: dict[str, str], commands: tuple[tuple[str, ...], ...]) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [PROGRAM, *command], cwd=work.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for command in commands
    ]


@pytest.mark.slow  # starts processes
def test_two_runs_that_attach_one_file_to_one_ticket_send_it_once(work: Work, redmine: Redmine) -> None:
    run_at_once(work, *[("attach", "build/report.pdf", "--to", "redmine:17")] * 2)

    assert len(redmine.uploads) == 1
    assert len(redmine.issues["17"]["journals"]) == 1


def test_of_two_runs_on_two_machines_the_later_one_removes_its_own_copy(
    work: Work, redmine: Redmine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without a lock that both could see, each has read a ticket without files."""
    works = (work, made(tmp_path_factory.mktemp("other"), work.environment))
    redmine.gate = threading.Barrier(2)

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda each: each.attach("redmine:17"), works))

    issue = redmine.issues["17"]
    assert len(redmine.uploads) == 2
    assert len(issue["attachments"]) == len(issue["journals"]) == 1
    assert issue["journals"][0]["details"][0]["name"] == str(issue["attachments"][0]["id"])
    (note,) = (problem for result in results for problem in result.problems)
    assert (note.code, note.level) == ("ticket-twice", "note")
    assert "the copy of this run was removed" in note.fault
    assert all("is already attached" in each.attach("redmine:17").messages[0] for each in works)


@pytest.mark.parametrize("may_close", [True, False])
def test_of_two_tickets_that_two_machines_create_for_a_finding_the_younger_one_is_closed(
    work: Work, redmine: Redmine, tmp_path_factory: pytest.TempPathFactory, may_close: bool
) -> None:
    works = (work, made(tmp_path_factory.mktemp("other"), work.environment))
    for each in works:
        each.finding("A-1", FINDING + "tickets:\n  - jira:SEC-1  # theirs\n")
    redmine.gate, redmine.may_close = threading.Barrier(2), may_close

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda each: each.create("redmine:audit"), works))

    first, second = redmine.issues.values()
    assert (first["journals"], first.get("status")) == ([], None)
    assert second.get("status") == ({"id": 5, "is_closed": True} if may_close else None)
    assert "Duplicate of" in second["journals"][0]["notes"]
    (problem,) = (problem for result in results for problem in result.problems)
    assert (problem.code, problem.level) == ("ticket-twice", "note" if may_close else "warning")
    assert "redmine:2 of this run " + ("was closed" if may_close else "stays open") in problem.fault
    done = [action for result in results for action in result.done]
    assert {action.action for action in done} == {"created", "recorded"}
    assert {(action.ticket, action.finding) for action in done} == {("redmine:1", "A-1")}
    for each in works:
        assert yaml.safe_load(each.lock)["tickets"]["A-1"]["redmine"]["ref"] == "redmine:1"
        listed = (each.root / "findings" / "A-1.finding.yaml").read_text()
        assert listed.endswith('tickets:\n  - jira:SEC-1  # theirs\n  - "redmine:1"\n')
        assert each.create("redmine:audit").messages == ("all findings that need action have a ticket",)


@pytest.mark.slow  # starts processes
def test_two_runs_that_attach_to_two_tickets_lose_no_entry(work: Work) -> None:
    run_at_once(work, *[("attach", "build/report.pdf", "--to", f"redmine:{key}") for key in (17, 18)])

    assert set(yaml.safe_load(work.lock)["attached"]) == {"redmine:17", "redmine:18"}


def test_a_ticket_with_a_report_for_one_audience_takes_none_for_another(work: Work, redmine: Redmine, tmp_path: Path) -> None:
    paths = {}
    for word in ("client", "internal", None):
        content = archive.to_json(samples.report(engagement=samples.engagement(edition=word)))
        paths[word] = tmp_path / f"report-{word}.json"
        paths[word].write_bytes(content)

    work.attach("redmine:17", paths["client"])
    work.attach("redmine:18", paths[None])

    for word, problem in ((word, work.refused("redmine:17", paths[word])) for word in ("internal", None)):
        assert problem.fault.startswith("redmine:17 has reports for client"), word
        assert "`build --audience client`" in (problem.remedy or "")
    work.attach("redmine:18", paths["internal"])
    assert len(redmine.uploads) == 3
    assert yaml.safe_load(work.lock)["audiences"] == {"redmine:17": "client", "redmine:18": "internal"}


@pytest.mark.slow  # starts processes
def test_two_runs_that_create_tickets_create_each_once(work: Work, redmine: Redmine) -> None:
    run_at_once(work, *[("tickets", "create", "--to", "redmine:audit")] * 2)

    assert [issue["subject"] for issue in redmine.issues.values()] == ["A-1: One"]


def test_an_entry_that_another_machine_wrote_meanwhile_is_kept(work: Work, redmine: Redmine) -> None:
    """Without the lock of this machine, as on a shared folder: the file is read again before it is replaced."""
    lock = work.root / "findings" / "tickets.lock.yaml"
    thread = threading.Thread(target=lambda: work.attach("redmine:17"))

    redmine.gate = threading.Barrier(2)
    thread.start()
    while not any(request.startswith("POST") for request in redmine.requests):
        time.sleep(0.01)
    lock.write_text('format: 1\nattached:\n  "redmine:99":\n    "report.pdf": "report-0123456789ab.pdf"\n')
    redmine.gate.wait(30)
    thread.join()

    assert set(yaml.safe_load(work.lock)["attached"]) == {"redmine:17", "redmine:99"}


@pytest.mark.slow  # a hundred tickets
def test_a_ticket_without_changes_costs_one_request(work: Work, redmine: Redmine) -> None:
    redmine.upload_seconds = 0
    for number in range(2, 101):
        work.finding(f"A-{number}", FINDING)
    work.create("redmine:audit")
    redmine.requests.clear()

    done = work.sync()

    assert all("is up to date" in message for message in done.messages)
    assert sorted(redmine.requests) == sorted(
        ["GET /users/current.json", *(f"GET /issues/{number}.json" for number in range(1, 101))]
    )


@pytest.mark.slow  # starts processes
def test_new_findings_that_are_added_at_once_get_a_number_each(work: Work) -> None:
    run_at_once(work, *[("new", f"Finding {number}") for number in range(3)], seconds=3)

    assert {path.name for path in (work.root / "findings").glob("*.finding.yaml")} == {
        f"A-{number}.finding.yaml" for number in (1, 2, 3, 4)
    }
