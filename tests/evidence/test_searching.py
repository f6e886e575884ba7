"""Quotes that are not in their file are searched for in the others: by git first, then in files that are read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from repositories import Commit, Content, build

from findings_report.evidence.source_files import FileReader
from findings_report.git import Repository, open_repository
from findings_report.sourcecode.languages import extensions_like

FILES: dict[str, Content] = {
    "a.py": "def first():\n    return second()\n",
    "b/c.PYI": "def first(): ...\n",
    "notes.md": "def first():\n    return second()\n",
    "latin.py": b"# caf\xe9\ndef first():\n",
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Repository, str]]:
    path = tmp_path_factory.mktemp("searched") / "app"
    commit = build(path, [Commit(FILES, "First")])[-1]
    with open_repository(path, name="app") as repository:
        yield repository, commit


@pytest.mark.parametrize(
    ("lines", "cited", "paths"),
    [
        (["def first()"], "x.py", ("a.py", "b/c.PYI", "latin.py")),
        (["def first()", "return second()"], "x.py", ("a.py",)),
        (["def first()", "return second()"], "x.txt", ("a.py", "notes.md")),
        (["def first()"], "x.sol", ()),
        (["return third()"], "x.py", ()),
    ],
)
def test_every_search_finds_the_files_of_the_same_language(
    opened: tuple[Repository, str], lines: list[str], cited: str, paths: tuple[str, ...]
) -> None:
    repository, commit = opened
    reader = FileReader(repository)

    found = [reader.containing(commit, lines, 9, extensions_like(cited)) for _ in range(3)]

    assert found == [paths] * 3


def test_at_most_as_many_files_are_found_as_are_asked_for(opened: tuple[Repository, str]) -> None:
    reader = FileReader(opened[0])

    assert [reader.containing(opened[1], ["def first()"], 1, ("py",)) for _ in range(2)] == [("a.py",)] * 2


def test_files_are_read_once(opened: tuple[Repository, str], monkeypatch: pytest.MonkeyPatch) -> None:
    repository, commit = opened
    reader = FileReader(repository)
    read: list[tuple[str, ...]] = []
    read_blobs = repository.read_blobs

    def count(ids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        read.append(tuple(ids))
        return read_blobs(read[-1])

    monkeypatch.setattr(repository, "read_blobs", count)

    for _ in range(5):
        reader.containing(commit, ["def first()"], 9, ("py",))

    assert len(read) == 1


@pytest.mark.parametrize(
    ("path", "extensions"),
    [
        ("src/A.sol", {"sol"}),
        ("a.ts", {"js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"}),
        ("README.md", set()),
        ("Makefile", set()),
        ("a.unknown", set()),
    ],
)
def test_a_language_is_searched_with_those_that_share_its_code(path: str, extensions: set[str]) -> None:
    assert set(extensions_like(path)) == extensions


def test_a_header_is_searched_for_in_all_dialects_of_c() -> None:
    assert {"c", "h", "cpp", "hpp", "cu", "m"} <= set(extensions_like("include/a.h"))
