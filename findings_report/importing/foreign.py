"""Foreign files as values: bytes to text, text to JSON, JSON to what a reader asks for.

The files are untrusted: size, depth and numbers have limits, and a value of the wrong kind is an error that names its JSON
pointer (RFC 6901).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter, ValidationError

from findings_report.importing.importers import IMPORTERS, ForeignFile
from findings_report.model.field_types import Name, RelativePath, Url
from findings_report.problems import FindingsReportError, Kind, Place, Problem

MOST_LEVELS: Final = 100
"""Values inside values; SARIF's own nesting is below 20."""

_LONGEST_NUMBER: Final = 18
"""Digits of an integer; sixty-four bits have nineteen."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that no file of an engagement can have. Source: YAML 1.2.2, 5.1."""


_NAME: Final = TypeAdapter(Name)
_PATH: Final = TypeAdapter(RelativePath)
_URL: Final = TypeAdapter(Url)


def refuse(file: ForeignFile, fault: str, remedy: str | None = None, *, line: int | None = None, code: str) -> NoReturn:
    """Raise FindingsReportError (INPUT) for a file."""
    raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown, line), code=code))


def decode_text(file: ForeignFile) -> str:
    """Return the text of a file in UTF-8. Raises FindingsReportError (INPUT), also for control characters, with their line."""
    if b"\0" in file.content:
        refuse(file, "it is no text", "name the importer of its program", code="not-utf8")
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse(file, "it is not UTF-8", "convert the file to UTF-8", code="not-utf8")
    if (match := _FORBIDDEN.search(text)) is not None:
        line = len(re.findall(r"\r\n|\r|\n", text[: match.start()])) + 1
        fault = f"it has the control character U+{ord(match[0]):04X}"
        refuse(file, fault, "take the character out", line=line, code="not-utf8")
    return text


@dataclass(frozen=True)
class JsonValue:
    """A value of a JSON file, with its place."""

    value: Any
    """None for null, and for a key that is not there: programs write either."""
    pointer: str
    """JSON pointer of the value; empty for the whole file."""
    file: ForeignFile
    """The file."""

    def get(self, key: str) -> JsonValue:
        """Return the value of a key. Raises FindingsReportError if this is no object."""
        self._expect(dict, "an object")
        # No error for a key that is missing: nearly all of SARIF is optional.
        own = self.value.get(key) if self.value is not None else None
        return JsonValue(own, f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}", self.file)

    def at(self, *keys: str) -> JsonValue:
        """Return a value through several objects."""
        value = self
        for key in keys:
            value = value.get(key)
        return value

    def items(self) -> Iterator[JsonValue]:
        """Yield the entries of a list. Raises FindingsReportError if this is no list."""
        self._expect(list, "a list")
        for index, entry in enumerate(self.value or ()):
            yield JsonValue(entry, f"{self.pointer}/{index}", self.file)

    def entries(self, key: str) -> list[JsonValue]:
        """Return the entries of a list of objects."""
        entries = list(self.get(key).items())
        for entry in entries:
            entry.expect_object()
        return entries

    def members(self) -> Iterator[tuple[str, JsonValue]]:
        """Yield the keys of an object, each with its value."""
        self._expect(dict, "an object")
        for key in self.value or ():
            yield key, self.get(key)

    def text(self, key: str) -> str | None:
        """Return a text, without what no file of an engagement can have; None if it is missing or blank."""
        member = self.get(key)
        member._expect(str, "a text")
        return clean(member.value) if member.value and not member.value.isspace() else None

    def whole(self, key: str, lowest: int = 0) -> int | None:
        """Return a whole number; None if it is missing."""
        member = self.get(key)
        value = member.value
        # JavaScript programs write 7.0 for 7.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            member.refuse("is not a whole number")
        if value is not None and value < lowest:
            member.refuse(f"is {value}, and has to be at least {lowest}")
        return value

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, without blank ones."""
        texts = []
        for entry in self.get(key).items():
            entry._expect(str, "a text")
            if entry.value and not entry.value.isspace():
                texts.append(clean(entry.value))
        return texts

    def expect_object(self) -> None:
        """Raise FindingsReportError if this is no object."""
        if not isinstance(self.value, dict):
            self.refuse("is not an object")

    def refuse(self, fault: str, remedy: str | None = None, *, code: str = "import-value") -> NoReturn:
        """Raise FindingsReportError (INPUT) with the place of the value."""
        refuse(self.file, f"{self.pointer or 'the file'} {fault}", remedy, code=code)

    def _expect(self, kind: type, noun: str) -> None:
        if self.value is not None and not isinstance(self.value, kind):
            self.refuse(f"is not {noun}")


def clean(text: str) -> str:
    """Return a text with one kind of line end, and U+FFFD for characters that no file of an engagement can have."""
    return (
        _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")).replace("\u2028", "\n").replace("\u2029", "\n")
    )


def is_name(text: str) -> bool:
    """Return True for a text that can be a name or a tag."""
    try:
        return bool(_NAME.validate_python(text))
    except ValidationError:
        return False


def is_inside(path: str, suffixes: tuple[str, ...]) -> bool:
    """Return True for the path of a file with one of some suffixes in the engagement's folder, and in no hidden one."""
    try:
        parts = _PATH.validate_python(path).split("/")
    except ValidationError:
        return False
    # What the engagement itself reads has a file of its own kind only.
    is_own = path.lower().endswith((".finding.yaml", "engagement.yaml", ".lock.yaml"))
    is_shown = path.isprintable() and not any(part.startswith(".") for part in parts)
    return is_shown and not is_own and path.lower().endswith(suffixes)


def is_url(text: str) -> bool:
    """Return True for an address of the web that can be a reference."""
    try:
        return bool(_URL.validate_python(text)) and text.startswith(("http://", "https://"))
    except ValidationError:
        return False


class _Fault:
    """A value that JSON does not have, where the parser found it; the pointer is looked for afterwards."""

    def __init__(self, fault: str, value: Any = None) -> None:
        self.fault = fault
        self.value = value
        """The rest of the value."""


def read_json(file: ForeignFile) -> JsonValue:
    """Return the content of a JSON file in UTF-8 or UTF-16. Raises FindingsReportError (INPUT)."""
    try:
        text = file.content.decode(json.detect_encoding(file.content)).removeprefix("\ufeff")
    except UnicodeDecodeError:
        refuse(file, "it is neither UTF-8 nor UTF-16", "convert the file to UTF-8", code="not-utf8")
    parser = _Parser()
    try:
        data = parser.parse(text)
    except RecursionError:
        refuse(file, f"its values are nested in more than {MOST_LEVELS} levels", code="import-value")
    except json.JSONDecodeError as error:
        other = _recognise_text(text)
        name = f"; it looks like {IMPORTERS[other].files}" if other else ""
        remedy = f"use `findings-report import {other} FILE`" if other else "write the file again with its program"
        column = f" at column {error.colno}" if error.lineno == 1 else ""
        reason = error.msg[:1].lower() + error.msg[1:]
        refuse(file, f"it is no JSON: {reason}{column}{name}", remedy, line=error.lineno, code="import-format")
    if parser.faults:
        pointer = _find(data, parser.faults[0])
        fault = f"{pointer or 'the file'} {parser.faults[0].fault}"
        refuse(file, fault, "write the file again with its program", code="import-value")
    # Level by level and not by recursion, which the nesting would break.
    level = [data]
    for _ in range(MOST_LEVELS):
        level = [child for value in level for child in _children(value)]
    if level:
        refuse(file, f"its values are nested in more than {MOST_LEVELS} levels", code="import-value")
    return JsonValue(data, "", file)


class _Parser:
    """The parser of JSON, which puts a fault in the place of what JSON does not have, or has without limit."""

    def __init__(self) -> None:
        self.faults: list[_Fault] = []

    def parse(self, text: str) -> Any:
        """Return the value of a text. Raises JSONDecodeError and RecursionError."""
        return json.loads(
            text,
            object_pairs_hook=self._mapping,
            parse_int=self._integer,
            parse_float=self._real,
            parse_constant=lambda name: self._fault(f"is {name}, which JSON does not have"),
        )

    def _fault(self, text: str, value: Any = None) -> _Fault:
        self.faults.append(_Fault(text, value))
        return self.faults[-1]

    def _integer(self, digits: str) -> int | _Fault:
        # Python takes quadratic time for the digits of a number.
        if len(digits) > _LONGEST_NUMBER:
            return self._fault(f"has {len(digits):,} digits; numbers have at most {_LONGEST_NUMBER}")
        return int(digits)

    def _real(self, digits: str) -> float | _Fault:
        number = float(digits)
        return self._fault("is a number that is too large") if math.isinf(number) else number

    def _mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Fault:
        # Parsers differ in which of two equal keys counts, so a file could show one value here and another one elsewhere.
        values = dict(pairs)
        if len(values) == len(pairs):
            return values
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return self._fault(f"has the key {twice!r} twice", values)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _find(data: Any, wanted: _Fault) -> str:
    """Return the JSON pointer of a value."""
    waiting = [(data, "")]
    while waiting:
        value, pointer = waiting.pop()
        if value is wanted:
            return pointer
        if isinstance(value, _Fault):
            value = value.value
        if isinstance(value, dict):
            waiting += [(child, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}") for key, child in value.items()]
        elif isinstance(value, list):
            waiting += [(child, f"{pointer}/{index}") for index, child in enumerate(value)]
    return ""


def _recognise_text(text: str) -> str | None:
    """Return the importer of a text that is no JSON; None if it is not recognised."""
    first = text.lstrip()[:2_000]
    if re.search(r"^#{1,6} \S", first, re.MULTILINE):
        return "review"
    head = first.partition("\n")[0]
    return "csv" if max(map(head.count, ",;\t")) >= 2 and "csv" in IMPORTERS and not first.startswith(("{", "[", "<")) else None


def recognise(value: JsonValue) -> str | None:
    """Return the importer of a JSON file; None if it is not recognised."""
    data = value.value
    if isinstance(data, Mapping):
        if "runs" in data:
            return "sarif"
        if "treeEntries" in data:
            return "weaudit"
        if str(data.get("schema_name", "")).startswith("findings-report/"):
            return "json"
        data = data.get("findings", data.get("vulnerabilities", data.get("vulnerability_reports")))
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], Mapping) else {}
    if {"technical_analysis", "poc_script_code", "remediation_steps", "code_locations"} & first.keys():
        return "strix"
    # `list --output-format json` and the findings of a report have these four; no other format has an id and a status of ours.
    if "severity" in first and "id" in first and isinstance(first["severity"], (Mapping, str)) and "status" in first:
        return "json"
    return "defectdojo" if {"title", "severity", "description"} <= first.keys() else None


def refuse_json(file: ForeignFile) -> None:
    """Raise FindingsReportError (INPUT) for JSON where a text is read, if an importer reads it."""
    if file.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return
    try:
        other = recognise(read_json(file))
    except FindingsReportError:
        return
    if other in IMPORTERS:
        fault = f"it looks like one of the {IMPORTERS[other].files}"
        refuse(file, fault, f"use `findings-report import {other} FILE`", code="import-format")


def refuse_kind(value: JsonValue, wanted: str) -> NoReturn:
    """Raise FindingsReportError (INPUT) for a JSON file of another kind than the importer `wanted` reads."""
    other = recognise(value)
    fault = f"it is none of the {IMPORTERS[wanted].files} that this importer reads"
    if other in IMPORTERS and other != wanted:
        refuse(
            value.file,
            f"{fault}; it looks like {IMPORTERS[other].files}",
            f"use `findings-report import {other} FILE`",
            code="import-format",
        )
    refuse(
        value.file, fault, "name the importer of its program; `findings-report import --help` lists them", code="import-format"
    )
