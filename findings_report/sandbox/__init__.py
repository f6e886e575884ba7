"""TODO sandbox."""

from findings_report.sandbox.child_process import Answer, Child, ask, kill, run, started
from findings_report.sandbox.problems import Limits
from findings_report.sandbox.restrict import landlock_version

__all__ = ["Answer", "Child", "Limits", "ask", "kill", "landlock_version", "run", "started"]
