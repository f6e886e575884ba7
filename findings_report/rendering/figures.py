"""The state of one part of a document while it is rendered: its figures, their numbers, and the pictures it may place.

A part is rendered without sight of the others: figures are numbered within it, under its own id, so that a finding keeps the
numbers of its figures when another finding is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from markdown_it.token import Token
from markupsafe import Markup

from findings_report import prose
from findings_report.model.evidence import Snippet
from findings_report.model.passages import Passage
from findings_report.model.report import Picture, ReportedEngagement, ReportedFinding
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
