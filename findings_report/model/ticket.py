"""Values that are exchanged with issue trackers, and the content of `tickets.lock.yaml`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from findings_report.model.evidence import Frozen
from findings_report.model.finding import Status

FIELDS: Final = {"priority": "priority", "due": "due date", "owner": "owner"}
"""The fields of a ticket that follow its finding, with the words for messages."""
SEVERITY_LABEL: Final = "severity-"
"""Beginning of the label that has the severity: it is the priority on trackers that have none."""

# Hexadecimal digits of a digest in a file's name: 48 bits, enough to distinguish the versions of one file.
SHORT_DIGEST: Final = 12

_SUPERSEDABLE = re.compile(rf"(?P<stem>.+)-(?P<digest>[0-9a-f]{{{SHORT_DIGEST}}})(?P<suffix>\.[^.]*)?\Z")
_MARK = re.compile(r"\bsha256:([0-9a-f]{64})\b")
# A marker may end a sentence, and an id consists of words joined by `.`, `_` and `-`.
_MARKERS = re.compile(r"findings-report:[a-z0-9-]++/\w++(?>(?:[.-]++\w++)*)")


class Markup(StrEnum):
    """The markup of texts on a tracker."""

    GITHUB = "github"
    """Markdown of GitHub."""
    GITLAB = "gitlab"
    """Markdown of GitLab."""
    GITEA = "gitea"
    """Markdown of Gitea and Forgejo."""
    REDMINE = "redmine"
    """Markdown of Redmine, if it is set to it."""
    MARKDOWN = "markdown"
    """Markdown for a program of the user, and for export."""
    TEXTILE = "textile"
    """Redmine by default."""
    JIRA_WIKI = "jira_wiki"
    """Jira Data Center."""
    ADF = "adf"
    """Jira Cloud: a tree of nodes, as JSON."""
    HTML = "html"
    """Azure DevOps, Request Tracker, and the work notes of ServiceNow."""
    PLAIN = "plain"
    """Descriptions of ServiceNow, which have no markup."""


@dataclass(frozen=True)
class TicketRef:
    """A reference to a ticket, as people write it: `redmine:17`, `gitlab:group/project#4`."""

    tracker: str
    """Name of the tracker: redmine, jira, ..."""
    key: str
    """The rest of the reference; each tracker has its own shape."""

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"


@dataclass(frozen=True)
class File:
    """A file for a ticket."""

    # The digest is in the name because not every tracker can store a description with a file.
    stem: str
    """Name without digest and suffix: a later file of the same stem and suffix supersedes this one. ASCII letters, digits, `.`,
    `_` and `-`, which no tracker changes."""
    suffix: str
    """With its dot; empty if there is none."""
    content: bytes
    """The file."""
    media_type: str
    """As in `application/pdf`."""

    @cached_property
    def digest(self) -> str:
        """SHA-256, 64 hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        """Name on the ticket. The digest in it identifies the bytes on every tracker."""
        return f"{self.stem}-{self.digest[:SHORT_DIGEST]}{self.suffix}"

    @property
    def mark(self) -> str:
        """The digest in the form used in descriptions and comments."""
        return f"sha256:{self.digest}"


@dataclass(frozen=True)
class Attached:
    """A file on a ticket."""

    name: str
    """Name of the file on the ticket."""
    size: int | None = None
    """Bytes; None if unknown. An interrupted upload is smaller than its file."""
    mark: str = ""
    """Description of the file; empty if the tracker has none."""
    id: str = ""
    """Id on the tracker; empty if the name is the only one."""

    def holds(self, file: File) -> bool:
        """Return True if these are the bytes of `file`, by the digest in the description, otherwise by the one in the name."""
        if match := _MARK.search(self.mark):
            return match[1] == file.digest
        # The size as well: after an interrupted upload some trackers list the file under its full name.
        return self.name == file.name and self.size in (None, len(file.content))

    def is_made_of(self, content: bytes) -> bool:
        """Return True if `content` has the digest in the description, otherwise the one in the name."""
        digest = hashlib.sha256(content).hexdigest()
        if match := _MARK.search(self.mark):
            return match[1] == digest
        match = _SUPERSEDABLE.match(self.name)
        return match is not None and digest.startswith(match["digest"])

    def is_named_by(self, digest: str) -> bool:
        """Return True if the name contains the beginning of `digest`."""
        match = _SUPERSEDABLE.match(self.name)
        return match is not None and digest.startswith(match["digest"])

    def is_older(self, file: File) -> bool:
        """Return True if it is an earlier version of `file`."""
        match = _SUPERSEDABLE.match(self.name)
        return match is not None and (match["stem"], match["suffix"] or "") == (file.stem, file.suffix) and not self.holds(file)


@dataclass(frozen=True)
class Comment:
    """A comment that describes files."""

    digests: frozenset[str]
    """Digests of the files."""
    id: str = ""
    """Id on the tracker; empty if it has none."""


@dataclass(frozen=True)
class Delivery:
    """What one run has put on a ticket."""

    file: str = ""
    """Id of the file; empty if none was added, or the tracker does not say."""
    comment: str = ""
    """Id of the comment; empty if the tracker does not say."""


@dataclass(frozen=True)
class TicketState:
    """A ticket without its files and comments: as much as a single request returns."""

    ref: TicketRef
    """Reference to the ticket."""
    title: str
    """Subject of the ticket."""
    address: str
    """Address of its page, for people."""
    text: str = ""
    """Description, as the tracker returns it."""
    is_closed: bool = False
    """True if the tracker counts it as done, whatever it calls that."""
    project: str = ""
    """Key of its project, for trackers that need it to look up people."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Of FIELDS, those that the ticket has, with the tracker's own values; empty text for a field without value."""


@dataclass(frozen=True, kw_only=True)
class Ticket(TicketState):
    """A ticket with its files and comments."""

    is_public: bool
    """True if everybody can read it, without an account or with one that anybody can get."""
    attached: tuple[Attached, ...] = ()
    """Files on the ticket, oldest first."""
    comments: tuple[Comment, ...] = ()
    """The comments that describe files, oldest first."""
    is_listed: bool = True
    """False if the tracker cannot list files: then only `tickets.lock.yaml` records them."""

    @property
    def announced(self) -> frozenset[str]:
        """Digests of the files that its comments describe."""
        return frozenset(digest for comment in self.comments for digest in comment.digests)


def read_comments(texts: Iterable[tuple[str, str]]) -> tuple[Comment, ...]:
    """Return the comments that describe files, of texts with their ids: those with `sha256:` and 64 digits."""
    comments = (Comment(frozenset(_MARK.findall(text)), id) for text, id in texts)
    return tuple(comment for comment in comments if comment.digests)


@dataclass(frozen=True)
class Project:
    """The place where tickets are created: a project, a queue, a table."""

    key: str
    """The part of `--to` after the colon."""
    is_public: bool
    """True if everybody can read it."""


@dataclass(frozen=True)
class Draft:
    """The content of a finding's ticket."""

    finding: str
    """Id of the finding."""
    title: str
    """Subject of the ticket: id and title, at most 255 characters."""  # the limit of Jira and Redmine
    text: str
    """Description, Markdown."""
    end: str
    """Last lines, Markdown, which stay when the text is truncated; they contain `marker`."""
    marker: str
    """Identifies the ticket: `findings-report:ENGAGEMENT/ID`."""
    status: Status
    """Status of the finding."""
    urgency: int
    """From 5, for the highest severity of the scale, to 1, for the lowest."""
    labels: tuple[str, ...]
    """Severity, weaknesses and tags, for trackers that have labels."""
    audience: str | None = None
    """Audience that the text was made for; None for a text with everything."""
    generic: Callable[[], Mapping[str, object]] = dict
    """Returns the finding with the keys of DefectDojo's generic findings, for a tracker that has fields for its texts."""
    due: str = ""
    """Due date of the finding, as in 2026-03-31; empty if there is none."""
    owner: str = ""
    """Person who is responsible, in the words of the finding; empty if there is none."""

    @property
    def fields(self) -> dict[str, str]:
        """The values of FIELDS in the words of the finding, which are compared from run to run."""
        # The rank as well: a severity keeps its name when the engagement's scale becomes longer.
        severity = self.labels[0].removeprefix(SEVERITY_LABEL) if self.labels else ""
        return {"priority": f"{severity}, {self.urgency} of 5".removeprefix(", "), "due": self.due, "owner": self.owner}

    def is_marked(self, text: str) -> bool:
        """Return True if `marker` is the last marker in `text`: one in the text of a finding, which is above the end, is no
        proof that the ticket is this finding's.
        """
        plain = text.replace("\\", "")  # Jira's wiki markup escapes characters of the marker
        return _MARKERS.findall(plain)[-1:] == [self.marker]


@dataclass(frozen=True)
class TicketChange:
    """What to change on a ticket. Nothing changes for None, or for a field that is not named."""

    title: str | None = None
    """New subject."""
    text: str | None = None
    """New description, in the markup of the tracker."""
    comment: str | None = None
    """A comment to add, in the markup of the tracker."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """New values of FIELDS, in the tracker's own terms; empty text removes the value."""
    generic: Mapping[str, object] | None = None
    """The finding of the new text with the keys of DefectDojo's generic findings; None without a text."""


class LockedField(Frozen):
    """A field of a ticket, as it was last written."""

    written: str
    """Value in the words of the finding."""
    stands: str
    """Value as the tracker returned it: if it differs now, people have changed it."""


# Version 0.1.0 wrote the printed words, `Partially resolved`.
def _read_status(value: object) -> object:
    return value.lower().replace(" ", "_") if isinstance(value, str) else value


class LockedTicket(Frozen):
    """The ticket of a finding, as it was last written."""

    ref: str
    """Reference to the ticket."""
    status: Annotated[Status, BeforeValidator(_read_status)]
    """Status of the finding at that time."""
    written: str
    """Digest of title and text as they were sent."""
    stands: str
    """Digest of the text as the tracker returned it: if it differs now, people have changed the text."""
    fields: dict[str, LockedField] = Field(default_factory=dict)
    """Priority, due date and owner, as far as they were written."""
    audience: str | None = None
    """Audience that the text was made for; None for a text with everything."""


class Lock(Frozen):
    """The content of `tickets.lock.yaml`: which files and findings are on which tickets."""

    format: Literal[1] = 1
    """Version of the file's format."""
    engagement: str | None = None
    """Name of the engagement in markers. It is recorded because the title may change."""
    attached: dict[str, dict[str, str]] = Field(default_factory=dict)
    """By ticket, then by file name without digest, as in `report.pdf`: the name of the newest file on the ticket."""
    audiences: dict[str, str] = Field(default_factory=dict)
    """By ticket, the audience of the reports on it: who reads the ticket."""
    tickets: dict[str, dict[str, LockedTicket]] = Field(default_factory=dict)
    """By finding, then by tracker: the ticket that was created for it."""

    def with_attached(self, ref: TicketRef, file: File, audience: str | None, name: str | None = None) -> Lock:
        """Return this lock with `file` as the newest of its kind on the ticket, and the audience of the report in it.

        `name` is that of another file if it is the newest one.
        """
        files = {**self.attached.get(str(ref), {}), f"{file.stem}{file.suffix}": name or file.name}
        audiences = self.audiences if audience is None else {**self.audiences, str(ref): audience}
        return self.model_copy(update={"attached": {**self.attached, str(ref): files}, "audiences": audiences})

    def with_ticket(self, finding: str, tracker: str, ticket: LockedTicket) -> Lock:
        """Return this lock with the finding's ticket on the tracker."""
        tickets = {**self.tickets.get(finding, {}), tracker: ticket}
        return self.model_copy(update={"tickets": {**self.tickets, finding: tickets}})
