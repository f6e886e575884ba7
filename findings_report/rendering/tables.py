"""Tables in prose: those of CSV files in their places, and the numbers in the captions of all of them.

A table of a file becomes the tokens of a table in Markdown, so that every format prints both alike. Its cells are plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from markdown_it.token import Token

from findings_report.model.report import ReportedTable
from findings_report.rendering.figures import Part

_NUMBER: Final = re.compile(r"[-+\u2212]?\d[\d.,\u00a0\u202f]*+%?\Z")


def place_tables(tokens: Sequence[Token], part: Part) -> Sequence[Token]:
    """Return the tokens of a text with tables of files in their places, and with the number in each caption."""
    if not any(token.type == "caption_open" or _is_place(token) for token in tokens):
        return tokens
    return list(chain.from_iterable(_placed(tokens, part)))


def link_table(name: str, part: Part) -> tuple[str, str]:
    """Return text and address of a link to a table; the address is empty where there is none."""
    words = part.engagement.translation
    number = part.engagement.table_number(name)
    if number is None:
        return words.gettext("[no table {name}]", name=name), ""
    label = words.gettext("Table {number}", number=number)
    return label, f"#table-{number}" if number in part.tables.values() else "" if part.is_alone else f"xref:table-{number}"


def _is_place(token: Token) -> bool:
    return token.type == "figure" and token.meta["kind"] == "table"


def _placed(tokens: Sequence[Token], part: Part) -> Iterator[Sequence[Token]]:
    number: str | None = None
    for index, token in enumerate(tokens):
        if _is_place(token):
            yield _place(token, part)
        elif token.type == "table_open" and "name" in token.meta:
            number = part.tables.get(id(token))
            yield (_with_address(token, number, part),)
        elif token.type == "inline" and tokens[index - 1].type == "caption_open":
            yield (token.copy(children=_caption(number, token.children or (), part)),)
        else:
            yield (token,)


def _place(figure: Token, part: Part) -> Sequence[Token]:
    """Return the table of a file; a reference to it where it is placed again, and the token itself for one that is missing."""
    name, alt = str(figure.meta["name"]), figure.meta["alt"]
    table = next((table for table in part.engagement.tables if table.name == name), None)
    if table is None:
        return (figure,)
    number, level = part.tables.get(id(figure)), figure.level
    if number is None and part.engagement.table_number(name) is not None:
        link = Token("link_open", "a", 1, attrs={"href": f"table:{name}"})
        text = [link, Token("link_close", "a", -1), *([_text(": "), *alt] if alt else ())]
        return (
            Token("paragraph_open", "p", 1, level=level, block=True, map=[0, 1], hidden=figure.hidden),
            Token("inline", "", 0, level=level + 1, children=text, block=True, map=[0, 1]),
            Token("paragraph_close", "p", -1, level=level, block=True, hidden=figure.hidden),
        )
    opener = Token("table_open", "table", 1, level=level, block=True, map=[0, 1])
    caption = _caption(number, alt or ([_text(table.caption)] if table.caption else ()), part, table.audience)
    return (_with_address(opener, number, part), *_write(table, caption, level + 1))


def _with_address(opener: Token, number: str | None, part: Part) -> Token:
    # An address may occur once in a page.
    key = f"table {number}"
    if number is None or key in part.printed:
        return opener
    part.printed.add(key)
    return opener.copy(attrs={**opener.attrs, "id": f"table-{number}"})


def _caption(number: str | None, children: Sequence[Token], part: Part, audience: Sequence[str] = ()) -> list[Token]:
    words = part.engagement.translation
    shown: list[Token] = []
    if number is not None:
        label = words.gettext("Table {number}", number=number)
        shown += [
            Token("strong_open", "strong", 1, markup="**"),
            _text(label, 1),
            Token("strong_close", "strong", -1, markup="**"),
        ]
        shown += [_text(" ")] if children else []
    shown += children
    if audience:
        only = words.gettext("Only for: {audiences}", audiences=words.join(tuple(audience)))
        shown.append(_text(f" ({only})" if shown else only))
    return shown


def _write(table: ReportedTable, caption: list[Token], level: int) -> Iterator[Token]:
    """Yield what is within the element of a table."""
    place: dict[str, Any] = {"block": True, "map": [0, 1]}
    if caption:
        yield Token("caption_open", "caption", 1, level=level, **place)
        yield Token("inline", "", 0, level=level + 1, children=caption, **place)
        yield Token("caption_close", "caption", -1, level=level, block=True)
    columns = [[row[index] for row in table.rows if row[index]] for index in range(len(table.header))]
    styles = ["text-align:right" if column and all(map(_NUMBER.match, column)) else "" for column in columns]
    for part, tag, rows in (("thead", "th", (table.header,)), ("tbody", "td", table.rows)):
        yield Token(f"{part}_open", part, 1, level=level, **place)
        for row in rows:
            yield Token("tr_open", "tr", 1, level=level + 1, **place)
            for cell, style in zip(row, styles, strict=True):
                attributes: dict[str, str | int | float] = {"style": style} if style else {}
                yield Token(f"{tag}_open", tag, 1, attributes, level=level + 2, **place)
                yield Token("inline", "", 0, level=level + 3, children=_cell(cell), **place)
                yield Token(f"{tag}_close", tag, -1, level=level + 2, block=True)
            yield Token("tr_close", "tr", -1, level=level + 1, block=True)
        yield Token(f"{part}_close", part, -1, level=level, block=True)
    yield Token("table_close", "table", -1, level=level - 1, block=True)


def _cell(text: str) -> list[Token]:
    first, *others = text.split("\n")
    return [_text(first), *chain.from_iterable((Token("hardbreak", "br", 0), _text(line)) for line in others)]


def _text(content: str, level: int = 0) -> Token:
    return Token("text", "", 0, content=content, level=level)
