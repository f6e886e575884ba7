"""How two commits are related, the names that files got between them, and the hunks between blobs. Ids in, values out.

Blobs are compared many pairs at once: one git compares two trees of them that are made in the private repository. So any two
blobs can be compared, whatever their paths, and git is never given a path to understand.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from findings_report.git import process
from findings_report.git.layout import ObjectFormat, refusal
from findings_report.git.objects import write_object
from findings_report.git.repository import Repository
from findings_report.model.drift import CommitSummary
from findings_report.problems import FindingsReportError

_SECONDS: Final = 120
_MOST_NAMED: Final = 100_000  # bytes of paths that one git is started with; the system allows 128 KiB and more
# Exact renames are found by comparing ids, without reading a blob.
_EXACT: Final = {"-M50%": "-M100%", "-C50%": "-C100%"}
_MOST_CHANGES: Final = 20
_LONGEST_SEARCHED: Final = 2_000  # characters; a program is not started with an argument of more than 128 KiB
_PLAIN: Final = ("--no-ext-diff", "--no-textconv", "--no-color")
_MOST_PATCHES: Final = 1_000
_MOST_PATCH_BYTES: Final = 16 * 1024 * 1024  # their lines are held as text, at about ten times their size
_NAMED: Final = re.compile(r"[0-9a-f]{7,64}")
_HEADER: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# Passed explicitly, so that a change of git's defaults does not change a report. Below 50 % git takes unrelated files for
# renamed ones; -B, which breaks rewritten files up, found no rename more and took four times as long.
_OPTIONS: Final = ("-z", "-M50%", "-l2000", "--name-status", *_PLAIN)


@dataclass(frozen=True)
class Rename:
    """A file's new name."""

    old: str
    """POSIX, from the repository's root, like every path."""
    new: str
    """The new name."""


@dataclass(frozen=True)
class Patch:
    """What a commit changed in some paths, against its first parent."""

    commit: str
    """Full hash."""
    id: str | None
    """Its `git patch-id --stable`, which line numbers and white space do not change; None when it changed no line."""
    lines: frozenset[tuple[str, str]]
    """(path with its sign, text without white space around it) of every line that went (`-`) or came (`+`)."""


def find_merge_base(repository: Repository, first: str, second: str) -> str | None:
    """Return the best common ancestor of two commits; None when they have none, or it is beyond where history was cut off."""
    answer = _run(repository, ["merge-base", first, second], "their common ancestor cannot be found", statuses=(0, 1))
    return answer.decode("ascii").split("\n")[0].strip() or None


def is_ancestor(repository: Repository, commit: str, of: str) -> bool:
    """True when `commit` is in the history of `of`, or is that commit; False too where history was cut off before it."""
    return find_merge_base(repository, commit, of) == commit


def list_renames_along(repository: Repository, older: str, newer: str) -> tuple[Rename, ...]:
    """Return the renames made by the commits that `newer` has and `older` has not, oldest first; merges are left out.

    Raises FindingsReportError (SOURCE) when that takes more than two minutes.
    """
    # Topological, since dates of rebased commits are out of order and a chain of renames must not be. A merge repeats the
    # renames of its branch.
    order = ["--format=", "--topo-order", "--reverse", "--no-merges", "--diff-filter=R"]
    arguments = ["log", *order, *_OPTIONS, f"{older}..{newer}", "--"]
    return _find_renames(repository, arguments, "its renames cannot be followed")


def find_renames_between(
    repository: Repository, old: str, new: str, *, sources: Sequence[str], added: Sequence[str]
) -> tuple[Rename, ...]:
    """Return the renames from `sources`, files of commit `old`, to similar files among `added`, which only commit `new` has.

    A source that still exists may have been renamed as well, when something else took its name.
    """
    # Literal, because a path may contain `*` or start with `:`.
    paths = [f":(literal){path}" for path in (*sources, *added)]
    arguments = ["diff-tree", "-r", *_OPTIONS, "--diff-filter=RC"]
    if sum(len(path.encode()) + 1 for path in paths) < _MOST_NAMED:
        # Of these paths alone even the files that still exist are affordable as sources.
        arguments += ["-C50%", old, new, "--", *paths]
    else:
        arguments += [old, new]
    renames = _find_renames(repository, arguments, "its renames cannot be found")
    return tuple(rename for rename in renames if rename.old in set(sources))


def list_changes(
    repository: Repository, older: str, newer: str, *, path: str, lines: tuple[int, int] | None
) -> tuple[CommitSummary, ...]:
    """Return the commits that `newer` has and `older` has not and that changed the `lines` (first, last) of `path` in `newer`.

    The newest first, at most 20; of the whole file, deletion included, when `lines` is None. Raises FindingsReportError
    (SOURCE) when that takes more than two minutes.
    """
    if lines is None:
        return _changes(repository, [f"{older}..{newer}", "--", f":(literal){path}"], path)
    return _changes(repository, [f"-L{lines[0]},{lines[1]}:{path}", f"{older}..{newer}", "--"], path)


def list_text_changes(
    repository: Repository, older: str, newer: str, *, paths: Sequence[str], text: str
) -> tuple[CommitSummary, ...]:
    """Return the commits that `newer` has and `older` has not after which `text` is in `paths` more or less often than before.

    `text` is a line or part of one; `paths` are the names that a file had, at least one. Otherwise as `list_changes`.
    """
    if not text.strip() or "\0" in text or "\n" in text:
        return ()
    # Attached to its option, so that a text that starts with `-` is no option of its own.
    wanted = [f"-S{text[:_LONGEST_SEARCHED]}", f"{older}..{newer}", "--", *(f":(literal){path}" for path in paths)]
    return _changes(repository, wanted, paths[0])


def list_changed_paths(repository: Repository, commit: str) -> tuple[str, ...]:
    """Return the paths that `commit` changed against its first parent; every path of a commit without one."""
    parent = repository.commit_of(f"{commit}^1")
    ends = [commit] if parent is None else [parent, commit]
    arguments = ["diff-tree", "-r", "--root", "--no-commit-id", "--name-only", "--no-renames", "-z", *_PLAIN, *ends]
    output = _run(repository, arguments, f"the changes of commit {commit} cannot be read")
    return tuple(path.decode("utf-8", "surrogateescape") for path in output.split(b"\0") if path)


def list_patches(repository: Repository, older: str, newer: str, *, like: str) -> tuple[Patch | None, tuple[Patch, ...]]:
    """Return what the commit `like` changed, and what each commit did to the same paths that `newer` has and `older` has not.

    The newest first, merges left out, at most 1,000 commits. None and nothing when `like` changed no line, or so many paths
    that git cannot be asked for them. Raises FindingsReportError (SOURCE) when git needs too long or prints too much.
    """
    paths = [f":(literal){path}" for path in list_changed_paths(repository, like)]
    if not paths or sum(len(path) + 1 for path in paths) > _MOST_NAMED:
        return None, ()
    fault = f"commits with the changes of {like[:12]} cannot be looked for"
    # Full history: by default git leaves out a branch whose files ended up as they were.
    order = ["--no-merges", "--full-history", f"--max-count={_MOST_PATCHES}"]
    others = _run(repository, ["rev-list", *order, f"{older}..{newer}", "--", *paths], fault).decode("ascii").split()
    parent = repository.commit_of(f"{like}^1")
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as patches:
        # "commit parent" compares with that parent alone, which of a merge is the branch that it was merged into.
        asked.write("\n".join([f"{like} {parent or ''}".strip(), *others, ""]).encode())
        asked.seek(0)
        options = ["--stdin", "-r", "-p", "--root", "--no-renames", *_PLAIN]
        output = _run(repository, ["diff-tree", *options, "--", *paths], fault, given=asked, most=_MOST_PATCH_BYTES)
        patches.write(output)
        patches.seek(0)
        ids = _run(repository, ["patch-id", "--stable"], fault, given=patches).decode("ascii").split()
    id_of = dict(zip(ids[1::2], ids[::2], strict=True))
    changed = dict(_parse_patches(output.decode("utf-8", "backslashreplace")))
    mine, *rest = (Patch(commit, id_of.get(commit), changed.get(commit, frozenset())) for commit in [like, *others])
    return (mine, tuple(rest)) if mine.lines else (None, ())


def list_commits_naming(repository: Repository, older: str, newer: str, named: str) -> tuple[str, ...]:
    """Return the commits that `newer` has and `older` has not and whose message has the hash `named`, as of `cherry-pick -x`.

    The newest first. None for a text that is no hash. Raises FindingsReportError (SOURCE) when git needs too long.
    """
    if _NAMED.fullmatch(named) is None:
        return ()
    arguments = ["rev-list", "--fixed-strings", f"--grep={named}", f"{older}..{newer}", "--"]
    return tuple(_run(repository, arguments, f"messages cannot be searched for {named}").decode("ascii").split())


def _parse_patches(output: str) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    """Yield (commit, the lines that it changed). Lines of files start with a sign, so none is taken for a header."""
    commit, path, lines, is_hunk = "", "", set[tuple[str, str]](), False
    for line in output.split("\n"):
        if _HEADER.fullmatch(line):
            yield commit, frozenset(lines)
            commit, lines, is_hunk = line, set(), False
        elif line.startswith("diff --git "):
            path, is_hunk = line, False
        elif line.startswith("@@ "):
            is_hunk = True
        elif is_hunk and line[:1] in ("+", "-"):
            lines.add((line[0] + path, line[1:].strip()))
    yield commit, frozenset(lines)


def _changes(repository: Repository, wanted: list[str], path: str) -> tuple[CommitSummary, ...]:
    arguments = ["log", f"--max-count={_MOST_CHANGES}", "--format=%H%x09%cs%x09%s%x00", "--no-patch", *_PLAIN, *wanted]
    output = _run(repository, arguments, f"the history of {path} cannot be read").decode("utf-8", "backslashreplace")
    entries = (entry.strip().split("\t", 2) for entry in output.split("\0"))
    return tuple(CommitSummary(*entry) for entry in entries if len(entry) == 3)


def _run(
    repository: Repository,
    arguments: list[str],
    fault: str,
    *,
    statuses: tuple[int, ...] = (0,),
    given: IO[bytes] | None = None,
    most: int = process.MOST_OUTPUT,
) -> bytes:
    answer = process.run(
        [f"--git-dir={repository.folder}", *arguments],
        environment=process.environment(),
        folder=repository.folder,
        seconds=_SECONDS,
        given=given,
        most=most,
    )
    if answer.status not in statuses:
        raise refusal(f"repository '{repository.name}': {fault}: {answer.fault or 'too much'}", code="history-unreadable")
    return answer.output


def _find_renames(repository: Repository, arguments: list[str], fault: str) -> tuple[Rename, ...]:
    """Return the renames that git finds; in a partial clone without the blobs, only those of files with equal content."""
    try:
        output = _run(repository, arguments, fault)
    except FindingsReportError:
        if not repository.is_partial:
            raise
        exact = [_EXACT.get(argument, argument) for argument in arguments]
        output = _run(repository, exact, fault)
    return tuple(_parse_renames(output))


def _parse_renames(output: bytes) -> Iterator[Rename]:
    fields = iter(output.split(b"\0"))
    for status in fields:
        if status.strip()[:1] in (b"R", b"C"):
            old, new = next(fields, b""), next(fields, b"")
            yield Rename(old.decode("utf-8", "backslashreplace"), new.decode("utf-8", "backslashreplace"))


# Myers, patience, histogram and minimal place regions equally well, within half a percentage point. Any of them is fine, but
# it must be fixed: a change of git's default would change reports.
ALGORITHM: Final = "histogram"
"""Git's name of how differences are found."""

_MOST_AT_ONCE: Final = 24 * 1024 * 1024  # bytes of blobs; what git then writes stays below what is taken from it
_MOST_OUTPUT: Final = 64 * 1024 * 1024
_FILE: Final = re.compile(rb"diff --git a/(\d+) ")
_HUNK: Final = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

_DIFF_OPTIONS: Final = (
    "-r", "-p", "-U0", f"--diff-algorithm={ALGORITHM}", "--ignore-cr-at-eol", "--no-renames", "--no-ext-diff", "--no-textconv",
    "--no-color", "--no-indent-heuristic", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


class Hunk(NamedTuple):
    """A block of a diff without context."""

    old_start: int
    """First line that went; of none, the line before which lines came."""
    old_count: int
    """Lines that went."""
    new_start: int
    """First line that came; of none, the line before which lines went."""
    new_count: int
    """Lines that came."""

    @property
    def old_stop(self) -> int:
        """The line after the last that went."""
        return self.old_start + self.old_count

    @property
    def new_stop(self) -> int:
        """The line after the last that came."""
        return self.new_start + self.new_count


def diff_blobs(
    repository: Repository, pairs: Iterable[tuple[str, str]], sizes: Mapping[str, int]
) -> dict[tuple[str, str], tuple[Hunk, ...]]:
    """Return the hunks between the two blobs of each pair, by their ids; `sizes` are the blobs' in bytes.

    Line ends are no part of lines. Raises FindingsReportError (SOURCE) when git cannot compare them within two minutes.
    """
    hunks_of: dict[tuple[str, str], tuple[Hunk, ...]] = {}
    # Sorted, so that batches and trees are the same in every run.
    for batch in _batches(sorted(set(pairs)), sizes):
        hunks_of |= dict.fromkeys(batch, ())
        trees = [_write_tree(repository.folder, [pair[side] for pair in batch], repository.object_format) for side in (0, 1)]
        answer = process.run(
            [f"--git-dir={repository.folder}", "diff-tree", *_DIFF_OPTIONS, *trees],
            environment=process.environment(),
            folder=repository.folder,
            seconds=_SECONDS,
            most=_MOST_OUTPUT,
        )
        if answer.status != 0:
            fault = (
                f"files of repository '{repository.name}' cannot be compared: {answer.fault or 'their difference is too large'}"
            )
            raise refusal(fault, code="diff-failed")
        hunks_of |= {batch[index]: hunks for index, hunks in _parse_hunks(answer.output)}
    return hunks_of


def _batches(pairs: list[tuple[str, str]], sizes: Mapping[str, int]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    total = 0
    for pair in pairs:
        size = sizes[pair[0]] + sizes[pair[1]]
        if batch and total + size > _MOST_AT_ONCE:
            yield batch
            batch, total = [], 0
        batch.append(pair)
        total += size
    if batch:
        yield batch


def _write_tree(folder: Path, blobs: list[str], object_format: ObjectFormat) -> str:
    """Write a tree in which blob n of `blobs` is a file of the name n, and return its id."""
    # Eight digits, because git requires the entries of a tree to be in order of their names.
    content = b"".join(b"100644 %08d\0" % index + bytes.fromhex(blob) for index, blob in enumerate(blobs))
    return write_object(folder, "tree", content, object_format)


def _parse_hunks(output: bytes) -> Iterator[tuple[int, tuple[Hunk, ...]]]:
    """Yield (number of the file, its hunks). Lines of the files start with a sign, so none is taken for a header."""
    index, hunks = 0, list[Hunk]()
    for line in output.split(b"\n"):
        if line.startswith(b"@@ ") and (match := _HUNK.match(line)):
            old_start, old_count, new_start, new_count = (int(number or 1) for number in match.groups())
            # Of no lines git gives the one before them.
            hunks.append(Hunk(old_start + (old_count == 0), old_count, new_start + (new_count == 0), new_count))
        elif line.startswith(b"diff --git ") and (match := _FILE.match(line)):
            if hunks:
                yield index, tuple(hunks)
            index, hunks = int(match[1]), []
    if hunks:
        yield index, tuple(hunks)
