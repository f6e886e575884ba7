"""Syntax highlighting: lines in, pieces of a few kinds out, the same in every format. Only this file knows Pygments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from findings_report.model.drift import DiffLine
from findings_report.sourcecode.languages import LANGUAGES

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LONGEST_LINE: Final = 500
"""Columns of a line that are printed; the rest is counted."""

MOST_LINES: Final = 400
"""Lines of a run up to which it is coloured."""

_MOST_CHARACTERS: Final = 20_000
# Many lexers take quadratic time over one character repeated (measured up to 1.5 s for 8 KB), so such code stays plain.
_MOST_REPEATED: Final = 256
_REPEATED = re.compile(rf"(.)\1{{{_MOST_REPEATED - 1}}}", re.DOTALL)

# Authors name the language of a block of code. Some of Pygments' 600 lexers do not end on a few thousand odd characters
# (mcschema on `<!--`); those taken were tried with 55 patterns of 20,000 characters: none took more than 7 seconds.
_OTHERS: Final = """
    apacheconf awk basic brainfuck cobol common-lisp console coq crystal delphi django doscon eiffel elm erb factor forth gas
    gherkin http idris io jsp lean llvm mathematica matlab mysql nginx numpy objdump odin plpgsql postgresql prolog promql
    ps1con psql puppet pycon pytb q racket rego restructuredtext robotframework scheme smalltalk smarty sparql text twig
    typst vb.net velocity vue vyper wast xquery yara
"""
_TAKEN: Final = LANGUAGES | frozenset(_OTHERS.split())

_KINDS: Final = {
    "Keyword": "k",
    "Operator.Word": "k",
    "Name.Tag": "k",
    "Name.Function": "f",
    "Name.Class": "f",
    "Name.Attribute": "f",
    "Name.Decorator": "d",
    "Comment.Preproc": "d",
    "Comment.PreprocFile": "s",
    "Generic.Deleted": "d",
    "Generic.Inserted": "s",
    "Generic.Heading": "f",
    "Generic.Subheading": "f",
    "Literal.String": "s",
    "Literal.Number": "n",
    "Comment": "c",
}


class Piece(NamedTuple):
    """Neighbouring characters of one kind."""

    kind: str
    """k keyword, f defined name, d decorator or directive, s string, n number, c comment; empty for everything else."""
    text: str
    """The characters."""


Pieces = tuple[Piece, ...]


class Cut(NamedTuple):
    """The printed part of a line."""

    text: str
    """At most LONGEST_LINE columns."""
    left_out: int
    """How many characters are not printed."""


def cut(text: str) -> Cut:
    """Return the printed part of a line."""
    return Cut(text[:LONGEST_LINE], max(0, len(text) - LONGEST_LINE))


def highlight(lines: Sequence[str], language: str, inside: str = "") -> tuple[Pieces, ...]:
    """Return each line in pieces; their texts joined are the line.

    `language` is a lexer's alias; unknown or empty leaves the lines plain, as does code that is too large to be lexed in
    time. `inside` is the opener of the multi-line string or comment that the first line is part of.
    """
    text = "\n".join(lines)
    lexer = _lexer(language) if _is_within_budget(lines, text) else None
    if lexer is None:
        return tuple((Piece("", line),) if line else () for line in lines)
    # A run may begin inside of a multi-line string: lexed without its opener, all of it would be coloured wrongly.
    opener = inside + "\n" if inside else ""
    tokens = _lex(lexer, opener + text)
    pieces = _by_line(tokens)
    return pieces[1:] if opener else pieces


DIFF_SIGNS: Final = {(True, True): ("same", " "), (True, False): ("gone", "-"), (False, True): ("came", "+")}
"""Kind and sign of a line of a diff, by whether it is in the old and in the new file."""


def highlight_diff(lines: Sequence[DiffLine], language: str) -> tuple[Pieces, ...]:
    """Return each line of a diff in pieces: deleted lines are lexed among the old lines, all others among the new ones."""
    # Each side is lexed as a whole: a deleted line may close a string that an added one leaves open.
    old = iter(highlight([line.text for line in lines if line.old_line is not None], language))
    new = iter(highlight([line.text for line in lines if line.new_line is not None], language))
    highlighted: list[Pieces] = []
    for line in lines:
        before = next(old) if line.old_line is not None else ()
        highlighted.append(next(new) if line.new_line is not None else before)
    return tuple(highlighted)


def _is_within_budget(lines: Sequence[str], text: str) -> bool:
    longest = max(map(len, lines), default=0)
    if len(lines) > MOST_LINES or len(text) > _MOST_CHARACTERS or longest > LONGEST_LINE:
        return False
    # Only a line that long can hold them, or as many blank lines.
    return max(longest, len(lines)) < _MOST_REPEATED or _REPEATED.search(text) is None


@cache
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language) if language else None
    except ClassNotFound:
        return None
    return lexer if lexer is not None and not _TAKEN.isdisjoint(lexer.aliases) else None


def _lex(lexer: Lexer, text: str) -> list[tuple[str, str]]:
    """Return the kind and the text of each token; the whole text as one where the lexer fails."""
    try:
        # Not get_tokens: it would change line ends, strip blanks and guess an encoding.
        tokens = [(_kind(token), value) for _, token, value in lexer.get_tokens_unprocessed(text)]
    except Exception:  # a bug in one of 600 lexers: a report without colours is better than none
        return [("", text)]
    return tokens if "".join([value for _, value in tokens]) == text else [("", text)]


@cache
def _kind(token: tuple[str, ...]) -> str:
    """Return the kind of one of Pygments' token types, which are tuples of names, by its nearest ancestor that has one."""
    for length in range(len(token), 0, -1):
        if (kind := _KINDS.get(".".join(token[:length]))) is not None:
            return kind
    return ""


def _by_line(tokens: Iterable[tuple[str, str]]) -> tuple[Pieces, ...]:
    """Return the tokens in lines. Neighbours that look the same are one piece: it makes laying out a PDF a third cheaper."""
    lines: list[Pieces] = []
    line: list[Piece] = []
    last_kind = last = ""
    for kind, value in tokens:
        for index, text in enumerate(value.split("\n") if "\n" in value else (value,)):
            if index:
                lines.append((*line, Piece(last_kind, last)) if last else ())
                line, last_kind, last = [], "", ""
            if last and (kind == last_kind or not text or text.isspace()):
                last += text
            elif not last or (not last_kind and last.isspace()):
                last_kind, last = kind, last + text
            else:
                line.append(Piece(last_kind, last))
                last_kind, last = kind, text
    lines.append((*line, Piece(last_kind, last)) if last else ())
    return tuple(lines)
