"""The worker that opens font files: which characters no font of the set has, which files are no fonts, and subsets of fonts for
pages of HTML. Confined side.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTCollection, TTFont

SYSTEM_FOLDERS: Final = (
    "/etc/fonts",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/fontconfig",
    "/var/cache/fontconfig",
)
"""Where the fonts of a machine are, and their configuration."""

_SYSTEM: Final = 0  # FcSetSystem
_MATCH: Final = 0  # FcResultMatch


def readable_folders() -> tuple[str, ...]:
    """Return the folders that a confined child may read for fonts that are not the program's own."""
    uses_system = os.environ["FONTCONFIG_FILE"] == "fonts-system.conf" or "SYSTEM_FONTS" in os.environ
    own = (os.environ["OWN_FONTS"],) if "OWN_FONTS" in os.environ else ()
    return (*own, *(SYSTEM_FOLDERS if uses_system else ()))


FEATURES: Final = ("kern", "ccmp", "mark", "mkmk", "tnum")
"""Figures of one width for columns of numbers; what accents need. Not the alternates, which are most of Inter."""

_RESTRICTED: Final = 0x0002
"""Restricted licence embedding. Source: OpenType 1.9, OS/2, fsType; the lowest bits exclude each other."""
_NEITHER: Final = 0x0100 | 0x0200
"""No subsetting; bitmaps only."""


def prepare() -> Iterable[str]:
    """Return the folders that the worker may read. The writer of fonts is loaded before: no file can be opened later."""
    import fontTools.subset
    import fontTools.ttLib.woff2  # noqa: F401

    return readable_folders()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """Answer `{"characters": text}` with `missing`, and `{"files": names}` with `broken`, those that are no fonts.

    `{"subset": text, "script": name}` with the blob `font` is answered with `family`, `weight` and `style`, and the blob
    `face`, the characters of the text in WOFF 2; with `fault` where its licence forbids that, or the font is broken; with
    nothing if it has none of the characters.
    """
    if "subset" in request:
        return _subset(blobs["font"], str(request["subset"]), str(request["script"]))
    if "characters" in request:
        return {"missing": "".join(_find_missing(str(request["characters"])))}, {}
    files = request["files"]
    assert isinstance(files, list)  # noqa: S101  # the parent is this package's own
    return {"broken": [file for file in files if not _is_font(Path(os.environ["OWN_FONTS"], file))]}, {}


def _find_missing(characters: str) -> list[str]:
    library = ctypes.CDLL("libfontconfig.so.1")
    library.FcInitLoadConfigAndFonts.restype = ctypes.c_void_p
    library.FcConfigGetFonts.restype = ctypes.POINTER(_FontSet)
    configuration = ctypes.c_void_p(library.FcInitLoadConfigAndFonts())
    fonts = library.FcConfigGetFonts(configuration, _SYSTEM).contents
    absent = list(dict.fromkeys(characters))
    for index in range(fonts.count):
        coverage = ctypes.c_void_p()
        pattern = ctypes.c_void_p(fonts.patterns[index])
        if library.FcPatternGetCharSet(pattern, b"charset", 0, ctypes.byref(coverage)) == _MATCH:
            absent = [character for character in absent if not library.FcCharSetHasChar(coverage, ord(character))]
        if not absent:
            break
    return absent


class _FontSet(ctypes.Structure):
    """`FcFontSet` in fontconfig.h."""

    _fields_ = (("count", ctypes.c_int), ("size", ctypes.c_int), ("patterns", ctypes.POINTER(ctypes.c_void_p)))


def _is_font(path: Path) -> bool:
    try:
        content = path.open("rb")
        with content:
            is_collection = content.read(4) == b"ttcf"
        faces = TTCollection(path, lazy=True).fonts if is_collection else [TTFont(path, lazy=True)]
        return all(face.getBestCmap() and face.getGlyphOrder() for face in faces)
    except Exception:  # fontTools raises whatever a broken table makes it raise
        return False


def write_subset(content: bytes, characters: str, number: int = -1) -> bytes:
    """Return a font, of a collection the one with that number, with these characters only, as WOFF 2."""
    from fontTools import subset  # slow to import, and no other format needs it

    options = subset.Options(
        flavor="woff2",
        layout_features=list(FEATURES),
        hinting=False,
        desubroutinize=True,
        name_IDs=[],
        notdef_outline=True,
        recalc_timestamp=False,
    )
    options.font_number = number
    font = subset.load_font(BytesIO(content), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    buffer = BytesIO()
    subset.save_font(font, buffer, options)
    return buffer.getvalue()


def _subset(content: bytes, characters: str, script: str) -> tuple[dict[str, object], dict[str, bytes]]:
    number = _choose_face(content, script)
    font = TTFont(BytesIO(content), fontNumber=number, lazy=True)
    if not set(map(ord, characters)) & set(font.getBestCmap() or ()):
        return {}, {}
    style = font.get("OS/2")
    licence = style.fsType if style is not None else 0
    if licence & 0x000F == _RESTRICTED or licence & _NEITHER:
        return {"fault": "its licence does not allow to embed a part of it in a page"}, {}
    names = font["name"]
    described = {
        "family": str(names.getDebugName(16) or names.getDebugName(1) or ""),
        "weight": int(style.usWeightClass) if style is not None else 400,
        "style": "italic" if font["head"].macStyle & 2 else "normal",
    }
    try:
        return described, {"face": write_subset(content, characters, number)}
    except Exception as error:  # fontTools raises whatever a broken table makes it raise
        return {"fault": f"no part of it can be taken ({type(error).__name__})"}, {}


def _choose_face(content: bytes, script: str) -> int:
    """Return the number of the font in a collection whose family ends with the name of the script; -1 for a single font."""
    if content[:4] != b"ttcf":
        return -1
    faces = TTCollection(BytesIO(content), lazy=True).fonts
    families = [str(face["name"].getDebugName(1) or "").split() for face in faces]
    return next((index for index, words in enumerate(families) if script and script in words), 0)
