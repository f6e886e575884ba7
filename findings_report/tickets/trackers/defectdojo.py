"""DefectDojo: findings in an engagement, and files and notes on engagements, tests and findings.

A finding is imported as a scan of the type "Generic Findings Import", with the keys that `build -f defectdojo` writes. How
DefectDojo itself recognizes a finding is not relied on: it takes one with another description for another finding, and closes
one that a report does not contain any more. So findings are imported singly, found again by `unique_id_from_tool`, and changed
by their ids.

Source: DefectDojo's OpenAPI document of version 2.57; for what the document leaves open, `dojo/api_v2/serializers.py`,
`dojo/importers`, `dojo/file_uploads/models.py` and `dojo/notifications/helper.py`.
"""

from __future__ import annotations

import json
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
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.client import ApiClient, FilePart, open_client, pages
from findings_report.tickets.http.credentials import Credentials, Environment
from findings_report.tickets.http.response import ApiModel, Flag, Number, Text, invalid_reference, unexpected_answer

# The plural of each is the name in a path, and the singular that of the page for people.
REFERENCES: Final = ("defectdojo:finding/77", "defectdojo:test/31", "defectdojo:engagement/12")
_PROJECT_REFERENCE: Final = "defectdojo:engagement/12"
_KEY = re.compile(r"(engagement|test|finding)/([1-9][0-9]{0,9})\Z")
_ENGAGEMENT = re.compile(r"engagement/([1-9][0-9]{0,9})\Z")
_API: Final = "/api/v2"
# A parser of DefectDojo itself; the type in the document becomes the name of the tool.
_SCAN_TYPE: Final = "Generic Findings Import"
_PER_PAGE: Final = 100
_MAX_FILE_TITLE: Final = 100  # characters; a title is unique among all files of the installation

# The texts of a finding, in the order of its page. Whoever edits one of them has edited the ticket.
_TEXTS: Final = ("description", "mitigation", "impact", "steps_to_reproduce", "severity_justification", "references")
# What else a new report changes. State and tags are left out: they are what people work with on the tracker.
_FACTS: Final = ("title", "cwe", "cvssv3", "cvssv3_score", "cvssv4", "cvssv4_score", "file_path", "line")

# These two follow the report only as long as nobody has changed them, so they are no facts.
_FIELDS: Final = {"priority": "severity", "due": "planned_remediation_date"}


class DojoUser(ApiModel):
    """A user."""

    username: Text = ""


class DojoProfile(ApiModel):
    """The profile of the owner of a token."""

    user: DojoUser


class DojoObject(ApiModel):
    """An engagement, a test or a finding. An engagement has a name, and a test may have no title."""

    id: Number
    title: Text = ""
    name: Text = ""
    test_type_name: Text = ""
    severity: Text = ""
    planned_remediation_date: Text = ""
    active: Flag = True
    test: Number = 0
    """The test of a finding."""
    unique_id_from_tool: Text = ""
    description: Text = ""
    mitigation: Text = ""
    impact: Text = ""
    steps_to_reproduce: Text = ""
    severity_justification: Text = ""
    references: Text = ""

    def text(self) -> str:
        """Return all texts of a finding, each with its name, as far as there are any."""
        texts = {name: str(getattr(self, name)) for name in _TEXTS}
        return "\n\n".join(f"{name}\n{text}" for name, text in texts.items() if text.strip())


class DojoObjects(ApiModel):
    """A page of a list."""

    results: tuple[DojoObject, ...] = ()
    next: Text = ""


class DojoFile(ApiModel):
    """A file."""

    id: Number
    title: Text


class DojoFiles(ApiModel):
    """The files of an object."""

    files: tuple[DojoFile, ...] = ()


class DojoNote(ApiModel):
    """A note."""

    entry: Text = ""


class DojoNotes(ApiModel):
    """The notes of an object."""

    notes: tuple[DojoNote, ...] = ()


class DojoImport(ApiModel):
    """The answer to an import."""

    test_id: Number


@contextmanager
def open_defectdojo(environment: Environment) -> Iterator[DefectDojo]:
    """Open the DefectDojo at DEFECTDOJO_URL with DEFECTDOJO_TOKEN, which its pages call the API v2 key."""
    url = environment.address("DEFECTDOJO_URL")
    token = environment.secret("DEFECTDOJO_TOKEN", "DEFECTDOJO_API_KEY")
    headers = {"Authorization": f"Token {token}"}
    credentials = Credentials("defectdojo", url, headers, (token,), "DEFECTDOJO_TOKEN", "DEFECTDOJO_URL")
    with open_client(credentials) as client:
        yield DefectDojo(client)


class DefectDojo:
    """One DefectDojo. Nothing in it is readable without an account."""

    # Notes are shown as they were written, and `@ada` in one notifies her; a character without width keeps it from that.
    markup = description_markup = Markup.MARKDOWN
    description_limit = 1_000_000  # unlimited; a limit keeps a mistake of an author from being a mistake of the tracker

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._tests: dict[str, int] = {}

    def identity(self) -> str:
        """Return the owner of the token."""
        return self._client.request(DojoProfile, "GET", f"{_API}/user_profile/", "defectdojo").user.username

    def read(self, key: str) -> Ticket:
        """Return an engagement, a test or a finding with its files and notes."""
        state, path = self.read_state(key), _path(key)
        about = str(state.ref)
        files = self._client.request(DojoFiles, "GET", f"{path}files/", about).files
        notes = self._client.request(DojoNotes, "GET", f"{path}notes/", about).notes
        return Ticket(
            **vars(state),
            is_public=False,
            attached=tuple(
                Attached(file.title.removesuffix(_title_end(key)), id=str(file.id))
                for file in sorted(files, key=lambda file: file.id)
            ),
            comments=read_comments((note.entry, "") for note in notes),
        )

    def read_state(self, key: str) -> TicketState:
        """Return an engagement, a test or a finding, of which only a finding has fields. Owners are teams, and people's own."""
        ref = TicketRef("defectdojo", key)
        content = self._client.request(DojoObject, "GET", _path(key), str(ref))
        fields = {"priority": content.severity, "due": content.planned_remediation_date}
        is_finding = key.startswith("finding/")
        return TicketState(
            ref,
            title=content.title or content.name or content.test_type_name,
            address=f"{self._client.credentials.url}/{key}",
            text=content.text(),
            is_closed=is_finding and not content.active,
            fields=fields if is_finding else {},
        )

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return a file."""
        path = f"{_path(ticket.ref.key)}files/download/{attached.id}/"
        return self._client.download(path, str(ticket.ref), max_bytes=max_bytes)

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Upload the file, unless it is there, then add the note that describes it."""
        path, about = _path(ticket.ref.key), str(ticket.ref)
        if not any(attached.holds(file) for attached in ticket.attached):
            # Titles are unique: with its name alone, a file could be on one engagement only.
            title = f"{file.name}{_title_end(ticket.ref.key)}"
            if len(title) > _MAX_FILE_TITLE:
                fault = f"{about}: the name {file.name} is too long: DefectDojo allows about 75 characters"
                raise FindingsReportError(Problem(Kind.NETWORK, fault, "give the file a shorter name", code="tracker-refused"))
            part = FilePart("file", file.name, file.content, file.media_type)
            self._client.request(DojoFile, "POST", f"{path}files/", about, part=part, form={"title": title})
        self._note(path, comment, about)
        return Delivery()

    def project(self, key: str) -> Project:
        """Return an engagement."""
        if not _ENGAGEMENT.match(key):
            raise invalid_reference(f"defectdojo:{key}", _PROJECT_REFERENCE)
        self._client.request(DojoObject, "GET", _path(key), f"defectdojo:{key}")
        return Project(key, is_public=False)

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Find findings of the engagement by the marker, in whatever state they are."""
        listed = self._search(project, draft.marker)
        return tuple(f"finding/{finding.id}" for finding in listed if finding.unique_id_from_tool == draft.marker)

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:  # noqa: ARG002  # as `update`
        """Import a finding into the test of its report, which the first one creates."""
        about = f"defectdojo:{project.key}"
        report = draft.marker.partition("/")[0]
        # As `build -f defectdojo` has it, with one finding. The name is that of the test, by which people see where it is from.
        document = {"name": report, "type": "findings-report", "findings": [_import(draft)]}
        # Without this, each import would close the findings of the imports before it.
        form = {"scan_type": _SCAN_TYPE, "minimum_severity": "Info", "close_old_findings": "false"}
        test = self._tests.get(project.key) or next((finding.test for finding in self._search(project, f"{report}/")), 0)
        if test:
            # A finding that people have closed stays closed.
            path, form = "/reimport-scan/", {**form, "test": str(test), "do_not_reactivate": "true"}
        else:
            path, form = "/import-scan/", {**form, "engagement": project.key.partition("/")[2], "test_title": report}
        # The name ends in .json, because DefectDojo knows the kind of a report by it.
        part = FilePart("file", "finding.json", json.dumps(document).encode(), "application/json")
        imported = self._client.request(DojoImport, "POST", f"{_API}{path}", about, part=part, form=form)
        self._tests[project.key] = imported.test_id
        # An import answers with numbers of findings, not with their ids.
        keys = self.find(project, draft)
        if not keys:
            raise unexpected_answer(about, f"finding {draft.finding}: DefectDojo took it for one of another tool")
        return keys[0]

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:  # noqa: ARG002  # the same everywhere
        """Return the severity or a day, which an import has in the finding. No owner: that is no fault of the name."""
        return {"priority": str(draft.generic()["severity"]), "due": draft.due}.get(name, "")

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Set texts, facts and fields, then add the note. A text that the finding no longer has is emptied.

        The text of a finding is in several fields, so that of other trackers is not sent.
        """
        path, about, document = _path(ticket.ref.key), str(ticket.ref), dict[str, object]()
        if change.generic is not None:
            document = {name: change.generic.get(name) or "" for name in _TEXTS}
            document |= {name: change.generic.get(name) for name in _FACTS}
        document |= {_FIELDS[name]: value or None for name, value in change.fields.items()}
        if document:
            self._client.request(ApiModel, "PATCH", path, about, document=document)
        if change.comment:
            self._note(path, change.comment, about)

    def _search(self, project: Project, unique_id: str) -> Iterator[DojoObject]:
        """Yield the findings of the engagement whose `unique_id_from_tool` contains this text."""
        number, about = project.key.partition("/")[2], f"defectdojo:{project.key}"
        previous: tuple[DojoObject, ...] = ()
        for page in pages(about):
            query = {
                "test__engagement": number,
                "unique_id_from_tool": unique_id,
                "limit": str(_PER_PAGE),
                "offset": str((page - 1) * _PER_PAGE),
            }
            # The address of the next page is not followed: its host is the one in DefectDojo's settings.
            listed = self._client.request(DojoObjects, "GET", f"{_API}/findings/", about, query=query)
            yield from listed.results  # the filter is for parts of the id: whoever asks compares the whole one
            # A page that comes again has been answered by something that pays no heed to `offset`.
            if not listed.next or listed.results in ((), previous):
                return
            previous = listed.results

    def _note(self, path: str, entry: str, about: str) -> None:
        self._client.request(ApiModel, "POST", f"{path}notes/", about, document={"entry": entry})


def _import(draft: Draft) -> Mapping[str, object]:
    """Return the finding for the import. Its own id is not unique: another report in the engagement may have the same."""
    return {**draft.generic(), "unique_id_from_tool": draft.marker}


def _path(key: str) -> str:
    match = _KEY.match(key)
    if match is None:
        raise invalid_reference(f"defectdojo:{key}", " or ".join(REFERENCES))
    return f"{_API}/{match[1]}s/{match[2]}/"


def _title_end(key: str) -> str:
    kind, _, number = key.partition("/")
    return f" ({kind} {number})"
