"""Reports as text: nothing authored is lost, nothing authored becomes markup, and a template's fault is told with its place."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import office
import pytest
import samples
import tagged
import tinyhtml5
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pdfs import render_pdf

from findings_report import prose
from findings_report.model.engagement import Engagement, Severity, State
from findings_report.model.evidence import Check, CoveredFile, Line, Run, Verdict
from findings_report.model.finding import Event, Recommendation, Status
from findings_report.model.report import Report, ScopeEntry, SeverityCount
from findings_report.model.report_tables import Weakness
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import HIDDEN
from findings_report.rendering import html, labels, markdown
from findings_report.rendering.document_parts import ReportParts, render
from findings_report.rendering.figures import Part
from findings_report.rendering.filters import FORMATS, renamed_filters
from findings_report.rendering.jinja_environment import TemplateRunner
from findings_report.rendering.template_files import Template, overrides
from findings_report.report import tables

OWN = Path(__file__).parents[2] / "templates"
VOID = {"br", "wbr", "hr", "img", "meta", "input", "link"}


class Page(HTMLParser):
    """An HTML document read back: its text, elements and attributes; fails on elements that do not nest."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        """Text with white space made one blank."""
        return " ".join("".join(self.pieces).split())

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, attributes in self.elements if (value := attributes.get(attribute)) is not None]


def rendered(report: Report, format: str = "html", template: str = "standard", *roots: Path) -> str:  # noqa: A002
    return render(report, template=Template(template, (*roots, OWN)), format=format).content.decode()


def without_addresses(page: str) -> str:
    """A page of HTML whose headings and lines of code have no addresses of their own."""
    bare = re.sub(r'(<h[2-5])[^>]*><a href="#[^"]*">(.*?)</a>', r"\1>\2", page)
    return re.sub(r'(<(?:span|mark) class="l[^>]*) id="[^"]*"', r"\1", bare)


def github(text: str) -> str:
    """Markdown as a reader with raw HTML allowed sees it."""
    return str(MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"]).render(text))


def text_of(report: Report, format: str, template: str = "standard") -> str:  # noqa: A002
    if format == "docx":
        pytest.importorskip("docx")
        from findings_report.rendering.docx import render as render_docx

        return " ".join(office.read_text(render_docx(report).content).split())
    content = rendered(report, format, template)
    return Page(github(content) if format == "md" else content).text


def problem_of(error: pytest.ExceptionInfo[FindingsReportError]) -> Problem:
    assert len(error.value.problems) == 1
    return error.value.problems[0]


FIELDS = {
    "id": "NTR-002",
    "title": "Subnet ids are handed on <unchecked>",
    "severity": "Critical",
    "severity_reason": "Raised because the",
    "status": "Partially resolved",
    "category": "Data validation",
    "rating": "ikelihood",
    "difficulty": "Difficulty",
    "scores": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "score": "9.8",
    "cwe": "CWE-20",
    "tags": "ipam, api",
    "confidence": "Likely",
    "residual_severity": "Residual severity",
    "owner": "Network team",
    "due": "24 December 2026",
    "related": "Related",
    "affected": "api.example.org",
    "affected note": "public since May",
    "summary": "Ids go from the request",
    "description": "Ids arrive in the request",
    "heading": "Cause",
    "table": "checked",
    "impact": "An attacker chooses",
    "scenario": "Alice sends a request.",
    "proof": 'curl -d \'{"subnet_id": "x"}\'',
    "short term": "Validate every id.",
    "long term": "Adopt a schema",
    "response": "We have read it.",
    "line": "ip_list = [ip] if isinstance(ip, dict) else ip",
    "placed caption": "Where the ids come from",
    "own caption": "Ids as they arrive",
    "note": "Nothing checks subnet_id here.",
    "loose note": "A remark on a line that is not shown.",
    "role": "ource",
    "second role": "ink",
    "symbol": "_ipam_allocate_ips",
    "citation": "neutron/db/ipam_pluggable_backend.py#L111-L129",
    "short commit": "fb3f718",
    "verdict": "not at lines 132-137",
    "edited": "quote differs from the repository",
    "difference": "allocate(subnet)",
    "fix": "0123abc",
    "pull request": "https://example.org/pull/7",
    "fix note": "Validates at the API",
    "history": "Reported by mail.",
    "history day": "2 October 2026",
    "history by": "Dana",
    "reference": "OWASP Top 10",
    "reference url": "https://owasp.org/Top10/",
    "bare reference": "https://example.org/bare",
    "tickets": "jira:SEC-12",
    "aliases": "OLD-9",
    "found_by": "Erin",
    "audience": "engineering",
    "extra": "Trust zone",
    "extra value": "perimeter",
    "picture": "A request, from API to driver",
}


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", [*FORMATS, "docx"])
def test_every_authored_field_is_in_every_format(format: str, template: str) -> None:  # noqa: A002
    found = text_of(samples.report(samples.full_finding()), format, template)

    assert [name for name, text in FIELDS.items() if text not in found] == []


@pytest.mark.parametrize("format", [*FORMATS, "docx"])
def test_the_engagement_is_in_every_format(format: str) -> None:  # noqa: A002
    found = text_of(samples.report(), format)

    for text in (
        "Security review of Neutron IPAM",
        "Example Networks",
        "Dana Reviewer, Lead auditor",
        "dana@example.org",
        "1.10",
        "Draft",
        "20 November 2026",
        "1–16 October 2026",
        "First issue",
        "Example Networks, security team",
        "Confidential",
        samples.COMMIT,
        "12.0.0",
        "neutron/db/*.py",
        "Exploitable now, with serious impact",
        "significant concerns",
        "Read, tried",
        "Review and validate all inputs.",
        "Overall, the code",
        "Generated by findings-report",
        "Not found",
    ):
        assert text in found or (text == "Draft" and format == "pdf")


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_same_report_same_bytes(format: str, template: str) -> None:  # noqa: A002
    assert rendered(samples.report(), format, template) == rendered(samples.report(), format, template)


@pytest.mark.parametrize("template", ["standard", "review"])
def test_html_asks_for_nothing_and_runs_nothing(template: str) -> None:
    content = rendered(samples.report(), "html", template)
    page = Page(content)

    policy = next(value for value in page.values("content") if "default-src" in value)
    styles = re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in styles]
    own, fonts = (f"'sha256-{digest}'" for digest in digests)
    assert policy == (
        f"default-src 'none'; style-src {own} {fonts}; font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert all(source.startswith("data:image/png;base64,") for source in page.values("src"))
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "base"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    # The boxes of the filter are in forms that go nowhere, so that a button resets them.
    assert not [name for name in ("action", "formaction", "method", "target", "style") if page.values(name)]
    assert re.findall(r"url\((?!data:font/woff2;base64,)", "".join(styles)) == []
    assert "@import" not in "".join(styles)


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", ["html", "pdf"])
def test_links_inside_a_document_lead_somewhere(format: str, template: str) -> None:  # noqa: A002
    page = Page(rendered(samples.report(), format, template))
    ids = page.values("id")

    assert len(ids) == len(set(ids))
    assert {address[1:] for address in page.values("href") if address.startswith("#")} <= set(ids)
    assert not [address for address in page.values("href") if not address.startswith(("#", "https://", "http://"))]


@pytest.mark.parametrize("template", ["standard", "review"])
def test_links_inside_a_markdown_document_lead_somewhere(template: str) -> None:
    page = Page(github(rendered(samples.report(), "md", template)))

    assert {address[1:] for address in page.values("href") if address.startswith("#")} <= set(page.values("id"))


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_headings_skip_no_level(format: str, template: str) -> None:  # noqa: A002
    content = rendered(samples.report(), format, template)
    page = Page(github(content) if format == "md" else content)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]

    start = levels.index(1)
    too_far = [(a, b) for a, b in zip(levels[start:], levels[start + 1 :], strict=False) if b > a + 1]
    assert too_far == ([] if (template, format) != ("review", "md") else [(1, 3)])  # the seed's own shape starts at ###


@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize(
    ("authored", "printed"),
    [
        ((2, 3, 3, 2), (1, 2, 2, 1)),
        ((3, 1), (1, 1)),
        ((1, 4, 2), (1, 2, 2)),
        ((4, 2, 6, 3, 1), (1, 1, 2, 2, 1)),
        ((1, 2, 3, 4, 5), (1, 2, 2, 2, 2)),
    ],
)
def test_authored_headings_skip_no_level_in_whatever_order_they_are(
    authored: tuple[int, ...],
    printed: tuple[int, ...],
    format: str,  # noqa: A002
) -> None:
    text = "\n\n".join(f"{'#' * level} Own {number}" for number, level in enumerate(authored))
    text += f"\n\n> {'#' * authored[-1]} Own quoted"

    content = rendered(samples.report(samples.finding(description=text)), format)
    html = github(content) if format == "md" else without_addresses(content)

    (under,) = re.findall(r"<h(\d)[^>]*>[^<]*(?:Finding|Description|Improper)[^<]*</h", html[: html.index("Own 0")])[-1:]
    assert [int(level) - int(under) for level in re.findall(r"<h(\d)>Own", html)] == [*printed, printed[-1]]


@pytest.mark.parametrize("format", list(FORMATS))
def test_hidden_characters_are_shown_everywhere(format: str) -> None:  # noqa: A002
    trick = "a\u202eb\u200bc\x1bd"
    finding = samples.full_finding(
        title=trick, description=f"{trick} `{trick}`\n\n```\n{trick}\n```", owner=trick, tags=(trick,)
    )

    content = rendered(samples.report(finding, engagement=samples.engagement(title=trick, client=trick)), format)

    assert HIDDEN.search(content.replace("\n", "")) is None
    page = Page(github(content) if format == "md" else content)
    assert page.text.count("a\\u{202E}b\\u{200B}c\\u{001B}d") >= 7


def test_code_that_looks_like_our_own_marks_is_printed_as_it_is() -> None:
    odd = ['x = "](xref:NTR-001)" + \'href="xref:NTR-001"\'', "```", "{{ 1 + 1 }} <b>&amp;</b> </pre></code> {% raw %}"]
    run = Run(lines=tuple(Line(number=number, text=text) for number, text in enumerate(odd, 1)))
    report = samples.report(samples.finding(snippets=(samples.snippet(runs=(run,)),)))

    for format in FORMATS:  # noqa: A001
        found = text_of(report, format)
        assert all(text in found for text in odd)


def test_markdown_lines_have_their_real_numbers_and_elisions() -> None:
    content = rendered(samples.report(samples.finding()), "md")

    assert (
        "```python\n"
        "116                 ip_list = [ip] if isinstance(ip, dict) else ip\n"
        "117                 subnets = [ip_dict['subnet_id'] for ip_dict in ip_list]\n"
        "…\n"
        "121                     ipam_allocator = ipam_driver.get_allocator(subnets)\n"
        "```\n"
    ) in content


def test_a_long_name_breaks_after_its_dots_and_slashes_and_anywhere_only_where_it_has_none() -> None:
    assert html.code("a/short.name") == "<code>a/short.name</code>"
    lines = '<wbr><span class="whole">#L7-L9</span>'
    assert html.code("evm/src/managers/Manager.sol#L7-L9") == f"<code>evm/<wbr>src/<wbr>managers/<wbr>Manager.sol{lines}</code>"
    assert html.code("a.py#L7-L9,L12") == f'<code>a.py{lines[:-7]},</span><wbr><span class="whole">L12</span></code>'
    assert html.code("findings_report/__init__.py") == "<code>findings_<wbr>report/<wbr>__init__.py</code>"
    assert html.code("Registry::_setTheTransceiver()") == "<code>Registry::<wbr>_setTheTransceiver()</code>"
    assert html.code("f" * 40) == f'<code><span class="any">{"f" * 40}</span></code>'


def test_html_lines_are_one_block_each_with_number_mark_and_note() -> None:
    content = without_addresses(rendered(samples.report(samples.full_finding())))

    assert '<mark class="l h" data-n="116">                ip_list = [ip] <span class="k">if </span>isinstance' in content
    assert '<span class="l e">…\n</span>' in content
    assert (
        '</code></pre><div class="note"><p>Nothing checks <code>subnet_id</code> <strong>here</strong>.</p>\n</div><pre'
        in content
    )


@pytest.mark.parametrize("noted", [{1}, {3}, {1, 2}, {1, 2, 3}, {5}, {3, 5}, {1, 2, 3, 5}])
def test_a_note_at_any_line_leaves_no_empty_block_of_code(noted: set[int]) -> None:
    lines = samples.runs(dict.fromkeys((1, 2, 3, 5), "x"), notes=dict.fromkeys(noted, "Look."))

    content = rendered(samples.report(samples.finding(snippets=(samples.snippet(runs=lines),))))

    blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", content, re.DOTALL)
    assert all("data-n=" in block for block in blocks)
    assert "".join(blocks).count("data-n=") == 4
    assert content.count('<div class="note">') == len(noted)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_notes_follow_the_code_on_paper_with_numbers_that_are_not_copied_with_it() -> None:
    lines = samples.runs({1: "one = 1", 2: "two = 2", 3: "three = 3"}, notes={1: "Never **checked**.", 3: "Nor this."})
    report = samples.report(samples.finding(snippets=(samples.snippet(runs=lines),)), engagement=samples.engagement(logo=None))

    page = rendered(report, "pdf")

    [code] = re.findall(r'<pre class="code[^>]*><code>(.*?)</code></pre>', page, re.DOTALL)
    assert re.findall(r'data-n="(\d)".*?data-note="(\d)"></span>\n', code) == [("1", "1"), ("3", "2")]
    assert '<li data-note="2"><span class="at">Line 3</span><p>Nor this.</p>' in page
    pdf = render_pdf(page).content
    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode().splitlines()
    assert text[text.index("one = 1") :][:3] == ["one = 1", "two = 2", "three = 3"]
    assert list(tagged.faults(pdf)) == []


def test_only_a_table_that_may_scroll_is_a_stop_of_the_keyboard_and_has_a_name() -> None:
    narrow, wide = ("|".join(["", *"abcdefg"[:count], ""]) for count in (3, 7))
    tables = "\n\n".join(f"{head}\n{'|-' * (head.count('|') - 1)}|\n{head}" for head in (narrow, wide))

    content = rendered(samples.report(samples.finding(description=f"{tables}\n\n```\ncode\n```")))

    assert re.findall(r'<[^>]* tabindex="0"[^>]*>', content.split("<article")[1]) == [
        '<div class="wide" role="group" aria-label="a, b, c, d, e, f, g" tabindex="0">'
    ]


def test_a_line_that_may_be_broken_on_paper_is_told_apart_and_its_later_rows_stand_under_its_first() -> None:
    lines = samples.runs({1: "x" * 80, 2: "\t" + "x" * 77, 3: " " * 60 + "x" * 30})
    finding = samples.finding(description=f"```\nshort\n{'y' * 81}\n```", snippets=(samples.snippet(runs=lines),))

    content = without_addresses(rendered(samples.report(finding)))

    assert f'<span class="l" data-n="1">{"x" * 80}\n</span><span class="l w i1" data-n="2">' in content
    assert '<span class="l w i6" data-n="3">' in content
    assert f'<span class="l">short\n</span><span class="l w">{"y" * 81}\n</span></code></pre>' in content


def test_a_word_too_long_for_a_column_may_be_broken_and_no_other() -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    content = html.prose(prose.parse(f"| Digest |\n|---|\n| of <nothing>: {digest} |"), part(), 2)

    assert f'<td>of &lt;nothing&gt;: <span class="any">{digest}</span></td>' in content


@pytest.mark.slow
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("template", ["standard", "review"])
def test_a_pdf_of_our_own_styles_gives_no_warning(template: str, state: State) -> None:
    report = samples.report(engagement=samples.engagement(state=state))
    pictures = {
        picture.name: (str(picture.media_type), picture.content)
        for picture in (*report.engagement.images, report.engagement.logo)
        if picture
    }

    pdf = render_pdf(rendered(report, "pdf", template), pictures=pictures)

    assert pdf.problems == ()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
@pytest.mark.parametrize(("state", "said"), [(State.DRAFT, {True}), (State.FINAL, {False})])
@pytest.mark.parametrize("template", ["standard", "review"])
def test_every_page_of_a_draft_says_so_and_no_page_of_a_final_report(template: str, state: State, said: set[bool]) -> None:
    report = samples.report(samples.finding(), engagement=samples.engagement(state=state, logo=None))

    pdf = render_pdf(rendered(report, "pdf", template)).content

    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    assert {"DRAFT" in page for page in text.removesuffix("\f").split("\f")} == said


@pytest.mark.parametrize("template", ["standard", "review", "fix-review"])
def test_all_of_a_draft_in_html_is_in_a_landmark(template: str) -> None:
    """Screen readers go from landmark to landmark: what is outside of them is passed over."""
    engagement = samples.engagement(state=State.DRAFT, confidentiality="Confidential")
    html = rendered(samples.report(samples.finding(), engagement=engagement), "html", template)

    body = tinyhtml5.parse(html, namespace_html_elements=False).find("body")

    assert {child.tag for child in body} <= {"a", "aside", "footer", "header", "main", "nav", "script", "style"}
    assert [child.get("class") for child in body if child.tag == "a"] == ["skip"]


LONG = "Confidential: for the named recipients only; " * 9 + "no copies"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
@pytest.mark.parametrize("marking", ["Confidential", LONG, "W" * 200, "W" * 500], ids=["short", "long", "wide", "widest"])
def test_the_marking_is_whole_in_the_foot_of_every_page_beside_the_mark_of_a_draft(marking: str) -> None:
    engagement = samples.engagement(confidentiality=marking, logo=None)

    pdf = render_pdf(rendered(samples.report(samples.finding(), engagement=engagement), "pdf")).content

    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    pages = ["".join(page.split()) for page in text.removesuffix("\f").split("\f")]
    assert len(pages) > 3
    assert all("".join(marking.split()) in page and "DRAFT" in page for page in pages)
    assert all(f"Page{number}of{len(pages)}" in page for number, page in enumerate(pages[1:], start=2))
    boxes = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    lowest = max(float(bottom) for bottom in re.findall(r'yMax="([\d.]+)"', boxes))
    assert lowest < float(re.findall(r'<page width="[\d.]+" height="([\d.]+)"', boxes)[0]) - 8  # points from the paper's edge


def test_an_unchecked_snippet_says_that_it_is_the_authors() -> None:
    for format in FORMATS:  # noqa: A001
        assert "Author’s copy of this code, not verified" in text_of(samples.report(*samples.others()), format)


def test_figures_are_numbered_in_the_order_of_printing_and_printed_once() -> None:
    page = Page(rendered(samples.report(samples.full_finding()), "html"))

    assert re.findall(r"Figure (NTR-002\.\d)", page.text) == [f"NTR-002.{n}" for n in (2, 1, 1, 2, 2, 3)]
    assert [value for value in page.values("id") if value.startswith("figure-")] == [f"figure-NTR-002.{n}" for n in (1, 2, 3)]


def test_evidence_that_is_placed_again_is_referred_to_and_keeps_its_caption() -> None:
    again = "![first words](location:a)\n\nText.\n\n![other words](location:a)"
    finding = samples.finding(description=again, snippets=(samples.snippet(name="a"),), placed=("a",))

    for format in FORMATS:  # noqa: A001
        found = text_of(samples.report(finding), format)

        assert found.count("ip_list = [ip] if isinstance") == 1
        assert "Figure NTR-001.1: other words" in found
    page = Page(rendered(samples.report(finding), "html"))
    assert page.values("id").count("figure-NTR-001.1") == 1
    assert "#figure-NTR-001.1" in page.values("href")


def test_a_link_by_a_former_id_shows_and_follows_the_id_of_today() -> None:
    report = samples.report(
        samples.finding(description="See [](finding:OLD-9)."), engagement=samples.engagement(aliases={"OLD-9": "NTR-001"})
    )

    assert "See NTR-001." in text_of(report, "html")
    assert '<a href="#NTR-001">NTR-001</a>' in rendered(report, "html")
    assert "See [NTR-001](#NTR-001)." in rendered(report, "md")


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_locations_with_roles_are_a_path_through_the_code_in_their_order(format: str, template: str) -> None:  # noqa: A002
    roles = ("entry point", None, "source", "sink")
    snippets = tuple(samples.snippet(index, role=role, caption=f"Step {index}") for index, role in enumerate(roles))

    found = " ".join(text_of(samples.report(samples.finding(snippets=snippets)), format, template).split())

    steps = [found.index(f"Figure NTR-001.{number}: Step {index}") for number, index in ((1, 0), (3, 2), (4, 3))]
    assert steps == sorted(steps)
    assert "Figure NTR-001.2: Step 1" not in found
    assert found.index("Path through the code") < found.index("Entry point") < steps[0]


def test_one_location_with_a_role_is_no_path() -> None:
    finding = samples.finding(snippets=(samples.snippet(role="source"), samples.snippet(1)))

    assert "Path through the code" not in text_of(samples.report(finding), "html")


def test_a_step_leads_to_its_figure() -> None:
    page = Page(rendered(samples.report(samples.full_finding()), "html"))

    steps = re.findall(r'<li><span class="role">(\w+)</span> <a href="#figure-([^"]*)">', rendered(samples.report(), "html"))
    assert steps == [("Source", "NTR-002.1"), ("Sink", "NTR-002.2")]
    assert {f"figure-{number}" for _, number in steps} <= set(page.values("id"))


def test_a_note_that_places_its_own_location_ends() -> None:
    lines = samples.runs({1: "x"}, notes={1: "![again](location:a)"})
    finding = samples.finding(snippets=(samples.snippet(name="a", runs=lines, caption="![me](location:a)"),))

    for format in FORMATS:  # noqa: A001
        assert "[Figure NTR-001.1]" in text_of(samples.report(finding), format)


def test_pictures_are_embedded_in_html_and_named_in_pdf() -> None:
    assert "fr-asset:" not in rendered(samples.report(), "html")
    assert set(Page(rendered(samples.report(), "pdf")).values("src")) == {"fr-asset:flow", "fr-asset:logo"}


def test_review_reads_like_the_seed() -> None:
    finding = samples.finding()
    report = samples.report(finding, engagement=samples.engagement(state="final"), sections=samples.sections()[1:])

    content = rendered(report, "md", "review")

    shape = [
        "After thoroughly reviewing the code",
        "### Security Defect: Improper Error Handling and Potential SQL Injection Vulnerability",
        "#### Description:",
        "The code, specifically in lines 111-129 within the `_ipam_allocate_ips` method,",
        "#### Lines:",
        "```python\n116  ",
        "#### Solution:",
        "To mitigate this potential vulnerability",
        "### Recommendation:",
        "Overall, ",
    ]
    places = [content.index(text) for text in shape]
    assert places == sorted(places)


def test_parts_are_rendered_alone_with_symbolic_links() -> None:
    report = samples.report()
    book = ReportParts(report, TemplateRunner(report.engagement, template=Template("standard", (OWN,)), format="html"))

    parts = list(book.parts())

    keys = ["front", "section-method", "NTR-002", "NTR-001", "NTR-003", "NTR-004", "recommendation", "conclusion", "appendix"]
    assert [part.key for part in parts] == keys
    assert 'href="xref:NTR-001"' in parts[2].text


# Tables across findings, and the chart.


def test_a_ticket_that_holds_an_address_is_linked() -> None:
    finding = samples.finding(
        tickets=("jira:https://jira.example.org/browse/SEC-1", "https://forge.example.org/4", "jira:SEC-2")
    )

    for format, count in (("html", 2), ("md", 2)):  # noqa: A001
        content = rendered(samples.report(finding), format)
        page = Page(github(content) if format == "md" else content)
        assert page.values("href").count("https://jira.example.org/browse/SEC-1") == count  # facts and remediation
        assert page.values("href").count("https://forge.example.org/4") == count
        assert "jira:SEC-2" in page.text


def test_remediation_lists_the_findings_that_wait_with_links() -> None:
    content = rendered(samples.report(), "md")

    table = content.split("Remediation\n")[1].split('<a id="section-method">')[0]
    assert re.findall(r"\]\(#(NTR-\d+)\)", table) == ["NTR-002", "NTR-001"]
    assert "| Network team | 24 December 2026 | jira:SEC-12 |" in table
    assert "2 resolved or dismissed findings are omitted." in table


@pytest.mark.parametrize("format", list(FORMATS))
def test_a_name_of_the_engagements_own_is_told_as_such(format: str) -> None:  # noqa: A002
    own = Weakness(id="CWE-1427", name="Prompt <injection>", top_ten="A05:2025 Injection", is_own=True)

    found = "".join(text_of(samples.report(samples.finding(cwe=(own,))), format).split())

    assert "CWE-1427Prompt<injection>*NTR-001" in found
    assert "Namesmarked*arefromthisreport." in found
    assert re.search(r"Prompt<injection>\(?OWASPA05:2025Injection\)?\(namefromthisreport\)", found)


@pytest.mark.parametrize("format", list(FORMATS))
def test_the_files_of_the_scope_have_lines_and_findings(format: str) -> None:  # noqa: A002
    found = "".join(text_of(samples.report(samples.finding(), samples.finding("NTR-005")), format).split())

    # Markdown lists every row; a page opens only the folders with findings, and gives totals.
    cited = "565NTR-001,NTR-005" if format == "md" else "1565NTR-001,NTR-005"
    assert f"neutron/db/ipam_pluggable_backend.py{cited}" in found
    assert ("neutron/db/logo.png–" if format == "md" else "neutron2565neutron/db/") in found
    assert "Lineswerenotcountedin1file(" in found


@pytest.mark.parametrize("format", list(FORMATS))
def test_without_a_clone_the_scope_is_the_plain_list(format: str) -> None:  # noqa: A002
    entry = ScopeEntry(repository="neutron", pattern="neutron/db/*.py")
    repositories = (samples.engagement().repositories[0].model_copy(update={"is_read": False}),)
    report = samples.report(scope=(entry,), covered=None, engagement=samples.engagement(repositories=repositories))

    found = "".join(text_of(report, format).split())

    assert "Thereviewcovers:neutron/db/*.pySummaryoffindings" in found


@pytest.mark.parametrize("format", list(FORMATS))
def test_what_the_scope_takes_out_is_told_as_such(format: str) -> None:  # noqa: A002
    out = ScopeEntry(repository="neutron", pattern="neutron/tests/", is_excluding=True)
    scope = (ScopeEntry(repository="neutron", pattern="neutron/", files=2, lines=565), out)

    found = "".join(text_of(samples.report(scope=scope), format).split())

    assert "Itdoesnotcover:neutron/tests/" in found
    assert "neutron/tests/(" not in found


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "12,345 files"), ("de", "12.345 Dateien"), ("de-CH", "12’345 Dateien"), ("pt", "12\u00a0345 files")],
)
def test_numbers_are_grouped(language: str, shown: str) -> None:
    entry = ScopeEntry(repository="neutron", pattern=".", files=12_345, lines=None)

    content = rendered(samples.report(scope=(entry,), engagement=samples.engagement(language=language)), "md")

    assert shown in content


@pytest.mark.parametrize("format", ["html", "pdf"])
def test_the_chart_says_in_words_and_numbers_what_it_draws(format: str) -> None:  # noqa: A002
    long = Severity(name="x" * 64, colour="#000000")
    counts = (
        SeverityCount(severity=samples.severity("high"), total=13, by_status=((Status.OPEN, 10), (Status.RESOLVED, 3))),
        SeverityCount(severity=long, total=1, by_status=((Status.OPEN, 1), (Status.RESOLVED, 0))),
    )
    findings = [samples.finding(id=id, severity=samples.severity("high")) for id in ("NTR-001", "NTR-002")]
    content = rendered(samples.report(findings=tuple(findings), counts=counts), format)

    drawing = re.search(r"<svg.*?</svg>", content, re.DOTALL)
    assert drawing is not None
    page = Page(drawing[0])
    (_, attributes), *_ = page.elements
    assert attributes["role"] == "img"
    assert set((attributes["aria-labelledby"] or "").split()) <= set(page.values("id"))
    assert f"High: 13 (10 open, 3 resolved); X{'x' * 63}: 1 (1 open)." in page.text
    assert f"X{'x' * 13}…" in page.text
    assert page.text.split("1 open).")[1].split()[:4] == ["High", "10", "3", "13"]
    ends = [float(box["x"] or 0) + float(box["width"] or 0) for tag, box in page.elements if tag == "rect"]
    assert max(ends) <= 420
    assert not [name for name, value in attributes.items() if value and name == "style"]


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_a_report_without_findings_has_no_chart_and_no_empty_table(format: str, template: str) -> None:  # noqa: A002
    empty = samples.report(findings=(), counts=(), remediation=None, classification=None, verdicts=(), covered=None)

    content = rendered(empty, format, template)

    assert "<svg" not in content
    assert "Remediation" not in content
    assert "Weaknesses" not in content


REPORTED = Event(date=date(2026, 5, 4), status=Status.OPEN, by="Ada", note="Reported by mail.")
ANSWERED = Event(date=date(2026, 6, 1), status=Status.RESOLVED, by="Bo", commit="0123abc", note="`get` is <bound> now.")


@pytest.mark.parametrize("format", list(FORMATS))
def test_what_the_client_answers_and_what_was_decided_on_it_stand_one_after_the_other(format: str) -> None:  # noqa: A002
    finding = samples.finding(response="We have bound it.", history=(REPORTED, ANSWERED))

    shown = " ".join(text_of(samples.report(finding), format).split())

    decision = "Decision Resolved, 1 June 2026, Bo, at 0123abc: get is <bound> now. History"
    in_time = "Decision 1 June 2026 Resolved Bo 0123abc get is <bound> now."
    assert f"Response We have bound it. {decision if format == 'md' else in_time}" in shown
    assert shown.count("is <bound> now") == 1
    assert "Reported by mail." in shown


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ((), False),
        ((REPORTED,), False),
        ((REPORTED.model_copy(update={"status": Status.UNDETERMINED}),), True),
        ((ANSWERED, REPORTED), True),  # newest by date, wherever it stands
        ((REPORTED, ANSWERED.model_copy(update={"note": None})), False),
    ],
)
def test_a_decision_is_the_newest_entry_that_says_why_but_not_that_it_was_reported(
    history: tuple[Event, ...], said: bool
) -> None:
    shown = text_of(samples.report(samples.finding(history=history)), "html")

    assert ("Decision" in shown) is said


@pytest.mark.parametrize("format", list(FORMATS))
def test_a_short_review_has_the_numbers_too_unless_it_has_one_finding(format: str) -> None:  # noqa: A002
    several = rendered(samples.report(), format, "review")
    one = rendered(samples.report(samples.finding()), format, "review")

    shown = 'class="tile' if format != "md" else "This report contains"
    assert shown in several
    assert shown not in one


MATRIX = tables.matrix(Engagement(title="x"), [samples.full_finding()])


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_the_matrix_says_in_words_what_impact_and_likelihood_give(format: str, template: str) -> None:  # noqa: A002
    content = rendered(samples.report(matrix=MATRIX), format, template)

    shown = Page(github(content) if format == "md" else content).text
    _, _, after = shown.partition("explains an exception")
    words = "Impact Low likelihood Medium likelihood High likelihood"
    words += " High Medium High Critical Medium Low Medium High Low Informational Low Medium"
    assert "".join(words.split()) in "".join(after.split())


@pytest.mark.parametrize("format", list(FORMATS))
def test_a_scale_without_meanings_and_ratings_is_not_explained(format: str) -> None:  # noqa: A002
    bare = tuple(Severity(name=each.name, colour=each.colour) for each in samples.SCALE)
    report = samples.report(engagement=samples.engagement(severities=bare))

    content = rendered(report, format)

    assert "How severity was rated" not in content
    assert "How severity was rated" in rendered(samples.report(), format)


def test_the_contents_name_the_severity_that_findings_stand_under() -> None:
    findings = (samples.finding("A-1", severity=samples.severity("high")), samples.finding("A-2"), samples.finding("A-3"))
    content = rendered(samples.report(findings=findings), "html")

    contents = Page(content[content.index("<nav") : content.index("</nav>") + 6]).text.split()

    marks = [word for word in contents if word in ("High", "Medium", "Low", "A-1", "A-2", "A-3")]
    assert marks == ["High", "A-1", "Medium", "A-2", "A-3"]


# Authored prose in Markdown and in HTML.


def part() -> Part:
    return Part(samples.engagement(), lambda picture: f"data:{picture.name}", lambda *_: html.escape("[figure]"))


def plain(content: str) -> str:
    return re.sub(r"\s", "", Page(content).text)


def both(text: str) -> tuple[str, str]:
    """The text that a reader of our HTML sees, and that a reader of our Markdown sees; no author's element in the latter."""
    parsed = prose.parse(text)
    second = github(markdown.prose(parsed, part(), 2))
    allowed = {"p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "a", "em", "strong", "s", "code", "pre", "blockquote", "br", "hr"}
    allowed |= {"table", "thead", "tbody", "tr", "th", "td"}
    page = Page(second)
    assert {tag for tag, _ in page.elements} <= allowed
    assert all(address.startswith(("http:", "https:", "mailto:", "#")) for address in page.values("href"))
    return plain(html.prose(parsed, part(), 2)), plain(second)


CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick=x>b</b> c",
    "<!-- x -->",
    "<?php ?>",
    "<![CDATA[x]]>",
    "&lt;script&gt;",
    "\\<script>",
    "`<b>`",
    "```\n<b>\n```",
    "<https://x.org/a?b=c&d>",
    '[a](https://x.org/(b) "t<i>t\\"le")',
    "[<b>x</b>](javascript:alert(1))",
    "[a]: javascript:x\n\n[a]",
    "<javascript:alert(1)>",
    "![<i>x</i>](http://e/x.png)",
    "a\n<div>\nb",
    "# <b>h</b>\n\n### deeper\n\ntext",
    "| a | b |\n|---|--:|\n| <b> | `x\\|y` |\n",
    "1. a\n2. b\n\n   <p>\n10. c",
    "- [ ] task\n- [x] done",
    "~~gone~~ ~~ not",
    "a  \nb\\\nc",
    "***\n\n___\n\n- - -",
    "Setext\n===\n\n<hr>",
    "    <indented>\n",
    "> <q>\n>\n> - x\n>   > <y>",
    "[ref][1] and [1]\n\n[1]: https://example.org 'T'",
    "text [^1]\n\n[^1]: note",
    "+ a\n\n\n+ b",
    "1) x",
    "2019\\. x",
    "#hash ##",
    "a*b_c*d_e",
    "_a_b_",
    "**a*b**",
    "$x_1$ <y",
    "http://bare.example/<b>",
    "&#60;b&#62; &nbsp; &copy",
    "<a\nhref='javascript:x'>\ny</a>",
    "\\`x`<b>`",
    "`` ` <b> ``",
    "<details><summary>x</summary></details>",
    "x\n\n<svg/onload=alert(1)>",
    "[x](<https://x.org/ b>)",
    "![a](location:b)",
    "[](finding:NTR-001) [](location:none)",
    "a\u202eb `c\u202ed`",
    "[a](https://x.org/|pipe) \\| | x",
    "<b\n",
    "a <",
    "```\nnot closed",
    "<<b>",
    "a!<<b>![x](https://x.org)",
    "< b",
    "<x@y.org>",
]


@pytest.mark.parametrize("text", CORPUS)
def test_markdown_and_html_say_the_same_and_let_no_element_in(text: str) -> None:
    first, second = both(text)

    assert first == second


@settings(max_examples=examples(150))
@given(
    st.lists(
        st.sampled_from(
            [
                "<b>",
                "</b>",
                "<!--",
                "-->",
                "a",
                "b c",
                "*",
                "**",
                "_",
                "`",
                "[",
                "]",
                "(",
                ")",
                "!",
                "\n",
                "\n\n",
                "> ",
                "- ",
                "1. ",
                "# ",
                "|",
                "\\",
                "&lt;",
                "&",
                "https://x.org",
                "javascript:",
                "<https://x.org>",
                "~~",
                "    ",
            ]
        ),
        max_size=14,
    )
)
def test_no_text_lets_an_element_into_markdown_and_none_is_lost(pieces: list[str]) -> None:
    first, second = both("".join(pieces))

    # Which of several marks in a row are emphasis may be read differently; they are shown then, and nothing else changes.
    assert re.sub(r"[*_~]", "", first) == re.sub(r"[*_~]", "", second)


@settings(max_examples=examples(80))
@given(st.text(max_size=30))
def test_a_short_text_is_the_same_text_in_markdown(text: str) -> None:
    shown = Page(github(f"| {markdown.escape(text)} |\n|---|\n") + github(f"x {markdown.escape(text)}")).text

    expected = " ".join(html.escape(text).unescape().split())
    assert shown.count(expected) >= 2 or not expected
    assert Page(github(str(markdown.code(text)))).text.split() == expected.split()


# Templates, the user's own among them.


def folder(tmp_path: Path, template: str = "standard", **files: str) -> Path:
    (tmp_path / template).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (tmp_path / template / name.replace("__", ".")).write_text(content)
    return tmp_path


def test_the_engagements_own_file_comes_first_and_is_named_with_its_digest(tmp_path: Path) -> None:
    own = folder(tmp_path, section__html__j2="<p>OWN {{ section.title }}</p>\n", unused__txt="x")

    content = rendered(samples.report(), "html", "standard", own)

    assert "<p>OWN Method</p>" in content
    digest = hashlib.sha256(b"<p>OWN {{ section.title }}</p>\n").hexdigest()
    assert (own / "standard" / "section.html.j2", digest) in overrides(Template("standard", (own, OWN)))
    assert overrides(Template("standard", (OWN,))) == ()

    shutil.copy(OWN / "standard/finding.html.j2", own / "standard")
    assert "finding.html.j2" not in [path.name for path, _ in overrides(Template("standard", (own, OWN)))], "it changes nothing"


def test_a_template_of_ones_own_takes_what_it_lacks_from_standard(tmp_path: Path) -> None:
    own = folder(tmp_path, "acme", section__md__j2="OWN {{ section.title }}\n")

    assert "OWN Method\n" in rendered(samples.report(), "md", "acme", own)


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("ok\n\n{{ finding.titel }}", 3, "a finding has no field 'titel'; did you mean 'title'?"),
        ("ok\n{{ report.title }}", 2, "there is no 'report' here"),
        ("ok\n{% if %}", 2, "not valid"),
        ("ok\n{{ finding.owner }}", 2, "an empty field is printed: ask first"),
        ("ok\n{{ finding.model_dump() }}", 2, "out of reach"),
        ("ok\n{{ finding.model_fields_set }}", 2, "out of reach"),
        ("ok\n{{ finding.__class__ }}", 2, "out of reach"),
        ("ok\n{{ engagement.images[0].copy() }}", 2, "out of reach"),
        ("ok\n{{ finding.severity }}", 2, "a severity is printed, which is no text; it has name, colour, meaning"),
        ("ok\n{{ finding.snippets }}", 2, "a list is printed"),
        ("ok\n{{ finding.snippets[9].path }}", 2, "a list has no element 9"),
        ("ok\n{{ 1 / 0 }}", 2, "ZeroDivisionError"),
        ("ok\n{{ finding.title | nothing }}", 2, "nothing"),
        ("ok\n{% include 'absent.html.j2' %}", 2, "absent.html.j2"),
        ("ok\n{% include '../review/front.html.j2' %}", 2, "front.html.j2"),
        ("ok\n{{ stylesheet('/etc/passwd') }}", 2, "/etc/passwd"),
    ],
)
def test_a_templates_fault_is_told_with_file_and_line(tmp_path: Path, source: str, line: int, said: str) -> None:
    own = folder(tmp_path, finding__html__j2=source)

    with pytest.raises(FindingsReportError) as error:
        rendered(samples.report(), "html", "standard", own)

    problem = problem_of(error)
    assert problem.kind is Kind.OUTPUT
    assert problem.place is not None
    assert (problem.place.file, problem.place.line) == (str(own / "standard" / "finding.html.j2"), line)
    assert said in problem.fault


def test_filters_of_0_1_0_work_by_their_old_names_and_are_listed_with_the_new_ones(tmp_path: Path) -> None:
    old = "{{ finding.title | coded }} {{ 'a' | literal }}\n{% for s in finding.snippets %}{{ s | code }}{% endfor %}\n"
    new = old.replace("coded", "with_inline_code").replace("s | code", "s | code_block").replace("literal", "code")
    own, other = folder(tmp_path / "old", finding__html__j2=old), folder(tmp_path / "new", finding__html__j2=new)

    assert rendered(samples.report(), "html", "standard", own) == rendered(samples.report(), "html", "standard", other)
    path = own / "standard" / "finding.html.j2"
    assert list(renamed_filters(path)) == [(1, "coded", "with_inline_code"), (1, "literal", "code")]
    assert list(renamed_filters(other / "standard" / "finding.html.j2")) == []


def test_a_link_out_of_the_template_folder_is_refused(tmp_path: Path) -> None:
    own = folder(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (own / "standard" / "section.html.j2").symlink_to(tmp_path / "secret")

    with pytest.raises(FindingsReportError) as error:
        rendered(samples.report(), "html", "standard", own)

    assert "leads out" in problem_of(error).fault


def test_an_unknown_format_and_an_unknown_template_are_refused() -> None:
    with pytest.raises(FindingsReportError) as error:
        rendered(samples.report(), "adoc")
    assert problem_of(error).remedy == "templates make md, html, pdf"

    with pytest.raises(FindingsReportError) as error:
        rendered(samples.report(), "html", "absent")
    assert problem_of(error).remedy == (
        "there are affected-files, fix-review, impact-likelihood, review, risk-retest, severity-difficulty, standard"
    )


def test_a_report_without_anything_optional_is_rendered() -> None:
    bare = samples.engagement(
        client=None,
        authors=(),
        version=None,
        date=None,
        period=None,
        state="final",
        versions=(),
        distribution=(),
        confidentiality=None,
        repositories=(),
        images=(),
        logo=None,
    )
    empty = samples.report().model_copy(
        update={"engagement": bare, "findings": (), "sections": (), "verdicts": (), "components": ()}
    )
    empty = empty.model_copy(update={"summary": None, "scope": ()})

    for template in ("standard", "review"):
        for format in FORMATS:  # noqa: A001
            assert "Security review of Neutron IPAM" in text_of(empty, format, template)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_words(verdict: Verdict) -> None:
    report = samples.report(samples.finding(snippets=(samples.snippet(check=Check(verdict=verdict)),)))

    assert verdict.value.replace("_", " ").capitalize() in text_of(report, "html")


def test_the_tree_of_the_scope_opens_folders_with_findings_and_gives_the_totals_of_all() -> None:
    files = [CoveredFile(path=path, lines=10, entries=(0,)) for path in ("a/b/c.py", "a/b/d.py", "a/e.py", "f/g.py", "h.py")]
    cited = ("a/b/c.py", "h.py")
    findings = [samples.finding(f"A-{n}", snippets=(samples.snippet(path=path),)) for n, path in enumerate(cited)]

    covered = tables.covered({"neutron": files}, findings, {})

    assert covered is not None
    assert [(row.depth, row.label, row.files, row.lines, row.findings) for row in covered.tree] == [
        (0, "neutron", 5, 50, ()),
        (1, "a/b/c.py", 1, 10, ("A-0",)),
        (1, "h.py", 1, 10, ("A-1",)),
    ]


@pytest.mark.parametrize(
    ("absent", "language", "said"),
    [(1, "en", "No critical findings."), (3, "en", "No critical, high or medium findings."), (2, "de", "kritisch oder hoch")],
)
@pytest.mark.parametrize(("format", "template"), [("html", "standard"), ("md", "standard"), ("md", "review")])
def test_the_summary_says_that_there_are_no_findings_of_the_highest_severities(
    absent: int,
    language: str,
    said: str,
    format: str,  # noqa: A002
    template: str,
) -> None:
    report = samples.report(engagement=samples.engagement(language=language))
    counts = [
        count.model_copy(update={"severity": count.severity.model_copy(update={"name": name}), "total": int(index >= absent)})
        for index, (name, count) in enumerate(zip(["critical", "high", "medium", "low"], [report.counts[0]] * 4, strict=True))
    ]

    text = rendered(report.model_copy(update={"counts": tuple(counts)}), format, template)

    assert said in text


def test_only_quotes_that_are_not_exact_are_listed_in_the_appendix() -> None:
    exact = samples.snippet(check=Check(verdict=Verdict.EXACT), path="neutron/exact.py")
    moved = samples.snippet(1, check=Check(verdict=Verdict.MOVED), path="neutron/moved.py")

    page = rendered(samples.report(samples.finding(snippets=(exact, moved))), "html")
    appendix = page[page.index('id="part-verification"') :]

    assert "moved.py" in appendix
    assert "exact.py" not in appendix


# The executive summary.


def test_the_summary_begins_with_numerals() -> None:
    page = rendered(samples.report(), "html")
    summary = Page(page[page.index('<ul class="tiles">') : page.index('<div class="beside">')]).text.split()

    assert summary[:4] == ["1", "Critical", "1", "unresolved"]
    assert "No high findings." not in " ".join(summary)
    assert page.index('class="tiles"') < page.index("After thoroughly reviewing") < page.index('class="chart"')


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Validate `ids`.\n\nMore.", "Validate `ids`."),
        ("- Validate\n- Escape.", None),
        ("Do this:\n\n1. First.", None),
        ("a | b\n|---|---|\n| c | d.", None),
        ("Long " * 60 + ".", None),
        ("![x](image:flow) as drawn.", None),
    ],
)
def test_the_first_steps_are_the_recommendations_where_they_are_a_sentence(text: str, action: str | None) -> None:
    finding = samples.finding(recommendation=Recommendation(short_term=text))

    assert finding.action == action
    assert samples.finding(status=Status.OPEN, recommendation=None).action is None


def test_what_is_done_with_is_no_first_step() -> None:
    statuses = (Status.RESOLVED, Status.RISK_ACCEPTED, Status.FALSE_POSITIVE, Status.OPEN, Status.UNDETERMINED)
    report = samples.report(*(samples.finding(f"A-{number}", status=status) for number, status in enumerate(statuses)))

    assert [finding.id for finding in report.unresolved] == ["A-3", "A-4"]


def test_findings_are_tallied_by_category_with_the_largest_first() -> None:
    categories = ("Timing", None, "Access", "Access", "Config")
    report = samples.report(*(samples.finding(f"A-{number}", category=name) for number, name in enumerate(categories)))

    assert report.by_category == (("Access", 2), ("Timing", 1), ("Config", 1), (None, 1))
    assert samples.report(samples.finding(category=None)).by_category == ()


# The cover.


def cover_of(**changed: Any) -> str:
    page = rendered(samples.report(engagement=samples.engagement(**changed)), "html")
    return page[page.index('<header class="cover">') : page.index("</header>")]


def test_the_cover_says_whose_report_it_is_and_what_was_audited() -> None:
    terms = re.findall(r"<dt>([^<]+)</dt>", cover_of(confidentiality="Confidential"))

    assert terms[:4] == ["Prepared for", "Prepared by", "Audited commit", "Assessment period"]
    assert '<span class="pill">Confidential</span>' in cover_of(confidentiality="Confidential")
    assert '<div class="notice"><dt>Classification</dt>' in cover_of(confidentiality="Only for those named on page 2. " * 4)


def test_a_cover_without_client_authors_and_commits_has_no_empty_label() -> None:
    cover = cover_of(client=None, authors=(), repositories=(), period=None, version=None, date=None, cover="art")

    assert re.findall(r"<dt>([^<]+)</dt>", cover) == ["Status"]
    assert "<dd></dd>" not in cover
    assert "<svg" not in cover


def test_the_pattern_on_the_cover_is_drawn_from_the_audited_commits_alone() -> None:
    (repository,) = samples.engagement().repositories
    other = repository.model_copy(update={"commit": "0" + samples.COMMIT[1:]})

    covers = [cover_of(cover="art", **changed) for changed in ({}, {"title": "Other"}, {"repositories": (other,)})]
    drawn = [cover.split("<svg")[1].split("</svg>")[0] for cover in covers]

    assert drawn[0] == drawn[1] != drawn[2]
    assert all("<svg" not in cover_of(cover=style) for style in ("band", "plain"))


@pytest.mark.parametrize(
    ("text", "width"), [("Review", 6), ("Internal security review of findings-report", 24), ("x" * 40, 26), ("", 26)]
)
def test_a_balanced_title_has_no_short_last_line(text: str, width: int) -> None:
    assert labels.balance(text, 26) == width
