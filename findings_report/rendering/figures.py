"""The state of one part of a document while it is rendered: its figures, its tables, their numbers, and its pictures.

A part is rendered without sight of the others: figures are numbered within it, under its own id, so that a finding keeps the
numbers of its figures when another finding is added. A table of a CSV file becomes the tokens of a table in Markdown: every
format prints both alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from markdown_it.token import Token
from markupsafe import Markup

from findings_report import prose
from findings_report.model.evidence import Snippet
from findings_report.model.passages import Passage
from findings_report.model.report import Picture, ReportedEngagement, ReportedFinding, ReportedTable
from findings_report.model.translation import ENGLISH, Translation
from findings_report.prose.policy import NEUTRAL


@dataclass(frozen=True)
class Figure:
    """One numbered figure: lines of code or a picture."""

    number: str
    """`NTR-001.1`; empty where figures are not numbered."""
    snippet: Snippet | None
    """The lines; None for a picture."""
    picture: Picture | None
    """The picture; None for lines."""


@dataclass
class Part:
    """One part of a document while it is rendered."""

    engagement: ReportedEngagement
    """What every part may know."""
    address: Callable[[Picture], str]
    """Where the format finds a picture's bytes."""
    draw: Callable[[Part, Figure, Markup | None], Markup]
    """Prints a figure with its caption."""
    located: Mapping[str, Figure] = field(default_factory=dict)
    """Figures by the location's name."""
    pictured: Mapping[str, Figure] = field(default_factory=dict)
    """Numbered pictures by name."""
    numbers: Mapping[int, Figure] = field(default_factory=dict)
    """Figures by the location's index."""
    tables: dict[int, str] = field(default_factory=dict)
    """Numbers of the tables of this part by the `id` of the token that begins or places each."""
    parsed: dict[str, prose.Prose] = field(default_factory=dict)
    """Texts of this part, each parsed once."""
    printed: set[str] = field(default_factory=set)
    """Numbers already printed: an anchor may occur once in a page."""
    is_paper: bool = False
    """True in a document that is printed: notes on lines of code are numbered and follow the block."""
    is_alone: bool = False
    """True in a single-finding report: other parts are named, not linked."""
    lines_under: str = ""
    """Number of the figure that is being printed, from which its lines get their addresses: `NTR-001.1-L121`; empty without."""
    is_drawing: bool = False
    """True while a figure is printed: a figure cannot contain another."""

    def parse(self, text: str) -> prose.Prose:
        """Return `text` parsed under the policy."""
        # Each text is needed twice: to number its figures, and to print it.
        if text not in self.parsed:
            self.parsed[text] = translate_prose(prose.parse(text), self.engagement.translation)
        return self.parsed[text]

    def find_figure(self, kind: str, name: str) -> Figure | None:
        """Return the figure that prose places as `kind` (placed or image) and `name`; None when there is none of that name."""
        if kind == "placed":
            return self.located.get(name)
        if kind == "table":
            return None
        picture = self.picture(name)
        if picture is None:
            return None
        return self.pictured.get(picture.name, Figure("", None, picture))

    def current(self, id: str) -> str:
        """Return the current id of the finding with that id or former id."""
        return self.engagement.aliases.get(id, id)

    def picture(self, name: str) -> Picture | None:
        """Return the declared picture of that name or file; None when there is none."""
        # By either: authors write the name, or the path as in any other Markdown.
        return next((image for image in self.engagement.images if name in (image.name, image.file)), None)


def translate_prose(parsed: prose.Prose, words: Translation) -> prose.Prose:
    """Return a parsed text with the words that the program put into it in the report's language."""
    if words == ENGLISH:
        return parsed
    return replace(parsed, tokens=tuple(_translate_token(token, words) for token in parsed.tokens))


def _translate_token(token: Token, words: Translation) -> Token:
    if token.type == "figure":
        name = token.meta["name"]
        shown = words.gettext(name) if name in NEUTRAL.values() else name
        return token.copy(
            meta={**token.meta, "name": shown, "alt": [_translate_token(each, words) for each in token.meta["alt"]]}
        )
    if token.type == "inline":
        return token.copy(children=[_translate_token(child, words) for child in token.children or ()])
    if "message" not in token.meta:
        return token
    text = str(token.meta["text"])
    return token.copy(
        content=words.gettext(token.meta["message"], text=words.gettext(text) if text in NEUTRAL.values() else text)
    )


def number_tables(part: Part, texts: Iterable[str], prefix: str = "", first: int = 1) -> None:
    """Give every table of `texts` that has a caption, or is of a file, its number, beginning with `first` behind `prefix`.

    They are those of `report.tables.number_tables`, which sees all texts: of a table that is placed again this is no place.
    """
    declared = {table.name for table in part.engagement.tables}
    number = first
    for text in texts:
        for token, name in part.parse(text).tables:
            if token.type == "figure":
                is_known = name in declared and part.engagement.table_number(name) == f"{prefix}{number}"
                if not is_known or f"{prefix}{number}" in part.tables.values():
                    continue
            part.tables[id(token)] = f"{prefix}{number}"
            number += 1


def number_figures(part: Part, finding: ReportedFinding) -> None:
    """Give every figure and table of the finding its number, in the order of printing."""
    number_tables(part, (passage.text for passage in finding.prose), f"{finding.id}.")
    located: dict[str, Figure] = {}
    pictured: dict[str, Figure] = {}
    numbers: dict[int, Figure] = {}
    for content in _figures(part, finding):
        number = f"{finding.id}.{len(numbers) + len(pictured) + 1}"
        if isinstance(content, Picture):
            # A picture that is placed twice is one figure, and the second place refers to it.
            pictured.setdefault(content.name, Figure(number, None, content))
        elif content.index not in numbers:
            numbers[content.index] = Figure(number, content, None)
            if content.name is not None:
                located[content.name] = numbers[content.index]
    part.located, part.pictured, part.numbers = located, pictured, numbers


def _figures(part: Part, finding: ReportedFinding) -> Iterator[Snippet | Picture]:
    """Yield the figures of the finding in the order of printing; some more than once."""
    yield from _find_placed(part, finding, [passage for passage in finding.prose if passage.position.is_before_code])
    yield from finding.unplaced
    yield from _find_placed(part, finding, [passage for passage in finding.prose if not passage.position.is_before_code])


def _find_placed(part: Part, finding: ReportedFinding, passages: Iterable[Passage]) -> Iterator[Snippet | Picture]:
    """Yield the figures that texts place."""
    by_name = {snippet.name: snippet for snippet in finding.snippets}
    for passage in passages:
        for use in part.parse(passage.text).references.uses:
            if use.kind == "placed" and use.name in by_name:
                yield by_name[use.name]
            elif use.kind == "image" and (picture := part.picture(use.name)) is not None:
                yield picture


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
