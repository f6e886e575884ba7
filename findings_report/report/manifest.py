"""The manifest of a build: what was built, from what, and with what, as an in-toto statement with a predicate of our own.

Values only: `commands.manifest` collects them, and recomputes them to verify a manifest. The bytes are canonical: the same
build gives the same manifest, whatever the machine, the folder, the clock and the locale.
Source: in-toto Attestation Framework, Statement v1 and ResourceDescriptor v1; SLSA 1.0, Provenance, for the names of the
predicate's fields.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from findings_report.model.evidence import Frozen
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.report import archive

if TYPE_CHECKING:
    from findings_report.authoring import Files
    from findings_report.model.report import Report
    from findings_report.report.provenance import Identified

STATEMENT: Final = "https://in-toto.io/Statement/v1"
"""`_type` of an in-toto statement."""

# A random UUID is nobody else's, and needs no domain that somebody could lose or register.
PROJECT: Final = "urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60"
"""The name of this project where a URI is needed. Nothing is fetched from it."""

PREDICATE: Final = "urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60#manifest/1"
"""`predicateType` of a manifest. The number rises when a reader of the old one would be wrong."""

BUILD_TYPE: Final = "urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60#build/1"
"""`buildType`: how `externalParameters` are to be read."""

BUILDER: Final = "urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60#findings-report"
"""`builder.id`: this program."""

MANIFEST: Final = "manifest.json"
"""The name of the manifest of `report.html`, `report.pdf`, ...; beside `acme.pdf` it is `acme.manifest.json`."""

CHECKSUMS: Final = "SHA256SUMS"
"""The name of the file for `sha256sum -c`; beside `acme.pdf` it is `acme.SHA256SUMS`."""

ENVELOPES: Final = ".intoto.jsonl"
"""Suffix of a file of signed envelopes, a line each. Source: in-toto Attestation Framework, Bundle."""

LARGEST: Final = 16 * 2**20
"""Bytes of a manifest that is read; 20,000 findings take about 6 MB."""

_MOST_VALUES: Final = 1_000_000
_LONGEST_FAULT: Final = 300
_STEM: Final = "report"
_OTHER: Final = ("it is neither a PDF nor the manifest of a build", "name a file that `build` or `build --manifest` wrote")
_DATA: Final = frozenset({".conf", ".json", ".otf", ".ttf", ".txt"})
# Templates are listed as such; what `init` and `demo` write is no part of a report.
_NOT_DATA: Final = frozenset({"templates", "demo", "init", "example", "__pycache__"})

Hex = Annotated[str, StringConstraints(pattern="^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
Text = Annotated[str, StringConstraints(max_length=4096)]
DependencyKind = Literal["input", "template", "data", "findings", "repository", "blob"]


class _Described(Frozen):
    """A model whose JSON has names in camel case, as the fields of in-toto and SLSA have."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Digest(_Described):
    """Digests of one content, in hexadecimal. Source: in-toto, DigestSet."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the bytes."""
    git_blob: Hex | None = None
    """Id of the content in the git repository that has it."""
    git_commit: Hex | None = None
    """Id of a commit."""


class Output(_Described):
    """One file that was built: an entry of `subject`."""

    name: Text
    """Its path from the folder of the manifest, POSIX."""
    digest: Digest
    """SHA-256 of the file."""


class Circumstances(_Described):
    """The kind of a dependency, with its details: `annotations`."""

    kind: DependencyKind
    """`input`: a file of the engagement's folder; `template`: a file of a template; `data`: a file of the program;
    `findings`: the commit of the findings; `repository`: an audited repository; `blob`: a cited file."""
    origin: Literal["engagement", "program"] | None = None
    """Of a template file: whose it is."""
    repository: Text | None = None
    """Of a cited file: name of its repository."""
    path: Text | None = None
    """Of a cited file: its path in the repository."""
    commit: Hex | None = None
    """Of a cited file: the commit at which it was read."""
    url: Text | None = None
    """Of a repository: the address in engagement.yaml, without credentials."""
    revision: Text | None = None
    """Of a repository: tag, branch or hash in engagement.yaml."""
    is_read: bool | None = None
    """Of a repository: True if a clone was available."""
    is_changed: bool | None = None
    """Of the commit of the findings: True if a file that was read differs from it."""


class Dependency(_Described):
    """One thing that a build was made from. Source: in-toto, ResourceDescriptor."""

    name: Text
    """Path or name; unique among those of a kind."""
    digest: Digest | None = None
    """None for a repository of which no commit is known."""
    annotations: Circumstances
    """Its kind, with details."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same thing in two manifests."""
        return self.annotations.kind, self.name


class BuiltFile(_Described):
    """How one output was made."""

    name: Text
    """Name of the output in `subject`."""
    format: Text
    """Its format, as after -f."""
    finding: Text | None = None
    """Id of the only finding in it, with --each; None for a whole report."""
    page: int | None = None
    """Number of the page, from 1, of a long report as HTML; None for the index, and for a report in one file."""


class Parameters(_Described):
    """The options of a build that decide its bytes: `externalParameters`."""

    template: Text
    """Name of the template."""
    outputs: tuple[BuiltFile, ...]
    """The outputs, in the order of their names."""
    audience: Text | None = None
    """--audience; None for everybody."""
    default_date: date | None = None
    """The day of SOURCE_DATE_EPOCH, if the engagement has no date; None if there is none, or if it has one."""
    system_fonts: bool = False
    """--system-fonts. Those fonts are not recorded."""


class BuildDefinition(_Described):
    """What was asked for, and what it was made from."""

    build_type: Literal["urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60#build/1"] = BUILD_TYPE
    """BUILD_TYPE."""
    external_parameters: Parameters
    """The options."""
    resolved_dependencies: tuple[Dependency, ...]
    """Files, commits and cited files, by kind and name."""


class Builder(_Described):
    """The program that built."""

    id: Literal["urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60#findings-report"] = BUILDER
    """BUILDER."""
    version: dict[Text, Text]
    """Versions of the program, of Python, of git and of the libraries, by name."""
    builder_dependencies: tuple[Dependency, ...]
    """The program's own data: weaknesses, fonts, ..."""


class RunDetails(_Described):
    """What built. A time and a machine are left out: they would make two equal builds differ."""

    builder: Builder
    """The program."""


class Predicate(_Described):
    """The predicate of PREDICATE."""

    build_definition: BuildDefinition
    """What was asked for, and what it was made from."""
    run_details: RunDetails
    """What built."""


class Manifest(_Described):
    """An in-toto statement about the files of one build."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT, alias="_type")
    """STATEMENT."""
    subject: Annotated[tuple[Output, ...], Field(min_length=1)]
    """The files, by name."""
    predicate_type: Literal["urn:uuid:6e47713a-0616-4462-a8e6-49a7cf78ca60#manifest/1"] = PREDICATE
    """PREDICATE."""
    predicate: Predicate
    """How they were made."""

    @property
    def parameters(self) -> Parameters:
        """The options of the build."""
        return self.predicate.build_definition.external_parameters

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Everything that the build was made from, the program's own data included."""
        return (
            *self.predicate.build_definition.resolved_dependencies,
            *self.predicate.run_details.builder.builder_dependencies,
        )

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of programs and libraries, by name."""
        return self.predicate.run_details.builder.version


def describe_build(
    outputs: Mapping[str, bytes], parameters: Parameters, dependencies: Iterable[Dependency], versions: Mapping[str, str]
) -> Manifest:
    """Return the manifest of a build. `outputs` are the files by name, and `dependencies` come in any order."""
    ordered = _number_same_names(sorted(dependencies, key=lambda each: (each.key, each.model_dump_json())))
    is_own = [each.annotations.kind == "data" for each in ordered]
    return Manifest(
        subject=tuple(Output(name=name, digest=Digest(sha256=sha256(outputs[name]))) for name in sorted(outputs)),
        predicate=Predicate(
            build_definition=BuildDefinition(
                external_parameters=parameters,
                resolved_dependencies=tuple(each for each, own in zip(ordered, is_own, strict=True) if not own),
            ),
            run_details=RunDetails(
                builder=Builder(
                    version=dict(versions),
                    builder_dependencies=tuple(each for each, own in zip(ordered, is_own, strict=True) if own),
                )
            ),
        ),
    )


def _number_same_names(ordered: Sequence[Dependency]) -> list[Dependency]:
    """Return the dependencies with a number behind names that masking (`redact`) made equal."""
    seen: Counter[tuple[str, str]] = Counter()
    numbered: list[Dependency] = []
    for dependency in ordered:
        seen[dependency.key] += 1
        count = seen[dependency.key]
        name = f"{dependency.name} ({count})" if count > 1 else dependency.name
        numbered.append(dependency.model_copy(update={"name": name}))
    return numbered


def to_json(manifest: Manifest) -> bytes:
    """Return the manifest as JSON: keys sorted, two blanks of indentation, ASCII only, a line feed at the end."""
    fields = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=True).encode("ascii") + b"\n"


def from_json(content: bytes, *, shown: str) -> Manifest:
    """Return the manifest in `content`, which anyone may have written.

    `shown` names the file in messages. Raises FindingsReportError (INPUT) for anything that is no manifest of this version.
    """
    if len(content) > LARGEST:
        raise refused(shown, f"it has more than the {LARGEST:,} bytes that are read")
    if content.lstrip()[:1] != b"{":
        raise refused(shown, *_OTHER)
    try:
        head = archive.load_json(content, shown=shown, most_values=_MOST_VALUES)
    except FindingsReportError as error:
        raise refused(shown, error.problems[0].fault) from None
    if (fault := _unknown(head)) is not None:
        raise refused(shown, *fault)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise refused(shown, f"{where}: {first['msg']}"[:_LONGEST_FAULT]) from None
    if (contradiction := _contradiction(manifest)) is not None:
        raise refused(shown, contradiction)
    return manifest


def refused(shown: str, fault: str, remedy: str | None = None) -> FindingsReportError:
    """Return the error of a manifest that cannot be used."""
    return FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="manifest"))


def _unknown(head: Any) -> tuple[str, str | None] | None:
    """Return why a JSON value is no manifest that this version reads, and the remedy; None if it may be one."""
    if not isinstance(head, dict) or head.get("_type") != STATEMENT:
        return _OTHER
    kind = head.get("predicateType")
    if kind == PREDICATE:
        return None
    if isinstance(kind, str) and kind.startswith(f"{PROJECT}#manifest/"):
        return "it was made by a newer findings-report", "install a newer findings-report"
    return "it is an in-toto statement of another program", None


def _contradiction(manifest: Manifest) -> str | None:
    """Return what a manifest of `build` never has; None if there is nothing."""
    names = [output.name for output in manifest.subject]
    for name in names:
        # The files are looked for by these names: none may lead out of the manifest's folder.
        if name in ("", ".", "..") or any(sign in name for sign in "/\\\0"):
            return f"an output is called {name!r}, which is not the name of a file beside the manifest"
    if len(set(names)) != len(names):
        return "it has two outputs of one name"
    if sorted(file.name for file in manifest.parameters.outputs) != sorted(names):
        return "its outputs are not those of its parameters"
    # Each of them is built again, so their number must be that of a build.
    # A page counts as a kind: it is built with the others of its report.
    if len({(file.format, file.finding, file.page) for file in manifest.parameters.outputs}) != len(names):
        return "it has two outputs of one kind"
    if len({file.finding is None for file in manifest.parameters.outputs}) != 1:
        return "it has outputs of whole reports and of single findings"
    if any(output.digest.sha256 is None for output in manifest.subject):
        return "an output has no sha256"
    keys = [dependency.key for dependency in manifest.dependencies]
    if len(set(keys)) != len(keys):
        return "it names a file twice"
    return None


def list_inputs(
    folder: Path, files: Files, names: Iterable[str], identified: Identified, mask: Callable[[str], str]
) -> list[Dependency]:
    """Return the files `names` of the engagement's folder, as they were read, and the commit that they are of.

    `mask` hides in a name what the report must not print.
    """
    listed: list[Dependency] = []
    for name in names:
        content = files.read(name)
        if content is not None:
            digest = Digest(sha256=sha256(content), git_blob=identified.blobs.get(folder / name))
            listed.append(Dependency(name=mask(_printable(name)), digest=digest, annotations=Circumstances(kind="input")))
    if (commit := identified.commit) is not None:
        circumstances = Circumstances(kind="findings", is_changed=commit.is_changed)
        listed.append(Dependency(name="findings", digest=Digest(git_commit=commit.hash), annotations=circumstances))
    return listed


def list_repositories(documents: Iterable[Report]) -> list[Dependency]:
    """Return the audited repositories of the documents."""
    repositories = dict.fromkeys(repository for document in documents for repository in document.engagement.repositories)
    return [
        Dependency(
            name=repository.name,
            digest=Digest(git_commit=repository.commit) if repository.commit is not None else None,
            annotations=Circumstances(
                kind="repository", url=repository.url, revision=repository.revision, is_read=repository.is_read
            ),
        )
        for repository in repositories
    ]


def list_own_data() -> list[Dependency]:
    """Return the program's own data: the list of weaknesses, fonts and their coverage, ...

    Its code, these files included, has one digest among the versions; listed, a file that differs has a name.
    """
    import findings_report

    root = Path(findings_report.__file__).parent
    data = (path for path in root.rglob("*") if path.suffix in _DATA and path.is_file())
    named = ((path.relative_to(root), path) for path in data)
    return [
        Dependency(
            name=name.as_posix(), digest=Digest(sha256=sha256(path.read_bytes())), annotations=Circumstances(kind="data")
        )
        for name, path in named
        if not set(name.parts) & _NOT_DATA
    ]


def _printable(name: str) -> str:
    """Return a path as git's trees have it: bytes that are not UTF-8 as `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def names_beside(outputs: Iterable[Path]) -> tuple[str, str]:
    """Return the names of the manifest and of the file of checksums of these outputs, which are in one folder.

    Files that have one name before their suffix give theirs: two reports in one folder do not share a manifest.
    """
    stems = {path.stem for path in outputs}
    prefix = "" if len(stems) != 1 or _STEM in stems else f"{stems.pop()}."
    return f"{prefix}{MANIFEST}", f"{prefix}{CHECKSUMS}"


def checksums_beside(name: str) -> str:
    """Return the name of the file of checksums of the manifest `name`."""
    prefix = name.removesuffix(MANIFEST) if name.endswith(f".{MANIFEST}") else ""
    return f"{prefix}{CHECKSUMS}"


def envelope_beside(name: str) -> str:
    """Return the name of the signed envelopes of the manifest `name`, with the suffix that in-toto gives to such files."""
    return f"{name.removesuffix('.json')}{ENVELOPES}"


def checksums(digests: Mapping[str, str]) -> bytes:
    """Return the file for `sha256sum -c` of files, given by name with their SHA-256.

    Source: GNU coreutils, sha256sum: a line begins with a backslash if its name has signs that are escaped.
    """
    lines = []
    for name, digest in sorted(digests.items()):
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        mark = "\\" if escaped != name else ""
        lines.append(f"{mark}{digest}  {escaped}\n")
    return "".join(lines).encode("utf-8", "surrogateescape")


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
