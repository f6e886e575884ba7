"""A class name means one thing in the whole package."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "findings_report"
SAMPLES = PACKAGE / "authoring" / "demo"
"""The code under review in the demo: two releases of one program."""


def test_a_class_name_is_used_once_in_the_package() -> None:
    files = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        if SAMPLES not in path.parents:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    files[node.name].add(str(path.relative_to(PACKAGE)))

    ambiguous = {name: sorted(where) for name, where in files.items() if len(where) > 1}

    assert ambiguous == {}, "give each class a name of its own"
