"""What each command prints with `--output-format json`, as models: one for each command, with the fields of its result.

The document of a command is `{"schema": NAME, "version": N, ...fields, "problems": [...]}`. The same models give the published
JSON Schemas (`schema check`) and the tables of docs/json.md, so that none of the three can differ from the others. The module
is imported for JSON only: pydantic costs a tenth of a second, which `explain` and `docs` do not need.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from findings_report.problems import Problem
from findings_report.problems.safe_text import display_path

PREFIX: Final = "findings-report/"
"""What the names of all schemas begin with."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

ShownPath = Annotated[str, BeforeValidator(lambda path: display_path(path) if isinstance(path, Path) else path)]
"""A path as a person would type it."""


class OutputPart(BaseModel):
    """A value in the output of a command. Results of `commands` are read by the names of their attributes."""

    # Extra fields are not forbidden: the published schemas allow what a later version adds.
    # defer_build: most runs print one of these models, and building all would take longer than the run.
    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True, use_attribute_docstrings=True)


class ProblemOutput(OutputPart):
    """A problem, with its place."""

    level: Literal["error", "warning", "note"]
    """Only errors change the exit code."""
    code: str
    """The stable name; `explain CODE` describes it."""
    fault: str
    """What is wrong."""
    remedy: str | None
    """What to do."""
    field: str | None
    """Dotted name of the authored field, as in `locations[0].lines`."""
    # Flat, not an object `place`: a line of jq or a spreadsheet has columns.
    file: str | None
    """The file, as a person would type its path."""
    line: int | None
    """1-based."""
    column: int | None
    """1-based, in characters."""

    @classmethod
    def of(cls, problem: Problem) -> ProblemOutput:
        """Return the output of a problem."""
        place = problem.place
        return cls(
            level=problem.level,
            code=problem.code,
            fault=problem.fault,
            remedy=problem.remedy,
            field=problem.field,
            file=place.file if place else None,
            line=place.line if place else None,
            column=place.column if place else None,
        )


class CommandOutput(OutputPart):
    """The result of a command, without its problems."""

    # Class variables: they are the same in all documents, and `document` writes them before the fields.
    name: ClassVar[str] = ""
    """Name of the schema, without PREFIX: the words of the command with hyphens. Empty for a base of several."""
    version: ClassVar[int] = 1
    """Version of the schema: counted up when a field is removed or means something else, not when one is added."""


# Also what every other document has at least, so a reader that only wants problems needs no other schema.
class ProblemsOutput(CommandOutput):
    """A run that ended before its command was known: only problems."""

    name = "problems"


class BuiltFileOutput(OutputPart):
    """A written file."""

    path: str
    """The file, as a person would type its path."""
    bytes: int
    """Size of the file."""
    # Rounded, because more digits would differ from run to run and say nothing.
    seconds: float
    """How long it was rendered."""


class FilesOutput(CommandOutput):
    """What was written."""

    files: tuple[ShownPath, ...]
    """The files that were written, in order."""


class InitOutput(FilesOutput):
    """The new engagement."""

    name = "init"


class NewOutput(FilesOutput):
    """The new finding, or with --list the entries of the library."""

    name = "new"
    entries: tuple[str, ...] | None = None
    """With --list: the entries of the library; else null."""


class CopiedTemplateOutput(FilesOutput):
    """The copied files of a template."""

    name = "template-copy"


class SchemaOutput(FilesOutput):
    """A JSON Schema, or with --write the files that were written."""

    name = "schema"
    # Not `schema`, which is the name of this document's own schema.
    json_schema: dict[str, Any] | None = None
    """The schema; null with --write."""


# One for all importers: what is written does not depend on the kind of the file.
class ImportOutput(CommandOutput):
    """The findings of an import."""

    name = "import"
    new: tuple[ShownPath, ...]
    """Files that were created, or would be without --dry-run."""
    updated: tuple[ShownPath, ...]
    """Files that were changed, or would be."""
    unchanged: int
    """Number of findings that are as they were."""
    verified: dict[str, int]
    """Number of quotes that are in the repository, by verdict."""
    unverified: dict[str, int]
    """Number of the other locations, by verdict."""
    unplaced: int
    """Number of blocks of code that are text of the findings."""


class ListedFindingOutput(OutputPart):
    """A finding in a line."""

    id: str
    severity: str
    """A severity of the engagement's scale."""
    # The word of the format and not the engagement's: `import json` reads this list again.
    status: str
    """A status of the format, whatever the engagement prints for it."""
    title: str
    owner: str | None
    file: str
    """The file, as a person would type its path."""
    to_do: tuple[str, ...]
    """Dotted names of the fields that are still to be written."""


class ListOutput(CommandOutput):
    """The findings that the filter lets through."""

    name = "list"
    findings: tuple[ListedFindingOutput, ...]
    """Most severe first, then by id."""
    total: int
    """Number of all findings."""


class PinOutput(CommandOutput):
    """The pinned repositories."""

    name = "pin"
    # Scripts checked the sentences for the commit; it has a field of its own.
    commits: dict[str, str]
    """The commit that engagement.yaml has now, by repository."""
    done: tuple[str, ...]
    """A sentence for each repository, and with --links for each link that was pinned."""


class FetchedRepositoryOutput(OutputPart):
    """A repository of `fetch`."""

    repository: str
    """Its name in engagement.yaml."""
    action: Literal["fetched", "cached", "local", "no-url"]
    """`cached`: all cited commits were in the cache; `local`: it has a clone at its `path`."""
    commits: tuple[str, ...]
    """The cited commits that are in the cache now."""
    missing: tuple[str, ...]
    """The cited commits that the repository does not have; the locations that name them stay unchecked."""
    text: str
    """The same as a sentence."""


class FetchOutput(CommandOutput):
    """The repositories that were cloned."""

    name = "fetch"
    done: tuple[FetchedRepositoryOutput, ...]
    """In the order of engagement.yaml."""


class TicketActionOutput(OutputPart):
    """One thing that was done for a ticket."""

    action: Literal[
        "attached", "created", "recorded", "updated", "unchanged", "written",
        "would-attach", "would-create", "would-record", "would-update",
    ]  # fmt: skip
    """`recorded`: the ticket was there, of another run; `written`: a file for an import; `would-`: with --dry-run."""
    ticket: str
    """The ticket, as in `redmine:17`; empty for one that would be created, and for a file."""
    address: str
    """The address of the ticket's page; empty if it was not asked for."""
    finding: str
    """The finding's id; empty for a report of several findings and for other files."""
    file: str
    """The name of the file that was attached, or the path of the file that was written; else empty."""
    text: str
    """The same as a sentence."""


class DoneOutput(CommandOutput):
    """What was done."""

    done: tuple[TicketActionOutput, ...]
    """Each thing that was done; empty if there was nothing to do."""


class AttachOutput(DoneOutput):
    """What was attached."""

    name = "attach"


class CreatedTicketsOutput(DoneOutput):
    """The tickets that were created."""

    name = "tickets-create"


class SyncedTicketsOutput(DoneOutput):
    """The tickets that were updated."""

    name = "tickets-sync"


class ExportedTicketsOutput(DoneOutput):
    """The files for a tracker's import."""

    name = "tickets-export"


class ChangeCommentOutput(CommandOutput):
    """The comment on the change request of a CI job."""

    name = "ci-comment"
    action: Literal["created", "updated", "unchanged", "skipped"]
    """`skipped` without a change request, in one of a fork, and with --dry-run."""
    text: str
    """The comment."""
    why: str
    """For `skipped`: the reason; else empty."""


class CitationsOutput(OutputPart):
    """The citations of documents."""

    checked: int
    """Paths with lines, and links."""
    wrong: int
    """Those that are not as the document says."""
    other_repositories: int
    """Links into other repositories, which are not checked."""


class CheckOutput(CommandOutput):
    """What was checked."""

    name = "check"
    # Null and not empty with --prose: no findings were read, which is not the same as none.
    findings: dict[str, int] | None
    """Number of findings by severity; null with --prose."""
    quotes: dict[str, int]
    """Number of locations, or with --prose of blocks of code, by verdict; empty with --no-evidence."""
    documents: int | None = None
    """With --prose: number of documents; else null."""
    citations: CitationsOutput | None = None
    """With --prose: what documents cite; else null."""
    unplaced: int | None = None
    """With --prose: number of blocks of code that are not in the repository and do not say so; else null."""


class ExplainedCodeOutput(OutputPart):
    """A problem code."""

    code: str
    group: str
    """The heading of the list that it is in."""
    meaning: str
    example: str
    """A message that carries the code, without its place."""
    remedy: str


class ExplainOutput(CommandOutput):
    """Problem codes."""

    name = "explain"
    codes: tuple[ExplainedCodeOutput, ...]
    """The one that was asked for, or all."""


class BuiltReportOutput(OutputPart):
    """A report that was written."""

    findings: dict[str, int]
    """Number of findings by severity."""
    quotes: dict[str, int]
    """Number of locations by verdict."""
    files: tuple[BuiltFileOutput, ...]
    """The files, without what went to standard output."""


class BuiltEngagementOutput(OutputPart):
    """One engagement of several."""

    name: str
    """Its name, which is its folder below -o."""
    built: BuiltReportOutput | None
    """Its report; null if nothing was written."""
    problems: tuple[ProblemOutput, ...]
    """Its problems, which are also among those of the run."""


class BuildOutput(CommandOutput):
    """The reports that were written."""

    name = "build"
    findings: dict[str, int]
    """Number of findings by severity, of all engagements."""
    quotes: dict[str, int]
    """Number of locations by verdict."""
    files: tuple[BuiltFileOutput, ...]
    """The files, without what went to standard output."""
    # The sums above let a script read one and several engagements in the same way.
    engagements: tuple[BuiltEngagementOutput, ...] | None = None
    """Of several engagements, the result of each; else null."""


class TimeStampOutput(OutputPart):
    """A time stamp (RFC 3161)."""

    authority: str
    """Name in the authority's certificate."""
    at: str
    """The time, ISO 8601."""


class SignOutput(CommandOutput):
    """The signed file."""

    name = "sign"
    path: ShownPath
    """The signed PDF, or the file of signatures."""
    time_stamp: TimeStampOutput | None
    """Null without --timestamp."""


class EncryptOutput(CommandOutput):
    """The encrypted PDF."""

    name = "encrypt"
    path: ShownPath
    """The encrypted PDF."""


class ExtractOutput(CommandOutput):
    """The extracted data of a PDF."""

    name = "extract"
    path: ShownPath | None
    """Where it was written; null for standard output."""
    bytes: int
    """Size of the data."""


class DistrustOutput(OutputPart):
    """Why a certificate is not trusted."""

    fault: str
    remedy: str


# `sign` prints a time stamp that it has just asked for; only `verify` says whether it is trusted.
class VerifiedTimeStampOutput(TimeStampOutput):
    """A time stamp that was looked at."""

    is_intact: bool
    """True if it covers this signature, and was made with the key of the certificate."""
    is_trusted: bool
    """True if nothing speaks against its certificate."""
    distrust: DistrustOutput | None
    """Why it is not trusted; null if it is."""


class SignatureOutput(OutputPart):
    """A signature that was looked at."""

    signer: str
    """Name in the signer's certificate."""
    claimed_at: str | None
    """The signing time that the signer claims, ISO 8601."""
    is_intact: bool
    """True if the signed bytes are unchanged, and were signed with the key of the certificate."""
    is_whole: bool
    """True if it covers the whole file, or is of this manifest."""
    is_trusted: bool
    """True if nothing speaks against its certificate."""
    distrust: DistrustOutput | None
    """Why it is not trusted; null if it is."""
    time_stamp: VerifiedTimeStampOutput | None


class EmbeddedDataOutput(OutputPart):
    """The data that a PDF embeds."""

    name: str
    bytes: int


class VerifiedFileOutput(OutputPart):
    """A file that a manifest names."""

    name: str
    is_equal: bool
    """True if the file is that of the manifest."""
    is_rebuilt: bool
    """True if a build from what is here gives the bytes of the manifest."""


# One schema for PDF and manifest: who verifies does not always know which of them a file is.
class VerifyOutput(CommandOutput):
    """What a PDF or a manifest was found to be. Not checked are revocation, and the policy of a time stamp authority."""

    name = "verify"
    signatures: tuple[SignatureOutput, ...]
    """In the order in which they were added."""
    data: EmbeddedDataOutput | None = None
    """Of a PDF: what it embeds; else null."""
    outputs: tuple[VerifiedFileOutput, ...] | None = None
    """Of a manifest: the files that it names; else null."""
    equal: dict[str, int] | None = None
    """Of a manifest: number of dependencies that are as recorded, by kind; else null."""


class SpotOutput(OutputPart):
    """Lines of a file at the other commit."""

    path: str
    start_line: int
    end_line: int
    similarity: float
    """0 to 1."""


class CommitOutput(OutputPart):
    """A commit that changed a region."""

    commit: str
    date: str
    subject: str


class QuotedLineOutput(OutputPart):
    """A quoted line."""

    line: int
    """1-based, at the cited commit."""
    now: int | None
    """1-based, at the other commit; null if it changed or is gone."""


class RegionOutput(OutputPart):
    """A cited region, and where it is at the other commit."""

    id: str
    """Id of the finding."""
    location: int
    """Index of the location in the finding, 0-based."""
    name: str | None
    """Name of the location."""
    repository: str
    commit: str | None
    """The cited commit."""
    to: str | None
    """The other commit."""
    cited_path: str
    region: str
    """The cited lines, as in `4-7`."""
    # Kinds are text, not an enumeration: a new kind must not break a reader that validates.
    drift: str
    """The kind of the change, see docs/reference.md."""
    # Start and end apart, although `region` has both: a script must not have to parse `4-7`.
    path: str | None
    """Where it is now; null if it is nowhere. Likewise the lines."""
    start_line: int | None
    end_line: int | None
    found_by: str
    """How the place was found."""
    rename: str | None
    """How a renamed file was recognised."""
    surviving: float | None
    """Share of the lines that survive, 0 to 1."""
    quoted: tuple[QuotedLineOutput, ...]
    quoted_intact: bool
    also_at: tuple[SpotOutput, ...]
    """Other places with the same text."""
    partly_moved: SpotOutput | None
    """Where a part of it went."""
    surroundings_changed: bool
    """True if the same function or class was changed around it."""
    candidates: tuple[SpotOutput, ...]
    """Places that it may be, none of which is certain."""
    closest: SpotOutput | None
    """The place that is most like it."""
    reason: str | None
    """Why nothing can be said."""
    changes: tuple[CommitOutput, ...]
    """With --explain: the commits that changed it."""
    ended_by: tuple[CommitOutput, ...]
    """With --explain: the commits that removed it."""
    updated: bool | None = None
    """With --update: whether its citation was rewritten; else null."""
    stays: str | None = None
    """With --update: why the citation stays at the old commit."""


class TrackOutput(CommandOutput):
    """Cited regions at another commit."""

    name = "track"
    regions: tuple[RegionOutput, ...]
    """By finding, then in the order of the file."""
    commits: dict[str, str]
    """The commit that --to names, by repository."""
    files: tuple[ShownPath, ...]
    """With --update: files that were written, or would be without --dry-run."""


class DiffLinesOutput(OutputPart):
    """Lines of a file."""

    path: str
    lines: str


class DiffPlaceOutput(OutputPart):
    """A cited region of a finding."""

    repository: str
    path: str
    lines: str | None
    """The cited lines; null for a whole file."""
    code: str
    """The state of its code."""
    drift: str
    """The kind of the change."""
    now: DiffLinesOutput | None
    """Where it is now; null if it is nowhere."""


class LineagePartOutput(OutputPart):
    """A finding that is part of a split or merge."""

    id: str
    title: str
    status: str


class LineageOutput(OutputPart):
    """A finding that became several, or several that became one."""

    kind: Literal["split", "merged"]
    baseline: tuple[LineagePartOutput, ...]
    """The findings before, at most 20."""
    current: tuple[LineagePartOutput, ...]
    """The findings now, at most 20."""
    is_certain: bool
    """True if former ids say so; otherwise the findings are similar."""
    text: str


class FixCommitOutput(OutputPart):
    """A commit that a finding's `fix` names."""

    named: str
    """The commit in the words of the finding."""
    commit: str | None
    """Full hash; null if there is no such commit."""
    state: str
    """Its position in history: between, rebased, before, outside, missing or unverifiable."""
    came_in_as: str | None
    """For `rebased`: the commit that makes the same change."""
    similar: tuple[str, ...]
    """Commits that may have the change, at most 3."""
    has_unplaced: bool
    """True if a cited region has no certain place before or after the commit."""


class JudgementOutput(OutputPart):
    """A claim compared with the code."""

    weight: str
    """contradiction, review or consistent."""
    code: str
    """Stable name of the rule, as in `resolved-unchanged`."""
    text: str


class DiffFindingOutput(OutputPart):
    """A finding of either report."""

    id: str
    change: str
    """What happened to the finding."""
    turn: str | None
    """The change of its status in a word, as in `resolved` or `regressed`."""
    baseline: str | None
    """Its id in the baseline; null for a new one."""
    possible: tuple[str, ...]
    """Ids of the baseline that it may be."""
    lineage: tuple[LineageOutput, ...]
    severity: str
    status: str | None
    """Null for a finding that the newer report does not have."""
    code: str
    """The state of its code."""
    places: tuple[DiffPlaceOutput, ...]
    fixes: tuple[FixCommitOutput, ...]
    # The texts themselves are in the document of `diff -f json`, which has its own schema.
    fields: tuple[str, ...]
    """Names of the fields that changed."""
    judgements: tuple[JudgementOutput, ...]
    """Most serious first."""


class DiffDeclaredOutput(OutputPart):
    """A table, attachment or picture that differs."""

    kind: str
    """table, attachment or picture."""
    name: str
    title: str | None
    change: str
    """new, updated or absent."""
    fields: tuple[str, ...]
    """What differs: name, title, caption, size, sha256 or rows."""
    findings: tuple[str, ...]
    """Ids of the findings whose texts print it."""


class DiffOutput(CommandOutput):
    """Two reports compared."""

    name = "diff"
    counts: dict[str, int]
    """Number of findings by change."""
    findings: tuple[DiffFindingOutput, ...]
    """The findings of both reports."""
    declared_files: tuple[DiffDeclaredOutput, ...]
    """The tables, attachments and pictures that differ."""
    limits: tuple[str, ...]
    """What could not be compared."""
    files: tuple[BuiltFileOutput, ...]
    """The files, without what went to standard output."""


class InstalledComponentOutput(OutputPart):
    """A program or library."""

    name: str
    version: str


class ExtraOutput(OutputPart):
    """An optional dependency."""

    name: str
    enables: str
    """What the program does with it."""
    install: str | None
    """The command that installs it; null if it is there."""


class DoctorOutput(CommandOutput):
    """The dependencies of the program."""

    name = "doctor"
    components: tuple[InstalledComponentOutput, ...]
    """What is installed."""
    extras: tuple[ExtraOutput, ...]
    """The optional dependencies."""


class PageOutput(OutputPart):
    """A page of the documentation."""

    name: str
    title: str
    # Left out of the list: all pages are half a megabyte.
    text: str | None = None
    """Its Markdown; null in the list of all pages."""


class DocsOutput(CommandOutput):
    """Pages of the documentation."""

    name = "docs"
    pages: tuple[PageOutput, ...]
    """The one that was asked for, or all, without their texts."""


# Without the time of the last use: tests and scripts compare lists of two moments.
class CachedFolderOutput(OutputPart):
    """What is kept of one engagement or repository."""

    kind: Literal["pages", "clone"]
    name: str
    """The engagement's folder, or the name of the clone."""
    files: int
    bytes: int


class ShownCacheOutput(CommandOutput):
    """What is kept on this machine."""

    name = "cache-show"
    cache: tuple[CachedFolderOutput, ...]
    """Most recently used first."""


class ClearedCacheOutput(CommandOutput):
    """What was removed from this machine."""

    name = "cache-clear"
    removed: tuple[CachedFolderOutput, ...]
    """Most recently used first."""


class DemoOutput(CommandOutput):
    """The written sample."""

    name = "demo"
    repository: ShownPath
    """A git repository with the tags 1.0 and 1.1."""
    engagement: ShownPath
    """The folder of an engagement on it."""


class ListedTemplateOutput(OutputPart):
    """A template."""

    name: str
    about: str
    """Its purpose."""
    own: bool
    """True if it is in templates/ beside findings/."""
    files: tuple[str, ...]


class ListedTemplatesOutput(CommandOutput):
    """The templates."""

    name = "template-list"
    templates: tuple[ListedTemplateOutput, ...]


class TemplateFileOutput(CommandOutput):
    """A file of a template."""

    name = "template-show"
    file: str
    text: str


def _subclasses(model: type[CommandOutput]) -> list[type[CommandOutput]]:
    return [each for below in model.__subclasses__() for each in (below, *_subclasses(below))]


OUTPUTS: Final = {model.name: model for model in _subclasses(CommandOutput) if model.name}
"""The models by the names of their schemas, without PREFIX."""


def output_name(command: str) -> str:
    """Return the name of a command's schema; that of `problems` for words that are no command."""
    # One model serves all importers.
    name = "import" if command.startswith("import ") else command.replace(" ", "-")
    return name if name in OUTPUTS else ProblemsOutput.name


def document(output: CommandOutput | None, problems: Sequence[Problem], command: str = "") -> dict[str, Any]:
    """Return the document of a run, or without `output` that of a run of `command` that an error ended."""
    model = type(output) if output is not None else OUTPUTS[output_name(command)]
    fields = output.model_dump(mode="json") if output is not None else {}
    # All of them, however many are of one kind: a program can group them.
    listed = [ProblemOutput.of(problem).model_dump(mode="json") for problem in problems]
    return {"schema": f"{PREFIX}{model.name}", "version": model.version, **fields, "problems": listed}


def output_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an output, by its name without PREFIX.

    The fields are there unless an error ended the run: a document without one has an error among its problems.
    """
    model = OUTPUTS[name]
    schema = model.model_json_schema(mode="serialization")
    problems = ProblemOutput.model_json_schema(mode="serialization")
    fields = schema.get("properties", {})
    # JSON Schema has no "unless", so it is: either all fields, or an error among the problems.
    failed = {"properties": {"problems": {"contains": {"properties": {"level": {"const": "error"}}}}}}
    return {
        "$schema": _DIALECT,
        "title": f"{PREFIX}{name}",
        "description": schema.get("description", ""),
        "type": "object",
        "properties": {
            "schema": {"const": f"{PREFIX}{name}"},
            "version": {"const": model.version},
            **fields,
            "problems": {"type": "array", "items": {"$ref": "#/$defs/ProblemOutput"}},
        },
        "required": ["schema", "version", "problems"],
        "anyOf": [{"required": list(fields)}, failed],
        "$defs": {**schema.get("$defs", {}), "ProblemOutput": problems},
    }
