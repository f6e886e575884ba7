"""What differs between blobs, many pairs at once: two trees of them, made in the private repository, are compared by one git.

So any two blobs can be compared, whatever their paths, and git is never given a path to understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from findings_report.git import process
from findings_report.git.layout import ObjectFormat, refusal
from findings_report.git.objects import write_object
from findings_report.git.repository import Repository

# Myers, patience, histogram and minimal place regions equally well, within half a percentage point. Any of them is fine, but
# it must be fixed: a change of git's default would change reports.
ALGORITHM: Final = "histogram"
"""Git's name of how differences are found."""

_SECONDS: Final = 120
_MOST_AT_ONCE: Final = 24 * 1024 * 1024  # bytes of blobs; what git then writes stays below what is taken from it
_MOST_OUTPUT: Final = 64 * 1024 * 1024
_FILE: Final = re.compile(rb"diff --git a/(\d+) ")
_HUNK: Final = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

_OPTIONS: Final = (
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
            [f"--git-dir={repository.folder}", "diff-tree", *_OPTIONS, *trees],
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
