"""TODO trackers."""

from findings_report.tickets.trackers.open import Depot, Desk, Tracker, open_tracker, parse_ref

__all__ = ["Depot", "Desk", "Tracker", "open_tracker", "parse_ref"]
