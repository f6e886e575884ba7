"""Pressing Tab: asked of the program as the shells' own scripts ask it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from findings_report import commands

PROGRAM = Path(sys.executable).parent / "findings-report"


def proposed(folder: Path, line: str) -> list[str]:
    """What bash would propose for the last word of `line`."""
    words = line.split(" ")
    asked = {"_FINDINGS_REPORT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    ran = subprocess.run([PROGRAM], cwd=folder, env={**os.environ, **asked}, capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    commands.init(tmp_path, "A review")
    for name in ("library/web/xss.yaml", "library/web/$(touch x).yaml", "library/tls.yaml", "templates/ours/report.md.j2"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("title: x\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("findings-report ne", ["new"]),
        ("findings-report new --fr", ["--from"]),
        ("findings-report new --from web/", ["web/xss"]),
        ("findings-report build -f h", ["html"]),
        ("findings-report build --template o", ["ours"]),
        ("findings-report check --fail-on m", ["medium"]),
        ("findings-report pin --only m", ["main"]),
        ("findings-report pin --only x", []),
        ("findings-report track --only m", ["main"]),
    ],
)
def test_words_of_the_engagement_are_proposed(engagement: Path, line: str, words: list[str]) -> None:
    assert proposed(engagement, line) == words


@pytest.mark.slow
def test_without_an_engagement_nothing_is_proposed_and_nothing_said(tmp_path: Path) -> None:
    assert proposed(tmp_path, "findings-report check --fail-on m") == []
    assert proposed(tmp_path, "findings-report new --from w") == []


@pytest.mark.slow
def test_a_name_that_a_shell_could_run_is_not_proposed(engagement: Path) -> None:
    assert proposed(engagement, "findings-report new --from web/$") == []
    assert proposed(engagement, "findings-report new --from ") == ["tls", "web/xss"]
