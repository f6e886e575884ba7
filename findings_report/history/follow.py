"""CitedRegion code at another commit: every region that findings cite, those of a repository and commit followed together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findings_report.model.drift import Drift, DriftKind, Method, Spot
from findings_report.model.evidence import Region, Snippet
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report import git


@dataclass(frozen=True)
class CitedPlace:
    """One cited region."""

    finding: str
    """The finding's id."""
    snippet: Snippet
    """Where it is cited."""
    region: Region
    """Its lines."""

    @property
    def quoted(self) -> tuple[int, ...]:
        """The lines of it that the author quoted."""
        both = (
            range(max(found.start_line, self.region.start_line), min(found.end_line, self.region.end_line) + 1)
            for found in self.snippet.check.found
        )
        return tuple(line for lines in both for line in lines)


@dataclass(frozen=True)
class FollowResult:
    """What `follow` gives."""

    drifts: tuple[Drift, ...]
    """One for each place, in their order."""
    problems: tuple[Problem, ...]
    """What could not be followed, and what limits the answers, each once; warnings."""


def list_places(finding: str, snippets: Iterable[Snippet]) -> Iterator[CitedPlace]:
    """Every region that a finding cites, in the order of its locations; a whole file as the lines printed of it."""
    for snippet in snippets:
        if snippet.regions:
            yield from (CitedPlace(finding, snippet, region) for region in snippet.regions)
        elif numbers := [line.number for run in snippet.runs for line in run.lines if line.number is not None]:
            yield CitedPlace(finding, snippet, Region(start_line=min(numbers), end_line=max(numbers)))


def follow(
    cited: Sequence[CitedPlace], repositories: Mapping[str, git.Repository | None], commits: Mapping[str, str | None]
) -> FollowResult:
    """Where each place is at the commit of `commits` for its repository, full hashes; `unverifiable` where it is unknown.

    `repositories` are the available ones. Problems that a user can solve are returned, not raised.
    """
    together: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for index, place in enumerate(cited):
        together[place.snippet.repository, place.snippet.commit].append(index)
    drifts: dict[int, Drift] = {}
    problems: list[Problem] = []
    for (name, commit), indexes in together.items():
        group = [cited[index] for index in indexes]
        is_gone = name in repositories and repositories[name] is None
        if name not in commits and not is_gone:
            others = f", which has {', '.join(commits)}" if commits else ""
            found = _unfollowed(group, f"there is no repository {name} on the other side{others}")
        else:
            found = _group(group, name, repositories.get(name), commit, commits.get(name))
        drifts.update(zip(indexes, found.drifts, strict=True))
        problems += found.problems
    return FollowResult(tuple(drifts[index] for index in range(len(cited))), tuple(dict.fromkeys(problems)))


def _group(
    group: Sequence[CitedPlace], name: str, repository: git.Repository | None, commit: str | None, to: str | None
) -> FollowResult:
    from findings_report.history.classify import CitedRegion
    from findings_report.history.track import track

    if commit is not None and commit == to:
        return FollowResult(tuple(_unmoved(place) for place in group), ())
    if repository is None:
        return _unfollowed(group, f"repository '{name}' is not available locally")
    if commit is None or to is None:
        side = "where it is cited" if commit is None else "on the other side"
        return _unfollowed(group, f"the commit of repository '{name}' {side} is not known")
    if missing := [each for each in (commit, to) if not repository.has_commit(each)]:
        history = ", and its history is cut off" if repository.is_shallow else ""
        return _unfollowed(group, f"the clone of repository '{name}' has no commit {missing[0][:12]}{history}")
    try:
        found = track(
            repository, [CitedRegion(each.snippet.path, each.region, each.quoted) for each in group], commit=commit, to=to
        )
    except FindingsReportError as error:
        return _unfollowed(group, str(error))
    return FollowResult(found.drifts, found.problems)


def _unmoved(place: CitedPlace) -> Drift:
    path, region = place.snippet.path, place.region
    quoted = tuple((line, line) for line in place.quoted)
    now = Spot(path=path, region=region)
    return Drift(path=path, region=region, kind=DriftKind.UNCHANGED, now=now, method=Method.BLOB, surviving=1.0, quoted=quoted)


def _unfollowed(group: Sequence[CitedPlace], reason: str) -> FollowResult:
    fault = f"{reason}: {len(group)} cited region{'' if len(group) == 1 else 's'} not followed"
    kind = DriftKind.UNVERIFIABLE
    drifts = (Drift(path=each.snippet.path, region=each.region, kind=kind, reason=reason) for each in group)
    return FollowResult(tuple(drifts), (Problem(Kind.SOURCE, fault, level="warning", code="not-followed"),))
