"""What is allowed stays, in its order and line; everything else is text, and is reported."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from markdown_it.token import Token

from findings_report.model.translation import CATALOGUES, Translation
from findings_report.prose import policy
from findings_report.prose.constructs import CAPTION
from findings_report.prose.parse import list_tables, parse, references
from findings_report.prose.policy import TextRun, drop_references, plain_text, split_inline_code


def printed(tokens: Iterable[Token]) -> str:
    """The tokens in one line: an address in its opener; of a picture and a figure the name, the text and the alternative."""
    return "".join(map(print_token, tokens))


def print_token(token: Token) -> str:
    match token.type:
        case "inline":
            return printed(token.children or ())
        case "text":
            return token.content
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "\\\n"
        case "code_inline":
            return f"`{token.content}`"
        case "fence":
            return f"<code>{token.content}"
        case "link_open":
            return f"<a {token.attrs['href']}>"
        case "image":
            return f"<img {token.meta['name']}|{token.meta['text']}>"
        case "figure":
            return f"<{token.meta['kind']} {token.meta['name']}|{token.meta['text']}|{printed(token.meta['alt'])}>"
    return f"<{'/' if token.nesting < 0 else ''}{token.tag}>"


CASES = [
    (
        "[a](https://e.org/x) [b](http://e.org) [c](mailto:a@e.org) [d](#part)",
        "<p><a https://e.org/x>a</a> <a http://e.org>b</a> <a mailto:a@e.org>c</a> <a #part>d</a></p>",
        "",
        "",
    ),
    ("[a](HTTPS://e.org) [b](MailTo:a@e.org)", "<p><a HTTPS://e.org>a</a> <a MailTo:a@e.org>b</a></p>", "", ""),
    (
        "[a](javascript:x) [b](data:x) [c](ftp://e) [d](//e.org) [e](/x) [g](#) [h]()",
        "<p>[a](javascript:x) [b](data:x) [c](ftp://e) [d](//e.org) [e](/x) [g](#) [h]()</p>",
        "",
        "0:link-refused 0:link-refused 0:link-refused 0:link-refused 0:link-refused 0:link-refused 0:link-refused",
    ),
    (
        "[a](https:e.org) [b](https:///x) [c](https://) [d](http:/e)",
        "<p>[a](https:e.org) [b](https:///x) [c](https://) [d](http:/e)</p>",
        "",
        "0:link-refused 0:link-refused 0:link-refused 0:link-refused",
    ),
    (
        "[a](<https://e.org/a b>) [b](https://e.org\\\\@x) [c](<https://e\t.org>)",
        "<p>[a](https://e.org/a b) [b](https://e.org\\@x) [c](https://e\t.org)</p>",
        "",
        "0:link-refused 0:link-refused 0:link-refused",
    ),
    (
        "[a](java&#9;script:x) [b](&#x200b;https://e.org)",
        "<p>[a](java\tscript:x) <a https://e.org>b</a></p>",
        "",
        "0:link-refused",
    ),
    (
        "[a](https://e.org \"title\") [](https://e.org 'x')",
        "<p><a https://e.org>a</a> (title) <a https://e.org></a> (x)</p>",
        "",
        "",
    ),
    (
        '[a](javascript:x "t") [b](javascript:y)',
        '<p>[a](javascript:x "t") [b](javascript:y)</p>',
        "",
        "0:link-refused 0:link-refused",
    ),
    (
        "<https://e.org> <javascript:x> <mailto:a@e.org> <finding:F-1>",
        "<p><a https://e.org>https://e.org</a> <javascript:x> <a mailto:a@e.org>mailto:a@e.org</a> <finding:F-1></p>",
        "",
        "0:link-refused 0:link-refused",
    ),
    (
        "[a](finding:F-1) [](finding:F-1) [b](location:here) [c](table:t)",
        "<p><a finding:F-1>a</a> <a finding:F-1></a> <a location:here>b</a> <a table:t>c</a></p>",
        "0:finding=F-1 0:finding=F-1 0:location=here 0:table_link=t",
        "",
    ),
    (
        "[a](finding:) [](finding:) [](location:) [](table:) [b](image:x)",
        "<p>a another finding code for other readers table for other readers [b](image:x)</p>",
        "",
        "0:link-refused 0:link-refused 0:link-refused 0:link-refused 0:link-refused",
    ),
    ("[a](finding:F 1) [b](finding:\u202e)", "<p>[a](finding:F 1) b</p>", "", "0:link-refused 0:hidden-character"),
    (
        "[a [b](https://e.org) c](https://f.org)",
        "<p>[a <a https://e.org>b</a> c](<a https://f.org>https://f.org</a>)</p>",
        "",
        "",
    ),
    ("[a ![b](location:x) c](https://f.org)", "<p><a https://f.org>a b c</a></p>", "0:location=x", "0:image-refused"),
    ("[![b](image:x)](https://f.org)", "<p><a https://f.org><img x|b></a></p>", "0:image=x", ""),
    ("x\n![a](image:p)\ny", "<p>x</p><image p|a|a><p>y</p>", "1:image=p", ""),
    ("![a](image:p)", "<image p|a|a>", "0:image=p", ""),
    ('![a](image:p "t")', "<image p|a (t)|a (t)>", "0:image=p", ""),
    ("![](image:p 't')", "<image p|t|t>", "0:image=p", ""),
    ("![](image:)", "<image picture for other readers||>", "", "0:link-refused"),
    (
        "![a](location:here)\n![b](table:t)\n![c](pictures/a.png)\n![d](finding:F-1)",
        "<placed here|a|a><table t|b|b><image pictures/a.png|c|c><p>[image not included: d]</p>",
        "0:placed=here 1:table=t 2:image=pictures/a.png",
        "3:image-refused",
    ),
    (
        "![](location:)\n\n![](table:)",
        "<placed code for other readers||><table table for other readers||>",
        "",
        "0:link-refused 2:link-refused",
    ),
    (
        "x ![a](image:p) y ![](pictures/a.png) z ![](image:) ![q](image:)",
        "<p>x <img p|a> y <img pictures/a.png|> z [image not included: picture for other readers] [image not included: q]</p>",
        "0:image=p 0:image=pictures/a.png",
        "0:link-refused 0:link-refused",
    ),
    (
        "x ![a](location:here) y ![](table:t) ![](location:)",
        "<p>x <a location:here>a</a> y <a table:t></a> code for other readers</p>",
        "0:location=here 0:table_link=t",
        "0:image-refused 0:image-refused 0:image-refused 0:link-refused",
    ),
    (
        "x ![a](https://e.org/x.png) y ![](/etc/x.png) ![](../x.png) ![b](finding:F-1)",
        "<p>x [image not included: a] y [image not included: ] [image not included: ] [image not included: b]</p>",
        "",
        "0:image-refused 0:image-refused 0:image-refused 0:image-refused",
    ),
    (
        "![a](https://e.org/x.png)\n![b](x.exe)\n![c](<a b.png>)",
        "<p>[image not included: a]</p><image x.exe|b|b><image a b.png|c|c>",
        "1:image=x.exe 2:image=a b.png",
        "0:image-refused",
    ),
    (
        "![*a* `b` [c](https://e.org) ![d](image:q)](image:p)",
        "<image p|a b c (https://e.org) d (q)|<em>a</em> `b` <a https://e.org>c</a> <img q|d>>",
        "0:image=p 0:image=q",
        "",
    ),
    (
        "- ![a](image:p)\n\n- b\n  ![c](image:q)\n  d",
        "<ul><li><image p|a|a></li><li><p>b</p><image q|c|c><p>d</p></li></ul>",
        "0:image=p 3:image=q",
        "",
    ),
    ("a\\\n![b](image:p)\\\nc", "<p>a</p><image p|b|b><p>c</p>", "1:image=p", ""),
    ("# a\\\nb\nc\n\nd\\\ne", "<h1>a\\</h1><p>b\nc</p><p>d\\\ne</p>", "", ""),
    ("*x\n![a](image:p)\ny*", "<p><em>x\n<img p|a>\ny</em></p>", "1:image=p", ""),
    ("![a](image:p) ![b](image:q)", "<p><img p|a> <img q|b></p>", "0:image=p 0:image=q", ""),
    (
        "[a](javascript:x)\n[b](javascript:y)\n![c](javascript:z)",
        "<p>[a](javascript:x)\n[b](javascript:y)\n[image not included: c]</p>",
        "",
        "0:link-refused 1:link-refused 2:image-refused",
    ),
    ("a\n\n![b](image:p)\n[c](javascript:x)", "<p>a</p><image p|b|b><p>[c](javascript:x)</p>", "2:image=p", "3:link-refused"),
    (
        "https://e.org/x javascript:x a@e.org",
        "<p><a https://e.org/x>https://e.org/x</a> javascript:x <a mailto:a@e.org>a@e.org</a></p>",
        "",
        "",
    ),
    ("[a](https://e.org/\xe4?q=\xfc#\xf6)", "<p><a https://e.org/%C3%A4?q=%C3%BC#%C3%B6>a</a></p>", "", ""),
    (
        "| a |\n|---|\n| [b](javascript:x) |\n\nTable: c {#t}",
        "<table><caption>c</caption><thead><tr><th>a</th></tr></thead><tbody><tr><td>[b](javascript:x)</"
        "td></tr></tbody></table>",
        "0:captioned=t",
        "2:link-refused",
    ),
    (
        "https://e.org http://e.org/x?y=1#z ftp://e.org HTTPS://E.org",
        "<p><a https://e.org>https://e.org</a> <a http://e.org/x?y=1#z>http://e.org/x?y=1#z</a> ftp://e."
        "org <a HTTPS://E.org>HTTPS://E.org</a></p>",
        "",
        "",
    ),
    (
        "xhttps://e.org 1https://e.org :https://e.org (https://e.org)",
        "<p>xhttps://e.org 1<a https://e.org>https://e.org</a> :<a https://e.org>https://e.org</a> (<a h"
        "ttps://e.org>https://e.org</a>)</p>",
        "",
        "",
    ),
    (
        "www.e.org xwww.e.org (www.e.org *www.e.org* _www.e.org_ ~www.e.org~",
        "<p><a http://www.e.org>www.e.org</a> xwww.e.org (<a http://www.e.org>www.e.org</a> <em><a http:"
        "//www.e.org>www.e.org</a></em> <em>www.e.org</em> ~<a http://www.e.org>www.e.org</a>~</p>",
        "",
        "",
    ),
    (
        "www.e www.a_b.org www.a.b_c https://a_b.org https://x.a_b https://_x",
        "<p>www.e www.a_b.org www.a.b_c https://a_b.org https://x.a_b https://_x</p>",
        "",
        "",
    ),
    (
        "https:// https://. https://-e http://localhost/x gopher://e.org",
        "<p>https:// https://. https://-e <a http://localhost/x>http://localhost/x</a> gopher://e.org</p>",
        "",
        "",
    ),
    (
        "https://e.org. https://e.org, https://e.org?! https://e.org'; https://e.org:",
        "<p><a https://e.org>https://e.org</a>. <a https://e.org>https://e.org</a>, <a https://e.org>htt"
        "ps://e.org</a>?! <a https://e.org>https://e.org</a>'; <a https://e.org>https://e.org</a>:</p>",
        "",
        "",
    ),
    (
        "https://e.org/(a) (https://e.org/a) https://e.org/a)) https://e.org/(a)b)",
        "<p><a https://e.org/(a)>https://e.org/(a)</a> (<a https://e.org/a>https://e.org/a</a>) <a https"
        "://e.org/a>https://e.org/a</a>)) <a https://e.org/(a)b>https://e.org/(a)b</a>)</p>",
        "",
        "",
    ),
    (
        "https://e.org/?a=1&amp; https://e.org/&copy;x https://e.org/x;",
        "<p><a https://e.org/?a=1>https://e.org/?a=1</a>& <a https://e.org/&copy;x>https://e.org/&copy;x"
        "</a> <a https://e.org/x>https://e.org/x</a>;</p>",
        "",
        "",
    ),
    (
        "https://e.org/a\\_b https://e.org/a<b https://e.org/__init__.py",
        "<p><a https://e.org/a>https://e.org/a</a>_b <a https://e.org/a>https://e.org/a</a><b <a https:/"
        "/e.org/__init__.py>https://e.org/__init__.py</a></p>",
        "",
        "",
    ),
    (
        "https://e.org\\\nx https://e.org  \ny",
        "<p><a https://e.org>https://e.org</a>\\\nx <a https://e.org>https://e.org</a>\\\ny</p>",
        "",
        "",
    ),
    (
        "[https://e.org](x) [x] https://e.org [y https://e.org] ![https://e.org](image:p)",
        "<p>[https://e.org](x) [x] <a https://e.org>https://e.org</a> [y https://e.org] <img p|https://e.org></p>",
        "0:image=p",
        "0:link-refused",
    ),
    (
        "`https://e.org` <https://e.org> [https://e.org](https://f.org)",
        "<p>`https://e.org` <a https://e.org>https://e.org</a> <a https://f.org>https://e.org</a></p>",
        "",
        "",
    ),
    ("[ https://e.org", "<p>[ https://e.org</p>", "", ""),
    (
        "] https://e.org [a] https://e.org",
        "<p>] <a https://e.org>https://e.org</a> [a] <a https://e.org>https://e.org</a></p>",
        "",
        "",
    ),
    (
        "a@e.org a.b+c-d_e@e-f.org. a@e a@e.1 a@e.o1 a@.org @e.org",
        "<p><a mailto:a@e.org>a@e.org</a> <a mailto:a.b+c-d_e@e-f.org>a.b+c-d_e@e-f.org</a>. a@e a@e.1 a"
        "@e.o1 <a mailto:a@.org>a@.org</a> @e.org</p>",
        "",
        "",
    ),
    (
        "mailto:a@e.org xmailto:a@e.org a@b.c@d.e a@b@c.d (a@e.org)",
        "<p><a mailto:a@e.org>mailto:a@e.org</a> xmailto:<a mailto:a@e.org>a@e.org</a> a@<a mailto:b.c@d"
        ".e>b.c@d.e</a> a@<a mailto:b@c.d>b@c.d</a> (<a mailto:a@e.org>a@e.org</a>)</p>",
        "",
        "",
    ),
    (
        "a\\@e.org &#97;@e.org *a@e.org* [a@e.org](https://e.org) `a@e.org`",
        "<p><a mailto:a@e.org>a@e.org</a> <a mailto:a@e.org>a@e.org</a> <em><a mailto:a@e.org>a@e.org</a"
        "></em> <a https://e.org>a@e.org</a> `a@e.org`</p>",
        "",
        "",
    ),
    ("a@e.org, b@e.org a@e.org-", "<p><a mailto:a@e.org>a@e.org</a>, <a mailto:b@e.org>b@e.org</a> a@e.org-</p>", "", ""),
    (
        "***a** b* **a **b** c** *a *b* c* ~~a ~~b~~ c~~ ~~a~~~~b~~",
        "<p><em><strong>a</strong> b</em> <strong>a b c</strong> <em>a b c</em> <s>a b c</s> <s>ab</s></p>",
        "",
        "",
    ),
    (
        "a __init__ b \\__init__ x__init__ `__init__` a*b*c a\\*b*c __a_b__ __A__",
        "<p>a <strong>init</strong> b _<em>init</em>_ x__init__ `__init__` a<em>b</em>c a*b*c <strong>a_"
        "b</strong> <strong>A</strong></p>",
        "",
        "0:code-as-emphasis 0:code-as-emphasis 0:code-as-emphasis",
    ),
    (
        "C:\\_x C:\\x \\\\server\\x \\\\s (C:\\* a\\* \\cmd\\_x \\x",
        "<p>C:_x C:\\x \\server\\x \\s (C:* a* \\cmd_x \\x</p>",
        "",
        "0:backslash-lost 0:backslash-lost 0:backslash-lost 0:backslash-lost",
    ),
    ("```py more\nx\n```\n\n~~~ a b\n~~~\n\n```py\n```", "<code>x\n<code><code>", "", "0:fence-text 4:fence-text"),
    ("[a]: https://e.org\n[a]: https://f.org 'x'\n\n[a]", "<p><a https://e.org>a</a></p>", "", "1:definition-repeated"),
    ('[b]: https://e.org "t"\n\nx', "<p>x</p>", "", "0:definition-unused"),
    (
        "| a | b |\n|---|---|\n| 1 | 2 | 3 |\n| 1 \\| 2 | `3|4` |\n| 1 |",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr><tr><td>"
        "1 | 2</td><td>`3</td></tr><tr><td>1</td><td></td></tr></tbody></table>",
        "",
        "2:table-cells 3:table-cells",
    ),
    (
        "| a |\n|---|\n| 1 |\nTable: x {#t}",
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr><tr><td>Table: x {#t}</td></tr></tbody></table>",
        "",
        "3:table-caption",
    ),
    ("Table: lost {#t}\n\nx", "<p>Table: lost {#t}</p><p>x</p>", "", "0:table-caption"),
    (
        "> [!NOTE] text\n\n> [!NOTE]\n> text\n\n# Head {#anchor}\n\n# Head \\{#anchor}",
        "<blockquote><p>[!NOTE] text</p></blockquote><blockquote><p><strong>Note</strong></p><p>text</p>"
        "</blockquote><h1>Head {#anchor}</h1><h1>Head {#anchor}</h1>",
        "",
        "0:alert-as-text 5:html-as-text",
    ),
    (
        "a <br> <BR/> <b>x</b> <details> <summary> <u8> <script> <address> <!-- c --> \\<br>",
        "<p>a <br> <BR/> <b>x</b> <details> <summary> <u8> <script> <address> <!-- c --> <br></p>",
        "",
        "0:html-as-text 0:html-as-text 0:html-as-text 0:html-as-text",
    ),
    (
        "<a href='x'>y</a> <a name=x> <img src=\"x\" alt='y'> <br open> <p onclick=x>",
        "<p><a href='x'>y</a> <a name=x> <img src=\"x\" alt='y'> <br open> <p onclick=x></p>",
        "",
        "0:html-as-text 0:html-as-text 0:html-as-text 0:html-as-text 0:html-as-text",
    ),
    ("$\\frac{a}$ $a^2$ $5 and $6 $$x$$ \\$a$", "<p>$\\frac{a}$ a\xb2 $5 and $6 x $a$</p>", "", "0:math-as-text"),
    ("a[^1] b\n\n[^1]: note\n\n[^2]: unused", "<p>a\xb9 b</p><p>[^2]: unused</p><p>\xb9 note</p>", "", "4:footnote-unused"),
    ("x\u202ey\n\nz\xad\xad", "<p>x\u202ey</p><p>z\xad\xad</p>", "", "0:hidden-character 2:hidden-character"),
    (
        "a\n> > > > > > > > > > > > > > > > > > > > > x",
        "<code>a\n> > > > > > > > > > > > > > > > > > > > > x\n",
        "",
        "1:prose-nesting",
    ),
    ("![a\\\nb\nc](image:p)", "<image p|a b c|a\\\nb\nc>", "0:image=p", ""),
]
"""A text, how it is printed, what it refers to, and what is reported, each with its line."""


@pytest.mark.parametrize(("text", "shown", "uses", "faults"), CASES, ids=range(len(CASES)))
def test_a_text_is_judged_part_by_part(text: str, shown: str, uses: str, faults: str) -> None:
    prose = parse(text)

    assert printed(prose.tokens) == shown
    assert " ".join(f"{use.line_offset}:{use.kind}={use.name}" for use in prose.references.uses) == uses
    assert " ".join(f"{fault.line_offset}:{fault.code}" for fault in prose.faults) == faults
    assert {fault.code for fault in prose.faults if fault.level == "error"} <= {"prose-nesting"}
    assert all(fault.level == "error" for fault in prose.faults if fault.code == "prose-nesting")


def test_the_tables_of_a_text_are_those_of_files_and_those_with_a_caption() -> None:
    text = "![](table:a)\n\n![x](image:p)\n\n![](location:l)\n\n| a |\n|---|\n\nTable: c {#b}\n\n| a |\n|---|\n"

    assert [(token.type, name) for token, name in parse(text).tables] == [("figure", "a"), ("table_open", "b")]


@pytest.mark.parametrize(
    ("source", "is_file"),
    [
        ("a.png", True), ("a/b c.png", True), ("..a/b..", True), ("a/.b", True), ("", False), ("/a", False), ("../a", False),
        ("a/../b", False), ("a/..", False), (".", False), ("./a", False), ("a/./b", False), ("a:b", False), ("a\\b", False),
        ("a?b", False), ("a#b", False), (" a", False), ("#a", False), ("a\nb", True),
    ],
)  # fmt: skip
def test_a_picture_is_a_file_below_the_engagement(source: str, is_file: bool) -> None:
    assert bool(policy._FILE.match(source)) is is_file


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("finding:a", True), ("finding:A-1.b_c", True), ("finding:_", True), ("table:" + "a" * 64, True), ("location:", True),
        ("image:0", True), ("finding:-a", False), ("finding:.a", False), ("table:" + "a" * 65, False), ("finding:a b", False),
        ("finding:a\n", False), ("Finding:a", False), ("xfinding:a", False), ("finding:a/b", False),
    ],
)  # fmt: skip
def test_a_symbolic_address_has_the_name_of_an_id(address: str, is_allowed: bool) -> None:
    assert bool(policy._SYMBOLIC.match(address)) is is_allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](finding:F-1). finding:F-1.", "[a](finding:). finding:."),
        ("finding:F-1-2 finding:F-1._- finding:F-12", "finding:F-1-2 finding:._- finding:F-12"),
        ("location:F-1 image:F-1 table:F-1", "location:F-1 image:F-1 table:F-1"),
        ("location:here image:pic table:tab", "location: image: table:"),
        ("![](a/p.png) ![]( <a/p.png> ) [x]: a/p.png", "![](image:) ![]( <image:> ) [x]: image:"),
        ("![](a/p.png2) ![](ba/p.png) a/p.png", "![](a/p.png2) ![](ba/p.png) a/p.png"),
        ("![](a/pxpng)", "![](a/pxpng)"),
        ("finding:F-1\n\nfinding:F-1\n", "finding:\n\nfinding:\n"),
    ],
)
def test_references_to_what_is_left_out_lose_their_names(text: str, expected: str) -> None:
    names = {"finding": {"F-1"}, "location": {"here"}, "image": {"pic", "a/p.png"}, "table": {"tab"}}

    assert drop_references(text, names) == expected
    assert drop_references(text, {}) == text


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("a `b` c", ["a ", "`b", " c"]),
        ("`a``b`", ["`a``b"]),
        ("``a`b``", ["`a`b"]),
        ("`a` `b`", ["`a", " ", "`b"]),
        ("a ` b", ["a ` b"]),
        ("a `` b ` c", ["a `` b ` c"]),
        ("` `", ["` `"]),
        ("``", ["``"]),
        ("` a `", ["`a"]),
        ("` a`", ["` a"]),
        ("`a `", ["`a "]),
        ("`` ` ``", ["``"]),
        ("", []),
        ("``` `x` ```", ["``x`"]),
    ],
)
def test_code_in_a_title_is_between_runs_of_equal_length(text: str, runs: list[str]) -> None:
    expected = [
        TextRun(run.removeprefix("`"), is_code=True)
        if "`" in text and run[0] == "`" and len(runs) and run != text
        else TextRun(run, is_code=False)
        for run in runs
    ]

    assert list(split_inline_code(text)) == expected
    assert plain_text(text) == "".join(run.text for run in expected)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "a <br>\n\nb <sub>2</sub>",
            [
                "`<br>`: end the line with a backslash, or begin a paragraph",
                "`<sub>`: write the character, as in H₂O, or put it in backticks",
            ],
        ),
        ("<summary>", ["`<details>`: write a heading, and its text below"]),
        ("<A HREF=x>", ["the link `<a>`: write `[text](address)`"]),
        ("<a id=x>", ["the anchor `<a>`: remove it, or write a heading"]),
        ("<kbd>x</kbd>", ["`<kbd>`: write Markdown in its place, or put it in backticks if it is code"]),
    ],
)
def test_an_element_of_html_is_named_with_what_to_write(text: str, faults: list[str]) -> None:
    assert [f"{fault.fault.removesuffix(' is printed as text')}: {fault.remedy}" for fault in parse(text).faults] == faults


def test_a_text_has_as_many_characters_lines_brackets_and_parts_as_can_be_printed_in_time() -> None:
    def fault_of(text: str) -> str:
        prose = parse(text)
        assert [token.type for token in prose.tokens] == ["fence"]
        assert prose.tokens[0].content == text.rstrip("\n") + "\n"
        assert (prose.tokens[0].nesting, prose.tokens[0].map) == (0, [0, text.count("\n") + 1])
        assert [fault.level for fault in prose.faults] == ["error"]
        return prose.faults[0].fault

    assert parse("x" * 262_144).faults == parse("x" + "\n" * 20_000).faults == parse("`" + "[" * 20_000 + "`").faults == ()
    assert fault_of("x" * 262_145) == "the text has 262,145 characters; at most 262,144 are taken"
    assert fault_of("x" + "\n" * 20_001) == "the text has 20,001 lines; at most 20,000 are taken"
    assert fault_of("[" * 20_001) == "the text has 20,001 opening brackets; at most 20,000 are taken"
    assert fault_of("*a* " * 20_000) == "the text has 80,002 parts; at most 40,000 can be laid out"
    assert parse("*a* " * 9_999).faults == ()


def test_nineteen_quotations_with_their_paragraph_are_printed_and_one_more_is_code() -> None:
    assert parse("> " * 19 + "x").faults == parse("*" * 38 + "x" + "*" * 38).faults == ()
    for text in ("> " * 20 + "x", "*" * 39 + "x" + "*" * 39):
        assert [fault.code for fault in parse(text).faults] == ["prose-nesting"]


def test_the_longest_entity_is_no_part_of_an_address() -> None:
    for letters, is_outside in ((31, True), (32, False)):
        entity = f"&{'a' * letters};"
        outside, inside = (entity, "") if is_outside else (";", entity[:-1])
        address = f"https://e.org/{inside}"
        assert printed(parse(f"https://e.org/{entity}").tokens) == f"<p><a {address}>{address}</a>{outside}</p>"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("[a](finding:F-1)", ["finding"]),
        ("[a]: finding:F-1\n\n[a]", ["finding"]),
        ("| a |\n|---|\n\nTable: c {#t}", ["captioned"]),
        ("finding:F-1 and https://e.org", []),
    ],
)
def test_references_are_found_in_each_form(text: str, kinds: list[str]) -> None:
    assert [use.kind for use in references(text).uses] == kinds


@pytest.mark.parametrize("begins", ["Table: ", "Tabelle: ", "Tableau : ", "Tableau\u00a0: ", "Tabla: ", "表: ", "表："])
def test_a_caption_begins_with_the_word_for_table_in_any_language_of_reports(begins: str) -> None:
    table = "| a |\n|---|\n| 1 |\n"

    assert [name for _, name in parse(f"{table}\n{begins}c {{#t}}").tables] == ["t"]
    assert [fault.code for fault in parse(f"{table}{begins}c {{#t}}").faults] == ["table-caption"]
    assert [*list_tables(f"{table}\n{begins}c {{#t}}")] == [("t", False)]


def test_the_words_before_a_caption_are_those_of_the_catalogues() -> None:
    words = {Translation(path.stem).gettext("Table {number}", number="").strip() for path in CATALOGUES.glob("*.*o")}

    assert len(words) > 3
    assert all(CAPTION.match(f"{word}: c") for word in words)


def test_faults_after_a_picture_with_a_text_of_several_lines_name_their_own_line() -> None:
    text = "x ![a\nb\nc](https://e.org/a.png) [d](javascript:e)\n<b title='a>b'>f</b>"

    assert [(fault.line_offset, fault.code) for fault in parse(text).faults] == [
        (0, "image-refused"),
        (2, "link-refused"),
        (3, "html-as-text"),
    ]


def test_each_of_several_code_spans_is_meant_as_text() -> None:
    assert parse("`a` `<br>` ``<br> ` `` `b` `<br>`").faults == ()
    assert [fault.code for fault in parse("`a` `<br>` <br> `c`").faults] == ["html-as-text"]
