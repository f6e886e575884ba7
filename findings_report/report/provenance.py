"""The findings' own repository -> the commit that a report is made of, and whether the files that were read are of it.

`git status` would obey what the repository configures: filters, hooks, monitors. Here the files are hashed and compared with
the tree of HEAD, so a file that a filter changes on its way to disk counts as changed; line ends alone do not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import git
from findings_report.model.engagement import State
from findings_report.model.report import FindingsCommit
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report.model.report import Component


_MOST_NAMED: Final = 3
_MOST_COMMITS: Final = 500
"""Commits of one file that are searched for a content."""
# The toolchain has those that render; these decide what is rendered.
_READERS: Final = ("cvss", "pyyaml", "rapidfuzz")


@dataclass(frozen=True)
class Identified:
    """What is known of where the findings come from."""

    commit: FindingsCommit | None
    """None outside of a repository, in one that cannot be read, and where the engagement is in no commit yet."""
    problems: tuple[Problem, ...] = ()
    """Warnings and notes, without a place: they are about files, not about their content."""
    blobs: Mapping[Path, str] = field(default_factory=dict)
    """Id of the blob of each file that is as that commit has it."""


def identify(state: State, files: Sequence[Path], folders: Mapping[Path, str], *, borrow: tuple[Path, ...] = ()) -> Identified:
    """The commit of the repository around the first of `files`, which is the engagement's own.

    `files` are all that the build reads. `folders` hold them; of each, files that end with its text would have been read if
    they were there, so that those of the commit that are gone count as changed. Raises nothing: a repository that cannot be
    read is a note.
    """
    try:
        root = git.enclosing_folder(_standing(files[0]).parent)
        if root is None:
            return Identified(None)
        with git.open_repository(root, name="findings", borrow=borrow) as repository:
            return _compared(repository, state, files, folders)
    except (FindingsReportError, OSError) as error:
        remedy = error.problems[0].remedy if isinstance(error, FindingsReportError) else None
        return Identified(None, (_note(f"the commit of the findings is not known: {error}", remedy),))


def _compared(repository: git.Repository, state: State, files: Sequence[Path], folders: Mapping[Path, str]) -> Identified:
    commit = repository.commit_of("HEAD")
    trees = [(_tree(repository, commit, folder), suffix) for folder, suffix in folders.items()] if commit is not None else []
    committed = {path: entry for tree, _ in trees for path, entry in tree.items()}
    if commit is None or _relative(_standing(files[0]), repository.path) not in committed:
        fault = f"the findings are in no commit of the repository at {repository.path}, so the report names none"
        return Identified(None, (_note(fault, "commit them first"),) if state is State.FINAL else ())
    # Hashing the files that exist does not show a finding that was deleted but is still in the commit.
    expected = {path for tree, suffix in trees for path in tree if path.endswith(suffix)}
    blobs, changed = _compare_files(repository, committed, files)
    # `lexists`: a committed link whose target is missing is not itself missing.
    changed += sorted(path for path in expected if not os.path.lexists(repository.path / path))
    problem = _uncommitted(changed, commit) if changed and state is State.FINAL else None
    return Identified(FindingsCommit(hash=commit, is_changed=bool(changed)), (problem,) if problem else (), blobs)


def _tree(repository: git.Repository, commit: str, folder: Path) -> Mapping[str, git.TreeEntry]:
    relative = _relative(folder.resolve(), repository.path)
    return repository.tree(commit, relative) if relative is not None else {}


def _compare_files(
    repository: git.Repository, committed: Mapping[str, git.TreeEntry], files: Iterable[Path]
) -> tuple[dict[Path, str], list[str]]:
    """Return the blobs of the files that are the commit's, and the others, as the repository or else the user names them."""
    blobs: dict[Path, str] = {}
    changed: list[str] = []
    for named in dict.fromkeys(files):
        same: list[str] = []
        for file in (both := tuple(_with_target(_standing(named)))):
            path = _relative(file, repository.path)
            entry = committed.get(path) if path is not None else None
            if entry is not None and entry.id in _ids(repository, file):
                same.append(entry.id)
            else:
                changed.append(path or str(file))
        if len(same) == len(both):
            blobs[named] = same[-1]  # of a link, the file that it leads to
    return blobs, list(dict.fromkeys(changed))


def _ids(repository: git.Repository, file: Path) -> Iterator[str]:
    """The ids under which git would know the file: unchanged, and with the line ends that git writes into commits."""
    # git stores a symbolic link as a blob with the link's target as its content.
    if file.is_symlink():
        yield repository.blob_id(os.fsencode(file.readlink()))
        return
    content = file.read_bytes()
    yield repository.blob_id(content)
    # git converts line ends of text only (gitattributes, `text=auto`); a NUL byte is its test for binary files.
    if b"\r\n" in content and b"\0" not in content:
        yield repository.blob_id(content.replace(b"\r\n", b"\n"))


def _with_target(file: Path) -> Iterator[Path]:
    yield file
    if file.is_symlink():
        yield file.resolve()


def _standing(path: Path) -> Path:
    """Return the absolute path of `path` itself: links above it are followed, and it may be one."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  # `resolve` would follow the last one too
    return absolute.parent.resolve() / absolute.name


def _relative(path: Path, root: Path) -> str | None:
    """The path in the repository, as its trees have it; None outside, and "" for the root itself."""
    if not path.is_relative_to(root):
        return None
    # Paths in git's trees are bytes; those that are not UTF-8 are compared with the same escapes that `git.tree` gives them.
    relative = path.relative_to(root).as_posix()
    return "" if relative == "." else os.fsencode(relative).decode("utf-8", "backslashreplace")


def _uncommitted(changed: Sequence[str], commit: str) -> Problem:
    more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    verb = "differs" if len(changed) == 1 else "differ"
    fault = f"the report is final, and {', '.join(changed[:_MOST_NAMED])}{more} {verb} from commit {commit[:12]}"
    return Problem(Kind.SOURCE, fault, "commit them first", level="warning", code="uncommitted")


def _note(fault: str, remedy: str | None) -> Problem:
    return Problem(Kind.SOURCE, fault, remedy, level="note", code="findings-commit")


@dataclass(frozen=True)
class Recorded:
    """A file as a manifest has it, in the repository of the findings."""

    content: bytes | None
    """The content; None if the repository does not have it."""
    commit: str | None
    """The newest commit of HEAD's history that has the file with this content; None if none of those looked at has."""


def find_recorded(folder: Path, blobs: Mapping[str, str], *, borrow: tuple[Path, ...] = ()) -> dict[str, Recorded]:
    """Return what the repository around `folder` has of files, given by path in the folder with the ids of their blobs.

    Empty if the repository cannot be read.
    """
    recorded: dict[str, Recorded] = {}
    try:
        root = git.enclosing_folder(folder.resolve())
        if root is None:
            return {}
        with git.open_repository(root, name="findings", borrow=borrow) as repository:
            head = repository.commit_of("HEAD")
            for name, blob in blobs.items():
                path = _relative(folder.resolve() / name, repository.path)
                if head is not None and path is not None:
                    commits = repository.changing_commits([path], of=[head], but=[], most=_MOST_COMMITS)
                    having = (commit for commit in commits if (entry := repository.entry(commit, path)) and entry.id == blob)
                    recorded[name] = Recorded(_content(repository, blob), next(having, None))
    except (FindingsReportError, OSError):
        return recorded
    return recorded


def _content(repository: git.Repository, blob: str) -> bytes | None:
    try:
        return repository.blob(blob)
    except FindingsReportError:
        return None


def components() -> tuple[Component, ...]:
    """The programs that take part in making a report, with their versions; those that are missing are left out."""
    import platform

    from findings_report import __version__, git
    from findings_report.model.report import Component
    from findings_report.system.toolchain import library_versions

    found = {"findings-report": __version__, "Python": platform.python_version(), "git": git.version(), **library_versions()}
    return tuple(Component(name=name, version=version) for name, version in found.items() if version is not None)


def program_versions() -> dict[str, str]:
    """Return the versions of all that decides a document, from the YAML on: `components`, and the Python packages."""
    from importlib.metadata import version

    from findings_report import git
    from findings_report.system.toolchain import toolchain_versions

    installed = git.version()
    versions = toolchain_versions() | {name: version(name) for name in _READERS}
    return versions | ({"git": installed} if installed is not None else {})
