"""The policy for authored Markdown, and the parsed text: links and images are judged by an allow-list, in one pass.

The attacks that it was written against are in docs/security.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from markdown_it.common.normalize_url import normalizeLink
from markdown_it.token import Token

from findings_report.model.translation import fill
from findings_report.problems import Level
from findings_report.problems.safe_text import HIDDEN, visible

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NAME: Final = "[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"
# Without a name after `drop_references`: it names nothing.
_SYMBOLIC = re.compile(rf"(finding|location|image|table):({_NAME}|)\Z")
_REFERENCE: Final = re.compile(rf"(finding|location|image|table):({_NAME})")

NEUTRAL: Final = {
    "finding": "another finding",
    "location": "code for other readers",
    "image": "picture for other readers",
    "table": "table for other readers",
}
"""What is printed for a reference without a name and without a text."""

NOT_INCLUDED: Final = "[image not included: {text}]"
"""Printed in place of a picture that is not allowed."""

# With a host: `https:///path` and `http:evil` are read differently by different browsers.
_WEB = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)

# A relative path without `..`: only declared pictures are included, and those are below the engagement.
_FILE = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|\Z))[^:/\\\s#?][^:\\#?]*\Z")


def drop_references(text: str, names: Mapping[str, Collection[str]]) -> str:
    """Return `text` with every reference to one of `names` without its name: `[text](finding:)` prints the text, and no link.

    `names` are by kind: `finding`, `location`, `table`, `image`, the last by name or by file. Lines keep their numbers.
    """

    def drop(reference: re.Match[str]) -> str:
        name = reference[2]
        # `finding:A-1.` at the end of a sentence.
        while name and name not in names.get(reference[1], ()) and name[-1] in "._-":
            name = name[:-1]
        return reference[0].replace(f":{name}", ":", 1) if name in names.get(reference[1], ()) else reference[0]

    if "finding:" in text or "location:" in text or "image:" in text or "table:" in text:
        text = _REFERENCE.sub(drop, text)
    for file in names.get("image", ()):
        if file in text:
            text = re.sub(rf"(\]\([ \t]{{0,9}}<?|\]:[ \t]{{0,9}}<?){re.escape(file)}(?=[\s)>]|\Z)", r"\1image:", text)
    return text


UseKind = Literal["placed", "location", "finding", "image", "table", "captioned", "table_link"]


class Fault(NamedTuple):
    """A part of a text that cannot be printed as it was meant."""

    line_offset: int
    """Line of the text, 0-based."""
    fault: str
    """What is wrong, as in `Problem.fault`."""
    remedy: str
    """What to write instead."""
    code: str
    """Stable short name."""

    @property
    def level(self) -> Level:
        """Return "error" where the whole text can only be printed without its layout, else "warning"."""
        return "error" if self.code in ("prose-nesting", "prose-size") else "warning"


class Use(NamedTuple):
    """One mention of something outside the text."""

    kind: UseKind
    """placed: a location's snippet is printed here; location, finding, table_link: referred to; image, table: a picture, or a
    table of a CSV file, is printed here; captioned: a table written here has a name."""
    name: str
    """Name or id; for a picture its name or its file's path."""
    line_offset: int
    """Line of the text, 0-based."""


@dataclass(frozen=True)
class References:
    """What a text refers to, in order."""

    uses: tuple[Use, ...] = ()
    """Every mention."""

    def _names(self, kind: UseKind) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.name for use in self.uses if use.kind == kind))

    @property
    def placed(self) -> tuple[str, ...]:
        """Names of the locations whose snippets the text places itself."""
        return self._names("placed")

    @property
    def locations(self) -> tuple[str, ...]:
        """Names of the locations it refers to without placing them."""
        return self._names("location")

    @property
    def findings(self) -> tuple[str, ...]:
        """Ids of the findings it refers to."""
        return self._names("finding")

    @property
    def images(self) -> tuple[str, ...]:
        """Pictures it places, by name or by file."""
        return self._names("image")


@dataclass(frozen=True)
class Prose:
    """A text, parsed under the policy.

    Tokens are markdown-it's, with one type of our own: `figure`, a block of its own, whose meta holds `kind` (placed, image
    or table), `name`, `alt` (inline tokens) and `text` (alt without its marks). A table with a caption has `caption_open` as
    its first child, and its name in its meta. Links to findings, locations and tables keep their symbolic address.
    """

    tokens: tuple[Token, ...]
    """Blocks in order; not to be changed."""
    faults: tuple[Fault, ...]
    """By line."""
    references: References
    """What it refers to."""

    @property
    def tables(self) -> Iterator[tuple[Token, str]]:
        """The tables that have a caption, or may have one, in order: the token, and the name, which may be empty."""
        for token in self.tokens:
            if (token.type == "table_open" and "name" in token.meta) or (
                token.type == "figure" and token.meta["kind"] == "table"
            ):
                yield token, str(token.meta["name"])


_PLACED: Final[Mapping[str, UseKind]] = {"location": "placed", "table": "table"}
_REFERRED: Final[Mapping[str, UseKind]] = {"finding": "finding", "table": "table_link"}


class Policy:
    """One pass over the tokens of a text: what is allowed stays, everything else becomes text."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.uses: list[Use] = []
        self.line = 0

    def blocks(self, tokens: Sequence[Token]) -> Iterator[Token]:
        """Yield the tokens; pictures and snippets on a line of their own become figures between paragraphs."""
        for index, token in enumerate(tokens):
            if token.type != "inline":
                # Paragraphs are emitted with their content, as a figure may divide one in two.
                if token.type not in ("paragraph_open", "paragraph_close"):
                    yield token
                if token.type == "table_open" and token.meta.get("name"):
                    self.uses.append(Use("captioned", token.meta["name"], token.map[0] if token.map else 0))
                continue
            self.line = token.map[0] if token.map else 0
            opener = tokens[index - 1] if index else None
            if opener is None or opener.type != "paragraph_open":
                # A heading has one line in Markdown, so that its line ends are blanks.
                children = [_soften(child) for child in token.children or ()] if opener is not None else token.children or []
                yield self._inline(token, children)
                continue
            yield from self._paragraph(opener, token, tokens[index + 1])

    def _paragraph(self, opener: Token, token: Token, closer: Token) -> Iterator[Token]:
        for piece in _pieces(token.children or []):
            if isinstance(piece, Token):
                yield self._figure(piece, opener)
                self.line += 1
            else:
                yield opener
                yield self._inline(token, piece)
                yield closer
                self.line += 1

    def _figure(self, image: Token, opener: Token) -> Token:
        symbol = _SYMBOLIC.match(_source_of(image))
        kind: UseKind = _PLACED.get(symbol[1], "image") if symbol is not None else "image"
        # `![](pictures/flow.png)` is what editors insert: a declared file is found by its path too.
        name = symbol[2] if symbol is not None else _source_of(image)
        alt = _alternative(image)
        if name or symbol is None:
            self.uses.append(Use(kind, name, self.line))
        else:
            self._name_nothing(symbol[0])
            name = NEUTRAL[symbol[1]]
        meta = {"kind": kind, "name": name, "text": _plain(alt), "alt": list(self._children(alt))}
        return Token("figure", "figure", 0, block=True, level=opener.level, meta=meta, hidden=opener.hidden)

    def _inline(self, token: Token, children: Sequence[Token]) -> Token:
        return token.copy(children=list(self._children(children)))

    def _children(self, children: Sequence[Token]) -> Iterator[Token]:
        # What closes each open link: text for one that is not allowed.
        ends: list[Sequence[Token]] = []
        for index, child in enumerate(children):
            if child.type in ("softbreak", "hardbreak"):
                self.line += 1
            if child.type == "image":
                # Its text may go over several lines, whether it is printed or not.
                after = self.line + _count_breaks(child.children or ())
                yield from self._image(child, is_within=_is_open(ends))
                self.line = after
            elif child.type == "link_open":
                opened, end = self._link(child, is_within=_is_open(ends), is_empty=children[index + 1].type == "link_close")
                ends.append(end)
                yield from opened
            elif child.type == "link_close":
                yield from ends.pop()
            else:
                yield child

    def _link(self, token: Token, *, is_within: bool, is_empty: bool) -> tuple[Sequence[Token], Sequence[Token]]:
        """Return the tokens that open a link, and those that close it: text for one that is not allowed.

        No link within another: a reader would follow the wrong one.
        """
        address = str(token.attrs.get("href", ""))
        is_angled = token.markup == "autolink"
        allowed = _allow_address(address)
        # An autolink prints its address, and a symbolic one would print `finding:NTR-001`.
        if allowed is None or (is_angled and _SYMBOLIC.match(allowed)):
            if token.markup == "linkify":  # no link was asked for
                return (), ()
            shown = visible(address)
            wanted = "use http, https, mailto, #part, finding:ID, location:NAME or table:NAME"
            self.faults.append(Fault(self.line, f"the link to '{shown[:80]}' is not allowed", wanted, "link-refused"))
            if is_angled:
                return (_text("<", token.level),), (_text(">", token.level),)
            title = f' "{token.attrs["title"]}"' if token.attrs.get("title") else ""
            return (_text("[", token.level),), (_text(f"]({address}{title})", token.level),)
        if symbol := _SYMBOLIC.match(allowed):
            if symbol[2]:
                self.uses.append(Use(_REFERRED.get(symbol[1], "location"), symbol[2], self.line))
            else:
                self._name_nothing(allowed)
                return ((_message(NEUTRAL[symbol[1]], token.level),) if is_empty else ()), ()
        if is_within:
            return (), ()
        # Paper and tickets have no place for the title of a link but the text.
        title = str(token.attrs.get("title") or "")
        after = [_text(f" ({title})", token.level)] if title else []
        closer = Token("link_close", "a", -1, markup=token.markup, info=token.info)
        return (token.copy(attrs={"href": allowed}),), (closer, *after)

    def _name_nothing(self, address: str) -> None:
        # An edition has such references. An author who writes one has forgotten the name.
        wanted = "write the name behind the colon, as in finding:ID or location:NAME"
        self.faults.append(Fault(self.line, f"the link to '{address}' is not allowed", wanted, "link-refused"))

    def _image(self, token: Token, *, is_within: bool) -> Iterator[Token]:
        """Yield a picture within a line. A location becomes a reference to its figure, anything undeclared becomes text."""
        source, alt = _source_of(token), _alternative(token)
        symbol = _SYMBOLIC.match(source)
        if (symbol is not None and symbol[1] == "image") or (symbol is None and _FILE.match(source)):
            name = symbol[2] if symbol is not None else source
            if name:
                self.uses.append(Use("image", name, self.line))
                yield token.copy(meta={"name": name, "text": _plain(alt)})
            else:
                self._name_nothing(source)
                yield _message(NOT_INCLUDED, token.level, _plain(alt) or NEUTRAL["image"])
        elif symbol is not None and symbol[1] in _PLACED:
            fault = f"'{source}' is placed in the middle of a line, and printed as a reference"
            remedy = f"give it a line of its own, or refer to it: `[]({source})`"
            self.faults.append(Fault(self.line, fault, remedy, "image-refused"))
            opener = Token("link_open", "a", 1, attrs={"href": source}, level=token.level)
            opened, closed = self._link(opener, is_within=is_within, is_empty=not alt)
            yield from (*opened, *self._children(alt), *closed)
        else:
            fault = f"the image '{visible(source)[:80]}' is not included"
            remedy = "declare it in the engagement's `images` and place it as image:NAME"
            self.faults.append(Fault(self.line, fault, remedy, "image-refused"))
            yield _message(NOT_INCLUDED, token.level, _plain(alt))


def _alternative(image: Token) -> list[Token]:
    """Return the alternative text of a picture, with its title: most readers show only the text."""
    alt, title = image.children or [], str(image.attrs.get("title") or "")
    if not title:
        return alt
    return [*alt, _text(f" ({title})" if alt else title, 0)]


def _count_breaks(tokens: Sequence[Token]) -> int:
    return sum((token.type in ("softbreak", "hardbreak")) + _count_breaks(token.children or ()) for token in tokens)


def _is_open(ends: Sequence[Sequence[Token]]) -> bool:
    """Return True within a link; `ends` are what closes the open ones."""
    return any(token.type == "link_close" for end in ends for token in end)


def _pieces(children: Sequence[Token]) -> list[Token | list[Token]]:
    """Return the content of a paragraph, cut at images on a line of their own that may be figures."""
    lines: list[list[Token]] = [[]]
    for child in children:
        if child.type in ("softbreak", "hardbreak") and child.level == 0:
            lines.append([])
        lines[-1].append(child)
    pieces: list[Token | list[Token]] = []
    for line in lines:
        bare = line[1:] if line and line[0].type in ("softbreak", "hardbreak") else line
        shown = [token for token in bare if token.type != "text" or token.content.strip()]
        if len(shown) == 1 and shown[0].type == "image" and _is_figure(shown[0]):
            pieces.append(shown[0])
        elif pieces and isinstance(pieces[-1], list):
            pieces[-1].extend(line)
        else:
            pieces.append(list(bare))
    return pieces


def _is_figure(image: Token) -> bool:
    source = _source_of(image)
    symbol = _SYMBOLIC.match(source)
    return symbol[1] != "finding" if symbol is not None else bool(_FILE.match(source))


def _source_of(image: Token) -> str:
    return HIDDEN.sub("", str(image.attrs.get("src", ""))).strip()


def _allow_address(address: str) -> str | None:
    """Return `address` as it may be followed; None when it may not. Hidden characters are removed first.

    Browsers skip tabs and control characters in a scheme, so `java\\tscript:` has to be judged without them.
    """
    bare = HIDDEN.sub("", address).strip()
    # Browsers read a backslash as a slash, and skip tabs and line ends within an address: both could hide another host.
    if "\\" in bare or any(character.isspace() for character in bare):
        return None
    if bare.startswith("#") and len(bare) > 1:
        return normalizeLink(bare)
    scheme = _SCHEME.match(bare)
    match scheme[1].lower() if scheme else "":
        case "http" | "https":
            return normalizeLink(bare) if _WEB.match(bare) else None
        case "mailto":
            return normalizeLink(bare)
        case "finding" | "location" | "table":
            return bare if _SYMBOLIC.match(bare) else None
    return None


def _plain(tokens: Sequence[Token]) -> str:
    """Return the text of inline tokens without their marks. Of links and pictures their addresses are a part of it."""
    parts: list[str] = []
    ends: list[str] = []
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_plain(_alternative(token)) + _in_parentheses(_source_of(token)))
        elif token.type == "link_open":
            ends.append("" if token.info == "auto" else _in_parentheses(str(token.attrs.get("href", ""))))
        elif token.type == "link_close":
            parts.append(ends.pop())
        else:
            parts.append(token.content)
    return "".join(parts)


def _in_parentheses(address: str) -> str:
    """Return an address behind its text; nothing for a reference without a name."""
    symbol = _SYMBOLIC.match(address)
    shown = symbol[2] if symbol is not None else address
    return f" ({shown})" if shown else ""


def _soften(token: Token) -> Token:
    return Token("softbreak", "br", 0, level=token.level) if token.type == "hardbreak" else token


def _message(message: str, level: int, text: str = "") -> Token:
    """Return words of the program as a text: meta has `message` and `text`, for a report in another language."""
    return Token("text", "", 0, content=fill(message, {"text": text}), level=level, meta={"message": message, "text": text})


def _text(content: str, level: int) -> Token:
    return Token("text", "", 0, content=content, level=level)


# --- Short texts with code in backticks, such as titles: they have no other Markdown.
# Source: CommonMark 0.31, 6.1 Code spans: a run of backticks, and the next run of the same length.

_TICKS: Final = re.compile("`+")


class TextRun(NamedTuple):
    """A run of a short text: code or not."""

    text: str
    """The characters to print, without the backticks around code; not empty."""
    is_code: bool
    """True for code."""


def split_inline_code(text: str) -> Iterator[TextRun]:
    """Yield the runs of `text`, in order. Backticks that enclose nothing, or are never closed, are text."""
    runs = list(_TICKS.finditer(text))
    closing = _closing(runs)
    start = index = 0
    while index < len(runs):
        opened, end = runs[index], closing[index]
        # A run that is not closed is text, as in CommonMark.
        if end is None or not (code := _code(text[opened.end() : runs[end].start()])):
            index += 1
            continue
        if opened.start() > start:
            yield TextRun(text[start : opened.start()], is_code=False)
        yield TextRun(code, is_code=True)
        start, index = runs[end].end(), end + 1
    if start < len(text):
        yield TextRun(text[start:], is_code=False)


def plain_text(text: str) -> str:
    """Return `text` without the backticks around code, for places that show no code, such as the subject of a ticket."""
    return "".join(piece.text for piece in split_inline_code(text))


def _closing(runs: Sequence[re.Match[str]]) -> list[int | None]:
    """Return for each run the index of the next one of its length.

    In one pass: searching from each run takes quadratic time, and an imported title may hold any number of backticks.
    """
    closing: list[int | None] = []
    nearest: dict[str, int] = {}
    for index in reversed(range(len(runs))):
        closing.append(nearest.get(runs[index][0]))
        nearest[runs[index][0]] = index
    return closing[::-1]


def _code(inside: str) -> str:
    """Return the content of a code span: one blank at both ends only keeps backticks apart (CommonMark 6.1)."""
    if not inside.strip():
        return ""
    return inside[1:-1] if inside[0] == inside[-1] == " " else inside
