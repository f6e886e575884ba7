"""The field that a signature is put into, on the confined side: its place on the page, what is seen of it, and its tag.

It stands in the structure of a tagged PDF as a form that says what it is, so that the file keeps to PDF/UA-1. Source: ISO
14289-1, 7.18.1 and 7.18.4; ISO 32000-1, 12.7.4.5, 14.7.4.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, append_signature_field, enumerate_sig_fields


class Writer(IncrementalPdfFileWriter):
    """Adds to a PDF and leaves its metadata alone: they say which standards it follows, and a signature changes none of it."""

    def _update_meta(self) -> None:
        """pyHanko would write them anew, in a form of its own and with the time."""


@dataclass(frozen=True)
class Appearance:
    """What is seen of a signature."""

    page: bytes
    """A PDF of one page."""
    left: float
    """Points from the left edge of the first page."""
    top: float
    """Points from its upper edge."""
    text: str
    """What it says."""


def add_field(writer: Writer, name: str, text: str, seen: Appearance | None) -> None:
    """An empty signature field on the first page, in its structure; `text` says what it is, or what `seen` says."""
    page_ref, _ = writer.find_page_for_modification(0)
    page = page_ref.get_object()
    spec = SigFieldSpec(name, on_page=0, readable_field_name=seen.text if seen is not None else text)
    append_signature_field(writer, spec)
    field_ref = next(ref for found, _, ref in enumerate_sig_fields(writer) if found == name)
    field = field_ref.get_object()
    if seen is not None:
        stamp = PdfFileReader(io.BytesIO(seen.page))
        _, _, width, height = _box(stamp.find_page_for_modification(0)[0].get_object())
        left, _, _, upper = _box(page)
        edges = (left + seen.left, upper - seen.top - height, left + seen.left + width, upper - seen.top)
        field[pdf_name("/Rect")] = generic.ArrayObject([generic.FloatObject(round(edge, 3)) for edge in edges])
        field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.import_page_as_xobject(stamp)})
    if "/StructTreeRoot" in writer.root:
        page[pdf_name("/Tabs")] = pdf_name("/S")
        writer.update_container(page)
        _tag(writer, field, field_ref, page_ref)
    writer.update_container(field)


def _box(page: generic.DictionaryObject) -> tuple[float, ...]:
    above: Any = page
    while "/MediaBox" not in above:  # a page may have it from those above
        above = above["/Parent"]
    return tuple(float(edge) for edge in above["/MediaBox"])


def _tag(writer: Writer, field: generic.DictionaryObject, field_ref: Any, page_ref: Any) -> None:
    root = writer.root["/StructTreeRoot"]
    try:
        document_ref, elements, numbers = root["/K"].raw_get(0), root["/K"][0]["/K"], root["/ParentTree"]["/Nums"]
    except (KeyError, TypeError, IndexError):
        return  # not of this program's making: such a tree is left alone
    if not (isinstance(elements, generic.ArrayObject) and isinstance(numbers, generic.ArrayObject)):
        return  # likewise
    key = max((int(numbers[index]) for index in range(0, len(numbers), 2)), default=-1) + 1
    target = generic.DictionaryObject(
        {pdf_name("/Type"): pdf_name("/OBJR"), pdf_name("/Obj"): field_ref, pdf_name("/Pg"): page_ref}
    )
    element = writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/StructElem"),
                pdf_name("/S"): pdf_name("/Form"),
                pdf_name("/P"): document_ref,
                pdf_name("/Pg"): page_ref,
                pdf_name("/Alt"): pdf_string(field["/TU"]),
                pdf_name("/K"): target,
            }
        )
    )
    elements.append(element)
    writer.update_container(elements)
    numbers.extend([generic.NumberObject(key), element])
    writer.update_container(numbers)
    if "/ParentTreeNextKey" in root:
        root[pdf_name("/ParentTreeNextKey")] = generic.NumberObject(key + 1)
        writer.update_container(root)
    field[pdf_name("/StructParent")] = generic.NumberObject(key)
