"""What is published of a version: built twice with the same bytes, with valid metadata and a bill of materials."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://git.example.org/findings-report/blob/v1"

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a release is built from a checkout")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of the commit with the files of this working tree."""
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{ROOT}", tmp_path / "clone"], check=True)
    shutil.copytree(ROOT / "tools", tmp_path / "clone/tools", dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "clone")
    return tmp_path / "clone"


def release(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/release.py", ADDRESS, *options]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def git(checkout: Path, *arguments: str) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *arguments], cwd=checkout, check=True, capture_output=True)


@pytest.mark.slow
def test_a_release_is_reproducible_and_describes_itself(checkout: Path) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-a", "-m", "of the working tree")

    done = release(checkout, "--untagged")

    assert done.returncode == 0, done.stderr
    files = {path.name: path.read_bytes() for path in (checkout / "dist").iterdir()}
    sums = {name: digest for digest, name in (line.split("  ") for line in files.pop("SHA256SUMS").decode().splitlines())}
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (wheel,) = (zipfile.ZipFile(io.BytesIO(content)) for name, content in files.items() if name.endswith(".whl"))
    (metadata,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("METADATA"))
    assert f"Project-URL: Changelog, {ADDRESS}/CHANGELOG.md" in metadata
    assert f"]({ADDRESS}/docs/tickets.md)" in metadata
    assert "](docs/" not in metadata
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", metadata)
    assert pictures
    raw = ADDRESS.replace("/blob/", "/raw/")
    assert [path for path in pictures if not (path.startswith(f"{raw}/") and (checkout / path[len(raw) + 1 :]).is_file())] == []
    assert wheel.read("findings_report/docs/tickets.md") == (checkout / "docs/tickets.md").read_bytes()
    (bom,) = (json.loads(content) for name, content in files.items() if name.endswith(".cdx.json"))
    listed = {component["name"]: component["version"] for component in bom["components"]}
    locked = (checkout / "requirements.lock").read_text()
    assert listed == dict(re.findall(r"^([\w.-]+)==([^ ;]+)", locked, re.MULTILINE))


@pytest.mark.parametrize(
    ("pages", "files"),
    [
        ("https://github.com/a/b/blob/v1.0", "https://github.com/a/b/raw/v1.0"),
        ("https://gitlab.com/g/blob/b/-/blob/v1.0", "https://gitlab.com/g/blob/b/-/raw/v1.0"),
        ("https://codeberg.org/a/b/src/tag/v1.0", "https://codeberg.org/a/b/raw/tag/v1.0"),
        ("https://example.org/v1.0", "https://example.org/v1.0"),
    ],
)
def test_pictures_of_the_description_are_files_and_not_pages(pages: str, files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    build_metadata = pytest.importorskip("build_metadata")
    monkeypatch.setenv("FINDINGS_REPORT_ADDRESS", pages)
    metadata: dict[str, dict[str, str]] = {}

    build_metadata.MetadataHook(str(ROOT), {}).update(metadata)

    assert f"]({files}/docs/images/report.png)" in metadata["readme"]["text"]
    assert f"]({pages}/docs/tickets.md)" in metadata["readme"]["text"]


def test_a_commit_without_its_tag_or_with_changes_is_not_released(checkout: Path) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-a", "-m", "of the working tree")

    assert "not released: this commit has no tag v" in release(checkout).stderr
    (checkout / "README.md").write_text("changed")
    changed = release(checkout)
    assert "not released: there are changes that are not committed" in changed.stderr
    assert changed.returncode == 1
    assert not (checkout / "dist").exists()
