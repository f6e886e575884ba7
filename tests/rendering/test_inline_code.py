"""Titles: what stands in backticks is code wherever code can be shown, and plain text wherever it cannot."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from pathlib import Path

import pikepdf
import pytest
import samples
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pdfs import render_pdf

from findings_report.model.engagement import SectionPlace
from findings_report.model.report import Report, ReportedSection
from findings_report.problems.safe_text import visible
from findings_report.prose.policy import TextRun, plain_text, split_inline_code
from findings_report.rendering import html, markdown
from findings_report.rendering.csv import render as table
from findings_report.rendering.document_parts import render
from findings_report.rendering.filters import with_inline_code
from findings_report.rendering.template_files import Template

TITLE = "`exec()` runs <b> what `Config.load()` reads"
OWN = Path(__file__).parents[2] / "templates"


def titled(title: str) -> Report:
    """The sample with one finding of that title, and a section of it."""
    section = ReportedSection(key="section-x", title=title, text="Text.", place=SectionPlace.BEFORE)
    return samples.report(engagement=samples.engagement(logo=None)).model_copy(
        update={"findings": (samples.finding("NTR-001", title=title),), "sections": (section,), "remediation": None}
    )


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("a `b` c", [("a ", False), ("b", True), (" c", False)]),
        ("`b`", [("b", True)]),
        ("a `b", [("a `b", False)]),
        ("``a`b`` c", [("a`b", True), (" c", False)]),
        ("``a`b`", [("``a", False), ("b", True)]),
        ("`` ` ``", [("`", True)]),
        ("a ` ` b", [("a ` ` b", False)]),
        ("no code, *no* <b>", [("no code, *no* <b>", False)]),
    ],
)
def test_backticks_are_read_as_commonmark_reads_them(title: str, read: list[TextRun]) -> None:
    assert [tuple(piece) for piece in split_inline_code(title)] == read


def test_a_title_of_a_file_that_anybody_made_is_read_in_good_time() -> None:
    assert (
        sum(piece.is_code for piece in split_inline_code("`a` " * 500_000)) == 500_000
    )  # took a minute when it cost the square


@settings(max_examples=examples(300))
@given(st.text(alphabet="`ab |<&*_\\#-", max_size=16))
def test_a_title_reads_the_same_in_markdown_and_html_and_lets_no_element_in(title: str) -> None:
    as_html = with_inline_code(title, html)
    as_markdown = with_inline_code(title, markdown)
    expected = "".join(visible(plain_text(title)).split())

    ours = {"<code>", "</code>", '<span class="whole">', "</span>"}  # the span of an option, which does not break
    assert set(re.findall(r"<[^>]*>", str(as_html))) <= ours
    assert "".join(unescape(re.sub("<[^>]*>", "", str(as_html))).split()) == expected
    shown = MarkdownIt("commonmark").render(f"x {as_markdown}")  # raw HTML allowed
    assert set(re.findall(r"<[^>]*>", shown)) <= {"<code>", "</code>", "<p>", "</p>"}
    assert "".join(unescape(re.sub("<[^>]*>", "", shown)).split()) == f"x{expected}"


def test_an_option_is_not_broken_after_its_hyphens() -> None:
    assert html.code("--fail-on") == '<code><span class="whole">--fail-on</span></code>'
    assert html.code("a-b") == "<code>a-b</code>"


def rendered(title: str, format: str, template: str = "standard") -> str:  # noqa: A002
    return render(titled(title), template=Template(template, (OWN,)), format=format).content.decode()


@pytest.mark.parametrize("template", ["standard", "review"])
def test_code_in_a_title_is_code_in_every_place_of_the_page(template: str) -> None:
    page = rendered(TITLE, "html", template)
    inside = "<code>exec()</code> runs &lt;b&gt; what <code>Config.load()</code> reads"

    assert page.count(inside) >= 4  # contents and heading, of the finding and of the section
    assert "`exec" not in page
    assert "data-head" not in page  # what the head of a printed page says
    assert 'data-head="NTR-001  exec() runs &lt;b&gt; what Config.load() reads"' in rendered(TITLE, "pdf", template)


def test_code_in_a_title_is_code_in_markdown() -> None:
    text = rendered(TITLE, "md")

    assert "### NTR-001: `exec()` runs \\<b> what `Config.load()` reads\n" in text


def test_a_table_for_spreadsheets_has_the_bare_title_and_no_formula_comes_of_it() -> None:
    rows = list(csv.reader(io.StringIO(table(titled("`=1+1` is run")).content.decode("utf-8-sig"), newline="")))

    assert rows[1][1] == "'=1+1 is run"


@pytest.mark.slow
def test_the_outline_of_a_pdf_has_the_bare_title() -> None:
    made = render_pdf(rendered(TITLE, "pdf"))

    with pikepdf.open(io.BytesIO(made.content)) as pdf, pdf.open_outline() as outline:
        names = [child.title for entry in outline.root for group in entry.children for child in group.children]
    assert names == ["NTR-001 · Medium · exec() runs <b> what Config.load() reads"]
