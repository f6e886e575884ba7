"""How well, and how fast, findings without common ids are matched.

benchmarks/matching.py --repositories FOLDER [--part tune]   # against benchmarks/pairs.jsonl
benchmarks/matching.py --synthetic 10000                     # CPU seconds and memory
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reports import Clones, Source, finding, symbol_of

from findings_report.comparison.matching import CitedLines, Matching, Traits, match
from findings_report.model.evidence import Region

PAIRS = Path(__file__).with_name("pairs.jsonl")


@dataclass
class Case:
    """Two versions of a report, and which of their findings are the same."""

    project: str
    name: str
    kind: str
    baseline: dict[str, Traits] = field(default_factory=dict)
    current: dict[str, Traits] = field(default_factory=dict)
    same: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Score:
    """How many pairs were right."""

    same: int
    found: int
    wrong: int
    possible: int
    """Of the pairs not found: named as possible."""
    possible_wrong: int

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def __str__(self) -> str:
        made = self.found + self.wrong
        return (
            f"{self.same:5} pairs {self.found:5} found ({interval(self.found, self.same)}) {self.wrong:3} wrong "
            f"(precision {interval(self.found, made)}) {self.possible:3} possible, {self.possible_wrong} wrongly"
        )


def interval(successes: int, trials: int) -> str:
    """Share and 95 % interval. Source: E. B. Wilson, JASA 22 (1927), 209-212."""
    if not trials:
        return "none"
    z, share = 1.96, successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return f"{share:.1%}, {max(0.0, centre - half):.1%} to {min(1.0, centre + half):.1%}"


def cases(clones: Clones, part: str) -> list[Case]:
    """The labelled set, read from the clones. Ids are digests: they are of no use to the matcher."""
    found: dict[tuple[str, str, str], Case] = {}
    for line in PAIRS.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["part"] != part:
            continue
        key = row["project"], row["case"], row["kind"]
        case = found.setdefault(key, Case(*key))
        ids = tuple(
            _add(clones, side, row.get(name)) for name, side in (("baseline", case.baseline), ("current", case.current))
        )
        if row["label"] == "same":
            case.same.add((ids[0], ids[1]))
    return list(found.values())


def _add(clones: Clones, side: dict[str, Traits], named: dict[str, Any] | None) -> str:
    if named is None:
        return ""
    source = Source(**named)
    told = finding(clones, source)
    # Shuffled against the order of the reports, which would give pairs away.
    id = f"{hash_of(source.path, source.revision, source.heading)}"
    side[id] = Traits(
        id=id,
        title=told.title,
        prose=told.body,
        places=tuple(CitedLines(cited.repository, cited.path, cited.region) for cited in told.cited),
        symbols=tuple(name for cited in told.cited if (name := symbol_of(clones, cited))),
    )
    return id


def hash_of(*values: object) -> str:
    return f"{random.Random(repr(values)).getrandbits(64):016x}"


def judge(case: Case, done: Matching) -> Score:
    made = {(pair.baseline, pair.current) for pair in done.matches}
    possible = {(pair.baseline, pair.current) for pair in done.possible}
    return Score(
        len(case.same), len(made & case.same), len(made - case.same), len(possible & case.same), len(possible - case.same)
    )


def score(found: Sequence[Case], hidden: Sequence[str], *, shown: bool) -> Score:
    """Prints a line for each case and a sum for each kind; the sum of the revisions."""
    totals: defaultdict[str, Score] = defaultdict(lambda: Score(0, 0, 0, 0, 0))
    for case in found:
        empty: dict[str, Any] = {"title": "", "prose": "", "places": (), "symbols": ()}
        blank = {name: empty[name] for name in hidden}
        sides = [[replace(traits, **blank) for traits in side.values()] for side in (case.baseline, case.current)]
        done = match(*sides)
        judged = judge(case, done)
        totals[case.kind] += judged
        if shown:
            print(f"{case.project:26} {case.name[-40:]:40} {judged}")
            for line in _mistakes(case, done):
                print(f"    {line}")
    for kind, total in sorted(totals.items()):
        print(f"{kind:10} {total}")
    return totals["revision"]


def _mistakes(case: Case, done: Matching) -> Iterator[str]:
    made = {(pair.baseline, pair.current): pair for pair in done.matches}
    for key in sorted(made.keys() - case.same):
        yield f"wrong  {made[key].likeness:.2f} {made[key].reason}: {_titles(case, key)}"
    for key in sorted(case.same - made.keys()):
        near = next(
            (f"possible {pair.likeness:.2f} {pair.reason}" for pair in done.possible if (pair.baseline, pair.current) == key),
            "",
        )
        yield f"missed {near}: {_titles(case, key)}"


def _titles(case: Case, key: tuple[str, str]) -> str:
    return f"{case.baseline[key[0]].title[:60]} | {case.current[key[1]].title[:60]}"


WORDS = (PAIRS.parent.parent / "findings_report" / "cwe.json").read_text("utf-8").lower().replace('"', " ").split()
"""Words that titles of weaknesses are made of, as often as there."""


def synthetic(number: int, rng: random.Random) -> tuple[list[Traits], list[Traits]]:
    """Two releases of one audit, 40 findings a file, no common ids: some new, some gone, the rest reworded and moved."""
    sides: tuple[list[Traits], list[Traits]] = ([], [])
    for position in range(number * 9 // 8):
        words = [*rng.choices(WORDS, k=6), f"field{rng.randrange(number)}"]
        prose = rng.choices(WORDS, k=60) + [f"call{rng.randrange(number)}" for _ in range(12)]
        path, start = f"src/module{position // 40}.py", rng.randrange(1, 2000)
        for side, found in enumerate(sides):
            if len(found) == number or rng.random() < 0.1:
                continue
            shift = rng.randrange(3) * side
            region = Region(start_line=start + shift, end_line=start + 10 + shift)
            title = [word for word in words if rng.random() < (0.9 if side else 1.0)]
            text = [word for word in prose if rng.random() < (0.8 if side else 1.0)]
            found.append(
                Traits(
                    id=f"{'AB'[side]}-{hash_of(side, position)}",
                    title=" ".join(title),
                    prose=" ".join(text),
                    cwe=(f"CWE-{rng.choice((20, 79, 89, 190, 287, 352, 862))}",) if rng.random() < 0.3 else (),
                    places=(CitedLines("audited", path, region),),
                    symbols=(f"Module.method{start // 50}",),
                )
            )
    return sides


def measure(number: int) -> bool:
    """Prints CPU seconds and the memory of the whole process; True when both are within their goals."""
    baseline, current = synthetic(number, random.Random(1))
    start = time.process_time()
    done = match(baseline, current)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    right = {(f"A-{hash_of(0, position)}", f"B-{hash_of(1, position)}") for position in range(number * 9 // 8)}
    wrong = len({(pair.baseline, pair.current) for pair in done.matches} - right)
    made = f"{len(done.matches)} pairs, {wrong} wrong, {len(done.possible)} possible, {len(done.limits)} limits"
    print(f"{len(baseline)} x {len(current)} findings: {made}")
    print(f"{seconds:.2f} s CPU, {peak:.0f} MB for the whole process, its input included")
    return seconds <= 5 and peak <= 500


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repositories", type=Path, help="folder of clones: the reports and the audited code")
    parser.add_argument("--part", choices=("tune", "unseen"), default="unseen")
    parser.add_argument("--without", action="append", default=[], choices=("title", "prose", "places", "symbols"))
    parser.add_argument("--show", action="store_true", help="print each report, and what was wrong or missed")
    parser.add_argument("--synthetic", type=int, metavar="N", help="match N findings against N instead")
    arguments = parser.parse_args()
    if arguments.synthetic:
        return 0 if measure(arguments.synthetic) else 1
    if arguments.repositories is None:
        parser.error("either --repositories or --synthetic")
    total = score(cases(Clones(arguments.repositories), arguments.part), arguments.without, shown=arguments.show)
    return 0 if total.wrong <= 1 and total.found >= 0.95 * total.same else 1


if __name__ == "__main__":
    sys.exit(main())
