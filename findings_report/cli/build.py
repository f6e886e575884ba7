"""The commands that go through everything: check, and build, of one engagement or of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from findings_report.cli import completion
from findings_report.cli.options import (
    Borrow,
    Clones,
    FailOn,
    Folder,
    Output,
    Say,
    Strict,
    SystemFonts,
    files_json,
    inputs_of,
    progress_shown,
    source_date,
)
from findings_report.cli.output import (
    OutputFormat,
    counted,
    err,
    out,
    problem_json,
    say_json,
    say_problems,
    table,
    written,
    wrote,
)
from findings_report.problems import Problem, exit_code

if TYPE_CHECKING:
    from findings_report.commands import Built
    from findings_report.commands.build_many import Outcome
    from findings_report.report.check import Checked

Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FOLDER", help="The engagement's folder, or one inside or above it; repeat for more."),
]


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
    from findings_report import commands

    inputs = inputs_of(folder, repository, borrow, evidence=not no_evidence)
    with progress_shown() as progress:
        checked = commands.check(inputs, progress)
        problems = (*checked.problems, *commands.gates(checked, checked.problems, fail_on, strict=strict))
    _conclude(_summary(checked), problems, output_format)


def build(
    folders: Folders = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--format",
            metavar="FORMAT",
            autocompletion=completion.formats,
            help="md, html, pdf, json or csv; repeat for more.",
        ),
    ] = None,
    output: Output = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAME",
            autocompletion=completion.templates,
            help="A template folder: standard, review or your own.",
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="A file for each finding, findings/ID.pdf, instead of the report.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", autocompletion=completion.findings, help="This finding alone; repeat for more."),
    ] = None,
    repository: Clones = None,
    borrow: Borrow = None,
    system_fonts: SystemFonts = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Lay out every page anew, and keep none.")] = False,
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            metavar="EXECUTOR",
            help="Where reports are rendered: local, or dask://HOST:PORT or tls://HOST:PORT, the workers of that scheduler.",
        ),
    ] = "local",
    strict: Strict = False,
    fail_on: FailOn = None,
    output_format: Say = OutputFormat.FULL,
) -> None:
    """Check everything, then write the report."""
    from findings_report import commands
    from findings_report.rendering.executors import open_executor

    wishes = commands.Wishes(
        formats=tuple(formats or ()),
        output=output,
        template=template,
        system_fonts=system_fonts,
        cache=not no_cache and executor == "local",  # workers keep nothing
        default_date=source_date(),
        fail_on=fail_on,
        strict=strict,
        each=each or bool(only),
        only=tuple(only or ()),
    )
    every = [inputs_of(folder, repository, borrow, evidence=True) for folder in folders or [Path()]]
    if len(every) > 1:
        from findings_report.commands.build_many import build_several

        with progress_shown() as progress, open_executor(executor, system_fonts=system_fonts) as makers:
            outcomes = tuple(build_several(every, wishes, progress, makers))
        _conclude_several(outcomes, output_format)
        return
    with progress_shown() as progress, open_executor(executor, system_fonts=system_fonts) as makers:
        built = commands.build(every[0], wishes, progress, makers)
    to_stdout = [file for file in built.files if file.path is None]
    for file in to_stdout:
        written(file.content)
    _conclude(_built(built), built.problems, output_format, quiet=bool(to_stdout))


def _summary(checked: Checked) -> dict[str, Any]:
    quotes = {verdict.value: count for verdict, count in checked.verdicts.items()}
    return {"findings": {name: count for name, count in checked.severities.items() if count}, "quotes": quotes}


def _built(built: Built) -> dict[str, Any]:
    return _summary(built.checked) | {"files": files_json(built.files)}


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


def _conclude_several(outcomes: Sequence[Outcome], output_format: OutputFormat) -> None:
    """Says what became of each engagement, its problems under its name, and exits with the code of all of them."""
    every = [problem for outcome in outcomes for problem in outcome.problems]
    if output_format is OutputFormat.JSON:
        say_json({"engagements": [_outcome_json(outcome) for outcome in outcomes]}, every)
    else:
        for outcome in outcomes:
            if outcome.problems and output_format is OutputFormat.FULL:
                err(f"{outcome.name}:")
            say_problems(outcome.problems, output_format)
        out(table(("engagement", "findings", "problems", "written"), [_row(outcome) for outcome in outcomes]))
    if code := exit_code(every):
        raise typer.Exit(code)


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    built = None if outcome.built is None else _built(outcome.built)
    return {"name": outcome.name, "built": built, "problems": [problem_json(problem) for problem in outcome.problems]}


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    problems = counted(outcome.problems).partition(": ")[2] if outcome.problems else ""
    if outcome.built is None:
        return outcome.name, "", problems, "nothing"
    summary = _built(outcome.built)
    findings = ", ".join(f"{count} {severity}" for severity, count in summary["findings"].items()) or "none"
    return outcome.name, findings, problems, _places(file["path"] for file in summary["files"])


def _places(paths: Iterable[str]) -> str:
    """`out/acme/report.html, report.pdf`: the folder once."""
    shown: list[str] = []
    last = None
    for path in map(Path, paths):
        shown.append(path.name if path.parent == last else str(path))
        last = path.parent
    return ", ".join(shown)
