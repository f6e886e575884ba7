"""The confined side: the only part of the program that imports WeasyPrint. HTML and pictures in, the bytes of a PDF out."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import quote

import PIL.Image
from weasyprint import HTML
from weasyprint.text.ffi import ffi, fontconfig
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from findings_report.pdf.archival import archival
from findings_report.pdf.assembly import carried_by
from findings_report.pdf.tagging import tagged

SCHEME: Final = "fr-asset:"
"""How a page names a picture that came with it."""

_SYSTEM_FONTS: Final = (
    "/etc/fonts",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/fontconfig",
    "/var/cache/fontconfig",
)
_MOST_MESSAGES: Final = 100
_LONGEST_MESSAGE: Final = 300


class Assets(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Fetches what was given with the page and refuses everything else, remembering what that was."""

    def __init__(self, pictures: Mapping[str, tuple[str, bytes]]) -> None:
        """Pictures by name, each its media type and content."""
        super().__init__(timeout=1, allowed_protocols=(), allow_redirects=False)
        # WeasyPrint percent-encodes an address before it asks for it.
        self.pictures = {SCHEME + quote(name): picture for name, picture in pictures.items()}
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:  # noqa: ARG002  # the signature is WeasyPrint's
        """The picture of that address; ValueError for any other address."""
        if url not in self.pictures:
            self.refused.append(url[:_LONGEST_MESSAGE])
            raise ValueError("not given with the page")
        media_type, content = self.pictures[url]
        return URLFetcherResponse(url, content, {"Content-Type": media_type})


class Fonts(FontConfiguration):  # type: ignore[misc]  # WeasyPrint has no types
    """The fonts of the configuration that the parent chose; a page brings none of its own, as that needs a file to write."""

    def __init__(self, assets: Assets) -> None:
        """`assets` is told of refused fonts."""
        super().__init__()
        self.assets = assets

    def add_font_face(self, rule_descriptors: Mapping[str, object], url_fetcher: object) -> None:  # noqa: ARG002  # likewise
        """Refuse an @font-face rule."""
        self.assets.refused.append(f"@font-face {rule_descriptors.get('font_family', '')}"[:_LONGEST_MESSAGE])


class Messages(logging.Handler):
    """What WeasyPrint says of a page, each once, up to a bound."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__(logging.WARNING)
        self.seen: dict[tuple[str, str], None] = {}
        self.left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message with its level."""
        message = (record.levelname, record.getMessage()[:_LONGEST_MESSAGE])
        if message in self.seen or len(self.seen) < _MOST_MESSAGES:
            self.seen[message] = None
        else:
            self.left_out += 1


def prepare() -> Iterable[str]:
    """Load the codecs of pictures, and make sure that the fonts are the bundled ones: Fontconfig falls back in silence."""
    PIL.Image.preinit()
    gc.collect()
    gc.freeze()  # what was loaded is no garbage: looking through it after each page was a fifth of the CPU time of short ones
    if os.environ["FONTCONFIG_FILE"] != "fonts.conf":
        return _SYSTEM_FONTS
    configuration = ffi.gc(fontconfig.FcInitLoadConfigAndFonts(), fontconfig.FcConfigDestroy)
    count = int(fontconfig.FcConfigGetFonts(configuration, fontconfig.FcSetSystem).nfont)
    if count != int(os.environ["BUNDLED_FONTS"]):
        raise RuntimeError(f"Fontconfig found {count} fonts instead of the {os.environ['BUNDLED_FONTS']} that are bundled")
    return ()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """One page to one PDF, as `listened` tells it; the blob of the answer is `pdf`, with what the request says it carries.

    With `is_stamp` the PDF has nothing but its page and its fonts, as it is put onto a page of another one.
    """
    if request.get("is_stamp"):
        return listened(request, blobs, _draw_stamp)
    response, made = listened(request, blobs, _draw)
    return response, {name: archival(pdf, carried_by(request, blobs)) for name, pdf in made.items()}


def listened(
    request: Mapping[str, object], blobs: Mapping[str, bytes], draw: Callable[[str, Assets], dict[str, bytes]]
) -> tuple[dict[str, object], dict[str, bytes]]:
    """What `draw` makes of a page, and what was said of it meanwhile.

    Request: `media_types` {name: media type}. Blobs: `page`, the HTML in UTF-8, and `picture:NAME`. Response: `refused`,
    addresses that the page asked for; `messages`, pairs of level and text; `left_out`, how many more there were; and the blobs
    that were made, when nothing was refused.
    """
    media_types = request["media_types"]
    assert isinstance(media_types, dict)  # noqa: S101  # the parent is this package's own
    assets = Assets({name: (kind, blobs[f"picture:{name}"]) for name, kind in media_types.items()})
    messages = Messages()
    logger = logging.getLogger("weasyprint")
    logger.handlers, logger.propagate = [messages], False
    # Layout leaves no garbage worth looking for, only more and more live boxes to look through: -13 % CPU measured.
    gc.disable()
    try:
        made = draw(blobs["page"].decode(), assets)
    except Exception:
        # WeasyPrint trips over some of the resources that it is refused; the refusal is the cause.
        if not assets.refused:
            raise
        made = {}
    finally:
        gc.enable()
        gc.collect()
    response = {"refused": list(dict.fromkeys(assets.refused)), "messages": list(messages.seen), "left_out": messages.left_out}
    return response, {} if assets.refused else made


def _draw(page: str, assets: Assets) -> dict[str, bytes]:
    return {"pdf": tagged(HTML(string=page, base_url=None, url_fetcher=assets).render(font_config=Fonts(assets)))}


def _draw_stamp(page: str, assets: Assets) -> dict[str, bytes]:
    return {"pdf": HTML(string=page, base_url=None, url_fetcher=assets).write_pdf(font_config=Fonts(assets))}
