"""Markdown to the markup of an issue tracker, in which nothing acts.

The Markdown is this program's own: the prose policy has been applied, so there is no HTML in it. Nothing is lost; a construct
that a markup does not have becomes text.

A finding may quote `@everyone`, `#12` or a line `/close`, and whoever wrote it may mean them. A tracker would notify people,
link other tickets and carry out commands, in the name of the token's owner. So a mark that no reader sees is put into each of
them. Code stays unchanged, because trackers look for nothing in it; the exceptions are named below.

Source: GitLab's `quick_actions/extractor.rb`, its reference filters and `EscapedCharFilter` (17.x); html-pipeline's
`mention_filter.rb`, and LLVM's `github-automation`; Gitea's `modules/references` and `mdstripper` (1.27); Redmine's
`mentionable.rb` and `application_helper.rb` (5.0, 5.1).
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from findings_report.model.ticket import Markup
from findings_report.rendering.exchange import to_plain
from findings_report.rendering.markdown import reprint
from findings_report.tickets.markup.adf import to_adf
from findings_report.tickets.markup.wiki import to_jira_wiki, to_textile

_WEB: Final = ("https://", "http://", "mailto:")


_CONVERTERS: Final[Mapping[Markup, Callable[[SyntaxTreeNode], str]]] = {
    Markup.ADF: to_adf,
    Markup.JIRA_WIKI: to_jira_wiki,
    Markup.PLAIN: to_plain,
    Markup.TEXTILE: to_textile,
}
"""By markup, except for Markdown, which is printed as in reports, and HTML, which the parser renders."""


_NOTICE: Final = "**Truncated: the tracker limits the length of texts. The report contains the whole finding.**"


def convert(text: str, markup: Markup) -> str:
    """Return `text`, CommonMark with tables and strikethrough, in `markup`. No mention, reference or command in it acts."""
    tokens = _mark(_parser().parse(text.translate(_PLACE_HOLDERS)), markup)
    if markup is Markup.HTML:
        return _write_marks(str(_parser().renderer.render(tokens, _parser().options, {})), markup)
    if markup in _CONVERTERS:
        return _write_marks(_CONVERTERS[markup](SyntaxTreeNode(tokens)), markup)
    printed = _write_marks(f"{reprint(tokens)}\n", markup)
    return _indent_code(printed) if markup is Markup.GITLAB else printed


def _indent_code(text: str) -> str:
    """Indent code blocks by a blank that is no part of the code, if a line of one is a command or ends a quotation.

    GitLab before 16.0 looks for both in the source, and takes a code block with another code block in it for two.
    """
    lines = text.split("\n")
    for token in _parser().parse(text):
        if token.type == "fence" and token.level == 0 and token.map and re.search(r"(?m)^(?:/|>>>)", token.content):
            for number in range(*token.map):
                lines[number] = f" {lines[number]}"
    return "\n".join(lines)


def truncate(text: str, end: str, markup: Markup, limit: int) -> str:
    """Return `text` and `end`, converted, in at most `limit` characters.

    Only the converted length counts, so whole blocks are removed from the end of `text`, one after the other, until it fits. A
    notice says so. `end` always stays: it contains the marker by which the ticket is found again.
    """
    whole = convert(f"{text}\n{end}", markup)
    if len(whole) <= limit:
        return whole
    lines = text.split("\n")
    # Ends of the top-level blocks: a block that is cut inside would change its meaning, as a list or a code block without end.
    ends = [token.map[1] for token in _parser().parse(text) if token.map and token.level == 0 and token.nesting >= 0]
    for last in reversed([0, *ends[:-1]]):
        shortened = convert("\n".join(lines[:last]) + f"\n\n{_NOTICE}\n\n{end}", markup)
        if len(shortened) <= limit:
            return shortened
    raise AssertionError(limit)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


# Place holders while a text is printed. They are punctuation, as the marks are: whether a sign beside them is emphasis depends
# on that. In a text that contains these signs of SignWriting themselves, they are shown by their numbers.
_SPLIT: Final = "\U0001da87"
_BACKSLASH: Final = "\U0001da88"
_AT: Final = "\U0001da89"
_PLACE_HOLDERS: Final = {ord(sign): f"U+{ord(sign):X}" for sign in (_SPLIT, _BACKSLASH, _AT)}
_ZERO_WIDTH: Final = "\u200b"
_COMMENT: Final = "<!-- -->"

# `@name`, unless it is within an address of e-mail. A group is `@org/team`, and a guid in Azure DevOps `@<...>`.
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[\w.<@-])")
_NUMBER = re.compile(r"[#!](?=\d)")
# A commit's hash has at least seven digits: pieces of six are none.
_HASH = re.compile(r"[0-9a-fA-F]{6}(?=[0-9a-fA-F])")
_EMOJI = re.compile(r":(?=[\w+-]++:)")
_TASK = re.compile(r"\[(?=[ xX~]\])")
_SHORT_NUMBER = re.compile(r"(?i:G[HL]-)(?=\d)")
# Of another tracker that is connected to the project: GitLab adds a comment to the issue there.
_KEY = re.compile(r"(?<![A-Z0-9_])[0-9_]*+[A-Z][A-Z0-9_]*+-(?=\d)")
_GITLAB_NAMED = re.compile(r"\[(?=\w++:)|\*(?=iteration:)|[\w.-]/[\w.-]++(?=>)")
# The lists of GitLab's wiki pages, and the marks of its differences.
_GITLAB_BRACKETS = re.compile(r"[\[{](?=[+\[-])")
_REDMINE_NAMED = re.compile(
    r"\b(?:attachment|commit|document|export|forum|message|news|project|source|user|version):(?=\S)|\b[rR](?=\d++\b)"
)
_WIKI_PAGE = re.compile(r"\[(?=\[)|\{(?=\{)")


@dataclass(frozen=True)
class _Rules:
    """What acts in one markup, and the mark that keeps it from that."""

    behind: tuple[re.Pattern[str], ...]
    """Texts behind which the mark `split` is put."""
    split: str
    """The mark: an HTML comment, or a character without width where a comment would be printed or is taken away too early."""
    before: re.Pattern[str] | None = None
    """Characters before which a backslash is put: GitLab takes one that is escaped for text."""
    entity: re.Pattern[str] | None = None
    """The `@` that is written as an entity: Redmine looks for mentions in the source."""
    has_commands: bool = False
    """True where a line that begins with a slash is a command."""


# GitHub, GitLab and Gitea look at each text of the finished page alone, so that a comment between two characters is enough. An
# entity is not: they are decoded by then. GitLab splits texts at the eight characters of its references if they are escaped.
_RULES: Final[Mapping[Markup, _Rules]] = {
    Markup.GITHUB: _Rules((_MENTION, _NUMBER, _SHORT_NUMBER, _TASK, _EMOJI, _HASH), _COMMENT),
    # It also reads the source before it is a page, as texts that anything between them keeps apart.
    Markup.GITEA: _Rules((_MENTION, _NUMBER, _TASK, _EMOJI, _HASH), _COMMENT),
    Markup.GITLAB: _Rules(
        (_GITLAB_NAMED, _GITLAB_BRACKETS, _SHORT_NUMBER, _KEY, _TASK, _EMOJI, _HASH),
        _COMMENT,
        before=re.compile(r"[#!$%&~^](?=\S)|(?<![A-Za-z0-9])@(?=\S)"),
        has_commands=True,
    ),
    # In Redmine links are looked for in the finished page as one text.
    Markup.REDMINE: _Rules(
        (_MENTION, _NUMBER, _REDMINE_NAMED, _WIKI_PAGE), _ZERO_WIDTH, entity=re.compile(r"(?<![A-Za-z0-9])@")
    ),
    # Of a program of the user, or of a person who pastes the text, nothing is known; a comment could be printed.
    Markup.MARKDOWN: _Rules((_MENTION, _NUMBER, _SHORT_NUMBER, _WIKI_PAGE), _ZERO_WIDTH, has_commands=True),
    Markup.HTML: _Rules((_MENTION, _NUMBER), _COMMENT),
}
# Redmine takes blocks out of the source before it looks for mentions. In code that it finds inside of no block, and in Textile
# in all code within a line, nothing else can be put than a character without width.
_REDMINE_BLOCKS: Final[Mapping[Markup, re.Pattern[str]]] = {
    Markup.REDMINE: re.compile(rf"(?s:(?:~~~|```).*?(?:~~~|```))|{_MENTION.pattern}"),
    Markup.TEXTILE: re.compile(rf"(?s:<pre>.*?</pre>)|{_MENTION.pattern}"),
}
# Titles of GitLab and Gitea are no Markdown, but `@ada` in one notifies her, and `#12` is noted on that issue.
_TITLE: Final = (re.compile(r"(?<![A-Za-z0-9])@(?=[\w.])|[#!&$](?=\d)|\[(?=\w++:)"), _SHORT_NUMBER, _HASH)


def _mark(tokens: Sequence[Token], markup: Markup) -> list[Token]:
    """Return the tokens of a text with place holders where `_write_marks` puts the marks of `markup`.

    An address that is not of the web becomes its text: it leads nowhere on a ticket, and in GitLab `[x](@ada)` is a mention.
    """
    rules = _RULES.get(markup)
    if markup in _REDMINE_BLOCKS:
        tokens = [token.copy(children=[_encode_address(child) for child in token.children or ()]) for token in tokens]
    return [token.copy(children=list(_mark_line(token.children or [], rules))) for token in tokens] if rules else list(tokens)


def _write_marks(printed: str, markup: Markup) -> str:
    """Return a printed text with the marks instead of their place holders."""
    if (rules := _RULES.get(markup)) is not None:
        # A printer has escaped some characters already.
        printed = re.sub(rf"{_BACKSLASH}\\?", r"\\", printed).replace(_SPLIT, rules.split).replace(_AT, "&#64;")
    if (blocks := _REDMINE_BLOCKS.get(markup)) is not None:
        printed = blocks.sub(lambda match: f"@{_ZERO_WIDTH}" if match[0] == "@" else match[0], printed)
    return printed


def neutralise_title(title: str) -> str:
    """Return the title of an issue of GitLab or Gitea: only a character without width keeps a mention in it from being one."""
    return _insert(title, dict.fromkeys(_ends(title, _TITLE), _ZERO_WIDTH))


def _encode_address(child: Token) -> Token:
    """Return a link whose address contains no mention: Redmine finds those in an address too, where a mark would change it."""
    if child.type != "link_open":
        return child
    return child.copy(attrs={**child.attrs, "href": _MENTION.sub("%40", str(child.attrs.get("href", "")))})


def _mark_line(children: Sequence[Token], rules: _Rules) -> Iterator[Token]:
    """Yield the tokens of one paragraph, heading or cell."""
    is_line_start, is_address = True, False
    for child in _join_texts(_without_dead_links(children)):
        if child.type == "text" and not is_address:
            text = _mark_text(child.content, rules)
            is_command = rules.has_commands and is_line_start and text.lstrip().startswith("/")
            yield child.copy(content=text.replace("/", f"{_BACKSLASH}/", 1) if is_command else text)
        else:
            yield child
        is_address = child.type == "link_open" and child.info == "auto"
        is_line_start = child.type in ("softbreak", "hardbreak")


def _without_dead_links(children: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens with links of the web only, none within another one, and with texts instead of pictures."""
    links: list[Token] = []
    for child in children:
        match child.type:
            case "link_open":
                links.append(child)
                if [link for link in links if _is_web(link)] == [child]:
                    yield child
            case "link_close":
                # An address in angle brackets may be within the text of a link, and would end the link when it is printed.
                if [link for link in links if _is_web(link)] == links[-1:]:
                    yield child
                links.pop()
            case "image":  # of a text that the user wrote: it would be fetched by everybody who reads the ticket
                yield Token("text", "", 0, content=f"[image: {_alternative(child)}]")
            case _:
                yield child


def _alternative(image: Token) -> str:
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else _alternative(child) if child.children else child.content
        for child in image.children or ()
    )


def _join_texts(children: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens with one for texts beside each other, which may be parts of one mention. A line feed is a blank."""
    for is_text, group in itertools.groupby(children, lambda child: child.type == "text"):
        if is_text:
            text = "".join(child.content for child in group).replace("\n", " ")
            yield Token("text", "", 0, content=text.translate(_PLACE_HOLDERS))  # again, because entities are decoded by now
        else:
            yield from group


def _is_web(link: Token) -> bool:
    return str(link.attrs.get("href", "")).startswith(_WEB)


def link_files(comment: str, addresses: Mapping[str, str]) -> str:
    """Return an HTML comment with a link for each file that it names as code; `addresses` are by name."""
    for name, address in addresses.items():
        if address:
            link = f'<a href="{html.escape(address)}">{html.escape(name)}</a>'
            comment = comment.replace(f"<code>{html.escape(name)}</code>", link)
    return comment


def _mark_text(text: str, rules: _Rules) -> str:
    marks = dict.fromkeys(_ends(text, rules.behind), _SPLIT)
    if rules.before is not None:
        marks |= {match.start(): _BACKSLASH for match in rules.before.finditer(text)}
    marked = _insert(text, marks)
    return rules.entity.sub(_AT, marked) if rules.entity is not None else marked


def _ends(text: str, patterns: Sequence[re.Pattern[str]]) -> Iterator[int]:
    """Yield the ends of all matches. Each pattern is looked for separately: a hash may be a part of another reference."""
    return (match.end() for pattern in patterns for match in pattern.finditer(text))


def _insert(text: str, marks: Mapping[int, str]) -> str:
    places = [0, *sorted(marks), len(text)]
    return "".join(f"{text[start:end]}{marks.get(end, '')}" for start, end in itertools.pairwise(places))
