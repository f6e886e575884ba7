"""HTML -> PDF, in confined children. Nothing here imports WeasyPrint; `child` and `laying` do, in processes of their own.

A page is self-contained: its own `<style>`, pictures as `fr-asset:NAME`. Nothing else is fetched, from anywhere. A page of many
sheets is laid out sheet by sheet and put together by `assembly`; any other in one piece, which is also what the first has to
come out like.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from findings_report.model.rendered import EmbeddedFile, Rendered
from findings_report.pdf.assembly import Pictures, UnableError, assembled, carrying, request
from findings_report.pdf.glyphs import FONTS, breakable, missing, substitute
from findings_report.pdf.problems import explained, in_one_piece, of_answers, of_confinement, of_stand_ins
from findings_report.pdf.segments import SheetedPage, take_apart
from findings_report.pdf.worker_pool import Workers
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import ChildReply, Limits
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import INSTALL, LIBRARIES, library_versions, missing_libraries, toolchain_digest

__all__ = [
    "INSTALL",
    "LIBRARIES",
    "Printable",
    "library_versions",
    "limits_for",
    "missing",
    "missing_libraries",
    "render_many",
    "render_pdf",
    "render_stamp",
    "substitute",
]

_PAGE_WORKER: Final = "findings_report.pdf.page_worker"
_SEGMENT_WORKER: Final = "findings_report.pdf.segment_worker"
_JOIN_WORKER: Final = "findings_report.pdf.join_worker"
"""The modules that confined children run."""

_MAGIC: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_MIB: Final = 2**20
_FEWEST_SHEETS: Final = 8
_BLAMABLE: Final = ("confine-cpu", "confine-memory", "confine-wall", "confine-output", "confine-failed", "confine-crash")


def render_pdf(
    html: str,
    *,
    images: Pictures = MappingProxyType({}),
    carried: EmbeddedFile | None = None,
    system_fonts: bool = False,
    limits: Limits | None = None,
    entries: FileCache | None = None,
    workers: int | None = None,
) -> Rendered:
    """The PDF of a page, and as warnings what WeasyPrint said of it and which characters have a stand-in.

    `images` by the name that the page uses in `fr-asset:NAME`: media type, image/png or image/jpeg, and content. Title and
    language are the page's; no date is written. `carried` is embedded in it. `system_fonts` adds the machine's fonts, and makes
    the bytes depend on them.
    `limits` are `limits_for` the input when not given. `entries` keeps what was laid out for the next time. At most `workers`
    processes lay out at once, one for each core when not given; the bytes do not depend on it. Raises FindingsReportError of
    Kind.OUTPUT when a limit was met, when the page asked for anything that it was not given, when a picture cannot be read, or
    when Pango is missing.
    """
    _check_pictures(images)
    text, stand_ins = substitute(html, anywhere=system_fonts)
    text = breakable(text)
    page = take_apart(text)
    many = workers or len(os.sched_getaffinity(0))
    press = _Press(images, carried, _environment(system_fonts=system_fonts), limits, None if system_fonts else entries, many)
    try:
        made = _made(text, page, press, apart=not system_fonts)
    except FindingsReportError as error:
        raise FindingsReportError(_blamed(error, page, press)) from error
    return _told(made, stand_ins)


@dataclass(frozen=True)
class Printable:
    """A page that is to be printed with others, as `render_pdf` takes it."""

    html: str
    images: Pictures
    carried: EmbeddedFile | None


def render_many(
    printables: Sequence[Printable],
    *,
    system_fonts: bool = False,
    entries: FileCache | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Rendered, ...]:
    """The PDF of each page, by itself, all laid out by the same few children; there is at least one.

    They are short, laid out in one piece, byte for byte as `render_pdf` makes those of few sheets. `progress` is told the index
    of the page that is waited for. Raises FindingsReportError with the problems of every page that cannot be made.
    """
    environment, many = _environment(system_fonts=system_fonts), workers or len(os.sched_getaffinity(0))
    kept = None if system_fonts else entries
    drafts: list[tuple[str, tuple[str, ...], _Press]] = []
    for each in printables:
        _check_pictures(each.images)
        text, stand_ins = substitute(each.html, anywhere=system_fonts)
        drafts.append((breakable(text), stand_ins, _Press(each.images, each.carried, environment, None, kept, many)))
    shared = _Press({}, None, environment, _widest(press.limits_of(len(text)) for text, _, press in drafts), kept, many)
    rendered: list[Rendered] = []
    problems: list[Problem] = []
    with shared.staffed(_PAGE_WORKER, 0) as children:
        begun = [children.begin(*_asked(text, press)) for text, _, press in drafts]
        for index, (finished, (text, stand_ins, press)) in enumerate(zip(begun, drafts, strict=True)):
            progress(index)
            try:
                rendered.append(_told(_Made((answer := finished()).blobs.get("pdf", b""), (answer,)), stand_ins))
            except FindingsReportError as error:
                problems += _blamed(error, take_apart(text), press)
    if problems:
        raise FindingsReportError(dict.fromkeys(problems))
    return tuple(rendered)


def render_stamp(html: str) -> bytes:
    """The PDF of a page that is put onto another one: no tags, data or metadata, its fonts in it. Raises as `render_pdf`."""
    text, _ = substitute(html)
    press = _Press({}, None, _environment(system_fonts=False), None, None, 1)
    message, blobs = request(text, {})
    with press.staffed(_PAGE_WORKER, len(text)) as children:
        answer = children.begin(message | {"is_stamp": True}, blobs)()
    return _told(_Made(answer.blobs.get("pdf", b""), (answer,)), ()).content


def limits_for(page_bytes: int, picture_bytes: list[int], carried_bytes: int = 0) -> Limits:
    """What an honest page of this size may need, with room: 5 MB, a thousand findings, took 280 CPU seconds and 2.6 GB."""
    cpu_seconds = 60 + 120 * page_bytes // _MIB + 10 * len(picture_bytes) + carried_bytes // _MIB
    memory_bytes = 1024 * _MIB + 1024 * page_bytes + 150 * _MIB * len(picture_bytes) + 8 * carried_bytes
    output_bytes = 64 * _MIB + 20 * page_bytes + 4 * sum(picture_bytes) + carried_bytes
    return Limits(cpu_seconds, memory_bytes, file_bytes=0, wall_seconds=60 + 4 * cpu_seconds, output_bytes=output_bytes)


@dataclass(frozen=True)
class _Made:
    """A PDF and what was said of it."""

    content: bytes
    answers: Sequence[ChildReply]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Press:
    """What pages are made with."""

    pictures: Pictures
    carried: EmbeddedFile | None
    environment: Mapping[str, str]
    limits: Limits | None
    entries: FileCache | None
    workers: int

    def limits_of(self, longest: int) -> Limits:
        """What a page of so many bytes may need, with the pictures and the data."""
        sizes = [len(picture) for _, picture in self.pictures.values()]
        return limits_for(longest, sizes, len(self.carried.content) if self.carried else 0)

    def staffed(self, target: str, longest: int, *, most: int | None = None) -> Workers:
        """Children that run the module `target`; `longest` is the length of the longest page, in bytes."""
        limits = self.limits or self.limits_of(longest)
        made_by = toolchain_digest() if self.entries is not None else ""
        return Workers(
            target,
            limits=limits,
            environment=self.environment,
            most=most or self.workers,
            entries=self.entries,
            made_by=made_by,
        )


def _told(made: _Made, stand_ins: tuple[str, ...]) -> Rendered:
    """What was made, with what is to be said of it. Raises FindingsReportError when something of it is an error."""
    problems = [*made.problems, *of_answers(made.answers)]
    if errors := [problem for problem in problems if problem.level == "error"]:
        raise FindingsReportError(errors)
    confinements = dict.fromkeys(answer.confinement for answer in made.answers)
    told = [problem for confinement in confinements for problem in of_confinement(confinement)]
    return Rendered(made.content, (*told, *of_stand_ins(stand_ins), *problems))


def _made(text: str, page: SheetedPage | None, press: _Press, *, apart: bool) -> _Made:
    if page is None or len(page.sheets) < _FEWEST_SHEETS or not apart:
        return _in_one_piece(text, press)
    if page.obstacle is not None:
        problem = in_one_piece(f"its style has `{page.obstacle}`, which needs all of it at once", level="note")
        return _in_one_piece(text, press, problem)
    longest = max(len(sheet.content) for sheet in page.sheets) + len(page.head)
    try:
        with press.staffed(_SEGMENT_WORKER, longest) as laying, press.staffed(_JOIN_WORKER, len(text), most=1) as joining:
            return _Made(*assembled(page, press.pictures, press.carried, laying=laying, joining=joining))
    except UnableError as error:
        return _in_one_piece(text, press, in_one_piece(str(error), level="warning"))


def _in_one_piece(text: str, press: _Press, *problems: Problem) -> _Made:
    with press.staffed(_PAGE_WORKER, len(text), most=1) as child:
        answer = child.begin(*_asked(text, press))()
    return _Made(answer.blobs.get("pdf", b""), (answer,), problems)


def _asked(text: str, press: _Press) -> tuple[dict[str, object], dict[str, bytes]]:
    """The request for the PDF of a page in one piece."""
    message, blobs = request(text, press.pictures)
    said, content = carrying(press.carried)
    return message | said, blobs | content


def _widest(limits: Iterable[Limits]) -> Limits:
    """What is enough for each of them."""
    return Limits(*map(max, zip(*map(astuple, limits), strict=True)))


def _blamed(error: FindingsReportError, page: SheetedPage | None, press: _Press) -> list[Problem]:
    """Why there is no PDF, told of the findings that are to blame: those that cannot be laid out alone either."""
    parts = [part for sheet in page.sheets for part in sheet.parts] if page is not None else []
    found: list[Problem] = []
    if page is not None and parts and any(problem.code in _BLAMABLE for problem in error.problems):
        longest = max(len(text) for _, text in parts) + len(page.head)
        with press.staffed(_PAGE_WORKER, longest) as children:
            begun = [(id, children.begin(*request(page.alone(text), press.pictures))) for id, text in parts]
            for id, finished in begun:
                found += [explained(problem, id) for problem in _faults(finished)]
    return found or [explained(problem) for problem in error.problems]


def _faults(finished: Callable[[], ChildReply]) -> tuple[Problem, ...]:
    try:
        finished()
    except FindingsReportError as error:
        return error.problems
    return ()


def _environment(*, system_fonts: bool) -> dict[str, str]:
    count = sum(file.suffix in {".otf", ".ttf"} for file in FONTS.iterdir())
    file = "fonts-system.conf" if system_fonts else "fonts.conf"
    return {"FONTCONFIG_PATH": str(Path(__file__).resolve().parent), "FONTCONFIG_FILE": file, "BUNDLED_FONTS": str(count)}


def _check_pictures(images: Mapping[str, tuple[str, bytes]]) -> None:
    # By content: WeasyPrint goes by it too, and would take an SVG that calls itself PNG.
    wrong = [name for name, (kind, content) in images.items() if kind not in _MAGIC or not content.startswith(_MAGIC[kind])]
    if wrong:
        raise FindingsReportError(
            Problem(Kind.OUTPUT, f"the image {visible(name)!r} is no PNG or JPEG", "convert it", code="pdf-image")
            for name in wrong
        )
