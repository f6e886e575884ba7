"""The scope held against real repositories: its files, their lines, and what is said of what it does not name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from repositories import Commit, Link, Submodule, build

from findings_report.evidence import warnings as module
from findings_report.evidence.source_files import BlobReader
from findings_report.evidence.warnings import Survey, survey
from findings_report.git import LARGEST_OBJECT, Repository, open_repository
from findings_report.model.engagement import Engagement
from findings_report.model.report import ReportedRepository
from findings_report.problems import FindingsReportError, Kind, Problem

FILES: dict[str, bytes | str | Link | Submodule | None] = {
    "README.md": "one\ntwo\n",
    "src/app.py": "a\nb\nc",
    "src/copy.py": "a\nb\nc",
    "src/empty.py": "",
    "src/logo.png": b"\x89PNG\0\0\0\n",
    "src/link": Link("app.py"),
    "vendor": Submodule("1" * 40),
    "data/huge.csv": "x" * (LARGEST_OBJECT + 1),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    path = tmp_path_factory.mktemp("audited")
    build(path, [Commit(FILES, tag="1.0")])
    with open_repository(path, name="app") as repository:
        yield repository


def surveyed(source: BlobReader | None, *scope: str, commit: str | None = None) -> Survey:
    engagement = Engagement.model_validate({"title": "t", "repositories": {"app": {"path": "."}}, "scope": scope})
    read = ReportedRepository(
        name="app", url=None, revision=None, commit=commit, permalink=None, is_read=source is not None
    )  # fmt: skip
    return survey(engagement, [read], {"app": source})


def at_first_release(source: Repository, *scope: str) -> Survey:
    return surveyed(source, *scope, commit=source.commit_of("1.0"))


def test_every_file_has_its_lines_as_git_counts_them_and_its_entries(source: Repository) -> None:
    found = at_first_release(source, "src/", "**/*.py", "README.md")

    assert [(file.path, file.lines, file.entries) for file in found.files["app"]] == [
        ("README.md", 2, (2,)),
        ("src/app.py", 3, (0, 1)),
        ("src/copy.py", 3, (0, 1)),
        ("src/empty.py", 0, (0, 1)),
        ("src/logo.png", None, (0,)),
    ]
    assert found.problems == ()


def test_what_an_entry_takes_out_has_no_row_and_an_entry_that_takes_out_nothing_is_warned_of(source: Repository) -> None:
    found = at_first_release(source, "src/", "!src/*.png", "!empty.py", "!src/empty.py")

    assert [file.path for file in found.files["app"]] == ["src/app.py", "src/copy.py"]
    (problem,) = found.problems
    assert (problem.subject, problem.remedy) == (("engagement", "scope", 2), "`!**/empty.py` would name src/empty.py")


def test_a_file_that_is_too_large_to_be_read_has_no_lines_and_stops_nothing(source: Repository) -> None:
    found = at_first_release(source, "data", "README.md")

    assert [(file.path, file.lines) for file in found.files["app"]] == [("README.md", 2), ("data/huge.csv", None)]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [
        ("app.py", "`**/app.py` would name src/app.py"),
        ("*.py", "`**/*.py` would name src/app.py"),
        ("nothing/", "write paths as `git ls-files` prints them"),
        ("vendor", "write paths as `git ls-files` prints them"),
    ],
)
def test_an_entry_that_names_nothing_is_warned_of(source: Repository, entry: str, remedy: str) -> None:
    (problem,) = at_first_release(source, "src/", entry).problems

    assert problem == Problem(
        Kind.SOURCE,
        "names no file at the commit that is audited",
        remedy,
        subject=("engagement", "scope", 1),
        level="warning",
        code="scope-empty",
    )


@pytest.mark.parametrize(("limit", "value"), [("MOST_FILES", 3), ("MOST_BYTES", 10)])
def test_lines_of_too_much_are_not_counted_and_that_is_said(
    source: Repository, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, value)

    found = at_first_release(source, "src/", "README.md")

    assert [file.lines for file in found.files["app"]] == [None] * 5
    assert [(problem.level, problem.code) for problem in found.problems] == [("note", "scope-uncounted")]


def test_a_repository_that_is_not_at_hand_is_left_out_without_a_word() -> None:
    assert surveyed(None, "src/", commit="1" * 40) == Survey({}, ())


def test_what_git_cannot_give_is_warned_of_once(source: Repository) -> None:
    class Damaged:
        files = source.files

        def blob(self, id: str) -> bytes:
            raise FindingsReportError(Problem(Kind.SOURCE, f"blob {id} is missing", "clone anew", code="object-missing"))

    found = surveyed(Damaged(), "src/", commit=source.commit_of("1.0"))

    assert {file.lines for file in found.files["app"]} == {None}
    (problem,) = found.problems
    assert problem.fault.startswith("3 of the files that the scope names in repository 'app' cannot be read: blob ")
    assert (problem.level, problem.remedy) == ("warning", "clone anew")
