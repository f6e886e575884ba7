"""Lines of code that are not what they seem are noted; those of people who write other scripts are not."""

from __future__ import annotations

import pytest

from findings_report.model.translation import ENGLISH
from findings_report.sourcecode.unusual_characters import describe, find_lookalikes, remark_on


@pytest.mark.parametrize(
    ("line", "strange"),
    [
        ("if us\u0435r == admin:", ["us\u0435r (U+0435)"]),
        ("\u0440aypal = 1", ["\u0440aypal (U+0440)"]),
        ("p\u044fssword", ["p\u044fssword (U+044F)"]),
        ("\u03b1dmin = \u03bfk", ["\u03b1dmin (U+03B1)", "\u03bfk (U+03BF)"]),
        ("is_\u0430dmin_2", ["is_\u0430dmin_2 (U+0430)"]),
        ("usr\uff45", ["usr\uff45 (U+FF45)"]),
    ],
)
def test_letters_that_pose_as_latin_within_latin_names_are_found(line: str, strange: list[str]) -> None:
    assert find_lookalikes(line) == strange


def test_a_name_that_looks_like_another_name_of_the_lines_is_found() -> None:
    scope = "ѕсоре"

    assert find_lookalikes(f"{scope} = 1", ["scope"]) == [f"{scope} (U+0455, U+0441, U+043E, U+0440, U+0435)"]
    assert find_lookalikes(f"{scope} = 1") == []


@pytest.mark.parametrize(
    "line",
    [
        "# Это комментарий про JSON и API-ключ JSONом",
        "Δt = λ * μs + σ_max + αx + dν + ρ_air",
        "sınıf = größe + naïve  # nº 1",
        "get用户(名前abc)",
        "שלום = abc",
    ],
)
def test_names_of_people_who_write_other_scripts_are_none(line: str) -> None:
    assert find_lookalikes(line, ["a", "c", "x"]) == []


def test_each_kind_is_one_remark_with_its_lines() -> None:
    lines = [(3, "a = 1"), (4, "x\u200b"), (5, "s = 'א'"), (9, "t = 'ב'"), (10, "x\u00a0= 1\u202e")]

    sentences = [describe(remark, ENGLISH, is_ordered=True) for remark in remark_on(lines)]

    assert sentences == [
        "Lines 4, 10: Characters that are shown by their codes: U+200B, U+202E.",
        "Lines 5, 9: Right-to-left text, shown in logical order.",
        "Line 10: Unusual blanks: U+00A0.",
    ]


def test_ordinary_code_has_no_remark() -> None:
    assert remark_on([(1, "if (a == b) {"), (2, "\t// übung – 中文 😀 \f"), (3, "\f")]) == ()
