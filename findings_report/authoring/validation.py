"""Validation errors of pydantic -> problems in plain words, each with its place and, if possible, a suggestion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from findings_report.authoring.yaml_reader import Mark, Path, YamlDocument
from findings_report.problems import Kind, Place, Problem, Subject, suggestions
from findings_report.problems.safe_text import visible

_WORDS = {
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "dict_type": "must be fields, as in `name: value`",
    "mapping_type": "must be fields, as in `name: value`",
    "model_type": "must be fields, as in `name: value`",
    "model_attributes_type": "must be fields, as in `name: value`",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}


_OWN_KINDS: Final = frozenset(
    (
        "colour",
        "commit",
        "cwe",
        "date",
        "id",
        "lines",
        "lines_reversed",
        "name",
        "notes",
        "path",
        "path_outside",
        "ticket",
        "url",
    )
)
"""The kinds of errors that `model/field_types.py` raises."""


def from_validation(error: ValidationError, model: type[BaseModel], document: YamlDocument, key: str) -> list[Problem]:
    """Return one problem for each fault in `error`, in the order of the file. `key` is the first step of their subjects."""
    details = error.errors(include_url=False, include_context=True)
    # pydantic drops invalid values first, so a list of invalid values only would also be reported as empty.
    details = [detail for detail in details if detail["type"] != "too_short" or not detail["input"]]
    problems = [_problem(detail, model, document, key) for detail in details]
    # A union gives an error for each of its alternatives, which are one mistake to an author.
    unique = {(problem.subject, problem.fault): problem for problem in problems}
    return sorted(unique.values(), key=lambda problem: _order(document, problem))


_TOLD = frozenset({("title",), ("description",), ("severity",)})
"""Fields whose absence is an error of its own."""


def unfilled(value: object, key: str, path: Path = ()) -> Iterator[Problem]:
    """Yield a warning for each empty field of a finding, such as those that `new` writes."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from unfilled(inner, key, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from unfilled(inner, key, (*path, index))
    elif value is None and path not in _TOLD:
        remedy = "fill it in, or remove the field"
        yield Problem(Kind.INPUT, "is empty", remedy, subject=(key, *path), level="warning", code="empty")


# YAML 1.2.2, section 6.6: `#` after white space starts a comment. Without a space behind it, text was probably meant: `PR #12`.
# The look-behind keeps the search linear: of many blanks in a row only the first can start a match.
_COLLECTIONS: Final = frozenset("-{[")
"""Styles of the marks of lists and mappings."""

_CUT_SHORT: Final = re.compile(r"(?<![ \t])[ \t]++#[^\s#]")


def cut_short(document: YamlDocument, key: str) -> Iterator[Problem]:
    """Yield a warning for each value before ` #12`, which YAML takes for a comment and an author for text."""
    if not _CUT_SHORT.search(document.text):
        return
    for path, mark in document.values.items():
        line = document.lines[mark.end_line] if mark.style == "" else ""
        if _CUT_SHORT.match(line, mark.end_column):
            comment = line[mark.end_column : mark.end_column + 40].strip()
            fault = f"ends here: YAML takes '{visible(comment)}' for a comment"
            remedy = "quote the text; if it is meant as a comment, put a blank after the `#`"
            yield Problem(Kind.INPUT, fault, remedy, subject=(key, *path), level="warning", code="cut-short")


def _order(document: YamlDocument, problem: Problem) -> tuple[int, int]:
    mark = nearest(document, (problem.subject or ())[1:])
    return (mark.line, mark.column) if mark else (0, 0)


def _problem(detail: ErrorDetails, model: type[BaseModel], document: YamlDocument, key: str) -> Problem:
    path = _known(document, detail["loc"])
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    field = next((step for step in reversed(detail["loc"]) if isinstance(step, str)), "")
    remedy = suggestions.mend(detail["type"], field, detail["input"])
    match detail["type"]:
        case "missing":
            return Problem(Kind.INPUT, f"`{name}` is required", None, subject=(key, *path), code="missing-field")
        case "extra_forbidden":
            return _unknown_field(name, model, detail["loc"], key, path)
        case "string_type" if field == "cwe" and (correction := suggestions.weakness(detail["input"])) is not None:
            return Problem(
                Kind.INPUT, f"{detail['input']!r} is not a weakness id as CWE-79", correction, subject=(key, *path), code="cwe"
            )
        case "string_type" if field == "cvss" and (correction := suggestions.vector(detail["input"])) is not None:
            return Problem(
                Kind.INPUT, f"{detail['input']!r} is not a CVSS vector", correction, subject=(key, *path), code="cvss"
            )
        case "string_type":
            return _not_text(detail["input"], key, path)
        case "enum" | "literal_error":
            return _not_one_of(detail, key, path)
        case "string_too_long":
            most = (detail.get("ctx") or {}).get("max_length")
            fault = f"is too long: at most {most:,} characters" if isinstance(most, int) else "is too long"
            return Problem(Kind.INPUT, fault, subject=(key, *path), code="too-long")
        case "string_pattern_mismatch":
            wanted = "a language as en or de-CH" if path[-1:] == ("language",) else "one line that is not blank"
            return Problem(Kind.INPUT, f"{detail['input']!r} is not {wanted}", subject=(key, *path), code="text")
        case kind:
            fault = _WORDS.get(kind) or detail["msg"][:1].lower() + detail["msg"][1:]
            return Problem(Kind.INPUT, fault, remedy, subject=(key, *path), code=_code(kind))


def _code(kind: str) -> str:
    """The code of a problem from the kind of pydantic's error: our own kinds, those of a wrong type, and all others."""
    if kind in _OWN_KINDS:
        return kind.replace("_", "-")
    return "wrong-type" if kind.endswith(("_type", "_parsing")) else "empty" if kind == "too_short" else "invalid-value"


def _known(document: YamlDocument, location: tuple[str | int, ...]) -> Path:
    """Return the longest prefix of `location` that exists in the file, with keys that pydantic converted to numbers as text."""
    # pydantic's locations also have steps for union members and validators, which are in no file.
    path: Path = ()
    for step in location:
        if (*path, step) in document.values:
            path = (*path, step)
        elif (*path, str(step)) in document.values:
            path = (*path, str(step))
        elif step == "[key]":  # pydantic's mark of a fault in a key
            break
        else:
            continue
    return path


def _unknown_field(name: str, model: type[BaseModel], location: tuple[str | int, ...], key: str, path: Path) -> Problem:
    near = suggestions.field(name, _fields(model, location[:-1]))
    return Problem(Kind.INPUT, f"there is no field {name!r} here", near, subject=(key, *path), code="unknown-field")


def _not_text(value: object, key: str, path: Path) -> Problem:
    if value is None:
        remedy = "write a text" if path in _TOLD else "write a text, or remove the field"
        return Problem(Kind.INPUT, "is empty", remedy, subject=(key, *path), code="empty")
    if isinstance(value, (list, dict)):
        what = "a list" if isinstance(value, list) else "fields"
        return Problem(Kind.INPUT, f"must be text, not {what}", subject=(key, *path), code="not-text")
    source = getattr(value, "source", str(value).lower() if isinstance(value, bool) else str(value))
    what = "true or false" if isinstance(value, bool) else "a number"
    return Problem(
        Kind.INPUT,
        f"must be text, and {source} is {what} in YAML",
        f'quote it: "{source}"',
        subject=(key, *path),
        code="not-text",
    )


def _not_one_of(detail: ErrorDetails, key: str, path: Path) -> Problem:
    expected = str((detail.get("ctx") or {}).get("expected", ""))
    words = [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]
    return not_one_of(detail["input"], words, key, path)


def not_one_of(value: object, words: Iterable[str], key: str, path: Subject, *, of: str = "one of") -> Problem:
    """Return the problem of a `value` that is not in a list of words, with the list and the most similar word."""
    words = list(words)
    fault = f"{value!r} is not {of} ({', '.join(words)})"
    remedy = suggestions.status(str(value)) if path[-1:] == ("status",) else None
    remedy = remedy or suggestions.did_you_mean(str(value), words)
    return Problem(Kind.INPUT, fault, remedy, subject=(key, *path), code="not-in-list")


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def _fields(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the names of the fields that are allowed at `location`."""
    root = _schema(model)
    nodes = [root]
    for step in location:
        nodes = [child for node in nodes for child in _step(root, node, step)]
    return [name for node in nodes for name in node.get("properties", {})]


def _step(root: Mapping[str, Any], node: Mapping[str, Any], step: str | int) -> list[Mapping[str, Any]]:
    children: list[Mapping[str, Any]] = []
    for child in (node.get("properties", {}).get(step), node.get("items"), node.get("additionalProperties")):
        if isinstance(child, dict):
            children += _resolved(root, child)
    return children


def _resolved(root: Mapping[str, Any], node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in node:
        return _resolved(root, root["$defs"][str(node["$ref"]).rsplit("/", 1)[-1]])
    if alternatives := node.get("anyOf", node.get("oneOf")):
        return [resolved for part in alternatives for resolved in _resolved(root, part)]
    return [node]


def nearest(document: YamlDocument, path: Path) -> Mark | None:
    """Return the mark of the value at `path`, else of the nearest enclosing value; for the document itself its first key."""
    while path and path not in document.values:
        path = path[:-1]
    mark = document.values.get(path)
    # A list or mapping is shown at its key: its own first line is that of its first entry, which may be correct.
    if mark is not None and mark.style in _COLLECTIONS and path in document.keys:
        return document.keys[path]
    return mark


def place(document: YamlDocument, file: str, path: Path, code: str, line_offset: int) -> Place:
    """Return the place of the value at `path`. An invalid key (`unknown-field`) is shown at the key."""
    mark = document.keys.get(path) if code == "unknown-field" else None
    mark = mark or nearest(document, path)
    if mark is None:
        return Place(file)
    line, column = mark.line, mark.column
    if mark.style in ("|", ">") and line_offset >= 0:
        line, column = _block_line(document, mark, line_offset)
    source = document.lines[line] if line < len(document.lines) else ""
    end = mark.end_column if mark.end_line == line == mark.line else len(source)
    return Place(file, line + 1, column + 1, source, max(1, min(end, len(source)) - column))


def _block_line(document: YamlDocument, mark: Mark, offset: int) -> tuple[int, int]:
    """Return line and column `offset` lines below the first of a block scalar. Folded (`>`) text is counted by line too."""
    line = min(mark.line + 1 + offset, max(mark.line, mark.end_line, 0), len(document.lines) - 1)
    source = document.lines[line]
    return line, len(source) - len(source.lstrip())


def written(document: YamlDocument, path: Path) -> Path:
    """Return `path` as far as the author wrote it: a text under `recommendation` is read as its `short_term`."""
    for end in range(1, len(path)):
        mark = document.values.get(path[:end])
        if mark is not None and mark.style not in _COLLECTIONS:
            return path[:end]
    return path


def dotted(path: Subject) -> str:
    """Return the name of a field in messages: `locations[0].lines`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
