"""The check of English: what is found, where, and what is not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_english import ALLOWED, PENDING, ROOT, checked_paths, main, uses


def words(path: str, source: str) -> list[tuple[int, str]]:
    return [(use.line, use.word) for use in uses(path, source)]


def test_a_word_is_found_in_comments_docstrings_and_strings_of_python() -> None:
    source = '"""Title.\n\nThe user is told.\n"""\n# A clone that is not at\n# hand.\nx = f"cannot {told}: it is refused"\n'

    assert sorted(words("a.py", source)) == [(3, "told"), (5, "at hand"), (7, "is refused")]


def test_identifiers_and_code_in_backticks_are_not_checked() -> None:
    assert words("a.py", 'told = {"told": 1}  # see `told`\n') == []
    assert words("a.md", "The column `told` is a number.\n") == []


def test_a_phrase_is_found_across_lines_but_not_across_paragraphs() -> None:
    assert words("a.md", "Equal but\nfor blanks.\n") == [(1, "but for")]
    assert words("a.md", "Equal, but\n\nfor once.\n") == []


def test_a_part_of_a_word_is_none() -> None:
    assert words("a.md", "The standard recommends standing orders, stand-alone.\n") == []


def test_expressions_of_a_template_are_not_text_and_their_strings_are() -> None:
    assert words("a.html.j2", "{{ finding.told }}\n{{ said('is not at hand') }}\n") == [(2, "at hand")]


def test_a_quote_in_a_finding_is_code_of_others() -> None:
    assert words("a.yaml", "quote: |\n  # nobody is told\ntitle: nobody is told\n") == [(3, "told")]


def test_the_sentence_around_a_word_is_reported() -> None:
    (use,) = uses("a.md", "First one. The user is told\nabout it. Last.\n")

    assert str(use) == "a.md:1: told: The user is told about it."


@pytest.mark.slow
def test_files_are_checked_and_each_exception_has_a_reason() -> None:
    if not (ROOT / ".git").exists():
        return
    paths = checked_paths()

    assert {"README.md", "Makefile", "templates/standard/alone.html.j2", "findings_report/cli/app.py"} <= set(paths)
    assert all(reason for reason in ALLOWED.values())
    assert all(Path(ROOT / path).exists() for path in PENDING)
    assert main(["README.md"]) == 0
