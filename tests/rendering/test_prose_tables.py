"""Tables of CSV files and captions of tables: what readers of each format see, and what editions leave out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pikepdf
import pytest
import tagged

from findings_report.commands import render as render_report
from findings_report.model.report import Report
from findings_report.rendering.document_parts import render
from findings_report.rendering.template_files import find_template
from findings_report.report import archive
from findings_report.report.assemble import restrict_report, single_finding_report
from findings_report.report.check import Inputs, assembled, check
from findings_report.tickets.create_and_sync import render_tickets

ENGAGEMENT = """\
title: Review
audiences: [client, internal]
summary: |
  See [](table:hosts), [](table:wide) and [](table:accounts).

  Table: Ciphers that were *offered* {#ciphers}

  | Cipher | Bits |
  |---|---:|
  | 3DES | 112 |
tables:
  - {name: hosts, file: data/hosts.csv, caption: Hosts in scope}
  - {name: wide, file: data/wide.csv}
  - {name: accounts, file: data/accounts.csv, caption: Accounts, audience: [internal]}
sections:
  - title: Method
    text: |
      ![](table:hosts)

      ![Again](table:hosts)

      ![](table:accounts)

      | A | B |
      |---|---|
      | 1 | 2 |

      Table: The last one
"""
FINDING = """\
title: Weak TLS
severity: high
description: |
  See [the hosts](table:hosts), [](table:ciphers) and [](table:own).

  ![Wide](table:wide)

  | Host | Port |
  |---|---|
  | a | 443 |

  Table: Ports of `a` {#own}
"""


def written(root: Path) -> Path:
    findings = root / "findings"
    (findings / "data").mkdir(parents=True)
    (findings / "engagement.yaml").write_text(ENGAGEMENT)
    (findings / "F-1.finding.yaml").write_text(FINDING)
    (findings / "F-2.finding.yaml").write_text("title: Other\nseverity: low\ndescription: See [](table:own).\n")
    hosts = '\ufeffHost,Port,Note\r\nwww.example.org,443,"one <b>\r\ntwo | x"\r\napi.example.org,"8,443",*a* [x](y) \u202e\r\n'
    (findings / "data" / "hosts.csv").write_bytes(hosts.encode())
    row = ",".join(f"value {index} of it" for index in range(14))
    (findings / "data" / "wide.csv").write_text("\n".join([",".join("ABCDEFGHIJKLMN"), *[row] * 8]))
    (findings / "data" / "accounts.csv").write_text("User,Logins\nmallory,30\n")
    return findings


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def report(findings: Path) -> Report:
    return assembled(check(Inputs(findings, {}), lambda _: None), None).model_copy(update={"components": ()})


def text_of(report: Report, name: str, findings: Path) -> str:
    return render(report, template=find_template("standard", findings, given=False), format=name).content.decode()


def test_tables_are_numbered_in_their_part_and_known_by_name_everywhere(report: Report, findings: Path) -> None:
    assert {table.name: table.number for table in report.engagement.numbered_tables} == {
        "ciphers": "1",
        "hosts": "2",
        "accounts": "3",
        "wide": "F-1.1",
        "own": "F-1.2",
    }
    page = text_of(report, "html", findings)

    assert 'See <a href="#table-2">Table 2</a>, <a href="#table-F-1.1">Table F-1.1</a>' in page
    assert '<table id="table-1"><caption><strong>Table 1</strong> Ciphers that were <em>offered</em></caption>' in page
    assert '<table id="table-2"><caption><strong>Table 2</strong> Hosts in scope</caption>' in page
    assert '<p><a href="#table-2">Table 2</a>: Again</p>' in page
    assert "<caption><strong>Table 3</strong> Accounts (Only for: internal)</caption>" in page
    assert "<caption><strong>Table 4</strong> The last one</caption>" in page
    assert "<caption><strong>Table F-1.2</strong> Ports of <code>a</code></caption>" in page
    assert page.count(' id="table-2"') == 1


def test_cells_are_plain_text_and_columns_of_numbers_are_aligned(report: Report, findings: Path) -> None:
    page, markdown = text_of(report, "html", findings), text_of(report, "md", findings)

    assert '<th class="right">Port</th>' in page
    assert "<td>one &lt;b&gt;<br>\ntwo | x</td>" in page
    assert '<td>*a* [x](y) <span class="hidden">U+202E</span></td>' in page.replace("\\u{202E}", "U+202E")
    assert "**Table 2** Hosts in scope\n\n| Host | Port | Note |\n| --- | --: | --- |\n" in markdown
    assert r"| www\.example.org | 443 | one \<b> two \| x |" in markdown.replace(r"\>", ">")
    assert "See the hosts, Table 1 and Table F-1.2." in markdown


def test_an_edition_has_the_tables_of_its_readers_and_new_numbers(report: Report, findings: Path) -> None:
    edition = assembled(check(Inputs(findings, {}, audience="client"), lambda _: None), None)
    restricted = restrict_report(report, "client")

    for made in (edition, restricted):
        assert [table.name for table in made.engagement.tables] == ["hosts", "wide"]
        assert {table.name: table.number for table in made.engagement.numbered_tables}["hosts"] == "2"
        assert "mallory" not in archive.to_json(made).decode()
        assert "accounts" not in archive.to_json(made).decode()
        assert "<caption><strong>Table 3</strong> The last one</caption>" in text_of(made, "html", findings)


def test_a_finding_alone_has_its_own_tables_and_names_the_others(report: Report, findings: Path) -> None:
    one, two = (single_finding_report(report, finding) for finding in report.findings)

    assert [table.name for table in one.engagement.tables] == ["wide"]
    assert two.engagement.tables == ()
    tickets = render_tickets(two, find_template("standard", findings, given=False))
    assert "See Table F-1.2." in tickets["F-2"]
    assert "**Table F-1.2** Ports of `a`" in render_tickets(report, find_template("standard", findings, given=False))["F-1"]


def test_the_data_has_the_rows_and_is_read_again(report: Report) -> None:
    data = json.loads(archive.to_json(report))
    again = archive.read(archive.to_json(report), "report.json")

    assert data["engagement"]["tables"][2] == {
        "name": "accounts", "caption": "Accounts", "header": ["User", "Logins"], "rows": [["mallory", "30"]],
        "audience": ["internal"],
    }  # fmt: skip
    assert again == report
    table = report.engagement.tables[0].model_copy(update={"rows": (("one",),)})
    ragged = report.model_copy(update={"engagement": report.engagement.model_copy(update={"tables": (table,)})})
    assert archive.unsound(ragged) == "the table 'hosts' has rows of another length than its head"


@pytest.mark.slow
def test_the_pdf_has_captions_and_wide_tables_keep_theirs(report: Report, findings: Path) -> None:
    content = render_report(report, "pdf", find_template("standard", findings, given=False), system_fonts=False).content
    with pikepdf.open(io.BytesIO(content)) as pdf:
        parents = [str(parent.S) for element, parent in tagged.elements(pdf) if element.S == "/Caption"]
    texts = [text.split()[:2] for kind, text in tagged.read_aloud(content) if kind == "Caption" or text.startswith("Table ")]

    assert parents == ["/Table"] * 6
    assert ["Table", "F-1.1"] in texts
    assert tagged.faults(content) == []
