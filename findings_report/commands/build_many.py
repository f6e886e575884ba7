"""The command `build A B C`: several engagements are built with one executor. One that fails does not stop the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.commands.build import (
    BuildOptions,
    BuildPlan,
    PublishedBuild,
    check_for_build,
    locating_errors,
    plan_build,
    publish_build,
)
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.rendering.job import Executor, RenderResult, run_jobs
from findings_report.rendering.run import open_executor
from findings_report.report import output_files
from findings_report.report.check import Inputs, Progress
from findings_report.report.formats import FORMATS

_ONE_FORMAT: Final = tuple(f".{name}" for name in FORMATS)


@dataclass(frozen=True)
class EngagementResult:
    """The outcome of one engagement."""

    name: str
    """Its name, which is its subfolder under -o."""
    built: PublishedBuild | None
    """The build; None if nothing was written."""
    problems: tuple[Problem, ...]
    """Warnings, gates that tripped, and the errors because of which nothing was written."""


@dataclass(frozen=True)
class _SubmittedBuild:
    """A plan whose first jobs are with the executor."""

    name: str
    plan: BuildPlan
    results: Iterator[RenderResult]


def build_many(every: Sequence[Inputs], options: BuildOptions, progress: Progress) -> Iterator[EngagementResult]:
    """Build each engagement when its result is asked for; under -o each has a subfolder, else its own `build/`.

    As long as the executor has room, the engagements that follow are checked and submitted before the first is published: a
    cluster stays busy, and this process never holds two reports. An engagement that is named twice is built once. Raises
    FindingsReportError (USAGE), having built nothing, for options that make sense for one engagement only.
    """
    _refuse_options_of_one(every, options)
    # By resolved folder: `build acme acme/findings` names one engagement twice.
    engagements = {_resolve(inputs.folder): inputs for inputs in every}
    names = {folder: _name(folder) for folder in engagements}
    # Without -o each engagement writes into its own folder, where names cannot collide.
    if options.output is not None:
        _refuse_same_names(names)
    # A name is compared with all engagements: one that this engagement does not have may be another's.
    _refuse_unknown_repositories(engagements)
    # A generator of its own: the refusals above are raised by the call, not by the first result.
    return _build_all(engagements, names, options, progress)


def _build_all(
    engagements: Mapping[Path, Inputs], names: Mapping[Path, str], options: BuildOptions, progress: Progress
) -> Iterator[EngagementResult]:
    submitted: deque[_SubmittedBuild | EngagementResult] = deque()
    with open_executor(options.executor, system_fonts=options.system_fonts) as executor:
        for folder, inputs in engagements.items():
            # Bounded: a checked engagement is held in memory until it is published.
            if len(submitted) == executor.max_pending:
                yield _publish(submitted.popleft())
            # The final slash makes it a folder, also if it does not exist yet.
            output = None if options.output is None else f"{options.output.rstrip('/')}/{names[folder]}/"
            submitted.append(_submit(names[folder], inputs, replace(options, output=output), progress, executor))
        while submitted:
            yield _publish(submitted.popleft())


def _submit(
    name: str, inputs: Inputs, options: BuildOptions, progress: Progress, executor: Executor
) -> _SubmittedBuild | EngagementResult:
    """Check one engagement and submit its jobs; the result without a build if that fails."""
    known = _repositories(inputs.folder)
    # `check` would report a --repository that this engagement does not have.
    clones = {key: path for key, path in inputs.clones.items() if known is None or key in known}

    def label(doing: str) -> None:
        progress(f"{name}: {doing}")

    try:
        checked = check_for_build(replace(inputs, clones=clones), options, label)
        with locating_errors(checked):
            plan = plan_build(checked, inputs, options, executor, label)
            return _SubmittedBuild(name, plan, run_jobs(plan.jobs, executor))
    except FindingsReportError as error:
        # A result instead of an exception: the other engagements are still built.
        return EngagementResult(name, None, error.problems)


def _publish(submitted: _SubmittedBuild | EngagementResult) -> EngagementResult:
    """Wait for the jobs of one engagement and publish its files."""
    if isinstance(submitted, EngagementResult):
        return submitted
    try:
        with locating_errors(submitted.plan.checked):
            built = publish_build(submitted.plan, submitted.results)
    except FindingsReportError as error:
        return EngagementResult(submitted.name, None, error.problems)
    return EngagementResult(submitted.name, built, built.problems)


def _refuse_options_of_one(every: Sequence[Inputs], options: BuildOptions) -> None:
    fault = remedy = None
    if options.only:
        fault, remedy = "--only names findings of one engagement, and there are several", "name that one"
    elif options.output == output_files.STDOUT or (options.output or "").lower().endswith(_ONE_FORMAT):
        fault, remedy = f"-o {options.output} is one file, and there are several engagements", "name a folder, as in -o out/"
    # A path without a name means the only repository, and each engagement may have one.
    elif any("" in inputs.clones for inputs in every):
        fault, remedy = "--repository does not say whose it is, and there are several engagements", "write NAME=PATH"
    if fault is not None:
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="several"))


def _refuse_same_names(names: Mapping[Path, str]) -> None:
    taken: dict[str, Path] = {}
    for folder, name in names.items():
        # File systems of macOS and Windows do not distinguish case.
        other = taken.setdefault(name.casefold(), folder)
        if other != folder:
            fault = f"{display_path(other)} and {display_path(folder)} would both be written to {name}/"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "build each of them with an -o of its own", code="several"))


def _refuse_unknown_repositories(engagements: Mapping[Path, Inputs]) -> None:
    """Raise FindingsReportError for a --repository whose name no engagement has."""
    known = [_repositories(folder) for folder in engagements]
    given = {name for inputs in engagements.values() for name in inputs.clones}
    if None in known or not given:
        return  # an engagement.yaml that cannot be read may have the name
    if unknown := sorted(given - {name for names in known for name in names or ()}):
        fault = f"--repository names {unknown[0]!r}, which none of the engagements has"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="no-repository"))


def _repositories(folder: Path) -> frozenset[str] | None:
    """Return the names of the engagement's repositories; None if it cannot be read, which `check` reports."""
    try:
        return frozenset(authoring.load_engagement(authoring.Folder(authoring.find_folder(folder))).engagement.repositories)
    except FindingsReportError:
        return None


def _resolve(folder: Path) -> Path:
    """Return the engagement's own folder; the named one if there is none, which `check` reports."""
    try:
        return authoring.find_folder(folder).resolve()
    except FindingsReportError:
        return folder.resolve()


def _name(folder: Path) -> str:
    """Return the name of an engagement: `acme` for `acme/findings`."""
    return folder.parent.name if folder.name == authoring.FOLDER else folder.name
