"""The tool that counts modules, lines and comments."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "count_lines.py"

MODULE = '''"""Docstring of a module,
on two lines."""

# why there is a limit

LIMIT = 3  # measured
NAME = "a"  # noqa: S105
KEY = "b"  # noqa: S105  # the name of a variable


class Box:
    """Docstring."""

    size: int
    """Docstring of a field."""
    text = """on
two lines # not a comment"""
    # fmt: skip
'''


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name in ("package", "package/inner", "package/inner/core", "package/data"):
        (tmp_path / name).mkdir()
    for name in ("package", "package/inner", "package/inner/core"):
        (tmp_path / name / "__init__.py").write_text('"""Docstring."""\n')
    (tmp_path / "package" / "loose.py").write_text(MODULE)
    (tmp_path / "package" / "inner" / "core" / "part.py").write_text("x = 1\n")
    (tmp_path / "package" / "data" / "sample.py").write_text("not python (\n")
    return tmp_path / "package"


def figures_of(output: str) -> dict[str, float]:
    rows = [re.split(r" {2,}", line) for line in output.splitlines()]
    return {row[0]: float(row[1]) for row in rows}


def test_lines_of_code_and_comments_are_told_apart(package: Path) -> None:
    ran = run(str(package))

    assert ran.returncode == 0
    assert figures_of(ran.stdout) == {
        "folders at the root": 1,
        "loose modules at the root": 1,
        "modules with __init__.py": 5,
        "modules without __init__.py": 2,
        "median lines with __init__.py": 1,
        "median lines without __init__.py": 9.5,
        "lines": 22,
        "code lines": 8,
        "lines with a comment": 3,
        "comments per 100 code lines": 37.5,
    }


def test_figures_outside_their_limits_fail_only_when_checked(package: Path) -> None:
    ran = run("--check", str(package))

    assert ran.returncode == 1
    assert [line.split("  ")[0] for line in ran.stdout.splitlines() if line.endswith("OUTSIDE")] == [
        "folders at the root",
        "loose modules at the root",
        "median lines without __init__.py",
        "comments per 100 code lines",
    ]
