"""Where a repository's parts are: found without starting git, so that nothing in the repository is believed.

A repository may point elsewhere by `.git` files, `commondir`, links and alternates. Each such pointer is followed only where it
stays inside, where the other side points back, or where the user allowed the folder; else the objects of any other
repository on this machine could be made to appear in a report. Refs are read here as well, as small plain files: git is never
started on the repository, and no configuration is followed.

Source: git's gitrevisions ("<refname>"), gitrepository-layout (refs, packed-refs, worktrees) and check-ref-format.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Literal

from findings_report.problems import FindingsReportError, Kind, Problem, system_fault

FETCHED_HEAD: Final = "refs/fetched/HEAD"
"""The target of HEAD in a repository made here."""

# The commit graph of a hostile repository could lie about parents; objects are read instead.
_CONFIG: Final = """[core]
\trepositoryformatversion = {version}
\tbare = true
\tcommitGraph = false
[gc]
\tauto = 0
"""

ObjectFormat = Literal["sha1", "sha256"]
"""The hash function of a repository's ids."""

_LARGEST: Final = 4 * 1024 * 1024
_SECTION: Final = re.compile(r"\s*\[\s*(?P<name>[^\]]*?)\s*\](?P<rest>.*)")
_FORMAT: Final = re.compile(r'\s*objectformat\s*=\s*"?(?P<value>[^"#;\s]*)', re.IGNORECASE)
_WORK_TREE: Final = re.compile(r'\s*worktree\s*=\s*"?(?P<value>[^"\n]*?)"?\s*\Z', re.IGNORECASE)
_URL: Final = re.compile(r'\s*url\s*=\s*"?(?P<value>[^"\s]*)', re.IGNORECASE)
_FAN_OUT: Final = re.compile(r"[0-9a-f]{2}\Z")
"""The folders of loose objects. Source: gitrepository-layout(5)."""

# A chain of alternates may branch at each step; git itself stops at a depth of five.
_MOST_ALTERNATES: Final = 64


@dataclass(frozen=True)
class Layout:
    """The parts of one repository, every path resolved."""

    git_directory: Path
    """Where HEAD is; a linked work tree has its own."""
    common_directory: Path
    """Where refs and objects are."""
    object_folders: tuple[Path, ...]
    """The repository's own objects first, then those it borrows."""
    shallow: tuple[str, ...]
    """Commits whose parents were not cloned; empty for a whole clone."""
    borrow: tuple[Path, ...]
    """Folders outside that the user allows it to lead to."""
    object_format: ObjectFormat
    """The hash function of its ids."""
    remotes: tuple[str, ...] = ()
    """The addresses of its remotes, as its configuration has them."""

    @property
    def is_partial(self) -> bool:
        """True when objects were left out on purpose, to be fetched when needed."""
        return any(True for folder in self.object_folders for _ in (folder / "pack").glob("*.promisor"))


def find_layout(path: Path, *, name: str, borrow: tuple[Path, ...] = ()) -> Layout:
    """Return the parts of the repository at `path`: a work tree's root, a linked work tree, a submodule or a bare repository.

    Raises FindingsReportError when there is none, when `path` is inside one, and when a part leads out of it to a folder
    that is not within one of `borrow`.
    """
    try:
        return _Search(
            root=path.resolve(strict=True), shown=path, name=name, borrow=tuple(f.resolve() for f in borrow)
        ).layout()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise  # of this machine, and not of the repository
        reason, remedy = system_fault(error) if isinstance(error, OSError) else (str(error), None)
        fault = f"repository '{name}' at {path} cannot be read: {reason}"
        raise refusal(fault, remedy=remedy, code="repository-unreadable") from error


def enclosing_folder(path: Path) -> Path | None:
    """Return the work tree around `path`: the nearest folder, itself or above, that has a `.git`; None when there is none."""
    return next((folder for folder in (path, *path.parents) if os.path.lexists(folder / ".git")), None)


def create_bare(folder: Path, object_format: ObjectFormat) -> None:
    """Make `folder`, which exists and is empty, a bare repository without commits."""
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text(f"ref: {FETCHED_HEAD}\n", "ascii")
    config = _CONFIG.format(version=0 if object_format == "sha1" else 1)
    if object_format != "sha1":
        config += f"[extensions]\n\tobjectFormat = {object_format}\n"
    (folder / "config").write_text(config, "ascii")


def lend(layout: Layout, folder: Path) -> None:
    """Let the bare repository at `folder` read the objects of `layout`, and know where its history was cut off."""
    # Only the first: git follows that folder's own alternates, which were checked one by one.
    alternates = "".join(f"{_quote(str(objects))}\n" for objects in layout.object_folders[:1])
    (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(alternates))
    if layout.shallow:
        (folder / "shallow").write_text("".join(f"{commit}\n" for commit in layout.shallow), "ascii")


LARGEST_INDEX: Final = 256 * 1024 * 1024
"""Bytes of the largest index that is read: 256 MiB, some two million files."""

_SHARED_INDEX: Final = "sharedindex."
RESET_INDEX: Final = "remove the file `index` and run `git reset`"


def copy_index(layout: Layout, folder: Path, index: Path | None, *, shown: str) -> None:
    """Copy what is staged into the bare repository at `folder`: `index`, else that of the work tree.

    Git reads the copy, where nothing else of the repository is in reach. Raises FindingsReportError where there is none.
    """
    path = index or layout.git_directory / "index"
    try:
        with open_plain(path, largest=LARGEST_INDEX) as file:
            content = None if file is None else file.read(LARGEST_INDEX)
        # A split index names the file that has the rest of it by its hash.
        shared = [path.name for path in layout.git_directory.iterdir() if path.name.startswith(_SHARED_INDEX)]
        parts = [name for name in shared if _is_id(name.removeprefix(_SHARED_INDEX))]
        for name in parts if content is not None else ():
            if bytes.fromhex(name.removeprefix(_SHARED_INDEX)) in (content or b""):
                with open_plain(layout.git_directory / name, largest=LARGEST_INDEX) as file:
                    (folder / name).write_bytes(b"" if file is None else file.read(LARGEST_INDEX))
    except (OSError, ValueError) as error:
        reason, remedy = system_fault(error) if isinstance(error, OSError) else (str(error), None)
        raise refusal(f"the index of {shown} cannot be read: {reason}", remedy=remedy, code="index-unreadable") from error
    if content is None:
        raise refusal(
            f"{shown} has no index: nothing was ever staged in it",
            remedy="`git add` what is to be committed",
            code="index-unreadable",
        )
    # Git checks this only on demand, and reads what is left of an index that was cut off.
    size = hashlib.new(layout.object_format, usedforsecurity=False).digest_size
    actual = hashlib.new(layout.object_format, content[:-size], usedforsecurity=False).digest()
    # Without `index.skipHash`, which writes zeros.
    if content and content[-size:] not in (actual, bytes(size)):
        raise refusal(f"the index of {shown} is damaged: its checksum is another", remedy=RESET_INDEX, code="index-unreadable")
    (folder / "index").write_bytes(content)


def read_branch(layout: Layout) -> str | None:
    """Return the branch that is checked out, also one without commits; None without one, or if HEAD is no small plain file."""
    try:
        match = _CONTENT.match(_read_loose(layout, "HEAD") or "")
    except (OSError, ValueError):
        return None
    ref = match["ref"] if match is not None else None
    return ref.removeprefix("refs/heads/") if ref is not None and ref.startswith("refs/heads/") else None


def name_commits(folder: Path, commits: Sequence[str]) -> None:
    """Give each of these full hashes a ref of its own, so that they can be fetched from the repository at `folder`."""
    refs = "".join(f"{commit} refs/commits/{commit}\n" for commit in sorted(set(commits)))
    (folder / "packed-refs").write_text(refs, "ascii")


@contextmanager
def open_plain(path: Path, *, largest: int) -> Iterator[BinaryIO | None]:
    """Return the file at `path`, open for reading; None when there is none.

    Raises ValueError for anything but a plain file of at most `largest` bytes, OSError for a link and what cannot be read.
    """
    try:
        # O_NONBLOCK: opening a named pipe would wait for a writer that never comes. The type is asked of the open file, which
        # nobody can swap any more.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
        os.close(descriptor)
        raise ValueError(f"{path} is not a small plain file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_plain(path: Path) -> str | None:
    """Return the text of a file of at most 4 MiB; None when there is none. Raises as `open_plain` does."""
    with open_plain(path, largest=_LARGEST) as file:
        return None if file is None else os.fsdecode(file.read(_LARGEST))


def object_format_in(config: str) -> ObjectFormat:
    """Return the hash function that a repository's configuration names; sha1 by default.

    Everything else in it, malformed lines and includes too, is passed over. Raises ValueError for another format.
    """
    value = (_setting(config, "extensions", _FORMAT) or "sha1").lower()
    if value not in ("sha1", "sha256"):
        raise ValueError(f"its ids are made in a way that is not known here: {value!r}")
    return "sha1" if value == "sha1" else "sha256"


def _setting(config: str, wanted: str, setting: re.Pattern[str]) -> str | None:
    """Return the last value of a setting in the section `wanted`; None when it is not there."""
    value, section = None, ""
    for line in config.splitlines():
        if header := _SECTION.match(line):
            section = header["name"].lower()
        if section == wanted and (match := setting.match(header["rest"] if header else line)):
            value = match["value"]
    return value


def _list_remotes(config: str) -> Iterator[str]:
    section = ""
    for line in config.splitlines():
        if header := _SECTION.match(line):
            section = header["name"].lower()
        match = _URL.match(header["rest"] if header else line)
        if section.startswith("remote ") and match is not None:
            yield match["value"]


def refusal(fault: str, *, remedy: str | None = None, code: str) -> FindingsReportError:
    """Return the error of a repository that is not there or not to be trusted."""
    return FindingsReportError(Problem(Kind.SOURCE, fault, remedy=remedy, code=code))


@dataclass(frozen=True)
class _Search:
    root: Path
    shown: Path
    name: str
    borrow: tuple[Path, ...]

    def layout(self) -> Layout:
        git_directory = self._git_directory()
        common = self._common_directory(git_directory)
        inside = (self.root, git_directory, common)
        objects = self._require_allowed(common / "objects", inside, "keeps its objects in")
        config = self._require_allowed(common / "config", inside, "has its configuration in")
        return Layout(
            git_directory=git_directory,
            common_directory=common,
            object_folders=tuple(self._object_folders(objects, inside)),
            shallow=tuple(line for line in (read_plain(common / "shallow") or "").split("\n") if _is_id(line)),
            borrow=self.borrow,
            object_format=object_format_in(read_plain(config) or ""),
            remotes=tuple(_list_remotes(read_plain(config) or "")),
        )

    def _git_directory(self) -> Path:
        if not self.root.is_dir():
            raise refusal(f"repository '{self.name}': {self.shown} is not a folder", code="repository-missing")
        dot_git = self.root / ".git"
        if dot_git.is_symlink():
            target = self._require_allowed(dot_git, (self.root,), "has its .git in")
        elif dot_git.is_file():
            target = self._follow_pointer(dot_git)
        else:
            target = dot_git if dot_git.is_dir() else self.root
        if _is_git_directory(target):
            return target
        raise self._missing()

    def _missing(self) -> FindingsReportError:
        for parent in self.root.parents:
            if (parent / ".git").exists() or _is_git_directory(parent):
                return refusal(
                    f"repository '{self.name}': {self.shown} is a folder inside the repository at {parent}",
                    remedy=f"give {parent}, and paths as `git ls-files` prints them there",
                    code="repository-inside",
                )
        return refusal(
            f"repository '{self.name}': no git repository at {self.shown}",
            remedy="give the folder that holds .git, or a bare repository",
            code="repository-missing",
        )

    def _follow_pointer(self, dot_git: Path) -> Path:
        """Return the folder that a `.git` file names, when that folder or its owner vouches for it."""
        text = read_plain(dot_git) or ""
        if not text.startswith("gitdir: "):
            raise refusal(
                f"repository '{self.name}': {self.shown}/.git is no pointer to a repository", code="repository-missing"
            )
        target = (self.root / text.removeprefix("gitdir: ").rstrip("\r\n")).resolve()
        back = read_plain(target / "gitdir") if target.is_dir() else None
        points_back = back is not None and (target / back.rstrip("\r\n")).resolve() == dot_git
        # A linked work tree is vouched for by its `gitdir` file, a submodule by its place below `.git/modules` of the
        # repository around it and by its work tree. Any other pointer could name a private repository of this machine.
        is_module = any(_is_module(target, parent / ".git") for parent in self.root.parents)
        if points_back or (is_module and _work_tree(target) == self.root):
            return target
        return self._require_allowed(target, (self.root,), "has its .git in")

    def _common_directory(self, git_directory: Path) -> Path:
        pointer = read_plain(git_directory / "commondir")
        if pointer is None:
            return git_directory
        common = (git_directory / pointer.rstrip("\r\n")).resolve()
        if git_directory.parent == common / "worktrees":
            return common
        return self._require_allowed(common, (self.root,), "shares its refs with")

    def _object_folders(self, objects: Path, inside: tuple[Path, ...]) -> Iterator[Path]:
        """Yield `objects` and every folder it borrows from, as git would follow `info/alternates`."""
        waiting, seen = [objects], {objects}
        while waiting:
            folder = waiting.pop(0)
            self._check_links(folder, inside)
            yield folder
            for alternate in _read_alternates(folder):
                target = self._require_allowed(alternate, inside, "borrows objects from")
                if not target.is_dir():
                    raise refusal(
                        f"repository '{self.name}' borrows objects from {target}, which does not exist",
                        remedy=f"correct or remove {folder / 'info' / 'alternates'}",
                        code="repository-borrows",
                    )
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
            if len(seen) > _MOST_ALTERNATES:
                raise refusal(
                    f"repository '{self.name}' borrows from more than {_MOST_ALTERNATES} folders", code="repository-borrows"
                )

    def _check_links(self, objects: Path, inside: tuple[Path, ...]) -> None:
        """Raise FindingsReportError if an object is a link that leads out, or no file: git would wait for a pipe."""
        waiting, seen = [objects], {objects}
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    path = Path(entry.path)
                    target = self._require_allowed(path, inside, "keeps objects in") if entry.is_symlink() else path
                    if entry.is_dir():
                        # Of the other folders only `info` is read, see `_read_alternates`.
                        if (entry.name == "pack" or _FAN_OUT.match(entry.name)) and target not in seen:
                            seen.add(target)
                            waiting.append(target)
                    elif not entry.is_file():
                        fault = f"repository '{self.name}' has something that is no file among its objects: {path}"
                        raise refusal(fault, remedy="remove it", code="repository-unreadable")

    def _require_allowed(self, path: Path, inside: tuple[Path, ...], what: str) -> Path:
        target = path.resolve()
        if any(target == folder or folder in target.parents for folder in (*inside, *self.borrow)):
            return target
        raise refusal(
            f"repository '{self.name}' {what} {target}, outside of {self.shown}",
            remedy=f"if you trust that, allow it with --borrow {target}",
            code="repository-borrows",
        )


def _is_git_directory(path: Path) -> bool:
    if not os.path.lexists(path / "HEAD"):
        return False
    return (path / "commondir").is_file() or ((path / "objects").is_dir() and (path / "refs").is_dir())


def _is_module(target: Path, git_directory: Path) -> bool:
    """True when `target` is where the repository above keeps a submodule, of the main or of a linked work tree."""
    if not git_directory.is_dir() or git_directory.is_symlink() or git_directory not in target.parents:
        return False
    parts = target.relative_to(git_directory).parts
    return (len(parts) > 1 and parts[0] == "modules") or (len(parts) > 3 and parts[0] == "worktrees" and parts[2] == "modules")


def _work_tree(git_directory: Path) -> Path | None:
    """Return the work tree that a submodule's configuration names, resolved; None without one."""
    # git moves the setting to `config.worktree` when it gives the submodule a sparse checkout. Source: git-worktree(1).
    values = (_setting(read_plain(git_directory / name) or "", "core", _WORK_TREE) for name in ("config.worktree", "config"))
    value = next(filter(None, values), None)
    return (git_directory / value).resolve() if value else None


def _read_alternates(objects: Path) -> Iterator[Path]:
    """Yield the folders that `info/alternates` names, read more strictly than git does: an ambiguous line raises."""
    file = objects / "info" / "alternates"
    for line in (read_plain(file) or "").split("\n"):
        if not line or line.startswith("#"):
            continue
        # Versions of git differ in whether `..` goes up before or after links are followed.
        textual, followed = Path(os.path.normpath(objects / line)).resolve(), (objects / line).resolve()
        if line.startswith('"') or textual != followed:
            raise ValueError(f"{file} names a folder in a way that can be read as another")
        yield followed


def _is_id(line: str) -> bool:
    return len(line) in (40, 64) and set(line) <= set("0123456789abcdef")


def _quote(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


LARGEST_PACKED: Final = 256 * 1024 * 1024
"""Bytes of the largest packed-refs file that is read: 256 MiB, some three million refs."""

MOST_LISTED: Final = 20_000
"""Refs that are listed at once; a forge's mirror with a ref for each pull request has more."""

_MOST_STEPS: Final = 5
"""How many symbolic refs may lead to one another; git's own limit."""

_LONGEST_PART: Final = 255
"""Bytes of the longest name of a file, and so of a part of a ref."""

_NAME: Final = re.compile(
    r"(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|\Z)|\.\Z|/\Z))[^\x00-\x20\x7f~^:?*\[\\./-][^\x00-\x20\x7f~^:?*\[\\]*\Z"
)
_TOP_LEVEL: Final = re.compile(r"HEAD\Z|[A-Z][A-Z_]*_HEAD\Z")
_CONTENT: Final = re.compile(r"(?:ref:\s*(?P<ref>\S+)|(?P<id>[0-9a-f]{40}(?:[0-9a-f]{24})?))(?:\s|\Z)")
_PER_WORK_TREE: Final = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")
_PATTERNS: Final = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")


def is_ref_name(text: str) -> bool:
    """True for what git would take as the name of a tag, branch or ref."""
    return bool(_NAME.match(text))


def id_of(layout: Layout, name: str, *, shown: str) -> str | None:
    """Return the id of `name`, in this order: a top-level ref like HEAD, a full ref, a tag, a branch, a remote's branch.

    None when it is none of them. `shown` is what messages call the repository. Raises FindingsReportError for refs that
    lead out of the repository, that are too many to read or kept in a way that only git can read.
    """
    # Source: gitrevisions, "@ alone is a shortcut for HEAD".
    wanted = "HEAD" if name == "@" else name
    if not is_ref_name(wanted) or any(len(os.fsencode(part)) > _LONGEST_PART for part in wanted.split("/")):
        return None
    if (layout.common_directory / "reftable").is_dir():
        raise refusal(
            f"{shown} keeps its refs as a reftable, which only git reads",
            remedy="write the full hash, or convert the clone with `git refs migrate --ref-format=files`",
            code="refs-unreadable",
        )
    try:
        for pattern in _PATTERNS:
            if (id := _follow_symbolic(layout, pattern.format(wanted))) is not None:
                return id
    except (OSError, ValueError) as error:
        reason, remedy = system_fault(error) if isinstance(error, OSError) else (str(error), None)
        raise refusal(f"{name!r} cannot be looked up in {shown}: {reason}", remedy=remedy, code="refs-unreadable") from error
    return None


def list_refs(layout: Layout) -> dict[str, str] | None:
    """Return every ref below `refs/` with its id, that of a tag's commit where git wrote it down; symbolic ones are left out.

    None when they are more than MOST_LISTED, or kept in a way that only git can read.
    """
    if (layout.common_directory / "reftable").is_dir():
        return None
    try:
        # A file of its own replaces the entry of packed-refs.
        refs = dict((*_list_packed(layout), *islice(_list_loose(layout), MOST_LISTED)))
    except (OSError, ValueError):
        return None
    return refs if len(refs) < MOST_LISTED else None


def _list_packed(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield (ref, id) of packed-refs, a tag a second time with its commit; one more than MOST_LISTED at most."""
    name = ""
    with open_plain(_require_inside(layout, layout.common_directory / "packed-refs"), largest=LARGEST_PACKED) as file:
        for line in islice(file or (), 2 * MOST_LISTED + 2):
            first, _, rest = line.decode("utf-8", "surrogateescape").rstrip("\r\n").partition(" ")
            if first.startswith("^") and name and _CONTENT.fullmatch(first[1:]):
                yield name, first[1:]
            elif _CONTENT.fullmatch(first):
                name = rest
                yield name, first


def _list_loose(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield (ref, id) of every ref that has a file of its own; links are not followed."""
    for folder, _, names in os.walk(layout.common_directory / "refs"):
        for name in names:
            ref = (Path(folder) / name).relative_to(layout.common_directory).as_posix()
            match = _CONTENT.match(_read_loose(layout, ref) or "") if is_ref_name(ref) else None
            if match is not None and match["id"] is not None:
                yield ref, match["id"]


def _follow_symbolic(layout: Layout, ref: str) -> str | None:
    """Return the id at the end of a chain of symbolic refs."""
    for _ in range(_MOST_STEPS):
        if not (_TOP_LEVEL.match(ref) or (ref.startswith("refs/") and is_ref_name(ref))):
            return None
        content = _read_loose(layout, ref)
        if content is None:
            return _find_packed(layout, ref)
        match = _CONTENT.match(content)
        if match is None or match["ref"] is None:
            return match["id"] if match else None
        ref = match["ref"]
    return None


def _read_loose(layout: Layout, ref: str) -> str | None:
    """What the ref's own file says; None when it has none."""
    # A linked work tree has its own HEAD and bisect refs, and shares all others.
    is_own = not ref.startswith("refs/") or ref.startswith(_PER_WORK_TREE)
    path = _require_inside(layout, (layout.git_directory if is_own else layout.common_directory) / ref)
    return None if path.is_dir() else read_plain(path)


def _find_packed(layout: Layout, ref: str) -> str | None:
    """Return the id that packed-refs has for a full ref."""
    if not ref.startswith("refs/"):
        return None
    wanted = b" " + os.fsencode(ref)
    with open_plain(_require_inside(layout, layout.common_directory / "packed-refs"), largest=LARGEST_PACKED) as file:
        for line in file or ():
            # Compared as bytes: all but one of up to three million lines need no decoding.
            if line.rstrip(b"\r\n").endswith(wanted):
                id, _, name = line.decode("utf-8", "surrogateescape").rstrip("\r\n").partition(" ")
                if name == ref and _CONTENT.fullmatch(id):
                    return id
    return None


def _require_inside(layout: Layout, path: Path) -> Path:
    """Return `path` with its links followed. Raises ValueError where they lead to a file outside of the allowed folders."""
    try:
        target = path.resolve()
    except RuntimeError:  # links in a circle; from Python 3.13 on they fail when read
        raise ValueError(f"{path} is a link to itself") from None
    allowed = (layout.git_directory, layout.common_directory, *layout.borrow)
    if target.exists() and not any(folder in target.parents for folder in allowed):
        raise ValueError(f"{path} leads out of the repository, to {target}; if you trust that, allow it with --borrow")
    return target
