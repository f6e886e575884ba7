"""What a tracker answers: the response, and the base of the pydantic models for the JSON in it.

A tracker is another program, and any program may answer at its address. A value of the wrong type is a problem of the response,
with the place of the value; unknown fields are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from findings_report.tickets.http.problems import unexpected_answer

Model = TypeVar("Model")

# Names of JSON types for pydantic's kinds of errors; any other kind, as a missing field, is "value".
_EXPECTED: Final = {"model_type": "object", "list_type": "list", "tuple_type": "list", "bool_type": "true or false"}


@dataclass(frozen=True)
class Bounds:
    """Limits of one exchange."""

    max_bytes: int
    """Size of the body. Of a longer one slightly more than this is read, so that the excess can be reported."""
    seconds: float
    """From the first attempt to connect to the last byte."""
    is_file: bool = False
    """True if the bytes are wanted unchanged: nothing is decompressed."""


class NoResponseError(Exception):
    """No response, or no complete one."""

    def __init__(self, why: str, *, may_have_arrived: bool = False, is_invalid: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.may_have_arrived = may_have_arrived
        """True if the request changes something and may have reached the tracker."""
        self.is_invalid = is_invalid
        """True if nothing was sent because the address is invalid."""


@dataclass(frozen=True)
class Response:
    """A complete HTTP response."""

    status: int
    """HTTP status."""
    content: bytes
    """The body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    def json(self) -> Any:
        """The body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):  # deeply nested lists exhaust the stack of the parser
            return None


class ApiModel(BaseModel):
    """A JSON object of a response. A field that is null counts as absent: trackers use both for the same thing."""

    # Vendors add fields at any time, also within a version of their API.
    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: Any) -> Any:
        return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else value


def parse_answer(model: type[Model], document: object, about: str, member: str = "") -> Model:
    """Validate the JSON `document`, or that member of its object, as `model`. Raises FindingsReportError (NETWORK)."""
    if member:
        document = document.get(member) if isinstance(document, dict) else None
    try:
        return TypeAdapter(model).validate_python(document)
    except ValidationError as error:
        # The first one is enough: a response of another shape is wrong everywhere. Its input is left out, as it may be long and
        # may contain the token.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = member
        for step in first["loc"]:
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
        expected = first["msg"] if first["type"] == "answer" else _EXPECTED.get(first["type"], "value")
        raise unexpected_answer(about, f"{expected} at {path}" if path else expected) from None


def _to_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise PydanticCustomError("answer", "text")
    return value.encode("utf-8", "replace").decode()  # half of a surrogate pair can be printed nowhere


def _to_number(value: object) -> int:
    # Shorter than 20 digits: int() is quadratic in the length, and no tracker counts higher than 2**64.
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise PydanticCustomError("answer", "whole number")
    return value


# A number becomes its digits: Jira and Azure DevOps differ in whether an id is a number or a string.
Text = Annotated[str, BeforeValidator(_to_text)]
# Also written as a string, as Request Tracker and ServiceNow do.
Number = Annotated[int, BeforeValidator(_to_number)]
# In bytes. Request Tracker and ServiceNow write "" for an unknown size.
Size = Annotated[int, BeforeValidator(lambda value: 0 if value == "" else _to_number(value))]
# pydantic's own `bool` would accept "yes" and 1 as well.
Flag = StrictBool
