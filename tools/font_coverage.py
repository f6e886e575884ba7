"""Writes `fonts/coverage.txt`, the characters that the bundled fonts have: `python tools/font_coverage.py`.

To be run when a font file changes; the only place that opens the files themselves. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont

from findings_report.pdf.glyphs import COVERAGE, FONTS

_HEAD = "# Code points that at least one of the bundled fonts has. Made by tools/font_coverage.py.\n"


def measured() -> str:
    """What the file should hold: ranges of code points in hexadecimal, ascending, one a line, under a comment."""
    points: set[int] = set()
    for file in sorted(FONTS.iterdir()):
        if file.suffix in {".otf", ".ttf"}:
            with TTFont(file, lazy=True) as font:
                points.update(font.getBestCmap())
    return _HEAD + "".join(f"{start:04X}-{end:04X}\n" for start, end in _ranges(points))


def main(file: Path = COVERAGE) -> None:
    """Write the file."""
    file.write_text(measured(), encoding="ascii", newline="\n")


def _ranges(points: Iterable[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(sorted(points)), key=lambda pair: pair[1] - pair[0]):
        members = [point for _, point in run]
        yield members[0], members[-1]


if __name__ == "__main__":
    main()
