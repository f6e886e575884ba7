"""The table of findings: whole, readable by any reader of CSV, and nothing in it runs."""

from __future__ import annotations

import csv
import io

import samples
from hypothesis import given
from hypothesis import strategies as st

from findings_report.rendering.csv import neutralise_formula, render


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_every_finding_is_a_row_under_one_head() -> None:
    report = samples.report()

    head, *findings = rows(render(report).content)

    assert head[:4] == ["id", "title", "severity", "status"]
    assert [row[0] for row in findings] == [finding.id for finding in report.findings]
    assert all(len(row) == len(head) for row in findings)


def test_custom_fields_have_columns_of_their_own() -> None:
    finding = samples.full_finding()
    report = samples.report().model_copy(update={"findings": (finding,)})

    head, row = rows(render(report).content)

    assert {value.label: value.value for value in finding.extra}.items() <= dict(zip(head, row, strict=True)).items()


@given(st.text(max_size=20))
def test_no_cell_starts_like_a_formula(text: str) -> None:
    assert neutralise_formula(text).lstrip(" ")[:1] not in tuple("=+-@\t\r\n")
    assert neutralise_formula(text).removeprefix("'").count("x") == text.count("x")


def test_a_title_that_is_a_formula_is_text() -> None:
    finding = samples.finding().model_copy(update={"title": '=HYPERLINK("http://x","y")'})
    report = samples.report().model_copy(update={"findings": (finding,)})

    assert rows(render(report).content)[1][1] == '\'=HYPERLINK("http://x","y")'
