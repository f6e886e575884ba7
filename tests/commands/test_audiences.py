"""Comparisons, tickets, lists and the cache of an engagement that has parts for some of its readers only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import withheld
from typer.testing import CliRunner
from withheld import MARKER

from findings_report import commands
from findings_report.cli.app import app
from findings_report.commands import BuildOptions
from findings_report.commands.check import overview
from findings_report.commands.diff import DiffOptions, PublishedDiff, diff
from findings_report.commands.tickets import attach
from findings_report.model.comparison import Change
from findings_report.problems import FindingsReportError, Kind
from findings_report.report import archive
from findings_report.report.check import Inputs
from findings_report.tickets.attach import AttachOptions
from findings_report.tickets.create_and_sync import CreateOptions, SyncOptions, create, export, sync
from findings_report.tickets.http.credentials import Environment

NOTHING = BuildOptions((), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False)
NO_GATES = DiffOptions((), None, None, system_fonts=False, fail_on=(), exit_code=False)


def say_nothing(step: str) -> None:
    """Ignore progress."""


def build(folder: Path, audience: str | None, output: Path) -> Path:
    options = replace(NOTHING, formats=("json",), output=str(output))
    commands.build(Inputs(folder, {}, audience=audience), options, say_nothing)
    return output


def compare(
    baseline: Path, current: Path | None, findings: Path, audience: str | None = None, **options: object
) -> PublishedDiff:
    inputs = Inputs(findings, {}, audience=audience)
    wishes = DiffOptions(**{**vars(NO_GATES), **options})
    return diff(str(baseline), None if current is None else str(current), inputs, wishes, say_nothing)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return withheld.engagement(tmp_path_factory.mktemp("audited"))


@pytest.fixture(scope="module")
def reports(findings: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {
        "complete": build(findings, None, folder / "complete.json"),
        "client": build(findings, "client", folder / "client.json"),
        "internal": build(findings, "internal", folder / "internal.json"),
    }


@pytest.mark.parametrize(("baseline", "current"), [("complete", "client"), ("client", "complete"), ("client", "client")])
def test_what_one_audience_does_not_get_is_neither_new_nor_absent(
    reports: Mapping[str, Path], findings: Path, baseline: str, current: str
) -> None:
    comparison = compare(reports[baseline], reports[current], findings).comparison

    assert [(compared.id, compared.change) for compared in comparison.findings] == [
        ("F-1", Change.UNCHANGED),
        ("F-2", Change.UNCHANGED),
    ]
    assert comparison.engagement.edition == comparison.baseline.edition == comparison.current.edition == "client"
    assert "The editions of both reports for the audience client are compared." in comparison.limits
    assert [repository.name for repository in comparison.engagement.repositories] == ["app", "tool"]


def test_reports_for_two_audiences_are_not_compared(reports: Mapping[str, Path], findings: Path) -> None:
    with pytest.raises(FindingsReportError, match="one report is for client, and the other for internal") as error:
        compare(reports["client"], reports["internal"], findings)

    assert error.value.problems[0].kind is Kind.USAGE


def test_two_complete_reports_are_compared_with_everything(reports: Mapping[str, Path], findings: Path) -> None:
    comparison = compare(reports["complete"], reports["complete"], findings).comparison

    assert len(comparison.findings) == 4


@pytest.mark.parametrize("sides", [("complete", "client"), ("complete", None), ("git:HEAD", None)])
@pytest.mark.parametrize("template", ["standard", "fix-review"])
def test_no_marker_is_in_a_comparison_for_an_audience(
    reports: Mapping[str, Path], findings: Path, tmp_path: Path, sides: tuple[str, str | None], template: str
) -> None:
    before = reports.get(sides[0], Path(sides[0]))
    after = reports[sides[1]] if sides[1] is not None else None

    compare(before, after, findings, "client", template=template, formats=("md", "html", "json"), output=f"{tmp_path}/")

    assert len(list(tmp_path.iterdir())) == 3
    assert withheld.places(tmp_path) == []


def test_a_list_has_the_findings_of_its_audience(findings: Path) -> None:
    assert [entry.id for entry in overview(Inputs(findings, {}, audience="client")).entries] == ["F-1", "F-2"]
    assert len(overview(Inputs(findings, {})).entries) == 4


def test_exported_tickets_have_no_marker(findings: Path, tmp_path: Path) -> None:
    inputs = Inputs(findings, {}, audience="client")

    export(inputs, (), (), tmp_path, say_nothing)

    assert {path.name for path in tmp_path.iterdir()} == {"jira.csv", "azure.csv", "F-1.md"}
    assert withheld.places(tmp_path) == []


def test_nothing_goes_to_a_tracker_before_its_readers_are_named(findings: Path) -> None:
    inputs, environment = Inputs(findings, {}), Environment({})
    sent: list[Callable[[], object]] = [
        lambda: create(inputs, CreateOptions("redmine:audit"), environment, say_nothing),
        lambda: sync(inputs, SyncOptions(), environment, say_nothing),
        lambda: attach(AttachOptions((), (), inputs), environment, say_nothing),
    ]

    for send in sent:
        with pytest.raises(FindingsReportError, match="parts of the engagement are only for internal") as error:
            send()
        assert error.value.problems[0].kind is Kind.USAGE


def test_old_data_without_audiences_is_compared_with_an_edition(
    reports: Mapping[str, Path], findings: Path, tmp_path: Path
) -> None:
    data = json.loads(reports["client"].read_text())
    for name in ("edition", "audiences"):
        del data["engagement"][name]
    (tmp_path / "old.json").write_text(json.dumps(data))

    comparison = compare(tmp_path / "old.json", None, findings, "client").comparison

    assert {compared.change for compared in comparison.findings} == {Change.UNCHANGED}


def test_the_program_takes_the_audience(findings: Path, tmp_path: Path) -> None:
    runner = CliRunner()

    built = runner.invoke(app, ["build", str(findings), "--audience", "client", "-f", "md", "-o", f"{tmp_path}/r.md"])
    listed = runner.invoke(app, ["list", str(findings), "--audience", "client"])
    refused = runner.invoke(app, ["build", str(findings), "--audience", "clinet", "-f", "md", "-o", f"{tmp_path}/x.md"])

    assert built.exit_code == 0, built.output
    assert "2 findings: 1 high, 1 low" in built.output
    assert MARKER not in listed.stdout
    assert isinstance(refused.exception, FindingsReportError)
    assert refused.exception.problems[0].remedy == "did you mean 'client'?"
    assert not (tmp_path / "x.md").exists()


def test_the_cache_of_an_engagement_is_shown_and_removed(
    findings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runner = CliRunner()
    runner.invoke(app, ["build", str(findings), "-f", "md", "-o", f"{tmp_path}/r.md"])

    shown = runner.invoke(app, ["cache", "show"]).output
    shown_as_json = json.loads(runner.invoke(app, ["cache", "show", "--output-format", "json"]).output)
    removed = runner.invoke(app, ["cache", "clear", str(findings.parent)]).output

    assert re.search(r"pages\s+", shown)
    assert [entry["name"] for entry in shown_as_json["cache"]] == [str(findings)]
    assert re.match(r"removed [0-9]+ files", removed)
    assert runner.invoke(app, ["cache", "show"]).output == "nothing is kept\n"
    assert runner.invoke(app, ["cache", "clear"]).output == "nothing was kept\n"
    unknown = runner.invoke(app, ["cache", "clear", str(tmp_path / "none")]).exception
    assert isinstance(unknown, FindingsReportError)
    assert unknown.problems[0].kind is Kind.USAGE


def test_an_edition_of_a_report_is_read_again(reports: Mapping[str, Path]) -> None:
    report = archive.read(reports["client"].read_bytes(), "client.json")

    assert archive.to_json(report) == reports["client"].read_bytes()
