"""The commands for people who write: init, new, schema. Each is one thin function."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from findings_report.cli import completion
from findings_report.cli.output import OutputFormat, out, say_problems

if TYPE_CHECKING:
    from findings_report.commands.init import Made

Inside = Annotated[Path, typer.Option("-C", metavar="FOLDER", help="The engagement's folder, or one inside or above it.")]


class Schema(StrEnum):
    """Which JSON Schema."""

    FINDING = "finding"
    ENGAGEMENT = "engagement"
    REPORT = "report"


def new(
    title: Annotated[
        str | None, typer.Argument(metavar="TITLE", help="What is wrong, in one line.", show_default=False)
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="ENTRY", help="Copy an entry of the library, as web/xss.", autocompletion=completion.entries
        ),
    ] = None,
    id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Its id; default the next of the series.")] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="[NAME:]PATH", help="Cite this file of the repository, quoted at the pinned commit."),
    ] = None,
    lines: Annotated[str | None, typer.Option("--lines", metavar="LINES", help="The lines to cite: 10 or 10-20.")] = None,
    library: Annotated[
        Path | None,
        typer.Option(
            "--library",
            metavar="FOLDER",
            envvar="FINDINGS_REPORT_LIBRARY",
            help="A shared library, looked in after library/ beside findings/.",
        ),
    ] = None,
    repository: Annotated[
        list[str] | None, typer.Option("--repository", metavar="[NAME=]PATH", help="A local clone to quote from.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Show what the library has, and add nothing.")] = False,
    folder: Inside = Path(),
) -> None:
    """Add the next finding, from nothing or from the library."""
    from findings_report import commands
    from findings_report.cli.options import clones

    if show_list:
        shelf = commands.library(folder, library)
        for name in shelf.entries:
            out(name)
        say_problems(shelf.problems, OutputFormat.FULL)
        return
    _say(commands.new(folder, commands.Draft(title, id, entry, library, path, lines, clones(repository))), "")


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where findings/ is made.", show_default=False)] = Path(),
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="The report's title.")] = "Security review",
) -> None:
    """Start an engagement: findings/, and schemas for editors."""
    from findings_report import commands

    _say(commands.init(folder, title), "wrote ")
    out("next: say what is audited in engagement.yaml; then `findings-report pin`, `new`, `check`, `build`")


def schema(
    which: Annotated[Schema, typer.Argument(metavar="FILE", help="Whose schema.")] = Schema.FINDING,
    write: Annotated[
        bool, typer.Option("--write", help="Write the engagement's schemas for editors anew, with its own severities.")
    ] = False,
    folder: Inside = Path(),
) -> None:
    """Print the JSON Schema of a file, for editors and other tools."""
    from findings_report import commands

    if write:
        _say(commands.write_schemas(folder), "wrote ")
        return
    out(json.dumps(commands.schema(which.value), indent=2))


def _say(made: Made, verb: str) -> None:
    from findings_report.problems.safe_text import shown_path

    say_problems(made.problems, OutputFormat.FULL)
    for path in made.paths:
        out(f"{verb}{shown_path(path)}")
