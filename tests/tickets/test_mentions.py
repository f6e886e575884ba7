"""Nothing in a ticket acts: no mention, no reference, no command, read as the trackers read a text.

The readers below are written after the trackers' own source, and know nothing of the code that is tested.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from trackers.fake import Fake, Reply, Request
from trackers.work import Work

from findings_report.model.ticket import Draft, Markup
from findings_report.rendering.markdown import escape
from findings_report.report.archive import to_json
from findings_report.report.check import Inputs, assembled, check
from findings_report.tickets.create_and_sync import draft_tickets
from findings_report.tickets.markup.convert import convert, neutralise_title, truncate

ZERO_WIDTH = "\u200b"
MARKDOWN = (Markup.GITHUB, Markup.GITLAB, Markup.GITEA, Markup.REDMINE, Markup.MARKDOWN)

PAYLOADS = [
    "@everyone", "@all", "@alice", "@org/team", "(@ada)", "é@ada", "_@ada", "@_ada", "@ada.b", "x @ada, y", "@@ada",
    "&#64;ada", "&commat;ada", "#12", "fixes #12", "Closes o/r#12", "o/r@a5c3785", "GH-12", "gh-12", "GL-3", "AB#12", "!3",
    "g/p!3", "$5", "g/p$5", "&7", "~bug", '~"a bug"', "~12", "%9", '%"v 1"', "^alert#2", "[issue:12]", "[vulnerability:3]",
    "*iteration:4", "PROJ-12", "g/p>", "[x]", "a5c3785ed8d6a35868bc169f07e40e889087fd2e", "1234567", "abcdef1..abcdef2",
    "/close", "/move g/p", "/assign @ada", "/label ~x", "/cc @all", "[[page]]", "[[page|other]]", "{{include(page)}}", "r12",
    "commit:abc", "user:ada", "version:1", "attachment:x.pdf", ":smile:", "AABBCC1-12", "g/1234567>", "[abcdef1:", "[~ada]",
    "!image.png!", "{color:red}x{color}", "@<11111111-2222-3333-4444-555555555555>", "[code]<b>x</b>[/code]", ">>>",
    "<b>@ada</b>",
]  # fmt: skip
PIECES = [
    *PAYLOADS, "- ", "> ", "1. ", "  ", "    ", "\n", "\n\n", "# ", "```\n", "````\n", "~~~\n", "`", "``", "**", "*", "_", "~~",
    "[", "](https://e.org/@ada)", "](#12)", "](@ada)", "![", "| a | b |\n|---|---|\n", "| ", "a", "b c", "<https://e.org/@ada>",
    "https://e.org/@ada/#12 ", "ada@example.org", "---\n", "  \n", "\\", "&", "\\\n", "@", "#", "/",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)

# --- What GitLab and GitHub find. Both look at each text of the finished page that is not in code or in a link.

_GITLAB_ESCAPED = set("$%#&@!~^")
_PATH = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"
GITLAB_REFERENCES = [
    re.compile(pattern)
    for pattern in (
        r"(?<![A-Za-z0-9_])@[A-Za-z0-9_.]", r"(?:#|GL-)\d+", r"!\d+", r"\$\d+", r"&\d+", r"\^alert#\d+",
        r"~(?:\d+|[A-Za-z0-9_?.:+-]+|\"[^\"]+\")", r"%(?:\d+|[A-Za-z0-9_.-]+|\"[^\"]+\")",
        r"\[(?:issue|work_item|epic|vulnerability|feature_flag|cadence|contact|wiki_page):", r"\*iteration:",
        rf"{_PATH}/{_PATH}>",
        r"(?<![A-Za-z0-9_])[0-9a-fA-F]{7,40}", r"(?<![A-Za-z0-9_-])[A-Z][A-Z0-9_]+-\d+", r"\[\[.+?\]\]", r"^\[[ xX~]\] ",
    )
]  # fmt: skip
GITHUB_REFERENCES = [
    re.compile(pattern)
    for pattern in (
        r"(?:^|[^A-Za-z0-9_])@[A-Za-z0-9]", r"#\d+", r"(?i:\bGH-)\d+", r"\b[0-9a-fA-F]{7,40}\b", r"@[0-9a-fA-F]{7,40}",
        r"^\[[ xX]\] ",
    )
]  # fmt: skip
# Gitea's, in texts that it has taken out of the source, each on a line of its own, and in the title.
_GITEA_END = r"(?=\s|$|[:,;.?!'\")\]])"
GITEA_REFERENCES = [
    re.compile(pattern)
    for pattern in (
        rf"(?:^|[\s(\[])@[-\w][-.\w]*(?:/[-\w][-.\w]*)?{_GITEA_END}", rf"(?:^|[\s(\['\"])[#!][0-9]+{_GITEA_END}",
        rf"(?:^|[\s(\[])[0-9a-zA-Z_.-]+/[0-9a-zA-Z_.-]+(?:[#!][0-9]+|@[0-9a-f]{{7,64}}){_GITEA_END}",
        rf"(?:^|[\s(\[])[0-9a-f]{{7,64}}{_GITEA_END}", r"(?:^|[\s(\[])@[0-9]+(?:[.,][0-9]+)?[wdmh]", r"^\[[ xX]\] ",
    )
]  # fmt: skip
REDMINE_MENTION = re.compile(
    r"(?:^|[^A-Za-z0-9_])@([A-Za-z0-9_\-@.]+?)(?=(?=[!-/:-@\[-`{-~][^A-Za-z0-9_/])|,|\.+$|\s|\]|<|$)", re.MULTILINE
)


def read_as(tracker: Markup, text: str) -> list[str]:
    """The texts of the page that GitHub, GitLab or Gitea looks at, each on its own."""
    # `text_join` would merge an escaped character with its neighbours, and GitLab keeps those of its references apart.
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("text_join")
    texts: list[str] = []
    for block in parser.parse(text):
        texts += _texts(block.children or [], keeps_apart=tracker is Markup.GITLAB)
    return texts


def _texts(tokens: list[Token], *, keeps_apart: bool) -> Iterator[str]:
    text, is_link = "", False
    for token in tokens:
        if token.type == "text_special" and token.markup.startswith("\\") and keeps_apart and token.content in _GITLAB_ESCAPED:
            yield text
            yield token.content
            text = ""
        elif token.type in ("text", "text_special"):
            text += token.content
        else:
            if not is_link:
                yield text
            text = "\n" if token.type in ("softbreak", "hardbreak") else ""
            is_link = token.type == "link_open" or (is_link and token.type != "link_close")
    yield text


def quick_actions(text: str) -> list[str]:
    """The commands that any GitLab finds: until 15 in the source without what it takes for code, later in paragraphs."""
    command = r"(?P<command>^/[a-z_]+(?:[ ][^\n]*)?(?:\s*\n|$))"
    skipped = r"^```.+?\n```$|`\n*.+?\n*`|^<[^>]+?>\n.+?\n</[^>]+?>$|^>>>.+?\n>>>$"
    every = re.compile(f"{skipped}|{command}", re.MULTILINE | re.DOTALL | re.IGNORECASE)
    # As if it took nothing for code: the skipped texts depend on where it begins to count backticks.
    return [match[0] for match in every.finditer(text) if match["command"]] + re.findall(r"(?m)^/[a-z_]+", text)


def actions(tracker: Markup, text: str) -> list[str]:
    """All that acts in a text on a tracker."""
    if tracker in (Markup.REDMINE, Markup.TEXTILE):
        block = r"(?s)<pre>(.*?)</pre>" if tracker is Markup.TEXTILE else r"(?s)(~~~|```)(.*?)(~~~|```)"
        return REDMINE_MENTION.findall(re.sub(block, "", text))
    if tracker is Markup.PLAIN:  # the description of a ServiceNow record, in which the instance looks for nothing
        return []
    if tracker is Markup.ADF:  # what acts is a node of its own, as `mention` and `inlineCard` are
        types = {
            "doc",
            "paragraph",
            "heading",
            "bulletList",
            "orderedList",
            "listItem",
            "blockquote",
            "codeBlock",
            "rule",
            "hardBreak",
        }
        types |= {"table", "tableRow", "tableHeader", "tableCell", "text", "strong", "em", "strike", "code", "link"}
        return [name for name in re.findall(r'(?<!\\)"type":"(\w+)"', text) if name not in types]
    if tracker is Markup.HTML:
        return [text for text in Page.read(text) if re.search(r"(?<![A-Za-z0-9])@[\w<]|[#!]\d", text)]
    if tracker is Markup.JIRA_WIKI:
        prose = re.sub(
            r"(?s)\{noformat\}.*?\{noformat\}|\{code:\w+\}.*?\{code\}|(?<=\|)[^|\]\n]*(?=\])|\{\{(?:\\.|[^\\])*?\}\}", "", text
        )
        return re.findall(r"(?<!\\)\[~|(?<!\\)\{(?!quote\}|\{)|(?<!\\)![^\s!]+!|\b[A-Z][A-Z0-9_]+-\d", prose)
    texts = read_as(tracker, text)
    if tracker is Markup.GITHUB:
        return [text for text in texts if any(pattern.search(text) for pattern in GITHUB_REFERENCES)]
    if tracker is Markup.GITEA:
        return [text for text in texts if any(pattern.search(text) for pattern in GITEA_REFERENCES)]
    if tracker is Markup.GITLAB:
        return [text for text in texts if any(pattern.search(text) for pattern in GITLAB_REFERENCES)] + quick_actions(text)
    return [text for text in texts if re.search(r"(?<![A-Za-z0-9])@[A-Za-z0-9]|[#!]\d|\[\[|\{\{|G[HL]-\d", text)]


class Page(HTMLParser):
    """The texts of a page, without those in code."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = [""]
        self._code = 0

    @classmethod
    def read(cls, page: str) -> list[str]:
        reader = cls()
        reader.feed(page)
        return reader.texts

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the library's
        self._code += tag in ("code", "a")
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "a")
        self.texts.append("")

    def handle_comment(self, data: str) -> None:  # noqa: ARG002  # likewise
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.texts[-1] += data


def shown(text: str, *, has_marks: bool) -> str:
    """The text that a person sees, with the blocks that it is in. A link without text is printed with its address."""
    parser = MarkdownIt("commonmark", {"html": has_marks}).enable(["table", "strikethrough"])
    page = parser.render(text).replace("<!-- -->", "").replace(ZERO_WIDTH, "").replace("/%40", "/@")
    page = re.sub(r'<img src="[^"]*" alt="([^"]*)"(?: title="[^"]*")? />', r"[image: \1]", page)
    page = re.sub(r'<a href="((?:https?://|mailto:)[^"]*)"[^>]*></a>', r"\1", page)
    # A heading is one line in every printed Markdown; only the underlined ones of authors have breaks.
    page = re.sub(
        r"<(h\d)>(.*?)</\1>",
        lambda title: f"<{title[1]}>{title[2].replace('<br />', ' ').strip()}</{title[1]}>",
        page,
        flags=re.DOTALL,
    )
    page = re.sub(r"</?a\b[^>]*>|(?<=<code) class=\"[^\"]*\"", "", page)
    return " ".join(page.split()).replace(" </code>", "</code>")  # of a block that its author did not end


@pytest.mark.parametrize("markup", list(Markup))
def test_no_payload_acts_wherever_it_stands(markup: Markup) -> None:
    for payload in PAYLOADS:
        written = str(escape(html.unescape(payload)))
        shapes = ("{}", "x {}", "- {}", "> {}", "## {}", "| a |\n|---|\n| {} |", "**{}**", "x\n{}", "x\\\n{}", "1. x\n\n   {}")
        text = "\n\n".join([*(shape.format(written) for shape in shapes), f"[{written}](https://e.org/)", ""])
        assert not actions(markup, convert(text, markup)), payload


@given(TEXTS)
@settings(max_examples=examples(150))
@example("```\n/close\n```\n")
@example("````\n```\n/close\n@ada\n```\n````\n")
@example("~~~ x\n`@ada` ```\n@ada\n~~~\n")
@example("`@ada`")
@example("a\\\nb\n---\n")
@example("`ada`")
@example("x&#10;/close")
@example("[x](@ada)")
@example("@[ada](x) [[[page]](x)]")
@example("[a <https://e.org/@ada> b](https://e.org/) [<https://e.org/@ada>](#12)")
@example("<https://e.org/@ada/#12>")
@example("\U0001da88@ada x\U0001da88\U0001da89ada &#x1da88;@ada x&#x1da89;ada")
def test_nothing_in_a_random_text_acts(text: str) -> None:
    for markup in Markup:
        assert not actions(markup, convert(text, markup)), markup


@given(TEXTS)
@settings(max_examples=examples(150))
def test_a_person_sees_what_was_written(text: str) -> None:
    wanted = shown(text, has_marks=False)
    for markup in MARKDOWN:
        assert shown(convert(text, markup), has_marks=markup in (Markup.GITHUB, Markup.GITLAB, Markup.GITEA)) == wanted, markup


ALL = "@everyone, @ada fixes #12 o/r#3 !3 $5 &7 ~bug %9 GH-12 [issue:12] PROJ-12 a5c3785e [[page]] {{x(1)}} @<11> [~ada] r12"
LINES = "\n".join(["/close", "/move g/p", *(f"{payload}\n" for payload in PAYLOADS), "- /close", "> /assign @ada"])


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    """An engagement with the payloads in every text."""
    findings = tmp_path / "findings"
    findings.mkdir()
    quoted, block = json.dumps(ALL), json.dumps(LINES)
    (findings / "engagement.yaml").write_text(
        f'format: 1\ntitle: {quoted}\nclient: {quoted}\nversion: "@ada #12"\nrepositories:\n  app: {{url: https://e.org/@ada/app}}\n'
    )
    (findings / "A-1.finding.yaml").write_text(
        f'title: {quoted}\nseverity: high\nowner: "@ada #12"\ndue: 2026-12-01\n'
        + "".join(f"{name}: {block}\n" for name in ("summary", "description", "impact", "scenario", "proof", "response"))
        + f"recommendation: {{short_term: {block}, long_term: {block}}}\n"
        f"references: [{{title: {quoted}, url: https://e.org/@ada/-/issues/12}}]\n"
        f"affected: [{{kind: host, name: {quoted}, note: {quoted}}}]\n"
        f"locations: [{{path: /close/@ada, lines: 12, caption: {quoted}, quote: {block}, notes: {{12: {block}}}}}]\n"
    )
    return tmp_path


def draft_of(engagement: Path) -> Draft:
    return draft_tickets(Inputs(engagement, {}), (), None, lambda _: None).by_finding["A-1"]


@pytest.mark.parametrize("markup", list(Markup))
def test_no_field_of_a_finding_acts_on_its_ticket(engagement: Path, markup: Markup) -> None:
    draft = draft_of(engagement)
    whole = truncate(draft.text, draft.end, markup, 10**7)

    assert draft.text.count("everyone") > 12
    assert not actions(markup, whole)
    assert not actions(markup, truncate(draft.text, draft.end, markup, len(whole) - 1))


def test_the_title_of_an_issue_in_gitlab_or_gitea_mentions_nobody(engagement: Path) -> None:
    draft = draft_of(engagement)
    title = neutralise_title(draft.title)

    assert title.replace(ZERO_WIDTH, "") == draft.title
    assert title.startswith(f"A-1: @{ZERO_WIDTH}everyone, ")
    acting = r"(?<![A-Za-z0-9_])@[A-Za-z0-9_.]|(?:[#!$&]|GL-)\d|\[\w+:|[0-9a-fA-F]{7}"  # `single_line_pipeline.rb`
    assert not re.search(acting, neutralise_title(" ".join(PAYLOADS)))
    for payload in PAYLOADS[PAYLOADS.index("é@ada") :]:  # Gitea links to a page from a title, and notes an issue on that one
        assert not [each for each in GITEA_REFERENCES[1:4] if each.search(neutralise_title(f"x {payload}"))], payload


def test_nothing_that_is_sent_to_gitlab_acts(engagement: Path, fake: Fake) -> None:
    """The text of a new issue, of a change and its comment, and of the comment about a file with what has changed."""
    project, sent = "/api/v4/projects/g%2Fp", list[dict[str, str]]()

    def keep(request: Request) -> Reply:
        sent.append(request.json())
        return Reply({"iid": 9, "id": 1}, 201 if request.method == "POST" else 200)

    def read(text: Callable[[], str]) -> None:
        issue = {"title": "x", "web_url": "https://gitlab.example/9"}
        fake.expect("GET", f"{project}/issues/9", lambda _: Reply({**issue, "description": text()}))

    work = Work(engagement, {"GITLAB_URL": fake.url, "GITLAB_TOKEN": "glpat-0123456789"})
    older = engagement / "older.json"
    older.write_bytes(to_json(assembled(check(Inputs(engagement, {}), lambda _: None), None)))
    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    fake.expect("GET", project, {"visibility": "private"})
    fake.expect("GET", f"{project}/issues", [])
    fake.expect("GET", f"{project}/members/all", [])
    fake.expect("POST", f"{project}/issues", keep)
    fake.expect("GET", f"{project}/issues", [])  # whether another run created one meanwhile
    read(lambda: sent[0]["description"])
    work.create("gitlab:g/p")

    finding = engagement / "findings" / "A-1.finding.yaml"
    finding.write_text(finding.read_text().replace("severity: high", "severity: low\nstatus: resolved"))
    fake.expect("GET", "/api/v4/user", {"username": "ada"})
    read(lambda: sent[0]["description"])
    fake.expect("GET", f"{project}/members/all", [])
    fake.expect("PUT", f"{project}/issues/9", keep)
    fake.expect("POST", f"{project}/issues/9/notes", keep)
    read(lambda: sent[1]["description"])
    work.sync()

    newer = engagement / "newer.json"
    newer.write_bytes(to_json(assembled(check(Inputs(engagement, {}), lambda _: None), None)))
    upload = "[newer.json](/uploads/0123/newer.json)"
    for changes in ({"since": str(older)}, {"changes": LINES}):
        fake.expect("GET", "/api/v4/user", {"username": "ada"})
        read(lambda: "")
        fake.expect("GET", f"{project}/issues/9/notes", [])
        fake.expect("GET", project, {"visibility": "private"})
        fake.expect("POST", f"{project}/uploads", Reply({"markdown": upload}, 201))
        fake.expect("POST", f"{project}/issues/9/notes", keep)
        fake.expect("GET", f"{project}/issues/9", {"title": "x", "web_url": "https://gitlab.example/9"})
        fake.expect("GET", f"{project}/issues/9/notes", lambda _: Reply([{"body": sent[-1]["body"]}]))
        fake.expect("GET", project, {"visibility": "private"})
        work.attach("gitlab:g/p#9", newer, **changes)

    texts = [document[name] for document in sent for name in ("description", "body") if name in document]
    assert len(texts) == 5
    assert "Status of A-" in texts[2]
    assert "1 resolved" in texts[3]
    for text in texts:
        assert not actions(Markup.GITLAB, text)


def test_the_marker_of_another_finding_within_a_text_adopts_no_ticket(engagement: Path) -> None:
    draft = draft_of(engagement)
    other = replace(draft, marker=draft.marker.replace("A-1", "A-2"))
    text = f"See {other.marker}\n\n{draft.end}"

    for markup in Markup:
        assert draft.is_marked(convert(text, markup))
        assert not other.is_marked(convert(text, markup))
