"""Refs are read without git, and name what git says they name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import ENVIRONMENT, Commit, build, git, problem_of

from findings_report.git import open_repository
from findings_report.git.layout import is_ref_name, object_format_in

HISTORY = [Commit({"a": str(number)}, tag=f"v{number}") for number in range(4)]

REVISIONS = (
    *(
        "HEAD",
        "@",
        "main",
        "heads/main",
        "refs/heads/main",
        "v1",
        "tags/v1",
        "v1^{}",
        "v3~2",
        "@~1",
        "HEAD^",
        "both",
        "ORIG_HEAD",
    ),
    *("origin", "origin/main", "remotes/origin/main", "refs/remotes/origin/HEAD", "deep/er/branch", "deep", "deep/er", "gone"),
    *("v1-1-g<short>", "<short>", "<full>", "<full>~1", "config", "worktrees", "heads", "é", "HEAD^{/v1}", "v9"),
    *(
        "symbolic",
        "main^{tree}",
        "v1:a",
        "v1..v2",
        "v1...v2",
        "^v1",
        "~",
        "@~",
        "@^{}",
        "HEAD~99",
        "x.lock",
        "a b",
        "v1^0",
        "v1^1",
    ),
)


def gits_answer(path: Path, revision: str) -> str | None:
    command = ["git", "-C", str(path), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    answer = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    commit = answer.stdout.decode().strip()
    return commit if answer.returncode == 0 and not commit.startswith("^") else None


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_revision_names_what_git_says_it_names(tmp_path: Path, object_format: str, is_packed: bool) -> None:
    commits = build(tmp_path / "origin", HISTORY, object_format=object_format)
    path = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", f"file://{tmp_path}/origin", str(path))
    git(path, "tag", "both", "v1")
    git(path, "branch", "both", "v2")
    git(path, "branch", "deep/er/branch", "v1")
    git(path, "branch", "é", "v1")
    git(path, "branch", "gone", "v1")
    git(path, "symbolic-ref", "refs/heads/symbolic", "refs/heads/both")
    git(path, "reset", "--quiet", "--hard", "v2")
    git(path, "fetch", "--quiet")
    if is_packed:
        git(path, "pack-refs", "--all")
        git(path, "update-ref", "refs/heads/both", commits[3])  # a loose ref stands before a packed one
    git(path, "update-ref", "-d", "refs/heads/gone")
    git(path, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "v0")

    for place in (path, tmp_path / "linked"):
        with open_repository(place, name="app") as repository:
            for pattern in REVISIONS:
                revision = pattern.replace("<short>", commits[1][:9]).replace("<full>", commits[1])
                assert (revision, repository.commit_of(revision)) == (revision, gits_answer(place, revision))


@pytest.mark.parametrize("revision", ["HEAD@{1}", "@{upstream}", "main@{yesterday}", "@{-1}", ":/first"])
def test_what_only_the_clone_itself_knows_is_refused(tmp_path: Path, revision: str) -> None:
    build(tmp_path, HISTORY)

    with open_repository(tmp_path, name="app") as repository:
        problem = problem_of(lambda: repository.commit_of(revision))

    assert repr(revision) in problem.fault
    assert problem.remedy == "name a tag, a branch or a hash"


def test_a_head_without_a_commit_names_none(tmp_path: Path) -> None:
    build(tmp_path, HISTORY)
    git(tmp_path, "checkout", "--quiet", "--orphan", "new")

    with open_repository(tmp_path, name="app") as repository:
        assert repository.commit_of("HEAD") is None


def test_a_head_that_is_a_link_is_followed_within_the_repository(tmp_path: Path) -> None:
    commits = build(tmp_path, HISTORY)
    (tmp_path / ".git/HEAD").unlink()
    (tmp_path / ".git/HEAD").symlink_to("refs/heads/main")

    with open_repository(tmp_path, name="app") as repository:
        assert repository.commit_of("HEAD") == commits[-1]


def test_refs_that_only_git_reads_are_refused_but_a_full_hash_is_not(tmp_path: Path) -> None:
    commits = build(tmp_path, HISTORY)
    (tmp_path / ".git/reftable").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")

    with open_repository(tmp_path, name="app") as repository:
        problem = problem_of(lambda: repository.commit_of("v1"))
        assert repository.commit_of(commits[0]) == commits[0]

    assert problem.fault == "repository 'app' keeps its refs as a reftable, which only git reads"


def test_many_packed_refs_are_read_and_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = build(tmp_path, HISTORY)
    git(tmp_path, "pack-refs", "--all")
    packed = tmp_path / ".git/packed-refs"
    packed.write_text("".join(f"{commits[0]} refs/changes/{number}\n" for number in range(200_000)) + packed.read_text())

    with open_repository(tmp_path, name="app") as repository:
        assert repository.commit_of("v3") == commits[3]
        monkeypatch.setattr("findings_report.git.layout.LARGEST_PACKED", 1000)
        assert "packed-refs is not a small plain file" in problem_of(lambda: repository.commit_of("v3")).fault


@given(st.text(alphabet="abH.-/@{}~^:*[\\é \n\x7f", max_size=12))
def test_a_name_is_one_where_git_has_it_so(text: str) -> None:
    answer = subprocess.run(
        ["git", "check-ref-format", f"refs/heads/{text}"], env=ENVIRONMENT, capture_output=True, check=False
    )

    # The only difference is on purpose: a name that begins with a dash could be taken for an option.
    assert is_ref_name(text) == (answer.returncode == 0 and not text.startswith("-"))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", "sha1"),
        ("[extensions]\n\tobjectFormat = sha256\n", "sha256"),
        ('[EXTENSIONS] objectformat="SHA256" ; why\n', "sha256"),
        ("[extensions]\nobjectformat = sha256\nobjectformat = sha1\n", "sha1"),
        ('[extensions "x"]\nobjectformat = sha256\n', "sha1"),
        ("[core]\nobjectformat = sha256\n", "sha1"),
        ("[extensions]\n# objectformat = sha256\n", "sha1"),
        ("[include]\npath = /dev/zero\n\x00[[[\n", "sha1"),
    ],
)
def test_the_object_format_is_read_as_git_reads_it(config: str, expected: str) -> None:
    assert object_format_in(config) == expected


def test_every_ref_is_listed_with_the_commit_of_a_tag(tmp_path: Path) -> None:
    commits = build(tmp_path / "app", [Commit({"a": "1"}, tag="1.0"), Commit({"a": "2"}, tag="2.0")])
    git(tmp_path / "app", "update-ref", "refs/pull/7/head", commits[0])
    git(tmp_path / "app", "pack-refs", "--all")
    git(tmp_path / "app", "branch", "later", commits[0])
    git(tmp_path / "app", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main")

    with open_repository(tmp_path / "app", name="app") as repository:
        refs, tags = repository.refs, repository.tags()

    assert refs is not None
    assert {name: id for name, id in refs.items() if "tags" not in name} == {
        "refs/heads/main": commits[1],
        "refs/heads/later": commits[0],
        "refs/pull/7/head": commits[0],
    }
    assert tags == {"1.0": commits[0], "2.0": commits[1]}


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_commit_is_named_when_a_branch_or_tag_has_it_in_its_history(tmp_path: Path, *, is_packed: bool) -> None:
    first, second = build(tmp_path / "app", [Commit({"a": "1"}), Commit({"a": "2"})])
    lost = git(tmp_path / "app", "commit-tree", "-p", second, "-m", "lost", f"{second}^{{tree}}").strip()
    if is_packed:
        git(tmp_path / "app", "pack-refs", "--all")

    with open_repository(tmp_path / "app", name="app") as repository:
        named = [repository.is_named(commit) for commit in (first, second, lost, "0" * 40)]

    assert named == [True, True, False, None]


def test_whether_a_commit_is_named_is_not_known_without_refs_or_history(tmp_path: Path) -> None:
    commits = build(tmp_path / "app", [Commit({"a": "1"}), Commit({"a": "2"}), Commit({"a": "3"})])
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{tmp_path / 'app'}", str(tmp_path / "shallow"))
    git(tmp_path / "app", "checkout", "--quiet", "--detach")
    git(tmp_path / "app", "branch", "--quiet", "-D", "main")

    for name in ("app", "shallow"):
        with open_repository(tmp_path / name, name="app") as repository:
            assert repository.is_named(commits[1]) is None
            assert repository.tags() == {}


def test_the_commits_that_changed_some_files_are_given_newest_first(tmp_path: Path) -> None:
    files: list[dict[str, str]] = [{"a": "1", "b": "1", "*": "1"}, {"b": "2"}, {"a": "2"}, {"*": "2"}, {"a": "3"}]
    commits = build(tmp_path / "app", [Commit(dict(each)) for each in files])

    with open_repository(tmp_path / "app", name="app") as repository:
        assert repository.changing_commits(["a"], of=[commits[4]], but=[], most=2) == (commits[4], commits[2])
        assert repository.changing_commits(["a", "b"], of=[commits[4]], but=[commits[1]], most=9) == (commits[4], commits[2])
        assert repository.changing_commits(["*"], of=[commits[4]], but=[], most=9) == (commits[3], commits[0])
