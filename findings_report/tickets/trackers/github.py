"""GitHub: github.com and Enterprise Server.

The API accepts no PDF on an issue: a file becomes an asset of the release `findings-report`, readable by whoever reads the
repository, and a comment on the issue links to it. Source: GitHub's REST API, version 2022-11-28: issues, comments, releases,
release assets.
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
from findings_report.tickets.http.client import ApiClient, open_client
from findings_report.tickets.http.credentials import Credentials, Environment
from findings_report.tickets.http.response import (
    ApiModel,
    Flag,
    Number,
    Size,
    Text,
    invalid_reference,
    parse_answer,
    unexpected_answer,
)

REFERENCE: Final = "github:owner/name#5"
RELEASE: Final = "findings-report"
"""Tag of the release that contains the files, and label of the issues that `tickets create` makes."""

_PROJECT = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
_KEY = re.compile(rf"({_PROJECT})#([1-9][0-9]*)\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
_ASSET = re.compile(rf"/releases/download/{RELEASE}/([A-Za-z0-9._-]+)")
_PER_PAGE: Final = {"per_page": "100"}


class GitHubUser(ApiModel):
    """The owner of a token."""

    login: Text = ""


class GitHubLabel(ApiModel):
    """A label of an issue."""

    name: Text = ""


class GitHubIssue(ApiModel):
    """An issue or a pull request."""

    title: Text
    html_url: Text
    body: Text = ""
    state: Text = ""
    labels: tuple[GitHubLabel, ...] = ()
    assignees: tuple[GitHubUser, ...] = ()


class GitHubEntry(ApiModel):
    """An issue that was created or listed."""

    number: Number
    body: Text = ""


class GitHubComment(ApiModel):
    """A comment on an issue."""

    body: Text = ""
    id: Text = ""


class GitHubRepository(ApiModel):
    """A repository. `visibility` can be "internal" on an Enterprise Server, where `private` is true as well."""

    visibility: Text = "public"
    private: Flag = False


class GitHubRelease(ApiModel):
    """A release."""

    id: Number
    upload_url: Text


class GitHubAsset(ApiModel):
    """A file of a release. An interrupted upload leaves one whose state is not "uploaded"."""

    id: Number
    name: Text
    state: Text = ""
    size: Size = 0
    browser_download_url: Text

    def is_complete(self, file: File) -> bool:
        """Return True if all bytes of `file` have arrived."""
        return self.state == "uploaded" and self.size == len(file.content)


@contextmanager
def open_github(environment: Environment) -> Iterator[GitHub]:
    """Open the GitHub at GITHUB_API_URL, by default github.com, with GITHUB_TOKEN or GH_TOKEN."""
    token = environment.secret("GITHUB_TOKEN", "GH_TOKEN")
    url = environment.address("GITHUB_API_URL", default="https://api.github.com")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    # Assets are uploaded to a host of their own, which `upload_url` names.
    hosts = ("uploads.github.com",)
    credentials = Credentials("github", url, headers, (token,), "GITHUB_TOKEN", "GITHUB_API_URL", hosts)
    with open_client(credentials) as client:
        yield GitHub(client)


class GitHub:
    """One GitHub."""

    markup = description_markup = Markup.GITHUB
    description_limit = 65_536

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._people: dict[str, dict[str, str]] = {}

    def identity(self) -> str:
        """Return the owner of the token. The token of a workflow has none: it is valid, and answered with 403."""
        response = self._client.send("GET", "/user", "github", accepted=(403,))
        return parse_answer(GitHubUser, response.json(), "github").login if response.status == 200 else "a workflow"

    def read(self, key: str) -> Ticket:
        """Return the issue or pull request; its files are those that its comments link to."""
        ref, path, state = TicketRef("github", key), _issue_path(key), self.read_state(key)
        comments = list(self._client.iterate(GitHubComment, f"{path}/comments", str(ref), _PER_PAGE))
        return Ticket(
            **vars(state),
            is_public=self.project(key.partition("#")[0]).is_public,
            # Neither size nor digest: a comment exists only after its asset was complete.
            attached=tuple(Attached(name) for comment in comments for name in dict.fromkeys(_ASSET.findall(comment.body))),
            comments=read_comments((comment.body, comment.id) for comment in comments),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the issue. Its priority is the label of the severity; GitHub has no due dates."""
        ref = TicketRef("github", key)
        issue = self._client.request(GitHubIssue, "GET", _issue_path(key), str(ref))
        return TicketState(
            ref,
            title=issue.title,
            address=issue.html_url,
            text=issue.body,
            is_closed=issue.state == "closed",
            project=key.partition("#")[0],
            fields={
                "priority": ",".join(sorted(_severities(issue))),
                "owner": ",".join(sorted(person.login for person in issue.assignees)),
            },
        )

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return an asset of the release. GitHub redirects to a file store, which takes no token."""
        about, repository = str(ticket.ref), _repository_path(ticket)
        release = self._client.request(GitHubRelease, "GET", f"{repository}/releases/tags/{RELEASE}", about)
        for asset in self._assets(repository, release, about):
            if asset.name == attached.name:
                path = f"{repository}/releases/assets/{asset.id}"
                return self._client.download(path, about, max_bytes=max_bytes, accept="application/octet-stream")
        raise unexpected_answer(about, f"asset {attached.name}")

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the asset, unless it is there, then add the comment that links to it."""
        url = self._provide_asset(_repository_path(ticket), file, str(ticket.ref))
        return Delivery(comment=self._comment(ticket, f"{comment.rstrip()}\n\n[{file.name}]({url})\n"))

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Delete the comment. Both runs link to the same asset: a release has one of each name."""
        if delivery.comment:
            path = f"{_repository_path(ticket)}/issues/comments/{quote(delivery.comment, safe='')}"
            self._client.send("DELETE", path, str(ticket.ref), accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a repository. One that every user of an Enterprise Server can read counts as public."""
        if not _ONLY_PROJECT.match(key):
            raise invalid_reference(f"github:{key}", "github:owner/name")
        repository = self._client.request(GitHubRepository, "GET", f"/repos/{key}", f"github:{key}")
        # An answer without these fields counts as public: that is the safe assumption.
        return Project(key, repository.visibility != "private" or not repository.private)

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find issues by the marker, among those with the label: GitHub's search index lags behind."""
        query = {"labels": RELEASE, "state": "all", "per_page": "100"}
        issues = self._client.iterate(GitHubEntry, f"/repos/{project.key}/issues", f"github:{project.key}", query)
        return tuple(f"{project.key}#{issue.number}" for issue in issues if draft.is_marked(issue.body))

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create an issue with labels and its owner; GitHub has no priorities."""
        document = {"title": draft.title, "body": text, "labels": [RELEASE, *draft.labels]}
        document |= {"assignees": [fields["owner"]]} if fields.get("owner") else {}
        path, about = f"/repos/{project.key}/issues", f"github:{project.key}"
        return f"{project.key}#{self._client.request(GitHubEntry, 'POST', path, about, document=document).number}"

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return the label of the severity, or the login of a person to whom issues can be assigned."""
        if name != "owner":
            return draft.labels[0] if name == "priority" else None
        project = place.project if isinstance(place, TicketState) else place.key
        if project not in self._people:
            path = f"/repos/{project}/assignees"
            people = self._client.iterate(GitHubUser, path, f"github:{project}", _PER_PAGE)
            self._people[project] = {person.login.casefold(): person.login for person in people}
        return self._people[project].get(draft.owner.removeprefix("@").casefold())

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set title, text and fields, then add the comment."""
        about, path = str(ticket.ref), _issue_path(ticket.ref.key)
        document: dict[str, object] = {
            name: value for name, value in (("title", change.title), ("body", change.text)) if value is not None
        }
        if (owner := change.fields.get("owner")) is not None:
            document["assignees"] = [owner] if owner else []
        if severity := change.fields.get("priority"):
            # A request names all labels, so those of other people are read just before it.
            issue = self._client.request(GitHubIssue, "GET", path, about)
            others = [label.name for label in issue.labels if label.name not in _severities(issue)]
            document["labels"] = [*others, severity]
        if document:
            self._client.request(ApiModel, "PATCH", path, about, document=document)
        if change.comment:
            self._comment(ticket, change.comment)

    def close(self, ticket: TicketState) -> None:
        """Close the issue as not planned."""
        document = {"state": "closed", "state_reason": "not_planned"}
        self._client.request(ApiModel, "PATCH", _issue_path(ticket.ref.key), str(ticket.ref), document=document)

    def _provide_asset(self, repository: str, file: File, about: str) -> str:
        """Return the address of the asset, which is uploaded if missing. An incomplete one is deleted first."""
        release = self._release(repository, about)
        for asset in self._assets(repository, release, about):
            if asset.name == file.name:
                if asset.is_complete(file):
                    return asset.browser_download_url
                # An asset cannot be overwritten, and a second one of the same name is an error (422).
                self._client.send("DELETE", f"{repository}/releases/assets/{asset.id}", about)
        # On another host for github.com. The client refuses any that the credentials do not allow.
        url = release.upload_url.partition("{")[0]  # a URI template: `...assets{?name,label}`
        headers = {"Content-Type": file.media_type}
        uploaded = self._client.request(
            GitHubAsset, "POST", url, about, query={"name": file.name}, content=file.content, headers=headers
        )
        if not uploaded.is_complete(file):
            raise unexpected_answer(about, "whole asset")
        return uploaded.browser_download_url

    def _assets(self, repository: str, release: GitHubRelease, about: str) -> Iterator[GitHubAsset]:
        return self._client.iterate(GitHubAsset, f"{repository}/releases/{release.id}/assets", about, _PER_PAGE)

    def _release(self, repository: str, about: str) -> GitHubRelease:
        response = self._client.send("GET", f"{repository}/releases/tags/{RELEASE}", about, accepted=(404,))
        if response.status != 404:
            return parse_answer(GitHubRelease, response.json(), about)
        # A prerelease that is never "latest" does not appear as a release of the audited software.
        document = {"tag_name": RELEASE, "name": "Audit reports", "prerelease": True, "make_latest": "false"}
        return self._client.request(GitHubRelease, "POST", f"{repository}/releases", about, document=document)

    def _comment(self, ticket: TicketState, body: str) -> str:
        """Add a comment; its number."""
        path = f"{_issue_path(ticket.ref.key)}/comments"
        return self._client.request(GitHubComment, "POST", path, str(ticket.ref), document={"body": body}).id


def _severities(issue: GitHubIssue) -> list[str]:
    return [label.name for label in issue.labels if label.name.startswith(SEVERITY_LABEL)]


def _repository_path(ticket: Ticket) -> str:
    return f"/repos/{ticket.ref.key.partition('#')[0]}"


def _issue_path(key: str) -> str:
    match = _KEY.match(key)
    if match is None:
        raise invalid_reference(f"github:{key}", REFERENCE)
    return f"/repos/{match[1]}/issues/{match[2]}"
