"""Issue trackers, one file each, behind three protocols.

In: the environment, with addresses and tokens; references such as `redmine:17`; files and texts in the markup of the tracker.
Out: tickets, projects and files as values of `model.ticket`. The trackers must not know findings, reports or the lock file.
"""

from findings_report.tickets.trackers.open import (
    TRACKERS,
    AttachmentReader,
    DeliveryRemover,
    TicketCloser,
    TicketWriter,
    Tracker,
    TrackerType,
    open_tracker,
    parse_ref,
)

__all__ = [
    "TRACKERS",
    "AttachmentReader",
    "DeliveryRemover",
    "TicketCloser",
    "TicketWriter",
    "Tracker",
    "TrackerType",
    "open_tracker",
    "parse_ref",
]
