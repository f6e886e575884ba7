"""How findings-report judges the quotes of published audit reports.

    python benchmarks/published/run.py --mirror CLONES --out FOLDER [--only NAME ...]

CLONES contains clones of the repositories that reports.toml names, as owner/name or owner+name, with or without a work tree.
Each report becomes an engagement in FOLDER/A or FOLDER/B, its half.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from convert import Code, PublishedFinding, git, read_finding, split_findings, write_engagement
from line_by_line import Judgement, judge

HERE = Path(__file__).parent
ACCEPTED = {"exact", "whitespace", "partial", "elided", "annotated", "comments"}
KINDS = ("true", "scattered", "unordered", "false", "no code")


@dataclass(frozen=True)
class Report:
    """A row of reports.toml."""

    name: str
    half: str
    house: str
    text: str
    code: str
    commit: str
    fixed: str = ""
    """Commit that contains the fixes, for fixes.py."""
    at: str = "HEAD"


@dataclass(frozen=True)
class Row:
    """A quote, the verdict on it, and what the lines of the file say."""

    engagement: str
    finding: str
    index: int
    verdict: str
    """For "moved" with the verdict on the text: "moved+exact"."""
    truth: Judgement
    fault: str
    """What is wrong with the verdict; empty if nothing is."""
    quote: str
    check: dict[str, Any]


def read_table() -> list[Report]:
    return [Report(**row) for row in tomllib.loads((HERE / "reports.toml").read_text(encoding="utf-8"))["report"]]


def find_clone(mirror: Path, repository: str) -> Path | None:
    owner, name = repository.split("/")
    for folder in (mirror / owner / name, mirror / f"{owner}+{name}", mirror / f"{owner}+{name}" / "repo"):
        if (folder / "objects").is_dir() or (folder / ".git").exists():
            return folder.resolve()
    return None


def read_report(report: Report, mirror: Path) -> tuple[Code, list[PublishedFinding]] | None:
    """Return the audited code and the findings that cite some of it, or None without the clones."""
    repository, file = report.text.split(":")
    text, clone = find_clone(mirror, repository), find_clone(mirror, report.code)
    if not text or not clone:
        print(f"{report.name}: no clone of {report.code if text else repository} in {mirror}")
        return None
    code = Code(clone, report.commit)
    lines = git(text, "show", f"{report.at}:{file}").replace("\r\n", "\n").split("\n")
    findings = [read_finding(lines, *part, code) for part in split_findings(lines, report.house)]
    return code, [finding for finding in findings if finding.quotes]


def convert(report: Report, mirror: Path, out: Path) -> Path | None:
    """Writes the engagement and returns its folder, or None without the clones."""
    found = read_report(report, mirror)
    if not found:
        return None
    folder = out / report.half / report.name
    shutil.rmtree(folder, ignore_errors=True)
    count = write_engagement(folder, f"{report.name}, as published in {report.text.split(':')[0]}", *found)
    print(f"{report.half} {report.name}: {len(found[1])} findings, {count} quotes")
    return folder


def build(folder: Path) -> list[Row]:
    """Builds the engagement's report as JSON and compares each verdict with the lines of the file."""
    findings = folder / "findings"
    command = [str(Path(sys.executable).parent / "findings-report"), "build", "-f", "json", "-o", str(folder / "report.json")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (folder / "build.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        print(f"{folder.name}: no report, see {folder / 'build.txt'}")
        return []
    clone = Path(yaml.safe_load((findings / "engagement.yaml").read_text(encoding="utf-8"))["repositories"]["code"]["path"])
    files: dict[tuple[str, str], list[str]] = {}
    rows = []
    for finding in json.loads((folder / "report.json").read_text(encoding="utf-8"))["findings"]:
        authored = yaml.safe_load((findings / f"{finding['id']}.finding.yaml").read_text(encoding="utf-8"))["locations"]
        for snippet in finding["snippets"]:
            quote = authored[snippet["index"]].get("quote")
            if quote is None:
                continue
            key = (snippet["commit"], snippet["path"])
            if key not in files:
                files[key] = git(clone, "show", ":".join(key)).split("\n")
            rows.append(compare(folder.name, finding["id"], snippet, quote, files[key]))
    return rows


def compare(engagement: str, finding: str, snippet: dict[str, Any], quote: str, lines: Sequence[str]) -> Row:
    check = snippet["check"]
    truth = judge(quote, lines)
    verdict = f"moved+{check['text']}" if check["verdict"] == "moved" else check["verdict"]
    fault = ""
    if verdict.removeprefix("moved+") in ACCEPTED:
        shown = [line for region in check["found"] for line in lines[region["start_line"] - 1 : region["end_line"]]]
        cited = [line for region in check["claimed"] for line in lines[region["start_line"] - 1 : region["end_line"]]]
        if truth.kind in ("false", "no code"):
            fault = "accepted, not in the file"
        elif judge(quote, shown).missing:
            fault = "a quoted line is not at that place"
        elif verdict != check["verdict"] and cited and judge(quote, cited).kind == truth.kind == "true":
            fault = "moved from a right place"
    elif truth.kind == "true":
        fault = "refused"
    return Row(engagement, finding, snippet["index"], verdict, truth, fault, quote, check)


def show(regions: Sequence[dict[str, int]]) -> str:
    return ", ".join(f"{region['start_line']}-{region['end_line']}" for region in regions) or "nothing"


def report_half(half: str, rows: Sequence[Row], out: Path) -> None:
    """Prints the figures of a half and writes what was judged wrong, by kind, to `failures.txt` beside its engagements."""
    true = [row for row in rows if row.truth.kind == "true"]
    accepted = [row for row in rows if row.verdict.removeprefix("moved+") in ACCEPTED]
    right = sum(not row.fault for row in true)
    share = right / max(1, len(true))
    print(f"\n{half}: {len(rows)} quotes, of {len(true)} whose every line is in the file {right} accepted ({share:.1%})")
    for fault, count in Counter(row.fault for row in rows if row.fault and row.fault != "refused").most_common():
        print(f"   {fault}: {count} of {len(accepted)} accepted")
    print(f"   {'':20}" + "".join(f"{kind:>10}" for kind in KINDS))
    for verdict in sorted({row.verdict for row in rows}):
        counts = Counter(row.truth.kind for row in rows if row.verdict == verdict)
        print(f"   {verdict:20}" + "".join(f"{counts[kind]:10}" for kind in KINDS))
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.fault:
            by_kind[f"{row.fault}: {row.truth.kind}, {' '.join(sorted(row.truth.traits)) or 'whole lines'}"].append(row)
    ordered = sorted(by_kind.items(), key=lambda pair: -len(pair[1]))
    text = [f"{len(members):4}  {kind}" for kind, members in ordered]
    for kind, members in ordered:
        text += [f"\n{'#' * 100}\n# {kind} ({len(members)})", *map(describe, members)]
    (out / half / "failures.txt").write_text("\n".join(text) + "\n", encoding="utf-8")


def describe(row: Row) -> str:
    return (
        f"\n=== {row.engagement} {row.finding} locations[{row.index}]: {row.verdict}; claimed {show(row.check['claimed'])}; "
        f"found {show(row.check['found'])}; missing {list(row.truth.missing[:5])}\n{row.quote}"
    )


def measure_check(folders: Sequence[Path], rounds: int = 3) -> None:
    """Prints what `check` costs for one location: CPU with git's, less that of the engagement's first finding alone."""
    cost, locations = 0.0, 0
    for folder in folders:
        with tempfile.TemporaryDirectory() as scratch:
            first, *others = sorted((folder / "findings").glob("*.finding.yaml"))
            alone = Path(scratch, "findings")
            alone.mkdir()
            for file in (first, folder / "findings" / "engagement.yaml"):
                shutil.copy(file, alone)
            cost += statistics.median(cpu_of_check(folder) - cpu_of_check(Path(scratch)) for _ in range(rounds))
            locations += sum(len(yaml.safe_load(file.read_text(encoding="utf-8"))["locations"]) for file in others)
    print(f"\ncheck: {cost / locations * 1000:.2f} ms CPU for each of {locations} locations, without start-up")


def cpu_of_check(folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [str(Path(sys.executable).parent / "findings-report"), "check"], cwd=folder, capture_output=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--cpu", action="store_true", help="measure `check` as well")
    options = parser.parse_args()
    reports = [report for report in read_table() if not options.only or report.name in options.only]
    rows: dict[str, list[Row]] = defaultdict(list)
    folders = []
    for report in reports:
        folder = convert(report, options.mirror, options.out)
        if folder:
            folders.append(folder)
            rows[report.half] += build(folder)
    for half in sorted(rows):
        report_half(half, rows[half], options.out)
    if options.cpu:
        measure_check(folders)


if __name__ == "__main__":
    main()
