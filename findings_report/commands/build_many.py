"""What `build A B C` does: each engagement by itself; one that fails does not stop the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.commands.build import Built, Wishes, begin
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.rendering.executors import open_executor
from findings_report.rendering.job import Executor
from findings_report.report import output_files
from findings_report.report.check import Inputs, Progress
from findings_report.report.formats import FORMATS

_ONE_FORMAT: Final = tuple(f".{name}" for name in FORMATS)


@dataclass(frozen=True)
class Outcome:
    """What became of one engagement."""

    name: str
    """What it is called: its subfolder under -o."""
    built: Built | None
    """What was built; None when nothing was."""
    problems: tuple[Problem, ...]
    """Warnings, what tripped a gate, and the errors for which nothing was built."""


def build_several(every: Sequence[Inputs], wishes: Wishes, progress: Progress) -> Iterator[Outcome]:
    """Builds each engagement when it is asked for; under -o each has a subfolder, else its own `build/`.

    The next ones are checked, and given to the executor, while it has room for them. An engagement that is named twice is built
    once. Raises FindingsReportError (USAGE), having built nothing, for what cannot be meant of several.
    """
    _refuse_what_is_of_one(every, wishes)
    found = {_resolved(inputs.folder): inputs for inputs in every}
    names = {folder: _name(folder) for folder in found}
    if wishes.output is not None:
        _refuse_same_names(names)
    _refuse_strangers(found)

    def outcomes() -> Iterator[Outcome]:
        begun: deque[Callable[[], Outcome]] = deque()
        with open_executor(wishes.executor, system_fonts=wishes.system_fonts) as executor:
            for folder, inputs in found.items():
                if len(begun) == executor.room:
                    yield begun.popleft()()
                output = None if wishes.output is None else f"{wishes.output.rstrip('/')}/{names[folder]}/"
                begun.append(_begun(names[folder], inputs, replace(wishes, output=output), progress, executor))
            while begun:
                yield begun.popleft()()

    return outcomes()


def _begun(name: str, inputs: Inputs, wishes: Wishes, progress: Progress, executor: Executor) -> Callable[[], Outcome]:
    known = _repositories(inputs.folder)
    clones = inputs.clones if known is None else {each: path for each, path in inputs.clones.items() if each in known}

    def built() -> Outcome:
        try:
            made = finish()
        except FindingsReportError as error:
            return Outcome(name, None, error.problems)
        return Outcome(name, made, made.problems)

    try:
        finish = begin(replace(inputs, clones=clones), wishes, lambda words: progress(f"{name}: {words}"), executor)
    except FindingsReportError as error:
        refused = Outcome(name, None, error.problems)
        return lambda: refused
    return built


def _refuse_what_is_of_one(every: Sequence[Inputs], wishes: Wishes) -> None:
    fault = remedy = None
    if wishes.only:
        fault, remedy = "--only names findings of one engagement, and there are several", "name that one"
    elif wishes.output == output_files.STDOUT or (wishes.output or "").lower().endswith(_ONE_FORMAT):
        fault, remedy = f"-o {wishes.output} is one file, and there are several engagements", "name a folder, as in -o out/"
    elif any("" in inputs.clones for inputs in every):
        fault, remedy = "--repository does not say whose it is, and there are several engagements", "write NAME=PATH"
    if fault is not None:
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="several"))


def _refuse_same_names(names: Mapping[Path, str]) -> None:
    taken: dict[str, Path] = {}
    for folder, name in names.items():
        other = taken.setdefault(name.casefold(), folder)
        if other != folder:
            fault = f"{display_path(other)} and {display_path(folder)} would both be written to {name}/"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "build one of them by itself", code="several"))


def _refuse_strangers(found: Mapping[Path, Inputs]) -> None:
    """Refuses a --repository of which none of the engagements knows the name."""
    known = [_repositories(folder) for folder in found]
    given = {name for inputs in found.values() for name in inputs.clones}
    if None in known or not given:
        return  # whose engagement.yaml cannot be read may well know it
    if strangers := sorted(given - {name for names in known for name in names or ()}):
        fault = f"--repository names {strangers[0]!r}, which none of the engagements has"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="no-repository"))


def _repositories(folder: Path) -> frozenset[str] | None:
    """Names of the engagement's repositories; None when it cannot be read, which `build` tells."""
    try:
        return frozenset(authoring.load_engagement(authoring.Folder(authoring.find_folder(folder))).engagement.repositories)
    except FindingsReportError:
        return None


def _resolved(folder: Path) -> Path:
    """The engagement's own folder; what was named when there is none, which `build` tells."""
    try:
        return authoring.find_folder(folder).resolve()
    except FindingsReportError:
        return folder.resolve()


def _name(folder: Path) -> str:
    """`acme` of `acme/findings`."""
    return folder.parent.name if folder.name == authoring.FOLDER else folder.name
