"""Request Tracker 5, through REST2.

Source: docs.bestpractical.com/rt/5.0.3/RT/REST2.html, and the answers of Request Tracker 5.0.3.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

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
from findings_report.tickets.http.client import ApiClient, FilePart, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment, basic_auth
from findings_report.tickets.http.response import (
    ApiModel,
    Model,
    Number,
    Response,
    Size,
    Text,
    invalid_reference,
    parse_answer,
    ticket_not_found,
    too_large,
    unexpected_answer,
)

REFERENCE: Final = "rt:23"
_API: Final = "/REST/2.0"
_KEY = re.compile(r"[1-9][0-9]{0,9}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}\Z")
# A token is ID-USER-SECRET: the number of its owner is taken from it.
_TOKEN = re.compile(r"[0-9]+-(?P<user>[0-9]+)-")
_SIZE = re.compile(r"[0-9]{1,19}\Z")
_PER_PAGE: Final = 100
_FIELDS: Final = {"priority": "Priority", "due": "Due", "owner": "Owner"}
_UNSET: Final = "1970-01-01"  # a date without value
_NOBODY: Final = "Nobody"  # the user who owns the tickets that nobody owns
_CLOSED: Final = ("resolved", "rejected", "closed", "done")
_PRIORITIES: Final = ("20", "40", "60", "80", "100")
_PRIORITIES_SHAPE: Final = re.compile(r"\s*[0-9]{1,9}\s*(?>(?:,\s*[0-9]{1,9}\s*)*)\Z")
# Transactions about a file above $MaxAttachmentSize: the request itself succeeds as if the whole file had been stored.
_TRUNCATED: Final = ("AttachmentTruncate", "AttachmentDrop")


class RtName(ApiModel):
    """A user, whose id here is the name."""

    id: Text


class RtTicket(ApiModel):
    """A ticket."""

    Subject: Text
    Status: Text = ""
    Priority: Text = ""
    Due: Text = ""
    Owner: RtName | None = None


class RtEntry(ApiModel):
    """An object of which only the id is needed."""

    id: Number


class RtTransaction(ApiModel):
    """An entry in the history of a ticket."""

    Type: Text = ""
    Data: Text = ""
    """The subject of a comment, or the name of a truncated file."""
    NewValue: Text = ""
    """How many bytes of a truncated file were stored; for other types any text."""


class RtAttachment(ApiModel):
    """An attachment in a list; messages are attachments without name."""

    id: Number
    Filename: Text = ""
    ContentLength: Size = 0


class RtContent(ApiModel):
    """An attachment with its bytes."""

    Content: Text = ""

    def decode(self, about: str) -> bytes:
        """Return the bytes. Raises FindingsReportError (NETWORK)."""
        try:
            return base64.b64decode(self.Content)
        except ValueError:
            raise unexpected_answer(about, "base64 at Content") from None


@contextmanager
def open_rt(environment: Environment) -> Iterator[RequestTracker]:
    """Open the Request Tracker at RT_URL with RT_TOKEN; with RTUSER and RTPASSWD, as its own client, if RTUSER is set.

    RT_PRIORITIES has the numbers of an installation's own words for priorities, from lowest to highest.
    """
    url = environment.address("RT_URL", "RTSERVER")
    user = environment.setting("RTUSER", default="")
    variable = "RTPASSWD" if user else "RT_TOKEN"
    secret = environment.secret(variable)
    header = basic_auth(user, secret) if user else f"token {secret}"
    secrets = (f"{user}:{secret}", secret)
    credentials = Credentials("rt", url, {"Authorization": header}, secrets, variable, "RT_URL")
    if not user and (match := _TOKEN.match(secret)):
        user = match["user"]
    priorities = environment.setting("RT_PRIORITIES", default=",".join(_PRIORITIES))
    if not _PRIORITIES_SHAPE.match(priorities):
        fault = f"RT_PRIORITIES is {priorities!r}, which is no list of numbers"
        remedy = "write the numbers of %PriorityAsString from lowest to highest, as in RT_PRIORITIES=0,50,100"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="tracker-setting"))
    with open_client(credentials) as client:
        yield RequestTracker(client, user, tuple(str(int(number)) for number in priorities.split(",")))


class RequestTracker:
    """One Request Tracker. None of its tickets is readable without an account."""

    markup = description_markup = Markup.HTML
    description_limit = 1_000_000

    def __init__(self, client: ApiClient, user: str, priorities: tuple[str, ...]) -> None:
        self._client = client
        self._user = user
        self._priorities = priorities
        self._users: dict[str, str | None] = {}

    def identity(self) -> str:
        """Return the user; with a token, the number of the user, which is part of the token."""
        self._client.send("GET", f"{_API}/rt", "rt")
        return self._user

    def read_state(self, key: str) -> TicketState:
        """Return the ticket without files and comments. Its text is unknown: it may be in any of the comments."""
        ref = TicketRef("rt", key)
        if not _KEY.match(key):
            raise invalid_reference(str(ref), REFERENCE)
        ticket = self._client.request(RtTicket, "GET", f"{_API}/ticket/{key}", str(ref))
        # Request Tracker keeps a deleted ticket, shows it to nobody who does not ask for it, and still takes comments.
        if ticket.Status == "deleted":
            raise FindingsReportError(ticket_not_found(self._client.credentials, str(ref)))
        return TicketState(
            ref,
            title=ticket.Subject,
            address=f"{self._client.credentials.url}/Ticket/Display.html?id={quote(key)}",
            is_closed=ticket.Status in _CLOSED,
            fields={
                "priority": ticket.Priority,
                "due": "" if ticket.Due.startswith(_UNSET) else ticket.Due[:10],
                "owner": ticket.Owner.id if ticket.Owner and ticket.Owner.id != _NOBODY else "",
            },
        )

    def read(self, key: str) -> Ticket:
        """Return the ticket with its files, and the digests in the subjects of its comments."""
        ref = TicketRef("rt", key)
        state, about = self.read_state(key), str(ref)
        history = self._history(key, about)
        stored = _stored_sizes(history)
        files = list(self._iterate(RtAttachment, f"/ticket/{key}/attachments", "Filename,ContentLength", about))
        return Ticket(
            **vars(state),
            is_public=False,
            attached=tuple(_attached(file, stored) for file in files if file.Filename),
            comments=read_comments((transaction.Data, "") for transaction in history),
        )

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file. REST2 sends it as base64 in JSON, so the response may be a third longer, plus line ends."""
        about = str(ticket.ref)
        content = self._client.download(
            f"{_API}/attachment/{attached.id}", about, max_bytes=2 * max_bytes, accept="application/json"
        )
        return parse_answer(RtContent, Response(200, content).json(), about).decode(about)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Add file and comment in one request. The digest is in the comment's subject, because lists omit the text."""
        key, about = ticket.ref.key, str(ticket.ref)
        path = f"{_API}/ticket/{key}/comment"
        # An attachment has no description here. The digest in the subject is what the next run recognizes.
        document = {"Subject": f"{file.name} {file.mark}", "Content": comment, "ContentType": "text/html"}
        if any(attached.holds(file) for attached in ticket.attached):
            self._client.send("POST", path, about, document=document)
            return Delivery()
        # Attached under this name, and not whole: an earlier run was truncated, and another one would be truncated too.
        for attached in ticket.attached:
            if attached.name == file.name and attached.size is not None:
                raise _truncated(about, file, attached.size)
        part = FilePart("Attachments", file.name, file.content, file.media_type)
        self._client.send("POST", path, about, part=part, form={"JSON": json.dumps(document)})
        stored = _stored_sizes(self._history(key, about))
        if file.name in stored:
            raise _truncated(about, file, stored[file.name])
        return Delivery()

    def project(self, key: str) -> Project:
        """Return a queue by its name."""
        if not _QUEUE.match(key):
            raise invalid_reference(f"rt:{key}", "rt:QUEUE, the queue's name")
        self._client.send("GET", f"{_API}/queue/{quote(key)}", f"rt:{key}")
        return Project(key, is_public=False)

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find tickets by the finding's id in the subject, then the marker in the first message.

        A search in the texts would need a full-text index, which an installation need not have.
        """
        about = f"rt:{project.key}"
        query = {"query": f"Queue = '{project.key}' AND Subject STARTSWITH '{draft.finding}:'", "per_page": str(_PER_PAGE)}
        tickets = self._client.request(tuple[RtEntry, ...], "GET", f"{_API}/tickets", about, member="items", query=query)
        keys: list[str] = []
        for ticket in tickets:
            parts = self._iterate(RtEntry, f"/ticket/{ticket.id}/attachments", "Filename", about)
            # The first message has the lowest number; the order of the list may be another.
            first = min((part.id for part in parts), default=None)
            if first is not None and draft.is_marked(self._message(first, about)):
                keys.append(str(ticket.id))
        return tuple(keys)

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create a ticket in the queue, with its fields."""
        document = {"Queue": project.key, "Subject": draft.title, "Content": text, "ContentType": "text/html"}
        about = f"rt:{project.key}"
        return str(self._client.request(RtEntry, "POST", f"{_API}/ticket", about, document=document | _sent(fields)).id)

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:  # noqa: ARG002 - the protocol's
        """Return a number, a day or the name of a user.

        The priority is never sent as a word: Request Tracker takes one that it does not know for the lowest.
        """
        if name == "priority":
            # Spread over the steps of the installation, which need not be as many as the engagement has severities.
            return self._priorities[round((draft.urgency - 1) * (len(self._priorities) - 1) / 4)]
        return self._find_user(draft.owner) if name == "owner" else draft.due

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set subject and fields, and add a comment with the current text: the first message cannot be changed."""
        about, path = str(ticket.ref), f"{_API}/ticket/{ticket.ref.key}"
        if document := ({"Subject": change.title} if change.title is not None else {}) | _sent(change.fields):
            self._client.send("PUT", path, about, document=document)
        # One comment instead of two, because each one may be sent as an e-mail.
        if content := f"{change.comment or ''}{change.text or ''}":
            subject = change.title if change.title is not None else ticket.title
            comment = {"Subject": subject, "Content": content, "ContentType": "text/html"}
            self._client.send("POST", f"{path}/comment", about, document=comment)

    def close(self, ticket: TicketState) -> None:
        """Reject the ticket."""
        path = f"{_API}/ticket/{ticket.ref.key}"
        self._client.send("PUT", path, str(ticket.ref), document={"Status": "rejected"})

    def _find_user(self, owner: str) -> str | None:
        """Return the name of the user who has that name, real name or e-mail address; None if there is not exactly one."""
        if owner not in self._users:
            self._users[owner] = None
            # One after the other: Request Tracker joins conditions on several fields with AND, whatever is asked for.
            for field in ("Name", "EmailAddress", "RealName"):
                query = [{"field": field, "operator": "=", "value": owner}]
                # 403: searching users is a right of its own, without which owners cannot be looked up.
                response = self._client.send("POST", f"{_API}/users", "rt", document=query, accepted=(403, 404))
                listed = () if response.status >= 400 else parse_answer(tuple[RtName, ...], response.json(), "rt", "items")
                if len(listed) == 1:
                    self._users[owner] = listed[0].id
                if listed or response.status >= 400:
                    break
        return self._users[owner]

    def _message(self, number: int, about: str) -> str:
        content = self._client.request(RtContent, "GET", f"{_API}/attachment/{number}", about)
        return content.decode(about).decode("utf-8", "replace")

    def _history(self, key: str, about: str) -> list[RtTransaction]:
        return list(self._iterate(RtTransaction, f"/ticket/{key}/history", "Type,Data,NewValue", about))

    def _iterate(self, model: type[Model], path: str, fields: str, about: str) -> Iterator[Model]:
        """Yield all elements of a list, oldest first. `total` is not used: REST2 hides it from users who may not see all."""
        for page in pages(about):
            query = {"fields": fields, "per_page": str(_PER_PAGE), "page": str(page), "orderby": "id"}
            document = self._client.send("GET", f"{_API}{path}", about, query=query).json()
            elements = parse_answer(list[model], document, about, "items")  # type: ignore[valid-type]  # a type at run time
            yield from elements
            if len(elements) < _PER_PAGE:
                return


def _sent(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields as a request has them. Midday, because Request Tracker shows times in the reader's time zone."""
    values = {"due": f"{fields['due']} 12:00:00"} if fields.get("due") else {}
    values |= {"owner": _NOBODY} if fields.get("owner") == "" else {}
    return {_FIELDS[name]: values.get(name, value) for name, value in fields.items()}


def _stored_sizes(history: Sequence[RtTransaction]) -> dict[str, int]:
    """Return the truncated and dropped files, each with the number of bytes that were stored."""
    return {
        transaction.Data: int(transaction.NewValue) if _SIZE.match(transaction.NewValue) else 0
        for transaction in history
        if transaction.Type in _TRUNCATED
    }


def _attached(file: RtAttachment, stored: Mapping[str, int]) -> Attached:
    """Return a file with its real size: the list has the size that was sent, also for a truncated or dropped file.

    Request Tracker appends ".txt" to the name of a dropped file, which it replaces by a text.
    """
    name = file.Filename.removesuffix(".txt") if file.Filename.removesuffix(".txt") in stored else file.Filename
    return Attached(name, stored.get(name, file.ContentLength), id=str(file.id))


def _truncated(about: str, file: File, size: int) -> FindingsReportError:
    """Return the problem of a truncated file. It is not sent again: the same would happen each time."""
    stored = f": of {file.name} it stored {size} of {len(file.content)} bytes"
    own = f"{stored}; once the limit is raised, attach the file under another name"
    return FindingsReportError(too_large(about, own))
