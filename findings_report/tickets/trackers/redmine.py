"""Redmine, 3.3 and newer.

Source: redmine.org/projects/redmine/wiki/Rest_api, and Redmine 5.0's own controllers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.tickets.http.client import Door, open_door
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import no_reference
from findings_report.tickets.http.response import Fields

SHAPE: Final = "redmine:17"
_SUPERSEDED: Final = "superseded by"
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_KEY = re.compile(r"[1-9][0-9]{0,9}\Z")


@contextmanager
def open_redmine(surroundings: Surroundings) -> Iterator[Redmine]:
    """The Redmine at REDMINE_URL, asked with REDMINE_API_KEY."""
    url = surroundings.address("REDMINE_URL")
    key = surroundings.secret("REDMINE_API_KEY")
    markup = Markup.MARKDOWN if surroundings.setting("REDMINE_MARKUP", default="textile") == "markdown" else Markup.TEXTILE
    access = Access("redmine", url, {"X-Redmine-API-Key": key}, (key,), "REDMINE_API_KEY", "REDMINE_URL")
    with open_door(access) as door:
        yield Redmine(door, markup)


class Redmine:
    """One Redmine."""

    def __init__(self, door: Door, markup: Markup) -> None:
        self._door = door
        self.markup = self.description_markup = markup
        self.longest = 60_000

    def identity(self) -> str:
        """Whose key it is. With a bad key Redmine answers as anonymous elsewhere, here it refuses."""
        user = self._door.fields("GET", "/users/current.json", "redmine").fields("user")
        return user.text("login", "") or user.text("id")

    def read(self, key: str) -> Ticket:
        """The issue with its files and comments."""
        ref = TicketRef("redmine", key)
        if not _KEY.match(key):
            raise no_reference(str(ref), SHAPE)
        answer = self._door.fields("GET", f"/issues/{key}.json", str(ref), query={"include": "attachments,journals"})
        issue = answer.fields("issue")
        notes = [journal.text("notes", "") for journal in issue.several("journals")]
        return Ticket(
            ref,
            title=issue.text("subject", ""),
            address=f"{self._door.access.url}/issues/{key}",
            is_public=not issue.flag("is_private", False) and self._is_public(issue, str(ref)),
            attached=tuple(
                Attached(each.text("filename"), each.number("filesize"), each.text("description", ""), str(each.number("id")))
                for each in sorted(issue.several("attachments"), key=lambda each: each.number("id"))
            ),
            told=frozenset(digest for note in notes for digest in digests(note)),
            text=issue.text("description", ""),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """As its pages do: the address that Redmine names has the host of its settings, which need not be this one."""
        path = f"/attachments/download/{attached.id}/{quote(attached.name, safe='')}"
        return self._door.download(path, str(ticket.ref), largest=largest, headers={"Accept": "*/*"})

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """File and comment in one step, after the bytes were uploaded; an upload that no issue takes is removed by Redmine."""
        issue: dict[str, Any] = {"notes": comment}
        if not any(each.holds(file) for each in ticket.attached):
            uploaded = self._door.fields(
                "POST", "/uploads.json", str(ticket.ref), query={"filename": file.name}, content=file.content
            )
            token = uploaded.fields("upload").text("token")
            upload = {"token": token, "filename": file.name, "content_type": file.media_type, "description": file.mark}
            issue["uploads"] = [upload]
        self._door.ask("PUT", f"/issues/{ticket.ref.key}.json", str(ticket.ref), document={"issue": issue})
        for each in ticket.attached:
            if each.is_older(file) and not each.mark.startswith(_SUPERSEDED):
                self._mark_superseded(each, file, str(ticket.ref))

    def project(self, key: str) -> Project:
        """By its identifier or number."""
        if not _PROJECT.match(key):
            raise no_reference(f"redmine:{key}", "redmine:PROJECT, the project's identifier")
        found = self._door.fields("GET", f"/projects/{key}.json", f"redmine:{key}").fields("project")
        return Project(key, found.flag("is_public", True))

    def find(self, project: Project, draft: Draft) -> str | None:
        """By the marker in the description. An old Redmine does not know that filter, and answers with all issues."""
        query = {"project_id": project.key, "status_id": "*", "description": f"~{draft.marker}", "limit": "100"}
        issues = self._door.fields("GET", "/issues.json", f"redmine:{project.key}", query=query).several("issues")
        return next((str(each.number("id")) for each in issues if draft.is_marked(each.text("description", ""))), None)

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """In the project's first tracker, with the priority that answers to the severity."""
        issue = {"project_id": project.key, "subject": draft.title, "description": text, "priority_id": self._priority(draft)}
        answer = self._door.fields("POST", "/issues.json", f"redmine:{project.key}", document={"issue": issue})
        return str(answer.fields("issue").number("id"))

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title, text and comment in one step."""
        issue = {"subject": draft.title, "description": text} | ({"notes": comment} if comment else {})
        self._door.ask("PUT", f"/issues/{ticket.ref.key}.json", str(ticket.ref), document={"issue": issue})

    def _priority(self, draft: Draft) -> int | None:
        """Redmine's priorities stand from least to worst, and every installation has its own."""
        answer = self._door.fields("GET", "/enumerations/issue_priorities.json", "redmine")
        found = [each.number("id") for each in answer.several("issue_priorities") if each.flag("active", True)]
        return found[round((draft.urgency - 1) * (len(found) - 1) / 4)] if found else None

    def _mark_superseded(self, older: Attached, file: File, about: str) -> None:
        """Says so in the list of files too, where the token's owner may; the comment has said it in any case."""
        told = f"{_SUPERSEDED} {file.name}; {older.mark}".removesuffix("; ")[:255]
        changed = {"attachment": {"description": told}}
        self._door.ask("PATCH", f"/attachments/{older.id}.json", about, document=changed, accepted=(403, 404))

    def _is_public(self, issue: Fields, about: str) -> bool:
        number = issue.fields("project").number("id")
        answer = self._door.fields("GET", f"/projects/{number}.json", about)
        return answer.fields("project").flag("is_public", True)
