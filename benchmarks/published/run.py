"""How findings-report judges the quotes of published audit reports.

    python benchmarks/published/run.py --mirror CLONES --out FOLDER [--only NAME ...]

CLONES contains clones of the repositories that reports.toml names, as owner/name or owner+name, with or without a work tree.
Each report becomes an engagement in FOLDER/A or FOLDER/B, its half.
"""

from __future__ import annotations

import argparse
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from convert import Code, git, read_finding, split_findings, write_engagement

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Report:
    """A row of reports.toml."""

    name: str
    half: str
    house: str
    text: str
    code: str
    commit: str
    at: str = "HEAD"


def read_table() -> list[Report]:
    return [Report(**row) for row in tomllib.loads((HERE / "reports.toml").read_text(encoding="utf-8"))["report"]]


def find_clone(mirror: Path, repository: str) -> Path | None:
    owner, name = repository.split("/")
    for folder in (mirror / owner / name, mirror / f"{owner}+{name}", mirror / f"{owner}+{name}" / "repo"):
        if (folder / "objects").is_dir() or (folder / ".git").exists():
            return folder.resolve()
    return None


def convert(report: Report, mirror: Path, out: Path) -> Path | None:
    """Returns the engagement's folder, or None without the clones."""
    repository, file = report.text.split(":")
    text, clone = find_clone(mirror, repository), find_clone(mirror, report.code)
    if not text or not clone:
        print(f"{report.name}: no clone of {report.code if text else repository} in {mirror}")
        return None
    folder = out / report.half / report.name
    shutil.rmtree(folder, ignore_errors=True)
    code = Code(clone, report.commit)
    lines = git(text, "show", f"{report.at}:{file}").replace("\r\n", "\n").split("\n")
    findings = [
        read_finding(lines, first, last, severity, code) for first, last, severity in split_findings(lines, report.house)
    ]
    count = write_engagement(folder, f"{report.name}, as published in {repository}", code, findings)
    print(f"{report.half} {report.name}: {len(findings)} findings, {count} quotes")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    for report in read_table():
        if not options.only or report.name in options.only:
            convert(report, options.mirror, options.out)


if __name__ == "__main__":
    main()
