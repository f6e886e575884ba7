"""Gitea, 1.17 and newer, and what descends from it: Forgejo, and Codeberg, which runs Forgejo.

A file becomes an attachment of the issue, and a comment links to it. Source: the API document of Gitea 1.27 (Forgejo 15 has the
same requests); for what is a mention or a reference, Gitea's `modules/references` and `modules/markup/mdstripper`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
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
from findings_report.tickets.http.client import ApiClient, FilePart, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment
from findings_report.tickets.http.response import (
    ApiModel,
    Flag,
    Model,
    Number,
    Size,
    Text,
    invalid_reference,
    parse_answer,
    unexpected_answer,
)
from findings_report.tickets.markup.convert import neutralise_title

LABEL: Final = "findings-report"
"""Label of the issues that `tickets create` makes."""

# Not `.` and `..`, which are names of folders in a path.
_NAME = r"(?!\.{1,2}(?:[/#]|\Z))[A-Za-z0-9._-]{1,100}"
_PROJECT = rf"{_NAME}/{_NAME}"
_KEY = re.compile(rf"({_PROJECT})#([1-9][0-9]{{0,18}})\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
# Gitea makes them itself. Checked nevertheless: any program may answer, and a path could lead to a page that changes something.
_UUID = re.compile(r"[0-9A-Fa-f-]{1,64}\Z")
_API: Final = "/api/v1"
_PER_PAGE: Final = 50  # what an installation allows by default; one that allows less sends shorter pages
_MAX_LABEL: Final = 50  # characters, in Gitea's own form
# Gitea wants one for each label. Grey: colours are the team's to choose, and a label that exists keeps its own.
_COLOUR: Final = "#6f7782"


class GiteaUser(ApiModel):
    """The owner of a token."""

    login: Text = ""


class GiteaRepository(ApiModel):
    """A repository. Without `private` in the answer it counts as public, which is the safe assumption."""

    private: Flag = False


class GiteaAsset(ApiModel):
    """A file on an issue or a comment."""

    id: Number
    name: Text
    size: Size = 0
    uuid: Text


class GiteaLabel(ApiModel):
    """A label of a repository."""

    id: Number
    name: Text


class GiteaIssue(ApiModel):
    """An issue, or a pull request."""

    number: Number
    title: Text = ""
    body: Text = ""
    html_url: Text = ""
    assets: tuple[GiteaAsset, ...] = ()
    state: Text = ""
    labels: tuple[GiteaLabel, ...] = ()
    due_date: Text = ""
    assignees: tuple[GiteaUser, ...] = ()


class GiteaComment(ApiModel):
    """A comment on an issue."""

    id: Text = ""
    body: Text = ""
    assets: tuple[GiteaAsset, ...] = ()


def reference(name: str) -> str:
    """Return a reference to an issue, by example."""
    return f"{name}:owner/name#5"


def opener(name: str, default: str | None = None) -> Callable[[Environment], AbstractContextManager[Gitea]]:
    """Return what opens the installation at NAME_URL, or else at `default`, with NAME_TOKEN.

    Each of the products has a name of its own in references, because a team may use Codeberg beside an installation.
    """

    @contextmanager
    def open_gitea(environment: Environment) -> Iterator[Gitea]:
        prefix = name.upper()
        # The second names are those of `tea`, the client of Gitea.
        url = environment.address(f"{prefix}_URL", f"{prefix}_SERVER_URL", default=default)
        token = environment.secret(f"{prefix}_TOKEN", f"{prefix}_SERVER_TOKEN")
        headers = {"Authorization": f"token {token}"}
        credentials = Credentials(name, url, headers, (token,), f"{prefix}_TOKEN", f"{prefix}_URL")
        with open_client(credentials) as client:
            yield Gitea(client)

    return open_gitea


class Gitea:
    """One installation."""

    markup = description_markup = Markup.GITEA
    description_limit = 65_000  # MySQL's `TEXT`, in which older installations store an issue, has 65,535 bytes

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._name = client.credentials.tracker

    def identity(self) -> str:
        """Return the owner of the token."""
        return self._client.request(GiteaUser, "GET", f"{_API}/user", self._name).login

    def read(self, key: str) -> Ticket:
        """Return the issue; its files are those on the issue itself and on its comments."""
        state, issue = self._read(key)
        ref, path = state.ref, self._issue_path(key)
        comments = self._client.request(tuple[GiteaComment, ...], "GET", f"{path}/comments", str(ref))
        # A person may have attached the report to a comment: it counts, so that it is not attached a second time.
        assets = [*issue.assets, *(asset for comment in comments for asset in comment.assets)]
        return Ticket(
            **vars(state),
            is_public=self.project(state.project).is_public,
            # Sorted, because files of comments lie between those of the issue, and the last one is the one to supersede.
            attached=tuple(
                Attached(asset.name, asset.size, id=asset.uuid) for asset in sorted(assets, key=lambda asset: asset.id)
            ),
            comments=read_comments((comment.body, comment.id) for comment in comments),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the issue. Its priority is the label of the severity."""
        return self._read(key)[0]

    def _read(self, key: str) -> tuple[TicketState, GiteaIssue]:
        ref, project = TicketRef(self._name, key), key.partition("#")[0]
        issue = self._client.request(GiteaIssue, "GET", self._issue_path(key), str(ref))
        severities = sorted(label.name for label in issue.labels if label.name.startswith(SEVERITY_LABEL))
        state = TicketState(
            ref,
            title=issue.title,
            address=self._address(issue, project),
            text=issue.body,
            is_closed=issue.state == "closed",
            project=project,
            fields={
                "priority": ",".join(severities),
                "due": issue.due_date[:10],
                "owner": ",".join(sorted(person.login for person in issue.assignees)),
            },
        )
        return state, issue

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file, from the path that Gitea's pages use.

        The `browser_download_url` of the API is not used: its host is the one in Gitea's settings, which is often not the one
        that was configured here.
        """
        path = self._asset_path(attached.id, str(ticket.ref))
        return self._client.download(path, str(ticket.ref), max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the file to the issue, unless it is there, then add the comment that links to it."""
        about, path, added = str(ticket.ref), self._issue_path(ticket.ref.key), ""
        # The file comes first: a comment that links to nothing would be taken for the sign of a complete run.
        id = next((attached.id for attached in ticket.attached if attached.holds(file)), None)
        if id is None:
            part = FilePart("attachment", file.name, file.content, file.media_type)
            # The name of the part would do, too; the document names this parameter, and it has the last word.
            query = {"name": file.name}
            id = self._client.request(GiteaAsset, "POST", f"{path}/assets", about, part=part, query=query).uuid
            added = id
        address = f"{self._client.credentials.url}{self._asset_path(id, about)}"
        return Delivery(added, self._comment(ticket, f"{comment.rstrip()}\n\n[{file.name}]({address})\n"))

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Delete file and comment. A file is deleted by its number, which its uuid is not."""
        about, path = str(ticket.ref), self._issue_path(ticket.ref.key)
        assets = self._read(ticket.ref.key)[1].assets if delivery.file else ()
        for number in (asset.id for asset in assets if asset.uuid == delivery.file):
            self._client.send("DELETE", f"{path}/assets/{number}", about, accepted=(404,))
        if delivery.comment:
            comments = f"{_API}/repos/{ticket.project}/issues/comments"
            self._client.send("DELETE", f"{comments}/{quote(delivery.comment, safe='')}", about, accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a repository. One of an organization that is not public counts as public all the same: all members read it."""
        if not _ONLY_PROJECT.match(key):
            raise invalid_reference(f"{self._name}:{key}", f"{self._name}:owner/name")
        # Asked once in a run: every ticket of a repository has the same readers.
        if key not in self._projects:
            repository = self._client.request(GiteaRepository, "GET", f"{_API}/repos/{key}", f"{self._name}:{key}")
            self._projects[key] = Project(key, not repository.private)
        return self._projects[key]

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find issues by the marker, among those with the label: the index of Gitea's search lags behind."""
        query = {"labels": LABEL, "state": "all", "type": "issues"}
        # A label that does not exist is no filter for Gitea: then all issues are listed, and the marker decides.
        issues = self._pages(GiteaIssue, f"{_API}/repos/{project.key}/issues", f"{self._name}:{project.key}", query)
        return tuple(f"{project.key}#{issue.number}" for issue in issues if draft.is_marked(issue.body))

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create an issue with labels and fields; Gitea has no priorities."""
        about = f"{self._name}:{project.key}"
        document: dict[str, object] = {
            **_sent({name: value for name, value in fields.items() if value}),
            "title": neutralise_title(draft.title),
            "body": text,
            "labels": self._label_ids(project.key, (LABEL, *draft.labels), about),
        }
        issue = self._client.request(GiteaIssue, "POST", f"{_API}/repos/{project.key}/issues", about, document=document)
        return f"{project.key}#{issue.number}"

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return the label of the severity, a day, or the login of a person to whom issues can be assigned."""
        if name != "owner":
            return draft.labels[0][:_MAX_LABEL] if name == "priority" else draft.due
        project = place.project if isinstance(place, TicketState) else place.key
        if project not in self._people:
            path, about = f"{_API}/repos/{project}/assignees", f"{self._name}:{project}"
            people = self._client.request(tuple[GiteaUser, ...], "GET", path, about)
            self._people[project] = {person.login.casefold(): person.login for person in people}
        return self._people[project].get(draft.owner.removeprefix("@").casefold())

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set title, text and fields, then add the comment."""
        about, path = str(ticket.ref), self._issue_path(ticket.ref.key)
        document = _sent(change.fields)
        if change.title is not None:
            document["title"] = neutralise_title(change.title)
        if change.text is not None:
            document["body"] = change.text
        if document:
            self._client.request(ApiModel, "PATCH", path, about, document=document)
        if severity := change.fields.get("priority"):
            # Labels are no part of a change, and have requests of their own. The new one comes first: none is worse than two.
            ids = self._label_ids(ticket.project, (severity, *filter(None, ticket.fields["priority"].split(","))), about)
            self._client.send("POST", f"{path}/labels", about, document={"labels": ids[:1]})
            for id in ids[1:]:
                self._client.send("DELETE", f"{path}/labels/{id}", about, accepted=(404,))
        if change.comment:
            self._comment(ticket, change.comment)

    def close(self, ticket: TicketState) -> None:
        """Close the issue."""
        path = self._issue_path(ticket.ref.key)
        self._client.request(ApiModel, "PATCH", path, str(ticket.ref), document={"state": "closed"})

    def _comment(self, ticket: TicketState, body: str) -> str:
        """Add a comment; its number."""
        path = f"{self._issue_path(ticket.ref.key)}/comments"
        return self._client.request(GiteaComment, "POST", path, str(ticket.ref), document={"body": body}).id

    def _label_ids(self, project: str, names: Sequence[str], about: str) -> list[int]:
        """Return the ids of labels. Missing ones are created, because an issue takes no label by its name."""
        # Read once in a run. A label that another run creates meanwhile exists twice, which Gitea allows.
        known = self._labels.setdefault(project, {})
        path = f"{_API}/repos/{project}/labels"
        if not known:
            known |= {label.name: label.id for label in self._pages(GiteaLabel, path, about, {})}
        for name in (name[:_MAX_LABEL] for name in names):
            if name not in known:
                document = {"name": name, "color": _COLOUR}
                known[name] = self._client.request(GiteaLabel, "POST", path, about, document=document).id
        return list(dict.fromkeys(known[name[:_MAX_LABEL]] for name in names))

    def _pages(self, model: type[Model], path: str, about: str, query: dict[str, str]) -> Iterator[Model]:
        """Yield the elements of a list up to its first empty page.

        Neither is the `Link` followed, whose host is the one in Gitea's settings, nor is a short page the last one: how many
        elements a page has at most is a setting too.
        """
        previous: list[Model] = []
        for page in pages(about):
            response = self._client.send("GET", path, about, query={**query, "page": str(page), "limit": str(_PER_PAGE)})
            elements = parse_answer(list[model], response.json(), about)  # type: ignore[valid-type]  # a type at run time
            # What pays no heed to `page` answers with the same page for ever.
            if not elements or elements == previous:
                return
            yield from elements
            previous = elements

    @cached_property
    def _projects(self) -> dict[str, Project]:
        return {}

    @cached_property
    def _people(self) -> dict[str, dict[str, str]]:
        return {}

    @cached_property
    def _labels(self) -> dict[str, dict[str, int]]:
        return {}

    def _issue_path(self, key: str) -> str:
        match = _KEY.match(key)
        if match is None:
            raise invalid_reference(f"{self._name}:{key}", reference(self._name))
        return f"{_API}/repos/{match[1]}/issues/{match[2]}"

    def _asset_path(self, id: str, about: str) -> str:
        if not _UUID.match(id):  # it becomes part of a path and of a link
            raise unexpected_answer(about, "uuid of an attachment")
        return f"/attachments/{quote(id, safe='')}"

    def _address(self, issue: GiteaIssue, project: str) -> str:
        return issue.html_url or f"{self._client.credentials.url}/{project}/issues/{issue.number}"


def _sent(fields: Mapping[str, str]) -> dict[str, object]:
    """Return due date and owner as a request has them. Gitea counts a due date to the end of its day."""
    sent: dict[str, object] = {}
    if "due" in fields:
        sent = {"due_date": f"{fields['due']}T23:59:59Z"} if fields["due"] else {"unset_due_date": True}
    return sent | ({"assignees": [fields["owner"]] if fields["owner"] else []} if "owner" in fields else {})
