"""Bytes to text: in which encoding a file is, and why some files have no lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.sourcecode.encodings import ASSUMED, Obstacle, Text, count_lines, decode, list_declared

WIDE = ("utf-16", "utf-16-be", "utf-32", "utf-32-be")
MARKS = {"utf-16": b"", "utf-16-be": b"\xfe\xff", "utf-32": b"", "utf-32-be": b"\0\0\xfe\xff"}


def text_of(content: bytes, declared: Sequence[str] = ()) -> Text:
    text = decode(content, declared)
    assert isinstance(text, Text), text
    return text


def test_one_carriage_return_belongs_to_the_line_end() -> None:
    assert text_of(b"a\r\nb\r\r\nc\r").lines == ("a", "b\r", "c")


def test_an_empty_file_has_no_lines_and_a_last_line_needs_no_end() -> None:
    assert [text_of(content).lines for content in (b"", b"\n", b"a\nb")] == [(), ("",), ("a", "b")]


@given(st.binary(max_size=30) | st.sampled_from([b"\xef\xbb\xbf", b"\xef\xbb\xbfa\n", b"\xff\xfea\0\n\0b\0", b"\xff\xfea"]))
def test_lines_are_counted_as_they_are_decoded(content: bytes) -> None:
    text = decode(content)

    assert count_lines(content) == (len(text.lines) if isinstance(text, Text) else None)


@pytest.mark.parametrize(
    ("content", "line", "encoding"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9\n", "café", "utf-8"),
        (b"caf\xe9\n", "café", ASSUMED),
        (b"# -*- coding: cp1251 -*-\n\xcf\xf0\n", "Пр", "cp1251"),
        (b"#!/bin/sh\n# vim: set fileencoding=koi8-r :\n\xf0\xd2\n", "Пр", "koi8-r"),
        (b'<?xml version="1.0" encoding="ISO-8859-2"?>\n<a>\xb1</a>\n', "<a>ą</a>", "iso8859-2"),
        (b"<html>\n<head>\n<meta charset=windows-1251>\n\xcf\xf0\n", "Пр", "cp1251"),
        (b'\n\n<META http-equiv="Content-Type" content="text/html; charset=gb2312">\n\xd6\xd0\x81\x40\n', "中", "gb18030"),
        (b'@charset "koi8-r";\n\n\n\xf0\xd2\n', "Пр", "koi8-r"),
        (b"\n" * 40 + b"\xf0\xd2\n# vim: ts=4 fenc=koi8-r\n", "# vim: ts=4 fenc=koi8-r", "koi8-r"),
        (b"\n" * 40 + b"\xf0\n# Local Variables:\n# coding: koi8-r\n# End:\n", "# End:", "koi8-r"),
        (b"# coding: iso-2022-jp\n\x1b$B$3\x1b(B\n", "こ", "iso2022_jp"),
        (b"\n\n# coding: cp1251\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: rot13\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: utf-16\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: no-such\n\xcf\n", "\u00cf", ASSUMED),
        (b"# coding: cp1251\n\xd0\x9f\n", "П", "utf-8"),
    ],
)
def test_text_is_utf_8_else_as_the_file_declares_else_latin_1(content: bytes, line: str, encoding: str) -> None:
    text = text_of(content)

    assert text.lines[-1].startswith(line)
    assert text.encoding == encoding


@pytest.mark.parametrize("codec", WIDE)
def test_text_with_the_mark_of_utf_16_or_utf_32_has_the_lines_of_the_decoded_text(codec: str) -> None:
    """U+0A0A, U+010A and U+0D0A hold the byte of a line feed, and end no line."""
    text = text_of(MARKS[codec] + "$a = 1\r\n\u0a0a\u010a\u0d0a\n\nInvoke-Expression".encode(codec))

    assert text.lines == ("$a = 1", "\u0a0a\u010a\u0d0a", "", "Invoke-Expression")
    assert text.is_wide
    assert text.encoding.startswith(codec[:6])


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised_by_its_nul_bytes(codec: str) -> None:
    assert text_of("text of some length\n".encode(codec)) == Text(("text of some length",), codec)


def test_utf_16_that_cannot_be_recognised_is_read_as_the_tree_declares() -> None:
    content = "変数\n値 = 1\n".encode("utf-16-le")

    assert decode(content) is Obstacle.BINARY
    assert text_of(content, ["utf-16le"]).lines == ("変数", "値 = 1")


def test_the_file_itself_comes_before_the_tree() -> None:
    assert text_of(b"\xcf\n", ["cp1251"]) == Text(("П",), "cp1251")
    assert text_of(b"# coding: koi8-r\n\xcf\n", ["cp1251"]).encoding == "koi8-r"
    assert text_of("Ï\n".encode(), ["cp1251"]).encoding == "utf-8"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\0b", Obstacle.BINARY),
        (bytes(byte for number in range(1, 200) for byte in (number, 0)), Obstacle.BINARY),
        (b"\xff\xfea\0b", Obstacle.UNDECODABLE),
        (b"\xff\xfea\0\0\0", Obstacle.UNDECODABLE),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", Obstacle.LFS_POINTER),
        (b"text\n", None),
        (b"", None),
        (b"a" * 8000 + b"\0", None),
        (b"version https://git-lfs.github.com/spec/v1 is what a pointer says\n", None),
    ],
)
def test_a_file_without_lines_says_why(content: bytes, expected: Obstacle | None) -> None:
    text = decode(content)

    assert (text if isinstance(text, Obstacle) else None) is expected


def reader(files: dict[str, str]) -> Callable[[str], str | None]:
    return lambda path: files.get(path)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".gitattributes": "*.rc encoding=cp1252 -text\n"}, ["cp1252"]),
        ({".gitattributes": "*.rc text working-tree-encoding=UTF-16LE-BOM eol=crlf\n"}, ["UTF-16LE-BOM"]),
        ({".gitattributes": "*.rc encoding=a\n*.rc encoding=b\n"}, ["b"]),
        ({".gitattributes": "*.rc encoding=a\nsrc/win/app.rc -encoding\n"}, []),
        ({".gitattributes": "# *.rc encoding=a\n[attr]x encoding=b\n*.c encoding=d\n/win/*.rc encoding=e\n"}, []),
        ({".gitattributes": "*.rc encoding=a\n", "src/win/.gitattributes": "app.rc encoding=b\n"}, ["b", "a"]),
        ({".editorconfig": "root = true\n[*.{c,rc}]\ncharset = utf-16le\n"}, ["utf-16le"]),
        ({".editorconfig": "[src/**.rc]\nCharset = Latin1\n[*.c]\ncharset=x\n"}, ["latin1"]),
        ({".editorconfig": "[*]\ncharset=a\n", "src/.editorconfig": "root=true\n[*]\ncharset=b\n"}, ["b"]),
        ({".editorconfig": "[*]\ncharset=a\n", "src/.editorconfig": "[*]\nroot=true\ncharset=b\n"}, ["b", "a"]),
        ({}, []),
    ],
)
def test_the_tree_declares_encodings_the_nearest_first(files: dict[str, str], expected: list[str]) -> None:
    assert list(list_declared("src/win/app.rc", reader(files))) == expected


def test_hostile_declarations_take_no_time() -> None:
    braces = "{a,b}" * 40 + "*" * 60
    files = {".editorconfig": f"[{braces}]\ncharset=a\n" * 50, ".gitattributes": ("*a" * 40 + "z encoding=b\n") * 50}
    started = time.process_time()

    assert list(list_declared("a" * 80, reader(files))) == []
    assert time.process_time() - started < 2
