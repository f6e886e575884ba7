"""Structure for those who listen to a PDF: WeasyPrint's tags, with what PDF/UA-1 asks for besides. On the confined side.

What is mended: page furniture (heads, feet) is marked as an artifact instead of text that belongs to nothing, and so are the
dots of a leader, each of which would be an element; a link is one
annotation for each of its boxes, not another for everything within; groups in a list are lists; ids of table headers get their
tree; and the references to pages are made once, not for every element, which costs the square of the pages
(docs/weasyprint-tagging.md offers that upstream). Source: ISO 14289-1, 7.1, 7.2, 7.5 and 7.18.5; ISO 32000-1, 14.7.2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pydyf
import weasyprint.pdf
from weasyprint.document import Document
from weasyprint.formatting_structure.boxes import MarginBox
from weasyprint.pdf.stream import Stream

_add_tags: Final = weasyprint.pdf.add_tags
_marked: Final = Stream.marked
_page_references: Final = pydyf.PDF.page_references


def tagged(document: Document, prefix: str = "") -> bytes:
    """The PDF of a document that is laid out, tagged for PDF/UA-1. Ids of its elements begin with `prefix`.

    Its pages lose what is decorative on the way.
    """
    for page in document.pages:
        linking = {box: target for _, target, _, box in page.links}
        outermost = set(_outermost(page._page_box, linking, None))
        page.links = [link for link in page.links if link[3] in outermost]

    def finish(_: Document, pdf: pydyf.PDF) -> None:
        elements = [each for each in pdf.objects if _kind(each) == "/StructElem"]
        _name(pdf, elements, prefix)
        _nest_lists(elements)

    with _mended(document):
        content: bytes = document.write_pdf(pdf_tags=True, finisher=finish)
    return content


@contextlib.contextmanager
def _mended(document: Document) -> Iterator[None]:
    decorative = [box for page in document.pages for box in _decorative(page._page_box)]
    furniture = {each for box in decorative for each in box.descendants()}
    references: dict[int, tuple[bytes, ...]] = {}

    def marked(stream: Stream, box: Any, tag: str) -> contextlib.AbstractContextManager[None]:
        mark: contextlib.AbstractContextManager[None] = stream.artifact() if box in furniture else _marked(stream, box, tag)
        return mark

    def add_tags(pdf: pydyf.PDF, document: Document, *others: object) -> None:
        for box in decorative:
            box.children = []
        _add_tags(pdf, document, *others)

    def page_references(pdf: pydyf.PDF) -> tuple[bytes, ...]:
        kids = pdf.pages["Kids"]
        if len(kids) not in references:
            references[len(kids)] = tuple(f"{number} 0 R".encode("ascii") for number in kids[::3])
        return references[len(kids)]

    Stream.marked, weasyprint.pdf.add_tags, pydyf.PDF.page_references = marked, add_tags, property(page_references)
    try:
        yield
    finally:
        Stream.marked, weasyprint.pdf.add_tags, pydyf.PDF.page_references = _marked, _add_tags, _page_references


def _decorative(box: Any) -> Iterator[Any]:
    """What is there to be looked at only: margin boxes and leaders."""
    if isinstance(box, MarginBox) or box.is_leader:
        yield box
        return
    for child in _children(box):
        yield from _decorative(child)


def _children(box: Any) -> Iterator[Any]:
    # A placeholder stands for what is positioned.
    return (getattr(child, "_box", child) for child in getattr(box, "children", ()))


def _outermost(box: Any, linking: Mapping[Any, str], above: str | None) -> Iterator[Any]:
    """The boxes with a link that are not within a box with the same one."""
    target = linking.get(box, above)
    if target != above:
        yield box
    for child in _children(box):
        yield from _outermost(child, linking, target)


def _kind(value: object) -> object:
    return value.get("Type") if isinstance(value, pydyf.Dictionary) else None


def _name(pdf: pydyf.PDF, elements: Sequence[Any], prefix: str) -> None:
    """Makes the ids of table headers the document's own, and gives them the tree that they need to be found."""
    names: dict[str, bytes] = {}
    for element in elements:
        if "ID" in element:
            name = prefix + element["ID"].string
            element["ID"] = pydyf.String(name)
            names[name] = element.reference
        attributes = element.get("A", {})
        if "Headers" in attributes:
            attributes["Headers"] = pydyf.Array(pydyf.String(prefix + header.string) for header in attributes["Headers"])
    if names:
        root = next(each for each in pdf.objects if _kind(each) == "/StructTreeRoot")
        pairs = [value for name in sorted(names) for value in (pydyf.String(name), names[name])]
        root["IDTree"] = pydyf.Dictionary({"Names": pydyf.Array(pairs)})


def _nest_lists(elements: Sequence[Any]) -> None:
    """A list holds items and lists; HTML groups the terms of a description list by `<div>`."""
    lists = {element.reference for element in elements if element["S"] == "/L"}
    for element in elements:
        if element["S"] == "/Div" and element["P"] in lists:
            element["S"] = "/L"
