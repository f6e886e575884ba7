"""Which characters a PDF can show, from what its fonts and libraries are, and what its child may use: all without a child."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from font_coverage import measured
from hypothesis import given
from hypothesis import strategies as st

from findings_report.pdf.glyphs import COVERAGE, FONTS, missing_by_script, missing_characters, script_of, substitute_missing
from findings_report.pdf.page import limits_for
from findings_report.system.toolchain import library_versions, missing_libraries


def test_the_table_of_characters_is_what_the_font_files_have() -> None:
    assert COVERAGE.read_text(encoding="ascii") == measured()


def test_stand_ins_are_put_into_text_only() -> None:
    html = '<STYLE>p::before { content: "中" }</STYLE><title>中</title><!-- 中 --><a title="中" href="#中">中\ufe0f</a>'

    page_with_stand_ins, replaced = substitute_missing(html)

    assert page_with_stand_ins == html.replace(">中\ufe0f<", ">[U+4E2D]<")
    assert replaced == ("中",)


def test_emoji_of_reviews_are_printed() -> None:
    assert missing_characters("🔴 🟠 🟡 🟢 ✅ ❌ ⚠️ 🚨 👩‍💻") == ()


def test_what_a_style_prints_of_an_attribute_has_stand_ins_too() -> None:
    html = '<article title="中" data-head="A-1 \U0001fb00 &quot;中" data-n=\'中\' data-plain="x">'

    page_with_stand_ins, replaced = substitute_missing(html)

    assert page_with_stand_ins == (
        '<article title="中" data-head="A-1 [U+1FB00] &quot;[U+4E2D]" data-n=\'[U+4E2D]\' data-plain="x">'
    )
    assert replaced == ("中", "\U0001fb00")


def test_the_other_case_of_a_missing_letter_stays() -> None:
    absent, present = "\u1c90", "\u10d0"
    assert (missing_characters(absent), missing_characters(present)) == ((absent,), ())

    text, _ = substitute_missing(absent + present)

    assert text == f"[U+{ord(absent):04X}]{present}"


@given(st.text())
def test_nothing_is_missing_from_text_with_stand_ins(text: str) -> None:
    text = text.replace("<", "").replace(">", "")

    shown, replaced = substitute_missing(text)

    assert missing_characters(shown) == ()
    assert replaced == missing_characters(text)


def test_white_space_joiners_and_break_opportunities_are_not_missing() -> None:
    assert missing_characters("\t\n\r \u00a0\u00ad\u200b\u200c\u200d\u2060\ufe0f") == ()


def test_the_libraries_are_named_and_versioned_without_importing_weasyprint() -> None:
    script = (
        "import sys; import findings_report.pdf.render; import findings_report.system.toolchain as p;"
        "print(p.missing_libraries(), p.library_versions());"
        "sys.exit(any(name.partition('.')[0] in {'weasyprint', 'pydantic', 'PIL', 'fontTools'} for name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert missing_libraries() == ()
    assert done.stdout.strip() == f"() {library_versions()}"
    assert all(re.fullmatch(r"[0-9]+(\.[0-9]+)+", version) for version in library_versions().values())
    assert set(library_versions()) == {"WeasyPrint", "pikepdf", "Pango", "HarfBuzz", "Fontconfig"}


def test_every_font_file_has_its_licence() -> None:
    licences = (FONTS / "LICENSES.md").read_text("utf-8")
    fonts = [file.name for file in FONTS.iterdir() if file.suffix in {".otf", ".ttf"}]

    assert all(name in licences or f"{name.partition('-')[0]}-*" in licences for name in fonts)
    assert "SIL OPEN FONT LICENSE" in licences


def test_limits_allow_a_thousand_findings() -> None:
    limits = limits_for(5_200_000, [])

    assert limits.cpu_seconds >= 2 * 281
    assert limits.memory_bytes == 2 << 30, "a part of the page; a thousand in one piece take 2.6 GB"


@pytest.mark.parametrize(
    ("characters", "script"),
    [
        ("利のーｱ、。「ㄅ", "Chinese or Japanese"), ("한", "Korean"), ("ع", "Arabic"), ("ก", "Thai"),
        ("\U00013000", "Egyptian"), ("😀→", "symbols"), ("\ue000", "private use"), ("\U000e0080", "unassigned"),
    ],
)  # fmt: skip
def test_a_character_has_the_script_that_a_font_would_have_to_cover(characters: str, script: str) -> None:
    assert {script_of(character) for character in characters} == {script}


def test_missing_characters_are_grouped_by_script_in_the_order_of_the_text() -> None:
    assert missing_by_script("b \U00013001 利 a 用 利 \U00013000") == {
        "Egyptian": ("\U00013001", "\U00013000"), "Chinese or Japanese": ("利", "用")
    }  # fmt: skip
    assert missing_by_script("Plain text – with signs") == {}
