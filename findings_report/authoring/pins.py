"""Revision -> commit, for each repository of an engagement: what `pin` writes down, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from findings_report.model.engagement import DeclaredRepository, Engagement
from findings_report.problems import FindingsReportError, Kind, Problem, suggestions


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


def pins(
    engagement: Engagement, sources: Mapping[str, Revisions | None], *, to: str | None, only: str | None
) -> tuple[list[Pin], list[Problem]]:
    """One Pin for each repository, or for `only`, and a problem for each that has none.

    Without `to`, repositories that have a commit are left alone. Raises FindingsReportError (USAGE) for an unknown name or an
    unclear `to`.
    """
    names = list(engagement.repositories)
    if only is not None and only not in names:
        fault = f"--only {only!r} is no repository ({', '.join(names)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, suggestions.did_you_mean(only, names), code="no-repository"))
    chosen = [only] if only is not None else names
    if to is not None and len(chosen) > 1:
        fault = f"--to moves one repository, and the engagement has {', '.join(names)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name it with --only", code="options"))
    found = [_pin(name, engagement.repositories[name], sources.get(name), to) for name in chosen]
    return [each for each in found if isinstance(each, Pin)], [each for each in found if isinstance(each, Problem)]


def _pin(name: str, repository: DeclaredRepository, source: Revisions | None, to: str | None) -> Pin | Problem:
    if to is None and repository.commit is not None:
        return _pinned(name, repository, repository.commit, source)
    revision = to or repository.revision
    subject = ("engagement", "repositories", name)
    if revision is None:
        remedy = "write the tag or branch that was agreed under `revision`"
        return _problem("has no `revision` to pin", subject, remedy, Kind.INPUT)
    if source is None:
        remedy = f"name one with --repository {name}=PATH"
        remedy += ", or run `findings-report fetch`" if repository.url is not None else ""
        if repository.path is None:
            return _problem("has no clone at hand", subject, remedy)
        fault = f"has no clone at hand: there is nothing at {repository.path!r}, seen from engagement.yaml"
        return _problem(fault, (*subject, "path"), f"mend `path`, or {remedy}")
    commit = source.commit_of(revision)
    if commit is None and to is not None:
        return _problem(f"has no revision {to!r}, which --to names", subject, suggestions.revision(to, source.commit_of))
    if commit is None:
        remedy = suggestions.revision(revision, source.commit_of)
        return _problem(f"has no revision {revision!r}", (*subject, "revision"), remedy)
    written = {"commit": commit} if to is None or to == repository.revision else {"revision": revision, "commit": commit}
    if repository.commit == commit:
        return Pin(name, {}, f"{name}: {revision} is {commit} already")
    return Pin(name, written, f"{name}: pinned {revision} to {commit}")


def _pinned(name: str, repository: DeclaredRepository, commit: str, source: Revisions | None) -> Pin | Problem:
    """What is told of a repository that has a commit. A `revision` that was changed by hand is not followed: it may as well
    be a tag that somebody moved."""
    revision = repository.revision
    if source is not None and revision is not None and source.commit_of(revision) not in (None, commit):
        fault = f"the repository {name} stays pinned to {commit}, and {revision!r} names another commit now"
        remedy = f"move the pin with `findings-report pin --to {revision} --only {name}`"
        subject = ("engagement", "repositories", name, "revision")
        return Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="revision-moved")
    return Pin(name, {}, f"{name}: already pinned to {commit}")


def _problem(fault: str, subject: tuple[str, ...], remedy: str, kind: Kind = Kind.SOURCE) -> Problem:
    return Problem(kind, f"the repository {subject[2]} {fault}", remedy, subject=subject, code="pin")
