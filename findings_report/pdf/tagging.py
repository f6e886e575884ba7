"""Structure for those who listen to a PDF: WeasyPrint's tags, with what PDF/UA-1 asks for besides. On the confined side.

What is mended: page furniture (heads, feet) is marked as an artifact instead of text that belongs to nothing, and so are the
dots of a leader, each of which would be an element. Boxes that mean nothing are no elements, and the text of a line is marked
once for each element that it is of: a word of code has a box of its own for its colour, and would have two elements. Code is
said to be code. A link is one annotation for each of its boxes, not another for everything within; groups in a list are lists,
and items have bodies; ids of table headers get their tree; and the references to pages are made once, not for every element,
which costs the square of the pages (docs/weasyprint-tagging.md offers that upstream).
Source: ISO 14289-1, 7.1, 7.2, 7.5 and 7.18.5; ISO 32000-1, 14.7.2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import pydyf
import weasyprint.pdf
import weasyprint.pdf.tags
from weasyprint.document import Document
from weasyprint.formatting_structure.boxes import BlockBox, InlineBox, LineBox, MarginBox, PageBox, TextBox
from weasyprint.pdf.stream import Stream

_add_tags: Final = weasyprint.pdf.add_tags
_get_pdf_tag: Final = weasyprint.pdf.tags._get_pdf_tag
_marked: Final = Stream.marked
_page_references: Final = pydyf.PDF.page_references
_OTHER_TYPES: Final = {"code": "Code", "figure": "Div", "pre": "P"}
"""Types of structure for elements of HTML that WeasyPrint has none for."""
_END: Final = b"EMC"


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
        _nest_lists(elements)
        elements = _hold_text(pdf, elements + list(_bodies(pdf, elements)))
        _name(pdf, elements, prefix)

    with _mended(document):
        content: bytes = document.write_pdf(pdf_tags=True, finisher=finish)
    return content


@contextlib.contextmanager
def _mended(document: Document) -> Iterator[None]:
    decorative = [box for page in document.pages for box in _decorative(page._page_box)]
    furniture = {each for box in decorative for each in _all(box)}
    references: dict[int, tuple[bytes, ...]] = {}
    linked = {link[3] for page in document.pages for link in page.links}
    empty = {box for page in document.pages for box in _all(page._page_box) if _means_nothing(box, linked)}
    holders = {text: holder for page in document.pages for text, holder in _texts(page._page_box, None, None, empty)}
    latest: dict[int, object] = {}
    continued: set[Any] = set()

    def marked(stream: Stream, box: Any, tag: str) -> contextlib.AbstractContextManager[None]:
        holder, before = holders.get(box), latest.pop(id(stream), None)
        mark: contextlib.AbstractContextManager[None]
        if box in furniture:
            mark = stream.artifact()
        elif holder is not None and holder == before and stream.stream[-1] == _END:
            continued.add(box)
            mark = _goes_on(stream)
        else:
            mark = _marked(stream, box, tag)
        if holder is not None:
            latest[id(stream)] = holder
        return mark

    def add_tags(pdf: pydyf.PDF, document: Document, *others: object) -> None:
        for box in decorative:
            box.children = []
        for page in document.pages:
            _clear(page._page_box, empty, continued)
        _add_tags(pdf, document, *others)

    def page_references(pdf: pydyf.PDF) -> tuple[bytes, ...]:
        kids = pdf.pages["Kids"]
        if len(kids) not in references:
            references[len(kids)] = tuple(f"{number} 0 R".encode("ascii") for number in kids[::3])
        return references[len(kids)]

    Stream.marked, weasyprint.pdf.add_tags, pydyf.PDF.page_references = marked, add_tags, property(page_references)
    weasyprint.pdf.tags._get_pdf_tag = _type
    try:
        yield
    finally:
        Stream.marked, weasyprint.pdf.add_tags, pydyf.PDF.page_references = _marked, _add_tags, _page_references
        weasyprint.pdf.tags._get_pdf_tag = _get_pdf_tag


def _decorative(box: Any) -> Iterator[Any]:
    """What is there to be looked at only: margin boxes and leaders."""
    if isinstance(box, MarginBox) or box.is_leader:
        yield box
        return
    for child in _children(box):
        yield from _decorative(child)


def _type(tag: str | None) -> str:
    """The type of structure of an element of HTML."""
    found: str = _OTHER_TYPES.get(tag or "") or _get_pdf_tag(tag)
    return found


def _means_nothing(box: Any, linked: Collection[Any]) -> bool:
    """True for a box that would be an element only because it is there; `linked` are those that have a link."""
    if not isinstance(box, InlineBox | BlockBox) or isinstance(box, PageBox | MarginBox) or box in linked:
        return False
    # What is within a link is a Link for WeasyPrint, but has no annotation.
    return _type(box.element_tag if box.element is not None else None) in ("Span", "NonStruct", "Link")


def _texts(box: Any, element: Any, line: Any, empty: Collection[Any]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Every box of text with its element, which is the innermost box around it that is not `empty`, and its line.

    Lines are kept apart: the blank between two of them is not drawn, and words would be read as one.
    """
    if isinstance(box, TextBox):
        yield box, (element, line)
        return
    is_line = isinstance(box, LineBox)
    inner = element if is_line or box in empty else box
    for child in _children(box):
        yield from _texts(child, inner, box if is_line else line, empty)


@contextlib.contextmanager
def _goes_on(stream: Stream) -> Iterator[None]:
    """What is drawn belongs to the marked content that has just ended."""
    stream.stream.pop()
    try:
        yield
    finally:
        stream.stream.append(_END)


def _clear(box: Any, empty: Collection[Any], continued: Collection[Any]) -> None:
    """Takes what is `continued` out of a tree of boxes, and puts what is in `empty` boxes into their places."""
    if hasattr(box, "children") and not isinstance(box, MarginBox):
        box.children = list(_full(box, empty, continued))
        for child in box.children:
            _clear(child, empty, continued)


def _full(box: Any, empty: Collection[Any], continued: Collection[Any]) -> Iterator[Any]:
    for child in _children(box):
        if child in empty:
            yield from _full(child, empty, continued)
        elif child not in continued:
            yield child


def _hold_text(pdf: pydyf.PDF, elements: Sequence[Any]) -> list[Any]:
    """Puts marked text into the elements around it instead of one of its own in each; gives the elements that remain."""
    known = {each.reference: each for each in elements}
    texts = {
        reference: each
        for reference, each in known.items()
        if each["S"] == "/Span"
        and all(isinstance(mark, int) for mark in each["K"])  # a box that stands in a line, as one that floats, is a Span too
        and known[each["P"]].get("Pg") == each["Pg"]  # marks are numbered within a page
    }
    for element in elements:
        element["K"] = pydyf.Array(mark for kid in element["K"] for mark in (texts[kid]["K"] if kid in texts else [kid]))
    root = next(each for each in pdf.objects if _kind(each) == "/StructTreeRoot")
    tree = next(each for each in pdf.objects if each.reference == root["ParentTree"])
    for owners in tree["Nums"]:
        if isinstance(owners, pydyf.Array):
            owners[:] = [texts[owner]["P"] if owner in texts else owner for owner in owners]
    for text in texts.values():
        text.free = "f"
    return [each for each in elements if each.reference not in texts]


def _all(box: Any) -> Iterator[Any]:
    yield box
    for child in _children(box):
        yield from _all(child)


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


def _bodies(pdf: pydyf.PDF, elements: Sequence[Any]) -> Iterator[Any]:
    """Gives items of lists a body for all but their label, as paragraphs stand in them directly; gives the bodies."""
    known = {each.reference: each for each in elements}
    for item in elements:
        strays = [kid for kid in item["K"] if kid in known and known[kid]["S"] not in ("/Lbl", "/LBody")]
        if item["S"] != "/LI" or not strays:
            continue
        body = pydyf.Dictionary(
            {"Type": "/StructElem", "S": "/LBody", "K": pydyf.Array(strays), "Pg": item["Pg"], "P": item.reference}
        )
        pdf.add_object(body)
        item["K"] = pydyf.Array([*(kid for kid in item["K"] if kid not in strays), body.reference])
        for kid in strays:
            known[kid]["P"] = body.reference
        yield body
