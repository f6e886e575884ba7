"""The clone of each repository of an engagement: named on the command line, in engagement.yaml, or fetched before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from findings_report import cache, git
from findings_report.errors import FindingsReportError, Kind, Problem
from findings_report.model.finding import Engagement


@dataclass(frozen=True)
class Clone:
    """Where one repository's clone is."""

    path: Path
    """The folder."""
    is_fetched: bool = False
    """True when `fetch` made it: it holds the pinned commits only."""


def find_clones(engagement: Engagement, folder: Path, overrides: Mapping[str, Path]) -> dict[str, Clone | None]:
    """The clone of each repository by name; None when none is at hand. `folder` is the engagement's.

    Raises FindingsReportError (USAGE) when `overrides` name a repository that the engagement does not have.
    """
    names = list(engagement.repositories)
    if unknown := [name for name in overrides if name not in names]:
        fault = f"--repository names {unknown[0]!r}; the engagement has {', '.join(names) or 'no repository'}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="no-repository"))
    found: dict[str, Clone | None] = {}
    for name, repository in engagement.repositories.items():
        fetched = cache.repository_folder(repository.url) if repository.url else None
        local = folder / Path(repository.path).expanduser() if repository.path else None
        if name in overrides:
            found[name] = Clone(overrides[name])
        elif local is not None and local.exists():
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
                subject = ("engagement", "repositories", name, "path")
                problems += (replace(problem, subject=problem.subject or subject) for problem in error.problems)
        if problems:
            raise FindingsReportError(problems)
        yield opened
