"""The fonts within a page of HTML: the characters that it has, the faces that it uses, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import samples
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from findings_report.model.report import ReportedFont
from findings_report.rendering.document_parts import _compact, render
from findings_report.rendering.template_files import Template
from findings_report.rendering.web_fonts import ALWAYS, _subset, _subset_own, embed_fonts

OWN = Path(__file__).parents[2] / "templates"
PAGE = b"""<meta content="style-src 'sha256-FONTS'"><style>/*FONTS*/</style>"""


def test_a_page_has_the_characters_that_it_shows_in_the_faces_that_it_uses_under_its_policy() -> None:
    text = "<p>Zażółć <code>x = 'λ'</code></p>"

    page, _ = embed_fonts(PAGE + text.encode())
    style = re.search(rb"<style>(.*?)</style>", page)

    assert style is not None
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style[1]).digest()).decode()}'".encode() in page
    faces = re.findall(rb'family:"([^"]*)".*?style:(\w+);src:url\(data:font/woff2;base64,([^)]*)', style[1])
    assert [(family, slant) for family, slant, _ in faces].count((b"Inter", b"italic")) == 0
    known = set(TTFont(BytesIO(base64.b64decode(faces[0][2]))).getBestCmap())
    assert set(map(ord, "Zażółć x='λ'")) <= known <= set(map(ord, PAGE.decode() + text + ALWAYS))


def test_the_same_page_has_the_same_fonts_and_a_page_without_the_marks_none() -> None:
    assert embed_fonts(PAGE + b"<em>a</em>") == embed_fonts(PAGE + b"<em>a</em>")
    assert embed_fonts(b"<p>a</p>") == (b"<p>a</p>", ())


def test_pages_with_different_letters_share_their_fonts() -> None:
    embed_fonts(PAGE + b"<p>abc</p>")
    before = _subset.cache_info().misses

    embed_fonts(PAGE + b"<p>xyz 123</p>")

    assert _subset.cache_info().misses == before


def test_a_single_finding_that_goes_to_a_ticket_has_no_fonts() -> None:
    report = samples.report(samples.finding())

    whole = render(report, template=Template("standard", (OWN,)), format="html").content

    assert whole.count(b"@font-face") >= 4
    assert b"FONTS" not in whole


def test_a_long_page_is_compact_and_its_text_untouched() -> None:
    row = b'<table>\n<tr class="s1">\n<td class="id">&lt;/td> class="x"</td>\n</tr>\n</table>\n\n'
    text = b'<p class="a b" title="</p">of\nit <b>here</b>\n<i>too</i></p>\n'
    code = b'<pre><code><span class="l">\n</span><span class="l">b\n\n</span>\n</code></pre>\n</article>\n'

    compact = b'<table><tr class=s1><td class=id>&lt;/td> class="x"</table>'
    assert _compact(row + text + code) == (
        compact
        + b'<p class="a b" title="</p">of\nit <b>here</b>\n<i>too</i></p>'
        + b"<pre><code><span class=l>\n</span><span class=l>b\n\n</span>\n</code></pre></article>"
    )


def font(character: str, *, licence: int = 0, family: str = "House", weight: int = 400) -> bytes:
    """A font that has one character."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "one"])
    builder.setupCharacterMap({ord(character): "one"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 0))
    pen.lineTo((250, 700))
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "one": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "one": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(fsType=licence, usWeightClass=weight, sTypoAscender=800)
    builder.setupPost()
    buffer = BytesIO()
    builder.save(buffer)
    return buffer.getvalue()


def declared(content: bytes, **fields: Any) -> ReportedFont:
    return ReportedFont(file="fonts/house.ttf", sha256=hashlib.sha256(content).hexdigest(), content=content, **fields)


def faces_of(page: bytes) -> list[tuple[str, str, set[int]]]:
    faces = re.findall(rb'family:"([^"]*)";font-weight:(\d+).*?base64,([^)]*)', page)
    return [
        (family.decode(), weight.decode(), set(TTFont(BytesIO(base64.b64decode(face))).getBestCmap()))
        for family, weight, face in faces
    ]


def test_fonts_of_the_engagement_give_the_characters_that_the_programs_lack() -> None:
    text = PAGE + "<p>abc \u3042</p>".encode()
    fonts = [declared(font("\u3042", weight=600)), declared(font("\u3044"))]

    page, problems = embed_fonts(text, fonts=fonts)
    _subset_own.cache_clear()
    again, _ = embed_fonts(text, fonts=fonts)

    assert problems == ()
    assert faces_of(page)[-1] == ("House", "600", {0x3042})
    assert sum(family == "House" for family, *_ in faces_of(page)) == 1
    assert b'--sans:Inter,"House",system-ui' in page.replace(b'"Inter"', b"Inter")
    assert page == again


def test_a_font_of_the_programs_family_takes_its_place() -> None:
    page, _ = embed_fonts(PAGE + b"<p>a</p>", fonts=[declared(font("a"), family="Inter", weight=500)])

    assert [(family, weight) for family, weight, _ in faces_of(page)] == [("Inter", "500")]


@pytest.mark.parametrize(
    ("licence", "is_embedded"), [(0, True), (4, True), (8, True), (2, False), (0x100, False), (0x208, False)]
)
def test_a_font_is_embedded_only_if_its_licence_allows_it(licence: int, is_embedded: bool) -> None:
    page, problems = embed_fonts(PAGE + "\u3042".encode(), fonts=[declared(font("\u3042", licence=licence))])

    assert any(family == "House" for family, *_ in faces_of(page)) is is_embedded
    assert [problem.code for problem in problems] == ([] if is_embedded else ["font-left-out"])


def test_a_family_cannot_end_the_style_sheet() -> None:
    page, _ = embed_fonts(PAGE + "\u3042".encode(), fonts=[declared(font("\u3042"), family='x"}</style><b>')])

    assert page.count(b"</style>") == 1
    assert b"<b>" not in page
