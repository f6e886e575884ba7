"""A page of segments to one PDF: lay out every segment, several at the same time, then join them.

The result depends on the texts and their order alone, not on the number of children or on what is cached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from findings_report.pdf.page import PageLayout, PdfPage, SegmentedPage, embedding_request, page_request
from findings_report.pdf.worker_pool import Workers
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sandbox import ChildReply

# Page numbers change the length of the contents only when one of them gets another digit or a line breaks: the second
# round is right nearly always, and a numbering that alternates forever must end.
_MOST_ROUNDS: Final = 5
_CONTENTS_ENTRIES_PER_PAGE: Final = 40
"""First guess; a wrong one costs another round."""


class UnableError(Exception):
    """Why the segments cannot be joined. The same page can still be laid out whole."""


@dataclass(frozen=True)
class _SegmentExtent:
    """What the page numbers of other segments depend on."""

    pages: int
    """Number of pages."""
    anchors: Mapping[str, int]
    """Page of each of its ids, counted from 0 within the segment."""


@dataclass(frozen=True)
class _SegmentLayout:
    """One segment that was laid out. Its content may have taken over the child."""

    reply: ChildReply
    extent: _SegmentExtent


def assemble(segmented: SegmentedPage, page: PdfPage, segment_workers: Workers, join_workers: Workers) -> PageLayout:
    """Return the PDF of a page and the reply for each segment; no PDF if one asked for something that is not part of the page.

    Raises UnableError, and FindingsReportError if a child reached a limit or failed.
    """
    replies = [layout.reply for layout in _lay_out_segments(segmented, page, segment_workers)]
    if any(reply.response["refused"] for reply in replies):
        return PageLayout(b"", replies)
    drawn = {f"{name}:{index}": reply.blobs[name] for index, reply in enumerate(replies) for name in ("account", "faces")}
    fonts = _require_blobs(segment_workers.submit({"do": "fonts"}, drawn).result(), ("pdf", "glyphs"))
    message, blobs = embedding_request(page.embedded_file)
    blobs |= {"fonts": fonts.blobs["pdf"], "glyphs": fonts.blobs["glyphs"]}
    blobs |= {f"{name}:{index}": reply.blobs[name] for index, reply in enumerate(replies) for name in ("pdf", "account")}
    joined = _require_blobs(join_workers.submit({"count": len(replies), **message}, blobs).result(), ("pdf",))
    return PageLayout(joined.blobs["pdf"], replies)


def _lay_out_segments(segmented: SegmentedPage, page: PdfPage, workers: Workers) -> list[_SegmentLayout]:
    """Return all segments in order. Those that print page numbers are laid out again until the numbers are right."""
    indexes = range(len(segmented.segments))
    numbered = [index for index in indexes if segmented.segments[index].prints_page_numbers]
    plain = [index for index in indexes if index not in numbered]
    # The longest first: begun last, it would keep one core busy while the others wait.
    by_length = sorted(plain, key=lambda index: -len(segmented.segments[index].content))
    futures = {index: workers.submit(*_segment_request(segmented, page, index)) for index in by_length}
    layouts = {index: _read_layout(futures[index].result()) for index in plain}
    extents = {index: layout.extent for index, layout in layouts.items()}
    extents |= {index: _guess_extent(segmented, index) for index in numbered}
    numbers = {index: _page_numbers(segmented.targets(index), extents) for index in numbered}
    for _ in range(_MOST_ROUNDS):
        futures = {index: workers.submit(*_segment_request(segmented, page, index, numbers[index])) for index in numbered}
        layouts |= {index: _read_layout(future.result()) for index, future in futures.items()}
        extents |= {index: layouts[index].extent for index in numbered}
        correct = {index: _page_numbers(segmented.targets(index), extents) for index in numbered}
        if correct == numbers:
            return [layouts[index] for index in indexes]
        numbers = correct
    raise UnableError("the length of the contents changes with every numbering")


def _segment_request(
    segmented: SegmentedPage, page: PdfPage, index: int, page_numbers: Mapping[str, int] | None = None
) -> tuple[dict[str, object], dict[str, bytes]]:
    message, blobs = page_request(segmented.page_of(index, page_numbers), page.pictures)
    return {"do": "segment", **message}, blobs


def _page_numbers(names: Sequence[str], extents: Mapping[int, _SegmentExtent]) -> dict[str, int]:
    """Return the page of each anchor in `names`, counted from 1, if all segments have these extents; 0 for unknown anchors."""
    pages: dict[str, int] = {}
    first = 1
    for _, extent in sorted(extents.items()):
        pages |= {name: first + number for name, number in extent.anchors.items()}
        first += extent.pages
    return {name: pages.get(name, 0) for name in names}


def _guess_extent(segmented: SegmentedPage, index: int) -> _SegmentExtent:
    """Return how long a segment with page numbers may be, before it was laid out once."""
    pages = 1 + len(segmented.targets(index)) // _CONTENTS_ENTRIES_PER_PAGE
    return _SegmentExtent(pages, dict.fromkeys(segmented.anchors[index], 0))


def _read_layout(reply: ChildReply) -> _SegmentLayout:
    """Check the reply of a child that its input may have taken over."""
    if reply.response.get("refused"):
        return _SegmentLayout(reply, _SegmentExtent(1, {}))
    _require_blobs(reply, ("pdf", "account", "faces", "anchors"))
    pages = reply.response.get("pages")
    try:
        anchors = json.loads(reply.blobs["anchors"])
    except ValueError:
        raise _unaccountable() from None
    # `type(...) is int`, because True is an int for isinstance.
    if type(pages) is not int or pages < 1 or not isinstance(anchors, dict):
        raise _unaccountable()
    if not all(type(number) is int and 0 <= number < pages for number in anchors.values()):
        raise _unaccountable()
    return _SegmentLayout(reply, _SegmentExtent(pages, anchors))


def _require_blobs(reply: ChildReply, names: Sequence[str]) -> ChildReply:
    """Return the reply if it has these blobs. Raises UnableError if the worker says that it cannot."""
    if isinstance(reason := reply.response.get("unable"), str):
        raise UnableError(reason)
    if not all(name in reply.blobs for name in names):
        raise _unaccountable()
    return reply


def _unaccountable() -> FindingsReportError:
    return FindingsReportError(
        Problem(Kind.OUTPUT, "the PDF cannot be rendered: the confined process sent an invalid answer", code="confine-garbage")
    )
