"""The commands for repositories under audit: pin, fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from findings_report.cli import completion
from findings_report.cli.options import Borrow, Clones, Folder, inputs_of, show_progress
from findings_report.cli.output import OutputFormat, out, print_problems
from findings_report.problems import exit_code


def pin(
    folder: Folder = Path(),
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="REVISION", help="Move the pin to this revision.", show_default="the `revision` of each"),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="NAME",
            autocompletion=completion.repositories,
            help="Pin this repository only.",
            show_default="all that are not pinned",
        ),
    ] = None,
    links: Annotated[
        bool, typer.Option("--links", help="Also pin links in prose that name a branch, if they show the same code.")
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
) -> None:
    """Pin each repository that is not pinned yet.

    The commit is written into engagement.yaml; comments and layout are kept.
    """
    from findings_report import commands

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    pinned = commands.pin(inputs, to=to, only=only)
    for line in pinned.messages:
        out(line)
    problems = list(pinned.problems)
    if links:
        from findings_report.commands.pin import pin_links

        # After the pins: links are compared at the commits that were just written.
        linked = pin_links(inputs, only)
        for line in linked.messages:
            out(line)
        problems += linked.problems
    print_problems(problems, OutputFormat.FULL)
    if code := exit_code(problems):
        raise typer.Exit(code)


def fetch(folder: Folder = Path()) -> None:
    """Clone repositories that have a url but no local path, cited commits only.

    The clones are in ~/.cache/findings-report, or below XDG_CACHE_HOME.
    """
    from findings_report import commands

    with show_progress() as progress:
        lines = commands.fetch(inputs_of(folder, None, None, evidence=True), progress)
    for line in lines:
        out(line)
