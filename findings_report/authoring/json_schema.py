"""The JSON Schemas of both files: from the models, with what an editor needs to check, complete and explain.

Which files they are for, and where they stand, is said here as well; the example of every field is `example/`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from pydantic import BaseModel

from findings_report import __version__
from findings_report.authoring.yaml_reader import read
from findings_report.model import engagement, field_types, finding
from findings_report.model.engagement import Engagement
from findings_report.model.finding import Finding

SCHEMA_FOLDER: Final = ".schema"
"""The folder, in the engagement's, that holds `finding.json` and `engagement.json`; what reads findings passes it over."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def modeline(which: Literal["finding", "engagement"]) -> str:
    """The comment that tells an editor which schema the file has, for a file that stands in the engagement's folder itself."""
    return f"# yaml-language-server: $schema={SCHEMA_FOLDER}/{which}.json"


def engagement_schema() -> dict[str, Any]:
    """The JSON Schema of `engagement.yaml`."""
    return _schema(Engagement, "engagement.yaml of findings-report", "example.engagement.yaml")


def finding_schema(engagement: Engagement | None = None) -> dict[str, Any]:
    """The JSON Schema of a `*.finding.yaml`; with the words of `engagement` (severities, repositories, fields) if given."""
    schema = _schema(Finding, "A finding of findings-report", "example.finding.yaml")
    if engagement is not None:
        _narrow(schema, engagement)
    return schema


def _schema(model: type[BaseModel], title: str, example: str) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema()
    definitions: dict[str, Any] = schema.get("$defs", {})
    enumerations = {name: _enumeration(name, node) for name, node in definitions.items() if "enum" in node}
    schema = _explained(schema, enumerations)
    schema["$defs"] = {name: node for name, node in schema["$defs"].items() if name not in enumerations}
    _exemplify(schema, schema, _example(example))
    written = f"Written by findings-report {__version__}; `findings-report schema --write` writes it anew."
    return {"$schema": _DIALECT, "$comment": written, **schema, "title": title}


def _explained(node: Any, enumerations: Mapping[str, dict[str, Any]]) -> Any:
    """The schema as editors show it best.

    They hover `markdownDescription` as Markdown and escape `description`; of a reference they show what it leads to, not
    what the field says, so enumerations stand where they are used. `null` is no proposal: nobody means an empty field.
    """
    if isinstance(node, list):
        return [_explained(part, enumerations) for part in node if part != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    node = {key: value for key, value in node.items() if (key, value) != ("default", None)}
    copied = {key: _explained(value, enumerations) for key, value in node.items()}
    if (name := str(node.get("$ref", "")).rpartition("/")[2]) in enumerations:
        del copied["$ref"]
        copied = {**enumerations[name], **copied}
    if (joined := _joined(copied.get("anyOf", ()))) is not None:
        del copied["anyOf"]
        copied = {**joined, **copied}
    if isinstance(node.get("description"), str):
        copied["markdownDescription"] = node["description"]
    for name, field in copied["properties"].items() if isinstance(copied.get("properties"), dict) else ():
        field.setdefault("title", name.replace("_", " ").title())
    return copied


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The alternatives as one, where the value's type alone tells them apart: an editor then says a field's name once."""
    keywords = [key for part in parts for key in part if key != "type"]
    types = [part.get("type") for part in parts]
    merged = {key: value for part in parts for key, value in part.items()}
    if len(parts) == 1:
        return merged
    if not parts or len({*keywords}) < len(keywords) or not all(isinstance(each, str) for each in types):
        return None
    return {**merged, "type": types}


def _enumeration(name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """An enumeration with the meaning of each of its words."""
    meanings = _meanings(next(vars(module)[name] for module in (engagement, finding, field_types) if name in vars(module)))
    return {
        "type": node["type"],
        "enum": node["enum"],
        "markdownEnumDescriptions": [meanings[word] for word in node["enum"]],
        "enumDescriptions": [meanings[word] for word in node["enum"]],
    }


@cache
def _meanings(enumeration: type[Enum]) -> Mapping[str, str]:
    """The sentence under each member, by the member's value; Python keeps none of them."""
    (written,) = ast.parse(inspect.getsource(enumeration)).body
    found: dict[str, str] = {}
    name = ""
    for statement in written.body if isinstance(written, ast.ClassDef) else ():
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]):
                continue
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                found[enumeration[name].value] = inspect.cleandoc(text)
    return found


@cache
def _example(name: str) -> Any:
    """A whole file in which every field stands at least once."""
    return read((resources.files("findings_report.authoring") / "example" / name).read_bytes()).data


def _exemplify(schema: Mapping[str, Any], node: dict[str, Any], value: Any) -> None:
    """Gives each field in `value` to the schema of that field as an example of it."""
    for branch in _branches(schema, node):
        if isinstance(value, dict):
            for key, inner in value.items():
                below = branch.get("properties", {}).get(key)
                if below is not None:
                    examples = below.setdefault("examples", [])
                    examples += [inner] if inner not in examples else []
                else:
                    below = next(iter(branch.get("patternProperties", {}).values()), branch.get("additionalProperties"))
                if isinstance(below, dict):
                    _exemplify(schema, below, inner)
        elif isinstance(value, list) and isinstance(branch.get("items"), dict):
            for inner in value:
                _exemplify(schema, branch["items"], inner)


def _branches(schema: Mapping[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in node:
        yield from _branches(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node:
        for part in node["anyOf"]:
            yield from _branches(schema, part)
    else:
        yield node


def _narrow(schema: dict[str, Any], engagement: Engagement) -> None:
    """Puts the engagement's own words where any word could stand."""
    scale = {severity.name: severity.meaning for severity in engagement.severities}
    for field in ("severity", "residual_severity"):
        _restrict(schema["properties"][field], scale)
    if engagement.repositories:
        addresses = {name: repository.web or repository.url or "" for name, repository in engagement.repositories.items()}
        _restrict(schema["$defs"]["Location"]["properties"]["repository"], addresses)
    extra = schema["properties"]["extra"]
    extra["additionalProperties"] = False
    extra["properties"] = {
        field.name: {"type": "string", "title": field.label, **({"enum": list(field.values)} if field.values else {})}
        for field in engagement.fields
    }
    extra.pop("examples", None)


def _restrict(node: dict[str, Any], words: Mapping[str, str]) -> None:
    """Only `words`, each with its meaning; empty is told by `check`."""
    node.pop("anyOf", None)
    node.pop("examples", None)
    node |= {"enum": list(words), "markdownEnumDescriptions": list(words.values()), "enumDescriptions": list(words.values())}
    node |= {"type": "string", "examples": list(words)[:1]}
