"""Text that somebody else wrote costs linear time: every regular expression of the package meets texts that grow.

Measured is growth, not time: four times the text may cost eight times as much at most, where quadratic time is sixteen times,
at two lengths one after the other.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

import findings_report

PACKAGE = Path(findings_report.__file__).parent
SEARCHES = "search|sub|subn|finditer|findall|split"
LENGTHS = (125, 250, 500, 1_000)
"""Characters of the smaller text: of the shortest that costs a noticeable time, lest cubic time cost minutes."""
NOTICEABLE = 0.0008
"""Seconds for the smaller text, below which there is nothing to compare."""
CONFIRMED = 0.02
"""Seconds of all runs of a text whose time is compared: many ticks of any clock."""

_CHARACTERS = " \t\na1A.-_/#*`~[]()<>\"'\\|:;=@!^&%{}+,…"
_TOGETHER = [
    " a",
    "a.",
    "a-",
    "..",
    "](",
    "[a",
    "<a",
    "</",
    "\\\\",
    "/*",
    "# ",
    "a:",
    "1:",
    "| ",
    "\n ",
    "\r\n",
    "a@",
    "&#",
    "`a",
]
_ENDS = ["", "!", "\n", "x", " "]


class Expression(NamedTuple):
    """A regular expression, and whether it is looked for anywhere in a text or at one place only."""

    name: str
    pattern: re.Pattern[str]
    is_searched: bool


def _patterns(value: object, name: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield name, value
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _patterns(vars(value) if hasattr(value, "__dict__") else {}, name)
    elif isinstance(value, tuple | list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _patterns(inner, f"{name}[{key!r}]")


def _in_calls(tree: ast.AST) -> Iterator[tuple[int, str, re.Pattern[str]]]:
    """Yield line, function and pattern of each `re.sub("...", ...)` in a module."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.func.attr != "compile"
        pattern = node.args[0]
        if of_re and isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
            yield node.lineno, node.func.attr, re.compile(pattern.value)


def expressions() -> list[Expression]:
    """Every compiled pattern in a module's globals, also within tables, and every literal one in a call of `re`."""
    sources = {str(path): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    package = "\n".join(sources.values())
    known: dict[tuple[str, int], Expression] = {}
    for info in pkgutil.walk_packages(findings_report.__path__, "findings_report."):
        if ".demo" in info.name or info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        own = sources[str(module.__file__)]
        for variable, value in vars(module).items():
            for name, pattern in _patterns(value, f"{info.name}.{variable}"):
                users = own if variable.startswith("_") else package
                # A pattern of a table is called through another name, and one of a record in a table through that of a field.
                is_searched = re.search(rf"\b{variable}(?:\[[^\]]*\])?\.(?:{SEARCHES})\(", users) is not None or "]['" in name
                key = (pattern.pattern, pattern.flags)
                before = known.get(key)
                known[key] = Expression(name, pattern, is_searched or (before is not None and before.is_searched))
        for line, function, pattern in _in_calls(ast.parse(own)):
            known[pattern.pattern, line] = Expression(f"{info.name}:{line}", pattern, function in SEARCHES.split("|"))
    return sorted(known.values(), key=lambda expression: expression.name)


def _seconds(expression: Expression, text: str, at_least: float = 0.0) -> float:
    """Return the seconds of one run: the best of three, or the mean of as many as take `at_least` seconds together."""
    find = expression.pattern.search if expression.is_searched else expression.pattern.match
    best, total, runs = float("inf"), 0.0, 0
    while runs < 3 or total < at_least:
        start = time.thread_time()
        if expression.is_searched:
            sum(1 for _ in expression.pattern.finditer(text))
        find(text)
        duration = time.thread_time() - start
        best, total, runs = min(best, duration), total + duration, runs + 1
        if not at_least and best < NOTICEABLE:
            break
    return total / runs if at_least else best


def _grows(expression: Expression) -> str | None:
    """Return the text, repeated, in which the time grows faster than the text; None if there is none."""
    for unit, end in itertools.product((*_CHARACTERS, *_TOGETHER), _ENDS):
        for length in LENGTHS:
            small, large, largest = (unit * (size // len(unit)) + end for size in (length, 4 * length, 16 * length))
            if _seconds(expression, small) >= NOTICEABLE:
                # Measured again, because a machine that has more to do may cost one of them some time, or its clock be coarse;
                # and at four times the length, because a repetition with a bound costs the square of a text below that bound.
                if all(
                    _seconds(expression, longer, CONFIRMED) > 8 * _seconds(expression, shorter, CONFIRMED)
                    for shorter, longer in ((small, large), (large, largest), (small, large))
                ):
                    return f"{unit!r} repeated, then {end!r}"
                break
    return None


def test_the_measure_finds_quadratic_time() -> None:
    assert _grows(Expression("blanks", re.compile(r"[ \t]+#"), is_searched=True)) is not None
    assert _grows(Expression("blanks", re.compile(r"[ \t]+#"), is_searched=False)) is None
    assert _grows(Expression("blanks", re.compile(r"(?<![ \t])[ \t]++#"), is_searched=True)) is None
    assert _grows(Expression("blanks", re.compile(r"[ \t]{8,400}#"), is_searched=True)) is None


@pytest.mark.slow
def test_no_regular_expression_costs_more_than_linear_time() -> None:
    collected = expressions()

    slow = {expression.name: text for expression in collected if (text := _grows(expression)) is not None}

    assert len(collected) > 150
    assert sum(expression.is_searched for expression in collected) > 50
    assert not slow


def test_only_characters_and_sets_have_possessive_quantifiers() -> None:
    """Python before 3.11.5 goes on at a wrong place behind a group that has one and does not fit; `(?>(?:...)*)` is right.

    Source: the fix of gh-106052 in Python's changelog.
    """
    behind_group = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9]*,?[0-9]*\})\+")
    texts = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}": node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    }

    assert behind_group.search(r"a(?:b|c)*+")
    assert not behind_group.search(r"a\)*+[b)]*+")
    assert [
        place for place, text in texts.items() if behind_group.search(text if isinstance(text, str) else text.decode("latin-1"))
    ] == []
