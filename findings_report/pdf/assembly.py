"""A page of sheets -> PDF: each sheet laid out by itself, several at once, then put together.

What comes out depends on the texts and their order alone, not on how many children there are or what is kept of earlier ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import quote

from findings_report.model.rendered import EmbeddedFile
from findings_report.pdf.segments import SheetedPage
from findings_report.pdf.worker_pool import Workers
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sandbox import ChildReply

Pictures = Mapping[str, tuple[str, bytes]]
"""By name: media type and content."""


_PICTURE: Final = re.compile(r"fr-asset:([A-Za-z0-9_.~%/-]+)")


def request(html: str, pictures: Pictures) -> tuple[dict[str, object], dict[str, bytes]]:
    """Message and blobs of a page of HTML, with those of the pictures that it names."""
    named = set(_PICTURE.findall(html))
    shown = {name: picture for name, picture in pictures.items() if quote(name) in named}
    blobs = {"page": html.encode("utf-8", "backslashreplace")}
    blobs |= {f"picture:{name}": content for name, (_, content) in shown.items()}
    return {"media_types": {name: kind for name, (kind, _) in shown.items()}}, blobs


def carrying(carried: EmbeddedFile | None) -> tuple[dict[str, object], dict[str, bytes]]:
    """What a message and its blobs say besides of the file that a PDF is to carry."""
    if carried is None:
        return {}, {}
    day = carried.day.isoformat() if carried.day else None
    return {"carried": {"name": carried.name, "day": day}}, {"carried": carried.content}


def carried_by(message: Mapping[str, object], blobs: Mapping[str, bytes]) -> EmbeddedFile | None:
    """The file that `carrying` told of."""
    said = message.get("carried")
    if not isinstance(said, dict):
        return None
    return EmbeddedFile(said["name"], blobs["carried"], date.fromisoformat(said["day"]) if said["day"] else None)


# SELF


_MOST_ROUNDS: Final = 5


_ENTRIES_A_PAGE: Final = 40


class UnableError(Exception):
    """The sheets cannot be put together, and why; laid out in one piece the page is none the worse."""


@dataclass(frozen=True)
class _Extent:
    """What the others need to know of a sheet."""

    pages: int
    """How many it has."""
    anchors: Mapping[str, int]
    """On which of them each of its ids is, counted from 0."""


@dataclass(frozen=True)
class _Laid:
    """One sheet, laid out by a child that its content may have taken over."""

    answer: ChildReply
    extent: _Extent


def assembled(
    page: SheetedPage, pictures: Pictures, carried: EmbeddedFile | None, *, laying: Workers, joining: Workers
) -> tuple[bytes, list[ChildReply]]:
    """The PDF, and the answer for each sheet; no PDF when a sheet asked for what it was not given.

    Raises UnableError, and FindingsReportError when a child met a limit or failed.
    """
    sheets = _Sheets(page, pictures, laying)
    laid = _numbered(page, sheets, sheets.laid())
    answers = [each.answer for each in laid]
    if any(answer.response["refused"] for answer in answers):
        return b"", answers
    taken = {f"{name}:{index}": answer.blobs[name] for index, answer in enumerate(answers) for name in ("account", "faces")}
    fonts = _whole(laying.begin({"do": "fonts"}, taken)(), ("pdf", "glyphs"))
    parts = {f"{name}:{index}": answer.blobs[name] for index, answer in enumerate(answers) for name in ("pdf", "account")}
    said, blobs = carrying(carried)
    blobs |= {"fonts": fonts.blobs["pdf"], "glyphs": fonts.blobs["glyphs"], **parts}
    return _whole(joining.begin({"count": len(answers), **said}, blobs)(), ("pdf",)).blobs["pdf"], answers


class _Sheets:
    """The sheets of one page on their way to the children."""

    def __init__(self, page: SheetedPage, pictures: Pictures, laying: Workers) -> None:
        self._page, self._pictures, self._laying = page, pictures, laying
        self._anchors = [sheet.anchors for sheet in page.sheets]
        self._known = frozenset[str]().union(*self._anchors)

    def laid(self) -> dict[int, _Laid]:
        """Those that say no numbers, by index; the longest are begun first."""
        plain = [(index, sheet) for index, sheet in enumerate(self._page.sheets) if not sheet.is_numbered]
        longest = sorted(plain, key=lambda item: -len(item[1].content))
        begun = {index: self._laying.begin(*self._request(index, None)) for index, _ in longest}
        return {index: _laid(begun[index]()) for index, _ in plain}

    def with_numbers(self, index: int, numbers: Mapping[str, int]) -> _Laid:
        """One that says on which pages others begin, or parts of itself."""
        return _laid(self._laying.begin(*self._request(index, numbers))())

    def numbers(self, index: int, extents: Mapping[int, _Extent]) -> dict[str, int]:
        """The page of each anchor that a sheet links to, when all sheets are that long."""
        pages: dict[str, int] = {}
        start = 1
        for _, extent in sorted(extents.items()):
            pages |= {name: start + number for name, number in extent.anchors.items()}
            start += extent.pages
        return {name: pages.get(name, 0) for name in self.targets(index)}

    def targets(self, index: int) -> list[str]:
        """The anchors that one links to."""
        return self._page.sheets[index].targets(self._known)

    def guessed(self, index: int) -> _Extent:
        """How long one with numbers may be."""
        return _Extent(1 + len(self.targets(index)) // _ENTRIES_A_PAGE, dict.fromkeys(self._anchors[index], 0))

    def _request(self, index: int, numbers: Mapping[str, int] | None) -> tuple[dict[str, object], dict[str, bytes]]:
        foreign = self._known - self._anchors[index]
        message, blobs = request(self._page.laid_apart(self._page.sheets[index], foreign, numbers), self._pictures)
        return {"do": "sheet", **message}, blobs


def _numbered(page: SheetedPage, sheets: _Sheets, laid: dict[int, _Laid]) -> list[_Laid]:
    """All sheets in order. Those with numbers are laid out until these are right for what came out."""
    numbered = [index for index, sheet in enumerate(page.sheets) if sheet.is_numbered]
    extents = {index: each.extent for index, each in laid.items()} | {index: sheets.guessed(index) for index in numbered}
    numbers = {index: sheets.numbers(index, extents) for index in numbered}
    for _ in range(_MOST_ROUNDS):
        told = {index: sheets.with_numbers(index, numbers[index]) for index in numbered}
        extents |= {index: each.extent for index, each in told.items()}
        found = {index: sheets.numbers(index, extents) for index in numbered}
        if found == numbers:
            return [each for _, each in sorted((laid | told).items())]
        numbers = found
    raise UnableError("the contents have another length for every numbering")


def _laid(answer: ChildReply) -> _Laid:
    if answer.response.get("refused"):
        return _Laid(answer, _Extent(1, {}))
    _whole(answer, ("pdf", "account", "faces", "anchors"))
    pages = answer.response.get("pages")
    try:
        anchors = json.loads(answer.blobs["anchors"])
    except ValueError:
        raise _garbage() from None
    if type(pages) is not int or pages < 1 or not isinstance(anchors, dict):
        raise _garbage()
    if not all(type(number) is int and 0 <= number < pages for number in anchors.values()):
        raise _garbage()
    return _Laid(answer, _Extent(pages, anchors))


def _whole(answer: ChildReply, names: Sequence[str]) -> ChildReply:
    """The answer, if it has these blobs."""
    if isinstance(reason := answer.response.get("unable"), str):
        raise UnableError(reason)
    if not all(name in answer.blobs for name in names):
        raise _garbage()
    return answer


def _garbage() -> FindingsReportError:
    return FindingsReportError(
        Problem(Kind.OUTPUT, "the PDF cannot be made: the confined process gave no account of it", code="confine-garbage")
    )
