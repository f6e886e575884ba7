"""Azure DevOps Services, and Azure DevOps Server from 2020 on.

Source: learn.microsoft.com/rest/api/azure/devops/wit, version 6.0; github.com/MicrosoftDocs/vsts-rest-api-specs.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.client import Door, open_door, pages
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import no_reference, refusal, unexpected
from findings_report.tickets.http.response import Fields

SHAPE: Final = "azure:project/31"
TAG: Final = "findings-report"
"""On every work item that is made here."""

_PROJECT = r"[^/\s._][^/\x00-\x1f]{0,63}"
_KEY = re.compile(rf"(?P<project>{_PROJECT})/(?P<id>[1-9][0-9]{{0,9}})\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
_KIND: Final = "AZURE_DEVOPS_WORK_ITEM_TYPE"
_ATTACHMENT = re.compile(r"/_apis/wit/attachments/([0-9a-fA-F-]{1,36})(?![^?])")
_VERSION: Final = "6.0"
_COMMENTS_VERSION: Final = "6.0-preview.3"
_ANONYMOUS: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
_SUPERSEDED: Final = "superseded by"
_TITLE: Final = "System.Title"
_DESCRIPTION: Final = "System.Description"
_REPRO_STEPS: Final = "Microsoft.VSTS.TCM.ReproSteps"
_RANKS: Final = ("Microsoft.VSTS.Common.Priority", "Microsoft.VSTS.Common.Severity")
_TAGGED: Final = (
    "SELECT [System.Id] FROM WorkItems"
    " WHERE [System.TeamProject] = @project AND [System.Tags] CONTAINS 'findings-report' ORDER BY [System.Id]"
)
_MOST_AT_ONCE: Final = 50  # each may have a text of `longest` characters


@contextmanager
def open_azure(surroundings: Surroundings) -> Iterator[Azure]:
    """The organization at AZURE_DEVOPS_URL, asked with a personal access token: AZURE_DEVOPS_EXT_PAT, as `az devops` has it."""
    url = surroundings.address("AZURE_DEVOPS_URL", "AZDO_ORG_SERVICE_URL")
    token = surroundings.secret("AZURE_DEVOPS_EXT_PAT", "AZDO_PERSONAL_ACCESS_TOKEN")
    pair = f":{token}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
        "X-TFS-FedAuthRedirect": "Suppress",  # else a wrong token is answered with the page to sign in
    }
    access = Access("azure", url, headers, (pair, token), "AZURE_DEVOPS_EXT_PAT", "AZURE_DEVOPS_URL")
    kind = surroundings.setting(_KIND, default="Bug")
    with open_door(access) as door:
        yield Azure(door, kind)


class Azure:
    """One organization, or one collection of a server."""

    markup = description_markup = Markup.HTML
    longest = 500_000

    def __init__(self, door: Door, work_item_type: str) -> None:
        self._door = door
        self._type = work_item_type
        self._forms: dict[str, Mapping[str, tuple[str, ...]]] = {}

    def identity(self) -> str:
        """Whose token it is; with a bad one public projects answer as to anybody."""
        user = self._ask("GET", "/_apis/connectionData", "azure", "6.0-preview").fields("authenticatedUser")
        if user.text("id") == _ANONYMOUS:
            raise FindingsReportError(refusal(self._door.access, "azure", 401, {}, ""))
        return user.text("providerDisplayName", "") or user.text("id")

    def read(self, key: str) -> Ticket:
        """The work item with its files and its discussion."""
        ref = TicketRef("azure", key)
        found = _KEY.match(key)
        if found is None:
            raise no_reference(str(ref), SHAPE)
        project, number, about = quote(found["project"], safe=""), found["id"], str(ref)
        item = self._ask("GET", f"/{project}/_apis/wit/workitems/{number}", about, query={"$expand": "relations"})
        fields = item.fields("fields")
        return Ticket(
            ref,
            title=fields.text(_TITLE, ""),
            address=f"{self._door.access.url}/{project}/_workitems/edit/{number}",
            is_public=self._is_public(project, about),
            attached=tuple(_attached(item)),
            told=frozenset(digest for text in self._comments(project, number, about) for digest in digests(text)),
            text=_text(fields),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """By the number in the address that the relation has."""
        about, found = str(ticket.ref), _ATTACHMENT.search(attached.id)
        if found is None:
            raise unexpected(about, "number of an attachment")
        path = f"/{quote(ticket.ref.key.rpartition('/')[0], safe='')}/_apis/wit/attachments/{found[1]}"
        query = {"fileName": attached.name, "download": "true", "api-version": _VERSION}
        headers = {"Accept": "application/octet-stream"}
        return self._door.download(path, about, largest=largest, query=query, headers=headers)

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """The bytes first; then, in one change of the work item, file, comment, and what the older files are told to be."""
        project, _, number = ticket.ref.key.rpartition("/")
        project, about = quote(project, safe=""), str(ticket.ref)
        changes: list[dict[str, Any]] = []
        if not any(each.holds(file) for each in ticket.attached):
            uploaded = self._ask(
                "POST",
                f"/{project}/_apis/wit/attachments",
                about,
                query={"fileName": file.name, "uploadType": "Simple"},
                content=file.content,
            )
            relation = {"rel": "AttachedFile", "url": uploaded.text("url"), "attributes": {"comment": file.mark}}
            changes.append({"op": "add", "path": "/relations/-", "value": relation})
            changes += self._superseding(ticket, file, project, number)
        changes.append(_set("System.History", comment))
        self._change("PATCH", f"/{project}/_apis/wit/workitems/{number}", about, changes)

    def project(self, key: str) -> Project:
        """By its name, and that it has work items of the type AZURE_DEVOPS_WORK_ITEM_TYPE."""
        about = f"azure:{key}"
        if not _ONLY_PROJECT.match(key):
            raise no_reference(about, "azure:PROJECT, the project's name")
        name = quote(key, safe="")
        project = Project(key, self._is_public(name, about))
        self._forms[key] = self._form(name, about)
        return project

    def find(self, project: Project, draft: Draft) -> str | None:
        """Among the work items with this program's tag: words in texts are found late, and tags at once."""
        name, about = quote(project.key, safe=""), f"azure:{project.key}"
        found = self._ask("POST", f"/{name}/_apis/wit/wiql", about, document={"query": _TAGGED})
        ids = [str(each.number("id")) for each in found.several("workItems")]
        for start in range(0, len(ids), _MOST_AT_ONCE):
            query = {"ids": ",".join(ids[start : start + _MOST_AT_ONCE]), "fields": f"{_DESCRIPTION},{_REPRO_STEPS}"}
            listed = self._ask("GET", f"/{name}/_apis/wit/workitems", about, query=query | {"errorPolicy": "omit"})
            for item in listed.several("value", nulls=True):
                if item.has("fields") and draft.is_marked(_text(item.fields("fields"))):
                    return f"{project.key}/{item.number('id')}"
        return None

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """A work item with tags, and with priority and severity from 1 to 4 where its form has them."""
        name, about = quote(project.key, safe=""), f"azure:{project.key}"
        form = self._forms.get(project.key) or self._form(name, about)
        fields = {
            _TITLE: draft.title,
            _REPRO_STEPS if _REPRO_STEPS in form else _DESCRIPTION: text,
            "System.Tags": "; ".join((TAG, *draft.labels)),
            **dict(_ranks(draft.urgency, form)),
        }
        kind = quote(self._type, safe="")
        made = self._change("POST", f"/{name}/_apis/wit/workitems/${kind}", about, [_set(*each) for each in fields.items()])
        return f"{project.key}/{made.number('id')}"

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title, text and comment in one change."""
        project, _, number = ticket.ref.key.rpartition("/")
        path, about = f"/{quote(project, safe='')}/_apis/wit/workitems/{number}", str(ticket.ref)
        stands = _text_field(self._ask("GET", path, about).fields("fields"))
        changes = [_set(_TITLE, draft.title), _set(stands, text)]
        if comment:
            changes.append(_set("System.History", comment))
        self._change("PATCH", path, about, changes)

    def _superseding(self, ticket: Ticket, file: File, project: str, number: str) -> list[dict[str, Any]]:
        """What marks the older files: relations are named by their place, so the work item must still be the one looked at."""
        older = {each.id: each for each in ticket.attached if each.is_older(file) and not each.mark.startswith(_SUPERSEDED)}
        if not older:
            return []
        path = f"/{project}/_apis/wit/workitems/{number}"
        item = self._ask("GET", path, str(ticket.ref), query={"$expand": "relations"})
        changes: list[dict[str, Any]] = [{"op": "test", "path": "/rev", "value": item.number("rev")}]
        for place, relation in enumerate(item.several("relations")):
            if relation.text("rel", "") == "AttachedFile" and (each := older.get(relation.text("url", ""))):
                told = f"{_SUPERSEDED} {file.name}; {each.mark}".removesuffix("; ")[:255]
                operation = "replace" if each.mark else "add"
                changes.append({"op": operation, "path": f"/relations/{place}/attributes/comment", "value": told})
        return changes

    def _comments(self, project: str, number: str, about: str) -> Iterator[str]:
        query = {"$top": "200"}
        for _ in pages(about):
            path = f"/{project}/_apis/wit/workItems/{number}/comments"
            answer = self._ask("GET", path, about, _COMMENTS_VERSION, query=query)
            yield from (each.text("text", "") for each in answer.several("comments"))
            if not (following := answer.text("continuationToken", "")):
                return
            query = {"$top": "200", "continuationToken": following}

    def _is_public(self, project: str, about: str) -> bool:
        return self._ask("GET", f"/_apis/projects/{project}", about).text("visibility", "") == "public"

    def _form(self, project: str, about: str) -> Mapping[str, tuple[str, ...]]:
        """The fields of the work item type, each with the values that it allows; none where it allows any."""
        path = f"/{project}/_apis/wit/workitemtypes/{quote(self._type, safe='')}/fields"
        found = self._ask("GET", path, about, query={"$expand": "allowedValues"}, accepted=(404,))
        if not found.has("value"):
            fault = f"{about} has no work items of the type {self._type!r}"
            raise FindingsReportError(
                Problem(Kind.USAGE, fault, f"set {_KIND} to one that it has, as in {_KIND}=Issue", code="tracker-setting")
            )
        return {each.text("referenceName"): each.texts("allowedValues") for each in found.several("value")}

    def _change(self, method: str, path: str, about: str, changes: list[dict[str, Any]]) -> Fields:
        headers = {"Content-Type": "application/json-patch+json"}
        return self._ask(method, path, about, content=json.dumps(changes).encode(), headers=headers)

    def _ask(self, method: str, path: str, about: str, version: str = _VERSION, **sent: Any) -> Fields:
        """The answer's document. Status 203 with a page to sign in is how some of these servers refuse a token."""
        query = {**(sent.pop("query", None) or {}), "api-version": version}
        answer = self._door.ask(method, path, about, query=query, **sent)
        if answer.status == 203:
            raise FindingsReportError(refusal(self._door.access, about, 401, {}, ""))
        return Fields(answer.json(), about)


def _set(field: str, value: object) -> dict[str, Any]:
    return {"op": "add", "path": f"/fields/{field}", "value": value}


def _text_field(fields: Fields) -> str:
    """Which field holds the text: the form of a bug shows its steps to reproduce, and no description."""
    return _REPRO_STEPS if fields.text(_REPRO_STEPS, "") else _DESCRIPTION


def _text(fields: Fields) -> str:
    return fields.text(_text_field(fields), "")


def _ranks(urgency: int, form: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, int | str]]:
    """Of priority and severity the value that begins with the rank, 1 for the worst; a form of its own keeps its default."""
    rank = str(min(4, 6 - urgency))
    for field in _RANKS:
        for value in form.get(field, ()):
            if value.partition(" ")[0] == rank:
                yield field, int(value) if value.isdecimal() else value


def _attached(item: Fields) -> Iterator[Attached]:
    for relation in item.several("relations"):
        if relation.text("rel", "") == "AttachedFile":
            attributes = relation.fields("attributes")
            yield Attached(
                attributes.text("name", ""),
                attributes.number("resourceSize") if attributes.has("resourceSize") else None,
                attributes.text("comment", ""),
                relation.text("url", ""),
            )
