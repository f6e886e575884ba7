"""One repository, open for reading: revisions to commits, commits and paths to entries, ids to content.

Git is never started on the repository itself. `layout` and `refs` read its pointers and refs as plain files; everything else
happens in a private, empty repository that borrows its objects, so that nothing the repository configures is ever read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from findings_report.git import process
from findings_report.git.layout import (
    RESET_INDEX,
    Layout,
    copy_index,
    create_bare,
    find_layout,
    id_of,
    lend,
    list_refs,
    read_branch,
    refusal,
)
from findings_report.git.objects import (
    LARGEST_OBJECT,
    EntryKind,
    Objects,
    TreeEntry,
    parse_tree,
    read_blobs,
    tree_of_commit,
    write_object,
)
from findings_report.problems import FindingsReportError
from findings_report.system.journal import TemporaryFolder

_MOST_FILES: Final = 1_000_000
_DEEPEST_FOLDER: Final = 400
_MOST_LINES_SEARCHED: Final = 8
_LONGEST_SEARCHED: Final = 2_000  # a program is not started with an argument of more than 128 KiB
_MOST_PATHS_FOUND: Final = 1024 * 1024
_SEARCHED: Final = (0, 1, process.OVERFLOWED)
"""Statuses of a search that was done: found, nothing found, more found than anybody wants."""
_RESOLVE_SECONDS: Final = 30
_SEARCH_SECONDS: Final = 120
_WALK_SECONDS: Final = 10  # the whole history of Neutron, 43,000 commits, takes 0.5
_NEXT_TAGS: Final = 16
_STAGE_SECONDS: Final = 120
# The index of Linux, 90,000 files, takes 30 MiB; one of a few kilobytes can hold names that fill any memory.
_STAGE_MEMORY: Final = 1024 * 1024 * 1024
_CONFLICTS: Final = re.compile(r"(?:git-)?write-tree: error building trees")
_NOBODY: Final = "nobody <> 0 +0000"
_TAGS: Final = "refs/tags/"
_RESOLVE: Final = ("rev-parse", "--verify", "--quiet", "--end-of-options")
_SHORT: Final = re.compile(r"[0-9a-f]{4,63}")
_MOST_LISTED: Final = 5
_REVISION: Final = re.compile(r"(?P<name>(?:(?!@\{)[^~^:])*)(?P<rest>.*)", re.DOTALL)
"""A name or hash, and what git's notation adds to it: ~2, ^{}, :path, @{1}."""


@dataclass(frozen=True)
class PathEntry:
    """The entry at a path in a commit."""

    kind: EntryKind
    """File, symlink, submodule or folder."""
    id: str
    """Id of the blob; of a folder, its tree; of a submodule, the other repository's commit."""
    size: int | None
    """Bytes of the blob of a file or symlink; None for the others."""


class Repository:
    """A repository under audit, made by `open_repository`. Not for use by several threads at once.

    Commits are full hashes; paths are POSIX, from the repository's root, with bytes that are not UTF-8 as `\\xff`. Every method
    raises FindingsReportError (SOURCE) for an object that is damaged, too large or malformed, and for one that
    is needed and not here.
    """

    def __init__(self, name: str, path: Path, layout: Layout, private: TemporaryFolder) -> None:
        self.name: Final = name
        """Its name in the engagement."""
        self.path: Final = path
        """Where it is, as the user said it."""
        self.object_format: Final = layout.object_format
        """sha1 or sha256."""
        self.is_shallow: Final = bool(layout.shallow)
        """True when history was cut off in cloning."""
        self.remotes: Final = layout.remotes
        """The addresses of its remotes."""
        self.is_partial: Final = layout.is_partial
        """True when objects were left out in cloning."""
        self.folder: Final = Path(private.name)
        """The private bare repository that borrows the objects; `fetch_repository` clones from it."""
        self._layout = layout
        self._private = private
        self._objects = Objects(self.folder, layout.object_format, subject=f"repository '{name}'")
        self._tree = lru_cache(maxsize=4096)(self._read_tree)
        self._root = lru_cache(maxsize=256)(self._read_root)
        self._header = lru_cache(maxsize=4096)(self._objects.header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End git's processes and remove the private folder."""
        self._objects.close()
        self._private.cleanup()

    def commit_of(self, revision: str) -> str | None:
        """Return the full hash of the commit that `revision` (tag, branch, hash, HEAD~2, ...) names now; None without one.

        Raises FindingsReportError for a short hash that names several.
        """
        if not revision or len(revision) > 1000 or not _can_be_argument(revision):
            return None
        match = _REVISION.fullmatch(revision)
        assert match is not None  # noqa: S101  # both of its parts may be empty
        name, rest = match["name"], match["rest"]
        # Reflogs and the index are in the audited clone, which git is never started on.
        if rest.startswith("@{") or (not name and rest.startswith(":/")):
            fault = f"revision {revision!r} asks what only the clone of repository '{self.name}' itself knows"
            raise refusal(fault, remedy="name a tag, a branch or a hash", code="revision-unresolved")
        id = None if self._objects.is_id(name) else id_of(self._layout, name, shown=f"repository '{self.name}'")
        answer = process.run(
            [f"--git-dir={self.folder}", *_RESOLVE, f"{id or name}{rest}^{{commit}}"],
            environment=process.environment(),
            folder=self.folder,
            seconds=_RESOLVE_SECONDS,
        )
        if answer.status not in (0, 1):
            fault = f"revision {revision!r} cannot be resolved in repository '{self.name}': {answer.fault}"
            raise refusal(fault, code="revision-unresolved")
        commit = answer.output.decode("ascii", "replace").strip()
        if self._objects.is_id(commit):
            return commit
        if several := self._commits_like(name) if id is None else ():
            fault = f"revision {revision!r} names several commits of repository '{self.name}': {', '.join(several)}"
            raise refusal(fault, remedy="write more of the hash", code="revision-ambiguous")
        return None

    def _commits_like(self, short: str) -> tuple[str, ...]:
        """Return the commits whose hashes start with `short`, where it is a short hash and there are several of them."""
        if _SHORT.fullmatch(short) is None:
            return ()
        arguments = [f"--git-dir={self.folder}", "rev-parse", f"--disambiguate={short}"]
        answer = process.run(arguments, environment=process.environment(), folder=self.folder, seconds=_RESOLVE_SECONDS)
        commits = sorted(id for id in answer.output.decode("ascii", "replace").split() if self.has_commit(id))
        return tuple(commits[:_MOST_LISTED]) if len(commits) > 1 else ()

    def has_commit(self, commit: str) -> bool:
        """True when `commit` is the full hash of a commit that is here."""
        header = self._objects.header(commit)
        return header is not None and header.kind == "commit"

    @cached_property
    def refs(self) -> Mapping[str, str] | None:
        """Every branch, tag and other ref with its id; None when they are too many, or only git can read them."""
        return list_refs(self._layout)

    def is_named(self, commit: str) -> bool | None:
        """True when `commit` is in the history of a branch, tag or other ref.

        None when that is not known: there are no refs, they cannot be read, history was cut off, or is too long to be walked.
        """
        refs = self.refs
        if not refs or self.is_shallow or not self.has_commit(commit):
            return None
        if commit in refs.values():
            return True
        # The tags that came next are asked first: nearly every pin is in one of them, and the walk to them is short, while that
        # from all refs reads the whole history since.
        dated = self.sort_by_date({*self.tags().values(), commit})
        at = dated.index(commit) if commit in dated else 0
        if dated[:at] and self._list_commits([commit, *(f"^{id}" for id in dated[max(0, at - _NEXT_TAGS) : at])], most=1) == ():
            return True
        answer = self._list_commits([commit, *(f"^{id}" for id in set(refs.values()))], most=1)
        return None if answer is None else not answer

    def changing_commits(self, paths: Sequence[str], *, of: Sequence[str], but: Sequence[str], most: int) -> tuple[str, ...]:
        """Return at most `most` commits that changed one of `paths`, the newest first.

        They are in the history of `of`, and not in that of `but`. None of them when history is too long to be walked in time.
        """
        wanted = [*of, *(f"^{id}" for id in but), "--", *(f":(literal){path}" for path in paths if "\n" not in path)]
        return self._list_commits(wanted, most=most) or ()

    def tags(self) -> dict[str, str]:
        """Return the tags, by name, with their commits; none when the refs cannot be read."""
        # Sorted, since files are listed in any order, and the first of several tags of one commit is the one that is named.
        ids = {ref.removeprefix(_TAGS): id for ref, id in sorted((self.refs or {}).items()) if ref.startswith(_TAGS)}
        if not ids:
            return {}
        with process.file_of(f"{id}^{{commit}}" for id in ids.values()) as asked:
            answer = process.run(
                [f"--git-dir={self.folder}", "cat-file", "--batch-check=%(objectname) %(objecttype)"],
                environment=process.environment(),
                folder=self.folder,
                seconds=_WALK_SECONDS,
                given=asked,
            )
        lines = answer.output.decode("ascii", "replace").splitlines()
        pairs = zip(ids, lines, strict=False)
        return {name: line.removesuffix(" commit") for name, line in pairs if line.endswith(" commit")}

    def sort_by_date(self, commits: Collection[str]) -> tuple[str, ...]:
        """Return the commits, each once, the newest first; none when git cannot read them."""
        return self._list_commits(sorted(commits), "--no-walk=sorted", most=len(commits)) or ()

    @property
    def branch(self) -> str | None:
        """The branch that is checked out; None when there is none."""
        return read_branch(self._layout)

    def stage(self, index: Path | None = None) -> str:
        """Write what is staged as a commit into the private repository, and return its hash. The audited one is not changed.

        It has the files that `git commit` would commit: none that is only marked with `git add --intent-to-add`, all of a
        sparse checkout. `index` is a file other than that of the work tree; git gives hooks one for `git commit FILE`. Raises
        FindingsReportError without an index, for one that git cannot read, and for one with conflicts.
        """
        shown = f"repository '{self.name}'"
        copy_index(self._layout, self.folder, index, shown=shown)
        answer = process.run(
            # The contents that a partial clone left out are named when somebody reads them.
            [f"--git-dir={self.folder}", "write-tree", "--missing-ok"],
            environment=process.environment(),
            folder=self.folder,
            seconds=_STAGE_SECONDS,
            most=1024,
            memory_bytes=_STAGE_MEMORY,
        )
        tree = answer.output.decode("ascii", "replace").strip()
        if answer.status != 0 or not self._objects.is_id(tree):
            # Git's line for each path with conflicts may have no `error:` before it, and all other faults have one.
            if "unmerged" in answer.fault or _CONFLICTS.fullmatch(answer.fault):
                fault = f"{shown} has conflicts that are not resolved"
                raise refusal(fault, remedy="resolve them and run `git add` on the files", code="index-unreadable")
            fault = answer.fault.replace(f"{self.folder}/", "") or "git gave no answer"
            fault = f"the index of {shown} cannot be read: {fault}"
            raise refusal(fault, remedy=RESET_INDEX, code="index-unreadable")
        commit = f"tree {tree}\nauthor {_NOBODY}\ncommitter {_NOBODY}\n\nWhat is staged\n"
        return write_object(self.folder, "commit", commit.encode(), self.object_format)

    def is_in_history(self, commit: str, *, of: str) -> bool | None:
        """True when `commit` is `of` or one of its ancestors; None when history is too long to be walked in time."""
        found = self._list_commits([commit, f"^{of}"], most=1)
        return None if found is None else not found

    def _list_commits(self, wanted: Sequence[str], *options: str, most: int) -> tuple[str, ...] | None:
        """Return what `rev-list` gives for revisions and paths, the newest first; None when it takes too long."""
        # On its standard input, since thousands of refs are too long for a command line.
        with process.file_of(wanted) as asked:
            answer = process.run(
                [f"--git-dir={self.folder}", "rev-list", "--ignore-missing", f"--max-count={most}", *options, "--stdin"],
                environment=process.environment(),
                folder=self.folder,
                seconds=_WALK_SECONDS,
                given=asked,
            )
        return tuple(answer.output.decode("ascii", "replace").split()) if answer.status == 0 else None

    def entry(self, commit: str, path: str) -> PathEntry | None:
        """Return the entry at `path` in `commit`; None when there is none, also below a link or submodule."""
        reached = TreeEntry(EntryKind.FOLDER, self._root(commit))
        for part in path.split("/"):
            if reached.kind is not EntryKind.FOLDER:
                return None
            below = self._tree(reached.id).get(part)
            if below is None:
                return None
            reached = below
        if reached.kind in (EntryKind.FOLDER, EntryKind.SUBMODULE):
            return PathEntry(reached.kind, reached.id, None)
        # The size comes from the header: content is read only when a caller accepts the size.
        header = self._header(reached.id)
        if header is None:
            raise self._missing("blob", reached.id, f"the content of '{path}' at commit {commit}")
        return PathEntry(reached.kind, reached.id, header.size)

    def blob(self, id: str) -> bytes:
        """Return the content of a file, or the target of a symlink."""
        return self._read(id, "blob", f"blob {id}")

    def read_blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield (id, content) of many blobs, see `objects.read_blobs`."""
        return read_blobs(self.folder, self.object_format, ids, subject=f"repository '{self.name}'")

    def files(self, commit: str) -> tuple[tuple[str, str], ...]:
        """Return (path, blob id) of every file in `commit`, sorted by folder as git lists them; no symlinks, no submodules."""
        return tuple((path, entry.id) for path, entry in self._walk(self._root(commit), commit) if entry.kind is EntryKind.FILE)

    def tree(self, commit: str, folder: str) -> dict[str, TreeEntry]:
        """Return everything below `folder` in `commit` but folders, by path; "" is the root. Empty when there is none."""
        if not folder:
            return dict(self._walk(self._root(commit), commit))
        root = self.entry(commit, folder)
        if root is None or root.kind is not EntryKind.FOLDER:
            return {}
        return {f"{folder}/{path}": entry for path, entry in self._walk(root.id, commit)}

    def blob_id(self, content: bytes) -> str:
        """Return the id that a file of this content has in this repository, whether it is there or not."""
        return self._objects.id_of("blob", content)

    def write_blob(self, content: bytes) -> str:
        """Write a blob into the private repository, for git to compare, and return its id. The audited one is not changed."""
        return write_object(self.folder, "blob", content, self.object_format)

    def containing(self, commit: str, lines: Sequence[str], limit: int, extensions: Sequence[str] = ()) -> tuple[str, ...]:
        """Return paths of at most `limit` text files of `commit` in which each of `lines` is part of some line, in git's order;
        only of files with one of `extensions`, if there are any.

        Give lines without their indentation; files are searched as UTF-8. Blank lines are set aside, and of the others the 8
        longest are searched for, each by its first 2,000 characters; none at all gives no path. A search that takes more than
        two minutes raises.
        """
        wanted = dict.fromkeys(line for line in lines if line.strip() and "\n" not in line and _can_be_argument(line))
        searched = [line[:_LONGEST_SEARCHED] for line in sorted(wanted, key=len, reverse=True)[:_MOST_LINES_SEARCHED]]
        self._root(commit)  # says what is wrong with the commit before git does
        if not searched or limit < 1:
            return ()
        # Reading every file of a commit takes ten times as long as reading its source files.
        files = [f":(icase)*.{extension}" for extension in extensions]
        answer = self._grep(commit, searched, files)
        if answer.status not in _SEARCHED:
            # Git gives up at the first file that is too large for the memory it is allowed.
            answer = self._grep(commit, searched, [*files, *(f":(exclude,literal){path}" for path in self._too_large(commit))])
        if answer.status not in _SEARCHED:
            raise refusal(f"repository '{self.name}' cannot be searched at {commit}: {answer.fault}", code="search-failed")
        paths = answer.output.split(b"\0")[:-1][:limit]
        return tuple(path.removeprefix(commit.encode() + b":").decode("utf-8", "backslashreplace") for path in paths)

    def _grep(self, commit: str, lines: Sequence[str], pathspecs: Sequence[str]) -> process.GitResult:
        # Fixed strings: a quote is code, and as a regular expression it would match other code or nothing.
        options = ["-F", "-l", "-z", "-I", "--full-name", "--no-textconv", "--no-recurse-submodules", "--all-match"]
        patterns = [word for line in lines for word in ("-e", line)]
        return process.run(
            [f"--git-dir={self.folder}", "grep", *options, *patterns, commit, "--", *pathspecs],
            environment=process.environment() | {"GIT_ALLOC_LIMIT": "32m"},
            folder=self.folder,
            seconds=_SEARCH_SECONDS,
            most=_MOST_PATHS_FOUND,
        )

    def _too_large(self, commit: str) -> list[str]:
        headers = ((path, self._objects.header(id)) for path, id in self.files(commit))
        return [path for path, header in headers if header is not None and header.size > LARGEST_OBJECT][:1000]

    def _walk(self, tree: str, commit: str) -> Iterator[tuple[str, TreeEntry]]:
        """Yield every entry of a tree that is no folder; bounded, since a few kilobytes of nested trees can name billions."""
        waiting = [iter([("", TreeEntry(EntryKind.FOLDER, tree))])]
        seen = 0
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                continue
            path, entry = following
            seen += 1
            if seen > _MOST_FILES or len(waiting) > _DEEPEST_FOLDER:
                limits = f"{_MOST_FILES:,} files or {_DEEPEST_FOLDER} levels of folders"
                fault = f"commit {commit} in repository '{self.name}' has more than {limits}"
                raise refusal(fault, code="commit-too-large")
            if entry.kind is EntryKind.FOLDER:
                prefix = f"{path}/" if path else ""
                waiting.append(iter([(prefix + name, below) for name, below in self._tree(entry.id).items()]))
            else:
                yield path, entry

    def _read_root(self, commit: str) -> str:
        content = self._read(commit, "commit", f"commit {commit}")
        try:
            return tree_of_commit(content)
        except ValueError as error:
            raise self._objects.corrupt("commit", commit, str(error)) from error

    def _read_tree(self, id: str) -> dict[str, TreeEntry]:
        content = self._read(id, "tree", f"folder {id}")
        try:
            return parse_tree(content, id_size=len(id) // 2)
        except ValueError as error:
            raise self._objects.corrupt("tree", id, str(error)) from error

    def _read(self, id: str, kind: str, what: str) -> bytes:
        header = self._header(id)
        if header is None:
            raise self._missing(kind, id, what)
        if header.kind != kind:
            raise refusal(f"{id} in repository '{self.name}' is a {header.kind}, not a {kind}", code="object-kind")
        return self._objects.read(id, header)

    def _missing(self, kind: str, id: str, what: str) -> FindingsReportError:
        """Return the error of an object that is not here, with the command that brings it."""
        here = f"git -C {shlex.quote(str(self.path))}"
        if not self._objects.is_id(id):
            fault = f"{what} is not in repository '{self.name}', whose ids are {self.object_format}"
            return refusal(fault, remedy="write the full hash, in lower case", code="object-missing")
        if self.is_partial:
            clone, remedy = ", a partial clone", f"{here} fetch --refetch --no-filter origin"
        elif self.is_shallow:
            clone, remedy = ", a shallow clone", f"{here} fetch --depth=1 origin {id}"
        else:
            clone, remedy = "", f"{here} fetch --tags origin"
        if kind == "commit" or self.is_partial:
            return refusal(f"{what} is not in repository '{self.name}'{clone}", remedy=remedy, code="object-missing")
        return refusal(
            f"{what} is missing from repository '{self.name}'", remedy="clone the repository again", code="object-missing"
        )


def open_repository(path: Path, *, name: str, borrow: tuple[Path, ...] = ()) -> Repository:
    """Open the repository at `path` for reading; close it when done, or use it in a `with`.

    `name` is what messages call it. `borrow` are folders outside of it that it may take objects from. Raises
    FindingsReportError (SOURCE) when there is no repository, when git is missing or cannot read it, when it leads outside.
    """
    process.program()
    layout = find_layout(path, name=name, borrow=borrow)
    # In a repository of our own that borrows the objects, nothing that the audited one configures is run. A list of settings
    # to override cannot do that: filters, diff drivers and aliases have names of their own.
    private = TemporaryFolder()
    try:
        create_bare(Path(private.name), layout.object_format)
        lend(layout, Path(private.name))
        return Repository(name, path, layout, private)
    except BaseException:
        private.cleanup()
        raise


def _can_be_argument(text: str) -> bool:
    """True for text that a process can be given: no NUL, no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
