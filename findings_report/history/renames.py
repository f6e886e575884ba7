"""What each cited file became: the file of the same name, and where that is gone or hardly alike, the one it was renamed to."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from findings_report import git
from findings_report.evidence.source_files import NoLinesError, SourceFile, SourceFiles, soften_errors
from findings_report.git.history import Hunk
from findings_report.history.line_map import Thresholds, Versions
from findings_report.problems import FindingsReportError, Kind, Problem

# Each name is one more diff of two whole files; a file that was renamed more often is at its last names, which come first.
_MOST_NAMES = 5


class HowRenamed(StrEnum):
    """How a file's new name was found."""

    HISTORY = "history"
    """Commits between the two renamed it."""
    SIMILARITY = "similarity"
    """It is like the file, and no commit is known that renamed it."""


@dataclass(frozen=True)
class Counterpart:
    """A file at the other commit that a cited file became."""

    file: SourceFile
    """The file at the other commit."""
    versions: Versions
    """The cited file's lines, and its own."""
    rename: HowRenamed | None
    """How its name was found; None for the same name."""


@dataclass(frozen=True)
class Names:
    """What is known of the names that files got."""

    renamed: Mapping[str, Sequence[tuple[str, HowRenamed]]]
    """Cited path -> (new path, how it was found), the likeliest first."""
    problems: tuple[Problem, ...]
    """Why history could not be asked; warnings."""


def find_counterparts(
    cited: Iterable[SourceFile], before: SourceFiles, after: SourceFiles, thresholds: Thresholds
) -> tuple[dict[str, list[Counterpart]], tuple[Problem, ...]]:
    """Return for each cited path what its file became, the likeliest first; and warnings of what could not be determined."""
    files = {file.path: file for file in cited}
    same = {path: file for path in files if (file := _file(after, path)) is not None}
    counterparts = _compare(before.repository, [(file, same[path], None) for path, file in files.items() if path in same])
    # A file that was renamed and replaced by a new one of its old name is found only by asking for renames although the name
    # exists. History is not walked for the others, which are nearly all files.
    suspects = [
        path for path in files if path not in counterparts or counterparts[path][0].versions.kept < thresholds.same_file
    ]
    if not suspects:
        return counterparts, ()
    names = _find_names(suspects, before, after)
    triples: list[tuple[SourceFile, SourceFile, HowRenamed | None]] = [
        (files[path], new, how)
        for path, listed in names.renamed.items()
        for name, how in listed
        if (new := _file(after, name)) is not None
    ]
    for path, more in _compare(before.repository, triples).items():
        counterparts[path] = sorted([*counterparts.get(path, ()), *more], key=lambda part: -part.versions.kept)
    return counterparts, names.problems


def _file(files: SourceFiles, path: str) -> SourceFile | None:
    try:
        return files.file(path)
    except NoLinesError:
        return None


def _compare(
    repository: git.Repository, triples: list[tuple[SourceFile, SourceFile, HowRenamed | None]]
) -> dict[str, list[Counterpart]]:
    # One git for all files instead of one for each pair.
    blobs = {file: _comparable_blob(repository, file) for old, new, _ in triples for file in (old, new)}
    pairs = {(blobs[old], blobs[new]) for old, new, _ in triples if blobs[old] != blobs[new]}
    sizes = {blobs[file]: file.size for file in blobs}
    hunks: Mapping[tuple[str, str], Sequence[Hunk]] = git.diff_blobs(repository, pairs, sizes)
    counterparts: dict[str, list[Counterpart]] = {}
    for old, new, how in triples:
        versions = Versions(old.lines, new.lines, hunks.get((blobs[old], blobs[new]), ()))
        counterparts.setdefault(old.path, []).append(Counterpart(new, versions, how))
    return counterparts


def _comparable_blob(repository: git.Repository, file: SourceFile) -> str:
    """Return the id of a blob that git compares by line: of UTF-16, which git takes for binary, the text in UTF-8."""
    if not file.text.is_wide:
        return file.blob
    return repository.write_blob("".join(f"{line}\n" for line in file.lines).encode())


def _find_names(suspects: Sequence[str], before: SourceFiles, after: SourceFiles) -> Names:
    """Return new names: by the renames in the history first, by similarity of the two commits' files where there are none."""
    # The chain comes first because a file that drifts by more than half since its rename is beyond end-point detection. Lower
    # similarity limits are no way out: below 50 % git pairs deleted files with unrelated ones.
    renames, problems = _list_renames(before, after)
    renamed: dict[str, list[tuple[str, HowRenamed]]] = {}
    for path in suspects:
        # A dict keeps the order of the names, and a rename back to an old name does not end in a loop.
        known = dict.fromkeys((path,))
        for rename in renames:
            if rename.old in known:
                known[rename.new] = None
        listed = [(name, HowRenamed.HISTORY) for name in reversed(known) if name != path and name in after.blobs]
        if listed:
            renamed[path] = listed[:_MOST_NAMES]
    lost = [path for path in suspects if path not in renamed]
    added = [path for path in after.blobs if path not in before.blobs]
    if lost and added:
        try:
            similar = git.find_renames_between(before.repository, before.commit, after.commit, sources=lost, added=added)
            for rename in similar:
                renamed.setdefault(rename.old, []).append((rename.new, HowRenamed.SIMILARITY))
        except FindingsReportError as error:
            problems += soften_errors(error)
    return Names(renamed, problems)


def _list_renames(before: SourceFiles, after: SourceFiles) -> tuple[tuple[git.Rename, ...], tuple[Problem, ...]]:
    """Return the renames from the first commit to the second: back to their common ancestor, and forward from there."""
    repository = before.repository
    try:
        # Releases are often on branches of their own. Git lists renames along one line of descent, so the chain goes back to
        # the fork and forward from there.
        base = git.find_merge_base(repository, before.commit, after.commit)
        if base is None:
            why = "history was cut off in cloning" if repository.is_shallow else "they have no common history"
            pair = f"{before.commit[:12]} and {after.commit[:12]} of repository '{repository.name}'"
            fault = f"renames between {pair} are identified by similarity alone: {why}"
            remedy = f"git -C {shlex.quote(str(repository.path))} fetch --unshallow" if repository.is_shallow else None
            code = "history-cut-off" if repository.is_shallow else "histories-unrelated"
            return (), (Problem(Kind.SOURCE, fault, remedy, level="warning", code=code),)
        back = git.list_renames_along(repository, base, before.commit) if base != before.commit else ()
        forth = git.list_renames_along(repository, base, after.commit) if base != after.commit else ()
    except FindingsReportError as error:
        return (), soften_errors(error)
    return (*(git.Rename(rename.new, rename.old) for rename in reversed(back)), *forth), ()
