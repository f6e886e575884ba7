"""A location whose text is equal at another commit -> the same location as it has to be written there.

Pure: what git found is given, and no file is written. `lines`, `show`, `highlight`, the keys of `notes` and the numbers inside
`quote` move together, or the location stays unchanged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from findings_report.evidence.quote import renumber
from findings_report.model.drift import Drift, DriftKind
from findings_report.model.evidence import Region, Snippet, Verdict
from findings_report.model.finding import Location

_ASTRAY: Final = {
    Verdict.MOVED: "its quote is at other lines than claimed",
    Verdict.EDITED: "its quote differs from the repository",
    Verdict.NOT_FOUND: "its quote was not found",
}
"""Quotes that have to be corrected before they can be moved."""

# Prose is only reported, never rewritten: `line 12` may be a line of a log or of another file. Seven digits, as in quotes.
_MENTION: Final = re.compile(r"\blines?\s+(?P<first>[0-9]{1,7})(?:\s*(?:-|–|to|and)\s*(?P<last>[0-9]{1,7}))?\b", re.IGNORECASE)


class StaysError(Exception):
    """A location that cannot be written at the other commit; the text is the reason, a clause about "it"."""


def reanchor(location: Location, snippet: Snippet, drifts: Sequence[Drift]) -> Location:
    """Return `location` as it reads at the commit to which `drifts` followed each region of `snippet`, in their order.

    Raises StaysError when the text is not equal there, or the numbers that belong to it are not all known.
    """
    # Its lines are read at that commit whatever the repository is pinned to; moving them would break a citation that is
    # right.
    if location.commit is not None:
        raise StaysError(f"it names its own commit {location.commit[:12]}")
    if (fault := snippet.check.reason or _ASTRAY.get(snippet.check.verdict)) is not None:
        raise StaysError(fault)
    # Only equal text is moved without a person: an edited region may no longer show what the finding describes.
    path = _require_equal(drifts)
    step = _Steps(drifts)
    quote = location.quote
    # A quote without numbers is the same text at the other commit and stays byte for byte as the author wrote it.
    if quote is not None and not step.is_still:
        quote = renumber(quote, snippet.check.claimed, location.lines, step.to)
        if quote is None:
            raise StaysError("the line numbers in its quote, or in the line above the code, cannot be rewritten safely")
    return location.model_copy(
        update={
            "path": path,
            "lines": step.regions(location.lines),
            "show": step.regions(location.show),
            "highlight": step.regions(location.highlight),
            "notes": {step.line(line): note for line, note in location.notes.items()},
            "quote": quote,
            "redact": tuple(entry.model_copy(update={"lines": step.regions(entry.lines)}) for entry in location.redact),
            "not_secret": tuple(entry.model_copy(update={"lines": step.regions(entry.lines)}) for entry in location.not_secret),
        }
    )


def mentions(text: str, drifts: Sequence[Drift]) -> Iterator[tuple[int, str]]:
    """Yield where prose names lines that have moved, with the message: `names lines 111-129, now lines 127-145`.

    `drifts` are those of one location that was rewritten. Lines of another file may be meant: a person has to look.
    """
    step = _Steps(drifts)
    for mention in _MENTION.finditer(text):
        first = int(mention["first"])
        last = int(mention["last"] or first)
        now = step.to(first), step.to(last)
        if now[0] is not None and now[1] is not None and now != (first, last):
            region = Region(start_line=min(now[0], now[1]), end_line=max(now[0], now[1]))
            noun = "line" if region.start_line == region.end_line else "lines"
            yield mention.start(), f"names {' '.join(mention[0].split())}, now {noun} {region}"


def _require_equal(drifts: Sequence[Drift]) -> str:
    """Return the one file that has the text of every region."""
    changed = [drift for drift in drifts if not drift.kind.is_equal]
    if changed:
        kinds = Counter(drift.kind for drift in changed)
        counted = ", ".join(kind.value for kind in DriftKind if kinds[kind])
        why = next((f": {drift.reason}" for drift in changed if drift.reason), "")
        raise StaysError(
            (f"of its lines, {_list_regions(changed)}: {counted}" if len(drifts) > 1 else f"its lines are {counted}") + why
        )
    paths = sorted({drift.now.path for drift in drifts if drift.now is not None})
    if not paths:
        raise StaysError("it cites no lines")
    if len(paths) > 1:
        raise StaysError(f"its lines are in several files now: {', '.join(paths)}")
    regions = [drift.now.region for drift in drifts if drift.now is not None]
    # `lines` has to rise, so regions in another order cannot be written as one location.
    if any(later.start_line <= earlier.end_line for earlier, later in pairwise(regions)):
        raise StaysError("its lines are in another order now")
    return paths[0]


def _list_regions(drifts: Iterable[Drift]) -> str:
    return ", ".join(str(drift.region) for drift in drifts)


class _Steps:
    """The line that each line of the cited regions is now."""

    def __init__(self, drifts: Sequence[Drift]) -> None:
        self._steps = [
            (drift.region, drift.now.region.start_line - drift.region.start_line) for drift in drifts if drift.now is not None
        ]

    @property
    def is_still(self) -> bool:
        """True when no number changes."""
        return all(step == 0 for _, step in self._steps)

    def to(self, line: int) -> int | None:
        """Return the new number of a line; None outside of the cited regions."""
        # Lines between two regions may have moved by either step: which one is not known, except when nothing moves at all.
        return next((line + step for region, step in self._steps if line in region), line if self.is_still else None)

    def line(self, line: int) -> int:
        """Return the new number of a line. Raises StaysError outside of the cited regions."""
        now = self.to(line)
        if now is None:
            raise StaysError(f"line {line}, which it shows or marks, is not among the lines it cites")
        return now

    def regions(self, regions: Sequence[Region]) -> tuple[Region, ...]:
        """Return `regions` with their new numbers."""
        stepped = tuple(Region(start_line=self.line(was.start_line), end_line=self.line(was.end_line)) for was in regions)
        if any(
            now.end_line - now.start_line != was.end_line - was.start_line for was, now in zip(regions, stepped, strict=True)
        ):
            raise StaysError("the lines that it shows or marks are no longer adjacent")
        return stepped
