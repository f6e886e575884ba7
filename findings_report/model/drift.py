"""Where cited code is at another commit: the drift of each region, and how sure it is.

Values only. Found by `track`, weighed by `compare`, shown by renderers. Words say where the text is, never what that means for
a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from findings_report.model.evidence import Frozen, Region


class DriftKind(StrEnum):
    """What became of a region's text at the other commit."""

    UNCHANGED = "unchanged"
    """The same lines of the same file."""
    MOVED = "moved"
    """The same text at other lines of the same file."""
    RENAMED = "renamed"
    """The same text; the file was renamed."""
    MOVED_FILE = "moved_file"
    """The same text in another file."""
    REFORMATTED = "reformatted"
    """Identical except for whitespace, in a language where whitespace has no meaning."""
    MODIFIED = "modified"
    """Some lines remain, others do not."""
    DELETED = "deleted"
    """No line remains."""
    AMBIGUOUS = "ambiguous"
    """More than one place, or too little text to tell them apart."""
    UNVERIFIABLE = "unverifiable"
    """There was nothing to compare: a commit or blob is missing, or the file has no lines."""

    @property
    def is_equal(self) -> bool:
        """True when every line of the text stands unchanged at the other commit."""
        return self in (DriftKind.UNCHANGED, DriftKind.MOVED, DriftKind.RENAMED, DriftKind.MOVED_FILE)


DRIFT_MEANING: dict[DriftKind, str] = {
    DriftKind.UNCHANGED: "The same lines of the same file.",
    DriftKind.MOVED: "The same text, at other lines of the same file.",
    DriftKind.RENAMED: "The same text; the file was renamed.",
    DriftKind.MOVED_FILE: "The same text, in another file.",
    DriftKind.REFORMATTED: "Identical except for whitespace, in a language where whitespace has no meaning.",
    DriftKind.MODIFIED: "Some lines remain, others do not.",
    DriftKind.DELETED: "No line remains.",
    DriftKind.AMBIGUOUS: "More than one place is possible; all are listed.",
    DriftKind.UNVERIFIABLE: "Nothing could be compared; the reason is given.",
}
"""One sentence per kind for a reader."""


class Method(StrEnum):
    """How a region was found at the other commit."""

    BLOB = "same blob"
    """The file is the same, by its id."""
    HUNKS = "diff"
    """The lines stand outside every hunk of the file's diff."""
    ALIGNED = "aligned"
    """Lines inside hunks were aligned with those that came in their place."""
    TEXT = "text"
    """The same text was found elsewhere by searching for it."""
    SIMILAR = "similar text"
    """Text like it was found elsewhere by searching for it."""
    NONE = "nothing"
    """It was not found."""


class Spot(Frozen):
    """A place at the other commit."""

    path: str
    """POSIX, from the repository's root."""
    region: Region
    """Lines there."""
    similarity: float = 1.0
    """0 to 1 against the cited text; 1 when equal."""


class DiffLine(Frozen):
    """One line of the diff of just the cited range."""

    old_line: int | None
    """1-based number at the commit cited; None for a line that came."""
    new_line: int | None
    """1-based number at the other commit; None for a line that went. Both numbers: an unchanged line."""
    text: str
    """Without line end."""


class Drift(Frozen):
    """Where one region is at another commit."""

    path: str
    """The cited file, POSIX, from the repository's root."""
    region: Region
    """The cited lines."""
    kind: DriftKind
    """What became of them."""
    now: Spot | None = None
    """Where they are; None when deleted, ambiguous or unverifiable."""
    method: Method = Method.NONE
    """How they were found."""
    rename: str | None = None
    """How the file's new name was found: `history` (the chain of renames) or `similarity` (git's own 50 %); None without."""
    surviving: float = 0.0
    """Share of the region's informative lines that stand at `now`, 0 to 1."""
    quoted: tuple[tuple[int, int | None], ...] = ()
    """Each quoted line of the region and the line it is now, None for one that is gone; rising by the first."""
    also_at: tuple[Spot, ...] = ()
    """Other places with the same text, at most 5."""
    partly_moved: Spot | None = None
    """Where a smaller part of the text went, when it was split."""
    surroundings_changed: bool = False
    """The text is equal, and the body of the symbol that encloses it is not."""
    candidates: tuple[Spot, ...] = ()
    """For `ambiguous`: every place it may be, best first, at most 5."""
    closest: Spot | None = None
    """For `deleted`: the text most like it, when there is any worth showing."""
    diff: tuple[DiffLine, ...] = ()
    """For `modified` and `reformatted`: the diff of just the range; for `deleted`: the lines that
    went, and what came in their place in that file. At most 400 lines."""
    reason: str | None = None
    """For `unverifiable` and `ambiguous`: why, in a sentence that stands alone."""

    @property
    def only_white_space(self) -> bool:
        """True for `modified` code that differs by white space alone, in a language where that means something."""
        if self.kind is not DriftKind.MODIFIED or self.now is None:
            return False
        went = [line.text for line in self.diff if line.old_line is not None]
        came = [line.text for line in self.diff if line.new_line is not None]
        is_whole = (len(went), len(came)) == (_count(self.region), _count(self.now.region))
        return is_whole and [*filter(None, map(_bare, went))] == [*filter(None, map(_bare, came))]

    @property
    def quoted_intact(self) -> bool:
        """True when there are quoted lines and every one of them stands at the other commit."""
        return bool(self.quoted) and all(new is not None for _, new in self.quoted)


def _count(region: Region) -> int:
    return region.end_line - region.start_line + 1


def _bare(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True)
class CommitSummary:
    """A commit that changed cited code, as `git log` lists it."""

    commit: str
    """Full hash."""
    date: str
    """The committer's date, as 2018-03-07."""
    subject: str
    """The first line of its message, as written: not to be trusted."""
