"""Colours for code: the text stays what it is, whatever a lexer makes of it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.rendering.highlighting import LONGEST_LINE, MOST_LINES, Piece, cut, highlight

LANGUAGES = ("python", "c", "javascript", "html", "yaml", "java", "go", "rust", "solidity", "diff", "", "no-such-language")


@given(
    st.lists(st.text(st.characters(exclude_characters="\n"), max_size=40), min_size=1, max_size=6), st.sampled_from(LANGUAGES)
)
def test_pieces_joined_are_the_line(lines: list[str], language: str) -> None:
    assert ["".join(piece.text for piece in line) for line in highlight(lines, language)] == lines


@given(st.lists(st.text("ab\"'/*#\\ \t", max_size=12), min_size=1, max_size=6), st.sampled_from(["/*", '"""', "<!--"]))
def test_an_opener_before_the_lines_is_not_printed(lines: list[str], inside: str) -> None:
    assert ["".join(piece.text for piece in line) for line in highlight(lines, "python", inside)] == lines


def test_the_few_kinds_are_told_apart_and_neighbours_merged() -> None:
    line = highlight(['def f(x): return "a" + 1  # why'], "python")[0]

    assert [piece.kind for piece in line] == ["k", "f", "", "k", "s", "", "n", "c"]
    assert line[0] == Piece("k", "def ")


def test_lines_that_start_inside_a_comment_are_a_comment() -> None:
    lines = ["if this were code", "*/ int x;"]

    assert highlight(lines, "c", "/*")[0] == (Piece("c", "if this were code"),)
    assert highlight(lines, "c")[0] != (Piece("c", "if this were code"),)


@pytest.mark.parametrize(
    "lines", [["x = 1"] * (MOST_LINES + 1), ["x = 1", "y" * (LONGEST_LINE + 1)], ["x = '" + "a" * 300 + "'"]]
)
def test_code_beyond_the_budget_is_plain(lines: list[str]) -> None:
    assert {piece.kind for line in highlight(lines, "python") for piece in line} == {""}


def test_a_long_line_is_cut_and_counted() -> None:
    assert cut("a" * LONGEST_LINE).left_out == 0
    assert cut("a" * (LONGEST_LINE + 7)) == ("a" * LONGEST_LINE, 7)


@pytest.fixture(scope="module")
def slowness() -> float:
    """CPU time of a regular expression that backtracks, in multiples of 0.07 s; at least 1."""
    started = time.process_time()
    assert not re.match(r"(?:a|aa)+$", "a" * 30 + "b")
    return max(1.0, (time.process_time() - started) / 0.07)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("unit", ["\t", " ", "a", "-", "'", "\\", "/*", "aaaa ", "<!", "\t "])
def test_odd_code_is_coloured_in_good_time(language: str, unit: str, slowness: float) -> None:
    started = time.process_time()

    highlight([unit * (250 // len(unit))] * 78, language)

    assert time.process_time() - started < 5 * slowness
