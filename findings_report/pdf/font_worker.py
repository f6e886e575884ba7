"""The worker that opens font files: which characters no font of the set has, and which files are no fonts. Confined side."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
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


def prepare() -> Iterable[str]:
    """Return the folders that the worker may read."""
    return readable_folders()


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:  # noqa: ARG001
    """Answer `{"characters": text}` with `missing`, and `{"files": names}` with `broken`, those that are no fonts."""
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
