"""Lines of text as git counts them."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name

from findings_report.sourcecode.languages import _EXTENSIONS as EXTENSIONS
from findings_report.sourcecode.languages import _FAMILIES, _NAMES, Inside, find_insides, find_opener, language_of
from findings_report.sourcecode.lines import (
    dedent,
    fingerprint,
    is_informative,
    join_runs,
    split_lines,
    squeeze,
)


def test_lines_are_split_on_line_feeds_alone() -> None:
    """A form feed, U+2028, U+0085 or a lone CR ends no line, for git as for editors."""
    assert split_lines("a\x0cb\u2028c\x85d\re\nf\n") == ("a\x0cb\u2028c\x85d\re", "f")


@given(st.text(alphabet="ab\n\r\x0c\u2028 \t"))
def test_no_text_is_lost_in_splitting(text: str) -> None:
    lines = split_lines(text)

    assert len(lines) == text.count("\n") + (text != "" and not text.endswith("\n"))
    assert "".join(lines).replace("\r", "") == text.replace("\n", "").replace("\r", "")


def test_squeezing_keeps_words_apart() -> None:
    assert squeeze("\t return  x ") == "return x"
    assert squeeze("returnx") != squeeze("return x")


def test_dedent_takes_the_indentation_that_all_lines_share() -> None:
    assert dedent(["    a", "", "      b", "    "]) == ("a", "", "  b", "")
    assert dedent(["\ta", "    b"]) == ("\ta", "    b")


@given(st.lists(st.text(alphabet=" \tab", max_size=8)), st.sampled_from(["", "  ", "\t", " \t"]))
def test_indenting_all_lines_changes_nothing_after_dedent(lines: list[str], indent: str) -> None:
    assert dedent([indent + line for line in lines]) == dedent(lines)


def test_the_fingerprint_ignores_white_space_and_blank_lines() -> None:
    expected = hashlib.sha256(b"ifx:\nreturn1\n").hexdigest()

    assert fingerprint(["if x:", "", "\treturn 1  "]) == fingerprint(["  if  x:", "return 1"]) == expected
    assert fingerprint(["if x: return 1"]) != expected


def test_braces_and_keywords_are_not_informative() -> None:
    assert [is_informative(line) for line in ("}", "  else:", "return x", "é" * 6)] == [False, False, True, True]


@given(st.sets(st.integers(1, 60)))
def test_runs_hold_the_same_lines_and_no_neighbours(numbers: set[int]) -> None:
    regions = join_runs(sorted(numbers))

    assert {n for region in regions for n in range(region.start_line, region.end_line + 1)} == numbers
    assert all(a.end_line + 1 < b.start_line for a, b in pairwise(regions))


@pytest.mark.parametrize("name", sorted({*EXTENSIONS, *_NAMES.values(), *_FAMILIES}))
def test_every_language_is_one_that_pygments_knows(name: str) -> None:
    assert get_lexer_by_name(name)


def test_the_language_is_told_by_the_files_name() -> None:
    paths = ("a/b.PY", "Makefile", "x.h", "docker/Dockerfile", "README", ".py", "a.b/c", "x.unknown")

    assert [language_of(path) for path in paths] == ["python", "make", "c", "docker", "", "python", "", ""]


PYTHON = '''a = 1  # """ not here
b = """first
second \\""" still
third"""
c = "'\\''"
d = \'\'\'
\'\'\'
'''


def test_it_is_known_in_which_multi_line_string_a_line_starts() -> None:
    found = find_insides(split_lines(PYTHON), "python")

    assert found == (Inside(3, 4, '"""'), Inside(7, 7, "'''"))
    assert [find_opener(found, line) for line in range(1, 8)] == ["", "", '"""', '"""', "", "", "'''"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("c", 'char *a = "/*";\n/* one\ntwo */ int b; // /*\nint c;', [(3, 3, "/*")]),
        ("c", "char a = '\"'; /*\n*/", [(2, 2, "/*")]),
        ("rust", "fn f<'a>(x: &'a str) { /*\n*/ }", [(2, 2, "/*")]),
        ("go", "a := `one\ntwo`\n", [(2, 2, "`")]),
        ("html", "it's <!-- one\ntwo --> it's", [(2, 2, "<!--")]),
        ("python", 'a = """never closed\n', []),
        ("brainfuck", "/*\n*/", []),
    ],
)
def test_multi_line_constructs_by_language(language: str, text: str, expected: list[tuple[int, int, str]]) -> None:
    assert [(i.start_line, i.end_line, i.opener) for i in find_insides(split_lines(text), language)] == expected
