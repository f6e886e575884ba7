"""Writes findings/neutron.git: the part of OpenStack Neutron that the sample engagement cites, as git itself has it.

    python tools/sample_repository.py CLONE      write it from a clone of https://opendev.org/openstack/neutron
    python tools/sample_repository.py --check    verify what is in the checkout

Objects of git are named by their content. The tag, the commit, its folders, the cited file and the licence therefore have the
ids of the public repository, and the sample's quote is checked against that commit without a network. The other objects are
missing, as git itself allows: the repository is a shallow and partial clone, without parents and the content of other files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TARGET: Final = ROOT / "findings/neutron.git"
ADDRESS: Final = "https://opendev.org/openstack/neutron"
TAG: Final = "12.0.0"
TAG_ID: Final = "be2685e18fc28831e99bb56e18ff9748995d7f4b"
COMMIT: Final = "fb3f71806174bc2fae7e421268aeee61be36412d"
FILES: Final = ("neutron/db/ipam_pluggable_backend.py", "LICENSE")
"""The files whose content is here. The licence of Neutron (Apache-2.0) is part of what is passed on."""

CONFIG: Final = f"""[core]
\trepositoryformatversion = 0
\tbare = true
[remote "origin"]
\turl = {ADDRESS}
\tfetch = +refs/heads/*:refs/heads/*
\tpromisor = true
\tpartialclonefilter = blob:none
"""


def git(folder: Path, *arguments: str, given: str | None = None) -> str:
    """Return what git prints for the repository at `folder`; it fetches nothing that is missing, and replaces no object."""
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    # Git 2.41 and newer also write an index by position, which older ones do not.
    command = ["git", "-c", "pack.writeReverseIndex=false", f"--git-dir={folder}", *arguments]
    return subprocess.run(command, input=given, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def write(clone: Path, target: Path) -> None:
    """Write the repository at `target`, a folder that does not exist yet, from a clone that has the tag."""
    source = Path(git(clone if (clone / "HEAD").is_file() else clone / ".git", "rev-parse", "--absolute-git-dir"))
    # All folders, since a scope is looked up in the list of files; each is named once, in the order in which git lists them.
    listed = git(source, "ls-tree", "-r", "-t", "--full-tree", COMMIT).splitlines()
    folders = [line.split()[2] for line in listed if line.split()[1] == "tree"]
    files = [git(source, "rev-parse", f"{COMMIT}:{path}") for path in FILES]
    ids = [TAG_ID, COMMIT, git(source, "rev-parse", f"{COMMIT}^{{tree}}"), *dict.fromkeys(folders), *files]
    packs = target / "objects/pack"
    packs.mkdir(parents=True)
    # Without deltas and threads the same objects give the same pack.
    options = ("--quiet", "--window=0", "--threads=1", "--compression=9", "--no-reuse-object")
    name = git(source, "pack-objects", *options, str(packs / "pack"), given="\n".join(ids) + "\n")
    # The mark of a partial clone: what these objects name and is not here was left out on purpose.
    (packs / f"pack-{name}.promisor").touch()
    # Git keeps no empty folders, and a repository is one by its `refs`: the tag has a file of its own.
    tag = target / "refs/tags" / TAG
    tag.parent.mkdir(parents=True)
    tag.write_text(f"{TAG_ID}\n", "ascii")
    for file, text in (("HEAD", f"{COMMIT}\n"), ("shallow", f"{COMMIT}\n"), ("config", CONFIG)):
        (target / file).write_text(text, "ascii")
    for written in packs.iterdir():
        written.chmod(0o644)


def faults(target: Path) -> list[str]:
    """Return what is wrong with the repository at `target`: objects that are damaged, missing, or not the public ones."""
    try:
        # fsck computes the id of every object from its content, and follows what they name.
        git(target, "fsck", "--full", "--strict")
        if git(target, "rev-parse", f"{TAG}^{{commit}}") != COMMIT:
            return [f"tag {TAG} does not name commit {COMMIT}"]
        git(target, "ls-tree", "-r", "--full-tree", COMMIT)
        for path in FILES:
            git(target, "cat-file", "blob", f"{COMMIT}:{path}")
    except subprocess.CalledProcessError as error:
        return [f"{' '.join(error.cmd[2:])}: {error.stderr.strip()}"]
    return []


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    if arguments == ["--check"]:
        for fault in (problems := faults(TARGET)):
            print(f"{TARGET.relative_to(ROOT)}: {fault}", file=sys.stderr)
        return int(bool(problems))
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / TARGET.name
        write(Path(arguments[0]), written)
        if problems := faults(written):
            print(*problems, sep="\n", file=sys.stderr)
            return 1
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(written, TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
