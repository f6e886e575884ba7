"""The HTML report in a real browser: it asks for nothing, runs nothing, fits a telephone, and follows the reader's light."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, DESKTOP, LAPTOP, TELEPHONE, Browser, started
from PIL import ImageStat
from typer.testing import CliRunner

from findings_report.cli.app import app
from findings_report.model.finding import Status

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]

AXE = Path(__file__).parents[1] / "editor/node_modules/axe-core/axe.min.js"
VIOLATIONS = """
;axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(rule =>
  `${rule.id}: ${rule.nodes.map(node => node.html).slice(0, 3).join(" ")}`))
"""
"""JavaScript: the rules of axe that the page breaks, its good practice among them, with the first elements."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, started(Path(profile)) as found:
        yield found


@pytest.fixture(scope="module", params=["standard", "review"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's report as HTML, in each template."""
    folder = tmp_path_factory.mktemp("browser") / "demo"
    for arguments in (["demo", folder], ["build", folder, "-f", "html", "--template", request.param]):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
    return folder / "build" / "report.html"


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
@pytest.mark.parametrize("state", ["draft", "final"])
def test_every_printed_page_has_the_marking_and_a_draft_shows_its_own_on_the_screen(
    browser: Browser, report: Path, tmp_path: Path, state: str
) -> None:
    folder = report.parent.parent
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    written = copy / "findings/engagement.yaml"
    written.write_text(written.read_text().replace("state: final", f"state: {state}"))
    template = "review" if 'class="heading"' in report.read_text() else "standard"
    result = CliRunner().invoke(app, ["build", str(copy), "-f", "html", "--template", template])
    assert result.exit_code == 0, result.output

    browser.open(copy / "build/report.html")
    printed = base64.b64decode(browser.call("Page.printToPDF")["data"])

    text = subprocess.run(["pdftotext", "-", "-"], input=printed, capture_output=True, check=True).stdout.decode()
    pages = text.removesuffix("\f").split("\f")
    assert len(pages) > 3
    assert all("Confidential" in page for page in pages)
    assert {"DRAFT" in page for page in pages} == {state == "draft"}
    shown = "getComputedStyle(document.querySelector('.marking')).display != 'none'"
    assert browser.value(shown) is (state == "draft")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_asks_for_nothing_but_itself(browser: Browser, report: Path, scheme: str) -> None:
    browser.asked_for.clear()

    browser.open(report, scheme=scheme)

    assert [address for address in browser.asked_for if not address.startswith("data:")] == [report.as_uri()]
    assert browser.value("performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length") == 0


def test_a_script_or_a_picture_smuggled_into_a_report_is_stopped_by_its_policy(browser: Browser, report: Path) -> None:
    smuggled = """
        <script>document.title = 'it ran'</script>
        <img id="far" src="https://example.invalid/x.png" onerror="document.title = 'it ran'">
        <p id="styled" style="color: rgb(1, 2, 3)">x</p>
        <main>"""
    page = report.with_name("smuggled.html")
    page.write_text(report.read_text().replace("<main>", smuggled, 1))

    browser.open(page)

    assert browser.value("[document.title == 'it ran', document.getElementById('far').naturalWidth]") == [False, 0]
    assert browser.value("getComputedStyle(document.getElementById('styled')).color") != "rgb(1, 2, 3)"


@pytest.mark.parametrize("size", [(320, 568), TELEPHONE, LAPTOP, DESKTOP])
def test_nothing_is_wider_than_the_window(browser: Browser, report: Path, size: tuple[int, int]) -> None:
    browser.open(report, size)

    assert browser.value("document.documentElement.scrollWidth") <= size[0]
    assert browser.value(f"({TOO_WIDE})({size[0]})") == []


@pytest.mark.parametrize("size", [TELEPHONE, LAPTOP])
def test_the_name_of_a_severity_is_broken_only_where_it_is_wider_than_the_page(
    browser: Browser, report: Path, size: tuple[int, int]
) -> None:
    browser.open(report, size)
    for name in ("Informational", "Schwerwiegendunbedenklich", "x" * 480):
        browser.value(f"document.querySelector('.tile .name').textContent = '{name}'")
        rows = "(e => e.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight))"
        assert (browser.value(f"{rows}(document.querySelector('.tile .name'))") < 1.5) == (len(name) < 480)
        assert browser.value("document.documentElement.scrollWidth") <= size[0]


def test_a_telephone_shows_the_title_before_the_contents_and_a_laptop_both(browser: Browser, report: Path) -> None:
    tops = "['h1', 'nav.contents'].map(found => document.querySelector(found).getBoundingClientRect().top)"

    browser.open(report, TELEPHONE)
    title, contents = browser.value(tops)
    assert 0 <= title < contents

    browser.open(report, LAPTOP)
    title, contents = browser.value(tops.replace("nav.contents", ".side"))
    assert contents == 0 <= title < LAPTOP[1] / 2


def test_no_table_of_the_templates_scrolls_sideways_on_a_telephone(browser: Browser, report: Path) -> None:
    browser.open(report, TELEPHONE)

    assert browser.value("[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).length") == 0


TABLED = """format: 1
title: Tables
summary: |
  | Endpoint | Method | Allowed | What it does with the identifier |
  |---|---|---|---|
  | `/api/v1/users/{identifier}` | GET | yes | Reads what the user has configured, and returns it |
  | `/api/v1/administration/reset` | POST | no | Resets everything |
"""


@pytest.mark.parametrize("size", [(320, 568), TELEPHONE])
def test_a_summary_with_every_status_and_an_authors_table_fit_a_telephone(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/engagement.yaml").write_text(TABLED)
    for status in Status:
        text = f"title: x\nrating: {{impact: high, likelihood: medium}}\nstatus: {status.value}\ndescription: x\n"
        (tmp_path / f"findings/A-{status.value}.finding.yaml").write_text(text)
    assert CliRunner().invoke(app, ["build", str(tmp_path), "-f", "html"]).exit_code == 0

    browser.open(tmp_path / "build/report.html", size)

    assert browser.value("[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).length") == 0


def test_dark_is_dark_and_light_is_light(browser: Browser, report: Path) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        browser.open(report, scheme=scheme)
        brightness[scheme] = ImageStat.Stat(browser.picture().convert("L")).mean[0]

    assert brightness["light"] > 200
    assert brightness["dark"] < 70


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_against_what_is_behind_it(browser: Browser, report: Path, scheme: str) -> None:
    browser.open(report, scheme=scheme)

    assert browser.value(FAINT_TEXTS) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here: `make test-tools` (needs Node.js and npm)")
@pytest.mark.parametrize("size", [TELEPHONE, LAPTOP])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_against_a_report(browser: Browser, report: Path, scheme: str, size: tuple[int, int]) -> None:
    browser.open(report, size, scheme)

    assert browser.value(AXE.read_text("utf-8") + VIOLATIONS) == []
    browser.value("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x><button></button>')")
    assert len(browser.value(VIOLATIONS)) >= 2


def test_every_link_inside_a_report_leads_to_one_place(browser: Browser, report: Path) -> None:
    browser.open(report)

    assert browser.value("document.querySelectorAll('nav a[href^=\"#\"]').length") >= 5
    assert browser.value(LEADING_ASTRAY) == []


def test_line_numbers_are_seen_and_not_copied(browser: Browser, report: Path) -> None:
    browser.open(report)

    number = browser.value("getComputedStyle(document.querySelector('.code .l'), '::before').content")
    browser.value("getSelection().selectAllChildren(document.querySelector('.code code'))")

    assert number.strip('"').strip() == "22"
    assert browser.value("getSelection().toString()").startswith("    def search(self, owner, words):\n…\n")


def test_chips_hide_findings_without_a_script_and_their_number_is_shown_and_print_has_all(
    browser: Browser, report: Path
) -> None:
    browser.open(report)
    listed = len(browser.value(SHOWN)[0])

    browser.value("document.getElementById('show-s1').click()")
    articles, entries = browser.value(SHOWN)
    browser.value("document.getElementById('show-open').click()")
    both = browser.value(SHOWN)[0]
    browser.call("Emulation.setEmulatedMedia", media="print")
    printed = browser.value(SHOWN)[0]
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.value("document.querySelector('.filter button').click()")

    assert 0 < len(articles) < listed
    assert articles == entries
    assert set(both) < set(articles)
    assert len(printed) == len(browser.value(SHOWN)[0]) == listed


def test_no_rule_has_the_browser_search_the_whole_page_for_each_piece_of_it(browser: Browser, report: Path) -> None:
    """`:has` of the page is asked for the two themes only, and without `:not` in it: Chromium asks that one all the time."""
    browser.open(report)

    selectors = browser.value(SELECTORS)

    of_page = [selector for selector in selectors if re.search(r"(?:body|html|:root|main)(?::not\()?:has\((?!> )", selector)]
    assert len([selector for selector in selectors if ":has(#show-" in selector]) > 10
    assert all("#theme-" in selector for selector in of_page), of_page
    assert not [selector for selector in selectors if re.search(r":has\([^()]*:not\(", selector)]


def test_the_theme_that_is_chosen_on_the_page_holds_against_the_preference(browser: Browser, report: Path) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"

    browser.open(report, scheme="light")
    browser.value("document.getElementById('theme-dark').click()")
    dark = browser.value(ground)
    browser.open(report, scheme="dark")
    by_preference = browser.value(ground)
    browser.value("document.getElementById('theme-light').click()")

    assert dark == by_preference == "rgb(20, 24, 29)"
    assert browser.value(ground) == "rgb(255, 255, 255)"


def test_headings_and_lines_have_addresses_and_the_contents_show_where_one_reads(browser: Browser, report: Path) -> None:
    browser.open(report, LAPTOP)
    browser.value("location.hash = 'DEMO-004'")
    browser.picture()  # once everything has been laid out
    current = browser.value(
        "[...document.querySelectorAll('.contents a')].filter(a => a.matches(':target-current')).map(a => a.hash)"
    )
    line = browser.value("document.querySelector('.code .l[id]').id")
    browser.value(f"location.hash = '{line}'")

    assert current == ["#DEMO-004"]
    assert re.fullmatch(r"DEMO-\d+\.\d+-L\d+", line)
    assert 0 < browser.value("document.querySelector('.l:target').getBoundingClientRect().top") < TELEPHONE[1]
    assert browser.value(
        "[...document.querySelectorAll('article :is(h3, h4):not(summary *)')].every(h => h.querySelector('a[href^=\"#\"]'))"
    )
    assert browser.value("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == browser.value(
        "document.querySelectorAll('[id]').length"
    )


def test_a_telephone_shows_the_summary_at_once_and_a_way_back_from_everywhere(browser: Browser, report: Path) -> None:
    browser.open(report, TELEPHONE)
    top = browser.value("document.querySelector('#part-summary ~ p, #part-summary > p').getBoundingClientRect().top")
    browser.value("scrollTo(0, 5000)")
    bar = browser.value("document.querySelector('.bar').getBoundingClientRect().top")
    browser.value("document.querySelector('.way').click()")

    assert 0 < top < TELEPHONE[1] - 30
    assert bar == 0
    assert browser.value("document.querySelector('.contents details').open")


def test_stops_of_the_keyboard_scroll_and_marked_lines_are_marked_for_a_screen_reader(browser: Browser, report: Path) -> None:
    browser.open(report)

    roles = [node.get("role", {}).get("value") for node in browser.call("Accessibility.getFullAXTree")["nodes"]]

    assert browser.value("document.querySelectorAll('[tabindex=\"0\"]').length") == 0
    assert roles.count("mark") == browser.value("document.querySelectorAll('.l.h').length") > 0


def test_an_interactive_report_searches_sorts_copies_and_moves_by_keys_with_one_script_under_its_policy(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "interactive"
    shutil.copytree(report.parent.parent, folder)
    with (folder / "findings/engagement.yaml").open("a") as written:
        written.write("interactive: true\n")
    template = "review" if 'class="heading"' in report.read_text() else "standard"
    assert CliRunner().invoke(app, ["build", str(folder), "-f", "html", "--template", template]).exit_code == 0
    page = folder / "build/report.html"

    browser.open(page)
    keys = []
    for key in "jjk":
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        browser.picture()
        keys.append(browser.value("location.hash"))
    browser.value("""
        const box = document.querySelector('.search input');
        box.value = 'ATTACHMENT folder'; box.dispatchEvent(new Event('input', {bubbles: true}))""")
    searched, entries = browser.value(SHOWN)
    address = browser.value("location.href")
    copied = browser.value(
        "[...document.querySelectorAll('figure.snippet:has(pre.code)')].every(f => f.matches(':has(> .copy)'))"
    )

    assert [text.count("<script") for text in (page.read_text(), report.read_text())] == [1, 0]
    assert keys == ["#DEMO-001", "#DEMO-002", "#DEMO-001"]
    assert searched == entries == ["DEMO-002"]
    assert "search=ATTACHMENT" in address
    assert copied
    if template == "standard":
        for _ in range(2):
            browser.value("document.querySelector('table.findings th .sort').click()")
        first = browser.value("document.querySelector('table.findings tbody .id').textContent")
        assert first == "DEMO-004"


def test_text_and_code_are_in_the_fonts_of_the_pdf(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.picture()
    faces = browser.value(
        "[...document.fonts].map(face => [face.family.replaceAll('\"', ''), face.weight, face.style, face.status])"
    )

    loaded = {tuple(face[:3]) for face in faces if face[3] == "loaded"}
    assert {("Inter", "400", "normal"), ("Inter", "600", "normal"), ("JetBrains Mono", "400", "normal")} <= loaded
    assert not [face for face in faces if face[3] == "error"]
    assert report.stat().st_size < 170_000


def test_forced_colours_draw_a_bar_at_highlighted_lines_only(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    bars, ground = browser.value("""
        [[...document.querySelectorAll('.code .l')].map(l => [l.matches('.h'), getComputedStyle(l).borderLeftColor]),
         getComputedStyle(document.body).backgroundColor]""")
    browser.call("Emulation.setEmulatedMedia", features=[])

    assert {colour for is_marked, colour in bars if not is_marked} <= {"rgb(255, 255, 255)", ground}
    assert all(colour != "rgb(255, 255, 255)" for is_marked, colour in bars if is_marked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_highlighted_line_is_of_one_colour_from_its_number_to_its_end(browser: Browser, report: Path, scheme: str) -> None:
    browser.open(report, scheme=scheme)

    line, number, plain = browser.value("""
        [['.code .l.h', null], ['.code .l.h', '::before'], ['pre.code', null]]
            .map(([found, part]) => getComputedStyle(document.querySelector(found), part).backgroundColor)""")

    assert line == number != plain


SELECTORS = """(function all(rules) {
  return [...rules].flatMap(rule => [rule.selectorText ?? "", ...all(rule.cssRules ?? [])]);
})([...document.styleSheets].flatMap(sheet => [...sheet.cssRules]))"""
SHOWN = """
['article.finding', '.contents li li li'].map(kind => [...document.querySelectorAll(kind)]
    .filter(e => getComputedStyle(e).display != 'none').map(e => e.id || e.querySelector('a').hash.slice(1)))
"""
"""The ids of the findings that are shown, and of their entries in the contents."""

TOO_WIDE = """
width => [...document.querySelectorAll('body *:not(.skip)')]
    .filter(e => !e.closest('.wide table') && e.getBoundingClientRect().right > width + 0.5)
    .map(e => e.outerHTML.slice(0, 80))
"""
"""Elements that end beyond the window. A table may: it scrolls in its own box."""

LEADING_ASTRAY = """
[...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
    .filter(id => document.querySelectorAll('[id="' + CSS.escape(id) + '"]').length != 1)
"""
"""Targets of links that are not on the page, or there twice."""

FAINT_TEXTS = """
(() => {
    const parse = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = channel => channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.length == 3 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const faint = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
        const pair = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
        const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
        const text = walker.currentNode.data.trim().slice(0, 30);
        if (contrast < 4.5) faint.add(`${contrast.toFixed(2)} ${element.className}: ${text}`);
    }
    return [...faint];
})()
"""
"""Texts whose contrast is beneath 4.5. Source: WCAG 2.2, 1.4.3."""
