"""TODO problems."""

from findings_report.problems.problem import FindingsReportError, Kind, Level, Place, Problem, Subject, exit_code

__all__ = ["FindingsReportError", "Kind", "Level", "Place", "Problem", "Subject", "exit_code"]
