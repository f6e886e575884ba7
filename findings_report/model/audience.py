"""Whom a part of an engagement or report is for: every model with a field `audience` of words.

Values only, authored or reported. A new model with such a field takes part without a change here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from findings_report.model.evidence import Line
from findings_report.model.field_types import TextForAudience
from findings_report.model.finding import Location

Step = str | int
"""A name of a field, a key, or a 0-based position."""

_CODE: Final = {(Line, "text"), (Location, "quote")}
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
    if (type(model), name) in _CODE:
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
            if (type(value), name) not in _CODE:
                yield from walk(getattr(value, name), (*path, name), word)
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from walk(part, (*path, index), word)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from walk(part, (*path, str(key)), word)
