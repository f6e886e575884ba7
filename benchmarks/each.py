"""Every finding as a PDF of its own, by `build --each`: cold, and with nothing edited since.

python benchmarks/each.py REPOSITORY [--findings 100] [--rounds 1]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import content
import measuring


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--findings", type=int, default=100)
    arguments = parser.parse_args()
    program = str(Path(sys.executable).parent / "findings-report")
    with tempfile.TemporaryDirectory() as name:
        content.write(arguments.repository, Path(name), arguments.findings, seed=1)
        build = [program, "build", name, "--each", "-o", f"{name}/out/"]
        runs: dict[str, list[measuring.Run]] = {"cold": [], "none edited": []}
        for number in range(arguments.rounds):
            os.environ["XDG_CACHE_HOME"] = f"{name}/cache-{number}"
            for of_kind in runs.values():
                of_kind.append(measuring.run(build))
    for kind, measured in runs.items():
        cpu, peak = measuring.median_cpu(measured), measuring.peak(measured) / 1e6
        wall = statistics.median(run.wall for run in measured)
        print(f"{kind}: {cpu:.1f} s CPU, {wall:.1f} s wall, {peak:.0f} MB peak")


if __name__ == "__main__":
    main()
