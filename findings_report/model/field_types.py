"""The types of single values in YAML files: text, hash, date, range of lines, ...

Some texts look like numbers to YAML (`1.10`, a hash of digits only). `authoring` reads them as numbers that keep their source
text, which the types here restore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from findings_report.model.evidence import Frozen, Region

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*\Z")
"""A finding's id or alias: letters and digits joined by `.`, `_` or `-`."""

# No leading `.` or `-`: hidden files are not read as findings, and a file name with a dash looks like an option.
LONGEST_IDENTIFIER: Final = 64

# 40 digits for SHA-1 repositories, 64 for SHA-256. No abbreviated hashes: they become ambiguous as a repository grows.
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z")
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")
_CWE = re.compile(r"CWE-[1-9][0-9]{0,5}\Z")
# An allow-list: in HTML and PDF, `javascript:` and `file:` links would act on the reader's machine.
_REFERENCE_SCHEMES = ("https://", "http://", "mailto:")

_REGION = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?\Z")
_TICKET_REF = re.compile(r"[a-z][a-z0-9_-]*:\S+\Z")


def _fault(code: str, message: str) -> PydanticCustomError:
    # The message is data: pydantic formats the template, so braces in it must not be read as fields.
    return PydanticCustomError(code, "{message}", {"message": message})


def _source(value: object) -> object:
    """Return the source text of a plain YAML scalar that was read as a number; any other value unchanged."""
    return getattr(value, "source", value)


def _matching(pattern: re.Pattern[str], code: str, wanted: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.match(value):
            raise _fault(code, f"{value!r} is not {wanted}")
        return value

    return check


def _parse_date(value: object) -> object:
    if isinstance(value, date):
        return value
    text = value if isinstance(value, str) else None
    if text is None or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _fault("date", f"{value!r} is not a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _fault("date", f"{text!r} is not a day of the calendar") from None


def _parse_region(value: object) -> Region:
    # bool is a subclass of int in Python: without this test, `lines: true` would be line 1.
    text = str(_source(value)).strip() if not isinstance(value, bool) else ""
    if isinstance(value, Region):
        return value
    match = _REGION.match(text)
    if match is None:
        raise _fault("lines", f"{text!r} is not a line or a range: write 121, 111-129 or a list of those")
    start = int(match[1])
    end = int(match[2] or match[1])
    if start < 1:
        raise _fault("lines", "lines are counted from 1")
    if end < start:
        raise _fault("lines_reversed", f"the range {text} is reversed: write {end}-{start}")
    return Region(start_line=start, end_line=end)


def _parse_regions(value: object) -> tuple[Region, ...]:
    if isinstance(value, (list, tuple)):
        if not value:
            raise _fault("lines", "an empty list names no lines: leave the field out to cite the whole file")
        regions = tuple(_parse_region(part) for part in value)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        regions = tuple(_parse_region(part) for part in str(_source(value)).split(","))
    else:
        raise _fault("lines", "write 121, 111-129 or a list of those")
    # Rising, disjoint ranges print in the order of the file and highlight each line once; a list is never sorted silently.
    for before, after in pairwise(regions):
        if after.start_line <= before.end_line:
            raise _fault("lines", f"the ranges {before} and {after} overlap or are out of order")
    return regions


def _parse_line_notes(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    notes: dict[int, object] = {}
    for key, note in value.items():
        text = str(key)  # YAML keys are read as text: `010` arrives as written and is rejected, not taken for line 10 or 8
        if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
            raise _fault("notes", f"{text!r} is not a line number; notes are written as `121: text`")
        notes[int(text)] = note
    return notes


def one_or_many(value: object) -> object:
    """Return a list; a single value becomes its only entry."""
    return value if isinstance(value, (list, tuple)) else [value]


def _allowed_url(value: str) -> str:
    # Spaces, control characters, `<`, `>` and `\` end a link in Markdown or HTML, or change its target.
    if not value.lower().startswith(_REFERENCE_SCHEMES) or any(ord(c) <= 0x20 or c in "<>\\" for c in value):
        raise _fault("url", f"{value!r} is not a http, https or mailto address")
    return value


def _relative(value: str) -> str:
    parts = value.split("/")
    # `\` separates folders on Windows, where `..\..` would lead out of the engagement's folder.
    if value.startswith(("/", "~")) or "\\" in value or "\0" in value or any(p in ("", ".", "..") for p in parts):
        raise _fault("path", f"{value!r} is not a relative path with / that stays inside")
    return value


def _repository_path(value: str) -> str:
    # Every notation of a path is read against the commit, where the right one can be named; a path that leads out has none.
    if "\0" in value or not value.strip("/. ") or ".." in re.split(r"[/\\]", value):
        raise _fault("path_outside", f"{value!r} is not a path inside the repository, as git ls-files prints it")
    return value


def _identifier(value: str) -> str:
    if len(value) > LONGEST_IDENTIFIER or not IDENTIFIER.match(value):
        raise _fault("id", f"{value!r} is not an id: letters and digits joined by '.', '_' or '-', at most 64")
    return value


def _editors(pattern: re.Pattern[str]) -> Any:
    """Return the pattern for the JSON Schema, so that editors check it; messages describe it in words."""
    # JSON Schema has ECMA-262 regular expressions (draft 2020-12, section 6.4), which know no `\Z`.
    return Field(json_schema_extra={"pattern": f"^{pattern.pattern.removesuffix(chr(92) + 'Z')}$"})


Text = Annotated[str, StringConstraints(strict=True, max_length=4_000)]
"""One line or a short text."""

MARKDOWN: Final = "markdown"
"""Annotation by which `passages` recognises Markdown fields: quoted code has the same constraints."""

# The Markdown parser runs in the main process: a text of this length takes about a second (docs/security.md).
_LONG_TEXT = StringConstraints(strict=True, max_length=262_144)

Markdown = Annotated[str, _LONG_TEXT, MARKDOWN]
"""Prose in Markdown: CommonMark with tables and strikethrough; raw HTML is shown as text. At most 256 KiB."""

QuotedCode = Annotated[str, _LONG_TEXT]
"""Code as the author copied it. At most 256 KiB."""

Filled = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=r"^[^\n]*\S[^\n]*$")]
"""One line that is not blank."""

# float in the JSON Schema, because an editor would otherwise mark `version: 1.10` as an error, which `check` accepts.
SourceText = Annotated[
    str,
    BeforeValidator(_source, json_schema_input_type=str | float),
    StringConstraints(strict=True, min_length=1, max_length=400),
]
"""Text exactly as written in the file, so that `1.10` stays `1.10`."""

CommitHash = Annotated[
    str,
    BeforeValidator(_source),
    StringConstraints(strict=True),
    AfterValidator(_matching(_HASH, "commit", "a full commit hash (40 or 64 lower-case hexadecimal digits)")),
    _editors(_HASH),
]
"""A full commit hash."""

# A parser of our own: pydantic also accepts numbers as Unix time, so that 86400 would be 2 January 1970.
Date = Annotated[date, BeforeValidator(_parse_date), WithJsonSchema({"type": "string", "format": "date"})]
"""A day as YYYY-MM-DD."""

Identifier = Annotated[str, StringConstraints(strict=True), AfterValidator(_identifier), _editors(IDENTIFIER)]
"""A finding's id."""

Name = Annotated[
    str, StringConstraints(strict=True), AfterValidator(_matching(_NAME, "name", "a name of letters, digits, . _ -"))
]
"""A short name that other values refer to."""

Audience = tuple[Name, ...]
"""Words of the engagement's `audiences`; empty means everybody. A part with such a field is left out of other editions."""


class TextForAudience(Frozen):
    """A text that is only for some of the report's readers."""

    text: Markdown
    """The text."""
    audience: Audience = ()
    """Readers of the text; empty means everybody."""


MarkdownForSome = Annotated[
    Annotated[Markdown, Tag("text")] | Annotated[TextForAudience, Tag("fields")],
    # Chosen by the type of the value: a union would report a mistake once for each alternative.
    Discriminator(lambda value: "fields" if isinstance(value, dict | TextForAudience) else "text"),
    MARKDOWN,
]
"""Prose in Markdown, or `text` with the `audience` that may read it."""

Colour = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_matching(_COLOUR, "colour", "a colour as '#rrggbb'")),
    _editors(_COLOUR),
]
"""A colour as `#rrggbb`."""

Cwe = Annotated[
    str, StringConstraints(strict=True), AfterValidator(_matching(_CWE, "cwe", "a weakness id as CWE-79")), _editors(_CWE)
]
"""A weakness id as `CWE-79`."""

TicketRef = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_matching(_TICKET_REF, "ticket", "a ticket as TRACKER:REFERENCE, for example jira:SEC-12")),
    _editors(_TICKET_REF),
]
"""A ticket as `jira:SEC-12` or `gitlab:group/project#4`."""

Url = Annotated[str, StringConstraints(strict=True, max_length=2_000), AfterValidator(_allowed_url)]
"""A http, https or mailto address."""

RelativePath = Annotated[str, StringConstraints(strict=True, min_length=1), AfterValidator(_relative)]
"""A path inside the engagement's folder, with `/`."""

RepositoryPath = Annotated[
    str, BeforeValidator(_source), StringConstraints(strict=True, min_length=1), AfterValidator(_repository_path)
]
"""A path inside the repository, as `git ls-files` prints it."""

_REGION_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^ *[0-9]+(-[0-9]+)? *(, *[0-9]+(-[0-9]+)? *)*$"},
    ]
}

Regions = Annotated[
    tuple[Region, ...],
    BeforeValidator(_parse_regions),
    WithJsonSchema({"anyOf": [*_REGION_SCHEMA["anyOf"], {"type": "array", "items": _REGION_SCHEMA, "minItems": 1}]}),
]
"""Lines as `121`, `111-129`, or a list of those, rising."""

LineNotes = Annotated[
    dict[int, Markdown],
    BeforeValidator(_parse_line_notes),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"pattern": "^[1-9][0-9]*$"}}
    ),
]
"""{line: text}."""


class Level(StrEnum):
    """A step of impact, likelihood or difficulty."""

    LOW = "low"
    """Low."""
    MEDIUM = "medium"
    """Medium."""
    HIGH = "high"
    """High."""


def identifier_fault(value: str) -> str | None:
    """Return the reason why `value` cannot be the id of a finding; None if it can."""
    if len(value) <= LONGEST_IDENTIFIER and IDENTIFIER.match(value):
        return None
    return f"{value!r} is not an id: letters and digits joined by '.', '_' or '-', at most {LONGEST_IDENTIFIER}"
