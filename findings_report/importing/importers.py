"""The table of importers. To read another kind of file, write one reader and add one row to IMPORTERS.

A reader takes the bytes of a file and what the engagement knows, and returns findings as plain values; ids, the lock file and
YAML are the writer's, for all importers the same. Imports nothing heavy at run time: `--help` lists the importers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from findings_report.evidence.source_files import FileReader
    from findings_report.importing.summary_tables import SummaryRow
    from findings_report.model.engagement import Engagement
    from findings_report.problems import Problem

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class ForeignFile:
    """A file to import."""

    shown: str
    """Its path, as in messages."""
    name: str
    """Its name, without folders."""
    content: bytes
    """Its bytes, at most `Importer.largest` of them."""
    read_beside: Callable[[str], bytes | None] = field(default=lambda _: None, compare=False, repr=False)
    """Returns the bytes of a file by its path from the folder of this one; None if there is none that may be read."""


@dataclass(frozen=True)
class AuditedRepository:
    """A repository of the engagement, with the files that this machine has of it."""

    name: str
    """Its name in the engagement."""
    homes: tuple[str, ...]
    """Its pages on forges, as `host/owner/name` in lower case."""
    reader: FileReader | None
    """Its clone; None if there is none."""
    commit: str | None
    """The audited commit; None if it is unknown, or not in the clone."""


@dataclass(frozen=True)
class ImportOptions:
    """What the command line asks for; an importer takes those that its row names."""

    severity: str | None = None
    """The severity of findings whose source gives none."""
    group: str = "result"
    """The results of a scanner that are one finding: each `result`, all of a `rule`, or all of a `file`."""
    limit: int = 1_000
    """The most findings of one file."""
    include_passed: bool = False
    """Whether a scanner's results that are no findings become some: passed, not applicable, of level none."""
    include_notes: bool = False
    """Whether an auditor's notes become findings."""
    columns: ForeignFile | None = None
    """The map of fields to columns."""
    delimiter: str | None = None
    """The sign between cells; None if it is to be recognised."""


@dataclass(frozen=True)
class ImportContext:
    """What a reader may know of the engagement."""

    engagement: Engagement
    """The engagement."""
    repositories: Mapping[str, AuditedRepository]
    """Its repositories, by name."""
    options: ImportOptions
    """The options of the run."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Every file whose findings are imported, in this run or before: its name in the lock file by its absolute path."""
    rows: Mapping[str, Sequence[SummaryRow]] = field(default_factory=dict)
    """Rows of index pages about the findings of such a file, by its absolute path."""


@dataclass(frozen=True)
class ImportedText:
    """A text of the whole engagement."""

    field: str
    """summary, recommendation, conclusion or sections."""
    title: str
    """The heading above it; empty if it has none."""
    text: str
    """Markdown."""
    more: tuple[tuple[str, Any], ...] = ()
    """Other fields of a section, by name: its place and its readers."""


@dataclass(frozen=True)
class ImportedFinding:
    """A finding of a foreign file."""

    identities: tuple[str, ...]
    """How the next import recognises it, the best first: a fingerprint, an id, a title. At least one."""
    fields: Mapping[str, Any]
    """The fields of its file, in order: texts, lists of texts, and fields or lists of fields below them."""
    place: str
    """Where it is in the file, for messages: a line or a JSON pointer."""
    own_id: str | None = None
    """The id that it has in the file, if it is to keep that."""
    is_certain: bool = False
    """Whether an identity holds whatever the texts are, and in every file: a fingerprint, and not a number or a title."""
    file: str | None = None
    """Absolute path of the file that may have the whole finding, where this is of an index page."""
    must_keep_id: bool = False
    """Whether another id would be wrong: references name this one."""


@dataclass(frozen=True)
class ImportedFile:
    """What a reader makes of a file."""

    findings: tuple[ImportedFinding, ...]
    """In the order of the file; an error of the run if there are none, and no reason is given."""
    texts: tuple[ImportedText, ...] = ()
    """Texts for engagement.yaml."""
    engagement: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of engagement.yaml, written where nobody has."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files that these fields name, by their paths from the engagement's folder; one that exists stays."""
    unplaced: int = 0
    """Blocks of code that stay text."""
    problems: tuple[Problem, ...] = ()
    """Warnings and notes."""
    rows: Mapping[str, Sequence[SummaryRow]] = field(default_factory=dict)
    """Its rows about the findings of other files, by their absolute paths."""


Reader = Callable[[ForeignFile, ImportContext], ImportedFile]
"""Raises FindingsReportError (INPUT) for a file that cannot be read, with place, fault and remedy."""


@dataclass(frozen=True)
class Importer:
    """A row of IMPORTERS."""

    name: str
    """The word after `import`."""
    summary: str
    """One sentence in the imperative, at most 60 characters."""
    files: str
    """What it reads, in the plural."""
    example: str
    """A typical command line, without the name of the program."""
    reader: str
    """`module:function` below `findings_report.importing`."""
    options: tuple[str, ...] = ("severity",)
    """The options that it takes, by their names in ImportOptions."""
    largest: int = 32 * MEBIBYTE
    """Bytes of a file."""
    noun: str = "file"
    """One of the files, in messages."""
    finds_commit: bool = False
    """Whether it finds the audited commit by the code itself, where the engagement has none."""
    details: str = ""
    """Another sentence for its help."""

    def load_reader(self) -> Reader:
        """Import the function that `reader` names."""
        module, _, function = self.reader.partition(":")
        reader: Reader = getattr(import_module(f"findings_report.importing.{module}"), function)
        return reader


IMPORTERS: Final = {
    row.name: row
    for row in (
        Importer(
            "review",
            "Import a prose review as findings.",
            "reviews in Markdown",
            "import review review.md",
            "review_file:read_review_file",
            largest=4 * MEBIBYTE,
            noun="review",
            finds_commit=True,
            details="Code is looked for in the repositories.",
        ),
        Importer(
            "sarif",
            "Import a scanner's SARIF results as findings.",
            "SARIF 2.1.0 logs",
            "import sarif results.sarif --group rule",
            "sarif:read_sarif",
            options=("severity", "group", "limit", "include_passed"),
            details="Embedded code becomes quotes, which are checked.",
        ),
        Importer(
            "weaudit",
            "Import findings marked in an editor with weAudit.",
            "weAudit files",
            "import weaudit .vscode/alice.weaudit",
            "tool_exports:read_weaudit",
            options=("severity", "limit", "include_notes"),
        ),
        Importer(
            "csv",
            "Import a table of findings.",
            "CSV files",
            "import csv findings.csv --map columns.yaml",
            "tables_and_reports:read_csv",
            options=("severity", "limit", "columns", "delimiter"),
            details="Without a map, columns are recognised by the names of the fields.",
        ),
        Importer(
            "json",
            "Import the JSON of a report.",
            "reports as JSON",
            "import json report.json",
            "tables_and_reports:read_own_json",
            options=("severity", "limit"),
            details="Findings keep their ids; an id that is taken is an error.",
        ),
        Importer(
            "defectdojo",
            "Import DefectDojo's generic findings.",
            "generic findings of DefectDojo as JSON",
            "import defectdojo generic.json",
            "tool_exports:read_defectdojo",
            options=("severity", "limit"),
        ),
        Importer(
            "strix",
            "Import the reports of Strix.",
            "reports of Strix as JSON",
            "import strix vulnerabilities.json",
            "tool_exports:read_strix",
            options=("severity", "limit"),
        ),
    )
}
"""All importers by name, in the order of the documentation."""


def choose_severity(
    stated: str | None, title: str, context: ImportContext, *, file: str, line: int | None = None, place: str = ""
) -> tuple[str, tuple[Problem, ...]]:
    """Return the severity of a finding: as stated, if the scale has the word, else that of --severity, else the last.

    The last one comes with a warning. `place` is a JSON pointer.
    """
    from findings_report.problems import Kind, Place, Problem

    scale = [each.name for each in context.engagement.severities]
    by_word = {name.casefold(): name for name in scale}
    if stated is not None and stated.casefold() in by_word:
        return by_word[stated.casefold()], ()
    if context.options.severity is not None:
        return context.options.severity, ()
    why = f"its severity {stated!r} is not in the scale" if stated else "the review gives it no severity"
    if place:
        why = f"its severity {stated!r} is not in the scale" if stated else f"the file gives it no severity ({place})"
    fault = f"{title!r}: {why}; {scale[-1]!r} was written"
    remedy = "correct it in the finding, or import with --severity"
    return scale[-1], (Problem(Kind.INPUT, fault, remedy, place=Place(file, line), level="warning", code="import-severity"),)
