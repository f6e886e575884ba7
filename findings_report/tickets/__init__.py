"""Findings and reports on issue trackers: `attach`, `create`, `sync` and `export`, one module each.

In: a checked engagement or files, options, and the environment with addresses and tokens. Out: a `TicketsResult` with messages
and problems; tickets, comments and attachments on trackers; `tickets.lock.yaml`. The folder must not know the terminal, nor how
a report is built: `commands.tickets` hands over the files.

Functions have the names of their modules, so they are imported from there, as in `tickets.sync.sync`. The types below are
loaded on first use, because `attach` imports the comparison of reports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings_report.tickets.attach import Attachments, AttachOptions, attachment_stem
    from findings_report.tickets.create import CreateOptions
    from findings_report.tickets.http.credentials import Environment
    from findings_report.tickets.session import TicketsResult
    from findings_report.tickets.sync import SyncOptions

_MODULES = {
    "AttachOptions": "attach",
    "Attachments": "attach",
    "CreateOptions": "create",
    "Environment": "http.credentials",
    "SyncOptions": "sync",
    "TicketsResult": "session",
    "attachment_stem": "attach",
}

__all__ = [
    "AttachOptions",
    "Attachments",
    "CreateOptions",
    "Environment",
    "SyncOptions",
    "TicketsResult",
    "attachment_stem",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"findings_report.tickets.{_MODULES[name]}"), name)
