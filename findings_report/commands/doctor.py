"""The command `doctor`: the installed dependencies with their versions, and the missing ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from findings_report.problems import Kind, Problem
from findings_report.report.provenance import components

if TYPE_CHECKING:
    from findings_report.model.report import Component


@dataclass(frozen=True)
class Health:
    """The dependencies of this program."""

    components: tuple[Component, ...]
    """The installed ones, with versions."""
    problems: tuple[Problem, ...]
    """The missing ones, each with the command that installs it."""


def doctor() -> Health:
    """Return the installed and the missing dependencies."""
    from findings_report import git
    from findings_report.system.toolchain import INSTALL, missing_libraries

    problems: list[Problem] = []
    # The kinds give the exit code of the step that would fail: reading quotes without git, writing a PDF without
    # Pango.
    if git.version() is None:
        problems.append(Problem(Kind.SOURCE, "git is missing", "apt-get install git", code="no-git"))
    if missing := missing_libraries():
        problems.append(Problem(Kind.OUTPUT, f"PDF needs {', '.join(missing)}", INSTALL, code="no-pango"))
    return Health(components(), tuple(problems))
