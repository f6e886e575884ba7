"""`--help` against a bare Typer program, and `check --no-evidence` of 100 findings.

    python benchmarks/startup.py [REPOSITORY] [--rounds 9]

Goals: at most 0.6x the bare program; at most 0.8 s CPU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import content
import measuring

BARE = "import typer; app = typer.Typer()\n@app.command()\ndef a(x: int = 1): pass\n@app.command()\ndef b(): pass\napp()"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    program = str(Path(sys.executable).parent / "findings-report")
    ours, bare = measuring.paired(
        lambda: measuring.run([program, "--help"]),
        lambda: measuring.run([sys.executable, "-c", BARE, "--help"]),
        arguments.rounds,
    )
    print(f"--help: {measuring.median_cpu(ours):.3f} s CPU, bare Typer {measuring.median_cpu(bare):.3f} s,", end=" ")
    print(f"ratio {measuring.median_cpu(ours) / measuring.median_cpu(bare):.2f} (goal 0.6)")
    with tempfile.TemporaryDirectory() as folder:
        content.write(arguments.repository, Path(folder), 100, seed=1)
        runs = [measuring.run([program, "check", "--no-evidence", folder]) for _ in range(arguments.rounds)]
    print(f"check --no-evidence, 100 findings: {measuring.median_cpu(runs):.2f} s CPU (goal 0.8)")
    print(measuring.machine())


if __name__ == "__main__":
    main()
