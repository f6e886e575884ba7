"""Completion in the shell: words of the current engagement that are harmless on a command line.

An error gives no proposals: a prompt has no room for it, and the command itself reports it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from findings_report.problems import FindingsReportError

_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\Z")
"""Names come from files that others wrote, and a shell inserts them into the command line without quoting."""


def _propose(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    try:
        return [word for word in find() if word.startswith(incomplete) and _HARMLESS.match(word)]
    # A traceback or a message would be printed into the command line that is being typed.
    except (FindingsReportError, OSError):
        return []


def _folder(context: typer.Context) -> Path:
    # `build` takes several folders: proposals come from the first.
    named = context.params.get("folder") or next(iter(context.params.get("folders") or ()), ".")
    return Path(named)


def entries(context: typer.Context, incomplete: str) -> list[str]:
    """Return the library's entries."""
    # Imported here: the program starts at each press of Tab, also for words that need nothing else.
    from findings_report.commands.check import list_library_entries

    shared = context.params.get("library")
    return _propose(lambda: list_library_entries(_folder(context), Path(shared) if shared else None), incomplete)


def problem_codes(incomplete: str) -> list[str]:
    """Return all problem codes."""
    from findings_report.problems.catalogue import entries

    return _propose(lambda: [entry.code for entry in entries()], incomplete)


def formats(incomplete: str) -> list[str]:
    """Return the formats of a report."""
    from findings_report.commands.check import list_formats

    return _propose(list_formats, incomplete)


def severities(context: typer.Context, incomplete: str) -> list[str]:
    """Return the engagement's scale."""
    from findings_report.commands.check import list_severities

    return _propose(lambda: list_severities(_folder(context)), incomplete)


def audiences(context: typer.Context, incomplete: str) -> list[str]:
    """Return the engagement's audiences."""
    from findings_report.commands.check import list_audiences

    return _propose(lambda: list_audiences(_folder(context)), incomplete)


def findings(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the engagement's findings."""
    from findings_report.commands.check import list_finding_ids

    return _propose(lambda: list_finding_ids(_folder(context)), incomplete)


def repositories(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the engagement's repositories."""
    from findings_report.commands.check import list_repositories

    return _propose(lambda: list_repositories(_folder(context)), incomplete)


def templates(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the tool's templates and of the engagement's own."""
    from findings_report.commands.check import list_templates

    return _propose(lambda: list_templates(_folder(context)), incomplete)
