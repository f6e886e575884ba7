"""What `doctor` does: the programs that take part, and those that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from findings_report.problems import Kind, Problem
from findings_report.report.provenance import components

if TYPE_CHECKING:
    from findings_report.model.report import Component


@dataclass(frozen=True)
class Health:
    """What `doctor` finds."""

    components: tuple[Component, ...]
    """What is there, with versions."""
    problems: tuple[Problem, ...]
    """What is missing, with the command that mends it."""


def doctor() -> Health:
    """What this machine has, and what it lacks."""
    from findings_report import git
    from findings_report.system.toolchain import INSTALL, missing_libraries

    problems: list[Problem] = []
    if git.version() is None:
        problems.append(Problem(Kind.SOURCE, "git is missing", "apt-get install git", code="no-git"))
    if missing := missing_libraries():
        problems.append(Problem(Kind.OUTPUT, f"PDF needs {', '.join(missing)}", INSTALL, code="no-pango"))
    return Health(components(), tuple(problems))
