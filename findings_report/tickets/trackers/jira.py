"""Jira, Cloud and Data Center.

Cloud has version 3 of the API, whose texts are trees of nodes, and accounts by e-mail address. Data Center has version 2, wiki
markup and personal access tokens. Source: Atlassian, "The Jira Cloud platform REST API" and "Jira Data Center REST API".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from pydantic import Field

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
from findings_report.tickets.http.client import ApiClient, FilePart, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment, basic_auth
from findings_report.tickets.http.response import ApiModel, Number, Size, Text, invalid_reference, unexpected_answer
from findings_report.tickets.markup.convert import convert

REFERENCE: Final = "jira:SEC-12"
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,40}-[1-9][0-9]{0,9}\Z")
_PROJECT = re.compile(r"[A-Z][A-Z0-9_]{0,40}\Z")
_LINKABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*-[0-9a-f]{12}(?:\.[A-Za-z0-9]+)?\Z")
_FIELDS: Final = {"priority": "priority", "due": "duedate", "owner": "assignee"}


class JiraUser(ApiModel):
    """A person. Cloud has no `name`, to protect personal data."""

    displayName: Text = ""  # noqa: N815 - Jira's name
    name: Text = ""
    accountId: Text = ""  # noqa: N815 - likewise
    emailAddress: Text = ""  # noqa: N815 - likewise


class JiraAttachment(ApiModel):
    """A file on an issue."""

    id: Number
    filename: Text
    size: Number


class JiraPriority(ApiModel):
    """A priority of the installation."""

    id: Text


class JiraCategory(ApiModel):
    """One of the three kinds of status that every Jira has."""

    key: Text = ""


class JiraStatus(ApiModel):
    """A status, whose name is each project's own."""

    statusCategory: JiraCategory = JiraCategory()  # noqa: N815 - Jira's name


class JiraAdded(ApiModel):
    """A file or a comment that was added."""

    id: Text = ""


class JiraFields(ApiModel):
    """The fields of an issue."""

    summary: Text = ""
    description: Any = None
    """A string on Data Center, a tree of nodes on Cloud."""
    attachment: tuple[JiraAttachment, ...] = ()
    status: JiraStatus = JiraStatus()
    priority: JiraPriority | None = None
    duedate: Text = ""
    assignee: JiraUser | None = None


class JiraForm(ApiModel):
    """The fields that the owner of the token may change on an issue, by name."""

    fields_: dict[str, Any] = Field(default_factory=dict, alias="fields")


class JiraIssue(ApiModel):
    """An issue with its fields."""

    fields_: JiraFields = Field(alias="fields")
    editmeta: JiraForm | None = None
    """None if Jira does not say what may be changed."""


class JiraComment(ApiModel):
    """A comment; its body is as a description."""

    body: Any = None
    id: Text = ""


class JiraComments(ApiModel):
    """A page of comments."""

    comments: tuple[JiraComment, ...] = ()
    total: Size = 0


class JiraEntry(ApiModel):
    """An issue that was created or found."""

    key: Text


@contextmanager
def open_jira(environment: Environment) -> Iterator[Jira]:
    """Open the Jira at JIRA_URL with JIRA_TOKEN. With JIRA_EMAIL, or JIRA_USER, it is Jira Cloud."""
    url = environment.address("JIRA_URL")
    token = environment.secret("JIRA_TOKEN", "JIRA_API_TOKEN")
    email = environment.setting("JIRA_EMAIL", "JIRA_USER", default="")
    header = basic_auth(email, token) if email else f"Bearer {token}"
    secrets = (f"{email}:{token}", token)
    credentials = Credentials("jira", url, {"Authorization": header}, secrets, "JIRA_TOKEN", "JIRA_URL")
    issue_type = environment.setting("JIRA_ISSUE_TYPE", default="Bug")
    with open_client(credentials) as client:
        yield Jira(client, issue_type, is_cloud=bool(email))


class Jira:
    """One Jira."""

    description_limit = 32_000  # Jira's own: 32,767

    def __init__(self, client: ApiClient, issue_type: str, *, is_cloud: bool) -> None:
        self._client = client
        self._issue_type = issue_type
        self._is_cloud = is_cloud
        self._priorities: tuple[JiraPriority, ...] | None = None
        self._people: dict[tuple[str, str], str | None] = {}
        self._api = f"/rest/api/{3 if is_cloud else 2}"
        self.markup = self.description_markup = Markup.ADF if is_cloud else Markup.JIRA_WIKI

    def identity(self) -> str:
        """Return the owner of the token."""
        user = self._client.request(JiraUser, "GET", f"{self._api}/myself", "jira")
        return user.displayName or user.name

    def read(self, key: str) -> Ticket:
        """Return the issue with its files and comments."""
        state, fields = self._read(key, "attachment")
        path, about = f"{self._api}/issue/{key}", str(state.ref)
        comments = [(_comparable(comment.body), comment.id) for comment in self._comments(path, about)]
        return Ticket(
            **vars(state),
            # Permissions are spread over schemes, roles and security levels: asking without the token is the only sure way.
            is_public=self._client.is_readable_by_anybody(f"{path}?fields=summary", about),
            attached=tuple(
                Attached(file.filename, file.size, id=str(file.id))
                for file in sorted(fields.attachment, key=lambda file: file.id)
            ),
            comments=read_comments(comments),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the issue with the fields that may be changed on it."""
        return self._read(key, "priority,duedate,assignee")[0]

    def _read(self, key: str, further: str) -> tuple[TicketState, JiraFields]:
        ref = TicketRef("jira", key)
        if not _KEY.match(key):
            raise invalid_reference(str(ref), REFERENCE)
        # The form of an issue depends on its project, type and status: only Jira knows which fields it has.
        path = f"{self._api}/issue/{key}?fields=summary,description,status,{further}&expand=editmeta"
        issue = self._client.request(JiraIssue, "GET", path, str(ref))
        fields, form = issue.fields_, issue.editmeta.fields_ if issue.editmeta is not None else None
        values = {
            "priority": fields.priority.id if fields.priority else "",
            "due": fields.duedate,
            "owner": (fields.assignee.accountId or fields.assignee.name) if fields.assignee else "",
        }
        state = TicketState(
            ref,
            title=fields.summary,
            address=f"{self._client.credentials.url}/browse/{key}",
            text=_comparable(fields.description),
            is_closed=fields.status.statusCategory.key == "done",
            project=key.rpartition("-")[0],
            fields={name: value for name, value in values.items() if form is None or _FIELDS[name] in form},
        )
        return state, fields

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file: on Cloud from the API, without a redirect; on Data Center, whose API has none, from its pages."""
        path = f"{self._api}/attachment/content/{attached.id}?redirect=false"
        if not self._is_cloud:
            path = f"/secure/attachment/{attached.id}/{quote(attached.name, safe='')}"
        return self._client.download(path, str(ticket.ref), max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the file, unless it is there, then add the comment."""
        about, path, number = str(ticket.ref), f"{self._api}/issue/{ticket.ref.key}", ""
        if not any(attached.holds(file) for attached in ticket.attached):
            part = FilePart("file", file.name, file.content, file.media_type)
            headers = {"X-Atlassian-Token": "no-check"}  # without it Jira refuses the upload as a forged request
            uploads = self._client.request(
                tuple[JiraAdded, ...], "POST", f"{path}/attachments", about, part=part, headers=headers
            )
            number = uploads[0].id if uploads else ""
        ids = {attached.name: attached.id for attached in ticket.attached} | ({file.name: number} if number else {})
        comment = self._link_files(comment, ids)
        return Delivery(number, self._comment(path, about, comment))

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Delete file and comment."""
        about = str(ticket.ref)
        if delivery.file:
            self._client.send("DELETE", f"{self._api}/attachment/{quote(delivery.file)}", about, accepted=(404,))
        if delivery.comment:
            path = f"{self._api}/issue/{ticket.ref.key}/comment/{quote(delivery.comment)}"
            self._client.send("DELETE", path, about, accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a project by its key."""
        if not _PROJECT.match(key):
            raise invalid_reference(f"jira:{key}", "jira:PROJECT, the project's key")
        path, about = f"{self._api}/project/{key}", f"jira:{key}"
        self._client.request(ApiModel, "GET", path, about)
        return Project(key, self._client.is_readable_by_anybody(path, about))

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find issues by a label that is the marker: a label is compared as a whole, a text is split into words."""
        jql = f'project = "{project.key}" AND labels = "{draft.marker}" ORDER BY created ASC'
        # Atlassian removed /search from Cloud in 2025; Data Center has nothing else.
        path = f"{self._api}/search/jql" if self._is_cloud else f"{self._api}/search"
        query = {"jql": jql, "fields": "labels", "maxResults": "1"}
        about = f"jira:{project.key}"
        issues = self._client.request(tuple[JiraEntry, ...], "GET", path, about, member="issues", query=query)
        return tuple(issue.key for issue in issues)

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create an issue of the type JIRA_ISSUE_TYPE. Jira refuses all of it if one of `fields` is not in the form."""
        document = {
            "project": {"key": project.key},
            "issuetype": {"name": self._issue_type},
            "summary": draft.title,
            "description": self._body(text),
            "labels": [draft.marker, *(label.replace(" ", "-") for label in draft.labels)],  # Jira refuses blanks in labels
        }
        path, about = f"{self._api}/issue", f"jira:{project.key}"
        document |= self._sent(fields)
        return self._client.request(JiraEntry, "POST", path, about, document={"fields": document}).key

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return the number of a priority, a day, or the account of a person to whom issues of the project can be assigned."""
        project = place.project if isinstance(place, TicketState) else place.key
        if name == "priority":
            return self._priority(draft, f"jira:{project}")
        return self._find_person(project, draft.owner) if name == "owner" else draft.due

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set title, text and fields, then add the comment."""
        path, about = f"{self._api}/issue/{ticket.ref.key}", str(ticket.ref)
        fields = self._sent(change.fields)
        fields |= {"summary": change.title} if change.title is not None else {}
        fields |= {"description": self._body(change.text)} if change.text is not None else {}
        if fields:
            self._client.send("PUT", path, about, document={"fields": fields})
        if change.comment:
            self._comment(path, about, change.comment)

    def _sent(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields as a request has them."""
        account = "accountId" if self._is_cloud else "name"
        members = {"priority": "id", "owner": account}
        return {
            _FIELDS[name]: ({members[name]: value} if name in members else value) if value else None
            for name, value in fields.items()
        }

    def _find_person(self, project: str, owner: str) -> str | None:
        """Return the account of the person with that name or e-mail address; None if there is not exactly one."""
        if (project, owner) not in self._people:
            path = f"{self._api}/user/assignable/search"
            query = {"project": project, "query" if self._is_cloud else "username": owner, "maxResults": "100"}
            listed = self._client.request(tuple[JiraUser, ...], "GET", path, f"jira:{project}", query=query)
            accounts = [
                person.accountId if self._is_cloud else person.name
                for person in listed
                if owner.casefold() in (person.displayName.casefold(), person.emailAddress.casefold(), person.name.casefold())
            ]
            self._people[project, owner] = accounts[0] if len(accounts) == 1 else None
        return self._people[project, owner]

    def _priority(self, draft: Draft, about: str) -> str:
        """Return the priority for an urgency. Every installation has its own priorities, listed from most to least urgent."""
        if self._priorities is None:
            self._priorities = self._client.request(tuple[JiraPriority, ...], "GET", f"{self._api}/priority", about)
        listed = self._priorities
        if not listed:
            raise unexpected_answer(about, "priorities")
        # Spread over the scale, as the number of priorities is not the number of severities.
        return listed[round((5 - draft.urgency) * (len(listed) - 1) / 4)].id

    def _link_files(self, comment: str, ids: Mapping[str, str]) -> str:
        """Return the comment with links to the files that it names as code."""
        for name, id in ids.items():
            if self._is_cloud:
                # The tree of a text has no links to attachments by name, so they lead to the API, which pages may ask as well.
                address = f"{self._client.credentials.url}{self._api}/attachment/content/{quote(id, safe='')}"
                marks = ({"type": "code"}, {"type": "link", "attrs": {"href": address}})
                before, after = (
                    json.dumps({"type": "text", "text": name, "marks": [mark]}, ensure_ascii=False, separators=(",", ":"))
                    for mark in marks
                )
                comment = comment.replace(before, after)
            elif _LINKABLE.match(name):
                code = convert(f"in `{name}`", self.markup).strip().removeprefix("in ")
                comment = comment.replace(code, f"[^{name}]")
        return comment

    def _comments(self, path: str, about: str) -> Iterator[JiraComment]:
        start = 0
        for _ in pages(about):
            page = self._client.request(JiraComments, "GET", f"{path}/comment?startAt={start}&maxResults=100", about)
            yield from page.comments
            start += len(page.comments)
            # An empty page ends the list as well, whatever `total` is.
            if not page.comments or start >= page.total:
                return

    def _comment(self, path: str, about: str, comment: str) -> str:
        """Add a comment; its number."""
        document = {"body": self._body(comment)}
        return self._client.request(JiraAdded, "POST", f"{path}/comment", about, document=document).id

    def _body(self, text: str) -> object:
        return json.loads(text) if self._is_cloud else text


def _comparable(body: object) -> str:
    """Return a text that can be compared and searched: of a tree of nodes its JSON, keys in order."""
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, sort_keys=True)
