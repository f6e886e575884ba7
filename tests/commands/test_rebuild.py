"""A report made earlier is rendered again: the same bytes from its data alone, and nothing that its data does not have."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import samples
from typer.testing import CliRunner

import findings_report
from findings_report import commands
from findings_report.cli.app import app
from findings_report.commands.build_many import RebuiltReport, rebuild
from findings_report.model.report import Report, ReportedAttachment, ReportedFont
from findings_report.problems import FindingsReportError, Kind, exit_code
from findings_report.report import archive
from findings_report.report.formats import FORMATS

NOTHING = commands.BuildOptions((), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False)


EVERY = tuple(name for name, row in FORMATS.items() if name not in ("pdf", "csaf") and row.is_installed)


def again(file: Path, *formats: str, audience: str | None = None, **changed: Any) -> RebuiltReport:
    options = commands.BuildOptions(**{**vars(NOTHING), "formats": formats, **changed})
    return rebuild(commands.Inputs(file, {}, audience=audience), options, lambda _: None)


def saved(folder: Path, report: Report, name: str = "report.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(archive.to_json(report))
    return folder / name


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    options = commands.BuildOptions(**{**vars(NOTHING), "formats": EVERY, "output": f"{folder}/"})
    commands.build(commands.Inputs(commands.demo(folder.parent / "demo"), {}), options, lambda _: None)
    return folder


def test_the_data_alone_gives_the_same_bytes(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "report.json").write_bytes((original / "report.json").read_bytes())

    again(tmp_path / "in" / "report.json", *EVERY, output=f"{tmp_path}/out/")

    assert contents(tmp_path / "out") == contents(original)


@pytest.mark.slow
def test_a_pdf_gives_the_same_bytes_and_its_attachments(tmp_path: Path) -> None:
    content = b"print('proof')\n"
    attachment = ReportedAttachment(
        name="poc.py",
        title="Proof",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="text/x-python",
        content=content,
    )
    report = samples.report(attachments=(attachment,))
    from findings_report.rendering.template_files import find_template

    pdf = commands.render(report, "pdf", find_template("standard", tmp_path, given=True), system_fonts=False)
    (tmp_path / "report.pdf").write_bytes(pdf.content)

    again(tmp_path / "report.pdf", "json", "md")

    assert (tmp_path / "report.json").read_bytes() == archive.to_json(report)
    assert (tmp_path / "report-attachments" / "poc.py").read_bytes() == content


def test_the_python_api_takes_a_report_too(tmp_path: Path) -> None:
    file = saved(tmp_path, samples.report())

    built = findings_report.build(file, formats=["md"])

    assert built.files == (tmp_path / "report.md",)


def test_files_go_beside_the_report_and_never_replace_it(tmp_path: Path) -> None:
    file = saved(tmp_path, samples.report())

    again(file, "md")

    assert sorted(contents(tmp_path)) == ["report.json", "report.md"]
    before = file.read_bytes()
    os.link(file, tmp_path / "other.json")
    (tmp_path / "link.json").symlink_to(file)
    for output in (str(file), f"{tmp_path}/./report.json", f"{tmp_path}/link.json"):
        with pytest.raises(FindingsReportError) as refused:
            again(file, "json", output=output)
        assert refused.value.problems[0].kind is Kind.USAGE
    assert file.read_bytes() == before


def test_what_a_json_claims_to_hold_is_not_written(tmp_path: Path) -> None:
    font = ReportedFont(file="fonts/Own.ttf", sha256="0" * 64)
    report = samples.report(engagement=samples.engagement(fonts=(font,)))
    data = json.loads(archive.to_json(report))
    data["attachments"] = [
        {"name": "../../escaped.py", "title": "x", "size": 3, "sha256": "0" * 64, "media_type": "text/plain", "content": "abc"}
    ]
    data["engagement"]["fonts"][0]["content"] = "abc"
    file = tmp_path / "deep" / "er" / "report.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(data), "utf-8")

    result = again(file, "md", "html")

    assert not list(tmp_path.rglob("escaped.py"))
    assert [problem.code for problem in result.problems if problem.level == "warning"] == ["report-incomplete"] * 2


def test_an_edition_stays_for_its_readers_and_a_complete_report_gives_editions(tmp_path: Path) -> None:
    hidden = samples.finding("NTR-007", audience=("internal",), title="Only for some")
    shown = samples.finding("NTR-001")
    complete = samples.report(shown, hidden, engagement=samples.engagement(audiences=("internal", "client")))
    file = saved(tmp_path, complete)

    result = again(file, "md", "json", audience="client")

    assert sorted(contents(tmp_path)) == ["report-client.json", "report-client.md", "report.json"]
    assert [finding.id for finding in result.report.findings] == ["NTR-001"]
    assert b"Only for some" not in (tmp_path / "report-client.json").read_bytes()
    for word in ("internal", "nobody"):
        with pytest.raises(FindingsReportError) as refused:
            again(tmp_path / "report-client.json", "md", audience=word)
        assert refused.value.problems[0].kind is Kind.USAGE


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["report.json", "--repository", "neutron=."], 2),
        (["report.json", "--manifest"], 2),
        (["report.json", "report.json"], 2),
        (["report.json", "--fail-on", "hgih"], 2),
        (["report.json", "-f", "md", "--fail-on", "medium"], 1),
        (["report.json", "-f", "md", "-o", "-"], 0),
        (["report.json", "--only", "NTR-001", "-f", "md"], 0),
        (["other.html"], 3),
        (["changed.json"], 3),
    ],
)
def test_exit_codes(arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = saved(tmp_path, samples.report()).read_text("utf-8")
    (tmp_path / "other.html").write_text("<!DOCTYPE html>", "utf-8")
    data = json.loads(text)
    data["counts"][0]["total"] += 1
    (tmp_path / "changed.json").write_text(json.dumps(data), "utf-8")
    before = contents(tmp_path)

    ran = CliRunner().invoke(app, ["build", *arguments])

    refused = ran.exception.problems if isinstance(ran.exception, FindingsReportError) else ()
    assert (exit_code(refused) or ran.exit_code) == code, ran.output
    if code > 1:
        assert contents(tmp_path) == before
