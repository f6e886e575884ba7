"""The confined side that puts sheets together with pikepdf: pages in a row, their fonts, links, outline and page numbers.

Whoever made a sheet could have been taken over by what it laid out: its PDF is read here, where nothing can be reached.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pikepdf import Array, Dictionary, Name, OutlineItem, Pdf, String

from findings_report.pdf.archival import make_archival, saved
from findings_report.pdf.assembly import carried_by
from findings_report.pdf.segments import FOREIGN


class Structure:
    """A tree that grows by documents."""

    def __init__(self, pdf: Pdf) -> None:
        """An empty tree in `pdf`."""
        self._pdf = pdf
        self._root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        self._document = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=self._root))
        self._elements: list[Any] = []
        self._parents: list[Any] = []
        self._ids: dict[str, Any] = {}
        self._next_key = 0

    def add(self, source: Pdf, pages: Sequence[Any]) -> None:
        """Appends the elements of `source`, of which `pages` are the copies in this document, already in their places."""
        root = source.Root.StructTreeRoot
        elements = self._pdf.copy_foreign(root.K[0]).K
        for element in elements:
            element.P = self._document
            self._elements.append(element)
        numbers = self._pdf.copy_foreign(root.ParentTree).Nums
        first, keys = self._next_key, []
        for index in range(0, len(numbers), 2):
            keys.append(int(numbers[index]))
            self._parents += [first + keys[-1], numbers[index + 1]]
        self._next_key = first + max(keys, default=-1) + 1
        for page in pages:
            page.StructParents = int(page.StructParents) + first
            for annotation in page.get("/Annots", ()):
                if "/StructParent" in annotation:
                    annotation.StructParent = int(annotation.StructParent) + first
        if "/IDTree" in root:
            names = self._pdf.copy_foreign(source.make_indirect(root.IDTree)).Names
            self._ids |= {str(names[index]): names[index + 1] for index in range(0, len(names), 2)}

    def finish(self) -> None:
        """Makes it the structure of its document."""
        self._document.K = Array(self._elements)
        self._root.K = Array([self._document])
        self._root.ParentTree = self._pdf.make_indirect(Dictionary(Nums=Array(self._parents)))
        if self._ids:
            pairs = [value for name in sorted(self._ids) for value in (String(name), self._ids[name])]
            self._root.IDTree = self._pdf.make_indirect(Dictionary(Names=Array(pairs)))
        self._pdf.Root.StructTreeRoot = self._root


# SELF


def prepare() -> Iterable[str]:
    """Nothing has to be read later."""
    return ()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """Sheets to one PDF: the blob `pdf`. It carries what `carried_by` the request.

    Request: `count`, how many sheets there are. Blobs, as `laying` makes them: `pdf:N` and `account:N` of each sheet, `fonts`
    and `glyphs`.
    """
    sheets = (
        _Laid(Pdf.open(io.BytesIO(blobs[f"pdf:{number}"])), json.loads(blobs[f"account:{number}"]))
        for number in range(int(str(request["count"])))
    )
    joined = _Joined(Pdf.open(io.BytesIO(blobs["fonts"])))
    for sheet in sheets:
        joined.add(sheet)
    joined.finish(json.loads(blobs["glyphs"]))
    make_archival(joined.pdf, carried_by(request, blobs))
    return {}, {"pdf": saved(joined.pdf)}


@dataclass(frozen=True)
class _Laid:
    """One sheet."""

    pdf: Pdf
    account: dict[str, Any]


class _Joined:
    """A document that grows by sheets."""

    def __init__(self, fonts: Pdf) -> None:
        self.pdf = Pdf.new()
        self.fonts = self.pdf.make_indirect(self.pdf.copy_foreign(_indirect(fonts, fonts.pages[0].obj.Resources.Font)))
        self.stamps: list[list[dict[str, Any]]] = []
        self.bookmarks: list[tuple[int, int, str, float, float]] = []
        self.destinations: dict[str, Array] = {}
        self.structure = Structure(self.pdf)

    def add(self, sheet: _Laid) -> None:
        """Appends its pages, with their fonts, and notes what is to be done when all are there."""
        first, source = len(self.pdf.pages), sheet.pdf
        if first == 0:
            self._take_description(source)
        places = {page.objgen: first + index for index, page in enumerate(source.pages)}
        self.pdf.pages.extend(source.pages)
        pages = [self.pdf.pages[first + index] for index in range(len(places))]
        own = pages[0].obj.Resources.Font  # WeasyPrint: one dictionary for all pages and groups of a document
        for name, font in self.fonts.items():
            own[name] = font
        for name, (page, _, x, y, zoom) in _named(source):
            target = self.pdf.pages[places[page.objgen]].obj
            self.destinations.setdefault(name, Array([target, Name.XYZ, x, y, zoom]))
        self.structure.add(source, [page.obj for page in pages])
        self.stamps += sheet.account["stamps"]
        self.bookmarks += [(first + page, level, label, x, y) for page, level, label, x, y in sheet.account["bookmarks"]]

    def _take_description(self, source: Pdf) -> None:
        for key, value in source.docinfo.items():
            self.pdf.docinfo[key] = str(value)
        for key in ("/Lang", "/MarkInfo", "/ViewerPreferences"):
            if key in source.Root:
                self.pdf.Root[key] = self.pdf.copy_foreign(_indirect(source, source.Root[key]))

    def finish(self, faces: Mapping[str, Any]) -> None:
        """Links, outline, structure, page numbers."""
        for number, (page, stamps) in enumerate(zip(self.pdf.pages, self.stamps, strict=True), start=1):
            for annotation in page.obj.get("/Annots", ()):
                _point(annotation)
            counters = {"page": str(number), "pages": str(len(self.stamps))}
            drawing = b"".join(_drawing(stamp, faces, counters) for stamp in stamps)
            if drawing:
                page.contents_add(b"q\n", prepend=True)
                page.contents_add(b"Q\n" + drawing)
        names = [part for name in sorted(self.destinations) for part in (String(name), self.destinations[name])]
        if names:
            self.pdf.Root.Names = Dictionary(Dests=self.pdf.make_indirect(Dictionary(Names=Array(names))))
        with self.pdf.open_outline() as outline:
            outline.root.extend(_outline(self.bookmarks))
        self.structure.finish()


def _indirect(pdf: Pdf, value: Any) -> Any:
    return value if value.is_indirect else pdf.make_indirect(value)


def _named(pdf: Pdf) -> Iterator[tuple[str, Sequence[Any]]]:
    """The named destinations of a document of WeasyPrint's: one flat array."""
    if "/Names" in pdf.Root and "/Dests" in pdf.Root.Names:
        names = pdf.Root.Names.Dests.Names
        for index in range(0, len(names), 2):
            yield str(names[index]), list(names[index + 1])


def _point(annotation: Any) -> None:
    """Makes a symbolic link one to a named destination of the document."""
    action = annotation.get("/A")
    if action is not None and str(action.get("/URI", "")).startswith(FOREIGN):
        name = unquote(str(action.URI)[len(FOREIGN) :])
        annotation.Dest = annotation.Contents = String(name)
        del annotation.A


def _drawing(stamp: Mapping[str, Any], faces: Mapping[str, Any], counters: Mapping[str, str]) -> bytes:
    """A line of text as page content, outside the structure: it is nothing to be read aloud."""
    text = "".join(counters.get(kind, literal) for kind, literal in stamp["pieces"])
    name, glyphs = faces[json.dumps(stamp["face"])]
    width = sum(glyphs[character][1] for character in text) * stamp["size"] / 1000
    shown = "".join(f"{glyphs[character][0]:04x}" for character in text)
    x = stamp["x"] - stamp["share"] * width
    colour = " ".join(f"{part:.6g}" for part in stamp["colour"])
    return (
        f"/Artifact <</Type /Pagination>> BDC q {colour} rg BT /{name} {stamp['size']:.6g} Tf "
        f"1 0 0 1 {x:.4f} {stamp['y']:.4f} Tm <{shown}> Tj ET Q EMC\n"
    ).encode("ascii")


def _outline(bookmarks: Iterable[tuple[int, int, str, float, float]]) -> list[OutlineItem]:
    """A tree of bookmarks: each stands beneath the last one of a lower level, whatever levels are left out."""
    root: list[OutlineItem] = []
    above: list[tuple[int, list[OutlineItem]]] = [(0, root)]
    for page, level, label, x, y in bookmarks:
        item = OutlineItem(label, page, "XYZ", left=x, top=y, zoom=0)
        item.is_closed = False
        while above[-1][0] >= level:
            above.pop()
        above[-1][1].append(item)
        above.append((level, item.children))
    return root
