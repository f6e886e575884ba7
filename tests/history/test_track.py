"""`track` on small real repositories: each way in which code moves, and what is said when it cannot be followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repositories import Commit, Content, Link, Submodule, build, git
from samples import runs, snippet

from findings_report.git import open_repository
from findings_report.history.classify import CitedRegion
from findings_report.history.track import TrackedRegions, follow, list_places, track
from findings_report.model.drift import Drift, DriftKind, Method
from findings_report.model.evidence import Check, Region, Verdict

Files = Mapping[str, Content]


def region(start: int, end: int) -> Region:
    return Region(start_line=start, end_line=end)


def code(name: str, lines: int = 8, *, indent: str = "    ") -> list[str]:
    """A function of the name with a body of different lines."""
    return [f"def {name}(value):", *(f"{indent}{name}_{n} = transform_{name}(value, {n})" for n in range(1, lines - 1)), ""]


def text(*parts: Sequence[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)


def followed(path: Path, cited: Sequence[CitedRegion], *, commits: Sequence[str]) -> TrackedRegions:
    with open_repository(path, name="app") as repository:
        return track(repository, cited, commit=commits[0], to=commits[-1])


def drift_of(folder: Path, *states: Files, cited: CitedRegion) -> Drift:
    """The drift of a region of the first of these states at the last one."""
    commits = build(folder / "project", [Commit(files) for files in states])
    return followed(folder / "project", [cited], commits=commits).drifts[0]


def place(drift: Drift) -> tuple[str, int, int] | None:
    return (drift.now.path, drift.now.region.start_line, drift.now.region.end_line) if drift.now else None


SAVE, LOAD, DROP = code("save"), code("load"), code("drop")
SECOND = CitedRegion("store.py", region(9, 14))
"""The head and the first lines of `load`, behind `save`."""


def test_what_is_the_same_file_is_unchanged(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, {"README": "hello\n"}, cited=SECOND)

    assert drift.kind is DriftKind.UNCHANGED
    assert drift.method is Method.BLOB
    assert place(drift) == ("store.py", 9, 14)


def test_lines_inserted_above_move_a_region(tmp_path: Path) -> None:
    after = {"store.py": text(SAVE, ["import os", ""], LOAD)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, after, cited=SECOND)

    assert drift.kind is DriftKind.MOVED
    assert place(drift) == ("store.py", 11, 16)
    assert drift.method is Method.HUNKS


def test_a_function_moved_within_its_file_is_found(tmp_path: Path) -> None:
    before, after = {"store.py": text(SAVE, LOAD, DROP)}, {"store.py": text(DROP, LOAD, SAVE)}

    drifts = {
        start: drift_of(tmp_path / str(start), before, after, cited=CitedRegion("store.py", region(start, start + 6)))
        for start in (1, 17)
    }

    assert [drift.kind for drift in drifts.values()] == [DriftKind.MOVED, DriftKind.MOVED]
    assert place(drifts[1]) == ("store.py", 17, 23)
    assert place(drifts[17]) == ("store.py", 1, 7)


def test_utf_16_is_followed_by_the_lines_of_its_text(tmp_path: Path) -> None:
    """U+0A0A holds the byte of a line feed: lines counted in bytes would be off by one."""
    before = text(["# \u0a0a"], SAVE, LOAD, DROP)
    inserted = text(["# \u0a0a", "import \u0a0a", ""], SAVE, LOAD, DROP)
    moved = text(["# \u0a0a"], DROP, LOAD, SAVE)
    cited = CitedRegion("store.ps1", region(10, 15))

    one = drift_of(
        tmp_path / "1", {"store.ps1": before.encode("utf-16")}, {"store.ps1": inserted.encode("utf-16")}, cited=cited
    )
    saved = CitedRegion("store.ps1", region(2, 8))
    two = drift_of(tmp_path / "2", {"store.ps1": before.encode("utf-16")}, {"store.ps1": moved.encode("utf-16")}, cited=saved)
    other = drift_of(tmp_path / "3", {"store.ps1": before.encode("utf-16")}, {"store.ps1": inserted}, cited=cited)

    assert [(drift.kind, place(drift)) for drift in (one, two, other)] == [
        (DriftKind.MOVED, ("store.ps1", 12, 17)),
        (DriftKind.MOVED, ("store.ps1", 18, 24)),
        (DriftKind.MOVED, ("store.ps1", 12, 17)),
    ]


def test_a_renamed_file_is_followed(tmp_path: Path) -> None:
    after = {"store.py": None, "lib/storage.py": text(SAVE, LOAD)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, after, cited=SECOND)

    assert drift.kind is DriftKind.RENAMED
    assert drift.rename == "history"
    assert place(drift) == ("lib/storage.py", 9, 14)


def test_a_file_renamed_and_rewritten_since_is_followed_by_its_history(tmp_path: Path) -> None:
    renamed = {"store.py": None, "storage.py": text(SAVE, LOAD)}
    rewritten = {"storage.py": text(*(code(f"new_{n}") for n in range(6)), LOAD)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, renamed, rewritten, cited=SECOND)

    assert (drift.kind, drift.rename) == (DriftKind.RENAMED, "history")
    assert place(drift) == ("storage.py", 49, 54)


@pytest.mark.parametrize("in_one_commit", [True, False])
def test_a_new_file_at_the_old_path_is_not_taken_for_the_renamed_one(tmp_path: Path, *, in_one_commit: bool) -> None:
    licence = ["# Licensed under the terms of the licence", "# that this project is licensed under", ""]
    before = {"store.py": text(licence, SAVE, LOAD)}
    renamed: Files = {"store.py": None, "storage.py": text(licence, SAVE, LOAD)}
    new: Files = {"store.py": text(licence, code("connect"), code("close"), code("retry"))}
    states: list[Files] = [{**renamed, **new}] if in_one_commit else [renamed, new]

    drift = drift_of(tmp_path, before, *states, cited=CitedRegion("store.py", region(12, 17)))

    assert drift.kind is DriftKind.RENAMED
    assert drift.rename == ("similarity" if in_one_commit else "history")
    assert place(drift) == ("storage.py", 12, 17)


def test_a_link_left_at_the_old_path_does_not_hide_the_renamed_file(tmp_path: Path) -> None:
    after: Files = {"store.py": Link("lib/store.py"), "lib/store.py": text(SAVE, LOAD)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, after, cited=SECOND)

    assert place(drift) == ("lib/store.py", 9, 14)


def test_text_cut_and_pasted_into_another_file_is_found(tmp_path: Path) -> None:
    after = {"store.py": text(SAVE), "other.py": text(DROP, LOAD)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD), "other.py": text(DROP)}, after, cited=SECOND)

    assert (drift.kind, drift.method, drift.rename) == (DriftKind.MOVED_FILE, Method.TEXT, None)
    assert place(drift) == ("other.py", 9, 14)


CALL = ["    my ($cmd) = @_;", "    my $output = call($cmd);", "    if ($? == -1) {", '        die "no call";']


def test_a_few_lines_that_stood_once_are_found_in_a_file_that_came_since(tmp_path: Path) -> None:
    before = {"old.pl": text(SAVE, CALL), "other.pl": text(LOAD)}
    first = len(SAVE) + 1
    cited = CitedRegion("old.pl", region(first, first + 3))

    moved = drift_of(
        tmp_path / "new", before, {"old.pl": None, "new.pl": text(DROP, CALL), "other.pl": text(LOAD)}, cited=cited
    )
    copied = drift_of(tmp_path / "old", before, {"old.pl": None, "other.pl": text(LOAD, CALL)}, cited=cited)

    assert (moved.kind, place(moved)) == (DriftKind.MOVED_FILE, ("new.pl", len(DROP) + 1, len(DROP) + 4))
    assert copied.kind is DriftKind.DELETED


def test_text_moved_to_another_file_and_edited_is_found(tmp_path: Path) -> None:
    edited = [LOAD[0], "    log(value)", *LOAD[1:]]
    after = {"store.py": text(SAVE), "other.py": text(DROP, edited)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD), "other.py": text(DROP)}, after, cited=SECOND)

    assert (drift.kind, drift.method) == (DriftKind.MODIFIED, Method.SIMILAR)
    assert place(drift) == ("other.py", 9, 15)


def test_a_text_split_over_two_files_is_where_its_larger_part_is(tmp_path: Path) -> None:
    long = code("long", 14)
    after = {"store.py": text(SAVE, long[:5]), "rest.py": text(long[5:])}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, long)}, after, cited=CitedRegion("store.py", region(9, 21)))

    assert drift.kind is DriftKind.MODIFIED
    assert place(drift) == ("rest.py", 1, 8)
    assert drift.partly_moved is not None
    assert drift.partly_moved.path == "store.py"


def test_the_smaller_part_of_a_split_text_is_told(tmp_path: Path) -> None:
    long = code("long", 14)
    after = {"store.py": text(SAVE, long[:9]), "rest.py": text(long[9:])}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, long)}, after, cited=CitedRegion("store.py", region(9, 21)))

    assert place(drift) == ("store.py", 9, 17)
    assert drift.partly_moved is not None
    assert (drift.partly_moved.path, drift.partly_moved.region) == ("rest.py", region(1, 4))


def test_an_edited_line_makes_a_region_modified_and_the_quoted_lines_are_graded_apart(tmp_path: Path) -> None:
    edited = [*LOAD[:2], LOAD[2].replace("value", "value.strip()"), *LOAD[3:]]
    cited = CitedRegion("store.py", region(9, 14), quoted=(10, 12))

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, {"store.py": text(SAVE, ["# new"], edited)}, cited=cited)

    assert drift.kind is DriftKind.MODIFIED
    assert place(drift) == ("store.py", 10, 15)
    assert drift.quoted == ((10, 11), (12, 13))
    assert drift.quoted_intact
    assert [(line.old_line, line.new_line) for line in drift.diff] == [
        (9, 10),
        (10, 11),
        (11, None),
        (None, 12),
        (12, 13),
        (13, 14),
        (14, 15),
    ]
    assert drift.surviving == pytest.approx(5 / 6, abs=0.001)


def test_a_quoted_line_that_was_edited_is_not_intact(tmp_path: Path) -> None:
    edited = [*LOAD[:2], LOAD[2].replace("value", "value.strip()"), *LOAD[3:]]
    cited = CitedRegion("store.py", region(9, 14), quoted=(11, 12))

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, {"store.py": text(SAVE, edited)}, cited=cited)

    assert drift.quoted == ((11, None), (12, 12))
    assert not drift.quoted_intact


def test_what_is_gone_is_deleted(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD, DROP)}, {"store.py": text(SAVE, DROP)}, cited=SECOND)

    assert drift.kind is DriftKind.DELETED
    assert drift.now is None
    lines = range(SECOND.region.start_line, SECOND.region.end_line + 1)
    assert [(line.old_line, line.new_line) for line in drift.diff] == [(number, None) for number in lines]
    assert [line.text for line in drift.diff] == LOAD[: len(lines)]


def test_what_came_in_place_of_what_is_gone_is_told(tmp_path: Path) -> None:
    before, after = [*SAVE, "old = one(1)", "old = two(2)", *DROP], [*SAVE, "something.else_entirely()", *DROP]
    first = len(SAVE) + 1

    drift = drift_of(
        tmp_path, {"a.py": text(before)}, {"a.py": text(after)}, cited=CitedRegion("a.py", region(first, first + 1))
    )

    assert drift.kind is DriftKind.DELETED
    lines = [(line.old_line, line.new_line, line.text) for line in drift.diff]
    assert lines == [
        (first, None, "old = one(1)"),
        (first + 1, None, "old = two(2)"),
        (None, first, "something.else_entirely()"),
    ]


def test_a_file_written_anew_is_not_what_came_in_place_of_a_line(tmp_path: Path) -> None:
    after = [f"something.else_entirely({number})" for number in range(50)]

    drift = drift_of(tmp_path, {"a.py": text(SAVE)}, {"a.py": text(after)}, cited=CitedRegion("a.py", region(3, 4)))

    assert drift.kind is DriftKind.DELETED
    assert [line.new_line for line in drift.diff] == [None, None]


def test_what_is_gone_names_the_text_most_like_it(tmp_path: Path) -> None:
    rest = [*LOAD[1:4], *code("fetch", 12)]
    after = {"store.py": text(SAVE), "other.py": text(rest)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, after, cited=CitedRegion("store.py", region(9, 15)))

    assert drift.kind is DriftKind.DELETED
    assert drift.closest is not None
    assert drift.closest.path == "other.py"


def test_a_deletion_that_was_reverted_leaves_no_trace(tmp_path: Path) -> None:
    whole = {"store.py": text(SAVE, LOAD)}

    drift = drift_of(tmp_path, whole, {"store.py": None}, {"other.py": "x\n"}, whole, cited=SECOND)

    assert drift.kind is DriftKind.UNCHANGED


def test_a_copy_is_told_beside_the_region_that_stayed(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, {"copy.py": text(LOAD)}, cited=SECOND)

    assert drift.kind is DriftKind.UNCHANGED
    assert [(spot.path, spot.region, spot.is_new) for spot in drift.also_at] == [("copy.py", region(1, 6), True)]


def test_only_a_copy_that_came_since_is_new(tmp_path: Path) -> None:
    """Not one that was there before, also where its file got another name or lines were added above it."""
    before = {"store.py": text(SAVE, LOAD), "copy.py": text(DROP, LOAD), "same.py": text(LOAD)}
    edited = [LOAD[0], "    check(value)", *LOAD[1:]]
    after = {"store.py": text(SAVE, edited), "copy.py": None, "same.py": text(["import os"], LOAD)}

    renamed = drift_of(tmp_path / "1", before, {**after, "renamed.py": text(DROP, LOAD)}, cited=SECOND)
    copied = drift_of(tmp_path / "2", before, {"store.py": text(SAVE, edited), "z.py": text(LOAD)}, cited=SECOND)

    assert [(spot.path, spot.is_new) for spot in renamed.also_at] == [("renamed.py", False), ("same.py", False)]
    assert [(spot.path, spot.is_new) for spot in copied.also_at] == [("z.py", True), ("copy.py", False), ("same.py", False)]


@pytest.mark.parametrize(("path", "kind"), [("docs/example.md", DriftKind.DELETED), ("example.py", DriftKind.MOVED_FILE)])
def test_code_does_not_become_documentation(tmp_path: Path, path: str, kind: DriftKind) -> None:
    """An example that was deleted may be in a README, which may have been split up: there it is not the code."""
    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, {"store.py": text(SAVE), path: text(LOAD)}, cited=SECOND)

    assert drift.kind is kind
    assert [spot.path for spot in drift.also_at] == (["docs/example.md"] if kind is DriftKind.DELETED else [])


def test_documentation_that_moved_is_followed(tmp_path: Path) -> None:
    before, after = {"README.md": text(SAVE, LOAD)}, {"README.md": text(SAVE), "docs/load.md": text(LOAD)}

    drift = drift_of(tmp_path, before, after, cited=CitedRegion("README.md", region(9, 14)))

    assert (drift.kind, place(drift)) == (DriftKind.MOVED_FILE, ("docs/load.md", 1, 6))


def test_a_copy_that_was_there_before_is_not_where_deleted_text_went(tmp_path: Path) -> None:
    before = {"store.py": text(SAVE, LOAD), "copy.py": text(DROP, LOAD)}

    drift = drift_of(tmp_path, before, {"store.py": text(SAVE)}, cited=SECOND)

    assert drift.kind is DriftKind.DELETED
    assert [spot.path for spot in drift.also_at] == ["copy.py"]


def test_text_that_came_to_two_places_is_ambiguous(tmp_path: Path) -> None:
    after = {"store.py": text(SAVE), "first.py": text(DROP, LOAD), "second.py": text(code("other"), LOAD)}

    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, after, cited=SECOND)

    assert drift.kind is DriftKind.AMBIGUOUS
    assert drift.now is None
    assert {spot.path for spot in drift.candidates} == {"first.py", "second.py"}
    assert drift.reason


def test_of_a_function_that_stands_twice_the_one_that_stayed_is_followed(tmp_path: Path) -> None:
    before, after = {"store.py": text(SAVE, LOAD, DROP, LOAD)}, {"store.py": text(SAVE, ["# new", ""], LOAD, DROP, LOAD)}

    drift = drift_of(tmp_path, before, after, cited=CitedRegion("store.py", region(25, 30)))

    assert (drift.kind, place(drift)) == (DriftKind.MOVED, ("store.py", 27, 32))
    assert [spot.region for spot in drift.also_at] == [region(11, 16)]


def test_line_ends_are_no_part_of_lines(tmp_path: Path) -> None:
    lines = text(SAVE, LOAD)

    drift = drift_of(tmp_path, {"store.py": lines}, {"store.py": "import os\r\n" + lines.replace("\n", "\r\n")}, cited=SECOND)

    assert (drift.kind, place(drift)) == (DriftKind.MOVED, ("store.py", 10, 15))
    assert (drift.method, drift.surviving) == (Method.HUNKS, 1.0)


C = [
    "int load(int value) {",
    "  if (value > limit_of_load) {",
    "    return transform_load(value, 1);",
    "  }",
    "  return 0;",
    "}",
]


@pytest.mark.parametrize(("path", "kind"), [("load.c", DriftKind.REFORMATTED), ("load.py", DriftKind.MODIFIED)])
def test_indentation_is_formatting_only_where_it_means_nothing(tmp_path: Path, path: str, kind: DriftKind) -> None:
    deeper = [line.replace("  ", "\t") for line in C]

    drift = drift_of(tmp_path, {path: text(C)}, {path: text(deeper)}, cited=CitedRegion(path, region(1, 5), quoted=(3,)))

    assert drift.kind is kind
    assert place(drift) == (path, 1, 5)
    assert drift.quoted_intact is (kind is DriftKind.REFORMATTED)
    assert drift.only_white_space is (kind is DriftKind.MODIFIED)


def test_code_of_which_a_letter_changed_differs_by_more_than_white_space(tmp_path: Path) -> None:
    deeper = [line.replace("  ", "\t").replace("limit", "bound") for line in C]

    drift = drift_of(tmp_path, {"load.py": text(C)}, {"load.py": text(deeper)}, cited=CitedRegion("load.py", region(1, 5)))

    assert drift.kind is DriftKind.MODIFIED
    assert not drift.only_white_space


def test_a_guard_added_around_lines_that_stayed_is_told(tmp_path: Path) -> None:
    guarded = [LOAD[0], "    check(value)", *LOAD[1:]]
    cited = CitedRegion("store.py", region(12, 14))

    guard = drift_of(tmp_path / "in", {"store.py": text(SAVE, LOAD)}, {"store.py": text(SAVE, guarded)}, cited=cited)
    other = drift_of(tmp_path / "out", {"store.py": text(SAVE, LOAD)}, {"store.py": text(["# new"], SAVE, LOAD)}, cited=cited)

    assert (guard.kind, guard.surroundings_changed) == (DriftKind.MOVED, True)
    assert (other.kind, other.surroundings_changed) == (DriftKind.MOVED, False)


# What cannot be followed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\1\2", "binary"),
        (Link("other.py"), "symbolic link"),
        (Submodule("1" * 40), "submodule"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 3\n", "LFS"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_what_has_no_lines_is_unverifiable_with_the_reason(
    tmp_path: Path, content: Content, reason: str, *, backwards: bool
) -> None:
    states: list[Files] = [{"store.py": text(SAVE, LOAD)}, {"store.py": content}]

    drift = drift_of(tmp_path, *(reversed(states) if backwards else states), cited=CitedRegion("store.py", region(1, 1)))

    assert drift.kind is DriftKind.UNVERIFIABLE
    assert drift.now is None
    assert reason in (drift.reason or "")


@pytest.mark.parametrize(
    ("cited", "reason"),
    [
        (CitedRegion("nothing.py", region(1, 1)), "there is no nothing.py"),
        (CitedRegion("store.py", region(9, 99)), "has 16 lines"),
    ],
)
def test_what_is_not_there_is_unverifiable(tmp_path: Path, cited: CitedRegion, reason: str) -> None:
    drift = drift_of(tmp_path, {"store.py": text(SAVE, LOAD)}, cited=cited)

    assert drift.kind is DriftKind.UNVERIFIABLE
    assert reason in (drift.reason or "")


def test_a_commit_that_is_not_here_makes_regions_unverifiable(tmp_path: Path) -> None:
    (commit,) = build(tmp_path / "project", [Commit({"store.py": text(SAVE, LOAD)})])

    tracked = followed(tmp_path / "project", [SECOND], commits=[commit, "1" * 40])

    assert tracked.drifts[0].kind is DriftKind.UNVERIFIABLE
    assert "1" * 40 in (tracked.drifts[0].reason or "")


def test_a_shallow_clone_is_tracked_without_history_and_says_so(tmp_path: Path) -> None:
    states: list[Files] = [
        {"store.py": text(SAVE, LOAD)},
        {"a": "1\n"},
        {"store.py": None, "storage.py": text(SAVE, LOAD)},
        {"b": "2\n"},
    ]
    commits = build(tmp_path / "project", [Commit(files) for files in states])
    git(tmp_path / "project", "branch", "old", commits[0])
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", (tmp_path / "project").as_uri(), str(clone))

    tracked = followed(clone, [SECOND], commits=commits)

    assert tracked.drifts[0].kind is DriftKind.RENAMED
    assert tracked.drifts[0].rename == "similarity"
    assert [problem.code for problem in tracked.problems] == ["history-cut-off"]
    assert tracked.problems[0].remedy


def test_unrelated_histories_are_compared_by_their_files_and_said_to_be_unrelated(tmp_path: Path) -> None:
    path = tmp_path / "project"
    (old,) = build(path, [Commit({"store.py": text(SAVE, LOAD)})])
    build(tmp_path / "other", [Commit({"storage.py": text(["# new"], SAVE, LOAD)})])
    git(path, "fetch", "--quiet", str(tmp_path / "other"), "main:other")

    tracked = followed(path, [SECOND], commits=[old, git(path, "rev-parse", "other").strip()])

    assert (tracked.drifts[0].kind, place(tracked.drifts[0])) == (DriftKind.RENAMED, ("storage.py", 10, 15))
    assert [problem.code for problem in tracked.problems] == ["histories-unrelated"]


def test_files_that_a_partial_clone_lacks_are_named(tmp_path: Path) -> None:
    path = tmp_path / "project"
    commits = build(path, [Commit({"store.py": text(SAVE, LOAD)}), Commit({"store.py": text(SAVE), "other.py": text(DROP)})])
    git(path, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", path.as_uri(), str(clone))

    tracked = followed(clone, [SECOND], commits=commits)

    assert tracked.drifts[0].kind is DriftKind.UNVERIFIABLE
    assert "partial clone" in (tracked.drifts[0].reason or "")


def test_a_partial_clone_without_the_contents_in_between_knows_the_renames_of_unchanged_files(tmp_path: Path) -> None:
    path = tmp_path / "project"
    states: list[Files] = [
        {"store.py": text(SAVE, LOAD), "a.py": text(DROP)},
        {"a.py": None, "b.py": text(DROP, ["# edited"])},
        {"store.py": None, "storage.py": text(SAVE, LOAD)},
        {"storage.py": text(*(code(f"new_{n}") for n in range(6)), LOAD), "b.py": None},
    ]
    commits = build(path, [Commit(files) for files in states])
    git(path, "config", "uploadpack.allowFilter", "true")
    git(path, "config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", path.as_uri(), str(clone))
    git(clone, "checkout", "--quiet", commits[0])

    drift = followed(clone, [SECOND], commits=commits).drifts[0]

    assert (drift.kind, drift.rename, place(drift)) == (DriftKind.RENAMED, "history", ("storage.py", 49, 54))


def test_a_sha256_repository_is_tracked(tmp_path: Path) -> None:
    states = [{"store.py": text(SAVE, LOAD)}, {"store.py": text(["# new"], SAVE, LOAD)}]
    commits = build(tmp_path / "project", [Commit(files) for files in states], object_format="sha256")

    (drift,) = followed(tmp_path / "project", [SECOND], commits=commits).drifts

    assert place(drift) == ("store.py", 10, 15)


# Laws

POOL = ["alpha_value = compute(1)", "beta_value = compute(2)", "gamma_value = compute(3)", "    return alpha", "}", "", "x = 1"]
documents = st.lists(st.sampled_from(POOL) | st.text("abcdef =", min_size=4, max_size=20), min_size=1, max_size=25)
versions = st.dictionaries(st.sampled_from(["a.py", "b.py", "dir/c.c"]), documents, min_size=1)
FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def every_region(files: Mapping[str, Sequence[str]]) -> list[CitedRegion]:
    return [
        CitedRegion(path, region(start, min(start + length, len(lines))), quoted=(start,))
        for path, lines in files.items()
        for start in range(1, len(lines) + 1, 3)
        for length in (0, 2, 7)
    ]


def made(folder: Path, states: Sequence[Mapping[str, Sequence[str]]]) -> tuple[Path, list[str]]:
    """A new repository whose commits hold exactly these files."""
    path = folder / str(len(list(folder.iterdir())))
    empty: Files = dict.fromkeys({name for state in states for name in state})
    commits = [Commit({**empty, **{name: text(lines) for name, lines in state.items()}}) for state in states]
    return path, build(path, commits, bare=True)


@FEW
@given(files=versions)
def test_at_its_own_commit_everything_is_unchanged(tmp_path: Path, files: dict[str, list[str]]) -> None:
    path, commits = made(tmp_path, [files])

    drifts = followed(path, every_region(files), commits=commits).drifts

    assert all(drift.kind is DriftKind.UNCHANGED for drift in drifts)
    assert all(drift.now is not None and drift.now.region == drift.region for drift in drifts)
    assert all(drift.quoted_intact for drift in drifts)


@FEW
@given(old=versions, new=versions)
def test_text_that_is_equal_is_equal_where_it_is_said_to_be(
    tmp_path: Path, old: dict[str, list[str]], new: dict[str, list[str]]
) -> None:
    path, commits = made(tmp_path, [old, new])

    for drift in followed(path, every_region(old), commits=commits).drifts:
        before = old[drift.path][drift.region.start_line - 1 : drift.region.end_line]
        if drift.now is not None:
            now = new[drift.now.path][drift.now.region.start_line - 1 : drift.now.region.end_line]
            assert drift.now.region.end_line <= len(new[drift.now.path])
            assert (now == before) is drift.kind.is_equal


@FEW
@given(
    old=versions, inserted=st.lists(st.text("ghijkl", min_size=8, max_size=12), min_size=1, max_size=3), at=st.integers(0, 25)
)
def test_there_and_back_again_is_the_region_that_it_was(
    tmp_path: Path, old: dict[str, list[str]], inserted: list[str], at: int
) -> None:
    new = {path: [*lines[:at], *inserted, *lines[at:]] for path, lines in old.items()}
    path, commits = made(tmp_path, [old, new])
    cited = every_region(old)

    there = [
        (each, drift.now)
        for each, drift in zip(cited, followed(path, cited, commits=commits).drifts, strict=True)
        if drift.kind.is_equal and drift.now is not None
    ]
    back = followed(path, [CitedRegion(now.path, now.region) for _, now in there], commits=commits[::-1])

    assert [(each.path, each.region) for each, _ in there] == [
        (drift.now.path, drift.now.region) for drift in back.drifts if drift.now is not None
    ]


@FEW
@given(old=versions, new=versions, random=st.randoms(use_true_random=False))
def test_the_order_of_regions_changes_nothing(
    tmp_path: Path, old: dict[str, list[str]], new: dict[str, list[str]], random: Random
) -> None:
    path, commits = made(tmp_path, [old, new])
    cited = every_region(old)
    shuffled = list(cited)
    random.shuffle(shuffled)

    first = dict(zip(cited, followed(path, cited, commits=commits).drifts, strict=True))
    second = dict(zip(shuffled, followed(path, shuffled, commits=commits).drifts, strict=True))

    assert first == second


@pytest.mark.parametrize(
    ("cited", "followed"),
    [
        ({"file_lines": 17, "runs": ()}, ["1-17"]),
        ({"file_lines": 900, "runs": ()}, ["1-200"]),
        ({"file_lines": 0, "runs": ()}, []),
        ({"runs": runs({1: "a", 2: "b"})}, ["1-2"]),  # as version 0.1.0 wrote it
    ],
)
def test_of_a_file_that_is_cited_as_a_whole_the_first_lines_are_followed(cited: dict[str, Any], followed: list[str]) -> None:
    places = list_places("A-1", [snippet(regions=(), **cited)])

    assert [str(place.region) for place in places] == followed


def test_a_place_whose_lines_are_not_known_is_not_left_out() -> None:
    lost = snippet(regions=(), file_lines=900, check=Check(verdict=Verdict.NOT_FOUND))

    (drift,) = follow(list(list_places("A-1", [lost])), {}, {}).drifts

    assert (drift.kind, drift.is_whole_file) == (DriftKind.UNVERIFIABLE, True)
    assert drift.reason == "the location has no lines, and its quote was not found in the file"
