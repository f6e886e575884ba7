"""40 engagements of 5 findings, HTML and PDF, the whole program: on two dask workers against one, each with one thread.

    python benchmarks/cluster.py REPOSITORY [--engagements 40] [--findings 5] [--rounds 3]

Scheduler and workers are processes of their own on this machine, warm as on a cluster that is in use; reading the
findings and git runs beside them, on the same cores. Goal: two are at least 1.5 times as fast as one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import content
import measuring

BIN = Path(sys.executable).parent
PORT = 28786


def measured(engagements: Sequence[Path], folder: Path, workers: int) -> measuring.Run:
    """One run on so many workers, which have each had something to do before."""
    with measuring.cluster(folder, workers, PORT):
        build = [str(BIN / "findings-report"), "build", "--executor", f"dask://127.0.0.1:{PORT}", "-o"]
        measuring.run([*build, f"{folder}/warm/", *map(str, engagements[: 2 * workers])])
        return measuring.run([*build, f"{folder}/of-{workers}/", *map(str, engagements)])


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--engagements", type=int, default=40)
    parser.add_argument("--findings", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DASK_CONFIG"] = str(folder / "no-config")
        engagements = [folder / "engagements" / f"engagement-{number:02}" for number in range(arguments.engagements)]
        for number, engagement in enumerate(engagements):
            content.write(arguments.repository, engagement, arguments.findings, seed=number)
        one, two = measuring.paired(
            lambda: measured(engagements, folder, 1),
            lambda: measured(engagements, folder, 2),
            arguments.rounds,
        )
        files = digests(folder / "of-1")
        assert files == digests(folder / "of-2")
        assert len(files) == 2 * len(engagements)
    for workers, runs in (("one worker", one), ("two workers", two)):
        wall = statistics.median(run.wall for run in runs)
        print(f"{workers}: {wall:.1f} s, and {measuring.median_cpu(runs):.1f} s CPU of the program that asks them")
    ratio = statistics.median(first.wall / second.wall for first, second in zip(one, two, strict=True))
    print(f"{arguments.engagements} engagements of {arguments.findings} findings, the same files: {ratio:.2f}x (goal 1.5)")
    print(measuring.machine())


if __name__ == "__main__":
    main()
