"""No word, however long, takes the columns of a table or the text beside it off the page: in print and on a telephone."""

from __future__ import annotations

import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import samples
from browser import CHROMIUM, TELEPHONE, Browser, started

from findings_report import commands
from findings_report.model.evidence import CoveredFile
from findings_report.model.finding import Status
from findings_report.model.report import Report, ScopeEntry
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import tables

pytestmark = pytest.mark.slow

MARGIN = 22 / 25.4 * 72
"""The margin of a page at the left and right, in points."""
FIELDS = ("title", "owner", "tags", "category", "path", "client", "repository", "tickets", "version", "id")


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


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("length", [80, 480])
def test_a_long_word_takes_nothing_off_a_page(template: str, length: int) -> None:
    pdf = commands.render(
        hostile(length, *FIELDS), "pdf", Template(template, (builtin_templates(),)), system_fonts=False
    ).content

    printed = list(pages(pdf))
    for width, words in printed:
        outside = [box for box in words if box.left < MARGIN - 1 or box.right > width - MARGIN + 1]
        assert not outside
        assert overlapping(words) == []
    text = "".join(box.text for _, words in printed for box in words)
    assert all(
        text.count(word(field, 24)) >= 1
        for field in FIELDS
        if field not in ("tags", "category", "version") or template == "standard"
    )


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
@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("length", [80, 480])
def test_a_long_word_makes_no_page_wider_than_a_telephone(browser: Browser, tmp_path: Path, template: str, length: int) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(
        commands.render(
            hostile(length, *FIELDS), "html", Template(template, (builtin_templates(),)), system_fonts=False
        ).content
    )

    browser.open(page, TELEPHONE)

    assert browser.value("document.documentElement.scrollWidth") == TELEPHONE[0]
    beyond = browser.value(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && "
        "!e.closest('pre, svg, thead')).map(e => e.outerHTML.slice(0, 150))"
    )
    assert beyond == []
