"""Where a mark is put, to the character: into whatever acts on a tracker, and into nothing else."""

from __future__ import annotations

import pytest

from findings_report.model.ticket import Markup
from findings_report.tickets.markup.convert import convert, neutralise_title, truncate

MARKUPS = (Markup.GITHUB, Markup.GITLAB, Markup.REDMINE, Markup.MARKDOWN, Markup.HTML)
CASES = [
    (
        "@ada @org/team (@x) @<guid> @@x",
        "@^^ada @^^org/team (@^^x) @^^\\<guid> @^^@^^x\n",
        "\\@ada \\@org/team (\\@x) \\@\\<guid> \\@\\@x\n",
        "&#64;||ada &#64;||org/team (&#64;||x) &#64;||\\<guid> &#64;||&#64;||x\n",
        "@||ada @||org/team (@||x) @||\\<guid> @||@||x\n",
        "<p>@^^ada @^^org/team (@^^x) @^^&lt;guid&gt; @^^@^^x</p>\n",
    ),
    (
        "a@ada 1@ada \xe9@x @. @-x @ x @",
        "a@ada 1@ada \xe9@^^x @^^. @^^-x @ x @\n",
        "a@ada 1@ada \xe9\\@x \\@. \\@-x @ x @\n",
        "a@ada 1@ada \xe9&#64;||x &#64;||. &#64;||-x &#64; x &#64;\n",
        "a@ada 1@ada \xe9@||x @||. @||-x @ x @\n",
        "<p>a@ada 1@ada \xe9@^^x @^^. @^^-x @ x @</p>\n",
    ),
    (
        "#12 !3 a#1 #x !x $1 &1 ~1 %1 ^1 &x ~label",
        "#^^12 !^^3 a#^^1 #x !x \\$1 &1 \\~1 %1 ^1 &x \\~label\n",
        "\\#12 \\!3 a\\#1 \\#x \\!x \\$1 \\&1 \\~1 \\%1 \\^1 \\&x \\~label\n",
        "#||12 !||3 a#||1 #x !x \\$1 &1 \\~1 %1 ^1 &x \\~label\n",
        "#||12 !||3 a#||1 #x !x \\$1 &1 \\~1 %1 ^1 &x \\~label\n",
        "<p>#^^12 !^^3 a#^^1 #x !x $1 &amp;1 ~1 %1 ^1 &amp;x ~label</p>\n",
    ),
    (
        "GH-12 gl-3 Gh-x GH12 ABC-12 A1_B-3 x_AB-1 1AB-2 abc-1 AB-x",
        "GH-^^12 gl-^^3 Gh-x GH12 ABC-12 A1_B-3 x_AB-1 1AB-2 abc-1 AB-x\n",
        "GH-^^12 gl-^^3 Gh-x GH12 ABC-^^12 A1_B-^^3 x_AB-^^1 1AB-^^2 abc-1 AB-x\n",
        "GH-12 gl-3 Gh-x GH12 ABC-12 A1_B-3 x_AB-1 1AB-2 abc-1 AB-x\n",
        "GH-||12 gl-||3 Gh-x GH12 ABC-12 A1_B-3 x_AB-1 1AB-2 abc-1 AB-x\n",
        "<p>GH-12 gl-3 Gh-x GH12 ABC-12 A1_B-3 x_AB-1 1AB-2 abc-1 AB-x</p>\n",
    ),
    (
        "[ ] [x] [X] [~] [y] [[Page]]",
        "\\[^^ \\] \\[^^x\\] \\[^^X\\] \\[^^\\~\\] \\[y\\] \\[\\[Page\\]\\]\n",
        "\\[^^ \\] \\[^^x\\] \\[^^X\\] \\[\\~\\] \\[y\\] \\[^^\\[Page\\]\\]\n",
        "\\[ \\] \\[x\\] \\[X\\] \\[\\~\\] \\[y\\] \\[||\\[Page\\]\\]\n",
        "\\[ \\] \\[x\\] \\[X\\] \\[\\~\\] \\[y\\] \\[||\\[Page\\]\\]\n",
        "<p>[ ] [x] [X] [~] [y] [[Page]]</p>\n",
    ),
    (
        "[ page ] {{macro}} [+a+] {-b-} [-c-] {+d+} {a}",
        "\\[ page \\] {{macro}} \\[+a+\\] {-b-} \\[-c-\\] {+d+} {a}\n",
        "\\[ page \\] {{macro}} \\[^^+a+\\] {^^-b-} \\[^^-c-\\] {^^+d+} {a}\n",
        "\\[ page \\] {||{macro}} \\[+a+\\] {-b-} \\[-c-\\] {+d+} {a}\n",
        "\\[ page \\] {||{macro}} \\[+a+\\] {-b-} \\[-c-\\] {+d+} {a}\n",
        "<p>[ page ] {{macro}} [+a+] {-b-} [-c-] {+d+} {a}</p>\n",
    ),
    (
        ":smile: :+1: :a b: :: :x-y:",
        ":^^smile: :^^+1: :a b: :: :^^x-y:\n",
        ":^^smile: :^^+1: :a b: :: :^^x-y:\n",
        ":smile: :+1: :a b: :: :x-y:\n",
        ":smile: :+1: :a b: :: :x-y:\n",
        "<p>:smile: :+1: :a b: :: :x-y:</p>\n",
    ),
    (
        "abcdef abcdef0 ABCDEF012345678 abcdefg",
        "abcdef abcdef^^0 ABCDEF^^012345^^678 abcdefg\n",
        "abcdef abcdef^^0 ABCDEF^^012345^^678 abcdefg\n",
        "abcdef abcdef0 ABCDEF012345678 abcdefg\n",
        "abcdef abcdef0 ABCDEF012345678 abcdefg\n",
        "<p>abcdef abcdef0 ABCDEF012345678 abcdefg</p>\n",
    ),
    (
        "[contact:x] *iteration:1 org/project>1 a/b [x:",
        "\\[contact:x\\] \\*iteration:1 org/project>1 a/b \\[x:\n",
        "\\[^^contact:x\\] \\*^^iteration:1 org/project^^>1 a/b \\[^^x:\n",
        "\\[contact:x\\] \\*iteration:1 org/project>1 a/b \\[x:\n",
        "\\[contact:x\\] \\*iteration:1 org/project>1 a/b \\[x:\n",
        "<p>[contact:x] *iteration:1 org/project&gt;1 a/b [x:</p>\n",
    ),
    (
        "commit:x user:1 message: r12 R3 r1x xr1",
        "commit:x user:1 message: r12 R3 r1x xr1\n",
        "commit:x user:1 message: r12 R3 r1x xr1\n",
        "commit:||x user:||1 message: r||12 R||3 r1x xr1\n",
        "commit:x user:1 message: r12 R3 r1x xr1\n",
        "<p>commit:x user:1 message: r12 R3 r1x xr1</p>\n",
    ),
    (
        "attachment:a.png document:1 export:x forum:x news:x project:x source:x version:x",
        "attachment:a.png document:1 export:x forum:x news:x project:x source:x version:x\n",
        "attachment:a.png document:1 export:x forum:x news:x project:x source:x version:x\n",
        "attachment:||a.png document:||1 export:||x forum:||x news:||x project:||x source:||x version:||x\n",
        "attachment:a.png document:1 export:x forum:x news:x project:x source:x version:x\n",
        "<p>attachment:a.png document:1 export:x forum:x news:x project:x source:x version:x</p>\n",
    ),
    (
        "/close\n/move\nx /close",
        "/close\n/move\nx /close\n",
        "\\/close\n\\/move\nx /close\n",
        "/close\n/move\nx /close\n",
        "\\/close\n\\/move\nx /close\n",
        "<p>/close\n/move\nx /close</p>\n",
    ),
    (
        "a\\\n /close",
        "a\\\n/close\n",
        "a\\\n\\/close\n",
        "a\\\n/close\n",
        "a\\\n\\/close\n",
        "<p>a<br />\n/close</p>\n",
    ),
    (
        "`@ada #1 /close`\n\n```\n@ada\n/close\n```",
        "`@ada #1 /close`\n\n```\n@ada\n/close\n```\n",
        "`@ada #1 /close`\n\n ```\n @ada\n /close\n ```\n",
        "`@||ada #1 /close`\n\n```\n@ada\n/close\n```\n",
        "`@ada #1 /close`\n\n```\n@ada\n/close\n```\n",
        "<p><code>@ada #1 /close</code></p>\n<pre><code>@ada\n/close\n</code></pre>\n",
    ),
    (
        "[x](@ada) [z](https://e.org/@ada#1)",
        "x [z](https://e.org/@ada#1)\n",
        "x [z](https://e.org/@ada#1)\n",
        "x [z](https://e.org/%40ada#1)\n",
        "x [z](https://e.org/@ada#1)\n",
        '<p>x <a href="https://e.org/@ada#1">z</a></p>\n',
    ),
    (
        "<https://e.org/@ada>",
        "<https://e.org/@ada>\n",
        "<https://e.org/@ada>\n",
        "[https\\://e.org/@||ada](https://e.org/%40ada)\n",
        "<https://e.org/@ada>\n",
        '<p><a href="https://e.org/@ada">https://e.org/@ada</a></p>\n',
    ),
    (
        "![@ada *b*](https://e.org/x.png)\n\n![a\\\nb](x)",
        "\\[image: @^^ada b\\]\n\n\\[image: a b\\]\n",
        "\\[^^image: \\@ada b\\]\n\n\\[^^image: a b\\]\n",
        "\\[image: &#64;||ada b\\]\n\n\\[image: a b\\]\n",
        "\\[image: @||ada b\\]\n\n\\[image: a b\\]\n",
        "<p>[image: @^^ada b]</p>\n<p>[image: a b]</p>\n",
    ),
    (
        "\U0001da87 &#121479; &#x1da88;",
        "U+1DA87 U+1DA87 U+1DA88\n",
        "U+1DA87 U+1DA87 U+1DA88\n",
        "U+1DA87 U+1DA87 U+1DA88\n",
        "U+1DA87 U+1DA87 U+1DA88\n",
        "<p>U+1DA87 U+1DA87 U+1DA88</p>\n",
    ),
    (
        "&#64;ada \\@ada &#35;12",
        "@^^ada @^^ada #^^12\n",
        "\\@ada \\@ada \\#12\n",
        "&#64;||ada &#64;||ada #||12\n",
        "@||ada @||ada #||12\n",
        "<p>@^^ada @^^ada #^^12</p>\n",
    ),
    (
        "> /close\n\n- /close\n\n# /close\n\n| /close |\n|---|\n| /x |",
        "> /close\n\n- /close\n\n# /close\n\n| /close |\n| --- |\n| /x |\n",
        "> \\/close\n\n- \\/close\n\n# \\/close\n\n| \\/close |\n| --- |\n| \\/x |\n",
        "> /close\n\n- /close\n\n# /close\n\n| /close |\n| --- |\n| /x |\n",
        "> \\/close\n\n- \\/close\n\n# \\/close\n\n| \\/close |\n| --- |\n| \\/x |\n",
        "<blockquote>\n<p>/close</p>\n</blockquote>\n<ul>\n<li>/close</li>\n</ul>\n<h1>/close</h1>\n<table>\n<thead>\n<tr>\n<th>/close</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>/x</td>\n</tr>\n</tbody>\n</table>\n",
    ),
    (
        "```\n>>>\n```",
        "```\n>>>\n```\n",
        " ```\n >>>\n ```\n",
        "```\n>>>\n```\n",
        "```\n>>>\n```\n",
        "<pre><code>&gt;&gt;&gt;\n</code></pre>\n",
    ),
    (
        "> ```\n> /x\n> ```",
        "> ```\n> /x\n> ```\n",
        "> ```\n> /x\n> ```\n",
        "> ```\n> /x\n> ```\n",
        "> ```\n> /x\n> ```\n",
        "<blockquote>\n<pre><code>/x\n</code></pre>\n</blockquote>\n",
    ),
    (
        "[a <https://e.org> b](https://f.org) [a](x:y)",
        "[a https\\://e.org b](https://f.org) a\n",
        "[a https\\://e.org b](https://f.org) a\n",
        "[a https\\://e.org b](https://f.org) a\n",
        "[a https\\://e.org b](https://f.org) a\n",
        '<p><a href="https://f.org">a https://e.org b</a> a</p>\n',
    ),
]
"""A text, and what it becomes for each of MARKUPS: ^^ is an empty comment, || a blank without width."""


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_a_mark_is_put_into_what_acts_and_into_nothing_else(case: tuple[str, ...]) -> None:
    text, *expected = case

    written = [convert(text, markup).replace("<!-- -->", "^^").replace("\u200b", "||") for markup in MARKUPS]

    assert dict(zip(MARKUPS, written, strict=True)) == dict(zip(MARKUPS, expected, strict=True))


def test_code_within_a_line_of_textile_mentions_nobody_and_blocks_stay() -> None:
    assert convert("`@ada`\n\n```\n@ada\n```\n", Markup.TEXTILE) == (
        '<code>@\u200bada</code>\n\n<pre><code class="text">\n@ada\n</code></pre>\n'
    )
    assert convert("`@ada`\n\n```\n@ada\n```\n`@ada`\n", Markup.REDMINE) == "`@\u200bada`\n\n```\n@ada\n```\n\n`@\u200bada`\n"


def test_the_text_of_a_picture_is_in_one_line() -> None:
    assert convert("![a\nb\\\nc *d*](x)", Markup.GITHUB) == "\\[image: a b c d\\]\n"


def test_a_title_in_gitlab_has_marks_in_mentions_and_references_only() -> None:
    written = neutralise_title("@ada @. #12 !3 &4 $5 a@b [x:y] [ GH-1 gl-2 abcdef012 #x @ #")

    assert written.replace("\u200b", "|") == "@|ada @|. #|12 !|3 &|4 $|5 a@b [|x:y] [ GH-|1 gl-|2 abcdef|012 #x @ #"
    assert neutralise_title("/close") == "/close"


def test_a_text_is_cut_at_a_block_and_keeps_its_end() -> None:
    text = "# One\n\n- a\n- b\n\n```\ncode\n```\n\nTwo\n"
    notice = "**Truncated: the tracker limits the length of texts. The report contains the whole finding.**"
    whole = convert(f"{text}\nEnd", Markup.GITHUB)

    assert truncate(text, "End", Markup.GITHUB, len(whole)) == whole
    text = text + "long " * 100
    for kept in ("# One\n\n- a\n- b\n\n```\ncode\n```\n\n", "# One\n\n- a\n- b\n\n", "# One\n\n", ""):
        expected = f"{kept}{notice}\n\nEnd\n"
        assert truncate(text, "End", Markup.GITHUB, len(expected)) == expected
    with pytest.raises(AssertionError):
        truncate(text, "End", Markup.GITHUB, len(notice))
