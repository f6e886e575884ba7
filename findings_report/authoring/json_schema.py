"""The JSON Schemas of findings and of `engagement.yaml`: made from the models, for validation and completion in editors.

`SCHEMA_FOLDER` and `modeline` connect files with their schema; the examples of the fields come from `example/`.
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
"""The folder of `finding.json` and `engagement.json` in the engagement's folder; being hidden, it is not read as findings."""

# The dialect of the schemas that pydantic writes.
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def modeline(which: Literal["finding", "engagement"]) -> str:
    """Return the comment that names the schema of a file to editors, for a file directly in the engagement's folder."""
    return f"# yaml-language-server: $schema={SCHEMA_FOLDER}/{which}.json"


def engagement_schema() -> dict[str, Any]:
    """Return the JSON Schema of `engagement.yaml`."""
    return _schema(Engagement, "engagement.yaml of findings-report", "example.engagement.yaml")


def finding_schema(engagement: Engagement | None = None) -> dict[str, Any]:
    """Return the JSON Schema of `*.finding.yaml`, limited to severities, repositories and fields of `engagement` if given."""
    schema = _schema(Finding, "A finding of findings-report", "example.finding.yaml")
    if engagement is not None:
        _narrow(schema, engagement)
    return schema


def _schema(model: type[BaseModel], title: str, example: str) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema()
    definitions: dict[str, Any] = schema.get("$defs", {})
    enumerations = {name: _enumeration(name, node) for name, node in definitions.items() if "enum" in node}
    # pydantic puts enumerations under `$defs`; after inlining nothing refers to them.
    schema = _explained(schema, enumerations)
    schema["$defs"] = {name: node for name, node in schema["$defs"].items() if name not in enumerations}
    _exemplify(schema, schema, _example(example))
    written = f"Written by findings-report {__version__}; `findings-report schema --write` updates this file."
    return {"$schema": _DIALECT, "$comment": written, **schema, "title": title}


def _explained(node: Any, enumerations: Mapping[str, dict[str, Any]]) -> Any:
    """Return the schema in the form that editors display best.

    Editors render `markdownDescription` as Markdown and escape `description`. For a reference they show the description of the
    definition, not that of the field, so enumerations are inlined. `null` is removed, because completion would propose it.
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
    """Return the alternatives as one schema if the type of the value selects between them, so editors show a field once."""
    keywords = [key for part in parts for key in part if key != "type"]
    types = [part.get("type") for part in parts]
    merged = {key: value for part in parts for key, value in part.items()}
    # One alternative is what remains of `X | None` without `null`.
    if len(parts) == 1:
        return merged
    if not parts or len({*keywords}) < len(keywords) or not all(isinstance(each, str) for each in types):
        return None
    return {**merged, "type": types}


def _enumeration(name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an enumeration, with the meaning of each of its words."""
    meanings = _meanings(next(vars(module)[name] for module in (engagement, finding, field_types) if name in vars(module)))
    return {
        "type": node["type"],
        "enum": node["enum"],
        "markdownEnumDescriptions": [meanings[word] for word in node["enum"]],
        "enumDescriptions": [meanings[word] for word in node["enum"]],
    }


@cache
def _meanings(enumeration: type[Enum]) -> Mapping[str, str]:
    """Return the docstring below each member by the member's value, read from the source: Python does not keep them."""
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
    """Return the example file `name`, in which every field appears at least once."""
    return read((resources.files("findings_report.authoring") / "example" / name).read_bytes()).data


def _exemplify(schema: Mapping[str, Any], node: dict[str, Any], value: Any) -> None:
    """Add each field in `value` to the schema of that field as an example."""
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
    elif alternatives := node.get("anyOf", node.get("oneOf")):
        for part in alternatives:
            yield from _branches(schema, part)
    else:
        yield node


def _narrow(schema: dict[str, Any], engagement: Engagement) -> None:
    """Limit the fields that accept any word to the words of the engagement."""
    scale = {severity.name: severity.meaning for severity in engagement.severities}
    for field in ("severity", "residual_severity"):
        _restrict(schema["properties"][field], scale)
    if engagement.repositories:
        addresses = {name: repository.web or repository.url or "" for name, repository in engagement.repositories.items()}
        _restrict(schema["$defs"]["Location"]["properties"]["repository"], addresses)
    extra = schema["properties"]["extra"]
    # Here a typing error in the name of a custom field is underlined in the editor, not only reported by `check`.
    extra["additionalProperties"] = False
    extra["properties"] = {
        field.name: {"type": "string", "title": field.label, **({"enum": list(field.values)} if field.values else {})}
        for field in engagement.fields
    }
    extra.pop("examples", None)


def _restrict(node: dict[str, Any], words: Mapping[str, str]) -> None:
    """Allow only `words`, each with its meaning. An empty value is not in the schema; `check` reports it."""
    # The examples of `example/` are words of the default scale, which the engagement may not have.
    node.pop("anyOf", None)
    node.pop("examples", None)
    node |= {"enum": list(words), "markdownEnumDescriptions": list(words.values()), "enumDescriptions": list(words.values())}
    node |= {"type": "string", "examples": list(words)[:1]}
