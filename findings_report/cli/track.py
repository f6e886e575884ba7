"""`track`: where cited code is at another commit, and the findings cited there."""

from __future__ import annotations

import textwrap
from collections import Counter
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
    propose_repositories,
    show_progress,
)
from findings_report.cli.output import WIDTH, OutputFormat, Piece, Styled, leave, out, print_json, print_problems
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report.cli.outputs import RegionOutput, SpotOutput, TrackOutput
    from findings_report.commands import Inputs
    from findings_report.commands.track import TrackedEngagement, TrackedPlace, UpdateResult
    from findings_report.model.drift import CommitSummary, Drift, Spot


def track(
    to: Annotated[str, typer.Option("--to", metavar="REVISION", help="The tag, branch or hash to compare with.")],
    folder: Folder = Path(),
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="NAME",
            autocompletion=propose_repositories,
            help="Follow this repository only.",
            show_default="all",
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Name the commits that changed each region, at most 20.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Move citations whose text is identical, and the pin.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --update: print what would be written, and write nothing.")
    ] = False,
    repository: Clones = None,
    borrow: Borrow = None,
    output_format: MessageFormat = OutputFormat.FULL,
    all_messages: AllMessages = False,
) -> None:
    """Find the cited code at another commit, and move citations with --update.

    Nothing is written without --update.
    """
    from findings_report.commands.track import track as run_track

    inputs = inputs_of(folder, repository, borrow, evidence=True)
    if dry_run and not update:
        raise FindingsReportError(Problem(Kind.USAGE, "--dry-run requires --update", code="options"))
    if update:
        _update(inputs, to, only, output_format, explain=explain, dry_run=dry_run, each=all_messages)
        return
    with show_progress() as progress:
        result = run_track(inputs, to, only=only, explain=explain, progress=progress)
    if output_format is OutputFormat.JSON:
        print_json(_output(result), result.problems)
    else:
        print_problems(result.problems, output_format, each=all_messages)
        for tracked in result.places:
            out(*_pieces(tracked, concise=output_format is not OutputFormat.FULL))
        out(_summary(result))
    leave(result.problems)


def _update(
    inputs: Inputs, to: str, only: str | None, output_format: OutputFormat, *, explain: bool, dry_run: bool, each: bool
) -> None:
    from findings_report.commands.track import update
    from findings_report.problems.safe_text import display_path

    if explain:
        raise FindingsReportError(
            Problem(Kind.USAGE, "--explain and --update cannot be combined", "run track twice", code="options")
        )
    with show_progress() as progress:
        done = update(inputs, to, only=only, dry_run=dry_run, progress=progress)
    result = done.tracked
    if output_format is OutputFormat.JSON:
        print_json(_output(result, done), result.problems)
    else:
        print_problems(result.problems, output_format, each=each)
        for tracked in result.places:
            # Locations that were not moved have a warning each, printed above.
            key = (tracked.place.finding, tracked.place.snippet.index)
            if key in done.moved:
                out(*_pieces(tracked, concise=output_format is not OutputFormat.FULL))
            elif key in done.respelled:
                between = "\n  " if output_format is OutputFormat.FULL else " "
                cited = f"{tracked.place.finding} {tracked.drift.path}:{tracked.drift.region}"
                out(f"{cited}{between}in place; its path is written as in git")
        for line in (*done.pins, *(f"{'would write' if dry_run else 'wrote'} {display_path(path)}" for path in done.files)):
            out(line)
        out(_summarize_update(done))
    leave(result.problems)


def _summarize_update(done: UpdateResult) -> str:
    """Return what was done with each location: the numbers add up to the first one."""
    groups = {
        "moved": done.moved,
        "with the path rewritten": done.respelled,
        "unchanged": done.unchanged,
        "not moved": done.kept,
    }
    counts = ", ".join(f"{len(keys)} {what}" for what, keys in groups.items() if keys)
    return f"{_count(sum(map(len, groups.values())), 'location')}{': ' if counts else ''}{counts}"


def _output(result: TrackedEngagement, done: UpdateResult | None = None) -> TrackOutput:
    from findings_report.cli.outputs import TrackOutput

    regions = tuple(_region(tracked, result, done) for tracked in result.places)
    return TrackOutput(regions=regions, commits=dict(result.commits), files=done.files if done is not None else ())


def _region(tracked: TrackedPlace, result: TrackedEngagement, done: UpdateResult | None) -> RegionOutput:
    from findings_report.cli.outputs import CommitOutput, QuotedLineOutput, RegionOutput

    drift, snippet = tracked.drift, tracked.place.snippet
    now, key = drift.now, (tracked.place.finding, snippet.index)
    return RegionOutput(
        id=tracked.place.finding,
        location=snippet.index,
        name=snippet.name,
        repository=snippet.repository,
        commit=snippet.commit,
        to=result.commits.get(snippet.repository),
        cited_path=drift.path,
        region=str(drift.region),
        drift=drift.kind.value,
        path=now.path if now else None,
        start_line=now.region.start_line if now else None,
        end_line=now.region.end_line if now else None,
        found_by=drift.method.value,
        rename=drift.rename,
        surviving=drift.surviving,
        quoted=tuple(QuotedLineOutput(line=line, now=new) for line, new in drift.quoted),
        quoted_intact=drift.quoted_intact,
        also_at=tuple(map(_spot_output, drift.also_at)),
        partly_moved=_spot_output(drift.partly_moved) if drift.partly_moved else None,
        surroundings_changed=drift.surroundings_changed,
        candidates=tuple(map(_spot_output, drift.candidates)),
        closest=_spot_output(drift.closest) if drift.closest else None,
        reason=drift.reason,
        changes=tuple(map(CommitOutput.model_validate, tracked.changes)),
        ended_by=tuple(map(CommitOutput.model_validate, tracked.ends)),
        updated=None if done is None else key in done.moved | done.respelled,
        stays=None if done is None else done.kept.get(key),
    )


def _spot_output(spot: Spot) -> SpotOutput:
    from findings_report.cli.outputs import SpotOutput

    region = spot.region
    return SpotOutput(path=spot.path, start_line=region.start_line, end_line=region.end_line, similarity=spot.similarity)


def _pieces(tracked: TrackedPlace, *, concise: bool) -> tuple[Piece, ...]:
    key, blank, rest = as_text(tracked, concise=concise).partition(" ")
    return Styled(key, "bold"), blank + rest


def as_text(tracked: TrackedPlace, *, concise: bool) -> str:
    """Return one region: the citation in the first line, its drift in the next; both in one line if `concise`."""
    drift = tracked.drift
    verdict = f"{drift.kind.value.replace('_', ' ')}{_where(drift)}{_describe_quoted(drift)}"
    if concise:
        return f"{tracked.place.finding} {drift.path}:{drift.region} {verdict}"
    lines = [verdict]
    if drift.only_white_space:
        lines.append("only white space differs")
    if drift.surroundings_changed:
        lines.append("the code around it, in the same function or class, was changed")
    if drift.partly_moved:
        lines.append(f"a part of it went to {_spot(drift.partly_moved)}")
    lines += [f"the same text is at {_spot(spot)}" for spot in drift.also_at]
    lines += [f"it may be {_spot(spot)}" for spot in drift.candidates]
    if drift.closest:
        lines.append(f"most like it: {_spot(drift.closest)} ({drift.closest.similarity:.0%})")
    if tracked.ends:
        lines += ["it went with:", *map(_change, tracked.ends)]
    # A commit that ended the region is listed once.
    if others := [change for change in tracked.changes if change not in tracked.ends]:
        if drift.now is None:
            lines.append("other commits that changed the file:" if tracked.ends else "commits that changed the file:")
        lines += map(_change, others)
    return "\n".join([f"{tracked.place.finding} {drift.path}:{drift.region}", *(_wrap(line) for line in lines)])


def _change(change: CommitSummary) -> str:
    return f"{change.commit[:12]} {change.date} {change.subject}"


def _summary(result: TrackedEngagement) -> str:
    from findings_report.model.drift import DriftKind

    kinds = Counter(tracked.drift.kind for tracked in result.places)
    counts = ", ".join(f"{kinds[kind]} {kind.value.replace('_', ' ')}" for kind in DriftKind if kinds[kind])
    return f"{_count(len(result.places), 'region')}{': ' if counts else ''}{counts}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _where(drift: Drift) -> str:
    from findings_report.model.drift import DriftKind

    if drift.reason:
        return f": {drift.reason}"
    if drift.now is None or drift.kind is DriftKind.UNCHANGED:
        return ""
    how = {"history": ", by its history", "similarity": ", by its likeness"}.get(drift.rename or "", "")
    return f": now {drift.now.region}" if drift.now.path == drift.path else f": now {_spot(drift.now)}{how}"


def _describe_quoted(drift: Drift) -> str:
    if not drift.quoted or drift.kind.is_equal or drift.now is None:
        return ""
    if drift.quoted_intact:
        return "; every quoted line intact"
    gone = [str(line) for line, now in drift.quoted if now is None]
    return (
        f"; of {len(drift.quoted)} quoted lines {len(gone)} changed or gone: {', '.join(gone[:10])}{', …' if gone[10:] else ''}"
    )


def _spot(spot: Spot) -> str:
    return f"{spot.path}:{spot.region}"


def _wrap(line: str) -> str:
    # Paths stay whole, so that they can be copied.
    return textwrap.fill(
        line, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
