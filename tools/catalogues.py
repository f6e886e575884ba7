"""The message catalogues of reports: `python tools/catalogues.py` brings `findings_report/languages/*.po` up to date.

Messages are found in the templates and in Python (`_`, `gettext`, `pgettext`, `ngettext`), and in the tables of words below.
Texts that are no longer used are removed, new ones are added without a translation. With --check it says what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from findings_report.comparison.changed_fields import COMPUTED, LABELS
from findings_report.comparison.claims import SENTENCES
from findings_report.model.comparison import PLACE_WORDS, Assessment, Change, StatusChange
from findings_report.model.engagement import Engagement, State
from findings_report.model.evidence import REASONS, VERDICT_MEANING, Verdict
from findings_report.model.field_types import Level
from findings_report.model.finding import Confidence, Status
from findings_report.model.passages import heading_of, passage_fields
from findings_report.model.report import ReportedFinding
from findings_report.model.translation import CATALOGUES, MONTHS, placeholders
from findings_report.prose.policy import NEUTRAL, NOT_INCLUDED
from findings_report.rendering import labels
from findings_report.rendering.html import ALERTS, LABEL

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
KEYWORDS = {"_": None, "gettext": None, "pgettext": ((1, "c"), 2), "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**.j2", "jinja2.ext:babel_extract")]
OPTIONS = {"**.j2": {"silent": "false"}}

ENUMERATIONS: tuple[type[StrEnum], ...] = (*(Status, Level, Confidence, State, Change, StatusChange, Assessment, Verdict),)
"""Values that are printed in words; their context is the name of the enumeration."""

VALUES = (
    *("split", "merged", "url", "host", "contract", "configuration", "device", "service", "package", "account"),
    "Conclusion",
)
"""Other values that are printed in words."""


def list_tables() -> Iterator[str]:
    """Yield the messages that are in tables and not in calls."""
    scale = Engagement(title="-").severities
    yield from (*VALUES, LABEL, *ALERTS, *NEUTRAL.values(), NOT_INCLUDED)
    for severity in scale:
        yield severity.name
        yield severity.meaning
    for table in (labels.VERDICT_WORDS, labels.GRADE_WORDS, labels.DRIFT_WORDS, labels.FIX_WORDS, labels.CODE_WORDS):
        yield from table.values()
    yield from (*VERDICT_MEANING.values(), *PLACE_WORDS.values(), *SENTENCES, *REASONS, *LABELS.values())
    for field in passage_fields(ReportedFinding):
        yield from (heading for heading in (field.heading, field.subheading) if heading)
    named = (name for name in ReportedFinding.model_fields if name not in LABELS.keys() | COMPUTED)
    yield from (heading_of(ReportedFinding, name) for name in named)


def extract() -> Catalog:
    """Return all messages, without translations."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    for month in MONTHS:
        catalogue.add(month, context="month")
    for kind in ENUMERATIONS:
        for member in kind:
            catalogue.add(member.value.replace("_", " "), context=kind.__name__.lower())
    for text in list_tables():
        catalogue.add(text)
    for folder in (TEMPLATES, ROOT / "findings_report"):
        found = extract_from_dir(folder, METHODS, OPTIONS, KEYWORDS, directory_filter=_is_ours)
        for _, _, message, _, context in found:
            catalogue.add(message, context=context)
    return catalogue


def _is_ours(folder: str | Path) -> bool:
    return Path(folder).name not in ("demo", "example", "init")


def faults(catalogue: Catalog, language: str, messages: Catalog) -> Iterator[str]:
    """Yield what is wrong with the catalogue of a language; `messages` are those of today."""
    known = {(message.id, message.context): message for message in messages if message.id}
    present = {(message.id, message.context): message for message in catalogue if message.id}
    for id, context in known.keys() - present.keys():
        yield f"{language}: {id!r} ({context}) is missing: run make languages"
    for id, context in present.keys() - known.keys():
        yield f"{language}: {id!r} ({context}) is not used: run make languages"
    for message in present.values():
        yield from (f"{language}: {message.id!r}: {fault}" for fault in _faults(message))


def _faults(message: Message) -> Iterator[str]:
    ids = (message.id,) if isinstance(message.id, str) else message.id
    texts = (message.string or "",) if isinstance(message.string, str | None) else message.string
    if message.fuzzy or not all(texts):
        yield "there is no translation"
        return
    for text in texts:
        # A singular may do without the number.
        if placeholders(text) not in (placeholders(ids[0]), placeholders(ids[-1])):
            yield f"the placeholders of {text!r} are not those of the message"


def read(path: Path) -> Catalog:
    """Return a catalogue as its file has it."""
    return read_po(BytesIO(path.read_bytes()), locale=path.stem.replace("-", "_"))


def update(path: Path, messages: Catalog, known: Mapping[tuple[Any, Any], Any] | None = None) -> None:
    """Write a catalogue with the messages of today, in their order, and the translations that it had, or `known`."""
    if known is None:
        known = {(message.id, message.context): message.string for message in read(path) if message.id}
    fresh = Catalog(locale=path.stem.replace("-", "_"), charset="utf-8", fuzzy=False)
    for message in messages:
        if message.id:
            fresh.add(message.id, known.get((message.id, message.context), ""), context=message.context)
    buffer = BytesIO()
    write_po(buffer, fresh, width=0, no_location=True, sort_output=True)
    # No dates and names: the file changes when its messages do.
    header = (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Project-Id",
        "Report-Msgid",
        "Generated-By",
    )
    lines = buffer.getvalue().decode().splitlines()
    kept = [line for line in lines if not line.startswith("#") and not line.startswith(tuple(f'"{name}' for name in header))]
    path.write_text("\n".join(kept).strip() + "\n", encoding="utf-8")


def main() -> int:
    """Update the catalogues, or list their faults."""
    paths = sorted(CATALOGUES.glob("*.po"))
    messages = extract()
    if "--check" in sys.argv:
        found = [fault for path in paths for fault in faults(read(path), path.stem, messages)]
        print("\n".join(found))
        return 1 if found else 0
    for path in paths:
        update(path, messages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
