"""What is kept on this machine: `fetch` clones repositories with a `url` and no local clone into the cache, cited commits only;
`cache show` and `cache clear` list and remove what is there, clones and rendered pages.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from findings_report import authoring, git
from findings_report.evidence.source_files import find_clones
from findings_report.model.engagement import DeclaredRepository, Engagement
from findings_report.model.finding import Finding
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.report.check import Inputs, Progress, read
from findings_report.system import cache


def fetch(inputs: Inputs, progress: Progress) -> list[str]:
    """Clone the repositories that have a `url` and no local clone; return a line for each repository."""

    folder, authored = read(inputs)
    with authoring.locating(authored):
        return fetch_missing(authored.engagement, authored.findings, folder, progress)


def fetch_missing(
    engagement: Engagement, findings: Mapping[str, Finding], folder: Path, progress: Callable[[str], None]
) -> list[str]:
    """Return a line for each repository. `folder` is the engagement's. Raise FindingsReportError after all were tried."""
    clones = find_clones(engagement, folder, {})
    messages: list[str] = []
    problems: list[Problem] = []
    for name, repository in engagement.repositories.items():
        clone = clones[name]
        # A clone in the cache is checked again: the engagement may cite more commits by now.
        if clone is not None and not clone.is_fetched:
            messages.append(f"{name}: there is a clone at {repository.path}")
        elif repository.url is None:
            messages.append(f"{name}: has no url")
        else:
            progress(f"fetching {name}")
            try:
                messages += _fetch(name, repository, repository.url, _list_cited_commits(name, engagement, findings))
            # The other repositories are still cloned.
            except FindingsReportError as error:
                problems += error.problems
    if problems:
        raise FindingsReportError(problems)
    return messages


def _list_cited_commits(name: str, engagement: Engagement, findings: Mapping[str, Finding]) -> tuple[str, ...]:
    """Return the commits of a repository that are cited: its own and those of single locations."""
    # With one repository, locations do not have to name it.
    only = len(engagement.repositories) == 1
    commits = {engagement.repositories[name].commit}
    for finding in findings.values():
        for location in finding.locations:
            if location.repository == name or (only and location.repository is None):
                commits.add(location.commit)
    return tuple(sorted(commit for commit in commits if commit is not None))


def _fetch(name: str, repository: DeclaredRepository, url: str, commits: tuple[str, ...]) -> list[str]:
    """Clone a repository with `commits`, and return a line that says so, and one for the commits that it does not have."""
    # A repository that is not pinned needs its revision, or `pin` could not resolve it in the clone.
    revisions = (repository.revision,) if repository.commit is None and repository.revision is not None else ()
    destination = cache.repository_folder(url)
    # A branch or tag may have moved on the server; a commit never changes.
    if not revisions and destination.exists() and _holds(destination, name, commits):
        return [f"{name}: all cited commits are in the cache already"]
    # Readable by this user only: the clones are the client's code.
    cache.make_private(destination.parent)
    fresh = destination.with_suffix(".new")  # the old clone stays until the new one is whole
    shutil.rmtree(fresh, ignore_errors=True)
    # One location's commit that a force push has taken away must not keep the others from being checked.
    required = [commit for commit in commits if commit == repository.commit]
    here = git.fetch_repository(url, fresh, revisions=revisions, commits=required, optional=commits)
    shutil.rmtree(destination, ignore_errors=True)
    fresh.rename(destination)
    brought = [*revisions, *(commit[:12] for commit in commits if commit in here)]
    messages = [f"{name}: fetched {', '.join(brought) or 'its heads and tags'}"]
    if missing := [commit[:12] for commit in commits if commit not in here]:
        messages.append(f"{name}: has no commit {', '.join(missing)}; the locations that name it stay unchecked")
    return messages


def _holds(clone: Path, name: str, commits: tuple[str, ...]) -> bool:
    try:
        with git.open_repository(clone, name=name) as repository:
            return all(repository.has_commit(commit) for commit in commits)
    # A damaged clone counts as missing, and is replaced.
    except FindingsReportError:
        return False


def show_cache() -> list[cache.CachedFolder]:
    """Return what is in the cache, the most recently used first. Raise FindingsReportError if it cannot be read."""
    return cache.list_cached()


def clear_cache(engagement: Path | None) -> list[cache.CachedFolder]:
    """Remove the pages of an engagement and the clones of its repositories, or all of the cache, and return what was there.

    The engagement may be gone: its pages are found by the path that they were made for. Raise FindingsReportError (USAGE) for
    one of which nothing is known.
    """
    cached = cache.list_cached()
    if engagement is not None:
        cached = [entry for entry in cached if entry.folder in _folders_of(engagement)]
        if not cached and not engagement.exists():
            fault = f"there is no folder {display_path(engagement)}, and nothing of it in the cache"
            remedy = "`findings-report cache show` lists what is there"
            raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="no-folder"))
    cache.remove_cached(cached)
    return cached


def _folders_of(engagement: Path) -> set[Path]:
    """Return the folders that the cache may have for an engagement: of its pages, and of its repositories."""
    try:
        folder = authoring.find_folder(engagement)
        repositories = authoring.load_engagement(authoring.Folder(folder)).engagement.repositories
        clones = {cache.repository_folder(repository.url) for repository in repositories.values() if repository.url}
    # One that was removed, or cannot be read, still has pages.
    except FindingsReportError:
        return {cache.pages_folder(path) for path in (engagement, engagement / authoring.FOLDER)}
    return {cache.pages_folder(folder), *clones}
