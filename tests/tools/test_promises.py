"""Every promise of the security documents names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"\b(?P<file>tests/[\w/]+\.py)(?:::(?P<test>\w+))?")


def functions_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("document", ["SECURITY.md", "docs/security.md"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    missing = [
        match[0]
        for match in NAMED.finditer((ROOT / document).read_text("utf-8"))
        if not (ROOT / match["file"]).is_file() or (match["test"] and match["test"] not in functions_in(ROOT / match["file"]))
    ]

    assert missing == []


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "docs/security.md").read_text("utf-8")
    section = text.partition("## Which test holds which promise")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| promise")]

    assert len(rows) >= 14
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::test_\w+`", row)] == []
