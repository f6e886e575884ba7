"""Findings -> the tables of a report: findings that need action, files in scope, classification, risk matrix. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from findings_report import prose
from findings_report.authoring import scoring
from findings_report.forges.permalinks import build_permalink
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import CoveredFile
from findings_report.model.field_types import Level
from findings_report.model.finding import ANSWERED
from findings_report.model.report import NumberedTable, ReportedFinding, ReportedSection
from findings_report.model.report_tables import (
    Chapter,
    Classification,
    ClassifiedWeakness,
    Covered,
    CoveredRow,
    Matrix,
    MatrixRow,
    Remediation,
)

MOST_ROWS: Final = 30
"""Rows of the table, unless there are more repositories."""


MOST_CITED: Final = 20
"""Cited files that have a row of their own among folders; where there are more, folders hold them too."""


FindingsByFile = Mapping[tuple[str, str], Sequence[str]]
"""Ids of the findings by the (repository, path) that they cite."""


@dataclass(frozen=True)
class FileGroup:
    """Files that share a row."""

    repository: str
    """Its name in the engagement."""
    folder: str
    """The folder that holds them, with `/` at its end; empty for the root."""
    files: tuple[CoveredFile, ...]
    """At least one."""
    is_rest: bool = False
    """True when they are the files directly in the folder, and other groups have what is in its subfolders."""

    @property
    def path(self) -> str:
        """`src/app.py` for a single file, `src/` for those below a folder, `src/*` for those directly in it."""
        return self.files[0].path if len(self.files) == 1 else self.folder + ("*" if self.is_rest else "")

    def parts(self) -> list[FileGroup]:
        """The groups that it falls into: folders, and the files beside them; files, where there is no folder."""
        below: dict[str, list[CoveredFile]] = {}
        for file in self.files:
            name, slash, _ = file.path[len(self.folder) :].partition("/")
            below.setdefault(name + slash if slash else "", []).append(file)
        if set(below) == {""}:
            return [FileGroup(self.repository, self.folder, (file,)) for file in self.files]
        return [FileGroup(self.repository, self.folder + name, tuple(held), is_rest=not name) for name, held in below.items()]


def fold(files: Mapping[str, Sequence[CoveredFile]], cited: FindingsByFile) -> list[FileGroup]:
    """Return every file in one group, by repository and path. Cited files have their own group, large folders unfold first."""
    order = {repository: rank for rank, repository in enumerate(files)}
    every = [(repository, file) for repository, each in files.items() for file in each]
    alone = [FileGroup(repository, "", (file,)) for repository, file in every if (repository, file.path) in cited]
    # With more cited files the table would have a row for almost every finding, as the list of findings has already.
    done = alone if len(alone) <= MOST_CITED else []
    taken = {(group.repository, group.path) for group in done}
    # A heap by size, so that the rows that remain are spent on the largest folders. Repository and path break ties, which
    # keeps the table the same in every run.
    waiting: list[tuple[int, int, str, FileGroup]] = []

    def wait(group: FileGroup) -> None:
        heapq.heappush(waiting, (-len(group.files), order[group.repository], group.path, group))

    for repository, each in files.items():
        if others := tuple(file for file in each if (repository, file.path) not in taken):
            wait(FileGroup(repository, "", others))
    while waiting:
        group = heapq.heappop(waiting)[-1]
        parts = group.parts() if len(group.files) > 1 else []
        if parts and len(done) + len(waiting) + len(parts) <= MOST_ROWS:
            for part in parts:
                wait(part)
        else:
            done.append(group)
    return sorted(done, key=lambda group: (order[group.repository], group.path))


def remediation(findings: Sequence[ReportedFinding]) -> Remediation | None:
    """The findings that wait for somebody; None when there are none, or when none of them has an owner, a day or a ticket."""
    waiting = [finding for finding in findings if finding.status not in ANSWERED]
    owner = ("owner",) if any(finding.owner for finding in waiting) else ()
    due = ("due",) if any(finding.due for finding in waiting) else ()
    tickets = ("tickets",) if any(finding.tickets for finding in waiting) else ()
    if not (owner or due or tickets):
        return None
    return Remediation(
        findings=tuple(finding.id for finding in waiting),
        columns=(*owner, *due, *tickets),
        answered=len(findings) - len(waiting),
    )


def matrix(engagement: Engagement, findings: Sequence[ReportedFinding]) -> Matrix | None:
    """The engagement's matrix; None when no finding is rated by impact and likelihood, or none of its words is in the scale."""
    scale = {severity.name: severity for severity in engagement.severities}
    words = {word for row in engagement.matrix.values() for word in row.values()}
    if not any(finding.rating for finding in findings) or words.isdisjoint(scale):
        return None
    return Matrix(
        likelihoods=tuple(Level),
        rows=tuple(
            MatrixRow(
                impact=impact,
                severities=tuple(scale.get(engagement.matrix.get(impact, {}).get(each, "")) for each in Level),
            )
            for impact in reversed(Level)  # the highest impact on top, as risk matrices are usually drawn
        ),
    )


def classification(findings: Sequence[ReportedFinding], top_ten: str) -> Classification | None:
    """The findings by weakness and category of this version of the Top Ten; None when no finding names a weakness."""
    named = {each.id: each for finding in findings for each in finding.cwe}
    if not named:
        return None
    chapters = sorted({each.top_ten for each in named.values() if each.top_ten})
    known = scoring.weakness_table()
    return Classification(
        version=known.version,
        date=known.date,
        top_ten_version=top_ten,
        weaknesses=tuple(
            ClassifiedWeakness(weakness=named[id], findings=_ids(each for each in findings if named[id] in each.cwe))
            # By number: as text, CWE-1004 would come before CWE-79.
            for id in sorted(named, key=lambda id: int(id.removeprefix("CWE-")))
        ),
        chapters=tuple(
            Chapter(
                title=chapter,
                findings=_ids(each for each in findings if any(cwe.top_ten == chapter for cwe in each.cwe)),
            )
            for chapter in chapters
        ),
        unclassified=_ids(finding for finding in findings if not finding.cwe),
    )


def covered(
    files: Mapping[str, Sequence[CoveredFile]],
    findings: Sequence[ReportedFinding],
    bases: Mapping[str, tuple[str | None, str]],
) -> Covered | None:
    """The files of the scope with the findings that cite them; None when there are none.

    `files` and `bases`, the base of permalinks and the commit, are by repository.
    """
    every = [file for each in files.values() for file in each]
    if not every:
        return None
    cited: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        for place in dict.fromkeys((snippet.repository, snippet.path) for snippet in finding.snippets):
            cited.setdefault(place, []).append(finding.id)
    order = {finding.id: rank for rank, finding in enumerate(findings)}
    return Covered(
        rows=tuple(_row(group, cited, order, *bases.get(group.repository, (None, ""))) for group in fold(files, cited)),
        files=len(every),
        lines=lines_of(every),
        uncounted=sum(file.lines is None for file in every),
    )


def lines_of(files: Iterable[CoveredFile]) -> int | None:
    """The lines of those that have some; None when none has."""
    counted = [file.lines for file in files if file.lines is not None]
    return sum(counted) if counted else None


def _row(group: FileGroup, cited: FindingsByFile, order: Mapping[str, int], base: str | None, commit: str) -> CoveredRow:
    citing = {id for file in group.files for id in cited.get((group.repository, file.path), ())}
    is_file = len(group.files) == 1
    return CoveredRow(
        repository=group.repository,
        path=group.path,
        files=len(group.files),
        lines=lines_of(group.files),
        findings=tuple(sorted(citing, key=order.__getitem__)),
        permalink=build_permalink(base, commit, group.path) if is_file and commit else None,
    )


def _ids(findings: Iterable[ReportedFinding]) -> tuple[str, ...]:
    return tuple(finding.id for finding in findings)


def number_tables(
    summary: str | None, sections: Sequence[ReportedSection], findings: Sequence[ReportedFinding], declared: Collection[str]
) -> tuple[tuple[ReportedSection, ...], tuple[NumberedTable, ...]]:
    """Return the sections with the numbers of their first tables, and the numbers of all tables that have names.

    Those of the summary and the sections are numbered together, those of a finding under its id, so that they stay when other
    findings come. `declared` are the names of tables from files; the second place of one refers to the first.
    """
    numbers: dict[str, str] = {}

    def number(text: str, prefix: str, count: int) -> int:
        for name, is_declared in prose.list_tables(text):
            if is_declared and (name not in declared or name in numbers):
                continue
            count += 1
            if name:
                numbers.setdefault(name, f"{prefix}{count}")
        return count

    count = number(summary or "", "", 0)
    numbered: list[ReportedSection] = []
    for section in sections:
        numbered.append(section.model_copy(update={"first_table": count + 1}))
        count = number(section.text, "", count)
    for finding in findings:
        count = 0
        for passage in finding.prose:
            count = number(passage.text, f"{finding.id}.", count)
    return tuple(numbered), tuple(NumberedTable(name=name, number=number) for name, number in numbers.items())
