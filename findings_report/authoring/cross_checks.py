"""Checks between the files of an engagement: ids, aliases, the scale, repositories, names. Values in, problems out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from findings_report.authoring import scoring
from findings_report.authoring.validation import not_one_of
from findings_report.model.engagement import Engagement, Pattern, find_naming_patterns, scope_patterns
from findings_report.model.evidence import Region
from findings_report.model.finding import Finding, Location
from findings_report.model.passages import is_for, walk
from findings_report.model.translation import list_messages, placeholders
from findings_report.problems import Kind, Problem, Subject, suggestions
from findings_report.problems.suggestions import did_you_mean
from findings_report.prose import drop_references

_ENGAGEMENT = "engagement"


_REPOSITORIES: Final = {"repositories", *suggestions.FIELDS["repositories"]}
_SEVERITY: Final = {"severity", "rating", "cvss", "cvss_score", *suggestions.FIELDS["severity"], *suggestions.FIELDS["cvss"]}


def disagreements(
    engagement: Engagement, findings: Mapping[str, Finding], *, unread: Mapping[str, AbstractSet[str]] = MappingProxyType({})
) -> list[Problem]:
    """Return every problem between the files of an engagement, in the order of the files.

    `unread` has, by the key of a file, the fields that are invalid: nothing is checked against them.
    """
    faulty = unread.get(_ENGAGEMENT, frozenset())
    # A scale or a list of repositories that is invalid would make every finding that uses it look wrong.
    has_scale, has_repositories = not {"severities", "matrix"} & faulty, are_repositories_valid(unread)
    is_rated = any(finding.rating is not None for finding in findings.values())
    scaled = _scale(engagement, is_rated=is_rated) if has_scale else ()
    problems = [*scaled, *_names(engagement, has_repositories=has_repositories)]
    if has_repositories:
        valid = {key: finding for key, finding in findings.items() if "locations" not in unread.get(key, ())}
        problems += _no_repository(engagement, valid)
    if "audiences" not in faulty:
        problems += _audiences(engagement, _ENGAGEMENT, engagement)
    covering = scope_patterns(engagement.scope, engagement.repositories) if has_repositories else ()
    known = known_ids(findings, unread)
    for key, finding in findings.items():
        problems += _aliases(key, finding)
        problems += _related(key, finding, known) if known is not None else ()
        if has_scale and not _SEVERITY & unread.get(key, frozenset()):
            problems += _severity(engagement, key, finding)
        problems += _vectors(key, finding)
        problems += _weaknesses(engagement, key, finding) if "weaknesses" not in faulty else ()
        problems += _extra(engagement, key, finding) if "fields" not in faulty else ()
        problems += _audiences(engagement, key, finding) if "audiences" not in faulty else ()
        for index, location in enumerate(finding.locations):
            subject = (key, "locations", index)
            problems += _repository(engagement, subject, location) if has_repositories else ()
            problems += _outside(engagement, covering, subject, location)
            problems += _marks(subject, location)
        problems += _unique_names(key, "locations", [location.name for location in finding.locations])
    problems += _named_to_others(engagement, findings)
    return problems


def are_repositories_valid(unread: Mapping[str, AbstractSet[str]]) -> bool:
    """Return False if the repositories of the engagement are among the invalid fields, under their name or one like it."""
    return not _REPOSITORIES & unread.get(_ENGAGEMENT, frozenset())


def known_ids(findings: Mapping[str, Finding], unread: Mapping[str, AbstractSet[str]]) -> frozenset[str] | None:
    """Return every id that a text may refer to, former ones included; None if some are unknown, because a file is invalid."""
    if any("aliases" in fields for fields in unread.values()):
        return None
    return frozenset(findings) | {alias for finding in findings.values() for alias in finding.aliases}


def _problem(fault: str, subject: Subject, code: str, remedy: str | None = None, *, warning: bool = False) -> Problem:
    return Problem(Kind.INPUT, fault, remedy, subject=subject, code=code, level="warning" if warning else "error")


def _scale(engagement: Engagement, *, is_rated: bool) -> Iterator[Problem]:
    scale = [entry.name for entry in engagement.severities]
    yield from _unique_names(_ENGAGEMENT, "severities", scale)
    # The default matrix has the words of the default scale; an engagement with its own scale need not replace it.
    if "matrix" not in engagement.model_fields_set:
        words = {word for row in engagement.matrix.values() for word in row.values()}
        if is_rated and (missing := sorted(words.difference(scale))):
            fault = f"the scale is your own, and there is no `matrix` for it: the default one gives {', '.join(missing)}"
            remedy = "add a `matrix` with words of the scale"
            yield _problem(fault, (_ENGAGEMENT, "severities"), "no-matrix", remedy, warning=True)
        return
    for impact, row in engagement.matrix.items():
        for likelihood, word in row.items():
            if word not in scale:
                path = ("matrix", impact.value, likelihood.value)
                yield not_one_of(word, scale, _ENGAGEMENT, path, of="in the scale")


def _names(engagement: Engagement, *, has_repositories: bool) -> Iterator[Problem]:
    yield from _unique_names(_ENGAGEMENT, "images", [image.name for image in engagement.images])
    yield from _unique_names(_ENGAGEMENT, "tables", [table.name for table in engagement.tables])
    yield from _attachment_names(engagement)
    yield from _words(engagement)
    yield from _unique_names(_ENGAGEMENT, "fields", [custom.name for custom in engagement.fields])
    if engagement.period is not None and engagement.period.end < engagement.period.start:
        yield _problem("the period ends before it starts", (_ENGAGEMENT, "period", "end"), "period")
    covering = scope_patterns(engagement.scope, engagement.repositories)
    for index, (entry, pattern) in enumerate(zip(engagement.scope, covering, strict=True)):
        if ":" in entry and has_repositories and pattern.repository not in engagement.repositories:
            yield not_one_of(pattern.repository, engagement.repositories, _ENGAGEMENT, ("scope", index), of="a repository")
    if covering and all(pattern.is_excluding for pattern in covering):
        fault, remedy = "the scope only takes out, so it covers nothing", "write above that what it covers: `.` for everything"
        yield _problem(fault, (_ENGAGEMENT, "scope"), "scope-empty", remedy)


def _unique_names(key: str, field: str, names: Sequence[str | None]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in seen:
            yield _problem(f"the name {name!r} is taken", (key, field, index, "name"), "name-taken", "use another")
        seen.add(name)


def _words(engagement: Engagement) -> Iterator[Problem]:
    """Yield a warning for each entry of `words` that replaces nothing, and for a placeholder that its text does not have."""
    if not engagement.words:
        return
    messages = list_messages()
    for message, own in engagement.words.items():
        subject = (_ENGAGEMENT, "words", message)
        # A template of the engagement may have words of its own.
        if messages and message not in messages:
            fault = f"no template of the program prints {message!r}, so the entry replaces nothing there"
            remedy = did_you_mean(message, messages) or "copy the English text from a report; case counts"
            yield _problem(fault, subject, "word-unknown", remedy, warning=True)
        elif strange := sorted(placeholders(own) - placeholders(message)):
            known = ", ".join(f"{{{name}}}" for name in sorted(placeholders(message)))
            fault = f"{{{strange[0]}}} is no placeholder of {message!r}, and is printed as text"
            remedy = f"it has {known}" if known else "remove the braces"
            yield _problem(fault, subject, "word-placeholder", remedy, warning=True)


def _attachment_names(engagement: Engagement) -> Iterator[Problem]:
    """Yield an error for an attachment whose name in the PDF, or beside the report, is that of another file."""
    # By folded name: file systems of macOS and Windows ignore case.
    taken = {"report.json", "comparison.json"}
    for index, attachment in enumerate(engagement.attachments):
        name = PurePosixPath(attachment.file).name
        if name.casefold() in taken:
            is_data = name.casefold() in ("report.json", "comparison.json")
            fault = f"{name} is {'the name of the data in the PDF' if is_data else 'the name of another attachment'}"
            yield _problem(fault, (_ENGAGEMENT, "attachments", index, "file"), "attachment-name", "rename the file")
        taken.add(name.casefold())


def _aliases(key: str, finding: Finding) -> Iterator[Problem]:
    # Several findings may have the same former id, also one that another finding still has: that is how a split is written.
    seen: set[str] = set()
    for index, alias in enumerate(finding.aliases):
        subject = (key, "aliases", index)
        if alias.casefold() == key.casefold():
            yield _problem(f"{alias} is the finding's own id", subject, "alias", "remove it")
        elif alias.casefold() in seen:
            yield _problem(f"{alias} is listed twice", subject, "alias", "remove one of the two")
        seen.add(alias.casefold())


def _related(key: str, finding: Finding, known: AbstractSet[str]) -> Iterator[Problem]:
    for index, other in enumerate(finding.related):
        if other not in known:
            fault = f"there is no finding {other}"
            yield _problem(fault, (key, "related", index), "no-finding", did_you_mean(other, sorted(known)))


def _severity(engagement: Engagement, key: str, finding: Finding) -> Iterator[Problem]:
    scale = [entry.name for entry in engagement.severities]
    for field, word in (("severity", finding.severity), ("residual_severity", finding.residual_severity)):
        if word is not None and word not in scale:
            yield not_one_of(word, scale, key, (field,), of="in the scale")
    given = scoring.computed(engagement, finding)
    field, decided = "severity", finding.severity
    if decided is None:
        yield from _computed_severity(key, finding, given, scale)
        field, decided = next(iter(given.items()), ("severity", None))
    for source, word in given.items():
        # Words outside of the scale are errors already; comparing them as well would report one mistake twice.
        if word in scale and decided in scale and word != decided and finding.severity_reason is None:
            fault = f"{decided!r} disagrees with `{source}`, which gives {word!r}"
            yield _problem(fault, (key, field), "severity-disagrees", "say why in `severity_reason`", warning=True)


def _computed_severity(key: str, finding: Finding, given: Mapping[str, str], scale: list[str]) -> Iterator[Problem]:
    if finding.rating is None and not finding.cvss:
        yield _problem("`severity` is required", (key, "severity"), "missing-field", "write it, or `rating`, or `cvss`")
    source, word = next(iter(given.items()), ("severity", None))
    if word is not None and word not in scale:
        fault = f"gives {word!r}, which is not in the scale ({', '.join(scale)})"
        yield _problem(fault, (key, source), "not-in-list", "write `severity` as well")
    if finding.rating is not None and "rating" not in given:
        yield _problem("the matrix has no such cell", (key, "rating"), "matrix", "complete the engagement's `matrix`")


def _vectors(key: str, finding: Finding) -> Iterator[Problem]:
    for index, vector in enumerate(finding.cvss):
        try:
            scoring.score(vector)
        except ValueError as error:
            yield _problem(
                f"{vector!r} is not a CVSS vector: {error}", (key, "cvss", index), "cvss", suggestions.vector(vector)
            )


def _weaknesses(engagement: Engagement, key: str, finding: Finding) -> Iterator[Problem]:
    unnamed = [(index, id) for index, id in enumerate(finding.cwe) if id not in engagement.weaknesses]
    if not unnamed:
        return
    known = scoring.weakness_table()
    for index, id in unnamed:
        subject = (key, "cwe", index)
        # MITRE marks categories as prohibited for mapping: they group weaknesses and describe none.
        if id in known.categories:
            fault = f"{id} is a category ({known.categories[id]}), not a weakness"
            yield _problem(fault, subject, "cwe", "name the weakness in it", warning=True)
        elif id in known.deprecated:
            yield _problem(f"{id} is withdrawn: {known.names[id]}", subject, "cwe", "name its successor", warning=True)
        elif id not in known.names:
            fault = f"{id} is not in CWE {known.version}, so it is printed without its name"
            yield _problem(fault, subject, "cwe", f"name it in engagement.yaml: `weaknesses: {{{id}: its name}}`", warning=True)


def _extra(engagement: Engagement, key: str, finding: Finding) -> Iterator[Problem]:
    known = {custom.name: custom for custom in engagement.fields}
    for name, value in finding.extra.items():
        if name not in known:
            near = did_you_mean(name, known) or "declare it under `fields` in engagement.yaml"
            yield _problem(f"the engagement has no field {name!r}", (key, "extra", name), "unknown-field", near)
        elif known[name].values and value not in known[name].values:
            yield not_one_of(value, known[name].values, key, ("extra", name))


def _audiences(engagement: Engagement, key: str, value: Engagement | Finding) -> Iterator[Problem]:
    """Yield the error of each audience that the engagement does not declare: what it limits would be printed for nobody."""
    for path, part in walk(value):
        for index, word in enumerate(getattr(part, "audience", ())):
            if not engagement.audiences:
                fault, remedy = "the engagement declares no audiences", f"add `audiences: [{word}]` to engagement.yaml"
                yield _problem(fault, (key, *path, "audience", index), "not-in-list", remedy)
            elif word not in engagement.audiences:
                yield not_one_of(word, engagement.audiences, key, (*path, "audience", index), of="an audience")


_PART: Final = re.compile(r"[A-Za-z0-9]++")
_WITH_DIGIT: Final = re.compile(r"(?=.*[0-9]).*[A-Za-z]")
_GONE: Final = {"related", "aliases", "audience", "audiences"}
"""Fields from which an edition drops the ids of what it leaves out."""


def _find_id(id: str, text: str) -> int | None:
    """Return where a text has an id that is no part of a longer word or number; None if it has none."""
    start = text.find(id)
    while start >= 0:
        if not (_PART.match(text[start - 1 : start]) or _PART.match(text, start + len(id))):
            return start
        start = text.find(id, start + 1)
    return None


def _named_to_others(engagement: Engagement, findings: Mapping[str, Finding]) -> Iterator[Problem]:
    """Yield a warning for each text that names a finding which some of its readers do not get: only links are taken out."""
    readers: dict[tuple[Subject, int, str], list[str]] = {}
    for word in engagement.audiences:
        hidden = {key: finding for key, finding in findings.items() if not is_for(finding, word)}
        # Ids that may be words, as `xss` or `12`, would be found in every text.
        names = [id for key, finding in hidden.items() for id in (key, *finding.aliases) if _WITH_DIGIT.match(id)]
        # A text is searched for those alone of which it has a part, so that a thousand hidden findings cost no square.
        by_part: dict[str, list[str]] = {}
        for name in names:
            by_part.setdefault(max(_PART.findall(name), key=lambda part: (any(map(str.isdigit, part)), len(part))), []).append(
                name
            )
        known = frozenset(names)
        for key, value in ((_ENGAGEMENT, engagement), *findings.items()) if names else ():
            for path, text in walk(value, word=word):
                if not isinstance(text, str) or _GONE.intersection(path):
                    continue
                rest = drop_references(text, {"finding": known})
                for name in (name for part in dict.fromkeys(_PART.findall(rest)) for name in by_part.get(part, ())):
                    if (start := _find_id(name, rest)) is not None:
                        readers.setdefault(((key, *path), rest.count("\n", 0, start), name), []).append(word)
    for (subject, line_offset, name), words in readers.items():
        fault = f"names {name}, which is not for {' and '.join(words)}"
        remedy = f"link to it, as in `[another finding](finding:{name})`, or write it without the id"
        yield Problem(
            Kind.INPUT, fault, remedy, subject=subject, line_offset=line_offset, level="warning", code="audience-named"
        )


def _no_repository(engagement: Engagement, findings: Mapping[str, Finding]) -> Iterator[Problem]:
    # One problem for all findings: it is a mistake in `engagement.yaml`, not in any of them.
    citing = [key for key, finding in findings.items() if finding.locations]
    if citing and not engagement.repositories:
        more = f" and {len(citing) - 1} more" if len(citing) > 1 else ""
        fault = f"the engagement names no repository, and {citing[0]}{more} cite{'' if more else 's'} code"
        yield _problem(fault, (_ENGAGEMENT,), "no-repository", "add one under `repositories`")


def _repository(engagement: Engagement, subject: Subject, location: Location) -> Iterator[Problem]:
    names = list(engagement.repositories)
    key, *path = subject
    if not names:
        return  # `_no_repository` reports the engagement once
    if location.repository is not None and location.repository not in names:
        yield not_one_of(location.repository, names, str(key), (*path, "repository"), of="a repository")
    elif location.repository is None and len(names) > 1:
        fault = "`repository` is required where the engagement has several"
        yield _problem(fault, subject, "missing-field", f"one of {', '.join(names)}")


def _marks(subject: Subject, location: Location) -> Iterator[Problem]:
    if location.lines:
        yield from _within(subject, "show", location.show, location.lines, "lines")
    # Marks on lines that are not printed would be lost without a word.
    inner, outer = (location.show, "show") if location.show else (location.lines, "lines")
    if inner:
        yield from _within(subject, "highlight", location.highlight, inner, outer)
        for line in location.notes:
            if not any(line in region for region in inner):
                yield _problem(f"line {line} is not within `{outer}`", (*subject, "notes", str(line)), "outside")


def _outside(engagement: Engagement, covering: Sequence[Pattern], subject: Subject, location: Location) -> Iterator[Problem]:
    name = location.repository or next(iter(engagement.repositories), "")
    if covering and not find_naming_patterns(covering, name, location.path):
        fault = f"{location.path} is outside of the scope"
        yield _problem(fault, (*subject, "path"), "out-of-scope", "add it to `scope` in engagement.yaml", warning=True)


def _within(subject: Subject, field: str, inner: tuple[Region, ...], outer: tuple[Region, ...], name: str) -> Iterator[Problem]:
    for region in inner:
        if not any(region.start_line in around and region.end_line in around for around in outer):
            written = ", ".join(str(around) for around in outer)
            yield _problem(f"{region} is not within `{name}` ({written})", (*subject, field), "outside")
