"""The program's fonts within a page of HTML: the PDF and the page have the same faces, and the page asks for nothing.

Only faces that the page uses are embedded, with its characters and those that nearly all pages have.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

from findings_report.system.cache import FileCache
from findings_report.system.toolchain import toolchain_digest

POLICY_MARK: Final = b"'sha256-FONTS'"
"""What a template writes for the digest of the fonts' style sheet, in the content security policy."""

STYLE_MARK: Final = b"<style>/*FONTS*/</style>"
"""What a template writes for the style sheet of the fonts. Authored text cannot hold it: its `<` is escaped."""

_FOLDER: Final = Path(__file__).parents[1] / "fonts"
# Figures of one width for columns of numbers; what accents need. Not the alternates, which are most of Inter.
_FEATURES: Final = ("kern", "ccmp", "mark", "mkmk", "tnum")

ALWAYS: Final = (
    "".join(map(chr, range(0x20, 0x7F)))
    + "\u00b7\u00d7\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2191\u2192\u2212\u25b2\u25bc\u2630\u2713"
)
"""Characters that are always embedded. Most pages have nearly all of them: then they share their fonts, which take longer
to make than all the rest of a short page."""


class _Face(NamedTuple):
    family: str
    file: str
    weight: str
    style: str
    is_used: Callable[[bytes], bool]


def _always(_: bytes) -> bool:
    return True


def _has_bold_italic(page: bytes) -> bool:
    return b"<strong><em>" in page or b"<em><strong>" in page


_FACES: Final = (
    _Face("Inter", "Inter-Regular.otf", "400", "normal", _always),
    _Face("Inter", "Inter-SemiBold.otf", "600", "normal", _always),
    _Face("Inter", "Inter-Italic.otf", "400", "italic", lambda page: b"<em>" in page),
    _Face("Inter", "Inter-SemiBoldItalic.otf", "600", "italic", _has_bold_italic),
    _Face("JetBrains Mono", "JetBrainsMono-Regular.ttf", "400", "normal", lambda page: b"<code" in page),
    _Face("JetBrains Mono", "JetBrainsMono-Bold.ttf", "700", "normal", lambda page: b"<code" in page),
    _Face("JetBrains Mono", "JetBrainsMono-Italic.ttf", "400", "italic", lambda page: b'<span class="c">' in page),
)

_FAMILIES: Final = (
    ':root{--sans:Inter,system-ui,"Segoe UI","Noto Sans",sans-serif;'
    '--mono:"JetBrains Mono",ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}'
)


def embed_fonts(page: bytes, entries: FileCache | None = None) -> bytes:
    """Return a page with the fonts that it uses in place of the two marks; unchanged without the marks.

    `entries` caches the style sheet. The same page gives the same bytes, for the same version of fontTools and Brotli.
    """
    if POLICY_MARK not in page or STYLE_MARK not in page:
        return page
    characters = "".join(sorted({*ALWAYS, *page.decode()}))
    style = _cached_style(characters, tuple(face for face in _FACES if face.is_used(page)), entries)
    digest = base64.b64encode(hashlib.sha256(style).digest())
    return page.replace(POLICY_MARK, b"'sha256-" + digest + b"'", 1).replace(STYLE_MARK, b"<style>" + style + b"</style>", 1)


def _cached_style(characters: str, faces: tuple[_Face, ...], entries: FileCache | None) -> bytes:
    if entries is None:
        return _write_style(characters, faces)
    names = " ".join(face.file for face in faces)
    key = hashlib.sha256(f"{toolchain_digest()} web fonts {names}\n{characters}".encode()).hexdigest()
    if (known := entries.get(key)) is not None:
        return known
    style = _write_style(characters, faces)
    entries.put(key, style)
    return style


def _write_style(characters: str, faces: tuple[_Face, ...]) -> bytes:
    rules = [
        f'@font-face{{font-family:"{face.family}";font-weight:{face.weight};font-style:{face.style};'
        f"src:url(data:font/woff2;base64,{base64.b64encode(_subset(face.file, characters)).decode()})}}"
        for face in faces
    ]
    return "".join((*rules, _FAMILIES)).encode()


# Pages of one process, such as those of several audiences or a preview, mostly have the same characters.
@lru_cache(maxsize=32)
def _subset(file: str, characters: str) -> bytes:
    """Return one font with these characters only, as WOFF 2."""
    from fontTools import subset  # slow to import, and no other format needs it

    options = subset.Options(
        flavor="woff2",
        layout_features=list(_FEATURES),
        hinting=False,
        desubroutinize=True,
        name_IDs=[],
        notdef_outline=True,
        recalc_timestamp=False,
    )
    font = subset.load_font(BytesIO((_FOLDER / file).read_bytes()), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    buffer = BytesIO()
    subset.save_font(font, buffer, options)
    return buffer.getvalue()
