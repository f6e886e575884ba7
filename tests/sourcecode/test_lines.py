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
    ASSUMED,
    Obstacle,
    count_lines,
    decode,
    dedent,
    find_obstacle,
    fingerprint,
    is_informative,
    join_runs,
    split_lines,
    squeeze,
)


def test_lines_are_split_on_line_feeds_alone() -> None:
    """A form feed, U+2028, U+0085 or a lone CR ends no line, for git as for editors."""
    assert split_lines("a\x0cb\u2028c\x85d\re\nf\n") == ("a\x0cb\u2028c\x85d\re", "f")


def test_one_carriage_return_belongs_to_the_line_end() -> None:
    assert decode(b"a\r\nb\r\r\nc\r").lines == ("a", "b\r", "c")


def test_an_empty_file_has_no_lines_and_a_last_line_needs_no_end() -> None:
    assert (decode(b"").lines, decode(b"\n").lines, decode(b"a\nb").lines) == ((), ("",), ("a", "b"))


@given(st.binary(max_size=30) | st.sampled_from([b"\xef\xbb\xbf", b"\xef\xbb\xbfa\n"]))
def test_lines_are_counted_as_they_are_decoded(content: bytes) -> None:
    assert count_lines(content) == len(decode(content).lines)


@given(st.text(alphabet="ab\n\r\x0c\u2028 \t"))
def test_no_text_is_lost_in_splitting(text: str) -> None:
    lines = split_lines(text)

    assert len(lines) == text.count("\n") + (text != "" and not text.endswith("\n"))
    assert "".join(lines).replace("\r", "") == text.replace("\n", "").replace("\r", "")


@pytest.mark.parametrize(
    ("content", "line", "encoding"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9\n", "café", "utf-8"),
        (b"caf\xe9\n", "café", ASSUMED),
        (b"# -*- coding: cp1251 -*-\n\xcf\xf0\n", "Пр", "cp1251"),
        (b"#!/bin/sh\n# vim: set fileencoding=koi8-r :\n\xf0\xd2\n", "Пр", "koi8-r"),
        (b"\n\n# coding: cp1251\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: rot13\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: utf-16\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: no-such\n\xcf\n", "\u00cf", ASSUMED),
    ],
)
def test_text_is_utf_8_else_as_declared_in_two_lines_else_latin_1(content: bytes, line: str, encoding: str) -> None:
    text = decode(content)

    assert (text.lines[-1], text.encoding) == (line, encoding)


@given(st.binary())
def test_every_content_has_lines(content: bytes) -> None:
    assert len(decode(content).lines) <= content.count(b"\n") + 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"text\n", None),
        (b"", None),
        (b"a\0b", Obstacle.BINARY),
        (b"a" * 8000 + b"\0", None),
        ("text\n".encode("utf-16"), Obstacle.UTF_16),
        ("text of some length\n".encode("utf-16-le"), Obstacle.UTF_16),
        ("text of some length\n".encode("utf-16-be"), Obstacle.UTF_16),
        ("text\n".encode("utf-32"), Obstacle.BINARY),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", Obstacle.LFS_POINTER),
        (b"version https://git-lfs.github.com/spec/v1 is what a pointer says\n", None),
    ],
)
def test_what_has_no_lines_is_named(content: bytes, expected: Obstacle | None) -> None:
    assert find_obstacle(content) is expected


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
