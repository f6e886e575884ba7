"""Attachments: embedded in the PDF, copied beside HTML and Markdown, listed everywhere, and left out of other editions."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pikepdf
import pytest
import tagged
from typer.testing import CliRunner

from findings_report.cli.app import app
from findings_report.problems import FindingsReportError, Problem
from findings_report.rendering.cluster.executor import pack, serve
from findings_report.rendering.job import LOCAL, Job
from findings_report.rendering.template_files import find_template
from findings_report.report import archive
from findings_report.report.assemble import restrict_report, single_finding_report
from findings_report.report.check import Inputs, assembled, check
from findings_report.sandbox import frames

EXPLOIT = b"print('proof')\n"
TRAFFIC = bytes(range(256)) * 20
ENTRIES = """\
attachments:
  - {file: poc/exploit.py, title: Proof of concept for `F-1`}
  - {file: traffic.bin, title: Recorded traffic, audience: [internal]}
"""


def engagement(root: Path, entries: str = ENTRIES) -> Path:
    findings = root / "findings"
    (findings / "poc").mkdir(parents=True)
    (findings / "engagement.yaml").write_text(f"title: Review\naudiences: [client, internal]\n{entries}")
    (findings / "F-1.finding.yaml").write_text("title: Weak\nseverity: low\ndescription: Text.\n")
    (findings / "poc" / "exploit.py").write_bytes(EXPLOIT)
    (findings / "traffic.bin").write_bytes(TRAFFIC)
    return findings


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


def problems_of(findings: Path) -> dict[str, Problem]:
    try:
        listed = check(Inputs(findings, {}), lambda _: None).problems
    except FindingsReportError as error:
        listed = tuple(error.problems)
    return {problem.code: problem for problem in listed}


def test_files_are_copied_beside_text_and_listed_with_their_digests(tmp_path: Path) -> None:
    findings = engagement(tmp_path)

    output = run("build", findings, "-f", "md", "-f", "html", "-f", "json", "--manifest", "-o", f"{tmp_path}/out/")

    copies = tmp_path / "out" / "report-attachments"
    assert {path.name: path.read_bytes() for path in copies.iterdir()} == {"exploit.py": EXPLOIT, "traffic.bin": TRAFFIC}
    assert "report-attachments/exploit.py" in output
    digest = hashlib.sha256(EXPLOIT).hexdigest()
    markdown = (tmp_path / "out" / "report.md").read_text()
    linked = f"| [`exploit.py`](report-attachments/exploit.py) | Proof of concept for `F-1` | 15 bytes | `{digest}` |"
    assert linked in markdown
    assert "Recorded traffic (Only for: internal) | 5,120 bytes |" in markdown
    assert '<a href="#part-attachments">Attachments</a>' in (tmp_path / "out" / "report.html").read_text()
    assert '<a href="report-attachments/exploit.py" download>' in (tmp_path / "out" / "report.html").read_text()
    sums = tmp_path / "out" / "SHA256SUMS"
    assert f"{digest}  report-attachments/exploit.py\n" in sums.read_text()
    # `verify` knows these lines, and no others.
    run("verify", tmp_path / "out" / "manifest.json", "-C", findings)
    true = sums.read_text()
    sums.write_text(f"{true}{'0' * 64}  report-attachments/other\n")
    refused = CliRunner().invoke(app, ["verify", str(tmp_path / "out" / "manifest.json"), "-C", str(findings)])
    assert "does not have the digests of the manifest" in refused.output
    sums.write_text(true)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["attachments"][0] == {
        "name": "exploit.py", "title": "Proof of concept for `F-1`", "size": 15, "sha256": digest, "media_type": "text/plain",
        "audience": [],
    }  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    inputs = manifest["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert [entry["digest"]["sha256"] for entry in inputs if entry["name"] == "poc/exploit.py"] == [digest]
    assert "manifest" in run("verify", f"{tmp_path}/out/manifest.json", "-C", findings)


def test_an_edition_has_no_trace_of_other_files(tmp_path: Path) -> None:
    findings = engagement(tmp_path)

    run("build", findings, "--audience", "client", "-f", "html", "-f", "json", "--manifest", "-o", f"{tmp_path}/out/")

    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert "report-client-attachments/exploit.py" in {path.relative_to(tmp_path / "out").as_posix() for path in files}
    assert not [path for path in files if b"traffic" in path.read_bytes() or "traffic" in path.name]
    complete = assembled(check(Inputs(findings, {}), lambda _: None), None)
    assert [file.name for file in restrict_report(complete, "client").attachments] == ["exploit.py"]
    assert single_finding_report(complete, complete.findings[0]).attachments == ()


def test_files_of_another_edition_in_the_folder_are_warned_of_and_not_named(tmp_path: Path) -> None:
    findings = engagement(tmp_path)
    run("build", findings, "-f", "html", "-o", tmp_path / "report.html")

    output = run("build", findings, "-f", "html", "--audience", "client", "-o", tmp_path / "report.html")

    assert "report-attachments: warning: 1 file is in this folder that the report does not list" in " ".join(output.split())
    assert "traffic.bin" not in output


@pytest.mark.parametrize(
    "content",
    [
        "the pass\nword \u00e9".encode(),
        "the pass word".encode("utf-16"),
        "the pass word".encode("utf-16-be"),
        b'{"text": "pass\\u0020word"}',
    ],
    ids=["wrapped", "utf-16", "big-endian", "json"],
)
def test_a_masked_text_is_found_in_files_as_they_are_written(tmp_path: Path, content: bytes) -> None:
    findings = engagement(tmp_path, f"{ENTRIES}redact: [{{match: pass word}}]\n")
    (findings / "poc" / "exploit.py").write_bytes(content)

    assert problems_of(findings)["attachment-masked"].level == "error"


@pytest.mark.parametrize(("arguments", "why"), [(["-f", "md", "-o", "-"], "standard output is one file"),
                                                (["-f", "json", "-f", "csv"], "json and csv cannot hold files")])  # fmt: skip
def test_what_cannot_carry_files_is_warned_of(tmp_path: Path, arguments: list[str], why: str) -> None:
    findings = engagement(tmp_path)

    output = run("build", findings, *arguments)

    assert f"the 2 attachments are not written: {why} [attachments-left-out]" in output


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (ENTRIES.replace("traffic.bin", "none.bin"), "no-file"),
        (ENTRIES.replace("traffic.bin", "Exploit.PY"), "attachment-name"),
        (ENTRIES.replace("traffic.bin", "report.json"), "attachment-name"),
        (f"{ENTRIES}redact: [{{match: \"print('proof')\"}}]\n", "attachment-masked"),
        (f"{ENTRIES}redact: [{{match: traffic}}]\n", "attachment-masked"),
        (ENTRIES.replace("traffic.bin", "../app.py"), "path"),
    ],
)
def test_files_that_cannot_be_attached_are_errors(tmp_path: Path, entries: str, code: str) -> None:
    findings = engagement(tmp_path, entries)
    (findings / "Exploit.PY").write_bytes(b"other")
    (findings / "report.json").write_bytes(b"{}")

    problem = problems_of(findings)[code]

    assert problem.level == "error"
    assert problem.place is not None
    assert problem.place.line is not None


def test_credentials_in_a_text_are_warned_of_at_their_line(tmp_path: Path) -> None:
    findings = engagement(tmp_path)
    token = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"
    (findings / "poc" / "exploit.py").write_text(f"import sys\nlogin({token!r})\n")

    problem = problems_of(findings)["secret"]

    assert (problem.place.file.rpartition("/")[2], problem.place.line) == ("exploit.py", 2) if problem.place else False
    assert token not in str(problem)
    assert (problem.remedy or "").startswith("remove it from the file")


def test_a_copy_takes_no_place_of_what_people_wrote(tmp_path: Path) -> None:
    entries = ENTRIES.replace("poc/exploit.py", "report-attachments/traffic.txt").replace("traffic.bin", "poc/F-2.finding.yaml")
    findings = engagement(tmp_path, entries)
    (findings / "report-attachments").mkdir()
    (findings / "report-attachments" / "traffic.txt").write_text("x")
    (findings / "poc" / "F-2.finding.yaml").write_text("title: Weak\nseverity: low\ndescription: Text.\n")

    result = CliRunner().invoke(app, ["build", str(findings), "-f", "md", "-o", f"{findings}/report.md"])

    assert isinstance(result.exception, FindingsReportError)
    assert result.exception.problems[0].code == "output-input"
    assert not (findings / "report.md").exists()


def test_a_worker_is_sent_the_files(tmp_path: Path) -> None:
    report = assembled(check(Inputs(engagement(tmp_path), {}), lambda _: None), None)
    job = Job((report,), "json", find_template("standard", tmp_path / "findings", given=False))

    frame = frames.unpack(pack(job))
    answer = frames.unpack(serve(pack(job)))

    assert {EXPLOIT, TRAFFIC} <= set(frame.blobs.values())
    assert answer.blobs["content0"] == archive.to_json(report)


@pytest.mark.slow
def test_the_pdf_embeds_the_files_and_still_has_its_data(tmp_path: Path) -> None:
    findings = engagement(tmp_path)
    report = assembled(check(Inputs(findings, {}), lambda _: None), None)
    job = Job((report,), "pdf", find_template("standard", findings, given=False), workers=1)
    content = LOCAL.submit(job).result().files[0].content

    with pikepdf.open(io.BytesIO(content)) as pdf:
        files = {
            str(file.F): (str(file.AFRelationship), str(file.EF.F.Subtype), str(file.Desc), file.EF.F.read_bytes())
            for file in pdf.Root.AF
        }
        assert set(pdf.attachments) == set(files)
    assert files["exploit.py"] == ("/Supplement", "/text/plain", "Proof of concept for `F-1`", EXPLOIT)
    assert files["traffic.bin"] == ("/Supplement", "/application/octet-stream", "Recorded traffic", TRAFFIC)
    assert files["report.json"][:2] == ("/Source", "/application/json")
    assert archive.extract(content, shown="report.pdf").content == archive.to_json(report)
    assert tagged.faults(content) == []
    assert frames.unpack(serve(pack(job))).blobs["content0"] == content
