"""Markdown in the markup of trackers: what is text stays text, and nothing is lost."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from findings_report.model.ticket import Markup
from findings_report.rendering.markdown import escape
from findings_report.tickets.markup.convert import convert, truncate

ATLASSIANS = jsonschema.Draft4Validator(
    json.loads((Path(__file__).parents[1] / "support/trackers/contracts/adf.json").read_text())
)
PIECES = [
    "- ", "> ", "1. ", "  ", "    ", "\n", "\n\n", "# ", "```\n", "`", "**", "*", "~~", "[", "](https://e.org)", "](#a)", "![",
    "| a | b |\n|---|---|\n", "| x |", "a", "b c", "<https://e.org>", "---\n", "  \n", "&amp;", "\\",
]  # fmt: skip

ALL = """## Head

Some **bold**, _slanted_, ~~gone~~, `code` and [a (link)](https://example.org/a).

- one
- two
  1. inner

> quoted

| a | b |
|---|---|
| 1 | `2` |

```python
x = "*a*"
```
"""


def test_textile_has_every_construct() -> None:
    assert convert(ALL, Markup.TEXTILE) == (
        "h2. Head\n\n"
        'Some *bold*, _slanted_, -gone-, <code>code</code> and "a &#40;link)":https://example.org/a.\n\n'
        "* one\n* two\n*# inner\n\n"
        "> quoted\n\n"
        "|_. a |_. b |\n| 1 | <code>2</code> |\n\n"
        '<pre><code class="python">\nx = "*a*"\n</code></pre>\n'
    )


def test_jiras_wiki_markup_has_every_construct() -> None:
    assert convert(ALL, Markup.JIRA_WIKI) == (
        "h2. Head\n\n"
        "Some *bold*, _slanted_, -gone-, {{code}} and [a (link)|https://example.org/a].\n\n"
        "* one\n* two\n*# inner\n\n"
        "{quote}\nquoted\n{quote}\n\n"
        "|| a || b ||\n| 1 | {{2}} |\n\n"
        '{code:python}\nx = "*a*"\n{code}\n'
    )


def test_plain_text_tells_every_construct_by_lines_and_blanks() -> None:
    assert convert(ALL, Markup.PLAIN) == (
        "Head\n====\n\n"
        "Some bold, slanted, ~~gone~~, code and a (link) (https://example.org/a).\n\n"
        "- one\n- two\n  1. inner\n\n"
        "> quoted\n\n"
        "a | b\n1 | 2\n\n"
        '    x = "*a*"\n'
    )


def test_plain_text_keeps_what_belongs_to_an_item_under_it() -> None:
    text = "- a\n\n  b\n- ```\n  x\n\n  y\n  ```\n\n3. one\n4. two  \n   lines <https://e.org> [z](#anchor)\n\n---\n"

    assert convert(text, Markup.PLAIN) == (
        "- a\n\n  b\n-     x\n\n      y\n\n3. one\n4. two\n   lines https://e.org z\n\n--------------------\n"
    )


def test_jira_cloud_gets_a_tree_of_nodes_with_every_construct() -> None:
    document = json.loads(convert(ALL, Markup.ADF))

    kinds = [block["type"] for block in document["content"]]
    assert kinds == ["heading", "paragraph", "bulletList", "blockquote", "table", "codeBlock"]
    spans = {each["text"]: [mark["type"] for mark in each.get("marks", ())] for each in document["content"][1]["content"]}
    assert spans["bold"] == ["strong"]
    assert spans["slanted"] == ["em"]
    assert spans["gone"] == ["strike"]
    assert spans["code"] == ["code"]
    assert spans["a (link)"] == ["link"]
    assert document["content"][5] == {
        "type": "codeBlock",
        "attrs": {"language": "python"},
        "content": [{"type": "text", "text": 'x = "*a*"'}],
    }
    nested = document["content"][2]["content"][1]["content"][1]
    assert (nested["type"], nested["content"][0]["type"]) == ("orderedList", "listItem")


def test_a_tree_for_jira_has_no_empty_text_and_nothing_where_it_has_no_place() -> None:
    text = "- # head\n- > quote\n-\n\n> | a |\n> |---|\n> | b |\n\n```\n```\n\n**`x`** [`y`](https://e.org) [z](#anchor)\n"

    def walk(node: Any) -> Iterator[Any]:
        yield node
        for child in node.get("content", ()):
            yield from walk(child)

    nodes = list(walk(json.loads(convert(text, Markup.ADF))))

    assert all(node.get("text") for node in nodes if node["type"] == "text")
    allowed = {"paragraph", "bulletList", "orderedList", "codeBlock"}
    for node in nodes:
        if node["type"] in ("listItem", "blockquote"):
            assert {child["type"] for child in node["content"]} <= allowed
            assert node["content"]
    marks = {node["text"]: [mark["type"] for mark in node.get("marks", ())] for node in nodes if node["type"] == "text"}
    assert (marks["x"], marks["y"], marks["z"]) == (["code"], ["link", "code"], [])


@settings(max_examples=examples(40))
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example(ALL)
@example("> ")
@example("- # head\n- > quote\n-\n\n> | a |\n> |---|\n> | b |\n\n```\n```\n")
def test_whatever_the_text_its_tree_is_what_atlassians_own_schema_allows(text: str) -> None:
    ATLASSIANS.validate(json.loads(convert(text, Markup.ADF)))


@pytest.mark.parametrize(
    "text", ["{{toc}}", "[[Wiki]]", "!http://evil/x.png!", '"x":http://evil/', "*b*", "<b>", "|a|", "@x@", "&amp;", "#17"]
)
def test_what_only_a_tracker_reads_as_a_mark_is_text(text: str) -> None:
    textile = convert(f"see {escape(text)}", Markup.TEXTILE)
    jira = convert(f"see {escape(text)}", Markup.JIRA_WIKI)

    assert text not in textile
    assert re.sub(r"\\(?=\W)", "", jira) == f"see {text}\n"


@pytest.mark.parametrize("code", ["a </code></pre> b", "a <pre> b", "</CODE >", "<notextile>"])
def test_code_cannot_end_its_block_in_textile(code: str) -> None:
    for text in (f"```html\n{code}\n```", f"`{code}`"):
        inner = convert(text, Markup.TEXTILE)

        assert len(re.findall(r"</code\b", inner)) == 1
        assert "notextile>" not in inner.replace("< notextile>", "")


@pytest.mark.parametrize("code", ["{code}", "{code:java}", "{noformat}"])
def test_code_cannot_end_its_block_in_jira(code: str) -> None:
    inner = convert(f"```\n{code} *bold*\n```", Markup.JIRA_WIKI)

    assert inner == f"{{noformat}}\n{{ {code[1:]} *bold*\n{{noformat}}\n"


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=60))
@example("&0;")
@example("&lt;")
def test_no_letter_of_a_text_is_lost_in_any_markup(text: str) -> None:
    letters = [letter for letter in text if letter.isalnum()]
    for markup in Markup:
        converted = convert(f"x {escape(text)}", markup)
        # only HTML and Textile are written with entities: elsewhere `&lt;` is four characters of the text
        has_entities = markup in (Markup.HTML, Markup.TEXTILE)
        shown = iter(html.unescape(converted) if has_entities else converted)
        assert all(letter in shown for letter in letters)


def test_a_text_that_is_too_long_loses_its_last_blocks_and_says_so() -> None:
    text = "".join(f"Paragraph {number}.\n\n" for number in range(100))

    cut = truncate(text, "The end.\n", Markup.TEXTILE, 600)

    assert cut.startswith("Paragraph 0.")
    assert "*Truncated&#58;" in cut or "*Truncated:" in cut
    assert cut.endswith("The end.\n")
    assert 400 < len(cut) <= 600
    assert truncate(text, "The end.\n", Markup.TEXTILE, 60_000).count("Paragraph") == 100
