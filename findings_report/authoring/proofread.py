"""Proofreading of all Markdown texts before they are printed: each problem with its place."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Final

from findings_report import prose
from findings_report.authoring.cross_checks import known_ids
from findings_report.authoring.declared_files import CsvTable
from findings_report.authoring.validation import dotted
from findings_report.forges.permalinks import (
    BranchLink,
    LinkedRepository,
    PinnedLink,
    find_branch_links,
    find_homes,
    pin_addresses,
)
from findings_report.model.engagement import DeclaredRepository, Engagement
from findings_report.model.evidence import Frozen
from findings_report.model.finding import Finding
from findings_report.problems import Kind, Place, Problem, Subject, suggestions
from findings_report.problems.safe_text import code_point, find_hidden, read_lookalikes, visible
from findings_report.prose.parse import is_plain

_FIRST: Final = {
    "location": "give a location of this finding that `name`",
    "finding": "there is no other finding yet",
    "picture": "declare it under `images` in engagement.yaml",
    "table": "declare it under `tables` in engagement.yaml, or give a table of a text the caption `Table: ... {#NAME}`",
}

MOST_PROBLEMS: Final = 50_000
"""Problems of all prose that are reported: a malicious engagement has millions, and each takes a kilobyte of memory."""

_MOST_NAMED: Final = 5  # characters that one warning names

_MOST_SHOWN: Final = 1_000
"""Characters of a text that are shown by their code: 1,000 cost a page a second, 20,000 cost it 65, because no line breaks."""

_TO_DO: Final = re.compile(r"\s*TODO(?::|\s*\Z)")

# Emphasis and the like, with which a word is read the same and written otherwise.
_MARKS: Final = re.compile(r"[*_~`\\]+")
_FIGURE: Final = re.compile(
    # A figure of another document is named with the document: `Figure 3 of RFC 7519`, `[Figure 3](https://...)`.
    r"\bfig(?:ure|\.)\s{0,5}(?:[a-z0-9][a-z0-9-]{0,63}\.)?\d{1,9}(?:\.\d{1,9}){0,3}\b(?!\s{1,5}(?:of|in|from)\b|\])",
    re.IGNORECASE,
)
_VERDICT: Final = re.compile(
    r"\bquotes?\s{1,5}(?:(?:is|was|are|were)\s{1,5})?verified\b|\bquote\s{1,5}differs\s{1,5}from\s{1,5}the\s{1,5}repository\b"
    r"|\bquote\s{1,5}found\s{1,5}at\s{1,5}other\s{1,5}lines\b|\bnot\s{1,5}found\s{1,5}as\s{1,5}quoted\b"
    r"|\blines\s{1,5}taken\s{1,5}from\s{1,5}the\s{1,5}repository\b|\bauthor['\u2019]?s\s{1,5}copy\s{1,5}of\s{1,5}this\s{1,5}code\b"
    r"|\bhow\s{1,5}the\s{1,5}quotes\s{1,5}were\s{1,5}verified\b|\bby\s{1,5}the\s{1,5}author,\s{1,5}not\s{1,5}quoted\b",
    re.IGNORECASE,
)
"""The program's own words under figures."""


@dataclass(frozen=True)
class _Known:
    """The names that a text may refer to."""

    ids: Collection[str] | None
    """Ids of findings, former ids included. None, here and below: some are invalid, so nothing is missing for certain."""
    pictures: Collection[str] | None
    """Names and file names of pictures."""
    tables: Collection[str] | None = ()
    """Names of tables of files."""
    captioned: Collection[str] = ()
    """Names of tables that are written in texts."""
    locations: Collection[str] | None = ()
    """Names of the locations of the text's own finding."""
    placed: set[str] = field(default_factory=set)
    """Names of locations that earlier texts of this finding have placed: each location is one figure, with one number."""


def proofread(
    engagement: Engagement, findings: Mapping[str, Finding], unread: Mapping[str, AbstractSet[str]] = MappingProxyType({})
) -> list[Problem]:
    """Return the problems of all prose: unwritten texts, links and pictures that are not allowed, text nested too deep,
    dangling references, and evidence that a finding places twice.

    `unread` has, by the key of a file, the fields that are invalid: what they may name is not missing.
    """
    return _bounded(_proofread_texts(engagement, findings, unread))


def _bounded(problems: Iterator[Problem]) -> list[Problem]:
    """Return at most MOST_PROBLEMS, and an error at the place of the next one."""
    listed = list(islice(problems, MOST_PROBLEMS))
    if (next_one := next(problems, None)) is not None:
        fault = f"more than {MOST_PROBLEMS:,} problems: the texts from here on were not checked"
        # An error, as there may be one among those that are not listed.
        error = replace(next_one, fault=fault, remedy="correct those before, and check again", level="error", code="more")
        listed.append(error)
    return listed


def _proofread_texts(
    engagement: Engagement, findings: Mapping[str, Finding], unread: Mapping[str, AbstractSet[str]]
) -> Iterator[Problem]:
    pictures: Collection[str] | None = {name for image in engagement.images for name in (image.name, image.file)}
    if "images" in unread.get("engagement", ()):
        pictures = None
    ids = known_ids(findings, unread)
    tables = _TableNames(engagement, are_known="tables" not in unread.get("engagement", ()))
    yield from tables.collect(engagement, findings)
    everywhere = _Known(ids, pictures, tables.declared, tables.captioned)
    yield from _find_hidden("engagement", engagement, dict(_engagement_texts(engagement)))
    for section_index, section in enumerate(engagement.sections):
        yield from _find_imitations(("engagement", "sections", section_index, "title"), section.title)
    for path, text in _engagement_texts(engagement):
        yield from _unwritten(("engagement", *path), text)
        yield from _problems(("engagement", *path), text, everywhere)
    for key, finding in findings.items():
        yield from _unwritten((key, "title"), finding.title)
        yield from _find_imitations((key, "title"), finding.title)
        yield from _find_hidden(key, finding, texts_of(finding))
        names = frozenset(location.name for location in finding.locations if location.name is not None)
        own = names if "locations" not in unread.get(key, ()) else None
        known = replace(everywhere, locations=own, placed=set())
        for path, text in texts_of(finding).items():
            yield from _unwritten((key, *path), text)
            yield from _problems((key, *path), text, known)


class _TableNames:
    """The names of the tables of an engagement, and which of them are printed."""

    def __init__(self, engagement: Engagement, *, are_known: bool) -> None:
        self._engagement = engagement
        self.declared: Collection[str] | None = {table.name for table in engagement.tables} if are_known else None
        self.captioned: set[str] = set()

    def collect(self, engagement: Engagement, findings: Mapping[str, Finding]) -> Iterator[Problem]:
        """Read every text. Yield an error for a name that two tables have, and a warning for each that no text prints."""
        placed: set[str] = set()
        texts = [(("engagement", *path), text) for path, text in _engagement_texts(engagement)]
        texts += [((key, *path), text) for key, finding in findings.items() for path, text in texts_of(finding).items()]
        for subject, text in texts:
            for use in prose.references(text).uses if "table:" in text or "{#" in text else ():
                if use.kind == "table":
                    placed.add(use.name)
                if use.kind != "captioned":
                    continue
                if use.name in self.captioned or use.name in (self.declared or ()):
                    fault = f"the name {use.name!r} is taken"
                    offset = use.line_offset
                    yield Problem(Kind.INPUT, fault, "use another", subject=subject, line_offset=offset, code="name-taken")
                self.captioned.add(use.name)
        for index, table in enumerate(self._engagement.tables):
            if table.name not in placed:
                fault = f"no text places the table {table.name!r}, so it is not printed"
                remedy = f"write `![caption](table:{table.name})` on a line of its own, or remove the entry"
                subject = ("engagement", "tables", index, "name")
                yield Problem(Kind.INPUT, fault, remedy, subject=subject, level="warning", code="table-not-placed")


def check_tables(tables: Iterable[CsvTable]) -> list[Problem]:
    """Return a warning for each row of a CSV file with characters that the report shows by their code."""
    return _bounded(_find_hidden_cells(tables))


def _find_hidden_cells(tables: Iterable[CsvTable]) -> Iterator[Problem]:
    for table in tables:
        for line, cell in table.cells:
            if places := find_hidden(cell):
                named = ", ".join(dict.fromkeys(code_point(cell[place]) for place in places[:_MOST_NAMED]))
                fault = f"the row contains hidden, private or superfluous characters: {named}"
                place = Place(table.shown, line)
                remedy = "remove them; the report shows them by their code"
                yield Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="hidden-character")


def check_links(
    engagement: Engagement, findings: Mapping[str, Finding], sources: Mapping[str, LinkedRepository | None] | None
) -> list[Problem]:
    """Return a warning for each link that names a branch or tag, with the pinned address if `pin --links` would write it.

    `sources` are the clones by repository; None when git is left out, and nothing is known about what the links show.
    """
    uses = tuple(islice(linked(engagement, findings), MOST_PROBLEMS + 1))
    answers = pin_addresses((use.link for use in uses), engagement.repositories, sources) if sources is not None else {}
    return _bounded(_not_pinned(use, engagement.repositories[use.link.repository], answers.get(use.link.url)) for use in uses)


@dataclass(frozen=True)
class Linked:
    """A link that names a branch or tag of one of the engagement's repositories."""

    subject: Subject
    """The text that contains the link."""
    line_offset: int
    """Line of the link in that text, 0-based."""
    link: BranchLink
    """The link."""


def linked(engagement: Engagement, findings: Mapping[str, Finding]) -> Iterator[Linked]:
    """Yield every link to a branch or tag in all prose and references, in the order of the texts."""
    known = find_homes({name: (repository.web, repository.url) for name, repository in engagement.repositories.items()})
    # Without a forge's address no link can be one of the engagement's: the texts need not be searched.
    if not any(known.values()):
        return
    texts: list[tuple[Subject, str]] = [(("engagement", *path), text) for path, text in _engagement_texts(engagement)]
    for key, finding in findings.items():
        texts += (((key, *path), text) for path, text in texts_of(finding).items())
        texts += (((key, "references", index, "url"), each.url) for index, each in enumerate(finding.references))
    for subject, text in texts:
        for link in find_branch_links(text, known):
            yield Linked(subject, text.count("\n", 0, link.start), link)


def _not_pinned(found: Linked, repository: DeclaredRepository, answer: PinnedLink | None) -> Problem:
    splits = list(found.link.splits())
    revision, path = next((each for each in splits if each[0] == repository.revision), splits[0])
    fault = f"the link to '{visible(path)[:80]}' names '{visible(revision)[:40]}', not a commit: what it shows can change"
    # No address without a look at the code: the pinned commit may show other lines there, or none.
    if repository.commit is None:
        remedy = "`findings-report pin`, then `findings-report pin --links`"
    elif answer is None:
        remedy = "`findings-report pin --links` pins it if it shows the same code at the pinned commit"
    elif answer.url is None:
        remedy = f"link to the commit that you mean; `pin --links` leaves it, because {visible(answer.message)}"
    else:
        remedy = f"`findings-report pin --links`, or write {visible(answer.url)}"
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
    """Return the finding's Markdown texts by the path of their fields, in the order of printing."""
    texts: dict[Subject, str] = {passage.source: passage.text for passage in finding.prose}
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
    """Yield a warning for a text that begins with `TODO:`, like those that `init` writes: it is not meant for customers."""
    if _TO_DO.match(text):
        remedy = "write it" if subject[1:] in (("title",), ("description",)) else "write it, or remove the field"
        yield Problem(Kind.INPUT, "is still to be written", remedy, subject=subject, level="warning", code="to-do")


def find_unwritten(finding: Finding) -> tuple[str, ...]:
    """Return the dotted names of the finding's texts that are still to be written, in the order of the model."""
    texts = {("title",): finding.title, **texts_of(finding)}
    return tuple(dotted(path) for path, text in texts.items() if _TO_DO.match(text))


def _find_hidden(key: str, model: Frozen, texts: Collection[Subject]) -> Iterator[Problem]:
    """Yield a warning for each short text, path and name of a file with characters that the report shows by their code.

    Prose, `texts`, is looked at with its lines; here only for so many of them that the layout of a page takes minutes. Of a
    quote only what git has is printed.
    """
    for path, text in strings_of(model, ()):
        if path[-1] == "quote" or not (places := find_hidden(text)):
            continue
        if len(places) > _MOST_SHOWN:
            fault = f"{len(places):,} of its {len(text):,} characters are shown by their code, and take a PDF minutes"
            remedy = f"remove them, or all but {_MOST_SHOWN:,}"
            yield Problem(Kind.INPUT, fault, remedy, subject=(key, *path), level="warning", code="costly-text")
        if path in texts:
            continue
        named = ", ".join(dict.fromkeys(code_point(text[place]) for place in places[:_MOST_NAMED]))
        fault = f"contains hidden, private or superfluous characters: {named}"
        remedy = "remove them; the report shows them by their code"
        yield Problem(Kind.INPUT, fault, remedy, subject=(key, *path), level="warning", code="hidden-character")


def strings_of(value: object, path: Subject) -> Iterator[tuple[Subject, str]]:
    """Yield every text of a value of a model, with the path of its field."""
    match value:
        case str():
            yield path, value
        case Frozen():
            for name in type(value).model_fields:
                yield from strings_of(getattr(value, name), (*path, name))
        case Mapping():
            for name, inner in value.items():
                yield from strings_of(inner, (*path, str(name)))
        case tuple() | list():
            for index, inner in enumerate(value):
                yield from strings_of(inner, (*path, index))


def _find_imitations(subject: Subject, text: str) -> Iterator[Problem]:
    """Yield a warning for each number of a figure, and for each verdict on a quote, that an author wrote as the report does."""
    # As people read it: without emphasis and entities, in the letters that it seems to have.
    read = _MARKS.sub("", html.unescape(text) if "&" in text else text)
    if not read.isascii():
        read = unicodedata.normalize("NFKC", read).translate(_lookalikes())
    for match in _FIGURE.finditer(read):
        fault = f"'{visible(' '.join(match[0].split()))}' is written like the number of one of the report's figures"
        remedy = "refer to a figure with `[](location:NAME)`, or name the document that the figure is in: `Figure 1 of ...`"
        yield _imitation(subject, fault, remedy, read, match.start())
    for match in _VERDICT.finditer(read):
        fault = f"'{visible(' '.join(match[0].split()))}' is what the report itself says about a quote"
        yield _imitation(subject, fault, "leave it out: the report prints the verdict under each figure", read, match.start())


def _imitation(subject: Subject, fault: str, remedy: str, read: str, start: int) -> Problem:
    line = read.count("\n", 0, start)
    return Problem(Kind.INPUT, fault, remedy, subject=subject, line_offset=line, level="warning", code="poses-as-evidence")


@cache
def _lookalikes() -> Mapping[int, str]:
    return {ord(letter): seen for letter, seen in read_lookalikes().items()}


def _problems(subject: Subject, text: str, known: _Known) -> Iterator[Problem]:
    yield from _find_imitations(subject, text)
    # Most texts, such as captions, have no markup and need no parser.
    if is_plain(text):
        return
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
    """Return the error for a reference to a name that does not exist."""
    there = {"placed": known.locations, "location": known.locations, "finding": known.ids, "image": known.pictures}
    there |= {"table": known.tables, "captioned": None}
    there["table_link"] = {*known.tables, *known.captioned} if known.tables is not None else None
    word = {"placed": "location", "image": "picture", "table_link": "table"}.get(use.kind, use.kind)
    names = there[use.kind]
    if names is None or use.name in names:
        return None
    fault = f"there is no {word} {use.name!r} to refer to"
    remedy = suggestions.listed(use.name, names, what=word) or _FIRST[word]
    return Problem(Kind.INPUT, fault, remedy, subject=subject, line_offset=use.line_offset, code="reference-missing")


def _placed_twice(subject: Subject, use: prose.Use, known: _Known) -> Problem | None:
    """Return the warning for a location that the finding has already placed. Captions and notes cannot contain figures."""
    # A warning only: the report stays correct, since the second place becomes a reference to the figure.
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
