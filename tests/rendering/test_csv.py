"""The table of findings: whole, readable by any reader of CSV, and nothing in it runs."""

from __future__ import annotations

import csv
import io
import re

import pytest
import samples
from growth import growth
from hypothesis import example, given
from hypothesis import strategies as st

from findings_report.problems.safe_text import visible
from findings_report.rendering.csv import neutralise_formula, render, write_table


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


def test_every_value_is_in_its_column() -> None:
    full = samples.full_finding()
    bare = samples.finding(owner=None)
    report = samples.report().model_copy(update={"findings": (full, bare)})

    head, row, other = rows(render(report).content)

    address = "https://opendev.org/openstack/neutron/src/commit/fb3f71806174bc2fae7e421268aeee61be36412d"
    place = "neutron/db/ipam_pluggable_backend.py#L111-L129"
    assert dict(zip(head, row, strict=True)) == {
        "id": "NTR-002", "title": "Subnet ids are handed on <unchecked>", "severity": "critical",
        "status": "partially resolved", "category": "Data validation", "confidence": "likely", "cwe": "CWE-89, CWE-20",
        "cvss": "9.8 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "owner": "Network team", "due": "2026-12-24",
        "residual severity": "low", "locations": f"neutron: {place}\nneutron: {place}",
        "permalinks": f"{address}/{place}\n{address}/{place}", "tags": "ipam, api", "tickets": "jira:SEC-12",
        "Trust zone": "perimeter",
    }  # fmt: skip
    assert [name for name, value in zip(head, other, strict=True) if value] == [
        "id", "title", "severity", "status", "locations", "permalinks",
    ]  # fmt: skip


def test_the_table_is_utf_8_with_a_mark_and_ends_its_lines_as_rfc_4180_says() -> None:
    assert write_table([["a", 'b"\n'], ["\u00e9"]]) == '\ufeff"a","b""\n"\r\n"\u00e9"\r\n'.encode()
    assert write_table([["\ud800"]]).decode("utf-8-sig").count("D800") == 1


@pytest.mark.parametrize("sign", [*"=+-@\u2212\u207a\u207c\u208a\u208c\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"])
def test_each_sign_of_a_formula_is_text_behind_whatever_begins_a_cell(sign: str) -> None:
    for before in ("", " ", '"', "'", "x;", "x|", "x\t", "x\n", "x; \"'", "\u3000"):
        shown = visible(before)
        assert neutralise_formula(f"{before}{sign}1") == f"{shown}'{sign}1"
    for before in ("x", "x ", "x'", 'x"', "x,"):
        assert neutralise_formula(f"{before}{sign}1") == f"{before}{sign}1"


@pytest.mark.parametrize("blank", " \"';|")
def test_a_cell_of_blanks_costs_linear_time(blank: str) -> None:
    assert growth(lambda size: neutralise_formula(f"x{blank * size}x"), 3_000) < 8


SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212\u207a"
SEPARATORS = ",;\t|"
HOSTILE = st.text(
    st.sampled_from(SIGNS + SEPARATORS + " \n\r\"'\u00a0\u3000\u200b\u202e\ufeffx\u05d0") | st.characters(), max_size=20
)


def original(cell: str) -> str:
    """The text of a cell without the apostrophes that were added: the last one before each sign that would start a formula."""

    def without(before: re.Match[str]) -> str:
        starts = before.start() == 0 or set(before[0]) & set(";|\t\r\n")
        return before[0].removesuffix("'") if starts else before[0]

    return re.sub(rf"""(?<![\s"';|])[\s"';|]+(?=[{re.escape(SIGNS)}])""", without, cell)


def begins_formula(cell: str) -> bool:
    """True if a spreadsheet would run the cell: it drops blanks and quotation marks in front."""
    return cell.lstrip('"' + " \t\u00a0\u3000\u200b\ufeff\u202e").startswith(tuple(SIGNS))


@given(HOSTILE)
@example("x;=1")
@example("x\t+1")
@example("x\n@SUM(A1)")
@example('x;"=1"')
@example("\u00a0\uff1d1")
@example("\u200b=1")
@example("'=1")
@example("a|-1")
def test_no_cell_starts_like_a_formula_for_any_separator(text: str) -> None:
    finding = samples.finding().model_copy(update={"title": text, "owner": text, "category": text, "tags": (text, text)})
    content = render(samples.report().model_copy(update={"findings": (finding,)})).content.decode("utf-8-sig")

    for separator in SEPARATORS:
        table = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
        assert not [cell for row in table for cell in row if begins_formula(cell)], separator


@given(HOSTILE)
def test_a_reader_gets_the_text_back(text: str) -> None:
    assert original(neutralise_formula(text)) == visible(text)


def test_every_cell_is_quoted() -> None:
    content = render(samples.report()).content.decode("utf-8-sig")

    plain = re.sub(r'"(?:[^"]|"")*+"', "", content)

    assert set(plain) == {",", "\r", "\n"}


def test_ordinary_text_is_unchanged() -> None:
    for text in ("a - b", "x, -1", "read-only", "a+b=c", "mail@example.org", "10 % (+2)", "it's = that"):
        assert neutralise_formula(text) == text


def test_a_title_that_is_a_formula_is_text() -> None:
    finding = samples.finding().model_copy(update={"title": '=HYPERLINK("http://x","y")'})
    report = samples.report().model_copy(update={"findings": (finding,)})

    assert rows(render(report).content)[1][1] == '\'=HYPERLINK("http://x","y")'
