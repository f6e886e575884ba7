"""Authored Markdown parsed under the policy: tokens, references, and what cannot be printed as meant.

CommonMark with tables and strikethrough; raw HTML is text; links and images go by an allow-list (notes on the attacks:
docs/security.md). Everything else stays readable as text and is reported, also what other programs read as mathematics, task
lists, footnotes and alerts; nothing is dropped.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from findings_report.problems.safe_text import code_point, find_hidden, visible
from findings_report.prose.policy import Fault, Policy, Prose, References

DEEPEST: Final = 20
"""Levels of lists, quotes and emphasis inside each other; the parser would drop what is nested deeper than its own limit."""

LONGEST: Final = 262_144
"""Characters of one text. The model says the same of a field; a section's file has no other bound."""

MOST_LINES: Final = 20_000
"""Lines of one text. What reads and prints Markdown looks at every line once for each level of nesting, and at some twice."""

MOST_BRACKETS: Final = 20_000
"""Opening brackets of one text. Each costs the parser a look for its end: a text of 262,144 of them took eight seconds."""

_MOST_TOKENS: Final = 40_000  # the Markdown printer is quadratic in neighbours: 16,000 links took 35 seconds, 40,000 lines 50

# More than a list above DEEPEST: whatever the parser drops, a token deeper than DEEPEST remains and is reported. Not more,
# because open brackets take time in proportion.
_PARSED_DEPTH: Final = 30

# A reference definition can be used thousands of times, each time with its whole address; table rows are filled up.
_AMPLIFICATION: Final = 20

_ALLOWANCE: Final = 65_536

_DEEP: Final = f"the text is nested more than {DEEPEST} levels deep"

_DIVIDE: Final = "divide it, or leave out what nobody will read"

_NOTABLE: Final = re.compile("[^\t\n\x20-;=-Z\\]-~\u00a1-\u00ac\u00ae-\u024f\u0370-\u03ff\u0400-\u052f\u2010-\u2027]")
"""What a link, a picture, raw HTML or a hidden character is written with (`[`, `<`, a backslash); scripts with joiners are
parsed as well."""

_NESTED: Final = re.compile(r"^(?: {5}| *(?:>|[-+*] |\d+[.)] ) *(?:>|[-+*](?: |$)|\d+[.)](?: |$)))", re.MULTILINE)
"""A line that may be more than three levels deep."""

_FENCE_TEXT: Final = re.compile(r"^[ >]*+(?:`{3,}+|~{3,}+)[ \t]*+[^\s`]++[ \t]++[^\s`]", re.MULTILINE)
"""A fence whose language is followed by more text."""

# Up to these bounds a text is parsed without the policy: it cannot reach any limit above, whatever its marks mean.
_PLAIN_CHARACTERS: Final = 100_000
_PLAIN_LINES: Final = 2_000
_PLAIN_MARKS: Final = 18  # of emphasis in one block: less than DEEPEST even if each is nested in the one before
_PLAIN_CELLS: Final = 800  # of a table: rows are filled up to the width of its head


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _PARSED_DEPTH}).enable(["table", "strikethrough"])
    # The policy judges addresses as written, after parsing, where the line is known: the parser lets all of them through.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return parser


_PARSER: Final = _parser()


def parse(text: str) -> Prose:
    """Return `text` as blocks."""
    if is_plain(text):
        return Prose(tuple(_PARSER.parse(text)), (), References())
    # Before parsing, because the time that the parser takes is what these limits bound.
    if (fault := _too_long(text)) is not None:
        return _as_code(text, fault)
    environment: dict[str, Any] = {}
    return _judge(text, _PARSER.parse(text, environment), environment)


def parse_inline(text: str) -> Prose:
    """Return `text` as the content of one paragraph, for a caption: block marks are plain text, and figures are not placed."""
    return _judge(text, _PARSER.parseInline(text), {})


def faults(text: str) -> tuple[Fault, ...]:
    """Return everything in `text` that cannot be printed as meant, by line."""
    return parse(text).faults


def references(text: str) -> References:
    """Return what `text` places and refers to."""
    # Only links and pictures refer to anything, and both have one of these.
    if "](" not in text and "]:" not in text:
        return References()
    return parse(text).references


def is_plain(text: str) -> bool:
    """Return True when `text` certainly has no fault and refers to nothing; False means that it may have.

    Most texts are plain, and need not be judged.
    """
    if len(text) > _PLAIN_CHARACTERS or text.count("\n") > _PLAIN_LINES or _NOTABLE.search(text) or _NESTED.search(text):
        return False
    if text.count("$") > 1 or "{#" in text or _FENCE_TEXT.search(text):
        return False
    for block in text.split("\n\n"):
        if block.count("*") + block.count("_") + block.count("~") > _PLAIN_MARKS:
            return False
        if "|" in block:
            lines = block.split("\n")
            cells = [len(_split_row(line)) for line in lines if "|" in line]
            # A row with more cells than the head loses some, and the head need not be the first of these lines.
            if len(lines) * max(cells) > _PLAIN_CELLS or max(cells) > min(cells):
                return False
    return True


def _judge(text: str, tokens: list[Token], environment: Mapping[str, Any]) -> Prose:
    if (fault := _too_much(text, tokens)) is not None:
        return _as_code(text, fault)
    policy = Policy()
    judged = tuple(policy.blocks(tokens))
    # Sorted by line below: problems are read beside the text.
    faults = [
        *policy.faults,
        *_hidden(text),
        *policy.unused(environment.get("references", {})),
        *_find_lost_cells(text, tokens),
        *_find_dropped(tokens, environment),
        *dict.fromkeys(_find_foreign(text, tokens)),
    ]
    return Prose(judged, tuple(sorted(faults, key=lambda fault: fault.line_offset)), References(tuple(policy.uses)))


def _find_dropped(tokens: Sequence[Token], environment: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what Markdown reads and prints nowhere: text behind the language of a fence, and repeated definitions."""
    for token in tokens:
        if token.type == "fence" and token.map and len(words := token.info.split(maxsplit=1)) > 1:
            fault = f"'{visible(words[1])[:80]}' behind the language of a fence is not printed"
            yield Fault(token.map[0], fault, "write it above the fence", "fence-text")
    for definition in environment.get("duplicate_refs", ()):
        label = visible(str(definition["label"]).lower())[:80]
        fault = f"'[{label}]: {visible(definition['href'])[:80]}' defines a label again, so that it is not used"
        yield Fault(definition["map"][0], fault, "give it a label of its own", "definition-repeated")


def _as_code(text: str, fault: Fault) -> Prose:
    """Return the text unchanged, in one block of code: the reader sees all of it, though without its layout."""
    plain = Token("fence", "code", 0, content=text.rstrip("\n") + "\n", block=True, map=[0, text.count("\n") + 1])
    return Prose((plain,), (fault, *_hidden(text)), References())


def _hidden(text: str) -> Iterator[Fault]:
    """Yield each hidden character of each line once."""
    if not find_hidden(text):
        return
    for number, line in enumerate(text.split("\n")):
        for character in dict.fromkeys(line[place] for place in find_hidden(line)):
            fault = f"the text contains the hidden, private or superfluous character {code_point(character)}"
            yield Fault(number, fault, "remove it; the report shows it by its code", "hidden-character")


def _too_long(text: str) -> Fault | None:
    """Return the fault of a text that is too long to be parsed."""
    if len(text) > LONGEST:
        return Fault(0, f"the text has {len(text):,} characters; at most {LONGEST:,} are taken", _DIVIDE, "prose-size")
    if (lines := text.count("\n")) > MOST_LINES:
        return Fault(0, f"the text has {lines:,} lines; at most {MOST_LINES:,} are taken", _DIVIDE, "prose-size")
    if (brackets := text.count("[")) > MOST_BRACKETS:
        fault = f"the text has {brackets:,} opening brackets; at most {MOST_BRACKETS:,} are taken"
        return Fault(0, fault, _DIVIDE, "prose-size")
    return None


def _too_much(text: str, tokens: Sequence[Token]) -> Fault | None:
    """Return the fault of a text that is nested too deep or grows out of proportion (reference definitions, table cells)."""
    line = size = count = 0
    for token in tokens:
        line = token.map[0] if token.map else line
        children = token.children or ()
        count += 1 + len(children)
        if token.level + max((child.level for child in children), default=0) > DEEPEST:
            return Fault(line, _DEEP, "flatten its lists, quotes or emphasis", "prose-nesting")
        size += 16 + len(token.content) + sum(16 + _attributes_size(child) for child in children)
    if size > _AMPLIFICATION * len(text) + _ALLOWANCE:
        return Fault(0, "the text would grow to many times its size", "write fewer repeated links or cells", "prose-size")
    if count > _MOST_TOKENS:
        return Fault(0, f"the text has {count:,} parts; at most {_MOST_TOKENS:,} can be laid out", _DIVIDE, "prose-size")
    return None


def _attributes_size(token: Token) -> int:
    return sum(len(str(value)) for value in token.attrs.values()) if token.attrs else 0


# Elements that authors write in Markdown elsewhere. Without `<script>`, in a finding an example of an attack, and without
# `<address>` and `<u8>`, which are types.
_ELEMENTS: Final = re.compile(
    r"a|abbr|b|big|blockquote|br|center|code|dd|del|details|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|img|ins|kbd|li|mark"
    r"|ol|p|picture|pre|q|s|samp|small|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|wbr"
)
_ELEMENT: Final = re.compile(
    r"(?<!\\)<(?:(?P<comment>!--)|/?(?P<name>[A-Za-z][A-Za-z0-9]*)"
    r"""(?P<attributes>(?:\s+(?:open|[A-Za-z-]+=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)))*)\s*/?>)"""
)
# As GitHub and pandoc read them: no blank within the signs, no letter or digit at their outer sides; `${` is a variable.
_FORMULA: Final = re.compile(r"(?<!\\)\$\$(?P<block>[^$]+)\$\$|(?<![\w$\\])\$(?=[^\s{])(?P<inline>[^$\n]*[^\s$\\])\$(?![\w${])")
# A formula has an operator, a command or a lone letter. Prices, as in `$5 (or 5$)`, have none.
_MATHEMATICAL: Final = re.compile(
    r"[\\^_=<>{}]|\A\d*[A-Za-z]{1,2}'?\Z|\A[A-Za-z]+\([^()]*\)\Z|\A(?=\w*[A-Za-z])\w++(?: ?[-+*/] ?\w++)+\Z"
)
_FOOTNOTE: Final = re.compile(r"(?<!\\)\[\^(?P<label>[^\]\s]{1,64})\]")
_FOOTNOTE_TEXT: Final = re.compile(r"^ {0,3}\[\^([^\]\s]{1,64})\]:", re.MULTILINE)
_TASK: Final = re.compile(r"\[[ xX]\]\s")
_ALERT: Final = re.compile(r"\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]", re.IGNORECASE)
_HEADING_ANCHOR: Final = re.compile(r"(?<!\\)\{#[\w.:-]+\}\s*\Z")
_BAR: Final = re.compile(r"(?<!\\)\|")
_FOREIGN_MARK: Final = re.compile(r"<[A-Za-z/!]|\$|\[[\^! xX]|\{#")
"""What each of these begins with: most blocks have none, and need not be searched."""
_ADDRESS: Final = re.compile(r"(?<=\]\()[^\s()]*|https?://[^\s<>]+")

_HTML_REMEDIES: Final[Mapping[str, str]] = {
    "br": "end the line with a backslash, or begin a paragraph",
    "details": "write a heading, and its text below",
    "sub": "write the character, as in H₂O, or put it in backticks",
    "sup": "write the character, as in m², or put it in backticks",
    "img": "declare the picture under `images`, and write `![](image:NAME)`",
}


def _find_foreign(text: str, tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield what other Markdown programs lay out and this one prints as text. Code, and what is escaped, is meant as text."""
    # As on GitHub: without a text for it, `[^a]` is no footnote but, for example, a regular expression.
    labels = frozenset(_FOOTNOTE_TEXT.findall(text))
    for index, token in enumerate(tokens):
        if token.type != "inline" or _FOREIGN_MARK.search(token.content) is None:
            continue
        source = _blank_code(token.content)
        first_line = token.map[0] if token.map else 0
        if fault := _find_foreign_block(source, [other.type for other in tokens[max(0, index - 2) : index]]):
            yield fault._replace(line_offset=first_line)
        line_ends = [end for end, character in enumerate(source) if character == "\n"]
        for position, fault in _find_foreign_inline(source, labels):
            yield fault._replace(line_offset=first_line + bisect_right(line_ends, position))


def _find_lost_cells(text: str, tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield each row of a table with more cells than its head: Markdown drops the others. Source: GFM 0.29, 4.10."""
    columns = 0
    lines: list[str] = []
    for token in tokens:
        if token.type == "table_open":
            columns, lines = 0, lines or text.split("\n")
        elif token.type == "th_open":
            columns += 1
        elif token.type == "tr_open" and token.map and columns and len(cells := _split_row(lines[token.map[0]])) > columns:
            lost = visible(" | ".join(cells[columns:]))[:80]
            fault = f"the row has {len(cells)} cells, and the table has {columns} columns: '{lost}' is not printed"
            yield Fault(token.map[0], fault, "write `\\|` for a bar within a cell, or add a column", "table-cells")


def _split_row(line: str) -> list[str]:
    """Return the cells of a line of a table, also within quotes."""
    cells = [cell.strip() for cell in _BAR.split(line.lstrip("> \t").rstrip())]
    return cells[not cells[0] : len(cells) - (not cells[-1])]


def _find_foreign_block(source: str, openers: Sequence[str]) -> Fault | None:
    """Return the fault of a block that begins with the mark of a task, begins with that of an alert, or ends with an anchor."""
    if openers == ["list_item_open", "paragraph_open"] and _TASK.match(source):
        remedy = "write a list without boxes, or a table with the state"
        return Fault(0, "a task list is printed as a list, with `[ ]` and `[x]` as text", remedy, "task-list-as-text")
    if openers == ["blockquote_open", "paragraph_open"] and _ALERT.match(source):
        remedy = "begin the quote with a word in bold, as in **Warning**"
        return Fault(
            0, "an alert, as in `[!WARNING]`, is printed as a quote that begins with this text", remedy, "alert-as-text"
        )
    if openers[-1:] == ["heading_open"] and _HEADING_ANCHOR.search(source):
        return Fault(0, "the anchor `{#...}` of a heading is printed as text", "remove it", "html-as-text")
    return None


def _find_foreign_inline(source: str, footnotes: Collection[str]) -> Iterator[tuple[int, Fault]]:
    """Yield each fault with its position in the content of a block."""
    for element in _ELEMENT.finditer(source):
        if element["comment"]:
            yield element.start(), Fault(0, "the comment `<!-- ... -->` is printed as text", "remove it", "html-as-text")
        elif _ELEMENTS.fullmatch(element["name"].lower()):
            yield element.start(), _describe_element(element["name"].lower(), element["attributes"])
    for formula in _FORMULA.finditer(source):
        if _MATHEMATICAL.search(formula["block"] or formula["inline"]):
            remedy = "write it in words, or in backticks, or as a picture"
            yield formula.start(), Fault(0, "a formula is printed as text, with its `$` signs", remedy, "math-as-text")
    for footnote in _FOOTNOTE.finditer(source):
        if footnote["label"] in footnotes:
            remedy = "write the note in parentheses, or as a sentence"
            yield footnote.start(), Fault(0, "a footnote, as in `[^1]`, is printed as text", remedy, "footnote-as-text")


def _describe_element(name: str, attributes: str) -> Fault:
    if name == "a":
        is_link = "href" in attributes.lower()
        what, remedy = ("link", "write `[text](address)`") if is_link else ("anchor", "remove it, or write a heading")
        return Fault(0, f"the {what} `<a>` is printed as text", remedy, "html-as-text")
    # One kind: authors write both together.
    name = "details" if name == "summary" else name
    remedy = _HTML_REMEDIES.get(name, "write Markdown in its place, or put it in backticks if it is code")
    return Fault(0, f"`<{name}>` is printed as text", remedy, "html-as-text")


def _blank_code(source: str) -> str:
    """Return the content of a block with blanks for code spans and addresses; lines stay. Source: CommonMark 0.31, 6.1."""
    runs = list(re.finditer(r"(?<!\\)`+", source))
    closers: dict[int, list[int]] = {}
    for index, run in enumerate(runs):
        closers.setdefault(len(run[0]), []).append(index)
    parts: list[str] = []
    done = index = 0
    while index < len(runs):
        same = closers[len(runs[index][0])]
        following = bisect_right(same, index)
        if following == len(same):  # a run without a partner is text
            index += 1
            continue
        closer = same[following]
        parts += [source[done : runs[index].start()], re.sub(r"[^\n]", " ", source[runs[index].start() : runs[closer].end()])]
        done, index = runs[closer].end(), closer + 1
    text = "".join([*parts, source[done:]])
    return _ADDRESS.sub(lambda match: " " * len(match[0]), text)
