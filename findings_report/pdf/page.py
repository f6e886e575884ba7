"""A page that is to become a PDF, and the form in which it travels to a confined worker.

Both sides import this module: the main program, which has neither WeasyPrint nor pikepdf, and the workers.

Segments are runs of findings and other parts that begin on a new page, and are laid out and cached one by one. A template
for paper marks where a segment begins: `<!--sheet-->` between two parts, `<!--sheet numbered-->` before the one that prints
the page numbers of others (docs/templates.md; the marker kept the older name). Authored text cannot contain a comment,
because its `<` is escaped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final
from urllib.parse import quote

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import ChildReply, Limits

PICTURE_SCHEME: Final = "fr-asset:"
"""Scheme of the address by which a page names one of its pictures: `fr-asset:NAME`."""

Pictures = Mapping[str, tuple[str, bytes]]
"""Pictures by name: media type, image/png or image/jpeg, and content."""
Message = dict[str, object]
"""JSON object of a request."""
Blobs = dict[str, bytes]
"""Named bytes of a request."""

_PICTURE: Final = re.compile(rf"{PICTURE_SCHEME}([A-Za-z0-9_.~%/-]+)")
_MAGIC: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_MIB: Final = 2**20
_MOST_MEMORY: Final = 2048 * _MIB
"""Memory for the text of a page, however long it is: 260,000 marks of direction took 5.5 GB where more was allowed."""


@dataclass(frozen=True)
class EmbeddedAttachment:
    """Another file that a PDF contains."""

    name: str
    """File name, without folders; not that of the data."""
    content: bytes
    """The file."""
    media_type: str
    """Its media type, as `text/plain`."""
    title: str
    """Its description for readers."""


@dataclass(frozen=True)
class EmbeddedFile:
    """The file that a PDF contains: the data that all of its pages were rendered from; and the attachments beside it."""

    name: str
    """File name, `report.json` or `comparison.json`."""
    content: bytes
    """The file, UTF-8 JSON."""
    day: date | None
    """The date of the document; None if it has none."""
    attachments: tuple[EmbeddedAttachment, ...] = ()
    """Files that belong to the document."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return len(self.content) + sum(len(attachment.content) for attachment in self.attachments)


@dataclass(frozen=True)
class PdfPage:
    """A self-contained page of HTML: its style is in a `<style>`, and nothing is fetched from anywhere."""

    html: str
    """The page. Title and language of the PDF are those of the page; no date is written."""
    pictures: Pictures
    """All pictures that the page may name."""
    embedded_file: EmbeddedFile | None
    """The file that the PDF contains; None for none."""


@dataclass(frozen=True)
class PageLayout:
    """A PDF, and what the workers that laid it out replied."""

    content: bytes
    """The PDF; empty if a worker was asked for something that is not part of the page."""
    replies: Sequence[ChildReply]
    """One for the whole page, or one for each segment."""
    problems: tuple[Problem, ...] = ()
    """What is to be reported besides the replies."""


def check_pictures(pictures: Pictures) -> None:
    """Raise FindingsReportError (OUTPUT) for pictures that are not PNG or JPEG.

    Checked by content, because WeasyPrint goes by content, too, and would draw an SVG whose media type says PNG.
    """
    wrong = [name for name, (kind, content) in pictures.items() if kind not in _MAGIC or not content.startswith(_MAGIC[kind])]
    if wrong:
        raise FindingsReportError(
            Problem(
                Kind.OUTPUT, f"the image {visible(name)!r} is not PNG or JPEG", "convert it to PNG or JPEG", code="pdf-image"
            )
            for name in wrong
        )


def limits_for(page_bytes: int, picture_bytes: Iterable[int], embedded_bytes: int = 0) -> Limits:
    """Return what an honest page of this size may need.

    The margin is wide: 5 MB, a thousand findings, took 280 CPU seconds when laid out in one piece. It also took 2.6 GB, which
    only a template whose style applies to all pages at once does not divide.
    """
    sizes = list(picture_bytes)
    # The largest picture that is accepted has 25 megapixels: 100 MB decoded, with room for a copy.
    cpu_seconds = 60 + 120 * page_bytes // _MIB + 10 * len(sizes) + embedded_bytes // _MIB
    text_bytes = min(1024 * _MIB + 1024 * page_bytes, _MOST_MEMORY)
    memory_bytes = text_bytes + 150 * _MIB * len(sizes) + 8 * embedded_bytes
    output_bytes = 64 * _MIB + 20 * page_bytes + 4 * sum(sizes) + embedded_bytes
    # The machine may have more processes than cores: four times the CPU time, at least a minute.
    return Limits(cpu_seconds, memory_bytes, file_bytes=0, wall_seconds=60 + 4 * cpu_seconds, output_bytes=output_bytes)


def page_request(html: str, pictures: Pictures, embedded_file: EmbeddedFile | None = None) -> tuple[Message, Blobs]:
    """Return message and blobs for one page. Of the pictures only those that the page names are sent.

    That makes the request, and with it the key of the cached reply, independent of pictures that other segments show.
    """
    # A superset is harmless: text that only looks like an address of a picture sends the picture as well.
    named = set(_PICTURE.findall(html))
    shown = {name: picture for name, picture in pictures.items() if quote(name) in named}
    message, blobs = embedding_request(embedded_file)
    # Text from YAML may contain a lone surrogate, which UTF-8 cannot represent: it is printed as an escape.
    blobs |= {"page": html.encode("utf-8", "backslashreplace")}
    blobs |= {f"picture:{name}": content for name, (_, content) in shown.items()}
    return message | {"media_types": {name: kind for name, (kind, _) in shown.items()}}, blobs


def embedding_request(embedded_file: EmbeddedFile | None) -> tuple[Message, Blobs]:
    """Return the part of a request that has the file to be embedded; both are empty for None."""
    if embedded_file is None:
        return {}, {}
    day = embedded_file.day.isoformat() if embedded_file.day else None
    others = [
        {"name": attachment.name, "media_type": attachment.media_type, "title": attachment.title}
        for attachment in embedded_file.attachments
    ]
    blobs = {f"attachment:{index}": attachment.content for index, attachment in enumerate(embedded_file.attachments)}
    blobs["embedded"] = embedded_file.content
    return {"embedded": {"name": embedded_file.name, "day": day, "attachments": others}}, blobs


def requested_embedded_file(message: Mapping[str, object], blobs: Mapping[str, bytes]) -> EmbeddedFile | None:
    """Return the file that `embedding_request` put into a request."""
    entry = message.get("embedded")
    if not isinstance(entry, dict):
        return None
    others = tuple(
        EmbeddedAttachment(other["name"], blobs[f"attachment:{index}"], other["media_type"], other["title"])
        for index, other in enumerate(entry["attachments"])
    )
    day = date.fromisoformat(entry["day"]) if entry["day"] else None
    return EmbeddedFile(entry["name"], blobs["embedded"], day, others)


FEWEST_SEGMENTED: Final = 13
"""Number of findings from which a report is laid out in segments; in a shorter one they follow one another."""

FEWEST_MANY: Final = 60
"""Number of findings from which segments are smaller: a page that is half empty matters less than the time after an edit."""

_NEIGHBOURS: Final = 5
_NEIGHBOURS_OF_MANY: Final = 3
"""Number of findings on each side of the first one of a segment that are certainly in its own or the previous segment."""

MARGIN_LINKS: Final = "Margins"
"""Title of the structure element of the links in margins, which are joined at the end of the document."""

FOREIGN_SCHEME: Final = "xref:"
"""Scheme of a link to an anchor of another segment, until the segments are joined."""

_SEGMENT: Final = re.compile(r"<!--sheet( numbered)?-->")
_FINDING: Final = re.compile(r"<!--part ([^ >]+)-->")
_BODY: Final = re.compile(r"<body\b[^>]*>")
_STYLE: Final = re.compile(r"(<style>)(.*?)(</style>)", re.DOTALL)
_ID: Final = re.compile(r'<[^<>]* id="([^"]+)"')
# The two patterns match what the templates write: attributes in double quotes, `id` after a blank, `href` first.
_LINK: Final = re.compile(r'(<a href=")#([^"]+)"')
# The anchor that the running feet lead to (`link_running_feet` in fitting.py).
_WAY_BACK: Final = re.compile(r'(<body\b[^>]* data-back=")([^"]+)(?=")')
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

        head = _WAY_BACK.sub(
            lambda match: match[1] + (FOREIGN_SCHEME if match[2] in foreign else "") + match[2], self._head_with_given_numbers
        )
        return f"{head}\n{_LINK.sub(rewrite_link, self.segments[index].content)}\n</body>\n</html>\n"

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
    """Return how many findings each segment has: all for a short report, otherwise six or more; four or more of many findings.

    A segment begins where the digest of an id is lower than those of its neighbours on each side. The boundaries thus depend
    on the ids alone: an edited finding moves none, an added one at most those beside it, and all other segments come from the
    cache (but where the report becomes one of many findings). A segment starts a page, so that smaller ones would leave more
    pages half empty.
    """
    if len(ids) < FEWEST_SEGMENTED:
        return [len(ids)] if ids else []
    neighbours = _NEIGHBOURS if len(ids) < FEWEST_MANY else _NEIGHBOURS_OF_MANY
    digests = [hashlib.sha256(id.encode()).digest() for id in ids]
    lowest = [
        index
        for index in range(neighbours + 1, len(ids) - neighbours)
        if digests[index] == min(digests[index - neighbours : index + neighbours + 1])
    ]
    return [end - start for start, end in zip([0, *lowest], [*lowest, len(ids)], strict=True)]
