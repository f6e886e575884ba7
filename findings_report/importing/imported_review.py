"""The importer of prose reviews: a review is read, its code is found in the repository, and both become the fields of findings.

The counterpart of the readers of JSON: it proves that no word of the source is lost, because prose has no fields that could be
listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from findings_report.importing.importers import (
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    ImportedText,
    choose_severity,
)
from findings_report.importing.placement import Code, PlacedFinding, place_finding
from findings_report.importing.review import EngagementText, Review, ReviewedFinding, find_lost_words, read_review
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_ORDER: Final = ("summary", "description", "impact", "scenario", "proof", "recommendation", "response")


def read_review_file(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the findings and texts of a review. Raises FindingsReportError (INPUT) without a finding, or if a word is lost."""
    from findings_report.importing.foreign import decode_text

    text = decode_text(file).replace("\r\n", "\n").replace("\r", "\n")
    try:
        review = read_review(text, [severity.name for severity in context.engagement.severities], file.shown)
    except FindingsReportError as error:
        raise FindingsReportError([replace(problem, place=Place(file.shown)) for problem in error.problems]) from None
    if not review.findings:
        fault = "no finding is recognised in it"
        remedy = "give each finding a heading, as in `### [H-01] Title`, with `#### Description` and other parts below it"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown), code="import-nothing"))
    code = _find_code(context)
    placed = [place_finding(finding, code) for finding in review.findings]
    problems: list[Problem] = []
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
        findings.append(ImportedFinding((key,), values, str(finding.line + 1), finding.own_id))
    texts = tuple(ImportedText(*title_and_text) for title_and_text in _join_texts(review.texts))
    return ImportedFile(tuple(findings), texts, unplaced=sum(place.unplaced for place in placed), problems=tuple(problems))


def _find_code(context: ImportContext) -> Code:
    """Return the files in which the code of a review is looked for: those of the only repository."""
    if len(context.repositories) != 1:
        return Code(None, None, is_only=False)
    (repository,) = context.repositories.values()
    home = next(iter(repository.homes), None)
    if repository.reader is None or repository.commit is None:
        return Code(None, None, home=home)
    return Code(repository.reader, repository.commit, home=home)


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
