"""Segments: runs of findings and other parts that begin on a new page, and are laid out and cached one by one.

A template for paper marks where a segment begins: `<!--sheet-->` between two parts, `<!--sheet numbered-->` before the
one that prints the page numbers of others (docs/templates.md; the marker kept the older name). Authored text cannot
contain a comment, because its `<` is escaped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

FEWEST_SEGMENTED: Final = 13
"""Number of findings from which a report is laid out in segments; in a shorter one they follow one another."""

FOREIGN_SCHEME: Final = "xref:"
"""Scheme of a link to an anchor of another segment, until the segments are joined."""

_SEGMENT: Final = re.compile(r"<!--sheet( numbered)?-->")
_FINDING: Final = re.compile(r"<!--part ([^ >]+)-->")
_BODY: Final = re.compile(r"<body\b[^>]*>")
_STYLE: Final = re.compile(r"(<style>)(.*?)(</style>)", re.DOTALL)
_ID: Final = re.compile(r'<[^<>]* id="([^"]+)"')
# The two patterns match what the templates write: attributes in double quotes, `id` after a blank, `href` first.
_LINK: Final = re.compile(r'(<a href=")#([^"]+)"')
_PAGE_NUMBER: Final = re.compile(r"target-counter\(\s*attr\(href\),\s*page\s*\)")
# Rules of a style sheet whose effect depends on other segments: counters that run through the document, running
# elements, fixed boxes (repeated on every page of a document), and pages chosen by name or position.
_ACROSS_SEGMENTS: Final = re.compile(
    r"target-(?:counters?|text)\(|counter-(?:increment|reset|set)\b|\brunning\(|position:\s*fixed|@page[^{;]*:", re.IGNORECASE
)
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Segment:
    """Parts that are laid out together, from the top of a page."""

    content: str
    """HTML; children of `<body>`."""
    prints_page_numbers: bool
    """True if its text depends on the pages of anchors."""

    @property
    def findings(self) -> tuple[tuple[str, str], ...]:
        """The findings in it, each its id and its HTML; empty for other parts."""
        pieces = _FINDING.split(self.content)
        return tuple(zip(pieces[1::2], pieces[2::2], strict=True))


@dataclass(frozen=True)
class SegmentedPage:
    """A page of HTML, split into its segments."""

    head: str
    """The page up to and including `<body ...>`."""
    segments: tuple[Segment, ...]
    """In the order of the pages."""

    @property
    def obstacle(self) -> str | None:
        """The first rule of the style that needs all segments at once; None if there is none."""
        styles = " ".join(_COMMENT.sub("", _PAGE_NUMBER.sub("", style)) for _, style, _ in _STYLE.findall(self.head))
        rule = _ACROSS_SEGMENTS.search(styles)
        return " ".join(rule[0].split()) if rule else None

    @cached_property
    def anchors(self) -> tuple[frozenset[str], ...]:
        """The ids of all elements of each segment."""
        return tuple(frozenset(_ID.findall(segment.content)) for segment in self.segments)

    def targets(self, index: int) -> list[str]:
        """Return the anchors of this page that a segment links to, each once, in order."""
        known = self._all_anchors
        return list(dict.fromkeys(name for _, name in _LINK.findall(self.segments[index].content) if name in known))

    def page_with(self, content: str) -> str:
        """Return a page of HTML that contains `content` and nothing else of this page."""
        return f"{self.head}\n{content}\n</body>\n</html>\n"

    def page_of(self, index: int, page_numbers: Mapping[str, int] | None = None) -> str:
        """Return the page of HTML that lays out one segment.

        Links to anchors of other segments get the FOREIGN_SCHEME. `page_numbers` are those of all anchors that the
        segment links to.
        """
        foreign = self._all_anchors - self.anchors[index]

        def rewrite_link(match: re.Match[str]) -> str:
            name = match[2]
            number = f' data-page="{page_numbers[name]}"' if page_numbers is not None and name in page_numbers else ""
            return f'{match[1]}{FOREIGN_SCHEME if name in foreign else "#"}{name}"{number}'

        return f"{self._head_with_given_numbers}\n{_LINK.sub(rewrite_link, self.segments[index].content)}\n</body>\n</html>\n"

    @cached_property
    def _all_anchors(self) -> frozenset[str]:
        return frozenset[str]().union(*self.anchors)

    @cached_property
    def _head_with_given_numbers(self) -> str:
        """The head with page numbers that are read from an attribute instead of looked up in the document."""
        return _STYLE.sub(lambda match: match[1] + _PAGE_NUMBER.sub("attr(data-page)", match[2]) + match[3], self.head)


def split_into_segments(page: str) -> SegmentedPage | None:
    """Split a page of HTML where its template says; None if the template marks no segments."""
    body = _BODY.search(page)
    if body is None or _SEGMENT.search(page) is None:
        return None
    content = page[body.end() : page.rindex("</body>")]
    pieces = [None, *_SEGMENT.split(content)]
    marked = zip(pieces[0::2], pieces[1::2], strict=True)
    segments = [Segment(text, bool(mark)) for mark, text in marked if text is not None and text.strip()]
    return SegmentedPage(page[: body.end()], tuple(segments))


def segment_sizes(ids: Sequence[str]) -> list[int]:
    """Return how many findings each segment has: all for a short report, otherwise two to six, most often three.

    A segment begins where the digest of an id is lower than those of both neighbours. The boundaries thus depend on the
    ids alone: an edited finding moves none, an added one at most those beside it, and all other segments come from the
    cache.
    """
    if len(ids) < FEWEST_SEGMENTED:
        return [len(ids)] if ids else []
    digests = [hashlib.sha256(id.encode()).digest() for id in ids]
    lowest = [index for index in range(1, len(ids) - 1) if digests[index - 1] > digests[index] < digests[index + 1]]
    return [end - start for start, end in zip([0, *lowest], [*lowest, len(ids)], strict=True)]
