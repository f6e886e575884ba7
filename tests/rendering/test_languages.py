"""The words of a report in its language: catalogues, the engagement's own words, and what is marked as English."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import catalogues
import pytest
import samples
from babel.messages.catalog import Catalog

from findings_report import authoring
from findings_report.model.finding import Status
from findings_report.model.translation import CATALOGUES, Translation
from findings_report.rendering.document_parts import render
from findings_report.rendering.html import place_language_marks
from findings_report.rendering.jinja_environment import mirror
from findings_report.rendering.template_files import Template, builtin_templates

LANGUAGES = sorted(path.stem for path in CATALOGUES.glob("*.po"))
STANDARD = Template("standard", (builtin_templates(),))


@pytest.fixture(scope="module")
def messages() -> Catalog:
    return catalogues.extract()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_report_has_a_translation_with_the_same_placeholders(language: str, messages: Catalog) -> None:
    catalogue = catalogues.read(CATALOGUES / f"{language}.po")

    assert list(catalogues.faults(catalogue, language, messages)) == []


def test_no_template_prints_words_that_no_catalogue_knows() -> None:
    """What is left of a template without its tags, expressions and comments is punctuation and names of standards."""
    jinja = re.compile(r"(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}")
    markup = re.compile(r"(?s)<!--.*?-->|<style>.*?</style>|<svg\b.*?</svg>|<[^<>]*>|<body\b[^>]*>|\(#[a-z-]+\)")
    names = re.compile(r"\b(?:CWE|CVSS|OWASP|Top|Ten)\b")
    left = {}
    for path in sorted(builtin_templates().rglob("*.j2")):
        if path.name.startswith(("palette.", "page.")) or path.name.endswith(".pdf.html.j2"):
            continue  # style sheets
        text = names.sub("", markup.sub(" ", jinja.sub(" ", path.read_text())))
        if words := re.findall(r"[A-Za-z]{2,}", text):
            left[path.relative_to(builtin_templates()).as_posix()] = words

    assert left == {}


@pytest.mark.parametrize("name", sorted(path.name for path in builtin_templates().iterdir() if path.name != "fix-review"))
def test_every_template_prints_its_words_in_the_language_of_the_report(name: str) -> None:
    """Headings that come from fields reach a template in English: none prints one as it is."""
    report = samples.report(samples.full_finding(), samples.finding())
    german = report.model_copy(update={"engagement": report.engagement.model_copy(update={"language": "de"})})
    checkout = Path(__file__).parents[2] / "findings_report/languages"  # a wheel has the compiled ones only
    words = catalogues.read(checkout / "de.po")
    translated = {str(message.id) for message in words if message.id and message.string not in ("", message.id)}
    template = Template(name, (builtin_templates(),))

    printed = {kind: render(german, template=template, format=kind).content.decode() for kind in ("md", "html", "pdf")}

    heads = re.compile(
        r"(?m)^#+ (.+?):?$|<(?:h[1-6]|dt|th|strong)\b[^>]*>(.+?)</(?:h[1-6]|dt|th|strong)>|\bdata-continued=\"(.+?)\""
    )
    for text in printed.values():
        shown = {re.sub("<[^>]*>", "", head).strip(" #") for match in heads.findall(text) for head in match if head}
        assert shown & translated == set()
        assert "Beschreibung" in shown


@pytest.mark.parametrize(
    ("language", "day", "number", "severity", "status"),
    [
        ("de-CH", "20.\u00a0März 2026", "12’345", "hoch", "teilweise behoben"),
        ("fr", "20 mars 2026", "12\u202f345", "élevée", "partiellement résolu"),
        ("es", "20 de marzo de 2026", "12.345", "alta", "parcialmente resuelto"),
        ("ja", "2026年3月20日", "12,345", "高", "一部解決"),
        ("zh-CN", "2026年3月20日", "12,345", "高危", "部分修复"),
        ("zh-TW", "2026-03-20", "12\u00a0345", "high", "partially resolved"),
    ],
)
def test_dates_numbers_and_scales_follow_the_language(language: str, day: str, number: str, severity: str, status: str) -> None:
    words = Translation(language)

    assert (words.day(date(2026, 3, 20)), words.number(12345)) == (day, number)
    assert (words.name("high"), words.name(Status.PARTIALLY_RESOLVED)) == (severity, status)


def test_an_engagement_has_its_own_words() -> None:
    own = Translation("de", {"line {lines}": "Z. {lines}"}, {}, {"high": "ernst"})

    assert own.gettext("line {lines}", lines="7") == "Z. 7"
    assert own.name("high") == "ernst"


def test_a_report_in_a_language_without_a_catalogue_marks_what_is_english() -> None:
    report = samples.report()
    arabic = report.model_copy(update={"engagement": report.engagement.model_copy(update={"language": "ar"})})

    page = render(arabic, template=STANDARD, format="html").content.decode()

    assert '<html lang="ar" dir="rtl">' in page
    assert '<span lang="en" dir="ltr">Contents</span>' in page
    assert not re.search("[\ufdd0-\ufdd3]", page)


def test_a_sentence_in_another_language_is_marked_where_elements_can_be() -> None:
    """A title and an attribute have no elements: there the signs leave nothing."""
    page = '<title>\ufdd0Report\ufdd1</title><p title="\ufdd0Note\ufdd1">\ufdd0For \ufdd2شركة\ufdd3\ufdd1</p>'

    marked = '<span lang="en" dir="ltr">For <bdi lang="ar">شركة</bdi></span>'
    assert place_language_marks(page, "ar") == f'<title>Report</title><p title="Note">{marked}</p>'


@pytest.mark.parametrize(
    ("written", "mirrored"),
    [
        (".facts { border-left: 3px solid; }", ".facts { border-right: 3px solid; }"),
        ("p { margin: 0 1px 2px 3px; }", "p { margin: 0 3px 2px 1px; }"),
        ("td.right { text-align: right; }", "td.right { text-align: left; }"),
        ("@page { @top-left { left: 0; } }", "@page { @top-right { right: 0; } }"),
        (".code .l { padding-left: 3ch; }", ".code .l { padding-left: 3ch; }"),
    ],
)
def test_a_mirrored_style_leaves_code_from_left_to_right(written: str, mirrored: str) -> None:
    assert mirror(written) == mirrored


@pytest.mark.parametrize(
    ("entry", "fault", "remedy"),
    [
        ("Findng: Observation", "no template of the program prints 'Findng'", "did you mean 'Finding'?"),
        ("'{count} bytes': '{number} B'", "{number} is no placeholder of '{count} bytes'", "it has {count}"),
        ("Severity: '{count} grades'", "{count} is no placeholder of 'Severity'", "remove the braces"),
    ],
)
def test_an_entry_of_words_that_replaces_nothing_is_warned_of(tmp_path: Path, entry: str, fault: str, remedy: str) -> None:
    right = "'{count} byte': '{count} B', Severity: Grade, 'Page {page} of {pages}': 'S. {page}'"
    (tmp_path / "engagement.yaml").write_text(f"title: t\nwords:\n  {entry}\n")
    (problem,) = authoring.load(authoring.Folder(tmp_path)).warnings

    (tmp_path / "engagement.yaml").write_text(f"title: t\nwords: {{{right}}}\n")

    assert problem.fault.startswith(fault)
    assert problem.remedy == remedy
    assert problem.place is not None
    assert problem.place.line == 3
    assert authoring.load(authoring.Folder(tmp_path)).warnings == ()


def test_words_that_stand_in_prose_for_what_is_left_out_are_in_the_reports_language() -> None:
    text = "Siehe [](finding:), ![](image:) und ![x](http://example.org/x.png).\n\n![](table:)\n\n> [!WARNING]\n> Achtung"
    report = samples.report(samples.finding(description=text), engagement=samples.engagement(language="de"))

    for format in ("md", "html"):  # noqa: A001
        shown = render(report, template=STANDARD, format=format).content.decode().replace("\\", "")
        assert "Siehe ein anderer Befund, [Bild nicht enthalten: Bild für andere Leser] und [Bild nicht enthalten: x]." in shown
        assert "[nicht enthalten: Tabelle für andere Leser]" in shown
        assert re.search(r"(?:\*\*|<strong>)Warnung(?:\*\*|</strong>)", shown)
