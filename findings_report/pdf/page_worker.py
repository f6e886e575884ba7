"""The worker that lays out a whole page: HTML and pictures in, the bytes of a PDF out. Confined side.

This module, `segment_worker`, `tagging` and `weasyprint_patches` are the only ones that import WeasyPrint.
"""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import PIL.Image
import pydyf
from fontTools.ttLib import TTFont
from weasyprint.text.ffi import ffi, fontconfig
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from findings_report.pdf.archival import to_archival
from findings_report.pdf.fitting import lay_out
from findings_report.pdf.font_worker import readable_folders
from findings_report.pdf.page import PICTURE_SCHEME, requested_embedded_file
from findings_report.pdf.tagging import write_tagged
from findings_report.pdf.weasyprint_patches import build_fonts_dictionary, patch_fonts

_MOST_MESSAGES: Final = 100
_LONGEST_MESSAGE: Final = 300
_ELLIPSIS: Final = "\u2026"
_ARABIC_FORMS: Final = re.compile("[\ufb50-\ufdff\ufe70-\ufeff]")


class Assets(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Fetches the pictures of the page, and refuses and records every other address."""

    def __init__(self, pictures: Mapping[str, tuple[str, bytes]]) -> None:
        """`pictures` by name: media type and content."""
        # A second line of defence: the base class allows no protocol either.
        super().__init__(timeout=1, allowed_protocols=(), allow_redirects=False)
        # WeasyPrint percent-encodes an address before it fetches it.
        self.pictures = {PICTURE_SCHEME + quote(name): picture for name, picture in pictures.items()}
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:  # noqa: ARG002  # the signature is WeasyPrint's
        """Return the picture of that address. Raises ValueError for any other address."""
        if url not in self.pictures:
            self.refused.append(url[:_LONGEST_MESSAGE])
            raise ValueError("not given with the page")
        media_type, content = self.pictures[url]
        return URLFetcherResponse(url, content, {"Content-Type": media_type})


class Fonts(FontConfiguration):  # type: ignore[misc]  # WeasyPrint has no types
    """The fonts of the configuration that the parent chose. A page cannot bring its own: they would be files."""

    def __init__(self, assets: Assets) -> None:
        """Refused fonts are recorded in `assets`."""
        super().__init__()
        self.assets = assets

    def add_font_face(self, rule_descriptors: Mapping[str, object], url_fetcher: object) -> None:  # noqa: ARG002  # likewise
        """Refuse and record an @font-face rule."""
        self.assets.refused.append(f"@font-face {rule_descriptors.get('font_family', '')}"[:_LONGEST_MESSAGE])


class Messages(logging.Handler):
    """The messages that WeasyPrint logs, each once, up to a limit."""

    def __init__(self) -> None:
        """Start without messages."""
        super().__init__(logging.WARNING)
        self.seen: dict[tuple[str, str], None] = {}
        self.left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Record a message with its level."""
        message = (record.levelname, record.getMessage()[:_LONGEST_MESSAGE])
        if message in self.seen or len(self.seen) < _MOST_MESSAGES:
            self.seen[message] = None
        else:
            self.left_out += 1


def prepare() -> Iterable[str]:
    """Load the codecs of pictures, and check that the fonts are the bundled ones: Fontconfig silently falls back to others."""
    PIL.Image.preinit()
    gc.collect()
    # Loaded modules are no garbage: scanning them after each page was a fifth of the CPU time of short pages.
    gc.freeze()
    if os.environ["FONTCONFIG_FILE"] != "fonts.conf":
        return readable_folders()
    configuration = ffi.gc(fontconfig.FcInitLoadConfigAndFonts(), fontconfig.FcConfigDestroy)
    count = int(fontconfig.FcConfigGetFonts(configuration, fontconfig.FcSetSystem).nfont)
    if count != int(os.environ["BUNDLED_FONTS"]):
        raise RuntimeError(f"Fontconfig found {count} fonts instead of the {os.environ['BUNDLED_FONTS']} that are bundled")
    return ()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """Lay out one page; request and response as in `draw_page`, with the blob `pdf`.

    The PDF is archival and contains the `requested_embedded_file`. With `is_stamp` it has its page and its fonts only,
    because it is put on a page of another PDF.
    """
    if request.get("is_stamp"):
        return draw_page(request, blobs, _draw_stamp)
    response, drawn = draw_page(request, blobs, _draw)
    return response, {name: to_archival(pdf, requested_embedded_file(request, blobs)) for name, pdf in drawn.items()}


def draw_page(
    request: Mapping[str, object], blobs: Mapping[str, bytes], draw: Callable[[str, Assets], dict[str, bytes]]
) -> tuple[dict[str, object], dict[str, bytes]]:
    """Return an account of what happened while `draw` drew a page, and the blobs it returned unless an address was rejected.

    Request: `media_types` {name: media type}. Blobs: `page`, the HTML in UTF-8, and `picture:NAME`. Response:
    `refused`, the addresses that the page asked for without having them; `messages`, pairs of level and text;
    `left_out`, the number of further messages; `outside`, what `draw` returned as JSON under this name: text outside of pages.
    """
    media_types = request["media_types"]
    assert isinstance(media_types, dict)  # noqa: S101  # the parent is this package's own
    assets = Assets({name: (kind, blobs[f"picture:{name}"]) for name, kind in media_types.items()})
    messages = Messages()
    logger = logging.getLogger("weasyprint")
    # Not to standard error: the parent reads its end as the reason of a crash.
    logger.handlers, logger.propagate = [messages], False
    # Layout leaves hardly any garbage, but more and more live boxes to scan: 13 % less CPU time without collection.
    gc.disable()
    try:
        drawn = draw(blobs["page"].decode(), assets)
    except Exception:
        # WeasyPrint fails on some rejected resources; then the rejection is the cause to report.
        if not assets.refused:
            raise
        drawn = {}
    finally:
        gc.enable()
        gc.collect()
    outside = json.loads(drawn.pop("outside", b"[]"))
    refused = list(dict.fromkeys(assets.refused))
    response = {"refused": refused, "messages": list(messages.seen), "left_out": messages.left_out, "outside": outside}
    return response, {} if refused else drawn


def restore_text(fonts: Mapping[str, Any]) -> None:
    """Give back their own text to glyphs that were drawn with a mark when they were first used.

    WeasyPrint takes the text of a glyph from its first use: of a letter with a mark that is drawn as two glyphs the first gets
    no text and the second gets both, so that the letter is missing from what is searched and copied, all over the document.
    """
    for font in fonts.values():
        unclear = {glyph: text for glyph, text in font.to_unicode.items() if len(text) != 1}
        if not unclear:
            continue
        face = TTFont(io.BytesIO(font.file_content), fontNumber=font.index, lazy=True)
        texts = {name: chr(point) for point, name in sorted(face.getBestCmap().items(), reverse=True)}
        for glyph, text in unclear.items():
            # Another shape of a glyph, such as that of a mark above a capital, has its name with a suffix.
            form = texts.get(face.getGlyphName(glyph).partition(".")[0], "")
            # A ligature keeps the text that it was drawn for; an ellipsis has that of what was cut off first.
            if form and (not text or form == _ELLIPSIS or unicodedata.category(form).startswith("M")):
                font.to_unicode[glyph] = unicodedata.normalize("NFKC", form) if _ARABIC_FORMS.match(form) else form


def write_fonts(pdf: pydyf.PDF, fonts: Mapping[str, Any], *others: object) -> pydyf.Dictionary:
    """Write fonts as WeasyPrint does, with the text of each glyph."""
    restore_text(fonts)
    return build_fonts_dictionary(pdf, fonts, *others)


def _draw(page: str, assets: Assets) -> dict[str, bytes]:
    document, outside = lay_out(page, assets, Fonts(assets))
    with patch_fonts(write_fonts):
        return {"pdf": write_tagged(document), "outside": json.dumps(outside).encode()}


def _draw_stamp(page: str, assets: Assets) -> dict[str, bytes]:
    document, _ = lay_out(page, assets, Fonts(assets))
    return {"pdf": document.write_pdf()}
