"""What following 1,000 regions from one release to another costs, and the seed's table.

    python benchmarks/tracking_speed.py NEUTRON [--from 12.0.0] [--to 14.0.0] [--regions 1000]

NEUTRON is a clone of openstack/neutron, whose tags the defaults are; with --from and --to any other repository will do.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
from collections import Counter
from pathlib import Path

from findings_report.git import Repository, open_repository
from findings_report.history.classify import CitedRegion
from findings_report.history.track import track
from findings_report.model.evidence import Region
from findings_report.sourcecode.encodings import count_lines
from findings_report.sourcecode.languages import language_of

SEED = CitedRegion("neutron/db/ipam_pluggable_backend.py", Region(start_line=111, end_line=129), quoted=(116, 117, 121))
SEED_COMMIT = "12.0.0"
SEED_RELEASES = ("10.0.0", "11.0.0", "12.0.0", "13.0.0", "14.0.0", "16.0.0", "20.0.0", "25.0.0", "27.0.0")


def regions(repository: Repository, commit: str, count: int, rng: random.Random) -> list[CitedRegion]:
    """`count` regions of 1 to 30 lines of about two thirds as many files of code."""
    paths = [path for path, _ in repository.files(commit) if language_of(path)]
    chosen = rng.sample(paths, min(len(paths), count * 2 // 3))
    found: list[CitedRegion] = []
    while len(found) < count:
        path = rng.choice(chosen)
        entry = repository.entry(commit, path)
        content = repository.blob(entry.id) if entry is not None else b""
        lines = count_lines(content) or 0
        if lines:
            start = rng.randint(1, lines)
            region = Region(start_line=start, end_line=min(lines, start + rng.choice([1, 2, 3, 5, 8, 12, 20, 30]) - 1))
            found.append(CitedRegion(path, region, quoted=(start,)))
    return found


def timed(path: Path, old: str, new: str, count: int) -> None:
    with open_repository(path, name="audited") as repository:
        commit, to = repository.commit_of(old), repository.commit_of(new)
        if commit is None or to is None:
            raise SystemExit(f"{old} or {new} names no commit")
        cited = regions(repository, commit, count, random.Random(1))
    before = os.times()
    with open_repository(path, name="audited") as repository:
        drifts = track(repository, cited, commit=commit, to=to).drifts
    after = os.times()
    own = after.user + after.system - before.user - before.system
    git = after.children_user + after.children_system - before.children_user - before.children_system
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{old}..{new}: {len(cited)} regions of {len({each.path for each in cited})} files")
    print(f"{own:.2f} s here + {git:.2f} s git = {own + git:.2f} s CPU, {peak:.0f} MiB")
    print(dict(Counter(drift.kind.value for drift in drifts)))


def seed_table(path: Path) -> None:
    with open_repository(path, name="neutron") as repository:
        commit = repository.commit_of(SEED_COMMIT)
        for release in SEED_RELEASES:
            to = repository.commit_of(release)
            if commit is None or to is None or repository.entry(commit, SEED.path) is None:
                continue
            (drift,) = track(repository, [SEED], commit=commit, to=to).drifts
            where = drift.now.region if drift.now else "-"
            lines = ", ".join(str(now) for _, now in drift.quoted)
            intact = "every quoted line intact" if drift.quoted_intact else ""
            print(f"{release:8} {where!s:10} {lines:16} {drift.kind:10} {intact}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repository", type=Path)
    parser.add_argument("--from", dest="old", default="12.0.0")
    parser.add_argument("--to", dest="new", default="14.0.0")
    parser.add_argument("--regions", type=int, default=1000)
    arguments = parser.parse_args()
    timed(arguments.repository, arguments.old, arguments.new, arguments.regions)
    seed_table(arguments.repository)
    return 0


if __name__ == "__main__":
    sys.exit(main())
