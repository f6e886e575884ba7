"""GitLab: gitlab.com and self-managed.

An upload belongs to the project; the files of an issue are the links to uploads in its notes. Source: GitLab's REST API,
version 4: projects, project Markdown uploads, issues, notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from findings_report.model.ticket import (
    SEVERITY_LABEL,
    Attached,
    Delivery,
    Draft,
    File,
    Markup,
    Project,
    Ticket,
    TicketChange,
    TicketRef,
    TicketState,
    read_comments,
)
from findings_report.tickets.http.client import ApiClient, FilePart, open_client
from findings_report.tickets.http.credentials import Credentials, Environment
from findings_report.tickets.http.response import ApiModel, Number, Text, invalid_reference
from findings_report.tickets.markup.convert import neutralise_title

REFERENCE: Final = "gitlab:group/project#4"
_PROJECT = r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+"
_KEY = re.compile(rf"({_PROJECT})#([1-9][0-9]*)\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
# A link in a note; the hexadecimal part is a secret that GitLab generates for each upload.
_UPLOAD = re.compile(r"\]\([^()\s]*/uploads/([0-9a-f]+)/([^()\s/]+)\)")
_API: Final = "/api/v4"


class GitLabUser(ApiModel):
    """The owner of a token."""

    username: Text


class GitLabPerson(ApiModel):
    """A member of a project."""

    id: Number
    username: Text = ""
    name: Text = ""


class GitLabIssue(ApiModel):
    """An issue."""

    title: Text
    web_url: Text
    description: Text = ""
    state: Text = ""
    labels: tuple[Text, ...] = ()
    due_date: Text = ""
    assignees: tuple[GitLabPerson, ...] = ()


class GitLabEntry(ApiModel):
    """An issue that was created or listed."""

    iid: Number
    description: Text = ""


class GitLabNote(ApiModel):
    """A comment on an issue."""

    body: Text = ""
    id: Text = ""


class GitLabProject(ApiModel):
    """A project; "internal" is readable by every user of the installation."""

    visibility: Text = ""


class GitLabUpload(ApiModel):
    """An uploaded file, with the link to write into a note."""

    markdown: Text


@contextmanager
def open_gitlab(environment: Environment) -> Iterator[GitLab]:
    """Open the GitLab at GITLAB_URL, by default gitlab.com, with GITLAB_TOKEN."""
    token = environment.secret("GITLAB_TOKEN")
    url = environment.address("GITLAB_URL", default="https://gitlab.com")
    credentials = Credentials("gitlab", url, {"PRIVATE-TOKEN": token}, (token,), "GITLAB_TOKEN", "GITLAB_URL")
    with open_client(credentials) as client:
        yield GitLab(client)


class GitLab:
    """One GitLab."""

    markup = description_markup = Markup.GITLAB
    description_limit = 1_000_000  # GitLab's own: 1,048,576

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._people: dict[tuple[str, str], str | None] = {}

    def identity(self) -> str:
        """Return the owner of the token."""
        return self._client.request(GitLabUser, "GET", f"{_API}/user", "gitlab").username

    def read(self, key: str) -> Ticket:
        """Return the issue; its files are those that its notes link to."""
        ref, path, state = TicketRef("gitlab", key), _issue_path(key), self.read_state(key)
        query = {"per_page": "100", "sort": "asc"}
        notes = list(self._client.iterate(GitLabNote, f"{path}/notes", str(ref), query))
        return Ticket(
            **vars(state),
            # A confidential issue makes no difference: whoever reads the project can read its uploads.
            is_public=self.project(key.partition("#")[0]).is_public,
            attached=tuple(Attached(name, id=secret) for note in notes for secret, name in _UPLOAD.findall(note.body)),
            comments=read_comments((note.body, note.id) for note in notes),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the issue. Its priority is the label of the severity."""
        ref = TicketRef("gitlab", key)
        issue = self._client.request(GitLabIssue, "GET", _issue_path(key), str(ref))
        return TicketState(
            ref,
            title=issue.title,
            address=issue.web_url,
            text=issue.description,
            is_closed=issue.state == "closed",
            project=key.partition("#")[0],
            fields={
                "priority": ",".join(sorted(label for label in issue.labels if label.startswith(SEVERITY_LABEL))),
                "due": issue.due_date,
                "owner": ",".join(sorted(str(person.id) for person in issue.assignees)),
            },
        )

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return an upload of the project. GitLab has this request since version 17.4."""
        path = f"{_project_path(ticket.ref.key.partition('#')[0])}/uploads/{attached.id}/{quote(attached.name, safe='')}"
        return self._client.download(path, str(ticket.ref), max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the file, then add the note that links to it: without the note, nothing is on the issue."""
        # A run that is interrupted here leaves an upload without a link. The next run uploads the file again, because uploads
        # cannot be found by their content.
        part = FilePart("file", file.name, file.content, file.media_type)
        path = f"{_project_path(ticket.ref.key.partition('#')[0])}/uploads"
        uploaded = self._client.request(GitLabUpload, "POST", path, str(ticket.ref), part=part)
        return Delivery(comment=self._comment(ticket, f"{comment.rstrip()}\n\n{uploaded.markdown}\n"))

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Delete the note, and with it the link to the upload."""
        if delivery.comment:
            path = f"{_issue_path(ticket.ref.key)}/notes/{quote(delivery.comment, safe='')}"
            self._client.send("DELETE", path, str(ticket.ref), accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a project by its full path. A project that every user of the GitLab can read counts as public."""
        if not _ONLY_PROJECT.match(key):
            raise invalid_reference(f"gitlab:{key}", "gitlab:group/project")
        project = self._client.request(GitLabProject, "GET", _project_path(key), f"gitlab:{key}")
        return Project(key, project.visibility != "private")  # "internal" includes every user of the installation

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find issues by the marker in their descriptions."""
        # The search may find a longer id with the same beginning as well: `is_marked` decides.
        query = {"search": draft.marker, "in": "description", "scope": "all", "state": "all", "per_page": "100"}
        path = f"{_project_path(project.key)}/issues"
        issues = self._client.iterate(GitLabEntry, path, f"gitlab:{project.key}", query)
        return tuple(f"{project.key}#{issue.iid}" for issue in issues if draft.is_marked(issue.description))

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create an issue with labels and fields; GitLab has no priorities."""
        document: dict[str, object] = {"title": neutralise_title(draft.title), "description": text}
        document |= {"labels": ",".join(draft.labels)} | _sent(fields)
        path = f"{_project_path(project.key)}/issues"
        created = self._client.request(GitLabEntry, "POST", path, f"gitlab:{project.key}", document=document)
        return f"{project.key}#{created.iid}"

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return the label of the severity, a day, or the number of a member."""
        if name != "owner":
            return draft.labels[0] if name == "priority" else draft.due
        project = place.project if isinstance(place, TicketState) else place.key
        if (project, draft.owner) not in self._people:
            name = draft.owner.removeprefix("@").casefold()
            path, query = f"{_project_path(project)}/members/all", {"query": draft.owner.removeprefix("@"), "per_page": "100"}
            listed = list(self._client.iterate(GitLabPerson, path, f"gitlab:{project}", query))
            # An inherited member is listed once for each group.
            people = {person.id for person in listed if name in (person.username.casefold(), person.name.casefold())}
            self._people[project, draft.owner] = str(people.pop()) if len(people) == 1 else None
        return self._people[project, draft.owner]

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set title, text and fields, then add the comment."""
        document: dict[str, object] = {}
        if change.title is not None:
            document["title"] = neutralise_title(change.title)
        if change.text is not None:
            document["description"] = change.text
        if severity := change.fields.get("priority"):
            document |= {"add_labels": severity}
            if ticket.fields.get("priority"):
                document["remove_labels"] = ticket.fields["priority"]
        if document := document | _sent(change.fields):
            self._client.request(ApiModel, "PUT", _issue_path(ticket.ref.key), str(ticket.ref), document=document)
        if change.comment:
            self._comment(ticket, change.comment)

    def close(self, ticket: TicketState) -> None:
        """Close the issue."""
        document = {"state_event": "close"}
        self._client.request(ApiModel, "PUT", _issue_path(ticket.ref.key), str(ticket.ref), document=document)

    def _comment(self, ticket: TicketState, body: str) -> str:
        """Add a note; its number."""
        path = f"{_issue_path(ticket.ref.key)}/notes"
        return self._client.request(GitLabNote, "POST", path, str(ticket.ref), document={"body": body}).id


def _sent(fields: Mapping[str, str]) -> dict[str, object]:
    """Return due date and owner as a request has them. Nobody is the person with the number 0."""
    sent: dict[str, object] = {"due_date": fields["due"]} if "due" in fields else {}
    return sent | ({"assignee_ids": [int(fields["owner"] or 0)]} if "owner" in fields else {})


def _project_path(path: str) -> str:
    return f"{_API}/projects/{quote(path, safe='')}"


def _issue_path(key: str) -> str:
    match = _KEY.match(key)
    if match is None:
        raise invalid_reference(f"gitlab:{key}", REFERENCE)
    return f"{_project_path(match[1])}/issues/{match[2]}"
