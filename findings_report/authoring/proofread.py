"""Everything an author wrote in Markdown, read before it is printed: what would come out wrong, with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from findings_report import prose
from findings_report.forges.branch_links import BranchLink, find_branch_links, find_homes
from findings_report.model.engagement import Engagement
from findings_report.model.finding import Finding
from findings_report.problems import Kind, Level, Problem, Subject, suggestions
from findings_report.problems.safe_text import visible
from findings_report.prose.parse import is_plain

_FIRST: Final = {
    "location": "give a location of this finding that `name`",
    "finding": "there is no other finding yet",
    "picture": "declare it under `images` in engagement.yaml",
}

_TO_DO: Final = re.compile(r"\s*TODO(?::|\s*\Z)")

MOST_TOLD: Final = 20
"""Problems of one text that are told one by one; a hostile text has thousands."""


@dataclass(frozen=True)
class _Known:
    """What a text may name."""

    ids: Collection[str]
    """Of findings, and former ones."""
    pictures: Collection[str]
    """By name and by file."""
    locations: Collection[str] = ()
    """Of the text's own finding."""
    placed: set[str] = field(default_factory=set)
    """Locations that this finding's texts have placed so far: each is one figure, with one number."""


def proofread(engagement: Engagement, findings: Mapping[str, Finding]) -> list[Problem]:
    """Problems of all prose: texts that are still to be written, refused links and pictures, text nested too deep, references
    to what is not there, and evidence that a finding places twice.
    """
    problems: list[Problem] = []
    pictures = {image.name for image in engagement.images} | {image.file for image in engagement.images}
    ids = findings.keys() | {alias for finding in findings.values() for alias in finding.aliases}
    for path, text in _engagement_texts(engagement):
        problems += [*_unwritten(("engagement", *path), text), *_problems(("engagement", *path), text, _Known(ids, pictures))]
    for key, finding in findings.items():
        problems += _unwritten((key, "title"), finding.title)
        names = frozenset(location.name for location in finding.locations if location.name is not None)
        known = _Known(ids, pictures, names)
        for path, text in texts_of(finding).items():
            problems += [*_unwritten((key, *path), text), *_problems((key, *path), text, known)]
    for _, links in groupby(linked(engagement, findings), key=lambda each: each.subject):
        problems += _bounded([_not_pinned(engagement, each) for each in links])
    return problems


@dataclass(frozen=True)
class Linked:
    """A link that names a branch or tag of one of the engagement's repositories."""

    subject: Subject
    """The text it stands in."""
    line_offset: int
    """Which line of that text, 0-based."""
    link: BranchLink
    """The link."""


def linked(engagement: Engagement, findings: Mapping[str, Finding]) -> Iterator[Linked]:
    """Every such link in all prose and references, in the order of the texts."""
    known = find_homes({name: (repository.web, repository.url) for name, repository in engagement.repositories.items()})
    if not any(known.values()):
        return
    texts: list[tuple[Subject, str]] = [(("engagement", *path), text) for path, text in _engagement_texts(engagement)]
    for key, finding in findings.items():
        texts += (((key, *path), text) for path, text in texts_of(finding).items())
        texts += (((key, "references", index, "url"), each.url) for index, each in enumerate(finding.references))
    for subject, text in texts:
        for link in find_branch_links(text, known):
            yield Linked(subject, text.count("\n", 0, link.start), link)


def _not_pinned(engagement: Engagement, found: Linked) -> Problem:
    repository = engagement.repositories[found.link.repository]
    splits = list(found.link.splits())
    revision, path = next((each for each in splits if each[0] == repository.revision), splits[0])
    fault = f"the link to '{visible(path)[:80]}' names '{visible(revision)[:40]}', not a commit: what it shows can change"
    remedy = "`findings-report pin --links` pins it, once the repository has a `commit`"
    if repository.commit is not None:
        remedy = f"`findings-report pin --links`, or write {visible(found.link.pinned(path, repository.commit))}"
    return Problem(
        Kind.INPUT,
        fault,
        remedy,
        subject=found.subject,
        line_offset=found.line_offset,
        level="warning",
        code="link-not-pinned",
    )


def texts_of(finding: Finding) -> dict[Subject, str]:
    """The finding's Markdown by the path of its field, in print order."""
    texts: dict[Subject, str] = {passage.path: passage.text for passage in finding.prose}
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


def _unwritten(subject: Subject, text: str) -> Iterator[Problem]:
    """The warning of a text that begins with `TODO:`, as those that `init` writes do: nobody means to send it."""
    if _TO_DO.match(text):
        remedy = "write it" if subject[1:] in (("title",), ("description",)) else "write it, or remove the field"
        yield Problem(Kind.INPUT, "is still to be written", remedy, subject=subject, level="warning", code="to-do")


def _problems(subject: Subject, text: str, known: _Known) -> list[Problem]:
    return [] if is_plain(text) else _bounded(list(_every_problem(subject, text, known)))


def _bounded(found: list[Problem]) -> list[Problem]:
    """The problems of one text, at most MOST_TOLD and one that counts the rest."""
    told, rest = found[:MOST_TOLD], found[MOST_TOLD:]
    if rest:
        level: Level = "error" if any(problem.level == "error" for problem in rest) else "warning"
        fault = f"{len(rest):,} problems more in this text"
        told.append(replace(rest[0], fault=fault, remedy=None, level=level, code="more"))
    return told


def _every_problem(subject: Subject, text: str, known: _Known) -> Iterator[Problem]:
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
    for use in parsed.references.uses:
        problem = _missing(subject, use, known) or _placed_twice(subject, use, known)
        if problem is not None:
            yield problem


def _missing(subject: Subject, use: prose.Use, known: _Known) -> Problem | None:
    """The error of a reference to what is not there."""
    there = {"placed": known.locations, "location": known.locations, "finding": known.ids, "image": known.pictures}
    word = {"placed": "location", "image": "picture"}.get(use.kind, use.kind)
    if use.name in there[use.kind]:
        return None
    fault = f"there is no {word} {use.name!r} to refer to"
    remedy = suggestions.listed(use.name, there[use.kind], what=word) or _FIRST[word]
    return Problem(Kind.INPUT, fault, remedy, subject=subject, line_offset=use.line_offset, code="reference-missing")


def _placed_twice(subject: Subject, use: prose.Use, known: _Known) -> Problem | None:
    """The warning of a location that the finding has placed before. Captions and notes name figures and hold none."""
    if use.kind != "placed" or "locations" in subject:
        return None
    if use.name not in known.placed:
        known.placed.add(use.name)
        return None
    fault = f"location {use.name!r} is placed already: the report refers to its figure here"
    remedy = f"write `[](location:{use.name})`"
    return Problem(
        Kind.INPUT, fault, remedy, subject=subject, line_offset=use.line_offset, level="warning", code="placed-twice"
    )
