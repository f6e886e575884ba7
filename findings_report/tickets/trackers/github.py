"""GitHub, github.com and Enterprise Server.

Its API takes no PDF on an issue: a file is an asset of the release `findings-report`, readable by whoever reads the
repository, and a comment on the issue links to it. Source: GitHub's REST API, version 2022-11-28: issues, comments, releases,
release assets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.tickets.http.client import Door, open_door
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import no_reference, unexpected
from findings_report.tickets.http.response import Fields

SHAPE: Final = "github:owner/name#5"
RELEASE: Final = "findings-report"
"""Tag of the release that holds the files."""

_PROJECT = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
_KEY = re.compile(rf"({_PROJECT})#([1-9][0-9]*)\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
_ASSET = re.compile(rf"/releases/download/{RELEASE}/([A-Za-z0-9._-]+)")


@contextmanager
def open_github(surroundings: Surroundings) -> Iterator[GitHub]:
    """GitHub at GITHUB_API_URL, github.com when it is not set, asked with GITHUB_TOKEN or GH_TOKEN."""
    token = surroundings.secret("GITHUB_TOKEN", "GH_TOKEN")
    url = surroundings.address("GITHUB_API_URL", default="https://api.github.com")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    access = Access("github", url, headers, (token,), "GITHUB_TOKEN", "GITHUB_API_URL", ("uploads.github.com",))
    with open_door(access) as door:
        yield GitHub(door)


class GitHub:
    """One GitHub."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.markup = self.description_markup = Markup.MARKDOWN
        self.longest = 65_536

    def identity(self) -> str:
        """Whose token it is; that of a workflow is nobody's, and valid all the same."""
        answer = self._door.ask("GET", "/user", "github", accepted=(403,))
        return Fields(answer.json(), "github").text("login", "") if answer.status == 200 else "a workflow"

    def read(self, key: str) -> Ticket:
        """The issue or pull request; its files are those that its comments link to."""
        ref, path = TicketRef("github", key), _issue(key)
        issue = self._asked("GET", path, str(ref))
        listed = self._door.listed(f"{path}/comments", str(ref), {"per_page": "100"})
        comments = [each.text("body", "") for each in listed]
        return Ticket(
            ref,
            title=issue.text("title"),
            address=issue.text("html_url"),
            is_public=self.project(key.partition("#")[0]).is_public,
            attached=tuple(Attached(name) for text in comments for name in dict.fromkeys(_ASSET.findall(text))),
            told=frozenset(digest for text in comments for digest in digests(text)),
            text=issue.text("body", ""),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """The release's asset; GitHub sends on to its store of files, which asks for no token."""
        about, repository = str(ticket.ref), f"/repos/{ticket.ref.key.partition('#')[0]}"
        release = self._door.fields("GET", f"{repository}/releases/tags/{RELEASE}", about)
        for asset in self._assets(repository, release, about):
            if asset.text("name") == attached.name:
                path = f"{repository}/releases/assets/{asset.number('id')}"
                return self._door.download(path, about, largest=largest, headers={"Accept": "application/octet-stream"})
        raise unexpected(about, f"asset {attached.name}")

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """The asset, unless it is there whole, then the comment that links to it."""
        repository = f"/repos/{ticket.ref.key.partition('#')[0]}"
        address = self._asset(repository, file, str(ticket.ref))
        self._comment(ticket, f"{comment.rstrip()}\n\n[{file.name}]({address})\n")

    def project(self, key: str) -> Project:
        """By owner and name. What every user of an Enterprise Server can read counts as public too."""
        if not _ONLY_PROJECT.match(key):
            raise no_reference(f"github:{key}", "github:owner/name")
        found = self._asked("GET", f"/repos/{key}", f"github:{key}")
        return Project(key, found.text("visibility", "public") != "private" or not found.flag("private", False))

    def find(self, project: Project, draft: Draft) -> str | None:
        """Among the issues with this program's label: GitHub's search lags behind."""
        query = {"labels": RELEASE, "state": "all", "per_page": "100"}
        for issue in self._door.listed(f"/repos/{project.key}/issues", f"github:{project.key}", query):
            if draft.is_marked(issue.text("body", "")):
                return f"{project.key}#{issue.number('number')}"
        return None

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """An issue with labels; GitHub has no priorities."""
        document = {"title": draft.title, "body": text, "labels": [RELEASE, *draft.labels]}
        made = self._asked("POST", f"/repos/{project.key}/issues", f"github:{project.key}", document)
        return f"{project.key}#{made.number('number')}"

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title and text, then the comment."""
        self._asked("PATCH", _issue(ticket.ref.key), str(ticket.ref), {"title": draft.title, "body": text})
        if comment:
            self._comment(ticket, comment)

    def _asset(self, repository: str, file: File, about: str) -> str:
        """Where the file is: as an asset that is there whole, else as a new one. What an upload left half is removed."""
        release = self._release(repository, about)
        for asset in self._assets(repository, release, about):
            if asset.text("name") == file.name:
                if _is_whole(asset, file):
                    return asset.text("browser_download_url")
                self._door.ask("DELETE", f"{repository}/releases/assets/{asset.number('id')}", about)
        address = release.text("upload_url").partition("{")[0]
        headers = {"Content-Type": file.media_type}
        made = self._door.fields("POST", address, about, query={"name": file.name}, content=file.content, headers=headers)
        if not _is_whole(made, file):
            raise unexpected(about, "whole asset")
        return made.text("browser_download_url")

    def _assets(self, repository: str, release: Fields, about: str) -> Iterator[Fields]:
        return self._door.listed(f"{repository}/releases/{release.number('id')}/assets", about, {"per_page": "100"})

    def _release(self, repository: str, about: str) -> Fields:
        answer = self._door.ask("GET", f"{repository}/releases/tags/{RELEASE}", about, accepted=(404,))
        if answer.status != 404:
            return Fields(answer.json(), about)
        document = {"tag_name": RELEASE, "name": "Audit reports", "prerelease": True, "make_latest": "false"}
        return self._asked("POST", f"{repository}/releases", about, document)

    def _comment(self, ticket: Ticket, body: str) -> None:
        self._asked("POST", f"{_issue(ticket.ref.key)}/comments", str(ticket.ref), {"body": body})

    def _asked(self, method: str, path: str, about: str, document: object = None) -> Fields:
        return self._door.fields(method, path, about, document=document)


def _is_whole(asset: Fields, file: File) -> bool:
    return asset.text("state", "") == "uploaded" and asset.number("size", 0) == len(file.content)


def _issue(key: str) -> str:
    found = _KEY.match(key)
    if found is None:
        raise no_reference(f"github:{key}", SHAPE)
    return f"/repos/{found[1]}/issues/{found[2]}"
