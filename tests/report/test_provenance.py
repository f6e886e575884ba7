"""Which commit of their own repository the findings are, and what counts as not being it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import Commit, Content, Link, build, git

from findings_report.model.engagement import State
from findings_report.report.provenance import Identified, identify

FILES: dict[str, Content] = {
    "audit/findings/engagement.yaml": "format: 1\ntitle: Review\n",
    "audit/findings/A-1.finding.yaml": "title: x\n",
    "audit/findings/old/A-2.finding.yaml": "title: y\n",
    "audit/findings/flow.png": b"\x89PNG\r\n\x1a\n\0",
    "audit/findings/notes.txt": "Nobody reads this.\n",
    "audit/templates/standard/section.html.j2": "<section>",
    "README.md": "Audits\n",
}
NAMES = ("engagement.yaml", "A-1.finding.yaml", "old/A-2.finding.yaml", "flow.png", "../templates/standard/section.html.j2")


@pytest.fixture(params=["sha1", "sha256"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    build(tmp_path / "work", [Commit(files=FILES)], object_format=request.param)
    return tmp_path / "work"


def identified(root: Path, state: State = State.FINAL, more: tuple[str, ...] = ()) -> Identified:
    """As the pipeline asks: of the files that are there, and of the folders that hold them."""
    folder = root / "audit/findings"
    files = [folder / name for name in (*NAMES, *more) if os.path.lexists(folder / name)]
    return identify(state, files, {folder: ".finding.yaml", root / "audit/templates/standard": ""})


def test_files_as_they_were_committed_are_that_commits_and_nothing_is_said(root: Path) -> None:
    found = identified(root)

    assert found.commit is not None
    assert (found.commit.hash, found.commit.is_changed) == (git(root, "rev-parse", "HEAD").strip(), False)
    assert found.problems == ()


def edit(name: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(content)


CHANGES: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "an edit": (edit("audit/findings/A-1.finding.yaml", "title: z\n"), (), "audit/findings/A-1.finding.yaml differs"),
    "a new finding": (edit("audit/findings/B.finding.yaml", "title: z\n"), ("B.finding.yaml",), "B.finding.yaml differs"),
    "a finding that is gone": (
        lambda root: (root / "audit/findings/old/A-2.finding.yaml").unlink(),
        (),
        "audit/findings/old/A-2.finding.yaml differs",
    ),
    "a template file that is gone": (
        lambda root: (root / "audit/templates/standard/section.html.j2").unlink(),
        (),
        "section.html.j2 differs",
    ),
    "several": (
        lambda root: [(root / "audit/findings" / name).write_text("!") for name in NAMES],
        (),
        "audit/findings/A-1.finding.yaml, audit/findings/old/A-2.finding.yaml and 2 more differ from commit",
    ),
    "a picture whose line ends were turned": (
        lambda root: (root / "audit/findings/flow.png").write_bytes(b"\x89PNG\n\x1a\n\0"),
        (),
        "flow.png differs",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_is_not_committed_is_marked_and_warned_of_in_a_final_report_alone(root: Path, case: str) -> None:
    change, more, said = CHANGES[case]
    change(root)

    found = identified(root, more=more)

    (problem,) = found.problems
    assert said in problem.fault
    assert (problem.level, problem.place, problem.subject) == ("warning", None, None)
    assert found.commit is not None
    assert found.commit.is_changed
    draft = identified(root, State.DRAFT, more)
    assert (draft.commit, draft.problems) == (found.commit, ())


def test_a_file_that_the_build_does_not_read_may_change(root: Path) -> None:
    (root / "audit/findings/notes.txt").unlink()
    (root / "README.md").write_text("!")

    found = identified(root)

    assert found.commit is not None
    assert not found.commit.is_changed


def test_line_ends_of_a_text_may_be_those_of_another_system(root: Path) -> None:
    (root / "audit/findings/A-1.finding.yaml").write_bytes(b"title: x\r\n")

    found = identified(root)

    assert found.commit is not None
    assert not found.commit.is_changed


def test_nothing_that_the_repository_configures_is_run(root: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.x.textconv", "diff.external"):
        git(root, "config", key, f"touch {ran}; false")
    (root / ".gitattributes").write_text("* filter=x diff=x\n")
    (root / "audit/findings/A-1.finding.yaml").write_text("title: z\n")

    found = identified(root)

    assert found.commit is not None
    assert found.commit.is_changed
    assert not ran.exists()


def test_a_link_is_what_is_committed_and_so_is_what_it_leads_to(tmp_path: Path) -> None:
    link = tmp_path / "audit/findings/A-3.finding.yaml"
    build(tmp_path, [Commit(files=FILES | {"audit/findings/A-3.finding.yaml": Link("notes.txt")})])
    found = identified(tmp_path, more=(link.name,))
    assert found.commit is not None
    assert not found.commit.is_changed

    (link.parent / "notes.txt").write_text("changed")
    assert "notes.txt differs" in identified(tmp_path, more=(link.name,)).problems[0].fault

    link.unlink()
    link.symlink_to("A-1.finding.yaml")
    assert "A-3.finding.yaml differs" in identified(tmp_path, more=(link.name,)).problems[0].fault


def test_a_folder_that_is_reached_by_a_link_is_the_one_it_leads_to(root: Path, tmp_path: Path) -> None:
    (tmp_path / "shortcut").symlink_to(root)

    found = identified(tmp_path / "shortcut")

    assert found.commit is not None
    assert not found.commit.is_changed


def test_a_linked_work_tree_is_at_its_own_commit(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    git(tmp_path / "side", "commit", "--quiet", "--allow-empty", "--message", "two")

    found = identified(tmp_path / "side")

    assert found.commit is not None
    assert found.commit.hash == git(tmp_path / "side", "rev-parse", "HEAD").strip() != git(root, "rev-parse", "HEAD").strip()
    assert not found.commit.is_changed


def test_outside_of_a_repository_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "engagement.yaml").write_text("format: 1\n")

    assert identify(State.FINAL, [tmp_path / "engagement.yaml"], {tmp_path: ""}) == Identified(None)


@pytest.mark.parametrize("commits", [[], [Commit(files={"README.md": "Audits\n"})]])
def test_findings_that_are_in_no_commit_name_none(tmp_path: Path, commits: list[Commit]) -> None:
    git(tmp_path, "init", "--quiet")
    if commits:
        build(tmp_path / "work", commits)
    folder = tmp_path / "work/findings"
    folder.mkdir(parents=True)
    (folder / "engagement.yaml").write_text("format: 1\n")

    found = identify(State.FINAL, [folder / "engagement.yaml"], {folder: ""})

    assert found.commit is None
    assert [problem.level for problem in found.problems] == ["note"]
    assert identify(State.DRAFT, [folder / "engagement.yaml"], {folder: ""}) == Identified(None)


def test_a_repository_that_cannot_be_read_is_a_note(root: Path) -> None:
    for stored in [path for path in (root / ".git/objects").rglob("*") if path.is_file()]:
        stored.chmod(0o600)
        stored.write_bytes(b"broken")

    found = identified(root)

    (problem,) = found.problems
    assert (found.commit, problem.level) == (None, "note")
