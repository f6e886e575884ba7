"""The commands for authors: init, new, list, schema. Each is one thin function."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from findings_report.cli.options import (
    AllMessages,
    Audience,
    Folder,
    MessageFormat,
    clones,
    inputs_of,
    propose_entries,
    propose_severities,
    propose_templates,
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
from findings_report.model.finding import ANSWERED

if TYPE_CHECKING:
    from findings_report.commands.check import Overview
    from findings_report.commands.init import WrittenFiles

Inside = Annotated[
    Path,
    typer.Option(
        "-C", metavar="FOLDER", help="The engagement's folder, or one inside or above it.", show_default="the current folder"
    ),
]


class Schema(StrEnum):
    """The JSON Schemas that `schema` prints."""

    FINDING = "finding"
    ENGAGEMENT = "engagement"
    REPORT = "report"


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
    folder: Inside = Path(),
) -> None:
    """Add a finding, empty or from your library."""
    from findings_report import commands

    if show_list:
        shelf = commands.library(folder, library)
        for name in shelf.entries:
            out(name)
        print_problems(shelf.problems, OutputFormat.FULL)
        return
    # The path alone, without a verb, so that a script can open the new file.
    _print_paths(commands.new(folder, commands.NewFinding(title, id, entry, library, path, lines, clones(repository))), "")


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where findings/ is created.", show_default="the current folder")
    ] = Path(),
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="The report's title.")] = "Security review",
) -> None:
    """Start an engagement, with JSON Schemas for editors."""
    from findings_report import commands

    _print_paths(commands.init(folder, title), "wrote ")
    out("next: name the repository under audit in engagement.yaml; then `findings-report pin`, `new`, `check`, `build`")


def schema(
    which: Annotated[
        Schema, typer.Argument(metavar="FILE", help="Schema to print: finding, engagement or report.")
    ] = Schema.FINDING,
    write: Annotated[
        bool, typer.Option("--write", help="Update the schema files of the engagement, with its own severities and fields.")
    ] = False,
    folder: Inside = Path(),
) -> None:
    """Print the JSON Schema of a file, for editors and other tools."""
    from findings_report import commands

    if write:
        _print_paths(commands.write_schemas(folder), "wrote ")
        return
    out(json.dumps(commands.schema(which.value), indent=2))


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
        print_json({"findings": [entry._asdict() for entry in listed.entries]}, listed.problems)
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
        fields = [{"name": each.name, "about": each.about, "own": each.is_own, "files": each.files} for each in templates]
        print_json({"templates": fields}, ())
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
) -> None:
    """Print a file of a template as the program has it."""
    from findings_report.commands.template import show_file

    written(show_file(file))


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
    folder: Inside = Path(),
) -> None:
    """Copy a template's files, to change them.

    They are written to templates/NAME/ beside findings/, where the program looks first. Each begins with a comment that names
    the version and the digest of its original.
    """
    from findings_report.commands.template import copy_template as copy
    from findings_report.problems.safe_text import display_path

    for path in copy(folder, name, tuple(files or ()), to=to, overwrite=overwrite):
        out("wrote ", Styled(display_path(path), "bold", file_link(path)))


def _print_paths(result: WrittenFiles, verb: str) -> None:
    from findings_report.problems.safe_text import display_path

    print_problems(result.problems, OutputFormat.FULL)
    for path in result.paths:
        out(f"{verb}{display_path(path)}")
