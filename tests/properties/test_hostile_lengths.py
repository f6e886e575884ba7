"""No word, however long, takes the columns of a table or the text beside it off the page: in print and on a telephone."""

from __future__ import annotations

import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import samples
from browser import CHROMIUM, TELEPHONE, Browser, started
from pydantic import BaseModel

from findings_report import commands
from findings_report.comparison.compare import FindingPairs, FollowedCode, compare
from findings_report.model.comparison import Comparison
from findings_report.model.evidence import CoveredFile
from findings_report.model.finding import Status
from findings_report.model.passages import passage_fields
from findings_report.model.report import Report, ReportedFinding, ReportedTable, ScopeEntry
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import tables

pytestmark = pytest.mark.slow

MARGIN = 22 / 25.4 * 72
"""The margin of a page at the left and right, in points."""
STRUCTURES = ("severity-difficulty", "impact-likelihood", "risk-retest", "affected-files")
COMPARISONS = ("changes", "fix-review")
"""Templates that print two reports compared: `changes` is what `standard` has for them."""
FIELDS = ("title", "owner", "tags", "category", "path", "client", "repository", "tickets", "version", "id", "description")


def word(field: str, length: int) -> str:
    """A word without a place to break, unlike that of every other field."""
    return (field.upper() + "x" * 500)[:length]


def hostile(length: int, *fields: str) -> Report:
    """The sample, with such a word in these fields of one finding or of the engagement."""
    words = {field: word(field, length) for field in fields}
    finding, other = samples.full_finding(), samples.finding(owner="Platform team", status=Status.OPEN, tickets=("jira:SEC-2",))
    snippets = finding.snippets
    if "path" in words:
        snippets = tuple(snippet.model_copy(update={"path": f"{words['path']}.py"}) for snippet in snippets)
    repository = words.get("repository", "neutron")
    named: dict[str, object] = {field: words[field] for field in ("title", "owner", "category") if field in words}
    named |= {field: (words[field],) for field in ("tags", "tickets") if field in words}
    named |= {"id": words["id"][:64]} if "id" in words else {}
    if "description" in words:
        # Each follows a letter of another element.
        named["description"] = f"Ids (`{words['description']}`) and ids**{words['description']}** are long."
    finding = finding.model_copy(
        update={**named, "snippets": tuple(snippet.model_copy(update={"repository": repository}) for snippet in snippets)}
    )
    engagement = samples.engagement()
    (known,) = engagement.repositories
    second = known.model_copy(update={"name": "second"})
    changed: dict[str, object] = {"repositories": (known.model_copy(update={"name": repository}), second)}
    if "client" in words:
        changed["client"] = words["client"]
    if "version" in words:
        versions = tuple(
            version.model_copy(update={"by": words["version"], "note": words["version"]}) for version in engagement.versions
        )
        changed |= {"versions": versions, "distribution": (words["version"],)}
    findings = (finding, other, *samples.others())
    files = {repository: (*samples.FILES, CoveredFile(path=f"{words.get('path', 'a')}.py", lines=3, entries=(0,)))}
    return samples.report(
        *findings,
        engagement=engagement.model_copy(update=changed),
        covered=tables.covered(files, findings, {}),
        scope=(ScopeEntry(repository=repository, pattern=f"{words.get('path', 'a')}*.py", files=2, lines=565),),
    )


def flood(value: Any, word_of: Callable[[str], str], name: str = "") -> Any:
    """A part of a report with a hostile word in every text that somebody writes, in a table of 15 columns as well."""
    if isinstance(value, tuple):
        return tuple(flood(part, word_of, name) for part in value)
    if isinstance(value, BaseModel):
        fields = {each: getattr(value, each) for each in type(value).model_fields if each not in COMPUTED}
        flooded = {each: flood(part, word_of, each) for each, part in fields.items()}
        return value.model_copy(update=flooded)
    if type(value) is not str:
        return value
    long = word_of(name)
    if value.startswith("https:"):
        return "https://example.org/" + long.replace(" ", "-")
    if name not in PROSE:
        return long
    head, rule = ("|".join(cells) for cells in ([f" c{number} " for number in range(15)], ["---"] * 15))
    row = "|".join([long, *[f" value {number} " for number in range(13)], f"`{long}`"])
    return (
        f"{long}\n\n## {long}\n\n- **{long}**\n\n> `{long}`\n\n```text\n{long}\n```\n\n|{head}|\n|{rule}|\n|{row}|\n\n"
        f"Term {long}\n: {long}\n\n[{long}](https://example.org/)[^1]\n\n[^1]: {long}\n\n> [!WARNING]\n> {long}\n"
    )


COMPUTED = frozenset(
    (
        *("id", "kind", "commit", "hash", "blob", "key", "language", "accent", "media_type", "sha256", "line_hash"),
        *("fingerprints", "related", "aliases", "placed", "top_ten", "cwe", "severities", "severity", "residual_severity"),
        *("content", "vector"),
    )
)
"""Fields whose values are the program's, or are looked up."""
PROSE = frozenset(field.path[0] for field in passage_fields(ReportedFinding)) | {"text"}


def flooded(word_of: Callable[[str], str]) -> Report:
    """A report with a hostile word in every field of a full finding and of the engagement."""
    full = samples.full_finding()
    report = samples.report(flood(full, word_of), *samples.others(), engagement=flood(samples.engagement(), word_of))
    return report.model_copy(update={"summary": flood("a summary", word_of, "description")})


def document(template: str, report: Report) -> tuple[Report | Comparison, Template]:
    """What a template prints: a report, or what changed since the sample, a table of a CSV file among it."""
    if template not in COMPARISONS:
        return report, Template(template, (builtin_templates(),))
    name = "standard" if template == "changes" else template
    tables_of = [
        (ReportedTable(name="csv", header=("a", "b"), rows=((cell, "1"),)),) for cell in ("old", report.findings[0].title)
    ]
    sides = [
        side.model_copy(update={"engagement": side.engagement.model_copy(update={"tables": declared})})
        for side, declared in zip((samples.report(samples.full_finding()), report), tables_of, strict=True)
    ]
    pairs = {sides[1].findings[0].id: (sides[0].findings[0].id, "id")}
    compared = compare(
        *sides, sources=("a", report.findings[0].title), pairing=FindingPairs(pairs), code=FollowedCode({}, {}, {})
    )
    return compared, Template(name, (builtin_templates(),))


WORDS: dict[str, Callable[[str], str]] = {
    "word": lambda field: word(field, 480),
    "address": lambda field: f"https://example.org/{field}/{'0123456789abcdef' * 28}",
    # Right to left, ideographs without a blank, and more marks than a letter has.
    "scripts": lambda field: f"{field} {'שלוםعربي' * 30}{'漢字仮名交文' * 34}e{chr(0x301) * 200}",
}


class Word(NamedTuple):
    """A word on a page, in points from its upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def pages(pdf: bytes) -> Iterator[tuple[float, list[Word]]]:
    """The width and the words of each page."""
    done = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True)
    tree = ET.fromstring(done.stdout)  # noqa: S314 - of our own PDF
    for page in tree.iter("{http://www.w3.org/1999/xhtml}page"):
        boxes = [
            Word(element.text or "", *(float(element.attrib[name]) for name in ("xMin", "yMin", "xMax", "yMax")))
            for element in page.iter("{http://www.w3.org/1999/xhtml}word")
        ]
        yield float(page.attrib["width"]), boxes


def overlapping(words: list[Word]) -> list[tuple[str, str]]:
    """Words that are printed over one another."""
    rows = sorted(words, key=lambda box: box.top)
    pairs = []
    for index, one in enumerate(rows):
        for other in rows[index + 1 :]:
            if other.top >= one.bottom:
                break
            wide = min(one.right, other.right) - max(one.left, other.left)
            high = min(one.bottom, other.bottom) - max(one.top, other.top)
            if wide > 1 and high > 0.5 * min(one.bottom - one.top, other.bottom - other.top):
                pairs.append((one.text, other.text))
    return pairs


@pytest.mark.parametrize(
    ("template", "length"),
    [("standard", 80), ("standard", 480), ("review", 480), *((each, 480) for each in (*STRUCTURES, *COMPARISONS))],
)
def test_a_long_word_takes_nothing_off_a_page(template: str, length: int) -> None:
    report = hostile(length, *FIELDS)
    if template not in ("standard", "review"):  # which have the parts around the findings for all
        report = report.model_copy(update={"findings": report.findings[:1], "covered": None, "scope": ()})
    printable, files = document(template, report)
    pdf = commands.render(printable, "pdf", files, system_fonts=False).content

    printed = list(pages(pdf))
    for width, words in printed:
        outside = [box for box in words if box.left < MARGIN - 1 or box.right > width - MARGIN + 1]
        assert not outside
        assert overlapping(words) == []
    text = "".join(box.text for _, words in printed for box in words)
    printed_fields = {"standard": FIELDS, "review": set(FIELDS) - {"tags", "category", "version"}}
    assert all(word(field, 24) in text for field in printed_fields.get(template, ("title",)))


@pytest.mark.parametrize("field", ["title", "owner", "tickets", "id"])
def test_a_long_word_leaves_the_columns_of_the_remediation_table(field: str) -> None:
    pdf = commands.render(hostile(480, field), "pdf", Template("standard", (builtin_templates(),)), system_fonts=False).content

    (words,) = [words for _, words in pages(pdf) if {"Remediation", "Owner", "Due", "Ticket"} <= {box.text for box in words}]
    cells = " ".join(box.text for box in sorted(words, key=lambda box: (round(box.top), box.left)))
    heads = {box.text: box for box in words if box.text in ("Finding", "Severity", "Status", "Owner", "Due", "Ticket")}
    assert len(heads) == 6
    assert all(re.search(text, cells) for text in ("Undetermined|Open", "Platform", "24 December|24", "jira:SEC-2"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, started(Path(profile)) as found:
        yield found


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("template", ["standard", "review", *STRUCTURES, *COMPARISONS])
@pytest.mark.parametrize("word_of", WORDS.values(), ids=WORDS)
def test_no_word_in_any_field_makes_a_page_wider_than_a_telephone(
    browser: Browser, tmp_path: Path, template: str, word_of: Callable[[str], str]
) -> None:
    page = tmp_path / "report.html"
    printable, files = document(template, flooded(word_of))
    page.write_bytes(commands.render(printable, "html", files, system_fonts=False).content)

    browser.open(page, TELEPHONE)

    assert browser.value("document.documentElement.scrollWidth") == TELEPHONE[0]
    # Tables of the authors may scroll, each in its own frame.
    beyond = browser.value(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && "
        "!e.closest('svg, thead, .wide *')).map(e => e.outerHTML.slice(0, 150)).slice(0, 9)"
    )
    assert beyond == []
