"""Arguments, messages and exit codes: the only part that prints or exits. Each command is one thin function."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from findings_report.cli import authoring, build, completion, diff, pdf, process, tickets, track
from findings_report.cli.options import Borrow, Clones, Folder, Say, inputs_of, progress_shown
from findings_report.cli.output import OutputFormat, counted, err, out, say_json, say_problems, table
from findings_report.problems import FindingsReportError, Kind, Problem, exit_code

app = typer.Typer(
    name="findings-report",
    help="Audit reports from structured findings: every quote checked against git.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its boxes take a third of 80 columns
    context_settings={"help_option_names": ["-h", "--help"]},
)

BUG = 70
INTERRUPTED = 130

app.command()(authoring.init)
app.command()(authoring.new)


app.command()(build.check)
app.command()(build.build)


@app.command("list")
def list_findings(folder: Folder = Path(), output_format: Say = OutputFormat.FULL) -> None:
    """Show the findings as a table."""
    from findings_report import commands

    listed = commands.overview(inputs_of(folder, None, None, evidence=False))
    if output_format is OutputFormat.JSON:
        say_json({"findings": [entry._asdict() for entry in listed.entries]}, listed.problems)
        return
    say_problems(listed.problems, output_format)
    rows = [(entry.id, entry.severity, entry.status.replace("_", " "), entry.title) for entry in listed.entries]
    out(table(("id", "severity", "status", "title"), rows) if rows else "no findings yet")


@app.command()
def pin(
    folder: Folder = Path(),
    to: Annotated[str | None, typer.Option("--to", metavar="REVISION", help="Move the pin to this revision.")] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only", metavar="NAME", autocompletion=completion.repositories, help="The repository to pin; default all."
        ),
    ] = None,
    links: Annotated[
        bool, typer.Option("--links", help="Pin links in prose too that name a branch, where they show the same.")
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
) -> None:
    """Write down the commit of each repository that has none yet."""
    from findings_report import commands

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    pinned = commands.pin(inputs, to=to, only=only)
    for line in pinned.said:
        out(line)
    problems = list(pinned.problems)
    if links:
        from findings_report.commands.pin import pin_links

        linked = pin_links(inputs, only)
        for line in linked.said:
            out(line)
        problems += linked.problems
    say_problems(problems, OutputFormat.FULL)
    if code := exit_code(problems):
        raise typer.Exit(code)


@app.command()
def fetch(folder: Folder = Path()) -> None:
    """Clone what has a url and no local path: the cited commits alone."""
    from findings_report import commands

    with progress_shown() as progress:
        lines = commands.fetch(inputs_of(folder, None, None, evidence=True), progress)
    for line in lines:
        out(line)


app.command()(track.track)
app.command()(diff.diff)
app.command()(authoring.schema)
app.command()(pdf.extract)
app.command()(pdf.sign)
app.command()(pdf.verify)
app.command()(pdf.encrypt)
app.command()(tickets.attach)
app.add_typer(tickets.app, name="tickets")


@app.command()
def doctor() -> None:
    """Say what this machine lacks, and the command that mends it."""
    from findings_report import commands

    health = commands.doctor()
    width = max(len(component.name) for component in health.components)
    for component in health.components:
        out(f"{component.name.ljust(width)}  {component.version}")
    if health.problems:
        say_problems(health.problems, OutputFormat.FULL)
        raise typer.Exit(exit_code(health.problems))
    out("everything is here")


@app.command()
def demo(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.", show_default=False)]) -> None:
    """Write a small repository and an engagement on it, to play with."""
    from findings_report import commands

    made = commands.demo(folder)
    out(f"wrote {made}/app, a git repository with the tags 1.0 and 1.1")
    out(f"wrote {made}/findings, an engagement on it")
    out(f"next: findings-report build {made}")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from findings_report import __version__

        out(f"findings-report {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:  # pragma: no cover - Typer shows the help instead
        raise typer.Exit(int(Kind.USAGE))


def main() -> None:
    """The program. Exits with the documented code; shows a traceback only for a bug."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # frozen values have no cycles: looking for them took a tenth of a run
    try:
        process.prepare()
        app()
    except FindingsReportError as error:
        _tell(error.problems)
        process.settle_output()
        sys.exit(exit_code(error.problems))
    except KeyboardInterrupt:
        err("interrupted; nothing was written")
        sys.exit(INTERRUPTED)
    except Exception:
        import traceback

        err(traceback.format_exc())
        err("This is a bug in findings-report. Please report it with the text above; remove what is confidential first.")
        sys.exit(BUG)


def _tell(problems: Sequence[Problem]) -> None:
    """Says why a run ended, as it was asked for; on standard error where standard output takes nothing."""
    output_format = _asked_format(sys.argv)
    try:
        if output_format is OutputFormat.JSON:
            say_json({}, problems)
            return
        say_problems(problems, output_format)
    except FindingsReportError as error:
        say_problems(tuple(dict.fromkeys([*problems, *error.problems])), OutputFormat.FULL)
    if len(problems) > 1:
        err(counted(problems))


def _asked_format(arguments: Sequence[str]) -> OutputFormat:
    """--output-format as it was given: errors may come before the command's own function has it."""
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--output-format":
            value = value if equals else (arguments[index + 1] if index + 1 < len(arguments) else "")
            return OutputFormat(value) if value in set(OutputFormat) else OutputFormat.FULL
    return OutputFormat.FULL
