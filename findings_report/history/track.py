"""Where cited code is at another commit of its repository: in either direction, across edits, renames and moves.

The two versions of each file are compared from end to end, whatever lies between them; history is asked for nothing but the
names that files got. What did not stay is looked for in the whole of the other commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from findings_report import git
from findings_report.evidence.source_files import NoLinesError, SourceFile, SourceFiles, in_region
from findings_report.history.candidates import PROBES
from findings_report.history.classify import Case, Cited, judge
from findings_report.history.renames import Counterpart, counterparts
from findings_report.history.survival import Standing, standing
from findings_report.history.text_search import Search, says_enough, telling
from findings_report.model.drift import Drift, DriftKind
from findings_report.problems import Problem

__all__ = ["Cited", "Tracked", "track"]


@dataclass(frozen=True)
class Tracked:
    """What `track` gives."""

    drifts: tuple[Drift, ...]
    """One for each region cited, in their order."""
    problems: tuple[Problem, ...]
    """What limits the answers (no common history, a search that was not to be done); warnings."""


def track(repository: git.Repository, cited: Sequence[Cited], *, commit: str, to: str) -> Tracked:
    """Where each region of `commit` is in the commit `to`, full hashes both, of the same repository.

    A region that cannot be followed is `unverifiable`, with the reason. Raises FindingsReportError (SOURCE) when git cannot
    compare files at all.
    """
    before, after = SourceFiles(repository, commit), SourceFiles(repository, to)
    files: dict[str, SourceFile] = {}
    refused: dict[Cited, str] = {}
    for each in cited:
        try:
            files[each.path] = _cited_file(each, before, after)
        except NoLinesError as error:
            refused[each] = str(error)
    parts, problems = counterparts(files.values(), before, after)
    left = {each: standing(each.region, files[each.path], parts.get(each.path, ())) for each in cited if each not in refused}
    search = Search(before, after, _probes(files, left))
    drifts = {each: _unverifiable(each, reason) for each, reason in refused.items()}
    for each, found in left.items():
        drifts[each] = _judged(Case(each, files[each.path], found, _home(parts, each), search), after)
    problems += (*search.problems, *before.problems, *after.problems)
    return Tracked(tuple(drifts[each] for each in cited), tuple(dict.fromkeys(problems)))


def _cited_file(each: Cited, before: SourceFiles, after: SourceFiles) -> SourceFile:
    """The file of a region. Raises NoLinesError for what cannot be followed."""
    for files in (before, after):
        if not files.is_here:
            raise NoLinesError(f"commit {files.commit} is not in repository '{files.repository.name}'")
    file = before.file(each.path)
    if file is None:
        raise NoLinesError(f"there is no {each.path} at commit {before.commit}")
    if each.region.start_line < 1 or each.region.end_line > len(file.lines):
        raise NoLinesError(f"{each.path} has {len(file.lines)} lines at commit {before.commit}")
    return file


def _judged(case: Case, after: SourceFiles) -> Drift:
    """The drift of a region; unverifiable where it was not found and what stands in its file's place cannot be read."""
    drift = judge(case)
    if drift.kind is DriftKind.DELETED:
        try:
            after.file(case.cited.path)
        except NoLinesError as error:
            return _unverifiable(case.cited, str(error))
    return drift


def _home(parts: Mapping[str, Sequence[Counterpart]], each: Cited) -> Counterpart | None:
    return next(iter(parts.get(each.path, ())), None)


def _unverifiable(each: Cited, reason: str) -> Drift:
    return Drift(path=each.path, region=each.region, kind=DriftKind.UNVERIFIABLE, reason=reason)


def _probes(files: Mapping[str, SourceFile], left: Mapping[Cited, Standing | None]) -> set[str]:
    """The lines to look for: of a region that stayed whole one, for copies of it; of the others several."""
    probes: set[str] = set()
    for each, found in left.items():
        lines = in_region(files[each.path].lines, each.region)
        if found is not None and found.placement.is_whole:
            if says_enough(lines):
                probes |= {lines[index].strip() for index in telling(lines, 1)}
            continue
        equal = found.placement.equal if found is not None else {}
        lost = [line for number, line in enumerate(lines, each.region.start_line) if number not in equal]
        probes |= {texts[index].strip() for texts in (lines, lost) for index in telling(texts, PROBES)}
    return probes
