"""`tickets.lock.yaml` <-> Lock. Written by the program, read by people in a diff: one value a line, sorted.

A door of its own: only what works with tickets imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from findings_report.authoring.yaml_editor import quoted
from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.model.ticket import Lock
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_HEAD: Final = "# Written by findings-report: what is on which ticket. Commit it, and let the program change it.\n"


def read_lock(content: bytes | None, *, shown: str) -> Lock:
    """The lock; an empty one when there is no file. Raises FindingsReportError (INPUT) when it is not what was written."""
    if content is None:
        return Lock()
    try:
        return Lock.model_validate(read(content).data)
    except (YamlFault, ValidationError) as error:
        fault = error.fault if isinstance(error, YamlFault) else _first(error)
        remedy = "take the last committed one; without the file, tickets are found by what stands on them"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="lock")) from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"


def lock_bytes(lock: Lock) -> bytes:
    """The file."""
    return (
        _HEAD + "\n".join(_lines(lock.model_dump(mode="json", exclude_defaults=True) | {"format": lock.format}, "")) + "\n"
    ).encode()


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name in sorted(values, key=lambda name: (name != "format", name)):
        value = values[name]
        key = name if name.isidentifier() else quoted(name)
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {value if isinstance(value, int) else quoted(str(value))}"
