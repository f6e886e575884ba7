"""What stands in the way of a diff is said plainly, and the rest of it is made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import repositories

from findings_report import commands, git
from findings_report.commands.diff import DiffOptions, PublishedDiff, diff
from findings_report.commands.track import update
from findings_report.model.comparison import CodeState, FixState
from findings_report.model.drift import DriftKind
from findings_report.problems import FindingsReportError, Kind

COMPARED = {"DEMO-001", "DEMO-002", "DEMO-003", "DEMO-004"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """`old/findings` on release 1.0, `new/findings` on release 1.1, each beside its clone `app`."""
    new = commands.demo(tmp_path / "new")
    shutil.copytree(new, tmp_path / "old")
    update(commands.Inputs(new, {}), "1.1", only=None, dry_run=False, progress=lambda _: None)
    path = new / "findings/DEMO-002.finding.yaml"
    path.write_text(path.read_text().replace("status: open", "status: resolved"))
    return tmp_path


def compared(work: Path, **clones: Path) -> PublishedDiff:
    wishes = DiffOptions((), None, None, system_fonts=False, fail_on=(), exit_code=False)
    made = diff(str(work / "old"), None, commands.Inputs(work / "new", clones), wishes, lambda _: None)
    assert {each.id for each in made.comparison.findings} == COMPARED
    assert next(each for each in made.comparison.findings if each.id == "DEMO-002").turn == "resolved"
    return made


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def codes(made: PublishedDiff) -> dict[str, CodeState]:
    return {each.id: each.code for each in made.comparison.findings}


def test_nothing_in_the_way_leaves_nothing_to_say(work: Path) -> None:
    made = compared(work)

    assert made.comparison.limits == ()
    assert codes(made) == {
        "DEMO-001": CodeState.MIXED, "DEMO-002": CodeState.EQUAL, "DEMO-003": CodeState.INTACT, "DEMO-004": CodeState.AROUND
    }  # fmt: skip


def test_unrelated_histories_are_compared_by_likeness(work: Path) -> None:
    app = work / "new/app"
    repositories.git(app, "checkout", "-q", "--orphan", "other", "1.1")
    repositories.git(app, "commit", "-qm", "Start over")
    commit = repositories.git(app, "rev-parse", "HEAD").strip()
    update(commands.Inputs(work / "new", {}), commit, only=None, dry_run=False, progress=lambda _: None)

    made = compared(work)

    assert ["they have no common history" in limit for limit in made.comparison.limits] == [True]
    assert codes(made)["DEMO-002"] is CodeState.EQUAL


def shallow(work: Path) -> None:
    """The current side's clone, one commit deep; the baseline has none."""
    (work / "new/app").rename(work / "full")
    repositories.git(work, "clone", "-q", "--depth=1", "--branch=1.1", f"file://{work}/full", f"{work}/new/app")
    shutil.rmtree(work / "old/app")


def test_a_shallow_clone_is_named_as_what_cuts_history_off(work: Path) -> None:
    shallow(work)

    made = compared(work)

    assert any("has no commit" in limit and "its history is cut off" in limit for limit in made.comparison.limits)
    assert set(codes(made).values()) == {CodeState.UNPLACED}
    assert made.comparison.contradictions == ()


def test_a_side_whose_commit_is_missing_is_not_taken_for_one_that_cites_nothing(work: Path) -> None:
    shallow(work)

    made = compared(work, quicknotes=work / "new/app")

    assert (
        "Not all that DEMO-001, DEMO-002, DEMO-003, DEMO-004 cite could be read on the baseline side." in made.comparison.limits
    )
    assert set(codes(made).values()) == {CodeState.UNPLACED}
    assert [each.id for each in made.comparison.findings if any(field.name == "locations" for field in each.fields)] == []


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_clone_that_is_no_repository_any_more_is_told_and_the_other_used(work: Path, side: str) -> None:
    shutil.rmtree(work / side / "app/.git")

    made = compared(work)

    assert [(problem.level, "no git repository at" in problem.fault) for problem in made.problems] == [("warning", True)]
    assert codes(made)["DEMO-002"] is CodeState.EQUAL


def test_a_clone_named_on_the_command_line_has_to_be_one(work: Path) -> None:
    with pytest.raises(FindingsReportError) as caught:
        compared(work, quicknotes=work)

    assert {problem.kind for problem in caught.value.problems} == {Kind.SOURCE}


def test_a_repository_that_both_sides_lost_leaves_the_prose_compared(work: Path) -> None:
    shutil.rmtree(work / "old/app")
    shutil.rmtree(work / "new/app")

    made = compared(work)

    assert any(
        limit.startswith("Repository 'quicknotes' is not available locally: 7 cited regions")
        for limit in made.comparison.limits
    )


def test_one_repository_under_two_names_is_one_when_it_is_at_one_place(work: Path) -> None:
    shutil.rmtree(work / "old/app")
    (work / "old/app").symlink_to(work / "new/app")
    rename(work)

    made = compared(work)

    assert made.comparison.limits == ("Repository quicknotes is called app in the baseline.",)
    assert codes(made)["DEMO-002"] is CodeState.EQUAL
    assert not any(
        field.name == "locations" for each in made.comparison.findings for field in each.fields if each.id == "DEMO-003"
    )


def rename(work: Path, more: str = "") -> None:
    path = work / "old/findings/engagement.yaml"
    edit(path, "  quicknotes:\n    path", f"  app:\n{more}    path")
    edit(path, "  - quicknotes/", "  - app:quicknotes/")


def test_one_repository_under_two_names_is_one_when_it_has_one_address(work: Path) -> None:
    rename(work, "    url: https://example.org/quicknotes.git\n")
    edit(work / "new/findings/engagement.yaml", "  quicknotes:\n", "  quicknotes:\n    url: https://Example.org/quicknotes\n")

    assert compared(work).comparison.limits == ("Repository quicknotes is called app in the baseline.",)


def test_repositories_of_different_names_are_not_guessed_to_be_one(work: Path) -> None:
    rename(work)

    made = compared(work)

    limit = "There is no repository app on the other side, which has quicknotes: 7 cited regions not followed."
    assert made.comparison.limits == (limit,)
    drifts = [region.drift for each in made.comparison.findings for region in each.evidence]
    assert {drift.kind for drift in drifts} == {DriftKind.UNVERIFIABLE}


def test_a_side_of_a_newer_format_is_refused_with_its_place(work: Path) -> None:
    edit(work / "old/findings/engagement.yaml", "format: 1", "format: 2")

    with pytest.raises(FindingsReportError) as caught:
        compared(work)

    (problem,) = caught.value.problems
    assert problem.fault == "format 2 was made by a newer findings-report"
    assert problem.place is not None
    assert (problem.place.file.endswith("old/findings/engagement.yaml"), problem.place.line) == (True, 1)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[str]]:
    """A repository, a short hash of which two commits start with it, and these."""
    folder = tmp_path_factory.mktemp("crowded") / "r"
    by_start: dict[str, list[str]] = {}
    for commit in repositories.build(folder, [repositories.Commit({"a": str(number)}) for number in range(900)]):
        by_start.setdefault(commit[:4], []).append(commit)
    short, commits = next((short, commits) for short, commits in by_start.items() if len(commits) > 1)
    return folder, short, sorted(commits)


def test_a_short_hash_of_several_commits_names_them(crowded: tuple[Path, str, list[str]]) -> None:
    folder, short, commits = crowded

    with git.open_repository(folder, name="app") as repository:
        with pytest.raises(FindingsReportError) as caught:
            repository.commit_of(short)
        assert repository.commit_of(commits[0]) == commits[0]
        assert repository.commit_of("0" * 12) is None

    fault = f"revision '{short}' names several commits of repository 'app': {', '.join(commits)}"
    assert [problem.fault for problem in caught.value.problems] == [fault]


def test_a_side_that_names_several_commits_is_told_as_such(work: Path, crowded: tuple[Path, str, list[str]]) -> None:
    folder, short, _ = crowded
    shutil.copytree(work / "new/findings", folder / "findings", dirs_exist_ok=True)
    wishes = DiffOptions((), None, None, system_fonts=False, fail_on=(), exit_code=False)

    with pytest.raises(FindingsReportError, match=f"'{short}' names several commits"):
        diff(short, None, commands.Inputs(folder, {}), wishes, lambda _: None)


def test_a_fix_that_names_several_commits_is_one_that_cannot_be_looked_up(
    work: Path, crowded: tuple[Path, str, list[str]]
) -> None:
    folder, short, commits = crowded
    shutil.rmtree(work / "old/app")
    shutil.rmtree(work / "new/app")
    shutil.copytree(folder, work / "new/app")
    (work / "old/app").symlink_to(work / "new/app")
    for side, commit in zip(("old", "new"), commits, strict=False):
        path = work / side / "findings/engagement.yaml"
        path.write_text(f"format: 1\ntitle: x\nrepositories:\n  app:\n    path: ../app\n    commit: '{commit}'\n")
        for finding in (work / side / "findings").glob("*.finding.yaml"):
            fix = f"fix: {{commits: ['{short}']}}\n" if side == "new" else ""
            status = "resolved" if finding.name.startswith("DEMO-002") and side == "new" else "open"
            text = f"title: {finding.name}\nseverity: low\nstatus: {status}\ndescription: x\n{fix}"
            finding.write_text(text + "locations: [{path: a, lines: 1}]\n")

    made = compared(work)

    assert {fix.state for each in made.comparison.findings for fix in each.fixes} == {FixState.UNVERIFIABLE}
    assert any(
        limit.startswith(f"A fix was not looked up: revision '{short}' names several") for limit in made.comparison.limits
    )
