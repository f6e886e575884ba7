"""The program: its commands, loaded when they run, and its exit codes."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from findings_report.cli import process
from findings_report.cli.command_table import COMMANDS, EXAMPLES, GROUPS, SUBGROUPS, Command
from findings_report.cli.output import (
    Color,
    OutputFormat,
    choose_color,
    counted,
    err,
    out,
    print_end,
    print_json,
    print_problems,
)
from findings_report.problems import FindingsReportError, Kind, Problem, exit_code, system_problem

BUG = 70  # EX_SOFTWARE of sysexits.h

SETTINGS = {"help_option_names": ["-h", "--help"]}


class CommandGroup(TyperGroup):
    """The group of all commands: its list comes from COMMANDS, and a command's module is imported when it is asked for."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # the signature is Typer's
        """Return the command of a name, with its options; None for a name that is none."""
        rows = [row for row in COMMANDS if row.word == cmd_name]
        return _load(rows) if rows else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is Typer's
        """Write the commands under the headings of GROUPS, without loading them."""
        width = max(len(row.name) for row in COMMANDS)  # the same for all groups
        for group in GROUPS:
            with formatter.section(group):
                formatter.write_dl([(row.name.ljust(width), row.summary) for row in COMMANDS if row.group == group])


def _load(rows: Sequence[Command]) -> Any:
    """Return one command, or the subgroup of several that share their first word."""
    is_subgroup = " " in rows[0].name
    loaded = typer.Typer(
        # The program installs completion; a subgroup would offer to install its own.
        add_completion=False,
        no_args_is_help=is_subgroup,
        rich_markup_mode=None,
        help=SUBGROUPS.get(rows[0].word),
        context_settings=SETTINGS,
    )
    for row in rows:
        # Imported here: a module of commands, and the reading of its signatures, would cost time at every start.
        module, _, name = row.function.partition(".")
        function: Callable[..., None] = getattr(import_module(f"findings_report.cli.{module}"), name)
        more = inspect.cleandoc(function.__doc__ or "").partition("\n\n")[2]
        loaded.command(
            row.name.rpartition(" ")[2],
            help=f"{row.summary}\n\n{more}",
            # \b keeps click from joining the two lines.
            epilog=f"\b\nExample:\n  findings-report {row.example}",
            context_settings=SETTINGS,
        )(function)
    # Typer makes a group of one command the command itself, unless the group has a callback.
    return typer.main.get_group(loaded) if is_subgroup else typer.main.get_command(loaded)


app = typer.Typer(
    name="findings-report",
    help="Audit reports from structured findings: every quote checked against git.",
    epilog=(
        "\b\nExamples:\n"
        + "".join(f"  findings-report {line}\n" for line in EXAMPLES)
        + "\n`findings-report COMMAND --help` describes the options of a command, with an example."
        " `findings-report explain CODE` explains a message."
    ),
    cls=CommandGroup,
    no_args_is_help=True,
    # Typer's tracebacks print local variables, which may hold a client's code.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its boxes take a third of 80 columns
    context_settings=SETTINGS,
)


def _placeholder() -> None:  # pragma: no cover - CommandGroup never runs it
    """Represent a command that is not loaded: Typer takes names for lists and for "did you mean" from its commands."""


for _word in dict.fromkeys(row.word for row in COMMANDS):
    app.command(_word)(_placeholder)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    color: Annotated[
        Color, typer.Option("--color", metavar="WHEN", help="Colour the output: always, auto or never; anywhere on the line.")
    ] = Color.AUTO,
) -> None:
    choose_color(color)
    if version:
        from findings_report import __version__

        out(f"findings-report {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:  # pragma: no cover - Typer shows the help instead
        raise typer.Exit(int(Kind.USAGE))
    process.clean_up_after_killed_runs()


def main() -> None:
    """Run the program. Exit with the documented code; show a traceback only for a bug."""
    # Imported modules live as long as the process: frozen, they are not scanned again.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # frozen values have no cycles: looking for them took a tenth of a run
    try:
        # Within the block: a closed standard output is reported like any other problem.
        process.prepare()
        try:
            app(_move_color_first(sys.argv[1:]))
        finally:
            if "findings_report.system.journal" in sys.modules:
                print_problems(process.done_for_killed_runs(), OutputFormat.FULL)
    except FindingsReportError as error:
        _print_error(error.problems)
        # Before sys.exit: Python flushes at exit, and would replace the exit code.
        process.settle_output()
        sys.exit(exit_code(error.problems))
    except process.SignalReceived as ended:
        err(f"{ended.how}; {process.what_was_done()}")
        raise
    except OSError as error:
        # What no part of the program could name better: the machine is at fault, and not the program.
        _print_error([system_problem(error, Kind.OUTPUT)])
        process.settle_output()
        sys.exit(int(Kind.OUTPUT))
    except Exception:
        import traceback

        err(traceback.format_exc())
        err("This is a bug in findings-report. Please report it with the text above; remove what is confidential first.")
        sys.exit(BUG)


def _print_error(problems: Sequence[Problem]) -> None:
    """Print why a run ended, in the format that was asked for; on standard error if standard output cannot be written."""
    output_format = _requested_format(sys.argv)
    try:
        if output_format is OutputFormat.JSON:
            print_json({}, problems)
            return
        print_problems(problems, output_format, each="--all" in sys.argv)
    except FindingsReportError as error:  # standard output may be what failed
        print_problems(tuple(dict.fromkeys([*problems, *error.problems])), OutputFormat.FULL)
    if sys.stderr.isatty():
        print_end(problems)
    elif len(problems) > 1:
        err(counted(problems))


def _move_color_first(arguments: Sequence[str]) -> list[str]:
    """Return the command line with --color before the command: it is an option of the program, and people type it anywhere."""
    first: list[str] = []
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":  # what follows are names
            rest += [argument, *remaining]
        elif argument == "--color":
            first += [argument, *([value] if (value := next(remaining, None)) is not None else [])]
        else:
            (first if argument.startswith("--color=") else rest).append(argument)
    return first + rest


def _requested_format(arguments: Sequence[str]) -> OutputFormat:
    """Return the value of --output-format: errors may come before the command's own function has it."""
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--output-format":
            value = value if equals else (arguments[index + 1] if index + 1 < len(arguments) else "")
            return OutputFormat(value) if value in set(OutputFormat) else OutputFormat.FULL
    return OutputFormat.FULL
