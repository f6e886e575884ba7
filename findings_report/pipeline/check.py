"""What `check` does: an engagement is read, and held against git."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report import authoring, outputs
from findings_report.authoring import severity
from findings_report.model.evidence import Verdict
from findings_report.pipeline.inputs import Inputs, Progress, read
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import shown_path

if TYPE_CHECKING:
    from findings_report.evidence.resolve import Resolution
    from findings_report.evidence.scope_survey import Survey
    from findings_report.model.report import Picture


@dataclass(frozen=True)
class Checked:
    """An engagement, read and held against git."""

    folder: Path
    """The engagement's folder."""
    authored: authoring.Authored
    """What people wrote."""
    pictures: Mapping[str, Picture]
    """The declared pictures by name, safe to embed; the logo's under `logo:`."""
    evidence: Resolution | None
    """What git has; None with --no-evidence."""
    survey: Survey | None
    """What the scope names in it; None with --no-evidence."""
    problems: tuple[Problem, ...]
    """Located; of `check` warnings only."""

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """Quotes by verdict, zeros left out."""
        if self.evidence is None:
            return {}
        found = [snippet.check.verdict for snippets in self.evidence.snippets.values() for snippet in snippets]
        return {verdict: found.count(verdict) for verdict in Verdict if verdict in found}

    @property
    def severities(self) -> dict[str, int]:
        """Findings by severity, worst first, zeros included."""
        engagement, findings = self.authored.engagement, self.authored.findings.values()
        words = [severity.severity(engagement, finding)[0] for finding in findings]
        return {severity.name: words.count(severity.name) for severity in engagement.severities}


def check(inputs: Inputs, progress: Progress) -> Checked:
    """Reads the engagement and holds every quote against git. Raises FindingsReportError with every problem found."""
    progress("reading findings")
    checked = held(inputs, *read(inputs), progress)
    if any(problem.level == "error" for problem in checked.problems):
        raise FindingsReportError(checked.problems)
    return checked


def held(inputs: Inputs, folder: Path, authored: authoring.Authored, progress: Progress) -> Checked:
    """An engagement that was read, held against git. Raises nothing that a user can mend: it is in `problems`.

    `folder` is the engagement's, from which the paths of its clones lead.
    """
    from findings_report.authoring.proofread import proofread

    problems = [
        *_whole(inputs.folder),
        *authored.warnings,
        *outputs.faults(authored.engagement),
        *proofread(authored.engagement, authored.findings),
    ]
    pictures, faults = _pictures(authored)
    problems += faults
    evidence, survey = None, None
    if inputs.evidence:
        progress("checking quotes")
        evidence, survey, faults = _evidence(inputs, folder, authored)
        problems += faults
    located = tuple(dict.fromkeys(authored.located(problem) for problem in problems))
    return Checked(folder, authored, pictures, evidence, survey, located)


def _whole(named: Path) -> Sequence[Problem]:
    """A note where one finding's file was named: people may think that it alone was looked at."""
    if not named.name.endswith(authoring.FINDING_SUFFIX):
        return ()
    fault = "all of the engagement was read, not this file alone: findings are held against each other"
    place = Place(shown_path(named))
    return (Problem(Kind.INPUT, fault, "name the folder to say so", place=place, level="note", code="whole-engagement"),)


def _pictures(authored: authoring.Authored) -> tuple[Mapping[str, Picture], Sequence[Problem]]:
    from findings_report.authoring.pictures import illustrate

    try:
        return illustrate(authored.engagement, authored.pictures), ()
    except FindingsReportError as error:
        return {}, error.problems


def _evidence(
    inputs: Inputs, folder: Path, authored: authoring.Authored
) -> tuple[Resolution | None, Survey | None, Sequence[Problem]]:
    from findings_report.evidence.clones import find_clones, open_clones
    from findings_report.evidence.resolve import resolve
    from findings_report.evidence.scope_survey import survey

    try:
        clones = find_clones(authored.engagement, folder, inputs.clones)
        with open_clones(clones, inputs.borrow) as sources:
            found = resolve(authored.engagement, authored.findings, sources)
            covered = survey(authored.engagement, found.repositories, sources)
    except FindingsReportError as error:
        return None, None, error.problems
    return found, covered, (*found.problems, *covered.problems)
