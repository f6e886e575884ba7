"""The Markdown texts of a finding: the only list of them, derived from the fields that are annotated `Markdown`.

Proofreading, the numbering of figures, comparisons, templates and tickets iterate over `HasPassages.prose`. A new field takes
part in all of them once it is declared. Values only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

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
