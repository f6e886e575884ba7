"""Git's tree and commit objects, read from their bytes. Pure.

Source: git's Documentation/gitformat-pack and fsck messages (treeNotSorted, duplicateEntries, fullPathname, emptyName).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_COMMIT_TREE: Final = re.compile(rb"tree ([0-9a-f]{40}(?:[0-9a-f]{24})?)\n")


class EntryKind(StrEnum):
    """What stands at a path."""

    FILE = "file"
    """A file, executable or not."""
    SYMLINK = "symlink"
    """A symbolic link; its blob is the text of the target, which is never followed."""
    SUBMODULE = "submodule"
    """A commit of another repository; its files are not here."""
    FOLDER = "folder"
    """A folder."""


_KINDS: Final = {
    0o100000: EntryKind.FILE,
    0o120000: EntryKind.SYMLINK,
    0o160000: EntryKind.SUBMODULE,
    0o040000: EntryKind.FOLDER,
}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a tree."""

    kind: EntryKind
    """What it is."""
    id: str
    """Id of the blob or tree; of a submodule, the other repository's commit."""


def tree_of_commit(content: bytes) -> str:
    """Id of a commit's root tree. Raises ValueError when the commit names none."""
    match = _COMMIT_TREE.match(content)
    if match is None:
        raise ValueError("it names no tree")
    return match[1].decode("ascii")


def parse_tree(content: bytes, *, id_size: int) -> dict[str, TreeEntry]:
    """The entries of a tree by name, in git's order; `id_size` is the length of an id in bytes.

    A name that is not UTF-8 is given with its odd bytes as `\\xff`. Raises ValueError, with what is wrong, for a tree that git
    itself would read in two ways: cut off, out of order, a name twice, empty or with a slash, an unknown mode.
    """
    entries: dict[str, TreeEntry] = {}
    before = b""
    position = 0
    while position < len(content):
        blank = content.find(b" ", position)
        nul = content.find(b"\0", blank)
        end = nul + 1 + id_size
        if blank < 0 or nul < 0 or end > len(content):
            raise ValueError("it is cut off")
        name = content[blank + 1 : nul]
        kind = _kind(content[position:blank])
        order = name + b"/" if kind is EntryKind.FOLDER else name
        shown = name.decode("utf-8", "backslashreplace")
        if not name or b"/" in name:
            raise ValueError(f"it holds the name {shown!r}")
        if shown in entries:
            raise ValueError(f"it holds the name {shown!r} twice")
        if order <= before:
            raise ValueError(f"its names are out of order at {shown!r}")
        entries[shown] = TreeEntry(kind, content[nul + 1 : end].hex())
        before, position = order, end
    return entries


def _kind(mode: bytes) -> EntryKind:
    if not re.fullmatch(rb"[0-7]{5,7}", mode) or (kind := _KINDS.get(int(mode, 8) & 0o170000)) is None:
        raise ValueError(f"it holds the mode {mode[:12].decode('ascii', 'backslashreplace')!r}")
    return kind
