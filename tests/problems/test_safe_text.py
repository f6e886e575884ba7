"""Characters that would deceive a reader are shown by their code points, and no text of a real language is."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.problems.safe_text import HIDDEN, MOST_MARKS, PROPERTIES_OF, find_hidden, visible

PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
LANGUAGES = {
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Tiếng Việt được viết bằng chữ quốc ngữ"),
    "Hebrew with points": "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "Hebrew with points and accents": "בְּרֵאשִׁ֖ית יְרוּשָׁלַ\u034fִ֑ם",
    "Arabic with vowels": "بِسْمِ اللَّهِ الرَّحْمَٰنِ",
    "Persian": PERSIAN + " ۱۳۹۵ ه\u200d.ق",
    "Tibetan": "བོད་སྐད་ཡི་གེ ཨོཾ་མ༎ བསྒྲུབས",
    "Thai": "ภาษาไทย\u200bที่ใช้น้ำ",
    "Khmer": "ភាសាខ្មែរ\u200bប៊\u200cី",
    "Burmese": "မျှော်လင့် ကြွေး",
    "Hindi": "यह एक वाक्य है क्\u200dष दुःखित",
    "Bengali": "র\u200d্যাব",
    "Sinhala": "ශ්\u200dරී ලංකා",
    "Malayalam": "ന്\u200d അവൻ",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ ᠰᠠᠨᠠ\u180eᠠ ᠨ\u180bᠠ",
    "Japanese name": "葛\U000e0100飾",
    "French": "«\u00a0Bonjour\u00a0»\u202f!",
    "emoji": "❤\ufe0f\u200d🔥 👨🏽\u200d💻 👩\u200d❤\ufe0f\u200d👨 1\ufe0f⃣ ✂\ufe0e 🇩🇪",
    "flag of Scotland": "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f",
}


@pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
def test_a_real_text_is_unchanged(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("limit = 1\ue07500", "limit = 1\\u{E075}00"),
        ("a\U000f0000b\U0010fffd", "a\\u{F0000}b\\u{10FFFD}"),
        ("a\u202eb", "a\\u{202E}b"),
        ("a\u2800b", "a\\u{2800}b"),
        ("a\u200db", "a\\u{200D}b"),
        ("a\u200c", "a\\u{200C}"),
        ("\u0441\u200d\u0442", "\u0441\\u{200D}\u0442"),
        ("a\ufe0f", "a\\u{FE0F}"),
        ("1\ufe0f", "1\\u{FE0F}"),
        ("\ufe0f\u20e3", "\\u{FE0F}\u20e3"),
        ("\u4e00\ufe0f", "\u4e00\\u{FE0F}"),
        ("\U0001f600\u200dx", "\U0001f600\\u{200D}x"),
        ("\u00a9\u200d\u00ae", "\u00a9\\u{200D}\u00ae"),
        ("\U0001f3f4\U000e0075\U000e007f", "\U0001f3f4\\u{E0075}\\u{E007F}"),
        ("a\U000e0041", "a\\u{E0041}"),
        ("a\u034fb", "a\\u{034F}b"),
        ("a\u115f\u3164\uffa0", "a\\u{115F}\\u{3164}\\u{FFA0}"),
        ("\ufdd0\uffff\U0001fffe", "\\u{FDD0}\\u{FFFF}\\u{1FFFE}"),
        ("\ufffc\U0001d159", "\\u{FFFC}\\u{1D159}"),
        ("\u0e01\u200ba", "\u0e01\\u{200B}a"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_what_deceives_is_shown_by_its_code_point(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("mark", ["\u0301", "\u20dd", "\u0e49", "\u064e", "\u05b0", "\u0903", "\U0001d167"])
def test_a_letter_has_at_most_four_marks(mark: str) -> None:
    assert find_hidden("a" + mark * 10 + "b" + mark) == list(range(1 + MOST_MARKS, 11))


def test_marks_are_counted_across_hidden_characters() -> None:
    marks = "\u05b0" * 4
    assert len(find_hidden("\u05d0" + (marks + "\u034f") * 20)) >= 16 * 4
    assert len(find_hidden("a" + ("\u0301" * 4 + "\u200d") * 20)) >= 16 * 4


def test_the_table_agrees_with_the_database_of_this_python() -> None:
    for point in range(0x110000):
        character = chr(point)
        category, properties = unicodedata.category(character), PROPERTIES_OF[character]
        if category == "Co":
            assert HIDDEN.match(character)
        elif category in ("Cc", "Zl", "Zp", "Cs"):
            assert bool(HIDDEN.match(character)) is (character not in "\t\n"), hex(point)
        elif category == "Cf":
            assert (
                HIDDEN.match(character)
                or "SIGN" in unicodedata.name(character)
                or "END OF AYAH" in unicodedata.name(character)
                or "MARK" in unicodedata.name(character)
            ), hex(point)
        elif category in ("Mn", "Me", "Mc"):
            assert properties & {"stacking", "spacing"}, hex(point)
        if unicodedata.bidirectional(character) in ("R", "AL", "AN") and "hidden" not in properties:
            assert "right_to_left" in properties, hex(point)
    for name in ("SOFT HYPHEN", "COMBINING GRAPHEME JOINER", "HANGUL FILLER", "VARIATION SELECTOR-1", "VARIATION SELECTOR-256"):
        assert HIDDEN.match(unicodedata.lookup(name))


@given(st.text())
def test_nothing_is_left_to_show(text: str) -> None:
    shown = visible(text)

    assert find_hidden(shown) == []
    assert visible(shown) == shown


def test_the_table_of_characters_is_read_when_a_text_needs_it() -> None:
    program = (
        "import findings_report.cli.app\nfrom findings_report.problems import safe_text\n"
        "safe_text.visible('ascii\\x07')\nprint(safe_text._ranges.cache_info().currsize, 'HIDDEN' in vars(safe_text))\n"
        "print(safe_text.visible('\u202e'), safe_text.HIDDEN is safe_text.HIDDEN)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "0 False\n\\u{202E} True\n"
