"""Nothing leaves the page: every word of a PDF is within its page, whatever tables, titles and templates are like."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pikepdf
import pytest
import samples
import tagged
from pdfs import render_pdf
from repositories import Commit, build
from typer.testing import CliRunner

from findings_report.cli.app import app

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")]

FINDINGS = 16
MM = 72 / 25.4
TWIN = "begins a long title that cannot stand in the head of a page, which is cut off before it comes to its end"


class Word(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str


class Page(NamedTuple):
    words: list[Word]
    width: float
    height: float


def words_of(pdf: Path) -> list[Page]:
    text = subprocess.run(["pdftotext", "-bbox", str(pdf), "-"], check=True, capture_output=True, text=True).stdout
    word = re.compile(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>')
    pages = []
    for page in text.split("<page ")[1:]:
        width, height = map(float, re.findall(r'"([\d.]+)"', page.partition(">")[0]))
        words = [
            Word(float(left), float(top), float(right), float(bottom), of)
            for left, top, right, bottom, of in word.findall(page)
        ]
        pages.append(Page(words, width, height))
    return pages


def outside(pages: list[Page]) -> list[str]:
    return [
        word.text
        for page in pages
        for word in page.words
        if word.left < 0 or word.top < 0 or word.right > page.width or word.bottom > page.height
    ]


def table(columns: int, rows: int, word: str) -> str:
    lines = [[f"Head{column}" for column in range(columns)], ["---"] * columns]
    lines += [[f"{word}{row}x{column}" for column in range(columns)] for row in range(rows)]
    return "".join(f"  | {' | '.join(line)} |\n" for line in lines)


# Columns, rows and the beginning of each word: shrunk, turned, read downwards, and both of the last with words of any length.
TABLES = [(9, 2, "cell"), (15, 9, "cell"), (15, 2, "cell"), (30, 3, "cell"), (6, 2, "0123456789abcdef" * 4), (4, 2, "W" * 480)]


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("wide")
    [commit] = build(root / "app", [Commit({"app.py": "one\ntwo\n"})])
    folder = root / "findings"
    folder.mkdir()
    (folder / "engagement.yaml").write_text(
        f"format: 1\ntitle: {'T' * 120}\nrepositories: {{app: {{path: ../app, commit: '{commit}'}}}}\n"
        f"confidentiality: {'C' * 150}\nstate: draft\nlogo: logo.png\n"
    )
    (folder / "logo.png").write_bytes(samples.png(600, 160))
    long = f"\n  https://example.org/{'a' * 300}\n\n  {'0123456789abcdef' * 8} `{'code' * 60}`\n"
    for number in range(FINDINGS):
        name = "alpha" if number % 2 else "bravo"
        title = f"{name} {TWIN} {name}" if number < 4 else ("word " * 20)[: 60 + 2 * number]
        title = "W" * 480 if number == 4 else title
        severity, status = "high" if number % 3 else "low", "risk_accepted" if number % 2 else "open"
        columns, rows, word = TABLES[number % len(TABLES)]
        (folder / f"F-{number:02}.finding.yaml").write_text(
            f"title: {title}\nseverity: {severity}\nstatus: {status}\n"
            f"description: |\n{table(columns, rows, word) + long if number < len(TABLES) else '  Nothing.'}\n"
            "recommendation: T.\nlocations: [{path: app.py, lines: 1}]\n"
        )
    result = CliRunner().invoke(app, ["build", str(root), "-f", "pdf", "--strict"])
    assert result.exit_code == 0, result.output
    return root / "build" / "report.pdf"


@pytest.fixture(scope="module")
def pages(pdf: Path) -> list[Page]:
    return words_of(pdf)


def test_no_word_is_outside_of_its_page_and_no_cell_is_lost(pages: list[Page]) -> None:
    words = {word.text for page in pages for word in page.words}

    assert outside(pages) == []
    assert {
        f"cell{row}x{column}"
        for columns, rows, word in TABLES
        if word == "cell"
        for row in range(rows)
        for column in range(columns)
    } <= words


def test_the_pages_after_the_contents_lead_back_to_them_under_the_logo(pdf: Path) -> None:
    """The contents are in another segment than most pages; a reader who listens gets each link with its own words."""
    with pikepdf.open(pdf) as document:
        back = [
            [str(link.Contents) for link in page.obj.get("/Annots", ()) if str(link.get("/Dest", "")) == "part-contents"]
            for page in document.pages
        ]
        pictures = [
            {
                picture.objgen
                for picture in page.obj.Resources.get("/XObject", {}).values()
                if picture.Subtype == pikepdf.Name.Image
            }
            for page in document.pages
        ]

    assert back == [[], [], *[["\u2190 Contents"]] * (len(back) - 2)]
    assert len(set().union(*pictures)) == 1
    assert tagged.faults(pdf.read_bytes()) == []
    words = [[word.text for word in page.words] for page in words_of(pdf)[1:]]
    assert all("DRAFT" in page for page in words)


def test_long_tables_are_turned_and_short_ones_read_downwards(pages: list[Page]) -> None:
    def rows_with(cell: str) -> list[tuple[bool, set[int]]]:
        return [
            (page.width > page.height, {round(word.top) for word in page.words if word.text.startswith(cell)})
            for page in pages
            if any(word.text.startswith(cell) for word in page.words)
        ]

    assert any(is_turned and len(tops) == 1 for is_turned, tops in rows_with("cell8x"))
    assert not all(is_turned for is_turned, _ in rows_with("cell1x14"))


def test_contents_have_one_right_edge_and_two_millimetres_before_each_number(pages: list[Page]) -> None:
    page = pages[1]
    lines = [
        list(words)
        for _, words in itertools.groupby(
            sorted(page.words, key=lambda word: (round(word.bottom), word.left)), key=lambda word: round(word.bottom)
        )
    ]
    entries = [words for words in lines if words[-1].text.isdigit() and words[-2].text != "of"]

    assert len(entries) >= FINDINGS
    assert max(words[-1].right for words in entries) - min(words[-1].right for words in entries) < 0.1
    assert min(words[-1].left - words[-2].right for words in entries) >= 2 * MM
    assert not [words for words in lines if all(set(word.text) == {"."} for word in words)]


def test_a_head_that_is_cut_off_has_its_own_text(pdf: Path) -> None:
    text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True).stdout
    heads = [line for line in text.splitlines() if re.match(r" *F-0[0-3] .*…", line)]

    assert any("alpha" in line for line in heads)
    assert any("bravo" in line for line in heads)
    assert not [line for line in heads if "alpha" in line and "bravo" in line]


def test_text_that_a_template_puts_outside_is_reported_with_its_place() -> None:
    style = "<style>p { white-space: nowrap } .x { visibility: hidden }</style><h2>Impact</h2>"
    body = f"<article id='F-1'>{style}<p>{'wide ' * 60}</p><p class='x'>{'wide ' * 60}</p></article>"

    [problem] = render_pdf(f"<!doctype html><html lang=en><title>T</title><body>{body}").problems

    assert problem.code == "pdf-outside"
    assert problem.fault.startswith("text is outside of its page in the PDF: F-1, under 'Impact': 'wide wide")


def test_a_table_of_a_template_is_changed_until_it_fits(tmp_path: Path) -> None:
    cells = "".join(f"<td colspan=2 style='white-space: nowrap'>{letter * 30}</td>" for letter in "abcdefgh")
    page = f"<!doctype html><html lang=en><title>T</title><table><tr>{cells}</tr></table>"

    rendered = render_pdf(page)

    (tmp_path / "p.pdf").write_bytes(rendered.content)
    assert not rendered.problems
    assert outside(words_of(tmp_path / "p.pdf")) == []


def test_code_is_copied_with_its_indentation_and_without_numbers(tmp_path: Path) -> None:
    lines = [
        "def f(x):",
        "    if x:",
        "\treturn [",
        "            '    a  b',",
        "        ]",
        "  # \u05e9\u05dc\u05d5\u05dd here",
    ]
    rows = "".join(f'<span class="l" data-n="{number}">{line}\n</span>' for number, line in enumerate(lines, 1))
    style = '<style>.l { display: block } .l::before { content: attr(data-n) "  " } pre { white-space: pre-wrap }</style>'
    page = f'<!doctype html><html lang=en><title>T</title>{style}<p>Before</p><pre class="code"><code>{rows}</code></pre>'

    (tmp_path / "p.pdf").write_bytes(render_pdf(page).content)
    text = subprocess.run(["pdftotext", tmp_path / "p.pdf", "-"], check=True, capture_output=True, text=True).stdout

    assert [line for line in text.splitlines() if line][1:6] == lines[:5]
    assert not re.search(r"^[1-6]\b", text, re.MULTILINE)
