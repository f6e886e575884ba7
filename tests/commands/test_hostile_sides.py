"""What a hostile report, PDF or revision may try as a side of `diff`: the list of what holds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import repositories
from markdown_it import MarkdownIt
from pdfs import carrying
from repositories import Link, Submodule
from test_diff import as_json, run

from findings_report import commands
from findings_report.commands.track import track, update
from findings_report.problems import FindingsReportError, Kind
from findings_report.problems.safe_text import HIDDEN
from findings_report.report import archive

Report = dict[str, Any]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The JSON of the demo's report."""
    return json.dumps(as_json(commands.demo(tmp_path_factory.mktemp("demo") / "demo"))).encode()


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return commands.demo(tmp_path / "demo")


def fault(content: bytes) -> str:
    with pytest.raises(FindingsReportError) as raised:
        archive.read(content, "old.json")
    (problem,) = raised.value.problems
    assert problem.kind is Kind.INPUT
    return problem.fault


def spoiled(reported: bytes, change: Callable[[Report], object]) -> bytes:
    report: Report = json.loads(reported)
    change(report)
    return json.dumps(report).encode()


# What no report says


def deep(reported: bytes) -> bytes:
    return reported.replace(b'"summary"', b'"more": ' + b"[" * 10**6 + b"]" * 10**6 + b', "summary"', 1)


def wide(_: bytes) -> bytes:
    return b'{"a": [' + b"[]," * 5_000_001 + b"[]]}"


def wide_after_an_odd_text(_: bytes) -> bytes:
    return rb'{"\"[,\\": [' + b"[]," * 5_000_001 + b"[]]}"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (deep, "its values are nested too deep"),
        (wide, "it has more than the 5,000,000 values that are read"),
        (wide_after_an_odd_text, "it has more than the 5,000,000 values that are read"),
        (lambda _: b'{"a":' * 10**6, "its values are nested too deep"),
        (lambda reported: reported.decode().encode("utf-16"), "Invalid JSON: "),
        (lambda reported: reported.replace(b'"title": "', b'"title": "\\ud800', 1), "Invalid JSON: "),
        (lambda reported: reported.replace(b'"start_line": ', b'"start_line": ' + b"9" * 5_000, 1), "it is not JSON: "),
    ],
)
def test_a_json_that_nobody_made_is_refused_before_it_fills_the_memory(
    reported: bytes, made: Callable[[bytes], bytes], said: str
) -> None:
    began = time.process_time()

    assert fault(made(reported)).startswith(said)
    assert time.process_time() - began < 5


def test_values_are_counted_outside_of_texts(reported: bytes) -> None:
    def fill(report: Report) -> None:
        report["findings"][0]["snippets"][0]["runs"][0]["lines"][0]["text"] = "[,{" * 2_000_000
        report["findings"][0]["snippets"][0]["fingerprints"] = []

    content = spoiled(reported, fill)

    assert archive.read(content, "old.json").findings[0].snippets[0].runs[0].lines[0].text.startswith("[,{")


def finding(**fields: object) -> Callable[[Report], object]:
    return lambda report: report["findings"][0].update(fields)


def snippet(**fields: object) -> Callable[[Report], object]:
    return lambda report: report["findings"][0]["snippets"][0].update(fields)


def accent(report: Report) -> None:
    report["engagement"]["accent"] = "red}body{background:url(//evil.example)"


def several_lines(report: Report) -> None:
    report["findings"][0]["snippets"][0]["runs"][0]["lines"][0]["text"] = "a\nb"


def inside(report: Report) -> None:
    report["findings"][0]["snippets"][0]["runs"][0]["inside"] = "/*\n"


def out_of_order(report: Report) -> None:
    report["findings"][0]["snippets"][0]["runs"] *= 2


def not_cited(report: Report) -> None:
    for line in report["findings"][0]["snippets"][0]["runs"][0]["lines"]:
        line["number"] += 1000


def other_code(report: Report) -> None:
    changed = next(finding for finding in report["findings"] if finding["id"] == "DEMO-004")
    changed["snippets"][0]["runs"][0]["lines"][0]["text"] += " or True"


def other_count(report: Report) -> None:
    next(count for count in report["counts"] if count["total"])["total"] += 1


def other_statuses(report: Report) -> None:
    count = next(count for count in report["counts"] if count["total"])
    count["by_status"] = [[status, 7] for status, _ in count["by_status"]]


def other_scale(report: Report) -> None:
    report["counts"] = [count for count in report["counts"] if not count["total"]]


def other_verdicts(report: Report) -> None:
    report["verdicts"][0]["total"] += 1


def other_tasks(report: Report) -> None:
    report["remediation"]["findings"].pop()


def other_weaknesses(report: Report) -> None:
    report["classification"]["weaknesses"][0]["findings"] = ["DEMO-999"]


def check(**fields: object) -> Callable[[Report], object]:
    return lambda report: report["findings"][0]["snippets"][0]["check"].update(fields)


def not_found(report: Report) -> None:
    check(verdict="not_found")(report)
    count = report["verdicts"]
    count[0]["total"] -= 1
    count.append({"verdict": "not_found", "total": 1})


def same_id(report: Report) -> None:
    report["findings"][1]["id"] = "demo-001"


def all_lines(report: Report) -> None:
    region = {"start_line": 1, "end_line": 900_000}
    report["findings"][0]["snippets"][0]["regions"] = [region] * 300
    report["findings"][0]["snippets"][0]["check"]["found"] = [region]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (finding(id="\x1b[31m::error::x"), "findings.0.id: '\\x1b[31m::error::x' is not an id"),
        (finding(id="../../x"), "findings.0.id: '../../x' is not an id"),
        (finding(id="x" * 100_000), f"findings.0.id: '{'x' * 100}"),
        (other_count, "it counts "),
        (other_statuses, "its findings of severity "),
        (other_scale, "its counts have the severity "),
        (other_verdicts, "it counts other verdicts than its quotes have"),
        (other_tasks, "its table of what is to be done has other findings than those that wait"),
        (other_weaknesses, "its table of weaknesses has other findings than those with the weaknesses"),
        (not_found, "'DEMO-001' has a quote with the verdict 'not_found' and a place in a file"),
        (check(found=[]), "'DEMO-001' has a quote with the verdict 'exact' and no place in a file"),
        (check(text="edited"), "'DEMO-001' has a quote with the verdict 'exact' and another one on its text"),
        (same_id, "it has more than one finding 'DEMO-001'"),
        (accent, "engagement.accent: 'red}body{background:url(//evil.example)' is not a colour"),
        (several_lines, "'DEMO-001' prints several lines as one"),
        (inside, "'DEMO-001' prints several lines as one"),
        (all_lines, "'DEMO-001' cites the lines 1-900000 after 1-900000"),
        (snippet(commit="--output=pwned"), "'DEMO-001' names a commit that is no hash"),
        (snippet(commit="HEAD\n\n"), "'DEMO-001' names a commit that is no hash"),
        (snippet(commit="0" * 39), "'DEMO-001' names a commit that is no hash"),
        (snippet(blob="x" * 40), "'DEMO-001' names a blob that is no hash"),
        (out_of_order, "'DEMO-001' prints lines out of their order"),
        (not_cited, "'DEMO-001' prints lines that it does not cite"),
        (other_code, "'DEMO-004' prints other lines than those of the fingerprint of lines "),
        (snippet(permalink="javascript:alert(1)"), "'DEMO-001' has a permalink that is no web address"),
        (finding(title="x" * 300_000), "findings.0.title has 300,000 characters; at most 262,144 are read"),
        (snippet(regions=[{"start_line": 0, "end_line": 3}]), "'DEMO-001' cites the lines 0-3, and there are no such lines"),
        (snippet(regions=[{"start_line": -9, "end_line": -3}]), "'DEMO-001' cites the lines -9--3, and there are no such"),
    ],
)
def test_a_report_that_lies_is_refused_with_the_reason(reported: bytes, change: Callable[[Report], object], said: str) -> None:
    found = fault(spoiled(reported, change))

    assert found.startswith(said)
    assert len(found) < 400


@pytest.mark.parametrize(
    "change",
    [
        snippet(path="a\n../../../etc/passwd"),
        snippet(path="/etc/passwd"),
        snippet(repository="\x1b]0;x\x07"),
        snippet(regions=[{"start_line": 10**30, "end_line": 10**31}]),
        lambda report: report["engagement"]["repositories"][0].update(commit="--output=pwned"),
        lambda report: report["engagement"]["repositories"][0].update(name="../x", url="ext::sh -c touch% pwned"),
    ],
)
def test_places_that_are_none_are_told_and_nothing_else_happens(
    demo: Path, reported: bytes, change: Callable[[Report], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    side = demo / "side.json"
    side.write_bytes(spoiled(reported, change))
    commands.pin(commands.Inputs(demo, {}), to="1.1", only=None)
    monkeypatch.chdir(demo)

    found = [run(demo, *sides).comparison for sides in ((str(side), None), (str(demo), str(side)))]

    judged = [each.text for comparison in found for one in comparison.findings for each in one.judgements]
    assert "could not be located" in " ".join(judged)
    assert not list(demo.rglob("pwned"))


LEVELS = ("low", "medium", "high")
HOSTILE = (
    "\x1b]8;;https://evil.example\x07\u202e\u200b\x9b<script>alert(1)</script>\r\n"
    "# forged\n~~~~\n`````\n# forged\n::error::x ##[error]x|`"
)


def everywhere(value: Any, key: str = "") -> Any:
    """The report with a hostile text in every place that takes any."""
    if isinstance(value, dict):
        return {name: each if name == "references" else everywhere(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each, key) for each in value]
    takes_any = key in {"title", "description", "impact", "summary", "client", "symbol", "caption", "category", "owner"}
    return HOSTILE if takes_any and isinstance(value, str | None) and value not in LEVELS else value


@pytest.mark.parametrize("output_format", ["full", "concise", "json", "github"])
def test_no_text_of_a_side_reaches_the_terminal_or_a_page_as_more_than_text(
    demo: Path, reported: bytes, output_format: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from findings_report.cli.app import main

    new = demo / "new.json"
    new.write_text(json.dumps(everywhere(json.loads(reported))))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(demo)  # away from any `templates/`, of which it would be told
    formats = ["-f", "md", "-f", "html", "-o", f"{demo}/out/"]
    arguments = ["diff", str(demo), str(new), "--output-format", output_format, *formats]
    monkeypatch.setattr("sys.argv", ["findings-report", *arguments])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    for text in (said.out, said.err, *((demo / f"out/diff.{suffix}").read_text() for suffix in ("md", "html"))):
        assert HIDDEN.sub("", text) == text
    assert not re.search(r"^\s*::(?!warning::|notice::)|##\[", said.out + said.err, re.MULTILINE)
    markdown = MarkdownIt("commonmark", {"html": True}).render((demo / "out/diff.md").read_text())
    assert "<script" not in (demo / "out/diff.html").read_text() + markdown
    assert "<h1>forged" not in markdown


def test_what_a_pdf_carries_is_looked_at_as_a_json_is(reported: bytes) -> None:
    carried = carrying(spoiled(reported, same_id))

    assert fault(carried).startswith("it has more than one finding")
    assert fault(carrying(wide(b""))).startswith("it has more than the 5,000,000 values")


# What a revision of the findings may hold


def revision(demo: Path, files: Mapping[str, repositories.Content]) -> None:
    """The demo's folder as a repository: its first commit has the demo's findings and `files`, its second the findings."""
    written: dict[str, repositories.Content] = {
        path.relative_to(demo).as_posix(): path.read_bytes() for path in (demo / "findings").iterdir()
    }
    first = {name: content for name, content in {**written, **files}.items() if "findings" not in files or name in files}
    gone: dict[str, repositories.Content] = dict.fromkeys(files)
    repositories.build(demo, [repositories.Commit(first), repositories.Commit(gone | written)])


def refused(demo: Path) -> list[str]:
    """Why the first commit of the findings is no side."""
    with pytest.raises(FindingsReportError) as raised:
        run(demo, "HEAD~1")
    return [f"{problem.place.file}: {problem.fault}" for problem in raised.value.problems if problem.place is not None]


FINDING = "findings/DEMO-001.finding.yaml"
OUT = "it is a symbolic link that leads out of the folder"
FOLDER = "it is a symbolic link to a folder, and those are not followed"


@pytest.mark.parametrize(
    ("files", "name", "why"),
    [
        ({FINDING: Link("../outside.yaml")}, "/DEMO-001.finding.yaml", OUT),
        ({FINDING: Link("/etc/passwd")}, "/DEMO-001.finding.yaml", OUT),
        ({FINDING: Link("DEMO-001.finding.yaml")}, "/DEMO-001.finding.yaml", "it is a symlink"),
        ({"findings/engagement.yaml": Link("../../engagement.yaml")}, "/engagement.yaml", OUT),
        ({"findings/more": Link("sub"), "findings/sub/a.txt": "a"}, "/more", FOLDER),
        ({"findings/more": Link(".")}, "/more", FOLDER),
        ({"findings": Link("elsewhere"), "elsewhere/a.txt": "a"}, "", "it is a symlink in that commit"),
        ({"findings": Submodule("1" * 40)}, "", "it is a submodule in that commit"),
    ],
)
def test_a_link_in_a_revision_is_never_passed_over(
    demo: Path, files: Mapping[str, repositories.Content], name: str, why: str
) -> None:
    revision(demo, files)

    assert f"git:HEAD~1{name}: cannot be read: {why}" in refused(demo)


def test_a_link_to_a_finding_beside_it_is_the_finding(demo: Path) -> None:
    path = demo / "findings/DEMO-001.finding.yaml"
    revision(demo, {"findings/drafts/one.txt": path.read_bytes(), "findings/DEMO-001.finding.yaml": Link("drafts/one.txt")})

    assert {each.change.value for each in run(demo, "HEAD~1").comparison.findings} == {"unchanged"}


def test_a_submodule_in_a_revision_is_told_for_findings_may_be_in_it(demo: Path) -> None:
    revision(demo, {"findings/sub\x1b": Submodule("1" * 40), "sub": Submodule("1" * 40)})

    assert run(demo, "HEAD~1").comparison.limits == ("Findings in sub\x1b, submodules of the baseline side, were not read.",)


@pytest.mark.parametrize(
    "name", ["git:--output=pwned", "git:-x", "git:HEAD@{1}", "git:@{-1}", "git::/1.0", "git:HEAD\n--output=pwned", "git:", "-x"]
)
def test_a_revision_of_a_hostile_name_is_none(demo: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    revision(demo, {})
    monkeypatch.chdir(demo)

    with pytest.raises(FindingsReportError) as raised:
        run(demo, name)

    assert raised.value.problems[0].kind in (Kind.USAGE, Kind.SOURCE)
    assert not list(demo.rglob("*pwned*"))


# What the repositories may hold


def armed(path: Path, program: Path) -> None:
    """A repository in which whatever can name a program names `program`."""
    for name in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.evil.command", "diff.evil.textconv",
        "filter.evil.clean", "filter.evil.smudge", "gpg.program", "pager.log", "pager.diff-tree",
    ):  # fmt: skip
        repositories.git(path, "config", name, str(program))
    repositories.git(path, "config", "log.showSignature", "true")
    repositories.git(path, "config", "core.hooksPath", str(path / ".git/hooks"))
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/attributes").write_text("* diff=evil filter=evil\n")
    (path / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"):
        (path / ".git/hooks" / hook).symlink_to(program)
    with (path / ".git/config").open("a") as config:
        config.write(f"[include]\n\tpath = {program}\n")


def replaced(path: Path) -> None:
    """A replace ref that gives other content for a file of the newer release."""
    other = repositories.git(path, "hash-object", "-w", "--stdin", given=b"replaced\n").strip()
    repositories.git(path, "replace", "1.1:quicknotes/web.py", other)


def test_no_comparison_runs_what_a_repository_names(demo: Path) -> None:
    revision(demo, {})
    program, canary = demo.parent / "program", demo.parent / "canary"
    program.write_text(f"#!/bin/sh\necho $0 >> {canary}\nexit 1\n")
    program.chmod(0o755)
    fixed = repositories.git(demo / "app", "rev-parse", "1.1^{commit}").strip()
    path = demo / "findings/DEMO-001.finding.yaml"
    path.write_text(path.read_text().replace("status: open", f"status: resolved\nfix: {{commits: ['{fixed}']}}"))
    replaced(demo / "app")
    for repository in (demo / "app", demo):
        armed(repository, program)

    track(commands.Inputs(demo, {}), "1.1", only=None, explain=True, progress=lambda _: None)
    update(commands.Inputs(demo, {}), "1.1", only=None, dry_run=False, progress=lambda _: None)
    found = run(demo, "HEAD~1").comparison

    assert any(fix.touches for each in found.findings for fix in each.fixes)
    assert not canary.exists()
    assert all(line.text != "replaced" for each in found.findings for region in each.evidence for line in region.drift.diff)
