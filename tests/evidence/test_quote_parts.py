"""Quotes that are not whole lines where they are cited: parts of lines, code around the cited line, repeated code, comments.

Each kind stands beside its false counterpart, which must not be accepted.
"""

from __future__ import annotations

import pytest

from findings_report.evidence.quote import LineIndex, check_quote, index_lines
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.sourcecode.lines import split_lines

ACCEPTED = {
    Verdict.EXACT,
    Verdict.WHITESPACE,
    Verdict.PARTIAL,
    Verdict.ELIDED,
    Verdict.ANNOTATED,
    Verdict.COMMENTS,
}

PYTHON = """\
import random

ALPHABET = "abcdef"


class Sessions:
    def start(self, owner):
        token = "".join(random.choice(ALPHABET) for _ in range(24))
        self.tokens[token] = owner  # kept until restart
        return token

    def stop(self, token):
        # nobody checks whose it is
        self.tokens.pop(token, None)
        return not self.tokens
"""

SOLIDITY = """\
contract Vault {
    function deposit(uint256 amount) external {
        require(amount > 0, "zero");
        balances[msg.sender] += amount; // credited first
        emit Deposited(msg.sender, amount);
    }

    /* Pays out. */
    function withdraw(uint256 amount, address payable receiver, bytes calldata memo) external nonReentrant returns (bool) {
        if (balances[msg.sender] < amount) {
            revert Insufficient(
                msg.sender,
                amount
            );
        }
        // effects
        balances[msg.sender] -= amount;
        (bool ok, ) = receiver.call{value: amount}("");
        return !ok ? false : true;
    }
}
"""


def indexed(text: str, language: str) -> LineIndex:
    return index_lines(split_lines(text), language)


FILES = {"python": indexed(PYTHON, "python"), "solidity": indexed(SOLIDITY, "solidity")}


def regions(text: str) -> tuple[Region, ...]:
    pairs = [part.split("-") for part in text.split(", ")] if text else []
    return tuple(Region(start_line=int(pair[0]), end_line=int(pair[-1])) for pair in pairs)


def checked(language: str, quote: str, cited: str) -> Check:
    return check_quote(quote, FILES[language], regions(cited))


def found(check: Check) -> str:
    return ", ".join(map(str, check.found))


PARTS = [
    ("python", "random.choice(ALPHABET)", "8", "8"),
    ("python", "random.choice(ALPHABET) for _ in", "8", "8"),
    ("python", "token = ... range(24))", "8", "8"),
    ("python", 'token = "".join(…)', "8", "8"),
    ("python", 'token = "".join(random.choice(ALPHABET)\n    for _ in range(24))', "8", "8"),
    ("python", 'token = "".join(random.cho\nice(ALPHABET) for _ in range(24))', "8", "8"),
    ("python", 'token = "".join(random.choice(ALPHABET)\n↪ for _ in range(24))', "8", "8"),
    ("python", 'token = "".join(random.choice(ALPHABET) ↩\nfor _ in range(24))', "8", "8"),
    ("python", 'token = "".join(rand...', "8", "8"),
    ("python", "…ange(24))", "8", "8"),
    ("python", "8: random.choice(ALPHABET) for _ in range(24))", "8", "8"),
    ("python", "range(24))\n        self.tokens[token] = owner", "8-9", "8-9"),
    ("python", "start(self, owner):\n        ...\n        return tok" + "en", "7-10", "7, 10"),
    ("python", "not self.tokens", "15", "15"),
    ("python", "return", "10", "10"),
    ("solidity", "revert Insufficient(msg.sender, amount);", "11-14", "11-14"),
    (
        "solidity",
        "function withdraw(\n    uint256 amount,\n    address payable receiver,\n    bytes calldata memo\n)",
        "9",
        "9",
    ),
    ("solidity", "function withdraw(uint256 amount, ..., bytes calldata memo)", "9", "9"),
    ("solidity", "function withdraw(...) external nonReentrant", "9", "9"),
    ("solidity", "receiver.call{value: amount}(...)", "18", "18"),
    ("solidity", "if (balances[msg.sender] < amount) { ... }", "10-15", "10, 15"),
    ("solidity", "withdraw(uint256 amount, /* ... */ bytes calldata memo)", "9", "9"),
]


@pytest.mark.parametrize(("language", "quote", "cited", "where"), PARTS)
def test_a_part_of_a_line_is_verified_where_it_is_cited(language: str, quote: str, cited: str, where: str) -> None:
    check = checked(language, quote, cited)

    assert check.verdict in {Verdict.PARTIAL, Verdict.ELIDED}
    assert found(check) == where
    assert check.unmarked_gaps == 0


NOT_PARTS = [
    ("python", "random.choice(SECRET)", "8"),
    ("python", "random.choice(ALPHABET) if _ in", "8"),
    ("python", "token = ... range(42))", "8"),
    ("python", "range(24)) ... token =", "8"),
    ("python", 'token = "".join(random.choice(ALPHABET)\n    if _ in range(24))', "8"),
    ("python", "8: secrets.choice(ALPHABET) for _ in range(24))", "8"),
    ("python", "range(24))\n        self.tokens[owner] = owner", "8-9"),
    ("python", "oken = ", "8"),
    ("python", 'token = "".join(rund...', "8"),
    ("python", 'token = "".join(rand ...', "8"),
    ("python", "…inge(24))", "8"),
    ("python", 'token = "".join(random.choice(ALPHABET)\n↪ if _ in range(24))', "8"),
    ("python", "self.token", "9"),
    ("solidity", "revert Insufficient(msg.sender, balance);", "11-14"),
    ("solidity", "revert Insufficient(amount, msg.sender);", "11-14"),
    ("solidity", "function withdraw(uint256 amount, ..., bytes calldata note)", "9"),
    ("solidity", "function withdraw(...) external onlyOwner", "9"),
    ("solidity", "return ok ? false : true;", "19"),
    ("solidity", "if (balances[msg.sender] < amount) { ... emit Deposited(msg.sender, amount); }", "10-15"),
    ("solidity", "balances[msg.sender] -= amount\n(bool ok, ) = msg.sender.call", "17-19"),
]


@pytest.mark.parametrize(("language", "quote", "cited"), NOT_PARTS)
def test_what_differs_in_a_character_or_in_order_is_no_part(language: str, quote: str, cited: str) -> None:
    check = checked(language, quote, cited)

    assert check.verdict not in ACCEPTED
    assert check.text not in ACCEPTED


@pytest.mark.parametrize("quote", [")", "return", "range(", "owner", "ok"])
def test_a_part_that_tells_no_place_is_not_accepted_away_from_the_cited_lines(quote: str) -> None:
    language = "python" if quote in PYTHON else "solidity"

    assert checked(language, quote, "1").verdict is Verdict.NOT_FOUND


def test_a_part_that_is_there_once_is_found_away_from_the_cited_lines() -> None:
    check = checked("python", "random.choice(ALPHABET)", "12-15")

    assert (check.verdict, check.text, found(check)) == (Verdict.MOVED, Verdict.PARTIAL, "8")


def test_blanks_that_part_no_words_do_not_matter_and_those_that_do_are_kept() -> None:
    assert checked("solidity", "balances[ msg.sender ]-=amount;", "17").verdict is Verdict.WHITESPACE
    assert checked("python", "returntoken", "10").verdict not in ACCEPTED


LONG = "\n".join(f"    value_{number} = compute({number})" for number in range(1, 41)) + "\n"
AROUND = [
    ("12", "10-15", "10-11, 13-15"),
    ("14-20", "10-15", "10-13"),
    ("1-10", "10-15", "11-15"),
    ("12, 30", "10-15", "10-11, 13-15"),
]


@pytest.mark.parametrize(("cited", "quoted", "outside"), AROUND)
def test_code_around_a_cited_line_has_the_verdict_of_its_text(cited: str, quoted: str, outside: str) -> None:
    file = indexed(LONG, "python")
    (region,) = regions(quoted)

    check = check_quote("\n".join(file.lines[region.start_line - 1 : region.end_line]), file, regions(cited))

    assert (check.verdict, found(check), ", ".join(map(str, check.outside))) == (Verdict.EXACT, quoted, outside)


@pytest.mark.parametrize("cited", ["16", "1-9", "16-40", "2, 30"])
def test_a_quote_that_shows_none_of_the_cited_lines_has_moved(cited: str) -> None:
    file = indexed(LONG, "python")

    check = check_quote("\n".join(file.lines[9:15]), file, regions(cited))

    assert (check.verdict, check.text, found(check), check.outside) == (Verdict.MOVED, Verdict.EXACT, "10-15", ())


def test_a_quote_with_gaps_around_a_cited_line_is_elided() -> None:
    file = indexed(LONG, "python")

    check = check_quote("\n".join([*file.lines[9:14], *file.lines[15:18]]), file, regions("12"))

    assert (check.verdict, found(check), check.unmarked_gaps) == (Verdict.ELIDED, "10-14, 16-18", 1)


HEAD = "contract Vault {\n    function deposit(uint256 amount) external {\n"
SKELETON = [
    (HEAD + "        emit Deposited(msg.sender, amount);\n    }\n}", True),
    (HEAD + "        emit Deposited(msg.sender, total);\n    }\n}", False),
    ("        emit Deposited(msg.sender, amount);\n    }\n}\n" + HEAD, False),
]


@pytest.mark.parametrize(("quote", "is_right"), SKELETON)
@pytest.mark.parametrize("cited", ["", "2", "2-6"])
def test_lines_that_are_in_the_file_once_may_stand_apart(quote: str, is_right: bool, cited: str) -> None:
    check = checked("solidity", quote, cited)

    assert (check.verdict in ACCEPTED) == is_right
    assert not is_right or (found(check).startswith("1-2, 5-6") and check.unmarked_gaps == 2)


def test_a_brace_after_a_mark_is_the_one_with_the_indentation_of_the_quote() -> None:
    quote = f"{FILES['solidity'].lines[8]}\n    ...\n    }}"

    assert found(checked("solidity", quote, "9-20")) == "9, 20"


ONE_ALIKE = """\
function change{n}(bool up)
    {{
    if (up)
        {{
        increase(10);
        }}
    else
        {{
        decrease(10);
        }}
    }}

"""
ALIKE = "".join(ONE_ALIKE.format(n=n) for n in range(6))


def alike(first: int, last: int) -> str:
    return "\n".join(split_lines(ALIKE)[first - 1 : last])


@pytest.mark.parametrize("cited", ["3-10", "15-22", "27-34", "39-46", "51-58", "63-70"])
def test_the_cited_lines_decide_among_equal_places(cited: str) -> None:
    (region,) = regions(cited)

    check = check_quote(alike(3, 10), indexed(ALIKE, "solidity"), regions(cited))

    assert (check.verdict, found(check)) == (Verdict.EXACT, cited)
    assert region.start_line % 12 == 3


@pytest.mark.parametrize(("number", "where"), [(27, "27-34"), (51, "51-58")])
def test_the_numbers_in_a_quote_decide_among_equal_places(number: int, where: str) -> None:
    quote = "\n".join(f"{at}: {line}" for at, line in enumerate(alike(3, 10).split("\n"), number))

    check = check_quote(quote, indexed(ALIKE, "solidity"), ())

    assert (check.verdict, found(check)) == (Verdict.EXACT, where)


def test_the_nearest_of_equal_places_is_taken_when_none_is_cited() -> None:
    check = check_quote(alike(3, 10), indexed(ALIKE, "solidity"), regions("49"))

    assert (check.verdict, found(check)) == (Verdict.MOVED, "51-58")


def test_lines_that_are_everywhere_are_not_taken_from_far_away() -> None:
    quote = f"{alike(13, 13)}\n    {{\n    ...\n        decrease(10);\n        }}\n    }}"

    check = check_quote(quote, indexed(ALIKE, "solidity"), ())

    assert (check.verdict, found(check)) == (Verdict.ELIDED, "13-14, 21-23")


def test_a_brace_alone_does_not_bridge_a_gap() -> None:
    lines = ["start_of_everything();", *(f"step_{n}();" for n in range(20)), "        }", "end_of_everything();"]

    check = check_quote("start_of_everything();\n}", index_lines(tuple(lines)), ())

    assert check.verdict is Verdict.NOT_FOUND


COMMENTS = [
    ("python", "self.tokens[token] = owner", "9", {Verdict.PARTIAL}),
    ("python", "self.tokens[token] = owner  # never expires\n        return token", "9-10", {Verdict.COMMENTS}),
    ("python", "        self.tokens[token] = owner\n        return token", "9-10", {Verdict.COMMENTS}),
    ("python", "def stop(self, token):\n    self.tokens.pop(token, None)", "12-14", {Verdict.COMMENTS}),
    ("python", "def stop(self, token):\n    # anybody may\n    self.tokens.pop(token, None)", "12-14", {Verdict.COMMENTS}),
    ("python", "def start(self, owner):\n    # makes a token\n    return token", "7-10", {Verdict.COMMENTS}),
    ("solidity", "balances[msg.sender] += amount; // first\nemit Deposited(msg.sender, amount);", "4-5", {Verdict.COMMENTS}),
    ("solidity", "balances[msg.sender] += amount;\nemit Deposited(msg.sender, amount);", "4-5", {Verdict.COMMENTS}),
    ("solidity", "/* effects, then\n   interactions */\nbalances[msg.sender] -= amount;", "16-17", {Verdict.COMMENTS}),
    ("solidity", "    }\n    balances[msg.sender] -= amount;", "15-17", {Verdict.COMMENTS, Verdict.WHITESPACE}),
]


@pytest.mark.parametrize(("language", "quote", "cited", "wanted"), COMMENTS)
def test_code_that_is_equal_without_comments_is_accepted(language: str, quote: str, cited: str, wanted: set[Verdict]) -> None:
    check = checked(language, quote, cited)

    assert check.verdict in wanted
    assert check.unmarked_gaps == 0


NOT_COMMENTS = [
    ("python", "self.tokens[owner] = owner  # never expires\n        return token", "9-10"),
    ("python", "# kept until restart", "9"),
    ("python", "# nothing of this\n# is in the file", "12-14"),
    ("python", "def stop(self, token):\n    # anybody may\n    self.tokens.clear()", "12-14"),
    ("python", 'token = "#".join(random.choice(ALPHABET) for _ in range(24))\n        return token', "8-10"),
    ("solidity", "balances[msg.sender] += amount; // first\nemit Deposited(amount, msg.sender);", "4-5"),
    ("solidity", "balances[msg.sender] += amount; /* first */ evil();\nemit Deposited(msg.sender, amount);", "4-5"),
    ("solidity", '(bool ok, ) = receiver.call{value: amount}("//");\nreturn !ok ? false : true;', "18-19"),
]


@pytest.mark.parametrize(("language", "quote", "cited"), NOT_COMMENTS)
def test_a_comment_hides_no_other_difference(language: str, quote: str, cited: str) -> None:
    check = checked(language, quote, cited)

    assert check.verdict not in ACCEPTED - {Verdict.PARTIAL} or quote.startswith("# kept")
    assert check.text not in ACCEPTED


def test_a_quote_that_is_not_there_names_the_closest_lines() -> None:
    check = checked(
        "solidity", "require(amount > 100, 'too much');\nselfdestruct(owner);\nmint(msg.sender, amount * 2);", "17-19"
    )

    assert (check.verdict, str(check.closest)) == (Verdict.NOT_FOUND, "3")


def test_a_brace_in_the_cited_lines_does_not_make_an_edited_quote_one_of_them() -> None:
    quote = "\n".join(FILES["solidity"].lines[8:20]).replace("ok ? false", "ok ? maybe")

    check = checked("solidity", quote, "20-21")

    assert (check.verdict, check.text) == (Verdict.MOVED, Verdict.EDITED)


def test_a_line_within_a_quote_is_not_cut_where_words_are_left_out() -> None:
    quote = 'require(amount > 0, "zero");\nsender] += amount; // credited first\nemit Deposited(msg.sender, amount);'

    assert checked("solidity", quote, "3-5").verdict not in ACCEPTED


def test_repeated_lines_with_more_gaps_than_lines_are_no_quote() -> None:
    quote = "increase(10);\ndecrease(10);\nincrease(10);\ndecrease(10);"

    assert check_quote(quote, indexed(ALIKE, "solidity"), ()).verdict not in ACCEPTED


def test_a_wrong_number_on_the_first_line_decides_for_the_nearest_of_equal_places() -> None:
    quote = f"28: {alike(3, 3)}\n{alike(4, 10)}"

    check = check_quote(quote, indexed(ALIKE, "solidity"), ())

    assert (check.verdict, found(check)) == (Verdict.MOVED, "27-34")


def test_cited_lines_in_another_order_are_edited_also_when_one_of_them_is_there_again_below() -> None:
    lines = ["first_step();", "second_step();", "third_step();", *["other();"] * 6, "first_step();"]

    check = check_quote("second_step();\nthird_step();\nfirst_step();", index_lines(tuple(lines)), regions("1-3"))

    assert check.verdict is Verdict.EDITED


def test_an_edited_quote_of_the_cited_lines_is_not_taken_for_lines_strewn_elsewhere() -> None:
    steps = [f"step_number_{n}();" for n in range(1, 7)]
    lines = [*steps[:5], "step_number_six();", *["filler();"] * 20, *steps[:3], "another_call();", *steps[3:]]

    check = check_quote("\n".join(steps), index_lines(tuple(lines)), regions("1-6"))

    assert (check.verdict, found(check)) == (Verdict.EDITED, "1-6")


def test_other_comments_do_not_hide_what_was_left_out_of_code_elsewhere() -> None:
    code = [f"step_number_{n}(); // {n}" for n in range(1, 9)]
    quote = "\n".join(line.replace("// ", "// at ") for line in [*code[:3], *code[4:]])

    check = check_quote(quote, index_lines((*["filler();"] * 20, *code), "solidity"), regions("1-8"))

    assert check.text is not Verdict.COMMENTS


BRACES = """\
contract Vault {
    function deposit(uint256 amount) external returns (uint256 minted) {
        uint256 balance = token.balanceOf(address(this));
        if (totalShares == 0) {
            minted = amount;
        } else {
            minted = amount * totalShares / balance;
        }

        token.transferFrom(msg.sender, address(this), amount);
    }

    function withdraw(uint256 burned) external returns (uint256 amount) {
        require(shares[msg.sender] >= burned, "not enough shares");
        amount = burned * token.balanceOf(address(this)) / totalShares;
        token.transfer(msg.sender, amount);
        shares[msg.sender] -= burned;
        emit Withdraw(msg.sender, amount);
    }

    function rescue(IERC20 other, uint256 amount) external {
        require(msg.sender == owner, "not owner");
        other.transfer(owner, amount);
    }
}
"""
BRACES_FILE = indexed(BRACES, "solidity")


def braces(start: int, end: int) -> str:
    return "\n".join(BRACES.split("\n")[start - 1 : end])


def different(check: Check) -> list[tuple[str | None, int | None]]:
    """What is quoted and the line it is set against, of each difference."""
    return [(difference.quoted and difference.quoted.strip(), difference.line) for difference in check.differences]


@pytest.mark.parametrize("cited", ["3-6", "4-6", "4-7", "4-8", "4", "6-8", ""])
@pytest.mark.parametrize("new", ["supply", "totalShares / 2 +"])
def test_the_lines_around_a_changed_one_are_the_quotes_also_beyond_the_cited_ones(cited: str, new: str) -> None:
    check = check_quote(braces(4, 8).replace("totalShares /", f"{new} /"), BRACES_FILE, regions(cited))

    assert (check.verdict, found(check), check.unmarked_gaps) == (Verdict.EDITED, "4-8", 0)
    assert different(check) == [(f"minted = amount * {new} / balance;", 7)]


def test_a_brace_that_is_not_beside_the_quoted_code_is_a_difference() -> None:
    quote = "\n".join([braces(13, 13), "        require(shares[msg.sender] >= burned);", braces(15, 15), "    }"])

    for cited in ("13", "13-15", ""):
        check = check_quote(quote, BRACES_FILE, regions(cited))
        assert (check.verdict, found(check), check.unmarked_gaps) == (Verdict.EDITED, "13-15", 0)
        assert different(check) == [("require(shares[msg.sender] >= burned);", 14), ("}", None)]
    # Who cites all lines up to the brace means that one.
    assert found(check_quote(quote, BRACES_FILE, regions("13-19"))) == "13-19"
    assert ("}", None) in different(check_quote(quote, BRACES_FILE, regions("13-25"))), "a brace with another indentation"


def test_a_brace_behind_a_mark_in_an_edited_quote_is_the_one_with_the_indentation_of_the_quote() -> None:
    quote = "\n".join([braces(13, 13), "        require(shares[msg.sender] >= burned);", "        ...", "    }"])

    check = check_quote(quote, BRACES_FILE, regions("13"))

    assert (found(check), different(check)) == ("13-14, 19", [("require(shares[msg.sender] >= burned);", 14)])


def test_a_brace_behind_a_mark_after_code_that_is_not_there_is_no_other_ones() -> None:
    gone = "\n    function sweep(address to) {\n        selfdestruct(to);\n        delete owner;\n        ...\n    }"

    check = check_quote(braces(4, 8) + "\n        ..." + gone, BRACES_FILE, regions("4-8"))

    assert (check.verdict, found(check)) == (Verdict.EDITED, "4-8")
    assert ("}", None) in different(check)


def test_a_brace_that_is_missing_beside_a_changed_line_is_told() -> None:
    quote = braces(4, 7).replace("totalShares /", "supply /") + "\n" + braces(10, 10)

    check = check_quote(quote, BRACES_FILE, regions("4-7"))

    assert (found(check), different(check)) == ("4-10", [("minted = amount * supply / balance;", 7), (None, 8)])


def test_a_brace_after_a_line_of_which_nothing_is_left_is_the_one_as_far_away() -> None:
    quote = braces(4, 6) + "\n            selfdestruct(payable(msg.sender));\n        }"

    check = check_quote(quote, BRACES_FILE, regions("4-8"))

    assert (found(check), different(check)) == ("4-8", [("selfdestruct(payable(msg.sender));", None), (None, 7)])


def test_lines_beyond_the_cited_ones_are_no_part_of_an_edited_quote_that_does_not_show_them() -> None:
    quote = braces(4, 6) + "\n            selfdestruct(payable(msg.sender));\n            delete shares[msg.sender];"

    check = check_quote(quote, BRACES_FILE, regions("4-6"))

    assert (found(check), len(check.differences)) == ("4-6", 2)


def test_braces_count_for_the_cited_lines_also_where_it_is_not_known_which_is_meant() -> None:
    head = [f"    uint256 total{n} = read{n * n}();" for n in range(7)]
    call = "        emit Claim(msg.sender, amount, total, {});"
    wrapped = "        emit Claim(\n            msg.sender,\n            amount,\n            total, {}\n        );"
    file, quote = (
        "\n".join([*head, form.format(1), "    } else {", form.format(2), "    }", *["}"] * 7]) for form in (call, wrapped)
    )
    quote = quote.replace("total, 2", "total, 3")
    file += "\ncontract Next is Base {"

    assert check_quote(quote, indexed(file, "solidity"), regions("1-19")).verdict is Verdict.EDITED
    foreign = quote.replace("uint256 total", "address owner").replace("read", "registry.ownerOf")
    assert check_quote(foreign, indexed(file, "solidity"), regions("1-19")).verdict is Verdict.NOT_FOUND
