"""Files that documentation, docstrings and comments name exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "findings_report"
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted((ROOT / "docs").glob("*.md"))]
CODE = sorted(
    path
    for folder in ("findings_report", "tools", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "demo" not in path.parts
)
FOLDERS = {path.name: path for path in PACKAGE.iterdir() if path.is_dir()}
"""The package's own folders are named without its name: `pdf/render.py`."""
FOLDERS |= {path.name: path for path in ROOT.iterdir() if path.is_dir() and path.name not in FOLDERS}
NAMED = re.compile(r"(?<![\w./-])((?:[\w.-]+/)+[\w.-]*\.(?:py|md|j2|toml|yaml|yml|conf|json|lock|txt|sh))(?![\w/])")
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)")
PLACEHOLDER = re.compile(r"[A-Z]{3,}|\*")


def missing(text: str) -> Iterator[str]:
    """Paths in `text` that begin with a folder of the repository or the package, and name no file."""
    for name in NAMED.findall(text):
        first, _, rest = name.partition("/")
        is_own = first in FOLDERS and not PLACEHOLDER.search(name)
        # build/ and findings/ are also the names of a user's folders
        if is_own and first not in ("build", "findings") and not (FOLDERS[first] / rest).exists():
            yield name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text("utf-8")

    assert list(missing(text)) == []
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []


def test_files_that_code_names_exist() -> None:
    assert {str(path.relative_to(ROOT)): gone for path in CODE if (gone := list(missing(path.read_text("utf-8"))))} == {}


def test_a_file_that_is_gone_is_noticed() -> None:
    assert list(missing("see `pdf/gone.py` and docs/gone.md, not src/app.py or tickets/trackers/NAME.py")) == [
        "pdf/gone.py",
        "docs/gone.md",
    ]
