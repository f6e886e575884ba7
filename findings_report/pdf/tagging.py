"""Structure of a PDF for people who listen to it: WeasyPrint's tags, corrected for PDF/UA-1. Confined side.

Corrections, each described in docs/weasyprint-tagging.md:
- Margin boxes and leaders become artifacts instead of text outside of the structure, and so do numbers of lines of code.
- An indented line of code has its text with the blanks, which readers that look for words leave out.
- Boxes without a meaning are no elements, and the text of a line gets one mark for each element that it belongs to: a
  word of code has a box of its own for its colour, and would have two elements. In reports with code these were nine of
  ten elements, and half of the file.
- A link has one annotation for each of its boxes, not another for everything within.
- Groups in a list are lists, and items have bodies. A group of `<dt>` and `<dd>` in a `<dl>` is an item with label and body.
- A list in a `<nav>` is a table of contents.
- A link in a margin box, which is an artifact, gets an element that holds only the link: each has to be in one.
- Ids of table headers get the tree that they are looked up in.
Source: ISO 14289-1, 7.1, 7.2, 7.5 and 7.18.5; ISO 32000-1, 14.7.2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import pydyf
from weasyprint.document import Document
from weasyprint.formatting_structure.boxes import BlockBox, InlineBox, LineBox, MarginBox, PageBox, TextBox

from findings_report.pdf.page import MARGIN_LINKS
from findings_report.pdf.weasyprint_patches import NAMES, TagPlan, patch_tagging, structure_type

_ANONYMOUS: Final = "#anonymous"
_BEFORE_LINES: Final = frozenset({"span::before", "mark::before", "del::before", "ins::before"})
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
# WeasyPrint makes boxes within a link a Link, too, but these have no annotation.
_TYPES_WITHOUT_MEANING: Final = frozenset({"Span", "NonStruct", "Link"})


def write_tagged(document: Document, id_prefix: str = "") -> bytes:
    """Return the PDF of a document that was laid out, tagged for PDF/UA-1. Ids of its elements begin with `id_prefix`.

    The boxes of the document are changed: it cannot be drawn a second time.
    """
    for page in document.pages:
        targets = {box: target for _, target, _, box in page.links}
        outermost = set(_outermost_links(page._page_box, targets, None))
        page.links = [link for link in page.links if link[3] in outermost]

    # Their boxes are emptied before the end.
    margin_links = [
        (number, link[3], " ".join(text.text for text in _texts_of(link[3])))
        for number, page in enumerate(document.pages)
        for link in page.links
        if isinstance(link[3], LineBox)  # WeasyPrint itself makes links of other boxes
    ]

    def finish(_: Document, pdf: pydyf.PDF) -> None:
        elements = [value for value in pdf.objects if _object_type(value) == "/StructElem"]
        _nest_lists(elements)
        elements = _merge_spans(pdf, elements + list(_add_list_bodies(pdf, elements)))
        _name_headers(pdf, elements, id_prefix)
        _add_margin_links(pdf, margin_links)

    with patch_tagging(_plan_tags(document)):
        content: bytes = document.write_pdf(pdf_tags=True, finisher=finish)
    return content


def _plan_tags(document: Document) -> TagPlan:
    """Decide which boxes of a document are artifacts, which are no elements, and which text gets one mark."""
    roots = [page._page_box for page in document.pages]
    for root in roots:
        _name_parts(root, None, None, None)
    decorative = [box for root in roots for box in _decorative_boxes(root)]
    linked = {link[3] for page in document.pages for link in page.links}
    unneeded = {box for root in roots for box in _descendants(root) if _has_no_meaning(box, linked)}

    def prune(continued: Collection[Any]) -> None:
        for box in decorative:
            box.children = []
        for root in roots:
            _prune_tree(root, unneeded, continued)

    return TagPlan(
        artifacts={inner for box in decorative for inner in _descendants(box)},
        actual_texts={box: text for root in roots for box, text in _code_texts(root)},
        holders={text: holder for root in roots for text, holder in _text_holders(root, None, None, unneeded)},
        prune=prune,
    )


def _name_parts(box: Any, element: Any, tag: str | None, name: str | None) -> None:
    """Name the boxes in `box` whose type depends on what is around them: an element, its tag, and the name that it got."""
    own = box.element_tag
    if box.element is element and own == tag:
        # An anonymous box in an element that has a name is nothing to be named twice.
        box.element_tag = _ANONYMOUS if name != tag else own
    else:
        element, tag, name = box.element, own, NAMES.get((name, own), own)
        box.element_tag = name
    for child in _children(box):
        _name_parts(child, element, tag, name)


def _children(box: Any) -> Iterator[Any]:
    # A positioned box is represented by a placeholder.
    return (getattr(child, "_box", child) for child in getattr(box, "children", ()))


def _descendants(box: Any) -> Iterator[Any]:
    yield box
    for child in _children(box):
        yield from _descendants(child)


def _decorative_boxes(box: Any) -> Iterator[Any]:
    """Yield margin boxes, numbers of lines and of their notes, and leaders.

    Each dot of a leader would be an element: thousands in a table of contents.
    """
    if isinstance(box, MarginBox) or box.is_leader or _is_line_number(box):
        yield box
        return
    for child in _children(box):
        yield from _decorative_boxes(child)


def _is_line_number(box: Any) -> bool:
    if not isinstance(box, InlineBox):
        return False
    is_dot = box.element_tag == "span::after" and "data-note" in box.element.attrib
    return is_dot or (box.element_tag in _BEFORE_LINES and "data-n" in box.element.attrib)


def _code_texts(box: Any) -> Iterator[tuple[Any, str]]:
    """Yield the boxes of text of code with what is to be copied: nothing for a number, the blanks before an indented line.

    Lines are elements of class `l`, as the filters of templates write them.
    """
    if _is_line_number(box):
        yield from ((text, "") for text in _descendants(box) if isinstance(text, TextBox))
        return
    if isinstance(box, LineBox) and "l" in _classes(box):
        texts = [text for text in _texts_of(box) if "sign" not in _classes(text)]
        # From right to left a reader orders the words by their places, which a text of its own would hide.
        if texts and texts[0].text[:1] in " \t" and not any(_RIGHT_TO_LEFT.search(text.text) for text in texts):
            yield texts[0], texts[0].text
    for child in _children(box):
        yield from _code_texts(child)


def _classes(box: Any) -> list[str]:
    return [] if box.element is None else str(box.element.get("class", "")).split()


def _texts_of(box: Any) -> Iterator[Any]:
    if isinstance(box, TextBox):
        yield box
    elif not _is_line_number(box):
        for child in _children(box):
            yield from _texts_of(child)


def _has_no_meaning(box: Any, linked: Collection[Any]) -> bool:
    """Return True for a box that would be an element only because it exists; `linked` are the boxes with a link."""
    if not isinstance(box, InlineBox | BlockBox) or isinstance(box, PageBox | MarginBox) or box in linked:
        return False
    return structure_type(box.element_tag if box.element is not None else None) in _TYPES_WITHOUT_MEANING


def _text_holders(box: Any, element: Any, line: Any, unneeded: Collection[Any]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Yield every box of text with its holder: the innermost box around it that is an element, and its line.

    Lines are kept apart, because the blank between two lines is not drawn, and two words would be read as one.
    """
    if isinstance(box, TextBox):
        yield box, (element, line)
        return
    is_line = isinstance(box, LineBox)
    inner = element if is_line or box in unneeded else box
    for child in _children(box):
        yield from _text_holders(child, inner, box if is_line else line, unneeded)


def _prune_tree(box: Any, unneeded: Collection[Any], continued: Collection[Any]) -> None:
    """Remove boxes in `continued`, and replace boxes in `unneeded` by their children."""
    if hasattr(box, "children") and not isinstance(box, MarginBox):
        box.children = list(_needed_children(box, unneeded, continued))
        for child in box.children:
            _prune_tree(child, unneeded, continued)


def _needed_children(box: Any, unneeded: Collection[Any], continued: Collection[Any]) -> Iterator[Any]:
    for child in _children(box):
        if child in unneeded:
            yield from _needed_children(child, unneeded, continued)
        elif child not in continued:
            yield child


def _outermost_links(box: Any, targets: Mapping[Any, str], target_above: str | None) -> Iterator[Any]:
    """Yield the boxes with a link that are not within a box with the same link. `targets` are those of boxes with a link."""
    target = targets.get(box, target_above)
    if target != target_above:
        yield box
    for child in _children(box):
        yield from _outermost_links(child, targets, target)


def _object_type(value: object) -> object:
    return value.get("Type") if isinstance(value, pydyf.Dictionary) else None


def _structure_root(pdf: pydyf.PDF) -> Any:
    return next(value for value in pdf.objects if _object_type(value) == "/StructTreeRoot")


def _nest_lists(elements: Sequence[Any]) -> None:
    """Make a `Div` within a list a list: a list contains items and lists, and HTML groups `<dt>` and `<dd>` by `<div>`."""
    lists = {element.reference for element in elements if element["S"] == "/L"}
    for element in elements:
        if element["S"] == "/Div" and element["P"] in lists:
            element["S"] = "/L"


def _add_list_bodies(pdf: pydyf.PDF, elements: Sequence[Any]) -> Iterator[Any]:
    """Give items of lists a body for everything but their label, and yield the bodies. `<li><p>` has none in WeasyPrint."""
    by_reference = {element.reference: element for element in elements}
    for item in elements:
        loose = [kid for kid in item["K"] if kid in by_reference and by_reference[kid]["S"] not in ("/Lbl", "/LBody")]
        if item["S"] != "/LI" or not loose:
            continue
        body = pydyf.Dictionary(
            {"Type": "/StructElem", "S": "/LBody", "K": pydyf.Array(loose), "Pg": item["Pg"], "P": item.reference}
        )
        pdf.add_object(body)
        item["K"] = pydyf.Array([*(kid for kid in item["K"] if kid not in loose), body.reference])
        for kid in loose:
            by_reference[kid]["P"] = body.reference
        yield body


def _merge_spans(pdf: pydyf.PDF, elements: Sequence[Any]) -> list[Any]:
    """Put marked text into the element around it instead of a `Span` for each mark; return the elements that remain."""
    by_reference = {element.reference: element for element in elements}
    spans = {
        reference: element
        for reference, element in by_reference.items()
        if element["S"] == "/Span"
        and all(isinstance(mark, int) for mark in element["K"])  # a box within a line, such as a float, is a Span, too
        and by_reference[element["P"]].get("Pg") == element["Pg"]  # marks are numbered within a page
    }
    for element in elements:
        element["K"] = pydyf.Array(mark for kid in element["K"] for mark in (spans[kid]["K"] if kid in spans else [kid]))
    parent_tree = _structure_root(pdf)["ParentTree"]
    numbers = next(value for value in pdf.objects if value.reference == parent_tree)["Nums"]
    for owners in numbers:
        if isinstance(owners, pydyf.Array):
            owners[:] = [spans[owner]["P"] if owner in spans else owner for owner in owners]
    for span in spans.values():
        span.free = "f"  # pydyf does not write free objects
    return [element for element in elements if element.reference not in spans]


def _add_margin_links(pdf: pydyf.PDF, links: Sequence[tuple[int, Any, str]]) -> None:
    """Add a paragraph with an element for each link of a margin box, which is itself drawn as an artifact.

    `links` are index of the page, box and description.
    """
    if not links:
        return
    objects = {value.reference: value for value in pdf.objects if value.reference is not None}
    root = _structure_root(pdf)
    numbers, main = objects[root["ParentTree"]]["Nums"], objects[root["K"][0]]
    # They end what is read of the document: between the texts they would interrupt it on each page.
    paragraph = _add_element(pdf, "/P", main.reference, pdf.page_references[links[0][0]])
    paragraph["T"] = pydyf.String(MARGIN_LINKS)
    main["K"].append(paragraph.reference)
    for page, box, description in links:
        annotation = box.link_annotation
        annotation["Contents"] = pydyf.String(description)
        element = _add_element(pdf, "/Link", paragraph.reference, pdf.page_references[page])
        paragraph["K"].append(element.reference)
        holder = pydyf.Dictionary({"Type": "/OBJR", "Obj": annotation.reference, "Pg": pdf.page_references[page]})
        pdf.add_object(holder)
        element["K"].append(holder.reference)
        annotation["StructParent"] = len(numbers) // 2
        numbers.extend((annotation["StructParent"], element.reference))


def _add_element(pdf: pydyf.PDF, kind: str, parent: bytes, page: bytes) -> Any:
    element = pydyf.Dictionary({"Type": "/StructElem", "S": kind, "K": pydyf.Array(), "Pg": page, "P": parent})
    pdf.add_object(element)
    return element


def _name_headers(pdf: pydyf.PDF, elements: Sequence[Any], prefix: str) -> None:
    """Prefix the ids of table headers, so that those of two segments differ, and add the tree in which they are looked up."""
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
        pairs = [value for name in sorted(names) for value in (pydyf.String(name), names[name])]
        _structure_root(pdf)["IDTree"] = pydyf.Dictionary({"Names": pydyf.Array(pairs)})
