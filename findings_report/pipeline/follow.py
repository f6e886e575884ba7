"""The cited code of a whole report at another commit, and the commits that fixes name: what `track` and git say, by finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from findings_report.errors import FindingsReportError
from findings_report.model.comparison import FixCommit, FixState, TrackedRegion
from findings_report.model.drift import Drift, DriftKind, Means, Spot
from findings_report.model.evidence import Region, Snippet
from findings_report.permalink import permalink

if TYPE_CHECKING:
    from findings_report import git
    from findings_report.model.document import Report, ReportedFinding, ReportedRepository


@dataclass(frozen=True)
class Place:
    """One cited region of a report."""

    finding: str
    """The finding's id."""
    snippet: Snippet
    """Where it is cited."""
    region: Region
    """Its lines."""

    @property
    def quoted(self) -> tuple[int, ...]:
        """The lines of it that the author quoted."""
        found = (line for region in self.snippet.check.found for line in range(region.start_line, region.end_line + 1))
        return tuple(line for line in found if line in self.region)


@dataclass
class Follower:
    """Follows the code of one report to the commits of another. Holds repositories open; keeps what it could not do."""

    repositories: Mapping[str, git.Repository | None]
    """Those at hand, by name."""
    targets: Mapping[str, ReportedRepository]
    """Where to: the other report's repositories, by name."""
    limits: dict[str, None] = field(default_factory=dict)
    """What could not be followed and why, in sentences, each once."""

    def follow(self, findings: Sequence[ReportedFinding]) -> dict[str, tuple[TrackedRegion, ...]]:
        """By finding, every cited region in the order of its locations."""
        found: dict[str, list[TrackedRegion]] = {finding.id: [] for finding in findings}
        groups: dict[tuple[str, str | None], list[Place]] = defaultdict(list)
        for finding in findings:
            for place in places(finding):
                groups[place.snippet.repository, place.snippet.commit].append(place)
        drifts = {
            (place.finding, place.snippet.index, place.region): tracked
            for (name, commit), cited in groups.items()
            for place, tracked in zip(cited, self._group(name, commit, cited), strict=True)
        }
        for finding in findings:
            found[finding.id] = [drifts[finding.id, each.snippet.index, each.region] for each in places(finding)]
        return {id: tuple(regions) for id, regions in found.items()}

    def fixes(self, finding: ReportedFinding, baseline: ReportedFinding | None, report: Report) -> tuple[FixCommit, ...]:
        """What became of the commits that the finding's `fix` names.

        `baseline` is the finding as it was in `report`, the earlier side; None when it is new.
        """
        if finding.fix is None:
            return ()
        cited = list(places(baseline)) if baseline else []
        names = dict.fromkeys([place.snippet.repository for place in cited] or list(self.targets))
        return tuple(self._fix(named, list(names), cited, report) for named in finding.fix.commits)

    def _group(self, name: str, commit: str | None, cited: Sequence[Place]) -> Iterator[TrackedRegion]:
        target = self.targets.get(name)
        to = target.commit if target else None
        if commit is not None and commit == to:
            yield from (self._told(place, target, _unmoved(place)) for place in cited)
            return
        reason = self._obstacle(name, commit, to)
        repository = self.repositories.get(name)
        if reason is not None or repository is None or commit is None or to is None:
            self.limits[f"{reason or ''}: {len(cited)} cited region{'' if len(cited) == 1 else 's'} not followed."] = None
            yield from (self._told(place, target, _unverifiable(place, reason or "")) for place in cited)
            return
        drifts = self._tracked(repository, cited, commit, to)
        yield from (self._told(place, target, drift) for place, drift in zip(cited, drifts, strict=True))

    def _obstacle(self, name: str, commit: str | None, to: str | None) -> str | None:
        """Why code of the repository cannot be followed; None when it can."""
        if commit is None or to is None:
            side = "baseline" if commit is None else "other side"
            return f"The commit of repository {name} on the {side} is not known"
        repository = self.repositories.get(name)
        if repository is None:
            return f"Repository {name} is not at hand"
        for wanted in (commit, to):
            if not repository.has_commit(wanted):
                return f"Repository {name} has no commit {wanted[:12]} here"
        return None

    def _tracked(self, repository: git.Repository, cited: Sequence[Place], commit: str, to: str) -> Sequence[Drift]:
        from findings_report.track import Cited, track

        asked = [Cited(place.snippet.path, place.region, place.quoted) for place in cited]
        try:
            found = track(repository, asked, commit=commit, to=to)
        except FindingsReportError as error:
            self.limits[f"{error}: {len(cited)} cited regions not followed."] = None
            return [_unverifiable(place, str(error)) for place in cited]
        self.limits.update(dict.fromkeys(f"{problem.fault[:1].upper()}{problem.fault[1:]}." for problem in found.problems))
        return found.drifts

    def _told(self, place: Place, target: ReportedRepository | None, drift: Drift) -> TrackedRegion:
        now, snippet = drift.now, place.snippet
        address = None
        if now is not None and target is not None and target.commit is not None:
            address = permalink(target.url, target.commit, now.path, [now.region])
        return TrackedRegion(
            location=snippet.index,
            name=snippet.name,
            repository=snippet.repository,
            language=snippet.language,
            permalink=address,
            drift=drift,
        )

    def _fix(self, named: str, names: Sequence[str], cited: Sequence[Place], report: Report) -> FixCommit:
        before = {repository.name: repository.commit for repository in report.engagement.repositories}
        state = FixState.UNVERIFIABLE
        for name in names:
            repository, target = self.repositories.get(name), self.targets.get(name)
            after = target.commit if target else None
            if repository is None or after is None or not repository.has_commit(after):
                continue
            commit = repository.commit_of(named)
            if commit is None:
                state = FixState.UNVERIFIABLE if repository.is_shallow else FixState.MISSING
                continue
            state = _state(repository, commit, before.get(name), after)
            mine = [place for place in cited if place.snippet.repository == name]
            return FixCommit(named=named, commit=commit, state=state, touched=self._touched(repository, commit, mine))
        return FixCommit(named=named, commit=None, state=state)

    def _touched(self, repository: git.Repository, commit: str, cited: Sequence[Place]) -> tuple[TrackedRegion, ...]:
        """The regions that `commit` changed: followed to its first parent, and from there to itself."""
        from findings_report.track import Cited, track

        parent = repository.commit_of(f"{commit}^1")
        found: list[TrackedRegion] = []
        for place in cited:
            if parent is None or place.snippet.commit is None or not repository.has_commit(place.snippet.commit):
                continue
            there = track(repository, [Cited(place.snippet.path, place.region)], commit=place.snippet.commit, to=parent).drifts[
                0
            ]
            if there.now is None:
                continue
            done = track(repository, [Cited(there.now.path, there.now.region)], commit=parent, to=commit).drifts[0]
            if done.kind in (DriftKind.MODIFIED, DriftKind.DELETED, DriftKind.REFORMATTED):
                found.append(self._told(place, None, done))
        return tuple(found)


def places(finding: ReportedFinding) -> Iterator[Place]:
    """Every region that a finding cites, in the order of its locations; a whole file as the lines printed of it."""
    for snippet in finding.snippets:
        if snippet.regions:
            yield from (Place(finding.id, snippet, region) for region in snippet.regions)
        elif numbers := [line.number for run in snippet.runs for line in run.lines if line.number is not None]:
            yield Place(finding.id, snippet, Region(start_line=numbers[0], end_line=numbers[-1]))


def _state(repository: git.Repository, commit: str, before: str | None, after: str) -> FixState:
    from findings_report.git.history import is_ancestor

    if not is_ancestor(repository, commit, after):
        return FixState.UNVERIFIABLE if repository.is_shallow else FixState.OUTSIDE
    if before is not None and repository.has_commit(before) and is_ancestor(repository, commit, before):
        return FixState.BEFORE
    return FixState.BETWEEN


def _unmoved(place: Place) -> Drift:
    quoted = tuple((line, line) for line in place.quoted)
    spot = Spot(path=place.snippet.path, region=place.region)
    kind = DriftKind.UNCHANGED
    return Drift(
        path=place.snippet.path, region=place.region, kind=kind, now=spot, means=Means.BLOB, surviving=1.0, quoted=quoted
    )


def _unverifiable(place: Place, reason: str) -> Drift:
    return Drift(path=place.snippet.path, region=place.region, kind=DriftKind.UNVERIFIABLE, reason=reason)
