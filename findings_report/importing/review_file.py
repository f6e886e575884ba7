"""The importer of prose reviews: a review in Markdown becomes findings and texts of the engagement.

It proves that no word of the source is lost, because prose has no fields that could be listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from pydantic import TypeAdapter

from findings_report.evidence.audited_commit import find_fitting_tag
from findings_report.evidence.source_files import FileReader
from findings_report.importing.foreign import decode_text, refuse_json
from findings_report.importing.importers import (
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    ImportedText,
    choose_severity,
)
from findings_report.importing.placement import Code, PlacedFinding, place_finding
from findings_report.importing.review import (
    EngagementText,
    Review,
    ReviewedFinding,
    find_lost_words,
    read_review,
)
from findings_report.importing.summary_tables import SummaryRow, find_target
from findings_report.model.finding import Location
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_ORDER: Final = ("summary", "description", "impact", "scenario", "proof", "recommendation", "response")


def read_review_file(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the findings and texts of a review. Raises FindingsReportError (INPUT) without a finding, or if a word is lost."""
    text = decode_text(file).replace("\r\n", "\n").replace("\r", "\n")
    own = os.path.abspath(file.shown)  # noqa: PTH100  # without following symbolic links

    def find_path(target: str) -> str:
        return os.path.normpath(os.path.join(os.path.dirname(own), target))  # noqa: PTH118, PTH120

    def is_elsewhere(target: str) -> bool:
        return find_path(target) in context.others and find_path(target) != own

    scale = [severity.name for severity in context.engagement.severities]
    try:
        review = read_review(text, scale, file.shown, is_elsewhere=is_elsewhere, rows=context.rows.get(own, ()))
    except FindingsReportError as error:
        raise FindingsReportError([replace(problem, place=Place(file.shown)) for problem in error.problems]) from None
    is_index = review.linked or any(
        is_elsewhere(target) for match in _LINKED.finditer(text) if (target := find_target(match["url"]))
    )
    if not review.findings and not is_index:
        refuse_json(file)
        fault = "no finding is recognised in it"
        remedy = "give each finding a heading, as in `### [H-01] Title`, with `#### Description` and other parts below it"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown), code="import-nothing"))
    problems: list[Problem] = []
    codes = [_find_code(name, review, text, file, context, problems) for name in context.repositories]
    placed = [place_finding(finding, *codes) for finding in review.findings]
    problems += _name_ambiguous(file, review, placed)
    fields = [
        _make_fields(context, file, finding, place, problems) for finding, place in zip(review.findings, placed, strict=True)
    ]
    problems += _name_unread(file, review)
    _refuse_lost(file, text, review, placed, fields)
    keys: dict[str, int] = {}
    findings = []
    for finding, values in zip(review.findings, fields, strict=True):
        keys[finding.key] = keys.get(finding.key, 0) + 1
        number = keys[finding.key]
        key = finding.key if number == 1 else f"{finding.key} ({number})"
        target = find_path(finding.target) if finding.target else None
        findings.append(ImportedFinding((key,), values, str(finding.line + 1), finding.own_id, file=target))
    texts = tuple(ImportedText(*title_and_text) for title_and_text in _join_texts(review.texts))
    rows: dict[str, list[SummaryRow]] = {}
    for row in review.linked:
        rows.setdefault(find_path(row.target or ""), []).append(row)
    unplaced = sum(place.unplaced for place in placed)
    return ImportedFile(tuple(findings), texts, unplaced=unplaced, problems=tuple(problems), rows=rows)


_LINKED: Final = re.compile(r"\]\((?P<url>[^()\s]{1,500})\)")


def _find_code(
    name: str, review: Review, text: str, file: ForeignFile, context: ImportContext, problems: list[Problem]
) -> Code:
    """Return the files of a repository at the audited commit: the pin, else what the review names, else where its code fits."""
    repository = context.repositories[name]
    home = next(iter(repository.homes), None)
    own = name if len(context.repositories) > 1 else None
    if repository.reader is None or repository.commit is not None:
        return Code(repository.reader, repository.commit, home=home, name=own)
    commit = _find_named_commit(text, repository.reader)
    said = f"the review names {commit[:12]}" if commit is not None else ""
    if commit is None:

        def cite(at: str) -> list[Location]:
            code = Code(repository.reader, at, home=home)
            found = [location for finding in review.findings for location in place_finding(finding, code).locations]
            return [_QUOTED.validate_python(each) for each in found if "quote" in each and "commit" not in each]

        tag = find_fitting_tag(repository.reader, cite)
        if tag is None:
            fault = f"repository {name!r} has no commit, and no tag fits the quotes: no quote was looked for"
            remedy = "write the audited tag under `revision`, then `findings-report pin`"
            problems.append(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown), level="warning", code="import-no-code"))
            return Code(None, None, home=home, name=own)
        commit = tag.commit
        said = f"{tag.fitting} of {tag.quotes} quotes fit tag {tag.name}, the newest that fits"
    fault = f"repository {name!r} has no commit: {said}; the locations name {commit}"
    remedy = f"if that was audited, pin it with `findings-report pin --to {commit[:12]}`"
    problems.append(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown), level="note", code="import-commit"))
    return Code(repository.reader, commit, home=home, name=own, is_pinned=False)


_QUOTED: Final = TypeAdapter(Location)
_NAMED_COMMIT: Final = re.compile(
    r"\b(?:commit|revision|hash|sha)\b[^\n]{0,60}?(?<![0-9a-zA-Z/])(?P<hash>[0-9a-f]{7,40})(?![0-9a-zA-Z])|"
    r"提交[^\n]{0,30}?(?<![0-9a-zA-Z/])(?P<other>[0-9a-f]{7,40})(?![0-9a-zA-Z])",
    re.IGNORECASE,
)


def _find_named_commit(text: str, reader: FileReader) -> str | None:
    """Return the one commit that the review names and the clone has, in its text before the first replies about fixes."""
    commits: set[str] = set()
    for match in islice(_NAMED_COMMIT.finditer(text), _MOST_NAMED):
        # `Fixed in commit abc` names the code after the audit.
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.end()]
        if _FIXING.search(line):
            continue
        try:
            commit = reader.source.commit_of((match["hash"] or match["other"]).lower())
        except FindingsReportError:
            continue  # a short hash that several commits have
        commits |= {commit} if commit is not None else set()
    return commits.pop() if len(commits) == 1 else None


_MOST_NAMED: Final = 50
"""Hashes of a review that are looked up."""
_FIXING: Final = re.compile(r"fix|resol|mitigat|address|verif|remedi|修复", re.IGNORECASE)


def _name_ambiguous(file: ForeignFile, review: Review, placed: Sequence[PlacedFinding]) -> Iterator[Problem]:
    """Yield a warning for each block of code that is in several repositories."""
    for finding, place in zip(review.findings, placed, strict=True):
        for line, names in place.ambiguous:
            fault = f"{finding.title!r}: its code is in repositories {', '.join(names)}; it stays text"
            remedy = "link the code in the review, or add the location to the finding"
            at = Place(file.shown, line + 1)
            yield Problem(Kind.INPUT, fault, remedy, place=at, level="warning", code="import-ambiguous")


def _make_fields(
    context: ImportContext, file: ForeignFile, finding: ReviewedFinding, placed: PlacedFinding, problems: list[Problem]
) -> dict[str, Any]:
    """Return the fields of a finding's file, and add to `problems`."""
    status = finding.status.value if finding.status is not None else "undetermined"
    severity, warnings = choose_severity(finding.severity, finding.title, context, file=file.shown, line=finding.line + 1)
    problems += warnings
    fields: dict[str, Any] = {"title": finding.title, "severity": severity, "status": status, "confidence": "unconfirmed"}
    if finding.category:
        fields["category"] = finding.category
    if finding.cwe:
        fields["cwe"] = list(finding.cwe)
    for name in _ORDER:
        if text := placed.texts.get(name, "").strip("\n"):
            fields[name] = text + "\n"
    if placed.locations:
        fields["locations"] = [dict(location) for location in placed.locations]
    if finding.url is not None and finding.url.startswith(("https://", "http://")):
        fields["references"] = [{"url": finding.url}]
    return fields


def _name_unread(file: ForeignFile, review: Review) -> Iterator[Problem]:
    """Yield a warning for what could be a finding, a severity or a status, and was read as text."""
    for line, heading in review.unread:
        fault = f"the heading {heading!r} has an id, and was read as a text"
        remedy = "give the finding a heading such as `### [H-01] Title`"
        place = Place(file.shown, line + 1)
        yield Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-unread")
    for finding in review.findings:
        for stated in finding.unread:
            fault = f"{finding.title!r}: {stated!r} is no certain severity or status; it stays text"
            remedy = "set `severity` and `status` in the finding"
            place = Place(file.shown, finding.line + 1)
            yield Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-unread")


def _refuse_lost(
    file: ForeignFile, text: str, review: Review, placed: Sequence[PlacedFinding], fields: Sequence[Mapping[str, Any]]
) -> None:
    """Raise FindingsReportError (INPUT) for words of the review that no field has."""
    kept = [*_strings(fields), *review.dropped, *(word for place in placed for word in place.dropped)]
    kept += [value for title_and_text in _join_texts(review.texts) for value in title_and_text[1:]]
    if lost := find_lost_words(text, kept):
        fault = f"{len(lost):,} words of it would be in no field: {', '.join(lost[:12])}{', …' if lost[12:] else ''}"
        remedy = "this is a fault of the import: nothing was written; please report it with the review"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown), code="import-lost"))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _strings(entry)


def _join_texts(texts: Sequence[EngagementText]) -> Iterator[tuple[str, str, str]]:
    """Yield (field, title, text): a field once, all of its texts in it; sections of one title with numbers."""
    titles: dict[str, int] = {}
    for name in ("summary", "recommendation", "conclusion"):
        own = [text for text in texts if text.field == name]
        if own:
            yield name, "", "\n\n".join(each.text for each in own) + "\n"
    for each in texts:
        if each.field == "sections":
            titles[each.title] = titles.get(each.title, 0) + 1
            number = f" ({titles[each.title]})" if titles[each.title] > 1 else ""
            yield "sections", f"{each.title or 'Other text'}{number}", each.text + "\n"
