"""The command `track`: every cited region of an engagement is followed to another commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from findings_report import authoring, git
from findings_report.history.track import CitedPlace, follow, list_places
from findings_report.model.drift import CommitSummary, Drift, DriftKind
from findings_report.problems import FindingsReportError, Kind, Problem, suggestions
from findings_report.report.check import Inputs, Progress, read

if TYPE_CHECKING:
    from findings_report.evidence.resolve import Resolution
    from findings_report.model.engagement import Engagement

_Changes = tuple[CommitSummary, ...]
_MOST_ASKED: Final = 3
"""The number of lines of a deleted region that are looked up in the history."""


@dataclass(frozen=True)
class TrackedPlace:
    """One cited region and its drift."""

    place: CitedPlace
    """Where it is cited."""
    drift: Drift
    """Where the region is at the other commit."""
    changes: tuple[CommitSummary, ...] = ()
    """With --explain: the commits that changed it, newest first, at most 20; for a deleted region, those of its file."""
    ends: tuple[CommitSummary, ...] = ()
    """With --explain, for a deleted region: the commits that removed its most distinctive lines, newest first."""


@dataclass(frozen=True)
class TrackedEngagement:
    """The cited regions of an engagement at another commit."""

    places: tuple[TrackedPlace, ...]
    """By finding, then in the order of the file."""
    commits: Mapping[str, str]
    """The full hash that --to names, by repository."""
    problems: tuple[Problem, ...]
    """Warnings."""


def track(inputs: Inputs, to: str, *, only: str | None, explain: bool, progress: Progress) -> TrackedEngagement:
    """Follow every location, or those of repository `only`, to the commit that `to` names.

    Raises FindingsReportError with every problem of the findings and of their evidence, and when `to` names nothing.
    """
    from findings_report.evidence.source_files import find_clones, open_clones

    folder, authored = read(inputs)
    # Before clones are opened: a wrong name is a slip, and must not cost seconds.
    check_only(authored.engagement, only)
    with (
        authoring.locating(authored),
        open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources,
    ):
        result = follow_places(read_cited(authored, sources, progress), sources, to, only, progress)
        explained, faults = list(result.places), list[Problem]()
        # On request only: `git log -L` walks the history once per region.
        if explain:
            progress("asking history")
            explained, faults = _explain(result.places, sources, result.commits)
    problems = (*authored.warnings, *authoring.locate((*result.problems, *faults), authored))
    return replace(result, places=tuple(explained), problems=tuple(dict.fromkeys(problems)))


def check_only(engagement: Engagement, only: str | None) -> None:
    """Raise FindingsReportError (USAGE) if `only` is no repository of the engagement."""
    names = list(engagement.repositories)
    if only is not None and only not in names:
        fault = f"--only {only!r} is no repository ({', '.join(names)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, suggestions.did_you_mean(only, names), code="no-repository"))


def read_cited(authored: authoring.Authored, sources: Mapping[str, git.Repository | None], progress: Progress) -> Resolution:
    """Return the lines that every location cites. Raise FindingsReportError with every problem if one cannot be read."""
    from findings_report.evidence.resolve import resolve

    progress("reading what is cited")
    resolution = resolve(authored.engagement, authored.findings, sources)
    # All or nothing: a region that could not be read would be missing from the result unnoticed.
    if any(problem.level == "error" for problem in resolution.problems):
        raise FindingsReportError(resolution.problems)
    return resolution


def follow_places(
    resolution: Resolution, sources: Mapping[str, git.Repository | None], to: str, only: str | None, progress: Progress
) -> TrackedEngagement:
    """Return every resolved region at the commit that `to` names. Raise FindingsReportError if `to` names nothing."""
    commits = _commits(sources, to, only)
    progress(f"following it to {to}")
    cited = [place for id, snippets in resolution.snippets.items() for place in list_places(id, snippets)]
    cited = [place for place in cited if only in (None, place.snippet.repository)]
    followed = follow(cited, sources, commits)
    drifts = tuple(TrackedPlace(place, drift) for place, drift in zip(cited, followed.drifts, strict=True))
    return TrackedEngagement(drifts, commits, (*resolution.problems, *followed.problems))


def _commits(sources: Mapping[str, git.Repository | None], to: str, only: str | None) -> dict[str, str]:
    """Return the commit that `to` names in each available repository. Raise FindingsReportError (SOURCE) if there is none."""
    commits: dict[str, str] = {}
    problems: list[Problem] = []
    for name, source in sources.items():
        if source is None or only not in (None, name):
            continue
        commit = source.commit_of(to)
        if commit is None:
            fault = f"--to {to!r} names no commit in repository {name!r}"
            remedy = suggestions.revision(to, source.commit_of)
            # Each repository has its own tags: `v2` may exist in one of them only.
            if only is None and len(sources) > 1:
                remedy = f"take one repository with --only, or {remedy}"
            problems.append(Problem(Kind.SOURCE, fault, remedy, code="revision-missing"))
        else:
            commits[name] = commit
    if problems:
        raise FindingsReportError(problems)
    return commits


def _explain(
    tracked: Sequence[TrackedPlace], sources: Mapping[str, git.Repository | None], commits: Mapping[str, str]
) -> tuple[list[TrackedPlace], list[Problem]]:
    explained: list[TrackedPlace] = []
    problems: list[Problem] = []
    for region in tracked:
        name, commit = region.place.snippet.repository, region.place.snippet.commit
        source = sources.get(name)
        changes: _Changes = ()
        ends: _Changes = ()
        if source is not None and commit is not None and region.drift.kind is not DriftKind.UNVERIFIABLE:
            try:
                changes, ends = _changes(source, region.drift, commit, commits[name])
            # A history that cannot be read, as in a shallow clone, costs the explanation and not the result.
            except FindingsReportError as error:
                problems += (replace(problem, level="warning") for problem in error.problems)
        explained.append(replace(region, changes=changes, ends=ends))
    return explained, problems


def _changes(source: git.Repository, drift: Drift, commit: str, to: str) -> tuple[_Changes, _Changes]:
    """Return the commits that changed a region on the way, and those that deleted it.

    Both sides of the common ancestor are searched.
    """
    base = git.find_merge_base(source, commit, to)
    # Unrelated histories: no commit turned one side into the other.
    if base is None:
        return (), ()
    now = (drift.now.path, drift.now.region) if drift.now else (drift.path, None)
    sides = ((to, *now), (commit, drift.path, drift.region))
    changes: list[CommitSummary] = []
    for newer, path, region in sides:
        if newer != base:
            lines = (region.start_line, region.end_line) if region is not None else None
            changes += git.list_changes(source, base, newer, path=path, lines=lines)
    # If `to` is an ancestor, nothing was deleted there: the region did not exist yet.
    ends = _ends(source, drift, base, to) if drift.kind is DriftKind.DELETED and to != base else ()
    return tuple(changes), ends


def _ends(source: git.Repository, drift: Drift, base: str, to: str) -> tuple[CommitSummary, ...]:
    """Return the last commit that removed each of the most distinctive lines of a deleted region from its file."""
    from findings_report.history.moved_text import select_telling

    paths = dict.fromkeys((drift.path,))
    # The lines may have been deleted after a rename, and `git log` with paths follows none.
    for rename in git.list_renames_along(source, base, to):
        if rename.old in paths:
            paths[rename.new] = None
    gone = [line.text for line in drift.diff if line.new_line is None]
    ends: dict[CommitSummary, None] = {}
    for index in select_telling(gone, _MOST_ASKED):
        # The newest commit only: older ones added the text or moved it.
        ends |= dict.fromkeys(git.list_text_changes(source, base, to, paths=list(paths), text=gone[index].strip())[:1])
    return tuple(sorted(ends, key=lambda change: change.date, reverse=True))
