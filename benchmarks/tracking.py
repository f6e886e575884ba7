"""How often `track` finds the place that it should, by an oracle of regions whose place at another commit is known.

    python benchmarks/tracking.py ORACLE.jsonl --repositories FOLDER [--predictions OUT.jsonl] [--show N] [--set kept=0.6]

Each line of the oracle is one region: {repo: "owner/name", from_commit, to_commit, path, start, end, expect: {status, path,
start, end, start_ok, end_ok}, doubt: []}. Writes one {status, path, start, end} for each, in order, path null where it is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from findings_report.git import open_repository
from findings_report.history.classify import CitedRegion
from findings_report.history.line_map import DEFAULT, Thresholds
from findings_report.history.track import track
from findings_report.model.drift import Drift
from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError, Kind, Problem

CLASSES = ("unchanged", "moved", "renamed", "moved_file", "modified", "deleted")
Scored = tuple[dict[str, Any], dict[str, Any]]
"""A line of the oracle, and what was found for it."""

GONE = {"path": None, "start": None, "end": None}


def clone(folder: Path, name: str) -> Path:
    """The clone of owner/name: FOLDER/owner/name or FOLDER/owner+name, or what lies in it as `repo`."""
    for path in (folder / name, folder / name.replace("/", "+")):
        for found in (path / "repo", path):
            if (found / ".git").exists() or (found / "objects").is_dir():
                return found
    problem = Problem(Kind.SOURCE, f"no clone of {name} in {folder}", code="no-side")
    raise FindingsReportError(problem)


def prediction(drift: Drift) -> dict[str, Any]:
    if drift.now is None:
        return {"status": str(drift.kind), **GONE}
    region = drift.now.region
    return {"status": str(drift.kind), "path": drift.now.path, "start": region.start_line, "end": region.end_line}


def predictions(items: Sequence[dict[str, Any]], folder: Path, thresholds: Thresholds) -> list[dict[str, Any]]:
    """One for each item; items of the same pair of commits are tracked together."""
    pairs: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        pairs[item["repo"], item["from_commit"], item["to_commit"]].append(index)
    found: list[dict[str, Any]] = [{} for _ in items]
    for (name, commit, to), indexes in pairs.items():
        cited = [
            CitedRegion(items[index]["path"], Region(start_line=items[index]["start"], end_line=items[index]["end"]))
            for index in indexes
        ]
        try:
            with open_repository(clone(folder, name), name=name) as repository:
                tracked = track(repository, cited, commit=commit, to=to, thresholds=thresholds)
        except FindingsReportError as error:
            print(f"{name} {commit[:12]}..{to[:12]}: {error}", file=sys.stderr)
            found = [{"status": "unverifiable", **GONE} if i in set(indexes) else each for i, each in enumerate(found)]
            continue
        for problem in tracked.problems:
            print(f"{name}: {problem.fault}", file=sys.stderr)
        for index, drift in zip(indexes, tracked.drifts, strict=True):
            found[index] = prediction(drift)
    return found


def is_exact(expect: dict[str, Any], found: dict[str, Any]) -> bool:
    if expect["path"] is None or found["path"] is None:
        return expect["path"] is found["path"]
    low, high = expect.get("start_ok") or (expect["start"], expect["start"])
    first, last = expect.get("end_ok") or (expect["end"], expect["end"])
    return bool(expect["path"] == found["path"] and low <= found["start"] <= high and first <= found["end"] <= last)


def overlap(expect: dict[str, Any], found: dict[str, Any]) -> float:
    """Lines in both over lines in either, 0 to 1."""
    if expect["path"] is None or expect["path"] != found["path"]:
        return 0.0
    both: int = min(expect["end"], found["end"]) - max(expect["start"], found["start"]) + 1
    either: int = max(expect["end"], found["end"]) - min(expect["start"], found["start"]) + 1
    return max(both, 0) / either


def score(scored: Sequence[Scored]) -> None:
    """Prints, by class: exact; precision and recall at an overlap of half or more; wrong places (a place for what is gone or
    is elsewhere)."""
    print(f"{'':14}{'n':>6} {'exact':>8} {'precision':>10} {'recall':>8} {'wrong place':>14}")
    rows = [*((name, [name]) for name in CLASSES), ("all", list(CLASSES))]
    for name, classes in rows:
        chosen = [pair for pair in scored if pair[0]["expect"]["status"] in classes]
        if not chosen:
            continue
        exact = sum(is_exact(item["expect"], each) for item, each in chosen)
        given = [(item["expect"], each) for item, each in chosen if each["path"] is not None]
        there = sum(item["expect"]["path"] is not None for item, _ in chosen)
        right = sum(overlap(*pair) >= 0.5 for pair in given)
        wrong = sum(overlap(*pair) == 0 for pair in given)
        print(
            f"{name:14}{len(chosen):6} {exact / len(chosen):8.2%} {_share(right, len(given)):>10} {_share(right, there):>8}"
            f" {wrong:6} {wrong / len(chosen):7.2%}"
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def by_pair(scored: Sequence[Scored]) -> None:
    groups: dict[str, list[bool]] = defaultdict(list)
    for item, each in scored:
        groups[f"{item['repo']} {_pair(item)}"].append(is_exact(item["expect"], each))
    for name, exact in groups.items():
        print(f"{name:52}{len(exact):6} {sum(exact) / len(exact):8.2%}")


def show(scored: Sequence[Scored], most: int) -> None:
    for item, each in scored:
        if most and not is_exact(item["expect"], each):
            most -= 1
            expect = item["expect"]
            print(f"{item['repo']} {_pair(item)} {item['path']}:{item['start']}-{item['end']} {item.get('evidence', '')}")
            print(f"   expected {expect['status']} {expect['path']}:{expect['start']}-{expect['end']}")
            print(f"   found    {each['status']} {each['path']}:{each['start']}-{each['end']}")


def _pair(item: dict[str, Any]) -> str:
    return "..".join(str(item.get(side) or item[f"{side}_commit"][:12]) for side in ("from", "to"))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("oracle", type=Path)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--show", type=int, default=0, help="print this many of the trusted ones that are not exact")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a field of Thresholds")
    arguments = parser.parse_args()
    changed = {name: float(value) for name, _, value in (text.partition("=") for text in arguments.set)}
    items = [json.loads(line) for line in arguments.oracle.read_text("utf-8").splitlines() if line.strip()]
    before = os.times()
    found = predictions(items, arguments.repositories, replace(DEFAULT, **changed))
    after = os.times()
    if arguments.predictions:
        arguments.predictions.write_text("".join(json.dumps(each) + "\n" for each in found), "utf-8")
    for title, doubtful in (("trusted", False), ("doubtful", True)):
        chosen = [(item, each) for item, each in zip(items, found, strict=True) if bool(item.get("doubt")) is doubtful]
        if chosen:
            print(f"\n{title}")
            score(chosen)
            if not doubtful:
                print()
                by_pair(chosen)
                show(chosen, arguments.show)
    cpu = sum(after[:4]) - sum(before[:4])
    print(f"\n{len(items)} regions, {cpu:.1f} s CPU with git's; {dict(Counter(each['status'] for each in found))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
