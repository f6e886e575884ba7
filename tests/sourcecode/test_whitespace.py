"""What counts as white space that means nothing."""

from __future__ import annotations

import pytest

from findings_report.sourcecode.lines import is_reformatted


@pytest.mark.parametrize(
    ("language", "old", "new", "expected"),
    [
        ("c", "if (a) {\n  b();\n}", "if (a)\n{\n\tb();\n}", True),
        ("c", "int  a ;", "int a;", True),
        ("c", "inta;", "int a;", False),
        ("c", "a - -b", "a --b", False),
        ("c", 'puts("a b");', 'puts("a  b");', False),
        ("c", "/* a\n b */ x();", "  /* a\n    b */ x();", True),
        ("c", "#define A b\nc", "#define A\nb c", False),
        ("c", "// a\nb();", "// a b();", False),
        ("java", "call(a,\n     b);", "call(a, b);", True),
        ("go", "return\na()", "return a()", False),
        ("go", "\treturn a()", "    return a()", True),
        ("javascript", "return\nvalue", "return value", False),
        ("python", "if a:\n  b()", "if a:\n    b()", False),
        ("yaml", "a:\n  b: 1", "a:\n    b: 1", False),
        ("", "a  b", "a b", False),
    ],
)
def test_white_space_means_nothing_only_where_the_language_says_so(
    language: str, old: str, new: str, *, expected: bool
) -> None:
    assert is_reformatted(old.split("\n"), new.split("\n"), language) is expected
