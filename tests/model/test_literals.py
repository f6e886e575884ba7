"""Literal texts are found at their exact places, with any blanks between their words, and nowhere else."""

from __future__ import annotations

import base64
import unicodedata

import pytest

from findings_report.model import literals
from findings_report.model.literals import Literal, Literals, list_compositions, list_decoded, list_readings, with_markup

OTHERS = {f"{number:05} other": "other" for number in range(40)}
"""Makes a search one by keys."""


def places(text: str, written: str) -> list[tuple[int, int]]:
    """The places of `text`, searched for alone and among many."""
    alone = sorted({place for passage, place in Literals({text: "it"}).find(written) if passage == "it"})
    among = sorted({place for passage, place in Literals({text: "it", **OTHERS}).find(written) if passage == "it"})
    assert alone == among
    return alone


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        ("abc", "abcabc xabc", [(0, 3), (3, 6), (8, 11)]),
        ("aa", "aaa", [(0, 2), (1, 3)]),
        ("a bcd", "a bcd", [(0, 5)]),
        ("a bcd", "xa \n\t bcdx", [(1, 9)]),
        ("a bcd", "abcd", []),
        ("a bcd", "b bcd", []),
        ("a bcd", "bcd", []),
        ("a bcd", "  bcd", []),
        ("bcd a", "bcd a", [(0, 5)]),
        ("bcd a", "bcd  ", []),
        ("bcd a", "bcda", []),
        ("bcd a", "bcd b", []),
        ("b cde f", "x b  cde\nf y", [(2, 10)]),
        ("b cde f", "b cde", []),
        ("y horse-battery", "  horse-battery ", []),
        ("horse-battery y", "horse-battery  ", []),
        (" ", "a b", []),
    ],
)
def test_a_text_is_found_where_its_words_are_with_blanks_between_them(
    text: str, written: str, expected: list[tuple[int, int]]
) -> None:
    assert places(text, written) == expected


@pytest.mark.parametrize("count", [31, 32, 33, 40])
def test_a_text_of_many_words_is_found_like_one_of_few(count: int) -> None:
    text = " ".join(f"w{number}" for number in range(count))
    spread = text.replace(" ", " \n ")

    assert Literal(text, "").is_long is (count > 32)
    assert places(text, f"{text} x {spread}  ") == [(0, len(text)), (len(text) + 3, len(text) + 3 + len(spread))]
    assert places(text, f"x{spread}") == [(1, 1 + len(spread))]
    assert places(text, text[:-1]) == places(text, text.replace(" ", "")) == places(text, spread[3:]) == []


def test_each_of_many_texts_is_found_by_a_part_that_few_others_have() -> None:
    texts = {f"same beginning {number:03} same end": f"{number}" for number in range(60)} | {
        "abcdefghijklmnopq": "long",
        "x": "short",
    }
    many = Literals(texts)

    assert list(many.find("same  beginning 017 same\tend")) == [("17", (0, 28))]
    assert sorted(many.find("x abcdefghijklmnopq")) == [("long", (2, 19)), ("short", (0, 1))]
    assert set(many._by_key) <= {1, 2, 4, 8, 16}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("abcdefgh", [(0, 8)]),
        ("xabcdefghix", [(1, 10)]),
        ("abcdefghij", [(0, 10)]),
        ("abcdefghijk", [(0, 10)]),
        ("abcdefg", []),
        ("abcdefg h", []),
        ("12345678", []),
        ("abcdefgz abcdefghz", [(0, 8), (9, 17)]),
        ("abcdefgzz1", [(0, 9)]),
    ],
)
def test_the_beginning_of_a_text_of_more_than_eight_characters_is_found(written: str, expected: list[tuple[int, int]]) -> None:
    texts = ("abcdefghij", "abcdefgzz", "abcdefgi9", "12345678", "         x")

    assert list(Literals(dict.fromkeys(texts, "")).find_beginnings(written)) == expected
    assert list(Literals(dict.fromkeys(texts, "")).find_beginnings(" " * 10)) == []


@pytest.mark.parametrize(
    ("written", "is_found"),
    [
        ("findings: tests/test_import_text.py", False),  # a path of its own, which begins as the masked one does
        ("'tests/test_im' is not", True),
        ("tests/test_im\u2026", True),
        ("tests/test_im... is not", True),
        ("tests/test_im", True),
        ("tests/test_inner_keys_x is", True),  # most of it
    ],
)
def test_a_beginning_counts_where_it_is_cut_off_or_most_of_the_text(written: str, is_found: bool) -> None:
    masked = Literals({"tests/test_inner_keys_of_all": "", "tests/test_import_secret_value_of_all": ""})

    assert bool(list(masked.find_beginnings(written))) is is_found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\_b", "a_b"),
        (r"\!\/\:\@\[\`\{\~", "!/:@[`{~"),
        (r"\a\0\ ", None),
        ("&#0;", "\ufffd"),
        ("&#1234567;", "\ufffd"),
        ("&#12345678;", None),
        ("&#xAbCdEf;", "\ufffd"),
        ("&#Xe9;&#x0000e9;", "éé"),
        ("&#x00000e9;", None),
        ("&amp;&lt;", "&<"),
        ("&frac12;", "½"),
        ("&a;", None),
        ("&1a;", None),
        ("%41%c3%A9", "Aé"),
        ("%4", None),
        ("%c3", "\ufffd"),
    ],
)
def test_escapes_are_read_as_markdown_and_addresses_write_them(written: str, read: str | None) -> None:
    readings = [reading.text for reading in list_readings(f"x {written} y")]

    assert readings == [f"x {written} y", *([f"x {read} y"] if read is not None else [])]


def test_the_place_of_what_is_read_is_that_of_what_is_written() -> None:
    written = "a &amp;\\_%41 z"
    _, reading = list_readings(written)

    assert reading.text == "a &_A z"
    spans = [reading.place(written, at, at + 1) for at in range(len(reading.text))]
    assert [written[start:end] for start, end in spans] == ["a", " ", "&amp;", "\\_", "%41", " ", "z"]
    assert reading.place(written, 2, 5) == (2, 12)


@pytest.mark.parametrize("text", ["e\u0301", "a\u0323\u0302", "\u1112\u1161\u11ab", "x\u212by"])
def test_letters_are_composed_and_keep_their_places(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    plain, reading = list_compositions(f"<{text}>")

    assert (plain.text, reading.text) == (f"<{text}>", f"<{composed}>")
    assert plain.span(1, 3) == (1, 3)
    assert reading.span(1, 1 + len(composed)) == (1, 1 + len(text))
    assert reading.span(1 + len(composed), 2 + len(composed)) == (1 + len(text), 2 + len(text))
    assert [other.text for other in list_compositions(composed)] == [composed]


@pytest.mark.parametrize("marks", [31, 32, 33, 70])
def test_a_flood_of_marks_is_composed_in_parts(marks: int) -> None:
    parts = [end - start for start, end in literals._split_letters("e" + "\u0301" * marks + "x")]

    assert sum(parts) == marks + 2
    assert parts[-1] == 1
    assert max(parts) <= 34
    assert len(parts) == 2 + marks // 33


@pytest.mark.parametrize(
    ("written", "inner", "expected"),
    [
        ("a **b**c d", "b**c", "**b**c"),
        ("a b d", "b", "b"),
        ("a **b** d", "b", "b"),
        ("[a*b*](x) c", "a*b", "[a*b*](x)"),
        ("[a*b][y]", "a*b", "[a*b][y]"),
        ("![a*b]", "a*b", "![a*b]"),
        ("~~`a_b`~~", "a_b", "~~`a_b`~~"),
        ("x\n> > a*b", "a*b", "a*b"),
    ],
)
def test_a_passage_that_marks_divide_is_taken_with_the_marks_around_it(written: str, inner: str, expected: str) -> None:
    start = written.index(inner)

    begin, end = with_markup(written, start, start + len(inner))

    assert written[begin:end] == expected


def test_what_is_left_without_marks_keeps_its_places() -> None:
    written = "x **a** [b](c) ![d][e] \u200bf\\_ `g` ~h~\n> > i ] (j)"

    kept = literals.places_without_markup(written)

    assert "".join(written[place] for place in kept) == literals.MARKUP.sub("", written) == "x a b d f g h\n i  (j)"


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("a](b)c", "ac"),
        ("a][b]c", "ac"),
        ("a](b(c)d", "a(b(c)d"),
        ("a](b\n)c", "a(b\n)c"),
        ("a][b[c]d", "abcd"),
        ("a!![b", "a!b"),
        ("a ! b", "a ! b"),
        ("> a", "> a"),
        ("\n > >a", "\na"),
        ("\na > b", "\na > b"),
        ("a\u200bb\u202ec", "abc"),
    ],
)
def test_marks_are_those_that_may_split_a_passage(written: str, bare: str) -> None:
    assert literals.MARKUP.sub("", written) == bare


def test_base64_is_decoded_from_each_place_where_it_may_begin() -> None:
    encoded = base64.b64encode("añ?>secret".encode()).decode().rstrip("=")

    for before in ("", "A", "AB", "ABC", "ABCD"):
        decoded = [text for text, place in list_decoded(f"<{before}{encoded}>", 6) if place == (1, 1 + len(before + encoded))]
        assert len(decoded) == 4
        assert any("añ?>secret" in text for text in decoded)
    assert any("secret" in text for text, _ in list_decoded(encoded.translate({43: "-", 47: "_"}), 6))
    assert any("secret" in text for text, _ in list_decoded(base64.b64encode("secret".encode("utf-16-le")).decode(), 6))
    assert [place for _, place in list_decoded("AAAAAAAA BBBBBBB CCCCCCCCC=", 6)] == [(0, 8)] * 4 + [(17, 26)] * 4
    assert [place for _, place in list_decoded("AAAAAAAA BBBBBBBBBB", 7)] == [(9, 19)] * 4
