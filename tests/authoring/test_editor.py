"""What an author sees in an editor: the language server that editors run, given nothing but what `init` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from language_server import SERVER, LanguageServer

from findings_report import authoring, commands
from findings_report.commands import NewFinding

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SERVER.exists(), reason="yaml-language-server is not here: `make test-tools` (needs Node.js and npm)"
    ),
]

TEXT = """# yaml-language-server: $schema=.schema/finding.json
title: x
severity: hgih
titel: y
status: resolved
description: |
  d
locations:
  - path: a.py
    lines: 22, 24-28

rating:
  impact: huge
recommendation: text
cvss: CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N
"""


@pytest.fixture(scope="module")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engagement")
    commands.init(folder, "A review")
    return folder


@pytest.fixture(scope="module")
def server(engagement: Path) -> Iterator[LanguageServer]:
    with LanguageServer(engagement) as running:
        yield running


@pytest.fixture(scope="module")
def finding(engagement: Path, server: LanguageServer) -> Path:
    path = engagement / "findings/X-1.finding.yaml"
    server.open(path, TEXT.replace("24-28\n", "24-28\n    "))  # where the next field of the location is to be written
    return path


def test_faults_are_told_where_they_stand(engagement: Path, server: LanguageServer) -> None:
    messages = sorted(server.open(engagement / "findings/X-2.finding.yaml", TEXT), key=lambda each: int(each.partition(":")[0]))

    assert [each.partition(":")[0] for each in messages] == ["3", "4", "12", "13"]
    assert 'Valid values: "critical", "high", "medium", "low", "informational"' in messages[0]
    assert "titel is not allowed" in messages[1]
    assert 'Missing property "likelihood"' in messages[2]
    assert 'Valid values: "low", "medium", "high"' in messages[3]


@pytest.mark.parametrize("line", ["cwe: CWE79", "cwe: [CWE-79, 89]", "tickets: [SEC-12]", "related: [-x]", "due: 2026-13"])
def test_a_value_in_another_form_is_told(engagement: Path, server: LanguageServer, line: str) -> None:
    text = f"# yaml-language-server: $schema=.schema/finding.json\ntitle: x\nseverity: low\ndescription: y\n{line}\n"

    (message,) = server.open(engagement / f"findings/{abs(hash(line))}.finding.yaml", text)
    assert message.startswith("5: ")


def test_what_init_and_new_write_is_told_of_only_where_it_is_empty(engagement: Path, server: LanguageServer) -> None:
    (added,) = commands.new(engagement, NewFinding("A title")).paths

    for path in sorted((engagement / "findings").glob("*.yaml")):
        messages = server.open(path, path.read_text())
        assert bool(messages) == (path == added), (path.name, messages)


def test_every_field_of_the_samples_is_known_to_the_editor(server: LanguageServer, engagement: Path) -> None:
    examples = Path(authoring.__file__).parent / "example"
    schema = "# yaml-language-server: $schema=.schema/{}.json\n"

    engagement_text = (examples / "example.engagement.yaml").read_text()
    assert server.open(engagement / "findings/engagement.yaml", schema.format("engagement") + engagement_text) == []
    finding_text = (examples / "example.finding.yaml").read_text().replace("repository: quicknotes", "repository: main")
    own = finding_text.replace("extra: {difficulty_class: easy}\n", "")  # its words are those of another engagement
    assert server.open(engagement / "findings/X-3.finding.yaml", schema.format("finding") + own) == []


def test_fields_are_proposed_with_their_meaning(server: LanguageServer, finding: Path) -> None:
    top, location = server.complete(finding, 15, 0), server.complete(finding, 10, 4)

    assert top["owner"] == "Person or team responsible for the fix."
    assert "title" not in top  # it stands there already
    assert location["symbol"] == "Name of the function or class that encloses the lines; checked against the code."
    assert "path" not in location


def test_words_are_proposed_with_their_meaning(server: LanguageServer, finding: Path) -> None:
    assert server.complete(finding, 2, 10)["critical"] == "Exploitable now, with serious impact: fix immediately."
    statuses = server.complete(finding, 4, 8)
    assert statuses.keys() == {
        "open",
        "acknowledged",
        "partially_resolved",
        "resolved",
        "risk_accepted",
        "false_positive",
        "undetermined",
    }
    assert statuses["resolved"] == "The weakness is fixed."


def test_a_field_explains_itself_with_an_example(server: LanguageServer, finding: Path) -> None:
    lines = server.hover(finding, 9, 5)

    assert lines.startswith("#### Lines\n\nCited lines: `121`, `111-129`, or a list of either.")
    assert "```yaml\n22-28\n```" in lines
    assert server.hover(finding, 12, 3).startswith("#### Impact\n\nImpact of an exploit.")
    assert "`resolved`: The weakness is fixed." in server.hover(finding, 4, 2)


def test_settings_lead_to_the_schema_where_a_file_does_not(engagement: Path) -> None:
    import json

    settings = json.loads((engagement / ".vscode/settings.json").read_text())

    with LanguageServer(engagement, {"schemas": settings["yaml.schemas"]}) as server:
        assert server.open(engagement / "library/web/xss.yaml", "titel: x\n") != []
        assert server.open(engagement / "findings/sub/A-1.finding.yaml", "title: x\nseverity: low\ndescription: y\n") == []
        assert any("titel" in each for each in server.open(engagement / "findings/sub/A-2.finding.yaml", "titel: x\n"))
