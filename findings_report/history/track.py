"""Where cited code is at another commit of its repository: in either direction, across edits, renames and moves.

`track` answers for the regions of one pair of commits, `follow` for those that findings cite in all repositories.

The two versions of each file are compared from end to end, whatever lies between them; history is asked for nothing but the
names that files got. Text that did not stay is searched for in the whole of the other commit.

A location whose text is equal there is rewritten: `lines`, `show`, `highlight`, the keys of `notes` and the numbers inside
`quote` move together, or it stays unchanged.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from findings_report import git
from findings_report.evidence.quote import renumber
from findings_report.evidence.source_files import MISSING, NoLinesError, SourceFile, SourceFiles, lines_of
from findings_report.history.classify import PROBES, CitedRegion, RegionFacts, classify
from findings_report.history.line_map import DEFAULT, Thresholds
from findings_report.history.moved_text import Search, find_counterparts, says_enough, select_telling
from findings_report.history.survival import Survival, find_in_place
from findings_report.model.drift import Drift, DriftKind, Method, Spot
from findings_report.model.evidence import Region, Snippet, Verdict
from findings_report.model.finding import Location
from findings_report.problems import FindingsReportError, Kind, Problem

_UNPLACED: Final[Mapping[Verdict, str]] = {
    Verdict.NOT_FOUND: "the location has no lines, and its quote was not found in the file",
    Verdict.UNCHECKED: "the location has no lines, and the file was not read",
}
"""Why the lines of a location without `lines` are not known, by its verdict."""

_MOST_FOLLOWED: Final = 200
"""Lines of a file that is cited as a whole: its first ones are followed."""


@dataclass(frozen=True)
class TrackedRegions:
    """The drift of every region, and what limits the answers."""

    drifts: tuple[Drift, ...]
    """One for each region cited, in their order."""
    problems: tuple[Problem, ...]
    """What limits the answers (no common history, a search that was not to be done); warnings."""


@dataclass(frozen=True)
class CitedPlace:
    """One cited region."""

    finding: str
    """The finding's id."""
    snippet: Snippet
    """Where it is cited."""
    region: Region
    """Its lines."""
    unknown: str | None = None
    """Why its lines are not known, as a sentence; None if they are."""

    @property
    def quoted(self) -> tuple[int, ...]:
        """The lines of it that the author quoted."""
        both = (
            range(max(run.start_line, self.region.start_line), min(run.end_line, self.region.end_line) + 1)
            for run in self.snippet.check.found
        )
        return tuple(line for lines in both for line in lines)


@dataclass(frozen=True)
class FollowResult:
    """The followed regions of all repositories."""

    drifts: tuple[Drift, ...]
    """One for each place, in their order."""
    problems: tuple[Problem, ...]
    """What could not be followed, and what limits the answers, each once; warnings."""


def track(
    repository: git.Repository,
    cited: Sequence[CitedRegion],
    *,
    commit: str,
    to: str,
    thresholds: Thresholds = DEFAULT,
) -> TrackedRegions:
    """Return where each region of `commit` is in the commit `to`, full hashes both, of the same repository.

    A region that cannot be followed is `unverifiable`, with the reason. Raises FindingsReportError (SOURCE) when git cannot
    compare files at all.
    """
    # End points only. A walk through history reads every commit between them, and blame gives up where lines are edited,
    # moved to another file, or deleted and restored.
    before, after = SourceFiles(repository, commit), SourceFiles(repository, to)
    files: dict[str, SourceFile] = {}
    drifts: dict[CitedRegion, Drift] = {}
    for region in cited:
        try:
            files[region.path] = _read_cited_file(region, before, after)
        except NoLinesError as error:
            drifts[region] = _unverifiable(region, str(error))
    followed = [region for region in cited if region not in drifts]
    parts, problems = find_counterparts(files.values(), before, after, thresholds)
    left = {r: find_in_place(r.region, files[r.path], parts.get(r.path, ()), thresholds) for r in followed}
    # One search for the lines of all regions: every file of both commits is read once.
    search = Search(before, after, _choose_probes(files, left))
    for region, survival in left.items():
        # Counterparts come likeliest first; the others were considered in `find_in_place`.
        home = next(iter(parts.get(region.path, ())), None)
        facts = RegionFacts(region, files[region.path], survival, home, search, thresholds)
        drifts[region] = _refuse_unreadable(classify(facts), region, after)
    problems += (*search.problems, *before.problems, *after.problems)
    return TrackedRegions(tuple(drifts[region] for region in cited), tuple(dict.fromkeys(problems)))


def follow(
    cited: Sequence[CitedPlace], repositories: Mapping[str, git.Repository | None], commits: Mapping[str, str | None]
) -> FollowResult:
    """Return where each place is at the commit of its repository in `commits`; `unverifiable` where that is not known.

    `repositories` are the available ones. Problems that a user can solve are returned, not raised.
    """
    # One `track` for each repository and commit, so that files are diffed and searched once for all findings that cite them.
    together: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    drifts: dict[int, Drift] = {}
    for index, place in enumerate(cited):
        if place.unknown is not None:
            drifts[index] = _unverifiable(CitedRegion(place.snippet.path, place.region), place.unknown)
        else:
            together[place.snippet.repository, place.snippet.commit].append(index)
    problems: list[Problem] = []
    for (name, commit), indexes in together.items():
        group = [cited[index] for index in indexes]
        # A repository that the other side does not declare is a fact about the reports; a missing clone is a fact about this
        # machine. The reader can solve only the second.
        is_gone = name in repositories and repositories[name] is None
        if name not in commits and not is_gone:
            others = f", which has {', '.join(commits)}" if commits else ""
            result = _report_unfollowed(group, f"there is no repository {name} on the other side{others}")
        else:
            result = _follow_group(group, name, repositories.get(name), commit, commits.get(name))
        drifts.update(zip(indexes, result.drifts, strict=True))
        problems += result.problems
    ordered = (
        drifts[index] if place.snippet.regions else drifts[index].model_copy(update={"is_whole_file": True})
        for index, place in enumerate(cited)
    )
    return FollowResult(tuple(ordered), tuple(dict.fromkeys(problems)))


def list_places(finding: str, snippets: Iterable[Snippet]) -> Iterator[CitedPlace]:
    """Yield every region that a finding cites, in the order of its locations; of a whole file its first lines."""
    for snippet in snippets:
        if snippet.regions:
            yield from (CitedPlace(finding, snippet, region) for region in snippet.regions)
        elif snippet.check.verdict in _UNPLACED:
            # Not left out: a place that cannot be followed is not a place that is not cited.
            yield CitedPlace(finding, snippet, Region(start_line=1, end_line=1), _UNPLACED[snippet.check.verdict])
        elif snippet.file_lines:
            yield CitedPlace(finding, snippet, Region(start_line=1, end_line=min(snippet.file_lines, _MOST_FOLLOWED)))
        # Reports of version 0.1.0 printed the first lines of the file, and have no number of lines.
        elif numbers := [line.number for run in snippet.runs for line in run.lines if line.number is not None]:
            yield CitedPlace(finding, snippet, Region(start_line=min(numbers), end_line=max(numbers)))


def _read_cited_file(cited: CitedRegion, before: SourceFiles, after: SourceFiles) -> SourceFile:
    """Return the file of a region. Raises NoLinesError for what cannot be followed."""
    for files in (before, after):
        if not files.is_here:
            fault = f"commit {files.commit} is not in repository '{files.repository.name}'"
            raise NoLinesError(fault, reason="no such commit", code="commit-missing")
    file = before.file(cited.path)
    if file is None:
        fault = f"there is no {cited.path} at commit {before.commit}"
        raise NoLinesError(fault, reason="no such file", code=MISSING)
    # Regions can come from a report.json that was written for another clone, so they are checked here as well.
    if cited.region.start_line < 1 or cited.region.end_line > len(file.lines):
        fault = f"{cited.path} has {len(file.lines)} lines at commit {before.commit}"
        raise NoLinesError(fault, reason="no such lines", code="lines-past-end")
    return file


def _choose_probes(files: Mapping[str, SourceFile], left: Mapping[CitedRegion, Survival | None]) -> set[str]:
    """Return the lines to search for: one of a region that stayed whole, to find copies of it; several of any other."""
    probes: set[str] = set()
    for cited, survival in left.items():
        lines = lines_of(files[cited.path].lines, cited.region)
        if survival is not None and survival.mapping.is_whole:
            # A short text that stayed has copies everywhere, and a list of them would mean nothing.
            if says_enough(lines):
                probes |= {lines[index].strip() for index in select_telling(lines, 1)}
            continue
        equal = survival.mapping.equal if survival is not None else {}
        # Probes from the lost lines as well: the part that moved away may have none of the region's longest lines.
        lost = [line for number, line in enumerate(lines, cited.region.start_line) if number not in equal]
        probes |= {texts[index].strip() for texts in (lines, lost) for index in select_telling(texts, PROBES)}
    return probes


def _refuse_unreadable(drift: Drift, cited: CitedRegion, after: SourceFiles) -> Drift:
    """Return `drift`, but `unverifiable` for a deleted region whose file cannot be read: the text may be in it."""
    if drift.kind is DriftKind.DELETED:
        try:
            after.file(cited.path)
        except NoLinesError as error:
            return _unverifiable(cited, str(error))
    return drift


def _unverifiable(cited: CitedRegion, reason: str) -> Drift:
    return Drift(path=cited.path, region=cited.region, kind=DriftKind.UNVERIFIABLE, reason=reason)


def _follow_group(
    group: Sequence[CitedPlace], name: str, repository: git.Repository | None, commit: str | None, to: str | None
) -> FollowResult:
    # Answered without git, so that two reports at one commit can be compared without a clone.
    if commit is not None and commit == to:
        return FollowResult(tuple(_report_unmoved(place) for place in group), ())
    if repository is None:
        return _report_unfollowed(group, f"repository '{name}' is not available locally")
    if commit is None or to is None:
        side = "where it is cited" if commit is None else "on the other side"
        return _report_unfollowed(group, f"the commit of repository '{name}' {side} is not known")
    if missing := [wanted for wanted in (commit, to) if not repository.has_commit(wanted)]:
        history = ", and its history is cut off" if repository.is_shallow else ""
        return _report_unfollowed(group, f"the clone of repository '{name}' has no commit {missing[0][:12]}{history}")
    try:
        tracked = track(
            repository, [CitedRegion(place.snippet.path, place.region, place.quoted) for place in group], commit=commit, to=to
        )
    except FindingsReportError as error:
        return _report_unfollowed(group, str(error))
    return FollowResult(tracked.drifts, tracked.problems)


def _report_unmoved(place: CitedPlace) -> Drift:
    path, region = place.snippet.path, place.region
    # A region that does not exist at a commit is not unchanged there.
    if place.snippet.check.verdict is Verdict.NOT_FOUND and not place.snippet.runs:
        return Drift(path=path, region=region, kind=DriftKind.UNVERIFIABLE, reason=place.snippet.check.reason)
    quoted = tuple((line, line) for line in place.quoted)
    now = Spot(path=path, region=region)
    return Drift(path=path, region=region, kind=DriftKind.UNCHANGED, now=now, method=Method.BLOB, surviving=1.0, quoted=quoted)


def _report_unfollowed(group: Sequence[CitedPlace], reason: str) -> FollowResult:
    fault = f"{reason}: {len(group)} cited region{'' if len(group) == 1 else 's'} not followed"
    kind = DriftKind.UNVERIFIABLE
    drifts = (Drift(path=place.snippet.path, region=place.region, kind=kind, reason=reason) for place in group)
    return FollowResult(tuple(drifts), (Problem(Kind.SOURCE, fault, level="warning", code="not-followed"),))


_ASTRAY: Final = {
    Verdict.MOVED: "its quote is at other lines than claimed",
    Verdict.EDITED: "its quote differs from the repository",
    Verdict.NOT_FOUND: "its quote was not found",
}
"""Quotes that have to be corrected before they can be moved."""

# Prose is only reported, never rewritten: `line 12` may be a line of a log or of another file. Seven digits, as in quotes.
_MENTION: Final = re.compile(r"\blines?\s+(?P<first>[0-9]{1,7})(?:\s*(?:-|–|to|and)\s*(?P<last>[0-9]{1,7}))?\b", re.IGNORECASE)


class StaysError(Exception):
    """A location that cannot be written at the other commit; the text is the reason, a clause about "it"."""


def reanchor(location: Location, snippet: Snippet, drifts: Sequence[Drift]) -> Location:
    """Return `location` as it reads at the commit to which `drifts` followed each region of `snippet`, in their order.

    Raises StaysError when the text is not equal there, or the numbers that belong to it are not all known.
    """
    # Its lines are read at that commit whatever the repository is pinned to; moving them would break a citation that is
    # right.
    if location.commit is not None:
        raise StaysError(f"it names its own commit {location.commit[:12]}")
    if (fault := snippet.check.reason or _ASTRAY.get(snippet.check.verdict)) is not None:
        raise StaysError(fault)
    # Only equal text is moved without a person: an edited region may no longer show what the finding describes.
    path = _require_equal(drifts)
    step = _Steps(drifts)
    quote = location.quote
    # A quote without numbers is the same text at the other commit and stays byte for byte as the author wrote it.
    if quote is not None and not step.is_still:
        quote = renumber(quote, snippet.check.claimed, location.lines, step.to)
        if quote is None:
            raise StaysError("the line numbers in its quote, or in the line above the code, cannot be rewritten safely")
    return location.model_copy(
        update={
            "path": path,
            "lines": step.regions(location.lines),
            "show": step.regions(location.show),
            "highlight": step.regions(location.highlight),
            "notes": {step.line(line): note for line, note in location.notes.items()},
            "quote": quote,
            "redact": tuple(entry.model_copy(update={"lines": step.regions(entry.lines)}) for entry in location.redact),
            "not_secret": tuple(entry.model_copy(update={"lines": step.regions(entry.lines)}) for entry in location.not_secret),
        }
    )


def mentions(text: str, drifts: Sequence[Drift]) -> Iterator[tuple[int, str]]:
    """Yield where prose names lines that have moved, with the message: `names lines 111-129, now lines 127-145`.

    `drifts` are those of one location that was rewritten. Lines of another file may be meant: a person has to look.
    """
    step = _Steps(drifts)
    for mention in _MENTION.finditer(text):
        first = int(mention["first"])
        last = int(mention["last"] or first)
        now = step.to(first), step.to(last)
        if now[0] is not None and now[1] is not None and now != (first, last):
            region = Region(start_line=min(now[0], now[1]), end_line=max(now[0], now[1]))
            noun = "line" if region.start_line == region.end_line else "lines"
            yield mention.start(), f"names {' '.join(mention[0].split())}, now {noun} {region}"


def _require_equal(drifts: Sequence[Drift]) -> str:
    """Return the one file that has the text of every region."""
    changed = [drift for drift in drifts if not drift.kind.is_equal]
    if changed:
        kinds = Counter(drift.kind for drift in changed)
        counted = ", ".join(kind.value for kind in DriftKind if kinds[kind])
        why = next((f": {drift.reason}" for drift in changed if drift.reason), "")
        raise StaysError(
            (f"of its lines, {_list_regions(changed)}: {counted}" if len(drifts) > 1 else f"its lines are {counted}") + why
        )
    paths = sorted({drift.now.path for drift in drifts if drift.now is not None})
    if not paths:
        raise StaysError("it cites no lines")
    if len(paths) > 1:
        raise StaysError(f"its lines are in several files now: {', '.join(paths)}")
    regions = [drift.now.region for drift in drifts if drift.now is not None]
    # `lines` has to rise, so regions in another order cannot be written as one location.
    if any(later.start_line <= earlier.end_line for earlier, later in pairwise(regions)):
        raise StaysError("its lines are in another order now")
    return paths[0]


def _list_regions(drifts: Iterable[Drift]) -> str:
    return ", ".join(str(drift.region) for drift in drifts)


class _Steps:
    """The line that each line of the cited regions is now."""

    def __init__(self, drifts: Sequence[Drift]) -> None:
        self._steps = [
            (drift.region, drift.now.region.start_line - drift.region.start_line) for drift in drifts if drift.now is not None
        ]

    @property
    def is_still(self) -> bool:
        """True when no number changes."""
        return all(step == 0 for _, step in self._steps)

    def to(self, line: int) -> int | None:
        """Return the new number of a line; None outside of the cited regions."""
        # Lines between two regions may have moved by either step: which one is not known, except when nothing moves at all.
        return next((line + step for region, step in self._steps if line in region), line if self.is_still else None)

    def line(self, line: int) -> int:
        """Return the new number of a line. Raises StaysError outside of the cited regions."""
        now = self.to(line)
        if now is None:
            raise StaysError(f"line {line}, which it shows or marks, is not among the lines it cites")
        return now

    def regions(self, regions: Sequence[Region]) -> tuple[Region, ...]:
        """Return `regions` with their new numbers."""
        stepped = tuple(Region(start_line=self.line(was.start_line), end_line=self.line(was.end_line)) for was in regions)
        if any(
            now.end_line - now.start_line != was.end_line - was.start_line for was, now in zip(regions, stepped, strict=True)
        ):
            raise StaysError("the lines that it shows or marks are no longer adjacent")
        return stepped
