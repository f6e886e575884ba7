"""The texts of a finding, and whom a part is for.

`HasPassages.prose` is the only list of the Markdown texts, derived from the fields that are annotated `Markdown`: proofreading,
the numbering of figures, comparisons, templates and tickets iterate over it, so that a new field takes part in all of them.
`restrict` leaves out of every model with a field `audience` what is for other readers. Values only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from findings_report.model.evidence import Frozen
from findings_report.model.field_types import MARKDOWN, Audience, TextForAudience


class Position(StrEnum):
    """Where a finding prints a text, in the order of printing."""

    LEAD = "lead"
    """At the top, without a heading."""
    SEVERITY = "severity"
    """With the severity."""
    BEFORE_CODE = "before_code"
    """Before the snippets that no text places."""
    AFTER_CODE = "after_code"
    """After these snippets."""
    ADVICE = "advice"
    """As part of the recommendation."""
    FIX = "fix"
    """With the commits of the fix."""
    ANSWER = "answer"
    """After the fix: how the client responds."""

    @property
    def is_before_code(self) -> bool:
        """True if the text is printed before the snippets that no text places."""
        return self in (Position.LEAD, Position.SEVERITY, Position.BEFORE_CODE)


@dataclass(frozen=True)
class PrintedAs:
    """Annotation of a Markdown field, or of a field with a model that has Markdown fields: how a finding prints it.

    A Markdown field without this annotation is printed after the code, under its own name.
    """

    heading: str | None = None
    """The heading; the name of the field in words if None."""
    position: Position = Position.AFTER_CODE
    """The place in the finding."""


class Passage(Frozen):
    """A text of a finding that its author wrote."""

    path: tuple[str, ...]
    """The field: `("impact",)`, `("recommendation", "short_term")`."""
    heading: str
    """Heading of the first field of `path`."""
    subheading: str | None
    """Heading of the second field of `path`; None if there is none."""
    position: Position
    """The place in the finding."""
    text: str
    """Markdown, not empty."""
    audience: Audience = ()
    """Readers of the text; empty means everybody who reads the finding."""
    source: tuple[str, ...] = ()
    """Where the file has the text: `path`, or one level deeper for a text with an audience."""


@dataclass(frozen=True)
class PassageField:
    """A field of a model in which Markdown is written; the fields of `Passage` without the text."""

    path: tuple[str, ...]
    heading: str
    subheading: str | None
    position: Position


class HasPassages(Frozen):
    """A value with Markdown fields."""

    @property
    def prose(self) -> tuple[Passage, ...]:
        """The texts that are not empty, in the order of printing."""
        written = ((field, _value(self, field.path)) for field in passage_fields(type(self)))
        return tuple(
            Passage(
                path=field.path,
                heading=field.heading,
                subheading=field.subheading,
                position=field.position,
                text=value.text if isinstance(value, TextForAudience) else value,
                audience=value.audience if isinstance(value, TextForAudience) else (),
                source=(*field.path, "text") if isinstance(value, TextForAudience) else field.path,
            )
            for field, value in written
            if value
        )


# Cached: proofreading, figures, tickets and comparisons ask for it per finding, and the answer depends on the class only.
@cache
def passage_fields(model: type[BaseModel]) -> tuple[PassageField, ...]:
    """Return the Markdown fields of `model` and of the models directly below it, by position and then as declared.

    Markdown in lists and mappings (notes on lines) belongs to what is listed, not to the finding.
    """
    order = list(Position)
    return tuple(sorted(_fields(model), key=lambda field: order.index(field.position)))


def heading_of(model: type[BaseModel], name: str) -> str:
    """Return the heading of a field: that of its `PrintedAs` annotation, else its name in words."""
    return _printed(model.model_fields[name]).heading or name.replace("_", " ").capitalize()


def _fields(model: type[BaseModel]) -> Iterator[PassageField]:
    for name, field in model.model_fields.items():
        heading, position = heading_of(model, name), _printed(field).position
        if _is_markdown(field):
            yield PassageField((name,), heading, None, position)
        elif (below := _model_in(field.annotation)) is not None:
            for inner, inner_field in below.model_fields.items():
                if _is_markdown(inner_field):
                    yield PassageField((name, inner), heading, heading_of(below, inner), position)


def _printed(field: FieldInfo) -> PrintedAs:
    return next((mark for mark in field.metadata if isinstance(mark, PrintedAs)), PrintedAs())


def _is_markdown(field: FieldInfo) -> bool:
    # pydantic moves the annotations of `Markdown` to the field, and leaves those of `Markdown | None` inside the union.
    alternatives = _alternatives(field.annotation)
    return MARKDOWN in field.metadata or any(MARKDOWN in getattr(part, "__metadata__", ()) for part in alternatives)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of `Model`, `Model | None` or `Annotated[Model, ...] | None`; None for any other type."""
    for part in _alternatives(annotation):
        kind = get_args(part)[0] if hasattr(part, "__metadata__") else part
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union; any other type as the only one, so that what is in a tuple or mapping is not looked at."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _value(value: object, path: tuple[str, ...]) -> str | TextForAudience | None:
    for name in path:
        value = getattr(value, name, None)
    return value if isinstance(value, str | TextForAudience) else None


Step = str | int
"""A name of a field, a key, or a 0-based position."""

_CODE: Final = {("Line", "text"), ("Location", "quote"), ("AuthoredLocation", "quote"), ("MaskedLines", "match")}
"""Fields of code, which is printed as git has it and refers to nothing."""

_Value = TypeVar("_Value")


def is_for(part: object, word: str) -> bool:
    """Return True if a part is for the audience `word`: its own `audience` names it, or is empty or no field of it."""
    audience = getattr(part, "audience", ())
    return not audience or word in audience


def restrict(value: _Value, word: str, rewrite: Callable[[str], str] = str) -> _Value:
    """Return what of `value` is for the audience `word`, without any mark of audiences; `rewrite` changes every text but code.

    A part that is left out is missing from its list or mapping, and None as the value of a field. `value` itself stays.
    """
    restricted: _Value = _restrict(value, word, rewrite)
    return restricted


def _restrict(value: Any, word: str, rewrite: Callable[[str], str]) -> Any:
    if type(value) is str:
        return rewrite(value)
    if isinstance(value, TextForAudience):
        return rewrite(value.text)
    if isinstance(value, BaseModel):
        inner = {name: _restrict_part(value, name, word, rewrite) for name in type(value).model_fields}
        changed = {name: part for name, part in inner.items() if part is not getattr(value, name)}
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, tuple):
        parts = tuple(_restrict(part, word, rewrite) for part in value if is_for(part, word))
        return value if len(parts) == len(value) and all(map(operator.is_, parts, value)) else parts
    if isinstance(value, Mapping):
        return {key: _restrict(part, word, rewrite) for key, part in value.items() if is_for(part, word)}
    return value


def _restrict_part(model: BaseModel, name: str, word: str, rewrite: Callable[[str], str]) -> Any:
    part = getattr(model, name)
    if name == "audience":
        return ()
    if (type(model).__name__, name) in _CODE:
        return part
    return _restrict(part, word, rewrite) if is_for(part, word) else None


def walk(value: Any, path: tuple[Step, ...] = (), word: str | None = None) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Yield every model and every text but code in `value`, with its path; with a `word` only what is for that audience."""
    if word is not None and not is_for(value, word):
        return
    if type(value) is str:
        yield path, value
    elif isinstance(value, BaseModel):
        yield path, value
        for name in type(value).model_fields:
            if (type(value).__name__, name) not in _CODE:
                yield from walk(getattr(value, name), (*path, name), word)
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from walk(part, (*path, index), word)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from walk(part, (*path, str(key)), word)
