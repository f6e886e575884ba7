"""The edition of an engagement for one audience: what is for others is left out, and every name that leads to it.

`check` makes editions as soon as everything has been read and checked. Whatever comes after it never sees the rest: counts,
tables, pictures, file names, tickets and comparisons are of what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final, Protocol

from findings_report import authoring, prose
from findings_report.model.engagement import Engagement, TableFile
from findings_report.model.finding import Finding
from findings_report.model.passages import is_for, restrict, walk
from findings_report.model.report import ReportedEngagement, ReportedTable
from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.problems.suggestions import did_you_mean
from findings_report.report.output_files import declared_files

_ENGAGEMENT: Final = authoring.ENGAGEMENT_KEY


class HasAliases(Protocol):
    """A finding, authored or reported."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Former ids."""

    @property
    def audience(self) -> tuple[str, ...]:
        """Readers."""


@dataclass(frozen=True)
class Hidden:
    """The names of what an edition leaves out."""

    ids: frozenset[str]
    """Ids of findings."""
    former: frozenset[str]
    """Former ids that lead to these findings."""
    images: frozenset[str]
    """Names and files of pictures."""
    tables: frozenset[str] = frozenset()
    """Names of tables."""

    def rewriter(self, locations: Collection[str] = ()) -> Callable[[str], str]:
        """Return the function that takes every reference to what is left out from a text; `locations` are names."""
        names = {"finding": self.ids | self.former, "image": self.images, "location": frozenset(locations)}
        names["table"] = self.tables
        return lambda text: prose.drop_references(text, names)

    def find_reference(self, text: str, locations: Collection[str] = ()) -> str | None:
        """Return the name of something left out that `text` still refers to; None if there is none."""
        names = {"finding": self.ids | self.former, "image": self.images, "placed": locations, "location": locations}
        names |= {"table": self.tables, "table_link": self.tables, "captioned": ()}
        return next((use.name for use in prose.references(text).uses if use.name in names[use.kind]), None)


def find_hidden(findings: Mapping[str, HasAliases], images: Iterable[Any], word: str) -> Hidden:
    """Return the names of the findings and pictures that are not for the audience `word`."""
    ids = frozenset(id for id, finding in findings.items() if not is_for(finding, word))
    former: dict[str, str] = {}
    for id, finding in findings.items():
        for alias in finding.aliases:
            # As in a report: of a finding that was split the first part answers to its id, unless one of them kept it.
            former.setdefault(alias, id)
    return Hidden(
        ids,
        frozenset(alias for alias, id in former.items() if id in ids and alias not in findings),
        frozenset(name for image in images if not is_for(image, word) for name in (image.name, image.file) if name),
    )


def hide_tables(hidden: Hidden, names: Collection[str], shown: Iterable[Any], word: str) -> Hidden:
    """Return `hidden` with those of the `names` of tables that no text of `shown` prints for the audience `word`."""
    if not names:
        return hidden
    parts = [part for value in shown for _, part in walk(value, word=word)]
    uses = [use for part in parts if isinstance(part, str) for use in prose.references(part).uses]
    # A place prints a table of a file, which may be for others.
    own = {part.name for part in parts if isinstance(part, TableFile | ReportedTable)}
    printed = {use.name for use in uses if use.kind == "captioned" or (use.kind == "table" and use.name in own)}
    return replace(hidden, tables=frozenset(names) - printed)


@dataclass(frozen=True)
class Edition:
    """An engagement for one audience."""

    authored: authoring.Authored
    """What people wrote for it. Problems and documents are those of the whole engagement: they are for its authors."""
    rewriters: Mapping[str, Callable[[str], str]]
    """By finding, the function that takes references to what is left out from a text."""
    problems: tuple[Problem, ...] = ()
    """Notes on what is left out, not located."""


def refuse_unknown_audience(engagement: Engagement, word: str | None) -> None:
    """Raise FindingsReportError (USAGE) for an audience that the engagement does not declare."""
    if word is None or word in engagement.audiences:
        return
    if not engagement.audiences:
        fault, remedy = "the engagement declares no audiences", f"add `audiences: [{word}]` to engagement.yaml"
    else:
        fault = f"{word!r} is not one of the engagement's audiences ({', '.join(engagement.audiences)})"
        remedy = did_you_mean(word, engagement.audiences) or f"add it to `audiences` in {authoring.ENGAGEMENT}"
    raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="audience"))


def make_edition(authored: authoring.Authored, word: str) -> Edition:
    """Return what of an engagement is for the audience `word`.

    Raises FindingsReportError (INPUT) for a text whose reference to something left out cannot be taken out.
    """
    hidden = find_hidden(authored.findings, authored.engagement.images, word)
    shown = {id: finding for id, finding in authored.findings.items() if id not in hidden.ids}
    names = {table.name for table in authored.engagement.tables} | _captioned_tables(authored)
    hidden = hide_tables(hidden, names, (authored.engagement, *shown.values()), word)
    rewriters = {id: hidden.rewriter(_hidden_locations(finding, word)) for id, finding in shown.items()}
    engagement = restrict(authored.engagement, word, hidden.rewriter())
    fields = {custom.name for custom in engagement.fields}
    findings = {id: _restrict_finding(finding, word, rewriters[id], hidden, fields) for id, finding in shown.items()}
    problems = [_unremoved(subject, name) for subject, name in _find_references(engagement, findings, authored, hidden, word)]
    if problems:
        raise FindingsReportError(authoring.locate(problems, authored))
    used = {name for value in (engagement, *findings.values()) for name in _placed_images(value)}
    images = tuple(image for image in engagement.images if used & {image.name, image.file})
    # Repositories and scope stay whole: what was audited is the same for everybody, also where nothing of it is shown.
    tables = tuple(table for table in engagement.tables if table.name not in hidden.tables)
    engagement = engagement.model_copy(update={"audiences": (), "images": images, "tables": tables})
    rewrite = hidden.rewriter()
    pictures = {*(image.name for image in images), "logo:"}
    restricted = replace(
        authored,
        engagement=engagement,
        findings=findings,
        pictures={name: content for name, content in authored.pictures.items() if name in pictures},
        tables={table.name: authored.tables[table.name].rewrite(rewrite) for table in tables if table.name in authored.tables},
        attachments={
            attachment.file: authored.attachments[attachment.file]
            for attachment in engagement.attachments
            if attachment.file in authored.attachments
        },
        files=tuple(name for name in authored.files if _is_shown(name, engagement, findings)),
    )
    shown_of = f"{len(findings)} of {len(authored.findings)} finding{'' if len(authored.findings) == 1 else 's'}"
    summary = Problem(Kind.INPUT, f"this edition is for {word}: {shown_of}", level="note", code="edition")
    return Edition(restricted, rewriters, (summary,))


def _hidden_locations(finding: Finding, word: str) -> frozenset[str]:
    return frozenset(location.name for location in finding.locations if location.name and not is_for(location, word))


def _restrict_finding(
    finding: Finding, word: str, rewrite: Callable[[str], str], hidden: Hidden, fields: Collection[str]
) -> Finding:
    return restrict(finding, word, rewrite).model_copy(
        update={
            "related": tuple(id for id in finding.related if id not in hidden.ids | hidden.former),
            "aliases": tuple(alias for alias in finding.aliases if alias not in hidden.ids),
            "extra": {name: value for name, value in finding.extra.items() if name in fields},
        }
    )


def _find_references(
    engagement: Engagement, findings: Mapping[str, Finding], authored: authoring.Authored, hidden: Hidden, word: str
) -> Iterable[tuple[Subject, str]]:
    """Yield the subject of each text that still refers to something left out, and the name of that."""
    for key, value in ((_ENGAGEMENT, engagement), *findings.items()):
        locations = _hidden_locations(authored.findings[key], word) if key in findings else frozenset[str]()
        for path, text in walk(value):
            if isinstance(text, str) and (name := hidden.find_reference(text, locations)) is not None:
                # Positions in lists may differ from those of the file, so the text is named by its first field.
                yield (key, *path[:1]), name


def _unremoved(subject: Subject, name: str) -> Problem:
    fault = f"refers to {name}, which this edition leaves out, in a way that cannot be left out"
    return Problem(Kind.INPUT, fault, "write it as `[text](finding:ID)`", subject=subject, code="audience-reference")


def _placed_images(value: Any) -> Iterable[str]:
    return (name for _, text in walk(value) if isinstance(text, str) for name in prose.references(text).images)


def _captioned_tables(authored: authoring.Authored) -> set[str]:
    """Return the names of the tables that are written in texts."""
    values = (authored.engagement, *authored.findings.values())
    texts = (text for value in values for _, text in walk(value) if isinstance(text, str) and "{#" in text)
    return {use.name for text in texts for use in prose.references(text).uses if use.kind == "captioned"}


def _is_shown(file: str, engagement: Engagement, findings: Mapping[str, Finding]) -> bool:
    name = PurePosixPath(file).name
    if name.endswith(authoring.FINDING_SUFFIX):
        return name.removesuffix(authoring.FINDING_SUFFIX) in findings
    return file == authoring.ENGAGEMENT or file in declared_files(engagement)


def describe_complete(engagement: ReportedEngagement) -> list[Problem]:
    """Return a note for whom a report with parts for different audiences is; none for any other report."""
    if engagement.edition is not None or not engagement.audiences:
        return []
    fault = f"this is the complete edition, for internal use: it has parts that are only for {', '.join(engagement.audiences)}"
    return [Problem(Kind.INPUT, fault, "build it for its readers with --audience WORD", level="note", code="edition")]


def require_audience(audiences: Sequence[str]) -> None:
    """Raise FindingsReportError (USAGE) before a complete report with parts that are only for `audiences` goes to a tracker."""
    if audiences:
        fault = f"parts of the engagement are only for {', '.join(audiences)}, and others may read the tickets"
        remedy = "say who reads them with --audience WORD"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="audience"))


def list_audiences(engagement: Engagement, findings: Mapping[str, Finding]) -> tuple[str, ...]:
    """Return the audiences that a part is limited to, in the order in which the engagement declares them."""
    values = (engagement, *findings.values())
    limits = {frozenset(getattr(part, "audience", ())) for value in values for _, part in walk(value)}
    # A part that names every audience is for everybody.
    used = {word for limit in limits if not limit >= set(engagement.audiences) for word in limit}
    return tuple(word for word in engagement.audiences if word in used)
