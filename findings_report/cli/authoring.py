"""The commands for authors: init, new, import, list, schema. Each is one thin function."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from findings_report.cli.options import (
    AllMessages,
    Audience,
    Borrow,
    Clones,
    Folder,
    MessageFormat,
    clones,
    inputs_of,
    propose_entries,
    propose_severities,
    propose_templates,
    show_progress,
)
from findings_report.cli.output import (
    OutputFormat,
    Piece,
    Styled,
    columns,
    file_link,
    out,
    print_json,
    print_problems,
    severity_style,
    table,
    written,
)
from findings_report.importing.importers import IMPORTERS, Importer, ImportOptions
from findings_report.model.finding import ANSWERED
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report.commands.check import Overview
    from findings_report.commands.import_findings import ImportResult
    from findings_report.commands.init import WrittenFiles
    from findings_report.model.evidence import Verdict

Inside = Annotated[
    Path,
    typer.Option(
        "-C", metavar="FOLDER", help="The engagement's folder, or one inside or above it.", show_default="the current folder"
    ),
]


SCHEMAS: Final = ("finding", "engagement", "report")
"""The schemas of files."""


def propose_schemas(incomplete: str) -> list[str]:
    """Propose the schemas of files and of the output of commands."""
    from findings_report.cli.outputs import OUTPUTS

    return [name for name in (*SCHEMAS, *OUTPUTS) if name.startswith(incomplete)]


def new(
    title: Annotated[str | None, typer.Argument(metavar="TITLE", help="The weakness, in one line.", show_default=False)] = None,
    entry: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENTRY",
            help="Start from this entry of the library, as in web/xss.",
            autocompletion=propose_entries,
            show_default="empty",
        ),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="The id of the finding.", show_default="the next number of the series"),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(
            "--path",
            metavar="[NAME:]PATH",
            help="Cite this file of the repository, at the pinned commit.",
            show_default="no location",
        ),
    ] = None,
    lines: Annotated[
        str | None,
        typer.Option("--lines", metavar="LINES", help="The lines to cite: 10 or 10-20.", show_default="the whole file"),
    ] = None,
    library: Annotated[
        Path | None,
        typer.Option(
            "--library",
            metavar="FOLDER",
            envvar="FINDINGS_REPORT_LIBRARY",
            help="A shared library, searched after library/ beside findings/.",
            show_default="none",
        ),
    ] = None,
    repository: Annotated[
        list[str] | None,
        typer.Option(
            "--repository", metavar="[NAME=]PATH", help="A local clone to quote from.", show_default="`path` in engagement.yaml"
        ),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the entries of the library, and add nothing.")] = False,
    output_format: MessageFormat = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Add a finding, empty or from your library."""
    from findings_report import commands

    if show_list:
        shelf = commands.library(folder, library)
        if output_format is OutputFormat.JSON:
            from findings_report.cli.outputs import NewOutput

            print_json(NewOutput(files=(), entries=shelf.entries), shelf.problems)
            return
        for name in shelf.entries:
            out(name)
        print_problems(shelf.problems, output_format)
        return
    result = commands.new(folder, commands.NewFinding(title, id, entry, library, path, lines, clones(repository)))
    # The path alone, without a verb, so that a script can open the new file.
    _print_files("new", result, "", output_format)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where findings/ is created.", show_default="the current folder")
    ] = Path(),
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="The report's title.")] = "Security review",
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Start an engagement, with JSON Schemas for editors."""
    from findings_report import commands

    _print_files("init", commands.init(folder, title), "wrote ", output_format)
    if output_format is not OutputFormat.JSON:
        out("next: name the repository under audit in engagement.yaml; then `findings-report pin`, `new`, `check`, `build`")


def schema(
    which: Annotated[
        str,
        typer.Argument(
            metavar="SCHEMA",
            help="Schema to print: finding, engagement, report, or a command's JSON, as in check or tickets-sync.",
            autocompletion=propose_schemas,
        ),
    ] = "finding",
    write: Annotated[
        bool, typer.Option("--write", help="Update the schema files of the engagement, with its own severities and fields.")
    ] = False,
    output_format: MessageFormat = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Print the JSON Schema of a file, for editors and other tools.

    Or of what a command prints with --output-format json: the name is that in the field `schema`.
    """
    from findings_report import commands
    from findings_report.cli.outputs import SchemaOutput

    if write:
        _print_files("schema", commands.write_schemas(folder), "wrote ", output_format)
        return
    found = _find_schema(which)
    if output_format is OutputFormat.JSON:
        print_json(SchemaOutput(files=(), json_schema=found), ())
        return
    out(json.dumps(found, indent=2))


def _find_schema(name: str) -> dict[str, Any]:
    """Return the schema of a file or of a command's output. Raises FindingsReportError (USAGE) for an unknown name."""
    from findings_report import commands
    from findings_report.cli.outputs import OUTPUTS, PREFIX, output_schema
    from findings_report.problems.suggestions import did_you_mean

    if name in SCHEMAS:
        return commands.schema(name)
    # People copy the name from a document, where it has the prefix.
    name = name.removeprefix(PREFIX)
    if name in OUTPUTS:
        return output_schema(name)
    # All of them: nothing else lists the names.
    known = f"the schemas are {', '.join([*SCHEMAS, *sorted(OUTPUTS)])}"
    remedy = did_you_mean(name, [*SCHEMAS, *OUTPUTS]) or known
    raise FindingsReportError(Problem(Kind.USAGE, f"there is no schema {name!r}", remedy, code="no-schema"))


def list_findings(
    folder: Folder = Path(),
    severity: Annotated[
        list[str] | None,
        typer.Option(
            "--severity",
            metavar="SEVERITY",
            autocompletion=propose_severities,
            help="Findings of this severity; repeat for more.",
            show_default="all",
        ),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="Findings of this status; repeat for more.", show_default="all"),
    ] = None,
    owner: Annotated[
        list[str] | None,
        typer.Option("--owner", metavar="NAME", help="Findings of this owner; repeat for more.", show_default="all"),
    ] = None,
    grep: Annotated[
        str,
        typer.Option(
            "--grep", metavar="TEXT", help="Findings with this text in the id or any field, ignoring case.", show_default="all"
        ),
    ] = "",
    audience: Audience = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Print the findings as a table.

    A terminal of 110 columns or more, and a pipe, have a column each for owner, file and fields that are still to be written;
    narrower ones have them below the title.
    """
    from findings_report import commands
    from findings_report.commands.check import ListFilter

    wanted = ListFilter(tuple(severity or ()), tuple(status or ()), tuple(owner or ()), grep)
    # Without evidence: a list must not wait for the check of every quote.
    listed = commands.overview(inputs_of(folder, None, None, evidence=False, audience=audience), wanted)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ListedFindingOutput, ListOutput

        entries = tuple(map(ListedFindingOutput.model_validate, listed.entries))
        print_json(ListOutput(findings=entries, total=listed.total), listed.problems)
        return
    print_problems(listed.problems, output_format, each=all_messages)
    if listed.entries:
        out(_findings_table(listed))
    left_out = listed.total - len(listed.entries)
    if left_out:
        out(f"{left_out} of {listed.total} finding{'' if listed.total == 1 else 's'} not shown")
    elif not listed.entries:
        out("no findings yet")


_WIDE: Final = 110


def _findings_table(listed: Overview) -> str:
    """Return the table: with a column for each field where there is room, else with the last three below the title."""
    width = columns() or _WIDE
    rows: list[list[Piece | list[Piece]]] = []
    for entry in listed.entries:
        style = severity_style(listed.scale.index(entry.severity), len(listed.scale))
        status = Styled(entry.status.printed(listed.status_words), "green" if entry.status in ANSWERED else "")
        to_do = Styled(f"TODO: {', '.join(entry.to_do)}" if entry.to_do else "", "yellow")
        link = file_link(entry.file)
        row: list[Piece | list[Piece]] = [Styled(entry.id, "bold", link), Styled(entry.severity, style), status]
        if width >= _WIDE:
            rows.append([*row, entry.owner or "", entry.title, Styled(entry.file, "dim", link), to_do])
        else:
            below = Styled(" · ".join(text for text in (entry.file, entry.owner) if text), "dim", link)
            rows.append([*row, [entry.title, below, *([to_do] if to_do.text else [])]])
    if width < _WIDE:
        return table(("id", "severity", "status", "title"), rows)
    head = ["id", "severity", "status", "owner", "title", "file", "to do"]
    # A column that is empty throughout would only take room.
    empty = {index for index in (3, 6) if not any(_is_filled(row[index]) for row in rows)}
    kept = [index for index in range(len(head)) if index not in empty]
    return table([head[index] for index in kept], [[row[index] for index in kept] for row in rows])


def _is_filled(cell: Piece | list[Piece]) -> bool:
    return bool(cell.text if isinstance(cell, Styled) else cell)


def list_templates(
    folder: Inside = Path(),
    files: Annotated[bool, typer.Option("--files", help="Also list the files of each template.")] = False,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """List the templates: the program's own, and those in templates/ beside findings/."""
    from findings_report.commands.template import list_templates as find_templates

    templates = find_templates(folder)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ListedTemplateOutput, ListedTemplatesOutput

        listed = [
            ListedTemplateOutput(name=each.name, about=each.about, own=each.is_own, files=each.files) for each in templates
        ]
        print_json(ListedTemplatesOutput(templates=tuple(listed)), ())
        return
    rows: list[list[Piece]] = [
        [Styled(each.name, "bold"), "yours" if each.is_own else "built in", each.about] for each in templates
    ]
    out(table(("template", "origin", "content"), rows))
    for each in templates if files else ():
        for file in each.files:
            out(f"{each.name}/{file}")


def show_template_file(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file of `standard`, or NAME/FILE of another template.", show_default=False)
    ],
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Print a file of a template as the program has it."""
    from findings_report.commands.template import show_file

    content = show_file(file)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import TemplateFileOutput

        print_json(TemplateFileOutput(file=file, text=content.decode()), ())
        return
    written(content)


def copy_template(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A template of the program.", show_default=False, autocompletion=propose_templates),
    ],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Its files, also those it takes from `standard`.", show_default="all of its own"),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="The name of the copy.", show_default="the same name")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    output_format: MessageFormat = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Copy a template's files, to change them.

    They are written to templates/NAME/ beside findings/, where the program looks first. Each begins with a comment that names
    the version and the digest of its original.
    """
    from findings_report.commands.template import copy_template as copy
    from findings_report.problems.safe_text import display_path

    paths = copy(folder, name, tuple(files or ()), to=to, overwrite=overwrite)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import CopiedTemplateOutput

        print_json(CopiedTemplateOutput(files=paths), ())
        return
    for path in paths:
        out("wrote ", Styled(display_path(path), "bold", file_link(path)))


def _print_files(
    command: Literal["init", "new", "schema"], result: WrittenFiles, verb: str, output_format: OutputFormat
) -> None:
    from findings_report.problems.safe_text import display_path

    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import OUTPUTS

        print_json(OUTPUTS[command].model_validate({"files": result.paths}), result.problems)
        return
    print_problems(result.problems, output_format)
    for path in result.paths:
        out(f"{verb}{display_path(path)}")


# --- import: one command for each row of IMPORTERS, with the options that the row names


_Groups = Literal["result", "rule", "file"]

_IMPORT_OPTIONS: Final[Mapping[str, tuple[Any, Any]]] = {
    "severity": (
        Annotated[
            str | None,
            typer.Option(
                "--severity",
                metavar="SEVERITY",
                autocompletion=propose_severities,
                help="The severity of findings whose source gives none.",
                show_default="the last of the scale",
            ),
        ],
        None,
    ),
    "group": (
        Annotated[_Groups, typer.Option("--group", help="What is one finding: a result, or all those of a rule or a file.")],
        "result",
    ),
    "limit": (
        Annotated[int, typer.Option("--limit", metavar="N", min=1, max=20_000, help="Refuse a file with more findings.")],
        ImportOptions.limit,
    ),
    "include_passed": (
        Annotated[bool, typer.Option("--include-passed", help="Also import results that passed, or have no level.")],
        False,
    ),
    "include_notes": (
        Annotated[bool, typer.Option("--include-notes", help="Also import notes.")],
        False,
    ),
    "columns": (
        Annotated[
            Path | None,
            typer.Option(
                "--map",
                metavar="FILE",
                help="YAML that names the column of each field, as in `title: Summary`.",
                show_default="the columns of `build -f csv`",
            ),
        ],
        None,
    ),
    "delimiter": (
        Annotated[
            str | None,
            typer.Option("--delimiter", metavar="SIGN", help="The sign between cells.", show_default="recognised"),
        ],
        None,
    ),
}
"""Options by their names in ImportOptions, each with its default."""

_Dry = Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")]


def _make_import(row: Importer) -> Callable[..., None]:
    """Return the command of an importer, with the signature that Typer reads."""

    def command(**given: Any) -> None:
        _run_import(row, **given)

    files = Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help=f"{row.files[:1].upper()}{row.files[1:]}.", show_default=False),
    ]
    parameters: dict[str, tuple[Any, Any]] = {
        "files": (files, inspect.Parameter.empty),
        **{name: _IMPORT_OPTIONS[name] for name in row.options},
        "dry_run": (_Dry, False),
        "repository": (Clones, None),
        "borrow": (Borrow, None),
        "output_format": (MessageFormat, OutputFormat.FULL),
        "all_messages": (AllMessages, False),
        "folder": (Inside, Path()),
    }
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
            for name, (annotation, default) in parameters.items()
        ]
    )
    command.__annotations__ = {name: annotation for name, (annotation, _) in parameters.items()}
    again = "Importing a changed file again updates its findings, and keeps what was changed in them."
    command.__doc__ = f"{row.summary}\n\n{' '.join(filter(None, (row.details, again)))}"
    return command


_IMPORTS: Final = {f"import_{name}": _make_import(row) for name, row in IMPORTERS.items()}
"""The commands `import ...` by the names that the table of commands has for them."""


def __getattr__(name: str) -> Callable[..., None]:
    """Return a command `import ...`."""
    if name not in _IMPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _IMPORTS[name]


def _run_import(
    row: Importer,
    *,
    files: list[Path],
    dry_run: bool,
    repository: list[str] | None,
    borrow: list[Path] | None,
    output_format: OutputFormat,
    all_messages: bool,
    folder: Path,
    columns: Path | None = None,
    **options: Any,
) -> None:
    """Import files, and print what was written and what was not verified."""
    from findings_report.commands.import_findings import import_findings
    from findings_report.problems.safe_text import display_path

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    with show_progress() as progress:
        result = import_findings(
            row.name,
            inputs,
            files,
            options=ImportOptions(**options),
            columns=columns,
            dry_run=dry_run,
            progress=progress,
        )
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ImportOutput

        print_json(ImportOutput.model_validate(result), result.problems)
        return
    print_problems(result.problems, output_format, each=all_messages)
    would = "would " if dry_run else ""
    for paths, verb in ((result.new, "write" if dry_run else "wrote"), (result.updated, "update" if dry_run else "updated")):
        for path in paths:
            out(f"{would}{verb} {display_path(path)}")
    out(_summarize_import(result))


def _summarize_import(result: ImportResult) -> str:
    """Return what was checked and what was not, in a line."""
    parts = [f"{_count(result.verified, 'quote')} verified{_list_counts(result.verified)}"]
    if result.unverified:
        parts.append(f"{_count(result.unverified, 'location')} not verified{_list_counts(result.unverified)}")
    if result.unplaced:
        parts.append(f"{result.unplaced} block{'' if result.unplaced == 1 else 's'} of code left as text")
    if result.unchanged:
        parts.append(f"{result.unchanged} finding{'' if result.unchanged == 1 else 's'} unchanged")
    return "; ".join(parts)


def _count(counts: Mapping[Verdict, int], noun: str) -> str:
    count = sum(counts.values())
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _list_counts(counts: Mapping[Verdict, int]) -> str:
    words = {"none": "without a quote", "not_found": "not found"}
    listed = ", ".join(f"{count} {words.get(verdict.value, verdict.value)}" for verdict, count in counts.items())
    return f" ({listed})" if listed else ""
