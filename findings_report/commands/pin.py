"""The commands for audited commits. `pin` writes them to engagement.yaml, and makes links to branches permalinks.

`fetch` clones repositories with a `url` and no local clone into the cache, cited commits only; `cache show` and `cache clear`
list and remove what is kept on this machine, clones and rendered pages.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from findings_report import authoring, git
from findings_report.authoring.proofread import Linked, linked
from findings_report.evidence.source_files import find_clones
from findings_report.forges.permalinks import BranchLink, Homes, build_permalink, find_homes, pin_addresses, rewrite_links
from findings_report.model.engagement import DeclaredRepository, Engagement
from findings_report.model.finding import Finding
from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.problems.safe_text import display_path
from findings_report.report.check import Inputs, Progress, read
from findings_report.system import cache


@dataclass(frozen=True)
class PinResult:
    """The result of `pin`."""

    messages: tuple[str, ...]
    """A line for each repository that is pinned."""
    problems: tuple[Problem, ...]
    """Problems of the repositories that could not be pinned."""
    addresses: Mapping[str, str]
    """Where the code at a pinned commit is shown, by commit; without repositories whose forge is not known."""
    commits: Mapping[str, str]
    """The commit that a repository is pinned to now, by its name."""


def pin(inputs: Inputs, *, to: str | None, only: str | None) -> PinResult:
    """Pin the repositories, see `yaml_editor.pins`. Findings are not read, so they may be half written."""
    from findings_report.authoring.yaml_editor import pins as find_pins
    from findings_report.evidence.source_files import find_clones, open_clones
    from findings_report.system.atomic_files import publish_edited

    folder = authoring.find_folder(inputs.folder)
    # Not the findings: `pin` is run while they are being written.
    authored = authoring.load_engagement(authoring.Folder(folder))
    with (
        authoring.locating(authored),
        open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources,
    ):
        pins, problems = find_pins(authored.engagement, sources, to=to, only=only)
    path = (folder / authoring.ENGAGEMENT).resolve()  # a link stays one
    # `publish_edited` compares the file with `was`: an edit that was saved meanwhile is not lost.
    was = content = path.read_bytes()
    for pin in pins:
        for field, value in pin.written.items():
            content = authoring.set_text(content, ("repositories", pin.name, field), value, shown=display_path(path))
    # An unchanged file keeps its modification time.
    if any(pin.written for pin in pins):
        publish_edited({path: (was, content)})
    addresses: dict[str, str] = {}
    commits: dict[str, str] = {}
    for pin in pins:
        repository = authored.engagement.repositories[pin.name]
        commit = pin.written.get("commit") or repository.commit
        if commit:
            commits[pin.name] = commit
        if commit and (address := build_permalink(repository.web or repository.url, commit)):
            addresses[commit] = address
    return PinResult(tuple(pin.message for pin in pins), authoring.locate(problems, authored), addresses, commits)


@dataclass(frozen=True)
class PinLinksResult:
    """The result of `pin --links`."""

    messages: tuple[str, ...]
    """A line for each link that was pinned."""
    problems: tuple[Problem, ...]
    """A warning for each link that was not pinned, with the reason."""


def pin_links(inputs: Inputs, only: str | None) -> PinLinksResult:
    """Pin every link into the engagement's repositories, or into `only`, that shows the same at the pinned commit.

    Text, comments and layout of the files are not changed. Raises FindingsReportError if nothing was written.
    """
    from findings_report.evidence.source_files import find_clones, open_clones
    from findings_report.system import locked, publish_edited

    folder, authored = read(inputs)
    engagement = authored.engagement
    uses = [use for use in linked(engagement, authored.findings) if only in (None, use.link.repository)]
    with open_clones(find_clones(engagement, folder, inputs.clones), inputs.borrow) as sources:
        answers = pin_addresses((use.link for use in uses), engagement.repositories, sources)
    known = find_homes({name: (repository.web, repository.url) for name, repository in engagement.repositories.items()})
    edited = _edit_files(folder, authored, uses, partial(_rewrite, known, {url: a.url for url, a in answers.items()}))
    with locked(folder):  # that of its readers; `publish` adds those of subfolders
        publish_edited(edited)
    messages: list[str] = []
    left: list[Problem] = []
    for use in uses:
        answer = answers[use.link.url]
        # Located for pinned links as well: the message about them starts with file and line.
        unpinned = Problem(
            Kind.SOURCE,
            f"the link to '{use.link.rest[:80]}' was not changed: {answer.message}",
            subject=use.subject,
            line_offset=use.line_offset,
            level="warning",
            code="link-kept",
        )
        (problem,) = authoring.locate([unpinned], authored)
        if answer.url is None:
            left.append(problem)
        else:
            place = f"{problem.place.file}:{problem.place.line}: " if problem.place else ""
            messages.append(f"{place}{answer.message}: {answer.url}")
    return PinLinksResult(tuple(messages), tuple(left))


def _rewrite(known: Homes, urls: Mapping[str, str | None], text: str) -> str:
    def pin_address(link: BranchLink) -> str | None:
        return urls.get(link.url)

    return rewrite_links(text, known, pin_address)


def _edit_files(
    folder: Path, authored: authoring.Authored, uses: Sequence[Linked], change: Callable[[str], str]
) -> dict[Path, tuple[bytes, bytes]]:
    """Return the content of each file that changes: before and after."""
    files = authoring.Folder(folder)
    names = {PurePosixPath(name).name.removesuffix(authoring.FINDING_SUFFIX): name for name in files.names()}
    names[authoring.ENGAGEMENT_KEY] = authoring.ENGAGEMENT
    texts: dict[str, dict[Subject, Callable[[str], str]]] = defaultdict(dict)
    edited: dict[Path, tuple[bytes, bytes]] = {}
    for use in uses:
        key, *path = use.subject
        # The text of a section is a Markdown file of its own, which is edited as plain text.
        if path[-1] == "file":
            name = authored.engagement.sections[int(path[1])].file or ""
            content = files.read(name) or b""
            edited[folder / name] = content, change(content.decode()).encode()
            continue
        values = authored.documents[str(key)][1].values
        while tuple(path) not in values:  # `recommendation` and `references` may be texts themselves
            path.pop()
        texts[str(key)][tuple(path)] = change
    for key, changes in texts.items():
        content = files.read(names[key]) or b""
        edited[folder / names[key]] = content, authoring.change_texts(content, changes, shown=authored.documents[key][0])
    return {path.resolve(): (was, content) for path, (was, content) in edited.items() if was != content}


@dataclass(frozen=True)
class FetchedRepository:
    """What `fetch` did for one repository."""

    repository: str
    """Its name in engagement.yaml."""
    action: Literal["fetched", "cached", "local", "no-url"]
    """`cached`: all commits were there; `local`: it has a `path`, and nothing was fetched."""
    text: str
    """The same for people; it may have several lines."""
    commits: tuple[str, ...] = ()
    """The cited commits that are there after it was fetched."""
    missing: tuple[str, ...] = ()
    """The cited commits that the repository does not have; the locations that name them stay unchecked."""


def fetch(inputs: Inputs, progress: Progress) -> list[FetchedRepository]:
    """Clone the repositories that have a `url` and no local clone; return what was done for each repository."""
    folder, authored = read(inputs)
    with authoring.locating(authored):
        return fetch_missing(authored.engagement, authored.findings, folder, progress)


def fetch_missing(
    engagement: Engagement, findings: Mapping[str, Finding], folder: Path, progress: Callable[[str], None]
) -> list[FetchedRepository]:
    """Return what was done for each repository; raise FindingsReportError after all were tried.

    `folder` is the engagement's.
    """
    clones = find_clones(engagement, folder, {})
    done: list[FetchedRepository] = []
    problems: list[Problem] = []
    for name, repository in engagement.repositories.items():
        clone = clones[name]
        # A clone in the cache is checked again: the engagement may cite more commits by now.
        if clone is not None and not clone.is_fetched:
            done.append(FetchedRepository(name, "local", f"{name}: there is a clone at {repository.path}"))
        elif repository.url is None:
            done.append(FetchedRepository(name, "no-url", f"{name}: has no url"))
        else:
            progress(f"fetching {name}")
            try:
                done.append(_fetch(name, repository, repository.url, _list_cited_commits(name, engagement, findings)))
            # The other repositories are still cloned.
            except FindingsReportError as error:
                problems += error.problems
    if problems:
        raise FindingsReportError(problems)
    return done


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


def _fetch(name: str, repository: DeclaredRepository, url: str, commits: tuple[str, ...]) -> FetchedRepository:
    """Clone a repository with `commits`, and return what was done, with the commits that it does not have."""
    # A repository that is not pinned needs its revision, or `pin` could not resolve it in the clone.
    revisions = (repository.revision,) if repository.commit is None and repository.revision is not None else ()
    destination = cache.repository_folder(url)
    # A branch or tag may have moved on the server; a commit never changes.
    if not revisions and destination.exists() and _holds(destination, name, commits):
        return FetchedRepository(name, "cached", f"{name}: all cited commits are in the cache already", commits)
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
    text = f"{name}: fetched {', '.join(brought) or 'its heads and tags'}"
    present = tuple(commit for commit in commits if commit in here)
    if missing := tuple(commit for commit in commits if commit not in here):
        named = ", ".join(commit[:12] for commit in missing)
        text += f"\n{name}: has no commit {named}; the locations that name it stay unchecked"
    return FetchedRepository(name, "fetched", text, present, missing)


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
