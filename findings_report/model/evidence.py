"""What git answers about a location: the snippet, and the verdict on the author's quote.

Values only. How they are found is `resolve`'s business, how they look is a renderer's.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value that never changes once made and knows no other fields than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Region(Frozen):
    """One line range of a file."""

    start_line: int
    """First line, 1-based."""
    end_line: int
    """Last line, inclusive, never before `start_line`."""

    def __str__(self) -> str:
        return str(self.start_line) if self.start_line == self.end_line else f"{self.start_line}-{self.end_line}"

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self.start_line <= line <= self.end_line


class Verdict(StrEnum):
    """What checking a quote against git gave."""

    EXACT = "exact"
    """Every quoted line is equal to the repository's, where claimed."""
    WHITESPACE = "whitespace"
    """The quote differs from the repository in indentation, tabs or trailing blanks only."""
    ELIDED = "elided"
    """Every quoted line is there, in order; lines between them were left out."""
    ANNOTATED = "annotated"
    """The quoted code is there once the auditor's own marks are set aside."""
    EDITED = "edited"
    """Most quoted lines are there, some are not."""
    MOVED = "moved"
    """The quoted code is in the file, at other lines than claimed."""
    NOT_FOUND = "not_found"
    """The quoted code is not in that file at that commit."""
    UNCHECKED = "unchecked"
    """The repository was not available, so the quote was not verified."""
    NONE = "none"
    """No quote was given: the lines shown are the repository's own."""


VERDICT_MEANING: dict[Verdict, str] = {
    Verdict.EXACT: "Every quoted line matches the repository at the cited lines.",
    Verdict.WHITESPACE: "Identical except for indentation or trailing spaces.",
    Verdict.ELIDED: "All quoted lines are present in order; lines between them were left out.",
    Verdict.ANNOTATED: "Identical after the auditor's annotations are removed.",
    Verdict.EDITED: "Most quoted lines are present, others differ; the repository's lines are printed.",
    Verdict.MOVED: "The quoted code is at other lines than cited; those lines are printed.",
    Verdict.NOT_FOUND: "The quoted code is not in that file at that commit.",
    Verdict.UNCHECKED: "The repository was not available, so the quote was not verified.",
    Verdict.NONE: "No quote was given; the lines are from the repository.",
}
"""One sentence per verdict for a reader of the report."""


class Difference(Frozen):
    """One line in which an edited quote and the repository differ."""

    quoted: str | None
    """The quote's line; None when the repository has a line that the quote lacks."""
    actual: str | None
    """The repository's line; None when the quote has a line that the repository lacks."""
    line: int | None
    """Number of the repository's line, 1-based; None when `actual` is None."""


class Elsewhere(Frozen):
    """A place in the same commit where a quote that is not in its file was found."""

    path: str
    """POSIX, from the repository's root."""
    region: Region
    """First to last line of the quote there."""


class Check(Frozen):
    """The verdict on one quote, and what led to it."""

    verdict: Verdict
    """The verdict."""
    text: Verdict | None = None
    """For `moved`: the grade of the text at the place it was found."""
    claimed: tuple[Region, ...] = ()
    """Lines that the quote claims: its own line numbers, else the location's `lines`."""
    found: tuple[Region, ...] = ()
    """Lines where the quoted text stands, runs of neighbours joined; empty when not found or not checked."""
    unmarked_gaps: int = 0
    """How many times lines were left out of the quote without a mark."""
    differences: tuple[Difference, ...] = ()
    """For `edited`: the lines that differ, in order, at most 40."""
    elsewhere: tuple[Elsewhere, ...] = ()
    """For `not_found`: where else in the commit the text stands, at most 5."""
    also: tuple[Region, ...] = ()
    """Other lines of the file where the whole quote stands, when neither it nor `lines` says which are meant; at most 5."""
    mapped: tuple[tuple[int, int], ...] = ()
    """(claimed line, found line) of each quoted line that has both, rising."""


class Line(Frozen):
    """One printed line of code."""

    number: int | None
    """1-based line number in the file; None only for an unchecked quote without numbers."""
    text: str
    """The line without its line end."""
    highlighted: bool = False
    """The author marked it."""
    note: str | None = None
    """The author's remark on it, Markdown."""


class Run(Frozen):
    """Neighbouring printed lines. Between two runs of a snippet lines are elided."""

    lines: tuple[Line, ...]
    """At least one, numbers rising by one."""
    inside: str = ""
    """What the first line stands inside of, as the opener of a multi-line string or comment (`/*`); for colouring."""


class Symbol(Frozen):
    """A named piece of code that encloses a line."""

    name: str
    """Dotted from the outermost: `IpamPluggableBackend._ipam_allocate_ips`."""
    region: Region
    """Its first line (decorators included) to its last."""


class Snippet(Frozen):
    """What git has for a location, ready to be printed."""

    index: int
    """0-based position of the location in its finding."""
    name: str | None
    """The location's name, for references from prose."""
    role: str | None
    """source, sink, ...; as authored."""
    caption: str | None
    """As authored, Markdown."""
    repository: str
    """Name of the repository in the engagement."""
    path: str
    """POSIX, from the repository's root."""
    commit: str | None
    """Full hash of the commit read or claimed; None when not known (nothing pinned, no repository)."""
    blob: str | None
    """Id of the blob read; None when unchecked."""
    regions: tuple[Region, ...]
    """The cited lines as printed: where they were found for `moved`, else as claimed. Empty: the whole file."""
    runs: tuple[Run, ...]
    """The printed lines, in order."""
    permalink: str | None
    """Forge URL of the cited lines at the commit."""
    language: str
    """Pygments lexer name by file name; empty when unknown."""
    encoding: str = "utf-8"
    """How the blob was decoded."""
    symbol: str | None = None
    """Name of the enclosing symbol, when sure."""
    check: Check
    """The verdict on the quote."""
    loose_notes: tuple[tuple[int, str], ...] = ()
    """(line as authored, note) of notes whose line is not printed, so that none is lost."""
    fingerprints: tuple[str, ...] = ()
    """`fingerprint/1` of the text of each of `regions`; none when unchecked."""

    @property
    def is_authors(self) -> bool:
        """True when the printed lines are the author's own, not git's: only under `unchecked`."""
        return self.check.verdict is Verdict.UNCHECKED


class CoveredFile(Frozen):
    """A file that the scope names, at the commit that was audited."""

    path: str
    """POSIX, from the repository's root."""
    lines: int | None
    """How many; None when it has none to cite (binary, too large) or when they were not counted."""
    entries: tuple[int, ...]
    """0-based positions of the scope's entries that name it, at least one."""
