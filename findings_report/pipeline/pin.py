"""What `pin` does: the commits that revisions name are written down."""

from __future__ import annotations

from dataclasses import dataclass

from findings_report import authoring
from findings_report.problems import FindingsReportError, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.report.check import Inputs


@dataclass(frozen=True)
class Pinned:
    """What `pin` did."""

    said: tuple[str, ...]
    """A line for each repository that is pinned."""
    problems: tuple[Problem, ...]
    """Of those that could not be."""


def pin(inputs: Inputs, *, to: str | None, only: str | None) -> Pinned:
    """Writes down the commits of the repositories that have one. See `pin.pins`. Findings may be half written."""
    from findings_report.authoring.pins import pins
    from findings_report.evidence.clones import find_clones, open_clones
    from findings_report.system.atomic_files import publish_edited

    folder = authoring.find_folder(inputs.folder)
    authored = authoring.load_engagement(authoring.Folder(folder))
    try:
        with open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources:
            found, problems = pins(authored.engagement, sources, to=to, only=only)
    except FindingsReportError as error:
        raise FindingsReportError(authored.located(problem) for problem in error.problems) from None
    path = (folder / authoring.ENGAGEMENT).resolve()  # a link stays one
    was = content = path.read_bytes()
    for each in found:
        for field, value in each.written.items():
            content = authoring.set_text(content, ("repositories", each.name, field), value, shown=shown_path(path))
    if any(each.written for each in found):
        publish_edited({path: (was, content)})
    return Pinned(tuple(each.said for each in found), tuple(authored.located(problem) for problem in problems))
