"""The structure of a page as a screen reader is told it: few elements, each of which means something."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from typing import Any

import pikepdf
import pytest
import tagged
from examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pdfs import render_pdf

from findings_report.pdf.page import PdfPage, limits_for
from findings_report.pdf.render import PdfRenderer, open_renderer

PAGE = """<!doctype html><html lang="en"><head><title>T</title><style>
@page { size: 100mm 100mm; margin: 10mm; @bottom-center { content: counter(page) } }
li a::after { content: leader(dotted) "7" } li a, pre code { display: block }
</style></head><body>
<p>A <em>name</em> like <code><span class="k">re</span><span>ad</span></code> is long enough
to be broken <strong>here</strong>.</p>
<figure><pre><code><span class="l"><span class="n">1 </span><span class="k">def</span> <span class="f">f</span>():</span>
<span class="l"><span class="n">2 </span><span class="k">return</span> <span class="s">'x'</span></span></code></pre>
<figcaption>Two lines</figcaption></figure>
<ol><li><a href="#x">Where</a></li></ol><ul><li><p>One</p></li><li>Two<ul><li>Three</li></ul></li></ul><h1 id="x">There</h1>
</body></html>"""


@pytest.fixture(scope="module")
def content() -> bytes:
    return render_pdf(PAGE).content


def shape(element: Any) -> Iterator[object]:
    """The type of an element, then what it holds: a dot for each piece of marked text, and elements likewise."""
    yield str(element.S)[1:]
    for kid in element.K:
        if isinstance(kid, int):
            yield "."
        elif "/S" in kid:
            yield list(shape(kid))


@pytest.mark.slow
def test_what_means_nothing_is_no_element_and_a_line_of_text_is_one_mark(content: bytes) -> None:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        (document,) = pdf.Root.StructTreeRoot.K
        found = [list(shape(element)) for element in document.K]

    assert found == [
        ["P", ".", ["Code", "."], ".", "."],  # the last two are on two lines: between them no blank is drawn
        ["Div", ["P", ["Code", ".", "."]], ["Caption", "."]],
        ["L", ["LI", ["Lbl", "."], ["LBody", ["Link", "."]]]],
        [
            "L",
            ["LI", ["Lbl", "."], ["LBody", ["P", "."]]],
            ["LI", ["Lbl", "."], ["LBody", "."]],
            ["L", ["LI", ["Lbl", "."], ["LBody", "."]]],
        ],
        ["H1", "."],
    ]


@pytest.mark.slow
def test_every_mark_belongs_to_the_element_that_names_it(content: bytes) -> None:
    assert tagged.faults(content) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("span { float: left }", "<p>a <span>x<br>y</span> b</p>"),
        ("span { display: inline-block }", "<p>a <span>x<br>y</span> b</p>"),
        ("span { display: inline-block }", "<ul><li><span>x</span><p>y</p></li></ul>"),
        ("span { display: inline-block }", '<p>a <a href="https://example.org"><span>x <b>y</b></span></a> b</p>'),
        ("span { display: inline-flex }", "<p>a <span>x <b>y</b></span> b</p>"),
        (".x { position: running(h) } @page { @top-center { content: element(h) } }", '<p>y</p><li class="x">a</li>'),
    ],
)
def test_boxes_within_lines_and_heads_that_are_elements_are_tagged(style: str, body: str) -> None:
    page = f'<!doctype html><html lang="en"><head><title>T</title><style>{style}</style></head><body>{body}</body></html>'

    assert tagged.faults(render_pdf(page).content) == []


def _elements(tags: list[str], content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(tags), content).map(lambda each: f"<{each[0]}>{each[1]}</{each[0].split()[0]}>")


_WORDS = st.lists(
    st.sampled_from(["a", "word", "re(x)", "\u05e9\u05dc\u05d5\u05dd", "na\u00efve", "&lt;b&gt;", "<br>", "x" * 60])
).map(" ".join)
_INLINE = [
    *("em", "strong", "code", "s", "sup", 'a href="https://example.org"', 'a href="#x"', "span", 'span style="float: left"'),
    *('span style="display: inline-block"', 'span style="display: inline-flex"', 'span style="direction: rtl"'),
    *('code style="display: block"', 'span style="position: absolute"'),
]
# WeasyPrint lays out boxes within a line again at each level of nesting: with 8 leaves, one page in ten took 15 s of CPU time.
_LINES = st.recursive(_WORDS, lambda inner: st.lists(_elements(_INLINE, inner) | _WORDS, max_size=4).map("".join), max_leaves=4)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(inner, min_size=1, max_size=3).map(lambda each: "".join(f"<li>{item}</li>" for item in each))
    cells = st.tuples(inner, _LINES, _LINES).map(
        lambda each: f"<thead><tr><th>A<th>B</thead><tr><td rowspan=2>{each[0]}<td>{each[1]}<tr><td>{each[2]}"
    )
    pieces = st.tuples(inner, _LINES).map(lambda each: f"{each[0]}<figcaption>{each[1]}</figcaption>")
    simple = _elements(["div", "blockquote", "section", 'div style="columns: 2"', 'div style="break-before: page"'], inner)
    others = [_elements(["ul", "ol"], items), _elements(["table"], cells), _elements(["figure"], pieces)]
    return st.lists(st.one_of(simple, *others), min_size=1, max_size=3).map("".join)


_BLOCKS = st.recursive(_elements(["p", "pre", "p"], _LINES), _nested, max_leaves=8)


def words(content: bytes) -> list[str]:
    return subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True).stdout.decode().split()


@pytest.fixture(scope="module")
def renderer() -> Iterator[PdfRenderer]:
    """One for all examples: limits that do not depend on the page let one child lay out every page."""
    with open_renderer(workers=1, limits=limits_for(2**16, [])) as opened:
        yield opened


@pytest.mark.slow
@settings(max_examples=examples(10), derandomize=True, phases=[Phase.generate])
@given(st.lists(_BLOCKS, min_size=2, max_size=4).map("".join))
def test_whatever_a_page_is_made_of_its_tags_hold_and_change_none_of_its_words(renderer: PdfRenderer, body: str) -> None:
    style = "@page { size: 90mm 70mm; margin: 8mm }"
    page = f'<!doctype html><html lang="en"><head><title>T</title><style>{style}</style></head>'
    page += f'<body>{body}<p id="x"></body></html>'

    content, _ = renderer.render(PdfPage(page, {}, None))

    assert tagged.faults(content) == []
    assert words(content) == words(renderer.render_stamp(page))
