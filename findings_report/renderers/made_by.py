"""What decides how a document comes out but the document and its template: this program, what it renders with, and Python."""

from __future__ import annotations

import hashlib
import json
import platform
import zlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import findings_report

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
    from findings_report.system.toolchain import library_versions

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
