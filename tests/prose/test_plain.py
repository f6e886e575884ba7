"""Texts that are not parsed because nothing can be wrong with them."""

from __future__ import annotations

from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from findings_report import prose
from findings_report.prose.parse import is_plain

MARKS = ["> ", "- ", "1. ", "*", "**", "_", "~~", "`", "|", "\n", "\n\n", "    ", "  ", "# ", "---", "a", "[", "](", "<", "é"]
MARKS += [">", "-", "1)", "\t", "\u200d", "\\", "+ "]


@given(st.lists(st.sampled_from(MARKS), max_size=60).map("".join))
@settings(max_examples=examples(500))
@example("> " * 30 + "x")
@example("*" * 40 + "x" + "*" * 40)
@example("|" + "a|" * 500 + "\n|" + "-|" * 500 + "\n" + "|\n" * 500)
@example("\n".join("  " * level + "- x" for level in range(30)))
def test_a_plain_text_has_no_fault_and_refers_to_nothing(text: str) -> None:
    if is_plain(text):
        parsed = prose.parse(text)
        assert parsed.faults == ()
        assert parsed.references.uses == ()


def test_ordinary_prose_is_plain() -> None:
    assert is_plain("The value **is** not checked.\n\n- one `x()`\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
