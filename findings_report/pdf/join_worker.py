"""The worker that joins segments with pikepdf: pages in a row, their fonts, links, outline and page numbers. Confined side.

What a segment contains could have taken over the worker that laid it out. Its PDF is therefore read here, where nothing
can be reached.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from pikepdf import Array, Dictionary, Name, OutlineItem, Pdf, String

from findings_report.pdf.archival import make_archival, save_reproducibly
from findings_report.pdf.page import FOREIGN_SCHEME, MARGIN_LINKS, requested_embedded_file


def prepare() -> Iterable[str]:
    """Return no files: nothing is read later."""
    return ()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """Join segments to an archival PDF, the blob `pdf`, with the `requested_embedded_file`.

    Request: `count`, the number of segments. Blobs, as `segment_worker` makes them: `pdf:N` and `account:N` of each
    segment, `fonts` and `glyphs`.
    """
    joined = JoinedDocument(Pdf.open(io.BytesIO(blobs["fonts"])))
    for number in range(int(str(request["count"]))):
        joined.add(Pdf.open(io.BytesIO(blobs[f"pdf:{number}"])), json.loads(blobs[f"account:{number}"]))
    joined.finish(json.loads(blobs["glyphs"]))
    make_archival(joined.pdf, requested_embedded_file(request, blobs))
    return {}, {"pdf": save_reproducibly(joined.pdf)}


class JoinedDocument:
    """A document that grows by segments."""

    def __init__(self, fonts: Pdf) -> None:
        """Start without pages. The single page of `fonts` has the fonts of all segments."""
        self.pdf = Pdf.new()
        self._fonts = self.pdf.make_indirect(self.pdf.copy_foreign(_as_indirect(fonts, fonts.pages[0].obj.Resources.Font)))
        self._stamps: list[list[dict[str, Any]]] = []
        self._bookmarks: list[tuple[int, int, str, float, float]] = []
        self._destinations: dict[str, Array] = {}
        self._structure = StructureTree(self.pdf)
        self._pictures: dict[tuple[bytes, ...], Any] = {}

    def add(self, segment: Pdf, account: Mapping[str, Any]) -> None:
        """Append the pages of a segment, with their fonts, and collect what `finish` writes."""
        first = len(self.pdf.pages)
        if first == 0:
            self._copy_description(segment)
        indexes = {page.objgen: first + index for index, page in enumerate(segment.pages)}
        self.pdf.pages.extend(segment.pages)
        pages = [self.pdf.pages[first + index] for index in range(len(indexes))]
        own = pages[0].obj.Resources.Font  # WeasyPrint 70: one dictionary for all pages and groups of a document
        for name, font in self._fonts.items():
            own[name] = font
        self._share_pictures(pages[0].obj.Resources)
        for name, (page, _, x, y, zoom) in _named_destinations(segment):
            target = self.pdf.pages[indexes[page.objgen]].obj
            self._destinations.setdefault(name, Array([target, Name.XYZ, x, y, zoom]))
        self._structure.add(segment, [page.obj for page in pages])
        self._stamps += account["stamps"]
        self._bookmarks += [(first + page, level, label, x, y) for page, level, label, x, y in account["bookmarks"]]

    def finish(self, glyphs: Mapping[str, Any]) -> None:
        """Write links, outline, structure and page numbers. `glyphs` are those of page numbers, by face."""
        for number, (page, stamps) in enumerate(zip(self.pdf.pages, self._stamps, strict=True), start=1):
            for annotation in page.obj.get("/Annots", ()):
                _resolve_foreign_link(annotation)
            counters = {"page": str(number), "pages": str(len(self._stamps))}
            if drawing := b"".join(_draw_stamp(stamp, glyphs, counters) for stamp in stamps):
                # The content of a page may leave a changed graphics state behind.
                page.contents_add(b"q\n", prepend=True)
                page.contents_add(b"Q\n" + drawing)
        # One flat array, as WeasyPrint writes it.
        names = [part for name in sorted(self._destinations) for part in (String(name), self._destinations[name])]
        if names:
            self.pdf.Root.Names = Dictionary(Dests=self.pdf.make_indirect(Dictionary(Names=Array(names))))
        with self.pdf.open_outline() as outline:
            outline.root.extend(_nest_bookmarks(self._bookmarks))
        self._structure.finish()

    def _share_pictures(self, resources: Any) -> None:
        """Write a picture once that several segments have, such as the logo in the head of each page."""
        pictures = resources.get("/XObject", Dictionary())
        for name, picture in list(pictures.items()):
            if picture.get("/Subtype") == Name.Image:
                parts = [picture, picture.SMask] if "/SMask" in picture else [picture]
                key = tuple(
                    hashlib.sha256(part.read_raw_bytes() + f"{part.Width} {part.Height}".encode()).digest() for part in parts
                )
                pictures[name] = self._pictures.setdefault(key, picture)

    def _copy_description(self, segment: Pdf) -> None:
        for key, value in segment.docinfo.items():
            self.pdf.docinfo[key] = str(value)
        for key in ("/Lang", "/MarkInfo", "/ViewerPreferences"):
            if key in segment.Root:
                self.pdf.Root[key] = self.pdf.copy_foreign(_as_indirect(segment, segment.Root[key]))


class StructureTree:
    """A structure tree that grows by documents. Source: ISO 32000-1, 14.7."""

    def __init__(self, pdf: Pdf) -> None:
        """Start an empty tree in `pdf`."""
        self._pdf = pdf
        self._root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        self._document = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=self._root))
        self._elements: list[Any] = []
        self._margins: Any = None
        self._parents: list[Any] = []
        self._ids: dict[str, Any] = {}
        self._next_key = 0

    def add(self, source: Pdf, pages: Sequence[Any]) -> None:
        """Append the elements of `source`. `pages` are the copies of its pages that are in this document already."""
        root = source.Root.StructTreeRoot
        elements = self._pdf.copy_foreign(root.K[0]).K
        for element in elements:
            if str(element.get("/T", "")) != MARGIN_LINKS:
                element.P = self._document
                self._elements.append(element)
            elif self._margins is None:
                self._margins = element
            else:
                # One element at the end, as in a document that was laid out whole.
                for link in element.K:
                    link.P = self._margins
                    self._margins.K.append(link)
        numbers = self._pdf.copy_foreign(root.ParentTree).Nums
        # Each document counts its keys of the parent tree from 0.
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
        """Make the tree that of its document."""
        if self._margins is not None:
            self._margins.P = self._document
            self._elements.append(self._margins)
        self._document.K = Array(self._elements)
        self._root.K = Array([self._document])
        self._root.ParentTree = self._pdf.make_indirect(Dictionary(Nums=Array(self._parents)))
        if self._ids:
            pairs = [value for name in sorted(self._ids) for value in (String(name), self._ids[name])]
            self._root.IDTree = self._pdf.make_indirect(Dictionary(Names=Array(pairs)))
        self._pdf.Root.StructTreeRoot = self._root


def _as_indirect(pdf: Pdf, value: Any) -> Any:
    # pikepdf copies only indirect objects to another document.
    return value if value.is_indirect else pdf.make_indirect(value)


def _named_destinations(pdf: Pdf) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the named destinations of a document of WeasyPrint, which writes one flat array."""
    if "/Names" in pdf.Root and "/Dests" in pdf.Root.Names:
        names = pdf.Root.Names.Dests.Names
        for index in range(0, len(names), 2):
            yield str(names[index]), list(names[index + 1])


def _resolve_foreign_link(annotation: Any) -> None:
    """Turn a link to an anchor of another segment into one to a named destination of the document."""
    action = annotation.get("/A")
    if action is not None and str(action.get("/URI", "")).startswith(FOREIGN_SCHEME):
        name = unquote(str(action.URI)[len(FOREIGN_SCHEME) :])
        annotation.Dest = String(name)
        # A link in a margin has a description of its own.
        if str(annotation.get("/Contents", FOREIGN_SCHEME)).startswith(FOREIGN_SCHEME):
            annotation.Contents = String(name)
        del annotation.A


def _draw_stamp(stamp: Mapping[str, Any], glyphs: Mapping[str, Any], counters: Mapping[str, str]) -> bytes:
    """Return page content that draws a page number, as an artifact: it is nothing to be read aloud."""
    text = "".join(counters.get(kind, literal) for kind, literal in stamp["pieces"])
    font, glyph_of = glyphs[json.dumps(stamp["face"])]
    width = sum(glyph_of[character][1] for character in text) * stamp["size"] / 1000
    hexadecimal = "".join(f"{glyph_of[character][0]:04x}" for character in text)
    x = stamp["x"] - stamp["share"] * width
    colour = " ".join(f"{part:.6g}" for part in stamp["colour"])
    return (
        f"/Artifact <</Type /Pagination>> BDC q {colour} rg BT /{font} {stamp['size']:.6g} Tf "
        f"1 0 0 1 {x:.4f} {stamp['y']:.4f} Tm <{hexadecimal}> Tj ET Q EMC\n"
    ).encode("ascii")


def _nest_bookmarks(bookmarks: Iterable[tuple[int, int, str, float, float]]) -> list[OutlineItem]:
    """Return a tree of bookmarks: each is a child of the last one with a lower level, even if levels are skipped."""
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
