"""The GitHub Action and the GitLab template: what they say is YAML of the right shape, and what they run is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
import repositories
import yaml
from composite_action import CompositeAction
from trackers.fake import Fake, Reply, Request

from findings_report import commands
from findings_report.commands.track import update
from findings_report.report.formats import FORMATS

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
    options = ["--noprofile", "--norc", "-eo", "pipefail"] if shell_name == "bash" else ["-e"]
    return subprocess.run(
        [shell_name, *options, "-c", script], cwd=folder, env=environment(given), capture_output=True, text=True, check=False
    )


def environment(given: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The variables of a job, with the program on its path."""
    return {**repositories.ENVIRONMENT, "PATH": f"{BIN}:{os.environ['PATH']}", **given}


def action(folder: Path, /, **inputs: str) -> CompositeAction:
    """The action in a job on a runner that has the program; `fail_on` is the input `fail-on`."""
    given = {"install": "false"} | {name.replace("_", "-"): value for name, value in inputs.items()}
    return CompositeAction(ROOT / "action.yml", folder, environment({"GITHUB_ACTIONS": "true"}), given)


def job(**variables: str) -> dict[str, str]:
    """The variables of the GitLab job; those of a keyword without FINDINGS_."""
    given = {name: str(value) for name, value in GITLAB["variables"].items()}
    return given | {f"FINDINGS_{name.upper()}": value for name, value in variables.items()}


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
    ran = action(work, formats="md, html").run()

    outcomes = {name: step.outcome for name, step in ran.steps.items()}
    assert outcomes == {
        "Install": "skipped",
        "Build the report": "success",
        "Find the baseline": "success",
        "Compare with the baseline": "failure",
        "Comment on the pull request": "skipped",
        "Upload to code scanning": "skipped",
        "Keep what was made": "success",
    }, ran
    assert ran.is_failed
    assert ran.outputs == {"baseline": "git:refs/tags/report-1.0"}
    compared = ran.steps["Compare with the baseline"]
    assert (compared.code, "::warning::DEMO-002: Reported as resolved; the cited code is unchanged" in compared.stdout) == (
        1,
        True,
    )
    assert ran.steps["Keep what was made"].inputs["path"] == "build"
    assert ran.summary.startswith("### The report\n\n    4 findings: ")
    assert "### What changed since the last report\n\n    compared with git:refs/tags/report-1.0\n" in ran.summary
    assert "    DEMO-002: contradiction: Reported as resolved" in ran.summary
    assert "::" not in ran.summary
    names = {path.name for path in (work / "build").iterdir()}
    assert names == {"report.md", "report.html", "diff.md", "diff.html"}


def test_the_actions_options_reach_the_program(work: Path) -> None:
    ran = action(
        work / "..", folder="demo/findings", formats="md", repository=f"quicknotes={work / 'app'}\n", output="demo/out",
        baseline="git:report-1.0", template="fix-review", fail_on="", strict="true", artifact="",
    ).run()  # fmt: skip

    assert not ran.is_failed, ran
    assert ran.steps["Keep what was made"].outcome == "skipped"
    assert "fix review of version 1.0" in (work / "out/diff.md").read_text()


def test_formats_that_have_no_comparison_are_left_out_of_it(work: Path) -> None:
    alone = {row.name for row in FORMATS.values() if not row.takes_comparisons}
    listed = "csv | docx | xlsx | defectdojo | gitlab-sast | csaf"

    assert alone == set(listed.split(" | "))
    assert f"in {listed})" in STEPS["Compare with the baseline"]["run"]
    assert f"in {listed})" in GITLAB["script"][0]
    ran = action(work, formats="md,csv", fail_on="").run()
    on_gitlab = shell(GITLAB["script"][0], work, job(formats="md, csv", fail_on="", output="gitlab"), "dash")
    assert not ran.is_failed
    assert on_gitlab.returncode == 0, on_gitlab.stderr
    for folder in ("build", "gitlab"):
        assert {path.name for path in (work / folder).iterdir()} == {"report.md", "report.csv", "diff.md"}


def test_a_gate_of_the_report_fails_the_job(work: Path) -> None:
    path = work / "findings/DEMO-004.finding.yaml"
    path.write_text(path.read_text().replace("self.connection.commit()", "self.connection.rollback()", 1))

    ran = action(work, formats="md", report_fail_on="quote", fail_on="").run()
    on_gitlab = shell(GITLAB["script"][0], work, job(formats="md", report_fail_on="quote", fail_on=""), "dash")

    assert ran.steps["Build the report"].code == on_gitlab.returncode == 1
    assert "--fail-on quote: 1 location: DEMO-004" in on_gitlab.stderr
    assert (work / "build/report.md").exists()


def test_after_a_failed_build_the_comparison_is_still_made(work: Path) -> None:
    ran = action(work, formats="md", strict="true", template="nowhere").run()

    assert ran.is_failed
    assert ran.steps["Compare with the baseline"].outcome == "failure"
    assert ran.steps["Keep what was made"].outcome == "success"


NO_BASELINE = [
    ("no tag", "fatal: No names found, cannot describe anything."),
    ("a tag of another product", "fatal: No names found, cannot describe anything."),
    ("a shallow clone", "fatal: No names found, cannot describe anything."),
    ("a folder of another owner", "fatal: detected dubious ownership in repository"),
]


def without_baseline(work: Path, why: str) -> Path:
    """The checkout, without a baseline that can be found."""
    repositories.git(work, "tag", "-d", "report-1.0")
    if why == "a tag of another product":
        repositories.git(work, "tag", "web-v7", "HEAD^")
    elif why == "a shallow clone":
        repositories.git(work, "tag", "report-1.0", "HEAD^")
        repositories.git(work.parent, "clone", "-q", "--depth=1", f"file://{work}", "shallow")
        (work.parent / "shallow/app").symlink_to(work / "app")
        return work.parent / "shallow"
    elif why == "a folder of another owner":
        repositories.git(work, "tag", "report-1.0", "HEAD^")
        if os.getuid() != 0:
            pytest.skip("only root can give a folder away")
        subprocess.run(["chown", "-R", "65534", work], check=True)
    return work


@pytest.mark.parametrize(("why", "said"), NO_BASELINE)
def test_an_action_that_cannot_compare_fails_with_what_git_said(work: Path, why: str, said: str) -> None:
    ran = action(without_baseline(work, why), formats="md").run()

    found = ran.steps["Find the baseline"]
    assert ran.is_failed
    assert (found.outcome, found.code) == ("failure", 4)
    assert ran.steps["Compare with the baseline"].outcome == "skipped"
    (line,) = found.stdout.splitlines()
    assert line.startswith("::error::There is no report to compare with, so the gates cannot run.")
    assert said in line
    assert "report-tags" in line
    assert "baseline: none" in line
    # The report is made all the same, and kept.
    assert ran.steps["Build the report"].outcome == ran.steps["Keep what was made"].outcome == "success"


@pytest.mark.parametrize("shell_name", ["bash", "dash"])
@pytest.mark.parametrize(("why", "said"), NO_BASELINE)
def test_a_gitlab_job_that_cannot_compare_fails_with_what_git_said(work: Path, why: str, said: str, shell_name: str) -> None:
    folder = without_baseline(work, why)

    ran = shell(GITLAB["script"][0], folder, job(formats="md"), shell_name)

    assert ran.returncode == 4
    assert said in ran.stderr
    assert "FINDINGS_BASELINE to none" in ran.stderr
    assert (folder / "build/report.md").exists()


def test_the_baseline_is_the_last_report_and_not_the_nearest_tag(work: Path) -> None:
    repositories.git(work, "tag", "web-v7", "HEAD")
    repositories.git(work, "commit", "-q", "--allow-empty", "-m", "more")

    assert action(work, formats="md").run().outputs["baseline"] == "git:refs/tags/report-1.0"
    assert action(work, formats="md", report_tags="web-*").run().outputs["baseline"] == "git:refs/tags/web-v7"
    ran = shell(GITLAB["script"][0], work, job(formats="md"), "dash")
    assert (ran.returncode, "DEMO-002: contradiction" in ran.stdout) == (1, True)
    ran = shell(GITLAB["script"][0], work, job(formats="md", report_tags="web-*"), "dash")
    assert (ran.returncode, "DEMO-002: contradiction" in ran.stdout) == (0, False)


def test_none_says_that_there_is_no_baseline(work: Path) -> None:
    repositories.git(work, "tag", "-d", "report-1.0")

    ran = action(work, formats="md", baseline="none").run()
    on_gitlab = [shell(GITLAB["script"][0], work, job(formats="md", baseline="none"), name) for name in ("bash", "dash")]

    assert not ran.is_failed
    assert ran.steps["Find the baseline"].stdout == "::notice::Nothing is compared: baseline is none\n"
    assert ran.steps["Compare with the baseline"].outcome == "skipped"
    assert [each.returncode for each in on_gitlab] == [0, 0]
    assert all("Nothing is compared" in each.stdout for each in on_gitlab)


@pytest.mark.parametrize("name", ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "--output=pwned", "-h"])
def test_a_hostile_name_is_a_name_and_nothing_else(work: Path, name: str) -> None:
    runner = action(work, baseline=name, formats="md", template=name, fail_on="")

    runner.run_step("Find the baseline")
    compared = runner.run_step("Compare with the baseline")

    assert compared.code == 2, compared.stdout
    assert not (work / "pwned").exists()


@pytest.mark.parametrize("pattern", ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "--all", "x\n::set-output::y"])
def test_a_hostile_pattern_is_a_pattern_and_nothing_else(work: Path, pattern: str) -> None:
    found = action(work, report_tags=pattern).run_step("Find the baseline")
    ran = shell(GITLAB["script"][0], work, job(formats="md", report_tags=pattern), "dash")

    assert (found.code, ran.returncode) == (4, 4)
    assert len(found.stdout.splitlines()) == 1
    assert not list(work.parent.rglob("pwned"))


HOSTILE = ("$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "--output=pwned", "*", "x\ny", "\x1b[31m")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_inputs_are_words_and_nothing_else(work: Path, text: str) -> None:
    names = ("folder", "formats", "repository", "template", "fail_on", "strict", "output", "audience")
    runner = action(work, baseline="git:report-1.0", **dict.fromkeys(names, text))
    runner.run_step("Find the baseline")

    ran = [runner.run_step("Build the report"), runner.run_step("Compare with the baseline")]

    assert all(each.code == 2 for each in ran)
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
    runner = action(work, baseline="report-1.0\nother=1")

    assert runner.run_step("Find the baseline").code == 2
    assert runner.expand("${{ steps.baseline.outputs.other }}") == ""


@pytest.mark.parametrize(
    ("which", "given"), [("action", {}), ("gitlab", {"FINDINGS_INSTALL": "findings_report-1-py3-none-any.whl"})]
)
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


@pytest.mark.parametrize("shell_name", ["bash", "dash"])
def test_the_gitlab_template_installs_nothing_by_a_name_that_a_stranger_could_register(tmp_path: Path, shell_name: str) -> None:
    (tmp_path / shell_name).symlink_to(shutil.which(shell_name) or "")
    variables = GITLAB["variables"] | {"PATH": str(tmp_path)}

    ran = shell(GITLAB["before_script"][0], tmp_path, variables, shell_name)

    assert GITLAB["variables"]["FINDINGS_INSTALL"] == ""

    assert ran.returncode == 2
    assert "set FINDINGS_INSTALL to a wheel" in ran.stderr


@pytest.mark.parametrize("shell_name", ["bash", "dash"])
def test_the_gitlab_template_builds_compares_and_fails_on_a_contradiction(work: Path, shell_name: str) -> None:
    ran = shell(GITLAB["script"][0], work, job(formats="md,html"), shell_name)

    assert ran.returncode == 1, ran.stderr
    assert "DEMO-002: contradiction: Reported as resolved; the cited code is unchanged" in ran.stdout
    names = {path.name for path in (work / "build").iterdir()}
    assert names == {"report.md", "report.html", "diff.md", "diff.html"}


def test_the_gitlab_templates_variables_reach_the_program(work: Path) -> None:
    given = job(formats="md", fail_on="", template="fix-review", output="out", strict="true")
    given |= {"FINDINGS_REPOSITORIES": f"quicknotes={work / 'app'}"}

    ran = shell(GITLAB["script"][0], work, given)

    assert ran.returncode == 0, ran.stderr
    assert "fix review of version 1.0" in (work / "out/diff.md").read_text()


@pytest.mark.parametrize(("baseline", "code"), [("", 1), ("none", 0)])
def test_gitlab_runs_the_template(work: Path, baseline: str, code: int) -> None:
    """With gitlab-ci-local, which reads `include`, `variables` and `artifacts` as GitLab does."""
    for tool in ("gitlab-ci-local", "rsync"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    (work / "integrations").mkdir()
    shutil.copy(TEMPLATE, work / "integrations")
    variables = {"FINDINGS_INSTALL": "", "FINDINGS_FORMATS": "md", "FINDINGS_BASELINE": baseline}
    include = [{"local": "integrations/findings-report.gitlab-ci.yml"}]
    (work / ".gitlab-ci.yml").write_text(json.dumps({"include": include, "findings-report": {"variables": variables}}))
    repositories.git(work, "add", "-A")
    repositories.git(work, "commit", "-qm", "CI")
    repositories.git(work, "remote", "add", "origin", "https://gitlab.example.org/o/n.git")

    command = ["gitlab-ci-local", "--force-shell-executor", "findings-report"]
    ran = subprocess.run(
        command, cwd=work, env=environment({"HOME": str(work.parent)}), capture_output=True, text=True, check=False
    )

    assert ran.returncode == code, ran.stdout + ran.stderr
    assert (work / "build/report.md").exists()
    assert (work / "build/diff.md").exists() == (not baseline)


def comments(forge: str, asked: list[Request]) -> Callable[[Request], Reply]:
    """Answer as a forge with a merge request whose comments are kept, one of them somebody else's with our mark."""
    user = "user" if forge == "github" else "author"
    who = "login" if forge == "github" else "username"
    kept: dict[int, dict[str, Any]] = {
        1: {"id": 1, "body": "<!-- findings-report: report -->\n\nnot ours", user: {who: "mallory"}}
    }
    text = re.compile(r"/(?:repos/o/n/issues/7|projects/5/merge_requests/7)/(?:comments|notes)\Z")

    def answer(request: Request) -> Reply:
        asked.append(request)
        if request.headers.get("authorization", request.headers.get("private-token", "")).removeprefix("Bearer ") != TOKEN:
            return Reply({"message": f"bad token {TOKEN}"}, 401)
        if request.path == "/user":
            return Reply({"message": "of an app"}, 403) if forge == "github" else Reply({who: "bot"})
        if request.method == "POST" and text.match(request.path):
            name = "github-actions[bot]" if forge == "github" else "bot"
            kept[len(kept) + 1] = {"id": len(kept) + 1, "body": request.json()["body"], user: {who: name}}
            return Reply(kept[len(kept)], 201)
        if request.method in ("PATCH", "PUT"):
            entry = kept[int(request.path.rpartition("/")[2])]
            entry["body"] = request.json()["body"]
            return Reply(entry)
        return Reply(list(kept.values())) if request.query["page"] == "1" else Reply([])

    return answer


TOKEN: Final = "token-" + "0123456789" * 4


@pytest.fixture
def forge(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[Request]]]:
    """A forge that keeps comments: its address, and what it was asked."""
    asked: list[Request] = []
    with Fake.started() as server:
        answer = comments(request.param, asked)
        server.answer = answer  # type: ignore[method-assign, assignment]  # it answers in any order
        yield server.url, asked


@pytest.mark.slow  # three jobs
@pytest.mark.parametrize("forge", ["github"], indirect=True)
def test_the_action_comments_once_and_updates_its_comment(work: Path, forge: tuple[str, list[Request]]) -> None:
    url, asked = forge
    event = work.parent / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"repo": {"full_name": "o/n"}}}}))
    place = {"GITHUB_API_URL": url, "GITHUB_REPOSITORY": "o/n", "GITHUB_EVENT_PATH": str(event), "TOKEN_OF_JOB": TOKEN}
    title = "title: '@everyone ``` /close <script>'"
    path = work / "findings/DEMO-003.finding.yaml"
    path.write_text(re.sub("^title: .*", lambda _: title, path.read_text(), flags=re.MULTILINE))

    def run() -> CompositeAction:
        given = {"install": "false", "formats": "md", "fail-on": "", "comment": "true"}
        variables = environment({"GITHUB_ACTIONS": "true", "FORCE_COLOR": "1", **place})
        made = CompositeAction(ROOT / "action.yml", work, variables, given)
        assert made.run().steps["Comment on the pull request"].outcome == "success"
        return made

    run()
    run()
    path.write_text(path.read_text().replace("@everyone", "@nobody"))
    run()

    assert [each.method for each in asked if each.method != "GET"] == ["POST", "PATCH"]
    first, second = (each.json()["body"] for each in asked if each.method != "GET")
    assert asked[-1].path == "/repos/o/n/issues/comments/2"
    assert first.startswith("<!-- findings-report: report -->\n\n### The report\n\n")
    # Within a block that the text cannot end.
    assert re.search(
        r"\n````text\ncompared with git:refs/tags/report-1.0\n(?:.*\n)*.*@everyone ``` /close(?:.*\n)*````\n", first
    )
    assert "@nobody" in second
    assert "1B" not in first
    assert not re.search("^::", first, re.MULTILINE)
    assert TOKEN not in first + second


@pytest.mark.slow  # three jobs
@pytest.mark.parametrize("forge", ["gitlab"], indirect=True)
def test_the_gitlab_job_comments_once_and_updates_its_comment(work: Path, forge: tuple[str, list[Request]]) -> None:
    url, asked = forge
    place = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": url,
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "7",
        "GITLAB_TOKEN": TOKEN,
    }

    for fail_on in ("", "contradiction", "contradiction"):
        ran = shell(GITLAB["script"][0], work, job(formats="md", fail_on=fail_on, comment="true") | place, "dash")
        assert ran.returncode == int(bool(fail_on)), ran.stderr
        assert TOKEN not in ran.stdout + ran.stderr

    assert [(each.method, each.path.rpartition("/")[2]) for each in asked if each.method != "GET"] == [("POST", "notes")]
    wrong = shell("findings-report ci comment --report build/report.md", work, place | {"GITLAB_TOKEN": "other"})
    assert wrong.returncode == 6
    assert "the forge answers GET of the comment with 401" in wrong.stderr
    assert "scope api" in wrong.stderr


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({}, "the job is not of a pull request"),
        ({"pull_request": {"number": 7, "head": {"repo": {"full_name": "mallory/n"}}}}, "the pull request is from a fork"),
        ({"pull_request": {"number": "7", "head": None}}, "the job is not of a pull request"),
    ],
)
def test_a_job_that_cannot_comment_says_why_and_succeeds(work: Path, event: dict[str, Any], why: str) -> None:
    (work / "event.json").write_text(json.dumps(event))
    place = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": "event.json", "GITHUB_REPOSITORY": "o/n"}

    ran = shell("findings-report ci comment --report event.json", work, place)

    assert (ran.returncode, ran.stdout.startswith(f"no comment: {why}")) == (0, True)


def test_a_token_goes_to_no_address_in_clear_text_and_follows_no_redirect(work: Path) -> None:
    place = {"GITLAB_CI": "true", "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "7", "GITLAB_TOKEN": TOKEN}
    (work / "text").write_text("x")
    command = "findings-report ci comment --report text"

    clear = shell(command, work, {**place, "CI_API_V4_URL": "http://gitlab.example.org/api/v4"})
    with Fake.started() as elsewhere, Fake.started() as server:
        server.expect("GET", "/user", Reply(None, 302, headers={"Location": f"{elsewhere.url}/user"}))
        led = shell(command, work, {**place, "CI_API_V4_URL": server.url})
        assert elsewhere.requests == []

    assert (clear.returncode, led.returncode) == (2, 6)
    assert TOKEN not in clear.stderr + led.stderr


def test_a_long_comment_is_cut_and_says_so(work: Path) -> None:
    (work / "text").write_text("a line of text\n" * 20_000)

    ran = shell("findings-report ci comment --report text --comparison text --dry-run", work, {})

    assert len(ran.stdout) < 65_536
    assert re.search(r"^[0-9,]+ more lines are in the log of the job\.$", ran.stdout, re.MULTILINE)


def test_the_report_is_uploaded_as_sarif_if_asked(work: Path) -> None:
    old = work / "build/older.sarif"
    old.parent.mkdir(exist_ok=True)
    old.write_text("{}")
    os.utime(old, (0, 0))

    ran = action(work, formats="md", fail_on="", sarif="true").run()

    upload = ran.steps["Upload to code scanning"]
    assert (upload.outcome, upload.inputs["sarif_file"]) == ("success", "build/report.sarif")
    assert json.loads((work / "build/report.sarif").read_text())["version"] == "2.1.0"
    assert action(work, formats="md,sarif", fail_on="").run().steps["Upload to code scanning"].outcome == "skipped"


@pytest.mark.parametrize("fault", ["a quote", "no YAML"])
def test_gitlab_gets_the_problems_as_code_quality(work: Path, fault: str) -> None:
    path = work / "findings/DEMO-004.finding.yaml"
    text = path.read_text().replace("self.connection.commit()", "self.connection.rollback()", 1)
    path.write_text(text if fault == "a quote" else f"{text}titel: x\n")

    shell(GITLAB["script"][0], work, job(formats="md", fail_on=""), "dash")

    assert GITLAB["artifacts"]["reports"] == {"codequality": "gl-code-quality.json"}
    entries = json.loads((work / "gl-code-quality.json").read_text())
    keys = {"description", "check_name", "fingerprint", "severity", "location"}
    assert all(set(entry) == keys for entry in entries)
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    expected = {("quote-edited", "major", "findings/DEMO-004.finding.yaml")}
    expected |= {("unknown-field", "critical", "findings/DEMO-004.finding.yaml")} if fault == "no YAML" else set()
    assert {(entry["check_name"], entry["severity"], entry["location"]["path"]) for entry in entries} == expected
    assert all(entry["location"]["lines"]["begin"] > 1 for entry in entries)


def test_each_fault_is_annotated_once(work: Path) -> None:
    path = work / "findings/DEMO-004.finding.yaml"
    path.write_text(path.read_text().replace("self.connection.commit()", "self.connection.rollback()", 1))

    ran = action(work, formats="md,html", fail_on="").run()

    commands_of_runner = [line for step in ran.steps.values() for line in step.stdout.splitlines() if line.startswith("::")]
    assert any("[quote-edited]" in line for line in commands_of_runner)
    assert len(set(commands_of_runner)) == len(commands_of_runner)


def scripts() -> Iterator[tuple[str, str, str]]:
    """(name, shell, text) of each script for CI."""
    for name, step in STEPS.items():
        if "run" in step:
            yield name, "bash", step["run"]
    for name in ("before_script", "script"):
        yield f"gitlab {name}", "sh", "\n".join(GITLAB[name])


@pytest.mark.parametrize(("name", "shell_name", "text"), list(scripts()))
def test_shellcheck_has_no_remark(name: str, shell_name: str, text: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: `make test-tools`")

    ran = subprocess.run(["shellcheck", f"--shell={shell_name}", "-"], input=text, capture_output=True, text=True, check=False)

    assert ran.stdout == "", name


@pytest.mark.slow
def test_the_pdfs_are_made(work: Path) -> None:
    shell(GITLAB["script"][0], work, job())

    for name in ("report", "diff"):
        assert (work / f"build/{name}.pdf").read_bytes().startswith(b"%PDF-")
