"""ServiceNow, through the Table and Attachment APIs.

Source: servicenow.com/docs, "Table API" and "Attachment API".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

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
from findings_report.problems import FindingsReportError
from findings_report.tickets.http.client import ApiClient, open_client
from findings_report.tickets.http.credentials import Credentials, Environment, basic_auth
from findings_report.tickets.http.response import ApiModel, Size, Text, invalid_reference, ticket_not_found, unexpected_answer
from findings_report.tickets.markup.convert import link_files

REFERENCE: Final = "servicenow:INC0010001"
_TABLE_SHAPE: Final = "servicenow:TABLE, a table of tasks, as in servicenow:incident"
_API: Final = "/api/now"
_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,39}\Z")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}\Z")
_ID = re.compile(r"[0-9a-f]{32}\Z")
_MAX_FILES: Final = "10000"
_MAX_TITLE: Final = 160  # of short_description
_MAX_CORRELATION: Final = 100  # of correlation_id
# Impact and urgency by the draft's urgency, 1 for the worst: an instance with default settings computes the priorities 1 to 5
# from them.
_RATINGS: Final = {5: ("1", "1"), 4: ("1", "2"), 3: ("2", "2"), 2: ("2", "3"), 1: ("3", "3")}


class ServiceNowUser(ApiModel):
    """The owner of a token, or of a task."""

    user_name: Text = ""
    sys_id: Text = ""


class ServiceNowRecord(ApiModel):
    """A task, and where it is: incidents, changes, problems and requests are all tasks, each in a table of its own."""

    sys_id: Text
    sys_class_name: Text
    short_description: Text = ""
    description: Text = ""
    active: Text = ""
    impact: Text = ""
    urgency: Text = ""
    due_date: Text = ""
    assigned_to: Text = ""


class ServiceNowTask(ApiModel):
    """The work notes of a task."""

    work_notes: Text = ""


class ServiceNowFile(ApiModel):
    """A file on a record."""

    sys_id: Text
    file_name: Text
    size_bytes: Size = 0


class ServiceNowUpload(ApiModel):
    """A file that was uploaded."""

    sys_id: Text = ""


class ServiceNowEntry(ApiModel):
    """A record that was created or found."""

    number: Text
    correlation_id: Text = ""


class ServiceNowAny(ApiModel):
    """A record of any table; only tasks have a number."""

    number: Text = ""


@contextmanager
def open_servicenow(environment: Environment) -> Iterator[ServiceNow]:
    """Open the instance at SERVICENOW_URL with SERVICENOW_USERNAME and SERVICENOW_PASSWORD, or SERVICENOW_TOKEN (OAuth)."""
    url = environment.address("SERVICENOW_URL", "SN_HOST")
    user = environment.setting("SERVICENOW_USERNAME", "SN_USERNAME", default="")
    variable, other = ("SERVICENOW_PASSWORD", "SN_PASSWORD") if user else ("SERVICENOW_TOKEN", "SN_ACCESS_TOKEN")
    secret = environment.secret(variable, other)
    header = basic_auth(user, secret) if user else f"Bearer {secret}"
    secrets = (f"{user}:{secret}", secret)
    credentials = Credentials("servicenow", url, {"Authorization": header}, secrets, variable, "SERVICENOW_URL")
    with open_client(credentials) as client:
        yield ServiceNow(client)


class ServiceNow:
    """One instance. None of its tasks is readable without an account."""

    markup = Markup.HTML
    description_markup = Markup.PLAIN
    description_limit = 4000  # of the field `description`

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._users: dict[str, str | None] = {}

    def identity(self) -> str:
        """Return the user's name; empty if the user may not read it."""
        query = {"sysparm_query": "sys_id=javascript:gs.getUserID()", "sysparm_fields": "user_name", "sysparm_limit": "1"}
        path = f"{_API}/table/sys_user"
        users = self._client.request(tuple[ServiceNowUser, ...], "GET", path, "servicenow", member="result", query=query)
        return users[0].user_name if users else ""

    def read(self, key: str) -> Ticket:
        """Return the task of that number, in whichever table, with its files and its work notes."""
        state, table, record = self._read(key)
        about = str(state.ref)
        # Without display values work notes are empty: they are kept in a journal, not in the record.
        query = {"sysparm_fields": "work_notes", "sysparm_display_value": "true"}
        path = f"{_API}/table/{table}/{record}"
        task = self._client.request(ServiceNowTask, "GET", path, about, member="result", query=query)
        query = {
            "sysparm_query": f"table_name={table}^table_sys_id={record}^ORDERBYsys_created_on",
            "sysparm_limit": _MAX_FILES,
        }
        path = f"{_API}/attachment"
        files = self._client.request(tuple[ServiceNowFile, ...], "GET", path, about, member="result", query=query)
        return Ticket(
            **vars(state),
            is_public=False,
            attached=tuple(Attached(file.file_name, file.size_bytes, id=file.sys_id) for file in files),
            comments=read_comments([(task.work_notes, "")]),
        )

    def read_state(self, key: str) -> TicketState:
        """Return the task of that number, in whichever table."""
        return self._read(key)[0]

    def _read(self, key: str) -> tuple[TicketState, str, str]:
        """Return the task with its table and its sys_id."""
        ref = TicketRef("servicenow", key)
        if not _KEY.match(key):
            raise invalid_reference(str(ref), REFERENCE)
        fields = "short_description,description,active,impact,urgency,due_date,assigned_to"
        task, table, record = self._find_task(key, str(ref), fields)
        state = TicketState(
            ref,
            title=task.short_description,
            address=f"{self._client.credentials.url}/{table}.do?sys_id={record}",
            text=task.description,
            is_closed=task.active == "false",
            fields={
                "priority": f"{task.impact}/{task.urgency}".removesuffix("/"),
                "due": task.due_date[:10],
                "owner": task.assigned_to,
            },
        )
        return state, table, record

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file by its sys_id."""
        about = str(ticket.ref)
        if not _ID.match(attached.id):
            raise unexpected_answer(about, "sys_id of an attachment")
        return self._client.download(f"{_API}/attachment/{attached.id}/file", about, max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the file, then add a work note, which the requester does not see."""
        about = str(ticket.ref)
        table, record = self._locate(ticket.ref.key, about)
        number = ""
        if not any(attached.holds(file) for attached in ticket.attached):
            query = {"table_name": table, "table_sys_id": record, "file_name": file.name}
            headers = {"Content-Type": file.media_type}
            path = f"{_API}/attachment/file"
            number = self._client.request(
                ServiceNowUpload, "POST", path, about, member="result", query=query, content=file.content, headers=headers
            ).sys_id
        ids = {attached.name: attached.id for attached in ticket.attached} | ({file.name: number} if number else {})
        addresses = {name: f"/sys_attachment.do?sys_id={id}" for name, id in ids.items() if _ID.match(id)}
        self._change(table, record, about, {"work_notes": _work_note(link_files(comment, addresses))})
        return Delivery(number)

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Delete the file. Work notes cannot be deleted."""
        if _ID.match(delivery.file):
            self._client.send("DELETE", f"{_API}/attachment/{delivery.file}", str(ticket.ref), accepted=(404,))

    def project(self, key: str) -> Project:
        """Return a table of tasks by its name."""
        about = f"servicenow:{key}"
        if not _TABLE.match(key):
            raise invalid_reference(about, _TABLE_SHAPE)
        query = {"sysparm_fields": "number", "sysparm_limit": "1"}
        path = f"{_API}/table/{key}"
        records = self._client.request(tuple[ServiceNowAny, ...], "GET", path, about, member="result", query=query)
        # Any table can be named, but only tasks have numbers and work notes. An empty table is accepted.
        if not all(record.number for record in records):
            raise invalid_reference(about, _TABLE_SHAPE)
        return Project(key, is_public=False)

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find records by their `correlation_id`.

        The answer is compared again: ServiceNow drops a condition on a field that a table does not have.
        """
        marker = _correlation_id(draft)
        query = {"sysparm_query": f"correlation_id={marker}", "sysparm_fields": "number,correlation_id", "sysparm_limit": "1"}
        path, about = f"{_API}/table/{project.key}", f"servicenow:{project.key}"
        records = self._client.request(tuple[ServiceNowEntry, ...], "GET", path, about, member="result", query=query)
        return tuple(record.number for record in records if record.correlation_id == marker)

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create a record with impact and urgency, from which the instance computes the priority by its own rules."""
        path, about = f"{_API}/table/{project.key}", f"servicenow:{project.key}"
        document = {
            "short_description": _short_description(draft.title),
            "description": text,
            "correlation_id": _correlation_id(draft),
            "correlation_display": "findings-report",
            **_sent(fields),
        }
        query = {"sysparm_fields": "number"}
        return self._client.request(
            ServiceNowEntry, "POST", path, about, member="result", query=query, document=document
        ).number

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:  # noqa: ARG002 - the protocol's
        """Return impact and urgency, as in `1/2`; a day; or the sys_id of a user."""
        if name == "priority":
            return "/".join(_RATINGS[draft.urgency])
        return self._find_user(draft.owner) if name == "owner" else draft.due

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set title, text, fields and work note in one change."""
        about = str(ticket.ref)
        table, record = self._locate(ticket.ref.key, about)
        # An instance drops fields that the user may not write without an error: `sync` reads the record again.
        document = _sent(change.fields)
        if change.title is not None:
            document["short_description"] = _short_description(change.title)
        if change.text is not None:
            document["description"] = change.text
        if change.comment:
            document["work_notes"] = _work_note(change.comment)
        self._change(table, record, about, document)

    def _find_user(self, owner: str) -> str | None:
        """Return the sys_id of the user with that name, login or e-mail address; None if there is not exactly one."""
        if owner not in self._users:
            users: tuple[ServiceNowUser, ...] = ()
            # In a query, `^` joins conditions: a name with one could ask for anything.
            if "^" not in owner:
                terms = "^OR".join(f"{field}={owner}" for field in ("name", "user_name", "email"))
                query = {"sysparm_query": terms, "sysparm_fields": "sys_id", "sysparm_limit": "2"}
                path = f"{_API}/table/sys_user"
                users = self._client.request(
                    tuple[ServiceNowUser, ...], "GET", path, "servicenow", member="result", query=query
                )
            self._users[owner] = users[0].sys_id if len(users) == 1 and _ID.match(users[0].sys_id) else None
        return self._users[owner]

    def _locate(self, number: str, about: str) -> tuple[str, str]:
        """Return table and sys_id of a task."""
        return self._find_task(number, about)[1:]

    def _find_task(self, number: str, about: str, fields: str = "") -> tuple[ServiceNowRecord, str, str]:
        """Return a task with `fields`, its table and its sys_id."""
        query = {
            "sysparm_query": f"number={number}",
            "sysparm_fields": f"sys_id,sys_class_name,{fields}".rstrip(","),
            "sysparm_limit": "1",
            "sysparm_exclude_reference_link": "true",  # otherwise the owner is an object with an address
        }
        path = f"{_API}/table/task"
        records = self._client.request(tuple[ServiceNowRecord, ...], "GET", path, about, member="result", query=query)
        if not records:
            raise FindingsReportError(ticket_not_found(self._client.credentials, about))
        table, record = records[0].sys_class_name, records[0].sys_id
        if not _TABLE.match(table) or not _ID.match(record):  # both become parts of paths
            raise unexpected_answer(about, "sys_class_name and sys_id")
        return records[0], table, record

    def _change(self, table: str, record: str, about: str, document: dict[str, str]) -> None:
        self._client.request(ApiModel, "PATCH", f"{_API}/table/{table}/{record}", about, member="result", document=document)


def _work_note(comment: str) -> str:
    """Return a work note that is displayed as HTML: ServiceNow does so between [code] and [/code]."""
    escaped = comment.replace("[", "&#91;").replace("]", "&#93;")  # otherwise a text could contain the closing tag
    return f"[code]{escaped}[/code]"


def _short_description(title: str) -> str:
    return title if len(title) <= _MAX_TITLE else f"{title[: _MAX_TITLE - 1]}…"


def _sent(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields as a record has them. Midday, because an instance shows times in the reader's time zone."""
    impact, _, urgency = fields.get("priority", "").partition("/")
    sent = {"impact": impact, "urgency": urgency} if impact else {}
    sent |= {"due_date": f"{fields['due']} 12:00:00".removeprefix(" 12:00:00")} if "due" in fields else {}
    return sent | ({"assigned_to": fields["owner"]} if "owner" in fields else {})


def _correlation_id(draft: Draft) -> str:
    """Return the marker for the field that is meant for the name of a task in another system."""
    if len(draft.marker) <= _MAX_CORRELATION:
        return draft.marker
    digest = hashlib.sha256(draft.marker.encode()).hexdigest()[:32]
    return f"{draft.marker[: _MAX_CORRELATION - len(digest) - 1]}-{digest}"
