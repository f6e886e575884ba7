"""The small commands: doctor, demo and explain for the program itself, pin, fetch and cache for repositories under audit."""

from __future__ import annotations

import textwrap
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from findings_report.cli.options import (
    AllMessages,
    Borrow,
    Clones,
    Folder,
    MessageFormat,
    inputs_of,
    propose_pages,
    propose_problem_codes,
    propose_repositories,
    show_progress,
)
from findings_report.cli.output import WIDTH, OutputFormat, leave, link_texts, markdown, out, print_json, print_problems, table
from findings_report.problems import exit_code

if TYPE_CHECKING:
    from findings_report.cli.outputs import CachedFolderOutput
    from findings_report.commands.init import Health
    from findings_report.system.cache import CachedFolder


def doctor(output_format: MessageFormat = OutputFormat.FULL) -> None:
    """List missing dependencies, with the command that installs them, and what each extra enables."""
    from findings_report import commands

    health = commands.doctor()
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import DoctorOutput

        print_json(DoctorOutput.model_validate(health), health.problems)
    else:
        _print_health(health, output_format)
    leave(health.problems)


def _print_health(health: Health, output_format: OutputFormat) -> None:
    width = max(len(component.name) for component in health.components)
    for component in health.components:
        out(f"{component.name.ljust(width)}  {component.version}")
    rows = [(extra.name, "-" if extra.install else "installed", extra.enables) for extra in health.extras]
    out("\n", table(("extra", "", "what it does"), rows))
    if absent := [extra.name for extra in health.extras if extra.install]:
        out(f"to install them, or fewer: {health.install}" if len(absent) > 1 else f"to install {absent[0]}: {health.install}")
    print_problems(health.problems, output_format)
    if not exit_code(health.problems):
        out("all required dependencies are installed")


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.", show_default=False)],
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Write a sample git repository with two releases, and an engagement on it."""
    from findings_report import commands

    written = commands.demo(folder)
    repository, engagement = written / "app", written / "findings"
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import DemoOutput

        print_json(DemoOutput(repository=repository, engagement=engagement), ())
        return
    out(f"wrote {repository}, a git repository with the tags 1.0 and 1.1")
    out(f"wrote {engagement}, an engagement on it")
    out(f"next: findings-report build {written}")


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            help="The code at the end of a message, without brackets; default: list all codes.",
            show_default=False,
            autocompletion=propose_problem_codes,
        ),
    ] = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Print what a problem code means, a message that carries it, and what to do.

    Messages end with their code in brackets, as in [quote-moved]. docs/problems.md contains the same texts.
    """
    from findings_report.problems import catalogue

    # Messages print the code in brackets, and people copy them.
    entry = catalogue.explain(code.strip("[]")) if code is not None else None
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ExplainedCodeOutput, ExplainOutput

        entries = catalogue.entries() if entry is None else [entry]
        print_json(ExplainOutput(codes=tuple(map(ExplainedCodeOutput.model_validate, entries))), ())
        return
    if entry is not None:
        texts = (entry.meaning, f"Example: {entry.example}", f"Help: {entry.remedy}")
        out("\n".join([entry.code, *map(_fill, texts)]))
        return
    for group, heading in catalogue.HEADINGS.items():
        out(f"{heading}:")
        for listed in catalogue.entries():
            if listed.group == group:
                out(_fill(f"{listed.code}: {listed.meaning}", hanging="      "))


def docs(
    page: Annotated[
        str | None,
        typer.Argument(
            metavar="PAGE",
            help="Name of the page, also as in tickets.md#trackers; default: list all pages.",
            show_default=False,
            autocompletion=propose_pages,
        ),
    ] = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Print a page of the documentation.

    The pages are those of this version, and need no network. In a pipe they are Markdown.
    """
    from findings_report.commands.init import list_pages, read_page

    text = read_page(page) if page is not None else None
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import DocsOutput, PageOutput

        titles = {name: title for name, title in list_pages().items() if page in (None, name)}
        print_json(DocsOutput(pages=tuple(PageOutput(name=name, title=titles[name], text=text) for name in titles)), ())
    elif text is None:
        out(table(("page", "title"), list(list_pages().items())))
    else:
        out(markdown(text))


def _fill(text: str, hanging: str = "  ") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent="  ", subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


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
            autocompletion=propose_repositories,
            help="Pin this repository only.",
            show_default="all that are not pinned",
        ),
    ] = None,
    links: Annotated[
        bool, typer.Option("--links", help="Also pin links in prose that name a branch, if they show the same code.")
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Pin each repository that is not pinned yet.

    The commit is written into engagement.yaml; comments and layout are kept.
    """
    from findings_report import commands

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    pinned = commands.pin(inputs, to=to, only=only)
    done, problems = list(pinned.messages), list(pinned.problems)
    if links:
        from findings_report.commands.pin import pin_links

        # After the pins: links are compared at the commits that were just written.
        linked = pin_links(inputs, only)
        done += linked.messages
        problems += linked.problems
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import PinOutput

        print_json(PinOutput(commits=dict(pinned.commits), done=tuple(done)), problems)
    else:
        for line in done:
            out(*link_texts(line, pinned.addresses))
        print_problems(problems, output_format, each=all_messages)
    leave(problems)


def fetch(
    folder: Folder = Path(),
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,  # noqa: ARG001  # of errors, see `app`
) -> None:
    """Clone repositories that have a url but no local path, cited commits only.

    The clones are in ~/.cache/findings-report, or below XDG_CACHE_HOME.
    """
    from findings_report import commands

    with show_progress() as progress:
        done = commands.fetch(inputs_of(folder, None, None, evidence=True), progress)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import FetchOutput

        print_json(FetchOutput.model_validate({"done": done}), ())
        return
    for fetched in done:
        out(fetched.text)


def show_cache(output_format: MessageFormat = OutputFormat.FULL) -> None:
    """List what is kept on this machine.

    These are pages of reports, by engagement, and clones that fetch made. All of it can be made again.
    """
    from findings_report.commands.pin import show_cache as list_cached

    cached = list_cached()
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ShownCacheOutput

        print_json(ShownCacheOutput(cache=tuple(map(_cached_output, cached))), ())
        return
    rows = [
        (entry.kind, entry.name, str(entry.files), _megabytes(entry.size), date.fromtimestamp(entry.last_used).isoformat())
        for entry in cached
    ]
    out(table(("kind", "of", "files", "size", "last used"), rows) if rows else "nothing is kept")


def clear_cache(
    engagement: Annotated[
        Path | None,
        typer.Argument(
            metavar="ENGAGEMENT",
            help="The folder of an engagement: its pages, and the clones of its repositories.",
            show_default="everything",
        ),
    ] = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Remove what is kept on this machine.

    A build that is running goes on without it.
    """
    from findings_report.commands.pin import clear_cache as remove_cached

    removed = remove_cached(engagement)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ClearedCacheOutput

        print_json(ClearedCacheOutput(removed=tuple(map(_cached_output, removed))), ())
        return
    files, size = sum(entry.files for entry in removed), sum(entry.size for entry in removed)
    out(f"removed {files} file{'' if files == 1 else 's'}, {_megabytes(size)}" if removed else "nothing was kept")


def _cached_output(entry: CachedFolder) -> CachedFolderOutput:
    from findings_report.cli.outputs import CachedFolderOutput

    return CachedFolderOutput(kind=entry.kind, name=entry.name, files=entry.files, bytes=entry.size)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
