"""LibreOffice, which opens what is made for Word and Excel. Tests that need it are skipped, and listed, where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def convert(path: Path, suffix: str) -> Path:
    """Return the file beside `path` that LibreOffice makes of it. Skips the test without LibreOffice."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-writer libreoffice-calc")
    # A profile of its own: another process would hold the lock of the usual one.
    profile = path.parent / "profile"
    subprocess.run(
        [program, f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", suffix, path.name],
        cwd=path.parent,
        env={"HOME": str(path.parent), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        timeout=120,
    )
    made = path.with_suffix(f".{suffix}")
    assert made.exists(), f"LibreOffice does not read {path.name}"
    return made
