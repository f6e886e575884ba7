"""Writes `problems/characters.txt`, properties of characters: `python tools/character_properties.py confusables.txt`.

To be run when a new version of Unicode matters, with `pip install regex`, whose tables are those of the Unicode Character
Database, and with `confusables.txt` of Unicode Technical Standard 39 (https://www.unicode.org/Public/security/).
"""

from __future__ import annotations

import importlib
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from findings_report.problems.safe_text import PROPERTIES

_HEAD = """\
# Properties of characters: name, then code points and ranges in hexadecimal. Made by tools/character_properties.py.
# From the Unicode Character Database 18.0 in regex 2026.11.19 (PyPI), and confusables.txt 14.0 (Unicode Technical Standard 39).
# Copyright (c) 1991-2026 Unicode, Inc. All rights reserved. Licence (Unicode-3.0): https://www.unicode.org/license.txt
#
"""

# What prints nothing though no property says so; their names contain BLANK, NULL, FILLER or OBJECT REPLACEMENT.
_BLANK = "\u2800\ufffc\U0001d159\U00016fe4\U00013441\U00013442"

_PROPERTIES = {
    # Printing nothing, moving others, or without a meaning of their own. Prepended concatenation marks are printed.
    "hidden": (
        rf"[[\p{{Default_Ignorable_Code_Point}}\p{{Cf}}\p{{Cc}}\p{{Zl}}\p{{Zp}}\p{{Co}}\p{{Noncharacter_Code_Point}}{_BLANK}]"
        r"--\p{Prepended_Concatenation_Mark}--[\t\n]]"
    ),
    "stacking": r"[\p{Mn}\p{Me}]",
    "spacing": r"\p{Mc}",
    # Scripts whose letters join, so that a joiner or a non-joiner changes their shape.
    "joining": (
        r"[[\p{L}\p{M}]&&["
        + "".join(
            rf"\p{{Script_Extensions={script}}}"
            for script in "Arab Syrc Mand Mong Nkoo Phag Rohg Adlm Mani Phlp Sogd Ougr Chrs".split()  # noqa: SIM905
        )
        + r"]--\p{Default_Ignorable_Code_Point}]"
    ),
    "virama": r"\p{Canonical_Combining_Class=9}",
    "syllabic": r"[[\p{L}\p{M}]--\p{Indic_Syllabic_Category=Other}]",
    # Scripts without blanks between words.
    "unspaced": r"[[\p{L}\p{M}]&&\p{Line_Break=SA}]",
    "mongolian": r"[\p{L}&&\p{Script=Mong}]",
    "ideograph": r"[\p{Unified_Ideograph}[\p{Script=Han}&&\p{Lo}]]",
    "emoji": r"[\p{Emoji}--[\x00-\x7f]--\p{Regional_Indicator}--\p{Emoji_Modifier}]",
    # The parts of sequences with a zero width joiner: pictures, not signs like those of copyright.
    "pictograph": r"[[\p{Emoji}&&\p{Extended_Pictographic}]--[\u00a9\u00ae\u203c\u2049\u2122\u2139]]",
    "right_to_left": r"[[\p{Bidi_Class=R}\p{Bidi_Class=AL}\p{Bidi_Class=AN}]--\p{Cn}--\p{Default_Ignorable_Code_Point}]",
}


def lines(confusables: str) -> Iterator[str]:
    """Yield the lines of the table: properties, and for each ASCII letter or digit the letters that look like it."""
    regex = importlib.import_module("regex")

    surrogates = range(0xD800, 0xE000)
    characters = "".join(chr(point) for point in range(0x110000) if point not in surrogates)
    for name, pattern in _PROPERTIES.items():
        points = set(map(ord, regex.findall(f"(?V1){pattern}", characters)))
        yield f"{name} {' '.join(ranges(points | set(surrogates) if name == 'hidden' else points))}"
    targets: dict[str, set[int]] = {}
    for line in confusables.splitlines():
        source, _, rest = line.partition("#")[0].lstrip("\ufeff").partition(";")
        target = rest.partition(";")[0].split()
        if not target or " " in source.strip() or len(target) > 1:
            continue
        letter, seen = chr(int(source, 16)), chr(int(target[0], 16))
        # Compatibility letters, such as those of mathematics, are found by their normal form.
        is_needed = letter.isalpha() and not letter.isascii() and unicodedata.normalize("NFKC", letter) == letter
        if is_needed and seen.isascii() and seen.isalnum():
            targets.setdefault(seen, set()).add(ord(letter))
    for seen, points in sorted(targets.items()):
        yield f"like-{seen} {' '.join(ranges(points))}"


def ranges(points: Iterable[int]) -> Iterator[str]:
    """Yield code points as `0041` and `0041-005A`, ascending."""
    for _, run in groupby(enumerate(sorted(points)), key=lambda pair: pair[1] - pair[0]):
        members = [point for _, point in run]
        yield f"{members[0]:04X}" if len(members) == 1 else f"{members[0]:04X}-{members[-1]:04X}"


def main() -> None:
    """Write the file."""
    text = "\n".join(lines(Path(sys.argv[1]).read_text("utf-8")))
    PROPERTIES.write_text(f"{_HEAD}{text}\n", encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
