"""Authored Markdown parsed under the policy: tokens, references, and what cannot be printed as meant.

CommonMark with GFM's tables, strikethrough and addresses, and what `constructs` adds; raw HTML is text; links and images go by
an allow-list (notes on the attacks: docs/security.md). Everything else stays readable as text and is reported; nothing is
dropped.
"""

from __future__ import annotations

import re
import string
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from findings_report.problems.safe_text import code_point, find_hidden, visible
from findings_report.prose.constructs import CAPTION, FORMULA, LOST_NAMES, UNUSED, add_constructs, is_formula, write_formula
from findings_report.prose.policy import Fault, Policy, Prose, References

DEEPEST: Final = 20
"""Levels of lists, quotes and emphasis inside each other; the parser would drop what is nested deeper than its own limit."""

LONGEST: Final = 262_144
"""Characters of one text. The model says the same of a field; a section's file has no other bound."""

MOST_LINES: Final = 20_000
"""Lines of one text. What reads and prints Markdown looks at every line once for each level of nesting, and at some twice."""

MOST_BRACKETS: Final = 20_000
"""Opening brackets of one text. Each costs the parser a look for its end: a text of 262,144 of them took eight seconds."""

_MOST_TOKENS: Final = 40_000  # read and printed in about a second

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

_LOSES_SIGNS: Final = re.compile(r"__|\w\*\w|^ {0,3}[:~][ \t]", re.MULTILINE)
"""What may lose signs, and definitions, which may be nested."""

# Up to these bounds a text is parsed without the policy: it cannot reach any limit above, whatever its marks mean.
_PLAIN_CHARACTERS: Final = 100_000
_PLAIN_LINES: Final = 2_000
_PLAIN_MARKS: Final = 18  # of emphasis in one block: less than DEEPEST even if each is nested in the one before
_PLAIN_CELLS: Final = 800  # of a table: rows are filled up to the width of its head


_MAY_LINK: Final = re.compile(r"@|&|://|www\.")
"""What a text with a bare address has; an entity may be the sign in an e-mail address."""

_SAFE_SCHEME: Final = re.compile(r"(?:https?|ftp)://(?=[^\s])", re.IGNORECASE)
_ADDRESS_END: Final = re.compile(r"[ \t\n\v\f\r<\\]")
_ENTITY_END: Final = re.compile(r"&[A-Za-z]++;\Z")
_SENTENCE_ENDS: Final = "?!.,:*_~'\";"
_LOCAL: Final = frozenset(f"{string.ascii_letters}{string.digits}.+-_")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]*+(?>(?:\.(?=[A-Za-z0-9])[A-Za-z0-9_-]*+)*)")


def is_punctuation(character: str) -> bool:
    """Return True for what GFM takes for punctuation. Source: GFM 0.29, 2.1; CommonMark 0.31 has symbols as well."""
    return character in string.punctuation or unicodedata.category(character)[0] == "P"


def _link_bare_address(state: StateInline, silent: bool) -> bool:
    """Read `https://...`, `http://...` and `www...` as links, as GitHub does.

    Source: GFM 0.29, 6.9; where it is silent, extensions/autolink.c of cmark-gfm: an address begins behind any character but a
    letter, ends at a blank or `<`, and is no link within brackets. Unlike there it ends at a backslash, which no address has:
    the escape or line end that its author wrote is kept.
    """
    source, begin = state.src, state.pos
    # `silent` looks for the end of a bracket, in which no address is a link.
    if silent or state.linkLevel > 0 or state.cache.get(_BRACKETS, 0):
        return False
    if source.startswith("://", begin):
        while begin > 0 and source[begin - 1].isascii() and source[begin - 1].isalpha():
            begin -= 1
        scheme = _SAFE_SCHEME.match(source, begin)
        if scheme is None or scheme.end() != state.pos + 3:
            return False
        prefix, host = "", scheme.end()
    elif source.startswith("www.", begin) and (begin == 0 or source[begin - 1] in " \t\n*_~("):
        prefix, host = "http://", begin
    else:
        return False
    if not (end := _end_of_host(source, host, is_dotted=bool(prefix))):
        return False
    after = _ADDRESS_END.search(source, end)
    shown = _trim_address(source[begin : after.start() if after else len(source)])
    if begin < state.pos:
        state.pending = state.pending[: begin - state.pos]
    if state.pending:
        state.pushPending()
    for token in address_tokens(prefix + shown, shown):
        token.level = state.level + (token.nesting == 0)
        state.tokens.append(token)
        state.tokens_meta.append(None)
    state.pos = begin + len(shown)
    return True


def address_tokens(address: str, shown: str) -> tuple[Token, ...]:
    """Return the tokens of a link that its author wrote as an address only."""
    opener = Token("link_open", "a", 1, attrs={"href": address}, markup="linkify", info="auto")
    return opener, Token("text", "", 0, content=shown), Token("link_close", "a", -1, markup="linkify", info="auto")


def _end_of_host(source: str, begin: int, *, is_dotted: bool) -> int:
    """Return where the host ends; 0 for no host, and for one with an underscore in its last two names."""
    end = begin
    while end < len(source) and (source[end] in "-_." or not (source[end].isspace() or is_punctuation(source[end]))):
        end += 1
    names = source[begin:end].split(".")
    if end == begin or source[begin] in "-_." or any("_" in name for name in names[-2:]) or (is_dotted and len(names) < 3):
        return 0
    return end


def _trim_address(address: str) -> str:
    """Return an address without the punctuation of the sentence around it, and without a bracket that it did not open."""
    end, closing = len(address), address.count(")") - address.count("(")
    while end:
        # The longest name of an entity has 31 letters.
        if address[end - 1] == ";" and (entity := _ENTITY_END.search(address[max(0, end - 33) : end])):
            end -= len(entity[0])
        elif address[end - 1] in _SENTENCE_ENDS or (address[end - 1] == ")" and closing > 0):
            closing -= address[end - 1] == ")"
            end -= 1
        else:
            break
    return address[:end]


_BRACKETS: Final = -1
"""Key of the number of open brackets in a parser's state; the others are positions."""


def _count_brackets(state: StateInline, silent: bool) -> bool:
    """Note a bracket that is no link's: cmark-gfm reads no address as a link behind an open one."""
    if not silent and state.src[state.pos] in "[]":
        count = state.cache.get(_BRACKETS, 0) + (1 if state.src[state.pos] == "[" else -1)
        state.cache[_BRACKETS] = max(0, count)
    return False


def _flatten(state: StateCore) -> None:
    """Remove marks within marks of their own kind: GFM's readers do not show them, or print two as one."""
    for token in state.tokens:
        children = token.children or []
        # At least an opener within another.
        if sum(child.type in _FLAT for child in children) > 1:
            depths = dict.fromkeys(_FLAT.values(), 0)
            kept: list[Token] = []
            for child in children:
                kind = _FLAT.get(child.type) or _FLAT.get(child.type.replace("_close", "_open"))
                if kind is not None:
                    depths[kind] += child.nesting
                    if depths[kind] > (child.nesting > 0):
                        continue
                if child.type == "s_open" and kept and kept[-1].type == "s_close":
                    kept.pop()  # `~~a~~~~b~~` is one to them
                else:
                    kept.append(child)
            token.children = kept


_FLAT: Final = {"strong_open": "strong", "em_open": "em", "s_open": "s"}


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _PARSED_DEPTH, "store_labels": True}).enable(
        ["table", "strikethrough"]
    )
    add_constructs(parser)
    parser.inline.ruler.after("text", "bare_address", _link_bare_address)
    parser.inline.ruler.push("brackets", _count_brackets)
    parser.core.ruler.push("flatten", _flatten)
    # The rule for text has to stop where `www.` may begin an address.
    stops = parser.inline.terminator_re.pattern
    parser.inline.terminator_re = re.compile(rf"{stops}|(?:(?<=[ \t\n*_~(])|\A)www\.")
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
    # As the parser does, whose lines are looked up in the text. Source: CommonMark 0.31, 2.1: a carriage return ends a line.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
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
    if "](" not in text and "]:" not in text and "{#" not in text:
        return References()
    return parse(text).references


def list_tables(text: str) -> Iterator[tuple[str, bool]]:
    """Yield name and kind of each table of `text` that is numbered: True for one of a file, and False for one written here with
    a caption, whose name may be empty.
    """
    # Most texts have none, and need not be parsed.
    if "table:" in text or CAPTION.search(text):
        yield from ((name, token.type == "figure") for token, name in parse(text).tables)


def is_plain(text: str) -> bool:
    """Return True when `text` certainly has no fault and refers to nothing; False means that it may have.

    Most texts are plain, and need not be judged.
    """
    if len(text) > _PLAIN_CHARACTERS or text.count("\n") > _PLAIN_LINES or _NOTABLE.search(text) or _NESTED.search(text):
        return False
    if text.count("$") > 1 or "{#" in text or "\r" in text or CAPTION.search(text):
        return False
    if _LOSES_SIGNS.search(text) or _FENCE_TEXT.search(text) or _MAY_LINK.search(text):
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
    judged = tuple(_link_emails(list(policy.blocks(tokens))))
    # Sorted by line below: problems are read beside the text.
    faults = [
        *policy.faults,
        *_hidden(text),
        *_find_lost_cells(text, tokens),
        *_find_dropped(tokens, environment),
        *dict.fromkeys(_find_foreign(tokens)),
    ]
    return Prose(judged, tuple(sorted(faults, key=lambda fault: fault.line_offset)), References(tuple(policy.uses)))


def _link_emails(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield blocks with e-mail addresses in their text as links. Source: GFM 0.29, 6.9.

    After the policy, because GitHub looks for them in what is displayed: no escape keeps them from being links.
    """
    for token in tokens:
        if token.type == "inline":
            yield token.copy(children=list(_link_emails_in(token.children or ())))
        elif token.type == "figure":
            yield token.copy(meta={**token.meta, "alt": list(_link_emails_in(token.meta["alt"]))})
        else:
            yield token


def _link_emails_in(children: Sequence[Token]) -> Iterator[Token]:
    links = 0
    # Words of the program stay apart: they are printed in the report's language. So do marks of notes, which Word has.
    for (kind, _), group in groupby(children, key=lambda child: (child.type, id(child) if child.meta else 0)):
        tokens = list(group)
        links += sum(token.nesting for token in tokens) if kind in ("link_open", "link_close") else 0
        if kind != "text":
            yield from tokens
            continue
        # What the policy made text joins the text beside it, as it does in every reader's eyes.
        text = "".join(token.content for token in tokens)
        done = 0
        for begin, end in _find_emails(text) if not links else ():
            shown = text[begin:end]
            yield tokens[0].copy(content=text[done:begin])
            yield from address_tokens(shown if shown.startswith("mailto:") else f"mailto:{shown}", shown)
            done = end
        yield tokens[0].copy(content=text[done:])


def _find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of each e-mail address. Source: postprocess_text of cmark-gfm, also for `a@b.c@d`."""
    begin_of_search = dots = 0
    at = text.find("@")
    while at >= 0:
        begin = at
        while begin > begin_of_search and text[begin - 1] in _LOCAL:
            begin -= 1
        domain = _DOMAIN.match(text, at + 1) if begin < at else None
        end = domain.end() if domain is not None else at + 1
        dots += text.count(".", at + 1, end)
        if domain is not None and text.startswith("@", end):
            begin_of_search, at = at + 1, end
            continue
        if dots and text[end - 1].isalpha():
            has_scheme = text.endswith("mailto:", begin_of_search, begin) and not text[max(0, begin - 8) : begin - 7].isalnum()
            yield begin - 7 * has_scheme, end
        begin_of_search, dots = end, 0
        at = text.find("@", end)


def _find_dropped(tokens: Sequence[Token], environment: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what Markdown reads and prints nowhere: text behind the language of a fence, and repeated definitions."""
    for token in tokens:
        if token.type == "fence" and token.map and len(words := token.info.split(maxsplit=1)) > 1:
            fault = f"'{visible(words[1])[:80]}' behind the language of a fence is not printed"
            yield Fault(token.map[0], fault, "write it above the fence", "fence-text")
    for definition in environment.get("duplicate_refs", ()):
        fault = f"'{_describe(str(definition['label']), definition)}' defines a label again, so that it is not used"
        yield Fault(definition["map"][0], fault, "give it a label of its own", "definition-repeated")
    for line, name, is_repeated in environment.get(UNUSED, ()):
        fault = f"no mark leads to this text of the footnote '{visible(name)}': it is printed in its place"
        remedy = "give it a label of its own" if is_repeated else f"write [^{visible(name)}] where it belongs"
        yield Fault(line, fault, remedy, "footnote-unused")
    for line, name in environment.get(LOST_NAMES, ()):
        fault = f"the caption '{name}' has no table: no table is right above or below it"
        yield Fault(line, fault, "put it beside its table, with blank lines around it", "table-caption")
    used = set(_find_labels(tokens))
    for label, definition in environment.get("references", {}).items():
        # CommonMark 4.7: a definition is not displayed. Authors write `[note]: text` by mistake.
        if label not in used:
            fault = f"'{_describe(label, definition)}' defines a link that is not used, so it is not printed"
            yield Fault(definition["map"][0], fault, "put a backslash before the bracket to print it", "definition-unused")


def _describe(label: str, definition: Mapping[str, Any]) -> str:
    title = f' "{definition["title"]}"' if definition.get("title") else ""
    return f"[{visible(label.lower())[:80]}]: {visible(str(definition['href']) + title)[:160]}"


def _find_labels(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield the labels of definitions that links and pictures use."""
    for token in tokens:
        if "label" in token.meta:
            yield token.meta["label"]
        yield from _find_labels(token.children or ())


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
    r"""(?P<attributes>(?:\s+(?:open|[A-Za-z-]+=(?:"[^"]*+"|'[^']*+'|[^\s"'<>]+)))*)\s*/?>)"""
)
_ALERT: Final = re.compile(r"\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\](?![ \t]*(?:\n|\Z))", re.IGNORECASE)
"""An alert whose text begins in the line of its mark."""
_HEADING_ANCHOR: Final = re.compile(r"(?<!\\)\{#[\w.:-]+\}\s*\Z")
_LATE_CAPTION: Final = re.compile(rf"[ >]*+(?:{CAPTION.pattern})[^|\n]*+\Z")
"""A row of a table that is meant as its caption."""
_BAR: Final = re.compile(r"(?<!\\)\|")
_FOREIGN_MARK: Final = re.compile(r"<[A-Za-z/!]|\$|\[!|\{#|\\|__|\w\*\w")
"""What each of these begins with: most blocks have none, and need not be searched."""
_ADDRESS: Final = re.compile(r"(?<=\]\()[^\s()]*|https?://[^\s<>]+")

_HTML_REMEDIES: Final[Mapping[str, str]] = {
    "br": "end the line with a backslash, or begin a paragraph",
    "details": "write a heading, and its text below",
    "sub": "write the character, as in H₂O, or put it in backticks",
    "sup": "write the character, as in m², or put it in backticks",
    "img": "declare the picture under `images`, and write `![](image:NAME)`",
}


def _find_foreign(tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield what other Markdown programs lay out and this one prints as text. Code, and what is escaped, is meant as text."""
    for index, token in enumerate(tokens):
        if token.type != "inline" or _FOREIGN_MARK.search(token.content) is None:
            continue
        source = _blank_code(token.content)
        first_line = token.map[0] if token.map else 0
        if fault := _find_foreign_block(source, [other.type for other in tokens[max(0, index - 2) : index]]):
            yield fault._replace(line_offset=first_line)
        line_ends = [end for end, character in enumerate(source) if character == "\n"]
        for position, fault in _find_foreign_inline(source):
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
        elif token.type == "tr_open" and token.map and _LATE_CAPTION.match(lines[token.map[0]]):
            fault = "the caption is a row of the table, because no blank line is above it"
            yield Fault(token.map[0], fault, "put a blank line between the table and its caption", "table-caption")
        elif token.type == "tr_open" and token.map and columns and len(cells := _split_row(lines[token.map[0]])) > columns:
            lost = visible(" | ".join(cells[columns:]))[:80]
            fault = f"the row has {len(cells)} cells, and the table has {columns} columns: '{lost}' is not printed"
            yield Fault(token.map[0], fault, "write `\\|` for a bar within a cell, or add a column", "table-cells")


def _split_row(line: str) -> list[str]:
    """Return the cells of a line of a table, also within quotes."""
    cells = [cell.strip() for cell in _BAR.split(line.lstrip("> \t").rstrip())]
    return cells[not cells[0] : len(cells) - (not cells[-1])]


def _find_foreign_block(source: str, openers: Sequence[str]) -> Fault | None:
    """Return the fault of a quote that begins with an alert's mark and a text, or of a heading that ends with an anchor."""
    if openers == ["blockquote_open", "paragraph_open"] and _ALERT.match(source):
        fault = "an alert, as in `[!WARNING]`, is printed as a quote that begins with this text"
        return Fault(0, fault, "begin its text on the next line", "alert-as-text")
    if openers[-1:] == ["heading_open"] and _HEADING_ANCHOR.search(source):
        return Fault(0, "the anchor `{#...}` of a heading is printed as text", "remove it", "html-as-text")
    return None


def _find_foreign_inline(source: str) -> Iterator[tuple[int, Fault]]:
    """Yield each fault with its position in the content of a block."""
    for element in _ELEMENT.finditer(source):
        if element["comment"]:
            yield element.start(), Fault(0, "the comment `<!-- ... -->` is printed as text", "remove it", "html-as-text")
        elif _ELEMENTS.fullmatch(element["name"].lower()):
            yield element.start(), _describe_element(element["name"].lower(), element["attributes"])
    for formula in FORMULA.finditer(source):
        if not is_formula(formula):
            continue
        if write_formula(formula["block"] or formula["inline"]) is None:
            remedy = "write it in words, or in backticks, or as a picture"
            fault = "a formula that has no form in plain text is printed with its `$` signs"
            yield formula.start(), Fault(0, fault, remedy, "math-as-text")
        else:
            blank = re.sub(r"[^\n]", " ", formula[0])
            source = f"{source[: formula.start()]}{blank}{source[formula.end() :]}"
    yield from _find_lost_signs(source)


# What people write in a text about code, and Markdown takes for marks. A name in `__` and a product of names lose their signs;
# of `\\server` and `C:\_x` a backslash is lost.
_DUNDER: Final = re.compile(r"(?<![\\\w])__[a-z][a-z0-9]*+(?>(?:_[a-z0-9]++)*)__(?!_)")
_STARS: Final = re.compile(r"(?<![\\*\w])(?>(?:\w++\*(?=\w)){2,})\w")
_WORD: Final = re.compile(r"\S++")
_ESCAPE: Final = re.compile(r"\\[!-/:-@\[-`{-~]")
_DRIVE: Final = re.compile(r"[(\"']*[A-Za-z]:\\")
_SERVER: Final = re.compile(r"(?<![\\\w])\\\\(?=[A-Za-z0-9]{2})")


def _find_lost_signs(source: str) -> Iterator[tuple[int, Fault]]:
    """Yield each name and path of code that loses a sign because it is in no backticks."""
    for pattern, what in ((_DUNDER, "in bold, without its underscores"), (_STARS, "with emphasis, without its asterisks")):
        for name in pattern.finditer(source):
            fault = f"`{visible(name[0])[:80]}` is printed {what}"
            yield name.start(), Fault(0, fault, "put it in backticks if it is code", "code-as-emphasis")
    for word in _WORD.finditer(source) if "\\" in source else ():
        path = word[0]
        # A backslash before a letter stays, so that the word is a path or a command; before a sign it is lost.
        is_path = _DRIVE.match(path) or re.search(r"(?<!\\)\\[A-Za-z0-9]", path)
        if _SERVER.search(path) or (is_path and _ESCAPE.search(path)):
            fault = f"`{visible(path)[:80]}` loses a backslash"
            yield word.start(), Fault(0, fault, "put it in backticks if it is a path or code", "backslash-lost")


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
