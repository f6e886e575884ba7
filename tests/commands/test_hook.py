"""The hook that pre-commit runs: what `.pre-commit-hooks.yaml` says, done."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from repositories import Commit, build

from findings_report import commands

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook() -> dict[str, Any]:
    """As people name it in their `.pre-commit-config.yaml`."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return next(dict(hook) for hook in hooks if hook["id"] == "findings-report-check")


@pytest.mark.parametrize(
    ("path", "is_checked"),
    [
        ("findings/NTR-001.finding.yaml", True),
        ("engagement.yaml", True),
        ("audits/one/findings/engagement.yaml", True),
        ("findings/notes.md", False),
        ("src/finding.yaml", False),
        ("other-engagement.yaml", False),
    ],
)
def test_the_hook_runs_when_an_engagement_changes(hook: dict[str, Any], path: str, is_checked: bool) -> None:
    assert bool(re.search(hook["files"], path)) == is_checked


def test_the_hook_fails_on_a_broken_finding_and_passes_a_sound_one(hook: dict[str, Any], tmp_path: Path) -> None:
    build(tmp_path, [Commit(files={"app.py": "pass\n"})])
    commands.init(tmp_path, "A review")
    program, *arguments = hook["entry"].split()
    command = [Path(sys.executable).parent / program, *arguments]

    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "findings/engagement.yaml").write_text(
        "format: 1\ntitle: A review\nrepositories: {app: {path: .., revision: HEAD}}\n"
    )
    finding = "title: x\nseverity: high\nstatus: open\ndescription: d\nlocations: [{path: app.py, lines: 1, quote: QUOTE}]\n"
    for quote, code in (("pass", 0), ("passed on", 1)):
        (tmp_path / "findings/A-1.finding.yaml").write_text(finding.replace("QUOTE", quote))
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == code, ran.stderr
    (tmp_path / "findings/A-1.finding.yaml").write_text("title: x\n")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 3
