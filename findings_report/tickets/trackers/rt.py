"""Request Tracker 5, by its REST2.

Source: docs.bestpractical.com/rt/5.0.3/RT/REST2.html, and the answers of Request Tracker 5.0.3 itself.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef, digests
from findings_report.problems import FindingsReportError
from findings_report.tickets.http.client import Door, Part, open_door, pages
from findings_report.tickets.http.credentials import Access, Surroundings
from findings_report.tickets.http.problems import no_reference, too_large, unexpected
from findings_report.tickets.http.response import Fields, objects
from findings_report.tickets.http.transport import Answer

SHAPE: Final = "rt:23"
_KEY = re.compile(r"[1-9][0-9]{0,9}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}\Z")
_TOKEN = re.compile(r"[0-9]+-(?P<user>[0-9]+)-")
_PAGE: Final = 100
_CUT: Final = ("AttachmentTruncate", "AttachmentDrop")
"""Transactions that tell of a file above $MaxAttachmentSize: Request Tracker answers as if it had taken all of it."""


@contextmanager
def open_rt(surroundings: Surroundings) -> Iterator[RequestTracker]:
    """The Request Tracker at RT_URL, asked with RT_TOKEN; with RTUSER and RTPASSWD where RTUSER is set."""
    url = surroundings.address("RT_URL", "RTSERVER")
    user = surroundings.setting("RTUSER", default="")
    credential = "RTPASSWD" if user else "RT_TOKEN"
    secret = surroundings.secret(credential)
    pair = f"{user}:{secret}"
    header = f"Basic {base64.b64encode(pair.encode()).decode()}" if user else f"token {secret}"
    access = Access("rt", url, {"Authorization": header}, (pair, secret), credential, "RT_URL")
    if not user and (found := _TOKEN.match(secret)):
        user = found["user"]
    with open_door(access) as door:
        yield RequestTracker(door, user)


class RequestTracker:
    """One Request Tracker. Nobody reads its tickets without an account."""

    markup = description_markup = Markup.HTML
    longest = 1_000_000

    def __init__(self, door: Door, user: str) -> None:
        self._door = door
        self._user = user

    def identity(self) -> str:
        """The user, by number where a token is used."""
        self._ask("GET", "/rt", "rt")
        return self._user

    def read(self, key: str) -> Ticket:
        """The ticket with its files, and the digests in the subjects of its comments."""
        ref = TicketRef("rt", key)
        if not _KEY.match(key):
            raise no_reference(str(ref), SHAPE)
        title = self._fields("GET", f"/ticket/{key}", str(ref)).text("Subject")
        history = self._history(key, str(ref))
        kept = _kept(history)
        files = self._listed(f"/ticket/{key}/attachments", "Filename,ContentLength", str(ref))
        return Ticket(
            ref,
            title=title,
            address=f"{self._door.access.url}/Ticket/Display.html?id={quote(key)}",
            is_public=False,
            attached=tuple(_attached(each, kept) for each in files if each.text("Filename", "")),
            told=frozenset(digest for each in history for digest in digests(each.text("Data", ""))),
        )

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """Request Tracker gives a file as base64, in JSON."""
        about = str(ticket.ref)
        answer = self._door.download(f"/REST/2.0/attachment/{attached.id}", about, largest=2 * largest)
        return _content(Fields(Answer(200, answer).json(), about), about)

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """File and comment in one request; the comment's subject has the digest, which lists show and texts do not."""
        key, about = ticket.ref.key, str(ticket.ref)
        path = f"/ticket/{key}/comment"
        document = {"Subject": f"{file.name} {file.mark}", "Content": comment, "ContentType": "text/html"}
        if any(each.holds(file) for each in ticket.attached):
            self._ask("POST", path, about, document=document)
            return
        for each in ticket.attached:
            if each.name == file.name and each.size is not None:
                raise _cut(about, file, each.size)
        part = Part("Attachments", file.name, file.content, file.media_type)
        self._ask("POST", path, about, part=part, form={"JSON": json.dumps(document)})
        kept = _kept(self._history(key, about))
        if file.name in kept:
            raise _cut(about, file, kept[file.name])

    def project(self, key: str) -> Project:
        """A queue, by its name. Nobody reads one without an account."""
        if not _QUEUE.match(key):
            raise no_reference(f"rt:{key}", "rt:QUEUE, the queue's name")
        self._ask("GET", f"/queue/{quote(key)}", f"rt:{key}")
        return Project(key, is_public=False)

    def find(self, project: Project, draft: Draft) -> str | None:
        """By the finding's id in the subject, then the marker in the first message: there may be no index of words."""
        about = f"rt:{project.key}"
        question = {"query": f"Queue = '{project.key}' AND Subject STARTSWITH '{draft.finding}:'", "per_page": str(_PAGE)}
        for each in self._fields("GET", "/tickets", about, query=question).several("items"):
            number = each.number("id")
            parts = list(self._listed(f"/ticket/{number}/attachments", "Filename", about))
            first = min((part.number("id") for part in parts), default=None)
            if first is not None and draft.is_marked(self._text(first, about)):
                return str(number)
        return None

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """A ticket in the queue, its priority from 20 to 100."""
        document = {
            "Queue": project.key,
            "Subject": draft.title,
            "Content": text,
            "ContentType": "text/html",
            "Priority": str(draft.urgency * 20),
        }
        return str(self._fields("POST", "/ticket", f"rt:{project.key}", document=document).number("id"))

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """The subject, and a comment with the text of today: the first message of a ticket cannot be changed."""
        about, path = str(ticket.ref), f"/ticket/{ticket.ref.key}"
        self._ask("PUT", path, about, document={"Subject": draft.title})
        document = {"Subject": draft.title, "Content": f"{comment or ''}{text}", "ContentType": "text/html"}
        self._ask("POST", f"{path}/comment", about, document=document)

    def _text(self, number: int, about: str) -> str:
        return _content(self._fields("GET", f"/attachment/{number}", about), about).decode("utf-8", "replace")

    def _ask(self, method: str, path: str, about: str, **sent: Any) -> None:
        self._door.ask(method, f"/REST/2.0{path}", about, **sent)

    def _fields(self, method: str, path: str, about: str, **sent: Any) -> Fields:
        return self._door.fields(method, f"/REST/2.0{path}", about, **sent)

    def _history(self, key: str, about: str) -> list[Fields]:
        return list(self._listed(f"/ticket/{key}/history", "Type,Data,NewValue", about))

    def _listed(self, path: str, fields: str, about: str) -> Iterator[Fields]:
        """All pages of a list, oldest first. How many there are is told only to those who may see everything."""
        for page in pages(about):
            query = {"fields": fields, "per_page": str(_PAGE), "page": str(page), "orderby": "id"}
            items = objects(self._fields("GET", path, about, query=query).value("items"), about, "items")
            yield from items
            if len(items) < _PAGE:
                return


def _content(part: Fields, about: str) -> bytes:
    try:
        return base64.b64decode(part.text("Content", ""))
    except ValueError:
        raise unexpected(about, "base64 at Content") from None


def _kept(history: Sequence[Fields]) -> dict[str, int]:
    """The files that were cut or dropped, each with how many bytes the limit allowed."""
    return {each.text("Data", ""): each.number("NewValue", 0) for each in history if each.text("Type", "") in _CUT}


def _attached(listed: Fields, kept: Mapping[str, int]) -> Attached:
    """A file with the size that is really there: the list has the one that was sent, also of a file that was cut or dropped."""
    name = listed.text("Filename")
    name = name.removesuffix(".txt") if name.removesuffix(".txt") in kept else name
    return Attached(name, kept.get(name, listed.number("ContentLength", 0)), id=str(listed.number("id")))


def _cut(about: str, file: File, kept: int) -> FindingsReportError:
    """What came through in part, now or in an earlier run, would do so each time: it is not sent again."""
    own = f": of {file.name} it keeps {kept} of {len(file.content)} bytes; once that is raised, attach it under another name"
    return FindingsReportError(too_large(about, own))
