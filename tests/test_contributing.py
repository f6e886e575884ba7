"""What a change costs: rows of the table in CONTRIBUTING are applied to a copy of the package, and the change works.

Not applied: a field that is not prose (a line where it is printed), the markup of a tracker, an executor, a verdict
and a forge. These rows name every file that they touch.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from changed_package import ROOT, ChangedPackage

from findings_report import commands

MODEL = "findings_report/model/finding.py"
EXAMPLE = "findings_report/authoring/example/example.finding.yaml"
FORMATS = "findings_report/report/formats.py"
TRACKERS = "findings_report/tickets/trackers/open.py"
COMMANDS = "findings_report/cli/app.py"


@pytest.fixture
def package(tmp_path: Path) -> ChangedPackage:
    return ChangedPackage(tmp_path)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return commands.demo(tmp_path / "demo")


def row(change: str) -> tuple[str, str]:
    """The cells (new file, lines elsewhere) of a row of the table."""
    found = re.search(rf"^\| {re.escape(change)} \| (.*?) \| (.*?) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert found is not None, f"CONTRIBUTING.md has no row {change!r}"
    return found[1], found[2]


@pytest.mark.slow
def test_a_prose_field_costs_a_line_in_the_model_and_an_example(package: ChangedPackage, demo: Path) -> None:
    assert row("prose field on a finding") == ("none", "1 in `model/finding.py`, 1 example in `authoring/example/`")

    package.insert(MODEL, "    root_cause: Markdown | None = None", before="    scenario: ")
    package.insert(EXAMPLE, "root_cause: The query is built from strings.", before="scenario:")
    finding = demo / "findings/DEMO-001.finding.yaml"
    finding.write_text(finding.read_text() + "root_cause: Nobody reviewed the *query*.\n")

    assert package.created == []
    assert package.edited == {MODEL: 1, EXAMPLE: 1}
    built = package.run("build", str(demo), "-f", "md", "-o", "-")
    assert "#### Root cause\n\nNobody reviewed the *query*." in built.stdout, built.stderr
    schema = json.loads(package.run("schema", "finding").stdout)
    assert schema["properties"]["root_cause"]["examples"] == ["The query is built from strings."]


def test_an_export_format_costs_a_file_and_a_row(package: ChangedPackage, demo: Path) -> None:
    assert row("export format") == ("`rendering/NAME.py`", "1 row in `FORMATS` (`report/formats.py`)")

    package.create(
        "findings_report/rendering/ids.py",
        """from findings_report.report.formats import Rendered
from findings_report.model.report import Report


def render(report: Report) -> Rendered:
    return Rendered("".join(f"{finding.id}\\n" for finding in report.findings).encode())
""",
    )
    line = '        ReportFormat("ids", "findings_report.rendering.ids:render", takes_comparisons=False),'
    package.insert(FORMATS, line, before='        ReportFormat("json"')

    assert (len(package.created), package.edited) == (1, {FORMATS: 1})
    built = package.run("build", str(demo), "-f", "ids", "-o", "-")
    assert sorted(built.stdout.split()) == [f"DEMO-00{number}" for number in (1, 2, 3, 4)], built.stderr
    assert "ids" in package.run("build", "--help").stdout


def test_a_report_layout_costs_files_of_a_template_only(package: ChangedPackage, demo: Path) -> None:
    assert row("report layout") == ("`templates/NAME/`", "0")

    package.create("templates/short/document.md.j2", "{% for finding in report.findings %}\n- {{ finding.id }}\n{% endfor %}\n")

    assert package.edited == {}
    built = package.run("build", str(demo), "-f", "md", "--template", "short", "-o", "-")
    assert built.stdout.startswith("- DEMO-00"), built.stderr


def test_an_issue_tracker_costs_a_file_and_a_row(package: ChangedPackage) -> None:
    assert row("issue tracker")[1].startswith("1 row in `TRACKERS` and its import")

    package.create(
        "findings_report/tickets/trackers/aardvark.py",
        """from contextlib import AbstractContextManager
from typing import Any

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.tickets.http.credentials import Environment

REFERENCE = "aardvark:7"


def open_aardvark(environment: Environment) -> AbstractContextManager[Any]:
    raise FindingsReportError(Problem(Kind.USAGE, "this tracker is asleep", code="tracker"))
""",
    )
    package.insert(TRACKERS, "    aardvark,", before="    azure,")
    line = (
        '        TrackerType("aardvark", (aardvark.REFERENCE,), aardvark.open_aardvark, (Markup.MARKDOWN,), needs_extra=False),'
    )
    package.insert(TRACKERS, line, before='        TrackerType("azure"')
    (package.folder / "report.md").write_text("# Report\n")

    assert (len(package.created), package.edited) == (1, {TRACKERS: 2})
    attached = package.run("attach", "report.md", "--to", "aardvark:7")
    assert "this tracker is asleep" in attached.stderr + attached.stdout


def test_a_command_costs_a_file_a_function_and_a_row(package: ChangedPackage, demo: Path) -> None:
    assert row("command") == ("`commands/NAME.py`", "1 function in `cli`, 1 row in `COMMANDS`")

    package.create(
        "findings_report/commands/count.py",
        """from pathlib import Path

from findings_report.report.check import Inputs, read


def count(folder: Path) -> int:
    return len(read(Inputs(folder, {}))[1].findings)
""",
    )
    function = """def count(folder: Path) -> None:
    from findings_report.commands.count import count

    out(str(count(folder)))


"""
    package.insert("findings_report/cli/support.py", function, before="def doctor(")
    line = '    Command("count", "Check", "Print the number of findings.", "count", "support.count"),'
    package.insert(COMMANDS, line, before='    Command("check"')

    assert (len(package.created), set(package.edited)) == (1, {"findings_report/cli/support.py", COMMANDS})
    assert package.run("count", str(demo)).stdout == "4\n"
    assert "Print the number of findings." in package.run("--help").stdout
