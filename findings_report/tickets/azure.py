"""Azure DevOps Services, and Azure DevOps Server from 2020 on.

Source: learn.microsoft.com/rest/api/azure/devops/wit, version 6.0; github.com/MicrosoftDocs/vsts-rest-api-specs.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from findings_report.errors import FindingsReportError
from findings_report.model.ticket import Attached, File, Markup, Ticket, TicketRef, digests
from findings_report.tickets.credentials import Surroundings
from findings_report.tickets.faults import no_reference, refusal, unexpected
from findings_report.tickets.http import Access, Door, open_door

SHAPE: Final = "azure:project/31"
_KEY = re.compile(r"(?P<project>[^/\s._][^/\x00-\x1f]{0,63})/(?P<id>[1-9][0-9]{0,9})\Z")
_VERSION: Final = "6.0"
_COMMENTS_VERSION: Final = "6.0-preview.3"
_ANONYMOUS: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
_SUPERSEDED: Final = "superseded by"


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
    with open_door(access) as door:
        yield Azure(door)


class Azure:
    """One organization, or one collection of a server."""

    markup = Markup.HTML

    def __init__(self, door: Door) -> None:
        self._door = door

    def identity(self) -> str:
        """Whose token it is; with a bad one public projects answer as to anybody."""
        user = self._ask("GET", "/_apis/connectionData", "azure", "6.0-preview").get("authenticatedUser")
        if not isinstance(user, dict):
            raise unexpected("azure", "authenticatedUser")
        if user.get("id") == _ANONYMOUS:
            raise FindingsReportError(refusal(self._door.access, "azure", 401, {}, ""))
        return str(user.get("providerDisplayName") or user.get("id"))

    def read(self, key: str) -> Ticket:
        """The work item with its files and its discussion."""
        ref = TicketRef("azure", key)
        found = _KEY.match(key)
        if found is None:
            raise no_reference(str(ref), SHAPE)
        project, number, about = quote(found["project"], safe=""), found["id"], str(ref)
        item = self._ask("GET", f"/{project}/_apis/wit/workitems/{number}", about, query={"$expand": "relations"})
        fields = item.get("fields")
        if not isinstance(fields, dict):
            raise unexpected(about, "fields")
        visibility = self._ask("GET", f"/_apis/projects/{project}", about).get("visibility")
        return Ticket(
            ref,
            title=str(fields.get("System.Title", "")),
            address=f"{self._door.access.url}/{project}/_workitems/edit/{number}",
            is_public=visibility == "public",
            attached=tuple(_attached(item)),
            told=frozenset(digest for text in self._comments(project, number, about) for digest in digests(text)),
            text=str(fields.get("System.Description") or ""),
        )

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
            relation = {"rel": "AttachedFile", "url": uploaded.get("url"), "attributes": {"comment": file.mark}}
            changes.append({"op": "add", "path": "/relations/-", "value": relation})
            changes += self._superseding(ticket, file, project, number)
        changes.append({"op": "add", "path": "/fields/System.History", "value": comment})
        self._ask(
            "PATCH",
            f"/{project}/_apis/wit/workitems/{number}",
            about,
            content=json.dumps(changes).encode(),
            headers={"Content-Type": "application/json-patch+json"},
        )

    def _superseding(self, ticket: Ticket, file: File, project: str, number: str) -> list[dict[str, Any]]:
        """What marks the older files: relations are named by their place, so the work item must still be the one looked at."""
        older = {each.id: each for each in ticket.attached if each.is_older(file) and not each.mark.startswith(_SUPERSEDED)}
        if not older:
            return []
        path = f"/{project}/_apis/wit/workitems/{number}"
        item = self._ask("GET", path, str(ticket.ref), query={"$expand": "relations"})
        changes: list[dict[str, Any]] = [{"op": "test", "path": "/rev", "value": item.get("rev")}]
        for place, relation in enumerate(item.get("relations") or ()):
            if relation.get("rel") == "AttachedFile" and (each := older.get(str(relation.get("url")))):
                told = f"{_SUPERSEDED} {file.name}; {each.mark}"[:255]
                operation = "replace" if each.mark else "add"
                changes.append({"op": operation, "path": f"/relations/{place}/attributes/comment", "value": told})
        return changes

    def _comments(self, project: str, number: str, about: str) -> Iterator[str]:
        query = {"$top": "200"}
        while True:
            path = f"/{project}/_apis/wit/workItems/{number}/comments"
            answer = self._ask("GET", path, about, _COMMENTS_VERSION, query=query)
            yield from (str(each.get("text") or "") for each in answer.get("comments") or ())
            if not (following := answer.get("continuationToken")):
                return
            query = {"$top": "200", "continuationToken": str(following)}

    def _ask(self, method: str, path: str, about: str, version: str = _VERSION, **sent: Any) -> dict[str, Any]:
        """The answer's document. Status 203 with a page to sign in is how some of these servers refuse a token."""
        query = {**(sent.pop("query", None) or {}), "api-version": version}
        answer = self._door.ask(method, path, about, query=query, **sent)
        if answer.status == 203:
            raise FindingsReportError(refusal(self._door.access, about, 401, {}, ""))
        document = answer.json()
        if not isinstance(document, dict):
            raise unexpected(about, "object")
        return document


def _attached(item: dict[str, Any]) -> Iterator[Attached]:
    for relation in item.get("relations") or ():
        attributes = relation.get("attributes") or {}
        if relation.get("rel") == "AttachedFile":
            size = attributes.get("resourceSize")
            yield Attached(
                str(attributes.get("name") or ""),
                int(size) if size is not None else None,
                str(attributes.get("comment") or ""),
                str(relation.get("url") or ""),
            )
