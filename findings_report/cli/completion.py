"""What a shell proposes when Tab is pressed: words of the engagement at hand, and nothing that a shell could take amiss.

A fault gives no proposals: a prompt has no room to tell it, and the command itself will.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from findings_report.problems import FindingsReportError

_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\Z")
"""Names come from files that others wrote, and a shell puts them on the command line as they are."""


def _proposed(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    try:
        return [word for word in find() if word.startswith(incomplete) and _HARMLESS.match(word)]
    except (FindingsReportError, OSError):
        return []


def _folder(context: typer.Context) -> Path:
    named = context.params.get("folder") or next(iter(context.params.get("folders") or ()), ".")
    return Path(named)


def entries(context: typer.Context, incomplete: str) -> list[str]:
    """The library's entries."""
    from findings_report import commands

    shared = context.params.get("library")
    return _proposed(lambda: commands.library(_folder(context), Path(shared) if shared else None).entries, incomplete)


def problem_codes(incomplete: str) -> list[str]:
    """The codes that `explain` knows."""
    from findings_report.problems.catalogue import entries

    return _proposed(lambda: [entry.code for entry in entries()], incomplete)


def formats(incomplete: str) -> list[str]:
    """The formats of a report."""
    from findings_report.report.formats import FORMATS

    return _proposed(lambda: FORMATS, incomplete)


def severities(context: typer.Context, incomplete: str) -> list[str]:
    """The engagement's scale."""
    from findings_report import authoring

    def find() -> Iterable[str]:
        authored = authoring.load_engagement(authoring.Folder(authoring.find_folder(_folder(context))))
        return [severity.name for severity in authored.engagement.severities]

    return _proposed(find, incomplete)


def findings(context: typer.Context, incomplete: str) -> list[str]:
    """The engagement's findings."""
    from findings_report import authoring

    return _proposed(lambda: authoring.load(authoring.Folder(authoring.find_folder(_folder(context)))).findings, incomplete)


def repositories(context: typer.Context, incomplete: str) -> list[str]:
    """The engagement's repositories."""
    from findings_report import authoring

    def find() -> Iterable[str]:
        return authoring.load_engagement(authoring.Folder(authoring.find_folder(_folder(context)))).engagement.repositories

    return _proposed(find, incomplete)


def templates(context: typer.Context, incomplete: str) -> list[str]:
    """The tool's templates and the engagement's own."""
    from findings_report import authoring
    from findings_report.rendering.template_files import find_template, template_names

    def find() -> Iterable[str]:
        return template_names(find_template("standard", authoring.find_folder(_folder(context)), given=False))

    return _proposed(find, incomplete)
