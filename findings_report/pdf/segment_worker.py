"""The confined side of a PDF made of sheets: one sheet to pages without fonts and page numbers, and the fonts of all of them.

It leans on what WeasyPrint does inside, each thing named here and held by a test: fonts are written by
`weasyprint.pdf.build_fonts_dictionary` alone; their glyphs keep their ids, and a font's name in a page is a digest of its
description, so that pages drawn in different processes agree.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import pydyf
import weasyprint.pdf
from weasyprint import HTML
from weasyprint.document import Page
from weasyprint.formatting_structure.boxes import MarginBox, TextBox

from findings_report.pdf.page_worker import Assets, Fonts, listened, prepare
from findings_report.pdf.tagging import tagged

__all__ = ["prepare", "serve"]

_build_fonts_dictionary: Final = weasyprint.pdf.build_fonts_dictionary
_POINTS: Final = 0.75
"""PDF points in a CSS pixel."""


class UnknownInsidesError(Exception):
    """WeasyPrint is not built as this module knows it, or the page asks for more than can be put together."""


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """One sheet, or the fonts of all.

    Request `{"do": "sheet", "media_types": {...}}` with the blobs of `child.serve`: answers as that does, and with `pages`,
    their number, and the blobs `pdf`, the pages without fonts; `anchors`, JSON of the page of each id; `account`, JSON of
    `bookmarks` and `stamps`; `faces`, JSON of `_faces`. Request `{"do": "fonts"}` with the blobs `account:N` and `faces:N` of
    each sheet: answers with the blobs `pdf`, whose one page holds every font, and `glyphs`, JSON of what page numbers are
    written with. Where it cannot be, the answer has `unable` instead.
    """
    try:
        if request["do"] == "fonts":
            return {}, _fonts({name: json.loads(blob) for name, blob in blobs.items()})
        response, made = listened(request, blobs, _sheet)
        return response | ({"pages": int(made.pop("pages"))} if made else {}), made
    except (UnknownInsidesError, AttributeError, KeyError, TypeError) as error:
        return {"unable": f"{type(error).__name__}: {error}"[:300]}, {}


def _sheet(html: str, assets: Assets) -> dict[str, bytes]:
    faces: dict[str, Any] = {}

    def without_fonts(_pdf: pydyf.PDF, fonts: Mapping[str, Any], *_: object) -> pydyf.Dictionary:
        faces.update(_faces(fonts))
        return pydyf.Dictionary()

    document = HTML(string=html, base_url=None, url_fetcher=assets).render(font_config=Fonts(assets))
    stamps = [list(_take_stamps(page)) for page in document.pages]
    with _writing_fonts(without_fonts):
        pdf = tagged(document, f"{hashlib.sha256(html.encode()).hexdigest()[:12]}-")
    anchors = {name: number for number, page in reversed(list(enumerate(document.pages))) for name in page.anchors}
    account = {
        "bookmarks": [
            [number, level, label, x * _POINTS, (page.height - y) * _POINTS]
            for number, page in enumerate(document.pages)
            for level, label, (x, y), _ in page.bookmarks
        ],
        "stamps": stamps,
    }
    pages = str(len(document.pages)).encode()
    return {"pdf": pdf, "pages": pages, "anchors": _json(anchors), "account": _json(account), "faces": _json(faces)}


def _faces(fonts: Mapping[str, Any]) -> dict[str, Any]:
    """By name in the pages: how a style sheet asks for the face, and the width and text of each glyph that was drawn."""
    faces: dict[str, Any] = {}
    for font in fonts.values():
        if font.missing or font.bitmap or font.variations:
            raise UnknownInsidesError(f"{font.family} lacks glyphs, or is no plain outline font")
        face = faces.setdefault(font.hash, {"face": [font.family, int(font.weight), int(font.style)], "glyphs": {}})
        for glyph, text in font.to_unicode.items():
            face["glyphs"].setdefault(str(glyph), [font.widths[glyph], text])
    return faces


def _take_stamps(page: Page) -> Iterator[dict[str, Any]]:
    """Takes the page numbers out of a page: what each is made of, and where and how it is to be drawn."""
    box = page._page_box
    numbered = [child for child in box.children if isinstance(child, MarginBox) and _is_numbered(child.style["content"])]
    box.children = tuple(child for child in box.children if child not in numbered)
    for margin_box in numbered:
        texts = [child for child in margin_box.descendants() if isinstance(child, TextBox)]
        if len(texts) != 1 or margin_box.style["letter_spacing"] not in ("normal", 0):
            raise UnknownInsidesError(f"the page numbers of {margin_box.at_keyword} are more than one line of plain text")
        yield _stamp(page, margin_box, texts[0])


def _is_numbered(content: object) -> bool:
    return isinstance(content, tuple) and any(kind == "counter()" for kind, _ in content)


def _stamp(page: Page, margin_box: MarginBox, text: TextBox) -> dict[str, Any]:
    style, left = text.style, margin_box.content_box_x()
    share = {"left": 0.0, "start": 0.0, "center": 0.5, "right": 1.0, "end": 1.0}[style["text_align_all"]]
    pieces = []
    for kind, value in margin_box.style["content"]:
        if kind == "counter()" and value in (("page", "decimal"), ("pages", "decimal")):
            pieces.append([value[0], ""])
        elif kind == "string":
            pieces.append(["text", value])
        else:
            raise UnknownInsidesError(f"the page numbers of {margin_box.at_keyword} are made of more than text")
    *rgb, alpha = style["color"].to("srgb")[:]
    if alpha != 1:
        raise UnknownInsidesError("page numbers that one can see through")
    return {
        "pieces": pieces,
        "face": [", ".join(json.dumps(family) for family in style["font_family"]), style["font_weight"], style["font_style"]],
        "size": style["font_size"] * _POINTS,
        "x": (left + share * margin_box.width) * _POINTS,
        "y": (page.height - text.position_y - text.baseline) * _POINTS,
        "share": share,
        "colour": rgb,
    }


def _fonts(told: Mapping[str, Any]) -> dict[str, bytes]:
    """One subset for each face, of all glyphs that any sheet draws and of what page numbers are written with."""
    of_sheets = [faces for name, faces in told.items() if name.startswith("faces:")]
    accounts = [account for name, account in told.items() if name.startswith("account:")]
    characters: dict[str, set[str]] = {}
    for stamp in (stamp for account in accounts for stamps in account["stamps"] for stamp in stamps):
        characters.setdefault(json.dumps(stamp["face"]), set("0123456789")).update(*(text for _, text in stamp["pieces"]))
    written = {face: _written(json.loads(face), sorted(each)) for face, each in sorted(characters.items())}
    union: dict[str, dict[str, Any]] = {}
    for name, face in (item for faces in (*of_sheets, *(dict([each]) for each in written.values())) for item in faces.items()):
        known = union.setdefault(name, {"face": face["face"], "glyphs": {}})
        known["glyphs"] = face["glyphs"] | known["glyphs"]

    def of_all(pdf: pydyf.PDF, fonts: Mapping[Any, Any], *others: object) -> pydyf.Dictionary:
        by_name = {font.hash: font for font in fonts.values()}
        if by_name.keys() != union.keys():
            raise UnknownInsidesError("a face has another name when it is asked for again")
        for name, font in by_name.items():
            glyphs = sorted((int(glyph), value) for glyph, value in union[name]["glyphs"].items())
            font.widths = {glyph: width for glyph, (width, _) in glyphs}
            font.to_unicode = {glyph: text for glyph, (_, text) in glyphs}
        return _build_fonts_dictionary(pdf, {name: by_name[name] for name in sorted(by_name)}, *others)

    samples = "".join(_sample(_css(*union[name]["face"]), "x") for name in sorted(union))
    glyphs = {
        shown: [name, {text: [int(glyph), width] for glyph, (width, text) in face["glyphs"].items()}]
        for shown, (name, face) in written.items()
    }
    return {"pdf": _drawn(samples, of_all), "glyphs": _json(glyphs)}


def _written(face: Sequence[Any], characters: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The face that these characters are drawn in, and their glyphs, each drawn by itself."""
    family, weight, style = face
    faces: dict[str, Any] = {}

    def none(_pdf: pydyf.PDF, fonts: Mapping[Any, Any], *_: object) -> pydyf.Dictionary:
        faces.update(_faces(fonts))
        return pydyf.Dictionary()

    css = f"font-family: {family}; font-weight: {weight}; font-style: {style}"
    # Each in a line of its own, where it cannot melt into its neighbour; a blank alone would not be drawn.
    _drawn("".join(_sample(css, each if each.strip() else f"0{each}0") for each in characters), none)
    if len(faces) != 1:
        raise UnknownInsidesError("page numbers in more than one face")
    return next(iter(faces.items()))


def _css(family: str, weight: int, style: int) -> str:
    return f"font-family: {json.dumps(family)}; font-weight: {weight}; font-style: {('normal', 'oblique', 'italic')[style]}"


def _sample(css: str, text: str) -> str:
    return f"<p style='{escape(css)}'>{escape(text)}</p>"


def _drawn(html: str, write_fonts: Callable[..., pydyf.Dictionary]) -> bytes:
    assets = Assets({})
    with _writing_fonts(write_fonts):
        pdf: bytes = HTML(string=html, url_fetcher=assets).write_pdf(font_config=Fonts(assets))
    return pdf


@contextlib.contextmanager
def _writing_fonts(write_fonts: Callable[..., pydyf.Dictionary]) -> Iterator[None]:
    weasyprint.pdf.build_fonts_dictionary = write_fonts
    try:
        yield
    finally:
        weasyprint.pdf.build_fonts_dictionary = _build_fonts_dictionary


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
