"""The program: its commands, one row each, loaded when they run, and its exit codes.

The help, docs/commands.md and docs/reference.md are made from the rows.
"""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from findings_report.cli import process
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
from findings_report.importing.importers import IMPORTERS
from findings_report.problems import FindingsReportError, Kind, Problem, exit_code, system_problem


@dataclass(frozen=True)
class Command:
    """One command of the program."""

    name: str
    """The words to type; two for a command of a subgroup, as in `tickets sync`."""
    group: str
    """The heading in the help, one of GROUPS."""
    summary: str
    """One sentence in the imperative, at most 60 characters, for the list of commands."""
    example: str
    """A typical command line, without the name of the program."""
    function: str
    """`module.function` below `findings_report.cli`."""

    @property
    def word(self) -> str:
        """The first word of the name."""
        return self.name.partition(" ")[0]


GROUPS: Final = ("Write", "Check", "Deliver", "Follow up", "Set up")
"""What people do, in the order in which they do it."""

# In the order of the work, which is the order of the help and of docs/commands.md.
COMMANDS: Final[tuple[Command, ...]] = (
    Command("init", "Write", "Start an engagement, with JSON Schemas for editors.", "init", "authoring.init"),
    Command("new", "Write", "Add a finding, empty or from your library.", 'new "Missing rate limit"', "authoring.new"),
    *(
        Command(f"import {name}", "Write", row.summary, row.example, f"authoring.import_{name}")
        for name, row in IMPORTERS.items()
    ),
    Command("list", "Write", "Print the findings as a table.", "list", "authoring.list_findings"),
    Command("pin", "Write", "Pin each repository that is not pinned yet.", "pin", "support.pin"),
    Command("fetch", "Write", "Clone the cited commits of repositories with a url.", "fetch", "support.fetch"),
    Command("check", "Check", "Check the findings, and every quote against git.", "check --strict", "build.check"),
    Command("explain", "Check", "Explain a problem code.", "explain quote-moved", "support.explain"),
    Command("build", "Deliver", "Check, then write the report.", "build -f html -f pdf", "build.build"),
    Command(
        "attach", "Deliver", "Attach the report to its tickets.", "attach build/report.pdf --to jira:SEC-12", "tickets.attach"
    ),
    Command(
        "tickets create",
        "Deliver",
        "Create a ticket for each unresolved finding.",
        "tickets create --to jira:SEC",
        "tickets.create",
    ),
    Command("tickets sync", "Deliver", "Update the tickets of findings.", "tickets sync", "tickets.sync"),
    Command("tickets export", "Deliver", "Write files for a tracker's import.", "tickets export -f jira", "tickets.export"),
    Command(
        "ci comment",
        "Deliver",
        "Comment on the pull request of this CI job.",
        "ci comment --report build.txt",
        "tickets.comment",
    ),
    Command("sign", "Deliver", "Sign a PDF or a manifest.", "sign build/report.pdf --key key.p12", "pdf.sign"),
    Command("encrypt", "Deliver", "Encrypt a PDF (AES-256).", "encrypt build/report.pdf", "pdf.encrypt"),
    Command("verify", "Deliver", "Check a PDF's signature and data, or a manifest.", "verify build/report.pdf", "pdf.verify"),
    Command("extract", "Deliver", "Extract the report's JSON from its PDF.", "extract build/report.pdf", "pdf.extract"),
    Command("track", "Follow up", "Find the cited code at another commit.", "track --to 1.1 --update", "track.track"),
    Command(
        "diff",
        "Follow up",
        "Compare two reports and check their claims.",
        "diff report-1.0 --template fix-review -f pdf",
        "diff.diff",
    ),
    Command("doctor", "Set up", "List missing dependencies.", "doctor", "support.doctor"),
    Command("docs", "Set up", "Print a page of the documentation.", "docs tickets", "support.docs"),
    Command("cache show", "Set up", "List what is kept on this machine.", "cache show", "support.show_cache"),
    Command("cache clear", "Set up", "Remove what is kept on this machine.", "cache clear acme", "support.clear_cache"),
    Command("demo", "Set up", "Write a sample repository and engagement.", "demo quicknotes", "support.demo"),
    Command("template list", "Set up", "List the templates.", "template list", "authoring.list_templates"),
    Command(
        "template show", "Set up", "Print a file of a template.", "template show front.html.j2", "authoring.show_template_file"
    ),
    Command(
        "template copy",
        "Set up",
        "Copy a template's files, to change them.",
        "template copy standard cover.html.j2",
        "authoring.copy_template",
    ),
    Command("schema", "Set up", "Print the JSON Schema of a file.", "schema engagement", "authoring.schema"),
)

SUBGROUPS: Final = {
    "import": "Import findings from other files.",
    "template": "List, print and copy the templates of reports.",
    "tickets": "Create, update and export tickets for findings.",
    "ci": "Report in the jobs of a forge.",
    "cache": "List and remove rendered pages and clones that are kept on this machine.",
}
"""The first word of two-word names, with the summary of the subgroup."""

EXAMPLES: Final = (
    "demo quicknotes            # a sample to try out",
    "build quicknotes           # its report, as HTML and PDF",
    "init && findings-report pin    # your own engagement",
    'new "Missing rate limit" --path app/login.py --lines 10-20',
    "list --status open --severity high",
    "check --strict",
)
"""Command lines for the help of the program, in the order of the work, without its name."""


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
            _run(_move_color_first(sys.argv[1:]))
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
        if _requested_format(sys.argv) is OutputFormat.JSON:
            _print_error([Problem(Kind.OUTPUT, "a bug; standard error has its traceback", "report it", code="bug")])
            process.settle_output()
        sys.exit(BUG)


def _run(arguments: Sequence[str]) -> None:
    """Run a command line. With --output-format json also what is wrong with it is JSON, and not the text that Typer prints."""
    if _requested_format(arguments) is not OutputFormat.JSON:
        app(arguments)
        return
    try:
        code = app(arguments, standalone_mode=False)
    except _UsageError as error:
        remedy = f"`findings-report {_requested_command(arguments)} --help`".replace("  ", " ") + " lists arguments and options"
        raise FindingsReportError(Problem(Kind.USAGE, error.format_message(), remedy, code="command-line")) from None
    # Typer returns the code of `Exit` in this mode, and else what the command returns, which is nothing.
    sys.exit(code if isinstance(code, int) else 0)


_UsageError: Final[Any] = typer.BadParameter.__mro__[1]
"""What Typer raises for a command line; the package exports only this subclass of it."""


def _print_error(problems: Sequence[Problem]) -> None:
    """Print why a run ended, in the format that was asked for; on standard error if standard output cannot be written."""
    output_format = _requested_format(sys.argv)
    try:
        if output_format is OutputFormat.JSON:
            print_json(None, problems, command=_requested_command(_move_color_first(sys.argv[1:])))
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


def _requested_command(arguments: Sequence[str]) -> str:
    """Return the words of the command on the command line; empty if they are no command."""
    remaining = iter(arguments)
    words = [word for word in remaining if not word.startswith("-") or (word == "--color" and next(remaining, None) is None)]
    return next((row.name for row in COMMANDS if row.name.split() == words[: len(row.name.split())]), "")
