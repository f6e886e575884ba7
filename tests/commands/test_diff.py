"""`diff` end to end, on real repositories: its sides, what it says of findings and code, its gates and its documents."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import repositories
from pdfs import carrying
from PIL import Image

from findings_report import commands
from findings_report.cli.app import main
from findings_report.commands.diff import DiffOptions, PublishedDiff, diff
from findings_report.model.comparison import Assessment, Change, Comparison, FixState, StatusChange
from findings_report.model.drift import DriftKind
from findings_report.model.finding import Event, Status
from findings_report.problems import FindingsReportError, Kind
from findings_report.report import archive
from findings_report.report.check import assembled

NOTHING = DiffOptions((), None, None, system_fonts=False, fail_on=(), exit_code=False)


def quiet(_: str) -> None:
    """No progress."""


def inputs(folder: Path, **clones: Path) -> commands.Inputs:
    return commands.Inputs(folder, clones)


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The demo, its findings in git: one commit on release 1.0, the work tree on 1.1 with claims."""
    folder = commands.demo(tmp_path / "demo")
    repositories.git(folder, "init", "-q")
    (folder / ".gitignore").write_text("app/\nbuild/\n")
    repositories.git(folder, "add", "-A")
    repositories.git(folder, "commit", "-qm", "1.0")
    repositories.git(folder, "tag", "report-1.0")
    commands.pin(inputs(folder), to="1.1", only=None)
    for number in (1, 2, 3):
        edit(folder / f"findings/DEMO-00{number}.finding.yaml", ("status: open", "status: resolved"))
    return folder


def of(compared: Comparison, id: str) -> tuple[Change, StatusChange | None, Assessment | None]:
    found = next(each for each in compared.findings if each.id == id)
    return found.change, found.turn, found.judgements[0].weight if found.judgements else None


def run(folder: Path, baseline: str, current: str | None = None, **wishes: object) -> PublishedDiff:
    return diff(baseline, current, inputs(folder), DiffOptions(**{**vars(NOTHING), **wishes}), quiet)


def test_a_claim_of_resolved_is_held_against_the_code(demo: Path) -> None:
    found = run(demo, "report-1.0").comparison

    assert of(found, "DEMO-001") == (Change.UPDATED, StatusChange.RESOLVED, Assessment.CONSISTENT)
    assert of(found, "DEMO-002") == (Change.UPDATED, StatusChange.RESOLVED, Assessment.CONTRADICTION)
    assert of(found, "DEMO-003") == (Change.UPDATED, StatusChange.RESOLVED, Assessment.REVIEW)
    renamed = next(each for each in found.findings if each.id == "DEMO-002").evidence[0].drift
    assert renamed.kind is DriftKind.RENAMED
    assert renamed.now is not None
    assert renamed.now.path == "quicknotes/files.py"


def test_a_folder_its_json_and_its_revision_are_the_same_baseline(demo: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    repositories.git(tmp_path, "clone", "-q", str(demo), str(old))
    repositories.git(old, "checkout", "-q", "report-1.0")
    checked = commands.check(commands.Inputs(old, {"quicknotes": demo / "app"}), quiet)
    made = tmp_path / "old.json"
    made.write_bytes(archive.to_json(assembled(checked, None)))

    answers = [
        diff(side, None, commands.Inputs(demo, {"quicknotes": demo / "app"}), NOTHING, quiet).comparison.findings
        for side in (str(old), str(made), "report-1.0", "git:report-1.0")
    ]

    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_a_side_compared_with_itself_is_unchanged(demo: Path) -> None:
    found = run(demo, "report-1.0", "git:report-1.0").comparison

    assert {each.change for each in found.findings} == {Change.UNCHANGED}
    assert not found.contradictions


def test_a_claim_without_a_new_pin_is_to_be_reviewed(demo: Path) -> None:
    commands.pin(inputs(demo), to="1.0", only=None)

    found = next(each for each in run(demo, "report-1.0").comparison.findings if each.id == "DEMO-002")

    assert [judgement.code for judgement in found.judgements] == ["resolved-same-commit"]


def test_without_a_repository_the_rest_is_compared_and_the_limit_said(demo: Path, tmp_path: Path) -> None:
    made = tmp_path / "old.json"
    repositories.git(demo, "stash", "-q")
    made.write_bytes(archive.to_json(assembled(commands.check(inputs(demo), quiet), None)))
    repositories.git(demo, "stash", "pop", "-q")
    (demo / "app").rename(tmp_path / "gone")

    found = run(demo, str(made)).comparison

    assert of(found, "DEMO-001")[:2] == (Change.UPDATED, StatusChange.RESOLVED)
    assert any("Repository 'quicknotes' is not available locally" in limit for limit in found.limits)
    assert {region.drift.kind for each in found.findings for region in each.evidence} == {DriftKind.UNVERIFIABLE}


def test_a_clone_that_neither_side_knows_is_refused(demo: Path) -> None:
    with pytest.raises(FindingsReportError, match="names 'quicknote'") as raised:
        diff("report-1.0", None, inputs(demo, quicknote=demo / "app"), NOTHING, quiet)

    assert raised.value.problems[0].kind is Kind.USAGE
    assert raised.value.problems[0].remedy == "did you mean 'quicknotes'?"


def test_a_revision_is_found_through_a_link_into_its_repository(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(demo / "findings")

    found = run(tmp_path / "elsewhere", "report-1.0").comparison

    assert of(found, "DEMO-001")[:2] == (Change.UPDATED, StatusChange.RESOLVED)


def as_json(folder: Path) -> dict[str, Any]:
    """The JSON of a folder's report, to be spoiled."""
    report: dict[str, Any] = json.loads(archive.to_json(assembled(commands.check(inputs(folder), quiet), None)))
    return report


@pytest.mark.parametrize(
    ("regions", "fault"),
    [
        ([{"start_line": 9, "end_line": 3}], "no such lines"),
        ([{"start_line": -5, "end_line": 3}], "no such lines"),
        ([{"start_line": 1, "end_line": 10**12}], "at most 1,000,000 are followed"),
    ],
)
def test_lines_that_no_report_cites_are_refused(demo: Path, tmp_path: Path, regions: list[dict[str, int]], fault: str) -> None:
    report = as_json(commands.demo(tmp_path / "plain"))
    report["findings"][0]["snippets"][0]["check"]["found"] = regions
    (tmp_path / "old.json").write_text(json.dumps(report))

    with pytest.raises(FindingsReportError, match=fault) as raised:
        run(demo, str(tmp_path / "old.json"))

    assert raised.value.problems[0].kind is Kind.INPUT


def test_a_report_with_two_findings_of_one_id_is_refused(demo: Path, tmp_path: Path) -> None:
    report = as_json(commands.demo(tmp_path / "plain"))
    report["findings"].append(report["findings"][0])
    (tmp_path / "old.json").write_text(json.dumps(report))

    with pytest.raises(FindingsReportError, match="more than one finding 'DEMO-001'"):
        run(demo, str(tmp_path / "old.json"))


def test_a_finding_of_a_whole_file_is_recognised_by_it(demo: Path) -> None:
    path = demo / "findings/DEMO-004.finding.yaml"
    path.write_text("title: One\nseverity: low\ndescription: One.\nlocations: [{path: quicknotes/web.py}]\n")
    repositories.git(demo, "add", "-A")
    repositories.git(demo, "commit", "-qm", "A whole file")
    path.rename(demo / "findings/DEMO-044.finding.yaml")

    found = run(demo, "HEAD").comparison

    because = next(each.because for each in found.findings if each.id == "DEMO-044")
    assert because == "title and cited lines"


def test_a_new_finding_is_followed_back_to_the_baseline(demo: Path) -> None:
    (demo / "findings/DEMO-009.finding.yaml").write_text(
        "title: Anyone may read\nseverity: low\ndescription: It is so.\n"
        "locations:\n  - {path: quicknotes/files.py, lines: 8-12}\n"
    )

    found = next(each for each in run(demo, "report-1.0").comparison.findings if each.id == "DEMO-009")

    assert found.change is Change.NEW
    assert found.evidence[0].drift.path == "quicknotes/files.py"
    assert [judgement.code for judgement in found.judgements] == ["new-unchanged"]


def test_a_dropped_finding_is_told_with_what_became_of_its_code(demo: Path) -> None:
    (demo / "findings/DEMO-002.finding.yaml").unlink()

    found = run(demo, "report-1.0").comparison

    assert of(found, "DEMO-002") == (Change.ABSENT, None, Assessment.REVIEW)


def test_a_renamed_finding_is_the_same_by_its_alias(demo: Path) -> None:
    path = demo / "findings/DEMO-004.finding.yaml"
    (demo / "findings/WEB-1.finding.yaml").write_text(path.read_text() + "\naliases: [DEMO-004]\n")
    path.unlink()

    found = next(each for each in run(demo, "report-1.0").comparison.findings if each.id == "WEB-1")

    assert found.baseline is not None
    assert found.baseline.id == "DEMO-004"


def test_the_commit_that_a_fix_names_is_looked_up(demo: Path) -> None:
    head = repositories.git(demo / "app", "rev-parse", "1.1^{commit}").strip()
    path = demo / "findings/DEMO-001.finding.yaml"
    path.write_text(path.read_text() + f"\nfix:\n  commits: [{head[:12]}, '{'0' * 12}']\n")

    found = next(each for each in run(demo, "report-1.0").comparison.findings if each.id == "DEMO-001")

    assert [fix.state for fix in found.fixes] == [FixState.BETWEEN, FixState.MISSING]
    assert found.fixes[0].commit == head
    assert found.fixes[0].touches
    assert any(line.old_line is None for line in found.fixes[0].touched[0].drift.diff)


def test_more_fixes_than_anybody_names_are_not_all_looked_up(demo: Path) -> None:
    for number in (1, 2):
        path = demo / f"findings/DEMO-00{number}.finding.yaml"
        path.write_text(path.read_text() + f"\nfix:\n  commits: [{', '.join(f'{number}{n:011x}' for n in range(300))}]\n")

    found = run(demo, "report-1.0").comparison

    fixes = [fix for each in found.findings for fix in each.fixes]
    assert [sum(fix.state is state for fix in fixes) for state in (FixState.MISSING, FixState.UNVERIFIABLE)] == [500, 100]
    assert found.limits[-1] == "More than 500 commits are named as fixes; the others were not looked up."


@pytest.mark.parametrize(
    ("gate", "trips"),
    [("contradiction", True), ("resolved:high", True), ("new:high", False), ("regressed", False), ("absent", False)],
)
def test_a_gate_trips_on_what_it_names(demo: Path, gate: str, trips: bool) -> None:
    found = run(demo, "report-1.0", fail_on=(gate,))

    assert [problem.kind for problem in found.problems if problem.level == "error"] == ([Kind.GATE] if trips else [])


@pytest.mark.parametrize(("gate", "trips"), [("contradiction", True), ("contradiction:critical", False), ("regressed", False)])
def test_the_gate_on_contradictions_trips_where_the_code_cannot_be_read(demo: Path, gate: str, trips: bool) -> None:
    (demo / "app").rename(demo / "elsewhere")

    found = run(demo, "report-1.0", fail_on=(gate,))

    errors = [problem for problem in found.problems if problem.level == "error"]
    assert [(problem.kind, problem.code) for problem in errors] == ([(Kind.GATE, "gate-blind")] if trips else [])
    assert all("the code of DEMO-001, DEMO-002, DEMO-003 cannot be read" in problem.fault for problem in errors)


def test_any_difference_trips_the_exit_code(demo: Path) -> None:
    same = run(demo, "report-1.0", "git:report-1.0", exit_code=True)

    assert any(problem.code == "exit-code" for problem in run(demo, "report-1.0", exit_code=True).problems)
    assert not same.problems


@pytest.mark.parametrize("gate", ["fixed", "new:huge", "new:"])
def test_an_unknown_gate_is_a_usage_error(demo: Path, gate: str) -> None:
    with pytest.raises(FindingsReportError) as caught:
        run(demo, "report-1.0", fail_on=(gate,))

    assert caught.value.problems[0].kind is Kind.USAGE


@pytest.mark.parametrize(
    ("side", "kind", "said"),
    [
        ("no-such", Kind.USAGE, "is no file or folder, and names no commit"),
        ("git:", Kind.USAGE, "names no commit"),
        ("broken.json", Kind.INPUT, "it is not JSON"),
        ("other.json", Kind.INPUT, "it is not a report"),
        ("newer.json", Kind.INPUT, "made by a newer findings-report"),
        ("empty", Kind.INPUT, "engagement.yaml"),
    ],
)
def test_a_side_that_cannot_be_read_is_told_plainly(demo: Path, side: str, kind: Kind, said: str) -> None:
    (demo / "broken.json").write_text("{")
    (demo / "other.json").write_text("{}")
    (demo / "newer.json").write_text('{"schema_name": "findings-report/report/2"}')
    (demo.parent / "empty").mkdir()
    there = {"empty": str(demo.parent / "empty")}.get(side, str(demo / side) if side.endswith("json") else side)

    with pytest.raises(FindingsReportError) as caught:
        run(demo, there)

    assert caught.value.problems[0].kind is kind
    assert said in caught.value.problems[0].fault


def test_the_report_that_is_compared_is_not_replaced(demo: Path, tmp_path: Path) -> None:
    repositories.git(demo, "stash", "-q")
    made = tmp_path / "old.json"
    made.write_bytes(archive.to_json(assembled(commands.check(inputs(demo), quiet), None)))

    with pytest.raises(FindingsReportError) as caught:
        run(demo, str(made), formats=("json",), output=str(made))

    assert caught.value.problems[0].code == "output-input"


def test_every_format_says_the_same(demo: Path, tmp_path: Path) -> None:
    made = run(demo, "report-1.0", formats=("md", "html", "json"), output=f"{tmp_path}/out/")

    texts = {file.path.suffix: file.path.read_text() for file in made.files if file.path is not None}
    assert set(texts) == {".md", ".html", ".json"}
    for judgement in (each for compared in made.comparison.detailed for each in compared.judgements):
        assert judgement.text in texts[".md"]
        assert judgement.text in re.sub(r"\s+", " ", texts[".html"])
    assert Comparison.model_validate_json(texts[".json"]) == made.comparison


@pytest.mark.slow
@pytest.mark.parametrize("template", ["standard", "fix-review"])
def test_a_comparison_is_printed_as_pdf(demo: Path, tmp_path: Path, template: str) -> None:
    made = run(demo, "report-1.0", formats=("pdf",), output=f"{tmp_path}/diff.pdf", template=template)

    assert [problem.fault for problem in made.problems if problem.kind is Kind.OUTPUT] == []

    text = subprocess.run(
        ["pdftotext", "-layout", f"{tmp_path}/diff.pdf", "-"], capture_output=True, check=True
    ).stdout.decode()
    assert "the code:" in text
    assert "def search(self, owner, words):" in text
    carried = archive.extract((tmp_path / "diff.pdf").read_bytes(), shown="diff.pdf")
    assert (carried.name, archive.document_from_json(carried.content, shown="diff.pdf")) == ("comparison.json", made.comparison)


def test_a_pdf_is_the_same_side_as_the_report_that_it_carries(tmp_path: Path) -> None:
    demo = commands.demo(tmp_path / "demo")
    content = archive.to_json(assembled(commands.check(inputs(demo), quiet), None))
    (tmp_path / "old.json").write_bytes(content)
    (tmp_path / "old.pdf").write_bytes(carrying(content))

    json_side, pdf_side = (run(demo, f"{tmp_path}/old.{suffix}").comparison for suffix in ("json", "pdf"))

    assert pdf_side.findings == json_side.findings
    assert {compared.change for compared in pdf_side.findings} == {Change.UNCHANGED}


def test_what_a_reviewer_said_since_is_the_newest_entry_that_the_baseline_does_not_have(demo: Path) -> None:
    said = "history:\n  - {date: 2026-05-02, status: resolved, by: Bo, note: Tried.}\n"
    said += "  - {date: 2026-05-01, status: open, by: Ada}\n"
    path = demo / "findings/DEMO-001.finding.yaml"
    path.write_text(path.read_text() + said)

    found = {each.id: each.reviewed for each in run(demo, "report-1.0").comparison.findings}

    assert found.pop("DEMO-001") == Event(date=date(2026, 5, 2), status=Status.RESOLVED, by="Bo", note="Tried.")
    assert set(found.values()) == {None}


def test_a_fix_review_has_every_finding_of_the_baseline(demo: Path, tmp_path: Path) -> None:
    (demo / "findings/DEMO-003.finding.yaml").unlink()

    made = run(demo, "report-1.0", formats=("md", "html"), output=f"{tmp_path}/out/", template="fix-review")

    assert made.comparison.claimed == (("resolved", 2), ("risk_accepted", 1), ("absent", 1))
    for file in made.files:
        text = file.content.decode()
        assert text.index("Status of all findings") < text.index("As reported") < text.rindex("Compared reports")
        assert text.count("As reported") == 4
        assert "`save` takes the last part" in text or "<code>save</code> takes the last part" in text
        assert "No verdict: the finding is not in the current report." in text


def test_a_template_without_a_document_is_told(demo: Path) -> None:
    made = run(demo, "report-1.0", template="fix-review")

    told = set(made.problems) - set(run(demo, "report-1.0").problems)
    assert [(problem.level, problem.code) for problem in told] == [("note", "no-document")]


def declare_files(folder: Path) -> tuple[Path, Path]:
    """Two equal copies of the demo with two tables, an attachment and a picture; a finding prints one of the tables."""
    old = commands.demo(folder / "old")
    findings = old / "findings"
    findings.joinpath("coverage.csv").write_text("Module,Covered\nfiles.py,81 %\nstore.py,40 %\n")
    findings.joinpath("roles.csv").write_text("Role,May\nuser,read\nadmin,write\n")
    findings.joinpath("poc.py").write_text("print(1)\n")
    Image.new("RGB", (4, 3), "red").save(findings / "flow.png")
    with findings.joinpath("engagement.yaml").open("a") as file:
        file.write(
            "tables:\n  - {name: coverage, file: coverage.csv, caption: Coverage}\n  - {name: roles, file: roles.csv}\n"
            "attachments: [{file: poc.py, title: Proof of concept}]\nimages: [{name: flow, file: flow.png, alt: The flow}]\n"
        )
    edit(findings / "DEMO-004.finding.yaml", ("description: |\n", "description: |\n  ![](table:roles)\n\n"))
    shutil.copytree(old, folder / "new", symlinks=True)
    return old, folder / "new"


@pytest.mark.slow
def test_a_changed_cell_attachment_or_picture_is_in_every_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = declare_files(tmp_path)
    unchanged = run(new, str(old))
    edit(new / "findings/coverage.csv", ("81 %", "85 %"), ("store.py,40 %\n", "store.py,40 %\nweb.py,100 %\n"))
    edit(new / "findings/roles.csv", ("user,read", 'user,"read, <b>write</b>"'))
    new.joinpath("findings/poc.py").write_text("print(2)\n")
    Image.new("RGB", (4, 3), "blue").save(new / "findings/flow.png")

    diffed = run(new, str(old), formats=("json", "md", "html"), output=f"{tmp_path}/out/", exit_code=True)

    assert unchanged.comparison.declared_files == ()
    changes = {change.name: change for change in diffed.comparison.declared_files}
    assert {change.kind for change in changes.values()} == {"table", "attachment", "picture"}
    (rows,) = changes["coverage"].fields
    assert (rows.before, rows.after) == (
        "Module | Covered\nfiles.py | 81 %",
        "Module | Covered\nfiles.py | 85 %\nweb.py | 100 %",
    )
    assert [word.text for word in rows.words if word.kind != "same"] == ["81", "85", "web.py | 100 %"]
    # What a finding prints is a change of the finding, and only of that one.
    assert [(each.id, [field.label for field in each.fields]) for each in diffed.comparison.findings if each.fields] == [
        ("DEMO-004", ["Table roles: Rows"])
    ]
    assert changes["roles"].findings == ("DEMO-004",)
    digests = [hashlib.sha256(b"print(%d)\n" % number).hexdigest() for number in (1, 2)]
    texts = {suffix: (tmp_path / "out" / f"diff.{suffix}").read_text() for suffix in ("json", "md", "html")}
    assert all(digest in text for digest in digests for text in texts.values())
    assert "files.py | [-81-]{+85+} %" in texts["md"]
    assert "<del>81</del><ins>85</ins>" in texts["html"]
    assert texts["html"].count("&lt;b&gt;write") == 1
    assert archive.document_from_json((tmp_path / "out/diff.json").read_bytes(), shown="diff.json") == diffed.comparison
    assert [problem.code for problem in diffed.problems if problem.kind is Kind.GATE] == ["exit-code"]

    monkeypatch.setattr("sys.argv", ["findings-report", "diff", str(old), str(new)])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert "table coverage: updated (Rows)" in shown
    assert "attachment poc.py: updated (SHA-256)" in shown
    assert "table roles: updated (Rows), in DEMO-004" in shown


@pytest.mark.slow
def test_a_file_that_was_renamed_came_or_went_is_named_and_a_rewritten_table_is_cut(tmp_path: Path) -> None:
    old, new = declare_files(tmp_path)
    (new / "findings/poc.py").rename(new / "findings/exploit.py")
    edit(
        new / "findings/engagement.yaml",
        ("file: poc.py", "file: exploit.py"),
        ("  - {name: coverage, file: coverage.csv, caption: Coverage}\n", "  - {name: more, file: more.csv}\n"),
    )
    for folder, letter in ((old, "a"), (new, "b")):
        text = "".join(f"{letter}{number},{number}\n" for number in range(500))
        (folder / "findings/roles.csv").write_text(f"Role,May\n{text}")
    (new / "findings/more.csv").write_text("A,B\n1,2\n")

    changes = {change.name: change for change in run(new, str(old)).comparison.declared_files}

    assert {name: change.change for name, change in changes.items()} == {
        "coverage": Change.ABSENT,
        "more": Change.NEW,
        "roles": Change.UPDATED,
        "exploit.py": Change.UPDATED,
    }
    assert [(field.name, field.before, field.after) for field in changes["exploit.py"].fields] == [
        ("name", "poc.py", "exploit.py")
    ]
    (rows,) = changes["roles"].fields
    assert rows.label == "Rows, the first 200 of 500 that changed"
    assert rows.before is not None
    assert len(rows.before.splitlines()) == 201


def test_two_runs_give_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    first = run(demo, "report-1.0", formats=("md", "html", "json"), output=f"{tmp_path}/1/")
    second = run(demo, "report-1.0", formats=("md", "html", "json"), output=f"{tmp_path}/2/")

    assert [file.content for file in first.files] == [file.content for file in second.files]


# On the command line.

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(demo)
        monkeypatch.setattr("sys.argv", ["findings-report", "diff", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return call


def test_the_terminal_tells_what_changed_and_what_has_to_be_looked_at(said: Said) -> None:
    code, out, _ = said("report-1.0")

    assert code == 0
    assert "DEMO-002: contradiction: Reported as resolved; the cited code is unchanged" in out
    assert "4 findings: 3 updated, 1 unchanged; of these 3 resolved" in out
    # A pipe has no width, and each finding is one line.
    assert len([line for line in out.splitlines() if re.match(r"DEMO-00\d +\S", line)]) == 4


def test_the_terminal_says_how_many_unchanged_findings_its_table_leaves_out(said: Said) -> None:
    _, out, _ = said("report-1.0", "report-1.0")

    shown = len(re.findall(r"(?m)^DEMO-00\d +\S", out))
    assert shown < 4
    assert f"{4 - shown} unchanged finding{'' if shown == 3 else 's'} not shown\n" in out


def test_the_summary_is_one_json_document(said: Said) -> None:
    _, out, _ = said("report-1.0", "--output-format", "json")

    summary = json.loads(out)
    assert summary["counts"]["resolved"] == 3
    assert {each["id"]: each["code"] for each in summary["findings"]}["DEMO-002"] == "unchanged"


def test_a_contradiction_is_an_annotation_for_github(said: Said) -> None:
    _, out, _ = said("report-1.0", "--output-format", "github")

    assert "::warning::DEMO-002: Reported as resolved; the cited code is unchanged" in out


def test_a_gate_that_trips_is_code_1_and_the_files_are_written(said: Said, demo: Path) -> None:
    code, _, _ = said("report-1.0", "--fail-on", "contradiction", "-f", "md")

    assert code == 1
    assert (demo / "build/diff.md").is_file()
