"""The door to documents already made: Report or Comparison -> JSON, JSON -> Report.

The JSON is canonical: the same document gives the same bytes. What is read back equals what was written.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from findings_report.errors import FindingsReportError, Kind, Place, Problem
from findings_report.model.comparison import COMPARISON_SCHEMA, Comparison
from findings_report.model.document import SCHEMA, Report
from findings_report.visible import HIDDEN

_LARGEST = 512 * 1024 * 1024


def to_json(document: Report | Comparison) -> bytes:
    """The document as UTF-8 JSON, two blanks of indentation, keys in the model's order, with a line end at the end.

    Hidden characters stand as `\\u202e`: the same text for a program, and harmless on a terminal.
    """
    return HIDDEN.sub(_escaped, document.model_dump_json(indent=2)).encode() + b"\n"


def from_json(content: bytes, *, shown: str) -> Report:
    """The report in `content`. Raises FindingsReportError (INPUT) for anything that is no report of this version.

    `shown` names the file in messages.
    """
    if len(content) > _LARGEST:
        raise _refused(shown, f"it has {len(content):,} bytes; at most {_LARGEST:,} are read")
    try:
        head = json.loads(content, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refused(shown, f"it is not JSON: {error}") from None
    name = head.get("schema_name") if isinstance(head, dict) else None
    if name != SCHEMA:
        raise _refused(shown, *_other(name))
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise _refused(shown, f"{where}: {first['msg']}") from None


def schema(document: type[Report] | type[Comparison] = Report) -> dict[str, Any]:
    """The JSON Schema of a document's JSON."""
    return document.model_json_schema(mode="serialization")


def _other(name: object) -> tuple[str, str | None]:
    """What is wrong with a JSON whose schema is not the one that is read, and the remedy."""
    family, _, number = name.rpartition("/") if isinstance(name, str) else ("", "", "")
    if family == SCHEMA.rpartition("/")[0] and number.isdigit():
        return f"it is {name}, made by a newer findings-report; this version reads {SCHEMA}", "install a newer findings-report"
    if name == COMPARISON_SCHEMA:
        return "it is a comparison, and a report is wanted", "name the JSON or the PDF of a report"
    return "it is not a report of findings-report", None


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _refused(shown: str, fault: str, remedy: str | None = None) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="report-json"))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
