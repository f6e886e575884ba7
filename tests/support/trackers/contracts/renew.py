"""Writes what vendors publish by npm: of GitHub's OpenAPI document what this program sends, and Atlassian's schema of texts.

Needs npm and the network; tests need neither. To renew: change a version and its digest, which npm has as `dist.integrity`.
Beside each file stands its licence, as NAME.LICENSE. gitlab.yaml, jira.yaml and azure.yaml are written by hand.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
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
    "/repos/{owner}/{repo}/issues": ["get", "post"],
    "/repos/{owner}/{repo}/issues/{issue_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/releases": ["post"],
    "/repos/{owner}/{repo}/releases/tags/{tag}": ["get"],
    "/repos/{owner}/{repo}/releases/{release_id}/assets": ["get", "post"],
    "/repos/{owner}/{repo}/releases/assets/{asset_id}": ["get", "delete"],
}
_PROSE = {"description", "summary", "example", "examples", "externalDocs", "tags"}
_HERE = Path(__file__).parent


def main() -> None:
    document, licence = _published(GITHUB, "generated/api.github.com.json")
    _write("github", _sliced(document), licence)
    document, licence = _published(ATLASSIAN, "json-schema/v1/full.json")
    _write("adf", document, licence)


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


if __name__ == "__main__":
    main()
