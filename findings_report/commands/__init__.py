"""The commands of the program: one file each, which only puts the stages of the other folders in order.

In come options as plain values, out come results and problems as values. A command must not know how anything is printed or
asked: a prompt or a progress line is a function that the caller hands in. The types of the signatures are re-exported, lazily
where their modules load an HTTP client or the PDF signing. `diff`, `track`, `pin --links` and the commands of tickets are
imported from their modules, so that no other command loads their stages.
"""

from typing import TYPE_CHECKING, Any

from findings_report.commands.build import BuildOptions, PublishedBuild, build
from findings_report.commands.check import check, gates, overview
from findings_report.commands.init import demo, doctor, init, schema, write_schemas
from findings_report.commands.new import NewFinding, library, new
from findings_report.commands.pin import fetch, pin
from findings_report.rendering.job import render
from findings_report.rendering.run import Written
from findings_report.report.check import Checked, Inputs, Progress, assembled

if TYPE_CHECKING:
    from findings_report.pdf.signing import Signature, SigningKey, TimeStamp, TrustAnchors
    from findings_report.tickets.attach import AttachOptions
    from findings_report.tickets.create_and_sync import CreateOptions, SyncOptions
    from findings_report.tickets.http.credentials import Environment
    from findings_report.tickets.session import TicketsResult

_LAZY = {  # types of signatures whose modules only one command needs
    "AttachOptions": "findings_report.tickets.attach",
    "CreateOptions": "findings_report.tickets.create_and_sync",
    "Environment": "findings_report.tickets.http.credentials",
    "Signature": "findings_report.pdf.signing",
    "SigningKey": "findings_report.pdf.signing",
    "SyncOptions": "findings_report.tickets.create_and_sync",
    "TicketsResult": "findings_report.tickets.session",
    "TimeStamp": "findings_report.pdf.signing",
    "TrustAnchors": "findings_report.pdf.signing",
}

__all__ = [
    "AttachOptions",
    "BuildOptions",
    "Checked",
    "CreateOptions",
    "Environment",
    "Inputs",
    "NewFinding",
    "Progress",
    "PublishedBuild",
    "Signature",
    "SigningKey",
    "SyncOptions",
    "TicketsResult",
    "TimeStamp",
    "TrustAnchors",
    "Written",
    "assembled",
    "build",
    "check",
    "demo",
    "doctor",
    "fetch",
    "gates",
    "init",
    "library",
    "new",
    "overview",
    "pin",
    "render",
    "schema",
    "write_schemas",
]


def __getattr__(name: str) -> Any:
    """Import a type when it is first asked for (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
