"""What the entries of a scope name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.model.engagement import Pattern, find_naming_patterns, scope_patterns

parts = st.from_regex(r"[a-z_.]{1,4}", fullmatch=True).filter(lambda part: part not in (".", ".."))
paths = st.lists(parts, min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "named", "others"),
    [
        ("src/app.py", ["src/app.py"], ["src/app.pyc", "lib/src/app.py"]),
        ("src", ["src/app.py", "src/a/b.py"], ["srcs/app.py"]),
        ("src/", ["src/app.py", "src/a/b.py"], ["srcs/app.py", "lib/src/app.py"]),
        ("./src//a", ["src/a/b.py"], ["src/b/a"]),
        ("/src", ["src/app.py"], []),
        (".", ["a", "a/b"], []),
        ("", ["a", "a/b"], []),
        ("*.py", ["app.py"], ["src/app.py", "app.pyc"]),
        ("src/*.py", ["src/app.py"], ["src/a/b.py"]),
        ("src/*", ["src/app.py", "src/a/b.py"], ["src"]),
        ("src/**/*.py", ["src/app.py", "src/a/b.py", "src/a/b/c.py"], ["app.py"]),
        ("**/test_*.py", ["test_a.py", "a/b/test_a.py"], ["a/test_a.txt"]),
        ("**/tests", ["tests/a.py", "a/tests/b.py"], ["a/tests.py"]),
        ("src/**", ["src/a.py", "src/a/b.py"], ["a.py"]),
        ("a?c.[ch]", ["abc.c", "abc.h"], ["abc.o", "ac.c", "a/c.c"]),
        ("a[!b]c", ["acc"], ["abc"]),
        ("pages/[id]/*.tsx", ["pages/i/a.tsx"], ["pages/[id]/a.tsx"]),
        ("pages/[id]", ["pages/[id]/a.tsx", "pages/i/a.tsx"], ["pages/x/a.tsx"]),
    ],
)
def test_a_pattern_names_these_and_not_those(pattern: str, named: list[str], others: list[str]) -> None:
    found = [path for path in named + others if Pattern(None, pattern).names(path)]

    assert found == named


@pytest.mark.parametrize(
    ("entries", "covered"),
    [
        (["src", "!src/vendor"], ["src/app.py", "src/keep.py"]),
        (["src", "!src/vendor", "src/vendor/ours.py"], ["src/app.py", "src/keep.py", "src/vendor/ours.py"]),
        (["!src/vendor", "src"], ["src/app.py", "src/keep.py", "src/vendor/ours.py", "src/vendor/theirs.py"]),
        ([".", "!**/*.py"], ["README"]),
        (["one:src", "!two:src"], ["src/app.py", "src/keep.py", "src/vendor/ours.py", "src/vendor/theirs.py"]),
        (["src", "!one:src/[ak]*"], ["src/vendor/ours.py", "src/vendor/theirs.py"]),
    ],
)
def test_what_an_entry_takes_out_is_not_covered_unless_one_below_names_it(entries: list[str], covered: list[str]) -> None:
    files = ["README", "src/app.py", "src/keep.py", "src/vendor/ours.py", "src/vendor/theirs.py"]

    scope = scope_patterns(entries, ["one", "two"])

    assert [path for path in files if find_naming_patterns(scope, "one", path)] == covered


@given(paths, paths)
def test_a_path_names_itself_and_what_is_below_it_and_nothing_else(path: str, other: str) -> None:
    pattern = Pattern(None, path)

    assert pattern.names(path)
    assert pattern.names(f"{path}/{other}")
    assert pattern.names(other) == (other == path or other.startswith(f"{path}/"))


@given(paths)
def test_any_number_of_folders_may_be_none(path: str) -> None:
    assert Pattern(None, f"**/{path}").names(path)
    assert Pattern(None, f"**/**/{path}").names(f"a/b/{path}")


def test_a_pattern_made_to_be_slow_is_not() -> None:
    stars = Pattern(None, "**/" * 50 + "*a" * 50 + "b")

    assert not stars.names("/".join(["a" * 200] * 50))


def test_an_entry_may_name_its_repository() -> None:
    found = scope_patterns(["app:src/", "lib/", "web:"], ["app", "web"])

    assert [(each.repository, each.text) for each in found] == [("app", "src/"), (None, "lib/"), ("web", "")]
    assert find_naming_patterns(found, "app", "src/a.py") == (0,)
    assert find_naming_patterns(found, "web", "src/a.py") == (2,)
    assert find_naming_patterns(found, "web", "lib/a.py") == (1, 2)
    assert scope_patterns(["src/"], ["app"])[0].repository == "app"
