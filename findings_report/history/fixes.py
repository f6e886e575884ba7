"""The evidence of a comparison: what a report cites, at the commits of the other, and the commits that its fixes name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from findings_report.forges.permalinks import build_permalink
from findings_report.history.track import CitedPlace, follow, list_places
from findings_report.model.comparison import FixCommit, FixState, TrackedRegion
from findings_report.model.drift import Drift, DriftKind
from findings_report.problems import FindingsReportError
from findings_report.sourcecode.lines import is_informative

if TYPE_CHECKING:
    from findings_report import git
    from findings_report.model.report import Report, ReportedFinding, ReportedRepository

# Several git processes for each; a list of more commits is the history of a branch, not a fix.
_MOST_LOOKED_UP: Final = 500
# Each reads what up to 1,000 commits did to the files of the fix.
_MOST_SEARCHED: Final = 50
_MOST_SIMILAR: Final = 3
_CONTAINED: Final = 0.8
"""Share of the lines of a fix that a commit must change too to be named as one that may contain it."""


@dataclass(frozen=True)
class FollowedFindings:
    """What a report cites, followed."""

    regions: Mapping[str, tuple[TrackedRegion, ...]]
    """By finding, every cited region in the order of its locations."""
    limits: tuple[str, ...]
    """What could not be followed and why, in sentences."""


def follow_findings(
    findings: Sequence[ReportedFinding], other: Report, repositories: Mapping[str, git.Repository | None]
) -> FollowedFindings:
    """Return what `findings` cite, at the commits of the `other` report; `repositories` are the available ones, by name."""
    targets = {repository.name: repository for repository in other.engagement.repositories}
    cited = [place for finding in findings for place in list_places(finding.id, finding.snippets)]
    followed = follow(cited, repositories, {name: target.commit for name, target in targets.items()})
    regions: dict[str, list[TrackedRegion]] = {finding.id: [] for finding in findings}
    for place, drift in zip(cited, followed.drifts, strict=True):
        regions[place.finding].append(_describe_region(place, targets.get(place.snippet.repository), drift))
    limits = tuple(f"{problem.fault[:1].upper()}{problem.fault[1:]}." for problem in followed.problems)
    return FollowedFindings({id: tuple(tracked) for id, tracked in regions.items()}, limits)


def _describe_region(place: CitedPlace, target: ReportedRepository | None, drift: Drift) -> TrackedRegion:
    now, snippet = drift.now, place.snippet
    address = None
    if now is not None and target is not None and target.commit is not None:
        address = build_permalink(target.url, target.commit, now.path, [now.region])
    return TrackedRegion(
        location=snippet.index,
        name=snippet.name,
        repository=snippet.repository,
        language=snippet.language,
        permalink=address,
        drift=drift,
    )


@dataclass(frozen=True)
class Fixes:
    """Looks up the commits that fixes name, in the available clones."""

    repositories: Mapping[str, git.Repository | None]
    """The available ones, by name."""
    before: Mapping[str, str | None]
    """The commits of the earlier report, by repository."""
    after: Mapping[str, str | None]
    """Those of the later one."""
    limits: dict[str, None] = field(default_factory=dict)
    """What could not be looked up and why, in sentences, each once."""
    asked: list[str] = field(default_factory=list)
    """What was asked for so far."""
    searched: list[str] = field(default_factory=list)
    """The commits whose changes were looked for under another hash."""
    unsearchable: list[str] = field(default_factory=list)
    """The repositories in which that failed."""

    def of(self, finding: ReportedFinding, baseline: ReportedFinding | None) -> tuple[FixCommit, ...]:
        """Return the state of each commit that the finding's `fix` names.

        `baseline` is the finding as it was; None when it is new.
        """
        if finding.fix is None:
            return ()
        places = list_places(baseline.id, baseline.snippets) if baseline else ()
        cited = [place for place in places if place.unknown is None]
        # A commit id does not say whose it is, and a fix may be in a repository that the finding does not cite.
        names = list(dict.fromkeys([*(place.snippet.repository for place in cited), *self.after]))
        return tuple(self._look_up(named, names, cited) for named in dict.fromkeys(finding.fix.commits))

    def _look_up(self, named: str, names: Sequence[str], cited: Sequence[CitedPlace]) -> FixCommit:
        """Return the commit, while no more than _MOST_LOOKED_UP were asked for: git is started a few times for each."""
        self.asked.append(named)
        if len(self.asked) <= _MOST_LOOKED_UP:
            return self._find_commit(named, names, cited)
        self.limits[f"More than {_MOST_LOOKED_UP} commits are named as fixes; the others were not looked up."] = None
        return FixCommit(named=named, commit=None, state=FixState.UNVERIFIABLE)

    def _find_commit(self, named: str, names: Sequence[str], cited: Sequence[CitedPlace]) -> FixCommit:
        # Missing is what no repository has, so each of them must have been searched.
        is_searched = bool(names)
        naming: list[str] = []
        for name in names:
            repository, before, after = self.repositories.get(name), self.before.get(name), self.after.get(name)
            # Ancestry needs both ends. Without them the fix stays unverifiable; it is never reported as missing.
            if repository is None or after is None or not repository.has_commit(after):
                is_searched = False
                continue
            try:
                commit = repository.commit_of(named)
            except FindingsReportError as error:
                self.limits[f"A fix was not looked up: {error}."] = None
                is_searched = False
                continue
            if commit is None:
                # In a shallow clone, absence proves nothing: the commit may be below the cut.
                is_searched = is_searched and not repository.is_shallow
                naming += self._find_naming(repository, named, (before, after))
                continue
            fix = FixCommit(named=named, commit=commit, state=_grade(repository, commit, before, after))
            if fix.state is FixState.OUTSIDE and before is not None and repository.has_commit(before):
                fix = self._find_rebased(repository, fix, commit, (before, after))
            mine = [place for place in cited if place.snippet.repository == name]
            touched, has_unplaced = _find_touched(repository, fix.came_in_as or commit, mine)
            return fix.model_copy(update={"touched": tuple(touched), "has_unplaced": has_unplaced})
        state = FixState.MISSING if is_searched else FixState.UNVERIFIABLE
        return FixCommit(named=named, commit=None, state=state, similar=tuple(naming[:_MOST_SIMILAR]))

    def _find_naming(self, repository: git.Repository, named: str, ends: tuple[str | None, str]) -> tuple[str, ...]:
        """Return the commits between `ends` whose message names a commit that the clone does not have."""
        from findings_report.git import list_commits_naming

        before, after = ends
        if before is None or not repository.has_commit(before):
            return ()
        try:
            return list_commits_naming(repository, before, after, named)
        except FindingsReportError as error:
            self.limits[f"A fix was not looked for in messages: {error}."] = None
            return ()

    def _find_rebased(self, repository: git.Repository, fix: FixCommit, commit: str, ends: tuple[str, str]) -> FixCommit:
        """Return `fix` with the commit between `ends` by which it came in, when a rebase or squash gave it another hash."""
        from findings_report.git import list_patches

        if repository.name in self.unsearchable:
            return fix
        self.searched.append(commit)
        if len(self.searched) > _MOST_SEARCHED:
            text = f"More than {_MOST_SEARCHED} commits named as fixes are not in the history; the others were not looked for"
            self.limits[f"{text} under another hash."] = None
            return fix
        try:
            patch, others = list_patches(repository, *ends, like=commit)
        except FindingsReportError as error:
            # Not tried again: each attempt may take minutes.
            self.unsearchable.append(repository.name)
            self.limits[f"Fixes were not looked for under another hash: {error}."] = None
            return fix
        if patch is None:
            return fix
        same = [other.commit for other in others if patch.id is not None and other.id == patch.id]
        if same:
            return fix.model_copy(update={"state": FixState.REBASED, "came_in_as": same[0]})
        lines = [line for line in patch.lines if is_informative(line[1])]
        shares = {other.commit: sum(line in other.lines for line in lines) / len(lines) for other in others if lines}
        near = sorted((other for other in shares if shares[other] >= _CONTAINED), key=lambda other: -shares[other])
        return fix.model_copy(update={"similar": tuple(near[:_MOST_SIMILAR])})


def _grade(repository: git.Repository, commit: str, before: str | None, after: str) -> FixState:
    from findings_report.git.history import is_ancestor

    if not is_ancestor(repository, commit, after):
        # The graft of a shallow clone hides ancestors, so "not an ancestor" is not to be trusted there.
        return FixState.UNVERIFIABLE if repository.is_shallow else FixState.OUTSIDE
    if before is not None and repository.has_commit(before) and is_ancestor(repository, commit, before):
        return FixState.BEFORE
    return FixState.BETWEEN


def _find_touched(repository: git.Repository, commit: str, cited: Sequence[CitedPlace]) -> tuple[Sequence[TrackedRegion], bool]:
    """Return the regions that `commit` changed, and whether one has no certain place in its first parent or in itself."""
    from findings_report.history.classify import CitedRegion
    from findings_report.history.track import track

    # The first parent: of a merge, that is the branch the fix was merged into, and the difference is the whole merge.
    parent = repository.commit_of(f"{commit}^1")
    # A root commit added every line it has and changed none.
    if parent is None or not cited:
        return (), False
    there = follow(cited, {repository.name: repository}, {repository.name: parent}).drifts
    at_parent = [(place, drift.now) for place, drift in zip(cited, there, strict=True) if drift.now is not None]
    # Two steps: the region is followed to the parent first, because its line numbers are those of the report, not of the fix.
    done = track(repository, [CitedRegion(now.path, now.region) for _, now in at_parent], commit=parent, to=commit).drifts
    touched = [
        _describe_region(place, None, drift)
        for (place, _), drift in zip(at_parent, done, strict=True)
        if drift.kind in (DriftKind.MODIFIED, DriftKind.DELETED, DriftKind.REFORMATTED)
    ]
    return touched, any(drift.kind in (DriftKind.AMBIGUOUS, DriftKind.UNVERIFIABLE) for drift in (*there, *done))
