"""Characters that would deceive a reader are shown by their code points."""

from __future__ import annotations

import unicodedata

import pytest

from findings_report.problems.safe_text import HIDDEN, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("limit = 1\ue07500", "limit = 1\\u{E075}00"),
        ("a\U000f0000b\U0010fffd", "a\\u{F0000}b\\u{10FFFD}"),
        ("a\u202eb", "a\\u{202E}b"),
        ("a\u2800b", "a\\u{2800}b"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_what_deceives_is_shown_by_its_code_point(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_character_of_private_use_is_shown_by_its_code_point() -> None:
    private = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Co"]

    assert len(private) == 137_468
    assert all(HIDDEN.match(character) for character in private)
