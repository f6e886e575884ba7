"""Writes `fonts/coverage.txt`, the characters that the bundled fonts have: `python tools/font_coverage.py`.

To be run when a font file changes; the only place that opens the files themselves. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont

from findings_report.pdf.glyphs import COVERAGE, FONTS, SHARED

_TAGS = range(0xE0020, 0xE0080)
_HEAD = "# Code points that at least one of the bundled fonts has. Made by tools/font_coverage.py.\n"


def measured() -> str:
    """What the file should hold: ranges of code points in hexadecimal, ascending, one a line, under a comment."""
    points: set[int] = set()
    shared: set[int] = set()
    for file in sorted(FONTS.iterdir()):
        if file.suffix in {".otf", ".ttf"}:
            with TTFont(file, lazy=True) as font:
                # Tags are nothing alone: a font has them for the flags that they make together.
                points.update(point for point in font.getBestCmap() if point not in _TAGS)
                shared.update(_sharing(font.getBestCmap()))
    covered = "".join(f"{start:04X}-{end:04X}\n" for start, end in _ranges(points))
    return f"{_HEAD}{covered}{SHARED} {' '.join(f'{point:04X}' for point in sorted(shared))}\n"


def _sharing(cmap: Mapping[int, str]) -> Iterator[int]:
    """Yield the code points with a glyph that another code point has first: a PDF knows one text of a glyph."""
    by_glyph: dict[str, list[int]] = {}
    for point, glyph in sorted(cmap.items()):
        by_glyph.setdefault(glyph, []).append(point)
    for points in by_glyph.values():
        # Greek text keeps its letters; control characters are printed by no font.
        first = next((point for point in points if 0x370 <= point < 0x400), points[0])
        yield from (point for point in points if point != first and points[0] >= 0x20 and point != 0x2421)


def main(file: Path = COVERAGE) -> None:
    """Write the file."""
    file.write_text(measured(), encoding="ascii", newline="\n")


def _ranges(points: Iterable[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(sorted(points)), key=lambda pair: pair[1] - pair[0]):
        members = [point for _, point in run]
        yield members[0], members[-1]


if __name__ == "__main__":
    main()
