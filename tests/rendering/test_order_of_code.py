"""A line of code is shown in its logical order, whatever its letters, and covers no other line."""

from __future__ import annotations

import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import samples
from browser import CHROMIUM, LAPTOP, Browser, started
from markupsafe import Markup
from pdfs import render_pdf

from findings_report import prose
from findings_report.model.evidence import Snippet
from findings_report.rendering import html, markdown
from findings_report.rendering.figures import Part
from findings_report.rendering.filters import with_inline_code

HEBREW, ARABIC = "\u05e9\u05dc\u05d5\u05dd", "\u0639\u0628\u062f"
LINES = {
    7: f"if a == '{HEBREW}' and b2 == '{ARABIC}':  # c3",
    8: f"{HEBREW}1 = {ARABIC}22 + {HEBREW}, 333",
    9: f"x = '{ARABIC} \u0661\u0662-\u0663\u0664' * 44 / {HEBREW}_k",
    10: f"// {HEBREW} {ARABIC} (55) {HEBREW}",
}
"""Code whose parts any bidirectional layout would exchange; each part of a line occurs once in it or in logical order."""


def part(**changed: object) -> Part:
    return Part(samples.engagement(**changed), lambda _: "", lambda *_: Markup(""))


def snippet(lines: dict[int, str]) -> Snippet:
    return samples.snippet(lines=lines, language="python")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, started(Path(profile)) as found:
        yield found


def stylesheet(*names: str) -> str:
    folder = Path(__file__).parents[2] / "templates/standard"
    return "".join((folder / name).read_text("utf-8") for name in names or ("base.css", "screen.css"))


ORDER = """
(() => {
  const starts = [];
  for (const line of document.querySelectorAll('.l')) {
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    const words = [];
    while (walker.nextNode()) {
      for (const match of walker.currentNode.data.matchAll(/[^\\s]+/g)) {
        const range = document.createRange();
        range.setStart(walker.currentNode, match.index);
        range.setEnd(walker.currentNode, match.index + match[0].length);
        words.push(Math.round(range.getBoundingClientRect().left));
      }
    }
    starts.push(words);
  }
  return starts;
})()
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("language", ["python", ""])
def test_a_browser_shows_each_part_of_a_line_right_of_the_one_before(browser: Browser, tmp_path: Path, language: str) -> None:
    page = tmp_path / "code.html"
    code = html.code_block(snippet(LINES).model_copy(update={"language": language}), part())
    fence = html.prose(prose.parse("```\n" + "\n".join(LINES.values()) + "\n```"), part(), 2)
    page.write_text(f"<!doctype html><meta charset=utf-8><style>{stylesheet()}</style>{code}{fence}", "utf-8")

    browser.open(page, LAPTOP)

    rows = browser.value(ORDER)
    assert len(rows) == 2 * len(LINES)
    assert [row for row in rows if row != sorted(row)] == []
    assert all(len(row) >= 5 for row in rows)


@pytest.mark.slow
def test_a_pdf_has_each_part_of_a_line_to_the_right_of_the_one_before(tmp_path: Path) -> None:
    style = stylesheet("base.css") + ":root { --mono: 'JetBrains Mono', 'DejaVu Sans Mono' }"
    code = html.code_block(snippet(LINES), part())
    pdf = render_pdf(
        f"<!doctype html><html lang=en><head><title>t</title><style>{style}</style></head><body>{code}</body></html>"
    ).content

    done = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True)
    words = [
        (float(word.attrib["yMin"]), float(word.attrib["xMin"]), word.text or "")
        for word in ET.fromstring(done.stdout).iter("{http://www.w3.org/1999/xhtml}word")  # noqa: S314 - of our own PDF
    ]
    for marks in (["if", "and", "b2", "c3"], ["1", "22", "333"], ["44", "_k"], ["//", "(55)"]):
        places = [next((top, left) for top, left, text in words if mark in text) for mark in marks]
        assert max(top for top, _ in places) - min(top for top, _ in places) < 6
        assert [left for _, left in places] == sorted(left for _, left in places)


def test_the_text_of_a_line_is_unchanged_and_a_note_names_it() -> None:
    shown = html.code_block(snippet(LINES), part())

    assert f"<bdi>{HEBREW}</bdi>" in shown
    assert "Lines 7, 8, 9, 10: Right-to-left text, shown in logical order." in shown
    assert "a viewer may show parts of it in another order" in markdown.code_block(snippet(LINES), part())


def test_only_a_line_with_marks_above_one_another_is_clipped() -> None:
    shown = html.code_block(snippet({1: "plain", 2: "a\u0301\u0302\u0303", 3: "e\u0301"}), part())

    assert shown.count('class="l m"') == 1
    assert ".l.m { overflow: hidden; }" in stylesheet()


def test_a_hidden_character_is_judged_by_the_whole_line() -> None:
    persian = "\u0645\u06cc\u200c\u062e"

    shown = html.code_block(snippet({1: f"s = '{persian}' + x\u200cy"}), part())

    assert persian in shown
    assert '<span class="hidden">\\u{200C}</span>' in shown


def test_a_title_from_right_to_left_leaves_what_is_around_it() -> None:
    dialect = html
    assert with_inline_code(f"{HEBREW} 1", dialect) == f"<bdi>{HEBREW} 1</bdi>"
    assert with_inline_code("Title 1", dialect) == "Title 1"


@pytest.mark.parametrize("source", ["```\n 1  x\n```", "    1  x", "- a\n  ```\n  x\n  ```\n- b", "> ```\n> x\n> ```"])
def test_authored_code_is_labelled_where_there_are_repositories(source: str) -> None:
    parsed = prose.parse(source)

    assert html.LABEL in html.prose(parsed, part(), 2)
    assert f"*{html.LABEL}*" in markdown.prose(parsed, part(), 2)
    assert html.LABEL not in html.prose(parsed, part(repositories=()), 2)
    assert html.LABEL not in markdown.prose(parsed, part(repositories=()), 2)


def test_the_label_leaves_a_list_as_tight_as_it_is() -> None:
    assert "<p>" not in html.prose(prose.parse("- a\n  ```\n  x\n  ```\n- b"), part(), 2)
