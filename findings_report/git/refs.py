"""What the refs of a repository name: read by ourselves as small plain files, so that git is never started on the repository.

Pure of git, as `layout` is. No configuration is followed, and no link that leads out of the repository.

Source: git's gitrevisions ("<refname>"), gitrepository-layout (refs, packed-refs, worktrees) and check-ref-format.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from findings_report.git.layout import Layout, open_plain, read_plain, refusal
from findings_report.problems import system_fault

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
