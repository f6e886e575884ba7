"""HTML to PDF in its confined child: what comes out, what is refused, what ends it, and that it is always the same."""

from __future__ import annotations

import html
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pikepdf
import PIL.Image
import pytest
from pdfs import render_pdf

from findings_report.pdf.glyphs import COVERAGE, missing_characters, printable_html
from findings_report.pdf.page import limits_for
from findings_report.pdf.render import confinement_gaps
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sandbox import Limits
from findings_report.system.toolchain import INSTALL

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

SMALL = replace(limits_for(0, []), cpu_seconds=3)

STYLE = """
<style>
  body { font-family: Inter; }
  pre, code { font-family: 'JetBrains Mono'; font-variant-ligatures: none; font-feature-settings: 'calt' 0; }
  h1 { font-weight: 600; } b { font-weight: 700; } i { font-style: italic; }
</style>
"""


def page(body: str, head: str = "") -> str:
    return f'<!doctype html><html lang="en-GB"><head><title>A report – é</title>{STYLE}{head}</head><body>{body}</body></html>'


def png(width: int = 4, height: int = 3, colour: str = "red", kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


def text_of(pdf: bytes) -> str:
    return subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()


def fonts_of(pdf: bytes, folder: Path) -> set[str]:
    """Names of the embedded fonts without their subset prefix."""
    file = folder / "fonts.pdf"
    file.write_bytes(pdf)
    lines = subprocess.run(["pdffonts", str(file)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert all(re.search(r"\byes yes yes\b", line) for line in lines), lines
    return {line.split()[0].partition("+")[2] for line in lines}


def problems_of(html: str, limits: Limits | None = None, **images: tuple[str, bytes]) -> tuple[Problem, ...]:
    with pytest.raises(FindingsReportError) as caught:
        render_pdf(html, pictures=images, limits=limits)
    assert {problem.kind for problem in caught.value.problems} == {Kind.OUTPUT}
    return caught.value.problems


def test_text_title_language_outline_and_links_are_in_the_pdf_and_no_date_is() -> None:
    html = page(
        '<h1 id="a">Heading</h1><p>Some <code>a != b -> c</code></p><p><a href="#a">up</a> <a href="https://example.org/x">out</a>'
    )

    rendered = render_pdf(html)

    assert rendered.problems == ()
    assert "a != b -> c" in text_of(rendered.content)
    with pikepdf.open(io.BytesIO(rendered.content)) as pdf:
        assert str(pdf.docinfo["/Title"]) == "A report – é"
        assert str(pdf.Root.Lang) == "en-GB"
        assert {"/CreationDate", "/ModDate"}.isdisjoint(pdf.docinfo.keys())
        assert "/OpenAction" not in pdf.Root
        assert len(pdf.attachments) == 0
        assert len(pdf.pages[0].Annots) == 2
        with pdf.open_outline() as outline:
            assert [entry.title for entry in outline.root] == ["Heading"]


def test_every_face_is_a_real_one_of_the_bundled_fonts(tmp_path: Path) -> None:
    html = page(
        "<h1>Heading</h1>Plain <b>bold</b> <i>italic</i> <b><i>both</i></b> א <pre>code <i>comment</i> <b>keyword</b> ☃</pre>"
    )

    fonts = fonts_of(render_pdf(html).content, tmp_path)

    assert fonts == {
        "Inter", "Inter-Italic", "Inter-Semi-Bold", "Inter-Semi-Bold-Italic", "DejaVu-Sans",
        "JetBrains-Mono", "JetBrains-Mono-Italic", "JetBrains-Mono-Bold", "DejaVu-Sans-Mono",
    }  # fmt: skip


def test_no_font_of_the_machine_is_used_whatever_the_page_asks_for(tmp_path: Path) -> None:
    names = (
        "serif",
        "sans-serif",
        "monospace",
        "cursive",
        "system-ui",
        "'DejaVu Serif'",
        "Arial",
        "'DejaVu Sans'",
        "'DejaVu Sans Mono'",
    )
    html = page("".join(f'<p style="font-family: {name}">Text</p>' for name in names))

    assert fonts_of(render_pdf(html).content, tmp_path) == {"Inter", "JetBrains-Mono", "DejaVu-Sans", "DejaVu-Sans-Mono"}


def test_the_fonts_of_the_machine_are_used_when_asked_for(tmp_path: Path) -> None:
    listed = subprocess.run(["fc-list", ":family=DejaVu Serif"], capture_output=True, text=True, check=True).stdout
    if not listed:
        pytest.skip("this machine has no DejaVu Serif")

    rendered = render_pdf(page("<p style=\"font-family: 'DejaVu Serif'\">Text</p><p>Text"), system_fonts=True)

    assert fonts_of(rendered.content, tmp_path) == {"DejaVu-Serif", "Inter"}


def test_pictures_given_with_the_page_are_in_the_pdf() -> None:
    html = page('<img src="fr-asset:one" alt="one"><img src="fr-asset:logo.v2" alt="two">')

    content = render_pdf(html, pictures={"one": ("image/png", png()), "logo.v2": ("image/jpeg", png(kind="JPEG"))}).content

    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert len(pdf.pages[0].Resources.XObject) == 2


def test_the_same_page_gives_the_same_bytes_whatever_the_environment(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from findings_report.pdf.page import PdfPage\n"
        "from findings_report.pdf.render import open_renderer\n"
        "html, picture = Path(sys.argv[1]).read_text('utf-8'), Path(sys.argv[2]).read_bytes()\n"
        "pdf = PdfPage(html, {'p': ('image/png', picture)}, None)\n"
        "with open_renderer() as renderer: sys.stdout.buffer.write(renderer.render(pdf)[0])\n"
    )
    (tmp_path / "page.html").write_text(
        page('<h1>H</h1><p>ä א <b>b</b> <img src="fr-asset:p" alt=""><pre>x = 1</pre>'), "utf-8"
    )
    (tmp_path / "p.png").write_bytes(png())
    variations = (
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "1"},
        {
            "TZ": "America/Lima",
            "LC_ALL": "de_DE.UTF-8",
            "PYTHONHASHSEED": "2",
            "HOME": str(tmp_path),
            "FONTCONFIG_FILE": "/dev/null",
        },
    )

    outputs = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "page.html"), str(tmp_path / "p.png")],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variation},
            cwd=folder,
            capture_output=True,
            check=True,
        ).stdout
        for variation, folder in zip(variations, (Path("/"), tmp_path), strict=True)
    ]

    assert outputs[0].startswith(b"%PDF")
    assert outputs[0] == outputs[1]


class Listener(threading.Thread):
    """Counts connections to a port of this machine until closed."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.connections = 0

    def run(self) -> None:
        while True:
            try:
                self.server.accept()
            except OSError:
                return
            self.connections += 1


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    thread = Listener()
    thread.start()
    yield thread
    thread.server.shutdown(socket.SHUT_RDWR)
    thread.server.close()
    thread.join()


RESOURCES = {
    "image": '<img src="URL" alt="">',
    "source set": '<img srcset="URL 1x" src="URL" alt="">',
    "object": '<object data="URL"></object>',
    "embed": '<embed src="URL">',
    "svg image": '<svg width="9" height="9"><image href="URL" width="9" height="9"/></svg>',
    "attachment": '<a rel="attachment" href="URL">x</a>',
    "inline style": '<p style="background: url(URL)">x</p>',
    "list style": '<ul style="list-style: url(URL)"><li>x</ul>',
    "border image": '<p style="border-image: url(URL) 1">x</p>',
}
HEADS = {
    "style sheet": '<link rel="stylesheet" href="URL">',
    "linked attachment": '<link rel="attachment" href="URL">',
    "import": "<style>@import url(URL);</style>",
    "page background": "<style>@page { background: url(URL) }</style>",
    "font": "<style>@font-face { font-family: a; src: url(URL) }</style>",
    "local font": "<style>@font-face { font-family: a; src: local('DejaVu Serif'), url(URL) }</style>",
    "content": "<style>body::before { content: url(URL) }</style>",
    "colour profile": "<style>@color-profile --a { src: url(URL) }</style>",
}


@pytest.mark.parametrize("kind", [*RESOURCES, *HEADS])
def test_a_resource_that_was_not_given_is_refused_and_never_opened(kind: str, listener: Listener, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    urls = (
        secret.as_uri(),
        f"http://127.0.0.1:{listener.port}/x.png",
        "data:image/png;base64,AAAA",
        "fr-asset:other",
        "FILE:///etc/passwd",
    )
    body = "".join(RESOURCES.get(kind, "").replace("URL", url) for url in urls)
    head = "".join(HEADS.get(kind, "").replace("URL", url) for url in urls)

    problems = problems_of(page(body, head), picture=("image/png", png()))

    assert {problem.code for problem in problems} == {"pdf-refused"}
    faults = " ".join(problem.fault for problem in problems)
    if "font" in kind:
        assert "@font-face a" in faults
    elif kind in {"colour profile", "page background", "content"}:
        assert any(url in faults for url in urls), "the first fails, or only the last counts"
    else:
        assert all(url in faults for url in urls), faults
    assert listener.connections == 0


def test_without_any_confinement_the_fetcher_alone_opens_nothing(listener: Listener, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    urls = (secret.as_uri(), f"http://127.0.0.1:{listener.port}/x.png", f"//127.0.0.1:{listener.port}/x.png", str(secret))
    pages = [page(body.replace("URL", url)) for body in RESOURCES.values() for url in urls]
    pages += [page("x", head.replace("URL", url)) for head in HEADS.values() for url in urls]
    script = (
        "import json, sys; from findings_report.pdf import page_worker\n"
        "events = []\n"
        "watched = ('socket.', 'urllib.', 'subprocess.', 'tempfile.', 'os.mkdir')\n"
        "def watch(event, args):\n"
        "    if event.startswith(watched) or event == 'open' and 'secret' in str(args[0]): events.append(event)\n"
        "sys.addaudithook(watch)\n"
        "for page in json.load(sys.stdin):\n"
        "    try: page_worker.serve({'media_types': {}}, {'page': page.encode()})\n"
        "    except Exception: pass  # what it says of them is tested above\n"
        "print(sorted(set(events)))\n"
    )

    done = subprocess.run([sys.executable, "-c", script], input=json.dumps(pages), capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
    assert listener.connections == 0


@pytest.mark.parametrize(
    "body", ['<img src="x.png">', '<img src="//example.org/x.png">', '<link rel="stylesheet" href="x.css">']
)
def test_a_relative_address_is_an_error_and_not_left_out(body: str) -> None:
    (problem,) = problems_of(page(body))

    assert problem.level == "error"
    assert "x." in problem.fault


def test_a_base_address_does_not_help() -> None:
    assert problems_of(page('<img src="passwd" alt="">', '<base href="file:///etc/">'))[0].fault == (
        "the page asks for file:///etc/passwd, which is not part of the report"
    )


def test_an_svg_that_calls_itself_png_is_refused() -> None:
    (problem,) = problems_of(page('<img src="fr-asset:a">'), a=("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"))

    assert problem.fault == "the image 'a' is not PNG or JPEG"


def test_a_picture_that_cannot_be_read_is_an_error_and_not_left_out() -> None:
    (problem,) = problems_of(page('<img src="fr-asset:a">'), a=("image/png", png()[:20]))

    assert "fr-asset:a" in problem.fault


def test_what_weasyprint_warns_of_is_told_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    rendered = render_pdf(page('<p style="colour: red">x</p><a href="#nowhere">x</a>'))

    assert [problem.level for problem in rendered.problems] == ["warning", "warning"]
    assert "colour" in rendered.problems[0].fault
    assert "#nowhere" in rendered.problems[1].fault
    assert capfd.readouterr() == ("", "")


BOMBS: dict[str, tuple[str, str]] = {
    "combining marks": ("<p>" + ("e" + "\u0301" * 20 + " ") * 40_000, "confine-cpu"),
    "variables": (
        "<style>:root{--a0:xxxxxxxxxx;"
        + "".join(f"--a{n + 1}:" + f"var(--a{n}) " * 10 + ";" for n in range(9))
        + "}p{margin:var(--a9)}</style><p>x",
        "confine-(cpu|memory|failed)",
    ),
    "column span": ('<table><tr><td colspan="1000000">x</table>' * 30, "confine-(cpu|memory|failed)"),
    "gradient": ('<p style="background: repeating-linear-gradient(red, blue 1e-7px)">x', "confine-(cpu|memory|failed)"),
    "svg use": (
        '<svg width="9" height="9"><defs><g id="a0"><path d="M0 0 L9 9"/></g>'
        + "".join(f'<g id="a{n + 1}">' + f'<use href="#a{n}"/>' * 10 + "</g>" for n in range(7))
        + '</defs><use href="#a7"/></svg>',
        "confine-(cpu|memory)",
    ),
    "nesting": ("<div>" * 2000, "confine-failed"),
    "font size": ('<p style="font-size: 1e9px">x', "confine-failed"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_page_made_to_exhaust_ends_with_one_message_and_the_parent_alive(name: str) -> None:
    body, code = BOMBS[name]

    (problem,) = problems_of(page(body), SMALL)

    assert re.fullmatch(code, problem.code), problem
    assert problem.fault.startswith("the PDF cannot be rendered: ")
    assert problem.remedy
    assert render_pdf(page("x")).content.startswith(b"%PDF")


def test_a_page_that_needs_too_much_memory_is_told_so() -> None:
    html = page('<img src="fr-asset:a" style="image-orientation: 90deg">')
    picture = ("image/png", png(9000, 9000))

    (problem,) = problems_of(html, replace(SMALL, cpu_seconds=20, memory_bytes=400 << 20), a=picture)

    assert problem.code in {"confine-memory", "pdf-lost"}


def test_without_pango_there_is_one_message_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libpango-1.0.so.0").write_bytes(b"")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))

    (problem,) = problems_of(page("x"))

    assert problem.fault.startswith("PDF needs Pango: ")
    assert problem.remedy == INSTALL


def test_a_broken_font_configuration_is_an_error_and_not_a_fall_back_to_other_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.pdf.glyphs._CONFIGURATION", Path("/nonexistent"))

    (problem,) = problems_of(page("x"))

    assert re.search(r"instead of the \d+ that are bundled", problem.fault)


def test_characters_without_a_glyph_are_printed_as_their_code_points_and_told() -> None:
    rendered = render_pdf(page("<p>中 and \u202e and \U0001fb00 and ❤\ufe0f é א</p>"))

    text = text_of(rendered.content)
    for shown in ("[U+4E2D]", "[U+202E]", "[U+1FB00]", "é"):
        assert shown in text
    (problem,) = rendered.problems
    assert problem.level == "warning"
    assert problem.fault.endswith("U+202E, U+4E2D, U+1FB00")


def covered_characters() -> str:
    ranges = (line.split("-") for line in COVERAGE.read_text("ascii").splitlines() if re.match("[0-9A-F]+-", line))
    covered = "".join(chr(point) for start, end in ranges for point in range(int(start, 16), int(end, 16) + 1))
    return "".join(sorted(set(covered) - set(missing_characters(covered)) - set("\t\n\r\f")))


@pytest.mark.parametrize("element", ["span", "code"])
def test_every_character_that_is_covered_has_a_glyph_and_its_own_text(element: str) -> None:
    """Printed, searched and copied text are the same for the whole of the fonts."""
    printable = covered_characters()
    rows = "".join(f"<p>{ord(each):04X} <{element}>x{html.escape(each)}</{element}></p>" for each in printable)

    rendered = render_pdf(printable_html(page(rows))[0])

    read: dict[str, str] = {}
    for line in text_of(rendered.content).splitlines():
        if match := re.match(r"\s*([0-9A-F]{4,6}) (.*)", line):
            # Marks of direction that pdftotext puts around Hebrew and Arabic.
            text = re.sub("[\u202a-\u202e\u2066-\u2069 ]", "", match[2])
            read[chr(int(match[1], 16))] = unicodedata.normalize("NFC", text)
    other = {each: text for each, text in read.items() if text != unicodedata.normalize("NFC", f"x{each}")}
    assert len(printable) > 6000
    assert rendered.problems == ()
    assert set(printable) - set(read) == set()
    assert {each: text for each, text in other.items() if not UNSEEN.match(each)} == {}


UNSEEN = re.compile("\\s|[\u00ad\u034f\u07eb-\u07f3\u0eb3\u200b-\u200d\u2027\u25cc\u2060\ufe00-\ufe0f]")
"""White space, what prints nothing, a vowel drawn as two letters, a hyphenation point (a hyphen at the end of a line), and
marks that are drawn on a circle, as their script has no letter `x`.
"""


def test_a_letter_that_is_first_drawn_with_a_mark_keeps_its_text() -> None:
    rendered = render_pdf(page("<p>q\u030c\u0323 then quick</p><p>\u0628\u0650\u0633\u0652\u0645 \u0628\u0633</p>"))

    text = unicodedata.normalize("NFC", text_of(rendered.content))

    assert "quick" in text
    assert "q\u0323\u030c then" in text
    assert "\u0628\u0633" in re.sub("[\u202a-\u202e]", "", text)


def test_a_machine_that_cannot_confine_says_so_with_each_pdf() -> None:
    problems = confinement_gaps("network not cut off, files not closed off (no Landlock), limits on memory, time and files")

    assert [(problem.level, problem.code) for problem in problems] == [("note", "pdf-confinement")]
    assert "network not cut off, files not closed off (no Landlock)" in problems[0].fault
    assert confinement_gaps("network cut off, files closed off by Landlock 7, limits on memory") == ()


@pytest.mark.slow
def test_a_line_of_64_000_characters_without_a_place_to_break_is_printed_whole() -> None:
    page = '<p style="white-space: pre-wrap; overflow-wrap: anywhere">' + "x" * 64_000

    assert text_of(render_pdf(page).content).count("x") == 64_000


def test_the_memory_of_a_layout_does_not_grow_with_the_page_beyond_2_gib() -> None:
    assert limits_for(0, []).memory_bytes == 1 << 30
    assert limits_for(2**20, []).memory_bytes == limits_for(2**30, []).memory_bytes == 2 << 30
    assert limits_for(2**19, []).memory_bytes == 3 << 29


@pytest.mark.parametrize("missing", ["sockets and processes not closed off (no seccomp)"])
def test_a_machine_without_seccomp_is_named(missing: str) -> None:
    problems = confinement_gaps(f"network cut off, files closed off by Landlock 7, {missing}, limits on memory, time and files")

    assert missing in problems[0].fault
