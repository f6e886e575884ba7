"""The door to git on repositories made to harm: nothing of theirs runs, nothing outside is read, no lie is believed."""

from __future__ import annotations

import os
import subprocess
import zlib
from functools import partial
from pathlib import Path

import pytest
from repositories import ENVIRONMENT, Commit, build, git, problem_of, write_object

from findings_report.git import (
    LARGEST_OBJECT,
    Repository,
    diff_blobs,
    fetch_repository,
    find_merge_base,
    find_renames_between,
    list_changes,
    list_renames_along,
    open_repository,
)
from findings_report.git.history import Hunk
from findings_report.problems import Problem

HISTORY = [Commit({"src/app.py": "one\ntwo\n", "README": "hello\n"}, tag="v1"), Commit({"src/app.py": "one\n2\n"}, tag="v2")]

HOOKS = (
    "post-checkout",
    "pre-auto-gc",
    "reference-transaction",
    "post-index-change",
    "fsmonitor-watchman",
    "pre-receive",
    "update",
)


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, list[str]]:
    path = tmp_path / "project"
    return path, build(path, HISTORY)


def refused(path: Path, *borrow: Path) -> Problem:
    """The problem of opening `path`; closes what should not have opened."""
    return problem_of(lambda: open_repository(path, name="app", borrow=borrow).close())


def exercise(path: Path, commit: str, scratch: Path) -> None:
    """Every public call, each on something that is there and on something that is not."""
    with open_repository(path, name="app") as repository:
        for revision in ("v1", "HEAD", "v1~1", "nothing", ":/one", "HEAD@{1}", "@{upstream}", "--output=canary"):
            quietly(repository, revision)
        entry = repository.entry(commit, "src/app.py")
        assert entry is not None
        assert repository.blob(entry.id) == b"one\ntwo\n"
        assert repository.containing(commit, ["two"], 5) == ("src/app.py",)
        assert len(repository.files(commit)) == 2
        assert repository.entry(commit, "nothing") is None
        assert not repository.has_commit("0" * 40)
        problem_of(lambda: repository.blob("0" * 40))
        assert dict(repository.read_blobs([entry.id, "0" * 40])) == {entry.id: b"one\ntwo\n", "0" * 40: None}
        head = repository.commit_of("HEAD")
        assert head is not None
        assert find_merge_base(repository, commit, head) == commit
        assert list_renames_along(repository, commit, head) == ()
        for lines in ((1, 2), None):
            assert [each.commit for each in list_changes(repository, commit, head, path="src/app.py", lines=lines)] == [head]
        problem_of(lambda: list_changes(repository, commit, head, path="nothing", lines=(1, 2)))
        assert find_renames_between(repository, commit, head, sources=["src/app.py"], added=["link"]) == ()
        other = repository.entry(head, "src/app.py")
        assert other is not None
        assert diff_blobs(repository, [(entry.id, other.id)], {entry.id: 8, other.id: 6}) == {
            (entry.id, other.id): (Hunk(2, 1, 2, 1),)
        }
    fetch_repository(str(path), scratch / "clone.git", revisions=["v1"], commits=[commit])


def quietly(repository: Repository, revision: str) -> None:
    """Resolve, and take an error for an answer."""
    try:
        repository.commit_of(revision)
    except Exception as error:
        assert type(error).__name__ == "FindingsReportError"  # noqa: PT017


# What a repository configures


@pytest.fixture
def armed(project: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str], Path]:
    """A repository in which everything that can name a program names one that leaves a canary."""
    path, commits = project
    canary, program = tmp_path / "canary", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $@ >> {canary}\nexit 1\n")
    program.chmod(0o755)
    named = [
        *(
            "core.fsmonitor",
            "core.pager",
            "core.editor",
            "core.askPass",
            "core.sshCommand",
            "core.gitProxy",
            "core.alternateRefsCommand",
        ),
        *(
            "diff.external",
            "diff.evil.command",
            "diff.evil.textconv",
            "filter.evil.clean",
            "filter.evil.smudge",
            "filter.evil.process",
        ),
        *(
            "gpg.program",
            "gpg.ssh.program",
            "credential.helper",
            "sequence.editor",
            "interactive.diffFilter",
            "merge.evil.driver",
        ),
        *("pager.grep", "pager.rev-parse", "pager.cat-file", "uploadpack.packObjectsHook", "tar.evil.command", "man.evil.cmd"),
        *("remote.origin.uploadpack", "remote.origin.receivepack", "remote.origin.proxy", "trailer.evil.cmd", "ssh.variant"),
    ]
    for name in named:
        git(path, "config", name, str(program))
    for name in ("grep", "cat-file", "rev-parse", "upload-pack", "fetch"):
        git(path, "config", f"alias.{name}", f"!{program}")
    git(path, "config", "log.showSignature", "true")
    git(path, "config", "filter.evil.required", "true")
    git(path, "config", "core.hooksPath", str(path / ".git/hooks"))
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/attributes").write_text("* diff=evil filter=evil merge=evil\n")
    (path / ".git/hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        (path / ".git/hooks" / hook).symlink_to(program)
    return path, commits, canary


def test_no_program_that_a_repository_names_is_run(armed: tuple[Path, list[str], Path], tmp_path: Path) -> None:
    path, commits, canary = armed

    exercise(path, commits[0], tmp_path)

    assert not canary.exists()


def test_the_armed_repository_is_armed(armed: tuple[Path, list[str], Path]) -> None:
    path, _, canary = armed

    subprocess.run(["git", "-C", str(path), "show", "v2"], env=ENVIRONMENT, capture_output=True, check=False)

    assert canary.exists()


def test_no_remote_is_asked_for_an_object_that_a_partial_clone_lacks(project: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = project
    canary, program = tmp_path / "canary", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\n")
    program.chmod(0o755)
    git(path, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=tree:0", f"file://{path}", str(clone))
    git(clone, "config", "remote.origin.uploadpack", str(program))
    git(clone, "config", "remote.evil.url", f"ext::{program}")
    git(clone, "config", "remote.evil.promisor", "true")

    with open_repository(clone, name="app") as repository:
        assert repository.commit_of("v1") == commits[0]
        quietly(repository, "v1:src")
        assert not repository.has_commit("9" * 40)
        problem = problem_of(lambda: repository.entry(commits[0], "README"))

    assert "a partial clone" in problem.fault
    assert not canary.exists()
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "GIT_NO_LAZY_FETCH"}
    subprocess.run(["git", "-C", str(clone), "ls-tree", "v1"], env=environment, capture_output=True, check=False)
    assert canary.exists(), "the trap was not set"


def test_the_users_git_environment_is_not_inherited(
    project: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, commits = project
    canary = tmp_path / "canary"
    elsewhere = {
        "GIT_DIR": "/nonexistent",
        "GIT_OBJECT_DIRECTORY": "/nonexistent",
        "GIT_WORK_TREE": "/",
        "GIT_TRACE": str(canary),
    }
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": f"touch {canary}"}
    for name, value in (elsewhere | config).items():
        monkeypatch.setenv(name, value)

    exercise(path, commits[0], tmp_path)

    assert not canary.exists()


@pytest.mark.parametrize(
    "revision", ["--output=canary", "--git-dir=/", "-h", "--", "HEAD --output=canary", "$(touch canary)", "x;touch canary"]
)
def test_a_hostile_revision_names_nothing_and_does_nothing(
    project: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with open_repository(project[0], name="app") as repository:
        assert repository.commit_of(revision) is None

    assert list(tmp_path.rglob("canary")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_owner_is_read(project: tuple[Path, list[str]]) -> None:
    path, commits = project
    for folder in (path, path / ".git"):
        os.chown(folder, 12345, 12345)

    with open_repository(path, name="app") as repository:
        assert repository.commit_of("v1") == commits[0]


# Objects that lie


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize(("named", "kind"), [("v1:README", "blob"), ("v1:src", "tree"), ("v1^{commit}", "commit")])
def test_an_object_whose_content_is_not_its_ids_is_corrupt(tmp_path: Path, object_format: str, named: str, kind: str) -> None:
    (commit,) = build(tmp_path, HISTORY[:1], object_format=object_format)
    id = git(tmp_path, "rev-parse", named).strip()
    content = (
        git(tmp_path, "cat-file", kind, git(tmp_path, "rev-parse", {"tree": "v1^{tree}"}.get(kind, named)).strip())
        if kind != "tree"
        else ""
    )
    write_object(
        tmp_path / ".git",
        kind,
        content.replace("Ada", "Eve").replace("hello", "HELLO").encode(),
        id=id,
        algorithm=object_format,
    )

    def read() -> None:
        with open_repository(tmp_path, name="app") as repository:
            for path, blob in repository.files(commit):
                assert repository.entry(commit, path) is not None
                repository.blob(blob)

    problem = problem_of(read)
    assert problem.code == "object-corrupt"
    assert problem.fault.startswith(f"{kind} {id} in repository 'app' is corrupt: its content has the id ")


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"not zlib",
        zlib.compress(b"blob 6\0hello\n")[:-6],
        zlib.compress(b"blob -1\0hello\n"),
        zlib.compress(b"blob 99999999999999999999\0hello\n"),
        zlib.compress(b"evil\n 6\0hello\n"),
        zlib.compress(b"x" * 100_000),
    ],
)
def test_a_damaged_object_is_one_clear_error_and_the_rest_stays_readable(
    project: tuple[Path, list[str]], stored: bytes
) -> None:
    path, commits = project
    id = git(path, "rev-parse", "v1:README").strip()
    file = path / ".git/objects" / id[:2] / id[2:]
    file.unlink()
    file.write_bytes(stored)

    with open_repository(path, name="app") as repository:
        for _ in range(2):
            problem = problem_of(lambda: repository.blob(id))
            assert id in problem.fault
            assert problem.fault.isprintable()
            other = repository.entry(commits[0], "src/app.py")
            assert other is not None
            assert repository.blob(other.id) == b"one\ntwo\n"

    # Git takes an empty file for none at all.
    assert problem.code in (("object-corrupt", "object-kind") if stored else ("object-missing",))


def test_a_missing_folder_is_said_to_be_missing(project: tuple[Path, list[str]]) -> None:
    path, commits = project
    id = git(path, "rev-parse", "v1:src").strip()
    (path / ".git/objects" / id[:2] / id[2:]).unlink()

    with open_repository(path, name="app") as repository:
        assert repository.entry(commits[0], "README") is not None
        problem = problem_of(lambda: repository.entry(commits[0], "src/app.py"))

    assert problem.fault == f"folder {id} is missing from repository 'app'"


def test_replaced_and_grafted_objects_are_not_believed(project: tuple[Path, list[str]]) -> None:
    path, commits = project
    git(path, "replace", git(path, "rev-parse", "v1:README").strip(), git(path, "rev-parse", "v1:src/app.py").strip())
    git(path, "replace", commits[0], commits[1])
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/grafts").write_text(f"{commits[1]}\n")

    with open_repository(path, name="app") as repository:
        entry = repository.entry(commits[0], "README")
        assert entry is not None
        assert repository.blob(entry.id) == b"hello\n"
        assert repository.commit_of("v2~1") == commits[0]


def test_a_replaced_history_is_not_believed(project: tuple[Path, list[str]]) -> None:
    path, commits = project
    git(path, "replace", "--graft", commits[1])

    with open_repository(path, name="app") as repository:
        assert repository.commit_of("v2~1") == commits[0]


def committed(path: Path, tree: bytes) -> str:
    """A commit of a root tree with these bytes."""
    tree_id = write_object(path / ".git", "tree", tree)
    who = b"Ada <ada@example.org> 1577836800 +0000"
    return write_object(path / ".git", "commit", b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (tree_id.encode(), who, who))


BLOB = bytes.fromhex("ce013625030ba8dba906f756967f9e9ca394464a")  # "hello\n"


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        (b"100644 a\0" + BLOB + b"100644 a\0" + BLOB, "twice"),
        (b"100644 a\0" + BLOB + b"40000 a\0" + BLOB, "twice"),
        (b"100644 b\0" + BLOB + b"100644 a\0" + BLOB, "out of order"),
        (b"100644 a/b\0" + BLOB, "'a/b'"),
        (b"100644 \0" + BLOB, "''"),
        (b"100644 a\0" + BLOB[:10], "cut off"),
        (b"100644 a", "cut off"),
        (b"777777 a\0" + BLOB, "mode"),
        (b"-1 a\0" + BLOB, "mode"),
        (b"\xff\n a\0" + BLOB, "mode"),
    ],
)
def test_a_tree_that_can_be_read_in_two_ways_is_refused(project: tuple[Path, list[str]], tree: bytes, fault: str) -> None:
    commit = committed(project[0], tree)

    with open_repository(project[0], name="app") as repository:
        problem = problem_of(lambda: repository.entry(commit, "README"))

    assert problem.code == "object-corrupt"
    assert fault in problem.fault
    assert problem.fault.isprintable()


def test_names_that_climb_are_only_names(project: tuple[Path, list[str]]) -> None:
    names = [b"..", b".git", b"\x1b[31m"]
    commit = committed(project[0], b"".join(b"100644 " + name + b"\0" + BLOB for name in sorted(names)))

    with open_repository(project[0], name="app") as repository:
        assert {path for path, _ in repository.files(commit)} == {name.decode() for name in names}
        entry = repository.entry(commit, "..")
        assert entry is not None
        assert repository.blob(entry.id) == b"hello\n"
        assert repository.entry(commit, "../project/README") is None


def test_a_commit_without_a_tree_is_corrupt(project: tuple[Path, list[str]]) -> None:
    commit = write_object(project[0] / ".git", "commit", b"author nobody\n")

    with open_repository(project[0], name="app") as repository:
        assert "names no tree" in problem_of(lambda: repository.files(commit)).fault


# Objects that are too much


def test_a_huge_blob_is_refused_unread_and_passed_over_in_a_search(project: tuple[Path, list[str]]) -> None:
    size = 1 << 26
    compressor = zlib.compressobj(1)
    whole = [f"blob {size}\0".encode(), *[bytes(1 << 22)] * (size >> 22)]
    id = "f" * 40  # never hashed, because never read
    file = project[0] / ".git/objects/ff" / id[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join(compressor.compress(part) for part in whole) + compressor.flush())
    commit = committed(project[0], b"100644 a\0" + BLOB + b"100644 huge\0" + bytes.fromhex(id) + b"100644 z\0" + BLOB)

    with open_repository(project[0], name="app") as repository:
        entry = repository.entry(commit, "huge")
        assert entry is not None
        assert entry.size == size > LARGEST_OBJECT
        assert "67,108,864 bytes; at most 8,388,608" in problem_of(lambda: repository.blob(id)).fault
        assert repository.containing(commit, ["hello"], 5) == ("a", "z")


def test_trees_that_hold_each_other_do_not_fill_the_memory(
    project: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings_report.git.repository._MOST_FILES", 2000)
    tree = write_object(project[0] / ".git", "tree", b"")
    for _ in range(10):
        tree = write_object(project[0] / ".git", "tree", b"".join(b"40000 %d\0" % n + bytes.fromhex(tree) for n in range(10)))
    commit = committed(project[0], b"40000 a\0" + bytes.fromhex(tree))

    with open_repository(project[0], name="app") as repository:
        assert "more than 2,000 files" in problem_of(lambda: repository.files(commit)).fault
        assert repository.entry(commit, "a/1/2/3/4/5/6/7/8/9/0") is not None


def test_folders_without_end_are_refused(project: tuple[Path, list[str]]) -> None:
    tree = write_object(project[0] / ".git", "tree", b"100644 a\0" + BLOB)
    for _ in range(500):
        tree = write_object(project[0] / ".git", "tree", b"40000 a\0" + bytes.fromhex(tree))
    commit = committed(project[0], b"40000 a\0" + bytes.fromhex(tree))

    with open_repository(project[0], name="app") as repository:
        assert "400 levels of folders" in problem_of(lambda: repository.files(commit)).fault


def test_a_pipe_in_place_of_an_object_does_not_hang(project: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.git.objects._ANSWER_SECONDS", 0.2)
    id = "ab" + "c" * 38
    pipe = project[0] / ".git/objects/ab" / id[2:]
    pipe.parent.mkdir(exist_ok=True)

    with open_repository(project[0], name="app") as repository:
        os.mkfifo(pipe)
        assert "cannot be read: git gave no answer" in problem_of(lambda: repository.blob(id)).fault
        assert f"git did not answer for object {id}" in problem_of(lambda: repository.files(project[1][0])).fault
    problem = refused(project[0])
    assert (problem.code, problem.fault) == (
        "repository-unreadable",
        f"repository 'app' has something that is no file among its objects: {pipe}",
    )


def test_an_object_shorter_than_it_claims_does_not_hang(
    project: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings_report.git.objects._ANSWER_SECONDS", 0.2)
    path = project[0]
    id = git(path, "rev-parse", "v1:README").strip()
    file = path / ".git/objects" / id[:2] / id[2:]
    file.unlink()
    file.write_bytes(zlib.compress(b"blob 99\0hello\n"))

    with open_repository(path, name="app") as repository:
        assert "cannot be read" in problem_of(lambda: repository.blob(id)).fault


@pytest.mark.parametrize(
    "config",
    [
        "[include]\n\tpath = {pipe}\n",
        "[include]\n\tpath = {secret}\n",
        '[includeIf "gitdir:/"]\n\tpath = {pipe}\n',
        "[core\n\x00 not a configuration ]] = [[\n",
        "[core]\n\trepositoryformatversion = 99\n\tbare = maybe\n\tworktree = /nonexistent\n",
        "[extensions]\n\tunheardOf = true\n\tworktreeConfig = true\n",
    ],
)
def test_nothing_but_the_object_format_is_taken_from_a_configuration(
    project: tuple[Path, list[str]], tmp_path: Path, config: str
) -> None:
    path, commits = project
    pipe, secret = tmp_path / "pipe", tmp_path / "secret"
    os.mkfifo(pipe)  # reading it would never end
    secret.write_text("TOPSECRET\n")  # git would print this line as a fault
    text = config.format(pipe=pipe, secret=secret)
    for name in ("config", "config.worktree"):
        (path / ".git" / name).write_text(text)

    with open_repository(path, name="app") as repository:
        assert [repository.commit_of(name) for name in ("v1", "main", "v2~1")] == [commits[0], commits[1], commits[0]]
        assert repository.containing(commits[0], ["two"], 5) == ("src/app.py",)
        assert repository.commit_of("nothing") is None


@pytest.mark.parametrize("config", [b"[extensions]\nobjectFormat = md5\n", b'[Extensions] ObjectFormat="sha257" ; x\n'])
def test_ids_of_an_unknown_kind_are_refused(project: tuple[Path, list[str]], config: bytes) -> None:
    (project[0] / ".git/config").write_bytes(config)

    assert "not known here" in refused(project[0]).fault


def test_refs_that_lead_out_of_the_repository_are_not_followed(project: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, commits = project
    outside = tmp_path / "outside"
    outside.write_text(f"{commits[0]}\n")
    heads = path / ".git/refs/heads"
    (heads / "linked").symlink_to(outside)
    (path / ".git/refs/remotes").symlink_to(tmp_path)
    os.mkfifo(heads / "pipe")
    (heads / "circle").symlink_to("circle")
    (heads / "climbing").write_text("ref: refs/../../outside\n")
    (heads / "round").write_text("ref: refs/heads/round\n")
    (heads / "other").write_text("ref: config\n")

    faults = {"linked": "leads out", "refs/remotes/outside": "leads out", "pipe": "plain file", "circle": "link"}
    with open_repository(path, name="app") as repository:
        for name, fault in faults.items():
            assert fault in problem_of(partial(repository.commit_of, name)).fault
        for name in ("refs/heads/climbing", "refs/heads/round", "refs/heads/other", "refs/../../outside", "config"):
            assert repository.commit_of(name) is None
        assert repository.commit_of("v1") == commits[0]


@pytest.mark.parametrize("name", ["commondir", "shallow", "config", "objects/info/alternates"])
def test_pipes_and_links_in_place_of_pointers_are_refused(project: tuple[Path, list[str]], name: str) -> None:
    pointer = project[0] / ".git" / name
    pointer.parent.mkdir(exist_ok=True)
    pointer.unlink(missing_ok=True)
    os.mkfifo(pointer)
    assert "not a small plain file" in refused(project[0]).fault

    pointer.unlink()
    pointer.symlink_to("/etc/passwd")
    assert refused(project[0]).code in ("repository-unreadable", "repository-borrows")


# Ways out of the repository


@pytest.fixture
def secret(tmp_path: Path) -> tuple[Path, str]:
    """Another repository on the same machine, whose commit the attacker knows."""
    path = tmp_path / "secret"
    (commit,) = build(path, [Commit({"password": "hunter2\n"})])
    return path, commit


def leads_out(path: Path, target: Path, commit: str, *, allowed: Path) -> None:
    """Opening is refused with the folder and the option named, and works once the folder is allowed."""
    problem = refused(path)
    assert problem.code == "repository-borrows"
    assert str(target) in problem.fault
    assert problem.remedy == f"if you trust that, allow it with --borrow {target}"
    assert refused(path, path.parent / "other").code == "repository-borrows"

    with open_repository(path, name="app", borrow=(allowed,)) as repository:
        assert repository.entry(commit, "password") is not None


@pytest.mark.parametrize("allowed", ["", ".git", ".git/objects"])
@pytest.mark.parametrize("line", ["{}/.git/objects", "../../../secret/.git/objects", "# comment\n\n{}/.git/objects"])
def test_borrowed_objects_are_read_only_when_allowed(
    project: tuple[Path, list[str]], secret: tuple[Path, str], line: str, allowed: str
) -> None:
    alternates = project[0] / ".git/objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(line.format(secret[0]) + "\n")

    leads_out(project[0], secret[0] / ".git/objects", secret[1], allowed=secret[0] / allowed)


def test_what_an_allowed_folder_borrows_must_be_allowed_too(
    project: tuple[Path, list[str]], secret: tuple[Path, str], tmp_path: Path
) -> None:
    between = tmp_path / "between"
    for folder, target in ((project[0] / ".git/objects", between), (between, secret[0] / ".git/objects")):
        (folder / "info").mkdir(parents=True, exist_ok=True)
        (folder / "info/alternates").write_text(f"{target}\n")

    assert str(secret[0]) in refused(project[0], between).fault
    with open_repository(project[0], name="app", borrow=(between, secret[0])) as repository:
        assert repository.has_commit(secret[1])


@pytest.mark.parametrize("line", ['"{}/.git/objects"', '"."x{}/.git/objects', "inner/link/../../../../secret/.git/objects"])
def test_alternates_that_can_be_read_in_two_ways_are_refused(
    project: tuple[Path, list[str]], secret: tuple[Path, str], line: str
) -> None:
    objects = project[0] / ".git/objects"
    (objects / "info").mkdir(exist_ok=True)
    (objects / "info/alternates").write_text(line.format(secret[0]) + "\n")
    (objects / "a/b/c/d").mkdir(parents=True)
    (objects / "inner").mkdir()
    (objects / "inner/link").symlink_to(objects / "a/b/c/d")

    assert "can be read as another" in refused(project[0]).fault


def test_borrowing_from_a_folder_that_is_gone_is_said(project: tuple[Path, list[str]], tmp_path: Path) -> None:
    alternates = project[0] / ".git/objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{tmp_path}/gone\n")

    assert "which does not exist" in refused(project[0], tmp_path / "gone").fault


@pytest.mark.parametrize("part", ["", "pack", "ab"])
def test_objects_linked_from_elsewhere_are_read_only_when_allowed(tmp_path: Path, secret: tuple[Path, str], part: str) -> None:
    path = tmp_path / "project"
    build(path, [])
    target = secret[0] / ".git/objects" / (part if part != "ab" else secret[1][:2])
    link = path / ".git/objects" / (part if part != "ab" else secret[1][:2])
    if link.is_dir():
        link.rename(tmp_path / "moved")
    link.symlink_to(target)

    assert refused(path).remedy == f"if you trust that, allow it with --borrow {target}"
    with open_repository(path, name="app", borrow=(secret[0],)) as repository:
        assert repository.has_commit(secret[1]) == (part != "pack")


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_object_that_is_a_link_to_anothers_object_is_read_only_when_allowed(
    tmp_path: Path, secret: tuple[Path, str], *, is_packed: bool
) -> None:
    path = tmp_path / "project"
    build(path, [])
    if is_packed:
        git(secret[0], "repack", "--quiet", "-a", "-d")
    others = secret[0] / ".git/objects"
    for file in [file for file in others.rglob("*") if file.is_file() and file.parent.name != "info"]:
        link = path / ".git/objects" / file.relative_to(others)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(file)

    problem = refused(path)

    assert problem.code == "repository-borrows"
    assert str(others) in problem.fault
    with open_repository(path, name="app", borrow=(secret[0],)) as repository:
        assert repository.has_commit(secret[1])


def test_a_submodule_is_vouched_for_by_its_work_tree_and_not_by_its_place_alone(
    tmp_path: Path, secret: tuple[Path, str]
) -> None:
    git(tmp_path, "init", "--quiet", "main")
    git(tmp_path / "main", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(secret[0]), "private")
    path = tmp_path / "main/project"
    path.mkdir()
    (path / ".git").write_text(f"gitdir: {tmp_path}/main/.git/modules/private\n")

    with open_repository(tmp_path / "main/private", name="app") as repository:
        assert repository.has_commit(secret[1])
    assert refused(path).code == "repository-borrows"


def test_a_git_file_that_points_elsewhere_is_followed_only_when_allowed(tmp_path: Path, secret: tuple[Path, str]) -> None:
    path = tmp_path / "project"
    path.mkdir()
    (path / ".git").write_text(f"gitdir: {secret[0]}/.git\n")

    leads_out(path, secret[0] / ".git", secret[1], allowed=secret[0])


def test_a_git_link_that_points_elsewhere_is_followed_only_when_allowed(tmp_path: Path, secret: tuple[Path, str]) -> None:
    path = tmp_path / "project"
    path.mkdir()
    (path / ".git").symlink_to(secret[0] / ".git")

    leads_out(path, secret[0] / ".git", secret[1], allowed=secret[0])


def test_a_git_folder_that_shares_anothers_refs_is_opened_only_when_allowed(
    project: tuple[Path, list[str]], secret: tuple[Path, str]
) -> None:
    (project[0] / ".git/commondir").write_text(f"{secret[0]}/.git\n")

    leads_out(project[0], secret[0] / ".git", secret[1], allowed=secret[0])


def test_somebody_elses_linked_work_tree_cannot_be_claimed(tmp_path: Path, secret: tuple[Path, str]) -> None:
    git(secret[0], "worktree", "add", "--quiet", str(tmp_path / "linked"))
    path = tmp_path / "project"
    path.mkdir()
    (path / ".git").write_text((tmp_path / "linked/.git").read_text())

    assert refused(path).code == "repository-borrows"


@pytest.mark.parametrize("text", ["", "nonsense", "gitdir: ", "gitdir: \0", "gitdir: nowhere", "gitdir: ."])
def test_a_git_file_that_points_nowhere_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text)

    assert refused(tmp_path).code in ("repository-missing", "repository-unreadable")
