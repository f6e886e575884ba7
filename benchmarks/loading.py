"""How long Chromium works to load HTML reports, and to show their first screen: medians of alternating runs.

    python benchmarks/content.py REPOSITORY FOLDER --findings 1000 --seed 1
    findings-report build FOLDER -f html -o now.html      # and, in a checkout of an older commit, then.html
    python benchmarks/loading.py then.html now.html [--rounds 5]

Printed are CPU seconds of the page's thread (all, style, layout), so that a busy machine changes little, and wall milliseconds
until the page is complete. Goal: 1,000 findings in a quarter of what they took at 069be0c.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
import browser

METRICS = ("TaskDuration", "RecalcStyleDuration", "LayoutDuration")
LOADED = "performance.timing.loadEventEnd - performance.timing.navigationStart"


def load(page: Path) -> tuple[float, ...]:
    """CPU seconds by METRICS, wall milliseconds until the page was complete, and its number of nodes."""
    # A browser of its own: nothing is cached.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser.started(Path(folder)) as chromium:
        chromium.call("Performance.enable", timeDomain="threadTicks")
        chromium.open(page.resolve())
        chromium.picture()
        metrics = {each["name"]: each["value"] for each in chromium.call("Performance.getMetrics")["metrics"]}
        return (*(metrics[name] for name in METRICS), chromium.value(LOADED), metrics["Nodes"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    browser.ANSWER_SECONDS = 300
    runs: dict[Path, list[tuple[float, ...]]] = {page: [] for page in arguments.pages}
    for _ in range(arguments.rounds):
        for page in arguments.pages:
            runs[page].append(load(page))
    first = None
    for page in arguments.pages:
        cpu, style, layout, wall, nodes = (statistics.median(values) for values in zip(*runs[page], strict=True))
        first = first or (cpu, wall)
        print(f"{page}: {cpu:.2f} s CPU ({style:.2f} style, {layout:.2f} layout), loaded in {wall:.0f} ms, {nodes:.0f} nodes")
        if page != arguments.pages[0]:
            print(f"    {cpu / first[0]:.2f} of the CPU of {arguments.pages[0]}, {wall / first[1]:.2f} of its time")


if __name__ == "__main__":
    main()
