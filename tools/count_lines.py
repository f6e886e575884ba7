"""Counts the package's modules, folders, lines and comments, and compares them with the limits of its layout.

    python tools/count_lines.py            print the table
    python tools/count_lines.py --check    also exit with 1 when a figure is outside its limits

A module is a `.py` file all of whose folders are packages; the sample code that `demo` copies is data. A code line holds at
least one token that is neither a comment nor part of a docstring; a string over several lines counts with each of them. A
docstring is a statement that is only a string, also below a field. A comment line holds a comment, alone or behind code.
Pragmas (`# noqa`, `# type:`, `# pragma:`, `# fmt:`) are no comments; a reason written behind one is.
"""

from __future__ import annotations

import argparse
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parents[1] / "findings_report"
INIT: Final = "__init__.py"

_PRAGMA: Final = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?|type:\s*[\w.]+(?:\[[^\]]*\])?|pragma:\s*no cover|fmt:\s*\w+)"
)
_LAYOUT: Final = (
    tokenize.ENCODING,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def is_within_limits(self) -> bool:
        """True also when there are no limits."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def row(self) -> str:
        """The figure, its limits, and a mark when it is outside them."""
        bounds = [
            f"at least {self.least:g}" if self.least is not None else "",
            f"at most {self.most:g}" if self.most is not None else "",
        ]
        mark = "" if self.is_within_limits else "  OUTSIDE"
        return f"{self.name:<42} {self.value:>8g}  {', '.join(filter(None, bounds))}{mark}".rstrip()


@dataclass(frozen=True)
class Lines:
    """How many lines of one module, or of several, are what."""

    total: int = 0
    code: int = 0
    comments: int = 0

    def __add__(self, other: Lines) -> Lines:
        return Lines(self.total + other.total, self.code + other.code, self.comments + other.comments)


def count(source: str) -> Lines:
    """Count the lines of one module. Raises tokenize.TokenError and SyntaxError for what is not Python."""
    code: set[int] = set()
    comments: set[int] = set()
    for statement in _statements(tokenize.generate_tokens(io.StringIO(source).readline)):
        comments |= {token.start[0] for token in statement if _is_comment(token)}
        tokens = [token for token in statement if token.type not in (*_LAYOUT, tokenize.COMMENT)]
        if not all(token.type == tokenize.STRING for token in tokens):
            code |= {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return Lines(len(source.splitlines()), len(code), len(comments))


def _statements(tokens: Iterable[tokenize.TokenInfo]) -> Iterator[list[tokenize.TokenInfo]]:
    """The tokens of each logical line, with the comment lines above it."""
    statement: list[tokenize.TokenInfo] = []
    for token in tokens:
        statement.append(token)
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            yield statement
            statement = []


def _is_comment(token: tokenize.TokenInfo) -> bool:
    """True for a comment that says something beside pragmas."""
    return token.type == tokenize.COMMENT and re.search(r"\w", _PRAGMA.sub("", token.string)) is not None


def modules_of(package: Path) -> list[Path]:
    """The modules of the package, sorted by path."""
    folders = [package]
    for folder in folders:  # grows while it is read: packages within packages
        folders += sorted(init.parent for init in folder.glob(f"*/{INIT}"))
    return sorted(path for folder in folders for path in folder.glob("*.py"))


def measure(package: Path) -> list[Figure]:
    """The figures of a package, with the limits of its layout."""
    modules = modules_of(package)
    lines = {path: count(path.read_text("utf-8")) for path in modules}
    files = [path for path in modules if path.name != INIT]
    total = sum(lines.values(), Lines())
    return [
        Figure("folders at the root", len(list(package.glob(f"*/{INIT}"))), 18, 20),
        Figure("loose modules at the root", sum(path.parent == package for path in files), most=0),
        Figure(f"modules with {INIT}", len(modules)),
        # 180 and the adapters that were added since: a tracker, a format and an importer are a file each.
        Figure(f"modules without {INIT}", len(files), most=190),
        Figure(f"median lines with {INIT}", _median([lines[path].total for path in modules])),
        Figure(f"median lines without {INIT}", _median([lines[path].total for path in files]), least=150),
        Figure("lines", total.total),
        Figure("code lines", total.code),
        Figure("lines with a comment", total.comments),
        Figure("comments per 100 code lines", round(100 * total.comments / max(total.code, 1), 1), 5, 10),
    ]


def _median(counts: Sequence[int]) -> float:
    return statistics.median(counts) if counts else 0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, nargs="?", default=PACKAGE, help="default: the package of this checkout")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a figure is outside its limits")
    arguments = parser.parse_args()
    figures = measure(arguments.package)
    for figure in figures:
        print(figure.row())
    if arguments.check and not all(figure.is_within_limits for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
