"""The Markdown policy: what is allowed, what becomes text, and that nothing is lost without a word."""

from __future__ import annotations

import pytest
from growth import growth
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.token import Token

from findings_report import prose
from findings_report.prose.constructs import write_formula


def words_of(parsed: prose.Prose) -> str:
    """All text of the tokens."""
    parts: list[str] = []

    def visit(token: Token) -> None:
        if token.type == "figure":
            parts.append(token.meta["text"])
        elif token.type != "inline":
            parts.append(token.content)
        for child in token.children or ():
            visit(child)

    for token in parsed.tokens:
        visit(token)
    return " ".join(parts)


def links_of(parsed: prose.Prose) -> list[str]:
    """Addresses of the links that are left."""
    children = [child for token in parsed.tokens for child in token.children or ()]
    return [str(child.attrs["href"]) for child in children if child.type == "link_open"]


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a?b=c#d",
        "http://example.org",
        "mailto:a@example.org",
        "#NTR-001",
        "finding:NTR-001",
        "location:src",
    ],
)
def test_a_link_of_the_list_is_followed(address: str) -> None:
    parsed = prose.parse(f"see [here]({address}) now")

    assert links_of(parsed) == [address]
    assert parsed.faults == ()


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\u200bscript:alert(1)",
        "&#x6A;avascript:alert(1)",
        "//evil.example/x",
        "\\\\\\\\host\\\\share",
        "data:text/html,x",
        "data:image/png;base64,AA",
        "vbscript:x",
        "file:///etc/passwd",
        "smb:x",
        "ftp://x",
        "ms-word:ofe|u|x",
        "search-ms:q",
        "view-source:https://x",
        "blob:https://x",
        "https:/x",
        "https:x",
        "relative/path.md",
        "/absolute",
        "#",
        "finding:a b",
        "finding:../x",
        "image:flow",
        "http:///x",
        "\u202ehttps://x",
    ],
)
def test_any_other_link_is_text_and_reported(address: str) -> None:
    parsed = prose.parse(f"first\nsee [here](<{address}>) now")

    if address != "\u202ehttps://x":
        assert links_of(parsed) == []
        assert any(fault[0] == 1 and fault[3] == "link-refused" for fault in parsed.faults)
    assert "here" in words_of(parsed)


def test_an_autolink_goes_by_the_same_list() -> None:
    parsed = prose.parse("<https://example.org> <javascript:alert(1)> <finding:NTR-001>")

    assert links_of(parsed) == ["https://example.org"]
    assert "<javascript:alert(1)>" in words_of(parsed)
    assert [fault.code for fault in parsed.faults] == ["link-refused", "link-refused"]


@pytest.mark.parametrize(
    "source", ["https://example.org/x.png", "//host/x", "data:image/png;base64,AA", "../x.png", "file:x", "finding:A"]
)
def test_a_foreign_image_is_text_and_reported(source: str) -> None:
    parsed = prose.parse(f"![the *alt*]({source})")

    assert "[image not included: the alt]" in words_of(parsed)
    assert [fault.code for fault in parsed.faults] == ["image-refused"]


def test_raw_html_is_text() -> None:
    parsed = prose.parse("<script>alert(1)</script>\n\na <b>c</b>")

    assert "<script>alert(1)</script>" in words_of(parsed)
    assert not any(token.type.startswith("html") for token in parsed.tokens)


def test_a_snippet_and_a_picture_stand_where_they_have_a_line_of_their_own() -> None:
    parsed = prose.parse("before\n![Here *it* is](location:src)\nafter\n\n- item\n\n  ![](image:flow)\n\n![](images/a.png)")

    figures = [
        (token.meta["kind"], token.meta["name"], token.meta["text"]) for token in parsed.tokens if token.type == "figure"
    ]
    assert figures == [("placed", "src", "Here it is"), ("image", "flow", ""), ("image", "images/a.png", "")]
    assert parsed.references.placed == ("src",)
    assert parsed.references.images == ("flow", "images/a.png")
    assert [use.line_offset for use in parsed.references.uses] == [1, 6, 8]
    assert words_of(parsed).split() == ["before", "Here", "it", "is", "after", "item"]


def test_a_location_in_the_middle_of_a_line_is_reported() -> None:
    parsed = prose.parse("look at ![this](location:src) now")

    assert parsed.references.placed == ()
    assert parsed.faults[0].remedy == "give it a line of its own, or refer to it: `[](location:src)`"


def test_references_are_told_apart() -> None:
    found = prose.references("[](location:sink) and [](finding:NTR-2), [text](finding:NTR-3)\n\n![](location:src)")

    assert found.locations == ("sink",)
    assert found.findings == ("NTR-2", "NTR-3")
    assert found.placed == ("src",)


@pytest.mark.parametrize("mark", ["> ", "- ", "1. "])
@pytest.mark.parametrize("depth", [21, 60, 150])
def test_text_nested_too_deep_is_an_error_and_kept(mark: str, depth: int) -> None:
    parsed = prose.parse("fine\n\n" + mark * depth + "deepest")

    assert [(fault.line_offset, fault.code, fault.level) for fault in parsed.faults] == [(2, "prose-nesting", "error")]
    assert "deepest" in words_of(parsed)


def test_emphasis_nested_too_deep_is_an_error() -> None:
    assert [fault.code for fault in prose.faults("*a **b " * 15 + "x" + "** c*" * 15)] == ["prose-nesting"]


@pytest.mark.parametrize(
    "text",
    [
        "[a]: https://example.org/" + "x" * 20_000 + "\n\n" + "[a]" * 10_000,
        "[a]: <https://x.org> '" + "x" * 20_000 + "'\n\n" + "[a]" * 10_000,
        "|a" * 500 + "\n" + "|-" * 500 + "\n" + "|b\n" * 2000,
    ],
)
def test_text_that_grows_out_of_proportion_is_an_error(text: str) -> None:
    assert [fault.code for fault in prose.faults(text)] == ["prose-size"]


@pytest.mark.parametrize("pattern", ["[", "![", "[][", "<!["])
def test_more_brackets_than_a_person_writes_are_an_error(pattern: str) -> None:
    text = (pattern * prose.LONGEST)[: prose.LONGEST]

    (fault,) = prose.faults(text)

    assert "opening brackets; at most 20,000 are taken" in fault[1]
    assert words_of(prose.parse(text)).strip() == text
    assert prose.faults("[ " * prose.MOST_BRACKETS) == ()


def test_a_definition_that_nothing_uses_is_reported() -> None:
    faults = prose.faults("text [used]\n\n[used]: https://example.org\n[note]: secret")

    assert [(fault.line_offset, fault.code) for fault in faults] == [(3, "definition-unused")]


HEAD = "| a | b |\n|---|---|\n"


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (HEAD + "| 1 | 2 | lost |", [(2, "table-cells")]),
        (HEAD + "| 1 | `x|lost` |", [(2, "table-cells")]),
        (HEAD + "1 | 2 | lost", [(2, "table-cells")]),
        ("> - " + HEAD.replace("\n|", "\n>   |") + ">   | 1 | 2 | lost |", [(2, "table-cells")]),
        (HEAD.replace("\n", "\r") + "| 1 | 2 | lost |\r", [(2, "table-cells")]),
        (HEAD.replace("\n", "\r\n") + "| 1 | 2 | lost |\r\n", [(2, "table-cells")]),
        ("a|b\n-|-\n1|2|lost\n1|2\n1|2|lost", [(2, "table-cells"), (4, "table-cells")]),
        (HEAD + "| 1 | 2 | 3 |\n\n| a | b | c |\n|-|-|-|\n| 1 | 2 | 3 |", [(2, "table-cells")]),
        ("a | b | c before it\nd | e\n--|--\n1 | 2 | lost", [(3, "table-cells")]),
        ("a | b | c\n--|--|--\n\t\nd | e\n--|--\n1 | 2 | lost", [(5, "table-cells")]),
        (HEAD + "| 1 | 2 |\n| 1 |\n1 | 2\n| `x\\|y` | \\| |", []),
        ("a | b | c in a paragraph\nand | one", []),
        ("```\n| a | b |\n|---|---|\n| 1 | 2 | 3 |\n```", []),
        ("``` py  title=lost\nx\n```", [(0, "fence-text")]),
        ("- a\n\n  ~~~js {3,5}\n  x\n  ~~~", [(2, "fence-text")]),
        ("```py\n``` py title\n```", []),
        ("[a]\n\n[a]: https://x.example\n[A]: https://lost.example", [(3, "definition-repeated")]),
    ],
)
def test_what_markdown_prints_nowhere_is_reported(text: str, reported: list[tuple[int, str]]) -> None:
    assert [(fault.line_offset, fault.code) for fault in prose.faults(text)] == reported
    assert ("lost" in words_of(prose.parse(text))) == ("lost" in text and not reported)


def test_hidden_characters_are_reported_but_joiners_between_letters_are_not() -> None:
    assert [(fault[0], fault[3]) for fault in prose.faults("a\nb\u202ec")] == [(1, "hidden-character")]
    assert prose.faults("a\u200db")[0].code == "hidden-character"
    assert prose.faults("می\u200cخواهم 👩\u200d💻") == ()


def test_a_fault_is_four_values() -> None:
    line_offset, fault, remedy, code = prose.faults("[x](javascript:x)")[0]

    assert (line_offset, code) == (0, "link-refused")
    assert "javascript:x" in fault
    assert "https" in remedy


@given(st.text(alphabet="ab ()[]<>!*_`~:\\\n>-1.|#&;\"'location:image:javascript:", max_size=80))
def test_every_letter_of_any_text_is_kept_or_its_loss_reported(text: str) -> None:
    parsed = prose.parse(text)

    if (
        "]:" in text
        or "](" in text
        or "][" in text
        or "&" in text
        or "\\" in text
        or "|" in text
        or "```" in text
        or "~~~" in text
    ):
        return  # addresses, entities and info strings are no text
    letters = [character for character in text if character.isalpha()]
    assert [character for character in words_of(parsed) if character.isalpha()] == letters


FOREIGN = [
    ("Before.<br>After.", [(0, "html-as-text")]),
    (
        "a\n\n<details>\n<summary>S</summary>\n\nb\n\n</details>",
        [(2, "html-as-text"), (3, "html-as-text"), (7, "html-as-text")],
    ),
    ("H<sub>2</sub>O", [(0, "html-as-text")]),
    ('x\ny <a name="here"></a>', [(1, "html-as-text")]),
    ("x <!-- not for the client -->", [(0, "html-as-text")]),
    ("## Head {#head}", [(0, "html-as-text")]),
    ("| a |\n|---|\n| x<br>y |", [(2, "html-as-text")]),
    ("The sum\nis $$\\mathcal{O}(n)$$.", [(1, "math-as-text")]),
    ("A note.[^1]\n\n[^1]: The note.\n\n[^1]: Again.\n\n[^2]: Unused.", [(4, "footnote-unused"), (6, "footnote-unused")]),
    ("> [!WARNING] Take care.\n> Really.", [(0, "alert-as-text")]),
    ("x\nif __name__ and __version__ of a*b*c", [(1, "code-as-emphasis")] * 3),
    ("\\\\server\\share and\nC:\\_x, (D:\\.git) and dir\\sub\\[x]", [(0, "backslash-lost"), *[(1, "backslash-lost")] * 3]),
]


@pytest.mark.parametrize(("text", "expected"), FOREIGN)
def test_what_other_programs_lay_out_is_reported_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(fault.line_offset, fault.code) for fault in prose.faults(text)] == expected


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"f(a) = \frac{n_1 a}{n_2 + m_a}", "f(a) = (n₁ a)/(n₂ + mₐ)"),
        (r"2^{256} \le \sqrt{x_{max}} \cdot 10^18", "2²⁵⁶ ≤ √xₘₐₓ · 10¹8"),
        (r"x^{k/2} \bmod p, \lfloor{a}\rfloor \ne \text{total supply}", "x^(k/2) mod p, ⌊a⌋ ≠ total supply"),
        (r"\mathcal{O}(n)", None),
        (r"a^{b", None),
        (r"\frac{a}", None),
        ("{" * 50 + "}" * 50, None),
    ],
)
def test_a_formula_is_plain_text_where_it_has_a_form(source: str, text: str | None) -> None:
    assert write_formula(source) == text


def test_constructs_are_blocks_that_every_format_has() -> None:
    text = (
        "Once.[^b] Twice.[^a] Once more.[^b] `[^b]`\n\n[^a]: Of *a*.\n\n    Its second paragraph.\n\n[^b]:\n    - of b\n\n"
        "- [ ] open\n- [x] done\n\n> [!Warning]\n> Take care.\n\nTerm\n: one\n: two\n\n  - tight\n  - list\n\nOther\n: three\n"
    )
    parsed = prose.parse(text)

    assert parsed.faults == ()
    assert "".join(words_of(parsed)).replace(" ", "") == (
        "Once.¹Twice.²Oncemore.¹[^b]☐open☑doneWarningTakecare.TermonetwotightlistOtherthree¹ofb²Ofa.Itssecondparagraph."
    )
    assert {token.type for token in parsed.tokens} <= {
        f"{kind}_{end}" for kind in ("paragraph", "bullet_list", "list_item", "blockquote") for end in ("open", "close")
    } | {"inline"}
    nesting = [0]
    for token in parsed.tokens:
        nesting.append(nesting[-1] + token.nesting)
        assert token.level == min(nesting[-2:]), token
    assert nesting[-1] == 0


@pytest.mark.parametrize("text", [text for text, _ in FOREIGN])
def test_in_code_it_is_meant_as_text(text: str) -> None:
    indented = "".join(f"    {line}\n" for line in text.splitlines())

    assert prose.faults(f"```\n{text}\n```\n\n~~~\n{text}\n~~~\n\n{indented}") == ()
    if "\n" not in text:
        assert prose.faults(f"a `` {text} `` b `{text}` c") == ()


@pytest.mark.parametrize(
    "text",
    [
        "Prices such as $5 and $10 are no formula", "$5-$10", "5$ or ($10)", "costs $5 (or 10$)", "US$5=$6", "$1,000 + $2,000",
        "$HOME/$USER and $PATH:$HOME", "${A}:${B}", "the ids $$ and $$", r"\$a_b\$", r"\<br>", r"\[^1]", "$_GET['a'].$_POST",
        "Vec<u8> and Map<K, V>", "transfer(<address>, <amount>)", "if x<i and y>z", "<script>alert(1)</script>",
        "`[^a-z]` and [^a-z]", "<https://example.org/$a_1$>", "[x](https://example.org/$a_1$)", "- [x](https://example.org)",
        "[!WARNING] without a quote", "{#not a heading}", "Result&nbsp;&lt;5", "a `` ` <br> `` b", "x\n`<br>\n<br>` y",
    ],
)  # fmt: skip
def test_what_is_meant_as_text_is_not_reported(text: str) -> None:
    assert prose.faults(text) == ()


def test_a_backtick_without_a_partner_hides_nothing() -> None:
    assert [fault.line_offset for fault in prose.faults("a ` b <br>\nand `` c `` <br>\n``` d")] == [0, 1]


@pytest.mark.parametrize(
    "piece",
    [
        "<b>", "<a ", "$x_", "[^1] ", "[^", "<a b=c", "<!--", "`", "x*", "__a", "\\\\a", "$\\frac{", "$a^b$ ", "x\n: ",
        "[^1]: ",
    ],
)  # fmt: skip
def test_the_search_takes_time_in_proportion_to_the_text(piece: str) -> None:
    assert growth(lambda size: prose.faults(piece * (size // len(piece)) + "\n\n[^1]: x"), 4_000) < 8


TABLE = "| a | b |\n|---|---|\n"


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        (f"{TABLE}| 1 | 2 | lost |\n", {2: "lost"}),
        (f"x\n\n{TABLE}| `1|2` | lost |\n| 1 | 2\n3 | 4 | lost | too", {4: "lost", 6: "lost | too"}),
        (f"> {TABLE.replace(chr(10), chr(10) + '> ')}| 1 | 2 | lost |\n", {2: "lost"}),
        (f"{TABLE}| 1 \\| 2 | 3 |\n| 4 |\n|  | 5 |\n| 6 |  |\n", {}),
        ("a | b\n\n| no | table | at | all |", {}),
    ],
)  # fmt: skip
def test_a_cell_that_markdown_drops_is_reported(text: str, lost: dict[int, str]) -> None:
    found = [(fault.line_offset, fault.fault.partition(": ")[2]) for fault in prose.faults(text)]

    assert found == [(line, f"'{cells}' is not printed") for line, cells in lost.items()]
