"""Several engagements at once: one that fails does not stop the others, and each goes where it belongs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from findings_report import commands
from findings_report.commands import BuildOptions
from findings_report.commands.build_many import EngagementResult, build_many
from findings_report.problems import FindingsReportError, Kind
from findings_report.report.check import Inputs

PROGRAM = str(Path(sys.executable).parent / "findings-report")
PLAIN = BuildOptions(("md",), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False)


def built(folders: Sequence[Path], clones: dict[str, Path] | None = None, **wishes: object) -> list[EngagementResult]:
    every = [Inputs(folder, clones or {}) for folder in folders]
    return list(build_many(every, BuildOptions(**{**vars(PLAIN), **wishes}), lambda _: None))


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Three engagements, the second of them broken."""
    folders = [commands.demo(tmp_path / name) for name in ("acme", "beta", "gamma")]
    (folders[1] / "findings" / "DEMO-001.finding.yaml").write_text("titel: x\n")
    return folders


def test_one_that_fails_does_not_stop_the_others(three: list[Path], tmp_path: Path) -> None:
    outcomes = built([*three, tmp_path / "nowhere"], output=f"{tmp_path}/out")

    assert [(each.name, each.built is not None) for each in outcomes] == [
        ("acme", True), ("beta", False), ("gamma", True), ("nowhere", False)
    ]  # fmt: skip
    assert {problem.kind for each in outcomes[1::2] for problem in each.problems} == {Kind.INPUT}
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert written == {"acme/report.md", "gamma/report.md"}


def test_without_a_folder_each_has_its_own(three: list[Path]) -> None:
    built(three)

    assert [(folder / "build" / "report.md").exists() for folder in three] == [True, False, True]


def test_an_engagement_that_is_named_twice_is_built_once(three: list[Path]) -> None:
    assert [each.name for each in built([three[0], three[0] / "findings", three[0]])] == ["acme"]


def test_it_is_the_report_that_is_built_of_one_alone(three: list[Path], tmp_path: Path) -> None:
    built(three, output=f"{tmp_path}/out/")
    commands.build(Inputs(three[2], {}), PLAIN, lambda _: None)

    assert (tmp_path / "out/gamma/report.md").read_bytes() == (three[2] / "build/report.md").read_bytes()


def test_a_clone_is_given_to_those_that_know_its_repository(three: list[Path]) -> None:
    engagement = three[2] / "findings" / "engagement.yaml"
    engagement.write_text(engagement.read_text().replace("  quicknotes:\n", "  notes:\n"))

    outcomes = built([three[0], three[2]], {"notes": three[0] / "app"})

    assert [each.built is not None for each in outcomes] == [True, True]


@pytest.mark.parametrize(
    ("wishes", "clones", "said"),
    [
        ({"output": "out/report.PDF"}, {}, "is one file, and there are several engagements"),
        ({"output": "-"}, {}, "is one file, and there are several engagements"),
        ({"only": ("DEMO-001",)}, {}, "--only names findings of one engagement"),
        ({}, {"": Path("app")}, "--repository does not say whose it is"),
        ({}, {"nope": Path("app")}, "--repository names 'nope', which none of the engagements has"),
    ],
)
def test_what_cannot_be_meant_of_several_is_refused_before_any_is_built(
    wishes: dict[str, object], clones: dict[str, Path], said: str, three: list[Path]
) -> None:
    with pytest.raises(FindingsReportError, match=said) as caught:
        built([three[0], three[2]], clones, **wishes)

    assert {problem.kind for problem in caught.value.problems} == {Kind.USAGE}
    assert not (three[0] / "build").exists()


def test_two_of_the_same_name_do_not_share_a_subfolder(tmp_path: Path) -> None:
    folders = [commands.demo(tmp_path / year / "Acme") for year in ("2025", "2026")]

    with pytest.raises(FindingsReportError, match="would both be written to Acme/"):
        built(folders, output=f"{tmp_path}/out/")
    assert len(built(folders)) == 2


def test_a_table_says_what_became_of_each_and_the_code_is_that_of_the_gravest(three: list[Path], tmp_path: Path) -> None:
    command = [PROGRAM, "build", *map(str, three), "-f", "md", "-o", "out/", "--fail-on", "high"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == int(Kind.INPUT)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["engagement", "findings", "problems", "written"]
    assert rows[2:] == [
        ["acme", "2", "high,", "2", "medium", "1", "error", "out/acme/report.md"],
        ["beta", "4", "errors", "nothing"],
        ["gamma", "2", "high,", "2", "medium", "1", "error", "out/gamma/report.md"],
    ]
    assert "beta:\nbeta/findings/DEMO-001.finding.yaml:1:1" in done.stderr


def test_in_json_every_engagement_has_its_own_problems(three: list[Path]) -> None:
    command = [PROGRAM, "build", *map(str, three), "-f", "md", "--output-format", "json"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    said = json.loads(done.stdout)
    assert [(each["name"], each["built"] is None, len(each["problems"])) for each in said["engagements"]] == [
        ("acme", False, 0), ("beta", True, len(said["problems"])), ("gamma", False, 0)
    ]  # fmt: skip
