"""What PDF/UA-1 asks of a file, as far as these lines can tell; the clauses are those of ISO 14289-1."""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Name, Pdf

_KIDS = {
    "L": {"L", "LI", "Caption"},
    "LI": {"Lbl", "LBody"},
    "Table": {"TR", "THead", "TBody", "TFoot", "Caption"},
    "THead": {"TR"},
    "TBody": {"TR"},
    "TFoot": {"TR"},
    "TR": {"TH", "TD"},
}
_PARENTS = {"LI": {"L"}, "LBody": {"LI"}, "TR": {"Table", "THead", "TBody", "TFoot"}, "TH": {"TR"}, "TD": {"TR"}}
_PAINTING = {
    *("S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh", "Do", "Tj", "TJ", "'", '"', "EI"),
}


def elements(pdf: Pdf) -> Iterator[tuple[Any, Any]]:
    """Every structure element with its parent, in the order of reading."""

    def below(element: Any) -> Iterator[tuple[Any, Any]]:
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                yield kid, element
                yield from below(kid)

    yield from below(pdf.Root.StructTreeRoot)


def read_aloud(content: bytes) -> list[tuple[str, str]]:
    """Kind and own text of every structure element, in the order of reading.

    `pdfinfo -struct-text` has the same, but reads the page again for each element: half a minute for 30 pages.
    """
    with pikepdf.open(io.BytesIO(content)) as pdf:
        marked = {page.obj.objgen: _marked_text(page) for page in pdf.pages}
        return [
            (
                str(element.S)[1:],
                "".join(marked[element.Pg.objgen][kid] for kid in element.get("/K", []) if isinstance(kid, int)),
            )
            for element, _ in elements(pdf)
        ]


def _marked_text(page: pikepdf.Page) -> dict[int, str]:
    """The text of a page by the mark that it stands under. Glyphs have two bytes, as WeasyPrint writes them."""
    fonts: dict[str, dict[bytes, str]] = {}
    for name, font in page.obj.Resources.get("/Font", {}).items():
        pairs = re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]+)>\n", font.ToUnicode.read_bytes().partition(b"beginbfchar")[2])
        fonts[name] = {bytes.fromhex(glyph.decode()): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in pairs}
    marks: list[int | None] = []
    found: dict[int, str] = defaultdict(str)
    glyphs: dict[bytes, str] = {}
    for instruction in pikepdf.parse_content_stream(page):
        name, operands = str(instruction.operator), list(instruction.operands)
        if name in ("BMC", "BDC"):
            marks.append(int(operands[1].MCID) if name == "BDC" and "/MCID" in operands[1] else None)
        elif name == "EMC":
            marks.pop()
        elif name == "Tf":
            glyphs = fonts[str(operands[0])]
        elif name in ("Tj", "TJ") and (mark := next((mark for mark in reversed(marks) if mark is not None), None)) is not None:
            for shown in operands[0] if name == "TJ" else operands:
                if isinstance(shown, pikepdf.String):
                    codes = bytes(shown)
                    found[mark] += "".join(glyphs[codes[at : at + 2]] for at in range(0, len(codes), 2))
    return found


def faults(content: bytes) -> list[str]:
    """What breaks a clause, one line each; empty for a file that keeps all that are looked at."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        found = [*_document(pdf), *_tree(pdf), *_parents(pdf), *_headings(pdf), *_tables(pdf)]
        for number, page in enumerate(pdf.pages, start=1):
            found += [f"page {number}: {fault}" for fault in (*_content(page), *_annotations(pdf, page))]
    return found


def _document(pdf: Pdf) -> Iterator[str]:
    metadata = bytes(pdf.Root.Metadata.read_bytes()) if "/Metadata" in pdf.Root else b""
    if b"pdfuaid:part" not in metadata:
        yield "5: the metadata does not say PDF/UA-1"
    if b"<dc:title>" not in metadata:
        yield "7.1: the metadata has no title"
    if "/MarkInfo" not in pdf.Root or not pdf.Root.MarkInfo.Marked:
        yield "7.1: not marked"
    if "/ViewerPreferences" not in pdf.Root or not pdf.Root.ViewerPreferences.DisplayDocTitle:
        yield "7.1: the title is not displayed"
    if not str(pdf.Root.get("/Lang", "")):
        yield "7.2: no language"


def _tree(pdf: Pdf) -> Iterator[str]:
    for element, parent in elements(pdf):
        kind, above = str(element.S)[1:], str(parent.get("/S", "/Root"))[1:]
        if element.P.objgen != parent.objgen:
            yield f"7.1: {kind} names another parent than {above}"
        if kind not in _KIDS.get(above, {kind}) or above not in _PARENTS.get(kind, {above}):
            yield f"7.2: {kind} in {above}"
        if kind == "Figure" and not str(element.get("/Alt", "")):
            yield "7.3: a figure without a text in its stead"


def _parents(pdf: Pdf) -> Iterator[str]:
    owned = Counter(
        (element.Pg.objgen, kid) for element, _ in elements(pdf) for kid in element.get("/K", []) if isinstance(kid, int)
    )
    numbers = list(pdf.Root.StructTreeRoot.ParentTree.Nums)
    keys = [int(each) for each in numbers[::2]]
    if keys != sorted(set(keys)):
        yield "7.1: the parent tree is not in order"
    tree = dict(zip(keys, numbers[1::2], strict=True))
    for page in pdf.pages:
        for mark, element in enumerate(tree[int(page.obj.StructParents)]):
            if owned.pop((page.obj.objgen, mark), 0) != 1 or mark not in [kid for kid in element.K if isinstance(kid, int)]:
                yield f"7.1: mark {mark} of a page is not that of one element"
    if owned:
        yield f"7.1: {len(owned)} elements name marks of no page"


def _headings(pdf: Pdf) -> Iterator[str]:
    last = 0
    for element, _ in elements(pdf):
        kind = str(element.S)[1:]
        if len(kind) == 2 and kind[0] == "H" and kind[1].isdigit():
            if int(kind[1]) > last + 1:
                yield f"7.4.2: {kind} after H{last}"
            last = int(kind[1])


def _tables(pdf: Pdf) -> Iterator[str]:
    cells = [element for element, _ in elements(pdf) if str(element.S) in ("/TH", "/TD")]
    ids = Counter(str(cell.ID) for cell in cells if "/ID" in cell)
    if max(ids.values(), default=1) > 1:
        yield "7.5: an id stands twice"
    asked = {str(header) for cell in cells for header in (cell.A.get("/Headers", []) if "/A" in cell else [])}
    if lacking := asked - ids.keys():
        yield f"7.5: {len(lacking)} headers are named and not there"
    names = list(pdf.Root.StructTreeRoot.IDTree.Names)[::2] if ids else []
    if sorted(ids) != [str(name) for name in names]:
        yield "14.7.2 of ISO 32000: the tree of ids is not complete and in order"


def _content(page: pikepdf.Page) -> Iterator[str]:
    bare = 0
    is_marked: list[bool] = []
    for instruction in pikepdf.parse_content_stream(page):
        name, operands = str(instruction.operator), list(instruction.operands)
        if name in ("BMC", "BDC"):
            is_marked.append(operands[0] == Name.Artifact or (name == "BDC" and "/MCID" in operands[1]))
        elif name == "EMC":
            is_marked.pop()
        elif name in _PAINTING and not any(is_marked):
            bare += 1
    if bare:
        yield f"7.1: {bare} times something is painted that is neither tagged nor an artifact"
    if page.obj.get("/Tabs") != Name.S:
        yield "7.18.3: the order of tabs is not that of the structure"


def _annotations(pdf: Pdf, page: pikepdf.Page) -> Iterator[str]:
    numbers = list(pdf.Root.StructTreeRoot.ParentTree.Nums) if "/Annots" in page.obj else []
    tree = dict(zip([int(each) for each in numbers[::2]], numbers[1::2], strict=True))
    for annotation in page.obj.get("/Annots", ()):
        if not str(annotation.get("/Contents", "")):
            yield "7.18.5: a link without a description"
        element = tree.get(int(annotation.get("/StructParent", -1)))
        if element is None or str(element.S) != "/Link":
            yield "7.18.5: a link outside of the structure"
        elif annotation.objgen not in [kid.Obj.objgen for kid in element.K if not isinstance(kid, int) and "/Obj" in kid]:
            yield "7.18.5: an element that does not know its link"
