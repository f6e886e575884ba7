"""The table of trackers, and the protocols that a tracker implements.

To add a tracker, write one file with its REFERENCE and a function that opens it, and add one row to TRACKERS.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

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
)
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.system.toolchain import install_extra
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.trackers import (
    azure,
    defectdojo,
    external_command,
    gitea,
    github,
    gitlab,
    jira,
    redmine,
    rt,
    servicenow,
)


class Tracker(Protocol):
    """An open tracker. All methods raise FindingsReportError: NETWORK, or USAGE for an invalid reference."""

    @property
    def markup(self) -> Markup:
        """The markup of comments."""

    def identity(self) -> str:
        """Return the owner of the token. Raises for an invalid token, which other requests may treat as anonymous."""

    def read(self, key: str) -> Ticket:
        """Return the current state of the ticket."""

    def attach(self, ticket: Ticket, file: File, comment: str) -> Delivery:
        """Put the file on the ticket, unless it is there, and then the comment that describes it; what was added."""


@runtime_checkable
class AttachmentReader(Tracker, Protocol):
    """A tracker that returns the files on its tickets. A program of the user does not."""

    def download(self, ticket: Ticket, attached: Attached, max_bytes: int) -> bytes:
        """Return the bytes of a file, whoever attached it. Raises also for a larger one."""


@runtime_checkable
class DeliveryRemover(Tracker, Protocol):
    """A tracker from which a file and a comment can be removed again."""

    def remove(self, ticket: Ticket, delivery: Delivery) -> None:
        """Remove what this run has added. Something that is gone already is no error."""


@runtime_checkable
class TicketWriter(Tracker, Protocol):
    """A tracker on which tickets are created and updated."""

    @property
    def description_markup(self) -> Markup:
        """The markup of descriptions; that of comments may be another."""

    @property
    def description_limit(self) -> int:
        """The maximum length of a description, in characters."""

    def project(self, key: str) -> Project:
        """Return the place where tickets are created."""

    def find(self, project: Project, draft: Draft) -> tuple[str, ...]:
        """Return the keys of the tickets with the draft's marker, open or closed: more than one if runs were at once."""

    def create(self, project: Project, draft: Draft, text: str, fields: Mapping[str, str]) -> str:
        """Create a ticket; its key. `text` is the description in the tracker's markup, `fields` as `resolve` returns them."""

    def read_state(self, key: str) -> TicketState:
        """Return the ticket without files and comments, by one request: `sync` asks for every ticket each time."""

    def resolve(self, place: TicketState | Project, draft: Draft, name: str) -> str | None:
        """Return the value of a field for the draft, in the tracker's own terms; None for an unknown person or field."""

    def update(self, ticket: TicketState, change: TicketChange) -> None:
        """Change title, text and fields, and add the comment. A ticket is never closed or reopened: a person decides that."""


@runtime_checkable
class TicketCloser(TicketWriter, Protocol):
    """A tracker that closes a ticket. Only for what this run has created a moment ago: else a person decides that."""

    def close(self, ticket: TicketState) -> None:
        """Close the ticket. A tracker may ignore it for want of permission, so the ticket is to be read again."""


@dataclass(frozen=True)
class TrackerType:
    """A row of TRACKERS."""

    name: str
    """The part of a reference before the colon."""
    references: tuple[str, ...]
    """The shapes of references, by example; the first one is the shortest."""
    open: Callable[[Environment], AbstractContextManager[Tracker]]
    """Open it with the address and the token of the environment."""
    markups: tuple[Markup, ...]
    """The markups of its comments, by product or setting."""
    returns_files: bool = True
    """True for an AttachmentReader: `attach` can report changes since the previous file."""
    writes_tickets: bool = True
    """True for a TicketWriter: `tickets create` and `sync` work."""
    needs_extra: bool = True
    """True if it is asked over HTTP, which needs the extra `tickets`."""


# The modules are imported with the table: they import no heavy library, and the types of the openers are checked, which those
# of openers named by strings would not be.
TRACKERS: Final = {
    row.name: row
    for row in (
        TrackerType("jira", (jira.REFERENCE,), jira.open_jira, (Markup.ADF, Markup.JIRA_WIKI)),
        TrackerType("gitlab", (gitlab.REFERENCE,), gitlab.open_gitlab, (Markup.GITLAB,)),
        TrackerType("github", (github.REFERENCE,), github.open_github, (Markup.GITHUB,)),
        TrackerType("gitea", (gitea.reference("gitea"),), gitea.opener("gitea"), (Markup.GITEA,)),
        TrackerType("forgejo", (gitea.reference("forgejo"),), gitea.opener("forgejo"), (Markup.GITEA,)),
        TrackerType(
            "codeberg", (gitea.reference("codeberg"),), gitea.opener("codeberg", "https://codeberg.org"), (Markup.GITEA,)
        ),
        TrackerType("redmine", (redmine.REFERENCE,), redmine.open_redmine, (Markup.TEXTILE, Markup.REDMINE)),
        TrackerType("rt", (rt.REFERENCE,), rt.open_rt, (Markup.HTML,)),
        TrackerType("azure", (azure.REFERENCE,), azure.open_azure, (Markup.HTML,)),
        TrackerType("servicenow", (servicenow.REFERENCE,), servicenow.open_servicenow, (Markup.HTML,)),
        TrackerType("defectdojo", defectdojo.REFERENCES, defectdojo.open_defectdojo, (Markup.MARKDOWN,)),
        TrackerType(
            "command",
            external_command.REFERENCES,
            external_command.open_command,
            (Markup.MARKDOWN,),
            returns_files=False,
            writes_tickets=False,
            needs_extra=False,
        ),
    )
}
"""All trackers by name, in the order of the documentation."""


def parse_ref(text: str) -> TicketRef:
    """Parse a reference, as in `redmine:17`. Raises FindingsReportError (USAGE) if there is no such tracker."""
    name, colon, key = text.partition(":")
    if name in TRACKERS and key:
        return TicketRef(name, key)
    known = ", ".join(row.references[0] for row in TRACKERS.values())
    fault = f"{text!r} is not a ticket of a known tracker" if colon else f"{text!r} names no tracker"
    raise FindingsReportError(Problem(Kind.USAGE, f"{fault} ({known})", did_you_mean(name, list(TRACKERS)), code="ticket-ref"))


def open_tracker(name: str, environment: Environment) -> AbstractContextManager[Tracker]:
    """Open the tracker of that name. Raises FindingsReportError (USAGE) if the extra `tickets` is not installed."""
    row = TRACKERS[name]
    # Found without an import: httpx is only needed once there is an address and a token.
    if row.needs_extra and importlib.util.find_spec("httpx") is None:
        fault = "trackers require the extra `tickets`"
        remedy = install_extra("tickets")
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="no-tickets-extra"))
    return row.open(environment)
