"""Arguments, messages and exit codes: the only part that prints or exits. Each command is one thin function."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from findings_report.cli import authoring, complete, process, tracking
from findings_report.cli.say import OutputFormat, counted, err, out, say_json, say_problems, table, written
from findings_report.errors import FindingsReportError, Kind, Problem, exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from findings_report.pipeline import Built, Checked, Inputs, Progress

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

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The engagement's folder, or one inside or above it.", show_default=False)
]
Clones = Annotated[
    list[str] | None,
    typer.Option("--repository", metavar="[NAME=]PATH", help="A local clone to check quotes against; repeat for more."),
]
Borrow = Annotated[
    list[Path] | None,
    typer.Option("--borrow", metavar="FOLDER", help="A folder outside a clone whose git objects it may borrow."),
]
Say = Annotated[
    OutputFormat, typer.Option("--output-format", metavar="FORMAT", help="How it is said: full, concise, json or github.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Fail (exit code 1) on any warning.")]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        autocompletion=complete.severities,
        help="Fail (exit code 1) on an unresolved finding this bad.",
    ),
]


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

    inputs = _inputs(folder, repository, borrow, evidence=not no_evidence)
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
    repository: Clones = None,
    borrow: Borrow = None,
    system_fonts: Annotated[bool, typer.Option("--system-fonts", help="Let the PDF use this machine's fonts as well.")] = False,
    strict: Strict = False,
    fail_on: FailOn = None,
    output_format: Say = OutputFormat.FULL,
) -> None:
    """Check everything, then write the report."""
    from findings_report import pipeline

    inputs = _inputs(folder, repository, borrow, evidence=True)
    with progress_shown() as progress:
        built = pipeline.build(
            inputs,
            pipeline.Wishes(
                formats=tuple(formats or ()),
                output=output,
                template=template,
                system_fonts=system_fonts,
                default_date=_source_date(),
                fail_on=fail_on,
                strict=strict,
            ),
            progress,
        )
    to_stdout = [file for file in built.files if file.path is None]
    for file in to_stdout:
        written(file.content)
    _conclude(_summary(built.checked) | _files(built), built.problems, output_format, quiet=bool(to_stdout))


@app.command("list")
def list_findings(folder: Folder = Path(), output_format: Say = OutputFormat.FULL) -> None:
    """Show the findings as a table."""
    from findings_report import pipeline

    listed = pipeline.overview(_inputs(folder, None, None, evidence=False))
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
    from findings_report import linking, pipeline

    pinned = pipeline.pin(_inputs(folder, repository, borrow, evidence=True), to=to, only=only)
    for line in pinned.said:
        out(line)
    problems = list(pinned.problems)
    if links:
        linked = linking.pin_links(folder, clones(repository), borrow or (), only)
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
        lines = pipeline.fetch(_inputs(folder, None, None, evidence=True), progress)
    for line in lines:
        out(line)


app.command()(tracking.track)
app.command()(authoring.schema)


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


def _inputs(folder: Path, repository: list[str] | None, borrow: list[Path] | None, *, evidence: bool) -> Inputs:
    from findings_report.pipeline import Inputs

    return Inputs(folder, clones(repository), tuple(borrow or ()), evidence)


def clones(repository: list[str] | None) -> dict[str, Path]:
    """--repository as it was given: paths by name, that of the only one under an empty name."""
    return dict(_clone(text) for text in repository or ())


def _clone(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or "/" in name:
        return "", Path(text)
    if not (name and path):
        fault = f"--repository {text!r} is neither NAME=PATH nor PATH"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "the names stand under `repositories` in engagement.yaml"))
    return name, Path(path)


def _source_date() -> date | None:
    """Source: reproducible-builds.org, SOURCE_DATE_EPOCH: seconds since 1970 in UTC."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC).date()
    except (ValueError, OverflowError, OSError):
        raise FindingsReportError(Problem(Kind.USAGE, f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds")) from None


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Says what is being done on a terminal's last line; nothing when the output is piped."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update


def _summary(checked: Checked) -> dict[str, Any]:
    quotes = {verdict.value: count for verdict, count in checked.verdicts.items()}
    return {"findings": {name: count for name, count in checked.severities.items() if count}, "quotes": quotes}


def _files(built: Built) -> dict[str, Any]:
    from findings_report.store import shown_path

    return {
        "files": [
            {"path": shown_path(file.path), "bytes": len(file.content), "seconds": round(file.seconds, 2)}
            for file in built.files
            if file.path is not None
        ]
    }


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
            say(f"wrote {file['path']}  {_size(file['bytes'])}  {file['seconds']:.1f} s")
    if code := exit_code(problems):
        raise typer.Exit(code)


def _counted(counts: dict[str, int], noun: str) -> str:
    total = sum(counts.values())
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    return f"{total} {noun}{'' if total == 1 else 's'}" + (f": {parts}" if parts else "")


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


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
