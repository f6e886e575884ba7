"""Where the pages of a PDF break: nothing is left alone at either end, and every page says what it belongs to."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from repositories import Commit, build
from typer.testing import CliRunner

from findings_report.cli.app import app

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")]

FINDINGS = 24
HEADINGS = ("Findings", "Description", "Impact", "Recommendation", "Notes")
LAST_BEFORE_FOOT, FIRST_AFTER_HEAD = 790, 50  # points from the top of a page


class Row(NamedTuple):
    """The words of one line of a page."""

    top: float
    text: str


class Page(NamedTuple):
    """One page: what stands above its text, and its text."""

    head: str
    rows: list[Row]


def title(number: int) -> str:
    return f"Weakness {number}"


def finding(number: int) -> str:
    """Texts and code of many lengths, so that pages break everywhere; each says whose it is."""
    words = " ".join(f"word of {number}" for _ in range(12 + 17 * number % 50))
    first, last = 1 + 7 * number, 1 + 7 * number + 17 + (5 * number) % 19
    return (
        f"title: {title(number)}\nseverity: {'high' if number < 7 else 'low'}\n"
        f"description: |\n  {words}\n\n  ![Where it is](location:code)\n\n  {words}\n"
        f"impact: {words}\nrecommendation: Mend {number}.\n"
        f"locations:\n  - {{name: code, path: app.py, lines: {first}-{last}}}\n"
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    root = tmp_path_factory.mktemp("pages")
    code = "".join(f"line_{number} = {number}\n" for number in range(1, 300))
    [commit] = build(root / "app", [Commit({"app.py": code})])
    rows = "".join(f"      | row {number} | {'value ' * (number % 9 + 1)}|\n" for number in range(60))
    folder = root / "findings"
    folder.mkdir()
    (folder / "engagement.yaml").write_text(
        f"format: 1\ntitle: Review\nrepositories: {{app: {{path: ../app, commit: '{commit}'}}}}\nsections:\n"
        f"  - title: Notes\n    place: after\n    text: |\n      | Left | Right |\n      |---|---|\n{rows}"
    )
    for number in range(FINDINGS):
        (folder / f"A-{number:02}.finding.yaml").write_text(finding(number))
    result = CliRunner().invoke(app, ["build", str(root), "-f", "pdf"])
    assert result.exit_code == 0, result.output
    command = ["pdftotext", "-bbox", str(root / "build" / "report.pdf"), "-"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [page_of(text) for text in found.split("<page ")[2:]]  # the cover has no head


def page_of(text: str) -> Page:
    lines: dict[int, list[tuple[float, float, str]]] = {}
    for left, top, word in re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)".*?>(.*?)</word>', text):
        lines.setdefault(round(float(top)), []).append((float(left), float(top), word))
    rows = [Row(words[0][1], " ".join(word for _, _, word in sorted(words))) for _, words in sorted(lines.items())]
    head = " ".join(row.text for row in rows if row.top < FIRST_AFTER_HEAD)
    return Page(head, [row for row in rows if FIRST_AFTER_HEAD < row.top < LAST_BEFORE_FOOT])


def test_no_page_ends_with_a_heading_or_a_findings_head(pages: list[Page]) -> None:
    headings = {*HEADINGS, *map(title, range(FINDINGS))}

    last = [page.rows[-1].text for page in pages]

    assert [text for text in last if text in headings or re.fullmatch(r"A-\d\d|Severity|Status|Files|app\.py", text)] == []


def test_findings_share_pages_and_each_starts_with_some_of_its_text(pages: list[Page]) -> None:
    starts = [
        len(page.rows) - index
        for page in pages
        for index, row in enumerate(page.rows)
        if re.fullmatch(r"Weakness \d+", row.text)
    ]
    shared = [page for page in pages if any(re.fullmatch(r"Weakness \d+", row.text) for row in page.rows[4:])]

    assert len(starts) == FINDINGS
    assert min(starts) >= 7
    assert len(shared) >= 2


def test_what_comes_before_and_after_the_findings_shares_a_page_with_them(pages: list[Page]) -> None:
    """The first findings follow their table, and the appendix follows the last; few pages are left half empty."""
    opens = next(page for page in pages[1:] if any(row.text == "Findings" for row in page.rows))
    last = next(page for page in reversed(pages) if any(row.text.startswith("Mend ") for row in page.rows))
    ends = [round(page.rows[-1].top) for page in pages[:-1]]

    assert opens.rows[0].text != "Findings"
    assert "Notes" in [row.text for row in last.rows]
    assert sum(end < (FIRST_AFTER_HEAD + LAST_BEFORE_FOOT) / 2 for end in ends) <= 2, ends


def test_no_line_or_two_of_a_longer_piece_of_code_stand_alone_on_a_page(pages: list[Page]) -> None:
    pattern, broken = r"line_\d+ = \d+", 0
    for before, after in itertools.pairwise(pages):
        foot = [bool(re.fullmatch(pattern, row.text)) for row in reversed(before.rows)]
        # Below the head that is repeated.
        top = [bool(re.fullmatch(pattern, row.text)) for row in after.rows["continued" in after.rows[0].text :]]
        if foot[0] and top[0]:
            broken += 1
            assert min([*foot, False].index(False), [*top, False].index(False)) >= 3
    assert broken >= 1


def test_a_caption_follows_its_code_and_every_page_with_code_names_the_file(pages: list[Page]) -> None:
    captions = [(page, index) for page in pages for index, row in enumerate(page.rows) if row.text.startswith("Figure A-")]
    heads = [
        next((row.text for row in reversed(page.rows[:index]) if not row.text.startswith("line_")), "")
        for page in pages
        for index, row in enumerate(page.rows)
        if row.text.startswith("line_")
    ]

    assert len(captions) == FINDINGS
    assert all(page.rows[index - 1].text.startswith("line_") for page, index in captions)
    assert all("app.py#L" in head for head in heads)
    assert any("continued" in head for head in heads)
    assert not any("continued" in head for page in pages for head in [page.rows[0].text] if "Weakness" in head)


def test_a_table_that_goes_on_repeats_its_head(pages: list[Page]) -> None:
    first = [page.rows[0].text for page in pages if any(re.match(r"row \d+ value", row.text) for row in page.rows)]

    assert len(first) >= 2
    assert set(first[1:]) == {"Left Right"}


def test_a_page_that_starts_with_a_heading_does_not_repeat_it_at_its_head(pages: list[Page]) -> None:
    starts = [page.head for page in pages if re.match(r"A-\d\d |(Findings|Notes)$", page.rows[0].text)]

    assert next(page.head for page in pages if page.rows[0].text == "Executive summary") == "Review"
    assert set(starts) == {"Review"}


def goes_on(page: Page) -> int | None:
    """The number of the finding that began before this page, by its first text that says whose it is."""
    for row in page.rows:
        if re.match(r"A-\d\d ", row.text):
            return None
        if match := re.match(r".*(?:word of|Mend|Figure A-) ?(\d+)", row.text):
            return int(match[1])
    return None


def test_a_page_within_a_finding_names_it_at_its_head(pages: list[Page]) -> None:
    first = next(index for index, page in enumerate(pages) if index and any(row.text == "Findings" for row in page.rows))
    within = [(number, page.head) for page in pages[first + 1 :] if (number := goes_on(page)) is not None]

    assert len(within) >= 5
    assert all(head.startswith(f"A-{number:02} {title(number)} ") for number, head in within)


def test_a_report_of_one_finding_has_no_contents_no_counts_and_no_empty_table(tmp_path: Path) -> None:
    """Whoever copies its text gets the code, and no number that could be taken for one of its lines."""
    [commit] = build(tmp_path / "app", [Commit({"app.py": "def a(x):\n    if x:\n        return 1\n"})])
    folder = tmp_path / "findings"
    folder.mkdir()
    (folder / "engagement.yaml").write_text(
        f"format: 1\ntitle: Review\nrepositories: {{app: {{path: ../app, commit: '{commit}'}}}}\n"
    )
    (folder / "A-1.finding.yaml").write_text(
        "title: One\nseverity: high\nstatus: open\ndescription: Text.\nrecommendation: Text.\n"
        "locations: [{path: app.py, lines: 1-3}]\n"
    )

    result = CliRunner().invoke(app, ["build", str(tmp_path), "-f", "pdf"])
    command = ["pdftotext", str(tmp_path / "build" / "report.pdf"), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert result.exit_code == 0, result.output
    assert "        return 1\n" in text
    assert not re.search(r"^[0-9]+$", text, re.MULTILINE)
    assert not {"Contents", "What to do first", "Location"} & set(text.splitlines())
