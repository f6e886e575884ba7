"""Where a repository's parts are: every limit, every kind of file and every setting, at its edge."""

from __future__ import annotations

import errno
import fcntl
import os
from functools import partial
from pathlib import Path

import pytest
from repositories import Commit, build, git, problem_of

from findings_report.git import layout
from findings_report.git.layout import Layout, ObjectFormat, create_bare, find_layout, lend, name_commits, object_format_in

LARGEST = 4 * 1024 * 1024


def repository(path: Path) -> Path:
    """The least that is a repository, without git."""
    path.mkdir(parents=True)
    create_bare(path, "sha1")
    return path


def found(path: Path, *borrow: Path) -> Layout:
    return find_layout(path, name="app", borrow=borrow)


# Plain files


def test_a_file_is_read_up_to_4_mib_and_not_beyond(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * LARGEST)
    assert layout.read_plain(tmp_path / "file") == "x" * LARGEST

    (tmp_path / "file").write_bytes(b"x" * (LARGEST + 1))
    with pytest.raises(ValueError, match="is not a small plain file"):
        layout.read_plain(tmp_path / "file")


def test_the_bound_is_that_of_the_caller(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")

    with layout.open_plain(tmp_path / "file", largest=5) as file:
        assert file is not None
        assert file.read() == b"12345"
    with pytest.raises(ValueError, match="is not a small plain file"), layout.open_plain(tmp_path / "file", largest=4):
        pass


def test_links_folders_and_pipes_are_not_opened_and_nothing_waits(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="symbolic links"):
        layout.read_plain(tmp_path / "link")
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("folder", "pipe"):
        with pytest.raises(ValueError, match="is not a small plain file"):
            layout.read_plain(tmp_path / name)
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_a_file_that_is_not_there_is_none_also_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    assert layout.read_plain(tmp_path / "absent") is None
    assert layout.read_plain(tmp_path / "file" / "below") is None


def test_no_program_inherits_the_open_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    with layout.open_plain(tmp_path / "file", largest=10) as file:
        assert file is not None
        assert fcntl.fcntl(file.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC


# Settings


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", "sha1"),
        ("[extensions]\nobjectformat = sha256\n", "sha256"),
        ('[extensions]\n\tobjectFormat="sha256"\n', "sha256"),
        ("[EXTENSIONS] objectformat = SHA256 # comment\n", "sha256"),
        ("[extensions]\nobjectformat = sha256;comment\n", "sha256"),
        ("[extensions]\nobjectformat = sha256#comment\n", "sha256"),
        ("[ extensions ]\nobjectformat = sha256\n", "sha256"),
        ("[extensions]\nobjectformat = sha256\n[extensions]\nobjectformat = sha1\n", "sha1"),
        ("[core]\nobjectformat = sha256\n", "sha1"),
        ("[extensions]\n[core]\nobjectformat = sha256\n", "sha1"),
        ("extensions]\nobjectformat = sha256\n", "sha1"),
        ("[extensions]\nobjectformat\n", "sha1"),
        ("[extensions]\nxobjectformat = sha256\n", "sha1"),
    ],
)
def test_the_object_format_is_read_as_git_reads_it(config: str, expected: ObjectFormat) -> None:
    assert object_format_in(config) == expected


def test_an_unknown_object_format_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'blake3'"):
        object_format_in("[extensions]\nobjectformat = blake3\n")


@pytest.mark.parametrize("name", ["config", "config.worktree"])
@pytest.mark.parametrize("value", ["../tree", '"../tree"', "../tree  "])
def test_the_work_tree_of_a_submodule_is_read_from_either_file(name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / name).write_text(f"[core]\n\tworktree = {value}\n")

    assert layout._work_tree(tmp_path / "module") == tmp_path / "tree"


@pytest.mark.parametrize("config", ["", "[core]\n", '[core]\nworktree = "a"b"\n', "[user]\nworktree = ../tree\n"])
def test_without_a_work_tree_nothing_vouches_for_a_submodule(config: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(config)

    assert layout._work_tree(tmp_path) is None


def test_the_setting_of_a_sparse_checkout_comes_first(tmp_path: Path) -> None:
    (tmp_path / "config.worktree").write_text("[core]\nworktree = first\n")
    (tmp_path / "config").write_text("[core]\nworktree = second\n")

    assert layout._work_tree(tmp_path) == tmp_path / "first"


# What is made here


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_repository_made_here_is_one_for_git(object_format: ObjectFormat, tmp_path: Path) -> None:
    create_bare(tmp_path, object_format)

    assert git(tmp_path, "rev-parse", "--is-bare-repository", "--show-object-format") == f"true\n{object_format}\n"
    assert git(tmp_path, "symbolic-ref", "HEAD") == "refs/fetched/HEAD\n"
    assert git(tmp_path, "config", "core.commitGraph") == "false\n"
    assert git(tmp_path, "config", "gc.auto") == "0\n"
    assert git(tmp_path, "config", "core.repositoryformatversion") == ("0\n" if object_format == "sha1" else "1\n")
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        assert (tmp_path / name).is_dir()
    assert find_layout(tmp_path, name="app").object_format == object_format


def test_objects_are_lent_with_the_end_of_history_and_only_the_first_folder(tmp_path: Path) -> None:
    commits = build(tmp_path / "app", [Commit({"a": "1\n"}), Commit({"a": "2\n"})])
    odd = tmp_path / 'odd "name\\\n'
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=1", f"file://{tmp_path}/app", str(odd))
    (tmp_path / "private").mkdir()
    create_bare(tmp_path / "private", "sha1")
    lender = found(odd)

    lend(lender, tmp_path / "private")

    assert lender.shallow == (commits[1],)
    assert (tmp_path / "private/shallow").read_text() == f"{commits[1]}\n"
    assert git(tmp_path / "private", "cat-file", "-t", commits[1]) == "commit\n"
    two = Layout(odd, odd, (odd / "objects", tmp_path / "other"), (), (), "sha1")
    (tmp_path / "private/shallow").unlink()
    lend(two, tmp_path / "private")
    assert (tmp_path / "private/objects/info/alternates").read_bytes().count(b"\n") == 1
    assert not (tmp_path / "private/shallow").exists()


def test_commits_get_a_ref_each_so_that_they_can_be_fetched(tmp_path: Path) -> None:
    [commit] = build(tmp_path / "app", [Commit({"a": "1\n"})], bare=True)

    name_commits(tmp_path / "app", [commit, commit])

    assert git(tmp_path / "app", "show-ref", f"refs/commits/{commit}") == f"{commit} refs/commits/{commit}\n"
    assert (tmp_path / "app/packed-refs").read_text().count(commit) == 2


def test_the_enclosing_work_tree_is_the_nearest_with_a_git_folder_or_link(tmp_path: Path) -> None:
    (tmp_path / "outer/.git").mkdir(parents=True)
    (tmp_path / "outer/inner/below").mkdir(parents=True)
    (tmp_path / "outer/inner/.git").symlink_to("nowhere")

    assert layout.enclosing_folder(tmp_path / "outer/inner/below") == tmp_path / "outer/inner"
    assert layout.enclosing_folder(tmp_path / "outer/inner") == tmp_path / "outer/inner"
    assert layout.enclosing_folder(tmp_path / "outer") == tmp_path / "outer"
    assert layout.enclosing_folder(tmp_path) is None or not (tmp_path / ".git").exists()


# Borrowed objects


def borrowing(folder: Path, count: int) -> Path:
    """A repository that borrows from so many others, all inside it."""
    path = repository(folder)
    for number in range(count):
        (path / "more" / str(number)).mkdir(parents=True)
    lines = "".join(f"../more/{number}\n" for number in range(count))
    (path / "objects/info/alternates").write_text(f"# comment\n\n{lines}")
    return path


def test_64_folders_of_objects_are_read_and_one_more_is_refused(tmp_path: Path) -> None:
    assert len(found(borrowing(tmp_path / "most", 63)).object_folders) == 64

    problem = problem_of(lambda: found(borrowing(tmp_path / "more", 64)))

    assert "borrows from more than 64 folders" in problem.fault
    assert problem.code == "repository-borrows"


def test_folders_that_borrow_from_each_other_end(tmp_path: Path) -> None:
    path = borrowing(tmp_path / "app", 1)
    (path / "more/0/info").mkdir()
    (path / "more/0/info/alternates").write_text("../../objects\n")

    assert found(path).object_folders == (path / "objects", path / "more/0")


@pytest.mark.parametrize("name", ["pack", "ab", "09"])
def test_what_is_no_file_among_objects_is_refused(name: str, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    (path / "objects" / name).mkdir(exist_ok=True)
    os.mkfifo(path / "objects" / name / "pipe")

    problem = problem_of(lambda: found(path))

    assert problem.code == "repository-unreadable"
    assert problem.remedy == "remove it"
    assert str(path / "objects" / name / "pipe") in problem.fault


@pytest.mark.parametrize("name", ["pack", "ab"])
@pytest.mark.parametrize("target", ["file", "folder"])
def test_a_link_among_objects_that_leads_out_is_refused_and_allowed_by_name(name: str, target: str, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("object")
    (outside / "folder").mkdir()
    (path / "objects" / name).mkdir(exist_ok=True)
    (path / "objects" / name / "link").symlink_to(outside / target)

    assert problem_of(lambda: found(path)).code == "repository-borrows"
    assert found(path, outside).object_folders == (path / "objects",)


def test_a_link_among_objects_that_stays_inside_is_followed_once(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    (path / "objects/ab").symlink_to("pack")
    (path / "objects/pack/ab").symlink_to("../pack")

    assert found(path).object_folders == (path / "objects",)


def test_only_folders_that_git_reads_are_searched(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    for name in ("abc", "AB", "info", "zz"):
        (path / "objects" / name).mkdir(exist_ok=True)
        os.mkfifo(path / "objects" / name / "pipe")

    assert found(path).object_folders == (path / "objects",)


# What is a repository, and what vouches for another folder


def test_ids_in_the_file_of_shallow_commits_are_full_and_lower_case(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    wrong = ("A" * 40, "a" * 39, "a" * 41, "g" * 40, "a" * 63)
    (path / "shallow").write_text("\n".join((*wrong, "0" * 40, "a1" * 32)))

    assert found(path).shallow == ("0" * 40, "a1" * 32)


def test_a_clone_with_promised_objects_is_partial(tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    assert not found(path).is_partial

    (path / "objects/pack/pack-1.promisor").touch()

    assert found(path).is_partial


@pytest.mark.parametrize("missing", ["HEAD", "objects", "refs"])
def test_a_folder_without_one_of_its_parts_is_no_repository(missing: str, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    (path / missing).rename(path / "elsewhere")

    problem = problem_of(lambda: found(path))

    assert (problem.code, problem.fault) == ("repository-missing", f"repository 'app': no git repository at {path}")


def test_a_folder_inside_a_repository_names_that_repository(tmp_path: Path) -> None:
    for path in (repository(tmp_path / "bare"), tmp_path / "tree"):
        (path / "a/b").mkdir(parents=True)
    repository(tmp_path / "tree/.git")

    for outer in ("bare", "tree"):
        problem = problem_of(partial(found, tmp_path / outer / "a/b"))
        assert problem.code == "repository-inside"
        assert f"inside the repository at {tmp_path / outer}" in problem.fault


def test_a_file_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "is not a folder" in problem_of(lambda: found(tmp_path / "file")).fault


def module(folder: Path, place: str, work_tree: str = "../../../sub") -> Path:
    """A superproject with a submodule at `sub`, whose repository is at `place` below `.git`."""
    repository(folder / ".git")
    repository(folder / ".git" / place)
    (folder / ".git" / place / "config").write_text(f"[core]\nworktree = {work_tree}\n")
    (folder / "sub").mkdir()
    (folder / "sub/.git").write_text(f"gitdir: ../.git/{place}\n")
    return folder / "sub"


@pytest.mark.parametrize(
    ("place", "work_tree"), [("modules/sub", "../../../sub"), ("worktrees/w/modules/sub", "../../../../../sub")]
)
def test_a_submodule_is_opened_where_git_keeps_it(place: str, work_tree: str, tmp_path: Path) -> None:
    path = module(tmp_path / "app", place, work_tree)

    assert found(path).git_directory == tmp_path / "app/.git" / place


@pytest.mark.parametrize(
    ("place", "work_tree"),
    [
        ("modules/sub", "../../../other"),
        ("modules/sub", "/nowhere"),
        ("modules", "../../sub"),
        ("elsewhere/sub", "../../../sub"),
        ("worktrees/w/elsewhere/sub", "../../../../../sub"),
        ("worktrees/w/modules", "../../../../sub"),
        ("worktrees/modules/sub", "../../../../sub"),
    ],
)
def test_a_repository_kept_or_pointing_elsewhere_is_not_the_submodules(place: str, work_tree: str, tmp_path: Path) -> None:
    path = module(tmp_path / "app", place, work_tree)

    assert problem_of(lambda: found(path)).code == "repository-borrows"
    assert found(path, tmp_path / "app/.git").git_directory == tmp_path / "app/.git" / place


def test_a_superproject_that_is_a_link_vouches_for_nothing(tmp_path: Path) -> None:
    path = module(tmp_path / "app", "modules/sub")
    (tmp_path / "app/.git").rename(tmp_path / "elsewhere")
    (tmp_path / "app/.git").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/modules/sub/config").write_text(f"[core]\nworktree = {path}\n")

    assert problem_of(lambda: found(path)).code == "repository-borrows"


def test_a_linked_work_tree_is_vouched_for_by_its_own_pointer_only(tmp_path: Path) -> None:
    build(tmp_path / "app", [Commit({"a": "1\n"})])
    git(tmp_path / "app", "worktree", "add", "--quiet", str(tmp_path / "linked"))
    linked = found(tmp_path / "linked")
    assert linked.common_directory == tmp_path / "app/.git"
    assert linked.git_directory == tmp_path / "app/.git/worktrees/linked"

    (tmp_path / "app/.git/worktrees/linked/gitdir").write_text(f"{tmp_path}/somewhere/.git\n")

    assert problem_of(lambda: found(tmp_path / "linked")).code == "repository-borrows"


def test_a_pointer_without_its_first_word_is_no_pointer(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/.git").write_text("../elsewhere\n")

    assert "is no pointer to a repository" in problem_of(lambda: found(tmp_path / "app")).fault


@pytest.mark.parametrize("part", ["objects", "config"])
def test_parts_that_are_links_out_of_the_repository_are_refused(part: str, tmp_path: Path) -> None:
    path = repository(tmp_path / "app")
    (path / part).rename(tmp_path / "outside")
    (path / part).symlink_to(tmp_path / "outside")

    problem = problem_of(lambda: found(path))

    assert problem.code == "repository-borrows"
    assert f"--borrow {tmp_path / 'outside'}" in str(problem.remedy)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES])
def test_what_this_machine_lacks_is_no_fault_of_the_repository(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> str:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(layout, "read_plain", fail)
    path = repository(tmp_path / "repository")
    if number == errno.EACCES:
        assert problem_of(lambda: found(path)).code == "repository-unreadable"
    else:
        with pytest.raises(OSError, match=os.strerror(number)):
            found(path)


def test_a_pointer_that_vanishes_is_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").write_text("gitdir: x\n")
    monkeypatch.setattr(layout, "read_plain", lambda _: None)

    problem = problem_of(lambda: found(tmp_path))

    assert (problem.code, "is no pointer to a repository" in problem.fault) == ("repository-missing", True)


def test_a_folder_that_is_borrowed_from_and_is_not_there_is_named_with_the_file_that_names_it(tmp_path: Path) -> None:
    path = repository(tmp_path / "repository")
    (path / "objects/info/alternates").write_text("../../absent\n")

    problem = problem_of(lambda: found(path, tmp_path))

    assert problem.fault == f"repository 'app' borrows objects from {tmp_path / 'absent'}, which does not exist"
    assert (problem.code, problem.remedy) == (
        "repository-borrows",
        f"correct or remove {path / 'objects/info/alternates'}",
    )
