"""What `doctor` does: the programs that take part, and those that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from findings_report.problems import Kind, Problem

if TYPE_CHECKING:
    from findings_report.model.report import Component


@dataclass(frozen=True)
class Health:
    """What `doctor` finds."""

    components: tuple[Component, ...]
    """What is there, with versions."""
    problems: tuple[Problem, ...]
    """What is missing, with the command that mends it."""


def components() -> tuple[Component, ...]:
    """The programs that take part in making a report, with their versions; those that are missing are left out."""
    import platform

    from findings_report import __version__, git
    from findings_report.model.report import Component
    from findings_report.system.toolchain import library_versions

    found = {"findings-report": __version__, "Python": platform.python_version(), "git": git.version(), **library_versions()}
    return tuple(Component(name=name, version=version) for name, version in found.items() if version is not None)


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
