"""Where text is in two commits: every file of both is looked at once, for all that is looked for together.

Also what each cited file became: the file of the same name, and where that is gone or hardly alike, the one it was renamed to.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from findings_report import git
from findings_report.evidence.source_files import NoLinesError, SourceFile, SourceFiles, soften_errors
from findings_report.git.history import Hunk
from findings_report.history.line_map import Thresholds, Versions
from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sourcecode.encodings import Text, decode
from findings_report.sourcecode.lines import is_informative, squeeze

# As many bytes as git looks at for NUL; a binary file has no lines to cite, and UTF-16 has to be decoded.
_SNIFFED = 8000
_MOST_BLOBS = 500  # files with a line after which it identifies no place
_MOST_IN_A_FILE = 200  # places of a line in one file that are looked at
_MOST_READ = 60  # places of a line that are looked at for a whole text

# Three informative lines or 60 letters and digits: shorter texts, such as an import or a `return`, are equal to unrelated
# lines of large repositories.
_INFORMATIVE_LINES: Final = 3
_INFORMATIVE_CHARACTERS: Final = 60
_FEWEST_LINES: Final = 2


class LineMatch(NamedTuple):
    """A line of a file."""

    path: str
    """POSIX, from the repository's root."""
    line: int
    """1-based."""


def says_enough(lines: Iterable[str]) -> bool:
    """True when `lines` are enough text to be recognised anywhere in a repository."""
    informative = [line for line in lines if is_informative(line)]
    characters = sum(sum(map(str.isalnum, line)) for line in informative)
    return len(informative) >= _INFORMATIVE_LINES or characters >= _INFORMATIVE_CHARACTERS


def says_something(lines: Sequence[str]) -> bool:
    """True when `lines` are enough text to be recognised where little else can be meant."""
    informative = [line for line in lines if is_informative(line)]
    return len(lines) >= _INFORMATIVE_LINES and len(informative) >= _FEWEST_LINES


def select_telling(lines: Sequence[str], most: int) -> list[int]:
    """Indexes of the `most` informative lines that have the most letters and digits."""
    ranked = [(-sum(map(str.isalnum, line)), index) for index, line in enumerate(lines) if is_informative(line)]
    return [index for _, index in sorted(ranked)[:most]]


class Search:
    """Where each of `texts`, lines without white space at their ends, is at two commits."""

    def __init__(self, before: SourceFiles, after: SourceFiles, texts: Iterable[str]) -> None:
        self.before: Final = before
        """The files of the commit cited."""
        self.after: Final = after
        """Those of the other."""
        self.problems: tuple[Problem, ...] = ()
        """What could not be searched; warnings."""
        self._texts = {text.encode("utf-8", "surrogatepass"): text for text in texts}

    def places(self, text: str, files: SourceFiles) -> list[LineMatch]:
        """Return where the line is in `files`, `before` or `after`; empty also when it is in too many to identify a place."""
        # One blob more than the limit is kept, which marks the line as one that identifies no place.
        by_blob = self._hits.get(text, {})
        if len(by_blob) > _MOST_BLOBS:
            return []
        paths = self._after_paths if files is self.after else self._before_paths
        return sorted(
            LineMatch(path, line) for blob, lines in by_blob.items() for path in paths.get(blob, ()) for line in lines
        )

    def blocks(self, block: Sequence[str], files: SourceFiles) -> list[LineMatch]:
        """Return the places in `files` where all lines of `block` are in one piece, white space aside, by their first line."""
        # Only the longest line is searched for, and the block is compared around each place of it: one line is looked up in
        # all files at once, blocks are not.
        probe = select_telling(block, 1)
        if not probe:
            return []
        wanted = [squeeze(line) for line in block]
        starts = []
        for place in self.places(block[probe[0]].strip(), files)[:_MOST_READ]:
            start = place.line - probe[0]
            lines = self.lines(place.path, files)
            if start >= 1 and [squeeze(line) for line in lines[start - 1 : start - 1 + len(block)]] == wanted:
                starts.append(LineMatch(place.path, start))
        return starts

    def lines(self, path: str, files: SourceFiles) -> Sequence[str]:
        """Return the lines of a file; none when it has no lines to read."""
        try:
            file = files.file(path)
        except NoLinesError:
            return ()
        return file.lines if file is not None else ()

    @cached_property
    def _after_paths(self) -> dict[str, list[str]]:
        return _group_by_blob(self.after)

    @cached_property
    def _before_paths(self) -> dict[str, list[str]]:
        return _group_by_blob(self.before)

    @cached_property
    def _hits(self) -> dict[str, dict[str, list[int]]]:
        """Text -> blob -> line numbers."""
        hits: dict[str, dict[str, list[int]]] = {}
        # By blob, not by path: most files are the same in both commits and are read once. Blobs of `after` come first, so the
        # limit per line is used up by the commit that is searched.
        blobs = dict.fromkeys((*self._after_paths, *self._before_paths) if self._texts else ())
        missing = 0
        try:
            for blob, content in self.after.repository.read_blobs(blobs):
                missing += content is None
                for line, numbers in _find_in(content or b"", self._texts.keys()):
                    by_blob = hits.setdefault(self._texts[line], {})
                    if len(by_blob) <= _MOST_BLOBS:
                        by_blob[blob] = numbers
        except FindingsReportError as error:
            self.problems += soften_errors(error)
        if missing:
            self.problems += (self._incomplete(missing),)
        return hits

    def _incomplete(self, count: int) -> Problem:
        name = self.after.repository.name
        fault = f"moved code was not searched for in {count:,} files of repository '{name}': they are not in this clone"
        return Problem(Kind.SOURCE, fault, level="warning", code="search-incomplete")


def _find_in(content: bytes, wanted: Set[bytes]) -> Iterator[tuple[bytes, list[int]]]:
    """Yield which of the lines `wanted` are in a file, and where: the first 200 numbers of each."""
    if b"\0" in content[:_SNIFFED]:
        text = decode(content)
        if not isinstance(text, Text):
            return
        content = "\n".join(text.lines).encode()
    # Bytes are compared, not decoded text, since every file of both commits comes through here. A file in another encoding
    # than UTF-8 matches in its ASCII lines.
    lines = [line.strip() for line in content.split(b"\n")]
    # A set intersection, since nearly every file has none of the lines.
    for line in wanted & set(lines):
        yield line, [number for number, other in enumerate(lines, 1) if other == line][:_MOST_IN_A_FILE]


def _group_by_blob(files: SourceFiles) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = {}
    for path, blob in files.blobs.items():
        paths.setdefault(blob, []).append(path)
    return paths


def region_at(place: LineMatch, count: int) -> Region:
    """Return the `count` lines that start at `place`."""
    return Region(start_line=place.line, end_line=place.line + count - 1)


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
