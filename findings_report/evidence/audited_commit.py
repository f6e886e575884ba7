"""The commit that the locations of a repository are read at: the pin, what is odd about it, and whether another fits better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from findings_report.evidence.quote import find_telling_lines, leave_unchecked, split_runs
from findings_report.evidence.source_files import MISSING, FileReader, GitReader, NoLinesError
from findings_report.model.engagement import DeclaredRepository
from findings_report.model.evidence import Region, Verdict
from findings_report.model.finding import Location
from findings_report.problems import FindingsReportError, Kind, Problem, suggestions
from findings_report.sourcecode.lines import is_informative, squeeze

_MISFITS: Final = (Verdict.MOVED, Verdict.EDITED, Verdict.NOT_FOUND)

_LEAST_MISFITS: Final = 3
"""Quotes that do not fit before another commit is looked for; one or two are slips."""

# With these limits a search in Neutron, 43,000 commits and 361 tags, takes about a second.
_MOST_QUOTES: Final = 40
_MOST_PATHS: Final = 8
_MOST_SPREAD: Final = 30  # tags from all of the project's time
_MOST_NEAR: Final = 8  # tags on each side of the pin, and of the best one
_MOST_STARTS: Final = 4  # tags at which the files of quotes are looked for
_MOST_CHANGES: Final = 20  # commits that changed the cited files: before the pin, before the best tag, and not before the pin


@dataclass(frozen=True)
class AuditedCommit:
    """The commit that a repository's locations are read at, unless they name their own."""

    hash: str | None
    """Full hash; None when there is none or it is not here."""
    problems: tuple[Problem, ...] = ()
    """What the user should know about it."""


def find_audited_commit(
    name: str, repository: DeclaredRepository, source: GitReader | None, *, is_needed: bool = True
) -> AuditedCommit:
    """Return the pinned commit of a repository, else what its revision names now.

    `is_needed` is False when every location names its own commit: then the repository needs none.
    """
    if source is None or (repository.commit is None and repository.revision is None and not is_needed):
        return AuditedCommit(repository.commit)
    subject = ("engagement", "repositories", name)
    now = None
    try:
        if repository.commit is not None and not source.has_commit(repository.commit):
            fault = f"commit {repository.commit} is not in the clone of repository {name!r}"
            remedy = "fetch it there, or let `findings-report fetch` clone it"
            return AuditedCommit(
                None, (Problem(Kind.SOURCE, fault, remedy, subject=(*subject, "commit"), code="commit-missing"),)
            )
        now = source.commit_of(repository.revision) if repository.revision else None
    except FindingsReportError as error:
        # The pin is enough to read the code; a revision that cannot be looked up is reported only when it is all there is.
        if repository.commit is None:
            return AuditedCommit(None, tuple(replace(problem, subject=(*subject, "revision")) for problem in error.problems))
    if repository.commit is not None:
        # A hash names itself, also when nothing else does.
        is_hash = repository.revision is not None and repository.commit.startswith(repository.revision.lower())
        if now == repository.commit and not is_hash:
            return AuditedCommit(repository.commit)
        if now is None or is_hash:
            return AuditedCommit(repository.commit, _check_named(name, repository.commit, source))
        # A moved revision is a warning: the report is about the commit that was audited, whatever the branch does later.
        fault = f"revision {repository.revision!r} now names {now}, not the pinned {repository.commit}"
        command = f"findings-report pin --to {repository.revision} --only {name}"
        remedy = f"move the pin with `{command}`, or name the revision that was audited"
        warning = Problem(Kind.SOURCE, fault, remedy, subject=(*subject, "revision"), level="warning", code="revision-moved")
        return AuditedCommit(repository.commit, (warning,))
    if repository.revision is None:
        fault = f"repository {name!r} has neither `commit` nor `revision`, so the audited commit is unknown"
        remedy = "write the agreed tag or branch under `revision`"
        return AuditedCommit(None, (Problem(Kind.INPUT, fault, remedy, subject=subject, code="no-revision"),))
    if now is None:
        fault = f"revision {repository.revision!r} names no commit in repository {name!r}"
        remedy = suggestions.revision(repository.revision, source.commit_of)
        return AuditedCommit(
            None, (Problem(Kind.SOURCE, fault, remedy, subject=(*subject, "revision"), code="revision-missing"),)
        )
    # Not an error: the first draft of an engagement is checked before anybody has pinned it.
    fault = f"repository {name!r} is not pinned: {repository.revision!r} names {now} today"
    remedy = "run `findings-report pin` to record the commit"
    return AuditedCommit(now, (Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="not-pinned"),))


def _check_named(name: str, commit: str, source: GitReader) -> tuple[Problem, ...]:
    """Return a warning of a pin that no branch or tag leads to: a force push has removed it, or it was never pushed."""
    if source.is_named(commit) is not False:
        return ()
    fault = f"commit {commit} of repository {name!r} is in the history of no branch or tag of the clone"
    remedy = "fetch the branch or tag that was audited, or move the pin to one with `findings-report pin --to REVISION`"
    subject = ("engagement", "repositories", name, "commit")
    return (Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="pin-unnamed"),)


@dataclass(frozen=True)
class Misfit:
    """What explains that most quotes of a repository do not fit its pinned commit."""

    problem: Problem
    """A warning with the commit where they fit better; a note if there is none."""
    explained: frozenset[int]
    """The positions of the locations whose quotes fit there, and not at the pin."""


def explain_misfits(name: str, commit: str, files: FileReader, cited: Sequence[Location], *, is_only: bool) -> Misfit | None:
    """Return why most quotes at the pinned commit of a repository do not fit; None when most do, or only a few are wrong.

    `cited` are its locations at that commit that have a quote. `is_only` is True for the only repository of the engagement.
    """
    fitting = {index for index, location in enumerate(cited) if _fits(location, files, commit)}
    count = len(cited) - len(fitting)
    if count < _LEAST_MISFITS or 2 * count <= len(cited):
        return None
    fault = f"{count} of {len(cited)} quotes do not fit the pinned commit {commit[:12]} of repository {name!r}"
    subject = ("engagement", "repositories", name, "commit")
    better = _find_better(commit, files, cited)
    there = {index for index, location in enumerate(cited) if better and _fits(location, files, better.commit)}
    # Another commit is proposed only where it explains most quotes, and more than the pin does.
    if better is None or 2 * len(there) <= len(cited) or len(there) <= len(fitting):
        fault += "; no tag, and no commit that changed the cited files, fits them better"
        remedy = "check that this is the repository that was audited"
        note = Problem(Kind.SOURCE, fault, remedy, subject=subject, level="note", code="pin-misfit")
        return Misfit(note, frozenset())
    fault += f"; {len(there)} fit {better.describe(commit, files.source)}"
    only = "" if is_only else f" --only {name}"
    remedy = f"if that was audited, move the pin with `findings-report pin --to {better.revision}{only}`"
    warning = Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="pin-misfit")
    return Misfit(warning, frozenset(there - fitting))


@dataclass(frozen=True)
class _Candidate:
    """A commit that may have been audited."""

    commit: str
    tag: str | None

    @property
    def revision(self) -> str:
        return self.tag or self.commit[:12]

    def describe(self, pinned: str, source: GitReader) -> str:
        """Return it in words, with what it is to the pin."""
        is_older = source.is_in_history(self.commit, of=pinned)
        is_newer = is_older is False and source.is_in_history(pinned, of=self.commit)
        what = "its ancestor" if is_older else "its descendant" if is_newer else "commit"
        return f"{what} {self.commit[:12]}" + (f", tag {self.tag}" if self.tag else "")


def _find_better(commit: str, files: FileReader, locations: Sequence[Location]) -> _Candidate | None:
    """Return the commit at which most of the quotes seem to be where they are claimed; a tag before a commit without one."""
    probes = _probe(locations)
    source = files.source
    # One reader for the search: what it decodes of a hundred commits is not kept.
    reader = FileReader(source)
    paths = list(dict.fromkeys(probe.path for probe in probes))
    try:
        tags = {tagged: tag for tag, tagged in reversed(source.tags().items())}
        dated = source.sort_by_date({*tags, commit})
        candidates = _choose_tags(dated, dated.index(commit) if commit in dated else 0)
        best, score = _rate(candidates, probes, reader)
        # Nearer to the best of the tags, then the commits that changed the cited files before it, and before and after the pin.
        at = dated.index(best) if best in dated else 0
        starts = [commit] if best is None else [commit, best]
        refs = sorted(set((source.refs or {}).values()))
        candidates = [
            *dated[max(0, at - _MOST_NEAR) : at + _MOST_NEAR],
            *(c for start in starts for c in source.changing_commits(paths, of=[start], but=[], most=_MOST_CHANGES)),
            *source.changing_commits(paths, of=refs, but=[commit], most=_MOST_CHANGES),
        ]
        other, other_score = _rate(candidates, probes, reader)
    except FindingsReportError:
        return None  # a history that cannot be read costs the hint
    found = other if other_score > score else best
    return _Candidate(found, tags.get(found)) if found is not None else None


@dataclass(frozen=True)
class FittingTag:
    """The newest tag at which the most quotes are."""

    name: str
    commit: str
    """Full hash."""
    fitting: int
    """Quotes that are there, of those that were looked for."""
    quotes: int


def find_fitting_tag(files: FileReader, cite: Callable[[str], Sequence[Location]]) -> FittingTag | None:
    """Return the newest of the tags that fit best; None if no quote is at any of them.

    `cite` returns the locations with quotes that a commit gives, each with the path it has there.
    """
    source = files.source
    try:
        tags = {tagged: tag for tag, tagged in reversed(source.tags().items())}
        dated = source.sort_by_date(set(tags))
        # Files move: the paths are those of a few tags from all of the project's time, and the newest first.
        starts = dated[:: max(1, len(dated) // _MOST_STARTS)][: _MOST_STARTS + 1]
        located = {(location.path, location.quote): location for start in starts for location in cite(start)}
        probes = _probe(list(located.values()))
        near = _choose_tags(dated, 0)
        best, _ = _rate(sorted(near, key=dated.index), probes, FileReader(source))
        if best is None:
            return None
        # A release looks like the ones around it: the newest of those that fit as well is what is returned.
        at = dated.index(best)
        around = dated[max(0, at - len(dated) // _MOST_SPREAD - 1) : at + 1]
        best, score = _rate(around, probes, FileReader(source))
    except FindingsReportError:
        return None  # a history that cannot be read costs the commit, not the import
    return FittingTag(tags[best], best, score, len({probe.lines for probe in probes})) if best is not None else None


def _choose_tags(dated: Sequence[str], at: int) -> list[str]:
    """Return commits of tags, the nearest to the position `at` first, and others from all of the project's time."""
    nearest = sorted(range(len(dated)), key=lambda index: abs(index - at))
    step = max(1, len(dated) // _MOST_SPREAD)
    return [dated[index] for index in nearest if index % step == 0 or abs(index - at) <= _MOST_NEAR]


def _rate(candidates: Sequence[str], probes: Sequence[_Probe], reader: FileReader) -> tuple[str | None, int]:
    """Return the first of the commits at which the most quotes seem to fit, and how many; None when none fits anywhere."""
    scores = {candidate: sum(_seems_to_fit(probe, reader, candidate) for probe in probes) for candidate in candidates}
    best = max(scores, key=lambda candidate: scores[candidate], default=None)
    return (best, scores[best]) if best is not None and scores[best] else (None, 0)


@dataclass(frozen=True)
class _Probe:
    """What is looked for at a candidate: a full verdict on each quote at each commit would take minutes."""

    path: str
    lines: tuple[str, ...]
    """The lines of the quote that identify a place, squeezed."""
    claimed: tuple[Region, ...]


def _probe(locations: Sequence[Location]) -> list[_Probe]:
    """Return what to look for of the quotes in the files that are cited most."""
    often = [path for path, _ in Counter(location.path for location in locations).most_common(_MOST_PATHS)]
    probes: list[_Probe] = []
    for location in locations:
        quote = location.quote or ""
        # A short quote identifies no place in a whole commit, but does at the claimed lines of one file.
        texts = (line.text for run in split_runs(quote) for line in run.lines)
        telling = find_telling_lines(quote) or tuple(filter(is_informative, texts))
        if telling and location.path in often:
            claimed = leave_unchecked(quote, location.lines).claimed
            probes.append(_Probe(location.path, tuple(map(squeeze, telling)), claimed))
    return probes[:: max(1, len(probes) // _MOST_QUOTES)][:_MOST_QUOTES]


def _seems_to_fit(probe: _Probe, reader: FileReader, commit: str) -> bool:
    try:
        file = reader.find(commit, probe.path)
    except NoLinesError:
        return False
    if file is None:
        return False
    ranges = [file.lines[region.start_line - 1 : region.end_line] for region in probe.claimed]
    text = "\n".join(squeeze(line) for lines in ranges for line in lines) if ranges else file.squeezed
    return all(line in text for line in probe.lines)


def _fits(location: Location, files: FileReader, commit: str) -> bool:
    """True when the whole quote is where it is claimed at a commit, and when the file cannot be read there."""
    try:
        file = files.cited(commit, location.path).file
    except NoLinesError as error:
        return error.code != MISSING
    return file.check(location.quote or "", location.lines).verdict not in _MISFITS
