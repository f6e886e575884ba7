"""Revision -> commit, for each repository of an engagement: what `pin` writes down, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from findings_report.errors import FindingsReportError, Kind, Problem
from findings_report.model.finding import Engagement, Repository


class Revisions(Protocol):
    """What knows the commits of a repository."""

    def commit_of(self, revision: str) -> str | None:
        """The full hash that `revision` names now; None when it names nothing."""


@dataclass(frozen=True)
class Pin:
    """What is to be done about one repository."""

    name: str
    """The repository."""
    written: Mapping[str, str]
    """Fields to set in engagement.yaml: `commit`, and `revision` with --to; empty when there is nothing to do."""
    said: str
    """What the user is told."""


def pins(engagement: Engagement, sources: Mapping[str, Revisions | None], *, to: str | None, only: str | None) -> list[Pin]:
    """One Pin for each repository, or for `only`. Without `to`, repositories that have a commit are left alone.

    Raises FindingsReportError: USAGE for an unknown name or an unclear `to`, SOURCE for revisions that name nothing.
    """
    names = list(engagement.repositories)
    if only is not None and only not in names:
        raise FindingsReportError(Problem(Kind.USAGE, f"--only {only!r} is no repository ({', '.join(names)})"))
    chosen = [only] if only is not None else names
    if to is not None and len(chosen) > 1:
        fault = f"--to moves one repository, and the engagement has {', '.join(names)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name it with --only"))
    problems: list[Problem] = []
    found: list[Pin] = []
    for name in chosen:
        try:
            found.append(_pin(name, engagement.repositories[name], sources.get(name), to))
        except FindingsReportError as error:
            problems += error.problems
    if problems:
        raise FindingsReportError(problems)
    return found


def _pin(name: str, repository: Repository, source: Revisions | None, to: str | None) -> Pin:
    if to is None and repository.commit is not None:
        return Pin(name, {}, f"{name}: already pinned to {repository.commit}")
    revision = to or repository.revision
    subject = ("engagement", "repositories", name)
    if revision is None:
        raise _fault(
            "has no `revision` to pin", subject, "write the tag or branch that was agreed under `revision`", Kind.INPUT
        )
    if source is None:
        raise _fault("has no clone at hand", subject, f"name one with --repository {name}=PATH, or run `findings-report fetch`")
    commit = source.commit_of(revision)
    if commit is None:
        raise _fault(f"has no revision {revision!r}", (*subject, "revision"), "fetch it into the clone, or name another")
    written = {"commit": commit} if to is None or to == repository.revision else {"revision": revision, "commit": commit}
    if repository.commit == commit:
        return Pin(name, {}, f"{name}: {revision} is {commit} already")
    return Pin(name, written, f"{name}: pinned {revision} to {commit}")


def _fault(fault: str, subject: tuple[str, ...], remedy: str, kind: Kind = Kind.SOURCE) -> FindingsReportError:
    name = subject[2]
    return FindingsReportError(Problem(kind, f"the repository {name} {fault}", remedy, subject=subject, code="pin"))
