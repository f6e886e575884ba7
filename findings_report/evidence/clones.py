"""The clone of each repository of an engagement: named on the command line, in engagement.yaml, or fetched before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from findings_report import git
from findings_report.model.engagement import Engagement
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.system import cache


@dataclass(frozen=True)
class Clone:
    """Where one repository's clone is."""

    path: Path
    """The folder."""
    is_fetched: bool = False
    """True when `fetch` made it: it holds the pinned commits only."""
    is_given: bool = False
    """True when the command line named it, not engagement.yaml."""


def find_clones(engagement: Engagement, folder: Path, overrides: Mapping[str, Path]) -> dict[str, Clone | None]:
    """Return the clone of each repository by name; None when none is available. `folder` is the engagement's.

    `overrides` are by name; an empty one means the only repository there is. Raises FindingsReportError (USAGE) when they name
    a repository that the engagement does not have.
    """
    names = list(engagement.repositories)
    if "" in overrides:
        if len(names) != 1:
            known = ", ".join(names) or "the engagement has none"
            fault = f"--repository {str(overrides[''])!r} does not name a repository ({known})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "write NAME=PATH", code="no-repository"))
        overrides = {names[0]: overrides[""]} | {name: path for name, path in overrides.items() if name}
    if unknown := [name for name in overrides if name not in names]:
        fault = f"--repository names {unknown[0]!r}; the engagement has {', '.join(names) or 'no repository'}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="no-repository"))
    found: dict[str, Clone | None] = {}
    for name, repository in engagement.repositories.items():
        fetched = cache.repository_folder(repository.url) if repository.url else None
        local = folder / os.path.expanduser(repository.path) if repository.path else None  # noqa: PTH111 - never raises
        if name in overrides:
            found[name] = Clone(overrides[name], is_given=True)
        elif local is not None and os.path.exists(local):  # noqa: PTH110 - Path.exists raises on what it may not look at
            found[name] = Clone(local)
        elif fetched is not None and fetched.exists():
            found[name] = Clone(fetched, is_fetched=True)
        else:
            found[name] = None
    return found


@contextmanager
def open_clones(clones: Mapping[str, Clone | None], borrow: Sequence[Path]) -> Iterator[dict[str, git.Repository | None]]:
    """Every clone opened; closed again at the end. Raises FindingsReportError (SOURCE) with all that cannot be opened."""
    with ExitStack() as stack:
        opened: dict[str, git.Repository | None] = {}
        problems: list[Problem] = []
        for name, clone in clones.items():
            try:
                opened[name] = (
                    stack.enter_context(git.open_repository(clone.path, name=name, borrow=tuple(borrow))) if clone else None
                )
            except FindingsReportError as error:
                subject = None if clone and clone.is_given else ("engagement", "repositories", name, "path")
                problems += (replace(problem, subject=problem.subject or subject) for problem in error.problems)
        if problems:
            raise FindingsReportError(problems)
        yield opened
