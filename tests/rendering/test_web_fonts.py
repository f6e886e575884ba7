"""The fonts within a page of HTML: the characters that it has, the faces that it uses, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import re
from io import BytesIO
from pathlib import Path

import samples
from fontTools.ttLib import TTFont

from findings_report.rendering.document_parts import _compact, render
from findings_report.rendering.template_files import Template
from findings_report.rendering.web_fonts import ALWAYS, _subset, embed_fonts

OWN = Path(__file__).parents[2] / "templates"
PAGE = b"""<meta content="style-src 'sha256-FONTS'"><style>/*FONTS*/</style>"""


def test_a_page_has_the_characters_that_it_shows_in_the_faces_that_it_uses_under_its_policy() -> None:
    text = "<p>Zażółć <code>x = 'λ'</code></p>"

    page = embed_fonts(PAGE + text.encode())
    style = re.search(rb"<style>(.*?)</style>", page)

    assert style is not None
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style[1]).digest()).decode()}'".encode() in page
    faces = re.findall(rb'family:"([^"]*)".*?style:(\w+);src:url\(data:font/woff2;base64,([^)]*)', style[1])
    assert [(family, slant) for family, slant, _ in faces].count((b"Inter", b"italic")) == 0
    known = set(TTFont(BytesIO(base64.b64decode(faces[0][2]))).getBestCmap())
    assert set(map(ord, "Zażółć x='λ'")) <= known <= set(map(ord, PAGE.decode() + text + ALWAYS))


def test_the_same_page_has_the_same_fonts_and_a_page_without_the_marks_none() -> None:
    assert embed_fonts(PAGE + b"<em>a</em>") == embed_fonts(PAGE + b"<em>a</em>")
    assert embed_fonts(b"<p>a</p>") == b"<p>a</p>"


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
    page = b'<table><tr class="s1"><td class="id">&lt;/td> class="x"</td></tr></table><p class="a b" title="</p">'

    assert _compact(page) == b'<table><tr class=s1><td class=id>&lt;/td> class="x"</table><p class="a b" title="</p">'
