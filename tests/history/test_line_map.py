"""A region through the hunks of a diff, and by likeness inside them."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.git.history import Hunk
from findings_report.history.line_map import Placement, Versions, follow, measure_shares
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import align_lines, compare_texts


def versions(old: Sequence[str], new: Sequence[str]) -> Versions:
    """As a diff has them: the standard library's, which knows nothing of git."""
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return Versions(old, new, [Hunk(a + 1, b - a, c + 1, d - c) for tag, a, b, c, d in codes if tag != "equal"])


def region(start: int, end: int) -> Region:
    return Region(start_line=start, end_line=end)


def followed(old: str, new: str, start: int, end: int) -> Placement | None:
    """`|` stands for a line end."""
    return follow(versions(old.split("|"), new.split("|")), region(start, end))


@pytest.mark.parametrize(
    ("old", "new", "start", "end", "expected"),
    [
        ("a|b|c", "a|b|c", 2, 3, (2, 3)),
        ("a|b|c", "x|a|b|c", 2, 3, (3, 4)),
        ("a|b|c|d", "a|b|new|c|d", 2, 3, (2, 4)),
        ("a|b|c|d", "a|c|d", 1, 3, (1, 2)),
        ("a|b|c|d", "a|c|d", 2, 3, (2, 2)),
        ("a|first = compute(1)|c", "a|first = compute(2)|c", 2, 2, (2, 2)),
        ("a|first = 1|second = 2|c", "a|one|two|c", 2, 4, (2, 4)),
        ("a|b = call(old, 1)|c", "a|b = call(|    old, 1, new)|c", 2, 2, (2, 3)),
    ],
    ids=["equal", "moved", "inserted", "lost inside", "lost at the edge", "edited", "replaced at the edge", "one became two"],
)
def test_a_region_is_followed_to_its_bounds(old: str, new: str, start: int, end: int, expected: tuple[int, int]) -> None:
    found = followed(old, new, start, end)

    assert found is not None
    assert (found.region.start_line, found.region.end_line) == expected


def test_nothing_is_left_of_lines_that_went_without_a_trace() -> None:
    assert followed("a|b|c|d", "a|d", 2, 3) is None


def test_the_brace_that_ends_a_function_added_behind_is_not_taken_for_its_own() -> None:
    old = "int size() {|    return sizeof(int);|}|#ifdef TEST"
    new = "int size() {|    return (long)sizeof(int);|}||int added() {|    check(all);|}|#ifdef TEST"
    hunk = Hunk(2, 1, 2, 5)  # as git has it: the last brace is the old one

    found = follow(Versions(old.split("|"), new.split("|"), [hunk]), region(1, 3))

    assert found is not None
    assert found.region == region(1, 3)


@pytest.mark.parametrize(
    ("old", "new", "hunk", "cited", "expected"),
    [
        # The end of the region is in the lines that came as well, next to its beginning.
        ("open|send(old_value)|check(sent)|shut", "open|send(new_value)|check(sent)|shut||open|post()|check(sent)|shut",
         Hunk(2, 1, 2, 6), region(2, 3), (2, 3)),
        # The beginning is, next to its end.
        ("set(mode)|check(debug)|rest", "set(mode)|check(test)||set(mode)|check(debug)|rest",
         Hunk(2, 0, 2, 3), region(1, 2), (4, 5)),
        # Neither is: what came is inside the region.
        ("set(mode)|check(debug)|rest", "set(mode)|check(test)||other(mode)|check(debug)|rest",
         Hunk(2, 0, 2, 3), region(1, 2), (1, 5)),
    ],
    ids=["end", "beginning", "neither"],
)  # fmt: skip
def test_lines_that_came_slide_out_of_a_region(
    old: str, new: str, hunk: Hunk, cited: Region, expected: tuple[int, int]
) -> None:
    """Git reports one of several places that are equally good for the same lines."""
    found = follow(Versions(old.split("|"), new.split("|"), [hunk]), cited)

    assert found is not None
    assert (found.region.start_line, found.region.end_line) == expected
    assert found.is_whole == (expected == (4, 5))


@given(st.lists(st.sampled_from("abcdef"), max_size=12), st.lists(st.sampled_from("abcdef"), max_size=12))
def test_now_and_then_are_each_others_inverse(old: list[str], new: list[str]) -> None:
    both = versions(old, new)

    for line in range(1, len(old) + 1):
        now = both.now(line)
        if now is not None:
            assert old[line - 1] == new[now - 1]
            assert both.then(now) == line
    assert {both.now(line) for line in range(1, len(old) + 1)} - {None} == {
        line for line in range(1, len(new) + 1) if both.then(line) is not None
    }


@given(
    st.data(), st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12), st.lists(st.sampled_from("abcdef"), max_size=12)
)
def test_a_placement_is_within_the_file_and_rises(data: st.DataObject, old: list[str], new: list[str]) -> None:
    start = data.draw(st.integers(1, len(old)))
    cited = region(start, data.draw(st.integers(start, len(old))))

    found = follow(versions(old, new), cited)

    if found is not None:
        pairs = sorted({**found.equal, **found.similar}.items())
        assert 1 <= found.region.start_line <= found.region.end_line <= len(new)
        assert [now for _, now in pairs] == sorted({now for _, now in pairs})
        assert all(line in cited for line, _ in pairs)
        assert all(old[line - 1] == new[now - 1] for line, now in found.equal.items())
        assert 0 <= measure_shares(old, new, cited, found).equal <= measure_shares(old, new, cited, found).all <= 1


@given(st.lists(st.text("ab cd", max_size=8), max_size=8), st.lists(st.text("ab cd", max_size=8), max_size=8))
def test_aligned_lines_rise_on_both_sides(old: list[str], new: list[str]) -> None:
    pairs = align_lines(old, new)

    assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(pairs))
    assert all(a < len(old) and b < len(new) for a, b in pairs)


def test_equal_texts_are_aligned_line_by_line() -> None:
    lines = ["first = compute(1)", "", "}", "second = compute(2)"]

    assert align_lines(lines, lines) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert compare_texts(lines, lines) == 1


def test_texts_too_large_to_compare_line_by_line_are_aligned_by_their_equal_lines() -> None:
    old = [f"value_{n} = compute({n})" for n in range(1000)]
    new = ["new_line = compute()", *old[:500], *(line + " # edited" for line in old[500:])]

    assert align_lines(old, new) == [(n, n + 1) for n in range(500)]
