"""Compiles the message catalogues when the wheel is built, and puts the documentation into it. A hook of hatchling.

Of the catalogues the wheel has the compiled files only, of the documentation the pages without their pictures.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface[Any]):
    """Writes `LANGUAGE.mo` beside each `LANGUAGE.po`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every catalogue and make it part of the wheel, though git ignores it."""
        for source in sorted(Path(self.root, "findings_report/languages").glob("*.po")):
            with source.open("rb") as text, source.with_suffix(".mo").open("wb") as compiled:
                catalogue = read_po(text)
                # The files have no date, and babel's default is now: each build of a version would have other bytes.
                catalogue.creation_date = datetime(1980, 1, 1, tzinfo=UTC)
                write_mo(compiled, catalogue)
            build_data["artifacts"].append(f"findings_report/languages/{source.stem}.mo")
        if version != "editable":
            for page in sorted(Path(self.root, "docs").glob("*.md")):
                build_data["force_include"][str(page)] = f"findings_report/docs/{page.name}"
