"""Documents and parts of them that were rendered before, kept under a key of all that decides how they come out.

That is what a part sees, the engagement, the files of the template, and what it is all made by: `toolchain_versions`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from findings_report.model.comparison import Document
from findings_report.model.evidence import Frozen
from findings_report.model.report import ReportedEngagement
from findings_report.renderers import Template, TemplateFiles
from findings_report.renderers.shipped import files_of
from findings_report.rendering.template_files import Files
from findings_report.system.cache import Entries
from findings_report.system.toolchain import toolchain_digest


class Kept:
    """The parts of one document in one format."""

    def __init__(self, entries: Entries, files: Files, engagement: ReportedEngagement, way: str) -> None:
        """`way` is what else decides: the format, and whether a finding stands alone."""
        self._entries = entries
        self._made_by = _made_by(files, way)
        self._made_by.update(engagement.model_dump_json().encode())

    def key(self, name: str, seen: Mapping[str, Frozen]) -> str:
        """What the part `name` is kept under when it sees these values."""
        key = self._made_by.copy()
        key.update(f"\n{name}".encode())
        for called, value in seen.items():
            key.update(f"\n{called} ".encode() + value.model_dump_json().encode())
        return key.hexdigest()

    def text(self, key: str) -> str | None:
        """A part; None when it is not known."""
        entry = self._entries.get(key)
        return None if entry is None else entry.decode()

    def keep(self, key: str, text: str) -> None:
        """Keeps a part for the next time."""
        self._entries.put(key, text.encode())


def document_key(document: Document, template: Template | TemplateFiles, format: str) -> str:  # noqa: A002
    """What a whole document is kept under. It names the system's libraries that lay it out."""
    key = _made_by(files_of(template), f"document {format}")
    key.update(document.model_dump_json().encode())
    return key.hexdigest()


def _made_by(files: Files, way: str) -> hashlib._Hash:
    found = hashlib.sha256(f"{toolchain_digest()} {way}\n".encode())
    for place, content in files.files():
        found.update(f"{place!r} {hashlib.sha256(content).hexdigest()}\n".encode())
    return found
