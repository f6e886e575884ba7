"""Sheets: runs of parts that begin on a page of their own, so that each can be laid out, and kept, without the others.

A template for paper marks where a sheet begins: `<!--sheet-->` between two parts, `<!--sheet numbered-->` before the one that
says on which pages the others begin. Authored text cannot hold a comment, its `<` is escaped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

FEWEST_APART: Final = 13
"""Findings of a report that is laid out in sheets; in a shorter one they follow one another to the end."""

FOREIGN: Final = "xref:"
"""How a sheet names an anchor of another one."""

_SHEET: Final = re.compile(r"<!--sheet( numbered)?-->")
_PART: Final = re.compile(r"<!--part ([^ >]+)-->")
_BODY: Final = re.compile(r"<body\b[^>]*>")
_STYLE: Final = re.compile(r"(<style>)(.*?)(</style>)", re.DOTALL)
_ID: Final = re.compile(r'<[^<>]* id="([^"]+)"')
_LINK: Final = re.compile(r'(<a href=")#([^"]+)"')
_NUMBER: Final = re.compile(r"target-counter\(\s*attr\(href\),\s*page\s*\)")
# What one sheet cannot know of the others, in a style sheet.
_ACROSS: Final = re.compile(
    r"target-(?:counters?|text)\(|counter-(?:increment|reset|set)\b|\brunning\(|position:\s*fixed|@page[^{;]*:", re.IGNORECASE
)
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Sheet:
    """Parts that are laid out together, from the top of a page."""

    content: str
    """HTML, all of it children of `<body>`."""
    is_numbered: bool
    """True where it says the numbers of pages."""

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """The findings in it, each its id and its HTML; empty for other parts."""
        pieces = _PART.split(self.content)
        return tuple(zip(pieces[1::2], pieces[2::2], strict=True))

    @property
    def anchors(self) -> frozenset[str]:
        """Every id of its elements."""
        return frozenset(_ID.findall(self.content))

    def targets(self, known: Collection[str]) -> list[str]:
        """Those of `known` that it links to, each once, in order."""
        return list(dict.fromkeys(name for _, name in _LINK.findall(self.content) if name in known))


@dataclass(frozen=True)
class SheetedPage:
    """A page of HTML, taken apart."""

    head: str
    """All up to and including `<body ...>`."""
    sheets: tuple[Sheet, ...]
    """In the order of the pages."""

    @property
    def obstacle(self) -> str | None:
        """What in its style needs all sheets at once; None when nothing does."""
        styles = " ".join(_COMMENT.sub("", _NUMBER.sub("", style)) for _, style, _ in _STYLE.findall(self.head))
        found = _ACROSS.search(styles)
        return " ".join(found[0].split()) if found else None

    def alone(self, content: str) -> str:
        """A page of HTML that holds `content` and nothing else of this one."""
        return f"{self.head}\n{content}\n</body>\n</html>\n"

    @cached_property
    def _told_head(self) -> str:
        """The head, with page numbers that are told instead of looked up."""
        return _STYLE.sub(lambda match: match[1] + _NUMBER.sub("attr(data-page)", match[2]) + match[3], self.head)

    def laid_apart(self, sheet: Sheet, foreign: Collection[str], numbers: Mapping[str, int] | None = None) -> str:
        """The HTML of one sheet. Links to `foreign` anchors are symbolic; `numbers` are the pages of all that it links to."""

        def link(match: re.Match[str]) -> str:
            name = match[2]
            number = f' data-page="{numbers[name]}"' if numbers is not None and name in numbers else ""
            return f'{match[1]}{FOREIGN if name in foreign else "#"}{name}"{number}'

        return f"{self._told_head}\n{_LINK.sub(link, sheet.content)}\n</body>\n</html>\n"


def take_apart(page: str) -> SheetedPage | None:
    """The sheets of a page; None when its template marks none."""
    body = _BODY.search(page)
    if body is None or _SHEET.search(page) is None:
        return None
    content = page[body.end() : page.rindex("</body>")]
    pieces = [None, *_SHEET.split(content)]
    marked = zip(pieces[0::2], pieces[1::2], strict=True)
    sheets = [Sheet(text, bool(mark)) for mark, text in marked if text is not None and text.strip()]
    return SheetedPage(page[: body.end()], tuple(sheets))


def gathered(ids: Sequence[str]) -> list[int]:
    """How many findings stand on each sheet: all in one for a short report, else two to six, most often three.

    A sheet begins where the digest of an id is lower than those of its neighbours: an edited finding moves no sheet, an added
    one those beside it at most.
    """
    if len(ids) < FEWEST_APART:
        return [len(ids)] if ids else []
    digests = [hashlib.sha256(id.encode()).digest() for id in ids]
    lowest = [index for index in range(1, len(ids) - 1) if digests[index - 1] > digests[index] < digests[index + 1]]
    return [end - start for start, end in zip([0, *lowest], [*lowest, len(ids)], strict=True)]
