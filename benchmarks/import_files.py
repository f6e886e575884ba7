"""Imports every file of folders, and prints the number of files that were read, the refusals by their codes, and the slowest.

    python benchmarks/import_files.py sarif FOLDER... [--seconds 5] [--megabytes 500] [--mutants 100]

The folders hold files of other projects, such as the tests of microsoft/sarif-sdk and of DefectDojo, which are not part of this
repository. Each file is imported into a new engagement without a clone; the largest one again in a process of its own, whose
time and memory are printed. `--mutants` damages files at random, with a fixed seed. Exit code 1 if a file ends in anything but
findings or a problem with a place.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from findings_report import commands
from findings_report.commands.import_findings import import_findings
from findings_report.importing import ImportOptions
from findings_report.problems import FindingsReportError
from findings_report.report.check import Inputs


def import_one(importer: str, file: Path, group: str) -> tuple[str, int, str]:
    """Return the outcome of an import: read, refused or failed; with the number of findings, and the reason."""
    with tempfile.TemporaryDirectory() as folder:
        commands.init(Path(folder), "Imported files")
        for finding in Path(folder, "findings").glob("*.finding.yaml"):
            finding.unlink()
        options = ImportOptions(group=group, limit=20_000)
        try:
            inputs = Inputs(Path(folder), {}, evidence=False)
            result = import_findings(importer, inputs, [file], options=options, dry_run=False, progress=lambda _: None)
        except FindingsReportError as error:
            problem = error.problems[0]
            is_clear = len(error.problems) == 1 and problem.place is not None
            return "refused" if is_clear else "failed", 0, f"[{problem.code}] {problem.fault}"
        except Exception:  # whatever it is, it is what this program looks for
            return "failed", 0, traceback.format_exc().strip().splitlines()[-1] + traceback.format_exc()[-600:]
        return "read", len(result.new), ""


def damage(content: bytes, chance: random.Random) -> bytes:
    """Return a file with a few bytes cut out, doubled or changed."""
    data = bytearray(content[:200_000])
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        length = chance.choice((1, 1, 5, 40, 400))
        kind = chance.randrange(4)
        if kind == 0:
            del data[at : at + length]
        elif kind == 1:
            data[at:at] = data[at : at + length]
        elif kind == 2:
            data[at : at + 1] = bytes([chance.randrange(256)])
        else:
            words = (
                b"null",
                b"-1",
                b"[]",
                b"{}",
                b'"x"',
                b"1e999",
                b"NaN",
                b"true",
                b"99999999999999999999",
                b'"../../etc/passwd"',
            )
            comma = data.find(b",", at)
            colon = data.rfind(b":", 0, comma)
            if 0 <= colon < comma:
                data[colon + 1 : comma] = chance.choice(words)
    return bytes(data)


def main() -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("importer")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--group", default="result")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--megabytes", type=float, default=500)
    parser.add_argument("--mutants", type=int, default=100)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    files = sorted(path for folder in given.folders for path in folder.rglob("*") if path.is_file())
    if not files:
        print("no files", file=sys.stderr)
        return 2
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    findings, slowest = 0, (0.0, files[0])
    for file in files:
        start = time.monotonic()
        outcome, count, why = import_one(given.importer, file, given.group)
        slowest = max(slowest, (time.monotonic() - start, file))
        outcomes[outcome] += 1
        findings += count
        reasons[why.partition("]")[0] + "]" if why else ""] += 1
        if outcome == "failed" or given.verbose:
            print(f"{outcome}: {file.name}: {why or count}")
    print(f"{len(files):,} files: {dict(outcomes)}, {findings:,} findings")
    print(f"refused: { {code: count for code, count in reasons.items() if code} }")
    print(f"slowest: {slowest[0]:.1f} s, {slowest[1].name}")
    chance = random.Random(20261130)  # the same damage each time
    mutants: Counter[str] = Counter()
    for _ in range(given.mutants):
        with tempfile.TemporaryDirectory() as folder:
            mutant = Path(folder, "mutant.json")
            mutant.write_bytes(damage(chance.choice(files).read_bytes(), chance))
            outcome, _, why = import_one(given.importer, mutant, given.group)
        mutants[outcome] += 1
        if outcome == "failed":
            print(f"failed mutant: {why}")
    print(f"{given.mutants} damaged files: {dict(mutants)}")
    largest = max(files, key=lambda file: file.stat().st_size)
    start = time.monotonic()
    program = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import import_files, pathlib; "
    program += f"print(import_files.import_one({given.importer!r}, pathlib.Path({str(largest)!r}), {given.group!r}))"
    subprocess.run([sys.executable, "-c", program], check=True)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest: {largest.name}, {largest.stat().st_size:,} bytes: {seconds:.1f} s, {peak:.0f} MB")
    return int(outcomes["failed"] + mutants["failed"] > 0 or seconds > given.seconds or peak > given.megabytes)


if __name__ == "__main__":
    sys.exit(main())
