"""The GitHub Action and the GitLab template: what they say is YAML of the right shape, and what they run is run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import repositories
import yaml

from findings_report import commands
from findings_report.commands.track_update import update

ROOT = Path(__file__).parents[2]
ACTION: Final[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: Final = {step["name"]: step for step in ACTION["runs"]["steps"]}
TEMPLATE: Final = ROOT / "integrations/findings-report.gitlab-ci.yml"
GITLAB: Final[dict[str, Any]] = yaml.safe_load(TEMPLATE.read_text())["findings-report"]
BIN = Path(sys.executable).parent


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A checkout: the demo's findings on release 1.0, tagged, and a commit that claims fixes on 1.1."""
    folder = commands.demo(tmp_path / "demo")
    repositories.git(folder, "init", "-q")
    (folder / ".gitignore").write_text("app/\nbuild/\n")
    repositories.git(folder, "add", "-A")
    repositories.git(folder, "commit", "-qm", "1.0")
    repositories.git(folder, "tag", "report-1.0")
    update(commands.Inputs(folder, {}), "1.1", only=None, dry_run=False, progress=lambda _: None)
    path = folder / "findings/DEMO-002.finding.yaml"
    path.write_text(path.read_text().replace("status: open", "status: resolved"))
    repositories.git(folder, "commit", "-qam", "1.1")
    return folder


def shell(script: str, folder: Path, given: Mapping[str, str], shell_name: str = "bash") -> subprocess.CompletedProcess[str]:
    """A script as a runner runs it."""
    environment = {**repositories.ENVIRONMENT, "PATH": f"{BIN}:{os.environ['PATH']}", **given}
    options = ["--noprofile", "--norc", "-eo", "pipefail"] if shell_name == "bash" else ["-e"]
    return subprocess.run(
        [shell_name, *options, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


class Runner:
    """Runs steps of the action as GitHub does: inputs and outputs reach a step through its `env`."""

    def __init__(self, folder: Path, /, **inputs: str) -> None:
        self.folder = folder
        self.values = {f"inputs.{name}": str(told.get("default", "")) for name, told in ACTION["inputs"].items()}
        self.values |= {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
        self.values |= {"steps.baseline.outputs.revision": "", "github.action_path": str(ROOT)}

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        step = STEPS[name]
        output = self.folder.parent / "output"
        output.write_text("")
        given = {key: self._evaluated(value) for key, value in step.get("env", {}).items()}
        ran = shell(step["run"], self.folder, {"GITHUB_OUTPUT": str(output), **given, **more})
        for line in output.read_text().splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{key}"] = value
        return ran

    def _evaluated(self, text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: self.values[match[1]], text)


def test_no_script_holds_an_expression() -> None:
    """What a runner puts into a script's text is run; what it puts into the environment is not."""
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
        assert ("shell" in step) == ("run" in step)
    names = re.findall(r"\$\{\{ (?:inputs\.([\w-]+))", (ROOT / "action.yml").read_text())
    assert set(names) <= set(ACTION["inputs"])


def test_other_peoples_actions_are_named_by_commit() -> None:
    for step in STEPS.values():
        if "uses" in step:
            assert re.search(r"@[0-9a-f]{40}\Z", step["uses"])


def test_every_input_is_described_and_used() -> None:
    text = (ROOT / "action.yml").read_text()
    for name, told in ACTION["inputs"].items():
        assert told["description"]
        assert f"inputs.{name}" in text


def test_the_action_builds_compares_and_fails_on_a_contradiction(work: Path) -> None:
    runner = Runner(work, formats="md, html")

    found = runner.run("Find the baseline")
    built = runner.run("Build the report")
    compared = runner.run("Compare with the baseline")

    assert (found.returncode, built.returncode) == (0, 0), built.stderr
    assert runner.values["steps.baseline.outputs.revision"] == "git:refs/tags/report-1.0"
    assert compared.returncode == 1
    assert "::warning::DEMO-002: Reported as resolved; the cited code is unchanged" in compared.stdout
    names = {path.name for path in (work / "build").iterdir()}
    assert names == {"report.md", "report.html", "diff.md", "diff.html"}


def test_the_actions_options_reach_the_program(work: Path) -> None:
    runner = Runner(
        work / "..", folder="demo/findings", formats="md", repository=f"quicknotes={work / 'app'}\n", output="demo/out",
        baseline="git:report-1.0", template="fix-review", fail_on="", strict="true",
    )  # fmt: skip

    runner.run("Find the baseline")
    built = runner.run("Build the report")
    compared = runner.run("Compare with the baseline")

    assert (built.returncode, compared.returncode) == (0, 0), built.stdout + compared.stderr
    assert "fix review of version 1.0" in (work / "out/diff.md").read_text()


def test_without_a_tag_nothing_is_compared_and_it_is_said(work: Path) -> None:
    repositories.git(work, "tag", "-d", "report-1.0")
    runner = Runner(work)

    ran = runner.run("Find the baseline")

    assert ran.returncode == 0
    assert ran.stdout.startswith("::notice::No tag before this commit")
    assert runner.values["steps.baseline.outputs.revision"] == ""


@pytest.mark.parametrize("name", ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "--output=pwned", "-h"])
def test_a_hostile_name_is_a_name_and_nothing_else(work: Path, name: str) -> None:
    runner = Runner(work, baseline=name, formats="md", template=name, fail_on="")

    runner.run("Find the baseline")
    compared = runner.run("Compare with the baseline")

    assert compared.returncode == 2, compared.stdout
    assert not (work / "pwned").exists()


HOSTILE = ("$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "--output=pwned", "*", "x\ny", "\x1b[31m")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_inputs_are_words_and_nothing_else(work: Path, text: str) -> None:
    names = ("folder", "formats", "repository", "template", "fail_on", "strict", "output")
    runner = Runner(work, baseline="git:report-1.0", **dict.fromkeys(names, text))

    ran = [runner.run("Build the report"), runner.run("Compare with the baseline")]

    assert all(each.returncode == 2 for each in ran)
    assert all("\x1b" not in each.stdout + each.stderr for each in ran)
    assert not list(work.parent.rglob("pwned"))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_variables_are_words_and_nothing_else(work: Path, text: str) -> None:
    given = {name: text for name in GITLAB["variables"] if name.startswith("FINDINGS_")}

    ran = shell(GITLAB["script"][0], work, given, "sh")

    assert ran.returncode == 2
    assert not list(work.parent.rglob("pwned"))


LONG = "A title that is wrapped in a table of eighty columns, so that a line of it begins with"


@pytest.mark.parametrize("command", ["::stop-commands::" + "x" * 20, "::error::" + "x" * 28, "a ##[add-mask]e"])
@pytest.mark.parametrize("output_format", ["github", "full"])
def test_no_title_is_a_command_to_the_runner(work: Path, command: str, output_format: str) -> None:
    """A runner reads whatever is printed: `::` behind any blanks, and `##[` anywhere, are commands of it."""
    path = work / "findings/DEMO-003.finding.yaml"
    title = f"title: {json.dumps(f'{LONG} {command}')}"
    path.write_text(re.sub("^title: .*", lambda _: title, path.read_text(), flags=re.MULTILINE))
    options = f"--output-format {output_format}"

    ran = shell(f"findings-report diff git:report-1.0 {options}", work, {"GITHUB_ACTIONS": "true"})

    said = ran.stdout + ran.stderr
    assert "begins with" in re.sub(r"\s+", " ", said)
    assert not re.search(r"^\s*::(?!warning::DEMO|notice::DEMO)|##\[", said, re.MULTILINE)
    assert ("::warning::DEMO-002: " in said) == (output_format == "github")


def test_json_in_a_workflow_says_what_it_says_elsewhere(work: Path) -> None:
    path = work / "findings/DEMO-003.finding.yaml"
    path.write_text(path.read_text().replace("status: open", "status: resolved\nfix: {commits: ['##[error]x']}"))
    command = "findings-report diff git:report-1.0 --output-format json"

    inside, outside = shell(command, work, {"GITHUB_ACTIONS": "true"}), shell(command, work, {})

    assert "##[" in outside.stdout
    assert "##[" not in inside.stdout
    assert json.loads(inside.stdout) == json.loads(outside.stdout)


def test_two_lines_are_no_baseline(work: Path) -> None:
    runner = Runner(work, baseline="report-1.0\nother=1")

    assert runner.run("Find the baseline").returncode == 2
    assert "steps.baseline.outputs.other" not in runner.values


@pytest.mark.parametrize(("which", "given"), [("action", {}), ("gitlab", {"FINDINGS_INSTALL": "findings-report"})])
def test_what_is_installed_is_what_a_pdf_needs(tmp_path: Path, which: str, given: dict[str, str]) -> None:
    """The network is not there in a test: the programs that would ask for it tell what they were asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "sudo", "python3"):
        (tools / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "$SAID"\n')
        (tools / name).chmod(0o755)
    (tmp_path / "temp/findings-report/bin").mkdir(parents=True)
    (tmp_path / "temp/findings-report/bin/python").symlink_to(tools / "python3")
    script = STEPS["Install"]["run"] if which == "action" else GITLAB["before_script"][0]
    places = {"SAID": f"{tmp_path}/said", "RUNNER_TEMP": f"{tmp_path}/temp", "GITHUB_PATH": f"{tmp_path}/path"}

    ran = shell(script, tmp_path, {**places, **given, "ACTION": str(ROOT), "PATH": f"{tools}:{os.environ['PATH']}"})

    assert ran.returncode == 0, ran.stderr
    said = (tmp_path / "said").read_text()
    libraries = re.search(r"^LIBRARIES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert libraries
    assert libraries[1] in said
    assert "pip install" in said


@pytest.mark.parametrize("shell_name", ["bash", "sh"])
def test_the_gitlab_template_builds_compares_and_fails_on_a_contradiction(work: Path, shell_name: str) -> None:
    given = {name: str(value) for name, value in GITLAB["variables"].items()} | {"FINDINGS_FORMATS": "md,html"}

    ran = shell(GITLAB["script"][0], work, given, shell_name)

    assert ran.returncode == 1, ran.stderr
    assert "DEMO-002: contradiction: Reported as resolved; the cited code is unchanged" in ran.stdout
    names = {path.name for path in (work / "build").iterdir()}
    assert names == {"report.md", "report.html", "diff.md", "diff.html"}


def test_the_gitlab_templates_variables_reach_the_program(work: Path) -> None:
    given = {name: str(value) for name, value in GITLAB["variables"].items()}
    given |= {"FINDINGS_FORMATS": "md", "FINDINGS_FAIL_ON": "", "FINDINGS_TEMPLATE": "fix-review", "FINDINGS_OUTPUT": "out"}
    given |= {"FINDINGS_REPOSITORIES": f"quicknotes={work / 'app'}", "FINDINGS_STRICT": "true"}

    ran = shell(GITLAB["script"][0], work, given)

    assert ran.returncode == 0, ran.stderr
    assert "fix review of version 1.0" in (work / "out/diff.md").read_text()


@pytest.mark.slow
def test_the_pdfs_are_made(work: Path) -> None:
    given = {name: str(value) for name, value in GITLAB["variables"].items()}

    shell(GITLAB["script"][0], work, given)

    for name in ("report", "diff"):
        assert (work / f"build/{name}.pdf").read_bytes().startswith(b"%PDF-")
