"""ServiceNow, by its Table and Attachment APIs.

Source: servicenow.com/docs, "Table API" and "Attachment API".
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.problems import FindingsReportError
from findings_report.tickets.http.client import Door, open_door
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import absent, no_reference, unexpected
from findings_report.tickets.http.response import Fields, objects

SHAPE: Final = "servicenow:INC0010001"
_TABLE_SHAPE: Final = "servicenow:TABLE, a table of tasks, as in servicenow:incident"
_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,39}\Z")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}\Z")
_ID = re.compile(r"[0-9a-f]{32}\Z")
_MOST_FILES: Final = "10000"
_LONGEST_TITLE: Final = 160
_LONGEST_CORRELATION: Final = 100
_RATINGS: Final = {5: ("1", "1"), 4: ("1", "2"), 3: ("2", "2"), 2: ("2", "3"), 1: ("3", "3")}
"""Impact and urgency, 1 for the worst, of which an instance as it comes makes the priorities 1 to 5."""


@contextmanager
def open_servicenow(surroundings: Surroundings) -> Iterator[ServiceNow]:
    """The instance at SERVICENOW_URL: with SERVICENOW_USERNAME and SERVICENOW_PASSWORD, else with SERVICENOW_TOKEN (OAuth)."""
    url = surroundings.address("SERVICENOW_URL", "SN_HOST")
    user = surroundings.setting("SERVICENOW_USERNAME", "SN_USERNAME", default="")
    credential, other = ("SERVICENOW_PASSWORD", "SN_PASSWORD") if user else ("SERVICENOW_TOKEN", "SN_ACCESS_TOKEN")
    secret = surroundings.secret(credential, other)
    pair = f"{user}:{secret}"
    header = f"Basic {base64.b64encode(pair.encode()).decode()}" if user else f"Bearer {secret}"
    access = Access("servicenow", url, {"Authorization": header}, (pair, secret), credential, "SERVICENOW_URL")
    with open_door(access) as door:
        yield ServiceNow(door)


class ServiceNow:
    """One instance. Nobody reads its tasks without an account."""

    markup = Markup.HTML
    description_markup = Markup.PLAIN
    longest = 4000

    def __init__(self, door: Door) -> None:
        self._door = door

    def identity(self) -> str:
        """The user's name; empty where the user may not read it."""
        query = {"sysparm_query": "sys_id=javascript:gs.getUserID()", "sysparm_fields": "user_name", "sysparm_limit": "1"}
        found = self._ask("GET", "/table/sys_user", "servicenow", query=query)
        return next((each.text("user_name", "") for each in objects(found, "servicenow", "result")), "")

    def read(self, key: str) -> Ticket:
        """The task of that number, in whichever table it is, with its files and its work notes."""
        ref = TicketRef("servicenow", key)
        if not _KEY.match(key):
            raise no_reference(str(ref), SHAPE)
        table, record = self._place(key, str(ref))
        query = {"sysparm_fields": "short_description,description,work_notes", "sysparm_display_value": "true"}
        task = Fields(self._ask("GET", f"/table/{table}/{record}", str(ref), query=query), str(ref), "result")
        return Ticket(
            ref,
            title=task.text("short_description", ""),
            address=f"{self._door.access.url}/{table}.do?sys_id={record}",
            is_public=False,
            attached=tuple(self._files(table, record, str(ref))),
            told=digests(task.text("work_notes", "")),
            text=task.text("description", ""),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """By the number of the attachment."""
        about = str(ticket.ref)
        if not _ID.match(attached.id):
            raise unexpected(about, "sys_id of an attachment")
        path = f"/api/now/attachment/{attached.id}/file"
        return self._door.download(path, about, largest=largest, headers={"Accept": "*/*"})

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """The file, then a work note, which the staff see and the one who asked does not."""
        about = str(ticket.ref)
        table, record = self._place(ticket.ref.key, about)
        if not any(each.holds(file) for each in ticket.attached):
            query = {"table_name": table, "table_sys_id": record, "file_name": file.name}
            headers = {"Content-Type": file.media_type}
            self._ask("POST", "/attachment/file", about, query=query, content=file.content, headers=headers)
        self._ask("PATCH", f"/table/{table}/{record}", about, document={"work_notes": _note(comment)})

    def project(self, key: str) -> Project:
        """A table of tasks, by its name. Nobody reads one without an account."""
        about = f"servicenow:{key}"
        if not _TABLE.match(key):
            raise no_reference(about, _TABLE_SHAPE)
        found = self._ask("GET", f"/table/{key}", about, query={"sysparm_fields": "number", "sysparm_limit": "1"})
        if not all(each.has("number") for each in objects(found, about, "result")):
            raise no_reference(about, _TABLE_SHAPE)
        return Project(key, is_public=False)

    def find(self, project: Project, draft: Draft) -> str | None:
        """By its `correlation_id`. Where a table has no such field, the condition is left out, and any record answers."""
        marker = _correlation(draft)
        query = {"sysparm_query": f"correlation_id={marker}", "sysparm_fields": "number,correlation_id", "sysparm_limit": "1"}
        about = f"servicenow:{project.key}"
        records = objects(self._ask("GET", f"/table/{project.key}", about, query=query), about, "result")
        return next((each.text("number") for each in records if each.text("correlation_id", "") == marker), None)

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """A record of the table with impact and urgency, of which the instance makes the priority by its own rules."""
        about = f"servicenow:{project.key}"
        impact, urgency = _RATINGS[draft.urgency]
        document = {
            "short_description": _title(draft),
            "description": text,
            "impact": impact,
            "urgency": urgency,
            "correlation_id": _correlation(draft),
            "correlation_display": "findings-report",
        }
        made = self._ask("POST", f"/table/{project.key}", about, query={"sysparm_fields": "number"}, document=document)
        return Fields(made, about, "result").text("number")

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Title, text and work note in one step."""
        about = str(ticket.ref)
        table, record = self._place(ticket.ref.key, about)
        document = {"short_description": _title(draft), "description": text}
        if comment:
            document["work_notes"] = _note(comment)
        self._ask("PATCH", f"/table/{table}/{record}", about, document=document)

    def _place(self, number: str, about: str) -> tuple[str, str]:
        """Table and id of a task. Incidents, changes, problems and requests are all tasks."""
        query = {"sysparm_query": f"number={number}", "sysparm_fields": "sys_id,sys_class_name", "sysparm_limit": "1"}
        found = objects(self._ask("GET", "/table/task", about, query=query), about, "result")
        if not found:
            raise FindingsReportError(absent(self._door.access, about))
        table, record = found[0].text("sys_class_name"), found[0].text("sys_id")
        if not _TABLE.match(table) or not _ID.match(record):
            raise unexpected(about, "sys_class_name and sys_id")
        return table, record

    def _files(self, table: str, record: str, about: str) -> Iterator[Attached]:
        wanted = f"table_name={table}^table_sys_id={record}^ORDERBYsys_created_on"
        found = self._ask("GET", "/attachment", about, query={"sysparm_query": wanted, "sysparm_limit": _MOST_FILES})
        for each in objects(found, about, "result"):
            yield Attached(each.text("file_name"), each.number("size_bytes", 0), id=each.text("sys_id"))

    def _ask(self, method: str, path: str, about: str, **sent: Any) -> Any:
        document = self._door.ask(method, f"/api/now{path}", about, **sent).json()
        if not isinstance(document, dict) or "result" not in document:
            raise unexpected(about, "result")
        return document["result"]


def _note(comment: str) -> str:
    """A work note that is read as HTML."""
    escaped = comment.replace("[", "&#91;").replace("]", "&#93;")  # else a text could end what makes it HTML
    return f"[code]{escaped}[/code]"


def _title(draft: Draft) -> str:
    return draft.title if len(draft.title) <= _LONGEST_TITLE else f"{draft.title[: _LONGEST_TITLE - 1]}…"


def _correlation(draft: Draft) -> str:
    """The marker, in the field that is there for the name that another system has for a task."""
    if len(draft.marker) <= _LONGEST_CORRELATION:
        return draft.marker
    digest = hashlib.sha256(draft.marker.encode()).hexdigest()[:32]
    return f"{draft.marker[: _LONGEST_CORRELATION - len(digest) - 1]}-{digest}"
