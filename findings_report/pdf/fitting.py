"""Layout in which nothing leaves the page: tables that are too wide are changed until they fit. Confined side.

A page is laid out first as its template says. Only if a table is wider than its page is the page laid out again, with
that table smaller, on a page of landscape, or downwards: a small table for each row, with the heads at its side. Text that
is outside of a page after that is reported. Because all of this looks at boxes, it holds for every template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from cssselect2 import ElementWrapper  # type: ignore[import-untyped]
from weasyprint import CSS, HTML
from weasyprint.document import Document
from weasyprint.formatting_structure.boxes import InlineBox, LineBox, MarginBox, ReplacedBox, TableBox, TextBox
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

from findings_report.pdf.page import FOREIGN_SCHEME

_TOLERANCE: Final = 1.0
"""CSS pixels: widths of text are rounded."""
_SHRINK: Final = 0.8
_SMALLEST: Final = 9.6
"""CSS pixels, 7.2 pt: text of a table is not made smaller."""
_FEWEST_ROWS_TURNED: Final = 5
"""A shorter table is read downwards: turning it leaves two pages with blank space."""
_MOST_ROUNDS: Final = 4
_MOST_REPORTED: Final = 20
_LONGEST: Final = 60
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SVG: Final = "{http://www.w3.org/2000/svg}"
_FITTED: Final = "data-fitted"
_CONTINUED: Final = "data-continued"
_BACK: Final = "data-back"

_STYLE: Final = """
@page fitted-landscape { size: %(width).2fpx %(height).2fpx !important }
[data-fitted] th, [data-fitted] td { padding-left: 1.2mm !important; padding-right: 1.2mm !important }
[data-fitted] :is(th, td):first-child { padding-left: 0 !important }
[data-fitted="broken"] *, [data-fitted="row"] * { overflow-wrap: anywhere !important; white-space: normal !important }
[data-fitted="broken"], [data-fitted="row"] { table-layout: fixed !important; width: 100%% !important }
[data-fitted="row"] { margin: 0 0 4mm !important; break-inside: avoid !important }
[data-fitted="row"] :is(th, td) { width: auto !important; text-align: left !important; padding-top: 0.6mm !important;
  padding-bottom: 0.6mm !important }
[data-fitted="row"] th { width: 26%% !important; font-weight: 600 !important }
"""


def lay_out(page: str, fetcher: URLFetcher, fonts: FontConfiguration) -> tuple[Document, list[dict[str, str]]]:
    """Return a page of HTML, laid out, and the places of text that is outside of its pages, at most 20.

    A place has `id`, that of the nearest element around it with one, `heading`, text of the heading before it, and `text`.
    """
    html = HTML(string=page, base_url=None, url_fetcher=fetcher)
    _describe_drawings(html.etree_element)
    document = html.render(font_config=fonts)
    for _ in range(_MOST_ROUNDS):
        wide = {box.element: box for sheet in document.pages for box in _wide_tables(sheet)}
        changed = [box for box in wide.values() if _fit(html.etree_element, box, document.pages[0])]
        if not changed:
            break
        # The wrappers of elements remember their children.
        html.wrapper_element = ElementWrapper.from_html_root(html.etree_element, content_language=None)
        first = document.pages[0]
        style = CSS(string=_STYLE % {"width": max(first.width, first.height), "height": min(first.width, first.height)})
        document = html.render(stylesheets=[style], font_config=fonts)
    _remove_first_continued(document)
    _remove_repeated_heads(document)
    _link_running_feet(html.etree_element, document)
    return document, _describe_outside(html.etree_element, document)


def _describe_drawings(root: Element) -> None:
    """Append the description of each drawing to its title, the only text that WeasyPrint writes for people who listen."""
    for drawing in root.iter(f"{_SVG}svg"):
        title, description = drawing.find(f"{_SVG}title"), drawing.find(f"{_SVG}desc")
        if title is not None and description is not None:
            title.text = ". ".join(filter(None, (title.text, description.text)))


def _children(box: Any) -> Iterator[Any]:
    # A positioned box is represented by a placeholder.
    return (getattr(child, "_box", child) for child in getattr(box, "children", ()))


def _wide_tables(page: Any) -> Iterator[Any]:
    """Yield the outermost tables of a page that are wider than what its margins leave."""
    root = page._page_box
    left = root.content_box_x() - _TOLERANCE
    right = root.content_box_x() + root.width + _TOLERANCE

    def find(box: Any) -> Iterator[Any]:
        is_outside = isinstance(box, TableBox) and (
            box.border_box_x() < left or box.border_box_x() + box.border_width() > right
        )
        if is_outside and box.element is not None:
            yield box
            return
        for child in _children(box):
            yield from find(child)

    return find(root)


def _fit(root: Element, box: Any, page: Any) -> bool:
    """Change the table of a box in the tree `root`: smaller, turned, downwards, or at last with broken words.

    Each is tried only if the table is expected to fit then, and after the ones before. Return False if nothing is left.
    """
    table, fitted = box.element, box.element.get(_FITTED, "")
    if fitted in ("broken", "row"):
        return False
    size = box.style["font_size"]
    smaller = size if fitted else min(size, max(_SMALLEST, _SHRINK * size))
    width, room = box.border_width() * smaller / size, page._page_box.width + _TOLERANCE
    rows = [element for element in table.iter() if element.tag == "tr"]
    if not fitted and width <= room:
        table.set(_FITTED, "smaller")
        _add_style(table, f"font-size: {smaller:.2f}px")
    elif fitted != "turned" and len(rows) > _FEWEST_ROWS_TURNED and width <= room + page.height - page.width:
        table.set(_FITTED, "turned")
        _add_style(table, f"font-size: {smaller:.2f}px; page: fitted-landscape")
    elif not _read_downwards(root, table, rows):
        table.set(_FITTED, "broken")
    return True


def _add_style(element: Element, declaration: str) -> None:
    element.set("style", "; ".join(filter(None, (element.get("style"), declaration))))


def _read_downwards(root: Element, table: Element, rows: list[Element]) -> bool:
    """Replace a table with a row of heads by a table for each of its other rows; False if it is not that regular."""
    cells = [[cell for cell in row if cell.tag in ("th", "td")] for row in rows]
    is_regular = len(rows) > 1 and len({len(row) for row in cells}) == 1 and all(cell.tag == "th" for cell in cells[0])
    has_spans = any(cell.get("colspan") or cell.get("rowspan") for row in cells for cell in row)
    parent = next((element for element in root.iter() if table in list(element)), None)
    if not is_regular or has_spans or parent is None:
        return False
    tables = []
    for row, own in zip(rows[1:], cells[1:], strict=True):
        one = Element("table", {_FITTED: "row"} | {name: row.attrib[name] for name in ("id", "class") if name in row.attrib})
        _add_style(one, table.get("style", ""))
        # Without an element for the group of rows, WeasyPrint tags the group as a table in the table.
        body = SubElement(one, "tbody")
        for head, cell in zip(cells[0], own, strict=True):
            line = Element("tr")
            label, value = Element("th", {"scope": "row"}), Element("td", cell.attrib)
            for source, target in ((head, label), (cell, value)):
                target.text = source.text
                target.extend(deepcopy(child) for child in source)
            line.extend((label, value))
            body.append(line)
        tables.append(one)
    if (caption := table.find("caption")) is not None:
        tables[0].insert(0, deepcopy(caption))
    tables[-1].tail = table.tail
    if "id" in table.attrib:
        tables[0].set("id", table.attrib["id"])
    place = list(parent).index(table)
    parent[place : place + 1] = tables
    return True


def _remove_first_continued(document: Document) -> None:
    """Remove what `::after` prints on an element with `data-continued` where it is printed first: there nothing continues."""
    seen: set[Element] = set()

    def walk(box: Any) -> None:
        kept = []
        for child in getattr(box, "children", ()):
            element = child.element
            is_continued = element is not None and _CONTINUED in element.attrib and child.element_tag.endswith("::after")
            if is_continued and isinstance(child, InlineBox) and element not in seen:
                seen.add(element)
                continue
            walk(getattr(child, "_box", child))
            kept.append(child)
        if len(kept) < len(getattr(box, "children", ())):
            box.children = tuple(kept)

    for page in document.pages:
        walk(page._page_box)


def _remove_repeated_heads(document: Document) -> None:
    """Remove from a page that begins with an element the text that this element sets for the margins, such as its title.

    A picture of a margin is removed from a page that has it larger, as the logo of a cover.
    """
    seen: set[Element] = set()
    for page in document.pages:
        root = page._page_box
        set_here = {box.element for box in root.descendants() if box.style["string_set"] != "none"}
        names = {name for box in _first_boxes(root) if box.element not in seen for name in _strings_set_by(box)}
        for child in root.children:
            if isinstance(child, MarginBox) and _strings_used_by(child) & names:
                child.children = ()
        pictures = {
            ("url", box.element.get("src"))
            for box in root.descendants()
            if isinstance(box, ReplacedBox) and box.element.tag == "img"
        }
        root.children = tuple(
            child
            for child in root.children
            if not (isinstance(child, MarginBox) and pictures & set(child.style["background_image"]))
        )
        seen |= set_here


def _link_running_feet(root: Element, document: Document) -> None:
    """Make what margin boxes print of `string(back)` a link to the anchor in the `data-back` of `<body>`, on all other pages.

    Where the anchor is neither in the document nor in another segment, and on its own page, the line is removed. WeasyPrint
    makes links of elements only.
    """
    body = next(root.iter("body"), root)
    target, words = body.get(_BACK, ""), body.get(f"{_BACK}-words", "")
    is_foreign = target.startswith(FOREIGN_SCHEME)
    is_known = is_foreign or any(target in page.anchors for page in document.pages)
    for page in document.pages:
        for child in page._page_box.children:
            if not isinstance(child, MarginBox) or "back" not in _strings_used_by(child):
                continue
            # The box may print other words, in other lines.
            for line in [box for box in child.descendants() if isinstance(box, LineBox)]:
                if "".join(box.text for box in line.descendants() if isinstance(box, TextBox)).strip() != words:
                    continue
                if is_known and target not in page.anchors:
                    area = (line.position_x, line.position_y, line.position_x + line.width, line.position_y + line.height)
                    page.links.append(("external" if is_foreign else "internal", target, area, line))
                else:
                    line.children = ()


def _strings_used_by(margin_box: Any) -> set[str]:
    content = margin_box.style["content"]
    return {value[0] for kind, value in content if kind == "string()"} if isinstance(content, tuple) else set()


def _first_boxes(box: Any) -> Iterator[Any]:
    """Yield the box, its first child, the first child of that, and so on."""
    while box is not None:
        yield box
        box = next(iter(_children(box)), None)


def _strings_set_by(box: Any) -> list[str]:
    # What the document sets for all of its pages begins on none of them.
    is_set = box.style["string_set"] != "none" and box.element_tag not in ("html", "body")
    return [name for name, _ in box.style["string_set"]] if is_set else []


def _describe_outside(root: Element, document: Document) -> list[dict[str, str]]:
    boxes = {(box.element, box.text): box for page in document.pages for box in _outside_text(page)}
    if not boxes:
        return []
    above = {child: element for element in root.iter() for child in element}
    return [_describe(root, above, box) for box in list(boxes.values())[:_MOST_REPORTED]]


def _outside_text(page: Any) -> Iterator[Any]:
    """Yield the boxes of visible text that are not wholly on a page. Clipped and transformed boxes are left out."""

    def find(box: Any) -> Iterator[Any]:
        if isinstance(box, TextBox):
            is_inside = (
                box.position_x >= -_TOLERANCE
                and box.position_y >= -_TOLERANCE
                and box.position_x + box.width <= page.width + _TOLERANCE
                and box.position_y + box.height <= page.height + _TOLERANCE
            )
            if not is_inside and box.text.strip() and box.style["visibility"] == "visible":
                yield box
            return
        if box.style["overflow"] == "visible" and not box.style["transform"]:
            for child in _children(box):
                yield from find(child)

    return find(page._page_box)


def _describe(root: Element, above: Mapping[Element, Element], box: Any) -> dict[str, str]:
    place: Element | None = box.element
    while place is not None and "id" not in place.attrib:
        place = above.get(place)
    heading = ""
    for element in root.iter():
        if element.tag in _HEADINGS:
            heading = " ".join("".join(element.itertext()).split())
        if element is box.element:
            break
    id = "" if place is None else place.attrib["id"]
    return {"id": id[:_LONGEST], "heading": heading[:_LONGEST], "text": box.text[:_LONGEST]}
