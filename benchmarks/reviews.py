"""How much of published reviews `import review` reads: findings, severities and places against counts made by hand.

    python benchmarks/reviews.py FOLDER

FOLDER has a checkout of each repository of benchmarks/published/reviews.csv, named `owner+name` or `name`. Of a file the places
are all distinct pairs of path and lines in links and in the text of findings; a place is read if a location of the same finding
has it. Without the counts, `--all` reads every Markdown file and prints the totals, and words that were lost.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from findings_report.importing import Code, find_lost_words, place_finding, read_review
from findings_report.importing.citations import find_stated

COUNTS = Path(__file__).parent / "published" / "reviews.csv"


class EveryCommit(Code):
    """A repository that has every commit which a link names: what is measured is reading, and not fetching."""

    def is_unknown(self, revision: str | None) -> bool:  # noqa: ARG002
        """Return False."""
        return False


@dataclass(frozen=True)
class Measured:
    """What was read of a file."""

    findings: int
    severities: Counter[str]
    places: int
    lost: int
    seconds: float


def measure(file: Path) -> Measured:
    """Read a review without a clone, as if the repository that it links most were the audited one."""
    text = file.read_text("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    start = time.perf_counter()
    review = read_review(text, (), str(file))
    linked = Counter(place.repository.casefold() for place in find_stated(text) if place.repository)
    code = EveryCommit(None, None, home=linked.most_common(1)[0][0] if linked else None)
    placed = [place_finding(finding, code) for finding in review.findings]
    seconds = time.perf_counter() - start
    kept = [*review.dropped, *(value for other in review.texts for value in (other.title, other.text))]
    for finding, found in zip(review.findings, placed, strict=True):
        kept += [finding.title, finding.category or "", finding.url or "", *found.texts.values(), *found.dropped]
        kept += [str(value) for location in found.locations for value in location.values()]
    cited = [[each for each in found.locations if "lines" in each] for found in placed]
    places = sum(len({(each["path"], each["lines"]) for each in locations}) for locations in cited)
    severities = Counter(finding.severity or "none" for finding in review.findings)
    return Measured(len(review.findings), severities, places, len(find_lost_words(text, kept)), seconds)


def find_file(folder: Path, repository: str, path: str) -> Path | None:
    """Return the file of a repository below the folder; None if it is not there."""
    owner, _, name = repository.partition("/")
    files = (folder / root / path for root in (f"{owner}+{name}", f"{owner}/{name}", name))
    return next((file for file in files if file.is_file()), None)


def share(right: int, counted: int) -> str:
    """Return a percentage."""
    return f"{right} of {counted} ({100 * right / counted:.1f} %)" if counted else "none"


def compare(folder: Path) -> None:
    """Print what was read of each file that was counted by hand, and the shares of all."""
    counted, right, invented, lost = Counter[str](), Counter[str](), Counter[str](), 0
    with COUNTS.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            file = find_file(folder, row["repository"], row["path"])
            if file is None:
                print(f"{row['repository']}/{row['path']}: not in the folder")
                continue
            read = measure(file)
            by_hand = Counter({name: int(row[name] or 0) for name in ("critical", "high", "medium", "low", "informational")})
            values = {
                "findings": (int(row["findings"]), read.findings),
                "places": (int(row["places"]), read.places),
            }
            for name, (expected, got) in values.items():
                counted[name] += expected
                right[name] += min(expected, got)
                invented[name] += max(got - expected, 0)
            counted["severities"] += sum(by_hand.values())
            right["severities"] += (by_hand & read.severities).total()
            invented["severities"] += (read.severities - by_hand).total() - read.severities["none"]
            lost += read.lost
            is_equal = all(expected == got for expected, got in values.values()) and by_hand == read.severities
            print(f"{'=' if is_equal else '!'} {row['repository']}/{row['path']}: {values} {dict(read.severities)}")
    for name, count in counted.items():
        print(f"{name}: {share(right[name], count)}, {invented[name]} invented")
    print(f"words lost: {lost}")


def survey(folder: Path) -> None:
    """Print the totals of all Markdown files below the folder."""
    total, slowest, lost, files = Counter[str](), 0.0, 0, 0
    for file in sorted(folder.rglob("*.md")):
        read = measure(file)
        if read.findings:
            files += 1
        total.update(findings=read.findings, unrated=read.severities["none"], places=read.places)
        lost += read.lost
        slowest = max(slowest, read.seconds)
    print(f"{files} files with findings: {dict(total)}; words lost: {lost}; slowest: {slowest:.2f} s")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="read every Markdown file")
    arguments = parser.parse_args()
    (survey if arguments.all else compare)(arguments.folder)


if __name__ == "__main__":
    main()
