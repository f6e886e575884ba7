"""Quotes as people write them: a file's name above, numbers on some lines, marks, patches; and false ones in the same shape."""

from __future__ import annotations

import pytest

from findings_report.evidence.quote import check_quote, index_lines, may_name, renumber
from findings_report.evidence.quote.marks import find_head, find_named_file, is_elision, strip_remark
from findings_report.evidence.quote.parse import read_quote
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.sourcecode.lines import split_lines

CODE = """\
pragma solidity ^0.8.0;

contract Vault {
    mapping(address => uint256) public balances;

    function deposit() external payable {
        balances[msg.sender] += msg.value;
        emit Deposited(msg.sender, msg.value);
    }

    function withdraw(uint256 amount) external {
        require(balances[msg.sender] >= amount, "low");
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "failed");
        balances[msg.sender] -= amount;
    }
}
"""
LINES = split_lines(CODE)
FILE = index_lines(LINES)
ACCEPTED = {Verdict.EXACT, Verdict.WHITESPACE, Verdict.PARTIAL, Verdict.ELIDED, Verdict.ANNOTATED, Verdict.COMMENTS}
TRUE, FALSE = 'amount}("")', 'total}("")'
"""Part of line 13, and what makes it a line that the file does not have."""


def code(start: int, end: int) -> str:
    return "\n".join(LINES[start - 1 : end])


def checked(quote: str, lines: str = "6-16") -> Check:
    start, _, end = lines.partition("-")
    return check_quote(quote, FILE, (Region(start_line=int(start), end_line=int(end)),))


def is_accepted(check: Check) -> bool:
    return check.verdict in ACCEPTED or check.text in ACCEPTED


def assert_read(quote: str, *verdicts: Verdict, found: str) -> None:
    """The quote has one of the verdicts, and is not accepted with a wrong line in it."""
    check = checked(quote)
    assert (check.verdict, [str(region) for region in check.found]) in [(verdict, found.split()) for verdict in verdicts]
    assert TRUE in quote
    assert not is_accepted(checked(quote.replace(TRUE, FALSE)))


HEADS = {
    "File: src/Vault.sol": "src/Vault.sol",
    "FILE: src/Vault.sol": "src/Vault.sol",
    "**File:** `src/Vault.sol`": "src/Vault.sol",
    "src\\Vault.sol:": "src/Vault.sol",
    "C:\\work\\src\\Vault.sol": "C:/work/src/Vault.sol",
    "Vault.sol": "Vault.sol",
    "`Vault.sol`": "Vault.sol",
    "// Vault.sol": "Vault.sol",
    "/* src/Vault.sol */": "src/Vault.sol",
    "<!-- src/Vault.sol -->": "src/Vault.sol",
    "; src/Vault.sol": "src/Vault.sol",
    "-- src/Vault.sol": "src/Vault.sol",
    "### src/Vault.sol": "src/Vault.sol",
    "- src/Vault.sol": "src/Vault.sol",
    "1. `src/Vault.sol`": "src/Vault.sol",
    "In src/Vault.sol:": "src/Vault.sol",
    "Affected file: src/Vault.sol": "src/Vault.sol",
    "// Vault.sol::withdraw()": "Vault.sol",
    "// Vault.sol - withdraw()": "Vault.sol",
    "# Vault.sol - side effects when money is drawn": "Vault.sol",
    "# src/app.py (line 2-4)": "src/app.py 2-4",
    "// contracts/x.sol:120": "contracts/x.sol 120",
    "src/x.sol:12:5": "src/x.sol 12",
    " --> src/x.rs:12:5": "src/x.rs 12",
    "x.sol#L10-L20": "x.sol 10-20",
    "x.sol (lines 12-14)": "x.sol 12-14",
    "x.sol, lines 12, 15-17": "x.sol 12 15-17",
    "x.sol L12–L14": "x.sol 12-14",
    "// x.sol lines 12 to 14": "x.sol 12-14",
    "__init__.py": "__init__.py",
    "File: _parse.py": "_parse.py",
    "app/(routes)/[id]/page.tsx:12": "app/(routes)/[id]/page.tsx 12",
    "[page.tsx#L12](https://github.com/a/b/blob/main/app/(routes)/page.tsx#L12)": "app/(routes)/page.tsx 12",
    "https://github.com/a/b/blob/main/app/(routes)/page.tsx#L12": "app/(routes)/page.tsx 12",
    "Lines 12-14:": " 12-14",
    "// L12-L14": " 12-14",
    "https://github.com/a/b/blob/0123abc/src/x.sol#L12C5-L14C8": "src/x.sol 12-14",
    "// https://gitlab.com/a/b/-/blob/main/src/x.sol#L12-14": "src/x.sol 12-14",
    "<https://bitbucket.org/a/b/src/0123abc/src/x.sol#lines-12:14>": "src/x.sol 12-14",
    "Link: https://codeberg.org/a/b/src/branch/main/src/x.sol#L12": "src/x.sol 12",
    "[x.sol#L12](https://github.com/a/b/blob/main/src/x.sol#L12)": "src/x.sol 12",
    "[Link to code](https://github.com/a/b/blob/main/src/x.sol#L12)": "src/x.sol 12",
    "Figure 1.1: The withdraw function (src/x.sol#L12–L14)": "src/x.sol 12-14",
    "Listing 4. Part of the check": "",
}


@pytest.mark.parametrize("line", HEADS)
def test_a_line_that_names_a_file_says_which_and_which_lines(line: str) -> None:
    head = find_head(line)

    assert head is not None
    assert " ".join([head.path, *map(str, head.regions)]) == HEADS[line]


@pytest.mark.parametrize(
    "line",
    [
        "self.value",
        "import os.path",
        "from foo.bar import baz",
        '#include "vault.c"',
        "return vault.c;",
        "vault.go()",
        "x = a/b.c",
        "vault.c - fee(a, b)",
        '"./vault.js",',
        "'src/vault.js'",
        "// e.g. the total",
        "path = os.path.join(FOLDER, name)",
        "path: os.path.join",
        '"https://example.com/vault.js",',
        "https://example.com/vault.js evil();",
        "// see the README",
        "src/load.py:12:def load(path):",
        "12: vault.sol",
        "contract Vault is Base {",
        "https://example.com",
        "",
    ],
)
def test_code_and_comments_name_no_file(line: str) -> None:
    assert find_head(line) is None


@pytest.mark.parametrize("head", [line for line, named in HEADS.items() if "Vault" in named])
def test_a_first_line_that_names_the_file_is_set_aside(head: str) -> None:
    assert_read(f"{head}\n{code(11, 15)}", Verdict.EXACT, found="11-15")
    assert_read(f"{head}\n\n11: {LINES[10]}\n12: {LINES[11]}\n13: {LINES[12]}", Verdict.EXACT, found="11-13")
    assert_read(f"{head}\n```solidity\n{code(11, 15)}\n```", Verdict.EXACT, found="11-15")
    assert checked(f"{head}\n{code(11, 15)}").names == HEADS[head]


@pytest.mark.parametrize(
    "words", ["solidity:src/Vault.sol", "11:15:src/Vault.sol", 'solidity title="src/Vault.sol"', "sol src/Vault.sol"]
)
def test_a_fence_that_names_the_file_is_read(words: str) -> None:
    assert_read(f"```{words}\n{code(11, 15)}\n```", Verdict.EXACT, found="11-15")
    assert checked(f"```{words}\n{code(11, 15)}\n```").names == "src/Vault.sol"


@pytest.mark.parametrize("words", ["solidity", "next.js", "js {1,3}", "c++", "diff"])
def test_the_name_of_a_language_is_no_file(words: str) -> None:
    assert find_named_file(words) is None


def test_lines_that_a_head_names_are_the_claim_when_the_quote_has_no_numbers() -> None:
    assert [str(region) for region in checked(f"Vault.sol#L6-L7\n{code(11, 12)}").claimed] == ["6-7"]
    assert checked(f"Vault.sol#L6-L7\n{code(11, 12)}").verdict is Verdict.MOVED
    assert checked(f"Vault.sol#L6-L7\n11: {LINES[10]}\n12: {LINES[11]}").verdict is Verdict.EXACT


def test_an_address_below_the_code_and_a_head_above_each_group_are_set_aside() -> None:
    address = "https://github.com/a/b/blob/main/src/Vault.sol#L11-L15"

    assert_read(f"{code(11, 15)}\n{address}", Verdict.EXACT, found="11-15")
    assert_read(f"```\n{code(11, 15)}\n```\n{address}", Verdict.EXACT, found="11-15")
    assert_read(f"{code(11, 15)}\nFigure 2.1: The function withdraw (Vault.sol#L11–L15)", Verdict.EXACT, found="11-15")
    groups = f"// Vault.sol#L6-L7\n{code(6, 7)}\n\n// Vault.sol#L11-L13\n{code(11, 13)}"
    assert_read(groups, Verdict.ELIDED, found="6-7 11-13")
    assert not is_accepted(checked(groups.replace("// Vault.sol#L11", "// Other.sol#L11")))


def test_a_line_of_the_file_that_names_a_file_is_code() -> None:
    file = index_lines(("// src/app.py", "second = compute(1)", "third = compute(2)"))

    check = check_quote("// src/app.py\nsecond = compute(1)", file, (Region(start_line=1, end_line=2),))

    assert (check.verdict, [str(region) for region in check.found], check.names) == (Verdict.EXACT, ["1-2"], None)


def test_an_entry_of_a_data_file_is_no_head() -> None:
    file = index_lines(("steps:", "  path: dist/app.js", "  retention: 5"), "yaml")
    cited = (Region(start_line=1, end_line=3),)

    assert is_accepted(check_quote("path: dist/app.js\nretention: 5", file, cited))
    assert not is_accepted(check_quote("path: dist/evil.js\nretention: 5", file, cited))
    assert not is_accepted(check_quote("- dist/evil.js\nretention: 5", file, cited))
    assert not is_accepted(check_quote("lines: 5\nretention: 5", file, cited))
    assert not is_accepted(check_quote("- https://github.com/o/r/blob/main/x.js\nretention: 5", file, cited))
    assert is_accepted(check_quote("https://github.com/o/r/blob/main/conf/steps.yaml\nretention: 5", file, cited))
    assert is_accepted(check_quote("File: conf/steps.yaml\nretention: 5", file, cited))
    assert is_accepted(check_quote("# conf/steps.yaml\nretention: 5", file, cited))


def test_numbers_are_moved_with_the_code_and_words_above_it_are_not() -> None:
    numbered = f"File: src/Vault.sol\n11: {LINES[10]}\n{code(12, 13)}\n...\n15: {LINES[14]}"
    claimed = checked(numbered).claimed

    moved = renumber(numbered, claimed, (), lambda line: line + 5)

    assert moved == numbered.replace("11:", "16:").replace("15:", "20:")
    assert renumber(f"Vault.sol#L11-L12\n{code(11, 12)}", claimed, claimed, lambda line: line + 5) is None


@pytest.mark.parametrize(
    ("named", "path", "may"),
    [
        ("Vault.sol", "src/core/Vault.sol", True),
        ("core/Vault.sol", "src/core/Vault.sol", True),
        ("./src/core/vault.sol", "src/core/Vault.sol", True),
        ("home/me/protocol/src/Vault.sol", "src/Vault.sol", True),
        ("src/Vault.sol", "src/core/Vault.sol", True),
        ("src/Vault.sol", "test/Vault.sol", False),
        ("Other.sol", "src/Vault.sol", False),
        ("", "src/Vault.sol", True),
    ],
)
def test_a_shortened_path_may_name_the_file(named: str, path: str, may: bool) -> None:
    assert may_name(named, path) is may


STYLES = ["{0} {1}", "{0}: {1}", "{0}:{1}", "L{0} {1}", "L{0}: {1}", "{0} | {1}", "| {0} | {1}", "| {0} | {1} |", "+ {0} {1}",
          "{0}→{1}",
          "[{0}] {1}", "[{0}]: {1}", "({0}) {1}", "#{0} {1}", "{0}. {1}", "{0}) {1}", "Line {0}: {1}", "{0} - {1}",
          "{0}\t{1}",
          "{0} > {1}", "/* {0} */ {1}", "> {0} | {1}", "=> {0}: {1}", "{0} │ {1}", "{0:04d}: {1}", "{0} : {1}"]  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_numbers_may_be_written_in_any_style(style: str) -> None:
    quote = "\n".join(style.format(number, LINES[number - 1]) for number in range(11, 16))

    assert_read(quote, Verdict.EXACT, Verdict.WHITESPACE, found="11-15")
    wrong = "\n".join(style.format(number + 1, LINES[number - 1]) for number in range(11, 16))
    assert checked(wrong).verdict is Verdict.MOVED


def test_what_a_bot_prints_before_each_line_is_set_aside() -> None:
    quote = "\n".join(f"2023-05-vault/src/Vault.sol::{number} => {LINES[number - 1]}" for number in range(11, 16))

    assert_read(quote, Verdict.EXACT, found="11-15")


def test_characters_that_nobody_sees_are_set_aside() -> None:
    assert_read(code(11, 15).replace("require", "\u200brequire"), Verdict.EXACT, found="11-15")


@pytest.mark.parametrize("style", STYLES)
def test_the_end_of_a_comment_behind_a_number_is_code(style: str) -> None:
    lines = ("/**", " * Returns it.", " */", "good();", "/** Next. */", "next();")
    quote = "\n".join(style.format(number, line) for number, line in enumerate(lines, 1))
    file = index_lines(lines, "javascript")

    assert check_quote(quote, file, ()).verdict in (Verdict.EXACT, Verdict.WHITESPACE)
    assert not is_accepted(check_quote(quote.replace("good", "evil"), file, ()))


def test_a_colon_behind_some_of_the_numbers_is_no_code() -> None:
    assert_read(f"11    {LINES[10]}\n12    {LINES[11]}\n13:   {LINES[12]}", Verdict.EXACT, Verdict.WHITESPACE, found="11-13")


def test_rows_of_a_compiler_between_numbered_lines_are_remarks() -> None:
    rows = f"  --> src/Vault.sol:12:5\n   |\n12 | {LINES[11]}\n   |         ^^^^^^^ not checked\n13 | {LINES[12]}\n   |"

    assert_read(rows, Verdict.ANNOTATED, found="12-13")


def test_numbers_that_count_an_excerpt_from_1_are_not_those_of_the_file() -> None:
    quote = "\n".join(f"{number}: {line}" for number, line in enumerate(LINES[10:15], 1))

    assert_read(quote, Verdict.EXACT, found="11-15")


MARKS = ["...", "…", "// ...", "/* ... */", "[...]", "{...}", "(...)", "[…]", ".\n.\n.", "...\n...", ":\n:", ". . .", "..", "⋮",
         "rest of the function", "// rest of the function", "// ... rest of the function", "// ... existing code ...",
         "# existing code", "existing code", "// [code omitted]", "[code omitted]", "// omitted for brevity",
         "// code omitted for brevity", "[snip]", "<snip>", "--- snip ---", "// ---- snip ----", "// more code here",
         "// remaining code", "// other code...", "// 2 lines omitted", "... 2 lines skipped ...", "// same as before",
         "// skipped lines", "-----", "* * *"]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_or_words_say_that_lines_were_left_out(mark: str) -> None:
    assert_read(f"{code(11, 11)}\n{mark}\n{code(13, 15)}", Verdict.ELIDED, found="11 13-15")
    assert checked(f"{code(11, 11)}\n{mark}\n{code(13, 15)}").unmarked_gaps == 0


@pytest.mark.parametrize(
    "line",
    [
        "[hidden]",
        "{ removed }",
        "return previous code",
        "import more code",
        "snip()",
        "/* ... */ evil();",
        "<!-- ... --> evil();",
        "... evil();",
        "call(...)",
        "// the other one",
        "the remaining lines are deleted by the function",
    ],
)
def test_what_may_be_code_is_no_elision_mark(line: str) -> None:
    assert not is_elision(line)


BEHIND = ["@audit", "@audit this is wrong", "@audit-info x", "@audit-issue", "@note x", "@info x", "@bug x", "<--", "<-- here",
          "<<< here", "←", "← here", "👈", "👈 here", "❌", "=> root cause", "-> root cause", "// HERE", "// <-- HERE", "# <--",
          "// @audit x", "/// @audit x", "/* @audit x */", "//@audit", "// BUG: x", "// ^^^", "HERE", "[@audit] x",
          "**<-- here**", "| // @audit x"]  # fmt: skip


@pytest.mark.parametrize("mark", BEHIND)
def test_a_remark_behind_a_line_is_set_aside(mark: str) -> None:
    quote = f"{code(11, 13)} {mark}\n{code(14, 15)}"

    assert_read(quote, Verdict.ANNOTATED, found="11-15")
    assert_read(quote.replace(f" {mark}", f"    {mark}"), Verdict.ANNOTATED, found="11-15")


BETWEEN = ["@audit this is wrong", "@audit-issue", "// @audit x", "/// @audit-info x", "/* @audit x */", "# @audit", "@note x",
           "@bug no", "^^^^ here", "        ^^^^^^", "// ^^^ WRONG LINE ^^^",
           "<-- here", "👆 here", "↑ this line", "^^^^ it isn't checked", "<-- the caller's address", "// HERE", "// BUG",
           ">>> note that this is wrong", "=> this is the root cause", "**@audit** x", "[@audit no check]"]  # fmt: skip


@pytest.mark.parametrize("mark", BETWEEN)
def test_a_remark_on_its_own_line_is_set_aside(mark: str) -> None:
    assert_read(f"{code(11, 13)}\n{mark}\n{code(14, 15)}", Verdict.ANNOTATED, found="11-15")


IN_FRONT = [
    "@>",
    "@> ",
    "@ >  ",
    "@@@ ",
    "=> ",
    "==> ",
    "-> ",
    "--> ",
    ">>> ",
    ">> ",
    "→ ",
    "👉 ",
    "❌ ",
    "@audit ",
    "@audit: ",
    "/*@audit*/ ",
]


@pytest.mark.parametrize("mark", IN_FRONT)
def test_a_mark_in_front_of_a_line_is_set_aside(mark: str) -> None:
    assert_read(f"{code(11, 12)}\n{mark}{code(13, 13)}\n{code(14, 15)}", Verdict.ANNOTATED, found="11-15")


@pytest.mark.parametrize(
    "line",
    [
        "@> evil();",
        "@audit evil();",
        "/* @audit */ evil();",
        "^^^ evil();",
        "^^^ x = 'evil'",
        "~~evil();",
        "<-- evil();",
        "=> evil()",
        "-> evil",
        ">>> return not evil",
        "!!! evil();",
        "🔴 evil();",
        "👉 db := s.open(evil)",
        "👉 method: 'GET',",
        "👉 </span>",
        "👉 uint256 evil",
        "← evil(x)",
        "=>     The input is not checked",
        ">>> pool.evil # HERE",
        "👉 db.evil is here",
        "@audit     uint256 evil",
        "@audit db := s.open(evil)",
        "@audit if x is not evil:",
        "evil(); // HERE",
        "evil(); <-- here",
        "@bug",
        "@note(x)",
        "@Info",
        "@audit_log",
        "balances[msg.sender] -= amount; /* @audit */ evil();",
        'require(ok, "failed"); => evil();',
        "@@@ evil();",
    ],
)
def test_no_mark_hides_a_line_that_may_be_code(line: str) -> None:
    assert not is_accepted(checked(f"{code(11, 13)}\n{line}\n{code(14, 15)}"))


def test_a_picture_in_a_string_is_no_remark() -> None:
    file = index_lines(('print("   ✓ Files were written")', "done()"), "python")

    assert not is_accepted(check_quote('print("   ✓ Files were removed")\ndone()', file, ()))
    assert is_accepted(check_quote('print("   ✓ Files were written")  ✓ fine\ndone()', file, ()))


def test_a_mark_that_is_code_stays() -> None:
    assert strip_remark("    x = y -> z", {"x = y"}) == "    x = y -> z"
    assert strip_remark("    f(a) ^ b", {"f(a)"}) == "    f(a) ^ b"
    assert strip_remark("    f(a) >>> b", {"f(a)"}) == "    f(a) >>> b"
    assert strip_remark(") -> Result of it:  <-- here", {")"}) == ") -> Result of it:"
    assert strip_remark("x = a * MISSING", {"x = a"}) == "x = a * MISSING"


def patch(*lines: str) -> str:
    return "\n".join(lines)


PATCHES = [
    patch(LINES[10], "-" + LINES[11], "+        check();", LINES[12]),
    patch(" " + LINES[10], "-" + LINES[11], "+        check();", " " + LINES[12]),
    patch(" " + LINES[10], "- " + LINES[11], "+         check();", " " + LINES[12]),
    patch(LINES[10], "--" + LINES[11][1:], "++       check();", LINES[12]),
    patch(LINES[10], LINES[11], "+        check();", LINES[12]),
    patch(LINES[10], "-" + LINES[11], LINES[12]),
    patch("```diff", LINES[10], "-" + LINES[11], "+check();", LINES[12], "```"),
    patch("@@ -11,3 +11,3 @@", " " + LINES[10], "-" + LINES[11], "+        check();", " " + LINES[12]),
    patch("diff --git a/Vault.sol b/Vault.sol", "--- a/Vault.sol", "+++ b/Vault.sol", "@@ -11,3 +11,3 @@ contract Vault {",
          " " + LINES[10], "-" + LINES[11], "+        check();", " " + LINES[12]),
    patch("11:  " + LINES[10], "- 12: " + LINES[11], "+ 12: check();", "13: " + LINES[12]),
    patch("11   " + LINES[10], "12 - " + LINES[11], "12 + check();", "13   " + LINES[12]),
]  # fmt: skip


@pytest.mark.parametrize("quote", PATCHES)
def test_of_a_proposed_patch_what_it_changes_is_checked_and_what_it_adds_is_not(quote: str) -> None:
    assert_read(quote, Verdict.ANNOTATED, found="11-13")
    assert not is_accepted(checked(quote.replace("require(balances", "assert(balances")))


def test_a_side_without_the_end_of_a_comment_does_not_hide_code_in_it() -> None:
    file = index_lines(("/**", " * Returns it.", " */", "good();", "/** Next. */", "next();"), "javascript")
    quote = "/**\n * Returns it.\n- */\n+better();\n{}();\n/** Next. */\nnext();"

    assert is_accepted(check_quote(quote.format("good"), file, ()))
    assert not is_accepted(check_quote(quote.format("evil"), file, ()))


def test_what_was_left_out_does_not_hide_code_in_a_comment() -> None:
    file = index_lines(("/**", " * Returns it.", " */", "good();", "", "/** Next. */", "next();"), "javascript")
    marked = "/**\n * Returns it.\n...\n{}();\n\n/** Next. */\nnext();"

    assert is_accepted(check_quote(marked.format("good"), file, ()))
    for quote in (marked, marked.replace("...\n", "")):
        assert not is_accepted(check_quote(quote.format("evil"), file, ()))


def test_a_diff_names_its_file() -> None:
    assert checked(PATCHES[8]).names == "Vault.sol"
    assert checked(PATCHES[7]).names is None


@pytest.mark.parametrize("context", ["", " "])
def test_of_a_patch_against_the_code_before_it_the_new_side_is_checked(context: str) -> None:
    quote = patch(context + LINES[10], "-        check();", "+" + LINES[11], context + LINES[12])

    assert_read(quote, Verdict.ANNOTATED, found="11-13")
    assert not is_accepted(checked(quote.replace("require(balances", "assert(balances")))


def test_of_a_patch_whose_sides_are_both_in_the_file_the_old_one_is_meant() -> None:
    file = index_lines(("while (updated < week) {", "}", "while (updated < systemWeek) {", "}"))

    check = check_quote("- while (updated < systemWeek) {\n+ while (updated < week) {", file, ())

    assert [str(region) for region in check.found] == ["3"]


@pytest.mark.parametrize(
    ("lines", "quote"),
    [
        (("total = base", "done()"), "total = base\n+ evil\ndone()"),
        (("check(ok)", "amount,"), "check(ok)\n-amount,"),
        (("steps:", "run: make", "run: test"), "steps:\n- run: make\n- run: evil"),
        (("a = 1", "b = 2"), "a = 1\n  + evil\nb = 2"),
    ],
)
def test_operators_and_lists_are_no_patch(lines: tuple[str, ...], quote: str) -> None:
    assert not is_accepted(check_quote(quote, index_lines(lines), ()))


@pytest.mark.parametrize("bar", ["> ", "| "])
def test_bars_that_a_mail_program_puts_before_each_line_are_set_aside(bar: str) -> None:
    quote = "\n".join(bar + line for line in LINES[10:15])

    assert_read(quote, Verdict.EXACT, found="11-15")
    assert not is_accepted(checked("> balances[msg.sender] -= amount;".replace("balances", "totals")))


@pytest.mark.parametrize("style", STYLES)
def test_numbers_on_some_lines_are_read(style: str) -> None:
    first = style.format(11, LINES[10])

    for quote in (f"{first}\n{code(12, 15)}", f"{first}\n{code(12, 14)}\n{style.format(15, LINES[14])}"):
        reading = next(reading for reading in read_quote(quote) if reading.is_numbered)
        assert [str(region) for region in reading.claimed] == ["11-15"]
        assert [line.number for line in reading.lines][:4] == [11, None, None, None]


def test_numbers_on_the_first_line_of_each_group_name_both_groups() -> None:
    reading = read_quote(f"6   {LINES[5]}\n{code(7, 8)}\n\n11   {LINES[10]}\n{LINES[11]}")[0]

    assert [str(region) for region in reading.claimed] == ["6-8", "11-12"]


def test_a_number_inside_code_is_none_of_the_quote() -> None:
    reading = read_quote("11: split(\n100 ether,\n20 ether\n);")[0]

    assert [line.number for line in reading.lines] == [11, None, None, None]


PROMPTS = {
    "$ sed -n 11,15p src/Vault.sol": "src/Vault.sol",
    "❯ bat src/Vault.sol": "src/Vault.sol",
    "% cat -n x": "",
    "> type src\\Vault.sol": "src/Vault.sol",
    "PS C:\\work> type src\\Vault.sol": "src/Vault.sol",
    "user@host:~/app$ ./show 11 15": "",
    "user@host app % nl src/Vault.sol": "src/Vault.sol",
    "[user@host app]$ less src/Vault.sol": "src/Vault.sol",
    "(venv) ~/app ❯ cat src/Vault.sol": "src/Vault.sol",
    "➜  app git:(main) ✗ cat src/Vault.sol": "src/Vault.sol",
    "$ git show v1.0:src/Vault.sol | sed -n 11,15p": "src/Vault.sol",
    "$ cat src/Vault.sol src/Token.sol": "",
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_command_above_what_it_printed_is_set_aside(prompt: str) -> None:
    numbered = "\n".join(f"{number}:{LINES[number - 1]}" for number in (7, 13, 15))

    assert_read(f"{prompt}\n{code(11, 15)}", Verdict.EXACT, found="11-15")
    assert_read(f"{prompt}\n{numbered}", Verdict.ELIDED, found="7 13 15")
    assert_read(f"```console\n{prompt}\n{numbered}\n```", Verdict.ELIDED, found="7 13 15")
    assert checked(f"{prompt}\n{code(11, 15)}").names == PROMPTS[prompt]


@pytest.mark.parametrize(
    "line",
    [
        "  $ cat -n src/x.hs",
        "$ head xs",
        "$ foldr -1 xs",
        "% of the fee",
        "% cat and dog",
        "> type Path",
        "# cat src/x.py",
        "a@b % cat -n x",
        "a@b > limit",
        "➜ total cat",
        "$total = cat -n x",
    ],
)
def test_an_operator_or_a_comment_is_no_prompt(line: str) -> None:
    assert find_head(line) is None
    assert checked(f"{line}\n{code(11, 15)}").verdict is Verdict.EDITED


def test_the_prompt_below_what_a_command_printed_is_set_aside() -> None:
    for prompt in ("$", "user@host:~/app$"):
        assert_read(f"{prompt} cat src/Vault.sol\n{code(11, 15)}\n{prompt} ", Verdict.EXACT, found="11-15")
        assert not is_accepted(checked(f"{code(11, 15)}\n{prompt}"))
    assert not is_accepted(checked(f"$ cat src/Vault.sol\n{code(11, 15)}\n$ evil"))
    assert [line.text for line in read_quote("$ head xs\nys\n$")[-1].lines] == ["$ head xs", "ys", "$"]


def test_a_command_in_a_document_is_a_line_of_it() -> None:
    file = index_lines(("$ cat -n right.txt", "one line", "another line"), "markdown")

    assert check_quote("$ cat -n right.txt\none line", file, ()).verdict is Verdict.EXACT
    assert not is_accepted(check_quote("$ cat -n wrong.txt\none line", file, ()))


TYPED = index_lines(("require(sender == owner, 'not', \"ours\");", "count--;", "left = right - 1;", 'say("a – b");'))


@pytest.mark.parametrize(
    ("quote", "verdict"),
    [
        ("require(sender == owner, ‘not’, “ours”);", Verdict.ANNOTATED),
        ("require(sender == owner, 'not', „ours“);", Verdict.ANNOTATED),
        ("1:\u00a0require(sender == owner, ‘not’, “ours”);", Verdict.ANNOTATED),
        ("1\u00a0require(sender == owner, 'not', \"ours\");", Verdict.ANNOTATED),
        ("require(sender\u00a0== owner, 'not', \"ours\");", Verdict.WHITESPACE),
        ("count–;", Verdict.ANNOTATED),
        ("count—;", Verdict.ANNOTATED),
        ("left = right – 1;", Verdict.ANNOTATED),
        ('say("a – b");', Verdict.EXACT),
    ],
)
def test_characters_that_a_word_processor_replaced_are_read_as_typed(quote: str, verdict: Verdict) -> None:
    assert check_quote(quote, TYPED, ()).verdict is verdict


@pytest.mark.parametrize(
    "quote",
    [
        "require(sender == owner, ‘now’, “ours”);",
        "require(sender == owner, “not”, “ours”);",
        "require(sender != owner, ‘not’, “ours”);",
        "count-;",
        "left = right — 1;",
        "left = right – 2;",
        'say("a - b");',
        'say("a -- b");',
    ],
)
def test_no_other_character_is_taken_for_another(quote: str) -> None:
    assert not is_accepted(check_quote(quote, TYPED, ()))


def test_one_word_behind_an_arrow_is_a_remark_only_behind_a_whole_statement_of_the_file() -> None:
    assert_read(f"{code(11, 13)}  <- reentrancy\n{code(14, 15)}", Verdict.ANNOTATED, found="11-15")
    assert_read(f"{code(11, 13)} <- rounding!\n{code(14, 15)}", Verdict.ANNOTATED, found="11-15")
    for rest in ("<-reentrancy", "<- evil()", "<- evil_1", "<- evil;"):
        assert not is_accepted(checked(f"{code(11, 13)} {rest}\n{code(14, 15)}"))
    assert strip_remark("dim(matrix) <- size", {"dim(matrix)"}) == "dim(matrix) <- size"
    assert strip_remark("(first, second) <- pair", {"(first, second)"}) == "(first, second) <- pair"
