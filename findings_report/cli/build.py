"""The commands that read a whole engagement: check, and build, of one engagement or of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from findings_report.cli.options import (
    AllMessages,
    Audience,
    Borrow,
    Clones,
    CodeQuality,
    FailOn,
    MessageFormat,
    Output,
    Strict,
    SystemFonts,
    built_files,
    clones,
    inputs_of,
    propose_findings,
    propose_formats,
    propose_templates,
    show_progress,
    source_date,
)
from findings_report.cli.output import (
    OutputFormat,
    counted,
    err,
    keep_code_quality,
    leave,
    out,
    print_end,
    print_json,
    print_problems,
    table,
    write_code_quality,
    written,
    wrote,
)
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.report.formats import list_formats

if TYPE_CHECKING:
    from findings_report.cli.outputs import BuildOutput, BuiltReportOutput
    from findings_report.commands import Checked, PublishedBuild
    from findings_report.commands.build_many import EngagementResult, RebuiltReport
    from findings_report.commands.check import ProseInputs

Folders = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FOLDER",
        help="The engagement's folder, or one inside or above it; repeat for more. Or a report made earlier, its JSON or PDF.",
        show_default="the current folder",
    ),
]


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help="The engagement's folder, or one inside or above it; with --prose, documents in Markdown.",
            show_default="the current folder",
        ),
    ] = None,
    prose: Annotated[
        bool, typer.Option("--prose", help="Check what documents cite: each path with lines, link and block of code.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "-C", metavar="FOLDER", help="With --prose: the engagement, or the clone.", show_default="the current folder"
        ),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision",
            metavar="REVISION",
            help="With --prose: the commit that documents cite.",
            show_default="the engagement's pin, else HEAD",
        ),
    ] = None,
    staged: Annotated[
        bool,
        typer.Option("--staged", help="With --prose: read documents and the code around them from the index."),
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
    no_evidence: Annotated[bool, typer.Option("--no-evidence", help="Check the YAML only, without git.")] = False,
    strict: Strict = False,
    fail_on: FailOn = None,
    code_quality: CodeQuality = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Check the findings, and every quote against git.

    With --prose, check what documents cite instead.
    """
    from findings_report import commands

    if prose:
        given = {"--no-evidence": no_evidence, "--fail-on": fail_on is not None, "--code-quality": code_quality is not None}
        _refuse_options(given, "with --prose there are no findings")
        _refuse_options({"--revision": staged and revision is not None}, "--staged reads what is about to be committed")
        from findings_report.commands.check import ProseInputs

        prose_inputs = ProseInputs(
            tuple(paths or ()), folder, clones(repository), tuple(borrow or ()), revision, is_staged=staged
        )
        _check_prose(prose_inputs, output_format, strict=strict, each=all_messages)
        return
    _refuse_options({"--revision": revision is not None, "-C": folder is not None, "--staged": staged}, "it is for --prose")
    if paths is not None and len(paths) > 1:
        fault = f"check reads one engagement, and {len(paths)} folders are named"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "add --prose to check documents", code="options"))
    inputs = inputs_of(paths[0] if paths else Path(), repository, borrow, evidence=not no_evidence)
    _refuse_other_file(code_quality)
    with show_progress() as progress, keep_code_quality(code_quality):
        checked = commands.check(inputs, progress, fail_on=fail_on, strict=strict)
    findings, quotes = _counts(checked)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import CheckOutput

        print_json(CheckOutput(findings=findings, quotes=quotes), checked.problems)
    else:
        print_problems(checked.problems, output_format, each=all_messages)
        _print_counts(findings, quotes, out)
        print_end(checked.problems, _success(quotes))
    write_code_quality(code_quality, checked.problems)
    leave(checked.problems)


def _refuse_options(given: dict[str, bool], why: str) -> None:
    if unfit := [option for option, is_given in given.items() if is_given]:
        raise FindingsReportError(Problem(Kind.USAGE, f"{unfit[0]} has no meaning here: {why}", code="options"))


def _refuse_other_file(code_quality: Path | None) -> None:
    # The file is replaced, and nobody wants a finding to be.
    if code_quality is not None and code_quality.suffix != ".json":
        fault = f"--code-quality {display_path(code_quality)} is no file with the ending .json"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "write --code-quality gl-code-quality.json", code="options"))


def _check_prose(inputs: ProseInputs, output_format: OutputFormat, *, strict: bool, each: bool) -> None:
    from findings_report.commands.check import check_prose

    with show_progress() as progress:
        result = check_prose(inputs, progress, strict=strict)
    quotes = {verdict.value: count for verdict, count in result.quotes.items()}
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import CheckOutput, CitationsOutput

        citations = CitationsOutput(checked=result.places, wrong=result.wrong, other_repositories=result.foreign)
        output = CheckOutput(
            findings=None, quotes=quotes, documents=result.documents, citations=citations, unplaced=result.unplaced
        )
        print_json(output, result.problems)
    else:
        print_problems(result.problems, output_format, each=each)
        read, cited = _plural(result.documents, "document"), _plural(result.places, "citation")
        out(f"{read}: {cited} checked, {result.wrong} wrong")
        blocks = {**quotes, **({"not in the repository": result.unplaced} if result.unplaced else {})}
        if blocks:
            listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in blocks.items())
            out(f"{_plural(sum(blocks.values()), 'block')} of code: {listed}")
        if result.foreign:
            out(f"{_plural(result.foreign, 'link')} into other repositories not checked")
        print_end(result.problems)
    leave(result.problems)


def build(
    folders: Folders = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--format",
            metavar="FORMAT",
            autocompletion=propose_formats,
            help=f"{list_formats()}; repeat for more.",
            show_default="`outputs` of the engagement, else html and pdf",
        ),
    ] = None,
    output: Output = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAME",
            autocompletion=propose_templates,
            help="A template: standard, review or a folder in your templates/; for -f docx also a firm.docx.",
            show_default="`template` of the engagement, else standard",
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Write one file per finding, findings/ID.pdf, instead of the report.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ID",
            autocompletion=propose_findings,
            help="Write this finding only; repeat for more.",
            show_default="all",
        ),
    ] = None,
    manifest: Annotated[
        bool,
        typer.Option(
            "--manifest", help="Also write manifest.json and SHA256SUMS: digests of the files and of all they are made from."
        ),
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
    audience: Audience = None,
    system_fonts: SystemFonts = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ignore the page cache.")] = False,
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            metavar="EXECUTOR",
            help="Where to render: local, or the workers of a Dask scheduler, dask://HOST:PORT or tls://HOST:PORT.",
        ),
    ] = "local",
    strict: Strict = False,
    fail_on: FailOn = None,
    code_quality: CodeQuality = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Check, then write the report.

    Nothing is written if there are errors.
    """
    from findings_report import commands

    options = commands.BuildOptions(
        formats=tuple(formats or ()),
        output=output,
        template=template,
        system_fonts=system_fonts,
        cache=not no_cache and executor == "local",  # workers keep nothing
        default_date=source_date(),
        fail_on=fail_on,
        strict=strict,
        # --only selects single findings, so it implies --each.
        each=each or bool(only),
        only=tuple(only or ()),
        executor=executor,
        manifest=manifest,
    )
    _refuse_other_file(code_quality)
    every = [inputs_of(folder, repository, borrow, evidence=True, audience=audience) for folder in folders or [Path()]]
    from findings_report.commands.build_many import is_report_file, rebuild, refuse_several

    if len(every) > 1:
        from findings_report.commands.build_many import build_many

        refuse_several([inputs.folder for inputs in every])
        with show_progress() as progress:
            # Collected before printing: the progress line would overwrite the table.
            outcomes = tuple(build_many(every, options, progress))
        write_code_quality(code_quality, [problem for outcome in outcomes for problem in outcome.problems])
        _conclude_several(outcomes, output_format, each=all_messages)
        return
    built: PublishedBuild | RebuiltReport
    with show_progress() as progress, keep_code_quality(code_quality):
        built = (rebuild if is_report_file(every[0].folder) else commands.build)(every[0], options, progress)
    # A document has standard output to itself: summary and problems go to standard error.
    to_stdout = [file for file in built.files if file.path is None]
    for file in to_stdout:
        written(file.content)
    write = err if to_stdout else out
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import BuildOutput

        print_json(BuildOutput(**dict(_built_report(built))), built.problems, write)
    else:
        print_problems(built.problems, output_format, write, each=all_messages)
        findings, quotes = _counts_of(built)
        _print_counts(findings, quotes, write)
        for file in built.files:
            if file.path is not None:
                write(*wrote(file))
        print_end(built.problems, _success(quotes))
    write_code_quality(code_quality, built.problems)
    leave(built.problems)


def _counts(checked: Checked) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of findings by severity, and of locations by verdict."""
    quotes = {verdict.value: count for verdict, count in checked.verdicts.items()}
    return {name: count for name, count in checked.severities.items() if count}, quotes


def _counts_of(built: PublishedBuild | RebuiltReport) -> tuple[dict[str, int], dict[str, int]]:
    from findings_report.commands.build_many import RebuiltReport

    if not isinstance(built, RebuiltReport):
        return _counts(built.checked)
    quotes = {count.verdict.value: count.total for count in built.report.verdicts}
    return {count.severity.name: count.total for count in built.report.counts if count.total}, quotes


def _built_report(built: PublishedBuild | RebuiltReport) -> BuiltReportOutput:
    from findings_report.cli.outputs import BuiltReportOutput

    findings, quotes = _counts_of(built)
    return BuiltReportOutput(findings=findings, quotes=quotes, files=built_files(built.files))


def _print_counts(findings: dict[str, int], quotes: dict[str, int], write: Callable[..., None]) -> None:
    write(_count(findings, "finding"))
    if quotes:
        # `3 none` would read like a missing count.
        write(_count({"without a quote" if name == "none" else name: count for name, count in quotes.items()}, "location"))


def _success(quotes: dict[str, int]) -> str:
    """Return the text of the last line of a run without warnings."""
    verified = sum(count for name, count in quotes.items() if name not in ("none", "unchecked"))
    return f"{verified} quote{'' if verified == 1 else 's'} verified" if verified else "no problems"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _count(counts: dict[str, int], noun: str) -> str:
    total = sum(counts.values())
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    return f"{total} {noun}{'' if total == 1 else 's'}" + (f": {parts}" if parts else "")


def _conclude_several(outcomes: Sequence[EngagementResult], output_format: OutputFormat, *, each: bool) -> None:
    """Print the result of each engagement, its problems under its name, and exit with the code of all of them."""
    every = [problem for outcome in outcomes for problem in outcome.problems]
    if output_format is OutputFormat.JSON:
        print_json(_output_of_several(outcomes), every)
    else:
        for outcome in outcomes:
            # The other formats are parsed line by line, so they have no headings.
            if outcome.problems and output_format is OutputFormat.FULL:
                err(f"{outcome.name}:")
            print_problems(outcome.problems, output_format, each=each)
        out(table(("engagement", "findings", "problems", "written"), [_row(outcome) for outcome in outcomes]))
        print_end(every)
    leave(every)


def _output_of_several(outcomes: Sequence[EngagementResult]) -> BuildOutput:
    from findings_report.cli.outputs import BuildOutput, BuiltEngagementOutput, ProblemOutput

    engagements = [
        BuiltEngagementOutput(
            name=outcome.name,
            built=None if outcome.built is None else _built_report(outcome.built),
            problems=tuple(map(ProblemOutput.of, outcome.problems)),
        )
        for outcome in outcomes
    ]
    reports = [engagement.built for engagement in engagements if engagement.built is not None]
    findings, quotes = Counter[str](), Counter[str]()
    for report in reports:
        findings.update(report.findings)
        quotes.update(report.quotes)
    files = tuple(file for report in reports for file in report.files)
    return BuildOutput(findings=dict(findings), quotes=dict(quotes), files=files, engagements=tuple(engagements))


def _row(outcome: EngagementResult) -> tuple[str, str, str, str]:
    problems = counted(outcome.problems).partition(": ")[2] if outcome.problems else ""
    if outcome.built is None:
        return outcome.name, "", problems, "nothing"
    counts, _ = _counts_of(outcome.built)
    findings = ", ".join(f"{count} {severity}" for severity, count in counts.items()) or "none"
    return outcome.name, findings, problems, _places(file.path for file in outcome.built.files if file.path is not None)


def _places(paths: Iterable[Path]) -> str:
    """Return paths with each folder once, as in `out/acme/report.html, report.pdf`."""
    shown: list[str] = []
    # A table of 80 columns has no room for the same folder twice.
    last = None
    for path in map(Path, map(display_path, paths)):
        shown.append(path.name if path.parent == last else str(path))
        last = path.parent
    return ", ".join(shown)
