"""The structure of a page as a screen reader is told it: few elements, each of which means something."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pikepdf
import pytest
import tagged

from findings_report.renderers.pdf import render_pdf

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
