"""`build --manifest`: an in-toto statement that names every file of a build and everything that it was made from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from repositories import git

from findings_report import commands
from findings_report.commands import BuildOptions, PublishedBuild
from findings_report.commands.verify import verify
from findings_report.pdf.signing import TrustAnchors
from findings_report.problems import FindingsReportError, Kind
from findings_report.rendering.template_files import builtin_templates
from findings_report.report import manifest
from findings_report.report.check import Inputs

PROGRAM = str(Path(sys.executable).parent / "findings-report")
OPTIONS = BuildOptions(
    ("md", "json"), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False, manifest=True
)


def built(folder: Path, **options: object) -> PublishedBuild:
    return commands.build(Inputs(folder, {}), BuildOptions(**{**vars(OPTIONS), **options}), lambda _: None)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("ascii"))
    return content


def dependencies(content: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    listed = content["predicate"]["buildDefinition"]["resolvedDependencies"]
    listed += content["predicate"]["runDetails"]["builder"]["builderDependencies"]
    return {each["name"]: each for each in listed if each["annotations"]["kind"] == kind}


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The sample engagement, committed, with a section from a file and a template file of its own."""
    folder = commands.demo(tmp_path / "demo")
    (folder / "findings" / "intro.md").write_text("How we worked.\n")
    engagement = folder / "findings" / "engagement.yaml"
    engagement.write_text(engagement.read_text().replace("sections:\n", "sections:\n  - {title: Terms, file: intro.md}\n"))
    (folder / "templates" / "standard").mkdir(parents=True)
    (folder / "templates" / "standard" / "own.md.j2").write_text("")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "findings", "templates")
    git(folder, "commit", "--quiet", "--message=Findings")
    return folder


def test_other_programs_read_the_manifest_and_the_checksums(demo: Path) -> None:
    files = [file.path for file in built(demo).files]

    assert [path.name for path in files if path] == ["report.md", "report.json", "manifest.json", "SHA256SUMS"]
    read_by_protobuf = json_format.Parse((demo / "build" / "manifest.json").read_text(), statement_pb2.Statement())
    Statement.copy_from_pb(read_by_protobuf).validate()
    assert {subject.name: subject.digest["sha256"] for subject in read_by_protobuf.subject} == {
        name: sha256(demo / "build" / name) for name in ("report.json", "report.md")
    }
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=demo / "build", check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["manifest.json: OK", "report.json: OK", "report.md: OK"]


def test_every_input_template_commit_and_cited_file_is_named_with_its_digests(demo: Path) -> None:
    built(demo)

    content = read(demo / "build" / "manifest.json")
    inputs = dependencies(content, "input")
    names = [path.name for path in (demo / "findings").iterdir() if path.is_file()]
    assert sorted(inputs) == sorted(names)
    for name, each in inputs.items():
        path = demo / "findings" / name
        assert each["digest"] == {"sha256": sha256(path), "gitBlob": git(demo, "hash-object", str(path)).strip()}
    templates = dependencies(content, "template")
    program = {path.name: sha256(path) for path in (builtin_templates() / "standard").iterdir() if path.is_file()}
    assert {name: each["digest"]["sha256"] for name, each in templates.items()} == {
        **{f"standard/{name}": digest for name, digest in program.items()},
        "standard/own.md.j2": sha256(demo / "templates" / "standard" / "own.md.j2"),
    }
    assert [name for name, each in templates.items() if each["annotations"]["origin"] == "engagement"] == ["standard/own.md.j2"]
    commit = git(demo / "app", "rev-parse", "1.0^{commit}").strip()
    assert dependencies(content, "repository")["quicknotes"]["digest"] == {"gitCommit": commit}
    findings = dependencies(content, "findings")["findings"]
    assert findings["digest"] == {"gitCommit": git(demo, "rev-parse", "HEAD").strip()}
    assert findings["annotations"]["isChanged"] is False
    blobs = dependencies(content, "blob")
    assert blobs
    for each in blobs.values():
        place = f"{commit}:{each['annotations']['path']}"
        assert each["digest"]["gitBlob"] == git(demo / "app", "rev-parse", place).strip()
        assert each["digest"]["sha256"] == hashlib.sha256(git(demo / "app", "show", place).encode()).hexdigest()
    assert "authoring/cwe.json" in dependencies(content, "data")


def test_a_file_that_is_not_committed_has_no_git_id(demo: Path) -> None:
    path = demo / "findings" / "intro.md"
    path.write_text("How we really worked.\n")

    built(demo)

    content = read(demo / "build" / "manifest.json")
    assert dependencies(content, "input")["intro.md"]["digest"] == {"sha256": sha256(path)}
    assert dependencies(content, "findings")["findings"]["annotations"]["isChanged"] is True


def test_two_builds_in_different_surroundings_write_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "deeper"
    elsewhere.mkdir(parents=True)
    subprocess.run(["cp", "-r", str(demo), str(elsewhere / "copy")], check=True)
    surroundings = [
        (demo, {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1", "USER": "somebody"}),
        (elsewhere / "copy", {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "HOME": "/nonexistent"}),
    ]
    for folder, environment in surroundings:
        command = [PROGRAM, "build", str(folder), "-f", "md", "-f", "html", "-f", "csv", "--manifest"]
        subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, cwd=folder, check=True, capture_output=True)

    first, second = (folder / "build" for folder, _ in surroundings)
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()
    assert (first / "SHA256SUMS").read_bytes() == (second / "SHA256SUMS").read_bytes()
    text = (first / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert "somebody" not in text


def test_the_date_is_recorded_only_where_it_is_printed(demo: Path) -> None:
    import datetime

    day = datetime.date(2020, 9, 13)
    built(demo, default_date=day)
    with_date = read(demo / "build" / "manifest.json")
    engagement = demo / "findings" / "engagement.yaml"
    engagement.write_text(engagement.read_text().replace("date: 2026-03-20\n", ""))
    built(demo, default_date=day)

    assert "defaultDate" not in with_date["predicate"]["buildDefinition"]["externalParameters"]
    without = read(demo / "build" / "manifest.json")["predicate"]["buildDefinition"]["externalParameters"]
    assert without["defaultDate"] == "2020-09-13"


def test_a_finding_sent_alone_does_not_name_the_others(demo: Path) -> None:
    built(demo, formats=("md",), each=True, only=("DEMO-002",))

    path = demo / "build" / "findings" / "DEMO-002.manifest.json"
    assert sorted(dependencies(read(path), "input")) == ["DEMO-002.finding.yaml", "engagement.yaml", "intro.md"]
    assert "DEMO-001" not in path.read_text()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"output": "out/report.md", "formats": ()}, ["SHA256SUMS", "manifest.json", "report.md"]),
        ({"output": "out/acme.md", "formats": ()}, ["acme.SHA256SUMS", "acme.manifest.json", "acme.md"]),
        ({"output": "out/", "formats": ("json",)}, ["SHA256SUMS", "manifest.json", "report.json"]),
    ],
)
def test_the_manifest_is_beside_the_files_and_has_their_name(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], names: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    built(demo, **options)

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_findings_of_their_own_share_one_manifest(demo: Path) -> None:
    built(demo, formats=("md",), each=True)

    folder = demo / "build" / "findings"
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    assert len(read(folder / "manifest.json")["subject"]) == 4


def test_what_is_withheld_from_an_audience_is_neither_named_nor_described(demo: Path) -> None:
    (demo / "findings" / "internal").mkdir()
    withheld = [demo / "findings" / "internal" / "DEMO-004.finding.yaml", demo / "findings" / "inside.md"]
    (demo / "findings" / "DEMO-004.finding.yaml").rename(withheld[0])
    withheld[0].write_text("audience: [internal]\n" + withheld[0].read_text())
    withheld[1].write_text("For us.\n")
    engagement = demo / "findings" / "engagement.yaml"
    section = "  - {title: Inside, file: inside.md, audience: [internal]}\n"
    engagement.write_text(
        engagement.read_text().replace("sections:\n", f"sections:\n{section}") + "audiences: [client, internal]\n"
    )

    built(demo)
    complete = (demo / "build" / "manifest.json").read_text()
    inputs = Inputs(demo, {}, audience="client")
    commands.build(inputs, BuildOptions(**{**vars(OPTIONS), "output": f"{demo}/client/"}), lambda _: None)

    path = next((demo / "client").glob("*manifest.json"))
    text = path.read_text()
    assert read(path)["predicate"]["buildDefinition"]["externalParameters"]["audience"] == "client"
    for marker in ("DEMO-004", "inside.md", "internal", *map(sha256, withheld)):
        assert marker in complete
        assert marker not in text
    verified = verify(path, TrustAnchors(b"", b""), Inputs(demo, {}), lambda _: None, is_folder_given=True)
    assert verified.problems == ()


def test_masked_names_are_masked_in_the_manifest_and_cited_files_are_found_all_the_same(demo: Path) -> None:
    """Also where the names of two repositories, or of two files, are masked alike."""
    engagement = demo / "findings" / "engagement.yaml"
    text = engagement.read_text().replace("file: intro.md", "file: intro-sesame.md")
    text = text.replace("repositories:\n", "repositories:\n  sesame: {path: ../app, revision: '1.1'}\n")
    text = text.replace("  quicknotes:\n", "  sesames:\n")
    text = text.replace("  - quicknotes/", "  - sesames:quicknotes/") + "redact: [{match: sesame}, {match: sesames}]\n"
    engagement.write_text(text)
    (demo / "findings" / "intro.md").rename(demo / "findings" / "intro-sesame.md")
    for path in (demo / "findings").glob("*.finding.yaml"):
        path.write_text(re.sub(r"^( +)(- )?path:", r"\1\2repository: sesames\n    path:", path.read_text(), flags=re.MULTILINE))

    built(demo)

    content = (demo / "build" / "manifest.json").read_text()
    assert "sesame" not in content
    listed = read(demo / "build" / "manifest.json")
    mark = "\u2588redacted\u2588"
    assert f"intro-{mark}.md" in dependencies(listed, "input")
    assert sorted(dependencies(listed, "repository")) == [mark, f"{mark} (2)"]
    assert dependencies(listed, "blob")
    manifest.from_json(content.encode(), shown="manifest.json")


def test_standard_output_has_no_manifest(demo: Path) -> None:
    with pytest.raises(FindingsReportError, match="standard output has no folder") as caught:
        built(demo, formats=("md",), output="-")

    assert caught.value.problems[0].kind is Kind.USAGE


def test_names_that_sha256sum_escapes_are_escaped(tmp_path: Path) -> None:
    files = {"a\\b.md": b"1", "c\nd.md": b"2", "e f.md": b"3", "g\rh.md": b"4"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "SUMS").write_bytes(manifest.checksums({name: manifest.sha256(content) for name, content in files.items()}))

    subprocess.run(["sha256sum", "--strict", "-c", "SUMS"], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.slow
def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text()
    example = text.partition("## Example")[2].partition("```sh\n")[2].partition("```")[0]
    lines = example.replace("\\\n", " ").strip().splitlines()
    assert len(lines) == 9
    environment = {"PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    # The first line changes the folder of those that follow.
    for number, line in enumerate(lines):
        folder = tmp_path if number == 0 else tmp_path / "quicknotes"
        done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, check=False, capture_output=True, text=True)
        _, _, promised = line.partition("# exit code ")
        code, _, printed = promised.partition(": ")
        assert done.returncode == int(code or 0), (line, done.stdout, done.stderr)
        assert printed in done.stdout + done.stderr, line
