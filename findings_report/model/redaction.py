"""What a report must not print: the author's `redact` entries, and texts with every such passage replaced by a mark.

Pure: strings and frozen values in, the same out. It does not know where a text is printed.
"""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Final, Protocol, TypeVar, cast

from pydantic import AfterValidator, BaseModel, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from findings_report.model.evidence import MARK, Frozen
from findings_report.model.field_types import Regions
from findings_report.problems import Problem, Subject
from findings_report.problems.safe_text import HIDDEN, visible

SHORTEST: Final = 4
"""Characters of a text to mask: a shorter one would be masked inside ordinary words."""

_TELLING: Final = 8  # characters of a masked line that are masked wherever else they are; fewer are in every file


def _require_length(value: str) -> str:
    # The message does not repeat the text: it may be a password.
    if len("".join(value.split())) < SHORTEST:
        message = f"has fewer than {SHORTEST} characters, which ordinary words contain; redact code by `lines`"
        raise PydanticCustomError("redact", "{message}", {"message": message})
    return value


HiddenText = Annotated[str, StringConstraints(strict=True, max_length=16_384), AfterValidator(_require_length)]
"""A text to mask, at least 4 characters besides blanks. Literal: no character has a special meaning, and case counts. A blank
or line break matches any number of them."""


class TextRedaction(Frozen):
    """A text that the report must not print."""

    match: HiddenText
    """The text to mask, wherever the report would print it."""


class Redaction(Frozen):
    """Code that the report must not print: lines, a text, or a text within lines."""

    lines: Regions = ()
    """Lines to mask, within `lines` of the location. With `match`: the lines that contain the text."""
    match: HiddenText | None = None
    """The text to mask, wherever the report would print it. Default: the whole lines."""

    @model_validator(mode="after")
    def _require_one(self) -> Redaction:
        if not self.lines and self.match is None:
            raise PydanticCustomError("redact", "write `lines`, `match`, or both")
        return self


@dataclass(frozen=True)
class Redactor:
    """The texts that one report must not print."""

    texts: tuple[str, ...] = ()
    """Literal texts."""

    def __bool__(self) -> bool:
        return bool(self.texts)

    def __or__(self, other: Redactor) -> Redactor:
        return Redactor(tuple(dict.fromkeys((*self.texts, *other.texts))))

    def mask(self, text: str) -> str:
        """Return prose or a value with every passage masked, also one that is written with Markdown's escapes or entities."""
        return replace_spans(text, self.find(text)) if self.texts else text

    def mask_problem(self, problem: Problem) -> Problem:
        """Return a problem that quotes none of the texts, also not in the line of the file that is printed below it."""
        if not self.texts:
            return problem
        place = problem.place
        if place is not None and place.source is not None:
            place = replace(place, source=self.mask_message(place.source))
        remedy = self.mask_message(problem.remedy) if problem.remedy is not None else None
        return replace(problem, fault=self.mask_message(problem.fault), remedy=remedy, place=place)

    def mask_message(self, text: str) -> str:
        """Return a message with every passage masked, also one that is escaped as in YAML, JSON or Python, or a line of one."""
        if not self.texts:
            return text
        spans = [span for literal in self._escaped for span in literal.find(text)]
        # Messages shorten what they quote: a passage may be cut off.
        spans += (span for literal in self._escaped for span in _find_beginnings(literal.text, text))
        return replace_spans(text, spans)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the places of the passages in prose, as (start, end)."""
        if not self.texts:
            return []
        spans = [span for literal in self._literals for span in literal.find(text)]
        readings: list[tuple[str, Sequence[int]]] = list(_readings(text))
        for reading, places in readings:
            spans += (
                (places[start], places[end - 1] + 1) for literal in self._literals for start, end in literal.find(reading)
            )
        # Emphasis may split what is written with escapes.
        for reading, places in ((text, range(len(text))), *readings):
            bare = _MARKUP.sub("", reading)
            if len(bare) < len(reading) and any(literal.is_in(bare) for literal in self._bare):
                kept = _places_without_markup(reading)
                found = (span for literal in self._bare for span in literal.find(bare))
                spans += (_with_markup(text, places[kept[start]], places[kept[end - 1]] + 1) for start, end in found)
        # The end of a passage may be written as an entity, of which `places` has the first character.
        return [(start, _end_of_escape(text, end)) for start, end in spans]

    def find_verbatim(self, text: str) -> list[tuple[int, int]]:
        """Return the places of the passages in code, as (start, end)."""
        return [span for literal in self._literals for span in literal.find(text)]

    @cached_property
    def _literals(self) -> tuple[_Literal, ...]:
        return tuple(map(_Literal, self.texts))

    @cached_property
    def _bare(self) -> tuple[_Literal, ...]:
        bare = (_MARKUP.sub("", text) for text in self.texts)
        return tuple(_Literal(text) for text in bare if len("".join(text.split())) >= SHORTEST)

    @cached_property
    def _escaped(self) -> tuple[_Literal, ...]:
        forms: dict[str, None] = {}
        for text in self.texts:
            # A message shows one line of a text of several.
            lines = [line.strip() for line in text.splitlines() if len(line.strip()) >= _TELLING]
            for part in (text, *lines):
                forms |= dict.fromkeys(_escapes(part))
        return tuple(map(_Literal, forms))


NOTHING: Final = Redactor()
"""Masks nothing."""


class HasLocations(Protocol):
    """A finding, as far as it says what to mask."""

    @property
    def redact(self) -> Sequence[TextRedaction]:
        """Texts to mask."""

    @property
    def locations(self) -> Sequence[HasRedactions]:
        """Locations."""


class HasRedactions(Protocol):
    """A location, as far as it says what to mask."""

    @property
    def redact(self) -> Sequence[Redaction]:
        """Passages to mask."""


def redactor_of(redact: Sequence[TextRedaction], findings: Iterable[HasLocations]) -> Redactor:
    """Return the texts to mask everywhere: of the engagement's `redact` and of all findings, without those within lines."""
    entries = [entry.match for entry in redact]
    for finding in findings:
        entries += (entry.match for entry in finding.redact)
        local = (entry for location in finding.locations for entry in location.redact)
        entries += (entry.match for entry in local if entry.match is not None and not entry.lines)
    return Redactor(tuple(dict.fromkeys(entries)))


@dataclass(frozen=True)
class _Literal:
    """One text, found whatever blanks and line breaks are between its words."""

    text: str
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.text.split()))

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.is_in(text):
            return
        if not self._repeats:
            yield from (match.span() for match in self._pattern.finditer(text))
            return
        collapsed, places = _collapse(text)
        needle = " ".join(self.words)
        start = collapsed.find(needle)
        while start >= 0:
            end = start + len(needle)
            yield places[start], places[end - 1] + 1
            start = collapsed.find(needle, end)

    def is_in(self, text: str) -> bool:
        """Return False if the text is certainly not in `text`: faster than a search."""
        return bool(self.words) and self.words[0] in text

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Possessive: a run of blanks is tried once.
        return re.compile(r"\s++".join(map(re.escape, self.words)))

    @cached_property
    def _repeats(self) -> bool:
        # Then the pattern would be tried again within what it has matched: quadratic in `a a a b`.
        return any(word.endswith(self.words[0]) for word in self.words[1:])


def _collapse(text: str) -> tuple[str, Sequence[int]]:
    """Return the text with one blank for each run of them, and the place in `text` of each of its characters."""
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for match in _BLANKS.finditer(text):
        parts += (text[at : match.start()], " ")
        places += range(at, match.start() + 1)
        at = match.end()
    return "".join((*parts, text[at:])), [*places, *range(at, len(text))]


_BLANKS: Final = re.compile(r"\s++")


def _find_beginnings(passage: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where `text` has the beginning of a passage, of at least _TELLING characters."""
    head = passage[:_TELLING]
    start = text.find(head) if len(passage) > _TELLING and not head.isspace() else -1
    while start >= 0:
        end = start + _TELLING
        while end < len(text) and end - start < len(passage) and text[end] == passage[end - start]:
            end += 1
        yield start, end
        start = text.find(head, end)


def replace_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return `text` with MARK in place of each of `spans`; those that overlap or touch become one."""
    parts: list[str] = []
    at = 0
    for start, end in unite_spans(spans):
        parts += (text[at:start], MARK)
        at = end
    return "".join((*parts, text[at:])) if parts else text


def unite_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return (start, end) pairs in rising order, those that overlap or touch joined."""
    united: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united


_ESCAPE: Final = re.compile(
    r"\\(?P<sign>[!-/:-@\[-`{-~])|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)|(?:%[0-9A-Fa-f]{2})++"
)
"""A character as Markdown or an address may write it. Source: CommonMark 0.31.2, 2.4 and 2.5; RFC 3986, 2.1."""


def _readings(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield the text with its escapes read, and the place in `text` of each of its characters; nothing without escapes."""
    if _ESCAPE.search(text) is None:
        return
    characters: list[str] = []
    places: list[int] = []
    at = 0
    for match in (*_ESCAPE.finditer(text), None):
        end = match.start() if match is not None else len(text)
        characters += text[at:end]
        places += range(at, end)
        if match is not None:
            read = _read_escape(match)
            characters += read
            places += [match.start()] * len(read)
            at = match.end()
    yield "".join(characters), places


def _read_escape(match: re.Match[str]) -> str:
    if match["sign"] is not None:
        return match["sign"]
    return html.unescape(match[0]) if match["entity"] is not None else urllib.parse.unquote(match[0], errors="replace")


def _end_of_escape(text: str, end: int) -> int:
    match = _ESCAPE.match(text, end - 1)
    return match.end() if match is not None else end


_MARKUP: Final = re.compile(rf"[*_`~\\]|{HIDDEN.pattern}|!?+\[|\](?:\([^()\n]*+\)|\[[^\[\]\n]*+\])?+|(?<=\n)(?:[ \t]*+>)++")
"""What may split a passage: signs of emphasis and of quotations, links around a part of it, hidden characters."""


def _with_markup(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a passage that markup splits with the signs around it: half of them would mark the text that follows."""
    if _MARKUP.search(text, start, end) is None:
        return start, end
    while start > 0 and _MARKUP.match(text, start - 1):
        start -= 1
    while (match := _MARKUP.match(text, end)) is not None:
        end = match.end()
    return start, end


def _places_without_markup(text: str) -> list[int]:
    """Return the place of every character that is left without _MARKUP."""
    places: list[int] = []
    at = 0
    for match in _MARKUP.finditer(text):
        places += range(at, match.start())
        at = match.end()
    return [*places, *range(at, len(text))]


def _escapes(text: str) -> Iterator[str]:
    """Yield a text as messages and YAML may write it."""
    yield text
    yield visible(text)
    yield text.replace("'", "''")
    yield repr(text)[1:-1]
    yield text.encode("unicode_escape").decode().replace("'", "\\'")
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield html.escape(text)
    yield urllib.parse.quote(text, safe="")
    yield urllib.parse.quote(text)


_QUOTED: Final = re.compile(r"""(["'`])((?:(?!\1)[^\s\\]){8,200}+)\1""")
_ASSIGNED: Final = re.compile(r"[=:]\s*+([^\s\"'`;,]{8,200}+)[;,]?\s*+\Z")


def list_hidden_texts(line: str) -> Iterator[str]:
    """Yield what must not be printed elsewhere when a line of code is masked: the line, and values in it that look like keys.

    A short line is in every file, and so are words: they are masked where the author says so only.
    """
    bare = line.strip()
    if len(bare) < _TELLING or sum(map(str.isalnum, bare)) < _TELLING - 2:
        return
    yield bare
    for value in (*(match[2] for match in _QUOTED.finditer(bare)), *(match[1] for match in _ASSIGNED.finditer(bare))):
        if any(map(str.isdigit, value)) and any(map(str.isalpha, value)):
            yield value


# Values that are checked when a report's JSON is read, and that other values refer to.
_KEPT: Final = frozenset(
    (
        *("schema_name", "id", "kind", "colour", "accent", "language", "media_type", "commit", "hash", "blob", "encoding"),
        *("related", "aliases", "fingerprints", "severity_source", "verdict"),
    )
)
_SCHEMES: Final = ("https://", "http://", "mailto:")

_Value = TypeVar("_Value")


def redact(value: _Value, redactor: Redactor) -> _Value:
    """Return a value of a report with every text in it masked; ids, hashes and words of the program stay."""
    return cast("_Value", _redact(value, redactor)) if redactor else value


def _redact(value: Any, redactor: Redactor) -> Any:
    if type(value) is str:
        return _keep_scheme(value, redactor.mask(value))
    if isinstance(value, tuple):
        masked = [_redact(part, redactor) for part in value]
        return value if all(new is old for new, old in zip(masked, value, strict=True)) else tuple(masked)
    if isinstance(value, dict):
        return {key: _redact(part, redactor) for key, part in value.items()}
    if isinstance(value, BaseModel):
        changed = {}
        for name in type(value).model_fields:
            if name not in _KEPT and (masked := _redact(old := getattr(value, name), redactor)) is not old and masked != old:
                changed[name] = masked
        return value.model_copy(update=changed) if changed else value
    return value


def _keep_scheme(text: str, masked: str) -> str:
    # An address without its scheme is no address: the report's JSON could not be read.
    scheme = next((scheme for scheme in _SCHEMES if text.lower().startswith(scheme)), None)
    return masked if scheme is None or masked.lower().startswith(scheme) else scheme + masked


def list_texts(value: object, path: Subject = ()) -> Iterator[tuple[Subject, str]]:
    """Yield every text of an authored value with its path; those of `redact` are left out."""
    if type(value) is str:
        yield path, value
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from list_texts(part, (*path, index))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from list_texts(part, (*path, str(key)))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name != "redact":
                yield from list_texts(getattr(value, name), (*path, name))
