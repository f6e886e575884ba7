"""Where text is in two commits: every file of both is looked at once, for all that is looked for together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from typing import Final, NamedTuple

from findings_report.evidence.source_files import NoLinesError, SourceFiles, soften_errors
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
