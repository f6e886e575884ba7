"""The clone of a repository: where it is, which commit of it is read, and its files, each read, decoded and indexed once."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from findings_report import git
from findings_report.evidence.cited_paths import (
    PathReading,
    describe_difference,
    find_submodule_url,
    fold,
    list_parents,
    read_path,
    suggest_path,
    suggest_repository,
)
from findings_report.evidence.quote import LineIndex, check_quote, index_lines
from findings_report.forges.permalinks import strip_credentials
from findings_report.model.engagement import DeclaredRepository, Engagement
from findings_report.model.evidence import Check, Region, Symbol
from findings_report.problems import FindingsReportError, Kind, Problem, system_problem
from findings_report.problems.safe_text import display_path
from findings_report.sourcecode.encodings import Obstacle, Text, decode, list_declared
from findings_report.sourcecode.languages import Inside, comments_of, find_insides, language_of
from findings_report.sourcecode.lines import hash_lines, squeeze
from findings_report.sourcecode.symbols import find_symbols
from findings_report.system import cache

# As much as `git` reads of one object.
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a file that can be cited."""

_LARGEST_SETTINGS: Final = 32 * 1024
_LARGEST_HASHED: Final = 1024 * 1024  # bytes of a file whose lines are hashed; code scanning hashes those of larger ones

_MOST_BYTES_KEPT: Final = 32 * 1024 * 1024  # of files that are kept to be searched for quotes

MISSING: Final = "path-missing"
"""Code of a path that does not exist; any other NoLinesError is about a file that is there."""


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file at a commit."""

    path: str
    """POSIX, from the repository's root."""
    blob: str
    """Id of the blob."""
    size: int
    """Bytes."""
    text: Text
    """The decoded content."""
    is_terminated: bool = True
    """True if the last line has a line end."""
    has_mark: bool = False
    """True if the file begins with a byte order mark."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines without line ends; line n is `lines[n - 1]`."""
        return self.text.lines

    @cached_property
    def language(self) -> str:
        """Pygments' name of the language, by the file's name; empty when unknown."""
        return language_of(self.path)

    @cached_property
    def index(self) -> LineIndex:
        """The lines, indexed for searching quotes."""
        return index_lines(self.lines, comments_of(self.path))

    def check(self, quote: str, lines: tuple[Region, ...]) -> Check:
        """Return the verdict on a quote that claims `lines`; computed once, since it is asked for more than once."""
        key = (quote, lines)
        if key not in self._checks:
            self._checks[key] = check_quote(quote, self.index, lines)
        return self._checks[key]

    @cached_property
    def line_hashes(self) -> tuple[str, ...]:
        """CodeQL's hash of each line; empty for a file that code scanning reads differently, or that is large."""
        is_read_alike = self.text.encoding == "utf-8" and not self.has_mark and not any("\r" in line for line in self.lines)
        if not is_read_alike or self.size > _LARGEST_HASHED:
            return ()
        return hash_lines("\n".join(self.lines) + ("\n" if self.lines and self.is_terminated else ""))

    @cached_property
    def squeezed(self) -> str:
        """All lines, white space squeezed."""
        return "\n".join(map(squeeze, self.lines))

    @cached_property
    def _checks(self) -> dict[tuple[str, tuple[Region, ...]], Check]:
        return {}

    @cached_property
    def insides(self) -> tuple[Inside, ...]:
        """The multi-line strings and comments."""
        return find_insides(self.lines, self.language)

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The named functions and classes."""
        return find_symbols(self.lines, self.language)


class NoLinesError(Exception):
    """A path that has no lines to cite or follow; its text is the fault, a complete sentence."""

    def __init__(self, fault: str, *, reason: str, code: str, remedy: str | None = None) -> None:
        super().__init__(fault)
        self.fault: Final = fault
        """The message, as of a problem."""
        self.reason: Final = reason
        """The same for a reader of the report, who sees path and commit beside it: a few words."""
        self.code: Final = code
        """The code of a problem."""
        self.remedy: Final = remedy
        """What to do; None if nothing better is known than the fault says."""


class GitEntry(Protocol):
    """The entry at a path."""

    @property
    def kind(self) -> str:
        """file, symlink, submodule or folder."""

    @property
    def id(self) -> str:
        """Id of the blob."""

    @property
    def size(self) -> int | None:
        """Bytes of the blob; None when it has none."""


class BlobReader(Protocol):
    """The files of a commit. Both methods raise FindingsReportError (SOURCE) for an object that is damaged or missing."""

    def files(self, commit: str) -> tuple[tuple[str, str], ...]:
        """Return (path, blob id) of every file, in git's order."""

    def blob(self, id: str) -> bytes:
        """Return the content of a file."""


class GitReader(BlobReader, Protocol):
    """What `resolve` asks of a repository. Every method may raise FindingsReportError (SOURCE) for a damaged object."""

    @property
    def refs(self) -> Mapping[str, str] | None:
        """Every branch, tag and other ref with its id; None when they cannot be read."""

    def tags(self) -> dict[str, str]:
        """Return the tags, by name, with their commits."""

    def is_named(self, commit: str) -> bool | None:
        """True when `commit` is in the history of a branch or tag; None when that is not known."""

    def is_in_history(self, commit: str, *, of: str) -> bool | None:
        """True when `commit` is `of` or one of its ancestors; None when that is not known."""

    def changing_commits(self, paths: Sequence[str], *, of: Sequence[str], but: Sequence[str], most: int) -> tuple[str, ...]:
        """Return commits of the history of `of` but not of `but` that changed one of `paths`, the newest first."""

    def sort_by_date(self, commits: Collection[str]) -> tuple[str, ...]:
        """Return the commits, each once, the newest first."""

    def commit_of(self, revision: str) -> str | None:
        """Return the full hash that `revision` names now; None when it names nothing."""

    def has_commit(self, commit: str) -> bool:
        """True when `commit` is the full hash of a commit that is here."""

    def entry(self, commit: str, path: str) -> GitEntry | None:
        """Return the entry at `path`; None when there is none."""

    def read_blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield each id with the content of that file; None for one that is not here, and nothing for one that is too large."""

    def containing(self, commit: str, lines: Sequence[str], limit: int, extensions: Sequence[str] = ()) -> tuple[str, ...]:
        """Return paths of files in which each of `lines` is part of some line."""


@dataclass(frozen=True)
class Clone:
    """Where one repository's clone is."""

    path: Path
    """The folder."""
    is_fetched: bool = False
    """True when `fetch` made it: it holds the pinned commits only."""
    is_given: bool = False
    """True when the command line named it, not engagement.yaml."""


@dataclass(frozen=True)
class CitedFile:
    """The file that the path of a location means."""

    file: SourceFile
    """The file, with its path in the commit."""
    lines: tuple[Region, ...] = ()
    """The lines that the path names itself, as `src/app.py:12` does."""
    difference: str | None = None
    """In what its path differs from the one that was written, as the end of a sentence; None if it does not."""


class FileReader:
    """The files of one repository, each read and decoded once.

    `repositories` are those of the engagement, and `name` is this one's there.
    """

    def __init__(self, source: GitReader, repositories: Mapping[str, DeclaredRepository] = {}, name: str = "") -> None:
        self.source: Final = source
        """The door to git."""
        self._repositories = repositories
        self._name = name
        self._files: dict[tuple[str, str], SourceFile | NoLinesError | None] = {}
        self._cited: dict[tuple[str, str], CitedFile | NoLinesError] = {}
        self._decoded: dict[tuple[str, str], SourceFile] = {}
        self._commits: dict[str, bool] = {}
        self._paths: dict[str, dict[str, list[str]]] = {}
        self._searched: dict[tuple[str, tuple[str, ...]], list[tuple[str, bytes]] | None] = {}

    def cited(self, commit: str, written: str) -> CitedFile:
        """Return the file that a path means, in whatever notation it is written.

        Raises NoLinesError when the commit is missing, when the path means no file or could mean several, with the path to
        write if one is likely, and as `find` does.
        """
        # Failures are remembered too: many locations have one cause, and each would have git asked again.
        key = (commit, written)
        if key not in self._cited:
            try:
                self._check_commit(commit)
                file = self.find(commit, written)
                self._cited[key] = CitedFile(file) if file is not None else self._read_notation(commit, written)
            except NoLinesError as error:
                self._cited[key] = error
            except FindingsReportError as error:
                self._cited[key] = _unreadable(written, commit, error)
        cited = self._cited[key]
        if isinstance(cited, NoLinesError):
            raise cited
        return cited

    def containing(self, commit: str, lines: Sequence[str], limit: int, extensions: tuple[str, ...]) -> tuple[str, ...]:
        """Return paths of at most `limit` files in which each of `lines` is part of some line; only of files with one of
        `extensions`, if there are any. Raises FindingsReportError (SOURCE) when the commit cannot be searched."""
        key = (commit, extensions)
        is_first = key not in self._searched
        # The first search is git's; for more of them it costs less to read the files once.
        contents = None if is_first or not extensions else self._searched[key] or self._read_all(commit, extensions)
        self._searched[key] = contents
        if not contents:
            return self.source.containing(commit, lines, limit, extensions)
        wanted = [line.encode("utf-8", "surrogatepass") for line in lines]
        return tuple(islice((path for path, content in contents if all(line in content for line in wanted)), limit))

    def _read_all(self, commit: str, extensions: tuple[str, ...]) -> list[tuple[str, bytes]]:
        """Return path and content of the files of a commit that have one of `extensions`; none when they are too many."""
        endings = tuple(f".{extension}" for extension in extensions)
        paths = [(path, id) for path, id in self.source.files(commit) if path.lower().endswith(endings)]
        contents: dict[str, bytes] = {}
        left = _MOST_BYTES_KEPT
        try:
            for id, content in self.source.read_blobs(id for _, id in paths):
                left -= len(content or b"")
                if left < 0:
                    return []
                contents[id] = content or b""
        except FindingsReportError:
            return []  # git goes on where a file is damaged
        return [(path, contents[id]) for path, id in paths if id in contents]

    def _check_commit(self, commit: str) -> None:
        if commit not in self._commits:
            self._commits[commit] = self.source.has_commit(commit)
        if not self._commits[commit]:
            fault = f"commit {commit} is not in the clone of repository {self._name!r}"
            remedy = "correct `commit`, fetch it into the clone, or, if the repository has a `url`, run `findings-report fetch`"
            raise NoLinesError(fault, reason="the commit is not in the clone", code="commit-missing", remedy=remedy)

    def _read_notation(self, commit: str, written: str) -> CitedFile:
        """Return the file that a path in another notation means."""
        readings = read_path(written, self._homes)
        sure = [reading for reading in readings if reading.is_sure]
        for reading in sure:
            if self._is_file(commit, reading.path) and (file := self.find(commit, reading.path)) is not None:
                return CitedFile(file, reading.lines, describe_difference(written, reading.path))
        self._check_submodules(commit, sure)
        paths = self._fold_paths(commit)
        for reading in sure:
            same = paths.get(fold(reading.path), [])
            if len(same) == 1 and (file := self.find(commit, same[0])) is not None:
                return CitedFile(file, reading.lines, describe_difference(written, same[0]))
        if sure and self.source.entry(commit, sure[0].path) is not None:
            self.find(commit, sure[0].path)  # a folder or a link, in another notation: raises
        guesses = [reading.path for reading in readings if not reading.is_sure and self._is_file(commit, reading.path)]
        remedy = suggest_path(sure[0].path if sure else written, guesses, [path for same in paths.values() for path in same])
        remedy = remedy or "correct `path`, or set `commit` to one that has the file"
        raise NoLinesError(
            f"there is no {written} at commit {commit}", reason="no such file at this commit", code=MISSING, remedy=remedy
        )

    @cached_property
    def _homes(self) -> set[str]:
        """The names that the folder of the repository may have on a machine."""
        own = self._repositories.get(self._name)
        places = (self._name, own and own.url, own and own.path, own and own.web)
        names = (re.split(r"[/\\:]", place.rstrip("/\\"))[-1].removesuffix(".git").casefold() for place in places if place)
        return {name for name in names if name not in ("", ".", "..")}

    def _is_file(self, commit: str, path: str) -> bool:
        entry = self.source.entry(commit, path) if path else None
        return entry is not None and entry.kind == "file"

    def _fold_paths(self, commit: str) -> dict[str, list[str]]:
        """Return the paths of every file of a commit by what `fold` makes of them."""
        if commit not in self._paths:
            folded: dict[str, list[str]] = {}
            try:
                for path, _ in self.source.files(commit):
                    folded.setdefault(fold(path), []).append(path)
            except FindingsReportError:
                folded = {}  # a commit that cannot be listed costs the suggestions
            self._paths[commit] = folded
        return self._paths[commit]

    def _check_submodules(self, commit: str, readings: Sequence[PathReading]) -> None:
        """Raise NoLinesError for a path in or of a submodule, with the entry of `repositories` to add."""
        for reading in readings:
            for folder, rest in list_parents(f"{reading.path}/"):
                entry = self.source.entry(commit, folder)
                if entry is not None and entry.kind == "submodule":
                    raise self._in_submodule(commit, folder, rest.rstrip("/"), entry.id)

    def _in_submodule(self, commit: str, folder: str, path: str, pinned: str) -> NoLinesError:
        own = self._repositories.get(self._name)
        modules = self._read_text(commit, ".gitmodules") or ""
        url = find_submodule_url(modules, folder, base=strip_credentials(own.url) if own else None)
        urls = {name: repository.url for name, repository in self._repositories.items()}
        what = f"{folder}/{path} is in the submodule {folder}" if path else f"{folder} is a submodule"
        return NoLinesError(
            f"{what} at commit {commit}: another repository, at its commit {pinned}",
            reason="the path is in a submodule, another repository",
            code="path-in-submodule",
            remedy=suggest_repository(path, url or folder, pinned, urls),
        )

    def find(self, commit: str, path: str) -> SourceFile | None:
        """Return the file at `path`; None when there is none.

        Raises NoLinesError for what has no lines, and for what git cannot read.
        """
        # Failures are remembered too: many locations cite one file, and each would have git read it again.
        key = (commit, path)
        if key not in self._files:
            try:
                self._files[key] = self._read(commit, path)
            except NoLinesError as error:
                self._files[key] = error
            except FindingsReportError as error:
                self._files[key] = _unreadable(path, commit, error)
        file = self._files[key]
        if isinstance(file, NoLinesError):
            raise file
        return file

    def _read(self, commit: str, path: str) -> SourceFile | None:
        entry = self.source.entry(commit, path)
        if entry is None:
            return None
        if entry.kind == "submodule":
            raise self._in_submodule(commit, path, "", entry.id)
        # A link is never followed: its target may lie outside of the repository.
        if entry.kind != "file" or entry.size is None:
            kind = "a symbolic link" if entry.kind == "symlink" else f"a {entry.kind}"
            fault = f"{path} is {kind} at commit {commit}; its lines cannot be cited"
            remedy = "cite the file it leads to, by its own path" if entry.kind == "symlink" else "cite a file in it"
            raise NoLinesError(fault, reason=f"this path is {kind}", code="path-not-a-file", remedy=remedy)
        # The size is known from the header, so a blob of gigabytes is never read.
        if entry.size > LARGEST:
            fault = f"{path} has {entry.size:,} bytes at commit {commit}; files of at most {LARGEST:,} can be cited"
            raise NoLinesError(fault, reason="the file is too large", code="file-too-large")
        # By blob, so that a file cited at several commits is decoded once; by path too, because the language follows it.
        key = (entry.id, path)
        if key not in self._decoded:
            content = self.source.blob(entry.id)
            text = decode(content, list_declared(path, lambda name: self._read_text(commit, name)))
            if isinstance(text, Obstacle):
                fault = f"{path} is {text.value} at commit {commit}; its lines cannot be cited"
                raise NoLinesError(fault, reason=f"this path is {text.value}", code="file-not-text")
            has_mark = content.startswith(codecs.BOM_UTF8)
            self._decoded[key] = SourceFile(path, entry.id, entry.size, text, content.endswith(b"\n"), has_mark)
        return self._decoded[key]

    def _read_text(self, commit: str, path: str) -> str | None:
        """Return a small file of settings; None for any other."""
        entry = self.source.entry(commit, path)
        if entry is None or entry.kind != "file" or entry.size is None or entry.size > _LARGEST_SETTINGS:
            return None
        return self.source.blob(entry.id).decode("utf-8", "replace")


def _unreadable(path: str, commit: str, error: FindingsReportError) -> NoLinesError:
    """Return what git could not read as the fault of one path."""
    first = error.problems[0]
    fault = f"{path} cannot be read at commit {commit}: {first.fault}"
    return NoLinesError(fault, reason="the file cannot be read", code=first.code, remedy=first.remedy)


class SourceFiles:
    """The files of one commit, each read once."""

    def __init__(self, repository: git.Repository, commit: str) -> None:
        self.repository: Final = repository
        """The repository that contains the files."""
        self.commit: Final = commit
        """Full hash."""
        self.problems: tuple[Problem, ...] = ()
        """What could not be read; warnings."""
        self._reader = FileReader(repository)

    def file(self, path: str) -> SourceFile | None:
        """Return the file at `path`; None when there is none. Raises NoLinesError."""
        return self._reader.find(self.commit, path)

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
            self.problems += soften_errors(error)
            return {}


def find_clones(engagement: Engagement, folder: Path, overrides: Mapping[str, Path]) -> dict[str, Clone | None]:
    """Return the clone of each repository by name; None when none is available. `folder` is the engagement's.

    `overrides` are by name; an empty one means the only repository there is. Raises FindingsReportError (USAGE) when they name
    a repository that the engagement does not have.
    """
    names = list(engagement.repositories)
    if "" in overrides:
        if len(names) != 1:
            known = ", ".join(names) or "the engagement has none"
            fault = f"--repository {str(overrides[''])!r} does not name a repository ({known})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "write NAME=PATH", code="no-repository"))
        overrides = {names[0]: overrides[""]} | {name: path for name, path in overrides.items() if name}
    if unknown := [name for name in overrides if name not in names]:
        fault = f"--repository names {unknown[0]!r}; the engagement has {', '.join(names) or 'no repository'}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="no-repository"))
    clones: dict[str, Clone | None] = {}
    for name, repository in engagement.repositories.items():
        # In this order: the command line, then the clone that the engagement names, then the one that `fetch` made, which
        # holds the pinned commits only.
        fetched = cache.repository_folder(repository.url) if repository.url else None
        local = folder / os.path.expanduser(repository.path) if repository.path else None  # noqa: PTH111 - never raises
        if name in overrides:
            clones[name] = Clone(overrides[name], is_given=True)
        elif local is not None and os.path.exists(local):  # noqa: PTH110 - Path.exists raises on what it may not look at
            clones[name] = Clone(local)
        elif fetched is not None and fetched.exists():
            clones[name] = Clone(fetched, is_fetched=True)
        else:
            clones[name] = None
    return clones


def set_aside_broken(
    clones: Mapping[str, Clone | None], borrow: Sequence[Path]
) -> tuple[dict[str, Clone | None], tuple[Problem, ...]]:
    """Return the clones without those that cannot be opened, and a warning for each of these.

    A clone that the command line names stays: a wrong one is an error.
    """
    kept = dict(clones)
    problems: list[Problem] = []
    for name, clone in clones.items():
        if clone is None or clone.is_given:
            continue
        try:
            with open_clones({name: clone}, borrow):
                pass
        except FindingsReportError as error:
            kept[name] = None
            problems += soften_errors(error)
    return kept, tuple(problems)


@contextmanager
def open_clones(clones: Mapping[str, Clone | None], borrow: Sequence[Path]) -> Iterator[dict[str, git.Repository | None]]:
    """Open every clone, and close all at the end. Raises FindingsReportError (SOURCE) with all that cannot be opened."""
    with ExitStack() as stack:
        opened: dict[str, git.Repository | None] = {}
        problems: list[Problem] = []
        for name, clone in clones.items():
            try:
                opened[name] = (
                    stack.enter_context(git.open_repository(clone.path, name=name, borrow=tuple(borrow))) if clone else None
                )
            except FindingsReportError as error:
                # A folder from the command line has no place in engagement.yaml to point at.
                subject = None if clone and clone.is_given else ("engagement", "repositories", name, "path")
                problems += (replace(problem, subject=problem.subject or subject) for problem in error.problems)
        # All of them at once, so that an engagement with several broken clones is corrected in one go.
        if problems:
            raise FindingsReportError(problems)
        try:
            yield opened
        except OSError as error:
            # Not softened to a warning on its way, as damage of a single object is: nothing more can be read.
            paths = ", ".join(display_path(clone.path) for clone in clones.values() if clone)
            raise FindingsReportError(system_problem(error, Kind.SOURCE, file=paths)) from None


def lines_of(lines: Sequence[str], region: Region) -> Sequence[str]:
    """Return the lines of `region`."""
    return lines[region.start_line - 1 : region.end_line]


def soften_errors(error: FindingsReportError) -> tuple[Problem, ...]:
    """Return the problems of `error` as warnings, for data that the result can do without."""
    return tuple(replace(problem, level="warning") for problem in error.problems)
