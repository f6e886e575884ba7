"""Redmine, 3.3 and newer.

Source: redmine.org/projects/redmine/wiki/Rest_api, and Redmine 5.0's own controllers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.tickets.credentials import Surroundings
from findings_report.tickets.faults import no_reference, unexpected
from findings_report.tickets.http import Access, Door, open_door

SHAPE: Final = "redmine:17"
_SUPERSEDED: Final = "superseded by"
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_KEY = re.compile(r"[1-9][0-9]{0,9}\Z")


@contextmanager
def open_redmine(surroundings: Surroundings) -> Iterator[Redmine]:
    """The Redmine at REDMINE_URL, asked with REDMINE_API_KEY."""
    key = surroundings.secret("REDMINE_API_KEY")
    url = surroundings.address("REDMINE_URL")
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
        user = _of(self._door.ask("GET", "/users/current.json", "redmine").json(), "user", "redmine")
        return str(user.get("login") or user.get("id"))

    def read(self, key: str) -> Ticket:
        """The issue with its files and comments."""
        ref = TicketRef("redmine", key)
        if not _KEY.match(key):
            raise no_reference(str(ref), SHAPE)
        answer = self._door.ask("GET", f"/issues/{key}.json", str(ref), query={"include": "attachments,journals"})
        issue = _of(answer.json(), "issue", str(ref))
        notes = [str(journal.get("notes") or "") for journal in issue.get("journals", ())]
        return Ticket(
            ref,
            title=str(issue.get("subject", "")),
            address=f"{self._door.access.url}/issues/{key}",
            is_public=not issue.get("is_private") and self._is_public(issue, str(ref)),
            attached=tuple(
                Attached(str(each["filename"]), int(each["filesize"]), str(each.get("description") or ""), str(each["id"]))
                for each in sorted(issue.get("attachments", ()), key=lambda each: int(each["id"]))
            ),
            told=frozenset(digest for note in notes for digest in digests(note)),
            text=str(issue.get("description") or ""),
        )

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """File and comment in one step, after the bytes were uploaded; an upload that no issue takes is removed by Redmine."""
        issue: dict[str, Any] = {"notes": comment}
        if not any(each.holds(file) for each in ticket.attached):
            uploaded = self._door.ask(
                "POST", "/uploads.json", str(ticket.ref), query={"filename": file.name}, content=file.content
            )
            token = _of(uploaded.json(), "upload", str(ticket.ref)).get("token")
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
        found = _of(self._door.ask("GET", f"/projects/{key}.json", f"redmine:{key}").json(), "project", f"redmine:{key}")
        return Project(key, bool(found.get("is_public", True)))

    def find(self, project: Project, draft: Draft) -> str | None:
        """By the marker in the description. An old Redmine does not know that filter, and answers with all issues."""
        query = {"project_id": project.key, "status_id": "*", "description": f"~{draft.marker}", "limit": "100"}
        answer = self._door.ask("GET", "/issues.json", f"redmine:{project.key}", query=query).json()
        issues = answer.get("issues", ()) if isinstance(answer, dict) else ()
        return next((str(each["id"]) for each in issues if draft.is_marked(str(each.get("description") or ""))), None)

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """In the project's first tracker, with the priority that answers to the severity."""
        issue = {"project_id": project.key, "subject": draft.title, "description": text, "priority_id": self._priority(draft)}
        answer = self._door.ask("POST", "/issues.json", f"redmine:{project.key}", document={"issue": issue})
        return str(_of(answer.json(), "issue", f"redmine:{project.key}").get("id"))

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title, text and comment in one step."""
        issue = {"subject": draft.title, "description": text} | ({"notes": comment} if comment else {})
        self._door.ask("PUT", f"/issues/{ticket.ref.key}.json", str(ticket.ref), document={"issue": issue})

    def _priority(self, draft: Draft) -> int | None:
        """Redmine's priorities stand from least to worst, and every installation has its own."""
        answer = self._door.ask("GET", "/enumerations/issue_priorities.json", "redmine").json()
        found = [each["id"] for each in answer.get("issue_priorities", ()) if each.get("active", True)]
        return int(found[round((draft.urgency - 1) * (len(found) - 1) / 4)]) if found else None

    def _mark_superseded(self, older: Attached, file: File, about: str) -> None:
        """Says so in the list of files too, where the token's owner may; the comment has said it in any case."""
        changed = {"attachment": {"description": f"{_SUPERSEDED} {file.name}; {older.mark}"[:255]}}
        self._door.ask("PATCH", f"/attachments/{older.id}.json", about, document=changed, accepted=(403, 404))

    def _is_public(self, issue: dict[str, Any], about: str) -> bool:
        project = _of(issue, "project", about)
        answer = self._door.ask("GET", f"/projects/{int(project['id'])}.json", about)
        return bool(_of(answer.json(), "project", about).get("is_public", True))


def _of(document: object, name: str, about: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise unexpected(about, name)
    return found
