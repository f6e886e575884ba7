"""Lines of text as git counts them: splitting, normalising, fingerprinting.

Pure: strings in, values out. It knows neither git nor quotes nor languages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from findings_report.model.evidence import Region

INFORMATIVE: Final = 6
"""Letters and digits that a line needs to identify a place."""


def split_lines(text: str) -> tuple[str, ...]:
    """Return the lines of `text` as git counts them. `str.splitlines` would also split on form feeds and U+2028."""
    parts = text.split("\n")
    if parts[-1] == "":
        parts.pop()
    # Most files have none, and this runs for every file that is read.
    if "\r" in text:
        parts = [part.removesuffix("\r") for part in parts]
    return tuple(parts)


def squeeze(line: str) -> str:
    """Return `line` with every run of white space as one blank and none at its ends."""
    return " ".join(line.split())


def dedent(lines: Sequence[str]) -> tuple[str, ...]:
    """Return `lines` without the indentation that all of them share; blank lines do not count and become empty."""
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    if not indents:
        return ("",) * len(lines)
    low, high = min(indents), max(indents)
    width = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return tuple(line[width:] if line.strip() else "" for line in lines)


def is_informative(line: str) -> bool:
    """True when `line` has enough letters and digits to identify a place: `}` and `else:` have not."""
    return sum(map(str.isalnum, line)) >= INFORMATIVE


def fingerprint(lines: Iterable[str]) -> str:
    """`fingerprint/1`: sha256, hexadecimal, of the lines without white space, blank ones dropped, each ended by LF."""
    digest = hashlib.sha256()
    for line in lines:
        # Without white space the fingerprint survives reformatting and a move into another block. Reports contain it, so a
        # change of this function needs a new version number.
        if bare := "".join(line.split()):
            digest.update(bare.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def join_runs(numbers: Iterable[int]) -> tuple[Region, ...]:
    """Return rising line numbers as regions, neighbours joined."""
    regions: list[Region] = []
    start = end = None
    for number in numbers:
        if start is None or end is None:
            start = end = number
        elif number == end + 1:
            end = number
        else:
            regions.append(Region(start_line=start, end_line=end))
            start = end = number
    if start is not None and end is not None:
        regions.append(Region(start_line=start, end_line=end))
    return tuple(regions)


def unite_regions(*listed: Sequence[Region]) -> tuple[Region, ...]:
    """Return the lines of all regions as rising regions, neighbours and overlapping ones joined."""
    united: list[Region] = []
    for region in sorted((region for regions in listed for region in regions), key=lambda region: region.start_line):
        if united and region.start_line <= united[-1].end_line + 1:
            last = united.pop()
            region = Region(start_line=last.start_line, end_line=max(last.end_line, region.end_line))
        united.append(region)
    return tuple(united)
