"""The workbook: whole, in its language, typed, and nothing in it runs. openpyxl and LibreOffice read it independently."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import office
import pytest
import samples

pytest.importorskip("xlsxwriter")
openpyxl = pytest.importorskip("openpyxl")

from findings_report.model.report import CustomValue, Report  # noqa: E402
from findings_report.problems import FindingsReportError, Kind  # noqa: E402
from findings_report.rendering.run import refuse_missing_extras  # noqa: E402
from findings_report.rendering.xlsx import LONGEST, render  # noqa: E402
from findings_report.report import formats  # noqa: E402

FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "\uff0b1", "\u200b=1", '"=1', "{=1}", "=cmd|'/c calc'!A0"),
    *("https://evil.example/", "internal:Sheet1!A1", "external:c:\\x.xlsx", "007", "1e5", "TRUE", "#REF!"),
)


def read(report: Report) -> Any:
    return openpyxl.load_workbook(io.BytesIO(render(report).content))


def rows(sheet: Any) -> list[dict[str, Any]]:
    head, *body = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in body]


def test_findings_locations_texts_and_the_plan_have_a_row_for_each() -> None:
    report = samples.report()
    book = read(report)
    findings = rows(book["Findings"])

    assert book.sheetnames == ["Findings", "Locations", "Texts", "Remediation", "Report"]
    assert [row["Id"] for row in findings] == [finding.id for finding in report.findings]
    assert len(rows(book["Locations"])) == sum(len(finding.snippets) for finding in report.findings)
    assert [row["Finding"] for row in rows(book["Remediation"])] == [finding.id for finding in report.unresolved]
    assert {row["Field"] for row in rows(book["Texts"])} >= {"Description", "Impact", "Recommendation: Short term"}
    assert (findings[0]["Due"], findings[0]["CVSS"], findings[0]["Trust zone"]) == (datetime(2026, 12, 24), 9.8, "perimeter")
    assert rows(book["Locations"])[0]["First line"] == 111
    for name in ("Findings", "Locations", "Texts", "Remediation"):
        assert (book[name].auto_filter.ref or "").startswith("A1:")
        assert book[name].freeze_panes
        assert book[name].print_title_rows == "$1:$1"


def test_links_lead_to_cells_that_exist_and_to_the_web_only() -> None:
    book = read(samples.report())
    links = [cell.hyperlink for sheet in book for row in sheet.iter_rows() for cell in row if cell.hyperlink]
    external = [link.target for link in links if link.target]

    assert external
    assert all(target.startswith("https://") for target in external)
    for link in links:
        if not link.target:
            sheet, cell = re.fullmatch(r"'(.+)'!([A-Z]+\d+)", link.location).groups()  # type: ignore[union-attr]
            assert book[sheet][cell].value


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula_a_number_or_a_link(text: str) -> None:
    finding = samples.full_finding(
        title=text, category=text, owner=text, description=text, tags=(text,), tickets=(text,), aliases=("X-1",),
        extra=(CustomValue(name="x", label=text, value=text),),
    )  # fmt: skip
    engagement = samples.engagement(title=text, client=text, words={"Findings": text, "Locations": text})
    content = render(samples.report(finding, engagement=engagement)).content

    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if "/worksheets/" in name]
        relations = [parts.read(name).decode() for name in parts.namelist() if name.endswith(".rels")]
    addresses = re.findall(r'Target="([^"]+)" TargetMode="External"', "".join(relations))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert not any("<f>" in sheet or "<f " in sheet for sheet in sheets)
    assert all(address.startswith("https://") for address in addresses)
    assert "https://evil.example/" not in addresses or text.startswith("https")
    shown = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in shown} <= {"s", "n", "d"}
    written = text.replace("\r", "\\u{000D}").replace("\u200b", "\\u{200B}")
    assert any(cell.data_type == "s" and cell.value == written for cell in shown)


def test_what_excel_forbids_is_shown_by_code_and_what_is_too_long_is_cut_with_words() -> None:
    hostile = "a\x00\x0b\ufffe\ud800_x0041_\u202eb"
    finding = samples.finding(description="word " * 20_000, category=hostile, title="\U0001f600" * 30_000)
    book = read(samples.report(finding))

    (text,) = (row["Text"] for row in rows(book["Texts"]) if row["Field"] == "Description")
    assert re.search(r"… [\d,]+ more characters$", text)
    cells = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert all(len(value.encode("utf-16-le")) // 2 <= LONGEST for value in cells)
    assert rows(book["Findings"])[0]["Category"].startswith("a\\u{0000}\\u{000B}\\u{FFFE}")
    assert rows(book["Findings"])[0]["Category"].endswith("_x0041_\\u{202E}b")


def test_sheets_and_heads_are_in_the_reports_language() -> None:
    book = read(samples.report(engagement=samples.engagement(language="de")))

    assert book.sheetnames == ["Befunde", "Fundstellen", "Texte", "Maßnahmen", "Bericht"]
    assert {"Schweregrad", "Status"} <= set(rows(book["Befunde"])[0])


def test_the_same_report_gives_the_same_bytes_dated_with_the_report() -> None:
    content = render(samples.report()).content
    book = openpyxl.load_workbook(io.BytesIO(content))

    assert content == render(samples.report()).content
    assert book.properties.created == datetime(2026, 11, 20)
    assert (book.properties.title, book.properties.creator) == ("Security review of Neutron IPAM", "Dana Reviewer, Erin Second")
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_days_before_excels_calendar_are_text() -> None:
    book = read(samples.report(samples.full_finding(due=date(1899, 12, 31))))

    assert rows(book["Findings"])[0]["Due"] == "1899-12-31"


@pytest.mark.slow
def test_libreoffice_opens_it(tmp_path: Path) -> None:
    (tmp_path / "report.xlsx").write_bytes(render(samples.report()).content)

    office.convert(tmp_path / "report.xlsx", "pdf")

    text = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "NTR-002" in text
    assert "Page 1 of" in text


def test_without_its_extra_nothing_is_rendered_and_the_message_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _name: None)

    with pytest.raises(FindingsReportError) as raised:
        refuse_missing_extras(["md", "xlsx"])

    (problem,) = raised.value.problems
    assert (problem.kind, problem.code) == (Kind.USAGE, "no-format-extra")
    assert "[xlsx]" in (problem.remedy or "")
