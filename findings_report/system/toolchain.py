"""The shared libraries that WeasyPrint loads: which are missing, and of which versions they are.

Asked without WeasyPrint, which cannot be imported when one is missing and takes a second when none is.
"""

from __future__ import annotations

import ctypes
from importlib import metadata
from typing import Final

LIBRARIES: Final = {
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
    "libfontconfig.so.1": "libfontconfig1",
}
"""File name of each library, and the Debian package that has it."""

INSTALL: Final = "apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
"""The one command that brings all of them, to be run as root; for Debian and Ubuntu."""


def missing_libraries() -> tuple[str, ...]:
    """File names of the libraries that cannot be loaded, in the order of LIBRARIES."""
    return tuple(name for name in LIBRARIES if _load(name) is None)


def library_versions() -> dict[str, str]:
    """Version of everything that decides the bytes of a PDF, by name; what is missing is left out."""
    found = {
        "WeasyPrint": _package("weasyprint"),
        "pikepdf": _package("pikepdf"),
        "Pango": _text("libpango-1.0.so.0", "pango_version_string"),
        "HarfBuzz": _text("libharfbuzz.so.0", "hb_version_string"),
        "Fontconfig": _fontconfig(),
    }
    return {name: version for name, version in found.items() if version is not None}


def _load(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _text(library_name: str, function_name: str) -> str | None:
    library = _load(library_name)
    if library is None:
        return None
    function = library[function_name]
    function.restype = ctypes.c_char_p
    answer: bytes = function()
    return answer.decode()


def _fontconfig() -> str | None:
    """FcGetVersion counts 2.14.1 as 21401."""
    library = _load("libfontconfig.so.1")
    if library is None:
        return None
    number: int = library.FcGetVersion()
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
