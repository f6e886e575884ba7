"""Redmine, 3.4 and newer.

Source: redmine.org/projects/redmine/wiki/Rest_api, and the controllers of Redmine 5.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from findings_report.model.ticket import (
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
from findings_report.tickets.http.client import ApiClient, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment
from findings_report.tickets.http.response import ApiModel, Flag, Number, Text, invalid_reference, parse_answer

REFERENCE: Final = "redmine:17"
_SUPERSEDED: Final = "superseded by"
# Identifiers and keys become parts of paths: nothing is sent for one that could lead to another path.
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_KEY = re.compile(r"[1-9][0-9]{0,9}\Z")
_MAX_ATTACHMENT_DESCRIPTION: Final = 255  # Redmine refuses a longer one
_FIELDS: Final = {"priority": "priority_id", "due": "due_date", "owner": "assigned_to_id"}
_AMBIGUOUS: Final = 0
_LINKABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{12}(?:\.[A-Za-z0-9]+)?\Z")


class RedmineUser(ApiModel):
    """The owner of an API key."""

    id: Text = ""
    login: Text = ""


class RedmineAttachment(ApiModel):
    """A file on an issue."""

    id: Number
    filename: Text
    filesize: Number
    description: Text = ""


class RedmineDetail(ApiModel):
    """A part of a change; of an attached file: its number."""

    property: Text = ""
    name: Text = ""


class RedmineJournal(ApiModel):
    """A change of an issue, with or without a comment."""

    id: Text = ""
    notes: Text = ""
    details: tuple[RedmineDetail, ...] = ()

    @property
    def files(self) -> list[str]:
        """The numbers of the files that came or went with the change."""
        return [detail.name for detail in self.details if detail.property == "attachment"]

    @property
    def own_id(self) -> str:
        """The number of the journal, behind that of its file, as in `9:4`: the answer to a change has neither."""
        return ":".join([*self.files[:1], self.id]) if self.id else ""


class RedmineEntry(ApiModel):
    """An issue in a list, or a project of an issue."""

    id: Number
    description: Text = ""


class RedmineName(ApiModel):
    """A person, a group or a priority: its number and its name."""

    id: Number
    name: Text = ""


class RedmineStatus(ApiModel):
    """A status of issues. A Redmine before 4.2 does not say of an issue whether it is closed: it then counts as open."""

    id: Number
    is_closed: Flag = False


class RedmineMember(ApiModel):
    """A member of a project: a person or a group, both of which can own issues."""

    user: RedmineName | None = None
    group: RedmineName | None = None


class RedmineProject(ApiModel):
    """A project. Without `is_public` in the answer it counts as public, which is the safe assumption."""

    is_public: Flag = True


class RedmineIssue(ApiModel):
    """An issue with its files and comments."""

    project: RedmineEntry
    subject: Text = ""
    description: Text = ""
    is_private: Flag = False
    status: RedmineStatus = RedmineStatus(id=0)
    priority: RedmineName | None = None
    due_date: Text = ""
    assigned_to: RedmineName | None = None
    attachments: tuple[RedmineAttachment, ...] = ()
    journals: tuple[RedmineJournal, ...] = ()


class RedmineUpload(ApiModel):
    """Uploaded bytes that are on no issue yet."""

    token: Text
    id: Text = ""


class RedminePriority(ApiModel):
    """A priority; without `active`, as an older Redmine answers, it can be chosen."""

    id: Number
    active: Flag = True


@contextmanager
def open_redmine(environment: Environment) -> Iterator[Redmine]:
    """Open the Redmine at REDMINE_URL with REDMINE_API_KEY. REDMINE_MARKUP=markdown for an installation without Textile."""
    url = environment.address("REDMINE_URL")
    key = environment.secret("REDMINE_API_KEY")
    markup = Markup.REDMINE if environment.setting("REDMINE_MARKUP", default="textile") == "markdown" else Markup.TEXTILE
    credentials = Credentials("redmine", url, {"X-Redmine-API-Key": key}, (key,), "REDMINE_API_KEY", "REDMINE_URL")
    with open_client(credentials) as client:
        yield Redmine(client, markup)


class Redmine:
    """One Redmine."""

    description_limit = 60_000

    def __init__(self, client: ApiClient, markup: Markup) -> None:
        self._client = client
        self.markup = self.description_markup = markup
        self._priorities: list[int] | None = None
        self._members: dict[str, dict[str, int]] = {}

    def identity(self) -> str:
        """Return the owner of the key. Other requests treat a wrong key as anonymous; this one refuses it."""
        user = self._client.request(RedmineUser, "GET", "/users/current.json", "redmine", member="user")
        return user.login or user.id

    def read(self, key: str) -> Ticket:
        """Return the issue with its files and comments."""
        state, issue = self._read(key, {"include": "attachments,journals"})
        ref = state.ref
        # By the place of its journal: a file has its number from the upload, which may be long before it is on the issue.
        added = {file: place for place, journal in enumerate(issue.journals) for file in journal.files}
        return Ticket(
            **vars(state),
            # The API does not list who may read an issue, but its own flag and that of its project decide.
            is_public=not issue.is_private and self._is_public(str(issue.project.id), str(ref)),
            # Sorted, because the order of attachments is not documented, and the last one is the one to supersede.
            attached=tuple(
                Attached(file.filename, file.filesize, file.description, str(file.id))
                for file in sorted(issue.attachments, key=lambda file: (added.get(str(file.id), -1), file.id))
            ),
            # A journal has the number of the file that came with it, by which a run knows its own.
            comments=read_comments((journal.notes, journal.own_id) for journal in issue.journals),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the issue without files and comments."""
        return self._read(key, {})[0]

    def _read(self, key: str, query: dict[str, str]) -> tuple[TicketState, RedmineIssue]:
        ref = TicketRef("redmine", key)
        if not _KEY.match(key):
            raise invalid_reference(str(ref), REFERENCE)
        issue = self._client.request(RedmineIssue, "GET", f"/issues/{key}.json", str(ref), member="issue", query=query)
        state = TicketState(
            ref,
            title=issue.subject,
            address=f"{self._client.credentials.url}/issues/{key}",
            text=issue.description,
            is_closed=issue.status.is_closed,
            project=str(issue.project.id),
            fields={
                "priority": str(issue.priority.id) if issue.priority else "",
                "due": issue.due_date,
                "owner": str(issue.assigned_to.id) if issue.assigned_to else "",
            },
        )
        return state, issue

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file, from the path that Redmine's pages use.

        The `content_url` of the API is not used: its host is the one in Redmine's settings, which is often not REDMINE_URL's.
        """
        path = f"/attachments/download/{attached.id}/{quote(attached.name, safe='')}"
        return self._client.download(path, str(ticket.ref), max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the bytes, then add file and comment in one change. Redmine removes an upload that no issue refers to."""
        about, number = str(ticket.ref), ""
        issue: dict[str, Any] = {"notes": self._link_files(comment, [file.name, *(known.name for known in ticket.attached)])}
        if not any(attached.holds(file) for attached in ticket.attached):
            query = {"filename": file.name}
            uploaded = self._client.request(
                RedmineUpload, "POST", "/uploads.json", about, member="upload", query=query, content=file.content
            )
            number = uploaded.id
            issue["uploads"] = [
                {
                    "token": uploaded.token,
                    "filename": file.name,
                    "content_type": file.media_type,
                    "description": file.mark,
                }
            ]
        self._client.send("PUT", f"/issues/{ticket.ref.key}.json", about, document={"issue": issue})
        for attached in ticket.attached:
            if attached.is_older(file) and not attached.mark.startswith(_SUPERSEDED):
                self._mark_superseded(attached, file, about)
        return Delivery(number, f"{number}:" if number else "")

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Delete the file, and empty the comment, which deletes it. Both need rights that the owner of the key may not have."""
        about = str(ticket.ref)
        if delivery.file:
            self._client.send("DELETE", f"/attachments/{delivery.file}.json", about, accepted=(404,))
        if journal := delivery.comment.rpartition(":")[2]:
            document = {"journal": {"notes": ""}}
            self._client.send("PUT", f"/journals/{journal}.json", about, document=document, accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a project by its identifier or number."""
        if not _PROJECT.match(key):
            raise invalid_reference(f"redmine:{key}", "redmine:PROJECT, the project's identifier")
        return Project(key, self._is_public(key, f"redmine:{key}"))

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find issues by the marker in their descriptions. An old Redmine ignores the filter and lists all issues."""
        # `~` is "contains"; without `status_id=*` closed issues are left out, and a ticket would be created a second time.
        query = {"project_id": project.key, "status_id": "*", "description": f"~{draft.marker}", "limit": "100"}
        about = f"redmine:{project.key}"
        issues = self._client.request(tuple[RedmineEntry, ...], "GET", "/issues.json", about, member="issues", query=query)
        return tuple(str(issue.id) for issue in issues if draft.is_marked(issue.description))

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create an issue in the project's first tracker, with its fields."""
        issue = {"project_id": project.key, "subject": draft.title, "description": text}
        issue |= {_FIELDS[name]: value for name, value in fields.items()}
        # By default an issue starts today, and Redmine refuses a due date before that: a finding may be overdue.
        issue |= {"start_date": ""} if fields.get("due") else {}
        about = f"redmine:{project.key}"
        return str(
            self._client.request(RedmineEntry, "POST", "/issues.json", about, member="issue", document={"issue": issue}).id
        )

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return the number of a priority or of a member, or a day."""
        if name == "due":
            return draft.due
        if name == "priority":
            number = self._priority(draft)
            return str(number) if number is not None else None
        member = self._list_members(place.project if isinstance(place, TicketState) else place.key).get(draft.owner.casefold())
        return str(member) if member is not None else None

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set all that changes, and the comment, in one change of the issue."""
        changed = {"subject": change.title, "description": change.text, "notes": change.comment}
        issue = {name: value for name, value in changed.items() if value is not None}
        issue |= {_FIELDS[name]: value for name, value in change.fields.items()}
        self._client.send("PUT", f"/issues/{ticket.ref.key}.json", str(ticket.ref), document={"issue": issue})

    def close(self, ticket: TicketState) -> None:
        """Set the first status that closes. Redmine ignores a status to which the owner of the key may not change it."""
        about, member = str(ticket.ref), "issue_statuses"
        statuses = self._client.request(tuple[RedmineStatus, ...], "GET", "/issue_statuses.json", about, member=member)
        if closing := [status.id for status in statuses if status.is_closed]:
            document = {"issue": {"status_id": closing[0]}}
            self._client.send("PUT", f"/issues/{ticket.ref.key}.json", about, document=document)

    def _priority(self, draft: Draft) -> int | None:
        """Return the priority for an urgency. Every installation has its own priorities, listed from least to most urgent."""
        if self._priorities is None:
            path, member = "/enumerations/issue_priorities.json", "issue_priorities"
            listed = self._client.request(tuple[RedminePriority, ...], "GET", path, "redmine", member=member)
            self._priorities = [priority.id for priority in listed if priority.active]
        ids = self._priorities
        return ids[round((draft.urgency - 1) * (len(ids) - 1) / 4)] if ids else None

    def _list_members(self, project: str) -> dict[str, int]:
        """Return the members of a project by name, in lower case: only they can own issues. Two of one name are left out."""
        if project not in self._members:
            members: dict[str, int] = {}
            path, about = f"/projects/{project}/memberships.json", f"redmine:{project}"
            for page in pages(about):
                query = {"limit": "100", "offset": str(100 * (page - 1))}
                # 403: whoever may not list the members cannot look up owners, and the text names them nevertheless.
                response = self._client.send("GET", path, about, query=query, accepted=(403, 404))
                if response.status >= 400:
                    break
                listed = parse_answer(tuple[RedmineMember, ...], response.json(), about, "memberships")
                for entry in (person for member in listed for person in (member.user, member.group) if person is not None):
                    name = entry.name.casefold()
                    members[name] = _AMBIGUOUS if members.get(name, entry.id) != entry.id else entry.id
                if len(listed) < 100:
                    break
            self._members[project] = {name: number for name, number in members.items() if number != _AMBIGUOUS}
        return self._members[project]

    def _link_files(self, comment: str, names: Iterable[str]) -> str:
        """Return the comment with links to the files that it names as code: Redmine finds a file of the issue by its name."""
        pattern = "<code>{}</code>" if self.markup is Markup.TEXTILE else "`{}`"
        # A name that this program has not given may contain anything: it stays code.
        for name in (name for name in names if _LINKABLE.match(name)):
            comment = comment.replace(pattern.format(name), f"attachment:{name}")
        return comment

    def _mark_superseded(self, older: Attached, file: File, about: str) -> None:
        """Mark the older file in the list of files, if the owner of the token may; the comment names it in any case."""
        description = f"{_SUPERSEDED} {file.name}; {older.mark}".removesuffix("; ")[:_MAX_ATTACHMENT_DESCRIPTION]
        document = {"attachment": {"description": description}}
        # 403: the owner of the token may not edit attachments. 404: Redmine before 3.4 has no such request.
        self._client.send("PATCH", f"/attachments/{older.id}.json", about, document=document, accepted=(403, 404))

    def _is_public(self, project: str, about: str) -> bool:
        return self._client.request(RedmineProject, "GET", f"/projects/{project}.json", about, member="project").is_public
