"""What `track` does: every cited region of an engagement is followed to another commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from findings_report import git, meant
from findings_report.errors import FindingsReportError, Kind, Problem
from findings_report.model.drift import Drift, DriftKind
from findings_report.model.evidence import Region, Snippet
from findings_report.pipeline.inputs import Inputs, Progress, read

if TYPE_CHECKING:
    from findings_report.track import Cited


@dataclass(frozen=True)
class Followed:
    """One region of a location, and what became of it."""

    id: str
    """The finding."""
    location: int
    """0-based position of the location in its finding."""
    name: str | None
    """The location's name."""
    repository: str
    """Name of the repository in the engagement."""
    commit: str | None
    """The commit cited, full hash; None when not known."""
    drift: Drift
    """What became of it."""
    changes: tuple[git.Change, ...] = ()
    """With --explain: the commits that changed it, newest first, at most 20."""


@dataclass(frozen=True)
class Following:
    """What `track` finds."""

    regions: tuple[Followed, ...]
    """By finding, then as they were written."""
    commits: Mapping[str, str]
    """What --to names in each repository, by its name: full hashes."""
    problems: tuple[Problem, ...]
    """Warnings, located."""


def track(inputs: Inputs, to: str, *, only: str | None, explain: bool, progress: Progress) -> Following:
    """Follows every location, or those of repository `only`, to the commit that `to` names.

    Raises FindingsReportError with every problem of the findings and of their evidence, and when `to` names nothing.
    """
    from findings_report.clones import find_clones, open_clones
    from findings_report.resolve import resolve

    folder, authored = read(inputs)
    engagement = authored.engagement
    names = list(engagement.repositories)
    if only is not None and only not in names:
        fault = f"--only {only!r} is no repository ({', '.join(names)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, meant.did_you_mean(only, names)))
    problems = list(authored.warnings)
    try:
        with open_clones(find_clones(engagement, folder, inputs.clones), inputs.borrow) as sources:
            progress("reading what is cited")
            found = resolve(engagement, authored.findings, sources)
            if any(problem.level == "error" for problem in found.problems):
                raise FindingsReportError(found.problems)
            commits = _commits(sources, to, only)
            progress(f"following it to {to}")
            cited = [(id, snippet) for id, listed in found.snippets.items() for snippet in listed]
            wanted = [(id, snippet) for id, snippet in cited if only in (None, snippet.repository)]
            regions, faults = _regions(wanted, sources, commits)
            if explain:
                progress("asking history")
                regions, more = _explained(regions, sources, commits)
                faults += more
            problems += [*found.problems, *faults]
    except FindingsReportError as error:
        raise FindingsReportError(authored.located(problem) for problem in error.problems) from None
    return Following(tuple(regions), commits, tuple(dict.fromkeys(authored.located(problem) for problem in problems)))


def _commits(sources: Mapping[str, git.Repository | None], to: str, only: str | None) -> dict[str, str]:
    """What `to` names in each repository at hand. Raises FindingsReportError (SOURCE) where it names nothing."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, source in sources.items():
        if source is None or only not in (None, name):
            continue
        commit = source.commit_of(to)
        if commit is None:
            fault = f"--to {to!r} names no commit in repository {name!r}"
            remedy = meant.revision(to, source.commit_of)
            if only is None and len(sources) > 1:
                remedy = f"take one repository with --only, or {remedy}"
            problems.append(Problem(Kind.SOURCE, fault, remedy, code="revision-missing"))
        else:
            found[name] = commit
    if problems:
        raise FindingsReportError(problems)
    return found


def _regions(
    cited: Sequence[tuple[str, Snippet]], sources: Mapping[str, git.Repository | None], commits: Mapping[str, str]
) -> tuple[list[Followed], list[Problem]]:
    """Every region of every snippet, those of a repository and commit followed together."""
    from findings_report.track import track as follow

    together: dict[tuple[str, str], list[Cited]] = defaultdict(list)
    each = [(id, snippet, region) for id, snippet in cited for region in _cited(snippet)]
    for _, snippet, region in each:
        if snippet.commit is not None and snippet.repository in commits:
            together[snippet.repository, snippet.commit].append(region)
    drifts: dict[tuple[str, str, Cited], Drift] = {}
    problems: list[Problem] = []
    for (name, commit), listed in together.items():
        source = sources[name]
        assert source is not None  # noqa: S101  # it resolved the commit
        tracked = follow(source, list(dict.fromkeys(listed)), commit=commit, to=commits[name])
        drifts |= {(name, commit, drifted): drift for drifted, drift in zip(dict.fromkeys(listed), tracked.drifts, strict=True)}
        problems += tracked.problems
    return [
        Followed(
            id,
            snippet.index,
            snippet.name,
            snippet.repository,
            snippet.commit,
            drifts.get((snippet.repository, snippet.commit or "", region)) or _unread(snippet, region),
        )
        for id, snippet, region in each
    ], problems


def _cited(snippet: Snippet) -> list[Cited]:
    """The regions of a location, with the lines that its quote has; the printed lines where it cites a whole file."""
    from findings_report.track import Cited

    quoted = [line for found in snippet.check.found for line in range(found.start_line, found.end_line + 1)]
    numbers = [line.number for run in snippet.runs for line in run.lines if line.number is not None]
    whole = (Region(start_line=min(numbers), end_line=max(numbers)),) if numbers else ()
    return [
        Cited(snippet.path, region, tuple(line for line in quoted if line in region)) for region in snippet.regions or whole
    ]


def _unread(snippet: Snippet, cited: Cited) -> Drift:
    reason = f"repository '{snippet.repository}' is not at hand"
    return Drift(path=cited.path, region=cited.region, kind=DriftKind.UNVERIFIABLE, reason=reason)


def _explained(
    regions: Sequence[Followed], sources: Mapping[str, git.Repository | None], commits: Mapping[str, str]
) -> tuple[list[Followed], list[Problem]]:
    explained: list[Followed] = []
    problems: list[Problem] = []
    for each in regions:
        source = sources.get(each.repository)
        changes: tuple[git.Change, ...] = ()
        if source is not None and each.commit is not None and each.drift.kind is not DriftKind.UNVERIFIABLE:
            try:
                changes = _changes(source, each, each.commit, commits[each.repository])
            except FindingsReportError as error:
                problems += (replace(problem, level="warning") for problem in error.problems)
        explained.append(replace(each, changes=changes))
    return explained, problems


def _changes(source: git.Repository, each: Followed, commit: str, to: str) -> tuple[git.Change, ...]:
    """The commits that changed a region on the way: back to the common ancestor, and forward from there."""
    base = git.merge_base(source, commit, to)
    if base is None:
        return ()
    drift = each.drift
    now = (drift.now.path, drift.now.region) if drift.now else (drift.path, None)
    sides = ((to, *now), (commit, drift.path, drift.region))
    found: list[git.Change] = []
    for newer, path, region in sides:
        if newer != base:
            lines = (region.start_line, region.end_line) if region is not None else None
            found += git.changes_of(source, base, newer, path=path, lines=lines)
    return tuple(found)
