"""The judge of benchmarks/published decides for each line of a quote whether it is in the file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "published" / "line_by_line.py"
FILE = """def load(path):
    # an old comment
    with open(path) as file:
        text = file.read()
    return parse(text, strict=True)


def save(path, text):
    check(text)
    path.write_text(text)
""".splitlines()


def load() -> ModuleType:
    """The script is no part of a package."""
    spec = importlib.util.spec_from_file_location("line_by_line", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


judge = load().judge


@pytest.mark.parametrize(
    ("quote", "kind"),
    [
        ("def load(path):\n  with open(path) as file:", "true"),
        ("File: app.py\n4: text = file.read()\n5: return parse(text, strict=True)", "true"),
        ("with open(path) as file:\n    ...\n    return parse(text, strict=True) // @audit no limit", "true"),
        ("return parse(text,\n    strict=True)", "true"),
        ("return parse(..., strict=True)", "true"),
        ("  check(text)\n- path.write_text(text)\n+ path.write_bytes(text)", "true"),
        ("# what follows is not safe\ncheck(text)", "true"),
        ("return parse(text, strict=False)", "false"),
        ("check(text)\npath.write_text(data)", "false"),
        ("# an old comment\n# a comment of nobody", "false"),
        ("check(text)\ntext = file.read()", "unordered"),
        ("// only a remark", "no code"),
    ],
)
def test_each_line_of_a_quote_is_looked_up_without_what_auditors_add(quote: str, kind: str) -> None:
    assert judge(quote, FILE).kind == kind


def test_lines_far_apart_without_a_mark_are_in_the_file_by_chance() -> None:
    far = [*FILE, *(f"line_{number}()" for number in range(40)), "end_of_all()"]

    assert judge("check(text)\nend_of_all()", far).kind == "scattered"
    assert judge("check(text)\n...\nend_of_all()", far).kind == "true"
