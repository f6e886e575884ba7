"""Engagement + snippets -> Report: order, counts, groups, numbers.

The content of a report is decided here, from values to values; renderers decide how it looks. No clock, no environment, no
file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from findings_report import authoring, prose
from findings_report.authoring import scoring
from findings_report.model.engagement import Engagement, Order, SectionPlace, Severity, scope_patterns
from findings_report.model.evidence import CoveredFile, Snippet, Verdict
from findings_report.model.finding import Finding, Status
from findings_report.model.passages import is_for, restrict
from findings_report.model.report import (
    Component,
    CustomValue,
    FindingsCommit,
    NumberedTable,
    Picture,
    Report,
    ReportedAttachment,
    ReportedDocument,
    ReportedEngagement,
    ReportedFinding,
    ReportedFont,
    ReportedRepository,
    ReportedSection,
    ReportedTable,
    ScopeEntry,
    SeverityCount,
    VerdictCount,
)
from findings_report.report import tables
from findings_report.report.editions import Hidden, find_hidden, hide_tables, list_audiences

ACCENT: Final = "#1f4e79"
"""The accent colour where the engagement names none."""


def assemble(
    engagement: Engagement,
    findings: Mapping[str, Finding],
    snippets: Mapping[str, Sequence[Snippet]],
    *,
    repositories: Sequence[ReportedRepository],
    pictures: Mapping[str, Picture],
    components: Sequence[Component],
    fonts: Sequence[ReportedFont] = (),
    docx_template: ReportedDocument | None = None,
    csv_tables: Mapping[str, authoring.CsvTable] = MappingProxyType({}),
    attachments: Mapping[str, bytes] = MappingProxyType({}),
    covered: Mapping[str, Sequence[CoveredFile]] = MappingProxyType({}),
    default_date: date | None = None,
    findings_commit: FindingsCommit | None = None,
    edition: str | None = None,
) -> Report:
    """The report. `findings` come in their natural order; `snippets` are in the order of each finding's locations.

    `pictures` and `csv_tables` are by name, the logo's under `logo:`, `attachments` by file. `covered` are the files of the
    scope, by repository.
    `default_date` is printed on the cover if the engagement has no date. `findings_commit` is that of their own repository.
    `edition` is the audience for whom all of the values are.
    """
    scale = {entry.name: entry for entry in engagement.severities}
    rank = {name: position for position, name in enumerate(scale)}
    # Former ids are resolved once, here: a finding that is rendered alone cannot look up the ids of the others.
    # Of a finding that was split the first part answers to its id, unless one of them kept it.
    parts = [(alias, key) for key, finding in findings.items() for alias in finding.aliases if alias not in findings]
    aliases = dict(reversed(parts))
    reported = [
        _finding(engagement, key, finding, snippets=tuple(snippets.get(key, ())), aliases=aliases)
        for key, finding in findings.items()
    ]
    if engagement.order is Order.SEVERITY:
        reported.sort(key=lambda finding: rank[finding.severity.name])  # stable: by id within a severity
    declared = [
        ReportedTable(name=table.name, caption=table.caption, header=content.header, rows=content.rows, audience=table.audience)
        for table in engagement.tables
        if (content := csv_tables.get(table.name)) is not None
    ]
    sections, numbered = tables.number_tables(
        engagement.summary, _sections(engagement), reported, {table.name for table in declared}
    )
    return Report(
        engagement=_engagement(
            engagement,
            repositories,
            pictures,
            declared_tables=tuple(declared),
            numbered_tables=numbered,
            aliases=aliases,
            default_date=default_date,
            findings_commit=findings_commit,
            edition=edition,
            audiences=list_audiences(engagement, findings),
            fonts=tuple(fonts),
            docx_template=docx_template,
        ),
        summary=engagement.summary,
        scope=tuple(_scope(engagement, covered)),
        counts=tuple(_count(severity, reported) for severity in engagement.severities),
        sections=sections,
        findings=tuple(reported),
        verdicts=_verdicts(reported),
        # Sorted, so that the report's bytes do not depend on the order in which libraries are found.
        components=tuple(sorted(components, key=lambda component: component.name.casefold())),
        covered=tables.covered(covered, reported, _bases(engagement, repositories)),
        remediation=tables.remediation(reported),
        classification=tables.classification(reported, str(engagement.top_ten)),
        matrix=tables.matrix(engagement, reported),
        attachments=tuple(_attachments(engagement, attachments)),
    )


def single_finding_report(report: Report, finding: ReportedFinding) -> Report:
    """Return the report of one finding, to be sent without the others: what only they or the whole report need is left out.

    Of the engagement's pictures, repositories and former ids those stay that the finding names.
    """
    uses = [use for passage in finding.prose for use in prose.references(passage.text).uses]
    placed = {use.name for use in uses if use.kind == "table"}
    named = {use.name for use in uses if use.kind in ("table", "captioned", "table_link")}
    said = finding.model_dump_json()  # its prose is in many fields: one mention anywhere is enough
    cited = {snippet.repository for snippet in finding.snippets}
    engagement = report.engagement.model_copy(
        update={
            "images": tuple(each for each in report.engagement.images if _names(said, each)),
            "tables": tuple(table for table in report.engagement.tables if table.name in placed),
            "numbered_tables": tuple(table for table in report.engagement.numbered_tables if table.name in named),
            "repositories": tuple(each for each in report.engagement.repositories if each.name in cited),
            "aliases": {
                old: id for old, id in report.engagement.aliases.items() if id == finding.id or f"finding:{old}" in said
            },
            # The logo, the version history and the distribution belong to the whole report, not to a finding sent alone.
            "logo": None,
            "versions": (),
            "distribution": (),
        }
    )
    return Report(
        engagement=engagement,
        summary=None,
        scope=(),
        counts=tuple(_count(severity, [finding]) for severity in report.engagement.severities),
        sections=(),
        findings=(finding,),
        verdicts=_verdicts([finding]),
        components=report.components,
        remediation=tables.remediation([finding]),
        classification=tables.classification([finding], _top_ten_of(report)),
    )


def restrict_report(report: Report, word: str) -> Report:
    """Return what of a complete report is for the audience `word`, without the tables of the scope's files.

    Which of these files the rest cites is no longer known in a finished report.
    """
    engagement = report.engagement
    hidden = find_hidden({finding.id: finding for finding in report.findings}, engagement.images, word)
    names = {table.name for table in engagement.tables} | {table.name for table in engagement.numbered_tables}
    readable = [finding for finding in report.findings if finding.id not in hidden.ids]
    hidden = hide_tables(hidden, names, (engagement, report.summary, report.sections, *readable), word)
    findings = tuple(_restrict_finding(finding, word, hidden) for finding in report.findings if finding.id not in hidden.ids)
    rewrite = hidden.rewriter()
    shown = restrict(engagement, word, rewrite).model_copy(
        update={
            "edition": word,
            "audiences": (),
            "aliases": {old: id for old, id in engagement.aliases.items() if id not in hidden.ids and old not in hidden.ids},
        }
    )
    sections = restrict(report.sections, word, rewrite)
    mentioned = "".join(value.model_dump_json() for value in (*findings, *sections)) + (report.summary or "")
    declared = tuple(table for table in shown.tables if table.name not in hidden.tables)
    summary = rewrite(report.summary) if report.summary is not None else None
    sections, numbered = tables.number_tables(summary, sections, findings, {table.name for table in declared})
    images = tuple(image for image in shown.images if _names(mentioned, image))
    shown = shown.model_copy(update={"images": images, "tables": declared, "numbered_tables": numbered})
    return report.model_copy(
        update={
            "engagement": shown,
            "summary": summary,
            "scope": (),
            "counts": tuple(_count(severity, findings) for severity in engagement.severities),
            "sections": sections,
            "attachments": restrict(report.attachments, word, rewrite),
            "findings": findings,
            "verdicts": _verdicts(findings),
            "covered": None,
            "remediation": tables.remediation(findings),
            "classification": tables.classification(findings, _top_ten_of(report)),
        }
    )


def _top_ten_of(report: Report) -> str:
    """Return the version of the OWASP Top Ten of a report; empty where no finding has a weakness."""
    return report.classification.top_ten_version if report.classification is not None else ""


def _restrict_finding(finding: ReportedFinding, word: str, hidden: Hidden) -> ReportedFinding:
    locations = {snippet.name for snippet in finding.snippets if snippet.name and not is_for(snippet, word)}
    restricted = restrict(finding, word, hidden.rewriter(locations))
    return restricted.model_copy(
        update={
            "related": tuple(id for id in finding.related if id not in hidden.ids | hidden.former),
            "aliases": tuple(alias for alias in finding.aliases if alias not in hidden.ids),
            "placed": tuple(name for name in finding.placed if name not in locations),
        }
    )


def _names(said: str, picture: Picture) -> bool:
    return f"image:{picture.name}" in said or (picture.file is not None and picture.file in said)


def _engagement(
    engagement: Engagement,
    repositories: Sequence[ReportedRepository],
    pictures: Mapping[str, Picture],
    *,
    aliases: dict[str, str],
    default_date: date | None,
    findings_commit: FindingsCommit | None,
    edition: str | None,
    audiences: tuple[str, ...],
    fonts: tuple[ReportedFont, ...],
    docx_template: ReportedDocument | None,
    declared_tables: tuple[ReportedTable, ...],
    numbered_tables: tuple[NumberedTable, ...],
) -> ReportedEngagement:
    return ReportedEngagement(
        title=engagement.title,
        client=engagement.client,
        authors=engagement.authors,
        version=engagement.version,
        date=engagement.date or default_date,
        period=engagement.period,
        state=engagement.state,
        versions=engagement.versions,
        distribution=engagement.distribution,
        confidentiality=engagement.confidentiality,
        interactive=engagement.interactive,
        html=engagement.html,
        language=engagement.language,
        accent=engagement.colours.get("accent", ACCENT),
        cover=engagement.cover,
        order=engagement.order,
        findings_on_new_page=engagement.findings_on_new_page,
        status_words=engagement.status_words,
        severity_words=engagement.severity_words,
        words=engagement.words,
        severities=engagement.severities,
        repositories=tuple(repositories),
        images=tuple(
            pictures[image.name].model_copy(update={"audience": image.audience})
            for image in engagement.images
            if image.name in pictures
        ),
        tables=declared_tables,
        numbered_tables=numbered_tables,
        logo=pictures.get("logo:"),
        advisory=engagement.csaf,
        fonts=fonts,
        docx_template=docx_template,
        system_fonts=engagement.system_fonts,
        findings_commit=findings_commit,
        aliases=aliases,
        edition=edition,
        audiences=audiences,
    )


def _finding(
    engagement: Engagement, key: str, finding: Finding, *, snippets: tuple[Snippet, ...], aliases: Mapping[str, str]
) -> ReportedFinding:
    scale = {entry.name: entry for entry in engagement.severities}
    word, source = scoring.severity(engagement, finding)
    fields = {custom.name: custom for custom in engagement.fields}
    same = {name: getattr(finding, name) for name in _CARRIED_OVER}
    return ReportedFinding(
        id=key,
        severity=scale[word],
        severity_source=source,
        # `dict.fromkeys` drops repeated ids and keeps the order, which authors use for the main weakness first.
        cwe=tuple(scoring.name_weakness(id, engagement.weaknesses, engagement.top_ten) for id in dict.fromkeys(finding.cwe)),
        scores=tuple(scoring.score(vector) for vector in finding.cvss),
        residual_severity=scale[finding.residual_severity] if finding.residual_severity else None,
        related=tuple(dict.fromkeys(aliases.get(other, other) for other in finding.related)),
        snippets=snippets,
        placed=_placed(finding, snippets),
        extra=tuple(
            CustomValue(name=name, label=fields[name].label, value=value, audience=fields[name].audience)
            for name, value in finding.extra.items()
        ),
        **same,
    )


_CARRIED_OVER = tuple(
    name
    for name in ReportedFinding.model_fields
    if name in Finding.model_fields and name not in ("severity", "residual_severity", "related", "extra", "cwe")
)
"""Fields that a report prints as they were written."""


def _placed(finding: Finding, snippets: tuple[Snippet, ...]) -> tuple[str, ...]:
    """Names of the locations that the prose places, in the order of the locations."""
    placed = {name for passage in finding.prose for name in prose.references(passage.text).placed}
    return tuple(snippet.name for snippet in snippets if snippet.name in placed and snippet.name is not None)


def _sections(engagement: Engagement) -> list[ReportedSection]:
    """Return the sections: those before the findings first, the recommendation and the conclusion last."""
    taken: set[str] = set()
    # Named in the order of printing, which is the only one that a report keeps.
    ordered = sorted(engagement.sections, key=lambda section: section.place is SectionPlace.AFTER)
    sections = [
        ReportedSection(
            key=_anchor(section.title, taken),
            title=section.title,
            text=section.text or "",
            place=section.place,
            audience=section.audience,
        )
        for section in ordered
    ]
    closing = {"recommendation": engagement.recommendation, "conclusion": engagement.conclusion}
    sections.extend(
        ReportedSection(key=key, title=key.capitalize(), text=text, place=SectionPlace.AFTER)
        for key, text in closing.items()
        if text is not None
    )
    return sections


def _attachments(engagement: Engagement, contents: Mapping[str, bytes]) -> Iterator[ReportedAttachment]:
    for attachment in engagement.attachments:
        if (content := contents.get(attachment.file)) is not None:
            path = PurePosixPath(attachment.file)
            yield ReportedAttachment(
                name=path.name,
                title=attachment.title,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                media_type=_MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"),
                audience=attachment.audience,
                content=content,
            )


# Not the module `mimetypes`, which reads files of the machine: the same report must give the same bytes everywhere.
_MEDIA_TYPES: Final = {
    **dict.fromkeys((".txt", ".log", ".py", ".sh", ".md", ".patch", ".diff", ".c", ".go", ".rs", ".sol"), "text/plain"),
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".har": "application/json",
    ".xml": "application/xml",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".gz": "application/gzip",
    ".js": "text/javascript",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".tar": "application/x-tar",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
    ".pcap": "application/vnd.tcpdump.pcap",
    ".eml": "message/rfc822",
}


def _anchor(title: str, taken: set[str]) -> str:
    words = "-".join(re.findall(r"[a-z0-9]+", title.casefold())) or "untitled"
    # The prefix keeps anchors of sections apart from ids of findings, and two sections may have the same title.
    anchor, count = f"section-{words}", 1
    while anchor in taken:
        count += 1
        anchor = f"section-{words}-{count}"
    taken.add(anchor)
    return anchor


def _scope(engagement: Engagement, covered: Mapping[str, Sequence[CoveredFile]]) -> Iterator[ScopeEntry]:
    """The entries of the scope; those about an available repository with the files that they name."""
    for index, pattern in enumerate(scope_patterns(engagement.scope, engagement.repositories)):
        entry = ScopeEntry(repository=pattern.repository, pattern=pattern.text, is_excluding=pattern.is_excluding)
        if not entry.is_excluding and covered and pattern.repository in (None, *covered):
            mine = [file for files in covered.values() for file in files if index in file.entries]
            entry = entry.model_copy(update={"files": len(mine), "lines": tables.lines_of(mine)})
        yield entry


def _bases(engagement: Engagement, repositories: Sequence[ReportedRepository]) -> dict[str, tuple[str | None, str]]:
    """Base of permalinks and commit, by repository."""
    return {
        each.name: (engagement.repositories[each.name].web or engagement.repositories[each.name].url, each.commit)
        for each in repositories
        if each.commit is not None
    }


def _count(severity: Severity, findings: Sequence[ReportedFinding]) -> SeverityCount:
    mine = [finding.status for finding in findings if finding.severity.name == severity.name]
    return SeverityCount(
        severity=severity,
        total=len(mine),
        by_status=tuple((status, sum(1 for each in mine if each is status)) for status in Status),
    )


def _verdicts(findings: Sequence[ReportedFinding]) -> tuple[VerdictCount, ...]:
    verdicts = [snippet.check.verdict for finding in findings for snippet in finding.snippets]
    return tuple(VerdictCount(verdict=verdict, total=verdicts.count(verdict)) for verdict in Verdict if verdict in verdicts)
