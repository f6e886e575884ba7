"""Messages for a user: problems, the catalogue of their codes, suggestions, text that is safe for a terminal.

In: texts. Out: `Problem` values, raised together in a `FindingsReportError`, and their exit code. The lowest layer: it must not
know YAML, git, rendering or the terminal.
"""

from findings_report.problems.catalogue import (
    FindingsReportError,
    Kind,
    Level,
    Place,
    Problem,
    Subject,
    exit_code,
    system_fault,
    system_problem,
)

__all__ = [
    "FindingsReportError",
    "Kind",
    "Level",
    "Place",
    "Problem",
    "Subject",
    "exit_code",
    "system_fault",
    "system_problem",
]
