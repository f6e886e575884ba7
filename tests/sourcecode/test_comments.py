"""Comments are taken off code, and nothing else is."""

from __future__ import annotations

import pytest

from findings_report.sourcecode.languages import LANGUAGES, comments_of, strip_comments
from findings_report.sourcecode.lines import split_lines

CASES = [
    ("a.py", 'x = "#"  # one\n# two\ny = 1', 'x = "#"  \n\ny = 1'),
    ("a.py", '"""# kept"""\nx = 1  # gone', '"""# kept"""\nx = 1  '),
    ("a.sol", "x; // one\n/* two\n   three */ y;\nz = 'http://kept';", "x; \n\n y;\nz = 'http://kept';"),
    ("a.sol", 'require(ok, "// kept"); // gone', 'require(ok, "// kept"); '),
    ("a.sol", " * ends here\n */\nx; // gone", "\n\nx; "),
    ("a.ts", "a(`// kept`); // gone\nb('/* kept */');", "a(`// kept`); \nb('/* kept */');"),
    ("a.go", "s := `\n// kept\n` // gone", "s := `\n// kept\n` "),
    ("a.rs", "let c = '\"'; // gone\nfn f<'a>() {} // gone", "let c = '\"'; \nfn f<'a>() {} "),
    ("a.sh", 'echo "# kept" ${name#x} # gone\n#gone', 'echo "# kept" ${name#x} \n'),
    ("a.yaml", "url: http://host/#kept  # gone", "url: http://host/#kept  "),
    ("a.rb", "puts '# kept' # gone", "puts '# kept' "),
    ("a.sql", "select '--kept' -- gone", "select '--kept' "),
    ("a.lua", "x = 1 -- gone\n--[[ gone\n]] y = 2", "x = 1 \n\n y = 2"),
    ("a.html", "<p>kept // it</p><!-- gone\n -->", "<p>kept // it</p>\n"),
    ("a.move", "let x = 1; // gone", "let x = 1; "),
    ("a.cairo", "assert(ok, '// kept'); // gone", "assert(ok, '// kept'); "),
    ("a.vy", "x: uint256  # gone", "x: uint256  "),
    ("Dockerfile", "# gone\nRUN echo '# kept'", "\nRUN echo '# kept'"),
]


@pytest.mark.parametrize(("path", "code", "bare"), CASES)
def test_comments_are_taken_off_and_lines_keep_their_numbers(path: str, code: str, bare: str) -> None:
    stripped = strip_comments(code.split("\n"), comments_of(path))

    assert stripped == tuple(bare.split("\n"))


@pytest.mark.parametrize("code", ['x = "unclosed // kept', "no comment at all", "/* never closed\nx;", "a * b\n*/ c"])
def test_code_without_comments_is_left_alone(code: str) -> None:
    assert strip_comments(code.split("\n"), "solidity") is None


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_can_be_asked_for(language: str) -> None:
    lines = split_lines("x = 1\n\ny = 2\n")

    assert strip_comments(lines, language) is None


def test_an_unknown_file_has_no_comments_that_are_known() -> None:
    assert comments_of("notes.txt") == ""
    assert strip_comments(("x // y # z",), "") is None
