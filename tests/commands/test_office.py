"""What `build` writes beside and for others: pictures of Markdown in a folder, and Word in the firm's form."""

from __future__ import annotations

import io
import re
from pathlib import Path

import office
import pytest
import samples
from typer.testing import CliRunner

from findings_report.cli.app import app
from findings_report.problems import FindingsReportError, exit_code

PICTURES = """\
images:
  - {name: flow, file: flow.png, alt: "How a [request] flows"}
  - {name: Flow, file: other.png, alt: Another, audience: [internal]}
  - {name: unused, file: flow.png, alt: Nowhere}
"""
DESCRIPTION = "Within ![](image:flow) a line.\n\n![What is \\[new\\]](image:flow)\n\n![](image:Flow)"


def engagement(root: Path, more: str = PICTURES) -> Path:
    findings = root / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text(f"title: Review\nclient: ACME\naudiences: [client, internal]\n{more}")
    text = DESCRIPTION.replace("\n", "\n  ")
    (findings / "F-1.finding.yaml").write_text(f"title: Weak\nseverity: low\ndescription: |\n  {text}\n")
    (findings / "flow.png").write_bytes(samples.png())
    (findings / "other.png").write_bytes(samples.png(10, 10))
    return findings


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if isinstance(result.exception, FindingsReportError):
        assert exit_code(result.exception.problems) == code
        return " ".join(f"{problem.fault} {problem.remedy}" for problem in result.exception.problems)
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_markdown_in_a_folder_has_its_pictures_beside_it(tmp_path: Path) -> None:
    findings = engagement(tmp_path)

    run("build", findings, "-f", "md", "-f", "json", "-o", f"{tmp_path}/out/")

    text = (tmp_path / "out" / "report.md").read_text()
    linked = set(re.findall(r"!\[[^\n]*?\]\((report-pictures/[^)]+)\)", text))
    files = {f"report-pictures/{path.name}" for path in (tmp_path / "out" / "report-pictures").iterdir()}
    assert linked == files
    assert len(files) == 2  # the unused one is not written
    assert len({name.casefold() for name in files}) == 2
    assert "![How a \\[request\\] flows](" in text
    assert "pictures_in" not in (tmp_path / "out" / "report.json").read_text()


def test_one_markdown_file_says_why_it_has_no_pictures(tmp_path: Path) -> None:
    findings = engagement(tmp_path)

    output = run("build", findings, "-f", "md", "-o", tmp_path / "one.md")

    assert "one Markdown file has no place for pictures" in output
    assert "![" not in (tmp_path / "one.md").read_text()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["findings"]
    assert "![" not in run("build", findings, "-f", "md", "-o", "-")


def test_an_edition_has_its_own_pictures_only(tmp_path: Path) -> None:
    findings = engagement(tmp_path)

    run("build", findings, "-f", "md", "--audience", "client", "-o", f"{tmp_path}/out/")

    assert [path.name for path in (tmp_path / "out").glob("*/*.png")] == ["flow.png"]


def test_word_takes_the_firms_form_from_the_engagement_or_the_command_line(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    firm = io.BytesIO()
    document = docx.Document()
    document.add_paragraph("The firm for {{ customer }}")
    document.save(firm)
    findings = engagement(tmp_path, "docx_template: firm.docx\n")
    (findings / "firm.docx").write_bytes(firm.getvalue())
    (findings / "F-1.finding.yaml").write_text("title: Weak\nseverity: low\ndescription: Text.\n")

    run("build", findings, "-f", "docx", "-o", tmp_path / "a.docx")
    run("build", findings, "-f", "docx", "--template", findings / "firm.docx", "-o", tmp_path / "b.docx")

    assert office.read_text((tmp_path / "a.docx").read_bytes()).startswith("The firm for ACME")
    assert (tmp_path / "a.docx").read_bytes() == (tmp_path / "b.docx").read_bytes()
    assert "add -f docx" in run("build", findings, "-f", "md", "--template", findings / "firm.docx", code=2)
    assert "cannot be read" in run("build", findings, "-f", "docx", "--template", "none.docx", code=2)
    said = run("build", findings, "-f", "docx", "--template", "review", "-o", tmp_path / "c.docx")
    assert "has the structure of the template standard" in said
    (findings / "firm.docx").write_bytes(b"no")
    assert "is not a document of Word" in run("build", findings, "-f", "docx", "-o", tmp_path / "d.docx", code=5)
    assert not (tmp_path / "d.docx").exists()
