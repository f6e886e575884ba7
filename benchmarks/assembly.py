"""A long PDF by sheets: cold, after one finding was edited, and with nothing edited, against WeasyPrint alone on the same page.

    python benchmarks/assembly.py REPOSITORY [--findings 100] [--rounds 3]

WeasyPrint alone is given the page ready made: reading YAML, asking git and colouring are not measured. typst, where its
wheel is installed (`pip install typst`), gets the same texts, tables and code as its own source.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import content
import measuring
from typst_page import COMPILE, typst

import findings_report.pdf.render
from findings_report.model.report import Report
from findings_report.rendering.document_parts import render
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import archive

ALONE = "import sys; from weasyprint import HTML; HTML(sys.argv[1]).write_pdf(sys.argv[2])"


def reported(program: str, folder: Path) -> Report:
    """The report that the program makes."""
    made = subprocess.run([program, "build", folder, "-f", "json", "-o", "-"], check=True, capture_output=True).stdout
    report = archive.from_json(made, shown="the report")
    assert isinstance(report, Report)
    return report


def page(report: Report) -> str:
    """The page that the program prints, in one piece."""
    text = render(report, template=Template("standard", (builtin_templates(),)), format="pdf").content.decode()
    return re.sub(r"<!--(sheet|part).*?-->", "", text)


def edit(folder: Path, number: int) -> None:
    """Adds a sentence to one finding."""
    file = sorted(folder.glob("findings/*.finding.yaml"))[number]
    file.write_text(file.read_text() + f"response: Looked at {number} times.\n")


def told(name: str, runs: list[measuring.Run], against: list[measuring.Run], size: int) -> None:
    """Prints one row; ratios are medians of pairs."""

    def ratio(of: Callable[[measuring.Run], float]) -> float:
        return statistics.median(of(run) / of(other) for run, other in zip(runs, against, strict=True))

    wall = statistics.median(run.wall for run in runs)
    print(
        f"{name}: {measuring.median_cpu(runs):.1f} s CPU ({ratio(lambda run: run.cpu):.2f}x), {wall:.1f} s wall "
        f"({ratio(lambda run: run.wall):.2f}x), {measuring.peak(runs) / 1e6:.0f} MB peak "
        f"({ratio(lambda run: run.peak):.2f}x), {size / 1e3:.0f} kB"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--findings", type=int, default=100)
    arguments = parser.parse_args()
    program = str(Path(sys.executable).parent / "findings-report")
    fonts = Path(findings_report.pdf.render.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content.write(arguments.repository, folder, arguments.findings, seed=1)
        report = reported(program, folder)
        (folder / "page.html").write_text(page(report))
        (folder / "page.typ").write_text(typst(report))
        ours, theirs, typsts = folder / "ours.pdf", folder / "alone.pdf", folder / "typst.pdf"
        alone = ["env", f"FONTCONFIG_PATH={fonts}", "FONTCONFIG_FILE=fonts.conf"]
        alone += [sys.executable, "-c", ALONE, str(folder / "page.html"), str(theirs)]
        build = [program, "build", name, "-f", "pdf", "-o", str(ours)]
        runs: dict[str, list[measuring.Run]] = {"alone": [], "cold": [], "one edited": [], "none edited": []}
        typeset = [sys.executable, "-c", COMPILE, str(folder / "page.typ"), str(typsts)] if find_spec("typst") else None
        for number in range(arguments.rounds):
            if typeset is not None:
                runs.setdefault("typst, cold", []).append(measuring.run(typeset))
            os.environ["XDG_CACHE_HOME"] = str(folder / f"cache-{number}")
            runs["alone"].append(measuring.run(alone))
            runs["cold"].append(measuring.run(build))
            edit(folder, arguments.findings // 2 + number)
            runs["one edited"].append(measuring.run(build))
            runs["none edited"].append(measuring.run(build))
        for side, of_side in runs.items():
            made = {"alone": theirs, "typst, cold": typsts}.get(side, ours)
            told(side, of_side, runs["alone"], made.stat().st_size)
        if typeset is not None:
            pairs = zip(runs["one edited"], runs["typst, cold"], strict=True)
            ratio = statistics.median(edited.wall / other.wall for edited, other in pairs)
            print(f"one edited against a cold run of typst, wall: {ratio:.2f}x")
    print(measuring.machine())


if __name__ == "__main__":
    main()
