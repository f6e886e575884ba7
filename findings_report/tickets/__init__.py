"""Findings and reports on issue trackers: `attach`, `create_and_sync` and `drafts`, which exports them.

In: a checked engagement or files, options, and the environment with addresses and tokens. Out: a `TicketsResult` with messages
and problems; tickets, comments and attachments on trackers; `tickets.lock.yaml`. The folder must not know the terminal, nor how
a report is built: `commands.tickets` hands over the files.

Functions are imported from their modules, as in `tickets.attach.attach`. The types below are
loaded on first use, because `attach` imports the comparison of reports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findings_report.tickets.attach import Attachments, AttachOptions, attachment_stem
    from findings_report.tickets.create_and_sync import CreateOptions, SyncOptions
    from findings_report.tickets.http.credentials import Environment
    from findings_report.tickets.session import TicketsResult

_MODULES = {
    "AttachOptions": "attach",
    "Attachments": "attach",
    "CreateOptions": "create_and_sync",
    "Environment": "http.credentials",
    "SyncOptions": "create_and_sync",
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
