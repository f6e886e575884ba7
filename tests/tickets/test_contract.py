"""The vendors' own documents tell a slip.

Every request that a test of GitHub, GitLab, Gitea, Jira Cloud, Azure DevOps or DefectDojo makes the program send is held
against them by the fake, and every answer of a Gitea and a DefectDojo too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from trackers import contract
from trackers.contract import Contract
from trackers.fake import Reply, Request

from findings_report.model.ticket import Markup
from findings_report.tickets.markup.convert import convert

TEXT = json.loads(convert("text", Markup.ADF))
JSON = {"content-type": "application/json"}
GITLABS = {"private-token": "t"}
BASIC = {"authorization": "Basic eA=="}
FORM = {"content-type": "multipart/form-data; boundary=x"}


def form(*fields: str) -> bytes:
    head = 'Content-Disposition: form-data; name="{}"; filename="r.pdf"\r\nContent-Type: application/pdf'
    parts = [f"--x\r\n{head.format(field)}\r\n\r\n%PDF\r\n" for field in fields]
    return f"{''.join(parts)}--x--\r\n".encode()


def sent(path: str, document: object, headers: dict[str, str]) -> Request:
    return Request("POST", path, {}, JSON | headers, json.dumps(document).encode())


GITHUB = sent("/repos/o/n/issues", {"title": "A", "body": "b", "labels": ["x"]}, {})
ASSET = Request("POST", "/uploads/repos/o/n/releases/7/assets", {"name": "r.pdf"}, {"content-type": "application/pdf"}, b"%PDF")
GITLAB = sent("/api/v4/projects/g%2Fp/issues", {"title": "A", "description": "b"}, GITLABS)
UPLOAD = Request("POST", "/api/v4/projects/g%2Fp/uploads", {}, FORM | GITLABS, form("file"))
NOTES = Request("GET", "/api/v4/projects/g%2Fp/issues/4/notes", {"sort": "asc", "per_page": "100"}, GITLABS, b"")
GITEA = sent("/api/v1/repos/o/n/issues", {"title": "A", "labels": [1], "due_date": "2026-12-01T00:00:00Z"}, {})
GITEA_FILE = Request("POST", "/api/v1/repos/o/n/issues/4/assets", {"name": "r.pdf"}, FORM, form("attachment"))
JIRA = sent("/rest/api/3/issue", {"fields": {"summary": "A", "description": TEXT}}, BASIC)
DOJO = sent("/api/v2/findings/77/notes/", {"entry": "b"}, {})
DOJO_FILE = Request("POST", "/api/v2/import-scan/", {}, FORM, form("file"))
AZURE = Request(
    "PATCH",
    "/client/The%20audit/_apis/wit/workitems/31",
    {"api-version": "6.0"},
    BASIC | {"content-type": "application/json-patch+json"},
    b'[{"op": "add", "path": "/fields/System.Title", "value": "A"}]',
)


def with_body(request: Request, document: object) -> Request:
    return replace(request, content=json.dumps(document).encode())


@pytest.mark.parametrize(
    ("opened", "right", "wrong", "fault"),
    [
        (contract.github, GITHUB, with_body(GITHUB, {"body": "b"}), "'title' is a required property"),
        (contract.github, GITHUB, with_body(GITHUB, {"title": "A", "text": "b"}), "'text' was unexpected"),
        (contract.github, GITHUB, with_body(GITHUB, {"title": "A", "labels": "x"}), "is not of type 'array'"),
        (contract.github, GITHUB, replace(GITHUB, path="/repos/o/n/issue"), "not found"),
        (contract.github, ASSET, replace(ASSET, query={}), "Missing required query parameter: name"),
        (contract.github, ASSET, replace(ASSET, path="/repos/o/n/releases/7/assets"), "not found"),
        (contract.gitlab, GITLAB, with_body(GITLAB, {"title": "A", "body": "b"}), "'body' was unexpected"),
        (contract.gitlab, GITLAB, replace(GITLAB, headers=JSON), "Security not found"),
        (contract.gitlab, UPLOAD, replace(UPLOAD, content=form("attachment")), "'file' is a required property"),
        (contract.gitlab, UPLOAD, replace(UPLOAD, content=form("file", "name")), "no field 'name'"),
        (contract.gitlab, NOTES, replace(NOTES, query={"sorting": "asc"}), "no parameter ['sorting']"),
        (contract.gitlab, NOTES, replace(NOTES, query={"sort": "up"}), "'up' is not one of"),
        (contract.gitea, GITEA, with_body(GITEA, {"body": "b"}), "'title' is a required property"),
        (contract.gitea, GITEA, with_body(GITEA, {"title": "A", "labels": ["x"]}), "is not of type 'integer'"),
        (contract.gitea, GITEA, with_body(GITEA, {"title": "A", "description": "b"}), "'description' was unexpected"),
        (contract.gitea, GITEA, with_body(GITEA, {"title": "A", "due_date": None}), "None is not of type 'string'"),
        (contract.gitea, GITEA_FILE, replace(GITEA_FILE, content=form("file")), "'attachment' is a required property"),
        (contract.gitea, GITEA_FILE, replace(GITEA_FILE, query={"filename": "r.pdf"}), "no parameter ['filename']"),
        (contract.jira, JIRA, with_body(JIRA, {"fields": {"title": "A"}}), "'title' was unexpected"),
        (contract.jira, JIRA, with_body(JIRA, {"fields": {"description": "b"}}), "is not of type 'object'"),
        (contract.jira, JIRA, with_body(JIRA, {"fields": {"labels": ["two words"]}}), "does not match"),
        (contract.defectdojo, DOJO, with_body(DOJO, {"entry": ""}), "is not valid under any"),
        (contract.defectdojo, DOJO, with_body(DOJO, {"text": "b"}), "'text' was unexpected"),
        (contract.defectdojo, DOJO_FILE, replace(DOJO_FILE, content=form("file", "report")), "no field 'report'"),
        (contract.azure, AZURE, replace(AZURE, query={}), "Missing required query parameter: api-version"),
        (contract.azure, AZURE, replace(AZURE, headers=BASIC | JSON), "mimetype"),
        (contract.azure, AZURE, with_body(AZURE, [{"op": "set", "path": "/fields/System.Title"}]), "'set' is not one of"),
        (contract.azure, AZURE, with_body(AZURE, [{"op": "add", "path": "/System.Title"}]), "does not match"),
    ],
)
def test_what_the_vendors_document_does_not_have_is_told(
    opened: Callable[[], Contract], right: Request, wrong: Request, fault: str
) -> None:
    assert opened().faults(right) == []
    assert fault in "".join(opened().faults(wrong))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"number": "9"}, "'9' is not valid"),
        ({"iid": 9}, "'iid' was unexpected"),
        ({"assets": [{"uuid": 3}]}, "{'uuid': 3}] is not valid"),
    ],
)
def test_what_a_double_answers_is_held_against_giteas_document(answer: object, fault: str) -> None:
    request = replace(GITEA, method="GET", path="/api/v1/repos/o/n/issues/9", content=b"")
    assert contract.gitea().faults_of_answer(request, Reply({"number": 9, "due_date": None, "assets": []})) == []
    assert fault in "".join(contract.gitea().faults_of_answer(request, Reply(answer)))


def test_jiras_document_refuses_the_right_way_to_attach_a_file_so_that_call_is_held_by_its_own_test_alone() -> None:
    listed: Any = {"type": "array", "items": {"type": "object"}}  # what it has there: a list of Java's MultipartFile
    operation = {
        "requestBody": {"content": {"multipart/form-data": {"schema": listed}}},
        "responses": {"default": {"description": ""}},
    }
    path = "/rest/api/3/issue/SEC-12/attachments"
    document = {"openapi": "3.0.1", "info": {"title": "Jira", "version": "3"}, "paths": {path: {"post": operation}}}
    right = Request("POST", path, {}, BASIC | FORM | {"x-atlassian-token": "no-check"}, form("file"))

    assert Contract(contract.opened(document)).faults(right)
    assert contract.jira().faults(right) == []
    assert (
        contract.jira().faults(replace(right, content=form("attachment"))) == []
    )  # nor does it know a slip: test_jira.py does
