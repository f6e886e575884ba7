"""The command that compares two reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from findings_report.cli.options import (
    AllMessages,
    Audience,
    Borrow,
    Clones,
    MessageFormat,
    Output,
    PasswordFile,
    SystemFonts,
    built_files,
    inputs_of,
    propose_templates,
    show_progress,
)
from findings_report.cli.output import (
    LEVEL_STYLES,
    OutputFormat,
    Piece,
    Styled,
    err,
    leave,
    out,
    print_end,
    print_json,
    print_problems,
    severity_style,
    table,
    wrapped,
    written,
    wrote,
)
from findings_report.problems import Kind, Level, Problem
from findings_report.problems.safe_text import list_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from findings_report.cli.outputs import DiffDeclaredOutput, DiffFindingOutput, DiffOutput, DiffPlaceOutput
    from findings_report.commands.diff import PublishedDiff
    from findings_report.model.comparison import ChangeCount, ComparedFinding, Comparison, DeclaredFileChange, TrackedRegion

SIDE: Final = "A folder, a report's JSON or PDF, or a git revision of the findings; git:REV forces a revision."


def diff(
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help=SIDE, show_default=False)],
    current: Annotated[
        str | None, typer.Argument(metavar="CURRENT", help="The same for the newer report.", show_default="the working folder")
    ] = None,
    folder: Annotated[
        Path, typer.Option("-C", metavar="FOLDER", help="The engagement's folder.", show_default="the current folder")
    ] = Path(),
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--format",
            metavar="FORMAT",
            help="Write a document: md, html, pdf or json; repeat for more.",
            show_default="none",
        ),
    ] = None,
    output: Output = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAME",
            autocompletion=propose_templates,
            help="A template: standard, fix-review or a folder in your templates/.",
            show_default="`template` of the engagement, else standard",
        ),
    ] = None,
    repository: Clones = None,
    borrow: Borrow = None,
    audience: Audience = None,
    system_fonts: SystemFonts = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="LIST",
            help="Exit with 1 on any of these, as in new:high,regressed,contradiction.",
            show_default="none",
        ),
    ] = None,
    exit_code_wanted: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if findings differ.")] = False,
    password_file: PasswordFile = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Compare two reports and check their claims against the code.

    The password of an encrypted PDF comes from --password-file, the variable FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.commands.diff import DiffOptions
    from findings_report.commands.diff import diff as compare

    options = DiffOptions(
        formats=tuple(formats or ()),
        output=output,
        template=template,
        system_fonts=system_fonts,
        # Blanks after the commas are allowed: in a CI file the list is quoted.
        fail_on=tuple(word.strip() for word in (fail_on or "").split(",") if word.strip()),
        exit_code=exit_code_wanted,
    )
    inputs = inputs_of(folder, repository, borrow, evidence=True, password_file=password_file, audience=audience)
    with show_progress() as progress:
        # Prompt and progress line share the terminal.
        asking = replace(inputs, password=progress.aside(inputs.password))
        diffed = compare(baseline, current, asking, options, progress)
    _conclude(diffed, output_format, each=all_messages)


def _conclude(diffed: PublishedDiff, output_format: OutputFormat, *, each: bool) -> None:
    to_stdout = [file for file in diffed.files if file.path is None]
    for file in to_stdout:
        written(file.content)
    # A document on standard output must not be mixed with text.
    write = err if to_stdout else out
    if output_format is OutputFormat.JSON:
        print_json(_output(diffed), diffed.problems, write)
    else:
        annotations = _annotations(diffed.comparison, output_format)
        print_problems((*annotations, *diffed.problems), output_format, write, each=each)
        _print_findings(diffed.comparison, write)
        for file in diffed.files:
            if file.path is not None:
                write(*wrote(file))
        print_end(diffed.problems)
    leave(diffed.problems)


def _annotations(comparison: Comparison, output_format: OutputFormat) -> list[Problem]:
    """Return contradictions and findings to review as problems, which a forge shows beside a change."""
    from findings_report.model.comparison import Assessment

    # In the other formats the judgements are printed below the table.
    if output_format is not OutputFormat.GITHUB:
        return []
    levels: dict[Assessment, Level] = {Assessment.CONTRADICTION: "warning", Assessment.REVIEW: "note"}
    codes = {Assessment.CONTRADICTION: "claim-contradiction", Assessment.REVIEW: "claim-review"}
    return [
        Problem(Kind.GATE, f"{compared.id}: {judgement.text}", level=levels[judgement.weight], code=codes[judgement.weight])
        for compared in comparison.findings
        for judgement in compared.judgements
        if judgement.weight in levels
    ]


def _print_findings(comparison: Comparison, write: Callable[..., None]) -> None:
    """Print a table of what changed or needs review, each judgement below it, and the counts."""
    from findings_report.model.comparison import Assessment

    detailed = comparison.detailed
    if detailed:
        write(table(("id", "change", "severity", "title"), [_row(compared, comparison) for compared in detailed]))
    for compared in detailed:
        for judgement in compared.judgements:
            # A consistent claim needs no line: the table has its finding.
            if judgement.weight is not Assessment.CONSISTENT:
                style = LEVEL_STYLES["error" if judgement.weight is Assessment.CONTRADICTION else "warning"]
                text = wrapped(f"{compared.id}: {judgement.weight.value}: {judgement.text}")
                before, weight, after = text.partition(f"{judgement.weight.value}:")
                write(Styled(before, "bold"), Styled(weight, style), after)
    for file in comparison.declared_files:
        differs = f" ({', '.join(field.label for field in file.fields)})" if file.fields else ""
        where = f", in {list_names(file.findings)}" if file.findings else ""
        write(wrapped(f"{file.kind} {file.name}: {file.change.value}{differs}{where}"))
    for lineage in comparison.lineages:
        write(wrapped(f"{lineage.kind}: {lineage.text}"))
    for limit in comparison.limits:
        write(wrapped(f"not compared: {limit}"))
    if unlisted := len(comparison.findings) - len(detailed):
        write(f"{unlisted} unchanged finding{'' if unlisted == 1 else 's'} not shown")
    changes = _counts(count for count in comparison.counts if not count.is_status_change)
    turns = _counts(count for count in comparison.counts if count.is_status_change)
    total = len(comparison.findings)
    summary = f"{total} finding{'' if total == 1 else 's'}" + (f": {changes}" if changes else "")
    write(summary + (f"; of these {turns}" if turns else ""))


def _row(compared: ComparedFinding, comparison: Comparison) -> tuple[Piece, ...]:
    scale = [severity.name for severity in comparison.engagement.severities]
    severity = compared.latest.severity.name
    # A severity of the baseline only is in no place of the scale.
    style = severity_style(scale.index(severity), len(scale)) if severity in scale else ""
    return Styled(compared.id, "bold"), _change(compared), Styled(severity, style), compared.latest.title


def _counts(counts: Iterable[ChangeCount]) -> str:
    return ", ".join(f"{count.total} {count.name}" for count in counts if count.total)


def _change(compared: ComparedFinding) -> str:
    return compared.turn.value if compared.turn else compared.change.value


def _output(diffed: PublishedDiff) -> DiffOutput:
    from findings_report.cli.outputs import DiffOutput

    comparison = diffed.comparison
    return DiffOutput(
        counts={count.name: count.total for count in comparison.counts},
        findings=tuple(map(_finding_output, comparison.findings)),
        declared_files=tuple(map(_declared_output, comparison.declared_files)),
        limits=comparison.limits,
        files=built_files(diffed.files),
    )


def _declared_output(file: DeclaredFileChange) -> DiffDeclaredOutput:
    from findings_report.cli.outputs import DiffDeclaredOutput

    return DiffDeclaredOutput(
        kind=file.kind,
        name=file.name,
        title=file.title,
        change=file.change.value,
        fields=tuple(field.name for field in file.fields),
        findings=file.findings,
    )


def _finding_output(compared: ComparedFinding) -> DiffFindingOutput:
    from findings_report.cli.outputs import DiffFindingOutput, FixCommitOutput, JudgementOutput, LineageOutput

    return DiffFindingOutput(
        id=compared.id,
        change=compared.change.value,
        turn=compared.turn.value if compared.turn else None,
        baseline=compared.baseline.id if compared.baseline else None,
        possible=tuple(compared.possible),
        lineage=tuple(map(LineageOutput.model_validate, compared.lineage)),
        severity=compared.latest.severity.name,
        status=compared.current.status.value if compared.current else None,
        code=compared.code.value,
        places=tuple(map(_place, compared.evidence)),
        fixes=tuple(map(FixCommitOutput.model_validate, compared.fixes)),
        fields=tuple(field.name for field in compared.fields),
        judgements=tuple(map(JudgementOutput.model_validate, compared.judgements)),
    )


def _place(region: TrackedRegion) -> DiffPlaceOutput:
    """Return one cited region: where it was cited, what happened to it, and where it is now."""
    from findings_report.cli.outputs import DiffLinesOutput, DiffPlaceOutput

    drift, now = region.drift, region.drift.now
    return DiffPlaceOutput(
        repository=region.repository,
        path=drift.path,
        lines=None if drift.is_whole_file else str(drift.region),
        code=region.state.value,
        drift=drift.kind.value,
        now=DiffLinesOutput(path=now.path, lines=str(now.region)) if now else None,
    )
