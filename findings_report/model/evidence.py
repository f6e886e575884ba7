"""The code of a location as git has it: the snippet, and the verdict on the author's quote.

Values only. `resolve` makes them; renderers decide how they look.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

# A word for screen readers between signs that no code has, none of Markdown, HTML or a formula. Of one length.
MARK: Final = "\u2588redacted\u2588"
"""What a report prints in place of a passage that its authors masked."""


class Frozen(BaseModel):
    """An immutable model that rejects unknown fields."""

    # extra="forbid": a misspelt field is an error with a suggestion, not a text that silently misses from the report.
    # use_attribute_docstrings: one text serves as docstring, schema description and reference.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Region(Frozen):
    """One line range of a file."""

    start_line: int
    """First line, 1-based."""
    end_line: int
    """Last line, inclusive, not before `start_line`."""

    def __str__(self) -> str:
        return str(self.start_line) if self.start_line == self.end_line else f"{self.start_line}-{self.end_line}"

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self.start_line <= line <= self.end_line


class Verdict(StrEnum):
    """Result of checking a quote against git."""

    EXACT = "exact"
    """Every quoted line matches the repository at the cited lines."""
    WHITESPACE = "whitespace"
    """The quote differs from the repository in whitespace only: indentation, tabs, blanks beside signs, blank lines."""
    PARTIAL = "partial"
    """The quote is part of the cited line, or a line that was wrapped; every quoted character is there, in order."""
    ELIDED = "elided"
    """All quoted lines are present in order; lines between them were left out."""
    ANNOTATED = "annotated"
    """The quote is identical after the auditor's annotations are removed."""
    COMMENTS = "comments"
    """The quote is identical except for comments."""
    EDITED = "edited"
    """Most quoted lines are present, others differ."""
    MOVED = "moved"
    """The quoted code is in the file, at other lines than cited."""
    NOT_FOUND = "not_found"
    """The code was not found as quoted, or the cited file or lines do not exist at that commit."""
    UNCHECKED = "unchecked"
    """The repository, commit or file could not be read, so the quote was not verified."""
    NONE = "none"
    """No quote was given; the lines are from the repository."""


# Not the docstrings of `Verdict`: Python does not keep docstrings of enumeration members, and these are printed for customers.
VERDICT_MEANING: dict[Verdict, str] = {
    Verdict.EXACT: "Every quoted line matches the repository at the cited lines.",
    Verdict.WHITESPACE: "Identical except for whitespace.",
    Verdict.PARTIAL: "Part of a line, or a line that was wrapped; every quoted character is there, in order.",
    Verdict.ELIDED: "All quoted lines are present in order; lines between them were left out.",
    Verdict.ANNOTATED: "Identical except for the auditor's annotations and typographic quotation marks or dashes.",
    Verdict.COMMENTS: "Identical except for comments; the repository's lines are printed.",
    Verdict.EDITED: "Most quoted lines are present, others differ; the repository's lines are printed.",
    Verdict.MOVED: "The quoted code is at other lines than cited; those lines are printed.",
    Verdict.NOT_FOUND: "The code was not found as quoted, or the cited file or lines do not exist at that commit.",
    Verdict.UNCHECKED: "The repository, commit or file could not be read, so the quote was not verified.",
    Verdict.NONE: "No quote was given; the lines are from the repository.",
}
"""One sentence per verdict for a reader of the report."""

REASONS: Final = (
    *("the commit is not in the clone", "no such commit", "no such file at this commit", "no such file", "no such lines"),
    *("the path is in a submodule, another repository", "the file is too large", "the file cannot be read"),
    *("this path is a symbolic link", "this path is a folder", "this path is a binary file", "this path is a Git LFS pointer"),
    *("this path is text in UTF-16 or UTF-32 that cannot be decoded", "repository not available"),
    *("the repository is not available", "the text came to several places", "several places are about as likely"),
)
"""Why lines could not be read, as checks and drifts have it, in the words of a caption."""


class Difference(Frozen):
    """One line in which an edited quote and the repository differ."""

    quoted: str | None
    """Line of the quote; None for a line that is only in the repository."""
    actual: str | None
    """Line of the repository; None for a line that is only in the quote."""
    line: int | None
    """1-based number of the repository's line; None if `actual` is None."""


class Elsewhere(Frozen):
    """A place in another file of the same commit where a quote was found."""

    path: str
    """POSIX path from the repository's root."""
    region: Region
    """Lines of the quote in that file."""


class Check(Frozen):
    """The verdict on one quote, with its details."""

    verdict: Verdict
    """The verdict."""
    reason: str | None = None
    """Why there is no code to check against, as in `no such file at this commit`; None if the code was read."""
    text: Verdict | None = None
    """For `moved`: verdict on the text at the place where it was found."""
    claimed: tuple[Region, ...] = ()
    """Lines that the quote claims: its own line numbers, otherwise the location's `lines`."""
    found: tuple[Region, ...] = ()
    """Lines of the quoted text, adjacent ones joined; empty if not found or not checked."""
    outside: tuple[Region, ...] = ()
    """Lines among `found` that the location's `lines` do not cite; empty for `moved`."""
    names: str | None = None
    """File that a line above the quoted code names, as written; empty if it names only lines, None without such a line."""
    unmarked_gaps: int = 0
    """Number of gaps in the quote that no mark shows."""
    differences: tuple[Difference, ...] = ()
    """For `edited`: the lines that differ, in order, at most 40."""
    elsewhere: tuple[Elsewhere, ...] = ()
    """For `not_found`: other places in the commit with the text, at most 5."""
    closest: Region | None = None
    """For `not_found`: the most similar lines of the file; None if none are similar."""
    also: tuple[Region, ...] = ()
    """Other lines of the file with the whole quote, if neither the quote nor `lines` selects one place; at most 5."""
    mapped: tuple[tuple[int, int], ...] = ()
    """(claimed line, actual line) of each quoted line that has both, in rising order."""


class MaskedLines(Frozen):
    """Cited lines of which the report masks something."""

    lines: tuple[Region, ...]
    """The lines, as `redact` of the location has them."""
    match: str | None = None
    """The one line in its printed form, without its indentation; None for lines that are masked as a whole."""


# Apart from the snippet: what is printed is git's, and another check of the same quote needs what the author wrote.
class AuthoredLocation(Frozen):
    """What the author of a location wrote, as far as the report may have it: the source of a snippet."""

    commit: str | None = Field(default=None, exclude_if=lambda commit: commit is None)
    """The location's own commit; None if it has that of its repository."""
    lines: tuple[Region, ...] = Field(default=(), exclude_if=lambda regions: not regions)
    """Lines that the location cites; empty for the whole file."""
    symbol: str | None = Field(default=None, exclude_if=lambda symbol: symbol is None)
    """Name of the enclosing symbol, if the author wrote it."""
    show: tuple[Region, ...] = Field(default=(), exclude_if=lambda regions: not regions)
    """Lines to print, if the author chose them."""
    highlight: tuple[Region, ...] = Field(default=(), exclude_if=lambda regions: not regions)
    """Lines to highlight."""
    notes: dict[int, str] = Field(default_factory=dict, exclude_if=lambda notes: not notes)
    """Remarks by line, Markdown."""
    quote: str | None = Field(default=None, exclude_if=lambda quote: quote is None)
    """The quote in the author's layout, masked where the report masks the code."""
    redact: tuple[MaskedLines, ...] = Field(default=(), exclude_if=lambda redact: not redact)
    """What is masked, by line; never the masked text."""


class Line(Frozen):
    """One printed line of code."""

    number: int | None
    """1-based line number in the file; None only for an unchecked quote without numbers."""
    text: str
    """Text of the line, without line end."""
    highlighted: bool = False
    """True if the author highlighted the line."""
    note: str | None = None
    """Remark of the author on the line, Markdown."""


class Run(Frozen):
    """Consecutive printed lines. Lines between two runs of a snippet are elided."""

    lines: tuple[Line, ...]
    """The lines, at least one; their numbers rise by one."""
    inside: str = ""
    """Opener of the multi-line string or comment (`/*`) that contains the first line; for syntax highlighting."""


# No model: a file has hundreds, of which one or two are looked at, and validating them took a tenth of `check`.
class Symbol(NamedTuple):
    """A named piece of code that encloses a line."""

    name: str
    """Qualified name with dots: `IpamPluggableBackend._ipam_allocate_ips`."""
    start_line: int
    """First line, 1-based, decorators included."""
    end_line: int
    """Last line, inclusive."""

    @property
    def region(self) -> Region:
        """The lines of the symbol."""
        return Region(start_line=self.start_line, end_line=self.end_line)

    def holds(self, region: Region) -> bool:
        """Return True if all lines of `region` are in the symbol."""
        return self.start_line <= region.start_line and region.end_line <= self.end_line


class Snippet(Frozen):
    """The code of a location from git, ready to be printed."""

    index: int
    """0-based position of the location in its finding."""
    name: str | None
    """Name of the location, for references from texts."""
    role: str | None
    """Role of the location: source, sink, ..."""
    caption: str | None
    """Caption of the snippet, Markdown as authored."""
    repository: str
    """Name of the repository in the engagement."""
    path: str
    """POSIX path from the repository's root."""
    commit: str | None
    """Full hash of the commit read or claimed; None if unknown (nothing pinned, no repository)."""
    blob: str | None
    """Id of the blob; None if the file was not read."""
    # For `moved` the lines found: a report must not cite lines that do not contain the quoted code.
    regions: tuple[Region, ...]
    """Cited lines as printed: for `moved` as found, otherwise as claimed. Empty: the whole file."""
    runs: tuple[Run, ...]
    """Printed lines, in order. Empty if there are none: an empty file, a file or lines that do not exist."""
    permalink: str | None
    """Forge URL of the cited lines at the commit."""
    # By file name only: a lexer guessed from the content can change after a small edit of the file.
    language: str
    """Name of the Pygments lexer for the file name; empty if unknown."""
    encoding: str = "utf-8"
    """Encoding by which the blob was decoded."""
    symbol: str | None = None
    """Name of the enclosing symbol; None if uncertain."""
    check: Check
    """Verdict on the quote."""
    loose_notes: tuple[tuple[int, str], ...] = ()
    """(line as authored, note) of notes on lines that are not printed, so that no note is lost."""
    fingerprints: tuple[str, ...] = ()
    """`fingerprint/1` of the text of each region; empty if the file was not read."""
    line_hash: str | None = None
    """CodeQL's hash of the first cited line; None if it cannot be computed, or if some of the text that it covers is masked."""
    end_columns: tuple[int, ...] = ()
    """Column after the last character of each region, of the whole file without regions, 1-based in UTF-16 code units; empty if
    the file was not read."""
    file_lines: int | None = None
    """Number of lines of a file that is cited as a whole; None for cited lines, and if the file was not read."""
    redacted: tuple[Region, ...] = ()
    """Lines of which a part or the whole is masked, printed or not; rising."""
    audience: tuple[str, ...] = ()
    """Readers of the code; empty means everybody."""
    authored: AuthoredLocation | None = Field(default=None, exclude_if=lambda authored: authored is None)
    """What the author wrote of the location; None in a report of an earlier version."""

    @property
    def masked(self) -> int:
        """Number of printed passages that the authors masked; masked lines that follow each other are one."""
        # Code may contain the mark; without `redacted` it is only that.
        count = 0
        for run in self.runs if self.redacted or self.is_authors else ():
            is_within = False
            for line in run.lines:
                is_whole = line.text.strip() == MARK
                count += 0 if is_whole and is_within else line.text.count(MARK)
                is_within = is_whole
        return count

    @property
    def is_authors(self) -> bool:
        """True if the printed lines come from the author and not from git: only for `unchecked`."""
        return self.check.verdict is Verdict.UNCHECKED and bool(self.runs)


class CoveredFile(Frozen):
    """A file in the scope, at the audited commit."""

    path: str
    """POSIX path from the repository's root."""
    lines: int | None
    """Number of lines; None for binary and oversized files, and if not counted."""
    entries: tuple[int, ...]
    """0-based positions of the scope entries that include the file, at least one."""
