"""What a report must not print: the author's `redact` entries, and texts with every such passage replaced by a mark.

Pure: strings and frozen values in, the same out. It does not know where a text is printed.
"""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Final, Protocol, TypeVar, cast

from pydantic import AfterValidator, BaseModel, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from findings_report.model.evidence import MARK, Frozen
from findings_report.model.field_types import Regions
from findings_report.model.literals import (
    MARKUP,
    TELLING,
    Literals,
    compositions,
    list_compositions,
    list_decoded,
    list_readings,
    places_without_markup,
    with_markup,
)
from findings_report.problems import Problem, Subject
from findings_report.problems.safe_text import visible

SHORTEST: Final = 4
"""Characters of a text to mask: a shorter one would be masked inside ordinary words."""


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
    """The text to mask, wherever the report would print it. With one line in `lines` also that line as the report is to
    print it, with `█redacted█` in it. Default: the whole lines."""

    @model_validator(mode="after")
    def _require_one(self) -> Redaction:
        if not self.lines and self.match is None:
            raise PydanticCustomError("redact", "write `lines`, `match`, or both")
        if self.is_printed_line and [region.end_line - region.start_line for region in self.lines] != [0]:
            raise PydanticCustomError("redact", "the printed form of a line needs the number of the line, as in `lines: 14`")
        return self

    @property
    def is_printed_line(self) -> bool:
        """True if `match` is the printed form of the line, and not the text to mask."""
        # The mark is the program's own: no text that somebody hides has it.
        return self.match is not None and MARK in self.match


class NoSecretText(Frozen):
    """A text that looks like a credential and is none."""

    match: HiddenText
    """The text, whole: a credential that is more than it is warned of."""


class NoSecretCode(Frozen):
    """Code that looks like a credential and is none."""

    lines: Regions = ()
    """Lines of the file. With `match`: that text in these lines only."""
    match: HiddenText | None = None
    """The text, whole. Default: whatever is in the lines."""

    @model_validator(mode="after")
    def _require_one(self) -> NoSecretCode:
        if not self.lines and self.match is None:
            raise PydanticCustomError("not_secret", "write `lines`, `match`, or both")
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
        """Return a message with every passage masked, also one that is escaped as in Markdown, YAML, JSON or Python."""
        if not self.texts:
            return text
        spans: list[tuple[int, int]] = []
        for reading in list_compositions(text):
            spans += (reading.span(*place) for _, place in self._escaped.find(reading.text))
            # Messages shorten what they quote: a passage may be cut off.
            spans += (reading.span(*place) for place in self._escaped.find_beginnings(reading.text))
        # A message may quote the source of prose, and so does the line printed below it.
        for written in list_readings(text):
            places = (*(place for _, place in self._literals.find(written.text)), *self._literals.find_beginnings(written.text))
            spans += (written.place(text, *place) for place in places)
            spans += (written.place(text, *place) for _, place in self._find_encoded(written.text, is_cut_off=True))
        return replace_spans(text, spans)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the places of the passages in prose, as (start, end)."""
        return [span for _, span in self._find(text)]

    def list_written(self, text: str) -> set[str]:
        """Return the texts that are in prose."""
        return {passage for passage, _ in self._find(text)}

    def find_verbatim(self, text: str) -> list[tuple[int, int]]:
        """Return the places of the passages in code, as (start, end)."""
        return [span for _, span in self.find_in_code(text)]

    def find_in_code(self, code: str) -> Sequence[tuple[str, tuple[int, int]]]:
        """Return the passages in code: the text as `texts` has it, and its place as (start, end)."""
        if not self.texts:
            return ()
        # The locations of a file come one after the other.
        if (known := self._searched.get(code)) is None:
            known = tuple(self._find_in_code(code))
            if len(self._searched) >= _MOST_SEARCHED:
                self._searched.clear()
            self._searched[code] = known
        return known

    def _find(self, text: str) -> Iterator[tuple[str, tuple[int, int]]]:
        for reading in list_readings(text) if self.texts else ():
            yield from ((passage, reading.place(text, *place)) for passage, place in self._literals.find(reading.text))
            yield from ((passage, reading.place(text, *place)) for passage, place in self._find_encoded(reading.text))
            # Emphasis may split what is written with escapes.
            bare = MARKUP.sub("", reading.text)
            places = tuple(self._bare.find(bare)) if len(bare) < len(reading.text) else ()
            kept = places_without_markup(reading.text) if places else ()
            for passage, (start, end) in places:
                yield passage, with_markup(text, *reading.place(text, kept[start], kept[end - 1] + 1))

    def _find_in_code(self, code: str) -> Iterator[tuple[str, tuple[int, int]]]:
        for reading in list_compositions(code):
            yield from ((passage, reading.span(*place)) for passage, place in self._literals.find(reading.text))
        yield from self._find_encoded(code)

    def _find_encoded(self, text: str, *, is_cut_off: bool = False) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield the passages within base64, with the place of the whole run; with `is_cut_off` their beginnings as well."""
        encoded, least = self._encoded
        least = min(least, TELLING) if is_cut_off else least
        for decoded, place in list_decoded(text, least) if least else ():
            yield from ((passage, place) for passage, _ in encoded.find(decoded))
            if is_cut_off:
                yield from (("", place) for _ in encoded.find_beginnings(decoded))

    @cached_property
    def _searched(self) -> dict[str, tuple[tuple[str, tuple[int, int]], ...]]:
        return {}

    @cached_property
    def _literals(self) -> Literals:
        return Literals({text: passage for passage in self.texts for text in compositions(passage)})

    @cached_property
    def _encoded(self) -> tuple[Literals, int]:
        """Return the texts that are looked for in base64, and the bytes of the shortest; 0 without any."""
        passages = {text: text for text in self.texts if len(text.encode("utf-8", "replace")) >= _SHORTEST_ENCODED}
        return Literals(passages), min((len(text.encode("utf-8", "replace")) for text in passages), default=0)

    @cached_property
    def _bare(self) -> Literals:
        bare = {MARKUP.sub("", text): passage for passage in self.texts for text in compositions(passage)}
        return Literals({text: passage for text, passage in bare.items() if len("".join(text.split())) >= SHORTEST})

    @cached_property
    def _escaped(self) -> Literals:
        forms: dict[str, str] = {}
        for passage in self.texts:
            # A message shows one line of a text of several.
            lines = [line.strip() for line in passage.splitlines() if len(line.strip()) >= TELLING]
            for part in (passage, *lines):
                forms |= dict.fromkeys((form for text in compositions(part) for form in _escapes(text)), passage)
        return Literals(forms)


_SHORTEST_ENCODED: Final = 6
"""Bytes of a text that is looked for in base64: any run of it decodes to something, and by chance to a shorter one."""

_MOST_SEARCHED: Final = 8  # files whose passages are remembered


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


_QUOTED: Final = re.compile(r"""(["'`])((?>(?:(?!\1)[^\s\\]){8,200}))\1""")
_ASSIGNED: Final = re.compile(r"[=:]\s*+([^\s\"'`;,]{8,200}+)[;,]?\s*+\Z")


def list_hidden_texts(line: str) -> Iterator[str]:
    """Yield what must not be printed elsewhere when a line of code is masked: the line, and values in it that look like keys.

    A short line is in every file, and so are words: they are masked where the author says so only.
    """
    bare = line.strip()
    if len(bare) < TELLING or sum(map(str.isalnum, bare)) < TELLING - 2:
        return
    yield bare
    for value in (*(match[2] for match in _QUOTED.finditer(bare)), *(match[1] for match in _ASSIGNED.finditer(bare))):
        if any(map(str.isdigit, value)) and any(map(str.isalpha, value)):
            yield value


# Values that are checked when a report's JSON is read, and that other values refer to.
_KEPT: Final = frozenset(
    (
        *(
            "schema_name",
            "id",
            "kind",
            "colour",
            "accent",
            "language",
            "media_type",
            "sha256",
            "commit",
            "hash",
            "blob",
            "encoding",
        ),
        *("related", "aliases", "fingerprints", "line_hash", "severity_source", "verdict"),
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
    """Yield every text of an authored value with its path; those of `redact` and `not_secret` are left out."""
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
            if name not in ("redact", "not_secret"):
                yield from list_texts(getattr(value, name), (*path, name))
