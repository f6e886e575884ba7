"""Arguments, messages and exit codes: the only part that prints or exits. Each command is one thin function."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from findings_report.cli import authoring, comparing, complete, extracting, process, ticketing, tracking
from findings_report.cli.common import (
    Borrow,
    Clones,
    FailOn,
    Folder,
    Say,
    Strict,
    files_json,
    inputs_of,
    progress_shown,
    source_date,
)
from findings_report.cli.say import OutputFormat, counted, err, out, say_json, say_problems, table, written, wrote
from findings_report.errors import FindingsReportError, Kind, Problem, exit_code

if TYPE_CHECKING:
    from findings_report.pipeline import Checked

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


@app.command()
def check(
    folder: Folder = Path(),
    repository: Clones = None,
    borrow: Borrow = None,
    no_evidence: Annotated[bool, typer.Option("--no-evidence", help="Leave git out: check the YAML alone.")] = False,
    strict: Strict = False,
    fail_on: FailOn = None,
    output_format: Say = OutputFormat.FULL,
) -> None:
    """Check the findings, and every quote against git."""
    from findings_report import pipeline

    inputs = inputs_of(folder, repository, borrow, evidence=not no_evidence)
    with progress_shown() as progress:
        checked = pipeline.check(inputs, progress)
        problems = (*checked.problems, *pipeline.gates(checked, checked.problems, fail_on, strict=strict))
    _conclude(_summary(checked), problems, output_format)


@app.command()
def build(
    folder: Folder = Path(),
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--format",
            metavar="FORMAT",
            autocompletion=complete.formats,
            help="md, html, pdf, json or csv; repeat for more.",
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="PATH", help="A file, a folder/, or - for stdout.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAME",
            autocompletion=complete.templates,
            help="A template folder: standard, review or your own.",
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="A file for each finding, findings/ID.pdf, instead of the report.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", autocompletion=complete.findings, help="This finding alone; repeat for more."),
    ] = None,
    repository: Clones = None,
    borrow: Borrow = None,
    system_fonts: Annotated[bool, typer.Option("--system-fonts", help="Let the PDF use this machine's fonts as well.")] = False,
    strict: Strict = False,
    fail_on: FailOn = None,
    output_format: Say = OutputFormat.FULL,
) -> None:
    """Check everything, then write the report."""
    from findings_report import pipeline

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    with progress_shown() as progress:
        built = pipeline.build(
            inputs,
            pipeline.Wishes(
                formats=tuple(formats or ()),
                output=output,
                template=template,
                system_fonts=system_fonts,
                default_date=source_date(),
                fail_on=fail_on,
                strict=strict,
                each=each or bool(only),
                only=tuple(only or ()),
            ),
            progress,
        )
    to_stdout = [file for file in built.files if file.path is None]
    for file in to_stdout:
        written(file.content)
    summary = _summary(built.checked) | {"files": files_json(built.files)}
    _conclude(summary, built.problems, output_format, quiet=bool(to_stdout))


@app.command("list")
def list_findings(folder: Folder = Path(), output_format: Say = OutputFormat.FULL) -> None:
    """Show the findings as a table."""
    from findings_report import pipeline

    listed = pipeline.overview(inputs_of(folder, None, None, evidence=False))
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
            "--only", metavar="NAME", autocompletion=complete.repositories, help="The repository to pin; default all."
        ),
    ] = None,
    links: Annotated[
        bool, typer.Option("--links", help="Pin links in prose too that name a branch, where they show the same.")
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
) -> None:
    """Write down the commit of each repository that has none yet."""
    from findings_report import pipeline

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    pinned = pipeline.pin(inputs, to=to, only=only)
    for line in pinned.said:
        out(line)
    problems = list(pinned.problems)
    if links:
        from findings_report.pipeline.links import pin_links

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
    from findings_report import pipeline

    with progress_shown() as progress:
        lines = pipeline.fetch(inputs_of(folder, None, None, evidence=True), progress)
    for line in lines:
        out(line)


app.command()(tracking.track)
app.command()(comparing.diff)
app.command()(authoring.schema)
app.command()(extracting.extract)
app.command()(ticketing.attach)
app.add_typer(ticketing.app, name="tickets")


@app.command()
def doctor() -> None:
    """Say what this machine lacks, and the command that mends it."""
    from findings_report import pipeline

    health = pipeline.doctor()
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
    from findings_report import pipeline

    made = pipeline.demo(folder)
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


def _summary(checked: Checked) -> dict[str, Any]:
    quotes = {verdict.value: count for verdict, count in checked.verdicts.items()}
    return {"findings": {name: count for name, count in checked.severities.items() if count}, "quotes": quotes}


def _conclude(
    summary: dict[str, Any], problems: Sequence[Problem], output_format: OutputFormat, *, quiet: bool = False
) -> None:
    """Says the problems and the summary, `quiet` on standard error alone, and exits with the documented code."""
    say = err if quiet else out
    if output_format is OutputFormat.JSON:
        say_json(summary, problems, say)
    else:
        say_problems(problems, output_format, say)
        say(_counted(summary["findings"], "finding"))
        if summary["quotes"]:
            quotes = {"without a quote" if name == "none" else name: count for name, count in summary["quotes"].items()}
            say(_counted(quotes, "location"))
        for file in summary.get("files", ()):
            say(wrote(file))
    if code := exit_code(problems):
        raise typer.Exit(code)


def _counted(counts: dict[str, int], noun: str) -> str:
    total = sum(counts.values())
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    return f"{total} {noun}{'' if total == 1 else 's'}" + (f": {parts}" if parts else "")


def main() -> None:
    """The program. Exits with the documented code; shows a traceback only for a bug."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # frozen values have no cycles: looking for them took a tenth of a run
    try:
        process.prepare()
        app()
    except FindingsReportError as error:
        _tell(error.problems)
        sys.exit(exit_code(error.problems))
    except KeyboardInterrupt:
        err("interrupted; nothing was written")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
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
