"""What YAML is read and what is refused: every limit at its edge, every class of characters, every number."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import yaml

from findings_report.authoring import yaml_reader
from findings_report.authoring.yaml_reader import Mark, WrittenFloat, WrittenInt, YamlFault, read, resolve_plain


def fault_of(text: str | bytes) -> YamlFault:
    with pytest.raises(YamlFault) as caught:
        read(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return caught.value


def place(text: str | bytes) -> tuple[int, int]:
    fault = fault_of(text)
    return fault.line, fault.column


# Limits


def test_a_file_of_4_mib_is_read_and_one_byte_more_is_not() -> None:
    start = b"a: b\n#"
    read(start + b"x" * (4 * 1024 * 1024 - len(start)))

    assert "at most 4,194,304 are read" in fault_of(start + b"x" * (4 * 1024 * 1024 + 1 - len(start))).fault


def test_a_text_of_1_mib_is_read_and_one_character_more_is_not() -> None:
    assert len(read(b"a: '" + b"x" * (1024 * 1024) + b"'").data["a"]) == 1024 * 1024

    assert (
        fault_of(b"a: '" + b"x" * (1024 * 1024 + 1) + b"'").fault
        == "a text of 1,048,577 characters; at most 1,048,576 are read"
    )


def test_40_levels_are_read_and_41_are_not() -> None:
    read(b"[" * 40 + b"]" * 40)

    assert fault_of(b"[" * 41 + b"]" * 41).fault == "nested more than 40 levels deep"


def test_200_000_values_are_read_and_one_more_is_not() -> None:
    assert len(read(b"[" + b"1," * 199_999 + b"]").values) == 200_000

    assert fault_of(b"[" + b"1," * 200_000 + b"]").fault == "more than 200,000 values in one file"


def test_a_number_of_more_than_100_digits_is_text() -> None:
    assert resolve_plain("1" * 100) == int("1" * 100)
    assert resolve_plain("1" * 101) == "1" * 101


# Characters


@pytest.mark.parametrize(
    "character",
    ["\0", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f", "\x80", "\x84", "\x86", "\x9f", "\ufdd0", "\ufdef", "\ufffe",
     "\uffff", "\U0001fffe", "\U0001ffff", "\U0010fffe", "\U0010ffff"],
)  # fmt: skip
def test_control_characters_and_noncharacters_are_refused_raw_and_as_escapes(character: str) -> None:
    raw = fault_of(f"a: 1\nb: x{character}y\n")
    escaped = fault_of(f'a: 1\nb: "x\\U{ord(character):08x}y"\n')

    for fault in (raw, escaped):
        assert fault.fault == f"the character U+{ord(character):04X} is a control character or no character at all"
        assert fault.remedy
    assert (raw.line, raw.column) == (1, 4)
    assert escaped.line == 1


@pytest.mark.parametrize(
    "character",
    ["\t", " ", "~", "\xa0", "\ud7ff", "\ue000", "\ufdcf", "\ufdf0", "\ufffd", "\U00010000", "\U0001fffd", "\U0010fffd"],
)
def test_all_other_characters_are_text(character: str) -> None:
    assert read(f"a: x{character}y\n".encode()).data == {"a": f"x{character}y"}


@pytest.mark.parametrize("number", [0xD800, 0xDFFF])
def test_surrogates_are_refused(number: int) -> None:
    assert "is not UTF-8" in fault_of(f"a: {chr(number)}").fault
    assert fault_of(f'a: "\\u{number:04x}"').fault


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\r"])
@pytest.mark.parametrize("where", ["# c{}status: x\n", "a: b{}c: d\n", "a: |\n  x{}y\n", "a: 'x{}y'\n", "{}a: b\n"])
def test_what_ends_a_line_for_some_is_refused_wherever_it_is(character: str, where: str) -> None:
    fault = fault_of(where.format(character))

    assert f"U+{ord(character):04X} ends a line for YAML" in fault.fault
    assert f"\\u{ord(character):04X}" in str(fault.remedy)
    assert ("CRLF" in str(fault.remedy)) is (character == "\r")


def test_bytes_that_are_not_utf_8_are_named_with_their_place() -> None:
    fault = fault_of(b"a: 1\nb: \xc3\xa9\xff\n")

    assert (fault.fault, fault.line, fault.column) == ("byte 0xff is not UTF-8", 1, 4)
    assert fault.remedy == "save the file as UTF-8"


def test_a_byte_order_mark_is_for_the_beginning_of_a_file() -> None:
    assert read(b"\xef\xbb\xbfa: 1\n").data == {"a": 1}
    assert read("a: x\ufeff\n".encode()).data == {"a": "x\ufeff"}
    assert place("a: 1\n\ufeffb: 2\n") == (1, 0)
    assert place("\ufeff\ufeffa: 1\n") == (0, 0)


# What has another meaning for other readers


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('a: "b"# c\n', 0, 6),
        ("a: 'b'#c\nb: 1\n", 0, 6),
        ("a: [b]#c\n", 0, 6),
        ("a: {b: c}#c\n", 0, 9),
        ("a: [b,#c\n d]\n", 0, 6),
        ("a: [ # c\n b,\n#c\n c,#d\n d]\n", 3, 3),
        ("- 'a'\n# c\n- 'b'# c\n", 2, 5),
    ],
)
def test_a_comment_that_begins_right_after_a_value_is_refused(text: str, line: int, column: int) -> None:
    fault = fault_of(text)

    assert fault.fault == "a comment begins right after a value"
    assert (fault.line, fault.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("#c\n# d#e\n\n  # f\na: 1 # g#h\nb: 2\t#i\n#j", {"a": 1, "b": 2}),
        ("a: # c#d\n  b\n", {"a": "b"}),
        ("a: b#c\nd#e: f\n", {"a": "b#c", "d#e": "f"}),
        ("a: > # c\n  x#y\n # z\n#c\nb: 'x#y' # c\n", {"a": "x#y\n", "b": "x#y"}),
        ("a: [ # c\n  1, # d\n  2 # e\n  ] # f\n", {"a": [1, 2]}),
        ("--- # c\na: 1\n... # d\n", {"a": 1}),
    ],
)
def test_comments_after_a_blank_are_comments(text: str, data: object) -> None:
    assert read(text.encode()).data == data


@pytest.mark.parametrize("text", ["%YAML 1.1\n---\na: no\n", "%TAG ! tag:x\n---\na: 1\n", "# c\n%YAML 1.2\n---\na: 1\n"])
def test_directives_are_refused_where_they_are(text: str) -> None:
    fault = fault_of(text)

    assert fault.fault == "a directive, a line that starts with %, is not read"
    assert fault.line == text.split("%")[0].count("\n")


def test_unknown_directives_are_refused_too() -> None:
    assert fault_of("%FOO\n---\na: 1\n").line == 0


def test_a_percent_sign_elsewhere_is_text() -> None:
    assert read(b"a: |\n  %x\nb: 5%\n").data == {"a": "%x\n", "b": "5%"}


@pytest.mark.parametrize("text", ["a: [?x]\n", "a: {?b: c}\n", "a: [x, ?y]\n", "a: [[?x]]\n"])
def test_a_question_mark_that_would_be_lost_is_refused(text: str) -> None:
    assert "loses it within [ ] and { }" in fault_of(text).fault


def test_a_question_mark_that_is_not_lost_is_read() -> None:
    assert read(b"a: ['?x', x?, {? b : c}]\nb: ?x\n").data == {"a": ["?x", "x?", {"b": "c"}], "b": "?x"}


def test_a_file_without_a_last_line_end_reads_as_with_one() -> None:
    for text in ("a: |\n  x", "a: >+\n  x", "a: x", "- |+\n   ", "# c\na: [x]"):
        with_end, without = read(f"{text}\n".encode()), read(text.encode())
        assert with_end.data == without.data
        assert without.text == text
        for mark in without.values.values():
            assert without.source(mark) == with_end.source(mark).removesuffix("\n") or text.endswith(without.source(mark))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: *b\n", "the alias *b is not read"),
        ("a: &b c\n", "the anchor &b is not read"),
        ("a: &b [c]\n", "the anchor &b is not read"),
        ("a: !b c\n", "the tag '!b' is not read"),
        ("a: !!str c\n", "the tag 'tag:yaml.org,2002:str' is not read"),
        ("a: !b [c]\n", "the tag '!b' is not read"),
        ("a: 1\n---\nb: 2\n", "a second document starts here"),
        ("<<: {a: 1}\n", "the merge key << is not read"),
        ("a: 1\nb: 2\na: 3\n", "duplicate key 'a'"),
        ("a: {b: 1, 'b': 2}\n", "duplicate key 'b'"),
        ("? [a]\n: b\n", "a mapping key must be plain text"),
        ("? {a: b}\n: c\n", "a mapping key must be plain text"),
        ("", "the file is empty"),
        ("# c\n", "the file is empty"),
    ],
)
def test_what_is_not_allowed_is_named(text: str, fault: str) -> None:
    assert fault_of(text).fault == fault


def test_a_merge_key_in_quotes_is_a_key() -> None:
    assert read(b"'<<': 1\n").data == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("a:\n\tb: 1\n", 1, "indent with blanks; YAML does not allow tabs there"),
        ("a: b: c\n", 0, "quote a text that holds ': ', or write it as a block after `|`"),
        ("a: @b\n", 0, "quote a text that starts with @, ` or %"),
        ("a: `b`\n", 0, "quote a text that starts with @, ` or %"),
        ("a: - b\n", 0, "quote a text that starts with -"),
        ("a: ? b\n", 0, "quote a text that starts with ?"),
        ("a: |b\n", 0, "quote a text that starts with | or >"),
        ("a: |\n  x\ny\n", 3, "indent a text below `|` further than its field, and write fields as `name: value`"),
        ('a: "\\d"\n', 0, "in double quotes \\ starts an escape: use single quotes"),
        ("a: [b\n", 1, "close what [ or { opens, or quote a text that starts with one"),
        ("a: {b\n", 1, "close what [ or { opens, or quote a text that starts with one"),
        ("a: [b] c\n", 0, "quote a text that starts with [ or {"),
        ("- a: {b: 1} c\n", 0, "quote a text that starts with [ or {"),
        ("a: 'b' c\n", 0, "the text ends at its second quotation mark: write it as a block after `|`"),
        ('- - a: "b" c\n', 0, "the text ends at its second quotation mark: write it as a block after `|`"),
        ("a: |\n    x\n  y: z\n", 2, "where a text's first line is indented more than the rest, write `|2` for `|`"),
        ("a: >-\n    x\n  y\n", 2, "where a text's first line is indented more than the rest, write `|2` for `|`"),
    ],
)
def test_a_mistake_that_people_make_has_its_remedy(text: str, line: int, remedy: str) -> None:
    fault = fault_of(text)

    assert (fault.line, fault.remedy) == (line, remedy)
    assert fault.fault.startswith("YAML: ")


def test_an_error_without_a_place_is_a_fault_of_the_file_too() -> None:
    fault = yaml_reader._syntax_fault(yaml.YAMLError("of another kind"), "a")

    assert (fault.fault, fault.line, fault.column, fault.remedy) == ("YAML: of another kind", 0, 0, None)


# Plain values


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null_has_five_forms(text: str) -> None:
    assert resolve_plain(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)]
)
def test_truth_has_six_forms(text: str, value: bool) -> None:
    assert resolve_plain(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-1", -1), ("+12", 12), ("017", 17), ("0o17", 15), ("0o0", 0), ("0x1F", 31), ("0xaf", 175), ("00", 0)],
)
def test_whole_numbers_keep_their_source(text: str, value: int) -> None:
    number = resolve_plain(text)

    assert isinstance(number, WrittenInt)
    assert (number, number.source) == (value, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("+1e-2", 0.01),
        ("1E+2", 100.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("+.INF", math.inf),
    ],
)
def test_other_numbers_keep_their_source(text: str, value: float) -> None:
    number = resolve_plain(text)

    assert isinstance(number, WrittenFloat)
    assert (number, number.source) == (value, text)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_what_is_no_number_is_a_number_in_three_forms(text: str) -> None:
    assert isinstance(number := resolve_plain(text), WrittenFloat)
    assert math.isnan(number)


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "1:30", "1_000", "0o8", "0xG", "0b1", "+0x1", "-0o7", ".", "+", "-", "e3", "1e", "1e+", "1.5.2", ".INf",
     "-.nan", "nUll", "tRUE", "1 2", "2024-01-01", "=", "1a", "0x", "0o"],
)  # fmt: skip
def test_everything_else_is_text(text: str) -> None:
    assert resolve_plain(text) == text


# Places


def test_every_value_and_key_has_its_place() -> None:
    document = read("a: é b\r\nc:\r\n  - 'd'\r\n  - {e: \"f\"}\r\ng: |\r\n  h\r\n  i\r\nj: 1\r\n".encode())

    assert document.values[("a",)] == Mark(0, 3, 0, 6, "")
    assert document.values[("c",)].style == "-"
    assert document.values[("c", 0)] == Mark(2, 4, 2, 7, "'")
    assert document.values[("c", 1)] == Mark(3, 4, 3, 12, "{")
    assert document.values[("c", 1, "e")] == Mark(3, 8, 3, 11, '"')
    assert document.values[("g",)][:2] == (4, 3)
    assert document.values[("g",)].style == "|"
    assert document.keys[("c", 1, "e")] == Mark(3, 5, 3, 6, "")
    assert document.source(document.values[("c", 1)]) == '{e: "f"}'
    assert document.lines[5] == "  h"
    assert document.values[()].style == "-"
    assert document.values[("j",)] == Mark(7, 3, 7, 4, "")
    assert read(b"[1, [2]]").values[(1,)] == Mark(0, 4, 0, 7, "[")


def test_without_libyaml_the_same_is_read_and_refused() -> None:
    script = (
        "import yaml; del yaml.CSafeLoader\n"
        "from findings_report.authoring.yaml_reader import YamlFault, read\n"
        "assert read(b'a: [1, x]\\nb: |\\n  t\\n').data == {'a': [1, 'x'], 'b': 't\\n'}\n"
        "for text in (b'a: *b', b'a: \"b\"#c\\n', b'%YAML 1.1\\n---\\na: 1\\n'):\n"
        "    try:\n        read(text)\n    except YamlFault:\n        continue\n    raise SystemExit(1)\n"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
