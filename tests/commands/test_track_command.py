"""`findings-report track` as a user meets it: what is said, and in which form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from repositories import Commit, build

from findings_report.cli import app

OLD = "import os\n\n\ndef save(name, value):\n    path = os.path.join(ROOT, name)\n    write(path, value)\n    return path\n"
GUARDED = OLD.replace("    path =", "    check(name)\n    path =")
EDITED = GUARDED.replace("ROOT, name", "ROOT, safe(name)")
ENGAGEMENT = "format: 1\ntitle: Review\ndate: 2026-01-01\nrepositories:\n  app:\n    path: ../app\n    commit: {commit}\n"
FINDING = """title: A path is believed
severity: high
description: It is.
locations:
  - path: store.py
    lines: {lines}
    quote: |
      write(path, value)
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A finding on the first of three releases."""
    states = [(OLD, "v1", "First"), (GUARDED, "v2", "Guard"), (EDITED, "v3", "Mend \x1b[31mred")]
    commits = build(tmp_path / "app", [Commit({"store.py": code}, message, tag) for code, tag, message in states])
    folder = tmp_path / "findings"
    folder.mkdir()
    (folder / "engagement.yaml").write_text(ENGAGEMENT.format(commit=commits[0]))
    (folder / "A-1.finding.yaml").write_text(FINDING.format(lines="4-7"))
    return tmp_path


def said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str, code: int = 0
) -> tuple[str, str]:
    """What the program prints on both outputs; it has to end with `code`."""
    monkeypatch.setattr("sys.argv", ["findings-report", "track", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    captured = capsys.readouterr()
    assert (ended.value.code or 0) == code, captured.err
    return captured.out, captured.err


def test_each_region_is_told_with_its_quoted_lines(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, _ = said(capsys, monkeypatch, str(work), "--to", "v3")

    assert output.splitlines() == [
        "A-1 store.py:4-7",
        "  modified: now 4-8; every quoted line intact",
        "1 region: 1 modified",
    ]


def test_json_has_one_object_per_region(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "findings/A-1.finding.yaml").write_text(FINDING.format(lines="[1, 5-7]"))

    output, _ = said(capsys, monkeypatch, str(work), "--to", "v2", "--output-format", "json")

    found: list[dict[str, Any]] = json.loads(output)["regions"]
    keys = ("id", "location", "region", "drift", "path", "start_line", "end_line", "surroundings_changed")
    assert [tuple(each[key] for key in keys) for each in found] == [
        ("A-1", 0, "1", "unchanged", "store.py", 1, 1, False),
        ("A-1", 0, "5-7", "moved", "store.py", 6, 8, True),
    ]
    assert found[1]["quoted"] == [{"line": 6, "now": 7}]


def test_explain_names_the_commits_that_changed_a_region(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, _ = said(capsys, monkeypatch, str(work), "--to", "v3", "--explain")

    assert [line.split(" ", 4)[3:] for line in output.splitlines()[2:4]] == [
        ["2020-01-04", "Mend \\u{001B}[31mred"],
        ["2020-01-03", "Guard"],
    ]


def test_explain_works_backwards(work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    said_pin = (work / "findings/engagement.yaml").read_text()
    newest = _commit(work, "v3")
    (work / "findings/engagement.yaml").write_text(said_pin.replace(said_pin.split("commit: ")[1].strip(), newest))

    output, _ = said(capsys, monkeypatch, "--to", "v1", "--explain", "--output-format", "json")

    assert [change["subject"] for change in json.loads(output)["regions"][0]["changes"]] == ["Mend \x1b[31mred", "Guard"]


ENDED = [
    Commit({"store.py": OLD}, "First", "v1"),
    Commit({"store.py": OLD + "# more\n"}, "Add a line"),
    Commit({"store.py": None, "kept.py": OLD + "# more\n"}, "Rename"),
    Commit({"kept.py": "import os\n# more\n"}, "Take it out"),
    Commit({"kept.py": "import os\n# more\n# other\n", "elsewhere.py": "write(path, value)\n"}, "Later", "v2"),
]


def test_explain_names_the_commit_that_took_the_lines_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = build(tmp_path / "app", ENDED)
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/engagement.yaml").write_text(ENGAGEMENT.format(commit=commits[0]))
    (tmp_path / "findings/A-1.finding.yaml").write_text(FINDING.format(lines="4-7"))

    output, _ = said(capsys, monkeypatch, str(tmp_path), "--to", "v2", "--explain")
    as_json, _ = said(capsys, monkeypatch, str(tmp_path), "--to", "v2", "--explain", "--output-format", "json")

    assert output.splitlines()[1:] == [
        "  deleted",
        "  it went with:",
        f"  {commits[3][:12]} 2020-01-05 Take it out",
        "  other commits that changed the file:",
        f"  {commits[2][:12]} 2020-01-04 Rename",
        f"  {commits[1][:12]} 2020-01-03 Add a line",
        "1 region: 1 deleted",
    ]
    assert [change["subject"] for change in json.loads(as_json)["regions"][0]["ended_by"]] == ["Take it out"]


def _commit(work: Path, revision: str) -> str:
    from findings_report.git import open_repository

    with open_repository(work / "app", name="app") as repository:
        return repository.commit_of(revision) or ""


def test_a_revision_that_names_nothing_is_a_fault_of_the_source(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, complaint = said(capsys, monkeypatch, str(work), "--to", "v9", code=4)

    assert "--to 'v9' names no commit in repository 'app'" in complaint


def test_a_repository_that_is_not_at_hand_leaves_its_regions_unverifiable(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "app").rename(work / "gone")

    output, complaint = said(capsys, monkeypatch, str(work), "--to", "v2")

    assert "unverifiable: repository 'app' is not available locally" in output
    assert "unchecked" in complaint or "nothing at" in complaint


def test_a_repository_of_another_name_is_refused(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, complaint = said(capsys, monkeypatch, str(work), "--to", "v2", "--only", "ap", code=2)

    assert "--only 'ap' is no repository" in complaint


def test_lines_fit_the_terminal_and_concise_is_one_line_each(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full, _ = said(capsys, monkeypatch, str(work), "--to", "v3", "--explain")
    concise, _ = said(capsys, monkeypatch, str(work), "--to", "v3", "--output-format", "concise")

    assert max(map(len, full.splitlines())) <= 80
    assert concise.splitlines()[0] == "A-1 store.py:4-7 modified: now 4-8; every quoted line intact"
