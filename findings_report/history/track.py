"""Where cited code is at another commit of its repository: in either direction, across edits, renames and moves.

The two versions of each file are compared from end to end, whatever lies between them; history is asked for nothing but the
names that files got. Text that did not stay is searched for in the whole of the other commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from findings_report import git
from findings_report.evidence.source_files import NoLinesError, SourceFile, SourceFiles, lines_of
from findings_report.history.candidates import PROBES
from findings_report.history.classify import CitedRegion, RegionFacts, classify
from findings_report.history.renames import find_counterparts
from findings_report.history.survival import Survival, find_in_place
from findings_report.history.text_search import Search, says_enough, select_telling
from findings_report.history.thresholds import DEFAULT, Thresholds
from findings_report.model.drift import Drift, DriftKind
from findings_report.problems import Problem


@dataclass(frozen=True)
class TrackedRegions:
    """The drift of every region, and what limits the answers."""

    drifts: tuple[Drift, ...]
    """One for each region cited, in their order."""
    problems: tuple[Problem, ...]
    """What limits the answers (no common history, a search that was not to be done); warnings."""


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
    search = Search(before, after, _probes(files, left))
    for region, survival in left.items():
        home = next(iter(parts.get(region.path, ())), None)
        facts = RegionFacts(region, files[region.path], survival, home, search, thresholds)
        drifts[region] = _refuse_unreadable(classify(facts), region, after)
    problems += (*search.problems, *before.problems, *after.problems)
    return TrackedRegions(tuple(drifts[region] for region in cited), tuple(dict.fromkeys(problems)))


def _read_cited_file(cited: CitedRegion, before: SourceFiles, after: SourceFiles) -> SourceFile:
    """Return the file of a region. Raises NoLinesError for what cannot be followed."""
    for files in (before, after):
        if not files.is_here:
            raise NoLinesError(f"commit {files.commit} is not in repository '{files.repository.name}'")
    file = before.file(cited.path)
    if file is None:
        raise NoLinesError(f"there is no {cited.path} at commit {before.commit}")
    if cited.region.start_line < 1 or cited.region.end_line > len(file.lines):
        raise NoLinesError(f"{cited.path} has {len(file.lines)} lines at commit {before.commit}")
    return file


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


def _probes(files: Mapping[str, SourceFile], left: Mapping[CitedRegion, Survival | None]) -> set[str]:
    """Return the lines to search for: one of a region that stayed whole, to find copies of it; several of any other."""
    probes: set[str] = set()
    for cited, survival in left.items():
        lines = lines_of(files[cited.path].lines, cited.region)
        if survival is not None and survival.mapping.is_whole:
            if says_enough(lines):
                probes |= {lines[index].strip() for index in select_telling(lines, 1)}
            continue
        equal = survival.mapping.equal if survival is not None else {}
        lost = [line for number, line in enumerate(lines, cited.region.start_line) if number not in equal]
        probes |= {texts[index].strip() for texts in (lines, lost) for index in select_telling(texts, PROBES)}
    return probes
