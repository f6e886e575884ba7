"""The verdict on a quote, whatever shape it is in."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.evidence.quote import (
    check_quote,
    find_telling_lines,
    index_lines,
    is_too_long,
    leave_unchecked,
    split_runs,
)
from findings_report.evidence.quote.parse import read_quote
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.sourcecode.lines import split_lines

CODE = """\
def load(path):
    with open(path) as stream:
        text = stream.read()

    if not text:
        raise ValueError("empty")
    return parse(text)


def save(path, value):
    text = dump(value)
    with open(path, "w") as stream:
        stream.write(text)
    ...


def close(handle):
    if handle:
        handle.close()
    return None


def stop(handle):
    if handle:
        handle.stop()
    return None
"""
FILE = index_lines(split_lines(CODE))


def lines(*regions: str) -> tuple[Region, ...]:
    pairs = [tuple(map(int, region.split("-"))) for region in regions]
    return tuple(Region(start_line=pair[0], end_line=pair[-1]) for pair in pairs)


def code(start: int, end: int) -> str:
    return "\n".join(FILE.lines[start - 1 : end])


def checked(quote: str, *regions: str) -> Check:
    return check_quote(quote, FILE, lines(*regions))


def found(result: Check) -> list[str]:
    return [str(region) for region in result.found]


def test_a_copy_of_the_claimed_lines_is_exact() -> None:
    result = checked(code(1, 7), "1-7")

    assert (result.verdict, found(result), result.unmarked_gaps) == (Verdict.EXACT, ["1-7"], 0)


@pytest.mark.parametrize(
    "quote",
    [
        f"```python\n{code(1, 7)}\n```",
        f"~~~\n{code(1, 7)}\n~~~\n",
        f"```\n{code(1, 7)}",
        f"\n\n{code(1, 7)}\n\n",
        code(1, 7).replace("\n", "\r\n"),
        "\n".join(f"      {line}" for line in code(1, 7).split("\n")),
        code(2, 3).replace("    with", "with").replace("        text", "    text"),
    ],
)
def test_fences_line_ends_and_common_indentation_are_set_aside(quote: str) -> None:
    assert checked(quote, "1-7").verdict is Verdict.EXACT


@pytest.mark.parametrize(
    "quote",
    [
        code(1, 7).replace("    ", "\t"),
        re.sub(r"(?m)$", "  ", code(1, 7)),
        code(1, 7).replace("\n\n", "\n"),
        code(1, 3).replace("def", "  def"),
        code(1, 7).replace(" = ", "   = "),
    ],
)
def test_other_white_space_is_told(quote: str) -> None:
    assert checked(quote, "1-7").verdict is Verdict.WHITESPACE


PLAIN_STYLES = ["{0:5d}  {1}", "{0:<5d}{1}", "{0}\t{1}", "{0} {1}", "L{0} {1}", "[{0}] {1}", "{0}→{1}"]
MARKED_STYLES = [
    "{0}: {1}",
    "{0}:{1}",
    "{0}| {1}",
    "{0} | {1}",
    "{0:3d} │ {1}",
    "L{0}: {1}",
    "{0}) {1}",
    "{0}. {1}",
    " {0}-{1}",
]


@pytest.mark.parametrize("form", [*PLAIN_STYLES, *MARKED_STYLES])
def test_line_numbers_are_read_in_many_styles(form: str) -> None:
    quote = "\n".join(form.format(number, FILE.lines[number - 1]) for number in range(5, 14))

    result = check_quote(quote, FILE, ())

    assert (result.verdict, [str(region) for region in result.claimed], found(result)) == (Verdict.EXACT, ["5-13"], ["5-13"])
    assert result.mapped[0] == (5, 5)


def numbered(start: int, end: int, form: str) -> str:
    return "\n".join(form.format(number, FILE.lines[number - 1]) for number in range(start, end + 1))


@pytest.mark.parametrize(
    "quote",
    [
        numbered(1, 7, "src/load.py:{0}:{1}"),
        numbered(1, 2, "src/load.py:{0}:{1}") + "\n" + numbered(3, 7, "src/load.py-{0}-{1}"),
        numbered(1, 2, "{0}-{1}") + "\n" + numbered(3, 3, "{0}:{1}") + "\n" + numbered(4, 7, "{0}-{1}"),
        numbered(1, 7, "{0}\n{1}"),
        "\n".join(map(str, range(1, 8))) + "\n" + code(1, 7),
        numbered(1, 7, "{0:6d}\t{1}"),
        "@@ -1,7 +1,7 @@\n" + re.sub(r"(?m)^", " ", code(1, 7)),
        "diff --git a/x.py b/x.py\nindex 12ab..34cd 100644\n--- a/x.py\n+++ b/x.py\n@@ -0,0 +1,7 @@\n"
        + re.sub(r"(?m)^", "+", code(1, 7)),
        "@@ -90,7 +80,7 @@ class\n" + re.sub(r"(?m)^", " ", code(1, 7)),
        re.sub(r"(?m)^", "+", code(1, 7)),
        re.sub(r"(?m)^", "+", code(1, 3)) + "\n" + re.sub(r"(?m)^", " ", code(4, 7)).replace(" \n", "\n"),
    ],
    ids=["grep of files", "grep with context", "grep -n -C", "number above line", "number column", "cat -n", "hunk", "new file",
         "a hunk of another commit", "added", "added and not"],
)  # fmt: skip
def test_what_a_program_printed_beside_the_code_is_set_aside(quote: str) -> None:
    result = checked(quote, "1-7")

    assert (result.verdict, found(result)) == (Verdict.EXACT, ["1-7"])


def test_lines_between_what_grep_found_are_left_out() -> None:
    result = checked(numbered(1, 2, "{0}:{1}") + "\n--\n" + numbered(7, 7, "{0}:{1}"), "1-7")

    assert (result.verdict, found(result), result.unmarked_gaps) == (Verdict.ELIDED, ["1-2", "7"], 0)


def test_numbers_that_count_on_over_blank_lines_are_not_the_files() -> None:
    shown = [f"{number:6d}  {line}" for number, line in enumerate((line for line in FILE.lines[4:13] if line), 5)]
    quote = "\n".join([*shown[:3], " " * 8, " " * 8, *shown[3:]])

    assert checked(quote, "5-13").verdict is Verdict.EXACT


@pytest.mark.parametrize(("start", "end"), [(1, 3), (5, 7)])
def test_of_a_diff_the_side_is_read_that_is_there_and_the_other_set_aside(start: int, end: int) -> None:
    there = code(start, end).split("\n")
    changed = f" {there[0]}\n-    old = 1\n-    older = 2\n+{there[1]}\n {there[2]}"
    undone = f" {there[0]}\n-{there[1]}\n+    new = 1\n {there[2]}"

    for quote in (changed, undone):
        assert checked(quote, "1-7").verdict is Verdict.ANNOTATED
        result = checked(f"@@ -{start},3 +{start},3 @@\n{quote}", "1-7")
        assert (result.verdict, found(result)) == (Verdict.ANNOTATED, [f"{start}-{end}"])


def test_lists_are_no_diff_and_what_is_wrong_in_them_is_told() -> None:
    file = index_lines(split_lines(" steps:\n- run: make\n  name: build\n- run: test\n  name: check\n"))

    assert (
        check_quote(" steps:\n- run: make\n  name: build\n- run: test\n  name: check", file, lines("1-5")).verdict
        is Verdict.EXACT
    )
    assert (
        check_quote(" steps:\n- run: make\n  name: build\n- run: evil\n  name: check", file, lines("1-5")).verdict
        is Verdict.EDITED
    )


def test_a_quote_of_which_every_line_is_there_in_order_is_no_edit() -> None:
    texts = [f"statement{number}();" for number in range(1, 21)]
    texts[4], texts[11], texts[19] = texts[1], texts[2], "}"

    result = check_quote("\n".join([*texts[:3], "}"]), index_lines(tuple(texts)), ())

    assert (result.verdict, found(result), result.unmarked_gaps) == (Verdict.ELIDED, ["1-3", "20"], 1)


def test_numbers_are_what_the_quote_claims_not_lines() -> None:
    result = checked("5: def load(path):\n6:     with open(path) as stream:", "1-7")

    assert (result.verdict, result.text, found(result)) == (Verdict.MOVED, Verdict.EXACT, ["1-2"])
    assert result.mapped == ((5, 1), (6, 2))


MARKS = ["...", "…", "    ...", "# ...", "// …", "[...]", "/* ... */", "<snip>", "/* snip */", "// omitted", "# ... (rest)"]


@pytest.mark.parametrize("mark", MARKS)
def test_lines_may_be_left_out_with_a_mark(mark: str) -> None:
    result = checked(f"{code(1, 2)}\n{mark}\n{code(7, 7)}", "1-7")

    assert (result.verdict, found(result), result.unmarked_gaps) == (Verdict.ELIDED, ["1-2", "7"], 0)


def test_a_jump_in_the_numbers_is_a_mark() -> None:
    result = checked("1 def load(path):\n7     return parse(text)", "1-7")

    assert (result.verdict, found(result), result.unmarked_gaps) == (Verdict.ELIDED, ["1", "7"], 0)


def test_a_gap_between_two_cited_ranges_is_declared() -> None:
    result = checked(f"{code(1, 2)}\n{code(6, 7)}", "1-2", "6-7")

    assert (result.verdict, result.unmarked_gaps) == (Verdict.ELIDED, 0)


def test_gaps_without_a_mark_are_counted() -> None:
    result = checked(f"{code(1, 1)}\n{code(3, 5)}\n{code(7, 7)}", "1-7")

    assert (result.verdict, result.unmarked_gaps, found(result)) == (Verdict.ELIDED, 2, ["1", "3-5", "7"])


@pytest.mark.parametrize(
    "quote", [code(12, 14), "12: " + code(12, 14).replace("\n", "\n13: ", 1).replace("\n   ", "\n14:    ")]
)
def test_an_ellipsis_that_is_code_is_no_elision(quote: str) -> None:
    result = checked(quote, "12-14")

    assert (result.verdict, found(result)) == (Verdict.EXACT, ["12-14"])


def test_an_ellipsis_beside_one_that_is_code_is_an_elision() -> None:
    result = checked("def save(path, value):\n    ...\n    ...", "10-14")

    assert result.verdict is Verdict.ELIDED


@pytest.mark.parametrize(
    "quote",
    [
        code(5, 6).replace('"empty")', '"empty")  # @audit why?'),
        code(5, 6).replace("text:", "text:  // <-- here"),
        code(5, 6).replace("    if", "@>  if"),
        f"# @audit-issue never checked\n{code(5, 6)}",
        f"{code(5, 6)}\n        ^^^^^ here",
        code(5, 6).replace("text:", "text:   <--- here"),
        "5: " + code(5, 5) + "\n// @audit no\n6: " + code(6, 6),
    ],
)
def test_an_auditors_marks_are_set_aside(quote: str) -> None:
    result = checked(quote, "5-6")

    assert (result.verdict, found(result)) == (Verdict.ANNOTATED, ["5-6"])


def test_marks_that_the_repository_has_itself_are_code() -> None:
    file = index_lines(("call()  # @audit-ok", "other_call()"))

    assert check_quote("call()  # @audit-ok\nother_call()", file, ()).verdict is Verdict.EXACT


def test_an_edited_line_is_shown_beside_the_repositorys() -> None:
    result = checked(code(1, 7).replace("if not text", "if text"), "1-7")

    assert (result.verdict, found(result)) == (Verdict.EDITED, ["1-7"])
    assert [(d.quoted, d.actual, d.line) for d in result.differences] == [("    if text:", "    if not text:", 5)]


def test_lines_added_dropped_and_swapped_are_differences() -> None:
    quote = code(1, 3) + "\n        check_quote(text)\n" + code(6, 6) + "\n" + code(5, 5) + "\n" + code(7, 7)

    result = checked(quote, "1-7")

    assert result.verdict is Verdict.EDITED
    assert ("        check_quote(text)", None) in [(d.quoted, d.actual) for d in result.differences]


def test_an_edited_quote_that_also_moved_keeps_both_words() -> None:
    result = checked(code(10, 13).replace("dump(value)", "dumps(value)"), "20-23")

    assert (result.verdict, result.text, found(result)) == (Verdict.MOVED, Verdict.EDITED, ["10-13"])
    assert result.mapped == ((20, 10), (21, 11), (22, 12), (23, 13))


def test_moved_names_the_nearest_place() -> None:
    file = index_lines(("alpha_value = 1", "beta_value = 2", *["filler"] * 20, "alpha_value = 1", "beta_value = 2"))

    result = check_quote("alpha_value = 1\nbeta_value = 2", file, lines("20-21"))

    assert (result.verdict, result.text, [str(r) for r in result.found]) == (Verdict.MOVED, Verdict.EXACT, ["23-24"])


def test_an_elided_quote_that_moved_maps_when_it_spans_as_much_as_cited() -> None:
    result = checked(f"{code(1, 1)}\n...\n{code(7, 7)}", "11-17")

    assert (result.verdict, result.text, result.mapped) == (Verdict.MOVED, Verdict.ELIDED, ((11, 1), (17, 7)))


def test_what_is_left_out_is_as_little_as_can_be() -> None:
    file = index_lines(("begin_value()", "filler", "begin_value()", "filler", "end_value()"))

    assert [str(r) for r in check_quote("begin_value()\n...\nend_value()", file, ()).found] == ["3", "5"]


def test_without_numbers_a_loosely_cited_quote_that_moved_maps_nothing() -> None:
    assert checked(f"{code(1, 1)}\n...\n{code(7, 7)}", "10-27").mapped == ()


@pytest.mark.parametrize("quote", ["    if handle:", "}", "    return None", "    if handle:\n        x", "...", "    ..."])
def test_too_little_text_is_never_found_elsewhere(quote: str) -> None:
    """`if handle:` stands twice in the file and tells neither place."""
    assert checked(quote, "2-3").verdict is Verdict.NOT_FOUND


def test_one_line_that_stands_once_is_found_elsewhere() -> None:
    assert found(checked("handle.stop()", "2-3")) == ["25"]


@pytest.mark.parametrize(
    "quote",
    [
        "cursor.execute(query % name)\nconnection.commit()\nreturn cursor.fetchall()",
        "1: cursor.execute(query % name)\n2: connection.commit()",
        "   ",
        "```\n```",
        code(1, 1) + "\nsomething_else_entirely()\nand_more_of_the_same()\nthat_never_was_here()",
    ],
)
def test_what_is_not_there_is_not_found(quote: str) -> None:
    result = checked(quote, "1-7")

    assert (result.verdict, result.found, result.mapped) == (Verdict.NOT_FOUND, (), ())


def test_code_that_starts_with_numbers_or_colons_survives() -> None:
    file = index_lines(
        (
            '    404: "Not Found",',
            '    405: "Not Allowed",',
            "    ::std::move(a);",
            ":param x: the number",
            "10 , 20",
            "30 , 40",
        )
    )

    assert check_quote('404: "Not Found",\n405: "Not Allowed",', file, lines("1-2")).verdict is Verdict.EXACT
    assert check_quote("3:     ::std::move(a);\n4: :param x: the number", file, ()).verdict is Verdict.EXACT
    assert check_quote("3     ::std::move(a);\n4 :param x: the number", file, ()).verdict is not Verdict.NOT_FOUND
    assert check_quote("4 :param x: the number", file, ()).verdict is Verdict.EXACT
    assert check_quote("10 , 20\n30 , 40", file, lines("5-6")).verdict is Verdict.EXACT


def test_numbers_that_do_not_rise_are_code() -> None:
    assert not any(reading.is_numbered for reading in read_quote("3 a\n2 b"))


def test_a_row_of_tildes_under_a_title_is_no_fence() -> None:
    file = index_lines(("Title of it", "~~~~~~~~~~~", "", "This module does it."))

    assert check_quote("~~~~~~~~~~~\n\nThis module does it.", file, lines("2-4")).verdict is Verdict.EXACT


def test_an_unchecked_quote_claims_its_numbers_else_lines() -> None:
    assert [str(r) for r in leave_unchecked("5: a\n6: b", lines("1-9")).claimed] == ["5-6"]
    assert [str(r) for r in leave_unchecked("a\nb", lines("1-9")).claimed] == ["1-9"]
    assert leave_unchecked(None, ()).verdict is Verdict.UNCHECKED


def test_the_authors_lines_keep_numbers_blanks_and_gaps() -> None:
    runs = split_runs("5: a\n6:\n7: b\n...\n20: c")

    assert [[(line.number, line.text) for line in run.lines] for run in runs] == [[(5, " a"), (6, ""), (7, " b")], [(20, " c")]]
    assert [[line.text for line in run.lines] for run in split_runs("a\n\nb\n...\nc")] == [["a", "", "b"], ["c"]]


def test_only_lines_that_tell_a_place_are_searched_for() -> None:
    assert find_telling_lines("5:     first_value = 1  # @audit\n6:   }\n7:   second_value = 2") == (
        "first_value = 1",
        "second_value = 2",
    )
    assert find_telling_lines("return x") == find_telling_lines("}") == ()


def test_a_quote_of_thousands_of_lines_is_placed_whole_or_not_at_all() -> None:
    many = [f"line_number_{number}" for number in range(5000)]
    file = index_lines(tuple(many))

    assert check_quote("\n".join(many[1000:4000]), file, ()).verdict is Verdict.EXACT
    assert check_quote("\n".join([*many[1000:4000], "unheard_of"]), file, ()).verdict is Verdict.NOT_FOUND
    assert is_too_long("\n".join(many))
    assert not is_too_long("\n".join(many[:100]))


HOSTILE = {
    "one line repeated": ("a\n" * 4_000_000, "a\n" * 130_000),
    "repeated, then another": ("a\n" * 4_000_000, "a\n" * 130_000 + "b\n"),
    "two lines in turn, elided": ("some_value_1\nsome_value_2\n" * 300_000, "some_value_1\n...\nsome_value_2\n" * 9_000),
    "one long line": ("x" * 8_000_000, "x" * 262_000),
    "blanks": (" " * 8_000_000, " " * 262_000 + "x"),
    "comment signs": ("abc\n" * 1000, ("#" * 900 + ";" * 99 + "\n") * 260),
    "paths of no program": ("a\n" * 1000, ".-1" * 87_000),
    "braces between marks": ("}\n" * 99_000, "}\n...\n" * 40_000),
    "marks within lines": ("call(a, b);\n}\n" * 60_000, "a ... a ... a ... a\n" * 10_000),
    "parts of lines": ("call(a, b);\n}\n" * 60_000, "call(a\n" * 35_000),
    "names of files": ("a\n" * 1000, "// src/app.py:12 - it, (lines 1-2, 3-4 " * 6_000 + "\n" + "src/app.py#L1-L9\n" * 15_000),
    "marks": ("a();\n" * 1000, "a(); => @audit <-- // HERE 👉 x\n" * 8_000),
    "signs of a patch": ("a\n" * 1000, "- a\n+ /* b\n" * 26_000),
    "numbers on some lines": ("a\n" * 1000, "".join(f"{number}: a\nb\n\n" for number in range(1, 25_000))),
    "numbers": ("1 1\n" * 1_000_000, "".join(f"{number} 1 1\n" for number in range(1, 25_000))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_on_hostile_quotes_is_bounded(name: str) -> None:
    content, quote = HOSTILE[name]
    file = index_lines(split_lines(content))
    start = time.process_time()

    check_quote(quote, file, lines("100-200"))

    assert time.process_time() - start < 10


WORDS = st.sampled_from(
    ["", "}", "else:", "return total", "total += value", "if value is None:", "...", "for value in values:"]
)
FILES = st.lists(WORDS.map(lambda word: f"    {word}" if word else ""), min_size=1, max_size=30)
FORMS = ["{1}", "{0:6d} {1}", "{0}: {1}", "{0}|{1}"]


@given(FILES, st.data())
def test_a_copy_with_any_numbers_is_exact_where_it_was_taken(file: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(1, len(file)))
    end = data.draw(st.integers(start, len(file)))
    form = data.draw(st.sampled_from(FORMS))
    quoted = [(number, file[number - 1]) for number in range(start, end + 1)]
    if not all(line for line in (quoted[0][1], quoted[-1][1])):
        return

    result = check_quote("\n".join(form.format(*each) for each in quoted), index_lines(tuple(file)), lines(f"{start}-{end}"))

    assert result.verdict is Verdict.EXACT
    assert [str(region) for region in result.found] == [str(lines(f"{start}-{end}")[0])]


@given(FILES, st.integers(1, 40), st.text(alphabet="ab .\n#/:1", max_size=80))
def test_what_is_found_lies_in_the_file_and_rises(file: list[str], line: int, noise: str) -> None:
    result = check_quote(f"{file[0]}\n{noise}", index_lines(tuple(file)), lines(f"{line}-{line + 3}"))

    numbers = [n for region in result.found for n in range(region.start_line, region.end_line + 1)]
    assert numbers == sorted(set(numbers))
    assert all(1 <= number <= len(file) for number in numbers)
    assert (result.verdict is Verdict.NOT_FOUND) == (not result.found)


@given(st.text(alphabet="ab .…\n#/:|`~@>-1\t", max_size=200))
def test_every_text_can_be_read(quote: str) -> None:
    for reading in read_quote(quote):
        numbers = [line.number for line in reading.lines if line.number is not None]
        assert numbers == sorted(set(numbers))
    split_runs(quote)
    find_telling_lines(quote)


TWICE = index_lines(("def first():", "    token = request.headers['Authorization']", "    return token", "", "def second():",
                 "    token = request.headers['Authorization']", "    return token"))  # fmt: skip


def test_a_telling_line_that_stands_twice_is_found_and_the_other_place_is_told() -> None:
    result = check_quote("token = request.headers['Authorization']", TWICE, (Region(start_line=4, end_line=4),))

    assert (result.verdict, found(result), [str(region) for region in result.also]) == (Verdict.MOVED, ["2"], ["6"])


def test_a_quote_that_stands_twice_in_what_is_cited_says_so() -> None:
    quote = "token = request.headers['Authorization']\nreturn token"

    assert [str(region) for region in check_quote(quote, TWICE, ()).also] == ["6-7"]
    assert check_quote(quote, TWICE, (Region(start_line=1, end_line=4),)).also == ()
    assert check_quote("2 token = request.headers['Authorization']", TWICE, ()).also == ()


def test_a_line_that_says_too_little_is_not_said_to_be_missing() -> None:
    result = check_quote("return token", TWICE, (Region(start_line=1, end_line=1),))

    assert (result.verdict, [str(region) for region in result.also]) == (Verdict.NOT_FOUND, ["3", "7"])
