"""`verify MANIFEST`: everything that a manifest names is computed again, and each difference is named."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from repositories import git

from findings_report import commands
from findings_report.cli.app import main
from findings_report.commands import BuildOptions
from findings_report.commands.verify import ManifestResult, VerifiedOutput, verify
from findings_report.pdf.signing import TrustAnchors
from findings_report.problems import FindingsReportError, Kind, exit_code
from findings_report.report import manifest
from findings_report.report.check import Inputs

OPTIONS = BuildOptions(
    ("md", "json"), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False, manifest=True
)
NOBODY = TrustAnchors(b"", b"")


def built(folder: Path, **options: object) -> None:
    commands.build(Inputs(folder, {}), BuildOptions(**{**vars(OPTIONS), **options}), lambda _: None)


def verified(folder: Path, path: Path | None = None, **clones: Path) -> ManifestResult:
    inputs = Inputs(folder, clones)
    result = verify(path or folder / "build" / "manifest.json", NOBODY, inputs, lambda _: None, is_folder_given=True)
    assert isinstance(result, ManifestResult)
    return result


def faults(result: ManifestResult) -> list[str]:
    return [
        f"{Path(problem.place.file).name}: {problem.fault}" if problem.place else problem.fault
        for problem in result.problems
        if problem.level == "error"
    ]


def rewrite(path: Path, change: Callable[[Any], object]) -> None:
    """Change a manifest and write it as the program does, as somebody would who forges one."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample engagement, committed, with a template file of its own, built."""
    folder = commands.demo(tmp_path_factory.mktemp("original") / "demo")
    (folder / "templates" / "standard").mkdir(parents=True)
    (folder / "templates" / "standard" / "own.md.j2").write_text("Own words.\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "findings", "templates")
    git(folder, "commit", "--quiet", "--message=Findings")
    built(folder)
    return folder


@pytest.fixture
def demo(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "demo", symlinks=True))


def test_what_is_as_it_was_built_is_equal(demo: Path) -> None:
    result = verified(demo)

    assert result.problems == ()
    assert result.outputs == (VerifiedOutput("report.json", True, True), VerifiedOutput("report.md", True, True))
    assert {kind: count for kind, count in result.equal.items() if kind in ("input", "findings", "repository", "blob")} == {
        "input": 5,
        "findings": 1,
        "repository": 1,
        "blob": 4,
    }


def test_every_edit_of_one_byte_is_found(demo: Path) -> None:
    """Of every file that the manifest names and of the manifest itself: a sample of places and of bytes."""
    chance = random.Random(20260320)  # noqa: S311  # the sample is the same each time
    files = [path for folder in ("build", "findings", "templates") for path in (demo / folder).rglob("*") if path.is_file()]
    assert len(files) == 4 + 5 + 1
    for _ in range(examples(12)):
        path = chance.choice(files)
        content = path.read_bytes()
        index = chance.randrange(len(content))
        edited = content[:index] + bytes([content[index] ^ chance.randrange(1, 256)]) + content[index + 1 :]
        path.write_bytes(edited)
        try:
            problems = verified(demo).problems
        except FindingsReportError as error:  # a manifest that cannot be read
            assert path.name == "manifest.json"
            problems = error.problems
        # Of an engagement that names another repository or revision, more is wrong.
        assert exit_code(problems) in (Kind.GATE, Kind.INPUT if path.name == "manifest.json" else Kind.SOURCE), (path, index)
        if path.parent.name != "standard" and path.name != "manifest.json":
            assert any(problem.place and Path(problem.place.file).name == path.name for problem in problems), (path, index)
        path.write_bytes(content)
    assert verified(demo).problems == ()


def test_an_output_that_was_changed_is_named_with_the_first_byte(demo: Path) -> None:
    report = demo / "build" / "report.md"
    content = report.read_bytes()
    report.write_bytes(content[:999] + b"!" + content[999:])
    (demo / "build" / "report.json").unlink()

    result = verified(demo)

    size = len(content)
    assert faults(result) == [
        "report.json: is missing",
        f"report.md: differs from the manifest, from byte 1,000 on ({size + 1:,} bytes instead of {size:,})",
    ]
    assert [output.is_rebuilt for output in result.outputs] == [True, True]


def test_an_input_that_was_changed_since_is_named_with_the_commit_that_has_it(demo: Path) -> None:
    finding = demo / "findings" / "DEMO-001.finding.yaml"
    built_at = git(demo, "rev-parse", "HEAD").strip()
    content = finding.read_text()
    finding.write_text(content + "# later\n")
    git(demo, "commit", "--quiet", "--all", "--message=Later")
    finding.write_text(content + "# and later\n")

    result = verified(demo)

    size = len(content.encode())
    first = next(problem for problem in result.problems if problem.place and "DEMO-001" in problem.place.file)
    assert first.fault == f"differs from the manifest, from byte {size + 1:,} on ({size + 12:,} bytes instead of {size:,})"
    assert first.remedy == f"commit {built_at[:12]} has it as it was"
    commit = next(problem for problem in result.problems if "commit of the findings" in problem.fault)
    assert built_at in commit.fault
    git(demo, "worktree", "add", "--quiet", str(demo.parent / "as-built"), built_at)
    (demo.parent / "as-built" / "app").symlink_to(demo / "app")
    assert verified(demo.parent / "as-built", demo / "build" / "manifest.json").problems == ()


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a new finding": (
        lambda demo: shutil.copy(demo / "findings" / "DEMO-001.finding.yaml", demo / "findings" / "DEMO-009.finding.yaml"),
        "DEMO-009.finding.yaml: is read now, and is not in the manifest",
    ),
    "a finding that is gone": (
        lambda demo: (demo / "findings" / "DEMO-004.finding.yaml").unlink(),
        "DEMO-004.finding.yaml: is in the manifest, and is not read now",
    ),
    "a finding that is not valid any more": (
        lambda demo: (demo / "findings" / "DEMO-004.finding.yaml").write_text("title: x\n"),
        "the outputs cannot be built again",
    ),
    "a finding that is not valid any more, by its own name": (
        lambda demo: (demo / "findings" / "DEMO-004.finding.yaml").write_text("title: x\n"),
        "DEMO-004.finding.yaml: differs from the manifest, from byte ",
    ),
    "a template file that was changed": (
        lambda demo: (demo / "templates" / "standard" / "own.md.j2").write_text("Other words.\n"),
        "the template file standard/own.md.j2 differs from the manifest",
    ),
    "a template file that was added": (
        lambda demo: (demo / "templates" / "standard" / "more.md.j2").write_text(""),
        "the template file standard/more.md.j2 is used now, and is not in the manifest",
    ),
    "another pin": (
        lambda demo: subprocess.run(
            ["sed", "-i", 's/revision: "1.0"/revision: "1.1"/; /commit:/d', demo / "findings" / "engagement.yaml"], check=True
        ),
        "repository quicknotes is at ",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_whatever_changed_is_named(case: str, demo: Path) -> None:
    change, wanted = CHANGES[case]
    change(demo)

    result = verified(demo)

    assert any(fault.startswith(wanted) for fault in faults(result)), faults(result)
    assert exit_code(result.problems) == Kind.GATE


def test_versions_that_differ_are_named(demo: Path) -> None:
    path = demo / "build" / "manifest.json"
    rewrite(path, lambda content: content["predicate"]["runDetails"]["builder"]["version"].update(Pango="1.2.3"))

    first = faults(verified(demo))[0]

    assert first.startswith("built with other versions, so the bytes may differ: Pango 1.2.3 (here: ")


def test_a_manifest_in_another_form_is_named(demo: Path) -> None:
    path = demo / "build" / "manifest.json"
    path.write_text(path.read_text().replace("\n", "\r\n"))

    assert "manifest.json: is not written as the program writes it: it was edited" in faults(verified(demo))


def test_a_cited_file_that_is_damaged_is_named(demo: Path) -> None:
    content = json.loads((demo / "build" / "manifest.json").read_text())
    listed = content["predicate"]["buildDefinition"]["resolvedDependencies"]
    blob = next(each for each in listed if each["annotations"]["kind"] == "blob")
    for pack in (demo / "app" / ".git" / "objects" / "pack").glob("*.pack"):
        moved = pack.rename(demo / "moved.pack")
        pack.with_suffix(".idx").unlink()
        git(demo / "app", "unpack-objects", "-q", given=moved.read_bytes())
    id = blob["digest"]["gitBlob"]
    loose = demo / "app" / ".git" / "objects" / id[:2] / id[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"\0" * 40)

    result = verified(demo)

    assert any(fault.startswith(f"the cited file {blob['name']} is in the manifest") for fault in faults(result))


def test_a_missing_clone_is_code_4(demo: Path) -> None:
    (demo / "app").rename(demo / "elsewhere")

    result = verified(demo)

    assert any(fault.startswith("repository 'quicknotes' is not available") for fault in faults(result))
    assert exit_code(result.problems) == Kind.SOURCE
    assert verified(demo, quicknotes=demo / "elsewhere").problems == ()


def test_without_the_findings_the_outputs_are_compared_all_the_same(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "received").mkdir()
    for path in (demo / "build").iterdir():
        shutil.copy(path, tmp_path / "received")
    monkeypatch.chdir(tmp_path / "received")
    monkeypatch.setattr("sys.argv", ["findings-report", "verify", "manifest.json"])

    with pytest.raises(SystemExit) as ended:
        main()

    printed = capsys.readouterr()
    assert ended.value.code == Kind.SOURCE
    assert printed.out.splitlines() == [
        "not signed",
        "report.json: as in the manifest",
        "report.md: as in the manifest",
    ]
    assert "name their folder with -C" in printed.err


def parameters(content: Any) -> Any:
    return content["predicate"]["buildDefinition"]["externalParameters"]


FORGERIES: dict[str, tuple[Callable[[Any], object], str]] = {
    "a path that leads out": (
        lambda content: (
            content["subject"][0].update(name="../findings/engagement.yaml"),
            content["predicate"]["buildDefinition"]["externalParameters"]["outputs"][0].update(
                name="../findings/engagement.yaml"
            ),
        ),
        "which is not the name of a file beside the manifest",
    ),
    "an absolute path": (lambda content: content["subject"][0].update(name="/etc/passwd"), "is not the name of a file"),
    "outputs that are not its subject": (lambda content: content["subject"][0].update(name="x"), "not those of its parameters"),
    "no subject": (lambda content: content.update(subject=[]), "subject: "),
    "another statement": (lambda content: content.update(predicateType="https://slsa.dev/provenance/v1"), "another program"),
    "a newer manifest": (lambda content: content.update(predicateType=f"{manifest.PROJECT}#manifest/2"), "newer"),
    "an unknown field": (lambda content: content.update(more=1), "more: "),
    "a digest that is none": (lambda content: content["subject"][0]["digest"].update(sha256="A" * 64), "subject.0.digest"),
    "a name twice": (lambda content: content["subject"].append(content["subject"][0]), "two outputs of one name"),
    "a day that there is not": (lambda content: parameters(content).update(defaultDate="2026-02-30"), "defaultDate"),
    "an output twice": (
        lambda content: (
            content["subject"].append({"name": "x.md", "digest": content["subject"][0]["digest"]}),
            parameters(content)["outputs"].append({"name": "x.md", "format": "md"}),
        ),
        "two outputs of one kind",
    ),
    "a report and a finding": (
        lambda content: parameters(content)["outputs"][0].update(finding="DEMO-001"),
        "whole reports and of single findings",
    ),
    "something else": (lambda content: content.clear(), "neither a PDF nor the manifest of a build"),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forged_manifest_is_an_error_with_a_reason(case: str, demo: Path) -> None:
    change, wanted = FORGERIES[case]
    path = demo / "build" / "manifest.json"
    rewrite(path, change)

    with pytest.raises(FindingsReportError) as caught:
        verified(demo)

    (problem,) = caught.value.problems
    assert wanted in problem.fault
    assert problem.kind is Kind.INPUT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b"{" * 1000,
        b"\xff\xfe",
        b'{"_type": NaN}',
        b'{"a":' * 50_000,
        b"[" + b"1," * 2_000_000 + b"1]",
        b'{"_type":"https://in-toto.io/Statement/v1","_type":"https://in-toto.io/Statement/v1"}',
        b"9" * 5_000,
        b" " * (manifest.LARGEST + 1),
    ],
)
def test_what_is_no_manifest_is_an_error(content: bytes) -> None:
    with pytest.raises(FindingsReportError) as caught:
        manifest.from_json(content, shown="manifest.json")

    assert caught.value.problems[0].kind is Kind.INPUT


def test_an_output_that_is_a_link_or_a_pipe_is_not_opened(demo: Path) -> None:
    report = demo / "build" / "report.md"
    report.rename(demo / "moved.md")
    report.symlink_to(demo / "moved.md")
    (demo / "build" / "report.json").unlink()
    os.mkfifo(demo / "build" / "report.json")

    assert faults(verified(demo)) == [
        "report.json: is not a file",
        "report.md: cannot be read: Too many levels of symbolic links",
    ]


def test_parameters_of_a_forged_manifest_open_nothing(demo: Path) -> None:
    path = demo / "build" / "manifest.json"
    for template in ("../../findings", "/etc", "no-such", "standard/../standard"):
        rewrite(path, set_template(template))
        assert any("there is no template" in fault for fault in faults(verified(demo)))


def set_template(name: str) -> Callable[[Any], object]:
    return lambda content: parameters(content).update(template=name)


@pytest.mark.parametrize(
    ("outputs", "wanted"),
    [
        ([{"format": "exe"}, {"format": "md"}], "'exe' is not a format"),
        ([{"format": "csv", "finding": "DEMO-001"}, {"format": "md", "finding": "DEMO-001"}], "'csv' is not a format"),
        ([{"format": "json", "finding": "DEMO-999"}, {"format": "md", "finding": "DEMO-001"}], "no finding 'DEMO-999'"),
    ],
)
def test_outputs_that_cannot_be_built_are_named(outputs: list[dict[str, str]], wanted: str, demo: Path) -> None:
    def change(content: Any) -> None:
        for output, changed in zip(parameters(content)["outputs"], outputs, strict=True):
            output.update(changed)

    rewrite(demo / "build" / "manifest.json", change)

    result = verified(demo)

    assert any(wanted in fault for fault in faults(result))
    assert exit_code(result.problems) == Kind.GATE


def test_a_manifest_that_does_not_exist_is_an_error(demo: Path) -> None:
    for path in (demo / "build" / "no.json", demo / "no" / "manifest.json"):
        with pytest.raises(FindingsReportError, match="cannot be read"):
            verified(demo, path)


def test_what_a_manifest_says_does_not_reach_the_terminal_raw(
    demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b]0;title\x07\u202e::error::x"

    def change(content: Any) -> None:
        content["predicate"]["runDetails"]["builder"]["version"][hostile] = hostile
        listed = content["predicate"]["buildDefinition"]["resolvedDependencies"]
        listed[0]["name"] = listed[0]["annotations"]["path"] = hostile

    rewrite(demo / "build" / "manifest.json", change)
    monkeypatch.setattr("sys.argv", ["findings-report", "verify", str(demo / "build" / "manifest.json"), "-C", str(demo)])

    with pytest.raises(SystemExit) as ended:
        main()

    printed = capsys.readouterr()
    assert ended.value.code == Kind.GATE
    assert not set(printed.out + printed.err) & set("\x1b\x07\u202e")


def test_checksums_that_are_not_those_of_the_manifest_are_named(demo: Path) -> None:
    path = demo / "build" / "SHA256SUMS"
    path.write_text(path.read_text().replace("report.md", "report.xx"))

    assert faults(verified(demo)) == ["SHA256SUMS: does not have the digests of the manifest"]
    path.unlink()
    result = verified(demo)
    assert [(problem.level, problem.fault) for problem in result.problems] == [("note", "is missing")]


def test_findings_of_their_own_are_built_again(demo: Path) -> None:
    built(demo, formats=("md",), each=True, only=("DEMO-002",))

    result = verified(demo, demo / "build" / "findings" / "DEMO-002.manifest.json")

    assert result.problems == ()
    assert [output.is_rebuilt for output in result.outputs] == [True]


@pytest.mark.slow
def test_a_pdf_is_built_again_byte_for_byte(demo: Path) -> None:
    built(demo, formats=("pdf",))
    report = demo / "build" / "report.pdf"
    content = report.read_bytes()

    assert verified(demo).outputs == (VerifiedOutput("report.pdf", True, True),)

    report.write_bytes(content + b"signed")
    size = len(content)
    assert faults(verified(demo)) == [
        f"report.pdf: differs from the manifest: 6 bytes follow the manifest's {size:,}, as in a signed PDF"
    ]
    report.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    assert faults(verified(demo)) == [f"report.pdf: differs from the manifest, from byte 5,001 on ({size:,} bytes)"]
