"""Jira, Cloud and Data Center.

Cloud has version 3 of the API, whose texts are trees of nodes, and an account by e-mail address; Data Center has version 2,
wiki markup, and a personal access token. Source: Atlassian, "The Jira Cloud platform REST API" and "Jira Data Center REST API".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.problems import FindingsReportError
from findings_report.tickets.http.client import Door, Part, open_door, pages
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import no_reference, unexpected
from findings_report.tickets.http.response import Fields, objects

SHAPE: Final = "jira:SEC-12"
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,40}-[1-9][0-9]{0,9}\Z")
_PROJECT = re.compile(r"[A-Z][A-Z0-9_]{0,40}\Z")


@contextmanager
def open_jira(surroundings: Surroundings) -> Iterator[Jira]:
    """The Jira at JIRA_URL, asked with JIRA_TOKEN; with JIRA_EMAIL, or JIRA_USER, too it is Cloud's."""
    url = surroundings.address("JIRA_URL")
    token = surroundings.secret("JIRA_TOKEN", "JIRA_API_TOKEN")
    email = surroundings.setting("JIRA_EMAIL", "JIRA_USER", default="")
    basic = base64.b64encode(f"{email}:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}" if email else f"Bearer {token}"}
    access = Access("jira", url, headers, (token, basic), "JIRA_TOKEN", "JIRA_URL")
    kind = surroundings.setting("JIRA_ISSUE_TYPE", default="Bug")
    with open_door(access) as door:
        yield Jira(door, kind, is_cloud=bool(email))


class Jira:
    """One Jira."""

    def __init__(self, door: Door, issue_type: str, *, is_cloud: bool) -> None:
        self._door = door
        self._issue_type = issue_type
        self._is_cloud = is_cloud
        self._api = f"/rest/api/{3 if is_cloud else 2}"
        self.markup = self.description_markup = Markup.ADF if is_cloud else Markup.JIRA_WIKI
        self.longest = 32_000

    def identity(self) -> str:
        """Whose token it is."""
        user = self._asked("GET", "/myself", "jira")
        return user.text("displayName", "") or user.text("name", "")

    def read(self, key: str) -> Ticket:
        """The issue with its files and comments."""
        ref = TicketRef("jira", key)
        if not _KEY.match(key):
            raise no_reference(str(ref), SHAPE)
        path = f"/issue/{key}?fields=summary,description,attachment"
        fields = self._asked("GET", path, str(ref)).fields("fields")
        comments = [_plain(each.value("body")) for each in self._comments(key, str(ref))]
        files = sorted(fields.several("attachment"), key=lambda each: each.number("id"))
        return Ticket(
            ref,
            title=fields.text("summary", ""),
            address=f"{self._door.access.url}/browse/{key}",
            is_public=self._door.is_readable_by_anybody(f"{self._api}/issue/{key}?fields=summary", str(ref)),
            attached=tuple(Attached(each.text("filename"), each.number("size"), id=str(each.number("id"))) for each in files),
            told=frozenset(digest for text in comments for digest in digests(text)),
            text=_plain(fields.value("description")),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """From Cloud itself where it can be had so, else from the address that its pages have."""
        path = f"{self._api}/attachment/content/{attached.id}?redirect=false"
        if not self._is_cloud:
            path = f"/secure/attachment/{attached.id}/{quote(attached.name, safe='')}"
        return self._door.download(path, str(ticket.ref), largest=largest, headers={"Accept": "*/*"})

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """The file, unless it is there whole, then the comment."""
        about, path = str(ticket.ref), f"/issue/{ticket.ref.key}"
        if not any(each.holds(file) for each in ticket.attached):
            part = Part("file", file.name, file.content, file.media_type)
            self._door.ask(
                "POST", f"{self._api}{path}/attachments", about, part=part, headers={"X-Atlassian-Token": "no-check"}
            )
        self._asked("POST", f"{path}/comment", about, {"body": self._body(comment)})

    def project(self, key: str) -> Project:
        """By its key."""
        if not _PROJECT.match(key):
            raise no_reference(f"jira:{key}", "jira:PROJECT, the project's key")
        self._asked("GET", f"/project/{key}", f"jira:{key}")
        return Project(key, self._door.is_readable_by_anybody(f"{self._api}/project/{key}", f"jira:{key}"))

    def find(self, project: Project, draft: Draft) -> str | None:
        """By a label that is the marker, which no index of words takes apart."""
        question = f'project = "{project.key}" AND labels = "{draft.marker}" ORDER BY created ASC'
        path = "/search/jql" if self._is_cloud else "/search"
        query = {"jql": question, "fields": "labels", "maxResults": "1"}
        found = self._door.fields("GET", f"{self._api}{path}", f"jira:{project.key}", query=query)
        return next((each.text("key") for each in found.several("issues")), None)

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """An issue of the type JIRA_ISSUE_TYPE. Where a project's form has no priority, it gets none."""
        about = f"jira:{project.key}"
        fields = {
            "project": {"key": project.key},
            "issuetype": {"name": self._issue_type},
            "summary": draft.title,
            "description": self._body(text),
            "labels": [draft.marker, *(label.replace(" ", "-") for label in draft.labels)],
        }
        prioritised = fields | {"priority": {"id": self._priority(draft, about)}}
        try:
            made = self._asked("POST", "/issue", about, {"fields": prioritised})
        except FindingsReportError as error:
            (problem,) = error.problems
            if problem.code != "tracker-refused" or "priority" not in problem.fault.lower():
                raise
            made = self._asked("POST", "/issue", about, {"fields": fields})  # refused as a whole, so nothing was made
        return made.text("key")

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title and text, then the comment."""
        path, about = f"/issue/{ticket.ref.key}", str(ticket.ref)
        document = {"fields": {"summary": draft.title, "description": self._body(text)}}
        self._door.ask("PUT", f"{self._api}{path}", about, document=document)
        if comment:
            self._asked("POST", f"{path}/comment", about, {"body": self._body(comment)})

    def _priority(self, draft: Draft, about: str) -> str:
        """Jira's priorities stand from worst to least, and every installation has its own."""
        found = objects(self._door.ask("GET", f"{self._api}/priority", about).json(), about)
        if not found:
            raise unexpected(about, "priorities")
        return found[round((5 - draft.urgency) * (len(found) - 1) / 4)].text("id")

    def _comments(self, key: str, about: str) -> Iterator[Fields]:
        start = 0
        for _ in pages(about):
            page = self._asked("GET", f"/issue/{key}/comment?startAt={start}&maxResults=100", about)
            found = page.several("comments")
            yield from found
            start += len(found)
            if not found or start >= page.number("total", 0):
                return

    def _body(self, text: str) -> object:
        return json.loads(text) if self._is_cloud else text

    def _asked(self, method: str, path: str, about: str, document: object = None) -> Fields:
        return self._door.fields(method, f"{self._api}{path}", about, document=document)


def _plain(body: object) -> str:
    """A text as it can be compared and searched: that of a tree of nodes is its JSON, keys in order."""
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, sort_keys=True)
