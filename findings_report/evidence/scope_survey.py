"""The scope, compared with git: which files it names at the audited commits, and how many lines they have.

A scope may be a whole repository: beyond MOST_FILES files or MOST_BYTES the lines of a repository are not counted, and that
is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from findings_report.evidence.source_files import BlobReader
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import CoveredFile
from findings_report.model.report import ReportedRepository
from findings_report.model.scope import Pattern, naming, patterns
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sourcecode.encodings import count_lines

MOST_FILES: Final = 10_000
"""Files of one repository whose lines are counted; a thousand take 70 milliseconds."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""What they may hold together."""

_TOO_LARGE: Final = "object-too-large"


@dataclass(frozen=True)
class Survey:
    """What the scope names."""

    files: Mapping[str, tuple[CoveredFile, ...]]
    """By repository, for those that were read; in git's order."""
    problems: tuple[Problem, ...]
    """Warnings and notes, in the scope's order."""


def survey(
    engagement: Engagement, repositories: Sequence[ReportedRepository], sources: Mapping[str, BlobReader | None]
) -> Survey:
    """Return the files of every repository that was read. Problems that a user can solve are returned, not raised."""
    scope = patterns(engagement.scope, engagement.repositories)
    if not scope:
        return Survey({}, ())
    files: dict[str, tuple[CoveredFile, ...]] = {}
    paths: list[str] = []
    problems: list[Problem] = []
    # A repository that cannot be read is reported where its locations are resolved; here it only has no files.
    for repository in repositories:
        source = sources.get(repository.name)
        if source is None or repository.commit is None or not repository.is_read:
            continue
        try:
            listed = source.files(repository.commit)
        except FindingsReportError as error:
            problems += (_warning(f"the scope is not expanded: {problem.fault}", problem.remedy) for problem in error.problems)
            continue
        paths += (path for path, _ in listed)
        files[repository.name], uncounted = _cover(repository.name, listed, scope, source)
        problems += uncounted
    return Survey(files, (*_report_empty(scope, files, paths), *problems))


def _warning(fault: str, remedy: str | None, *path: int, code: str = "scope-unread") -> Problem:
    return Problem(Kind.SOURCE, fault, remedy, subject=("engagement", "scope", *path), level="warning", code=code)


def _cover(
    repository: str, listed: Sequence[tuple[str, str]], scope: Sequence[Pattern], source: BlobReader
) -> tuple[tuple[CoveredFile, ...], list[Problem]]:
    named = [(path, id, entries) for path, id in listed if (entries := naming(scope, repository, path))]
    lines, problems = _count_lines(repository, [id for _, id, _ in named], source)
    return tuple(CoveredFile(path=path, lines=lines.get(id), entries=entries) for path, id, entries in named), problems


def _count_lines(repository: str, ids: Sequence[str], source: BlobReader) -> tuple[dict[str, int | None], list[Problem]]:
    """Return how many lines each blob has: all of them, or none when there are too many."""
    # All or none: a total over some of the files would be read as the size of the scope.
    fault = f"the lines of the {len(ids):,} files that the scope names in repository {repository!r} are not counted"
    too_many = f"{fault}: they are more than {MOST_FILES:,}, or than {MOST_BYTES // 2**20} MiB"
    lines: dict[str, int | None] = {}
    unread: list[Problem] = []
    left = MOST_BYTES
    # By id, so that copies of a file are read once.
    for id in dict.fromkeys(ids):
        if len(ids) > MOST_FILES or left < 0:
            note = Problem(Kind.SOURCE, too_many, subject=("engagement", "scope"), level="note", code="scope-uncounted")
            return {}, [note]
        try:
            content = source.blob(id)
        except FindingsReportError as error:
            # A large file is in the scope like any other and is listed without a count; only damage is worth a warning.
            unread += (problem for problem in error.problems if problem.code != _TOO_LARGE)
            continue
        left -= len(content)
        lines[id] = count_lines(content)
    if not unread:
        return lines, []
    fault = f"{len(unread)} of the files that the scope names in repository {repository!r} cannot be read: {unread[0].fault}"
    return lines, [_warning(fault, unread[0].remedy)]


def _report_empty(scope: Sequence[Pattern], files: Mapping[str, Sequence[CoveredFile]], paths: Sequence[str]) -> list[Problem]:
    """Return a warning for each entry that names no file, if all repositories that it concerns were read."""
    used = {index for listed in files.values() for file in listed for index in file.entries}
    # An excluding entry leaves no file behind that names it, so it is checked against every path.
    used |= {index for index, entry in enumerate(scope) if entry.is_excluding and any(map(entry.names, paths))}
    problems = []
    for index, pattern in enumerate(scope):
        if index in used or (pattern.repository is not None and pattern.repository not in files) or not files:
            continue
        # The usual slip is a path from within a subfolder.
        anywhere = Pattern(pattern.repository, f"**/{pattern.text.lstrip('/')}")
        match = next((path for path in paths if anywhere.names(path)), None)
        mark = "!" if pattern.is_excluding else ""
        remedy = f"`{mark}{anywhere.text}` would name {match}" if match else "write paths as `git ls-files` prints them"
        problems.append(_warning("names no file at the commit that is audited", remedy, index, code="scope-empty"))
    return problems
