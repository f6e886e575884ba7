"""A link that names a branch -> the same link at the pinned commit, where it shows what it showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from findings_report.branchlink import BranchLink
from findings_report.model.engagement import Repository
from findings_report.problems import FindingsReportError
from findings_report.sourcecode.lines import decode


class Entry(Protocol):
    """What stands at a path."""

    @property
    def kind(self) -> str:
        """file, symlink, submodule or folder."""

    @property
    def id(self) -> str:
        """Id of its content."""


class Source(Protocol):
    """What is asked of a repository at hand."""

    def commit_of(self, revision: str) -> str | None:
        """The full hash that `revision` names now; None when it names nothing."""

    def entry(self, commit: str, path: str) -> Entry | None:
        """What stands at `path`; None when nothing does."""

    def blob(self, id: str) -> bytes:
        """The content of a file."""


@dataclass(frozen=True)
class Relinked:
    """What is to be done about one link."""

    url: str | None
    """The pinned address; None leaves the link as it is."""
    said: str
    """What the user is told: what it names now, or why nothing was done."""


def relink(link: BranchLink, repository: Repository, source: Source | None) -> Relinked:
    """The link at the repository's commit, if the branch names that commit or the marked lines are equal there."""
    if repository.commit is None:
        return Relinked(None, f"the repository {link.repository} has no `commit` to name: run `findings-report pin`")
    if source is None:
        return Relinked(None, f"there is no clone of {link.repository} to see what the link shows")
    try:
        return _relink(link, repository.commit, source)
    except FindingsReportError as error:
        return Relinked(None, error.problems[0].fault)


def _relink(link: BranchLink, commit: str, source: Source) -> Relinked:
    found = next((split for split in link.splits() if _named(split[0], source) is not None), None)
    if found is None:
        return Relinked(None, "the clone has no such branch or tag")
    revision, path = found
    named = _named(revision, source) or ""
    if (fault := _difference(link, path, named, commit, source)) is not None:
        return Relinked(None, f"{fault} at {revision}, which is {named[:12]} now, and at the pinned {commit[:12]}")
    return Relinked(link.pinned(path, commit), f"{revision} -> {commit[:12]}")


def _named(revision: str, source: Source) -> str | None:
    # what was fetched last is nearer to what the forge shows than a branch of the auditor's own
    return source.commit_of(f"refs/remotes/origin/{revision}") or source.commit_of(revision)


def _difference(link: BranchLink, path: str, named: str, commit: str, source: Source) -> str | None:
    """Why the link does not show the same at both commits; None when it does."""
    if not path:
        return None if named == commit else "the files are not the same"
    there, here = source.entry(named, path), source.entry(commit, path)
    if there is None or here is None:
        return f"{path} does not stand both"
    if (there.kind, there.id) == (here.kind, here.id):
        return None
    if link.lines is None or {there.kind, here.kind} != {"file"}:
        return f"{path} is not the same"
    if _cited(link, source.blob(there.id)) == _cited(link, source.blob(here.id)):
        return None
    return f"lines {link.lines} of {path} are not the same"


def _cited(link: BranchLink, content: bytes) -> Sequence[str]:
    region = link.lines
    return decode(content).lines[region.start_line - 1 : region.end_line] if region else ()
