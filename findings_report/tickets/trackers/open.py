"""Issue trackers, one file each behind one small Protocol. They are handed values: bytes, and texts in their own markup."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager
from typing import Final, Protocol, runtime_checkable

from findings_report.model.ticket import Attached, Draft, File, Markup, Project, Ticket, TicketRef
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.tickets.http.credentials import Surroundings

SHAPES: Final = {
    "jira": "jira:SEC-12",
    "gitlab": "gitlab:group/project#4",
    "github": "github:owner/name#5",
    "redmine": "redmine:17",
    "rt": "rt:23",
    "azure": "azure:project/31",
    "servicenow": "servicenow:INC0010001",
    "command": "command:NAME",
}
"""Every tracker, with the shape of its references."""


class Tracker(Protocol):
    """What is asked of a tracker. Every call raises FindingsReportError (NETWORK, or USAGE for a reference that is none)."""

    markup: Markup
    """In which its comments and descriptions are written."""

    def identity(self) -> str:
        """Who the token belongs to. Fails for a token that is not valid, where other calls might answer as anonymous."""

    def read(self, key: str) -> Ticket:
        """The ticket as it stands."""

    def attach(self, ticket: Ticket, file: File, comment: str) -> None:
        """Puts on the ticket what it lacks of the two, the file first and the comment that tells of it last."""


@runtime_checkable
class Depot(Tracker, Protocol):
    """A tracker that gives back what hangs on its tickets. A program of the user's does not."""

    def download(self, ticket: Ticket, attached: Attached, largest: int) -> bytes:
        """The file's bytes, from whoever put them there. Raises as the others, for more than `largest` bytes too."""


@runtime_checkable
class Desk(Tracker, Protocol):
    """A tracker on which tickets are made and kept in step, too. The others take files and comments."""

    description_markup: Markup
    """In which its descriptions are written; its comments are in `markup`."""
    longest: int
    """How many characters a description takes."""

    def project(self, key: str) -> Project:
        """Where tickets are made, by what a person calls it."""

    def find(self, project: Project, draft: Draft) -> str | None:
        """The key of the ticket in the project that holds the draft's marker, open or closed; None when there is none."""

    def create(self, project: Project, draft: Draft, text: str) -> str:
        """A new ticket; `text` is its description in the tracker's markup. Its key."""

    def update(self, ticket: Ticket, draft: Draft, text: str, comment: str | None) -> None:
        """Gives a ticket another title and text, and a comment that says why. Its state stays as people have set it."""


def parse_ref(text: str) -> TicketRef:
    """`redmine:17` as a value. Raises FindingsReportError (USAGE) for a tracker that there is not."""
    tracker, colon, key = text.partition(":")
    if tracker in SHAPES and key:
        return TicketRef(tracker, key)
    known = ", ".join(SHAPES.values())
    fault = f"{text!r} is no ticket of a known tracker" if colon else f"{text!r} names no tracker"
    raise FindingsReportError(Problem(Kind.USAGE, f"{fault} ({known})", did_you_mean(tracker, list(SHAPES)), code="ticket-ref"))


def open_tracker(name: str, surroundings: Surroundings) -> AbstractContextManager[Tracker]:
    """The tracker of that name in SHAPES. Raises FindingsReportError (USAGE) when the extra `tickets` is not installed."""
    if name == "command":
        from findings_report.tickets.trackers.external_command import open_command

        return open_command(surroundings)
    if importlib.util.find_spec("httpx") is None:
        fault = "talking to trackers needs the extra `tickets`"
        remedy = "pip install 'findings-report[tickets]'"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="no-tickets-extra"))
    return _opened(name, surroundings)


def _opened(name: str, surroundings: Surroundings) -> AbstractContextManager[Tracker]:
    if name == "jira":
        from findings_report.tickets.trackers.jira import open_jira

        return open_jira(surroundings)
    if name == "gitlab":
        from findings_report.tickets.trackers.gitlab import open_gitlab

        return open_gitlab(surroundings)
    if name == "github":
        from findings_report.tickets.trackers.github import open_github

        return open_github(surroundings)
    if name == "rt":
        from findings_report.tickets.trackers.rt import open_rt

        return open_rt(surroundings)
    if name == "azure":
        from findings_report.tickets.trackers.azure import open_azure

        return open_azure(surroundings)
    if name == "servicenow":
        from findings_report.tickets.trackers.servicenow import open_servicenow

        return open_servicenow(surroundings)
    from findings_report.tickets.trackers.redmine import open_redmine

    return open_redmine(surroundings)
