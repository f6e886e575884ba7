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
from findings_report.cli.options import (
    AllMessages,
    Audience,
    Borrow,
    Clones,
    MessageFormat,
    PasswordFile,
    inputs_of,
    source_date,
)
from findings_report.cli.output import OutputFormat, err, leave, out, print_json, print_problems
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from findings_report.commands import Environment, TicketsResult

Public = Annotated[bool, typer.Option("--public", help="Allow publicly readable tickets.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and send nothing.")]

Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="ID", help="This finding only; repeat for more.", show_default="all")
]


def attach(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Files to attach.", show_default="the report and findings with tickets"),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="TICKET",
            help="A ticket, as in jira:SEC-12 or redmine:17; repeat for more.",
            show_default="`tickets` of the engagement",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REPORT",
            help="Describe the changes since this report.",
            show_default="the last one on the ticket",
        ),
    ] = None,
    changes: Annotated[
        str | None,
        typer.Option(
            "--changes", metavar="TEXT", help="Describe the changes in your own words.", show_default="from the two reports"
        ),
    ] = None,
    public: Public = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Attach also an older report than the one on the ticket, or one with the same content."),
    ] = False,
    dry_run: DryRun = False,
    repository: Clones = None,
    borrow: Borrow = None,
    audience: Audience = None,
    password_file: PasswordFile = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
    folder: Inside = Path(),
) -> None:
    """Attach the report to its tickets, once, with a comment.

    Without FILE, the report is built for the tickets of the engagement, and each finding for its own. Address and token of
    the tracker come from the environment, the keyring or a prompt: docs/tickets.md.

    The comment describes the content of a PDF. For an encrypted PDF, the password comes from --password-file, the variable
    FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.commands import AttachOptions
    from findings_report.commands.tickets import attach as attach_files

    inputs = inputs_of(folder, repository, borrow, evidence=True, audience=audience, password_file=password_file)
    options = AttachOptions(
        tuple(files or ()),
        tuple(to or ()),
        inputs,
        changes=changes,
        since=since,
        default_date=source_date(),
        public=public,
        force=force,
        dry_run=dry_run,
    )
    with _progress() as progress:
        result = attach_files(options, environment(), progress)
    _conclude("attach", result, output_format, each=all_messages)


def create(
    to: Annotated[
        str, typer.Option("--to", metavar="PROJECT", help="The project, as in jira:SEC or redmine:audit.", show_default=False)
    ],
    only: Only = None,
    public: Public = False,
    dry_run: DryRun = False,
    repository: Clones = None,
    borrow: Borrow = None,
    audience: Audience = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
    folder: Inside = Path(),
) -> None:
    """Create a ticket for each unresolved finding that has none."""
    from findings_report.commands import CreateOptions
    from findings_report.commands.tickets import create as create_tickets

    inputs = inputs_of(folder, repository, borrow, evidence=True, audience=audience)
    options = CreateOptions(to, tuple(only or ()), public, dry_run)
    with _progress() as progress:
        result = create_tickets(inputs, options, environment(), progress)
    _conclude("tickets-create", result, output_format, each=all_messages)


def sync(
    only: Only = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also overwrite texts that were edited on the tracker.")
    ] = False,
    dry_run: DryRun = False,
    repository: Clones = None,
    borrow: Borrow = None,
    audience: Audience = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
    folder: Inside = Path(),
) -> None:
    """Update the tickets of findings.

    No ticket is closed.
    """
    from findings_report.commands import SyncOptions
    from findings_report.commands.tickets import sync as sync_tickets

    inputs = inputs_of(folder, repository, borrow, evidence=True, audience=audience)
    options = SyncOptions(tuple(only or ()), overwrite, dry_run)
    with _progress() as progress:
        result = sync_tickets(inputs, options, environment(), progress)
    _conclude("tickets-sync", result, output_format, each=all_messages)


def export(
    formats: Annotated[
        list[str] | None,
        typer.Option("-f", "--format", metavar="FORMAT", help="jira, azure or md; repeat for more.", show_default="all"),
    ] = None,
    only: Only = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="A folder.", show_default="build/tickets/")
    ] = None,
    repository: Clones = None,
    borrow: Borrow = None,
    audience: Audience = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
    folder: Inside = Path(),
) -> None:
    """Write files for a tracker's import, if the tracker cannot be reached."""
    from findings_report.commands.tickets import export as export_tickets

    inputs = inputs_of(folder, repository, borrow, evidence=True, audience=audience)
    with _progress() as progress:
        result = export_tickets(inputs, tuple(formats or ()), tuple(only or ()), output, progress)
    _conclude("tickets-export", result, output_format, each=all_messages)


def comment(
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="What `build` printed.", show_default="none")
    ] = None,
    comparison: Annotated[
        Path | None, typer.Option("--comparison", metavar="FILE", help="What `diff` printed.", show_default="none")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Several jobs of a change have a comment each, by this name.")
    ] = "report",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the comment, and send nothing.")] = False,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Comment on the pull or merge request of this CI job.

    A later run updates the comment of an earlier one. The token is in GITHUB_TOKEN, with the permission pull-requests: write,
    or in GITLAB_TOKEN, a project access token of the scope api.
    """
    from findings_report.commands.tickets import comment as write_comment

    texts = {
        heading: path
        for heading, path in (("The report", report), ("What changed since the last report", comparison))
        if path is not None
    }
    if not texts:
        raise FindingsReportError(
            Problem(Kind.USAGE, "there is nothing to say", "add --report or --comparison", code="options")
        )
    result = write_comment(texts, name, os.environ, dry_run=dry_run)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ChangeCommentOutput

        print_json(ChangeCommentOutput.model_validate(result), ())
    elif dry_run:
        out(result.text)
    else:
        out(f"no comment: {result.why}" if result.action == "skipped" else f"the comment is {result.action}")


def environment() -> Environment:
    """Return the environment variables, and a prompt if there is a terminal."""
    from findings_report.commands import Environment

    # The prompt is written to standard error: redirected, it would wait unseen.
    return Environment(os.environ, _ask if sys.stdin.isatty() and sys.stderr.isatty() else None)


def _ask(name: str) -> str:
    import getpass

    return getpass.getpass(f"{name}: ")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Print each step as a line on standard error: a prompt for a token may come between."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    # Lines instead of rich's status line, which would overwrite the prompt.
    yield err


def _conclude(name: str, result: TicketsResult, output_format: OutputFormat, *, each: bool) -> None:
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import OUTPUTS

        print_json(OUTPUTS[name].model_validate({"done": result.done}), result.problems)
    else:
        # Messages first: they say what was sent before a problem occurred.
        for line in result.messages:
            out(line)
        print_problems(result.problems, output_format, each=each)
    leave(result.problems)
