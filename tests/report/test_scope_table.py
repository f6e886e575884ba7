"""The rows of the scope's table."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from findings_report.model.engagement import Pattern
from findings_report.model.evidence import CoveredFile
from findings_report.report.tables import MOST_CITED, MOST_ROWS, FileGroup, fold

parts = st.sampled_from("abcdef")
trees = st.lists(st.lists(parts, min_size=1, max_size=5).map("/".join), max_size=300)


def files(paths: Sequence[str]) -> list[CoveredFile]:
    """A file at each path; those that are folders of others get a suffix."""
    return [CoveredFile(path=f"{path}.py", lines=1, entries=(0,)) for path in sorted(set(paths))]


def rows(groups: list[FileGroup]) -> list[tuple[str, int]]:
    return [(group.path, len(group.files)) for group in groups]


@given(trees, trees, st.integers(0, 40))
def test_each_file_is_in_one_row_and_rows_are_few(app: list[str], web: list[str], cited: int) -> None:
    given_files = {"app": files(app), "web": files(web)}
    citing = {("app", file.path): ["F-1"] for file in given_files["app"][:cited]}

    found = fold(given_files, citing)

    held = [(group.repository, file.path) for group in found for file in group.files]
    assert sorted(held) == [(name, file.path) for name, each in given_files.items() for file in each]
    assert len(found) <= MOST_ROWS
    assert len({(group.repository, group.path) for group in found}) == len(found)
    for group in found:
        named = Pattern(None, group.path)
        assert all(named.names(file.path) for file in group.files)


@given(trees)
def test_while_they_are_few_each_file_has_a_row(paths: list[str]) -> None:
    few = files(paths)[:MOST_ROWS]

    assert rows(fold({"app": few}, {})) == [(file.path, 1) for file in few]


def test_a_cited_file_has_a_row_and_the_others_are_told_by_folder() -> None:
    many = files([f"src/{folder}{number:02}" for folder in ("a/", "b/", "") for number in range(40)])

    found = fold({"app": many}, {("app", "src/a/07.py"): ["F-1"]})

    assert rows(found) == [("src/*", 40), ("src/a/", 39), ("src/a/07.py", 1), ("src/b/", 40)]


def test_where_many_files_are_cited_folders_hold_them() -> None:
    many = files([f"src/{number:03}" for number in range(200)])

    found = fold({"app": many}, {("app", file.path): ["F-1"] for file in many[: MOST_CITED + 1]})

    assert rows(found) == [("src/", 200)]
