"""Same input, same bytes: for every format, whatever surrounds the run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from findings_report.commands import demo
from findings_report.report import archive

PROGRAM = str(Path(sys.executable).parent / "findings-report")
SURROUNDINGS: list[dict[str, str]] = [
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "COLUMNS": "40", "HOME": "/nonexistent"},
]


def digests(folder: Path, environment: dict[str, str], cwd: Path) -> dict[str, str]:
    command = [PROGRAM, "build", str(folder), "-f", "md", "-f", "html", "-f", "pdf", "-f", "json", "-o", f"{cwd}/out/"]
    subprocess.run(command, cwd=cwd, env={"PATH": os.environ["PATH"], **environment}, check=True, capture_output=True)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (cwd / "out").iterdir()}


def other_order(source: Path, target: Path) -> Path:
    """A copy of the engagement whose files were made in the opposite order."""
    for path in sorted((path for path in source.rglob("*") if path.is_file()), reverse=True):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return target


@pytest.mark.slow
def test_two_runs_in_different_surroundings_give_the_same_bytes(tmp_path: Path) -> None:
    first = demo(tmp_path / "first")
    second = other_order(first, tmp_path / "elsewhere" / "second")
    (tmp_path / "cwd").mkdir()

    one = digests(first, SURROUNDINGS[0], tmp_path)
    two = digests(second, SURROUNDINGS[1], tmp_path / "cwd")

    assert sorted(one) == ["report.html", "report.json", "report.md", "report.pdf"]
    assert one == two
    carried = archive.extract((tmp_path / "out" / "report.pdf").read_bytes(), shown="report.pdf")
    assert carried.content == (tmp_path / "out" / "report.json").read_bytes()


def test_the_demo_is_the_same_repository_every_time(tmp_path: Path) -> None:
    pinned = {(demo(tmp_path / name) / "findings" / "engagement.yaml").read_bytes() for name in ("a", "b")}

    assert len(pinned) == 1


def test_without_a_date_none_is_made_up(tmp_path: Path) -> None:
    folder = demo(tmp_path / "demo")
    engagement = folder / "findings" / "engagement.yaml"
    engagement.write_text(engagement.read_text().replace("date: 2026-03-20\n", ""))

    def built(**environment: str) -> str:
        command = [PROGRAM, "build", str(folder), "-f", "json", "-o", "-"]
        done = subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, check=True, capture_output=True)
        return done.stdout.decode()

    assert '"date": null' in built().split('"period"')[0]
    assert '"date": "2020-09-13"' in built(SOURCE_DATE_EPOCH="1600000000")
