"""The commands for authors: init, new, list, schema. Each is one thin function."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from findings_report.cli import completion
from findings_report.cli.options import AllMessages, Audience, Folder, MessageFormat, clones, inputs_of
from findings_report.cli.output import OutputFormat, out, print_json, print_problems, table

if TYPE_CHECKING:
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
            autocompletion=completion.entries,
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
    audience: Audience = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Print the findings as a table."""
    from findings_report import commands

    # Without evidence: a list must not wait for the check of every quote.
    listed = commands.overview(inputs_of(folder, None, None, evidence=False, audience=audience))
    if output_format is OutputFormat.JSON:
        print_json({"findings": [entry._asdict() for entry in listed.entries]}, listed.problems)
        return
    print_problems(listed.problems, output_format, each=all_messages)
    rows = [(entry.id, entry.severity, entry.status.printed(listed.status_words), entry.title) for entry in listed.entries]
    out(table(("id", "severity", "status", "title"), rows) if rows else "no findings yet")


def _print_paths(written: WrittenFiles, verb: str) -> None:
    from findings_report.problems.safe_text import display_path

    print_problems(written.problems, OutputFormat.FULL)
    for path in written.paths:
        out(f"{verb}{display_path(path)}")
