"""Authored Markdown parsed under the policy: tokens, references, and what cannot be printed as meant.

CommonMark with tables and strikethrough; raw HTML is text; links and images go by an allow-list (notes on the attacks:
docs/security.md). Everything else stays readable as text and is reported; nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from findings_report.problems.safe_text import HIDDEN, code_point
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

HIDDEN_IN_PROSE: Final = re.compile(
    f"(?![\u200c\u200d]){HIDDEN.pattern}|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
"""HIDDEN, except for joiners between letters or signs beyond ASCII: Persian, Indic scripts and emoji are written with them."""

_DEEP: Final = f"the text is nested more than {DEEPEST} levels deep"

_DIVIDE: Final = "divide it, or leave out what nobody will read"

_NOTABLE: Final = re.compile("[^\t\n\x20-;=-Z\\]-~\u00a1-\u00ac\u00ae-\u024f\u0370-\u03ff\u0400-\u052f\u2010-\u2027]")
"""What a link, a picture, raw HTML or a hidden character is written with (`[`, `<`, a backslash); scripts with joiners are
parsed as well."""

_NESTED: Final = re.compile(r"^(?: {5}| *(?:>|[-+*] |\d+[.)] ) *(?:>|[-+*](?: |$)|\d+[.)](?: |$)))", re.MULTILINE)
"""A line that may be more than three levels deep."""

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
    return _judge(text, _PARSER.parse(text, environment), environment.get("references", {}))


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
    for block in text.split("\n\n"):
        if block.count("*") + block.count("_") + block.count("~") > _PLAIN_MARKS:
            return False
        if "|" in block:
            lines = block.split("\n")
            if len(lines) * max(line.count("|") for line in lines) > _PLAIN_CELLS:
                return False
    return True


def _judge(text: str, tokens: list[Token], definitions: Mapping[str, Mapping[str, Any]]) -> Prose:
    if (fault := _too_much(text, tokens)) is not None:
        return _as_code(text, fault)
    policy = Policy()
    judged = tuple(policy.blocks(tokens))
    # Sorted by line below: problems are read beside the text.
    faults = [*policy.faults, *_hidden(text), *policy.unused(definitions)]
    return Prose(judged, tuple(sorted(faults, key=lambda fault: fault.line_offset)), References(tuple(policy.uses)))


def _as_code(text: str, fault: Fault) -> Prose:
    """Return the text unchanged, in one block of code: the reader sees all of it, though without its layout."""
    plain = Token("fence", "code", 0, content=text.rstrip("\n") + "\n", block=True, map=[0, text.count("\n") + 1])
    return Prose((plain,), (fault, *_hidden(text)), References())


def _hidden(text: str) -> Iterator[Fault]:
    """Yield each hidden character of each line once."""
    if HIDDEN_IN_PROSE.search(text) is None:
        return
    for number, line in enumerate(text.split("\n")):
        for character in dict.fromkeys(HIDDEN_IN_PROSE.findall(line)):
            fault = f"the text holds the hidden character {code_point(character)}"
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
