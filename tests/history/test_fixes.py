"""The commits that a fix names, looked up: in history, and under the hash that a rebase or squash gave their change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import repositories
import samples
from repositories import Commit

from findings_report.git import history as history_module
from findings_report.git import open_repository
from findings_report.history import fixes as fixes_module
from findings_report.history.fixes import Fixes
from findings_report.model.comparison import FixCommit, FixState
from findings_report.model.finding import Fix

LINES = [f"line number {n}" for n in range(40)]
OLD = "def run(x):\n    return sh(x)\n"
NEW = "def run(x):\n    return sh(quote(x))\n"


def text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def change(repository: Path, message: str, **files: str) -> str:
    """Commit `files`, by name without suffix, on the branch that is checked out; its hash."""
    for name, content in files.items():
        (repository / f"{name}.py").write_text(content)
    repositories.git(repository, "add", "-A")
    repositories.git(repository, "commit", "-qm", message)
    return repositories.git(repository, "rev-parse", "HEAD").strip()


@pytest.fixture(params=["sha1", "sha256"])
def app(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A repository with the branches main and fix at one commit, fix checked out; and that commit."""
    files = {"g.py": OLD, "long.py": text(LINES), "other.py": "other = 1\n"}
    (commit,) = repositories.build(tmp_path / "app", [Commit(files)], object_format=request.param)
    repositories.git(tmp_path / "app", "checkout", "-qb", "fix")
    return tmp_path / "app", commit


def look_up(repository: Path, before: str, after: str, *named: str, limits: list[str] | None = None) -> tuple[FixCommit, ...]:
    finding = samples.report().findings[0].model_copy(update={"fix": Fix(commits=named)})
    with open_repository(repository, name="app") as opened:
        fixes = Fixes({"app": opened}, {"app": before}, {"app": after})
        found = fixes.of(finding, None)
    if limits is not None:
        limits += fixes.limits
    return found


def test_a_commit_that_was_rebased_is_found_by_its_patch(app: tuple[Path, str]) -> None:
    repository, base = app
    lines = [*LINES[:30], "a check", *LINES[30:]]
    named = change(repository, "Fix", g=NEW, long=text(lines))
    repositories.git(repository, "checkout", "-q", "main")
    # Other lines above: the numbers of the patch differ, its id does not.
    change(repository, "Other", long=text(["first", "second", *LINES]), other="other = 2\n")
    repositories.git(repository, "cherry-pick", named)
    after = change(repository, "Later", g=NEW + "more = 1\n")

    (fix,) = look_up(repository, base, after, named[:12])

    assert fix.state is FixState.REBASED
    assert fix.commit == named
    assert fix.came_in_as == repositories.git(repository, "rev-parse", "HEAD^").strip()
    assert fix.is_between


def test_a_branch_of_one_commit_that_was_squashed_is_found_by_its_patch(app: tuple[Path, str]) -> None:
    repository, base = app
    named = change(repository, "Fix", g=NEW)
    repositories.git(repository, "checkout", "-q", "main")
    change(repository, "Other", other="other = 2\n")
    repositories.git(repository, "merge", "-q", "--squash", "fix")
    after = change(repository, "Fix (#7)")

    (fix,) = look_up(repository, base, after, named)

    assert (fix.state, fix.came_in_as) == (FixState.REBASED, after)


def test_a_merge_that_is_named_is_compared_with_the_branch_that_it_was_merged_into(app: tuple[Path, str]) -> None:
    repository, base = app
    change(repository, "Fix", g=NEW)
    repositories.git(repository, "checkout", "-qb", "release", base)
    repositories.git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "fix")
    named = repositories.git(repository, "rev-parse", "HEAD").strip()
    repositories.git(repository, "checkout", "-q", "main")
    after = change(repository, "Fix (#7)", g=NEW)

    (fix,) = look_up(repository, base, after, named)

    assert (fix.state, fix.came_in_as) == (FixState.REBASED, after)


def test_a_commit_on_a_branch_that_took_it_back_is_found(app: tuple[Path, str]) -> None:
    repository, base = app
    named = change(repository, "Fix", g=NEW)
    repositories.git(repository, "checkout", "-qb", "side", base)
    change(repository, "Other", other="other = 2\n")
    repositories.git(repository, "cherry-pick", named)
    picked = repositories.git(repository, "rev-parse", "HEAD").strip()
    change(repository, "Take it back", g=OLD)
    repositories.git(repository, "checkout", "-q", "main")
    change(repository, "Long", long=text(LINES[1:]))
    # The files of the fix are after the merge what they were on main, so that git passes the branch over by default.
    repositories.git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    after = repositories.git(repository, "rev-parse", "HEAD").strip()

    (fix,) = look_up(repository, base, after, named)

    assert (fix.state, fix.came_in_as) == (FixState.REBASED, picked)


def test_a_squash_of_several_commits_is_a_hint(app: tuple[Path, str]) -> None:
    repository, base = app
    first = change(repository, "Fix", g=NEW)
    second = change(repository, "Fix the rest", g=NEW + "checked = quote(values)\n", other="other = 3\n")
    repositories.git(repository, "checkout", "-q", "main")
    change(repository, "Other", long=text(LINES[1:]))
    repositories.git(repository, "merge", "-q", "--squash", "fix")
    after = change(repository, "Fix (#7)")

    found = look_up(repository, base, after, first, second)

    assert [(fix.state, fix.came_in_as) for fix in found] == [(FixState.OUTSIDE, None)] * 2
    assert [fix.similar for fix in found] == [(after,)] * 2
    assert not any(fix.is_between for fix in found)


def test_a_commit_whose_change_did_not_come_in_has_no_other_hash(app: tuple[Path, str]) -> None:
    repository, base = app
    named = change(repository, "Fix", g=NEW)
    repositories.git(repository, "checkout", "-q", "main")
    after = change(repository, "Another change of the file", g="def run(x):\n    return call([x])\n")

    (fix,) = look_up(repository, base, after, named)

    assert (fix.state, fix.came_in_as, fix.similar) == (FixState.OUTSIDE, None, ())


def test_a_change_that_was_made_before_the_baseline_is_not_taken_for_a_fix_since(app: tuple[Path, str]) -> None:
    repository, _ = app
    named = change(repository, "Fix", g=NEW)
    repositories.git(repository, "checkout", "-q", "main")
    before = change(repository, "Fix (#7)", g=NEW)
    after = change(repository, "Other", g=NEW + "more = 1\n")

    (fix,) = look_up(repository, before, after, named)

    assert fix.state is FixState.OUTSIDE


def test_a_commit_that_the_clone_lacks_may_be_named_in_a_message(app: tuple[Path, str]) -> None:
    repository, base = app
    missing = "0123456789abcdef" * (4 if len(base) == 64 else 3)
    named = missing[: len(base)]
    repositories.git(repository, "checkout", "-q", "main")
    picked = change(repository, f"Fix\n\n(cherry picked from commit {named})", g=NEW)
    after = change(repository, "Other", other="other = 2\n")

    found = look_up(repository, base, after, named, named[:9], "f" * len(base), "--all")

    assert [fix.state for fix in found] == [FixState.MISSING] * 4
    assert [fix.similar for fix in found] == [(picked,), (picked,), (), ()]


def test_a_fix_is_looked_up_in_every_repository_and_missing_from_all_of_them(app: tuple[Path, str], tmp_path: Path) -> None:
    repository, base = app
    (before,) = repositories.build(
        tmp_path / "lib", [Commit({"lib.py": "a = 1\n"})], object_format="sha256" if len(base) == 64 else "sha1"
    )
    named = change(tmp_path / "lib", "Fix", lib="a = 2\n")
    report = samples.report().findings[0]
    cited = tuple(snippet.model_copy(update={"repository": "app"}) for snippet in report.snippets)
    finding = report.model_copy(update={"snippets": cited, "fix": Fix(commits=(named, "f" * len(base)))})
    with open_repository(repository, name="app") as one, open_repository(tmp_path / "lib", name="lib") as other:
        ends = {"app": base, "lib": before}, {"app": base, "lib": named}
        found = Fixes({"app": one, "lib": other}, *ends).of(finding, finding)
        without_lib = Fixes({"app": one, "lib": None}, *ends).of(finding, finding)

    assert [fix.state for fix in found] == [FixState.BETWEEN, FixState.MISSING]
    # The commit may be in the clone that is not there.
    assert [fix.state for fix in without_lib] == [FixState.UNVERIFIABLE, FixState.UNVERIFIABLE]


def test_two_commits_that_changed_no_line_are_not_the_same_change(app: tuple[Path, str]) -> None:
    repository, base = app
    (repository / "logo.png").write_bytes(b"\0one")
    named = change(repository, "Logo")
    repositories.git(repository, "checkout", "-q", "main")
    (repository / "logo.png").write_bytes(b"\0two")
    after = change(repository, "Another logo")

    (fix,) = look_up(repository, base, after, named)

    assert (fix.state, fix.similar) == (FixState.OUTSIDE, ())


def test_the_configuration_of_the_audited_repository_does_not_decide_what_is_compared(
    app: tuple[Path, str], tmp_path: Path
) -> None:
    repository, base = app
    ran = tmp_path / "ran"
    (repository / ".git/info").mkdir(exist_ok=True)
    (repository / ".git/info/attributes").write_text("*.py diff=own\n")
    named = change(repository, "Fix", g=NEW)
    repositories.git(repository, "checkout", "-q", "main")
    change(repository, "Other", other="other = 2\n")
    repositories.git(repository, "cherry-pick", named)
    after = repositories.git(repository, "rev-parse", "HEAD").strip()
    for name in ("diff.external", "diff.own.command", "diff.own.textconv"):
        repositories.git(repository, "config", name, f"touch {ran}; true")
    repositories.git(repository, "config", "patchid.verbatim", "true")

    (fix,) = look_up(repository, base, after, named)

    assert fix.came_in_as == after
    assert not ran.exists()


def test_changes_that_are_too_large_to_compare_are_said_once(app: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    repository, base = app
    named = [change(repository, "Fix", g=NEW), change(repository, "Fix more", other="other = 3\n")]
    repositories.git(repository, "checkout", "-q", "main")
    after = change(repository, "Other", other="other = 2\n", g=NEW)
    monkeypatch.setattr(history_module, "_MOST_PATCH_BYTES", 100)
    limits: list[str] = []

    found = look_up(repository, base, after, *named, limits=limits)

    assert [fix.state for fix in found] == [FixState.OUTSIDE] * 2
    assert len(limits) == 1
    assert limits[0].startswith("Fixes were not looked for under another hash: repository 'app': commits with the changes of")


def test_fixes_that_are_not_in_history_are_searched_for_up_to_a_limit(
    app: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, base = app
    named = [change(repository, "Fix", g=NEW), change(repository, "Fix more", other="other = 3\n")]
    repositories.git(repository, "checkout", "-q", "main")
    change(repository, "Other", long=text(LINES[1:]))
    for commit in named:
        repositories.git(repository, "cherry-pick", commit)
    after = repositories.git(repository, "rev-parse", "HEAD").strip()
    monkeypatch.setattr(fixes_module, "_MOST_SEARCHED", 1)
    limits: list[str] = []

    found = look_up(repository, base, after, *named, limits=limits)

    assert [fix.state for fix in found] == [FixState.REBASED, FixState.OUTSIDE]
    assert limits == [
        "More than 1 commits named as fixes are not in the history; the others were not looked for under another hash."
    ]
