"""Everything an author wrote in Markdown, read before it is printed: what would come out wrong, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from findings_report import meant, prose
from findings_report.errors import Kind, Level, Problem, Subject
from findings_report.model.finding import PLACING, Engagement, Finding
from findings_report.prose.plain import is_plain

_FIRST: Final = {
    "location": "give a location of this finding that `name`",
    "finding": "there is no other finding yet",
    "picture": "declare it under `images` in engagement.yaml",
}

MOST_TOLD: Final = 20
"""Problems of one text that are told one by one; a hostile text has thousands."""


def proofread(engagement: Engagement, findings: Mapping[str, Finding]) -> list[Problem]:
    """Problems of all prose: refused links and pictures, text nested too deep, references to what is not there."""
    problems: list[Problem] = []
    pictures = {image.name for image in engagement.images} | {image.file for image in engagement.images}
    for path, text in _engagement_texts(engagement):
        problems += _problems(("engagement", *path), text, findings, frozenset(), pictures)
    for key, finding in findings.items():
        names = frozenset(location.name for location in finding.locations if location.name is not None)
        for path, text in texts_of(finding).items():
            problems += _problems((key, *path), text, findings, names, pictures)
    return problems


def texts_of(finding: Finding) -> dict[Subject, str]:
    """The finding's Markdown by the path of its field, in print order."""
    texts: dict[Subject, str] = {(name,): getattr(finding, name) for name in PLACING if getattr(finding, name) is not None}
    if finding.recommendation is not None:
        texts["recommendation", "short_term"] = finding.recommendation.short_term
        if finding.recommendation.long_term is not None:
            texts["recommendation", "long_term"] = finding.recommendation.long_term
    if finding.fix is not None and finding.fix.note is not None:
        texts["fix", "note"] = finding.fix.note
    for index, location in enumerate(finding.locations):
        if location.caption is not None:
            texts["locations", index, "caption"] = location.caption
        texts.update({("locations", index, "notes", str(line)): note for line, note in location.notes.items()})
    return texts


def _engagement_texts(engagement: Engagement) -> Iterator[tuple[Subject, str]]:
    for name in ("summary", "recommendation", "conclusion"):
        if (text := getattr(engagement, name)) is not None:
            yield (name,), text
    for index, section in enumerate(engagement.sections):
        if section.text is not None:
            yield ("sections", index, "text" if section.file is None else "file"), section.text


def _problems(
    subject: Subject, text: str, findings: Mapping[str, Finding], locations: frozenset[str], pictures: set[str]
) -> list[Problem]:
    """The problems of one text, at most MOST_TOLD and one that counts the rest."""
    if is_plain(text):
        return []
    found = list(_every_problem(subject, text, findings, locations, pictures))
    told, rest = found[:MOST_TOLD], found[MOST_TOLD:]
    if rest:
        level: Level = "error" if any(problem.level == "error" for problem in rest) else "warning"
        fault = f"{len(rest):,} problems more in this text"
        told.append(Problem(Kind.INPUT, fault, subject=subject, line_offset=rest[0].line_offset, level=level, code="more"))
    return told


def _every_problem(
    subject: Subject, text: str, findings: Mapping[str, Finding], locations: frozenset[str], pictures: set[str]
) -> Iterator[Problem]:
    parsed = prose.parse(text)
    for fault in parsed.faults:
        yield Problem(
            Kind.INPUT,
            fault.fault,
            fault.remedy,
            subject=subject,
            line_offset=fault.line_offset,
            code=fault.code,
            level=fault.level,
        )
    known = {"placed": locations, "location": locations, "finding": findings.keys(), "image": pictures}
    words = {"placed": "location", "location": "location", "finding": "finding", "image": "picture"}
    for use in parsed.references.uses:
        if use.name not in known[use.kind]:
            fault_text = f"there is no {words[use.kind]} {use.name!r} to refer to"
            remedy = meant.listed(use.name, known[use.kind], what=words[use.kind]) or _FIRST[words[use.kind]]
            code = f"no-{words[use.kind]}"
            yield Problem(Kind.INPUT, fault_text, remedy, subject=subject, line_offset=use.line_offset, code=code)
