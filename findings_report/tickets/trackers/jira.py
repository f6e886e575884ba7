"""Jira, Cloud and Data Center.

Cloud has version 3 of the API, whose texts are trees of nodes, and accounts by e-mail address. Data Center has version 2, wiki
markup and personal access tokens. Source: Atlassian, "The Jira Cloud platform REST API" and "Jira Data Center REST API".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.problems import FindingsReportError
from findings_report.tickets.http.client import ApiClient, FilePart, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment, basic_auth
from findings_report.tickets.http.response import ApiModel, Number, Size, Text, invalid_reference, unexpected_answer

REFERENCE: Final = "jira:SEC-12"
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,40}-[1-9][0-9]{0,9}\Z")
_PROJECT = re.compile(r"[A-Z][A-Z0-9_]{0,40}\Z")


class JiraUser(ApiModel):
    """The owner of a token. Cloud has no `name`, to protect personal data."""

    displayName: Text = ""  # noqa: N815 - Jira's name
    name: Text = ""


class JiraAttachment(ApiModel):
    """A file on an issue."""

    id: Number
    filename: Text
    size: Number


class JiraFields(ApiModel):
    """The fields of an issue."""

    summary: Text = ""
    description: Any = None
    """A string on Data Center, a tree of nodes on Cloud."""
    attachment: tuple[JiraAttachment, ...] = ()


class JiraComment(ApiModel):
    """A comment; its body is as a description."""

    body: Any = None


class JiraComments(ApiModel):
    """A page of comments."""

    comments: tuple[JiraComment, ...] = ()
    total: Size = 0


class JiraEntry(ApiModel):
    """An issue that was created or found."""

    key: Text


class JiraPriority(ApiModel):
    """A priority of the installation."""

    id: Text


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
        self._api = f"/rest/api/{3 if is_cloud else 2}"
        self.markup = self.description_markup = Markup.ADF if is_cloud else Markup.JIRA_WIKI

    def identity(self) -> str:
        """Return the owner of the token."""
        user = self._client.request(JiraUser, "GET", f"{self._api}/myself", "jira")
        return user.displayName or user.name

    def read(self, key: str) -> Ticket:
        """Return the issue with its files and comments."""
        ref = TicketRef("jira", key)
        if not _KEY.match(key):
            raise invalid_reference(str(ref), REFERENCE)
        path, about = f"{self._api}/issue/{key}", str(ref)
        fields = self._client.request(
            JiraFields, "GET", f"{path}?fields=summary,description,attachment", about, member="fields"
        )
        comments = [_comparable(comment.body) for comment in self._comments(path, about)]
        return Ticket(
            ref,
            title=fields.summary,
            address=f"{self._client.credentials.url}/browse/{key}",
            # Permissions are spread over schemes, roles and security levels: asking without the token is the only sure way.
            is_public=self._client.is_readable_by_anybody(f"{path}?fields=summary", about),
            attached=tuple(
                Attached(file.filename, file.size, id=str(file.id))
                for file in sorted(fields.attachment, key=lambda file: file.id)
            ),
            announced=frozenset(digest for text in comments for digest in digests(text)),
            text=_comparable(fields.description),
        )

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file: on Cloud from the API, without a redirect; on Data Center, whose API has none, from its pages."""
        path = f"{self._api}/attachment/content/{attached.id}?redirect=false"
        if not self._is_cloud:
            path = f"/secure/attachment/{attached.id}/{quote(attached.name, safe='')}"
        return self._client.download(path, str(ticket.ref), max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """Upload the file, unless it is there, then add the comment."""
        about, path = str(ticket.ref), f"{self._api}/issue/{ticket.ref.key}"
        if not any(attached.holds(file) for attached in ticket.attached):
            part = FilePart("file", file.name, file.content, file.media_type)
            headers = {"X-Atlassian-Token": "no-check"}  # without it Jira refuses the upload as a forged request
            self._client.send("POST", f"{path}/attachments", about, part=part, headers=headers)
        self._comment(path, about, comment)

    def project(self, key: str) -> Project:
        """Return a project by its key."""
        if not _PROJECT.match(key):
            raise invalid_reference(f"jira:{key}", "jira:PROJECT, the project's key")
        path, about = f"{self._api}/project/{key}", f"jira:{key}"
        self._client.request(ApiModel, "GET", path, about)
        return Project(key, self._client.is_readable_by_anybody(path, about))

    def find(self, project: Project, draft: Draft) -> str | None:
        """Find an issue by a label that is the marker: a label is compared as a whole, a text is split into words."""
        jql = f'project = "{project.key}" AND labels = "{draft.marker}" ORDER BY created ASC'
        # Atlassian removed /search from Cloud in 2025; Data Center has nothing else.
        path = f"{self._api}/search/jql" if self._is_cloud else f"{self._api}/search"
        query = {"jql": jql, "fields": "labels", "maxResults": "1"}
        about = f"jira:{project.key}"
        issues = self._client.request(tuple[JiraEntry, ...], "GET", path, about, member="issues", query=query)
        return issues[0].key if issues else None

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """Create an issue of the type JIRA_ISSUE_TYPE, with a priority if the project's form has that field."""
        path, about = f"{self._api}/issue", f"jira:{project.key}"
        fields = {
            "project": {"key": project.key},
            "issuetype": {"name": self._issue_type},
            "summary": draft.title,
            "description": self._body(text),
            "labels": [draft.marker, *(label.replace(" ", "-") for label in draft.labels)],  # Jira refuses blanks in labels
        }
        # Whether a project's form has the field depends on the type, and would be a request of its own: trying is shorter.
        prioritised = fields | {"priority": {"id": self._priority(draft, about)}}
        try:
            return self._client.request(JiraEntry, "POST", path, about, document={"fields": prioritised}).key
        except FindingsReportError as error:
            (problem,) = error.problems
            if problem.code != "tracker-refused" or "priority" not in problem.fault.lower():
                raise
        # Jira has refused the request as a whole because of the field, so no issue was created.
        return self._client.request(JiraEntry, "POST", path, about, document={"fields": fields}).key

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Set title and text, then add the comment."""
        path, about = f"{self._api}/issue/{ticket.ref.key}", str(ticket.ref)
        document = {"fields": {"summary": draft.title, "description": self._body(text)}}
        self._client.send("PUT", path, about, document=document)
        if comment:
            self._comment(path, about, comment)

    def _priority(self, draft: Draft, about: str) -> str:
        """Return the priority for an urgency. Every installation has its own priorities, listed from most to least urgent."""
        listed = self._client.request(tuple[JiraPriority, ...], "GET", f"{self._api}/priority", about)
        if not listed:
            raise unexpected_answer(about, "priorities")
        # Spread over the scale, as the number of priorities is not the number of severities.
        return listed[round((5 - draft.urgency) * (len(listed) - 1) / 4)].id

    def _comments(self, path: str, about: str) -> Iterator[JiraComment]:
        start = 0
        for _ in pages(about):
            page = self._client.request(JiraComments, "GET", f"{path}/comment?startAt={start}&maxResults=100", about)
            yield from page.comments
            start += len(page.comments)
            # An empty page ends the list as well, whatever `total` is.
            if not page.comments or start >= page.total:
                return

    def _comment(self, path: str, about: str, comment: str) -> None:
        self._client.request(ApiModel, "POST", f"{path}/comment", about, document={"body": self._body(comment)})

    def _body(self, text: str) -> object:
        return json.loads(text) if self._is_cloud else text


def _comparable(body: object) -> str:
    """Return a text that can be compared and searched: of a tree of nodes its JSON, keys in order."""
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, sort_keys=True)
