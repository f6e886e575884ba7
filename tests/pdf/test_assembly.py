"""A PDF put together from sheets is the one that WeasyPrint makes of the whole page, made again in less time."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import PIL.Image
import PIL.ImageChops
import pytest
import tagged
from pdfs import render_pdf
from samples import finding, full_finding, report, sections, snippet

from findings_report import sandbox
from findings_report.comparison.compare import FindingPairs, FollowedCode, compare
from findings_report.model.comparison import Comparison, Document
from findings_report.model.finding import Status
from findings_report.model.report import Report, ReportedFinding
from findings_report.pdf import render as render_module
from findings_report.pdf.page import SegmentedPage, limits_for, split_into_segments
from findings_report.problems import FindingsReportError
from findings_report.rendering.document_parts import render
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report.formats import Rendered
from findings_report.system import cache

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")]

LONG = "A paragraph of some length, so that findings end at different heights of a page. " * 6


def many(count: int = 13, *, changed: ReportedFinding | None = None) -> Report:
    """A report long enough for sheets; findings of different lengths that link to one another and to figures."""
    findings = [
        finding(
            f"NTR-{number:03}",
            title=f"Weakness {number} of many",
            description=f"{LONG * (number % 4)}\n\nSee [](finding:NTR-{(number * 7) % count + 1:03}) and `code_{number}()`.\n",
            snippets=tuple(snippet(index) for index in range(number % 3)),
        )
        for number in range(1, count + 1)
    ]
    if changed is not None:
        findings = [changed if each.id == changed.id else each for each in findings]
    return report(*findings, full_finding("ZZZ-1"), sections=sections())


def resolved(count: int = 25) -> Comparison:
    """Many findings against the same ones when some were open, and some not there yet."""
    current = many(count)
    before = [
        each.model_copy(update={"status": Status.RESOLVED}) if index % 3 else each
        for index, each in enumerate(current.findings)
    ]
    baseline = current.model_copy(update={"findings": tuple(before[3:])})
    pairs = {each.id: (each.id, "id") for each in baseline.findings}
    return compare(baseline, current, sources=("a", "b"), pairing=FindingPairs(pairs), code=FollowedCode({}, {}, {}))


def page_of(made: Document, template: str = "standard") -> str:
    return render(made, template=Template(template, (builtin_templates(),)), format="pdf").content.decode()


def pictures(made: Document) -> dict[str, tuple[str, bytes]]:
    shown = [*made.engagement.images, *([made.engagement.logo] if made.engagement.logo else [])]
    return {picture.name: (picture.media_type, picture.content) for picture in shown}


def in_one_piece(made: Document, template: str = "standard") -> bytes:
    """The oracle: the same page without its marks, as WeasyPrint alone makes it."""
    return render_pdf(re.sub(r"<!--(sheet|part).*?-->", "", page_of(made, template)), pictures=pictures(made)).content


def in_segments(made: Document, template: str = "standard", **given: Any) -> Rendered:
    return render_pdf(page_of(made, template), pictures=pictures(made), **given)


@pytest.fixture(scope="module")
def made() -> Report:
    return many()


@pytest.fixture(scope="module")
def whole(made: Report) -> bytes:
    return in_one_piece(made)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has every part of the report once `joined` is made."""
    return tmp_path_factory.mktemp("kept") / "pages"


@pytest.fixture(scope="module")
def joined(made: Report, kept: Path) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(kept.parent))
        rendered = in_segments(made, cache=cache.FileCache(kept))
    assert rendered.problems == ()
    return rendered.content


@pytest.fixture
def entries(joined: bytes, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cache.FileCache:
    """A copy of that cache: each test may change its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shutil.copytree(kept, cache.root() / "pages")
    return cache.FileCache(cache.root() / "pages")


def text_of(pdf: bytes) -> list[str]:
    """The words of each page, in the order of reading."""
    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    return [" ".join(page.split()) for page in text.split("\f")[:-1]]


def destination(pdf: pikepdf.Pdf, target: Any) -> tuple[int, float, float]:
    numbers = {page.objgen: number for number, page in enumerate(pdf.pages)}
    return numbers[target[0].objgen], round(float(target[2]), 2), round(float(target[3]), 2)


def named(pdf: pikepdf.Pdf) -> dict[str, tuple[int, float, float]]:
    names = list(pdf.Root.Names.Dests.Names)
    return {str(name): destination(pdf, target) for name, target in zip(names[::2], names[1::2], strict=True)}


def links(pdf: pikepdf.Pdf) -> list[tuple[int, list[float], str]]:
    return [
        (number, [round(float(edge), 1) for edge in link.Rect], str(link.Dest) if "/Dest" in link else str(link.A.URI))
        for number, page in enumerate(pdf.pages)
        for link in page.obj.get("/Annots", ())
    ]


def outline(pdf: pikepdf.Pdf) -> list[tuple[int, str, tuple[int, float, float]]]:
    found: list[tuple[int, str, tuple[int, float, float]]] = []

    def walk(items: list[pikepdf.OutlineItem], depth: int) -> None:
        for item in items:
            found.append((depth, item.title, destination(pdf, item.destination)))
            walk(item.children, depth + 1)

    with pdf.open_outline() as opened:
        walk(list(opened.root), 0)
    return found


def segments_with_findings(page: SegmentedPage) -> int:
    return sum(bool(segment.findings) for segment in page.segments)


def test_the_sample_is_laid_out_in_segments(made: Report) -> None:
    page = split_into_segments(page_of(made))

    assert page is not None
    assert page.obstacle is None
    assert segments_with_findings(page) >= 2
    assert len(page.segments) >= 4


def test_pages_text_links_outline_and_description_are_those_of_the_whole_page(whole: bytes, joined: bytes) -> None:
    assert_the_same(joined, whole)


@pytest.mark.parametrize("template", ["review", "standard", "fix-review"])
def test_other_documents_come_out_as_the_whole_page_too(template: str) -> None:
    # A comparison prints half of its findings; a fix review prints them all.
    document = many() if template == "review" else resolved(13 if template == "fix-review" else 25)
    page = split_into_segments(page_of(document, template))
    assert page is not None
    assert segments_with_findings(page) >= 2

    rendered = in_segments(document, template)

    assert rendered.problems == ()
    assert_the_same(rendered.content, in_one_piece(document, template))


def assert_the_same(joined: bytes, whole: bytes) -> None:
    assert text_of(joined) == text_of(whole)
    with pikepdf.open(io.BytesIO(whole)) as expected, pikepdf.open(io.BytesIO(joined)) as found:
        assert len(found.pages) == len(expected.pages) >= 9
        assert named(found) == named(expected)
        assert links(found) == links(expected)
        assert outline(found) == outline(expected)
        assert {key: str(value) for key, value in found.docinfo.items()} == {
            key: str(value) for key, value in expected.docinfo.items()
        }
        assert str(found.Root.Lang) == str(expected.Root.Lang)


def test_each_face_is_embedded_once_and_no_glyph_is_missing(whole: bytes, joined: bytes, tmp_path: Path) -> None:
    def fonts(pdf: bytes) -> list[str]:
        (tmp_path / "x.pdf").write_bytes(pdf)
        told = subprocess.run(["pdffonts", tmp_path / "x.pdf"], capture_output=True, text=True, check=True).stdout
        return sorted(line.split()[0] for line in told.splitlines()[2:])

    assert fonts(joined) == fonts(whole)
    assert len(set(fonts(joined))) == len(fonts(joined))


def test_the_pages_look_the_same(whole: bytes, joined: bytes, tmp_path: Path) -> None:
    def drawn(pdf: bytes, name: str) -> list[PIL.Image.Image]:
        (tmp_path / f"{name}.pdf").write_bytes(pdf)
        subprocess.run(["pdftoppm", "-r", "40", "-gray", tmp_path / f"{name}.pdf", tmp_path / name], check=True)
        return [PIL.Image.open(file) for file in sorted(tmp_path.glob(f"{name}-*.pgm"))]

    for number, (one, other) in enumerate(zip(drawn(joined, "joined"), drawn(whole, "whole"), strict=True), start=1):
        histogram = PIL.ImageChops.difference(one, other).histogram()
        assert sum(histogram[48:]) <= 20, f"page {number}: {sum(histogram[48:])} pixels differ"


def structure(pdf: bytes, folder: Path) -> list[str]:
    """The tree with its attributes, without the numbers of objects and the ids of cells."""
    (folder / "x.pdf").write_bytes(pdf)
    printed = subprocess.run(["pdfinfo", "-struct", folder / "x.pdf"], capture_output=True, text=True, check=True).stdout
    return [
        line
        for line in re.sub(r"[(<][\w-]+-\d+-\d+[>)]", "", printed).splitlines()
        if not re.fullmatch(r" *Object \d+ 0", line)
    ]


def test_the_structure_is_that_of_the_whole_page(whole: bytes, joined: bytes, tmp_path: Path) -> None:
    found, texts = structure(joined, tmp_path), tagged.read_aloud(joined)

    assert len(found) > 1500
    assert found == structure(whole, tmp_path)
    assert len(texts) > 1200
    assert texts == tagged.read_aloud(whole)


def test_what_a_listener_needs_is_there(whole: bytes, joined: bytes) -> None:
    assert tagged.faults(joined) == []
    assert tagged.faults(whole) == []


def test_a_checker_of_pdf_finds_no_fault(joined: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(joined)

    done = subprocess.run(["qpdf", "--check", tmp_path / "x.pdf"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bytes_depend_neither_on_the_number_of_workers_nor_on_what_is_kept(
    made: Report, joined: bytes, entries: cache.FileCache
) -> None:
    assert in_segments(made, workers=1).content == joined

    for file in sorted((cache.root() / "pages").iterdir())[::2]:
        file.unlink()

    assert in_segments(made, workers=3, cache=entries).content == joined


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What confined children are asked for, as they are; starting one is noted too."""
    done: list[str] = []
    ask, start = sandbox.ask, sandbox.start_child

    def noted_ask(child: sandbox.Child, message: Mapping[str, object], blobs: Mapping[str, bytes]) -> sandbox.ChildReply:
        done.append(str(message.get("do", "join")))
        return ask(child, message, blobs)

    def noted_start(target: str, **given: Any) -> contextlib.AbstractContextManager[sandbox.Child]:
        done.append("start")
        return start(target, **given)

    monkeypatch.setattr("findings_report.sandbox.ask", noted_ask)
    monkeypatch.setattr("findings_report.sandbox.start_child", noted_start)
    return done


def test_what_is_known_is_not_laid_out_again(made: Report, joined: bytes, entries: cache.FileCache, asked: list[str]) -> None:
    asked.clear()

    assert in_segments(made, cache=entries).content == joined
    assert asked == []


def test_an_edited_finding_lays_out_its_own_sheet_and_no_other(
    made: Report, entries: cache.FileCache, asked: list[str]
) -> None:
    edited = many(changed=made.findings[10].model_copy(update={"description": "It says something else now.\n"}))
    expected = in_segments(edited).content
    asked.clear()

    assert in_segments(edited, cache=entries, workers=1).content == expected
    # The contents are laid out too when the sheet has become shorter by a page.
    assert asked in (["start", "segment", "fonts", "start", "join"], ["start", "segment", "segment", "fonts", "start", "join"])


def test_a_corrupt_and_a_foreign_entry_are_made_again(made: Report, joined: bytes, entries: cache.FileCache) -> None:
    files = sorted((cache.root() / "pages").iterdir())
    for number, file in enumerate(files):
        content = file.read_bytes()
        if number % 3 == 0:
            file.write_bytes(content[:-5] + b"wrong")
        elif number % 3 == 1:
            file.write_bytes(files[0].read_bytes())
        else:
            file.chmod(0o644)

    assert in_segments(made, cache=entries).content == joined


BOMB = (
    "word " * 5
    + '<svg width="9" height="9"><defs><g id="a0"><path d="M0 0 L9 9"/></g>'
    + "".join(f'<g id="a{n + 1}">' + f'<use href="#a{n}"/>' * 10 + "</g>" for n in range(7))
    + '</defs><use href="#a7"/></svg>'
)


@pytest.mark.parametrize("count", [13, 3])
def test_a_finding_that_exhausts_its_limits_is_named(count: int) -> None:
    bad = many(count)
    text = page_of(bad).replace("Weakness 3 of many</h3>", f"Weakness 3 of many</h3>{BOMB}")
    limits = replace(limits_for(0, []), cpu_seconds=3)

    with pytest.raises(FindingsReportError) as caught:
        render_pdf(text, pictures=pictures(bad), limits=limits)

    (problem,) = caught.value.problems
    assert problem.fault.startswith("the PDF cannot be rendered of NTR-003: ")
    assert problem.subject == ("NTR-003",)
    assert problem.remedy
    assert re.search(r"; its longest text, under '.+', has [\d,]+ characters and begins with '", problem.fault)


def test_what_the_page_was_not_given_is_refused_whichever_sheet_asks(made: Report) -> None:
    text = page_of(made).replace("Weakness 3 of many</h3>", '</h3><img src="file:///etc/passwd" alt="">')

    with pytest.raises(FindingsReportError) as caught:
        render_pdf(text, pictures=pictures(made))

    assert [problem.code for problem in caught.value.problems] == ["pdf-refused"]


def test_a_style_that_needs_all_pages_at_once_is_laid_out_in_one_piece_and_says_so(made: Report) -> None:
    style = "<style>body { counter-reset: x } h3 { counter-increment: x } h3::before { content: counter(x) '. ' }"
    text = page_of(made).replace("<style>", style)

    rendered = render_pdf(text, pictures=pictures(made))

    assert [(problem.level, problem.code) for problem in rendered.problems] == [("note", "pdf-one-piece")]
    assert "13. Weakness" in " ".join(text_of(rendered.content))


def test_page_numbers_made_of_more_than_text_are_laid_out_in_one_piece_with_a_warning(made: Report) -> None:
    text = page_of(made).replace('content: "Page " counter(page)', 'content: string(marking) " page " counter(page)')

    rendered = render_pdf(text, pictures=pictures(made))

    assert [(problem.level, problem.code) for problem in rendered.problems] == [("warning", "pdf-one-piece")]


def test_the_internals_of_weasyprint_that_segments_rely_on_are_unchanged() -> None:
    """In a process of its own, as every import of WeasyPrint. Functions that are replaced: test_weasyprint_patches.py."""
    script = (
        "import inspect, weasyprint.pdf as pdf, weasyprint.document as document\n"
        "from weasyprint.pdf.fonts import Font\n"
        "from weasyprint.formatting_structure.boxes import MarginBox\n"
        "print('pdf_fonts = build_fonts_dictionary(' in inspect.getsource(pdf.generate_pdf))\n"
        "print('RETAIN_GIDS' in inspect.getsource(Font._harfbuzz_subset))\n"
        "print('md5(description_string' in inspect.getsource(Font))\n"
        "print('self._page_box = page_box' in inspect.getsource(document.Page))\n"
        "print(MarginBox.is_leader)\n"
    )
    environment = {**os.environ, "FONTCONFIG_PATH": str(Path(render_module.__file__).parent), "FONTCONFIG_FILE": "fonts.conf"}

    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [*["True"] * 4, "False"]
