"""Markdown as GitHub reads it: the structure of everything printed is that of the HTML, for whatever text.

cmark-gfm is GitHub's own parser. Raw HTML is allowed, as before GitHub removes elements: an element of an author would be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import samples
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from structure import nodes_of, outline_of, read_gfm, structure_of, text_of

from findings_report import prose
from findings_report.model.engagement import Author, ReportVersion
from findings_report.model.finding import Affected, Event, Reference, Status
from findings_report.model.report import CustomValue, Report
from findings_report.rendering import html, markdown
from findings_report.rendering.document_parts import render
from findings_report.rendering.figures import Part
from findings_report.rendering.template_files import Template

TEMPLATES = Path(__file__).parents[2] / "templates"


def part() -> Part:
    return Part(samples.engagement(), lambda picture: f"data:{picture.name}", lambda *_: html.escape("[figure]"))


def check_structure(text: str) -> None:
    """The Markdown of a text has the structure of its HTML, to a reader of GFM."""
    parsed = prose.parse(text)
    printed = markdown.prose(parsed, part(), 2)

    assert structure_of(read_gfm(printed)) == structure_of(html.prose(parsed, part(), 2)), printed


TEXTS = [
    # Addresses swallow what follows.
    "XSS http://a.b/<img src=x onerror=alert(1)>",
    "XSS http://a.b/\\<img src=x onerror=alert(1)>",
    "http://a.b/&lt;img src=x onerror=alert(1)>",
    "www.a.b/\\<svg/onload=alert(1)>",
    "ftp://a.b/\\<script>alert(1)</script>",
    "xmpp:a@b.c/\\<img src=x> mailto:a@b.c\\<img src=x>",
    "https://e/~alice/ https://e/__init__.py https://e/*a*",
    "https://e/`x` `<b>` and http://a.b\\`<b>`",
    "https://e\\\nnext line\\\nhttps://e/  \nlast",
    "*https://e* **www.e.f** ~~http://e~~ _x@y.zz_",
    "(https://e/a_(b)) https://e/?a&copy; https://e/?a=1&copy;b 'https://e' \"http://e\"",
    "https://e/|x | y",
    "| https://e/\\|x | `a\\|b` | \\| \\\\\\| |\n|:-|-:|:-:|\n| www.a.b | a@b.c | ~~x~~ |",
    "[https://a.b](https://c.d) [www.a.b](https://c.d) [a@b.c](https://c.d) [<https://a.b>](https://c.d)",
    "[ https://a.b ] [https://a.b] ![https://a.b](x)",
    "see http://a.b/. Or http://a.b/, (http://a.b/)! http://a.b?x=1; http://a.b&amp;",
    "xhttp://a.b 1http://a.b http://a_b.c http://a.b_c http:// http://- www. www.a www.a_b.c",
    "a@b.c@d a@b c@d.e1 a.b-c_d+e@f-g.h @a.b@c a@@b.c a&#64;b.c a\\@b.c",
    "- ![](location:none)\n- a\n  ![b](location:none)\n  c",
    "![](location:none) and ![see http://a.b](location:none)",
    "[x](ftp://a@b.c/\\<b>) <ftp://a@b.c> <a@b_c.d>",
    # Line feeds in a text.
    "| a&#10;# b | c&NewLine;## d |\n|---|---|\n| e&#10;&#10;- f | g&#13;h |",
    "a&#10;# b&#10;&#10;> c\n\n&#32;\n\n&#9;x",
    # Starts of blocks.
    "[x](https://a.b) first\n\n- [x](https://a.b) x\n- [ ] y\n- [x] z",
    "\\# a\n\\## b\n\n\\- c\n\\+ d\n\\* e\n\n1\\. f\n2\\) g\n\n\\> h\n\n\\=== \n\n\\---\n\n\\~~~\n\n\\```",
    "a\n\\---\n\na\n\\===\n\na | b\n\\--- | ---\n\na\n\\:-:\n\n\\- \\- \\-\n\n\\::include{file=x}\n\n\\: x",
    "# a \\#\n\n## ##\n\n### b #\\##\n\n#### C#\n\n# `#`\n\n#\n\nx \\\ny\n===",
    "- - - a\n\n+ + +\n\n* * *\n\n- a\n\n+ b\n\n1. a\n\n1) b\n\n999999998. a\n1. b\n2. c",
    "- a\n- b\n\n  c\n- > d\n  > - e\n-\n\n      code\n- ```\n  x\n\n  y\n  ```",
    # Marks beside other characters.
    '*a*b **c**d ~~e~~f a*b* *&nbsp;x* *x&#32;* &#97;*"b"*c €**€x€**€',
    "***a** b* ***a* b** **a *b*** *a **b*** *a**b**c* ****a**** *(*a*)* **x**__y__ ~~a~~~~b~~",
    "a\\*b\\*c \\_d\\_ \\~\\~e\\~\\~ \\`f\\` !\\[g\\](h) \\![i](https://j) \\<k> &lt;l> &amp;lt; &copy",
    "`` ` `` ` `` ` `  ` `` `a` `` `a``",
    # What other readers lay out.
    "$x$ $$\\color{white}$$ $`a`$ \\$5 US$ 5$\n\n```math\nx\n```\n\n```mermaid\ngraph TD\n```",
    "text[^1] and [^note]\n\n[^1]: footnote\n\n[^note]: other",
    "> [!WARNING]\n> an alert\n\n> \\[!NOTE]\n> x\n\n> [!tip]\n\n> - [!NOTE]\n\n> [!NOTE] x",
    "- [ ] a\n- [x] *b*\n\n  c\n\n[^1]: # head\n\n[^1]: again[^2]\n\n[^2]:\n    > q[^1]\n    > [^3]: deep\n\n[^4]: unused",
    "A\n: b\n: c\n\n  - d\n  - e\n\nF\n\n: *g*\n\n      code\n\n**H** x\n~ i\n~ - j\n\n      k\n\n> L\n> : m",
    "$a_1 * b_1$ $x^{2}$ *$y_1*$* $$\\frac{a}{b}$$ $\\{x\\}$ $\\mathcal{O}$ $<b>$ $a|b$",
    "<details><summary>x</summary>\n\ny\n\n</details>\n\n<!-- c -->\n\n<?php ?>\n\n<![CDATA[x]]>\n\n<!X>\n\n</div>",
    "<title>a</title> <textarea> <style> <xmp> <iframe> <noembed> <noframes> <script> <plaintext>",
    "[a]: https://x.y 'title'\n\n[a] [b][a] [c](https://x.y \"a <b> `c`\") ![d](image:none 'e')",
    "a\u202eb `c\u200bd` http://a\u202eb.c/ a\u200b*b*",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_reader_of_gfm_sees_the_structure_of_the_html(text: str) -> None:
    check_structure(text)


PIECES = [
    "a", "b c", "1", "é", "€", "“", "\u00a0", "\u3000", " ", "  ", "\n", "\n\n", "    ", "\t", "*", "**", "***", "_", "__",
    "~~", "~", "`", "``", "```\n", "```js\n", "~~~\n", "[", "](https://x.org/a_b)", "](javascript:x)", "]", "![",
    "[](location:n)", "(", ")", "![](location:n)", "](finding:A-1)", "<", ">", "<b>", "</b>", "<!--", "-->", "<img src=x>",
    "&lt;", "&amp;", "&#10;", "&nbsp;", "&#42;", "&copy;", "&", "\\", "\\\n", "  \n", "http://a.b/",
    "https://e.org/~al/?x=1&copy;b", "www.x.y", "www.", "a@b.c", "mailto:q@r.st", "xmpp:q@r.st", "ftp://f.g", ":", "//", "# ",
    "## ", " ##", "#", "- ", "+ ", "* ", "1. ", "2) ", "> ", "---", "===", "| a | b |\n|---|:-:|\n", "| ", "|", "\\|",
    "[^1]: ", "> [!NOTE]\n> ", "\n: ", "$a_1$", "$\\frac{a}{b}$",
    "|---|", "[^1]", "[x]: https://y.z 't'\n", "[x]", "[ ] ", "$", "$$", ":: ", ": ", "!", "<https://q.org/*>", "<m@n.org>",
    "\u202e", "\u200b", "{#a}", "<details>", "@u", "'", '"', ".", ";", "%", "^", "=",
]  # fmt: skip


@settings(max_examples=examples(500))
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_text_has_one_structure(text: str) -> None:
    check_structure(text)


def specification_examples(folder: Path) -> Iterator[str]:
    """The Markdown of every example of the specifications in a folder."""
    for path in sorted(folder.glob("*.txt")):
        blocks = re.findall(r"^`{32} example[^\n]*\n(.*?)^\.\n.*?^`{32}$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        yield from (block.replace("→", "\t") for block in blocks)


def test_the_examples_of_the_specifications_have_one_structure(request: pytest.FixtureRequest) -> None:
    folder = request.config.getoption("--markdown-examples")
    if folder is None:
        pytest.skip("--markdown-examples names no folder")

    texts = list(specification_examples(folder))

    assert len(texts) > 600
    for text in texts:
        check_structure(text)


# Short texts in the templates.


def short_texts(text: str) -> dict[str, Any]:
    """Fields of a finding that are no prose, with this text in each."""
    return {
        "title": text,
        "category": text,
        "tags": (text, text),
        "owner": text,
        "found_by": text,
        "aliases": (text,),
        "tickets": (f"jira:{text}",),
        "affected": (Affected(kind="host", name="h", note=text),),
        "history": tuple(Event(date=date(2026, 10, 2), status=Status.OPEN, by=text, note=text) for _ in range(2)),
        "references": (Reference(url="https://example.org/", title=text),),
        "extra": (CustomValue(name="zone", label=text, value=text),),
        "snippets": (samples.snippet(symbol=None, role="source", name="a", repository="neutron"),),
    }


def report_of(text: str) -> Report:
    """A report with a text wherever a short one may be."""
    findings = (samples.finding("NTR-001", **short_texts(text)), samples.full_finding(related=()))
    engagement = samples.engagement(
        title=text,
        client=text,
        version=text,
        confidentiality=text,
        authors=(Author(name=text, role=text),),
        distribution=(text,),
        versions=(ReportVersion(version="1", date=date(2026, 1, 1), by=text, note=text),),
    )
    sections = tuple(section.model_copy(update={"title": text}) for section in samples.sections())
    return samples.report(*findings, engagement=engagement, sections=sections)


def read_report(text: str, template: str) -> Any:
    content = render(report_of(text), template=Template(template, (TEMPLATES,)), format="md").content.decode()
    return structure_of(read_gfm(content))


PLAIN = "Plain words"

SHORT = [
    "XSS http://a.b/<img src=x onerror=alert(1)>",
    "www.a.b/<svg/onload=alert(1)> ftp://a.b/<b>",
    "xmpp:a.b/<img src=x> www",
    "https://e/~alice/ https://e/__init__.py",
    "a | b || c \\| d \\",
    "# a ## b ##",
    "- a + b",
    "1. a",
    "=== ---",
    "> a [x](https://a.b) ![y](z) [^1]",
    "<!-- a --> <details> &lt;b> &#10;# c &amp",
    "*a* **b** _c_ ~~d~~ ~e~ $f$ $$g$$",
    "[!NOTE] [ ] [x] : a :: b",
    "a \\` b \\<c>",
]


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("text", SHORT)
def test_a_short_text_adds_no_structure_anywhere(text: str, template: str) -> None:
    plain = read_report(PLAIN, template)

    shown = read_report(text, template)

    assert outline_of(shown) == outline_of(plain)
    words = " ".join(text.split())
    assert text_of(shown).count(words) == text_of(plain).count(PLAIN) > 20


@pytest.mark.parametrize("template", ["standard", "review"])
def test_the_elements_of_a_report_in_markdown_are_its_anchors(template: str) -> None:
    read = read_report("<b>x</b> http://a.b/<i>", template)

    allowed = {
        "body",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "p",
        "ul",
        "ol",
        "li",
        "a",
        "strong",
        "em",
        "code",
        "pre",
        "table",
        "tr",
        "th",
    }
    allowed |= {"td", "blockquote", "br", "hr"}
    assert {node[0] for node in nodes_of(read, "b", "i", "img", "script", *allowed)} <= allowed
