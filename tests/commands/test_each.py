"""A finding as a document of its own: all of it, nothing of the others, its own data inside."""

from __future__ import annotations

import re
from pathlib import Path

import clauses
import pytest
import samples
from pdfs import render_pdf

from findings_report import commands, sandbox
from findings_report.commands import BuildOptions, PublishedBuild
from findings_report.model.report import Report
from findings_report.pdf.page import PdfPage
from findings_report.pdf.render import open_renderer
from findings_report.problems import FindingsReportError, Kind
from findings_report.rendering.document_parts import render_alone
from findings_report.rendering.job import pdf_page
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import archive
from findings_report.report.assemble import single_finding_report
from findings_report.report.check import Inputs
from findings_report.report.formats import Rendered
from findings_report.system.cache import FileCache

NOTHING = BuildOptions((), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False, each=True)


def made(folder: Path, **wishes: object) -> PublishedBuild:
    return commands.build(Inputs(folder, {}), BuildOptions(**{**vars(NOTHING), **wishes}), lambda _: None)


def text_of(report: Report, id: str, format: str, template: str = "standard") -> str:  # noqa: A002
    finding = next(each for each in report.findings if each.id == id)
    one = single_finding_report(report, finding)
    return render_alone(one, template=Template(template, (builtin_templates(),)), format=format).content.decode()


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return commands.demo(tmp_path / "demo")


def test_a_finding_alone_holds_all_of_itself_and_nothing_of_the_others() -> None:
    report = samples.report()

    for finding in report.findings:
        one = single_finding_report(report, finding)

        assert one.findings == (finding,)
        assert one.total == sum(count.total for count in one.counts) == 1
        content = archive.to_json(one).decode()
        for other in report.findings:
            assert other is finding or (other.title not in content and other.description[:40] not in content)
        assert "Example Networks, security team" not in content  # who else receives the report


def test_of_the_pictures_and_repositories_those_stay_that_the_finding_names() -> None:
    report = samples.report()
    with_picture, without = (single_finding_report(report, each).engagement for each in report.findings[:2])

    assert [picture.name for picture in with_picture.images] == ["flow"]
    assert without.images == ()
    assert without.logo is with_picture.logo is None
    assert [each.name for each in without.repositories] == ["neutron"]


def test_former_ids_stay_that_lead_to_it_or_that_it_names() -> None:
    finding = samples.finding(description="As [](finding:OLD-1) says.")
    aliases = {"OLD-1": "NTR-002", "OLD-2": "NTR-003", "OLD-3": finding.id}
    report = samples.report(finding)
    report = report.model_copy(update={"engagement": report.engagement.model_copy(update={"aliases": aliases})})

    assert single_finding_report(report, finding).engagement.aliases == {"OLD-1": "NTR-002", "OLD-3": finding.id}


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("format", ["md", "html", "pdf"])
def test_other_findings_are_named_and_not_linked(format: str, template: str) -> None:  # noqa: A002
    text = text_of(samples.report(), "NTR-002", format, template)

    assert "NTR-001" in text
    assert "xref:" not in text
    assert not re.search(r"#NTR-001\b", text)
    assert "Subnet ids are handed on" in text
    assert "Security review of Neutron IPAM" in text


def test_every_finding_becomes_a_file_in_findings(demo: Path, tmp_path: Path) -> None:
    built = made(demo, formats=("md", "html"), output=f"{tmp_path}/out/")

    names = {f"DEMO-00{number}.{suffix}" for number in (1, 2, 3, 4) for suffix in ("md", "html")}
    assert {path.name for path in (tmp_path / "out" / "findings").iterdir()} == names
    assert all(file.path is not None and file.path.read_bytes() == file.content for file in built.files)


@pytest.mark.slow
def test_its_pdf_is_archival_and_carries_its_data(demo: Path, tmp_path: Path) -> None:
    made(demo, only=("DEMO-002",))
    made(demo, only=("DEMO-002",), formats=("json",), output=f"{tmp_path}/one.json")

    (file,) = (demo / "build" / "findings").iterdir()
    content = file.read_bytes()
    assert file.name == "DEMO-002.pdf"
    assert clauses.violations(content) == []
    assert archive.extract(content, shown=file.name).content == (tmp_path / "one.json").read_bytes()


@pytest.mark.slow
def test_pdfs_made_together_are_byte_for_byte_those_made_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = Template("standard", (builtin_templates(),))
    reports = [single_finding_report(samples.report(), finding) for finding in samples.report().findings]
    pages = [pdf_page(report, render_alone(report, template=template, format="pdf")) for report in reports]
    cache = FileCache(tmp_path)

    with open_renderer(cache=cache, workers=2) as renderer:
        together = renderer.render_many(pages)

    assert len(together) == len(reports) > 2
    for page, made in zip(pages, together, strict=True):
        assert Rendered(*made) == render_pdf(page.html, pictures=page.pictures, embedded_file=page.embedded_file)
    monkeypatch.setattr(sandbox, "start_child", None)  # nothing is laid out a second time
    with open_renderer(cache=cache) as renderer:
        assert renderer.render_many(pages) == together


@pytest.mark.slow
def test_every_page_that_cannot_be_made_is_told_and_none_harms_another() -> None:
    def page(body: str) -> PdfPage:
        return PdfPage(f"<!DOCTYPE html><html lang=en><title>T</title><body>{body}</body></html>", {}, None)

    bad, good, worse = page("<img src='http://a.example/x'>"), page("<p>good</p>"), page("<p style='font-size:1e9px'>x</p>")

    with open_renderer(workers=1) as renderer, pytest.raises(FindingsReportError) as caught:
        renderer.render_many([bad, worse, good, page("<img src='http://b.example/x'>")])
    said = [problem.fault for problem in caught.value.problems]
    assert len(said) == 3
    assert "http://a.example/x" in said[0]
    assert "the confined process failed" in said[1]
    assert "http://b.example/x" in said[2]


def test_one_finding_may_go_into_a_file_that_is_named(demo: Path, tmp_path: Path) -> None:
    made(demo, only=("DEMO-003",), output=f"{tmp_path}/token.md")

    assert "### DEMO-003: Session tokens" in (tmp_path / "token.md").read_text()


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"only": ("DEMO-009",)}, "there is no finding 'DEMO-009'"),
        ({"output": "report.pdf"}, "-o report.pdf is one file, and there are 4 findings"),
        ({"output": "-"}, "-o - is one file, and there are 4 findings"),
        ({"formats": ("csv",)}, "'csv' is not a format (md, html, pdf, json, sarif)"),
    ],
)
def test_what_cannot_be_meant_is_a_fault_of_the_command_line(wishes: dict[str, object], said: str, demo: Path) -> None:
    with pytest.raises(FindingsReportError) as caught:
        made(demo, **wishes)

    assert [(problem.kind, problem.fault) for problem in caught.value.problems] == [(Kind.USAGE, said)]
    assert not (demo / "build").exists()
