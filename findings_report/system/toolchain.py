"""The shared libraries that WeasyPrint loads: which are missing, and of which versions they are.

Asked without WeasyPrint, which cannot be imported when one is missing and takes a second when none is.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import platform
import zlib
from functools import cache
from importlib import metadata
from importlib.metadata import version
from pathlib import Path
from typing import Final

import findings_report

# SELF


def worker_versions() -> dict[str, str]:
    """Version by name of what decides a document, and of what carries it."""
    return toolchain_versions() | {"distributed": metadata.version("distributed")}


def describe_difference(theirs: object) -> str | None:
    """How another machine's `worker_versions` differs, in words; None when it does not. `theirs` is as JSON had it."""
    ours = worker_versions()
    if not isinstance(theirs, dict):
        return "it does not say what it has"
    for name in dict.fromkeys([*ours, *theirs]):
        if ours.get(name) != theirs.get(name):
            if name == CODE:
                return f"{CODE} are not the same"
            return f"it has {name} {theirs.get(name, 'not at all')}, and this machine {ours.get(name, 'not at all')}"
    return None


CODE: Final = "findings-report's own files"
"""The key of the digest that tells two programs of one version apart."""


PACKAGES: Final = (
    *("pydantic", "pydantic-core", "jinja2", "markupsafe", "pygments"),
    *("markdown-it-py", "mdformat", "mdformat-gfm", "mdit-py-plugins", "mdurl", "wcwidth"),
    *("weasyprint", "cssselect2", "pyphen", "tinycss2", "tinyhtml5", "webencodings"),
    *("pikepdf", "fonttools", "lxml", "pillow", "pydyf"),
)
"""The packages that decide it. What only calls others (cffi), and what only reads fonts (brotli), does not."""


_NOT_CODE: Final = ("templates", "__pycache__")
"""Templates are the document's own business; they are in the package where that is installed."""


@cache
def toolchain_versions() -> dict[str, str]:
    """Version by name; the same on two machines that make the same bytes of the same document. What is missing is left out."""
    # SELF

    found = {"findings-report": findings_report.__version__, "Python": platform.python_version(), **library_versions()}
    found |= {name: version(name) for name in PACKAGES}
    return found | {"zlib": zlib.ZLIB_RUNTIME_VERSION, CODE: _code()}


@cache
def toolchain_digest() -> str:
    """A digest of all of it, for the keys of what is kept."""
    return hashlib.sha256(json.dumps(sorted(toolchain_versions().items())).encode()).hexdigest()


def _code() -> str:
    root = Path(findings_report.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not set(_NOT_CODE) & set(name.parts):
            digest.update(f"{name.as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


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


def required_libraries_missing() -> tuple[str, ...]:
    """Those of the missing libraries without which there is no PDF; without HarfBuzz's subsetter it is only larger."""
    return tuple(name for name in missing_libraries() if name != "libharfbuzz-subset.so.0")


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
