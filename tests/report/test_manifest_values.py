"""The manifest of a build as a value: what is written comes back, and what `build` never writes is refused with the reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import samples

from findings_report.authoring import Folder
from findings_report.model.report import FindingsCommit
from findings_report.problems import FindingsReportError, Kind
from findings_report.report import manifest
from findings_report.report.provenance import Identified

STATEMENT = Path(__file__).parents[1] / "fuzz/manifest/statement"


def statement() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(STATEMENT.read_text())
    return content


def fault_of(content: bytes) -> tuple[str, str | None]:
    with pytest.raises(FindingsReportError) as caught:
        manifest.from_json(content, shown="m.json")
    (problem,) = caught.value.problems
    assert (problem.kind, problem.code, problem.place and problem.place.file) == (Kind.INPUT, "manifest", "m.json")
    return problem.fault, problem.remedy


def test_a_manifest_that_is_read_is_written_as_it_was() -> None:
    read = manifest.from_json(STATEMENT.read_bytes(), shown="m.json")

    written = manifest.to_json(read)
    assert manifest.from_json(b"\n " + written, shown="m.json") == read
    assert json.loads(written) == statement()
    assert written.endswith(b"}\n")
    assert written.startswith(b'{\n  "_type": "')
    assert list(json.loads(written)) == sorted(statement())
    assert read.versions == statement()["predicate"]["runDetails"]["builder"]["version"]
    assert {dependency.annotations.kind for dependency in read.dependencies} == {"blob", "data"}


def outputs(content: dict[str, Any], *names: str, formats: tuple[str, ...] = (), findings: tuple[str | None, ...] = ()) -> None:
    content["subject"] = [{"name": name, "digest": {"sha256": "0" * 64}} for name in names]
    content["predicate"]["buildDefinition"]["externalParameters"]["outputs"] = [
        {
            "name": name,
            "format": formats[at] if formats else "json",
            **({"finding": findings[at]} if findings and findings[at] else {}),
        }
        for at, name in enumerate(names)
    ]


def rename(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: outputs(content, name)


def forget_output(content: dict[str, Any]) -> None:
    content["subject"][0]["name"] = "other.json"


def forget_digest(content: dict[str, Any]) -> None:
    content["subject"][0]["digest"] = {"gitBlob": "0" * 40}


def name_twice(content: dict[str, Any]) -> None:
    dependencies = content["predicate"]["buildDefinition"]["resolvedDependencies"]
    dependencies.append(dependencies[0])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (rename(""), "an output is called '', which is not the name of a file beside the manifest"),
        (rename("."), "an output is called '.', "),
        (rename(".."), "an output is called '..', "),
        (rename("a/b"), "an output is called 'a/b', "),
        (rename("a\\b"), "an output is called 'a\\\\b', "),
        (rename("a\0b"), "an output is called 'a\\x00b', "),
        (lambda content: outputs(content, "a", "a", formats=("json", "md")), "it has two outputs of one name"),
        (forget_output, "its outputs are not those of its parameters"),
        (lambda content: outputs(content, "a", "b"), "it has two outputs of one kind"),
        (
            lambda content: outputs(content, "a", "b", findings=("F-1", None)),
            "it has outputs of whole reports and of single findings",
        ),
        (forget_digest, "an output has no sha256"),
        (name_twice, "it names a file twice"),
    ],
)
def test_what_a_build_never_writes_is_refused(change: Callable[[dict[str, Any]], None], fault: str) -> None:
    content = statement()
    change(content)

    assert fault_of(json.dumps(content).encode())[0].startswith(fault)


def test_the_pages_of_a_long_report_are_outputs_of_one_kind_and_a_date_is_a_date() -> None:
    content = statement()
    outputs(content, "a", "b", "c", formats=("html", "html", "html"))
    parameters = content["predicate"]["buildDefinition"]["externalParameters"]
    for page, output in enumerate(parameters["outputs"]):
        output.update({"page": page} if page else {})
    parameters["defaultDate"] = "2026-01-31"

    read = manifest.from_json(json.dumps(content).encode(), shown="m.json")

    assert [output.page for output in read.parameters.outputs] == [None, 1, 2]
    assert json.loads(manifest.to_json(read)) == content


def test_inputs_and_repositories_are_listed_with_their_digests_and_no_masked_name(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_bytes(b"a")
    (tmp_path / "changed.md").write_bytes(b"b")
    identified = Identified(FindingsCommit(hash="1" * 40, is_changed=True), blobs={tmp_path / "secret.yaml": "2" * 40})

    def mask(name: str) -> str:
        return name.replace("secret", "X")

    names = ["secret.yaml", "absent.md", "changed.md"]
    listed = manifest.list_inputs(tmp_path, Folder(tmp_path), names, identified, mask)

    assert [(each.name, each.digest, each.annotations) for each in listed] == [
        ("X.yaml", manifest.Digest(sha256=manifest.sha256(b"a"), git_blob="2" * 40), manifest.Circumstances(kind="input")),
        ("changed.md", manifest.Digest(sha256=manifest.sha256(b"b")), manifest.Circumstances(kind="input")),
        ("findings", manifest.Digest(git_commit="1" * 40), manifest.Circumstances(kind="findings", is_changed=True)),
    ]
    assert len(manifest.list_inputs(tmp_path, Folder(tmp_path), names, Identified(None), mask)) == 2
    report = samples.report()
    (known,) = report.engagement.repositories
    unknown = known.model_copy(update={"name": "other", "commit": None, "is_read": False})
    engagement = report.engagement.model_copy(update={"repositories": (known, unknown)})
    both = report.model_copy(update={"engagement": engagement})
    address = {"url": known.url, "revision": known.revision}
    assert manifest.list_repositories([report, both]) == [
        manifest.Dependency(
            name=known.name,
            digest=manifest.Digest(git_commit=known.commit),
            annotations=manifest.Circumstances(kind="repository", is_read=True, **address),
        ),
        manifest.Dependency(name="other", annotations=manifest.Circumstances(kind="repository", is_read=False, **address)),
    ]


@pytest.mark.parametrize("names", [("...",), ("a", "b")])
def test_other_outputs_are_read(names: tuple[str, ...]) -> None:
    content = statement()
    outputs(content, *names, formats=("json", "md"))

    assert [output.name for output in manifest.from_json(json.dumps(content).encode(), shown="m.json").subject] == list(names)


OTHER = ("it is neither a PDF nor the manifest of a build", "name a file that `build` or `build --manifest` wrote")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", OTHER),
        (b"[]", OTHER),
        (b"{}", OTHER),
        (b'{"_type": "https://in-toto.io/Statement/v0"}', OTHER),
        (b'{"_type": "https://in-toto.io/Statement/v1"}', ("it is an in-toto statement of another program", None)),
        (
            b'{"_type": "https://in-toto.io/Statement/v1", "predicateType": 1}',
            ("it is an in-toto statement of another program", None),
        ),
        (
            json.dumps({"_type": manifest.STATEMENT, "predicateType": f"{manifest.PROJECT}#manifest/2"}).encode(),
            ("it was made by a newer findings-report", "install a newer findings-report"),
        ),
        (
            json.dumps({"_type": manifest.STATEMENT, "predicateType": f"{manifest.PROJECT}#other/1"}).encode(),
            ("it is an in-toto statement of another program", None),
        ),
    ],
)
def test_what_is_no_manifest_is_told_apart(content: bytes, fault: tuple[str, str | None]) -> None:
    assert fault_of(content) == fault


def test_a_field_that_is_wrong_is_named_in_a_message_of_bounded_length() -> None:
    content = statement()
    content["subject"][0]["digest"]["sha256"] = "0" * 63
    assert fault_of(json.dumps(content).encode())[0].startswith("subject.0.digest.sha256: ")

    content = statement() | {"x" * 1000: 1}
    assert len(fault_of(json.dumps(content).encode())[0]) == 300
    assert fault_of(b'{"_type":')[0]


def test_a_manifest_has_a_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    assert manifest.LARGEST == 16_777_216
    content = STATEMENT.read_bytes()
    monkeypatch.setattr(manifest, "LARGEST", len(content))
    assert manifest.from_json(content, shown="m.json")

    monkeypatch.setattr(manifest, "LARGEST", len(content) - 1)
    assert fault_of(content)[0] == f"it has more than the {len(content) - 1:,} bytes that are read"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("report.pdf", "report.html"), ("manifest.json", "SHA256SUMS")),
        (("acme.pdf", "acme.html"), ("acme.manifest.json", "acme.SHA256SUMS")),
        (("a.pdf", "b.pdf"), ("manifest.json", "SHA256SUMS")),
        ((), ("manifest.json", "SHA256SUMS")),
    ],
)
def test_the_manifest_has_the_name_of_the_files_beside_it(names: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert manifest.names_beside(map(Path, names)) == expected
    assert manifest.checksums_beside(expected[0]) == expected[1]
    assert manifest.checksums_beside("xmanifest.json") == "SHA256SUMS"
    assert manifest.envelope_beside(expected[0]) == expected[0].removesuffix("json") + "intoto.jsonl"


def test_checksums_of_any_name_are_those_of_sha256sum(tmp_path: Path) -> None:
    names = ["b", "a b", "back\\slash", "line\nfeed", "return\rs", b"\xff".decode(errors="surrogateescape"), "é"]
    for name in names:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    digests = {name: manifest.sha256((tmp_path / name).read_bytes()) for name in names}

    written = manifest.checksums(digests)

    done = subprocess.run(["sha256sum", *sorted(names)], cwd=tmp_path, capture_output=True, check=True)
    assert written == done.stdout
    assert manifest._printable(names[5]) == "\\xff"


def test_dependencies_are_in_one_order_and_those_of_one_name_are_numbered() -> None:
    def dependency(name: str, kind: manifest.DependencyKind, digest: str) -> manifest.Dependency:
        return manifest.Dependency(
            name=name, digest=manifest.Digest(sha256=digest * 64), annotations=manifest.Circumstances(kind=kind)
        )

    entries = [
        dependency("x", "input", "b"),
        dependency("x", "input", "a"),
        dependency("x", "data", "c"),
        dependency("a", "input", "d"),
        dependency("y", "blob", "e"),
    ]
    parameters = manifest.from_json(STATEMENT.read_bytes(), shown="m.json").parameters

    described = [
        manifest.describe_build({"b": b"2", "a": b"1"}, parameters, order, {"python": "3"})
        for order in (entries, entries[::-1])
    ]

    assert described[0] == described[1]
    assert [output.name for output in described[0].subject] == ["a", "b"]
    assert described[0].subject[0].digest.sha256 == manifest.sha256(b"1")
    resolved = described[0].predicate.build_definition.resolved_dependencies
    assert [(each.name, each.digest and each.digest.sha256 and each.digest.sha256[0]) for each in resolved] == [
        ("y", "e"),
        ("a", "d"),
        ("x", "a"),
        ("x (2)", "b"),
    ]
    assert [each.name for each in described[0].predicate.run_details.builder.builder_dependencies] == ["x"]


def test_the_programs_own_data_are_its_lists_and_fonts() -> None:
    names = {dependency.name for dependency in manifest.list_own_data()}

    assert {"problems/characters.txt", "fonts/Inter-Regular.otf", "fonts/DejaVuSans.ttf"} <= names
    assert {Path(name).suffix for name in names} == {".conf", ".json", ".otf", ".ttf", ".txt"}
    root = Path(manifest.__file__).parents[1]
    for dependency in manifest.list_own_data():
        assert dependency.digest == manifest.Digest(sha256=manifest.sha256((root / dependency.name).read_bytes()))
    assert not any(name.startswith(("templates/", "demo/")) for name in names)
    assert all(dependency.annotations.kind == "data" for dependency in manifest.list_own_data())
