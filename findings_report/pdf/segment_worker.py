"""The worker that lays out a segment as pages without fonts and page numbers, and writes the fonts of all. Confined side.

It relies on internals of WeasyPrint, each asserted by a test: `weasyprint.pdf.build_fonts_dictionary` alone writes
fonts; glyphs keep their ids in a subset; a font's name in a page is a digest of its description, so that pages drawn in
different processes agree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import pydyf
from weasyprint import HTML
from weasyprint.document import Page
from weasyprint.formatting_structure.boxes import MarginBox, TextBox

from findings_report.pdf.fitting import lay_out
from findings_report.pdf.page_worker import Assets, Fonts, draw_page, prepare, restore_text
from findings_report.pdf.tagging import write_tagged
from findings_report.pdf.weasyprint_patches import build_fonts_dictionary, patch_fonts

__all__ = ["prepare", "serve"]

_POINTS: Final = 0.75
"""PDF points in a CSS pixel."""


class UnsupportedError(Exception):
    """WeasyPrint has other internals than this module knows, or the page has what segments cannot have."""


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """Lay out one segment, or write the fonts of all.

    - `{"do": "segment", ...}`, otherwise as for `page_worker.draw_page`. The response has besides: `pages`, their
      number, and the blobs `pdf`, the pages without fonts; `anchors`, JSON of the page of each id; `account`, JSON of
      `bookmarks` and `stamps`, which are page numbers that are drawn later; `faces`, JSON of `_faces`.
    - `{"do": "fonts"}` with the blobs `account:N` and `faces:N` of each segment. The blobs of the response are `pdf`,
      whose single page has every font, and `glyphs`, JSON of the glyphs of page numbers.

    If that is impossible, the response has `unable`, the reason, and the page is laid out whole.
    """
    try:
        if request["do"] == "fonts":
            return {}, _write_fonts({name: json.loads(blob) for name, blob in blobs.items()})
        response, drawn = draw_page(request, blobs, _draw_segment)
        return response | ({"pages": int(drawn.pop("pages"))} if drawn else {}), drawn
    except (UnsupportedError, AttributeError, KeyError, TypeError) as error:
        return {"unable": f"{type(error).__name__}: {error}"[:300]}, {}


def _draw_segment(html: str, assets: Assets) -> dict[str, bytes]:
    faces: dict[str, Any] = {}

    def without_fonts(_pdf: pydyf.PDF, fonts: Mapping[str, Any], *_: object) -> pydyf.Dictionary:
        faces.update(_faces(fonts))
        return pydyf.Dictionary()

    document, outside = lay_out(html, assets, Fonts(assets))
    stamps = [list(_take_stamps(page)) for page in document.pages]
    with patch_fonts(without_fonts):
        pdf = write_tagged(document, f"{hashlib.sha256(html.encode()).hexdigest()[:12]}-")
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
    return {
        "pdf": pdf,
        "pages": pages,
        "anchors": _json(anchors),
        "account": _json(account),
        "faces": _json(faces),
        "outside": _json(outside),
    }


def _faces(fonts: Mapping[str, Any]) -> dict[str, Any]:
    """Return, by font name in the pages, the face as a style sheet names it, and width and text of each drawn glyph."""
    restore_text(fonts)
    faces: dict[str, Any] = {}
    for font in fonts.values():
        # Only plain outline fonts are written as one subset with the glyph ids that the segments drew.
        if font.missing or font.bitmap or font.variations:
            raise UnsupportedError(f"{font.family} has missing glyphs, or is not a plain outline font")
        face = faces.setdefault(font.hash, {"face": [font.family, int(font.weight), int(font.style)], "glyphs": {}})
        for glyph, text in font.to_unicode.items():
            face["glyphs"].setdefault(str(glyph), [font.widths[glyph], text])
    return faces


def _take_stamps(page: Page) -> Iterator[dict[str, Any]]:
    """Remove the page numbers from a page, and yield of each its text, place and style.

    A segment does not know on which page of the document it begins; `join_worker` draws them.
    """
    box = page._page_box
    numbered = [child for child in box.children if isinstance(child, MarginBox) and _has_counter(child.style["content"])]
    box.children = tuple(child for child in box.children if child not in numbered)
    for margin_box in numbered:
        texts = [child for child in margin_box.descendants() if isinstance(child, TextBox)]
        if len(texts) != 1 or margin_box.style["letter_spacing"] not in ("normal", 0):
            raise UnsupportedError(f"the page numbers of {margin_box.at_keyword} are more than one line of plain text")
        yield _stamp(page, margin_box, texts[0])


def _has_counter(content: object) -> bool:
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
            raise UnsupportedError(f"the page numbers of {margin_box.at_keyword} are made of more than text")
    # Transparency needs a graphics state of its own, which join_worker does not write.
    *rgb, alpha = style["color"].to("srgb")[:]
    if alpha != 1:
        raise UnsupportedError("the page numbers are transparent")
    return {
        "pieces": pieces,
        "face": [", ".join(json.dumps(family) for family in style["font_family"]), style["font_weight"], style["font_style"]],
        "size": style["font_size"] * _POINTS,
        "x": (left + share * margin_box.width) * _POINTS,
        "y": (page.height - text.position_y - text.baseline) * _POINTS,
        "share": share,
        "colour": rgb,
    }


def _write_fonts(accounts_and_faces: Mapping[str, Any]) -> dict[str, bytes]:
    """Write one subset for each face, of all glyphs that any segment draws and those of page numbers."""
    faces_of_segments = [faces for name, faces in accounts_and_faces.items() if name.startswith("faces:")]
    accounts = [account for name, account in accounts_and_faces.items() if name.startswith("account:")]
    characters: dict[str, set[str]] = {}
    for stamp in (stamp for account in accounts for stamps in account["stamps"] for stamp in stamps):
        characters.setdefault(json.dumps(stamp["face"]), set("0123456789")).update(*(text for _, text in stamp["pieces"]))
    stamp_glyphs = {face: _draw_characters(json.loads(face), sorted(drawn)) for face, drawn in sorted(characters.items())}
    union: dict[str, dict[str, Any]] = {}
    for name, face in [*(item for faces in faces_of_segments for item in faces.items()), *stamp_glyphs.values()]:
        known = union.setdefault(name, {"face": face["face"], "glyphs": {}})
        known["glyphs"] = face["glyphs"] | known["glyphs"]

    def write_union(pdf: pydyf.PDF, fonts: Mapping[Any, Any], *others: object) -> pydyf.Dictionary:
        by_name = {font.hash: font for font in fonts.values()}
        # The name of a font is a digest of its description: another one means that another font was chosen.
        if by_name.keys() != union.keys():
            raise UnsupportedError("a face has another name when it is asked for again")
        for name, font in by_name.items():
            glyphs = sorted((int(glyph), value) for glyph, value in union[name]["glyphs"].items())
            font.widths = {glyph: width for glyph, (width, _) in glyphs}
            font.to_unicode = {glyph: text for glyph, (_, text) in glyphs}
        return build_fonts_dictionary(pdf, {name: by_name[name] for name in sorted(by_name)}, *others)

    samples = "".join(_sample(_css(*union[name]["face"]), "x") for name in sorted(union))
    glyphs = {
        stamp_face: [name, {text: [int(glyph), width] for glyph, (width, text) in face["glyphs"].items()}]
        for stamp_face, (name, face) in stamp_glyphs.items()
    }
    return {"pdf": _draw_samples(samples, write_union), "glyphs": _json(glyphs)}


def _draw_characters(face: Sequence[Any], characters: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Draw each character alone, and return the name of the face and its entry as in `_faces`."""
    family, weight, style = face
    faces: dict[str, Any] = {}

    def without_fonts(_pdf: pydyf.PDF, fonts: Mapping[Any, Any], *_: object) -> pydyf.Dictionary:
        faces.update(_faces(fonts))
        return pydyf.Dictionary()

    css = f"font-family: {family}; font-weight: {weight}; font-style: {style}"
    # Each in a line of its own, where it forms no ligature; a blank alone would not be drawn.
    samples = "".join(_sample(css, character if character.strip() else f"0{character}0") for character in characters)
    _draw_samples(samples, without_fonts)
    if len(faces) != 1:
        raise UnsupportedError("the page numbers use more than one font")
    return next(iter(faces.items()))


def _css(family: str, weight: int, style: int) -> str:
    return f"font-family: {json.dumps(family)}; font-weight: {weight}; font-style: {('normal', 'oblique', 'italic')[style]}"


def _sample(css: str, text: str) -> str:
    return f"<p style='{escape(css)}'>{escape(text)}</p>"


def _draw_samples(html: str, write_fonts: Callable[..., pydyf.Dictionary]) -> bytes:
    assets = Assets({})
    with patch_fonts(write_fonts):
        pdf: bytes = HTML(string=html, url_fetcher=assets).write_pdf(font_config=Fonts(assets))
    return pdf


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
