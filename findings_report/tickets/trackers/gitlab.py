"""GitLab, gitlab.com and one's own.

An upload belongs to the project; what hangs on an issue are the links to it in notes. Source: GitLab's REST API, version 4:
projects, project markdown uploads, issues, notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.tickets.http.client import Door, Part, open_door
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import no_reference
from findings_report.tickets.http.response import Fields

SHAPE: Final = "gitlab:group/project#4"
_PROJECT = r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+"
_KEY = re.compile(rf"({_PROJECT})#([1-9][0-9]*)\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
_UPLOAD = re.compile(r"\]\([^()\s]*/uploads/([0-9a-f]+)/([^()\s/]+)\)")


@contextmanager
def open_gitlab(surroundings: Surroundings) -> Iterator[GitLab]:
    """The GitLab at GITLAB_URL, gitlab.com when it is not set, asked with GITLAB_TOKEN."""
    token = surroundings.secret("GITLAB_TOKEN")
    url = surroundings.address("GITLAB_URL", default="https://gitlab.com")
    access = Access("gitlab", url, {"PRIVATE-TOKEN": token}, (token,), "GITLAB_TOKEN", "GITLAB_URL")
    with open_door(access) as door:
        yield GitLab(door)


class GitLab:
    """One GitLab."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.markup = self.description_markup = Markup.MARKDOWN
        self.longest = 1_000_000

    def identity(self) -> str:
        """Whose token it is."""
        return self._asked("GET", "/user", "gitlab").text("username")

    def read(self, key: str) -> Ticket:
        """The issue; its files are those that its notes link to."""
        ref, path = TicketRef("gitlab", key), _issue(key)
        issue = self._asked("GET", path, str(ref))
        notes = [each.text("body", "") for each in self._door.listed(f"{_API}{path}/notes", str(ref), _NOTES)]
        return Ticket(
            ref,
            title=issue.text("title"),
            address=issue.text("web_url"),
            is_public=self.project(key.partition("#")[0]).is_public,  # its uploads are not confidential when the issue is
            attached=tuple(Attached(name, id=secret) for note in notes for secret, name in _UPLOAD.findall(note)),
            told=frozenset(digest for note in notes for digest in digests(note)),
            text=issue.text("description", ""),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """The project's upload; GitLab gives it from 17.4 on."""
        path = f"{_API}{_project(ticket.ref.key.partition('#')[0])}/uploads/{attached.id}/{quote(attached.name, safe='')}"
        return self._door.download(path, str(ticket.ref), largest=largest, headers={"Accept": "*/*"})

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """The upload, then the note that links to it: without the note nothing is on the issue."""
        part = Part("file", file.name, file.content, file.media_type)
        path = f"{_API}{_project(ticket.ref.key.partition('#')[0])}/uploads"
        uploaded = self._door.fields("POST", path, str(ticket.ref), part=part)
        self._note(ticket, f"{comment.rstrip()}\n\n{uploaded.text('markdown')}\n")

    def project(self, key: str) -> Project:
        """By its full path. What every user of the GitLab can read counts as public too."""
        if not _ONLY_PROJECT.match(key):
            raise no_reference(f"gitlab:{key}", "gitlab:group/project")
        found = self._asked("GET", _project(key), f"gitlab:{key}")
        return Project(key, found.text("visibility", "") != "private")

    def find(self, project: Project, draft: Draft) -> str | None:
        """By the marker in the description."""
        query = {"search": draft.marker, "in": "description", "scope": "all", "state": "all", "per_page": "100"}
        for issue in self._door.listed(f"{_API}{_project(project.key)}/issues", f"gitlab:{project.key}", query):
            if draft.is_marked(issue.text("description", "")):
                return f"{project.key}#{issue.number('iid')}"
        return None

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """An issue with labels; GitLab has no priorities."""
        document = {"title": draft.title, "description": text, "labels": ",".join(draft.labels)}
        made = self._asked("POST", f"{_project(project.key)}/issues", f"gitlab:{project.key}", document)
        return f"{project.key}#{made.number('iid')}"

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title and text, then the comment."""
        self._asked("PUT", _issue(ticket.ref.key), str(ticket.ref), {"title": draft.title, "description": text})
        if comment:
            self._note(ticket, comment)

    def _note(self, ticket: Ticket, body: str) -> None:
        self._asked("POST", f"{_issue(ticket.ref.key)}/notes", str(ticket.ref), {"body": body})

    def _asked(self, method: str, path: str, about: str, document: object = None) -> Fields:
        return self._door.fields(method, f"{_API}{path}", about, document=document)


_API: Final = "/api/v4"
_NOTES: Final = {"per_page": "100", "sort": "asc"}


def _project(path: str) -> str:
    return f"/projects/{quote(path, safe='')}"


def _issue(key: str) -> str:
    found = _KEY.match(key)
    if found is None:
        raise no_reference(f"gitlab:{key}", SHAPE)
    return f"{_project(found[1])}/issues/{found[2]}"
