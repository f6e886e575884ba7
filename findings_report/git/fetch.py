"""Clones of no more than the commits a report needs, from a URL or a local path, into a bare repository of our own.

A remote is hostile too: only three transports, every object checked, no submodules, hooks, templates or questions. A local
source is opened as any audited repository is, and cloned from the private one that borrows its objects.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from findings_report.git import process
from findings_report.git.layout import FETCHED_HEAD, ObjectFormat, create_bare, is_ref_name, name_commits
from findings_report.git.repository import Repository, open_repository
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.system import locked
from findings_report.system.journal import TemporaryFolder

_LISTING_SECONDS: Final = 120

# Half an hour, for the whole history of a large project over a slow line; `http.lowSpeedTime` ends one that stalls.
_FETCHING_SECONDS: Final = 1800

_MOST_RECEIVED: Final = 8 * 1024**3
"""Bytes of the largest file that a fetch may write: a pack of the whole history of the largest projects fits."""

_EVERYTHING: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")

_WHOLE_HISTORY: Final = 2**31 - 1
"""Git's own word for an infinite depth; unlike --unshallow it suits whole and shallow clones alike."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_LIKE: Final = re.compile(r"[^/:]+:")
_HASH: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")

# Blemishes of identity lines and modes that old commits of honest repositories have; the other checks stay.
_FORGIVEN: Final = (
    "badTimezone",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingNameBeforeEmail",
    "zeroPaddedFilemode",
)

_SETTINGS: Final = (
    # Without this, git accepts trees with entries such as `..` or `.git` from a server.
    "transfer.fsckObjects=true",
    "fetch.unpackLimit=1",  # always one pack, so that the limit on a file is one on all that is sent
    "fetch.fsckObjects=true",
    *(f"fetch.fsck.{blemish}=ignore" for blemish in _FORGIVEN),
    "core.hooksPath=/dev/null",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    # A server may name a URL to load packs from first: another host, which the user never named.
    "transfer.bundleURI=false",
    # An empty helper resets the list, so that no configured one is asked.
    "credential.helper=",
    # A background process would outlive the command and keep files open in a clone that is to be renamed.
    "maintenance.auto=false",
    # Less than 1000 bytes a second for a minute.
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)

_DAY = 86_400
_FIRST = 1_767_225_600  # 2026-01-01 in UTC: the same files always give the same commits


def fetch_repository(
    source: str, destination: Path, *, revisions: Sequence[str], commits: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, str]:
    """Bring commits of `source` into the bare repository `destination`, and give the full hash of each by what was asked.

    `source` is a https, ssh or file URL, `user@host:path`, or a local path. `revisions` are tags, branches, HEAD or hashes,
    `commits` full hashes; `optional` are more of them, which `source` need not have. What `destination` already holds stays;
    when it does not exist, it appears whole or not at all.

    Raises FindingsReportError: SOURCE for a source, revision or commit that does not exist or is not allowed, NETWORK when the
    remote does not answer or refuses, OUTPUT when `destination` cannot be written.
    """
    local = _local_path(source)
    try:
        if local is None:
            return _bring_available(_Remote(source), destination, revisions, commits, optional)
        with _explaining(source), open_repository(local, name=source) as repository:
            return _bring_available(_Local(source, repository), destination, revisions, commits, optional)
    except OSError as error:
        fault = f"cannot clone into {destination}: {error.strerror or error}"
        raise FindingsReportError(Problem(Kind.OUTPUT, fault, code="clone-unwritable")) from error


def create_repository(folder: Path, releases: Mapping[str, Mapping[str, bytes]]) -> None:
    """Make `folder` a repository with one tagged commit per release, in order; the last one is checked out.

    Each release is its files by path; what a release does not name is gone in it. Raises FindingsReportError (OUTPUT).
    """
    try:
        folder.mkdir(parents=True)
        _run(folder, ["init", "--quiet", "--template=", "--initial-branch=main"], 0)
        earlier: set[str] = set()
        for index, (release, files) in enumerate(releases.items()):
            for path in earlier - files.keys():
                (folder / path).unlink()
            for path, content in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            earlier = set(files)
            _run(folder, ["add", "--all"], index)
            _run(folder, ["commit", "--quiet", "--message", f"Release {release}"], index)
            _run(folder, ["tag", release], index)
    except OSError as error:
        raise _fault(folder, error.strerror or str(error)) from None


@dataclass(frozen=True)
class _Wanted:
    """What to ask a source for."""

    address: str
    object_format: ObjectFormat
    protocols: str
    refspecs: tuple[str, ...]
    is_sufficient: bool
    """False when some revision can only be found in the whole history."""


@dataclass(frozen=True)
class _Local:
    source: str
    repository: Repository

    def plan_fetch(self, revisions: Sequence[str], commits: Sequence[str]) -> _Wanted:
        named = {revision: self.repository.commit_of(revision) for revision in revisions}
        missing = [revision for revision, commit in named.items() if commit is None]
        missing += [commit for commit in commits if not self.repository.has_commit(commit)]
        if missing:
            objects = _local_objects(self.source)
            if (pack := _find_damaged_pack(objects)) is not None:
                raise _damaged(self.source, f"the pack {pack.name} is damaged")
            if any(_HASH.match(commit) and (objects / commit[:2] / commit[2:]).exists() for commit in missing):
                raise _damaged(self.source, "an object of the cited commits is missing or damaged")
            heads = (id for name, id in (self.repository.refs or {}).items() if name.startswith("refs/heads/"))
            if not all(map(self.repository.has_commit, heads)):
                raise _damaged(self.source, "a commit that a branch names is missing or damaged")
            raise _not_found(missing, self.source)
        tips = {revision: commit for revision, commit in named.items() if commit is not None}
        hashes = sorted({*tips.values(), *commits})
        # A ref for each commit, so that the fetch does not depend on whether git sends what no ref names.
        name_commits(self.repository.folder, hashes)
        refs = [f"+{commit}:{_own_ref(revision)}" for revision, commit in tips.items() if _is_name(revision)]
        return _Wanted(
            address=str(self.repository.folder),
            object_format=self.repository.object_format,
            protocols="file",
            refspecs=(*refs, *(f"+{commit}:refs/commits/{commit}" for commit in hashes)),
            is_sufficient=True,
        )


@dataclass(frozen=True)
class _Remote:
    source: str

    def plan_fetch(self, revisions: Sequence[str], commits: Sequence[str]) -> _Wanted:
        named = [revision for revision in revisions if _is_name(revision)]
        refs = self._refs([candidate for revision in named for candidate in _candidates(revision)])
        refspecs = [f"+{commit}:refs/commits/{commit}" for commit in {*commits, *filter(_HASH.match, revisions)}]
        ref_of = {r: ref for r in named for ref in reversed(_candidates(r)) if ref in refs}
        refspecs += [f"+{ref}:{_own_ref(revision) if ref == 'HEAD' else ref}" for revision, ref in ref_of.items()]
        ids = [*refs.values(), *commits]
        return _Wanted(
            address=self.source,
            object_format="sha256" if ids and len(ids[0]) == 64 else "sha1",
            protocols="https:ssh",
            refspecs=tuple(sorted(set(refspecs))),
            is_sufficient=all(revision in ref_of or _HASH.match(revision) for revision in revisions),
        )

    def _refs(self, names: Sequence[str]) -> dict[str, str]:
        """Return the remote's refs of these names, and its HEAD, with their ids."""
        answer = process.run(
            [*_settings(), "ls-remote", "--", self.source, "HEAD", *names],
            environment=process.network_environment("https:ssh"),
            folder=Path("/"),
            seconds=_LISTING_SECONDS,
        )
        if answer.status != 0:
            raise _refusal(self.source, answer.fault)
        lines = (line.partition("\t") for line in answer.output.decode("utf-8", "backslashreplace").splitlines())
        return {ref: id for id, _, ref in lines if _HASH.match(id) and ref in ("HEAD", *names)}


def _bring_available(
    source: _Local | _Remote, destination: Path, revisions: Sequence[str], commits: Sequence[str], optional: Sequence[str]
) -> dict[str, str]:
    """Bring what is required, and of the `optional` commits those that the source has."""
    left = dict.fromkeys(commit for commit in optional if commit not in commits)
    while True:
        try:
            with locked(destination):
                _remove_unfinished(destination)
                return _bring(source, destination, revisions, [*commits, *left])
        except _MissingError as error:
            # A server names one commit at a time that it does not have.
            if required := error.missing - left.keys():
                raise _not_found(sorted(required), source.source) from error
            left = {commit: None for commit in left if commit not in error.missing}


def _bring(source: _Local | _Remote, destination: Path, revisions: Sequence[str], commits: Sequence[str]) -> dict[str, str]:
    if destination.is_dir() and not revisions:
        # Pinned commits never change: with all of them in the clone, nothing has to be asked of the network. A revision may
        # have moved.
        here = _commits_in(destination, source.source, (), commits)
        if len(here) == len(set(commits)):
            return here
    wanted = source.plan_fetch(revisions, commits)
    if not destination.is_dir():
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Beside the destination, since a rename is atomic only within one file system.
        folder = TemporaryFolder(destination.parent)
        partial = Path(folder.name)
        try:
            create_bare(partial, wanted.object_format)
            result = _fetch_wanted(wanted, partial, source.source, revisions, commits)
            partial.rename(destination)
            return result
        except OSError:
            if not destination.is_dir():
                raise
            # Another run was faster: its clone is as good a beginning.
        finally:
            folder.cleanup()
    # Git itself adds to a repository safely: a pack or a ref appears whole or not at all.
    return _fetch_wanted(wanted, destination, source.source, revisions, commits)


def _remove_unfinished(folder: Path) -> None:
    """Remove what a git that was killed has left in a clone of ours. The next one would not write over its locks."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*", "objects/*/tmp_obj_*"):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                path.unlink()


def _fetch_wanted(
    wanted: _Wanted, folder: Path, source: str, revisions: Sequence[str], commits: Sequence[str]
) -> dict[str, str]:
    """Fetch the tips alone; where the remote refuses bare hashes or a revision needs history, everything."""
    answer = _fetch(wanted, folder, wanted.refspecs, depth=1) if wanted.is_sufficient else None
    _refuse_too_much(folder, source)
    # Git's words for a commit that the server does not have; LC_ALL=C keeps them untranslated.
    if answer is not None and "not our ref" in answer.fault:
        raise _not_found([id for id in (*revisions, *commits) if id in answer.fault], source)
    if answer is None or answer.status not in (0, process.TIMED_OUT):
        # Some servers refuse bare hashes: before version 2 of git's protocol only what a ref names is sent. Refs of the
        # revisions stay in the list, because they may be outside of heads and tags.
        named = [refspec for refspec in wanted.refspecs if refspec.startswith(("+refs/", "+HEAD:"))]
        answer = _fetch(wanted, folder, [*_EVERYTHING, *named], depth=_WHOLE_HISTORY)
        _refuse_too_much(folder, source)
    if answer.status not in (0, process.TIMED_OUT) and wanted.protocols == "file":
        # Only a server asks for keys and tokens: the cause is in the repository, or in the rights of its files.
        raise _damaged(source, "an object of the cited commits is missing or damaged")
    if answer.status != 0:
        raise _refusal(source, answer.fault)
    here = _commits_in(folder, source, revisions, commits)
    if missing := [asked for asked in (*revisions, *commits) if asked not in here]:
        raise _not_found(missing, source)
    return here


def _fetch(wanted: _Wanted, folder: Path, refspecs: Sequence[str], *, depth: int) -> process.GitResult:
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", f"--depth={depth}"]
    return process.run(
        [f"--git-dir={folder}", *_settings(), "fetch", *options, "--", wanted.address, *refspecs],
        environment=process.network_environment(wanted.protocols),
        folder=folder,
        seconds=_FETCHING_SECONDS,
        file_bytes=_MOST_RECEIVED,
    )


def _refuse_too_much(folder: Path, source: str) -> None:
    """Raise when git was ended at the size limit for files, which git's own message does not show."""
    if any(file.stat().st_size >= _MOST_RECEIVED for file in (folder / "objects" / "pack").glob("tmp_pack_*")):
        fault = f"cannot fetch from {process.without_credentials(source)}: the server sent more than {_MOST_RECEIVED:,} bytes"
        remedy = "clone the repository yourself, and name the clone with --repository"
        raise FindingsReportError(Problem(Kind.NETWORK, fault, remedy=remedy, code="fetch-too-large"))


def _commits_in(folder: Path, source: str, revisions: Sequence[str], commits: Sequence[str]) -> dict[str, str]:
    """Return the full commits of those that are in the clone at `folder`."""
    with open_repository(folder, name=process.without_credentials(source)) as repository:
        named = ((revision, repository.commit_of(revision)) for revision in revisions)
        commits_of = {revision: commit for revision, commit in named if commit is not None and repository.has_commit(commit)}
        return commits_of | {commit: commit for commit in commits if repository.has_commit(commit)}


def _local_path(source: str) -> Path | None:
    """Return the path that `source` names on this machine; None for a remote. Raises for what git must not be given."""
    scheme = _SCHEME.match(source)
    # `-` would be read as an option; `ext::` and other `NAME::` addresses start a program of that name.
    if not source.isprintable() or not source or source.startswith("-") or "::" in source:
        raise _not_allowed(f"{process.without_credentials(source)!r} is not an address to clone from")
    if scheme is None:
        return None if _SCP_LIKE.match(source) and not Path(source).exists() else Path(source)
    if scheme[1].lower() in ("https", "ssh"):
        return None
    if scheme[1].lower() == "file" and source[scheme.end() :].startswith("/"):
        return Path(unquote(source[scheme.end() :]))
    raise _not_allowed(f"{process.without_credentials(source)!r} cannot be cloned: {scheme[1]}:// is not allowed")


def _is_name(revision: str) -> bool:
    return is_ref_name(revision) and not _HASH.match(revision)


def _candidates(revision: str) -> tuple[str, ...]:
    """Return the refs that `revision` may mean, in git's order. Source: gitrevisions, "<refname>"."""
    if revision == "HEAD" or revision.startswith("refs/"):
        return (revision,)
    return (f"refs/{revision}", f"refs/tags/{revision}", f"refs/heads/{revision}")


def _own_ref(revision: str) -> str:
    """Return the ref of our clone that makes `revision` name there what it names at the source."""
    if revision == "HEAD":
        return FETCHED_HEAD
    return revision if revision.startswith("refs/") else f"refs/tags/{revision}"


def _settings() -> list[str]:
    return [word for setting in _SETTINGS for word in ("-c", setting)]


class _MissingError(FindingsReportError):
    """The source does not have some of what was asked for."""

    def __init__(self, missing: Sequence[str], problems: Iterable[Problem]) -> None:
        super().__init__(problems)
        self.missing: Final = frozenset(missing)


def _not_found(missing: Sequence[str], source: str) -> _MissingError:
    shown, remedy = process.without_credentials(source), "correct revision or commit"
    problems = (
        Problem(Kind.SOURCE, f"{asked!r} names no commit in {shown}", remedy=remedy, code="revision-missing")
        for asked in dict.fromkeys(missing)
    )
    return _MissingError(missing, problems)


@contextlib.contextmanager
def _explaining(source: str) -> Iterator[None]:
    """Add to the problems of a repository on this machine what can be done about them."""
    try:
        yield
    except FindingsReportError as error:
        if any(problem.code == "revision-unresolved" for problem in error.problems):  # by then it is known to be a revision
            raise _damaged(source, "an object that a revision names is damaged") from None
        remedy = "check the path, and the rights of its files"
        if any(problem.code == "repository-unreadable" and problem.remedy is None for problem in error.problems):
            raise FindingsReportError(
                [replace(problem, remedy=problem.remedy or remedy) for problem in error.problems]
            ) from None
        raise


def _damaged(source: str, fault: str) -> FindingsReportError:
    path = shlex.quote(str(_local_path(source)))
    # Git calls an object missing that it may not read.
    if (unreadable := _find_unreadable(_local_objects(source))) is not None:
        fault = f"{unreadable} cannot be read: permission denied"
        remedy = f"give the user of this program the right to read it, as with `chmod -R u+rX {path}`, or run it as its owner"
        return FindingsReportError(Problem(Kind.SOURCE, fault, remedy, place=Place(source), code="clone-forbidden"))
    remedy = f"`git -C {path} fsck` lists what is wrong; clone the repository again"
    return FindingsReportError(Problem(Kind.SOURCE, fault, remedy, place=Place(source), code="clone-damaged"))


def _find_unreadable(objects: Path) -> Path | None:
    """Return a file or folder of the objects that this user may not read; None without any among the first thousands."""
    seen = 0
    for folder, folders, files in os.walk(objects):
        for name in (*folders, *files):
            path = Path(folder, name)
            if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
                return path
            seen += 1
        if seen > _MOST_LOOKED_AT:
            break
    return None


_MOST_LOOKED_AT: Final = 20_000


def _local_objects(source: str) -> Path:
    path = _local_path(source) or Path()
    return (path / ".git" if (path / ".git").is_dir() else path) / "objects"


def _find_damaged_pack(objects: Path) -> Path | None:
    """Return a pack that git does not use: cut short, or not the one that its index belongs to.

    Source: gitformat-pack. An index ends with the checksums of its pack and of itself, a pack with its own.
    """
    for pack in sorted((objects / "pack").glob("*.pack")):
        try:
            ends = [_read_end(path) for path in (pack, pack.with_suffix(".idx"))]
        except OSError:
            return pack
        if not ends[0] or ends[0] not in ends[1][:-20]:
            return pack
    return None


def _read_end(path: Path) -> bytes:
    """Return the last bytes of a file: of a pack its checksum (SHA-1 or the end of SHA-256), of an index both checksums."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = 20 if path.suffix == ".pack" else 64
        file.seek(max(0, size - length))
        return file.read(length)


def _not_allowed(fault: str) -> FindingsReportError:
    return FindingsReportError(
        Problem(Kind.SOURCE, fault, remedy="use https://, ssh://, user@host:path or a local path", code="source-not-allowed")
    )


def _refusal(source: str, fault: str) -> FindingsReportError:
    shown = process.without_credentials(source)
    if _NO_ACCESS.search(fault):
        remedy = (
            "give git your key or token (ssh-agent, or a credential helper): it runs without prompts; then check your rights"
        )
        return FindingsReportError(Problem(Kind.NETWORK, f"no access to {shown}: {fault}", remedy, code="fetch-forbidden"))
    if _NO_HOST.search(fault):
        remedy = "check the network and the name of the host"
        return FindingsReportError(Problem(Kind.NETWORK, f"cannot reach {shown}: {fault}", remedy, code="fetch-unreachable"))
    # Forges deny that a private repository exists.
    remedy = "check the address and your access to it; git runs without prompts, so keys and tokens must be configured"
    return FindingsReportError(
        Problem(Kind.NETWORK, f"cannot fetch from {shown}: {fault}", remedy=remedy, code="fetch-refused")
    )


_NO_ACCESS: Final = re.compile(
    r"[Pp]ermission denied|[Aa]uthentication failed|could not read (?:Username|Password)|terminal prompts disabled"
    r"|Host key verification failed|[Aa]ccess (?:is )?denied|returned error: (?:401|403)|[Uu]nauthorized|[Ff]orbidden"
)
_NO_HOST: Final = re.compile(
    r"[Cc]ould not resolve|Name or service not known|Temporary failure in name resolution"
    r"|Connection (?:refused|timed out|reset)|(?:Network|Host) is unreachable|No route to host"
    r"|Failed to connect|Could not connect|Operation timed out"
)


def _run(folder: Path, arguments: list[str], index: int) -> None:
    who = {"NAME": "quicknotes", "EMAIL": "quicknotes@example.org", "DATE": f"{_FIRST + index * 30 * _DAY} +0000"}
    names = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in who.items()}
    answer = process.run(arguments, environment=process.environment() | names, folder=folder, seconds=60)
    if answer.status != 0:
        raise _fault(folder, answer.fault or f"git {arguments[0]} failed")


def _fault(folder: Path, fault: str) -> FindingsReportError:
    return FindingsReportError(
        Problem(Kind.OUTPUT, f"cannot make a repository: {fault}", place=Place(str(folder)), code="cannot-write")
    )
