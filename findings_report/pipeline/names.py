"""Two sides that call one repository by different names: the baseline told in the current side's names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.pipeline.sides import ReadSide

if TYPE_CHECKING:
    from findings_report.model.report import ReportedFinding, ReportedRepository


def agreed(before: ReadSide, after: ReadSide) -> tuple[ReadSide, tuple[str, ...]]:
    """The baseline with the current names of its repositories, and a sentence for each that has another.

    A repository that the current side does not name is the one there that the baseline does not name, of the same address or
    at the same place. Where none is, it keeps its name, and following its code says so.
    """
    renamed = _renamed(before, after)
    if not renamed:
        return before, ()
    report = before.report
    repositories = tuple(
        each.model_copy(update={"name": renamed.get(each.name, each.name)}) for each in report.engagement.repositories
    )
    report = report.model_copy(
        update={
            "engagement": report.engagement.model_copy(update={"repositories": repositories}),
            "findings": tuple(_told(finding, renamed) for finding in report.findings),
        }
    )
    clones = {renamed.get(name, name): clone for name, clone in before.clones.items()}
    said = tuple(f"Repository {new} is called {old} in the baseline." for old, new in renamed.items())
    return replace(before, report=report, clones=clones), said


def _renamed(before: ReadSide, after: ReadSide) -> dict[str, str]:
    """Baseline name -> current name, where they differ."""
    old = {each.name: each for each in before.report.engagement.repositories}
    new = {each.name: each for each in after.report.engagement.repositories}
    found: dict[str, str] = {}
    for name in old.keys() - new.keys():
        same = _places(before, old[name])
        others = [other for other in new.keys() - old.keys() if same & _places(after, new[other])]
        if len(others) == 1 and others[0] not in found.values():
            found[name] = others[0]
    return dict(sorted(found.items()))


def _places(side: ReadSide, repository: ReportedRepository) -> set[str | Path]:
    """Where it lives: its address and its clone."""
    places: set[str | Path] = set()
    if repository.url is not None:
        places.add(repository.url.casefold().rstrip("/").removesuffix(".git"))
    clone = side.clones.get(repository.name)
    if clone is not None:
        places.add(clone.path.resolve())
    return places


def _told(finding: ReportedFinding, renamed: dict[str, str]) -> ReportedFinding:
    snippets = tuple(
        each.model_copy(update={"repository": renamed.get(each.repository, each.repository)}) for each in finding.snippets
    )
    return finding.model_copy(update={"snippets": snippets})
