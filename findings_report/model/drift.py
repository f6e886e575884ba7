"""The place of cited code at another commit: the drift of each region, with the method and the similarity.

Values only. Found by `track`, judged by `compare`, shown by renderers. The words say where the text is, never what that means
for a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from findings_report.model.evidence import MARK, Frozen, Region


class DriftKind(StrEnum):
    """State of a region's text at the other commit."""

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
    """More than one place is possible, or the text is too short to identify one."""
    UNVERIFIABLE = "unverifiable"
    """Nothing could be compared: a commit or blob is missing, or the file has no lines."""

    @property
    def is_equal(self) -> bool:
        """True if every line of the text is unchanged at the other commit."""
        # REFORMATTED is not among them: its text differs, so quotes and line numbers cannot be carried over unchanged.
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
    """The file has the same blob id."""
    HUNKS = "diff"
    """The lines are outside of all hunks of the file's diff."""
    ALIGNED = "aligned"
    """Lines inside hunks were aligned with the lines that replaced them."""
    TEXT = "text"
    """The same text was found elsewhere by searching for it."""
    SIMILAR = "similar text"
    """Similar text was found elsewhere by searching for it."""
    NONE = "nothing"
    """The text was not found."""


class Spot(Frozen):
    """A place at the other commit."""

    path: str
    """POSIX path from the repository's root."""
    region: Region
    """Lines in that file."""
    similarity: float = 1.0
    """Similarity to the cited text, 0 to 1; 1 if equal."""
    is_new: bool = False
    """For `also_at`: True if the copy was not there at the cited commit, also under another file name."""


# Kept with the drift, so that a report can be rendered later without the repository.
class DiffLine(Frozen):
    """One line of the diff of just the cited range."""

    old_line: int | None
    """1-based number at the cited commit; None for an added line."""
    new_line: int | None
    """1-based number at the other commit; None for a removed line. An unchanged line has both numbers."""
    text: str
    """Text of the line, without line end."""


class Drift(Frozen):
    """The place of one region at another commit."""

    path: str
    """POSIX path of the cited file from the repository's root."""
    region: Region
    """The cited lines."""
    kind: DriftKind
    """State of the cited lines."""
    is_whole_file: bool = False
    """True if the location has no `lines`; `region` is then the part of the file that was followed."""
    now: Spot | None = None
    """New place of the lines; None if deleted, ambiguous or unverifiable."""
    method: Method = Method.NONE
    """Method by which the lines were found."""
    rename: str | None = None
    """Source of the new file name: `history` (chain of renames) or `similarity` (50 %, git's default); None if not renamed."""
    surviving: float = 0.0
    """Share of the region's informative lines that are at `now`, 0 to 1."""
    quoted: tuple[tuple[int, int | None], ...] = ()
    """(quoted line, its number now or None if deleted) for each quoted line of the region, in rising order."""
    also_at: tuple[Spot, ...] = ()
    """Other places with the same text, new ones first, at most 5."""
    partly_moved: Spot | None = None
    """Place of the smaller part of the text, if it was split."""
    surroundings_changed: bool = False
    """True if the text is equal, but the body of the enclosing symbol differs."""
    candidates: tuple[Spot, ...] = ()
    """For `ambiguous`: possible places, best first, at most 5."""
    closest: Spot | None = None
    """For `deleted`: place of the most similar text, if similar enough to be shown."""
    diff: tuple[DiffLine, ...] = ()
    """For `modified` and `reformatted`: the diff of just the range; for `deleted`: the lines that
    went, and what came in their place in that file. At most 400 lines."""
    reason: str | None = None
    """For `unverifiable` and `ambiguous`: the reason, one self-contained sentence."""

    @property
    def only_white_space(self) -> bool:
        """True for `modified` code that differs in whitespace only, in a language where whitespace has a meaning."""
        # Of masked code it is not known.
        if self.kind is not DriftKind.MODIFIED or self.now is None or any(MARK in line.text for line in self.diff):
            return False
        # `diff` is cut at 400 lines; a part of the lines proves nothing about the others, hence `is_whole`.
        went = [line.text for line in self.diff if line.old_line is not None]
        came = [line.text for line in self.diff if line.new_line is not None]
        is_whole = (len(went), len(came)) == (_count(self.region), _count(self.now.region))
        return is_whole and [*filter(None, map(_bare, went))] == [*filter(None, map(_bare, came))]

    @property
    def quoted_intact(self) -> bool:
        """True if there are quoted lines and all of them remain at the other commit."""
        return bool(self.quoted) and all(new is not None for _, new in self.quoted)


def _count(region: Region) -> int:
    return region.end_line - region.start_line + 1


# All whitespace, not only at the edges: reformatting also changes blanks around operators.
def _bare(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True)
class CommitSummary:
    """A commit that changed cited code, as `git log` lists it."""

    commit: str
    """Full hash."""
    date: str
    """Committer date, as 2018-03-07."""
    subject: str
    """First line of the commit message, unchanged: untrusted text."""
