"""HTML to PDF, in confined children. Nothing here imports WeasyPrint or pikepdf; the workers do, in processes of their own.

A page of many segments is laid out segment by segment and joined by `assemble`. Any other page is laid out whole. Both
ways give the same document. Replies and failures of the workers become problems: what a user should know.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from html import unescape
from typing import TYPE_CHECKING, Final

from findings_report.pdf.glyphs import FontSet, open_fonts, printable_html
from findings_report.pdf.page import (
    PageLayout,
    PdfPage,
    SegmentedPage,
    check_pictures,
    embedding_request,
    limits_for,
    page_request,
    split_into_segments,
)
from findings_report.pdf.worker_pool import WorkerPool, Workers
from findings_report.problems import FindingsReportError, Kind, Level, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import ChildReply, Limits
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import INSTALL

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


if TYPE_CHECKING:
    from findings_report.model.report import ReportedFont

# WeasyPrint logs these as errors and continues without the resource. A report must not silently lose content.
_LOST_CONTENT: Final = ("Failed to", "Relative URI reference", "Missing href")
_COSTS: Final = frozenset({"confine-cpu", "confine-memory", "confine-wall"})
_BLOCK: Final = re.compile(
    r"<(/?)(h[1-6]|p|li|td|th|pre|div|blockquote|dd|dt|section|figcaption)\b[^<>]*+>"
    r"((?>(?:[^<]++|<(?!/?(?:h[1-6]|p|li|td|th|pre|div|blockquote|dd|dt|section|figcaption)\b))*))"
)
"""The beginning or end of a block of a page of ours, and the text up to the next one."""
_TAG: Final = re.compile(r"<[^<>]*+>")
_REMEDIES: Final = {
    "confine-cpu": "shorten the largest part: a line of thousands of characters, a huge table, or deeply nested text",
    "confine-memory": "shorten the largest part, make pictures smaller, or render fewer findings at once",
    "confine-output": "make pictures smaller, or render fewer findings at once",
    "confine-failed": "a template's style or an inline picture is the likeliest cause",
}


def warnings_of(layout: PageLayout, stand_ins: tuple[str, ...]) -> tuple[Problem, ...]:
    """Return the warnings and notes about a PDF. `stand_ins` are the characters that are shown by their code points.

    Raises FindingsReportError if the page asked for something that is not part of it, or lost content.
    """
    problems = [*layout.problems, *problems_of_replies(layout.replies)]
    if errors := [problem for problem in problems if problem.level == "error"]:
        raise FindingsReportError(errors)
    confinements = dict.fromkeys(reply.confinement for reply in layout.replies)
    gaps = [problem for confinement in confinements for problem in confinement_gaps(confinement)]
    return (*gaps, *_stand_in_warning(stand_ins), *problems)


def explain_failure(problem: Problem, finding: str | None = None, html: str = "") -> Problem:
    """Return why there is no PDF. `finding` is the id of the culprit, if it is known, and `html` its part of the page."""
    if problem.code == "confine-unprepared" and "cannot load library" in problem.fault:
        return replace(problem, fault=f"PDF needs Pango: {problem.fault}", remedy=INSTALL, code="pdf-pango")
    of = f" of {finding}" if finding else ""
    longest = _describe_longest_text(html) if problem.code in _COSTS else ""
    fault, remedy = f"the PDF cannot be rendered{of}: {problem.fault}{longest}", _REMEDIES.get(problem.code, problem.remedy)
    return replace(problem, fault=fault, remedy=remedy, subject=(finding,) if finding else None)


def _describe_longest_text(html: str) -> str:
    """Return where the longest paragraph, cell or block of code is, and how long: most likely it is what takes so long."""
    heading, longest, under = "", "", ""
    for opening, name, content in _BLOCK.findall(html):
        text = unescape(_TAG.sub("", content)).strip(" \n")
        if not opening and name.startswith("h"):
            heading = text
        if len(text) > len(longest):
            longest, under = text, heading
    if not longest:
        return ""
    place = f", under {visible(under[:60])!r}," if under else ""
    return f"; its longest text{place} has {len(longest):,} characters and begins with {visible(longest[:30])!r}"


def explain_whole_page(reason: str, *, level: Level) -> Problem:
    """Return why a long report was laid out whole: that is slower, and no part of it is cached."""
    fault = f"the PDF was laid out as a whole, not in parallel: {visible(reason)}"
    return Problem(Kind.OUTPUT, fault, level=level, code="pdf-one-piece")


def problems_of_replies(replies: Iterable[ChildReply]) -> list[Problem]:
    """Return what the workers report, each problem once.

    If addresses were rejected, only these are returned: the messages of WeasyPrint about them add nothing.
    """
    accounts = [_read_account(reply.response) for reply in replies]
    outside = dict.fromkeys(place for reply in replies for place in _read_outside(reply.response))
    if refused := dict.fromkeys(address for addresses, _, _ in accounts for address in addresses):
        return [_refused_address(address) for address in refused]
    messages = dict.fromkeys(message for _, logged, _ in accounts for message in logged)
    problems = [_logged_message(level, text) for level, text in messages]
    problems += [_outside_page(*place) for place in outside]
    if left_out := sum(count for _, _, count in accounts):
        problems.append(
            Problem(Kind.OUTPUT, f"WeasyPrint logged {left_out} more messages", level="warning", code="pdf-warning")
        )
    return problems


def _read_outside(response: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Return id, heading and text of what is outside of its page; the reply is not trusted."""
    places = response.get("outside")
    if not isinstance(places, list) or not all(isinstance(place, dict) for place in places):
        raise _invalid_answer()
    return [(str(place.get("id", "")), str(place.get("heading", "")), str(place.get("text", ""))) for place in places]


def _outside_page(id: str, heading: str, text: str) -> Problem:
    place = ", ".join(filter(None, (visible(id), f"under {visible(heading)!r}" if heading else "")))
    fault = f"text is outside of its page in the PDF{': ' if place else ''}{place}: {visible(text)!r}"
    remedy = "shorten it or break it over lines; if the template is your own, let its style wrap this text"
    return Problem(Kind.OUTPUT, fault, remedy, level="warning", subject=(id,) if id else None, code="pdf-outside")


def _read_account(response: Mapping[str, object]) -> tuple[list[str], list[tuple[str, str]], int]:
    """Return refused addresses, messages (level and text) and the number of omitted messages; the reply is not trusted."""
    refused, messages, left_out = response.get("refused"), response.get("messages"), response.get("left_out")
    if not isinstance(refused, list) or not isinstance(messages, list) or not isinstance(left_out, int):
        raise _invalid_answer()
    return [str(address) for address in refused], [(str(level), str(text)) for level, text in messages], left_out


def _invalid_answer() -> FindingsReportError:
    fault = "the PDF cannot be rendered: the confined process sent an invalid answer"
    return FindingsReportError(Problem(Kind.OUTPUT, fault, code="confine-garbage"))


def _refused_address(address: str) -> Problem:
    return Problem(
        Kind.OUTPUT,
        f"the page asks for {visible(address)}, which is not part of the report",
        "declare pictures under `images`, put styles into the template, and use the bundled fonts",
        code="pdf-refused",
    )


def _logged_message(level: str, text: str) -> Problem:
    if level == "ERROR" and text.startswith(_LOST_CONTENT):
        return Problem(Kind.OUTPUT, f"a part of the page cannot be printed: {visible(text)}", code="pdf-lost")
    return Problem(Kind.OUTPUT, f"WeasyPrint: {visible(text)}", level="warning", code="pdf-warning")


def confinement_gaps(confinement: str) -> tuple[Problem, ...]:
    """Return a note if this machine could not confine a worker fully. `confinement` is `ChildReply.confinement`."""
    missing = [measure for measure in confinement.split(", ") if " not " in measure]
    if not missing:
        return ()
    fault = f"the PDF was laid out with less confinement than intended: {', '.join(missing)}"
    remedy = "build other people's engagements on a kernel with Landlock (Linux 5.13 or newer)"
    return (Problem(Kind.OUTPUT, fault, remedy, level="note", code="pdf-confinement"),)


def _stand_in_warning(characters: tuple[str, ...]) -> tuple[Problem, ...]:
    if not characters:
        return ()
    first = ", ".join(f"U+{ord(character):04X}" for character in characters[:10])
    more = f" and {len(characters) - 10} more" if len(characters) > 10 else ""
    fault = f"characters without a font are printed as code points: {first}{more}"
    remedy = "name a font with them under `fonts` in engagement.yaml, or write `system_fonts: true` if this machine has one"
    return (Problem(Kind.OUTPUT, fault, remedy, level="warning", code="pdf-characters"),)


PAGE_WORKER: Final = "findings_report.pdf.page_worker"
SEGMENT_WORKER: Final = "findings_report.pdf.segment_worker"
JOIN_WORKER: Final = "findings_report.pdf.join_worker"
"""The modules that confined children run."""

# Joining takes a child of its own, which a page with all findings in one segment does not repay.
_FEWEST_SEGMENTS: Final = 2
_CODES_OF_CULPRITS: Final = frozenset(
    {"confine-cpu", "confine-memory", "confine-wall", "confine-output", "confine-failed", "confine-crash"}
)
"""Failures that a single finding can cause."""


@contextlib.contextmanager
def open_renderer(
    *,
    cache: FileCache | None = None,
    workers: int | None = None,
    fonts: Sequence[ReportedFont] = (),
    system_fonts: bool = False,
    limits: Limits | None = None,
) -> Iterator[PdfRenderer]:
    """Open a renderer with a pool of at most `workers` processes, one for each core if None. The bytes do not depend on it.

    `fonts` are those of the engagement. `system_fonts` adds the fonts of this machine; the bytes depend on these, so that
    nothing is cached.
    """
    size = workers or (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    with open_fonts(fonts, system=system_fonts) as opened, WorkerPool(size, opened.environment, opened.key) as pool:
        yield PdfRenderer(pool, cache if opened.is_repeatable else None, opened, limits=limits)


@dataclass(frozen=True)
class PdfRenderer:
    """Renders pages with the confined children of a pool."""

    pool: WorkerPool
    """Its children have the environment of `open_renderer`."""
    cache: FileCache | None
    """Where replies of the children are stored; None to lay out everything."""
    fonts: FontSet
    """The fonts that the pool's children see."""
    limits: Limits | None = None
    """Limits of every child; None for those that `limits_for` estimates."""

    def render(self, page: PdfPage) -> tuple[bytes, tuple[Problem, ...]]:
        """Return the PDF of a page, with warnings of WeasyPrint and of characters that no font has.

        Raises FindingsReportError (OUTPUT) if a limit was reached, if the page asks for anything that is not part of
        it, if a picture is not readable, or if Pango is missing.
        """
        printable, stand_ins = self._make_printable(page)
        try:
            layout = self._lay_out(printable)
        except FindingsReportError as error:
            raise FindingsReportError(self._find_culprits(printable, error)) from error
        return layout.content, warnings_of(layout, stand_ins)

    def render_many(
        self, pages: Sequence[PdfPage], progress: Callable[[int], None] = lambda _: None
    ) -> tuple[tuple[bytes, tuple[Problem, ...]], ...]:
        """Return the PDF of each of at least one page with its warnings, laid out by the same children.

        The pages are short and laid out whole, with the same bytes as those of `render`. `progress` gets the index of
        the page that is waited for. Raises FindingsReportError with the problems of every page that cannot be rendered.
        """
        printables = [self._make_printable(page) for page in pages]
        # The widest limits of all, because a child with other limits is another child.
        widest = zip(*(astuple(self._limits(page, len(page.html))) for page, _ in printables), strict=True)
        workers = Workers(self.pool, PAGE_WORKER, Limits(*map(max, widest)), self.cache)
        futures = [workers.submit(*page_request(page.html, page.pictures, page.embedded_file)) for page, _ in printables]
        rendered: list[tuple[bytes, tuple[Problem, ...]]] = []
        # All problems are collected: each finding that cannot be rendered is reported in one run.
        problems: list[Problem] = []
        for index, (future, (page, stand_ins)) in enumerate(zip(futures, printables, strict=True)):
            progress(index)
            try:
                reply = future.result()
                layout = PageLayout(reply.blobs.get("pdf", b""), (reply,))
                rendered.append((layout.content, warnings_of(layout, stand_ins)))
            except FindingsReportError as error:
                problems += self._find_culprits(page, error)
        if problems:
            raise FindingsReportError(dict.fromkeys(problems))
        return tuple(rendered)

    def render_stamp(self, html: str) -> bytes:
        """Return the PDF of a page that is put on a page of another PDF: with its fonts, without tags, data and metadata.

        Raises FindingsReportError as `render`.
        """
        page, _ = self._make_printable(PdfPage(html, {}, None))
        message, blobs = page_request(page.html, {})
        reply = self._start_workers(PAGE_WORKER, page, len(page.html)).submit(message | {"is_stamp": True}, blobs).result()
        warnings_of(PageLayout(b"", (reply,)), ())
        return reply.blobs.get("pdf", b"")

    def _make_printable(self, page: PdfPage) -> tuple[PdfPage, tuple[str, ...]]:
        """Return the page with stand-ins for characters that cannot be printed, and these characters."""
        check_pictures(page.pictures)
        html, stand_ins = printable_html(page.html, self.fonts.find_others(page.html))
        return replace(page, html=html), stand_ins

    def _lay_out(self, page: PdfPage) -> PageLayout:
        """Lay out a page, in segments if it has several with findings and its style allows it."""
        segmented = split_into_segments(page.html) if self.fonts.is_plain else None
        if segmented is None or sum(bool(segment.findings) for segment in segmented.segments) < _FEWEST_SEGMENTS:
            return self._lay_out_whole(page)
        if segmented.obstacle is not None:
            reason = f"its style has `{segmented.obstacle}`, which applies to all pages at once"
            return self._lay_out_whole(page, explain_whole_page(reason, level="note"))
        longest = max(len(segment.content) for segment in segmented.segments) + len(segmented.head)
        segment_workers = self._start_workers(SEGMENT_WORKER, page, longest)
        join_workers = self._start_workers(JOIN_WORKER, page, len(page.html))
        try:
            return assemble(segmented, page, segment_workers, join_workers)
        except UnableError as error:
            return self._lay_out_whole(page, explain_whole_page(str(error), level="warning"))

    def _lay_out_whole(self, page: PdfPage, *problems: Problem) -> PageLayout:
        workers = self._start_workers(PAGE_WORKER, page, len(page.html))
        reply = workers.submit(*page_request(page.html, page.pictures, page.embedded_file)).result()
        return PageLayout(reply.blobs.get("pdf", b""), (reply,), problems)

    def _start_workers(self, module: str, page: PdfPage, html_bytes: int) -> Workers:
        """Return workers for requests of at most `html_bytes` of this page's HTML, with its pictures and embedded file."""
        return Workers(self.pool, module, self._limits(page, html_bytes), self.cache)

    def _limits(self, page: PdfPage, html_bytes: int) -> Limits:
        sizes = [len(content) for _, content in page.pictures.values()]
        return self.limits or limits_for(html_bytes, sizes, page.embedded_file.size if page.embedded_file else 0)

    def _find_culprits(self, page: PdfPage, error: FindingsReportError) -> list[Problem]:
        """Explain a failure by the findings that cannot be laid out alone either; if there are none, by the error."""
        segmented = split_into_segments(page.html)
        culprits: list[Problem] = []
        if segmented is not None and _CODES_OF_CULPRITS.intersection(problem.code for problem in error.problems):
            parts = {id: html for segment in segmented.segments for id, html in segment.findings}
            pages = {id: segmented.page_with(html) for id, html in parts.items()}
            workers = self._start_workers(PAGE_WORKER, page, max(map(len, pages.values()), default=0))
            futures = {id: workers.submit(*page_request(html, page.pictures)) for id, html in pages.items()}
            for id, future in futures.items():
                try:
                    future.result()
                except FindingsReportError as failure:
                    culprits += [explain_failure(problem, id, parts[id]) for problem in failure.problems]
        return culprits or [explain_failure(problem) for problem in error.problems]
