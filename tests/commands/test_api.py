"""The public API: what docs/api.md promises, used as a stranger would use it."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import findings_report
from findings_report import FindingsReportError, Verdict

PROGRAM = Path(sys.executable).parent / "findings-report"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "demo"
    subprocess.run([PROGRAM, "demo", folder], check=True, capture_output=True)
    return folder


def test_an_engagement_is_loaded_without_git(demo: Path) -> None:
    loaded = findings_report.load(demo)

    assert loaded.engagement.title
    assert [finding.title for finding in loaded.findings.values()]
    assert list(loaded.findings) == ["DEMO-001", "DEMO-002", "DEMO-003", "DEMO-004"]


def test_quotes_are_checked_against_git(demo: Path) -> None:
    checked = findings_report.check(str(demo))

    verdicts = [snippet.check.verdict for snippets in checked.snippets.values() for snippet in snippets]
    assert verdicts.count(Verdict.EXACT) == 2
    assert findings_report.check(demo, evidence=False).snippets == {}


def test_a_report_is_built_and_read_back_and_compared(demo: Path, tmp_path: Path) -> None:
    built = findings_report.build(demo, formats=["md", "json"], output=f"{tmp_path}/")

    assert [file.name for file in built.files] == ["report.md", "report.json"]
    report = findings_report.read_report(tmp_path / "report.json")
    assert [finding.id for finding in report.findings] == ["DEMO-001", "DEMO-002", "DEMO-003", "DEMO-004"]
    compared = findings_report.diff(tmp_path / "report.json", demo, folder=demo)
    assert {finding.change.value for finding in compared.comparison.findings} == {"unchanged"}


def test_cited_code_is_found_at_another_commit(demo: Path) -> None:
    tracked = findings_report.track(demo, to="1.1")

    assert {location.finding for location in tracked.locations} == {"DEMO-001", "DEMO-002", "DEMO-003", "DEMO-004"}
    assert all(location.drift.kind.value for location in tracked.locations)
    assert len(next(iter(tracked.commits.values()))) == 40


def test_an_error_has_every_problem_with_its_code_and_place(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "engagement.yaml").write_text("format: 1\ntitle: x\nseverity: high\n")
    (tmp_path / "A-1.finding.yaml").write_text("title: x\nseverity: hgih\ndescription: x\n")

    with pytest.raises(FindingsReportError) as raised:
        findings_report.load(tmp_path)

    assert {problem.code for problem in raised.value.problems} == {"unknown-field", "not-in-list"}
    assert all(problem.place is not None and problem.place.line for problem in raised.value.problems)


def test_results_are_frozen_and_options_are_keywords() -> None:
    for name in findings_report.__all__:
        value = getattr(findings_report, name)
        if inspect.isfunction(value):
            kinds = [parameter.kind for parameter in inspect.signature(value).parameters.values()]
            assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 2, name
        elif dataclasses.is_dataclass(value):
            assert getattr(value, "__dataclass_params__").frozen, name  # noqa: B009  # typeshed does not know it


def test_the_package_alone_loads_none_of_its_modules() -> None:
    program = "import sys, findings_report; print(*(name for name in sys.modules if name.startswith('findings_report')))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "findings_report\n"


def test_every_public_name_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")

    assert [name for name in findings_report.__all__ if f"`{name}" not in text] == []
