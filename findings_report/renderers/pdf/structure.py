"""The structure trees of several PDFs, each as WeasyPrint writes it, made one; with pikepdf, on the confined side.

WeasyPrint has one Document element below the root, a flat ParentTree whose keys are pages first and annotations after them.
Source: ISO 32000-1, 14.7.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pikepdf import Array, Dictionary, Name, Pdf, String


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
