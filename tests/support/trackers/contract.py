"""What a vendor documents of its API, and what of a request that was sent does not hold by it.

The doubles say what the author of a test believes of a tracker; the vendor's document is a second witness. Those of Gitea and
DefectDojo know the answers too; for the others, the doubles' answers hold no more than is read of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

if TYPE_CHECKING:
    from trackers.fake import Reply, Request

_DOCUMENTS = Path(__file__).parent / "contracts"
_METHODS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class Contract:
    """The document of one vendor."""

    api: OpenAPI
    hosts: Mapping[str, str] = field(default_factory=lambda: {"": "https://tracker.example"})
    """By the beginning of a path on the fake, the longest first: the host that stands there for."""
    left_out: str = r"(?!)"
    """A pattern for paths that the vendor's document has not, or describes wrongly, so that nothing can be held against it."""
    has_answers: bool = False
    """True if the document has the answers too."""

    def faults(self, request: Request) -> list[str]:
        """What the vendor's document does not have so; empty when all of it is right."""
        if re.search(self.left_out, request.path):
            return []
        found = self.api.unmarshal_request(_asked(request, self.hosts))
        faults = [_describe(error) for error in found.errors]
        if not faults and (unknown := sorted(request.query.keys() - found.parameters.query.keys())):
            faults = [f"the document has no parameter {unknown}"]
        if not faults and request.headers.get("content-type", "").startswith("multipart/") and found.body is not None:
            faults = [f"the document has no field {each.field!r}" for each in request.parts() if each.field not in found.body]
        return [f"{request.method} {request.path}: {each}" for each in faults]

    def faults_of_answer(self, request: Request, reply: Reply) -> list[str]:
        """What of a double's answer the vendor's document does not have so; a refusal may be anything."""
        if not self.has_answers or re.search(self.left_out, request.path) or not 200 <= reply.status < 300:
            return []
        given = self.api.unmarshal_response(
            _asked(request, self.hosts), _Given(json.dumps(reply.document).encode(), reply.status)
        )
        return [f"the answer to {request.method} {request.path}: {_describe(error)}" for error in given.errors]


def _describe(error: Exception) -> str:
    """What is wrong, without the whole of what was sent."""
    cause = error.__cause__ or error
    wrong = [f"{'/'.join(map(str, each.path))}: {each.message}" for each in getattr(cause, "schema_errors", ())]
    return "; ".join(wrong) or str(cause)


@dataclass
class _Asked:
    """A request as openapi-core wants it."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass
class _Given:
    """An answer as openapi-core wants it."""

    data: bytes
    status_code: int
    content_type: str = "application/json"
    headers: Headers = field(default_factory=Headers)


def _asked(request: Request, hosts: Mapping[str, str]) -> _Asked:
    prefix = next(each for each in hosts if request.path.startswith(each))
    headers = Headers([(name, value) for name, value in request.headers.items()])
    return _Asked(
        host_url=hosts[prefix],
        path=request.path.removeprefix(prefix),
        method=request.method.lower(),
        parameters=RequestParameters(query=ImmutableMultiDict(request.query), header=headers),
        content_type=request.headers.get("content-type", ""),
        body=request.content or None,
    )


def opened(document: Any) -> OpenAPI:
    """A document whose bodies have the fields that it names and no others: a vendor passes over a slip in silence."""
    for path in document["paths"].values():
        for operation in (path[method] for method in _METHODS & path.keys()):
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if "properties" in media["schema"]:
                    media["schema"]["additionalProperties"] = False
    return OpenAPI.from_dict(
        document, config=Config(extra_media_type_deserializers={"application/json-patch+json": json.loads})
    )


def _read(name: str, corrected: Callable[[Any], None] = lambda _: None) -> OpenAPI:
    text = (_DOCUMENTS / name).read_text()
    document = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    corrected(document)
    return opened(document)


def _any_media_type(document: Any) -> None:
    """GitHub's document has application/octet-stream for an asset; its own text there asks for the asset's media type."""
    content = document["paths"]["/repos/{owner}/{repo}/releases/{release_id}/assets"]["post"]["requestBody"]["content"]
    content["application/pdf"] = content["application/octet-stream"]


@cache
def github() -> Contract:
    hosts = {"/uploads": "https://uploads.github.com", "": "https://api.github.com"}
    return Contract(_read("github.json", _any_media_type), hosts)


@cache
def gitlab() -> Contract:
    return Contract(_read("gitlab.yaml"))


@cache
def jira() -> Contract:
    """Of Jira Cloud; Data Center has no such document."""
    return Contract(_read("jira.yaml"), left_out=r"/attachments\Z")


@cache
def azure() -> Contract:
    return Contract(_read("azure.yaml"))


def _labels_by_number(document: Any) -> None:
    """A label is named by its number or its name, which Gitea's document has as `any`, and a client made of it as an object."""
    body = document["paths"]["/repos/{owner}/{repo}/issues/{index}/labels"]["post"]["requestBody"]
    body["content"]["application/json"]["schema"]["properties"]["labels"]["items"] = {"type": "integer"}


@cache
def gitea() -> Contract:
    """Files are fetched from a page, which is no part of the API."""
    hosts = {"/api/v1": "https://tracker.example", "": "https://tracker.example"}
    return Contract(_read("gitea.json", _labels_by_number), hosts, left_out=r"\A/attachments/", has_answers=True)


@cache
def defectdojo() -> Contract:
    """Its document says that a file is fetched as JSON, which it is not."""
    return Contract(_read("defectdojo.json"), left_out=r"/files/download/", has_answers=True)
