"""A copy of the package with a change applied to it: what a contributor does, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


class ChangedPackage:
    """The package and the templates in `folder`, and which of their files were touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Compiled files are copied with the modification times that they belong to: the copy starts as fast as the checkout.
        for name in ("findings_report", "templates"):
            shutil.copytree(ROOT / name, folder / name)
        self.created: list[str] = []
        """New files, relative to the repository's root."""
        self.edited: dict[str, int] = {}
        """Lines inserted by file."""

    def create(self, path: str, text: str) -> None:
        """Adds a file."""
        target = self.folder / path
        assert not target.exists(), f"{path} exists already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        self.created.append(path)

    def insert(self, path: str, line: str, *, before: str) -> None:
        """Inserts one line of code above the only line that starts with `before`; blanks at the start of a line count."""
        target = self.folder / path
        lines = target.read_text("utf-8").splitlines(keepends=True)
        (position,) = (number for number, text in enumerate(lines) if text.startswith(before))
        lines.insert(position, f"{line}\n")
        target.write_text("".join(lines), "utf-8")
        self.edited[path] = self.edited.get(path, 0) + 1

    def run(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """`findings-report ARGUMENTS` with the changed package."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        module, _, function = project["scripts"]["findings-report"].partition(":")
        return self.python(f"from {module} import {function}; {function}()", arguments, input=input)

    def python(self, code: str, arguments: Sequence[str] = (), *, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """`python -c CODE ARGUMENTS` with the changed package."""
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=os.environ | {"PYTHONPATH": str(self.folder)},
            cwd=self.folder,
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
