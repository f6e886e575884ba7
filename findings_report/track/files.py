"""The files of one commit, each read and decoded once, or the reason why it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from findings_report import git
from findings_report.model.evidence import Region, Symbol
from findings_report.problems import FindingsReportError, Problem
from findings_report.sourcecode.languages import language_of
from findings_report.sourcecode.lines import decode, obstacle
from findings_report.sourcecode.symbols import symbols


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file at a commit."""

    path: str
    """POSIX, from the repository's root."""
    blob: str
    """Its id."""
    size: int
    """Bytes."""
    lines: tuple[str, ...]
    """Without line ends; line n is `lines[n - 1]`."""

    @cached_property
    def language(self) -> str:
        """Pygments' name, by the file's name."""
        return language_of(self.path)

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """Its functions and classes."""
        return symbols(self.lines, self.language)


def in_region(lines: Sequence[str], region: Region) -> Sequence[str]:
    """The lines of a region of a file."""
    return lines[region.start_line - 1 : region.end_line]


class NoLinesError(Exception):
    """A path that has no lines to follow; its text is the reason, a sentence that stands alone."""


class SourceFiles:
    """The files of `commit`."""

    def __init__(self, repository: git.Repository, commit: str) -> None:
        self.repository: Final = repository
        """Where they are."""
        self.commit: Final = commit
        """Full hash."""
        self.problems: tuple[Problem, ...] = ()
        """What could not be read; warnings."""
        self._files: dict[str, SourceFile | NoLinesError | None] = {}

    def file(self, path: str) -> SourceFile | None:
        """The file at `path`; None when nothing stands there. Raises NoLinesError."""
        if path not in self._files:
            try:
                self._files[path] = self._read(path)
            except NoLinesError as error:
                self._files[path] = error
            except FindingsReportError as error:
                self._files[path] = NoLinesError(str(error))
        found = self._files[path]
        if isinstance(found, NoLinesError):
            raise found
        return found

    @cached_property
    def is_here(self) -> bool:
        """True when the commit is in the repository."""
        return self.repository.has_commit(self.commit)

    @cached_property
    def blobs(self) -> dict[str, str]:
        """Path -> blob id of every file; none, and a problem, when a folder cannot be read."""
        try:
            return dict(self.repository.files(self.commit))
        except FindingsReportError as error:
            self.problems += warnings(error)
            return {}

    def _read(self, path: str) -> SourceFile | None:
        entry = self.repository.entry(self.commit, path)
        if entry is None:
            return None
        if entry.kind is not git.EntryKind.FILE or entry.size is None:
            raise NoLinesError(f"{path} is a {entry.kind.value} at commit {self.commit}")
        if entry.size > git.LARGEST_OBJECT:
            raise NoLinesError(
                f"{path} has {entry.size:,} bytes at commit {self.commit}; at most {git.LARGEST_OBJECT:,} are read"
            )
        content = self.repository.blob(entry.id)
        if (what := obstacle(content)) is not None:
            raise NoLinesError(f"{path} is {what.value} at commit {self.commit}")
        return SourceFile(path, entry.id, entry.size, decode(content).lines)


def warnings(error: FindingsReportError) -> tuple[Problem, ...]:
    """The problems of something that the answer can do without."""
    return tuple(replace(problem, level="warning") for problem in error.problems)
