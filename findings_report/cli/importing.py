"""The commands `import ...`, one for each row of IMPORTERS, with the options that the row names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from findings_report.cli.authoring import Inside
from findings_report.cli.options import AllMessages, Borrow, Clones, MessageFormat, inputs_of, propose_severities, show_progress
from findings_report.cli.output import OutputFormat, err, out, print_problems
from findings_report.importing.importers import IMPORTERS, Importer, ImportOptions

if TYPE_CHECKING:
    from findings_report.commands.import_findings import ImportResult
    from findings_report.model.evidence import Verdict

Groups = Literal["result", "rule", "file"]

_OPTIONS: Final[Mapping[str, tuple[Any, Any]]] = {
    "severity": (
        Annotated[
            str | None,
            typer.Option(
                "--severity",
                metavar="SEVERITY",
                autocompletion=propose_severities,
                help="The severity of findings whose source gives none.",
                show_default="the last of the scale",
            ),
        ],
        None,
    ),
    "group": (
        Annotated[Groups, typer.Option("--group", help="What is one finding: a result, or all those of a rule or a file.")],
        "result",
    ),
    "limit": (
        Annotated[int, typer.Option("--limit", metavar="N", min=1, max=20_000, help="Refuse a file with more findings.")],
        ImportOptions.limit,
    ),
    "include_passed": (
        Annotated[bool, typer.Option("--include-passed", help="Also import results that passed, or have no level.")],
        False,
    ),
    "columns": (
        Annotated[
            Path | None,
            typer.Option(
                "--map",
                metavar="FILE",
                help="YAML that names the column of each field, as in `title: Summary`.",
                show_default="the columns of `build -f csv`",
            ),
        ],
        None,
    ),
    "delimiter": (
        Annotated[
            str | None,
            typer.Option("--delimiter", metavar="SIGN", help="The sign between cells.", show_default="recognised"),
        ],
        None,
    ),
}
"""Options by their names in ImportOptions, each with its default."""

_Dry = Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")]


def _make_command(row: Importer) -> Callable[..., None]:
    """Return the command of an importer, with the signature that Typer reads."""

    def command(**given: Any) -> None:
        _run(row, **given)

    files = Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help=f"{row.files[:1].upper()}{row.files[1:]}.", show_default=False),
    ]
    parameters: dict[str, tuple[Any, Any]] = {
        "files": (files, inspect.Parameter.empty),
        **{name: _OPTIONS[name] for name in row.options},
        "dry_run": (_Dry, False),
        "repository": (Clones, None),
        "borrow": (Borrow, None),
        "output_format": (MessageFormat, OutputFormat.FULL),
        "all_messages": (AllMessages, False),
        "folder": (Inside, Path()),
    }
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
            for name, (annotation, default) in parameters.items()
        ]
    )
    command.__annotations__ = {name: annotation for name, (annotation, _) in parameters.items()}
    again = "Importing a changed file again updates its findings, and keeps what was changed in them."
    command.__doc__ = f"{row.summary}\n\n{' '.join(filter(None, (row.details, again)))}"
    return command


COMMANDS: Final = {f"import_{name}": _make_command(row) for name, row in IMPORTERS.items()}
"""The commands by the names that the table of commands has for them."""


def __getattr__(name: str) -> Callable[..., None]:
    """Return a command."""
    if name not in COMMANDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return COMMANDS[name]


def _run(
    row: Importer,
    *,
    files: list[Path],
    dry_run: bool,
    repository: list[str] | None,
    borrow: list[Path] | None,
    output_format: OutputFormat,
    all_messages: bool,
    folder: Path,
    columns: Path | None = None,
    **options: Any,
) -> None:
    """Import files, and print what was written and what was not verified."""
    from findings_report.commands.import_findings import import_findings
    from findings_report.problems.safe_text import display_path

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    with show_progress() as progress:
        result = import_findings(
            row.name,
            inputs,
            files,
            options=ImportOptions(**options),
            columns=columns,
            dry_run=dry_run,
            progress=progress,
        )
    print_problems(result.problems, output_format, err if output_format is OutputFormat.JSON else out, each=all_messages)
    would = "would " if dry_run else ""
    for paths, verb in ((result.new, "write" if dry_run else "wrote"), (result.updated, "update" if dry_run else "updated")):
        for path in paths:
            out(f"{would}{verb} {display_path(path)}")
    out(_summarize_import(result))


def _summarize_import(result: ImportResult) -> str:
    """Return what was checked and what was not, in a line."""
    parts = [f"{_count(result.verified, 'quote')} verified{_list_counts(result.verified)}"]
    if result.unverified:
        parts.append(f"{_count(result.unverified, 'location')} not verified{_list_counts(result.unverified)}")
    if result.unplaced:
        parts.append(f"{result.unplaced} block{'' if result.unplaced == 1 else 's'} of code left as text")
    if result.unchanged:
        parts.append(f"{result.unchanged} finding{'' if result.unchanged == 1 else 's'} unchanged")
    return "; ".join(parts)


def _count(counts: Mapping[Verdict, int], noun: str) -> str:
    count = sum(counts.values())
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _list_counts(counts: Mapping[Verdict, int]) -> str:
    words = {"none": "without a quote", "not_found": "not found"}
    listed = ", ".join(f"{count} {words.get(verdict.value, verdict.value)}" for verdict, count in counts.items())
    return f" ({listed})" if listed else ""
