"""The public Python API: one function per task, plain arguments in, frozen values out. docs/api.md describes it.

`findings_report` exports everything here that has no underscore. The functions print nothing, never ask, and never exit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.commands.build import BuildOptions
from findings_report.commands.build import build as run_build
from findings_report.commands.build_many import is_report_file, rebuild
from findings_report.commands.check import check as run_check
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Snippet
from findings_report.model.finding import Finding
from findings_report.problems import Problem
from findings_report.report import archive
from findings_report.report.check import Inputs, read

if TYPE_CHECKING:
    from findings_report.model.comparison import Comparison
    from findings_report.model.drift import Drift
    from findings_report.model.report import Report

PathLike = str | Path
"""A path, relative to the current folder."""


@dataclass(frozen=True)
class LoadedEngagement:
    """What the authors wrote."""

    engagement: Engagement
    """The content of engagement.yaml."""
    findings: Mapping[str, Finding]
    """The findings by id, in natural order (2 before 10)."""
    problems: tuple[Problem, ...]
    """Warnings."""


@dataclass(frozen=True)
class CheckedEngagement:
    """What the authors wrote, and what git has for it."""

    engagement: Engagement
    """The content of engagement.yaml."""
    findings: Mapping[str, Finding]
    """The findings by id, in natural order."""
    snippets: Mapping[str, tuple[Snippet, ...]]
    """The resolved locations by finding, each with the verdict on its quote; empty without evidence."""
    problems: tuple[Problem, ...]
    """Warnings and notes, with file and line."""


@dataclass(frozen=True)
class BuildResult:
    """What a build wrote."""

    files: tuple[Path, ...]
    """The written files, in the order of the formats; then the manifest and the checksums, if asked for."""
    problems: tuple[Problem, ...]
    """Warnings and notes; an error names a format that was left out because a system library is missing."""


@dataclass(frozen=True)
class DiffResult:
    """Two reports compared."""

    comparison: Comparison
    """The findings of both sides, with changes, drift and judgements of their claims."""
    problems: tuple[Problem, ...]
    """Warnings."""


@dataclass(frozen=True)
class TrackedLocation:
    """One cited region at another commit."""

    finding: str
    """The id of the finding."""
    location: int
    """The index of the location in the finding, 0-based."""
    repository: str
    """The name of the repository."""
    drift: Drift
    """Where the region is at the other commit."""


@dataclass(frozen=True)
class TrackResult:
    """All cited regions at another commit."""

    locations: tuple[TrackedLocation, ...]
    """By finding, then in the order of the file."""
    commits: Mapping[str, str]
    """The full hash of the other commit, by repository."""
    problems: tuple[Problem, ...]
    """Warnings."""


def load(folder: PathLike = ".") -> LoadedEngagement:
    """Read and validate engagement.yaml and all findings, without git.

    Raises FindingsReportError with every problem found if there is an error.
    """
    authored = read(_inputs(folder))[1]
    return LoadedEngagement(authored.engagement, authored.findings, authored.warnings)


def check(
    folder: PathLike = ".", *, repositories: Mapping[str, PathLike] | None = None, evidence: bool = True
) -> CheckedEngagement:
    """Load the engagement and check every quote against git.

    `repositories` maps names to local clones; `evidence=False` skips git. Raises FindingsReportError with every problem
    found if there is an error. A quote that is not found is a warning.
    """
    checked = run_check(_inputs(folder, repositories, evidence=evidence), _silent)
    snippets = checked.evidence.snippets if checked.evidence is not None else {}
    return CheckedEngagement(checked.authored.engagement, checked.authored.findings, snippets, checked.problems)


def build(
    folder: PathLike = ".",
    *,
    formats: Iterable[str] = (),
    output: PathLike | None = None,
    template: str | None = None,
    repositories: Mapping[str, PathLike] | None = None,
    default_date: date | None = None,
    manifest: bool = False,
    audience: str | None = None,
) -> BuildResult:
    """Check the engagement, render the report and write the files: all or, on an error, none.

    `formats` are names as after `-f`; empty takes those of the engagement, else html and pdf. `output` is a file, or a folder
    if it exists, ends in `/`, or there are several formats; None is `build/` beside `findings/`. `default_date` is the date of
    a report whose engagement has none. `manifest` also writes a manifest and checksums. `audience` leaves out what is not for
    this one of the engagement's audiences. `folder` may also be a report made earlier, its JSON or PDF, to be rendered again.
    Raises FindingsReportError.
    """
    options = BuildOptions(
        formats=tuple(formats),
        # Kept as text: a trailing `/` means a folder, and Path would drop it.
        output=None if output is None else str(output),
        template=template,
        system_fonts=False,
        default_date=default_date,
        fail_on=None,
        strict=False,
        manifest=manifest,
    )
    inputs = _inputs(folder, repositories, audience=audience)
    built = rebuild(inputs, options, _silent) if is_report_file(inputs.folder) else run_build(inputs, options, _silent)
    return BuildResult(tuple(file.path for file in built.files if file.path is not None), built.problems)


def diff(
    baseline: PathLike,
    current: PathLike | None = None,
    *,
    folder: PathLike = ".",
    repositories: Mapping[str, PathLike] | None = None,
    password: str | None = None,
    audience: str | None = None,
) -> DiffResult:
    """Compare two reports and check their claims against the code.

    A side is a folder, a report's JSON or PDF, or a git revision of the findings in `folder`; without `current`, it is the
    working folder. `password` opens encrypted PDFs. `audience` compares the editions of both for that audience. Raises
    FindingsReportError.
    """
    # Imported here: `import findings_report` must stay cheap, and comparison loads many modules.
    from findings_report.commands.diff import DiffOptions
    from findings_report.commands.diff import diff as run_diff

    options = DiffOptions(formats=(), output=None, template=None, system_fonts=False, fail_on=(), exit_code=False)
    inputs = _inputs(folder, repositories, password=password, audience=audience)
    result = run_diff(str(baseline), None if current is None else str(current), inputs, options, _silent)
    return DiffResult(result.comparison, result.problems)


def track(
    folder: PathLike = ".", *, to: str, only: str | None = None, repositories: Mapping[str, PathLike] | None = None
) -> TrackResult:
    """Find the cited code at the revision `to`, and write nothing.

    `only` names one repository. Raises FindingsReportError if there is an error, or a clone does not have the revision.
    """
    from findings_report.commands.track import track as run_track

    tracked = run_track(_inputs(folder, repositories), to, only=only, explain=False, progress=_silent)
    locations = (
        TrackedLocation(cited.place.finding, cited.place.snippet.index, cited.place.snippet.repository, cited.drift)
        for cited in tracked.places
    )
    return TrackResult(tuple(locations), tracked.commits, tracked.problems)


def read_report(path: PathLike, *, password: str | None = None) -> Report:
    """Read a report from its JSON, or from the PDF that embeds it.

    The file is untrusted: it is parsed with limits, a PDF in a confined process. Raises FindingsReportError if it is neither,
    or `password` does not open it.
    """
    content = archive.content_of(Path(path), shown=str(path))
    # A function, because only an encrypted PDF asks for a password.
    return archive.read(content, str(path), password=lambda _: password)


def _inputs(
    folder: PathLike,
    repositories: Mapping[str, PathLike] | None = None,
    *,
    evidence: bool = True,
    password: str | None = None,
    audience: str | None = None,
) -> Inputs:
    clones = {name: Path(path) for name, path in (repositories or {}).items()}
    # The same password for every PDF of the call: a library must never prompt.
    return Inputs(Path(folder), clones, evidence=evidence, password=lambda _: password, audience=audience)


def _silent(step: str) -> None:
    """Ignore progress."""
