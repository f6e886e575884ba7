"""Azure DevOps Services, and Azure DevOps Server from 2020 on.

Source: learn.microsoft.com/rest/api/azure/devops/wit, version 6.0; github.com/MicrosoftDocs/vsts-rest-api-specs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Unpack
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
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.client import ApiClient, Sent, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment, basic_auth
from findings_report.tickets.http.response import (
    ApiModel,
    Model,
    Number,
    Text,
    invalid_reference,
    parse_answer,
    refusal,
    unexpected_answer,
)
from findings_report.tickets.markup.convert import link_files

REFERENCE: Final = "azure:project/31"
TAG: Final = "findings-report"
"""On every work item that `tickets create` makes."""

_PROJECT = r"[^/\s._][^/\x00-\x1f]{0,63}"
_KEY = re.compile(rf"(?P<project>{_PROJECT})/(?P<id>[1-9][0-9]{{0,9}})\Z")
_ONLY_PROJECT = re.compile(rf"{_PROJECT}\Z")
_TYPE_VARIABLE: Final = "AZURE_DEVOPS_WORK_ITEM_TYPE"
_ATTACHMENT = re.compile(r"/_apis/wit/attachments/([0-9a-fA-F-]{1,36})(?![^?])")
_VERSION: Final = "6.0"
_COMMENTS_VERSION: Final = "6.0-preview.3"  # comments have no other version on Server 2020
# The id that Azure DevOps gives to everybody without a valid token.
_ANONYMOUS: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
_SUPERSEDED: Final = "superseded by"
_TITLE: Final = "System.Title"
_DESCRIPTION: Final = "System.Description"
_REPRO_STEPS: Final = "Microsoft.VSTS.TCM.ReproSteps"
_RANKS: Final = ("Microsoft.VSTS.Common.Priority", "Microsoft.VSTS.Common.Severity")
_DUE: Final = "Microsoft.VSTS.Scheduling.DueDate"
_OWNER: Final = "System.AssignedTo"
_CLOSED: Final = ("Completed", "Removed")
_TAGGED: Final = (
    "SELECT [System.Id] FROM WorkItems"
    " WHERE [System.TeamProject] = @project AND [System.Tags] CONTAINS 'findings-report' ORDER BY [System.Id]"
)
_MAX_ITEMS_AT_ONCE: Final = 50  # the API allows 200, but each may have a text of `description_limit` characters


class AzureUser(ApiModel):
    """The owner of a token."""

    id: Text
    providerDisplayName: Text = ""  # noqa: N815 - the API's name


class AzurePerson(ApiModel):
    """The owner of a work item; a server before 2019 answers with its text."""

    displayName: Text = ""  # noqa: N815 - the API's name
    uniqueName: Text = ""  # noqa: N815 - likewise

    def __str__(self) -> str:
        return f"{self.displayName} <{self.uniqueName}>"


class AzureFields(ApiModel):
    """The fields of a work item that are read."""

    title: Text = Field("", alias=_TITLE)
    description: Text = Field("", alias=_DESCRIPTION)
    repro_steps: Text = Field("", alias=_REPRO_STEPS)
    type: Text = Field("", alias="System.WorkItemType")
    state: Text = Field("", alias="System.State")
    priority: Text = Field("", alias=_RANKS[0])
    severity: Text = Field("", alias=_RANKS[1])
    due: Text = Field("", alias=_DUE)
    owner: AzurePerson | Text | None = Field(None, alias=_OWNER)

    @property
    def text(self) -> str:
        """The field that the form shows: the steps to reproduce of a bug, the description of any other type."""
        return self.repro_steps or self.description

    @property
    def text_field(self) -> str:
        """The name of the field that contains `text`."""
        return _REPRO_STEPS if self.repro_steps else _DESCRIPTION


class AzureRelationAttributes(ApiModel):
    """The attributes of a relation; of an attached file: its name, size and comment."""

    name: Text = ""
    resourceSize: Number | None = None  # noqa: N815 - the API's name
    comment: Text = ""


class AzureRelation(ApiModel):
    """A relation of a work item: an attached file, a link, a parent."""

    rel: Text = ""
    url: Text = ""
    attributes: AzureRelationAttributes = AzureRelationAttributes()

    @property
    def address(self) -> str:
        """The address without its query, by which a file is known again."""
        return self.url.partition("?")[0]

    @property
    def is_file(self) -> bool:
        """True for an attached file."""
        return self.rel == "AttachedFile"


class AzureWorkItem(ApiModel):
    """A work item with its relations."""

    fields_: AzureFields = Field(alias="fields")
    relations: tuple[AzureRelation, ...] = ()


class AzureRevision(ApiModel):
    """The relations of a work item, and the revision in which they have this order."""

    rev: Number
    relations: tuple[AzureRelation, ...] = ()


class AzureCommentRef(ApiModel):
    """The comment that a change has added."""

    commentId: Text = ""  # noqa: N815 - the API's name


class AzureEntry(ApiModel):
    """A work item that was created, changed or found."""

    id: Number
    fields_: AzureFields | None = Field(None, alias="fields")
    commentVersionRef: AzureCommentRef = AzureCommentRef()  # noqa: N815 - the API's name


class AzureItems(ApiModel):
    """Work items by id; null is in place of one that is deleted or not readable (errorPolicy=omit)."""

    value: tuple[AzureEntry | None, ...] = ()


class AzureFound(ApiModel):
    """The result of a query."""

    workItems: tuple[AzureEntry, ...] = ()  # noqa: N815 - the API's name


class AzureComment(ApiModel):
    """An entry in the discussion of a work item."""

    text: Text = ""
    id: Text = ""


class AzureComments(ApiModel):
    """A page of the discussion."""

    comments: tuple[AzureComment, ...] = ()
    continuationToken: Text = ""  # noqa: N815 - the API's name


class AzureProject(ApiModel):
    """A project."""

    visibility: Text = ""


class AzureTypeField(ApiModel):
    """A field of a work item type, with the values that it allows; none if it allows any."""

    referenceName: Text  # noqa: N815 - the API's name
    allowedValues: tuple[Text, ...] = ()  # noqa: N815 - the API's name


class AzureType(ApiModel):
    """The fields of a work item type; None if there is no such type."""

    value: tuple[AzureTypeField, ...] | None = None


class AzureState(ApiModel):
    """A state of a work item type; its category has the same words in every project."""

    name: Text = ""
    category: Text = ""


class AzureStates(ApiModel):
    """The states of a work item type; None if there is no such type."""

    value: tuple[AzureState, ...] | None = None


class AzureUpload(ApiModel):
    """Uploaded bytes that are on no work item yet."""

    url: Text


@contextmanager
def open_azure(environment: Environment) -> Iterator[Azure]:
    """Open the organization at AZURE_DEVOPS_URL with the personal access token in AZURE_DEVOPS_EXT_PAT, as `az devops` does."""
    url = environment.address("AZURE_DEVOPS_URL", "AZDO_ORG_SERVICE_URL")
    token = environment.secret("AZURE_DEVOPS_EXT_PAT", "AZDO_PERSONAL_ACCESS_TOKEN")
    headers = {
        "Authorization": basic_auth("", token),
        "X-TFS-FedAuthRedirect": "Suppress",  # otherwise a wrong token is answered with the sign-in page
    }
    credentials = Credentials("azure", url, headers, (f":{token}", token), "AZURE_DEVOPS_EXT_PAT", "AZURE_DEVOPS_URL")
    work_item_type = environment.setting(_TYPE_VARIABLE, default="Bug")
    with open_client(credentials) as client:
        yield Azure(client, work_item_type)


class Azure:
    """One organization, or one collection of a server."""

    markup = description_markup = Markup.HTML
    description_limit = 500_000

    def __init__(self, client: ApiClient, work_item_type: str) -> None:
        self._client = client
        self._type = work_item_type
        self._forms: dict[tuple[str, str], Mapping[str, tuple[str, ...]]] = {}
        self._states: dict[tuple[str, str], Mapping[str, str]] = {}
        self._types: dict[str, str] = {}

    def identity(self) -> str:
        """Return the owner of the token. Other requests treat a wrong token as anonymous if the project is public."""
        path, member = "/_apis/connectionData", "authenticatedUser"
        user = self._request(AzureUser, "GET", path, "azure", version="6.0-preview", member=member)
        if user.id == _ANONYMOUS:
            raise FindingsReportError(refusal(self._client.credentials, "azure", 401, {}, ""))
        return user.providerDisplayName or user.id

    def read(self, key: str) -> Ticket:
        """Return the work item with its files and its discussion."""
        state, item = self._read(key, {"$expand": "relations"})
        about = str(state.ref)
        project, _, number = key.rpartition("/")
        project = quote(project, safe="")
        return Ticket(
            **vars(state),
            is_public=self._is_public(project, about),
            attached=tuple(
                Attached(file.attributes.name, file.attributes.resourceSize, file.attributes.comment, file.address)
                for file in item.relations
                if file.is_file
            ),
            comments=read_comments(self._comments(project, number, about)),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the work item, with the fields that its type has."""
        return self._read(key, {})[0]

    def _read(self, key: str, query: dict[str, str]) -> tuple[TicketState, AzureWorkItem]:
        ref = TicketRef("azure", key)
        match = _KEY.match(key)
        if match is None:
            raise invalid_reference(str(ref), REFERENCE)
        project, number, about = quote(match["project"], safe=""), match["id"], str(ref)
        item = self._request(AzureWorkItem, "GET", f"/{project}/_apis/wit/workitems/{number}", about, query=query)
        fields = item.fields_
        self._types[about] = fields.type or self._type
        values = {
            "priority": f"{fields.priority}/{fields.severity}".strip("/"),
            "due": fields.due[:10],
            "owner": str(fields.owner or ""),
        }
        # Asked once for all work items of a type: they say which fields it has, and which of its states are final.
        form = self._form(project, about, fields.type) if fields.type else {}
        names = {"priority": any(rank in form for rank in _RANKS), "due": _DUE in form, "owner": True}
        return TicketState(
            ref,
            title=fields.title,
            address=f"{self._client.credentials.url}/{project}/_workitems/edit/{number}",
            text=fields.text,
            is_closed=bool(fields.state) and self._is_final(project, about, fields.type, fields.state),
            project=match["project"],
            fields={name: value for name, value in values.items() if names[name]},
        ), item

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file by the id in the relation's address, whose host may be another name of the organization."""
        about, match = str(ticket.ref), _ATTACHMENT.search(attached.id)
        if match is None:
            raise unexpected_answer(about, "id of an attachment")
        path = f"/{quote(ticket.ref.key.rpartition('/')[0], safe='')}/_apis/wit/attachments/{match[1]}"
        query = {"fileName": attached.name, "download": "true", "api-version": _VERSION}
        return self._client.download(path, about, max_bytes=max_bytes, query=query, accept="application/octet-stream")

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the bytes, then add file, comment and the marks of superseded files in one change of the work item."""
        project, _, number = ticket.ref.key.rpartition("/")
        project, about = quote(project, safe=""), str(ticket.ref)
        changes: list[dict[str, Any]] = []
        address = ""
        if not any(attached.holds(file) for attached in ticket.attached):
            query = {"fileName": file.name, "uploadType": "Simple"}
            path = f"/{project}/_apis/wit/attachments"
            uploaded = self._request(AzureUpload, "POST", path, about, query=query, content=file.content)
            address = uploaded.url.partition("?")[0]  # the relation has it without the name of the file
            relation = {"rel": "AttachedFile", "url": uploaded.url, "attributes": {"comment": file.mark}}
            changes.append({"op": "add", "path": "/relations/-", "value": relation})
            changes += self._mark_superseded(ticket, file, project, number)
        addresses = {attached.name: attached.id for attached in ticket.attached} | ({file.name: address} if address else {})
        changes.append(_set("System.History", link_files(comment, addresses)))
        changed = self._change("PATCH", f"/{project}/_apis/wit/workitems/{number}", about, changes)
        return Delivery(address, changed.commentVersionRef.commentId)

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Remove the file from the work item, by its position in this revision, and delete the comment."""
        project, _, number = ticket.ref.key.rpartition("/")
        project, about = quote(project, safe=""), str(ticket.ref)
        path = f"/{project}/_apis/wit/workitems/{number}"
        if delivery.file:
            item = self._request(AzureRevision, "GET", path, about, query={"$expand": "relations"})
            places = [place for place, relation in enumerate(item.relations) if relation.address == delivery.file]
            removals = [{"op": "remove", "path": f"/relations/{place}"} for place in places[:1]]
            if removals:
                self._change("PATCH", path, about, [{"op": "test", "path": "/rev", "value": item.rev}, *removals])
        if delivery.comment:
            path = f"/{project}/_apis/wit/workItems/{number}/comments/{quote(delivery.comment, safe='')}"
            query = {"api-version": _COMMENTS_VERSION}
            self._client.send("DELETE", path, about, query=query, accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a project by its name. Raises if it has no work items of the type AZURE_DEVOPS_WORK_ITEM_TYPE."""
        about = f"azure:{key}"
        if not _ONLY_PROJECT.match(key):
            raise invalid_reference(about, "azure:PROJECT, the project's name")
        name = quote(key, safe="")
        project = Project(key, self._is_public(name, about))
        self._form(name, about, self._type)
        return project

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find work items by the marker, among those with the tag: texts are indexed late, tags at once."""
        name, about = quote(project.key, safe=""), f"azure:{project.key}"
        found = self._request(AzureFound, "POST", f"/{name}/_apis/wit/wiql", about, document={"query": _TAGGED})
        ids = [str(item.id) for item in found.workItems]
        keys: list[str] = []
        for start in range(0, len(ids), _MAX_ITEMS_AT_ONCE):
            query = {
                "ids": ",".join(ids[start : start + _MAX_ITEMS_AT_ONCE]),
                "fields": f"{_DESCRIPTION},{_REPRO_STEPS}",
                "errorPolicy": "omit",  # otherwise one deleted work item fails the whole request
            }
            items = self._request(AzureItems, "GET", f"/{name}/_apis/wit/workitems", about, query=query).value
            keys += [
                f"{project.key}/{item.id}"
                for item in items
                if item is not None and item.fields_ is not None and draft.is_marked(item.fields_.text)
            ]
        return tuple(keys)

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create a work item with tags and fields: priority and severity from 1 to 4 if its form has them."""
        name, about = quote(project.key, safe=""), f"azure:{project.key}"
        form = self._form(name, about, self._type)
        document = {
            _TITLE: draft.title,
            _REPRO_STEPS if _REPRO_STEPS in form else _DESCRIPTION: text,
            "System.Tags": "; ".join((TAG, *draft.labels)),
            **_sent(fields, form),
        }
        path = f"/{name}/_apis/wit/workitems/${quote(self._type, safe='')}"
        created = self._change("POST", path, about, [_set(*field) for field in document.items()])
        return f"{project.key}/{created.id}"

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return priority and severity, as in `2/2 - High`; a day; or a person, whom Azure DevOps looks up itself.

        A form with other values keeps its defaults: guessing would order the client's backlog wrongly.
        """
        is_ticket = isinstance(place, TicketState)
        key = place.project if isinstance(place, TicketState) else place.key
        project, about = quote(key, safe=""), f"azure:{key}"
        if name == "owner":
            # The name or the address of the owner, where both are known, is not another owner.
            current = place.fields.get("owner", "") if isinstance(place, TicketState) else ""
            display, _, unique = current.rpartition(" <")
            is_same = draft.owner.casefold() in (display.casefold(), unique.removesuffix(">").casefold())
            return current if current and is_same else draft.owner
        work_item_type = self._types.get(str(place.ref), self._type) if isinstance(place, TicketState) else self._type
        form = self._form(project, about, work_item_type)
        if name == "due":
            return draft.due if is_ticket or _DUE in form else None
        rank = str(min(4, 6 - draft.urgency))
        ranked = [next((each for each in form.get(field, ()) if each.partition(" ")[0] == rank), "") for field in _RANKS]
        return "/".join(ranked).strip("/") or None

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set title, text, fields and comment in one change."""
        project, _, number = ticket.ref.key.rpartition("/")
        path, about = f"/{quote(project, safe='')}/_apis/wit/workitems/{number}", str(ticket.ref)
        changes = [_set(_TITLE, change.title)] if change.title is not None else []
        if change.text is not None:
            # The type of an existing work item may be another than AZURE_DEVOPS_WORK_ITEM_TYPE: the field in use decides.
            text_field = self._request(AzureWorkItem, "GET", path, about).fields_.text_field
            changes.append(_set(text_field, change.text))
        form = self._form(quote(project, safe=""), about, self._types.get(about, self._type)) if change.fields else {}
        changes += [_set(*field) for field in _sent(change.fields, form).items()]
        if change.comment:
            changes.append(_set("System.History", change.comment))
        self._change("PATCH", path, about, changes)

    def _mark_superseded(self, ticket: Ticket, file: File, project: str, number: str) -> list[dict[str, Any]]:
        """Return the changes that mark older files.

        A change names a relation by its position, so the revision is tested: after another change the positions may differ.
        """
        older = {
            attached.id: attached
            for attached in ticket.attached
            if attached.is_older(file) and not attached.mark.startswith(_SUPERSEDED)
        }
        if not older:
            return []
        path = f"/{project}/_apis/wit/workitems/{number}"
        item = self._request(AzureRevision, "GET", path, str(ticket.ref), query={"$expand": "relations"})
        changes: list[dict[str, Any]] = [{"op": "test", "path": "/rev", "value": item.rev}]
        for position, relation in enumerate(item.relations):
            if relation.is_file and (attached := older.get(relation.address)):
                comment = f"{_SUPERSEDED} {file.name}; {attached.mark}".removesuffix("; ")[:255]
                operation = "replace" if attached.mark else "add"
                changes.append({"op": operation, "path": f"/relations/{position}/attributes/comment", "value": comment})
        return changes

    def _comments(self, project: str, number: str, about: str) -> Iterator[tuple[str, str]]:
        path = f"/{project}/_apis/wit/workItems/{number}/comments"
        query = {"$top": "200"}
        for _ in pages(about):
            page = self._request(AzureComments, "GET", path, about, version=_COMMENTS_VERSION, query=query)
            yield from ((comment.text, comment.id) for comment in page.comments)
            if not page.continuationToken:
                return
            query = {"$top": "200", "continuationToken": page.continuationToken}

    def _is_public(self, project: str, about: str) -> bool:
        return self._request(AzureProject, "GET", f"/_apis/projects/{project}", about).visibility == "public"

    def _form(self, project: str, about: str, work_item_type: str) -> Mapping[str, tuple[str, ...]]:
        """Return the fields of a work item type, each with the values that it allows; none if it allows any."""
        if (project, work_item_type) not in self._forms:
            path = f"/{project}/_apis/wit/workitemtypes/{quote(work_item_type, safe='')}/fields"
            form = self._request(AzureType, "GET", path, about, query={"$expand": "allowedValues"}, accepted=(404,)).value
            if form is None:
                fault = f"{about} has no work items of the type {work_item_type!r}"
                remedy = f"set {_TYPE_VARIABLE} to an existing type, as in {_TYPE_VARIABLE}=Issue"
                raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="tracker-setting"))
            self._forms[project, work_item_type] = {field.referenceName: field.allowedValues for field in form}
        return self._forms[project, work_item_type]

    def _is_final(self, project: str, about: str, work_item_type: str, state: str) -> bool:
        """Return True for a state in which nothing remains to be done, whatever the project calls it."""
        if (project, work_item_type) not in self._states:
            path = f"/{project}/_apis/wit/workitemtypes/{quote(work_item_type, safe='')}/states"
            states = self._request(AzureStates, "GET", path, about, version="6.0-preview", accepted=(404,)).value or ()
            self._states[project, work_item_type] = {each.name: each.category for each in states}
        return self._states[project, work_item_type].get(state) in _CLOSED

    def _change(self, method: str, path: str, about: str, changes: list[dict[str, Any]]) -> AzureEntry:
        """Send a JSON Patch (RFC 6902), the only format in which the API takes changes of work items."""
        headers = {"Content-Type": "application/json-patch+json"}
        return self._request(AzureEntry, method, path, about, content=json.dumps(changes).encode(), headers=headers)

    def _request(
        self,
        model: type[Model],
        method: str,
        path: str,
        about: str,
        *,
        version: str = _VERSION,
        member: str = "",
        **sent: Unpack[Sent],
    ) -> Model:
        """Send a request. Some servers refuse a token with status 203 and the sign-in page."""
        sent["query"] = {**(sent.get("query") or {}), "api-version": version}
        response = self._client.send(method, path, about, **sent)
        if response.status == 203:
            raise FindingsReportError(refusal(self._client.credentials, about, 401, {}, ""))
        return parse_answer(model, response.json(), about, member)


def _set(field: str, value: object) -> dict[str, Any]:
    return {"op": "add", "path": f"/fields/{field}", "value": value}


def _sent(fields: Mapping[str, str], form: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Return the fields as a work item has them."""
    sent: dict[str, object] = {}
    priority, _, severity = fields.get("priority", "").partition("/")
    if _RANKS[0] not in form:  # then the only part is the severity
        priority, severity = "", priority
    for name, value in zip(_RANKS, (priority, severity), strict=True):
        if value:
            sent[name] = int(value) if value.isdecimal() else value
    if "due" in fields:
        sent[_DUE] = f"{fields['due']}T12:00:00Z" if fields["due"] else ""
    return sent | ({_OWNER: fields["owner"]} if "owner" in fields else {})
