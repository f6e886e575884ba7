"""The five private functions of WeasyPrint and pydyf that this package replaces while it draws. Confined side.

Nothing else in the package assigns to a name of WeasyPrint or pydyf. A function that no longer exists is an error when
this module is imported; a test compares the source of each with the one known here, so that an upgrade of WeasyPrint
begins with what `check` says. Why each is replaced: docs/weasyprint-tagging.md offers the changes to tagging upstream.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pydyf
import weasyprint
import weasyprint.pdf
import weasyprint.pdf.tags
from weasyprint.pdf.stream import Stream

SUPPORTED: Final = "WeasyPrint 70.0, pydyf 0.13.0"
"""The versions that the digests below are of."""


@dataclass(frozen=True)
class PatchedFunction:
    """A function or property that is replaced."""

    owner: Any
    """The module or class whose attribute it is."""
    name: str
    """Name of the attribute."""
    digest: str
    """First 16 hexadecimal digits of the SHA-256 of its source in the supported versions."""
    check: str
    """What to check when its source changes."""

    def original(self) -> Any:
        """Return what is replaced, read before anything was. Raises ImportError if the library has no such function."""
        try:
            return inspect.getattr_static(self.owner, self.name)
        except AttributeError:
            fault = f"{self.owner.__name__} has no {self.name} any more (known: {SUPPORTED}, found: {weasyprint.__version__})"
            raise ImportError(f"{fault}: {self.check}") from None


MARKED: Final = PatchedFunction(
    Stream,
    "marked",
    "3fa3acacbbf66422",
    "that it writes BDC and EMC around what is drawn, EMC last, and that `_tags` has an entry for each box that was marked",
)
ADD_TAGS: Final = PatchedFunction(
    weasyprint.pdf,
    "add_tags",
    "f0e74575b0bafaf3",
    "that it is called once, after all pages are drawn, and builds the structure from the boxes of the pages and from `_tags`",
)
PAGE_REFERENCES: Final = PatchedFunction(
    pydyf.PDF,
    "page_references",
    "060bf90aad55931b",
    "whether it still builds a tuple of all pages on each read; if not, remove the patch",
)
PDF_TAG: Final = PatchedFunction(
    weasyprint.pdf.tags,
    "_get_pdf_tag",
    "882707358f7c4392",
    "whether it knows `code`, `figure` and `pre` now, and which elements are Span, NonStruct and Link",
)
BUILD_FONTS: Final = PatchedFunction(
    weasyprint.pdf,
    "build_fonts_dictionary",
    "fc551bef35d0d6c3",
    "that it alone writes fonts, that it gets all fonts of the document, and the attributes of `Font` in segment_worker",
)
PATCHED: Final = (MARKED, ADD_TAGS, PAGE_REFERENCES, PDF_TAG, BUILD_FONTS)

_ORIGINALS: Final = {function: function.original() for function in PATCHED}
_END: Final = b"EMC"
_TYPES: Final = {"code": "Code", "figure": "Div", "pre": "P"} | {
    "#toc": "TOC",
    "#entry": "TOCI",
    "#item": "LI",
    "#label": "Lbl",
    "#body": "LBody",
}
"""Structure types of elements of HTML that WeasyPrint has none for. Source: ISO 32000-1, 14.8.4."""
NAMES: Final[dict[tuple[str | None, str], str]] = {
    ("nav", "ol"): "#toc",
    ("#toc", "li"): "#entry",
    ("#entry", "ol"): "#toc",
    ("dl", "div"): "#item",
    ("#item", "dt"): "#label",
    ("#item", "dd"): "#body",
}
"""Names, which no element of HTML has, of elements within others; `structure_type` knows them."""


@dataclass(frozen=True)
class TagPlan:
    """How the boxes of a document are tagged."""

    artifacts: Collection[Any]
    """Boxes that are drawn as artifacts."""
    actual_texts: Mapping[Any, str]
    """Text of boxes of text that is to be copied and searched in place of what is drawn. Source: ISO 32000-1, 14.9.4."""
    holders: Mapping[Any, object]
    """The holder of each box of text: consecutive text of one holder gets one mark."""
    prune: Callable[[Collection[Any]], None]
    """Called when all pages are drawn, with the boxes of text without a mark of their own, to shape the tree of boxes."""


def structure_type(tag: str | None) -> str:
    """Return the structure type of an element of HTML, by its name; None is a box without an element."""
    known: str = _TYPES.get(tag or "") or _ORIGINALS[PDF_TAG](tag)
    return known


@contextlib.contextmanager
def patch_tagging(plan: TagPlan) -> Iterator[None]:
    """Tag what is drawn in the block according to a plan."""
    latest: dict[int, object] = {}
    continued: set[Any] = set()
    references: dict[int, tuple[bytes, ...]] = {}

    def marked(stream: Stream, box: Any, tag: str) -> contextlib.AbstractContextManager[None]:
        holder, before = plan.holders.get(box), latest.pop(id(stream), None)
        mark: contextlib.AbstractContextManager[None]
        if box in plan.artifacts:
            mark = stream.artifact()
        elif holder is not None and holder == before and stream.stream[-1] == _END:
            continued.add(box)
            mark = _continue_mark(stream)
        else:
            mark = _ORIGINALS[MARKED](stream, box, tag)
        if holder is not None:
            latest[id(stream)] = holder
        text = plan.actual_texts.get(box)
        return mark if text is None else _with_actual_text(stream, mark, text)

    def add_tags(*arguments: object) -> None:
        plan.prune(continued)
        _ORIGINALS[ADD_TAGS](*arguments)

    def page_references(pdf: pydyf.PDF) -> tuple[bytes, ...]:
        # Read for every structure element: 2.7 of 9.9 seconds of a document of 252 pages, 0.3 with this.
        kids = pdf.pages["Kids"]
        if len(kids) not in references:
            references[len(kids)] = tuple(f"{number} 0 R".encode("ascii") for number in kids[::3])
        return references[len(kids)]

    replacements = {
        MARKED: marked,
        ADD_TAGS: add_tags,
        PAGE_REFERENCES: property(page_references),
        PDF_TAG: structure_type,
    }
    with _replace(replacements):
        yield


@contextlib.contextmanager
def patch_fonts(write_fonts: Callable[..., pydyf.Dictionary]) -> Iterator[None]:
    """Let `write_fonts` write the fonts of the documents that are drawn in the block; arguments as `build_fonts_dictionary`."""
    with _replace({BUILD_FONTS: write_fonts}):
        yield


def build_fonts_dictionary(*arguments: object) -> pydyf.Dictionary:
    """Write fonts as WeasyPrint does without a patch."""
    return _ORIGINALS[BUILD_FONTS](*arguments)


@contextlib.contextmanager
def _replace(replacements: Mapping[PatchedFunction, object]) -> Iterator[None]:
    for function, replacement in replacements.items():
        setattr(function.owner, function.name, replacement)
    try:
        yield
    finally:
        for function in replacements:
            setattr(function.owner, function.name, _ORIGINALS[function])


@contextlib.contextmanager
def _continue_mark(stream: Stream) -> Iterator[None]:
    """Make what is drawn part of the marked content that has just ended."""
    stream.stream.pop()
    try:
        yield
    finally:
        stream.stream.append(_END)


@contextlib.contextmanager
def _with_actual_text(stream: Stream, mark: contextlib.AbstractContextManager[None], text: str) -> Iterator[None]:
    """Draw within a mark and a Span with a text of its own: readers take it only from an element of that name."""
    with mark:
        stream.begin_marked_content("Span", property_list=pydyf.Dictionary({"ActualText": pydyf.String(text)}))
        try:
            yield
        finally:
            stream.end_marked_content()
