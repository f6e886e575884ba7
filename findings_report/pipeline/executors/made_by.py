"""What decides how a document comes out but the document and its template: this program, what it renders with, and Python."""

from __future__ import annotations

import hashlib
import platform
import zlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

import findings_report

CODE: Final = "findings-report's own files"
"""The key of the digest that tells two programs of one version apart."""

_NOT_CODE: Final = ("templates", "__pycache__")  # templates are sent along


@cache
def made_by() -> dict[str, str]:
    """Version by name; the same on two machines that make the same bytes of the same job. What is missing is left out."""
    from findings_report.renderers.kept import LIBRARIES
    from findings_report.renderers.pdf import versions

    found = {"findings-report": findings_report.__version__, "Python": platform.python_version(), **versions()}
    found |= {name: metadata.version(name) for name in ("distributed", "pydantic", "pydantic-core", *LIBRARIES)}
    return found | {"zlib": zlib.ZLIB_RUNTIME_VERSION, CODE: _code()}


def difference(theirs: object) -> str | None:
    """How another machine's `made_by` differs, in words; None when it does not. `theirs` is as JSON had it."""
    ours = made_by()
    if not isinstance(theirs, dict):
        return "it does not say what it has"
    for name in dict.fromkeys([*ours, *theirs]):
        if ours.get(name) != theirs.get(name):
            if name == CODE:
                return f"{CODE} are not the same"
            return f"it has {name} {theirs.get(name, 'not at all')}, and this machine {ours.get(name, 'not at all')}"
    return None


def _code() -> str:
    root = Path(findings_report.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not set(_NOT_CODE) & set(name.parts):
            digest.update(f"{name.as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
