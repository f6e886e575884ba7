"""Cloning no more than is needed: from local paths, and from a remote that real git talks to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import Commit, build, git, problem_of, write_object

from findings_report.git import PathEntry, fetch_repository, open_repository
from findings_report.problems import Kind, Place

HISTORY = [
    Commit({"README": "hello\n"}, "First", tag="v1"),
    Commit({"src/app.py": "one\n"}, "Second", tag="v2"),
    Commit({"README": "later\n"}, "Third"),
]


@pytest.fixture
def origin(tmp_path: Path) -> tuple[Path, list[str]]:
    path = tmp_path / "origin"
    return path, build(path, HISTORY)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A remote host for real git to talk to: an `ssh` that runs the far side's command here. Its log has every command."""
    program = tmp_path / "programs/ssh"
    program.parent.mkdir()
    # git asks an unknown ssh whether it takes options with -G.
    program.write_text(
        f"#!/bin/sh\n"
        f'[ "$1" = -G ] && exit 0\n'
        f"for last; do :; done\n"
        f'echo "$last" >> {tmp_path}/ssh.log\n'
        f"[ -e {tmp_path}/old ] && unset GIT_PROTOCOL\n"
        f'exec sh -c "$last"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "ssh.log"


def entry_in(clone: Path, commit: str, path: str) -> PathEntry | None:
    with open_repository(clone, name="clone") as repository:
        return repository.entry(commit, path)


def test_fetching_brings_only_the_commits_that_are_asked_for(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = origin
    clone = tmp_path / "cache/app.git"

    found = fetch_repository(str(path), clone, revisions=["v1", "HEAD"], commits=[commits[2]])

    assert found == {"v1": commits[0], "HEAD": commits[2], commits[2]: commits[2]}
    assert entry_in(clone, commits[0], "README") is not None
    with open_repository(clone, name="clone") as repository:
        assert [repository.has_commit(commit) for commit in commits] == [True, False, True]
        assert (repository.commit_of("v1"), repository.commit_of("HEAD")) == (commits[0], commits[2])
    assert list(clone.parent.iterdir()) == [clone]


def test_what_a_killed_fetch_has_left_in_the_clone_does_not_hold_up_the_next(
    origin: tuple[Path, list[str]], tmp_path: Path
) -> None:
    path, commits = origin
    clone = tmp_path / "app.git"
    fetch_repository(str(path), clone, revisions=[], commits=[commits[0]])
    left = [clone / name for name in ("shallow.lock", "packed-refs.lock", "objects/pack/tmp_pack_x", "refs/heads/a.lock")]
    for file in left:
        file.write_text("")

    fetch_repository(str(path), clone, revisions=["v2"], commits=[])

    assert entry_in(clone, commits[1], "src/app.py") is not None
    assert [file for file in left if file.exists()] == []


def test_fetching_again_adds_to_the_clone(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = origin
    clone = tmp_path / "app.git"

    fetch_repository(f"file://{path}", clone, revisions=["v1"], commits=[])
    fetch_repository(f"file://{path}", clone, revisions=[], commits=[commits[1]])

    with open_repository(clone, name="clone") as repository:
        assert [repository.has_commit(commit) for commit in commits] == [True, True, False]


def test_what_the_clone_already_has_is_not_asked_for(origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path) -> None:
    path, commits = origin
    clone = tmp_path / "app.git"
    fetch_repository(f"host:{path}", clone, revisions=[], commits=[commits[1]])
    ssh.unlink()

    assert fetch_repository(f"host:{path}", clone, revisions=[], commits=[commits[1]]) == {commits[1]: commits[1]}
    assert not ssh.exists()


@pytest.mark.parametrize("address", ["host:{}", "someone@host:{}", "ssh://someone@host{}"])
def test_a_remote_gives_tags_branches_and_hashes(
    origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path, address: str
) -> None:
    path, commits = origin
    clone = tmp_path / "app.git"

    found = fetch_repository(address.format(path), clone, revisions=["v1", "main", "HEAD", commits[1]], commits=[commits[1]])

    assert found == {"v1": commits[0], "main": commits[2], "HEAD": commits[2], commits[1]: commits[1]}
    with open_repository(clone, name="clone") as repository:
        assert repository.is_shallow
        assert repository.commit_of("v1") == commits[0]
        assert repository.commit_of("HEAD") == commits[2]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_remote_that_refuses_hashes_is_cloned_whole(tmp_path: Path, ssh: Path, object_format: str) -> None:
    history = [Commit({"README": "hello\n"}), Commit({"README": "bye\n"}, tag="v2")]
    commits = build(tmp_path / "origin", history, object_format=object_format)
    (tmp_path / "old").touch()
    clone = tmp_path / "app.git"

    found = fetch_repository(f"host:{tmp_path}/origin", clone, revisions=["v2"], commits=[commits[0]])

    assert found == {"v2": commits[1], commits[0]: commits[0]}
    with open_repository(clone, name="clone") as repository:
        assert not repository.is_shallow


def test_a_revision_that_needs_history_brings_it(origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path) -> None:
    path, commits = origin

    found = fetch_repository(f"host:{path}", tmp_path / "app.git", revisions=["v2~1", commits[0][:9]], commits=[])

    assert set(found.values()) == {commits[0]}


@pytest.mark.parametrize("prefix", ["", "host:"])
@pytest.mark.parametrize(("revisions", "commits"), [(["v9"], []), ([], ["3" * 40]), (["v1", "v9~1"], [])])
def test_what_the_source_does_not_have_is_said_and_leaves_nothing(
    origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path, prefix: str, revisions: list[str], commits: list[str]
) -> None:
    clone = tmp_path / "cache/app.git"

    problem = problem_of(lambda: fetch_repository(f"{prefix}{origin[0]}", clone, revisions=revisions, commits=commits))

    asked = [*revisions, *commits][-1]
    assert (problem.kind, problem.fault) == (Kind.SOURCE, f"{asked!r} names no commit in {prefix}{origin[0]}")
    assert not clone.parent.exists() or list(clone.parent.iterdir()) == []


def test_a_remote_that_does_not_answer_is_a_network_problem_without_the_password(tmp_path: Path) -> None:
    source = "https://someone:s3cret@127.0.0.1:9/app.git?token=s3cret"

    problem = problem_of(lambda: fetch_repository(source, tmp_path / "cache/app.git", revisions=["v1"], commits=[]))

    assert problem.kind is Kind.NETWORK
    assert problem.code == "fetch-unreachable"
    assert problem.fault.startswith("cannot reach https://127.0.0.1:9/app.git: ")
    assert "s3cret" not in f"{problem.fault}{problem.remedy}"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ada@example.org: Permission denied (publickey).", "fetch-forbidden"),
        ("Host key verification failed.", "fetch-forbidden"),
        ("ssh: Could not resolve hostname example.org: Name or service not known", "fetch-unreachable"),
        ("ssh: connect to host example.org port 22: Connection timed out", "fetch-unreachable"),
        ("ERROR: Repository not found.", "fetch-refused"),
    ],
)
def test_what_keeps_a_remote_from_being_read_has_a_remedy_of_its_own(words: str, code: str, tmp_path: Path, ssh: Path) -> None:
    (tmp_path / "programs/ssh").write_text(f"#!/bin/sh\n[ $1 = -G ] && exit 0\necho '{words}' >&2\nexit 255\n")

    problem = problem_of(lambda: fetch_repository("ada@example.org:app.git", tmp_path / "app", revisions=["v1"], commits=[]))

    assert (problem.kind, problem.code) == (Kind.NETWORK, code)
    assert words.rstrip(".") in problem.fault


def test_a_repository_without_rights_is_not_called_damaged() -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and cannot become somebody else")
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] * (os.geteuid() == 0)
    if subprocess.run([*other, sys.executable, "-c", "import findings_report"], capture_output=True, check=False).returncode:
        pytest.skip("this checkout is in a folder that only root may read")
    with tempfile.TemporaryDirectory() as folder:
        commits = build(Path(folder) / "origin", HISTORY)
        objects = Path(folder) / "origin/.git/objects" / commits[0][:2] / commits[0][2:]
        program = (
            "from findings_report.git import fetch_repository\nfrom pathlib import Path\n"
            f"try: fetch_repository({folder + '/origin'!r}, Path({folder + '/clone'!r}), revisions=[], commits={commits})\n"
            "except Exception as error: print(error.problems[0].code, '|', error)\n"
        )
        if other:
            for path in (Path(folder), *Path(folder).rglob("*")):
                os.chown(path, 65534, 65534)
        objects.chmod(0)
        done = subprocess.run([*other, sys.executable, "-c", program], capture_output=True, text=True, check=False)
        objects.chmod(0o700)

    assert done.stdout.startswith("clone-forbidden | "), done.stderr
    assert f"{objects} cannot be read: permission denied" in done.stdout


def test_a_local_source_that_is_not_there_is_a_source_problem(tmp_path: Path) -> None:
    problem = problem_of(lambda: fetch_repository(str(tmp_path / "none"), tmp_path / "app.git", revisions=["v1"], commits=[]))

    assert problem.kind is Kind.SOURCE


@pytest.mark.parametrize(
    "source",
    [
        "--upload-pack=touch x",
        "ext::sh -c true",
        "http://example.org/x",
        "git://example.org/x",
        "ftp://x/y",
        "file://host/x",
        "",
        "a\nb",
    ],
)
def test_only_safe_transports_are_used(tmp_path: Path, source: str) -> None:
    problem = problem_of(lambda: fetch_repository(source, tmp_path / "app.git", revisions=["v1"], commits=[]))

    assert (problem.kind, problem.code) == (Kind.SOURCE, "source-not-allowed")


def test_a_clone_that_cannot_be_written_is_an_output_problem(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    problem = problem_of(lambda: fetch_repository(str(origin[0]), tmp_path / "file/app.git", revisions=["v1"], commits=[]))

    assert problem.kind is Kind.OUTPUT


def test_a_commit_that_the_remote_says_it_lacks_is_not_looked_for_in_all_its_history(
    origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path
) -> None:
    problem_of(lambda: fetch_repository(f"host:{origin[0]}", tmp_path / "app.git", revisions=[], commits=["3" * 40]))

    assert len(ssh.read_text().splitlines()) == 2, "one to list, one to fetch"


@pytest.mark.parametrize("address", ["{}", "file://{}", "host:{}"])
def test_optional_commits_are_brought_where_the_source_has_them(
    origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path, address: str
) -> None:
    path, commits = origin
    source, clone = address.format(path), tmp_path / "app.git"

    here = fetch_repository(
        source, clone, revisions=[], commits=[commits[0]], optional=["3" * 40, commits[1], "4" * 40, commits[0]]
    )
    problem = problem_of(lambda: fetch_repository(source, clone, revisions=[], commits=["5" * 40], optional=["3" * 40]))

    assert here == {commits[0]: commits[0], commits[1]: commits[1]}
    assert "5" * 40 in problem.fault


def test_a_shallow_clone_can_be_cloned_from(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = origin
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{path}", "shallow")

    assert fetch_repository(str(tmp_path / "shallow"), tmp_path / "app.git", revisions=["main"], commits=[]) == {
        "main": commits[2]
    }


def test_a_clone_that_breaks_off_leaves_nothing(origin: tuple[Path, list[str]], tmp_path: Path, ssh: Path) -> None:
    # The list of refs arrives; the far side then dies of its own damage before the pack is whole.
    blob = git(origin[0], "rev-parse", "v1:README").strip()
    (origin[0] / ".git/objects" / blob[:2] / blob[2:]).unlink()
    clone = tmp_path / "cache/app.git"

    problem = problem_of(lambda: fetch_repository(f"host:{origin[0]}", clone, revisions=["v1"], commits=[]))

    assert problem.kind is Kind.NETWORK
    assert not clone.parent.exists() or list(clone.parent.iterdir()) == []


def test_a_remote_with_malformed_objects_is_refused(tmp_path: Path, ssh: Path) -> None:
    path = tmp_path / "origin"
    build(path, HISTORY[:1])
    blob = write_object(path / ".git", "blob", b"evil")
    tree = write_object(path / ".git", "tree", b"100644 .git\0" + bytes.fromhex(blob))
    who = b"Ada <ada@example.org> 1577836800 +0000"
    commit = write_object(path / ".git", "commit", b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (tree.encode(), who, who))
    (path / ".git/refs/heads/evil").write_text(f"{commit}\n")

    problem = problem_of(lambda: fetch_repository(f"host:{path}", tmp_path / "app.git", revisions=["evil"], commits=[]))

    assert problem.kind is Kind.NETWORK
    assert "hasDotgit" in problem.fault
    assert not (tmp_path / "app.git").exists()


def test_a_remote_that_sends_too_much_is_cut_off_and_leaves_nothing(
    tmp_path: Path, ssh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings_report.git.fetch._MOST_RECEIVED", 1 << 16)
    build(tmp_path / "origin", [Commit({"large": os.urandom(1 << 18)}, tag="v1")])
    clone = tmp_path / "cache/app.git"

    problem = problem_of(lambda: fetch_repository(f"host:{tmp_path}/origin", clone, revisions=["v1"], commits=[]))

    assert problem.kind is Kind.NETWORK
    assert problem.fault == f"cannot fetch from host:{tmp_path}/origin: the server sent more than 65,536 bytes"
    assert list(clone.parent.iterdir()) == []


def damage_pack(path: Path) -> None:
    (pack,) = (path / ".git/objects/pack").glob("*.pack")
    content = pack.read_bytes()
    pack.chmod(0o644)
    pack.write_bytes(content[:12] + bytes(byte ^ 0xFF for byte in content[12:-20]) + content[-20:])


def cut_pack(path: Path) -> None:
    (pack,) = (path / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:40])


def damage_index(path: Path) -> None:
    (index,) = (path / ".git/objects/pack").glob("*.idx")
    index.chmod(0o644)
    index.write_bytes(b"none" * 100)


def _object(path: Path, name: str) -> Path:
    id = git(path, "rev-parse", name).strip()
    file = path / ".git/objects" / id[:2] / id[2:]
    file.chmod(0o644)
    return file


def empty_objects(path: Path) -> None:
    shutil.rmtree(path / ".git/objects")
    (path / ".git/objects").mkdir()


@pytest.mark.parametrize(
    ("is_packed", "harm", "fault"),
    [
        (True, damage_pack, "an object that a revision names is damaged"),
        (True, cut_pack, r"the pack pack-\w+.pack is damaged"),
        (True, damage_index, r"the pack pack-\w+.pack is damaged"),
        (False, lambda path: _object(path, "HEAD:README").unlink(), "an object of the cited commits is missing"),
        (False, lambda path: _object(path, "HEAD^{tree}").unlink(), "an object of the cited commits is missing"),
        (False, lambda path: _object(path, "HEAD:README").write_bytes(b"none"), "an object of the cited commits is missing"),
        (False, lambda path: _object(path, "HEAD").write_bytes(b"none"), "an object that a revision names is damaged"),
        (False, lambda path: _object(path, "HEAD").unlink(), "a commit that a branch names is missing"),
        (False, empty_objects, "a commit that a branch names is missing"),
    ],
)
def test_a_damaged_repository_on_this_machine_is_named_as_such(
    origin: tuple[Path, list[str]], tmp_path: Path, is_packed: bool, harm: Callable[[Path], None], fault: str
) -> None:
    path, commits = origin
    if is_packed:
        git(path, "gc", "--quiet")
    harm(path)

    problem = problem_of(lambda: fetch_repository(str(path), tmp_path / "clone", revisions=["HEAD"], commits=[commits[2]]))

    assert (problem.kind, problem.code) == (Kind.SOURCE, "clone-damaged")
    assert re.match(fault, problem.fault)
    assert problem.place == Place(str(path))
    assert f"git -C {path} fsck" in (problem.remedy or "")
    assert not (tmp_path / "clone").exists()


def test_a_pinned_commit_whose_object_is_damaged_is_named_as_such(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = origin
    _object(path, commits[0]).write_bytes(b"")

    problem = problem_of(lambda: fetch_repository(str(path), tmp_path / "clone", revisions=[], commits=[commits[0]]))

    assert (problem.kind, problem.code) == (Kind.SOURCE, "clone-damaged")


def test_a_path_without_a_repository_has_a_remedy_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, remedy in (("empty", "give the folder that holds .git"), ("gone", "check the path, and the rights of its files")):
        problem = problem_of(lambda: fetch_repository(str(tmp_path / name), tmp_path / "clone", revisions=[], commits=[]))  # noqa: B023

        assert problem.kind is Kind.SOURCE
        assert remedy in (problem.remedy or "")
