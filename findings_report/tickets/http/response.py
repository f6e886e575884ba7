"""What a tracker answers: the response, the base of the pydantic models for the JSON in it, and the problems of requests.

A tracker is another program, and any program may answer at its address. A value of the wrong type is a problem of the response,
with the place of the value; unknown fields are ignored. No problem contains a secret.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report.tickets.http.credentials import Credentials
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


AGAIN: Final = "run the command again: nothing is attached twice"

# A message may be a stack trace, or repeat the request.
_MAX_MESSAGE: Final = 300
# Where trackers put the reason: Redmine and Jira; Jira; GitHub, GitLab and Azure DevOps; ServiceNow; OAuth servers; ServiceNow.
_MESSAGE_FIELDS: Final = ("errors", "errorMessages", "message", "error", "error_description", "detail")


def refusal(credentials: Credentials, about: str, status: int, headers: Mapping[str, str], message: str) -> Problem:
    """Return the problem for an HTTP status. `message` is the tracker's own, empty if it has none."""
    name, own = credentials.tracker, f": {message}" if message else ""
    if status == 401:
        return _problem(
            "tracker-token", f"{name} does not accept the token{own}", f"set {credentials.token_variable} to a valid one"
        )
    if status == 403 or (status == 400 and "permission denied" in message.lower()):
        fault = f"{about}: the owner of the token does not have the permission{own}"
        return _problem(
            "tracker-rights", fault, f"ask the tracker's administrator, or use another token in {credentials.token_variable}"
        )
    if status in (404, 410):  # GitHub answers 410 for a deleted issue
        return ticket_not_found(credentials, about)
    # A proxy in front of the tracker answers 413; the tracker itself often one of the others, with a message.
    if status == 413 or (status in (400, 422) and _is_about_size(message)):
        return too_large(about, own)
    if status == 429:
        after = headers.get("retry-after")
        when = f", retry after {after} seconds" if after and after.isdigit() else ""
        return _problem("tracker-rate-limit", f"{about}: {name} has received too many requests{when}", f"wait, then {AGAIN}")
    if 300 <= status < 400:
        where = headers.get("location", "elsewhere").partition("?")[0]  # a query may contain a signature
        fault = f"{about}: {name} redirects to {where}; the token is not sent there"
        return _problem("tracker-redirect", fault, f"set {credentials.url_variable} to the new address")
    if status >= 500:
        return _problem("tracker-server", f"{about}: {name} failed with status {status}{own}", AGAIN)
    return _problem("tracker-refused", f"{about}: {name} rejected the request with status {status}{own}", None)


def _is_about_size(message: str) -> bool:
    """Recognize a file that is too large by the message: Redmine answers with 422, Jira and Azure DevOps with 400."""
    phrases = ("maximum allowed file size", "too large", "too big", "exceeds the max", "file upload size")
    return any(phrase in message.lower() for phrase in phrases)


def ticket_not_found(credentials: Credentials, about: str) -> Problem:
    """Return the problem of a ticket that does not exist, also for a tracker without a status for that."""
    fault = f"{about} does not exist, or the owner of the token cannot see it"
    return _problem("tracker-ticket", fault, f"check the reference and {credentials.url_variable}, which is {credentials.url}")


def too_large(about: str, own: str) -> Problem:
    """Return the problem of a file above the limit. `own` is the tracker's own message, with a colon before it."""
    remedy = "ask the tracker's administrator to raise the limit, or attach single findings"
    return _problem("tracker-too-large", f"{about}: the file is larger than the tracker allows{own}", remedy)


def unreachable(credentials: Credentials, about: str, why: str, *, is_sent: bool) -> Problem:
    """Return the problem of a missing response. `is_sent` is True if a change may have reached the tracker."""
    if is_sent:
        fault = f"{about}: no response from {credentials.tracker}: {why}; the request may have arrived nevertheless"
        return _problem("tracker-no-answer", fault, AGAIN)
    return _problem(
        "tracker-unreachable",
        f"{credentials.tracker} at {credentials.url} cannot be reached: {why}",
        f"check {credentials.url_variable}",
    )


def unsafe_redirect(credentials: Credentials, about: str, where: str) -> Problem:
    """Return the problem of a download that is redirected to an address without encryption, or to none."""
    fault = f"{about}: {credentials.tracker} redirects a download to {where or 'no address'}"
    return _problem("tracker-redirect", fault, "only redirects to https:// addresses are followed")


def unexpected_answer(about: str, what: str) -> FindingsReportError:
    """Return the problem of a response in another format: from another program at that address, or from a newer API."""
    fault = f"{about}: the tracker's response has no {what}"
    return FindingsReportError(_problem("tracker-answer", fault, "check whether a tracker answers at this address"))


def invalid_reference(ref: str, shape: str) -> FindingsReportError:
    """Return the problem of a reference in another shape."""
    return FindingsReportError(
        Problem(Kind.USAGE, f"{ref!r} is not a reference to a ticket", f"write it as {shape}", code="ticket-ref")
    )


def _problem(code: str, fault: str, remedy: str | None) -> Problem:
    return Problem(Kind.NETWORK, fault, remedy, code=code)


def extract_message(document: object, secrets: tuple[str, ...]) -> str:
    """Return the reason that a tracker gives for a refusal: one line of at most 300 characters, empty if there is none."""
    try:
        text = "; ".join(dict.fromkeys(_messages(document)))
    except RecursionError:  # thousands of nested lists, which only a hostile server sends
        return ""
    # Redacted before it is cut: half of a secret would not be recognized.
    return " ".join(redact(text, secrets).split())[:_MAX_MESSAGE]


def _messages(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _messages(item)]
    if not isinstance(value, dict):
        return []
    # Without one of these fields every text is taken with its name: Jira names the invalid field of an issue that way.
    return [text for name in _MESSAGE_FIELDS for text in _messages(value.get(name))] or [
        f"{name}: {text}" for name, item in value.items() if name != "documentation_url" for text in _messages(item)
    ]


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Replace the secrets in `text`, also in the forms of a URL and of basic authentication."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            if len(form) > 3:  # shorter ones are no secrets, and their replacement would destroy the text
                text = text.replace(form, "***")
    return text
