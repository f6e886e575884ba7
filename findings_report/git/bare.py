"""An empty bare repository of our own, made by hand so that no template, hook or default of the user's gets into it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from findings_report.git.layout import Layout
from findings_report.git.plain import ObjectFormat

FETCHED_HEAD: Final = "refs/fetched/HEAD"
"""What HEAD stands for in a repository made here."""

# The commit graph of a hostile repository could lie about parents; objects are read instead.
_CONFIG: Final = """[core]
\trepositoryformatversion = {version}
\tbare = true
\tcommitGraph = false
[gc]
\tauto = 0
"""


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
    alternates = "".join(f"{_quoted(str(objects))}\n" for objects in layout.object_folders[:1])
    (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(alternates))
    if layout.shallow:
        (folder / "shallow").write_text("".join(f"{commit}\n" for commit in layout.shallow), "ascii")


def name_commits(folder: Path, commits: Sequence[str]) -> None:
    """Give each of these full hashes a ref of its own, so that they can be fetched from the repository at `folder`."""
    refs = "".join(f"{commit} refs/commits/{commit}\n" for commit in sorted(set(commits)))
    (folder / "packed-refs").write_text(refs, "ascii")


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
