"""What goes to an issue tracker and what it answers: values only. How trackers are asked is the business of `tickets`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal

from pydantic import Field

from findings_report.model.evidence import Frozen

SHORT_DIGEST: Final = 12
"""How many characters of a digest stand in a file's name."""

_SUPERSEDABLE = re.compile(rf"(?P<stem>.+)-(?P<digest>[0-9a-f]{{{SHORT_DIGEST}}})(?P<suffix>\.[^.]*)?\Z")
_TOLD = re.compile(r"\bsha256:([0-9a-f]{64})\b")


class Markup(StrEnum):
    """How a tracker wants its texts marked up."""

    MARKDOWN = "markdown"
    """GitLab, GitHub, and Redmine where it is set so."""
    TEXTILE = "textile"
    """Redmine as it comes."""
    JIRA_WIKI = "jira_wiki"
    """Jira Data Center."""
    ADF = "adf"
    """Jira Cloud: a tree of nodes, as JSON."""
    HTML = "html"
    """Azure DevOps, Request Tracker, and the work notes of ServiceNow."""
    PLAIN = "plain"
    """Descriptions of ServiceNow, which know no marks."""


@dataclass(frozen=True)
class TicketRef:
    """One entry in a tracker, as people write it: `redmine:17`, `gitlab:group/project#4`."""

    tracker: str
    """Which tracker: redmine, jira, ..."""
    key: str
    """What the tracker calls it; its shape is the tracker's."""

    def __str__(self) -> str:
        return f"{self.tracker}:{self.key}"


@dataclass(frozen=True)
class File:
    """A file for a ticket."""

    stem: str
    """What it is called without digest and suffix: a later file of the same stem and suffix supersedes it. Of letters of ASCII,
    digits, `.`, `_` and `-`, which no tracker changes."""
    suffix: str
    """With its dot; empty when it has none."""
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
        """What it is called on the ticket: by the digest in it, the same bytes are known again on any tracker."""
        return f"{self.stem}-{self.digest[:SHORT_DIGEST]}{self.suffix}"

    @property
    def mark(self) -> str:
        """The digest as it stands in descriptions and comments."""
        return f"sha256:{self.digest}"


@dataclass(frozen=True)
class Attached:
    """A file that hangs on a ticket."""

    name: str
    """What it is called there."""
    size: int | None = None
    """Bytes; None when the tracker does not say. A cut-short upload is smaller than its file."""
    mark: str = ""
    """Its description, where the tracker has one."""
    id: str = ""
    """What the tracker calls it; empty when it has no name but its own."""

    def holds(self, file: File) -> bool:
        """True when these are the file's bytes, by the digest in the description, else by that in the name."""
        if told := _TOLD.search(self.mark):
            return told[1] == file.digest
        return self.name == file.name and self.size in (None, len(file.content))

    def is_made_of(self, content: bytes) -> bool:
        """True when these are the bytes whose digest its description, else its name, tells."""
        digest = hashlib.sha256(content).hexdigest()
        if told := _TOLD.search(self.mark):
            return told[1] == digest
        found = _SUPERSEDABLE.match(self.name)
        return found is not None and digest.startswith(found["digest"])

    def is_older(self, file: File) -> bool:
        """True when it was attached as an earlier state of the same file."""
        found = _SUPERSEDABLE.match(self.name)
        return found is not None and (found["stem"], found["suffix"] or "") == (file.stem, file.suffix) and not self.holds(file)


@dataclass(frozen=True)
class Ticket:
    """A ticket as it stands on the tracker."""

    ref: TicketRef
    """Which."""
    title: str
    """Its subject."""
    address: str
    """Where a person sees it."""
    is_public: bool
    """True when everybody can read it, without an account or with one that anybody gets."""
    attached: tuple[Attached, ...] = ()
    """The files on it, oldest first."""
    announced: frozenset[str] = frozenset()
    """Digests of the files that its comments describe."""
    text: str = ""
    """Its description, as the tracker gives it."""
    is_listed: bool = True
    """False when the tracker cannot say what is on it: then `tickets.lock.yaml` is what remembers."""


def digests(text: str) -> frozenset[str]:
    """The digests that a comment of this program tells of: each `sha256:` with its 64 digits."""
    return frozenset(_TOLD.findall(text))


@dataclass(frozen=True)
class Project:
    """Where tickets are made."""

    key: str
    """What the tracker calls it in references."""
    is_public: bool
    """True when everybody can read it."""


@dataclass(frozen=True)
class Draft:
    """What a ticket is to say of a finding."""

    finding: str
    """The finding's id."""
    title: str
    """The ticket's subject: id and title, at most 255 characters."""
    text: str
    """Its description, Markdown."""
    end: str
    """Its last lines, Markdown, which stay however short the text is cut; they hold `marker`."""
    marker: str
    """By which the ticket is known again: `findings-report:ENGAGEMENT/ID`."""
    status: str
    """The finding's status, in words."""
    urgency: int
    """5 for the worst severity of the scale, down to 1 for the least."""
    labels: tuple[str, ...]
    """Severity, weaknesses and tags, for trackers that have labels."""

    def is_marked(self, text: str) -> bool:
        """True when a ticket's text holds the marker of this finding, and not that of one whose id begins alike."""
        plain = text.replace("\\", "")
        return re.search(re.escape(self.marker) + r"(?![\w.-]*\w)", plain) is not None


class LockedTicket(Frozen):
    """What is known of a finding's ticket."""

    ref: str
    """Which."""
    status: str
    """The finding's status when the ticket was last written."""
    written: str
    """Digest of title and text as they were sent."""
    stands: str
    """Digest of the text as the tracker gave it back then: another one was changed by people."""


class Lock(Frozen):
    """What `tickets.lock.yaml` keeps beside the findings: what was put on which ticket. The tickets themselves say more."""

    format: Literal[1] = 1
    """Number of this file's format."""
    engagement: str | None = None
    """What the engagement is called in the markers of its tickets; it stays when the title changes."""
    attached: dict[str, dict[str, str]] = Field(default_factory=dict)
    """By ticket, then by file without its digest, as in `report.pdf`: the name of the newest one on the ticket."""
    tickets: dict[str, dict[str, LockedTicket]] = Field(default_factory=dict)
    """By finding, then by tracker: the ticket that was made for it."""

    def with_attached(self, ref: TicketRef, file: File) -> Lock:
        """This, and that `file` is the newest of its kind on the ticket."""
        files = {**self.attached.get(str(ref), {}), f"{file.stem}{file.suffix}": file.name}
        return self.model_copy(update={"attached": {**self.attached, str(ref): files}})

    def with_ticket(self, finding: str, tracker: str, ticket: LockedTicket) -> Lock:
        """This, and that the finding has this ticket on the tracker."""
        found = {**self.tickets.get(finding, {}), tracker: ticket}
        return self.model_copy(update={"tickets": {**self.tickets, finding: found}})
