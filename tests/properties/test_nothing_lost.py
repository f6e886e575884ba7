"""Every word that an author writes is printed, in order, in every format, or a problem with its line names it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import office
import pytest
import samples
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.token import Token
from pdfs import render_pdf
from structure import read_gfm, structure_of, text_of

from findings_report import prose
from findings_report.model.finding import Fix, Recommendation
from findings_report.model.report import Report
from findings_report.model.ticket import Markup
from findings_report.rendering import html, markdown
from findings_report.rendering.document_parts import render
from findings_report.rendering.figures import Part
from findings_report.rendering.template_files import Template
from findings_report.report import archive
from findings_report.tickets.create_and_sync import render_tickets
from findings_report.tickets.markup import convert

TEMPLATES = Path(__file__).parents[2] / "templates"

MARKS = [
    "*", "**", "_", "__", "~~", "~", "`", "``", "\\", "&", "&#10;", "&nbsp;", "<", ">", "<b>", "</b>", "<!--", "-->", "!",
    "$", "[", "]", "![", "](https://x.org/", "](https://x.org/ '", "](location:", "](finding:", "](image:", "](javascript:",
    "](", ")", "')", '"', "'", "][", "]: https://x.org/", "]: https://x.org/ '", "'\n", "http://", "www.", "@", ".",
    "mailto:", "<https://", "\n", "\n\n", "  \n", "\\\n", "    ", "\t", "- ", "+ ", "1. ", "> ", "# ", " #", "===\n", "---\n",
    "***\n", "```\n", "```", "~~~", "~~~ ", "|", "|---|\n", "|---|:-:|\n", "\n|", "|\n", "\\|", "[^", "[ ] ", "{#", "}", ":",
    "=", " ", " ", " ", "](table:",
]  # fmt: skip
"""Joined with words in any order."""

WHOLE = [
    "[@](https://x.org/@ '@')", "[@](javascript:@ '@')", "![@](image:@ '@')", "![@ [@](https://@.org/)](image:@)", "[@][@]",
    "[l@]", "\n\n[@]: https://x.org/@ '@'\n\n", "\n```@ @ @\n@\n```\n", "\n\n| @ | @ |\n|---|---|\n| @ | @ | @ |\n",
    "<https://@.org/>", "\n\n![@](location:@ '@')\n\n", "\n\n[l100]: https://x.org/ '@'\n\n", "[^@]", "<b>@</b>", "&amp;@;",
    "`@`", "@@x.org", "\n\nTable: @ {#t}\n\n", "\n\nTable: @ `@`\n\n| @ | @ |\n|---|---|\n| @ | @ |\n\n",
    "\n\n![@](table:@)\n\n", "[@](table:@)",
]  # fmt: skip
"""The same, whose words stand for `@`."""


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A text of marks and words, each word but once."""
    number = count(100)
    parts = draw(st.lists(st.one_of(st.sampled_from(MARKS), st.sampled_from(WHOLE), st.just("@")), max_size=20))
    return re.sub(r"@(?!x\.org)", lambda _: f"w{next(number)}", "".join(parts))


def part() -> Part:
    return Part(samples.engagement(), lambda picture: f"data:{picture.name}", lambda _, __, caption: caption or html.escape(""))


def words_of(text: str) -> list[str]:
    """The words of a text; case does not count, as labels have none."""
    return re.findall(r"w\d{3}", text.lower())


def behind(tokens: Iterable[Token]) -> Iterator[str]:
    """What a reader follows or profits from, and does not read: addresses, labels of links, languages of code."""
    for token in tokens:
        yield from (str(value) for value in token.attrs.values())
        yield token.meta.get("label", "")
        yield str(token.meta.get("name", ""))
        yield token.info.split(maxsplit=1)[0] if token.info.strip() else ""
        yield from behind(token.children or ())
        yield from behind(token.meta.get("alt", ()))


def check_words(text: str) -> None:
    parsed = prose.parse(text)
    lines = text.split("\n")
    # A message quotes at most 80 characters of what is not printed, and names the line.
    places = (lines[fault.line_offset] for fault in parsed.faults if fault.code in ("fence-text", "table-cells"))
    elsewhere = set(words_of(" ".join([*behind(parsed.tokens), *(fault.fault for fault in parsed.faults), *places])))
    shown_html = html.prose(parsed, part(), 2)
    alternative = " ".join(re.findall(r' alt="([^"]*)"', shown_html))

    for shown in (
        text_of(structure_of(shown_html)) + alternative,
        text_of(structure_of(read_gfm(markdown.prose(parsed, part(), 2)))),
    ):
        printed = words_of(shown)
        assert set(words_of(text)) <= {*printed, *elsewhere}, shown
        if "]:" not in text and "![" not in text:  # the title of a definition is printed where the link is
            assert [word for word in printed if word not in elsewhere] == sorted(set(printed) - elsewhere)


@settings(max_examples=examples(500))
@given(texts())
def test_every_word_is_printed_in_order_or_reported(text: str) -> None:
    check_words(text)


# Every field, in every template and format.

CONSTRUCTS = """\
@1 *@2* **@3** ~~@4~~ `@5` <b>@6</b> &lt;@7&gt; \\*@8\\* [@9](https://x.org/ "@10") [@11](javascript:@12) <javascript:@13>
@14 ![@15](https://x.org/) ![@16](location:none) http://@17.example/@18 www.@19.example @20@x.example [^@21] $@22$ {#@23}\\
@24 &#10;# @25

# @26 #

@27
===

> [!NOTE]
> @28

- [ ] @29
- @30

  @31
    - @32

7. @33

| @34 | @35 |
|---|--:|
| `@36` | @37 |

```text
@38 <!-- @39 -->
```

    @40

[@41]: <not a definition

[@42][label]

[label]: https://x.org/ '@43'

<details><summary>@44</summary>

@45

</details>

@46"""


def constructs(name: str) -> str:
    """A text in which each word names its field and its place."""
    return re.sub(r"@(\d+)", lambda match: f"{name}q{match[1]}q", CONSTRUCTS)


def report_with_prose() -> Report:
    """A report with such a text in every Markdown field."""
    snippet = samples.snippet(
        name="a",
        caption=re.sub(r"\s+", " ", constructs("caption")),
        runs=samples.runs({116: "x"}, notes={116: constructs("note")}),
        loose_notes=((300, re.sub(r"\s+", " ", constructs("loose"))),),
    )
    finding = samples.full_finding(
        **{name: constructs(name) for name in ("summary", "description", "impact", "scenario", "proof", "response")},
        severity_reason=constructs("reason"),
        recommendation=Recommendation(short_term=constructs("short"), long_term=constructs("long")),
        fix=Fix(commits=(), pull_requests=(), note=constructs("fix")),
        snippets=(snippet,),
        placed=(),
    )
    sections = tuple(
        section.model_copy(update={"text": constructs(f"section{index}")}) for index, section in enumerate(samples.sections())
    )
    return samples.report(finding, summary=constructs("report"), sections=sections)


FIELDS = {
    *("summary", "description", "impact", "scenario", "proof", "response", "reason", "short", "long", "fix"),
    "caption",
    "note",
}
FIELDS |= {"loose", "report", "section0", "section1", "section2"}
IN_TICKETS = {"summary", "description", "impact", "scenario", "proof", "short", "long", "caption", "note", "loose"}


def missing_words(shown: str, fields: set[str]) -> list[str]:
    """The words that are not in the text, or not behind the one before."""
    numbers = range(1, CONSTRUCTS.count("@") - CONSTRUCTS.count("@x") + 1)
    missing: list[str] = []
    for field in sorted(fields):
        places = {number: shown.find(f"{field}q{number}q") for number in numbers}
        missing += (f"{field} {number}" for number, place in places.items() if place < 0)
        # The title of a definition is printed behind its link.
        order = [place for place in places.values() if place >= 0]
        missing += [] if order == sorted(order) else [f"{field} is out of order"]
    return missing


DERIVED = ("severity-difficulty", "impact-likelihood", "risk-retest", "affected-files")
"""Templates that change parts of the standard one."""


@pytest.mark.parametrize("template", ["standard", "review", *(pytest.param(name, marks=pytest.mark.slow) for name in DERIVED)])
def test_every_field_prints_every_word_in_every_format(template: str) -> None:
    report = report_with_prose()

    for format in ("md", "html"):  # noqa: A001
        content = render(report, template=Template(template, (TEMPLATES,)), format=format).content.decode()
        shown = text_of(structure_of(read_gfm(content) if format == "md" else content))
        assert missing_words(shown, FIELDS) == [], format
    assert missing_words(archive.to_json(report).decode(), FIELDS) == []


def test_a_document_for_word_prints_every_word() -> None:
    pytest.importorskip("docx")
    from findings_report.rendering.docx import render as render_docx

    # Behind the contents, which have the headings of sections.
    shown = office.read_text(render_docx(report_with_prose()).content).partition("\nExecutive summary\n")[2]
    assert missing_words(shown, FIELDS) == []


def test_a_ticket_prints_every_word_of_its_fields() -> None:
    report = report_with_prose()

    text = render_tickets(report, Template("standard", (TEMPLATES,)))["NTR-002"]

    assert missing_words(text_of(structure_of(read_gfm(text))), IN_TICKETS) == []
    for markup in Markup:
        assert missing_words(re.sub(r"\\(?!u)", "", convert(text, markup)), IN_TICKETS) == [], markup


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_a_pdf_prints_every_word() -> None:
    page = render(report_with_prose(), template=Template("standard", (TEMPLATES,)), format="pdf").content.decode()
    picture, logo = samples.picture(), samples.picture("logo", content=samples.png(200, 60))

    pdf = render_pdf(page, pictures={each.name: (str(each.media_type), each.content) for each in (picture, logo)})

    shown = subprocess.run(["pdftotext", "-", "-"], input=pdf.content, capture_output=True, check=True).stdout.decode()
    assert missing_words(re.sub(r"\s", "", shown), FIELDS) == []
