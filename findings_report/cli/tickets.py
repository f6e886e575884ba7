"""The commands that talk to issue trackers. Each is one thin function."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from findings_report.cli.authoring import Inside
from findings_report.cli.options import Borrow, Clones, Say, inputs_of, source_date
from findings_report.cli.output import OutputFormat, err, out, say_json, say_problems
from findings_report.cli.passwords import PasswordFile
from findings_report.problems import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from findings_report.tickets.http.credentials import Environment
    from findings_report.tickets.session import TicketsResult

Public = Annotated[bool, typer.Option("--public", help="A ticket that everybody can read is meant.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look at everything, say what would be done, and send nothing.")]

Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="ID", help="This finding alone; repeat for more.", show_default=False)
]


def attach(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="What to attach.", show_default=False)] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="TICKET", help="As jira:SEC-12 or redmine:17; repeat for more.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="REPORT", help="Say what changed since this, not since the last one on the ticket."),
    ] = None,
    changes: Annotated[
        str | None, typer.Option("--changes", metavar="TEXT", help="What changed, in words of your own.")
    ] = None,
    public: Public = False,
    dry_run: DryRun = False,
    repository: Clones = None,
    borrow: Borrow = None,
    password_file: PasswordFile = None,
    output_format: Say = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Attach files to tickets, once each, with a comment.

    Without FILE the report is built for the engagement's tickets, and each finding for its own. The tracker's address and
    token come from the environment, the keyring or a prompt: see docs/tickets.md.

    The comment says what a PDF holds; of an encrypted one only with its password, which comes from --password-file, the
    variable FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.commands.attach import attach as attach_files
    from findings_report.tickets.attach import AttachOptions

    inputs = inputs_of(folder, repository, borrow, evidence=True, password_file=password_file)
    options = AttachOptions(
        tuple(files or ()),
        tuple(to or ()),
        inputs,
        changes=changes,
        since=since,
        default_date=source_date(),
        public=public,
        dry_run=dry_run,
    )
    with _progress() as progress:
        result = attach_files(options, environment(), progress)
    _conclude(result, output_format)


app = typer.Typer(
    help="Tickets for findings: create, sync, export.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@app.command()
def create(
    to: Annotated[
        str, typer.Option("--to", metavar="PROJECT", help="Where: as jira:SEC or redmine:audit.", show_default=False)
    ],
    only: Only = None,
    public: Public = False,
    dry_run: DryRun = False,
    repository: Clones = None,
    borrow: Borrow = None,
    output_format: Say = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Make a ticket for each unresolved finding that has none."""
    from findings_report.tickets.create import CreateOptions
    from findings_report.tickets.create import create as create_tickets

    options = CreateOptions(to, tuple(only or ()), public, dry_run)
    with _progress() as progress:
        result = create_tickets(inputs_of(folder, repository, borrow, evidence=True), options, environment(), progress)
    _conclude(result, output_format)


@app.command()
def sync(
    only: Only = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also texts that people changed on the tracker since.")
    ] = False,
    dry_run: DryRun = False,
    repository: Clones = None,
    borrow: Borrow = None,
    output_format: Say = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Bring tickets in step with their findings. None is closed."""
    from findings_report.tickets.sync import SyncOptions
    from findings_report.tickets.sync import sync as sync_tickets

    options = SyncOptions(tuple(only or ()), overwrite, dry_run)
    with _progress() as progress:
        result = sync_tickets(inputs_of(folder, repository, borrow, evidence=True), options, environment(), progress)
    _conclude(result, output_format)


@app.command()
def export(
    formats: Annotated[
        list[str] | None, typer.Option("-f", "--format", metavar="FORMAT", help="jira, azure or md; repeat for more.")
    ] = None,
    only: Only = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Default build/tickets/.")] = None,
    repository: Clones = None,
    borrow: Borrow = None,
    output_format: Say = OutputFormat.FULL,
    folder: Inside = Path(),
) -> None:
    """Write files that a tracker imports, where it cannot be reached."""
    from findings_report.tickets.export import export as export_tickets

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    with _progress() as progress:
        result = export_tickets(inputs, tuple(formats or ()), tuple(only or ()), output, progress)
    _conclude(result, output_format)


def environment() -> Environment:
    """The environment, and the terminal to ask on where there is one."""
    from findings_report.tickets.http.credentials import Environment

    return Environment(os.environ, _ask if sys.stdin.isatty() and sys.stderr.isatty() else None)


def _ask(name: str) -> str:
    import getpass

    return getpass.getpass(f"{name}: ")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """On standard error, a line each: a prompt for a token may come between."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    yield err


def _conclude(result: TicketsResult, output_format: OutputFormat) -> None:
    if output_format is OutputFormat.JSON:
        say_json({"done": list(result.messages)}, result.problems)
    else:
        for line in result.messages:
            out(line)
        say_problems(result.problems, output_format)
    if code := exit_code(result.problems):
        raise typer.Exit(code)
