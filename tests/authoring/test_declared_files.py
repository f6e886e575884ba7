"""CSV files that an engagement names: what is a table, and what is reported at which place."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from findings_report import authoring
from findings_report.authoring import declared_files
from findings_report.authoring.declared_files import LONGEST_CELL, MOST_CELLS, MOST_ROWS, read_table
from findings_report.problems import FindingsReportError, Problem
from findings_report.report.check import Inputs, check

FINDING = "title: t\nseverity: low\ndescription: |\n  ![](table:hosts)\n"


def engagement(root: Path, content: bytes | None, entry: str = "{name: hosts, file: data/hosts.csv}") -> Path:
    findings = root / "findings"
    (findings / "data").mkdir(parents=True)
    (findings / "engagement.yaml").write_text(f"title: t\ntables: [{entry}]\n")
    (findings / "F-1.finding.yaml").write_text(FINDING)
    if content is not None:
        (findings / "data" / "hosts.csv").write_bytes(content)
    return findings


def problems_of(findings: Path) -> list[Problem]:
    try:
        return [problem for problem in check(Inputs(findings, {}), lambda _: None).problems if problem.level != "note"]
    except FindingsReportError as error:
        return list(error.problems)


def test_a_table_is_read_as_spreadsheets_write_it() -> None:
    table = read_table('\ufeffA, "B ""x"""\r\n1 ,"2\r\n3"\r\n\r\n4,5\r\n'.replace(", ", ",").encode(), "hosts.csv")

    assert table.header == ("A", 'B "x"')
    assert table.rows == (("1", "2\n3"), ("4", "5"))
    assert table.lines == (1, 2, 5)
    assert list(table.cells)[2:] == [(2, "1"), (2, "2\n3"), (5, "4"), (5, "5")]


@pytest.mark.parametrize(
    ("content", "line", "fault"),
    [
        (b"A,B\n1,2\n1,2,3\n1\n", 3, "the row has 3 cells, and the head has 2"),
        (b"A,B\n1,2\n\xff,3\n", 3, "is not UTF-8"),
        (b'A,B\n1,2\n"a"b,3\n', 3, "is not CSV"),
        (b'A,B\n"1,2\n3,4\n', 2, "is not CSV"),
        (b"A;B\n1;2\n", 1, "separates its cells by semicolons"),
        (b"A,B\n", None, "data/hosts.csv has no rows below its head"),
        (b"", None, "data/hosts.csv has no rows below its head"),
        (b"A\n" + b"1\n" * (MOST_ROWS + 1), MOST_ROWS + 2, f"the table has more than {MOST_ROWS:,} rows"),
        (b"A\n" + b"x" * (LONGEST_CELL + 1), 2, f"a cell has {LONGEST_CELL + 1:,} characters"),
        (b"A\n1\n" + b"x" * 140_000, 3, "a cell has 140,000 characters"),
        (b",".join([b"A"] * 51), 1, "the table has 51 columns"),
        (b"A\n" + b"x\n" * 1_000_000, None, "data/hosts.csv has 2,000,002 bytes"),
    ],
)
def test_what_is_no_table_is_reported_at_its_line(tmp_path: Path, content: bytes, line: int | None, fault: str) -> None:
    csv.field_size_limit(131_072)  # as another import may leave it
    findings = engagement(tmp_path, content)

    (problem,) = problems_of(findings)

    assert problem.place is not None
    assert problem.place.file.endswith("hosts.csv" if line else "engagement.yaml")
    assert (problem.place.line, problem.code) == (line or 2, "csv")
    assert problem.fault.startswith(fault)
    assert problem.remedy


def test_only_files_of_the_folder_are_read(tmp_path: Path) -> None:
    findings = engagement(tmp_path, None)
    (tmp_path / "outside.csv").write_text("A\nsecret\n")
    place = findings / "data" / "hosts.csv"
    problems = [problems_of(findings)[0]]
    place.symlink_to(tmp_path / "outside.csv")
    problems.append(problems_of(findings)[0])
    place.unlink()
    os.mkfifo(place)
    problems.append(problems_of(findings)[0])

    assert problems[0].fault.startswith("there is no file data/hosts.csv")
    assert problems[1].fault.startswith("data/hosts.csv cannot be read: it is a symbolic link that leads out")
    assert problems[2].fault.startswith("data/hosts.csv cannot be read: it is not a file")
    assert {
        (problem.place and Path(problem.place.file).name, problem.place and problem.place.line) for problem in problems
    } == {("engagement.yaml", 2)}


@pytest.mark.parametrize(
    ("description", "code", "remedy"),
    [
        ("![](table:host)", "reference-missing", "did you mean 'hosts'?"),
        ("[](table:nmap)\n\n  ![](table:hosts)", "reference-missing", None),
        ("none", "table-not-placed", "write `![caption](table:hosts)` on a line of its own, or remove the entry"),
        ("![](table:hosts) in a line", "image-refused", None),
        ("![](table:hosts)\n\n  Table: lost {#lost}", "table-caption", None),
        ("![](table:hosts)\n\n  |A|\n  |-|\n  |1|\n  Table: glued", "table-caption", None),
        ("![](table:hosts)\n\n  |A|\n  |-|\n  |1|\n\n  Table: x {#hosts}", "name-taken", "use another"),
    ],
)
def test_names_of_tables_are_checked(tmp_path: Path, description: str, code: str, remedy: str | None) -> None:
    findings = engagement(tmp_path, b"A\n1\n")
    (findings / "F-1.finding.yaml").write_text(f"title: t\nseverity: low\ndescription: |\n  {description}\n")

    reported: Mapping[str, Problem] = {problem.code: problem for problem in problems_of(findings)}

    assert code in reported
    assert remedy is None or (reported[code].remedy or "").startswith(remedy)


def test_cells_are_searched_for_credentials_and_hidden_characters(tmp_path: Path) -> None:
    token = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"
    findings = engagement(tmp_path, f"A,B\n1,{token}\nx\u202ey,2\n".encode())

    reported = {problem.code: problem for problem in problems_of(findings)}

    assert {code: problem.place.line for code, problem in reported.items() if problem.place and code != "pdf-characters"} == {
        "secret": 2,
        "hidden-character": 3,
    }
    assert token not in str(reported["secret"])
    (findings / "engagement.yaml").write_text(
        f"title: t\ntables: [{{name: hosts, file: data/hosts.csv}}]\nredact: [{{match: {token}}}]\n"
    )
    assert "secret" not in {problem.code for problem in problems_of(findings)}


NAMES = """\
title: t
sections:
  - {title: A, file: a.md}
  - {title: B, file: lost.md}
  - {title: C}
  - {title: D, file: latin.md}
images:
  - {name: a, file: a.png, alt: a}
  - {name: b, file: lost.png, alt: a}
logo: lost-logo.png
fonts:
  - {file: a.ttf, family: Inter, weight: 400}
  - {file: lost.ttf, family: Inter, weight: 700}
tables:
  - {name: c, file: a.csv}
  - {name: d, file: lost.csv}
attachments:
  - {file: a.txt, title: A}
  - {file: lost.txt, title: B}
docx_template: lost.docx
"""


def test_every_file_that_is_missing_is_reported_where_it_is_named(tmp_path: Path) -> None:
    findings = engagement(tmp_path, None)
    (findings / "engagement.yaml").write_text(NAMES)
    (findings / "latin.md").write_bytes(b"Z\xfcrich")
    for name in ("a.md", "a.png", "a.ttf", "a.csv", "a.txt"):
        (findings / name).write_bytes(b"\xef\xbb\xbfA\r\n1\n")

    engaged = authoring.load_valid_part(authoring.Folder(findings))

    places = {problem.place.line: problem for problem in engaged.problems if problem.place is not None}
    lost = {number: line for number, line in enumerate(NAMES.splitlines(), 1) if "lost" in line}
    assert {number for number, problem in places.items() if problem.code == "no-file"} == set(lost)
    assert (places[5].code, places[6].code, places[6].fault) == ("section-text", "not-utf8", "latin.md is not UTF-8")
    assert engaged.engagement.sections[0].text == "A\n1\n"
    assert set(engaged.files) >= {"a.md", "latin.md", "a.png", "a.ttf", "a.csv", "a.txt"}


def test_the_document_for_word_is_one_of_the_files(tmp_path: Path) -> None:
    findings = engagement(tmp_path, b"A\n1\n")
    (findings / "firm.docx").write_bytes(b"PK")
    (findings / "engagement.yaml").write_text(
        "title: t\ndocx_template: firm.docx\ntables: [{name: hosts, file: data/hosts.csv}]\n"
    )

    loaded = authoring.load_valid_part(authoring.Folder(findings))

    assert "firm.docx" in loaded.files
    assert loaded.docx_template == b"PK"
    assert loaded.tables["hosts"].rewrite(str.lower).header == ("a",)


def test_attachments_have_a_size_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = engagement(tmp_path, None)
    (findings / "engagement.yaml").write_text(
        "title: t\nattachments:\n  - {file: a.txt, title: A}\n  - {file: b.txt, title: B}\n"
    )
    (findings / "F-1.finding.yaml").write_text("title: t\nseverity: low\ndescription: d\n")
    for name in ("a.txt", "b.txt"):
        (findings / name).write_bytes(bytes(6))
    monkeypatch.setattr(declared_files, "MOST_ATTACHED", 12)
    assert problems_of(findings) == []
    monkeypatch.setattr(declared_files, "MOST_ATTACHED", 11)

    (problem,) = problems_of(findings)

    assert (problem.code, problem.place and problem.place.line) == ("attachments-size", 2)
    assert problem.fault.startswith("the attachments have 12 bytes")


def test_the_bounds_are_those_that_are_documented() -> None:
    bounds = declared_files
    assert (bounds.LARGEST_TABLE, bounds.MOST_ROWS, bounds.MOST_COLUMNS) == (2_000_000, 2_000, 50)
    assert (bounds.MOST_CELLS, bounds.LONGEST_CELL, bounds.MOST_ATTACHED) == (20_000, 4_000, 50_000_000)
    limits = declared_files._LIMITS
    assert (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes) == (60, 2_000_000_000, 0)
    assert (limits.wall_seconds, limits.output_bytes) == (300, 200_000_000)


@pytest.mark.parametrize(
    "content",
    [
        b"A\n" + b"1\n" * 2_000,
        b"A\n" + b"x" * 4_000,
        b",".join([b"A"] * 50) + b"\n" + b"," * 49,
        b"A\n" + b"1\n" * 2 + b" " * (2_000_000 - 6),
        b"A;B,C\n1,2\n",
        b"A\n1;2\n",
    ],
)
def test_a_table_at_a_bound_is_taken(content: bytes) -> None:
    assert read_table(content, "hosts.csv").rows


def test_a_table_may_have_as_many_cells_as_are_taken() -> None:
    row = b",".join([b"x"] * 40) + b"\n"
    full = row * (1 + MOST_CELLS // 40)

    assert len(read_table(full, "hosts.csv").rows) == MOST_CELLS // 40
    with pytest.raises(Exception, match="more than") as caught:
        read_table(full + row, "hosts.csv")
    assert getattr(caught.value, "line", None) == MOST_CELLS // 40 + 2
