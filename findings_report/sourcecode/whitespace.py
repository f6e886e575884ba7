"""Whether two texts of code differ in nothing but white space that means nothing in their language.

Pure. In doubt they differ: a text called reformatted is one that nobody looks at again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from findings_report.sourcecode.languages import has_multi_line, scanner

_FREE: Final = frozenset(
    ("c", "cpp", "csharp", "cuda", "css", "java", "less", "objective-c", "php", "rust", "scss", "solidity")
)
"""White space, line ends included, only parts words."""

_BY_LINE: Final = frozenset(("dart", "go", "groovy", "javascript", "kotlin", "protobuf", "scala", "swift", "typescript"))
"""The same, but a line end may end a statement."""

_DIRECTIVE: Final = re.compile(r"^\s*#", re.MULTILINE)
_WORDS: Final = re.compile(r"[\w$]+|\n|[^\w\s$]+")


def ignores_white_space(language: str) -> bool:
    """True when blanks between words and signs mean nothing in `language`, Pygments' name."""
    return language in _FREE or language in _BY_LINE


def is_reformatted(old: Sequence[str], new: Sequence[str], language: str) -> bool:
    """True when the texts are the same code with other white space. Strings and comments have to be equal verbatim."""
    if not ignores_white_space(language) or not has_multi_line(language):
        return False
    before, after = "\n".join(old), "\n".join(new)
    if language in _BY_LINE or _DIRECTIVE.search(before) or _DIRECTIVE.search(after):
        return _by_line(before, language) == _by_line(after, language)
    return _tokens(before, language) == _tokens(after, language)


def _by_line(text: str, language: str) -> list[tuple[str, ...]]:
    """The tokens of each line that has any."""
    lines: list[tuple[str, ...]] = [()]
    for word in _split(text, language):
        if word == "\n":
            lines.append(())
        else:
            lines[-1] += (word,)
    return [line for line in lines if line]


def _tokens(text: str, language: str) -> list[str]:
    return [word for word in _split(text, language) if word != "\n"]


def _split(text: str, language: str) -> list[str]:
    """Strings and comments whole; between them words, runs of adjacent signs, and line ends."""
    found: list[str] = []
    at = 0
    for match in scanner(language).finditer(text):
        found += _WORDS.findall(text[at : match.start()])
        found.append(
            "\n".join(line.strip() for line in match[0].split("\n")) if match[0].startswith("/*") else match[0].rstrip()
        )
        at = match.end()
    return found + _WORDS.findall(text[at:])
