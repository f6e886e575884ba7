"""One report of many findings, and many engagements of one finding, on a local cluster of one scheduler and two workers.

    python benchmarks/cluster_large.py REPOSITORY [--findings 20000] [--engagements 1000] [--formats html]

Prints the time of each run, and the largest memory of the program that asks, of the scheduler and of a worker. The findings of
the long report are 1,000 that differ, and the same again under other ids: what is measured does not depend on their words.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import content
import measuring

BIN = Path(sys.executable).parent
PORT = 28787
DIFFERENT = 1000


def largest_memory(pid: int) -> int:
    """Bytes that a running process had at most. Source: proc(5), VmHWM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def measure(what: str, engagements: Sequence[Path], formats: Sequence[str], folder: Path) -> None:
    """Builds the engagements on a new cluster, and prints time and memory."""
    with measuring.cluster(folder, 2, PORT) as processes:
        command = [str(BIN / "findings-report"), "build", *map(str, engagements), "--no-cache", "-o", f"{folder}/out/"]
        command += [word for name in formats for word in ("-f", name)]
        run = measuring.run([*command, "--executor", f"dask://127.0.0.1:{PORT}"])
        scheduler, *workers = map(largest_memory, processes)
    size = max((path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file()), default=0)
    print(f"{what}, {' and '.join(formats)}: {run.wall:.0f} s, {run.cpu:.0f} s CPU of the program that asks")
    own, theirs, largest = (round(number / 1e6) for number in (run.peak, scheduler, max(workers)))
    print(f"  memory: {own} MB, scheduler {theirs} MB, worker {largest} MB; largest file {size / 1e6:.1f} MB")


def write_long(repository: Path, folder: Path, count: int) -> Path:
    """Writes one engagement of so many findings."""
    # Short, as a report prints at most 25,000,000 characters of code.
    content.write(repository, folder, min(count, DIFFERENT), seed=1, lengths=(9, 12))
    texts = [path.read_text() for path in sorted((folder / "findings").glob("*.finding.yaml"))]
    for number in range(DIFFERENT, count):
        text = texts[number % DIFFERENT].replace("title: ", f"title: Case {number // DIFFERENT} ", 1)
        (folder / "findings" / f"TEST-{number + 1:05}.finding.yaml").write_text(text)
    return folder


def write_many(repository: Path, folder: Path, engagements: Sequence[Path]) -> None:
    """Writes engagements of one finding each, which differ in it and in their titles; `folder` is scratch."""
    content.write(repository, folder, min(len(engagements), DIFFERENT), seed=2)
    findings = sorted((folder / "findings").glob("*.finding.yaml"))
    settings = (folder / "findings/engagement.yaml").read_text()
    for number, engagement in enumerate(engagements):
        (engagement / "findings").mkdir(parents=True)
        (engagement / "findings/engagement.yaml").write_text(settings.replace("title: ", f"title: {number + 1}. ", 1))
        shutil.copy(findings[number % len(findings)], engagement / "findings")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--findings", type=int, default=20_000)
    parser.add_argument("--engagements", type=int, default=1000)
    parser.add_argument("--formats", nargs="+", default=["html"])
    arguments = parser.parse_args()
    os.environ["DASK_CONFIG"] = os.devnull
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "one").mkdir()
        (folder / "many").mkdir()
        if arguments.findings:
            long = write_long(arguments.repository, folder / "long", arguments.findings)
            measure(f"one report of {arguments.findings:,} findings", [long], arguments.formats, folder / "one")
        engagements = [folder / "engagements" / f"engagement-{number:04}" for number in range(arguments.engagements)]
        if engagements:
            write_many(arguments.repository, folder / "different", engagements)
            measure(f"{len(engagements):,} engagements of one finding", engagements, arguments.formats, folder / "many")
    print(measuring.machine())


if __name__ == "__main__":
    main()
