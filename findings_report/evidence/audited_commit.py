"""The commit that the locations of a repository are read at: the pin, what is odd about it, and whether another fits better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from findings_report.evidence.quote import check_quote, find_telling_lines, leave_unchecked
from findings_report.evidence.source_files import FileReader, GitReader, NoLinesError
from findings_report.model.engagement import DeclaredRepository
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.model.finding import Location
from findings_report.problems import FindingsReportError, Kind, Problem, suggestions
from findings_report.sourcecode.lines import squeeze

_MISFITS: Final = (Verdict.MOVED, Verdict.EDITED, Verdict.NOT_FOUND)
_UNREAD: Final = (Verdict.NONE, Verdict.UNCHECKED)

_LEAST_MISFITS: Final = 3
"""Quotes that do not fit before another commit is looked for; one or two are slips."""

# With these limits a search in Neutron, 43,000 commits and 361 tags, takes about a second.
_MOST_QUOTES: Final = 40
_MOST_PATHS: Final = 8
_MOST_TAGS: Final = 40
_MOST_CHANGES: Final = 40  # before the pin, and as many beside or after it


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
        if now == repository.commit:
            return AuditedCommit(repository.commit)
        if now is None:
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
    """The warning, with the commit where they fit better, if there is one."""
    explained: frozenset[int]
    """The positions of the locations whose quotes fit there, and not at the pin."""


def explain_misfits(
    name: str, commit: str, files: FileReader, cited: Sequence[tuple[Location, Check]], *, is_only: bool
) -> Misfit | None:
    """Return why most quotes at the pinned commit of a repository do not fit; None when most do, or only a few are wrong.

    `cited` are its locations at that commit, with their paths as git writes them, and the verdicts on their quotes. `is_only` is
    True for the only repository of the engagement.
    """
    quoted = [index for index, (_, check) in enumerate(cited) if check.verdict not in _UNREAD]
    misfits = [index for index in quoted if cited[index][1].verdict in _MISFITS]
    if len(misfits) < _LEAST_MISFITS or 2 * len(misfits) <= len(quoted):
        return None
    fault = f"{len(misfits)} of {len(quoted)} quotes do not fit the pinned commit {commit[:12]} of repository {name!r}"
    remedy = "check `commit` against what was audited"
    explained: frozenset[int] = frozenset()
    better = _find_better(commit, files, [cited[index][0] for index in quoted])
    if better is not None:
        fits = {index for index in quoted if _fits(cited[index][0], files, better.commit)}
        # Another commit is proposed only where it explains most quotes, and more than the pin does.
        if 2 * len(fits) > len(quoted) and len(fits) > len(quoted) - len(misfits):
            explained = frozenset(fits & set(misfits))
            fault += f"; {len(fits)} fit {better.describe(commit, files.source)}"
            only = "" if is_only else f" --only {name}"
            remedy = f"if that was audited, move the pin with `findings-report pin --to {better.revision}{only}`"
    subject = ("engagement", "repositories", name, "commit")
    return Misfit(Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="pin-misfit"), explained)


@dataclass(frozen=True)
class _Candidate:
    """A commit that may have been audited."""

    commit: str
    tag: str | None = None

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
    probes = list(_probe(locations[:: max(1, len(locations) // _MOST_QUOTES)][:_MOST_QUOTES]))
    # One reader for the search: what it decodes of a hundred commits is not kept.
    reader = FileReader(files.source)
    try:
        scores = {
            candidate: sum(_seems_to_fit(probe, reader, candidate.commit) for probe in probes)
            for candidate in _list_candidates(commit, files.source, list(dict.fromkeys(probe.path for probe in probes)))
        }
    except FindingsReportError:
        return None  # a history that cannot be read costs the hint
    best = max(scores, key=lambda candidate: scores[candidate], default=None)
    return best if best is not None and scores[best] else None


def _list_candidates(commit: str, source: GitReader, paths: Sequence[str]) -> Iterator[_Candidate]:
    """Yield the tags nearest to `commit` in time, then the commits before and after it that changed the cited files."""
    tags = {tagged: tag for tag, tagged in source.tags().items()}
    dated = source.sort_by_date({*tags, commit})
    at = dated.index(commit) if commit in dated else 0
    nearest = sorted(range(len(dated)), key=lambda index: abs(index - at))[: _MOST_TAGS + 1]
    yield from (_Candidate(dated[index], tags[dated[index]]) for index in nearest if dated[index] in tags)
    before = source.changing_commits(paths, of=[commit], but=[], most=_MOST_CHANGES)
    beside = source.changing_commits(paths, of=list(set((source.refs or {}).values())), but=[commit], most=_MOST_CHANGES)
    yield from (_Candidate(changed) for changed in (*before, *beside) if changed not in tags)


@dataclass(frozen=True)
class _Probe:
    """What is looked for at a candidate: a full verdict on each quote at each commit would take minutes."""

    path: str
    lines: tuple[str, ...]
    """The lines of the quote that identify a place, squeezed."""
    claimed: tuple[Region, ...]


def _probe(locations: Sequence[Location]) -> Iterator[_Probe]:
    often = {path for path, _ in Counter(location.path for location in locations).most_common(_MOST_PATHS)}
    for location in locations:
        telling = find_telling_lines(location.quote or "")
        if telling and location.path in often:
            claimed = leave_unchecked(location.quote, location.lines).claimed
            yield _Probe(location.path, tuple(map(squeeze, telling)), claimed)


def _seems_to_fit(probe: _Probe, reader: FileReader, commit: str) -> bool:
    try:
        file = reader.find(commit, probe.path)
    except NoLinesError:
        return False
    if file is None:
        return False
    ranges = [file.lines[region.start_line - 1 : region.end_line] for region in probe.claimed] or [file.lines]
    text = "\n".join(squeeze(line) for lines in ranges for line in lines)
    return all(line in text for line in probe.lines)


def _fits(location: Location, files: FileReader, commit: str) -> bool:
    try:
        file = files.find(commit, location.path)
    except NoLinesError:
        return False
    return file is not None and check_quote(location.quote or "", file.index, location.lines).verdict not in _MISFITS
